"""A Docker Engine of the workbook's own, for machines that have none (Linux, as root)."""

from __future__ import annotations

import hashlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from filelock import FileLock

from helpers.engine.network import (
    BRIDGE_PREFIX,
    NetworkState,
    Subnets,
    free_subnets,
    restore,
    snapshot,
)
from helpers.engine.options import EngineOptions
from helpers.engine.processes import (
    belonging_to,
    command_line,
    end,
    is_alive,
    mount_namespace,
    wait_for_end,
)
from helpers.engine.rootfs import ensure_rootfs, is_ready, partial_tree, remove_tree
from helpers.engine.state import APP, StateFolder
from helpers.errors import NoEngine
from helpers.files import write_in_one_piece

_SCRIPT = Path(__file__).with_name("private_engine.sh")
_START_SECONDS = 60.0
_STOP_SECONDS = 30.0
_SOCKET_PATH_LIMIT = 100  # sockaddr_un holds 108 bytes
# One for the host: an address range is free until the engine that chose it has its bridge up.
_HOST_LOCK = Path(tempfile.gettempdir()) / f".{APP}-network.lock"


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the private engine: what has to be known to end it and to clean up after it.

    Attributes:
        pid: process id of dockerd.
        namespace: its mount namespace, ``mnt:[…]``.
        cgroup: control group of its containers.
        subnets: address ranges that it uses.
        before: the host's packet filter before the start.
        started: seconds since the epoch.
    """

    pid: int
    namespace: str
    cgroup: str
    subnets: Subnets
    before: NetworkState
    started: float

    def save(self, path: Path) -> None:
        """Write it in one piece, so that a crash leaves the old file or the new one."""
        write_in_one_piece(path, json.dumps(asdict(self)))

    @staticmethod
    def load(path: Path) -> Run | None:
        """The run on record, or None where the engine was never started or cleanly stopped."""
        try:
            raw = json.loads(path.read_text())
        except FileNotFoundError:
            return None
        return Run(
            **{
                **raw,
                "subnets": Subnets(**raw["subnets"]),
                "before": NetworkState(
                    **{**raw["before"], "bridges": tuple(raw["before"].get("bridges", ()))}
                ),
            }
        )

    def is_running(self, state: StateFolder) -> bool:
        """True while the dockerd of this run exists (a reused process id does not count)."""
        return is_alive(self.pid) and str(state.engine) in command_line(self.pid)


@dataclass(frozen=True, slots=True)
class PrivateStatus:
    """What is known of the private engine.

    Attributes:
        state: ``running``, ``stopped``, ``crashed`` or ``never started``.
        detail: one sentence for a person.
        url: where it listens (also where it does not run).
    """

    state: str
    detail: str
    url: str


def why_not_here() -> str:
    """Why a private engine cannot run on this machine; empty where it can."""
    if not sys.platform.startswith("linux"):
        return "a private engine needs Linux"
    if os.geteuid() != 0:
        return "a private engine needs root"
    return ""


def status(state: StateFolder) -> PrivateStatus:
    """What is known of the private engine, without touching it."""
    url = f"unix://{state.socket}"
    run = Run.load(state.run)
    if run is not None and run.is_running(state):
        return PrivateStatus("running", f"running since {_clock(run.started)}, pid {run.pid}", url)
    if run is not None:
        return PrivateStatus("crashed", f"ended by itself; {_last_words(state)}", url)
    if is_ready(state):
        return PrivateStatus("stopped", "stopped; its images are kept", url)
    return PrivateStatus("never started", "never started on this machine", url)


def start(
    state: StateFolder, say: Callable[[str], None], options: EngineOptions | None = None
) -> str:
    """Start the private engine where it does not run yet; two callers at once start one.

    Args:
        state: its files.
        say: told in one line what is being done.
        options: how it is set up; one that runs already stays as it is.

    Returns:
        Its address, ``unix://…``.

    Raises:
        NoEngine: where it cannot run here, or did not come up.
    """
    options = options or EngineOptions()
    reason = why_not_here()
    if reason:
        raise NoEngine(
            f"The private engine cannot start: {reason}.",
            remedy="Install Docker Engine or Docker Desktop, or set DOCKER_HOST to an engine.",
        )
    if len(str(state.socket)) > _SOCKET_PATH_LIMIT:
        raise NoEngine(
            f"The path {state.socket} is too long for a Unix socket.",
            remedy="Set WORKBOOK_STATE to a folder with a shorter path.",
        )
    with _locked(state):
        run = Run.load(state.run)
        if run is not None and run.is_running(state):
            return f"unix://{state.socket}"
        if run is not None:
            say(f"The private engine had ended by itself; {_last_words(state)} Starting it again.")
            _clear_up(state, run)
        ensure_rootfs(state, say, options.tree)
        with FileLock(_HOST_LOCK):
            _launch(state, options)
    return f"unix://{state.socket}"


def stop(state: StateFolder) -> bool:
    """Stop the private engine with its containers, and undo what it changed in the network.

    Its images stay on disk. Safe to call when it does not run.

    Returns:
        True where there was something to stop or to clear up.
    """
    if not state.root.exists():
        return False
    with _locked(state):
        run = Run.load(state.run)
        if run is None:
            return False
        if run.is_running(state):
            os.kill(run.pid, signal.SIGTERM)
            wait_for_end(run.pid, _STOP_SECONDS)
        _clear_up(state, run)
    return True


def purge(state: StateFolder) -> None:
    """Stop the private engine and its variants, and remove all their files, images included.

    A tree that is shared with other engines stays.
    """
    for variant in state.known_variants():
        purge(variant)
    stop(state)
    own = () if state.shared_tree else (state.rootfs, partial_tree(state.rootfs))
    for folder in (state.engine, *own, state.variants):
        remove_tree(folder)


def _launch(state: StateFolder, options: EngineOptions) -> None:
    state.engine.mkdir(parents=True, exist_ok=True)
    state.engine.chmod(0o700)
    for stale in (state.socket, state.pidfile):
        stale.unlink(missing_ok=True)
    config = state.engine / "daemon.json"
    config.write_text(json.dumps(options.daemon_config()))
    if options.listen is not None:
        # The engine sees no other folder of the host than its own.
        state.tls.mkdir(exist_ok=True)
        for file, source in options.listen.files().items():
            shutil.copy(source, state.tls / file)
    cgroup = f"/{APP}-{_short_name(state)}"
    bridge = _bridge(state)
    before = snapshot(state.rootfs, packet_filter=options.packet_filter)
    subnets = _subnets(state)
    with _notify_socket(state.engine / "notify.sock") as ready, state.log.open("ab") as log:
        process = subprocess.Popen(
            [
                "unshare",
                "--mount",
                str(_SCRIPT),
                str(state.rootfs),
                str(state.engine),
                bridge,
                subnets.bridge,
                *options.daemon_arguments(state, bridge=bridge, subnets=subnets, cgroup=cgroup),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=_environment(state.engine / "notify.sock"),
            cwd="/",
            start_new_session=True,
        )
        run = Run(process.pid, "", cgroup, subnets, before, time.time())
        run.save(state.run)  # at once: whoever comes after a crash has to know of this process
        try:
            _wait_until_ready(ready, process, state)
        except BaseException:
            run = replace(run, namespace=_own(process.pid))
            process.terminate()
            wait_for_end(process.pid, _STOP_SECONDS)
            _clear_up(state, run)
            raise
    replace(run, namespace=_own(process.pid)).save(state.run)


def _subnets(state: StateFolder) -> Subnets:
    """A free range, the one of the last time where it is free.

    dockerd keeps the addresses of its networks, the default one's included, and takes them up again
    whatever it is told. So where the range changed, it has to forget them.
    """
    last = state.subnet.read_text().strip() if state.subnet.exists() else ""
    subnets = free_subnets(Path("/proc/net/route").read_text(), last)
    if subnets.whole != last:
        (state.engine / "data/network/files/local-kv.db").unlink(missing_ok=True)
        write_in_one_piece(state.subnet, subnets.whole)
    return subnets


def _short_name(state: StateFolder) -> str:
    return hashlib.sha256(str(state.root).encode()).hexdigest()[:8]


def _bridge(state: StateFolder) -> str:
    """Name of the default bridge; an interface's name has at most 15 bytes."""
    return BRIDGE_PREFIX + _short_name(state)


