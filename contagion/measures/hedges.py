"""How well does a hedge hedge? Variance it takes away, the ratio that would be best, and how closely it offsets.

References
----------
Ederington (1979), "The hedging performance of the new futures markets", Journal of Finance 34(1): the best ratio and,
as its effectiveness, the R² of the regression. IAS 39, AG105, asks that a hedge offsets 80 to 125 %; IFRS 9 has
dropped the range, and practice under US GAAP reads "highly effective" (ASC 815) as that range.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Final

import numpy.typing as npt
import pandas as pd

from contagion.errors import SchemaError, ValueRangeError
from contagion.measures.market_based.checks import pair

__all__ = ["HedgeEffectiveness", "hedge_effectiveness", "hedge_table"]

LOW: Final = 0.8
HIGH: Final = 1.25
NAN: Final = float("nan")


@dataclass(frozen=True)
class HedgeEffectiveness:
    """How well a hedge as it was held worked over scenarios.

    Parameters
    ----------
    variance_reduction : float
        1 - variance of item and hedge together / variance of the item: 1 is perfect, below 0 the hedge adds risk.
    r_squared : float
        The same at the best ratio: squared correlation of item and hedge. What it lacks to 1 is basis risk.
    best_ratio : float
        Factor on the hedge as held at which the variance is least: 1 is the best already.
    offset : float
        - sum of the hedge's changes / sum of the item's: 1 is an exact offset.
    within : float
        Share of the scenarios in which the item changed and the hedge offset 80 to 125 % of it.
    n : int
        Number of scenarios.
    """

    variance_reduction: float
    r_squared: float
    best_ratio: float
    offset: float
    within: float
    n: int


def hedge_effectiveness(hedged: npt.ArrayLike, hedging: npt.ArrayLike) -> HedgeEffectiveness:
    """Return how well one position hedges another.

    Parameters
    ----------
    hedged, hedging : array_like
        Changes of value of the hedged item and of the hedge as held, in money, scenario by scenario, shape (n,) with n
        at least 2.

    Returns
    -------
    HedgeEffectiveness
        A number whose divisor is 0 is NaN: r_squared and best_ratio where the hedge never varies, offset where the
        item's changes cancel out, within where it never changes.

    Raises
    ------
    SchemaError
        If the series differ in length or hold no numbers.
    ValueRangeError
        If a number is not finite or the item never varies: there is nothing to hedge.

    Examples
    --------
    >>> found = hedge_effectiveness([-4.0, 0.0, 4.0], [2.0, 0.0, -2.0])
    >>> found.variance_reduction, found.r_squared, found.best_ratio, found.offset
    (0.75, 1.0, 2.0, nan)
    """
    item, hedge = pair(hedged, hedging, ("hedged", "hedging"))
    spread, own = float(item.var()), float(hedge.var())
    if item.min() == item.max():
        raise ValueRangeError(
            "never varies, so there is nothing to hedge", where="hedged", value=float(item[0])
        )
    together = float(((item - item.mean()) * (hedge - hedge.mean())).mean())
    varies = bool(hedge.min() < hedge.max())
    moved = item != 0.0
    offsets = -hedge[moved] / item[moved]
    return HedgeEffectiveness(
        variance_reduction=1.0 - float((item + hedge).var()) / spread,
        r_squared=together**2 / (spread * own) if varies else NAN,
        best_ratio=-together / own if varies else NAN,
        offset=-float(hedge.sum()) / float(item.sum()) if item.sum() != 0.0 else NAN,
        within=float(((offsets >= LOW) & (offsets <= HIGH)).mean()) if moved.any() else NAN,
        n=len(item),
    )


def hedge_table(hedged: pd.DataFrame, hedging: pd.DataFrame) -> pd.DataFrame:
    """Return `hedge_effectiveness` of many hedges.

    Parameters
    ----------
    hedged, hedging : pandas.DataFrame
        Changes of value in money: a row per scenario, a column per hedge, the same in both.

    Returns
    -------
    pandas.DataFrame
        Index hedge, least variance reduction first; the fields of `HedgeEffectiveness` as columns. An item that never
        varies leaves nothing to hedge: its row has n and NaN.

    Raises
    ------
    SchemaError
        If rows or columns differ.
    ValueRangeError
        If a number is not finite.

    Examples
    --------
    >>> item = pd.DataFrame({"carry": [-4.0, 0.0, 2.0]})
    >>> hedge_table(item, -item)["variance_reduction"].tolist()
    [1.0]
    """
    if not hedged.columns.equals(hedging.columns) or not hedged.index.equals(hedging.index):
        raise SchemaError("has other rows or columns than hedged", where="hedging")
    rows = {}
    for name in hedged.columns:
        item, hedge = pair(hedged[name].to_numpy(), hedging[name].to_numpy(), ("hedged", "hedging"))
        varies = item.min() < item.max()
        nothing = HedgeEffectiveness(NAN, NAN, NAN, NAN, NAN, len(item))
        found = hedge_effectiveness(item, hedge) if varies else nothing
        rows[str(name)] = asdict(found)
    names = list(HedgeEffectiveness.__dataclass_fields__)
    table = pd.DataFrame.from_dict(rows, orient="index", columns=names).rename_axis("hedge")
    return table.sort_values("variance_reduction", kind="stable")
