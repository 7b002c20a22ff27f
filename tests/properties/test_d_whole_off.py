"""In worlds with everything on, a mechanism that is switched off leaves what its absence leaves, bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

import contagion as ct
from contagion.network.unread import without_unread
from contagion.propagation.cascade.layout import State
from contagion.propagation.cascade.model import ALL
from contagion.shocks import Shock
from tests.whole_worlds import cut, whole_world
from tests.worlds import RandomWorld

SEEDS = (0, 12, 28, 125)  # in the last one venues wait for each other on one chain
SAME = ("cash", "node_cash", "holding", "held", "rounds", "history", "events", "ledger", "counters")
"""What is compared: legs and strategies may be fewer where rows are absent."""
Change = Callable[[ct.Network], ct.Network]


def run(world: RandomWorld, net: ct.Network, seed: int, *off: str, shock: Shock | None = None) -> State:
    """The world's shock on another network, without some stages and without policies."""
    model = replace(world.model, stages=tuple(stage for stage in ALL if stage not in off))
    prepared = model.prepare(net)
    return cut(prepared.simulate(world.shock if shock is None else shock, seed=seed))


def assert_equal(one: State, other: State) -> None:
    """The same happened."""
    for name in SAME:
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes(), name


def strategies(column: str, value: object, *kinds: str) -> Change:
    """Strategies of some kinds with a cell of theirs set."""

    def change(net: ct.Network) -> ct.Network:
        rows = net.strategies
        rows.loc[rows["kind"].isin(kinds), column] = value
        return net.replace(strategies=rows)

    return change


def without(*kinds: str) -> Change:
    """The network without strategies of some kinds."""
    return lambda net: net.replace(strategies=net.strategies[~net.strategies["kind"].isin(kinds)])


def venues(column: str, values: Callable[[ct.Network], object]) -> Change:
    """Venues with a column set; what they read no longer is at its default."""

    def change(net: ct.Network) -> ct.Network:
        rows = net.venues.assign(**{column: values(net)})
        return net.replace(venues=without_unread(rows, np.ones(len(rows), dtype=np.bool_)))

    return change


def silent(net: ct.Network) -> ct.Network:
    """Nobody answers calls."""
    return net.replace(accounts=net.accounts.assign(reaction="none"))


OFF: dict[str, tuple[Change, Change]] = {
    "hedges of nothing": (strategies("ratio", 0.0, "hedge"), without("hedge")),
    "arbitrage at no rate": (strategies("rate", 0.0, "arbitrage"), without("arbitrage")),
    "dip buyers without capital": (strategies("capital", 0.0, "dip_buyer"), without("dip_buyer")),
    "a chain for each venue": (
        venues("chain", lambda net: np.where(net.venues["block_time"] > 0.0, net.venues.index, "")),
        venues("chain", lambda net: ""),
    ),
}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", OFF)
def test_a_mechanism_that_is_off_is_absent_with_everything_else_on(name: str, seed: int) -> None:
    world = whole_world(seed)
    off, absent = (run(world, change(world.net), seed) for change in OFF[name])
    assert_equal(off, absent)


STAGES: dict[str, tuple[tuple[str, ...], Change]] = {
    "arbitrage": (("arbitrage",), without("arbitrage", "dip_buyer")),
    "unwinding": (("unwinding",), without("basis")),
    "calls": (("calls",), silent),
    "deleveraging": (("adl",), venues("adl_trigger", lambda net: "")),
}


def happens(state: State, other: State) -> bool:
    """Whether something else happens."""
    return any(getattr(state, name).tobytes() != getattr(other, name).tobytes() for name in SAME)


@pytest.mark.parametrize("absent", [pair[1] for pair in (OFF | STAGES).values()], ids=[*OFF, *STAGES])
def test_what_is_left_out_takes_part_where_it_is_on(absent: Change) -> None:
    worlds = {seed: whole_world(seed) for seed in SEEDS}
    assert any(happens(run(it, it.net, seed), run(it, absent(it.net), seed)) for seed, it in worlds.items())


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", STAGES)
def test_a_stage_that_is_off_is_absent_with_everything_else_on(name: str, seed: int) -> None:
    world = whole_world(seed)
    off, absent = STAGES[name]
    assert_equal(run(world, world.net, seed, *off), run(world, absent(world.net), seed))


ZERO: dict[str, Shock] = {
    "volatilities": ct.VolatilityShock({"AAA": 0.0, "BBB": 0.0}, over=300.0),
    "gas": ct.GasShock(1.0, length=300.0),
    "depth": ct.DepthShock(0.0),
    "oracle": ct.OracleShock({"BBB": 0.0}, over=60.0, length=300.0),
    "withdrawal": ct.Withdrawal("V1", 0.0),
    "outage": ct.Outage("V2", start=60.0, length=0.0),
    "mint": ct.Mint("AAA", 0.0),
    "attack": ct.Attack("AAA", 0.0, markets=["AAA-spot-V1"]),
    "prices": ct.PriceShock({"AAA": 0.0}, over=300.0),
}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", ZERO)
def test_a_shock_of_size_zero_changes_no_bit_with_everything_on(name: str, seed: int) -> None:
    world = whole_world(seed)
    with_zero = run(world, world.net, seed, shock=world.shock + ZERO[name])
    assert_equal(with_zero, run(world, world.net, seed))
