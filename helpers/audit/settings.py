"""``.workbook-audit.toml``: parameters, and what is ignored for which reason until when."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from helpers.course.toml_lines import line_of
from helpers.errors import BadInput
from helpers.judge.verdict import Outcome, Verdict

#: Where settings are looked for, in the folder that is audited.
NAME = ".workbook-audit.toml"
Port = Annotated[int, Field(ge=1, le=65535)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Ignore(_Model):
    """A failure that does not count.

    Attributes:
        property: id of the property.
        reason: why it does not count: somebody else has to be able to follow it.
        until: the last day on which it does not count; None for no end.
        findings: codes of evidence; where there are some, a failure counts that shows any other.
    """

    property: Annotated[str, Field(min_length=1)]
    reason: Annotated[str, Field(min_length=1, pattern=r"\S")]
    until: date | None = None
    findings: tuple[str, ...] = Field(default=(), strict=False)


class Settings(_Model):
    """What ``.workbook-audit.toml`` says.

    Attributes:
        ports: TCP ports that the service listens on.
        fail_on: the least weight of a failure that gives exit status 1.
        fail_below: the least score that gives exit status 0.
        parameters: parameters by property.
        ignore: failures that do not count.
    """

    ports: tuple[Port, ...] = Field(default=(), strict=False)
    fail_on: Annotated[int, Field(ge=1, le=5)] | None = None
    fail_below: Annotated[int, Field(ge=0, le=100)] | None = None
    parameters: dict[str, dict[str, Any]] = Field(default_factory=dict)
    ignore: tuple[Ignore, ...] = Field(default=(), strict=False)


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """Settings with the file that they are from; ``path`` is None where there is none."""

    settings: Settings = field(default_factory=Settings)
    path: Path | None = None
    text: str = ""

    def fault(self, location: tuple[str | int, ...], problem: str) -> BadInput:
        """An error that names file, line and field."""
        field = ".".join(str(step) for step in location)
        return BadInput(
            f"{self.path}:{line_of(self.text, location)}: {field}: {problem}.",
            remedy="Mend that line; `workbook properties ID` tells what a property takes.",
        )


def load_settings(path: Path) -> SettingsFile:
    """Read a settings file.

    Raises:
        BadInput: where it cannot be read or is wrong: file, line and field are named.
    """
    try:
        text = path.read_text(encoding="utf-8")
        raw = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInput(
            f"{path}: {error}.", remedy="Mend the file; it has to be valid TOML in UTF-8."
        ) from error
    try:
        return SettingsFile(Settings.model_validate(raw), path, text)
    except ValidationError as error:
        first, *more = error.errors()
        problem = first["msg"] + (f" (and {len(more)} more)" if more else "")
        raise SettingsFile(path=path, text=text).fault(first["loc"], problem) from error


def find_settings(folder: Path) -> SettingsFile:
    """The settings in a folder; the defaults where it has none."""
    path = folder / NAME
    return load_settings(path) if path.is_file() else SettingsFile()


def reason_to_ignore(
    ignores: Iterable[Ignore], property_id: str, verdict: Verdict, today: date
) -> str:
    """Why a failure does not count; empty where it does, and for anything but a failure."""
    if verdict.outcome is not Outcome.FAIL:
        return ""
    for entry in ignores:
        if entry.property != property_id or _expired(entry, today):
            continue
        if not entry.findings or verdict.codes() <= set(entry.findings):
            return f"{entry.reason} (until {entry.until})" if entry.until else entry.reason
    return ""


def notes_on(
    file: SettingsFile,
    known: Mapping[str, Collection[str]],
    judged: Collection[str],
    ignored: Collection[str],
    today: date,
) -> tuple[str, ...]:
    """What is wrong with the settings without being an error, one sentence each.

    Args:
        file: the settings.
        known: the codes of every property by its id.
        judged: ids of the properties that were judged.
        ignored: ids of the properties of which a failure was ignored.
        today: what an end date is held against.
    """
    notes = [
        f"{file.path}: parameters.{name}: there is no such property."
        for name in file.settings.parameters
        if name not in known
    ]
    for number, entry in enumerate(file.settings.ignore):
        where = f"{file.path}:{line_of(file.text, ('ignore', number))}: {entry.property}"
        unknown = sorted(set(entry.findings) - set(known.get(entry.property, entry.findings)))
        if entry.property not in known:
            notes.append(f"{where}: there is no such property.")
        elif unknown:
            notes.append(f"{where}: it has no finding {unknown[0]}.")
        elif _expired(entry, today):
            notes.append(f"{where}: ended on {entry.until}, so its failure counts again.")
        elif entry.property in judged and entry.property not in ignored:
            notes.append(f"{where}: nothing was ignored; the entry may go.")
    return tuple(notes)


def _expired(entry: Ignore, today: date) -> bool:
    return entry.until is not None and today > entry.until
