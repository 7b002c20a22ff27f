"""Cases on an edge, followed by hand: orders that just fit, money that is just spent, clocks that meet."""

from __future__ import annotations

import math

import pandas as pd
import pytest

import contagion as ct
from tests.propagation.cascade.small import Holder, Rules, gap, play, small_net

A = Holder({"M": 16.0}, 1900.0)  # closed at 960, fill 952.5
THIN = 1.0 / 64.0
ALMOST = math.floor(2.0**24 * 15350 / 15360) * 2.0**-20  # of sixteen units, in whole lots
BANKRUPT = 1024.0 - 900.0 / 16.0  # where 900 behind 16 units are gone: 967.75
TWO = {"M": "X", "N": "Y"}


def sold(run: ct.Run) -> list[tuple[str, float, float]]:
    """Account, time and lots (in units) of every forced fill."""
    rows = run.events[run.events["kind"] == "liquidation"]
    return [(row.account, row.time, row.lots * 2.0**-20) for row in rows.itertuples()]


@pytest.mark.parametrize(("throughput", "first"), [(1536.0, 16.0), (1535.0, ALMOST)])
def test_an_order_of_exactly_what_a_venue_executes_is_filled_at_once(throughput: float, first: float) -> None:
    """16 units at 960 are 15360, ten seconds of 1536; a money a second less leaves lots over, rounded down."""
    run = play(small_net({"a": A}, Rules({"throughput": throughput})), horizon=10.0)
    assert sold(run) == [("a", 10.0, -first)]
    assert run.metrics["deferred_notional"] == (16.0 - first) * 960.0


def test_a_throttle_that_allows_exactly_the_order_changes_nothing() -> None:
    run = play(small_net({"a": A}), ct.LiquidationThrottle(share=1.0, rate=1536.0))
    assert sold(run) == [("a", 10.0, -16.0)]
    assert run.metrics["deferred_notional"] == 0.0


def test_a_band_that_ends_where_the_order_ends_lets_it_through() -> None:
    """Sixteen units end at 945, 1/64 below the index of 960; one unit more does not fit."""
    band = ct.PriceBand(below=1.0 / 64.0, above=1.0)
    run = play(small_net({"a": A}), band, horizon=10.0)
    assert sold(run) == [("a", 10.0, -16.0)]
    more = play(small_net({"a": Holder({"M": 17.0}, 2000.0)}), band, horizon=10.0)
    assert sold(more) == [("a", 10.0, -16.0)]
    assert more.metrics["deferred_notional"] == 960.0


@pytest.mark.parametrize("adl", ["", "fund"])
def test_an_account_left_with_exactly_nothing_is_closed_without_deficit(adl: str) -> None:
    """16 * 71.5 = 1144 is all it has: no debt, nobody deleveraged, and no further look at it."""
    run = play(small_net({"a": Holder({"M": 16.0}, 1144.0)}, Rules({"adl_trigger": adl}, rate=THIN)))
    assert sold(run) == [("a", 10.0, -16.0)]
    assert run.accounts["closing_equity"]["a"] == run.accounts["deficit"]["a"] == 0.0
    assert run.metrics["bad_debt"] == run.metrics["adl_notional"] == run.metrics["uncovered"] == 0.0


def test_an_account_at_exactly_its_requirement_is_left_alone() -> None:
    """At 960 it needs 960 and has 1984 - 1024 = 960; a quantum less and it is sold."""
    assert sold(play(small_net({"a": Holder({"M": 16.0}, 1984.0)}))) == []
    assert sold(play(small_net({"a": Holder({"M": 16.0}, 1984.0 - 2.0**-20)}))) == [("a", 10.0, -16.0)]


@pytest.mark.parametrize(("length", "reopened"), [(30.0, 40.0), (30.5, 50.0), (29.5, 40.0), (10.0, 20.0)])
def test_a_halt_that_ends_on_a_round_is_over_in_that_round(length: float, reopened: float) -> None:
    run = play(small_net({"a": A}), ct.Halt(drop=0.05, window=math.inf, length=length))
    assert sold(run) == [("a", reopened, -16.0)]
    assert run.metrics["halted_seconds"] == reopened - 10.0


def path(*prices: float) -> ct.PricePath:
    """Outside prices of X every ten seconds."""
    return ct.PricePath(pd.DataFrame({"X": prices}, index=[10.0 * k for k in range(len(prices))]))


