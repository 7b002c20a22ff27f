"""Mean and median of a metric over scenarios, by their weight where they carry one, and how much the weights tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from contagion.measures.panel import WEIGHT
from contagion.measures.weighted import effective_size, weighted_mean, weighted_quantile
from contagion.reporting import formats
from contagion.reporting.material import NONE

if TYPE_CHECKING:
    import pandas as pd

    from contagion.comparison import Comparison

__all__ = ["effective", "level", "quantiles", "told"]


def level(comparison: Comparison, metric: str, policy: str) -> tuple[float, float, int]:
    """Return mean and median of a metric under a set, over the scenarios that ran under it and under 'none'.

    Parameters
    ----------
    comparison : Comparison
        The comparison.
    metric, policy : str
        What is read.

    Returns
    -------
    mean, median : float
        NaN where nothing ran; weighted where scenarios carry weights.
    n : int
        Number of scenarios.
    """
    frame = comparison.to_frame()
    wide = frame[frame["status"] == "ok"].pivot(index="scenario", columns="policy", values=metric)
    both = wide.reindex(columns=list(dict.fromkeys([NONE, policy]))).dropna()
    values = both[policy].to_numpy(dtype=np.float64)
    if not len(values):
        return np.nan, np.nan, 0
    if not comparison.weighted:
        return float(values.mean()), float(np.median(values)), len(values)
    load = _weights(comparison).loc[both.index].to_numpy(dtype=np.float64)
    return weighted_mean(values, load), weighted_quantile(values, load, 0.5), len(values)


def quantiles(comparison: Comparison, asset: str, shares: tuple[float, ...]) -> list[float]:
    """Return quantiles of an asset's move over the scenarios, as a signed fraction; by weight over those reached.

    Parameters
    ----------
    comparison : Comparison
        The comparison.
    asset : str
        A column of its scenarios.
    shares : tuple of float
        Shares of scenarios below.
    """
    drawn = comparison.scenarios
    moves = np.expm1(drawn[asset].to_numpy(dtype=np.float64))
    if not comparison.weighted:
        return [float(value) for value in np.quantile(moves, shares)]
    weights = _weights(comparison)
    reached = drawn["scenario"].isin(weights.index).to_numpy()
    load = weights.loc[drawn["scenario"].to_numpy()[reached]].to_numpy(dtype=np.float64)
    return [weighted_quantile(moves[reached], load, share) for share in shares]


def effective(comparison: Comparison) -> float:
    """Return how many scenarios of equal weight would tell as much: Kish's effective sample size."""
    return effective_size(_weights(comparison).to_numpy(dtype=np.float64))


def told(comparison: Comparison) -> str:
    """Return the sentences on weights that belong beside the numbers."""
    size = formats.count(round(effective(comparison)))
    return (
        "Scenarios were drawn more often where prices fall far (importance sampling) and carry weights that undo it; "
        f"every mean, share, quantile and interval uses them. The {comparison.n:,} scenarios tell as much as {size} "
        "of equal weight (effective sample size); in the tail, the tail points below say how many."
    )


def _weights(comparison: Comparison) -> pd.Series:
    """Return the weight of every scenario reached, index scenario."""
    return comparison.to_frame().drop_duplicates("scenario").set_index("scenario")[WEIGHT]
