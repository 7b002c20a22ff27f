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
from contagion.balance_sheets import TOLERANCE, BalanceSheets, ByNode, balance_sheets
from contagion.errors import SchemaError, TooLargeError, ValueRangeError
from contagion.network.spectral import spectral_radius

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = [
    "Criticality",
    "ImpactSusceptibility",
    "criticality",
    "impact_susceptibility",
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
    impact, claims = sheets.impact, sheets.claims
    total = np.bincount(claims.debtor, np.minimum(impact, 1.0), sheets.n).astype(np.float64)
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
    impact = np.minimum(sheets.impact, 1.0)
    if sheets.n > LARGEST_DENSE:
        raise TooLargeError(
            "nodes need a dense matrix exponential",
            where="liabilities",
            value=sheets.n,
            allowed=f"at most {LARGEST_DENSE} nodes",
        )
    matrix = np.zeros((sheets.n, sheets.n))
    if binary:
        impact = _ruinous(sheets, given=equity is not None)
    matrix[sheets.claims.debtor, sheets.claims.creditor] = impact
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


def _ruinous(sheets: BalanceSheets, *, given: bool) -> FloatArray:
    """1 for each debt that is at least its creditor's equity, up to rounding of the amounts behind both, else 0."""
    claims, behind = sheets.claims, np.abs(sheets.equity)
    if not given:
        behind = sheets.external_assets + claims.claimed + sheets.due
    scale = claims.amount + behind[claims.creditor]
    whole = claims.amount >= sheets.equity[claims.creditor] - TOLERANCE * scale
    return np.asarray(whole, dtype=np.float64)
