"""What each stand-in is made of, as values."""

from __future__ import annotations

from dataclasses import dataclass

#: What the stand-ins share is built once under such a name, which is removed when all are made.
PART = "docker-production-workbook/part"
PART_NODE = f"{PART}:node"
PART_BUILDPACK_DEPS = f"{PART}:buildpack-deps"
PART_DISTROLESS = f"{PART}:distroless"

#: Pinned in ``node_parts``: the lock file for glibc and npm, the wheel for musl.
NODE_VERSION = "26.10.0"
NODE_MUSL_VERSION = "26.7.0"
NPM_VERSION = "11.19.1"
#: What Debian 13 has; the Dockerfiles of ``golang`` and ``python_slim`` say it in their images.
GO_VERSION = "1.24.4"
PYTHON_VERSION = "3.13.5"
CLANG_VERSION = 19
PODMAN_VERSION = "5.4.2"

_BINARY = f"the official Node.js {NODE_VERSION} binary"
_NODE = f"{_BINARY} and npm {NPM_VERSION} from npm's packages"
_CA = "with the CA bundle of the machine that made it"
_DISTROLESS = "the same unpacked Debian 13 packages as the official one"


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """An image that mmdebstrap makes on this machine, and the engine imports.

    Attributes:
        name: the image's name.
        made_of: the sentence on its stand-in label.
        excludes: dpkg path patterns of files that are left out, now and by later installations.
        includes: patterns of files that stay all the same.
    """

    name: str
    made_of: str
    excludes: tuple[str, ...] = ()
    includes: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Built:
    """An image that the engine builds from the Dockerfile of one of the folders here.

    Attributes:
        name: the image's name.
        made_of: the sentence on its stand-in label.
        folder: where the Dockerfile is, relative to this package.
        needs: names of the images that the Dockerfile is built from.
    """

    name: str
    made_of: str
    folder: str
    needs: tuple[str, ...]


Recipe = Bootstrap | Built

_SLIM = "debian:trixie-slim"

