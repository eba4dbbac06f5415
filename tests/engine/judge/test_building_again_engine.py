"""What is seen when a subject is built again: the cache, an edit, two builds alike, no network."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import docker
import pytest

from helpers.judge.judge import collect_requests, criterion, judge
from helpers.judge.verdict import Outcome, Verdict
from helpers.observe.errors import Stopped
from helpers.observe.observe import observe
from helpers.observe.rebuild import RebuildRequest, observe_rebuild
from helpers.observe.reproduce import ReproductionRequest, observe_reproduction
from helpers.observe.subject import Subject

Subjects = Callable[..., Subject]
Judge = Callable[..., Verdict]

# The nonce keeps other runs' caches out of it.
GOOD = """\
FROM busybox:1.37
WORKDIR /app
COPY package.json ./
RUN echo {nonce}; true npm ci
COPY src ./src
RUN cat src/* > built && date > /dev/null
"""
SOURCES_FIRST = """\
FROM busybox:1.37
WORKDIR /app
COPY . ./
RUN echo {nonce}; true && npm ci || true
RUN cat src/* > built
"""
FILES = {"package.json": "{}", "src/server.js": "x\n", "README.md": "x"}


@pytest.fixture
def images(client: docker.DockerClient) -> Callable[[], set[str]]:
    """Ids of all images of the engine, those without a name included."""
    return lambda: {i["Id"] for i in client.api.images(all=True)}


def test_the_same_again_runs_nothing(built: Subjects, judged: Judge, nonce: str) -> None:
    found = judged(built(GOOD.format(nonce=nonce), FILES), "cached-rebuild")
    assert found.outcome is Outcome.PASS, found
    assert "All of 6 steps" in found.summary


def test_an_edit_runs_what_depends_on_it(built: Subjects, judged: Judge, nonce: str) -> None:
    subject = built(GOOD.format(nonce=nonce), FILES)
    chosen = judged(subject, "cached-after-edit")
    assert chosen.passed, chosen
    assert "`src/server.js` 2 of 6 steps" in chosen.summary
    manifest = judged(subject, "cached-after-edit", edit=["package.json"], must_not_run=["npm ci"])
    assert [(e.code, e.line) for e in manifest.evidence] == [("ran-again", 4)]
    # A second look is not fooled by the first one's cache.
    again = judged(subject, "cached-after-edit", edit=["package.json"], must_run=["npm ci"])
    assert again.passed, again
    unseen = judged(subject, "cached-after-edit", edit=["README.md"], must_run=["COPY src"])
    assert unseen.codes() == {"did-not-run"}


def test_sources_first_run_everything(built: Subjects, judged: Judge, nonce: str) -> None:
    found = judged(built(SOURCES_FIRST.format(nonce=nonce), FILES), "cached-after-edit")
    assert found.outcome is Outcome.FAIL
    assert [(e.code, e.line) for e in found.evidence] == [("ran-again", 4)]


@pytest.mark.parametrize("path", ["nothing.js", "src"])
def test_a_file_that_is_not_there(built: Subjects, judged: Judge, nonce: str, path: str) -> None:
    found = judged(built(GOOD.format(nonce=nonce), FILES), "cached-after-edit", edit=[path])
    assert found.outcome is Outcome.UNKNOWN
    assert path in found.summary


def test_alike_but_for_times(built: Subjects, judged: Judge, nonce: str) -> None:
    text = f"FROM busybox:1.37\nRUN echo {nonce} > /x\nCOPY src /src\n"
    subject = built(text, FILES)
    seen = observe_reproduction(subject, ReproductionRequest(60))
    assert [layer.kinds for layer in seen.layers] in ([("time",)], [])
    assert judged(subject, "reproducible").passed


@pytest.mark.parametrize(
    ("run", "what"),
    [
        ("cat /proc/sys/kernel/random/uuid > /built", "content"),
        ("chown $(od -An -N2 -tu2 /dev/urandom | tr -d ' ') /bin", "owner"),
        ("touch /built-$(cat /proc/sys/kernel/random/uuid)", "missing"),
    ],
)
def test_not_alike(built: Subjects, judged: Judge, nonce: str, run: str, what: str) -> None:
    found = judged(built(f"FROM busybox:1.37\nRUN : {nonce}; {run}\n"), "reproducible")
    assert found.codes() == {"layer-differs"}, found
    assert what in found.evidence[0].text
    assert found.evidence[0].instruction is not None
    assert found.evidence[0].instruction.startswith("RUN")


def test_a_step_that_downloads(built: Subjects, judged: Judge, nonce: str) -> None:
    look = "ip route | grep -q default"
    calm = built(f"FROM busybox:1.37\nRUN : {nonce} npm ci; {look}\nRUN : {nonce} build\n")
    found = judged(calm, "builds-offline")
    assert found.passed, found
    assert found.summary.startswith("1 RUN instruction without")
    loud = built(f"FROM busybox:1.37\nRUN : {nonce}\nRUN : {nonce} build; {look}\n")
    found = judged(loud, "builds-offline")
    assert [(e.code, e.line) for e in found.evidence] == [("needs-network", 3)]


def test_nothing_is_left(
    client: docker.DockerClient,
    built: Subjects,
    images: Callable[[], set[str]],
    nonce: str,
) -> None:
    subject = built(f"FROM busybox:1.37\nRUN echo {nonce}\nCOPY . /\n", FILES)
    before = images()
    names = ["cached-rebuild", "cached-after-edit", "reproducible", "builds-offline"]
    wanted = [criterion(name) for name in names]
    seen = observe(subject, collect_requests(wanted))
    verdicts = judge(wanted, seen)
    assert {v.outcome for v in verdicts} == {Outcome.PASS}, verdicts
    mine = {i for i in images() - before if _is_mine(client, i, nonce)}
    assert mine == set()
    assert client.api.inspect_image(subject.image_id)


def _is_mine(client: docker.DockerClient, image: str, nonce: str) -> bool:
    """Others use the engine as well: an image is known by the word in its history."""
    try:
        history: list[dict[str, Any]] = client.api.history(image)
    except docker.errors.NotFound:
        return False
    return any(nonce in str(entry.get("CreatedBy")) for entry in history)


def test_what_cannot_be_built_again(
    client: docker.DockerClient, built: Subjects, judged: Judge, nonce: str
) -> None:
    subject = built(f"FROM busybox:1.37\nRUN echo {nonce}\n")
    bare = Subject(client, subject.image_id)
    for name in ("cached-rebuild", "cached-after-edit", "reproducible", "builds-offline"):
        assert judged(bare, name).outcome is Outcome.UNKNOWN
    text = f"FROM busybox:1.37\nARG A=1\nRUN echo $A {nonce}\n"
    with_args = built(text, build_args={"A": "2"})
    found = judged(with_args, "cached-rebuild")
    assert found.outcome is Outcome.UNKNOWN
    assert "build arguments (A)" in found.summary


def test_an_observation_that_is_no_longer_wanted(built: Subjects, nonce: str) -> None:
    done: Future[None] = Future()
    done.set_result(None)
    subject = replace(built(f"FROM busybox:1.37\nRUN echo {nonce}\n"), stop=done)
    with pytest.raises(Stopped):
        observe_rebuild(subject, RebuildRequest())
