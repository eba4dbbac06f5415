"""Why a step ran again, is new, or is gone: one value a reason, each with its sentence.

Some reasons are read off the records, others are inferred: what BuildKit's cache compares, it does
not tell. ``certain`` says which is which.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

from helpers.build.events import Step
from helpers.build.graph import step_name


class Reason(Protocol):
    """Why something is not as it was in the build before."""

    @property
    def certain(self) -> bool:
        """True where the records say so; False where it is what they leave open."""

    @property
    def brief(self) -> str:
        """A few words, for a table or a picture."""

    def sentence(self) -> str:
        """The reason for a person, without the step's own name."""


@dataclass(frozen=True, slots=True)
class InstructionChanged:
    """The instruction itself is another one."""

    old: str
    new: str
    certain: ClassVar[bool] = True

    @property
    def brief(self) -> str:
        """In a few words."""
        return "the instruction changed"

    def sentence(self) -> str:
        """Old and new words."""
        return f"The instruction changed from {_quoted(self.old)} to {_quoted(self.new)}."


@dataclass(frozen=True, slots=True)
class VariableChanged:
    """The Dockerfile's line is the same, and means something else: a variable's value differs.

    Attributes:
        old: the instruction as it was run before.
        new: as it was run now.
        arguments: build arguments that are known to have changed and that the stage declares.
    """

    old: str
    new: str
    arguments: tuple[str, ...] = ()
    certain: ClassVar[bool] = True

    @property
    def brief(self) -> str:
        """In a few words."""
        return "a variable has another value"

    def sentence(self) -> str:
        """Old and new words, and the argument where it is known."""
        change = f"the instruction is now {_quoted(self.new)}, and was {_quoted(self.old)}"
        if self.arguments:
            return f"The value of {_listed(self.arguments)} changed: {change}."
        return f"A variable in it has another value (a build argument, ARG or ENV): {change}."


@dataclass(frozen=True, slots=True)
class ArgumentChanged:
    """A build argument changed that the stage declares; RUN sees all of them as variables."""

    arguments: tuple[str, ...]
    certain: ClassVar[bool] = False

    @property
    def brief(self) -> str:
        """In a few words."""
        return f"{_listed(self.arguments)} changed"

    def sentence(self) -> str:
        """The arguments' names."""
        return f"The build's value of {_listed(self.arguments)} changed, and the step can see it."


@dataclass(frozen=True, slots=True)
class SettingChanged:
    """A line above it changed that makes no step of its own (ENV, ARG, SHELL, USER)."""

    old: tuple[str, ...]
    new: tuple[str, ...]
    certain: ClassVar[bool] = False

    @property
    def brief(self) -> str:
        """In a few words."""
        return "a setting above it changed"

    def sentence(self) -> str:
        """What stands there now, and what stood there."""
        now = " and ".join(_quoted(line) for line in self.new) or "nothing"
        was = " and ".join(_quoted(line) for line in self.old) or "nothing"
        return f"A line above that sets how it runs changed: now {now}, before {was}."


@dataclass(frozen=True, slots=True)
class StepBefore:
    """Something that it builds on is not what it was.

    Attributes:
        cause: the first step that ran again, or changed, for a reason of its own.
        through: the step that it uses directly; the cause itself where nothing lies between.
        how: what happened to the cause.
        others: how many further causes there are.
    """

    cause: Step
    through: Step
    how: Literal["ran again", "is new", "changed"] = "ran again"
    others: int = 0
    certain: ClassVar[bool] = True

    @property
    def brief(self) -> str:
        """In a few words."""
        place = f"{self.cause.stage} {self.cause.number}/{self.cause.total}"
        return f"because of {place}" + (f" and {self.others} more" if self.others else "")

    def sentence(self) -> str:
        """The cause, and the way from there."""
        name = step_name(self.cause)
        more = f" (and {self.others} more)" if self.others else ""
        if self.through.digest == self.cause.digest:
            return f"It builds on {name}, which {self.how}{more}."
        through = step_name(self.through)
        return f"It builds on {through}; that goes back to {name}, which {self.how}{more}."


