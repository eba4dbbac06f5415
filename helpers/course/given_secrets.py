"""Build secrets that the course gives to a check: new ones each time, kept nowhere.

A value has the form of an access token that can be told from a typing mistake without asking
anybody: 28 random hex digits, and eight of their CRC-32. ``vendor/unpack.mjs`` of the app
``shipping`` looks at that checksum. To build such an exercise by hand, a token of one's own is
made with ``python -m helpers.course.given_secrets``.

Source of the idea: https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/
"""

from __future__ import annotations

import secrets
import sys
import zlib
from collections.abc import Iterable

from helpers.build.session.secrets import Secret

_RANDOM_BYTES = 14


def fresh_token() -> str:
    """A token that nobody has seen before: 36 hex digits."""
    random = secrets.token_hex(_RANDOM_BYTES)
    return f"{random}{zlib.crc32(random.encode()):08x}"


def given_secrets(ids: Iterable[str]) -> tuple[Secret, ...]:
    """A secret with a new value for each id.

    Args:
        ids: the names that the Dockerfile uses.
    """
    return tuple(Secret.of(name, fresh_token()) for name in ids)


if __name__ == "__main__":
    sys.stdout.write(fresh_token())
