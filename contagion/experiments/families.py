"""Where do many scenarios come from? Families of price shocks, drawn before any run.

Scenario i depends on the seed, on i and on the names of the assets alone: not on how many scenarios are
drawn, not on policies, and not on which other assets take part. Draws are log returns of an event, which then
happens over `over` seconds, linear in log price. Assets that are money (kind currency) are left out by the
caller.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.errors import SchemaError, ValueRangeError
from contagion.experiments import checked, samplers
from contagion.experiments.constructors import Constructors
from contagion.experiments.more_constructors import MoreConstructors
from contagion.shocks import PriceShock, Shock, Shocks
from contagion.streams import check_seed

__all__ = ["LARGEST_LOG_RETURN", "PriceShocks"]

Array = npt.NDArray[np.float64]

LARGEST_LOG_RETURN: Final = 20.0
"""Draws are cut here (a fall of 99.9999998 %): beyond it a price is no number any more."""


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class PriceShocks(MoreConstructors, Constructors, ABC):
    """A family of price shocks; made by its static methods, such as `normal` or `historical`.

    Parameters
    ----------
    over : float, default 1800
        Seconds over which every drawn move happens, linear in log price; 0 is one gap at the first round.
    added : tuple of Shock
        What happens in every scenario besides; ``family + DepthShock(-0.5)`` adds to it.
    """

    over: float = 1800.0
    added: tuple[Shock, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "over", checked.seconds(self.over))

    @property
    def size(self) -> int | None:
        """Number of different scenarios, or None where there is no end to them."""
        return None

    @abstractmethod
    def _returns(self, assets: Sequence[str], scenarios: range, seed: int) -> Array:
        """Return log returns, shape (n_scenarios, n_assets), without what is added."""

    @abstractmethod
    def _words(self) -> str:
        """Return what is drawn, in words, without what is added."""

    @property
    def caution(self) -> str:
        """What a reader of statistics over the scenarios must know, empty if nothing."""
        return ""

    @property
    def named(self) -> frozenset[str]:
        """Assets that the law names: these move by themselves though they follow another asset (`assets.reference`)."""
        return frozenset()

    @property
    def weighted(self) -> bool:
        """Whether scenarios differ in weight."""
        return False

    def weights(self, n: int, seed: int) -> Array:
        """Return the weights of the first n scenarios, shape (n,): all 1 but under importance sampling."""
        check_seed(seed)
        return np.ones(checked.count("n", n))

    def tilted(
        self,
        shift: Mapping[str, float] | None = None,
        *,
        direction: Mapping[str, float] | None = None,
        factor: float | None = None,
        distance: float = 3.0,
        mixing: float = 1.0,
        plain: float = 0.25,
    ) -> PriceShocks:
        """Return the same law by importance sampling: more scenarios in a tail, and weights that undo it.

        Exactly one of `shift`, `direction` and `factor` is given. Statistics of a comparison use the weights, divided
        by their sum; what has no weighted version refuses the family.

        Parameters
        ----------
        shift : mapping of str to float, optional
            Asset -> where the mean log return goes; other assets follow by their correlations.
        direction : mapping of str to float, optional
            The same, of which only the direction counts; `distance` says how far. For a loss that is linear in log
            returns the likeliest way is covariance x exposures; `contagion.most_likely_break` searches one.
        factor : float, optional
            Shift of the common factor, in its standard deviations; needs no names, but a law with a common factor.
        distance : float, default 3
            How far along the direction, in standard deviations (Mahalanobis distance).
        mixing : float, default 1
            Of a Student t: what its mixing variable is multiplied by in shifted scenarios, 0.01 to 1; smaller gives
            wider draws. Shifts of a Student t count before mixing.
        plain : float, default 0.25
            Share of scenarios that are drawn as before, 0.01 to 1; no weight is above 1 / plain.

        Returns
        -------
        PriceShocks
            The family; ``weights(n, seed)`` are likelihood ratios, the same whichever assets take part.

        Raises
        ------
        SchemaError, ValueRangeError
            If a parameter is of another kind or out of range, or the law cannot move as asked.

        Examples
        --------
        >>> family = PriceShocks.normal(0.1).tilted({"BTC": -0.3})
        >>> bool(family.weights(100, seed=7).max() <= 4.0)
        True
        """
        from contagion.experiments.tilts import Tilted, TiltedShocks

        if not isinstance(self, EllipticalShocks):
            allowed = "a family made by ct.PriceShocks.normal or ct.PriceShocks.student_t"
            raise SchemaError("cannot be tilted", where="family", value=self, allowed=allowed)
        sampler = Tilted.make(self.sampler, shift, direction, factor, distance, mixing, plain)
        return TiltedShocks(sampler, over=self.over, added=self.added)

    def describe(self) -> str:
        """Return one plain sentence without a full stop, time profile included."""
        return "; ".join([self._words(), *(f"and {shock.describe()}" for shock in self.added)])

    def __repr__(self) -> str:
        return f"PriceShocks({self.describe()})"

    def __add__(self, other: object) -> PriceShocks:
        return replace(self, added=(*self.added, other)) if isinstance(other, Shock) else NotImplemented

    __radd__ = __add__

    def draw(self, assets: Sequence[str], n: int, seed: int) -> pd.DataFrame:
        """Return the log returns of the first n scenarios, from the opening to the end of the shock.

        Parameters
        ----------
        assets : sequence of str
            Names of the assets that move.
        n : int
            Number of scenarios, at least 1.
        seed : int
            Root seed.

        Returns
        -------
        pandas.DataFrame
            Shape (n, n_assets), columns in the order of `assets`, index scenario.

        Raises
        ------
        SchemaError, ValueRangeError
            If an asset is not covered by the family, or n or the seed is out of range.
        """
        names, seed = checked.names(assets), check_seed(seed)
        count = checked.count("n", n)
        if self.size is not None and 1 < self.size < count:
            what = f"is more than the {self.size:,} shocks of the family"
            raise ValueRangeError(what, where="n", value=count)
        returns = self._returns(names, range(count), seed)
        for shock in self.added:
            returns = returns + shock.log_returns(names)
        return pd.DataFrame(returns, columns=names, index=pd.RangeIndex(count, name="scenario"))

    def scenario(self, assets: Sequence[str], i: int, seed: int) -> Shock:
        """Return the shock of scenario i.

        Parameters
        ----------
        assets : sequence of str
            Names of the assets that move.
        i : int
            Number of the scenario, from 0.
        seed : int
            Root seed.

        Returns
        -------
        Shock
            A `PriceShock` with the moves of row i of `draw`, and what is added.

        Raises
        ------
        SchemaError, ValueRangeError
            If an asset is not covered by the family, or i or the seed is out of range.
        """
        names, seed = checked.names(assets) if assets or self.size is None else [], check_seed(seed)
        shock = self._shock(names, checked.count("scenario", i, low=0), seed)
        return Shocks((shock, *self.added)) if self.added else shock

    def _shock(self, assets: list[str], i: int, seed: int) -> Shock:
        moves = np.expm1(self._returns(assets, range(i, i + 1), seed)[0])
        return PriceShock(dict(zip(assets, moves.tolist(), strict=True)), over=self.over)


class Sampler(Protocol):
    """How log returns are drawn."""

    def draw(self, assets: Sequence[str], scenarios: range, seed: int) -> Array:
        """Return log returns, shape (n_scenarios, n_assets)."""

    def describe(self) -> str:
        """Return the distribution in words."""


@dataclass(frozen=True, eq=False, repr=False)
class DrawnShocks(PriceShocks):
    """Log returns that a sampler draws."""

    sampler: Sampler

    @property
    def named(self) -> frozenset[str]:
        """Assets that the sampler's parameters name."""
        return frozenset(getattr(self.sampler, "named", frozenset()))

    def _returns(self, assets: Sequence[str], scenarios: range, seed: int) -> Array:
        drawn = self.sampler.draw(assets, scenarios, seed)
        return np.clip(drawn, -LARGEST_LOG_RETURN, LARGEST_LOG_RETURN)

    def _words(self) -> str:
        return f"{self.sampler.describe()}, {samplers.profile(self.over)}"


