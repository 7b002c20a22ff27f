"""Balances rebuilt from opening and ledger alone: what an account has is what it opened with and what was posted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contagion.propagation.cascade import codes
from contagion.propagation.cascade.attacking import BACK, DONE, MARKET, SIDE
from contagion.propagation.cascade.build import Opening
from contagion.propagation.cascade.layout import State
from contagion.propagation.cascade.minting import SOLD, TOKEN
from contagion.propagation.cascade.model import Prepared
from tests.worlds import RandomWorld

Key = tuple[int, int, int]  # entity, id, instrument


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
class Ledger:
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
        opening = self.prepared.opening
        balance = self.balances_in(opening, opening.claim)
        for v, fund in enumerate(opening.venues["fund"].tolist()):
            balance[codes.FUND, v, codes.MONEY] += fund
        for j, prefunded in enumerate(opening.book.member_contribution.tolist()):
            balance[codes.DEFAULT_FUND, j, codes.MONEY] += prefunded
        return balance

    def balances_in(self, held_by: Opening | State, claim: NDArray[np.int64]) -> defaultdict[Key, int]:
        """Balances of accounts, nodes and providers in arrays of the opening or the end; `claim` is owed by row."""
        opening, book = self.prepared.opening, self.prepared.opening.book
        n_markets = len(opening.markets)
        balance: defaultdict[Key, int] = defaultdict(int)
        for i, number in enumerate(book.count.tolist()):
            balance[codes.ACCOUNT, i, codes.MONEY] += int(held_by.cash[i]) * number
        for k, i in enumerate(book.leg_account.tolist()):
            balance[codes.ACCOUNT, i, int(book.leg_market[k])] += int(held_by.quantity[k]) * int(
                book.count[i]
            )
        for b, i in enumerate(book.hold_account.tolist()):
            instrument = n_markets + int(opening.slots["asset"][book.hold_slot[b]])
            balance[codes.ACCOUNT, i, instrument] += int(held_by.held[b]) * int(book.count[i])
        for n in range(len(opening.names.nodes)):
            balance[codes.NODE, n, codes.MONEY] += int(held_by.node_cash[n])
            owned = int(held_by.external_assets[n]) - int(held_by.external_liabilities[n])
            balance[codes.NODE, n, codes.EXTERNAL] += owned
            for c in range(int(book.debt_indptr[n]), int(book.debt_indptr[n + 1])):
                balance[codes.NODE, n, codes.CLAIM] -= int(claim[c])
                balance[codes.NODE, int(book.creditor[c]), codes.CLAIM] += int(claim[c])
        for h, n in enumerate(book.holding_node.tolist()):
            balance[codes.NODE, n, n_markets + int(book.holding_asset[h])] += int(held_by.holding[h])
        for m, market in enumerate(held_by.markets):
            spot = int(market["kind"]) == codes.SPOT
            balance[codes.PROVIDER, m, n_markets + int(market["asset"]) if spot else m] += int(
                market["provider_lots"]
            )
            balance[codes.PROVIDER, m, codes.MONEY] += int(market["provider_cash"])
            if market["coin_slot"] >= 0:
                coin = n_markets + int(opening.slots["asset"][market["coin_slot"]])
                balance[codes.PROVIDER, m, coin] += int(market["provider_coins"])
        return balance

    def closing_balances(self) -> defaultdict[Key, int]:
        """Every balance that the final arrays hold."""
        state, n_markets = self.state, len(self.state.markets)
        balance = self.balances_in(state, state.remaining)
        for v, venue in enumerate(state.venues):
            balance[codes.FUND, v, codes.MONEY] += int(venue["fund"])
            balance[codes.KEEPER, v, codes.MONEY] += int(venue["keeper"])
            balance[codes.BURN, v, codes.MONEY] += int(venue["burned"])
        for j, left in enumerate(state.member_fund.tolist()):
            balance[codes.DEFAULT_FUND, j, codes.MONEY] += left
        balance[codes.OUTSIDE, 0, codes.MONEY] += int(state.clock["outside_paid"][0])
        for row in state.shock_mint:
            balance[codes.OUTSIDE, 0, n_markets + int(row[TOKEN])] -= int(row[SOLD])
        for row in state.shock_attack:
            coin = n_markets + int(state.markets["asset"][int(row[MARKET])])
            balance[codes.OUTSIDE, 0, coin] -= int(row[SIDE] * (row[DONE] - row[BACK]))
        return balance
