"""Run containers of an image, attack them from inside with a program of ours, and tell the outcome.

Judged from outside: process 1 and the attacker are our own program, brought in by a volume. Nothing
of the image runs while those actions are tried that need nothing of it; the others follow.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Any

import docker

from helpers.errors import BadInput
from helpers.observe.attack.actions import BY_ID
from helpers.observe.attack.facts import (
    ActionOutcome,
    AttackFacts,
    AttackMatrix,
    AttackMatrixRequest,
    AttackRequest,
)
from helpers.observe.attack.hardening import Hardening
from helpers.observe.attack.parse import parse_outcomes
from helpers.observe.attack.stage import PORT, Stage, stage
from helpers.observe.attack.tool import FOLDER, PROGRAM
from helpers.observe.containers import (
    CannotStart,
    ContainerSpec,
    RunningContainer,
    running_container,
)
from helpers.observe.errors import ObservationFailed, Stopped, engine_errors
from helpers.observe.subject import Subject

_MOST_OUTPUT = 256_000
_EXEC_SECONDS = 60.0
#: Containers of one matrix that are attacked at the same time.
_AT_ONCE = 2
_MARKER = "WORKBOOK_INTRUDER_MARKER"


def observe_attack(subject: Subject, request: AttackRequest) -> AttackFacts:
    """A container of the subject's image, attacked; raises what :func:`observe_matrix` does."""
    _known(request.actions)
    with stage(subject.client, frozenset({request.hardening.network}), subject.stop) as scene:
        return _attack(subject, scene, request.hardening, request.actions)


def observe_matrix(subject: Subject, request: AttackMatrixRequest) -> AttackMatrix:
    """One container a hardening, attacked. All of them, and what they need, are removed.

    Raises:
        BadInput: if the engine has no such image, or there is no such action.
        ObservationFailed: if the engine cannot run containers, or the program cannot be compiled.
        NoEngine: if the engine stops answering.
        Stopped: where ``subject.stop`` said so.
    """
    _known(request.actions)
    began = time.monotonic()
    with engine_errors("asking the engine"):
        options = subject.client.info().get("SecurityOptions") or ()
    kinds = frozenset(h.network for h in request.hardenings)
    # If one fails, the others end, too.
    inner = replace(subject, stop=Future())
    with (
        stage(subject.client, kinds, subject.stop) as scene,
        ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="attack") as pool,
    ):
        futures = [
            pool.submit(_attack, inner, scene, hardening, request.actions)
            for hardening in request.hardenings
        ]
        try:
            _wait_for_all(futures, subject.stop)
        except BaseException:
            for future in futures:
                future.cancel()
            inner.stop.set_result(None)
            raise
    return AttackMatrix(
        image=subject.image_id,
        runs=tuple(future.result() for future in futures),
        userns_remap=any("name=userns" in str(option) for option in options),
        seconds=time.monotonic() - began,
    )


def _wait_for_all(futures: list[Future[AttackFacts]], stop: Future[None]) -> None:
    waiting: set[Future[Any]] = {*futures, stop}
    while waiting - {stop}:
        done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
        if stop in done:
            raise Stopped
        for future in done:
            future.result()


def _known(actions: tuple[str, ...]) -> None:
    unknown = [action for action in actions if action not in BY_ID]
    if unknown:
        raise BadInput(
            f"There is no action {unknown[0]!r} of an intruder.",
            remedy=f"They are: {', '.join(BY_ID)}.",
        )


def _attack(
    subject: Subject, scene: Stage, hardening: Hardening, actions: tuple[str, ...]
) -> AttackFacts:
    began = time.monotonic()
    api = subject.client.api
    with engine_errors("reading the image"):
        config = api.inspect_image(subject.image_id).get("Config") or {}
    marker = uuid.uuid4().hex
    spec = container_spec(subject.image_id, scene, hardening, marker)
    facts = AttackFacts(hardening, started=False)
    # The pool outlives the container: its removal ends a command that still runs.
    with ThreadPoolExecutor(1, thread_name_prefix="attack-exec") as pool:
        try:
            with running_container(subject.client, spec) as container:
                with engine_errors("looking at the container"):
                    limits = api.inspect_container(container.id)["HostConfig"]
                pids, memory = _limits(limits)
                facts = replace(facts, started=True, pids_limit=pids, memory_limit=memory)
                about = _arguments(scene, facts, str(config.get("WorkingDir") or "/"), marker)
                found = _all(pool, api, container, about, actions, subject.stop)
                facts = replace(facts, outcomes=found)
        except CannotStart as problem:
            facts = replace(facts, start_error=str(problem))
    return replace(facts, seconds=time.monotonic() - began)


