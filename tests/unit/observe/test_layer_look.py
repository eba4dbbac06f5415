from __future__ import annotations

import pytest

from helpers.observe.byte_source import ByteSource
from helpers.observe.layer_findings import LayerFindings
from helpers.observe.layer_look import LARGEST_TEXT, LayerLook, TimeBudget
from helpers.observe.layer_tar import read_layer
from helpers.observe.packages import GO_MAGIC

from .archives import Item, pieces, tar
from .test_packages import go_info
from .test_secret_strings import AWS

SECRET = f"key = {AWS}\n".encode()


def look(*items: Item, piece: int = 4096, budget: TimeBudget | None = None) -> LayerFindings:
    data = tar(items)
    looking = LayerLook(budget or TimeBudget())
    layer = read_layer(ByteSource(pieces(data, piece)), len(data), visit=looking.visit)
    assert len(layer.entries) == len({i.name for i in items})  # reading ends where it should
    return looking.findings()


def test_packages_and_secrets_of_one_layer() -> None:
    found = look(
        Item("app/.env", SECRET),
        Item("app/node_modules/x/package.json", b'{"name": "x", "version": "1.0.0"}'),
        Item("var/lib/dpkg/status.d/base", b"Package: base-files\nVersion: 1\n"),
    )
    assert [(s.path, s.line, s.what) for s in found.secrets] == [("/app/.env", 1, "AWS Access Key")]
    assert [p.name for p in found.packages] == ["x", "base-files"]
    assert (found.scanned_files, found.scanned_bytes, found.left_out) == (1, len(SECRET), 0)


@pytest.mark.parametrize(
    "name",
    [
        "app/node_modules/x/index.js",
        "usr/share/doc/x/README",
        "usr/lib/python3/dist-packages/x.py",
        "root/.npm/_cacache/content-v2/sha512/01",
        "app/logo.png",
        "app/package-lock.json",
        "etc/shadow",
    ],
)
def test_files_that_are_not_ours_or_no_text_are_not_searched(name: str) -> None:
    assert look(Item(name, SECRET)) == LayerFindings()


def test_a_binary_file_is_not_searched_and_a_large_one_is_not_read() -> None:
    found = look(
        Item("app/data", b"\0\1\2" + SECRET), Item("app/big.txt", SECRET * 20_000), Item("app/z")
    )
    assert len(SECRET) * 20_000 > LARGEST_TEXT
    assert found == LayerFindings()


def test_more_text_than_is_searched_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("helpers.observe.layer_look.TEXT_PER_LAYER", 1500)
    found = look(*(Item(f"app/{n}.txt", b"text\n" * 100) for n in range(5)))
    assert (found.scanned_files, found.left_out) == (3, 2)


def test_without_time_nothing_is_searched_and_that_is_told() -> None:
    looking = LayerLook(TimeBudget(seconds=0))
    data = tar([Item("app/.env", SECRET)])
    read_layer(ByteSource([data]), len(data), visit=looking.visit)
    assert not looking.in_time
    assert looking.findings() == LayerFindings(left_out=1)


@pytest.mark.parametrize("piece", [13, 512, 700, 65_536])
@pytest.mark.parametrize("before", [600_000, 600_003])
def test_go_modules_are_found_wherever_the_pieces_are_cut(piece: int, before: int) -> None:
    info = go_info("go1.25.3", "mod\tgithub.com/acme/app\tv1.2.3\t\n")
    program = b"\x7fELF" + bytes(before) + GO_MAGIC + bytes(500) + info + bytes(700)
    found = look(Item("app", program, mode=0o755), Item("after", b"1"), piece=piece)
    assert [(p.kind, p.name, p.path) for p in found.packages] == [
        ("go", "stdlib", "/app"),
        ("go", "github.com/acme/app", "/app"),
    ]


def test_a_program_that_go_did_not_build_and_a_mark_at_its_end() -> None:
    for end in (b"", GO_MAGIC, GO_MAGIC + b"\x08\x02"):
        program = b"\x7fELF" + bytes(600_000) + end
        assert look(Item("app", program, mode=0o755), Item("z", b"1")).packages == ()


def test_a_file_that_is_no_program_is_not_searched_for_go() -> None:
    data = bytes(600_000) + go_info("go1.25.3", "mod\ta\tv1\t\n")
    assert look(Item("app", data, mode=0o755)).packages == ()
    assert look(Item("app", b"\x7fELF" + data, mode=0o644)).packages == ()
