"""How bad is a firm when the system is bad, and the other way round? MES and ΔCoVaR from two series of returns.

Returns are decimals, losses negative. Quantiles interpolate linearly between order statistics.

References
----------
Acharya, Pedersen, Philippon, Richardson (2017), "Measuring systemic risk", Review of Financial Studies 30(1).
Adrian, Brunnermeier (2016), "CoVaR", American Economic Review 106(7).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from contagion.errors import ValueRangeError
from contagion.measures.market_based.checks import pair, share
from contagion.measures.market_based.regression import quantile_regression

__all__ = ["CoVaR", "MarginalShortfall", "covar", "mes"]


@dataclass(frozen=True)
class MarginalShortfall:
    """What a firm returned on the market's worst days.

    Parameters
    ----------
    mes : float
        Mean return of the firm on those days, usually negative.
    n_tail_days : int
        Their number.
    """

    mes: float
    n_tail_days: int


@dataclass(frozen=True)
class CoVaR:
    """Value at risk of the market, given that of a firm; all are returns.

    Parameters
    ----------
    intercept, slope : float
        Line of the market's q-quantile given the firm's return.
    var_firm, median_firm : float
        q-quantile and median of the firm.
    covar : float
        The line at `var_firm`.
    delta_covar : float
        What the line falls from the firm's median to its q-quantile.
    """

    intercept: float
    slope: float
    var_firm: float
    median_firm: float
    covar: float
    delta_covar: float


def mes(firm_returns: npt.ArrayLike, market_returns: npt.ArrayLike, q: float = 0.05) -> MarginalShortfall:
    """Return the marginal expected shortfall: the firm's mean return on the market's worst days.

    Parameters
    ----------
    firm_returns, market_returns : array_like
        Returns day by day (or scenario by scenario), shape (n,) with n at least 2.
    q : float, default 0.05
        Days with a market return strictly below this quantile count.

    Returns
    -------
    MarginalShortfall

    Raises
    ------
    SchemaError
        If the series differ in length or hold no numbers.
    ValueRangeError
        If a number is not finite, q is out of range, or no day lies in the tail.

    Examples
    --------
    >>> mes([-0.04, 0.01, 0.02, -0.01], [-0.03, 0.0, 0.01, 0.02], q=0.25)
    MarginalShortfall(mes=-0.04, n_tail_days=1)
    """
    firm, market = pair(firm_returns, market_returns, ("firm_returns", "market_returns"))
    worst = market < np.quantile(market, share(q))
    if not worst.any():
        raise ValueRangeError(
            f"has no day in its tail: none is strictly below the {q:g}-quantile",
            where="market_returns",
            remedy="take a larger q",
        )
    return MarginalShortfall(float(firm[worst].mean()), int(worst.sum()))


def covar(firm_returns: npt.ArrayLike, market_returns: npt.ArrayLike, q: float = 0.05) -> CoVaR:
    """Return the market's value at risk given the firm's, by quantile regression of the market on the firm.

    Parameters and errors as in `mes`; a firm whose returns never change is refused too.

    Returns
    -------
    CoVaR

    Examples
    --------
    >>> found = covar([-0.02, 0.0, 0.02], [-0.03, 0.0, 0.03], q=0.5)
    >>> found.slope, found.delta_covar
    (1.5, 0.0)
    """
    firm, market = pair(firm_returns, market_returns, ("firm_returns", "market_returns"))
    share(q)
    if firm.min() == firm.max():
        raise ValueRangeError("never changes", where="firm_returns", value=float(firm[0]))
    intercept, slope = quantile_regression(firm, market, q)
    at_risk, middle = float(np.quantile(firm, q)), float(np.median(firm))
    return CoVaR(intercept, slope, at_risk, middle, intercept + slope * at_risk, slope * (at_risk - middle))
