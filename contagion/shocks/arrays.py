"""What does an engine read of a shock? Arrays on the clock of a run, as small as what happens allows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from contagion.shocks.attacks import Attack

__all__ = ["Array", "Bools", "Minting", "ShockArrays"]

Array = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Minting = tuple[int, str, float]
"""Round, token, quantity."""


@dataclass(frozen=True)
class ShockArrays:
    """A shock on the clock of a run, as an engine reads it.

    Of the arrays from `withdrawals` on, one that nothing acts on has a single row of neutral values. A row goes on
    until the next one, the last row for ever.

    Parameters
    ----------
    outside : numpy.ndarray
        Outside price of every asset at every round, shape (n_rounds + 1, n_assets); row 0 is the opening.
    depth : numpy.ndarray
        Factor on the depth of every market, shape (n_rounds + 1, n_markets); row 0 is 1.
    defaults : list of str
        Nodes that fail at round 1, sorted by name.
    observed : bool
        Whether the prices already contain the forced sales: marks follow them, impact acts on execution only.
    end : float
        Seconds after which nothing moves any more.
    withdrawals : numpy.ndarray
        Share of the balances at every venue that owners have asked for by each round, shape (n_rounds + 1, n_venues)
        or (1, n_venues); neutral 0.
    outage : numpy.ndarray of bool
        Whether a venue refuses orders and top-ups, shape (n_rounds + 1, n_venues) or (1, n_venues); neutral False.
    gas : numpy.ndarray
        Factor on the gas price, shape (n_rounds + 1,) or (1,); neutral 1.
    oracle : numpy.ndarray
        Factor on the price that an oracle reports, shape (n_rounds + 1, n_venues, n_assets) or (1, n_venues, n_assets);
        neutral 1.
    volatility : numpy.ndarray
        Factor on implied volatilities, shape (n_rounds + 1, n_assets) or (1, n_assets); neutral 1.
    mint : list of tuple
        Round, token and quantity of what is minted, in order of time.
    attacks : list of Attack
        Everybody outside who trades to move a price.
    """

    outside: Array
    depth: Array
    defaults: list[str]
    observed: bool
    end: float
    withdrawals: Array = field(default_factory=lambda: np.zeros((1, 0)))
    outage: Bools = field(default_factory=lambda: np.zeros((1, 0), dtype=np.bool_))
    gas: Array = field(default_factory=lambda: np.ones(1))
    oracle: Array = field(default_factory=lambda: np.ones((1, 0, 0)))
    volatility: Array = field(default_factory=lambda: np.ones((1, 0)))
    mint: list[Minting] = field(default_factory=list)
    attacks: list[Attack] = field(default_factory=list)
