"""At which price is nothing left of a linear position, and what does a fill beyond it cost the fund?

References
----------
Help pages of OKX, Bybit and BitMEX on the bankruptcy price and the insurance fund.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from contagion.arrays import fitted, reals, sides
from contagion.margin.brackets import floored


@dataclass(frozen=True)
class InsuranceDelta:
    """What a fill brings to the insurance fund (negative: costs), and the part that it costs; money."""

    insurance_delta: Any
    shortfall: Any


def bankruptcy_price_linear(
    side: Any, size: Any, entry_price: Any, wallet_balance: Any, *, taker_fee: Any = 0.0
) -> Any:
    """Price at which the equity of a position is zero.

    Parameters
    ----------
    side
        1 (long) or -1 (short), any shape.
    size
        In base units, >= 0.
    entry_price
        Money per unit, > 0.
    wallet_balance
        Money given to the position, before unrealised profit; any sign.
    taker_fee
        Fee of closing as a fraction of the value, in [0, 1]; OKX and Bybit count it in.

    Returns
    -------
    numpy.float64 or numpy.ndarray
        ``max(0, (entry - s W / q) / (1 - s f))``; nan for a size of 0.

    Raises
    ------
    InputError
        If a number is out of range.

    Examples
    --------
    >>> float(bankruptcy_price_linear(1, 2, 60_000, 12_000))
    54000.0
    """
    sign, units, entry, balance, fee = fitted(
        side=sides(side, "side"),
        size=reals(size, "size", low=0.0),
        entry_price=reals(entry_price, "entry_price", above=0.0),
        wallet_balance=reals(wallet_balance, "wallet_balance"),
        taker_fee=reals(taker_fee, "taker_fee", low=0.0, high=1.0),
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        price = (entry - sign * balance / units) / (1.0 - sign * fee)
    return floored(price, (units > 0) & (sign * fee < 1.0))


def insurance_delta_linear(side: Any, size: Any, bankruptcy_price: Any, fill_price: Any) -> InsuranceDelta:
    """What is left, or missing, when a position taken over at its bankruptcy price is filled.

    Parameters
    ----------
    side
        1 (long) or -1 (short), any shape.
    size
        In base units, >= 0.
    bankruptcy_price
        Money per unit; may be 0.
    fill_price
        Money per unit, > 0.

    Returns
    -------
    InsuranceDelta
        ``s q (fill - bankruptcy)``, positive to the fund; shortfall is its negative part.

    Raises
    ------
    InputError
        If a number is out of range.

    Examples
    --------
    >>> insurance_delta_linear(1, 1, 8730, 8700)
    InsuranceDelta(insurance_delta=np.float64(-30.0), shortfall=np.float64(30.0))
    """
    sign, units, bankrupt, fill = fitted(
        side=sides(side, "side"),
        size=reals(size, "size", low=0.0),
        bankruptcy_price=reals(bankruptcy_price, "bankruptcy_price", low=0.0),
        fill_price=reals(fill_price, "fill_price", above=0.0),
    )
    delta = sign * units * (fill - bankrupt)
    return InsuranceDelta(delta[()], np.maximum(-delta, 0.0)[()])
