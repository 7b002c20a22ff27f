"""A study as a function of some of its numbers: columns, fields of policies, the model's, the size of the shock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import joblib
import numpy as np
import numpy.typing as npt

from contagion.comparison import unweighted
from contagion.errors import ScenarioError, SchemaError, ValueRangeError, nearest
from contagion.experiments import checked
from contagion.experiments.arguments import check_workers
from contagion.experiments.break_even_paths import Parameter, find_parameter
from contagion.experiments.values import Setting, scenario_values, settings_for
from contagion.experiments.wholes import whole_at
from contagion.families import moved

if TYPE_CHECKING:
    from contagion.comparison import Comparison

__all__ = ["SHOCK_SIZE", "Axis", "Points", "read_axis"]

Floats = npt.NDArray[np.float64]

SHOCK_SIZE: Final = "shock.size"
SCENARIOS: Final = 16


@dataclass(frozen=True)
class Axis:
    """One parameter and its range; `what` is None for the size of the shock."""

    name: str
    low: float
    high: float
    what: Parameter | None

    def at(self, share: float) -> float:
        """Value at a share of the way from low to high."""
        if self.whole:
            return float(whole_at(self.low, self.high, share))
        return self.low + (self.high - self.low) * share

    @property
    def whole(self) -> bool:
        """Whether the parameter takes whole numbers alone."""
        return self.what is not None and self.what.whole


@dataclass(frozen=True)
class Points:
    """Mean of a metric over the same scenarios, as a function of the values of some parameters.

    Parameters
    ----------
    cmp : Comparison
        The study.
    axes : tuple of Axis
        The parameters.
    policy, against : str
        Under which set; the metric's change from that under `against`, if it is not empty.
    metric : str
        A metric of the study.
    n : int
        Scenarios, the first of the study.
    n_jobs : int
        Workers.
    """

    cmp: Comparison
    axes: tuple[Axis, ...]
    policy: str
    against: str
    metric: str
    n: int
    n_jobs: int

    @classmethod
    def make(
        cls,
        cmp: Comparison,
        ranges: Sequence[tuple[str, Any]],
        *,
        policy: str,
        metric: str,
        n: int | None,
        n_jobs: int,
        against: str = "",
    ) -> Points:
        """Check the parts of a question and return it.

        Raises
        ------
        SchemaError, ValueRangeError
            If a parameter, the metric or a set is unknown, two parameters are the same, or a number is out of range.
        """
        for where, name in (("policy", policy), *((("against", against),) if against else ())):
            if name not in cmp.policies:
                what = f"is unknown{nearest(str(name), list(cmp.policies))}"
                raise ValueRangeError(what, where=where, value=name, allowed=", ".join(cmp.policies))
        if metric not in cmp.metric_names:
            what = f"is unknown{nearest(str(metric), cmp.metric_names)}"
            raise ValueRangeError(what, where="metric", value=metric, allowed=", ".join(cmp.metric_names))
        unweighted(cmp, "cmp")
        check_workers(n_jobs)
        axes = tuple(read_axis(cmp, where, given, policy) for where, given in ranges)
        names = [axis.name for axis in axes]
        for place, name in enumerate(names):
            if name in names[:place]:
                raise ValueRangeError("is there already", where=ranges[place][0], value=name)
        count = checked.count("n", min(SCENARIOS, cmp.n) if n is None else n)
        if count > cmp.n:
            raise ValueRangeError(
                "is more than the study has", where="n", value=count, allowed=f"1 to {cmp.n}"
            )
        return cls(cmp, axes, policy, against, metric, count, n_jobs)

    def values(self, point: Sequence[float]) -> Floats:
        """The metric at a point, one per scenario, shape (n,); NaN where a run failed."""
        found = self._metric(point, self.policy)
        return found - self._metric(point, self.against) if self.against else found

    def mean(self, point: Sequence[float]) -> float:
        """Mean over the scenarios that ran.

        Raises
        ------
        ScenarioError
            If every scenario failed.
        """
        values = self.values(point)
        if np.isnan(values).all():
            raise ScenarioError(f"every scenario failed at {self.words(point)}")
        return float(np.nanmean(values))

    def means(self, points: npt.ArrayLike) -> Floats:
        """Mean at many points, shape (n_points,); the points are shared by threads."""
        one = replace(self, n_jobs=1)
        rows = np.asarray(points, dtype=np.float64)
        found = joblib.Parallel(n_jobs=self.n_jobs, prefer="threads")(
            joblib.delayed(one.mean)(row.tolist()) for row in rows
        )
        return np.array(found, dtype=np.float64)

    def words(self, point: Sequence[float]) -> str:
        """A point in words."""
        return " and ".join(f"{axis.name} = {value:g}" for axis, value in zip(self.axes, point, strict=True))

    def _metric(self, point: Sequence[float], policy: str) -> Floats:
        scale = next((value for axis, value in zip(self.axes, point, strict=True) if axis.what is None), 1.0)
        return scenario_values(
            settings_for(self.metric, policy, lambda one: self._setting(point, one)),
            lambda scenario: self._shock(scenario, scale),
            self.metric,
            n=self.n,
            seed=self.cmp.seed,
            n_jobs=self.n_jobs,
        )

    def _setting(self, point: Sequence[float], policy: str) -> Setting:
        """Networks, model and policies of a set with every value in place."""
        study: Any = self.cmp
        for axis, value in zip(self.axes, point, strict=True):
            if axis.what is not None:
                worlds, model, chosen = replace(axis.what, cmp=study).at(value, policy)
                policies: Mapping[str, Any] = {**study.policies, policy: chosen}
                study = SimpleNamespace(networks=worlds, model=model, policies=policies)
        return study.networks, study.model, study.policies[policy]

    def _shock(self, scenario: int, scale: float) -> Any:
        world = self.cmp.networks[scenario % len(self.cmp.networks)]
        shock = self.cmp.family.scenario(moved(self.cmp.family, world), scenario, self.cmp.seed)
        return shock if scale == 1.0 else shock.scaled(scale)


def read_axis(cmp: Comparison, where: str, given: Any, policy: str) -> Axis:
    """Return a parameter and its range from (name, low, high).

    Raises
    ------
    SchemaError, ValueRangeError
        If it is no such triple, the name means nothing in the study, or the range does not rise.
    """
    if isinstance(given, str) or not isinstance(given, Sequence) or len(given) != 3:
        allowed = 'name, low and high, such as ("shock.size", 0.0, 1.0)'
        raise SchemaError("is no axis", where=where, value=given, allowed=allowed)
    name = given[0]
    low, high = (checked.number(f"{where}[{i}]", given[i]) for i in (1, 2))
    if not low < high:
        raise ValueRangeError("does not rise", where=where, value=given, allowed="low < high")
    if name == SHOCK_SIZE:
        return Axis(name, low, high, None)
    what = find_parameter(cmp, name, policy, relative=False)
    if what.kind == "field" and what.owner != policy:
        raise ValueRangeError(
            "belongs to another set", where=where, value=name, remedy=f"give policy={what.owner!r}"
        )
    what.bounds((low, high))
    return Axis(name, low, high, what)
