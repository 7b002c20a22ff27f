"""Optimal injections against closed forms, all allocations on a grid, and the rules of thumb."""

from itertools import product

import numpy as np
import pytest

import contagion as ct
from contagion.errors import InputError, PolicyError, SchemaError, ValueRangeError
from tests.propagation.solvency.banks import MODELS, banks, pair

FALL = ct.AssetShock({f"bank-{i:02d}": -0.1 for i in range(6)})
UNPAID = ("unpaid", "external_loss")


def unpaid(net, shock, policies=(), model=None):
    metrics = ct.run(net, shock, model or ct.Clearing(), policies=list(policies)).metrics
    return float(metrics["unpaid"] + metrics["external_loss"])


def chain():
    """A owes B 6 and outside 2, B owes C 5, C owes outside 4; all lack money after the shock."""
    rows = [("A", 8.0, 2.0), ("B", 2.0, 1.0), ("C", 1.0, 4.0)]
    return ct.Network(
        nodes=[
            {"name": name, "kind": "institution", "external_assets": assets, "external_liabilities": debts}
            for name, assets, debts in rows
        ],
        obligations=[
            {"debtor": "A", "creditor": "B", "amount": 6.0},
            {"debtor": "B", "creditor": "C", "amount": 5.0},
        ],
    )


def test_one_bank_short_by_two_needs_two_and_no_more():
    shock = ct.AssetShock({"A": -0.6})
    found = ct.optimal_injection(pair(), shock, budget=10.0)
    assert found.policy.amounts == pytest.approx({"A": 2.0}, abs=1e-12)
    assert (found.loss_before, found.loss_after) == pytest.approx((2.0, 0.0), abs=1e-12)
    assert found.spent == pytest.approx(2.0, abs=1e-12)
    assert found.marginal == 0.0
    half = ct.optimal_injection(pair(), shock, budget=0.5)
    assert (half.loss_after, half.bound, half.marginal) == pytest.approx((1.5, 1.5, 1.0), abs=1e-12)


def test_money_at_the_head_of_a_chain_counts_for_every_debt_it_passes():
    """A pays 1 more, of which 3/4 reach B; 5/8 reach C, which lacks 1/12 only."""
    found = ct.optimal_injection(chain(), ct.AssetShock({"A": -0.75}), budget=1.0)
    assert found.policy.amounts == pytest.approx({"A": 1.0}, abs=1e-12)
    assert found.loss_before == pytest.approx(6 + 5 / 2 + 1 / 12, abs=1e-12)
    assert found.loss_after == pytest.approx(5 + 7 / 4, abs=1e-12)
    assert found.marginal == pytest.approx(7 / 4, abs=1e-12)


@pytest.mark.parametrize("budget", [1.0, 2.5, 4.0])
def test_no_allocation_on_a_grid_leaves_less_unpaid(budget):
    shock = ct.AssetShock({"A": -0.75, "B": -0.5, "C": -0.5})
    found = ct.optimal_injection(chain(), shock, budget=budget)
    steps = np.linspace(0.0, budget, 6)
    tried = [
        unpaid(chain(), shock, [ct.CapitalInjection(dict(zip("ABC", row, strict=True)))])
        for row in product(steps, repeat=3)
        if sum(row) == pytest.approx(budget)
    ]
    assert found.loss_after <= min(tried) + 1e-9
    assert found.method == "linear programme, exact"


@pytest.mark.parametrize("loss", [UNPAID, ("unpaid",), ("external_loss",)])
def test_what_the_programme_promises_is_what_a_run_finds(loss):
    net = banks()
    before = ct.run(net, FALL, ct.Clearing()).metrics
    found = ct.optimal_injection(net, FALL, budget=20.0, loss=loss)
    after = ct.run(net, FALL, ct.Clearing(), policies=[found.policy]).metrics
    assert found.loss_before == sum(before[name] for name in loss)
    assert found.loss_after == sum(after[name] for name in loss)
    assert found.loss_after == pytest.approx(found.bound, abs=1e-9 * max(1.0, found.loss_before))
    assert found.spent <= 20.0 * (1 + 1e-12)
    for rule in ("equal", "equity", "debts"):
        ruled = ct.run(net, FALL, ct.Clearing(), policies=[ct.CapitalInjection(20.0, rule)]).metrics
        assert found.loss_after <= sum(ruled[name] for name in loss) + 1e-9


