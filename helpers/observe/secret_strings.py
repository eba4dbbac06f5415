"""Strings that look like secrets, found by the detectors of ``bc-detect-secrets``.

The detectors are used as they are, one text at a time, without the library's settings, which are
global, and without its checks against the providers: nothing that was found leaves this machine.

Source: https://github.com/bridgecrewio/detect-secrets (Apache-2.0), the fork of Yelp's
detect-secrets that is kept up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import version
from typing import Any

from helpers.observe.layer_findings import SecretString
from helpers.observe.text import printable

_DISTRIBUTION = "bc-detect-secrets"
# How texts are cut up and which detectors are used: a change here means to look again.
_REVISION = 1
# Expressions of these take most of the time, on a hostile text half a minute.
_LEFT_OUT = frozenset(
    {
        "ArtifactoryDetector",
        "CloudantDetector",
        "IbmCloudIamDetector",
        "IbmCosHmacDetector",
        "SoftlayerDetector",
        # Random-looking strings are checksums and bundles in an image, nearly always.
        "Base64HighEntropyString",
        "HexHighEntropyString",
    }
)
#: Texts are searched in pieces of about this many characters: no expression sees more at once, so
#: that none takes long on a text that was made to make it take long.
_PIECE = 4096
_LONGEST_LINE = 1000
_SHORTEST = 4
_MOST_PER_TEXT = 20
#: Only settings say ``password = something`` without quotes and mean it.
_SETTINGS = re.compile(
    r"(?:^|/)(?:\.env(?:\.[^/]*)?|\.npmrc|\.netrc|\.pypirc|[^/]*\.(?:env|ini|properties|cfg|conf"
    r"|toml|ya?ml))$"
)
_EXAMPLE = re.compile(r"(?i)example|changeme|placeholder|your[-_ ]|xxxx|\*\*\*|dummy|redacted")
_AZURE = re.compile(r"(?i)account_?key|azure|blob\.core\.windows\.net")
_KEY = "Private Key"
_NO_SECRETS = frozenset({"password", "passwd", "pass", "secret", "token", "pw", "pwd"})
_COMMENT = re.compile(r"\s*(?:#|;|//|--)")
_EXAMPLE_HOST = re.compile(r"(?i)@(?:localhost|127\.0\.0\.1|[^/\s]*example\.(?:com|net|org))\b")


@dataclass(frozen=True, slots=True)
class _Detectors:
    by_pattern: tuple[Any, ...]
    keyword: Any
    keyword_groups: Any
    is_noise: tuple[Any, ...]
    plain: Any


@cache
def detector_version() -> str:
    """Name of what looks for secrets, for the cache: another version looks again."""
    return f"{version(_DISTRIBUTION)}-{_REVISION}"


def secrets_in(path: str, text: str) -> Iterator[SecretString]:
    """What looks like a secret in a text.

    Args:
        path: the file that it is from; settings are read differently from programs.
        text: the text.

    Yields:
        At most twenty, in the order of the text, each string once.
    """
    seen: set[str] = set()
    settings = _SETTINGS.search(path) is not None
    for first_line, piece in _pieces(text):
        for what, secret in _in_piece(piece, settings=settings):
            if secret in seen:
                continue
            seen.add(secret)
            line = first_line + piece.count("\n", 0, max(piece.find(secret), 0))
            yield SecretString(path, line, what, masked(secret) if what != _KEY else "…")
            if len(seen) == _MOST_PER_TEXT:
                return


def secret_in_setting(name: str, value: str) -> str | None:
    """What a setting (an environment variable, a label) looks like, or None where it is harmless.

    Args:
        name: of the setting.
        value: of the setting.
    """
    found = next(_in_piece(f"{name}={value[:_PIECE]}", settings=True), None)
    return found[0] if found else None


def masked(secret: str) -> str:
    """Enough of a secret to find it again, and not more."""
    shown = secret[:4] if len(secret) >= 16 else ""
    return f"{printable(shown)}… ({len(secret)} characters)"


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """Whole lines in pieces, each with the number of its first line; long lines are cut."""
    line_number = 1
    piece: list[str] = []
    size = 0
    start = 1
    for line in text.splitlines():
        for at in range(0, max(len(line), 1), _LONGEST_LINE):
            part = line[at : at + _LONGEST_LINE]
            piece.append(part)
            size += len(part) + 1
            if size >= _PIECE and "PRIVATE KEY" not in part:
                yield start, "\n".join(piece)
                piece, size, start = [], 0, line_number + 1
        line_number += 1
    if piece:
        yield start, "\n".join(piece)


def _in_piece(piece: str, *, settings: bool) -> Iterator[tuple[str, str]]:
    detectors = _detectors()
    for detector in detectors.by_pattern:
        for secret in _matches(detectors, detector, piece):
            if not _is_noise(detectors, detector, piece, secret):
                yield detector.secret_type, secret
    if settings:
        for line in piece.split("\n"):
            if _COMMENT.match(line):
                continue
            for secret in detectors.keyword.analyze_string(line, detectors.keyword_groups):
                if len(secret) >= 6 and not _is_noise(detectors, detectors.keyword, line, secret):
                    yield detectors.keyword.secret_type, secret


def _matches(detectors: _Detectors, detector: Any, piece: str) -> Iterator[str]:
    """What a detector sees; its own loop loses what stands in no group, or in a short one."""
    if type(detector).analyze_string is not detectors.plain:
        yield from detector.analyze_string(piece)
        return
    for pattern in detector.denylist:
        for match in pattern.finditer(piece):
            groups = [group for group in match.groups() if group and len(group) >= _SHORTEST]
            yield groups[-1] if groups else match[0]


def _is_noise(detectors: _Detectors, detector: Any, piece: str, secret: str) -> bool:
    if any(is_noise(secret) for is_noise in detectors.is_noise) or _EXAMPLE.search(secret):
        return True
    kind = type(detector).__name__
    if kind == "AzureStorageKeyDetector":
        # A checksum of 64 bytes looks the same; a key is never far from its name.
        at = piece.find(secret)
        return _AZURE.search(piece[max(at - 200, 0) : at]) is None
    if kind == "BasicAuthDetector":
        if secret.lower() in _NO_SECRETS:
            return True
        after = piece[piece.find(secret) + len(secret.rstrip("@")) :][:200]
        return _EXAMPLE_HOST.match(after) is not None
    # ``password = other.password`` and ``password: $PASSWORD`` name where it is to be found.
    return detector is detectors.keyword and (
        secret.lstrip().startswith(("$", "%", "/", "{"))
        or re.fullmatch(r"(?i)true|false|null|none|\d+|[a-z_.]+\(.*\)|file:.*", secret.strip())
        is not None
    )


@cache
def _detectors() -> _Detectors:
    find = import_module("detect_secrets.core.plugins.util").get_mapping_from_secret_type_to_class
    base = import_module("detect_secrets.plugins.base").RegexBasedDetector
    keyword = import_module("detect_secrets.plugins.keyword")
    heuristic = import_module("detect_secrets.filters.heuristic")
    return _Detectors(
        by_pattern=tuple(
            kind()
            for _, kind in sorted(find().items())
            if issubclass(kind, base) and kind.__name__ not in _LEFT_OUT
        ),
        keyword=keyword.KeywordDetector(),
        keyword_groups=keyword.CONFIG_DENYLIST_REGEX_TO_GROUP,
        is_noise=(
            heuristic.is_sequential_string,
            heuristic.is_potential_uuid,
            heuristic.is_templated_secret,
            heuristic.is_not_alphanumeric_string,
        ),
        plain=base.analyze_string,
    )
