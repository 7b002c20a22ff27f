"""Nodes that merge or split before the shock, followed by hand."""

from __future__ import annotations

import numpy as np
import pytest

import contagion as ct
from contagion.errors import PolicyError
from contagion.network.equity import opening_equity
from tests.propagation.solvency.banks import banks
from tests.worlds import random_world

BOTH = ct.Merger(("A", "B"), into="AB")


def three() -> ct.Network:
    """A, B and C owe each other; A holds 2 X at 5, B holds 4."""
    return ct.Network(
        nodes=[
            {
                "name": name,
                "kind": "institution",
                "cash": cash,
                "external_assets": outside,
                "external_liabilities": owed,
            }
            for name, cash, outside, owed in (
                ("A", 1.0, 10.0, 6.0),
                ("B", 2.0, 30.0, 7.0),
                ("C", 3.0, 20.0, 0.0),
            )
        ],
        assets=[
            {"name": "USD", "kind": "currency", "price": 1.0},
            {"name": "X", "kind": "coin", "price": 5.0},
        ],
        holdings=[{"node": "A", "asset": "X", "quantity": 2.0}, {"node": "B", "asset": "X", "quantity": 4.0}],
        obligations=[
            {"debtor": debtor, "creditor": creditor, "amount": amount}
            for debtor, creditor, amount in (
                ("A", "B", 4.0),
                ("B", "A", 1.0),
                ("A", "C", 3.0),
                ("B", "C", 5.0),
                ("C", "A", 2.0),
            )
        ],
    )


def test_balance_sheets_add_up_and_claims_between_the_merged_vanish() -> None:
    after = BOTH.opening(three())
    assert after.nodes.index.tolist() == ["AB", "C"]
    assert after.nodes.loc["AB", ["cash", "external_assets", "external_liabilities"]].tolist() == [
        3.0,
        40.0,
        13.0,
    ]
    owed = after.obligations.set_index(["debtor", "creditor"])["amount"].to_dict()
    assert owed == {("AB", "C"): 8.0, ("C", "AB"): 2.0}
    assert after.holdings[["node", "asset", "quantity"]].values.tolist() == [["AB", "X", 6.0]]
    # A: 1 + 10 + 10 + 1 + 2 - 6 - 4 - 3 = 11; B: 2 + 30 + 20 + 4 - 7 - 1 - 5 = 43
    assert opening_equity(three()).to_dict() == {"A": 11.0, "B": 43.0, "C": 29.0}
    assert opening_equity(after).to_dict() == {"AB": 54.0, "C": 29.0}


@pytest.mark.parametrize(
    ("shock", "lost"),
    [
        (ct.AssetShock({"B": -0.5}), 15.0),
        (ct.AssetShock({"A": -0.1, "B": -0.5}), 16.0),
        (ct.EquityShock({"A": 0.5}), 5.5),
        (ct.EquityShock({"A": 0.5, "B": 0.1}), 9.8),
        (ct.PriceShock({"X": -0.5}), 15.0),
    ],
)
def test_a_shock_to_the_parts_takes_as_much_from_the_merged_node(shock: ct.PriceShock, lost: float) -> None:
    apart = ct.run(three(), shock, ct.Clearing())
    merged = ct.run(three(), shock, ct.Clearing(), [BOTH])
    assert apart.nodes["direct_loss"].sum() == pytest.approx(lost)
    assert merged.nodes.loc["AB", "direct_loss"] == pytest.approx(lost)
    assert merged.nodes.loc["C", "direct_loss"] == 0.0


def test_a_node_fails_with_a_part_that_a_shock_lets_fail() -> None:
    run = ct.run(three(), ct.Default(["B"]), ct.Clearing(), [BOTH])
    assert run.nodes["defaulted"].to_dict() == {"AB": True, "C": False}
    split = ct.run(three(), ct.Default(["B"]), ct.Clearing(), [ct.Split("B")])
    assert split.nodes.index[split.nodes["defaulted"]].tolist() == ["B", "B/2"]


