"""Builds images for a test, reads what is in them, and remembers what to remove."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from dataclasses import dataclass

import docker

from helpers.build import BuildRecord, BuildRequest, build, mapping_context
from helpers.build.events import Event


@dataclass
class Builder:
    """Builds, and remembers what to remove."""

    client: docker.DockerClient
    tag: str
    built: list[str]

    def __call__(
        self,
        files: dict[str, str | bytes],
        on_event: Callable[[Event], None] | None = None,
        **options: object,
    ) -> BuildRecord:
        options.setdefault("network", "none")
        return self.build(BuildRequest(mapping_context(files), **options), on_event)  # type: ignore[arg-type]

    def build(
        self, request: BuildRequest, on_event: Callable[[Event], None] | None = None
    ) -> BuildRecord:
        record = build(self.client.api, request, on_event)
        assert record.image_id is not None
        self.built.append(record.image_id)
        return record

    def files(self, image: str) -> dict[str, tarfile.TarInfo]:
        """The files of an image, read through a container that is never started."""
        container = self.client.containers.create(image, ["none"], network_mode="none")
        try:
            raw = io.BytesIO(b"".join(container.export()))
        finally:
            container.remove(force=True)
        # The engine adds these to every container.
        own = (
            "dev",
            "etc/hostname",
            "etc/hosts",
            "etc/resolv.conf",
            "etc/mtab",
            "proc",
            "sys",
            ".dockerenv",
        )
        with tarfile.open(fileobj=raw, errors="surrogateescape") as tar:
            return {m.name: m for m in tar if not m.name.startswith(own) and m.name != "etc"}
