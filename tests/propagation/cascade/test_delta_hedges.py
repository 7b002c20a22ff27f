"""Hedgers of options: the loop has its exact fixed point, small moves are those of the closed form, limits bind."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

import contagion as ct
from contagion.errors import InputError
from contagion.markets.options import black_scholes
from contagion.propagation.firesales.feedback import gamma_feedback
from tests.propagation.cascade.hedgers import (
    BAND,
    DEPTH,
    LOT,
    SPOT,
    STRIKE,
    VOLATILITY,
    YEARS,
    Hedged,
    gap,
    hedged_net,
)

STATIC = ct.Cascade.static()
WAITING = 1.5 * LOT  # units that no whole lot hedges


def delta(price: float) -> float:
    """Of one call."""
    return float(black_scholes("call", price, STRIKE, YEARS, VOLATILITY).delta)


def push(outside: float) -> float:
    """Share by which a unit sold moves the hedge market: its money at the outside price, over the depth."""
    return BAND * outside / (DEPTH * 100.0)


def root(function: Callable[[float], float], low: float, high: float) -> float:
    """Zero of a rising function, by halving."""
    for _ in range(200):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if function(middle) < 0.0 else (low, middle)
    return high


def hedges(run: ct.Run) -> pd.DataFrame:
    """Trades of the hedger."""
    return run.events[run.events["kind"] == "delta_hedge"]


@pytest.mark.parametrize("move", [-0.1, -0.015, 0.02, 0.08])
@pytest.mark.parametrize("calls", [500.0, 4000.0])
def test_the_loop_of_written_calls_ends_where_its_fixed_point_is(calls: float, move: float) -> None:
    outside = SPOT * (1.0 + move)
    run = ct.run(hedged_net(Hedged(-calls)), gap(move), STATIC)
    exact = gamma_feedback(
        SPOT, STRIKE, VOLATILITY, YEARS, outside - SPOT, short_calls=calls, impact=outside * push(outside)
    )
    price = run.markets.loc["S", "closing_price"]
    # one lot that stays unhedged, made larger by the loop
    assert price == pytest.approx(exact.final_price, abs=20.0 * outside * push(outside) * WAITING)
    sold = -hedges(run)["lots"].sum() * LOT
    assert sold == pytest.approx(-calls * (delta(price) - delta(SPOT)), abs=WAITING)
    assert (price < outside) == (move < 0.0)


@pytest.mark.parametrize("impact", ["linear", "exponential"])
@pytest.mark.parametrize("calls", [-2000.0, 2000.0])
def test_written_calls_add_to_a_fall_and_held_ones_take_from_it(calls: float, impact: str) -> None:
    outside = 0.97 * SPOT
    run = ct.run(hedged_net(Hedged(calls, impact=impact)), gap(-0.03), STATIC)

    def beyond(price: float) -> float:
        sold = calls * (delta(price) - delta(SPOT)) * push(outside)
        return price - outside * (1.0 - sold if impact == "linear" else math.exp(-sold))

    price = run.markets.loc["S", "closing_price"]
    assert price == pytest.approx(root(beyond, 80.0, 110.0), abs=1e-7)
    assert (price < outside) == (calls < 0.0)


@pytest.mark.parametrize("calls", [-3000.0, 3000.0])
def test_small_moves_are_those_of_the_closed_form(calls: float) -> None:
    width = VOLATILITY * math.sqrt(YEARS)
    middle = math.log(SPOT / STRIKE) / width + 0.5 * width
    gamma = math.exp(-0.5 * middle**2) / (math.sqrt(2.0 * math.pi) * SPOT * width)
    exact = 1.0 / (1.0 + SPOT * push(SPOT) * gamma * calls)

    def multiple(share: float) -> float:
        run = ct.run(hedged_net(Hedged(calls)), gap(-share), STATIC)
        return float((SPOT - run.markets.loc["S", "closing_price"]) / (SPOT * share))

    steps = [2.0**-8, 2.0**-9, 2.0**-10]
    found = [multiple(share) for share in steps]
    errors = [value - exact for value in found]
    assert errors[1] / errors[0] == pytest.approx(0.5, abs=0.05)  # the error is of first order in the move
    assert errors[2] / errors[1] == pytest.approx(0.5, abs=0.05)
    once = [2.0 * b - a for a, b in itertools.pairwise(found)]  # without its first order
    twice = (4.0 * once[1] - once[0]) / 3.0
    assert twice == pytest.approx(exact, rel=2e-5)


def test_a_hedge_in_a_perpetual_leaves_the_index_alone_and_is_traded_once() -> None:
    run = ct.run(hedged_net(Hedged(-500.0, kind="perp")), gap(-0.02), STATIC)
    wanted = -500.0 * (delta(98.0) - delta(SPOT))
    trades = hedges(run)
    assert trades["market"].tolist() == ["F"]
    assert -trades["lots"].sum() == math.floor(wanted / LOT)
    assert run.metrics["delta_hedged_notional"] == pytest.approx(trades["money"].sum(), abs=1e-6)
    assert run.markets.loc["S", "closing_price"] == 98.0


@pytest.mark.parametrize("ratio", [0.0, None])
def test_a_ratio_of_nought_is_no_hedger(ratio: float | None) -> None:
    one = ct.run(hedged_net(Hedged(-500.0, ratio=ratio)), gap(-0.02), ct.Cascade(horizon=300.0))
    other = ct.run(hedged_net(Hedged(-500.0, ratio=None)), gap(-0.02), ct.Cascade(horizon=300.0))
    for table in ("metrics", "rounds", "paths", "events", "ledger", "accounts"):
        assert getattr(one, table).equals(getattr(other, table)), table


def test_half_the_ratio_hedges_half_and_nothing_is_traded_at_the_opening() -> None:
    whole, half = (
        ct.run(hedged_net(Hedged(-500.0, kind="perp", ratio=ratio)), gap(-0.02), STATIC)
        for ratio in (1.0, 0.5)
    )
    assert hedges(half)["lots"].sum() == pytest.approx(0.5 * hedges(whole)["lots"].sum(), abs=1.0)
    assert hedges(whole)["round"].min() == 1  # -500 calls stand unhedged at the opening
    still = ct.run(hedged_net(Hedged(-500.0)), gap(0.0), STATIC)
    assert still.events.empty


def test_coins_and_free_margin_bound_what_is_hedged() -> None:
    few = ct.run(hedged_net(Hedged(-500.0, coins=3.0)), gap(-0.02), STATIC)
    assert -hedges(few)["lots"].sum() * LOT == 3.0
    assert few.metrics["deferred_notional"] == 0.0
    poor = ct.run(hedged_net(Hedged(-500.0, kind="perp", money=64.0)), gap(-0.02), STATIC)
    first = hedges(poor).iloc[0]
    assert -first["lots"] == math.floor(64.0 / 0.125 / 98.0 / LOT)


def test_a_held_short_is_bought_back_whatever_the_margin() -> None:
    # the book is short of puts' mirror: a rise makes the hedger of held calls sell, a fall buy back
    run = ct.run(hedged_net(Hedged(500.0, kind="perp", hedge=-200.0, money=3000.0)), gap(-0.02), STATIC)
    wanted = 500.0 * (delta(SPOT) - delta(98.0))
    assert hedges(run)["lots"].sum() == math.floor(wanted / LOT)


def test_what_a_book_does_not_take_is_asked_again() -> None:
    curve = {"impact": "depth_curve", "permanent_share": 0.0, "impact_half_life": 10.0}
    net = hedged_net(Hedged(-50_000.0, coins=1e6, market=curve))
    run = ct.run(net, gap(-0.02), ct.Cascade(step=10.0, horizon=3600.0))
    trades = hedges(run)
    assert len(trades) > 5
    last = run.paths[run.paths["market"] == "S"].iloc[-1]
    left = YEARS - last["time"] / (365.0 * 86_400.0)
    now = float(black_scholes("call", last["mark"], STRIKE, left, VOLATILITY).delta)
    # the decay of the displacement and of time go on: within a tenth of what was hedged
    assert -trades["lots"].sum() * LOT == pytest.approx(-50_000.0 * (now - delta(SPOT)), rel=0.1)


def test_a_halted_hedge_waits() -> None:
    net = hedged_net(Hedged(-500.0))
    halt = ct.policies.Halt(0.01, length=120.0, window=60.0)
    free = ct.run(net, gap(-0.05), ct.Cascade(step=10.0, horizon=600.0))
    run = ct.run(net, gap(-0.05), ct.Cascade(step=10.0, horizon=600.0), [halt])
    assert hedges(free)["time"].min() == 10.0
    assert hedges(run)["time"].min() == 10.0 + 120.0


def test_an_expired_option_needs_no_hedge() -> None:
    world = Hedged(-500.0, kind="perp", hedge=250.0, options={"expiry": 95.0, "strike": 110.0})
    run = ct.run(hedged_net(world), gap(-0.02), ct.Cascade(step=10.0, horizon=200.0))
    before = float(black_scholes("call", SPOT, 110.0, 95.0 / (365.0 * 86_400.0), VOLATILITY).delta)
    assert before < 1e-9  # far out of the money for so short a time: nothing to hedge at any time
    assert hedges(run).empty
    world = Hedged(-500.0, kind="perp", hedge=250.0, options={"expiry": 95.0, "strike": 98.0})
    run = ct.run(hedged_net(world), gap(0.0), ct.Cascade(step=10.0, horizon=200.0))
    # in the money: its delta is 1 until it is paid out, then the whole hedge goes
    assert hedges(run)["lots"].sum() * LOT == pytest.approx(-500.0, abs=WAITING)
    assert hedges(run)["time"].max() == 100.0


def test_a_liquidated_book_is_unhedged() -> None:
    world = Hedged(-500.0, kind="perp", hedge=250.0, option_money=12_000.0)
    run = ct.run(hedged_net(world), gap(0.3), STATIC)
    closed = run.events[(run.events["kind"] == "liquidation") & (run.events["account"] == "book")]
    assert closed["round"].tolist() == [1]
    assert closed["lots"].sum() * LOT == pytest.approx(500.0)
    # what was bought as the price rose is sold with the rest: all but the opening's delta
    assert hedges(run)["lots"].sum() * LOT == pytest.approx(-500.0 * delta(SPOT), abs=WAITING)


def test_a_hedger_shares_the_price_of_the_round_with_forced_orders() -> None:
    run = ct.run(hedged_net(Hedged(-500.0, kind="perp", trader=100.0)), gap(-0.05), STATIC)
    first = run.events[(run.events["round"] == 1) & (run.events["market"] == "F")]
    assert set(first["kind"]) == {"liquidation", "delta_hedge"}
    assert first["price"].nunique() == 1
    sold = -first["lots"].sum() * LOT
    x = sold * BAND * 95.0 / (DEPTH * 100.0)
    assert first["price"].iloc[0] == pytest.approx(95.0 * (1.0 - x / 2.0), rel=1e-9)


def test_hedges_that_move_the_price_more_than_it_moves_them_end_all_the_same() -> None:
    run = ct.run(hedged_net(Hedged(400_000.0, coins=1e7, money=1e12)), gap(-0.02), STATIC)
    assert run.metrics["rounds"] < 1000.0


@pytest.mark.parametrize(
    ("world", "column", "said"),
    [
        (Hedged(-1.0, other={"rate": 0.5}), "rate", "does not read"),
        (Hedged(-1.0, other={"unwind": 60.0}), "unwind", "does not read"),
        (Hedged(-1.0, other={"discount": 0.1}), "discount", "does not read"),
        (Hedged(-1.0, other={"short_market": "F"}), "short_market", "does not read"),
        (Hedged(-1.0, other={"long_account": "hedge"}), "long_account", "holds no options"),
        (Hedged(-1.0, other={"long_account": ""}), "", "lacks its book"),
        (Hedged(-1.0, other={"spot_node": ""}), "", "lacks its book"),
        (Hedged(-1.0, other={"spot_node": "O"}), "spot_node", "no row in holdings"),
        (Hedged(-1.0, other={"spot_node": "", "short_account": "hedge"}), "short_account", "spot market"),
        (Hedged(-1.0, kind="perp", other={"short_account": "book"}), "short_account", "is not at 'P'"),
        (
            Hedged(-1.0, kind="perp", other={"short_account": "", "spot_node": "dealer"}),
            "spot_node",
            "a perp",
        ),
        (Hedged(-1.0, options={"hedge_market": ""}), "hedge_market", "is empty"),
        (
            Hedged(-1.0, other={"kind": "basis", "ratio": 0.0, "long_account": "", "short_account": "hedge"}),
            "ratio",
            "is 0",
        ),
    ],
)
def test_hedgers_without_book_market_or_leg_are_refused(world: Hedged, column: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        hedged_net(world)
    assert column in str(caught.value)
    assert "row" in str(caught.value)


def test_the_python_driver_hedges_with_the_same_bits() -> None:
    prepared = ct.Cascade(step=10.0, horizon=300.0).prepare(hedged_net(Hedged(-5000.0)))
    one, other = (prepared.simulate(gap(-0.05), look=look) for look in ("compiled", "numpy"))
    assert np.array_equal(one.events, other.events)
    assert np.array_equal(one.ledger, other.ledger)
    assert int(one.clock["n_ledger"][0]) > 0
