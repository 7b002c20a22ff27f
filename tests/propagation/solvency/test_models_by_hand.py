"""Models of balance sheets on networks small enough to follow with pencil and paper."""

import numpy as np
import pytest

import contagion as ct
from contagion.errors import NetworkError, PolicyError
from tests.propagation.solvency.banks import banks_of, pair


def test_clearing_passes_the_shortfall_on_and_counts_it_once():
    run = ct.run(pair(), ct.AssetShock({"A": -0.4}), ct.Clearing())
    assert run.nodes["opening_equity"].tolist() == [1.0, 5.0]
    assert run.nodes["direct_loss"].tolist() == [2.0, 0.0]
    assert run.nodes["closing_equity"].tolist() == [0.0, 4.0]
    assert run.nodes["recovery"].tolist() == [0.75, 1.0]
    m = run.metrics
    assert (m["direct_loss"], m["system_loss"], m["system_gain"]) == (2.0, 1.0, 1.0)
    assert m["loss_amplification"] == 1.5
    assert (m["node_defaults"], m["fundamental_defaults"], m["contagion_defaults"]) == (1, 1, 0)
    assert (m["unpaid"], m["external_loss"], m["default_costs"]) == (1.0, 0.0, 0.0)
    assert list(run.contagion_graph().edges(data=True)) == [
        ("outside", "A", {"weight": 2.0, "channel": "shock"}),
        ("A", "B", {"weight": 1.0, "channel": "default"}),
    ]


def test_default_costs_are_what_defaulters_do_not_keep():
    run = ct.run(pair(), ct.AssetShock({"A": -0.4}), ct.Clearing(alpha=0.5, beta=0.5))
    assert run.nodes["paid_inside"].tolist() == [1.5, 0.0]
    assert run.metrics["default_costs"] == 1.5
    assert run.metrics["system_loss"] == 2.5


def test_a_node_that_is_let_fail_loses_its_equity_and_the_costs_of_default():
    free = ct.run(pair(), ct.Default(["A"]), ct.Clearing())
    assert free.nodes["defaulted"].tolist() == [True, False]
    assert free.metrics["system_loss"] == 1.0  # A's own equity: the loss of a default nobody asked for
    dear = ct.run(pair(), ct.Default(["A"]), ct.Clearing(alpha=0.6))
    assert dear.nodes["loss_on_claims"].tolist() == [0.0, pytest.approx(4.0 - 0.6 * (5.0 - 1.0))]
    assert dear.metrics["default_costs"] == pytest.approx(0.4 * (5.0 - 1.0))


def test_costs_of_a_default_that_is_let_happen_fall_on_receipts_too():
    net = banks_of([("A", 3.0, 0.0), ("B", 2.0, 0.0)], [("A", "B", 4.0), ("B", "A", 2.0)])
    run = ct.run(net, ct.Default(["A"]), ct.Clearing(alpha=0.75, beta=0.5))
    assert run.nodes["paid_inside"].tolist() == [0.75 * (3.0 - 1.0) + 0.5 * 2.0, 2.0]


def test_equity_of_zero_is_solvent_whatever_the_rounding_of_the_sheet():
    net = banks_of([("A", 0.3, 0.2), ("B", 1.0, 0.0), ("C", 9.0, 0.0)], [("A", "B", 0.1), ("C", "B", 0.1)])
    assert 0.3 - 0.1 - 0.2 < 0.0
    for model in (ct.Clearing(), ct.Furfine(), ct.DebtRank()):
        run = ct.run(net, ct.Default(["C"]), model)
        assert run.nodes["defaulted"].tolist() == [False, False, True], model


@pytest.mark.parametrize("model", [ct.Clearing(), ct.DebtRank(), ct.Furfine(), ct.ThresholdCascade()])
def test_who_owes_more_than_it_has_before_the_shock_is_in_default_in_every_model(model):
    net = banks_of([("A", 1.0, 6.0), ("B", 5.0, 0.0)], [("A", "B", 1.0)])
    run = ct.run(net, ct.AssetShock({"B": -0.1}), model)
    assert run.nodes["defaulted"].tolist() == [True, False]
    assert run.nodes["signed_equity"]["A"] == -6.0


