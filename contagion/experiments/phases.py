"""Where in a plane of two parameters does a system break? A grid, refined where neighbours disagree.

Every point is the mean of a metric over the same scenarios (common random numbers), so that the boundary between two
phases is the parameters' doing. A square whose corners agree is left as it is: an island smaller than a square of the
first grid is not seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from contagion.errors import ScenarioError, ValueRangeError
from contagion.experiments import checked
from contagion.experiments.conditions import Condition
from contagion.experiments.points import Points

if TYPE_CHECKING:
    from contagion.comparison import Comparison

__all__ = ["PhaseDiagram", "phase_diagram"]

Place = tuple[int, int]

Axis = tuple[str, float, float]
"""Name of a parameter and the ends of its range."""


@dataclass(frozen=True, eq=False, repr=False)
class PhaseDiagram:
    """A metric over two parameters, made by `phase_diagram`.

    Parameters
    ----------
    x, y : str
        The parameters.
    metric, condition : str
        What was measured, and what separates the phases.
    policy : str
        Under which set.
    table : pandas.DataFrame
        One row per point that was run: x, y, value (mean of the metric over the scenarios), holds, level (0 for the
        first grid, 1 for its halves, ...), n (scenarios that ran).
    cells : pandas.DataFrame
        The smallest squares: x_low, x_high, y_low, y_high, value (mean of the corners), phase (``below``: the condition
        holds at no corner, ``above``: at all, ``boundary``).
    unit : str
        Unit of money.
    """

    x: str
    y: str
    metric: str
    condition: str
    policy: str
    table: pd.DataFrame
    cells: pd.DataFrame
    unit: str

    def to_frame(self) -> pd.DataFrame:
        """Return every point: x, y, value, holds, level, n."""
        return self.table.copy()

    @property
    def resolution(self) -> tuple[float, float]:
        """Width and height of the smallest squares, within which the boundary is known."""
        cells = self.cells
        return float((cells["x_high"] - cells["x_low"]).min()), float(
            (cells["y_high"] - cells["y_low"]).min()
        )

    def __repr__(self) -> str:
        area = (self.cells["x_high"] - self.cells["x_low"]) * (self.cells["y_high"] - self.cells["y_low"])
        shares = {phase: float(area[self.cells["phase"] == phase].sum() / area.sum()) for phase in PHASES}
        return (
            f"Phase diagram of {self.condition} under {self.policy} over {self.x} and {self.y}: "
            f"{len(self.table):,} points; holds in {shares['above']:.0%} of the plane, "
            f"not in {shares['below']:.0%}, boundary {shares['boundary']:.0%}"
        )


PHASES = ("below", "boundary", "above")


def phase_diagram(
    cmp: Comparison,
    x: Axis,
    y: Axis,
    until: tuple[str, str, float] = ("venue_defaults", ">=", 1),
    *,
    policy: str = "none",
    n: int | None = None,
    grid: int = 6,
    levels: int = 2,
    n_jobs: int = 1,
) -> PhaseDiagram:
    """Measure a condition over two parameters, finer at its boundary.

    Parameters
    ----------
    cmp : Comparison
        The study: its networks, family of shocks, model, policy sets and seed are used again.
    x, y : (str, float, float)
        Name of a parameter and its range. Names are those of `contagion.break_even` (a column such as
        ``"markets.impact_half_life"``, a policy's field such as ``"halt.length"``, ``"model.step"``), or
        ``"shock.size"``, which multiplies the log moves of every scenario.
    until : (str, str, float)
        Metric, one of >=, >, <=, <, and a limit: compared with the mean over the scenarios.
    policy : str, default "none"
        Under which set.
    n : int, optional
        Scenarios of each point, the first of the study; at most 16 if not given.
    grid : int, default 6
        Squares along each side at first, at least 1.
    levels : int, default 2
        How often a square whose corners disagree is cut into four, 0 to 8.
    n_jobs : int, default 1
        Workers, as in `contagion.compare`.

    Returns
    -------
    PhaseDiagram
        Points and squares; draw it with `contagion.plot.phases`.

    Raises
    ------
    SchemaError, ValueRangeError
        If a parameter, the condition or the set is unknown, or a number is out of range.
    ScenarioError
        If every scenario of a point failed.

    Examples
    --------
    >>> import contagion as ct
    >>> net = ct.generate.perp_market(n_accounts=300, seed=1)
    >>> cmp = ct.compare(net, ct.PriceShock({"BTC": -0.2}), ct.Cascade(step=60.0), {"halt": [ct.Halt(drop=0.1)]})
    >>> x, y = ("shock.size", 0.1, 1.0), ("halt.length", 60.0, 600.0)
    >>> found = phase_diagram(cmp, x, y, ("liquidated_accounts", ">=", 10), policy="halt", grid=2, levels=0)
    >>> len(found.table), len(found.cells)
    (9, 4)
    """
    condition = Condition.make(until, cmp.metric_names)
    points = Points.make(
        cmp, [("x", x), ("y", y)], policy=policy, metric=condition.metric, n=n, n_jobs=n_jobs
    )
    for where, axis in zip("xy", points.axes, strict=True):
        if axis.whole:
            what = "takes whole numbers alone, which have no plane"
            raise ValueRangeError(what, where=where, value=axis.name, remedy="use ct.break_even")
    side, deep = checked.count("grid", grid), checked.count("levels", levels, low=0)
    if deep > 8:
        raise ValueRangeError("is too large", where="levels", value=deep, allowed="0 to 8")
    plane = _Plane(points, condition, side * 2**deep, {}, {})
    cells = plane.refined(side, deep)
    return PhaseDiagram(
        x=points.axes[0].name,
        y=points.axes[1].name,
        metric=condition.metric,
        condition=condition.describe(),
        policy=policy,
        table=plane.table(),
        cells=pd.DataFrame([plane.cell(*cell) for cell in cells]),
        unit=cmp.networks[0].unit,
    )


@dataclass(frozen=True)
class _Plane:
    """Values at the places of the finest grid that were looked at; every place is run once."""

    points: Points
    condition: Condition
    side: int
    seen: dict[Place, tuple[float, int]]
    levels: dict[Place, int]

    def refined(self, grid: int, levels: int) -> list[tuple[int, int, int]]:
        """Look at the first grid and cut what disagrees; returns squares as left, low and width."""
        width = self.side // grid
        squares = [(i * width, j * width, width) for i in range(grid) for j in range(grid)]
        done: list[tuple[int, int, int]] = []
        for level in range(levels + 1):
            for place in sorted({corner for square in squares for corner in _corners(*square)}):
                self.look(place, level)
            mixed = [square for square in squares if self.phase(*square) == "boundary"]
            done += [square for square in squares if square not in mixed or level == levels]
            squares = [part for square in mixed for part in _quarters(*square)] if level < levels else []
        return sorted(done)

    def look(self, place: Place, level: int) -> None:
        """Run a place that was not run yet."""
        if place not in self.seen:
            values = self.points.values(self._at(place))
            if np.isnan(values).all():
                raise ScenarioError(f"every scenario failed at {self.points.words(self._at(place))}")
            self.seen[place] = float(np.nanmean(values)), int(np.isfinite(values).sum())
            self.levels[place] = level

    def _at(self, place: Place) -> tuple[float, float]:
        """Values of the parameters at a place of the finest grid."""
        x, y = self.points.axes
        return x.at(place[0] / self.side), y.at(place[1] / self.side)

    def phase(self, left: int, low: int, width: int) -> str:
        """Whether the condition holds at no, some or all corners."""
        held = [self.holds(corner) for corner in _corners(left, low, width)]
        return "above" if all(held) else "boundary" if any(held) else "below"

    def holds(self, place: Place) -> bool:
        """Whether the condition holds for the mean."""
        return bool(self.condition.holds(np.array(self.seen[place][0])))

    def cell(self, left: int, low: int, width: int) -> dict[str, Any]:
        """One square as a row."""
        (x_low, y_low), (x_high, y_high) = self._at((left, low)), self._at((left + width, low + width))
        return {
            "x_low": x_low,
            "x_high": x_high,
            "y_low": y_low,
            "y_high": y_high,
            "value": float(np.mean([self.seen[corner][0] for corner in _corners(left, low, width)])),
            "phase": self.phase(left, low, width),
        }

    def table(self) -> pd.DataFrame:
        """Every place looked at."""
        rows = [
            (*self._at(place), value, self.holds(place), self.levels[place], n)
            for place, (value, n) in sorted(self.seen.items())
        ]
        return pd.DataFrame(rows, columns=["x", "y", "value", "holds", "level", "n"])


def _corners(left: int, low: int, width: int) -> list[Place]:
    return [(left + i, low + j) for i in (0, width) for j in (0, width)]


def _quarters(left: int, low: int, width: int) -> list[tuple[int, int, int]]:
    half = width // 2
    return [(left + i, low + j, half) for i in (0, half) for j in (0, half)]
