"""The Pod Security Standards, level "restricted", control by control.

Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/
"""

from __future__ import annotations

from collections.abc import Iterator

from helpers.judge.manifest import Node, found_at
from helpers.judge.pods import Container, Pod
from helpers.judge.verdict import Evidence
from helpers.judge.words import listed
from helpers.observe.text import printable

#: What the controls are called, by the code of their evidence.
CONTROLS = {
    "host-process": "baseline, HostProcess: a Windows pod runs as a process of the host",
    "host-namespaces": "baseline, host namespaces: hostNetwork, hostPID or hostIPC",
    "privileged": "baseline, privileged containers",
    "capabilities": "restricted, capabilities: ALL is not dropped, or one is added that may not be",
    "host-path": "baseline, HostPath volumes",
    "host-ports": "baseline, host ports",
    "host-probes": "baseline, host probes: a probe or hook names a host",
    "apparmor": "baseline, AppArmor: the profile is switched off",
    "selinux": "baseline, SELinux: a type, user or role of its own",
    "proc-mount": "baseline, /proc mount type",
    "sysctls": "baseline, sysctls that are not safe",
    "volume-types": "restricted, volume types",
    "privilege-escalation": "restricted, privilege escalation is not forbidden",
    "run-as-non-root": "restricted, running as non-root is not demanded",
    "run-as-root": "restricted, runAsUser is 0",
    "seccomp": "restricted, seccomp: neither RuntimeDefault nor Localhost",
}
_VOLUMES = frozenset(
    {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim"}
    | {"projected", "secret"}
)
_SAFE_SYSCTLS = frozenset(
    {"kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies"}
    | {"net.ipv4.ip_unprivileged_port_start", "net.ipv4.ping_group_range"}
    | {"net.ipv4.ip_local_reserved_ports", "net.ipv4.tcp_keepalive_time"}
    | {"net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes"}
)
_SELINUX_TYPES = frozenset(
    {"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
)
_HANDLERS = (
    ("livenessProbe",),
    ("readinessProbe",),
    ("startupProbe",),
    ("lifecycle", "postStart"),
    ("lifecycle", "preStop"),
)
_APPARMOR = "container.apparmor.security.beta.kubernetes.io/"


def violations(pod: Pod) -> Iterator[Evidence]:
    """Every place where a pod is not within the level."""
    yield from _pod(pod)
    for container in pod.containers():
        yield from _baseline(container)
        if not pod.is_windows:
            yield from _restricted(container)


def _pod(pod: Pod) -> Iterator[Evidence]:
    spec, context = pod.spec, pod.spec.at("securityContext")
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.at(key).is_true:
            yield found_at("host-namespaces", spec.at(key), f"{pod.shown} has `{key}: true`.")
    for volume in spec.at("volumes").each():
        kinds = [key for key, _ in volume.items() if key != "name"]
        name = printable(volume.at("name").text, 40)
        if "hostPath" in kinds:
            path = printable(volume.at("hostPath", "path").text, 60)
            text = f"the volume `{name}` of {pod.shown} is the host's `{path}`."
            yield found_at("host-path", volume, text)
        elif other := [k for k in kinds if k not in _VOLUMES]:
            text = f"the volume `{name}` of {pod.shown} is of type {listed(other)}."
            yield found_at("volume-types", volume, text)
    for sysctl in context.at("sysctls").each():
        name = sysctl.at("name").text
        if name not in _SAFE_SYSCTLS:
            text = f"{pod.shown} sets the sysctl `{printable(name, 60)}`, which is not safe."
            yield found_at("sysctls", sysctl, text)
    for key, node in pod.template.at("metadata", "annotations").items():
        if key.startswith(_APPARMOR) and not _is_profile(node.text):
            text = f"{pod.shown} has the AppArmor profile `{printable(node.text, 40)}`."
            yield found_at("apparmor", node, text)
    yield from _context(pod.shown, context)


def _is_profile(text: str) -> bool:
    return text in {"", "runtime/default"} or text.startswith("localhost/")


def _context(who: str, context: Node) -> Iterator[Evidence]:
    """What may not stand in the security context of a pod or a container."""
    process = context.at("windowsOptions", "hostProcess")
    if process.is_true:
        yield found_at("host-process", process, f"{who} runs as a process of the host.")
    apparmor = context.at("appArmorProfile", "type")
    if apparmor.text == "Unconfined":
        yield found_at("apparmor", apparmor, f"{who} switches AppArmor off.")
    options = context.at("seLinuxOptions")
    if options.at("type").text not in _SELINUX_TYPES:
        yield found_at("selinux", options, f"{who} has an SELinux type of its own.")
    if options.at("user").text or options.at("role").text:
        yield found_at("selinux", options, f"{who} sets an SELinux user or role.")
    if context.at("runAsUser").number == 0:
        yield found_at("run-as-root", context.at("runAsUser"), f"{who} has `runAsUser: 0`.")
    profile = context.at("seccompProfile", "type")
    if profile.text == "Unconfined":
        yield found_at("seccomp", profile, f"{who} switches seccomp off.")


def _baseline(container: Container) -> Iterator[Evidence]:
    who, node = container.shown, container.node
    context = node.at("securityContext")
    if context.at("privileged").is_true:
        yield found_at("privileged", context.at("privileged"), f"{who} is privileged.")
    for port in node.at("ports").each():
        if port.at("hostPort").number:
            text = f"{who} takes port {port.at('hostPort').text} of the host."
            yield found_at("host-ports", port.at("hostPort"), text)
    for steps in _HANDLERS:
        for kind in ("httpGet", "tcpSocket"):
            host = node.at(*steps, kind, "host")
            if host.text:
                text = f"{who}: `{steps[-1]}` goes to another host, `{printable(host.text, 60)}`."
                yield found_at("host-probes", host, text)
    mount = context.at("procMount")
    if mount.text not in {"", "Default"}:
        yield found_at("proc-mount", mount, f"{who} has `procMount: {printable(mount.text, 20)}`.")
    yield from _context(who, context)


def _restricted(container: Container) -> Iterator[Evidence]:
    who, context = container.shown, container.node.at("securityContext")
    escalation = context.at("allowPrivilegeEscalation")
    if not escalation.is_false:
        text = f"{who} lacks `allowPrivilegeEscalation: false`."
        yield found_at("privilege-escalation", escalation, text)
    non_root = container.security("runAsNonRoot")
    if not non_root.is_true:
        yield found_at("run-as-non-root", non_root, f"{who} lacks `runAsNonRoot: true`.")
    seccomp = container.security("seccompProfile").at("type")
    if seccomp.text not in {"RuntimeDefault", "Localhost", "Unconfined"}:
        text = f"{who} lacks `seccompProfile: {{type: RuntimeDefault}}`."
        yield found_at("seccomp", seccomp, text)
    capabilities = context.at("capabilities")
    if "ALL" not in capabilities.at("drop").words():
        text = f"{who} does not drop ALL capabilities."
        yield found_at("capabilities", capabilities.at("drop"), text)
    for added in capabilities.at("add").each():
        if added.text != "NET_BIND_SERVICE":
            text = f"{who} adds the capability {printable(added.text, 40)}."
            yield found_at("capabilities", added, text)
