"""What happens on a chain? Gas becomes dear, an oracle reports wrong prices, somebody mints tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from contagion.errors import Fault, raise_faults
from contagion.shocks.base import Array, Shock, powered, powers
from contagion.shocks.checks import (
    TIME_ALLOWED,
    Names,
    asset_faults,
    changes,
    length_faults,
    name_faults,
    positive_faults,
    seconds_faults,
    venue_faults,
)
from contagion.shocks.words import duration, lasting, listed, span

__all__ = ["GasShock", "Mint", "OracleShock"]


@dataclass(frozen=True)
class GasShock(Shock):
    """The price of gas is multiplied, for good or for a time.

    Parameters
    ----------
    factor : float
        Gas price over what it would be, above 0; 10 is ten times as dear.
    over : float, default 0
        Seconds over which it rises, linear in log; 0 is one gap at the first round.
    length : float, optional
        Seconds that it lasts after it has been reached; then it is back at once. None, the default: for good.

    Raises
    ------
    SchemaError
        If a number is of another kind.
    ValueRangeError
        If the factor or `length` is not above 0, or `over` is negative.

    Examples
    --------
    >>> GasShock(10, over=60, length=1800).describe()
    'gas price times 10 over 60 s, for 30 min'
    """

    factor: float
    over: float = 0.0
    length: float | None = None

    def __post_init__(self) -> None:
        raise_faults(
            positive_faults("GasShock.factor", self.factor, "a factor is finite and above 0; 10 is ten times")
            + seconds_faults("GasShock.over", self.over)
            + length_faults("GasShock.length", self.length)
        )
        _floats(self, "factor", "over", "length")

    def gap(self) -> GasShock:
        """Return the same factor in one gap, for good."""
        return replace(self, over=0.0, length=None)

    def describe(self) -> str:
        """Return the factor and its time profile."""
        return f"gas price times {self.factor:.4g} {span(self.over)}{lasting(self.length)}"

    def scaled(self, factor: float) -> GasShock:
        """Return the shock with the log of its factor times `factor`."""
        with np.errstate(over="ignore"):
            return replace(self, factor=float(np.power(self.factor, factor)))

    def gas_factors(self, times: Array) -> Array:
        """Return the factor on the gas price, shape (n_times,)."""
        factors: Array = _lasting(np.array([self.factor]), times, self.over, self.length)[:, 0]
        return factors

    def end(self, first: float) -> float:
        """Return the seconds after which the gas price stands still."""
        return _end(first, self.over, self.length) if self.factor != 1.0 else 0.0


@dataclass(frozen=True)
class OracleShock(Shock):
    """Oracles report prices that are off by given fractions; markets are not moved.

    Parameters
    ----------
    changes : mapping or Series of str to float
        Asset -> signed fraction, above -1; -0.2 reports a fifth too little.
    venue : str, optional
        The venue whose oracle it is; None, the default: the oracles of all.
    over : float, default 0
        Seconds over which the error grows, linear in log; 0 is one gap at the first round.
    length : float, optional
        Seconds that it lasts after it has been reached; then prices are right at once. None, the default: for good.

    Raises
    ------
    SchemaError
        If there is no change, or a name or number is of another kind.
    ValueRangeError
        If a change is not finite or at most -1, `over` is negative, or `length` is not above 0.

    Examples
    --------
    >>> OracleShock({"ETH": -0.2}, venue="Aave", length=600).describe()
    'oracle price of ETH -20.0 % at Aave in one gap, for 10 min'
    """

    changes: Mapping[str, float]
    venue: str | None = None
    over: float = 0.0
    length: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "changes", changes("OracleShock.changes", self.changes))
        raise_faults(
            ([] if self.venue is None else name_faults("OracleShock.venue", self.venue))
            + seconds_faults("OracleShock.over", self.over)
            + length_faults("OracleShock.length", self.length)
        )
        _floats(self, "over", "length")

    def __hash__(self) -> int:
        return hash((tuple(self.changes.items()), self.venue, self.over, self.length))

    def gap(self) -> OracleShock:
        """Return the same changes in one gap, for good."""
        return replace(self, over=0.0, length=None)

    def describe(self) -> str:
        """Return the changes, the venue and the time profile."""
        where = "" if self.venue is None else f" at {self.venue}"
        return f"oracle price of {listed(self.changes)}{where} {span(self.over)}{lasting(self.length)}"

    def scaled(self, factor: float) -> OracleShock:
        """Return the changes with their logs times `factor`."""
        return replace(self, changes=powered(self.changes, factor))

    def faults(self, names: Names) -> list[Fault]:
        """Return the assets and the venue that do not exist, and the unit."""
        venues = [] if self.venue is None else [self.venue]
        return asset_faults(self.changes, names, "OracleShock.changes") + venue_faults(
            venues, names, "OracleShock.venue"
        )

    def oracle_factors(self, venues: Sequence[str], assets: Sequence[str], times: Array) -> Array:
        """Return reported price / right price, shape (n_times, n_venues, n_assets)."""
        growth = np.array([1.0 + self.changes.get(asset, 0.0) for asset in assets], dtype=np.float64)
        factors = _lasting(growth, times, self.over, self.length)
        here = np.array([self.venue in (None, venue) for venue in venues], dtype=np.bool_)
        return np.where(here[np.newaxis, :, np.newaxis], factors[:, np.newaxis, :], 1.0)

    def end(self, first: float) -> float:
        """Return the seconds after which the error stands still."""
        return _end(first, self.over, self.length) if any(self.changes.values()) else 0.0


@dataclass(frozen=True)
class Mint(Shock):
    """Somebody outside mints tokens and sells them as fast as the deepest market takes them.

    Parameters
    ----------
    token : str
        Name of the asset.
    quantity : float
        Units that are minted, at least 0.
    at : float, default 0
        Seconds from the opening; 0 is the first round.

    Raises
    ------
    SchemaError
        If a name or number is of another kind.
    ValueRangeError
        If `quantity` or `at` is negative.

    Examples
    --------
    >>> Mint("USX", 2e6, at=60).describe()
    '2,000,000 USX minted and sold, from 60 s on'
    """

    token: str
    quantity: float
    at: float = 0.0

    def __post_init__(self) -> None:
        raise_faults(
            name_faults("Mint.token", self.token)
            + seconds_faults("Mint.quantity", self.quantity, "finite units >= 0")
            + seconds_faults("Mint.at", self.at, TIME_ALLOWED)
        )
        _floats(self, "quantity", "at")

    def gap(self) -> Mint:
        """Return the same quantity at the first round."""
        return replace(self, at=0.0)

    def describe(self) -> str:
        """Return the quantity and the time."""
        when = f"from {duration(self.at)} on" if self.at > 0.0 else "at once"
        units = f"{self.quantity:,.0f}" if self.quantity >= 1e5 else f"{self.quantity:.6g}"
        return f"{units} {self.token} minted and sold, {when}"

    def scaled(self, factor: float) -> Mint:
        """Return the shock with its quantity times `factor`."""
        return replace(self, quantity=factor * self.quantity)

    def faults(self, names: Names) -> list[Fault]:
        """Return the token if it does not exist or is the unit."""
        return asset_faults([self.token], names, "Mint.token")

    def minted(self) -> tuple[tuple[float, str, float], ...]:
        """Return the time, the token and the quantity."""
        return ((self.at, self.token, self.quantity),) if self.quantity > 0.0 else ()

    def end(self, first: float) -> float:
        """Return the time at which selling begins."""
        return max(self.at, first) if self.quantity > 0.0 else 0.0


def _floats(shock: Shock, *names: str) -> None:
    """Turn the numbers of a frozen shock into floats."""
    for name in names:
        value = getattr(shock, name)
        object.__setattr__(shock, name, None if value is None else float(value))


def _lasting(growth: Array, times: Array, over: float, length: float | None) -> Array:
    """Return growth ** (share of `over` that has passed), 1 again `length` seconds later; shape (n_times, n)."""
    factors = powers(growth, times, over)
    if length is not None:
        factors[times >= over + length] = 1.0
    return factors


def _end(first: float, over: float, length: float | None) -> float:
    """Return the seconds after which a factor stands still."""
    return max(over if length is None else over + length, first)
