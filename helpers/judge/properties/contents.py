"""What lies in the final file system, or in a layer below it, and should not."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import Field

from helpers.judge.filesystem import base_name, bytes_by_folder
from helpers.judge.globs import Glob, compile_globs
from helpers.judge.known_programs import names
from helpers.judge.property import Params, Property
from helpers.judge.verdict import Evidence, Verdict
from helpers.judge.words import (
    at_most,
    could_not_tell,
    counted,
    evidence_on_layer,
    failed,
    layer_name,
    listed,
    no_image,
    passed,
    shown_path,
)
from helpers.observe.image_facts import FileFact, ImageFacts
from helpers.observe.requests import ImageRequest, Observations
from helpers.units import format_bytes

# A package's folder: the last node_modules of the path counts, scopes have two parts.
_PACKAGE = re.compile(r"^(.*/node_modules/((?:@[^/]+/)?[^/@.][^/]*))/")
# What package managers bring along for themselves.
_MANAGERS_OWN = re.compile(r"/node_modules/(?:npm|pnpm|yarn|corepack)/|^/opt/yarn")


class NoDevDependenciesParams(Params):
    """Parameters of ``no-dev-dependencies``."""

    allow: tuple[str, ...] = Field(
        (), description="Names of npm packages that may stay although they are for development."
    )


class NoSourceLeftParams(Params):
    """Parameters of ``no-source-left``."""

    patterns: tuple[Glob, ...] = Field(
        (
            "*.ts",
            "*.tsx",
            "tsconfig*.json",
            ".git",
            "test",
            "tests",
            "__tests__",
            "*.test.js",
            "*.spec.js",
            "Dockerfile*",
            ".dockerignore",
        ),
        min_length=1,
        description="Files or folders that must not be there, as globs (`*` within a name, `**` "
        "across folders); one that begins with a slash is matched from the root. No unit.",
    )
    ignore: tuple[Glob, ...] = Field(
        (
            "node_modules",
            "/bin",
            "/boot",
            "/dev",
            "/etc",
            "/lib*",
            "/opt/yarn*",
            "/proc",
            "/sbin",
            "/sys",
            "/usr/bin",
            "/usr/include",
            "/usr/lib*",
            "/usr/local/bin",
            "/usr/local/include",
            "/usr/local/lib",
            "/usr/local/share",
            "/usr/sbin",
            "/usr/share",
            "/var/cache",
            "/var/lib",
        ),
        description="Folders that are not looked at (the system's and the packages' own), as "
        "globs. No unit.",
    )


class NoSecretsInFilesParams(Params):
    """Parameters of ``no-secrets-in-files``."""

    allow: tuple[Glob, ...] = Field((), description="Files that may stay, as globs. No unit.")


def judge_no_dev_dependencies(
    params: NoDevDependenciesParams, observations: Observations
) -> Verdict:
    """No npm package that the lock file marks as development-only."""
    image = observations.image
    if image is None:
        return no_image(observations)
    if not observations.dev_packages:
        return could_not_tell("no lock file says which npm packages are for development only")
    unwanted = observations.dev_packages - set(params.allow)

    def package_folder(path: str) -> str | None:
        if "/node_modules/" not in path or _MANAGERS_OWN.search(path):
            return None
        found = _PACKAGE.match(path)
        return found[1] if found and found[2] in unwanted else None

    piles = bytes_by_folder(image, package_folder)
    total = sum(pile.bytes for pile in piles.values())
    packages = sorted({folder.rpartition("/node_modules/")[2] for folder in piles})
    if not piles:
        return passed("No npm package that is for development only.")
    evidence = [
        evidence_on_layer(
            "dev-package",
            f"`{shown_path(folder)}` ({format_bytes(pile.bytes)}) is a development dependency; it "
            f"comes from {layer_name(image, pile.layer)}.",
            image,
            pile.layer,
            observations.dockerfile,
            path=folder,
            size=pile.bytes,
        )
        for folder, pile in piles.items()
    ]
    return failed(
        f"{counted(len(packages), 'development dependency', 'development dependencies')} in the "
        f"image ({format_bytes(total)}): {listed(packages)}.",
        at_most(evidence, "package"),
    )


@dataclass(slots=True)
class _Matches:
    """Files that match one pattern."""

    first: FileFact
    files: int = 0
    bytes: int = 0


def judge_no_source_left(params: NoSourceLeftParams, observations: Observations) -> Verdict:
    """No file that only the build or the tests need."""
    image = observations.image
    if image is None:
        return no_image(observations)
    found = _matching(image.files, params)
    if not found:
        return passed(f"Nothing that matches {listed(params.patterns, 12)}.")
    evidence = [
        evidence_on_layer(
            _source_code(pattern),
            f"{counted(matches.files, 'file')} ({format_bytes(matches.bytes)}) "
            f"{'matches' if matches.files == 1 else 'match'} `{pattern}`, for example "
            f"`{shown_path(matches.first.path)}` from {layer_name(image, matches.first.layer)}.",
            image,
            matches.first.layer,
            observations.dockerfile,
            path=matches.first.path,
            size=matches.bytes,
        )
        for pattern, matches in sorted(found.items(), key=lambda item: (-item[1].files, item[0]))
    ]
    total = sum(matches.files for matches in found.values())
    return failed(
        f"{counted(total, 'file')} that only the build or the tests need.",
        at_most(evidence, "pattern"),
    )


def _matching(files: Iterable[FileFact], params: NoSourceLeftParams) -> dict[str, _Matches]:
    ignored = compile_globs(params.ignore)
    everything = compile_globs(params.patterns)
    each = [(pattern, compile_globs((pattern,))) for pattern in params.patterns]
    found: dict[str, _Matches] = {}
    # Most files lie in few folders that are ignored: those are looked at once.
    left_out: dict[str, bool] = {}
    for fact in files:
        if fact.kind not in {"file", "hardlink", "symlink"}:
            continue
        folder = fact.path.rpartition("/")[0]
        if folder not in left_out:
            left_out[folder] = ignored.search(folder) is not None
        if left_out[folder] or not everything.search(fact.path) or ignored.search(fact.path):
            continue
        pattern = next(name for name, glob in each if glob.search(fact.path))
        matches = found.setdefault(pattern, _Matches(fact))
        matches.files += 1
        matches.bytes += fact.size
    return found


def _source_code(pattern: str) -> str:
    if ".git" in pattern:
        return "git-history"
    return "tests" if "test" in pattern or "spec" in pattern else "source"


_SECRET_NAMES = names(
    ".npmrc .yarnrc.yml .git-credentials .netrc .pgpass .htpasswd id_rsa id_dsa id_ecdsa "
    "id_ed25519 .pypirc .dockercfg .vault-token credentials.json service-account.json"
)
_SECRET_PATHS = ("/.aws/credentials", "/.docker/config.json", "/.kube/config", "/.ssh/identity")
_EXAMPLES = re.compile(r"\.(?:example|sample|template|dist|defaults?)$")


def is_secret_name(path: str) -> bool:
    """True where files of this name usually hold a password, token or private key."""
    name = base_name(path)
    if "/node_modules/" in path:
        return False  # packages bring along examples and settings of their own
    if name == ".env" or name.startswith(".env."):
        return _EXAMPLES.search(name) is None
    return name in _SECRET_NAMES or path.endswith(_SECRET_PATHS)


def judge_no_secrets_in_files(
    params: NoSecretsInFilesParams, observations: Observations
) -> Verdict:
    """No file that by its name holds a secret, also not in a layer below."""
    image = observations.image
    if image is None:
        return no_image(observations)
    allowed = compile_globs(params.allow)
    evidence = [*_visible_secrets(image, allowed, observations)]
    evidence += _hidden_secrets(image, allowed, observations)
    if not evidence:
        return passed("No file whose name is that of a secret, in any layer.")
    return failed(
        f"{counted(len(evidence), 'file')} whose name is that of a secret.",
        at_most(evidence, "file"),
    )


def _visible_secrets(
    image: ImageFacts, allowed: re.Pattern[str], observations: Observations
) -> list[Evidence]:
    return [
        evidence_on_layer(
            "secret-file",
            f"`{shown_path(fact.path)}` ({format_bytes(fact.size)}) is in the image; it comes from "
            f"{layer_name(image, fact.layer)}.",
            image,
            fact.layer,
            observations.dockerfile,
            path=fact.path,
            size=fact.size,
        )
        for fact in image.files
        if fact.kind in {"file", "hardlink"}
        and is_secret_name(fact.path)
        and not allowed.search(fact.path)
        and not (fact.kind == "file" and fact.size == 0)
    ]


def _hidden_secrets(
    image: ImageFacts, allowed: re.Pattern[str], observations: Observations
) -> list[Evidence]:
    return [
        evidence_on_layer(
            "secret-in-layer",
            f"`{shown_path(file.path)}` ({format_bytes(file.bytes)}) is "
            f"{'deleted' if file.deleted else 'overwritten'} in {layer_name(image, file.gone_in)}, "
            f"but still stored in {layer_name(image, file.stored_in)}: whoever has the image can "
            "read it.",
            image,
            file.stored_in,
            observations.dockerfile,
            path=file.path,
            size=file.bytes,
        )
        for file in image.waste
        if is_secret_name(file.path) and not allowed.search(file.path)
    ]


def _image(_: Params) -> tuple[ImageRequest, ...]:
    return (ImageRequest(),)


PROPERTIES = (
    Property(
        id="no-dev-dependencies",
        family="contents",
        title="No development dependencies",
        meaning="npm packages that the lock file marks as needed for development only must not "
        "be in any node_modules of the final file system. The lock file is the course's"
        " own, not the image's; what package managers bring along for themselves is not"
        " counted.",
        source="https://docs.npmjs.com/cli/v11/commands/npm-ci",
        params=NoDevDependenciesParams,
        codes={"dev-package": "a package that is for development only"},
        needs=_image,
        judge=judge_no_dev_dependencies,
        remedy="Install with `npm ci --omit=dev` in the final stage, or bundle the service.",
        weight=2,
    ),
    Property(
        id="no-source-left",
        family="contents",
        title="No sources, tests or version history",
        meaning="Files that only the build or the tests need must not be in the final file "
        "system. They make it larger and tell an intruder how the service works.",
        source="https://docs.docker.com/build/concepts/context/#dockerignore-files",
        params=NoSourceLeftParams,
        codes={
            "source": "sources or build settings",
            "tests": "tests",
            "git-history": "the version history",
        },
        needs=_image,
        judge=judge_no_source_left,
        remedy="Name them in .dockerignore, or copy only the built result into the final stage.",
        weight=2,
        covers=("dockle DKL-LI-0003",),
    ),
    Property(
        id="no-secrets-in-files",
        family="contents",
        title="No files that hold secrets",
        meaning="Files named as passwords, tokens and private keys usually are (.env, .npmrc, "
        "id_rsa, .git-credentials) must be in no layer, also not in one whose file a "
        "later layer deletes. Only names are looked at, not contents.",
        source="https://docs.docker.com/build/building/secrets/",
        params=NoSecretsInFilesParams,
        codes={
            "secret-file": "such a file is in the final file system",
            "secret-in-layer": "such a file was deleted or overwritten, a layer still stores it",
        },
        needs=_image,
        judge=judge_no_secrets_in_files,
        remedy="Name the file in .dockerignore, give it to the build as "
        "`RUN --mount=type=secret`, and replace the secret: it has been in an image.",
        weight=5,
        covers=("dockle CIS-DI-0010", "docker-bench 4.10"),
    ),
)
