"""Every policy acts on a dated future as on a perpetual: without carry, expiring after the run, they are the same."""

from __future__ import annotations

import pytest

import contagion as ct
from contagion import policies
from contagion.network.equity import opening_account_equity
from tests.propagation.cascade.dated import as_future
from tests.propagation.cascade.small import Holder, Rules, play, small_net

SLIDE = ct.PriceShock({"X": -0.15}, over=120.0)
LONGS = {f"l{j}": Holder({"M": 24.0 + 8.0 * j}, 2_400.0 + 640.0 * j, cash=900.0) for j in range(6)}
SHORTS = {"s": Holder({"M": -64.0, "N": -8.0}, 2.0**17, count=1)}
TABLES = ("paths", "rounds", "accounts", "nodes", "venues", "events", "ledger", "liquidations")
POLICIES: list[ct.Policy] = [
    ct.Halt(drop=0.05, window=300.0, length=60.0),
    ct.Halt(drop=0.05, window=300.0, length=60.0, scope="asset"),
    ct.Halt(drop=0.05, length=60.0, auction=True, auction_depth=0.5, magnet=0.5, diversion=0.5),
    ct.PriceBand(below=0.01, above=0.01),
    ct.LiquidationThrottle(share=0.25),
    ct.TieredMargin(factor=1.5, above=20_000.0),
    ct.MarginMultiplier(factor=1.5, response="violators"),
    ct.MarginMultiplier(factor=1.5),
    policies.DynamicMargin(window=60.0, floor=0.5, cap=3.0, calm=0.05),
    policies.OpenInterestMargin(lower=0.001, upper=0.5, most=1.8),
    policies.ConcentrationAddOn(share=0.02, rate=0.03),
    policies.LeverageLimit(max_leverage=6.0, response="post"),
    policies.PositionLimit(share=0.1),
    policies.BackstopLiquidity(capital=5e6, discount=0.001),
    ct.PartialLiquidation(target=1.3),
    ct.InsuranceFund(factor=2.0, amount=200.0),
    ct.AutoDeleveraging(),
    ct.SocialisedLoss(),
]


def world(dated: bool) -> ct.Network:
    """Six longs of M, a short of M and N, thin books and a fund; M is a perpetual, or a future without carry."""
    rules = Rules(
        venue={"mark": "weighted", "insurance_fund": 1000.0, "adl_trigger": "fund", "call_ratio": 2.0},
        market={
            "impact_half_life": 60.0,
            "permanent_share": 0.25,
            "volatility": 0.05,
            "impact_coefficient": 0.25,
        },
        rate=1.0 / 32.0,
    )
    net = small_net(LONGS | SHORTS, rules, {"M": "X", "N": "X"})
    return as_future(net, "M", 1e6) if dated else net


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.describe())
def test_a_policy_does_to_a_future_what_it_does_to_a_perpetual(policy: ct.Policy) -> None:
    perp, future, free = (
        play(world(dated), *chosen, horizon=900.0, shock=SLIDE)
        for dated, chosen in ((False, [policy]), (True, [policy]), (True, []))
    )
    for table in TABLES:
        assert getattr(future, table).equals(getattr(perp, table)), table
    assert future.metrics.equals(perp.metrics)
    assert future.markets.drop(columns="kind").equals(perp.markets.drop(columns="kind"))
    assert free.metrics["liquidated_notional"] > 0.0
    assert not future.metrics.drop("policy_cost").equals(free.metrics.drop("policy_cost")), "changed nothing"


def test_an_opening_policy_makes_no_money_of_a_forward_premium() -> None:
    """What is closed is valued at the forward price, so that the sum of equity stays what it was."""
    net = as_future(world(True), "M", 1e6, carry=3.0)
    for policy in (ct.MarginMultiplier(factor=2.0), policies.PositionLimit(share=0.1)):
        opened = policy.opening(net)
        assert opened.positions["quantity"].abs().sum() < net.positions["quantity"].abs().sum()
        totals = [
            float((opening_account_equity(each) * each.accounts["count"]).sum())
            + float(each.nodes["cash"].sum())
            for each in (net, opened)
        ]
        assert totals[1] == pytest.approx(totals[0], rel=1e-12)
