"""Policies that act while prices move: halts, price bands, throttled liquidation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Literal

from contagion.errors import PolicyError, nearest
from contagion.policies.base import Policy
from contagion.policies.costs import CostRates, Outlay


def check_number(policy: Policy, name: str, low: float, high: float, *, open_low: bool = False) -> None:
    """Refuse a parameter that is no number in [low, high]."""
    value = getattr(policy, name)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or math.isnan(value) or not low <= value <= high or (open_low and value == low):
        left = "(" if open_low else "["
        raise PolicyError(
            f"{type(policy).__name__}.{name} is {value!r:.80}; allowed is a number in {left}{low:g}, {high:g}]"
        )


def check_word(policy: Policy, name: str, words: Sequence[str]) -> None:
    """Refuse a parameter that is none of the allowed words."""
    value = getattr(policy, name)
    if value not in words:
        raise PolicyError(
            f"{type(policy).__name__}.{name} is {value!r:.80}; allowed are {', '.join(words)}"
            f"{nearest(str(value), words)}"
        )


def check_flag(policy: Policy, name: str) -> None:
    """Refuse a parameter that is neither true nor false."""
    value = getattr(policy, name)
    if not isinstance(value, bool):
        raise PolicyError(f"{type(policy).__name__}.{name} is {value!r:.80}; allowed are True, False")


def check_unread(policy: Policy, names: Sequence[str], why: str) -> None:
    """Refuse parameters that differ from their defaults although nothing reads them."""
    defaults = {field.name: field.default for field in fields(policy)}
    for name in names:
        value = getattr(policy, name)
        if value != defaults[name]:
            raise PolicyError(
                f"{type(policy).__name__}.{name} is {value!r:.80}, but nothing reads it: {why}; leave it out"
            )


def market_mask(policy: Policy, chosen: tuple[str, ...] | None, markets: Sequence[str]) -> tuple[bool, ...]:
    """Which markets a policy names; all when it names none."""
    if chosen is None:
        return (True,) * len(markets)
    missing = [name for name in chosen if name not in markets]
    if missing:
        raise PolicyError(
            f"{type(policy).__name__}.markets names {missing[0]!r}, which is no market of the network"
            f"{nearest(missing[0], markets)}"
        )
    return tuple(name in chosen for name in markets)


@dataclass(frozen=True)
class Halt(Policy):
    """A circuit breaker: a fall of the last price by `drop` shuts the market for `length` seconds.

    Parameters
    ----------
    drop
        Fall of the last price below the reference that triggers (fraction, above 0).
    window
        The reference is the highest last price of the last `window` seconds, in whole rounds and at least one;
        inf: since the opening. Of the reference ``last``, and of ``shock`` that reopens with ``window``.
    length
        Seconds a halt lasts.
    times
        Most halts per market; inf: no limit.
    scope
        ``market``, ``asset`` (all markets on it halt together) or ``all``.
    reference
        ``last`` as above; ``shock``: the first price after the outside move, then the price at the halt; or
        ``basket``: the fall of all markets' indices since the opening (then since the halt), weighted by the money
        in their books, halts every market in scope.
    reopening
        Reference after a halt: ``halt_price`` (the price at the halt) or ``window`` (the highest since reopening).
    auction
        Reopen by a call auction: orders of that round trade at the one price at which they meet the book, the
        marginal one, in place of the average along the book.
    auction_depth
        Share of the depth that had left the book which is back for the auction, in [0, 1].
    magnet
        Share of the depth that providers have withdrawn when the price stands at the trigger, in [0, 1]; on the way
        there in proportion.
    diversion
        Share of the orders waiting in the halted market that is hedged, between traders outside the network, in the
        open markets of the asset while they wait, in [0, 1]; needs `markets` where all of an asset halt together.
    markets
        Names of the markets the rule applies to; None: all.

    References
    ----------
    Cascade chapter, section 4, "Halts"; NYSE rule 7.12 for market-wide breakers and their reopening auction.
    Subrahmanyam (1994), Circuit breakers and market volatility: magnet effect and trade that moves elsewhere.

    Examples
    --------
    >>> import contagion as ct
    >>> ct.Halt(drop=0.10, window=300, length=300).describe()
    'Halt: a fall of 10 % within 5 min shuts the market for 5 min.'
    """

    drop: float = 0.10
    window: float = 300.0
    length: float = 300.0
    times: float = field(default=math.inf, metadata={"whole": True})
    scope: Literal["market", "asset", "all"] = "market"
    reference: Literal["last", "shock", "basket"] = "last"
    reopening: Literal["halt_price", "window"] = "halt_price"
    auction: bool = False
    auction_depth: float = 0.0
    magnet: float = 0.0
    diversion: float = 0.0
    markets: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse parameters that describe no halt."""
        check_number(self, "drop", 0.0, 1.0, open_low=True)
        check_number(self, "window", 0.0, math.inf)
        check_number(self, "length", 0.0, math.inf)
        check_number(self, "times", 0.0, math.inf)
        check_word(self, "scope", ("market", "asset", "all"))
        check_word(self, "reference", ("last", "shock", "basket"))
        check_word(self, "reopening", ("halt_price", "window"))
        check_flag(self, "auction")
        for share in ("auction_depth", "magnet", "diversion"):
            check_number(self, share, 0.0, 1.0)
        if self.auction_depth > 0.0 and not self.auction:
            raise PolicyError("Halt.auction_depth is given without an auction; set auction=True")
        if self.reference == "basket" and self.reopening == "window":
            raise PolicyError("Halt.reopening 'window' keeps no highest basket; use reopening='halt_price'")
        if self.reference != "last" and self.reopening == "halt_price" and not math.isinf(self.window):
            check_unread(self, ("window",), f"reference {self.reference!r} looks back on no window")
        together = self.scope != "market" or self.reference == "basket"
        if self.diversion > 0.0 and together and self.markets is None:
            raise PolicyError(
                "Halt.diversion is given, but all markets of an asset halt together: none is left to hedge in; "
                "name the markets that halt, or use scope='market'"
            )

    def describe(self) -> str:
        """One plain sentence."""
        what = {"market": "the market", "asset": "all markets on the asset", "all": "all markets"}[self.scope]
        within = (
            ""
            if math.isinf(self.window) or self.reference == "basket"
            else f" within {self.window / 60:g} min"
        )
        of = " of the basket" if self.reference == "basket" else ""
        more = "; it reopens by an auction" if self.auction else ""
        return f"Halt: a fall{of} of {100 * self.drop:g} %{within} shuts {what} for {self.length / 60:g} min{more}."

    def rows(self, markets: Sequence[str]) -> tuple[Mapping[str, object], ...]:
        """One row of kind ``halt``."""
        if self.length == 0.0 or self.times == 0.0:
            return ()
        return (
            {
                "kind": "halt",
                "covered": market_mask(self, self.markets, markets),
                "scope": self.scope,
                "drop": self.drop,
                "window": self.window,
                "length": self.length,
                "times": self.times,
                "reference": self.reference,
                "reopening": self.reopening,
                "auction": float(self.auction),
                "auction_depth": self.auction_depth,
                "magnet": self.magnet,
                "diversion": self.diversion,
            },
        )

    def cost(self, outlay: Outlay, rates: CostRates) -> float:
        """Value that could not be traded."""
        return rates.halting(outlay)


