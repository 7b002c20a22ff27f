"""The mean paired effect of a policy as a function of one parameter, over the same scenarios."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.errors import ScenarioError
from contagion.experiments.break_even_paths import Parameter
from contagion.experiments.values import scenario_values, settings_for
from contagion.measures.paired import paired_effect

if TYPE_CHECKING:
    from contagion.comparison import Comparison

__all__ = ["EffectCurve"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class EffectCurve:
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
        """The metric under a set, one per scenario; a cost is measured from the run of "none", as in `compare`."""
        return scenario_values(
            settings_for(self.metric, name, lambda one: self.what.at(value, one)),
            self.what.shock,
            self.metric,
            n=self.n,
            seed=self.cmp.seed,
            n_jobs=self.n_jobs,
        )
