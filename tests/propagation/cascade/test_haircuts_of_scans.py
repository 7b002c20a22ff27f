"""Coins pledged at a venue that scans portfolios, by hand: they count by their weight, beside the scan and not in it.

The scan asks an eighth of the perpetual's notional and nothing for extremes; a coin counts three quarters.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import contagion as ct
from contagion.network.equity import opening_haircuts, opening_requirement
from contagion.propagation.cascade.layout import State
from tests.propagation.cascade.listed import Owner, listed_net

STEP, WEIGHT = 60.0, 0.75
VENUE = {"scan_range": 0.125, "scan_extreme": 0.0}
FALL = ct.PriceShock({"X": -0.0625}, over=0.0)  # from 1,024 to 960
QUANTUM = 2.0**-10


def pledged(money: float, coins: float, legs: dict[str, float] | None = None, **venue: Any) -> ct.Network:
    """Account `a` with money, coins and legs; spot and perpetual are traded."""
    owner = Owner({"perp": 4.0} if legs is None else legs, money)
    markets = {"spot": {}, "perp": {}}
    if "call" in owner.legs:
        markets["call"] = {}
    net = listed_net({"a": owner}, {**VENUE, **venue}, markets, impact_half_life=None)
    balances = [*net.balances.to_dict("records"), {"account": "a", "asset": "X", "quantity": coins}]
    return net.replace(collateral=[{"venue": "V", "asset": "X", "weight": WEIGHT}], balances=balances)


def after(net: ct.Network, shock: Any = FALL, rounds: int = 1) -> State:
    """State after the opening round and `rounds` more."""
    state: State = ct.Cascade(step=STEP, horizon=rounds * STEP).prepare(net, []).simulate(shock)
    return state


def of_a(net: ct.Network, state: State, name: str) -> float:
    """What an array says of account `a`, as money."""
    return float(getattr(state, name)[net.accounts.index.get_loc("a")] * state.clock["quantum"][0])


def run(net: ct.Network, shock: Any = FALL, rounds: int = 4) -> ct.Run:
    """The run with its events."""
    return ct.run(net, shock, ct.Cascade(step=STEP, horizon=rounds * STEP))


def test_the_opening_requirement_is_the_scan_and_the_haircut() -> None:
    net = pledged(4096.0, 2.0)
    assert opening_haircuts(net)["a"] == 0.25 * 2.0 * 1024.0
    assert opening_requirement(net)["a"] == 4.0 * 1024.0 / 8.0 + 512.0


@pytest.mark.parametrize("legs", [{"perp": 4.0}, {"perp": -4.0}, {"perp": 4.0, "call": -2.0}])
def test_a_coin_is_worth_its_price_and_its_haircut_is_asked_beside_the_scan(legs: dict[str, float]) -> None:
    with_coins, without = pledged(8192.0, 2.0, legs), pledged(8192.0, 0.0, legs)
    states = after(with_coins), after(without)
    equity = of_a(with_coins, states[0], "equity") - of_a(without, states[1], "equity")
    asked = of_a(with_coins, states[0], "requirement") - of_a(without, states[1], "requirement")
    assert equity == pytest.approx(2.0 * 960.0, rel=1e-12)
    assert asked == pytest.approx(0.25 * 2.0 * 960.0, rel=1e-12)


def test_coins_do_not_hedge_a_short_perpetual_in_the_scan() -> None:
    for coins in (0.0, 4.0):
        net = pledged(8192.0, coins, {"perp": -4.0})
        asked = of_a(net, after(net), "requirement")
        assert asked == 4.0 * 960.0 / 8.0 + 0.25 * coins * 960.0


def test_an_account_is_sold_out_strictly_below_scan_and_haircut() -> None:
    # after the fall: 960 of coins, 256 lost; asked 480 by the scan and 240 of haircut: money 16 is just enough
    for money, sold in ((16.0, 0.0), (16.0 - QUANTUM, 4.0)):
        found = run(pledged(money, 1.0)).events.query("kind == 'liquidation' and market == 'perp'")
        assert -found["lots"].sum() * 2.0**-20 == sold


def test_the_part_that_is_closed_covers_the_target_after_haircuts() -> None:
    # short of the target: 1.5 x 480 - (704 - 240); all legs free 720 and cost 1/64 of 3,840
    net = pledged(0.0, 1.0, procedure="partial", target=1.5, min_clip=0.0, fee=0.015625)
    found = run(net, rounds=1).events.query("kind == 'liquidation'")
    assert list(found["market"]) == ["perp"]
    assert -float(found["lots"].iloc[0]) == np.ceil(256.0 / 660.0 * 4.0 * 2.0**20)


def test_coins_are_sold_once_no_position_is_left_and_what_is_missing_is_bad_debt() -> None:
    # at 512, 256 are owed and 2,048 lost, against 512 of coins; the book hardly moves
    found = run(pledged(-256.0, 1.0), ct.PriceShock({"X": -0.5}, over=0.0))
    sold = found.events.query("kind == 'liquidation' and account == 'a'")
    assert list(sold["market"]) == ["perp", "spot"]
    assert sold["round"].diff().iloc[1] == 1
    assert found.metrics["bad_debt"] == pytest.approx(256.0 + 2048.0 - 512.0, abs=2.0)


def test_owners_take_out_what_the_target_leaves_after_haircuts_and_only_money() -> None:
    # 3,072 of equity, of it a coin of 1,024; 256 of haircut and three times 512 of scan stay: 1,280
    net = pledged(2048.0, 1.0, call_target=3.0, scan_initial=1.5)
    shock = ct.Withdrawal("V", 1.0, over=0.0)
    taken = run(net, shock).events.query("kind == 'withdrawal' and account == 'a'")
    assert taken["money"].sum() == 1280.0
    # where initial margin asks more, that much stays: 256 and four times 512
    dear = pledged(2048.0, 1.0, call_target=3.0, scan_initial=4.0)
    assert run(dear, shock).events.query("kind == 'withdrawal' and account == 'a'")["money"].sum() == 768.0


def test_money_owed_at_a_venue_stays_what_it_is_during_a_run() -> None:
    """Borrowing against coins bears no interest within the hours of a run."""
    net = pledged(-512.0, 4.0, {})
    state = after(net, ct.PriceShock({"X": -0.0625}, over=3600.0), rounds=90)
    assert of_a(net, state, "cash") == -512.0