@pytest.mark.parametrize(
    ("cash", "posted", "is_sold"), [(5000.0, 1924.0, False), (84.0, 84.0, False), (83.0, 83.0, True)]
)
def test_a_call_due_in_the_round_of_liquidation_is_paid_first(
    cash: float, posted: float, is_sold: bool
) -> None:
    """Called at 960 in round 1, due in round 2: at 920 it has 836 and needs 920; 84 are enough, 83 are not.

    The shortfall is that of the arrival: 3 * 920 - 836 = 1924.
    """
    rules = Rules({"call_ratio": 2.0, "call_target": 3.0, "call_delay": 10.0}, {"impact_coefficient": 0.0})
    net = small_net({"a": Holder({"M": 16.0}, 2500.0, cash=cash, response=1.0)}, rules)
    run = play(net, shock=path(1024.0, 960.0, 920.0))
    assert run.metrics["margin_posted"] == pytest.approx(posted, abs=1e-6)  # the path's last digits
    assert bool(sold(run)) == is_sold


def test_without_counterparties_the_order_goes_to_the_book() -> None:
    """The only short entered at 900 and loses at 960: nobody to deleverage, no profit to cut, the venue pays 144."""
    holders = {
        "a": Holder({"M": 16.0}, 900.0),
        "s": Holder({"M": -16.0}, 9000.0, entry=900.0),
    }
    run = play(small_net(holders, Rules({"adl_trigger": "fund", "insurance_fund": 100.0}, rate=THIN)))
    assert sold(run) == [("a", 10.0, -16.0)]
    found = run.metrics
    assert (found["adl_notional"], found["residual_loss"]) == (0.0, 0.0)
    assert (found["bad_debt"], found["fund_used"], found["uncovered"]) == (244.0, 100.0, 0.0)
    assert run.nodes["closing_equity"]["V"] == 1e6 - 144.0


def test_both_sides_of_a_market_forced_in_one_round_meet_at_its_price() -> None:
    """f sells 16 of N; c, hit by its 64 of M, must buy 16 of N back: no flow, N stays at 960 and costs nothing."""
    holders = {
        "c": Holder({"M": 64.0, "N": -16.0}, 7500.0),  # 7500 - 4096 + 1024 = 4428 is below 80 * 60 = 4800
        "f": Holder({"N": 16.0}, 1900.0, "isolated"),
    }
    run = play(small_net(holders, markets={"M": "X", "N": "X"}))
    fills = {(row.account, row.market): row.price for row in run.events.itertuples()}
    assert fills == {("c", "M"): 930.0, ("c", "N"): 960.0, ("f", "N"): 960.0}
    assert run.markets["closing_price"].to_dict() == {"M": 900.0, "N": 960.0}
    assert run.metrics["forced_cost"] == 64 * 30.0
    assert run.metrics["liquidated_notional_short"] == 16 * 960.0


def broke(first: float, second: float, **venue: object) -> pd.Series:
    """Metrics of two bankrupt accounts in two markets of a venue whose fund holds 300."""
    holders = {
        "a": Holder({"M": 16.0}, first, "isolated"),
        "b": Holder({"N": 16.0}, second, "isolated"),
    }
    rules = Rules({"insurance_fund": 300.0, **venue}, rate=THIN)
    return play(small_net(holders, rules, TWO), shock=gap("X", "Y")).metrics


def test_a_fund_that_the_first_of_two_markets_exhausts_leaves_the_rest_to_the_next_layer() -> None:
    """Each lacks 244: 488 in all, 300 from the fund, 188 from the profits of the rest of the market."""
    found = broke(900.0, 900.0)
    assert (found["bad_debt"], found["fund_used"], found["residual_loss"]) == (488.0, 300.0, 188.0)


def test_the_fund_covers_accounts_until_the_first_that_does_not_fit() -> None:
    """244 fit into 300, 488 do not: the second account of equal rank is deleveraged at its bankruptcy price."""
    found = broke(900.0, 900.0, adl_trigger="fund")
    assert (found["bad_debt"], found["fund_used"], found["residual_loss"]) == (244.0, 244.0, 0.0)
    assert found["adl_notional"] == 16 * BANKRUPT
    assert found["liquidated_notional"] == 16 * 952.5


def test_behind_the_first_that_does_not_fit_nobody_is_covered() -> None:
    """b has 800 and the lower margin ratio: its 344 do not fit, and a, whose 244 would, comes after it."""
    found = broke(900.0, 800.0, adl_trigger="fund")
    assert found["fund_used"] == found["bad_debt"] == found["liquidated_notional"] == 0.0
    assert found["adl_notional"] == 16 * BANKRUPT + 16 * (1024.0 - 800.0 / 16.0)
