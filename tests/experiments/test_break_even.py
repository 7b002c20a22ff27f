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
from tests.propagation.cascade.small import OUTSIDE, RATE, ROUND, UNITS, Holder, Rules, gap, small_net

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
class Doses(Dose):
    """A dose in whole pieces."""

    size: int = 2

    def __post_init__(self) -> None:
        assert type(self.size) is int


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


def pieces(formula: Callable[[float, float], float], size: int = 2) -> Any:
    """The made-up model under a dose in whole pieces."""
    net = small_net({"a": Holder({"M": 1.0}, 512.0, "isolated")}, Rules())
    sets = {"dose": [Doses(size)]}
    return ct.compare(net, ct.PriceShock({"X": -0.1}), MadeUp(formula), sets, n=40)


def test_a_whole_number_is_searched_in_whole_numbers_and_a_crossing_lies_between_neighbours() -> None:
    found = ct.break_even(
        pieces(lambda dose, half: dose - 7.4), "dose.size", (1, 40), grid=4, resolution=1e-6
    )
    row = found.crossings.iloc[0]
    assert [row["low"], row["high"], row["crossing"], row["helps"]] == [7.0, 8.0, 7.5, "below"]
    assert (found.table["value"] % 1.0 == 0.0).all() and found.table["value"].is_unique
    again = found.check().iloc[0]
    assert [again["below"], again["above"], again["reproduced"]] == [6.0, 9.0, True]
    assert "only if dose.size is below 7.5" in found.sentence


def test_a_whole_number_at_which_the_effect_is_nothing_is_the_crossing() -> None:
    found = ct.break_even(
        pieces(lambda dose, half: dose - 5.0), "dose.size", (1, 12), grid=2, resolution=1e-6
    )
    assert found.crossings[["low", "crossing", "high"]].to_numpy().tolist() == [[4.0, 5.0, 6.0]]


def test_bounds_of_a_whole_number_are_whole_too() -> None:
    cmp = pieces(lambda dose, half: dose - 3.5, size=3)
    assert ct.break_even(cmp, "dose.size").table["value"].iloc[[0, -1]].tolist() == [1.0, 12.0]
    with pytest.raises(ContagionError, match=r"bounds.*no whole number"):
        ct.break_even(cmp, "dose.size", (1.5, 4))
    with pytest.raises(ContagionError, match="takes whole numbers alone"):
        axes = ("dose.size", 1, 8), ("shock.size", 0.5, 1.0)
        ct.phase_diagram(cmp, *axes, ("system_loss", ">=", 0.0), policy="dose")
    shares = ct.morris(cmp, [("dose.size", 1, 8), ("shock.size", 0.5, 1.0)], policy="dose", trajectories=4)
    assert shares.loc["dose.size", "mu"] > 0.0


def test_a_stretch_without_any_effect_is_told_as_such_and_is_no_crossing() -> None:
    cmp = study(lambda dose, half: -1.0 if dose < 1.03 else float(dose > 2.01))
    found = ct.break_even(cmp, "dose.size", (0.0, 4.0), grid=9, resolution=0.01)
    assert found.crossings.empty and len(found.flats) == 1
    row = found.flats.iloc[0]
    assert 1.03 <= row["low"] <= 1.03 * 1.01 and 2.01 / 1.01 <= row["high"] <= 2.01
    assert (row["before"], row["after"]) == (-1.0, 1.0)
    assert "only if dose.size is below 1.03" in found.sentence
    assert "it changes nothing from 1.03" in found.sentence and " to 2" in found.sentence
    again = found.check()
    assert again["kind"].tolist() == ["flat from", "flat to"] and again["reproduced"].all()
    assert again["effect_above"].tolist() == [0.0, 1.0] and again["effect_below"].tolist() == [-1.0, 0.0]


def test_a_stretch_without_effect_between_two_values_of_the_grid_is_found() -> None:
    cmp = study(lambda dose, half: -1.0 if dose < 1.9 else float(dose > 2.1))
    found = ct.break_even(cmp, "dose.size", (0.5, 3.5), grid=2, resolution=0.01)
    assert found.crossings.empty and found.flats["low"].iloc[0] == pytest.approx(1.9, rel=0.01)
    assert found.flats["high"].iloc[0] == pytest.approx(2.1, rel=0.01)


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        (lambda dose, half: -float(dose > 2.01), ["lowers", "is above 2.0", "it changes nothing up to 2"]),
        (lambda dose, half: float(dose < 2.01), ["raises", "is below 2.0", "it changes nothing from 2.0"]),
    ],
)
def test_a_search_that_ends_without_effect_says_where_there_is_one(formula: Any, words: list[str]) -> None:
    found = ct.break_even(study(formula), "dose.size", (0.0, 4.0), grid=9, resolution=0.001)
    assert all(word in found.sentence for word in words)
    assert found.crossings.empty and len(found.flats) == 1
    assert found.check()["reproduced"].tolist() == [True]


