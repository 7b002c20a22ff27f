"""Shares of variance from runs in which some inputs are picked anew and the others frozen.

With f the result, A and B two independent sets of draws of all inputs, and A_i the set A with input i taken from B,
every estimator starts from an array of shape (n, 2 + k): f(A), f(B), f(A_1), ..., f(A_k), one row per base draw. The
first share of an input is what goes when it alone is known, the total share what stays while it alone is unknown.

References
----------
Jansen (1999), Analysis of variance designs for model output; Saltelli et al. (2010), Variance based sensitivity
analysis of model output, table 2; Sobol (2001), Global sensitivity indices for nonlinear mathematical models.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import sobol_indices

from contagion.errors import ScenarioError

__all__ = ["jansen", "saltelli", "shares_table", "variance_of"]

Floats = npt.NDArray[np.float64]

MIXED: Final = 2
"""Place of the first column of a mixed set."""


def variance_of(values: Floats) -> float:
    """Variance of the result over both sets of draws."""
    return float(np.var(values[:, :MIXED], ddof=1))


def jansen(values: Floats) -> Floats:
    """First and total shares, shape (2, k), from mean squared differences to f(B) and f(A)."""
    variance = variance_of(values)
    if variance == 0.0:
        return np.full((2, values.shape[1] - MIXED), np.nan)
    a, b, mixed = values[:, [0]], values[:, [1]], values[:, MIXED:]
    first = 1.0 - ((b - mixed) ** 2).mean(axis=0) / (2.0 * variance)
    total = ((a - mixed) ** 2).mean(axis=0) / (2.0 * variance)
    return np.stack([first, total])


def saltelli(values: Floats) -> Floats:
    """First and total shares, shape (2, k), as `scipy.stats.sobol_indices` estimates them."""
    f = values.T[:, np.newaxis, :]
    mixed = f[MIXED:]
    if len(mixed) == 1:
        mixed = np.repeat(mixed, 2, axis=0)  # scipy takes no single parameter
    with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        found = sobol_indices(func={"f_A": f[0], "f_B": f[1], "f_AB": mixed}, n=len(values))
    both = [np.ravel(found.first_order), np.ravel(found.total_order)]
    return np.stack(both)[:, : values.shape[1] - MIXED]


def shares_table(
    values: Floats,
    names: Sequence[str],
    shares: Callable[[Floats], Floats],
    source: np.random.Generator,
    draws: int,
    *,
    index: str,
    metric: str,
) -> pd.DataFrame:
    """Shares of every input with bootstrap standard errors over base draws.

    Parameters
    ----------
    values : ndarray, shape (n, 2 + k)
        f(A), f(B), f(A_1), ..., f(A_k).
    names : sequence of str, length k
        The inputs.
    shares : callable
        `jansen` or `saltelli`.
    source : numpy.random.Generator
        Which base draws each resample takes.
    draws : int
        Resamples.
    index : str
        Name of the index.
    metric : str
        What the result is called in messages.

    Returns
    -------
    pandas.DataFrame
        One row per input; first, first_se, total, total_se.

    Raises
    ------
    ScenarioError
        If the result has no value in some draw, or is the same in all of A and B.

    Examples
    --------
    >>> import numpy as np
    >>> a, b = np.random.default_rng(1).normal(size=(2, 400))
    >>> runs, source = np.stack([a, b, b], axis=1), np.random.default_rng(2)
    >>> table = shares_table(runs, ["x"], jansen, source, 99, index="input", metric="loss")
    >>> table.columns.tolist(), float(table.loc["x", "first"])
    (['first', 'first_se', 'total', 'total_se'], 1.0)
    """
    if not np.isfinite(values).all():
        raise ScenarioError(f"{metric} has no value in some draw", remedy="take a metric that always has one")
    if variance_of(values) == 0.0:
        raise ScenarioError(f"{metric} is the same in every draw: there is no variance to split")
    n = len(values)
    again = np.array([shares(values[source.integers(0, n, n)]) for _ in range(draws)])
    (first, total), (first_se, total_se) = shares(values), np.nanstd(again, axis=0, ddof=1)
    columns = {"first": first, "first_se": first_se, "total": total, "total_se": total_se}
    return pd.DataFrame(columns, index=pd.Index(list(names), name=index))
