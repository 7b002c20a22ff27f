"""How might clustered days have come out? Days drawn in blocks, so that what clusters in time stays together.

The circular block bootstrap: blocks of consecutive days are drawn with replacement, each beginning at any day alike,
the first day following the last, until there are as many days as before. What clusters over longer than a block is
broken up, so that a block should be longer than a cluster; short samples hold few long blocks. Intervals take order
statistics further out that make up for few blocks, as over few networks.

References
----------
Künsch (1989), "The jackknife and the bootstrap for general stationary observations", Annals of Statistics 17(3).
Politis, Romano (1992), "A circular block-resampling procedure for stationary data", in LePage, Billard, "Exploring the
limits of bootstrap". Hall, Horowitz, Jing (1995), "On blocking rules for the bootstrap with dependent data", Biometrika
82(3): lengths that grow with the cube root of the number of days.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from contagion.errors import SchemaError, ValueRangeError
from contagion.measures import resampling
from contagion.measures.resampling import expanded
from contagion.streams import check_seed, stream

__all__ = ["LEAST_BLOCKS", "Blocks"]

Array = npt.NDArray[np.float64]

LEAST_BLOCKS: Final = 20
"""Below so many blocks a sample says too little about what varies from block to block."""


@dataclass(frozen=True)
class Blocks:
    """How days that follow each other are resampled; used like `contagion.measures.resampling.Resampling`.

    Parameters
    ----------
    n : int
        Number of days.
    length : int
        Days of a block.
    seed : int
        Root seed.
    key : tuple of str
        What the study is about.
    """

    n: int
    length: int
    seed: int
    key: tuple[str, ...]

    @classmethod
    def make(cls, n: int, length: int, seed: int, key: tuple[str, ...] = ()) -> Blocks:
        """Return the resampling of n days in blocks.

        Raises
        ------
        SchemaError
            If the length is no whole number.
        ValueRangeError
            If it is below 1 or above n.
        """
        if isinstance(length, (bool, np.bool_)) or not isinstance(length, (int, np.integer)):
            raise SchemaError("is no whole number", where="block", value=length, allowed="a number of days")
        if not 1 <= length <= n:
            raise ValueRangeError("is out of range", where="block", value=int(length), allowed=f"1 to {n}")
        return cls(n, int(length), check_seed(seed), key)

    @property
    def refusal(self) -> str:
        """Why no interval can be given, or an empty text."""
        number = self.n // self.length
        return f"{number} blocks of {self.length} days < {LEAST_BLOCKS}" if number < LEAST_BLOCKS else ""

    def level(self, confidence: float) -> float:
        """Return the central share of draws whose ends bound an interval of this confidence."""
        return expanded(confidence, self.n // self.length)

    def blocks(self, kept: npt.NDArray[np.intp]) -> Iterator[tuple[Array, Array]]:
        """Yield weights of the kept days and total weights of all, draws in rows: 999 in sum."""
        source = stream(self.seed, "bootstrap blocks", *self.key)
        rows = max(1, resampling.BLOCK_VALUES // (2 * self.n))
        for start in range(0, resampling.DRAWS, rows):
            size = min(rows, resampling.DRAWS - start)
            yield self._drawn(size, source)[:, kept], np.full(size, float(self.n))

    def _drawn(self, size: int, source: np.random.Generator) -> Array:
        """How often each day was drawn, shape (size, n)."""
        number = -(-self.n // self.length)
        first = source.integers(self.n, size=(size, number))
        lengths = np.full(number, self.length)
        lengths[-1] = self.n - (number - 1) * self.length
        steps = np.zeros((size, 2 * self.n + 1))
        row = np.arange(size)[:, np.newaxis]
        np.add.at(steps, (row, first), 1.0)
        np.add.at(steps, (row, first + lengths), -1.0)
        counts = np.cumsum(steps, axis=1)
        return np.asarray(counts[:, : self.n] + counts[:, self.n : 2 * self.n])
