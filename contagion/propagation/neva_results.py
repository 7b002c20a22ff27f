"""What a network valuation says about every node."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from contagion.arrays import FloatArray
from contagion.balance_sheets import ByNode

__all__ = ["NetworkValuation"]


@dataclass(frozen=True)
class NetworkValuation(ByNode):
    """Equity with claims at their value; every array has shape (n,), in the caller's order.

    Parameters
    ----------
    signed_equity : numpy.ndarray
        Equity E, negative for a shortfall.
    signed_equity_first_round : numpy.ndarray
        After one simultaneous revaluation of claims at face value.
    losses : numpy.ndarray
        Face equity before the shock less E; what the shock itself took, and what claims lost.
    shock_losses : numpy.ndarray
        What the shock itself took.
    valuation : numpy.ndarray
        Worth of a claim on each node per unit of face value, V(E).
    defaulted : numpy.ndarray of bool
        E < 0, beyond rounding.
    sigma : numpy.ndarray or None
        Volatility of external assets, where the valuation has one.
    rounds : int
        How many times all claims were revalued.
    residual : float
        Largest amount by which one more round moves equity, money.
    fixed_point : str
        Which solution: ``greatest`` or ``least``.
    names : pandas.Index or None
        Names of the nodes.
    """

    signed_equity: FloatArray
    signed_equity_first_round: FloatArray
    losses: FloatArray
    shock_losses: FloatArray
    valuation: FloatArray
    defaulted: NDArray[np.bool_]
    sigma: FloatArray | None
    rounds: int
    residual: float
    fixed_point: str = "greatest"
    names: pd.Index | None = None

    @property
    def equity(self) -> FloatArray:
        """Equity cut at 0."""
        return np.maximum(self.signed_equity, 0.0)

    @property
    def n_defaulted(self) -> int:
        """Number of nodes with negative equity."""
        return int(self.defaulted.sum())
