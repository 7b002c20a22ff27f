"""Whose failure brings down whom when organisations hold shares of one another? Waves of discontinuous losses.

An organisation whose value falls below a threshold fails and loses a part of its own assets on top; all who hold it, at
whatever remove, share that loss and may fail in turn. Several outcomes can be consistent: the best has the fewest
failures, the worst the most.

References
----------
Elliott, Golub, Jackson (2014), "Financial networks and contagion", American Economic Review 104(10).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from contagion.arrays import FloatArray, real, word
from contagion.balance_sheets import ByNode
from contagion.claims import Claims, as_claims
from contagion.errors import InputError, SchemaError, TooLargeError
from contagion.propagation.dependency import dependency_matrix, failure_rounds, worth
from contagion.propagation.holdings import Organisations, check_columns

__all__ = ["FailureWaves", "elliott_golub_jackson"]

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]
LARGEST: Final = 20_000  # organisations: the dependency matrix is full, 3.2 GB at this size


@dataclass(frozen=True)
class FailureWaves(ByNode):
    """Who fails and what n organisations are worth then; vectors have shape ``(n,)``, in the caller's order.

    Parameters
    ----------
    values : numpy.ndarray
        Value to outside holders after all failures, money.
    failed : numpy.ndarray of bool
        True where an organisation fails.
    wave : numpy.ndarray of int64
        Round in which it failed (``best``) or was released (``worst``), from 0; -1 where it did not or was not.
    thresholds, failure_costs : numpy.ndarray
        Value below which an organisation fails, and what it then loses of its own assets, money.
    values_without_failure, reference_values : numpy.ndarray
        Values if nobody failed, at the asset values and at the reference asset values, money.
    dependency_matrix : numpy.ndarray, shape (n, n)
        Part of the assets of j (column) that ends in the value of i (row), directly and through others; columns sum
        to 1.
    cross_holdings : numpy.ndarray, shape (n, n)
        Share of j that i holds.
    case : str
        ``best`` or ``worst``.
    names : pandas.Index, optional
        Names of the organisations.
    """

    values: FloatArray
    failed: BoolArray
    wave: IntArray
    thresholds: FloatArray
    failure_costs: FloatArray
    values_without_failure: FloatArray
    reference_values: FloatArray
    dependency_matrix: FloatArray
    cross_holdings: FloatArray
    case: str
    names: pd.Index | None = None

    @property
    def n_failed(self) -> int:
        """Number of organisations that fail."""
        return int(self.failed.sum())

    @property
    def waves(self) -> list[list[int]]:
        """Who fails in round 0, 1, ...: sorted positions in the caller's order; empty in the worst case."""
        return self._rounds() if self.case == "best" else []

    @property
    def releases(self) -> list[list[int]]:
        """Who turns out to stand in round 0, 1, ... of the worst case; empty in the best case."""
        return self._rounds() if self.case == "worst" else []

    def _rounds(self) -> list[list[int]]:
        return [np.flatnonzero(self.wave == k).tolist() for k in range(int(self.wave.max()) + 1)]


