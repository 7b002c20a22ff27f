"""Policies about prices: which markets make the index, and how a venue reads it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from contagion.errors import PolicyError, nearest
from contagion.network import Network
from contagion.policies.backstops import change_venues
from contagion.policies.base import Policy
from contagion.policies.breakers import check_number, check_unread
from contagion.policies.costs import CostRates, Outlay

SPOT_KINDS = ("spot", "pool")


def chosen_markets(policy: Policy, net: Network, names: Sequence[str]) -> set[str]:
    """The spot markets and pools named; refuses any other name."""
    known = [str(name) for name in net.markets.index[net.markets["kind"].isin(SPOT_KINDS)]]
    for name in names:
        if name not in known:
            raise PolicyError(
                f"{type(policy).__name__}.markets names {name!r}, which is no spot market or pool of the network"
                f"{nearest(name, known)}"
            )
    return set(names)


@dataclass(frozen=True)
class IndexDesign(Policy):
    """Which markets make the index of an asset, which outliers venues leave out, and how late they read it.

    Parameters
    ----------
    markets
        Names of the spot markets and pools that count; None: those that count now. An asset without one of them is
        worth its outside price.
    deviation
        Share of the median beyond which a market is an outlier: one is left out, with more the median is taken
        (0.05 at Binance); `math.inf` is no rule, None leaves every venue's own.
    lag
        Seconds by which venues are late; None leaves their own.
    venues
        Names of the venues whose rules change; None: all.

    References
    ----------
    Margin chapter, section 7 (`index_price_weighted`).

    Examples
    --------
    >>> IndexDesign(deviation=0.05, lag=60).describe().split(". ")[0]
    'Index: one market off the median by more than 5 % is left out; venues read it 60 s late'
    """

    tables: ClassVar[tuple[str, ...]] = ("markets", "venues")
    free: ClassVar[str] = (
        "It costs nobody money: prices are read in another way, no money is put up and nothing is shut."
    )

    markets: tuple[str, ...] | None = None
    deviation: float | None = None
    lag: float | None = None
    venues: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse shares and seconds that cannot be."""
        if isinstance(self.markets, str):
            raise PolicyError(f"IndexDesign.markets is {self.markets!r}; give a tuple of names")
        if self.deviation is not None and self.deviation != math.inf:
            check_number(self, "deviation", 0.0, 1.0)
        if self.lag is not None:
            check_number(self, "lag", 0.0, 1e9)
        if self.deviation is None and self.lag is None:
            check_unread(self, ("venues",), "neither deviation nor lag is given")

    def describe(self) -> str:
        """One plain sentence."""
        said = [] if self.markets is None else [f"made of {len(self.markets)} markets"]
        if self.deviation == math.inf:
            said.append("no outlier is left out")
        elif self.deviation is not None:
            said.append(f"one market off the median by more than {100 * self.deviation:g} % is left out")
        if self.lag is not None:
            said.append(f"venues read it {self.lag:g} s late")
        return "Index: " + ("; ".join(said) or "as it is") + f". {self.free}"

    def opening(self, net: Network) -> Network:
        """Set the members of the index and the rules of the venues."""
        rules: Mapping[str, Any] = {
            "index_deviation": np.nan if self.deviation == math.inf else self.deviation,
            "index_lag": self.lag,
        }
        net = change_venues(
            self, net, self.venues, **{name: rule for name, rule in rules.items() if rule is not None}
        )
        if self.markets is None:
            return net
        chosen = chosen_markets(self, net, self.markets)
        members = [str(name) in chosen for name in net.markets.index]
        others = ~net.markets["kind"].isin(SPOT_KINDS)
        return net.replace(markets=net.markets.assign(in_index=np.asarray(members) | others.to_numpy()))

    def cost(self, outlay: Outlay, rates: CostRates) -> float:
        """Nothing: prices are read in another way; who is liquidated by a worse index shows in the losses."""
        return 0.0
