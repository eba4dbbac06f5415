"""Two builds side by side: what was reused, what ran again, and why.

>>> comparison = compare(before, after)
>>> for change in comparison.ran_again():
...     print(change.step.name, change.reason.sentence())

What BuildKit's records tell was checked on Docker Engine 26.1: a step has the same digest in two
builds where its definition is the same; but every build's context gets a new name, so all steps
that depend on the context have new digests each time, whether files have changed or not. What a
file's content was is in no record; which files the engine had to be sent is. Where that is missing,
"the files changed" is an inference, and says so.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, replace
from enum import StrEnum
from fnmatch import fnmatchcase

from helpers.build.dockerfile import Dockerfile, parse_dockerfile
from helpers.build.events import Step
from helpers.build.graph import BuildGraph, graph_of, results, same_words, step_name
from helpers.build.match import match_steps, stage_partners
from helpers.build.reasons import (
    Added,
    ArgumentChanged,
    BaseMoved,
    BasePulled,
    CacheNotUsed,
    EveryBuild,
    FilesChanged,
    InstructionChanged,
    NeverFinished,
    NotNeeded,
    NotReached,
    OtherPlace,
    Reason,
    Removed,
    SettingChanged,
    StepBefore,
    Unseen,
    VariableChanged,
)
from helpers.build.record import BuildRecord, StepRecord
from helpers.build.settings import declared_arguments, settings, source, written

_DIGEST = re.compile(r"@sha256:[0-9a-f]+")
# The instructions that no_cache makes run: a WORKDIR may come from the cache all the same.
_CACHEABLE = frozenset({"ADD", "COPY", "RUN"})


class Change(StrEnum):
    """What became of a step from one build to the next."""

    CACHED = "cached"
    AGAIN = "ran again"
    NEW = "new"
    GONE = "gone"
    NOT_BUILT = "not built"


@dataclass(frozen=True, slots=True)
class StepChange:
    """One step in both builds.

    Attributes:
        change: what became of it.
        stage: the stage in whose lane it stands; None for BuildKit's own steps.
        before: what it was before; None where it was not there.
        after: what it is now; None where it is not there.
        reason: why it is not simply reused; None where it is.
    """

    change: Change
    stage: str | None
    before: StepRecord | None
    after: StepRecord | None
    reason: Reason | None = None

    @property
    def step(self) -> Step:
        """The step as it is now, or was."""
        record = self.after or self.before
        assert record is not None  # noqa: S101  # one of them is always there
        return record.step

    @property
    def seconds_before(self) -> float:
        """How long it ran before, in seconds; 0 where it did not run."""
        return self.before.seconds if self.before else 0.0

    @property
    def seconds_after(self) -> float:
        """How long it ran now, in seconds; 0 where it did not run."""
        return self.after.seconds if self.after else 0.0


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two builds side by side.

    Attributes:
        before: the earlier build.
        after: the later one.
        stages: lanes in the order of the later Dockerfile, stages that are gone last.
        steps: every step of the Dockerfiles, by lane and position.
        own: BuildKit's own steps.
    """

    before: BuildRecord
    after: BuildRecord
    stages: tuple[str, ...]
    steps: tuple[StepChange, ...]
    own: tuple[StepChange, ...] = ()

    def of(self, change: Change) -> tuple[StepChange, ...]:
        """The steps with the change."""
        return tuple(s for s in self.steps if s.change == change)

    def ran_again(self) -> tuple[StepChange, ...]:
        """The steps that ran again."""
        return self.of(Change.AGAIN)

    def in_stage(self, stage: str) -> tuple[StepChange, ...]:
        """The steps of one lane."""
        return tuple(s for s in self.steps if s.stage == stage)

    def first_causes(self) -> tuple[StepChange, ...]:
        """What set the rest off: steps that ran, changed or are new for a reason of their own."""
        return tuple(
            s
            for s in self.steps
            if s.change in (Change.AGAIN, Change.NEW, Change.CACHED)
            and s.reason is not None
            and not isinstance(s.reason, StepBefore | NotReached | NotNeeded)
        )

    @property
    def seconds_saved(self) -> float:
        """How much shorter the later build was, in seconds; negative where it was longer."""
        return self.before.seconds - self.after.seconds

    @property
    def reused_seconds(self) -> float:
        """What the steps that are now cached took in the build before, in seconds."""
        return sum(s.seconds_before for s in self.of(Change.CACHED))

    @property
    def again_seconds(self) -> float:
        """What the steps that ran again took, in seconds."""
        return sum(s.seconds_after for s in self.ran_again())

    def sentences(self) -> tuple[str, ...]:
        """One sentence for each step that is not simply reused: its name and why."""
        return tuple(
            f"{step_name(s.step)} {_VERBS[s.change]}: {s.reason.sentence()}"
            for s in self.steps
            if s.reason is not None
        )


