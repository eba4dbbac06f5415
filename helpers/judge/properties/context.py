"""What is sent to the build, and what should stay at home."""

from __future__ import annotations

from pydantic import Field

from helpers.judge.property import Params, Property
from helpers.judge.verdict import Evidence, Verdict
from helpers.judge.words import (
    at_most,
    counted,
    failed,
    listed,
    not_observed,
    passed,
    shown_path,
)
from helpers.observe.context_facts import ContextFacts, ContextRequest, Named
from helpers.observe.requests import Observations
from helpers.units import format_bytes

_WHAT = "the build context"
_SHOWN = 3


class DockerignoreParams(Params):
    """Parameters of ``dockerignore``."""

    leaves_out: tuple[str, ...] = Field(
        (".git", "node_modules", ".env"),
        min_length=1,
        description="Names of files or folders that the ignore file must leave out, there or not. "
        "No unit.",
    )


class ContextCleanParams(Params):
    """Parameters of ``context-clean``."""

    names: tuple[str, ...] = Field(
        (
            ".git",
            ".hg",
            ".svn",
            "node_modules",
            ".venv",
            "__pycache__",
            ".env",
            ".env.local",
            ".env.production",
            "*.pem",
            "*.key",
            "id_rsa",
            "id_ed25519",
            ".aws",
            ".ssh",
            ".kube",
            ".netrc",
            ".vscode",
            ".idea",
            ".DS_Store",
            "*.log",
            "coverage",
        ),
        min_length=1,
        description="Names of files or folders that must not be sent, at any depth; `*` stands for "
        "any characters. No unit.",
    )
    allow: tuple[str, ...] = Field((), description="Those of the names that may be sent. No unit.")


class ContextSizeParams(Params):
    """Parameters of ``context-size``."""

    max_mb: float = Field(50, gt=0, description="Sizes of all files together, in MB (10^6 bytes).")


def _dockerignore_request(params: DockerignoreParams) -> ContextRequest:
    return ContextRequest(params.leaves_out)


def _clean_request(params: ContextCleanParams) -> ContextRequest:
    return ContextRequest(tuple(n for n in params.names if n not in params.allow))


def judge_dockerignore(params: DockerignoreParams, observations: Observations) -> Verdict:
    """There is an ignore file, and it leaves out what never belongs into an image."""
    request = _dockerignore_request(params)
    seen = observations.answer(request)
    if seen is None:
        return not_observed(observations, request, _WHAT)
    if not seen.ignore_file:
        text = (
            f"There is no .dockerignore: all {counted(seen.files, 'file')} "
            f"({format_bytes(seen.bytes)}) may be sent and copied."
        )
        return failed("There is no .dockerignore.", [Evidence("no-dockerignore", text)])
    evidence = [
        Evidence(
            "not-left-out",
            f"`{shown_path(found.name)}` is not left out by {seen.ignore_file}"
            + (f", and is there: {_described(found)}." if found.count else "."),
            path=seen.ignore_file,
            bytes=found.bytes or None,
        )
        for found in seen.named
        if not found.left_out_by or found.count
    ]
    lines = counted(seen.ignore_lines, "pattern")
    if evidence:
        named = listed(f"`{shown_path(e.name)}`" for e in seen.named if not e.left_out_by)
        what = named or "all that it should"
        return failed(
            f"{seen.ignore_file} ({lines}) does not leave out {what}.", at_most(evidence, "name")
        )
    return passed(f"{seen.ignore_file} ({lines}) leaves out {listed(params.leaves_out)}.")


def judge_context_clean(params: ContextCleanParams, observations: Observations) -> Verdict:
    """No secret, no history and no built thing is part of the context."""
    request = _clean_request(params)
    seen = observations.answer(request)
    if seen is None:
        return not_observed(observations, request, _WHAT)
    found = sorted((n for n in seen.named if n.count), key=lambda n: (-n.bytes, n.name))
    evidence = [
        Evidence(
            _code(named.name),
            f"{_described(named)} can be copied into the image: {_risk(named.name)}.",
            path=shown_path(named.first[0].path),
            bytes=named.bytes or None,
        )
        for named in found
    ]
    if evidence:
        total = sum(named.bytes for named in found)
        return failed(
            f"{counted(sum(n.files for n in found), 'file')} ({format_bytes(total)}) in the build "
            "context that have no business there.",
            at_most(evidence, "name"),
        )
    return passed(f"None of {counted(seen.files, 'file')} in the build context is out of place.")


