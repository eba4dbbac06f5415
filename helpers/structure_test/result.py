"""What came out of a container-structure-test file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StructureOutcome:
    """One test.

    Attributes:
        kind: ``command``, ``file content``, ``file existence``, ``license`` or ``metadata``.
        name: as in the file; empty for the metadata test.
        passed: whether everything was as wanted.
        errors: what was not, one sentence each.
        notes: what the reader should know, for example an oddity of the tool that is kept.
        seconds: how long its command ran.
    """

    kind: str
    name: str
    passed: bool
    errors: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class StructureResult:
    """One file run on one image.

    Attributes:
        file: its path.
        image: the image's name.
        tests: in the order in which the tool tells them.
        notes: what holds for the whole file.
        engine: the engine in one line.
        seconds: how long it took.
    """

    file: str
    image: str
    tests: tuple[StructureOutcome, ...]
    notes: tuple[str, ...]
    engine: str
    seconds: float

    @property
    def passed(self) -> bool:
        """True where every test passed; a file without any test does not pass, as in the tool."""
        return bool(self.tests) and all(test.passed for test in self.tests)
