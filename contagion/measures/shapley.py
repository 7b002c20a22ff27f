"""Who made a sum? Shares of a total among players, from what every coalition makes on its own.

Coalitions are numbered by bits: player i belongs to coalition b when bit i of b is set; 0 is nobody, 2^n - 1 is
everybody.

References
----------
Shapley (1953), "A value for n-person games". Tarashev, Tsatsaronis, Borio (2016), "Risk attribution using the
Shapley value", Review of Finance 20(3), for shares of systemic risk.
"""

from __future__ import annotations

from fractions import Fraction
from math import comb
from typing import Any

import numpy as np
import numpy.typing as npt

from contagion.errors import SchemaError

__all__ = ["first_in", "leave_one_out", "shapley_values"]


def shapley_values(worth: npt.ArrayLike) -> npt.NDArray[Any]:
    """Return each player's mean contribution over all orders in which the players can come.

    Parameters
    ----------
    worth : array_like
        Worth of every coalition, shape (2^n,) or (2^n, m): m games at once. Fractions stay exact.

    Returns
    -------
    numpy.ndarray
        Shape (n,) or (n, m). The sum over players is the worth of everybody less that of nobody.

    Raises
    ------
    SchemaError
        If the length is no power of two above 1.

    Examples
    --------
    >>> shapley_values([0.0, 0.0, 0.0, 6.0]).tolist()
    [3.0, 3.0]
    """
    values, n = _game(worth)
    coalitions = np.arange(len(values))
    sizes = np.array([int(coalition).bit_count() for coalition in coalitions])
    exact = values.dtype == object
    shares = [Fraction(1, n * comb(n - 1, size)) for size in range(n)]
    weights = np.array(shares if exact else [float(share) for share in shares], dtype=values.dtype)
    found = []
    for player in range(n):
        without = coalitions[(coalitions >> player) & 1 == 0]
        gained = values[without | (1 << player)] - values[without]
        found.append((weights[sizes[without]].reshape(-1, *[1] * (values.ndim - 1)) * gained).sum(axis=0))
    return np.array(found, dtype=values.dtype)


def leave_one_out(worth: npt.ArrayLike) -> npt.NDArray[Any]:
    """Return by how much the worth of everybody falls when one player leaves; parameters as in `shapley_values`.

    Examples
    --------
    >>> leave_one_out([0.0, 1.0, 2.0, 6.0]).tolist()
    [4.0, 5.0]
    """
    values, n = _game(worth)
    everybody = len(values) - 1
    return np.array([values[everybody] - values[everybody ^ (1 << player)] for player in range(n)])


def first_in(worth: npt.ArrayLike) -> npt.NDArray[Any]:
    """Return what each player adds to nobody; parameters as in `shapley_values`.

    Examples
    --------
    >>> first_in([0.0, 1.0, 2.0, 6.0]).tolist()
    [1.0, 2.0]
    """
    values, n = _game(worth)
    return np.array([values[1 << player] - values[0] for player in range(n)])


def _game(worth: npt.ArrayLike) -> tuple[npt.NDArray[Any], int]:
    values = np.asarray(worth)
    n = max(len(values) - 1, 0).bit_length() if values.ndim else 0
    if values.ndim not in (1, 2) or n < 1 or len(values) != 1 << n:
        raise SchemaError(
            f"has shape {values.shape}",
            where="worth",
            allowed="one row per coalition, 2 ** n rows, n at least 1",
        )
    return values if values.dtype == object else values.astype(np.float64), n
