from __future__ import annotations

from types import SimpleNamespace

import pytest

from helpers.observe.requests import Probe, ServiceRequest
from helpers.observe.run_service import run_service, why_unreachable


def engine(base_url: str) -> SimpleNamespace:
    return SimpleNamespace(api=SimpleNamespace(base_url=base_url))


@pytest.mark.parametrize(
    "url",
    [
        "http+docker://localhost",  # a Unix socket
        "http+docker://localnpipe",
        "http://127.0.0.1:2375",
        "https://localhost:2376",
    ],
)
def test_an_engine_on_this_machine_can_be_probed(url: str) -> None:
    assert why_unreachable(engine(url)) == ""  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "url", ["http+docker://ssh", "https://10.1.2.3:2376", "http://docker:2375"]
)
def test_an_engine_elsewhere_cannot_and_nothing_is_started_there(url: str) -> None:
    client = engine(url)  # has no method to start anything with
    facts = run_service(client, "image", ServiceRequest(3000, (Probe("/"),)))  # type: ignore[arg-type]
    assert "another machine" in facts.unreachable
    assert not facts.started
    assert facts.start_error == ""
