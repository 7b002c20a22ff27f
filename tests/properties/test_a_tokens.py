"""Invariants A3 and A4 of tokens: their prices follow what issuers can pay of them, and that is what issuers have."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given

from contagion.propagation.cascade import codes
from contagion.propagation.cascade.minting import BEGINS, TOKEN
from tests.properties.kinds import ALL
from tests.properties.replay import Key, Played, seeds

LEAST = Fraction(1, 2**20)
CLOSE = 1e-9


def tokens(it: Played) -> list[int]:
    """Assets with an issuer."""
    found: list[int] = np.flatnonzero(it.prepared.opening.book.issuer >= 0).tolist()
    return found


def rates(it: Played, a: int) -> list[float]:
    """Rate of token `a` at the end of each round, by its events; 1 at the opening."""
    told = {
        int(e["round"]): float(e["price"])
        for e in it.events
        if e["kind"] == codes.EVENT_ISSUER and e["traded"] == a
    }
    found, rate = [], 1.0
    for r in range(it.n_rounds):
        rate = told.get(r, rate)
        found.append(rate)
    return found


def outside(it: Played, r: int, a: int) -> float:
    """Outside price of an asset in round `r`."""
    return float(it.state.outside[min(r, len(it.state.outside) - 1), a])


def a3_a_token_trades_at_its_outside_price_times_the_rate_of_the_last_round(it: Played) -> None:
    """But for the displacement of its book, which is exponential in these worlds."""
    opening = it.prepared.opening
    for a in tokens(it):
        rate = [1.0, *rates(it, a)]
        for m, market in enumerate(opening.markets):
            if market["asset"] == a and market["kind"] == codes.SPOT:
                for r in range(it.n_rounds):
                    row = it.state.history[r, m]
                    exact = outside(it, r, a) * rate[r] * np.exp(-row["displacement"])
                    assert row["last"] == pytest.approx(exact, rel=1e-12)


def a3_a_rate_is_a_share_and_stays_once_its_issuer_has_failed(it: Played) -> None:
    """No token is worth nothing: the least rate is a millionth."""
    failed = {e["node"]: e["round"] for e in it.events if e["kind"] == codes.EVENT_NODE_DEFAULT}
    for a in tokens(it):
        found = rates(it, a)
        assert all(LEAST <= rate <= 1 for rate in found)
        gone = failed.get(int(it.prepared.opening.book.issuer[a]))
        if gone is not None:
            assert set(found[gone:]) == {found[gone]}


def index_of(it: Played, r: int, a: int) -> float:
    """Index of an asset in round `r`: its spot markets by the depth they had, as far as their venues live."""
    book, state = it.prepared.opening.book, it.state
    rate = ([1.0, *rates(it, a)] if book.issuer[a] >= 0 else [1.0] * (r + 1))[r]
    middle, total, weight = outside(it, r, a) * rate, 0.0, 0.0
    for j in range(int(book.index_indptr[a]), int(book.index_indptr[a + 1])):
        m = int(book.index_market[j])
        venue = state.venues[it.prepared.opening.markets["venue"][m]]
        if venue["failed"] and venue["failed_at"] < state.rounds["time"][r]:
            continue
        depth = float(it.prepared.opening.markets["depth"][m] if r == 0 else state.history["depth"][r - 1, m])
        share = float(book.index_weight[j]) * depth
        total += share * (float(state.history["last"][r, m]) - middle)
        weight += share
    return middle + total / weight if weight > 0.0 else middle


def ends_of_rounds(it: Played) -> Iterator[tuple[int, defaultdict[Key, int]]]:
    """Balances at the end of each round in which no node has failed."""
    balance, failing = it.opening_balances(), {e["round"] for e in it.events if e["kind"] in FAILURES}
    for r, postings in it.by_round.items():
        for p in postings:
            balance[p.key] += p.amount
        if r not in failing:
            yield r, balance


FAILURES = (codes.EVENT_NODE_DEFAULT, codes.EVENT_VENUE_DEFAULT)


def reference_price(it: Played, r: int, x: int) -> Fraction:
    """Quanta that a lot of an asset is worth at its outside price."""
    return Fraction(outside(it, r, x)) * Fraction(float(it.prepared.opening.book.asset_lot_scale[x]))


def outstanding(it: Played, balance: dict[Key, int], r: int, x: int) -> int:
    """Lots of a token in other hands than its issuer's, less what accounts owe of it."""
    book, n_markets = it.prepared.opening.book, len(it.state.markets)
    late = [row[BEGINS] > r for row in it.state.shock_mint if int(row[TOKEN]) == x]
    issued = it.prepared.opening.issued[x] if any(late) else it.state.issued[x]
    return max(0, int(issued) - balance[codes.NODE, int(book.issuer[x]), n_markets + x])


