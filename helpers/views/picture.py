"""A picture: SVG with a text that tells the same, both stored in a notebook."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Picture:
    """An SVG picture and its text twin.

    Attributes:
        svg: one complete SVG document without script.
        text: the same figures as text.
    """

    svg: str
    text: str

    def _repr_mimebundle_(
        self,
        include: Container[str] | None = None,  # noqa: ARG002
        exclude: Container[str] | None = None,  # noqa: ARG002
    ) -> dict[str, str]:
        # No text/html: viewers that sanitize would keep its words and drop its shapes.
        return {"image/svg+xml": self.svg, "text/plain": self.text}

    def __repr__(self) -> str:
        return self.text
