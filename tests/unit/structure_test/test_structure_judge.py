"""The tool's verdicts from what was seen."""

import pytest

from helpers.structure_test.judge import (
    faulty_command,
    faulty_file,
    faulty_metadata,
    judge_command,
    judge_content,
    judge_existence,
    judge_license,
    judge_metadata,
)
from helpers.structure_test.patterns import NotAPattern, matches
from helpers.structure_test.seen import (
    CommandSeen,
    ConfigSeen,
    ContentSeen,
    LicensesSeen,
    PathSeen,
)
from helpers.structure_test.spec import (
    CommandTest,
    FileContentTest,
    FileExistenceTest,
    LicenseTest,
    MetadataTest,
    Pair,
)

pytest.importorskip("re2", reason="google-re2 is not installed")

FILE = PathSeen("file", 0o644, 0, 0)
HELLO = CommandSeen(b"hello\n", b"oops\n", 0, 0.1)


def command(seen=HELLO, **fields):
    return judge_command(CommandTest("t", command="c", **fields), seen)


def existence(seen=FILE, **fields):
    return judge_existence(FileExistenceTest("t", "/x", **fields), seen)


def content(data, **fields):
    return judge_content(FileContentTest("t", "/x", **fields), ContentSeen(data))


@pytest.mark.parametrize(
    ("fields", "passed"),
    [
        ({}, True),
        ({"expected_output": ("hel+o", "^hello\n$")}, True),
        ({"expected_output": ("hello", "bye")}, False),
        ({"expected_output": ("^hello$",)}, False),  # in RE2, $ is the very end
        ({"expected_output": ("(?m)^hello$",)}, True),
        ({"excluded_output": ("bye",)}, True),
        ({"excluded_output": ("h",)}, False),
        ({"expected_error": ("oops",)}, True),
        ({"expected_error": ("hello",)}, False),
        ({"excluded_error": ("oops",)}, False),
        ({"exit_code": 1}, False),
    ],
)
def test_commands(fields, passed):
    assert command(**fields).passed is passed


def test_a_command_that_did_not_run_fails_whatever_was_wanted():
    outcome = command(CommandSeen(problem="The engine refused."), exit_code=127)
    assert outcome.errors == ("The engine refused.",)


def test_errors_say_what_was_seen_and_wanted():
    (error,) = command(expected_output=("bye",)).errors
    assert error == "Output does not match `bye`: it begins with `hello `."
    (error,) = command(CommandSeen(b"\x1b[31mred\x07"), expected_output=("x",)).errors
    assert "\x1b" not in error
    assert "\x07" not in error
    assert command(exit_code=3).errors == ("Exit code 0, 3 wanted.",)


@pytest.mark.parametrize("field", ["expected_output", "excluded_output"])
def test_what_is_no_regular_expression_fails_either_way(field):
    outcome = command(**{field: ("(?=x)",)})
    assert not outcome.passed
    assert "no regular expression" in outcome.errors[0]


@pytest.mark.parametrize(
    ("seen", "fields", "passed"),
    [
        (FILE, {}, True),
        (PathSeen(problem="no"), {}, False),
        (PathSeen(problem="no"), {"should_exist": False}, True),
        (FILE, {"should_exist": False}, False),
        (FILE, {"permissions": "-rw-r--r--"}, True),
        (FILE, {"permissions": "rw-r--r--"}, False),
        (FILE, {"uid": 0, "gid": 0}, True),
        (FILE, {"uid": 1}, False),
        (FILE, {"gid": 1}, False),
        (FILE, {"is_executable_by": "any"}, False),
        (PathSeen("file", 0o100), {"is_executable_by": "owner"}, True),
        (PathSeen("file", 0o100), {"is_executable_by": "other"}, False),
        (PathSeen("file", 0o777), {"is_executable_by": "all"}, False),
        # Nothing else is asked of what must not be there.
        (PathSeen(problem="no"), {"should_exist": False, "uid": 5, "permissions": "x"}, True),
    ],
)
def test_existence(seen, fields, passed):
    assert existence(seen, **fields).passed is passed


