"""Who hit whom, in cascades of two to four accounts: shares of the move of the mark, worked out from the displacements.

The books are exponential: the outside fall moves the log price by ln(1024/960), a sale of u units by u/1024, so shares
of the log move are exact.
"""

from __future__ import annotations

import math

import pandas as pd
import pytest

import contagion as ct
from tests.propagation.cascade.small import OUTSIDE, Holder, Rules, gap, play, small_net

OUT = math.log(1024.0 / 960.0)
TRIGGERS = ("price", "outside")
BOOK = {"impact": "exponential"}
FUND = {"insurance_fund": 1e5}
PLAIN = Rules(FUND, BOOK)
TWO = {"a": Holder({"M": 16.0}, 1900.0), "b": Holder({"M": 8.0}, 1100.0)}


def fill(before: float, after: float) -> float:
    """Mean of 960 exp(-u/1024) while the units sold go from `before` to `after`."""
    x0, x1 = before / 1024.0, after / 1024.0
    return OUTSIDE * (math.exp(-x0) - math.exp(-x1)) / (x1 - x0)


A_MONEY, B_MONEY = 16.0 * fill(0.0, 16.0), 8.0 * fill(16.0, 24.0)
B_CAUSE = (16.0 / 1024.0) / (OUT + 16.0 / 1024.0)


def edges(run: ct.Run) -> dict[tuple[str, str], float]:
    """Money on the edges of the contagion graph, all channels together but what trades cost."""
    found: dict[tuple[str, str], float] = {}
    for source, target, told in run.contagion_graph().edges(data=True):
        if told["channel"] != "cost":
            found[source, target] = found.get((source, target), 0.0) + told["weight"]
    return found


def check_sums(run: ct.Run) -> None:
    """Money caused is money explained, and what leads into a node is what it sold."""
    table, graph = run.attribution, run.contagion_graph()
    explained = float((table["money"] * table["cause"]).sum())
    assert float(table["caused"].sum()) == pytest.approx(explained, rel=1e-12)
    assert run.nodes["loss_caused"].sum() == pytest.approx(explained, rel=1e-12)
    sold = table[table["kind"].isin(["liquidation", "unwind"])].groupby("node")["money"].sum()
    led = [(node, told["weight"]) for _, node, told in graph.edges(data=True) if told["channel"] in TRIGGERS]
    for node, money in sold.items():
        assert sum(weight for target, weight in led if target == node) == pytest.approx(money, rel=1e-12)
    total = sum(weight for _, weight in led)
    assert total == pytest.approx(float(sold.sum()), rel=1e-12)


def test_of_two_accounts_the_outside_hits_both_and_the_first_hits_the_second() -> None:
    run = play(small_net(TWO, PLAIN))
    table = run.attribution.set_index("node")
    assert table["money"].to_dict() == pytest.approx({"a": A_MONEY, "b": B_MONEY}, rel=1e-9)
    assert table["cause"].to_dict() == pytest.approx({"a": 0.0, "b": B_CAUSE}, rel=1e-9)
    assert table["caused"].to_dict() == pytest.approx({"a": B_CAUSE * B_MONEY, "b": 0.0}, rel=1e-9)
    assert edges(run) == pytest.approx(
        {
            ("outside", "a"): A_MONEY,
            ("outside", "b"): (1.0 - B_CAUSE) * B_MONEY,
            ("market:M", "b"): B_CAUSE * B_MONEY,
            ("a", "market:M"): A_MONEY,
            ("b", "market:M"): B_MONEY,
        },
        rel=1e-9,
    )
    assert run.nodes["loss_caused"]["a"] == pytest.approx(B_CAUSE * B_MONEY, rel=1e-9)
    check_sums(run)


def test_two_sellers_of_one_round_share_what_they_caused_by_their_money() -> None:
    """c sells 4 units beside a's 16 in round 1; b falls in round 2: a fifth of what hit it is c's."""
    holders = {**TWO, "c": Holder({"M": 4.0}, 490.0)}  # 490 - 256 = 234 is below 240
    run = play(small_net(holders, PLAIN))
    cause = (20.0 / 1024.0) / (OUT + 20.0 / 1024.0)
    money = 8.0 * fill(20.0, 28.0)
    table = run.attribution.set_index("node")
    assert table["cause"].to_dict() == pytest.approx({"a": 0.0, "b": cause, "c": 0.0}, rel=1e-9)
    expected = {"a": 0.8 * cause * money, "b": 0.0, "c": 0.2 * cause * money}
    assert table["caused"].to_dict() == pytest.approx(expected, rel=1e-9)
    check_sums(run)


def test_in_a_chain_of_three_each_later_seller_is_hit_by_all_earlier_ones() -> None:
    """d has 700 for 5 units: at 945.1 it has 305 and needs 295, at 937.8 (24 units sold) 269 and needs 293.

    Of what hits d, 16 parts in 24 are a's and 8 are b's.
    """
    holders = {**TWO, "d": Holder({"M": 5.0}, 700.0)}
    run = play(small_net(holders, PLAIN))
    table = run.attribution.set_index("node")
    assert list(table["round"][["a", "b", "d"]]) == [1, 2, 3]
    d_cause = (24.0 / 1024.0) / (OUT + 24.0 / 1024.0)
    d_money = 5.0 * fill(24.0, 29.0)
    assert table["cause"]["d"] == pytest.approx(d_cause, rel=1e-9)
    assert table["caused"]["a"] == pytest.approx(B_CAUSE * B_MONEY + d_cause * d_money * 16 / 24, rel=1e-9)
    assert table["caused"]["b"] == pytest.approx(d_cause * d_money * 8 / 24, rel=1e-9)
    check_sums(run)


