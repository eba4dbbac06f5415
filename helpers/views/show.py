"""Show a value in a notebook: text and HTML are both stored, so that it shows without running."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from helpers.report.describe import Reportable
from helpers.report.html import to_html
from helpers.report.text import to_text
from helpers.views.picture import Picture


@dataclass(frozen=True, slots=True)
class Shown:
    """What a cell ends with: the same content as text and as HTML."""

    text: str
    html: str

    def _repr_mimebundle_(
        self,
        include: Container[str] | None = None,  # noqa: ARG002
        exclude: Container[str] | None = None,  # noqa: ARG002
    ) -> dict[str, str]:
        return {"text/html": self.html, "text/plain": self.text}

    def __repr__(self) -> str:
        return self.text


def show(value: Reportable | Picture) -> Shown | Picture:
    """The value as an object that a notebook can show and store.

    Args:
        value: a check run, image facts, a build record, a table, or a picture.

    Returns:
        An object with ``text/plain`` and ``text/html``, or the picture itself with ``text/plain``
        and ``image/svg+xml``. Hints are in the HTML only, folded; the text shows one each.
    """
    if isinstance(value, Picture):
        return value
    return Shown(text=to_text(value), html=to_html(value))
