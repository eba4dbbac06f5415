from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from report.samples import build_record

from helpers.build.compare import compare
from helpers.build.record import BuildRecord
from helpers.units import format_seconds
from helpers.views.build_comparison import comparison_picture, comparison_svg, comparison_text
from helpers.views.build_graph import build_svg, build_text
from helpers.views.svg import FILLS
from helpers.views.timeline import Scale, tick_text, tick_unit

NS = "{http://www.w3.org/2000/svg}"
RECORDS = Path(__file__).parents[1] / "build" / "records"
PAIRS = [
    ("orders-cached", "orders-source-edited"),
    ("orders-no-cache", "orders-source-edited"),
    ("orders-cached", "orders-no-cache"),
    ("orders-source-edited", "orders-broken"),
    ("orders-broken", "orders-source-edited"),
    ("mounts", "mounts-renamed"),
    ("copy-all-first", "copy-in-two"),
    ("run-inserted", "copy-in-two-edited"),
]


def real(name: str) -> BuildRecord:
    return BuildRecord.from_json((RECORDS / f"{name}.json").read_text(encoding="utf-8"))


def parse(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 - our own pictures


def words(svg: str) -> list[str]:
    return [t.text or "" for t in parse(svg).iter(f"{NS}text")]


def both(before: str, after: str) -> str:
    return comparison_svg(compare(real(before), real(after)))


def bars(svg: str, instruction: str) -> list[ET.Element]:
    """The bars of one step, the earlier build's first."""
    return [
        r
        for r in parse(svg).iter(f"{NS}rect")
        if (r.findtext(f"{NS}title") or "").startswith(instruction + ": ")
    ]


@pytest.mark.parametrize("pair", PAIRS)
def test_both_builds_are_drawn_the_same_every_time(pair: tuple[str, str]) -> None:
    picture = comparison_picture(real(pair[0]), real(pair[1]))
    assert picture == comparison_picture(real(pair[0]), real(pair[1]))
    root = parse(picture.svg)
    assert root.findtext(f"{NS}title")
    assert root.findtext(f"{NS}desc")
    tags = {e.tag.removeprefix(NS) for e in root.iter()}
    assert tags <= {
        "svg", "title", "desc", "style", "defs", "pattern", "path", "circle", "marker", "rect",
        "text",
    }  # fmt: skip


def test_both_sides_have_one_time_scale() -> None:
    before, after = real("orders-no-cache"), real("orders-source-edited")
    old, new = bars(both("orders-no-cache", "orders-source-edited"), "RUN npm run build")
    seconds = [
        next(s.seconds for s in r.steps if s.step.instruction == "RUN npm run build")
        for r in (before, after)
    ]
    widths = [float(e.get("width", "0")) for e in (old, new)]
    assert widths[0] / widths[1] == pytest.approx(seconds[0] / seconds[1], rel=0.02)


def test_steps_that_ran_again_are_marked_by_colour_word_and_reason() -> None:
    svg = both("orders-no-cache", "orders-source-edited")
    old, new = bars(svg, "RUN npm run build")
    assert (old.get("fill"), new.get("fill")) == (FILLS[0].light, FILLS[1].light)
    shown = words(svg)
    assert shown.count("ran again") == 3 + 1  # and the key
    assert "↳ It builds on [build 7/8] COPY src ./src, which ran again." in shown
    assert any(w.startswith("First cause: [build 7/8] COPY src ./src") for w in shown)


def test_the_text_carries_what_the_picture_shows() -> None:
    comparison = compare(real("orders-no-cache"), real("orders-source-edited"))
    text = comparison_text(comparison)
    flat = " ".join(text.split())
    for change in comparison.steps:
        step = change.step
        assert f"{step.stage} {step.number}/{step.total}" in text
        for seconds in (change.seconds_before, change.seconds_after):
            assert not seconds or format_seconds(seconds) in text
    assert flat.count("because of build 7/8") == 2
    assert comparison.ran_again()[0].reason.sentence() in flat  # type: ignore[union-attr]
    assert "\x1b" not in text


def test_a_build_that_reused_nothing_says_it_once() -> None:
    shown = words(both("orders-cached", "orders-no-cache"))
    assert sum("Nothing at all came from the cache" in w for w in shown) == 1
    assert not any(w.startswith("↳") for w in shown)


def test_steps_that_were_not_reached_are_told_from_those_that_are_gone() -> None:
    assert words(both("orders-source-edited", "orders-broken")).count("not reached") == 5
    assert words(both("orders-broken", "orders-source-edited")).count("not reached before") == 5
    gone = words(both("run-inserted", "copy-in-two-edited"))
    assert gone.count("gone") == 2  # beside the instruction, and in the later build's half
    assert "not reached" not in gone


def test_two_equal_builds_say_that_all_was_reused() -> None:
    record = real("orders-cached")
    text = comparison_text(compare(record, record))
    assert "13 cached, 0 ran again" in text
    assert "less" not in text
    assert not any(
        w.startswith("First cause") for w in words(comparison_svg(compare(record, record)))
    )


def test_empty_records_are_still_a_picture() -> None:
    empty = BuildRecord(())
    parse(comparison_svg(compare(empty, empty)))
    parse(comparison_svg(compare(empty, build_record())))
    assert "0 cached" in comparison_text(compare(build_record(), empty))


def test_hostile_names_do_not_break_out_of_a_comparison() -> None:
    bad = "</text><script>x</script>\x1b[2J\x00\udcff&"
    record = build_record()
    steps = tuple(
        dataclasses.replace(
            s, step=dataclasses.replace(s.step, stage=s.step.stage and bad, instruction=bad * 9)
        )
        for s in record.steps
    )
    hostile = dataclasses.replace(record, steps=steps)
    for draw in (comparison_svg, comparison_text):
        drawn = draw(compare(record, hostile))
        drawn.encode("utf-8")
        assert "\x1b" not in drawn
        assert "\x00" not in drawn
    assert f"{NS}script" not in {
        e.tag for e in parse(comparison_svg(compare(record, hostile))).iter()
    }


@pytest.mark.parametrize("name", sorted(p.stem for p in RECORDS.glob("*.json")))
def test_words_do_not_lie_on_words(name: str) -> None:
    pictures: list[Callable[[BuildRecord], str]] = [
        build_svg,
        lambda r: comparison_svg(compare(real("orders-no-cache"), r)),
    ]
    for draw in pictures:
        lines: dict[float, list[tuple[float, float, str]]] = {}
        for text in parse(draw(real(name))).iter(f"{NS}text"):
            mono = "mono" in (text.get("font-family") or "")
            wide = (
                len(text.text or "") * float(text.get("font-size", "12")) * (0.6 if mono else 0.5)
            )
            x = float(text.get("x", "0"))
            shift = {"end": wide, "middle": wide / 2}.get(text.get("text-anchor", ""), 0.0)
            lines.setdefault(round(float(text.get("y", "0"))), []).append(
                (x - shift, x - shift + wide, text.text or "")
            )
        for row in lines.values():
            row.sort()
            for (_, end, one), (start, _, other) in pairwise(row):
                assert end <= start + 1, (one, other)
            assert row[-1][1] <= 960
            assert row[0][0] >= 0


@pytest.mark.parametrize(
    ("seconds", "most", "unit"),
    [
        (8.4, 8, 2.0),
        (0.03, 8, 0.005),
        (1.0, 8, 0.2),
        (75, 8, 10.0),
        (3000, 8, 600.0),
        (4e5, 4, 1e5),
    ],
)
def test_ticks_are_round_and_few(seconds: float, most: int, unit: float) -> None:
    scale = Scale(0, 100, seconds)
    found = tick_unit(seconds, most)
    assert len(scale.ticks(most)) <= most + 1
    assert scale.ticks(most)[0] == 0
    assert found == pytest.approx(unit, rel=0.01) or seconds > 3600
    assert scale.x(seconds) == 100
    assert scale.x(seconds * 2) == 100


def test_tick_labels_have_no_needless_digits() -> None:
    assert [tick_text(at, 0.2) for at in (0, 0.2, 0.6000000001, 1.0)] == [
        "0",
        "0.2 s",
        "0.6 s",
        "1 s",
    ]
    assert tick_text(0.015, 0.005) == "15 ms"
    assert tick_text(120, 60) == "2 min"


def test_the_graphs_text_names_what_is_shared_and_where_files_come_from() -> None:
    text = build_text(real("orders-no-cache"))
    assert "dependencies 1–2/4: made once, in stage build." in " ".join(text.split())
    assert re.search(r"stage-2 5/5 .* build 8/8", text)
    assert re.search(r"build 7/8 .* context", text)