def _own(pid: int) -> str:
    """The launched process's mount namespace, unless it is still this process's own."""
    namespace = mount_namespace(pid)
    return "" if namespace == mount_namespace() else namespace


def _wait_until_ready(
    ready: socket.socket, process: subprocess.Popen[bytes], state: StateFolder
) -> None:
    """Wait for dockerd's READY=1 (sd_notify(3)), its end, or the time limit."""
    end_of_process = os.pidfd_open(process.pid)
    deadline = time.monotonic() + _START_SECONDS
    try:
        while (left := deadline - time.monotonic()) > 0:
            readable, _, _ = select.select([ready.fileno(), end_of_process], [], [], left)
            if ready.fileno() in readable and b"READY=1" in ready.recv(4096):
                return
            if end_of_process in readable:
                process.wait()
                raise NoEngine(
                    f"The private engine ended while it started; {_last_words(state)}",
                    remedy="If it says that a mount is not permitted, this machine is itself a "
                    "container without the rights for it: set DOCKER_HOST to another engine.",
                )
    finally:
        os.close(end_of_process)
    raise NoEngine(
        f"The private engine was not ready after {_START_SECONDS:.0f} s; {_last_words(state)}",
        remedy=f"Look into {state.log}, then run: workbook engine start",
    )


def _clear_up(state: StateFolder, run: Run) -> None:
    """End what is left of a run and undo its changes; the order matters: processes come first."""
    end(belonging_to(run.namespace or _own(run.pid), run.cgroup))
    if state.rootfs.exists():
        restore(state.rootfs, run.before, run.subnets, _bridge(state), alone=not _other_engines())
    for left in (state.socket, state.pidfile, state.engine / "notify.sock"):
        left.unlink(missing_ok=True)
    remove_tree(state.engine / "exec")  # where earlier releases had what is in /run/docker now
    _remove_cgroup(run.cgroup)
    state.run.unlink(missing_ok=True)


