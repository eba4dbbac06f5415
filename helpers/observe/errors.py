"""What can go wrong while observing, each with a remedy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import docker.errors
import requests.exceptions

from helpers.errors import BadInput, NoEngine, WorkbookError
from helpers.observe.text import printable


class ImageUnreadable(WorkbookError):
    """The archive that the engine sent cannot be read as an image."""

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(
            message,
            remedy=remedy
            or "Build the image again; if it was loaded, make its archive again (`docker save`).",
        )


class ObservationFailed(WorkbookError):
    """The engine could not do what an observation needs, through no fault of the image."""


class Stopped(Exception):
    """The observation was given up because another one failed or was interrupted."""


@contextmanager
def engine_errors(doing: str) -> Iterator[None]:
    """Turn what docker-py raises into the workbook's own errors.

    Args:
        doing: what is being done, as in "while DOING", for example ``reading the image``.

    Raises:
        NoEngine: where the engine does not answer any more.
        BadInput: where the image is not there.
        ObservationFailed: for any other refusal.
    """
    try:
        yield
    except docker.errors.ImageNotFound as error:
        raise BadInput(
            f"The engine has no such image: {_reason(error)}",
            remedy="Build it first, or check the name with `docker images`.",
        ) from error
    except docker.errors.DockerException as error:
        raise ObservationFailed(
            f"The engine refused while {doing}: {_reason(error)}",
            remedy="Run `workbook doctor`, then try again.",
        ) from error
    except (requests.exceptions.RequestException, OSError) as error:
        raise NoEngine(
            f"The engine stopped answering while {doing} ({printable(str(error), 200)}).",
            remedy="Run `workbook doctor` to see whether it still runs, then try again.",
        ) from error


def _reason(error: docker.errors.DockerException) -> str:
    explanation = getattr(error, "explanation", None) or str(error)
    if isinstance(explanation, bytes):
        explanation = explanation.decode("utf-8", "replace")
    return printable(str(explanation), 400)
