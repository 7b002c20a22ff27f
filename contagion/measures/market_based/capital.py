"""How much capital would be missing in a crisis? SRISK and systemic expected shortfall, in money.

References
----------
Brownlees, Engle (2017), "SRISK", Review of Financial Studies 30(1). Acharya, Pedersen, Philippon, Richardson
(2017), "Measuring systemic risk", Review of Financial Studies 30(1), equation 7.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.errors import SchemaError, ValueRangeError
from contagion.measures.market_based.checks import series, share
from contagion.measures.paired import paired_effect

__all__ = ["SRisk", "ses_table", "srisk", "srisk_table"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SRisk:
    """Capital that firms would lack after a fall of the market.

    Parameters
    ----------
    lrmes : numpy.ndarray
        Long-run marginal expected shortfall: share of its market value that each firm would lose, shape (n,).
    srisk : numpy.ndarray
        Capital each would lack, in money; negative where it has too much.
    system_srisk : float
        Sum of the positive ones.
    """

    lrmes: Array
    srisk: Array
    system_srisk: float


def srisk(
    market_value: npt.ArrayLike,
    debt: npt.ArrayLike,
    beta: npt.ArrayLike,
    prudential_ratio: float = 0.08,
    market_decline: float = 0.4,
) -> SRisk:
    """Return k D - (1 - k) (1 - LRMES) W with LRMES = 1 - exp(ln(1 - d) β).

    Parameters
    ----------
    market_value, debt : array_like
        Market value W of equity and debt D of each firm, in money, shape (n,).
    beta : array_like
        Slope of each firm on the market, shape (n,); may be zero or negative.
    prudential_ratio : float, default 0.08
        Capital k that a firm must have, as a share of debt plus equity.
    market_decline : float, default 0.4
        Fall d of the market, from 0 to below 1.

    Returns
    -------
    SRisk

    Raises
    ------
    SchemaError
        If the lengths differ or something is no number.
    ValueRangeError
        If a number is not finite, a value or debt is negative, k is not strictly between 0 and 1 or d is not in
        [0, 1).

    Examples
    --------
    >>> found = srisk([100.0], [900.0], [1.0], prudential_ratio=0.1, market_decline=0.5)
    >>> found.lrmes.round(12).tolist(), found.srisk.round(12).tolist()
    ([0.5], [45.0])
    """
    worth, owed, slope = series(market_value, "market_value"), series(debt, "debt"), series(beta, "beta")
    for where, values in (("debt", owed), ("beta", slope)):
        if len(values) != len(worth):
            raise SchemaError(f"has length {len(values)}, market_value has length {len(worth)}", where=where)
    for where, values in (("market_value", worth), ("debt", owed)):
        if (values < 0.0).any():
            place = int(np.flatnonzero(values < 0.0)[0])
            raise ValueRangeError("is negative", where=f"{where}[{place}]", value=float(values[place]))
    ratio = share(prudential_ratio, "prudential_ratio")
    fall = market_decline if market_decline == 0 else share(market_decline, "market_decline")
    kept = np.exp(np.log1p(-fall) * slope)
    lacking = ratio * owed - (1.0 - ratio) * kept * worth
    return SRisk(1.0 - kept, lacking, float(np.maximum(lacking, 0.0).sum()))


def srisk_table(
    firms: pd.DataFrame, prudential_ratio: float = 0.08, market_decline: float = 0.4
) -> pd.DataFrame:
    """Return `srisk` of a labelled table.

    Parameters
    ----------
    firms : pandas.DataFrame
        Index firm; columns market_value and debt (money), beta.
    prudential_ratio, market_decline : float
        As in `srisk`.

    Returns
    -------
    pandas.DataFrame
        Index as given, largest srisk first: lrmes (share), srisk (money, signed), share (of the positive parts;
        0 where there are none).

    Raises
    ------
    SchemaError, ValueRangeError
        As in `srisk`, or if a column is missing.

    Examples
    --------
    >>> firms = pd.DataFrame({"market_value": [9.0, 1.0], "debt": [10.0, 90.0], "beta": 1.0}, index=["A", "B"])
    >>> srisk_table(firms)["share"].tolist()
    [1.0, 0.0]
    """
    for column in ("market_value", "debt", "beta"):
        if column not in firms:
            raise SchemaError(f"has no column {column!r}", where="firms", allowed="market_value, debt, beta")
    found = srisk(firms["market_value"], firms["debt"], firms["beta"], prudential_ratio, market_decline)
    shares = np.maximum(found.srisk, 0.0) / (found.system_srisk or 1.0)
    table = pd.DataFrame({"lrmes": found.lrmes, "srisk": found.srisk, "share": shares}, index=firms.index)
    return table.sort_values("srisk", ascending=False, kind="stable")


def ses_table(
    equity: pd.DataFrame,
    assets: pd.Series,
    prudential_ratio: float = 0.08,
    *,
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Return systemic expected shortfall: what each firm lacks, on average over the scenarios of a crisis.

    A crisis is a scenario in which all firms together have less equity than the ratio asks of all together.

    Parameters
    ----------
    equity : pandas.DataFrame
        Equity of each firm at the end, in money: one row per scenario, one column per firm.
    assets : pandas.Series
        Total assets of each firm, in money, index firm.
    prudential_ratio : float, default 0.08
        Equity that a firm must have, as a share z of its assets.
    confidence : float, default 0.95
        Coverage of the intervals.
    seed : int, default 0
        Root seed of the bootstrap.

    Returns
    -------
    pandas.DataFrame
        Index firm: ses = E[z a - w | crisis] in money, positive where capital is missing; low, high; share of
        the sum of the positive parts; note. ``attrs`` holds k, the number of crises, n and prudential_ratio.
        The sum over firms is what the system lacks. No interval below 25 crises, approximate below 200.

    Raises
    ------
    SchemaError
        If a firm has no assets in the table.
    ValueRangeError
        If a number is not finite, the ratio is out of range, or no scenario is a crisis (tail).

    Examples
    --------
    >>> equity = pd.DataFrame({"A": [8.0, -2.0], "B": [9.0, 4.0]})
    >>> ses_table(equity, pd.Series({"A": 50.0, "B": 50.0}), 0.1)["ses"].tolist()
    [7.0, 1.0]
    """
    missing = [str(name) for name in equity.columns if name not in assets.index]
    if missing:
        raise SchemaError("is not among the assets", where="equity column", value=missing[0])
    ratio = share(prudential_ratio, "prudential_ratio")
    columns = {str(name): series(equity[name], f"equity[{name!r}]") for name in equity.columns}
    needed = ratio * series(assets.reindex(equity.columns), "assets")
    lacking = needed - np.column_stack(list(columns.values()))
    crises = lacking[lacking.sum(axis=1) > 0.0]
    if not len(crises):
        raise ValueRangeError(
            "holds no crisis: the tail is empty",
            where="equity",
            allowed="a scenario in which all equity together is below the ratio",
        )
    zeros = np.zeros(len(crises))
    rows = [
        paired_effect(one, zeros, confidence=confidence, seed=seed, key=("ses", name))
        for name, one in zip(columns, crises.T, strict=True)
    ]
    table = pd.DataFrame(
        {
            "ses": crises.mean(axis=0),
            "low": [row.low for row in rows],
            "high": [row.high for row in rows],
            "share": 0.0,
            "note": [row.note.replace("n = ", "k = ") for row in rows],
        },
        index=pd.Index(list(columns), name="firm", dtype=object),
    )
    positive = table["ses"].clip(lower=0.0)
    table["share"] = positive / (float(positive.sum()) or 1.0)
    table.attrs = {"k": len(crises), "n": len(equity), "prudential_ratio": ratio}
    return table
