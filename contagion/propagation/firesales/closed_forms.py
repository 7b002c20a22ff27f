"""How far does a cascade of triggers run? Small models with known answers, anchors for the large engine.

A row of positions closes where the price crosses their triggers, and each close moves the price on; with a
uniform density of triggers the total move is a geometric series; with random clusters their size is Borel.

References
----------
Otter (1949); Borel (1942): total progeny of a Poisson branching process. The cascades are derived for this
project. Spirals of liquidations at a fixed bonus, offered here too, are in `fixed_spread` with theirs, loops of one
trader and one market in `feedback`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from contagion.arrays import FloatArray, real, reals, word
from contagion.errors import InputError, ValueRangeError
from contagion.propagation.firesales import borel
from contagion.propagation.firesales.feedback import basis_unwind, gamma_feedback
from contagion.propagation.firesales.fixed_spread import (
    qin_two_step,
    toxic_liquidation,
    toxic_liquidation_cpamm,
)

__all__ = [
    "basis_unwind",
    "borel_cascade",
    "circuit_breaker_cascade",
    "discrete_cascade",
    "gamma_feedback",
    "linear_cascade",
    "qin_two_step",
    "toxic_liquidation",
    "toxic_liquidation_cpamm",
]

SLACK = 1e-12  # a position closes when the price is at most its trigger plus this


@dataclass(frozen=True)
class DiscreteCascade:
    """Who closes, in which wave, and where the price ends. Positions are counted from 0, ascending."""

    waves: tuple[tuple[int, ...], ...]
    liquidated: tuple[int, ...]
    final_price: float
    total_sold: float


@dataclass(frozen=True)
class CircuitBreakerCascade:
    """Who closes, the lowest and the last price, and the number of halts."""

    liquidated: tuple[int, ...]
    lowest_price: float
    last_price: float
    halts: int


@dataclass(frozen=True)
class LinearCascade:
    """Amplification of a move by a uniform density of triggers; None where the series diverges."""

    branching_ratio: float
    stable: bool
    amplification: float | None
    total_move: float | None
    forced_sales: float | None


@dataclass(frozen=True)
class BorelCascade:
    """Law of the size of a cascade: moments (None at branching ratio 1), P(size = k), P(size >= k)."""

    mean: float | None
    variance: float | None
    pmf: dict[int, float]
    tail: dict[int, float]


def discrete_cascade(
    liquidation_price: Any, size: Any, start_price: Any, *, impact: Any, impact_form: str = "linear"
) -> DiscreteCascade:
    """Close in full every position whose trigger the price has reached, in waves, until nobody is left to close.

    The end state is the least fixed point and does not depend on the order of processing.

    Parameters
    ----------
    liquidation_price
        Triggers of long positions, shape ``(n_positions,)``; there may be none.
    size
        Units each sells, >= 0, same shape.
    start_price
        Price before anybody sold, > 0.
    impact
        Fall per unit sold (linear) or of the log price per unit sold (exponential), >= 0.
    impact_form
        ``linear``: start - impact sold. ``exponential``: start exp(-impact sold).

    Raises
    ------
    InputError
        If shapes differ, a number is not finite or out of range, or the form is unknown.

    Examples
    --------
    >>> discrete_cascade([99.0, 98.0, 90.0], [50.0, 10.0, 10.0], 99.0, impact=0.02).waves
    ((0,), (1,))
    """
    triggers, sizes, start = _positions(liquidation_price, size, start_price)
    strength = real(impact, "impact", low=0.0)
    exponential = word(impact_form, "impact_form", ("linear", "exponential")) == "exponential"
    is_open = np.ones(len(triggers), dtype=bool)
    waves: list[tuple[int, ...]] = []
    price, sold = start, 0.0
    while (hit := is_open & (price <= triggers + SLACK)).any():
        waves.append(tuple(np.flatnonzero(hit).tolist()))
        is_open &= ~hit
        sold += float(sizes[hit].sum())
        price = start * math.exp(-strength * sold) if exponential else start - strength * sold
    return DiscreteCascade(tuple(waves), tuple(np.flatnonzero(~is_open).tolist()), price, sold)


def circuit_breaker_cascade(
    liquidation_price: Any,
    size: Any,
    start_price: Any,
    *,
    impact: Any,
    steps: Any,
    recovery: Any = 0.0,
    halt_drop: Any = None,
    halt_length: Any = 0,
    top_up: Any = 0.0,
) -> CircuitBreakerCascade:
    """Cascade in steps with linear impact that recovers, halts of trading, and triggers that fall while halted.

    With neither recovery nor top-up the end is that of `discrete_cascade`, whatever the halts (a negative
    control).

    Parameters
    ----------
    liquidation_price, size, start_price
        As in `discrete_cascade`.
    impact
        Fall of the price per unit sold, >= 0.
    steps
        Number of steps, a whole number >= 0.
    recovery
        Share of the impact that is gone at the next step, in [0, 1].
    halt_drop
        Fall from the reference (the start, then the price of the last halt) that starts a halt, in [0, 1];
        None: never.
    halt_length
        Steps of a halt, the first included.
    top_up
        Fall of every trigger in each halted step, >= 0.

    Raises
    ------
    InputError
        As in `discrete_cascade`.
    """
    triggers, sizes, start = _positions(liquidation_price, size, start_price)
    strength, gone = real(impact, "impact", low=0.0), real(recovery, "recovery", low=0.0, high=1.0)
    drop = math.inf if halt_drop is None else real(halt_drop, "halt_drop", low=0.0, high=1.0)
    length, relief = _whole(halt_length, "halt_length"), real(top_up, "top_up", low=0.0)
    is_open = np.ones(len(triggers), dtype=bool)
    price = lowest = reference = start
    displaced, left, halts = 0.0, 0, 0
    for _ in range(_whole(steps, "steps")):
        price = start - displaced
        lowest = min(lowest, price)
        volume, halted = 0.0, left > 0
        if not halted and price <= reference * (1.0 - drop):
            left, reference, halts, halted = length, price, halts + 1, True
        if halted:
            left -= 1
            triggers = triggers - relief
        else:
            hit = is_open & (price <= triggers + SLACK)
            is_open &= ~hit
            volume = float(sizes[hit].sum())
        displaced = displaced * (1.0 - gone) + strength * volume
    return CircuitBreakerCascade(tuple(np.flatnonzero(~is_open).tolist()), lowest, price, halts)


def linear_cascade(exogenous_move: Any, *, impact_per_unit: Any, liquidation_density: Any) -> LinearCascade:
    """Total move under linear impact and a uniform density of triggers: ``s / (1 - impact density)``.

    Parameters
    ----------
    exogenous_move
        Move of the price from outside, signed.
    impact_per_unit
        Move of the price per unit sold, >= 0.
    liquidation_density
        Units that close per unit of price, >= 0.

    Raises
    ------
    InputError
        If a number is not finite, or impact or density is negative.

    Examples
    --------
    >>> linear_cascade(-1.0, impact_per_unit=0.02, liquidation_density=25.0).total_move
    -2.0
    """
    move = real(exogenous_move, "exogenous_move")
    ratio = real(impact_per_unit, "impact_per_unit", low=0.0) * real(
        liquidation_density, "liquidation_density", low=0.0
    )
    if not ratio < 1.0:
        return LinearCascade(ratio, False, None, None, None)
    total = move / (1.0 - ratio)
    return LinearCascade(ratio, True, 1.0 / (1.0 - ratio), total, float(liquidation_density) * abs(total))


def borel_cascade(
    pmf_at: Iterable[Any] = (), tail_at: Iterable[Any] = (), *, branching_ratio: Any
) -> BorelCascade:
    """Law of the number of closes that one close sets off, itself included: ``exp(-nk) (nk)^(k-1) / k!``.

    Parameters
    ----------
    pmf_at, tail_at
        Sizes k, whole numbers >= 0, at which P(size = k) and P(size >= k) are wanted.
    branching_ratio
        Mean number n of closes that one close causes directly, in [0, 1].

    Raises
    ------
    InputError
        If the ratio is outside [0, 1] or a size is not a whole number.

    Examples
    --------
    >>> borel_cascade([1], [1, 2], branching_ratio=0.5)
    BorelCascade(mean=2.0, variance=4.0, pmf={1: 0.6065306597126334}, tail={1: 1.0, 2: 0.39346934028736663})
    """
    ratio = real(branching_ratio, "branching_ratio", low=0.0, high=1.0)
    sizes = [_whole(k, "pmf_at") for k in _listed(pmf_at, "pmf_at")]
    bounds = [_whole(k, "tail_at") for k in _listed(tail_at, "tail_at")]
    return BorelCascade(
        mean=1.0 / (1.0 - ratio) if ratio < 1.0 else None,
        variance=ratio / (1.0 - ratio) ** 3 if ratio < 1.0 else None,
        pmf={k: borel.probability(k, ratio) for k in sizes},
        tail={k: borel.tail(k, ratio) for k in bounds},
    )


def _positions(liquidation_price: Any, size: Any, start_price: Any) -> tuple[FloatArray, FloatArray, float]:
    """Check a book of positions."""
    triggers = reals(liquidation_price, "liquidation_price", dimensions=1)
    sizes = reals(size, "size", low=0.0, dimensions=1)
    if len(triggers) != len(sizes):
        raise InputError(
            f"has length {len(sizes)}, liquidation_price {len(triggers)}",
            where="size",
            allowed="equal lengths",
        )
    return triggers, sizes, real(start_price, "start_price", above=0.0)


def _whole(value: Any, where: str) -> int:
    """Check a whole number >= 0."""
    number = real(value, where, low=0.0)
    if number != math.floor(number):
        raise ValueRangeError("is not a whole number", where=where, value=value)
    return int(value)


def _listed(values: Any, where: str) -> list[Any]:
    """Check that something is a list of numbers."""
    return [value.item() if isinstance(value, np.generic) else value for value in _iterate(values, where)]


def _iterate(values: Any, where: str) -> list[Any]:
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise InputError("is not a list", where=where, value=values, allowed="a list of sizes")
    return list(values)
