"""What does each bank owe each other one if nothing is known but sums? Claims spread as evenly as the sums allow.

The matrix u_i v_j on the free cells with the given row and column sums is found by scaling rows and columns in turn,
or, where that is slow (a bank that is party to almost every debt), by Newton's method on log u and log v. Cells that
no matrix with these sums can fill are found first by a maximum flow and left at 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from contagion.arrays import FloatArray, reals
from contagion.claims import labels_of, same_labels
from contagion.errors import ConvergenceError, NetworkError, SchemaError, TooLargeError
from contagion.generate.reconstruct_flow import TIE, fill
from contagion.generate.reconstruct_sums import Sums, read_sums

__all__ = ["MaxEntropy", "max_entropy"]

Cells = NDArray[np.bool_]

MOST_BANKS: Final = 10_000
GAP: Final = 1e-12
SCALINGS: Final = 60
MOST_STEPS: Final = 200


@dataclass(frozen=True)
class MaxEntropy:
    """A matrix of maximum entropy.

    Parameters
    ----------
    liabilities : numpy.ndarray or pandas.DataFrame, shape (n, n)
        What each bank (row) owes each other one (column), money; a frame where banks have names.
    method : str
        ``scaling`` or ``newton``: what met the sums.
    rounds : int
        Scalings of all rows and columns, and Newton steps.
    gap : float
        Largest difference to a given sum, as a share of the total; at most 1e-12 (where the two given totals differ,
        against column sums that are scaled to the total of the rows).
    """

    liabilities: Any
    method: str
    rounds: int
    gap: float


def max_entropy(interbank_liabilities: Any, interbank_assets: Any, *, known: Any = None) -> MaxEntropy:
    """Spread debts as evenly as row sums, column sums and known entries allow.

    Parameters
    ----------
    interbank_liabilities, interbank_assets : array_like, Series or mapping, shape (n,)
        Row and column sums of the matrix of debts, money >= 0. Both labelled, joined by name, or neither.
    known : array_like or DataFrame, shape (n, n), optional
        Entries that are known, money >= 0; NaN where not. A frame where the sums have names.

    Returns
    -------
    MaxEntropy
        Known entries are kept; the others are u_i v_j off the diagonal.

    Raises
    ------
    InputError
        If a number is not finite or negative, lengths, labels or totals differ, or no matrix has these sums and
        entries: infeasible.
    TooLargeError
        If there are more than 10,000 banks: the matrix is dense.
    ConvergenceError
        If the sums are not met; names the worst bank.

    Examples
    --------
    >>> found = max_entropy([2, 1, 1], [1, 2, 1])
    >>> found.liabilities.round(3)
    array([[0.   , 1.397, 0.603],
           [0.603, 0.   , 0.397],
           [0.397, 0.603, 0.   ]])

    References
    ----------
    Upper (2011), Journal of Financial Stability 7(3). Anand, Craig, von Peter (2015), Quantitative Finance 15(4).
    """
    sums = read_sums(interbank_liabilities, interbank_assets)
    if sums.n > MOST_BANKS:
        raise TooLargeError(
            "banks are too many for a dense matrix", where="max_entropy", value=sums.n, allowed="10,000"
        )
    fixed, free = _read_known(known, sums)
    rest = _without_known(sums, fixed)
    cells = _possible(rest, free, sums.total, has_known=known is not None)
    matrix, method, rounds = _spread(rest, cells, sums.total)
    whole = fixed + matrix
    gap = max(np.abs(whole.sum(1) - sums.owed).max(), np.abs(whole.sum(0) - sums.claimed).max())
    return MaxEntropy(sums.labelled(whole), method, rounds, float(gap / sums.total) if sums.total else 0.0)


def _read_known(known: Any, sums: Sums) -> tuple[FloatArray, Cells]:
    """Known entries (0 where not known), and the cells that are free."""
    n = sums.n
    off_diagonal = ~np.eye(n, dtype=bool)
    if known is None:
        return np.zeros((n, n)), off_diagonal
    if isinstance(known, pd.DataFrame):
        if sums.names is not None:
            same_labels(sums.names, known.index, "known, rows")
            same_labels(sums.names, known.columns, "known, columns")
            known = known.loc[sums.names, sums.names]
        elif labels_of(known.index) is not None:
            raise SchemaError("has names, the sums have none", where="known", allowed="names on both")
        known = known.to_numpy()
    elif sums.names is not None:
        raise SchemaError(
            "has no names, the sums have", where="known", allowed="a DataFrame: no joins by position"
        )
    raw = np.asarray(known, dtype=np.float64)
    if raw.shape != (n, n):
        raise SchemaError(f"has shape {raw.shape}", where="known", allowed=f"length {n} on both sides")
    unknown = np.isnan(raw)
    fixed = reals(np.where(unknown, 0.0, raw), "known", low=0.0)
    own = np.flatnonzero(np.diag(fixed) > 0.0)
    if len(own):
        raise NetworkError(
            "owes itself (self-debt)", where="known", value=sums.name(int(own[0])), allowed="a zero diagonal"
        )
    return fixed, unknown & off_diagonal


def _without_known(sums: Sums, fixed: FloatArray) -> Sums:
    """What is left of both sums when known entries are taken out."""
    left = []
    for total, part, verb in (
        (sums.owed, fixed.sum(1), "owes"),
        (sums.claimed, fixed.sum(0), "is owed"),
    ):
        over = part - total
        worst = int(over.argmax())
        if over[worst] > GAP * (part[worst] + total[worst]):
            raise NetworkError(
                f"is infeasible: its known entries add up to {part[worst]:g}, it {verb} {total[worst]:g}",
                where="known",
                value=sums.name(worst),
                allowed="known entries that leave nothing negative",
            )
        rest = np.maximum(0.0, -over)
        left.append(np.where(rest <= GAP * total, 0.0, rest))
    return Sums(left[0], left[1], sums.names)


def _possible(sums: Sums, free: Cells, total: float, *, has_known: bool) -> Cells:
    """The free cells that can be positive; refuses sums that no free cells can carry (to 1e-9 of the total).

    A cell can be positive if money can go round through it: both ends lie in one strong component of the free cells
    and of the flow backwards.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    here = free & (sums.owed > 0.0)[:, None] & (sums.claimed > 0.0)
    n = sums.n
    slack = total - (sums.owed + sums.claimed)
    if not has_known and slack.min() > GAP * total:
        return here  # every cell has a way round
    flow, rest, reached = fill(sums.owed, sums.claimed, here)
    gap = sums.claimed - flow.sum(0)
    if max(rest.max(), gap.max()) > 1e-9 * total:
        _refuse(sums, rest, gap, reached)
    debtor, creditor = np.nonzero(here)
    paid, back = np.nonzero(flow > TIE * total)
    tails, heads = np.concatenate([debtor, n + back]), np.concatenate([n + creditor, paid])
    graph = coo_array((np.ones(len(tails), dtype=np.int8), (tails, heads)), shape=(2 * n, 2 * n))
    _, group = connected_components(graph.tocsr(), directed=True, connection="strong")
    return np.asarray(here & (group[:n, None] == group[n:]))


