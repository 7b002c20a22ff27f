"""Every built-in policy changes something in scenarios that bite; the placebo and policies of size zero nothing."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest

import contagion as ct
from contagion.margin.rulebooks import RULEBOOKS
from contagion.policies.base import Policy
from contagion.propagation.cascade.model import Prepared

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
}


@cache
def base() -> Prepared:
    """A small generated market, made ready once."""
    net = ct.generate.perp_market(n_accounts=400, seed=5)
    return ct.Cascade(step=60.0, horizon=3600.0).prepare(net)


def shock(number: int) -> ct.PriceShock:
    """Scenario `number`: falls of 10 to 60 % of every coin, at once or over a quarter of an hour."""
    assets = base().network.assets
    coins = sorted(assets.index[assets["kind"] != "currency"])
    falls = np.random.default_rng([7, number]).uniform(0.1, 0.6, len(coins))
    return ct.PriceShock(
        dict(zip(coins, (-falls).tolist(), strict=True)), over=(0.0, 300.0, 900.0)[number % 3]
    )


def outcomes(policies: tuple[Policy, ...]) -> np.ndarray:
    """All metrics of the 64 scenarios."""
    prepared = base().under(policies)
    return np.stack([prepared.metrics(shock(number), 3, number) for number in range(SCENARIOS)])


@cache
def without() -> np.ndarray:
    """Metrics without any policy."""
    return outcomes(())


def test_the_scenarios_bite() -> None:
    names = list(base().metric_names)
    assert (without()[:, names.index("liquidated_notional")] > 0.0).all()


@pytest.mark.parametrize("name", LIVE)
def test_every_built_in_policy_changes_some_metric(name: str) -> None:
    kept = [k for k, metric in enumerate(base().metric_names) if metric != "policy_cost"]
    found = outcomes((LIVE[name],))
    assert not np.array_equal(found[:, kept], without()[:, kept], equal_nan=True)


@pytest.mark.parametrize("name", NOTHING)
def test_the_placebo_and_policies_of_size_zero_change_no_bit(name: str) -> None:
    assert np.array_equal(outcomes((NOTHING[name],)), without(), equal_nan=True)


def test_every_built_in_policy_is_among_those_tested() -> None:
    built_in = {
        kind
        for kind in vars(ct.policies).values()
        if isinstance(kind, type) and issubclass(kind, Policy) and kind is not Policy
    }
    assert built_in == {type(policy) for policy in LIVE.values()}
