"""What the kernel says of a process, read as it is written."""

from __future__ import annotations

import pytest

from helpers.experiments.identity import NobodyThere, parse_identity

STATUS = """\
Name:\tnode
Uid:\t{uid}\t{uid}\t{uid}\t{uid}
CapEff:\t00000000a80425fb
CapBnd:\t00000000a80425fb
NoNewPrivs:\t1
Seccomp:\t2
=map=
{uid_map}
"""


def printed(uid: int, uid_map: str) -> str:
    return STATUS.format(uid=uid, uid_map=uid_map)


def test_root_of_a_default_container() -> None:
    found = parse_identity(printed(0, "         0          0 4294967295"), 7)
    assert (found.uid_inside, found.uid_outside, found.bounding) == (0, 0, 14)
    assert {"chown", "net_raw", "setuid"} <= set(found.capabilities)
    assert found.no_new_privileges
    assert found.seccomp == "filter"


def test_a_remapped_user_has_two_numbers() -> None:
    found = parse_identity(printed(101_000, "0 100000 65536"), 7)
    assert (found.uid_inside, found.uid_outside) == (1000, 101_000)
    assert parse_identity(printed(5, "0 100000 65536"), 7).uid_inside == 65_534


def test_a_process_that_has_ended_is_told() -> None:
    with pytest.raises(NobodyThere, match="ended") as told:
        parse_identity("=map=\n", 7)
    assert told.value.remedy
