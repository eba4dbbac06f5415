from __future__ import annotations

import pytest

from helpers.judge.globs import compile_globs


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("*.ts", "/app/a.ts", True),
        ("*.ts", "/app/a.tsx", False),
        ("*.ts", "/app/x.ts/y", True),
        ("test", "/a/test/b", True),
        ("test", "/a/testing", False),
        ("test", "/a/latest", False),
        (".git", "/a/xgit", False),
        ("/app", "/app/x", True),
        ("/app", "/srv/app", False),
        ("/lib*", "/lib64/x", True),
        ("/lib*", "/usr/lib/x", False),
        ("a/*.js", "/x/a/b.js", True),
        ("a/*.js", "/x/a/c/b.js", False),
        ("/a/**/b", "/a/b", True),
        ("/a/**/b", "/a/x/y/b", True),
        ("/a/**", "/a/x/y", True),
        ("x?.js", "/x1.js", True),
        ("x?.js", "/x/.js", False),
        ("[ab].c", "/a.c", True),
        ("[!ab].c", "/a.c", False),
        ("[!ab].c", "/d.c", True),
        ("a+b", "/a+b", True),
        ("a[", "/a[", True),
    ],
)
def test_globs(pattern: str, path: str, matches: bool) -> None:
    assert (compile_globs([pattern]).search(path) is not None) is matches


def test_no_pattern_matches_nothing() -> None:
    assert compile_globs([]).search("/anything") is None
