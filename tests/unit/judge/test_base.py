from __future__ import annotations

from helpers.observe.requests import BasesRequest, Observations

from .factories import FAIL, MB, PASS, UNKNOWN, base, file, image, seen, verdict

BASES = (
    base("debian:trixie", "debian", "sha256:d"),
    base("node:22-slim", "slim", "sha256:d", "sha256:n"),
    base("node:22", "full", "sha256:f"),
    base(
        "gcr.io/distroless/nodejs22-debian12", "distroless", "sha256:l", stand_in="made of packages"
    ),
)


def on(*diff_ids: str, kinds: tuple[str, ...] = ("distroless",)):  # type: ignore[no-untyped-def]
    facts = image(file("/usr/bin/node", 9 * MB), diff_ids=diff_ids)
    return verdict("final-base", seen(facts, bases=BASES), kinds=kinds)


def test_the_wanted_base_passes_and_a_stand_in_is_called_one() -> None:
    found = on("sha256:l", "sha256:app")
    assert found.outcome is PASS
    assert "gcr.io/distroless/nodejs22-debian12 (distroless, stand-in)" in found.summary


def test_the_longest_match_wins() -> None:
    assert on("sha256:d", "sha256:n", "sha256:a", kinds=("slim",)).passed
    assert on("sha256:d", "sha256:other", kinds=("debian",)).passed
    assert not on("sha256:d", "sha256:n", kinds=("debian",)).passed


def test_another_kind_fails_and_is_named() -> None:
    found = on("sha256:f", "sha256:app")
    assert found.outcome is FAIL
    assert found.codes() == {"wrong-kind"}
    assert "node:22 (full)" in found.summary
    assert found.evidence[0].bytes == 9 * MB


def test_a_base_in_the_middle_is_not_the_base() -> None:
    found = on("sha256:x", "sha256:l")
    assert found.outcome is FAIL
    assert found.codes() == {"unknown-base"}


def test_an_image_from_scratch_is_on_no_known_base() -> None:
    assert on("sha256:app").codes() == {"unknown-base"}


def test_a_label_or_a_from_line_convinces_nobody() -> None:
    facts = image(
        diff_ids=["sha256:x"], labels={"org.opencontainers.image.base.name": "distroless"}
    )
    dockerfile = "FROM gcr.io/distroless/nodejs22-debian12\n"
    found = verdict("final-base", seen(facts, dockerfile, bases=BASES), kinds=["distroless"])
    assert found.outcome is FAIL


def test_where_the_wanted_base_is_not_on_the_engine_nothing_can_be_told() -> None:
    facts = image(diff_ids=["sha256:x"])
    found = verdict("final-base", seen(facts, bases=BASES[:3]), kinds=["distroless", "alpine"])
    assert found.outcome is UNKNOWN
    known_other = verdict(
        "final-base", seen(image(diff_ids=["sha256:f"]), bases=BASES[:3]), kinds=["distroless"]
    )
    assert known_other.outcome is FAIL  # whatever is missing, it is certainly the full one


def test_without_observations_nothing_can_be_told() -> None:
    assert verdict("final-base", Observations(), kinds=["slim"]).outcome is UNKNOWN
    assert verdict("final-base", seen(image()), kinds=["slim"]).outcome is UNKNOWN
    failed = seen(image(), bases=BASES, failures={BasesRequest(): "the engine refused"})
    found = verdict("final-base", failed, kinds=["slim"])
    assert found.outcome is UNKNOWN
    assert "the engine refused" in found.summary
