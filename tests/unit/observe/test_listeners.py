from __future__ import annotations

from pathlib import Path

from helpers.observe.listeners import is_process_here, parse_listeners, read_listeners
from helpers.observe.service_facts import Listener

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n"
TCP = (
    HEAD
    + "   0: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0 0 1\n"
    + "   1: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0 0 1\n"
    + "   2: 0B00007F:9C41 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0 0 1\n"
    + "   3: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0 0 1\n"
)
TCP6 = (
    HEAD
    + "   0: 00000000000000000000000000000000:0BB9 0000:0 0A 0:0 00:0 0     0 0 1\n"
    + "   1: 00000000000000000000000001000000:0BBA 0000:0 0A 0:0 00:0 0     0 0 1\n"
    + "   2: 0000000000000000FFFF00000100007F:0BBB 0000:0 0A 0:0 00:0 0     0 0 1\n"
)


def test_only_listening_sockets_are_told() -> None:
    assert parse_listeners(TCP) == (("127.0.0.1", 3000), ("0.0.0.0", 80), ("127.0.0.11", 40001))
    assert parse_listeners(TCP6) == (("::", 3001), ("::1", 3002), ("127.0.0.1", 3003))
    assert parse_listeners("") == ()


def test_both_tables_of_a_process_without_the_engine_s_own_name_server(tmp_path: Path) -> None:
    (tmp_path / "7" / "net").mkdir(parents=True)
    (tmp_path / "7" / "net" / "tcp").write_text(TCP)
    assert read_listeners(7, tmp_path) == (Listener("0.0.0.0", 80), Listener("127.0.0.1", 3000))
    (tmp_path / "7" / "net" / "tcp6").write_text(TCP6)
    assert len(read_listeners(7, tmp_path) or ()) == 5


def test_a_process_that_cannot_be_read_tells_nothing(tmp_path: Path) -> None:
    assert read_listeners(8, tmp_path) is None


def test_a_pid_counts_only_where_its_process_is_in_the_container(tmp_path: Path) -> None:
    (tmp_path / "9").mkdir()
    (tmp_path / "9" / "cgroup").write_text("0::/system.slice/docker-abc123.scope\n")
    assert is_process_here(9, "abc123", tmp_path)
    assert not is_process_here(9, "fff", tmp_path)
    assert not is_process_here(10, "abc123", tmp_path)
    assert not is_process_here(0, "abc123", tmp_path)