_SECRET = frozenset({".aws", ".ssh", ".kube", ".netrc", "id_rsa", "id_ed25519", "*.pem", "*.key"})
_HISTORY = frozenset({".git", ".hg", ".svn"})
_BUILT = frozenset({"node_modules", ".venv", "__pycache__", "coverage", "dist", "build"})


def _code(name: str) -> str:
    if name in _SECRET or name.startswith(".env"):
        return "secret-in-context"
    if name in _HISTORY:
        return "history-in-context"
    return "built-in-context" if name in _BUILT else "clutter-in-context"


def _risk(name: str) -> str:
    return {
        "secret-in-context": "it usually holds secrets",
        "history-in-context": "it holds everything that was ever committed",
        "built-in-context": "it was made for another machine, and changes with every build there",
        "clutter-in-context": "it only makes copies differ",
    }[_code(name)]


def _described(named: Named) -> str:
    first = named.first[:_SHOWN]
    shown = ", ".join(f"`{shown_path(pile.path)}`" for pile in first)
    more = f" and {named.count - len(first)} more" if named.count > len(first) else ""
    return f"{shown}{more} ({counted(named.files, 'file')}, {format_bytes(named.bytes)})"


def judge_context_size(params: ContextSizeParams, observations: Observations) -> Verdict:
    """What may be sent is small."""
    request = ContextRequest()
    seen = observations.answer(request)
    if seen is None:
        return not_observed(observations, request, _WHAT)
    limit = round(params.max_mb * 1_000_000)
    summary = (
        f"The build context has {counted(seen.files, 'file')} ({format_bytes(seen.bytes)}), at "
        f"most {format_bytes(limit)} wanted."
    )
    if seen.bytes <= limit:
        return passed(summary)
    return failed(summary, _largest(seen))


def _largest(seen: ContextFacts) -> list[Evidence]:
    return [
        Evidence(
            "large-in-context",
            f"`{shown_path(pile.path)}` has {format_bytes(pile.bytes)} in "
            f"{counted(pile.files, 'file')}.",
            path=shown_path(pile.path),
            bytes=pile.bytes,
        )
        for pile in seen.largest
    ]


_DOCKERIGNORE = "https://docs.docker.com/build/concepts/context/#dockerignore-files"

PROPERTIES = (
    Property(
        id="dockerignore",
        family="context",
        title="A .dockerignore keeps things at home",
        meaning="The ignore file that the build uses leaves out `.git`, `node_modules` and `.env`, "
        "whether they are there today or not. Its rules are applied as Docker applies them, "
        "exceptions included.",
        source=_DOCKERIGNORE,
        params=DockerignoreParams,
        codes={
            "no-dockerignore": "there is no ignore file",
            "not-left-out": "a name that is wanted out is not left out",
        },
        needs=lambda params: (_dockerignore_request(params),),
        judge=judge_dockerignore,
        remedy="Write a .dockerignore beside the Dockerfile with the lines that are missing, for "
        "example `**/node_modules`, `.git` and `**/.env*`.",
        weight=2,
        covers=("dockle DKL-LI-0003",),
    ),
    Property(
        id="context-clean",
        family="context",
        title="Nothing travels that should not",
        meaning="Files and folders of the build context, after the ignore file, are looked up by "
        "name: secrets, version control, dependencies and results of another machine, settings "
        "of editors. One `COPY . .` would put them into the image.",
        source=_DOCKERIGNORE,
        params=ContextCleanParams,
        codes={
            "secret-in-context": "a name that usually holds secrets",
            "history-in-context": "a repository's history",
            "built-in-context": "something that the build makes itself",
            "clutter-in-context": "something that no build needs",
        },
        needs=lambda params: (_clean_request(params),),
        judge=judge_context_clean,
        remedy="Add the names in the evidence to .dockerignore.",
        weight=3,
        covers=("dockle DKL-LI-0003",),
    ),
    Property(
        id="context-size",
        family="context",
        title="The build context is small",
        meaning="Sizes of all files that a build may ask for, after the ignore file. The engine "
        "looks through all of them for each `COPY . .`, and a remote one is sent them.",
        source="https://docs.docker.com/build/concepts/context/",
        params=ContextSizeParams,
        codes={"large-in-context": "what takes most room"},
        needs=lambda _: (ContextRequest(),),
        judge=judge_context_size,
        remedy="Leave the largest folders in the evidence out with .dockerignore.",
        weight=1,
    ),
)
