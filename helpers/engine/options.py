"""How a private engine is set up, as a value, and what dockerd is told because of it.

Source: https://docs.docker.com/reference/cli/dockerd/
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from helpers.engine.network import Subnets
from helpers.engine.rootfs import Tree
from helpers.engine.state import StateFolder

ImageStore = Literal["default", "overlay2", "containerd"]
#: On a file system in memory that no other engine sees; with a short path, because containerd
#: makes Unix sockets with long names in it.
_EXEC_ROOT = "/run/docker"


@dataclass(frozen=True, slots=True)
class TlsListener:
    """A TCP address that asks clients for a certificate (``--tlsverify``).

    Attributes:
        port: on 127.0.0.1; nothing else is ever listened on.
        ca: certificate of the authority that has to have signed a client's.
        cert: the engine's own certificate.
        key: the key to it.
    """

    port: int
    ca: Path
    cert: Path
    key: Path

    @property
    def url(self) -> str:
        """Its address as ``DOCKER_HOST`` has it."""
        return f"tcp://127.0.0.1:{self.port}"

    def files(self) -> dict[str, Path]:
        """The certificates by the names that they get in the engine's folder."""
        return {"ca.pem": self.ca, "cert.pem": self.cert, "key.pem": self.key}


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How a private engine is set up.

    Attributes:
        tree: Debian release and packages that it runs from.
        image_store: ``overlay2`` (a graph driver), ``containerd`` (its snapshotters), or
            ``default``: what the release itself chooses.
        listen: a TCP address beside the Unix socket, or None.
        packet_filter: whether containers reach the network beyond this machine. That takes rules
            in the host's packet filter and IP forwarding, which all engines of a host share.
            Without it they reach this machine and each other, nothing of that is touched, and
            several engines do not disturb each other.
    """

    tree: Tree = field(default_factory=Tree)
    image_store: ImageStore = "default"
    listen: TlsListener | None = None
    packet_filter: bool = True

    def daemon_config(self) -> dict[str, Any]:
        """Content of ``daemon.json``."""
        features = {"buildkit": True}
        if self.image_store != "default":
            features["containerd-snapshotter"] = self.image_store == "containerd"
        return {"features": features}

    def daemon_arguments(
        self, state: StateFolder, *, bridge: str, subnets: Subnets, cgroup: str
    ) -> tuple[str, ...]:
        """Arguments for dockerd.

        Args:
            state: the engine's files.
            bridge: name of its default bridge.
            subnets: its address ranges.
            cgroup: control group of its containers.
        """
        engine = state.engine
        arguments = [
            *("--data-root", f"{engine}/data"),
            *("--exec-root", _EXEC_ROOT),
            *("--pidfile", str(state.pidfile)),
            *("--host", f"unix://{state.socket}"),
            *("--config-file", f"{engine}/daemon.json"),
            *("--bridge", bridge),
            *("--default-address-pool", f"base={subnets.pool},size=24"),
            *("--cgroup-parent", cgroup),
        ]
        if self.listen is not None:
            tls = state.tls
            arguments += ["--host", self.listen.url, "--tlsverify"]
            arguments += ["--tlscacert", f"{tls}/ca.pem"]
            arguments += ["--tlscert", f"{tls}/cert.pem", "--tlskey", f"{tls}/key.pem"]
        if not self.packet_filter:
            off = ("iptables", "ip6tables", "ip-forward", "ip-masq")
            arguments += [f"--{name}=false" for name in off]
        if "crun" in self.tree.packages:
            arguments += ["--add-runtime", "crun=/usr/bin/crun"]
        return tuple(arguments)
