"""What is a firm worth whose shares and debts are held by other firms? Cross-held equity and debt.

`suzuki` values shares and debts, `elliott_golub_jackson` (of `contagion.propagation.failures`) follows failures.

Suzuki's firms hold fractions of one another's shares and of one another's debts. Shares are worth at least nothing,
debts at most what is owed, and everything is valued at once. Values are found from above: guess who defaults, value
the shares under that guess, find who else falls short, guess again.

References
----------
Suzuki (2002), "Valuing corporate debt: the effect of cross-holdings of stock and debt", Journal of the Operations
Research Society of Japan 45(2). Elsinger (2009), Oesterreichische Nationalbank working paper 156.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from contagion.arrays import FloatArray, word
from contagion.balance_sheets import TOLERANCE, ByNode
from contagion.claims import Claims, as_claims
from contagion.propagation.failures import FailureWaves, elliott_golub_jackson
from contagion.propagation.holdings import Organisations, check_columns, solve_leaky
from contagion.propagation.reach import reach

__all__ = ["FailureWaves", "FirmValues", "elliott_golub_jackson", "suzuki"]

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class FirmValues(ByNode):
    """Values of n firms with cross-held shares and debts; arrays have shape ``(n,)`` in the caller's order.

    Parameters
    ----------
    equity : numpy.ndarray
        Value of all shares of a firm, money; 0 in default.
    debt_value : numpy.ndarray
        What its creditors get, money: the debt, or all assets in default.
    total_assets : numpy.ndarray
        External assets and the value of what it holds of others, money; equity + debt_value.
    recovery : numpy.ndarray
        debt_value as a share of the debt; 1 without debt.
    defaulted : numpy.ndarray of bool
        True where total assets are below the debt.
    fixed_point : str
        Which values these are: ``greatest`` or ``least``.
    unique : bool
        Whether greatest and least values coincide.
    names : pandas.Index, optional
        Names of the firms.
    """

    equity: FloatArray
    debt_value: FloatArray
    total_assets: FloatArray
    recovery: FloatArray
    defaulted: BoolArray
    fixed_point: str
    unique: bool
    names: pd.Index | None = None

    @property
    def n_defaulted(self) -> int:
        """Number of firms in default."""
        return int(self.defaulted.sum())


@dataclass(frozen=True)
class _Firms:
    """Checked input in internal order; `equity_shares` and `debt_shares` are sparse matrices, row holder."""

    equity_holdings: Claims
    debt_holdings: Claims
    debt: FloatArray
    external_assets: FloatArray

    def income(self, equity: FloatArray, debt_value: FloatArray) -> FloatArray:
        """What all firms get from what they hold, summed in the order of holdings."""
        return np.asarray(self.equity_holdings.matrix() @ equity + self.debt_holdings.matrix() @ debt_value)


def suzuki(
    equity_holdings: Any,
    debt_holdings: Any,
    debt: Any,
    external_assets: Any,
    *,
    fixed_point: str = "greatest",
) -> FirmValues:
    """Values of shares and debts that firms hold of one another.

    Parameters
    ----------
    equity_holdings : array_like, sparse, DataFrame or Claims, shape (n, n)
        Fraction of the shares of firm j (column) that firm i (row) holds; column sums below 1, zero diagonal.
    debt_holdings : array_like, sparse, DataFrame or Claims, shape (n, n)
        Fraction of the debt of firm j that firm i holds; column sums at most 1, zero diagonal.
    debt : float, array_like, Series or mapping, shape (n,)
        Nominal debt, money, >= 0; by name where the holdings have names.
    external_assets : float, array_like, Series or mapping, shape (n,)
        Assets outside the network, money, >= 0.
    fixed_point : str, default "greatest"
        ``greatest`` or ``least`` values. They differ only for groups of firms that hold all of each other's debts
        and get nothing from outside.

    Returns
    -------
    FirmValues
        Dense systems up to 500 firms at once, sparse ones above; memory in proportion to the holdings.

    Raises
    ------
    InputError
        If a number is not finite or negative, a firm holds itself, a matrix is not square or of other length than the
        vectors, names differ, a column sum is too large, or there is no firm.

    Examples
    --------
    A share is worth at least nothing, so that firm 1 survives the fall of firm 0, of which it holds a half:

    >>> values = suzuki([[0, 0.1], [0.5, 0]], [[0, 0.2], [0.05, 0]], [100, 5], [10, 8])
    >>> values.defaulted.tolist()
    [True, False]
    >>> values.equity.round(3)
    array([0.   , 3.568])

    References
    ----------
    Suzuki (2002), Journal of the Operations Research Society of Japan 45(2). Elsinger (2009), Oesterreichische
    Nationalbank working paper 156.
    """
    least = word(fixed_point, "fixed_point", ("greatest", "least")) == "least"
    shares, debts = as_claims(equity_holdings, "equity_holdings"), as_claims(debt_holdings, "debt_holdings")
    organisations = Organisations.of(shares)
    firms = _Firms(
        organisations.table(shares, "equity_holdings"),
        organisations.table(debts, "debt_holdings"),
        organisations.vector(debt, "debt", low=0.0),
        organisations.vector(external_assets, "external_assets", low=0.0),
    )
    check_columns(firms.equity_holdings, organisations, "equity_holdings")
    held = check_columns(firms.debt_holdings, organisations, "debt_holdings", full=True)
    assets, defaulted = _greatest(firms)
    idle = _gets_nothing(firms, assets, held) & (assets > 0.0)
    if least:
        assets, defaulted = np.where(idle, 0.0, assets), defaulted | (idle & (firms.debt > 0.0))
    owed = firms.debt
    equity = np.where(defaulted, 0.0, np.maximum(assets - owed, 0.0))
    debt_value = np.where(defaulted, assets, owed)
    recovery = np.divide(debt_value, owed, out=np.ones(len(owed)), where=owed > 0.0)
    back = organisations.back
    return FirmValues(
        equity=back(equity),
        debt_value=back(debt_value),
        total_assets=back(np.where(defaulted, assets, np.maximum(assets, owed))),
        recovery=back(recovery),
        defaulted=back(defaulted),
        fixed_point=fixed_point,
        unique=not bool(idle.any()),
        names=organisations.names,
    )


def _greatest(firms: _Firms) -> tuple[FloatArray, BoolArray]:
    """Total assets and defaults, from above: with debts valued by a guess of who defaults, values are never too low.

    Every guess is followed by the exact values of the shares under it, so the guess only grows and is right when it
    stays; at most n guesses.
    """
    defaulted = np.zeros(len(firms.debt), dtype=bool)
    while True:
        assets = _with_shares(firms, defaulted)
        debt_value = np.where(defaulted, assets, firms.debt)
        equity = np.where(defaulted, 0.0, np.maximum(assets - firms.debt, 0.0))
        scale = firms.external_assets + firms.income(equity, debt_value) + firms.debt
        short = ~defaulted & (assets < firms.debt - TOLERANCE * scale)
        if not short.any():
            return assets, defaulted
        defaulted = defaulted | short


def _with_shares(firms: _Firms, defaulted: BoolArray) -> FloatArray:
    """Total assets if exactly these firms pay out all they have and all others their debts; shares never negative.

    The first guess is that shares of those outside the set, and of no others, have a value; then firms whose shares
    turn out to have one are added until none is new.
    """
    valuable = ~defaulted
    first = True
    while True:
        assets = _solved(firms, defaulted, valuable)
        found = ~defaulted & (assets > firms.debt)
        if not first and not (found & ~valuable).any():
            return np.maximum(assets, 0.0)
        if first and (found == valuable).all():
            return np.maximum(assets, 0.0)
        valuable, first = (found if first else found | valuable), False


def _solved(firms: _Firms, defaulted: BoolArray, valuable: BoolArray) -> FloatArray:
    """Total assets when debts of `defaulted` are worth their assets and shares of `valuable` assets less debts."""
    from scipy.sparse import csr_array

    shares, debts = firms.equity_holdings, firms.debt_holdings
    income = firms.external_assets + firms.income(
        np.where(valuable, -firms.debt, 0.0), np.where(defaulted, 0.0, firms.debt)
    )
    passing = csr_array(shares.matrix() * valuable[None, :] + debts.matrix() * defaulted[None, :])
    return solve_leaky(passing, income, valuable | defaulted)


def _gets_nothing(firms: _Firms, assets: FloatArray, held: FloatArray) -> BoolArray:
    """Firms that nothing from outside reaches: what value they have, they have only from one another.

    Value goes along debts, and along shares of those whose equity is positive (equity is the same in all solutions).
    """
    from scipy.sparse import csr_array

    if (held < 1.0 - TOLERANCE * (1.0 + held)).all():
        return np.zeros(len(assets), dtype=bool)
    valuable, owing = (assets > firms.debt).astype(np.float64), (firms.debt > 0.0).astype(np.float64)
    passing = (
        firms.equity_holdings.matrix() * valuable[None, :] + firms.debt_holdings.matrix() * owing[None, :]
    )
    links = csr_array(csr_array(passing).T)
    ends = links.indptr.astype(np.int64), links.indices.astype(np.int64)
    return ~reach(*ends, firms.external_assets > 0.0, np.ones(len(assets), dtype=bool))
