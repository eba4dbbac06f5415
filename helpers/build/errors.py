"""What can go wrong with a build: one family, each with a remedy and the record so far."""

from __future__ import annotations

from helpers.build.events import Step
from helpers.build.record import BuildRecord

#: Where BuildKit is missing, whoever notices it.
NO_BUILDKIT_REMEDY = "Use Docker Engine 23.0 or later; BuildKit is part of it."


class BuildError(Exception):
    """A build that did not give an image.

    Args:
        message: what is wrong, in one sentence that names the thing (file, line, image, engine).
        remedy: what the reader can do now, in one or two sentences.
        record: the build as far as it got; None where it had not begun.

    Attributes:
        exit_status: what a command line exits with: 1 for a build that failed, 2 for bad input,
            3 where no engine can be used.
    """

    exit_status = 1

    def __init__(self, message: str, *, remedy: str, record: BuildRecord | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.record = record

    def details(self) -> tuple[str, ...]:
        """Lines of evidence that belong between message and remedy; empty where there are none."""
        return ()

    def describe(self) -> str:
        """Message, evidence and remedy as text for a terminal."""
        return "\n".join((self.message, *self.details(), self.remedy))


class ContextError(BuildError):
    """The build context cannot be sent as it is.

    Attributes:
        path: the file it is about, relative to the context, or None.
    """

    exit_status = 2

    def __init__(self, message: str, *, remedy: str, path: str | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.path = path


class RequestError(BuildError):
    """The engine refuses the request itself: a tag, a platform or a network that it cannot use."""

    exit_status = 2


class SecretError(BuildError):
    """A secret or an SSH agent cannot be offered as it is."""

    exit_status = 2


class LoginError(BuildError):
    """The login for a registry cannot be read."""

    exit_status = 2


class DockerfileError(BuildError):
    """The Dockerfile is missing, empty or cannot be understood.

    Attributes:
        line: the line it is about, from 1, where it can be told.
        excerpt: that line with two lines around, numbered; empty where the line is not known.
    """

    def __init__(
        self,
        message: str,
        *,
        remedy: str,
        record: BuildRecord | None = None,
        line: int | None = None,
        excerpt: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message, remedy=remedy, record=record)
        self.line = line
        self.excerpt = excerpt

    def details(self) -> tuple[str, ...]:
        """The excerpt of the Dockerfile."""
        return self.excerpt


class StepFailedError(BuildError):
    """One step ended with an error.

    Attributes:
        step: the step as BuildKit tells it.
        exit_code: of the command of a RUN step; None where the step failed for another reason.
        output: the last lines that the step printed, at most 20.
        excerpt: its line in the Dockerfile with two lines around, numbered.
    """

    def __init__(
        self,
        message: str,
        *,
        remedy: str,
        step: Step,
        record: BuildRecord | None = None,
        exit_code: int | None = None,
        output: tuple[str, ...] = (),
        excerpt: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message, remedy=remedy, record=record)
        self.step = step
        self.exit_code = exit_code
        self.output = output
        self.excerpt = excerpt

    @property
    def instruction(self) -> str:
        """The failing instruction, for example ``RUN npm ci``."""
        return self.step.instruction or self.step.name

    @property
    def line(self) -> int | None:
        """Where the instruction starts in the Dockerfile, from 1, where it can be told."""
        return self.step.line

    def details(self) -> tuple[str, ...]:
        """The excerpt of the Dockerfile and the last lines of output."""
        output = ("last lines of output:", *(f"  {line}" for line in self.output))
        return (*self.excerpt, *(output if self.output else ()))


class CopySourceNotFound(StepFailedError):
    """A COPY or ADD names a file that is not there.

    Attributes:
        path: the file, relative to the context or to the stage that it is copied from.
        excluded_by: the ``.dockerignore`` line that keeps it out, or None.
    """

    path: str = ""
    excluded_by: str | None = None


class ImageUnavailable(BuildError):
    """An image that the Dockerfile names cannot be had.

    Attributes:
        image: the name as the engine resolved it.
    """

    def __init__(
        self, message: str, *, remedy: str, image: str, record: BuildRecord | None = None
    ) -> None:
        super().__init__(message, remedy=remedy, record=record)
        self.image = image


class BaseNotFound(ImageUnavailable):
    """The registry answered: there is no such image."""


class LoginNeeded(ImageUnavailable):
    """The registry wants a login, or refuses the one that it was given."""


class RegistryUnreachable(ImageUnavailable):
    """The registry does not answer, or its answer cannot be trusted."""


class NoSpace(BuildError):
    """The engine's disk is full."""


class Cancelled(BuildError):
    """The build was ended before it was done."""


class TimedOut(Cancelled):
    """The build took longer than it was given."""


class EngineLost(BuildError):
    """The engine stopped answering."""

    exit_status = 3


class NoBuildKit(BuildError):
    """The engine cannot build with BuildKit."""

    exit_status = 3


def excerpt(text: str, line: int | None, end_line: int | None = None) -> tuple[str, ...]:
    """Lines of a Dockerfile around a place, numbered, the place marked with ``>``.

    Args:
        text: the whole Dockerfile.
        line: the first line of the place, from 1; None gives an empty excerpt.
        end_line: its last line; of a long place only the first five lines are shown.
    """
    lines = text.splitlines()
    if line is None or not 1 <= line <= len(lines):
        return ()
    last = min(max(line, end_line or line), line + 4, len(lines))
    shown = range(max(1, line - 2), min(len(lines), last + 2) + 1)
    width = len(str(shown[-1]))
    return tuple(
        f"{'>' if line <= n <= last else ' '} {n:>{width}} | {lines[n - 1]}".rstrip() for n in shown
    )
