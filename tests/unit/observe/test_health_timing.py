"""When the engine runs a health check, as it is told in a container's configuration."""

from __future__ import annotations

from helpers.observe.containers import ContainerSpec, HealthTiming, _health

EVERY_HALF_SECOND = HealthTiming(interval=0.5, timeout=2, retries=1)


def test_the_image_s_own_check_is_kept_and_only_its_timing_changed() -> None:
    config = _health(ContainerSpec("a:1", health=EVERY_HALF_SECOND), start_interval=True)
    assert config == {
        "Interval": 500_000_000,
        "StartInterval": 500_000_000,
        "Timeout": 2_000_000_000,
        "Retries": 1,
    }


def test_an_engine_without_a_start_interval_is_told_none() -> None:
    config = _health(ContainerSpec("a:1", health=EVERY_HALF_SECOND), start_interval=False)
    assert config is not None
    assert "StartInterval" not in config


def test_a_check_and_a_start_period_of_the_container_s_own() -> None:
    timing = HealthTiming(1, 1, 3, start_period=10)
    spec = ContainerSpec("a:1", health=timing, health_test=("CMD", "true"))
    config = _health(spec, start_interval=True)
    assert config is not None
    assert config["Test"] == ["CMD", "true"]
    assert config["StartPeriod"] == 10_000_000_000


def test_none_at_all() -> None:
    assert _health(ContainerSpec("a:1"), start_interval=True) is None
    assert _health(ContainerSpec("a:1", no_health=True), start_interval=True) == {"Test": ["NONE"]}
