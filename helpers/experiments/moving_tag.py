"""A base image whose tag moves: what a build gets that names the tag, and one that names a digest.

Source: https://docs.docker.com/build/building/best-practices/#pin-base-image-versions
"""

from __future__ import annotations

from dataclasses import dataclass

from helpers.build.context import DockerfileText, mapping_context
from helpers.build.request import BuildRequest
from helpers.engine.connect import Engine
from helpers.experiments.registry import LocalRegistry, local_registry
from helpers.experiments.temporary_builds import TemporaryBuilds, temporary_builds

_REPOSITORY, _TAG = "team/base", "1"
_BASE = "FROM busybox:1.37\nENV BASE_RELEASE={release}\nRUN echo {release} > /etc/release\n"


@dataclass(frozen=True, slots=True)
class BuiltOn:
    """An image, and the base that it was built on.

    Attributes:
        line: the FROM line, without the registry's address.
        when: ``before`` or ``after`` the tag moved.
        release: what the base says of itself.
        image: id of the image.
    """

    line: str
    when: str
    release: str
    image: str


@dataclass(frozen=True, slots=True)
class MovedTag:
    """What a tag named before and after, and what was built.

    Attributes:
        before: digest of the manifest that the tag named before.
        after: digest of the one that it names now.
        built: the builds, in their order.
    """

    before: str
    after: str
    built: tuple[BuiltOn, ...]

    def releases(self, *, pinned: bool) -> tuple[str, ...]:
        """The bases that the builds got, in their order."""
        return tuple(b.release for b in self.built if ("@" in b.line) is pinned)


def tag_that_moves(engine: Engine) -> MovedTag:
    """Build on a tag and on a digest, move the tag to another image, and build again.

    Every build asks the registry (``--pull``), as a CI machine without the image has to.

    Args:
        engine: where the builds and an empty registry run.

    Raises:
        SiteFailed: where the registry does not work.
        BuildError: where a build fails.
    """
    with temporary_builds(engine) as builds, local_registry(engine) as registry:
        before = _publish(registry, builds, "2026-10")
        pinned = f"{_REPOSITORY}:{_TAG}@{before}"
        lines = (f"{_REPOSITORY}:{_TAG}", pinned)
        built = [_build(builds, registry, line, "before") for line in lines]
        after = _publish(registry, builds, "2026-11")
        built += [_build(builds, registry, line, "after") for line in lines]
    return MovedTag(before, after, tuple(built))


def _publish(registry: LocalRegistry, builds: TemporaryBuilds, release: str) -> str:
    text = _BASE.format(release=release)
    record = builds.build(BuildRequest(mapping_context({}, dockerfile=DockerfileText(text))))
    return registry.push(str(record.image_id), _REPOSITORY, _TAG)


def _build(builds: TemporaryBuilds, registry: LocalRegistry, line: str, when: str) -> BuiltOn:
    text = f"FROM {registry.name(line)}\nRUN cp /etc/release /built-on\n"
    context = mapping_context({}, dockerfile=DockerfileText(text))
    record = builds.build(BuildRequest(context, pull=True))
    image = str(record.image_id)
    env = registry.engine.client.api.inspect_image(image)["Config"]["Env"]
    release = next(e.partition("=")[2] for e in env if e.startswith("BASE_RELEASE="))
    return BuiltOn(f"FROM {line}", when, release, image)
