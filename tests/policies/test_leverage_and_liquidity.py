"""Caps on leverage and buffers of cash before the shock, followed by hand."""

from __future__ import annotations

import pytest

import contagion as ct
from contagion.errors import PolicyError
from contagion.network.equity import opening_equity
from contagion.policies.leverage import opening_assets
from tests.propagation.cascade.hedgers import Hedged, hedged_net

SHOCK = ct.PriceShock({"X": -0.5})


def bank() -> ct.Network:
    """A has 10 cash, 30 outside, 40 in X, 20 in Y; owes 80 outside and 10 to B: assets 100, equity 10."""
    return ct.Network(
        nodes=[
            {
                "name": "A",
                "kind": "institution",
                "cash": 10.0,
                "external_assets": 30.0,
                "external_liabilities": 80.0,
            },
            {"name": "B", "kind": "institution", "cash": 50.0},
        ],
        assets=[{"name": "USD", "kind": "currency", "price": 1.0}, _asset("X", 10.0), _asset("Y", 5.0)],
        holdings=[
            {"node": "A", "asset": "X", "quantity": 4.0},
            {"node": "A", "asset": "Y", "quantity": 4.0},
        ],
        obligations=[{"debtor": "A", "creditor": "B", "amount": 10.0}],
    )


def _asset(name: str, price: float) -> dict[str, object]:
    return {"name": name, "kind": "coin", "price": price}


def held(net: ct.Network) -> dict[str, float]:
    return net.holdings.set_index("asset")["quantity"].to_dict()


def test_total_assets_are_all_that_is_owned() -> None:
    assert opening_assets(bank()).to_dict() == {"A": 100.0, "B": 60.0}
    assert opening_equity(bank()).to_dict() == {"A": 10.0, "B": 60.0}


def test_a_bank_above_the_cap_sells_a_third_of_everything_and_pays_back() -> None:
    after = ct.LeverageCap(maximum=8.0).opening(bank())
    assert held(after) == {"X": pytest.approx(8.0 / 3.0), "Y": pytest.approx(8.0 / 3.0)}
    assert after.nodes["external_liabilities"]["A"] == pytest.approx(60.0)
    assert after.nodes["cash"].to_dict() == {"A": 10.0, "B": 50.0}
    assert opening_assets(after)["A"] == pytest.approx(80.0)
    assert opening_equity(after)["A"] == pytest.approx(10.0)


def test_cash_pays_where_holdings_are_not_enough() -> None:
    after = ct.LeverageCap(maximum=3.5).opening(bank())
    assert after.holdings.empty
    assert after.nodes.loc["A", ["cash", "external_liabilities"]].tolist() == pytest.approx([5.0, 15.0])


def test_who_cannot_come_down_is_named_with_what_it_lacks() -> None:
    with pytest.raises(
        PolicyError, match=r"'A' would have to sell and pay back 80, but can sell holdings of 60"
    ):
        ct.LeverageCap(maximum=2.0).opening(bank())
    assert ct.LeverageCap(maximum=2.0, nodes=("B",)).opening(bank()) == bank()


def test_equity_from_outside_pays_back_debts() -> None:
    after = ct.LeverageCap(maximum=5.0, response="raise").opening(bank())
    assert after.nodes["external_liabilities"]["A"] == pytest.approx(70.0)
    assert after.payers["leverage cap"] == pytest.approx(10.0)
    assert opening_equity(after)["A"] == pytest.approx(20.0)
    assert opening_assets(after)["A"] == pytest.approx(100.0)


def test_equity_beyond_the_debts_outside_is_kept_as_cash() -> None:
    nodes = bank().nodes.assign(external_liabilities=[10.0, 0.0])
    claims = bank().obligations.assign(amount=80.0)
    after = ct.LeverageCap(maximum=2.0, response="raise").opening(
        bank().replace(nodes=nodes, obligations=claims)
    )
    assert after.payers["leverage cap"] == pytest.approx(70.0)
    assert opening_assets(after)["A"] == pytest.approx(160.0)
    assert opening_equity(after)["A"] == pytest.approx(80.0)
    with pytest.raises(PolicyError, match="take a maximum above 1"):
        ct.LeverageCap(maximum=1.0, response="raise").opening(bank().replace(nodes=nodes, obligations=claims))


def test_a_buffer_swaps_a_quarter_of_the_holdings_for_cash() -> None:
    after = ct.LiquidityBuffer(share=0.25).opening(bank())
    assert held(after) == {"X": pytest.approx(3.0), "Y": pytest.approx(3.0)}
    assert after.nodes["cash"].to_dict() == {"A": pytest.approx(25.0), "B": 50.0}
    assert opening_equity(after)["A"] == pytest.approx(10.0)
    of_debts = ct.LiquidityBuffer(share=0.25, of="debts").opening(bank())
    assert of_debts.nodes["cash"]["A"] == pytest.approx(20.0)


