"""An exercise as data: ``exercise.toml``, read and validated."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from helpers.course.paths import CourseFolders
from helpers.course.toml_lines import line_of
from helpers.errors import BadInput
from helpers.judge.property import Params, Property
from helpers.judge.registry import find_property

_Text = Annotated[str, Field(min_length=1)]
_NAME_OF_ONE = "image"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Hint(_Model):
    """One step of help.

    Attributes:
        text: what it says.
        when: codes of evidence of which at least one must have been seen; none means always.
    """

    text: _Text
    when: tuple[str, ...] = Field(default=(), strict=False)


class ImageSpec(_Model):
    """One image of an exercise that builds several.

    Attributes:
        name: what checks and reports call it.
        app: the sample service in ``apps/`` that it is built of.
        folder: where that lies in the learner's copy, with its Dockerfile; it is the build context.
            Empty for the whole copy.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    app: _Text
    folder: str = ""

    @field_validator("folder")
    @classmethod
    def _inside(cls, path: str) -> str:
        return _below(path).strip("/")


class CheckSpec(_Model):
    """One check: a property with its parameters, what it is worth, and the hints for it.

    ``image`` names the image that is judged, where the exercise builds several; by default it is
    the first one.
    """

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    property: _Text
    image: str = ""
    title: str = ""
    points: Annotated[int, Field(ge=1)] = 1
    params: dict[str, Any] = Field(default_factory=dict)
    hints: tuple[Hint, ...] = Field(min_length=1, strict=False)

    def resolve(self) -> tuple[Property, Params]:
        """The property and its parameters as a value.

        Raises:
            KeyError: where there is no such property.
            pydantic.ValidationError: where the parameters do not fit it.
        """
        found = find_property(self.property)
        return found, found.params.model_validate(self.params)


class BuildSpec(_Model):
    """How the image is built.

    Attributes:
        target: the stage to build; empty for the last one.
        timeout_seconds: after which the build is stopped.
        context_limit_mb: what the build context may hold, in MB (10^6 bytes).
        secrets: ids of build secrets. Each check gives them new random values
            (:mod:`helpers.course.given_secrets`) and builds without the cache: a secret's value
            is no part of a step's cache key.
    """

    target: str = ""
    timeout_seconds: Annotated[int, Field(ge=10, le=3600)] = 900
    context_limit_mb: Annotated[int, Field(ge=1)] = 200
    secrets: tuple[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")], ...] = Field(
        default=(), strict=False
    )


class Exercise(_Model):
    """One exercise.

    Attributes:
        id: the folder's name, for example ``01-multi-stage``.
        title: an imperative.
        practice: the practice that it belongs to.
        notebook: name of the practice's notebook, without folder and ending.
        level: how hard.
        minutes: how long it takes, about.
        app: the sample service in ``apps/`` that is built; empty where ``images`` says it.
        images: what is built, where that is more than one image; see :attr:`built`.
        edit: the files that may be edited, relative to the learner's copy.
        bases: base images that have to be there before the build.
        story: what the situation is, in Markdown.
        task: what to do, in Markdown.
        build: how the image is built.
        checks: in the order in which they are shown.
    """

    id: str
    title: _Text
    practice: _Text
    notebook: _Text
    level: Literal["first steps", "intermediate", "advanced"]
    minutes: Annotated[int, Field(ge=5, le=240)]
    app: str = ""
    images: tuple[ImageSpec, ...] = Field(alias="image", default=(), strict=False)
    edit: tuple[str, ...] = Field(min_length=1, strict=False)
    bases: tuple[str, ...] = Field(default=(), strict=False)
    story: _Text
    task: _Text
    build: BuildSpec = BuildSpec()
    checks: tuple[CheckSpec, ...] = Field(alias="check", min_length=1, strict=False)

    @field_validator("edit")
    @classmethod
    def _inside(cls, paths: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_below(path) for path in paths)

    @model_validator(mode="after")
    def _builds_something(self) -> Exercise:
        if bool(self.app) == bool(self.images):
            raise ValueError("either `app` or [[image]] says what is built")
        names = [image.name for image in self.images]
        places = [image.folder for image in self.images]
        if len(set(names)) < len(names) or len(set(places)) < len(places):
            raise ValueError("two images have the same name or folder")
        if len(places) > 1 and "" in places:
            raise ValueError("each of several images needs a folder")
        return self

    @property
    def built(self) -> tuple[ImageSpec, ...]:
        """Every image that is built; the first is the one that checks are about by default."""
        return self.images or (ImageSpec(name=_NAME_OF_ONE, app=self.app),)

    def image_of(self, spec: CheckSpec) -> ImageSpec:
        """The image that a check is about.

        Raises:
            KeyError: where the exercise has none of that name.
        """
        if not spec.image:
            return self.built[0]
        found = next((image for image in self.built if image.name == spec.image), None)
        if found is None:
            raise KeyError(f"there is no image {spec.image!r}")
        return found


