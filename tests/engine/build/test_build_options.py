"""What a build can be asked for, one option after another."""

from __future__ import annotations

import tarfile
from pathlib import Path

import docker
import pytest
from image_builder import Builder

from helpers.build import BuildRecord, BuildRequest, folder_context, mapping_context, tar_context
from helpers.build.events import Event, LogLine

FROM = "FROM busybox:1.37\n"


def cached(record: BuildRecord) -> dict[str, bool]:
    return {s.step.instruction: s.cached for s in record.steps if s.step.instruction}


def test_names_labels_and_arguments(builder: Builder, base: str, nonce: str) -> None:
    tags = (f"helpers-build-test:{nonce}-a", f"localhost:5000/helpers-build-test:{nonce}")
    record = builder(
        {"Dockerfile": f"{FROM}ARG WORD=none\nARG EMPTY=full\nENV SAID=$WORD,$EMPTY\n"},
        tags=tags,
        labels={"a.b": "c d", "empty": ""},
        build_args={"WORD": 'a=b "c" ü', "EMPTY": ""},
    )
    image = builder.client.images.get(tags[0])
    builder.built.extend(tags)
    assert set(tags) <= set(image.tags)
    assert image.id == record.image_id
    assert image.labels | {"a.b": "c d", "empty": ""} == image.labels
    assert 'SAID=a=b "c" ü,' in image.attrs["Config"]["Env"]


def test_another_platform(builder: Builder) -> None:
    files = {"Dockerfile": "FROM scratch\nCOPY a /a\n", "a": ""}
    record = builder(files, platform="linux/arm64")
    assert builder.client.images.get(str(record.image_id)).attrs["Architecture"] == "arm64"


def test_steps_run_again_on_request(builder: Builder, base: str, nonce: str) -> None:
    dockerfile = (
        f"FROM busybox:1.37 AS one\nRUN : {nonce} one\n"
        f"FROM busybox:1.37 AS two\nRUN : {nonce} two\nCOPY --from=one /bin/true /t\n"
    )
    files = {"Dockerfile": dockerfile}
    one, two = f"RUN : {nonce} one", f"RUN : {nonce} two"
    builder(files)
    again = cached(builder(files))
    assert (again[one], again[two]) == (True, True)
    some = cached(builder(files, no_cache=("one",)))
    assert (some[one], some[two]) == (False, True)
    every = cached(builder(files, no_cache=True))
    assert (every[one], every[two]) == (False, False)


def test_hosts_shared_memory_and_network(builder: Builder, base: str, nonce: str) -> None:
    seen: list[Event] = []
    dockerfile = (
        f"{FROM}RUN : {nonce}; grep shop.example /etc/hosts; df -k /dev/shm | tail -1; "
        "ls /sys/class/net\n"
    )
    builder(
        {"Dockerfile": dockerfile},
        seen.append,
        add_hosts={"shop.example": "10.9.8.7"},
        shm_bytes=128 * 1024 * 1024,
        network="none",
    )
    hosts, memory, *interfaces = [e.text for e in seen if isinstance(e, LogLine)]
    assert hosts.split() == ["10.9.8.7", "shop.example"]
    assert memory.split()[1] == "131072"
    assert interfaces == ["lo"]


def test_the_network_of_the_host(builder: Builder, base: str, nonce: str) -> None:
    seen: list[Event] = []
    dockerfile = {"Dockerfile": f"{FROM}RUN : {nonce}; grep -c : /proc/net/dev\n"}
    builder(dockerfile, seen.append, network="host")
    (count,) = [event.text for event in seen if isinstance(event, LogLine)]
    assert int(count) > 1


def test_more_contexts(builder: Builder, base: str) -> None:
    tools = mapping_context({"Dockerfile": "FROM scratch\n", "bin/tool": "x", "other": "y"})
    record = builder(
        {"Dockerfile": "FROM tiny\nCOPY --from=tools bin /tools\nCOPY a /a\n", "a": ""},
        contexts={"tools": tools, "tiny": f"docker-image://{base}"},
    )
    files = builder.files(str(record.image_id))
    assert {"tools/tool", "a", "bin/busybox"} <= set(files)


def test_an_inline_cache_is_used(client: docker.DockerClient, builder: Builder, base: str) -> None:
    files = {"Dockerfile": "FROM scratch\nCOPY a /a\n", "a": builder.tag}
    tag = f"{builder.tag}-cache"
    builder(files, tags=(tag,), inline_cache=True)
    builder.built.append(tag)
    record = builder(files, cache_from=(tag,))
    assert any("importing cache manifest" in s.step.name for s in record.steps)


@pytest.mark.parametrize("suffix", ["", ".gz", ".xz"])
def test_a_context_from_a_tar(builder: Builder, tmp_path: Path, suffix: str) -> None:
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "run").write_text("x")
    (folder / "deep" / "run").chmod(0o755)
    (folder / "link").symlink_to("deep/run")
    (folder / "kept.log").write_text("")
    (folder / ".dockerignore").write_text("*.log\n.dockerignore\nDockerfile\n")
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    archive = tmp_path / f"context.tar{suffix}"
    with tarfile.open(archive, f"w:{suffix.removeprefix('.')}") as tar:
        tar.add(folder, ".")
    record = builder.build(BuildRequest(tar_context(archive)))
    files = builder.files(str(record.image_id))
    assert set(files) == {"deep", "deep/run", "link"}
    assert files["deep/run"].mode & 0o777 == 0o755
    same = builder.build(BuildRequest(folder_context(folder)))
    assert same.image_id == record.image_id


def test_files_in_memory_can_be_programs(builder: Builder, base: str) -> None:
    context = mapping_context(
        {"Dockerfile": f"{FROM}COPY run /run.sh\nRUN /run.sh\n", "run": "#!/bin/sh\ntrue\n"},
        modes={"run": 0o755},
    )
    builder.build(BuildRequest(context, network="none"))
