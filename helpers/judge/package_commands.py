"""What a command installs: manager, packages, and whether their versions are fixed."""

from __future__ import annotations

import re
from dataclasses import dataclass

from helpers.judge.filesystem import base_name
from helpers.judge.known_programs import names
from helpers.judge.shell_commands import without_prefixes

APT = frozenset({"apt", "apt-get", "aptitude"})
RPM = frozenset({"dnf", "yum", "microdnf", "tdnf"})
#: Managers of the operating system's packages.
SYSTEM = APT | RPM | {"apk", "zypper"}
NODE = frozenset({"npm", "yarn", "pnpm", "bun"})
PIP = frozenset({"pip", "uv"})

_VERBS: dict[str, frozenset[str]] = {
    **dict.fromkeys(APT | RPM, names("install reinstall")),
    "apk": names("add"),
    "zypper": names("install in"),
    "npm": names("install i add ci clean-install"),
    "yarn": names("install add global"),
    "pnpm": names("install i add fetch"),
    "bun": names("install i add"),
    "pip": names("install"),
    "uv": names("sync install"),
    "poetry": names("install sync"),
    "pipenv": names("install sync"),
    "gem": names("install"),
    "bundle": names("install"),
    "composer": names("install require"),
    "go": names("install get mod"),
    "cargo": names("install fetch"),
}
# Options whose value is a word of its own, which is no package.
_WITH_VALUE: dict[str, frozenset[str]] = {
    **dict.fromkeys(APT, names("-t -o -c --target-release --option --config-file -a")),
    **dict.fromkeys(
        RPM, names("--setopt --enablerepo --disablerepo --releasever --installroot -x")
    ),
    "apk": names("-t --virtual -X --repository -p --root --keys-dir --repositories-file"),
    "zypper": names("-r --repo --from -t --type"),
    **dict.fromkeys(
        NODE, names("--prefix --registry --cache -C --cwd --dir -w --workspace --loglevel --filter")
    ),
    **dict.fromkeys(
        PIP,
        names(
            "-r --requirement -c --constraint -i --index-url --extra-index-url -t --target -f "
            "--find-links --trusted-host --timeout --prefix --root --cache-dir --python "
            "--only-binary --no-binary --platform --group --extra -e --editable"
        ),
    ),
    "gem": names("-v --version -i --install-dir -n --bindir -s --source"),
    "go": names("-ldflags -tags -mod -modfile -o"),
    "cargo": names("--version --root --git --branch --tag --rev --path --features --target"),
}
_LOCAL = re.compile(
    r"^(?:\.{1,2}(?:/|$)|/|~|\$|file:|https?:|git[+@:]|ssh:)|\.(?:tgz|whl|deb|rpm|apk)$"
)
_PIP = re.compile(r"pip-?[\d.]*")
_NPM_VERSION = re.compile(r"(?:npm:.+@)?[~^=v]?\d")


@dataclass(frozen=True, slots=True)
class Install:
    """One command that brings packages in.

    Attributes:
        manager: for example ``npm``; ``pip3`` and ``python -m pip`` are ``pip``.
        verb: for example ``ci``.
        packages: as they are named; empty where a file of the project names them.
        options: everything that begins with a hyphen.
        words: the command itself.
    """

    manager: str
    verb: str
    packages: tuple[str, ...]
    options: tuple[str, ...]
    words: tuple[str, ...]

    def has(self, *options: str) -> bool:
        """True where one of the options is given, with or without a value after ``=``."""
        return any(o.partition("=")[0] in options or o in options for o in self.options)


def manager_of(words: tuple[str, ...]) -> tuple[str, tuple[str, ...]] | None:
    """The package manager that a command calls, and its arguments; None for another command."""
    plain = without_prefixes(words)
    if not plain:
        return None
    tool, arguments = base_name(plain[0]), plain[1:]
    if re.fullmatch(r"python[\d.]*", tool) and arguments[:2] == ("-m", "pip"):
        return "pip", arguments[2:]
    if _PIP.fullmatch(tool):
        return "pip", arguments
    if tool == "uv" and arguments[:1] == ("pip",):
        return "uv", arguments[1:]
    return (tool, arguments) if tool in _VERBS else None


