"""The article's eleven claims, as it makes them."""

from __future__ import annotations

from helpers.claims.claim import Claim

_NODE = (
    "node:26-trixie",
    "node:26-trixie-slim",
    "gcr.io/distroless/nodejs26-debian13:nonroot",
)
_DIND = "docker:26-dind"
_REGISTRY = "registry:2"
_POSTGRES = "postgres:17-trixie"
_BUILD = "https://docs.docker.com/build"
_ENGINE = "https://docs.docker.com/engine"
_KUBERNETES = "https://kubernetes.io/docs/concepts"

CLAIMS: tuple[Claim, ...] = (
    Claim(
        "C1",
        "A Node.js development image is 1 GB; a production runtime should be 100 MB, made by a "
        "multi-stage Dockerfile on Distroless or Alpine.",
        "01-multi-stage-builds",
        "Node.js itself is more than 100 MB unpacked. Only its compressed form, or a static binary "
        "of another language, is below.",
        (f"{_BUILD}/building/multi-stage/", "https://github.com/GoogleContainerTools/distroless"),
        "helpers.claims.images:size",
        (*_NODE, "golang:1.24-trixie", "gcr.io/distroless/static-debian13:nonroot"),
    ),
    Claim(
        "C2",
        "Small images reduce the attack surface.",
        "02-small-runtimes",
        "What lies around to be used goes. The service's own code, its dependencies and the "
        "language it runs in stay.",
        (f"{_BUILD}/building/best-practices/",),
        "helpers.claims.images:attack_surface",
        _NODE,
    ),
    Claim(
        "C3",
        "Deployment gets 10 times faster.",
        "01-multi-stage-builds",
        "A layer that is there already is not sent again: from the second deployment on, only the "
        "changed layers count, and the order of the Dockerfile decides how large these are.",
        ("https://github.com/opencontainers/distribution-spec/blob/main/spec.md",),
        "helpers.claims.images:deployment",
        (*_NODE, _DIND, _REGISTRY),
    ),
    Claim(
        "C4",
        "Docker runs as root by default, and a compromised container gives root on the host.",
        "03-least-privilege",
        "Root of a container is the host's root by its number, held back by capabilities, seccomp "
        "and namespaces. It gets out with a mounted socket, --privileged, a writable mount of the "
        "host, or a hole in the kernel.",
        (f"{_ENGINE}/security/", f"{_ENGINE}/security/userns-remap/"),
        "helpers.claims.rights:root_on_the_host",
        (*_NODE, _DIND),
    ),
    Claim(
        "C5",
        "A user without rights and a read-only root file system keep an intruder from writing "
        "scripts and installing tools.",
        "04-read-only",
        "A tmpfs without noexec takes and runs programs, /dev/shm stays writable, and interpreters "
        "read scripts from their standard input.",
        (
            "https://docs.docker.com/reference/cli/docker/container/run/#read-only",
            f"{_ENGINE}/storage/tmpfs/",
        ),
        "helpers.claims.rights:read_only",
        _NODE,
    ),
    Claim(
        "C6",
        "HEALTHCHECK lets Docker and Kubernetes know that the app serves, and does not just run.",
        "05-health-checks",
        "Docker marks the container and does not restart it; Swarm replaces it. Kubernetes ignores "
        "HEALTHCHECK and has probes of its own.",
        (
            "https://docs.docker.com/reference/dockerfile/#healthcheck",
            f"{_KUBERNETES}/configuration/liveness-readiness-startup-probes/",
        ),
        "helpers.claims.running:health",
        _NODE,
    ),
    Claim(
        "C7",
        "Graceful shutdown: on SIGTERM finish what is open and close the database connections.",
        "06-graceful-shutdown",
        "It works only where the signal arrives: process 1 has no default handlers, a shell does "
        "not pass it on, and SIGKILL comes after 10 s (Docker) or 30 s (Kubernetes).",
        (
            "https://docs.docker.com/reference/cli/docker/container/stop/",
            f"{_KUBERNETES}/workloads/pods/pod-lifecycle/#pod-termination",
        ),
        "helpers.claims.running:shutdown",
        (*_NODE, _POSTGRES),
    ),
    Claim(
        "C8",
        "Each line of a Dockerfile is a layer, and a change rebuilds every layer below it.",
        "07-layer-caching",
        "Only RUN, COPY, ADD and a WORKDIR that makes its folder change files; the rest is "
        "metadata. BuildKit runs again what depends on the change, and nothing else.",
        (f"{_BUILD}/cache/invalidation/", "https://github.com/opencontainers/image-spec"),
        "helpers.claims.caching:lines_are_layers",
        _NODE,
    ),
    Claim(
        "C9",
        "Copying package.json before the source turns CI builds from minutes to seconds.",
        "07-layer-caching",
        "On a machine that builds for the first time there is no cache, and the order alone gains "
        "nothing: the cache has to be exported and imported.",
        (f"{_BUILD}/cache/optimize/", f"{_BUILD}/cache/backends/"),
        "helpers.claims.caching:order_of_copies",
        (*_NODE, _DIND, _REGISTRY),
    ),
    Claim(
        "C10",
        "WebAssembly binaries are tiny and start in microseconds, with stronger isolation.",
        "11-webassembly",
        "Microseconds is what a compiled module takes to be instantiated, not the process or the "
        "container around it. Isolation is by what is handed in, bugs of the runtime aside.",
        ("https://webassembly.org/docs/security/", "https://docs.wasmtime.dev/security.html"),
        "helpers.claims.webassembly:tiny_and_quick",
        ("golang:1.24-trixie",),
    ),
    Claim(
        "C11",
        "WasmEdge and Spin are the ecosystems for it.",
        "11-webassembly",
        "An app that keeps to WASI's own interfaces runs in other runtimes as well.",
        ("https://wasmedge.org/docs/", "https://spinframework.dev/"),
        "helpers.claims.webassembly:ecosystems",
    ),
)
