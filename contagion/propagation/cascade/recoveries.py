"""What is a token worth whose issuer cannot cover all of them? The recovery rates of issuers.

At the end of step 6 every issuer's rate is read off the greatest clearing vector of claims and tokens together: what
others hold of a token is owed to them at its reference price, pari passu with all other debts. Prices follow in the
next round. The rate is 1 while the issuer's resources cover what he owes, and goes up again when they do; when he has
failed and been settled it stays where the settlement left it. No rate is below `LEAST`: prices stay above 0.

Tokens that watched nodes hold outright are claims on their issuers in the clearing network, solved exactly, loops of
issuers included. What a holder's market price is below the reference price is lost to him whatever the rate; what it
is above counts at the rate in force. Tokens in margin accounts count with the equity of the account, which is never
below 0: for them the rates fall from 1 towards the greatest fixed point, until what is left of the fall is below
`SETTLED`. Debts in tokens and positions in markets of tokens follow with the prices of the next round.

References
----------
Eisenberg, Noe (2001), theorem 1: the greatest clearing vector. Suzuki (2002) for claims held among firms. `LEAST` is an
assumption without consequence: one millionth of the reference price.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from contagion.compiled import inner
from contagion.propagation.cascade.books import note
from contagion.propagation.cascade.codes import EVENT_ISSUER, ISSUER_LOSS
from contagion.propagation.cascade.kernels import balance_in, value_account
from contagion.propagation.cascade.sheets import (
    SLACK,
    outstanding,
    owed_by,
    own_coins,
    token_price,
)
from contagion.propagation.clearing_kernels import clear

LEAST = 2.0**-20
SETTLED = 1e-15
MOST = 10_000  # falls of the rates, where accounts hold tokens


@inner
def put_in_force(state: Any) -> None:
    """The rates of the end of the last round are those of this round's prices."""
    for a in range(state.recovery.shape[0]):
        state.recovery[a] = state.recovered[a]


@inner
def loose_tokens(book: Any, state: Any) -> Any:
    """Assets whose recovery rate is not settled: those of issuers that have not failed."""
    loose = np.zeros(book.issuer.shape[0], np.bool_)
    for a in range(loose.shape[0]):
        loose[a] = book.issuer[a] >= 0 and not state.node_failed[max(0, book.issuer[a])]
    return loose


@inner
def on_haircut(book: Any, state: Any, n: int) -> bool:
    """Whether node `n` owes nothing but tokens and has something left: if it falls short it goes on, they lose."""
    tokens = state.fixed_debt[n] - float(state.external_liabilities[n])
    return bool(
        tokens > 0.0
        and state.external_liabilities[n] == 0
        and owed_by(book, state, n) == 0.0
        and state.own_resources[n] >= 0.0
    )


@inner
def rates(book: Any, state: Any, debts: Any) -> Any:
    """Share of its debts that every node pays: claims, and `debts` beside them."""
    recovery = np.ones(debts.shape[0])
    for n in range(debts.shape[0]):
        total = owed_by(book, state, n) + debts[n]
        if total > 0.0:
            recovery[n] = state.payments[n] / total
    return recovery


@inner
def clear_with(state: Any, links: Any, own: Any, fixed: Any, balances: Any, debts: Any) -> None:
    """Greatest clearing vector of debts `links`, owners of `own` and debtors of `fixed` outside; fills `debts`."""
    indptr, creditor, amount = links
    assets = np.zeros(own.shape[0])
    for n in range(own.shape[0]):
        assets[n] = max(0.0, own[n] + balances[n])
        debts[n] = fixed[n] + balances[n] + max(0.0, -(own[n] + balances[n]))
    if clear(indptr, creditor, amount, assets, debts, state.payments) < 0:
        state.clock[0].unsettled = True


@inner
def watched_only(book: Any, values: Any) -> Any:
    """The values of watched nodes, 0 for all others."""
    found = np.zeros(values.shape[0])
    for j in range(book.sheet_nodes.shape[0]):
        found[book.sheet_nodes[j]] = values[book.sheet_nodes[j]]
    return found