def _other_engines() -> bool:
    """True where a dockerd runs that is not the workbook's (ours are ended by now)."""
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "comm").read_text().strip() == "dockerd":
                return True
        except (FileNotFoundError, ProcessLookupError):
            continue
    return False


def _remove_cgroup(cgroup: str) -> None:
    """Remove the engine's empty control groups, deepest first, under every hierarchy."""
    base = Path("/sys/fs/cgroup")
    for root in (base, *(p for p in base.iterdir() if p.is_dir())):
        group = root / cgroup.lstrip("/")
        if not group.is_dir():
            continue
        for folder in sorted((p for p in group.rglob("*") if p.is_dir()), reverse=True):
            _rmdir(folder)
        _rmdir(group)


def _rmdir(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return  # still in use by another private engine of this machine


def _environment(notify: Path) -> dict[str, str]:
    """A small environment for dockerd: proxies carry over, the caller's own settings do not."""
    kept = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
    return {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "NOTIFY_SOCKET": str(notify),
        **{name: os.environ[name] for name in kept if name in os.environ},
    }


@contextmanager
def _notify_socket(path: Path) -> Iterator[socket.socket]:
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        try:
            yield listener
        finally:
            path.unlink(missing_ok=True)


@contextmanager
def _locked(state: StateFolder) -> Iterator[None]:
    state.root.mkdir(parents=True, exist_ok=True)
    with FileLock(state.lock):
        yield


def _last_words(state: StateFolder) -> str:
    """The last line of dockerd's log that tells of an error, or its last line, as a sentence."""
    try:
        lines = state.log.read_text(errors="replace").splitlines()[-200:]
    except FileNotFoundError:
        return "it left no log."
    errors = [line for line in lines if "level=error" in line or "level=fatal" in line]
    last = (errors or lines or ["nothing"])[-1].strip()
    return f"its last words: {last[-300:]}"


def _clock(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
