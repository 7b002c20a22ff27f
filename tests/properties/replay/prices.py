"""What is everything worth in each round? Marks, coins and equity in exact fractions of a quantum."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from contagion.propagation.cascade import codes
from tests.properties.replay.ledger import Key, Ledger, Posting


@dataclass(frozen=True)
class Priced(Ledger):
    """Worth of lots and coins at the prices of each round."""

    def lot_scale(self, m: int) -> Fraction:
        """Quanta that a lot of market `m` is worth per unit of its price."""
        return Fraction(float(self.state.markets["lot_scale"][m]))

    def mark(self, r: int, m: int) -> Fraction:
        """Quanta per lot at the mark of round `r`; before the first round at the opening price."""
        price = self.state.history["mark"][r, m] if r >= 0 else self.prepared.opening.markets["opening"][m]
        return self.worth(m, Fraction(float(price)), self.coin(r, m))

    def worth(self, m: int, price: Fraction, coin: Fraction) -> Fraction:
        """Quanta that a long lot is worth at a price; of an inverse contract minus the coins that it stands for."""
        if self.state.markets["inverse"][m]:
            return -self.lot_scale(m) * coin / price
        return price * self.lot_scale(m)

    def coin(self, r: int, m: int) -> Fraction:
        """Oracle's price in round `r` of the coin in which a market settles; 1 where that is money."""
        s = int(self.state.markets["coin_slot"][m])
        if s < 0:
            return Fraction(1)
        return Fraction(float(self.state.slot_history[r, s, 0] if r >= 0 else self.state.slots["opening"][s]))

    def stated(self, r: int, m: int, price: Fraction) -> Fraction:
        """A price of round `r` at the opening price of the coin in which a linear contract settles, as entries are."""
        s = int(self.state.markets["coin_slot"][m])
        if s < 0 or self.state.markets["inverse"][m]:
            return price
        return price * Fraction(float(self.state.slots["opening"][s])) / self.coin(r, m)

    def opened_at(self, r: int, m: int, entry: Fraction) -> Fraction:
        """Quanta per lot at an entry price, the coin of the contract worth what it is in round `r`."""
        s = int(self.state.markets["coin_slot"][m])
        if s < 0 or self.state.markets["inverse"][m]:
            return self.worth(m, entry, self.coin(r, m))
        return self.worth(
            m, entry * self.coin(r, m) / Fraction(float(self.state.slots["opening"][s])), Fraction(1)
        )

    def price(self, r: int, posting: Posting) -> Fraction:
        """Quanta per lot of what an account's posting moves: a market's mark or a coin's oracle price."""
        n_markets = len(self.state.markets)
        if posting.instrument < n_markets:
            return self.mark(r, posting.instrument)
        asset = self.state.slots["asset"]
        return next(
            self.coin_price(r, s)
            for s in self.slots[posting.id]
            if int(asset[s]) == posting.instrument - n_markets
        )

    @cached_property
    def legs(self) -> dict[int, list[int]]:
        """Markets in which each account has a leg."""
        found: dict[int, list[int]] = defaultdict(list)
        book = self.prepared.opening.book
        for i, m in zip(book.leg_account.tolist(), book.leg_market.tolist(), strict=True):
            found[i].append(m)
        return found

    def lots_of(self, balance: dict[Key, int], i: int) -> dict[int, Fraction]:
        """Open lots of one account behind row `i`, by market."""
        number = int(self.prepared.opening.book.count[i])
        lots = {m: Fraction(balance[codes.ACCOUNT, i, m], number) for m in self.legs[i]}
        return {m: held for m, held in lots.items() if held}

    @cached_property
    def slots(self) -> dict[int, list[int]]:
        """Slots of the coins of each account."""
        found: dict[int, list[int]] = defaultdict(list)
        book = self.prepared.opening.book
        for i, s in zip(book.hold_account.tolist(), book.hold_slot.tolist(), strict=True):
            found[i].append(s)
        return found

    def coin_price(self, r: int, s: int) -> Fraction:
        """Quanta per lot of slot `s` at the oracle's price of round `r`; before the first at the opening price."""
        slot = self.state.slots[s]
        price = self.state.slot_history[r, s, 0] if r >= 0 else slot["opening"]
        return Fraction(float(price)) * Fraction(float(slot["lot_scale"]))

    def coins_of(self, balance: dict[Key, int], i: int) -> dict[int, Fraction]:
        """Lots of coins in one account behind row `i`, by slot."""
        number, n_markets = int(self.prepared.opening.book.count[i]), len(self.state.markets)
        asset = self.state.slots["asset"]
        return {
            s: Fraction(balance[codes.ACCOUNT, i, n_markets + int(asset[s])], number) for s in self.slots[i]
        }

    def equity(self, balance: dict[Key, int], i: int, r: int) -> Fraction:
        """Equity of one account behind row `i` at the marks of round `r`, in quanta."""
        number = int(self.prepared.opening.book.count[i])
        worth = sum((held * self.mark(r, m) for m, held in self.lots_of(balance, i).items()), Fraction(0))
        worth += sum(
            (lots * self.coin_price(r, s) for s, lots in self.coins_of(balance, i).items()), Fraction(0)
        )
        return worth + Fraction(balance[codes.ACCOUNT, i, codes.MONEY], number)