def _refuse(sums: Sums, rest: FloatArray, gap: FloatArray, reached: Cells) -> None:
    """Name the bank that cannot place its debts, or its claims."""
    owing = rest.max() >= gap.max()
    worst = int((rest if owing else gap).argmax())
    money = float((rest if owing else gap)[worst])
    others = [sums.name(int(place)) for place in np.flatnonzero(reached[: sums.n])]
    raise NetworkError(
        f"is infeasible: {money:g} of what it {'owes' if owing else 'is owed'} fits into no unknown entry "
        f"(together with {', '.join(others[:5]) or 'no other'})",
        where="known",
        value=sums.name(worst),
        allowed="known entries that leave room for the sums",
    )


def _spread(sums: Sums, cells: Cells, total: float) -> tuple[FloatArray, str, int]:
    """The matrix u_i v_j on the cells with the given sums, met to 1e-12 of the total."""
    if not cells.any():
        return np.zeros(cells.shape), "scaling", 0
    weight = cells.astype(np.float64)
    left, right = sums.owed / np.sqrt(sums.total), sums.claimed / np.sqrt(sums.total)
    for rounds in range(1, SCALINGS + 1):
        left = _ratio(sums.owed, weight @ right)
        right = _ratio(sums.claimed, left @ weight)
        gap = np.abs(left * (weight @ right) - sums.owed).max()
        if gap <= 0.5 * GAP * total:
            return left[:, None] * weight * right, "scaling", rounds
    return _newton(sums, weight, left, right, total)


def _newton(
    sums: Sums, weight: FloatArray, left: FloatArray, right: FloatArray, total: float
) -> tuple[FloatArray, str, int]:
    """Newton's method on the logarithms of both factors; the redundant direction of every block takes no step."""
    best = np.inf
    matrix = left[:, None] * weight * right
    for step in range(1, MOST_STEPS + 1):
        short_rows, short_columns = sums.owed - matrix.sum(1), sums.claimed - matrix.sum(0)
        gap = max(np.abs(short_rows).max(), np.abs(short_columns).max())
        if gap <= 0.5 * GAP * total or (gap <= GAP * total and gap >= best):
            return matrix, "newton", SCALINGS + step
        best = min(best, gap)
        up, along = _step(matrix, short_rows, short_columns)
        length = min(1.0, 2.0 / max(np.abs(up).max(), np.abs(along).max(), 1e-300))
        left, right = left * np.exp(length * up), right * np.exp(length * along)
        left = _ratio(sums.owed, weight @ right)
        right = _ratio(sums.claimed, left @ weight)
        matrix = left[:, None] * weight * right
    worst = int(np.abs(sums.owed - matrix.sum(1)).argmax())
    raise ConvergenceError(
        "sums are not met", round=SCALINGS + MOST_STEPS, gap=float(gap / total), worst=sums.name(worst)
    )


def _step(
    matrix: FloatArray, short_rows: FloatArray, short_columns: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Solve the Newton equations after eliminating the rows: a Laplacian of the columns."""
    rows, columns = matrix.sum(1), matrix.sum(0)
    share = _ratio(matrix.T, rows).T  # what part of each row stands in each column
    laplacian = -(matrix.T @ share)
    np.fill_diagonal(laplacian, 0.0)
    np.fill_diagonal(laplacian, -laplacian.sum(1))
    kept = np.flatnonzero(columns > 0.0)
    tied = np.diag(laplacian)[kept]
    scale = np.sqrt(
        np.where(tied > 1e-15 * columns[kept], tied, columns[kept])
    )  # a column alone takes no step
    target = (short_columns - share.T @ short_rows)[kept]
    reduced = laplacian[np.ix_(kept, kept)] / scale[:, None] / scale
    along = np.zeros(len(columns))
    along[kept] = np.linalg.lstsq(reduced, target / scale, rcond=1e-15)[0] / scale
    return _ratio(short_rows, rows) - share @ along, along


def _ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    """Quotient, 0 where nothing is below."""
    return np.divide(above, below, out=np.zeros(np.broadcast(above, below).shape), where=below > 0.0)
