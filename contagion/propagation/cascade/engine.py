"""The two drivers of a cascade: all rounds compiled, or round by round with Python policies in between.

Both call the phases of `rounds` in the same order, so a run has the same bits in both. Records are arrays of a guessed
length; a run that outgrows them is repeated with arrays that fit, which changes nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from contagion.errors import ConvergenceError
from contagion.policies.base import Policy
from contagion.propagation.cascade import phases
from contagion.propagation.cascade.build import Opening
from contagion.propagation.cascade.codes import PYTHON
from contagion.propagation.cascade.hooks import Hooks
from contagion.propagation.cascade.layout import State
from contagion.propagation.cascade.packing import pack_state
from contagion.propagation.cascade.reference import look as plain_look
from contagion.propagation.cascade.state import grow

LONGEST = 1 << 22  # rounds; a run without horizon that gets here is not going to end


def must_grow(state: State, endless: bool) -> bool:
    """Whether the run wants more rounds than its tables have and may have them."""
    if state.clock["done"][0] or not endless:
        return False
    if len(state.rounds) >= LONGEST:
        busy = int(state.clock["n_acting"][0])
        raise ConvergenceError(
            f"cascade: {LONGEST} rounds without an end, {busy} accounts still act; "
            "a policy may return no orders for ever"
        )
    return True


def checked(opening: Opening, state: State) -> State:
    """The state, unless a clearing vector did not settle."""
    if state.clock["unsettled"][0]:
        gap = np.abs(state.payments - np.minimum(state.payments, state.own_resources + state.fixed_debt))
        raise ConvergenceError(
            f"cascade: the clearing vector did not settle by round {int(state.clock['round'][0])}; "
            f"worst node {opening.names.nodes[int(np.argmax(gap))]!r}, gap {float(gap.max()) / opening.units.scale:.3g}"
        )
    return state


def drive_compiled(opening: Opening, state: State, endless: bool) -> State:
    """All rounds in compiled code."""
    phases.advance(opening.packed, pack_state(state))
    while must_grow(state, endless):
        state = grow(state)
        phases.advance(opening.packed, pack_state(state))
    return checked(opening, state)


def drive_python(
    opening: Opening, state: State, endless: bool, policies: Sequence[Policy], look: str = "compiled"
) -> State:
    """The same phases one by one, with the hooks of Python policies between them."""
    hooks = Hooks(opening, policies)
    while not state.clock["done"][0]:
        if state.clock["round"][0] > state.clock["last_round"][0]:
            if not must_grow(state, endless):
                break
            state = grow(state)
        one_round(opening, state, hooks, look)
    return checked(opening, state)


def one_round(opening: Opening, state: State, hooks: Hooks, look: str) -> None:
    """One round of the Python driver."""
    book, packed = opening.packed, pack_state(state)
    phases.begin(book, packed)
    hooks.marks(state)
    places = [int(place) for place in state.policies["place"]]
    python = state.policies["kind"] == PYTHON
    phases.reset_rules(book, packed)
    for p, place in enumerate(places):
        if python[p]:
            hooks.requirement(state, place)
        else:
            phases.standing_row(book, packed, p)
    hooks.haircuts(state)
    hooks.cash(state)
    phases.receive(book, packed)
    if look == "numpy":
        plain_look(opening.book, state)
    else:
        phases.look(book, packed)
    phases.order(book, packed)
    for p, place in enumerate(places):
        if python[p]:
            hooks.status(state, place)
        else:
            phases.status_row(book, packed, p)
    phases.shut(book, packed)
    for p, place in enumerate(places):
        if python[p]:
            hooks.limits(state, place)
        else:
            phases.limits_row(book, packed, p)
    for p, place in enumerate(places):
        if python[p]:
            hooks.orders(state, place)
        else:
            phases.orders_row(book, packed, p)
    for name in ("fund_limit", "residual_limit"):
        state.venues[name] = np.inf
    phases.trade(book, packed)
    hooks.waterfall(state)
    phases.end(book, packed)
