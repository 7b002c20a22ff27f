"""Invariant A8: the waterfall pays the deficits of flat accounts, layer by layer, each one within its limits."""

from collections import defaultdict
from fractions import Fraction
from math import ceil, inf

from hypothesis import given

from contagion.propagation.cascade import codes
from tests.properties.replay import Key, Played, Posting, played, seeds

WATERFALL = (
    codes.BY_FUND,
    codes.BY_OWN_CAPITAL,
    codes.BY_DEFAULT_FUND,
    codes.BY_ASSESSMENT,
    codes.BY_RESIDUAL,
    codes.BY_OWN_EQUITY,
)
QUANTUM = 1  # of money: the resolution to which floats in the engine are rounded


def split_waterfall(it: Played) -> list[tuple[int, defaultdict[Key, int], dict[int, list]]]:
    """Per round with deficits: balances after the fills, and the waterfall's postings by venue."""
    found, balance = [], it.opening_balances()
    for r, postings in it.by_round.items():
        layers: dict[int, list] = defaultdict(list)
        before = None
        for posting in postings:
            if posting.kind in WATERFALL:
                before = before or defaultdict(int, balance)
                layers[int(it.events[posting.event]["venue"])].append(posting)
            balance[posting.key] += posting.amount
        if before is not None:
            found.append((r, before, dict(layers)))
    return found


def paid(postings: list, kind: int, entity: int) -> int:
    return sum(p.amount for p in postings if p.kind == kind and p.entity == entity)


def entries(it: Played, i: int, r: int) -> dict[int, Fraction]:
    """Entry price of account `i` by market at the waterfall of round `r`: an average as a position grows or flips."""
    book, number = it.prepared.opening.book, int(it.prepared.opening.book.count[i])
    legs = range(int(book.indptr[i]), int(book.indptr[i + 1]))
    entry = {int(book.leg_market[k]): Fraction(float(book.entry_price[k])) for k in legs}
    lots = {int(book.leg_market[k]): Fraction(float(it.prepared.opening.quantity[k])) for k in legs}
    for p in it.postings:
        if p.round > r or (p.round == r and p.kind in WATERFALL):
            break
        if p.entity != codes.ACCOUNT or p.id != i or p.instrument not in lots:
            continue
        m, bought = p.instrument, Fraction(p.amount, number)
        if p.kind in (codes.BY_ARBITRAGE, codes.BY_HEDGE, codes.BY_DELTA_HEDGE):
            price = it.stated(p.round, m, Fraction(float(it.events[p.event]["price"])))
            if lots[m] * bought > 0:
                entry[m] = (abs(lots[m]) * entry[m] + abs(bought) * price) / (abs(lots[m]) + abs(bought))
            elif abs(bought) > abs(lots[m]):
                entry[m] = price
        lots[m] += bought
    return entry


def room(it: Played, balance: dict[Key, int], i: int, r: int, rule: int) -> Fraction:
    """What the residual rule may take from one account behind row `i`: profit but never principal, or equity."""
    lots = it.lots_of(balance, i)
    if it.state.venues["protocol"][
        it.prepared.opening.book.venue[i]
    ]:  # lenders of money bear what is missing
        lent = Fraction(balance[codes.ACCOUNT, i, codes.MONEY], int(it.prepared.opening.book.count[i]))
        shared = rule == codes.RESIDUALS["socialise"]
        return max(Fraction(0), min(lent, it.equity(balance, i, r))) if shared else Fraction(0)
    if not lots and not any(it.coins_of(balance, i).values()):
        return Fraction(0)
    entry = entries(it, i, r)
    profit = sum((q * (it.mark(r, m) - it.opened_at(r, m, entry[m])) for m, q in lots.items()), Fraction(0))
    worth = it.equity(balance, i, r)
    return max(Fraction(0), worth if rule == codes.RESIDUALS["socialise"] else min(profit, worth))


def own_contributions(it: Played, balance: dict[Key, int], postings: list[Posting]) -> dict[int, int]:
    """What members have prefunded and owe themselves, by member: the first to pay."""
    book = it.prepared.opening.book
    owed: dict[int, int] = defaultdict(int)
    for p in postings:
        if p.kind == codes.BY_FUND and p.entity == codes.ACCOUNT:
            v = int(book.venue[p.id])
            for j in range(int(book.member_indptr[v]), int(book.member_indptr[v + 1])):
                if book.member_node[j] == book.owner[p.id]:
                    owed[j] += p.amount
    return {j: min(money, balance[codes.DEFAULT_FUND, j, codes.MONEY]) for j, money in owed.items()}


