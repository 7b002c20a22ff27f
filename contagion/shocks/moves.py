"""What do shocks have in common that move something of assets by given fractions over a time?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from contagion.errors import Fault, raise_faults
from contagion.shocks.base import Array, Shock, powered, powers
from contagion.shocks.checks import Names, asset_faults, changes, seconds_faults

__all__ = ["Moves"]


@dataclass(frozen=True)
class Moves(Shock):
    """Something of some assets moves by given fractions, linear in its log.

    Parameters
    ----------
    moves : mapping or Series of str to float
        Asset -> signed fraction, above -1.
    over : float
        Seconds from the opening over which the move happens; 0 is one gap at the first round.

    Raises
    ------
    SchemaError
        If there is no move, or a name or number is of another kind.
    ValueRangeError
        If a move is not finite or at most -1, or `over` is negative.
    """

    moves: Mapping[str, float]
    over: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "moves", changes(self._place("moves"), self.moves))
        raise_faults(seconds_faults(self._place("over"), self.over))
        object.__setattr__(self, "over", float(self.over))

    def __hash__(self) -> int:
        return hash((tuple(self.moves.items()), self.over))

    def gap(self) -> Self:
        """Return the same moves in one gap."""
        return replace(self, over=0.0)

    def scaled(self, factor: float) -> Self:
        """Return the moves with their logs times `factor`."""
        return replace(self, moves=powered(self.moves, factor))

    def faults(self, names: Names) -> list[Fault]:
        """Return the moves of assets that don't exist or don't move."""
        return asset_faults(self.moves, names, self._place("moves"))

    def end(self, first: float) -> float:
        """Return the seconds after which nothing moves."""
        return max(self.over, first) if any(self.moves.values()) else 0.0

    def factors(self, assets: Sequence[str], times: Array) -> Array:
        """Return what has moved / what it was at the opening, shape (n_times, n_assets)."""
        growth = np.array([1.0 + self.moves.get(asset, 0.0) for asset in assets], dtype=np.float64)
        return powers(growth, times, self.over)

    def _place(self, field: str) -> str:
        return f"{type(self).__name__}.{field}"
