"""Where does an effect change its sign? One parameter varies, the scenarios stay the same.

A grid finds the brackets in which the mean of the paired differences changes sign, bisection narrows each of them
(`contagion.experiments.sign_changes`). All points use the same scenarios and the same draws (common random numbers), so
that a difference between two points is the parameter's doing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.comparison import unweighted
from contagion.errors import ContagionError, SchemaError, ValueRangeError, nearest
from contagion.experiments.break_even_paths import find_parameter
from contagion.experiments.effect_curve import EffectCurve
from contagion.experiments.sign_changes import Edge, crossings_of, edges_between, flats_of

if TYPE_CHECKING:
    from contagion.comparison import Comparison

__all__ = ["BreakEven", "break_even"]

Floats = npt.NDArray[np.float64]

SCENARIOS = 64
GRID = 9
WIDEST = 8.0  # bounds further apart than this factor get a geometric grid
ASIDE = 0.10  # how far from a crossing `check` looks


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
        resolution (its width), helps (``below`` or ``above``: where the metric falls), sure_low, sure_high (nearest
        values looked at whose paired interval leaves 0 out, on either side; NaN where there is none before the next
        change).
    flats : pandas.DataFrame
        One row per stretch of values at which nothing changes, the effect exactly 0: low, high (the first and the last
        value looked at), before, after (sign of the effect on either side; NaN where the search ends).
    level : float
        Confidence of the paired intervals.
    seconds : float
        Time the search took.
    whole : bool
        Whether the parameter takes whole numbers alone: brackets then end at neighbours, and a crossing lies half way.
    """

    parameter: str
    policy: str
    against: str
    metric: str
    unit: str
    table: pd.DataFrame
    crossings: pd.DataFrame
    flats: pd.DataFrame
    level: float
    seconds: float
    effect_at: Callable[[float], Floats] = field(repr=False)
    whole: bool = False

    def to_frame(self) -> pd.DataFrame:
        """Return the curve to plot: value, effect, low, high, n, refined; values rise."""
        return self.table.copy()

    @property
    def sentence(self) -> str:
        """What was found, in words: where the metric falls, the interval of each crossing, where nothing changes."""
        low, high = float(self.table["value"].min()), float(self.table["value"].max())
        known = int(self.table["n"].max())
        where = f"{self.parameter} from {self._with_unit(low)} to {self._with_unit(high)}, {known} scenarios"
        what = f"{self.policy} against {self.against}"
        signs = set(np.sign(self.table["effect"].dropna()))
        if not self._places() and len(signs) > 1:
            signs.discard(0.0)  # a single value without any effect
        if len(signs) == 1:
            verb = {-1.0: "lowers", 1.0: "raises", 0.0: "does not change"}[signs.pop()]
            return f"{what} {verb} mean {self.metric} at every value ({where})."
        verb, sign = ("lowers", -1.0) if -1.0 in signs else ("raises", 1.0)
        good = " or ".join(self._range(*one) for one in self._stretches(sign))
        found = f"{what} {verb} mean {self.metric} only if {self.parameter} is {good} ({where})"
        return f"{'; '.join([found, *self._crossed(), *self._flat()])}."

    def check(self) -> pd.DataFrame:
        """Run the same scenarios again 10 % below and 10 % above every crossing and every end of a flat stretch.

        Returns
        -------
        pandas.DataFrame
            One row per place: crossing (its value), kind (``crossing``, ``flat from`` or ``flat to``), below, above
            (the two values; the last one looked at where 10 % further is refused), effect_below, effect_above,
            reproduced (whether the effect has the signs that the search found, before and after).
        """
        rows = []
        for value, kind, before, after in self._places():
            aside = ASIDE * abs(value)
            ends = value - aside, value + aside
            if self.whole:
                ends = float(math.floor(ends[0])), float(math.ceil(ends[1]))
            below, first = self._effect(ends[0])
            above, last = self._effect(ends[1])
            found = bool(np.sign(first) == before and np.sign(last) == after)
            rows.append((value, kind, below, above, first, last, found))
        names = ["crossing", "kind", "below", "above", "effect_below", "effect_above", "reproduced"]
        return pd.DataFrame(rows, columns=names)

    def _places(self) -> list[tuple[float, str, float, float]]:
        """Values at which the sign changes, rising, and the signs before and after."""
        found = []
        for row in self.crossings.to_dict("records"):
            sign = -1.0 if row["helps"] == "below" else 1.0
            found.append((float(row["crossing"]), "crossing", sign, -sign))
        for row in self.flats.to_dict("records"):
            if not math.isnan(row["before"]):
                found.append((float(row["low"]), "flat from", float(row["before"]), 0.0))
            if not math.isnan(row["after"]):
                found.append((float(row["high"]), "flat to", 0.0, float(row["after"])))
        return sorted(found)

    def _effect(self, value: float) -> tuple[float, float]:
        """A value and the mean effect at it; where the value is refused, the nearest one that was looked at."""
        try:
            return value, float(np.nanmean(self.effect_at(value)))
        except ContagionError:
            seen = self.table["value"].to_numpy(dtype=np.float64)
            nearest_seen = float(seen[np.argmin(np.abs(seen - value))])
            return nearest_seen, float(np.nanmean(self.effect_at(nearest_seen)))

    def _stretches(self, sign: float) -> list[tuple[float, float]]:
        """Ranges of the parameter in which the effect has a sign, as the search saw them; infinite at its ends."""
        found: list[tuple[float, float]] = []
        start, now = -math.inf, 0.0
        for value, _, before, after in self._places():
            if before == sign:
                found.append((start, value))
            start, now = value, after
        return [*found, (start, math.inf)] if now == sign else found

    def _crossed(self) -> list[str]:
        """Where each crossing lies: its bracket, and the values at which the effect may be 0 by its interval."""
        found = []
        for row in self.crossings.to_dict("records"):
            low, high = self._with_unit(row["sure_low"]), self._with_unit(row["sure_high"])
            sure = f"{100 * self.level:g} % confidence"
            known = {
                (False, False): f"with {sure} between {low} and {high}",
                (False, True): f"with {sure} above {low}",
                (True, False): f"with {sure} below {high}",
                (True, True): f"but not with {sure}",
            }[math.isnan(row["sure_low"]), math.isnan(row["sure_high"])]
            ends = f"{self._with_unit(row['low'])} and {self._with_unit(row['high'])}"
            found.append(f"its sign changes between {ends}, {known}")
        return found

    def _flat(self) -> list[str]:
        """Stretches in which nothing changes."""
        low, high = float(self.table["value"].min()), float(self.table["value"].max())
        found = []
        for row in self.flats.to_dict("records"):
            first, last = self._with_unit(row["low"]), self._with_unit(row["high"])
            word = f"from {first} to {last}"
            if row["low"] == low:
                word = f"up to {last}"
            elif row["high"] == high:
                word = f"from {first} on"
            found.append(f"it changes nothing {word}")
        return found

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
        for row in self.flats.to_dict("records"):
            lines.append(f"  no effect from {row['low']:.4g} to {row['high']:.4g}")
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
        of a set, ``"halt.length"`` (set, then field); or of the model, ``"model.step"``. A field that takes whole
        numbers, such as ``"auction.keepers"``, is searched in whole numbers.
    bounds : (float, float), optional
        Between which values; if not given, a quarter of the present value to four times it, or as far towards them
        as the network, the policy and the model allow.
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
        The curve, every crossing with its bracket and interval, stretches without any effect, a sentence, and
        `check`, which runs 10 % below and above.

    Raises
    ------
    SchemaError, ValueRangeError
        If the parameter, the metric or a set is unknown, or a number is out of range; an end of `bounds` that the
        network, the policy or the model refuses is named before anything runs.
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
    search = EffectCurve(cmp, what, metric, against, number, n_jobs, {})
    values = (
        np.geomspace(low, high, points)
        if low > 0.0 and high / low > WIDEST
        else np.linspace(low, high, points)
    )
    if what.whole:
        values = np.unique(np.rint(values))
    for value in values:
        search.mean(float(value))
    edges = edges_between(sorted(search.seen), search.mean, resolution, whole=what.whole)
    table = search.table(set(values.tolist()), cmp.level, cmp.seed)
    return BreakEven(
        parameter=parameter,
        policy=what.policy,
        against=against,
        metric=metric,
        unit=what.unit,
        table=table,
        crossings=_sure(_halfway(crossings_of(edges)) if what.whole else crossings_of(edges), edges, table),
        flats=flats_of(edges, low, high, search.mean(low)),
        level=cmp.level,
        seconds=perf_counter() - began,
        effect_at=replace(search, seen={}).differences,
        whole=what.whole,
    )


