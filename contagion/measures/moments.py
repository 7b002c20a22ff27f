"""How much do prices move, and together? Volatilities and correlations of a network's assets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.arrays import real
from contagion.errors import SchemaError, ValueRangeError, nearest, shown

if TYPE_CHECKING:
    from contagion.network.network import Network

Floats = npt.NDArray[np.float64]

SECONDS_PER_DAY: Final = 86_400.0
DEFAULT_CORRELATION: Final = 0.8
"""Correlation of any two assets where nothing is said; an assumption, the same as that of `ct.PriceShocks`."""
TOLERANCE: Final = 1e-9


def covariance_of(
    net: Network,
    assets: Sequence[str],
    *,
    volatility: Mapping[str, float] | float | None = None,
    correlation: float | pd.DataFrame | None = None,
    covariance: pd.DataFrame | None = None,
) -> Floats:
    """Return the covariance of daily log returns of some assets.

    Parameters
    ----------
    net : Network
        Its table `assets` has the volatilities that are not given.
    assets : sequence of str
        Names, in the order of the result.
    volatility : mapping of str to float, or float, optional
        Standard deviation of the log return per square root of a day, where it differs from the network's.
    correlation : float or DataFrame, optional
        One number for every pair, or a matrix with names on both sides; 0.8 if not given (an assumption).
    covariance : DataFrame, optional
        Covariance of daily log returns with names on both sides, in place of the other two.

    Returns
    -------
    ndarray, shape (n_assets, n_assets)
        Symmetric and positive semidefinite.

    Raises
    ------
    SchemaError
        Something is of the wrong kind, names an asset that the network doesn't have or leaves one out, or
        `covariance` comes with another one.
    ValueRangeError
        A number is out of range, or the matrix is not symmetric and positive semidefinite.

    Examples
    --------
    >>> import contagion as ct
    >>> net = ct.Network([{"name": "V"}], assets=[{"name": "BTC", "kind": "coin", "price": 100.0, "volatility": 0.03}])
    >>> print(covariance_of(net, ["BTC"]).round(6))
    [[0.0009]]
    """
    if covariance is not None:
        if volatility is not None or correlation is not None:
            raise SchemaError(
                "comes with a volatility or a correlation", where="covariance", remedy="give only one of them"
            )
        return _positive(_matrix(covariance, assets, "covariance"), "covariance")
    sigma = _volatilities(net, assets, volatility)
    if isinstance(correlation, pd.DataFrame):
        mixed = _matrix(correlation, assets, "correlation")
        if np.abs(np.diag(mixed) - 1.0).max(initial=0.0) > TOLERANCE:
            raise ValueRangeError("has a diagonal other than 1", where="correlation")
        if np.abs(mixed).max(initial=0.0) > 1.0 + TOLERANCE:
            raise ValueRangeError("has entries beyond -1 and 1", where="correlation")
    else:
        given = DEFAULT_CORRELATION if correlation is None else correlation
        shared = real(given, "correlation", low=-1.0, high=1.0)
        mixed = np.where(np.eye(len(assets), dtype=bool), 1.0, shared)
    return _positive(mixed, "correlation") * np.outer(sigma, sigma)


def lower_factor(covariance: Floats) -> Floats:
    """Return a lower triangular root of a positive semidefinite matrix, zero columns where it is singular.

    Row i depends on the first i assets alone, so that further assets change nobody else's draws.

    Examples
    --------
    >>> lower_factor(np.array([[4.0, 2.0], [2.0, 1.0]])).tolist()
    [[2.0, 0.0], [1.0, 0.0]]
    """
    size = len(covariance)
    lower = np.zeros((size, size))
    for j in range(size):
        rest = covariance[j:, j] - lower[j:, :j] @ lower[j, :j]
        if rest[0] > 1e-12 * max(float(covariance[j, j]), 1e-300):
            lower[j:, j] = rest / np.sqrt(rest[0])
    return lower


def _volatilities(net: Network, assets: Sequence[str], given: Mapping[str, float] | float | None) -> Floats:
    """Return daily volatilities, ``(n_assets,)``."""
    table = net.assets["volatility"]
    if isinstance(given, Mapping):
        for name in given:
            if name not in table.index:
                raise SchemaError(
                    f"is no asset of the network{nearest(str(name), list(table.index))}",
                    where="volatility",
                    value=name,
                )
    elif given is not None:
        given = dict.fromkeys(assets, real(given, "volatility", low=0.0))
    own = given or {}
    found = []
    for name in assets:
        value = own.get(name, float(table[name]))
        if value is not None and isinstance(value, float) and np.isnan(value) and name not in own:
            raise SchemaError(
                f"of the asset {shown(name)} is not known",
                where="volatility",
                remedy=f"give volatility={{{name!r}: ...}} or fill the column of the table assets",
            )
        found.append(real(value, f"volatility[{shown(name)}]", low=0.0))
    return np.array(found, dtype=np.float64)


def _matrix(given: object, assets: Sequence[str], where: str) -> Floats:
    """Return the rows and columns of some assets of a labelled symmetric matrix."""
    if not isinstance(given, pd.DataFrame):
        raise SchemaError(
            "is no DataFrame", where=where, value=given, allowed="a matrix with names of assets on both sides"
        )
    names = list(given.index)
    if not (given.index.is_unique and given.columns.is_unique) or set(names) != set(given.columns):
        raise SchemaError("has other names in its rows than in its columns", where=where)
    for name in assets:
        if name not in names:
            raise SchemaError(
                f"has no entry for the asset {shown(name)}{nearest(name, list(map(str, names)))}", where=where
            )
    kinds = [given[name].dtype for name in names]
    if not all(pd.api.types.is_any_real_numeric_dtype(kind) for kind in kinds):
        raise SchemaError("holds something else than numbers", where=where)
    matrix = given.loc[list(assets), list(assets)].to_numpy(np.float64)
    if not np.isfinite(matrix).all():
        raise ValueRangeError("is not finite", where=where)
    if np.abs(matrix - matrix.T).max(initial=0.0) > TOLERANCE * max(1.0, np.abs(matrix).max(initial=0.0)):
        raise ValueRangeError("is not symmetric", where=where)
    return matrix


def _positive(matrix: Floats, where: str) -> Floats:
    """Return a symmetric matrix that is positive semidefinite, or refuse it."""
    if len(matrix):
        lowest = float(np.linalg.eigvalsh(matrix).min())
        if lowest < -TOLERANCE * max(float(np.abs(matrix).max()), 1e-300) * len(matrix):
            raise ValueRangeError(
                f"has a negative eigenvalue, {lowest:.3g}", where=where, allowed="positive semidefinite"
            )
    return matrix
