"""What a map of contagion says: simulated cells beside theory, and where the two part.

A cell is near the edge if theory says something else of one of its four neighbours. There finitely many banks must
differ from infinitely many; everywhere else the interval of the simulation should hold what theory says.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from contagion.arrays import FloatArray, real
from contagion.measures.proportions import clopper_pearson, mean_share_interval

__all__ = ["StabilityMap", "borders", "cell", "is_wide", "with_verdicts"]

WIDE: Final = 3.0
NAN: Final = float("nan")


@dataclass(frozen=True, eq=False, repr=False)
class StabilityMap:
    """How often and how far one failure spreads over two parameters, with the edges of theory.

    Parameters
    ----------
    title : str
        Which networks.
    x, y : str
        The parameters, columns of the table.
    table : pandas.DataFrame
        One row per cell: x, y, probability (share of runs with contagion) with low and high (exact binomial interval),
        extent (mean share of banks that fail in these runs, nan without one) with extent_low and extent_high,
        contagious_runs, theory (probability for infinitely many banks, nan where theory does not say), theory_extent,
        regime (``stable``, ``marginal``, ``unstable``), near_edge, agrees (the interval holds what theory says) and
        seed (that of the column, for the function that simulates one cell).
    edges : pandas.DataFrame
        Where theory changes: edge (its name) and points x, y in the order in which they are joined; nan where there is
        no such edge.
    fixed : dict of str to float
        The parameters that are the same everywhere.
    n_banks, runs, seed : int
        Number of banks, of networks per cell, and the root seed.
    extent_threshold : float
        Share of banks above which failures count as contagion.
    confidence : float
        Coverage of the intervals.
    worse_upwards : bool
        Whether a larger y fails no fewer on the same networks (else a smaller one).
    """

    title: str
    x: str
    y: str
    table: pd.DataFrame
    edges: pd.DataFrame
    fixed: dict[str, float]
    n_banks: int
    runs: int
    seed: int
    extent_threshold: float
    confidence: float
    worse_upwards: bool

    def to_frame(self) -> pd.DataFrame:
        """Return the table of cells, a copy."""
        return self.table.copy()

    @property
    def agrees(self) -> float:
        """Share of the cells away from the edge whose interval holds what theory says; nan if there is none."""
        clear = self._clear()
        return float(clear["agrees"].mean()) if len(clear) else NAN

    @property
    def false_contagion(self) -> float:
        """Highest contagion probability of the stable cells away from the edge; nan if there is none."""
        clear = self._clear()
        stable = clear.loc[clear["regime"] == "stable", "probability"]
        return float(stable.max()) if len(stable) else NAN

    def _clear(self) -> pd.DataFrame:
        """Cells of which theory says something, away from the edge."""
        return self.table[~self.table["near_edge"] & self.table["theory"].notna()]

    def crossings(self, level: float = 0.5) -> pd.DataFrame:
        """Where the simulated probability of contagion crosses a level, for each x.

        Along y the same networks are used, so that the probability cannot fall towards the worse end.

        Parameters
        ----------
        level
            Between 0 and 1.

        Returns
        -------
        pandas.DataFrame
            x, y (between cells, nan if it never crosses) and its band low to high: the last cells whose intervals lie
            on one side of the level; nan where they lie outside the map.

        Raises
        ------
        InputError
            If the level is no number between 0 and 1.
        """
        share = real(level, "level", above=0.0, below=1.0)
        rows = []
        for x, column in self.table.groupby(self.x):
            safe_first = column.sort_values(self.y, ascending=self.worse_upwards)
            at = safe_first[self.y].to_numpy(np.float64)
            below = at[(safe_first["high"] < share).to_numpy()]
            beyond = at[(safe_first["low"] > share).to_numpy()]
            ends = (float(below[-1]) if len(below) else NAN, float(beyond[0]) if len(beyond) else NAN)
            place = _crossing(at, safe_first["probability"].to_numpy(np.float64), share)
            rows.append((x, place, *(ends if self.worse_upwards else ends[::-1])))
        return pd.DataFrame(rows, columns=[self.x, self.y, "low", "high"])

    def card(self) -> list[tuple[str, str]]:
        """What was found, as label and text."""
        table, clear = self.table, self._clear()
        at_all = table["regime"].value_counts()
        fixed = ", ".join(f"{name} {value:g}" for name, value in self.fixed.items())
        sides = ", ".join(f"{count} {name}" for name, count in at_all.items())
        return [
            ("networks", f"{self.n_banks:,} banks, {self.runs:,} runs per cell, seed {self.seed}; {fixed}"),
            ("cells", f"{self.x} {_range(table[self.x])} by {self.y} {_range(table[self.y])}"),
            ("contagion", f"more than {self.extent_threshold:.0%} of banks fail: in {table['probability'].min():.0%} "
                          f"to {table['probability'].max():.0%} of the runs of a cell"),
            ("theory", f"for infinitely many banks {sides}"),
            ("agreement", f"the {self.confidence:.0%} interval holds what theory says in {_share(self.agrees)} of "
                          f"{len(clear)} cells away from the edge"),
            ("false alarm", f"contagion in up to {_share(self.false_contagion)} of the runs of a cell that is stable "
                            "and away from the edge"),
        ]  # fmt: skip

    def __repr__(self) -> str:
        return "\n".join(
            [f"Stability map: {self.title}", *(f"  {label:<12}{text}" for label, text in self.card())]
        )

    def _repr_html_(self) -> str:
        """The card for notebooks."""
        body = "".join(
            f"<tr><th style='text-align:left'>{html.escape(label)}</th>"
            f"<td style='text-align:left'>{html.escape(text)}</td></tr>"
            for label, text in self.card()
        )
        return f"<table><caption>Stability map: {html.escape(self.title)}</caption>{body}</table>"


def cell(extent: FloatArray, threshold: float, confidence: float) -> dict[str, Any]:
    """Probability and extent of contagion with intervals, from the shares that failed in each run.

    Examples
    --------
    >>> import numpy as np
    >>> found = cell(np.array([0.01, 1.0, 0.9, 0.01]), 0.05, 0.95)
    >>> found["probability"], found["extent"], found["contagious_runs"]
    (0.5, 0.95, 2)
    """
    wide = extent[extent > threshold]
    low, high = clopper_pearson(len(wide), len(extent), confidence)
    far = mean_share_interval(wide, confidence=confidence) if len(wide) else None
    return {
        "probability": len(wide) / len(extent),
        "low": low,
        "high": high,
        "extent": far.value if far else NAN,
        "extent_low": far.low if far else NAN,
        "extent_high": far.high if far else NAN,
        "contagious_runs": len(wide),
    }


def with_verdicts(table: pd.DataFrame, x: str, y: str) -> pd.DataFrame:
    """Add near_edge and agrees to a table of cells with low, high, theory and regime."""
    found = table.copy()
    wide = found.pivot(index=y, columns=x, values="regime")
    regime = wide.to_numpy(dtype=object)
    near = np.zeros(regime.shape, dtype=bool)
    for axis in (0, 1):
        differs = np.take(regime, range(1, regime.shape[axis]), axis) != np.take(
            regime, range(regime.shape[axis] - 1), axis
        )
        before, after = [(0, 0), (0, 0)], [(0, 0), (0, 0)]
        before[axis], after[axis] = (1, 0), (0, 1)
        near |= np.pad(differs, before) | np.pad(differs, after)
    at_edge = pd.DataFrame(near, wide.index, wide.columns)
    found["near_edge"] = [bool(at_edge.loc[b, a]) for a, b in zip(found[x], found[y], strict=True)]
    found["agrees"] = (found["low"] <= found["theory"]) & (found["theory"] <= found["high"])
    return found


def is_wide(values: FloatArray) -> bool:
    """Whether rising values of an axis grow by ratios rather than by steps: a logarithmic axis.

    Examples
    --------
    >>> import numpy as np
    >>> is_wide(np.array([1.0, 2.0, 3.0])), is_wide(np.array([1.0, 3.0, 10.0])), is_wide(np.array([0.0, 1.0, 9.0]))
    (False, True, False)
    """
    if len(values) < 3 or values.min() <= 0.0:
        return False
    steps = np.diff(values)
    return bool(steps.max() >= WIDE * steps.min())


def borders(values: FloatArray) -> FloatArray:
    """Borders of the cells around rising values of an axis, one more than values.

    Examples
    --------
    >>> import numpy as np
    >>> borders(np.array([1.0, 2.0, 4.0])).tolist()
    [0.5, 1.5, 3.0, 5.0]
    """
    scaled: FloatArray = np.log(values) if is_wide(values) else values
    if len(scaled) == 1:
        half = 0.5 * (abs(float(scaled[0])) or 1.0) * 0.1
        return np.array(
            [max(scaled[0] - half, 0.0) if scaled[0] >= 0.0 else scaled[0] - half, scaled[0] + half]
        )
    middle = 0.5 * (scaled[1:] + scaled[:-1])
    found = np.concatenate([[2.0 * scaled[0] - middle[0]], middle, [2.0 * scaled[-1] - middle[-1]]])
    if is_wide(values):
        found = np.exp(found)
    return np.maximum(found, 0.0) if values.min() >= 0.0 else found


def _crossing(at: FloatArray, chance: FloatArray, level: float) -> float:
    """Where a chance that does not fall along `at` reaches a level, straight between cells."""
    reached = np.flatnonzero(chance >= level)
    if not len(reached) or reached[0] == 0:
        return NAN
    after = int(reached[0])
    part = (level - chance[after - 1]) / (chance[after] - chance[after - 1])
    return float(at[after - 1] + part * (at[after] - at[after - 1]))


def _range(values: pd.Series) -> str:
    return f"{values.min():g} to {values.max():g} ({values.nunique()} values)"


def _share(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.0%}"
