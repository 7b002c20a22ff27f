"""What does a policy see of balance sheets? The sheets after the shock and before anything travels, read-only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SheetWorld:
    """Balance sheets of all nodes after the shock, as a policy may read them; money in the network's unit.

    Parameters
    ----------
    nodes : tuple of str
        Names; every array is in their order, shape ``(n_nodes,)``.
    external_assets, external_liabilities : numpy.ndarray
        What they own and owe outside the network, after the shock.
    claimed, owed : numpy.ndarray
        What they are owed and owe inside it, at face value.
    opening_equity, equity : numpy.ndarray
        Face equity before and after the shock; claims at face value.
    forced : numpy.ndarray of bool
        Nodes that the shock lets fail.
    memo : dict
        The policy's own for this run.
    """

    nodes: tuple[str, ...]
    external_assets: Floats
    external_liabilities: Floats
    claimed: Floats
    owed: Floats
    opening_equity: Floats
    equity: Floats
    forced: npt.NDArray[np.bool_]
    memo: dict[str, Any] = field(repr=False)
    without: Callable[[], Floats] = field(repr=False)

    @property
    def shortfall(self) -> Floats:
        """What each node would lack at the end if nobody stepped in, >= 0: the model is run once to know it."""
        return np.maximum(0.0, -self.without())
