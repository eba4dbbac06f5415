"""What each stand-in is made of, as values."""

from __future__ import annotations

from dataclasses import dataclass

#: What the stand-ins share is built once under such a name, which is removed when all are made.
PART = "docker-production-workbook/part"
PART_NODE = f"{PART}:node"
PART_BUILDPACK_DEPS = f"{PART}:buildpack-deps"

#: Pinned in ``node_parts``: the lock file for glibc and npm, the wheel for musl.
NODE_VERSION = "26.10.0"
NODE_MUSL_VERSION = "26.7.0"
NPM_VERSION = "11.19.1"

_BINARY = f"the official Node.js {NODE_VERSION} binary"
_NODE = f"{_BINARY} and npm {NPM_VERSION} from npm's packages"
_CA = "with the CA bundle of the machine that made it"


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
        "docker:26-dind",
        "Docker 26.1.5 and iptables from Debian 13's packages on Debian instead of Alpine Linux, "
        "without the btrfs, XFS and ZFS tools and git, " + _CA,
        "docker_dind",
        (_SLIM,),
    ),
    Built(
        "gcr.io/distroless/nodejs26-debian13:nonroot",
        f"the same unpacked Debian 13 packages as the official one and {_BINARY} "
        f"from npm's package, {_CA}",
        "distroless_nodejs",
        (_SLIM, PART_NODE),
    ),
    Built(
        "node:26-trixie-slim",
        f"Debian 13's packages and {_NODE}, {_CA}",
        "node_slim",
        (_SLIM, PART_NODE),
    ),
    Built(
        "node:26-alpine",
        "Debian 13's static BusyBox and musl instead of Alpine Linux, so without apk, and "
        f"Node.js {NODE_MUSL_VERSION} (release candidate wheel from PyPI) with npm {NPM_VERSION}; "
        f"the other node images have Node.js {NODE_VERSION}; {_CA}",
        "node_alpine",
        (_SLIM, PART_NODE),
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
