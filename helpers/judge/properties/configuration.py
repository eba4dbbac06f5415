"""What the image config says: where a container of it starts, and how it is stopped."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydantic import Field

from helpers.engine.labels import BUILT
from helpers.judge.config_evidence import image_only, located
from helpers.judge.instructions import target_of
from helpers.judge.known_programs import names
from helpers.judge.property import Params, Property
from helpers.judge.stages import final_chain
from helpers.judge.verdict import Evidence, Verdict
from helpers.judge.words import (
    at_most,
    could_not_tell,
    counted,
    failed,
    listed,
    no_image,
    passed,
    shown_path,
)
from helpers.observe.image_facts import ImageFacts
from helpers.observe.requests import Observations
from helpers.observe.text import printable


class WorkdirParams(Params):
    """Parameters of ``workdir``."""

    expected: str = Field(
        "", description="The path that it must be; empty for any absolute one but `/`. No unit."
    )


class SignalParams(Params):
    """Parameters of ``stop-signal``."""

    expected: str = Field(
        "",
        description="The signal that it must be, for example `SIGQUIT`; empty for any that a "
        "process can act on. No unit.",
    )


class VolumeParams(Params):
    """Parameters of ``volumes-safe``."""

    allow: tuple[str, ...] = Field((), description="Volumes that may be declared. No unit.")


class NoParams(Params):
    """No parameters."""


def judge_workdir(params: WorkdirParams, observations: Observations) -> Verdict:
    """A working directory of its own, absolute, and a folder."""
    image = observations.image
    if image is None:
        return no_image(observations)
    workdir = image.config.workdir
    shown = shown_path(workdir)
    evidence = [*_relative_workdirs(observations)]
    if not workdir or workdir == "/":
        text = "No WORKDIR is set, so the service runs in `/`, among the system's own folders."
        evidence.append(located("no-workdir", text, observations, "WORKDIR"))
    elif not workdir.startswith("/"):
        text = f"The image config says `{shown}`, which depends on where one stands."
        evidence.append(located("relative-workdir", text, observations, "WORKDIR"))
    elif kind := _not_a_folder(image, workdir):
        text = f"`{shown}` is a {kind} in the image: no container can start there."
        evidence.append(located("not-a-folder", text, observations, "WORKDIR", path=workdir))
    if params.expected and workdir != params.expected:
        text = f"It is `{shown or '/'}`, `{params.expected}` is wanted."
        evidence.append(located("other-workdir", text, observations, "WORKDIR"))
    if evidence:
        return failed(f"The working directory is `{shown or '/'}`.", evidence)
    return passed(f"The working directory is `{shown}`.")


def _not_a_folder(image: ImageFacts, path: str) -> str:
    wanted = path.rstrip("/")
    fact = next((f for f in image.files if f.path == wanted), None)
    return "" if fact is None or fact.kind in {"dir", "symlink"} else fact.kind


def _relative_workdirs(observations: Observations) -> Iterator[Evidence]:
    """WORKDIR lines whose meaning depends on one that another file sets: the base image's."""
    if observations.dockerfile is None:
        return
    for stage in final_chain(observations.dockerfile, target_of(observations)):
        absolute = False
        for instruction in stage.instructions:
            if instruction.keyword != "WORKDIR":
                continue
            path = instruction.arguments.strip("\"'")
            absolute = absolute or path.startswith(("/", "$")) or path[1:2] == ":"
            if not absolute:
                shown = printable(f"WORKDIR {path}", 200)
                yield Evidence(
                    "relative-workdir",
                    f"Line {instruction.line}: `{shown}` means another folder with another base "
                    "image.",
                    instruction=shown,
                    line=instruction.line,
                )


# Signals of Linux that a process can act on; both names and numbers are allowed in an image.
_SIGNALS = {
    1: "HUP", 2: "INT", 3: "QUIT", 6: "ABRT", 9: "KILL", 10: "USR1", 12: "USR2", 13: "PIPE",
    14: "ALRM", 15: "TERM", 18: "CONT", 19: "STOP", 20: "TSTP", 21: "TTIN", 22: "TTOU",
    28: "WINCH", 4: "ILL", 5: "TRAP", 7: "BUS", 8: "FPE", 11: "SEGV", 16: "STKFLT", 17: "CHLD",
    23: "URG", 24: "XCPU", 25: "XFSZ", 26: "VTALRM", 27: "PROF", 29: "IO", 30: "PWR", 31: "SYS",
}  # fmt: skip


