"""What an intruder with code execution can do, tried in a real container under a given hardening.

One attack answers all of these properties: they ask for the same observation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Literal

from pydantic import Field, field_validator

from helpers.judge.property import Params, Property
from helpers.judge.verdict import Evidence, Verdict
from helpers.judge.words import could_not_tell, counted, failed, listed, not_observed, passed
from helpers.observe.attack.actions import ACTIONS, ALL_IDS, BY_ID
from helpers.observe.attack.facts import ActionOutcome, AttackFacts, AttackRequest
from helpers.observe.attack.hardening import HARDENED, Hardening, Tmpfs
from helpers.observe.requests import Observations

_TMP = "/tmp"  # noqa: S108 - a path in the container
_FIRST = 4  # pieces of evidence in a summary


class TmpfsParams(Params):
    """A tmpfs that the container gets."""

    path: str = Field(pattern=r"^/", description="Where it is mounted. No unit.")
    size_mb: int = Field(default=16, ge=1, le=1024, description="Its size, in MB (2^20 bytes).")
    noexec: bool = Field(default=True, description="Whether programs in it cannot be run. No unit.")


class HardeningParams(Params):
    """How the container under attack is confined; everything at once by default."""

    user: str = Field(
        default="",
        pattern=r"^(\d+(:\d+)?)?$",
        description="uid, or uid:gid, instead of the image's own; empty for the image's. No unit.",
    )
    read_only: bool = Field(
        default=True, description="Whether the root file system is read-only. No unit."
    )
    tmpfs: tuple[TmpfsParams, ...] = Field(
        default=(TmpfsParams(path=_TMP, size_mb=16),),
        description="Empty file systems in memory. No unit.",
    )
    drop_capabilities: bool = Field(
        default=True, description="Whether all capabilities are taken away. No unit."
    )
    no_new_privileges: bool = Field(
        default=True, description="Whether setuid files give no rights. No unit."
    )
    pids: int | None = Field(
        default=HARDENED.pids, ge=8, description="Limit of processes and threads; null for none."
    )
    memory_mb: int | None = Field(
        default=HARDENED.memory_mb,
        ge=16,
        description="Limit of memory, in MB (10^6 bytes); null for none.",
    )
    network: Literal["shared", "own", "none"] = Field(
        default=HARDENED.network,
        description="`shared` with another container, `own` without a way out, or `none`. No unit.",
    )

    def value(self) -> Hardening:
        """The hardening that the parameters stand for."""
        return Hardening(
            name=HARDENED.name,
            user=self.user,
            read_only=self.read_only,
            tmpfs=tuple(Tmpfs(t.path, t.size_mb, t.noexec) for t in self.tmpfs),
            drop_capabilities=self.drop_capabilities,
            no_new_privileges=self.no_new_privileges,
            pids=self.pids,
            memory_mb=self.memory_mb,
            network=self.network,
        )


class AttackParams(Params):
    """Parameters of the properties about an attack."""

    hardening: HardeningParams = Field(
        default=HardeningParams(),
        description="How the container is confined; with the image's own user. No unit.",
    )


class SurfaceParams(AttackParams):
    """Parameters of ``attack-surface``."""

    max_possible: int = Field(
        9, ge=0, description=f"Most of the {len(ACTIONS)} actions that may work. A number."
    )
    allow: tuple[str, ...] = Field(
        (), description="Ids of actions that may work and are not counted. No unit."
    )

    @field_validator("allow")
    @classmethod
    def _known(cls, allow: tuple[str, ...]) -> tuple[str, ...]:
        for action in allow:
            if action not in BY_ID:
                raise ValueError(f"there is no action {action!r}; they are: {', '.join(ALL_IDS)}")
        return allow


def attack_request(params: AttackParams) -> AttackRequest:
    """The request that the parameters stand for."""
    return AttackRequest(params.hardening.value())


def _needs(params: AttackParams) -> tuple[AttackRequest, ...]:
    return (attack_request(params),)


def _facts(params: AttackParams, observations: Observations) -> AttackFacts | Verdict:
    """What was seen, or the verdict where nothing was."""
    request = attack_request(params)
    facts = observations.answer(request)
    if facts is None:
        return not_observed(observations, request, "an attack on a container of the image")
    if not facts.started:
        return could_not_tell(f"the engine could not start a container ({facts.start_error})")
    return facts


def judge_refused(
    actions: tuple[str, ...], params: AttackParams, observations: Observations
) -> Verdict:
    """None of the actions is possible."""
    facts = _facts(params, observations)
    if isinstance(facts, Verdict):
        return facts
    seen = [(action, facts.outcome(action)) for action in actions]
    possible = [o for _, o in seen if o is not None and o.possible]
    if possible:
        titles = listed((BY_ID[o.action].title for o in possible), _FIRST)
        return failed(f"An intruder can {titles}.", [_evidence(o) for o in possible])
    if unclear := [_unclear(a, o) for a, o in seen if o is None or o.result == "not tried"]:
        return could_not_tell("; ".join(unclear))
    titles = listed((BY_ID[a].title for a in actions), _FIRST)
    refusals = [_evidence(o) for _, o in seen if o is not None]
    return passed(f"An intruder was refused to {titles}.", refusals)


def judge_network_tools(params: AttackParams, observations: Observations) -> Verdict:
    """Neither curl nor wget is there, whether or not the network would let them."""
    facts = _facts(params, observations)
    if isinstance(facts, Verdict):
        return facts
    outcome = facts.outcome("fetch-with-image-tools")
    if outcome is None:
        return could_not_tell("nobody tried to fetch something with the image's tools")
    if outcome.possible:
        return failed(f"An intruder fetched a program with {outcome.means}.", [_evidence(outcome)])
    if outcome.means:
        text = f"{outcome.means} can be run; only this container's network refused it."
        evidence = Evidence("network-tool", text, path=outcome.means)
        return failed(f"The image has {outcome.means} for an intruder.", [evidence])
    if outcome.result == "not tried":
        return could_not_tell(_unclear(outcome.action, outcome))
    return passed("The image has neither curl nor wget.")


def judge_surface(params: SurfaceParams, observations: Observations) -> Verdict:
    """At most so many actions are possible."""
    facts = _facts(params, observations)
    if isinstance(facts, Verdict):
        return facts
    counting = [a for a in ALL_IDS if a not in params.allow]
    outcomes = [o for a in counting if (o := facts.outcome(a)) is not None]
    possible = [o for o in outcomes if o.possible]
    unclear = len(counting) - sum(o.result != "not tried" for o in outcomes)
    found = f"{len(possible)} of {len(counting)} actions of an intruder are possible"
    wanted = f"at most {params.max_possible} wanted"
    evidence = [_evidence(o) for o in possible]
    if len(possible) > params.max_possible:
        return failed(f"{found}, {wanted}.", evidence)
    if len(possible) + unclear > params.max_possible:
        return could_not_tell(
            f"{found}, {wanted}, and {counted(unclear, 'action was', 'actions were')} not tried"
        )
    return passed(f"{found}, {wanted}.", evidence)


def _evidence(outcome: ActionOutcome) -> Evidence:
    title = BY_ID[outcome.action].title
    detail = f": {outcome.detail}" if outcome.detail else ""
    reason = f" ({outcome.errno})" if outcome.errno else ""
    how = {
        "succeeded": "could",
        "refused": "could not",
        "no limit": "could, had it been tried,",
        "not tried": "did not try to",
    }[outcome.result]
    text = f"The intruder {how} {title}{detail}{reason}."
    return Evidence(outcome.action, text, path=outcome.means or None)


def _unclear(action: str, outcome: ActionOutcome | None) -> str:
    why = outcome.detail if outcome is not None and outcome.detail else "nobody tried"
    return f"it is open if an intruder can {BY_ID[action].title} ({why})"


def _codes(actions: Iterable[str]) -> Mapping[str, str]:
    return {action: f"the action: {BY_ID[action].title}" for action in actions}


_HOST = (
    "load-module",
    "mount",
    "write-proc-sys",
    "write-cgroup",
    "read-kernel-log",
    "open-device",
    "see-host-processes",
    "engine-socket",
)
_HOW = (
    " Tried with a program that the workbook brings along, in a container under the hardening that "
    "the parameters say."
)


def _refused(
    property_id: str,
    actions: tuple[str, ...],
    *,
    title: str,
    meaning: str,
    source: str,
    remedy: str,
    weight: int,
    covers: tuple[str, ...] = (),
) -> Property:
    """A property that none of the actions is possible."""
    return Property(
        id=property_id,
        family="attack",
        title=title,
        meaning=meaning + _HOW,
        source=source,
        params=AttackParams,
        codes=_codes(actions),
        needs=_needs,
        judge=partial(judge_refused, actions),
        remedy=remedy,
        weight=weight,
        covers=covers,
    )


PROPERTIES = (
    _refused(
        "no-write-to-app",
        ("write-app", "change-app", "write-system"),
        title="An intruder cannot change the app or the system",
        meaning="No file can be made in the working directory or in system folders, and no file of "
        "the app can be opened for writing.",
        source="https://docs.docker.com/reference/cli/docker/container/run/#read-only",
        remedy="Start the container read-only (`--read-only`, `readOnlyRootFilesystem: true`). "
        "In the image, leave the app's files to root and set a USER who is not root.",
        weight=4,
        covers=("docker-bench 5.13",),
    ),
    _refused(
        "no-exec-from-writable",
        ("run-dropped",),
        title="An intruder cannot run what it writes",
        meaning="In no folder that can be written to can a program be run. Programs in memory and "
        "scripts for an interpreter of the image are another matter.",
        source="https://docs.docker.com/engine/storage/tmpfs/",
        remedy="Read-only root file system, and `noexec` on every tmpfs and volume that is "
        "writable. Docker's `--tmpfs` has it by default; an emptyDir of Kubernetes cannot.",
        weight=3,
    ),
    _refused(
        "no-privilege-gain",
        ("setuid-root", "switch-user", "user-namespace"),
        title="An intruder cannot gain rights",
        meaning="The intruder is not root, and a setuid program, another uid or a user namespace "
        "do not make it so.",
        source="https://docs.kernel.org/userspace-api/no_new_privs.html",
        remedy="A USER who is not root, `--security-opt no-new-privileges` "
        "(`allowPrivilegeEscalation: false`) and `--cap-drop ALL`.",
        weight=5,
        covers=("docker-bench 4.1", "docker-bench 5.4", "docker-bench 5.26"),
    ),
    _refused(
        "no-package-install",
        ("install-system-package", "install-npm-package"),
        title="An intruder cannot install packages",
        meaning="The image's dpkg and npm, where it has them, cannot install an empty package.",
        source="https://docs.docker.com/build/building/best-practices/",
        remedy="Leave package managers out of the final image: a stage of its own for the build, "
        "and a base without them, such as distroless.",
        weight=3,
    ),
    Property(
        id="no-network-tools",
        family="attack",
        title="The image brings no download tool",
        meaning="Neither curl nor wget nor busybox can be run by the service's user, so that an "
        "intruder's first line does not work. An interpreter with an HTTP client can "
        "still fetch things." + _HOW,
        source="https://docs.docker.com/build/building/best-practices/",
        params=AttackParams,
        codes={
            **_codes(("fetch-with-image-tools",)),
            "network-tool": "a download tool is there, and only the network refused it",
        },
        needs=_needs,
        judge=judge_network_tools,
        remedy="Leave curl and wget out of the final image; let the service itself be what a "
        "HEALTHCHECK runs.",
        weight=2,
    ),
    _refused(
        "cannot-reach-neighbour",
        ("reach-neighbour", "reach-host", "fetch-program", "sniff-network"),
        title="An intruder cannot reach other containers",
        meaning="Another container of the same engine and the host do not answer, nothing can be "
        "fetched, and packets of the network cannot be read.",
        source="https://docs.docker.com/engine/network/drivers/bridge/",
        remedy="A network for each group of services that must talk, `internal: true` where "
        "nothing has to go out; a NetworkPolicy in Kubernetes. Drop CAP_NET_RAW.",
        weight=3,
    ),
    _refused(
        "limits-in-force",
        ("fork-bomb", "fill-memory", "fill-disk"),
        title="An intruder cannot use up the host",
        meaning="Processes, memory and disk space end at a limit. Tried only where the engine says "
        "that a limit is in force; where there is none, that is the finding.",
        source="https://docs.docker.com/engine/containers/resource_constraints/",
        remedy="`--pids-limit`, `--memory` with the same `--memory-swap`, a read-only root file "
        "system, and a size for every tmpfs.",
        weight=4,
        covers=("docker-bench 5.11", "docker-bench 5.29"),
    ),
    _refused(
        "host-out-of-reach",
        _HOST,
        title="An intruder cannot reach the kernel and the host",
        meaning="No module, no mount, no writable /proc/sys or control group, no kernel log, no "
        "disk of the host, none of its processes, and no engine's socket.",
        source="https://docs.docker.com/engine/security/",
        remedy="No `--privileged`, no added capability, no host namespace, no mounted engine "
        "socket; keep Docker's default seccomp profile.",
        weight=5,
        covers=(
            "docker-bench 5.5",
            "docker-bench 5.16",
            "docker-bench 5.22",
            "docker-bench 5.32",
        ),
    ),
    Property(
        id="attack-surface",
        family="attack",
        title="Few actions of an intruder work",
        meaning=f"How many of {len(ACTIONS)} fixed actions are possible. Some always are: what "
        "runs as the service may read its environment, trace it and stop it." + _HOW,
        source="https://cheatsheetseries.owasp.org/cheatsheets/Docker_Security_Cheat_Sheet.html",
        params=SurfaceParams,
        codes=_codes(ALL_IDS),
        needs=_needs,
        judge=judge_surface,
        remedy="See which actions are possible in the evidence: a smaller image takes away tools, "
        "a hardened start takes away rights.",
        weight=3,
    ),
)
