"""Which files a build asks for: never fewer than Docker's own client would send."""

from __future__ import annotations

import posixpath
import re
import time
from collections.abc import Iterable
from fnmatch import fnmatchcase

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.build.session.selection import Directory
from helpers.build.tree import Entry


def directory(*files: str) -> Directory:
    """Files, folders (``name/``) and links (``name -> target``), with the folders above them."""
    entries: dict[str, Entry] = {}
    for file in files:
        path, _, link = file.partition(" -> ")
        kind = "symlink" if link else "dir" if path.endswith("/") else "file"
        path = path.rstrip("/")
        entries[path] = Entry(path, kind, 0o644, link=link)  # type: ignore[arg-type]
        while path := posixpath.dirname(path):
            entries.setdefault(path, Entry(path, "dir", 0o755))
    return Directory(tuple(sorted(entries.values(), key=Entry.walk_key)))


def selected(files: Directory, *paths: str) -> set[str]:
    chosen = files.select(paths)
    assert [e for e in files.entries if e in chosen] == list(chosen), "the order of the walk"
    return {entry.path for entry in chosen}


TREE = directory(
    "Dockerfile", "src/a.ts", "src/b.js", "src/deep/c.ts", "src2/d.ts", "empty/", "src.txt"
)


@pytest.mark.parametrize(
    ("paths", "wanted"),
    [
        (["Dockerfile"], {"Dockerfile"}),
        (["/Dockerfile"], {"Dockerfile"}),
        (["./Dockerfile"], {"Dockerfile"}),
        (["src"], {"src", "src/a.ts", "src/b.js", "src/deep", "src/deep/c.ts"}),
        (["src/"], {"src", "src/a.ts", "src/b.js", "src/deep", "src/deep/c.ts"}),
        (["src/deep/c.ts"], {"src", "src/deep", "src/deep/c.ts"}),
        (["src/../src/a.ts"], {"src", "src/a.ts"}),
        (["empty", "src2"], {"empty", "src2", "src2/d.ts"}),
        (["src/*.ts"], {"src", "src/a.ts"}),
        (["src*/*.ts"], {"src", "src/a.ts", "src2", "src2/d.ts"}),
        (["src?"], {"src2", "src2/d.ts"}),
        (["*.txt"], {"src.txt"}),
        (["*/deep"], {"src", "src/deep", "src/deep/c.ts"}),
        (["nothing"], set()),
        (["nothing/*"], set()),
        (["src/none", "Dockerfile"], {"Dockerfile"}),
        (["Dockerfile/none"], set()),
        (["Dockerfile", "Dockerfile"], {"Dockerfile"}),
    ],
)
def test_what_is_named_comes_with_what_is_above_and_below(
    paths: list[str], wanted: set[str]
) -> None:
    assert selected(TREE, *paths) == wanted


@pytest.mark.parametrize("paths", [[], ["."], ["/"], [""], ["src", "."], ["../x"], [".."]])
def test_all_of_it_is_wanted(paths: list[str]) -> None:
    assert selected(TREE, *paths) == {entry.path for entry in TREE.entries}


def test_a_pattern_with_brackets_brings_at_least_what_it_means() -> None:
    assert selected(TREE, "src/[ab].*") >= {"src", "src/a.ts", "src/b.js"}
    assert selected(directory("a*b", "acb"), "a\\*b") >= {"a*b"}


def test_a_name_may_hold_the_characters_of_a_pattern() -> None:
    assert selected(directory("a*b", "[x]", "c"), "*") == {"a*b", "[x]", "c"}
    assert selected(directory("a*b", "acb"), "a*b") == {"a*b", "acb"}
    assert selected(directory("[id]/page", "c"), "[id]") >= {"[id]", "[id]/page"}
    assert selected(directory("* -> d", "d/x", "c"), "*") == {"*", "d", "d/x", "c"}


@pytest.mark.parametrize(
    ("files", "path", "wanted"),
    [
        (["l -> a", "a", "b"], "l", {"l", "a"}),
        (["l -> d", "d/a", "b"], "l", {"l", "d", "d/a"}),
        (["l -> d", "d/a", "d/b"], "l/a", {"l", "d", "d/a"}),
        (["l -> m", "m -> a", "a", "b"], "l", {"l", "m", "a"}),
        (["l -> m/x", "m -> d", "d/x -> y", "d/y", "d/z"], "l", {"l", "m", "d", "d/x", "d/y"}),
        (["l -> /a", "a", "b"], "l", {"l", "a"}),
        (["d/l -> ../a", "a", "b"], "d/l", {"d", "d/l", "a"}),
        (["d/l -> ../../../../a", "a", "b"], "d/l", {"d", "d/l", "a"}),
        (["l -> gone", "a"], "l", {"l"}),
        (["l -> /etc/passwd", "a"], "l", {"l"}),
        (["l1 -> a", "l2 -> b", "a", "b", "c"], "l*", {"l1", "l2", "a", "b"}),
        (["d/l -> ../x", "d/y", "x/deep", "z"], "d/*", {"d", "d/l", "d/y", "x", "x/deep"}),
        (["d1/l -> ../a/b", "a/b/c", "a/z"], "*/l/c", {"d1", "d1/l", "a", "a/b", "a/b/c"}),
        (["a -> b", "b -> a", "c"], "a", {"a", "b"}),
        (["a -> a", "c"], "a", {"a"}),
        (["a -> b/x", "b -> a/y", "c"], "b", {"a", "b", "c"}),  # never ends: all is sent
        (["l -> .", "a"], "l", {"l", "a"}),
        (["d/l -> ..", "a"], "d/l", {"d", "d/l", "a"}),
    ],
)
def test_links_are_followed(files: list[str], path: str, wanted: set[str]) -> None:
    assert selected(directory(*files), path) == wanted


