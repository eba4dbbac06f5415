"""An empty registry for an experiment, on loopback: images pushed to it, tags that move."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from helpers.engine.connect import Engine
from helpers.engine.labels import TOOL
from helpers.experiments.site import SiteFailed, published_port, start_container, wait_for_line
from helpers.observe.containers import ContainerSpec

#: The base image that it needs.
BASE = "registry:2"
_PORT = 5000


@dataclass(frozen=True, slots=True)
class LocalRegistry:
    """A registry that the engine reaches.

    Attributes:
        engine: on which it runs.
        host: its address for the engine, ``127.0.0.1:PORT``.
    """

    engine: Engine
    host: str

    def name(self, repository: str) -> str:
        """The full name of a repository in it."""
        return f"{self.host}/{repository}"

    def push(self, image: str, repository: str, tag: str) -> str:
        """Push an image under a tag; an older one of that tag is not there any more.

        Args:
            image: name or id on the engine.
            repository: for example ``team/base``.
            tag: for example ``1``.

        Returns:
            The digest of its manifest, ``sha256:…``.

        Raises:
            SiteFailed: where the registry does not take it.
        """
        api = self.engine.client.api
        name = self.name(repository)
        api.tag(image, name, tag)
        digest = ""
        try:
            for line in api.push(name, tag, stream=True, decode=True):
                if "error" in line:
                    raise SiteFailed(
                        f"The push into the registry failed: {line['error']}",
                        remedy="Run the cell again; if it fails again: workbook doctor",
                    )
                digest = (line.get("aux") or {}).get("Digest") or digest
        finally:
            api.remove_image(f"{name}:{tag}", noprune=True)
        return digest


@contextmanager
def local_registry(
    engine: Engine, *, network: str = "", alias: str = ""
) -> Iterator[LocalRegistry]:
    """An empty registry; it and all in it are removed at the end.

    Args:
        engine: on which it runs.
        network: a network to join; empty for the engine's default.
        alias: its host name there.

    Raises:
        SiteFailed: where it does not come up.
        NoEngine: where the engine cannot start it.
    """
    spec = ContainerSpec(
        BASE, ports=(_PORT,), network=network, alias=alias, memory_mb=None, pids=None, role=TOOL
    )
    with ExitStack() as stack:
        container = start_container(stack, engine, spec)
        wait_for_line(engine, container, b"listening on")
        yield LocalRegistry(engine, f"127.0.0.1:{published_port(engine, container, _PORT)}")
