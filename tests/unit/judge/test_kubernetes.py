from __future__ import annotations

import pytest

from helpers.judge.pods import quantity
from helpers.judge.registry import all_properties
from helpers.observe.kubernetes import KubernetesRequest, read_kubernetes
from helpers.observe.replay import facts_from_json, facts_to_json
from helpers.observe.requests import Observations

from .factories import FAIL, PASS, UNKNOWN, verdict
from .manifests import POD, kubernetes, of_kubernetes, spoiled

ALL = [name for name, p in all_properties().items() if p.family == "kubernetes"]
NO_ESCALATION = "            allowPrivilegeEscalation: false\n"
VOLUME = "          emptyDir:\n            sizeLimit: 16Mi\n"


@pytest.mark.parametrize("property_id", ALL)
def test_a_manifest_for_production_passes(property_id: str) -> None:
    found = of_kubernetes(property_id, POD)
    assert found.outcome is PASS, found


# What people really write: property, what is replaced, by what, the code it is told with.
MISTAKES = [
    ("kubernetes-valid", "apps/v1", "extensions/v1beta1", "schema"),
    ("kubernetes-valid", "kind: Deployment", "kind: deployment", "schema"),
    ("kubernetes-valid", "readinessProbe:", "readynessProbe:", "schema"),
    ("kubernetes-valid", "containerPort: 3000", 'containerPort: "3000"', "schema"),
    ("kubernetes-valid", "value: info", "value: 1", "schema"),
    ("kubernetes-valid", "value: info", "value: on", "schema"),
    (
        "kubernetes-valid",
        "          ports:\n",
        "          readOnly: true\n          ports:\n",
        "schema",
    ),
    (
        "kubernetes-valid",
        "  selector:\n    matchLabels:\n      app.kubernetes.io/name: api\n",
        "",
        "schema",
    ),
    ("kubernetes-valid", "replicas: 2", "replicas: 2\n  replicas: 3", "duplicate-key"),
    ("kubernetes-valid", "spec:\n  replicas", "spec:\n\treplicas", "not-yaml"),
    ("kubernetes-valid", "*locked", "*lockd", "not-yaml"),
    ("kubernetes-valid", "            - name: tmp\n", "            - name: temp\n", "inconsistent"),
    ("kubernetes-valid", "port: http}", "port: web}", "inconsistent"),
    ("kubernetes-valid", "- name: migrate", "- name: api", "inconsistent"),
    ("kubernetes-valid", "- name: migrate", "- name: Migrate_Db", "inconsistent"),
    (
        "kubernetes-valid",
        "    matchLabels:\n      app.kubernetes.io/name: api",
        "    matchLabels:\n      app: api",
        "inconsistent",
    ),
    ("kubernetes-valid", "failureThreshold: 3", "successThreshold: 2", "inconsistent"),
    (
        "kubernetes-valid",
        "      automount",
        "      restartPolicy: Never\n      automount",
        "inconsistent",
    ),
    ("kubernetes-pinned-images", "shop/api:1.4.0", "shop/api", "not-pinned"),
    ("kubernetes-pinned-images", "shop/api:1.4.0", "shop/api:latest", "not-pinned"),
    ("kubernetes-labels", "labels:\n    app.kubernetes.io/name", "labels:\n    app", "no-label"),
    ("kubernetes-secrets", "- name: LOG_LEVEL", "- name: DB_PASSWORD", "secret-in-env"),
    ("kubernetes-secrets", "value: info", "value: postgres://a:b@db/x", "secret-in-env"),
    (
        "kubernetes-secrets",
        "kind: Service\n",
        "kind: ConfigMap\ndata: {API_KEY: x}\n",
        "secret-in-configmap",
    ),
    ("kubernetes-secrets", "kind: Service\n", "kind: Secret\ndata: {key: eA==}\n", "secret-object"),
    (
        "kubernetes-secrets",
        "kind: Service\n",
        "kind: Secret\nstringData: {key: x}\n",
        "secret-object",
    ),
    ("kubernetes-probes", "readinessProbe:", "startupProbe:", "no-readiness"),
    ("kubernetes-probes", "livenessProbe:", "startupProbe:", "no-liveness"),
    (
        "kubernetes-probes",
        "httpGet: {path: /livez, port: http}",
        "exec: {command: ['true']}",
        "never-fails",
    ),
    (
        "kubernetes-probes",
        "httpGet: {path: /livez, port: http}",
        "exec: {command: [sh, -c, exit 0]}",
        "never-fails",
    ),
    (
        "kubernetes-probes",
        "httpGet: {path: /livez, port: http}",
        "timeoutSeconds: 1",
        "no-liveness",
    ),
    ("kubernetes-probe-timing", "periodSeconds: 5", "timeoutSeconds: 30", "timeout-over-period"),
    ("kubernetes-probe-timing", "periodSeconds: 10\n", "periodSeconds: 1\n", "hasty"),
    ("kubernetes-probe-timing", "failureThreshold: 3", "initialDelaySeconds: 120", "long-delay"),
    (
        "kubernetes-probe-timing",
        "path: /readyz, port: http}\n            periodSeconds: 5",
        "path: /livez, port: http}",
        "same-probe",
    ),
    ("kubernetes-grace-period", "Seconds: 45", "Seconds: 12", "too-short"),
    ("kubernetes-grace-period", "Seconds: 45", "Seconds: 0", "hook-takes-all"),
    ("kubernetes-grace-period", "seconds: 5", "seconds: 60", "hook-takes-all"),
    (
        "kubernetes-grace-period",
        "sleep:\n                seconds: 5",
        "exec: {command: [sh, -c, sleep 40]}",
        "too-short",
    ),
    ("kubernetes-grace-period", "Seconds: 45", "Seconds: 3600", "too-long"),
    (
        "kubernetes-resources",
        "            requests: {cpu: 100m, memory: 128Mi}\n",
        "",
        "no-request",
    ),
    ("kubernetes-resources", "limits: {memory: 256Mi}", "limits: {cpu: 1}", "no-limit"),
    (
        "kubernetes-resources",
        "limits: {memory: 256Mi}",
        "limits: {memory: 64Mi}",
        "request-over-limit",
    ),
    (
        "kubernetes-resources",
        "limits: {memory: 256Mi}",
        "limits: {memory: 256MB}",
        "not-a-quantity",
    ),
    ("kubernetes-resources", "limits: {memory: 256Mi}", "limits: {memory: 256m}", "strange-unit"),
    ("kubernetes-resources", "limits: {memory: 256Mi}", "limits: {memory: 256}", "strange-unit"),
    ("kubernetes-non-root", "        runAsNonRoot: true\n", "", "not-demanded"),
    ("kubernetes-non-root", "runAsNonRoot: true", "runAsNonRoot: false", "not-demanded"),
    ("kubernetes-non-root", "runAsUser: 10001", "runAsUser: 0", "root-user"),
    ("kubernetes-non-root", "        runAsUser: 10001\n", "", "no-number"),
    ("kubernetes-no-escalation", NO_ESCALATION, "", "escalation"),
    ("kubernetes-no-escalation", "Escalation: false", "Escalation: true", "escalation"),
    ("kubernetes-capabilities", "drop: [ALL]", "drop: [NET_RAW]", "not-dropped"),
    ("kubernetes-capabilities", "drop: [ALL]", "drop: [all]", "not-dropped"),
    (
        "kubernetes-capabilities",
        "drop: [ALL]",
        "drop: [ALL]\n              add: [SYS_TIME]",
        "added",
    ),
    (
        "kubernetes-seccomp",
        "        seccompProfile:\n          type: RuntimeDefault\n",
        "",
        "no-profile",
    ),
    ("kubernetes-seccomp", "type: RuntimeDefault", "type: Unconfined", "unconfined"),
    ("kubernetes-read-only", "            readOnlyRootFilesystem: true\n", "", "writable-root"),
    ("kubernetes-no-host-access", VOLUME, "          hostPath: {path: /}\n", "host-path"),
    (
        "kubernetes-no-host-access",
        "      automount",
        "      hostNetwork: true\n      automount",
        "host-namespaces",
    ),
    (
        "kubernetes-no-host-access",
        "      automount",
        "      hostPID: true\n      automount",
        "host-namespaces",
    ),
    ("kubernetes-no-host-access", "containerPort: 3000", "hostPort: 3000", "host-ports"),
    ("kubernetes-no-host-access", NO_ESCALATION, "            privileged: true\n", "privileged"),
    ("kubernetes-no-host-access", NO_ESCALATION, "            procMount: Unmasked\n", "proc-mount"),
    (
        "kubernetes-no-host-access",
        NO_ESCALATION,
        "            windowsOptions: {hostProcess: true}\n",
        "host-process",
    ),
    ("kubernetes-no-api-token", "      automountServiceAccountToken: false\n", "", "token-mounted"),
    ("kubernetes-no-api-token", "Token: false", "Token: true", "token-mounted"),
    ("kubernetes-restricted", NO_ESCALATION, "", "privilege-escalation"),
    ("kubernetes-restricted", "drop: [ALL]", "drop: [NET_RAW]", "capabilities"),
    (
        "kubernetes-restricted",
        "drop: [ALL]",
        "drop: [ALL]\n              add: [CHOWN]",
        "capabilities",
    ),
    ("kubernetes-restricted", "        runAsNonRoot: true\n", "", "run-as-non-root"),
    ("kubernetes-restricted", "runAsUser: 10001", "runAsUser: 0", "run-as-root"),
    ("kubernetes-restricted", "type: RuntimeDefault", "type: Unconfined", "seccomp"),
    (
        "kubernetes-restricted",
        "        seccompProfile:\n          type: RuntimeDefault\n",
        "",
        "seccomp",
    ),
    ("kubernetes-restricted", VOLUME, "          hostPath: {path: /}\n", "host-path"),
    ("kubernetes-restricted", VOLUME, "          nfs: {server: a, path: /}\n", "volume-types"),
    ("kubernetes-restricted", NO_ESCALATION, "            privileged: true\n", "privileged"),
    ("kubernetes-restricted", NO_ESCALATION, "            procMount: Unmasked\n", "proc-mount"),
    (
        "kubernetes-restricted",
        NO_ESCALATION,
        "            windowsOptions: {hostProcess: true}\n",
        "host-process",
    ),
    ("kubernetes-restricted", "containerPort: 3000", "hostPort: 3000", "host-ports"),
    (
        "kubernetes-restricted",
        "{path: /livez, port",
        "{path: /livez, host: a.b, port",
        "host-probes",
    ),
    (
        "kubernetes-restricted",
        "      automount",
        "      hostIPC: true\n      automount",
        "host-namespaces",
    ),
    (
        "kubernetes-restricted",
        "        runAsUser",
        "        appArmorProfile: {type: Unconfined}\n        runAsUser",
        "apparmor",
    ),
    (
        "kubernetes-restricted",
        "        runAsUser",
        "        seLinuxOptions: {type: spc_t}\n        runAsUser",
        "selinux",
    ),
    (
        "kubernetes-restricted",
        "        runAsUser",
        "        sysctls: [{name: kernel.msgmax, value: '1'}]\n        runAsUser",
        "sysctls",
    ),
]


