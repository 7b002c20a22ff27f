"""Shocks to implied volatilities: profile, sums, multiples, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import contagion as ct
from contagion.errors import InputError, NetworkError, SchemaError, UnitError, ValueRangeError
from contagion.markets import black_scholes
from tests.propagation.cascade.listed import EXPIRY, SPOT, STRIKE, VOLATILITY, YEAR, Owner, listed_net
from tests.propagation.cascade.test_scans import end

SHOCK = ct.VolatilityShock({"X": 3.0}, over=120.0)


def factors(shock: Any, *seconds: float) -> list[float]:
    found = shock.volatility_factors(["USD", "X"], np.array(seconds))
    assert (found[:, 0] == 1.0).all()
    return [float(value) for value in found[:, 1]]


def test_the_move_is_linear_in_the_log_of_volatility_and_then_stays() -> None:
    assert factors(SHOCK, 0.0, 60.0, 120.0, 600.0) == [1.0, 2.0, 4.0, 4.0]
    assert factors(SHOCK.gap(), 0.0, 60.0) == [1.0, 4.0]
    assert (SHOCK.end(60.0), SHOCK.gap().end(60.0), ct.VolatilityShock({"X": 0.0}).end(60.0)) == (
        120.0,
        60.0,
        0.0,
    )


def test_shocks_to_volatility_add_and_scale_in_logs_and_say_so() -> None:
    assert factors(SHOCK + SHOCK, 120.0) == [16.0]
    assert factors(0.5 * SHOCK, 120.0) == [2.0]
    assert factors(-1 * SHOCK, 120.0) == [0.25]
    assert SHOCK.describe() == "implied volatility of X +300.0 % over 2 min, linear in its log"
    assert hash(SHOCK) == hash(ct.VolatilityShock({"X": 3.0}, 120.0)) and SHOCK == 1 * SHOCK
    assert (SHOCK.price_factors(["X"], np.array([120.0])) == 1.0).all()


@pytest.mark.parametrize(
    ("moves", "over", "error", "says"),
    [
        ({"X": -1.0}, 0.0, ValueRangeError, "leaves nothing"),
        ({"X": float("nan")}, 0.0, ValueRangeError, "not finite"),
        ({"X": "high"}, 0.0, SchemaError, "is no number"),
        ({}, 0.0, SchemaError, "moves"),
        ({"X": 0.5}, -1.0, ValueRangeError, "over"),
    ],
)
def test_bad_moves_are_refused(moves: Any, over: float, error: type[InputError], says: str) -> None:
    with pytest.raises(error, match=says):
        ct.VolatilityShock(moves, over)


def test_unknown_assets_the_unit_and_assets_without_options_are_refused() -> None:
    net = listed_net({"a": Owner({"call": 1.0}, 1e6)})
    with pytest.raises(NetworkError, match=r"VolatilityShock\.moves.*'Y'"):
        end(net, ct.VolatilityShock({"Y": 0.5}))
    with pytest.raises(UnitError, match="USD"):
        end(net, ct.VolatilityShock({"USD": 0.5}))
    owed = {"debtor": "a", "creditor": "V", "amount": 1.0}
    bare = listed_net({"a": Owner({"perp": 1.0}, 1e6)}, markets={"perp": {}})
    with pytest.raises(NetworkError, match=r"'X' has no options.*nothing: the network has no options"):
        end(bare, ct.VolatilityShock({"X": 0.5}))
    with pytest.raises(NetworkError, match=r"implied volatilities, which .* does not read"):
        ct.run(bare.replace(obligations=[owed]), ct.VolatilityShock({"X": 0.5}), ct.Clearing())


def test_marks_are_the_model_at_the_moved_volatility_to_the_power_of_the_markets_beta() -> None:
    option = {"kind": "option", "strike": STRIKE, "expiry": EXPIRY, "option_side": "put"}
    betas = {"flat": 0.0, "near": 1.0, "far": 0.5}
    markets = {
        name: {**option, "implied_volatility": VOLATILITY, "volatility_beta": beta}
        for name, beta in betas.items()
    }
    net = listed_net({"a": Owner(dict.fromkeys(betas, 1.0), 1e6)}, markets=markets)
    state = end(net, SHOCK + ct.PriceShock({"X": -0.25}, over=0.0), rounds=3)
    for name, beta in betas.items():
        row = state.markets[net.markets.index.get_loc(name)]
        years = (EXPIRY - 180.0) / YEAR
        worth = black_scholes("put", 0.75 * SPOT, STRIKE, years, VOLATILITY * 4.0**beta).price
        assert row["mark"] == row["outside"] == pytest.approx(float(worth), rel=1e-12)
        assert row["implied_now"] == pytest.approx(VOLATILITY * 4.0**beta, rel=1e-15)


def test_marks_on_an_observed_path_are_the_model_at_observed_prices() -> None:
    import pandas as pd

    net = listed_net({"a": Owner({"call": 1.0}, 1e6)})
    frame = pd.DataFrame({"X": [SPOT, 0.75 * SPOT]}, index=[0.0, 60.0])
    state = end(net, ct.PricePath(frame, observed=True) + SHOCK.gap(), rounds=2)
    row = state.markets[net.markets.index.get_loc("call")]
    worth = black_scholes("call", 0.75 * SPOT, STRIKE, (EXPIRY - 120.0) / YEAR, 4.0 * VOLATILITY).price
    assert row["mark"] == row["last"] == pytest.approx(float(worth), rel=1e-12)
