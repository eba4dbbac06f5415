"""What Go does a little differently."""

import pytest

from helpers.errors import BadInput
from helpers.structure_test.go import base, expand, mode_text, read_env_file

VALUES = {"A": "x", "APP_HOME": "/srv", "1": "one"}


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("plain", "plain"),
        ("$A", "x"),
        ("${A}b", "xb"),
        ("$A/$APP_HOME", "x//srv"),
        ("$NOPE.", "."),
        ("$$", ""),
        ("a$", "a$"),
        ("a$ b", "a$ b"),
        ("${", ""),
        ("a${b", "ab"),
        ("x${}y", "xy"),
        ("$1b", "oneb"),
        ("$*", ""),
        ("$/", "$/"),
    ],
)
def test_expand(text, expanded):
    assert expand(text, VALUES) == expanded


@pytest.mark.parametrize(
    ("kind", "mode", "text"),
    [
        ("file", 0o644, "-rw-r--r--"),
        ("file", 0o4755, "urwxr-xr-x"),
        ("file", 0o6711, "ugrwx--x--x"),
        ("dir", 0o755, "drwxr-xr-x"),
        ("dir", 0o1777, "dtrwxrwxrwx"),
        ("dir", 0o2750, "dgrwxr-x---"),
        ("symlink", 0o777, "Lrwxrwxrwx"),
        ("file", 0, "----------"),
    ],
)
def test_a_mode_is_written_as_go_does(kind, mode, text):
    assert mode_text(kind, mode) == text


@pytest.mark.parametrize(
    ("path", "last"),
    [("/a/b", "b"), ("/a/b/", "b"), ("/", "/"), ("", "."), ("a", "a"), ("//", "/")],
)
def test_base(path, last):
    assert base(path) == last


def test_an_env_file():
    text = 'A=1\n# no\n\nexport B="x y"\nC=\'$A\'\nD=${A}2 # two\nE=a#b\nF=\nG="l\\nm"\n'
    assert read_env_file(text, "f") == {
        "A": "1",
        "B": "x y",
        "C": "$A",
        "D": "12",
        "E": "a#b",
        "F": "",
        "G": "l\nm",
    }
    with pytest.raises(BadInput, match="f:2: no KEY=VALUE"):
        read_env_file("A=1\nnothing\n", "f")
