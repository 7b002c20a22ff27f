"""Arbitrage between any two markets of an asset: fair value, capital, and which market a leg is in."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import contagion as ct
from contagion.markets.basis import fair_future, relative_basis
from tests.propagation.cascade.dated import YEAR, as_future, as_spot
from tests.propagation.cascade.small import Holder, Rules, gap, play, small_net

EXPIRY, CARRY, HORIZON = 6_000.0, 200.0, 600.0
WIDE = 64.0 / 1024.0 * math.exp(CARRY * (EXPIRY - 10.0) / YEAR)


def two_markets(
    kinds: tuple[str, str], strategy: Mapping[str, Any], money: float = 2.0**30, **market: Any
) -> ct.Network:
    """Markets A and B of one asset and venue, an account in each, and a trader who sells 64 units of B."""
    holders = {"a": Holder({}, money), "b": Holder({}, money)}
    rules = Rules(market={"capital_exponent": 0.0, **market})
    premium = math.exp(CARRY * EXPIRY / YEAR) if kinds[1] == "future" else 1.0
    forced = Holder({"B": 64.0}, 6144.0, entry=1024.0 * premium)  # 4096 are asked, the fall takes 4096
    net = small_net(holders | {"forced": forced}, rules, {"A": "X", "B": "X"})
    for name, kind in zip("AB", kinds, strict=True):
        if kind == "future":
            net = as_future(net, name, EXPIRY, CARRY)
        elif kind == "spot":
            net = as_spot(net, name)
    nodes = [*net.nodes.reset_index().to_dict("records"), {"name": "arb", "cash": money}]
    holdings = [{"node": "arb", "asset": "X", "quantity": 1024.0}]
    row = {"name": "s", "kind": "arbitrage", "asset": "X", "rate": 0.05, **strategy}
    return net.replace(nodes=nodes, holdings=holdings, strategies=[row])


ACCOUNTS = {"long_account": "a", "short_account": "b", "long_market": "A", "short_market": "B"}
SPOT = {"spot_node": "arb", "short_account": "b", "long_market": "A", "short_market": "B"}


@pytest.mark.parametrize(
    ("kinds", "strategy"),
    [
        (("perp", "future"), ACCOUNTS),
        (("future", "perp"), ACCOUNTS),
        (("spot", "future"), SPOT),
        (("future", "future"), ACCOUNTS),
    ],
)
def test_a_future_at_its_fair_price_is_not_traded(
    kinds: tuple[str, str], strategy: Mapping[str, Any]
) -> None:
    """The forward stands 3.9 % above the asset: a gap of prices, but none of values, whatever the asset does."""
    net = two_markets(kinds, strategy)
    run = play(net, horizon=HORIZON, shock=ct.PriceShock({"X": -0.01}, over=300.0))
    assert "arbitrage" not in set(run.events["kind"])
    last = run.paths.pivot(index="round", columns="market", values="last")
    if kinds == ("perp", "future"):
        assert math.log(last.loc[0, "B"] / last.loc[0, "A"]) == pytest.approx(CARRY * EXPIRY / YEAR)


@pytest.mark.parametrize("kind", ["perp", "future"])
def test_forced_sales_of_a_future_are_carried_to_the_other_market(kind: str) -> None:
    """64 units fall on B by force; what arbitrage then buys there it sells in A, at the same sizes, in each round."""
    net = two_markets((kind, "future"), ACCOUNTS)
    run = play(net, horizon=HORIZON)
    trades = run.events[run.events["kind"] == "arbitrage"]
    units = trades.groupby(["round", "market"])["lots"].sum().unstack()
    assert len(units) >= 3
    assert np.array_equal(units["A"], -units["B"])
    assert (units["B"] > 0).all()
    last = run.paths.pivot(index="round", columns="market", values="last")
    outside = run.paths.pivot(index="round", columns="market", values="outside")
    gap = (np.log(last["A"] / outside["A"]) - np.log(last["B"] / outside["B"])).to_numpy()
    sold = int(trades["round"].min())
    assert (np.diff(gap[sold + 1 :]) < 0.0).all()


def test_the_gap_is_closed_by_rate_times_the_step() -> None:
    """Between deep books a step of 10 s at 5 % a second leaves half of the log gap of values."""
    net = two_markets(("perp", "future"), ACCOUNTS, impact="exponential")
    run = play(net, horizon=HORIZON)
    last = run.paths.pivot(index="round", columns="market", values="last")
    years = (EXPIRY - last.index.to_numpy() * 10.0) / YEAR
    gap = np.log(last["A"] / (last["B"] / np.exp(CARRY * years))).to_numpy()
    first = int(np.argmax(gap > 1e-6))
    assert len(gap) > first + 1
    assert gap[first + 1 :] == pytest.approx(gap[first:-1] / 2.0, rel=1e-4)


def test_without_capital_the_basis_stays_as_wide_as_the_sale_made_it() -> None:
    """Capital of one unit buys at most one; none buys nothing, and the basis is that of 64 units in a linear book.

    A unit is worth its forward price when it is sold, 10 s after the opening.
    """
    widest = []
    for capital in (0.0, 1024.0, 2.0**30):
        run = play(two_markets(("perp", "future"), ACCOUNTS | {"capital": capital}), horizon=HORIZON)
        widest.append(abs(run.paths[run.paths["market"] == "B"].eval("last / outside - 1").iloc[-1]))
    assert widest[0] == pytest.approx(WIDE, rel=1e-12)
    assert widest[0] > widest[1] > widest[2]


def test_the_basis_of_the_last_round_is_that_of_the_pure_formula() -> None:
    run = play(two_markets(("perp", "future"), ACCOUNTS | {"capital": 0.0}), horizon=HORIZON)
    row = run.paths[run.paths["market"] == "B"].iloc[-1]
    fair = fair_future(row["index"], (EXPIRY - row["time"]) / YEAR, rate=CARRY)
    assert relative_basis(row["last"], fair) == pytest.approx(-WIDE, rel=1e-12)


def test_where_no_market_is_named_a_leg_is_in_the_perp_of_its_venue() -> None:
    """The first perp by name, as before: named or not, every table is the same."""
    named = two_markets(("perp", "perp"), ACCOUNTS | {"short_market": "B"})
    empty = named.replace(strategies=named.strategies.assign(long_market=""))
    for table in ("paths", "events", "ledger", "accounts", "markets"):
        assert getattr(play(named), table).equals(getattr(play(empty), table))
    assert (play(named).events["kind"] == "arbitrage").any()


def test_lots_that_are_no_powers_of_two_stay_whole() -> None:
    net = two_markets(("perp", "future"), ACCOUNTS, lot=0.1)
    net = net.replace(markets=net.markets.assign(lot=[0.1, 0.3]))
    run = play(net, horizon=HORIZON)
    trades = run.events[run.events["kind"] == "arbitrage"]
    assert len(trades)
    assert (trades["lots"] % 1.0 == 0.0).all()
    units = trades.assign(units=trades["lots"] * trades["market"].map({"A": 1.0, "B": 3.0}))
    assert (units.groupby("round")["units"].sum() == 0.0).all()


def test_capital_stops_between_two_markets_at_the_room_that_margin_leaves() -> None:
    """With 64 of margin at an initial rate of 1/8 an account opens at most 512 of notional, at the forward price."""
    run = play(two_markets(("perp", "future"), ACCOUNTS, money=64.0), horizon=HORIZON)
    trades = run.events[(run.events["kind"] == "arbitrage") & (run.events["account"] == "a")]
    units = -trades["lots"].iloc[0] * 2.0**-20
    assert 511.9 < units * 960.0 * math.exp(CARRY * (EXPIRY - 10.0) / YEAR) <= 512.0


@pytest.mark.parametrize("lot", [0.3, 0.25])
def test_legs_in_lots_that_do_not_fit_differ_by_half_the_smaller_at_most(lot: float) -> None:
    """A stated lot against an automatic one: every trade rounds anew, so that the difference does not grow with it."""
    net = two_markets(("perp", "perp"), ACCOUNTS)
    rows = net.markets.reset_index().to_dict("records")
    lots = {"A": lot, "B": float("nan")}
    net = net.replace(markets=[row | {"lot": lots[row["name"]]} for row in rows])
    prepared = ct.Cascade(step=10.0, horizon=HORIZON).prepare(net)
    run = prepared.run(gap("X"))
    own = dict(zip(prepared.opening.names.markets, prepared.opening.markets["lot"].tolist(), strict=True))
    assert own["A"] == lot
    trades = run.events[run.events["kind"] == "arbitrage"]
    units = (
        (trades["lots"] * trades["market"].map(own))
        .groupby([trades["round"], trades["market"]])
        .sum()
        .unstack()
    )
    assert len(units) > 1
    assert units["A"].abs().min() >= lot
    assert (units["A"] + units["B"]).abs().max() <= 0.5 * own["B"] + 1e-12
    assert (trades["lots"] == trades["lots"].round()).all()
