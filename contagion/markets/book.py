"""How does one side of a book answer trades? The kernels of `impact` with words, checks and arrays.

References
----------
See `contagion.markets.impact`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from contagion.arrays import FloatArray, real, reals, word
from contagion.errors import ValueRangeError
from contagion.markets import impact
from contagion.markets.impact import KINDS


@dataclass(frozen=True)
class Book:
    """One side of a market's book.

    Parameters
    ----------
    kind
        exponential, linear, square_root, depth_curve, constant_product or concentrated.
    scale
        Displacement per unit of money (exponential, linear: ``coefficient * band / depth``) or per root of
        money (square root: ``Y * sigma_daily / sqrt(volume)``), or one over the pool's money at the reference
        price; 0 is no impact.
    lot_money
        Money of one lot; a square root is linear below it.
    bands, volumes
        Of the depth curve: fractions below 1 and cumulative money within them, both rising. A concentrated pool
        ends at the widest of its bands and has no volumes.

    Examples
    --------
    >>> book = Book("exponential", scale=0.01 / 300e6)
    >>> x = book.move(0.0, 300e6)
    >>> print(book.price(100.0, x).round(4), book.average(100.0, 0.0, x).round(4))
    99.005 99.5017
    """

    kind: str = "exponential"
    scale: float = 0.0
    lot_money: float = 0.0
    bands: tuple[float, ...] = ()
    volumes: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        word(self.kind, "kind", KINDS)
        real(self.scale, "scale", low=0.0)
        real(self.lot_money, "lot_money", low=0.0)
        bands = reals(self.bands, "bands", above=0.0, high=1.0 - 2.0**-20, dimensions=1)
        volumes = reals(self.volumes, "volumes", above=0.0, dimensions=1)
        if self.kind == "concentrated" and len(bands) == 0:
            raise ValueRangeError("needs the band at which the pool ends", where="bands", value=self.bands)
        without = self.kind == "concentrated" and len(volumes) == 0
        if (len(bands) != len(volumes) and not without) or (self.kind == "depth_curve" and len(bands) == 0):
            raise ValueRangeError("needs one volume for each band", where="bands", value=self.bands)
        for name, column in (("bands", bands), ("volumes", volumes)):
            if (np.diff(column) <= 0).any():
                raise ValueRangeError("does not rise", where=name, value=tuple(column))
        object.__setattr__(self, "bands", tuple(bands.tolist()))
        object.__setattr__(self, "volumes", tuple(volumes.tolist()))

    @property
    def _book(self) -> tuple[FloatArray, FloatArray]:
        return np.array(self.bands), np.array(self.volumes)

    def price(self, reference: Any, displacement: Any) -> FloatArray:
        """Price at a displacement from the reference price; broadcasts."""
        return _each(lambda s, x: impact.price(KINDS.index(self.kind), s, x), reference, displacement)

    def move(self, displacement: Any, flow: Any) -> FloatArray:
        """Displacement after a trade of `flow` (money, positive sells); broadcasts."""
        kind, book = KINDS.index(self.kind), self._book
        return _each(
            lambda x, q: impact.move(kind, x, q, self.scale, self.lot_money, *book), displacement, flow
        )

    def average(self, reference: Any, start: Any, end: Any) -> FloatArray:
        """Average price of a trade that moves the displacement from `start` to `end`; broadcasts."""
        kind, book, zone = KINDS.index(self.kind), self._book, self.scale * math.sqrt(self.lot_money)
        return _each(lambda s, a, b: impact.average(kind, s, a, b, zone, *book), reference, start, end)

    def capacity(self, reference: Any, displacement: Any, side: str, limit: Any = math.nan) -> FloatArray:
        """Money the book takes on `side` ("sell" or "buy") before the price passes `limit`; broadcasts."""
        kind, book = KINDS.index(self.kind), self._book
        code = 0 if word(side, "side", ("sell", "buy")) == "sell" else 1
        return _each(
            lambda s, x, p: impact.capacity(kind, s, x, p, code, self.scale, self.lot_money, *book),
            reference,
            displacement,
            limit,
        )

    def slope(self, displacement: Any) -> FloatArray:
        """Displacement per unit of money at a displacement; broadcasts."""
        kind, book = KINDS.index(self.kind), self._book
        return _each(lambda x: impact.slope(kind, x, self.scale, self.lot_money, *book), displacement)


def _each(function: Callable[..., float], *arguments: Any) -> FloatArray:
    """Apply a scalar function to broadcast arrays of floats."""
    arrays = np.broadcast_arrays(*(np.asarray(value, dtype=np.float64) for value in arguments))
    out = np.empty(arrays[0].shape)
    for place in np.ndindex(out.shape):
        out[place] = function(*(float(array[place]) for array in arrays))
    return out
