"""The environment that the image gives to its processes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydantic import Field

from helpers.judge.config_evidence import image_only, located, variables
from helpers.judge.known_programs import names
from helpers.judge.property import Params, Property
from helpers.judge.verdict import Verdict
from helpers.judge.words import (
    at_most,
    counted,
    failed,
    listed,
    no_image,
    passed,
    shown_path,
)
from helpers.observe.image_facts import ImageFacts
from helpers.observe.requests import Observations
from helpers.observe.text import printable


class EnvParams(Params):
    """Parameters of ``env-sane``."""

    allow: tuple[str, ...] = Field(
        (), description="Names of variables that are not looked at. No unit."
    )


_STANDARD_PATH = names("/usr/local/sbin /usr/local/bin /usr/sbin /usr/bin /sbin /bin")


_PRELOADS = names("LD_PRELOAD LD_AUDIT DYLD_INSERT_LIBRARIES")


# Variables that switch the verification of the other side's certificate off, with that value.
_UNVERIFIED = {
    "NODE_TLS_REJECT_UNAUTHORIZED": names("0"),
    "PYTHONHTTPSVERIFY": names("0"),
    "GIT_SSL_NO_VERIFY": names("1 true yes on"),
    "NPM_CONFIG_STRICT_SSL": names("false 0"),
    "CURL_INSECURE": names("1 true yes"),
}


_DEVELOPMENT = {
    "NODE_ENV": names("development dev test"),
    "FLASK_DEBUG": names("1 true"),
    "FLASK_ENV": names("development"),
    "DJANGO_DEBUG": names("1 true"),
    "RAILS_ENV": names("development test"),
    "RACK_ENV": names("development test"),
    "ASPNETCORE_ENVIRONMENT": names("development"),
    "APP_ENV": names("dev development local"),
    "GIN_MODE": names("debug"),
    "APP_DEBUG": names("1 true"),
}


def judge_env_sane(params: EnvParams, observations: Observations) -> Verdict:
    """No variable that breaks, weakens or slows down whatever runs in the image."""
    image = observations.image
    if image is None:
        return no_image(observations)
    evidence = [
        located(code, text, observations, "ENV")
        for name, value in variables(image.config)
        if name not in params.allow
        for code, text in _wrong_variable(image, name, value)
    ]
    number = counted(len(image.config.env), "variable")
    if evidence:
        return failed(
            f"{counted(len(evidence), 'finding')} among {number}.", at_most(evidence, "finding")
        )
    return passed(f"{number}, none of them harmful.")


def _wrong_variable(image: ImageFacts, name: str, value: str) -> Iterator[tuple[str, str]]:
    shown = printable(f"{name}={value}", 160)
    small = value.strip().lower()
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*", name):
        yield "bad-name", f"`{shown}` has a name that no shell can read."
    elif name == "PATH":
        yield from _wrong_path(image, value)
    elif name in _PRELOADS and value:
        yield "preload", f"`{shown}` puts a library into every process."
    elif name == "LD_LIBRARY_PATH" and _unsafe_entry(value):
        yield "relative-path", f"`{shown}` loads libraries from wherever one stands."
    elif small in _UNVERIFIED.get(name.upper(), frozenset()):
        yield "unverified-tls", f"`{shown}` accepts anybody's certificate."
    elif small in _DEVELOPMENT.get(name.upper(), frozenset()):
        yield "development-mode", f"`{shown}` is for development."
    elif name == "DEBIAN_FRONTEND":
        text = f"`{shown}` is for the build: set it in the RUN instruction, or as ARG."
        yield "build-only", text


def _wrong_path(image: ImageFacts, value: str) -> Iterator[tuple[str, str]]:
    shown = printable(f"PATH={value}", 160)
    folders = value.split(":")
    if _unsafe_entry(value):
        yield "relative-path", f"`{shown}` finds programs wherever one stands."
    open_folders = {
        f.path: f.mode for f in image.files if f.kind == "dir" and f.mode & 0o002
    }.keys() & {folder.rstrip("/") for folder in folders}
    for folder in sorted(open_folders):
        yield "writable-path", f"Everybody may write into `{shown_path(folder)}`, which is in PATH."
    holds = {f.path.rpartition("/")[0] for f in image.files if f.mode & 0o111 and f.kind != "dir"}
    missing = sorted((_STANDARD_PATH & holds) - {folder.rstrip("/") for folder in folders})
    if missing and len(missing) == len(_STANDARD_PATH & holds):
        yield "path-replaced", f"`{shown}` leaves out {listed(missing)}, where programs lie."


def _unsafe_entry(value: str) -> bool:
    """An empty or relative entry means the current folder."""
    return bool(value) and any(not folder.startswith(("/", "$")) for folder in value.split(":"))


PROPERTIES = (
    Property(
        id="env-sane",
        family="configuration",
        title="The environment does no harm",
        meaning="No variable replaces PATH so that programs are not found, or lets programs and "
        "libraries be found in the current or an open folder; none preloads a library, switches "
        "the check of certificates off, sets development mode, or belongs to the build only. "
        "Secrets are another property's.",
        source="https://docs.docker.com/reference/dockerfile/#env",
        params=EnvParams,
        codes={
            "path-replaced": "PATH leaves out every folder in which programs lie",
            "relative-path": "an empty or relative entry in a search path",
            "writable-path": "a folder in PATH into which everybody may write",
            "preload": "a library is put into every process",
            "unverified-tls": "certificates are not checked",
            "development-mode": "a mode for development",
            "build-only": "a variable that only a build needs",
            "bad-name": "a name that cannot be a variable's",
        },
        needs=image_only,
        judge=judge_env_sane,
        remedy="Remove the variable; extend PATH with `ENV PATH=/new:$PATH` instead of replacing "
        "it.",
        weight=3,
        covers=("container-structure-test metadata.envVars",),
    ),
)
