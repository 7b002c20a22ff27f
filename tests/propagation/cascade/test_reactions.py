"""Owners who sell before they are sold, and owners who hedge, followed by hand.

With 1476 at 960, three times 60 a unit are covered for 8.2 units: 7.8 of 16 are cut or hedged.
"""

from __future__ import annotations

import math

import pytest

import contagion as ct
from tests.propagation.cascade.owners import Account, Town, build_town, live, moves
from tests.propagation.cascade.small import play
from tests.propagation.cascade.test_boundaries import path, sold

CUTTER = Account("o", 16.0, 2500.0, reaction="deleverage")
HEDGER = Account("o", 16.0, 2500.0, reaction="hedge")
CUT = math.ceil(7.8 * 2.0**20) * 2.0**-20  # in whole lots
LOTS = 2.0**-10
IMPACT = {"impact_coefficient": 1.0}


def traded(run: ct.Run, kind: str) -> list[tuple[float, str, float, float]]:
    """Time, market, units (bought above 0) and price of all events of a kind."""
    rows = run.events[run.events["kind"] == kind]
    return [(row.time, row.market, row.lots * 2.0**-20, row.price) for row in rows.itertuples()]


def test_a_called_owner_who_deleverages_cuts_to_the_call_target() -> None:
    """Called at 10; at 30 exactly what restores three times the requirement is sold, and no money is posted."""
    run = live(Town({"a": CUTTER}, {"o": 5000.0}))
    assert traded(run, "reaction") == [(30.0, "M", -CUT, 960.0)]
    assert len(moves(run, "call")) == 1
    found = run.metrics
    assert (found["margin_posted"], found["liquidated_notional"], found["liquidated_accounts"]) == (
        0.0,
        0.0,
        0.0,
    )
    assert found["forced_cost"] == 0.0
    reasons = run.ledger["kind"].unique().tolist()
    assert reasons == ["reaction"]


def test_the_sale_moves_the_price_like_any_other() -> None:
    """7.8 units of 1024 take 960 down by 7.3, half of it on average."""
    run = live(Town({"a": CUTTER}, market=IMPACT))
    assert traded(run, "reaction")[0][3] == pytest.approx(960.0 * (1.0 - CUT / 2048.0), rel=1e-12)
    assert run.markets["closing_price"]["M"] == pytest.approx(960.0 * (1.0 - CUT / 1024.0), rel=1e-12)


def test_every_leg_is_cut_by_the_same_fraction() -> None:
    """8 long and 8 short need as much; at 960 and 1088 for both of two venues' books the fraction is one."""
    net = build_town(Town({"a": Account("o", 12.0, 1500.0, reaction="deleverage")}))
    extra = {"name": "M2", "venue": "V", "asset": "X", "schedule": "s"}
    markets = net.markets.reset_index()
    second = {**markets[markets["name"] == "M"].iloc[0].to_dict(), **extra}
    depth = net.depth[net.depth["market"] == "M"].assign(market="M2")
    net = net.replace(
        markets=[*markets.to_dict("records"), second],
        depth=[*net.depth.to_dict("records"), *depth.to_dict("records")],
        positions=[
            *net.positions.to_dict("records"),
            {"account": "a", "market": "M2", "quantity": -4.0, "entry_price": 1024.0},
            {"account": "rest_of_market:V", "market": "M2", "quantity": 4.0, "entry_price": 1024.0},
        ],
    )
    # 1500 - 8 * 64 = 988; 16 units need 960 and are called below 1920; 988 covers 988 / 180 units
    kept = 988.0 / 180.0 / 16.0
    cuts = {market: units for _, market, units, _ in traded(play(net), "reaction")}
    assert cuts == pytest.approx({"M": -12.0 * (1.0 - kept), "M2": 4.0 * (1.0 - kept)}, abs=LOTS)


def test_an_owner_who_does_not_answer_does_nothing() -> None:
    net = build_town(Town({"a": CUTTER, "h": HEDGER}))
    run = play(net.replace(accounts=net.accounts.assign(response=0.0)))
    assert set(run.events["kind"]) == {"call"}


def test_an_account_that_is_liquidated_first_does_not_react() -> None:
    """At 900 it has 516 and needs 900 in the round in which the answer is due."""
    run = live(Town({"a": CUTTER}), shock=path(1024.0, 960.0, 960.0, 900.0))
    assert sold(run) == [("a", 30.0, -16.0)]
    assert traded(run, "reaction") == []


def test_an_account_that_has_recovered_need_not_react() -> None:
    """At 1100 it has 3716, above three times 1100."""
    run = live(Town({"a": CUTTER}), shock=path(1024.0, 960.0, 960.0, 1100.0))
    assert set(run.events["kind"]) == {"call"}


def test_forced_orders_go_first_and_the_call_stays_outstanding_until_all_is_filled() -> None:
    """Five units a round: b, with 36 left, sells 5, 5, 5 and 1; a, due at 30, gets nothing, then 4, then its 3.8."""
    accounts = {"a": CUTTER, "b": Account("p", 16.0, 1060.0, reaction="none")}
    run = live(Town(accounts, venue={"throughput": 480.0}))
    assert [time for _, time, _ in sold(run)] == [10.0, 20.0, 30.0, 40.0]
    cuts = traded(run, "reaction")
    assert [cut[0] for cut in cuts] == [40.0, 50.0]
    assert [cut[2] for cut in cuts] == pytest.approx([-4.0, -3.8], abs=LOTS)
    assert len(moves(run, "call")) == 1


