"""BuildKit over the engine's own API: a request in, events out, a record at the end.

Source: ``POST /build?version=2`` of https://docs.docker.com/reference/api/engine/. Closing the
connection ends the build on the engine.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any, NoReturn

from helpers.build.cancel import CancelToken, Interrupt
from helpers.build.decode import Decoder
from helpers.build.diagnose import diagnose
from helpers.build.dockerfile import parse_dockerfile
from helpers.build.errors import BuildError, Cancelled, EngineLost, NoBuildKit, TimedOut
from helpers.build.events import Event, ImageBuilt
from helpers.build.record import BuildRecord, RecordBuilder
from helpers.build.request import BuildRequest

if TYPE_CHECKING:
    from docker import APIClient
    from requests import Response

_FIRST_API = (1, 39)
_NO_BUILDKIT_REMEDY = "Use Docker Engine 23.0 or later; BuildKit is part of it."


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
        self.records = RecordBuilder()
        self.built = False
        self.begin = time.monotonic()

    def record(self) -> BuildRecord:
        return self.records.record(
            context_bytes=self.request.context.total_bytes,
            seconds=time.monotonic() - self.begin,
            dockerfile=self.request.context.dockerfile,
            target=self.request.target,
        )

    def events(self, api: APIClient, cancel: CancelToken | None) -> Generator[Event, None, None]:
        _need_buildkit(api)
        self.begin = time.monotonic()
        try:
            with Interrupt(cancel, self.request.timeout_seconds) as interrupt:
                response = self._send(api, interrupt)
                try:
                    for line in self._lines(response, interrupt):
                        for event in self.decoder.line(line):
                            yield self._noted(event)
                finally:
                    # Also where the consumer stops early: this is what ends the build.
                    response.close()
                for event in self.decoder.close():
                    yield self._noted(event)
            self._judge()
        except BuildError as error:
            error.record = error.record or self.record()
            raise

    def _noted(self, event: Event) -> Event:
        self.records.add(event)
        self.built = self.built or isinstance(event, ImageBuilt)
        return event

    def _send(self, api: APIClient, interrupt: Interrupt) -> Response:
        from requests.exceptions import RequestException

        if interrupt.reason:
            self._stopped(interrupt)
        try:
            response = _post(
                api,
                params=self.request.parameters(),
                data=self._body(interrupt),
                headers={"Content-Type": "application/x-tar"},
                stream=True,
                timeout=(api.timeout, self.request.timeout_seconds),
            )
        except (RequestException, OSError) as error:
            self._lost(error, interrupt)
        interrupt.arm(response.raw.shutdown)
        if not response.ok:
            raise diagnose(_message(response), self.record(), self.request, self.dockerfile)
        return response

    def _body(self, interrupt: Interrupt) -> Iterator[bytes]:
        for piece in self.request.context.tar():
            if interrupt.reason:
                self._stopped(interrupt)
            yield piece

    def _lines(self, response: Response, interrupt: Interrupt) -> Iterator[bytes]:
        from urllib3.exceptions import HTTPError

        rest = b""
        try:
            for chunk in response.raw.stream(decode_content=False):
                *lines, rest = (rest + chunk).split(b"\n")
                yield from lines
        except (HTTPError, OSError) as error:
            self._lost(error, interrupt)
        if interrupt.reason:
            self._stopped(interrupt)
        yield rest

    def _judge(self) -> None:
        if self.decoder.error:
            raise diagnose(self.decoder.error, self.record(), self.request, self.dockerfile)
        if not self.decoder.traced:
            raise NoBuildKit("The engine answered without BuildKit.", remedy=_NO_BUILDKIT_REMEDY)
        if not self.built:
            raise EngineLost(
                "The engine ended the build without a result.",
                remedy="See whether the engine is still running, then build again.",
            )

    def _lost(self, error: Exception, interrupt: Interrupt) -> NoReturn:
        if interrupt.reason:
            self._stopped(interrupt)
        if "SSL" in type(error).__name__ or "CERTIFICATE_VERIFY_FAILED" in str(error):
            raise EngineLost(
                f"The engine's TLS connection was refused: {error}",
                remedy="Check DOCKER_CERT_PATH and DOCKER_TLS_VERIFY, and the certificate's dates.",
            ) from error
        raise EngineLost(
            f"The engine stopped answering during the build: {error}",
            remedy="See whether the engine still runs (its log tells why not), then build again.",
        ) from error

    def _stopped(self, interrupt: Interrupt) -> NoReturn:
        if interrupt.reason == "timeout":
            raise TimedOut(
                f"The build was ended after {self.request.timeout_seconds:g} seconds.",
                remedy="Look at the step that was running, or allow more time.",
            )
        raise Cancelled("The build was cancelled.", remedy="Start it again when it is wanted.")


def _post(api: Any, **options: Any) -> Response:
    """``POST /build`` over the client's own connection; docker-py has no public call for it."""
    response: Response = api._post(api._url("/build"), **options)  # noqa: SLF001
    return response


def _need_buildkit(api: APIClient) -> None:
    version = api.api_version
    if tuple(int(part) for part in version.split(".")[:2]) < _FIRST_API:
        raise NoBuildKit(
            f"The engine's API is {version}; BuildKit needs 1.39 or later.",
            remedy=_NO_BUILDKIT_REMEDY,
        )


def _message(response: Response) -> str:
    """The engine's words in an answer with an error status."""
    try:
        document = response.json()
    except ValueError:
        document = response.text
    message = document.get("message") if isinstance(document, dict) else document
    return str(message or f"HTTP status {response.status_code}").strip()
