"""BuildKit over the engine's own API: a request in, events out, a record at the end.

The engine gives access to BuildKit's control API (``POST /grpc``), and is served files, secrets and
logins over a session (``POST /session``). Closing the connections ends the build on the engine.
Sources: https://docs.docker.com/reference/api/engine/, https://github.com/moby/buildkit (api,
client/solve.go).
"""

from __future__ import annotations

import secrets as random
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing, suppress
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError

from helpers.build.cancel import CancelToken, Interrupt
from helpers.build.control_pb2 import SolveResponse, StatusRequest
from helpers.build.decode import Decoder
from helpers.build.diagnose import diagnose
from helpers.build.dockerfile import parse_dockerfile
from helpers.build.errors import (
    NO_BUILDKIT_REMEDY,
    BuildError,
    Cancelled,
    EngineLost,
    NoBuildKit,
    TimedOut,
)
from helpers.build.events import Event, ImageBuilt
from helpers.build.record import BuildRecord, RecordBuilder, argument_marks
from helpers.build.request import BuildRequest
from helpers.build.rpc.grpc import Call, RpcError
from helpers.build.rpc.http2 import Connection, ConnectionLost
from helpers.build.rpc.wire import lost, open_wire
from helpers.build.session.masking import Masker
from helpers.build.session.session import Session
from helpers.build.solve import offer, solve_request
from helpers.build.starting import StartingSteps

if TYPE_CHECKING:
    from docker import APIClient

_FIRST_API = (1, 39)
_CONTROL = "/moby.buildkit.v1.Control"
_IMAGE = "containerimage.digest"
#: How long the last messages of the progress may take once the result is there, in seconds.
_TAIL_SECONDS = 5.0


def build(
    api: APIClient,
    request: BuildRequest,
    on_event: Callable[[Event], None] | None = None,
    *,
    cancel: CancelToken | None = None,
) -> BuildRecord:
    """Build an image.

    Args:
        api: docker-py's low-level client (``docker.from_env().api``), local or remote.
        request: what to build.
        on_event: called with every event as it happens. What it raises ends the build.
        cancel: ends the build from another thread.

    Returns:
        The record, with the image's id.

    Raises:
        BuildError: one of the family in :mod:`helpers.build.errors`; its ``record`` tells how far
            the build got.
    """
    run = _Run(request)
    with closing(run.events(api, cancel)) as events:
        for event in events:
            if on_event is not None:
                on_event(event)
    return run.record()


def stream(
    api: APIClient, request: BuildRequest, *, cancel: CancelToken | None = None
) -> Generator[Event, None, None]:
    """Build an image and give the events as they happen. Closing the generator ends the build.

    Args:
        api: docker-py's low-level client.
        request: what to build.
        cancel: ends the build from another thread.

    Raises:
        BuildError: as :func:`build`, when the next event is asked for.
    """
    return _Run(request).events(api, cancel)


