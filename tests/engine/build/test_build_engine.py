"""Builds that give an image."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

from image_builder import Builder

from helpers.build import (
    BuildRecord,
    BuildRequest,
    DockerfileText,
    folder_context,
    mapping_context,
)
from helpers.build.events import (
    Event,
    ImageBuilt,
    LogLine,
    StepCached,
    StepFinished,
    StepStarted,
)

RULES = """\
# comment
ARG V=1.37
FROM busybox:${V} AS Build
ARG NONCE
ENV A=1
WORKDIR /app
COPY a /app/a
RUN echo hi $A && \\
    echo there
RUN <<EOF
echo one
echo two
EOF
COPY <<"X" /app/x
content
X
run echo lower

FROM scratch
COPY --from=Build /app /app
LABEL x=y
FROM busybox:1.37
WORKDIR /x
COPY --from=1 /app/a /app/x /y/
RUN ["echo", "json"]
FROM build as third
RUN true
COPY --from=2 /y /y
"""


def steps(record: BuildRecord) -> dict[str, bool]:
    """Instruction to whether it was cached."""
    return {s.step.instruction: s.cached for s in record.steps if s.step.instruction}


def test_files_from_scratch(builder: Builder) -> None:
    events: list[Event] = []
    files = {"Dockerfile": "FROM scratch\nCOPY . /\n", ".dockerignore": "Dockerfile\n*.log\n"}
    record = builder({**files, "a/b": "hello", "x.log": ""}, events.append, tags=(builder.tag,))
    assert isinstance(events[-1], ImageBuilt) or any(isinstance(e, ImageBuilt) for e in events)
    assert builder.client.images.get(builder.tag).id == record.image_id
    found = builder.files(builder.tag)
    assert found["a/b"].size == 5
    assert "x.log" not in found


def test_steps_have_their_stage_number_and_line(builder: Builder, base: str, nonce: str) -> None:
    """How BuildKit counts, told by the engine itself."""
    record = builder({"Dockerfile": RULES, "a": nonce}, build_args={"NONCE": nonce})
    told = {
        (s.step.stage, s.step.number, s.step.total): (
            s.step.line,
            (s.step.instruction or "").split()[0],
        )
        for s in record.steps
        if s.step.number is not None
    }
    base_step = [key for key, (_, word) in told.items() if word == "FROM"]
    assert len(base_step) == 1  # one base image, one step, whichever stage it is told for
    assert told.pop(base_step[0])[0] in {3, 22}
    assert told == {
        ("build", 2, 7): (6, "WORKDIR"),
        ("build", 3, 7): (7, "COPY"),
        ("build", 4, 7): (8, "RUN"),
        ("build", 5, 7): (10, "RUN"),
        ("build", 6, 7): (14, "COPY"),
        ("build", 7, 7): (17, "RUN"),
        ("stage-1", 1, 1): (20, "COPY"),
        ("stage-2", 2, 4): (23, "WORKDIR"),
        ("stage-2", 3, 4): (24, "COPY"),
        ("stage-2", 4, 4): (25, "RUN"),
        ("third", 1, 2): (27, "RUN"),
        ("third", 2, 2): (28, "COPY"),
    }
    logs = {s.step.line: s.log for s in record.steps if s.log}
    assert logs[8] == ("hi 1", "there")
    assert logs[10] == ("one", "two")


def test_onbuild_triggers_take_no_line_from_others(builder: Builder, base: str, nonce: str) -> None:
    tag = f"{builder.tag}-onbuild"
    triggers = f"ONBUILD RUN echo {nonce}\nONBUILD COPY a /trigger\n"
    builder({"Dockerfile": f"FROM {base}\n{triggers}", "a": ""}, tags=(tag,))
    builder.built.append(tag)
    dockerfile = f"FROM {tag}\nENV A=1\nRUN echo mine {nonce}\nCOPY a /own\n"
    record = builder({"Dockerfile": dockerfile, "a": ""})
    lines = {
        (s.step.instruction or "").removeprefix("ONBUILD "): s.step.line
        for s in record.steps
        if s.step.instruction
    }
    assert lines[f"RUN echo {nonce}"] in {None, 1}
    assert lines["COPY a /trigger"] in {None, 1}
    assert lines[f"RUN echo mine {nonce}"] == 3
    assert lines["COPY a /own"] == 4


def test_the_second_build_is_cached_and_says_so(builder: Builder, base: str, nonce: str) -> None:
    files = {"Dockerfile": f"FROM {base}\nCOPY a /a\nRUN cat /a\n", "a": nonce}
    events: list[Event] = []
    first = builder(files, events.append)
    assert steps(first) == {
        "FROM docker.io/library/busybox:1.37": True,
        "COPY a /a": False,
        "RUN cat /a": False,
    }
    assert [e.text for e in events if isinstance(e, LogLine)] == [nonce]
    ran = [
        type(e)
        for e in events
        if getattr(getattr(e, "step", None), "instruction", "") == "RUN cat /a"
    ]
    assert ran == [StepStarted, LogLine, StepFinished]
    events.clear()
    second = builder(files, events.append)
    assert set(steps(second).values()) == {True}
    assert second.image_id == first.image_id
    assert sum(isinstance(e, StepCached) for e in events) >= 3
    assert not [e for e in events if isinstance(e, LogLine)]


def test_no_cache_runs_everything(builder: Builder, base: str) -> None:
    files = {"Dockerfile": f"FROM {base}\nRUN echo x\n"}
    builder(files)
    assert steps(builder(files, no_cache=True))["RUN echo x"] is False


def test_only_what_depends_on_a_change_runs_again(builder: Builder, base: str, nonce: str) -> None:
    dockerfile = f"FROM {base}\nCOPY package.json /\nRUN echo deps {nonce}\n"
    dockerfile += f"COPY src /src\nRUN echo {nonce}\n"
    files = {"Dockerfile": dockerfile, "package.json": nonce, "src": "1"}
    builder(files)
    again = steps(builder({**files, "src": "2"}))
    assert again[f"RUN echo deps {nonce}"] is True
    assert again["COPY src /src"] is False
    assert again[f"RUN echo {nonce}"] is False


def test_new_times_and_owners_hit_the_cache(builder: Builder, tmp_path: Path, nonce: str) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY a /a\n")
    (tmp_path / "a").write_text(nonce)
    first = builder.build(BuildRequest(folder_context(tmp_path)))
    os.utime(tmp_path / "a", (1, 1))
    if os.getuid() == 0:
        os.chown(tmp_path / "a", 1234, 1234)
    second = builder.build(BuildRequest(folder_context(tmp_path)))
    assert steps(second)["COPY a /a"] is True
    assert second.image_id == first.image_id


def test_a_record_survives_json(builder: Builder, base: str, nonce: str) -> None:
    record = builder({"Dockerfile": f"FROM {base}\nRUN echo ü {nonce}\n"})
    assert BuildRecord.from_json(record.to_json()) == record
    assert record.seconds > 0
    ran = next(s for s in record.steps if s.step.line == 2)
    assert ran.seconds > 0
    assert ran.step.inputs


def test_options_reach_the_engine(builder: Builder, base: str, nonce: str) -> None:
    dockerfile = (
        f"FROM {base} AS one\nARG WHO=nobody\nRUN echo $WHO {nonce} > /who\n"
        f"FROM one AS two\nRUN echo {nonce} > /two\n"
    )
    record = builder(
        {"Dockerfile": dockerfile},
        target="one",
        build_args={"WHO": "me"},
        labels={"org.example.a": "b=c"},
        platform="linux/amd64",
        tags=(builder.tag,),
    )
    image = builder.client.images.get(builder.tag)
    assert image.labels["org.example.a"] == "b=c"
    assert "two" not in builder.files(builder.tag)
    assert builder.files(builder.tag)["who"].size == len(f"me {nonce}\n")
    assert record.target == "one"


def test_two_builds_at_once(builder: Builder, base: str, nonce: str) -> None:
    barrier = threading.Barrier(2, timeout=60)
    records: dict[int, BuildRecord] = {}

    def run(number: int) -> None:
        def meet(event: Event) -> None:
            if isinstance(event, LogLine):
                barrier.wait()  # both are in the middle of their RUN

        files = {"Dockerfile": f"FROM {base}\nRUN echo {nonce} {number}; sleep 0.2\n"}
        records[number] = builder(files, meet)

    threads = [threading.Thread(target=run, args=(number,)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in (1, 2):
        logs = [s.log for s in records[number].steps if s.log]
        assert logs == [(f"{nonce} {number}",)]


def test_a_long_log_is_kept_in_bounds(builder: Builder, base: str, nonce: str) -> None:
    record = builder(
        {"Dockerfile": f"FROM {base}\nRUN seq 1 5000; printf '1%%\\r2%%\\r3%%'; # {nonce}\n"}
    )
    (log,) = [s.log for s in record.steps if s.log]
    assert len(log) == 2201
    assert log[:2] == ("1", "2")
    assert log[-2:] == ("5000", "3%")


def test_odd_files_arrive_as_they_are(builder: Builder, tmp_path: Path) -> None:
    context = tmp_path / "context"
    context.mkdir()
    (context / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    (context / "run").write_text("x")
    (context / "run").chmod(0o4750)
    (context / "empty").mkdir(mode=0o711)
    (context / "outside").symlink_to("/etc/passwd")
    (context / "ünï ☃").write_text("x")
    (context / ("l" * 90)).mkdir()
    (context / ("l" * 90) / ("n" * 200)).write_text("x")
    (context / os.fsdecode(b"caf\xe9")).write_text("x")
    os.mkfifo(context / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(context / "sock"))
        record = builder.build(BuildRequest(folder_context(context)))
    found = builder.files(str(record.image_id))
    assert found["run"].mode & 0o7777 == 0o4750
    assert (found["run"].uid, found["run"].gid) == (0, 0)
    assert found["empty"].mode & 0o7777 == 0o711
    assert found["outside"].linkname == "/etc/passwd"
    assert found["fifo"].isfifo()
    assert "sock" not in found
    assert {"ünï ☃", os.fsdecode(b"caf\xe9"), "l" * 90 + "/" + "n" * 200} <= set(found)


def test_a_dockerfile_with_a_long_path_is_found(builder: Builder) -> None:
    path = f"{'d' * 120}/Dockerfile"
    context = mapping_context({path: "FROM scratch\nCOPY a /a\n", "a": "x"}, dockerfile=path)
    builder.build(BuildRequest(context))


def test_a_dockerfile_in_lower_case_and_one_that_is_text(builder: Builder) -> None:
    builder({"dockerfile": "FROM scratch\nCOPY a /a\n", "a": "x"})
    text = DockerfileText("FROM scratch\nCOPY a /b\n")
    record = builder.build(BuildRequest(mapping_context({"a": "x"}, dockerfile=text)))
    assert set(builder.files(str(record.image_id))) == {"b"}
    assert next(s.step.line for s in record.steps if s.step.number) == 2


def test_what_the_dockerfile_does_not_name_is_not_sent(builder: Builder, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY small /\n")
    (tmp_path / "small").write_text("x")
    with (tmp_path / "big").open("wb") as file:
        file.truncate(60_000_000)
    assert builder.build(BuildRequest(folder_context(tmp_path))).context_bytes < 10_000


def test_a_file_is_sent_once_and_again_when_it_changed(builder: Builder, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY big tiny /\n")
    big, tiny = tmp_path / "big", tmp_path / "tiny"
    big.write_bytes(os.urandom(8_000_000))
    tiny.write_text("a")
    times = (1_500_000_000, 1_500_000_000)
    os.utime(tiny, times)
    first = builder.build(BuildRequest(folder_context(tmp_path)))
    assert first.context_bytes > 8_000_000
    again = builder.build(BuildRequest(folder_context(tmp_path)))
    assert again.context_bytes < 10_000
    assert again.image_id == first.image_id
    # The same length and the same times: only the file itself can tell.
    tiny.write_text("b")
    os.utime(tiny, times)
    changed = builder.build(BuildRequest(folder_context(tmp_path)))
    assert changed.context_bytes < 10_000
    assert changed.image_id != first.image_id


def test_the_dockerfile_is_subject_to_the_ignore_file(builder: Builder, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    (tmp_path / ".dockerignore").write_text("Dockerfile\n.dockerignore\n")
    (tmp_path / "a").write_text("x")
    first = builder.build(BuildRequest(folder_context(tmp_path)))
    assert set(builder.files(str(first.image_id))) == {"a"}
    (tmp_path / "Dockerfile").write_text("# a comment\nFROM scratch\nCOPY . /\n")
    second = builder.build(BuildRequest(folder_context(tmp_path)))
    copied = next(s for s in second.steps if s.step.instruction == "COPY . /")
    assert copied.cached
