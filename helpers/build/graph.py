"""The graph of a build: which step stands where in the Dockerfile, and what flows where.

BuildKit makes equal work once. Where several stages begin alike (the same FROM, the same WORKDIR),
that is one step, and its name is that of whichever stage was looked at first: two builds of one
Dockerfile may name it differently. Here a step gets every place that it has, its home is the
earliest stage in the file, and so two records of one Dockerfile say the same.
"""

from __future__ import annotations

import hashlib
import re
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from helpers.build.dockerfile import parse_dockerfile
from helpers.build.events import Step
from helpers.build.record import BuildRecord, StepRecord

_LINK = "LINK "
_FROM = re.compile(r"(--|,)from=[^,\s]+")


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the Dockerfile a step stands: a stage, and the position there from 1."""

    stage: str
    number: int
    total: int


class BuildGraph:
    """The steps of one build with their places and what they use.

    Args:
        steps: every step, BuildKit's own ones too.
        dockerfile: the Dockerfile's text, for the order of the stages. Without it a stage stands
            after those that it uses, and then by name.
    """

    def __init__(self, steps: Iterable[Step], dockerfile: str = "") -> None:
        self.raw: Mapping[str, Step] = {s.digest: s for s in steps}
        self.order = _topological(self.raw)
        self._links = {
            s.name.removeprefix(_LINK): s for s in self.raw.values() if s.name.startswith(_LINK)
        }
        places = self._places()
        self.stages = self._stage_order(places, dockerfile)
        rank = {stage: index for index, stage in enumerate(self.stages)}
        #: Every place of a Dockerfile step; the first is its home.
        self.places: Mapping[str, tuple[Place, ...]] = {
            digest: tuple(sorted(found, key=lambda p: (rank[p.stage], p.number)))
            for digest, found in places.items()
        }
        #: Steps by digest, named after their home.
        self.steps: Mapping[str, Step] = {d: self._at_home(s) for d, s in self.raw.items()}

    def stage(self, name: str) -> tuple[Step, ...]:
        """The steps whose home is the stage, in order."""
        found = [s for s in self.steps.values() if s.stage == name]
        return tuple(sorted(found, key=lambda s: s.number or 0))

    def shared(self, stage: str) -> tuple[tuple[Place, Step], ...]:
        """The steps that the stage has too, but whose home is another one, in order."""
        found = [
            (place, self.steps[digest])
            for digest, places in self.places.items()
            for place in places[1:]
            if place.stage == stage
        ]
        return tuple(sorted(found, key=lambda item: item[0].number))

    def uses(self, digest: str) -> tuple[str, ...]:
        """The Dockerfile steps whose output a step uses, past BuildKit's own steps between."""
        found: dict[str, None] = {}
        seen = {digest}
        todo = deque(self.raw[digest].inputs)
        link = self._links.get(self.raw[digest].name)
        if link is not None:
            todo.extend(link.inputs)
        while todo:
            current = todo.popleft()
            if current in seen or current not in self.raw:
                continue
            seen.add(current)
            if self.raw[current].stage is not None:
                found[current] = None
            else:
                todo.extend(self.raw[current].inputs)
        return tuple(found)

    def base(self, digest: str) -> str | None:
        """The Dockerfile step on whose file system a step works, if there is one."""
        # BuildKit lists the file system that a step works on before what is copied or mounted;
        # COPY --link works on none and is laid over it by a step of its own.
        step = self._links.get(self.raw[digest].name, self.raw[digest])
        seen = {digest}
        while step.inputs and step.inputs[0] in self.raw and step.inputs[0] not in seen:
            seen.add(step.inputs[0])
            step = self.raw[step.inputs[0]]
            if step.stage is not None:
                return step.digest
            if _is_context(step):
                return None
        return None

    def flows(self) -> tuple[tuple[str, str], ...]:
        """Where data goes from one stage into another: digests of the giving and taking step."""
        found: list[tuple[str, str]] = []
        for digest in self.order:
            if self.raw[digest].stage is None:
                continue
            own = {place.stage for place in self.places[digest]}
            found += [
                (used, digest)
                for used in self.uses(digest)
                if own.isdisjoint(place.stage for place in self.places[used])
            ]
        return tuple(found)

    def takes_context(self, digest: str) -> bool:
        """True where a step takes files of the build context directly."""
        todo, seen = list(self.raw[digest].inputs), {digest}
        while todo:
            current = todo.pop()
            step = self.raw.get(current)
            if step is None or current in seen or step.stage is not None:
                continue
            seen.add(current)
            if _is_context(step):
                return True
            todo.extend(step.inputs)
        return False

    @cached_property
    def from_context(self) -> frozenset[str]:
        """The steps that depend on the build context, directly or not.

        The engine gives every build's context a new name, so their digests differ from build to
        build even where nothing has changed.
        """
        found: set[str] = set()
        for digest in self.order:
            step = self.raw[digest]
            if _is_context(step) or not found.isdisjoint(step.inputs):
                found.add(digest)
        return frozenset(found)

    @cached_property
    def identities(self) -> Mapping[str, str]:
        """A name for what a step does: its words and those of all that it uses.

        Unlike the digest it does not depend on the context's name, on names of stages, or on lines.
        """
        found: dict[str, str] = {}
        for digest in self.order:
            step = self.raw[digest]
            words = "context" if _is_context(step) else same_words(step.instruction or step.name)
            parts = (words, *(found.get(i, i) for i in step.inputs))
            found[digest] = hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()
        return found

    def _places(self) -> dict[str, list[Place]]:
        places: dict[str, list[Place]] = {}
        taken: set[tuple[str, int]] = set()
        for step in self.raw.values():
            if step.stage is not None:
                place = Place(step.stage, step.number or 0, step.total or 0)
                places[step.digest] = [place]
                taken.add((place.stage, place.number))
        for digest in self.order:
            step = self.raw[digest]
            if step.stage is None:
                continue
            number = (step.number or 0) - 1
            current = self.base(digest)
            # The steps of this stage that another stage has made already.
            while current is not None and number > 0 and (step.stage, number) not in taken:
                if self.raw[current].number != number or self.raw[current].stage == step.stage:
                    break
                places[current].append(Place(step.stage, number, step.total or 0))
                taken.add((step.stage, number))
                number -= 1
                current = self.base(current)
        return places

    def _stage_order(self, places: Mapping[str, list[Place]], dockerfile: str) -> tuple[str, ...]:
        names = sorted({place.stage for found in places.values() for place in found})
        written = parse_dockerfile(dockerfile).stage_names() if dockerfile else ()
        known = [name for name in dict.fromkeys(written) if name in names]
        needs: dict[str, set[str]] = {name: set() for name in names if name not in known}
        for digest in places:
            stage = self.raw[digest].stage
            if stage in needs:
                needs[stage].update(
                    self.raw[used].stage or ""
                    for used in self.uses(digest)
                    if stage not in {p.stage for p in places[used]}
                )
        done = list(known)
        while needs:
            ready = [n for n, needed in needs.items() if needed.isdisjoint(needs.keys() - {n})]
            name = (ready or list(needs))[0]
            done.append(name)
            del needs[name]
        return tuple(done)

    def _at_home(self, step: Step) -> Step:
        if step.digest not in self.places:
            return step
        home = self.places[step.digest][0]
        if home.stage == step.stage:
            return step
        name = f"[{home.stage} {home.number}/{home.total}] {step.instruction}"
        # The line belongs to the place that BuildKit named.
        return replace(
            step, name=name, stage=home.stage, number=home.number, total=home.total, line=None
        )