@dataclass(frozen=True)
class PriceBand(Policy):
    """Price limits: the book fills only within ``reference * (1 - below)`` and ``reference * (1 + above)``.

    Parameters
    ----------
    below, above
        Width of the band (fractions of the reference).
    reference
        ``mark``, ``index`` or ``last`` of the same round.
    markets
        Names of the markets; None: all.

    References
    ----------
    Margin chapter, section 8 (`price_band_order`).
    """

    below: float = 0.05
    above: float = 0.05
    reference: Literal["mark", "index", "last"] = "index"
    markets: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse bands that are none."""
        check_number(self, "below", 0.0, 1.0)
        check_number(self, "above", 0.0, math.inf)
        check_word(self, "reference", ("mark", "index", "last"))

    def describe(self) -> str:
        """One plain sentence."""
        return (
            f"Price band: forced orders fill only from {100 * self.below:g} % below to {100 * self.above:g} % above "
            f"the {self.reference} price."
        )

    def rows(self, markets: Sequence[str]) -> tuple[Mapping[str, object], ...]:
        """One row of kind ``band``."""
        if self.below == 1.0 and math.isinf(self.above):
            return ()
        return (
            {
                "kind": "band",
                "covered": market_mask(self, self.markets, markets),
                "below": self.below,
                "above": self.above,
                "reference": self.reference,
            },
        )

    def cost(self, outlay: Outlay, rates: CostRates) -> float:
        """Orders that had to wait."""
        return rates.deferring(outlay)


@dataclass(frozen=True)
class LiquidationThrottle(Policy):
    """Forced orders are worked off slowly: at most a share of what is asked each round, and `rate` money a second.

    Parameters
    ----------
    share
        Largest share of a market's forced orders that may trade in one round, above 0; 1: no limit.
    rate
        Largest money per second and market, each side; inf: no limit.
    markets
        Names of the markets; None: all.
    """

    share: float = 0.25
    rate: float = math.inf
    markets: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse throttles that stop everything or nothing sensible."""
        check_number(self, "share", 0.0, 1.0, open_low=True)
        check_number(self, "rate", 0.0, math.inf, open_low=True)

    def describe(self) -> str:
        """One plain sentence."""
        extra = "" if math.isinf(self.rate) else f", at most {self.rate:,.0f} a second"
        return (
            f"Throttle: at most {100 * self.share:g} % of a market's forced orders trade in a round{extra}."
        )

    def rows(self, markets: Sequence[str]) -> tuple[Mapping[str, object], ...]:
        """One row of kind ``throttle``."""
        if self.share == 1.0 and math.isinf(self.rate):
            return ()
        covered = market_mask(self, self.markets, markets)
        return ({"kind": "throttle", "covered": covered, "share": self.share, "rate": self.rate},)

    def cost(self, outlay: Outlay, rates: CostRates) -> float:
        """Orders that had to wait."""
        return rates.deferring(outlay)
