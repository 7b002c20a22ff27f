"""How deep is a book, and how far does a trade go that meets this depth? Money within bands of the price.

References
----------
Depth files of a venue (Binance book depth): cumulative money within a band of a reference price, which goes
stale in a crash; rows with a stale one are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from contagion.arrays import fitted, reals
from contagion.errors import SchemaError, ValueRangeError

REFERENCE = "band_reference_ok"


@dataclass(frozen=True)
class LinearDepthImpact:
    """Share by which the price moves, at most 1; whether the trade exceeds the depth of the band."""

    price_move: Any
    beyond_depth: Any


def impact_linear_depth(
    quantity_notional: Any, depth_notional: Any, band: Any, *, depth_fall: Any = 0.0
) -> LinearDepthImpact:
    """Price move of a trade against money that lies evenly within a band.

    Parameters
    ----------
    quantity_notional
        Q, money, >= 0, any shape.
    depth_notional
        D, money within the band, > 0.
    band
        Width of the band as a fraction, > 0.
    depth_fall
        Share of the depth that is gone, in [0, 1).

    Returns
    -------
    LinearDepthImpact
        ``min(1, band Q / (D (1 - fall)))``; beyond the depth where ``Q > D (1 - fall)``.

    Raises
    ------
    InputError
        If a number is out of range.

    Examples
    --------
    >>> float(impact_linear_depth(50, 100, 0.02, depth_fall=0.5).price_move)
    0.02
    """
    traded = reals(quantity_notional, "quantity_notional", low=0.0)
    depth = reals(depth_notional, "depth_notional", above=0.0)
    width = reals(band, "band", above=0.0)
    fall = reals(depth_fall, "depth_fall", low=0.0, below=1.0)
    traded, depth, width, fall = fitted(
        quantity_notional=traded, depth_notional=depth, band=width, depth_fall=fall
    )
    left = depth * (1.0 - fall)
    return LinearDepthImpact(np.minimum(1.0, width * traded / left)[()], (traded > left)[()])


def depth_profile_median(columns: Mapping[str, Any]) -> dict[str, float]:
    """Median of every depth column over the rows whose reference price was fresh.

    Parameters
    ----------
    columns
        Columns by name, each of shape ``(n_rows,)``. ``band_reference_ok`` is 1 where the reference price of
        the bands was fresh, 0 where the row says nothing about depth; the others are money, >= 0. Values of
        rows that are left out are not looked at.

    Returns
    -------
    dict
        The median of every other column, the mean of the middle two of an even number; nan without rows.

    Raises
    ------
    InputError
        If ``band_reference_ok`` is missing or not 0 or 1, a column has another length, or a number kept is
        negative or missing.

    Examples
    --------
    >>> depth_profile_median({"band_reference_ok": [1, 0, 1], "bid_1pct": [300.0, 2.0, 302.0]})
    {'bid_1pct': 301.0}
    """
    if not isinstance(columns, Mapping) or REFERENCE not in columns:
        raise SchemaError(f"have no column {REFERENCE!r}", where="columns", allowed="columns by name")
    fresh = reals(columns[REFERENCE], REFERENCE, dimensions=1)
    if not np.isin(fresh, (0.0, 1.0)).all():
        raise ValueRangeError("holds something else", where=REFERENCE, allowed="0 or 1")
    medians = {}
    for name in columns:
        if name == REFERENCE:
            continue
        values = np.asarray(columns[name])
        if values.shape != fresh.shape:
            raise SchemaError(f"has shape {values.shape}", where=str(name), allowed=f"shape {fresh.shape}")
        kept = reals(values[fresh == 1.0], str(name), low=0.0, dimensions=1)
        medians[str(name)] = float(np.median(kept)) if len(kept) else float("nan")
    return medians
