"""How packages are installed: at once, cleaned up, in versions that somebody has chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pydantic import Field

from helpers.judge.filesystem import bytes_by_folder
from helpers.judge.globs import Glob, compile_globs
from helpers.judge.instructions import Line, instructions_of
from helpers.judge.package_commands import (
    APT,
    SYSTEM,
    Install,
    ignores_lock_file,
    install_of,
    unpinned,
    updates_lists,
    upgrade_of,
)
from helpers.judge.property import Params, Property
from helpers.judge.verdict import Evidence, Verdict
from helpers.judge.words import (
    at_most,
    could_not_tell,
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
from helpers.observe.text import printable
from helpers.units import format_bytes


class NoParams(Params):
    """No parameters."""


class UpgradeParams(Params):
    """Parameters of ``no-dist-upgrade``."""

    allow_upgrade: bool = Field(
        True,
        description="Whether a plain `upgrade` is allowed; only `dist-upgrade` and the like are "
        "reported then.",
    )


class CacheParams(Params):
    """Parameters of ``no-package-caches``."""

    max_mb: float = Field(
        0.1, ge=0, description="Bytes that may be left in one cache, in MB (10^6 bytes)."
    )
    allow: tuple[Glob, ...] = Field((), description="Paths that may stay, as globs. No unit.")


class VersionsParams(Params):
    """Parameters of ``versions-pinned``."""

    system_packages: bool = Field(
        False,
        description="Whether packages of the operating system need a version, too. Archives drop "
        "old versions, so a pinned one may not build next month.",
    )


def _no_instructions() -> Verdict:
    return could_not_tell("there is neither a Dockerfile nor a history to look at")


def judge_update_with_install(params: NoParams, observations: Observations) -> Verdict:  # noqa: ARG001
    """Package lists are fetched in the very instruction that installs from them."""
    found = instructions_of(observations)
    if found is None:
        return _no_instructions()
    evidence = []
    updates = 0
    for line in found.of("RUN"):
        commands = line.commands()
        at = next((i for i, words in enumerate(commands) if updates_lists(words)), None)
        if at is None:
            continue
        updates += 1
        if not any(_is_system_install(words) or upgrade_of(words) for words in commands[at + 1 :]):
            shown = printable(" ".join(commands[at]), 80)
            text = f"`{shown}` stands alone: from the cache its lists are those of back then."
            evidence.append(line.evidence("update-alone", text))
    if not updates:
        return passed("Does not apply: no instruction fetches package lists.")
    summary = f"{counted(updates, 'instruction')} with package lists, {len(evidence)} without use."
    return failed(summary, evidence) if evidence else passed(summary)


def _is_system_install(words: tuple[str, ...]) -> bool:
    install = install_of(words)
    return install is not None and install.manager in SYSTEM


def judge_no_dist_upgrade(params: UpgradeParams, observations: Observations) -> Verdict:
    """The base image's packages are renewed by a newer base image."""
    found = instructions_of(observations)
    if found is None:
        return _no_instructions()
    evidence = []
    for line in found.of("RUN"):
        for words in line.commands():
            verb = upgrade_of(words)
            plain = verb in {"upgrade", "update", "up"}
            if verb is None or (plain and params.allow_upgrade):
                continue
            code = "upgrade" if plain else "dist-upgrade"
            shown = printable(" ".join(words), 80)
            text = f"`{shown}` makes another system each time, and stores both versions."
            evidence.append(line.evidence(code, text))
    if evidence:
        return failed(f"{counted(len(evidence), 'command')} upgrade the base.", evidence)
    return passed("No command upgrades the base's system.")


# Folders of caches, each with the tool that fills it: what is in them serves no container.
_CACHES: dict[str, tuple[Glob, ...]] = {
    "apt": ("/var/lib/apt/lists/*", "/var/cache/apt/*.bin", "/var/cache/apt/archives/*.deb"),
    "apk": ("/var/cache/apk/*", "/etc/apk/cache/*"),
    "dnf": ("/var/cache/dnf", "/var/cache/yum", "/var/cache/libdnf5"),
    "zypper": ("/var/cache/zypp",),
    "pacman": ("/var/cache/pacman/pkg",),
    "pip": ("/root/.cache/pip", "/home/*/.cache/pip"),
    "uv": ("/root/.cache/uv", "/home/*/.cache/uv"),
    "npm": ("/root/.npm", "/home/*/.npm"),
    "yarn": ("/usr/local/share/.cache/yarn", "/root/.yarn/berry/cache", "/root/.cache/yarn"),
    "pnpm": ("/root/.local/share/pnpm/store", "/root/.cache/pnpm"),
    "composer": ("/root/.composer/cache", "/root/.cache/composer"),
    "gem": ("/usr/local/bundle/cache", "/usr/local/lib/ruby/gems/*/cache"),
    "go": ("/root/.cache/go-build", "/go/pkg/mod/cache"),
    "cargo": ("/usr/local/cargo/registry", "/root/.cargo/registry"),
    "maven": ("/root/.m2/repository",),
    "gradle": ("/root/.gradle/caches",),
}


