"""Comparing records. Those in ``records/`` are of real builds (Docker Engine 26.1)."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from helpers.build.compare import Change, Comparison, StepChange, compare, taken_by
from helpers.build.events import Step
from helpers.build.graph import graph_of, step_name
from helpers.build.match import likeness, match_steps
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
    Removed,
    SettingChanged,
    StepBefore,
    Unseen,
    VariableChanged,
)
from helpers.build.record import BuildRecord, StepRecord, argument_marks

RECORDS = Path(__file__).parent / "records"


def real(name: str) -> BuildRecord:
    return BuildRecord.from_json((RECORDS / f"{name}.json").read_text(encoding="utf-8"))


def change(comparison: Comparison, stage: str, number: int) -> StepChange:
    (found,) = [
        s
        for s in comparison.steps
        if s.step.stage == stage and s.step.number == number and s.after is not None
    ]
    return found


def made(
    *steps: tuple[str, str],
    cached: str = "",
    salt: str = "",
    failed: str = "",
    dockerfile: str | None = None,
    **extra: object,
) -> BuildRecord:
    """A record of one stage: (digest, instruction); ``cached`` and ``failed`` name digests."""
    records: list[StepRecord] = [StepRecord(Step("ctx" + salt, "[internal] load build context"))]
    above: tuple[str, ...] = ()
    for number, (digest, instruction) in enumerate(steps, 1):
        context = instruction.startswith(("COPY", "ADD"))
        inputs = (*above, *(("ctx" + salt,) if context else ()))
        name = f"[stage-0 {number}/{len(steps)}] {instruction}"
        step = Step(digest, name, inputs, "stage-0", number, len(steps), instruction, number)
        records.append(
            StepRecord(
                step,
                cached=digest in cached.split(),
                error="exit code: 1" if digest == failed else None,
                started=float(number),
                completed=number + 0.5,
            )
        )
        above = (digest,)
    text = dockerfile if dockerfile is not None else "\n".join(i for _, i in steps) + "\n"
    image = None if failed else "sha256:1"
    return BuildRecord(tuple(records), image, seconds=9.0, dockerfile=text, **extra)  # type: ignore[arg-type]


# --- real records -------------------------------------------------------------------------------


def test_an_unchanged_build_reuses_every_step_though_most_digests_differ() -> None:
    before, after = real("orders-no-cache"), real("orders-cached")
    comparison = compare(before, after)
    assert {s.change for s in comparison.steps} == {Change.CACHED}
    assert all(s.reason is None for s in comparison.steps)
    assert len(comparison.steps) == 13
    digests = {s.step.digest for s in before.steps if s.step.stage}
    assert len(digests & {s.step.digest for s in after.steps}) == 3


def test_an_edited_source_runs_only_what_depends_on_it() -> None:
    comparison = compare(real("orders-cached"), real("orders-source-edited"))
    assert [step_name(s.step) for s in comparison.ran_again()] == [
        "[build 7/8] COPY src ./src",
        "[build 8/8] RUN npm run build",
        "[stage-2 5/5] COPY --from=build /app/dist ./dist",
    ]
    copied, ran, into_image = (s.reason for s in comparison.ran_again())
    assert isinstance(copied, FilesChanged)
    assert not copied.certain
    assert isinstance(ran, StepBefore)
    assert ran.through == ran.cause
    assert isinstance(into_image, StepBefore)
    assert step_name(into_image.cause) == "[build 7/8] COPY src ./src"
    assert step_name(into_image.through) == "[build 8/8] RUN npm run build"
    (first,) = comparison.first_causes()
    assert first.reason == copied
    assert "files that it takes have changed, or its cache was gone" in copied.sentence()


def test_seconds_are_counted_on_both_sides() -> None:
    before, after = real("orders-no-cache"), real("orders-source-edited")
    comparison = compare(before, after)
    assert comparison.seconds_saved == before.seconds - after.seconds > 6
    install = change(comparison, "build", 5)
    assert install.seconds_after == 0
    assert install.seconds_before > 5
    assert comparison.reused_seconds > install.seconds_before
    again = [s.seconds_after for s in comparison.ran_again()]
    assert comparison.again_seconds == sum(again) > 1


def test_a_build_that_reused_nothing_says_so_for_each_step() -> None:
    comparison = compare(real("orders-cached"), real("orders-no-cache"))
    reasons = {s.reason for s in comparison.ran_again()}
    assert reasons == {CacheNotUsed(None, whole_build=True)}
    assert len(comparison.ran_again()) == 11
    (reason,) = reasons
    assert reason is not None
    assert not reason.certain
    assert "no_cache" in reason.sentence()


def test_a_known_no_cache_is_the_reason() -> None:
    after = dataclasses.replace(real("copy-in-two-no-cache"), no_cache=True)
    comparison = compare(real("copy-in-two-edited"), after)
    assert {s.reason for s in comparison.ran_again()} == {CacheNotUsed(told=True)}
    # BuildKit takes a WORKDIR from the cache all the same.
    assert change(comparison, "stage-0", 2).change is Change.CACHED


def test_no_cache_of_one_stage_is_no_reason_in_another() -> None:
    after = dataclasses.replace(real("orders-no-cache"), no_cache=("dependencies",))
    comparison = compare(real("orders-cached"), after)
    assert change(comparison, "dependencies", 4).reason == CacheNotUsed(told=True)
    assert change(comparison, "build", 3).reason == CacheNotUsed(told=False)


def test_steps_after_a_failure_are_not_gone_and_not_new() -> None:
    comparison = compare(real("orders-source-edited"), real("orders-broken"))
    missing = comparison.of(Change.NOT_BUILT)
    assert {s.reason for s in missing} == {NotReached("after")}
    assert {s.stage for s in missing} == {"dependencies", "stage-2"}
    back = compare(real("orders-broken"), real("orders-source-edited"))
    assert {s.reason for s in back.of(Change.NEW)} == {NotReached("before")}
    assert not back.of(Change.GONE)


def test_a_step_that_failed_before_was_never_cached() -> None:
    before, after = real("orders-broken"), real("orders-source-edited")
    rebuilt = tuple(
        dataclasses.replace(s, cached=True) if s.step.instruction == "COPY src ./src" else s
        for s in after.steps
    )
    comparison = compare(before, dataclasses.replace(after, steps=rebuilt))
    assert change(comparison, "build", 8).reason == NeverFinished("failed")


def test_a_renamed_stage_and_its_copies_are_the_same_steps() -> None:
    comparison = compare(real("mounts"), real("mounts-renamed"))
    assert change(comparison, "toolbox", 3).change is Change.CACHED
    assert not comparison.of(Change.NEW)
    assert not comparison.of(Change.GONE)
    reason = change(comparison, "stage-2", 3).reason
    assert reason == SettingChanged(("ENV X=1",), ("ENV X=2",))
    renamed = change(comparison, "stage-2", 4)
    assert renamed.before is not None
    assert renamed.before.step.instruction == "COPY --link --from=tools /app/t ./t"
    assert isinstance(renamed.reason, StepBefore)


def test_an_inserted_step_is_new_and_the_cause_of_the_rest() -> None:
    comparison = compare(real("copy-in-two-edited"), real("run-inserted"))
    inserted = change(comparison, "stage-0", 2)
    assert (inserted.change, inserted.reason) == (Change.NEW, Added())
    for step in comparison.ran_again():
        assert isinstance(step.reason, StepBefore)
        assert step.reason.cause == inserted.step
        assert step.reason.how == "is new"
    assert len(comparison.ran_again()) == 5


def test_a_removed_step_is_gone_and_stands_where_it_was() -> None:
    comparison = compare(real("run-inserted"), real("copy-in-two-edited"))
    assert [s.change for s in comparison.steps][:3] == [Change.CACHED, Change.GONE, Change.CACHED]
    assert comparison.steps[1].reason == Removed()


def test_moved_instructions_are_found_again() -> None:
    comparison = compare(real("copy-all-first"), real("copy-in-two"))
    moved = change(comparison, "stage-0", 5)
    assert moved.before is not None
    assert (moved.step.instruction, moved.before.step.number) == ("COPY . .", 3)
    assert change(comparison, "stage-0", 3).change is Change.NEW
    assert isinstance(change(comparison, "stage-0", 4).reason, StepBefore)


def test_another_value_of_a_variable_is_told_from_another_instruction() -> None:
    by_argument = change(compare(real("argument-1"), real("argument-2")), "stage-0", 3)
    assert by_argument.reason == VariableChanged("RUN echo hello 1 > f", "RUN echo hello 2 > f")
    by_hand = change(compare(real("argument-1"), real("run-edited")), "stage-0", 3)
    assert by_hand.reason == InstructionChanged("RUN echo hello 1 > f", "RUN echo there 1 > f")


def test_a_known_argument_is_named() -> None:
    before = dataclasses.replace(real("argument-1"), build_args=argument_marks({"V": "1"}))
    after = dataclasses.replace(real("argument-2"), build_args=argument_marks({"V": "2"}))
    reason = change(compare(before, after), "stage-0", 3).reason
    assert isinstance(reason, VariableChanged)
    assert reason.arguments == ("V",)
    assert "the build argument V" in reason.sentence()


def test_buildkits_own_steps_stand_apart() -> None:
    comparison = compare(real("orders-cached"), real("orders-source-edited"))
    own = {s.step.name: s for s in comparison.own}
    assert own["exporting to image"].reason == EveryBuild()
    assert own["copy /context /"].before is not None
    assert all(s.step.stage is not None for s in comparison.steps)


@pytest.mark.parametrize("name", sorted(p.stem for p in RECORDS.glob("*.json")))
def test_a_record_beside_itself_has_every_step_matched(name: str) -> None:
    record = real(name)
    graph = graph_of(record)
    assert match_steps(graph, graph) == {d: d for d in graph.steps}


def test_equal_steps_of_stages_have_one_home_whatever_buildkit_named_them_after() -> None:
    cold, edited = real("orders-no-cache"), real("orders-source-edited")
    named = {s.step.stage for s in edited.steps if s.step.instruction == "WORKDIR /app"}
    assert named == {"dependencies"}
    for record in (cold, edited):
        graph = graph_of(record)
        assert graph.stages == ("build", "dependencies", "stage-2")
        assert [place.number for place, _ in graph.shared("stage-2")] == [1, 2]
        assert [s.number for s in graph.stage("build")] == list(range(1, 9))
    without_file = graph_of(dataclasses.replace(edited, dockerfile=""))
    assert without_file.stages[-1] == "stage-2"


def test_data_flows_through_copies_mounts_and_from() -> None:
    graph = graph_of(real("mounts"))
    flows = {
        (step_name(graph.steps[a]).split("] ")[0], step_name(graph.steps[b]).split("] ")[0])
        for a, b in graph.flows()
    }
    assert flows == {
        ("[tools 3/3", "[more 1/1"),
        ("[more 1/1", "[stage-2 3/6"),
        ("[tools 3/3", "[stage-2 4/6"),
    }


# --- what no real record at hand shows -----------------------------------------------------------

BASE = ("b", "FROM a")


def test_a_run_with_the_same_digest_had_no_cache_left() -> None:
    before = made(BASE, ("r", "RUN x"), ("s", "RUN y"), cached="b")
    after = made(BASE, ("r", "RUN x"), ("s", "RUN y"), cached="b s", no_cache=False)
    reason = change(compare(before, after), "stage-0", 2).reason
    assert reason == CacheNotUsed(told=False)
    assert reason.sentence() == "Nothing about it changed: its result was no longer in the cache."


def test_a_run_with_another_digest_is_defined_otherwise() -> None:
    before = made(BASE, ("r", "RUN x"), cached="b")
    after = made(BASE, ("r2", "RUN x"), cached="b")
    assert change(compare(before, after), "stage-0", 2).reason == Unseen(defined_otherwise=True)


def test_a_run_behind_the_context_leaves_open_why() -> None:
    before = made(BASE, ("c", "COPY . ."), ("r", "RUN x"), cached="b", salt="1")
    after = made(BASE, ("c2", "COPY . ."), ("r2", "RUN x"), cached="b c2", salt="2")
    reason = change(compare(before, after), "stage-0", 3).reason
    assert reason == Unseen()
    assert not reason.certain


def test_an_argument_that_only_the_environment_shows() -> None:
    text = "FROM a\nARG V\nRUN x\n"
    steps = (BASE, ("r", "RUN x"))

    def record(value: str, digest: str) -> BuildRecord:
        one = made(*steps[:1], (digest, "RUN x"), cached="b", dockerfile=text)
        moved = tuple(
            dataclasses.replace(s, step=dataclasses.replace(s.step, line=3))
            if s.step.instruction == "RUN x"
            else s
            for s in one.steps
        )
        return dataclasses.replace(one, steps=moved, build_args=argument_marks({"V": value}))

    assert change(compare(record("1", "r"), record("2", "r2")), "stage-0", 2).reason == (
        ArgumentChanged(("V",))
    )


def test_a_copy_says_that_the_dockerfile_may_be_among_its_files() -> None:
    before = made(BASE, ("c", "COPY . ."), ("r", "RUN x"), cached="b", salt="1")
    after = made(BASE, ("c2", "COPY . ."), ("r2", "RUN z"), cached="b", salt="2")
    reason = change(compare(before, after), "stage-0", 2).reason
    assert reason == FilesChanged("COPY . .", with_dockerfile=True)
    assert "the Dockerfile may be one of them" in reason.sentence()


def test_another_base_image_is_the_first_cause_though_it_was_there() -> None:
    before = made(("b", "FROM a:1"), ("r", "RUN x"), cached="b")
    after = made(("b2", "FROM a:2"), ("r2", "RUN x"), cached="b2")
    comparison = compare(before, after)
    base = change(comparison, "stage-0", 1)
    assert (base.change, base.reason) == (Change.CACHED, InstructionChanged("FROM a:1", "FROM a:2"))
    reason = change(comparison, "stage-0", 2).reason
    assert isinstance(reason, StepBefore)
    assert (reason.cause, reason.how) == (base.step, "changed")


def test_a_base_image_that_moved_or_was_fetched() -> None:
    old, new = "FROM a:1@sha256:" + "1" * 64, "FROM a:1@sha256:" + "2" * 64
    comparison = compare(made(("b", old), cached="b"), made(("b2", new), cached="b2"))
    assert change(comparison, "stage-0", 1).reason == BaseMoved(old, new)
    fetched = compare(made(BASE, cached="b"), made(BASE))
    assert change(fetched, "stage-0", 1).reason == BasePulled()
    assert change(fetched, "stage-0", 1).change is Change.AGAIN


def test_a_changed_step_that_another_build_left_in_the_cache() -> None:
    before = made(BASE, ("r", "RUN x"), ("s", "RUN z"), cached="b")
    after = made(BASE, ("r2", "RUN y"), ("s2", "RUN z"), cached="b r2")
    comparison = compare(before, after)
    assert change(comparison, "stage-0", 2).change is Change.CACHED
    assert change(comparison, "stage-0", 2).reason == InstructionChanged("RUN x", "RUN y")
    assert isinstance(change(comparison, "stage-0", 3).reason, StepBefore)


def test_a_step_on_another_step_than_before() -> None:
    before = made(BASE, ("r", "RUN rm x"), ("s", "RUN y"), cached="b")
    after = made(BASE, ("s2", "RUN y"), cached="b")
    comparison = compare(before, after)
    reason = change(comparison, "stage-0", 2).reason
    assert isinstance(reason, OtherPlace)
    assert reason.old is not None
    assert (reason.old.instruction, reason.new and reason.new.instruction) == ("RUN rm x", "FROM a")


def test_a_stage_that_the_target_did_not_need() -> None:
    text = "FROM a AS one\nRUN x\nFROM a AS two\nRUN y\n"

    def record(*names: str) -> BuildRecord:
        steps = tuple(
            StepRecord(Step(n, f"[{n} 2/2] RUN {w}", (), n, 2, 2, f"RUN {w}"), completed=1.0)
            for n, w in (("one", "x"), ("two", "y"))
            if n in names
        )
        return BuildRecord(steps, "sha256:1", dockerfile=text, target=names[-1])

    (new,) = compare(record("one"), record("one", "two")).of(Change.NEW)
    assert new.reason == NotNeeded("before")
    (left,) = compare(record("one", "two"), record("one")).of(Change.NOT_BUILT)
    assert left.reason == NotNeeded("after")


def test_a_line_that_moved_down_changes_nothing() -> None:
    before = made(BASE, ("r", "RUN x"), cached="b")
    after = made(BASE, ("r", "RUN x"), cached="b r", dockerfile="# why\n\n\nFROM a\nRUN x\n")
    assert {s.change for s in compare(before, after).steps} == {Change.CACHED}


def test_every_reason_is_a_sentence_and_a_few_words() -> None:
    step = Step("d", "[s 1/2] RUN x", (), "s", 1, 2, "RUN " + "x " * 200)
    reasons = [
        InstructionChanged("RUN " + "x" * 500, "RUN y"),
        VariableChanged("RUN 1", "RUN 2"),
        ArgumentChanged(("V", "W")),
        SettingChanged((), ("ENV X=1",)),
        StepBefore(step, step),
        StepBefore(step, dataclasses.replace(step, digest="e"), others=2),
        OtherPlace(None, step),
        FilesChanged("COPY . ."),
        CacheNotUsed(),
        CacheNotUsed(True),
        Unseen(),
        Unseen(True),
        NeverFinished("was stopped"),
        BasePulled(),
        BaseMoved("FROM a", "FROM a"),
        NotReached("before"),
        NotNeeded("after"),
        Added(),
        Removed(),
        EveryBuild(),
    ]
    for reason in reasons:
        assert reason.sentence().endswith(".")
        assert "\n" not in reason.sentence()
        assert len(reason.sentence()) < 420
        assert 0 < len(reason.brief) < 60


def test_likeness_is_between_nothing_and_everything() -> None:
    assert likeness("RUN npm ci", "RUN npm ci") == 1
    assert likeness("a b", "c d") == 0
    assert 0 < likeness("RUN npm ci", "RUN npm install") < 1


def test_a_long_stage_is_compared_in_no_time() -> None:
    steps = [BASE, *((f"r{i}", f"RUN step {i} of many") for i in range(350))]
    after = [BASE, ("n", "RUN new"), *((f"q{i}", f"RUN step {i} of many") for i in range(350))]
    comparison = compare(made(*steps), made(*after))
    assert len(comparison.ran_again()) == 351
    assert len(comparison.of(Change.NEW)) == 1


def test_a_graph_that_says_it_has_a_cycle_does_not_hang() -> None:
    a = Step("a", "[s 1/2] A", ("b",), "s", 1, 2, "A")
    b = Step("b", "[s 2/2] B", ("a",), "s", 2, 2, "B")
    record = BuildRecord((StepRecord(a), StepRecord(b)))
    assert len(compare(record, record).steps) == 2


def test_what_a_record_notes_is_saved_and_older_records_load() -> None:
    marks = argument_marks({"PROXY": "http://user:secret@proxy", "A": "1"})
    record = BuildRecord((), no_cache=("build",), build_args=marks)
    assert BuildRecord.from_json(record.to_json()) == record
    assert "secret" not in record.to_json()
    assert [name for name, _ in marks] == ["A", "PROXY"]
    assert argument_marks({"A": "1"}) != argument_marks({"A": "2"})
    assert real("mounts").no_cache is None


@pytest.mark.parametrize(
    ("instruction", "taken"),
    [
        ("COPY . .", ("a.txt", "src/b.ts", "src/deep/c.ts")),
        ("COPY --chown=1:1 src/ /app/", ("src/b.ts", "src/deep/c.ts")),
        ("COPY *.txt src/b.ts /app/", ("a.txt", "src/b.ts")),
        ("COPY /a.txt ./", ("a.txt",)),
        ("COPY s /app/", ()),
    ],
)
def test_the_files_that_a_copy_takes(instruction: str, taken: tuple[str, ...]) -> None:
    assert taken_by(instruction, ("a.txt", "src/b.ts", "src/deep/c.ts")) == taken


def test_files_that_were_sent_are_named() -> None:
    before = real("orders-cached")
    after = dataclasses.replace(real("orders-source-edited"), sent_files=("src/server.ts",))
    (cause, *_) = compare(before, after).first_causes()
    assert isinstance(cause.reason, FilesChanged)
    assert cause.reason.certain
    assert "src/server.ts" in cause.reason.sentence()
    nothing = dataclasses.replace(after, sent_files=())
    (cause, *_) = compare(before, nothing).first_causes()
    assert cause.reason is not None
    assert not cause.reason.certain
    assert "removed" in cause.reason.sentence()
