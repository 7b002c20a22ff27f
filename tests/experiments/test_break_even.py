"""Break-even points whose places are known: by hand in a small world, by formula in a made-up model."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import contagion as ct
from contagion.errors import ContagionError
from tests.propagation.cascade.small import OUTSIDE, ROUND, UNITS, Holder, Rules, small_net

LENGTH = 100.0
LATER = 920.0


def path(*points: tuple[float, float]) -> ct.PricePath:
    """Outside prices of X at these times."""
    return ct.PricePath(pd.DataFrame({"X": [p for _, p in points]}, index=[t for t, _ in points]))


@cache
def waiting() -> Any:
    """A sale of 64 units lowers the price below the trigger of 16 more; a halt lets the book recover, and prices fall.

    The second account is closed below 915. Without the halt it sells at 20 s, from 900; with it at 120 s, outside at
    920, if the displacement of 1/16 has not decayed enough by then.
    """
    holders = {"a": Holder({"M": 64.0}, 7000.0, "isolated"), "b": Holder({"M": 16.0}, 2659.0, "isolated")}
    book = {"permanent_share": 0.0, "impact_half_life": 60.0}
    net = small_net(holders, Rules({"insurance_fund": 1e5}, book))
    shock = path((0.0, 1024.0), (10.0, OUTSIDE), (50.0, OUTSIDE), (60.0, LATER), (300.0, LATER))
    halt = ct.Halt(drop=0.1, window=math.inf, length=LENGTH, times=1)
    return ct.compare(net, shock, ct.Cascade(step=ROUND, horizon=600.0), {"halt": [halt]})


def test_the_halt_helps_only_if_depth_returns_in_time() -> None:
    found = ct.break_even(waiting(), "markets.impact_half_life", (20.0, 400.0), resolution=0.01)
    # sold without the halt at 960 (1 - 1/16 - 1/128), with it at 920 (1 - x - half of what it moves)
    at_once = OUTSIDE * (1.0 - 64.0 / UNITS - 0.5 * 16.0 / UNITS)
    own = 0.5 * 16.0 * LATER / (OUTSIDE * UNITS)
    left = 1.0 - at_once / LATER - own
    half_life = LENGTH / math.log2(64.0 / UNITS / left)
    assert len(found.crossings) == 1
    row = found.crossings.iloc[0]
    assert row["low"] <= half_life <= row["high"] and row["resolution"] <= 0.01 * row["high"]
    assert row["crossing"] == pytest.approx(half_life, rel=1e-3)
    assert row["helps"] == "below"
    assert "lowers mean system_loss only if markets.impact_half_life is below 67." in found.sentence


def test_runs_ten_percent_below_and_above_have_the_signs_found() -> None:
    found = ct.break_even(waiting(), "markets.impact_half_life", (20.0, 400.0))
    again = found.check()
    assert again["reproduced"].tolist() == [True]
    assert (again["effect_below"] < 0.0).all() and (again["effect_above"] > 0.0).all()
    assert again["below"].iloc[0] == pytest.approx(0.9 * found.crossings["crossing"].iloc[0])


def test_a_halt_must_last_until_prices_are_back() -> None:
    # 960 at 10 s, 896 from 50 s to 140 s, 1024 again at 150 s: a halt that ends before 150 s sells at the bottom
    net = small_net({"a": Holder({"M": 16.0}, 1500.0, "isolated")}, Rules({"insurance_fund": 1e5}))
    shock = path((0.0, 1024.0), (10.0, 960.0), (40.0, 960.0), (50.0, 896.0), (140.0, 896.0), (150.0, 1024.0))
    halt = ct.Halt(drop=0.05, window=math.inf, length=100.0, times=1)
    cmp = ct.compare(net, shock, ct.Cascade(step=ROUND, horizon=600.0), {"halt": [halt]})
    found = ct.break_even(cmp, "halt.length", (45.0, 400.0), resolution=0.01)
    row = found.crossings.iloc[0]
    assert len(found.crossings) == 1 and row["low"] <= 130.0 <= row["high"] and row["helps"] == "above"
    assert found.check()["reproduced"].tolist() == [True]
    assert "only if halt.length is above" in found.sentence


@dataclass(frozen=True)
class Dose(ct.Policy):
    """Changes a made-up loss as a function of `size`."""

    size: float = 1.0

    def opening(self, net: ct.Network) -> ct.Network:
        return net


@dataclass(frozen=True)
class MadeUp:
    """Loss = noise of the scenario + (the formula of the dose and of the depth of the books)."""

    formula: Callable[[float, float], float]
    factor: float = 1.0

    def prepare(self, net: ct.Network, policies: Sequence[Any]) -> Any:
        doses = [policy.size for policy in policies if isinstance(policy, Dose)]
        half = float(net.markets["impact_half_life"].iloc[0])

        def metrics(shock: Any, seed: int, scenario: int) -> np.ndarray:
            noise = float(np.random.default_rng(scenario).normal(0.0, 100.0))
            if scenario == 3 and doses:
                raise ArithmeticError("scenario 3 fails")
            effect = sum(self.formula(dose, half) for dose in doses)
            return np.array([noise + self.factor * effect, 0.0, 0.0])

        return SimpleNamespace(
            metrics=metrics,
            metric_names=("system_loss", "deferred_notional", "halted_seconds"),
            compiled=True,
        )


def study(formula: Callable[[float, float], float], n: int = 40) -> Any:
    """The made-up model under a dose of 1."""
    net = small_net({"a": Holder({"M": 1.0}, 512.0, "isolated")}, Rules(market={"impact_half_life": 300.0}))
    return ct.compare(net, ct.PriceShock({"X": -0.1}), MadeUp(formula), {"dose": [Dose()]}, n=n)


def test_all_crossings_are_found_and_the_sentence_names_the_ranges() -> None:
    cmp = study(lambda dose, half: (dose - 1.0) * (dose - 2.0) * (dose - 3.0))
    found = ct.break_even(cmp, "dose.size", (0.0, 4.0), grid=21, resolution=0.001)
    assert found.crossings["crossing"].to_numpy() == pytest.approx([1.0, 2.0, 3.0], abs=1e-3)
    assert found.crossings["helps"].tolist() == ["below", "above", "below"]
    assert found.check()["reproduced"].tolist() == [True, True, True]
    assert "below 1 or between 2 and 3 " in found.sentence


def test_scenarios_are_paired_so_that_noise_cancels_and_failures_do_not_count() -> None:
    found = ct.break_even(study(lambda dose, half: dose - 2.5), "dose.size", (1.0, 4.0), resolution=0.01)
    table = found.to_frame()
    assert table["effect"].to_numpy() == pytest.approx(table["value"].to_numpy() - 2.5, abs=1e-9)
    assert (table["n"] == 39).all() and table["value"].is_monotonic_increasing
    assert table["refined"].sum() == len(table) - 9


def test_a_column_concerns_both_sets_and_may_be_multiplied() -> None:
    cmp = study(lambda dose, half: half - 150.0)
    absolute = ct.break_even(cmp, "markets.impact_half_life", resolution=0.001)
    assert absolute.crossings["crossing"].tolist() == pytest.approx([150.0], rel=1e-3)
    assert absolute.table["value"].iloc[[0, -1]].tolist() == [75.0, 1200.0]
    times = ct.break_even(cmp, "markets.impact_half_life", (0.1, 4.0), relative=True, resolution=0.001)
    assert times.crossings["crossing"].tolist() == pytest.approx([0.5], rel=1e-3)


def test_a_number_of_the_model_may_vary() -> None:
    found = ct.break_even(study(lambda dose, half: 1.0), "model.factor", (-1.0, 2.0), resolution=0.001)
    assert found.crossings["crossing"].tolist() == pytest.approx([0.0], abs=1e-3)


@pytest.mark.parametrize(("effect", "words"), [(-2.0, "lowers"), (2.0, "raises"), (0.0, "does not change")])
def test_without_a_crossing_the_sentence_says_what_holds_everywhere(effect: float, words: str) -> None:
    found = ct.break_even(study(lambda dose, half: effect), "dose.size", (1.0, 2.0), grid=3)
    assert found.crossings.empty and found.check().empty
    assert f"dose against none {words} mean system_loss at every value" in found.sentence


def test_values_at_which_nothing_changes_lie_within_a_bracket() -> None:
    cmp = study(lambda dose, half: -1.0 if dose < 1.0 else float(dose > 2.0))
    found = ct.break_even(cmp, "dose.size", (0.0, 4.0), grid=9, resolution=0.01)
    assert len(found.crossings) == 1 and found.crossings["helps"].tolist() == ["below"]


@pytest.mark.parametrize(
    ("parameter", "more"),
    [
        ("dose", {}),
        ("dose.amount", {}),
        ("markets.venue", {}),
        ("bazaars.depth", {}),
        ("model.formula", {}),
        ("dose.size", {"bounds": (2.0, 1.0)}),
        ("dose.size", {"bounds": (1.0, math.inf)}),
        ("dose.size", {"metric": "loss"}),
        ("dose.size", {"against": "nothing"}),
        ("dose.size", {"policy": "none"}),
        ("dose.size", {"n": 0}),
        ("dose.size", {"n": 41}),
        ("dose.size", {"n": 2.5}),
        ("dose.size", {"grid": 1}),
        ("dose.size", {"resolution": 0.0}),
        ("nodes.external_assets", {}),
    ],
)
def test_what_cannot_be_searched_is_refused(parameter: str, more: dict[str, Any]) -> None:
    with pytest.raises(ContagionError):
        ct.break_even(study(lambda dose, half: dose), parameter, **more)


def test_a_study_of_several_sets_asks_which() -> None:
    net = small_net({"a": Holder({"M": 1.0}, 512.0, "isolated")})
    model = MadeUp(lambda dose, half: dose)
    cmp = ct.compare(net, ct.PriceShock({"X": -0.1}), model, {"one": [Dose()], "two": [Dose(2.0)]}, n=2)
    with pytest.raises(ContagionError, match="one, two"):
        ct.break_even(cmp, "markets.impact_half_life", (1.0, 2.0))
    assert ct.break_even(cmp, "markets.impact_half_life", (1.0, 2.0), policy="two", grid=2).policy == "two"
