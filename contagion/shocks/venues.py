"""What happens at a venue? Its customers withdraw, or it stops answering."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from contagion.errors import Fault, raise_faults
from contagion.shocks.base import Array, Bools, Shock
from contagion.shocks.checks import (
    TIME_ALLOWED,
    Names,
    name_faults,
    seconds_faults,
    share_faults,
    venue_faults,
)
from contagion.shocks.words import duration, span

__all__ = ["Outage", "Withdrawal"]

ROUNDING = 1e-9
"""Share of a round, or of an interval shorter than it, below which an overlap is an error of rounding."""


@dataclass(frozen=True)
class Withdrawal(Shock):
    """Owners of the accounts at a venue take their money out: a run.

    They ask for a share of their balances of money, linear in time, and get at most their free margin. What was not
    free is asked for again as long as the run goes on. Coins in the accounts are not withdrawn: an account that holds
    nothing else keeps all it has. Whether the venue can pay is for the model to say: an exchange that cannot fails, a
    protocol pays as its borrowers repay.

    Parameters
    ----------
    venue : str
        Name of the venue.
    share : float
        Share of every balance of money that is asked for until the end, between 0 and 1.
    over : float, default 0
        Seconds from the opening over which it is asked for; 0 is one gap at the first round.

    Raises
    ------
    SchemaError
        If a name or number is of another kind.
    ValueRangeError
        If the share is outside 0 to 1, or `over` is negative.

    Examples
    --------
    >>> Withdrawal("FTX", 0.3, over=7200).describe()
    'withdrawal of 30 % of the balances at FTX over 2 h'
    """

    venue: str
    share: float
    over: float = 0.0

    def __post_init__(self) -> None:
        raise_faults(
            name_faults("Withdrawal.venue", self.venue)
            + share_faults("Withdrawal.share", self.share)
            + seconds_faults("Withdrawal.over", self.over)
        )
        object.__setattr__(self, "share", float(self.share))
        object.__setattr__(self, "over", float(self.over))

    def gap(self) -> Withdrawal:
        """Return the same withdrawal in one gap."""
        return replace(self, over=0.0)

    def describe(self) -> str:
        """Return the share, the venue and the time profile."""
        return f"withdrawal of {100.0 * self.share:.4g} % of the balances at {self.venue} {span(self.over)}"

    def scaled(self, factor: float) -> Withdrawal:
        """Return the withdrawal with the log of what is left times `factor`."""
        with np.errstate(divide="ignore"):
            left = np.power(1.0 - self.share, factor)
        return replace(self, share=float(1.0 - left))

    def faults(self, names: Names) -> list[Fault]:
        """Return the venue if it does not exist."""
        return venue_faults([self.venue], names, "Withdrawal.venue")

    def withdrawn(self, venues: Sequence[str], times: Array) -> Array:
        """Return the share of balances asked for by each time, shape (n_times, n_venues)."""
        passed = np.minimum(times / self.over, 1.0) if self.over > 0.0 else (times > 0.0).astype(np.float64)
        here = np.array([venue == self.venue for venue in venues], dtype=np.float64)
        asked: Array = self.share * passed[:, np.newaxis] * here[np.newaxis, :]
        return asked

    def end(self, first: float) -> float:
        """Return the seconds after which nobody asks."""
        return max(self.over, first) if self.share > 0.0 else 0.0


@dataclass(frozen=True)
class Outage(Shock):
    """A venue refuses orders and top-ups for a time; prices, calls and clocks go on.

    A round lasts from its time to that of the next one: the venue is out in every round that the outage overlaps,
    however short it is.

    Parameters
    ----------
    venue : str
        Name of the venue.
    start : float, default 0
        Seconds from the opening at which it begins.
    length : float, default 600
        Seconds that it lasts. 600 is an assumption; outages of minutes to hours are known.

    Raises
    ------
    SchemaError
        If a name or number is of another kind.
    ValueRangeError
        If `start` or `length` is negative.

    Examples
    --------
    >>> Outage("Binance", start=600, length=1200).describe()
    'outage of Binance for 20 min, from 10 min on'
    """

    venue: str
    start: float = 0.0
    length: float = 600.0

    def __post_init__(self) -> None:
        found = name_faults("Outage.venue", self.venue)
        for name in ("start", "length"):
            found += seconds_faults(f"Outage.{name}", getattr(self, name), TIME_ALLOWED)
        raise_faults(found)
        object.__setattr__(self, "start", float(self.start))
        object.__setattr__(self, "length", float(self.length))

    def gap(self) -> Outage:
        """Return an outage that takes no time: without clocks, a refused order only comes later."""
        return replace(self, start=0.0, length=0.0)

    def describe(self) -> str:
        """Return the venue, the length and the beginning."""
        return f"outage of {self.venue} for {duration(self.length)}, from {duration(self.start)} on"

    def scaled(self, factor: float) -> Outage:
        """Return the outage with its length times `factor`."""
        return replace(self, length=factor * self.length)

    def faults(self, names: Names) -> list[Fault]:
        """Return the venue if it does not exist."""
        return venue_faults([self.venue], names, "Outage.venue")

    def outages(self, venues: Sequence[str], times: Array) -> Bools:
        """Return whether the venue is out between each time and the next one, shape (n_times, n_venues)."""
        out = _overlaps(times, self.start, self.start + self.length)
        here = np.array([venue == self.venue for venue in venues], dtype=np.bool_)
        found: Bools = out[:, np.newaxis] & here[np.newaxis, :]
        return found

    def end(self, first: float) -> float:
        """Return the seconds after which the venue answers again."""
        return self.start + self.length if self.length > 0.0 else 0.0


def _overlaps(times: Array, start: float, end: float) -> Bools:
    """Return which rounds overlap an interval; the last lasts as long as the one before it, a single one no time."""
    if len(times) < 2:
        inside: Bools = (times >= start) & (times < end)
        return inside
    lengths = np.diff(times)
    lengths = np.append(lengths, lengths[-1])
    common = np.minimum(times + lengths, end) - np.maximum(times, start)
    found: Bools = common > ROUNDING * np.minimum(lengths, end - start)
    return found
