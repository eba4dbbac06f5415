"""A container is started once more where runc broke down before it, and only there."""

from __future__ import annotations

import docker.errors
import pytest

from helpers.observe.containers import start_container

LOST = (
    "OCI runtime create failed: runc create failed: unable to start container process: "
    "waiting for init preliminary setup: read init-p: connection reset by peer: unknown"
)


class Api:
    """The engine's API, with what it answers to each start."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.started: list[str] = []

    def start(self, container: str) -> None:
        self.started.append(container)
        answer = self.answers.pop(0)
        if answer:
            raise docker.errors.APIError("500 Server Error", explanation=answer)


def test_a_runtime_that_lost_its_first_process_is_asked_again() -> None:
    api = Api(LOST, "")
    start_container(api, "c")  # type: ignore[arg-type]
    assert api.started == ["c", "c"]


@pytest.mark.parametrize("answers", [(LOST, LOST), ("exec: no such file",)])
def test_what_stays_wrong_is_told(answers: tuple[str, ...]) -> None:
    api = Api(*answers)
    with pytest.raises(docker.errors.APIError, match="500"):
        start_container(api, "c")  # type: ignore[arg-type]
    assert len(api.started) == len(answers)