def holding_worth(it: Played, balance: dict[Key, int], n: int, r: int, x: int) -> Fraction:
    """Quanta that node `n` has in an asset at the end of round `r`, tokens at the rates told then.

    Of a token the reference price is a claim at most, and all claims together what is outstanding; what a holding is
    worth above its claim counts as it is.
    """
    book, n_markets = it.prepared.opening.book, len(it.state.markets)
    price = Fraction(index_of(it, r, x)) * Fraction(float(book.asset_lot_scale[x]))
    if book.issuer[x] < 0:
        return balance[codes.NODE, n, n_markets + x] * price
    before, now = (Fraction(rate) for rate in [1.0, *rates(it, x)][r : r + 2])
    others = (
        (book.holding_asset == x) & (book.holding_node != book.issuer[x]) & book.watched[book.holding_node]
    )
    lots = {int(m): balance[codes.NODE, int(m), n_markets + x] for m in book.holding_node[others]}
    claim = {m: held * min(price / before, reference_price(it, r, x)) for m, held in lots.items()}
    total, most = sum(claim.values(), Fraction(0)), outstanding(it, balance, r, x) * reference_price(it, r, x)
    share = min(Fraction(1), most / total) if total else Fraction(0)
    return lots[n] * price + (now - before) * claim[n] * share


def can_pay(it: Played, balance: dict[Key, int], r: int, a: int) -> Fraction | None:
    """Share of all its debts that the issuer of token `a` can pay; None where others owe it money or margin."""
    opening = it.prepared.opening
    book, n = opening.book, int(opening.book.issuer[a])
    if (book.creditor == n).any() or (book.owner == n).any() or (book.member_node == n).any():
        return None
    has = Fraction(balance[codes.NODE, n, codes.MONEY] + int(opening.external_assets[n]))
    if book.venue_of_node[n] >= 0:  # a venue that issues shares of its pool has its fund too
        has += balance[codes.FUND, int(book.venue_of_node[n]), codes.MONEY]
    for h in np.flatnonzero((book.holding_node == n) & (book.issuer[book.holding_asset] != n)):
        x = int(book.holding_asset[h])
        has += holding_worth(it, balance, n, r, x)
    owes = Fraction(int(opening.external_liabilities[n]) - balance[codes.NODE, n, codes.CLAIM])
    for x in tokens(it):
        if book.issuer[x] == n:
            owes += outstanding(it, balance, r, x) * reference_price(it, r, x)
    return has / owes if owes else Fraction(2)


def rates_and_means(it: Played) -> Iterator[tuple[float, Fraction]]:
    """Rate told, and what the issuer can pay, at the end of rounds in which nobody fails."""
    told = {a: rates(it, a) for a in tokens(it)}
    failed = {e["node"]: e["round"] for e in it.events if e["kind"] == codes.EVENT_NODE_DEFAULT}
    for r, balance in ends_of_rounds(it):
        for a, found in told.items():
            share = can_pay(it, balance, r, a)
            if share is not None and failed.get(int(it.prepared.opening.book.issuer[a]), r + 1) > r:
                yield found[r], share


def a4_a_token_recovers_what_its_issuer_has_over_what_it_owes(it: Played) -> None:
    """Tokens in other hands at their outside price, other debts beside them; at most all of it."""
    for rate, share in rates_and_means(it):
        assert rate == pytest.approx(float(min(Fraction(1), max(LEAST, share))), rel=CLOSE)


INVARIANTS = (
    a3_a_token_trades_at_its_outside_price_times_the_rate_of_the_last_round,
    a3_a_rate_is_a_share_and_stays_once_its_issuer_has_failed,
    a4_a_token_recovers_what_its_issuer_has_over_what_it_owes,
)


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("invariant", INVARIANTS, ids=lambda check: check.__name__)
@given(seed=seeds)
def test_tokens_are_worth_what_issuers_can_pay(invariant, kind: str, seed: int) -> None:
    invariant(ALL[kind](seed))


def test_issuers_fall_short_and_go_on_in_these_worlds() -> None:
    seen: Counter[str] = Counter()
    for seed in range(24):
        it = ALL["plain"](seed)
        seen["short"] += sum(rate < 1.0 for rate, _ in rates_and_means(it))
        seen["whole"] += sum(rate == 1.0 for rate, _ in rates_and_means(it))
    assert min(seen["short"], seen["whole"]) > 20
