"""What does a policy see of a fire sale? Prices, portfolios and sales of a round, read-only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SaleWorld:
    """A round of a fire sale before anything is sold in it; money in the network's unit.

    Parameters
    ----------
    nodes, assets : tuple of str
        Names; arrays are in their order.
    round : int
        0 first.
    round_length : float
        Seconds that a round stands for.
    opening_price, price : numpy.ndarray, shape (n_assets,)
        Money per unit before the shock and now.
    volume : numpy.ndarray, shape (n_assets,)
        Money traded a day; NaN where the network has none.
    held : numpy.ndarray, shape (n_nodes,)
        Worth of each node's portfolio now.
    equity : numpy.ndarray, shape (n_nodes,)
        Signed.
    sold, purchased : numpy.ndarray, shape (n_assets,)
        Money sold and bought by outsiders in all rounds before this one, at the price before each sale.
    memo : dict
        The policy's own for this run.
    """

    nodes: tuple[str, ...]
    assets: tuple[str, ...]
    round: int
    round_length: float
    opening_price: Floats
    price: Floats
    volume: Floats
    held: Floats
    equity: Floats
    sold: Floats
    purchased: Floats
    memo: dict[str, Any] = field(repr=False)
