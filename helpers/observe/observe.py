"""Make every observation that a check needs: each once, independent ones at the same time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from importlib import import_module
from typing import Any, TypeVar

from helpers.errors import NoEngine, WorkbookError
from helpers.observe.requests import (
    BasesRequest,
    ImageRequest,
    Observations,
    Request,
    ServiceRequest,
)
from helpers.observe.subject import Subject

T = TypeVar("T")
_Asked = tuple[int, Request[Any]]  # the number of the subject, and what is asked of it

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
    (seen,) = observe_each((Look(subject, tuple(requests), dev_packages),))
    return seen


@dataclass(frozen=True, slots=True)
class Look:
    """One subject and what is to be seen of it.

    Attributes:
        subject: what is looked at.
        requests: what is to be seen.
        dev_packages: handed on to the observations.
    """

    subject: Subject
    requests: tuple[Request[Any], ...]
    dev_packages: frozenset[str] = frozenset()


def observe_each(looks: Sequence[Look]) -> tuple[Observations, ...]:
    """Look at several subjects at the same time; arguments and errors as :func:`observe`.

    Returns:
        What was seen of each, in their order.
    """
    wanted = tuple(dict.fromkeys((n, r) for n, look in enumerate(looks) for r in look.requests))
    answers, failures = _all_at_once(tuple(look.subject for look in looks), wanted)
    return tuple(
        _observations(look, _of(number, answers), _of(number, failures))
        for number, look in enumerate(looks)
    )


def _of(number: int, found: dict[_Asked, T]) -> dict[Request[Any], T]:
    return {request: value for (n, request), value in found.items() if n == number}


def _observations(
    look: Look, answers: dict[Request[Any], Any], failures: dict[Request[Any], str]
) -> Observations:
    subject = look.subject
    return Observations(
        dockerfile=subject.dockerfile,
        build=subject.build,
        image=answers.get(ImageRequest()),
        bases=answers.get(BasesRequest(), ()),
        services={r: a for r, a in answers.items() if isinstance(r, ServiceRequest)},
        dev_packages=look.dev_packages,
        answers={r: a for r, a in answers.items() if not isinstance(r, _FIELDS)},
        failures=failures,
    )


def _all_at_once(
    subjects: tuple[Subject, ...], wanted: tuple[_Asked, ...]
) -> tuple[dict[_Asked, Any], dict[_Asked, str]]:
    answers: dict[_Asked, Any] = {}
    failures: dict[_Asked, str] = {}
    with ThreadPoolExecutor(MAX_AT_ONCE, thread_name_prefix="observe") as pool:
        futures = {pool.submit(_answer, subjects[asked[0]], asked[1]): asked for asked in wanted}
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
            for subject in subjects:
                if not subject.stop.done():
                    subject.stop.set_result(None)
            raise
    # In the order in which they were asked for, however they came in.
    return {r: answers[r] for r in wanted if r in answers}, failures


def _take(
    future: Future[Any],
    asked: _Asked,
    answers: dict[_Asked, Any],
    failures: dict[_Asked, str],
) -> None:
    try:
        answers[asked] = future.result()
    except NoEngine:
        raise
    except WorkbookError as error:
        failures[asked] = error.message


def _answer(subject: Subject, request: Request[Any]) -> Any:
    """What the observer that the request names has seen."""
    module, _, function = request.observer.partition(":")
    return getattr(import_module(module), function)(subject, request)
