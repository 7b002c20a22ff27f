"""How do outside prices move? By fractions over a time, or along a whole path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd

from contagion.errors import Fault, SchemaError
from contagion.shocks.base import Array, Shock
from contagion.shocks.checks import Names, asset_faults, path_frame
from contagion.shocks.moves import Moves
from contagion.shocks.words import cut, listed, percent, span

__all__ = ["PricePath", "PriceShock"]

GAP_SECONDS: Final = 1e-9
"""Length of a path that is one gap: over before the clock of any run has ticked."""


@dataclass(frozen=True, eq=False)
class PriceShock(Moves):
    """Outside prices move by given fractions, linear in log price.

    Parameters
    ----------
    moves : mapping or Series of str to float
        Asset -> signed fraction, above -1; -0.15 is a fall of 15 %.
    over : float, default 1800
        Seconds from the opening over which the move happens. 0 is one gap at the first round, which leaves
        nobody time to act and so manufactures bad debt: name the profile beside every number.

    Raises
    ------
    SchemaError
        If there is no move, or a name or number is of another kind.
    ValueRangeError
        If a move is not finite or at most -1, or `over` is negative.

    Examples
    --------
    >>> PriceShock({"BTC": -0.15}).describe()
    'BTC -15.0 % over 30 min, linear in log price'
    >>> (2 * PriceShock({"BTC": -0.5}, over=0)).describe()
    'BTC -75.0 % in one gap'
    """

    moves: Mapping[str, float]
    over: float = 1800.0

    def describe(self) -> str:
        """Return the moves and their time profile."""
        profile = ", linear in log price" if self.over > 0.0 else ""
        return f"{listed(self.moves)} {span(self.over)}{profile}"

    def price_factors(self, assets: Sequence[str], times: Array) -> Array:
        """Return outside price / opening price, shape (n_times, n_assets)."""
        return self.factors(assets, times)


@dataclass(frozen=True, eq=False, repr=False)
class PricePath(Shock):
    """Outside prices follow a path.

    The first row is the opening: every price is taken relative to the first row of its column, and these
    moves are applied to the network's own opening prices. Between rows prices are linear in log price; after
    the last row they stay. Assets without a column do not move, but for those that follow one (`assets.reference`):
    the column of such an asset is its price in units of its reference.

    Parameters
    ----------
    frame : pandas.DataFrame
        One column per asset, positive prices; index seconds, timedeltas or timestamps of one zone, rising.
        It is kept as floats over seconds since the first row.
    observed : bool, default False
        The path was observed and so already contains the forced sales: marks follow it, impact acts on the
        prices of execution only.

    Raises
    ------
    SchemaError
        If the frame has less than two rows, no or repeated columns, or other contents than numbers.
    ValueRangeError
        If a price is not finite or not positive.
    UnitError
        If times do not rise, or mix time zones.

    Examples
    --------
    >>> frame = pd.DataFrame({"BTC": [100.0, 80.0, 90.0]}, index=[0, 600, 1200])
    >>> PricePath(frame).describe()
    'path of 3 prices over 20 min, linear in log price between them: BTC -10.0 % (lowest -20.0 %)'
    """

    frame: pd.DataFrame
    observed: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.observed, (bool, np.bool_)):
            raise SchemaError("is neither True nor False", where="PricePath.observed", value=self.observed)
        object.__setattr__(self, "frame", path_frame(self.frame))
        object.__setattr__(self, "observed", bool(self.observed))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PricePath):
            return NotImplemented
        return self.observed == other.observed and self.frame.equals(other.frame)

    def __hash__(self) -> int:
        return hash((tuple(self.frame.columns), self.frame.to_numpy().tobytes(), self.observed))

    def __repr__(self) -> str:
        return f"PricePath({self.describe()})"

    @cached_property
    def _log_prices(self) -> Array:
        """Log price relative to the opening, shape (n_rows, n_assets)."""
        prices = self.frame.to_numpy()
        log_prices: Array = np.log(prices / prices[0])
        return log_prices

    def gap(self) -> PricePath:
        """Return the move from the first row to the last in one gap; what lies between is lost."""
        return replace(self, frame=self.frame.iloc[[0, -1]].set_axis([0.0, GAP_SECONDS]))

    def describe(self) -> str:
        """Return the number of points, the length, and the final and lowest move of every asset."""
        growth = np.expm1(self._log_prices)
        parts = [
            f"{name} {percent(growth[-1, place])} (lowest {percent(growth[:, place].min())})"
            for place, name in enumerate(self.frame.columns)
        ]
        kind = "observed path" if self.observed else "path"
        length = float(self.frame.index[-1])
        profile = f"{span(length)}, linear in log price between them" if length > GAP_SECONDS else span(0.0)
        return f"{kind} of {len(self.frame)} prices {profile}: {cut(parts)}"

    def scaled(self, factor: float) -> PricePath:
        """Return the path with its log returns since the first row times `factor`."""
        with np.errstate(over="ignore"):
            prices = self.frame.to_numpy()[0] * np.exp(factor * self._log_prices)
        return replace(self, frame=pd.DataFrame(prices, index=self.frame.index, columns=self.frame.columns))

    def faults(self, names: Names) -> list[Fault]:
        """Return the columns of assets that don't exist or don't move."""
        return asset_faults(self.frame.columns, names, "PricePath")

    def price_factors(self, assets: Sequence[str], times: Array) -> Array:
        """Return outside price / opening price, shape (n_times, n_assets)."""
        seconds = self.frame.index.to_numpy()
        columns = {name: place for place, name in enumerate(self.frame.columns)}
        factors = np.ones((len(times), len(assets)))
        for place, asset in enumerate(assets):
            if asset in columns:
                factors[:, place] = np.exp(np.interp(times, seconds, self._log_prices[:, columns[asset]]))
        return factors

    def is_observed(self) -> bool:
        """Return whether the path already contains the forced sales."""
        return self.observed

    def end(self, first: float) -> float:
        """Return the seconds after which prices stand still."""
        moving = np.flatnonzero(np.any(np.diff(self._log_prices, axis=0) != 0.0, axis=1))
        return max(float(self.frame.index[moving[-1] + 1]), first) if len(moving) else 0.0
