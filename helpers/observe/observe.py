"""Make every observation that a check needs: each once, independent ones at the same time."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from importlib import import_module
from typing import Any

from helpers.errors import NoEngine, WorkbookError
from helpers.observe.requests import (
    BasesRequest,
    ImageRequest,
    Observations,
    Request,
    ServiceRequest,
)
from helpers.observe.subject import Subject

#: Most observations of one check that are made at the same time.
MAX_AT_ONCE = 4
_FIELDS = (ImageRequest, BasesRequest, ServiceRequest)  # Observations has fields for these


def observe(
    subject: Subject,
    requests: Iterable[Request[Any]],
    *,
    dev_packages: frozenset[str] = frozenset(),
) -> Observations:
    """Answer each distinct request once.

    Args:
        subject: what is looked at.
        requests: what is to be seen; equal ones are answered once.
        dev_packages: handed on to the observations.

    Returns:
        The observations. Where one failed, ``failures`` says why, and the others stand.

    Raises:
        NoEngine: if the engine stops answering.
        KeyboardInterrupt: after every container was removed.
    """
    wanted = tuple(dict.fromkeys(requests))
    answers, failures = _all_at_once(subject, wanted)
    return Observations(
        dockerfile=subject.dockerfile,
        build=subject.build,
        image=answers.get(ImageRequest()),
        bases=answers.get(BasesRequest(), ()),
        services={r: a for r, a in answers.items() if isinstance(r, ServiceRequest)},
        dev_packages=dev_packages,
        answers={r: a for r, a in answers.items() if not isinstance(r, _FIELDS)},
        failures=failures,
    )


def _all_at_once(
    subject: Subject, wanted: tuple[Request[Any], ...]
) -> tuple[dict[Request[Any], Any], dict[Request[Any], str]]:
    answers: dict[Request[Any], Any] = {}
    failures: dict[Request[Any], str] = {}
    with ThreadPoolExecutor(MAX_AT_ONCE, thread_name_prefix="observe") as pool:
        futures = {pool.submit(_answer, subject, request): request for request in wanted}
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
            if not subject.stop.done():
                subject.stop.set_result(None)
            raise
    # In the order in which they were asked for, however they came in.
    return {r: answers[r] for r in wanted if r in answers}, failures


def _take(
    future: Future[Any],
    request: Request[Any],
    answers: dict[Request[Any], Any],
    failures: dict[Request[Any], str],
) -> None:
    try:
        answers[request] = future.result()
    except NoEngine:
        raise
    except WorkbookError as error:
        failures[request] = error.message


def _answer(subject: Subject, request: Request[Any]) -> Any:
    """What the observer that the request names has seen."""
    module, _, function = request.observer.partition(":")
    return getattr(import_module(module), function)(subject, request)
