"""What does an asset cost, by several sources at once? Weighted medians, indices without outliers, averages in time.

Prices and weights are mappings from a source to a number, or to an array over times or assets.

References
----------
Index of Binance (deviation limit); oracle and mark price of Hyperliquid.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contagion.arrays import FloatArray, fitted, reals
from contagion.errors import InputError, SchemaError, nearest


@dataclass(frozen=True)
class IndexPrice:
    """Price of the index; for every source, sorted, whether it is an outlier."""

    index_price: Any
    outlying: dict[str, NDArray[np.bool_]]

    @property
    def outliers(self) -> list[str]:
        """Sources that are outliers anywhere, sorted."""
        return [name for name, out in self.outlying.items() if out.any()]


def weighted_median(prices: Mapping[str, Any], *, weights: Mapping[str, Any]) -> Any:
    """Smallest price at which the cumulated weight reaches half of the total.

    Parameters
    ----------
    prices
        Price of each source that is present, > 0; at least one.
    weights
        Weight of each, >= 0, not all 0; sources that are not present do not count.

    Raises
    ------
    InputError
        If there is no price, a source has no weight, or a number is out of range.

    Examples
    --------
    >>> float(weighted_median({"a": 100, "b": 101, "c": 99}, weights={"a": 1, "b": 2, "c": 1}))
    100.0
    """
    names, price, weight = stacked(prices, weights)
    if not names:
        raise SchemaError("has no source", where="prices", allowed="at least one")
    return median_by_weight(price, weight)[()]


def index_price_weighted(
    prices: Mapping[str, Any], *, weights: Mapping[str, Any], max_deviation: Any
) -> IndexPrice:
    """Weighted mean of the sources, without the one that deviates too far from their median.

    Parameters
    ----------
    prices, weights
        As in `weighted_median`.
    max_deviation
        Fraction of the median (unweighted) beyond which a source is an outlier, >= 0; 0.05 on Binance.

    Returns
    -------
    IndexPrice
        With none or one outlier the weighted mean of the others (nan where they have no weight), with more the
        median.

    Raises
    ------
    InputError
        As in `weighted_median`.

    Examples
    --------
    >>> found = index_price_weighted({"a": 100, "b": 101, "c": 80}, weights={"a": 1, "b": 1, "c": 1},
    ...                              max_deviation=0.05)
    >>> float(found.index_price), found.outliers
    (100.5, ['c'])
    """
    names, price, weight = stacked(prices, weights)
    if not names:
        raise SchemaError("has no source", where="prices", allowed="at least one")
    middle = np.median(price, axis=0)
    out = np.abs(price - middle) > reals(max_deviation, "max_deviation", low=0.0) * middle
    kept = np.where(out, 0.0, weight)
    total = kept.sum(axis=0)
    mean = np.where(total > 0, (kept * price).sum(axis=0) / np.where(total > 0, total, 1.0), np.nan)
    index = np.where(out.sum(axis=0) > 1, middle, mean)
    return IndexPrice(index[()], {name: out[names.index(name)] for name in sorted(names)})


def ema_time_weighted(samples: Any, dt_s: Any, *, tau_s: Any) -> Any:
    """Average of samples that fades with their age, each weighed by the time it stood for.

    Parameters
    ----------
    samples
        Oldest first, shape ``(n, ...)`` with n >= 1, any sign.
    dt_s
        Seconds that each stood for, >= 0, shape ``(n,)``.
    tau_s
        Time constant, seconds, > 0; on Hyperliquid 150 for the basis, 30 for the local price.

    Returns
    -------
    numpy.float64 or numpy.ndarray
        num / den with ``num <- num exp(-t / tau) + x t`` and ``den <- den exp(-t / tau) + t`` from 0; nan where
        no time passed.

    Raises
    ------
    InputError
        If there is no sample, lengths differ, or a number is out of range.

    Examples
    --------
    >>> float(ema_time_weighted([7.5], [3], tau_s=30))
    7.5
    """
    values, times = reals(samples, "samples"), reals(dt_s, "dt_s", low=0.0, dimensions=1)
    if values.ndim == 0 or len(values) == 0 or len(values) != len(times):
        raise SchemaError(
            f"have the shapes {values.shape} and {times.shape}",
            where="samples, dt_s",
            allowed="at least one sample, and one time for each",
        )
    tau = float(reals(tau_s, "tau_s", above=0.0, dimensions=0))
    age = np.append(np.cumsum(times[:0:-1])[::-1], 0.0)  # seconds from the end of each sample to the end
    weight = times * np.exp(-age / tau)
    total = weight.sum()
    if total <= 0:
        return np.full(values.shape[1:], np.nan)[()]
    return (np.tensordot(weight, values, axes=1) / total)[()]


def stacked(
    prices: Mapping[str, Any], weights: Mapping[str, Any], where: str = "prices"
) -> tuple[list[str], FloatArray, FloatArray]:
    """Names, prices and weights of the sources present, checked, shape ``(n_sources, ...)``."""
    for name, given in ((where, prices), ("weights", weights)):
        if not isinstance(given, Mapping):
            raise SchemaError("is not a mapping of sources to numbers", where=name, value=given)
    names = list(prices)
    if not names:
        return names, np.zeros(0), np.zeros(0)
    for name in names:
        if name not in weights:
            raise InputError(
                "has no weight",
                where=where,
                value=name,
                allowed="a source of weights" + nearest(name, list(weights)),
            )
    arrays = {f"{where}[{name!r}]": reals(prices[name], f"{where}[{name!r}]", above=0.0) for name in names}
    arrays |= {f"weights[{name!r}]": reals(weights[name], f"weights[{name!r}]", low=0.0) for name in names}
    columns = fitted(**arrays)
    price, weight = np.stack(columns[: len(names)]), np.stack(columns[len(names) :])
    if (weight.sum(axis=0) <= 0).any():
        raise InputError(
            "are all zero", where="weights", allowed="a positive weight of a source that is present"
        )
    return names, price, weight


def median_by_weight(price: FloatArray, weight: FloatArray) -> FloatArray:
    """Weighted median along the first axis, the lower one in a tie."""
    order = np.argsort(price, axis=0, kind="stable")
    ranked = np.take_along_axis(price, order, axis=0)
    reached = np.cumsum(np.take_along_axis(weight, order, axis=0), axis=0)
    place = np.argmax(reached >= reached[-1] / 2.0, axis=0)
    return np.asarray(np.take_along_axis(ranked, np.expand_dims(place, 0), axis=0)[0])
