"""Which prices follow from the sales they cause? Banks that never exceed a leverage: least sales, most sales.

References
----------
Breuer, Summer, Urosevic (2021), OeNB working paper 235.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from contagion.arrays import FloatArray, real, reals
from contagion.claims import labels_of
from contagion.errors import SchemaError
from contagion.holdings import read_holdings, same_money
from contagion.labels import Axis, join, labels
from contagion.propagation.firesales.deleveraging_results import PriceRange
from contagion.propagation.firesales.engine import Sale, fixed_point, opening
from contagion.propagation.firesales.impacts import SquareRootImpact
from contagion.propagation.firesales.responses import LeverageThreshold

__all__ = ["breuer_summer_urosevic"]


def breuer_summer_urosevic(
    holdings: Any,
    illiquid_assets: Any,
    equity: Any,
    market: Any,
    *,
    max_leverage: Any,
    impact_scale: Any,
    banks: Any = None,
    securities: Any = None,
    units: Mapping[str, str] | None = None,
) -> PriceRange:
    """Prices that follow from the sales they cause, with the least and with the most sales.

    Parameters
    ----------
    holdings : array_like, sparse or DataFrame, shape (n_banks, n_securities)
        Money at the start price, >= 0.
    illiquid_assets : array_like, Series or mapping, shape (n_banks,)
        Money in what cannot be sold, >= 0.
    equity : array_like, Series or mapping, shape (n_banks,)
        Money after the first losses, any sign.
    market : mapping or DataFrame
        Columns `securities` (or the index of a frame), `volatility`, `average_daily_volume`, > 0, in any order of rows:
        joined by name.
    max_leverage : float
        Assets over equity that no bank exceeds after its sales, > 0.
    impact_scale : float
        The fall is ``volatility impact_scale sqrt(sold / average_daily_volume)``, at most 1; >= 0.
    banks, securities, units
        As in `greenwood_landier_thesmar`; units of `holdings`, `illiquid_assets`, `equity`, `average_daily_volume`.

    Raises
    ------
    InputError
        If a number is refused, shapes differ, or a label is there twice, is missing or not expected.
    ConvergenceError
        If prices do not settle.

    Examples
    --------
    >>> market = {"securities": ["S1"], "volatility": [1.0], "average_daily_volume": [45454.5]}
    >>> found = breuer_summer_urosevic([[145], [435], [300]], [1170, 1245, 1190], [28, 80, 65], market,
    ...     max_leverage=40, impact_scale=1.0, securities=["S1"])
    >>> found.price_return_lower.round(4), found.price_return_upper.round(4), found.unique
    (array([-0.0565]), array([-0.1391]), False)

    References
    ----------
    Breuer, Summer, Urosevic (2021), OeNB working paper 235.
    """
    same_money(units, ("holdings", "illiquid_assets", "equity", "average_daily_volume"))
    table = read_holdings(holdings, "holdings", banks, securities)
    illiquid = table.banks.vector(illiquid_assets, "illiquid_assets", low=0.0)
    own = table.banks.vector(equity, "equity")
    sigma, volume = _market(market, table.securities)
    limit = real(max_leverage, "max_leverage", above=0.0)
    impact = SquareRootImpact(sigma, volume, real(impact_scale, "impact_scale", low=0.0))
    sheet, state = opening(table, equity=own, illiquid=illiquid)
    sale = Sale(sheet, LeverageThreshold(limit, limit, worthless_too=True), impact)
    ends = [fixed_point(sale, state, most_sales=most) for most in (False, True)]
    return PriceRange.of(table, ends[0], ends[1])


def _market(market: Any, axis: Axis) -> tuple[FloatArray, FloatArray]:
    """Volatility and volume of every security, joined by name."""
    table, names = dict(market.items()) if hasattr(market, "items") else {}, None
    if isinstance(market, pd.DataFrame) and "securities" not in market:
        names = labels_of(market.index)
    elif "securities" in table:
        names = labels(table["securities"], "market, securities")
    for column in ("volatility", "average_daily_volume"):
        if column not in table:
            raise SchemaError(
                f"has no column {column!r}", where="market", allowed="volatility, average_daily_volume"
            )
    if (names is None) != (axis.names is None):
        raise SchemaError(
            "and holdings must both have labels of securities, or neither",
            where="market",
            allowed="labels on both sides: no joins by position",
        )
    found = []
    for column in ("volatility", "average_daily_volume"):
        values = reals(table[column], column, above=0.0, dimensions=1)
        size = axis.n if names is None else len(names)
        if len(values) != size:
            raise SchemaError(
                f"has length {len(values)}, the market has {size} securities", where=f"market, {column}"
            )
        if names is not None and axis.names is not None:
            values = values[join(axis.names, names, "market, securities")]
        found.append(values[axis.order])
    return found[0], found[1]
