"""What the image says about itself: the annotations that the OCI has agreed on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from pydantic import Field

from helpers.judge.config_evidence import image_only, located
from helpers.judge.property import Params, Property
from helpers.judge.verdict import Verdict
from helpers.judge.words import at_most, counted, failed, listed, no_image, passed
from helpers.observe.requests import Observations
from helpers.observe.text import printable

#: Beginning of the names of the OCI's annotations.
PREFIX = "org.opencontainers.image."


class OciLabelsParams(Params):
    """Parameters of ``oci-labels``."""

    required: tuple[str, ...] = Field(
        ("title", "source", "revision", "licenses"),
        description="Labels that must be there; a name without a dot is one of the OCI's "
        "(`title` is `org.opencontainers.image.title`). No unit.",
    )
    strict: bool = Field(
        False, description="Whether any other label of the OCI's namespace is reported."
    )
    semantic_version: bool = Field(
        False, description="Whether `version` must be a semantic version, such as `1.4.2`."
    )


def judge_oci_labels(params: OciLabelsParams, observations: Observations) -> Verdict:
    """The wanted labels are there, and say what their names promise."""
    image = observations.image
    if image is None:
        return no_image(observations)
    labels = image.config.labels
    required = [_full(name) for name in params.required]
    evidence = [
        located("missing-label", f"There is no label `{name}`.", observations, "LABEL")
        for name in required
        if name not in labels
    ]
    for name, value in sorted(labels.items()):
        if name in required or name.startswith(PREFIX):
            evidence += [
                located(code, text, observations, "LABEL")
                for code, text in _wrong(name, value, params)
            ]
        if params.strict and name.startswith(PREFIX) and name not in required:
            text = f"`{printable(name, 120)}` is not among those that are wanted."
            evidence.append(located("extra-label", text, observations, "LABEL"))
    there = [name for name in required if name in labels]
    summary = (
        f"{len(there)} of {counted(len(required), 'wanted label')}: {listed(there) or 'none'}."
    )
    return failed(summary, at_most(evidence, "finding")) if evidence else passed(summary)


def _full(name: str) -> str:
    return name if "." in name else f"{PREFIX}{name}"


# Longer values are as good as their beginning: the expressions below are not fast on all of them.
_LONGEST = 1000
_KEY = re.compile(r"[a-z0-9]+(?:[._/-][a-z0-9]+)*")
_URL = re.compile(r"(?:https?|git|ssh)://[^\s/]+\.?[^\s]*|git@[^\s:]+:\S+")
_COMMIT = re.compile(r"[0-9a-f]{7,64}")
# https://semver.org/#is-there-a-suggested-regular-expression-regex-to-check-a-semver-string
_SEMANTIC = re.compile(
    r"v?(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?"
)
# Identifiers joined by AND, OR, WITH: https://spdx.github.io/spdx-spec/v2.3/SPDX-license-expressions/
_SPDX_WORD = (
    r"\(*\s*(?:[A-Za-z0-9][A-Za-z0-9.-]*\+?|(?:DocumentRef-[\w.-]+:)?LicenseRef-[\w.-]+)\s*\)*"
)
_SPDX = re.compile(rf"{_SPDX_WORD}(?:\s+(?:AND|OR|WITH)\s+{_SPDX_WORD})*")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def _wrong(name: str, value: str, params: OciLabelsParams) -> Iterator[tuple[str, str]]:
    shown = f"`{printable(name, 120)}`"
    said = f"`{printable(value, 120)}`"
    short = name.removeprefix(PREFIX)
    plain = value.strip()[:_LONGEST]
    if not _KEY.fullmatch(name):
        yield "bad-key", f"{shown} is no label key: lower-case letters, digits, dots and hyphens."
    if not plain or plain.lower() in {"unknown", "none", "null", "todo", "undefined"}:
        yield "empty-label", f"{shown} says nothing: {said}."
        return
    if re.search(r"\$\{?[A-Za-z_]|\{\{", plain):
        yield "not-filled-in", f"{shown} was never filled in: {said}."
        return
    wanted = ""
    match short:
        case "source" | "url" | "documentation" if not _URL.fullmatch(plain):
            wanted = "a URL"
        case "revision" if not _COMMIT.fullmatch(plain) and "." not in plain:
            wanted = "a commit's hash or a tag"
        case "created" if not _is_time(plain):
            wanted = "a time as RFC 3339 writes it"
        case "licenses" if not _SPDX.fullmatch(plain) or plain.count("(") != plain.count(")"):
            wanted = "an SPDX licence expression"
        case "version" if params.semantic_version and not _SEMANTIC.fullmatch(plain):
            wanted = "a semantic version"
        case "base.digest" if not _DIGEST.fullmatch(plain):
            wanted = "a digest"
        case _:
            return
    yield "bad-value", f"{shown} is {said}, which is not {wanted}."


def _is_time(text: str) -> bool:
    try:
        return "T" in text.upper() and datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


PROPERTIES = (
    Property(
        id="oci-labels",
        family="configuration",
        title="The image says what it is and where it comes from",
        meaning="Labels under the names of the OCI's annotations: by default title, source, "
        "revision and licenses. Their values are checked for their form (URL, commit, time, SPDX "
        "expression), not for truth. A label that comes from the base image counts, too.",
        source="https://github.com/opencontainers/image-spec/blob/main/annotations.md",
        params=OciLabelsParams,
        codes={
            "missing-label": "a wanted label is not there",
            "empty-label": "a label says nothing",
            "not-filled-in": "a variable or a template stands where its value should",
            "bad-value": "a value does not have the form that its name promises",
            "bad-key": "a name that is no label key",
            "extra-label": "a label that is not among the wanted ones, where these are strict",
        },
        needs=image_only,
        judge=judge_oci_labels,
        remedy="Add LABEL instructions, or pass them to the build: `docker build --label "
        "org.opencontainers.image.revision=$(git rev-parse HEAD) …`.",
        weight=1,
        covers=(
            "hadolint DL3048",
            "hadolint DL3049",
            "hadolint DL3050",
            "hadolint DL3051",
            "hadolint DL3052",
            "hadolint DL3053",
            "hadolint DL3054",
            "hadolint DL3055",
            "hadolint DL3056",
            "container-structure-test metadata.labels",
        ),
    ),
)