_UNCATCHABLE = names("KILL STOP")


# By default these do nothing, or continue a process: whoever waits for an end waits in vain, unless
# the program was written for it (Apache's httpd ends on WINCH).
_NO_END = names("CONT CHLD URG TSTP TTIN TTOU")


_CRASH = names("ABRT SEGV ILL BUS FPE TRAP SYS QUIT XCPU XFSZ")


_REAL_TIME = re.compile(r"RTM(?:IN(?:\+\d{1,2})?|AX(?:-\d{1,2})?)")


def judge_stop_signal(params: SignalParams, observations: Observations) -> Verdict:
    """`docker stop` sends a signal that a process can act on."""
    image = observations.image
    if image is None:
        return no_image(observations)
    written = image.config.stop_signal.strip()
    shown = printable(written, 40)
    name = _signal(written or "TERM")
    if name is None:
        text = f"`STOPSIGNAL {shown}` is no signal: the engine cannot stop the container by it."
        evidence = [located("unknown-signal", text, observations, "STOPSIGNAL")]
    elif name in _UNCATCHABLE:
        text = f"SIG{name} cannot be caught: requests in flight are cut off on every stop."
        evidence = [located("uncatchable", text, observations, "STOPSIGNAL")]
    elif name in _NO_END:
        text = f"SIG{name} asks nobody to end: the engine waits in vain, and kills."
        evidence = [located("asks-for-no-end", text, observations, "STOPSIGNAL")]
    elif params.expected and name != _signal(params.expected):
        text = f"It is SIG{name}, `{params.expected}` is wanted."
        evidence = [located("other-signal", text, observations, "STOPSIGNAL")]
    else:
        given = "" if written else ", the engine's default"
        note = " (by default it also writes a core dump)" if name in _CRASH else ""
        return passed(f"`docker stop` sends SIG{name}{given}{note}.")
    return failed(f"`docker stop` sends {f'SIG{name}' if name else f'`{shown}`'}.", evidence)


def _signal(text: str) -> str | None:
    """A signal's name without SIG; None where there is none of the name or number."""
    plain = text.upper().removeprefix("SIG")
    if plain.isdecimal():
        number = int(plain)
        return _SIGNALS.get(number) or (f"{number}" if 34 <= number <= 64 else None)
    return plain if plain in _SIGNALS.values() or _REAL_TIME.fullmatch(plain) else None


_SENSITIVE = names("/ /boot /dev /etc /lib /lib64 /proc /root /run /sys /usr /bin /sbin /var/run")


_SOCKETS = names("/var/run/docker.sock /run/docker.sock")


def judge_volumes_safe(params: VolumeParams, observations: Observations) -> Verdict:
    """No VOLUME over the system's folders or over the service's own files."""
    image = observations.image
    if image is None:
        return no_image(observations)
    volumes = [v for v in image.config.volumes if v not in params.allow]
    evidence = [
        located(code, text, observations, "VOLUME", path=volume)
        for volume in volumes
        for code, text in _wrong_volume(image, volume)
    ]
    named = listed(shown_path(v) for v in volumes) or "none"
    if evidence:
        return failed(f"Volumes declared: {named}.", at_most(evidence, "volume"))
    return passed(f"Volumes declared: {named}.")


def _wrong_volume(image: ImageFacts, volume: str) -> Iterator[tuple[str, str]]:
    path = volume.rstrip("/") or "/"
    shown = shown_path(volume)
    if path in _SENSITIVE | _SOCKETS:
        yield "sensitive-volume", f"`VOLUME {shown}` is a folder of the system's own."
        return
    below = "" if path == "/" else f"{path}/"
    config = image.config
    workdir = config.workdir.rstrip("/")
    code = [
        f
        for f in image.files
        if f.path.startswith(below) and f.kind in {"file", "hardlink"} and _is_code(f.path)
    ]
    started = [w for w in (*config.entrypoint, *config.cmd) if w.startswith(below)]
    if started:
        text = f"`VOLUME {shown}` holds `{shown_path(started[0])}`, which the container starts"
    elif code:
        text = (
            f"`VOLUME {shown}` holds {counted(len(code), 'file')} of code, for example "
            f"`{shown_path(code[0].path)}`"
        )
    elif workdir and (workdir == path or workdir.startswith(below)):
        text = f"`VOLUME {shown}` holds the working directory"
    else:
        return
    yield "volume-over-code", f"{text}: an old volume hides what a new image brings."


