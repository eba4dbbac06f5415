"""The answers to an exercise that the course brings along, and what is expected of each.

They lie in ``tests/exercises/NN-slug/NAME/`` with an ``expect.toml``; starter and solution are
answers, too.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from helpers.course.exercise import Exercise
from helpers.course.paths import CourseFolders
from helpers.errors import BadInput

#: The name under which a build that fails is expected.
BUILD = "build"
#: What is expected of an answer.
EXPECT = "expect.toml"
Role = Literal["starter", "solution", "answer"]


class Expectation(BaseModel):
    """What an ``expect.toml`` says: exactly one of these.

    Attributes:
        passes: another right answer.
        only: the one check that fails.
        first: the first check that fails, or ``build``.
        fails: exactly the checks that fail, in any order.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    passes: bool = False
    only: str = ""
    first: str = ""
    fails: tuple[str, ...] = Field(default=(), strict=False)

    @property
    def said(self) -> int:
        """How many of the fields are set."""
        return sum(map(bool, (self.passes, self.only, self.first, self.fails)))

    @property
    def names(self) -> tuple[str, ...]:
        """The checks that it names."""
        return tuple(name for name in (self.only, self.first, *self.fails) if name)

    def fits(self, caught: tuple[str, ...]) -> bool:
        """Whether the checks that failed are those that are expected."""
        if self.passes:
            return not caught
        if self.only:
            return caught == (self.only,)
        if self.first:
            return caught[:1] == (self.first,)
        return set(caught) == set(self.fails)

    def in_words(self) -> str:
        """What is expected, as the end of a sentence."""
        if self.passes:
            return "every check was to pass"
        if self.only:
            return f"only {self.only} was to fail"
        if self.first:
            return f"{self.first} was to fail first"
        return f"exactly {', '.join(self.fails)} were to fail"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer.

    Attributes:
        exercise: id of the exercise.
        role: starter, solution, or an answer of the tests.
        name: for people, unique within the exercise.
        folder: where its edited files are.
        expected: what is expected; None for the starter, of which only a fail is.
    """

    exercise: str
    role: Role
    name: str
    folder: Path
    expected: Expectation | None = None

    @property
    def is_wrong(self) -> bool:
        """True for an answer of the tests that is not meant to pass."""
        return self.role == "answer" and self.expected is not None and not self.expected.passes


def answers_folder(folders: CourseFolders, exercise_id: str) -> Path:
    """Where the answers of the tests lie."""
    return folders.root / "tests" / "exercises" / exercise_id


def read_answers(folders: CourseFolders, exercise: Exercise) -> tuple[Answer, ...]:
    """Starter, solution and the answers of the tests, by name.

    Raises:
        BadInput: naming the first ``expect.toml`` that says nothing, too much, or a check that does
            not exist.
    """
    own = answers_folder(folders, exercise.id)
    found = [
        Answer(
            exercise.id, "answer", path.parent.name, path.parent, read_expectation(path, exercise)
        )
        for path in sorted(own.glob(f"*/{EXPECT}"))
    ]
    starter = folders.exercises / exercise.id / "starter"
    solution = folders.solutions / exercise.id / "files"
    right = Expectation(passes=True)
    return (
        Answer(exercise.id, "starter", "starter", starter),
        Answer(exercise.id, "solution", "solution", solution, right),
        *found,
    )


def read_expectation(path: Path, exercise: Exercise) -> Expectation:
    """One ``expect.toml``.

    Raises:
        BadInput: where it cannot be used.
    """
    remedy = (
        'Write one of: only = "check", first = "check", fails = ["check", …], first = "build", '
        f"passes = true. The checks are {', '.join(spec.id for spec in exercise.checks)}."
    )
    try:
        found = Expectation.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ValidationError) as error:
        what = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error
        raise BadInput(f"{path} cannot be read: {what}.", remedy=remedy) from error
    if found.said != 1:
        raise BadInput(f"{path} says {found.said} things instead of one.", remedy=remedy)
    known = {spec.id for spec in exercise.checks}
    unknown = [n for n in found.names if n not in known and not (n == BUILD and found.first == n)]
    if unknown:
        raise BadInput(f"{path}: there is no check {unknown[0]!r}.", remedy=remedy)
    return found
