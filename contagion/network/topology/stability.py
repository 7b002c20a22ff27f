"""How far is a network from amplifying losses without bound? The spectral radius of exposures over equity."""

from __future__ import annotations

from typing import Any

from contagion.balance_sheets import balance_sheets
from contagion.network.spectral import spectral_radius

__all__ = ["distance_to_instability"]


def distance_to_instability(
    liabilities: Any, external_assets: Any = None, external_liabilities: Any = None, *, equity: Any = None
) -> float:
    """Return 1 - spectral radius of Lambda[i, j] = what i is owed by j / equity of i.

    Above 0 small losses die out; below 0 they grow until nodes fail.

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
    >>> distance_to_instability([[0, 1], [2, 0]], equity=[4, 2])
    0.5

    References
    ----------
    Bardoscia, Battiston, Caccioli, Caldarelli (2017), Nature Communications 8, 14416.
    """
    from scipy.sparse import csr_array

    sheets = balance_sheets(liabilities, external_assets, external_liabilities, equity=equity)
    claims = sheets.claims
    matrix = csr_array((sheets.impact, claims.creditor, claims.indptr), shape=(sheets.n, sheets.n))
    return 1.0 - spectral_radius(matrix)