def test_who_has_too_little_to_sell_for_a_buffer_is_named() -> None:
    with pytest.raises(PolicyError, match=r"'A' needs 70 more cash, but can sell holdings of 60"):
        ct.LiquidityBuffer(share=0.8).opening(bank())


def test_holdings_that_hedge_a_strategy_stay() -> None:
    from contagion.policies.leverage import saleable
    from tests.worlds import random_world

    net = random_world(1, n=40).net
    assert net.holdings.set_index("node")["quantity"]["basis"] > 0.0
    assert saleable(net)["basis"] == 0.0
    assert saleable(net)["t010"] == pytest.approx(0.4 * 100.0 + 40.0 * 7.5)


def test_a_hedger_that_starts_without_coins_keeps_its_row_when_others_sell() -> None:
    net = hedged_net(Hedged(-1.0, coins=0.0))
    nodes = net.nodes.reset_index().to_dict("records")
    bank_row = {"name": "bank", "kind": "institution", "cash": 10.0, "external_liabilities": 60.0}
    holdings = [*net.holdings.to_dict("records"), {"node": "bank", "asset": "X", "quantity": 1.0}]
    after = ct.LeverageCap(maximum=2.0).opening(net.replace(nodes=[*nodes, bank_row], holdings=holdings))
    assert (
        after.nodes["external_liabilities"]["bank"] == 50.0
    )  # 110 owned, equity 50: a tenth of the coin goes
    assert after.holdings.set_index("node")["quantity"].to_dict() == {"bank": 0.9, "dealer": 0.0}


@pytest.mark.parametrize(
    ("policy", "loss", "cost"),
    [  # half of X is lost; income of 5 basis points, capital at 10 % a year
        (ct.LeverageCap(maximum=8.0), 0.5 * 80.0 / 3.0, 20.0 * 5e-4),
        (ct.LeverageCap(maximum=5.0, response="raise"), 20.0, 10.0 * 0.1),
        (ct.LiquidityBuffer(share=0.25), 15.0, 15.0 * 0.1),
        (ct.LeverageCap(maximum=1e9), 20.0, 0.0),
        (ct.LiquidityBuffer(share=0.0), 20.0, 0.0),
    ],
)
def test_what_the_shock_takes_and_what_the_policy_costs(policy: ct.Policy, loss: float, cost: float) -> None:
    for model in (ct.Clearing(), ct.DebtRank()):
        run = ct.run(bank(), SHOCK, model, [policy])
        assert run.metrics["direct_loss"] == pytest.approx(loss)
        assert run.metrics["policy_cost"] == pytest.approx(cost)


def test_they_are_compared() -> None:
    sets = {"cap": ct.LeverageCap(maximum=8.0), "buffer": ct.LiquidityBuffer(share=0.25)}
    study = ct.compare(bank(), [SHOCK], ct.Clearing(), sets)
    lost = study.to_frame().set_index("policy")["direct_loss"]
    assert lost.loc[["none", "cap", "buffer"]].tolist() == pytest.approx([20.0, 40.0 / 3.0, 15.0])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ct.LeverageCap(maximum=0.5), r"LeverageCap\.maximum is 0\.5"),
        (lambda: ct.LeverageCap(response="sel"), r"LeverageCap\.response is 'sel'.*sell, raise"),
        (lambda: ct.LiquidityBuffer(share=1.5), r"LiquidityBuffer\.share is 1\.5"),
        (lambda: ct.LiquidityBuffer(of="asset"), r"LiquidityBuffer\.of is 'asset'"),
        (lambda: ct.LeverageCap(nodes=("C",)).opening(bank()), r"LeverageCap\.nodes names 'C'"),
        (lambda: ct.CapitalInjection(5.0, use="debt"), r"CapitalInjection\.use is 'debt'"),
    ],
)
def test_wrong_parameters_are_refused_by_name(make, message) -> None:
    with pytest.raises(PolicyError, match=message):
        make()


def test_capital_put_in_can_pay_back_debts_first() -> None:
    policy = ct.CapitalInjection({"A": 90.0}, use="debts")
    after = policy.opening(bank())
    assert after.nodes.loc["A", ["cash", "external_liabilities"]].tolist() == [20.0, 0.0]
    assert opening_equity(after)["A"] == 100.0
    assert policy.describe().endswith("before the shock, to pay back debts outside.")
    assert hash(policy) != hash(ct.CapitalInjection({"A": 90.0}))


def test_a_model_that_reads_no_debts_outside_refuses_to_see_them_paid() -> None:
    with pytest.raises(PolicyError, match=r"LeverageCap: it changes external_liabilities by -20\.00"):
        ct.run(bank(), SHOCK, ct.CrossHoldings(), [ct.LeverageCap(maximum=8.0)])
    with pytest.raises(PolicyError, match="LeverageCap: it changes nothing that CrossHoldings reads"):
        ct.run(bank(), SHOCK, ct.CrossHoldings(), [ct.LeverageCap(maximum=5.0, response="raise")])
