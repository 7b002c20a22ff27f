"""Equity against fire sales: what the convex programme promises is what runs find, and nothing found is better."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import contagion as ct
from contagion.errors import InputError
from contagion.propagation.firesales.recapitalisation import best_recapitalisation
from contagion.propagation.firesales.rules import LinearRule

MODEL = ct.FireSale.greenwood_landier_thesmar()
SHOCK = ct.PriceShock({f"asset-{i}": fall for i, fall in enumerate((-0.02, -0.05, -0.01))})
MIXED = [SHOCK, SHOCK + ct.Default(["bank-3"]), ct.AssetShock({"bank-1": -0.02})]


@cache
def net() -> ct.Network:
    return ct.generate.overlapping_portfolios(5, 3, seed=4, interbank="core_periphery", leverage=25.0)


def mean_loss(policies, shocks=(SHOCK,), metric="fire_sale_loss", model=MODEL):
    return float(np.mean([ct.run(net(), shock, model, policies).metrics[metric] for shock in shocks]))


@pytest.mark.parametrize("use", ["cash", "debts"])
@pytest.mark.parametrize("metric", ["fire_sale_loss", "aggregate_vulnerability"])
@pytest.mark.parametrize("shocks", [[SHOCK], MIXED])
def test_what_the_programme_promises_is_what_runs_find_and_no_draw_is_better(use, metric, shocks):
    budget = 2e7
    found = ct.optimal_injection(net(), shocks, MODEL, budget=budget, use=use, loss=metric)
    assert found.method == "convex programme, exact"
    assert found.policy.use == use
    assert found.spent == pytest.approx(budget, rel=1e-9)
    assert found.loss_after == pytest.approx(found.bound, rel=1e-9)
    assert found.loss_after == pytest.approx(mean_loss([found.policy], shocks, metric), rel=1e-12)
    assert found.loss_before == pytest.approx(mean_loss([], shocks, metric), rel=1e-12)
    rng = np.random.default_rng(3)
    names = list(net().nodes.index[net().nodes["kind"] == "institution"])
    best = np.array([found.policy.amounts.get(name, 0.0) for name in names]) / budget
    draws = [*rng.dirichlet(np.ones(5), 12), *(0.9 * best + 0.1 * np.eye(5))]
    for draw in draws:
        other = ct.CapitalInjection(dict(zip(names, budget * draw / draw.sum(), strict=True)), use=use)
        assert mean_loss([other], shocks, metric) >= found.loss_after * (1.0 - 1e-12)


@pytest.mark.parametrize("use", ["cash", "debts"])
@pytest.mark.parametrize("metric", ["fire_sale_loss", "aggregate_vulnerability"])
def test_one_more_unit_averts_what_it_says(use, metric):
    budget, step = 2e7, 1e3
    lower, middle, upper = (
        ct.optimal_injection(net(), SHOCK, MODEL, budget=money, use=use, loss=metric)
        for money in (budget - step, budget, budget + step)
    )
    slope = (lower.loss_after - upper.loss_after) / (2.0 * step)
    assert middle.marginal == pytest.approx(slope, rel=1e-4)


def test_it_agrees_with_the_function_on_arrays():
    plain = ct.generate.overlapping_portfolios(5, 3, seed=4, leverage=25.0)
    model = ct.FireSale.greenwood_landier_thesmar(impact=LinearRule(per_money=1e-10))
    found = ct.optimal_injection(plain, SHOCK, model, budget=1e7, use="debts")
    banks = list(plain.nodes.index[plain.nodes["kind"] == "institution"])
    price = plain.assets["price"]
    held = plain.holdings.assign(worth=plain.holdings["quantity"] * price[plain.holdings["asset"]].to_numpy())
    table = held.pivot_table(index="node", columns="asset", values="worth", fill_value=0.0).loc[banks]
    nodes = plain.nodes.loc[banks]
    assets = table.sum(axis=1) + nodes["cash"] + nodes["external_assets"]
    arrays = best_recapitalisation(
        assets,
        assets - nodes["external_liabilities"],
        table.div(assets, axis=0),
        {"asset-0": -0.02, "asset-1": -0.05, "asset-2": -0.01},
        dict.fromkeys(table.columns, 1e-10),
        budget=1e7,
    )
    got = [found.policy.amounts.get(bank, 0.0) for bank in banks]
    np.testing.assert_allclose(got, arrays.amounts, rtol=1e-6, atol=1.0)
    assert found.loss_after == pytest.approx(arrays.loss_after, rel=1e-9)


def test_only_nodes_that_may_receive_money_get_it_and_fire_sales_count_unless_told_otherwise():
    found = ct.optimal_injection(net(), SHOCK, MODEL, budget=2e7, nodes=["bank-0", "bank-2"])
    assert found.loss == ("fire_sale_loss",)
    assert set(found.policy.amounts) <= {"bank-0", "bank-2"}
    free = ct.optimal_injection(net(), SHOCK, MODEL, budget=2e7)
    assert free.loss_after <= found.loss_after


@pytest.mark.parametrize(
    ("model", "shock", "loss"),
    [
        (ct.FireSale.greenwood_landier_thesmar(order="liquid_first"), SHOCK, "fire_sale_loss"),
        (ct.FireSale.greenwood_landier_thesmar(capped=True), SHOCK, "fire_sale_loss"),
        (MODEL, SHOCK, "system_loss"),
        (MODEL, ct.EquityShock({"bank-0": 0.1}), "fire_sale_loss"),
        (ct.FireSale.cont_schaanning(max_leverage=26.0), SHOCK, "fire_sale_loss"),
    ],
)
def test_what_is_no_matter_of_leverage_alone_is_searched(model, shock, loss):
    found = ct.optimal_injection(net(), shock, model, budget=1e6, loss=loss, nodes=["bank-0", "bank-1"])
    assert found.method == "greedy, no bound"
    assert found.loss_after <= found.loss_before


def test_money_that_pays_back_debts_is_no_linear_programme():
    found = ct.optimal_injection(net(), MIXED[2], budget=1e6, use="debts")
    assert found.method == "greedy, no bound"
    with pytest.raises(InputError, match="use"):
        ct.optimal_injection(net(), SHOCK, MODEL, budget=1.0, use="debt")


def test_the_policy_found_goes_into_a_comparison():
    found = ct.optimal_injection(net(), SHOCK, MODEL, budget=2e7, use="debts")
    sets = {"optimal": found.policy, "by equity": ct.CapitalInjection(2e7, use="debts")}
    study = ct.compare(net(), [SHOCK], MODEL, sets)
    lost = study.to_frame().set_index("policy")["aggregate_vulnerability"]
    assert lost["optimal"] < lost["by equity"] < lost["none"]
