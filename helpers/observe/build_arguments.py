"""The build arguments that a history entry tells of.

:mod:`helpers.observe.history` takes them away, so that an instruction can be recognised. Here they
are what is looked for.
"""

from __future__ import annotations

import re

#: Longest entry that is looked at, in characters.
LONGEST = 20_000
_COUNT = re.compile(r"^(?:RUN\s+)?\|(\d{1,4})\s")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")


def build_arguments(created_by: str) -> tuple[tuple[str, str], ...]:
    """Names and values of the build arguments that a command ran with.

    The builder writes ``|2 A=1 B=two words /bin/sh -c make``: how many there are, and then each
    with spaces between and nothing quoted. So a new one begins where a word looks like an
    assignment, and the last one ends where a path begins; a value of several words may be cut.

    Args:
        created_by: the entry as the builder wrote it.
    """
    text = created_by[:LONGEST]
    found = _COUNT.match(text)
    if found is None:
        return ()
    arguments: list[str] = []
    for word in text[found.end() :].split(" "):
        if _ASSIGNMENT.match(word) and len(arguments) < int(found[1]):
            arguments.append(word)
        elif word.startswith("/") or not arguments:
            break
        else:
            arguments[-1] += f" {word}"
    pairs = (argument.partition("=") for argument in arguments)
    return tuple((name, value) for name, _, value in pairs)
