"""Why is a system of banks vulnerable: because it is large, levered, or invested in what nobody buys?

References
----------
Duarte, Eisenbach (2021), Journal of Finance 76.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contagion.errors import SchemaError
from contagion.propagation.firesales.targeting_results import SystemicDecomposition
from contagion.propagation.firesales.targeting_sheet import read_sheet

__all__ = ["duarte_eisenbach"]


def duarte_eisenbach(
    total_assets: Any,
    equity: Any,
    weights: Any,
    shock: Any,
    price_impact: Any,
    *,
    banks: Any = None,
    securities: Any = None,
    units: Mapping[str, str] | None = None,
) -> SystemicDecomposition:
    """Aggregate vulnerability as size times leverage times illiquidity concentration.

    Parameters
    ----------
    total_assets, equity, weights, shock, price_impact, banks, securities, units
        As in `greenwood_iterated`.

    Raises
    ------
    InputError
        As in `greenwood_landier_thesmar`.

    Examples
    --------
    >>> found = duarte_eisenbach([100.0], [5.0], [[1.0]], [-0.02], [1e-4])
    >>> round(found.leverage_factor, 9), round(found.aggregate_vulnerability, 9)
    (380.0, 0.076)

    References
    ----------
    Duarte, Eisenbach (2021), Journal of Finance 76.
    """
    sheet = read_sheet(total_assets, equity, weights, shock, price_impact, banks, securities, units)
    if sheet.many:
        raise SchemaError("has rows", where="shock", allowed="one number a security")
    size, equity_sum = float(sheet.assets.sum()), float(sheet.equity.sum())
    mean = (size - equity_sum) / equity_sum
    leverage = (sheet.assets - sheet.equity) / sheet.equity
    weight = sheet.shares()
    return_ = weight @ sheet.shock[:, 0]
    if size > 0.0 and mean != 0.0:
        alpha = sheet.assets / size
        spread = weight.T @ (alpha * (leverage / mean) * (0.0 - return_))
        concentration = float(((weight.T @ alpha) * sheet.impact * spread).sum())
        vulnerability = size * (mean * (1.0 + mean)) * concentration
    else:  # the system has no debt in sum: the product is undefined, the vulnerability is not
        concentration = float("nan")
        sold = weight.T @ (sheet.assets * leverage * (0.0 - return_))
        vulnerability = float(((weight.T @ sheet.assets) * sheet.impact * sold).sum() / equity_sum)
    return SystemicDecomposition(size, mean * (1.0 + mean), concentration, vulnerability)
