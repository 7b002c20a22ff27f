"""Random worlds, run once: balances, prices and health of their runs in exact fractions."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from contagion.propagation.cascade.model import Prepared
from tests.option_worlds import option_world
from tests.portfolio_worlds import portfolio_world
from tests.properties.replay.ledger import Key
from tests.properties.replay.margins import Margined
from tests.worlds import WORLDS_KEPT, RandomWorld, kept, random_world

seeds = st.integers(0, 2 * settings().max_examples - 1)
"""Numbers of random worlds; the more examples, the more worlds."""


@dataclass(frozen=True)
class Played(Margined):
    """A world, its run as arrays, and what the ledger says about it."""


@lru_cache(WORLDS_KEPT)
def bare(seed: int) -> Prepared:
    """World number `seed` without policies, ready to run."""
    world = random_world(seed)
    return world.model.prepare(world.net)


@lru_cache(WORLDS_KEPT)
def played(seed: int) -> Played:
    """World number `seed`, run once: by whichever process of a test run comes first."""
    return kept(str(seed), lambda: play(seed))


def play(seed: int) -> Played:
    """World number `seed` and its run."""
    return run_of(seed, random_world(seed))


def run_of(seed: int, world: RandomWorld) -> Played:
    """A world and its run."""
    prepared = world.model.prepare(world.net, world.policies)
    state = prepared.simulate(world.shock, seed=seed)
    n_events, n_ledger = int(state.clock["n_events"][0]), int(state.clock["n_ledger"][0])
    state = state._replace(events=state.events[:n_events].copy(), ledger=state.ledger[:n_ledger].copy())
    return Played(seed, world, prepared, state)


@lru_cache(WORLDS_KEPT)
def played_with_options(seed: int) -> Played:
    """World number `seed` with a venue of options, hedgers and dry books, run once."""
    return kept(f"played-options-{seed}", lambda: run_of(seed, option_world(seed)))


@lru_cache(WORLDS_KEPT)
def played_with_portfolios(seed: int) -> Played:
    """World number `seed` with a venue that scans portfolios, run once."""
    return kept(f"played-portfolios-{seed}", lambda: run_of(seed, portfolio_world(seed)))


def worth_at(
    it: Played, balance: dict[Key, int], perp: list[Fraction], asset: list[Fraction]
) -> dict[tuple[int, int], Fraction]:
    """Worth of every holder, by entity and id, at prices in quanta per lot."""
    n_markets = len(it.state.markets)
    total: dict[tuple[int, int], Fraction] = defaultdict(Fraction)
    for (entity, identity, instrument), amount in balance.items():
        if instrument < 0:
            total[entity, identity] += amount
        elif instrument < n_markets:
            total[entity, identity] += amount * perp[instrument]
        else:
            total[entity, identity] += amount * asset[instrument - n_markets]
    return total


def perp_prices(it: Played, which: str) -> list[Fraction]:
    """Quanta per lot of every market at a column of the final market table: the outside price, or the mark."""
    state = it.state
    assets = (
        state.outside[min(it.n_rounds - 1, len(state.outside) - 1)] if which == "outside" else state.index
    )
    slots = state.markets["coin_slot"]
    coins = [Fraction(float(assets[state.slots["asset"][s]])) if s >= 0 else Fraction(1) for s in slots]
    prices = [Fraction(float(price)) for price in state.markets[which]]
    return [it.worth(m, price, coin) for m, (price, coin) in enumerate(zip(prices, coins, strict=True))]


def asset_prices(it: Played, prices: np.ndarray) -> list[Fraction]:
    """Quanta per lot of every asset that is held outright."""
    scales = it.prepared.opening.book.asset_lot_scale
    return [
        Fraction(float(price)) * Fraction(float(scale)) for price, scale in zip(prices, scales, strict=True)
    ]
