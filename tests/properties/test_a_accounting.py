"""Invariants A1 to A5: money and lots are neither made nor lost, whatever happens in a random world."""

from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
from hypothesis import example, given

from contagion.propagation.cascade import codes
from tests.properties.replay import Played, Posting, asset_prices, perp_prices, played, seeds, worth_at

TRADES = (
    codes.BY_LIQUIDATION,
    codes.BY_ADL,
    codes.BY_UNWIND,
    codes.BY_ARBITRAGE,
    codes.BY_VENUE_DEFAULT,
    codes.BY_TAKEOVER,
    codes.BY_SEIZURE,
    codes.BY_REPAYMENT,
    codes.BY_REACTION,
    codes.BY_HEDGE,
    codes.BY_EXPIRY,
    codes.BY_DELTA_HEDGE,
    codes.BY_MODEL_CLOSE,
)
TOKENS = -1  # entity of what an issuer owes in tokens
GIVES = (codes.BY_TOP_UP, codes.BY_FUND)
TAKES = (codes.BY_FEE, codes.BY_RESIDUAL, codes.BY_WITHDRAWAL, codes.BY_PAYOUT)


def transactions(it: Played) -> Iterator[list[Posting]]:
    """The ledger cut wherever money and every kind of lots stand balanced: one event, or one with what it sets off."""
    sums: dict[int, int] = defaultdict(int)
    rows: list[Posting] = []
    for posting in it.postings:
        sums[posting.instrument] += posting.amount
        rows.append(posting)
        if not any(sums.values()):
            yield rows
            rows = []
    assert not rows


def a1_every_transaction_is_double_entry(it: Played) -> None:
    joint = {  # one deficit, paid by several layers
        codes.BY_FUND,
        codes.BY_OWN_CAPITAL,
        codes.BY_DEFAULT_FUND,
        codes.BY_ASSESSMENT,
        codes.BY_RESIDUAL,
        codes.BY_OWN_EQUITY,
    }
    for rows in transactions(it):
        assert len({posting.round for posting in rows}) == 1
        reasons = {posting.kind for posting in rows}
        assert len(reasons) == 1 or reasons <= joint
        # fills, fees, calls and defaults are one event each; deleveraging and the waterfall move several holders
        assert len({posting.event for posting in rows}) == 1 or reasons <= {codes.BY_ADL, *joint}


@given(seeds)
def test_a1_every_transaction_is_double_entry(seed: int) -> None:
    a1_every_transaction_is_double_entry(played(seed))


def a1_postings_of_an_event_stand_together_and_name_an_event_of_their_round(it: Played) -> None:
    order = [posting.event for posting in it.postings]
    assert order == sorted(order)
    for posting in it.postings:
        assert it.events[posting.event]["round"] == posting.round


@given(seeds)
@example(304)  # a deficit in the first round, before any other event
def test_a1_postings_of_an_event_stand_together_and_name_an_event_of_their_round(seed: int) -> None:
    a1_postings_of_an_event_stand_together_and_name_an_event_of_their_round(played(seed))


def a1_the_sum_of_events_is_final_minus_initial_state_of_every_account(it: Played) -> None:
    balance = it.opening_balances()
    for posting in it.postings:
        balance[posting.key] += posting.amount
    final = it.closing_balances()
    for key in {*balance, *final}:
        if key[0] == codes.OUTSIDE and key[2] == codes.EXTERNAL:
            continue  # the world outside is a counterparty without a balance sheet
        assert balance[key] == final[key], f"{codes.ENTITIES[key[0]]} {key[1]}, instrument {key[2]}"


@given(seeds)
def test_a1_the_sum_of_events_is_final_minus_initial_state_of_every_account(seed: int) -> None:
    a1_the_sum_of_events_is_final_minus_initial_state_of_every_account(played(seed))