@dataclass(frozen=True, slots=True)
class OtherPlace:
    """It works on the result of another step than before: lines moved, or one went away."""

    old: Step | None
    new: Step | None
    certain: ClassVar[bool] = True

    @property
    def brief(self) -> str:
        """In a few words."""
        return "it stands elsewhere now"

    def sentence(self) -> str:
        """What it stood on before, and stands on now."""
        was = step_name(self.old) if self.old else "nothing"
        now = step_name(self.new) if self.new else "nothing"
        return f"It stands elsewhere: on {now}, and before on {was}."


@dataclass(frozen=True, slots=True)
class FilesChanged:
    """A COPY or ADD of context files ran though nothing else about it differs.

    Attributes:
        sent: those of its files that the engine did not have in this state, and was sent; None
            where the record does not tell.
        with_dockerfile: the Dockerfile changed, and may be one of the files; told only where what
            was sent is not known.
    """

    instruction: str
    with_dockerfile: bool = False
    sent: tuple[str, ...] | None = None

    @property
    def certain(self) -> bool:
        """True where files that it takes were sent anew."""
        return bool(self.sent)

    @property
    def brief(self) -> str:
        """In a few words."""
        if self.sent:
            return f"{_first(self.sent, 2)} changed"
        if self.sent is None:
            return "its files changed, or its cache was gone"
        return "a file was removed, or its cache was gone"

    def sentence(self) -> str:
        """What was sent, or what the records leave open."""
        if self.sent:
            return f"Files that it takes were new to the engine: {_first(self.sent, 5)}."
        if self.sent is not None:
            return (
                "It ran although none of its files was new to the engine: one was removed, renamed "
                "or given other permissions, or its cache was gone or not used."
            )
        own = "; the Dockerfile may be one of them" if self.with_dockerfile else ""
        return (
            "It ran although its instruction is the same and what it builds on was cached: the "
            f"files that it takes have changed{own}, or its cache was gone or not used."
        )


def _first(names: tuple[str, ...], most: int) -> str:
    shown, rest = names[:most], len(names) - most
    return ", ".join(shown) + (f" and {rest} more" if rest > 0 else "")


@dataclass(frozen=True, slots=True)
class CacheNotUsed:
    """Nothing about it differs, and yet it ran.

    Attributes:
        told: True where the build is known to have been told not to use the cache, False where
            it is known not to; None where it was not noted.
        whole_build: not one RUN, COPY or ADD came from the cache.
    """

    told: bool | None = None
    whole_build: bool = False

    @property
    def certain(self) -> bool:
        """True where the record says that the build was told so."""
        return self.told is True

    @property
    def brief(self) -> str:
        """In a few words."""
        if self.told:
            return "no_cache"
        return "its cache was gone" if self.told is False else "no_cache, or its cache was gone"

    def sentence(self) -> str:
        """Told so, gone, or either."""
        if self.told:
            return "The build was told not to use the cache (no_cache)."
        if self.told is False:
            return "Nothing about it changed: its result was no longer in the cache."
        what = "Nothing about it changed"
        if self.whole_build:
            what = "Nothing at all came from the cache"
        return f"{what}: the cache was not to be used (no_cache), or its content was gone."


@dataclass(frozen=True, slots=True)
class Unseen:
    """Nothing that the records tell differs; they do not tell everything.

    Attributes:
        defined_otherwise: BuildKit's digest of the step differs though its words are the same, so
            its cache is not what was missing.
    """

    defined_otherwise: bool = False
    certain: ClassVar[bool] = False

    @property
    def brief(self) -> str:
        """In a few words."""
        return "something not recorded changed, or its cache was gone"

    def sentence(self) -> str:
        """What it may be."""
        if self.defined_otherwise:
            return (
                "Its instruction reads the same, but to BuildKit it is another step: a build "
                "argument, an environment variable or a build option has changed."
            )
        return (
            "It ran although its instruction is the same and what it builds on was cached: "
            "something that the record does not hold has changed (a build argument, a build "
            "option, a mounted file), or its cache was gone or not used."
        )


