"""Dated futures expire at the index, and who loses a leg by it or by force gives up the other in slices."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

import contagion as ct
from contagion.markets.basis import carry_profit, fair_future
from contagion.propagation.firesales.feedback import basis_unwind
from tests.propagation.cascade.dated import YEAR, as_future, as_spot, changed
from tests.propagation.cascade.small import OPENING, ROUND, Holder, Rules, gap, play, small_net
from tests.worlds import random_world

EXPIRY, CARRY, UNITS = 300.0, 4_000.0, 4.0
YEARS = EXPIRY / YEAR
FORWARD = float(fair_future(OPENING, YEARS, rate=CARRY))
STILL = {"impact_coefficient": 0.0}


def carry_net(
    money: float = 2.0**20, unwind: float = 0.0, long: str = "", entry: float = FORWARD, **market: float
) -> ct.Network:
    """Node o holds 4 X, or is long 4 of the perp P, and short 4 of the future F; S is the spot market."""
    holders = {"s": Holder({"F": -UNITS}, money, owner="o", entry=entry)}
    if long:
        holders["l"] = Holder({"P": UNITS}, money, owner="o")
    rules = Rules(market=STILL | market)
    net = small_net(holders, rules, {"P": "X", "F": "X", "S": "X"})
    net = as_spot(as_future(net, "F", EXPIRY, CARRY), "S")
    row = {"name": "carry", "kind": "basis", "short_account": "s", "short_market": "F", "asset": "X"}
    if long:
        return net.replace(strategies=[row | {"long_account": "l", "unwind": unwind}])
    holding = {"node": "o", "asset": "X", "quantity": UNITS}
    return net.replace(strategies=[row | {"spot_node": "o", "unwind": unwind}], holdings=[holding])


@pytest.mark.parametrize("path", [(1.0, 1.0), (0.5, 0.25), (1.5, 3.0), (0.75, 1.25)])
def test_cash_and_carry_earns_the_premium_whatever_the_path(path: Sequence[float]) -> None:
    """Bought at 1024, sold at the forward price: S(0) e^{carry tau} - S(0) per unit, of the pure formula."""
    halfway, at_expiry = (OPENING * factor for factor in path)
    frame = {0.0: OPENING, EXPIRY / 2.0: halfway, EXPIRY: at_expiry}
    shock = ct.PricePath(pd.DataFrame({"X": list(frame.values())}, index=list(frame)))
    run = play(carry_net(), horizon=600.0, shock=shock)
    change = run.nodes["closing_equity"]["o"] - run.nodes["opening_equity"]["o"]
    expected = carry_profit(OPENING, FORWARD, YEARS, at_expiry).total
    assert expected == pytest.approx(OPENING * math.expm1(CARRY * YEARS), rel=1e-12)
    assert change == pytest.approx(UNITS * expected, abs=1e-3)
    settled = run.events[run.events["kind"] == "expiry"]
    assert settled["time"].tolist() == [EXPIRY]
    index = run.paths[(run.paths["market"] == "F") & (run.paths["time"] == EXPIRY)]["index"]
    assert settled["price"].tolist() == index.tolist()
    assert float(index.iloc[0]) == pytest.approx(at_expiry, rel=1e-12)


def test_the_price_of_a_future_nobody_trades_converges_to_the_index() -> None:
    """In every round it is fair, as the pure formula says; in that of its expiry it is the index."""
    run = play(carry_net(), horizon=600.0, shock=ct.PriceShock({"X": -0.3}, over=200.0))
    rows = run.basis[run.basis["market"] == "F"]
    assert rows["time"].max() == EXPIRY
    assert (rows["basis"] == 0.0).all()
    index = run.paths[run.paths["market"] == "F"].set_index("time")["index"]
    for time, price in rows.set_index("time")["price"].items():
        fair = fair_future(index[time], (EXPIRY - float(time)) / YEAR, rate=CARRY)
        assert price == pytest.approx(float(fair), rel=1e-14)
    assert rows["price"].iloc[-1] == index[EXPIRY]


def unwound(run: ct.Run) -> tuple[list[float], list[float]]:
    """When and how many units of the other leg were unwound."""
    rows = run.events[run.events["kind"] == "unwind"]
    return rows["time"].tolist(), (rows["lots"] * 2.0**-20).tolist()


@pytest.mark.parametrize("long", ["", "l"])
def test_the_leg_that_is_left_at_expiry_is_unwound_in_equal_slices(long: str) -> None:
    """Four rounds of ten seconds, one unit in each, from that of the expiry on; a holding or an account."""
    run = play(carry_net(unwind=40.0, long=long), horizon=600.0, shock=gap())
    assert unwound(run) == ([300.0, 310.0, 320.0, 330.0], [-1.0] * 4)
    sold_in = set(run.events[run.events["kind"] == "unwind"]["market"])
    assert sold_in == ({"P"} if long else {"S"})
    assert run.metrics["deferred_notional"] == 0.0


@pytest.mark.parametrize("long", ["", "l"])
def test_a_leg_that_is_liquidated_takes_the_other_with_it(long: str) -> None:
    """A rise of a half costs 2048 of the 1000 there are: the future is bought back, the long leg sold."""
    run = play(carry_net(1000.0, 20.0, long), horizon=200.0, shock=ct.PriceShock({"X": 0.5}, over=0.0))
    forced = run.events[run.events["kind"] == "liquidation"]
    assert (forced["market"].tolist(), (forced["lots"] * 2.0**-20).tolist()) == (["F"], [UNITS])
    times, units = unwound(run)
    assert units == [-2.0, -2.0]
    assert times == [forced["time"].iloc[0] + ROUND, forced["time"].iloc[0] + 2.0 * ROUND]


def test_a_leg_that_is_deleveraged_takes_the_other_with_it() -> None:
    """The long of F goes bankrupt and no fund pays: the short is closed against it, and its holding sold."""
    net = carry_net(unwind=0.0)
    nodes, accounts = (
        [row for row in table.reset_index().to_dict("records") if not row["name"].startswith("rest")]
        for table in (net.nodes, net.accounts)
    )
    accounts.append({"name": "z", "owner": "z", "venue": "V", "reaction": "none"})
    position = {"account": "z", "market": "F", "quantity": UNITS, "entry_price": FORWARD}
    mine = net.positions[net.positions["account"] == "s"].to_dict("records")
    net = net.replace(
        nodes=[*nodes, {"name": "z", "kind": "trader", "cash": 0.0}],
        accounts=accounts,
        positions=[*mine, position],
        balances=[
            {"account": "s", "asset": "USD", "quantity": 2.0**20},
            {"account": "z", "asset": "USD", "quantity": 300.0},
        ],
        venues=net.venues.assign(adl_trigger="fund"),
    )
    run = play(net, horizon=100.0, shock=ct.PriceShock({"X": -0.5}, over=0.0))
    closed = run.events[(run.events["kind"] == "adl") & (run.events["account"] == "s")]
    assert (closed["lots"].sum() * 2.0**-20, set(closed["market"])) == (UNITS, {"F"})
    assert unwound(run)[1] == [-UNITS]


def test_parts_of_a_lot_are_unwound_with_the_next_that_is_closed() -> None:
    """The long leg trades whole units; the short one is bought back by an eighth of what is left as it rises."""
    net = changed(carry_net(1_000.0, 0.0, "l"), "P", {"lot": 1.0})
    venue = {"procedure": "partial", "target": 1.0, "min_clip": 0.125}
    net = net.replace(venues=net.venues.assign(**venue))
    frame = pd.DataFrame({"X": [OPENING, 1_180.0, 1_300.0]}, index=[0.0, 10.0, 250.0])
    run = play(net, horizon=250.0, shock=ct.PricePath(frame))
    forced = run.events[(run.events["kind"] == "liquidation") & (run.events["account"] == "s")]
    units = (forced["lots"] * 2.0**-20).tolist()
    assert len(units) >= 3
    assert units[0] == UNITS / 8.0  # less than a lot of the other leg
    assert units[1] == pytest.approx(UNITS * 7.0 / 64.0, abs=2.0**-19)
    rows = run.events[run.events["kind"] == "unwind"]
    assert set(rows["market"]) == {"P"}
    assert -rows["lots"].sum() == math.floor(sum(units))
    assert sum(math.floor(part) for part in units) < math.floor(sum(units))


def test_nothing_is_unwound_where_both_legs_expire_together() -> None:
    net = carry_net(long="l")
    net = as_future(net, "P", EXPIRY, CARRY).replace(
        strategies=net.strategies.assign(long_market="P"), positions=net.positions
    )
    run = play(net, horizon=600.0)
    assert (run.events["kind"] == "expiry").sum() == 2
    assert "unwind" not in set(run.events["kind"])
    assert run.metrics["deferred_notional"] == 0.0


def test_forced_sales_of_a_levered_leg_end_where_the_closed_form_ends() -> None:
    """One clip of the size of the closed form is the smallest after which nothing more is sold.

    The market halts at the fall and reopens in a call auction, so that what is sold and what is kept are worth the
    price that the sale leaves: with position P, ``E - P (d + k s) = h (P - s) (1 - d - k s)``.
    """
    position, own, share = 16.0 * OPENING, 1_900.0, 1.0 / 16.0
    found = basis_unwind(
        own, position / own, haircut=share, impact_per_unit=960.0 / 2.0**30, basis_move=1.0 / 16.0
    )
    assert found.forced_sales is not None and found.equity_after is not None
    halt = ct.Halt(drop=0.05, length=20.0, auction=True)
    after = []
    for nudge in (1.0 + 1e-6, 1.0 - 1e-6):
        clip = found.forced_sales / position * nudge
        rules = Rules(venue={"procedure": "partial", "target": 1.0, "min_clip": clip})
        run = play(small_net({"t": Holder({"M": 16.0}, own)}, rules), halt, horizon=300.0)
        forced = run.events[run.events["kind"] == "liquidation"]
        after.append(len(forced))
        assert -forced["lots"].iloc[0] * 2.0**-20 * OPENING == pytest.approx(found.forced_sales, rel=1e-5)
        if nudge > 1.0:
            assert run.accounts["closing_equity"]["t"] == pytest.approx(found.equity_after, rel=1e-5)
    assert after[0] == 1
    assert after[1] > 1


def test_while_arbitrage_is_halted_the_basis_stays_wide() -> None:
    """The other market is shut for two minutes: nothing is traded between the two until it opens."""
    rules = Rules(market={"impact_coefficient": 1.0})
    holders = {"a": Holder({}, 2.0**20), "forced": Holder({"F": 64.0}, 6_144.0)}
    net = as_future(small_net(holders, rules, {"P": "X", "F": "X"}), "F", 50_000.0, 1.0)
    row = {"name": "s", "kind": "arbitrage", "long_account": "a", "short_account": "a", "asset": "X"}
    net = net.replace(strategies=[row | {"long_market": "P", "short_market": "F", "rate": 0.05}])
    halt = ct.Halt(drop=0.05, length=120.0, markets=("P",))
    shock = ct.PriceShock({"X": -0.0625}, over=0.0) + ct.PriceShock({"X": -1e-6}, over=300.0)
    free, halted = (play(net, *policies, horizon=600.0, shock=shock) for policies in ((), (halt,)))
    first = [run.events[run.events["kind"] == "arbitrage"]["time"].min() for run in (free, halted)]
    assert first == [10.0, 130.0]
    wide = [
        run.basis[run.basis["market"] == "F"].set_index("time")["basis"].abs()[120.0]
        for run in (free, halted)
    ]
    assert wide[0] == pytest.approx(32.0 / 1024.0, rel=2e-2)  # both books have taken a half
    assert wide[1] == pytest.approx(64.0 / 1024.0, rel=2e-2)


def test_a_future_nobody_trades_changes_nothing_else() -> None:
    """One that expires after the run: every table is the same, bit for bit, but for the rows of the market."""
    for seed in (1, 3):
        it = random_world(seed)
        net, tables = it.net, {}
        perp = net.markets.reset_index().to_dict("records")
        row = next(market for market in perp if market["name"] == "AAA-perp-V1")
        more = row | {
            "name": "zz",
            "kind": "future",
            "expiry": 1e6,
            "carry": 0.5,
            "funding_interval": float("nan"),
        }
        depth = net.depth.to_dict("records")
        depth += [side | {"market": "zz"} for side in depth if side["market"] == "AAA-perp-V1"]
        with_future = net.replace(markets=[*perp, more], depth=depth)
        for name, world in (("without", net), ("with", with_future)):
            tables[name] = ct.run(world, it.shock, it.model, [], seed=seed)
        for name in ("rounds", "accounts", "nodes", "venues", "events", "ledger", "liquidations"):
            assert getattr(tables["with"], name).equals(getattr(tables["without"], name)), name
        for name in ("paths", "basis"):
            rows = getattr(tables["with"], name)
            kept = rows[rows["market"] != "zz"].reset_index(drop=True)
            assert kept.equals(getattr(tables["without"], name)), name
        assert tables["with"].markets.drop(index="zz").equals(tables["without"].markets)
        assert np.array_equal(tables["with"].metrics, tables["without"].metrics, equal_nan=True)
