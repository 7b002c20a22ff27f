"""Every model of balance sheets under every built-in policy: something changes, or the policy is refused."""

import numpy as np
import pytest

import contagion as ct
from contagion.errors import PolicyError
from contagion.policies.base import Policy
from tests.propagation.solvency.banks import MODELS, banks, pair

SHOCK = ct.AssetShock({"bank-00": -0.3, "bank-01": -0.3, "bank-02": -0.2})
ON_SHEETS = {
    "injection": ct.CapitalInjection(20.0),
    "injection by name": ct.CapitalInjection({"bank-03": 5.0, "bank-04": 7.0}),
    "limit": ct.ExposureLimit(share=0.5),
    "clearing house": ct.CentralClearing(),
    "clearing house with a fund": ct.CentralClearing(default_fund=0.05),
    "bare clearing house": ct.CentralClearing(default_fund=0.0, capital=1.0),
    "ring-fence": ct.RingFence(capital=0.05),
    "bail-in": ct.DebtEquityConversion(target=0.01),
    "lender": ct.LenderOfLastResort(),
}
KINDS = [
    kind
    for kind in vars(ct.policies).values()
    if isinstance(kind, type) and issubclass(kind, Policy) and kind is not Policy
]
NEED = {
    ct.AdaptiveHaircuts: {"window": 600.0},
    ct.LeverageCap: {"maximum": 10.0, "response": "raise"},
    ct.Merger: {"nodes": ("bank-00", "bank-04")},
    ct.Split: {"node": "bank-01", "parts": 3},
    ct.policies.Procedure: {"procedure": "takeover"},
    ct.policies.Rulebook: {"rulebook": "okx"},
}


def same(one: ct.Network, other: ct.Network) -> bool:
    return bool(np.array_equal(one.metrics.to_numpy(), other.metrics.to_numpy(), equal_nan=True))


@pytest.mark.parametrize("model", MODELS)
def test_every_built_in_policy_changes_something_or_is_refused(model):
    net = banks()
    plain = ct.run(net, SHOCK, MODELS[model])
    silent = []
    for kind in KINDS:
        try:
            policy = kind(**{k: v for k, v in NEED.get(kind, {}).items() if k in kind.__dataclass_fields__})
            run = ct.run(net, SHOCK, MODELS[model], [policy])
        except PolicyError:
            continue
        if same(run, plain):
            silent.append(kind.__name__)
    contagious = plain.metrics["contagion_defaults"] > 0 and "NEVA" not in type(MODELS[model]).__name__
    # nobody who is solvent fails here: there is nobody to lend to
    assert silent == [] if contagious else set(silent) <= {"LenderOfLastResort"}


@pytest.mark.parametrize("model", MODELS)
def test_the_placebo_changes_nothing(model):
    assert same(ct.run(banks(), SHOCK, MODELS[model]), ct.run(banks(), SHOCK, MODELS[model], [ct.Policy()]))


@pytest.mark.parametrize("model", MODELS)
def test_margin_rules_and_funds_reach_balance_sheets_of_a_market(model):
    if model in ("merton", "linear neva", "furfine neva", "cross-holdings", "suzuki"):
        model = "neva"
    net = ct.generate.perp_market(n_accounts=300, seed=1)
    shock = ct.PriceShock({"BTC": -0.3})
    plain = ct.run(net, shock, MODELS[model])
    for policy in (ct.InsuranceFund(factor=3.0), ct.MarginMultiplier(factor=1.5)):
        assert not same(ct.run(net, shock, MODELS[model], [policy]), plain)
    assert same(
        ct.run(net, shock, MODELS[model], [ct.InsuranceFund(factor=1.0), ct.MarginMultiplier(factor=1.0)]),
        plain,
    )
    for deaf in (
        ct.Halt(),
        ct.PriceBand(),
        ct.LiquidationThrottle(),
        ct.SocialisedLoss(),
        ct.DynamicMargin(),
    ):
        with pytest.raises(PolicyError):
            ct.run(net, shock, MODELS[model], [deaf])


@pytest.mark.parametrize("name", ON_SHEETS)
def test_openings_keep_every_sum_of_equity(name):
    from contagion.network.equity import opening_equity

    before = banks()
    after = ON_SHEETS[name].opening(before)
    paid = sum(after.payers.values())
    assert opening_equity(after).sum() - paid == pytest.approx(opening_equity(before).sum(), rel=1e-12)
    if name != "ring-fence" and not name.startswith("injection"):
        kept = opening_equity(after).reindex(before.nodes.index)
        np.testing.assert_allclose(kept, opening_equity(before), rtol=1e-9, atol=1e-9)


