"""Margin that moves with the market: with volatility, with open interest."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from contagion.errors import PolicyError
from contagion.network import Network
from contagion.network.interest import open_interest, resting_money
from contagion.network.schedules import adapt_to_factors
from contagion.policies.base import Policy
from contagion.policies.breakers import check_number, check_word, market_mask
from contagion.policies.costs import CostRates, Outlay
from contagion.policies.margins import RESPONSES


@dataclass(frozen=True)
class DynamicMargin(Policy):
    """Maintenance margin times running over calm volatility, within a floor and a cap, anew in every round.

    Parameters
    ----------
    window
        Seconds over which the volatility of a market's index is measured: the range of its logarithm.
    floor, cap
        Bounds of the multiplier, 0 < floor <= cap. The floor is in force before the shock, and traders adapt to it.
    calm
        Volatility per square root of a day at which the multiplier is 1; None: the market's own (`markets.volatility`,
        else `assets.volatility`); the floor where that is unknown.
    response
        How traders adapt to a floor other than 1, as in `MarginMultiplier`.
    markets
        Names of the markets; None: all.

    References
    ----------
    European regulation 153/2013, article 28, and Murphy, Vasios, Vause (2014), An investigation into the
    procyclicality of risk-based initial margin models: floors and caps. See `contagion.margin_path`.

    Examples
    --------
    >>> import contagion as ct
    >>> ct.DynamicMargin(window=3600.0, floor=1.0, cap=3.0).describe()
    'Dynamic margin: maintenance rates times volatility of 60 min over calm volatility, from 1 to 3.'
    """

    tables: ClassVar[tuple[str, ...]] = ()

    window: float = 3600.0
    floor: float = 1.0
    cap: float = 3.0
    calm: float | None = None
    response: Literal["utilisation", "violators"] = "utilisation"
    markets: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse bounds that are none."""
        check_number(self, "window", 0.0, 1e9, open_low=True)
        check_number(self, "floor", 0.0, 1e3, open_low=True)
        check_number(self, "cap", 0.0, 1e3, open_low=True)
        if self.calm is not None:
            check_number(self, "calm", 0.0, 1e3, open_low=True)
        check_word(self, "response", RESPONSES)
        if self.cap < self.floor:
            raise PolicyError(f"DynamicMargin.cap {self.cap:g} is below DynamicMargin.floor {self.floor:g}")

    def describe(self) -> str:
        """One plain sentence."""
        return (
            f"Dynamic margin: maintenance rates times volatility of {self.window / 60:g} min over calm volatility, "
            f"from {self.floor:g} to {self.cap:g}."
        )

    def opening(self, net: Network) -> Network:
        """Traders adapt to the floor."""
        chosen = market_mask(self, self.markets, list(net.markets.index))
        factors = [self.floor if covered else 1.0 for covered in chosen]
        return adapt_to_factors(net, factors, self.response, "DynamicMargin.floor")

    def rows(self, markets: Sequence[str]) -> tuple[Mapping[str, object], ...]:
        """One row of kind ``volatility_margin``."""
        if self.floor == self.cap == 1.0:
            return ()
        return (
            {
                "kind": "volatility_margin",
                "covered": market_mask(self, self.markets, markets),
                "window": self.window,
                "floor": self.floor,
                "cap": self.cap,
                "calm": math.nan if self.calm is None else self.calm,
            },
        )

    def cost(self, outlay: Outlay, rates: CostRates) -> float:
        """Open interest given up and margin posted before the shock, capital for the margin asked since, by traders."""
        return rates.turning_away(outlay) + rates.locked(outlay) + rates.asking(outlay)


@dataclass(frozen=True)
class OpenInterestMargin(Policy):
    """Maintenance margin that rises with the open interest of its market, in every round.

    The multiplier is 1 up to the lower bound and rises linearly to `most` at the upper one: dYdX's rule with an initial
    rate of ``1 / most``. Traders adapt to it before the shock.

    Parameters
    ----------
    lower, upper
        Bounds of open interest (long positions at marks), in multiples of `unit`; upper above lower.
    most
        Multiplier from the upper bound on, at least 1.
    unit
        Money that the bounds are multiples of; None: the money in the market's book, both sides, within its widest
        band (for a square-root book without bands its daily volume).
    response
        How traders adapt, as in `MarginMultiplier`.
    markets
        Names of the markets; None: all.

    References
    ----------
    dYdX v4, open-interest-notional initial margin; `contagion.margin.margin_open_interest_scaled`.
    """

    tables: ClassVar[tuple[str, ...]] = ()

    lower: float = 1.0
    upper: float = 5.0
    most: float = 1.5
    unit: float | None = None
    response: Literal["utilisation", "violators"] = "utilisation"
    markets: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse bounds that are none."""
        check_number(self, "lower", 0.0, 1e18)
        check_number(self, "upper", 0.0, 1e18, open_low=True)
        check_number(self, "most", 1.0, 1e3)
        if self.unit is not None:
            check_number(self, "unit", 0.0, 1e18, open_low=True)
        check_word(self, "response", RESPONSES)
        if self.upper <= self.lower:
            raise PolicyError(
                f"OpenInterestMargin.upper {self.upper:g} must be above OpenInterestMargin.lower {self.lower:g}"
            )

    def describe(self) -> str:
        """One plain sentence."""
        unit = "the book" if self.unit is None else f"{self.unit:,.0f}"
        return (
            f"Open-interest margin: maintenance rates rise up to {self.most:g} times as open interest goes from "
            f"{self.lower:g} to {self.upper:g} times {unit}."
        )

    def multiplier(self, interest: float, unit: float) -> float:
        """The multiplier at an open interest (money)."""
        share = (interest - self.lower * unit) / ((self.upper - self.lower) * unit)
        return 1.0 + (self.most - 1.0) * min(1.0, max(0.0, share))

    def opening(self, net: Network) -> Network:
        """Traders adapt to the multipliers at the opening."""
        chosen = market_mask(self, self.markets, list(net.markets.index))
        if self.most == 1.0:
            return net
        interest, resting = open_interest(net), resting_money(net)
        factors = [
            self.multiplier(float(size), self.unit or float(book)) if covered else 1.0
            for covered, size, book in zip(chosen, interest, resting, strict=True)
        ]
        return adapt_to_factors(net, factors, self.response, "OpenInterestMargin.most")

    def rows(self, markets: Sequence[str]) -> tuple[Mapping[str, object], ...]:
        """One row of kind ``interest_margin``."""
        if self.most == 1.0:
            return ()
        return (
            {
                "kind": "interest_margin",
                "covered": market_mask(self, self.markets, markets),
                "below": self.lower,
                "above": self.upper,
                "cap": self.most,
                "money": self.unit or 0.0,
            },
        )

    def cost(self, outlay: Outlay, rates: CostRates) -> float:
        """Open interest given up and margin posted before the shock, capital for the margin asked since, by traders."""
        return rates.turning_away(outlay) + rates.locked(outlay) + rates.asking(outlay)
