"""Dockerfiles to stages and instructions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.build.dockerfile import parse_dockerfile
from helpers.build.errors import DockerfileError, excerpt

FULL = r"""# syntax=docker/dockerfile:1
# check=skip=all

ARG VERSION=1.37
ARG NAME="busy" SUFFIX
FROM --platform=linux/amd64 ${NAME}box:${VERSION} AS Build
# a comment
RUN --mount=type=cache,target=/root/.npm \
    --network=none npm ci && \
# a comment in between

    echo done
COPY <<"EOF" <<-TAB /etc/
FROM inside
EOF
	tabbed
	TAB
run echo lower
MADE_UP thing
FROM scratch
COPY --from=build --chown=1:1 /a /b
"""


def test_stages_instructions_flags_and_lines() -> None:
    parsed = parse_dockerfile(FULL)
    assert parsed.syntax == "docker/dockerfile:1"
    assert [a.arguments for a in parsed.global_args] == ["VERSION=1.37", 'NAME="busy" SUFFIX']
    build, last = parsed.stages
    assert (build.name, build.base) == ("build", "busybox:1.37")
    assert (last.name, last.base) == ("stage-1", "scratch")
    assert [(i.keyword, i.line, i.end_line) for i in build.instructions] == [
        ("FROM", 6, 6),
        ("RUN", 8, 12),
        ("COPY", 13, 17),
        ("RUN", 18, 18),
        ("MADE_UP", 19, 19),
    ]
    run = build.instructions[1]
    assert run.flag("mount") == "type=cache,target=/root/.npm"
    assert run.flag("network") == "none"
    assert run.arguments.split() == ["npm", "ci", "&&", "echo", "done"]
    assert last.instructions[1].flags == (("from", "build"), ("chown", "1:1"))
    assert last.instructions[1].flag("link") is None


def test_only_what_makes_a_layer_is_counted() -> None:
    text = "FROM a AS one\nENV A=1\nWORKDIR /x\nRUN x\nCMD y\n"
    text += "FROM one\nCOPY a b\nFROM scratch\nADD a b\n"
    parsed = parse_dockerfile(text)
    counted = [[i.keyword for i in parsed.counted(stage)] for stage in parsed.stages]
    assert counted == [["FROM", "WORKDIR", "RUN"], ["COPY"], ["ADD"]]


def test_the_escape_directive() -> None:
    parsed = parse_dockerfile("# escape=`\nFROM a\nRUN dir c:\\ `\n  && x\n")
    assert [(i.keyword, i.line, i.end_line) for i in parsed.instructions()] == [
        ("FROM", 2, 2),
        ("RUN", 3, 4),
    ]


def test_a_directive_below_an_instruction_or_a_comment_is_a_comment() -> None:
    assert parse_dockerfile("# hello\n# syntax=x\nFROM a\n").syntax is None
    assert parse_dockerfile("\n# syntax=x\nFROM a\n").syntax is None


@pytest.mark.parametrize(
    ("line", "joined"),
    [("RUN a \\", True), ("RUN a \\ \t", True), ("RUN a \\\\", False), ("RUN a \\ b", False)],
)
def test_continuation(line: str, joined: bool) -> None:
    parsed = parse_dockerfile(f"FROM a\n{line}\nUSER b\n")
    assert (len(parsed.stages[0].instructions) == 2) == joined


@pytest.mark.parametrize(
    "opening",
    ["<<EOF", "<<-EOF", "<<'EOF'", '<<"EOF"', "cat <<EOF > /x", "3<<EOF cat", "<<A <<EOF\nA"],
)
def test_heredocs_are_skipped(opening: str) -> None:
    parsed = parse_dockerfile(f"FROM a\nRUN {opening}\nUSER inside\nEOF\nUSER outside\n")
    users = [i.arguments for i in parsed.instructions() if i.keyword == "USER"]
    assert users == ["outside"]


@pytest.mark.parametrize("opening", ['["cat <<EOF"]', "cat <<<EOF", "'x <<EOF'", "x<<EOF", "echo"])
def test_what_is_no_heredoc(opening: str) -> None:
    parsed = parse_dockerfile(f"FROM a\nRUN {opening}\nUSER inside\nEOF\n")
    assert "USER" in {i.keyword for i in parsed.instructions()}


def test_a_heredoc_under_onbuild_and_one_that_never_ends() -> None:
    parsed = parse_dockerfile("FROM a\nONBUILD RUN <<X\nUSER in\nX\nRUN <<Y\nUSER in\n")
    assert [i.keyword for i in parsed.instructions()] == ["FROM", "ONBUILD", "RUN"]


@pytest.mark.parametrize(
    ("base", "wanted"),
    [
        ("$V", "1"),
        ("${V}", "1"),
        ("x:${V}-y", "x:1-y"),
        ("${W:-d}", "d"),
        ("${W-d}", "d"),
        ("${V:+s}", "s"),
        ("${E:-d}", "d"),
        ("${E-d}", ""),
        ("${W+s}x", "x"),
        ("$W", "$W"),
        ("${BUILDPLATFORM}", "${BUILDPLATFORM}"),
        ("\\$V", "\\$V"),
        ("$DERIVED", "image:1"),
    ],
)
def test_arguments_in_from(base: str, wanted: str) -> None:
    text = f"ARG V=1\nARG W\nARG E=\nARG DERIVED=image:$V\nFROM {base}\n"
    assert parse_dockerfile(text).stages[0].base == wanted


def test_build_args_replace_defaults_of_declared_arguments_only() -> None:
    text = "ARG V=1\nARG W\nFROM a:$V-$W-$X\n"
    parsed = parse_dockerfile(text, {"V": "2", "W": "3", "X": "4"})
    assert parsed.stages[0].base == "a:2-3-$X"


def test_crlf_and_byte_order_mark() -> None:
    parsed = parse_dockerfile(
        b"\xef\xbb\xbfFROM a\r\nRUN x \\\r\n  y\r\nRUN <<E\r\nin\r\nE\r\nUSER u\r\n"
    )
    assert [i.keyword for i in parsed.instructions()] == ["FROM", "RUN", "RUN", "USER"]


def test_instructions_before_the_first_from_are_kept_apart() -> None:
    parsed = parse_dockerfile("RUN x\nARG A=1\nFROM a\n")
    assert [i.keyword for i in parsed.misplaced] == ["RUN"]
    assert [i.line for i in parsed.instructions()] == [1, 2, 3]


def test_bytes_that_are_not_utf8_are_one_clear_error() -> None:
    with pytest.raises(DockerfileError, match="Line 2") as error:
        parse_dockerfile(b"FROM a\nLABEL x=\xff\n")
    assert error.value.line == 2


@given(st.text())
def test_rubbish_never_raises(text: str) -> None:
    parsed = parse_dockerfile(text)
    count = text.count("\n") + 1
    for instruction in parsed.instructions():
        assert 1 <= instruction.line <= instruction.end_line <= count


@given(
    st.lists(
        st.sampled_from(
            [
                "FROM a",
                "RUN x \\",
                "COPY <<E /",
                "E",
                "",
                "# c",
                "# escape=`",
                "`",
                "--x",
                "\t",
                "[",
                "ARG $",
                "${",
            ]
        )
    )
)
def test_odd_mixtures_never_raise(lines: list[str]) -> None:
    for instruction in parse_dockerfile("\n".join(lines)).instructions():
        assert instruction.line <= instruction.end_line <= max(1, len(lines))


def test_an_excerpt_has_two_lines_around_and_marks_the_place() -> None:
    text = "a\nb\nc\nd\ne\nf\ng\n"
    assert excerpt(text, 4) == ("  2 | b", "  3 | c", "> 4 | d", "  5 | e", "  6 | f")
    assert excerpt(text, 1, 2) == ("> 1 | a", "> 2 | b", "  3 | c", "  4 | d")
    assert excerpt(text, None) == ()
    assert excerpt(text, 99) == ()
    assert len(excerpt("x\n" * 50, 10, 40)) == 9