def test_a_clearing_house_nets():
    net = ct.Network(
        nodes=[{"name": n, "kind": "institution", "external_assets": 10.0, "cash": 1.0} for n in "ABC"],
        obligations=[
            {"debtor": "A", "creditor": "B", "amount": 5.0},
            {"debtor": "B", "creditor": "C", "amount": 4.0},
            {"debtor": "C", "creditor": "A", "amount": 2.0},
        ],
    )
    after = ct.CentralClearing(default_fund=0.1, capital=0.0).opening(net)
    owed = after.obligations.set_index(["debtor", "creditor", "seniority"])["amount"]
    house = "central counterparty"
    assert owed["A", house, 1] == 3.0
    assert owed[house, "B", 1] == 1.0
    assert owed[house, "C", 1] == 2.0
    fund = owed.xs(2, level="seniority")
    assert fund.tolist() == pytest.approx([0.3 * 7 / 22, 0.3 * 9 / 22, 0.3 * 6 / 22])
    assert after.nodes.loc[house, "cash"] == pytest.approx(0.3)


def test_capital_can_be_a_share_of_equity():
    from contagion.network.equity import opening_equity

    after = ct.CapitalInjection(share=0.1).opening(banks())
    before = opening_equity(banks())
    np.testing.assert_allclose(opening_equity(after), before + 0.1 * before.clip(lower=0.0), rtol=1e-12)
    assert ct.CapitalInjection(share=0.0).opening(banks()) is banks()
    assert "10 % of their equity" in ct.CapitalInjection().describe()


def test_a_fence_that_nobody_can_afford_is_refused():
    with pytest.raises(PolicyError, match="lower the capital"):
        ct.run(banks(), SHOCK, ct.Clearing(), [ct.RingFence(capital=1.0)])


def test_a_clearing_house_has_capital_of_its_own_unless_told_otherwise():
    after = ct.CentralClearing().opening(banks())
    house = "central counterparty"
    owed = after.obligations[after.obligations["creditor"] == house]["amount"].sum()
    assert after.nodes.loc[house, "cash"] == pytest.approx(0.05 * owed)
    assert after.payers[house] == pytest.approx(0.05 * owed)


@pytest.mark.parametrize("model", [name for name in MODELS if name != "clearing"])
def test_a_default_fund_needs_a_model_that_knows_seniority(model):
    with pytest.raises(PolicyError):
        ct.run(banks(), SHOCK, MODELS[model], [ct.CentralClearing(default_fund=0.05)])


def test_a_default_fund_under_a_cascade_is_refused_by_the_name_of_the_policy_and_of_what_to_change():
    net = ct.generate.perp_market(n_accounts=300, seed=1)
    policies = [ct.Halt(), ct.CentralClearing(default_fund=0.1)]
    with pytest.raises(PolicyError, match=r"^CentralClearing\..*seniority.*default_fund=0.*ct\.Clearing\(\)"):
        ct.run(net, ct.PriceShock({"BTC": -0.1}), ct.Cascade(), policies)
    with pytest.raises(PolicyError, match=r"^CentralClearing\..*default_fund=0"):
        ct.compare(net, ct.PriceShocks.student_t(df=4, scale=0.1), ct.Cascade(), {"house": policies}, n=1)


def test_an_exposure_limit_caps_every_claim():
    from contagion.network.equity import opening_equity

    after = ct.ExposureLimit(share=0.5).opening(banks())
    claims = after.obligations
    limit = 0.5 * opening_equity(banks()).reindex(claims["creditor"]).to_numpy()
    assert (claims["amount"].to_numpy() <= limit * (1 + 1e-12)).all()
    assert claims["amount"].sum() < banks().obligations["amount"].sum()