@dataclass(frozen=True, eq=False, repr=False)
class EllipticalShocks(DrawnShocks):
    """Normal or Student t log returns."""

    sampler: samplers.Elliptical


@dataclass(frozen=True, eq=False, repr=False)
class HistoricalShocks(DrawnShocks):
    """Sums of blocks of observed log returns."""

    sampler: samplers.Blocks


@dataclass(frozen=True, eq=False, repr=False)
class FixedShocks(PriceShocks):
    """Given shocks, one scenario each."""

    shocks: tuple[Shock, ...]

    @property
    def size(self) -> int | None:
        """Number of shocks."""
        return len(self.shocks)

    def _returns(self, assets: Sequence[str], scenarios: range, seed: int) -> Array:
        return np.array([self._shock(list(assets), i, seed).log_returns(assets) for i in scenarios])

    def _shock(self, assets: list[str], i: int, seed: int) -> Shock:
        if 1 < len(self.shocks) <= i:
            allowed = f"the family holds {len(self.shocks):,} shocks, numbered from 0"
            raise ValueRangeError("is too large", where="scenario", value=i, allowed=allowed)
        return self.shocks[i if len(self.shocks) > 1 else 0]

    def _words(self) -> str:
        if len(self.shocks) == 1:
            return f"in every scenario {self.shocks[0].describe()}"
        return f"{len(self.shocks)} given shocks, the first: {self.shocks[0].describe()}"
