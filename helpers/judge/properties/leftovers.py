"""What building, installing and editing left in an image that only has to run something."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from pydantic import Field

from helpers.judge.filesystem import bytes_by_folder
from helpers.judge.found_files import AllowParams, FoundFile, judge_found, needs_image
from helpers.judge.globs import Glob, compile_globs
from helpers.judge.known_programs import names
from helpers.judge.property import Params, Property
from helpers.judge.verdict import Evidence, Verdict
from helpers.judge.words import (
    at_most,
    counted,
    evidence_on_layer,
    failed,
    layer_name,
    no_image,
    passed,
    shown_path,
)
from helpers.observe.image_facts import FileFact, ImageFacts
from helpers.observe.requests import Observations
from helpers.units import MB, format_bytes

_PRACTICES = "https://docs.docker.com/build/building/best-practices/"


class DocsParams(Params):
    """Parameters of ``no-docs``."""

    max_mb: float = Field(
        5, ge=0, description="Most documentation and translations allowed, in MB (10^6 bytes)."
    )


class ArchiveParams(AllowParams):
    """Parameters of ``no-archives``."""

    min_mb: float = Field(
        1, ge=0, description="Smaller archives are not looked at, in MB (10^6 bytes)."
    )
    allow: tuple[Glob, ...] = Field(
        ("*.jar", "*.war", "*.whl"), description="Files that may stay, as globs. No unit."
    )


def judge_no_temporary_files(params: AllowParams, observations: Observations) -> Verdict:
    """Nothing in the folders for temporary files and logs."""
    return _judge_names(
        params, observations, _temporary, "temporary file or log", "temporary files or logs"
    )


_TEMPORARY = re.compile(r"^/(?:tmp|var/tmp)/.+|^/var/log/.+|^/root/\.bash_history$")
_EDITORS = re.compile(r"(?:\.sw[op]|\.orig|\.rej|~|/\.DS_Store|/core(?:\.\d+)?)$")


def _temporary(fact: FileFact) -> tuple[str, str] | None:
    if fact.kind != "file" or not fact.size:
        return None
    if fact.path.startswith("/var/log/"):
        return "log", f"a log of the build ({format_bytes(fact.size)})"
    if _TEMPORARY.match(fact.path):
        return "temporary", f"a temporary file ({format_bytes(fact.size)})"
    if _EDITORS.search(fact.path) and "/node_modules/" not in fact.path:
        folder = fact.path.startswith(("/usr/", "/lib/", "/etc/"))
        return None if folder else ("editor", "what an editor or a crash left")
    return None


def judge_no_settings_of_people(params: AllowParams, observations: Observations) -> Verdict:
    """No folder in which tools keep what belongs to a person."""
    one = "folder or file of a person's settings"
    many = "folders or files of a person's settings"
    return _judge_names(params, observations, _personal, one, many)


_CLOUD = ("cloud", "where a cloud or cluster tool keeps logins")
_PERSONAL: dict[str, tuple[str, str]] = {
    **dict.fromkeys(names(".aws .azure .gcloud .gcp .kube .docker"), _CLOUD),
    **dict.fromkeys(names(".ssh .gnupg"), ("keys", "where keys are kept")),
    **dict.fromkeys(
        names(".vscode .idea .vs .devcontainer"), ("editor-settings", "settings of an editor")
    ),
}


def _personal(fact: FileFact) -> tuple[str, str] | None:
    name = fact.path.rpartition("/")[2]
    if name not in _PERSONAL or "/node_modules/" in fact.path or fact.path.startswith("/usr/"):
        return None
    return _PERSONAL[name]


def judge_no_archives(params: ArchiveParams, observations: Observations) -> Verdict:
    """No packed archive that somebody forgot to delete."""
    least = params.min_mb * MB

    def archive(fact: FileFact) -> tuple[str, str] | None:
        big = fact.kind == "file" and fact.size >= least
        if not big or not _ARCHIVE.search(fact.path) or _SYSTEM.match(fact.path):
            return None
        return "archive", f"an archive of {format_bytes(fact.size)}"

    return _judge_names(params, observations, archive, "packed archive", "packed archives")


_ARCHIVE = re.compile(
    r"(?i)\.(?:tar|tgz|tar\.(?:gz|xz|bz2|zst)|txz|zip|7z|rar|deb|rpm|apk|jar|war|whl|iso|img)$"
)
_SYSTEM = re.compile(r"^/(?:usr/(?:lib|share|libexec)|lib|var/(?:cache|lib))/")


def judge_no_docs(params: DocsParams, observations: Observations) -> Verdict:
    """Manuals, documentation and translations against a limit."""
    image = observations.image
    if image is None:
        return no_image(observations)
    piles = bytes_by_folder(image, _docs)
    total = sum(pile.bytes for pile in piles.values())
    limit = round(params.max_mb * MB)
    summary = (
        f"{format_bytes(total)} of manuals, documentation and translations, at most "
        f"{format_bytes(limit)} wanted."
    )
    if total <= limit:
        return passed(summary)
    evidence = [
        evidence_on_layer(
            "translations" if "locale" in folder or "i18n" in folder else "documentation",
            f"`{shown_path(folder)}` holds {format_bytes(pile.bytes)} in "
            f"{counted(pile.files, 'file')}, most of it from {layer_name(image, pile.layer)}.",
            image,
            pile.layer,
            observations.dockerfile,
            path=folder,
            size=pile.bytes,
        )
        for folder, pile in piles.items()
        if pile.bytes
    ]
    return failed(summary, at_most(evidence, "folder"))


_DOCS = re.compile(r"^/usr/(?:local/)?share/(?:doc|man|info|gtk-doc|help|locale|i18n)(?=/)")


def _docs(path: str) -> str | None:
    found = _DOCS.match(path)
    return found[0] if found else None


def _judge_names(
    params: AllowParams,
    observations: Observations,
    matches: Callable[[FileFact], tuple[str, str] | None],
    one: str,
    many: str,
) -> Verdict:
    image = observations.image
    if image is None:
        return no_image(observations)
    found = _matching(image, matches)
    return judge_found(found, image, observations, allow=params.allow, one=one, many=many)


def _matching(
    image: ImageFacts, matches: Callable[[FileFact], tuple[str, str] | None]
) -> Iterator[FoundFile]:
    for fact in image.files:
        found = matches(fact)
        if found is not None:
            yield FoundFile(fact, *found)


class LeftoverParams(Params):
    """Parameters of ``no-deleted-leftovers``."""

    max_mb: float = Field(
        1, ge=0, description="Most bytes of such files allowed, in MB (10^6 bytes)."
    )
    folders: tuple[Glob, ...] = Field(
        ("/tmp", "/var/tmp", "/var/log"),  # noqa: S108
        min_length=1,
        description="Folders that are looked at, as globs. No unit.",
    )


def judge_no_deleted_leftovers(params: LeftoverParams, observations: Observations) -> Verdict:
    """Nothing temporary that a later layer deletes and an earlier one still stores."""
    image = observations.image
    if image is None:
        return no_image(observations)
    folders = compile_globs(params.folders)
    gone = [w for w in image.waste if w.deleted and folders.search(w.path)]
    total = sum(w.bytes for w in gone)
    limit = round(params.max_mb * MB)
    summary = (
        f"{format_bytes(total)} of temporary files are deleted too late, at most "
        f"{format_bytes(limit)} wanted."
    )
    if total <= limit:
        return passed(summary)
    evidence: list[Evidence] = [
        evidence_on_layer(
            "deleted-too-late",
            f"`{shown_path(w.path)}` ({format_bytes(w.bytes)}) is stored in "
            f"{layer_name(image, w.stored_in)} and deleted in {layer_name(image, w.gone_in)}.",
            image,
            w.stored_in,
            observations.dockerfile,
            path=w.path,
            size=w.bytes,
        )
        for w in gone
    ]
    return failed(summary, at_most(evidence, "file"))


PROPERTIES = (
    Property(
        id="no-temporary-files",
        family="contents",
        title="No temporary files and no logs of the build",
        meaning="What lies in /tmp, /var/tmp and /var/log of the final file system came from the "
        "build: downloads, test data, logs of installers. So did copies that editors make. Empty "
        "files are not counted.",
        source=_PRACTICES,
        params=AllowParams,
        codes={
            "temporary": "a file in a folder for temporary files",
            "log": "a log of the build",
            "editor": "what an editor or a crash left",
        },
        needs=needs_image,
        judge=judge_no_temporary_files,
        remedy="Delete it in the instruction that makes it, or let the build write to a "
        "`RUN --mount=type=tmpfs,target=/tmp`.",
        weight=1,
        covers=("dockle DKL-LI-0003",),
    ),
    Property(
        id="no-deleted-leftovers",
        family="contents",
        title="Temporary files are deleted where they are made",
        meaning="A temporary file that a later instruction deletes is still stored in the layer of "
        "the earlier one, transferred with it, and readable to whoever has the image.",
        source="https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts",
        params=LeftoverParams,
        codes={"deleted-too-late": "a temporary file that only a later layer deletes"},
        needs=needs_image,
        judge=judge_no_deleted_leftovers,
        remedy="Make, use and delete it in one RUN, or in a stage that is not the last.",
        weight=2,
    ),
    Property(
        id="no-personal-settings",
        family="contents",
        title="No settings of a person",
        meaning="Folders such as .aws, .kube, .ssh and .idea come from the machine that built the "
        "image, usually through `COPY . .`, and often hold logins. They are found by name in the "
        "final file system.",
        source="https://docs.docker.com/build/concepts/context/#dockerignore-files",
        params=AllowParams,
        codes={
            "cloud": "a cloud or cluster tool keeps logins there",
            "keys": "keys are kept there",
            "editor-settings": "settings of an editor",
        },
        needs=needs_image,
        judge=judge_no_settings_of_people,
        remedy="Name them in .dockerignore, or copy only what the image needs.",
        weight=3,
        covers=("dockle CIS-DI-0010", "dockle DKL-LI-0003"),
    ),
    Property(
        id="no-archives",
        family="contents",
        title="No packed archives",
        meaning="A .tar.gz, .zip or .deb of some size in the final file system was usually "
        "unpacked or installed and then forgotten: it is there twice. What belongs to the system's "
        "own folders is not looked at.",
        source=_PRACTICES,
        params=ArchiveParams,
        codes={"archive": "a packed archive"},
        needs=needs_image,
        judge=judge_no_archives,
        remedy="Unpack in the RUN that downloads it and delete it there, or in a stage that is not "
        "the last.",
        weight=1,
    ),
    Property(
        id="no-docs",
        family="contents",
        title="Little documentation and few translations",
        meaning="Manuals, documentation and translations below /usr/share are for people at a "
        "terminal. Their bytes are added up in the final file system.",
        source="https://wiki.debian.org/ReduceDebian",
        params=DocsParams,
        codes={
            "documentation": "a folder of manuals or documentation",
            "translations": "a folder of translations",
        },
        needs=needs_image,
        judge=judge_no_docs,
        remedy="Start from a slim or distroless base, or tell the package manager to leave them "
        "out (dpkg's `path-exclude`, `apk add --no-cache`, `dnf --setopt=tsflags=nodocs`).",
        weight=1,
    ),
)
