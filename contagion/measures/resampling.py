"""How might the same study have come out? Bootstrap weights on scenarios, and on networks.

One network: every scenario gets an independent Poisson(1) weight. Below 20 networks scenarios are drawn with
replacement within each network, so that intervals speak *for these networks*; from 20 on networks are drawn
with replacement, each whole: scenarios drawn again within them would count their spread twice. Weights come from
streams keyed by seed and metric, never by policy: all policies are resampled alike, and a policy added changes
nobody's interval.

A bootstrap over N networks is too narrow by the factor sqrt((N - 1) / N) and by that of the normal law to Student's t;
from 20 networks on intervals take order statistics further out that make up for it, and p-values follow them.

Measured coverage at nominal 95 % (1 000 repetitions, ±0.7) with 20 scenarios per network. Networks that are alike /
that differ by half the standard deviation of their scenarios; networks then scenarios, whole networks, whole networks
and order statistics further out:

==================  ============  ============  ============
measure, networks   two stages    whole         whole, wider
==================  ============  ============  ============
VaR 90 %, 25        98.8 / 96.4   93.5 / 91.7   95.5 / 94.2
VaR 90 %, 50        99.1 / 96.8   94.8 / 93.2   95.7 / 94.2
ES 90 %, 25         99.1 / 97.2   93.1 / 92.8   95.7 / 95.0
ES difference, 25   99.5 / 98.9   93.9 / 91.9   95.7 / 94.7
mean, normal, 25    99.4 / 96.0   94.6 / 93.1   96.5 / 96.3
mean, lognormal 25  99.2 / 96.4   93.9 / 93.3   95.5 / 95.4
==================  ============  ============  ============

References
----------
Hanley, MacGibbon (2006), "Creating non-parametric bootstrap samples using Poisson frequencies".
Davison, Hinkley (1997), "Bootstrap Methods and their Application", section 3.8: resampling groups whole gives nearly
the variance of clustered data, drawing again within them too much. Hesterberg (2015), "What teachers should know about
the bootstrap", The American Statistician 69(4), section 4.1, for the expanded percentile interval.
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

__all__ = ["DRAWS", "FEW_NETWORKS", "Resampling", "between_networks", "central", "expanded", "samples"]

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

    def level(self, confidence: float) -> float:
        """Return the central share of draws whose ends bound an interval of this confidence.

        It is `confidence` itself below 20 networks; from there on that of `expanded`.
        """
        return confidence if self.n_networks < FEW_NETWORKS else expanded(confidence, self.n_networks)

    def p_value(self, share: float) -> float:
        """Return the p-value of a two-sided share of draws, so that it agrees with the interval of `level`."""
        from scipy.special import ndtri, stdtr

        n = self.n_networks
        if n < FEW_NETWORKS or not 0.0 < share < 1.0:
            return share
        return 2.0 * float(stdtr(n - 1.0, float(ndtri(share / 2.0)) / math.sqrt(n / (n - 1.0))))

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
        n = self.n_networks
        sources = [
            stream(self.seed, "bootstrap", *self.key, code) for code in range(1 if n >= FEW_NETWORKS else n)
        ]
        whole = stream(self.seed, "bootstrap whole", *self.key)
        rows = max(1, BLOCK_VALUES // max(1, len(kept) if n == 1 else len(self.codes)))
        for start in range(0, DRAWS, rows):
            size = min(rows, DRAWS - start)
            if n == 1:
                yield self._poisson(size, len(kept), sources[0], whole)
            elif n < FEW_NETWORKS:
                yield self._within_networks(size, kept, sources)
            else:
                yield self._whole_networks(size, kept, whole)

    def _poisson(
        self, size: int, m: int, source: np.random.Generator, whole: np.random.Generator
    ) -> tuple[Array, Array]:
        weights = source.poisson(1.0, size=(size, m)).astype(np.float64)
        rest = whole.poisson(float(len(self.codes) - m), size=size)
        return weights, weights.sum(axis=1) + rest

    def _within_networks(
        self, size: int, kept: Codes, sources: list[np.random.Generator]
    ) -> tuple[Array, Array]:
        """Draw scenarios with replacement within every network."""
        weights = np.zeros((size, len(kept)))
        for code, source in enumerate(sources):
            members = np.flatnonzero(self.codes == code)
            places = np.flatnonzero(self.codes[kept] == code)
            row = np.repeat(np.arange(size), len(members))
            found = source.integers(len(members), size=size * len(members))
            counts = np.bincount(row * len(members) + found, minlength=size * len(members))
            own = np.searchsorted(members, kept[places])
            weights[:, places] = counts.reshape(size, len(members))[:, own]
        return weights, np.full(size, float(len(self.codes)))

    def _whole_networks(self, size: int, kept: Codes, whole: np.random.Generator) -> tuple[Array, Array]:
        """Draw networks with replacement, each with all its scenarios."""
        n = self.n_networks
        times = whole.multinomial(n, np.full(n, 1.0 / n), size=size).astype(np.float64)
        sizes = np.bincount(self.codes, minlength=n).astype(np.float64)
        return times[:, self.codes[kept]], times @ sizes


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


def expanded(confidence: float, n: int) -> float:
    """Return the central share of draws that makes up for a bootstrap over n groups, n at least 2 (Hesterberg 2015).

    It is 1 - 2 Φ(-sqrt(n / (n - 1)) t), where t is the quantile of Student's law with n - 1 degrees of freedom.

    Examples
    --------
    >>> round(expanded(0.95, 20), 3), round(expanded(0.95, 10_000), 3)
    (0.968, 0.95)
    """
    from scipy.special import ndtr, stdtrit

    quantile = float(stdtrit(n - 1.0, (1.0 - confidence) / 2.0))
    return 1.0 - 2.0 * float(ndtr(math.sqrt(n / (n - 1.0)) * quantile))


def central(draws: Array, level: float) -> tuple[float, float]:
    """Return the order statistics that enclose the central share `level` of bootstrap draws."""
    ordered = np.sort(draws)
    outside = max(1, math.floor((len(ordered) + 1) * (1.0 - level) / 2.0 + 1e-9))
    return float(ordered[outside - 1]), float(ordered[len(ordered) - outside])
