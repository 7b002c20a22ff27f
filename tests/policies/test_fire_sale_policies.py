"""Purchases and throttles in the rounds of a fire sale, followed by hand."""

from __future__ import annotations

import pytest

import contagion as ct
from contagion.errors import PolicyError
from contagion.propagation.firesales.responses import LeverageThreshold
from contagion.propagation.firesales.rules import LinearRule
from tests.worlds import random_world

NOTHING = ct.PriceShock({"S": 0.0})


def one(**money: float) -> ct.Network:
    """A holds 100 of assets at price 1 and owes 95: equity 5, leverage 20. A spot market trades 200 S a day."""
    held = money or {"S": 100.0}
    return ct.Network(
        nodes=[
            {"name": "A", "kind": "institution", "external_liabilities": 95.0},
            {"name": "V", "kind": "exchange"},
        ],
        assets=[
            {"name": "USD", "kind": "currency", "price": 1.0},
            *({"name": name, "kind": "coin", "price": 1.0} for name in ("S", "T")),
        ],
        holdings=[{"node": "A", "asset": name, "quantity": units} for name, units in held.items()],
        venues=[{"name": "V"}],
        markets=[
            {"name": "S-V", "venue": "V", "asset": "S", "kind": "spot", "schedule": "", "volume": 200.0}
        ],
        depth=[{"market": "S-V", "side": side, "band": 0.1, "amount": 100.0} for side in ("bid", "ask")],
    )


def sale(rounds: int = 1, settlement: float = 0.0, limit: float = 15.0, **more: float) -> ct.FireSale:
    """Down to a leverage of 10, a fall of 0.1 % for each money sold."""
    return ct.FireSale(
        LeverageThreshold(limit, 10.0),
        impact=LinearRule(per_money=0.001),
        settlement=settlement,
        rounds=rounds,
        **more,
    )


def test_without_policies_half_is_sold() -> None:
    run = ct.run(one(), NOTHING, sale())
    assert run.metrics["sales"] == pytest.approx(50.0)
    assert run.metrics["fire_sale_loss"] == pytest.approx(50.0 * 0.05)
    assert run.metrics["policy_cost"] == 0.0


@pytest.mark.parametrize(
    ("policy", "settlement", "bought", "loss"),
    [
        (ct.AssetPurchases(share=0.4), 0.0, 20.0, 50.0 * 0.03),
        (ct.AssetPurchases(share=0.4), 1.0, 20.0, 80.0 * 0.03),
        (ct.AssetPurchases(budget=10.0), 0.0, 10.0, 50.0 * 0.04),
        (ct.AssetPurchases(), 0.0, 50.0, 0.0),
        (ct.AssetPurchases(budget=0.0), 0.0, 0.0, 50.0 * 0.05),
        (ct.AssetPurchases(assets=("T",)), 0.0, 0.0, 50.0 * 0.05),
    ],
)
def test_what_is_bought_moves_no_price_and_costs_capital_and_the_loss_on_it(
    policy: ct.AssetPurchases, settlement: float, bought: float, loss: float
) -> None:
    run = ct.run(one(), NOTHING, sale(settlement=settlement), [policy])
    assert run.markets["purchased"]["S"] == pytest.approx(bought)
    assert run.metrics["fire_sale_loss"] == pytest.approx(loss)
    fall = 0.001 * (50.0 - bought)
    assert run.markets["fall"]["S"] == pytest.approx(fall)
    assert run.metrics["policy_cost"] == pytest.approx(0.1 * bought + fall * bought)


def test_a_budget_that_does_not_last_is_shared_by_what_is_on_sale() -> None:
    run = ct.run(one(S=60.0, T=40.0), NOTHING, sale(), [ct.AssetPurchases(budget=10.0)])
    assert run.markets["purchased"].to_dict() == {"S": pytest.approx(6.0), "T": pytest.approx(4.0)}


def test_a_budget_lasts_over_the_rounds_until_it_is_spent() -> None:
    # after the first round: price 0.97, equity 3.5, 50 units worth 48.5; 13.5 have to go, 0.4 of it are 5.4
    model, policy = sale(rounds=2, limit=10.0), ct.AssetPurchases(budget=25.0, share=0.4)
    run = ct.run(one(), NOTHING, model, [policy])
    assert run.markets["purchased"]["S"] == pytest.approx(25.0)
    closing = 0.97 * (1.0 - 0.001 * (13.5 - 5.0))
    assert run.markets["closing_price"]["S"] == pytest.approx(closing)
    worth = (20.0 + 5.0 / 0.97) * closing
    assert run.metrics["policy_cost"] == pytest.approx(0.1 * 25.0 + 25.0 - worth)
    again = ct.run(one(), NOTHING, model, [policy])
    assert again.metrics.equals(run.metrics)


