"""Studies that stop when intervals are narrow: planned looks, prefix stability, and what repeated looks cost."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import contagion as ct
from contagion.errors import SchemaError, ValueRangeError
from contagion.experiments.stopping import planned
from contagion.measures.paired import paired_effects

from .conftest import ClosedForm, ClosedFormPrepared, Scaled

SETS = {"half": [Scaled(0.5)], "double": [Scaled(2.0)]}


@dataclass(frozen=True)
class CountedPrepared(ClosedFormPrepared):
    runs: Any = None

    def metrics(self, shock: Any, seed: int, scenario: int) -> np.ndarray:
        self.runs.append((tuple(type(policy).__name__ for policy in self.policies), self.policies, scenario))
        return super().metrics(shock, seed, scenario)


RUNS: list[Any] = []


@dataclass(frozen=True)
class Counted(ClosedForm):
    """Notes every run."""

    def prepare(self, net: ct.Network, policies: Any) -> Any:
        ready = super().prepare(net, policies)
        return CountedPrepared(ready.policies, ready.assets, ready.size, runs=RUNS)


@pytest.fixture(autouse=True)
def nothing_ran() -> None:
    RUNS.clear()


def until(net: Any, **change: Any) -> Any:
    given: dict[str, Any] = {
        "width": 4.0,
        "batch": 50,
        "most": 800,
        "looks": 5,
        "seed": 3,
        **change,
    }
    return ct.compare_until(net, ct.PriceShocks.normal(scale=0.1), Counted(), SETS, **given)


def test_it_stops_at_the_first_planned_look_that_is_narrow_enough(net: Any) -> None:
    found = until(net)
    sizes = planned(50, 800, 5)
    assert found.n in sizes[1:-1] and found.level == 1.0 - 0.05 / 5
    widths = [
        (lambda table: float((table["high"] - table["low"]).max()))(
            ct.compare(
                net, ct.PriceShocks.normal(scale=0.1), ClosedForm(), SETS, n=n, seed=3, level=found.level
            ).effects()
        )
        for n in sizes[: sizes.index(found.n) + 1]
    ]
    assert widths[-1] <= 4.0 < min(widths[:-1])
    assert f"n = {found.n}: the intervals are as narrow as asked" in found.note


def test_it_is_the_comparison_of_its_n_bit_for_bit(net: Any) -> None:
    found = until(net)
    plain = ct.compare(
        net, ct.PriceShocks.normal(scale=0.1), ClosedForm(), SETS, n=found.n, seed=3, level=found.level
    )
    pd.testing.assert_frame_equal(found.to_frame(), plain.to_frame(), check_exact=True)
    pd.testing.assert_frame_equal(found.effects(), plain.effects(), check_exact=True)
    pd.testing.assert_frame_equal(found.scenarios, plain.scenarios, check_exact=True)


def test_no_scenario_runs_twice(net: Any, tmp_path: Path) -> None:
    found = until(net, store=tmp_path / "study")
    assert len(RUNS) == len({(repr(policies), number) for _, policies, number in RUNS}) == 4 * found.n
    again = until(net, store=tmp_path / "study")
    assert len(RUNS) == 4 * found.n
    pd.testing.assert_frame_equal(found.to_frame(), again.to_frame(), check_exact=True)


def test_at_the_most_it_stops_and_says_what_is_still_too_wide(net: Any) -> None:
    found = until(net, width=1e-6, most=100, looks=2)
    assert found.n == 100
    assert "n = 100: no more are allowed, 'half' is" in found.note and "'placebo'" not in found.note
    assert found.provenance["stopping"]["looks"] == [50, 100]


def test_a_named_effect_and_a_relative_width(net: Any) -> None:
    found = until(net, width=None, relative=0.4, effects="half")
    row = found.effects().loc["half"]
    assert row["high"] - row["low"] <= 0.4 * abs(row["difference"])
    nothing = until(net, width=1e-9, effects="placebo")
    assert nothing.n == 50


def test_looks_are_whole_batches_in_about_equal_ratios() -> None:
    assert planned(100, 5000, 8) == [100, 200, 400, 600, 1000, 1700, 2900, 5000]
    assert planned(100, 100, 8) == [100] and planned(30, 100, 1) == [100]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"width": None}, "either width or relative"),
        ({"relative": 0.1}, "either width or relative"),
        ({"width": 0.0}, "width"),
        ({"width": "1"}, "width"),
        ({"batch": 0}, "batch"),
        ({"most": 40}, "most"),
        ({"looks": 1.5}, "looks"),
        ({"looks": 26, "most": 100_000, "batch": 1}, r"looks.*at most 25"),
        ({"effects": "haf"}, "did you mean 'half'"),
        ({"against": "non"}, "did you mean 'none'"),
        ({"metric": "system_los"}, "did you mean 'system_loss'"),
    ],
)
def test_what_cannot_be_planned_is_refused_before_anything_runs(net: Any, change: Any, message: str) -> None:
    with pytest.raises((SchemaError, ValueRangeError), match=message):
        until(net, **change)
    assert not RUNS


def test_repeated_looks_hold_the_truth_as_often_as_they_say_and_unpaid_ones_do_not() -> None:
    """Stopping at the first interval that leaves out 0 is what makes an unpaid look go wrong."""
    sizes, repetitions = planned(50, 400, 4), 500
    gaps = np.random.Generator(np.random.PCG64(0)).standard_normal((repetitions, sizes[-1]))
    missed = {}
    for level in (0.95, 1.0 - 0.05 / len(sizes)):
        looks = [paired_effects(gaps[:, :n], np.zeros(n), confidence=level, seed=n) for n in sizes]
        missed[level] = sum(
            any(not effect.low <= 0.0 <= effect.high for effect in own) for own in zip(*looks, strict=True)
        )
    unpaid, paid = (count / repetitions for count in missed.values())
    assert paid <= 0.05 < unpaid
