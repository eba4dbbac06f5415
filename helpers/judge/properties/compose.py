"""A Compose file: can be read as it is meant, names its images, keeps secrets, opens little."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pydantic import Field

from helpers.judge.compose_services import (
    Service,
    compose_tree,
    dependencies,
    mounts,
    network_names,
    published,
    services_of,
    settings,
)
from helpers.judge.compose_verdicts import (
    NO_SERVICE,
    ComposeParams,
    compose_file,
    judge_services,
    needs,
    readable,
)
from helpers.judge.image_names import repository, why_not_pinned
from helpers.judge.manifest import Node, found_at, problem_evidence
from helpers.judge.property import Property
from helpers.judge.secret_words import has_password, is_secret_name, is_variable
from helpers.judge.verdict import Evidence, Verdict
from helpers.judge.words import at_most, counted, failed, passed
from helpers.observe.compose import with_defaults
from helpers.observe.requests import Observations
from helpers.observe.text import printable

_LOOPBACK = ("127.", "::1", "[::1]", "localhost")
_DATABASES = frozenset(
    {"postgres", "postgresql", "mysql", "mariadb", "mongo", "mongodb", "redis", "valkey"}
    | {"memcached", "rabbitmq", "elasticsearch", "opensearch", "cassandra", "clickhouse", "etcd"}
    | {"clickhouse-server", "kafka", "nats", "minio", "timescaledb", "postgis", "influxdb"}
)


class PortParams(ComposeParams):
    """Parameters of ``compose-ports``."""

    public: tuple[int, ...] = Field(
        (80, 443), description="Host ports that may be open on all interfaces."
    )


class PinnedParams(ComposeParams):
    """Parameters of ``compose-pinned-images``."""

    digest: bool = Field(False, description="Whether nothing but a digest counts. No unit.")


class SecretParams(ComposeParams):
    """Parameters of ``compose-secrets``."""

    allow_variables: bool = Field(
        False,
        description="Whether a secret may come from a variable of Compose into the environment, "
        "where `docker inspect` shows it. No unit.",
    )


def judge_valid(params: ComposeParams, observations: Observations) -> Verdict:
    """The file is what the specification says, and every name in it leads somewhere."""
    facts = compose_file(params, observations)
    if isinstance(facts, Verdict):
        return facts
    evidence = [problem_evidence(_CODES_OF_PROBLEMS[p.kind], p) for p in facts.problems]
    root = compose_tree(facts)
    if root is not None:
        evidence += _dangling(root)
    if evidence:
        return failed(
            f"{printable(facts.file, 80)} has {counted(len(evidence), 'mistake')}.",
            at_most(evidence, "mistake"),
        )
    count = len(services_of(root)) if root is not None else 0
    return passed(f"{printable(facts.file, 80)} is valid, with {counted(count, 'service')}.")


_CODES_OF_PROBLEMS = {
    "not-readable": "not-yaml",
    "duplicate-key": "duplicate-key",
    "schema": "schema",
    "unknown-kind": "schema",
}


def _dangling(root: Node) -> Iterator[Evidence]:
    if root.at("include").there:
        return  # what is meant may stand there
    services = services_of(root)
    if not services:
        yield found_at("schema", root, "it has no services.")
    names = {s.name for s in services}
    for service in services:
        node = service.node
        if not any(node.at(key).there for key in ("image", "build", "extends", "provider")):
            yield found_at("no-image", node, f"`{service.name}` has neither image nor build.")
        for name, _, place in dependencies(node):
            if name not in names and not place.at("required").is_false:
                yield _nothing_there(place, "service", name)
        yield from _dangling_resources(root, node)


def _dangling_resources(root: Node, service: Node) -> Iterator[Evidence]:
    for mount in mounts(service):
        named = mount.kind == "volume" and mount.source
        if named and not is_variable(mount.source) and mount.source not in _names(root, "volumes"):
            yield _nothing_there(mount.node, "volume", mount.source)
    for name, place in network_names(service):
        if name != "default" and name not in _names(root, "networks"):
            yield _nothing_there(place, "network", name)
    for kind in ("secrets", "configs"):
        for item in service.at(kind).each():
            name = item.text or item.at("source").text
            if name not in _names(root, kind):
                yield _nothing_there(item, kind.removesuffix("s"), name)


def _names(root: Node, kind: str) -> set[str]:
    return {name for name, _ in root.at(kind).items()}


def _nothing_there(place: Node, kind: str, name: str) -> Evidence:
    return found_at("dangling-name", place, f"there is no {kind} `{printable(name, 60)}`.")


def judge_no_version(params: ComposeParams, observations: Observations) -> Verdict:
    """No ``version:`` at the top."""
    root = readable(params, observations)
    if isinstance(root, Verdict):
        return root
    version = root.at("version")
    if version.kind == "missing":
        return passed("The file has no `version:`, as the specification wants it.")
    text = f"`version: {printable(version.text, 20)}` is ignored, with a warning at every command."
    return failed("The file has a `version:`.", [found_at("obsolete-version", version, text)])


def judge_pinned(params: PinnedParams, observations: Observations) -> Verdict:
    """Images by a tag that stays, or by digest."""

    def look(_: Node, service: Service) -> Iterable[Evidence]:
        if not service.image or service.is_built:
            return
        why = why_not_pinned(service.image, digest=params.digest)
        if why:
            place = service.node.at("image")
            text = f"the image `{printable(service.image, 100)}` of `{service.name}` {why}."
            code = "variable-tag" if is_variable(service.image) else "not-pinned"
            yield found_at(code, place, text)

    right = "Every image that is pulled is pinned"
    return judge_services(params, observations, look, right=right, wrong="with an image that moves")


def judge_secrets(params: SecretParams, observations: Observations) -> Verdict:
    """No secret in the environment or in build arguments."""

    def look(_: Node, service: Service) -> Iterable[Evidence]:
        for setting in settings(service.node.at("environment")):
            value = with_defaults(setting.value or "")
            secret = is_secret_name(setting.name)
            if not (secret or has_password(value)):
                continue
            name = f"`{printable(setting.name, 60)}` of `{service.name}`"
            if value and (has_password(value) or not is_variable(value)):
                text = f"{name} has its secret written in the file."
                yield found_at("secret-in-file", setting.node, text)
            elif not params.allow_variables and (value or setting.value is None):
                text = f"{name} is a secret in the environment, which `docker inspect` shows."
                yield found_at("secret-in-environment", setting.node, text)
        for argument in settings(service.node.at("build", "args")):
            if is_secret_name(argument.name):
                text = f"`{printable(argument.name, 60)}` is a build argument: it stays in the "
                yield found_at("secret-build-argument", argument.node, text + "image's history.")

    return judge_services(
        params,
        observations,
        look,
        right="No secret is in the environment or in a build argument",
        wrong="with a secret in plain sight",
        noun="secret",
    )


def judge_ports(params: PortParams, observations: Observations) -> Verdict:
    """Ports are published where somebody outside must reach them, and nowhere else."""

    def look(_: Node, service: Service) -> Iterable[Evidence]:
        database = repository(service.image) in _DATABASES
        for port in published(service.node):
            if port.address.startswith(_LOOPBACK):
                continue
            shown = printable(f"{port.port or '(any)'}:{port.target}", 40)
            if database:
                text = f"`{service.name}` ({shown}) is a store, open to the whole network."
                yield found_at("store-published", port.node, text)
            elif port.port not in {str(n) for n in params.public}:
                text = f"`{service.name}` publishes {shown} on every interface of the host."
                yield found_at("all-interfaces", port.node, text)

    return judge_services(
        params,
        observations,
        look,
        right="No port is open wider than it needs to be",
        wrong="open to the whole network",
        noun="port",
    )


PROPERTIES = (
    Property(
        id="compose-valid",
        family="compose",
        title="The Compose file is valid",
        meaning="The file is YAML without a key that stands twice, fits the JSON schema of the "
        "Compose Specification, and every service, volume, network, secret and config "
        "that it names is there. A misspelt key is found, as `docker compose config` finds it.",
        source="https://github.com/compose-spec/compose-spec/blob/main/schema/compose-spec.json",
        params=ComposeParams,
        codes={
            "not-yaml": "the file cannot be read",
            "duplicate-key": "a key stands twice in one mapping",
            "schema": "something is not as the schema wants it, for example an unknown key",
            "no-image": "a service has neither image nor build",
            "dangling-name": "something is named that is not there",
        },
        needs=needs,
        judge=judge_valid,
        remedy="Correct the lines that are named; `docker compose config --quiet` says the same.",
        weight=5,
    ),
    Property(
        id="compose-no-version",
        family="compose",
        title="The Compose file has no version",
        meaning="The top-level `version` is obsolete: Compose reads every file by the newest "
        "specification and warns that it ignores the line.",
        source="https://docs.docker.com/reference/compose-file/version-and-name/#version-top-level-element-obsolete",
        params=ComposeParams,
        codes={"obsolete-version": "there is a `version:` at the top"},
        needs=needs,
        judge=judge_no_version,
        remedy="Delete the line.",
        weight=1,
    ),
    Property(
        id="compose-pinned-images",
        family="compose",
        title="Images are pinned",
        meaning="Every image that is pulled has a tag that its makers do not move (not `latest`, "
        "not none), or a digest. What Compose builds itself is not looked at.",
        source="https://docs.docker.com/build/building/best-practices/#pin-base-image-versions",
        params=PinnedParams,
        codes={
            "not-pinned": "an image has no tag, or one that moves",
            "variable-tag": "an image's tag is a variable without a default",
            **NO_SERVICE,
        },
        needs=needs,
        judge=judge_pinned,
        remedy="Write a version as the tag, such as `postgres:17.2`, or better the digest.",
        weight=3,
        covers=("hadolint DL3006", "hadolint DL3007", "dockle DKL-DI-0006"),
    ),
    Property(
        id="compose-secrets",
        family="compose",
        title="Secrets come as files",
        meaning="No variable with the name of a secret, and no URL with a password, stands in a "
        "service's environment or in its build arguments. What is in the environment is shown by "
        "`docker inspect`, inherited by every child process and often logged; a secret of "
        "Compose is a file that one service can read. A default in `${NAME:-default}` counts as "
        "written.",
        source="https://docs.docker.com/compose/how-tos/use-secrets/",
        params=SecretParams,
        codes={
            "secret-in-file": "a secret is written in the Compose file",
            "secret-in-environment": "a secret is passed on in the environment",
            "secret-build-argument": "a secret is a build argument",
            **NO_SERVICE,
        },
        needs=needs,
        judge=judge_secrets,
        remedy="Declare it under the top-level `secrets:`, give it to the service that needs it, "
        "and let the application read /run/secrets/NAME (many images take NAME_FILE).",
        weight=5,
        covers=("dockle CIS-DI-0010", "docker-bench 4.10"),
    ),
    Property(
        id="compose-ports",
        family="compose",
        title="No port is open wider than needed",
        meaning="`8080:8080` listens on every interface of the host, and Docker's rules come "
        "before those of the host's firewall. A store needs no published port at all, as services "
        "reach each other by name; for a look from the host 127.0.0.1 is enough. Some ports are "
        "meant to be public: they are a parameter.",
        source="https://docs.docker.com/engine/network/port-publishing/#publishing-ports",
        params=PortParams,
        codes={
            "all-interfaces": "a port that is not meant to be public is published everywhere",
            "store-published": "a database, cache or queue is published everywhere",
            **NO_SERVICE,
        },
        needs=needs,
        judge=judge_ports,
        remedy="Drop `ports:` of what only other services use; write 127.0.0.1: before a port "
        "that is for the host alone.",
        weight=4,
        covers=("docker-bench 5.9", "docker-bench 5.14"),
    ),
)
