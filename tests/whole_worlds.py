"""Random worlds in which all mechanisms of the cascade live side by side, drawn with the pieces of the other worlds.

Every world has perpetuals, spot markets, pools, a dated future with basis trades, a venue of hedged options, a venue
that scans portfolios, a lending protocol, issuers' tokens, dip buyers and arbitrageurs; some have shares of a pool, and
most networks of odd number have contracts in coins at one venue. What happens to it (shocks, attacks, outages,
policies) is drawn per world.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt

import contagion as ct
from contagion import policies
from contagion.policies.base import Policy
from contagion.policies.world import World
from contagion.propagation.cascade.layout import State
from contagion.shocks import Shock
from tests.coin_worlds import FOLLOWED, SHRINKING, in_coins, measurable
from tests.composed import random_delays, random_mint, random_pools, with_issuers
from tests.futures import with_future
from tests.option_worlds import with_options
from tests.portfolio_worlds import random_options, random_volatility
from tests.properties.replay import Played, run_of
from tests.worlds import (
    WORLDS_KEPT,
    RandomWorld,
    kept,
    known_policies,
    pick,
    random_attack,
    random_backing,
    random_events,
    random_net,
    random_shock,
    with_forms,
)

STREAM = 90
"""First number of the streams of these worlds, which no other world draws from."""
ACCOUNTS = 16
SHARING = 4
"""Worlds of one network: drawing it takes longer than running all of them."""
HEDGES = ("AAA-spot-V1", "AAA-perp-V1", "future")
"""Markets in which options are hedged, in turns; the future is at the venue where the world has drawn it."""


@dataclass(frozen=True)
class Listening(Policy):
    """Hears everything and changes nothing: with it all rounds run in the Python driver."""

    def orders(self, world: World, cap: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """As many lots as without it."""
        return cap


@dataclass(frozen=True)
class Lifeline(Policy):
    """Somebody outside gives every node a little money in every round."""

    amount: float = 0.5

    def cash(self, world: World, injections: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Money per node."""
        return injections + self.amount


def streams(seed: int, n: int) -> list[np.random.Generator]:
    """Generators of a world, one for each piece: a change of one piece leaves the others what they were."""
    return [np.random.default_rng([seed, STREAM + k]) for k in range(n)]


@cache
def whole_net(number: int) -> ct.Network:
    """Network number `number`; several worlds share it, with shocks and policies of their own."""
    traded, more, prices, loans, own, coins, options, portfolios, pools = streams(number, 9)
    net = random_net(traded, ACCOUNTS, more, prices, loans, every=True)
    net = with_forms(own, random_backing(own, net))
    net = random_pools(pools, random_delays(own, with_issuers(own, net)))
    net = with_future(own, net)
    if number % 2:
        net = in_coins(coins, net, [coin_venue(coins, net)])
    net = with_options(options, net, hedge_market(number, net))
    return random_options(portfolios, net)


def coin_venue(rng: np.random.Generator, net: ct.Network) -> str:
    """An exchange whose contracts are to settle in coins; one with a procedure that follows them, if there is one."""
    able = [name for name in net.venues.index if name.startswith("V")]
    fit = [name for name in able if net.venues.loc[name, "procedure"] in FOLLOWED]
    return pick(rng, *(fit or able))


def hedge_market(number: int, net: ct.Network) -> str:
    """Where the options of a network are hedged."""
    chosen = HEDGES[number % len(HEDGES)]
    return str(net.markets.index[net.markets["kind"] == "future"][0]) if chosen == "future" else chosen


def whole_shock(seed: int, net: ct.Network) -> Shock:
    """Falls or rises of prices, and most of what else can happen to the network."""
    rng = np.random.default_rng([seed, STREAM - 1])
    shock = random_shock(rng)
    events = random_events(rng, often=0.5) + random_mint(rng, net, often=0.5) + random_volatility(rng, net)
    events += random_attack(rng, net, often=0.6)
    if "USDT" in net.assets.index:
        events.append(ct.PriceShock({"USDT": float(rng.choice([0.0, -0.03, -0.2, 0.05]))}, over=300.0))
    if not (net.venues["gas_used"] > 0.0).any():
        events = [event for event in events if not isinstance(event, ct.GasShock)]
    return measurable(net, sum(events, shock))


def whole_policies(seed: int, net: ct.Network) -> tuple[Policy, ...]:
    """Up to three policies that the network allows."""
    rng = np.random.default_rng([seed, STREAM - 2])
    known = [*known_policies(pick(rng, "mark", "index", "last")), policies.IndexDesign(lag=120.0)]
    if net.venues.loc["L", "procedure"] == "lending":
        known.append(ct.CloseFactor(close_factor=0.25, full_close_health_factor=0.9))
    if "USDT" in net.assets.index:
        known = [one for one in known if not isinstance(one, SHRINKING)]
    chosen = rng.choice(len(known), size=int(rng.integers(0, 4)), replace=False)
    drawn = tuple(known[int(i)] for i in chosen)
    return (*drawn, Lifeline()) if seed % 16 == 15 else drawn


def make_whole_world(seed: int) -> RandomWorld:
    """Draw world number `seed`."""
    net = whole_net(seed // SHARING)
    model = ct.Cascade(step=60.0, horizon=1800.0)
    return RandomWorld(net, whole_shock(seed, net), model, whole_policies(seed, net))


@lru_cache(WORLDS_KEPT)
def whole_world(seed: int) -> RandomWorld:
    """World number `seed` with everything in it."""
    return kept(f"whole-{seed}", lambda: make_whole_world(seed))


@lru_cache(WORLDS_KEPT)
def played_whole(seed: int) -> Played:
    """World number `seed` with everything in it, run once."""
    return kept(f"played-whole-{seed}", lambda: run_of(seed, whole_world(seed)))


def cut(state: State) -> State:
    """The state with as many rows of events and ledger as were written."""
    n_events, n_ledger = int(state.clock["n_events"][0]), int(state.clock["n_ledger"][0])
    return state._replace(events=state.events[:n_events].copy(), ledger=state.ledger[:n_ledger].copy())