class _Run:
    """One build while it runs."""

    def __init__(self, request: BuildRequest) -> None:
        self.request = request
        self.dockerfile = parse_dockerfile(request.context.dockerfile, request.build_args)
        self.decoder = Decoder(self.dockerfile)
        self.masker = Masker(request.secrets)
        self.records = RecordBuilder()
        self.starting = StartingSteps()
        self.session: Session | None = None
        self.begin = time.monotonic()

    def record(self) -> BuildRecord:
        return self.records.record(
            context_bytes=self.session.sent_bytes if self.session else 0,
            seconds=time.monotonic() - self.begin,
            dockerfile=self.request.context.dockerfile,
            target=self.request.target,
            no_cache=self.request.no_cache,
            build_args=argument_marks(self.request.build_args),
            sent_files=tuple(self.session.sent_files) if self.session else (),
        )

    def events(self, api: APIClient, cancel: CancelToken | None) -> Generator[Event, None, None]:
        _need_buildkit(api)
        self.begin = time.monotonic()
        try:
            with Interrupt(cancel, self.request.timeout_seconds) as interrupt:
                try:
                    yield from self._noted(self._build(api, interrupt))
                except (ConnectionLost, DecodeError) as error:
                    self._ended(interrupt)
                    raise lost(error) from error
                except RpcError as error:
                    self._ended(interrupt)
                    raise self._refused(error.message) from error
        except BuildError as error:
            error.record = error.record or self.record()
            raise

    def _noted(self, events: Iterator[Event]) -> Iterator[Event]:
        for event in events:
            yield self._note(event)

    def _note(self, event: Event) -> Event:
        masked = self.masker.event(event)
        self.records.add(masked)
        self.starting.note(masked)
        return masked

    def _build(self, api: APIClient, interrupt: Interrupt) -> Iterator[Event]:
        self._ended(interrupt)
        # What is closed last was opened first: also where the consumer stops early. Closing is
        # what ends the build on the engine.
        with ExitStack() as stack:
            session = self.session = stack.enter_context(closing(Session(api, offer(self.request))))
            control = stack.enter_context(closing(Connection(open_wire(api, "/grpc"), "client")))

            def shutdown() -> None:
                control.shutdown()
                session.shutdown()

            def end() -> None:
                timer = threading.Timer(self.starting.seconds_left(), shutdown)
                timer.daemon = True
                timer.start()

            interrupt.arm(end)
            ref = random.token_hex(16)
            wanted = solve_request(self.request, ref, session.id)
            solve = Call(control, f"{_CONTROL}/Solve", wanted)
            status = Call(control, f"{_CONTROL}/Status", StatusRequest(Ref=ref))
            stack.callback(self._let_start, status)
            yield from self._progress(solve, status)
            answer = SolveResponse.FromString(solve.result())
            yield from self.decoder.close()
            image_id = answer.ExporterResponse.get(_IMAGE)
            if not image_id:
                raise EngineLost(
                    "The engine ended the build without a result.",
                    remedy="See whether the engine is still running, then build again.",
                )
            yield ImageBuilt(image_id)

    def _progress(self, solve: Call, status: Call) -> Iterator[Event]:
        """The events until the engine has told all."""
        while True:
            status.wait(solve)
            try:
                message = status.next(_TAIL_SECONDS if solve.done else None)
            except TimeoutError:
                status.cancel()  # the result is there, and nothing more is told
                return
            except RpcError:
                solve.result()  # a build that is refused at once has no progress; this says why
                raise
            if message is None:
                return
            yield from self.decoder.message(message)

    def _let_start(self, status: Call) -> None:
        """Before a build is ended: wait for steps that are about to come up."""
        with suppress(TimeoutError, ConnectionLost, RpcError, DecodeError):
            while (left := self.starting.seconds_left()) and (message := status.next(left)):
                for event in self.decoder.message(message):
                    self._note(event)

    def _refused(self, message: str) -> BuildError:
        """What the engine's refusal means."""
        if self.session is not None and self.session.problem is not None:
            return self.session.problem
        text = self.masker.text(message)
        return diagnose(text, self.record(), self.request, self.dockerfile)

    def _ended(self, interrupt: Interrupt) -> None:
        """Raise what an interrupt means, where there was one."""
        if interrupt.reason == "timeout":
            raise TimedOut(
                f"The build was ended after {self.request.timeout_seconds:g} seconds.",
                remedy="Look at the step that was running, or allow more time.",
            )
        if interrupt.reason:
            raise Cancelled("The build was cancelled.", remedy="Start it again when it is wanted.")


def _need_buildkit(api: APIClient) -> None:
    version = api.api_version
    if tuple(int(part) for part in version.split(".")[:2]) < _FIRST_API:
        raise NoBuildKit(
            f"The engine's API is {version}; BuildKit needs 1.39 or later.",
            remedy=NO_BUILDKIT_REMEDY,
        )
