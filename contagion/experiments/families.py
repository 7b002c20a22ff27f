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
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.errors import SchemaError, ValueRangeError
from contagion.experiments import samplers
from contagion.shocks import PriceShock, Shock, Shocks
from contagion.streams import check_seed

__all__ = ["LARGEST_LOG_RETURN", "PriceShocks"]

Array = npt.NDArray[np.float64]

LARGEST_LOG_RETURN: Final = 20.0
"""Draws are cut here (a fall of 99.9999998 %): beyond it a price is no number any more."""


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class PriceShocks(ABC):
    """A family of price shocks; made by `normal`, `student_t`, `historical` or `fixed`.

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
        object.__setattr__(self, "over", samplers.seconds(self.over))

    @staticmethod
    def normal(
        scale: float | Mapping[str, float],
        correlation: float | pd.DataFrame | None = None,
        betas: Mapping[str, float] | None = None,
        *,
        residual: float | Mapping[str, float] = 0.0,
        over: float = 1800.0,
    ) -> PriceShocks:
        """Return normal log returns.

        Parameters
        ----------
        scale : float or mapping of str to float
            Standard deviation of an asset's log return over the event; with `betas`, that of the factor.
        correlation : float or pandas.DataFrame, optional
            One number from 0 to 1 for every pair, or a matrix with names on both sides; 0.8 if not given.
        betas : mapping of str to float, optional
            One factor instead of correlations: log return = beta x factor + own part.
        residual : float or mapping of str to float, default 0
            Standard deviation of the own part, only with `betas`.
        over : float, default 1800
            Seconds over which the event happens; 0 is one gap.

        Returns
        -------
        PriceShocks
            The family.

        Raises
        ------
        SchemaError, ValueRangeError
            If a number is of another kind or out of range, or the matrix is no correlation matrix.

        Examples
        --------
        >>> family = PriceShocks.normal({"BTC": 0.1, "ETH": 0.15}, correlation=0.9)
        >>> family.draw(["BTC", "ETH"], 3, seed=7).shape
        (3, 2)
        """
        return EllipticalShocks(
            samplers.Elliptical.make(None, scale, correlation, betas, residual), over=over
        )

    @staticmethod
    def student_t(
        df: float,
        scale: float | Mapping[str, float],
        correlation: float | pd.DataFrame | None = None,
        betas: Mapping[str, float] | None = None,
        *,
        residual: float | Mapping[str, float] = 0.0,
        over: float = 1800.0,
    ) -> PriceShocks:
        """Return log returns with a multivariate Student t distribution: all assets share the heavy tail.

        Parameters
        ----------
        df : float
            Degrees of freedom, at least 1; small ones give heavy tails.
        scale : float or mapping of str to float
            The *scale parameter*, not the standard deviation, which is sqrt(df / (df - 2)) times as large
            (1.41 times for df = 4, infinite up to df = 2).
        correlation, betas, residual, over
            As in `normal`; correlations are those of the underlying normals.

        Returns
        -------
        PriceShocks
            The family.

        Raises
        ------
        SchemaError, ValueRangeError
            As in `normal`, or if df is below 1.

        Examples
        --------
        >>> family = PriceShocks.student_t(df=4, scale=0.1)
        >>> family.describe()[:52]
        'log returns Student t with 4 degrees of freedom, sca'
        """
        degrees = samplers.number("df", df, low=1.0)
        return EllipticalShocks(
            samplers.Elliptical.make(degrees, scale, correlation, betas, residual), over=over
        )

    @staticmethod
    def historical(
        returns: pd.DataFrame,
        block: int = 1,
        *,
        length: int | None = None,
        method: str = "moving",
        over: float = 1800.0,
    ) -> PriceShocks:
        """Return sums of blocks of observed log returns; all assets of a row stay together.

        Parameters
        ----------
        returns : pandas.DataFrame
            Log returns, one column per asset, one row per period; no missing values.
        block : int, default 1
            Rows that stay together; the mean of random lengths with method "stationary".
        length : int, optional
            Rows that make one event; `block` if not given.
        method : {"moving", "stationary"}
            "moving" cuts blocks of equal length out of the sample (Künsch 1989); "stationary" draws geometric
            lengths and goes on at the first row after the last (Politis, Romano 1994).
        over : float, default 1800
            Seconds over which the event happens; 0 is one gap.

        Returns
        -------
        PriceShocks
            The family.

        Raises
        ------
        SchemaError, ValueRangeError
            If the frame has no rows, other contents than numbers, or fewer rows than a block.

        Examples
        --------
        >>> returns = pd.DataFrame({"BTC": [-0.01, 0.02, -0.05, 0.01]})
        >>> family = PriceShocks.historical(returns, block=2)
        >>> round(float(family.draw(["BTC"], 100, seed=7)["BTC"].min()), 10)
        -0.04
        """
        return HistoricalShocks(samplers.Blocks.make(returns, block, length, method), over=over)

    @staticmethod
    def fixed(shocks: Sequence[Shock]) -> PriceShocks:
        """Return a family that draws nothing: scenario i is the i-th shock, a single shock is every scenario.

        Parameters
        ----------
        shocks : sequence of Shock
            At least one.

        Returns
        -------
        PriceShocks
            The family; its `size` is the number of shocks.

        Raises
        ------
        SchemaError
            If the list is empty or holds something else than shocks.

        Examples
        --------
        >>> PriceShocks.fixed([PriceShock({"BTC": -0.1}), PriceShock({"BTC": -0.2})]).size
        2
        """
        wrong = [shock for shock in shocks if not isinstance(shock, Shock)] if _is_list(shocks) else [shocks]
        if wrong or not shocks:
            what = "is no shock" if wrong else "holds no shock"
            value = wrong[0] if wrong else shocks
            allowed = 'a list of shocks, such as [ct.PriceShock({"BTC": -0.1})]'
            raise SchemaError(what, where="PriceShocks.fixed", value=value, allowed=allowed)
        return FixedShocks(tuple(shocks))

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
        names, seed = samplers.names(assets), check_seed(seed)
        count = samplers.count("n", n)
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
        names, seed = samplers.names(assets), check_seed(seed)
        shock = self._shock(names, samplers.count("scenario", i, low=0), seed)
        return Shocks((shock, *self.added)) if self.added else shock

    def _shock(self, assets: list[str], i: int, seed: int) -> Shock:
        moves = np.expm1(self._returns(assets, range(i, i + 1), seed)[0])
        return PriceShock(dict(zip(assets, moves.tolist(), strict=True)), over=self.over)


@dataclass(frozen=True, eq=False, repr=False)
class EllipticalShocks(PriceShocks):
    """Normal or Student t log returns."""

    sampler: samplers.Elliptical

    def _returns(self, assets: Sequence[str], scenarios: range, seed: int) -> Array:
        drawn = self.sampler.draw(assets, scenarios, seed)
        return np.clip(drawn, -LARGEST_LOG_RETURN, LARGEST_LOG_RETURN)

    def _words(self) -> str:
        return f"{self.sampler.describe()}, {samplers.profile(self.over)}"


@dataclass(frozen=True, eq=False, repr=False)
class HistoricalShocks(PriceShocks):
    """Sums of blocks of observed log returns."""

    sampler: samplers.Blocks

    def _returns(self, assets: Sequence[str], scenarios: range, seed: int) -> Array:
        drawn = self.sampler.draw(assets, scenarios, seed)
        return np.clip(drawn, -LARGEST_LOG_RETURN, LARGEST_LOG_RETURN)

    def _words(self) -> str:
        return f"{self.sampler.describe()}, {samplers.profile(self.over)}"


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


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))