@pytest.mark.parametrize("model", [ct.Clearing(), ct.DebtRank(), ct.Furfine(), ct.ThresholdCascade()])
def test_a_node_without_equity_that_is_let_fail_is_in_default(model):
    net = banks_of([("A", 3.0, 2.0), ("B", 5.0, 0.0)], [("A", "B", 1.0)])
    run = ct.run(net, ct.Default(["A"]), model)
    assert run.nodes["defaulted"].tolist() == [True, False]


@pytest.mark.parametrize(
    ("model", "shock"),
    [
        (ct.DebtRank(), ct.EquityShock({"A": 1.0})),
        (ct.ThresholdCascade(threshold=0.5), ct.EquityShock({"A": 0.5})),
        (ct.CrossHoldings(failure_cost=0.0), ct.AssetShock({"A": -0.2})),
    ],
)
def test_who_fails_by_the_shock_alone_is_not_counted_as_contagion(model, shock):
    net = banks_of([("A", 10.0, 6.0), ("B", 50.0, 0.0)], [("A", "B", 1.0)])
    run = ct.run(net, shock, model)
    assert run.nodes["wave"].tolist() == [0, -1]
    assert run.metrics[["fundamental_defaults", "contagion_defaults"]].tolist() == [1.0, 0.0]


def test_an_equity_shock_is_a_share_of_face_equity():
    run = ct.run(pair(), ct.EquityShock({"A": 0.5, "B": 0.2}), ct.Clearing())
    assert run.nodes["direct_loss"].tolist() == [0.5, 1.0]
    assert run.metrics["system_loss"] == 0.0


def test_shocks_add():
    shock = ct.AssetShock({"A": -0.2}) + ct.EquityShock({"A": 0.5}) + ct.AssetShock({"A": -0.5})
    run = ct.run(pair(), shock, ct.Clearing())
    assert run.nodes["direct_loss"].tolist() == [5.0 - 5.0 * 0.8 * 0.5 + 0.5, 0.0]


def test_debtrank_passes_every_loss_on():
    run = ct.run(pair(), ct.EquityShock({"A": 0.5}), ct.DebtRank())
    assert run.nodes["h"].tolist() == [0.5, 0.4]
    assert run.nodes["loss"].tolist() == [0.0, 2.0]
    assert run.metrics["system_loss"] == 2.0
    assert run.metrics["amplification"] == (0.5 + 2.0) / 0.5


def test_furfine_fails_in_waves():
    chain = ct.Network(
        nodes=[
            {"name": name, "kind": "institution", "external_assets": 3.0, "external_liabilities": debt}
            for name, debt in (("A", 0.0), ("B", 5.0), ("C", 5.0))
        ],
        obligations=[
            {"debtor": "A", "creditor": "B", "amount": 3.0},
            {"debtor": "B", "creditor": "C", "amount": 0.5},
            {"debtor": "A", "creditor": "C", "amount": 2.0},
        ],
    )
    run = ct.run(chain, ct.Default(["A"]), ct.Furfine(lgd=0.5))
    assert run.nodes["wave"].tolist() == [0, 1, 1]
    assert run.nodes["signed_equity"].tolist() == [-2.0, -1.0, -0.75]
    assert run.rounds["defaults"].tolist() == [1, 3]
    assert run.rounds["loss"].tolist() == [2.5, 2.75]
    assert run.events["node"].tolist() == ["A", "B", "C"]


def test_holdings_and_prices_are_assets_outside_the_network():
    net = ct.Network(
        nodes=[{"name": "A", "kind": "institution"}, {"name": "B", "kind": "institution", "cash": 1.0}],
        assets=[
            {"name": "USD", "kind": "currency", "price": 1.0},
            {"name": "BTC", "kind": "coin", "price": 10.0},
        ],
        holdings=[{"node": "A", "asset": "BTC", "quantity": 0.5}],
        obligations=[{"debtor": "A", "creditor": "B", "amount": 4.0}],
    )
    run = ct.run(net, ct.PriceShock({"BTC": -0.4}), ct.Clearing())
    assert run.nodes["recovery"].tolist() == [pytest.approx(0.75), 1.0]


