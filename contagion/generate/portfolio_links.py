"""Who holds what, and in which proportions? Sparse holdings with assets of different size and popularity."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from contagion.arrays import FloatArray
from contagion.generate.interbank_kernels import subsets
from contagion.streams import stream

__all__ = ["asset_sizes", "draw_holders", "draw_weights", "holding_probability"]

IntArray = NDArray[np.int64]
Settings = Mapping[str, float]
PURPOSE = "portfolios"
HALVINGS = 100


def asset_sizes(n_assets: int, seed: int, settings: Settings) -> FloatArray:
    """Return the relative sizes of assets, log-normal, shape (n_assets,)."""
    noise = stream(seed, PURPOSE, "asset sizes").normal(size=n_assets)
    return np.asarray(np.exp(settings["asset_size_sd"] * noise))


def holding_probability(sizes: FloatArray, density: float, popularity: float) -> FloatArray:
    """Return the probability that a node holds an asset: as size to the power `popularity`, at most 1, mean `density`.

    Parameters
    ----------
    sizes : numpy.ndarray, shape (n_assets,)
        Relative sizes, > 0.
    density : float
        Mean over the assets, in [0, 1].
    popularity : float
        0: the same for all assets.

    Examples
    --------
    >>> holding_probability(np.array([1.0, 1.0, 8.0]), 0.5, 1.0).round(12).tolist()
    [0.25, 0.25, 1.0]
    """
    raw = sizes**popularity
    low, high = 0.0, 1.0 / float(raw.min())
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        if np.minimum(1.0, middle * raw).mean() < density:
            low = middle
        else:
            high = middle
    return np.asarray(np.minimum(1.0, high * raw))


def draw_holders(n_nodes: int, probability: FloatArray, seed: int) -> tuple[IntArray, IntArray]:
    """Return node and asset of every holding, sorted by both.

    Each pair is there with the asset's probability, independently; a node left without any asset gets one, drawn in
    proportion to the probabilities.
    """
    random = stream(seed, PURPOSE, "holders")
    counts = random.binomial(n_nodes, probability).astype(np.int64)
    asset = np.repeat(np.arange(len(probability), dtype=np.int64), counts)
    node = subsets(counts, n_nodes, random)
    without = np.flatnonzero(np.bincount(node, minlength=n_nodes) == 0)
    if len(without):
        drawn = stream(seed, PURPOSE, "one asset at least").random(len(without))
        reached = np.cumsum(probability / probability.sum())
        place = np.minimum(np.searchsorted(reached, drawn, side="right"), len(probability) - 1)
        node, asset = np.concatenate([node, without]), np.concatenate([asset, place])
    order = np.lexsort((asset, node))
    return node[order], asset[order]


def draw_weights(
    node: IntArray, asset: IntArray, sizes: FloatArray, seed: int, settings: Settings
) -> FloatArray:
    """Return the share of its node's portfolio that each holding is, shape (n_holdings,).

    Proportional to ``size**similarity * own**(1 - similarity)``, own a log-normal draw: with `similarity` 1 everybody
    holds its assets in proportion to their sizes.
    """
    noise = stream(seed, PURPOSE, "weights").normal(size=len(node))
    alike = settings["similarity"]
    raw = np.exp(alike * np.log(sizes[asset]) + (1.0 - alike) * settings["concentration"] * noise)
    return np.asarray(raw / np.bincount(node, raw)[node])
