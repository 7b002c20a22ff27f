"""Why is a system of banks vulnerable: because it is large, levered, or invested in what nobody buys?

References
----------
Duarte, Eisenbach (2021), Journal of Finance 76.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from contagion.arrays import FloatArray
from contagion.measures.portfolio_tables import Portfolios, read_portfolios

__all__ = ["SystemicDecomposition", "decomposed", "duarte_eisenbach"]


@dataclass(frozen=True)
class SystemicDecomposition:
    """Aggregate vulnerability as a product.

    Parameters
    ----------
    size : float
        Assets of all, money.
    leverage_factor : float
        ``b (1 + b)``, b the debt of all over the equity of all.
    illiquidity_concentration : float
        How far illiquid securities are held by large, levered, hit banks; per money. nan where all debts sum to 0.
    aggregate_vulnerability : float
        The product; that of one uncapped round in proportion.
    """

    size: float
    leverage_factor: float
    illiquidity_concentration: float
    aggregate_vulnerability: float


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
    sheet = read_portfolios(total_assets, equity, weights, price_impact, banks, securities, units)
    moves = sheet.holdings.securities.table(shock, "shock", 1)
    return decomposed(sheet, moves)


def decomposed(sheet: Portfolios, moves: FloatArray) -> SystemicDecomposition:
    """The same from checked portfolios and returns in their internal order, shape (n_securities,)."""
    size, total = float(sheet.total_assets.sum()), float(sheet.equity.sum())
    mean = (size - total) / total
    weights, leverage = sheet.weights, sheet.debt_over_equity
    lost = 0.0 - weights @ moves
    if size > 0.0 and mean != 0.0:
        alpha = sheet.total_assets / size
        spread = weights.T @ (alpha * (leverage / mean) * lost)
        concentration = float(((weights.T @ alpha) * sheet.impact * spread).sum())
        vulnerability = size * (mean * (1.0 + mean)) * concentration
    else:  # the system has no debt in sum: the product is undefined, the vulnerability is not
        concentration = float("nan")
        sold = weights.T @ (sheet.total_assets * leverage * lost)
        vulnerability = float(((weights.T @ sheet.total_assets) * sheet.impact * sold).sum() / total)
    return SystemicDecomposition(size, mean * (1.0 + mean), concentration, vulnerability)
