"""One scenario's state: made from the opening, set back and used again.

References
----------
performance page, section 1: the book is shared, scratch is per thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from contagion.propagation.cascade.attacking import WIDTH
from contagion.propagation.cascade.build import Opening
from contagion.propagation.cascade.build_attack import attack_rows
from contagion.propagation.cascade.build_mint import mint_rows
from contagion.propagation.cascade.codes import AUCTION, BASIS_WORST, COUNTERS, LENDING
from contagion.propagation.cascade.layout import State
from contagion.propagation.cascade.loans import NONE
from contagion.propagation.cascade.record_tables import EVENT, HISTORY, LEDGER, ROUND
from contagion.propagation.cascade.tables import BREAKER, CLOCK, DEAL
from contagion.shocks import ShockArrays

VOLATILITY_WINDOW = 300.0  # s, over which running volatility is measured (cascade chapter, section 2)


@dataclass(frozen=True)
class Settings:
    """What the model and the driver decide, in the engine's terms."""

    step: float
    horizon: float
    calls: bool = True
    adl: bool = True
    unwinding: bool = True
    arbitrage: bool = True
    defaults: bool = True
    sticky: bool = False
    skip: bool = True


def allocate(
    opening: Opening,
    policies: npt.NDArray[Any],
    covered: npt.NDArray[np.bool_],
    rows: int,
    events: int = 0,
    ledger: int = 0,
) -> State:
    """Arrays of the right sizes for one scenario; `reset` fills them."""
    names = opening.names
    n, m, k = len(names.accounts), len(names.markets), len(names.nodes)
    legs = opening.quantity.size

    def floats(*shape: int) -> npt.NDArray[np.float64]:
        return np.zeros(shape)

    def ints(size: int) -> npt.NDArray[np.int64]:
        return np.zeros(size, dtype=np.int64)

    def bools(size: int) -> npt.NDArray[np.bool_]:
        return np.zeros(size, dtype=np.bool_)

    assets, v = len(names.assets), len(names.venues)
    return State(
        clock=np.zeros(1, CLOCK),
        quantity=floats(legs),
        entry=floats(legs),
        trigger_mark=floats(legs),
        cash=ints(n),
        node_cash=ints(k),
        external_assets=ints(k),
        external_liabilities=ints(k),
        node_failed=bools(k),
        node_failed_at=floats(k),
        forced_default=bools(k),
        holding=ints(opening.holding.size),
        remaining=ints(opening.claim.size),
        payments=floats(k),
        own_resources=floats(k),
        fixed_debt=floats(k),
        markets=opening.markets.copy(),
        venues=opening.venues.copy(),
        strategies=opening.strategies.copy(),
        policies=policies,
        covered=covered,
        breakers=np.zeros((len(policies), m), BREAKER),
        outside=floats(1, assets),
        member_fund=ints(opening.book.member_node.size),
        member_assessed=ints(opening.book.member_node.size),
        shock_depth=floats(1, m),
        shock_withdrawn=floats(1, v),
        shock_outage=np.zeros((1, v), dtype=np.bool_),
        shock_gas=np.ones(1),
        shock_oracle=np.ones((1, v, assets)),
        shock_volatility=np.ones((1, assets)),
        recovery=np.ones(assets),
        recovered=np.ones(assets),
        issued=floats(assets),
        pool=floats(assets, 2),
        risk=floats(m, opening.book.scan_price.size),
        risk_outside=floats(m, opening.book.scan_price.size),
        shock_mint=floats(0, 6),
        shock_attack=floats(0, WIDTH),
        index=floats(assets),
        index_return=floats(rows, assets),
        venue_index=floats(rows, len(names.venues), assets),
        history=np.zeros((rows, m), HISTORY),
        rounds=np.zeros(rows, ROUND),
        events=np.zeros(events, EVENT),
        ledger=np.zeros(ledger, LEDGER),
        counters=floats(len(COUNTERS)),
        equity=floats(n),
        requirement=floats(n),
        due=floats(n),
        calls=ints(n),
        answered=bools(n),
        calling=ints(n),
        reacting=ints(n),
        hedging=ints(legs),
        hedge_wanted=floats(legs),
        hedge_taken=floats(legs),
        on_sale=floats(opening.holding.size),
        sale_market=ints(opening.holding.size),
        recalled=ints(opening.claim.size),
        recall_due=floats(opening.claim.size),
        expected=floats(k),
        called=ints(n),
        selected=bools(n),
        acting=ints(n),
        order=ints(n),
        wanted=floats(legs),
        taken=floats(legs),
        ratio=floats(n),
        touched=bools(n),
        leave=bools(n),
        first_trigger=floats(n),
        trigger_time=floats(n),
        acted_in=ints(n),
        closed_at=floats(n),
        closing_time=floats(n),
        owed=floats(n),
        liquidated=floats(n),
        deleveraged=floats(n),
        posted=ints(n),
        deficit=ints(n),
        key=floats(n),
        tick=floats(m + 1),
        manner=ints(n),
        clipped_at=floats(n),
        taken_over=floats(n),
        rank_score=floats(legs),
        fund_path=floats(rows, len(names.venues)),
        result_path=floats(rows, m),
        before=floats(m, 2),
        trigger_price=floats(opening.held.size),
        held=floats(opening.held.size),
        offered=floats(opening.held.size),
        traded=floats(opening.held.size),
        deals=np.zeros(n if lends(opening) else 0, DEAL),
        slots=opening.slots.copy(),
        slot_history=floats(rows, len(opening.slots), 2),
        slot_before=floats(len(opening.slots), 2),
    )


