"""The phases of a round as the Python driver calls them, one by one.

They are the same kernels that the compiled driver runs in one go; they are compiled when a policy written in Python
first needs them.
"""

from __future__ import annotations

from typing import Any

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
