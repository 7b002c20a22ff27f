"""Where does an effect change its sign? One parameter varies, the scenarios stay the same.

A grid finds the brackets in which the mean of the paired differences changes sign, bisection narrows each of them. All
points use the same scenarios and the same draws (common random numbers), so that a difference between two points is
the parameter's doing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.errors import ScenarioError, SchemaError, ValueRangeError, nearest
from contagion.experiments.break_even_paths import Parameter, find_parameter
from contagion.experiments.runner import OK, Group, Outcome, run_groups
from contagion.measures.paired import paired_effect

if TYPE_CHECKING:
    from contagion.comparison import Comparison

__all__ = ["BreakEven", "break_even"]

Floats = npt.NDArray[np.float64]

SCENARIOS = 64
GRID = 9
WIDEST = 8.0  # bounds further apart than this factor get a geometric grid
ASIDE = 0.10  # how far from a crossing `check` looks
MOST_HALVINGS = 40


@dataclass(frozen=True, eq=False, repr=False)
class BreakEven:
    """Where the sign of an effect changes, made by `break_even`.

    Parameters
    ----------
    parameter : str
        What varied.
    policy, against, metric : str
        The effect: mean of `metric` under `policy` minus that under `against`, scenario by scenario.
    table : pandas.DataFrame
        One row per value looked at, rising: value, effect, low, high (paired interval), n, refined (by bisection).
    crossings : pandas.DataFrame
        One row per change of sign: crossing (where a straight line through the bracket is 0), low, high (the bracket),
        resolution (its width), helps (``below`` or ``above``: where the metric falls).
    seconds : float
        Time the search took.
    """

    parameter: str
    policy: str
    against: str
    metric: str
    unit: str
    table: pd.DataFrame
    crossings: pd.DataFrame
    seconds: float
    effect_at: Callable[[float], Floats] = field(repr=False)

    def to_frame(self) -> pd.DataFrame:
        """Return the curve to plot: value, effect, low, high, n, refined; values rise."""
        return self.table.copy()

    @property
    def sentence(self) -> str:
        """What was found, in words."""
        low, high = float(self.table["value"].min()), float(self.table["value"].max())
        known = int(self.table["n"].max())
        where = f"{self.parameter} from {self._with_unit(low)} to {self._with_unit(high)}, {known} scenarios"
        what = f"{self.policy} against {self.against}"
        if self.crossings.empty:
            signs = set(np.sign(self.table["effect"].dropna()))
            word = {
                frozenset({-1.0}): "lowers",
                frozenset({1.0}): "raises",
                frozenset({0.0}): "does not change",
            }
            verb = word.get(frozenset(signs), "never turns the sign of its effect on")
            return f"{what} {verb} mean {self.metric} at every value ({where})."
        good = [f"{self._range(*one)}" for one in self._helpful()]
        return f"{what} lowers mean {self.metric} only if {self.parameter} is {' or '.join(good)} ({where})."

    def check(self) -> pd.DataFrame:
        """Run the same scenarios again 10 % below and 10 % above every crossing.

        Returns
        -------
        pandas.DataFrame
            One row per crossing: crossing, below, above (the two values), effect_below, effect_above, reproduced
            (whether the effect has the signs that the search found, before and after).
        """
        rows = []
        for row in self.crossings.to_dict("records"):
            aside = ASIDE * abs(row["crossing"])
            below, above = row["crossing"] - aside, row["crossing"] + aside
            effects = [float(np.nanmean(self.effect_at(value))) for value in (below, above)]
            sign = -1.0 if row["helps"] == "below" else 1.0
            found = bool(effects[0] * sign > 0.0 > effects[1] * sign)
            rows.append((row["crossing"], below, above, *effects, found))
        names = ["crossing", "below", "above", "effect_below", "effect_above", "reproduced"]
        return pd.DataFrame(rows, columns=names)

    def _helpful(self) -> list[tuple[float, float]]:
        """Ranges of the parameter in which the metric falls, as the search saw them; infinite at its ends."""
        edges, helps = self.crossings["crossing"].tolist(), self.crossings["helps"].tolist()
        found, start = [], -math.inf
        for edge, side in zip(edges, helps, strict=True):
            if side == "below":
                found.append((start, edge))
            start = edge
        return [*found, (start, math.inf)] if helps[-1] == "above" else found

    def _range(self, low: float, high: float) -> str:
        if math.isinf(low):
            return f"below {self._with_unit(high)}"
        if math.isinf(high):
            return f"above {self._with_unit(low)}"
        return f"between {self._with_unit(low)} and {self._with_unit(high)}"

    def _with_unit(self, value: float) -> str:
        return f"{value:.4g} {self.unit}".strip()

    def __repr__(self) -> str:
        lines = [f"Break-even, {self.seconds:.1f} s", f"  {self.sentence}"]
        for row in self.crossings.to_dict("records"):
            lines.append(f"  crossing at {row['crossing']:.4g} (from {row['low']:.4g} to {row['high']:.4g})")
        return "\n".join(lines)


def break_even(
    cmp: Comparison,
    parameter: str,
    bounds: tuple[float, float] | None = None,
    *,
    metric: str = "system_loss",
    against: str = "none",
    policy: str | None = None,
    n: int | None = None,
    grid: int = GRID,
    resolution: float = 0.05,
    relative: bool = False,
    n_jobs: int = 1,
) -> BreakEven:
    """Find where the sign of a policy's effect changes as one parameter varies.

    Parameters
    ----------
    cmp : Comparison
        The study: its networks, family of shocks, model, policy sets and seed are used again.
    parameter : str
        A column of the network's tables, ``"markets.impact_half_life"``: every row gets the value; a field of a policy
        of a set, ``"halt.length"`` (set, then field); or of the model, ``"model.step"``.
    bounds : (float, float), optional
        Between which values; a quarter of the present value to four times it if not given.
    metric : str, default "system_loss"
        Whose paired difference changes sign.
    against : str, default "none"
        The set that the policy is compared with; it runs under the same network or model.
    policy : str, optional
        The set whose effect it is; the one that `parameter` names, or the only one of the study.
    n : int, optional
        Scenarios, the first of the study: at most 64 if not given.
    grid : int, default 9
        Values at which the search begins, at least 2; signs that change twice between two of them are not seen.
    resolution : float, default 0.05
        Width of a final bracket as a share of the crossing.
    relative : bool, default False
        Whether values multiply what the column holds in place of taking its place.
    n_jobs : int, default 1
        Workers, as in `compare`.

    Returns
    -------
    BreakEven
        The curve, every crossing with its bracket, a sentence, and `check`, which runs 10 % below and above.

    Raises
    ------
    SchemaError, ValueRangeError
        If the parameter, the metric or a set is unknown, or a number is out of range.
    ScenarioError
        If every scenario failed at a value.

    Examples
    --------
    >>> import contagion as ct
    >>> net = ct.generate.perp_market(n_accounts=300, seed=1)
    >>> cmp = ct.compare(net, ct.PriceShock({"BTC": -0.3}), ct.Cascade(step=60.0), {"halt": [ct.Halt(drop=0.05)]})
    >>> found = ct.break_even(cmp, "halt.length", (60.0, 600.0), grid=3)
    >>> list(found.to_frame().columns)
    ['value', 'effect', 'low', 'high', 'n', 'refined']
    """
    began = perf_counter()
    what = find_parameter(cmp, parameter, policy, relative)
    _check_names(cmp, metric, against, what.policy)
    number = _count("n", min(SCENARIOS, cmp.n) if n is None else n, 1, cmp.n)
    points = _count("grid", grid, 2, 10_000)
    if not 0.0 < resolution < 1.0:
        raise ValueRangeError(
            "is out of range", where="resolution", value=resolution, allowed="between 0 and 1"
        )
    low, high = what.bounds(bounds)
    search = _Search(cmp, what, metric, against, number, n_jobs, {})
    values = (
        np.geomspace(low, high, points)
        if low > 0.0 and high / low > WIDEST
        else np.linspace(low, high, points)
    )
    for value in values:
        search.mean(float(value))
    brackets = [_narrowed(search, a, b, resolution) for a, b in _brackets(search)]
    return BreakEven(
        parameter=parameter,
        policy=what.policy,
        against=against,
        metric=metric,
        unit=what.unit,
        table=search.table(set(values.tolist()), cmp.level, cmp.seed),
        crossings=_crossings(search, brackets),
        seconds=perf_counter() - began,
        effect_at=replace(search, seen={}).differences,
    )


@dataclass(frozen=True)
class _Search:
    """Paired differences as a function of the parameter; every value is run once."""

    cmp: Comparison
    what: Parameter
    metric: str
    against: str
    n: int
    n_jobs: int
    seen: dict[float, Floats]

    def differences(self, value: float) -> Floats:
        """Metric under the policy minus that without it, one per scenario, shape (n,); NaN where a run failed."""
        if value not in self.seen:
            treated = self._metric(value, self.what.policy)
            self.seen[value] = treated - self._baseline(value)
        return self.seen[value]

    def mean(self, value: float) -> float:
        """Mean difference over the scenarios that ran."""
        found = self.differences(value)
        if np.isnan(found).all():
            raise ScenarioError(f"every scenario failed at {self.what.name} = {value:g}")
        return float(np.nanmean(found))

    def table(self, grid: set[float], level: float, seed: int) -> pd.DataFrame:
        """Every value looked at, with a paired interval."""
        rows = []
        for value in sorted(self.seen):
            found = self.seen[value]
            effect = paired_effect(
                found, np.zeros(len(found)), confidence=level, seed=seed, key=("break-even",)
            )
            known = int((~np.isnan(found)).sum())
            rows.append((value, float(np.nanmean(found)), effect.low, effect.high, known, value not in grid))
        return pd.DataFrame(rows, columns=["value", "effect", "low", "high", "n", "refined"])

    @cached_property
    def _fixed(self) -> dict[str, Floats]:
        return {}

    def _baseline(self, value: float) -> Floats:
        """The set compared with; run once where the parameter does not concern it."""
        if self.what.concerns(self.against):
            return self._metric(value, self.against)
        if self.against not in self._fixed:
            self._fixed[self.against] = self._metric(value, self.against)
        return self._fixed[self.against]

    def _metric(self, value: float, name: str) -> Floats:
        worlds, model, policies = self.what.at(value, name)
        prepared = [model.prepare(world, policies) for world in worlds]
        groups = []
        for place, ready in enumerate(prepared):
            chosen = tuple(range(place, self.n, len(prepared)))
            if chosen:
                groups.append(Group(0, ready, chosen, tuple(self.what.shock(i) for i in chosen)))
        names = prepared[0].metric_names
        outcome = Outcome.empty(1, self.n, len(names))
        run_groups(groups, outcome, seed=self.cmp.seed, n_jobs=self.n_jobs, progress=False)
        if outcome.interrupted:
            raise KeyboardInterrupt
        values = outcome.metrics[0, :, names.index(self.metric)]
        return np.where(outcome.status[0] == OK, values, np.nan)


def _brackets(search: _Search) -> list[tuple[float, float]]:
    """Neighbouring values, zeros left out, between which the mean changes its sign."""
    signed = [(value, np.sign(search.mean(value))) for value in sorted(search.seen)]
    kept = [(value, sign) for value, sign in signed if sign != 0.0]
    return [(a, b) for (a, before), (b, after) in pairwise(kept) if before != after]


def _narrowed(search: _Search, low: float, high: float, resolution: float) -> tuple[float, float]:
    """Halve a bracket until it is as narrow as asked."""
    helps = (
        search.mean(low) < 0.0
    )  # no effect is no help: a flat stretch belongs to the side that does not help
    for _ in range(MOST_HALVINGS):
        if high - low <= resolution * max(abs(low), abs(high)):
            break
        middle = 0.5 * (low + high)
        if not low < middle < high:
            break
        if (search.mean(middle) < 0.0) == helps:
            low = middle
        else:
            high = middle
    return low, high


def _crossings(search: _Search, brackets: list[tuple[float, float]]) -> pd.DataFrame:
    rows = []
    for low, high in brackets:
        before, after = search.mean(low), search.mean(high)
        crossing = low + (high - low) * before / (before - after)
        rows.append((crossing, low, high, high - low, "below" if before < 0.0 else "above"))
    return pd.DataFrame(rows, columns=["crossing", "low", "high", "resolution", "helps"])


def _check_names(cmp: Comparison, metric: str, against: str, policy: str) -> None:
    for where, word, known in (
        ("metric", metric, cmp.metric_names),
        ("against", against, list(cmp.policies)),
        ("policy", policy, list(cmp.policies)),
    ):
        if word not in known:
            raise ValueRangeError(
                f"is unknown{nearest(str(word), known)}", where=where, value=word, allowed=", ".join(known)
            )
    if policy == against:
        raise ValueRangeError("is the set it is compared with", where="policy", value=policy)


def _count(name: str, value: Any, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise SchemaError("is no whole number", where=name, value=value)
    if not low <= value <= high:
        raise ValueRangeError("is out of range", where=name, value=int(value), allowed=f"{low} to {high}")
    return int(value)
