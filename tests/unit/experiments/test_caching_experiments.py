"""The values of the caching experiments: saved, loaded, drawn, and read from buildx."""

from __future__ import annotations

import json

import pytest

from helpers.experiments.cold_builds import CiBuild, ColdBuilds, read_progress
from helpers.experiments.rebuild_grid import GridStep, Rebuild, RebuildGrid
from helpers.views.rebuild_grid import rebuild_grid_picture

GRID = RebuildGrid(
    ("one", "two"),
    ("README", "source"),
    tuple(
        Rebuild(
            order,
            edit,
            (
                GridStep("a", "COPY . .", ran=True, seconds=0.01),
                GridStep("a", "RUN npm ci", ran=order == "one", seconds=1.5),
            ),
            2.0,
        )
        for order in ("one", "two")
        for edit in ("README", "source")
    ),
)


def test_a_grid_is_saved_loaded_and_drawn() -> None:
    assert RebuildGrid.from_json(GRID.to_json()) == GRID
    assert GRID.of("one", "source").installs()
    assert not GRID.of("two", "source").installs()
    with pytest.raises(KeyError):
        GRID.of("two", "nothing")
    picture = rebuild_grid_picture(GRID)
    assert picture.svg.count("<title>RUN npm ci: cached") == 2
    assert "RUN npm ci" in picture.text
    assert "cached" in picture.text
    assert rebuild_grid_picture(GRID) == picture


@pytest.mark.parametrize("indent", [None, 2])
def test_what_buildx_prints(indent: int | None) -> None:
    at = "2026-11-24T10:00:0{}.123456789Z"
    messages = [
        {"vertexes": [{"digest": "a", "name": "[internal] load", "started": at.format(0)}]},
        {"vertexes": [{"digest": "b", "name": "[2/3] RUN npm ci", "started": at.format(1)}]},
        {
            "vertexes": [
                {
                    "digest": "b",
                    "name": "[2/3] RUN npm ci",
                    "started": at.format(1),
                    "completed": at.format(4),
                },
                {"digest": "c", "name": "[3/3] COPY a b", "cached": True, "started": at.format(4)},
            ]
        },
    ]
    lines = (json.dumps(message, indent=indent) for message in messages)
    text = "\n".join(["warning {", *lines, "[1]"])
    steps, seconds = read_progress(text)
    assert [(s.name, s.cached, round(s.seconds, 6)) for s in steps] == [
        ("[2/3] RUN npm ci", False, 3.0),
        ("[3/3] COPY a b", True, 0.0),
    ]
    assert round(seconds, 6) == 4.0
    found = ColdBuilds((CiBuild("one", "cold", seconds, steps),))
    assert ColdBuilds.from_json(found.to_json()) == found
    assert found.of("one", "cold").ran("npm ci") == 1
    assert read_progress("") == ((), 0.0)