def test_more_money_never_leaves_more_unpaid_and_each_unit_averts_less():
    budgets = [0.0, 5.0, 10.0, 20.0, 40.0]
    found = [ct.optimal_injection(banks(), FALL, budget=budget) for budget in budgets]
    left = np.array([one.loss_after for one in found])
    assert (np.diff(left) <= 1e-9).all()
    gains = -np.diff(left) / np.diff(budgets)
    assert (np.diff(gains) <= 1e-9).all()
    assert left[0] == found[0].loss_before and not found[0].policy.amounts


def test_money_above_all_shortfalls_pays_everything_and_the_rest_is_kept():
    net = banks()
    found = ct.optimal_injection(net, FALL, budget=1e6)
    run = ct.run(net, FALL, ct.Clearing(), policies=[found.policy])
    assert run.metrics["node_defaults"] == 0.0
    assert found.loss_after == pytest.approx(0.0, abs=1e-9)
    face = ct.run(net, FALL, ct.Clearing()).nodes
    short = -np.minimum(face["opening_equity"] + face["outside_change"], 0.0).sum()
    assert found.spent == pytest.approx(short, rel=1e-9)


def test_several_scenarios_share_one_allocation():
    net = banks()
    shocks = [FALL, ct.AssetShock({"bank-08": -0.4}), ct.AssetShock({"bank-03": -0.3, "bank-09": -0.2})]
    found = ct.optimal_injection(net, shocks, budget=15.0)
    left = np.mean([unpaid(net, shock, [found.policy]) for shock in shocks])
    assert (found.loss_after, found.bound) == pytest.approx((left, left), rel=1e-9)
    for shock in shocks:
        alone = ct.optimal_injection(net, shock, budget=15.0).policy
        assert left <= np.mean([unpaid(net, one, [alone]) for one in shocks]) + 1e-9


def test_a_family_is_drawn_by_its_seed():
    family = ct.AssetShocks(ct.PriceShocks.student_t(df=4, scale=0.05))
    one, same, other = (
        ct.optimal_injection(banks(), family, budget=15.0, n=8, seed=seed) for seed in (3, 3, 4)
    )
    assert one.policy == same.policy and one.loss_after == same.loss_after
    assert other.loss_before != one.loss_before
    assert one.n == 8


def test_shocks_that_take_equity_or_force_a_default_take_injections_too():
    net = banks()
    shock = ct.EquityShock({"bank-01": 0.9}) + ct.Default(["bank-02"]) + FALL
    found = ct.optimal_injection(net, shock, budget=30.0)
    assert found.method == "linear programme, exact"
    assert found.loss_after == pytest.approx(unpaid(net, shock, [found.policy]), abs=1e-12)
    assert found.loss_after == pytest.approx(found.bound, rel=1e-9)
    only = ct.optimal_injection(net, ct.EquityShock({"bank-01": 1.0}), budget=30.0, nodes=["bank-01"])
    assert only.loss_after == only.loss_before and only.spent == 0.0


def test_a_hole_in_assets_makes_the_search_greedy():
    net = ct.Network(
        nodes=[
            {"name": "A", "kind": "institution", "cash": 1.0, "external_liabilities": 1.0},
            {"name": "B", "kind": "institution", "external_assets": 9.0},
        ],
        obligations=[{"debtor": "B", "creditor": "A", "amount": 6.0}],
    )
    found = ct.optimal_injection(net, ct.EquityShock({"A": 0.5}), budget=3.0)
    assert found.method == "greedy, no bound" and np.isnan(found.bound)
    assert found.loss_after <= found.loss_before


