from __future__ import annotations

from helpers.observe.process_tree import parse_processes


def status(name: str, parent: int, state: str = "S (sleeping)", **more: str) -> str:
    fields = {
        "Name": name,
        "State": state,
        "PPid": str(parent),
        "Uid": "1000\t1001\t1000\t1000",
        "Threads": "3",
        "CapEff": "00000000000000ff",
        "NoNewPrivs": "1",
        "SigBlk": "0000000000000000",
        "SigCgt": "0000000000004002",  # SIGINT, SIGTERM
        "nonvoluntary_ctxt_switches": "7",
        **more,
    }
    return "".join(f"{key}:\t{value}\n" for key, value in fields.items())


def entry(pid: int, text: str, command: str = "") -> str:
    return f"=pid= {pid} 50\n{text}{command}\n"


LISTING = (
    entry(1, status("node", 0), "node server.js ")
    + entry(50, status("sh", 0), "sh -c … ")
    + entry(51, status("tr", 50), "tr ")
    + entry(9, status("old", 1, "Z (zombie)"))
    + "=pid= 60 50\n\n"  # ended while it was looked at
    + "=map=\n         0     100000      65536\n"
)


def test_processes_are_read_and_our_own_left_out() -> None:
    tree = parse_processes(LISTING)
    assert [p.pid for p in tree.processes] == [1, 9]
    first = tree.first
    assert first is not None
    assert (first.name, first.command, first.uid, first.threads) == (
        "node",
        "node server.js",
        1001,
        3,
    )
    assert first.handles == {"SIGINT", "SIGTERM"}
    assert first.capabilities == 255
    assert first.no_new_privileges
    assert tree.host_uid == 100_000
    assert tree.orphans_left is None


def test_a_signal_that_is_waited_for_counts_as_handled() -> None:
    # An init (tini, dumb-init) blocks all signals and takes them with sigwait.
    tree = parse_processes(entry(1, status("tini", 0, SigCgt="0", SigBlk="4000")))
    assert tree.first is not None
    assert tree.first.handles == {"SIGTERM"}


def test_only_new_zombies_of_process_1_are_left_over_orphans() -> None:
    later = (
        "=orphans=\n"
        + entry(1, status("node", 0))
        + entry(9, status("old", 1, "Z (zombie)"))
        + entry(70, status("sleep", 1, "Z (zombie)"))
        + entry(72, status("sleep", 1, "Z (zombie)"))
        + entry(73, status("sleep", 8, "Z (zombie)"))
    )
    assert parse_processes(LISTING + later).orphans_left == 2
    reaped = "=orphans=\n" + entry(1, status("node", 0)) + entry(9, status("old", 1, "Z (zombie)"))
    assert parse_processes(LISTING + reaped).orphans_left == 0


def test_nothing_printed_is_no_process() -> None:
    tree = parse_processes("")
    assert tree.processes == ()
    assert tree.first is None
    assert tree.orphans_left is None


def test_names_hold_no_control_characters() -> None:
    tree = parse_processes(entry(1, status("a\x1b[2Jb", 0), "x\x07y"))
    assert tree.first is not None
    assert tree.first.name.isprintable()
    assert tree.first.command == "x\\x07y"
