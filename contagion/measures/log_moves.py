"""At which logarithmic move is each account closed, when the price of asset ``a`` is ``S_a exp(d_a t)``?

Where all prices that an account depends on share one ``d`` this is the linear move ``exp(d t) - 1`` in other units, and
exact. Otherwise health is no longer concave in ``t`` and may cross 0 several times; what is looked for is the
first time. Health is a difference of two convex functions,

    ``P(t) = cash + Σ long q S exp(d t)``  and  ``N(t) = Σ short |q| S exp(d t) + Σ requirement(|q| S exp(d t))``,

because a requirement is convex and rising and ``exp`` is convex. Between ``a`` and ``b`` P lies above its tangents, N
below its chord: where even these stay apart nothing is closed in between, and the search goes on from ``b``;
where they do not, it goes half as far. No crossing is ever jumped over.

References
----------
Bounds of a difference of convex functions by tangents and chords: Horst, Tuy (1996), "Global optimization", chapter 10.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from contagion.measures.books import Book, Floats, closing_moves

LONGEST = 20.0
"""Largest logarithmic move of any price that is looked at: prices up to e^20 times and down to e^-20 of today's."""
SMALLEST = 2.0**-48
ROUNDING = 2.0**-50
FIRST = 0.125
MOST_STEPS = 2_000


def closing_log_moves(legs: Book, sign: int) -> Floats:
    """Return the logarithmic move at which each account is closed on one side of today's prices.

    Parameters
    ----------
    legs : Book
        The accounts; ``direction`` is the logarithmic move of each price when the common move is 1.
    sign : {-1, 1}
        Negative or positive common moves.

    Returns
    -------
    ndarray, shape (n_accounts,)
        NaN for an account that no move within `LONGEST` closes, 0 for one whose health is negative already.
    """
    size = len(legs.cash)
    low, high = _range(legs, size)
    mixed = low < high
    shared = np.where(np.isfinite(low), low, 1.0)
    moves = _of_one_direction(legs, shared, sign)
    if mixed.any():
        moves[mixed] = _first_crossing(only(legs, mixed), sign)
    return moves


def _range(legs: Book, size: int) -> tuple[Floats, Floats]:
    """Return the smallest and the largest nonzero direction of each account; +inf and -inf without one."""
    low, high = np.full(size, np.inf), np.full(size, -np.inf)
    for account, direction in ((legs.account, legs.direction), (legs.coin_account, legs.coin_direction)):
        moving = direction != 0.0
        np.minimum.at(low, account[moving], direction[moving])
        np.maximum.at(high, account[moving], direction[moving])
    return low, high


def _of_one_direction(legs: Book, shared: Floats, sign: int) -> Floats:
    """Return the moves of accounts whose prices all move by one direction; the others' mean nothing."""
    size = len(legs.cash)
    plain = replace(
        legs,
        direction=(legs.direction != 0.0).astype(np.float64),
        cash_slope=np.bincount(legs.coin_account, legs.coin_value, size).astype(np.float64),
        coin_direction=np.ones_like(legs.coin_direction),
        lowest=-1.0,
        highest=float(np.expm1(LONGEST)),
    )
    down = sign * shared < 0.0
    fall = closing_moves(plain, plain.lowest) if down.any() else np.full(size, np.nan)
    rise = fall if down.all() else closing_moves(plain, plain.highest)
    linear = np.where(down, fall, rise)
    with np.errstate(divide="ignore"):
        moves = np.log1p(linear) / shared + 0.0
    return np.where(np.abs(moves * shared) <= LONGEST, moves, np.nan)