def judge_no_package_caches(params: CacheParams, observations: Observations) -> Verdict:
    """Nothing that a package manager has kept for itself."""
    image = observations.image
    if image is None:
        return no_image(observations)
    tool_of = _tool_finder(params.allow)
    limit = params.max_mb * 1_000_000
    evidence = [
        *_left(image, tool_of, limit, observations),
        *_deleted_too_late(image, tool_of, limit, observations),
    ]
    total = sum(e.bytes or 0 for e in evidence)
    if evidence:
        return failed(
            f"{format_bytes(total)} in caches of package managers.", at_most(evidence, "cache")
        )
    return passed(f"No cache of a package manager with more than {params.max_mb:g} MB.")


def _tool_finder(allow: tuple[str, ...]) -> Callable[[str], str | None]:
    """Gives the tool in whose cache a path lies; None for any other path."""
    allowed = compile_globs(allow)
    any_cache = compile_globs(pattern for patterns in _CACHES.values() for pattern in patterns)
    each = [(tool, compile_globs(patterns)) for tool, patterns in _CACHES.items()]

    def tool_of(path: str) -> str | None:
        if not any_cache.search(path) or allowed.search(path):
            return None
        return next(tool for tool, cache in each if cache.search(path))

    return tool_of


def _left(
    image: ImageFacts,
    tool_of: Callable[[str], str | None],
    limit: float,
    observations: Observations,
) -> Iterator[Evidence]:
    for tool, pile in bytes_by_folder(image, tool_of).items():
        if pile.bytes <= limit:
            continue
        first = next(f for f in image.files if f.kind == "file" and tool_of(f.path) == tool)
        yield evidence_on_layer(
            "cache-left",
            f"{tool} left {counted(pile.files, 'file')} ({format_bytes(pile.bytes)}), for "
            f"example `{shown_path(first.path)}` from {layer_name(image, pile.layer)}.",
            image,
            pile.layer,
            observations.dockerfile,
            path=first.path,
            size=pile.bytes,
        )


def _deleted_too_late(
    image: ImageFacts,
    tool_of: Callable[[str], str | None],
    limit: float,
    observations: Observations,
) -> Iterator[Evidence]:
    sizes: dict[tuple[int, str], int] = {}
    for gone in image.waste:
        tool = tool_of(gone.path) if gone.deleted else None
        if tool is not None:
            sizes[gone.stored_in, tool] = sizes.get((gone.stored_in, tool), 0) + gone.bytes
    for (layer, tool), size in sizes.items():
        if size > limit:
            yield evidence_on_layer(
                "deleted-too-late",
                f"The cache of {tool} ({format_bytes(size)}) is deleted in a later layer, and "
                f"still stored in {layer_name(image, layer)}.",
                image,
                layer,
                observations.dockerfile,
                size=size,
            )


def judge_versions_pinned(params: VersionsParams, observations: Observations) -> Verdict:
    """The versions are those of a lock file, or stand in the command."""
    found = instructions_of(observations)
    if found is None:
        return _no_instructions()
    installs = [
        (line, install)
        for line in found.of("RUN")
        for words in line.commands()
        if (install := install_of(words)) is not None
        and (params.system_packages or install.manager not in SYSTEM)
    ]
    evidence = [e for line, install in installs if (e := _not_pinned(line, install)) is not None]
    if not installs:
        return passed("Does not apply: no instruction installs packages of this kind.")
    summary = (
        f"{counted(len(installs), 'installation')}, {len(evidence)} of them in whatever version "
        "there is."
    )
    return failed(summary, at_most(evidence, "installation")) if evidence else passed(summary)


def _not_pinned(line: Line, install: Install) -> Evidence | None:
    shown = printable(" ".join(install.words), 100)
    better = ignores_lock_file(install)
    if better is not None:
        text = f"`{shown}` may take other versions than the lock file's; `{better}` takes those."
        return line.evidence("no-lock-file", text)
    loose = unpinned(install)
    if not loose:
        return None
    named = printable(listed(loose), 120)
    return line.evidence("no-version", f"`{shown}` names no version of {named}.")


def judge_no_recommended(params: NoParams, observations: Observations) -> Verdict:  # noqa: ARG001
    """No apt installation takes more than what is needed."""
    found = instructions_of(observations)
    if found is None:
        return _no_instructions()
    evidence = []
    installs = 0
    for line in found.of("RUN"):
        everywhere = "Install-Recommends" in line.script
        for words in line.commands():
            install = install_of(words)
            if install is None or install.manager not in APT or not install.packages:
                continue
            installs += 1
            if not (everywhere or install.has("--no-install-recommends")):
                shown = printable(" ".join(install.words), 100)
                text = f"`{shown}` also installs what its packages recommend."
                evidence.append(line.evidence("recommended-packages", text))
    if not installs:
        return passed("Does not apply: no instruction installs with apt.")
    summary = f"{counted(installs, 'installation')} with apt, {len(evidence)} with recommendations."
    return failed(summary, at_most(evidence, "installation")) if evidence else passed(summary)


