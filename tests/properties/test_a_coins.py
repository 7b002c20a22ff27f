"""Equal drivers where contracts settle in coins, and what happens in those worlds (invariants: `test_a_with_coins`)."""

from __future__ import annotations

import numpy as np
import pytest

from contagion.propagation.cascade import codes
from tests.coin_worlds import coin_world, played_in_coins
from tests.propagation.cascade.test_drivers import assert_identical


@pytest.mark.parametrize("seed", range(12))
def test_the_python_driver_and_the_look_in_numpy_give_the_same_bits_for_contracts_in_coins(seed: int) -> None:
    world = coin_world(seed)
    prepared = world.model.prepare(world.net, world.policies)
    compiled = prepared.simulate(world.shock, seed=seed)
    assert_identical(compiled, prepared.simulate(world.shock, seed=seed, look="python"), seed)
    assert_identical(compiled, prepared.simulate(world.shock, seed=seed, look="numpy"), seed)


def test_the_worlds_close_deleverage_fund_and_default_contracts_in_coins() -> None:
    seen: set[int] = set()
    for seed in range(12):
        it = played_in_coins(seed)
        n_markets, coins = (
            len(it.state.markets),
            set(np.flatnonzero(it.state.markets["coin_slot"] >= 0).tolist()),
        )
        seen |= {
            p.kind
            for p in it.postings
            if p.entity == codes.PROVIDER and p.id in coins and p.instrument >= n_markets
        }
    assert {codes.BY_LIQUIDATION, codes.BY_ADL, codes.BY_FUNDING, codes.BY_ARBITRAGE} <= seen
