"""What must every account hold, and who is below it? Tiers by marginal slices, scans by the pure functions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from contagion.propagation.cascade import codes
from tests.properties.replay.ledger import Key
from tests.properties.replay.scans import Scanned

BEFORE_LOOK = (
    codes.BY_TOP_UP,
    codes.BY_INJECTION,
    codes.BY_FUNDING,
    codes.BY_MARGIN_MOVE,
    codes.BY_RECALL,
    codes.BY_EXPIRY,
    codes.BY_PAYOUT,
)
"""Reasons of postings that come before accounts are looked at."""
LEVEL = Fraction(1, 10**11)
"""Share of a scanned requirement within which floats of the model do not tell equity from it."""


@dataclass(frozen=True)
class Margined(Scanned):
    """Requirement and health of accounts."""

    @cached_property
    def tiers(self) -> list[list[tuple[Fraction, Fraction]]]:
        """Per market: (floor in quanta, maintenance rate), floors rising, from the network's tables."""
        net, scale = self.prepared.opened, Fraction(self.prepared.opening.units.scale)
        found = []
        for schedule in net.markets["schedule"]:
            rows = net.tiers[net.tiers["schedule"] == schedule].sort_values("floor")
            pairs = zip(rows["floor"], rows["maintenance_rate"], strict=True)
            found.append([(Fraction(float(floor)) * scale, Fraction(float(rate))) for floor, rate in pairs])
        return found

    def multiplier(self, r: int, m: int) -> Fraction:
        """What policies multiply maintenance margin by in round `r`; 1 before the first."""
        return Fraction(float(self.state.history["multiplier"][r, m])) if r >= 0 else Fraction(1)

    def maintenance(self, m: int, notional: Fraction, lots: Fraction) -> Fraction:
        """Maintenance margin as the sum of marginal slices, and what the rate grows with the lots held."""
        total, tiers = Fraction(0), self.tiers[m]
        for j, (floor, rate) in enumerate(tiers):
            top = tiers[j + 1][0] if j + 1 < len(tiers) else notional
            if notional > floor:
                total += rate * (min(notional, top) - floor)
        slope = Fraction(float(self.prepared.opening.markets["size_slope"][m]))
        return total + slope * lots * notional

    def requirement(self, balance: dict[Key, int], i: int, r: int) -> Fraction:
        """Maintenance margin of one account behind row `i` at the marks of round `r`, and haircuts on its coins."""
        lots = self.lots_of(balance, i)
        margins = {
            m: self.multiplier(r, m) * self.maintenance(m, abs(held * self.mark(r, m)), abs(held))
            for m, held in lots.items()
        }
        if self.scans(i):
            asked = self.scan(i, lots, r)
        else:
            asked = sum(margins.values(), Fraction(0)) - self.spared(i, lots, margins)
        for s, owned in self.coins_of(balance, i).items():
            weight = Fraction(float(self.state.slot_history[r, s, 1]))
            settled = sum(
                (
                    held * self.mark(r, m)
                    for m, held in lots.items()
                    if self.state.markets["coin_slot"][m] == s
                ),
                Fraction(0),
            )
            asked += (1 - weight) * max(Fraction(0), owned * self.coin_price(r, s) + settled)
        return asked

    def spared(self, i: int, lots: dict[int, Fraction], margins: dict[int, Fraction]) -> Fraction:
        """Margin that opposite legs on one asset spare an account at a venue with a portfolio offset."""
        theta = self.prepared.opening.venues["portfolio_offset"][self.prepared.opening.book.venue[i]]
        asset, total = self.state.markets["asset"], Fraction(0)
        for a in {int(asset[m]) for m in lots}:
            sides = [
                sum(
                    (margins[m] for m, held in lots.items() if asset[m] == a and (held > 0) == long),
                    Fraction(0),
                )
                for long in (True, False)
            ]
            total += Fraction(float(theta)) * min(sides)
        return total

    @cached_property
    def acting(self) -> dict[int, set[int]]:
        """Accounts below maintenance in each round, by exact fractions, marginal tiers and scans."""
        return {
            r: {i for i, spare in spares.items() if spare < 0 and i not in self.level[r]}
            for r, spares in self.spares.items()
        }

    @cached_property
    def level(self) -> dict[int, set[int]]:
        """Scanned accounts whose equity is their requirement but for the rounding of the model's values, by round.

        An option bought for all an account has is worth what a scan says that it can lose.
        """
        return {
            r: {
                i
                for i, spare in spares.items()
                if self.scans(i) and abs(spare) <= LEVEL * abs(self.requirement(balance, i, r))
            }
            for (r, spares), (_, balance) in zip(self.spares.items(), self.balances_at_look(), strict=True)
        }

    @cached_property
    def spares(self) -> dict[int, dict[int, Fraction]]:
        """Equity less requirement of every account that can be called, by round."""
        exempt = self.prepared.opening.book.exempt
        return {
            r: {
                i: self.equity(balance, i, r) - self.requirement(balance, i, r)
                for i in range(len(exempt))
                if not exempt[i]
            }
            for r, balance in self.balances_at_look()
        }

    def balances_at_look(self) -> Iterator[tuple[int, defaultdict[Key, int]]]:
        """Balances of each round once funding and top-ups have arrived, when accounts are looked at."""
        balance = self.opening_balances()
        for r, postings in self.by_round.items():
            arrived = [p for p in postings if p.kind in BEFORE_LOOK]
            later = [p for p in postings if p.kind not in BEFORE_LOOK]
            for posting in arrived:
                balance[posting.key] += posting.amount
            yield r, balance
            for posting in later:
                balance[posting.key] += posting.amount
