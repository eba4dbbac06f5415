"""Who may write what, and who gets which rights from a file."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from helpers.judge.found_files import AllowParams, FoundFile, judge_found, needs_image
from helpers.judge.globs import Glob
from helpers.judge.property import Params, Property
from helpers.judge.service_user import ServiceUser, service_user
from helpers.judge.start_path import start_path
from helpers.judge.verdict import Evidence, Verdict
from helpers.judge.words import (
    could_not_tell,
    counted,
    evidence_on_layer,
    failed,
    layer_name,
    no_image,
    passed,
    shown_path,
)
from helpers.observe.image_facts import FileFact, ImageFacts
from helpers.observe.requests import Observations
from helpers.observe.text import printable

_CAPABILITIES = "https://man7.org/linux/man-pages/man7/capabilities.7.html"
_STICKY = 0o1000
_NOBODY = 65534


class CapabilityParams(AllowParams):
    """Parameters of ``no-file-capabilities``."""

    allow_capabilities: tuple[str, ...] = Field(
        ("cap_net_bind_service",),
        description="Capabilities that a file may give, as `getcap` names them. No unit.",
    )


class OwnerParams(AllowParams):
    """Parameters of ``known-owners``."""

    allow_ids: tuple[int, ...] = Field(
        (_NOBODY, 65532, 65535),
        description="Numbers (uid or gid) that need no entry in /etc/passwd or /etc/group.",
    )


class AppParams(Params):
    """Parameters of ``app-not-writable``."""

    writable: tuple[Glob, ...] = Field(
        ("data", "logs", "log", "uploads", "cache", ".cache", "tmp", "/tmp", "/var", "/run"),  # noqa: S108
        description="Files and folders that the service may write to, as globs. No unit.",
    )


class StartParams(Params):
    """Parameters of ``start-command-exists``."""


def judge_world_writable(params: AllowParams, observations: Observations) -> Verdict:
    """Nothing that every user may write to."""
    image = observations.image
    if image is None:
        return no_image(observations)
    return judge_found(
        _world_writable(image),
        image,
        observations,
        allow=params.allow,
        one="file or folder that everybody may write to",
        many="files or folders that everybody may write to",
    )


def _world_writable(image: ImageFacts) -> Iterator[FoundFile]:
    for fact in image.files:
        if not fact.mode & 0o002 or fact.kind not in {"file", "dir"}:
            continue
        shown = f"mode {fact.mode:04o}"
        if fact.kind == "file":
            yield FoundFile(fact, "writable-file", f"{shown}, every user may change it")
        elif not fact.mode & _STICKY:
            what = f"{shown}, every user may put, rename and delete files in it"
            yield FoundFile(fact, "writable-folder", what)


def judge_file_capabilities(params: CapabilityParams, observations: Observations) -> Verdict:
    """No file that gives a process more than its user has."""
    image = observations.image
    if image is None:
        return no_image(observations)
    return judge_found(
        _capabilities(image, frozenset(params.allow_capabilities)),
        image,
        observations,
        allow=params.allow,
        one="file that gives capabilities",
        many="files that give capabilities",
    )


def _capabilities(image: ImageFacts, allowed: frozenset[str]) -> Iterator[FoundFile]:
    for fact in image.files:
        given = {
            name for group in fact.capabilities.split() for name in group.split("=")[0].split(",")
        }
        if given - allowed:
            what = f"a program that gets {printable(fact.capabilities, 200)}, whoever starts it"
            yield FoundFile(fact, "capability", what)


def judge_known_owners(params: OwnerParams, observations: Observations) -> Verdict:
    """Every file belongs to an account that the image knows, or to the service's own user."""
    image = observations.image
    if image is None:
        return no_image(observations)
    user = service_user(image)
    uids = {0, *params.allow_ids, *(uid for _, uid in image.accounts)}
    gids = {0, *params.allow_ids, *(gid for _, gid in image.groups)}
    if user is not None:
        uids.add(user.uid)
        # The group of a user that is given by its number alone often has the same number.
        gids |= {user.uid} | ({user.gid} if user.gid is not None else set())
    return judge_found(
        _strangers(image, uids, gids),
        image,
        observations,
        allow=params.allow,
        one="file of an owner that nobody knows",
        many="files of owners that nobody knows",
    )


