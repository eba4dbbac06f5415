"""Which npm packages are for development only, by the course's own lock file."""

from __future__ import annotations

import json
from pathlib import Path

from helpers.errors import BadInput


def dev_packages(lock: Path) -> frozenset[str]:
    """Names of the packages that the lock file marks as development-only.

    A package that is needed in production under one path and for development under another is not
    among them. Source: https://docs.npmjs.com/cli/v11/configuring-npm/package-lock-json#packages

    Args:
        lock: path of a ``package-lock.json``; an app without one has no npm packages.

    Raises:
        BadInput: where the file cannot be read as a lock file.
    """
    if not lock.exists():
        return frozenset()
    try:
        packages = json.loads(lock.read_text(encoding="utf-8"))["packages"]
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(
            f"{lock} is no npm lock file of version 2 or 3: {error}.",
            remedy="Make it again: npm install --package-lock-only",
        ) from error
    development: set[str] = set()
    production: set[str] = set()
    for path, facts in packages.items():
        name = path.rpartition("node_modules/")[2]
        if name:
            (development if facts.get("dev") else production).add(name)
    return frozenset(development - production)
