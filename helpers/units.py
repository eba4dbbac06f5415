"""The one way to write sizes, times, counts and shares for a person."""

from __future__ import annotations

#: One megabyte as Docker prints it: a million bytes, not 2^20.
MB = 1_000_000

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def format_bytes(count: float) -> str:
    """A number of bytes as text, in the decimal units that ``docker images`` prints.

    Args:
        count: bytes; may be negative, for example for a saving.

    Returns:
        For example ``152.3 MB``, ``4.1 kB`` or ``12 B``.
    """
    size = abs(float(count))
    sign = "-" if count < 0 else ""
    for unit in _UNITS:
        # The rounded figure decides: 999,960 bytes are 1.0 MB, not 1000.0 kB.
        if round(size, 1) < 1000 or unit == _UNITS[-1]:
            break
        size /= 1000
    figure = f"{size:.0f}" if unit == "B" else f"{size:.1f}"
    return f"{sign}{figure} {unit}"


def format_seconds(seconds: float) -> str:
    """A duration with about two meaningful digits.

    Args:
        seconds: not negative.

    Returns:
        For example ``340 µs``, ``20 ms``, ``3.4 s``, ``1 min 12 s`` or ``2 h 5 min``.
    """
    if seconds < 0.0009995:
        return f"{seconds * 1e6:.0f} µs" if seconds > 0 else "0 s"
    if seconds < 0.9995:
        return f"{seconds * 1e3:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


def format_share(part: float) -> str:
    """A share between 0 and 1 in per cent: ``42 %``, ``3.1 %`` or ``<0.1 %``."""
    percent = part * 100
    if percent >= 9.95 or percent == 0:
        return f"{percent:.0f} %"
    return f"{percent:.1f} %" if percent >= 0.1 else "<0.1 %"


def format_count(count: int, one: str, many: str = "") -> str:
    """A number with its noun: ``1 file``, ``2 files``; ``many`` where an ``s`` is not enough."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
