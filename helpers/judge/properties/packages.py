"""What is installed, and strings in files that look like secrets."""

from __future__ import annotations

from collections import Counter
from typing import Any

from pydantic import Field

from helpers.judge.globs import Glob, compile_globs
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
    not_observed,
    passed,
    shown_path,
)
from helpers.observe.image_contents import ContentsRequest
from helpers.observe.requests import ImageRequest, Observations, Request

_CONTENTS = ContentsRequest()
_KINDS = {
    "dpkg": "Debian packages",
    "apk": "Alpine packages",
    "npm": "npm packages",
    "pip": "Python packages",
    "go": "Go modules",
}


class PackageCountParams(Params):
    """Parameters of ``few-packages``."""

    max_system: int = Field(
        100, ge=0, description="Most packages of the system's package manager allowed."
    )


class SecretStringParams(Params):
    """Parameters of ``no-secret-strings``."""

    allow: tuple[Glob, ...] = Field(
        ("test", "tests", "__tests__", "*.test.*", "*.spec.*", "*.example", "*.sample"),
        description="Files whose strings may stay (test data, examples), as globs. No unit.",
    )


class ReleaseParams(Params):
    """Parameters of ``known-release``."""


def _contents(_: Params) -> tuple[Request[Any], ...]:
    return (ImageRequest(), _CONTENTS)


def judge_few_packages(params: PackageCountParams, observations: Observations) -> Verdict:
    """How many packages of the system are installed."""
    contents = observations.answer(_CONTENTS)
    if contents is None:
        return not_observed(observations, _CONTENTS, "the contents of files")
    kinds = Counter(package.kind for package in contents.packages)
    told = [f"{number:,} {_KINDS[kind]}" for kind, number in sorted(kinds.items())]
    system = kinds["dpkg"] + kinds["apk"]
    summary = (
        f"{counted(system, 'system package')}, at most {params.max_system} wanted "
        f"(in all: {listed(told) or 'none'})."
    )
    if system <= params.max_system:
        return passed(summary)
    names = sorted({p.name for p in contents.packages if p.kind in {"dpkg", "apk"}})
    text = f"{counted(system, 'system package')} are installed, among them {listed(names, 12)}."
    return failed(summary, [Evidence("too-many-packages", text)])


def judge_no_secret_strings(params: SecretStringParams, observations: Observations) -> Verdict:
    """No string in a file of any layer that looks like a secret."""
    image = observations.image
    if image is None:
        return no_image(observations)
    contents = observations.answer(_CONTENTS)
    if contents is None:
        return not_observed(observations, _CONTENTS, "the contents of files")
    allowed = compile_globs(params.allow)
    found = [s for s in contents.secrets if not allowed.search(s.found.path)]
    looked = f"{counted(contents.scanned_files, 'file')} searched"
    if found:
        evidence = [
            evidence_on_layer(
                "secret-string" if s.visible else "secret-string-in-layer",
                f"`{shown_path(s.found.path)}`, line {s.found.line}, holds what looks like: "
                f"{s.found.what} ({s.found.masked})"
                + ("" if s.visible else "; a later layer hides the file, whoever has the image "
                   "can read it")
                + f". It comes from {layer_name(image, s.layer)}.",
                image,
                s.layer,
                observations.dockerfile,
                path=s.found.path,
            )
            for s in found
        ]  # fmt: skip
        return failed(
            f"{counted(len(found), 'string')} that look like secrets ({looked}).",
            at_most(evidence, "string"),
        )
    if contents.left_out:
        return could_not_tell(
            f"nothing was found, but {counted(contents.left_out, 'file')} were not searched: the "
            "image has more text than is searched"
        )
    return passed(f"No string that looks like a secret ({looked}).")


def judge_known_release(params: ReleaseParams, observations: Observations) -> Verdict:  # noqa: ARG001
    """The system says what it is and which release."""
    image = observations.image
    if image is None:
        return no_image(observations)
    contents = observations.answer(_CONTENTS)
    if contents is None:
        return not_observed(observations, _CONTENTS, "the contents of files")
    about = image.os_release
    if not about:
        if not any(p.kind in {"dpkg", "apk"} for p in contents.packages):
            return passed("Does not apply: there is no operating system in the image.")
        text = "There are system packages and no os-release: no scanner knows what they belong to."
        return failed("The system does not say what it is.", [Evidence("no-release", text)])
    name = about.get("PRETTY_NAME") or about.get("NAME") or about.get("ID", "")
    rolling = about.get("VERSION_ID", "") == "" or "/sid" in name
    if not rolling:
        return passed(f"The system is {name}.")
    text = f"The system is {name or 'nameless'}, which names no release (VERSION_ID)."
    return failed("The system is no release.", [Evidence("no-version", text)])


PROPERTIES = (
    Property(
        id="few-packages",
        family="contents",
        title="Few system packages",
        meaning="Every package can have a weakness that has to be followed and fixed. Packages of "
        "dpkg (also as distroless images keep them) and apk are counted in the final file system; "
        "npm, Python and Go are told.",
        source="https://docs.docker.com/build/building/best-practices/"
        "#dont-install-unnecessary-packages",
        params=PackageCountParams,
        codes={"too-many-packages": "more system packages than allowed"},
        needs=_contents,
        judge=judge_few_packages,
        remedy="Run the service from a slim or distroless base, and copy only what it needs from "
        "the build stage.",
        weight=2,
        covers=("docker-bench 4.3",),
    ),
    Property(
        id="no-secret-strings",
        family="secrets",
        title="No strings in files that look like secrets",
        meaning="Text files of all layers, deleted ones too, are searched for keys and tokens of "
        "known services, private keys, and passwords in settings and addresses. What packages and "
        "the distribution bring is not searched, nor are files above 512 KiB.",
        source="https://docs.docker.com/build/building/secrets/",
        params=SecretStringParams,
        codes={
            "secret-string": "in a file that a container sees",
            "secret-string-in-layer": "in a file that a later layer hides",
        },
        needs=_contents,
        judge=judge_no_secret_strings,
        remedy="Take it out of the build context, give it to the build as "
        "`RUN --mount=type=secret` and to the service at run time, and replace it: it "
        "has been in an image.",
        weight=5,
        covers=("docker-bench 4.10", "dockle CIS-DI-0010"),
    ),
    Property(
        id="known-release",
        family="contents",
        title="The system is a known release",
        meaning="/etc/os-release names the distribution and its release; without it no scanner can "
        "tell which fixes are missing. Whether the release is still maintained is not judged. An "
        "image without a system (scratch and one program) needs none.",
        source="https://www.freedesktop.org/software/systemd/man/latest/os-release.html",
        params=ReleaseParams,
        codes={
            "no-release": "system packages, and no os-release",
            "no-version": "a rolling or testing release",
        },
        needs=_contents,
        judge=judge_known_release,
        remedy="Start from a released base image (a numbered or named release, not sid or edge), "
        "and keep its os-release.",
        weight=2,
        covers=("docker-bench 4.2",),
    ),
)
