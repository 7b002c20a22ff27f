"""Where in a plane of two parameters does a system break? A grid, refined where neighbours disagree.

Every point is the mean of a metric over the same scenarios (common random numbers), so that the boundary between two
phases is the parameters' doing. A square whose corners agree is left as it is: an island smaller than a square of the
first grid is not seen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.comparison import risky_assets
from contagion.errors import ScenarioError, SchemaError, ValueRangeError
from contagion.experiments import samplers
from contagion.experiments.arguments import check_workers
from contagion.experiments.break_even_paths import Parameter, find_parameter
from contagion.experiments.conditions import Condition
from contagion.experiments.runner import OK, Group, Outcome, run_groups

if TYPE_CHECKING:
    from contagion.comparison import Comparison

__all__ = ["PhaseDiagram", "phase_diagram"]

Floats = npt.NDArray[np.float64]
Place = tuple[int, int]

SHOCK_SIZE = "shock.size"
SCENARIOS = 16

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
    if policy not in cmp.policies:
        raise ValueRangeError("is unknown", where="policy", value=policy, allowed=", ".join(cmp.policies))
    check_workers(n_jobs)
    condition = Condition.make(until, cmp.metric_names)
    axes = _axis(cmp, "x", x, policy), _axis(cmp, "y", y, policy)
    if axes[0].name == axes[1].name:
        raise ValueRangeError("is the parameter of x already", where="y", value=axes[1].name)
    count = samplers.count("n", min(SCENARIOS, cmp.n) if n is None else n)
    if count > cmp.n:
        raise ValueRangeError("is more than the study has", where="n", value=count, allowed=f"1 to {cmp.n}")
    side, deep = samplers.count("grid", grid), samplers.count("levels", levels, low=0)
    if deep > 8:
        raise ValueRangeError("is too large", where="levels", value=deep, allowed="0 to 8")
    plane = _Plane(cmp, axes, condition, policy, count, side * 2**deep, n_jobs, {}, {})
    cells = plane.refined(side, deep)
    return PhaseDiagram(
        x=axes[0].name,
        y=axes[1].name,
        metric=condition.metric,
        condition=condition.describe(),
        policy=policy,
        table=plane.table(deep),
        cells=pd.DataFrame([plane.cell(*cell) for cell in cells]),
        unit=cmp.networks[0].unit,
    )


@dataclass(frozen=True)
class _Axis:
    name: str
    low: float
    high: float
    what: Parameter | None

    def at(self, place: int, side: int) -> float:
        """Value at a place of the finest grid."""
        return self.low + (self.high - self.low) * place / side


@dataclass(frozen=True)
class _Plane:
    """Values at the places of the finest grid that were looked at; every place is run once."""

    cmp: Comparison
    axes: tuple[_Axis, _Axis]
    condition: Condition
    policy: str
    n: int
    side: int
    n_jobs: int
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
            values = self._values(
                *(axis.at(one, self.side) for axis, one in zip(self.axes, place, strict=True))
            )
            if np.isnan(values).all():
                raise ScenarioError(f"every scenario failed at {self._words(place)}")
            self.seen[place] = float(np.nanmean(values)), int(np.isfinite(values).sum())
            self.levels[place] = level

    def phase(self, left: int, low: int, width: int) -> str:
        """Whether the condition holds at no, some or all corners."""
        held = [self.holds(corner) for corner in _corners(left, low, width)]
        return "above" if all(held) else "boundary" if any(held) else "below"

    def holds(self, place: Place) -> bool:
        """Whether the condition holds for the mean."""
        return bool(self.condition.holds(np.array(self.seen[place][0])))

    def cell(self, left: int, low: int, width: int) -> dict[str, Any]:
        """One square as a row."""
        x, y = self.axes
        return {
            "x_low": x.at(left, self.side),
            "x_high": x.at(left + width, self.side),
            "y_low": y.at(low, self.side),
            "y_high": y.at(low + width, self.side),
            "value": float(np.mean([self.seen[corner][0] for corner in _corners(left, low, width)])),
            "phase": self.phase(left, low, width),
        }

    def table(self, levels: int) -> pd.DataFrame:
        """Every place looked at."""
        rows = [
            (
                self.axes[0].at(place[0], self.side),
                self.axes[1].at(place[1], self.side),
                value,
                self.holds(place),
                self.levels[place],
                n,
            )
            for place, (value, n) in sorted(self.seen.items())
        ]
        return pd.DataFrame(rows, columns=["x", "y", "value", "holds", "level", "n"])

    def _words(self, place: Place) -> str:
        return " and ".join(
            f"{a.name} = {a.at(p, self.side):g}" for a, p in zip(self.axes, place, strict=True)
        )

    def _values(self, x: float, y: float) -> Floats:
        """The metric at two values, one per scenario; NaN where a run failed."""
        study: Any = self.cmp
        scale = 1.0
        for axis, value in zip(self.axes, (x, y), strict=True):
            if axis.what is None:
                scale = value
            else:
                worlds, model, chosen = replace(axis.what, cmp=study).at(value, self.policy)
                study = SimpleNamespace(
                    networks=worlds, model=model, policies={**study.policies, self.policy: chosen}
                )
        prepared = [study.model.prepare(world, study.policies[self.policy]) for world in study.networks]
        groups = []
        for place, ready in enumerate(prepared):
            numbers = tuple(range(place, self.n, len(prepared)))
            if numbers:
                shocks = tuple(self._shock(study.networks[place], i, scale) for i in numbers)
                groups.append(Group(0, ready, numbers, shocks))
        names = prepared[0].metric_names
        outcome = Outcome.empty(1, self.n, len(names))
        run_groups(groups, outcome, seed=self.cmp.seed, n_jobs=self.n_jobs)
        if outcome.interrupted:
            raise KeyboardInterrupt
        values = outcome.metrics[0, :, names.index(self.condition.metric)]
        return np.where(outcome.status[0] == OK, values, np.nan)

    def _shock(self, world: Any, scenario: int, scale: float) -> Any:
        shock = self.cmp.family.scenario(risky_assets(world), scenario, self.cmp.seed)
        return shock if scale == 1.0 else shock.scaled(scale)


def _corners(left: int, low: int, width: int) -> list[Place]:
    return [(left + i, low + j) for i in (0, width) for j in (0, width)]


def _quarters(left: int, low: int, width: int) -> list[tuple[int, int, int]]:
    half = width // 2
    return [(left + i, low + j, half) for i in (0, half) for j in (0, half)]


def _axis(cmp: Comparison, where: str, given: Any, policy: str) -> _Axis:
    if isinstance(given, str) or not isinstance(given, Sequence) or len(given) != 3:
        allowed = 'name, low and high, such as ("shock.size", 0.0, 1.0)'
        raise SchemaError("is no axis", where=where, value=given, allowed=allowed)
    name = given[0]
    low, high = (samplers.number(f"{where}[{i}]", given[i]) for i in (1, 2))
    if not low < high or not math.isfinite(high - low):
        raise ValueRangeError("does not rise", where=where, value=given, allowed="low < high")
    if name == SHOCK_SIZE:
        return _Axis(name, low, high, None)
    what = find_parameter(cmp, name, policy, relative=False)
    if what.kind == "field" and what.owner != policy:
        raise ValueRangeError(
            "belongs to another set", where=where, value=name, remedy=f"give policy={what.owner!r}"
        )
    return _Axis(name, low, high, what)
