"""Where every movement of money and lots is written down: events and the double-entry ledger.

A run without records (one of thousands in a comparison) has arrays of length 0 here; the counters go on, so that a run
whose records did not fit can be repeated with arrays of the right length.
"""

from __future__ import annotations

from typing import Any

from contagion.compiled import inner, kernel
from contagion.propagation.cascade.codes import CLAIM, EXTERNAL, MONEY, NODE, OUTSIDE


@kernel
def note(
    state: Any,
    kind: int,
    account: int,
    node: int,
    venue: int,
    market: int,
    lots: float,
    price: float,
    money: float,
) -> None:
    """Append an event of this round; -1 stands for "none", money is in quanta."""
    clock = state.clock[0]
    at = clock.n_events
    clock.n_events = at + 1
    if at < state.events.shape[0]:
        event = state.events[at]
        event.round, event.time, event.kind = clock.round, clock.time, kind
        event.account, event.node, event.venue, event.market = account, node, venue, market
        event.lots, event.price, event.money = lots, price, money * clock.quantum


@kernel
def post(state: Any, entity: int, identity: int, reason: int, instrument: int, amount: int) -> None:
    """Append one leg of a balanced posting to the ledger; it belongs to the latest event."""
    clock = state.clock[0]
    if amount == 0 or not clock.record:
        return
    at = clock.n_ledger
    clock.n_ledger = at + 1
    if at < state.ledger.shape[0]:
        row = state.ledger[at]
        row.round, row.event, row.entity, row.id = clock.round, clock.n_events - 1, entity, identity
        row.kind, row.instrument, row.amount = reason, instrument, amount


@inner
def pay_node(state: Any, node: int, reason: int, amount: int) -> None:
    """Credit (or debit) a node's cash; the caller posts the other leg."""
    state.node_cash[node] += amount
    post(state, NODE, node, reason, MONEY, amount)


@inner
def pay_outside(state: Any, reason: int, amount: int) -> None:
    """Money that leaves for (or comes from, when negative) creditors and payers outside the network."""
    state.clock[0].outside_paid += amount
    post(state, OUTSIDE, 0, reason, MONEY, amount)


@inner
def cancel_claim(state: Any, debtor: int, creditor: int, reason: int, amount: int) -> None:
    """Remove a claim from both balance sheets."""
    post(state, NODE, creditor, reason, CLAIM, -amount)
    post(state, NODE, debtor, reason, CLAIM, amount)


@inner
def cancel_external(state: Any, node: int, reason: int, amount: int) -> None:
    """Remove assets (positive) or debts (negative) held against the world outside."""
    post(state, NODE, node, reason, EXTERNAL, -amount)
    post(state, OUTSIDE, 0, reason, EXTERNAL, amount)