def _halfway(crossings: pd.DataFrame) -> pd.DataFrame:
    """Crossings of a whole number: in the middle of the bracket, so that "below" and "above" leave no doubt."""
    return crossings.assign(crossing=0.5 * (crossings["low"] + crossings["high"]))


def _sure(crossings: pd.DataFrame, edges: list[Edge], table: pd.DataFrame) -> pd.DataFrame:
    """The crossings with the nearest values on either side, up to the next change, whose interval leaves 0 out."""
    places = [-math.inf, *(edge.low for edge in edges), math.inf]
    ends = [-math.inf, *(edge.high for edge in edges), math.inf]
    lows, highs = [], []
    for row in crossings.to_dict("records"):
        sign = -1.0 if row["helps"] == "below" else 1.0
        sure_below = table["high"] < 0.0 if sign < 0.0 else table["low"] > 0.0
        sure_above = table["low"] > 0.0 if sign < 0.0 else table["high"] < 0.0
        start = max(end for end in ends if end <= row["low"])
        stop = min(place for place in places if place >= row["high"])
        below = table["value"][sure_below & table["value"].between(start, row["low"])]
        above = table["value"][sure_above & table["value"].between(row["high"], stop)]
        lows.append(float(below.max()) if len(below) else math.nan)
        highs.append(float(above.min()) if len(above) else math.nan)
    return crossings.assign(
        sure_low=np.array(lows, dtype=np.float64), sure_high=np.array(highs, dtype=np.float64)
    )


def _check_names(cmp: Comparison, metric: str, against: str, policy: str) -> None:
    unweighted(cmp, "break_even")
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