def container_spec(image: str, scene: Stage, hardening: Hardening, marker: str) -> ContainerSpec:
    """How the container under attack is run.

    Args:
        image: name or id.
        scene: where it is run.
        hardening: how it is confined.
        marker: a value for its environment.
    """
    return ContainerSpec(
        image,
        entrypoint=(PROGRAM,),
        command=("hold",),
        env=((_MARKER, marker),),
        volumes=((scene.volume, FOLDER),),
        network=scene.networks[hardening.network],
        user=hardening.user,
        read_only=hardening.read_only,
        tmpfs=tuple((t.path, t.options) for t in hardening.tmpfs),
        cap_drop=("ALL",) if hardening.drop_capabilities else (),
        no_new_privileges=hardening.no_new_privileges,
        pids=hardening.pids,
        memory_mb=hardening.memory_mb,
        no_health=True,
    )


def _limits(host_config: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """Processes and bytes, as the engine says: it drops limits that its kernel does not know."""
    pids, memory = int(host_config.get("PidsLimit") or 0), int(host_config.get("Memory") or 0)
    return pids if pids > 0 else None, memory or None


def _arguments(scene: Stage, facts: AttackFacts, app: str, marker: str) -> tuple[str, ...]:
    return (
        app,
        marker,
        scene.neighbour,
        str(PORT),
        scene.gateway or "-",
        str(facts.pids_limit or 0),
        str(facts.memory_limit or 0),
    )


def _all(
    pool: ThreadPoolExecutor,
    api: docker.APIClient,
    container: RunningContainer,
    about: tuple[str, ...],
    actions: tuple[str, ...],
    stop: Future[None],
) -> tuple[ActionOutcome, ...]:
    found: dict[str, ActionOutcome] = {}
    for kind in ("own", "image"):
        wanted = [a for a in actions if BY_ID[a].runs_image == (kind == "image")]
        if not wanted:
            continue
        command = [PROGRAM, "attack", kind, *about, *wanted]
        output = _run(pool, api, container, command, stop)
        outcomes, complete = parse_outcomes(output, wanted)
        if kind == "own" and not outcomes:
            raise ObservationFailed(
                "The program that plays the intruder told nothing in the container.",
                remedy="Run `workbook doctor`, then try again.",
            )
        found |= outcomes
        why = "the container ended first" if not complete else "the program knows no such action"
        found |= {a: ActionOutcome(a, "not tried", detail=why) for a in wanted if a not in found}
    return tuple(found[a] for a in BY_ID if a in found)


def _run(
    pool: ThreadPoolExecutor,
    api: docker.APIClient,
    container: RunningContainer,
    command: list[str],
    stop: Future[None],
) -> bytes:
    """What a command in the container prints, as the container's own user."""
    future = pool.submit(_exec, api, container.id, command)
    either: set[Future[Any]] = {future, stop}
    wait(either, timeout=_EXEC_SECONDS, return_when=FIRST_COMPLETED)
    if not future.done():
        if stop.done():
            raise Stopped
        raise ObservationFailed(
            f"The attack did not end within {_EXEC_SECONDS:.0f} s.",
            remedy="Try again when the machine is less busy.",
        )
    with engine_errors("running the attack"):
        return future.result()


def _exec(api: docker.APIClient, container: str, command: list[str]) -> bytes:
    created = api.exec_create(container, command, stdout=True, stderr=False)
    stream = api.exec_start(created["Id"], stream=True)
    output = b""
    for piece in stream:
        output += piece
        if len(output) > _MOST_OUTPUT:
            break
    return output