def lends(opening: Opening) -> bool:
    """Whether a venue liquidates loans."""
    return bool(np.isin(opening.venues["procedure"], (LENDING, AUCTION)).any())


COPIED = ("quantity", "cash", "node_cash", "external_assets", "external_liabilities", "holding", "held")
TABLES = ("markets", "venues", "strategies", "slots")
ZEROED = (
    "node_failed",
    "member_assessed",
    "forced_default",
    "index_return",
    "history",
    "rounds",
    "counters",
    "equity",
    "requirement",
    "calls",
    "answered",
    "selected",
    "wanted",
    "taken",
    "touched",
    "leave",
    "liquidated",
    "deleveraged",
    "posted",
    "deficit",
    "owed",
    "tick",
    "slot_history",
    "offered",
    "deals",
    "traded",
    "hedge_wanted",
    "hedge_taken",
    "on_sale",
    "recalled",
    "manner",
    "taken_over",
    "fund_path",
    "result_path",
)
UNKNOWN = (
    "node_failed_at",
    "first_trigger",
    "trigger_time",
    "trigger_mark",
    "trigger_price",
    "closed_at",
    "closing_time",
    "clipped_at",
)


def reset(
    state: State, opening: Opening, settings: Settings, shock: ShockArrays, key: int, record: bool
) -> State:
    """Set a state back to the opening, with the paths of a new scenario."""
    for name in COPIED:
        np.copyto(getattr(state, name), getattr(opening, name))
    for name in TABLES:
        np.copyto(getattr(state, name), getattr(opening, name))
    np.copyto(state.remaining, opening.claim)
    np.copyto(state.member_fund, opening.book.member_contribution)
    np.copyto(state.entry, opening.book.entry_price)
    state.acted_in.fill(-2)
    for name in ZEROED:
        getattr(state, name).fill(0)
    for name in UNKNOWN:
        getattr(state, name).fill(np.nan)
    state.deals["collateral"] = state.deals["debt"] = NONE
    state.due.fill(np.inf)
    state.recall_due.fill(np.inf)
    state.counters[BASIS_WORST] = -np.inf
    state.key.fill(-np.inf)
    state.rank_score.fill(-np.inf)
    np.copyto(state.index, opening.prices)
    state.recovery.fill(1.0)
    state.recovered.fill(1.0)
    np.copyto(state.issued, opening.issued)
    np.copyto(state.pool, opening.book.pool_opening)
    for name in ("until", "count", "diverted"):
        state.breakers[name] = 0.0
    state.breakers["reference"] = np.nan
    state.breakers["since"], state.breakers["active"] = 0, False
    state.before[:, 0], state.before[:, 1] = opening.markets["opening"], 1.0
    state.slot_before[:, 0], state.slot_before[:, 1] = opening.slots["opening"], opening.slots["weight"]
    forced = set(shock.defaults)
    if forced:
        state.forced_default[:] = [name in forced for name in opening.names.nodes]
    clock = state.clock
    clock.fill(0)
    clock["step"], clock["key"], clock["record"] = settings.step, key, record
    clock["last_round"] = len(state.rounds) - 1
    moving = shock.end if not forced else max(shock.end, settings.step)
    clock["shock_end"] = max(moving, settings.step) if moves(shock) else moving
    for name in ("sticky", "calls", "adl", "unwinding", "arbitrage", "defaults", "skip"):
        clock[name] = getattr(settings, name)
    clock["observed"] = shock.observed
    clock["quantum"] = 1.0 / opening.units.scale
    clock["volatility_window"] = VOLATILITY_WINDOW
    names = opening.names
    v, assets = len(names.venues), len(names.assets)
    return state._replace(
        outside=np.ascontiguousarray(shock.outside, dtype=np.float64),
        shock_depth=np.ascontiguousarray(shock.depth, dtype=np.float64),
        shock_withdrawn=sized(shock.withdrawals, np.zeros((1, v))),
        shock_outage=sized(shock.outage, np.zeros((1, v), dtype=np.bool_)),
        shock_gas=sized(shock.gas, np.ones(1)),
        shock_oracle=sized(shock.oracle, np.ones((1, v, assets))),
        shock_volatility=sized(shock.volatility, np.ones((1, assets))),
        shock_mint=mint_rows(opening, shock),
        shock_attack=attack_rows(opening, shock, settings.step),
    )


def sized(path: npt.NDArray[Any], neutral: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The path as the engine reads it; the neutral row where the shock was made without names of venues."""
    return np.ascontiguousarray(path, dtype=neutral.dtype) if path.size else neutral


def moves(shock: ShockArrays) -> bool:
    """Whether the shock does anything to prices, depth, venues, gas or oracles, or trades."""
    paths = (
        shock.outside,
        shock.depth,
        shock.withdrawals,
        shock.outage,
        shock.gas,
        shock.oracle,
        shock.volatility,
    )
    trades = bool(shock.mint) or any(attack.budget > 0.0 for attack in shock.attacks)
    return trades or any(bool((path != path[0]).any()) for path in paths)


def grow(state: State) -> State:
    """Twice as many rows for rounds and history: a run without horizon goes on."""
    rows = 2 * len(state.rounds)

    def longer(table: npt.NDArray[Any]) -> npt.NDArray[Any]:
        out = np.zeros((rows, *table.shape[1:]), table.dtype)
        out[: len(table)] = table
        return out

    names = ("rounds", "history", "index_return", "venue_index", "slot_history", "fund_path", "result_path")
    grown = state._replace(**{name: longer(getattr(state, name)) for name in names})
    grown.clock["last_round"] = rows - 1
    return grown