@pytest.mark.parametrize(
    "files",
    [
        ["l1 -> *", "l2 -> *"],
        ["l1 -> */x", "l2 -> */y"],
        ["l1 -> */*/*", "l2 -> */*/*", "l3 -> */*"],
        ["l1 -> ./*", "l2 -> l1/*", "d/l3 -> ../*/*"],
    ],
)
def test_hostile_links_end_soon(files: list[str]) -> None:
    begin = time.monotonic()
    selected(directory(*files, "file"), "*/*/*/*", "l1/x")
    assert time.monotonic() - begin < 5


def test_many_files_are_looked_through_quickly() -> None:
    files = directory(*(f"packages/p{n}/package.json" for n in range(20_000)), "other/x")
    begin = time.monotonic()
    assert len(files.select(["packages/*/*.json"])) == 40_001
    assert time.monotonic() - begin < 8


def docker_follows(files: Directory, paths: Iterable[str]) -> set[str] | None:  # noqa: C901 - as there
    """What fsutil resolves paths to; None where that is everything.

    A second reading of the rules in fsutil's followlinks.go, to compare with. One thing is left
    out: where a wildcard in the middle fits a link, fsutil takes along all that the wildcard fits.
    """
    entries = {entry.path: entry for entry in files.entries}
    resolved: set[str] = set()

    def targets_of(path: str, wildcard: bool) -> list[str]:
        parent, name = posixpath.split(path)
        if wildcard and re.search(r"[*?]", name):
            return [target for p in fitting(parent, name) for target in targets_of(p, False)]
        entry = entries.get(path)
        if entry is None or entry.kind != "symlink":
            return []
        return [clean("/" + posixpath.join(parent, entry.link))]

    def fitting(parent: str, name: str) -> list[str]:
        found = [p for p in entries if posixpath.dirname(p) == parent]
        return [p for p in found if fnmatchcase(posixpath.basename(p), name)]

    def clean(path: str) -> str:
        return posixpath.normpath(path).lstrip("/") or "."

    def append(path: str, depth: int) -> None:
        if depth > 50:
            raise RecursionError
        rest = clean(path)
        current = ""
        while True:
            part, _, rest = rest.partition("/")
            current = posixpath.normpath(posixpath.join(current, part))
            targets = targets_of(current, True)
            if (not rest or targets) and current in resolved:
                return
            if targets:
                links = fitting(*posixpath.split(current))
                links = [link for link in links if entries[link].kind == "symlink"]
                resolved.update([posixpath.join(current, rest), *links] if rest else [current])
                for target in targets:
                    append(posixpath.join(target, rest), depth + 1)
                return
            if not rest:
                resolved.add(current)
                return

    for path in paths:
        append(path, 0)
    return None if "." in resolved else resolved


def docker_sends(files: Directory, paths: list[str]) -> set[str]:
    """What a client that follows those rules sends of the files."""
    resolved = docker_follows(files, paths)
    if not resolved:
        return {entry.path for entry in files.entries}

    def fits(path: str) -> bool:
        parts = path.split("/")
        return any(
            len(pattern) <= len(parts) and all(map(fnmatchcase, parts, pattern))
            for pattern in (p.split("/") for p in resolved)
        )

    sent = {entry.path for entry in files.entries if fits(entry.path)}
    for path in list(sent):
        while path := posixpath.dirname(path):
            sent.add(path)
    return sent


names = st.sampled_from(["a", "b", "ab", "c"])
relative = st.lists(names | st.just(".."), min_size=1, max_size=3).map("/".join)
wished = st.lists(names | st.sampled_from(["*", "a*", "?"]), min_size=1, max_size=3).map("/".join)
places = st.lists(names, min_size=1, max_size=3).map("/".join)


@settings(deadline=None, max_examples=300)
@given(
    st.lists(places, max_size=6),
    st.lists(st.tuples(places, relative), max_size=4),
    st.lists(wished, min_size=1, max_size=3),
)
def test_never_less_than_docker_sends(
    files: list[str], links: list[tuple[str, str]], paths: list[str]
) -> None:
    kept: list[str] = []
    for file, link in [*((f, "") for f in files), *links]:
        inside = any(file.startswith(f"{other.split(' -> ')[0]}/") for other in kept)
        around = any(f"{other.split(' -> ')[0]}/".startswith(f"{file}/") for other in kept)
        if not inside and not around:
            kept.append(f"{file} -> {link}" if link else file)
    tree = directory(*kept)
    try:
        wanted = docker_sends(tree, paths)
    except RecursionError:
        return
    assert selected(tree, *paths) >= wanted
