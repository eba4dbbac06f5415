"""What becomes of the orders service as a Pod: frozen, stopped, written to, and misspelt."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from helpers.engine.connect import Engine
from helpers.experiments.pods import Node, PodStop
from helpers.experiments.served import served
from helpers.experiments.site import SiteFailed
from helpers.observe.containers import ContainerSpec
from helpers.observe.errors import engine_errors
from helpers.observe.events import HEALTH

#: What manifests call the image.
IMAGE = "registry.example/orders:1.4.0"
_NAME = "orders-orders"  # podman calls a container by its pod and by itself
_WAIT = 40.0
_PROBES = 3
_PROBE = (
    "fetch('http://127.0.0.1:3000/healthz', { signal: AbortSignal.timeout(1500) })"
    ".then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"
)
#: A health check for the end of a Dockerfile, which works without a shell or curl.
HEALTHCHECK = (
    f'HEALTHCHECK --interval=1s --timeout=10s --retries=1 CMD ["node", "-e", "{_PROBE}"]\n'
)
_STUBBORN = (
    "process.on('SIGTERM', () => {}); "
    "require('node:http').createServer((q, a) => a.end('ok')).listen(3000)"
)
_LOOK = """
const write = (path) => {
  try { fs.writeFileSync(path, ''); return 'written'; } catch (error) { return error.code; }
};
const status = fs.readFileSync('/proc/self/status', 'utf8');
console.log(JSON.stringify({
  uid: process.getuid(),
  capabilities: parseInt(/CapBnd:\\s*(\\w+)/.exec(status)[1], 16),
  no_new_privileges: /NoNewPrivs:\\s*1/.test(status),
  app: write('/app/intruder.js'),
  tmp: write('/tmp/intruder.js'),
}));
"""


@dataclass(frozen=True, slots=True)
class Frozen:
    """A service that hangs, under Docker.

    Attributes:
        before: its health before.
        after: its health, after Docker had noticed.
        restarts: how often Docker started it again.
    """

    before: str
    after: str
    restarts: int


@dataclass(frozen=True, slots=True)
class FrozenPod:
    """A service that hangs, as a Pod.

    Attributes:
        health_check: True where podman has anything to ask it by.
        restarts: how often it was started again.
        answers: True where it answers in the end.
    """

    health_check: bool
    restarts: int
    answers: bool


@dataclass(frozen=True, slots=True)
class Inside:
    """What a process in the Pod is, and may.

    Attributes:
        uid: its user.
        capabilities: the bounding set, as a number: 0 is none.
        no_new_privileges: whether setuid files give nothing.
        app: what became of a write to ``/app``: ``written``, or the error's name.
        tmp: the same for ``/tmp``.
    """

    uid: int
    capabilities: int
    no_new_privileges: bool
    app: str
    tmp: str


@dataclass(frozen=True, slots=True)
class Dropped:
    """What podman made of fields that it does not know.

    Attributes:
        accepted: True where a manifest with misspelt fields was applied.
        grace_seconds: the time to stop that the Pod then had.
        uid_of_root: the user of a Pod with ``runAsUser: 0`` and ``runAsNonRoot: true``.
    """

    accepted: bool
    grace_seconds: int
    uid_of_root: int


def pod_manifest(
    *,
    security: bool = True,
    resources: bool = True,
    read_only: bool = True,
    liveness: str = "http",
    grace_seconds: int = 20,
    user: int = 65532,
    program: str = "",
) -> str:
    """The orders service as a Pod.

    Args:
        security: with security contexts.
        resources: with requests and limits.
        read_only: with a read-only root file system.
        liveness: ``http`` as the kubelet asks, ``exec`` by a command in the container, empty for no
            probe.
        grace_seconds: time to stop.
        user: uid.
        program: JavaScript to run instead of the service.
    """
    pod = f"""\
  securityContext:
    runAsNonRoot: true
    runAsUser: {user}
    seccompProfile: {{type: RuntimeDefault}}
"""
    container = f"""\
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: {str(read_only).lower()}
        capabilities: {{drop: [ALL]}}
"""
    probes = {
        "": "",
        "http": """\
      livenessProbe:
        httpGet: {path: /healthz, port: http}
        periodSeconds: 10
""",
        "exec": f"""\
      livenessProbe:
        exec: {{command: {json.dumps(["node", "-e", _PROBE])}}}
        timeoutSeconds: 10
        failureThreshold: 1
""",
    }
    command = f"      command: {json.dumps(['node', '-e', program])}\n" if program else ""
    return f"""\
