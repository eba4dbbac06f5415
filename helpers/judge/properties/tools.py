"""Programs that help an intruder and not the service."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pydantic import Field

from helpers.judge.filesystem import FileSystem, Program, base_name
from helpers.judge.globs import Glob, compile_globs
from helpers.judge.known_programs import (
    DEBUG_TOOLS,
    LOGIN_SERVERS,
    MULTI_CALL,
    NODE,
    PACKAGE_MANAGER_FILES,
    PACKAGE_MANAGERS,
    PYTHON,
    SUPERVISORS,
    SYSTEM,
    is_build_tool,
    is_compiler,
    is_shell,
    package_manager,
)
from helpers.judge.property import Params, Property
from helpers.judge.verdict import Evidence, Verdict
from helpers.judge.words import (
    at_most,
    counted,
    evidence_on_layer,
    failed,
    layer_name,
    listed,
    no_image,
    passed,
    shown_path,
)
from helpers.observe.image_facts import ImageFacts
from helpers.observe.requests import ImageRequest, Observations

_SETUID, _SETGID = 0o4000, 0o2000


class ToolParams(Params):
    """Parameters of the properties about programs."""

    allow: tuple[Glob, ...] = Field((), description="Programs that may stay, as globs. No unit.")


class DebugToolParams(ToolParams):
    """Parameters of ``no-debug-tools``."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A program that should not be there.

    Attributes:
        program: where it is, and what it leads to.
        code: of the evidence.
        what: what it is, as in "PATH is WHAT".
        name: what it is counted and listed as.
    """

    program: Program
    code: str
    what: str
    name: str


def judge_no_compiler(params: ToolParams, observations: Observations) -> Verdict:
    """No compiler, linker or build tool."""
    many = "compilers or build tools"
    return _judge(params, observations, _compilers, "compiler or build tool", many)


def _compilers(image: ImageFacts) -> Iterator[_Found]:
    for program in FileSystem(image).programs(lambda p: is_compiler(p) or is_build_tool(p)):
        if is_compiler(program.fact.path):
            yield _Found(program, "compiler", "a compiler, assembler or linker", program.name)
        else:
            yield _Found(program, "build-tool", "a build tool", program.name)


def judge_no_package_manager(params: ToolParams, observations: Observations) -> Verdict:
    """No package manager, neither as a program nor as a script that an interpreter can run."""
    return _judge(params, observations, _package_managers, "package manager", "package managers")


_FAMILY_CODES = {NODE: "node-package-manager", SYSTEM: "os-package-manager"} | {
    PYTHON: "python-package-manager",
    "other": "other-package-manager",
}


def _package_managers(image: ImageFacts) -> Iterator[_Found]:
    reached = set()
    for program in FileSystem(image).programs(lambda path: package_manager(path) is not None):
        reached.add(program.target.path)
        yield _package_manager(program, package_manager(program.fact.path) or "")
    for fact in image.files:
        for ending, name in PACKAGE_MANAGER_FILES.items():
            if fact.kind == "file" and fact.path.endswith(ending) and fact.path not in reached:
                yield _package_manager(Program(fact, fact), name)


def _package_manager(program: Program, name: str) -> _Found:
    family = PACKAGE_MANAGERS[name]
    what = f"{name}, a package manager ({family})"
    return _Found(program, _FAMILY_CODES[family], what, name)


def judge_no_shell(params: ToolParams, observations: Observations) -> Verdict:
    """No shell."""
    return _judge(params, observations, _shells, "shell", "shells")


def _shells(image: ImageFacts) -> Iterator[_Found]:
    for program in FileSystem(image).programs(is_shell):
        target = program.target.path.rpartition("/")[2]
        if program.name in MULTI_CALL or target in MULTI_CALL:
            yield _Found(program, "busybox", "a shell with several hundred tools", program.name)
        else:
            yield _Found(program, "shell", "a shell", program.name)


def judge_no_setuid(params: ToolParams, observations: Observations) -> Verdict:
    """No program that runs with its owner's rights instead of its caller's."""
    many = "setuid or setgid programs"
    return _judge(params, observations, _setuid, "setuid or setgid program", many)


def _setuid(image: ImageFacts) -> Iterator[_Found]:
    for fact in image.files:
        setuid, setgid = fact.mode & _SETUID, fact.mode & _SETGID and fact.mode & 0o010
        if fact.kind != "file" or not (setuid or setgid):
            continue
        whose = f"uid {fact.uid}" if setuid else f"gid {fact.gid}"
        what = f"mode {fact.mode:04o}, whoever calls it gets {whose}"
        program = Program(fact, fact)
        yield _Found(program, "setuid" if setuid else "setgid", what, program.name)


def judge_no_debug_tools(params: DebugToolParams, observations: Observations) -> Verdict:
    """No program to look around, to fetch things or to reach other machines with."""
    return _judge(params, observations, _debug_tools, "debugging tool", "debugging tools")


def _debug_tools(image: ImageFacts) -> Iterator[_Found]:
    for program in FileSystem(image).programs(lambda path: base_name(path) in DEBUG_TOOLS):
        code, what = DEBUG_TOOLS[program.name]
        if base_name(program.target.path) not in MULTI_CALL:  # those are told as shells
            yield _Found(program, code, what, program.name)


def judge_no_ssh_server(params: ToolParams, observations: Observations) -> Verdict:
    """No server for remote logins."""
    return _judge(params, observations, _servers, "login server", "login servers")


def _servers(image: ImageFacts) -> Iterator[_Found]:
    for program in FileSystem(image).programs(lambda path: base_name(path) in LOGIN_SERVERS):
        if base_name(program.target.path) not in MULTI_CALL:
            yield _Found(program, "login-server", "a server for remote logins", program.name)


def judge_no_init_system(params: ToolParams, observations: Observations) -> Verdict:
    """Nothing that starts or schedules other services."""
    return _judge(params, observations, _supervisors, "service manager", "service managers")


def _supervisors(image: ImageFacts) -> Iterator[_Found]:
    for program in FileSystem(image).programs(lambda path: base_name(path) in SUPERVISORS):
        code, what = SUPERVISORS[program.name]
        if base_name(program.target.path) not in MULTI_CALL:
            yield _Found(program, code, what, program.name)


def _judge(
    params: ToolParams,
    observations: Observations,
    find: Callable[[ImageFacts], Iterator[_Found]],
    one: str,
    many: str,
) -> Verdict:
    """None of what ``find`` yields, but what may stay; ``one`` and ``many`` are its names."""
    image = observations.image
    if image is None:
        return no_image(observations)
    allowed = compile_globs(params.allow)
    found = [f for f in find(image) if not allowed.search(f.program.fact.path)]
    if not found:
        return passed(f"No {one} in the image.")
    names = sorted({f.name for f in found})
    evidence = [_evidence(f, image, observations) for f in found]
    return failed(
        f"{counted(len(names), one, many)} in the image: {listed(names)}.",
        at_most(_one_of_each_code_first(evidence), "program"),
    )


def _evidence(found: _Found, image: ImageFacts, observations: Observations) -> Evidence:
    path, target = found.program.fact.path, found.program.target.path
    leads = "" if target == path else f" (leads to `{shown_path(target)}`)"
    layer = found.program.fact.layer
    return evidence_on_layer(
        found.code,
        f"`{shown_path(path)}`{leads} is {found.what}; it comes from {layer_name(image, layer)}.",
        image,
        layer,
        observations.dockerfile,
        path=path,
        size=found.program.target.size,
    )


def _one_of_each_code_first(evidence: list[Evidence]) -> list[Evidence]:
    """However many there are of one kind, no kind is left out of the evidence."""
    seen: set[str] = set()
    first: list[Evidence] = []
    rest: list[Evidence] = []
    for entry in evidence:
        (rest if entry.code in seen else first).append(entry)
        seen.add(entry.code)
    return first + rest


def _image(_: Params) -> tuple[ImageRequest, ...]:
    return (ImageRequest(),)


_DISTROLESS = "https://github.com/GoogleContainerTools/distroless"

PROPERTIES = (
    Property(
        id="no-compiler",
        family="programs",
        title="No compiler",
        meaning="Compilers, linkers and build tools are needed to build, not to run. They are "
        "large, and an intruder can build tools with them. Programs are found by path "
        "in the final file system; links are followed.",
        source="https://docs.docker.com/build/building/best-practices/"
        "#dont-install-unnecessary-packages",
        params=ToolParams,
        codes={
            "compiler": "a compiler, assembler or linker",
            "build-tool": "a program that drives one, such as make",
        },
        needs=_image,
        judge=judge_no_compiler,
        remedy="Compile in a build stage, and copy only the result into the final one.",
        weight=3,
        covers=("docker-bench 4.3",),
    ),
    Property(
        id="no-package-manager",
        family="programs",
        title="No package manager",
        meaning="A running service installs nothing. A package manager lets an intruder fetch "
        "tools. Found are programs by path and the well-known scripts behind them, "
        "which an interpreter can run without a link in a bin folder.",
        source=_DISTROLESS,
        params=ToolParams,
        codes={
            "node-package-manager": "npm, npx, yarn, pnpm, corepack",
            "os-package-manager": "the operating system's: apt, dpkg, apk …",
            "python-package-manager": "pip and the like",
            "other-package-manager": "another one",
        },
        needs=_image,
        judge=judge_no_package_manager,
        remedy="Install in a build stage; run the service from a base without a package manager "
        "(distroless), and start it without npm.",
        weight=3,
        covers=("docker-bench 4.3",),
    ),
    Property(
        id="no-shell",
        family="programs",
        title="No shell",
        meaning="A service that is started in exec form needs no shell; most attacks do. Shells"
        " are found by name in the final file system, links included. One under another"
        " name is not found.",
        source=_DISTROLESS,
        params=ToolParams,
        codes={
            "shell": "a shell",
            "busybox": "a shell that is also several hundred tools",
        },
        needs=_image,
        judge=judge_no_shell,
        remedy="Run the service from a base without a shell (distroless, scratch), in exec form.",
        weight=2,
        covers=("docker-bench 4.3",),
    ),
    Property(
        id="no-setuid",
        family="programs",
        title="No setuid programs",
        meaning="A setuid or setgid program runs with its owner's rights, whoever calls it: a "
        "way from the service's user to root. Modes are read from the final file "
        "system.",
        source="https://www.cisecurity.org/benchmark/docker",
        params=ToolParams,
        codes={
            "setuid": "runs with its owner's uid",
            "setgid": "runs with its group's gid",
        },
        needs=_image,
        judge=judge_no_setuid,
        remedy="Take the bits away in the instruction that installs the programs "
        "(`find / -xdev -perm /6000 -type f -exec chmod a-s {} +`), or start from a base without.",
        weight=3,
        covers=("docker-bench 4.8", "dockle CIS-DI-0008"),
    ),
    Property(
        id="no-debug-tools",
        family="programs",
        title="No tools to look around or to fetch things",
        meaning="Downloaders, network scanners, debuggers, remote clients and editors are what an "
        "intruder would install first. Programs are found by name in the final file system, links "
        "included; those of a busybox are told by `no-shell`.",
        source="https://docs.docker.com/build/building/best-practices/"
        "#dont-install-unnecessary-packages",
        params=DebugToolParams,
        codes={
            "downloader": "fetches files from the network",
            "network-tool": "looks at or talks to the network",
            "debugger": "looks into other processes",
            "remote-client": "logs in to other machines or copies files to them",
            "editor": "an editor",
        },
        needs=_image,
        judge=judge_no_debug_tools,
        remedy="Leave them out of the final stage; debug with a second container that joins the "
        "first one's namespaces (`docker run --pid container:NAME`, `kubectl debug`).",
        weight=2,
        covers=("docker-bench 4.3",),
    ),
    Property(
        id="no-ssh-server",
        family="programs",
        title="No server for remote logins",
        meaning="A container is reached through the engine. An SSH server in it is a second way "
        "in, with keys and updates of its own. Looked for are the programs of SSH, telnet and rsh "
        "servers in the final file system.",
        source="https://www.cisecurity.org/benchmark/docker",
        params=ToolParams,
        codes={"login-server": "a server for remote logins"},
        needs=_image,
        judge=judge_no_ssh_server,
        remedy="Take it out; use `docker exec`, or `kubectl debug` where there is no shell.",
        weight=4,
        covers=("docker-bench 5.7",),
    ),
    Property(
        id="no-init-system",
        family="programs",
        title="One service, no service manager",
        meaning="cron, systemd and supervisord start services that the engine then neither sees "
        "nor restarts nor stops in time. Small inits that only pass on signals (tini, dumb-init) "
        "are fine. Programs are found by name in the final file system.",
        source="https://docs.docker.com/engine/containers/multi-service_container/",
        params=ToolParams,
        codes={
            "scheduler": "starts jobs by the clock",
            "service-manager": "starts and restarts other services",
        },
        needs=_image,
        judge=judge_no_init_system,
        remedy="Run one service a container; schedule jobs outside (a Kubernetes CronJob, the "
        "host's timer that calls `docker run`).",
        weight=2,
        covers=("docker-bench 4.3",),
    ),
)
