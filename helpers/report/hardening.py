"""What one hardening is called: options of ``docker run``, Compose, and Kubernetes."""

from __future__ import annotations

from dataclasses import dataclass

from helpers.observe.attack.hardening import Hardening


@dataclass(frozen=True, slots=True)
class Spelling:
    """One measure of a hardening.

    Attributes:
        measure: what it is.
        docker: options of ``docker run``; empty where nothing has to be said.
        compose: lines of a Compose service.
        kubernetes: the fields of a Pod; a sentence where it has none.
    """

    measure: str
    docker: str
    compose: str
    kubernetes: str


def spellings(hardening: Hardening) -> tuple[Spelling, ...]:
    """Every measure of the hardening, in the order in which one would take them.

    Sources: https://docs.docker.com/reference/cli/docker/container/run/,
    https://docs.docker.com/reference/compose-file/services/,
    https://kubernetes.io/docs/tasks/configure-pod-container/security-context/
    """
    found: list[Spelling] = []
    uid, _, gid = hardening.user.partition(":")
    if hardening.user and uid != "0":
        group = f", runAsGroup: {gid}" if gid else ""
        found.append(
            Spelling(
                "non-root user",
                f"--user {hardening.user}",
                f'user: "{hardening.user}"',
                f"runAsNonRoot: true, runAsUser: {uid}{group}",
            )
        )
    if hardening.no_new_privileges:
        found.append(
            Spelling(
                "no new privileges",
                "--security-opt no-new-privileges",
                "security_opt: [no-new-privileges:true]",
                "allowPrivilegeEscalation: false",
            )
        )
    if hardening.drop_capabilities:
        found.append(
            Spelling(
                "no capabilities",
                "--cap-drop ALL",
                "cap_drop: [ALL]",
                "capabilities: {drop: [ALL]}",
            )
        )
    if hardening.read_only:
        found.append(
            Spelling(
                "read-only root file system",
                "--read-only",
                "read_only: true",
                "readOnlyRootFilesystem: true",
            )
        )
    for tmpfs in hardening.tmpfs:
        options = f"{tmpfs.path}:{'noexec' if tmpfs.noexec else 'exec'},size={tmpfs.size_mb}m"
        volume = f"emptyDir: {{medium: Memory, sizeLimit: {tmpfs.size_mb}Mi}} at {tmpfs.path}"
        found.append(
            Spelling(
                f"tmpfs {'without' if tmpfs.noexec else 'with'} programs",
                f"--tmpfs {options}",
                f"tmpfs: [{options}]",
                f"{volume}; it has no noexec" if tmpfs.noexec else volume,
            )
        )
    found += _limits(hardening)
    if hardening.network != "shared":
        found.append(_network(hardening))
    return tuple(found)


def _limits(hardening: Hardening) -> list[Spelling]:
    found = []
    if hardening.pids is not None:
        found.append(
            Spelling(
                "limit of processes",
                f"--pids-limit {hardening.pids}",
                f"pids_limit: {hardening.pids}",
                "no field: the kubelet's podPidsLimit",
            )
        )
    if hardening.memory_mb is not None:
        size = hardening.memory_mb * 1_000_000
        found.append(
            Spelling(
                "limit of memory",
                f"--memory {size}b --memory-swap {size}b",
                f"mem_limit: {size}b, memswap_limit: {size}b",
                f"resources: {{limits: {{memory: {hardening.memory_mb}M}}}}",
            )
        )
    return found


def _network(hardening: Hardening) -> Spelling:
    if hardening.network == "none":
        return Spelling(
            "no network",
            "--network none",
            "network_mode: none",
            "a NetworkPolicy that allows nothing",
        )
    return Spelling(
        "a network of its own",
        "--network NAME (docker network create --internal NAME)",
        "networks: [NAME], with internal: true for NAME",
        "a NetworkPolicy for what may come in and go out",
    )


def run_options(hardening: Hardening) -> tuple[str, ...]:
    """Options of ``docker run``, one measure each."""
    user = ("--user 0:0",) if hardening.user.partition(":")[0] == "0" else ()
    return (*user, *(s.docker for s in spellings(hardening)))


def docker_options(hardening: Hardening) -> str:
    """All options of ``docker run`` in one line."""
    return " ".join(run_options(hardening))
