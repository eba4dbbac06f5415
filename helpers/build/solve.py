"""A build request in the terms of BuildKit: what its Dockerfile frontend is told.

Sources: https://github.com/moby/buildkit/blob/master/frontend/dockerui/config.go for the names of
the attributes; https://docs.docker.com/build/building/export/ and
https://docs.docker.com/build/cache/backends/ for exporter and cache.
"""

from __future__ import annotations

import hashlib
import json
import socket

from helpers.build.context import Context
from helpers.build.control_pb2 import CacheOptions, CacheOptionsEntry, SolveRequest
from helpers.build.request import BuildRequest
from helpers.build.session.selection import Directory
from helpers.build.session.session import DOCKERFILE_DIRECTORY, Offer
from helpers.build.tree import Entry, memory_file

#: The Dockerfile goes by this name on the wire, wherever it comes from.
_DOCKERFILE = "Dockerfile"
_CONTEXT_DIRECTORY = "context"


def offer(request: BuildRequest) -> Offer:
    """What the engine may ask for during a build."""
    named = {
        _local(name): Directory(context.entries)
        for name, context in request.contexts.items()
        if isinstance(context, Context)
    }
    return Offer(
        {
            **named,
            _CONTEXT_DIRECTORY: Directory(request.context.entries),
            DOCKERFILE_DIRECTORY: _definition(request),
        },
        _identity(request.context),
        request.secrets,
        request.agents,
        request.logins,
    )


def solve_request(request: BuildRequest, ref: str, session: str) -> SolveRequest:
    """The message that begins a build.

    Args:
        request: what to build.
        ref: the build's own name.
        session: id of its session.
    """
    cache = CacheOptions(
        Imports=[CacheOptionsEntry(Type="registry", Attrs={"ref": r}) for r in request.cache_from],
        Exports=[CacheOptionsEntry(Type="inline")] if request.inline_cache else [],
    )
    return SolveRequest(
        Ref=ref,
        Session=session,
        Frontend="dockerfile.v0",
        FrontendAttrs=_attributes(request),
        Exporter="moby",
        ExporterAttrs={"name": ",".join(request.tags)} if request.tags else {},
        Cache=cache,
        Internal=True,
        Entitlements=["network.host"] if request.network == "host" else [],
    )


def _local(name: str) -> str:
    """The directory of a named context; a name of BuildKit's own directories gets another one."""
    return f"_{name}" if name in {_CONTEXT_DIRECTORY, DOCKERFILE_DIRECTORY} else name


def _attributes(request: BuildRequest) -> dict[str, str]:
    wanted = {
        "filename": _DOCKERFILE,
        "target": request.target,
        "platform": request.platform,
        "force-network-mode": request.network if request.network != "default" else None,
        "image-resolve-mode": "pull" if request.pull else None,
        "add-hosts": ",".join(f"{name}={ip}" for name, ip in request.add_hosts.items()),
        "shm-size": str(request.shm_bytes) if request.shm_bytes is not None else None,
        "cache-imports": _imports(request.cache_from),
        **{f"build-arg:{name}": value for name, value in request.build_args.items()},
        **{f"label:{name}": value for name, value in request.labels.items()},
        **{
            f"context:{name}": f"local:{_local(name)}" if isinstance(context, Context) else context
            for name, context in request.contexts.items()
        },
    }
    # An empty value of an argument or a label is one; "no-cache" is on by being there.
    kept = {k: v for k, v in wanted.items() if v or (v == "" and ":" in k)}
    if request.no_cache:
        stages = request.no_cache if isinstance(request.no_cache, tuple) else ()
        kept["no-cache"] = ",".join(stages)
    return {name: value for name, value in kept.items() if value is not None}


def _imports(images: tuple[str, ...]) -> str | None:
    entries = [{"Type": "registry", "Attrs": {"ref": image}} for image in images]
    return json.dumps(entries) if entries else None


def _definition(request: BuildRequest) -> Directory:
    """The Dockerfile and its rules, which BuildKit asks for apart from the context."""
    context = request.context
    files = {_DOCKERFILE: context.dockerfile}
    if context.ignore.name:
        rules = (pattern.text for pattern in context.ignore.patterns)
        files[f"{_DOCKERFILE}.dockerignore"] = "".join(f"{text}\n" for text in rules)
    entries = (memory_file(name, text) for name, text in files.items())
    return Directory(tuple(sorted(entries, key=Entry.walk_key)))


def _identity(context: Context) -> str:
    """The key under which the engine keeps a context's files: no path, for others may read it."""
    if not context.identity:
        return ""
    return hashlib.sha256(f"{socket.gethostname()}:{context.identity}".encode()).hexdigest()[:32]