def _below(path: str) -> str:
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts:
        raise ValueError(f"{path!r} leads outside the exercise's folder")
    return path


def exercise_ids(folders: CourseFolders) -> tuple[str, ...]:
    """Ids of all exercises, in reading order."""
    return tuple(sorted(p.parent.name for p in folders.exercises.glob("*/exercise.toml")))


def load_exercise(folders: CourseFolders, exercise: str) -> Exercise:
    """Read one exercise by its id, or by the number or any other unambiguous beginning of it.

    Raises:
        BadInput: where there is none, or its file is broken (file, line and field are named).
    """
    ids = exercise_ids(folders)
    matching = [i for i in ids if i == exercise] or [i for i in ids if i.startswith(exercise)]
    if len(matching) != 1 or not exercise:
        listed = ", ".join(ids) or "none"
        what = "no exercise" if not matching else "more than one exercise"
        raise BadInput(
            f"There is {what} {exercise!r}.",
            remedy=f"The exercises are: {listed} (workbook list shows them with their titles).",
        )
    return read_exercise(folders.exercises / matching[0] / "exercise.toml")


def load_exercises(folders: CourseFolders) -> dict[str, Exercise | BadInput]:
    """Every exercise by its id, in reading order; of a broken one what is wrong with it."""
    found: dict[str, Exercise | BadInput] = {}
    for exercise_id in exercise_ids(folders):
        try:
            found[exercise_id] = load_exercise(folders, exercise_id)
        except BadInput as error:
            found[exercise_id] = error
    return found


def read_exercise(path: Path) -> Exercise:
    """Read and validate one ``exercise.toml``.

    Raises:
        BadInput: naming file, line and field of the first fault, and how many more there are.
    """
    try:
        text = path.read_text(encoding="utf-8")
        raw = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInput(
            f"{path}: {error}.", remedy="Mend the file; it has to be valid TOML in UTF-8."
        ) from error
    try:
        exercise = Exercise.model_validate({**raw, "id": path.parent.name})
    except ValidationError as error:
        raise _fault(path, text, error.errors(), ()) from error
    for number, spec in enumerate(exercise.checks):
        _validate_check(path, text, number, spec)
        try:
            exercise.image_of(spec)
        except KeyError as error:
            where = line_of(text, ("check", number, "image"))
            what = f"{error.args[0]}; there are {', '.join(i.name for i in exercise.built)}"
            raise _bad(path, where, f"check[{number}].image", what) from error
    ids = [spec.id for spec in exercise.checks]
    for number, check_id in enumerate(ids):
        if check_id in ids[:number]:
            where = line_of(text, ("check", number, "id"))
            raise _bad(path, where, f"check[{number}].id", f"{check_id!r} stands there twice")
    return exercise


def _validate_check(path: Path, text: str, number: int, spec: CheckSpec) -> None:
    base: tuple[str | int, ...] = ("check", number)
    try:
        found, _ = spec.resolve()
    except KeyError as error:
        where = line_of(text, (*base, "property"))
        raise _bad(path, where, f"check[{number}].property", str(error.args[0])) from error
    except ValidationError as error:
        raise _fault(path, text, error.errors(), (*base, "params")) from error
    for position, hint in enumerate(spec.hints):
        unknown = [code for code in hint.when if code not in found.codes]
        if unknown:
            where = line_of(text, (*base, "hints", position, "when"))
            raise _bad(
                path,
                where,
                f"check[{number}].hints[{position}].when",
                f"{found.id} has no finding {unknown[0]!r}; it has {', '.join(found.codes)}",
            )


def _fault(path: Path, text: str, errors: Iterable[Any], prefix: tuple[str | int, ...]) -> BadInput:
    faults = list(errors)
    first = faults[0]
    location = (*prefix, *first["loc"])
    more = f" ({len(faults) - 1} more after this one)" if len(faults) > 1 else ""
    return _bad(path, line_of(text, location), _dotted(location), f"{first['msg']}{more}")


def _bad(path: Path, line: int, field: str, what: str) -> BadInput:
    return BadInput(
        f"{path}, line {line}, {field}: {what}.",
        remedy="Mend that field; CONTRIBUTING.md describes every field of exercise.toml.",
    )


def _dotted(location: tuple[str | int, ...]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text