@pytest.mark.parametrize(("property_id", "old", "new", "code"), MISTAKES)
def test_a_mistake_is_told(property_id: str, old: str, new: str, code: str) -> None:
    text, _ = spoiled(POD, old, new)
    found = of_kubernetes(property_id, text)
    assert found.outcome is FAIL
    assert code in found.codes()


def test_every_code_has_a_mistake_in_the_tests() -> None:
    seen = {(property_id, code) for property_id, _, _, code in MISTAKES}
    elsewhere = {"no-startup", "no-pre-stop", "no-room", "no-size-limit"}
    elsewhere |= {"wrong-port", "asks-dependency"}
    declared = {
        (name, code)
        for name in ALL
        for code in all_properties()[name].codes
        if code not in elsewhere
    }
    assert declared <= seen


@pytest.mark.parametrize(
    ("property_id", "old", "new"),
    [
        ("kubernetes-valid", "readinessProbe:", "readynessProbe:"),
        ("kubernetes-valid", "containerPort: 3000", 'containerPort: "3000"'),
        ("kubernetes-pinned-images", "shop/api:1.4.0", "shop/api"),
        ("kubernetes-grace-period", "Seconds: 45", "Seconds: 12"),
        ("kubernetes-non-root", "runAsUser: 10001", "runAsUser: 0"),
        ("kubernetes-restricted", "runAsUser: 10001", "runAsUser: 0"),
        ("kubernetes-resources", "limits: {memory: 256Mi}", "limits: {memory: 256MB}"),
    ],
)
def test_the_line_is_that_of_the_mistake(property_id: str, old: str, new: str) -> None:
    text, line = spoiled(POD, old, new)
    evidence = of_kubernetes(property_id, text).evidence[0]
    assert evidence.line == line
    assert evidence.text.startswith(f"k8s/api.yaml:{line}: ")


