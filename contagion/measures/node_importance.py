"""Whose default would hurt, and who is easily hurt? Impact of nodes on one another's equity.

References
----------
Silva, Souza, Tabak (2017), Journal of Economic Dynamics and Control 76. Alter, Craig, Raupach (2015), International
Journal of Central Banking 11(S1), for criticality and vulnerability.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from contagion.arrays import FloatArray
from contagion.balance_sheets import BalanceSheets, ByNode, balance_sheets
from contagion.errors import SchemaError, TooLargeError, ValueRangeError
from contagion.network.spectral import spectral_radius

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = [
    "Criticality",
    "ImpactSusceptibility",
    "RankCorrelation",
    "criticality",
    "impact_susceptibility",
    "rank_correlation",
]

LARGEST_DENSE = 5_000
LARGEST_EXPONENT = 690.0


@dataclass(frozen=True)
class Criticality(ByNode):
    """Impact of each node's default on its creditors; arrays in the caller's order.

    Parameters
    ----------
    criticality : numpy.ndarray, shape (n,)
        Sum over creditors j of min(1, L[i, j] / w_j).
    vulnerability : scipy.sparse.csr_array, shape (n, n)
        What i is owed by j, over the equity of i; not cut.
    spectral_radius : float
        Of `vulnerability`: below 1 losses die out, above 1 they grow until nodes fail.
    names : pandas.Index or None
        Names of the nodes.
    """

    criticality: FloatArray
    vulnerability: csr_array
    spectral_radius: float
    names: pd.Index | None = None


@dataclass(frozen=True)
class ImpactSusceptibility(ByNode):
    """How far impacts travel on the way to a node; arrays in the caller's order.

    Parameters
    ----------
    impact_susceptibility : numpy.ndarray, shape (n,)
        Impact that reaches a node along walks of any length, over the impact of its direct debtors.
    impact_fluidity : float
        Mean over all nodes.
    binary : bool
        Whether only impacts that wipe out equity count.
    names : pandas.Index or None
        Names of the nodes.
    """

    impact_susceptibility: FloatArray
    impact_fluidity: float
    binary: bool
    names: pd.Index | None = None


@dataclass(frozen=True)
class RankCorrelation:
    """Rankings of the same nodes by several measures, and how well they agree.

    Parameters
    ----------
    ranks : pandas.DataFrame, shape (n, n_measures)
        Rank by each measure, 1 for the largest value; ties share the mean of their ranks.
    spearman, kendall : pandas.DataFrame, shape (n_measures, n_measures)
        Spearman's rho and Kendall's tau-b of every pair of measures; NaN where a measure is the same for all nodes.
    """

    ranks: pd.DataFrame
    spearman: pd.DataFrame
    kendall: pd.DataFrame


def criticality(
    liabilities: Any, external_assets: Any = None, external_liabilities: Any = None, *, equity: Any = None
) -> Criticality:
    """Return the impact of each node's default on others, vulnerabilities, and the spectral radius.

    Parameters
    ----------
    liabilities : array_like, sparse, DataFrame or Claims, shape (n, n)
        What node i (row) owes node j (column), money.
    external_assets, external_liabilities : array_like, Series or mapping, shape (n,), optional
        Money owned and owed outside the network.
    equity : array_like, Series or mapping, shape (n,), optional
        Face equity in place of the one of the balance sheets.

    Raises
    ------
    InputError
        As in `contagion.balance_sheets.balance_sheets`, and if a node has no positive equity.

    Notes
    -----
    Memory is linear in debts.

    Examples
    --------
    >>> found = criticality([[0, 8, 1], [1, 0, 2], [0, 5, 0]], equity=[2, 4, 2])
    >>> found.criticality
    array([1.5, 1.5, 1. ])
    >>> found.vulnerability.toarray()
    array([[0.  , 0.5 , 0.  ],
           [2.  , 0.  , 1.25],
           [0.5 , 1.  , 0.  ]])

    References
    ----------
    Alter, Craig, Raupach (2015), International Journal of Central Banking 11(S1).
    """
    from scipy.sparse import csr_array

    sheets = balance_sheets(liabilities, external_assets, external_liabilities, equity=equity)
    impact = _impact(sheets)
    claims = sheets.claims
    total = np.bincount(claims.debtor, np.minimum(impact, 1.0), sheets.n)
    uncut = csr_array((impact, (claims.creditor, claims.debtor)), shape=(sheets.n, sheets.n))
    return Criticality(
        sheets.back(total), uncut[sheets.given][:, sheets.given], spectral_radius(uncut), sheets.names
    )


def impact_susceptibility(
    liabilities: Any,
    external_assets: Any = None,
    external_liabilities: Any = None,
    *,
    equity: Any = None,
    binary: bool = False,
) -> ImpactSusceptibility:
    """Return how much impact reaches each node through the network, relative to its direct debtors alone.

    Parameters
    ----------
    liabilities, external_assets, external_liabilities, equity
        As in `criticality`.
    binary : bool
        Count an impact as 1 where it wipes out the creditor's equity, else as 0.

    Raises
    ------
    InputError
        As in `criticality`; above 5 000 nodes, because the matrix exponential is dense.

    Examples
    --------
    >>> found = impact_susceptibility([[0, 8, 1], [1, 0, 2], [0, 5, 0]], equity=[2, 4, 2], binary=True)
    >>> found.impact_susceptibility.round(3)
    array([0.   , 1.175, 1.718])
    >>> round(found.impact_fluidity, 3)
    0.964

    References
    ----------
    Silva, Souza, Tabak (2017), Journal of Economic Dynamics and Control 76.
    """
    from scipy.linalg import expm

    if not isinstance(binary, (bool, np.bool_)):
        raise SchemaError("is no truth value", where="binary", value=binary, allowed="True or False")
    sheets = balance_sheets(liabilities, external_assets, external_liabilities, equity=equity)
    impact = np.minimum(_impact(sheets), 1.0)
    if sheets.n > LARGEST_DENSE:
        raise TooLargeError(
            "nodes need a dense matrix exponential",
            where="liabilities",
            value=sheets.n,
            allowed=f"at most {LARGEST_DENSE} nodes",
        )
    matrix = np.zeros((sheets.n, sheets.n))
    matrix[sheets.claims.debtor, sheets.claims.creditor] = (impact >= 1.0) if binary else impact
    direct = matrix.sum(axis=0)
    if direct.max() > LARGEST_EXPONENT and spectral_radius(matrix) > LARGEST_EXPONENT:
        raise ValueRangeError(
            "of the impact matrix has an exponential beyond double precision",
            where="spectral radius",
            value=spectral_radius(matrix),
            allowed=f"at most {LARGEST_EXPONENT:g}",
        )
    walks = expm(matrix)
    np.fill_diagonal(walks, 0.0)
    found = np.divide(walks.sum(axis=0), direct, out=np.zeros(sheets.n), where=direct > 0.0)
    given = np.asarray(sheets.back(found))
    return ImpactSusceptibility(given, float(found.mean()), bool(binary), sheets.names)


def rank_correlation(measures: pd.DataFrame) -> RankCorrelation:
    """Rank nodes by several measures and return how well the rankings agree.

    Parameters
    ----------
    measures : pandas.DataFrame, shape (n, n_measures)
        One row a node, one column a measure, larger values more important; finite numbers, at least two nodes.

    Raises
    ------
    InputError
        If it is no frame of finite numbers with at least two rows and one column.

    Examples
    --------
    >>> frame = pd.DataFrame({"debt": [3.0, 2.0, 1.0], "criticality": [0.5, 0.7, 0.1]}, index=["A", "B", "C"])
    >>> found = rank_correlation(frame)
    >>> found.ranks["criticality"].tolist()
    [2.0, 1.0, 3.0]
    >>> float(found.spearman.loc["debt", "criticality"])
    0.5
    """
    from scipy.stats import kendalltau, rankdata

    values = _measures(measures)
    ranks = rankdata(-values, axis=0)
    columns = measures.columns
    count = len(columns)
    spearman, kendall = np.full((count, count), np.nan), np.full((count, count), np.nan)
    varies = np.ptp(ranks, axis=0) > 0.0
    for i in range(count):
        for j in range(i, count):
            if varies[i] and varies[j]:
                pair = ranks[:, i], ranks[:, j]
                spearman[i, j] = spearman[j, i] = 1.0 if i == j else np.corrcoef(*pair)[0, 1]
                kendall[i, j] = kendall[j, i] = 1.0 if i == j else kendalltau(*pair).statistic
    return RankCorrelation(
        pd.DataFrame(ranks, index=measures.index, columns=columns),
        pd.DataFrame(spearman, index=columns, columns=columns),
        pd.DataFrame(kendall, index=columns, columns=columns),
    )


def _measures(measures: pd.DataFrame) -> FloatArray:
    if not isinstance(measures, pd.DataFrame):
        raise SchemaError(
            "is no frame", where="measures", value=type(measures).__name__, allowed="a DataFrame"
        )
    if len(measures) < 2 or len(measures.columns) < 1:
        raise SchemaError(
            f"has shape {measures.shape}", where="measures", allowed="two nodes and one measure"
        )
    for column, kind in measures.dtypes.items():
        if kind.kind not in "iufb":
            raise SchemaError("is no column of numbers", where="measures", value=column)
    values = measures.to_numpy(dtype=np.float64)
    if not np.isfinite(values).all():
        row, column = (int(place) for place in np.argwhere(~np.isfinite(values))[0])
        raise ValueRangeError(
            "is not finite",
            where=f"measures[{measures.columns[column]!r}] of {measures.index[row]!r}",
            value=float(values[row, column]),
        )
    return values


def _impact(sheets: BalanceSheets) -> FloatArray:
    """What each debt is of the creditor's equity, in the order of debts."""
    wrong = np.flatnonzero(~(sheets.equity > 0.0))
    if len(wrong):
        raise ValueRangeError(
            f"of {sheets.name(int(wrong[0]))!r} is not positive",
            where="equity",
            value=float(sheets.equity[wrong[0]]),
            allowed="> 0 for every node",
        )
    claims = sheets.claims
    return np.asarray(claims.amount / sheets.equity[claims.creditor])
