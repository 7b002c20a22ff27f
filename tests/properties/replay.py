"""Balances rebuilt from opening and ledger alone, and health in exact fractions: oracles apart from the engine."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, cached_property
from itertools import groupby
from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from contagion.propagation.cascade import codes
from contagion.propagation.cascade.layout import State
from contagion.propagation.cascade.minting import SOLD, TOKEN
from contagion.propagation.cascade.model import Prepared
from tests.worlds import RandomWorld, kept, random_world

BEFORE_LOOK = (
    codes.BY_TOP_UP,
    codes.BY_INJECTION,
    codes.BY_FUNDING,
    codes.BY_MARGIN_MOVE,
    codes.BY_RECALL,
)
"""Reasons of postings that come before accounts are looked at."""
Key = tuple[int, int, int]  # entity, id, instrument

seeds = st.integers(0, 2 * settings().max_examples - 1)
"""Numbers of random worlds; the more examples, the more worlds."""


@dataclass(frozen=True)
class Posting:
    """One row of the ledger."""

    round: int
    event: int
    entity: int
    id: int
    kind: int
    instrument: int
    amount: int

    @property
    def key(self) -> Key:
        """Whose balance of what it moves."""
        return self.entity, self.id, self.instrument


@dataclass(frozen=True)
class Played:
    """A world, its run as arrays, and what the ledger says about it."""

    seed: int
    world: RandomWorld
    prepared: Prepared
    state: State
    first: int = 0  # round from which on it is looked at
    start: dict[Key, int] | None = None  # balances by then; None: those of the opening

    @property
    def n_rounds(self) -> int:
        """Rounds that were run."""
        return int(self.state.clock["round"][0])

    @cached_property
    def postings(self) -> list[Posting]:
        """The ledger in order."""
        return [Posting(*(int(value) for value in row)) for row in self.state.ledger.tolist()]

    @property
    def by_event(self) -> Iterator[tuple[int, list[Posting]]]:
        """Postings of each event."""
        for event, rows in groupby(self.postings, key=lambda posting: posting.event):
            yield event, list(rows)

    @cached_property
    def by_round(self) -> dict[int, list[Posting]]:
        """Postings of each round."""
        found: dict[int, list[Posting]] = {r: [] for r in range(self.first, self.n_rounds)}
        for posting in self.postings:
            found.setdefault(posting.round, []).append(posting)
        return found

    @cached_property
    def events(self) -> list[dict[str, Any]]:
        """Events in order, as dictionaries."""
        names = self.state.events.dtype.names or ()
        return [dict(zip(names, row, strict=True)) for row in self.state.events.tolist()]

    def opening_balances(self) -> defaultdict[Key, int]:
        """Every balance before the first round; an account's is that of its whole row."""
        if self.start is not None:
            return defaultdict(int, self.start)
        opening, book = self.prepared.opening, self.prepared.opening.book
        n_markets = len(opening.markets)
        balance: defaultdict[Key, int] = defaultdict(int)
        for i, number in enumerate(book.count.tolist()):
            balance[codes.ACCOUNT, i, codes.MONEY] += int(opening.cash[i]) * number
        for k, i in enumerate(book.leg_account.tolist()):
            balance[codes.ACCOUNT, i, int(book.leg_market[k])] += int(opening.quantity[k]) * int(
                book.count[i]
            )
        for b, i in enumerate(book.hold_account.tolist()):
            instrument = n_markets + int(opening.slots["asset"][book.hold_slot[b]])
            balance[codes.ACCOUNT, i, instrument] += int(opening.held[b]) * int(book.count[i])
        for n in range(len(opening.names.nodes)):
            balance[codes.NODE, n, codes.MONEY] += int(opening.node_cash[n])
            owned = int(opening.external_assets[n]) - int(opening.external_liabilities[n])
            balance[codes.NODE, n, codes.EXTERNAL] += owned
            for c in range(int(book.debt_indptr[n]), int(book.debt_indptr[n + 1])):
                balance[codes.NODE, n, codes.CLAIM] -= int(opening.claim[c])
                balance[codes.NODE, int(book.creditor[c]), codes.CLAIM] += int(opening.claim[c])
        for h, n in enumerate(book.holding_node.tolist()):
            balance[codes.NODE, n, n_markets + int(book.holding_asset[h])] += int(opening.holding[h])
        for v, fund in enumerate(opening.venues["fund"].tolist()):
            balance[codes.FUND, v, codes.MONEY] += fund
        for j, prefunded in enumerate(book.member_contribution.tolist()):
            balance[codes.DEFAULT_FUND, j, codes.MONEY] += prefunded
        for m, market in enumerate(opening.markets):
            spot = int(market["kind"]) == codes.SPOT
            balance[codes.PROVIDER, m, n_markets + int(market["asset"]) if spot else m] += int(
                market["provider_lots"]
            )
            balance[codes.PROVIDER, m, codes.MONEY] += int(market["provider_cash"])
        return balance

    def closing_balances(self) -> defaultdict[Key, int]:
        """Every balance that the final arrays hold."""
        state, opening, book = self.state, self.prepared.opening, self.prepared.opening.book
        n_markets = len(state.markets)
        balance: defaultdict[Key, int] = defaultdict(int)
        for i, number in enumerate(book.count.tolist()):
            balance[codes.ACCOUNT, i, codes.MONEY] += int(state.cash[i]) * number
        for k, i in enumerate(book.leg_account.tolist()):
            balance[codes.ACCOUNT, i, int(book.leg_market[k])] += int(state.quantity[k]) * int(book.count[i])
        for b, i in enumerate(book.hold_account.tolist()):
            instrument = n_markets + int(opening.slots["asset"][book.hold_slot[b]])
            balance[codes.ACCOUNT, i, instrument] += int(state.held[b]) * int(book.count[i])
        for n in range(len(opening.names.nodes)):
            balance[codes.NODE, n, codes.MONEY] += int(state.node_cash[n])
            owned = int(state.external_assets[n]) - int(state.external_liabilities[n])
            balance[codes.NODE, n, codes.EXTERNAL] += owned
            for c in range(int(book.debt_indptr[n]), int(book.debt_indptr[n + 1])):
                balance[codes.NODE, n, codes.CLAIM] -= int(state.remaining[c])
                balance[codes.NODE, int(book.creditor[c]), codes.CLAIM] += int(state.remaining[c])
        for h, n in enumerate(book.holding_node.tolist()):
            balance[codes.NODE, n, n_markets + int(book.holding_asset[h])] += int(state.holding[h])
        for m, market in enumerate(state.markets):
            spot = int(market["kind"]) == codes.SPOT
            balance[codes.PROVIDER, m, n_markets + int(market["asset"]) if spot else m] += int(
                market["provider_lots"]
            )
            balance[codes.PROVIDER, m, codes.MONEY] += int(market["provider_cash"])
        for v, venue in enumerate(state.venues):
            balance[codes.FUND, v, codes.MONEY] += int(venue["fund"])
            balance[codes.KEEPER, v, codes.MONEY] += int(venue["keeper"])
            balance[codes.BURN, v, codes.MONEY] += int(venue["burned"])
        for j, left in enumerate(state.member_fund.tolist()):
            balance[codes.DEFAULT_FUND, j, codes.MONEY] += left
        balance[codes.OUTSIDE, 0, codes.MONEY] += int(state.clock["outside_paid"][0])
        for row in state.shock_mint:
            balance[codes.OUTSIDE, 0, n_markets + int(row[TOKEN])] -= int(row[SOLD])
        return balance

    # prices and margin, exact

    def lot_scale(self, m: int) -> Fraction:
        """Quanta that a lot of market `m` is worth per unit of its price."""
        return Fraction(float(self.state.markets["lot_scale"][m]))

    def mark(self, r: int, m: int) -> Fraction:
        """Quanta per lot at the mark of round `r`; before the first round at the opening price."""
        price = self.state.history["mark"][r, m] if r >= 0 else self.prepared.opening.markets["opening"][m]
        return Fraction(float(price)) * self.lot_scale(m)

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

    def requirement(self, balance: dict[Key, int], i: int, r: int) -> Fraction:
        """Maintenance margin of one account behind row `i` at the marks of round `r`, and haircuts on its coins."""
        lots = self.lots_of(balance, i)
        margins = {
            m: self.multiplier(r, m) * self.maintenance(m, abs(held) * self.mark(r, m), abs(held))
            for m, held in lots.items()
        }
        asked = sum(margins.values(), Fraction(0)) - self.spared(i, lots, margins)
        for s, owned in self.coins_of(balance, i).items():
            weight = Fraction(float(self.state.slot_history[r, s, 1]))
            asked += (1 - weight) * max(Fraction(0), owned * self.coin_price(r, s))
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
        """Accounts below maintenance in each round, by exact fractions and marginal tiers."""
        exempt = self.prepared.opening.book.exempt
        found = {}
        for r, balance in self.balances_at_look():
            found[r] = {
                i
                for i in range(len(exempt))
                if not exempt[i] and self.equity(balance, i, r) < self.requirement(balance, i, r)
            }
        return found

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