@pytest.mark.parametrize(
    ("property_id", "old", "new", "params"),
    [
        (
            "kubernetes-capabilities",
            "drop: [ALL]",
            "drop: [ALL]\n              add: [NET_BIND_SERVICE]",
            {},
        ),
        ("kubernetes-pinned-images", "api:1.4.0", f"api@sha256:{'0' * 64}", {}),
        (
            "kubernetes-read-only",
            "api:1.4.0",
            "api:2",
            {"writable": ["/tmp/cache"], "size_limit": True},
        ),
        ("kubernetes-probes", "livenessProbe:", "startupProbe:", {"wanted": ["readiness"]}),
        ("kubernetes-secrets", "value: info", "value: $(TOKEN)", {}),
        (
            "kubernetes-secrets",
            "kind: Service\n",
            "kind: Secret\nstringData: {key: x}\n",
            {"allow_secret_objects": True},
        ),
        ("kubernetes-restricted", "type: RuntimeDefault", "type: Localhost", {}),
        ("kubernetes-grace-period", "      terminationGracePeriodSeconds: 45\n", "", {}),
        (
            "kubernetes-probe-timing",
            "path: /readyz, port: http}\n            periodSeconds: 5",
            "path: /livez, port: http}\n            periodSeconds: 5",
            {},
        ),
    ],
)
def test_other_right_answers_pass(
    property_id: str, old: str, new: str, params: dict[str, object]
) -> None:
    text, _ = spoiled(POD, old, new)
    found = of_kubernetes(property_id, text, **params)
    assert found.outcome is PASS, found


