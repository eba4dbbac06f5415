"""Which settings are secrets, by name and value.

Only names and values of settings in manifests: what is in files is looked for elsewhere.
"""

from __future__ import annotations

import itertools
import re

# Whole words of a name, so that TOKENIZER, KEYBOARD and MONKEY are none.
_WORDS = frozenset(
    {"password", "passwd", "pwd", "passphrase", "secret", "token", "apikey", "credential"}
    | {"credentials", "secrets", "pat"}
)
_PAIRS = frozenset(
    {("api", "key"), ("access", "key"), ("private", "key"), ("secret", "key"), ("signing", "key")}
    | {("encryption", "key"), ("auth", "key"), ("master", "key"), ("account", "key")}
)
# The name of where a secret is, or of something about it, is no secret.
_ABOUT = frozenset(
    {"file", "path", "dir", "name", "url", "uri", "ttl", "expiry", "length", "policy", "id"}
    | {"hash", "issuer", "lifetime", "seconds", "minutes", "type", "min", "max", "header", "host"}
)
_SPLIT = re.compile(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])")
# Bounded, so that no long value takes long.
_URL_PASSWORD = re.compile(
    r"[a-z][a-z0-9+.-]{0,30}://[^/\s:@]{0,100}:(?P<password>[^@/\s]{1,300})@", re.IGNORECASE
)
_VARIABLE = re.compile(r"\$\{?[A-Za-z_]|\$\(|\{\{")


def is_secret_name(name: str) -> bool:
    """True where a setting of that name holds a secret, for example ``DB_PASSWORD``."""
    words = [w.lower() for w in _SPLIT.split(name) if w]
    if not words or words[-1] in _ABOUT:
        return False
    # DBPASSWORD, PGPASSWORD: written together.
    together = any(w.endswith(("password", "passwd", "secret", "apikey")) for w in words)
    pairs = set(itertools.pairwise(words))
    return together or bool(_WORDS.intersection(words)) or bool(pairs & _PAIRS)


def has_password(value: str) -> bool:
    """True for a URL with a password in it, for example ``postgres://app:hunter2@db/orders``."""
    found = _URL_PASSWORD.search(value)
    return found is not None and not is_variable(found["password"])


def is_variable(value: str) -> bool:
    """True where a value is put in from somewhere else."""
    return _VARIABLE.search(value) is not None
