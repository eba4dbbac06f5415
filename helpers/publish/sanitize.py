"""Replace what differs from run to run, by the same rules that nbval is given.

Source: https://nbval.readthedocs.io/en/latest/#regex-output-sanitizing
"""

from __future__ import annotations

import configparser
import re
from collections.abc import Callable
from pathlib import Path


def sanitizer(rules: Path) -> Callable[[str], str]:
    """A function that applies the rules of an nbval sanitizing file, in their order.

    Args:
        rules: an ini file with one section a rule, each with ``regex`` and ``replace``.
    """
    parser = configparser.RawConfigParser()
    parser.read_string(rules.read_text(encoding="utf-8"))
    patterns = [
        (re.compile(parser.get(s, "regex")), parser.get(s, "replace")) for s in parser.sections()
    ]

    def apply(text: str) -> str:
        for pattern, replacement in patterns:
            text = pattern.sub(replacement, text)
        return text

    return apply
