"""Loans in random worlds, where no interest accrues: deals at the oracle, debts that only fall, purses of keepers."""

from collections import defaultdict
from fractions import Fraction

import pytest
from hypothesis import given

from contagion.propagation.cascade import codes
from tests.properties.replay import Played, Posting, played, seeds

DEALS = {codes.EVENT_LIQUIDATION: codes.LENDING, codes.EVENT_AUCTION: codes.AUCTION}


def deals(it: Played) -> list[tuple[dict[str, object], list[Posting]]]:
    """Liquidations of loans: the event and what it moved in the account."""
    book, venues = it.prepared.opening.book, it.prepared.opening.venues
    found = []
    for at, rows in it.by_event:
        event = it.events[at]
        i = int(event["account"])
        if i < 0 or DEALS.get(event["kind"]) != venues["procedure"][book.venue[i]]:
            continue
        own = [
            p for p in rows if p.entity == codes.ACCOUNT and p.kind in (codes.BY_SEIZURE, codes.BY_REPAYMENT)
        ]
        found.append((event, own))
    return found


def worth(it: Played, posting: Posting, r: int) -> Fraction:
    """Quanta that a posting moved, at the oracle."""
    return posting.amount * (it.price(r, posting) if posting.instrument >= 0 else Fraction(1))


def bonus(it: Played, i: int, seized: Posting) -> Fraction:
    """Liquidation bonus of what was seized from account `i`, coins or money."""
    opening = it.prepared.opening
    if seized.instrument < 0:
        return Fraction(float(opening.venues["unit_bonus"][opening.book.venue[i]]))
    coin = seized.instrument - len(it.state.markets)
    slot = next(s for s in it.slots[i] if int(opening.slots["asset"][s]) == coin)
    return Fraction(float(opening.slots["bonus"][slot]))


def a6_without_interest_a_debt_only_falls_and_collateral_only_by_seizure(it: Played) -> None:
    lends = it.prepared.opening.venues["procedure"]
    book = it.prepared.opening.book
    balance = it.opening_balances()
    for posting in it.postings:
        loan = posting.entity == codes.ACCOUNT and lends[book.venue[posting.id]] in (
            codes.LENDING,
            codes.AUCTION,
        )
        if loan and posting.kind == codes.BY_REPAYMENT and posting.instrument >= 0:
            assert balance[posting.key] + posting.amount <= 0
        if loan and posting.kind == codes.BY_SEIZURE:
            assert 0 <= balance[posting.key] + posting.amount < balance[posting.key]
        balance[posting.key] += posting.amount


@given(seeds)
def test_a6_without_interest_a_debt_only_falls_and_collateral_only_by_seizure(seed: int) -> None:
    a6_without_interest_a_debt_only_falls_and_collateral_only_by_seizure(played(seed))


def a7_seized_is_repaid_plus_bonus_at_the_oracle_to_the_lot_unless_all_is_seized(it: Played) -> None:
    opening = it.prepared.opening
    book, left = opening.book, it.opening_balances()
    by_event: dict[int, list[Posting]] = defaultdict(list)
    for posting in it.postings:
        by_event[posting.event].append(posting)
    after: dict[int, dict[tuple[int, int, int], int]] = {}
    for at, rows in by_event.items():
        for posting in rows:
            left[posting.key] += posting.amount
        after[at] = {p.key: left[p.key] for p in rows}
    for at, event in enumerate(it.events):
        i = int(event["account"])
        if i < 0 or event["kind"] != codes.EVENT_LIQUIDATION or at not in after:
            continue
        v = int(book.venue[i])
        if opening.venues["procedure"][v] != codes.LENDING:
            continue
        r, number = int(event["round"]), int(book.count[i])
        own = [p for p in by_event[at] if p.entity == codes.ACCOUNT]
        [seized] = [p for p in own if p.kind == codes.BY_SEIZURE]
        [repaid] = [p for p in own if p.kind == codes.BY_REPAYMENT]
        gross = 1 + bonus(it, i, seized)
        lot, debt_lot = (
            (it.price(r, p) if p.instrument >= 0 else Fraction(1)) * number for p in (seized, repaid)
        )
        owed, taken = worth(it, repaid, r) * gross, -worth(it, seized, r)
        assert taken <= owed + gross * debt_lot
        assert owed <= taken + lot + gross * debt_lot


@given(seeds)
def test_a7_seized_is_repaid_plus_bonus_at_the_oracle_to_the_lot_unless_all_is_seized(seed: int) -> None:
    a7_seized_is_repaid_plus_bonus_at_the_oracle_to_the_lot_unless_all_is_seized(played(seed))


def a7_an_auction_pays_its_price_for_what_it_sells(it: Played) -> None:
    for event, own in deals(it):
        if event["kind"] == codes.EVENT_AUCTION:
            [seized] = [p for p in own if p.kind == codes.BY_SEIZURE]
            repaid = sum(p.amount for p in own if p.kind == codes.BY_REPAYMENT)
            assert all(p.instrument == codes.MONEY for p in own if p.kind == codes.BY_REPAYMENT)
            assert seized.amount < 0 <= repaid  # a keeper who is alone bids nothing
            assert event["money"] == pytest.approx(repaid * float(it.state.clock["quantum"][0]))


@given(seeds)
def test_a7_an_auction_pays_its_price_for_what_it_sells(seed: int) -> None:
    a7_an_auction_pays_its_price_for_what_it_sells(played(seed))


@given(seeds)
def test_gains_of_keepers_are_what_their_purses_received_but_for_shares_of_fees(seed: int) -> None:
    it = played(seed)
    purse = sum(p.amount for p in it.postings if p.entity == codes.KEEPER)
    shares = sum(
        p.amount for p in it.postings if p.entity == codes.KEEPER and p.kind == codes.BY_FEE and p.amount > 0
    )
    assert purse - shares == int(it.state.counters[codes.KEEPER_GAIN])
    burnt = sum(p.amount for p in it.postings if p.entity == codes.BURN and p.kind == codes.BY_GAS)
    assert burnt == int(it.state.counters[codes.GAS])


def a6_no_more_money_is_borrowed_than_supplied_in_any_round(it: Played) -> None:
    """Of money only: coins that are owed have no suppliers in these worlds."""
    opening = it.prepared.opening
    for v, procedure in enumerate(opening.venues["procedure"]):
        if procedure not in (codes.LENDING, codes.AUCTION):
            continue
        own = [(codes.ACCOUNT, int(i), codes.MONEY) for i in (opening.book.venue == v).nonzero()[0]]
        balance = it.opening_balances()
        for rows in it.by_round.values():
            for posting in rows:
                balance[posting.key] += posting.amount
            supplied = sum(max(0, balance[key]) for key in own)
            borrowed = sum(max(0, -balance[key]) for key in own)
            assert borrowed <= supplied
        closing = it.closing_balances()
        assert sum(closing[key] for key in own) == supplied - borrowed


@given(seeds)
def test_a6_no_more_money_is_borrowed_than_supplied_in_any_round(seed: int) -> None:
    a6_no_more_money_is_borrowed_than_supplied_in_any_round(played(seed))
