"""Invariants A8 and A9 where no order is filled: contracts that expire, and money of customers of failed venues."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from math import floor

import pytest
from hypothesis import given

from contagion.markets.options import LEAST_VALUE
from contagion.propagation.cascade import codes
from tests.properties.kinds import ALL
from tests.properties.replay import Key, Played, Posting, seeds

HALF = Fraction(501, 1000)  # of what a payment is rounded to


def first_round_at(it: Played, time: float) -> int | None:
    """First round of the run that begins at a time or after it."""
    return next((r for r in range(it.n_rounds) if it.state.rounds["time"][r] >= time), None)


def settlement_price(it: Played, r: int, m: int) -> float:
    """What a contract pays at its expiry in round `r`: the index, or what an option is worth there."""
    row, index = it.prepared.opening.markets[m], it.index(r, m)
    if row["kind"] != codes.OPTION:
        return index
    return max(LEAST_VALUE * index, float(row["call"]) * (index - float(row["strike"])))


def happened(it: Played, kind: int) -> dict[int, int]:
    """Market, venue or node of every event of a kind -> its number; there is one at most."""
    name = {
        codes.EVENT_EXPIRY: "market",
        codes.EVENT_VENUE_DEFAULT: "venue",
        codes.EVENT_NODE_DEFAULT: "node",
    }
    found = [(int(e[name[kind]]), at) for at, e in enumerate(it.events) if e["kind"] == kind]
    assert len({key for key, _ in found}) == len(found)
    return dict(found)


def a9_contracts_expire_once_on_time_at_the_index(it: Played) -> None:
    """Unless their venue has failed before; afterwards nothing is posted in them any more."""
    expired, failed = happened(it, codes.EVENT_EXPIRY), it.state.venues["failed_at"]
    for m, row in enumerate(it.prepared.opening.markets):
        due, v = first_round_at(it, float(row["expiry"])), int(row["venue"])
        before = bool(it.state.venues["failed"][v]) and failed[v] < float(row["expiry"])
        if due is None or before:
            assert m not in expired
            continue
        event = it.events[expired[m]]
        assert event["round"] == due
        assert event["price"] == settlement_price(it, due, m)
        assert not [p for p in it.postings if p.instrument == m and p.event > expired[m]]


def a9_an_expiry_closes_every_lot_and_pays_units_times_price_once_rounded(it: Played) -> None:
    """To accounts, without fees; the provider has the exact counterpart and no lot left."""
    book, balance, n_markets = it.prepared.opening.book, it.opening_balances(), len(it.state.markets)
    for at, postings in it.by_event:
        event = it.events[at]
        if event["kind"] == codes.EVENT_EXPIRY:
            m, r = int(event["market"]), int(event["round"])
            slot = int(it.state.markets["coin_slot"][m])
            unit = Fraction(1) if slot < 0 else it.coin_price(r, slot)
            pays = codes.MONEY if slot < 0 else n_markets + int(it.state.slots["asset"][slot])
            assert {p.instrument for p in postings} <= {m, pays}
            assert {p.kind for p in postings} <= {codes.BY_EXPIRY}
            assert {p.entity for p in postings} <= {codes.ACCOUNT, codes.PROVIDER}
            paid: dict[int, int] = defaultdict(int)
            for p in postings:
                if p.entity == codes.ACCOUNT and p.instrument == pays:
                    paid[p.id] += p.amount
            worth = it.worth(m, Fraction(float(event["price"])), it.coin(r, m))
            for i, number in enumerate(book.count.tolist()):
                lots = balance[codes.ACCOUNT, i, m] if m in it.legs[i] else 0
                assert abs(paid[i] * unit - lots * worth) <= HALF * unit * number
                assert paid[i] % number == 0
        for p in postings:
            balance[p.key] += p.amount
        if event["kind"] == codes.EVENT_EXPIRY:
            assert not any(amount for key, amount in balance.items() if key[2] == m)


def left_to_customers(it: Played, v: int) -> tuple[dict[int, int], defaultdict[Key, int]]:
    """What a failed venue leaves each row of customers, and the balances of all once its failure is settled."""
    opening, node = it.prepared.opening, int(it.state.venues["node"][v])
    settled = happened(it, codes.EVENT_NODE_DEFAULT)[node]
    share, recovery = float(opening.venues["customer_share"][v]), float(it.events[settled]["price"])
    balance, left = it.opening_balances(), {}
    for p in it.postings:
        if p.event < settled:
            balance[p.key] += p.amount
    for i, number in enumerate(opening.book.count.tolist()):
        money = balance[codes.ACCOUNT, i, codes.MONEY] // number
        if opening.book.venue[i] == v and money > 0:
            left[i] = number * min(money, floor(money * (share + (1.0 - share) * recovery)))
    for p in it.postings:
        if p.event == settled:
            balance[p.key] += p.amount
    return left, balance


def a8_customers_of_a_failed_venue_keep_their_share_and_have_it_after_its_delay(it: Played) -> None:
    """Until then it stays where it is, and nothing else moves it; without a delay it is theirs at once."""
    book, owner = it.prepared.opening.book, it.prepared.opening.book.owner
    for v, at in happened(it, codes.EVENT_VENUE_DEFAULT).items():
        left, balance = left_to_customers(it, v)
        delay = float(it.prepared.opening.venues["payout_delay"][v])
        node, failed_in = int(it.state.venues["node"][v]), int(it.events[at]["round"])
        for i, kept in left.items():
            frozen = kept if delay > 0.0 and owner[i] != node else 0
            assert balance[codes.ACCOUNT, i, codes.MONEY] == frozen
        due = first_round_at(it, float(it.state.venues["failed_at"][v]) + delay) if delay > 0.0 else None
        later = [p for p in it.postings if p.entity == codes.ACCOUNT and book.venue[p.id] == v]
        later = [p for p in later if p.round > failed_in]
        expected = {i: kept for i, kept in left.items() if kept and owner[i] != node}
        if due is None:
            assert not later
        else:
            assert {p.id: -p.amount for p in later} == expected
            assert {(p.round, p.kind) for p in later} <= {(due, codes.BY_PAYOUT)}


def a8_what_is_paid_out_arrives_at_its_owner(it: Played) -> None:
    """One event for each row of accounts."""
    for at, postings in it.by_event:
        if it.events[at]["kind"] == codes.EVENT_PAYOUT:
            sent: Posting = next(p for p in postings if p.entity == codes.ACCOUNT)
            [got] = [p for p in postings if p is not sent]
            assert (got.entity, got.id) == (codes.NODE, it.prepared.opening.book.owner[sent.id])
            assert got.amount == -sent.amount > 0


INVARIANTS = (
    a9_contracts_expire_once_on_time_at_the_index,
    a9_an_expiry_closes_every_lot_and_pays_units_times_price_once_rounded,
    a8_customers_of_a_failed_venue_keep_their_share_and_have_it_after_its_delay,
    a8_what_is_paid_out_arrives_at_its_owner,
)


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("invariant", INVARIANTS, ids=lambda check: check.__name__)
@given(seed=seeds)
def test_settlements_are_exact(invariant, kind: str, seed: int) -> None:
    invariant(ALL[kind](seed))


def test_contracts_expire_and_venues_fail_with_and_without_delay_in_these_worlds() -> None:
    seen: set[str] = set()
    for seed in range(16):
        for play in ALL.values():
            it = play(seed)
            kinds = {int(it.prepared.opening.markets["kind"][m]) for m in happened(it, codes.EVENT_EXPIRY)}
            seen |= {{codes.FUTURE: "future", codes.OPTION: "option"}[kind] for kind in kinds}
            for v in happened(it, codes.EVENT_VENUE_DEFAULT):
                seen.add("late" if it.prepared.opening.venues["payout_delay"][v] > 0.0 else "at once")
            seen |= {"paid" for e in it.events if e["kind"] == codes.EVENT_PAYOUT}
    assert seen == {"future", "option", "late", "at once", "paid"}