def test_a_probe_of_a_port_on_which_nothing_serves_is_told_by_name_and_by_number() -> None:
    assert of_kubernetes("kubernetes-probes", POD, port=3000).outcome is PASS
    named = of_kubernetes("kubernetes-probes", POD, port=8080)
    assert named.codes() == {"wrong-port"}
    assert "`http` (3000)" in named.evidence[0].text
    text, _ = spoiled(
        POD,
        "livenessProbe:\n            httpGet: {path: /livez, port: http}",
        "livenessProbe:\n            tcpSocket: {port: 80}",
    )
    assert of_kubernetes("kubernetes-probes", text, port=3000).codes() == {"wrong-port"}
    assert of_kubernetes("kubernetes-probes", text).outcome is PASS


def test_a_liveness_probe_must_not_ask_what_depends_on_something_else() -> None:
    asked = of_kubernetes("kubernetes-probes", POD, dependency_paths=["/livez"])
    assert asked.codes() == {"asks-dependency"}
    assert of_kubernetes("kubernetes-probes", POD, dependency_paths=["/readyz"]).outcome is PASS
    text, _ = spoiled(POD, "path: /livez", "path: '/livez?verbose=1'")
    asked = of_kubernetes("kubernetes-probes", text, dependency_paths=["/livez"])
    assert asked.codes() == {"asks-dependency"}


def test_parameters_narrow_what_is_right() -> None:
    digest = of_kubernetes("kubernetes-pinned-images", POD, digest=True)
    assert digest.codes() == {"not-pinned"}
    startup = of_kubernetes("kubernetes-probes", POD, wanted=["startup"])
    assert startup.codes() == {"no-startup"}
    room = of_kubernetes("kubernetes-read-only", POD, writable=["/var/cache"])
    assert room.codes() == {"no-room"}
    text, _ = spoiled(
        POD, "          emptyDir:\n            sizeLimit: 16Mi\n", "          emptyDir: {}\n"
    )
    size = of_kubernetes("kubernetes-read-only", text, size_limit=True)
    assert size.codes() == {"no-size-limit"}
    assert of_kubernetes("kubernetes-read-only", text, writable=["/tmp"]).outcome is PASS
    text, _ = spoiled(
        POD,
        "              mountPath: /tmp\n",
        "              mountPath: /tmp\n              readOnly: true\n",
    )
    assert of_kubernetes("kubernetes-read-only", text, writable=["/tmp"]).codes() == {"no-room"}
    text, _ = spoiled(
        POD,
        "            preStop:\n              sleep:\n                seconds: 5\n",
        "            {}\n",
    )
    assert of_kubernetes("kubernetes-grace-period", text, pre_stop=True).codes() == {"no-pre-stop"}
    slow = of_kubernetes("kubernetes-grace-period", POD, needed_seconds=41)
    assert slow.codes() == {"too-short"}


