"""What may be asked for, and what BuildKit is then told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from helpers.build.content import content
from helpers.build.context import Context, DockerfileText, folder_context, mapping_context
from helpers.build.control_pb2 import SolveRequest
from helpers.build.errors import RequestError
from helpers.build.request import BuildRequest
from helpers.build.session.agents import SshAgent
from helpers.build.session.logins import Login, logins_of
from helpers.build.session.secrets import Secret
from helpers.build.session.selection import Directory
from helpers.build.solve import offer, solve_request

FROM = "FROM scratch\n"
CONTEXT = mapping_context({"Dockerfile": FROM, "a": "x"})


def solved(**wanted: Any) -> SolveRequest:
    return solve_request(BuildRequest(CONTEXT, **wanted), "the-ref", "the-session")


def attributes(**wanted: Any) -> dict[str, str]:
    """The attributes that a request adds to those of a bare one."""
    bare = {"filename": "Dockerfile"}
    found = dict(solved(**wanted).FrontendAttrs)
    assert {name: found.pop(name) for name in bare} == bare
    return found


@pytest.mark.parametrize(
    "tag",
    [
        "shop",
        "shop:1",
        "team/shop:1.0-rc.1",
        "registry.example.com:5000/team/shop:latest",
        "localhost:5000/shop",
        "[::1]:5000/shop",
        "Registry.Example.com/shop",
        "a__b/c-d.e",
        "shop:" + "x" * 128,
        "shop:V1_Z",
    ],
)
def test_names_of_images(tag: str) -> None:
    assert solved(tags=(tag,)).ExporterAttrs == {"name": tag}


@pytest.mark.parametrize(
    "tag",
    [
        "",
        "Shop",
        "shop:",
        ":1",
        "shop:1:2",
        "shop 1",
        "shop:1\n",
        "shop,other",
        "a/../b",
        "-shop",
        "shop-",
        "a..b",
        "shop:-1",
        "shop:" + "x" * 129,
        "shop@sha256:" + "a" * 64,
        "shöp",
        "http://x/shop",
        "/shop",
    ],
)
def test_what_cannot_be_the_name_of_an_image(tag: str) -> None:
    with pytest.raises(RequestError, match="cannot be the name of an image") as error:
        BuildRequest(CONTEXT, tags=("ok", tag))
    assert "name:tag" in error.value.remedy
    assert error.value.exit_status == 2


@pytest.mark.parametrize("network", ["", "bridge", "HOST", "container:x"])
def test_a_network_that_a_build_cannot_use(network: str) -> None:
    with pytest.raises(RequestError, match="cannot use the network") as error:
        BuildRequest(CONTEXT, network=network)
    assert error.value.remedy


def test_less_memory_than_none() -> None:
    with pytest.raises(RequestError, match="-1 bytes"):
        BuildRequest(CONTEXT, shm_bytes=-1)


def test_a_bare_request() -> None:
    request = solved()
    assert (request.Ref, request.Session) == ("the-ref", "the-session")
    assert (request.Frontend, request.Exporter) == ("dockerfile.v0", "moby")
    assert attributes() == {}
    assert not request.ExporterAttrs
    assert not request.Entitlements
    assert not request.Cache.Imports
    assert not request.Cache.Exports
    assert SolveRequest.FromString(request.SerializeToString()) == request


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({"target": "build"}, {"target": "build"}),
        ({"platform": "linux/arm64"}, {"platform": "linux/arm64"}),
        ({"network": "none"}, {"force-network-mode": "none"}),
        ({"network": "host"}, {"force-network-mode": "host"}),
        ({"network": "default"}, {}),
        ({"pull": True}, {"image-resolve-mode": "pull"}),
        ({"no_cache": True}, {"no-cache": ""}),
        ({"no_cache": ("build", "test")}, {"no-cache": "build,test"}),
        ({"no_cache": ()}, {}),
        ({"shm_bytes": 0}, {"shm-size": "0"}),
        ({"shm_bytes": 134_217_728}, {"shm-size": "134217728"}),
        ({"add_hosts": {"db": "10.0.0.1", "six": "::1"}}, {"add-hosts": "db=10.0.0.1,six=::1"}),
        ({"add_hosts": {}}, {}),
        (
            {"build_args": {"A": "1", "EMPTY": "", "SPACE": " a=b "}},
            {"build-arg:A": "1", "build-arg:EMPTY": "", "build-arg:SPACE": " a=b "},
        ),
        (
            {"labels": {"org.x": "ü", "empty": ""}},
            {"label:org.x": "ü", "label:empty": ""},
        ),
        (
            {"contexts": {"base": "docker-image://busybox:1", "src": CONTEXT}},
            {"context:base": "docker-image://busybox:1", "context:src": "local:src"},
        ),
    ],
)
def test_every_wish_has_its_attribute(wanted: dict[str, Any], told: dict[str, str]) -> None:
    assert attributes(**wanted) == told


def test_several_tags_are_one_list() -> None:
    assert solved(tags=("a:1", "b:2")).ExporterAttrs == {"name": "a:1,b:2"}


def test_the_hosts_network_needs_a_permission() -> None:
    assert list(solved(network="host").Entitlements) == ["network.host"]
    assert not solved(network="none").Entitlements


def test_caches_of_images_are_named_to_both_who_look_for_them() -> None:
    images = ("shop:cache", "registry.example.com/shop:main")
    request = solved(cache_from=images, inline_cache=True)
    named = [{"Type": "registry", "Attrs": {"ref": image}} for image in images]
    assert json.loads(request.FrontendAttrs["cache-imports"]) == named
    found = [{"Type": e.Type, "Attrs": dict(e.Attrs)} for e in request.Cache.Imports]
    assert found == named
    assert [entry.Type for entry in request.Cache.Exports] == ["inline"]


def files(directory: Directory) -> dict[str, bytes]:
    return {e.path: b"".join(content(e)) for e in directory.entries if e.kind == "file"}


def test_the_dockerfile_is_offered_apart_from_the_context() -> None:
    context = mapping_context({"docker/prod": FROM, "a": "x"}, dockerfile="docker/prod")
    directories = offer(BuildRequest(context)).directories
    assert files(directories["dockerfile"]) == {"Dockerfile": FROM.encode()}
    assert files(directories["context"]) == {"docker/prod": FROM.encode(), "a": b"x"}


def test_the_rules_are_offered_with_the_dockerfile() -> None:
    raw = b"# words\n a \n!b\ncaf\xe9\n"
    context = mapping_context({"Dockerfile": FROM, ".dockerignore": raw})
    found = files(offer(BuildRequest(context)).directories["dockerfile"])
    assert found == {
        "Dockerfile": FROM.encode(),
        "Dockerfile.dockerignore": b"a\n!b\ncaf\xe9\n",
    }
    empty = mapping_context({"Dockerfile": FROM, ".dockerignore": ""})
    assert (
        files(offer(BuildRequest(empty)).directories["dockerfile"])["Dockerfile.dockerignore"]
        == b""
    )


def test_a_dockerfile_as_text_is_offered_too() -> None:
    context = mapping_context({"a": "x"}, dockerfile=DockerfileText("FROM busybox\n", "cell 3"))
    directories = offer(BuildRequest(context)).directories
    assert files(directories["dockerfile"]) == {"Dockerfile": b"FROM busybox\n"}
    assert files(directories["context"]) == {"a": b"x"}


@pytest.mark.parametrize("name", ["src", "context", "dockerfile"])
def test_a_named_context_is_offered_beside_the_others(name: str) -> None:
    named = mapping_context({"n": "named"}, dockerfile=DockerfileText(FROM))
    request = BuildRequest(CONTEXT, contexts={name: named, "image": "docker-image://x"})
    directories = offer(request).directories
    local = solve_request(request, "r", "s").FrontendAttrs[f"context:{name}"]
    assert files(directories[local.removeprefix("local:")]) == {"n": b"named"}
    assert set(files(directories["context"])) == {"Dockerfile", "a"}
    assert set(files(directories["dockerfile"])) == {"Dockerfile"}
    assert len(directories) == 3


def test_secrets_agents_and_logins_are_offered_and_in_no_message() -> None:
    secret, agent = Secret.of("npm", "hunter2"), SshAgent("/run/agent.sock")
    logins = logins_of({"docker.io": Login("me", "hunter3")})
    request = BuildRequest(CONTEXT, secrets=(secret,), agents=(agent,), logins=logins)
    offered = offer(request)
    assert (offered.secrets, offered.agents, offered.logins) == ((secret,), (agent,), logins)
    assert b"hunter" not in solve_request(request, "r", "s").SerializeToString()
    assert "hunter" not in repr(request)
    assert "hunter" not in repr(offered)


def test_the_identity_tells_folders_apart_and_names_none(tmp_path: Any) -> None:
    def identity(context: Context) -> str:
        return offer(BuildRequest(context)).identity

    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text(FROM)
    (tmp_path / "link").symlink_to("one")
    one, two = folder_context(tmp_path / "one"), folder_context(tmp_path / "two")
    assert identity(one) == identity(folder_context(tmp_path / "link"))
    assert identity(one) != identity(two)
    assert "one" not in identity(one)
    assert str(tmp_path) not in identity(one)
    assert identity(CONTEXT) == ""