#: What takes longest, with all that waits for it, comes first: so they are started in this order.
RECIPES: tuple[Recipe, ...] = (
    Bootstrap("debian:trixie", f"unpacked Debian 13 packages (mmdebstrap, minbase), {_CA}"),
    Bootstrap(
        _SLIM,
        "unpacked Debian 13 packages (mmdebstrap, minbase) without documentation and translations, "
        + _CA,
        # The official slim variant leaves out the same. Source:
        # https://github.com/debuerreotype/debuerreotype/blob/master/scripts/.slimify-excludes
        excludes=tuple(
            f"/usr/share/{name}/*"
            for name in ("doc", "groff", "info", "linda", "lintian/overrides", "locale", "man")
        ),
        includes=("/usr/share/doc/*/copyright", "/usr/share/locale/locale.alias"),
    ),
    Built(
        PART_BUILDPACK_DEPS,
        "the Debian 13 packages of the official buildpack-deps:trixie",
        "buildpack_deps",
        ("debian:trixie",),
    ),
    Built(PART_NODE, f"{_NODE}, and Node.js {NODE_MUSL_VERSION} for musl", "node_parts", (_SLIM,)),
    Built(
        PART_DISTROLESS,
        "the unpacked Debian 13 packages that the distroless images share",
        "distroless_parts",
        (_SLIM,),
    ),
    Built(
        "docker:26-dind",
        "Docker 26.1.5 and iptables from Debian 13's packages on Debian instead of Alpine Linux, "
        "without the btrfs, XFS and ZFS tools and git, " + _CA,
        "docker_dind",
        (_SLIM,),
    ),
    Built(
        "gcr.io/distroless/nodejs26-debian13:nonroot",
        f"{_DISTROLESS} and {_BINARY} from npm's package, {_CA}",
        "distroless_nodejs",
        (PART_DISTROLESS, PART_NODE),
    ),
    Built(
        "node:26-trixie-slim",
        f"Debian 13's packages and {_NODE}, {_CA}",
        "node_slim",
        (_SLIM, PART_NODE),
    ),
    Built(
        "alpine:3.24",
        "Debian 13's static BusyBox and musl instead of Alpine Linux, so without apk, adduser and "
        f"OpenSSL, {_CA}",
        "alpine",
        (_SLIM,),
    ),
    Built(
        "node:26-alpine",
        "Debian 13's static BusyBox and musl instead of Alpine Linux, so without apk, and "
        f"Node.js {NODE_MUSL_VERSION} (release candidate wheel from PyPI) with npm {NPM_VERSION}; "
        f"the other node images have Node.js {NODE_VERSION}; {_CA}",
        "node_alpine",
        ("alpine:3.24", PART_NODE),
    ),
    Built(
        "registry:2",
        f"docker-registry 2.8.3 from Debian 13's package on Debian instead of Alpine Linux, {_CA}",
        "registry",
        (_SLIM,),
    ),
    Built(
        "postgres:17-trixie",
        "PostgreSQL 17 from Debian 13's package instead of PostgreSQL's own, without the "
        f"just-in-time compiler of queries, with the locale C.UTF-8 only, {_CA}",
        "postgres",
        (_SLIM,),
    ),
    Built(
        "golang:1.24-trixie",
        f"Go {GO_VERSION} from Debian 13's packages instead of the Go project's archive, on the "
        f"Debian 13 packages of the official buildpack-deps:trixie-scm and gcc, {_CA}",
        "golang",
        (_SLIM, "debian:trixie"),
    ),
    Built(
        "ghcr.io/webassembly/wasi-sdk:wasi-sdk-27",
        f"clang {CLANG_VERSION}, lld and wasi-libc from Debian 13's packages instead of the "
        f"wasi-sdk project's own builds on Ubuntu, {_CA}",
        "wasi_sdk",
        (_SLIM,),
    ),
    Built(
        "python:3.13-slim-trixie",
        f"Python {PYTHON_VERSION} from Debian 13's packages, moved to /usr/local, instead of a "
        f"compiled one, with Debian's pip, {_CA}",
        "python_slim",
        (_SLIM,),
    ),
    Built(
        "gcr.io/distroless/static-debian13:nonroot",
        f"{_DISTROLESS}, {_CA}",
        "distroless_static",
        (PART_DISTROLESS,),
    ),
    Built(
        "gcr.io/distroless/base-debian13:nonroot",
        f"{_DISTROLESS}, {_CA}",
        "distroless_base",
        (PART_DISTROLESS,),
    ),
    Built(
        "gcr.io/distroless/python3-debian13:nonroot",
        f"{_DISTROLESS}, Python {PYTHON_VERSION} among them, {_CA}",
        "distroless_python",
        (PART_DISTROLESS,),
    ),
    Built(
        "quay.io/podman/stable:v5.4.2",
        f"Podman {PODMAN_VERSION}, crun and netavark from Debian 13's packages on Debian instead "
        f"of Fedora, set up without control groups, {_CA}",
        "podman",
        (_SLIM,),
    ),
    Built(
        "busybox:1.37",
        f"Debian 13's static BusyBox 1.37, {_CA}",
        "busybox",
        (_SLIM,),
    ),
    Built(
        "node:26-trixie",
        f"the Debian 13 packages of the official buildpack-deps:trixie, and {_NODE}, {_CA}",
        "node",
        (PART_BUILDPACK_DEPS, PART_NODE),
    ),
)


def recipe(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
        KeyError: where there is none.
    """
    for found in RECIPES:
        if found.name == name:
            return found
    raise KeyError(name)


def closure(names: tuple[str, ...]) -> tuple[Recipe, ...]:
    """The recipes of these images and of everything that they need, in the order of RECIPES."""
    wanted = set(names)
    for found in reversed(_by_need()):
        if found.name in wanted:
            wanted.update(found.needs)
    return tuple(r for r in RECIPES if r.name in wanted)


def _by_need() -> tuple[Recipe, ...]:
    """All recipes, each after what it needs."""
    done: list[Recipe] = []
    rest = list(RECIPES)
    while rest:
        ready = [r for r in rest if {n.name for n in done}.issuperset(r.needs)]
        done += ready
        rest = [r for r in rest if r not in ready]
    return tuple(done)
