from __future__ import annotations

import re
from unittest.mock import MagicMock

import pytest

from helpers.build.content import content
from helpers.build.context import Context, mapping_context
from helpers.build.dockerfile import parse_dockerfile
from helpers.build.record import BuildRecord, argument_marks
from helpers.build.request import BuildRequest
from helpers.build.session.secrets import Secret
from helpers.errors import WorkbookError
from helpers.judge.properties.network import FETCHES
from helpers.observe.build_again import builds_again, edited, with_dockerfile
from helpers.observe.build_arguments import build_arguments
from helpers.observe.offline import cut_off
from helpers.observe.rebuild import source_file
from helpers.observe.subject import Subject

FILES = {
    "Dockerfile": "FROM scratch\nCOPY . /\n",
    ".dockerignore": "left.js\n",
    "src/a.ts": "export const a = 1;\n" * 9,
    "src/b.ts": "x",
    "left.js": "x" * 900,
}


def text(context: Context, path: str) -> bytes:
    (entry,) = (e for e in context.entries if e.path == path)
    return b"".join(content(entry))


def test_an_edit_adds_white_space_and_is_another_one_each_time() -> None:
    context = mapping_context(FILES)
    first, second = edited(context, "src/a.ts"), edited(context, "src/a.ts")
    old = text(context, "src/a.ts")
    assert text(first, "src/a.ts").startswith(old)
    assert not text(first, "src/a.ts").removeprefix(old).strip()
    assert text(first, "src/a.ts") != text(second, "src/a.ts")
    assert {e.stamp for e in first.entries} != {e.stamp for e in context.entries}
    assert text(first, "src/b.ts") == b"x"


@pytest.mark.parametrize(
    ("path", "why"),
    [("src/c.ts", "no such file"), ("left.js", r"\.dockerignore:1"), ("src", "is no file")],
)
def test_what_cannot_be_edited(path: str, why: str) -> None:
    with pytest.raises(WorkbookError, match=why):
        edited(mapping_context(FILES), path)


def test_another_dockerfile_leaves_the_files_alone() -> None:
    context = mapping_context(FILES)
    changed = with_dockerfile(context, "FROM scratch\n")
    assert changed.dockerfile == "FROM scratch\n"
    assert changed.entries == context.entries


def test_a_subject_that_cannot_be_built_again() -> None:
    context = mapping_context(FILES)
    unknown = Subject(None, "x")  # type: ignore[arg-type]
    with pytest.raises(WorkbookError, match="not known how"), builds_again(unknown, 1):
        pass
    record = BuildRecord((), "sha256:x", build_args=argument_marks({"VERSION": "1"}))
    with_args = Subject(None, "x", build=record, context=context)  # type: ignore[arg-type]
    with pytest.raises(WorkbookError, match="VERSION"), builds_again(with_args, 1):
        pass


def test_it_is_built_again_with_the_same_arguments_secrets_and_target(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    context = mapping_context(FILES)
    secret = Secret.of("token", "s3")
    first = BuildRequest(
        context,
        tags=("shop:1",),
        target="ship",
        build_args={"VERSION": "1"},
        secrets=(secret,),
    )
    record = BuildRecord((), None, build_args=argument_marks({"VERSION": "1"}))
    asked: list[BuildRequest] = []

    def build(_: object, request: BuildRequest, *, cancel: object) -> BuildRecord:
        asked.append(request)
        return record

    monkeypatch.setattr("helpers.observe.build_again.build", build)
    client = MagicMock()
    subject = Subject(client, "x", build=record, context=context, request=first)
    with builds_again(subject, 7) as again:
        again.build()
        again.build(edited(context, "src/b.ts"), no_cache=True, build_args={"EPOCH": "0"})
    same, changed = asked
    assert (same.target, dict(same.build_args), same.secrets) == (
        "ship",
        {"VERSION": "1"},
        (secret,),
    )
    assert same.context == context
    assert same.timeout_seconds == 7
    assert changed.context != context
    assert changed.no_cache
    assert dict(changed.build_args) == {"VERSION": "1", "EPOCH": "0"}
    assert not same.tags, "the name stays with the first image"


def test_the_source_file_that_is_edited_by_default() -> None:
    files = {
        "Dockerfile": "FROM scratch\n",
        "package-lock.json": "x" * 99_999,
        "src/server.ts": "x" * 50,
        "src/db.ts": "x" * 40,
        "test/server.test.ts": "x" * 500,
        "node_modules/x/index.js": "x" * 999,
        "eslint.config.js": "x" * 999,
    }
    assert source_file(mapping_context(files)) == "src/server.ts"
    with pytest.raises(WorkbookError, match="No source file"):
        source_file(mapping_context({"Dockerfile": "FROM scratch\n"}))


@pytest.mark.parametrize(
    ("entry", "pairs"),
    [
        ("RUN |1 TOKEN=abc /bin/sh -c npm ci # buildkit", (("TOKEN", "abc"),)),
        ("|2 A=1 B=two words /bin/sh -c make", (("A", "1"), ("B", "two words"))),
        ("|1 EMPTY= /bin/sh -c x", (("EMPTY", ""),)),
        ("RUN /bin/sh -c X=1 make # buildkit", ()),
        ("COPY a b # buildkit", ()),
        ("|9999 A=1", (("A", "1"),)),
        ("", ()),
    ],
)
def test_build_arguments_in_the_history(entry: str, pairs: tuple[tuple[str, str], ...]) -> None:
    assert build_arguments(entry) == pairs


def test_cutting_off_only_what_it_should() -> None:
    dockerfile = "FROM a:1\nRUN npm ci\n  run --mount=type=cache,target=/x \\\n  make\nCMD run\n"
    lines = parse_dockerfile(dockerfile).text.split("\n")
    assert cut_off(lines, [3]) == (
        "FROM a:1\nRUN npm ci\n  run --network=none --mount=type=cache,target=/x \\\n  make\n"
        "CMD run\n"
    )


@pytest.mark.parametrize(
    ("run", "online"),
    [
        ("RUN npm ci", True),
        ("RUN npm --prefix web install", True),
        ("RUN apt-get update && apt-get install -y x", True),
        ("RUN yarn && yarn build", True),
        ("RUN go build ./...", True),
        ("RUN npm run build", False),
        ("RUN tsc -p .", False),
        ("RUN mkdir -p /digit/curly", False),
    ],
)
def test_which_instructions_may_use_the_network(run: str, online: bool) -> None:
    assert (re.search(FETCHES, run) is not None) is online
