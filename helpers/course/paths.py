"""Where the course and the learner's own copies are."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from helpers.errors import BadInput


@dataclass(frozen=True, slots=True)
class CourseFolders:
    """The folders of one checkout of the course.

    Attributes:
        root: the checkout itself.
        work: the learner's own copies; ``WORKBOOK_WORK`` or ``work/`` in the checkout.
    """

    root: Path
    work: Path

    @property
    def exercises(self) -> Path:
        """One folder an exercise."""
        return self.root / "exercises"

    @property
    def solutions(self) -> Path:
        """One folder an exercise, with the edited files and the notebook that explains them."""
        return self.root / "solutions"

    @property
    def notebooks(self) -> Path:
        """The course's notebooks, as published."""
        return self.root / "notebooks"

    @property
    def apps(self) -> Path:
        """The sample services."""
        return self.root / "apps"

    @property
    def records(self) -> Path:
        """Progress, locks and what was copied from where."""
        return self.work / ".workbook"


def course_folders() -> CourseFolders:
    """The checkout that this package belongs to; ``WORKBOOK_COURSE`` names another one.

    Raises:
        BadInput: where that folder holds no course.
    """
    root = Path(os.environ.get("WORKBOOK_COURSE") or Path(__file__).parents[2]).absolute()
    if not (root / "exercises").is_dir():
        raise BadInput(
            f"There is no course in {root}: it has no folder exercises/.",
            remedy="Install the workbook from a checkout (make lab does), or set WORKBOOK_COURSE "
            "to the folder of the checkout.",
        )
    work = Path(os.environ.get("WORKBOOK_WORK") or root / "work").absolute()
    return CourseFolders(root, work)