@pytest.mark.parametrize(
    ("policy", "sold"),
    [
        (ct.SaleThrottle(share=0.5), 25.0),
        (ct.SaleThrottle(share=0.1, of="volume"), 20.0),
        (ct.SaleThrottle(share=1.0), 50.0),
        (ct.SaleThrottle(share=0.0), 0.0),
        (ct.SaleThrottle(share=0.5, assets=("T",)), 50.0),
    ],
)
def test_what_is_held_back_waits_for_a_day(policy: ct.SaleThrottle, sold: float) -> None:
    run = ct.run(one(), NOTHING, sale(), [policy])
    assert run.metrics["sales"] == pytest.approx(sold)
    assert run.metrics["fire_sale_loss"] == pytest.approx((100.0 - sold) * 0.001 * sold)
    assert run.metrics["policy_cost"] == pytest.approx(1e-4 * 24.0 * (50.0 - sold))


def test_what_is_held_back_is_decided_anew() -> None:
    # price 0.975, equity 3.125, 75 units worth 73.125; 41.875 have to go, half of it does
    run = ct.run(one(), NOTHING, sale(rounds=2), [ct.SaleThrottle(share=0.5)])
    assert run.metrics["sales"] == pytest.approx(25.0 + 20.9375)
    assert run.metrics["policy_cost"] == pytest.approx(1e-4 * 24.0 * (25.0 + 20.9375))


def test_a_share_of_the_volume_is_that_of_the_time_a_round_stands_for() -> None:
    run = ct.run(one(), NOTHING, sale(round_length=43_200.0), [ct.SaleThrottle(share=0.1, of="volume")])
    assert run.metrics["sales"] == pytest.approx(10.0)
    assert run.metrics["policy_cost"] == pytest.approx(1e-4 * 12.0 * 40.0)


def test_both_act_together_and_in_a_comparison() -> None:
    throttle, buyer = ct.SaleThrottle(share=0.5), ct.AssetPurchases(share=0.4)
    run = ct.run(one(), NOTHING, sale(), [throttle, buyer])
    assert run.markets["purchased"]["S"] == pytest.approx(10.0)
    assert run.markets["fall"]["S"] == pytest.approx(0.015)
    sets = {"throttle": throttle, "buyer": buyer, "both": [throttle, buyer]}
    study = ct.compare(one(), [NOTHING], sale(), sets)
    lost = study.to_frame().set_index("policy")["fire_sale_loss"]
    assert lost[["none", "throttle", "buyer", "both"]].tolist() == pytest.approx([2.5, 1.875, 1.5, 1.125])


@pytest.mark.parametrize("policy", [ct.AssetPurchases(), ct.SaleThrottle()])
def test_they_need_rounds_of_a_fire_sale(policy: ct.Policy) -> None:
    fixed = ct.FireSale(impact=LinearRule(per_money=0.001), rounds="least")
    with pytest.raises(PolicyError, match=rf"{policy.name}: acts in rounds"):
        ct.run(one(), NOTHING, fixed, [policy])
    owing = one().replace(obligations=[{"debtor": "A", "creditor": "V", "amount": 1.0}])
    for model in (ct.Clearing(), ct.DebtRank()):
        with pytest.raises(PolicyError, match=policy.name):
            ct.run(owing, NOTHING, model, [policy])
    with pytest.raises(PolicyError, match=policy.name):
        ct.run(random_world(1, n=40).net, ct.PriceShock({"AAA": -0.1}), ct.Cascade(step=60.0), [policy])


def test_the_throttle_of_the_cascade_is_refused_here() -> None:
    with pytest.raises(PolicyError, match="LiquidationThrottle: its rule acts on markets in motion"):
        ct.run(one(), NOTHING, sale(), [ct.LiquidationThrottle()])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ct.AssetPurchases(budget=-1.0), r"AssetPurchases\.budget is -1"),
        (lambda: ct.AssetPurchases(share=1.5), r"AssetPurchases\.share is 1\.5"),
        (lambda: ct.SaleThrottle(share=-0.5), r"SaleThrottle\.share is -0\.5"),
        (lambda: ct.SaleThrottle(of="volumes"), r"SaleThrottle\.of is 'volumes'"),
        (lambda: ct.AssetPurchases(assets=("X",)).opening(one()), r"AssetPurchases\.assets names 'X'"),
        (lambda: ct.SaleThrottle(assets="S").opening(one()), r"SaleThrottle\.\w+"),
        (
            lambda: ct.run(one(T=100.0), NOTHING, sale(), [ct.SaleThrottle(of="volume")]),
            r"SaleThrottle\.of 'volume': 'T' is on sale and has no volume",
        ),
    ],
)
def test_wrong_parameters_are_refused_by_name(make, message) -> None:
    with pytest.raises(PolicyError, match=message):
        make()


@pytest.mark.parametrize("policy", [ct.SaleThrottle(), ct.AssetPurchases()])
def test_the_cascade_refuses_policies_of_fire_sales_before_any_round(policy: ct.Policy) -> None:
    net = ct.generate.overlapping_portfolios(4, 2, seed=1)
    with pytest.raises(PolicyError, match=r"rounds of FireSale.*LiquidationThrottle"):
        ct.Cascade().prepare(net, [policy])
