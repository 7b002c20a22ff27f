"""Invariants A9 and A10 of orders that options bring: delta hedges, closings at the model's value, parts of scans."""

from __future__ import annotations

from collections import Counter, defaultdict
from fractions import Fraction
from math import ceil, exp
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from contagion.propagation.cascade import codes
from tests.properties.kinds import ALL
from tests.properties.replay import Key, Played, seeds

SLACK = Fraction(1, 10**9)  # of a lot: margins are floats before they are rounded to lots
ROUNDING = Fraction(1, 2**48)  # of all units of the options: deltas are floats, too
AT_ONE_PRICE = (
    codes.EVENT_LIQUIDATION,
    codes.EVENT_UNWIND,
    codes.EVENT_REACTION,
    codes.EVENT_HEDGE,
    codes.EVENT_DELTA_HEDGE,
    codes.EVENT_MINT,
    codes.EVENT_ATTACK,
)
FORCED = (codes.EVENT_LIQUIDATION, codes.EVENT_TAKEOVER, codes.EVENT_ADL)


def lends(it: Played, event: dict[str, Any]) -> bool:
    """Whether an event is the liquidation of a loan, which names prices of its own."""
    v = int(event["venue"])
    return v >= 0 and it.prepared.opening.venues["procedure"][v] in (codes.LENDING, codes.AUCTION)


def a9_all_orders_of_a_market_and_round_trade_at_one_price(it: Played) -> None:
    """Forced orders, unwinding legs, owners, delta hedgers, minted tokens and attacks."""
    prices: dict[tuple[int, int], set[float]] = defaultdict(set)
    for event in it.events:
        if event["kind"] in AT_ONE_PRICE and not lends(it, event):
            prices[int(event["round"]), int(event["market"])].add(float(event["price"]))
    assert {place: found for place, found in prices.items() if len(found) > 1} == {}


def a9_closings_at_model_value_pay_the_mark_less_the_penalty(it: Played) -> None:
    """From one account to the inventory of the same venue, which takes exactly what the account gives."""
    venues, markets = it.prepared.opening.venues, it.prepared.opening.markets
    for at, postings in it.by_event:
        event = it.events[at]
        if event["kind"] != codes.EVENT_MODEL_CLOSE:
            continue
        v, m, r = int(event["venue"]), int(event["market"]), int(event["round"])
        assert markets["kind"][m] == codes.OPTION and markets["venue"][m] == v
        own = [p for p in postings if p.kind == codes.BY_MODEL_CLOSE]
        given = {p.instrument: p.amount for p in own if p.id == event["account"]}
        taken = {p.instrument: p.amount for p in own if p.id == venues["inventory"][v]}
        assert len(own) == len(given) + len(taken)
        assert given == {instrument: -amount for instrument, amount in taken.items()}
        penalty, sells = Fraction(float(venues["model_penalty"][v])), given[m] < 0
        exact = Fraction(float(it.state.history["mark"][r, m])) * (1 - penalty if sells else 1 + penalty)
        assert abs(Fraction(float(event["price"])) - exact) <= exact / 2**50


def hedger_rows(it: Played) -> list[Any]:
    """Strategies that hedge the delta of a book."""
    strategies = it.prepared.opening.strategies
    return [strategies[s] for s in np.flatnonzero(strategies["kind"] == codes.DELTA_HEDGE)]


def book_delta(it: Played, balance: dict[Key, int], row: Any, r: int) -> Fraction:
    """Units of the hedged asset that the options of a hedger's book are worth like at the look of round `r`."""
    markets = it.prepared.opening.markets
    asset, total = markets["asset"][row["long_market"]], Fraction(0)
    for m, lots in it.lots_of(balance, int(row["book"])).items():
        if markets["kind"][m] == codes.OPTION and markets["asset"][m] == asset:
            total += lots * Fraction(float(markets["lot"][m])) * Fraction(it.option_delta(r, m))
    return total


def hedges_done(it: Played, row: Any) -> dict[int, int]:
    """Round -> lots that a hedger sold (negative: bought)."""
    book, done = it.prepared.opening.book, {}
    if row["long_holding"] >= 0:
        who: tuple[str, int] = ("node", int(book.holding_node[row["long_holding"]]))
    else:
        who = ("account", int(book.leg_account[row["short_leg"]]))
    for event in it.events:
        if event["kind"] == codes.EVENT_DELTA_HEDGE and event[who[0]] == who[1]:
            assert event["market"] == row["long_market"] and int(event["round"]) not in done
            done[int(event["round"])] = -int(event["lots"])
    return done


def hedges_lost(it: Played, row: Any) -> dict[int, int]:
    """Round -> lots of a hedger's leg that were closed by force (positive: sold)."""
    book, lost = it.prepared.opening.book, defaultdict[int, int](int)
    for event in it.events if row["short_leg"] >= 0 else []:
        own = event["account"] == book.leg_account[row["short_leg"]] and event["market"] == row["long_market"]
        if own and event["kind"] in FORCED:
            lost[int(event["round"])] -= int(event["lots"])
    return lost