def only(legs: Book, kept: NDArray[np.bool_]) -> Book:
    """Return the book of some accounts alone."""
    number = np.cumsum(kept) - 1
    leg, coin = kept[legs.account], kept[legs.coin_account]
    return replace(
        legs,
        account=number[legs.account[leg]],
        market=legs.market[leg],
        quantity=legs.quantity[leg],
        price=legs.price[leg],
        direction=legs.direction[leg],
        rates=legs.rates[:, leg],
        amounts=legs.amounts[:, leg],
        pair=legs.pair[leg],
        offset=legs.offset[leg],
        count=legs.count[leg],
        cash=legs.cash[kept],
        cash_slope=legs.cash_slope[kept],
        coin_account=number[legs.coin_account[coin]],
        coin_value=legs.coin_value[coin],
        coin_direction=legs.coin_direction[coin],
    )


def _first_crossing(legs: Book, sign: int) -> Floats:
    """Return the first move of each account at which its health is negative."""
    low, high = _range(legs, len(legs.cash))
    fastest = np.maximum(-low, high)
    end = LONGEST / fastest
    found = np.full(len(end), np.nan)
    places = np.arange(len(end))
    start, width = np.zeros(len(end)), FIRST / fastest
    here = _parts(legs, sign, start)
    closed = here[0] - here[2] < 0.0
    found[closed] = 0.0
    going = ~closed
    for _ in range(MOST_STEPS):
        if not going.all():
            legs, places, end = only(legs, going), places[going], end[going]
            start, width = start[going], width[going]
            here = tuple(part[going] for part in here)
        if not len(places):
            break
        ahead = np.minimum(start + width, end)
        there = _parts(legs, sign, ahead)
        free = _stays_healthy(here, there, ahead - start)
        start = np.where(free, ahead, start)
        here = tuple(np.where(free, new, old) for new, old in zip(there, here, strict=True))
        width = np.where(free, 2.0 * width, 0.5 * width)
        met = ~free & (width <= SMALLEST * np.maximum(end, 1.0))
        found[places[met]] = sign * start[met]
        going = ~met & (start < end)
    return found


def _stays_healthy(here: tuple[Floats, ...], there: tuple[Floats, ...], width: Floats) -> NDArray[np.bool_]:
    """Return whether health cannot be negative between two moves, from values and slopes at both."""
    gain, gain_slope, need, _ = here
    gain_end, gain_end_slope, need_end, _ = there
    bend = gain_end_slope - gain_slope
    with np.errstate(divide="ignore", invalid="ignore"):
        meet = (gain - gain_end + gain_end_slope * width) / bend
        meet = np.where(bend > 0.0, np.clip(meet, 0.0, width), 0.0)
        chord = need + (need_end - need) * np.where(width > 0.0, meet / width, 0.0)
    slack = ROUNDING * (np.abs(gain) + np.abs(need))
    apart = gain + gain_slope * meet - chord >= -slack
    return (gain_end >= need_end) & (apart | (meet <= 0.0))


def _parts(legs: Book, sign: int, move: Floats) -> tuple[Floats, ...]:
    """Return P, its slope, N and its slope at moves away from today's prices, each ``(n_accounts,)``."""
    size = len(legs.cash)
    step, coin_step = sign * legs.direction, sign * legs.coin_direction
    with np.errstate(over="ignore"):
        prices = legs.price * np.exp(step * move[legs.account])
        coins = legs.coin_value * np.exp(coin_step * move[legs.coin_account])
    required, rate = legs.requirement(prices)
    money = np.abs(legs.quantity) * prices
    gain, gain_slope = legs.cash - np.bincount(legs.coin_account, legs.coin_value, size), np.zeros(size)
    need, need_slope = np.zeros(size), np.zeros(size)
    for account, side, value, slope in (
        (legs.account, legs.quantity > 0.0, money, step),
        (legs.coin_account, coins > 0.0, np.abs(coins), coin_step),
    ):
        gain += np.bincount(account, np.where(side, value, 0.0), size)
        gain_slope += np.bincount(account, np.where(side, value * slope, 0.0), size)
        need += np.bincount(account, np.where(side, 0.0, value), size)
        need_slope += np.bincount(account, np.where(side, 0.0, value * slope), size)
    need += np.bincount(legs.account, required, size)
    need_slope += np.bincount(legs.account, rate * money * step, size)
    return gain, gain_slope, need, need_slope
