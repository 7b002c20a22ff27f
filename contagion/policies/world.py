"""What does a policy see? The market as it stands in this round, read-only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class World:
    """The state of a run as a policy may read it; every array is a read-only copy.

    Markets, venues, accounts, nodes and assets are in the order of their names in `markets`, `venues`, ... Money is in
    the network's unit, prices in money per unit of the asset, lots as whole numbers.

    Parameters
    ----------
    time, step
        Seconds since the opening; length of a round.
    round
        Number of the round, 0 at the opening.
    outside, last, mark, index
        Prices per market, shape ``(n_markets,)``: outside price of its asset, last price before this round's trades,
        mark, index of its asset.
    depth
        Share of the opening depth that rests now, ``(n_markets,)``.
    halted
        Markets that are shut so far this round, ``(n_markets,)`` bool.
    lot
        Units of the asset in one lot, ``(n_markets,)``.
    fund, deficit
        Insurance fund and deficits of this round, ``(n_venues,)``.
    equity, requirement
        Per account (of one account behind the row), as of the latest look, ``(n_accounts,)``.
    node_cash
        ``(n_nodes,)``.
    memo
        A dict of the policy's own for this run, one per place in the list.
    """

    time: float
    round: int
    step: float
    markets: tuple[str, ...]
    venues: tuple[str, ...]
    accounts: tuple[str, ...]
    nodes: tuple[str, ...]
    assets: tuple[str, ...]
    market_venue: npt.NDArray[np.int64]
    market_asset: npt.NDArray[np.int64]
    outside: Floats
    last: Floats
    mark: Floats
    index: Floats
    depth: Floats
    halted: npt.NDArray[np.bool_]
    lot: Floats
    fund: Floats
    deficit: Floats
    equity: Floats
    requirement: Floats
    node_cash: Floats
    memo: dict[str, Any] = field(repr=False)
    measure_open_interest: Callable[[], Floats] = field(repr=False)

    @property
    def open_interest(self) -> Floats:
        """Money in long positions at the marks, per market, ``(n_markets,)``."""
        return self.measure_open_interest()
