"""The read-only picture of a state that a policy gets to see."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from contagion.policies.world import World
from contagion.propagation.cascade.build import Opening
from contagion.propagation.cascade.layout import State


def frozen(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Read-only copy."""
    copy = np.array(values)
    copy.flags.writeable = False
    return copy


def world_of(opening: Opening, state: State, memo: dict[str, Any]) -> World:
    """The world as it stands now."""
    names, markets, clock = opening.names, state.markets, state.clock[0]
    quantum = 1.0 / opening.units.scale

    def open_interest() -> npt.NDArray[np.float64]:
        book = opening.book
        lots = np.maximum(state.quantity, 0.0) * book.count[book.leg_account]
        total = np.bincount(book.leg_market, lots, len(markets))
        return frozen(total * markets["mark"] * markets["lot"])

    return World(
        time=float(clock["time"]),
        round=int(clock["round"]),
        step=float(clock["step"]),
        markets=names.markets,
        venues=names.venues,
        accounts=names.accounts,
        nodes=names.nodes,
        assets=names.assets,
        market_venue=frozen(markets["venue"]),
        market_asset=frozen(markets["asset"]),
        outside=frozen(markets["outside"]),
        last=frozen(markets["last"]),
        mark=frozen(markets["mark"]),
        index=frozen(markets["index"]),
        depth=frozen(markets["depth"]),
        halted=frozen(markets["shut"]),
        lot=frozen(markets["lot"]),
        fund=frozen(state.venues["fund"] * quantum),
        deficit=frozen(state.venues["deficit"] * quantum),
        equity=frozen(state.equity * quantum),
        requirement=frozen(state.requirement * quantum),
        node_cash=frozen(state.node_cash * quantum),
        memo=memo,
        measure_open_interest=open_interest,
    )
