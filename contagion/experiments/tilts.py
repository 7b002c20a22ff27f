"""Importance sampling: more scenarios where losses are large, and weights that undo it.

With probability `plain` a scenario is drawn as before, else from the same law with its underlying standard normals
shifted by a vector theta (and the mixing variable of a Student t made smaller). The weight of a scenario is the density
as before over that of the mixture: 1 / (plain + (1 - plain) g/f), with log(f/g) = |theta|²/2 - theta·z for the normals
and, with W the mixing variable and kappa its factor, (df/2) log kappa + (W/2)(1/kappa - 1). A weight is at most
1 / plain, so that means over all scenarios stay well-behaved beside those over the tail.

References
----------
Hesterberg (1995), "Weighted average importance sampling and defensive mixture distributions". Glasserman, Heidelberger,
Shahabuddin (2002), "Portfolio value-at-risk with heavy-tailed risk factors", for the mixing variable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from contagion.errors import SchemaError, ValueRangeError
from contagion.experiments import checked, samplers
from contagion.experiments.families import DrawnShocks
from contagion.streams import check_seed, stream

__all__ = ["Tilted", "TiltedShocks"]

Array = npt.NDArray[np.float64]

DIGITS: Final = 12
LARGEST_EXPONENT: Final = 700.0


@dataclass(frozen=True, eq=False)
class Tilted:
    """An elliptical law, shifted in a share of the scenarios.

    Parameters
    ----------
    base : Elliptical
        The law.
    factor : float
        Shift of the common factor, in its standard deviations.
    own : dict of str to float
        Shift of assets' own parts, in theirs.
    mixing : float
        What the mixing variable of a Student t is multiplied by; 1 leaves it.
    plain : float
        Probability that a scenario is not shifted.
    """

    base: samplers.Elliptical
    factor: float
    own: dict[str, float]
    mixing: float
    plain: float

    @property
    def named(self) -> frozenset[str]:
        """Assets that a parameter of the law names, or whose own part is shifted."""
        return self.base.named.union(self.own)

    @classmethod
    def make(
        cls,
        base: samplers.Elliptical,
        shift: Mapping[str, float] | None,
        direction: Mapping[str, float] | None,
        factor: float | None,
        distance: float,
        mixing: float,
        plain: float,
    ) -> Tilted:
        """Check the parameters, find the shift of the underlying normals, and return the sampler.

        Raises
        ------
        SchemaError, ValueRangeError
            If a parameter is of the wrong kind or out of range, or not exactly one of shift, direction and factor is
            given, or the law cannot move as asked.
        """
        given = [name for name, one in _pairs(shift, direction, factor) if one is not None]
        if len(given) != 1:
            told = " and ".join(given) or "nothing"
            allowed = "exactly one of shift, direction and factor"
            raise SchemaError("is given", where="tilted", value=told, allowed=allowed)
        reach = checked.number("distance", distance, low=0.0)
        share = checked.number("plain", plain, low=0.01, high=1.0)
        smaller = checked.number("mixing", mixing, low=0.01, high=1.0)
        if base.df is None and smaller != 1.0:
            raise SchemaError("needs a Student t", where="mixing", value=mixing, remedy="leave it out")
        if factor is not None:
            if base.matrix is not None:
                raise SchemaError(
                    "needs a common factor", where="factor", value=factor, remedy="give shift or direction"
                )
            return cls(base, checked.number("factor", factor), {}, smaller, share)
        moves = checked.numbers(given[0], shift if direction is None else direction, low=None)
        if not isinstance(moves, dict):
            raise SchemaError("is no mapping", where=given[0], value=moves, allowed='such as {"BTC": -0.2}')
        common, parts = _theta(base, moves, given[0])
        if direction is not None:
            size = float(np.sqrt(common**2 + sum(part**2 for part in parts.values())))
            if size == 0.0:
                raise ValueRangeError("points nowhere", where="direction", value=direction)
            common, parts = common * reach / size, {name: p * reach / size for name, p in parts.items()}
        return cls(base, _rounded(common), {n: _rounded(p) for n, p in parts.items()}, smaller, share)

    def draw(self, assets: Sequence[str], scenarios: range, seed: int) -> Array:
        """Return log returns, shape (n_scenarios, n_assets)."""
        shifted = self._shifted(scenarios, seed)
        factor, mixing = self.base.common(scenarios, seed)

        def own(names: Sequence[str]) -> Array:
            moved = np.array([self.own.get(name, 0.0) for name in names])
            return np.asarray(samplers.own(names, scenarios, seed) + shifted[:, np.newaxis] * moved)

        returns = self.base.combined(assets, factor + shifted * self.factor, own)
        return returns if mixing is None else self.base.mixed(returns, mixing * self._smaller(shifted))

    def weights(self, scenarios: range, seed: int) -> Array:
        """Return the weights of scenarios, shape (n_scenarios,), 0 to 1 / plain."""
        shifted = self._shifted(scenarios, seed)
        factor, mixing = self.base.common(scenarios, seed)
        exponent = self.factor * (factor + shifted * self.factor) - 0.5 * self.factor**2
        names = list(self.own)
        parts = samplers.own(names, scenarios, seed) if names else np.zeros((len(scenarios), 0))
        for column, name in enumerate(names):
            theta = self.own[name]
            exponent = exponent + theta * (parts[:, column] + shifted * theta) - 0.5 * theta**2
        if mixing is not None and self.mixing != 1.0:
            assert self.base.df is not None
            drawn = mixing * self._smaller(shifted)
            exponent = exponent - 0.5 * self.base.df * np.log(self.mixing)
            exponent = exponent - 0.5 * drawn * (1.0 / self.mixing - 1.0)
        ratio = np.exp(np.minimum(exponent, LARGEST_EXPONENT))
        return np.asarray(1.0 / (self.plain + (1.0 - self.plain) * ratio))

    def _shifted(self, scenarios: range, seed: int) -> Array:
        """1 where a scenario is shifted, else 0."""
        return np.array([float(stream(seed, "tilt", i).random() >= self.plain) for i in scenarios])

    def _smaller(self, shifted: Array) -> Array:
        return np.where(shifted > 0.0, self.mixing, 1.0)

    def describe(self) -> str:
        """Return the law and the shift in words."""
        parts = {**({"common factor": self.factor} if self.factor else {}), **self.own}
        moved = ", ".join(f"{name} {part:+.3g}" for name, part in parts.items() if part)
        mixing = f", mixing variable times {self.mixing:g}" if self.mixing != 1.0 else ""
        share = f"importance sampling: in {1.0 - self.plain:.0%} of the scenarios"
        return f"{self.base.describe()}; {share} underlying normals shifted by {moved or 0}{mixing}"


@dataclass(frozen=True, eq=False, repr=False)
class TiltedShocks(DrawnShocks):
    """Log returns drawn more often where they matter; every scenario has a weight."""

    sampler: Tilted

    @property
    def weighted(self) -> bool:
        """Whether scenarios differ in weight."""
        return True

    def weights(self, n: int, seed: int) -> Array:
        """Return the weights of the first n scenarios, shape (n,); their mean is 1 in expectation."""
        return self.sampler.weights(range(checked.count("n", n)), check_seed(seed))


def _pairs(
    shift: Mapping[str, float] | None, direction: Mapping[str, float] | None, factor: float | None
) -> list[tuple[str, object]]:
    return [("shift", shift), ("direction", direction), ("factor", factor)]


def _theta(base: samplers.Elliptical, moves: dict[str, float], where: str) -> tuple[float, dict[str, float]]:
    """Return the shortest shift of factor and own parts that moves the assets as asked."""
    assets, wanted = list(moves), np.array(list(moves.values()))
    if base.matrix is not None:
        names, lower = base.mixing(assets)
        loads = np.zeros(len(assets))
        parts = lower * checked.values_of("scale", base.scale, assets)[:, np.newaxis]
    else:
        names = assets
        loads = base.combined(assets, np.ones(1), lambda some: np.zeros((1, len(some))))[0]
        alone = base.combined(assets, np.zeros(1), lambda some: np.ones((1, len(some))))[0]
        parts = np.diag(alone)
    mixed = np.column_stack([loads, parts])
    theta = np.linalg.pinv(mixed) @ wanted
    if np.abs(mixed @ theta - wanted).max() > 1e-9 * np.abs(wanted).max():
        remedy = "give factor=..., or moves that the correlations allow"
        raise ValueRangeError("cannot be reached by this law", where=where, value=moves, remedy=remedy)
    return float(theta[0]), {name: float(part) for name, part in zip(names, theta[1:], strict=True)}


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
