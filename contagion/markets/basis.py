"""What should a future cost, and how far is a price from it? Carry, basis, inverse contracts and quotes that slip.

Numbers may be arrays of one shape over markets or positions. Times are years, rates per year with continuous
compounding.

References
----------
Hull (2018), "Options, Futures, and Other Derivatives", chapter 5, for cost of carry and convergence; Shleifer, Vishny
(1997), "The limits of arbitrage", Journal of Finance 52(1), for why the basis can widen all the same. Contract
specifications of BitMEX (XBTUSD) for the payout of inverse contracts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from contagion.arrays import fitted, reals
from contagion.errors import ValueRangeError
from contagion.markets.options import growth, times

HOURS_PER_YEAR: Final = 8760.0


@dataclass(frozen=True)
class CarryProfit:
    """Profit of cash and carry, money per unit: of the unit bought, of the future sold, interest paid, and the sum."""

    spot: Any
    future: Any
    interest: Any
    total: Any


@dataclass(frozen=True)
class InverseProfit:
    """Profit of inverse contracts, in coin and in money at the price that is reached, and the coin's sensitivities.

    `delta` is coin per money of the price, `gamma` its slope: negative for a long, whose losses in coin speed up.
    """

    coin: Any
    money: Any
    delta: Any
    gamma: Any


def funding_per_year(funding_rate: Any, *, interval_hours: Any) -> Any:
    """Cost of holding a perpetual for a year, from the rate of one interval.

    Parameters
    ----------
    funding_rate
        Fraction of the notional that longs pay per interval, any sign and shape.
    interval_hours
        Hours between payments, > 0.

    Returns
    -------
    numpy.float64 or numpy.ndarray
        ``rate 8760 / hours``, to be used as `rate` of `fair_future` where the other leg is a perpetual.

    Raises
    ------
    InputError
        If a number is out of range.

    Examples
    --------
    >>> float(funding_per_year(0.0001, interval_hours=8).round(4))
    0.1095
    """
    rate, hours = fitted(
        funding_rate=reals(funding_rate, "funding_rate"),
        interval_hours=reals(interval_hours, "interval_hours", above=0.0),
    )
    return (rate * (HOURS_PER_YEAR / hours))[()]


def fair_future(spot: Any, years: Any, *, rate: Any = 0.0, income: Any = 0.0) -> Any:
    """Price of a dated future that leaves no gain without risk.

    Parameters
    ----------
    spot
        Price of the asset, money per unit, > 0; that of a perpetual if it is the other leg.
    years
        Time to expiry, >= 0.
    rate
        What holding the asset costs per year: interest, or the funding of a perpetual (`funding_per_year`).
    income
        What the asset yields per year.

    Returns
    -------
    numpy.float64 or numpy.ndarray
        ``spot exp((rate - income) years)``; at expiry exactly the spot price.

    Raises
    ------
    ValueRangeError
        If a future is past expiry or a price is not positive; the message names the row.

    Examples
    --------
    >>> fair_future(100.0, [0.0, 0.25], rate=0.08).round(4)
    array([100.    , 102.0201])
    """
    price, left, cost, paid = fitted(
        spot=reals(spot, "spot", above=0.0),
        years=times(years),
        rate=reals(rate, "rate"),
        income=reals(income, "income"),
    )
    return (price * growth((cost - paid) * left))[()]


def relative_basis(price: Any, fair: Any) -> Any:
    """Distance of a price from the fair one, as a share of it: ``price / fair - 1``.

    Parameters
    ----------
    price, fair
        Money per unit, > 0, any shape. Fair is the index for a perpetual, `fair_future` for a dated future.

    Raises
    ------
    InputError
        If a price is not positive.

    Examples
    --------
    >>> float(relative_basis(101.0, 100.0).round(4))
    0.01
    """
    quoted, right = fitted(price=reals(price, "price", above=0.0), fair=reals(fair, "fair", above=0.0))
    return ((quoted - right) / right)[()]


def annualised_basis(future: Any, spot: Any, years: Any) -> Any:
    """Rate at which a future is fair: ``ln(future / spot) / years``, per year.

    Parameters
    ----------
    future, spot
        Money per unit, > 0, any shape.
    years
        Time to expiry, > 0.

    Raises
    ------
    ValueRangeError
        If a future is at or past expiry, where no rate explains a difference, or a price is not positive.

    Examples
    --------
    >>> float(annualised_basis(102.0, 100.0, 0.25).round(4))
    0.0792
    """
    left = times(years)
    if (left == 0.0).any():
        row = "".join(f"[{int(index)}]" for index in np.argwhere(left == 0.0)[0])
        raise ValueRangeError(
            "has expired", where=f"years{row}", value=0.0, allowed="> 0", remedy="use relative_basis()"
        )
    ahead, now, left = fitted(
        future=reals(future, "future", above=0.0), spot=reals(spot, "spot", above=0.0), years=left
    )
    return (np.log(ahead / now) / left)[()]


def carry_profit(
    spot: Any, future: Any, years: Any, settlement: Any, *, rate: Any = 0.0, spot_at_expiry: Any = None
) -> CarryProfit:
    """Profit per unit, at expiry, of buying the asset with borrowed money and selling a future against it.

    Parameters
    ----------
    spot, future
        Prices at which the legs are opened, money per unit, > 0.
    years
        Time to expiry, >= 0.
    settlement
        Price at which the future settles, > 0.
    rate
        Of the loan, per year.
    spot_at_expiry
        Price at which the asset is sold, > 0; the settlement price if left out.

    Returns
    -------
    CarryProfit
        The total is ``future - spot exp(rate years)`` whatever the price becomes, plus what the asset brings above the
        settlement price: the risk that is left is that of the settlement, and of not holding out until then.

    Raises
    ------
    InputError
        If a price is not positive or the future is past expiry.

    Examples
    --------
    >>> carry_profit(100.0, 103.0, 0.25, [50.0, 200.0], rate=0.04).total.round(4)
    array([1.995, 1.995])
    """
    settled = reals(settlement, "settlement", above=0.0)
    sold = settled if spot_at_expiry is None else reals(spot_at_expiry, "spot_at_expiry", above=0.0)
    bought, ahead, left, settled, cost, sold = fitted(
        spot=reals(spot, "spot", above=0.0),
        future=reals(future, "future", above=0.0),
        years=times(years),
        settlement=settled,
        rate=reals(rate, "rate"),
        spot_at_expiry=sold,
    )
    interest = bought * (growth(cost * left) - 1.0)
    long, short = sold - bought, ahead - settled
    return CarryProfit(long[()], short[()], interest[()], (long + short - interest)[()])


def inverse_profit(contracts: Any, entry_price: Any, price: Any) -> InverseProfit:
    """Profit of inverse contracts, each of 1 unit of money, settled in coin.

    Parameters
    ----------
    contracts
        C, money, positive long and negative short, any shape.
    entry_price, price
        Money per coin, > 0.

    Returns
    -------
    InverseProfit
        ``C (1 / entry - 1 / price)`` coin, worth ``(C / entry) (price - entry)``: in money the profit of ``C / entry``
        coins. A short of C contracts with ``C / entry`` coins of margin is worth C at every price.

    Raises
    ------
    InputError
        If a price is not positive.

    Examples
    --------
    >>> found = inverse_profit(100_000.0, 50_000.0, [40_000.0, 60_000.0])
    >>> found.coin.round(4), found.money
    (array([-0.5   ,  0.3333]), array([-20000.,  20000.]))
    """
    size, entry, now = fitted(
        contracts=reals(contracts, "contracts"),
        entry_price=reals(entry_price, "entry_price", above=0.0),
        price=reals(price, "price", above=0.0),
    )
    money = size / entry * (now - entry)
    return InverseProfit((money / now)[()], money[()], (size / now**2)[()], (-2.0 * size / now**3)[()])


def quoted_price(price: Any, quote_price: Any) -> Any:
    """Price in units of a quote asset: ``price / quote``. Below its peg, everything quoted in it looks dearer.

    Parameters
    ----------
    price
        Of the asset, money per unit, > 0, any shape.
    quote_price
        Of the quote asset, money per unit, > 0; 1 on its peg.

    Raises
    ------
    InputError
        If a price is not positive: of a quote asset without value nothing has a price.

    Examples
    --------
    >>> float(quoted_price(20_000.0, 0.95).round(2))
    21052.63
    """
    now, quote = fitted(
        price=reals(price, "price", above=0.0), quote_price=reals(quote_price, "quote_price", above=0.0)
    )
    return (now / quote)[()]


def cross_currency_basis(quoted: Any, quote_price: Any, reference: Any) -> Any:
    """What is left of the difference between two venues when both prices are in money.

    Parameters
    ----------
    quoted
        Price in units of the quote asset, > 0, any shape.
    quote_price
        Money per unit of the quote asset, > 0.
    reference
        Price elsewhere, in money, > 0.

    Returns
    -------
    numpy.float64 or numpy.ndarray
        ``quoted quote / reference - 1``; 0 where the quote asset explains all of it.

    Raises
    ------
    InputError
        If a price is not positive.

    Examples
    --------
    >>> float(cross_currency_basis(21_052.63, 0.95, 20_000.0).round(6))
    -0.0
    """
    price, quote = fitted(
        quoted=reals(quoted, "quoted", above=0.0), quote_price=reals(quote_price, "quote_price", above=0.0)
    )
    return relative_basis(price * quote, reference)
