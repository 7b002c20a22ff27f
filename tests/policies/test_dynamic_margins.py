"""Margin that follows volatility or open interest: the multiplier in force is that of the pure rules."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

import contagion as ct
from contagion.errors import PolicyError
from contagion.margin import margin_open_interest_scaled
from contagion.network.interest import open_interest, resting_money
from contagion.policies import DynamicMargin, OpenInterestMargin
from contagion.propagation.cascade.layout import State
from tests.propagation.cascade.small import Holder, Rules, small_net
from tests.propagation.cascade.test_drivers import assert_same
from tests.worlds import random_world

WORLDS = range(12)
BOUNDED = DynamicMargin(window=300.0, floor=0.7, cap=2.5)


def played(number: int, policy: ct.Policy, look: str = "compiled") -> tuple[ct.Network, State]:
    """World `number` under the policy alone, and the network after its opening."""
    it = random_world(2_000 + number)
    prepared = it.model.prepare(it.net, [policy])
    return prepared.opened, prepared.simulate(it.shock, seed=number, look=look)


@dataclass(frozen=True)
class Witness(ct.Policy):
    """Writes down open interest and the multipliers that the policies before it made."""

    seen: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)

    def requirement(self, world: Any, multiplier: np.ndarray) -> np.ndarray:
        self.seen.append((np.array(world.open_interest), multiplier.copy()))
        return multiplier


@cache
def dynamic(number: int) -> tuple[State, list[np.ndarray]]:
    """World `number` under a dynamic margin that looks back five rounds: final arrays, multipliers of every round."""
    it, witness = random_world(2_000 + number), Witness()
    state = it.model.prepare(it.net, [BOUNDED, witness]).simulate(it.shock, seed=number)
    ran = int(state.clock["round"][0])  # a run whose records did not fit is repeated
    return state, [multiplier for _, multiplier in witness.seen[-ran:]]


@pytest.mark.parametrize("number", WORLDS)
def test_the_multiplier_is_that_of_the_path_of_the_index(number: int) -> None:
    state, multipliers = dynamic(number)
    times = 60.0 * np.arange(len(multipliers))
    for m, asset in enumerate(state.markets["asset"]):
        prices = np.exp(np.cumsum(state.index_return[: len(times), asset]))
        path = ct.margin_path(BOUNDED, pd.DataFrame({"index": prices}, index=times), 0.05)
        assert [found[m] for found in multipliers] == pytest.approx(path["index"].tolist(), rel=1e-9)


def test_multipliers_reach_their_cap_in_some_worlds_and_leave_it_in_some() -> None:
    found = np.concatenate([np.concatenate(dynamic(number)[1]) for number in WORLDS])
    assert (found == 2.5).any() and (found == 0.7).any() and ((found > 0.7) & (found < 2.5)).any()


@pytest.mark.parametrize("number", WORLDS)
@pytest.mark.parametrize(
    "policy",
    [DynamicMargin(window=300.0, floor=0.7, cap=4.0), OpenInterestMargin(lower=0.05, upper=1.0, most=2.0)],
)
def test_accounts_that_the_clocks_skip_could_not_have_been_reached(number: int, policy: ct.Policy) -> None:
    assert_same(played(number, policy)[1], played(number, policy, look="numpy")[1], number)


@pytest.mark.parametrize("number", WORLDS)
def test_margin_rises_with_open_interest_as_dydx_has_it(number: int) -> None:
    lower, upper, most = 0.05, 1.0, 2.0
    it, witness = random_world(2_000 + number), Witness()
    policies = [OpenInterestMargin(lower=lower, upper=upper, most=most), witness]
    it.model.prepare(it.net, policies).simulate(it.shock, seed=number)
    books = resting_money(it.net)
    for interest, multiplier in witness.seen:
        rate = margin_open_interest_scaled(
            interest,
            initial_rate=1.0 / most,
            open_interest_lower=lower * books,
            open_interest_upper=upper * books,
        )
        assert multiplier == pytest.approx(most * np.asarray(rate), rel=1e-9)


def test_a_dynamic_margin_calls_for_more_when_prices_swing() -> None:
    # 16 units at 1024, requirement 1024; after the fall to 960 equity is 1976 and the requirement 960
    net = small_net({"a": Holder({"M": 16.0}, 3000.0, "isolated")}, Rules(market={"volatility": 0.05}))
    shock = ct.PriceShock({"X": -1.0 / 16.0}, over=0.0)
    model = ct.Cascade(step=10.0, horizon=600.0)
    liquidated = [
        ct.run(net, shock, model, [DynamicMargin(window=10.0, cap=cap)]).metrics["liquidated_accounts"]
        for cap in (1.0, 2.0, 2.125)  # 960 times 2 is 1920, times 2.125 is 2040
    ]
    assert liquidated == [0.0, 0.0, 1.0]


def test_traders_adapt_to_the_floor_before_the_shock_and_the_tables_of_rates_stay() -> None:
    before = random_world(1, n=40).net
    after = DynamicMargin(floor=1.7).opening(before)
    steep = ct.MarginMultiplier(factor=1.7).opening(before)
    assert after.tiers.equals(before.tiers) and after.markets.equals(before.markets)
    assert after.positions.equals(steep.positions) and after.balances.equals(steep.balances)


def test_only_the_markets_named_are_asked_for_more() -> None:
    before = random_world(1, n=40).net
    chosen = str(before.markets.index[0])
    state = ct.Cascade(step=60.0, horizon=600.0).prepare(
        before, [DynamicMargin(floor=1.7, markets=(chosen,))]
    )
    found = state.simulate(ct.PriceShock({"AAA": -0.01}, over=0.0)).markets["multiplier"]
    assert found[0] >= 1.7 and (found[1:] == 1.0).all()


def test_open_interest_counts_all_accounts_behind_a_row() -> None:
    net = small_net(
        {"a": Holder({"M": 2.0}, 500.0, "isolated", count=3), "b": Holder({"M": -1.0}, 500.0, "isolated")}
    )
    assert open_interest(net).tolist() == [6.0 * 1024.0]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: DynamicMargin(floor=2.0, cap=1.0), "below"),
        (lambda: DynamicMargin(window=0.0), "window"),
        (lambda: DynamicMargin(calm=-1.0), "calm"),
        (lambda: OpenInterestMargin(lower=2.0, upper=1.0), "above"),
        (lambda: OpenInterestMargin(most=0.5), "most"),
        (lambda: OpenInterestMargin(upper=math.nan), "upper"),
    ],
)
def test_bounds_that_contradict_each_other_are_refused(make: object, words: str) -> None:
    with pytest.raises(PolicyError, match=words):
        make()  # type: ignore[operator]


def test_a_floor_that_makes_a_maintenance_rate_one_is_refused() -> None:
    with pytest.raises(PolicyError, match=r"DynamicMargin\.floor.*from 400.*below 1"):
        DynamicMargin(floor=10.0, cap=10.0).opening(random_world(1, n=4).net)