def hedge_lot(it: Played, row: Any, r: int) -> Fraction:
    """Units of delta in a lot of the hedge: a future counts by the slope of its fair price."""
    m = int(row["long_market"])
    market = it.prepared.opening.markets[m]
    slope = exp(float(market["carry"]) * it.years(r, m)) if market["kind"] == codes.FUTURE else 1.0
    return Fraction(float(market["lot"])) * Fraction(slope)


def hedging(it: Played) -> list[tuple[Fraction, int, Fraction]]:
    """Of every hedger and round: lots by which delta is off its hedge, lots traded, and rounding."""
    found = []
    for row in hedger_rows(it):
        ratio, done, hedged = Fraction(float(row["ratio"])), hedges_done(it, row), Fraction(0)
        lost = hedges_lost(it, row)
        for r, balance in it.balances_at_look():
            delta, lot = book_delta(it, balance, row, r), hedge_lot(it, row, r)
            hedged = delta if r == 0 else hedged
            rounding = ROUNDING * (1 + (abs(delta) + abs(hedged)) / lot)
            found.append((ratio * (delta - hedged) / lot, done.get(r, 0), rounding))
            hedged += (done.get(r, 0) + lost.get(r, 0)) * lot / ratio
    return found


def a10_a_hedger_trades_against_the_change_of_its_books_delta_and_never_more(it: Played) -> None:
    """What stands against the delta of the opening is a hedge; what was not filled or went by force is asked again."""
    for gap, traded, rounding in hedging(it):
        if traded:
            assert gap * traded > 0
            assert abs(traded) <= abs(gap) + rounding


def least_part(it: Played, balance: dict[Key, int], i: int, r: int) -> Fraction:
    """Smallest share of all legs after which equity covers the target of the scan, fees paid, and the least clip."""
    venue = it.state.venues[it.prepared.opening.book.venue[i]]
    lots = it.lots_of(balance, i)
    scanned = it.scan(i, lots, r)
    free = it.equity(balance, i, r) - (it.requirement(balance, i, r) - scanned)
    fees = {m: Fraction(float(venue["fee"])) + Fraction(float(it.state.markets["fee"][m])) for m in lots}
    cost = sum((fees[m] * abs(held * it.mark(r, m)) for m, held in lots.items()), Fraction(0))
    asked = Fraction(float(venue["target"])) * scanned
    short, least = asked - free, Fraction(float(venue["min_clip"]))
    if it.equity(balance, i, r) <= 0 or asked - cost <= short:
        return Fraction(1)
    return max(least, short / (asked - cost))


def matched(it: Played, i: int, m: int, r: int) -> Fraction:
    """Lots of one account behind row `i` that were closed against winners in round `r`."""
    closed = [p.amount for p in it.by_round[r] if p.key == (codes.ACCOUNT, i, m) and p.kind == codes.BY_ADL]
    return Fraction(abs(sum(closed)), int(it.prepared.opening.book.count[i]))


def a10_a_scanned_account_is_closed_by_the_least_share_of_every_leg(it: Played) -> None:
    """Where the venue closes in parts: what is asked of each leg restores the target of the scan, to the lot.

    What was closed against winners in the round is not asked for again.
    """
    book, procedure = it.prepared.opening.book, it.state.venues["procedure"]
    orders: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for event in it.events:
        partly = event["kind"] in (codes.EVENT_LIQUIDATION, codes.EVENT_MODEL_CLOSE)
        if partly and it.scans(int(event["account"])) and procedure[event["venue"]] == codes.PARTIAL:
            orders[int(event["round"])].append(event)
    for r, balance in it.balances_at_look():
        for event in orders[r]:
            i, m = int(event["account"]), int(event["market"])
            if not it.lots_of(balance, i):
                continue  # only coins are left: they are sold whole
            held, share = abs(it.lots_of(balance, i)[m]), least_part(it, balance, i, r)
            asked = Fraction(float(event["asked"])) / int(book.count[i])
            left = held - matched(it, i, m, r)
            assert min(left, ceil(share * held - SLACK)) <= asked <= min(left, ceil(share * held + SLACK))


INVARIANTS = (
    a9_all_orders_of_a_market_and_round_trade_at_one_price,
    a9_closings_at_model_value_pay_the_mark_less_the_penalty,
    a10_a_hedger_trades_against_the_change_of_its_books_delta_and_never_more,
    a10_a_scanned_account_is_closed_by_the_least_share_of_every_leg,
)


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("invariant", INVARIANTS, ids=lambda check: check.__name__)
@given(seed=seeds)
def test_orders_of_options_follow_their_rules(invariant, kind: str, seed: int) -> None:
    invariant(ALL[kind](seed))


def test_most_hedges_are_the_whole_change_of_delta() -> None:
    """The others are cut by books, halts or free margin, and asked for again."""
    seen: Counter[bool] = Counter()
    for seed in range(12):
        for gap, traded, rounding in hedging(ALL["options"](seed)):
            if traded:
                seen[abs(gap - traded) < 1 + rounding] += 1
    assert seen[True] > seen[False] > 0
