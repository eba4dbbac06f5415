"""Which step of one build is which step of another, after lines moved or stages were renamed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from helpers.build.events import Step
from helpers.build.graph import BuildGraph, same_words

#: Two instructions with the same keyword are versions of one where they share so much, from 0 to 1.
ALIKE = 0.3
# The tables below grow with the square of a stage's length.
_MOST = 400


def match_steps(before: BuildGraph, after: BuildGraph) -> dict[str, str]:
    """Digests of ``after`` to digests of ``before``; steps that are new or gone are not in it.

    First come steps with the same digest, then those that do the same on the same (which digests
    do not tell where the context is involved), then within stages that belong together the same
    words in the same order, then the same words elsewhere, then changed versions of one
    instruction in the same place.
    """
    matcher = _Matcher(before, after)
    matcher.same_digests()
    matcher.same_work()
    for old, new in matcher.stage_pairs():
        matcher.stage(before.stage(old), after.stage(new))
    matcher.own_steps()
    return matcher.found


def stage_partners(
    before: BuildGraph, after: BuildGraph, matched: dict[str, str]
) -> dict[str, str]:
    """Stages of ``after`` to the stages of ``before`` that most of their steps come from."""
    shared: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for new, old in matched.items():
        if after.steps[new].stage is not None and before.steps[old].stage is not None:
            shared[after.steps[new].stage or ""][before.steps[old].stage or ""] += 1
    return {new: counts.most_common(1)[0][0] for new, counts in shared.items()}


def likeness(one: str, other: str) -> float:
    """How much of two instructions is the same words, from 0 to 1."""
    a, b = Counter(one.split()), Counter(other.split())
    total = sum(a.values()) + sum(b.values())
    return 2 * sum((a & b).values()) / total if total else 1.0


class _Matcher:
    def __init__(self, before: BuildGraph, after: BuildGraph) -> None:
        self.before = before
        self.after = after
        self.found: dict[str, str] = {}
        self.used: set[str] = set()

    def pair(self, new: str, old: str) -> None:
        if new not in self.found and old not in self.used:
            self.found[new] = old
            self.used.add(old)

    def same_digests(self) -> None:
        for digest in self.after.steps:
            # BuildKit's own steps may have the same digest for another purpose: their names count.
            if digest in self.before.steps and _dockerfile(self.after, self.before, digest):
                self.pair(digest, digest)

    def same_work(self) -> None:
        by_identity: defaultdict[str, list[str]] = defaultdict(list)
        for digest, identity in self.before.identities.items():
            if self.before.steps[digest].stage is not None and digest not in self.used:
                by_identity[identity].append(digest)
        for digest in self.after.order:
            step = self.after.steps[digest]
            if step.stage is None or digest in self.found:
                continue
            candidates = by_identity.get(self.after.identities[digest], [])
            # What differs only in a setting (ENV, USER) looks the same here: the place decides.
            best = min(candidates, key=lambda d: _distance(self.before.steps[d], step), default="")
            if best:
                candidates.remove(best)
                self.pair(digest, best)

    def stage_pairs(self) -> list[tuple[str, str]]:
        """Stages that belong together, the surest first."""
        shared = Counter(
            (self.before.steps[old].stage or "", self.after.steps[new].stage or "")
            for new, old in self.found.items()
        )
        scores: list[tuple[float, int, str, str]] = []
        for index, new in enumerate(self.after.stages):
            mine = Counter(_words(s) for s in self.after.stage(new))
            for old in self.before.stages:
                theirs = Counter(_words(s) for s in self.before.stage(old))
                score = 3.0 * shared[old, new] + sum((mine & theirs).values())
                if old == new:  # "stage-2" is only a number
                    score += 0.5 if new.startswith("stage-") else 2.0
                if score:
                    scores.append((-score, index, old, new))
        pairs: list[tuple[str, str]] = []
        for _, _, old, new in sorted(scores):
            if all(old != a and new != b for a, b in pairs):
                pairs.append((old, new))
        self._last_stages(pairs)
        return pairs

    def _last_stages(self, pairs: list[tuple[str, str]]) -> None:
        # The image comes from the last stage on both sides, whatever else has changed.
        if self.before.stages and self.after.stages:
            old, new = self.before.stages[-1], self.after.stages[-1]
            if all(old != a and new != b for a, b in pairs):
                pairs.append((old, new))

    def stage(self, before: Sequence[Step], after: Sequence[Step]) -> None:
        before, after = before[:_MOST], after[:_MOST]
        for old, new in _common(before, after, self):
            self.pair(new.digest, old.digest)
        left = [s for s in before if s.digest not in self.used]
        for step in after:
            if step.digest not in self.found:
                moved = next((s for s in left if _words(s) == _words(step)), None)
                if moved is not None:
                    left.remove(moved)
                    self.pair(step.digest, moved.digest)
        for old_gap, new_gap in self._gaps(before, after):
            for old, new in _versions(old_gap, new_gap):
                self.pair(new.digest, old.digest)

    def own_steps(self) -> None:
        by_name: defaultdict[str, list[str]] = defaultdict(list)
        for digest, step in self.before.steps.items():
            if step.stage is None:
                by_name[step.name].append(digest)
        for digest, step in self.after.steps.items():
            if step.stage is None and by_name[step.name]:
                self.pair(digest, by_name[step.name].pop(0))

    def _gaps(
        self, before: Sequence[Step], after: Sequence[Step]
    ) -> Iterable[tuple[list[Step], list[Step]]]:
        """What is still unmatched on both sides, between steps that keep their order."""
        positions = {s.digest: i for i, s in enumerate(before)}
        start = 0
        new_gap: list[Step] = []
        for step in (*after, None):
            if step is not None and step.digest not in self.found:
                new_gap.append(step)
                continue
            at = len(before) if step is None else positions.get(self.found[step.digest], -1)
            if at < start:  # it came from another stage, or from further up
                continue
            yield [s for s in before[start:at] if s.digest not in self.used], new_gap
            start, new_gap = at + 1, []


def _common(
    before: Sequence[Step], after: Sequence[Step], matcher: _Matcher
) -> list[tuple[Step, Step]]:
    """The longest run of equal steps that keeps the order on both sides."""

    def equal(old: Step, new: Step) -> bool:
        known = matcher.found.get(new.digest)
        if known is not None or old.digest in matcher.used:
            return known == old.digest
        return _words(old) == _words(new)

    rows, columns = len(before), len(after)
    best = [[0] * (columns + 1) for _ in range(rows + 1)]
    for i in range(rows - 1, -1, -1):
        for j in range(columns - 1, -1, -1):
            if equal(before[i], after[j]):
                best[i][j] = best[i + 1][j + 1] + 1
            else:
                best[i][j] = max(best[i + 1][j], best[i][j + 1])
    pairs, i, j = [], 0, 0
    while i < rows and j < columns:
        if equal(before[i], after[j]):
            pairs.append((before[i], after[j]))
            i, j = i + 1, j + 1
        elif best[i + 1][j] >= best[i][j + 1]:
            i += 1
        else:
            j += 1
    return pairs


def _versions(before: list[Step], after: list[Step]) -> list[tuple[Step, Step]]:
    """Changed instructions: the same keyword, alike, and in the same order."""
    alone = {k for k in (_keyword(s) for s in after) if _count(before, k) == _count(after, k) == 1}
    rows, columns = len(before), len(after)
    best = [[0.0] * (columns + 1) for _ in range(rows + 1)]

    def score(old: Step, new: Step) -> float:
        if _keyword(old) != _keyword(new):
            return 0.0
        value = likeness(_words(old), _words(new))
        return value if value >= ALIKE else (0.01 if _keyword(old) in alone else 0.0)

    for i in range(rows - 1, -1, -1):
        for j in range(columns - 1, -1, -1):
            both = score(before[i], after[j])
            best[i][j] = max(
                best[i + 1][j], best[i][j + 1], best[i + 1][j + 1] + both if both else 0.0
            )
    pairs, i, j = [], 0, 0
    while i < rows and j < columns:
        both = score(before[i], after[j])
        if both and best[i][j] == best[i + 1][j + 1] + both:
            pairs.append((before[i], after[j]))
            i, j = i + 1, j + 1
        elif best[i + 1][j] >= best[i][j + 1]:
            i += 1
        else:
            j += 1
    return pairs


def _dockerfile(after: BuildGraph, before: BuildGraph, digest: str) -> bool:
    return after.steps[digest].stage is not None and before.steps[digest].stage is not None


def _distance(old: Step, new: Step) -> tuple[bool, int]:
    return old.stage != new.stage, abs((old.number or 0) - (new.number or 0))


def _words(step: Step) -> str:
    return same_words(step.instruction or step.name)


def _keyword(step: Step) -> str:
    return _words(step).split(" ", 1)[0]


def _count(steps: list[Step], keyword: str) -> int:
    return sum(_keyword(s) == keyword for s in steps)
