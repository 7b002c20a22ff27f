"""One round as a sequence of phases, with places between them where policies speak.

Both drivers call these phases in this order: the compiled one in one go, the Python one with hooks in between. So a run
has the same bits in both.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from contagion.compiled import inner
from contagion.propagation.cascade import calls, kernels, liquidate
from contagion.propagation.cascade.arbitrage import arbitrage, crowd
from contagion.propagation.cascade.attacking import attacks_to_come
from contagion.propagation.cascade.breakers import (
    count_halted,
    open_markets,
    shut_caps,
)
from contagion.propagation.cascade.codes import PYTHON
from contagion.propagation.cascade.default import defaults
from contagion.propagation.cascade.deleverage import route
from contagion.propagation.cascade.delta_hedges import fill_delta_hedges, hedges_to_come, plan_hedges
from contagion.propagation.cascade.divert import divert
from contagion.propagation.cascade.execute import (
    add_flow,
    cap_by_book,
    cap_by_throughput,
    rank,
    take,
)
from contagion.propagation.cascade.expiries import expiry_to_come, settle_expired
from contagion.propagation.cascade.funding import funding_to_come, pay_funding
from contagion.propagation.cascade.gas import update_base_fees
from contagion.propagation.cascade.inventories import holds_inventory
from contagion.propagation.cascade.members import replenish
from contagion.propagation.cascade.minting import still_minting
from contagion.propagation.cascade.oracles import prices_to_come
from contagion.propagation.cascade.payouts import pay_out, payout_to_come
from contagion.propagation.cascade.pool_shares import rebalance_pools
from contagion.propagation.cascade.ranking import rank_again
from contagion.propagation.cascade.reactions import fill_owners, react
from contagion.propagation.cascade.recoveries import put_in_force
from contagion.propagation.cascade.revalue import after_marks, moves_outside, revalue, settle_displacement
from contagion.propagation.cascade.scan_risks import set_risks
from contagion.propagation.cascade.settle import fill
from contagion.propagation.cascade.settle_loans import fill_loans
from contagion.propagation.cascade.takeover import fill_inventories, keep_paths
from contagion.propagation.cascade.unwinding import trim_unwinding
from contagion.propagation.cascade.waterfall import pay_deficits, total_funds
from contagion.propagation.cascade.withdrawals import withdraw

look, deliver, place = kernels.look, calls.deliver, calls.place
decide, ask = liquidate.decide, liquidate.ask


@inner
def begin(book: Any, state: Any) -> None:
    """Phase 1: revalue."""
    state.clock[0].time = state.clock[0].round * state.clock[0].step
    put_in_force(state)
    revalue(book, state)


@inner
def receive(book: Any, state: Any) -> None:
    """Phase 2a: the marks stand; funding is paid; top-ups that are due arrive."""
    after_marks(book, state)
    settle_expired(book, state)
    rebalance_pools(book, state)
    set_risks(book, state)
    crowd(book, state)
    pay_funding(book, state)
    pay_out(book, state)
    deliver(book, state)


@inner
def order(book: Any, state: Any) -> None:
    """Phases 2b and 3: calls are placed, orders decided and added up; markets open but for failed venues."""
    place(book, state)
    rank_again(book, state)
    decide(book, state)
    react(book, state)
    trim_unwinding(book, state)
    plan_hedges(book, state)
    ask(book, state)
    open_markets(state)


@inner
def shut(book: Any, state: Any) -> None:
    """Phase 4a, after every policy has said which markets are shut."""
    count_halted(state)
    shut_caps(state)


@inner
def trade(book: Any, state: Any) -> None:
    """Phases 4 and 5a, after every policy has capped the orders: rank, trial price, routing, fill."""
    shut_caps(state)
    cap_by_throughput(state)
    cap_by_book(book, state)
    rank(state)
    take(book, state)
    route(book, state)
    fill(book, state)
    fill_delta_hedges(book, state)
    fill_loans(book, state)
    fill_inventories(book, state)
    fill_owners(book, state)


@inner
def end(book: Any, state: Any) -> None:
    """Phases 5b and 6: the waterfall, decay, arbitrage, withdrawals, defaults; then the stop rule."""
    pay_deficits(book, state)
    update_base_fees(state)
    replenish(state)
    add_flow(state)
    divert(book, state)
    if state.clock[0].arbitrage:
        arbitrage(book, state)
    withdraw(book, state)
    defaults(book, state)
    total_funds(state)
    keep_paths(book, state)
    stop_or_go_on(book, state)


@inner
def nothing_will_change(state: Any) -> bool:
    """In the timeless limit: orders that the book did not take this round will never be taken, unless a halt ends."""
    for p in range(state.policies.shape[0]):
        if state.policies[p].kind == PYTHON:
            return False
        for m in range(state.markets.shape[0]):
            if state.breakers[p, m].active and state.breakers[p, m].until < np.inf:
                return False
    return True


@inner
def is_busy(book: Any, state: Any) -> bool:
    """Whether something is liquidatable, due, unwinding or moving outside, or happened this round."""
    clock = state.clock[0]
    if clock.acted or clock.n_calls > 0 or clock.n_recalls > 0:
        return True
    if moves_outside(state) or funding_to_come(state) or expiry_to_come(state) or payout_to_come(state):
        return True
    if clock.n_acting > clock.n_waiting and not (clock.sticky and nothing_will_change(state)):
        return True
    waits = still_minting(state) or attacks_to_come(state)
    if waits and not (clock.sticky and nothing_will_change(state)):
        return True
    for s in range(state.strategies.shape[0]):
        if state.strategies[s].pending_long > 0.0 or state.strategies[s].pending_short > 0.0:
            return True
    waits = hedges_to_come(state) or holds_inventory(book, state)
    if waits and not (clock.sticky and nothing_will_change(state)):
        return True
    return prices_to_come(state)


@inner
def stop_or_go_on(book: Any, state: Any) -> None:
    """When nothing goes on, set the temporary displacement to its settled value and look once more; then stop."""
    clock = state.clock[0]
    if is_busy(book, state):
        clock.settled = False
    elif clock.settled:
        clock.done = True
    else:
        settle_displacement(state)
        clock.settled = True
    clock.round += 1
