"""What a registry's silence and a registry's refusal look like in the engine's messages."""

from __future__ import annotations

from typing import Any

import pytest
from requests import Response
from requests.exceptions import ConnectionError as NoConnection
from requests.exceptions import ReadTimeout

from helpers.engine import pull
from helpers.errors import NoEngine

HUB = 'Get "https://registry.example/v2/": '
MANIFEST = 'Head "https://ghcr.io/v2/a/manifests/1": '


@pytest.mark.parametrize(
    ("name", "registry"),
    [
        ("node:26", "docker.io"),
        ("bitnami/redis:7", "docker.io"),
        ("gcr.io/distroless/static:nonroot", "gcr.io"),
        ("localhost/app:1", "localhost"),
        ("127.0.0.1:5000/app:1", "127.0.0.1:5000"),
        ("registry:5000/app", "registry:5000"),
    ],
)
def test_the_registry_of_a_name(name: str, registry: str) -> None:
    assert pull.registry_of(name) == registry


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("node:26", ("node", "26")),
        ("node", ("node", "latest")),
        ("127.0.0.1:5000/app", ("127.0.0.1:5000/app", "latest")),
        ("127.0.0.1:5000/app:1", ("127.0.0.1:5000/app", "1")),
    ],
)
def test_repository_and_tag_of_a_name(name: str, parts: tuple[str, str]) -> None:
    assert pull.split_tag(name) == parts


@pytest.mark.parametrize(
    "message",
    [
        HUB + "dial tcp: lookup registry.example on 10.0.0.53:53: no such host",
        HUB + "dial tcp 127.0.0.1:5999: connect: connection refused",
        HUB + "dial tcp 192.0.2.1:443: i/o timeout",
        HUB + "net/http: TLS handshake timeout",
        HUB + "context deadline exceeded (Client.Timeout exceeded while awaiting headers)",
        HUB + "proxyconnect tcp: dial tcp 10.0.0.1:3128: connect: no route to host",
        HUB + "read tcp 10.0.0.2:40000->192.0.2.1:443: read: connection reset by peer",
        HUB + "EOF",
        HUB + "Forbidden",
        HUB + "Proxy Authentication Required",
    ],
)
def test_silence(message: str) -> None:
    assert pull.is_out_of_reach(message)


@pytest.mark.parametrize(
    "message",
    [
        "unknown: msg404",
        "manifest unknown: manifest unknown",
        "received unexpected HTTP status: 500 Internal Server Error",
        "error unmarshalling content: invalid character '<' looking for beginning of value",
        "toomanyrequests: You have reached your pull rate limit.",
        HUB + "unauthorized: incorrect username or password",
        MANIFEST + "denied: Forbidden",
        HUB + "tls: failed to verify certificate: x509: certificate signed by unknown authority",
        HUB + "http: server gave HTTP response to HTTPS client",
    ],
)
def test_an_answer_is_no_silence(message: str) -> None:
    assert not pull.is_out_of_reach(message)


class FakeApi:
    """An engine whose answer to ``/distribution`` is given."""

    timeout = 60
    credstore_env = None

    def __init__(self, answer: Exception | tuple[int, str]) -> None:
        self.answer = answer
        self.seconds = 0.0

    _auth_configs = None

    def _url(self, path: str, *names: str) -> str:
        return path.format(*names)

    def _get(self, url: str, *, headers: dict[str, str], timeout: float) -> Response:
        self.seconds = timeout
        if isinstance(self.answer, Exception):
            raise self.answer
        response = Response()
        response.status_code, text = self.answer
        response._content = text.encode()
        response.url = url
        return response

    def _result(self, response: Response, json: bool) -> Any:
        from docker.errors import create_api_error_from_http_exception
        from requests.exceptions import HTTPError

        try:
            response.raise_for_status()
        except HTTPError as error:
            create_api_error_from_http_exception(error)
        return response.json()


@pytest.fixture(autouse=True)
def _no_login(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pull.auth, "get_config_header", lambda api, registry: None)


def resolve(answer: Exception | tuple[int, str], name: str = "node:26") -> str:
    return pull.resolve(FakeApi(answer), name)  # type: ignore[arg-type]


def test_the_digest_is_what_the_registry_says() -> None:
    assert resolve((200, '{"Descriptor": {"digest": "sha256:abc"}}')) == "sha256:abc"


def test_a_registry_has_few_seconds() -> None:
    api = FakeApi(ReadTimeout("slow"))
    with pytest.raises(pull.OutOfReach, match=r"docker\.io did not answer within"):
        pull.resolve(api, "node:26")  # type: ignore[arg-type]
    assert 0 < api.seconds <= 10


@pytest.mark.parametrize(
    ("message", "word"),
    [
        ("unauthorized: authentication required", "docker login registry.example"),
        ("toomanyrequests: rate limit", "Log in"),
        ("manifest unknown", "has this image"),
        ("x509: certificate signed by unknown authority", "trust its certificate"),
        ("received unexpected HTTP status: 500", "docker pull registry.example/node:26"),
    ],
)
def test_each_refusal_has_its_remedy(message: str, word: str) -> None:
    with pytest.raises(pull.RegistryRefused) as caught:
        resolve((500, f'{{"message": "{message}"}}'), "registry.example/node:26")
    assert message in caught.value.message
    assert word in caught.value.remedy


def test_an_engine_that_is_gone_is_not_taken_for_a_registry() -> None:
    with pytest.raises(NoEngine):
        resolve(NoConnection("socket"))