@dataclass(frozen=True, slots=True)
class NeverFinished:
    """There was nothing to reuse: the build before did not bring it to its end."""

    how: Literal["failed", "was stopped"]
    certain: ClassVar[bool] = True

    @property
    def brief(self) -> str:
        """In a few words."""
        return f"it {self.how} before"

    def sentence(self) -> str:
        """How it ended before."""
        return f"It never finished before: it {self.how}, and only finished steps are cached."


@dataclass(frozen=True, slots=True)
class BasePulled:
    """A base image was fetched although its line is the same."""

    certain: ClassVar[bool] = True

    @property
    def brief(self) -> str:
        """In a few words."""
        return "the image was fetched"

    def sentence(self) -> str:
        """Why an image is fetched."""
        return (
            "The image was fetched: the engine did not have it any more, or the name stands for "
            "a newer one."
        )


@dataclass(frozen=True, slots=True)
class BaseMoved:
    """The same FROM line means another image than before."""

    old: str
    new: str
    certain: ClassVar[bool] = True

    @property
    def brief(self) -> str:
        """In a few words."""
        return "the name means another image"

    def sentence(self) -> str:
        """Both images where they are told apart by digest."""
        if self.old == self.new:
            return "The line is the same, the image is not: a newer one, or another platform."
        return f"The name means another image: {_quoted(self.new)}, before {_quoted(self.old)}."


@dataclass(frozen=True, slots=True)
class NotReached:
    """The Dockerfile has the instruction, but one of the builds ended before it.

    Attributes:
        which: the build that did not come to it.
    """

    which: Literal["before", "after"]
    certain: ClassVar[bool] = True

    @property
    def brief(self) -> str:
        """In a few words."""
        return "not reached before" if self.which == "before" else "not reached"

    def sentence(self) -> str:
        """Which build ended early."""
        if self.which == "before":
            return "The build before ended before it came to this step."
        return "This build ended before it came to this step."


@dataclass(frozen=True, slots=True)
class NotNeeded:
    """The Dockerfile has the instruction, but one of the builds had no use for its stage."""

    which: Literal["before", "after"]
    certain: ClassVar[bool] = True

    @property
    def brief(self) -> str:
        """In a few words."""
        return "not needed before" if self.which == "before" else "not needed"

    def sentence(self) -> str:
        """Which build did not need it."""
        if self.which == "before":
            return "What was built before did not need this step."
        return "What is built now does not need this step."


@dataclass(frozen=True, slots=True)
class Added:
    """The instruction is new in the Dockerfile."""

    certain: ClassVar[bool] = True

    @property
    def brief(self) -> str:
        """In a few words."""
        return "the instruction is new"

    def sentence(self) -> str:
        """That it is new."""
        return "The instruction is new."


@dataclass(frozen=True, slots=True)
class Removed:
    """The instruction is no longer in the Dockerfile."""

    certain: ClassVar[bool] = True

    @property
    def brief(self) -> str:
        """In a few words."""
        return "the instruction is gone"

    def sentence(self) -> str:
        """That it is gone."""
        return "The instruction is gone."


@dataclass(frozen=True, slots=True)
class EveryBuild:
    """One of BuildKit's own steps: sending the context, asking for images, writing the result."""

    certain: ClassVar[bool] = True

    @property
    def brief(self) -> str:
        """In a few words."""
        return "done in every build"

    def sentence(self) -> str:
        """That it is done each time."""
        return "BuildKit does this in every build."


def _quoted(words: str) -> str:
    words = " ".join(words.split())
    return f"`{words if len(words) <= 120 else words[:119] + '…'}`"


def _listed(names: tuple[str, ...]) -> str:
    return ("the build argument " if len(names) == 1 else "the build arguments ") + ", ".join(names)
