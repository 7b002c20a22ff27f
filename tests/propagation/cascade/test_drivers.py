"""Compiled rounds, the Python driver and the plain-NumPy look give the same bits, in every round."""

from __future__ import annotations

import numpy as np
import pytest

from contagion.network.schema import TABLES
from contagion.propagation.cascade.layout import State
from tests.coin_worlds import coin_world
from tests.option_worlds import option_world
from tests.worlds import random_world

WORLDS = 200
SAME = (
    "quantity",
    "cash",
    "node_cash",
    "holding",
    "remaining",
    "external_liabilities",
    "history",
    "rounds",
    "events",
    "ledger",
    "counters",
    "first_trigger",
    "closed_at",
    "due",
    "calls",
)
MARKETS = (
    "provider_lots",
    "provider_cash",
    "permanent",
    "temporary",
    "mark",
    "last",
    "liquidated",
    "deleveraged",
)


def assert_same(one: State, other: State, world: int) -> None:
    """Every array equal, bit for bit."""
    for name in SAME:
        a, b = getattr(one, name), getattr(other, name)
        equal = (
            a.tobytes() == b.tobytes()
            if a.dtype.names
            else np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
        )
        assert equal, f"world {world}: {name} differs"
    for name in MARKETS:
        assert np.array_equal(one.markets[name], other.markets[name]), (
            f"world {world}: markets.{name} differs"
        )
    for name in ("fund", "bad_debt", "residual_paid", "keeper", "burned"):
        assert np.array_equal(one.venues[name], other.venues[name]), f"world {world}: venues.{name} differs"


def assert_identical(one: State, other: State, world: int) -> None:
    """Every array of the state equal, bit for bit, but for what is noted of accounts that may be skipped."""
    for name in sorted(set(State._fields) - {"equity", "requirement", "key"}):
        a, b = getattr(one, name), getattr(other, name)
        columns = [(a[c], b[c]) for c in a.dtype.names] if a.dtype.names else [(a, b)]
        equal = all(np.array_equal(x, y, equal_nan=x.dtype.kind == "f") for x, y in columns)
        assert equal, f"world {world}: {name} differs"


@pytest.mark.parametrize("world", range(WORLDS))
def test_compiled_python_and_numpy_give_the_same_bits_in_every_round(world: int) -> None:
    it = random_world(world)
    prepared = it.model.prepare(it.net, it.policies)
    compiled = prepared.simulate(it.shock, seed=world)
    assert_identical(compiled, prepared.simulate(it.shock, seed=world, look="python"), world)
    assert_identical(compiled, prepared.simulate(it.shock, seed=world, look="numpy"), world)


def test_every_word_of_the_rules_is_used_in_some_world() -> None:
    nets = [random_world(world).net for world in range(WORLDS)]
    nets += [option_world(world).net for world in range(8)]
    nets += [coin_world(world).net for world in range(8)]
    unused = [
        (table.name, column.name, word)
        for table in TABLES.values()
        for column in table.columns
        for word in column.modelled or column.words
        if column.kind == "word"
        and not any((net.tables[table.name][column.name] == word).any() for net in nets)
    ]
    assert not [found for found in unused if found[0] != "assets"]  # kinds of assets are names only
