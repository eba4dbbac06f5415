import pytest

from benchmarks.pairs import Pairs, Summary, paired, repeated, summary


class Machine:
    """A clock that only the measured things move."""

    def __init__(self) -> None:
        self.now = 0.0
        self.calls: list[str] = []

    def takes(self, name: str, *seconds: float):
        left = list(seconds)

        def call() -> None:
            self.calls.append(name)
            self.now += left.pop(0)

        return call

    def clock(self) -> float:
        return self.now


def test_pairs_run_in_turn_and_the_warm_up_does_not_count():
    machine = Machine()
    pairs = paired(
        machine.takes("a", 100, 1, 2),
        machine.takes("b", 100, 4, 4),
        pairs=2,
        warm_up=1,
        clock=machine.clock,
    )
    assert machine.calls == ["a", "b", "a", "b", "a", "b"]
    assert pairs == Pairs((1, 2), (4, 4))


def test_the_ratio_is_the_median_of_the_ratios_not_the_ratio_of_the_medians():
    pairs = Pairs((1, 10, 100), (10, 1, 100))
    assert pairs.ratio == Summary(1, 0.1, 10)
    assert Pairs((1, 2, 9), (4, 2, 3)).ratio == Summary(1, 0.25, 3)


def test_both_sides_need_the_same_number_of_runs():
    with pytest.raises(ValueError, match="shorter"):
        _ = Pairs((1, 2), (1,)).ratio


def test_repeated_leaves_the_warm_up_out():
    machine = Machine()
    took = repeated(machine.takes("a", 50, 3, 1, 2), runs=3, clock=machine.clock)
    assert took == Summary(2, 1, 3)


def test_a_failure_is_no_measurement():
    def fails() -> None:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        paired(fails, lambda: None)


def test_nothing_has_no_median():
    with pytest.raises(ValueError, match="no figures"):
        summary([])
