"""How is a family of price shocks made? Distributions, history, given shocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from contagion.errors import SchemaError
from contagion.experiments import checked, samplers
from contagion.shocks import Shock

if TYPE_CHECKING:
    from contagion.experiments.families import PriceShocks

__all__ = ["Constructors"]


class Constructors:
    """Static methods of `contagion.PriceShocks`."""

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
        >>> import contagion as ct
        >>> family = ct.PriceShocks.normal({"BTC": 0.1, "ETH": 0.15}, correlation=0.9)
        >>> family.draw(["BTC", "ETH"], 3, seed=7).shape
        (3, 2)
        """
        from contagion.experiments.families import EllipticalShocks

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
        >>> import contagion as ct
        >>> family = ct.PriceShocks.student_t(df=4, scale=0.1)
        >>> family.describe()[:52]
        'log returns Student t with 4 degrees of freedom, sca'
        """
        from contagion.experiments.families import EllipticalShocks

        degrees = checked.number("df", df, low=1.0)
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
        >>> import contagion as ct
        >>> returns = pd.DataFrame({"BTC": [-0.01, 0.02, -0.05, 0.01]})
        >>> family = ct.PriceShocks.historical(returns, block=2)
        >>> round(float(family.draw(["BTC"], 100, seed=7)["BTC"].min()), 10)
        -0.04
        """
        from contagion.experiments.families import HistoricalShocks

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
        >>> import contagion as ct
        >>> ct.PriceShocks.fixed([ct.PriceShock({"BTC": -0.1}), ct.PriceShock({"BTC": -0.2})]).size
        2
        """
        from contagion.experiments.families import FixedShocks

        wrong = [shock for shock in shocks if not isinstance(shock, Shock)] if _is_list(shocks) else [shocks]
        if wrong or not shocks:
            what = "is no shock" if wrong else "holds no shock"
            value = wrong[0] if wrong else shocks
            allowed = 'a list of shocks, such as [ct.PriceShock({"BTC": -0.1})]'
            raise SchemaError(what, where="PriceShocks.fixed", value=value, allowed=allowed)
        return FixedShocks(tuple(shocks))


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))
