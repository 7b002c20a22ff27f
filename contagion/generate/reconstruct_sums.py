"""What is known of an interbank network that is reported only in sums: totals per bank, checked for a solution.

Some matrix with a zero diagonal has given row and column sums exactly if both have one total and no bank's two sums
together exceed it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from contagion.arrays import FloatArray, reals
from contagion.claims import labels_of, same_labels
from contagion.errors import InputError, NetworkError, SchemaError

__all__ = ["LEAST_LINK", "Sums", "read_sums"]

TOTALS: Final = 1e-9
"""Largest difference of the two totals, relative."""
LEAST_LINK: Final = 1e-9
"""Amounts below this share of the total are no links."""
TIE: Final = 1e-12
DEBTS, CLAIMS = "interbank_liabilities", "interbank_assets"


@dataclass(frozen=True)
class Sums:
    """Row and column sums of a matrix of debts with a zero diagonal, which exists.

    Parameters
    ----------
    owed, claimed : numpy.ndarray, shape (n,)
        What each bank owes and is owed inside the network, money >= 0; the same total to rounding.
    names : pandas.Index, optional
        Labels of the banks.
    """

    owed: FloatArray
    claimed: FloatArray
    names: pd.Index | None = None

    @property
    def n(self) -> int:
        """Number of banks."""
        return len(self.owed)

    @property
    def total(self) -> float:
        """Money owed inside the network."""
        return float(self.owed.sum())

    def name(self, place: int) -> str:
        """How messages call a bank."""
        return f"bank {place if self.names is None else repr(self.names[place])}"

    def labelled(self, matrix: FloatArray) -> Any:
        """A matrix of banks as a frame where banks have names."""
        return matrix if self.names is None else pd.DataFrame(matrix, index=self.names, columns=self.names)


def read_sums(interbank_liabilities: Any, interbank_assets: Any) -> Sums:
    """Check row and column sums.

    Parameters
    ----------
    interbank_liabilities, interbank_assets : array_like, Series or mapping, shape (n,)
        What each bank owes and is owed inside the network, money >= 0. Both labelled, joined by name, or neither.

    Returns
    -------
    Sums
        Column sums are scaled to the total of the rows (a difference below 1e-9).

    Raises
    ------
    InputError
        If a number is not finite or negative, lengths or labels differ, totals differ, there is no bank, or a bank
        owes and is owed more than the total together: infeasible without debt to itself.

    Examples
    --------
    >>> read_sums({"A": 2, "B": 1}, {"B": 2, "A": 1}).claimed
    array([1., 2.])
    """
    names, debts, claims = _joined(interbank_liabilities, interbank_assets)
    owed, claimed = (
        reals(debts, DEBTS, low=0.0, dimensions=1),
        reals(claims, CLAIMS, low=0.0, dimensions=1),
    )
    if len(owed) != len(claimed):
        raise SchemaError(
            f"has length {len(owed)}, {CLAIMS} has length {len(claimed)}", where=DEBTS, allowed="one a bank"
        )
    if not len(owed):
        raise NetworkError("is empty", where=DEBTS, allowed="at least one bank")
    rows, columns = float(owed.sum()), float(claimed.sum())
    if abs(rows - columns) > TOTALS * max(rows, columns):
        raise InputError(
            f"total {rows:.12g} is not the total {columns:.12g} of {CLAIMS}",
            where=DEBTS,
            allowed=f"totals that agree to {TOTALS:g} of each other: every debt is somebody's claim",
        )
    total = max(rows, columns)
    both = owed + claimed
    worst = int(both.argmax())
    sums = Sums(owed, claimed if columns == 0.0 else claimed * (rows / columns), names)
    if both[worst] > total + TIE * (both[worst] + total):
        raise NetworkError(
            f"is infeasible: it owes {owed[worst]:g} and is owed {claimed[worst]:g}, together more than the "
            f"total {total:g}",
            where=f"{DEBTS}, {CLAIMS}",
            value=sums.name(worst),
            allowed="at most the total together: nobody owes itself",
        )
    return sums


def _joined(debts: Any, claims: Any) -> tuple[pd.Index | None, Any, Any]:
    """Names and both columns in the order of the first; labelled columns are joined by name."""
    first, second = _as_series(debts), _as_series(claims)
    names = None if first is None else labels_of(first.index)
    others = None if second is None else labels_of(second.index)
    if names is None and others is None:
        return (
            None,
            debts if first is None else first.to_numpy(),
            claims if second is None else second.to_numpy(),
        )
    if names is None or others is None or first is None or second is None:
        raise SchemaError(
            "one has names, the other has none",
            where=f"{DEBTS}, {CLAIMS}",
            allowed="names on both, or on neither: no joins by position",
        )
    for index, where in ((names, DEBTS), (others, CLAIMS)):
        if not index.is_unique:
            raise NetworkError("names a bank twice", where=where, value=index[index.duplicated()][0])
    same_labels(names, others, f"{CLAIMS} against {DEBTS}")
    return names, first.to_numpy(), second.reindex(names).to_numpy()


def _as_series(values: Any) -> pd.Series | None:
    if isinstance(values, Mapping):
        return pd.Series(dict(values), dtype=object)
    return values if isinstance(values, pd.Series) else None
