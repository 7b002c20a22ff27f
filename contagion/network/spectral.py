"""How strongly does a network feed on itself? The spectral radius of a matrix without negative entries, with bounds.

The radius is the largest one over the strongly connected parts. Small parts are solved in full; large ones by power
iteration, and where that is slow (long rings, narrow bridges) by inverse iteration, both between bounds of Collatz and
Wielandt: for x > 0 the radius lies between the smallest and the largest (M x)_i / x_i.

References
----------
Collatz (1942), Mathematische Zeitschrift 48. Noda (1971), Numerische Mathematik 17.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from contagion.arrays import FloatArray
from contagion.errors import ConvergenceError, NetworkError, ValueRangeError

__all__ = ["spectral_radius"]

DENSE = 300
POWERS = 2_000
INVERSES = 60
TOLERANCE = 1e-13


def spectral_radius(matrix: Any) -> float:
    """Return the spectral radius of a square matrix with entries >= 0, dense or sparse.

    Parameters
    ----------
    matrix : array_like or sparse, shape (n, n)
        Finite entries >= 0.

    Raises
    ------
    InputError
        If it is not square, or an entry is negative or not finite.
    ConvergenceError
        If the bounds of a large part do not meet.

    Notes
    -----
    Memory is linear in entries; inverse iteration adds the fill of a sparse factorisation.

    Examples
    --------
    >>> spectral_radius([[0.0, 2.0], [0.5, 0.0]])
    1.0
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    entries = csr_array(matrix, dtype=np.float64)
    if entries.shape[0] != entries.shape[1]:
        raise NetworkError(f"is not square: shape {entries.shape}", where="matrix")
    if not (np.isfinite(entries.data).all() and (entries.data >= 0.0).all()):
        raise ValueRangeError("holds an entry that is negative or not finite", where="matrix")
    entries.eliminate_zeros()
    if entries.nnz == 0:
        return 0.0
    _, part = connected_components(entries, directed=True, connection="strong")
    largest = float(entries.diagonal().max())
    sizes = np.bincount(part)
    order = np.argsort(part, kind="stable")
    ends = np.cumsum(sizes)
    for k in np.flatnonzero(sizes > 1):
        members = order[ends[k] - sizes[k] : ends[k]]
        block = entries[members][:, members]
        if block.sum(axis=1).max() > largest:
            largest = max(largest, _irreducible(block))
    return largest


def _irreducible(block: Any) -> float:
    """Spectral radius of a strongly connected part."""
    n = block.shape[0]
    if n <= DENSE:
        return float(np.abs(np.linalg.eigvals(block.toarray())).max())
    vector, low, high = np.ones(n), 0.0, np.inf
    for _ in range(POWERS):
        image = block @ vector
        low, high = _bounds(image, vector, low, high)
        if high - low <= TOLERANCE * high:
            return 0.5 * (low + high)
        vector = image + high * vector  # shifted, so that no period keeps it turning
        vector = vector / vector.max()
    return _inverse(block, vector, low, high)


def _inverse(block: Any, vector: FloatArray, low: float, high: float) -> float:
    """Noda's iteration: inverse iteration at the upper bound, which comes down to the radius."""
    from scipy.sparse import eye_array
    from scipy.sparse.linalg import splu

    for _ in range(INVERSES):
        shifted = (high * (1.0 + TOLERANCE) * eye_array(block.shape[0]) - block).tocsc()
        following = np.abs(splu(shifted).solve(vector))
        vector = np.maximum(following / following.max(), np.finfo(float).tiny)
        low, high = _bounds(block @ vector, vector, low, high)
        if high - low <= 10.0 * TOLERANCE * high:
            return 0.5 * (low + high)
    raise ConvergenceError("spectral radius does not settle", round=INVERSES, gap=high - low, worst="")


def _bounds(image: FloatArray, vector: FloatArray, low: float, high: float) -> tuple[float, float]:
    ratio = image / vector
    return max(low, float(ratio.min())), min(high, float(ratio.max()))
