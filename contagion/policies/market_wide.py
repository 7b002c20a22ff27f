"""Market-wide breakers: levels of the fall of a basket at which every market halts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from contagion.errors import PolicyError
from contagion.policies.base import Policy
from contagion.policies.breakers import Halt, check_flag, check_number, market_mask
from contagion.policies.costs import CostRates, Outlay


@dataclass(frozen=True)
class MarketWideHalt(Policy):
    """All markets halt when a basket of them has fallen by a level since the opening, once per level.

    The basket is the mean of the indices of all markets over their opening, weighted by the money in their books. A
    level that is reached uses up the lower ones; what happens during a halt triggers nothing.

    Parameters
    ----------
    levels
        Falls (fractions, rising).
    lengths
        Seconds a halt lasts, one per level; inf: to the end.
    auction, auction_depth, magnet, diversion
        As in `Halt`; diversion needs `markets`.
    markets
        Names of the markets that the basket holds and that halt; None: all.

    References
    ----------
    NYSE rule 7.12: 7 % and 13 % halt for 15 minutes, 20 % for the day. Margin chapter, section 8
    (`circuit_breaker_market_wide_halts`).

    Examples
    --------
    >>> MarketWideHalt().describe()
    'Market-wide halts: falls of the basket by 7, 13, 20 % shut all markets for 15 min, 15 min, the day.'
    """

    levels: tuple[float, ...] = (0.07, 0.13, 0.20)
    lengths: tuple[float, ...] = (900.0, 900.0, math.inf)
    auction: bool = True
    auction_depth: float = 0.0
    magnet: float = 0.0
    diversion: float = 0.0
    markets: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse levels that do not rise, and lengths that do not match."""
        check_flag(self, "auction")
        for share in ("auction_depth", "magnet", "diversion"):
            check_number(self, share, 0.0, 1.0)
        if self.auction_depth > 0.0 and not self.auction:
            raise PolicyError("MarketWideHalt.auction_depth is given without an auction; set auction=True")
        if self.diversion > 0.0 and self.markets is None:
            raise PolicyError(
                "MarketWideHalt.diversion is given, but all markets halt: none is left to hedge in; "
                "name the markets that halt"
            )
        if not self.levels or len(self.levels) != len(self.lengths):
            raise PolicyError(
                f"MarketWideHalt has {len(self.levels)} levels and {len(self.lengths)} lengths; "
                "give as many, at least one"
            )
        rising = all(low < high for low, high in zip(self.levels, self.levels[1:], strict=False))
        if not rising or not self.levels[0] > 0.0 or not self.levels[-1] <= 1.0:
            raise PolicyError(f"MarketWideHalt.levels {self.levels!r:.80} must rise within (0, 1]")
        if any(math.isnan(length) or length < 0.0 for length in self.lengths):
            raise PolicyError(
                f"MarketWideHalt.lengths {self.lengths!r:.80} must be numbers of seconds, at least 0"
            )

    def describe(self) -> str:
        """One plain sentence."""
        falls = ", ".join(f"{100 * level:g}" for level in self.levels)
        times = ", ".join("the day" if math.isinf(s) else f"{s / 60:g} min" for s in self.lengths)
        return f"Market-wide halts: falls of the basket by {falls} % shut all markets for {times}."

    def rows(self, markets: Sequence[str]) -> tuple[Mapping[str, object], ...]:
        """One row of kind ``halt`` per level, the highest first."""
        market_mask(self, self.markets, markets)
        levels = sorted(zip(self.levels, self.lengths, strict=True), reverse=True)
        halts = [
            Halt(
                drop=level, window=math.inf, length=length, times=1, scope="all", reference="basket",
                auction=self.auction, auction_depth=self.auction_depth,
                magnet=self.magnet, diversion=self.diversion, markets=self.markets,
            )
            for level, length in levels
        ]  # fmt: skip
        return tuple(row for halt in halts for row in halt.rows(markets))

    def cost(self, outlay: Outlay, rates: CostRates) -> float:
        """Value that could not be traded."""
        return rates.halting(outlay)