def test_what_has_decayed_hits_nobody_any_more() -> None:
    """Half-life of one round, nothing permanent: a's 1/64 of round 1 stands in full in round 2, half of it in round 3.

    b has 1200: at 945.1 in round 2 it is well; in round 3 outside stands at 930 and b is sold.
    """
    path = pd.DataFrame({"X": [1024.0, 960.0, 960.0, 930.0]}, index=[0.0, 10.0, 20.0, 30.0])
    rules = Rules(FUND, {**BOOK, "permanent_share": 0.0, "impact_half_life": 10.0})
    holders = {"a": Holder({"M": 16.0}, 1900.0), "b": Holder({"M": 8.0}, 1200.0)}
    run = play(small_net(holders, rules), shock=ct.PricePath(path))
    table = run.attribution.set_index("node")
    assert table["round"].to_dict() == {"a": 1, "b": 3}
    left = 0.5 * 16.0 / 1024.0
    cause = left / (math.log(1024.0 / 930.0) + left)
    assert table["cause"]["b"] == pytest.approx(cause, rel=1e-9)
    assert table["caused"]["a"] == pytest.approx(cause * table["money"]["b"], rel=1e-9)
    check_sums(run)


def test_forced_buyers_are_hit_by_earlier_buyers_and_not_by_sellers() -> None:
    """A rise to 1088: s buys 16 units back, t is hit by that; in the other market a sale hits neither."""
    rise = ct.PriceShock({"X": 1088.0 / 1024.0 - 1.0, "Y": -0.0625}, over=0.0)
    holders = {
        "s": Holder({"M": -16.0}, 2040.0),  # 2040 - 1024 is below 1088
        "t": Holder({"M": -8.0}, 1080.0),  # 1080 - 512 = 568 is above 544; 16 units later it is not
        "y": Holder({"N": 16.0}, 1900.0),
    }
    run = play(small_net(holders, PLAIN, {"M": "X", "N": "Y"}), shock=rise)
    table = run.attribution.set_index("node")
    assert set(table.index) == {"s", "t", "y"}
    up, pushed = math.log(1088.0 / 1024.0), 16.0 * 1088.0 / (960.0 * 1024.0)
    cause = pushed / (up + pushed)
    assert table["cause"].to_dict() == pytest.approx({"s": 0.0, "t": cause, "y": 0.0}, rel=1e-9)
    assert table["caused"]["s"] == pytest.approx(cause * table["money"]["t"], rel=1e-9)
    assert table["caused"]["y"] == 0.0
    check_sums(run)


def test_the_bankrupt_hit_the_winners_they_are_closed_against_and_venues_those_who_pay() -> None:
    """a is bankrupt at 967.75; the rest of the market closes 16 units there, 7.75 beyond the mark, or pays what the
    fund lacks."""
    broke = {"a": Holder({"M": 16.0}, 900.0)}
    thin = 1.0 / 64.0
    adl = play(small_net(broke, Rules({"adl_trigger": "fund"}, rate=thin)))
    assert edges(adl)["a", "rest_of_market:V"] == pytest.approx(16 * 7.75, abs=1e-3)
    cut = play(small_net(broke, Rules({"insurance_fund": 100.0}, rate=thin)))
    assert edges(cut)["V", "rest_of_market:V"] == 144.0  # linear book: 244 are missing
    assert edges(cut)["a", "V"] == 244.0


def test_a_run_without_orders_has_no_edges() -> None:
    run = play(small_net({"a": Holder({"M": 16.0}, 9000.0)}), shock=gap())
    assert run.contagion_graph().number_of_edges() == 0
    assert run.attribution.empty


def test_takeovers_are_traced_to_what_the_inventory_has_sold_before() -> None:
    run = play(small_net(TWO, Rules(FUND | {"procedure": "takeover"}, BOOK)))
    table, graph = run.attribution, edges(run)
    taken = table[(table["kind"] == "takeover") & (table["market"] != "")].set_index("node")
    assert taken["cause"].to_dict() == pytest.approx({"a": 0.0, "b": B_CAUSE}, rel=1e-12)
    b_equity = 1100.0 - 8.0 * (1024.0 - 960.0 * math.exp(-16.0 / 1024.0))
    b_money = 8.0 * 960.0 * math.exp(-16.0 / 1024.0) - b_equity
    assert taken.loc["b", "money"] == pytest.approx(b_money, rel=1e-9)
    sold = table[table["kind"] == "unwind"]
    assert sold["cause"].isna().all()  # the inventory's orders are those takeovers, not new ones
    assert sold["caused"].tolist() == pytest.approx([B_CAUSE * b_money, 0.0], rel=1e-9)
    assert graph["b", "V"] == pytest.approx(b_money, rel=1e-9)
    assert graph["market:M", "b"] == pytest.approx(B_CAUSE * b_money, rel=1e-9)
    assert graph["outside", "b"] == pytest.approx((1.0 - B_CAUSE) * b_money, rel=1e-9)
    assert graph["V", "market:M"] == pytest.approx(A_MONEY + B_MONEY, rel=1e-9)
    assert ("b", "market:M") not in graph