def test_a_split_divides_everything() -> None:
    after = ct.Split("B", parts=4).opening(three())
    parts = ["B", "B/2", "B/3", "B/4"]
    assert after.nodes.index.tolist() == ["A", *parts, "C"]
    assert (
        after.nodes.loc[parts, ["cash", "external_assets", "external_liabilities"]] == [0.5, 7.5, 1.75]
    ).all(axis=None)
    owed = after.obligations.set_index(["debtor", "creditor"])["amount"].to_dict()
    assert owed["A", "B/3"] == 1.0
    assert owed["B/4", "C"] == 1.25
    assert owed["B", "A"] == 0.25
    assert opening_equity(after)[parts].tolist() == [10.75] * 4
    assert after.nodes["owner"].to_dict() == {"A": "", "B": "", "B/2": "B", "B/3": "B", "B/4": "B", "C": ""}


@pytest.mark.parametrize(
    "model", [ct.Clearing(), ct.Clearing(alpha=0.5, beta=0.5), ct.DebtRank(), ct.Furfine()]
)
def test_equal_parts_do_together_what_the_whole_does(model: ct.Clearing) -> None:
    shock = ct.AssetShock({"bank-00": -0.3, "bank-01": -0.3, "bank-02": -0.2})
    whole = ct.run(banks(), shock, model)
    split = ct.run(banks(), shock, model, [ct.Split("bank-01", parts=3, fee=0.0)])
    for name in ("system_loss", "direct_loss"):
        assert split.metrics[name] == pytest.approx(whole.metrics[name], rel=1e-9)
    back = [ct.Split("bank-01", parts=3, fee=0.0), ct.Merger(("bank-01", "bank-01/2", "bank-01/3"), fee=0.0)]
    again = ct.run(banks(), shock, model, back)
    np.testing.assert_allclose(again.metrics, whole.metrics, rtol=1e-9)
    assert again.nodes.index.equals(whole.nodes.index)


def test_openings_after_one_another_keep_the_parts_of_a_merged_node() -> None:
    shock = ct.AssetShock({"B": -0.5})
    fenced = [BOTH, ct.RingFence(capital=0.1, nodes=("AB",))]
    run = ct.run(three(), shock, ct.Clearing(), fenced)
    # of external assets of 40 the fence took 14.3; both parts fall by the mean 15 / 40
    assert run.nodes.loc["AB", "direct_loss"] == pytest.approx(25.7 * 0.375)
    assert run.nodes.loc["ring-fence:AB", "direct_loss"] == pytest.approx(14.3 * 0.375)
    fenced = [ct.RingFence(capital=0.0, nodes=("B",)), ct.Merger(("A", "ring-fence:B"))]
    run = ct.run(three(), shock, ct.Clearing(), fenced)
    assert run.nodes["direct_loss"].to_dict() == pytest.approx({"A": 3.5, "B": 11.5, "C": 0.0})


def test_a_merger_brings_no_capital_to_models_that_ask_who_paid_in() -> None:
    run = ct.run(three(), ct.AssetShock({"A": -0.9}), ct.CrossHoldings(theta=0.5), [BOTH])
    assert run.nodes["defaulted"].tolist() == [False, False]
    prepared = ct.CrossHoldings().prepare(three(), [BOTH])
    assert prepared.book.paid_in.tolist() == [0.0, 0.0]
    paid = ct.CrossHoldings().prepare(three(), [BOTH, ct.CapitalInjection({"AB": 5.0})])
    assert paid.book.paid_in.tolist() == pytest.approx([5.0, 0.0])


def test_fees_are_billed() -> None:
    # total assets: A 24, B 56
    run = ct.run(three(), ct.AssetShock(-0.1), ct.Clearing(), [ct.Merger(("A", "B"), fee=0.02)])
    assert run.metrics["policy_cost"] == pytest.approx(0.02 * 24.0)
    run = ct.run(three(), ct.AssetShock(-0.1), ct.Clearing(), [ct.Split("B", parts=4)])
    assert run.metrics["policy_cost"] == pytest.approx(0.01 * 42.0)


def test_accounts_move_with_their_owner_and_are_divided_with_it() -> None:
    net = random_world(1, n=40).net
    own = net.accounts.index[net.accounts["owner"] == "t001"].tolist()
    merged = ct.Merger(("t001", "t002")).opening(net)
    assert set(own) <= set(merged.accounts.index[merged.accounts["owner"] == "t001"])
    assert "t002" not in set(merged.accounts["owner"])
    split = ct.Split("t001", parts=2).opening(net)
    assert split.accounts.index[split.accounts["owner"] == "t001/2"].tolist() == [f"{name}/2" for name in own]
    for table in ("balances", "positions"):
        rows, old = getattr(split, table), getattr(net, table)
        each = rows[rows["account"].isin([f"{name}/2" for name in own])]["quantity"].to_numpy()
        np.testing.assert_array_equal(each, old[old["account"].isin(own)]["quantity"].to_numpy() / 2.0)


