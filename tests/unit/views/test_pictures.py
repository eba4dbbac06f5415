from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from xml.etree import ElementTree as ET

import pytest
from report.samples import build_record, distroless_image, failing_result, naive_image

from helpers.build.events import Step
from helpers.build.record import BuildRecord, StepRecord
from helpers.units import format_bytes, format_seconds
from helpers.views.build_graph import build_picture, build_svg, build_text
from helpers.views.contents import layer_shares
from helpers.views.layers import (
    compare_picture,
    compare_svg,
    compare_text,
    layers_picture,
    layers_svg,
    layers_text,
)
from helpers.views.picture import Picture
from helpers.views.show import Shown, show
from helpers.views.svg import FILLS, PAPER, SOFT, TEXT, Ink, fit

NS = "{http://www.w3.org/2000/svg}"
IMAGES = [("one stage", naive_image()), ("bundle on distroless", distroless_image())]
PICTURES: list[Callable[[], Picture]] = [
    lambda: layers_picture(naive_image()),
    lambda: compare_picture(IMAGES),
    lambda: build_picture(build_record()),
    lambda: build_picture(build_record(fail=True)),
]


def parse(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 - our own pictures


def words(svg: str) -> list[str]:
    """The visible texts of a picture."""
    return [t.text or "" for t in parse(svg).iter(f"{NS}text")]


def rects(svg: str) -> list[ET.Element]:
    return list(parse(svg).iter(f"{NS}rect"))


@pytest.mark.parametrize("make", PICTURES)
def test_a_picture_is_the_same_every_time_and_stored_with_its_text(
    make: Callable[[], Picture],
) -> None:
    picture = make()
    assert picture == make()
    bundle = picture._repr_mimebundle_()
    assert bundle == {"image/svg+xml": picture.svg, "text/plain": picture.text}


@pytest.mark.parametrize("make", PICTURES)
def test_a_picture_has_title_and_description_and_no_script(make: Callable[[], Picture]) -> None:
    root = parse(make().svg)
    assert root.get("role") == "img"
    assert root.find(f"{NS}title").text  # type: ignore[union-attr]
    assert root.find(f"{NS}desc").text  # type: ignore[union-attr]
    assert {e.tag.removeprefix(NS) for e in root.iter()} <= {
        "svg", "title", "desc", "style", "defs", "pattern", "path", "circle", "marker", "rect",
        "text",
    }  # fmt: skip


@pytest.mark.parametrize("make", PICTURES)
def test_without_its_style_every_shape_still_has_a_colour(make: Callable[[], Picture]) -> None:
    for element in parse(make().svg).iter():
        if element.tag.removeprefix(NS) in ("rect", "text", "path", "circle"):
            assert element.get("fill") or element.get("stroke")


@pytest.mark.parametrize("make", PICTURES)
def test_nothing_stands_outside_the_paper(make: Callable[[], Picture]) -> None:
    root = parse(make().svg)
    width, height = float(root.get("width", "0")), float(root.get("height", "0"))
    body = [e for e in root if e.tag in (f"{NS}rect", f"{NS}text")]
    for element in body:
        x, y = float(element.get("x", "0")), float(element.get("y", "0"))
        assert 0 <= x <= width
        assert 0 <= y <= height
        assert x + float(element.get("width", "0")) <= width + 0.01
        assert y + float(element.get("height", "0")) <= height + 0.01


def luminance(colour: str) -> float:
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(a: str, b: str) -> float:
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("fill", [*FILLS, PAPER])
@pytest.mark.parametrize("ink", [TEXT, SOFT])
def test_text_is_readable_on_every_fill_in_light_and_dark(fill: Ink, ink: Ink) -> None:
    # 4.5:1 is what WCAG 2.2 asks of small text (success criterion 1.4.3).
    if ink is TEXT or fill is PAPER:
        assert contrast(fill.light, ink.light) >= 4.5
        assert contrast(fill.dark, ink.dark) >= 4.5


def test_the_layers_picture_and_its_text_carry_the_same_figures() -> None:
    facts = naive_image()
    shown, text = words(layers_svg(facts)), layers_text(facts)
    for share in layer_shares(facts):
        assert format_bytes(share.bytes) in shown
        assert format_bytes(share.bytes) in text
        assert share.instruction[:40] in " ".join(shown)
        assert share.instruction[:15] in text
        for part in share.parts:
            assert format_bytes(part.bytes) in text
    assert format_bytes(facts.wasted_bytes) in shown
    assert format_bytes(facts.wasted_bytes) in text


def test_a_layer_is_as_wide_as_it_has_bytes() -> None:
    facts = naive_image()
    drawn = {}
    for rect in rects(layers_svg(facts)):
        title = rect.find(f"{NS}title")
        if title is not None and (match := re.match(r"Layer (\d+):", title.text or "")):
            drawn[int(match[1])] = float(rect.get("width", "0"))
    shares = {s.number: s.bytes for s in layer_shares(facts)}
    assert drawn[4] / drawn[3] == pytest.approx(shares[4] / shares[3], rel=0.01)
    assert 6 not in drawn  # an empty layer has no width; its line tells of it
    assert "WORKDIR /app" in words(layers_svg(facts))


def test_images_are_compared_to_one_scale() -> None:
    svg = compare_svg(IMAGES)
    first, second = (facts.unpacked_bytes for _, facts in IMAGES)
    told = " ".join(words(svg))
    change = f"(−{1 - second / first:.0%})".replace("%", " %")
    assert f"{format_bytes(second)} {change}" in told
    assert change.strip("()") in compare_text(IMAGES)
    wide = {
        name: sum(
            float(r.get("width", "0"))
            for r in rects(compare_svg([(name, facts)] if name == "one stage" else IMAGES))
            if (t := r.find(f"{NS}title")) is not None and t.text
        )
        for name, facts in IMAGES
    }
    alone, both = wide["one stage"], wide["bundle on distroless"]
    assert (both - alone) / alone == pytest.approx(second / first, rel=0.05)


def test_a_larger_image_after_a_small_one_still_fits() -> None:
    assert "(+" in " ".join(words(compare_svg(IMAGES[::-1])))
    with pytest.raises(ValueError, match="no image"):
        compare_svg([])
    with pytest.raises(ValueError, match="no image"):
        compare_text([])


def test_stand_ins_are_named_in_pictures_and_their_text() -> None:
    assert "stand-in" in " ".join(words(layers_svg(naive_image())))
    assert "stand-in" not in " ".join(words(layers_svg(distroless_image())))
    assert "stand-in base" in " ".join(words(compare_svg(IMAGES)))
    assert "stand-in base" in compare_text(IMAGES)
    assert "stand-in base" in layers_text(naive_image())


def test_the_build_graph_and_its_text_carry_the_same_figures() -> None:
    record = build_record()
    shown, text = " ".join(words(build_svg(record))), build_text(record)
    for step in record.steps:
        if step.seconds:
            assert format_seconds(step.seconds) in shown
            assert format_seconds(step.seconds) in text
    assert "stage build" in shown
    assert shown.count("cached") == 4 + 2  # four steps, the head and the key
    assert text.count("↺ cached") == 4
    (taking,) = [line for line in text.splitlines() if line.startswith("runner 3/3")]
    assert taking.split("  ")[-1] == "build 6/6"


def test_data_between_stages_is_an_arrow_across_the_lanes() -> None:
    svg = build_svg(build_record())
    arrows = [p for p in parse(svg).iter(f"{NS}path") if p.get("marker-end")]
    assert len(arrows) == 1 + 1  # build to runner, and the key


def marks(svg: str) -> dict[str, ET.Element]:
    """The bars and diamonds of steps by the beginning of what shows when they are pointed at."""
    found = {}
    for element in (*rects(svg), *parse(svg).iter(f"{NS}path")):
        title = element.find(f"{NS}title")
        if title is not None and title.text and ": " in title.text:
            found[title.text.rpartition(": ")[0]] = element
    return found


def test_time_is_length_and_what_is_cached_has_none() -> None:
    record = build_record()
    found = marks(build_svg(record))
    steps = {s.step.instruction or s.step.name: s for s in record.steps}
    bars = {n: e for n, e in found.items() if e.tag == f"{NS}rect" and n in steps}
    long, other = "RUN npm ci", "RUN npm run build && npm prune --omit=dev"
    ratio = float(bars[long].get("width", "0")) / float(bars[other].get("width", "0"))
    assert ratio == pytest.approx(steps[long].seconds / steps[other].seconds, rel=0.02)
    begins = float(bars[other].get("x", "0"))
    assert begins > float(bars[long].get("x", "0")) + float(bars[long].get("width", "0")) - 1
    for name, step in steps.items():
        assert not step.cached or found[name].tag == f"{NS}path"


def test_lanes_stand_in_the_order_of_the_dockerfile_whatever_was_told_first() -> None:
    record = build_record()
    text = "FROM a AS build\nFROM b AS runner\n"
    for steps in (record.steps, record.steps[::-1]):
        shown = words(build_svg(dataclasses.replace(record, steps=steps, dockerfile=text)))
        assert shown.index("stage build") < shown.index("stage runner")


def test_steps_that_take_the_context_say_so() -> None:
    shown = words(build_svg(build_record()))
    assert shown.count("context") == 2  # two COPY of build, none of runner


def test_long_instructions_are_cut_and_whole_on_pointing() -> None:
    long = "RUN " + "echo word && " * 60 + "true"
    step = Step("d", f"[s 1/1] {long}", (), "s", 1, 1, long)
    svg = build_svg(BuildRecord((StepRecord(step, started=0, completed=1),)))
    shown = [t for t in parse(svg).iter(f"{NS}text") if (t.text or "").startswith("RUN echo")]
    assert [t.find(f"{NS}title").text for t in shown] == [long]  # type: ignore[union-attr]
    assert "…" in (shown[0].text or "")


def test_a_failed_step_is_marked_by_a_sign_words_and_a_thick_border() -> None:
    svg = build_svg(build_record(fail=True))
    assert any(w.startswith("✗ failed after") for w in words(svg))
    assert sum(r.get("stroke-width") == "2" for r in rects(svg)) == 1
    assert "✗ failed" in build_text(build_record(fail=True))
    assert all(r.get("stroke-width") != "2" for r in rects(build_svg(build_record())))


def test_a_build_without_steps_is_still_a_picture() -> None:
    parse(build_svg(BuildRecord(())))
    assert "no image" in build_text(BuildRecord(()))


def test_a_graph_that_says_it_has_a_cycle_does_not_hang() -> None:
    a = Step("a", "[s 1/2] A", ("b",), "s", 1, 2, "A")
    b = Step("b", "[s 2/2] B", ("a",), "s", 2, 2, "B")
    parse(build_svg(BuildRecord((StepRecord(a), StepRecord(b)))))


def test_hostile_names_do_not_break_out_of_a_picture() -> None:
    bad = "</text><script>x</script>\x1b[2J\x00\udcff&"
    facts = naive_image()
    facts = dataclasses.replace(
        facts,
        tags=(bad,),
        history=tuple(dataclasses.replace(h, created_by=bad * 50) for h in facts.history),
    )
    step = Step("d", bad, (), bad, 1, 1, bad * 50)
    record = BuildRecord((StepRecord(step, started=0, completed=1),), target=bad)
    for svg in (layers_svg(facts), compare_svg([(bad, facts)]), build_svg(record)):
        tags = {e.tag for e in parse(svg).iter()}
        assert f"{NS}script" not in tags
        svg.encode("utf-8")


def test_text_is_cut_to_its_room() -> None:
    assert fit("short", 500, 12) == "short"
    assert len(fit("x" * 900, 200, 12, mono=True)) * 12 * 0.61 <= 200
    assert fit("some words", 10, 12) == ""


def test_show_gives_text_and_html_of_one_value() -> None:
    shown = show(failing_result())
    assert isinstance(shown, Shown)
    bundle = shown._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain"}
    assert "1 of 4 checks pass" in bundle["text/plain"]
    assert "1 of 4 checks pass" in bundle["text/html"]
    picture = layers_picture(naive_image())
    assert show(picture) is picture
