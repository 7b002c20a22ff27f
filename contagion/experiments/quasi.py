"""Normal or Student t log returns from a Sobol sequence under a digital shift.

Dimensions are, in this order: the common factor (where correlations are no matrix), the mixing of a Student t, the
own part of every asset that the family was made for, sorted by name. Every dimension is shifted by bits that are
keyed by the seed and its name, so that scenario i is point i whatever else is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from contagion.errors import SchemaError, TooLargeError, ValueRangeError, nearest, shown
from contagion.experiments import checked, samplers
from contagion.experiments.families import DrawnShocks
from contagion.streams import key64

__all__ = ["CAUTION", "Quasi", "QuasiShocks"]

Array = npt.NDArray[np.float64]

BITS: Final = 30
MOST_DIMENSIONS: Final = 21_201
CAUTION: Final = (
    "quasi-random scenarios are no independent draws: "
    "intervals are those of independent draws, as a rule too wide"
)


@dataclass(frozen=True, eq=False)
class Quasi:
    """Points of a shifted Sobol sequence, as log returns.

    Parameters
    ----------
    assets : tuple of str
        Every asset that can be asked for, sorted.
    normals : Elliptical
        Distribution.
    """

    assets: tuple[str, ...]
    normals: samplers.Elliptical

    @classmethod
    def make(cls, assets: Sequence[str], normals: samplers.Elliptical) -> Quasi:
        """Check the assets and return the sampler.

        Raises
        ------
        SchemaError, TooLargeError
            If they are no list of names, not covered by the distribution, or more than there are dimensions.
        """
        found = cls(tuple(sorted(checked.names(assets))), normals)
        if len(found.dimensions) > MOST_DIMENSIONS:
            what = f"needs {len(found.dimensions):,} dimensions"
            raise TooLargeError(what, where="PriceShocks.quasi", allowed=f"at most {MOST_DIMENSIONS:,}")
        normals.covariance(found.assets)
        return found

    @property
    def dimensions(self) -> list[str]:
        """Names of the dimensions, in their order."""
        factor = [] if self.normals.matrix is not None else [" factor"]
        return [*factor, *([] if self.normals.df is None else [" mixing"]), *self._owners]

    @property
    def _owners(self) -> list[str]:
        """Assets with an own part; a matrix mixes those of every name in it that sorts up to the last asset."""
        if self.normals.matrix is None:
            return list(self.assets)
        known = list(self.normals.matrix.columns)
        return known[: max(known.index(name) for name in self.assets) + 1]

    def draw(self, assets: Sequence[str], scenarios: range, seed: int) -> Array:
        """Return log returns, shape (n_scenarios, n_assets)."""
        from scipy.special import ndtri

        for name in assets:
            if name not in self.assets:
                what = f"was not made for the asset {shown(name)}{nearest(name, self.assets)}"
                raise SchemaError(
                    what, where="PriceShocks.quasi", remedy="name every asset of the network in assets"
                )
        points = self._points(scenarios, seed)
        dimensions = self.dimensions
        normal = ndtri(points)
        place = {name: column for column, name in enumerate(dimensions)}
        factor = normal[:, place[" factor"]] if " factor" in place else np.zeros(len(points))
        returns = self.normals.combined(assets, factor, lambda names: normal[:, [place[n] for n in names]])
        return returns if self.normals.df is None else self._mixed(returns, points[:, place[" mixing"]])

    def _mixed(self, returns: Array, uniform: Array) -> Array:
        from scipy.special import chdtri

        assert self.normals.df is not None
        return self.normals.mixed(
            returns, np.asarray(chdtri(self.normals.df, 1.0 - uniform), dtype=np.float64)
        )

    def _points(self, scenarios: range, seed: int) -> Array:
        """Return the points of the scenarios, strictly between 0 and 1, shape (n_scenarios, n_dimensions)."""
        from scipy.stats.qmc import Sobol

        if scenarios.stop > 2**BITS:
            what, allowed = "is beyond the end of the sequence", f"0 to {2**BITS - 1:,}"
            raise ValueRangeError(what, where="scenario", value=scenarios.stop - 1, allowed=allowed)
        dimensions = self.dimensions
        sequence = Sobol(len(dimensions), scramble=False, bits=BITS)
        if scenarios.start:
            sequence.fast_forward(scenarios.start)
        first = np.concatenate([sequence.random(1), sequence.random(len(scenarios) - 1)])
        whole = np.rint(first * 2.0**BITS).astype(np.int64)
        shifts = [key64(seed, "quasi", name) >> (64 - BITS) for name in dimensions]
        return np.asarray(((whole ^ np.array(shifts, dtype=np.int64)) + 0.5) / 2.0**BITS)

    def describe(self) -> str:
        """Return the distribution in words."""
        return f"{self.normals.describe()}, quasi-random (Sobol, {len(self.dimensions)} dimensions)"


@dataclass(frozen=True, eq=False, repr=False)
class QuasiShocks(DrawnShocks):
    """Normal or Student t log returns that cover the space evenly."""

    sampler: Quasi

    @property
    def caution(self) -> str:
        """What a reader of statistics over the scenarios must know."""
        return CAUTION
