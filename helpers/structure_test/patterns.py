"""Regular expressions as the tool understands them: RE2's, in time linear in the text.

The same syntax and semantics as Go's ``regexp``: no look-around, no back-references, ``$`` is the
very end. Python's own engine would read some patterns otherwise, and can be made to run for ever
by what an image prints. Source: https://github.com/google/re2/wiki/Syntax
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import import_module
from typing import Any

from helpers.errors import WorkbookError

_NOT_UTF8 = re.compile("[\udc80-\udcff]")


class NotAPattern(Exception):
    """The text is no regular expression of RE2; the message is RE2's own."""


def matches(pattern: str, text: bytes) -> bool:
    """Whether the pattern is found anywhere in the text.

    Raises:
        NotAPattern: where the pattern cannot be read.
        WorkbookError: where RE2 is not installed.
    """
    return _compiled(pattern).search(_as_go_reads(text)) is not None


def _as_go_reads(text: bytes) -> bytes:
    """Every byte that is no UTF-8 becomes one replacement character, which ``.`` matches."""
    decoded = text.decode("utf-8", "surrogateescape")
    return _NOT_UTF8.sub("\ufffd", decoded).encode("utf-8")


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> Any:
    try:
        re2 = import_module("re2")
    except ImportError as error:
        raise WorkbookError(
            "Structure tests need the package google-re2, which is not installed.",
            remedy="Set the workbook up again: make setup.",
        ) from error
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern.encode("utf-8", "surrogateescape"), options)
    except re2.error as error:
        message = error.args[0] if error.args else "cannot be read"
        told = message.decode("utf-8", "replace") if isinstance(message, bytes) else str(message)
        raise NotAPattern(told) from error