def members_of_a_fund():
    """A market whose venue has a default fund of 80: 16 of one, 48 of two; one owes two more than half its equity."""
    from tests.propagation.cascade.small import Holder, Rules, small_net

    holders = {
        "loser": Holder({"M": 1.0}, 40.0),
        "one": Holder({"M": -1.0}, 1000.0, cash=8000.0),
        "two": Holder({"M": -3.0}, 10.0, cash=5.0),
    }
    net = small_net(holders, Rules(venue={"default_fund": 80.0}, rate=2.0**-8))
    nodes = net.nodes.copy()
    nodes.loc["two", ["kind", "external_assets", "external_liabilities"]] = ["institution", 9000.0, 8950.0]
    return net.replace(nodes=nodes, obligations=[{"debtor": "one", "creditor": "two", "amount": 4000.0}])


def test_policies_and_balance_sheets_mean_the_same_equity_where_members_have_prefunded_a_default_fund():
    from contagion.network.equity import contributions, opening_equity

    net = members_of_a_fund()
    assert contributions(net).set_index("node")["money"]["two"] == 48.0
    sheets = ct.run(net, ct.AssetShock({"two": -0.1}), ct.Clearing()).nodes["opening_equity"]
    assert sheets["two"] == 4000.0 + 9000.0 - 8950.0 + 10.0 + 5.0 + 48.0
    assert sheets.to_dict() == opening_equity(net).to_dict()
    limited = ct.ExposureLimit(share=0.5).opening(net)
    assert limited.obligations["amount"].tolist() == pytest.approx([0.5 * sheets["two"]])


def test_a_ring_fence_leaves_what_is_prefunded_outside_and_nobody_without_equity():
    net = members_of_a_fund().replace(obligations=[{"debtor": "two", "creditor": "one", "amount": 60.0}])
    fence = ct.RingFence(50.0 / 8950.0, nodes=("two",))
    run = ct.run(net, ct.PriceShock({"X": 0.0}), ct.Clearing(), [fence])
    # 9000 outside, 10 in its account, cash of 5, 48 prefunded; it owes 8950 and 60, and 50 are fenced off
    assert run.nodes["opening_equity"]["two"] == pytest.approx(3.0)
    assert not run.nodes["defaulted"]["two"]


def test_a_ring_fence_shares_the_fate_of_its_parent():
    net = banks()
    run = ct.run(net, ct.AssetShock(-0.1), ct.Clearing(), [ct.RingFence(capital=0.02)])
    fenced = run.nodes[run.nodes.index.str.startswith("ring-fence:")]
    assert len(fenced)
    assert (fenced["direct_loss"] > 0.0).all()
    assert (fenced["loss_on_claims"] == 0.0).all()


def test_a_bail_in_lifts_the_debtor_and_costs_the_creditor():
    run = ct.run(
        pair(), ct.AssetShock({"A": -0.4}), ct.Clearing(alpha=0.5, beta=0.5), [ct.DebtEquityConversion()]
    )
    assert run.metrics["converted"] == 1.0
    assert run.metrics["node_defaults"] == 0
    assert run.nodes["closing_equity"].tolist() == [0.0, 4.0]
    assert run.metrics["system_loss"] == 1.0
    assert run.events["kind"].tolist() == ["conversion"]


def test_a_lender_of_last_resort_is_repaid_what_is_left():
    chain = ct.Network(
        nodes=[
            {"name": "A", "kind": "institution", "external_assets": 5.0},
            {"name": "B", "kind": "institution", "external_assets": 1.0, "external_liabilities": 2.0},
            {"name": "C", "kind": "institution", "external_assets": 1.0},
        ],
        obligations=[
            {"debtor": "A", "creditor": "B", "amount": 5.0},
            {"debtor": "B", "creditor": "C", "amount": 3.0},
        ],
    )
    shock = ct.AssetShock({"A": -0.6})
    costly = ct.Clearing(alpha=0.0, beta=0.0)
    plain = ct.run(chain, shock, costly)
    assert plain.nodes["defaulted"].tolist() == [True, True, False]
    helped = ct.run(chain, shock, costly, [ct.LenderOfLastResort(margin=0.1)])
    assert helped.nodes["lent"].tolist() == [0.0, pytest.approx(4.4), 0.0]
    assert helped.nodes["repaid"].tolist() == [0.0, pytest.approx(0.4), 0.0]
    assert helped.nodes["defaulted"].tolist() == [True, False, False]
    assert helped.metrics["support_lost"] == pytest.approx(4.0)
    assert helped.metrics["policy_cost"] >= 4.0
    poor = ct.run(chain, shock, costly, [ct.LenderOfLastResort(budget=1.0)])
    assert poor.metrics["lent"] == 1.0
    assert poor.nodes["defaulted"].tolist() == [True, True, False]


