"""Every policy changes something in worlds with everything on, or is refused by name with what to take instead."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import contagion as ct
from contagion import policies
from contagion.errors import ContagionError, PolicyError
from contagion.policies.base import Policy
from contagion.propagation.cascade.model import Prepared
from tests.policies import test_policies_are_live as lively
from tests.whole_worlds import whole_world

SEEDS = range(40)
LIVE: dict[str, Policy] = lively.LIVE | {
    "throttled money": ct.LiquidationThrottle(share=1.0, rate=2.0),
    "tiered margin": ct.TieredMargin(factor=1.5, above=150.0),
    "close factor": ct.CloseFactor(close_factor=0.25, full_close_health_factor=0.9),
    "auction": ct.Auction(),
    "capital injection": ct.CapitalInjection(1_000.0),
    "exposure limit": ct.ExposureLimit(share=0.001),
    "leverage cap": ct.LeverageCap(1.1, "raise", nodes=("fund", "bank")),
    "liquidity buffer": ct.LiquidityBuffer(0.5, nodes=("issuer-A",)),
    "ring-fence": ct.RingFence(nodes=("fund",)),
    "merger": ct.Merger(("bank", "fund"), into="both"),
    "split": ct.Split("bank", parts=2),
}
REFUSED: dict[str, tuple[Policy, str]] = {
    "central clearing": (
        ct.CentralClearing(default_fund=0.1, capital=5.0),
        r"CentralClearing.opening leaves obligations seniority: .*set seniority to 1",
    ),
    "conversion of debt": (ct.DebtEquityConversion(), "DebtEquityConversion: it overrides no hook"),
    "lender of last resort": (ct.LenderOfLastResort(), "LenderOfLastResort: it overrides no hook"),
    "asset purchases": (ct.AssetPurchases(1e6), "rounds of FireSale.* ct.BackstopLiquidity buys"),
    "throttled sales": (ct.SaleThrottle(0.1), "rounds of FireSale.* ct.LiquidationThrottle slows"),
}
"""Policies that no cascade can follow, and what is said."""
COINS = 12
"""Number of a world with contracts that settle in coins."""


@cache
def base(seed: int) -> tuple[Prepared, np.ndarray]:
    """World number `seed` without policies, ready to run, and its metrics."""
    world = whole_world(seed)
    prepared = world.model.prepare(world.net)
    return prepared, prepared.metrics(world.shock, seed)


def changes(policy: Policy, seed: int) -> bool | None:
    """Whether the policy changes a metric of a world other than its own cost; None where it is refused."""
    prepared, before = base(seed)
    try:
        after = prepared.under((policy,)).metrics(whole_world(seed).shock, seed)
    except ContagionError:
        return None
    kept = [k for k, name in enumerate(prepared.metric_names) if name != "policy_cost"]
    return not np.array_equal(before[kept], after[kept], equal_nan=True)


@pytest.mark.parametrize("name", LIVE)
def test_every_policy_is_live_with_everything_on(name: str) -> None:
    assert any(changes(LIVE[name], seed) for seed in SEEDS)


RULES = ("index as it is", "leverage without limit")
"""Of size zero elsewhere; here indices have rules of their own, and some accounts start without equity."""


@pytest.mark.parametrize("name", sorted(set(lively.NOTHING) - set(RULES)))
def test_policies_of_size_zero_change_no_bit_with_everything_on(name: str) -> None:
    assert [changes(lively.NOTHING[name], seed) for seed in range(4)] == [False] * 4


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("seed", [0, COINS])
def test_policies_that_no_cascade_follows_are_refused_by_name(name: str, seed: int) -> None:
    policy, message = REFUSED[name]
    with pytest.raises(ContagionError, match=message):
        base(seed)[0].under((policy,))


NOT_IN_COINS = (
    "tiered margin",
    "margin multiplier",
    "margin multiplier, violators",
    "concentration add-on",
    "isolated margin",
    "cross margin",
    "leverage limit",
    "leverage limit, posted",
    "position limit",
)
"""Policies that change positions before the shock."""


@pytest.mark.parametrize("name", NOT_IN_COINS)
def test_policies_that_change_positions_before_the_shock_are_refused_for_contracts_in_coins(
    name: str,
) -> None:
    message = f"^{type(LIVE[name]).__name__} cannot change.* '[^']+' settle: .* something else than the unit"
    with pytest.raises(PolicyError, match=message):
        base(COINS)[0].under((LIVE[name],))


def test_every_built_in_policy_is_live_or_refused() -> None:
    built_in = {kind for kind in vars(policies).values() if isinstance(kind, type) and kind is not Policy}
    tested = {type(policy) for policy in LIVE.values()} | {type(policy) for policy, _ in REFUSED.values()}
    assert tested == {kind for kind in built_in if issubclass(kind, Policy)}
