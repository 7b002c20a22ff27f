"""Results of one scenario or of many: a frame by node, or by scenario; and what was kept of the rounds."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pandas as pd

from contagion.arrays import FloatArray
from contagion.balance_sheets import ByNode
from contagion.errors import InputError

__all__ = ["ByScenario"]


class ByScenario(ByNode):
    """Results with one value per node, and numbers per scenario; a subclass is a dataclass with a field `history`."""

    numbers: ClassVar[tuple[str, ...]] = ()
    """Fields with one number per scenario."""
    kept_by: ClassVar[str] = "history=True"
    """How a caller asks for the history."""

    history: FloatArray | None

    def to_frame(self) -> pd.DataFrame:
        """Every value per node as a column; for scenarios, every number per scenario."""
        if np.ndim(getattr(self, self.numbers[0])) == 0:
            return super().to_frame()
        frame = pd.DataFrame({name: getattr(self, name) for name in self.numbers})
        return frame.rename_axis(index="scenario")

    def history_frame(self) -> pd.DataFrame:
        """Distress or stress per round (row) and node (column).

        Raises
        ------
        InputError
            If it was not asked for.
        """
        if self.history is None:
            raise InputError("was not kept", where="history", allowed=self.kept_by)
        columns = self.names if self.names is not None else pd.RangeIndex(self.history.shape[1], name="node")
        return pd.DataFrame(self.history, columns=columns).rename_axis(index="round")
