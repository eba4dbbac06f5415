"""``workbook watch``."""

from __future__ import annotations

from helpers.build.errors import BuildError
from helpers.commands.check import check_once
from helpers.commands.output import say, show
from helpers.course.exercise import load_exercise
from helpers.course.paths import course_folders
from helpers.course.workspace import start
from helpers.engine.connect import connect
from helpers.errors import BadInput


def run(exercise_id: str) -> int:
    """Check now and after every save of an edited file, until Ctrl-C. Exit status 0."""
    from watchfiles import watch

    folders = course_folders()
    exercise = load_exercise(folders, exercise_id)
    folder, _ = start(folders, exercise)
    edited = {str(folder / path) for path in exercise.edit}
    with connect(say=say) as engine:
        while True:
            try:
                show(check_once(engine, folders, exercise, None), as_json=False, hints=1)
            except (BadInput, BuildError) as error:
                say(f"{error.message}\n→ {error.remedy}")
            say(f"Watching {', '.join(exercise.edit)} in {folder}; Ctrl-C ends.")
            for changes in watch(folder, raise_interrupt=True, step=100):
                if any(path in edited for _, path in changes):
                    break
