"""What an image at rest is made of, as values that can be saved and replayed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

FileKind = Literal["file", "dir", "symlink", "hardlink", "char", "block", "fifo"]


@dataclass(frozen=True, slots=True)
class FileFact:
    """One entry of the file system that a container of the image would start with.

    Attributes:
        path: absolute path, for example ``/usr/bin/node``; bytes that are not UTF-8 are kept as
            surrogate escapes.
        kind: what it is.
        size: bytes of content; 0 for anything but a file.
        mode: permission bits including setuid, setgid and sticky, for example ``0o4755``.
        uid: numeric owner.
        gid: numeric group.
        layer: index into :attr:`ImageFacts.layers` of the layer that it comes from.
        link: where a symlink points to, or which path a hard link shares; else None.
        capabilities: what a process gets that runs the file, in the notation of ``getcap``, for
            example ``cap_net_bind_service=ep``; empty for none.
    """

    path: str
    kind: FileKind
    size: int
    mode: int
    uid: int
    gid: int
    layer: int
    link: str | None = None
    capabilities: str = ""


@dataclass(frozen=True, slots=True)
class WastedFile:
    """Bytes that are stored in a layer and that no container can see.

    Attributes:
        path: the file that was overwritten or deleted.
        bytes: its size in the layer that stored it.
        stored_in: index of that layer.
        gone_in: index of the later layer that overwrites or deletes it.
        deleted: True where it is deleted, False where it is overwritten.
    """

    path: str
    bytes: int
    stored_in: int
    gone_in: int
    deleted: bool


@dataclass(frozen=True, slots=True)
class LayerFact:
    """One file-system layer.

    Attributes:
        diff_id: digest of the uncompressed layer, ``sha256:…``.
        created_by: the history entry that made it, cleaned of ``/bin/sh -c #(nop)`` and
            ``# buildkit``, for example ``RUN npm ci``; empty where the history does not tell.
        tar_bytes: size of the uncompressed layer archive.
        file_bytes: sum of the sizes of the files in it.
        entries: how many entries it has.
        changes: how many of them say something new: all but directories that are as they were in
            the layers below. None where that was not looked at.
    """

    diff_id: str
    created_by: str
    tar_bytes: int
    file_bytes: int
    entries: int
    changes: int | None = None


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One line of the image's history.

    ``created_by`` is the instruction, or the comment where there is none (an imported image).
    ``layer`` is None for an instruction that only sets metadata (ENV, CMD, LABEL …).
    """

    created_by: str
    layer: int | None
    comment: str = ""


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """The part of the OCI image config that says how a container starts.

    Source: https://github.com/opencontainers/image-spec/blob/main/config.md
    """

    user: str = ""
    workdir: str = ""
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    exposed_ports: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)
    stop_signal: str = ""
    healthcheck: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """Everything that is seen in one pass over an image.

    Attributes:
        id: image id, ``sha256:…``.
        tags: names under which the engine knows it.
        platform: for example ``linux/amd64``.
        config: how a container of it starts.
        layers: from the lowest to the topmost.
        history: one entry an instruction, oldest first.
        files: the final file system, sorted by path.
        waste: what layers store and nobody can see, largest first.
        engine_bytes: the size that the engine itself reports.
        stand_in: the sentence on the stand-in label that the image or its base carries, or None.
        accounts: names and uids in the final ``/etc/passwd``, where the engine looks up a user that
            is given by name.
        main_groups: uid and gid of each account in the final ``/etc/passwd``.
        groups: names and numbers in the final ``/etc/group``.
        empty_passwords: accounts in the final ``/etc/shadow`` that need no password.
        os_release: what the final ``os-release`` says of the system, by field.
    """

    id: str
    tags: tuple[str, ...]
    platform: str
    config: ImageConfig
    layers: tuple[LayerFact, ...]
    history: tuple[HistoryEntry, ...]
    files: tuple[FileFact, ...]
    waste: tuple[WastedFile, ...]
    engine_bytes: int
    stand_in: str | None = None
    accounts: tuple[tuple[str, int], ...] = ()
    main_groups: tuple[tuple[int, int], ...] = ()
    groups: tuple[tuple[str, int], ...] = ()
    empty_passwords: tuple[str, ...] = ()
    os_release: dict[str, str] = field(default_factory=dict)

    @property
    def content_bytes(self) -> int:
        """Bytes of all layer archives, uncompressed: what ``docker save`` writes."""
        return sum(layer.tar_bytes for layer in self.layers)

    @property
    def unpacked_bytes(self) -> int:
        """Bytes of all files in all layers: what the image takes on the engine's disk."""
        return sum(layer.file_bytes for layer in self.layers)

    @property
    def visible_bytes(self) -> int:
        """Bytes of the files that a container sees."""
        return sum(f.size for f in self.files if f.kind == "file")

    @property
    def wasted_bytes(self) -> int:
        """Bytes stored in layers that no container can see."""
        return sum(w.bytes for w in self.waste)
