"""An SSH server that runs where an engine runs, and a client that knows it."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from helpers.engine.variants import RunningVariant


@dataclass(frozen=True)
class SshServer:
    """A server on the loopback.

    Attributes:
        port: where it listens.
        host_key: its public key.
        user_key: the private key that it accepts for root.
    """

    port: int
    host_key: str
    user_key: Path

    @property
    def url(self) -> str:
        return f"ssh://root@127.0.0.1:{self.port}"


@contextmanager
def ssh_server(
    machine: RunningVariant, folder: Path, port: int, *, docker_host: str | None = None
) -> Iterator[SshServer]:
    """Run sshd in the engine's own file system, as on another machine.

    Args:
        machine: the engine; its tree has sshd and the docker program.
        folder: for the keys.
        port: where it listens.
        docker_host: what the docker program there connects to; the engine's socket by default.
    """
    user_key = new_key(folder / "user")
    there = machine.state.engine / f"ssh-{port}"  # a folder that both sides see
    there.mkdir(mode=0o700)
    host_key = new_key(there / "host")
    shutil.copy(user_key.with_suffix(".pub"), there / "authorized_keys")
    config = there / "sshd_config"
    config.write_text(
        "ListenAddress 127.0.0.1\n"
        f"Port {port}\n"
        f"HostKey {host_key}\n"
        f"AuthorizedKeysFile {there}/authorized_keys\n"
        f"SetEnv DOCKER_HOST={docker_host or f'unix://{machine.state.socket}'}\n"
        "PidFile none\nUsePAM no\nPasswordAuthentication no\nMaxStartups 100\n"
        # The state folder may lie below one that everybody may write to, such as /tmp.
        "StrictModes no\n"
    )
    script = f"mkdir -p /run/sshd && exec /usr/sbin/sshd -D -e -f {shlex.quote(str(config))} 2>&1"
    process = subprocess.Popen(
        ["nsenter", f"--target={machine.run.pid}", "--mount", "--", "sh", "-c", script],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        said = []
        for line in process.stdout:
            said.append(line)
            if "Server listening" in line:
                break
        else:
            raise AssertionError(f"sshd ended: {''.join(said)}")
        # It goes on printing, and would wait for ever for a reader once the pipe is full.
        threading.Thread(target=process.stdout.read, daemon=True).start()
        yield SshServer(port, host_key.with_suffix(".pub").read_text(), user_key)
    finally:
        process.terminate()
        process.wait(timeout=20)


def new_key(path: Path) -> Path:
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", path], check=True
    )
    return path


def ssh_client_program(
    folder: Path, server: SshServer, *, key: Path | None = None, host_key: str | None = None
) -> Path:
    """A folder for PATH with an ``ssh`` that has a configuration of its own.

    ssh takes the user's home from the password file and not from HOME, so a test cannot give it
    another configuration in any other way.

    Args:
        folder: is made.
        server: what it connects to.
        key: the key that it offers; the right one by default.
        host_key: the key that it expects of the server; the right one by default.
    """
    folder.mkdir()
    known = folder / "known_hosts"
    known.write_text(f"[127.0.0.1]:{server.port} {host_key or server.host_key}")
    config = folder / "config"
    config.write_text(
        f"Host *\n  IdentityFile {key or server.user_key}\n  IdentitiesOnly yes\n"
        f"  IdentityAgent none\n  UserKnownHostsFile {known}\n  GlobalKnownHostsFile none\n"
        "  StrictHostKeyChecking yes\n"
    )
    program = folder / "ssh"
    program.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {config} "$@"\n')
    program.chmod(0o755)
    return folder