@pytest.mark.parametrize("name", [name for name in MODELS if name != "clearing"])
def test_greedy_is_never_worse_than_the_rules_of_thumb(name):
    net, model = banks(6, density=0.5), MODELS[name]
    found = ct.optimal_injection(net, FALL, model, budget=12.0)
    assert found.method.startswith("greedy")
    loss = [
        sum(ct.run(net, FALL, model, policies=[policy]).metrics[metric] for metric in found.loss)
        for policy in (
            found.policy,
            *(ct.CapitalInjection(12.0, rule) for rule in ("equal", "equity", "debts")),
        )
    ]
    assert found.loss_after == loss[0]
    assert loss[0] <= min(loss) + 1e-9 * found.loss_before
    assert found.spent <= 12.0 * (1 + 1e-12)
    if not np.isnan(found.bound):
        assert found.bound <= found.loss_after + 1e-9


def test_with_default_costs_saving_the_debtor_is_worth_more_than_the_money():
    found = ct.optimal_injection(
        pair(), ct.AssetShock({"A": -0.4}), ct.Clearing(alpha=0.5, beta=0.5), budget=1.5
    )
    assert found.loss_before == pytest.approx(2.5)
    assert found.loss_after == pytest.approx(0.0, abs=1e-8)
    assert found.spent == pytest.approx(1.0, rel=1e-6)
    assert found.method == "greedy, bound without default costs"


def test_only_nodes_that_may_receive_money_get_it_and_the_frame_says_what_changed():
    found = ct.optimal_injection(banks(), FALL, budget=20.0, nodes=["bank-00", "bank-07"])
    frame = found.to_frame()
    assert set(frame.index[frame["amount"] > 0.0]) <= {"bank-00", "bank-07"}
    assert frame["amount"].sum() == pytest.approx(found.spent)
    run = ct.run(banks(), FALL, ct.Clearing(), policies=[found.policy])
    assert frame["loss_after"].tolist() == pytest.approx(run.nodes["loss"].tolist())
    assert frame["fails_after"].tolist() == run.nodes["defaulted"].tolist()
    assert frame["unpaid_before"].sum() == pytest.approx(
        ct.run(banks(), FALL, ct.Clearing()).metrics["unpaid"]
    )
    assert "linear programme" in repr(found)


def test_what_makes_no_sense_is_refused_by_name():
    net, shock = pair(), ct.AssetShock({"A": -0.4})
    cases = [
        (SchemaError, "net", {"net": "pair"}),
        (InputError, "budget", {"budget": -1.0}),
        (InputError, "budget", {"budget": "much"}),
        (SchemaError, "model", {"model": ct.Cascade()}),
        (ValueRangeError, "did you mean 'unpaid'", {"loss": "unpayed"}),
        (ValueRangeError, "loss", {"loss": ()}),
        (PolicyError, "'Z'", {"nodes": ["Z"]}),
        (SchemaError, "shock", {"shock": 0.1}),
        (ValueRangeError, "n", {"n": 0}),
    ]
    for kind, words, change in cases:
        given = {"net": net, "shock": shock, "model": None, "budget": 1.0, **change}
        with pytest.raises(kind, match=words):
            ct.optimal_injection(given.pop("net"), given.pop("shock"), given.pop("model"), **given)


@pytest.mark.parametrize("name", [name for name in MODELS if name != "suzuki"])
def test_sheets_with_more_cash_are_those_under_the_policy_bit_for_bit(name):
    net, model, money = banks(), MODELS[name], np.linspace(0.0, 3.0, 12)
    policy = ct.CapitalInjection(dict(zip(net.nodes.index, money.tolist(), strict=True)))
    richer, opened = model.prepare(net).with_cash(money), model.prepare(net, [policy])
    kept = [metric != "policy_cost" for metric in richer.metric_names]
    assert richer.metrics(FALL)[kept].tolist() == opened.metrics(FALL)[kept].tolist()
