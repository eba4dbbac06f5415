"""A service that listens below 1024, as another user than root.

Source: https://docs.docker.com/engine/release-notes/20.10/ (``ip_unprivileged_port_start``)
"""

from __future__ import annotations

import time
from concurrent.futures import Future
from dataclasses import dataclass

from helpers.engine.connect import Engine
from helpers.engine.labels import LESSON
from helpers.observe.containers import ContainerSpec, running_container
from helpers.observe.requests import Probe, ServiceRequest
from helpers.observe.run_service import see_service

SYSCTL = "net.ipv4.ip_unprivileged_port_start"
#: Nobody waits that long, but on a machine that has much to do.
_WAIT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class LowPort:
    """What became of it.

    Attributes:
        serves: whether it answered.
        said: the line of its log with the error; empty where it served.
    """

    serves: bool
    said: str = ""


def listen_low(
    engine: Engine, image: str, *, port: int = 80, first_free: int | None = None
) -> LowPort:
    """Start the orders service on a low port.

    Args:
        engine: where.
        image: name or id; the service takes its port from PORT.
        port: where it listens.
        first_free: the first port that needs no capability; None for what the engine sets.
    """
    spec = ContainerSpec(
        image,
        ports=(port,),
        env=(("PORT", str(port)),),
        sysctls=((SYSCTL, str(first_free)),) if first_free is not None else (),
        role=LESSON,
    )
    request = ServiceRequest(port, (Probe("/healthz"),), wait_seconds=_WAIT_SECONDS)
    began = time.monotonic()
    with running_container(engine.client, spec) as container:
        facts = see_service(engine.client.api, container, request, began, Future())
    said = next((line for line in facts.log_tail if "EACCES" in line), "")
    code = "EACCES" if said else "no answer"
    return LowPort(facts.ready_seconds is not None, "" if facts.ready_seconds else code)