def test_senior_layers_are_paid_first():
    net = pair().replace(
        obligations=[
            {"debtor": "A", "creditor": "B", "amount": 2.0, "seniority": 1},
            {"debtor": "A", "creditor": "B", "amount": 2.0, "seniority": 2},
        ]
    )
    run = ct.run(net, ct.AssetShock({"A": -0.5}), ct.Clearing())
    assert run.metrics["unpaid"] == pytest.approx(1.5)
    with pytest.raises(NetworkError, match="seniorities"):
        ct.run(net, ct.AssetShock({"A": -0.5}), ct.Clearing(alpha=0.5))
    with pytest.raises(NetworkError, match="seniority"):
        ct.run(net, ct.Default(["A"]), ct.Cascade())


def test_customers_of_a_venue_are_its_creditors_and_its_assets():
    net = ct.generate.perp_market(n_accounts=300, seed=1)
    run = ct.run(net, ct.PriceShock({"BTC": -0.001}), ct.Clearing())
    from contagion.network.equity import opening_equity

    np.testing.assert_allclose(run.nodes["opening_equity"], opening_equity(net), rtol=1e-9, atol=1e-3)


def test_what_balance_sheets_do_not_have_is_refused():
    for shock in (ct.DepthShock(-0.5), ct.Withdrawal("A", 0.5)):
        with pytest.raises(NetworkError):
            ct.run(ct.generate.perp_market(n_accounts=300, seed=1), shock, ct.Clearing())
    with pytest.raises(NetworkError, match="obligations"):
        ct.run(ct.Network(nodes=[{"name": "A"}]), ct.Default(["A"]), ct.Clearing())
    with pytest.raises(NetworkError, match="'C'"):
        ct.run(pair(), ct.AssetShock({"C": -0.5}), ct.Clearing())
    with pytest.raises(NetworkError, match="external assets or equity"):
        ct.run(pair(), ct.AssetShock({"A": -0.5}), ct.Cascade())


def test_cross_held_shares_fall_with_their_issuer():
    net = ct.Network(
        nodes=[
            {"name": "A", "kind": "institution", "external_assets": 10.0},
            {"name": "B", "kind": "institution", "external_assets": 1.0, "external_liabilities": 4.0},
        ],
        assets=[
            {"name": "USD", "kind": "currency", "price": 1.0},
            {"name": "A shares", "kind": "claim", "price": 2.0, "issuer": "A"},
        ],
        holdings=[{"node": "B", "asset": "A shares", "quantity": 2.0}],
        obligations=[{"debtor": "A", "creditor": "B", "amount": 0.001}],
    )
    run = ct.run(net, ct.AssetShock({"A": -0.5}), ct.CrossHoldings(kind="suzuki"))
    share = 4.0 / 9.999
    assert run.nodes["signed_equity"]["B"] == pytest.approx(1.0 + 0.001 + share * 4.999 - 4.0)
    assert run.nodes["defaulted"].tolist() == [False, True]


def test_a_default_that_is_let_happen_does_not_fill_a_hole():
    net = banks_of([("A", 1.0, 0.0), ("B", 9.0, 0.0), ("C", 1.0, 0.0)], [("B", "A", 4.0), ("A", "C", 3.0)])
    hole = ct.EquityShock({"A": 1.5})  # 3 of 1: A owes 2 outside
    for shock in (hole, hole + ct.Default(["A"])):
        run = ct.run(net, shock, ct.Clearing())
        assert run.nodes["paid_inside"]["A"] == pytest.approx(4.0 * 3.0 / 5.0)
    found = ct.optimal_injection(net, hole + ct.Default(["A"]), budget=1.0, nodes=["B"])
    assert found.method == "linear programme, exact"
    assert found.loss_before == pytest.approx(5.0 - 4.0)


