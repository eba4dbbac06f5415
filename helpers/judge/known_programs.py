"""Names of programs that have no place in a production image, by what they are."""

from __future__ import annotations

import re

from helpers.judge.filesystem import base_name


def names(text: str) -> frozenset[str]:
    """Names written one after the other, as a set."""
    return frozenset(text.split())


SHELLS = names("sh bash rbash dash ash zsh ksh ksh93 mksh oksh csh tcsh fish busybox toybox pwsh")
#: Programs that are a shell and several hundred tools in one file.
MULTI_CALL = frozenset({"busybox", "toybox"})

NODE = "node"
SYSTEM = "operating system"
PYTHON = "Python"
OTHER = "other"
PACKAGE_MANAGERS: dict[str, str] = {
    **dict.fromkeys(names("npm npx yarn yarnpkg pnpm pnpx corepack bun bunx"), NODE),
    **dict.fromkeys(
        names("apt apt-get aptitude dpkg apk rpm dnf yum microdnf zypper pacman opkg"), SYSTEM
    ),
    **dict.fromkeys(names("pip pip3 pipx uv poetry conda easy_install"), PYTHON),
    **dict.fromkeys(names("gem composer snap flatpak brew nix-env"), OTHER),
}
#: The programs themselves, which an interpreter in the image can run without a link in ``bin``.
PACKAGE_MANAGER_FILES: dict[str, str] = {
    "/node_modules/npm/bin/npm-cli.js": "npm",
    "/node_modules/corepack/dist/corepack.js": "corepack",
    "/node_modules/pnpm/bin/pnpm.cjs": "pnpm",
    "/node_modules/yarn/bin/yarn.js": "yarn",
    "/site-packages/pip/__main__.py": "pip",
    "/dist-packages/pip/__main__.py": "pip",
}

_DOWNLOADER = ("downloader", "a program that fetches files")
_NETWORK = ("network-tool", "a program to look at or talk to the network")
_DEBUGGER = ("debugger", "a program to look into other processes")
_REMOTE = ("remote-client", "a program to log in to other machines")
_EDITOR = ("editor", "an editor")
#: What it is, as a code and in words, by name.
DEBUG_TOOLS: dict[str, tuple[str, str]] = {
    **dict.fromkeys(names("curl wget aria2c axel lynx w3m"), _DOWNLOADER),
    **dict.fromkeys(
        names("nc ncat netcat nc.openbsd nc.traditional socat nmap tcpdump tshark telnet ping"),
        _NETWORK,
    ),
    **dict.fromkeys(names("dig nslookup host traceroute mtr iperf3 arping"), _NETWORK),
    **dict.fromkeys(names("strace ltrace gdb gdbserver lldb perf bpftrace lsof"), _DEBUGGER),
    **dict.fromkeys(names("ssh scp sftp rsync ftp lftp rsh rlogin"), _REMOTE),
    **dict.fromkeys(names("vim vi vim.basic vim.tiny nano emacs ed"), _EDITOR),
}
LOGIN_SERVERS = names("sshd dropbear telnetd in.telnetd utelnetd rshd in.rshd rlogind")
_SCHEDULER = ("scheduler", "a program that starts jobs by the clock")
_MANAGER = ("service-manager", "a program that starts and restarts services")
SUPERVISORS: dict[str, tuple[str, str]] = {
    **dict.fromkeys(names("cron crond anacron atd fcron supercronic"), _SCHEDULER),
    **dict.fromkeys(
        names("systemd supervisord runsvdir s6-svscan openrc circusd monit pm2 pm2-runtime"),
        _MANAGER,
    ),
}

_TRIPLET = r"(?:[a-z0-9_]+-(?:[a-z0-9]+-)?linux-(?:gnu|musl)[a-z0-9]*-)?"
_VERSION = r"(?:-\d[\d.]*)?"
# Long names mean a compiler wherever they lie; short ones only where programs lie.
_COMPILER = re.compile(
    rf"(?:{_TRIPLET}(?:gcc|g\+\+|gfortran|clang|clang\+\+|cc1|cc1plus|tcc){_VERSION}"
    r"|rustc|javac|kotlinc|ghc|cc1obj|musl-gcc)"
)
_SHORT_COMPILER = re.compile(
    rf"(?:{_TRIPLET}(?:cc|c\+\+|cpp|as|ld|ld\.bfd|ld\.gold){_VERSION}|go|zig)"
)
_BUILD_TOOL = re.compile(
    r"(?:make|gmake|cmake|ninja|meson|cargo|mvn|gradle|bazel|autoconf|node-gyp)"
)
_PROGRAM_FOLDERS = frozenset({"bin", "sbin", "libexec"})


def is_compiler(path: str) -> bool:
    """True for compilers, assemblers and linkers."""
    name = base_name(path)
    if _COMPILER.fullmatch(name):
        return True
    return _SHORT_COMPILER.fullmatch(name) is not None and _among_programs(path)


def is_build_tool(path: str) -> bool:
    """True for programs that drive a compiler."""
    return _BUILD_TOOL.fullmatch(base_name(path)) is not None and _among_programs(path)


def is_shell(path: str) -> bool:
    """True for shells."""
    return base_name(path) in SHELLS


def package_manager(path: str) -> str | None:
    """The name of the package manager that the path is, or None; its settings do not count."""
    if path.startswith("/etc/"):
        return None
    name = base_name(path)
    # pip3.13 and the like
    plain = re.sub(r"^(pip|easy_install)-?\d[\d.]*$", r"\1", name)
    return plain if plain in PACKAGE_MANAGERS else None


def _among_programs(path: str) -> bool:
    return path.rpartition("/")[0].rpartition("/")[2] in _PROGRAM_FOLDERS
