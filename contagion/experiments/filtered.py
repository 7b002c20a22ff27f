"""Filtered historical simulation: rows of standardised residuals, scaled by a GARCH(1,1) volatility.

Barone-Adesi, Giannopoulos, Vosper (1999). Rows are keyed by the scenario, so that all assets share them; an asset's
parameters and volatility depend on its own column alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.errors import SchemaError, ValueRangeError, nearest, shown
from contagion.experiments import checked, samplers
from contagion.experiments.families import DrawnShocks
from contagion.streams import stream

__all__ = ["Filtered", "FilteredShocks", "fitted", "variances"]

Array = npt.NDArray[np.float64]

NAMES: Final = ("omega", "alpha", "beta")
LEAST_ROWS: Final = 100
DIGITS: Final = 6
STARTS: Final = ((0.95, 0.1, 1.0), (0.8, 0.3, 1.0), (0.99, 0.05, 1.0), (0.3, 0.5, 1.0))
BOUNDS: Final = ((0.0, 0.9999), (0.0, 1.0), (0.01, 100.0))
"""Persistence alpha + beta, share of alpha in it, long-run variance in that of the sample."""


@dataclass(frozen=True, eq=False)
class Filtered:
    """Residuals, parameters and volatility of today.

    Parameters
    ----------
    residuals : pandas.DataFrame
        Standardised residuals, shape (n_rows, n_assets).
    parameters : dict of str to tuple
        Asset -> omega, alpha, beta.
    volatility : dict of str to float
        Standard deviation of the first period of an event.
    length : int
        Periods of an event.
    """

    residuals: pd.DataFrame
    parameters: dict[str, tuple[float, float, float]]
    volatility: dict[str, float]
    length: int

    @classmethod
    def make(
        cls,
        returns: pd.DataFrame,
        length: int,
        parameters: Mapping[str, Mapping[str, float]] | None,
        volatility: float | Mapping[str, float] | None,
    ) -> Filtered:
        """Check the input, fit what is not given, and return the sampler.

        Raises
        ------
        SchemaError, ValueRangeError
            If the frame or a parameter is of the wrong kind or out of range, or there are too few rows for a fit.
        """
        frame = checked.number_frame("returns", returns)
        given = _given(parameters, list(frame.columns))
        steps = checked.count("length", length)
        today = None if volatility is None else checked.numbers("volatility", volatility)
        found, residuals, now = {}, {}, {}
        for name in frame.columns:
            values = frame[name].to_numpy()
            found[name] = given[name] if name in given else fitted(values, f"returns column {shown(name)}")
            spread = variances(values, *found[name])
            if (spread[:-1] <= 0.0).any():
                where = f"returns column {shown(name)}"
                raise ValueRangeError("has periods without any variance", where=where, remedy="raise omega")
            residuals[name] = values / np.sqrt(spread[:-1])
            now[name] = (
                float(np.sqrt(spread[-1]))
                if today is None
                else float(checked.values_of("volatility", today, [name])[0])
            )
        table = pd.DataFrame(residuals, index=frame.index, columns=list(frame.columns))
        return cls(table, found, now, steps)

    def draw(self, assets: Sequence[str], scenarios: range, seed: int) -> Array:
        """Return log returns, shape (n_scenarios, n_assets)."""
        known = list(self.residuals.columns)
        columns = [known.index(name) for name in checked.covered("returns", assets, known)]
        values = self.residuals.to_numpy()[:, columns]
        omega, alpha, beta = np.array([self.parameters[name] for name in assets]).T
        rows = np.array(
            [stream(seed, "shock", i).integers(len(values), size=self.length) for i in scenarios],
            dtype=np.int64,
        )
        spread = np.tile(np.array([self.volatility[name] for name in assets]) ** 2, (len(scenarios), 1))
        total = np.zeros((len(scenarios), len(assets)))
        for step in range(self.length):
            move = np.sqrt(spread) * values[rows[:, step]]
            total += move
            spread = omega + alpha * move**2 + beta * spread
        return total

    def describe(self) -> str:
        """Return the sample and the parameters, in words."""
        told = "; ".join(
            f"{name} omega {omega:.4g}, alpha {alpha:.4g}, beta {beta:.4g}, volatility {self.volatility[name]:.4g}"
            for name, (omega, alpha, beta) in self.parameters.items()
        )
        sample = f"{len(self.residuals)} rows of filtered history ({samplers.content(self.residuals)})"
        return f"log returns drawn from {sample}, each the sum of {self.length} rows; GARCH(1,1): {told}"


@dataclass(frozen=True, eq=False, repr=False)
class FilteredShocks(DrawnShocks):
    """Observed residuals, scaled by the volatility of today."""

    sampler: Filtered


def variances(returns: Array, omega: float, alpha: float, beta: float) -> Array:
    """Return the conditional variance of every period and of the next one, shape (n + 1,).

    h_0 is the mean square of the sample, h_t = omega + alpha r²_{t-1} + beta h_{t-1}.

    Examples
    --------
    >>> variances(np.array([1.0, -1.0]), 0.5, 0.25, 0.5).tolist()
    [1.0, 1.25, 1.375]
    """
    from scipy.signal import lfilter

    squares = returns**2
    start = float(squares.mean())
    news = omega + alpha * squares
    later, _ = lfilter([1.0], [1.0, -beta], news, zi=[beta * start])
    return np.concatenate([[start], later])


def fitted(returns: Array, where: str = "returns") -> tuple[float, float, float]:
    """Return omega, alpha and beta of largest likelihood under normal residuals, rounded to six digits.

    Parameters
    ----------
    returns : numpy.ndarray
        Log returns of one asset, shape (n,), at least 100 that vary.
    where : str
        What messages call them.

    Raises
    ------
    ValueRangeError
        If they are fewer, or all the same.
    """
    from scipy.optimize import minimize

    if len(returns) < LEAST_ROWS or returns.min() == returns.max():
        what = f"has {len(returns)} rows" if len(returns) < LEAST_ROWS else "never changes"
        raise ValueRangeError(
            f"{what}, too little for a fit",
            where=where,
            allowed=f"at least {LEAST_ROWS} rows that vary",
            remedy='give parameters={"BTC": {"omega": ..., "alpha": ..., "beta": ...}}',
        )
    size = float((returns**2).mean())
    scaled = returns / np.sqrt(size)

    def loss(point: Array) -> float:
        spread = variances(scaled, *_usual(point))[:-1]
        return float((np.log(spread) + scaled**2 / spread).mean())

    found = min(
        (minimize(loss, start, method="L-BFGS-B", bounds=BOUNDS) for start in STARTS),
        key=lambda end: float(end.fun),
    )
    omega, alpha, beta = _usual(np.asarray(found.x, dtype=np.float64))
    omega, alpha, beta = (float(f"{value:.{DIGITS}g}") for value in (omega * size, alpha, beta))
    return omega, alpha, min(beta, 1.0 - alpha)


def _usual(point: Array) -> tuple[float, float, float]:
    """Omega, alpha and beta from persistence, share of alpha, and long-run variance."""
    persistence, share, level = (float(value) for value in point)
    return level * (1.0 - persistence), persistence * share, persistence * (1.0 - share)


def _given(
    parameters: Mapping[str, Mapping[str, float]] | None, assets: list[str]
) -> dict[str, tuple[float, float, float]]:
    """Return given parameters as numbers within their bounds."""
    if parameters is None:
        return {}
    allowed = '{"BTC": {"omega": 1e-5, "alpha": 0.1, "beta": 0.85}}'
    if not isinstance(parameters, Mapping):
        raise SchemaError("is no mapping", where="parameters", value=parameters, allowed=allowed)
    found = {}
    for name, one in parameters.items():
        where = f"parameters[{shown(name)}]"
        if name not in assets:
            raise SchemaError(f"has no column in returns{nearest(str(name), assets)}", where=where)
        if not isinstance(one, Mapping) or set(one) != set(NAMES):
            raise SchemaError("is not omega, alpha and beta", where=where, value=one, allowed=allowed)
        omega, alpha, beta = (checked.number(f"{where} {key}", one[key], low=0.0) for key in NAMES)
        if alpha + beta > 1.0:
            raise ValueRangeError("has alpha + beta above 1", where=where, value=alpha + beta)
        found[name] = (omega, alpha, beta)
    return found