@pytest.mark.parametrize("case", ["best", "worst"])
def test_an_organisation_that_is_let_fail_fails_whatever_it_holds_of_others(case):
    net = banks_of([("A", 1.0, 0.0), ("B", 100.0, 0.0)], [("B", "A", 4.0)])
    run = ct.run(net, ct.Default(["A"]), ct.CrossHoldings(failure_cost=0.01, case=case))
    assert run.nodes["defaulted"].tolist() == [True, False]
    assert run.metrics["fundamental_defaults"] == 1.0
    value = 1.0 + 100.0 / 3.0  # with a third of B, of which the threshold is 9/10 and the cost 1/100 of that
    assert run.nodes["signed_equity"]["A"] == pytest.approx(100.0 / 3.0 - 0.01 * 0.9 * value)


def test_assets_bought_with_debts_that_a_model_does_not_read_are_refused():
    net = banks_of([("A", 10.0, 6.0), ("B", 4.0, 0.0)], [("A", "B", 4.0)])
    with pytest.raises(PolicyError, match="external_liabilities"):
        ct.run(net, ct.AssetShock(-0.1), ct.CrossHoldings(), policies=[ct.policies.ExposureLimit()])
    ct.run(net, ct.AssetShock(-0.1), ct.CrossHoldings("suzuki"), policies=[ct.policies.ExposureLimit()])


def test_a_tie_of_stress_and_threshold_is_a_default_however_large_the_sheet():
    net = banks_of([("A", 200000.1, 200000.1), ("B", 1.4, 0.0)], [("B", "A", 0.7)])
    assert 200000.1 + 0.7 - 200000.1 > 0.7
    run = ct.run(net, ct.Default(["B"]), ct.ThresholdCascade())
    assert run.nodes["defaulted"].tolist() == [True, True]
    half = ct.run(net, ct.EquityShock({"A": 0.5}), ct.ThresholdCascade(threshold=0.5))
    assert half.nodes["defaulted"].tolist() == [True, False]


def test_thresholds_take_nodes_without_equity_in_any_unit_of_money():
    unit = 2.0**60
    net = banks_of([("A", 0.0, 0.0), ("B", 9.0 * unit, 0.0)], [("A", "B", 4.0 * unit)])
    run = ct.run(net, ct.AssetShock({"B": -0.1}), ct.ThresholdCascade(threshold=0.3))
    assert run.nodes["defaulted"].tolist() == [True, True]


def test_capital_put_in_does_not_raise_the_value_below_which_an_organisation_fails():
    """A owes B 4: B holds a third of A. Alone A is worth 2/3 of 10, and fails below .9 of it."""
    shock = ct.AssetShock({"A": -0.2})
    net = pair(cash=5.0)
    plain = ct.run(net, shock, ct.CrossHoldings(theta=0.9))
    helped = ct.run(net, shock, ct.CrossHoldings(theta=0.9), [ct.CapitalInjection({"A": 1.0})])
    assert plain.nodes.loc["A", "threshold"] == pytest.approx(0.9 * 10.0 * 2.0 / 3.0)
    assert helped.nodes["threshold"].tolist() == plain.nodes["threshold"].tolist()
    assert helped.nodes.loc["A", "opening_equity"] == pytest.approx(11.0 * 2.0 / 3.0)
    assert (plain.nodes["defaulted"]["A"], helped.nodes["defaulted"]["A"]) == (False, False)


def test_a_ring_that_fails_for_want_of_a_first_payer_fails_by_contagion():
    ring = ct.Network(
        nodes=[{"name": name, "kind": "institution"} for name in "AB"],
        obligations=[{"debtor": a, "creditor": b, "amount": 1.0} for a, b in ("AB", "BA")],
    )
    shock = ct.EquityShock(0.0)
    assert ct.run(ring, shock, ct.Clearing()).metrics["node_defaults"] == 0
    least = ct.run(ring, shock, ct.Clearing(fixed_point="least"))
    assert (least.metrics["contagion_defaults"], least.metrics["fundamental_defaults"]) == (2, 0)
    assert least.nodes["wave"].tolist() == [1, 1]
