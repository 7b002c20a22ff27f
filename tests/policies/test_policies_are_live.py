"""Every built-in policy changes something in scenarios that bite; the placebo and policies of size zero nothing."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest

import contagion as ct
from contagion.margin.rulebooks import RULEBOOKS
from contagion.policies import (
    AdaptiveHaircuts,
    BackstopLiquidity,
    ConcentrationAddOn,
    CrossOrIsolated,
    DynamicMargin,
    FeeSplit,
    FundReplenishment,
    LeverageLimit,
    MarketWideHalt,
    OpenInterestMargin,
    PositionLimit,
    SlicedLiquidation,
)
from contagion.policies.base import Policy
from contagion.propagation.cascade.model import Prepared
from tests.worlds import random_world

SCENARIOS = 64
LIVE: dict[str, Policy] = {
    "halt of a market": ct.Halt(drop=0.05, window=300.0, length=300.0),
    "halt of an asset": ct.Halt(drop=0.05, window=math.inf, length=300.0, scope="asset", reopening="window"),
    "halt of all markets": ct.Halt(drop=0.1, window=math.inf, length=600.0, scope="all", times=1),
    "price band": ct.PriceBand(below=0.01, above=0.01),
    "throttled liquidation": ct.LiquidationThrottle(share=0.25),
    "throttled money": ct.LiquidationThrottle(share=1.0, rate=1_000.0),
    "tiered margin": ct.TieredMargin(factor=1.5, above=10_000.0),
    "margin multiplier": ct.MarginMultiplier(factor=1.5),
    "margin multiplier, violators": ct.MarginMultiplier(factor=1.5, response="violators"),
    "partial liquidation": ct.PartialLiquidation(target=1.2, min_clip=0.1),
    "insurance fund": ct.InsuranceFund(factor=3.0),
    "no deleveraging": ct.AutoDeleveraging(trigger="none"),
    "deleveraging pro rata": ct.AutoDeleveraging(rank="contract_pro_rata"),
    "deleveraging after a drawdown": ct.AutoDeleveraging(rank="binance", trigger="fund_drawdown", ratio=0.05),
    "deleveraging of a pool": ct.AutoDeleveraging(rank="hyperliquid", trigger="pool", price="mark"),
    **{
        f"procedure {word}": ct.policies.Procedure(word)
        for word in ("close_out", "bybit", "okx", "hyperliquid", "dydx", "takeover")
    },
    "procedure increments": ct.policies.Procedure("increments", step_size=50_000.0),
    **{f"rulebook {name}": ct.policies.Rulebook(name) for name in RULEBOOKS},
    "socialised loss": ct.SocialisedLoss(),
    "index without members": ct.IndexDesign(markets=()),
    "late index": ct.IndexDesign(lag=300.0),
    "halt with an auction": ct.Halt(drop=0.05, length=300.0, auction=True, auction_depth=0.5),
    "halt that attracts": ct.Halt(drop=0.1, window=math.inf, length=300.0, magnet=0.8),
    "halt that diverts": ct.Halt(drop=0.05, length=300.0, diversion=0.5),
    "halt by the basket": ct.Halt(drop=0.05, length=300.0, scope="all", reference="basket"),
    "market-wide halts": MarketWideHalt(auction_depth=0.5),
    "dynamic margin": DynamicMargin(window=600.0, cap=2.0),
    "open-interest margin": OpenInterestMargin(lower=0.1, upper=4.0, most=1.5),
    "concentration add-on": ConcentrationAddOn(share=0.01, rate=0.02),
    "isolated margin": CrossOrIsolated("isolated"),
    "cross margin": CrossOrIsolated("cross"),
    "leverage limit": LeverageLimit(max_leverage=8.0),
    "leverage limit, posted": LeverageLimit(max_leverage=8.0, response="post"),
    "position limit": PositionLimit(share=0.01),
    "sliced liquidation": SlicedLiquidation(risk=0.3),
    "backstop liquidity": BackstopLiquidity(capital=1e8, discount=0.01),
    "fund replenishment": FundReplenishment(rate=2.0, payer="outside"),
    "fund replenishment by venues": FundReplenishment(rate=2.0),
    "fees burned": FeeSplit(fee=0.01, to_fund=0.0, to_keeper=0.0, burned=1.0),
    "adaptive haircuts": AdaptiveHaircuts(quantile=1.0, horizon=600.0, window=600.0),
}
NOTHING: dict[str, Policy] = {
    "placebo": ct.Policy(),
    "halt of no length": ct.Halt(length=0.0),
    "halt at no time": ct.Halt(times=0),
    "band without limits": ct.PriceBand(below=1.0, above=math.inf),
    "throttle of everything": ct.LiquidationThrottle(share=1.0),
    "margin times one": ct.MarginMultiplier(factor=1.0),
    "tiers times one": ct.TieredMargin(factor=1.0),
    "fund times one": ct.InsuranceFund(factor=1.0),
    "index as it is": ct.IndexDesign(deviation=math.inf, lag=0.0),
    "halt whose extras are zero": ct.Halt(drop=1.0, auction=True, diversion=1.0),
    "dynamic margin from one to one": DynamicMargin(floor=1.0, cap=1.0),
    "open-interest margin of one": OpenInterestMargin(most=1.0),
    "add-on of nothing": ConcentrationAddOn(rate=0.0),
    "leverage without limit": LeverageLimit(max_leverage=1e6),
    "positions without limit": PositionLimit(share=1e6),
    "backstop without money": BackstopLiquidity(capital=0.0),
    "fund that is never refilled": FundReplenishment(rate=0.0),
    "slices without impact": SlicedLiquidation(eta=0.0),
    "fees as they are": FeeSplit(),
    "haircuts that never change": AdaptiveHaircuts(floor=1.0),
}


PLEDGED = ("adaptive haircuts", "haircuts that never change", "cross margin")
"""Policies that need coins as collateral, or several isolated accounts of an owner."""


@cache
def base(pledged: bool) -> Prepared:
    """A small market, made ready once: a generated one, or a random one with coins and isolated accounts."""
    if pledged:
        net = CrossOrIsolated("isolated").opening(random_world(3, n=40).net)
    else:
        net = ct.generate.perp_market(n_accounts=400, seed=5)
    return ct.Cascade(step=60.0, horizon=3600.0).prepare(net)


def shock(number: int, pledged: bool) -> ct.PriceShock:
    """Scenario `number`: falls of 10 to 60 % of every coin, at once or over a quarter of an hour."""
    assets = base(pledged).network.assets
    coins = sorted(assets.index[assets["kind"] != "currency"])
    falls = np.random.default_rng([7, number]).uniform(0.1, 0.6, len(coins))
    return ct.PriceShock(
        dict(zip(coins, (-falls).tolist(), strict=True)), over=(0.0, 300.0, 900.0)[number % 3]
    )


def outcomes(policies: tuple[Policy, ...], pledged: bool) -> np.ndarray:
    """All metrics of the 64 scenarios."""
    prepared = base(pledged).under(policies)
    return np.stack([prepared.metrics(shock(number, pledged), 3, number) for number in range(SCENARIOS)])


@cache
def without(pledged: bool) -> np.ndarray:
    """Metrics without any policy."""
    return outcomes((), pledged)


@pytest.mark.parametrize("pledged", [False, True])
def test_the_scenarios_bite(pledged: bool) -> None:
    names = list(base(pledged).metric_names)
    assert (without(pledged)[:, names.index("liquidated_notional")] > 0.0).all()


@pytest.mark.parametrize("name", LIVE)
def test_every_built_in_policy_changes_some_metric(name: str) -> None:
    pledged = name in PLEDGED
    kept = [k for k, metric in enumerate(base(pledged).metric_names) if metric != "policy_cost"]
    found = outcomes((LIVE[name],), pledged)
    assert not np.array_equal(found[:, kept], without(pledged)[:, kept], equal_nan=True)


@pytest.mark.parametrize("name", NOTHING)
def test_the_placebo_and_policies_of_size_zero_change_no_bit(name: str) -> None:
    pledged = name in PLEDGED
    assert np.array_equal(outcomes((NOTHING[name],), pledged), without(pledged), equal_nan=True)


def test_every_built_in_policy_is_among_those_tested() -> None:
    built_in = {
        kind
        for kind in vars(ct.policies).values()
        if isinstance(kind, type) and issubclass(kind, Policy) and kind is not Policy
    }
    of_lenders = {ct.Auction, ct.CloseFactor}  # tests/policies/test_lending_policies.py
    of_sheets = {  # tests/propagation/solvency/test_models_and_policies.py
        ct.CapitalInjection,
        ct.CentralClearing,
        ct.DebtEquityConversion,
        ct.ExposureLimit,
        ct.LenderOfLastResort,
        ct.LeverageCap,
        ct.LiquidityBuffer,
        ct.Merger,
        ct.RingFence,
        ct.Split,
    }
    of_fire_sales = {ct.AssetPurchases, ct.SaleThrottle}  # tests/policies/test_fire_sale_policies.py
    assert built_in == {type(policy) for policy in LIVE.values()} | of_lenders | of_sheets | of_fire_sales