def _image(_: Params) -> tuple[ImageRequest, ...]:
    return (ImageRequest(),)


_APT_GET = "https://docs.docker.com/build/building/best-practices/#apt-get"

PROPERTIES = (
    Property(
        id="update-with-install",
        family="Dockerfile",
        title="Package lists are fetched where they are used",
        meaning="`apt-get update` in a RUN of its own comes from the cache for ever: the next "
        "installation takes old versions, or fails. Update and install belong into one RUN. "
        "Without a Dockerfile the image's history is read, the base image's part included.",
        source=_APT_GET,
        params=NoParams,
        codes={"update-alone": "nothing is installed after it in the same instruction"},
        needs=_image,
        judge=judge_update_with_install,
        remedy="Write `RUN apt-get update && apt-get install -y --no-install-recommends … && rm "
        "-rf /var/lib/apt/lists/*`.",
        weight=2,
        covers=("dockle CIS-DI-0007", "docker-bench 4.7"),
    ),
    Property(
        id="no-dist-upgrade",
        family="Dockerfile",
        title="The base is renewed, not upgraded",
        meaning="`dist-upgrade` and the like may remove and replace whatever the base image has, "
        "another set each time, and both versions are stored. A newer base image brings the same "
        "fixes. A plain `upgrade` is reported only where the parameter says so.",
        source="https://docs.docker.com/build/building/best-practices/#rebuild-your-images-often",
        params=UpgradeParams,
        codes={
            "dist-upgrade": "an upgrade that adds and removes packages",
            "upgrade": "an upgrade of what is installed",
        },
        needs=_image,
        judge=judge_no_dist_upgrade,
        remedy="Remove the upgrade; build again with `--pull` on a newer base image.",
        weight=1,
        covers=("dockle DKL-DI-0003", "hadolint DL3035"),
    ),
    Property(
        id="no-package-caches",
        family="size",
        title="No caches of package managers",
        meaning="Package lists, downloaded archives and caches of apt, apk, dnf, npm, pip and the "
        "like serve no container. The image's files are looked at, and what a later layer deletes "
        "although an earlier one still stores it; not what the Dockerfile says.",
        source=_APT_GET,
        params=CacheParams,
        codes={
            "cache-left": "a cache in the final file system",
            "deleted-too-late": "a cache that is deleted in a later layer only",
        },
        needs=_image,
        judge=judge_no_package_caches,
        remedy="Clean up in the same RUN (`rm -rf /var/lib/apt/lists/*`, `apk add --no-cache`, "
        "`npm cache clean --force`, `pip install --no-cache-dir`), or use a cache mount.",
        weight=2,
        covers=(
            "dockle DKL-DI-0004",
            "dockle DKL-DI-0005",
            "hadolint DL3009",
            "hadolint DL3019",
            "hadolint DL3032",
            "hadolint DL3036",
            "hadolint DL3040",
            "hadolint DL3042",
            "hadolint DL3060",
        ),
    ),
    Property(
        id="versions-pinned",
        family="Dockerfile",
        title="Packages come in chosen versions",
        meaning="The lock file's versions are installed (`npm ci`, not `npm install`), and a "
        "package that is named in a command has a version there. Packages of the operating "
        "system count only where the parameter says so. Without a Dockerfile the image's history "
        "is read.",
        source="https://docs.npmjs.com/cli/commands/npm-ci",
        params=VersionsParams,
        codes={
            "no-lock-file": "a command that may take other versions than the lock file's",
            "no-version": "a package is named without a version",
        },
        needs=_image,
        judge=judge_versions_pinned,
        remedy="Copy the lock file and install from it (`npm ci`), and name versions "
        "(`npm install -g pnpm@10.1.0`).",
        weight=3,
        covers=(
            "docker-bench 4.11",
            "hadolint DL3008",
            "hadolint DL3013",
            "hadolint DL3016",
            "hadolint DL3018",
            "hadolint DL3028",
            "hadolint DL3033",
            "hadolint DL3037",
            "hadolint DL3041",
            "hadolint DL3062",
        ),
    ),
    Property(
        id="no-recommended-packages",
        family="Dockerfile",
        title="apt installs what is needed only",
        meaning="By default apt also installs what a package recommends, often several times as "
        "much. `--no-install-recommends`, or the setting `APT::Install-Recommends`, leaves it "
        "out. Without a Dockerfile the image's history is read.",
        source=_APT_GET,
        params=NoParams,
        codes={"recommended-packages": "recommended packages are installed, too"},
        needs=_image,
        judge=judge_no_recommended,
        remedy="Add `--no-install-recommends` to `apt-get install`.",
        weight=1,
        covers=("dockle CIS-DI-0003", "docker-bench 4.3", "hadolint DL3015"),
    ),
)
