"""How might the same study have come out? Bootstrap weights on scenarios, and on networks.

One network: every scenario gets an independent Poisson(1) weight. Below 20 networks scenarios are drawn with
replacement within each network, so that intervals speak *for these networks*; from 20 on networks are drawn
with replacement first. Weights come from streams keyed by seed and metric, never by policy: all policies are
resampled alike, and a policy added changes nobody's interval.

References
----------
Hanley, MacGibbon (2006), "Creating non-parametric bootstrap samples using Poisson frequencies".
Davison, Hinkley (1997), "Bootstrap Methods and their Application", section 3.8, for two-stage resampling.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from contagion.errors import SchemaError, ValueRangeError
from contagion.streams import check_seed, stream

__all__ = ["DRAWS", "FEW_NETWORKS", "Resampling", "between_networks", "central", "samples"]

Array = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]

DRAWS: Final = 999
"""Bootstrap draws: with 999, order statistics are exact quantiles at the usual levels."""

FEW_NETWORKS: Final = 20
"""From so many networks on, networks are resampled too."""

LEAST_PER_NETWORK: Final = 10
"""Below so many scenarios per network, resampling within networks understates the spread."""

BLOCK_VALUES = 1_000_000
"""Weights held in memory at a time; the numbers do not depend on it."""


@dataclass(frozen=True, eq=False)
class Resampling:
    """How the scenarios of a study are resampled.

    Parameters
    ----------
    codes : numpy.ndarray
        Network of every scenario as a number from 0, shape (n,).
    n_networks : int
        Number of networks.
    seed : int
        Root seed.
    key : tuple of str
        What the study is about, such as the name of a metric.
    """

    codes: Codes
    n_networks: int
    seed: int
    key: tuple[str, ...]

    @classmethod
    def make(cls, n: int, networks: npt.ArrayLike | None, seed: int, key: tuple[str, ...] = ()) -> Resampling:
        """Return the resampling of n scenarios that ran on the given networks (one if None).

        Raises
        ------
        SchemaError
            If there is not one network per scenario.
        SchemaError, ValueRangeError, TooLargeError
            If the seed is no whole number from 0 to 2**128.
        """
        if networks is None:
            return cls(np.zeros(n, dtype=np.intp), 1, check_seed(seed), key)
        labels = np.asarray(networks)
        if labels.shape != (n,):
            raise SchemaError(
                f"has shape {labels.shape}", where="networks", allowed=f"one per scenario, ({n},)"
            )
        unique, codes = np.unique(labels, return_inverse=True)
        return cls(codes.astype(np.intp), len(unique), check_seed(seed), key)

    @property
    def refusal(self) -> str:
        """Why no interval can be given, or an empty text."""
        if not 1 < self.n_networks < FEW_NETWORKS:
            return ""
        least = int(np.bincount(self.codes).min())
        return f"{least} scenarios per network < {LEAST_PER_NETWORK}" if least < LEAST_PER_NETWORK else ""

    def reach(self, k: float) -> int:
        """Number of largest values that a tail of k points can need under any weights."""
        n = len(self.codes)
        if self.n_networks >= FEW_NETWORKS:
            return n
        return min(n, math.ceil(k + 12.0 * math.sqrt(k) + 60.0))

    def blocks(self, kept: Codes) -> Iterator[tuple[Array, Array]]:
        """Yield weights of the kept scenarios and total weights of all, draws in rows.

        Parameters
        ----------
        kept : numpy.ndarray
            Scenarios whose own weights are needed, shape (m,), rising.

        Yields
        ------
        weights : numpy.ndarray
            Shape (b, m); b differs from block to block, 999 in sum.
        totals : numpy.ndarray
            Sum of the weights of all n scenarios, shape (b,).
        """
        sources = [stream(self.seed, "bootstrap", *self.key, code) for code in range(self.n_networks)]
        whole = stream(self.seed, "bootstrap whole", *self.key)
        rows = max(1, BLOCK_VALUES // max(1, len(kept) if self.n_networks == 1 else len(self.codes)))
        for start in range(0, DRAWS, rows):
            size = min(rows, DRAWS - start)
            if self.n_networks == 1:
                yield self._poisson(size, len(kept), sources[0], whole)
            else:
                yield self._within_networks(size, kept, sources, whole)

    def _poisson(
        self, size: int, m: int, source: np.random.Generator, whole: np.random.Generator
    ) -> tuple[Array, Array]:
        weights = source.poisson(1.0, size=(size, m)).astype(np.float64)
        rest = whole.poisson(float(len(self.codes) - m), size=size)
        return weights, weights.sum(axis=1) + rest

    def _within_networks(
        self, size: int, kept: Codes, sources: list[np.random.Generator], whole: np.random.Generator
    ) -> tuple[Array, Array]:
        """Draw scenarios with replacement within every network; networks too, where there are many."""
        n = self.n_networks
        times = np.ones((size, n), dtype=np.int64)
        if n >= FEW_NETWORKS:
            times = whole.multinomial(n, np.full(n, 1.0 / n), size=size)
        weights, totals = np.zeros((size, len(kept))), np.zeros(size)
        for code, source in enumerate(sources):
            members = np.flatnonzero(self.codes == code)
            places = np.flatnonzero(self.codes[kept] == code)
            lengths = times[:, code] * len(members)
            row = np.repeat(np.arange(size), lengths)
            found = source.integers(len(members), size=int(lengths.sum()))
            counts = np.bincount(row * len(members) + found, minlength=size * len(members))
            own = np.searchsorted(members, kept[places])
            weights[:, places] = counts.reshape(size, len(members))[:, own]
            totals += lengths
        return weights, totals


def between_networks(values: npt.ArrayLike, networks: npt.ArrayLike) -> float:
    """Return the variance of the networks' means; it holds the sampling error of each mean too.

    Parameters
    ----------
    values : array_like
        One number per scenario, shape (n,); NaN is left out.
    networks : array_like
        Network of every scenario, shape (n,).

    Returns
    -------
    float
        Variance with n - 1 in its denominator; NaN below two networks with values.

    Examples
    --------
    >>> between_networks([1.0, 3.0, 5.0, 7.0], [0, 0, 1, 1])
    8.0
    """
    numbers, labels = np.asarray(values, dtype=np.float64), np.asarray(networks)
    present = np.isfinite(numbers)
    unique, codes = np.unique(labels[present], return_inverse=True)
    if len(unique) < 2:
        return float("nan")
    means = np.bincount(codes, numbers[present]) / np.bincount(codes)
    return float(means.var(ddof=1))


def samples(values: npt.ArrayLike, where: str = "losses") -> Array:
    """Return one number per scenario as floats, NaN for scenarios that failed.

    Raises
    ------
    SchemaError
        If it is not a row of numbers.
    ValueRangeError
        If it is empty or holds an infinite number.
    """
    found = np.asarray(values)
    if found.ndim != 1 or (found.dtype.kind not in "iufb" and len(found)):
        allowed = "one number per scenario, shape (n,)"
        raise SchemaError(f"has shape {found.shape} and holds {found.dtype}", where=where, allowed=allowed)
    if not len(found):
        raise ValueRangeError("holds no scenario", where=where, allowed="at least one")
    numbers = found.astype(np.float64)
    if np.isinf(numbers).any():
        place = int(np.flatnonzero(np.isinf(numbers))[0])
        raise ValueRangeError("is not finite", where=f"{where}[{place}]", value=float(numbers[place]))
    return numbers


def central(draws: Array, level: float) -> tuple[float, float]:
    """Return the order statistics that enclose the central share `level` of bootstrap draws."""
    ordered = np.sort(draws)
    outside = max(1, math.floor((len(ordered) + 1) * (1.0 - level) / 2.0 + 1e-9))
    return float(ordered[outside - 1]), float(ordered[len(ordered) - outside])
