"""The ports that the image declares."""

from __future__ import annotations

from pydantic import Field

from helpers.judge.config_evidence import image_only, located, port_name
from helpers.judge.property import Params, Property
from helpers.judge.verdict import Verdict
from helpers.judge.words import (
    at_most,
    could_not_tell,
    failed,
    listed,
    no_image,
    passed,
)
from helpers.observe.requests import Observations
from helpers.observe.text import printable


class PortsParams(Params):
    """Parameters of ``unprivileged-ports``."""

    first: int = Field(
        1024, ge=0, le=65535, description="Lowest port that may be declared, a port number."
    )


class DeclaredParams(Params):
    """Parameters of ``ports-declared``."""

    ports: tuple[str, ...] = Field(
        (),
        description="Ports that must be declared, as `3000` or `53/udp`; empty where any one will "
        "do. No unit.",
    )


def judge_ports_declared(params: DeclaredParams, observations: Observations) -> Verdict:
    """EXPOSE names the ports that the service listens on."""
    image = observations.image
    if image is None:
        return no_image(observations)
    declared = {port_name(port) for port in image.config.exposed_ports}
    shown = listed(sorted(declared)) or "none"
    if not params.ports and not declared:
        return could_not_tell(
            "the image declares no port, and whether it should serve one is not said: `ports` "
            "names those that are wanted"
        )
    missing = [port for port in map(port_name, params.ports) if port not in declared]
    if missing:
        text = f"{listed(missing)} not declared with EXPOSE; declared: {shown}."
        evidence = located("not-declared", text, observations, "EXPOSE")
        return failed(f"Ports declared: {shown}.", [evidence])
    return passed(f"Ports declared: {shown}.")


def judge_unprivileged_ports(params: PortsParams, observations: Observations) -> Verdict:
    """No declared port that only root may open everywhere."""
    image = observations.image
    if image is None:
        return no_image(observations)
    ports = [port_name(port) for port in image.config.exposed_ports]
    if not ports:
        return passed("Does not apply: the image declares no port.")
    evidence = []
    for port in ports:
        number = port.partition("/")[0].partition("-")[0]
        if not number.isdecimal() or not 0 < int(number) <= 65535:
            code, text = "no-port", f"`{printable(port, 40)}` is no port number."
        elif int(number) == 22:
            code, text = "remote-shell", "Port 22 is SSH: a container needs no remote shell."
        elif int(number) < params.first:
            code = "low-port"
            text = f"Port {port} is below {params.first}: only root may open it everywhere."
        else:
            continue
        evidence.append(located(code, text, observations, "EXPOSE"))
    summary = f"Ports declared: {printable(listed(ports), 200)}; {params.first} or above wanted."
    return failed(summary, at_most(evidence, "port")) if evidence else passed(summary)


PROPERTIES = (
    Property(
        id="ports-declared",
        family="configuration",
        title="The ports of the service are declared",
        meaning="EXPOSE documents the ports for people and tools (`docker run -P`, Compose, "
        "orchestrators). It opens nothing by itself. Without a declared port and without the "
        "parameter nothing can be told: the image may hold a job.",
        source="https://docs.docker.com/reference/dockerfile/#expose",
        params=DeclaredParams,
        codes={"not-declared": "a port that is wanted is not declared"},
        needs=image_only,
        judge=judge_ports_declared,
        remedy="Add EXPOSE with the port that the service listens on.",
        weight=1,
        covers=("container-structure-test metadata.exposedPorts",),
    ),
    Property(
        id="unprivileged-ports",
        family="configuration",
        title="The service needs no privileged port",
        meaning="Every declared port is 1024 or above, so that a user without capabilities may "
        "open it, whatever the engine's settings. Port 22 is reported as a remote shell.",
        source="https://docs.docker.com/engine/security/rootless/tips/#exposing-privileged-ports",
        params=PortsParams,
        codes={
            "low-port": "a port that only root may open everywhere",
            "remote-shell": "the port of SSH",
            "no-port": "what is declared is no port",
        },
        needs=image_only,
        judge=judge_unprivileged_ports,
        remedy="Let the service listen on a port such as 8080 and publish it as `-p 80:8080`.",
        weight=2,
        covers=(
            "docker-bench 5.7",
            "docker-bench 5.8",
            "hadolint DL3011",
            "container-structure-test metadata.unexposedPorts",
        ),
    ),
)
