"""Judge many answers, several at the same time, each once; at the end nothing of them is left."""

from __future__ import annotations

import queue
import re
import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from helpers.build.cancel import CancelToken
from helpers.build.errors import BuildError, Cancelled
from helpers.course.check import check
from helpers.course.exercise import Exercise
from helpers.course.images import remove_images
from helpers.course.paths import CourseFolders
from helpers.course.verify_answers import Answer
from helpers.course.verify_judged import judged
from helpers.course.verify_result import JudgedAnswer
from helpers.course.workspace import read_submission
from helpers.engine.connect import Engine
from helpers.errors import NoEngine, WorkbookError
from helpers.report.result import CheckResult

#: Builds and judges the files of a folder under a slot of its own.
Judge = Callable[[Exercise, Path, str], CheckResult]
#: How many answers are judged at the same time by default: most of a check is waiting.
JOBS = 3
#: How long a build may take at first: a download that stalls is begun again, and does not cost the
#: exercise's whole time limit.
FIRST_SECONDS = 150
# A failure of the network says nothing about an answer, so it is judged once more.
_NETWORK = re.compile(
    rf"was ended after {FIRST_SECONDS} seconds|npm error network|ECONNRESET|ETIMEDOUT|EAI_AGAIN"
    r"|Read timed out|Temporary failure"
)


class Judging:
    """A context manager that judges answers in threads.

    Args:
        judge: see :data:`Judge`.
        jobs: how many at the same time.
        cancel: cancelled where the rest is not wanted any more; ``judge`` looks at it.
        clean: told exercise and slot at the end, for every slot that was used.
    """

    def __init__(
        self,
        judge: Judge,
        jobs: int = JOBS,
        *,
        cancel: CancelToken | None = None,
        clean: Callable[[Exercise, str], None] = lambda _exercise, _slot: None,
    ) -> None:
        self._judge = judge
        self._cancel = cancel or CancelToken()
        self._clean = clean
        self._slots: queue.SimpleQueue[str] = queue.SimpleQueue()
        # Other runs on the same engine have other names.
        run = uuid.uuid4().hex[:8]
        for number in range(jobs):
            self._slots.put(f"verify-{run}-{number}")
        self._pool = ThreadPoolExecutor(jobs, thread_name_prefix="verify")
        self._used: dict[tuple[str, str], Exercise] = {}
        self._asked: dict[tuple[str, str], Future[JudgedAnswer]] = {}

    def submit(self, exercise: Exercise, answer: Answer) -> Future[JudgedAnswer]:
        """What will be known of an answer; each is judged once."""
        key = (exercise.id, answer.name)
        if key not in self._asked:
            self._asked[key] = self._pool.submit(self._run, exercise, answer)
        return self._asked[key]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None or not all(future.done() for future in self._asked.values()):
            self._cancel.cancel()
        self._pool.shutdown(wait=True, cancel_futures=True)
        for (_, slot), exercise in self._used.items():
            self._clean(exercise, slot)

    def _run(self, exercise: Exercise, answer: Answer) -> JudgedAnswer:
        slot = self._slots.get()
        self._used[exercise.id, slot] = exercise
        try:
            return judged(answer, self._judge(exercise, answer.folder, slot))
        except (NoEngine, Cancelled):
            raise
        except (WorkbookError, BuildError) as error:
            return JudgedAnswer(answer.name, problem=f"{error.message} {error.remedy}")
        finally:
            self._slots.put(slot)


def judging_on(engine: Engine, folders: CourseFolders, jobs: int = JOBS) -> Judging:
    """Judging on an engine.

    Args:
        engine: where answers are built and run; their bases have to be there.
        folders: the course.
        jobs: how many at the same time.
    """
    cancel = CancelToken()

    def judge(exercise: Exercise, folder: Path, slot: str) -> CheckResult:
        submission = read_submission(folders, exercise, folder)
        build = exercise.build
        seconds = min(build.timeout_seconds, FIRST_SECONDS)
        hasty = exercise.model_copy(
            update={"build": build.model_copy(update={"timeout_seconds": seconds})}
        )
        result = check(engine, folders, hasty, submission, cancel=cancel, slot=slot)
        if not _NETWORK.search(result.problem):
            return result
        return check(engine, folders, exercise, submission, cancel=cancel, slot=slot)

    def clean(exercise: Exercise, slot: str) -> None:
        remove_images(engine, exercise, slot)

    return Judging(judge, jobs, cancel=cancel, clean=clean)
