from __future__ import annotations

import pytest

from helpers.observe.history import instruction, read_history


@pytest.mark.parametrize(
    ("created_by", "expected"),
    [
        ("RUN /bin/sh -c npm ci # buildkit", "RUN npm ci"),
        ("RUN |2 A=1 B=two words /bin/sh -c make all # buildkit", "RUN make all"),
        ("RUN /bin/bash -o pipefail -c curl x | tar x # buildkit", "RUN curl x | tar x"),
        ("RUN /bin/bash -euo pipefail -c make # buildkit", "RUN make"),
        ("RUN npm ci # buildkit", "RUN npm ci"),
        ("COPY dist ./dist # buildkit", "COPY dist ./dist"),
        ("WORKDIR /app", "WORKDIR /app"),
        ('CMD ["node" "server.js"]', 'CMD ["node" "server.js"]'),
        ('/bin/sh -c #(nop)  CMD ["node"]', 'CMD ["node"]'),
        ("/bin/sh -c #(nop) ADD file:ab12 in / ", "ADD file:ab12 in /"),
        ("/bin/sh -c npm ci", "RUN npm ci"),
        ("|1 V=3 /bin/sh -c npm ci", "RUN npm ci"),
        (
            "RUN /bin/sh -c set -eux; \t\tapt-get update; # buildkit",
            "RUN set -eux; apt-get update;",
        ),
        ("RUN /bin/ash -eo pipefail -c apk add x # buildkit", "RUN apk add x"),
        ("bazel build ...", "bazel build ..."),
        ("", ""),
        ("RUN /bin/sh -c echo \x1b[31mred # buildkit", "RUN echo \\x1b[31mred"),
        ("RUN sh build.sh # buildkit", "RUN sh build.sh"),
    ],
)
def test_a_history_entry_reads_like_the_dockerfile(created_by: str, expected: str) -> None:
    assert instruction(created_by) == expected


def test_entries_that_made_a_layer_name_it() -> None:
    history = [
        {"created_by": "COPY a /"},
        {"created_by": "ENV A=1", "empty_layer": True, "comment": "buildkit.dockerfile.v0"},
        {"created_by": "COPY b /"},
    ]
    entries = read_history(history, 2)
    assert [(e.created_by, e.layer) for e in entries] == [
        ("COPY a /", 0),
        ("ENV A=1", None),
        ("COPY b /", 1),
    ]
    assert entries[1].comment == "buildkit.dockerfile.v0"


def test_an_entry_without_an_instruction_has_its_comment() -> None:
    history = [{"comment": "Imported from -"}, {"created_by": "COPY a /", "comment": "c"}, {}]
    assert [e.created_by for e in read_history(history, 3)] == ["Imported from -", "COPY a /", ""]


def test_a_history_that_counts_other_layers_names_none() -> None:
    assert [e.layer for e in read_history([{"created_by": "COPY a /"}], 3)] == [None]
    assert read_history([], 1) == ()
