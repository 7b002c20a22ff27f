from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import contagion as ct
from contagion.errors import ValueRangeError


@dataclass(frozen=True)
class FirstOrder:
    """Errors in the step are known: system_loss = 100 + step, forced_cost = step squared, bad_debt = 0."""

    step: float | None = 60.0
    horizon: float = 7200.0

    def prepare(self, net: Any, policies: Sequence[Any]) -> Any:
        def metrics(shock: Any, seed: int, scenario: int) -> np.ndarray:
            step = self.step or 0.0
            return np.array([100.0 + step + seed + scenario + shock, step**2, 0.0])

        return SimpleNamespace(metrics=metrics, metric_names=("system_loss", "forced_cost", "bad_debt"))


def run_of(model: Any, seed: int = 0, scenario: int = 0) -> Any:
    prepared = model.prepare(None, [])
    metrics = pd.Series(prepared.metrics(0.0, seed, scenario), index=list(prepared.metric_names))
    provenance = {"seed": seed, "scenario": scenario}
    return SimpleNamespace(
        model=model, metrics=metrics, provenance=provenance, network=None, policies=(), shock=0.0
    )


def test_the_step_is_halved_twice_and_every_change_is_shown() -> None:
    frame = ct.check_step(run_of(FirstOrder()))
    assert list(frame.index) == ["system_loss", "forced_cost", "bad_debt"]
    assert frame.loc["system_loss", ["value", "half", "quarter"]].tolist() == [160.0, 130.0, 115.0]
    assert frame.loc["system_loss", "change_half"] == pytest.approx(-30 / 160)
    assert frame.loc["system_loss", "change_quarter"] == pytest.approx(-15 / 130)
    assert frame.attrs["step"] == 60.0


def test_a_last_change_above_ten_percent_is_flagged() -> None:
    coarse = ct.check_step(run_of(FirstOrder(step=60.0)))["flagged"]
    assert coarse.to_dict() == {"system_loss": True, "forced_cost": True, "bad_debt": False}
    assert not ct.check_step(run_of(FirstOrder(step=4.0))).loc["system_loss", "flagged"]


def test_the_same_scenario_is_run_again() -> None:
    frame = ct.check_step(run_of(FirstOrder(), seed=5, scenario=7))
    assert frame.loc["system_loss", ["value", "half", "quarter"]].tolist() == [172.0, 142.0, 127.0]


def test_a_metric_asked_for_comes_first() -> None:
    frame = ct.check_step(run_of(FirstOrder()), metric="bad_debt")
    assert list(frame.index) == ["bad_debt", "system_loss", "forced_cost"]
    assert frame.loc["bad_debt", ["change_half", "change_quarter"]].tolist() == [0.0, 0.0]


def test_a_metric_that_rises_from_nothing_is_flagged() -> None:
    run = run_of(FirstOrder(step=2.0))
    run.metrics["forced_cost"] = 0.0
    assert ct.check_step(run).loc["forced_cost", "change_half"] == np.inf


def test_a_model_without_a_clock_has_no_step_to_check() -> None:
    with pytest.raises(ValueRangeError, match="has no step"):
        ct.check_step(run_of(FirstOrder(step=None)))


def test_an_unknown_metric_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ValueRangeError, match="did you mean 'forced_cost'"):
        ct.check_step(run_of(FirstOrder()), metric="forced_costs")
