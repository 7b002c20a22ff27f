"""Options that no book takes are closed at the model's value less a penalty, with the venue on the other side."""

from __future__ import annotations

import numpy as np
import pytest

import contagion as ct
from contagion.markets.options import black_scholes
from tests.propagation.cascade.hedgers import LOT, STRIKE, VOLATILITY, YEARS, Hedged, gap, hedged_net

PENALTY, CALLS, MONEY = 0.125, 500.0, 12_000.0
STEP = 10.0
YEAR = 365.0 * 86_400.0


def value(price: float, time: float) -> float:
    """Of one call, by the model."""
    left = YEARS - time / YEAR
    return float(black_scholes("call", price, STRIKE, left, VOLATILITY).price)


def dry(calls: float, move: float, **more: object) -> tuple[ct.Network, ct.Shock]:
    """A book that its own venue liquidates after the move, in a market whose depth is not worth one lot."""
    venue = {"model_penalty": PENALTY, "insurance_fund": 0.0, **more}
    world = Hedged(calls, ratio=None, option_money=MONEY, venue=venue)
    return hedged_net(world), gap(move) + ct.DepthShock({"C": -1.0 + 2.0**-50})


def long_book() -> tuple[ct.Network, ct.Shock]:
    """The same for calls held with borrowed money."""
    net, shock = dry(CALLS, -0.3)
    money = net.balances["quantity"].replace(MONEY, 2480.0)
    return net.replace(balances=net.balances.assign(quantity=money)), shock


def test_without_a_book_everything_is_closed_at_the_model_less_the_penalty() -> None:
    net, shock = dry(-CALLS, 0.3)
    run = ct.run(net, shock, ct.Cascade(step=STEP, horizon=60.0))
    closes = run.events[run.events["kind"] == "model_close"]
    mark = value(130.0, STEP)
    assert closes["lots"].sum() * LOT == CALLS
    assert closes["price"].tolist() == [pytest.approx(mark * (1.0 + PENALTY), rel=1e-12)]
    paid = CALLS * mark * (1.0 + PENALTY)
    assert run.metrics["model_closed_notional"] == pytest.approx(paid, rel=1e-9)
    assert run.metrics["liquidated_notional"] == run.metrics["model_closed_notional"]
    missing = paid - MONEY - 5.0 * CALLS
    assert run.metrics["bad_debt"] == pytest.approx(missing, rel=1e-6)
    # against the outside value, which is the model's too: the penalty
    assert run.metrics["forced_cost"] == pytest.approx(PENALTY * CALLS * mark, rel=1e-9)
    first = run.liquidations.iloc[0]
    assert first["trigger_mark"] == pytest.approx(mark, rel=1e-12)
    assert run.metrics["liquidation_basis_mean"] == pytest.approx(PENALTY, rel=1e-9)
    assert run.metrics["fill_rate"] == 1.0
    inventory = run.ledger[(run.ledger["account"] == "inventory:O") & (run.ledger["instrument"] == "C")]
    assert inventory["amount"].sum() == -CALLS / LOT
    assert run.ledger.groupby(["round", "instrument"])["amount"].sum().eq(0).all()


def test_what_a_long_book_gets_is_less_by_the_penalty() -> None:
    net, shock = long_book()
    run = ct.run(net, shock, ct.Cascade(step=STEP, horizon=60.0))
    closes = run.events[run.events["kind"] == "model_close"]
    assert closes["price"].tolist() == [pytest.approx(value(70.0, STEP) * (1.0 - PENALTY), rel=1e-9)]
    assert -closes["lots"].sum() * LOT == CALLS


def test_without_a_penalty_what_no_book_takes_waits() -> None:
    net, shock = dry(-CALLS, 0.3, model_penalty=float("nan"))
    run = ct.run(net, shock, ct.Cascade(step=STEP, horizon=60.0))
    assert not run.events["kind"].isin(["model_close", "liquidation"]).any()
    assert run.metrics["deferred_notional"] > 0.0


def test_a_book_that_comes_back_takes_what_the_venue_holds() -> None:
    curve = {"impact": "depth_curve", "permanent_share": 0.0, "impact_half_life": STEP}
    venue = {"model_penalty": PENALTY, "insurance_fund": 0.0}
    world = Hedged(-CALLS, ratio=None, option_money=MONEY, venue=venue, options=curve)
    shock = gap(0.3) + ct.DepthShock({"C": -0.99})
    run = ct.run(hedged_net(world), shock, ct.Cascade(step=STEP, horizon=900.0))
    forced = run.events[run.events["kind"] == "liquidation"]
    closed = run.events[run.events["kind"] == "model_close"]
    assert forced["lots"].sum() > 0.0
    assert forced["lots"].sum() + closed["lots"].sum() == CALLS / LOT
    assert set(run.events["kind"]) >= {"model_close", "unwind"}
    unwound = run.events[run.events["kind"] == "unwind"]
    assert set(unwound["account"]) == {"inventory:O"}
    assert unwound["lots"].sum() == closed["lots"].sum()
    # whatever of the penalty the buying left went into the fund
    gained = closed["money"].sum() - unwound["money"].sum()
    assert gained > 0.0
    assert run.venues.loc["O", "fund_closing"] == pytest.approx(gained, abs=1e-3)


def test_a_halt_or_a_throttle_is_no_dry_book() -> None:
    net, shock = dry(-CALLS, 0.3)
    still = net.replace(venues=net.venues.assign(throughput=np.where(net.venues.index == "O", 1e-9, np.nan)))
    run = ct.run(still, shock, ct.Cascade(step=STEP, horizon=60.0))
    assert not run.events["kind"].isin(["model_close"]).any()


def test_the_timeless_limit_ends_with_the_inventory_in_place() -> None:
    net, shock = long_book()
    run = ct.run(net, shock, ct.Cascade.static())
    closes = run.events[run.events["kind"] == "model_close"]
    assert closes["price"].tolist() == [pytest.approx(value(70.0, 0.0) * (1.0 - PENALTY), rel=1e-9)]
    assert run.metrics["rounds"] < 20.0
    assert run.metrics["deferred_notional"] > 0.0  # what the venue holds
