"""What builds ask for on their session, on every engine of the matrix, over every transport."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import pytest
from links import BASE, Linked
from locked_registry import PASSWORD, USER, locked_registry

from helpers.build import (
    BuildRequest,
    CancelToken,
    Login,
    Secret,
    SshAgent,
    folder_context,
    mapping_context,
    stream,
)
from helpers.build.errors import Cancelled, ContextError, LoginNeeded
from helpers.build.events import Event, LogLine, StepStarted
from helpers.build.session.logins import logins_of
from helpers.engine.processes import wait_for_end


def request(files: dict[str, str], **options: object) -> BuildRequest:
    options.setdefault("network", "none")
    return BuildRequest(mapping_context(files), **options)  # type: ignore[arg-type]


def printed(events: list[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, LogLine)]


def test_a_secret_reaches_its_step_and_nothing_else(linked: Linked, nonce: str) -> None:
    events: list[Event] = []
    dockerfile = (
        f"FROM {BASE}\nRUN --mount=type=secret,id=token : {nonce}; cat /run/secrets/token\n"
    )
    value = f"s3cret-{nonce}"
    record = linked.build(
        request({"Dockerfile": dockerfile}, secrets=(Secret.of("token", value),)),
        on_event=events.append,
    )
    assert printed(events) == ["***"]
    image = linked.engine.client.images.get(str(record.image_id))
    assert value not in repr(events) + record.to_json() + str(image.history())
    assert value.encode() not in b"".join(image.save())


@pytest.mark.parametrize("scheme", ["basic", "bearer"])
def test_a_base_image_behind_a_login(
    linked: Linked, nonce: str, scheme: Literal["basic", "bearer"]
) -> None:
    with locked_registry(scheme, nonce) as registry:
        files = {"Dockerfile": f"FROM {registry.image}\nCOPY a /a\n", "a": ""}
        with pytest.raises(LoginNeeded):
            linked.build(request(files, logins=logins_of({})))
        login = logins_of({registry.host: Login(USER, PASSWORD)})
        assert linked.build(request(files, logins=login)).image_id


def test_an_agent_is_there_for_its_step(linked: Linked, nonce: str, tmp_path: Path) -> None:
    events: list[Event] = []
    dockerfile = (
        f'FROM {BASE}\nRUN --mount=type=ssh : {nonce}; [ -S "$SSH_AUTH_SOCK" ] && echo socket\n'
        f'RUN : {nonce}; [ -z "$SSH_AUTH_SOCK" ] && echo none\n'
    )
    agent = SshAgent(str(tmp_path / "agent.sock"))
    linked.build(request({"Dockerfile": dockerfile}, agents=(agent,)), on_event=events.append)
    assert printed(events) == ["socket", "none"]


def test_a_folder_is_sent_once(linked: Linked, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    (tmp_path / ".dockerignore").write_text("*.log\nDockerfile\n")
    (tmp_path / "left.log").write_bytes(os.urandom(100_000))
    for number in range(300):
        (tmp_path / f"file {number}").write_bytes(os.urandom(10_000))
    first = linked.build(BuildRequest(folder_context(tmp_path)))
    assert 3_000_000 < first.context_bytes < 3_090_000
    assert len(first.sent_files or ()) == 301
    again = linked.build(BuildRequest(folder_context(tmp_path)))
    assert (again.image_id, again.sent_files) == (first.image_id, ())
    (tmp_path / "file 7").write_bytes(os.urandom(10_000))
    edited = linked.build(BuildRequest(folder_context(tmp_path)))
    assert edited.sent_files == ("file 7",)
    assert edited.image_id != first.image_id


def test_the_same_files_give_the_same_image(linked: Linked, tmp_path: Path) -> None:
    images = set()
    for name, time in (("a", 1_000_000_000), ("b", 1_700_000_000.5)):
        folder = tmp_path / name
        (folder / "deep").mkdir(parents=True)
        (folder / "Dockerfile").write_text("FROM scratch\nCOPY deep /deep\n")
        (folder / "deep" / "file").write_text("x")
        os.utime(folder / "deep" / "file", (time, time))
        record = linked.build(BuildRequest(folder_context(folder), no_cache=True))
        image = linked.engine.client.images.get(str(record.image_id))
        images.add(tuple(image.attrs["RootFS"]["Layers"]))
    assert len(images) == 1


def test_a_file_that_goes_away_is_named(linked: Linked, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    (tmp_path / "gone").write_text("x")
    context = folder_context(tmp_path)
    (tmp_path / "gone").unlink()
    with pytest.raises(ContextError, match="gone"):
        linked.build(BuildRequest(context))


def test_more_contexts_and_stages_that_run_anew(linked: Linked, nonce: str) -> None:
    files = {
        "Dockerfile": f"FROM tiny AS one\nRUN : {nonce}\nFROM {BASE}\nRUN : {nonce} two\n"
        "COPY --from=tools tool /tool\nCOPY --from=one /bin/true /t\n"
    }
    contexts = {
        "tools": mapping_context({"Dockerfile": "FROM scratch\n", "tool": nonce}),
        "tiny": f"docker-image://{BASE}",
    }
    linked.build(request(files, contexts=contexts))
    again = linked.build(request(files, contexts=contexts, no_cache=("one",)))
    ran = [s.step.instruction for s in again.steps if s.step.line and not s.cached]
    assert f"RUN : {nonce}" in ran
    assert f"RUN : {nonce} two" not in ran


def test_builds_at_once_keep_their_sessions_apart(linked: Linked, nonce: str) -> None:
    def one(number: int) -> bool:
        files = {
            "Dockerfile": f"FROM {BASE}\nCOPY mine /mine\n"
            f"RUN --mount=type=secret,id=token [ $(cat /mine) = $(cat /run/secrets/token) ]\n",
            "mine": f"{nonce}-{number}",
        }
        secret = Secret.of("token", f"{nonce}-{number}")
        return bool(linked.build(request(files, secrets=(secret,))).image_id)

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(one, range(6)))


@pytest.mark.parametrize("how", ["closed", "cancelled"])
def test_a_build_that_is_ended_as_a_step_begins(linked: Linked, nonce: str, how: str) -> None:
    """The moment in which BuildKit by itself loses the step."""
    token = CancelToken()
    dockerfile = f"FROM {BASE}\nRUN sleep 300; echo {nonce}\n"
    events = stream(linked.engine.client.api, request({"Dockerfile": dockerfile}), cancel=token)
    next(e for e in events if isinstance(e, StepStarted) and e.step.line == 2)
    if how == "closed":
        events.close()
    else:
        threading.Thread(target=token.cancel).start()
        with pytest.raises(Cancelled):
            list(events)
    assert all(wait_for_end(pid, 10) for pid in linked.running(nonce))
    assert linked.running(nonce) == ()