@inner
def clear_claims(book: Any, state: Any, balances: Any) -> Any:
    """Recovery rate of every node by the greatest clearing vector, customers of failed venues among the creditors."""
    own, fixed = watched_only(book, state.own_resources), watched_only(book, state.fixed_debt)
    debts = np.zeros(own.shape[0])
    links = book.debt_indptr, book.creditor, state.remaining.astype(np.float64)
    clear_with(state, links, own, fixed, balances, debts)
    recovery = rates(book, state, debts)
    loose = loose_tokens(book, state)
    for a in range(loose.shape[0]):
        if loose[a] and (state.recovery[a] < 1.0 or recovery[book.issuer[a]] < 1.0 - SLACK):
            return clear_tokens(book, state, balances, loose)
    return recovery


@inner
def is_claim(book: Any, state: Any, h: int, loose: Any) -> bool:
    """Whether holding `h` is one of tokens whose rate is to be found, in the hands of a watched node."""
    a, n = book.holding_asset[h], book.holding_node[h]
    return bool(loose[a] and state.holding[h] > 0 and book.issuer[a] != n and book.watched[n])


@inner
def token_claims(book: Any, state: Any, loose: Any, own: Any) -> Any:
    """What holding `h` claims from the issuer, in quanta; what it is worth beyond that stays in `own`, all else leaves.

    The claim is the holding at the market's discount to the reference price, at most that price; together no more than
    what is outstanding.
    """
    claims, total = np.zeros(state.holding.shape[0]), np.zeros(loose.shape[0])
    for h in range(claims.shape[0]):
        if is_claim(book, state, h, loose):
            a = book.holding_asset[h]
            lots = float(state.holding[h])
            worth = lots * (state.index[a] * book.asset_lot_scale[a])
            claims[h] = min(worth / state.recovery[a], lots * token_price(book, state, a))
            total[a] += claims[h]
    for a in range(loose.shape[0]):
        if total[a] > 0.0:
            total[a] = min(1.0, outstanding(book, state, a) * token_price(book, state, a) / total[a])
    for h in range(claims.shape[0]):
        if claims[h] > 0.0:
            claims[h] *= total[book.holding_asset[h]]
            own[book.holding_node[h]] -= state.recovery[book.holding_asset[h]] * claims[h]
    return claims


@inner
def linked(book: Any, state: Any, claims: Any) -> Any:
    """Debts between nodes with the claims of tokens among them, sorted by debtor."""
    n_nodes = state.node_cash.shape[0]
    number = np.zeros(n_nodes, np.int64)
    for h in range(claims.shape[0]):
        if claims[h] > 0.0:
            number[book.issuer[book.holding_asset[h]]] += 1
    indptr = np.zeros(n_nodes + 1, np.int64)
    for n in range(n_nodes):
        indptr[n + 1] = indptr[n] + book.debt_indptr[n + 1] - book.debt_indptr[n] + number[n]
    creditor, amount = np.zeros(indptr[n_nodes], np.int64), np.zeros(indptr[n_nodes])
    free = indptr.copy()
    for n in range(n_nodes):
        for c in range(book.debt_indptr[n], book.debt_indptr[n + 1]):
            creditor[free[n]], amount[free[n]] = book.creditor[c], float(state.remaining[c])
            free[n] += 1
    for h in range(claims.shape[0]):
        if claims[h] > 0.0:
            n = book.issuer[book.holding_asset[h]]
            creditor[free[n]], amount[free[n]] = book.holding_node[h], claims[h]
            free[n] += 1
    return indptr, creditor, amount