@pytest.mark.parametrize("kind", ["Pod", "StatefulSet", "DaemonSet", "Job", "CronJob"])
def test_pods_are_found_in_every_kind(kind: str) -> None:
    pod = "{containers: [{name: a, image: b}], restartPolicy: Never}"
    spec = {
        "Pod": pod,
        "Job": f"{{template: {{spec: {pod}}}}}",
        "CronJob": f"{{schedule: '@daily', jobTemplate: {{spec: {{template: {{spec: {pod}}}}}}}}}",
    }.get(kind, f"{{template: {{spec: {pod}}}}}")
    api = {"Pod": "v1", "Job": "batch/v1", "CronJob": "batch/v1"}.get(kind, "apps/v1")
    text = f"apiVersion: {api}\nkind: {kind}\nmetadata: {{name: x}}\nspec: {spec}\n"
    assert of_kubernetes("kubernetes-pinned-images", text).codes() == {"not-pinned"}
    assert of_kubernetes("kubernetes-restricted", text).outcome is FAIL
    probes = of_kubernetes("kubernetes-probes", text)
    assert probes.outcome is PASS  # restartPolicy Never: it is meant to end


def test_the_items_of_a_list_are_objects_of_their_own() -> None:
    pod = POD.partition("---")[0].replace("\n", "\n    ").rstrip()
    text = f"apiVersion: v1\nkind: List\nitems:\n  - {pod}\n"
    for property_id in ALL:
        assert of_kubernetes(property_id, text).outcome is PASS
    spoilt, line = spoiled(text, "shop/api:1.4.0", "shop/api")
    assert of_kubernetes("kubernetes-pinned-images", spoilt).evidence[0].line == line


def test_a_service_account_may_keep_its_token_back() -> None:
    text, _ = spoiled(
        POD, "      automountServiceAccountToken: false", "      serviceAccountName: api"
    )
    account = "---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: api}\n"
    assert of_kubernetes("kubernetes-no-api-token", text + account).outcome is FAIL
    account += "automountServiceAccountToken: false\n"
    assert of_kubernetes("kubernetes-no-api-token", text + account).outcome is PASS


def test_a_windows_pod_is_held_to_what_windows_has() -> None:
    text = (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec:\n  os: {name: windows}\n"
        "  containers: [{name: a, image: 'b:1'}]\n"
    )
    assert of_kubernetes("kubernetes-restricted", text).outcome is PASS


def test_a_kind_without_a_schema_cannot_be_told() -> None:
    text = "apiVersion: example.com/v1\nkind: Shop\nmetadata: {name: x}\n"
    assert of_kubernetes("kubernetes-valid", text).outcome is UNKNOWN
    assert of_kubernetes("kubernetes-restricted", text).outcome is UNKNOWN


@pytest.mark.parametrize("property_id", ALL)
def test_no_file_is_no_pass(property_id: str) -> None:
    nothing = Observations(failures={KubernetesRequest(): "There is no Kubernetes manifest."})
    assert verdict(property_id, nothing).outcome is UNKNOWN
    assert verdict(property_id, Observations()).outcome is UNKNOWN


@pytest.mark.parametrize("text", ["", "a: [", "- a", "hello", "{}", "kind: Pod", "spec: 1"])
def test_another_shape_is_no_pass_and_no_crash(text: str) -> None:
    assert of_kubernetes("kubernetes-valid", text).outcome is FAIL
    for property_id in set(ALL) - {"kubernetes-secrets"}:
        assert of_kubernetes(property_id, text).outcome is not PASS


def test_one_broken_file_keeps_the_others_from_a_pass() -> None:
    facts = read_kubernetes({"a.yaml": POD.encode(), "b.yaml": b"a: ["})
    seen = Observations(answers={KubernetesRequest(): facts})
    for property_id in ALL:
        assert verdict(property_id, seen).outcome is not PASS


def test_control_characters_do_not_reach_a_report() -> None:
    text = (
        'apiVersion: v1\nkind: Pod\nmetadata: {name: "a\\e[31m"}\nspec:\n  containers:\n'
        '    - {name: "x\\a", image: "y\\e[2J", env: [{name: "TOKEN\\a", value: b}]}\n'
    )
    for property_id in ALL:
        found = of_kubernetes(property_id, text)
        for sentence in (found.summary, *(e.text for e in found.evidence)):
            assert sentence.isprintable()


def test_manifests_are_saved_and_replayed() -> None:
    seen = kubernetes(POD)
    assert facts_from_json(facts_to_json(seen)) == seen


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("100m", 0.1),
        ("1", 1),
        ("1.5", 1.5),
        ("128Mi", 128 * 2**20),
        ("1G", 1e9),
        ("2k", 2000),
        ("1e3", 1000),
        ("256MB", None),
        ("", None),
        ("-1", None),
        ("1 Gi", None),
        ("NaN", None),
    ],
)
def test_quantities(text: str, number: float | None) -> None:
    found = quantity(text)
    assert found == (pytest.approx(number) if number is not None else None)
