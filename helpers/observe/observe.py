"""Make every observation that a check needs: each once, independent ones at the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import Any

import docker

from helpers.build.dockerfile import Dockerfile
from helpers.build.record import BuildRecord
from helpers.errors import NoEngine, WorkbookError
from helpers.observe.bases import read_bases
from helpers.observe.read_image import read_image
from helpers.observe.requests import (
    BasesRequest,
    ImageRequest,
    Observations,
    Request,
    ServiceRequest,
)
from helpers.observe.run_service import run_service

#: Most containers of one check that run at the same time.
MAX_AT_ONCE = 4


def observe(
    client: docker.DockerClient,
    image_id: str,
    requests: Iterable[Request],
    *,
    catalogue: Mapping[str, str],
    dockerfile: Dockerfile | None = None,
    build: BuildRecord | None = None,
    dev_packages: frozenset[str] = frozenset(),
) -> Observations:
    """Answer each distinct request once.

    Args:
        client: a connection to the engine.
        image_id: name or id of the image.
        requests: what is to be seen; equal ones are answered once.
        catalogue: kind of base image by name, for :class:`BasesRequest`.
        dockerfile: handed on to the observations.
        build: handed on to the observations.
        dev_packages: handed on to the observations.

    Returns:
        The observations. Where one failed, ``failures`` says why, and the others stand.

    Raises:
        NoEngine: if the engine stops answering.
        KeyboardInterrupt: after every container was removed.
    """
    wanted = tuple(dict.fromkeys(requests))
    answers, failures = _all_at_once(client, image_id, wanted, catalogue)
    return Observations(
        dockerfile=dockerfile,
        build=build,
        image=answers.get(ImageRequest()),
        bases=answers.get(BasesRequest(), ()),
        services={r: a for r, a in answers.items() if isinstance(r, ServiceRequest)},
        dev_packages=dev_packages,
        failures=failures,
    )


def _all_at_once(
    client: docker.DockerClient,
    image_id: str,
    wanted: tuple[Request, ...],
    catalogue: Mapping[str, str],
) -> tuple[dict[Request, Any], dict[Request, str]]:
    answers: dict[Request, Any] = {}
    failures: dict[Request, str] = {}
    stop: Future[None] = Future()
    with ThreadPoolExecutor(MAX_AT_ONCE, thread_name_prefix="observe") as pool:
        futures = {
            pool.submit(_task(client, image_id, request, catalogue, stop)): request
            for request in wanted
        }
        try:
            waiting = set(futures)
            while waiting:
                done, waiting = wait(waiting, return_when=FIRST_EXCEPTION)
                for future in done:
                    _take(future, futures[future], answers, failures)
        except BaseException:
            # Ctrl-C, a lost engine or a mistake of ours: the others end at once, containers go.
            for future in futures:
                future.cancel()
            stop.set_result(None)
            raise
    # In the order in which they were asked for, however they came in.
    return {r: answers[r] for r in wanted if r in answers}, failures


def _take(
    future: Future[Any],
    request: Request,
    answers: dict[Request, Any],
    failures: dict[Request, str],
) -> None:
    try:
        answers[request] = future.result()
    except NoEngine:
        raise
    except WorkbookError as error:
        failures[request] = error.message


def _task(
    client: docker.DockerClient,
    image_id: str,
    request: Request,
    catalogue: Mapping[str, str],
    stop: Future[None],
) -> Callable[[], Any]:
    """What answers the request."""
    match request:
        case ImageRequest():
            return lambda: read_image(client.api, image_id, stopped=stop.done)
        case BasesRequest():
            return lambda: read_bases(client, catalogue)
        case ServiceRequest():
            return lambda: run_service(client, image_id, request, stop=stop)
