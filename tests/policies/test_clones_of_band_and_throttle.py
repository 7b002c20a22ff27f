"""A price band and a throttle written in Python give the built-in's bits: alone, among others, in any place."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from itertools import permutations
from typing import Any

import numpy as np
import pytest

import contagion as ct
from contagion.policies.base import Policy
from contagion.propagation.cascade.layout import State
from contagion.propagation.cascade.model import Prepared
from tests.propagation.cascade.test_drivers import assert_same
from tests.worlds import RandomWorld, random_world

WORLDS = range(16)


@dataclass(frozen=True)
class MyBand(Policy):
    """Forced orders fill only within a band around a price of the same round."""

    below: float = 0.04
    above: float = 0.04
    reference: str = "index"

    def limits(self, world: Any, lower: np.ndarray, upper: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        around = getattr(world, self.reference)
        low, high = around * (1.0 - self.below), around * (1.0 + self.above)
        return np.maximum(lower, low), np.minimum(upper, high)


@dataclass(frozen=True)
class MyThrottle(Policy):
    """Forced orders trade a share of what is asked, and no more than `rate` money a second."""

    share: float = 0.4
    rate: float = math.inf

    def orders(self, world: Any, cap: np.ndarray) -> np.ndarray:
        slow = np.ceil(self.share * cap)
        if math.isinf(self.rate):
            return slow
        return np.minimum(slow, np.ceil(self.rate * world.step / (world.mark * world.lot)))


BANDS: dict[str, tuple[Policy, Policy]] = {
    f"band around {reference}": (
        ct.PriceBand(below=0.002, above=0.003, reference=reference),
        MyBand(0.002, 0.003, reference),
    )
    for reference in ("mark", "index", "last")
}
THROTTLES: dict[str, tuple[Policy, Policy]] = {
    "throttled share": (ct.LiquidationThrottle(share=0.4), MyThrottle(0.4)),
    "throttled money": (ct.LiquidationThrottle(share=1.0, rate=2.0), MyThrottle(1.0, 2.0)),
    "share and money": (ct.LiquidationThrottle(share=0.3, rate=5.0), MyThrottle(0.3, 5.0)),
}
PAIRS = {**BANDS, **THROTTLES}
OTHERS: dict[str, tuple[Policy, ...]] = {
    "alone": (),
    "with a halt and a fund": (
        ct.Halt(drop=0.05, window=300.0, length=180.0),
        ct.InsuranceFund(factor=2.0),
    ),
    "with band, throttle and margins": (
        ct.PriceBand(below=0.004, above=0.001, reference="last"),
        ct.LiquidationThrottle(share=0.7),
        ct.MarginMultiplier(factor=1.2),
    ),
}


@cache
def world(number: int) -> tuple[RandomWorld, Prepared]:
    """A random world of these tests' own, made ready without its policies."""
    it = random_world(2_000 + number)
    return it, it.model.prepare(it.net)


def run(number: int, *policies: Policy) -> State:
    """World `number` under policies in place of its own, records cut to what was written."""
    it, prepared = world(number)
    state = prepared.under(policies).simulate(it.shock, seed=number)
    n_events, n_ledger = int(state.clock["n_events"][0]), int(state.clock["n_ledger"][0])
    return state._replace(events=state.events[:n_events], ledger=state.ledger[:n_ledger])


@pytest.mark.parametrize("others", OTHERS)
@pytest.mark.parametrize("name", PAIRS)
def test_a_clone_gives_the_bits_of_the_built_in_alone_and_mixed(name: str, others: str) -> None:
    built_in, clone = PAIRS[name]
    for number in WORLDS[:8] if OTHERS[others] else WORLDS:
        assert_same(run(number, built_in, *OTHERS[others]), run(number, clone, *OTHERS[others]), number)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_clone_in_any_place_of_the_list_gives_the_bits_of_the_built_in_there(
    order: tuple[int, ...],
) -> None:
    """Throttles of a share round up one after the other, so each order has bits of its own."""
    built_in = (PAIRS["share and money"][0], PAIRS["throttled share"][0], PAIRS["band around mark"][0])
    clones = (PAIRS["share and money"][1], PAIRS["throttled share"][1], PAIRS["band around mark"][1])
    for number in WORLDS[:6]:
        expected = run(number, *(built_in[k] for k in order))
        for cloned in ({0}, {1}, {2}, {0, 1, 2}):
            mixed = [clones[k] if k in cloned else built_in[k] for k in order]
            assert_same(expected, run(number, *mixed), number)


def test_bands_narrow_to_the_same_bits_in_either_order() -> None:
    one, other = MyBand(0.008, 0.002, "index"), ct.PriceBand(below=0.003, above=0.005, reference="last")
    for number in WORLDS[:6]:
        assert_same(run(number, one, other), run(number, other, one), number)


def test_a_share_of_what_the_rate_allows_is_less_than_the_rate_of_a_share() -> None:
    """List order counts: a throttle of a share after one of money halves what that one let through."""
    share, rate = MyThrottle(0.5), MyThrottle(1.0, 2.0)

    def waited(*policies: Policy) -> float:
        return sum(float(run(number, *policies).rounds["deferred_notional"].sum()) for number in WORLDS[:6])

    assert waited(rate, share) > waited(share, rate)


@pytest.mark.parametrize("name", PAIRS)
def test_the_clones_bite_in_most_worlds(name: str) -> None:
    free = [run(number).markets["liquidated"].sum() for number in WORLDS]
    bound = [run(number, PAIRS[name][1]).markets["liquidated"].sum() for number in WORLDS]
    assert sum(a != b for a, b in zip(free, bound, strict=True)) >= len(WORLDS) // 2


def test_two_clones_of_one_class_keep_their_own_parameters() -> None:
    for number in WORLDS[:6]:
        clones = run(
            number, MyThrottle(0.5), MyThrottle(0.25), MyBand(0.01, 0.01), MyBand(0.002, 0.3, "mark")
        )
        built_in = run(
            number,
            ct.LiquidationThrottle(share=0.5),
            ct.LiquidationThrottle(share=0.25),
            ct.PriceBand(below=0.01, above=0.01),
            ct.PriceBand(below=0.002, above=0.3, reference="mark"),
        )
        assert_same(built_in, clones, number)
