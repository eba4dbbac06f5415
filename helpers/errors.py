"""The errors that a person meets: what is wrong, and what to do about it."""

from __future__ import annotations


class WorkbookError(Exception):
    """One clear problem with a remedy.

    Args:
        message: what is wrong, in one sentence, naming the thing (file, line, image, engine).
        remedy: what the reader can do now, in one or two sentences.

    Attributes:
        exit_status: what ``workbook`` exits with: 2 for bad input, 3 where no engine can be used.
    """

    exit_status = 2

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class BadInput(WorkbookError):
    """A name, file or option that cannot be used as it is."""


class NoEngine(WorkbookError):
    """No Docker Engine can be used: none found, too old, or it stopped answering."""

    exit_status = 3