def a2_the_change_of_every_accounts_equity_is_explained_by_its_parts(it: Played) -> None:
    balance, book = it.opening_balances(), it.prepared.opening.book
    n = len(book.count)
    start = [it.equity(balance, i, it.first - 1) * int(book.count[i]) for i in range(n)]
    explained = [Fraction(0)] * n
    for r, postings in it.by_round.items():
        for i in range(n):
            for m in it.legs[i]:
                explained[i] += balance[codes.ACCOUNT, i, m] * (it.mark(r, m) - it.mark(r - 1, m))
            for s, lots in it.coins_of(balance, i).items():
                explained[i] += lots * int(book.count[i]) * (it.coin_price(r, s) - it.coin_price(r - 1, s))
        for posting in postings:
            balance[posting.key] += posting.amount
            if posting.entity == codes.ACCOUNT:
                lots = posting.instrument >= 0
                of_market = posting.instrument < len(it.state.markets)
                paid_in_coins = posting.kind in (codes.BY_FUNDING, codes.BY_EXPIRY) and not of_market
                assert not lots or posting.kind in TRADES or paid_in_coins
                assert posting.kind not in GIVES or posting.amount > 0
                assert posting.kind not in TAKES or posting.amount < 0
                price = it.price(r, posting) if lots else Fraction(1)
                explained[posting.id] += posting.amount * price
    final, last = it.closing_balances(), it.n_rounds - 1
    for i in range(n):
        assert it.equity(final, i, last) * int(book.count[i]) - start[i] == explained[i]


@given(seeds)
def test_a2_the_change_of_every_accounts_equity_is_explained_by_its_parts(seed: int) -> None:
    a2_the_change_of_every_accounts_equity_is_explained_by_its_parts(played(seed))


def total_by_instrument(balance: dict[tuple[int, int, int], int]) -> dict[int, int]:
    total: dict[int, int] = defaultdict(int)
    for (_, _, instrument), amount in balance.items():
        total[instrument] += amount
    return {instrument: amount for instrument, amount in total.items() if amount}


def a3_the_system_as_a_whole_holds_what_it_held(it: Played) -> None:
    before, after = total_by_instrument(it.opening_balances()), total_by_instrument(it.closing_balances())
    # what is owed to or by the world outside is cancelled with it; all else is conserved
    for total in (before, after):
        total.pop(codes.EXTERNAL, None)
    assert before == after


@given(seeds)
def test_a3_the_system_as_a_whole_holds_what_it_held(seed: int) -> None:
    a3_the_system_as_a_whole_holds_what_it_held(played(seed))


def net_identity(it: Played) -> tuple[Fraction, Fraction]:
    """Both sides of the net identity of the cascade chapter, section 5, in quanta."""
    book, state = it.prepared.opening.book, it.state
    first, last = it.opening_balances(), it.closing_balances()
    final_row = min(it.n_rounds - 1, len(state.outside) - 1)
    outside = perp_prices(it, "outside"), asset_prices(it, state.outside[final_row])
    closing = perp_prices(it, "mark"), asset_prices(it, state.index)
    owed = asset_prices(it, state.outside[final_row] * state.recovery)
    owner = {**{(codes.ACCOUNT, i): n for i, n in enumerate(book.owner.tolist())}}
    owner |= {(codes.NODE, n): n for n in range(len(book.counted))}
    owner |= {(codes.FUND, v): int(n) for v, n in enumerate(state.venues["node"])}
    owner |= {(codes.DEFAULT_FUND, j): int(n) for j, n in enumerate(book.member_node)}
    owner |= {(TOKENS, a): int(n) for a, n in enumerate(book.issuer) if n >= 0}
    counted = book.counted.tolist()

    def is_counted(holder: tuple[int, int]) -> bool:
        return holder in owner and counted[owner[holder]]

    at_outside, now_outside, now_closing = (
        worth_at(it, first, *outside),
        worth_at(it, last, *outside),
        worth_at(it, last, *closing),
    )
    for a in np.flatnonzero(book.issuer >= 0).tolist():  # tokens are debts of their issuers
        opened, left = int(it.prepared.opening.issued[a]), int(state.issued[a])
        at_outside[TOKENS, a] = -opened * outside[1][a]
        now_outside[TOKENS, a], now_closing[TOKENS, a] = -left * outside[1][a], -left * owed[a]
        now_outside[codes.OUTSIDE, 0] += (left - opened) * outside[1][a]  # who minted has them, sold or not
    lost = sum(
        (at_outside[h] - now_closing[h] for h in {*at_outside, *now_closing} if is_counted(h)), Fraction(0)
    )
    gained = sum(
        (now_outside[h] - at_outside[h] for h in {*at_outside, *now_outside} if not is_counted(h)),
        Fraction(0),
    )
    pressure = sum((now_outside[h] - now_closing[h] for h in now_closing if is_counted(h)), Fraction(0))
    forgiven = sum(
        p.amount for p in it.postings if p.entity == codes.OUTSIDE and p.instrument == codes.EXTERNAL
    )
    return lost, gained + pressure + forgiven


