"""What an attack showed, as values, and the requests for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from helpers.observe.attack.actions import ALL_IDS
from helpers.observe.attack.hardening import HARDENED, Hardening, hardening_steps
from helpers.observe.requests import Request

#: ``no limit``: not tried, because nothing would have stopped it before the host was harmed. It
#: counts as something that the intruder can do.
Result = Literal["succeeded", "refused", "not tried", "no limit"]


@dataclass(frozen=True, slots=True)
class ActionOutcome:
    """How one action came out.

    Attributes:
        action: its id.
        result: what became of it.
        errno: the name of the kernel's refusal, for example ``EROFS``; empty where there is none.
        means: the program of the image that was used, or would have been, had it worked.
        detail: what was seen, in a few words.
        seconds: how long it took.
    """

    action: str
    result: Result
    errno: str = ""
    means: str = ""
    detail: str = ""
    seconds: float = 0.0

    @property
    def possible(self) -> bool:
        """True where the intruder can do it."""
        return self.result in {"succeeded", "no limit"}


@dataclass(frozen=True, slots=True)
class AttackFacts:
    """One container, attacked.

    Attributes:
        hardening: how it was confined.
        started: False where the engine could not start it; ``start_error`` says why.
        outcomes: one a requested action, in the order of the catalogue.
        pids_limit: processes, as the engine says the limit is in force; None for none.
        memory_limit: bytes, likewise.
        start_error: the engine's message.
        seconds: from making the container to its removal.
    """

    hardening: Hardening
    started: bool
    outcomes: tuple[ActionOutcome, ...] = ()
    pids_limit: int | None = None
    memory_limit: int | None = None
    start_error: str = ""
    seconds: float = 0.0

    def outcome(self, action: str) -> ActionOutcome | None:
        """What became of an action; None where nobody asked for it."""
        return next((o for o in self.outcomes if o.action == action), None)

    @property
    def possible(self) -> tuple[ActionOutcome, ...]:
        """What the intruder can do."""
        return tuple(o for o in self.outcomes if o.possible)


@dataclass(frozen=True, slots=True)
class AttackMatrix:
    """The same image under one hardening after another.

    Attributes:
        image: its name.
        runs: one a hardening, in their order.
        userns_remap: whether root in a container is an unprivileged user of the host on this
            engine.
        seconds: for all of it.
    """

    image: str
    runs: tuple[AttackFacts, ...]
    userns_remap: bool = False
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class AttackRequest(Request[AttackFacts]):
    """Attack a container of the image.

    Attributes:
        hardening: how it is confined.
        actions: ids of what is tried.
    """

    hardening: Hardening = HARDENED
    actions: tuple[str, ...] = ALL_IDS

    observer: ClassVar[str] = "helpers.observe.attack.run_attack:observe_attack"


@dataclass(frozen=True, slots=True)
class AttackMatrixRequest(Request[AttackMatrix]):
    """Attack a container of the image under each hardening.

    Attributes:
        hardenings: how it is confined, one container each.
        actions: ids of what is tried in each.
    """

    hardenings: tuple[Hardening, ...] = field(default_factory=hardening_steps)
    actions: tuple[str, ...] = ALL_IDS

    observer: ClassVar[str] = "helpers.observe.attack.run_attack:observe_matrix"