apiVersion: v1
kind: Pod
metadata:
  name: orders
  labels: {{app.kubernetes.io/name: orders}}
spec:
  automountServiceAccountToken: false
  terminationGracePeriodSeconds: {grace_seconds}
{pod if security else ""}\
  containers:
    - name: orders
      image: {IMAGE}
      imagePullPolicy: IfNotPresent
{command}\
      ports:
        - {{name: http, containerPort: 3000}}
      readinessProbe:
        httpGet: {{path: /readyz, port: http}}
        periodSeconds: 5
{probes[liveness]}\
{_RESOURCES if resources else ""}\
{container if security else ""}"""


_RESOURCES = """\
      resources:
        requests: {cpu: 100m, memory: 96Mi}
        limits: {memory: 192Mi}
"""


def freeze_under_docker(engine: Engine, image: str) -> Frozen:
    """Freeze the service's process (SIGSTOP) and wait until Docker notices.

    Args:
        engine: where.
        image: name or id, of an image with a HEALTHCHECK.
    """
    api = engine.client.api
    with served(engine.client, ContainerSpec(image)) as service:
        service.follower.until(lambda e: e.action == f"{HEALTH}healthy", _WAIT)
        before = _health(api, service.container.id)
        with engine_errors("freezing a container"):
            api.kill(service.container.id, "SIGSTOP")
        service.follower.until(lambda e: e.action == f"{HEALTH}unhealthy", _WAIT)
        with engine_errors("looking at a container"):
            restarts = int(api.inspect_container(service.container.id)["RestartCount"])
        return Frozen(before, _health(api, service.container.id), restarts)


def _health(api: Any, container: str) -> str:
    with engine_errors("looking at a container"):
        return str(api.inspect_container(container)["State"]["Health"]["Status"])


def freeze_in_a_pod(node: Node, *, liveness: bool) -> FrozenPod:
    """Freeze the service's process, and run its liveness probe until something happens.

    Podman without systemd runs no probe by itself, so each is started here.

    Args:
        node: where; the image is on it.
        liveness: whether the Pod has a livenessProbe.
    """
    _serve(node, pod_manifest(liveness="exec" if liveness else "", grace_seconds=2))
    has_check = bool(node.inspect(_NAME)["Config"].get("Healthcheck"))
    node.podman("kill", "--signal", "STOP", _NAME)
    for _ in range(_PROBES if has_check else 0):
        node.run("podman", "healthcheck", "run", _NAME)
        if node.inspect(_NAME)["RestartCount"]:
            break
    answers = node.ask(3000, "/healthz", seconds=20.0 if has_check else 3.0) == 200
    return FrozenPod(has_check, int(node.inspect(_NAME)["RestartCount"]), answers)


def look_inside(node: Node, *, read_only: bool) -> Inside:
    """What a process in the Pod may do."""
    _serve(node, pod_manifest(read_only=read_only))
    found = json.loads(node.podman("exec", _NAME, "node", "-e", _LOOK))
    return Inside(**found)


def stop_pods(node: Node) -> dict[str, PodStop]:
    """Stop the service, with 20 s to do so, and a program that ignores SIGTERM, with 3 s."""
    stops = {}
    for what, manifest in (
        ("orders", pod_manifest()),
        ("ignores SIGTERM", pod_manifest(program=_STUBBORN, grace_seconds=3)),
    ):
        _serve(node, manifest)
        stops[what] = node.stop("orders", _NAME)
    return stops


def what_was_dropped(node: Node, misspelt: str) -> Dropped:
    """Apply a misspelt manifest, and one that demands what podman does not know.

    Args:
        node: where.
        misspelt: a manifest with unknown fields.
    """
    accepted = node.apply(misspelt).exit_code == 0
    grace = int(node.inspect(_NAME)["Config"].get("StopTimeout") or 0) if accepted else 0
    _serve(node, pod_manifest(user=0))
    uid = node.podman("exec", _NAME, "node", "-p", "process.getuid()")
    return Dropped(accepted, grace, int(uid))


def _serve(node: Node, manifest: str) -> None:
    """Apply a manifest and wait until the service answers.

    Raises:
        SiteFailed: where it is not taken, or does not answer.
    """
    ran = node.apply(manifest)
    if ran.exit_code != 0 or node.ask(3000, "/healthz", seconds=_WAIT) != 200:
        said = node.run("podman", "logs", _NAME).output
        raise SiteFailed(
            f"The Pod does not serve: {ran.output[-200:]} {said[-200:]}",
            remedy="Run the cell again; if it fails again: workbook doctor",
        )
