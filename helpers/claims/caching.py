"""C8 and C9: what is a layer, what runs again, and what the order of copies gains."""

from __future__ import annotations

from helpers.claims.bench import Bench
from helpers.claims.claim import Figure, Finding, Holding
from helpers.course.workspace import app_files
from helpers.experiments.cold_builds import cold_builds
from helpers.experiments.lines_and_layers import changed_lines, lines_and_layers
from helpers.lesson import Lesson
from helpers.observe.read_image import read_image

_BASE = "node:26-trixie-slim"
_LINES = """FROM node:26-trixie-slim
ENV NODE_ENV=production
LABEL release=1
WORKDIR /app
COPY package.json ./
RUN echo first > /first
COPY src ./src
RUN echo second > /second
USER 1000
EXPOSE 3000
CMD ["node", "src/server.ts"]
"""
_TWO_STAGES = """FROM node:26-trixie-slim AS left
RUN echo left > /left
FROM node:26-trixie-slim AS right
RUN echo right > /right
FROM node:26-trixie-slim
COPY --from=left /left /left
COPY --from=right /right /right
"""


def lines_are_layers(bench: Bench) -> Finding:
    """C8: layers against lines, and what runs after a change above independent steps."""
    lesson = bench.lesson("orders")
    image = lesson.build("claim-lines", dockerfile=_LINES)
    base = read_image(bench.engine.client.api, _BASE)
    lines = lines_and_layers(image.facts, len(base.history))
    layers = sum(1 for line in lines if line.changes)
    words = [("the RUN of one stage", "echo left")]
    (changed,) = changed_lines(bench.engine, _files(lesson), _TWO_STAGES, words, ())
    ran, cached = len(changed.ran), len(changed.cached)
    below = ran + cached
    figures = (
        Figure("lines of the Dockerfile after FROM", len(lines)),
        Figure("of these, layers with something in them", layers),
        Figure("steps in or after the line that changed", below),
        Figure("of these, steps that ran again", ran),
    )
    sentence = (
        f"Of {len(lines)} lines {layers} made a layer. After a change in one of two stages {ran} "
        f"of {below} steps ran, and {cached} came from the cache."
    )
    found = lines_verdict(lines=len(lines), layers=layers, below=below, ran=ran)
    return Finding(found, sentence, figures)


def lines_verdict(*, lines: int, layers: int, below: int, ran: int) -> Holding:
    """Every line a layer, and everything below runs; or it does not hold as it was said."""
    if layers == lines and ran == below:
        return Holding.HOLDS
    return Holding.LIMIT if layers == lines or ran == below else Holding.NOT_AS_SAID


def order_of_copies(bench: Bench) -> Finding:
    """C9: one line edited, both orders; a machine that knows nothing, and one with a cache."""
    lesson = bench.lesson("shipping")
    orders = {"late": "1-everything-first", "early": "2-manifests-first"}
    texts = {name: lesson.dockerfile(file) for name, file in orders.items()}
    files = _files(lesson)
    edit = next(path for path in sorted(files) if path.startswith("src/"))
    found = cold_builds(bench.engine, files, texts, base=_BASE, edit=edit)
    seconds = {(b.order, b.condition): b.seconds for b in found.builds}
    figures = tuple(
        Figure(f"{_ORDER[order]}, {condition}", value, "seconds")
        for (order, condition), value in seconds.items()
    )
    late, early = seconds["late", "warm"], seconds["early", "warm"]
    cold = seconds["early", "cold"]
    sentence = (
        f"After an edit of one line: {late:.1f} s with the sources first, {early:.1f} s with the "
        f"manifests first; on a machine that starts cold {cold:.1f} s with that order, too."
    )
    return Finding(order_verdict(late=late, early=early, early_cold=cold), sentence, figures)


_ORDER = {"late": "sources first", "early": "manifests first"}


def order_verdict(*, late: float, early: float, early_cold: float) -> Holding:
    """Half the time or less; that a cold machine gains nothing is the limit."""
    if early > late / 2:
        return Holding.NOT_AS_SAID
    return Holding.HOLDS if early_cold <= late / 2 else Holding.LIMIT


def _files(lesson: Lesson) -> dict[str, bytes]:
    return {str(p): (lesson.app / p).read_bytes() for p in app_files(lesson.app)}
