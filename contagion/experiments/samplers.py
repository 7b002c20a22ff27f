"""How are the log returns of an event drawn? Elliptical distributions and blocks of history.

Every number comes from a stream keyed by seed, scenario and, for an asset's own part, the name of the asset.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.errors import SchemaError, ValueRangeError, nearest
from contagion.experiments import checked
from contagion.shocks.words import span
from contagion.streams import stream

__all__ = ["Blocks", "Elliptical"]

Array = npt.NDArray[np.float64]

DEFAULT_CORRELATION: Final = 0.8
"""Correlation of any two assets where nothing is said; an assumption."""

METHODS: Final = ("moving", "stationary")
SHARE_TOLERANCE: Final = 1e-9


@dataclass(frozen=True, eq=False)
class Elliptical:
    """Normal or Student t log returns with correlations or one factor.

    Parameters
    ----------
    df : float or None
        Degrees of freedom; None is the normal distribution.
    scale : float or dict
        Scale of each asset, or of the factor where there are betas.
    correlation : float or None
        Correlation of any two assets.
    matrix : pandas.DataFrame or None
        Correlation matrix, names sorted.
    betas : dict or None
        Exposure of each asset to the one factor.
    residual : float or dict
        Scale of an asset's own part beside the factor.
    """

    df: float | None
    scale: float | dict[str, float]
    correlation: float | None
    matrix: pd.DataFrame | None
    betas: dict[str, float] | None
    residual: float | dict[str, float]

    @classmethod
    def make(
        cls,
        df: float | None,
        scale: float | Mapping[str, float],
        correlation: float | pd.DataFrame | None,
        betas: Mapping[str, float] | None,
        residual: float | Mapping[str, float],
    ) -> Elliptical:
        """Check the parameters and return the sampler.

        Raises
        ------
        SchemaError, ValueRangeError
            If a parameter is of the wrong kind or out of range, or two of them contradict each other.
        """
        scales, residuals = checked.numbers("scale", scale), checked.numbers("residual", residual)
        if betas is None:
            if residuals != 0.0:
                raise SchemaError(
                    "needs betas", where="residual", value=residual, remedy="give betas={...} too"
                )
            matrix = _correlation_matrix(correlation) if isinstance(correlation, pd.DataFrame) else None
            given = DEFAULT_CORRELATION if correlation is None else correlation
            single = None if matrix is not None else checked.number("correlation", given, low=0.0, high=1.0)
            return cls(df, scales, single, matrix, None, residuals)
        if correlation is not None:
            raise SchemaError(
                "contradicts betas", where="correlation", value=correlation, remedy="give only one"
            )
        if isinstance(scales, dict):
            allowed = "with betas, scale is one number, that of the factor"
            raise SchemaError("is no number", where="scale", value=scale, allowed=allowed)
        loads = checked.numbers("betas", betas, low=None)
        if not isinstance(loads, dict):
            raise SchemaError("is no mapping", where="betas", value=betas, allowed='such as {"BTC": 1.0}')
        return cls(df, scales, None, None, loads, residuals)

    @property
    def named(self) -> frozenset[str]:
        """Assets that a parameter names."""
        given = [one for one in (self.scale, self.betas, self.residual) if isinstance(one, dict)]
        columns = [] if self.matrix is None else [str(name) for name in self.matrix.columns]
        return frozenset(columns).union(*given)

    def draw(self, assets: Sequence[str], scenarios: range, seed: int) -> Array:
        """Return log returns, shape (n_scenarios, n_assets)."""
        factor, mixing = self.common(scenarios, seed)
        returns = self.combined(assets, factor, lambda names: own(names, scenarios, seed))
        return returns if mixing is None else self.mixed(returns, mixing)

    def common(self, scenarios: range, seed: int) -> tuple[Array, Array | None]:
        """Return the common factor and, of a Student t, the mixing variable, shape (n_scenarios,) each."""
        sources = [stream(seed, "shock", i) for i in scenarios]
        factor = np.array([source.standard_normal() for source in sources])
        return factor, None if self.df is None else np.array(
            [source.chisquare(self.df) for source in sources]
        )

    def mixed(self, returns: Array, mixing: Array) -> Array:
        """Return Student t log returns from normal ones and a chi squared variable, shape (n_scenarios, n_assets)."""
        assert self.df is not None
        least = np.finfo(np.float64).tiny
        return np.asarray(returns * np.sqrt(self.df / np.maximum(mixing, least))[:, np.newaxis])

    def combined(self, assets: Sequence[str], factor: Array, own: Callable[[Sequence[str]], Array]) -> Array:
        """Return normal log returns from standard normals, shape (n_scenarios, n_assets).

        Parameters
        ----------
        assets : sequence of str
            Which assets.
        factor : numpy.ndarray
            The common factor, shape (n_scenarios,); a correlation matrix does without.
        own : callable
            Names -> their own parts, shape (n_scenarios, n_names).
        """
        if self.betas is not None:
            loads = checked.values_of("betas", self.betas, assets) * checked.values_of(
                "scale", self.scale, assets
            )
            return factor[:, np.newaxis] * loads + own(assets) * checked.values_of(
                "residual", self.residual, assets
            )
        scale = checked.values_of("scale", self.scale, assets)
        if self.correlation is not None:
            shared = math.sqrt(self.correlation) * factor[:, np.newaxis]
            return (shared + math.sqrt(1.0 - self.correlation) * own(assets)) * scale
        return self._correlated(assets, own) * scale

    def _correlated(self, assets: Sequence[str], own: Callable[[Sequence[str]], Array]) -> Array:
        """Mix own parts by the lower triangle; an asset uses only names that sort up to its own."""
        names, lower = self.mixing(assets)
        parts = own(names)
        mixed = np.zeros((len(parts), len(assets)))
        for column in range(len(names)):
            mixed += parts[:, column, np.newaxis] * lower[:, column]
        return mixed

    def mixing(self, assets: Sequence[str]) -> tuple[list[str], Array]:
        """Return whose own parts a correlation matrix mixes, and how much of each, shape (n_assets, n_names)."""
        if self.matrix is None:
            raise SchemaError("is missing", where="correlation")
        known = list(self.matrix.columns)
        rows = [known.index(name) for name in checked.covered("correlation", assets, known)]
        used = max(rows) + 1
        return known[:used], _lower_triangle(self.matrix.to_numpy())[rows, :used]

    def covariance(self, assets: Sequence[str]) -> Array:
        """Return the covariance of the underlying normals, shape (n_assets, n_assets).

        Of a Student t it is the scale matrix: contours of equal density are ellipsoids of it in both cases.
        """
        scale = checked.values_of("scale", self.scale, assets)
        if self.betas is not None:
            loads = checked.values_of("betas", self.betas, assets) * scale
            return np.outer(loads, loads) + np.diag(checked.values_of("residual", self.residual, assets) ** 2)
        if self.correlation is not None:
            pairs = np.full((len(assets), len(assets)), self.correlation)
            np.fill_diagonal(pairs, 1.0)
        else:
            assert self.matrix is not None
            checked.covered("correlation", assets, list(self.matrix.columns))
            pairs = self.matrix.loc[list(assets), list(assets)].to_numpy(dtype=np.float64)
        return np.asarray(pairs * np.outer(scale, scale), dtype=np.float64)

    def describe(self) -> str:
        """Return the distribution in words."""
        if self.df is None:
            kind, name = "log returns normal", "standard deviation"
        else:
            ratio = f"{np.sqrt(self.df / (self.df - 2)):.3g} times as large" if self.df > 2 else "infinite"
            kind = f"log returns Student t with {self.df:g} degrees of freedom"
            name = f"scale parameter (the standard deviation is {ratio})"
        if self.betas is not None:
            own = f", own part {spelt(self.residual)}" if self.residual != 0.0 else ""
            return f"{kind}, one factor with {name} {spelt(self.scale)}, betas {spelt(self.betas)}{own}"
        if self.matrix is None:
            return f"{kind}, {name} {spelt(self.scale)}, correlation {self.correlation:g}"
        return f"{kind}, {name} {spelt(self.scale)}, correlation matrix of {content(self.matrix)}"


@dataclass(frozen=True, eq=False)
class Blocks:
    """Sums of blocks of rows of a frame of log returns.

    Parameters
    ----------
    returns : pandas.DataFrame
        Log returns, shape (n_rows, n_assets).
    block, length : int
        Rows that stay together, rows that make one event.
    method : {"moving", "stationary"}
        Blocks of equal length, or of geometric lengths that wrap around.
    """

    returns: pd.DataFrame
    block: int
    length: int
    method: str

    @classmethod
    def make(cls, returns: pd.DataFrame, block: int, length: int | None, method: str) -> Blocks:
        """Check the parameters and return the sampler.

        Raises
        ------
        SchemaError, ValueRangeError
            If the frame or a parameter is of the wrong kind or out of range.
        """
        frame = checked.number_frame("returns", returns)
        size = checked.count("block", block)
        if method not in METHODS:
            allowed = f"one of {', '.join(METHODS)}{nearest(method, METHODS)}"
            raise ValueRangeError("is unknown", where="method", value=method, allowed=allowed)
        if size > len(frame):
            what = f"is longer than the {len(frame)} rows of returns"
            raise ValueRangeError(what, where="block", value=size)
        return cls(frame, size, size if length is None else checked.count("length", length), method)

    @property
    def named(self) -> frozenset[str]:
        """Assets that have a column."""
        return frozenset(str(name) for name in self.returns.columns)

    def draw(self, assets: Sequence[str], scenarios: range, seed: int) -> Array:
        """Return log returns, shape (n_scenarios, n_assets)."""
        known = list(self.returns.columns)
        columns = [known.index(name) for name in checked.covered("returns", assets, known)]
        values = self.returns.to_numpy()[:, columns]
        # a running sum adds row by row, whatever the number of columns
        events = [np.cumsum(values[self._rows(stream(seed, "shock", i))], axis=0)[-1] for i in scenarios]
        return np.array(events)

    def _rows(self, source: np.random.Generator) -> npt.NDArray[np.int64]:
        rows: list[int] = []
        while len(rows) < self.length:
            if self.method == "moving":
                start, size = int(source.integers(len(self.returns) - self.block + 1)), self.block
            else:
                start, size = int(source.integers(len(self.returns))), int(source.geometric(1.0 / self.block))
            rows.extend(range(start, start + min(size, self.length - len(rows))))
        return np.array(rows, dtype=np.int64) % len(self.returns)

    def describe(self) -> str:
        """Return the sample and the way of drawing, in words."""
        blocks = (
            f"blocks of {self.block}" if self.method == "moving" else f"blocks of mean length {self.block}"
        )
        event = f"each the sum of {self.length} rows in {self.method} {blocks}"
        return (
            f"log returns drawn from {len(self.returns)} rows of history ({content(self.returns)}), {event}"
        )


def profile(over: float) -> str:
    """Return the time profile of a drawn move in words."""
    return f"{span(over)}, linear in log price" if over > 0.0 else span(over)


def own(assets: Sequence[str], scenarios: range, seed: int) -> Array:
    """Own standard normal part of every scenario and asset, shape (n_scenarios, n_assets)."""
    return np.array(
        [[stream(seed, "shock", i, name).standard_normal() for name in assets] for i in scenarios]
    )


def _correlation_matrix(given: pd.DataFrame) -> pd.DataFrame:
    """Return the matrix with names sorted, or refuse what is no correlation matrix."""
    where = "correlation"
    frame = checked.number_frame(where, given)
    if len(frame) != len(frame.columns) or set(frame.index) != set(frame.columns):
        raise SchemaError("has other names in its rows than in its columns", where=where)
    ordered = sorted(frame.columns)
    frame = frame.loc[ordered, ordered]
    values = frame.to_numpy()
    if np.abs(np.diag(values) - 1.0).max() > SHARE_TOLERANCE:
        raise ValueRangeError("has a diagonal other than 1", where=where)
    if np.abs(values - values.T).max() > SHARE_TOLERANCE or np.abs(values).max() > 1.0 + SHARE_TOLERANCE:
        raise ValueRangeError("is not symmetric with entries from -1 to 1", where=where)
    _lower_triangle(values)
    return frame


def _lower_triangle(matrix: Array) -> Array:
    """Cholesky factor of a positive semidefinite matrix; zero columns where it is singular."""
    size = len(matrix)
    lower = np.zeros((size, size))
    for j in range(size):
        rest = matrix[j:, j] - np.cumsum(lower[j:, : j + 1] * lower[j, : j + 1], axis=1)[:, -1]
        if rest[0] < -1e-8 or (rest[0] < 1e-12 and np.abs(rest).max() > 1e-6):
            remedy = "estimate all pairs on the same rows"
            raise ValueRangeError("is not positive semidefinite", where="correlation", remedy=remedy)
        if rest[0] >= 1e-12:
            lower[j:, j] = rest / np.sqrt(rest[0])
    return lower


def spelt(values: float | dict[str, float]) -> str:
    """Return a number, or numbers by name, in words."""
    if isinstance(values, dict):
        return ", ".join(f"{name} {value:g}" for name, value in values.items())
    return f"{values:g}"


def content(frame: pd.DataFrame) -> str:
    """Return how many assets a frame has, and the first digits of its hash."""
    digest = hashlib.sha256(repr(list(frame.columns)).encode() + frame.to_numpy().tobytes()).hexdigest()
    return f"{len(frame.columns)} assets, content {digest[:8]}"
