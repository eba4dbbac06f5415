"""What dockerd is told because of the options, and where variants are kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.engine import private
from helpers.engine.network import free_subnets
from helpers.engine.options import EngineOptions, TlsListener
from helpers.engine.rootfs import Tree, age_options, ensure_rootfs, is_ready
from helpers.engine.state import StateFolder
from helpers.engine.variants import VARIANTS
from helpers.errors import NoEngine

STATE = StateFolder(Path("/s"))


def arguments(options: EngineOptions) -> str:
    return " ".join(
        options.daemon_arguments(STATE, bridge="wb1", subnets=free_subnets(""), cgroup="/group")
    )


def test_the_default_engine_listens_on_its_socket_alone() -> None:
    told = arguments(EngineOptions())
    assert told.count("--host ") == 1
    assert "--host unix:///s/engine/docker.sock" in told
    assert "--add-runtime crun=/usr/bin/crun" in told
    assert "--bridge wb1 --default-address-pool base=172.29.128.0/17,size=24" in told
    assert "iptables" not in told
    assert "tls" not in told
    assert EngineOptions().daemon_config() == {"features": {"buildkit": True}}


def test_a_tcp_address_is_on_the_loopback_and_asks_for_certificates() -> None:
    listen = TlsListener(1234, Path("/c/ca"), Path("/c/cert"), Path("/c/key"))
    told = arguments(EngineOptions(listen=listen))
    assert "--host tcp://127.0.0.1:1234 --tlsverify --tlscacert /s/engine/tls/ca.pem" in told
    assert "--tlscert /s/engine/tls/cert.pem --tlskey /s/engine/tls/key.pem" in told
    assert "/c/" not in told, "the engine does not see the host's own folders"


def test_an_engine_can_leave_the_packet_filter_alone() -> None:
    told = arguments(EngineOptions(packet_filter=False))
    for name in ("iptables", "ip6tables", "ip-forward", "ip-masq"):
        assert f"--{name}=false" in told


@pytest.mark.parametrize(("store", "on"), [("overlay2", False), ("containerd", True)])
def test_the_image_store_is_a_feature_of_the_configuration(store: str, on: bool) -> None:
    features = EngineOptions(image_store=store).daemon_config()["features"]  # type: ignore[arg-type]
    assert features["containerd-snapshotter"] is on


def test_no_runtime_is_named_that_the_tree_does_not_have() -> None:
    assert "crun" not in arguments(EngineOptions(Tree("forky", ("docker.io",))))


def test_a_tree_of_another_recipe_is_not_ready(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    state.rootfs.mkdir()
    (state.rootfs / ".workbook-rootfs").write_text(Tree().recipe())
    assert is_ready(state)
    assert not is_ready(state, Tree("forky"))
    assert not is_ready(state, Tree(packages=("docker.io",)))


def test_only_an_explicit_age_loosens_how_old_a_mirror_may_be() -> None:
    assert age_options(Tree()) == []
    assert age_options(Tree(mirror_days=2)) == ['--aptopt=Acquire::Min-ValidTime "172800"']


def test_what_apt_says_is_told_and_the_half_made_tree_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin/mmdebstrap"
    program.parent.mkdir()
    program.write_text(
        "#!/bin/sh\necho 'I: running' >&2\necho 'E: no such suite' >&2\n"
        "echo 'E: mmdebstrap failed to run' >&2\nexit 1\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    state = StateFolder(tmp_path).variant("x", "nosuch")
    with pytest.raises(NoEngine, match=r"\(nosuch\).*no such suite$"):
        ensure_rootfs(state, lambda _: None, Tree("nosuch"))
    assert [p.name for p in state.rootfs.parent.iterdir()] == ["nosuch.lock"]


def test_variants_of_one_release_share_its_tree_and_nothing_else() -> None:
    folders = [STATE.variant(v.name, v.suite) for v in VARIANTS if v.suite == "forky"]
    assert len(folders) == 2
    assert len({f.rootfs for f in folders}) == 1
    assert len({f.engine for f in folders}) == 2
    assert STATE.rootfs not in {f.rootfs for f in folders}


def test_variants_leave_the_packet_filter_alone_and_keep_images_as_they_say() -> None:
    for variant in VARIANTS:
        options = variant.options()
        assert not options.packet_filter
        assert options.image_store == variant.image_store
        assert options.tree.suite == variant.suite


def test_a_purge_removes_the_variants_and_their_trees(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    for folder in (state.engine, state.variant("a", "x").engine, state.variant("a", "x").rootfs):
        folder.mkdir(parents=True)
    private.purge(state)
    assert not state.variants.exists()
    assert not state.engine.exists()


def test_a_purge_of_one_variant_leaves_the_tree_to_the_others(tmp_path: Path) -> None:
    state = StateFolder(tmp_path).variant("a", "x")
    state.engine.mkdir(parents=True)
    state.rootfs.mkdir(parents=True)
    private.purge(state)
    assert state.rootfs.exists()
    assert not state.engine.exists()


def test_the_path_of_a_socket_of_a_variant_is_short_enough_in_a_usual_home() -> None:
    state = StateFolder(Path("/root/.local/state/docker-production-workbook"))
    longest = max((state.variant(v.name, v.suite) for v in VARIANTS), key=lambda s: len(str(s)))
    assert len(str(longest.socket)) <= private._SOCKET_PATH_LIMIT