def a8_deficits_of_flat_accounts_are_the_sum_of_the_layers(it: Played) -> None:
    for r, before, layers in split_waterfall(it):
        for venue, postings in layers.items():
            for p in postings:
                if p.entity == codes.ACCOUNT and p.kind == codes.BY_FUND:
                    assert not it.lots_of(before, p.id)
                    assert before[codes.ACCOUNT, p.id, codes.MONEY] == -p.amount < 0
            deficit = paid(postings, codes.BY_FUND, codes.ACCOUNT)
            fund = -paid(postings, codes.BY_FUND, codes.FUND)
            haircut = -paid(postings, codes.BY_RESIDUAL, codes.ACCOUNT)
            own = -paid(postings, codes.BY_OWN_EQUITY, codes.NODE)
            capital = -paid(postings, codes.BY_OWN_CAPITAL, codes.NODE)
            prefunded = -paid(postings, codes.BY_DEFAULT_FUND, codes.DEFAULT_FUND)
            assessed = -paid(postings, codes.BY_ASSESSMENT, codes.NODE)
            layers_paid = (fund, capital, prefunded, assessed, haircut, own)
            assert deficit == sum(layers_paid), f"round {r}, venue {venue}"
            assert min(layers_paid) >= 0
            missing = deficit - sum(own_contributions(it, before, postings).values())
            assert fund == min(missing, before[codes.FUND, venue, codes.MONEY])


@given(seeds)
def test_a8_deficits_of_flat_accounts_are_the_sum_of_the_layers(seed: int) -> None:
    a8_deficits_of_flat_accounts_are_the_sum_of_the_layers(played(seed))


def a8_a_layer_is_used_only_when_the_one_before_is_exhausted(it: Played) -> None:
    book, venues = it.prepared.opening.book, it.prepared.opening.venues
    for r, before, layers in split_waterfall(it):
        for venue, postings in layers.items():
            rule = int(venues["residual"][venue])
            taken: dict[int, int] = defaultdict(int)
            for p in postings:
                if p.kind == codes.BY_RESIDUAL:
                    taken[p.id] -= p.amount
            if rule == codes.RESIDUALS["own_equity"]:
                assert not taken
                continue
            own = int(venues["inventory"][venue])  # the venue's own gains are not its customers' profits
            holders = [i for i in range(len(book.venue)) if book.venue[i] == venue and i != own]
            rooms = {i: room(it, before, i, r, rule) for i in holders}
            for i, money in taken.items():
                number = int(book.count[i])
                assert money % number == 0
                assert money // number <= ceil(rooms[i])
            own = -paid(postings, codes.BY_OWN_EQUITY, codes.NODE)
            if own > 0:
                for i in holders:
                    number = int(book.count[i])
                    left = int(rooms[i]) - taken[i] // number
                    # what does not divide by `count` cannot be taken from a row that acts as one
                    assert left <= QUANTUM or own < number


@given(seeds)
def test_a8_a_layer_is_used_only_when_the_one_before_is_exhausted(seed: int) -> None:
    a8_a_layer_is_used_only_when_the_one_before_is_exhausted(played(seed))