def test_a_halt_holds_the_owner_back_too() -> None:
    run = live(Town({"a": CUTTER}), horizon=300.0)
    halted = play(build_town(Town({"a": CUTTER})), ct.Halt(drop=0.05, window=math.inf, length=100.0))
    assert [cut[0] for cut in traded(run, "reaction")] == [30.0]
    assert [cut[0] for cut in traded(halted, "reaction")] == [110.0]


def test_a_basis_trader_who_cuts_the_short_leg_unwinds_the_long_one() -> None:
    """At 1088 its 16 short units have 1476 and need 68 each: 204 a unit cover 7.235, so 8.765 are bought back."""
    short = Account("o", -16.0, 2500.0, reaction="deleverage")
    net = build_town(Town({"a": short}, holdings={"o": 16.0}))
    carry = {
        "name": "carry",
        "kind": "basis",
        "spot_node": "o",
        "short_account": "a",
        "asset": "X",
        "unwind": 0.0,
    }
    run = play(net.replace(strategies=[carry]), shock=ct.PriceShock({"X": 0.0625}, over=0.0))
    cut = 16.0 - 1476.0 / 204.0
    assert [row[2] for row in traded(run, "reaction")] == pytest.approx([cut], abs=LOTS)
    assert [row[2] for row in traded(run, "unwind")] == pytest.approx([-cut], abs=LOTS)


def test_a_hedger_opens_the_opposite_at_another_venue() -> None:
    """7.8 units are sold at W at 30; the account itself is as it was, called again at 40 and 70.

    The second call hedges 7.8 more, the third the 0.4 that are open: the pair is flat, so the other 7.4 are cut.
    """
    run = live(Town({"a": HEDGER, "h": Account("o", 0.0, 10_000.0, "W", reaction="none")}))
    hedges = traded(run, "hedge")
    assert [(time, market, price) for time, market, _, price in hedges] == [
        (30.0, "N", 960.0),
        (60.0, "N", 960.0),
        (90.0, "N", 960.0),
    ]
    assert [units for _, _, units, _ in hedges] == pytest.approx([-7.8, -7.8, -0.4], abs=LOTS)
    assert [units for _, _, units, _ in traded(run, "reaction")] == pytest.approx([-7.4], abs=LOTS)
    assert set(run.ledger["account"][run.ledger["kind"] == "hedge"]) == {"h", "provider:N"}


def test_a_hedge_goes_as_far_as_free_initial_margin_and_the_rest_is_cut() -> None:
    """300 at W are initial margin of 2400, or 2.5 units at 960: the other 5.3 are sold at V."""
    run = live(Town({"a": HEDGER, "h": Account("o", 0.0, 300.0, "W", reaction="none")}))
    assert traded(run, "hedge")[0][2] == pytest.approx(-2.5, abs=LOTS)
    assert traded(run, "reaction")[0][2] == pytest.approx(-5.3, abs=LOTS)


@pytest.mark.parametrize(
    "other",
    [
        Account("o", 0.0, 10_000.0, "V", reaction="none"),  # the same venue
        Account("p", 0.0, 10_000.0, "W", reaction="none"),  # somebody else's
        Account("o", -16.0, 10_000.0, "W", reaction="none"),  # the pair is flat already
    ],
)
def test_who_finds_nowhere_to_hedge_deleverages(other: Account) -> None:
    run = live(Town({"a": HEDGER, "h": other}))
    assert traded(run, "hedge") == []
    assert traded(run, "reaction") == [(30.0, "M", -CUT, 960.0)]


def test_rows_of_several_accounts_hedge_one_another() -> None:
    """Three accounts hedge 7.8 units each with 11.7 in each of two."""
    three = Account("o", 16.0, 2500.0, reaction="hedge", count=3)
    run = live(
        Town({"a": three, "h": Account("o", 0.0, 10_000.0, "W", reaction="none", count=2)}), horizon=40.0
    )
    assert [units for _, _, units, _ in traded(run, "hedge")] == pytest.approx([-3 * 7.8], abs=LOTS)


def test_two_accounts_hedge_in_one() -> None:
    """Both need 7.8 units at W; 1500 there are initial margin for 12.5: the first gets 7.8, the second 4.7."""
    accounts = {
        "a": HEDGER,
        "b": HEDGER,
        "h": Account("o", 0.0, 1500.0, "W", reaction="none"),
    }
    run = live(Town(accounts), horizon=40.0)
    assert [units for _, _, units, _ in traded(run, "hedge")] == pytest.approx([-12.5], abs=LOTS)
    cuts = [row for row in run.events.itertuples() if row.kind == "reaction"]
    assert [(row.account, row.lots * 2.0**-20) for row in cuts] == [("b", pytest.approx(-3.1, abs=LOTS))]
