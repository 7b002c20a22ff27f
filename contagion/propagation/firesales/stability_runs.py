"""How often, how far? Outcome of simulated cascades, with intervals, from streams keyed by run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from contagion.arrays import FloatArray, real
from contagion.measures.intervals import Interval
from contagion.measures.proportions import clopper_pearson, mean_share_interval
from contagion.propagation.firesales.stability import whole
from contagion.streams import check_seed, stream

__all__ = ["ContagionRuns", "contagion_runs"]

MOST_RUNS = 100_000_000


@dataclass(frozen=True)
class ContagionRuns:
    """Outcome of simulated cascades.

    Parameters
    ----------
    extent : numpy.ndarray, shape (runs,)
        Share of all banks that failed in each run, the first included.
    contagion_probability : float
        Share of the runs in which more than `extent_threshold` of all banks failed.
    mean_extent_given_contagion : float
        Mean extent of these runs; nan if there are none.
    extent_threshold : float
        From what share on a cascade counts as contagion.
    critical_leverage : float, optional
        That of `caccioli_regular`, for regular portfolios.
    """

    extent: FloatArray
    contagion_probability: float
    mean_extent_given_contagion: float
    extent_threshold: float
    critical_leverage: float | None = None

    @property
    def runs(self) -> int:
        """Number of runs."""
        return len(self.extent)

    def probability_interval(self, confidence: float = 0.95) -> Interval:
        """The contagion probability with its exact binomial interval (Clopper, Pearson 1934)."""
        hits = int((self.extent > self.extent_threshold).sum())
        low, high = clopper_pearson(hits, self.runs, confidence)
        return Interval(self.contagion_probability, low, high, f"{hits} of {self.runs} runs")

    def extent_interval(self, confidence: float = 0.95) -> Interval:
        """The mean extent given contagion, with an interval that holds for any distribution of it."""
        widespread = self.extent[self.extent > self.extent_threshold]
        if not len(widespread):
            return Interval(float("nan"), float("nan"), float("nan"), "no run with contagion")
        return mean_share_interval(widespread, confidence=confidence)


def contagion_runs(
    one: Callable[[np.random.Generator, int], int],
    n_banks: int,
    study: tuple[Any, Any, Any],
    critical: float | None,
) -> ContagionRuns:
    """Run a cascade per stream (network and first failure apart) and say how often and how far it went."""
    number, seed = whole(study[0], "runs", least=1, most=MOST_RUNS), check_seed(study[1])
    threshold = real(study[2], "extent_threshold", low=0.0, high=1.0)
    failed = [
        one(
            stream(seed, "contagion network", run),
            int(stream(seed, "first failure", run).integers(n_banks)),
        )
        for run in range(number)
    ]
    extent = np.array(failed) / n_banks
    wide = extent > threshold
    mean = float(extent[wide].mean()) if wide.any() else float("nan")
    return ContagionRuns(extent, float(wide.mean()), mean, threshold, critical)
