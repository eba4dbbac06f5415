"""What the measurements share: the engine, the course's apps, and images that are built once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from helpers.engine.connect import Engine
from helpers.lesson import Built, Lesson


class Bench:
    """Lessons and images, made when the first measurement asks for them.

    Args:
        engine: where everything runs.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.lesson: Callable[[str], Lesson] = cache(Lesson)
        self._built: dict[tuple[str, str], Built] = {}

    def image(self, app: str, name: str, **options: Any) -> Built:
        """One of an app's images; built once where no option says otherwise.

        Raises:
            BuildError: where it does not build.
        """
        if options:
            return self.lesson(app).build(name, **options)
        if (app, name) not in self._built:
            self._built[app, name] = self.lesson(app).build(name)
        return self._built[app, name]
