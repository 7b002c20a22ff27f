"""Nodes made sound: what they are given, by hand, and that nothing of theirs is forced any more."""

import numpy as np
import pytest

import contagion as ct
from contagion.errors import NetworkError
from contagion.experiments.attribute import sparing
from contagion.network.equity import opening_equity
from contagion.network.guarantee import guarantee
from contagion.network.reserved import rest_of_market
from tests.propagation.cascade.small import Holder, gap, small_net
from tests.worlds import random_world


def world():
    holders = {
        "long": Holder({"M": 16.0}, 1100.0),
        "short": Holder({"M": -16.0}, 64000.0),
    }
    return small_net(holders, None)


def test_nobody_named_changes_nothing():
    net = world()
    assert guarantee(net, []) is net


def test_accounts_get_ten_times_their_gross_value():
    net = world()
    after = guarantee(net, ["long"])
    gained = (after.balances["quantity"] - net.balances["quantity"]).to_numpy()
    assert sorted(gained.tolist()) == [0.0, 10.0 * 16.0 * 1024.0]
    assert dict(after.payers) == {"guarantee": 163840.0}


def test_an_account_alone_leaves_its_owner_as_it_is():
    net = world()
    name = net.accounts.index[net.accounts["owner"] == "long"][0]
    by_account, by_node = guarantee(net, [], [name]), guarantee(net, ["long"])
    assert by_account.balances.equals(by_node.balances)
    assert by_account.nodes.equals(net.nodes)


def test_a_venue_gets_a_fund_for_everything_on_it_and_liquid_reserves():
    net = world().replace(venues=world().venues.assign(reserve_ratio=0.1))
    after = guarantee(net, ["V"])
    assert after.venues.loc["V", "insurance_fund"] == 2 * 16.0 * 1024.0
    assert after.venues.loc["V", "reserve_ratio"] == 1.0
    assert after.balances.equals(net.balances)


def test_debtors_get_what_they_owe():
    net = ct.Network(
        nodes=[{"name": "A", "external_liabilities": 5.0, "cash": 8.0}, {"name": "B"}],
        obligations=[{"debtor": "A", "creditor": "B", "amount": 3.0}],
    )
    after = guarantee(net, ["A"])
    assert after.nodes["external_assets"].to_dict() == {"A": 8.0, "B": 0.0}
    assert (opening_equity(after) - opening_equity(net)).to_dict() == {"A": 8.0, "B": 0.0}


def test_a_second_guarantee_adds_to_what_the_payer_gave():
    net = world()
    once = guarantee(guarantee(net, ["long"]), ["short"])
    assert once.payers["guarantee"] == 2 * 163840.0


def test_names_that_do_not_exist_are_refused():
    with pytest.raises(NetworkError, match=r"nodes: 'lng' does not exist.*did you mean 'long'"):
        guarantee(world(), ["lng"])
    with pytest.raises(NetworkError, match="accounts: 'nobody' does not exist"):
        guarantee(world(), [], ["nobody"])


def test_who_is_sound_is_neither_called_nor_liquidated_and_loses_nothing_to_the_system():
    net, model = world(), ct.Cascade(step=10.0, horizon=300.0)
    before = ct.run(net, gap(), model)
    after = ct.run(guarantee(net, ["long"]), gap(), model)
    assert before.metrics["liquidated_accounts"] == 1.0 and before.metrics["system_loss"] > 0.0
    assert after.metrics["liquidated_accounts"] == 0.0
    assert after.metrics["system_loss"] == 0.0 and after.metrics["margin_called"] == 0.0
    assert after.metrics["direct_loss"] == before.metrics["direct_loss"]


def loans(threshold):
    return ct.Network(
        nodes=[{"name": "P", "kind": "protocol", "cash": 1e6}, {"name": "b", "kind": "trader"}],
        assets=[
            {"name": "USD", "kind": "currency", "price": 1.0},
            {"name": "X", "kind": "coin", "price": 8.0},
        ],
        venues=[{"name": "P", "procedure": "lending"}],
        accounts=[{"name": "b@P", "owner": "b", "venue": "P"}],
        balances=[
            {"account": "b@P", "asset": "X", "quantity": 4.0},
            {"account": "b@P", "asset": "USD", "quantity": -16.0},
        ],
        collateral=[
            {"venue": "P", "asset": "X", "liquidation_threshold": 0.75, "loan_to_value": 0.5},
            {"venue": "P", "asset": "USD", "liquidation_threshold": threshold, "loan_to_value": threshold},
        ],
    )


def test_collateral_in_the_unit_counts_for_its_threshold_at_a_protocol():
    held = guarantee(loans(0.5), ["b"]).balances.set_index("asset")["quantity"]
    assert held.to_dict() == {"USD": -16.0 + 160.0 / 0.5, "X": 4.0}
    with pytest.raises(NetworkError, match="'b@P' lies at a venue where USD counts for nothing"):
        guarantee(loans(0.0), ["b"])


def test_identical_accounts_behind_a_row_are_paid_for_each():
    net = small_net(
        {"long": Holder({"M": 16.0}, 1100.0, count=3), "short": Holder({"M": -48.0}, 64000.0)}, None
    )
    after = guarantee(net, ["long"])
    assert after.payers["guarantee"] == 3 * 163840.0
    assert np.isclose((opening_equity(after) - opening_equity(net))["long"], 3 * 163840.0)


@pytest.mark.parametrize("seed", [1, 3, 11, 14])
def test_with_everybody_sound_nobody_is_called_liquidated_or_fails_in_random_worlds(seed):
    world = random_world(seed)
    everybody = frozenset(world.net.nodes.index[~rest_of_market(world.net.nodes.index)])
    before = ct.run(world.net, world.shock, world.model, seed=seed).metrics
    after = ct.run(
        guarantee(world.net, everybody), sparing(world.shock, everybody), world.model, seed=seed
    ).metrics
    assert before["liquidated_accounts"] > 0.0
    words = [
        "liquidated_accounts",
        "node_defaults",
        "venue_defaults",
        "margin_called",
        "bad_debt",
        "adl_notional",
    ]
    assert after[words].tolist() == [0.0] * len(words)
