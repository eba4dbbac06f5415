"""The reason and the remedy for what a connection gives."""

from __future__ import annotations

import pytest

from helpers.engine.find import Endpoint
from helpers.engine.problems import no_engine

TCP = Endpoint("tcp://far:2376", "DOCKER_HOST", explicit=True)


@pytest.mark.parametrize(
    ("text", "reason", "remedy"),
    [
        ("[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] alert", "wants a client cert", "cert.pem"),
        ("[SSL: TLSV1_ALERT_UNKNOWN_CA] alert", "refuses the client cert", "cert.pem"),
        ("[SSL: SSLV3_ALERT_BAD_CERTIFICATE] alert", "refuses the client cert", "cert.pem"),
        ("[SSL: SSLV3_ALERT_CERTIFICATE_EXPIRED] alert", "refuses the client cert", "out of date"),
        ("[SSL: CERTIFICATE_VERIFY_FAILED] expired", "is not trusted", "ca.pem"),
        ("400: Client sent an HTTP request to an HTTPS server.", "speaks TLS", "DOCKER_TLS_VERIFY"),
        ("[SSL: WRONG_VERSION_NUMBER] wrong", "does not speak TLS", "Unset DOCKER_TLS_VERIFY"),
        ("[Errno 111] Connection refused", "the connection is refused", "unset DOCKER_HOST"),
        ("something new.", "something new", "unset DOCKER_HOST"),
    ],
)
def test_the_usual_causes_have_a_reason_and_a_remedy(text: str, reason: str, remedy: str) -> None:
    error = no_engine(TCP, OSError(text))
    assert reason in error.message
    assert error.message.startswith("No engine answers at tcp://far:2376 (DOCKER_HOST): ")
    assert remedy in error.remedy


def test_the_remedy_fits_who_named_the_engine() -> None:
    context = Endpoint("unix:///x", "Docker context far", explicit=True)
    assert "docker context use" in no_engine(context, OSError("No such file")).remedy
    usual = Endpoint("unix:///x", "usual socket /x")
    assert "group" in no_engine(usual, OSError("Permission denied")).remedy
