"""Invariants E1 to E7: what a policy of no size, a breaker that never triggers, or a halt may and may not do."""

import math

import numpy as np
import pytest
from hypothesis import example, given

import contagion as ct
from contagion.policies.base import Policy
from contagion.propagation.cascade import codes
from contagion.propagation.cascade.layout import State
from tests.propagation.cascade.test_drivers import assert_same
from tests.properties.replay import bare, played, seeds
from tests.worlds import random_world

NOTHING: tuple[Policy, ...] = (
    ct.Halt(length=0.0),
    ct.Halt(times=0),
    ct.PriceBand(below=1.0, above=math.inf),
    ct.LiquidationThrottle(share=1.0),
    ct.MarginMultiplier(factor=1.0),
    ct.TieredMargin(factor=1.0),
    ct.InsuranceFund(factor=1.0),
)
FILLS = (codes.EVENT_LIQUIDATION, codes.EVENT_ADL, codes.EVENT_UNWIND, codes.EVENT_ARBITRAGE)


def run(seed: int, policies: tuple[Policy, ...]) -> State:
    """World `seed` under policies of our own in place of its random ones."""
    state = bare(seed).under(policies).simulate(random_world(seed).shock, seed=seed)
    n_events, n_ledger = int(state.clock["n_events"][0]), int(state.clock["n_ledger"][0])
    return state._replace(events=state.events[:n_events], ledger=state.ledger[:n_ledger])


@given(seeds)
def test_e1_policies_of_size_zero_are_bit_equal_to_none(seed: int) -> None:
    assert_same(run(seed, NOTHING), run(seed, ()), seed)


@given(seeds)
def test_e2_a_breaker_that_is_never_triggered_leaves_the_event_log_byte_identical(seed: int) -> None:
    never = ct.Halt(drop=1.0, window=math.inf, length=600.0)
    assert_same(run(seed, (never,)), run(seed, ()), seed)


@given(seeds)
def test_e3_nothing_is_filled_while_a_market_is_halted(seed: int) -> None:
    state = played(seed).state
    fills = state.events[np.isin(state.events["kind"], FILLS)]
    assert not state.history["halted"][fills["round"], fills["market"]].any()


@given(seeds)
def test_e4_nobody_is_deleveraged_while_the_fund_exceeds_every_deficit(seed: int) -> None:
    it = random_world(seed)
    # offers that no book takes are deleveraged below zero, whatever the fund
    venues = it.net.venues
    offering = venues["procedure"] == "dydx"
    venues.loc[offering, ["procedure", "spread_to_maintenance"]] = ["close_out", 0.1]
    net = it.net.replace(venues=venues)
    prepared = it.model.prepare(net, (ct.AutoDeleveraging(), ct.InsuranceFund(amount=1e7)))
    state = prepared.simulate(it.shock, seed=seed)
    assert state.counters[codes.DELEVERAGED] == 0.0
    assert not (state.events[: int(state.clock["n_events"][0])]["kind"] == codes.EVENT_ADL).any()


@given(seeds)
def test_e5_the_placebo_changes_no_bit(seed: int) -> None:
    it = played(seed)
    prepared = it.prepared.under((*it.world.policies, ct.Policy()))
    again = prepared.simulate(it.world.shock, seed=seed)
    n_events, n_ledger = int(again.clock["n_events"][0]), int(again.clock["n_ledger"][0])
    again = again._replace(events=again.events[:n_events], ledger=again.ledger[:n_ledger])
    assert_same(it.state, again, seed)
    found = prepared.measured(it.world.shock, again)
    assert np.array_equal(found, it.prepared.measured(it.world.shock, it.state), equal_nan=True)


def same_end_when_halted(net: ct.Network, seed: int, length: float) -> None:
    """A halt of all markets in the timeless limit changes the path, not the end."""
    falls = {"AAA": -0.1 - (seed % 7) / 20, "BBB": -0.1 - (seed % 5) / 20}
    shock = ct.PriceShock(falls)
    halt = ct.Halt(drop=0.02, window=math.inf, length=length, scope="all", times=2)
    prepared = ct.Cascade.static().prepare(net)
    free, halted = prepared.simulate(shock), prepared.under((halt,)).simulate(shock)
    for name in (
        "quantity",
        "cash",
        "node_cash",
        "holding",
        "remaining",
        "external_liabilities",
        "deficit",
        "liquidated",
    ):
        assert np.array_equal(getattr(free, name), getattr(halted, name)), name
    for name in ("provider_lots", "provider_cash", "permanent", "last", "mark", "liquidated"):
        assert np.array_equal(free.markets[name], halted.markets[name]), name
    for name in ("fund", "bad_debt", "residual_paid", "uncovered", "keeper"):
        assert np.array_equal(free.venues[name], halted.venues[name]), name
    held_back = halted.rounds["deferred_notional"].any() and not free.rounds["deferred_notional"].any()
    assert halted.clock["round"][0] > free.clock["round"][0] or not held_back


@given(seeds)
@example(10)  # a pool whose shares are tokens trades while markets are halted
def test_e6_under_the_static_cascade_a_halt_of_all_markets_changes_the_path_and_not_the_end(
    seed: int,
) -> None:
    same_end_when_halted(random_world(seed).net, seed, length=3.0)


@given(seeds)
def test_e7_every_policy_reports_what_it_costs(seed: int) -> None:
    it = played(seed)
    used = it.prepared.outlay(it.state)
    costs = [policy.cost(used, ct.CostRates()) for policy in it.world.policies]
    assert all(math.isfinite(cost) and cost >= 0.0 for cost in costs)
    found = it.prepared.measured(it.world.shock, it.state)
    cost = found[list(it.prepared.metric_names).index("policy_cost")]
    assert max(costs, default=0.0) <= cost * (1.0 + 1e-12)
    assert cost <= sum(costs) * (1.0 + 1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_e7_halts_that_halted_and_throttles_that_throttled_are_not_free(seed: int) -> None:
    it = random_world(seed)
    for policy in (ct.Halt(drop=0.02, length=300.0), ct.LiquidationThrottle(share=0.1)):
        prepared = bare(seed).under((policy,))
        state = prepared.simulate(it.shock, seed=seed)
        used = prepared.outlay(state)
        bites = used.halted_value if isinstance(policy, ct.Halt) else used.deferred_value
        assert (policy.cost(used, ct.CostRates()) > 0.0) == (bites > 0.0)
