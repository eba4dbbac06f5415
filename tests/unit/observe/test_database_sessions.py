from __future__ import annotations

from helpers.observe.database import Sessions, read_sessions


def line(pid: int, message: str, host: str = "172.17.0.3", level: str = "LOG") -> str:
    return f"session {pid} {host}|{level}:  {message}"


def opened(*pids: int) -> list[str]:
    return [line(pid, "connection authorized: user=workbook database=workbook") for pid in pids]


def closed(*pids: int) -> list[str]:
    return [line(pid, "disconnection: session time: 0:00:01.000 user=workbook") for pid in pids]


def test_sessions_that_said_goodbye() -> None:
    assert read_sessions([*opened(7, 8), *closed(8, 7)]) == Sessions(2, 2, 0, 0)


def test_a_broken_connection_is_no_goodbye_though_the_session_ends() -> None:
    lines = [
        *opened(7, 8, 9),
        line(7, "unexpected EOF on client connection", level="DEBUG"),
        line(8, "could not receive data from client: Connection reset by peer"),
        *closed(7, 8, 9),
    ]
    assert read_sessions(lines) == Sessions(opened=3, closed=1, broken=2, left=0)


def test_sessions_that_are_still_there() -> None:
    assert read_sessions([*opened(7, 8), *closed(7)]) == Sessions(2, 1, 0, 1)


def test_what_is_not_over_the_network_does_not_count() -> None:
    local = [
        line(5, "connection authorized: user=workbook", "[local]"),
        line(6, "disconnection: session time", ""),
        "PostgreSQL init process complete; ready for start up.",
        "",
    ]
    assert read_sessions(local) == Sessions(0, 0, 0, 0)
