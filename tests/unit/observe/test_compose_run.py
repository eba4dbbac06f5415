"""Ports of a service, short and long."""

from __future__ import annotations

import pytest

from helpers.observe.compose_run import published_ports


@pytest.mark.parametrize(
    ("entry", "wanted"),
    [
        ("127.0.0.1:8080:3000", (8080, 3000)),
        ("8080:3000", (8080, 3000)),
        ("8080:3000/tcp", (8080, 3000)),
        ("[::1]:8080:3000", (8080, 3000)),
        ("3000", (0, 3000)),
        (3000, (0, 3000)),
        ({"target": 3000, "published": "8080", "host_ip": "127.0.0.1"}, (8080, 3000)),
        ({"target": 3000}, (0, 3000)),
    ],
)
def test_a_published_port_is_read(entry: object, wanted: tuple[int, int]) -> None:
    assert published_ports({"ports": [entry]}) == (wanted,)


@pytest.mark.parametrize("entry", ["53:53/udp", "8000-8010:8000-8010", {"target": "a"}, ""])
def test_what_is_no_single_tcp_port_is_left_out(entry: object) -> None:
    assert published_ports({"ports": [entry]}) == ()


def test_a_service_without_ports_publishes_none() -> None:
    assert published_ports({}) == ()
