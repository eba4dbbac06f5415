"""What a failed RUN printed to what can be done about it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

_LAST_LINES = 200


class _Known(NamedTuple):
    """Output that matches one of the expressions, and the remedy for it."""

    output: tuple[str, ...]
    remedy: str


_NETWORK = "check the network and the proxy of the engine, and that the build may use the network."
_KNOWN = (
    _Known(
        (r"No space left on device", r"\bENOSPC\b"),
        "The disk is full: free space on the engine (docker builder prune, docker image prune), "
        "or give the mount that the step writes to more room.",
    ),
    _Known(
        (r"npm ci\W+(?:command )?can only install with an existing package-lock",),
        "npm ci needs package-lock.json: make it with npm install, and COPY it before this step.",
    ),
    _Known(
        (r"npm ci\W+can only install packages when your package.json and package-lock",),
        "package.json and package-lock.json disagree: run npm install once, and COPY both before "
        "this step.",
    ),
    _Known(
        (
            r"SELF_SIGNED_CERT|UNABLE_TO_(?:VERIFY|GET_ISSUER)|CERTIFICATE_VERIFY_FAILED|x509:",
            r"unable to get local issuer certificate|certificate verif\w+ failed|self.signed cert",
            r"certificate is NOT trusted",
        ),
        "The TLS certificate is not trusted inside the build: use a base image that has your "
        "network's certificate authority (for Node.js set NODE_EXTRA_CA_CERTS too).",
    ),
    _Known(
        (r"\bE404\b", r"404 Not Found - GET"),
        "The package registry has no such package or version: check its name.",
    ),
    _Known(
        (
            r"npm (?:ERR!|error) .*(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT)",
            r"npm (?:ERR!|error) .*ENETUNREACH|npm (?:ERR!|error) network",
        ),
        f"npm does not reach its registry: {_NETWORK}",
    ),
    _Known(
        (
            r"Temporary failure resolving|Could not resolve|Could not connect to|Failed to fetch",
            r"Unable to connect to",
        ),
        f"apt does not reach its mirror: {_NETWORK}",
    ),
    _Known(
        (r"Unable to locate package", r"has no installation candidate"),
        "apt does not know the package: run apt-get update in the same RUN, and check the name.",
    ),
    _Known(
        (
            r"Temporary failure in name resolution|Name or service not known",
            r"Network is unreachable|bad address",
        ),
        f"The step does not reach the network: {_NETWORK}",
    ),
    _Known(
        (r"[Pp]ermission denied|\bEACCES\b|are you root\?",),
        "The step may not write there: check USER above it, and who owns the copied files.",
    ),
    _Known(
        (r"executable file not found",),
        "The image has no such program: check its name, or install it in an earlier step.",
    ),
)
_BY_EXIT_CODE = {
    126: "The file is there but cannot be executed: check its mode, and its first line.",
    127: "A command was not found in the image: check its name, or install it in an earlier step.",
    137: "The step was killed, most likely for want of memory: give the engine more.",
    139: "The program crashed (segmentation fault): is it built for this platform and C library?",
}


def remedy_for_output(instruction: str, exit_code: int, log: Sequence[str]) -> str:
    """The remedy for a RUN step that ended with an exit code.

    Args:
        instruction: for example ``RUN npm ci``.
        exit_code: not 0.
        log: what it printed.
    """
    text = "\n".join(log[-_LAST_LINES:])
    for known in _KNOWN:
        if any(re.search(expression, text) for expression in known.output):
            return known.remedy
    command = instruction.partition(" ")[2].split("\n")[0][:80]
    return _BY_EXIT_CODE.get(
        exit_code,
        f"The last lines of its output tell why; `{command}` has to work in that stage's image.",
    )
