"""Do strategies hold what they trade? Legs that are missing, on the wrong side, or that do not offset each other.

The two legs of a basis trade offset each other when the long one is 80 to 125 % of `ratio` times the short one: the
range in which hedges count as effective (`contagion.measures.hedges`). A node's holding may exceed it: what is beyond
is no leg.

References
----------
IAS 39, AG105: a hedge offsets 80 to 125 %.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final

import numpy as np

from contagion.errors import Fault, NetworkError, shown
from contagion.network.legs import KINDS
from contagion.network.network import Network
from contagion.network.places import leg_markets

__all__ = ["legs_are_held"]

LOW: Final = 0.8
HIGH: Final = 1.25
EXACT: Final = 1e-9  # relative, of a ratio of two decimals
Leg = tuple[int, int]  # account, market


def legs_are_held(net: Network) -> list[Fault]:
    """Find strategies without the markets or holdings of their legs, or whose legs do not offset or outlive each other.

    Examples
    --------
    >>> legs_are_held(Network(nodes=[{"name": "A"}]))
    []
    """
    if not len(net.column("strategies", "name")):
        return []
    book = _Held(net)
    found = [fault for row in range(len(book.kind)) if (fault := book.fault(row)) is not None]
    return found


class _Held:
    """What strategies hold in their legs at the opening, in units of the asset."""

    def __init__(self, net: Network) -> None:
        """Read positions, of all accounts behind a row, and holdings."""
        self.net, self.kind = net, net.column("strategies", "kind")
        self.ratio = net.column("strategies", "ratio")
        account, market = net.codes("positions", "account"), net.codes("positions", "market")
        units = net.column("positions", "quantity") * net.column("accounts", "count")[account]
        legs = zip(account.tolist(), market.tolist(), strict=True)
        self.units: dict[Leg, float] = dict(zip(legs, units.tolist(), strict=True))
        pairs = zip(net.column("holdings", "node"), net.column("holdings", "asset"), strict=True)
        quantity = net.column("holdings", "quantity").tolist()
        self.held: dict[tuple[str, str], float] = dict(zip(pairs, quantity, strict=True))
        self.markets = leg_markets(net)
        self.hedged: dict[tuple[str, str], float] = defaultdict(float)
        self.serves: dict[Leg, int] = {}
        for row in np.flatnonzero(self.kind == "basis").tolist():
            for leg in self.legs(row):
                self.serves.setdefault(leg, row)
            if self.cell("spot_node", row):
                short = -self.units.get(self.leg("short", row), 0.0)
                self.hedged[self.holding(row)] += float(self.ratio[row]) * max(0.0, short)

    def cell(self, column: str, row: int) -> str:
        """A word of a strategy."""
        return str(self.net.column("strategies", column)[row])

    def leg(self, side: str, row: int) -> Leg:
        """Account and market of a leg."""
        account = int(self.net.codes("strategies", f"{side}_account")[row])
        return account, int(self.markets[0 if side == "long" else 1][row])

    def legs(self, row: int) -> list[Leg]:
        """Both legs that are in accounts."""
        return [leg for leg in (self.leg("long", row), self.leg("short", row)) if leg[0] >= 0]

    def holding(self, row: int) -> tuple[str, str]:
        """Node and asset of the long leg outside accounts."""
        return self.cell("spot_node", row), self.cell("asset", row)

    def fault(self, row: int) -> Fault | None:
        """What is wrong with the legs of a strategy."""
        if self.kind[row] == "hedge":
            return self.expiry_fault(row)
        if self.kind[row] not in KINDS:
            return None
        asset, name = shown(self.cell("asset", row)), shown(self.cell("name", row))
        for side in ("long", "short"):
            account, market = self.leg(side, row)
            if account >= 0 and market < 0:
                what = (
                    f"account {shown(self.cell(f'{side}_account', row))} of strategy {name} is at a venue "
                    f"without a perp on {asset} (add the market, move the account, or name the {side}_market)"
                )
                return _error("missing-leg", row, what)
        if self.cell("spot_node", row):
            node = shown(self.cell("spot_node", row))
            if self.held.get(self.holding(row), 0.0) <= 0.0:
                what = f"node {node} of strategy {name} holds no {asset} (add the row to holdings)"
                return _error("missing-leg", row, what)
            if self.markets[0][row] < 0:
                what = f"no spot market trades {asset}, the long leg of strategy {name} (add the market)"
                return _error("missing-leg", row, what)
        if self.kind[row] == "arbitrage":
            return self.lot_fault(row, name)
        return self.basis_fault(row, name) if self.kind[row] == "basis" else None

    def expiry_fault(self, row: int) -> Fault | None:
        """Whether the future in which a book is hedged expires before options of the book."""
        account, markets = int(self.net.codes("strategies", "long_account")[row]), self.net.index("markets")
        held = np.array([market for owner, market in self.units if owner == account], dtype=np.int64)
        hedge, expiry = self.net.codes("markets", "hedge_market")[held], self.net.column("markets", "expiry")
        asset = self.net.codes("strategies", "asset")[row]
        own = (hedge >= 0) & (self.net.codes("markets", "asset")[held] == asset)
        for option, market in zip(held[own].tolist(), hedge[own].tolist(), strict=True):
            if expiry[market] < expiry[option]:
                text = (
                    f"{shown(markets[market])}, in which hedger {shown(self.cell('name', row))} trades, expires before "
                    f"{shown(markets[option])} of its book: from then on nobody hedges that (name a hedge_market that "
                    "lives as long, or a perpetual)"
                )
                return Fault(NetworkError, "hedge-expires", "strategies", row + 1, text, "warning")
        return None

    def lot_fault(self, row: int, name: str) -> Fault | None:
        """Whether the lots stated for the two markets of an arbitrage trade the same units."""
        lots, markets = self.net.column("markets", "lot"), self.net.index("markets")
        long, short = int(self.markets[0][row]), int(self.markets[1][row])
        small, large = sorted((float(lots[long]), float(lots[short])))
        if (
            np.isnan(lots[[long, short]]).any()
            or abs(large / small - round(large / small)) <= EXACT * large / small
        ):
            return None
        text = (
            f"arbitrage strategy {name} trades {shown(markets[long])} and {shown(markets[short])}, whose lots "
            f"{float(lots[long]):g} and {float(lots[short]):g} are no multiples of each other: legs would not offset "
            "(state lots in markets of which one is a multiple of the other, or leave them empty)"
        )
        return _error("unmatched-lots", row, text)

    def basis_fault(self, row: int, name: str) -> Fault | None:
        """Whether the legs of a basis trade are on their sides, its own, of sizes that offset, and of one owner."""
        for side, sign in (("long", 1.0), ("short", -1.0)):
            leg = self.leg(side, row)
            if leg[0] < 0:
                continue
            account, market = self.net.index("accounts")[leg[0]], self.net.index("markets")[leg[1]]
            units = self.units.get(leg, 0.0) * sign
            if units <= 0.0:
                what = "holds no position" if units == 0.0 else "is on the other side"
                text = (
                    f"the {side} leg of basis strategy {name}, account {shown(account)} in {shown(market)}, "
                    f"{what} (give it a {side} position there, or name its market in {side}_market)"
                )
                return _error("missing-leg" if units == 0.0 else "wrong-side", row, text)
            if self.serves[leg] != row:
                other = shown(self.cell("name", self.serves[leg]))
                text = (
                    f"account {shown(account)} in {shown(market)} is a leg of basis strategy {name} and of {other} "
                    "(give each an account of its own)"
                )
                return _error("shared-leg", row, text)
        return self.size_fault(row, name) or self.owner_fault(row, name)

    def owner_fault(self, row: int, name: str) -> Fault | None:
        """Whether both legs of a basis trade belong to one node, whose capital it is."""
        net, (long, short) = self.net, (self.leg(side, row)[0] for side in ("long", "short"))
        owners = net.codes("accounts", "owner")
        other = net.codes("strategies", "spot_node")[row] if long < 0 else owners[long]
        if other == owners[short]:
            return None
        first, second = (shown(str(net.index("nodes")[n])) for n in (other, owners[short]))
        text = (
            f"the legs of basis strategy {name} belong to {first} and to {second} (name accounts of one owner; a "
            "holding is hedged by an account of its node)"
        )
        return Fault(NetworkError, "other-owner", "strategies", row + 1, text, "warning")

    def size_fault(self, row: int, name: str) -> Fault | None:
        """Whether the long leg is about `ratio` times the short one."""
        if self.cell("spot_node", row):
            asked, long = self.hedged[self.holding(row)], self.held[self.holding(row)]
            fits = long >= LOW * asked
        else:
            long = self.units[self.leg("long", row)]
            asked = float(self.ratio[row]) * -self.units[self.leg("short", row)]
            fits = LOW * asked <= long <= HIGH * asked
        if fits:
            return None
        text = (
            f"the legs of basis strategy {name} do not offset: {long:,.6g} units long, where ratio times the short leg "
            f"is {asked:,.6g} (make them equal within {LOW:.0%} to {HIGH:.0%}, or change ratio)"
        )
        return _error("unmatched-legs", row, text)


def _error(code: str, row: int, what: str) -> Fault:
    """A finding that keeps a cascade from running."""
    return Fault(NetworkError, code, "strategies", row + 1, what, "error")