def test_a_policy_of_ones_own_sees_the_sheets():
    from dataclasses import dataclass

    seen = {}

    @dataclass(frozen=True)
    class Guarantee(ct.Policy):
        def support(self, world, loans):
            seen["equity"] = world.equity.tolist()
            return loans + world.shortfall

    run = ct.run(pair(), ct.AssetShock({"A": -0.4}), ct.Clearing(alpha=0.5, beta=0.5), [Guarantee()])
    assert seen["equity"] == [-1.0, 5.0]
    assert run.metrics["node_defaults"] == 0

    @dataclass(frozen=True)
    class Broken(ct.Policy):
        def support(self, world, loans):
            return loans - 1.0

    with pytest.raises(PolicyError, match=r"Broken\.support"):
        ct.run(pair(), ct.AssetShock({"A": -0.4}), ct.Clearing(), [Broken()])


def test_unknown_nodes_are_refused_by_name():
    for policy in (
        ct.CapitalInjection({"bank-1": 5.0}),
        ct.RingFence(nodes=("bank-1",)),
        ct.LenderOfLastResort(nodes=("bank-1",)),
        ct.DebtEquityConversion(nodes=("bank-1",)),
    ):
        with pytest.raises(PolicyError, match="bank-1"):
            ct.run(banks(), SHOCK, ct.Clearing(), [policy])


def test_a_comparison_over_drawn_assets_is_paired_and_repeats():
    family = ct.AssetShocks(ct.PriceShocks.student_t(df=4, scale=0.05))
    sets = {"limit": ct.ExposureLimit(share=0.5), "lender": ct.LenderOfLastResort()}
    study = ct.compare(banks(), family, ct.Clearing(alpha=0.6, beta=0.6), sets, n=40, seed=5)
    assert study.effects("system_loss").loc["placebo", "difference"] == 0.0
    assert list(study.scenarios.columns[2:]) == list(banks().nodes.index)
    part = ct.compare(
        banks(), family, ct.Clearing(alpha=0.6, beta=0.6), {"limit": sets["limit"]}, n=15, seed=5
    )
    whole = study.to_frame().query("policy == 'limit' and scenario < 15").reset_index(drop=True)
    assert whole.equals(part.to_frame().query("policy == 'limit'").reset_index(drop=True))


def test_a_run_of_a_comparison_over_drawn_assets_is_run_again_with_its_records():
    family = ct.AssetShocks(ct.PriceShocks.student_t(df=4, scale=0.05))
    sets = {"limit": ct.ExposureLimit(share=0.5)}
    study = ct.compare(None, family, ct.Clearing(), sets, networks=[banks(), banks(seed=2)], n=4, seed=5)
    rows = study.to_frame().query("policy == 'limit'").set_index("scenario")
    for scenario in range(4):
        run = study.rerun("limit", scenario)
        assert run.metrics[study.metric_names].equals(rows.loc[scenario, study.metric_names].astype(float))


def test_what_sums_lose_in_rounding_is_no_loss_so_that_nobody_is_helped_or_harmed_by_it():
    nets = [banks(seed=seed) for seed in range(5)]
    family = ct.AssetShocks(ct.PriceShocks.normal(scale=1e-3))
    sets = {"capital": ct.CapitalInjection(1.0 / 3.0), "limit": ct.ExposureLimit(share=0.1)}
    study = ct.compare(None, family, ct.Clearing(), sets, networks=nets, n=50, seed=5)
    assert (study.to_frame()["node_defaults"] == 0.0).all()
    assert (study.to_frame()["system_loss"] == 0.0).all()
    assert (study.effects("system_loss")["unchanged"] == 1.0).all()


def test_a_family_that_moves_nothing_is_refused_with_its_remedy():
    from contagion.errors import NetworkError

    with pytest.raises(NetworkError, match=r"ct\.AssetShocks"):
        ct.compare(banks(), ct.PriceShocks.normal(0.1), ct.Clearing(), n=5)


def test_a_family_for_balance_sheets_has_no_time_profile():
    family = ct.AssetShocks(ct.PriceShocks.normal(0.1, over=7200.0))
    assert family.describe().endswith("in one gap")
    assert family.law.over == 0.0
