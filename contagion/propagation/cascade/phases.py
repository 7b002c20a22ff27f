"""The phases of a round, each compiled by itself, and all rounds in one go.

Both drivers call these kernels: the compiled one from `advance`, by address, the Python one with hooks in between. Each
is compiled once and has its own copy on disk, so that several processes can compile them side by side
(`contagion.warmup`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from contagion.addresses import addresses, call
from contagion.compiled import kernel
from contagion.propagation.cascade import breakers, kernels, rounds, standing


@kernel
def begin(book: Any, state: Any) -> None:
    """Phase 1: revalue."""
    rounds.begin(book, state)


@kernel
def reset_rules(book: Any, state: Any) -> None:
    """Margin and weights as the tables have them."""
    standing.reset_rules(state)


@kernel
def standing_row(book: Any, state: Any, p: int) -> None:
    """A built-in policy that acts before the look."""
    standing.standing_row(book, state, p)


@kernel
def receive(book: Any, state: Any) -> None:
    """Phase 2a: top-ups arrive."""
    rounds.receive(book, state)


@kernel
def look(book: Any, state: Any) -> None:
    """The look at every account."""
    kernels.look(book, state)


@kernel
def order(book: Any, state: Any) -> None:
    """Phases 2b and 3: calls and orders."""
    rounds.order(book, state)


@kernel
def status_row(book: Any, state: Any, p: int) -> None:
    """A built-in halt."""
    breakers.status_row(book, state, p)


@kernel
def shut(book: Any, state: Any) -> None:
    """Phase 4a: the shut markets stand."""
    rounds.shut(book, state)


@kernel
def limits_row(book: Any, state: Any, p: int) -> None:
    """A built-in price band."""
    breakers.limits_row(state, p)


@kernel
def orders_row(book: Any, state: Any, p: int) -> None:
    """A built-in throttle."""
    breakers.orders_row(state, p)


@kernel
def trade(book: Any, state: Any) -> None:
    """Phases 4 and 5a: ranking, routing, fill."""
    rounds.trade(book, state)


@kernel
def end(book: Any, state: Any) -> None:
    """Phases 5b and 6, and the stop rule."""
    rounds.end(book, state)


PHASES = (begin, reset_rules, receive, look, order, shut, trade, end)
ROWS = (standing_row, status_row, limits_row, orders_row)


@kernel
def all_rounds(book: Any, state: Any, phases: Any, rows: Any) -> None:
    """All rounds with built-in policies only; `phases` and `rows` say where `PHASES` and `ROWS` are."""
    begin_at, reset_at, receive_at, look_at, order_at, shut_at, trade_at, end_at = phases
    standing_at, status_at, limits_at, orders_at = rows
    n_policies = state.policies.shape[0]
    while not state.clock[0].done and state.clock[0].round <= state.clock[0].last_round:
        call(begin_at, book, state)
        call(reset_at, book, state)
        for p in range(n_policies):
            call(standing_at, book, state, p)
        call(receive_at, book, state)
        call(look_at, book, state)
        call(order_at, book, state)
        for p in range(n_policies):
            call(status_at, book, state, p)
        call(shut_at, book, state)
        for p in range(n_policies):
            call(limits_at, book, state, p)
        for p in range(n_policies):
            call(orders_at, book, state, p)
        for v in range(state.venues.shape[0]):
            venue = state.venues[v]
            venue.fund_limit = venue.residual_limit = np.inf
        call(trade_at, book, state)
        call(end_at, book, state)


def advance(book: Any, state: Any) -> None:
    """All rounds with built-in policies only; returns when done or when the tables of rounds are full."""
    all_rounds(book, state, addresses(PHASES, book, state), addresses(ROWS, book, state, 0))
