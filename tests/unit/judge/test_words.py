from __future__ import annotations

import pytest

from helpers.build.dockerfile import parse_dockerfile
from helpers.judge.words import layer_name, line_of

from .factories import image

DOCKERFILE = parse_dockerfile("""\
FROM node:22 AS build
RUN npm ci
COPY . .
FROM node:22-slim
WORKDIR /app
COPY --from=build --chown=node /app/dist ./dist
RUN --mount=type=cache,target=/root/.npm \\
    npm ci   --omit=dev
RUN ["rm", "-rf", "/tmp/x"]
COPY a b
COPY a b
""")


@pytest.mark.parametrize(
    ("created_by", "line"),
    [
        ("COPY /app/dist ./dist", 6),
        ("COPY --chown=node /app/dist ./dist", 6),
        ("RUN npm ci --omit=dev", 7),
        ("RUN rm -rf /tmp/x", 9),
        ("WORKDIR /app", 5),
        ("RUN npm ci", None),  # only in a stage that is not part of the image
        ("COPY a b", None),  # two fit
        ("ADD file:0 in /", None),  # of the base
        ("", None),
    ],
)
def test_a_history_entry_leads_to_its_line(created_by: str, line: int | None) -> None:
    assert line_of(created_by, DOCKERFILE) == line


def test_checksums_of_the_legacy_builder_are_shortened() -> None:
    facts = image(created_by=["ADD file:" + "0123456789abcdef" * 4 + " in /"])
    assert layer_name(facts, 0) == "layer 1 of 1 (`ADD file:0123456789ab in /`)"
