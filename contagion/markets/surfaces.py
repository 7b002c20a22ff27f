"""Which volatility has an option of this strike and expiry, before and after a shock, and can all these be true?

A surface is a term structure at the money plus a skew and a smile in log-moneyness over the square root of time,
``x = ln(strike / forward) / sqrt(years)``: volatility = level(years) + skew x + smile x². Without skew and smile it is
a term structure, with one level it is flat.

References
----------
Gatheral, Jacquier (2014), "Arbitrage-free SVI volatility surfaces", Quantitative Finance 14(1), section 2: no calendar
arbitrage if total variance does not fall with time at any log-moneyness; no butterfly arbitrage if prices are convex in
the strike. Linear total variance between expiries keeps the first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd

from contagion.arrays import FloatArray, fitted, real, reals
from contagion.errors import SchemaError
from contagion.markets.options import black_scholes, times, volatilities

LOWEST: Final = 0.01  # assumption: volatilities that skew, smile or shocks take below stay here
FARTHEST: Final = 1e100  # whose square is a number
ROUNDING: Final = 1e-12  # of the forward, or of total variance
COLUMNS: Final = ("kind", "years", "log_moneyness", "amount")


@dataclass(frozen=True)
class VolatilitySurface:
    """Volatility by strike and expiry.

    Parameters
    ----------
    levels
        At the money, per square root of a year, >= 0: one number for all expiries, or one per entry of `years`.
        Between expiries total variance is linear, before the first and after the last the volatility stays.
    years
        Expiries of the levels, > 0, rising; left out for one level.
    skew
        Change per unit of x: negative where downside protection is dear, as in equity and most often in crypto.
    smile
        Change per unit of x².
    lowest
        Smallest volatility, >= 0.

    Raises
    ------
    InputError
        If a level is negative (with its row), expiries do not rise, or lengths differ.

    Examples
    --------
    >>> surface = VolatilitySurface([0.8, 0.6], years=[0.1, 1.0], skew=-0.1)
    >>> surface.volatility(strike=[80.0, 100.0], forward=100.0, years=1.0).round(4)
    array([0.6223, 0.6   ])
    """

    levels: Any
    years: Any = ()
    skew: float = 0.0
    smile: float = 0.0
    lowest: float = LOWEST

    def __post_init__(self) -> None:
        levels = np.atleast_1d(volatilities(self.levels, "levels"))
        years = reals(self.years, "years", above=0.0, dimensions=1)
        if levels.ndim != 1 or len(levels) != max(1, len(years)):
            raise SchemaError(
                f"has {levels.size} entries", where="levels", allowed="one, or one per entry of years"
            )
        if (np.diff(years) <= 0.0).any():
            raise SchemaError("do not rise", where="years", value=self.years, remedy="sort the expiries")
        object.__setattr__(self, "levels", tuple(levels.tolist()))
        object.__setattr__(self, "years", tuple(years.tolist()))
        object.__setattr__(self, "skew", real(self.skew, "skew"))
        object.__setattr__(self, "smile", real(self.smile, "smile"))
        object.__setattr__(self, "lowest", real(self.lowest, "lowest", low=0.0))

    def level(self, years: Any) -> Any:
        """Volatility at the money, per square root of a year, of options with `years` left (>= 0, any shape)."""
        left = times(years)
        if len(self.levels) == 1:
            return np.full(left.shape, self.levels[0])[()]
        knots, levels = np.array(self.years), np.array(self.levels)
        within = np.clip(left, knots[0], knots[-1])
        return np.sqrt(np.interp(within, knots, levels**2 * knots) / within)[()]

    def volatility(self, strike: Any, forward: Any, years: Any) -> Any:
        """Volatility per square root of a year.

        Parameters
        ----------
        strike, forward
            Money per unit, > 0, any shape.
        years
            Time to expiry, >= 0; of options that expire now the level.

        Returns
        -------
        numpy.float64 or numpy.ndarray
            At least `lowest`.

        Raises
        ------
        InputError
            If a price is not positive or an option is past expiry; the message names the row.
        """
        struck, ahead, left = fitted(
            strike=reals(strike, "strike", above=0.0),
            forward=reals(forward, "forward", above=0.0),
            years=times(years),
        )
        with np.errstate(over="ignore"):
            distance = np.log(struck / ahead) / np.sqrt(np.where(left > 0.0, left, np.inf))
        distance = np.clip(distance, -FARTHEST, FARTHEST)
        shaped = self.level(left) + self.skew * distance + self.smile * distance**2
        return np.maximum(shaped, self.lowest)[()]

    def shocked(self, *, factor: Any = 1.0, level: Any = 0.0, tilt: Any = 0.0) -> VolatilitySurface:
        """Return the surface after a shock.

        Parameters
        ----------
        factor
            On the levels, >= 0.
        level
            Added to the levels after that, per square root of a year; they stay at `lowest` or above.
        tilt
            Added to the skew; negative makes puts dearer.

        Raises
        ------
        InputError
            If a number is out of range.

        Examples
        --------
        >>> VolatilitySurface(0.5).shocked(factor=1.5, level=0.25, tilt=-0.05).levels
        (1.0,)
        """
        scale, added = real(factor, "factor", low=0.0), real(level, "level")
        moved = tuple(max(scale * each + added, self.lowest) for each in self.levels)
        return replace(self, levels=moved, skew=self.skew + real(tilt, "tilt"))


def surface_arbitrage(volatility: Any, log_moneyness: Any, years: Any) -> pd.DataFrame:
    """Where options of these volatilities would give a gain without risk.

    Parameters
    ----------
    volatility
        Per square root of a year, shape ``(n_years, n_strikes)``, >= 0.
    log_moneyness
        ``ln(strike / forward)``, shape ``(n_strikes,)``, rising, the same for every expiry.
    years
        Expiries, shape ``(n_years,)``, > 0, rising.

    Returns
    -------
    pandas.DataFrame
        One row per violation: kind, years, log_moneyness, amount. ``"butterfly"``: calls of three neighbouring strikes
        are not convex, the amount is what the middle one costs too much, as a share of the forward. ``"vertical"``: a
        call costs less than that of the next higher strike, or more than it by over their difference, at the
        lower strike. ``"calendar"``: total variance is lower than at the expiry before, by the amount. Empty if none.

    Raises
    ------
    InputError
        If shapes differ, or strikes or expiries do not rise.

    Examples
    --------
    >>> surface_arbitrage([[0.9, 0.9], [0.4, 0.4]], [-0.1, 0.1], [0.5, 1.0]).round(3)
           kind  years  log_moneyness  amount
    0  calendar    1.0           -0.1   0.245
    1  calendar    1.0            0.1   0.245
    """
    sigma = volatilities(volatility, "volatility")
    distance = reals(log_moneyness, "log_moneyness", dimensions=1)
    left = reals(years, "years", above=0.0, dimensions=1)
    if sigma.shape != (len(left), len(distance)):
        raise SchemaError(
            f"has shape {sigma.shape}", where="volatility", allowed=f"shape {(len(left), len(distance))}"
        )
    for name, values in (("log_moneyness", distance), ("years", left)):
        if (np.diff(values) <= 0.0).any():
            raise SchemaError("do not rise", where=name, remedy="sort rows and columns")
    strikes = np.exp(distance)
    calls = np.asarray(black_scholes("call", 1.0, strikes, left[:, None], sigma).price)
    dear = calls[:, 1:-1] - _between(calls, strikes)
    slope = np.diff(calls, axis=1)
    lower = np.maximum(slope, -slope - np.diff(strikes))
    fallen = -np.diff(sigma**2 * left[:, None], axis=0)
    found = [
        *_rows("butterfly", dear, left, distance[1:-1]),
        *_rows("vertical", lower, left, distance[:-1]),
        *_rows("calendar", fallen, left[1:], distance),
    ]
    return pd.DataFrame(found, columns=list(COLUMNS))


def _between(calls: FloatArray, strikes: FloatArray) -> FloatArray:
    """Price at each inner strike on the straight line between its neighbours."""
    share = (strikes[1:-1] - strikes[:-2]) / (strikes[2:] - strikes[:-2])
    return np.asarray((1.0 - share) * calls[:, :-2] + share * calls[:, 2:])


def _rows(
    kind: str, amount: FloatArray, years: FloatArray, distance: FloatArray
) -> list[tuple[str, float, float, float]]:
    """One row for every amount above rounding."""
    return [
        (kind, float(years[i]), float(distance[k]), float(amount[i, k]))
        for i, k in np.argwhere(amount > ROUNDING)
    ]
