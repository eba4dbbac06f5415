"""The log: one JSON object a line on standard output."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

# Every record has these; what a caller adds with `extra` comes on top.
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class JsonLines(logging.Formatter):
    """The same three names that the orders service has, so that one query finds both."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        line: dict[str, Any] = {
            "level": record.levelname.lower(),
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "msg": record.getMessage(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _OWN}
        if record.exc_info:
            line["err"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def make_log(level: str, stream: TextIO = sys.stdout) -> logging.Logger:
    """The worker's logger; each line is written at once."""
    handler = logging.StreamHandler(stream)  # it flushes after every record
    handler.setFormatter(JsonLines())
    log = logging.getLogger("worker")
    log.handlers = [handler]
    log.setLevel(level.upper())
    log.propagate = False
    return log