def install_of(words: tuple[str, ...]) -> Install | None:
    """What a command installs; None where it installs nothing."""
    found = manager_of(words)
    if found is None:
        return None
    manager, arguments = found
    named, options = _sorted(manager, arguments)
    if manager == "yarn" and not named:
        named = ("install",)
    if not named or named[0] not in _VERBS[manager]:
        return None
    verb, packages = named[0], named[1:]
    if (manager, verb) == ("yarn", "global"):
        if packages[:1] != ("add",):
            return None
        packages = packages[1:]
    if (manager, verb) == ("go", "mod"):
        if packages[:1] != ("download",):
            return None
        packages = ()
    return Install(manager, verb, packages, options, without_prefixes(words))


def _sorted(manager: str, arguments: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Words that name something, and options."""
    with_value = _WITH_VALUE.get(manager, frozenset())
    named: list[str] = []
    options: list[str] = []
    waiting = False
    for word in arguments:
        if waiting:
            waiting = False
        elif word.startswith("-"):
            options.append(word)
            waiting = word in with_value
        else:
            named.append(word)
    return tuple(named), tuple(options)


def updates_lists(words: tuple[str, ...]) -> bool:
    """True for ``apt-get update`` and its like."""
    found = manager_of(words)
    if found is None or found[0] not in APT | {"apk"}:
        return False
    named, _ = _sorted(*found)
    return named[:1] == ("update",)


def upgrade_of(words: tuple[str, ...]) -> str | None:
    """The verb of a command that upgrades what is installed already; else None."""
    found = manager_of(words)
    if found is None or found[0] not in SYSTEM:
        return None
    named, _ = _sorted(*found)
    verbs = names("upgrade dist-upgrade full-upgrade safe-upgrade distro-sync dup up")
    if found[0] in RPM | {"zypper"}:
        verbs |= {"update"}
    return named[0] if named and named[0] in verbs else None


def ignores_lock_file(install: Install) -> str | None:
    """The better command, where one resolves versions anew instead of taking the lock file's."""
    if install.packages:
        return None
    match install.manager, install.verb:
        case "npm", "install" | "i" | "add":
            return None if install.has("-g", "--global") else "npm ci"
        case "yarn", "install":
            frozen = install.has("--frozen-lockfile", "--immutable")
            return None if frozen else "yarn install --immutable"
        case ("pnpm" | "bun") as manager, "install" | "i":
            frozen = install.has("--frozen-lockfile", "--offline")
            return None if frozen else f"{manager} install --frozen-lockfile"
        case "pipenv", "install":
            return None if install.has("--deploy", "--ignore-pipfile") else "pipenv sync"
        case "uv", "sync":
            return None if install.has("--locked", "--frozen") else "uv sync --locked"
        case _:
            return None


def unpinned(install: Install) -> tuple[str, ...]:
    """Packages that are named without a version."""
    if install.manager == "gem" and install.has("-v", "--version"):
        return ()
    if install.manager == "cargo" and install.has("--version", "--git", "--path"):
        return ()
    return tuple(p for p in install.packages if not _LOCAL.search(p) and not _pinned(install, p))


def _pinned(install: Install, package: str) -> bool:
    manager = install.manager
    if manager in NODE:
        _, _, version = package[1:].partition("@")
        return _NPM_VERSION.match(version) is not None
    if manager in PIP or manager == "pipenv":
        return "==" in package or "@" in package
    if manager == "go":
        return re.search(r"@v?\d|@[0-9a-f]{7,}$", package) is not None
    if manager in RPM:
        return re.search(r"-\d", package) is not None
    if manager in APT or manager in {"apk", "zypper"}:
        return "=" in package
    return re.search(r"[:@=]\D{0,2}\d", package) is not None