_VERBS = {
    Change.CACHED: "came from the cache",
    Change.AGAIN: "ran again",
    Change.NEW: "ran for the first time",
    Change.GONE: "is gone",
    Change.NOT_BUILT: "was not built",
}


def compare(before: BuildRecord, after: BuildRecord) -> Comparison:
    """What changed from one build to a later one of the same Dockerfile, or of an edited one.

    Args:
        before: the earlier build; it may have failed.
        after: the later one.

    Raises:
        DockerfileError: if a record's Dockerfile cannot be read.
    """
    return _Comparer(before, after).comparison()


class _Comparer:
    def __init__(self, before: BuildRecord, after: BuildRecord) -> None:
        self.before, self.after = before, after
        self.old, self.new = graph_of(before), graph_of(after)
        self.old_results = _at_home(before, self.old)
        self.new_results = _at_home(after, self.new)
        self.old_file = parse_dockerfile(before.dockerfile)
        self.new_file = parse_dockerfile(after.dockerfile)
        self.match = match_steps(self.old, self.new)
        #: Stages of the later Dockerfile to those of the earlier one.
        self.stages = stage_partners(self.old, self.new, self.match)
        #: Steps that are not what they were, with the first cause and what happened to it.
        self.roots: dict[str, StepBefore] = {}

    def comparison(self) -> Comparison:
        changes = {d: self._change(d) for d in self.new.order}
        changes = self._whole_build(changes)
        used = set(self.match.values())
        gone = {d: self._gone(d) for d in self.old.order if d not in used}
        stages, steps = self._in_order(changes, gone)
        own = [c for c in (*changes.values(), *gone.values()) if c.stage is None]
        return Comparison(self.before, self.after, stages, tuple(steps), tuple(own))

    def _change(self, digest: str) -> StepChange:
        now = self.new_results[digest]
        known = self.match.get(digest)
        was = self.old_results[known] if known else None
        if now.step.stage is None:
            change = Change.CACHED if now.cached else Change.AGAIN if was else Change.NEW
            return StepChange(change, None, was, now, None if now.cached else EveryBuild())
        if was is None:
            return self._new(digest, now)
        reason = self._reason(digest, was, now)
        change = Change.CACHED if now.cached else Change.AGAIN
        self._remember(digest, now, reason)
        return StepChange(change, now.step.stage, was, now, reason)

    def _new(self, digest: str, now: StepRecord) -> StepChange:
        reason: Reason = Added()
        stage = self.stages.get(now.step.stage or "", now.step.stage)
        if _written_in(self.old_file, stage, self.new_file, now.step):
            ended = self.before.image_id is None
            reason = NotReached("before") if ended else NotNeeded("before")
        else:
            self.roots[digest] = StepBefore(now.step, now.step, "is new")
        return StepChange(Change.NEW, now.step.stage, None, now, reason)

    def _gone(self, digest: str) -> StepChange:
        was = self.old_results[digest]
        if was.step.stage is None:
            return StepChange(Change.GONE, None, was, None, None)
        stage = next((n for n, o in self.stages.items() if o == was.step.stage), was.step.stage)
        if not _written_in(self.new_file, stage, self.old_file, was.step):
            return StepChange(Change.GONE, was.step.stage, was, None, Removed())
        ended = self.after.image_id is None
        reason = NotReached("after") if ended else NotNeeded("after")
        return StepChange(Change.NOT_BUILT, was.step.stage, was, None, reason)

    def _remember(self, digest: str, now: StepRecord, reason: Reason | None) -> None:
        if isinstance(reason, StepBefore):
            self.roots[digest] = reason
        elif isinstance(reason, InstructionChanged | VariableChanged | BaseMoved):
            self.roots[digest] = StepBefore(now.step, now.step, "changed")
        elif not now.cached:
            self.roots[digest] = StepBefore(now.step, now.step)
        else:
            # Cached, but on a base that is another one than before: so is this.
            base = self.roots.get(self.new.base(digest) or "")
            if base is not None and base.how != "ran again":
                self.roots[digest] = base

    def _reason(self, digest: str, was: StepRecord, now: StepRecord) -> Reason | None:
        changed = self._other_words(was.step, now.step)
        if changed is not None or now.cached:
            return changed
        if _keyword(now.step) == "FROM":
            return BasePulled()
        if self._told(now.step) and _keyword(now.step) in _CACHEABLE:
            return CacheNotUsed(told=True)
        return (
            self._step_before(digest)
            or self._other_place(digest, was)
            or _never_finished(was)
            or self._other_settings(was.step, now.step)
            or self._same_words(digest, now.step)
        )

    def _other_words(self, was: Step, now: Step) -> Reason | None:
        old, new = was.instruction or "", now.instruction or ""
        if _keyword(now) == "FROM" and _DIGEST.sub("", old) == _DIGEST.sub("", new):
            return BaseMoved(old, new) if was.digest != now.digest else None
        if same_words(old) == same_words(new):
            return None
        old_line, new_line = source(self.old_file, was), source(self.new_file, now)
        if old_line and new_line and written(old_line) == written(new_line):
            return VariableChanged(old, new, self._other_arguments(now))
        return InstructionChanged(old, new)

    def _step_before(self, digest: str) -> StepBefore | None:
        causes: dict[str, StepBefore] = {}
        for used in self.new.uses(digest):
            root = self.roots.get(used)
            if root is not None and root.cause.digest not in causes:
                causes[root.cause.digest] = replace(root, through=self.new.steps[used])
        if not causes:
            return None
        first = min(causes, key=lambda d: self.new_results[d].started or 0.0)
        return replace(causes[first], others=len(causes) - 1 or causes[first].others)

    def _other_place(self, digest: str, was: StepRecord) -> OtherPlace | None:
        new, old = self.new.base(digest), self.old.base(was.step.digest)
        if (self.match.get(new) if new else None) == old:
            return None
        return OtherPlace(
            self.old.steps[old] if old else None, self.new.steps[new] if new else None
        )

    def _other_settings(self, was: Step, now: Step) -> Reason | None:
        if _keyword(now) != "RUN":
            return None
        old, new = settings(self.old_file, was), settings(self.new_file, now)
        if source(self.old_file, was) and source(self.new_file, now) and old != new:
            return SettingChanged(
                tuple(line for line in old if line not in new),
                tuple(line for line in new if line not in old),
            )
        arguments = self._other_arguments(now)
        return ArgumentChanged(arguments) if arguments else None

    def _other_arguments(self, now: Step) -> tuple[str, ...]:
        if self.before.build_args is None or self.after.build_args is None:
            return ()
        names = {name for name, _ in set(self.before.build_args) ^ set(self.after.build_args)}
        declared = declared_arguments(self.new_file, now)
        if _keyword(now) == "FROM":
            arguments = (i.arguments.partition("=")[0].strip() for i in self.new_file.global_args)
            declared = frozenset(arguments)
        return tuple(sorted(names & declared))

    def _same_words(self, digest: str, now: Step) -> Reason:
        taken = _keyword(now) in {"ADD", "COPY"} and (
            self.new.takes_context(digest) or (_keyword(now) == "ADD" and bool(now.inputs[1:]))
        )
        if taken:
            sent = self.after.sent_files
            if sent is not None:
                return FilesChanged(now.instruction or "", sent=taken_by(now.instruction, sent))
            edited = self.before.dockerfile != self.after.dockerfile
            return FilesChanged(now.instruction or "", with_dockerfile=edited)
        told = None if self._told(now) is None else False
        if self.match[digest] == digest:
            return CacheNotUsed(told)
        return Unseen(defined_otherwise=digest not in self.new.from_context)

    def _told(self, step: Step) -> bool | None:
        wanted = self.after.no_cache
        return step.stage in wanted if isinstance(wanted, tuple) else wanted

    def _whole_build(self, changes: dict[str, StepChange]) -> dict[str, StepChange]:
        """Where a step ran that nothing speaks against, and nothing at all came from the cache."""
        steps = [c for c in changes.values() if _keyword(c.step) in _CACHEABLE and c.stage]
        proof = any(isinstance(c.reason, CacheNotUsed) and not c.reason.told for c in steps)
        some = any(c.change is Change.CACHED for c in steps)
        if not proof or some or isinstance(self.after.no_cache, tuple):
            return changes
        explained = (StepBefore, FilesChanged, Unseen, CacheNotUsed)
        told = None if self.after.no_cache is None else False
        return {
            digest: replace(c, reason=CacheNotUsed(told, whole_build=True))
            if c in steps and isinstance(c.reason, explained)
            else c
            for digest, c in changes.items()
        }

    def _in_order(
        self, changes: dict[str, StepChange], gone: dict[str, StepChange]
    ) -> tuple[tuple[str, ...], list[StepChange]]:
        lanes: dict[str, list[StepChange]] = {
            stage: [changes[s.digest] for s in self.new.stage(stage)] for stage in self.new.stages
        }
        homes = {old: changes[new] for new, old in self.match.items()}
        for stage in self.old.stages:
            above: StepChange | None = None
            for step in self.old.stage(stage):
                if step.digest not in gone:
                    above = homes[step.digest]
                    continue
                lane = above.stage if above is not None and above.stage else stage
                change = replace(gone[step.digest], stage=lane)
                steps = lanes.setdefault(lane, [])
                steps.insert(steps.index(above) + 1 if above in steps else len(steps), change)
                above = change
        return tuple(lanes), [change for lane in lanes.values() for change in lane]


