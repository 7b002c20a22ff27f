"""Normal log returns plus jumps that hit all assets at once (Merton 1976).

How many jumps an event has and what they have in common is keyed by the scenario, an asset's own part of their
sizes by its name too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from contagion.experiments import checked, samplers
from contagion.experiments.families import DrawnShocks
from contagion.streams import stream

__all__ = ["JumpShocks", "Jumps"]

Array = npt.NDArray[np.float64]

MOST_JUMPS: Final = 1000.0


@dataclass(frozen=True, eq=False)
class Jumps:
    """Diffusion and jumps.

    Parameters
    ----------
    diffusion : Elliptical
        The part without jumps, normal.
    intensity : float
        Expected number of jumps in an event.
    mean, scale : float or dict
        Mean and standard deviation of an asset's log return in a jump.
    correlation : float
        Correlation of the sizes of one jump between any two assets.
    """

    diffusion: samplers.Elliptical
    intensity: float
    mean: float | dict[str, float]
    scale: float | dict[str, float]
    correlation: float

    @classmethod
    def make(
        cls,
        diffusion: samplers.Elliptical,
        intensity: float,
        mean: float | Mapping[str, float],
        scale: float | Mapping[str, float],
        correlation: float,
    ) -> Jumps:
        """Check the parameters and return the sampler.

        Raises
        ------
        SchemaError, ValueRangeError
            If a parameter is of the wrong kind or out of range.
        """
        return cls(
            diffusion,
            checked.number("intensity", intensity, low=0.0, high=MOST_JUMPS),
            checked.numbers("jump_mean", mean, low=None),
            checked.numbers("jump_scale", scale),
            checked.number("jump_correlation", correlation, low=0.0, high=1.0),
        )

    def draw(self, assets: Sequence[str], scenarios: range, seed: int) -> Array:
        """Return log returns, shape (n_scenarios, n_assets)."""
        common = [stream(seed, "jumps", i) for i in scenarios]
        times = np.array([source.poisson(self.intensity) for source in common], dtype=np.float64)
        shared = np.array([source.standard_normal() for source in common])
        own = np.array(
            [[stream(seed, "jumps", i, name).standard_normal() for name in assets] for i in scenarios]
        )
        mean = checked.values_of("jump_mean", self.mean, assets)
        scale = checked.values_of("jump_scale", self.scale, assets)
        normal = math.sqrt(self.correlation) * shared[:, np.newaxis] + math.sqrt(1.0 - self.correlation) * own
        sizes = times[:, np.newaxis] * mean + np.sqrt(times)[:, np.newaxis] * scale * normal
        return self.diffusion.draw(assets, scenarios, seed) + sizes

    def describe(self) -> str:
        """Return the distribution in words."""
        size = f"mean {samplers.spelt(self.mean)}, standard deviation {samplers.spelt(self.scale)}"
        jumps = f"{self.intensity:g} expected common jumps of {size}, correlation {self.correlation:g}"
        return f"{self.diffusion.describe()}, plus {jumps}"


@dataclass(frozen=True, eq=False, repr=False)
class JumpShocks(DrawnShocks):
    """Normal log returns plus common jumps."""

    sampler: Jumps