def a8_contributions_own_capital_and_assessments_pay_in_this_order_up_to_their_limits(it: Played) -> None:
    book, venues, nodes = it.prepared.opening.book, it.prepared.opening.venues, it.state.venues["node"]
    pledged = [int(venue["own_capital"]) for venue in venues]
    owed = [
        int(float(venues["assessment"][v]) * float(book.member_contribution[j]))
        for v in range(len(venues))
        for j in range(book.member_indptr[v], book.member_indptr[v + 1])
    ]
    pairs = zip(it.state.node_failed_at, it.state.node_failed, strict=True)
    failed_at = [float(at) if gone else inf for at, gone in pairs]
    for r, before, layers in split_waterfall(it):
        now = defaultdict(int, before)
        for v, postings in layers.items():
            need = paid(postings, codes.BY_FUND, codes.ACCOUNT) + paid(postings, codes.BY_FUND, codes.FUND)
            first = own_contributions(it, now, postings)
            need -= sum(first.values())
            capital = -paid(postings, codes.BY_OWN_CAPITAL, codes.NODE)
            assert capital == min(need, pledged[v], max(0, now[codes.NODE, int(nodes[v]), codes.MONEY]))
            pledged[v] -= capital
            need -= capital
            members = range(int(book.member_indptr[v]), int(book.member_indptr[v + 1]))
            prefunded = {j: now[codes.DEFAULT_FUND, j, codes.MONEY] - first.get(j, 0) for j in members}
            used = {j: -money for j, money in first.items()}
            for p in postings:
                if p.kind == codes.BY_DEFAULT_FUND:
                    used[p.id] = used.get(p.id, 0) - p.amount
            assert sum(used.values()) == min(need, sum(prefunded.values()))
            share = Fraction(min(need, sum(prefunded.values())), max(1, sum(prefunded.values())))
            for j in members:
                assert 0 <= used.get(j, 0) <= prefunded[j]
                assert abs(used.get(j, 0) - share * prefunded[j]) <= QUANTUM * len(members)
            need -= sum(used.values())
            time = float(it.state.rounds["time"][r])
            called = {p.id: -p.amount for p in postings if p.kind == codes.BY_ASSESSMENT}
            caps = {
                int(book.member_node[j]): max(
                    0, min(owed[j], now[codes.NODE, int(book.member_node[j]), codes.MONEY])
                )
                for j in members
                if failed_at[int(book.member_node[j])] >= time
            }
            assert sum(called.values()) == min(need, sum(caps.values()))
            for j in members:
                money = called.get(int(book.member_node[j]), 0)
                assert 0 <= money <= caps.get(int(book.member_node[j]), 0)
                owed[j] -= money
            for p in postings:
                now[p.key] += p.amount


@given(seeds)
def test_a8_contributions_own_capital_and_assessments_pay_in_this_order_up_to_their_limits(seed: int) -> None:
    a8_contributions_own_capital_and_assessments_pay_in_this_order_up_to_their_limits(played(seed))


def a8_haircuts_go_by_rank_or_exactly_pro_rata(it: Played) -> None:
    book, venues = it.prepared.opening.book, it.prepared.opening.venues
    for r, before, layers in split_waterfall(it):
        for venue, postings in layers.items():
            rule = int(venues["residual"][venue])
            taken = {
                p.id: -p.amount // int(book.count[p.id]) for p in postings if p.kind == codes.BY_RESIDUAL
            }
            if not taken:
                continue
            own = int(venues["inventory"][venue])  # the venue's own gains are not its customers' profits
            holders = [i for i in range(len(book.venue)) if book.venue[i] == venue and i != own]
            rooms = {i: room(it, before, i, r, rule) for i in holders}
            if rule == codes.RESIDUALS["profit_queue"]:
                short = [
                    rooms[i] for i in holders if rooms[i] - taken.get(i, 0) > QUANTUM and book.count[i] == 1
                ]
                for i in taken:
                    assert all(rooms[i] >= other - QUANTUM for other in short)
            else:
                capacity = sum((int(rooms[i]) * int(book.count[i]) for i in holders), 0)
                due = sum(money * int(book.count[i]) for i, money in taken.items())
                due -= paid(postings, codes.BY_OWN_EQUITY, codes.NODE)
                share = min(Fraction(1), Fraction(due, capacity))
                # what rows of several accounts cannot divide falls to rows of one: at most the largest count
                rest = int(max(book.count[i] for i in holders))
                for i in holders:
                    assert abs(taken.get(i, 0) - rooms[i] * share) <= (1 + rest) * QUANTUM


@given(seeds)
def test_a8_haircuts_go_by_rank_or_exactly_pro_rata(seed: int) -> None:
    a8_haircuts_go_by_rank_or_exactly_pro_rata(played(seed))


def a8_the_counters_of_a_venue_are_its_layers_and_no_fund_is_ever_negative(it: Played) -> None:
    for venue in it.state.venues:
        layers = sum(int(venue[name]) for name in ("fund_used", "residual_paid", "own_paid", "uncovered"))
        layers += sum(int(venue[name]) for name in ("own_capital_paid", "default_fund_paid", "assessed"))
        assert int(venue["bad_debt"]) == layers
        assert 0 <= int(venue["own_contributions_paid"]) <= int(venue["default_fund_paid"])
    balance = it.opening_balances()
    for posting in it.postings:
        balance[posting.key] += posting.amount
        if posting.entity in (codes.FUND, codes.DEFAULT_FUND):
            assert balance[posting.key] >= 0


@given(seeds)
def test_a8_the_counters_of_a_venue_are_its_layers_and_no_fund_is_ever_negative(seed: int) -> None:
    a8_the_counters_of_a_venue_are_its_layers_and_no_fund_is_ever_negative(played(seed))