def test_a_value_that_is_exactly_the_root_is_a_crossing() -> None:
    found = ct.break_even(
        study(lambda dose, half: dose - 2.0), "dose.size", (1.0, 3.0), grid=3, resolution=0.01
    )
    assert found.crossings["crossing"].tolist() == [2.0] and found.flats.empty
    assert found.crossings["resolution"].iloc[0] <= 0.01 * found.crossings["high"].iloc[0]
    touching = ct.break_even(study(lambda dose, half: -((dose - 2.0) ** 2)), "dose.size", (1.0, 3.0), grid=3)
    assert touching.crossings.empty and touching.flats.empty
    assert "lowers mean system_loss at every value" in touching.sentence


def test_no_effect_anywhere_is_one_stretch() -> None:
    found = ct.break_even(study(lambda dose, half: 0.0), "dose.size", (1.0, 2.0), grid=3)
    assert found.flats[["low", "high"]].to_numpy().tolist() == [[1.0, 2.0]]


def test_the_sentence_names_bracket_and_interval_of_a_crossing() -> None:
    found = ct.break_even(uneven(), "dose.size", (1.0, 4.0), grid=13, resolution=0.01)
    row, table = found.crossings.iloc[0], found.to_frame()
    open_values = table["value"][(table["low"] <= 0.0) & (table["high"] >= 0.0)]
    assert row["sure_low"] < open_values.min() <= row["low"] <= 2.5 <= row["high"] <= open_values.max()
    assert row["sure_high"] > open_values.max()
    assert f"its sign changes between {row['low']:.4g} and {row['high']:.4g}" in found.sentence
    assert f"with 95 % confidence between {row['sure_low']:.4g} and {row['sure_high']:.4g}" in found.sentence


def uneven() -> Any:
    """A study whose paired differences vary: a dose acts with a strength of the scenario's own."""

    @dataclass(frozen=True)
    class Uneven(MadeUp):
        def prepare(self, net: ct.Network, policies: Sequence[Any]) -> Any:
            doses = [policy.size for policy in policies if isinstance(policy, Dose)]

            def metrics(shock: Any, seed: int, scenario: int) -> np.ndarray:
                strength = 1.0 if scenario % 2 else -1.0
                return np.array([sum(dose - 2.5 + strength for dose in doses), 0.0, 0.0])

            names = ("system_loss", "deferred_notional", "halted_seconds")
            return SimpleNamespace(metrics=metrics, metric_names=names, compiled=True)

    net = small_net({"a": Holder({"M": 1.0}, 512.0, "isolated")})
    return ct.compare(
        net, ct.PriceShock({"X": -0.1}), Uneven(lambda dose, half: 0.0), {"dose": [Dose()]}, n=40
    )


def allowed_study() -> Any:
    """A halt and a margin multiplier whose numbers cannot be four times what they are."""
    net = small_net({"a": Holder({"M": 1.0}, 512.0, "isolated")}, Rules(market={"permanent_share": 0.5}))
    sets = {"halt": [ct.Halt(drop=0.4)], "margin": [ct.MarginMultiplier(factor=6.0)]}
    return ct.compare(net, gap(), ct.Cascade(step=ROUND, horizon=60.0), sets, n=1)


@pytest.mark.parametrize(
    ("parameter", "first", "last"),
    [
        ("halt.drop", 0.1, 1.0),
        ("markets.permanent_share", 0.125, 1.0),
        ("margin.factor", 1.5, 1.0 / RATE),
        ("model.step", 2.5, 40.0),
    ],
)
def test_default_bounds_stay_where_the_parameter_is_allowed(
    parameter: str, first: float, last: float
) -> None:
    policy = "margin" if parameter.startswith("margin") else "halt"
    found = ct.break_even(allowed_study(), parameter, grid=2, policy=policy)
    values = found.table["value"]
    assert values.iloc[0] == first
    assert 0.98 * last <= values.iloc[-1] <= last


def test_a_bound_that_is_refused_is_named_before_anything_runs() -> None:
    with pytest.raises(ContagionError, match=r"bounds.*halt\.drop cannot have.*Halt\.drop"):
        ct.break_even(allowed_study(), "halt.drop", (0.1, 2.0))
    with pytest.raises(ContagionError, match=r"bounds.*permanent_share"):
        ct.break_even(allowed_study(), "markets.permanent_share", (0.1, 2.0), policy="halt")


def test_the_cost_that_changes_its_sign_is_what_goes_beyond_the_run_without_policies() -> None:
    net = small_net({"a": Holder({"M": 1.0}, 512.0, "isolated")}, Rules({"insurance_fund": 1e6}))
    model = ct.Cascade(step=ROUND, horizon=600.0)
    cmp = ct.compare(net, gap(), model, {"fund": [ct.InsuranceFund(factor=1.5)]}, n=1)
    found = ct.break_even(cmp, "fund.factor", (0.0, 3.0), metric="policy_cost", grid=7)
    wanted = 0.10 * 1e6 * np.maximum(found.table["value"] - 1.0, 0.0) * 600.0 / (365.25 * 86_400.0)
    assert found.table["effect"].to_numpy() == pytest.approx(wanted.to_numpy(), rel=1e-9)
    assert "it changes nothing up to 1" in found.sentence


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
