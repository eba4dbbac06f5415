"""The same builds on every engine of the matrix, over every transport."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from links import BASE, Linked

from helpers.build import BuildRecord, BuildRequest, CancelToken, mapping_context
from helpers.build.errors import Cancelled, StepFailedError
from helpers.build.events import Event, LogLine, StepCached, StepFinished, StepStarted
from helpers.engine.processes import wait_for_end


def request(dockerfile: str, **options: object) -> BuildRequest:
    options.setdefault("network", "none")
    return BuildRequest(mapping_context({"Dockerfile": dockerfile}), **options)  # type: ignore[arg-type]


def steps(record: BuildRecord) -> dict[str, bool]:
    """Instruction to whether it was cached, without the base image's own step."""
    return {
        s.step.instruction: s.cached
        for s in record.steps
        if s.step.instruction and not s.step.instruction.upper().startswith("FROM")
    }


def test_it_is_the_engine_that_it_should_be(linked: Linked) -> None:
    variant = linked.machine.variant
    assert linked.engine.version.startswith(variant.release)
    status = dict(map(tuple, linked.engine.info["DriverStatus"]))
    containerd = status.get("driver-type") == "io.containerd.snapshotter.v1"
    assert containerd == (variant.image_store == "containerd")
    assert containerd or linked.engine.info["Driver"] == variant.image_store


def test_a_build_runs_its_commands_and_gives_an_image(linked: Linked, nonce: str) -> None:
    events: list[Event] = []
    record = linked.build(
        request(f'FROM {BASE}\nRUN echo said {nonce} && mkdir /made\nCMD ["true"]\n'),
        on_event=events.append,
    )
    assert linked.engine.client.images.get(record.image_id).attrs["Config"]["Cmd"] == ["true"]
    assert f"said {nonce}" in [e.text for e in events if isinstance(e, LogLine)]
    finished = [e.step.line for e in events if isinstance(e, StepFinished)]
    assert 2 in finished


def test_a_command_runs_in_the_network_that_the_engine_chooses(linked: Linked, nonce: str) -> None:
    record = linked.build(request(f"FROM {BASE}\nRUN echo {nonce}\n", network=None))
    assert steps(record) == {f"RUN echo {nonce}": False}


def test_the_second_build_takes_every_step_from_the_cache(linked: Linked, nonce: str) -> None:
    wanted = request(f"FROM {BASE}\nRUN echo {nonce}\nRUN mkdir /a /b\n")
    first = linked.build(wanted)
    events: list[Event] = []
    second = linked.build(wanted, on_event=events.append)
    assert steps(first) == {f"RUN echo {nonce}": False, "RUN mkdir /a /b": False}
    assert steps(second) == {f"RUN echo {nonce}": True, "RUN mkdir /a /b": True}
    assert [e.step.line for e in events if isinstance(e, StepCached)].count(2) == 1


def test_a_failing_command_is_told_with_its_line_and_exit_code(linked: Linked, nonce: str) -> None:
    dockerfile = f"FROM {BASE}\n# {nonce}\nRUN echo fine\nRUN echo last words {nonce} && exit 37\n"
    with pytest.raises(StepFailedError) as caught:
        linked.build(request(dockerfile))
    error = caught.value
    assert (error.line, error.exit_code) == (4, 37)
    assert f"last words {nonce}" in error.output
    assert error.record is not None
    assert error.record.image_id is None


def test_findings_of_build_checks_are_told_where_the_engine_has_them(
    linked: Linked, nonce: str
) -> None:
    """Build checks came with BuildKit 0.15, which is part of Docker 27.2."""
    record = linked.build(request(f"FROM {BASE}\nLABEL x={nonce}\nCMD echo {nonce}\n"))
    told = [(w.line, w.short) for w in record.warnings]
    if linked.machine.variant.release == "26.1.":
        assert told == []
    else:
        assert len(told) == 1
        assert told[0][0] == 3
        assert "JSONArgsRecommended" in told[0][1]


def test_target_build_arguments_labels_and_tags_reach_the_image(linked: Linked, nonce: str) -> None:
    tags = (f"matrix-{nonce}:1", f"matrix-{nonce}:2")
    dockerfile = (
        f"FROM {BASE} AS wanted\nARG WORD\nENV WORD=$WORD\nRUN echo $WORD\n"
        f"FROM {BASE} AS unwanted\nRUN false\n"
    )
    record = linked.build(
        request(
            dockerfile,
            target="wanted",
            build_args={"WORD": nonce},
            labels={"a.label": f"is {nonce}"},
            tags=tags,
        )
    )
    images = linked.engine.client.images
    assert {images.get(tag).id for tag in tags} == {record.image_id}
    config = images.get(tags[0]).attrs["Config"]
    assert f"WORD={nonce}" in config["Env"]
    assert config["Labels"]["a.label"] == f"is {nonce}"


def test_a_cancelled_build_leaves_no_process_on_the_engine(linked: Linked, nonce: str) -> None:
    token = CancelToken()
    seen: list[tuple[int, ...]] = []
    # The shell stays as the parent: its command line holds the nonce.
    dockerfile = f"FROM {BASE}\nRUN echo ready && sleep 300; echo {nonce}\n"

    def cancel_when_it_runs(event: Event) -> None:
        if isinstance(event, LogLine) and event.text == "ready":
            seen.append(linked.running(nonce))
            threading.Thread(target=token.cancel).start()

    begin = time.monotonic()
    with pytest.raises(Cancelled):
        linked.build(request(dockerfile), on_event=cancel_when_it_runs, cancel=token)
    assert time.monotonic() - begin < 60
    (processes,) = seen
    assert processes, "the command was not seen while it ran"
    assert all(wait_for_end(pid, 10) for pid in processes)
    assert linked.running("sleep 300") == ()


def test_two_builds_run_at_once(linked: Linked, nonce: str) -> None:
    def timed(name: str) -> tuple[BuildRecord, float, float]:
        times: dict[str, float] = {}

        def note(event: Event) -> None:
            if isinstance(event, StepStarted | StepFinished) and event.step.line == 2:
                times[type(event).__name__] = time.monotonic()

        dockerfile = f"FROM {BASE}\nRUN sleep 2 && echo {name} {nonce}\nLABEL name={name}\n"
        record = linked.build(request(dockerfile), on_event=note)
        return record, times["StepStarted"], times["StepFinished"]

    with ThreadPoolExecutor(2) as pool:
        (a, a_start, a_end), (b, b_start, b_end) = pool.map(timed, ("a", "b"))
    assert a_start < b_end
    assert b_start < a_end
    images = linked.engine.client.images
    names = [images.get(r.image_id).labels["name"] for r in (a, b)]
    assert names == ["a", "b"]


def test_containers_can_be_run_and_asked(linked: Linked, nonce: str) -> None:
    """The streams that docker-py itself takes off the connection work over every transport."""
    client = linked.engine.client
    container = client.containers.run(BASE, ["sleep", "300"], detach=True, network_mode="none")
    try:
        code, said = container.exec_run(["sh", "-c", f"echo {nonce}; exit 3"])
        assert (code, said) == (3, f"{nonce}\n".encode())
    finally:
        container.remove(force=True)