def _at_home(record: BuildRecord, graph: BuildGraph) -> dict[str, StepRecord]:
    return {d: replace(r, step=graph.steps[d]) for d, r in results(record).items()}


def _never_finished(was: StepRecord) -> NeverFinished | None:
    if was.error and "context canceled" not in was.error:
        return NeverFinished("failed")
    return NeverFinished("was stopped") if was.error or was.completed is None else None


def _written_in(dockerfile: Dockerfile, stage: str | None, own: Dockerfile, step: Step) -> bool:
    """Whether a stage of one Dockerfile has the instruction that a step has in its own."""
    line = source(own, step)
    words = written(line) if line else " ".join((step.instruction or "").split())
    return any(
        same_words(written(i)) == same_words(words)
        for s in dockerfile.stages
        if s.name == stage
        for i in s.instructions
    )


def _keyword(step: Step) -> str:
    return (step.instruction or "").split(" ", 1)[0].upper()


def taken_by(instruction: str | None, files: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the files that a COPY or ADD takes."""
    words = [w for w in (instruction or "").split()[1:] if not w.startswith("--")]
    sources = [posixpath.normpath(word.lstrip("/")) for word in words[:-1]]
    return tuple(file for file in files if any(_takes(source, file) for source in sources))


def _takes(source: str, file: str) -> bool:
    parts = file.split("/")
    above = ("/".join(parts[: depth + 1]) for depth in range(len(parts)))
    return source == "." or any(fnmatchcase(path, source) for path in above)
