"""A connection to an engine over SSH: ``ssh HOST docker system dial-stdio`` behind a real socket.

The ssh program of this machine does it, with the user's own configuration, agent and known hosts,
as Docker's own client has it.

Source: https://docs.docker.com/engine/security/protect-access/#use-ssh-to-protect-the-docker-daemon-socket
"""

from __future__ import annotations

import os
import socket
import subprocess
from dataclasses import dataclass
from typing import IO
from urllib.parse import urlsplit

_CONNECT_SECONDS = 30  # as Docker's own client
_END_SECONDS = 1.0
_HIDDEN = ("LD_LIBRARY_PATH", "SSL_CERT_FILE")  # meant for this process, not for ssh


@dataclass(frozen=True, slots=True)
class SshAddress:
    """Where an engine is reached over SSH.

    Attributes:
        host: name, address, or a Host of the user's ssh_config.
        user: None for what ssh_config says.
        port: None for what ssh_config says.
    """

    host: str
    user: str | None = None
    port: int | None = None

    @staticmethod
    def parse(url: str) -> SshAddress:
        """Read ``ssh://USER@HOST:PORT``.

        Raises:
            ValueError: where it is no such address; the text says what is wrong.
        """
        parts = urlsplit(url)
        if parts.scheme != "ssh" or not parts.hostname:
            raise ValueError("the address names no host")
        if parts.password is not None:
            raise ValueError("an address with a password is not used; SSH keys are")
        if parts.path.strip("/") or parts.query or parts.fragment:
            raise ValueError("nothing can stand behind the host of an SSH address")
        return SshAddress(parts.hostname, parts.username, parts.port)

    def __str__(self) -> str:
        """As docker-py's adapter has it: ``USER@HOST:PORT``."""
        return (
            (f"{self.user}@" if self.user else "")
            + self.host
            + (f":{self.port}" if self.port else "")
        )

    def command(self) -> tuple[str, ...]:
        """The program that connects its standard input and output to the engine."""
        return (
            "ssh",
            *("-T", "-o", f"ConnectTimeout={_CONNECT_SECONDS}"),
            *(("-l", self.user) if self.user else ()),
            *(("-p", str(self.port)) if self.port else ()),
            *("--", self.host, "docker system dial-stdio"),
        )


class SshTunnel(socket.socket):
    """A connection to the engine; the ssh that carries it ends with it."""

    process: subprocess.Popen[bytes] | None = None

    @staticmethod
    def open(address: SshAddress, said: IO[bytes]) -> SshTunnel:
        """Start ssh, which connects in its own time.

        Args:
            address: where the engine is.
            said: a file for what ssh has to say.

        Raises:
            FileNotFoundError: where there is no ssh program.
        """
        ours, theirs = socket.socketpair()
        try:
            process = subprocess.Popen(
                address.command(),
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=said,
                env={name: value for name, value in os.environ.items() if name not in _HIDDEN},
                start_new_session=True,  # Ctrl-C is this program's affair
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        tunnel = SshTunnel(fileno=ours.detach())
        tunnel.process = process
        return tunnel

    def close(self) -> None:
        """Close it; once nobody reads from it any more, ssh is ended and waited for."""
        super().close()
        if self.fileno() != -1 or self.process is None:
            return
        process, self.process = self.process, None
        for stop in (process.terminate, process.kill):
            # Its standard input has ended, so it ends by itself, with all that was sent.
            try:
                process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                stop()
            else:
                return
        process.wait()
