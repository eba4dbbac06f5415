"""How the Dockerfile brings files and programs in."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydantic import Field

from helpers.judge.filesystem import FileSystem, base_name
from helpers.judge.instructions import (
    Instructions,
    Line,
    instructions_of,
    shown,
    target_of,
)
from helpers.judge.known_programs import SHELLS, names
from helpers.judge.package_commands import manager_of
from helpers.judge.property import Params, Property
from helpers.judge.shell_commands import without_prefixes
from helpers.judge.stages import used_stages
from helpers.judge.verdict import Evidence, Verdict
from helpers.judge.words import (
    at_most,
    could_not_tell,
    counted,
    evidence_on_layer,
    failed,
    listed,
    passed,
    shown_path,
)
from helpers.observe.requests import ImageRequest, Observations
from helpers.observe.text import printable


class NoParams(Params):
    """No parameters."""


class UnusedParams(Params):
    """Parameters of ``no-unused-stages``."""

    allow: tuple[str, ...] = Field(
        (), description="Names of stages that may stay, for example `test`. No unit."
    )


class SudoParams(Params):
    """Parameters of ``no-sudo``."""

    programs: tuple[str, ...] = Field(
        ("sudo", "doas"), description="Names of the programs that are looked for. No unit."
    )


#: The verdict where there is nothing to read instructions from.
NO_INSTRUCTIONS = could_not_tell("there is neither a Dockerfile nor a history to look at")

_ARCHIVE = re.compile(r"\.(?:tar|tar\.(?:gz|bz2|xz|zst)|tgz|tbz2?|txz|tzst)$", re.IGNORECASE)
_URL = re.compile(r"^(?:https?|ftp)://", re.IGNORECASE)
_GIT = re.compile(r"^(?:git@|git://|ssh://)|\.git(?:[#?]|$)", re.IGNORECASE)
# The legacy builder names what it adds by checksum: what it was cannot be told.
_BY_CHECKSUM = re.compile(r"^(?:file|dir|multi):[0-9a-f]{12,}")


def judge_no_add(params: NoParams, observations: Observations) -> Verdict:  # noqa: ARG001
    """ADD only where it does what COPY does not."""
    found = instructions_of(observations)
    if found is None:
        return NO_INSTRUCTIONS
    adds = list(found.of("ADD"))
    evidence = [
        line.evidence(
            "add-for-copy",
            f"`{shown(line.instruction, 120)}` adds what COPY copies; ADD also unpacks and "
            "downloads.",
        )
        for line in adds
        if not any(map(_needs_add, _added(line)))
    ]
    if not adds:
        return passed("No ADD instruction.")
    summary = f"{counted(len(adds), 'ADD instruction')}, {len(evidence)} of them could be COPY."
    return failed(summary, at_most(evidence, "instruction")) if evidence else passed(summary)


def _added(line: Line) -> tuple[str, ...]:
    """The sources of an ADD instruction."""
    arguments = line.instruction.arguments
    if arguments.startswith("["):
        arguments = arguments.strip("[]").replace(",", " ").replace('"', "")
    return tuple(arguments.split()[:-1])


def _needs_add(source: str) -> bool:
    return any(p.search(source) for p in (_ARCHIVE, _URL, _GIT, _BY_CHECKSUM)) or "$" in source


_INTERPRETERS = SHELLS | names("python node perl ruby php")
_PIPED = re.compile(
    r"(?:^|[;&|({\n])\s*(?:sudo\s+)?(?:\w+=\S*\s+)*"
    r"((?:curl|wget)\b[^;&\n]{0,2000}?(?<!\|)\|(?!\|)\s*(?:(?:sudo|env)\s+(?:-\S+\s+)*)?"
    rf"(?:[^\s|;&]*/)?(?:{'|'.join(sorted(_INTERPRETERS))})[\d.]*(?![\w.-]))"
)
_SUBSTITUTED = re.compile(r"\b(?:ba|da|z|k)?sh\b[^;&|\n]{0,500}?(?:<\(|\$\(|`)\s*(?:curl|wget)\b")
# Options that switch off the check of who one downloads from, or of what one has downloaded.
_UNVERIFIED: dict[str, frozenset[str]] = {
    "curl": names("-k --insecure"),
    "wget": names("--no-check-certificate"),
    "apt": names(
        "--allow-unauthenticated --allow-insecure-repositories --force-yes --no-gpg-check"
    ),
    "apk": names("--allow-untrusted"),
    "rpm": names("--nogpgcheck --nosignature --no-gpg-checks"),
    "pip": names("--trusted-host"),
    "npm": names("--strict-ssl=false --no-strict-ssl"),
}
_FAMILIES = {
    **dict.fromkeys(names("apt apt-get aptitude"), "apt"),
    **dict.fromkeys(names("dnf yum microdnf tdnf zypper rpm"), "rpm"),
    **dict.fromkeys(names("npm yarn pnpm"), "npm"),
    **dict.fromkeys(names("pip uv"), "pip"),
}
_SETTINGS = re.compile(
    r"strict-ssl\s+false|http\.sslVerify(?:=|\s+)false|\bNODE_TLS_REJECT_UNAUTHORIZED=0"
    r"|\bPYTHONHTTPSVERIFY=0|\bGIT_SSL_NO_VERIFY=(?:1|true)|\[trusted=yes\]"
    r"|\bGOINSECURE=|\bGONOSUMDB=|\bGOFLAGS=-insecure|\bGOSUMDB=off"
)


def judge_downloads_verified(params: NoParams, observations: Observations) -> Verdict:  # noqa: ARG001
    """What is downloaded is checked before it is used."""
    found = instructions_of(observations)
    if found is None:
        return NO_INSTRUCTIONS
    evidence = [e for line in found.lines for e in _unverified(line)]
    if evidence:
        number = counted(len(evidence), "download or setting", "downloads or settings")
        return failed(f"{number} without a check.", at_most(evidence, "finding"))
    return passed("Nothing is downloaded past a checksum or a signature.")


def _unverified(line: Line) -> Iterator[Evidence]:
    if line.keyword == "ADD":
        for source in _added(line):
            shown_source = printable(source, 120)
            if _GIT.search(source):
                if not re.search(r"(?:#|[?&](?:commit|checksum)=)[0-9a-f]{40}", source) and (
                    line.instruction.flag("checksum") is None
                ):
                    yield line.evidence("moving-ref", f"`{shown_source}` names no commit.")
            elif _URL.search(source) and line.instruction.flag("checksum") is None:
                text = f"`{shown_source}` is added without `--checksum=sha256:…`."
                yield line.evidence("add-without-checksum", text)
    if line.keyword == "RUN":
        yield from _unverified_run(line)
    if line.keyword in {"ENV", "ARG"} and (match := _SETTINGS.search(line.instruction.arguments)):
        text = f"`{printable(match[0], 80)}` switches a check off."
        yield line.evidence("unverified", text)


def _unverified_run(line: Line) -> Iterator[Evidence]:
    script = re.sub(r"\\\n", " ", line.script)
    piped, substituted = _PIPED.search(script), _SUBSTITUTED.search(script)
    command = piped[1] if piped else substituted[0] if substituted else ""
    if command:
        text = f"`{printable(command, 120)}` runs whatever the other side sends today."
        yield line.evidence("piped-to-shell", text)
    if match := _SETTINGS.search(script):
        text = f"`{printable(match[0], 80)}` switches a check off."
        yield line.evidence("unverified", text)
    for words in line.commands():
        plain = without_prefixes(words)
        tool = base_name(plain[0]) if plain else ""
        manager = manager_of(words)
        family = _FAMILIES.get(manager[0] if manager else tool, tool)
        option = next((w for w in plain[1:] if _is_unverified(family, w)), None)
        if option:
            text = f"`{printable(f'{tool} {option}', 80)}` takes what nobody has vouched for."
            yield line.evidence("unverified", text)


def _is_unverified(family: str, word: str) -> bool:
    options = _UNVERIFIED.get(family, frozenset())
    if word in options or word.partition("=")[0] in options:
        return True
    # Short options of curl in one word: -fsSLk
    return family == "curl" and re.fullmatch(r"-[a-zA-Z]*k[a-zA-Z]*", word) is not None


def judge_no_sudo(params: SudoParams, observations: Observations) -> Verdict:
    """Neither used by the build nor left in the image."""
    found = instructions_of(observations) or Instructions()
    image = observations.image
    if image is None and not found.lines:
        return NO_INSTRUCTIONS
    evidence = [
        line.evidence("sudo-used", f"`{printable(' '.join(used), 100)}` is run through {used[0]}.")
        for line in found.of("RUN")
        if (used := _through(line, params.programs))
    ]
    if image is not None:
        wanted = frozenset(params.programs)
        evidence += [
            evidence_on_layer(
                "sudo-installed",
                f"`{shown_path(program.fact.path)}` is in the image.",
                image,
                program.fact.layer,
                observations.dockerfile,
                path=program.fact.path,
                size=program.target.size,
            )
            for program in FileSystem(image).programs(lambda path: base_name(path) in wanted)
        ]
    named = " or ".join(params.programs)
    if evidence:
        return failed(f"The image is made with {named}, or holds it.", at_most(evidence, "place"))
    if image is None:
        return could_not_tell(f"no instruction uses {named}, but the image was not observed")
    return passed(f"No instruction uses {named}, and the image holds none.")


def _through(line: Line, programs: tuple[str, ...]) -> tuple[str, ...]:
    """The command that is run through one of the programs; empty where none is."""
    for words in line.commands():
        at = next((i for i, w in enumerate(words) if base_name(w) in programs), None)
        if at is not None and without_prefixes((*words[:at], "x")) == ("x",):
            return words[at:]
    return ()


def judge_no_unused_stages(params: UnusedParams, observations: Observations) -> Verdict:
    """Every stage is part of the image, or gives something to it."""
    dockerfile = observations.dockerfile
    if dockerfile is None:
        return could_not_tell("there is no Dockerfile to look at")
    if not dockerfile.stages:
        return could_not_tell("the Dockerfile has no stage")
    target = target_of(observations)
    used = used_stages(dockerfile, target)
    unused = [s for s in dockerfile.stages if s not in used and s.name not in params.allow]
    if target is not None and unused:
        return could_not_tell(
            f"only the stage {printable(target, 60)} was built: the others may be targets, too"
        )
    if not unused:
        return passed(f"{counted(len(dockerfile.stages), 'stage')}, none of them unused.")
    evidence = [
        Evidence(
            "unused-stage",
            f"Line {stage.instructions[0].line}: nothing takes anything from the stage "
            f"{printable(stage.name, 60)}.",
            line=stage.instructions[0].line,
            instruction=shown(stage.instructions[0]),
        )
        for stage in unused
    ]
    named = listed(printable(stage.name, 60) for stage in unused)
    return failed(f"Nothing uses {named}.", at_most(evidence, "stage"))


def _image(_: Params) -> tuple[ImageRequest, ...]:
    return (ImageRequest(),)  # for its history, where there is no Dockerfile


def _nothing(_: Params) -> tuple[ImageRequest, ...]:
    return ()


_BEST_PRACTICES = "https://docs.docker.com/build/building/best-practices/"

PROPERTIES = (
    Property(
        id="no-add",
        family="Dockerfile",
        title="ADD only where COPY does not do",
        meaning="ADD unpacks archives and downloads; COPY copies. An ADD of plain local files is "
        "reported; one of an archive, a URL or a Git repository is what ADD is for. Without a "
        "Dockerfile the image's history is read.",
        source=f"{_BEST_PRACTICES}#add-or-copy",
        params=NoParams,
        codes={"add-for-copy": "ADD copies local files"},
        needs=_image,
        judge=judge_no_add,
        remedy="Write COPY instead of ADD.",
        weight=1,
        covers=("dockle CIS-DI-0009", "docker-bench 4.9", "hadolint DL3020"),
    ),
    Property(
        id="downloads-verified",
        family="Dockerfile",
        title="Downloads are checked",
        meaning="ADD of a URL has a checksum, one of a Git repository a commit; no script is piped "
        "from the network into a shell; no option or setting switches the check of certificates "
        "or signatures off. A download that is checked by other means in the same RUN is not "
        "reported. Without a Dockerfile the image's history is read.",
        source="https://docs.docker.com/reference/dockerfile/#add---checksum",
        params=NoParams,
        codes={
            "add-without-checksum": "ADD of a URL without a checksum",
            "moving-ref": "ADD of a Git repository without a commit",
            "piped-to-shell": "what is downloaded is run at once",
            "unverified": "an option or setting switches a check off",
        },
        needs=_image,
        judge=judge_downloads_verified,
        remedy="Give ADD `--checksum=sha256:…`, or download to a file and check it with "
        "`sha256sum -c` before it is used.",
        weight=3,
        covers=(
            "dockle CIS-DI-0011",
            "docker-bench 4.11",
            "docker-bench 4.12",
        ),
    ),
    Property(
        id="no-sudo",
        family="Dockerfile",
        title="No sudo",
        meaning="RUN is root already until USER says otherwise. sudo handles terminals and signals "
        "in its own way, and in the image it is a way back to root. Looked for are commands of "
        "the build and programs in the final file system.",
        source=f"{_BEST_PRACTICES}#user",
        params=SudoParams,
        codes={
            "sudo-used": "a command of the build is run through it",
            "sudo-installed": "the program is in the image",
        },
        needs=_image,
        judge=judge_no_sudo,
        remedy="Put what needs root before USER, and do not install sudo.",
        weight=2,
        covers=("dockle DKL-DI-0001", "hadolint DL3004"),
    ),
    Property(
        id="no-unused-stages",
        family="Dockerfile",
        title="Every stage is used",
        meaning="A stage that nothing is FROM or copied from is not even built: what it tests or "
        "checks does not happen. Where a target was named, other stages may be targets as well, "
        "and nothing is told.",
        source="https://docs.docker.com/build/building/multi-stage/",
        params=UnusedParams,
        codes={"unused-stage": "nothing takes anything from the stage"},
        needs=_nothing,
        judge=judge_no_unused_stages,
        remedy="Remove the stage, or copy something from it so that it runs.",
        weight=1,
    ),
)
