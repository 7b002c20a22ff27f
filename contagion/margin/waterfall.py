"""Who pays when a liquidated position is sold? The account, the insurance fund, then profitable accounts.

Numbers may be arrays over accounts; each account then meets a fund of its own. Money is conserved: equity plus
fund before is, after what the sale lost to its own impact, what is returned plus the fund after, less the
residual.

References
----------
Insurance funds of Binance, Bybit and Deribit; the newsvendor's critical ratio for the size of a fund.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from contagion.arrays import FloatArray, fitted, reals, sides
from contagion.errors import SchemaError
from contagion.margin.brackets import floored


@dataclass(frozen=True)
class Waterfall:
    """Prices (nan for a size of 0) and flows of money of one liquidation."""

    execution_price: Any
    bankruptcy_price: Any
    shortfall: Any
    surplus: Any
    fee: Any
    fee_collected: Any
    fund_pays: Any
    adl_residual: Any
    returned: Any
    fund_after: Any


@dataclass(frozen=True)
class FundSize:
    """Share of cases that a fund of this size covers, and its size in money."""

    level: Any
    insurance_fund: Any


def liquidation_fee(
    size: Any,
    mark_price: Any,
    execution_price: Any,
    *,
    fee_fixed: Any,
    fee_on_mark: Any,
    fee_on_execution: Any,
) -> Any:
    """Fee of a liquidation: ``fixed + q (on_mark M + on_execution p)``.

    Parameters
    ----------
    size
        In base units, >= 0, any shape.
    mark_price, execution_price
        Money per unit, > 0.
    fee_fixed
        Money, >= 0.
    fee_on_mark, fee_on_execution
        Fractions of the value at the mark and at the execution price, >= 0.

    Raises
    ------
    InputError
        If a number is out of range.

    Examples
    --------
    >>> fee = liquidation_fee(0.5, 1.3, 1.32, fee_fixed=0, fee_on_mark=0.002, fee_on_execution=0.001)
    >>> float(fee.round(5))
    0.00196
    """
    units, mark, price = fitted(
        size=reals(size, "size", low=0.0),
        mark_price=reals(mark_price, "mark_price", above=0.0),
        execution_price=reals(execution_price, "execution_price", above=0.0),
    )
    return _fee(units, mark, price, *_fees(fee_fixed, fee_on_mark, fee_on_execution))[()]


def liquidation_waterfall(
    side: Any,
    size: Any,
    mark_price: Any,
    equity: Any,
    insurance_fund: Any,
    *,
    slope: Any,
    fee_fixed: Any,
    fee_on_mark: Any,
    fee_on_execution: Any,
    surplus_to_fund: bool = False,
) -> Waterfall:
    """Sell a whole position into a linear book and send every part of the money where it belongs.

    Parameters
    ----------
    side
        1 (long) or -1 (short), any shape.
    size
        In base units, >= 0; of a size of 0 nothing is sold and no money moves.
    mark_price
        Money per unit, > 0.
    equity
        At the mark, money, any sign.
    insurance_fund
        Money, >= 0.
    slope
        Fall of the price per unit sold, >= 0: the sale is executed at ``M - s slope q / 2``, at least 0.
    fee_fixed, fee_on_mark, fee_on_execution
        As in `liquidation_fee`; collected only from what the sale leaves.
    surplus_to_fund
        Whether the rest of the surplus goes to the fund; else it is returned to the owner.

    Returns
    -------
    Waterfall
        Arrays of the broadcast shape. The fund pays what it can of the shortfall; `adl_residual` is the rest.

    Raises
    ------
    InputError
        If a number is out of range.

    Examples
    --------
    >>> found = liquidation_waterfall(1, 10, 95, 40, 50, slope=0.05, fee_fixed=0, fee_on_mark=0.004,
    ...                               fee_on_execution=0)
    >>> round(float(found.returned), 4), round(float(found.fund_after), 4)
    (33.7, 53.8)
    """
    if not isinstance(surplus_to_fund, (bool, np.bool_)):
        raise SchemaError("is no truth value", where="surplus_to_fund", value=surplus_to_fund)
    fees = _fees(fee_fixed, fee_on_mark, fee_on_execution)
    sign, units, mark, worth, fund, fall, fixed, on_mark, on_execution = fitted(
        side=sides(side, "side"),
        size=reals(size, "size", low=0.0),
        mark_price=reals(mark_price, "mark_price", above=0.0),
        equity=reals(equity, "equity"),
        insurance_fund=reals(insurance_fund, "insurance_fund", low=0.0),
        slope=reals(slope, "slope", low=0.0),
        fee_fixed=fees[0],
        fee_on_mark=fees[1],
        fee_on_execution=fees[2],
    )
    price = np.maximum(mark - sign * fall * units / 2.0, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        bankrupt = mark - sign * worth / units
    # s q (p - bankruptcy) without the division, so that a bankruptcy price below zero loses no money
    outcome = np.where(units > 0, worth + sign * units * (price - mark), 0.0)
    shortfall, surplus = np.maximum(-outcome, 0.0), np.maximum(outcome, 0.0)
    fee = _fee(units, mark, price, fixed, on_mark, on_execution)
    collected = np.minimum(fee, surplus)
    pays = np.minimum(fund, shortfall)
    rest = surplus - collected
    kept, returned = (rest, np.zeros(rest.shape)) if surplus_to_fund else (np.zeros(rest.shape), rest)
    return Waterfall(
        np.where(units > 0, price, np.nan)[()],
        floored(bankrupt, units > 0),
        shortfall[()],
        surplus[()],
        fee[()],
        collected[()],
        pays[()],
        (shortfall - pays)[()],
        returned[()],
        (fund - pays + collected + kept)[()],
    )


def insurance_fund_newsvendor(losses: Any, *, capital_cost: Any, social_cost: Any) -> FundSize:
    """Size of a fund that weighs the cost of its capital against that of losses beyond it.

    Parameters
    ----------
    losses
        Sample of losses, money, >= 0, shape ``(n,)`` with n >= 1.
    capital_cost
        Per unit of fund, >= 0.
    social_cost
        Per unit of loss beyond the fund, > 0.

    Returns
    -------
    FundSize
        ``level = 1 - capital_cost / social_cost``; the fund is the ``ceil(level n)``-th smallest loss, at least
        the first. It minimises ``capital_cost F + social_cost E(D - F)+``.

    Raises
    ------
    InputError
        If a number is out of range or there is no loss.

    Examples
    --------
    >>> insurance_fund_newsvendor([0, 0, 0, 1, 2, 4, 7, 12, 30, 80], capital_cost=0.15, social_cost=1)
    FundSize(level=np.float64(0.85), insurance_fund=np.float64(30.0))
    """
    sample = np.sort(reals(losses, "losses", low=0.0, dimensions=1))
    cost, social = fitted(
        capital_cost=reals(capital_cost, "capital_cost", low=0.0),
        social_cost=reals(social_cost, "social_cost", above=0.0),
    )
    if len(sample) == 0:
        raise SchemaError("is empty", where="losses", allowed="at least one loss")
    level = 1.0 - cost / social
    noise = 4.0 * len(sample) * np.finfo(np.float64).eps  # 0.93 * 100 must not become the 94th
    rank = np.maximum(np.ceil(level * len(sample) - noise), 1.0).astype(np.int64)
    return FundSize(level[()], sample[rank - 1][()])


def _fees(fixed: Any, on_mark: Any, on_execution: Any) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Checked fees."""
    return (
        reals(fixed, "fee_fixed", low=0.0),
        reals(on_mark, "fee_on_mark", low=0.0),
        reals(on_execution, "fee_on_execution", low=0.0),
    )


def _fee(
    size: FloatArray,
    mark: FloatArray,
    price: FloatArray,
    fixed: FloatArray,
    on_mark: FloatArray,
    on_execution: FloatArray,
) -> FloatArray:
    """Fee of checked arrays."""
    return np.asarray(fixed + size * (on_mark * mark + on_execution * price))
