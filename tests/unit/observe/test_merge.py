from __future__ import annotations

import time

from helpers.observe.byte_source import ByteSource
from helpers.observe.image_facts import FileFact, WastedFile
from helpers.observe.layer_tar import LayerContents, read_layer
from helpers.observe.merge import merge, put_together

from .archives import Item, folder, hardlink, symlink, tar


def layer(*items: Item) -> LayerContents:
    data = tar(items)
    return read_layer(ByteSource([data]), len(data))


def paths(files: tuple[FileFact, ...]) -> list[str]:
    return [f.path for f in files]


def test_files_of_all_layers_with_the_layer_that_each_comes_from() -> None:
    files, waste = merge([layer(Item("b", b"12"), folder("a")), layer(Item("a/c", b"1"))])
    assert [(f.path, f.layer, f.size) for f in files] == [
        ("/a", 0, 0),
        ("/a/c", 1, 1),
        ("/b", 0, 2),
    ]
    assert waste == ()


def test_an_overwritten_file_is_waste() -> None:
    files, waste = merge([layer(Item("f", b"12345")), layer(Item("f", b"1", mode=0o600))])
    assert files == (FileFact("/f", "file", 1, 0o600, 0, 0, 1),)
    assert waste == (WastedFile("/f", 5, 0, 1, deleted=False),)


def test_a_deleted_file_is_waste_and_gone() -> None:
    files, waste = merge([layer(Item("f", b"12"), Item("g", b"1")), layer(Item(".wh.f"))])
    assert paths(files) == ["/g"]
    assert waste == (WastedFile("/f", 2, 0, 1, deleted=True),)


def test_a_deleted_directory_takes_everything_below_it_and_nothing_beside_it() -> None:
    lower = layer(
        folder("n"),
        Item("n/a", b"1"),
        folder("n/m"),
        Item("n/m/b", b"12"),
        Item("n.js"),
        Item("n-x"),
    )
    files, waste = merge([lower, layer(Item(".wh.n"))])
    assert paths(files) == ["/n-x", "/n.js"]
    assert [(w.path, w.bytes) for w in waste] == [("/n/m/b", 2), ("/n/a", 1)]


def test_a_directory_that_no_layer_mentions_is_deleted_with_what_is_in_it() -> None:
    files, _ = merge([layer(Item("a/b/c/d", b"1")), layer(Item("a/.wh.b"))])
    assert files == ()


def test_an_opaque_directory_hides_lower_layers_but_not_its_own() -> None:
    lower = layer(folder("d"), Item("d/old", b"123"), folder("d/sub"), Item("d/sub/x", b"1"))
    upper = layer(folder("d"), Item("d/new", b"1"), Item("d/.wh..wh..opq"))
    files, waste = merge([lower, upper])
    assert paths(files) == ["/d", "/d/new"]
    assert {w.path for w in waste} == {"/d/old", "/d/sub/x"}


def test_a_file_in_place_of_a_directory_hides_what_was_in_it() -> None:
    files, _ = merge([layer(folder("x"), Item("x/y", b"1")), layer(Item("x", b"file"))])
    assert [(f.path, f.kind) for f in files] == [("/x", "file")]


def test_a_directory_again_keeps_what_is_in_it() -> None:
    files, _ = merge([layer(folder("x"), Item("x/y", b"1")), layer(folder("x", 0o700))])
    assert [(f.path, f.mode, f.layer) for f in files] == [("/x", 0o700, 1), ("/x/y", 0o644, 0)]


def test_a_file_that_comes_back_is_a_file_again() -> None:
    files, waste = merge([layer(Item("f", b"1")), layer(Item(".wh.f")), layer(Item("f", b"123"))])
    assert [(f.path, f.layer, f.size) for f in files] == [("/f", 2, 3)]
    assert waste == (WastedFile("/f", 1, 0, 1, deleted=True),)


def test_a_whiteout_of_something_that_is_not_there_changes_nothing() -> None:
    files, waste = merge([layer(Item("f")), layer(Item(".wh.nothing"), Item("d/.wh..wh..opq"))])
    assert paths(files) == ["/f"]
    assert waste == ()


def test_a_hard_link_counts_its_content_once() -> None:
    files, _ = merge([layer(Item("a", b"12345"), hardlink("b", "a"))])
    assert [(f.path, f.kind, f.size, f.link) for f in files] == [
        ("/a", "file", 5, None),
        ("/b", "hardlink", 0, "/a"),
    ]


def test_content_that_a_hard_link_still_shows_is_no_waste() -> None:
    lower = layer(Item("a", b"12345"), hardlink("b", "a"), hardlink("c", "a"))
    files, waste = merge([lower, layer(Item(".wh.a"))])
    assert [(f.path, f.kind, f.size, f.link) for f in files] == [
        ("/b", "file", 5, None),
        ("/c", "hardlink", 0, "/b"),
    ]
    assert waste == ()


def test_symlinks_are_facts_and_are_not_followed() -> None:
    files, _ = merge([layer(symlink("bin", "usr/bin"), symlink("x", "/etc/shadow"))])
    assert [(f.path, f.link) for f in files] == [("/bin", "usr/bin"), ("/x", "/etc/shadow")]


def test_many_whiteouts_over_many_files_take_time_in_proportion() -> None:
    lower = layer(*[Item(f"d{n % 500}/f{n}", b"1") for n in range(20_000)])
    upper = layer(*[Item(f"d{n % 500}/.wh.f{n}") for n in range(0, 20_000, 2)])
    began = time.perf_counter()
    files, waste = merge([lower, upper])
    assert (len(files), len(waste)) == (10_000, 10_000)
    assert time.perf_counter() - began < 5  # comparing each with each would take minutes


def test_directories_as_they_were_are_no_change() -> None:
    lower = layer(folder("etc"), folder("app"), Item("app/a"))
    again = layer(folder("etc"), folder("app", 0o700), Item(".wh.x"), Item("app/a"))
    assert put_together([lower, layer(folder("etc")), again]).changes == (3, 0, 3)
