"""Windows, horizons and rounds: what is shorter than a round, and what outlasts the last one."""

from __future__ import annotations

import pandas as pd
import pytest

import contagion as ct
from contagion.errors import SchemaError, TooLargeError, ValueRangeError
from tests.propagation.cascade.books import one_market


@pytest.mark.parametrize("window", [0.0, 15.0, 30.0, 59.0])
def test_a_window_shorter_than_a_round_still_sees_the_round_before(window: float) -> None:
    net = one_market([(1.0, 1_000.0)], depth=2.0**30)
    halt = ct.Halt(drop=0.05, window=window, length=120.0)
    run = ct.run(net, ct.PriceShock({"X": -0.2}, over=0.0), ct.Cascade(step=60.0), [halt])
    assert run.metrics["halted_seconds"] == 120.0


def test_a_shock_that_outlasts_the_horizon_is_refused() -> None:
    net = one_market([(1.0, 900.0)])
    with pytest.raises(ValueRangeError, match=r"goes on after the last round.*Cascade\(horizon=36000\)"):
        ct.run(net, ct.PriceShock({"X": -0.4}, over=36_000.0), ct.Cascade(step=60.0))
    path = ct.PricePath(pd.DataFrame({"X": [1024.0, 1000.0, 512.0]}, index=[0.0, 7_200.0, 14_400.0]))
    with pytest.raises(ValueRangeError, match=r"until 14400 s"):
        ct.run(net, path, ct.Cascade(step=60.0))
    assert ct.run(net, path, ct.Cascade(step=60.0, horizon=14_400.0)).metrics["direct_loss"] > 0


def test_a_step_that_makes_too_many_rounds_is_refused_before_anything_runs() -> None:
    with pytest.raises(TooLargeError, match=r"at most 1,000,000 are kept"):
        ct.Cascade(step=1e-9)
    assert ct.Cascade.static().is_static


def test_a_class_in_place_of_a_model_is_refused_by_name() -> None:
    net = one_market([(1.0, 900.0)])
    with pytest.raises(SchemaError, match=r"model.*is no model"):
        ct.run(net, ct.PriceShock({"X": -0.1}), ct.Cascade)


def test_the_last_round_counts_not_the_horizon_between_two_rounds() -> None:
    """Rounds of 700 s up to 7,200 s end at 7,000 s: what moves until 7,100 s would lose its end."""
    net = one_market([(1.0, 900.0)])
    with pytest.raises(ValueRangeError, match=r"at most 7000 s.*Cascade\(horizon=7700\)"):
        ct.run(net, ct.PriceShock({"X": -0.2}, over=7_100.0), ct.Cascade(step=700.0))
    longer = ct.run(net, ct.PriceShock({"X": -0.2}, over=7_100.0), ct.Cascade(step=700.0, horizon=7_700.0))
    assert longer.markets.loc["M", "outside_price"] == pytest.approx(0.8 * 1024.0, rel=1e-12)
    assert (
        ct.run(net, ct.PriceShock({"X": -0.2}), ct.Cascade.static()).markets.loc["M", "closing_price"]
        < 1024.0
    )
