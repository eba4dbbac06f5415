"""What the environment may say."""

from __future__ import annotations

import pytest
from worker.config import WrongConfig, read_config

URL = "postgres://orders:hunter2@database:5432/orders"


def test_everything_but_the_database_has_a_default() -> None:
    config = read_config({"DATABASE_URL": URL, "POLL_SECONDS": ""})
    assert (config.poll_seconds, config.shutdown_timeout_seconds) == (1.0, 8.0)
    assert (config.work_seconds, config.log_level, config.alive_file) == (0.0, "info", "")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", ""),
        ("DATABASE_URL", "mysql://orders:hunter2@database/orders"),
        ("POLL_SECONDS", "0"),
        ("POLL_SECONDS", "nan"),
        ("SHUTDOWN_TIMEOUT_SECONDS", "8s"),
        ("WORK_SECONDS", "-1"),
        ("LOG_LEVEL", "loud"),
    ],
)
def test_a_wrong_value_is_named_and_not_repeated(name: str, value: str) -> None:
    with pytest.raises(WrongConfig, match=name) as caught:
        read_config({"DATABASE_URL": URL, name: value})
    assert "hunter2" not in str(caught.value)


def test_the_password_is_not_shown() -> None:
    assert "hunter2" not in repr(read_config({"DATABASE_URL": URL}))
