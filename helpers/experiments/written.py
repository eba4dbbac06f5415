"""Which files a service writes, and whether it lives where it cannot."""

from __future__ import annotations

from dataclasses import dataclass

from helpers.engine.connect import Engine
from helpers.observe.hardened import HardenedRequest, observe_hardened
from helpers.observe.running import RunningRequest, observe_running
from helpers.observe.service_start import ServiceStart
from helpers.observe.subject import Subject

#: Nobody waits that long, but on a machine that has much to do.
_WAIT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Written:
    """A service, run as usual and then hardened.

    Attributes:
        files: what it wrote to its own layer, without folders.
        serves_read_only: whether it serves with a read-only root file system and a tmpfs at /tmp.
        said: its last line where it does not.
    """

    files: tuple[str, ...]
    serves_read_only: bool
    said: str = ""


def written(engine: Engine, image: str, *, path: str = "/healthz", port: int = 3000) -> Written:
    """Run it twice: once to see what it writes, once (or more) where it cannot.

    Args:
        engine: where.
        image: name or id.
        path: a request that tells whether it serves.
        port: TCP port inside.
    """
    subject = Subject(engine.client, image)
    service = ServiceStart(port, path, wait_seconds=_WAIT_SECONDS)
    seen = observe_running(subject, RunningRequest(service))
    hardened = observe_hardened(subject, HardenedRequest(service))
    alone = next((a for a in hardened.alone if a.restrictions == ("read-only",)), None)
    serves = hardened.together.serves or bool(alone and alone.serves)
    tail = (alone or hardened.together).log_tail
    changed = tuple(c.path for c in seen.changes if not c.folder and c.kind != "deleted")
    return Written(changed, serves, "" if serves or not tail else tail[-1])
