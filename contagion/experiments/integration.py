"""Does it help to be held by many, or to be held a lot? Failures in random networks of cross-holdings.

Every organisation owns one asset worth 1. A part of it, the *integration*, is held by others, on average as many as its
*diversification*, in equal parts. One organisation, drawn at random, loses its asset; whoever falls below a share of
its former value fails and loses its own asset too. More integration spreads losses and shields from one's own; more
diversification first connects the network, then makes every single loss small.

References
----------
Elliott, Golub, Jackson (2014), "Financial networks and contagion", American Economic Review 104(10), the simulations on
random networks.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from contagion import streams
from contagion.arrays import FloatArray, real, reals
from contagion.errors import SchemaError, TooLargeError, ValueRangeError
from contagion.measures.proportions import mean_share_interval, share_interval
from contagion.propagation.holdings_kernels import failures_of_draws

__all__ = ["IntegrationExperiment", "integration_experiment"]

GRID: Final = ("degree", "integration", "theta", "failure_cost")
DEGREES: Final = (1, 2, 3, 5, 7, 10, 15, 20)
CELLS_AT_ONCE: Final = 2_000_000
LARGEST: Final = 5_000
Whole = NDArray[np.int64]


@dataclass(frozen=True, eq=False, repr=False)
class IntegrationExperiment:
    """Failures over a grid of networks, made by `integration_experiment`.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per point of the grid: degree, integration, theta, failure_cost; then, each with `_low` and `_high`,
        share_failing (mean share of organisations that fail), first_failure (share of draws in which one fails),
        contagion (share of draws in which another than the one that lost its asset fails), share_after_failure (mean
        share of organisations that fail where one does; NaN where none ever does).
    n : int
        Number of organisations.
    drop : float
        Share of its asset that the organisation drawn loses.
    n_draws, seed : int
        Number of networks drawn at each point, and the root seed.
    confidence : float
        Coverage of the intervals.
    """

    table: pd.DataFrame
    n: int
    drop: float
    n_draws: int
    seed: int
    confidence: float

    def to_frame(self) -> pd.DataFrame:
        """Return the table, a copy."""
        return self.table.copy()

    def __repr__(self) -> str:
        worst = self.table.iloc[int(self.table["share_failing"].argmax())]
        return (
            f"{len(self.table):,} kinds of networks of {self.n:,} organisations, {self.n_draws:,} draws each: "
            f"most fail ({worst['share_failing']:.0%}) at diversification {worst['degree']:g}, integration "
            f"{worst['integration']:g}, threshold {worst['theta']:g}"
        )


def integration_experiment(
    n: int = 100,
    *,
    degree: Any = None,
    integration: Any = 0.5,
    theta: Any = 0.93,
    failure_cost: Any = 1.0,
    drop: float = 1.0,
    n_draws: int = 200,
    seed: int = 0,
    confidence: float = 0.95,
) -> IntegrationExperiment:
    """Share of organisations that fail after one of them has lost its asset, over a grid of networks.

    Parameters
    ----------
    n : int, default 100
        Number of organisations, 2 to 5,000.
    degree : float or sequence, optional
        Diversification: expected number of organisations that hold a given one, 0 to n - 1; default 1, 2, 3, 5, 7, 10,
        15, 20 as far as below n.
    integration : float or sequence
        Share of each organisation that others hold, 0 to below 1.
    theta : float or sequence
        Share of its former value below which an organisation fails, >= 0.
    failure_cost : float or sequence
        Share of its asset that a failing organisation loses, 0 to 1, at most what it has left.
    drop : float, default 1.0
        Share of its asset that the organisation drawn loses at the start, 0 to 1.
    n_draws : int, default 200
        Networks at each point; draw k has the same numbers at every point, so that points differ by what they are.
    seed : int, default 0
        Root seed.
    confidence : float, default 0.95
        Least coverage of the intervals.

    Returns
    -------
    IntegrationExperiment
        Matrices are full: time grows with n³ for every draw, degree and integration.

    Raises
    ------
    InputError
        If a number is none or outside its range.

    Examples
    --------
    >>> found = integration_experiment(30, degree=[0, 2, 25], n_draws=20).to_frame()
    >>> found["share_failing"].round(3).tolist()
    [0.033, 0.675, 0.033]

    References
    ----------
    Elliott, Golub, Jackson (2014), American Economic Review 104(10).
    """
    _whole("n", n, 2, LARGEST)
    _whole("n_draws", n_draws, 1, 1_000_000)
    streams.check_seed(seed)
    shock = real(drop, "drop", low=0.0, high=1.0)
    axes = (
        _axis("degree", [d for d in DEGREES if d < n] if degree is None else degree, high=n - 1.0),
        _axis("integration", integration, below=1.0),
        _axis("theta", theta),
        _axis("failure_cost", failure_cost, high=1.0),
    )
    failing = np.zeros((*map(len, axes), n_draws), dtype=np.int64)
    others = np.zeros_like(failing)
    batch = max(1, CELLS_AT_ONCE // n**2)
    for first in range(0, n_draws, batch):
        drawn = slice(first, min(first + batch, n_draws))
        hit, ties = _draws(seed, n, range(drawn.start, drawn.stop))
        for (a, diversification), (b, held) in product(enumerate(axes[0]), enumerate(axes[1])):
            found = np.empty((2, len(axes[2]), len(axes[3]), len(hit)), dtype=np.int64)
            failures_of_draws(ties, hit, diversification / (n - 1.0), held, shock, axes[2], axes[3], *found)
            failing[a, b, ..., drawn], others[a, b, ..., drawn] = found
    rows = [
        _row(values, failing[place] / n, others[place] > 0, confidence)
        for place, values in zip(np.ndindex(*map(len, axes)), product(*axes), strict=True)
    ]
    return IntegrationExperiment(pd.DataFrame(rows), int(n), shock, int(n_draws), int(seed), confidence)


def _draws(seed: int, n: int, draws: range) -> tuple[Whole, FloatArray]:
    """Who is hit, shape (n_draws,), and a number per pair that decides whether it is a link, shape (n_draws, n, n)."""
    hit, ties = np.empty(len(draws), dtype=np.int64), np.empty((len(draws), n, n))
    for k, draw in enumerate(draws):
        generator = streams.stream(seed, "cross-holdings", draw)
        hit[k] = generator.integers(n)
        generator.random(out=ties[k])
    return hit, ties


def _row(
    values: tuple[float, ...], shares: FloatArray, others: NDArray[np.bool_], confidence: float
) -> dict[str, float]:
    some = shares > 0.0
    row = dict(zip(GRID, map(float, values), strict=True))
    found = {
        "share_failing": mean_share_interval(shares, confidence=confidence),
        "first_failure": share_interval(some, confidence=confidence),
        "contagion": share_interval(others, confidence=confidence),
        "share_after_failure": mean_share_interval(shares[some], confidence=confidence)
        if some.any()
        else None,
    }
    for name, interval in found.items():
        for suffix, part in (("", "value"), ("_low", "low"), ("_high", "high")):
            row[name + suffix] = float("nan") if interval is None else float(getattr(interval, part))
    return row


def _axis(name: str, values: Any, **limits: Any) -> FloatArray:
    found = np.atleast_1d(reals(values, name, low=0.0, **limits))
    if found.ndim != 1 or not len(found):
        raise SchemaError(f"has shape {found.shape}", where=name, allowed="a number or a list of numbers")
    if len(np.unique(found)) < len(found):
        raise ValueRangeError("holds a number twice", where=name, value=values, allowed="each number once")
    return found


def _whole(name: str, value: object, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise SchemaError("is no whole number", where=name, value=value, allowed=f"{least} to {most:,}")
    if value < least:
        raise ValueRangeError("is too small", where=name, value=value, allowed=f"{least} to {most:,}")
    if value > most:
        raise TooLargeError("is too large", where=name, value=value, allowed=f"{least} to {most:,}")
