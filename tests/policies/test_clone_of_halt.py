"""A halt written in Python, with `status` and its memo, gives the bits of the built-in one, alone and among others."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest

import contagion as ct
from contagion.policies.base import Policy
from contagion.propagation.cascade.layout import State
from tests.worlds import RandomWorld, random_world

WORLDS = range(24)
SAME = (
    "quantity",
    "cash",
    "node_cash",
    "holding",
    "remaining",
    "history",
    "rounds",
    "first_trigger",
    "closed_at",
)


@dataclass(frozen=True)
class MyHalt(Policy):
    """A fall of `drop` below the highest last price of `window` seconds shuts a market for `length` seconds."""

    drop: float = 0.05
    window: float = 300.0
    length: float = 180.0

    def status(self, world: Any) -> np.ndarray:
        memo = world.memo
        past = memo.setdefault("past", [])
        past.append(np.array(world.last))
        state = memo.setdefault("state", [{"until": -1.0, "since": 0, "reference": None} for _ in world.last])
        shut = np.zeros(len(world.last), dtype=bool)
        for m, own in enumerate(state):
            if own["until"] >= 0.0 and world.time >= own["until"]:
                own["until"], own["since"] = -1.0, world.round
            if own["until"] < 0.0:
                first = own["since"]
                if math.isfinite(self.window):
                    first = max(first, world.round - max(1, math.ceil(self.window / world.step - 1e-9)))
                reference = own["reference"] or max(float(row[m]) for row in past[first:])
                if world.last[m] <= reference * (1.0 - self.drop):
                    own["until"], own["reference"] = world.time + self.length, float(world.last[m])
            shut[m] = own["until"] >= 0.0
        return shut | world.halted


OTHERS: dict[str, tuple[Policy, ...]] = {
    "alone": (),
    "with a throttle and a fund": (ct.LiquidationThrottle(share=0.4), ct.InsuranceFund(factor=2.0)),
    "with a band and margins": (ct.PriceBand(below=0.04, above=0.04), ct.MarginMultiplier(factor=1.2)),
}


@cache
def world(number: int) -> RandomWorld:
    """A random world in which no venue is forced to fail."""
    return random_world(1_000 + number)


def run(number: int, policies: tuple[Policy, ...]) -> State:
    it = world(number)
    return it.model.prepare(it.net, policies).simulate(it.shock, seed=number)


@pytest.mark.parametrize("others", OTHERS)
@pytest.mark.parametrize("number", WORLDS)
def test_a_clone_of_halt_gives_its_bits(number: int, others: str) -> None:
    mixed = OTHERS[others]
    built_in = run(number, (ct.Halt(drop=0.05, window=300.0, length=180.0), *mixed))
    clone = run(number, (MyHalt(), *mixed))
    last = run(number, (*mixed, MyHalt()))
    for name in SAME:
        expected = getattr(built_in, name).tobytes()
        assert getattr(clone, name).tobytes() == expected, name
        assert getattr(last, name).tobytes() == expected, name
    assert np.array_equal(built_in.markets["halted_seconds"], clone.markets["halted_seconds"])


def test_the_halts_bite_in_most_worlds() -> None:
    halted = [run(number, (MyHalt(),)).markets["halted_seconds"].sum() > 0.0 for number in WORLDS]
    assert sum(halted) >= len(WORLDS) // 2


def test_two_clones_in_one_set_do_not_share_their_memory() -> None:
    clones = run(3, (MyHalt(drop=0.05), MyHalt(drop=0.15, length=300.0)))
    built_in = run(3, (ct.Halt(drop=0.05, length=180.0), ct.Halt(drop=0.15, length=300.0)))
    for name in SAME:
        assert getattr(clones, name).tobytes() == getattr(built_in, name).tobytes(), name