@inner
def account_change(book: Any, state: Any, i: int, loose: Any, rate: Any) -> float:
    """By how much the equity of account row `i` that counts as its owner's changes at the rates, in quanta."""
    change = 0.0
    for b in range(book.hold_indptr[i], book.hold_indptr[i + 1]):
        slot = state.slots[book.hold_slot[b]]
        a = slot.asset
        if loose[a] and book.issuer[a] != book.owner[i] and balance_in(book, state, i, b) > 0.0:
            worth = balance_in(book, state, i, b)
            change += worth * (rate[a] / state.recovery[a]) - worth
    if change == 0.0:
        return 0.0
    equity, _ = value_account(book, state, i)
    equity = np.floor(equity - own_coins(book, state, i))
    return float((max(0.0, equity + change) - max(0.0, equity)) * float(book.count[i]))


@inner
def revalue_accounts(book: Any, state: Any, loose: Any, rate: Any, own: Any) -> Any:
    """What every node owns when tokens in its accounts are worth the rates, given what it owns at those in force."""
    found = own.copy()
    for j in range(book.sheet_nodes.shape[0]):
        for k in range(book.sheet_indptr[j], book.sheet_indptr[j + 1]):
            found[book.sheet_nodes[j]] += account_change(book, state, book.sheet_accounts[k], loose, rate)
    return found


@inner
def clear_tokens(book: Any, state: Any, balances: Any, loose: Any) -> Any:
    """Recovery rate of every node when tokens are worth what their issuers can pay: the greatest fixed point."""
    own, fixed = watched_only(book, state.own_resources), watched_only(book, state.fixed_debt)
    claims = token_claims(book, state, loose, own)
    outside = fixed.copy()
    for h in range(claims.shape[0]):
        if claims[h] > 0.0:
            n = book.issuer[book.holding_asset[h]]
            outside[n] = max(0.0, outside[n] - claims[h])
    links, debts = linked(book, state, claims), np.zeros(own.shape[0])
    rate, recovery = np.ones(loose.shape[0]), np.ones(own.shape[0])
    before, slowest = 0.0, 1.0
    for _ in range(MOST):
        clear_with(state, links, revalue_accounts(book, state, loose, rate, own), outside, balances, debts)
        for n in range(own.shape[0]):
            total = debts[n] + (fixed[n] - outside[n]) + owed_by(book, state, n)
            recovery[n] = state.payments[n] / total if total > 0.0 else 1.0
        fall = 0.0
        for a in range(rate.shape[0]):
            if loose[a]:
                now = min(rate[a], bounded(recovery[book.issuer[a]]))
                fall = max(fall, rate[a] - now)
                rate[a] = now
        if before > 0.0:
            slowest = max(fall / before, 0.5 * slowest)
        before = fall
        if fall == 0.0 or (slowest < 1.0 and fall * slowest <= SETTLED * (1.0 - slowest)):
            return recovery
    state.clock[0].unsettled = True
    return recovery


@inner
def bounded(recovery: float) -> float:
    """A recovery rate as prices take it: 1 up to the tolerance of clearing, never below the least."""
    return 1.0 if recovery >= 1.0 - SLACK else max(LEAST, recovery)


@inner
def first_market(book: Any, a: int) -> int:
    """First spot market of an asset in its index, -1 where there is none."""
    if book.index_indptr[a + 1] == book.index_indptr[a]:
        return -1
    return int(book.index_market[book.index_indptr[a]])


@inner
def set_recoveries(book: Any, state: Any, loose: Any, recovery: Any) -> None:
    """Tell every loose token's new rate, which is in force from the next round on."""
    for a in range(loose.shape[0]):
        if not loose[a]:
            continue
        n = book.issuer[a]
        before, now = state.recovered[a], bounded(recovery[n])
        if abs(now - before) > SLACK:
            lots = outstanding(book, state, a)
            worth = lots * token_price(book, state, a)
            lost = np.rint((1.0 - now) * worth) - np.rint(
                (1.0 - before) * worth
            )  # what comes back leaves nothing
            market = first_market(book, a)
            at = state.clock[0].n_events
            note(state, EVENT_ISSUER, -1, n, book.venue_of_node[n], market, lots, now, lost)
            if at < state.events.shape[0]:
                state.events[at].traded = a  # which of his tokens
            state.counters[ISSUER_LOSS] += lost
            state.recovered[a] = now
            state.clock[0].acted = True
