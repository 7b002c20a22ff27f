"""Hedgers whose hedge is a dated future: lots count by the future's slope, and expiry ends the hedge."""

from __future__ import annotations

import math

import pandas as pd
import pytest

import contagion as ct
from contagion.markets.basis import fair_future
from contagion.markets.options import black_scholes
from contagion.network.contracts import SECONDS_PER_YEAR
from tests.propagation.cascade.hedgers import LOT, SPOT, STRIKE, VOLATILITY, YEARS, Hedged, gap, hedged_net

CARRY, MONTHS = 0.8, 0.25 * SECONDS_PER_YEAR
FALL = -0.02
LEFT = SPOT * (1.0 + FALL)
LATER = {0.0: SPOT, 10.0: LEFT, 150.0: LEFT, 160.0: 0.9 * SPOT}


def delta(price: float, seconds: float = 0.0) -> float:
    """Of one call, so long after the opening."""
    left = YEARS - seconds / SECONDS_PER_YEAR
    return float(black_scholes("call", price, STRIKE, left, VOLATILITY).delta)


def slope(seconds: float = 0.0, expiry: float = MONTHS) -> float:
    """Of the future's price in the price of the asset."""
    return float(fair_future(1.0, (expiry - seconds) / SECONDS_PER_YEAR, rate=CARRY))


def world(calls: float, expiry: float = MONTHS, carry: float = CARRY, hedge: float = 0.0) -> ct.Network:
    """Calls that are hedged in the future F; nothing moves its price but the index."""
    terms = {"expiry": expiry, "carry": carry, "impact_coefficient": 0.0}
    return hedged_net(Hedged(calls, kind="future", hedge=hedge, market=terms))


def hedges(run: ct.Run) -> pd.DataFrame:
    """Trades of the hedger."""
    return run.events[run.events["kind"] == "delta_hedge"]


@pytest.mark.parametrize("calls", [-500.0, 500.0])
def test_the_change_of_delta_is_traded_in_units_of_the_future(calls: float) -> None:
    run = ct.run(world(calls), gap(FALL), ct.Cascade.static())
    wanted = calls * (delta(LEFT) - delta(SPOT)) / slope()
    trades = hedges(run)
    assert set(trades["market"]) == {"F"}
    assert -trades["lots"].sum() == math.trunc(wanted / LOT)
    assert trades["price"].tolist() == [pytest.approx(LEFT * slope(), rel=1e-12)]
    assert abs(wanted) < abs(calls * (delta(LEFT) - delta(SPOT)))  # a future moves by more than the asset


def test_hedges_follow_delta_as_both_contracts_age() -> None:
    run = ct.run(world(-500.0), gap(FALL), ct.Cascade(step=3600.0, horizon=10.0 * 3600.0))
    trades = hedges(run)
    hedged = (-trades["lots"] * LOT * trades["time"].map(slope)).sum()
    last = float(run.paths["time"].max())
    assert len(trades) >= 1
    assert trades.iloc[0]["lots"] == -math.trunc(
        -500.0 * (delta(LEFT, 3600.0) - delta(SPOT)) / (LOT * slope(3600.0))
    )
    at = float(trades["time"].max())
    assert hedged == pytest.approx(-500.0 * (delta(LEFT, at) - delta(SPOT)), abs=2.0 * LOT)
    assert at <= last


def test_a_hedge_in_a_future_gains_what_the_calls_lose_to_the_second_order() -> None:
    """Held from the opening: delta units of the future against the calls; what is left is gamma."""
    units = 500.0 * delta(SPOT) / slope()
    move = 0.002
    run = ct.run(world(-500.0, hedge=units), gap(-move), ct.Cascade.static())
    change = run.accounts["closing_equity"] - run.accounts["opening_equity"]
    value = [
        float(black_scholes("call", p, STRIKE, YEARS, VOLATILITY).price) for p in (SPOT, SPOT * (1.0 - move))
    ]
    assert change["book"] == pytest.approx(500.0 * (value[0] - value[1]), rel=1e-6)
    assert change["hedge"] == pytest.approx(-units * SPOT * move * slope(), rel=1e-4)
    width = VOLATILITY * math.sqrt(YEARS)
    gamma = math.exp(-0.5 * (math.log(SPOT / STRIKE) / width + 0.5 * width) ** 2)
    gamma /= math.sqrt(2.0 * math.pi) * SPOT * width
    left = change["book"] + change["hedge"]
    assert left == pytest.approx(-500.0 * 0.5 * gamma * (SPOT * move) ** 2, rel=0.03)


def test_when_the_future_has_expired_nobody_hedges_any_more() -> None:
    expiry = 95.0
    shock = ct.PricePath(pd.DataFrame({"X": list(LATER.values())}, index=list(LATER)))
    net = world(-500.0, expiry, carry=0.0, hedge=240.0)
    run = ct.run(net, shock, ct.Cascade(step=10.0, horizon=300.0))
    trades = hedges(run)
    assert trades["time"].min() == 10.0
    assert trades["time"].max() <= 90.0
    paid = run.events[run.events["kind"] == "expiry"]
    assert paid["time"].tolist() == [100.0]
    assert paid["price"].tolist() == [pytest.approx(LEFT)]
    # bought at 100, less what was sold at 98 before, and the rest paid out at 98: all at 98
    assert run.accounts.loc["hedge", "closing_equity"] == pytest.approx(1e6 - 240.0 * (SPOT - LEFT), abs=1e-3)
    assert run.paths.loc[run.paths["market"] == "S", "index"].min() == pytest.approx(0.9 * SPOT)
    assert run.metrics["deferred_notional"] == 0.0


def test_a_future_that_expires_before_the_options_is_a_warning_by_row() -> None:
    found = world(-500.0, 95.0).check()
    told = found[found["code"] == "hedge-expires"]
    assert (told["severity"].tolist(), told["table"].tolist(), told["row"].tolist()) == (
        ["warning"],
        ["strategies"],
        [1],
    )
    assert "'F'" in told["remedy"].iloc[0] and "'C'" in told["remedy"].iloc[0]
    assert "hedge-expires" not in set(world(-500.0).check()["code"])
    assert "hedge-expires" not in set(hedged_net(Hedged(-500.0, kind="perp")).check()["code"])


def test_options_and_future_that_expire_together_leave_nothing_to_hedge() -> None:
    terms = {"expiry": 95.0, "carry": 0.0, "impact_coefficient": 0.0}
    it = Hedged(-500.0, kind="future", hedge=500.0, market=terms, options={"expiry": 95.0, "strike": 50.0})
    run = ct.run(hedged_net(it), gap(FALL), ct.Cascade(step=10.0, horizon=200.0))
    assert hedges(run).empty  # a delta of one until the end, and the hedge is gone with the options
    assert sorted(run.events.loc[run.events["kind"] == "expiry", "market"]) == ["C", "F"]
    assert run.accounts.loc["hedge", "closing_equity"] == pytest.approx(1e6 - 500.0 * (SPOT - LEFT), abs=1e-3)
    assert run.metrics["deferred_notional"] == 0.0


def test_both_drivers_hedge_in_futures_with_the_same_bits() -> None:
    prepared = ct.Cascade(step=10.0, horizon=300.0).prepare(world(-5000.0, 150.0))
    one, other = (prepared.simulate(gap(-0.05), look=look) for look in ("compiled", "numpy"))
    assert one.events.tobytes() == other.events.tobytes()
    assert one.ledger.tobytes() == other.ledger.tobytes()