def elliott_golub_jackson(
    asset_values: Any,
    cross_holdings: Any = None,
    *,
    liabilities: Any = None,
    cross_holding_share: float | None = None,
    thresholds: Any = None,
    failure_costs: Any = None,
    theta: Any = None,
    failure_cost_fraction: Any = None,
    reference_asset_values: Any = None,
    case: str = "best",
) -> FailureWaves:
    """Failures of organisations that hold shares of one another, wave by wave.

    Parameters
    ----------
    asset_values : float, array_like, Series or mapping, shape (n,)
        Own assets of each organisation, money, >= 0; by name where the holdings have names.
    cross_holdings : array_like, sparse, DataFrame or Claims, shape (n, n), optional
        Share of organisation j (column) that i (row) holds; column sums below 1, zero diagonal.
    liabilities : array_like, sparse, DataFrame or Claims, shape (n, n), optional
        Instead of `cross_holdings`: what i (row) owes j (column), money. Creditors hold the share
        `cross_holding_share` of their debtor, in proportion to what it owes them.
    cross_holding_share : float, optional
        Share of every debtor that is held by its creditors, from 0 to below 1; with `liabilities`.
    thresholds : float, array_like, Series or mapping, shape (n,), optional
        Value below which an organisation fails, money, >= 0.
    failure_costs : float, array_like, Series or mapping, shape (n,), optional
        What a failure takes from the organisation's own assets, money, >= 0.
    theta : float, array_like, Series or mapping, shape (n,), optional
        Instead of `thresholds`: threshold as a share of the value at `reference_asset_values`, >= 0.
    failure_cost_fraction : float, array_like, Series or mapping, shape (n,), optional
        Instead of `failure_costs`: cost as a share of the threshold, >= 0.
    reference_asset_values : float, array_like, Series or mapping, shape (n,), optional
        Own assets when thresholds were set, money, >= 0; default `asset_values`.
    case : str, default "best"
        ``best``: nobody has failed, those below their threshold are added round by round. ``worst``: all have failed,
        those that stand nevertheless are released round by round.

    Returns
    -------
    FailureWaves
        The dependency matrix is full: memory grows with n².

    Raises
    ------
    InputError
        If a number is not finite or negative, an organisation holds itself, a matrix is not square or of other length
        than the vectors, names differ, column sums of cross_holdings reach 1, holdings, thresholds or costs are given
        twice or not at all, or the case is unknown.

    Examples
    --------
    >>> chain = [[0, 0.3, 0], [0, 0, 0.3], [0, 0, 0]]
    >>> found = elliott_golub_jackson([1, 2, 1], chain, thresholds=[1.2, 1.55, 1], failure_costs=0.5)
    >>> found.waves
    [[2], [1]]
    >>> found.values
    array([1.495, 1.155, 0.35 ])

    References
    ----------
    Elliott, Golub, Jackson (2014), American Economic Review 104(10).
    """
    worst = word(case, "case", ("best", "worst")) == "worst"
    holdings = _holdings(cross_holdings, liabilities, cross_holding_share)
    organisations = Organisations.of(holdings)
    holdings = organisations.table(holdings, "cross_holdings")
    check_columns(holdings, organisations, "cross_holdings")
    vector = organisations.vector
    assets = vector(asset_values, "asset_values", low=0.0)
    reference = (
        assets
        if reference_asset_values is None
        else vector(reference_asset_values, "reference_asset_values", low=0.0)
    )
    by_share = _one_of(thresholds=thresholds, theta=theta) == "theta"
    by_fraction = (
        _one_of(failure_costs=failure_costs, failure_cost_fraction=failure_cost_fraction) != "failure_costs"
    )
    limits = vector(theta, "theta", low=0.0) if by_share else vector(thresholds, "thresholds", low=0.0)
    costs = (
        vector(failure_cost_fraction, "failure_cost_fraction", low=0.0)
        if by_fraction
        else vector(failure_costs, "failure_costs", low=0.0)
    )
    dependency = dependency_matrix(holdings.dense())
    before, without = worth(dependency, reference), worth(dependency, assets)
    limits = limits * before if by_share else limits
    costs = costs * limits if by_fraction else costs
    values, failed, wave = failure_rounds(dependency, assets, limits, costs, worst=worst)
    back = organisations.back
    return FailureWaves(
        values=back(values),
        failed=back(failed),
        wave=back(wave),
        thresholds=back(limits),
        failure_costs=back(costs),
        values_without_failure=back(without),
        reference_values=back(before),
        dependency_matrix=organisations.table_back(dependency),
        cross_holdings=organisations.table_back(holdings.dense()),
        case=case,
        names=organisations.names,
    )


def _holdings(cross_holdings: Any, liabilities: Any, share: float | None) -> Claims:
    """Cross-holdings as given, or from debts: row holder, column held."""
    if _one_of(cross_holdings=cross_holdings, liabilities=liabilities) == "cross_holdings":
        if share is not None:
            raise InputError(
                "is given with cross_holdings", where="cross_holding_share", allowed="only with liabilities"
            )
        return _limited(as_claims(cross_holdings, "cross_holdings"))
    part = real(share, "cross_holding_share (column sums of cross_holdings)", low=0.0, below=1.0)
    debts = _limited(as_claims(liabilities))
    fraction = part * debts.amount / debts.owed[debts.debtor]
    return Claims.from_arrays(debts.creditor, debts.debtor, fraction, debts.n, debts.names)


def _limited(table: Claims) -> Claims:
    if table.n > LARGEST:
        raise TooLargeError(
            f"has {table.n:,} organisations",
            where="cross_holdings",
            allowed=f"at most {LARGEST:,}: the dependency matrix is full",
        )
    return table


def _one_of(**given: Any) -> str:
    """Name of the argument that was given; exactly one must be."""
    found = [name for name, value in given.items() if value is not None]
    if len(found) != 1:
        raise SchemaError(
            "are both given" if found else "is missing",
            where=" and ".join(given),
            allowed="exactly one of them",
        )
    return found[0]
