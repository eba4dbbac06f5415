from __future__ import annotations

import pytest

from helpers.observe.image_facts import WastedFile
from helpers.observe.requests import ImageRequest, Observations

from .factories import FAIL, MB, PASS, UNKNOWN, file, image, program, seen, verdict

NAIVE = """\
FROM node:22
WORKDIR /app
COPY . .
RUN npm ci
"""


def test_a_small_image_passes() -> None:
    found = verdict("image-size", seen(image(file("/app", 90 * MB))), max_mb=100)
    assert found.outcome is PASS
    assert found.summary == "90.0 MB unpacked, at most 100.0 MB wanted."
    assert found.evidence == ()


def test_exactly_the_limit_passes_and_one_byte_more_fails() -> None:
    assert verdict("image-size", seen(image(file("/f", 5 * MB))), max_mb=5).passed
    assert not verdict("image-size", seen(image(file("/f", 5 * MB + 1))), max_mb=5).passed


def test_the_evidence_names_layers_instructions_and_lines() -> None:
    facts = image(
        file("/usr/lib/x", 800 * MB),
        file("/app/src.ts", 1 * MB, layer=1),
        file("/app/node_modules/typescript/lib.js", 200 * MB, layer=2),
        program("/usr/local/lib/node_modules/npm/x", 90 * MB, layer=2),
        created_by=("ADD rootfs /", "COPY . .", "RUN npm ci"),
    )
    found = verdict("image-size", seen(facts, NAIVE), max_mb=200)
    assert found.outcome is FAIL
    assert found.summary == "1.1 GB unpacked, at most 200.0 MB wanted."
    assert found.evidence[0].code == "over-limit"
    layers = [e for e in found.evidence if e.code == "big-layer"]
    assert [(e.layer, e.bytes) for e in layers] == [(0, 800 * MB), (2, 290 * MB)]
    assert layers[1].instruction == "RUN npm ci"
    assert layers[1].line == 4
    assert layers[1].text == "290.0 MB come from layer 3 of 3 (`RUN npm ci`)."
    (modules,) = [e for e in found.evidence if e.code == "node-modules"]
    assert (modules.path, modules.bytes, modules.line) == ("/app/node_modules", 200 * MB, 4)


def test_a_toolchain_a_cache_and_waste_are_told_apart() -> None:
    facts = image(
        file("/usr/lib/gcc/x86_64-linux-gnu/14/cc1", 60 * MB),
        file("/usr/include/stdio.h", 20 * MB),
        file("/var/lib/apt/lists/deb_Packages", 30 * MB),
        waste=[WastedFile("/tmp/big", 40 * MB, 0, 1, deleted=True)],
    )
    codes = verdict("image-size", seen(facts), max_mb=100).codes()
    assert codes == {"over-limit", "big-layer", "toolchain", "package-cache", "wasted"}


def test_what_weighs_little_is_not_held_against_the_image() -> None:
    facts = image(file("/app/node_modules/a/i.js", 1 * MB), file("/usr/bin/node", 200 * MB))
    codes = verdict("image-size", seen(facts), max_mb=100).codes()
    assert "node-modules" not in codes


def test_the_size_counts_what_a_later_layer_deletes() -> None:
    facts = image(file("/f", 1 * MB), waste=[WastedFile("/gone", 300 * MB, 0, 1, deleted=True)])
    assert verdict("image-size", seen(facts), max_mb=200).outcome is FAIL


def test_no_waste_passes() -> None:
    assert verdict("wasted-bytes", seen(image(file("/f", MB))), max_mb=0).passed


def test_waste_is_told_by_the_two_instructions() -> None:
    facts = image(
        file("/f", 1 * MB),
        created_by=("COPY . .", "RUN npm ci", "RUN rm -rf node_modules"),
        waste=[
            WastedFile("/app/node_modules/a.js", 30 * MB, 1, 2, deleted=True),
            WastedFile("/app/node_modules/b.js", 20 * MB, 1, 2, deleted=True),
            WastedFile("/app/package.json", 100, 0, 1, deleted=False),
        ],
    )
    dockerfile = "FROM a:1\nCOPY . .\nRUN npm ci\nRUN rm -rf node_modules\n"
    found = verdict("wasted-bytes", seen(facts, dockerfile), max_mb=10)
    assert found.outcome is FAIL
    first, second = found.evidence
    assert first.code == "deleted-later"
    assert first.text == (
        "`/app/node_modules/a.js` and 1 more file (50.0 MB) are stored in layer 2 of 3 "
        "(`RUN npm ci`) and deleted in layer 3 of 3 (`RUN rm -rf node_modules`)."
    )
    assert (first.bytes, first.layer, first.line) == (50 * MB, 1, 3)
    assert second.code == "overwritten-later"


def test_waste_as_a_share_of_the_image() -> None:
    facts = image(file("/f", 95 * MB), waste=[WastedFile("/x", 5 * MB, 0, 1, deleted=True)])
    assert verdict("wasted-bytes", seen(facts), max_percent=5).passed
    assert not verdict("wasted-bytes", seen(facts), max_percent=4.9).passed
    assert not verdict("wasted-bytes", seen(facts), max_percent=50, max_mb=1).passed


def test_many_groups_of_waste_are_counted() -> None:
    waste = [WastedFile(f"/f{n}", MB, n, n + 1, deleted=True) for n in range(30)]
    found = verdict("wasted-bytes", seen(image(waste=waste)), max_mb=0)
    assert len(found.evidence) == 8
    assert found.evidence[-1].text == "And 23 groups more."
    assert found.evidence[-1].bytes == 23 * MB


def test_few_layers_pass_and_many_fail() -> None:
    facts = image(created_by=[f"RUN {n}" for n in range(12)], sizes={n: n for n in range(12)})
    assert verdict("max-layers", seen(facts), max=12).passed
    found = verdict("max-layers", seen(facts), max=10)
    assert found.outcome is FAIL
    assert found.codes() == {"too-many-layers", "small-layer"}
    assert [e.instruction for e in found.evidence[1:]] == ["RUN 0", "RUN 1"]
    assert not verdict("max-layers", seen(facts), max=1).passed


@pytest.mark.parametrize(
    ("name", "params"),
    [("image-size", {"max_mb": 1}), ("wasted-bytes", {"max_mb": 1}), ("max-layers", {"max": 1})],
)
def test_without_the_image_nothing_can_be_told(name: str, params: dict[str, float]) -> None:
    failures = {ImageRequest(): "The engine refused while reading the image: no space left."}
    found = verdict(name, Observations(failures=failures), **params)
    assert found.outcome is UNKNOWN
    assert "no space left" in found.summary
    assert verdict(name, Observations(), **params).outcome is UNKNOWN
