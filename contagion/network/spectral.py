"""How strongly does a network feed on itself? The spectral radius of a matrix without negative entries, with bounds.

The radius is the largest one over the strongly connected parts. Each is found by power iteration between bounds of
Collatz and Wielandt (for x > 0 the radius lies between the smallest and the largest (M x)_i / x_i), and where that is
slow (long rings, narrow bridges) by halving the bounds with a sparse factorisation.

References
----------
Collatz (1942), Mathematische Zeitschrift 48. Berman, Plemmons (1994), Nonnegative Matrices in the Mathematical
Sciences, SIAM, theorem 6.2.3.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from contagion.arrays import FloatArray
from contagion.errors import ConvergenceError, NetworkError, ValueRangeError

__all__ = ["spectral_radius"]

POWERS = 500
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
    Memory is linear in entries; halving adds the fill of a sparse factorisation.

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
    vector, low, high = np.ones(block.shape[0]), 0.0, np.inf
    for _ in range(POWERS):
        image = block @ vector
        low, high = _bounds(image, vector, low, high)
        if high - low <= TOLERANCE * high:
            return 0.5 * (low + high)
        vector = image + high * vector  # shifted, so that no period keeps it turning
        vector = vector / vector.max()
    return _bisected(block, low, high)


def _bisected(block: Any, low: float, high: float) -> float:
    """Halve the bounds: the radius is below x if and only if (x I - M) u = 1 has a solution u > 0."""
    from scipy.sparse import eye_array
    from scipy.sparse.linalg import splu

    unit, ones = eye_array(block.shape[0], format="csc"), np.ones(block.shape[0])
    columns = block.tocsc()
    while high - low > TOLERANCE * high:
        middle = 0.5 * (low + high)
        try:
            found = splu(middle * unit - columns).solve(ones)
        except RuntimeError:  # exactly singular: the radius is at least the middle
            found = -ones
        if not np.isfinite(found).all():
            raise ConvergenceError(
                f"spectral radius does not settle: between {low:.6g} and {high:.6g}",
                where=f"a part of {block.shape[0]} nodes",
            )
        low, high = (low, middle) if (found > 0.0).all() else (middle, high)
    return 0.5 * (low + high)


def _bounds(image: FloatArray, vector: FloatArray, low: float, high: float) -> tuple[float, float]:
    ratio = image / vector
    return max(low, float(ratio.min())), min(high, float(ratio.max()))
