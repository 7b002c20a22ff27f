"""Banks over a limit of leverage sell round after round: how far do their sales carry?

References
----------
Cont, Schaanning (2017), Fire sales, indirect contagion and systemic stress testing.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

import numpy as np

from contagion.arrays import FloatArray, real, whole
from contagion.errors import ConvergenceError, ValueRangeError
from contagion.holdings import Holdings, read_beside, read_holdings, same_money
from contagion.labels import Axis, axis_of
from contagion.propagation.firesales.deleveraging_results import Deleveraging, SaleRound
from contagion.propagation.firesales.engine import Sale, follow, opening
from contagion.propagation.firesales.impacts import FlooredExponential
from contagion.propagation.firesales.responses import LeverageThreshold

__all__ = ["cont_schaanning"]

MAX_LEVERAGE = 33.3
BACK_TO = 0.95  # of the limit
ENDLESS = 100_000


def cont_schaanning(
    holdings: Any,
    illiquid_holdings: Any,
    illiquid_stress: Any,
    equity: Any,
    price: Any,
    price_floor: Any,
    average_daily_volume: Any,
    volatility: Any,
    *,
    max_leverage: Any = MAX_LEVERAGE,
    target_leverage: Any = None,
    depth_coefficient: Any = 0.4,
    horizon_days: Any = 20.0,
    settlement_weight: Any = 0.5,
    max_rounds: int | None = None,
    banks: Any = None,
    securities: Any = None,
    units: Mapping[str, str] | None = None,
) -> Deleveraging:
    """Sales of banks over a limit of leverage, round after round until nobody sells; prices stay above a floor.

    Parameters
    ----------
    holdings : array_like, sparse or DataFrame, shape (n_banks, n_securities)
        Money at the start price, >= 0.
    illiquid_holdings : array_like, sparse or DataFrame, shape (n_banks, n_classes)
        Money in what cannot be sold, >= 0.
    illiquid_stress : array_like, Series or mapping, shape (n_classes,)
        Share of it that is lost in the beginning, in [0, 1].
    equity : array_like, Series or mapping, shape (n_banks,)
        Money before the stress, any sign; equity lost beyond 0 is 0, and such a bank sells everything.
    price, price_floor : array_like, Series or mapping, shape (n_securities,)
        Start price, > 0, and the lowest one, in [0, price).
    average_daily_volume, volatility : array_like, Series or mapping, shape (n_securities,)
        Money per day and return per square root of a day, > 0.
    max_leverage, target_leverage : float
        Assets over equity above which a bank acts, and to which it goes back (default 0.95 of the limit).
    depth_coefficient, horizon_days : float
        Market depth is ``depth_coefficient volume / volatility sqrt(horizon_days)``, both > 0.
    settlement_weight : float
        Share of a round's fall borne by what is sold in it, in [0, 1]: 0 old price, 1 new price.
    max_rounds : int, optional
        Rounds after which to stop; without it an endless sale is an error.
    banks, securities, units
        As in `greenwood_landier_thesmar`; units of `holdings`, `illiquid_holdings`, `equity`, `average_daily_volume`.

    Raises
    ------
    InputError
        If a number is refused, a floor is not in [0, price), shapes differ, labels do not match, or units differ.
    ConvergenceError
        If `max_rounds` is not given and sales do not end.

    Examples
    --------
    >>> found = cont_schaanning([[90], [70]], [[10], [20]], [0.0], [2.9, 4.5], [1], [0.5], [50], [0.02])
    >>> found.rounds_with_sales, found.total_loss.round(4).tolist()
    (2, [0.244, 0.2047])

    References
    ----------
    Cont, Schaanning (2017), Fire sales, indirect contagion and systemic stress testing.
    """
    same_money(units, ("holdings", "illiquid_holdings", "equity", "average_daily_volume"))
    table = read_holdings(holdings, "holdings", banks, securities)
    illiquid = read_beside(illiquid_holdings, "illiquid_holdings", table)
    classes = axis_of(None, np.asarray(illiquid.shape).tolist()[1], "columns", whose="illiquid_holdings")
    stress = classes.vector(illiquid_stress, "illiquid_stress", low=0.0, high=1.0)
    own = table.banks.vector(equity, "equity")
    start_price = table.securities.vector(price, "price", above=0.0)
    floor = table.securities.vector(price_floor, "price_floor", low=0.0)
    _below(floor, start_price, table.securities)
    volume = table.securities.vector(average_daily_volume, "average_daily_volume", above=0.0)
    sigma = table.securities.vector(volatility, "volatility", above=0.0)
    limit = real(max_leverage, "max_leverage", above=0.0)
    target = BACK_TO * limit if target_leverage is None else real(target_leverage, "target_leverage", low=0.0)
    weight = real(settlement_weight, "settlement_weight", low=0.0, high=1.0)
    depth = real(depth_coefficient, "depth_coefficient", above=0.0) * volume / sigma
    depth = depth * np.sqrt(real(horizon_days, "horizon_days", above=0.0))
    rounds = ENDLESS if max_rounds is None else whole(max_rounds, "max_rounds")
    lowest = floor / start_price
    scale = (1.0 - lowest) * depth
    lost = illiquid @ stress
    left = illiquid @ (1.0 - stress)
    after = np.maximum(own - lost, 0.0)
    sheet, state = opening(table, equity=after, illiquid=left)
    sale = Sale(sheet, LeverageThreshold(limit, target), FlooredExponential(lowest, scale), weight)
    listed: list[SaleRound] = []
    for cleared, _ in islice(follow(sale, state), rounds):
        listed.append(SaleRound.of(table, start_price, floor, cleared))
        if not (cleared.action.fraction > 0.0).any():
            break
    else:
        if max_rounds is None:
            _endless(listed[-1].delever_fraction, table)
    return Deleveraging(
        depth=table.securities.back(depth),
        impact_scale=table.securities.back(scale),
        equity_after_shock=table.banks.back(after),
        shock_loss=table.banks.back(lost),
        rounds=tuple(listed),
        start_price=table.securities.back(start_price),
        banks=table.banks.names,
        securities=table.securities.names,
    )


def _endless(fraction: FloatArray, table: Holdings) -> None:
    """Refuse to follow sales any longer."""
    raise ConvergenceError(
        "sales do not end",
        round=ENDLESS,
        gap=float(fraction.max()),
        worst=str(table.banks.name(int(table.banks.order.argsort()[fraction.argmax()]))),
        remedy="a target below the limit, or max_rounds",
    )


def _below(floor: FloatArray, price: FloatArray, axis: Axis) -> None:
    """Refuse a floor that is not below the start price."""
    wrong = np.flatnonzero(floor >= price)
    if len(wrong):
        place = wrong[0]
        raise ValueRangeError(
            f"is not below the price {price[place]:g}",
            where=f"price_floor of {axis.name(place)}",
            value=float(floor[place]),
            allowed="a floor in [0, price)",
        )