@cache
def bare(seed: int) -> Prepared:
    """World number `seed` without policies, ready to run."""
    world = random_world(seed)
    return world.model.prepare(world.net)


@cache
def played(seed: int) -> Played:
    """World number `seed`, run once: by whichever process of a test run comes first."""
    return kept(str(seed), lambda: play(seed))


def play(seed: int) -> Played:
    """World number `seed` and its run."""
    world = random_world(seed)
    prepared = world.model.prepare(world.net, world.policies)
    state = prepared.simulate(world.shock, seed=seed)
    n_events, n_ledger = int(state.clock["n_events"][0]), int(state.clock["n_ledger"][0])
    state = state._replace(events=state.events[:n_events].copy(), ledger=state.ledger[:n_ledger].copy())
    return Played(seed, world, prepared, state)


def worth_at(
    it: Played, balance: dict[Key, int], perp: list[Fraction], asset: list[Fraction]
) -> dict[tuple[int, int], Fraction]:
    """Worth of every holder, by entity and id, at prices in quanta per lot."""
    n_markets = len(it.state.markets)
    total: dict[tuple[int, int], Fraction] = defaultdict(Fraction)
    for (entity, identity, instrument), amount in balance.items():
        if instrument < 0:
            total[entity, identity] += amount
        elif instrument < n_markets:
            total[entity, identity] += amount * perp[instrument]
        else:
            total[entity, identity] += amount * asset[instrument - n_markets]
    return total


def perp_prices(it: Played, which: str) -> list[Fraction]:
    """Quanta per lot of every market at a column of the final market table."""
    return [
        Fraction(float(it.state.markets[which][m])) * it.lot_scale(m) for m in range(len(it.state.markets))
    ]


def asset_prices(it: Played, prices: np.ndarray) -> list[Fraction]:
    """Quanta per lot of every asset that is held outright."""
    scales = it.prepared.opening.book.asset_lot_scale
    return [
        Fraction(float(price)) * Fraction(float(scale)) for price, scale in zip(prices, scales, strict=True)
    ]