def a3_the_net_identity_of_losses_gains_and_pressure_is_exact(it: Played) -> None:
    lost, explained = net_identity(it)
    assert lost == explained


@given(seeds)
def test_a3_the_net_identity_of_losses_gains_and_pressure_is_exact(seed: int) -> None:
    a3_the_net_identity_of_losses_gains_and_pressure_is_exact(played(seed))


@given(seeds)
def test_a3_the_metrics_are_the_exact_losses_up_to_the_rounding_of_their_sums(seed: int) -> None:
    it = played(seed)
    found = dict(zip(it.prepared.metric_names, it.prepared.measured(it.world.shock, it.state), strict=True))
    lost, _ = net_identity(it)
    gross = sum(abs(amount) for key, amount in it.opening_balances().items() if key[2] < 0) or 1
    scale = it.prepared.opening.units.scale
    assert abs(Fraction(found["system_loss"] - found["system_gain"]) * Fraction(scale) - lost) <= Fraction(
        gross, 10**9
    )


def a4_what_failing_nodes_pay_arrives_and_is_no_more_than_what_they_owe(it: Played) -> None:
    for _, rows in it.by_event:
        paid = [p for p in rows if p.kind == codes.BY_NODE_DEFAULT]
        for instrument in (codes.MONEY, codes.CLAIM, codes.EXTERNAL):
            assert sum(p.amount for p in paid if p.instrument == instrument) == 0
        received: dict[int, int] = defaultdict(int)
        claims: dict[int, int] = defaultdict(int)
        for p in paid:
            failing = p.id == int(it.events[p.event]["node"])
            if p.entity == codes.NODE and not failing:
                (received if p.instrument == codes.MONEY else claims)[p.id] += p.amount
            elif p.entity == codes.NODE and p.instrument == codes.MONEY:
                assert p.amount <= 0
        assert all(0 <= money <= -claims[node] for node, money in received.items())


@given(seeds)
def test_a4_what_failing_nodes_pay_arrives_and_is_no_more_than_what_they_owe(seed: int) -> None:
    a4_what_failing_nodes_pay_arrives_and_is_no_more_than_what_they_owe(played(seed))


def a5_longs_are_shorts_after_every_transaction(it: Played) -> None:
    balance = it.opening_balances()
    perps = [m for m in range(len(it.state.markets)) if it.state.markets["kind"][m] == codes.PERP]
    net = {m: sum(amount for key, amount in balance.items() if key[2] == m) for m in perps}
    assert not any(net.values())
    for postings in transactions(it):
        for posting in postings:
            if posting.instrument in net:
                net[posting.instrument] += posting.amount
        assert not any(net.values()), f"event {postings[-1].event}"


@given(seeds)
def test_a5_longs_are_shorts_after_every_transaction(seed: int) -> None:
    a5_longs_are_shorts_after_every_transaction(played(seed))


def a5_profits_of_all_holders_sum_to_zero_in_every_round_before_fees(it: Played) -> None:
    perps = {m for m in range(len(it.state.markets)) if it.state.markets["kind"][m] == codes.PERP}
    lots: dict[int, int] = defaultdict(int)
    for (_, _, instrument), amount in it.opening_balances().items():
        if instrument in perps:
            lots[instrument] += amount
    for r, postings in it.by_round.items():
        profit = sum((lots[m] * (it.mark(r, m) - it.mark(r - 1, m)) for m in perps), Fraction(0))
        for posting in postings:
            if posting.kind in TRADES:
                if posting.instrument in perps:
                    lots[posting.instrument] += posting.amount
                    profit += posting.amount * it.mark(r, posting.instrument)
                elif posting.instrument == codes.MONEY:
                    profit += posting.amount
        assert profit == 0, f"round {r}"


@given(seeds)
def test_a5_profits_of_all_holders_sum_to_zero_in_every_round_before_fees(seed: int) -> None:
    a5_profits_of_all_holders_sum_to_zero_in_every_round_before_fees(played(seed))
