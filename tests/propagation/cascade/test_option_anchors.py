"""Exact anchors of options inside the cascade: exercise at expiry, parity, model value, a straddle closed by hand."""

from __future__ import annotations

import numpy as np
import pytest

import contagion as ct
from contagion.markets import black_scholes
from tests.propagation.cascade.listed import BOOK, SPOT, STRIKE, VOLATILITY, YEAR, Owner, listed_net
from tests.propagation.cascade.test_scans import FORWARD, STEP, by_hand, end, money


@pytest.mark.parametrize("side", ["call", "put"])
@pytest.mark.parametrize("move", [-0.5, -0.0625, 0.0, 0.25, 1.0])
def test_exercise_at_expiry_pays_what_the_option_is_worth_to_the_last_quantum(side: str, move: float) -> None:
    terms = {"kind": "option", "strike": STRIKE, "implied_volatility": VOLATILITY, "option_side": side}
    net = listed_net({"a": Owner({side: 4.0}, 8192.0)}, markets={side: {**terms, "expiry": 2 * STEP}})
    state = end(net, ct.PriceShock({"X": move}, over=0.0), rounds=3)
    paid = 4.0 * max(0.0, (1.0 if side == "call" else -1.0) * ((1.0 + move) * SPOT - STRIKE))
    entry = 4.0 * float(net.positions.set_index("account").loc["a", "entry_price"])
    at = net.accounts.index.get_loc("a")
    quantum = float(state.clock["quantum"][0])
    assert (state.quantity == 0.0).all()
    assert money(state, state.cash)[at] == pytest.approx(
        8192.0 + paid - entry, abs=2.0 * quantum + 1e-15 * SPOT
    )


def test_parity_holds_on_any_path_of_prices_and_volatilities() -> None:
    net = listed_net({"a": Owner(FORWARD, 1000.0)})
    for move, volatility in ((-0.5, 3.0), (0.25, -0.5), (1.0, 1.0)):
        shock = ct.PriceShock({"X": move}, over=120.0) + ct.VolatilityShock({"X": volatility}, over=180.0)
        state = end(net, shock, rounds=5)
        at = net.accounts.index.get_loc("a")
        assert money(state, state.equity)[at] == pytest.approx(1000.0, abs=1e-9)
        assert money(state, state.requirement)[at] == pytest.approx(0.0, abs=1e-9)


def test_a_short_straddle_is_closed_by_a_shock_to_volatility_alone() -> None:
    from tests.propagation.cascade.listed import EXPIRY

    legs, years = {"call": -4.0, "put": -4.0}, (EXPIRY - STEP) / YEAR
    now, then = (
        4.0 * sum(float(black_scholes(kind, SPOT, STRIKE, t, sigma).price) for kind in legs)
        for t, sigma in ((EXPIRY / YEAR, VOLATILITY), (years, 1.5 * VOLATILITY))
    )
    lost = then - now
    asked = scan_at(1.5 * VOLATILITY, legs)
    assert lost > 0.0 and asked > by_hand(legs, SPOT, 0.0)
    for spare, closed in ((-0.25, 1.0), (0.25, 0.0)):
        net = listed_net({"a": Owner(legs, lost + asked + spare)})
        run = ct.run(net, ct.VolatilityShock({"X": 0.5}), ct.Cascade(step=STEP, horizon=STEP))
        assert run.metrics["liquidated_accounts"] == closed
        calm = ct.run(net, ct.VolatilityShock({"X": 0.0}), ct.Cascade(step=STEP, horizon=STEP))
        assert calm.metrics["liquidated_accounts"] == 0.0


def scan_at(volatility: float, legs: dict[str, float]) -> float:
    """What the straddle needs a round after the opening at another volatility."""
    from contagion.margin import scan_margin
    from contagion.markets import grid_scenarios, risk_array
    from tests.propagation.cascade.listed import EXPIRY

    scenarios = grid_scenarios(0.16, extreme=(-0.33, 0.33), powers=(0.0, 0.0))
    profits = risk_array(list(legs), SPOT, STRIKE, (EXPIRY - STEP) / YEAR, volatility, scenarios=scenarios)
    return float(scan_margin(list(legs.values()), profits, ["X"] * len(legs)).margin)


def test_the_books_of_options_open_at_the_model_and_marks_stay_there_when_the_book_is_pushed() -> None:
    terms = {"kind": "option", "strike": STRIKE, "implied_volatility": VOLATILITY, "option_side": "call"}
    markets = {"call": {**terms, "expiry": YEAR / 16.0, **BOOK}}
    owners = {"a": Owner({"call": -64.0}, 3_000.0), "b": Owner({"call": 4.0}, 1e4)}
    net = listed_net(owners, markets=markets)
    state = end(net, ct.PriceShock({"X": 0.125}, over=0.0), rounds=2)
    row = state.markets[0]
    worth = float(
        black_scholes("call", 1.125 * SPOT, STRIKE, (YEAR / 16.0 - 2 * STEP) / YEAR, VOLATILITY).price
    )
    assert state.liquidated.any()
    assert row["permanent"] + row["temporary"] < 0.0  # bought back: the book stands above the model
    assert row["last"] > row["mark"] == pytest.approx(worth, rel=1e-12)
    assert np.isfinite(row["last"])