_CODE = re.compile(r"\.(?:js|cjs|mjs|ts|py|rb|php|jar|class|wasm|so|dll|pl|lua)$")


def _is_code(path: str) -> bool:
    return _CODE.search(path) is not None


def judge_no_latest_tag(params: NoParams, observations: Observations) -> Verdict:  # noqa: ARG001
    """The image's own names say which version it is."""
    image = observations.image
    if image is None:
        return no_image(observations)
    tags = [tag for tag in image.tags if not tag.startswith(BUILT)]
    if not tags:
        given = "the workbook itself has named the image" if image.tags else "it has no name"
        return could_not_tell(f"the image's own tag is not known: {given}")
    named = listed(printable(tag, 120) for tag in tags)
    latest = [tag for tag in tags if tag.rpartition(":")[2] == "latest" or ":" not in tag]
    if len(latest) < len(tags):
        return passed(f"The image is named {named}.")
    text = f"`{printable(latest[0], 120)}` says nothing of the version: what runs cannot be told."
    return failed(f"The image is named {named}, and nothing else.", [Evidence("latest-only", text)])


_REFERENCE = "https://docs.docker.com/reference/dockerfile/"


PROPERTIES = (
    Property(
        id="workdir",
        family="configuration",
        title="The service has a working directory of its own",
        meaning="The image config's working directory is set, absolute, not `/`, and not a file. "
        "A relative WORKDIR before any absolute one depends on the base image, and is found in "
        "the Dockerfile where there is one.",
        source=f"{_REFERENCE}#workdir",
        params=WorkdirParams,
        codes={
            "no-workdir": "it is not set, or is `/`",
            "relative-workdir": "it depends on the base image",
            "not-a-folder": "the image has something else at that path",
            "other-workdir": "it is not the one that is wanted",
        },
        needs=image_only,
        judge=judge_workdir,
        remedy="Set an absolute one, for example `WORKDIR /app`, before the first COPY.",
        weight=1,
        covers=(
            "hadolint DL3000",
            "hadolint DL3045",
            "container-structure-test metadata.workdir",
        ),
    ),
    Property(
        id="stop-signal",
        family="configuration",
        title="`docker stop` sends a signal that can be acted on",
        meaning="The image config's stop signal (SIGTERM where it names none) must be one that "
        "exists, that a process can catch, and that asks it to end. Whether the service acts on "
        "it is seen at run time.",
        source=f"{_REFERENCE}#stopsignal",
        params=SignalParams,
        codes={
            "unknown-signal": "there is no such signal",
            "uncatchable": "no process can catch it",
            "asks-for-no-end": "its meaning is another one than to end",
            "other-signal": "it is not the one that is wanted",
        },
        needs=image_only,
        judge=judge_stop_signal,
        remedy="Remove STOPSIGNAL, or name the signal on which the service shuts down, for "
        "example SIGQUIT for nginx.",
        weight=3,
    ),
    Property(
        id="volumes-safe",
        family="configuration",
        title="No volume over code or system folders",
        meaning="A VOLUME keeps what was there when it was made: over code it hides the new "
        "version after an update. Over `/dev`, `/proc`, `/sys`, `/etc` and the like, or the "
        "engine's socket, it opens the way to the host.",
        source=f"{_REFERENCE}#volume",
        params=VolumeParams,
        codes={
            "sensitive-volume": "a folder of the system's own, or the engine's socket",
            "volume-over-code": "it holds the working directory, code, or what is started",
        },
        needs=image_only,
        judge=judge_volumes_safe,
        remedy="Declare volumes for data only, in a folder of their own such as `/data`, or leave "
        "them to whoever runs the container.",
        weight=3,
        covers=(
            "dockle DKL-DI-0002",
            "docker-bench 5.6",
            "container-structure-test metadata.volumes",
            "container-structure-test metadata.unmountedVolumes",
        ),
    ),
    Property(
        id="no-latest-tag",
        family="configuration",
        title="The image has a version in its name",
        meaning="At least one of the image's own tags is not `latest`, so that it can be told "
        "what runs and gone back to what ran before. Where the workbook has named the image, or "
        "it has no name, that cannot be told.",
        source="https://docs.docker.com/build/building/best-practices/#pin-base-image-versions",
        params=NoParams,
        codes={"latest-only": "`latest` is its only tag"},
        needs=image_only,
        judge=judge_no_latest_tag,
        remedy="Tag it with its version as well: `docker build -t shop:1.4.2 .`",
        weight=1,
        covers=("dockle DKL-DI-0006",),
    ),
)