def test_they_act_in_the_cascade() -> None:
    world = random_world(1, n=40)
    model = ct.Cascade(step=60.0, horizon=1800.0)
    shock = ct.PriceShock({"AAA": -0.3})
    plain = ct.run(world.net, shock, model)
    for policy in (ct.Merger(("t001", "t002")), ct.Split("t001")):
        run = ct.run(world.net, shock, model, [policy])
        assert not run.metrics.equals(plain.metrics) or len(run.nodes) != len(plain.nodes)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ct.Merger(("A", "A")), r"Merger\.nodes .*twice"),
        (lambda: ct.Merger("AB"), r"Merger\.nodes"),
        (lambda: ct.Merger(("A", "B"), into=""), r"Merger\.into is ''"),
        (lambda: ct.Merger(("A", "B"), fee=-1.0), r"Merger\.fee is -1"),
        (lambda: ct.Merger(("A", "D")).opening(three()), r"Merger\.nodes names 'D'"),
        (lambda: ct.Merger(("A", "B"), into="C").opening(three()), r"Merger\.into 'C' is another node"),
        (lambda: ct.Split("D").opening(three()), r"Split\.node names 'D'"),
        (lambda: ct.Split("A", parts=0), r"Split\.parts is 0"),
        (lambda: ct.Split("A", parts=2.0), r"Split\.parts is 2\.0"),
        (lambda: ct.Split("V1").opening(random_world(1, n=40).net), r"Split\.node names 'V1', a venue"),
        (lambda: ct.Merger(("V1", "t001")).opening(random_world(1, n=40).net), r"'V1', a venue"),
        (
            lambda: ct.Split("basis").opening(random_world(1, n=40).net),
            r"'basis' has a part in the strategy 'carry'",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(make, message) -> None:
    with pytest.raises(PolicyError, match=message):
        make()


def test_shares_that_would_be_in_oneself_are_refused_and_others_move() -> None:
    net = three()
    shares = net.assets.reset_index().to_dict("records")
    shares.append({"name": "S", "kind": "claim", "price": 1.0, "issuer": "B"})
    holdings = [*net.holdings.to_dict("records"), {"node": "C", "asset": "S", "quantity": 2.0}]
    with_shares = net.replace(assets=shares, holdings=holdings)
    assert BOTH.opening(with_shares).assets["issuer"]["S"] == "AB"
    with pytest.raises(PolicyError, match=r"'C' holds 'S', shares that one of the nodes issues"):
        ct.Merger(("B", "C")).opening(with_shares)
    with pytest.raises(PolicyError, match=r"Split\.node 'B' issues 'S'"):
        ct.Split("B").opening(with_shares)


def test_size_zero_changes_nothing() -> None:
    for policy in (ct.Merger(), ct.Merger(("A",)), ct.Split(), ct.Split("A", parts=1)):
        assert policy.opening(three()) == three()
        run = ct.run(three(), ct.AssetShock(-0.5), ct.Clearing(), [policy])
        assert run.metrics.equals(ct.run(three(), ct.AssetShock(-0.5), ct.Clearing()).metrics)


def test_heirs_that_are_no_nodes_are_refused() -> None:
    from dataclasses import dataclass

    @dataclass(frozen=True)
    class Wrong(ct.Policy):
        share: float = 1.0

        def opening(self, net: ct.Network) -> ct.Network:
            return net.replace(nodes=net.nodes.assign(cash=net.nodes["cash"].to_numpy()[[1, 0, 2]]))

        def heirs(self):
            return {"A": {"Z": 1.0}} if self.share == 1.0 else {"A": {"A": self.share}}

    with pytest.raises(PolicyError, match=r"Wrong\.heirs names 'Z'"):
        ct.run(three(), ct.AssetShock(-0.5), ct.Clearing(), [Wrong(), BOTH])
    with pytest.raises(PolicyError, match=r"Wrong\.heirs shares 'A' out to 0\.5"):
        ct.run(three(), ct.AssetShock(-0.5), ct.Clearing(), [Wrong(share=0.5), BOTH])
