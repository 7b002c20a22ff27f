"""The phases of a round, each compiled by itself, and all rounds in one go.

Both drivers call these kernels: the compiled one from `advance`, the Python one with hooks in between. Each has its own
copy on disk, so that several processes can compile them side by side (`contagion.warmup`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from contagion.compiled import kernel
from contagion.propagation.cascade import breakers, kernels, rounds, standing


@kernel
def begin(book: Any, state: Any) -> None:
    """Phase 1: revalue."""
    rounds.begin(book, state)


@kernel
def reset_rules(state: Any) -> None:
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
def limits_row(state: Any, p: int) -> None:
    """A built-in price band."""
    breakers.limits_row(state, p)


@kernel
def orders_row(state: Any, p: int) -> None:
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


@kernel
def advance(book: Any, state: Any) -> None:
    """All rounds with built-in policies only; returns when done or when the tables of rounds are full."""
    n_policies = state.policies.shape[0]
    while not state.clock[0].done and state.clock[0].round <= state.clock[0].last_round:
        begin(book, state)
        reset_rules(state)
        for p in range(n_policies):
            standing_row(book, state, p)
        receive(book, state)
        look(book, state)
        order(book, state)
        for p in range(n_policies):
            status_row(book, state, p)
        shut(book, state)
        for p in range(n_policies):
            limits_row(state, p)
        for p in range(n_policies):
            orders_row(state, p)
        for v in range(state.venues.shape[0]):
            venue = state.venues[v]
            venue.fund_limit = venue.residual_limit = np.inf
        trade(book, state)
        end(book, state)
