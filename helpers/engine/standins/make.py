"""Makes stand-ins on an engine: Debian by mmdebstrap, everything else by BuildKit.

The engine package stands to the left of the build package. This module and ``bootstrap`` are the
only ones in it that look to the right, so they are imported where they are used, never at the top
of another module.
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from graphlib import TopologicalSorter
from threading import Lock

from docker import DockerClient
from docker.errors import APIError, ImageNotFound
from filelock import FileLock, Timeout

from helpers.build.cancel import CancelToken
from helpers.build.client import build
from helpers.build.context import folder_context
from helpers.build.errors import BuildError
from helpers.build.events import Event, StepStarted
from helpers.build.request import BuildRequest
from helpers.engine.bases import NoBaseImage, mark
from helpers.engine.labels import STAND_IN
from helpers.engine.pull import Progress, split_tag
from helpers.engine.standins.bootstrap import bootstrap
from helpers.engine.standins.files import CA_NAME, folder, host_ca_bundle, proxy_arguments
from helpers.engine.standins.recipes import PART, Bootstrap, Built, Recipe
from helpers.engine.state import state_folder

#: Two recipes wait for the network or a disk while a third keeps a core busy.
_AT_ONCE = 3
_DETAIL = 70  # characters
_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def make_stand_ins(
    client: DockerClient, recipes: tuple[Recipe, ...], on_progress: Callable[[Progress], None]
) -> None:
    """Make images from recipes, independent ones at the same time.

    Args:
        client: the engine.
        recipes: what to make; what they need is among them or on the engine.
        on_progress: told what is being done, from one thread at a time.

    Raises:
        NoBaseImage: where one cannot be made; the others are ended.
        NoBootstrap: where Debian itself cannot be unpacked.
    """
    say = _one_at_a_time(on_progress)
    state = state_folder().root
    state.mkdir(parents=True, exist_ok=True)
    lock = FileLock(state / "bases.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        for wanted in recipes:
            if not wanted.name.startswith(PART):
                say(Progress(wanted.name, "wait", "another run is making base images"))
        lock.acquire()
    try:
        _make_all(client, _still_missing(client, recipes), say)
    finally:
        lock.release()


def _still_missing(client: DockerClient, recipes: tuple[Recipe, ...]) -> tuple[Recipe, ...]:
    """What another run has not made meanwhile; parts only where something needs them."""
    there = {tag for image in client.api.images() for tag in image.get("RepoTags") or ()}
    left = [r for r in recipes if r.name not in there and not r.name.startswith(PART)]
    needed = {need for r in left for need in r.needs}
    parts = [r for r in recipes if r.name in needed and r.name.startswith(PART)]
    return tuple(r for r in recipes if r in left or r in parts)


def _make_all(
    client: DockerClient, recipes: tuple[Recipe, ...], say: Callable[[Progress], None]
) -> None:
    if not recipes:
        return
    _check_machine(client, recipes)
    maker = _Maker(client, say, recipes)
    names = {r.name: r for r in recipes}
    graph = TopologicalSorter({r.name: [n for n in r.needs if n in names] for r in recipes})
    graph.prepare()
    order = {r.name: place for place, r in enumerate(recipes)}
    ready: list[str] = []
    running: dict[Future[None], str] = {}
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="stand-in") as pool:
        try:
            while graph.is_active():
                ready = sorted([*ready, *graph.get_ready()], key=order.__getitem__)
                while ready and len(running) < _AT_ONCE:
                    name = ready.pop(0)
                    running[pool.submit(maker.make, names[name])] = name
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    name = running.pop(future)
                    future.result()
                    graph.done(name)
        except BaseException:
            # Ctrl-C too: what runs on the engine and on this machine ends before the error goes on.
            maker.cancel.cancel()
            raise
        finally:
            wait(running)
            _remove_parts(client, recipes)


class _Maker:
    """Makes one image after the other, in several threads."""

    def __init__(
        self,
        client: DockerClient,
        say: Callable[[Progress], None],
        recipes: tuple[Recipe, ...],
    ) -> None:
        self.client = client
        self.say = say
        self.recipes = recipes
        self.cancel = CancelToken()
        self.ca_bundle = host_ca_bundle()
        self.arguments = proxy_arguments()

    def make(self, wanted: Recipe) -> None:
        match wanted:
            case Bootstrap():
                self._bootstrap(wanted)
            case Built():
                self._build(wanted)
        if not wanted.name.startswith(PART):
            self.say(Progress(wanted.name, "done", f"stand-in: {wanted.made_of}"))

    def _bootstrap(self, wanted: Bootstrap) -> None:
        def say(text: str) -> None:
            self.say(Progress(wanted.name, "bootstrap", text[:_DETAIL]))

        say("unpacking Debian packages")
        image = bootstrap(self.client, wanted, self.ca_bundle, say, self.cancel)
        for tag in (wanted.name, mark(wanted.name)):
            self.client.api.tag(image, *split_tag(tag), force=True)

    def _build(self, wanted: Built) -> None:
        shown = self._shown(wanted)

        def on_event(event: Event) -> None:
            if isinstance(event, StepStarted) and event.step.instruction:
                step = f"{event.step.number}/{event.step.total} {_short(event.step.instruction)}"
                self.say(Progress(shown, "build", step[:_DETAIL]))

        is_part = wanted.name.startswith(PART)
        tags = (wanted.name,) if is_part else (wanted.name, mark(wanted.name))
        request = BuildRequest(
            folder_context(folder(wanted.folder), overlay={CA_NAME: self.ca_bundle}),
            tags=tags,
            build_args=self.arguments,
            labels={STAND_IN: wanted.made_of},
        )
        try:
            build(self.client.api, request, on_event, cancel=self.cancel)
        except BuildError as error:
            raise NoBaseImage(
                "\n".join((f"No stand-in for {wanted.name}: {error.message}", *error.details())),
                remedy=f"{error.remedy} What is finished is kept: the next run goes on from there.",
            ) from error

    def _shown(self, wanted: Recipe) -> str:
        """The base image that a reader is told about: of a part, the last one that waits for it."""
        name = wanted.name
        while name.startswith(PART):
            name = next(r.name for r in reversed(self.recipes) if name in r.needs)
        return name


def _short(instruction: str) -> str:
    """An instruction in one line, without its flags (mounts are long and say little)."""
    return " ".join(word for word in instruction.split() if not word.startswith("--"))


def _one_at_a_time(on_progress: Callable[[Progress], None]) -> Callable[[Progress], None]:
    lock = Lock()

    def say(progress: Progress) -> None:
        with lock:
            on_progress(progress)

    return say


def _check_machine(client: DockerClient, recipes: tuple[Recipe, ...]) -> None:
    """Refuse what would not run: packages of this machine's kind on another kind of engine."""
    if not any(isinstance(r, Bootstrap) for r in recipes):
        return
    theirs = str(client.version().get("Arch", ""))
    ours = _MACHINES.get(platform.machine().lower(), platform.machine())
    if theirs != ours:
        raise NoBaseImage(
            f"Debian would be unpacked for {ours}, but the engine's machine is {theirs}.",
            remedy=f"Make the stand-ins from a machine of the kind {theirs}, or connect the engine "
            "to a registry.",
        )


def _remove_parts(client: DockerClient, recipes: tuple[Recipe, ...]) -> None:
    """Take the names of the parts away; the build cache keeps what they are made of."""
    for wanted in recipes:
        if wanted.name.startswith(PART):
            with suppress(ImageNotFound):
                try:
                    client.api.remove_image(wanted.name)
                except APIError as error:
                    if error.status_code != 409:  # 409: a container of somebody's uses it
                        raise
