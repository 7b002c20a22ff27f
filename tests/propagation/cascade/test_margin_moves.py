"""What an owner may move between accounts: free money that the other venue can send, counted once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

import contagion as ct
from tests.propagation.cascade.owners import Account, Town, build_town, live, moves
from tests.propagation.cascade.small import gap, play

CALLED = Account("o", 16.0, 2500.0, top_up_from="margin")  # 1404 short at 30
SAVER = Account("c", 0.0, 1000.0)


def bare(town: Town, **venues: Mapping[str, Any]) -> ct.Network:
    """The town with venues that have no cash of their own, and these rules each."""
    net = build_town(town)
    rules = net.venues.copy()
    for venue, columns in venues.items():
        for column, value in columns.items():
            rules.loc[venue, column] = value
    return net.replace(nodes=net.nodes.assign(cash=0.0), venues=rules)


def test_what_is_moved_has_been_posted_by_nobody() -> None:
    """1000 leave one account of the owner for the other: nothing has been added to the venue."""
    run = live(Town({"a": CALLED, "b": Account("o", 0.0, 1000.0)}))
    assert run.accounts["posted"][["a", "b"]].tolist() == [1000.0, -1000.0]


def test_money_moved_within_a_venue_pays_no_withdrawals() -> None:
    """V has lent everything; after the outage 1000 go from b to a at 40, and c gets none of its 500."""
    town = Town({"a": CALLED, "b": Account("o", 0.0, 1000.0), "c": SAVER})
    shock = gap() + ct.Outage("V", length=40.0) + ct.Withdrawal("V", 0.5)
    run = play(bare(town, V={"reserve_ratio": 0.0}), shock=shock)
    assert moves(run, "top_up") == [(40.0, "a", 1000.0)]
    assert run.venues.loc["V", "withdrawn"] == 0.0
    assert run.venues.loc["V", "refused"] > 0.0


@pytest.mark.parametrize(
    ("rules", "sent"),
    [
        ({"reserve_ratio": 1.0}, [700.0]),
        ({"reserve_ratio": 0.5}, [350.0]),
        ({"reserve_ratio": 0.0}, []),
        # of 700, 350 are in custody; 175 of the others are liquid
        ({"reserve_ratio": 0.5, "customer_share": 0.5}, [350.0]),
        ({"reserve_ratio": 0.0, "customer_share": 1.0}, [700.0]),
        ({"reserve_ratio": 0.0, "insurance_fund": 100.0}, [100.0]),
    ],
)
def test_a_venue_sends_what_it_can_pay(rules: Mapping[str, float], sent: list[float]) -> None:
    net = bare(Town({"a": CALLED, "r": Account("o", 0.0, 700.0, "W")}), W=rules)
    assert [money for _, _, money in moves(play(net), "top_up")] == sent


def test_what_a_venue_has_sent_is_gone_from_its_reserve() -> None:
    """W holds 850 of 1700: 700 are sent at 30; c asks for half of its 1000 then and gets the other 150."""
    town = Town(
        {"a": CALLED, "c": Account("c", 0.0, 1000.0, "W"), "r": Account("o", 0.0, 700.0, "W")},
        venue={"call_delay": 10.0},
    )
    shock = gap() + ct.Outage("W", length=20.0) + ct.Withdrawal("W", 0.5)
    run = play(bare(town, W={"reserve_ratio": 0.5}), shock=shock)
    assert moves(run, "top_up") == [(20.0, "a", 700.0)]
    assert moves(run, "withdrawal") == [(20.0, "c", 150.0), (20.0, "W", -350.0)]


def test_a_protocol_sends_what_its_borrowers_have_left() -> None:
    """700 deposited at W, 500 of them lent against a unit of X: 200 can be sent."""
    town = Town({"a": CALLED, "b": Account("b", 0.0, -500.0, "W"), "r": Account("o", 0.0, 700.0, "W")})
    net = bare(town)
    coin = {"account": "b", "asset": "X", "quantity": 1.0}
    pledged = net.replace(
        nodes=net.nodes.assign(kind=net.nodes["kind"].where(net.nodes.index != "W", "protocol")),
        balances=[*net.balances.to_dict("records"), coin],
        collateral=[{"venue": "W", "asset": "X", "liquidation_threshold": 0.8, "bonus": 0.05}],
    )
    assert moves(play(pledged), "top_up") == [(30.0, "a", 200.0)]


def test_initial_margin_stays_where_it_is_above_the_call_target() -> None:
    """r is left with an eighth of its 960, though one and a half times a sixteenth would do for its owner."""
    accounts = {
        "a": Account("o", 16.0, 2100.0, top_up_from="margin"),  # 1076 at 960, called below 1152 for 1440
        "r": Account("o", 1.0, 344.0, "W"),
    }
    run = live(Town(accounts, venue={"call_ratio": 1.2, "call_target": 1.5}))
    assert moves(run, "top_up") == [(30.0, "a", 344.0 - 64.0 - 120.0)]