def _strangers(image: ImageFacts, uids: set[int], gids: set[int]) -> Iterator[FoundFile]:
    for fact in image.files:
        if fact.uid not in uids:
            yield FoundFile(fact, "unknown-user", f"owned by uid {fact.uid}, which has no name")
        elif fact.gid not in gids:
            yield FoundFile(fact, "unknown-group", f"owned by gid {fact.gid}, which has no name")


def judge_device_files(params: AllowParams, observations: Observations) -> Verdict:
    """No device node or named pipe."""
    image = observations.image
    if image is None:
        return no_image(observations)
    kinds = {"char": "a character device", "block": "a block device", "fifo": "a named pipe"}
    found = (
        FoundFile(fact, "device", kinds[fact.kind])
        for fact in image.files
        # The engine puts a /dev of its own over the image's: nothing in that is ever seen.
        if fact.kind in kinds and not fact.path.startswith("/dev/")
    )
    return judge_found(
        found,
        image,
        observations,
        allow=params.allow,
        one="device file or named pipe",
        many="device files or named pipes",
    )


def judge_app_not_writable(params: AppParams, observations: Observations) -> Verdict:
    """The program cannot be changed by the user that it runs as."""
    image = observations.image
    if image is None:
        return no_image(observations)
    user = service_user(image)
    if user is None:
        return could_not_tell(f"the uid of the user {printable(image.config.user, 60)!r}")
    if user.uid == 0:
        return failed(
            "The service runs as root, who may change every file of it.",
            [Evidence("root", "The service runs as root (uid 0), who may write to every file.")],
        )
    programs = [f for f in (step.target for step in start_path(image)) if f is not None]
    if not programs:
        return could_not_tell("which files the service is started from")
    return judge_found(
        _writable_app(image, user, programs),
        image,
        observations,
        allow=params.writable,
        one=f"file of the program that its own user (uid {user.uid}) may change",
        many=f"files of the program that its own user (uid {user.uid}) may change",
    )


def _writable_app(
    image: ImageFacts, user: ServiceUser, programs: list[FileFact]
) -> Iterator[FoundFile]:
    """The files of the start command, and everything in the folder that it starts in."""
    app = image.config.workdir.rstrip("/")
    started = {fact.path for fact in programs}
    for fact in image.files:
        inside = bool(app) and (fact.path == app or fact.path.startswith(f"{app}/"))
        if fact.kind not in {"file", "dir"} or not (inside or fact.path in started):
            continue
        if user.may_write(fact):
            code = "writable-program" if fact.path in started else "writable-app"
            owner = f"owned by uid {fact.uid} with mode {fact.mode:04o}"
            yield FoundFile(fact, code, f"{owner}: an intruder in the service may change it")


def judge_start_command(params: StartParams, observations: Observations) -> Verdict:  # noqa: ARG001
    """What ENTRYPOINT and CMD name is there and can be run."""
    image = observations.image
    if image is None:
        return no_image(observations)
    steps = start_path(image)
    if not steps:
        return failed(
            "The image has neither ENTRYPOINT nor CMD.",
            [Evidence("no-command", "The image has neither ENTRYPOINT nor CMD: nothing starts.")],
        )
    evidence = []
    for step in steps:
        fact, target = step.fact, step.target
        where = shown_path(step.name)
        if target is None and fact is not None:
            text = f"`{where}` is a link to `{shown_path(fact.link or '')}`, which is not there"
            evidence.append(_on_file("broken-link", text, fact, image, observations))
        elif target is None and (step.first or step.name.startswith("/")):
            code = "no-program" if step.first else "no-script"
            evidence.append(Evidence(code, f"`{where}` is not in the image.", path=where))
        elif target is not None and step.first and not target.mode & 0o111:
            text = f"`{where}` may not be executed (mode {target.mode:04o})"
            evidence.append(_on_file("not-executable", text, target, image, observations))
        elif target is not None and step.first and target.kind != "file":
            text = f"`{where}` is no file"
            evidence.append(_on_file("not-executable", text, target, image, observations))
    if evidence:
        return failed(
            f"{counted(len(evidence), 'part')} of the start command cannot be used.", evidence
        )
    return passed(f"`{shown_path(steps[0].name)}` is there and can be run.")


def _on_file(
    code: str, text: str, fact: FileFact, image: ImageFacts, observations: Observations
) -> Evidence:
    return evidence_on_layer(
        code,
        f"{text}; it comes from {layer_name(image, fact.layer)}.",
        image,
        fact.layer,
        observations.dockerfile,
        path=fact.path,
    )