def test_contents():
    assert content(b"a\nb", expected=("^a", "b$"), excluded=("c",)).passed
    assert not content(b"a", expected=("b",)).passed
    assert not content(b"a", excluded=("a",)).passed
    missing = judge_content(FileContentTest("t", "/x"), ContentSeen(problem="no such file."))
    assert missing.errors == ("/x cannot be read: no such file.",)
    linked = judge_content(FileContentTest("t", "/x"), ContentSeen(b"", from_root="/x"))
    assert "from the root directory" in linked.notes[0]


def test_bytes_that_are_no_utf8_are_one_character_each():
    assert content(b"caf\xe9", expected=("^caf.$",)).passed
    assert content(b"\xe9\xe9", expected=("^..$",)).passed
    assert not content(b"\xc3\xa9", expected=("^..$",)).passed


def test_a_pattern_cannot_take_for_ever():
    assert not matches("(a+)+$", b"a" * 50_000 + b"b")
    with pytest.raises(NotAPattern):
        matches(r"(a)\1", b"aa")


CONFIG = ConfigSeen(
    env={"A": "1", "EMPTY": ""},
    entrypoint=("/app",),
    cmd=("serve",),
    volumes=frozenset({"/data"}),
    workdir="/srv",
    ports=frozenset({"8080"}),
    labels={"version": "1.2"},
    user="web",
)


@pytest.mark.parametrize(
    ("fields", "passed"),
    [
        ({"env": (Pair("A", "1"), Pair("EMPTY", ""))}, True),
        ({"env": (Pair("A", "2"),)}, False),
        ({"env": (Pair("B", ""),)}, False),
        ({"env": (Pair("A", "[0-9]", True),)}, True),
        ({"env": (Pair("A", "[0-9]"),)}, False),
        ({"unbound_env": (Pair("B"),)}, True),
        ({"unbound_env": (Pair("A"),)}, False),
        ({"labels": (Pair("version", r"^1\.", True),)}, True),
        ({"labels": (Pair("version", "(", True),)}, False),
        ({"entrypoint": ("/app",), "cmd": ("serve",)}, True),
        ({"entrypoint": ()}, False),
        ({"cmd": ("serve", "x")}, False),
        ({"workdir": "/srv", "user": "web"}, True),
        ({"workdir": "/"}, False),
        ({"user": "root"}, False),
        ({"exposed_ports": ("8080",), "unexposed_ports": ("80",)}, True),
        ({"exposed_ports": ("80",)}, False),
        ({"unexposed_ports": ("8080",)}, False),
        ({"volumes": ("/data",), "unmounted_volumes": ("/x",)}, True),
        ({"volumes": ("/x",)}, False),
        ({"unmounted_volumes": ("/data",)}, False),
    ],
)
def test_metadata(fields, passed):
    assert judge_metadata(MetadataTest(**fields), CONFIG).passed is passed


def test_a_port_with_a_protocol_is_explained():
    outcome = judge_metadata(MetadataTest(exposed_ports=("8080/tcp",)), CONFIG)
    assert not outcome.passed
    assert "without a protocol" in outcome.notes[0]


def test_licenses():
    good = (("/usr/share/doc/a/copyright", ContentSeen(b"MIT")),)
    bad = (("/usr/share/doc/b/copyright", ContentSeen(b"the aGPL, version 3")),)
    test = LicenseTest(debian=True)
    assert judge_license(test, LicensesSeen(good)).passed
    assert judge_license(test, LicensesSeen(good + bad)).errors == (
        "/usr/share/doc/b/copyright names AGPL.",
    )
    assert not judge_license(test, LicensesSeen(problem="no such folder")).passed


def test_what_the_tool_would_not_run():
    assert not faulty_command(CommandTest("a", command="b"))
    assert faulty_command(CommandTest(command="b")) == ("It has no name.",)
    assert faulty_command(CommandTest("a")) == ("It has no command.",)
    assert faulty_command(CommandTest("a", command="b", setup=((),)))
    assert faulty_command(CommandTest("a", command="b", env=(Pair("A"),)))
    assert faulty_file(FileContentTest("a")) == ("It has no path.",)
    assert faulty_metadata(MetadataTest(env=(Pair(""),)))
    assert not faulty_metadata(MetadataTest(env=(Pair("A"),)))
