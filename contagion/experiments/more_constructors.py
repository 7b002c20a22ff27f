"""How is a family of price shocks made? Volatility that clusters, jumps, quasi-random numbers, recorded episodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from contagion.experiments import checked, samplers

if TYPE_CHECKING:
    from contagion.experiments.families import PriceShocks

__all__ = ["MoreConstructors"]


class MoreConstructors:
    """Further static methods of `contagion.PriceShocks`."""

    @staticmethod
    def filtered(
        returns: pd.DataFrame,
        length: int = 1,
        *,
        parameters: Mapping[str, Mapping[str, float]] | None = None,
        volatility: float | Mapping[str, float] | None = None,
        over: float = 1800.0,
    ) -> PriceShocks:
        """Return filtered historical simulation: observed residuals, scaled by the volatility of today.

        Each asset follows r_t = sqrt(h_t) z_t with h_t = omega + alpha r²_{t-1} + beta h_{t-1} (GARCH(1,1) without a
        mean). Rows of residuals z are drawn with replacement, all assets of a row together, so that no distribution
        and no correlation is assumed.

        Parameters
        ----------
        returns : pandas.DataFrame
            Log returns, one column per asset, one row per period, oldest first; no missing values.
        length : int, default 1
            Periods that make one event; the volatility moves on from one to the next.
        parameters : mapping of str to mapping, optional
            Asset -> omega (per period, at least 0), alpha and beta (at least 0, together at most 1). Assets that are
            not given are fitted by maximum likelihood, rounded to six digits, which needs 100 rows.
        volatility : float or mapping of str to float, optional
            Standard deviation of the first period of an event; what the last row of history leads to if not given.
        over : float, default 1800
            Seconds over which the event happens; 0 is one gap.

        Returns
        -------
        PriceShocks
            The family.

        Raises
        ------
        SchemaError, ValueRangeError
            If the frame, a parameter or a volatility is of another kind or out of range, or names an asset that has no
            column.

        References
        ----------
        Barone-Adesi, Giannopoulos, Vosper (1999), "VaR without correlations for portfolios of derivative securities".

        Examples
        --------
        >>> import contagion as ct
        >>> returns = pd.DataFrame({"BTC": [-0.01, 0.02, -0.05, 0.01]})
        >>> steady = {"BTC": {"omega": 0.0004, "alpha": 0.0, "beta": 0.0}}
        >>> family = ct.PriceShocks.filtered(returns, parameters=steady, volatility=0.04)
        >>> sorted(set(family.draw(["BTC"], 50, seed=7)["BTC"].round(10)))[0]
        -0.1
        """
        from contagion.experiments.filtered import Filtered, FilteredShocks

        return FilteredShocks(Filtered.make(returns, length, parameters, volatility), over=over)

    @staticmethod
    def jump(
        scale: float | Mapping[str, float],
        intensity: float,
        jump_mean: float | Mapping[str, float],
        jump_scale: float | Mapping[str, float] = 0.0,
        correlation: float | pd.DataFrame | None = None,
        betas: Mapping[str, float] | None = None,
        *,
        jump_correlation: float = 1.0,
        residual: float | Mapping[str, float] = 0.0,
        over: float = 1800.0,
    ) -> PriceShocks:
        """Return normal log returns plus jumps that hit all assets at once.

        The number of jumps of an event is Poisson; the size of a jump is normal for each asset.

        Parameters
        ----------
        scale, correlation, betas, residual, over
            The part without jumps, as in `normal`.
        intensity : float
            Expected number of jumps in an event, 0 to 1000.
        jump_mean : float or mapping of str to float
            Mean log return of a jump, such as -0.1.
        jump_scale : float or mapping of str to float, default 0
            Standard deviation of the log return of a jump.
        jump_correlation : float, default 1
            Correlation of the sizes of one jump between any two assets, 0 to 1.

        Returns
        -------
        PriceShocks
            The family. Mean of a log return: intensity x jump_mean; variance: scale² + intensity x (jump_mean² +
            jump_scale²).

        Raises
        ------
        SchemaError, ValueRangeError
            As in `normal`, or if the intensity or the jump's correlation is out of range.

        References
        ----------
        Merton (1976), "Option pricing when underlying stock returns are discontinuous".

        Examples
        --------
        >>> import contagion as ct
        >>> family = ct.PriceShocks.jump(0.0, intensity=2.0, jump_mean=-0.1)
        >>> sorted({round(float(x), 10) for x in family.draw(["BTC"], 30, seed=7)["BTC"]})[-2:]
        [-0.1, 0.0]
        """
        from contagion.experiments.jumps import Jumps, JumpShocks

        diffusion = samplers.Elliptical.make(None, scale, correlation, betas, residual)
        return JumpShocks(
            Jumps.make(diffusion, intensity, jump_mean, jump_scale, jump_correlation), over=over
        )

    @staticmethod
    def quasi(
        assets: Sequence[str],
        scale: float | Mapping[str, float],
        correlation: float | pd.DataFrame | None = None,
        betas: Mapping[str, float] | None = None,
        *,
        df: float | None = None,
        residual: float | Mapping[str, float] = 0.0,
        over: float = 1800.0,
    ) -> PriceShocks:
        """Return normal or Student t log returns from quasi-random numbers, which cover the space evenly.

        Scenario i is point i of a Sobol sequence under a digital shift that depends on the seed. Means over 2^k
        scenarios are much nearer to the truth than those of independent draws, as a rule; the scenarios are not
        independent, so that intervals over them are too wide, as a rule.

        Parameters
        ----------
        assets : sequence of str
            Every asset that may ever be asked for. Sorted, they fix the dimensions: an asset gets the same numbers
            whichever of them take part.
        scale, correlation, betas, residual, over
            As in `normal`.
        df : float, optional
            Degrees of freedom of a Student t, with `scale` as in `student_t`; normal if not given.

        Returns
        -------
        PriceShocks
            The family; at most 2^30 scenarios.

        Raises
        ------
        SchemaError, ValueRangeError
            As in `student_t`, or if the assets are no list of names.

        References
        ----------
        Sobol (1967); Joe, Kuo (2008), "Constructing Sobol sequences with better two-dimensional projections".

        Examples
        --------
        >>> import contagion as ct
        >>> family = ct.PriceShocks.quasi(["BTC", "ETH"], 0.1)
        >>> bool(family.draw(["ETH"], 256, seed=7)["ETH"].mean() < 0.001)
        True
        """
        from contagion.experiments.quasi import Quasi, QuasiShocks

        degrees = None if df is None else checked.number("df", df, low=1.0)
        normals = samplers.Elliptical.make(degrees, scale, correlation, betas, residual)
        return QuasiShocks(Quasi.make(assets, normals), over=over)

    @staticmethod
    def episodes(names: Sequence[str] | None = None, *, others: float = 0.0) -> PriceShocks:
        """Return falls that happened, one scenario each: recorded moves from peak to trough over the recorded time.

        Parameters
        ----------
        names : sequence of str, optional
            Dates of episodes, see `contagion.episode`; all of them, oldest first, if not given.
        others : float, default 0
            Log return of an asset without a record, in those of BTC (of ETH where BTC is not recorded); an assumption.

        Returns
        -------
        PriceShocks
            The family; its `size` is the number of episodes.

        Raises
        ------
        SchemaError, ValueRangeError
            If an episode is unknown, or a parameter is of another kind.

        Examples
        --------
        >>> import contagion as ct
        >>> ct.PriceShocks.episodes(["2020-03-12", "2024-08-05"]).draw(["BTC"], 2, seed=0)["BTC"].round(2).tolist()
        [-0.74, -0.2]
        """
        from contagion.experiments.episodes import EpisodeShocks, chosen

        return EpisodeShocks(chosen(names), checked.number("others", others))