PROPERTIES = (
    Property(
        id="no-world-writable",
        family="file system",
        title="Nothing that everybody may write to",
        meaning="A file or folder with write permission for all lets every process in the "
        "container replace what others read or run. Folders with the sticky bit (such as /tmp) are "
        "as they should be. Modes are read from the final file system.",
        source="https://man7.org/linux/man-pages/man7/inode.7.html",
        params=AllowParams,
        codes={
            "writable-file": "a file that every user may change",
            "writable-folder": "a folder without the sticky bit that every user may change",
        },
        needs=needs_image,
        judge=judge_world_writable,
        remedy="Copy with `COPY --chmod=644` (folders 755) instead of `chmod 777`, and give the "
        "one folder that the service writes to its owner.",
        weight=3,
    ),
    Property(
        id="no-file-capabilities",
        family="file system",
        title="No file that gives capabilities",
        meaning="A file with the extended attribute security.capability gives whoever runs it a "
        "part of root's rights, as a setuid bit does. It is read from the layers' archives. "
        "Binding a low port is allowed unless the parameters say otherwise.",
        source=_CAPABILITIES,
        params=CapabilityParams,
        codes={"capability": "a file that gives capabilities"},
        needs=needs_image,
        judge=judge_file_capabilities,
        remedy="Remove it (`setcap -r FILE`) in the instruction that makes the file, or leave the "
        "program out; a port above 1023 needs no capability.",
        weight=3,
        covers=("docker-bench 4.8", "docker-bench 5.4"),
    ),
    Property(
        id="known-owners",
        family="file system",
        title="Every file has a known owner",
        meaning="A file whose uid or gid has no name in /etc/passwd or /etc/group came from the "
        "machine that built it. Whoever gets that number later, in the image or through a volume, "
        "owns the file. The service's own user needs no name.",
        source="https://man7.org/linux/man-pages/man5/passwd.5.html",
        params=OwnerParams,
        codes={
            "unknown-user": "a file of a uid without a name",
            "unknown-group": "a file of a gid without a name",
        },
        needs=needs_image,
        judge=judge_known_owners,
        remedy="Use `COPY --chown=USER`, and unpack archives with `tar --no-same-owner`.",
        weight=1,
    ),
    Property(
        id="no-device-files",
        family="file system",
        title="No device files",
        meaning="Device nodes belong to the engine, which makes the few that a container needs. "
        "One in a layer is a way to a disk or to memory as soon as a container may use it.",
        source="https://docs.docker.com/reference/cli/docker/container/run/#device",
        params=AllowParams,
        codes={"device": "a device node or named pipe"},
        needs=needs_image,
        judge=judge_device_files,
        remedy="Delete it in the instruction that makes it; pass a device with `--device` instead.",
        weight=2,
        covers=("docker-bench 5.18",),
    ),
    Property(
        id="app-not-writable",
        family="file system",
        title="The service cannot change its own program",
        meaning="What the start command runs, and what lies in the working directory, must not be "
        "writable to the user that the service runs as: else an intruder can leave code there that "
        "runs at the next start. Owners and modes are read from the final file system, the user "
        "from the image's config.",
        source="https://docs.docker.com/reference/dockerfile/#user",
        params=AppParams,
        codes={
            "root": "the service runs as root",
            "writable-program": "a file of the start command may be changed",
            "writable-app": "a file or folder in the working directory may be changed",
        },
        needs=needs_image,
        judge=judge_app_not_writable,
        remedy="Copy the program as root (no `--chown`) and run it as another user; give that user "
        "only the folders that it must write to.",
        weight=3,
        covers=("docker-bench 4.1",),
    ),
    Property(
        id="start-command-exists",
        family="file system",
        title="What the image starts is there",
        meaning="The program that ENTRYPOINT and CMD name, looked up in PATH as the engine does "
        "it, is in the final file system, links lead somewhere, and it may be executed. So are "
        "absolute paths among its arguments that end like a script's.",
        source="https://docs.docker.com/reference/dockerfile/#entrypoint",
        params=StartParams,
        codes={
            "no-command": "neither ENTRYPOINT nor CMD",
            "no-program": "the program is not there",
            "no-script": "a script among the arguments is not there",
            "broken-link": "a link that leads nowhere",
            "not-executable": "the program may not be executed",
        },
        needs=needs_image,
        judge=judge_start_command,
        remedy="Copy the program into the final stage, executable (`COPY --chmod=755`), and name "
        "it by its absolute path.",
        weight=5,
        covers=("container-structure-test fileExistenceTests",),
    ),
)