def graph_of(record: BuildRecord) -> BuildGraph:
    """The graph of a finished build."""
    return BuildGraph((s.step for s in record.steps), record.dockerfile)


def results(record: BuildRecord) -> Mapping[str, StepRecord]:
    """What became of each step, by digest."""
    return {s.step.digest: s for s in record.steps}


def same_words(instruction: str) -> str:
    """An instruction without the names of the stages that it takes from, which may be renamed."""
    return " ".join(_FROM.sub(r"\1from", instruction).split())


def step_name(step: Step) -> str:
    """How a sentence names a step: ``[build 2/5] RUN make``, on one line of at most 100 signs."""
    position = f"[{step.stage} {step.number}/{step.total}] " if step.stage is not None else ""
    words = " ".join((step.instruction or step.name).split())
    return position + (words if len(words) <= 80 else words[:79] + "…")


def _is_context(step: Step) -> bool:
    # "[internal] load build context" from a session, "load remote build context" and "copy
    # /context /" where the context was sent with the request.
    return step.stage is None and (
        step.name.endswith((" load build context", " load remote build context"))
        or step.name.startswith("copy /context")
    )


def _topological(steps: Mapping[str, Step]) -> tuple[str, ...]:
    """Digests so that a step comes after what it uses; BuildKit's graph has no cycles."""
    missing = {d: sum(i in steps for i in set(s.inputs)) for d, s in steps.items()}
    users: dict[str, list[str]] = {}
    for digest, step in steps.items():
        for used in set(step.inputs):
            users.setdefault(used, []).append(digest)
    ready = deque(d for d, count in missing.items() if count == 0)
    order: list[str] = []
    while ready:
        digest = ready.popleft()
        order.append(digest)
        for user in users.get(digest, ()):
            missing[user] -= 1
            if missing[user] == 0:
                ready.append(user)
    placed = set(order)  # a record that claims a cycle is still shown
    return (*order, *(d for d in steps if d not in placed))
