"""At which price does Maker auction collateral? Falling prices of version 2, rising bids of version 1.2.

Every number may be an array over auctions; results have the broadcast shape.

References
----------
MakerDAO: Liquidations 2.0 (auction price functions of the `Abacus` contracts); `Flipper` of version 1.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from contagion.arrays import FloatArray, fitted, reals, word
from contagion.errors import PolicyError, SchemaError

SHAPES = ("linear", "exponential", "stairstep")


@dataclass(frozen=True)
class TimeToPar:
    """Steps (whole numbers) and seconds until the price is at or below the oracle price."""

    steps: Any
    time_s: Any


@dataclass(frozen=True)
class FlipAuction:
    """Money: amount to raise, raised, missing; gain of the winning keeper; value the owner did not get back."""

    tab: Any
    recovered: Any
    bad_debt: Any
    keeper_gain: Any
    owner_surplus_lost: Any


def maker_dutch_auction(
    time_s: Any,
    *,
    shape: str,
    top_price: Any = None,
    oracle_price: Any = None,
    buffer: Any = None,
    tau_s: Any = None,
    cut: Any = None,
    step_s: Any = None,
) -> Any:
    """Price of an auction that falls from a top.

    Parameters
    ----------
    time_s
        Seconds since the start, >= 0, any shape.
    shape
        ``linear``: ``top max(0, 1 - t/tau_s)``. ``exponential``: ``top cut^t``. ``stairstep``:
        ``top cut^floor(t/step_s)``.
    top_price, oracle_price, buffer
        Either the top (money, > 0), or the oracle price (money, > 0) and the buffer (> 0) whose product is
        the top.
    tau_s, cut, step_s
        As the shape needs them: seconds > 0; factor in (0, 1] per second or per step; seconds > 0.

    Returns
    -------
    numpy.float64 or numpy.ndarray
        Money per unit.

    Raises
    ------
    InputError
        If the shape is unknown, a number is out of range or one that is needed is missing.

    Examples
    --------
    >>> float(maker_dutch_auction(360, shape="linear", top_price=1000, tau_s=3600))
    900.0
    """
    known = word(shape, "shape", SHAPES)
    seconds = reals(time_s, "time_s", low=0.0)
    top = _top(top_price, oracle_price, buffer)
    if known == "linear":
        tau = _needed(tau_s, "tau_s", known)
        seconds, top, tau = fitted(time_s=seconds, top_price=top, tau_s=tau)
        return (top * np.maximum(0.0, 1.0 - seconds / tau))[()]
    factor = _needed(cut, "cut", known, high=1.0)
    if known == "stairstep":
        step = _needed(step_s, "step_s", known)
        seconds, step = fitted(time_s=seconds, step_s=step)
        seconds = np.floor(seconds / step)
    seconds, top, factor = fitted(time_s=seconds, top_price=top, cut=factor)
    return (top * factor**seconds)[()]


def maker_time_to_par(buffer: Any, cut: Any, step_s: Any) -> TimeToPar:
    """Time a stair-step auction takes from its top to the oracle price.

    Parameters
    ----------
    buffer
        Top over oracle price, > 0, any shape.
    cut
        Factor per step, in (0, 1).
    step_s
        Seconds, > 0.

    Returns
    -------
    TimeToPar
        The smallest whole n >= 0 with ``buffer cut^n <= 1``, and ``n step_s``.

    Raises
    ------
    InputError
        If a number is out of range.

    Examples
    --------
    >>> found = maker_time_to_par(1.3, 0.99, 90)
    >>> int(found.steps), float(found.time_s)
    (27, 2430.0)
    """
    top = reals(buffer, "buffer", above=0.0)
    factor = reals(cut, "cut", above=0.0, below=1.0)
    step = reals(step_s, "step_s", above=0.0)
    top, factor, step = fitted(buffer=top, cut=factor, step_s=step)
    guess = np.maximum(0.0, np.floor(np.log(top) / -np.log(factor)) - 1.0)
    for _ in range(3):  # the logarithms are off by one step at most; the rule decides
        guess = np.where(top * factor**guess > 1.0, guess + 1.0, guess)
    return TimeToPar(guess.astype(np.int64)[()], (guess * step)[()])


def maker_flip_auction(
    lot: Any, oracle_price: Any, debt: Any, winning_bid: Any, *, penalty: Any
) -> FlipAuction:
    """Outcome of an auction of a lot for its debt and a penalty, without a reserve price.

    Parameters
    ----------
    lot
        Units of collateral, >= 0, any shape.
    oracle_price
        Money per unit, > 0.
    debt, winning_bid
        Money, >= 0.
    penalty
        Fraction of the debt, >= 0.

    Raises
    ------
    InputError
        If a number is out of range.

    Examples
    --------
    >>> float(maker_flip_auction(50, 117, 3900, 0, penalty=0.13).bad_debt)
    3900.0
    """
    units = reals(lot, "lot", low=0.0)
    price = reals(oracle_price, "oracle_price", above=0.0)
    owed = reals(debt, "debt", low=0.0)
    bid = reals(winning_bid, "winning_bid", low=0.0)
    extra = reals(penalty, "penalty", low=0.0)
    units, price, owed, bid, extra = fitted(
        lot=units, oracle_price=price, debt=owed, winning_bid=bid, penalty=extra
    )
    tab = owed * (1.0 + extra)
    recovered, value = np.minimum(bid, tab), units * price
    return FlipAuction(
        tab[()],
        recovered[()],
        np.maximum(0.0, owed - recovered)[()],
        (value - bid)[()],
        np.maximum(0.0, value - tab)[()],
    )


def _top(top_price: Any, oracle_price: Any, buffer: Any) -> FloatArray:
    """Price at the start, from one of the two ways to give it."""
    if top_price is not None:
        if oracle_price is not None or buffer is not None:
            raise PolicyError(
                "is given twice", where="top_price", allowed="top_price, or oracle_price and buffer"
            )
        return reals(top_price, "top_price", above=0.0)
    for name, value in (("oracle_price", oracle_price), ("buffer", buffer)):
        if value is None:
            raise SchemaError("is missing", where=name, allowed="top_price, or oracle_price and buffer")
    oracle, above = reals(oracle_price, "oracle_price", above=0.0), reals(buffer, "buffer", above=0.0)
    oracle, above = fitted(oracle_price=oracle, buffer=above)
    return np.asarray(oracle * above)


def _needed(value: Any, name: str, shape: str, high: float = np.inf) -> FloatArray:
    """A number > 0 that the shape needs."""
    if value is None:
        raise SchemaError("is missing", where=name, allowed=f"a number > 0; shape {shape!r} needs it")
    return reals(value, name, above=0.0, high=high)
