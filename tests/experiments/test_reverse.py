"""Sizes, shocks and planes at which a system breaks, where they are known in closed form."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2

import contagion as ct
from contagion.errors import NetworkError, SchemaError, ValueRangeError
from tests.experiments.conftest import small_market, small_network

METRICS = ("system_loss", "direct_loss", "deferred_notional", "halted_seconds", "policy_cost", "answers")


@dataclass(frozen=True)
class Loading(ct.Policy):
    """Scales the loss."""

    factor: float = 1.0


@dataclass(frozen=True)
class Made:
    """Loss is a function of the log returns, times the factors of the policies; `answers` is the draw's number."""

    loss: Callable[[dict[str, float]], float]
    factor: float
    assets: tuple[str, ...]
    metric_names: tuple[str, ...] = METRICS

    @property
    def compiled(self) -> bool:
        return True

    def metrics(self, shock: Any, seed: int, scenario: int) -> np.ndarray:
        returns = dict(zip(self.assets, shock.log_returns(self.assets), strict=True))
        loss = self.factor * self.loss(returns)
        if math.isnan(loss):
            raise ValueError("no number")
        return np.array([loss, loss, 0.0, 0.0, 0.0, float(scenario % 2)])


@dataclass(frozen=True)
class MadeModel:
    loss: Callable[[dict[str, float]], float]
    weight: float = 1.0

    def prepare(self, net: ct.Network, policies: Sequence[ct.Policy] = ()) -> Made:
        factor = math.prod(getattr(policy, "factor", 1.0) for policy in policies)
        assets = tuple(name for name in net.assets.index if name != net.unit)
        return Made(self.loss, self.weight * factor, assets)


def falls(returns: dict[str, float]) -> float:
    return -returns["BTC"]


def waves(returns: dict[str, float]) -> float:
    return math.sin(2.0 * math.pi * 2.5 * -returns["BTC"])


def search(loss: Callable[[dict[str, float]], float], until: Any, **options: Any) -> Any:
    return ct.reverse_stress(small_network(), {"BTC": -1.0}, MadeModel(loss), until, **options)


def test_the_size_is_found_within_the_resolution() -> None:
    found = search(falls, ("system_loss", ">=", 0.3217), resolution=1e-6)
    (row,) = found.crossings.to_dict("records")
    assert row["low"] < 0.3217 <= row["high"] and row["resolution"] <= 1e-6
    assert row["begins"] and row["refined"]
    assert row["BTC"] == pytest.approx(math.expm1(-row["size"]), abs=1e-12)
    assert "begins to hold at size 0.3217" in found.sentences()[0] and "BTC -27.5 %" in found.sentences()[0]


def test_every_change_is_reported_and_the_first_is_bisected() -> None:
    # sin(5 pi s) > 0.01 begins and ceases three times between 0 and 1
    edges = [(math.asin(0.01) if k % 2 == 0 else -math.asin(0.01)) / (5 * math.pi) + k / 5 for k in range(6)]
    edges = [edge for edge in edges if 0.0 < edge < 1.0]
    found = search(waves, ("system_loss", ">", 0.01), grid=31, resolution=1e-5)
    rows = found.crossings.to_dict("records")
    assert [row["begins"] for row in rows] == [True, False, True, False, True, False]
    assert [row["refined"] for row in rows] == [True, False, False, False, False, False]
    assert all(row["low"] <= edge <= row["high"] for row, edge in zip(rows, edges, strict=True))
    assert rows[0]["resolution"] <= 1e-5
    assert all(row["resolution"] == pytest.approx(1 / 30) for row in rows[1:])


def test_all_brackets_are_bisected_on_request() -> None:
    found = search(waves, ("system_loss", ">", 0.01), grid=31, resolution=1e-4, refine="all")
    assert found.crossings["refined"].all() and (found.crossings["resolution"] <= 1e-4).all()
    assert found.table["refined"].any() and found.table["size"].is_monotonic_increasing


def test_nothing_found_is_said() -> None:
    found = search(falls, ("system_loss", ">=", 7.0))
    assert found.crossings.empty and "holds at no size looked at" in found.sentences()[0]
    assert "holds at every size" in search(falls, ("system_loss", "<", 7.0)).sentences()[0]


def test_each_policy_set_has_its_own_sizes() -> None:
    found = search(falls, ("system_loss", ">=", 0.2), policies={"half": [Loading(0.5)]}, resolution=1e-6)
    sizes = found.crossings.set_index("policy")["size"]
    assert sizes["none"] == pytest.approx(0.2, abs=1e-6) and sizes["half"] == pytest.approx(0.4, abs=1e-6)
    assert list(dict.fromkeys(found.table["policy"])) == ["none", "half"]


def test_the_condition_must_hold_in_the_share_of_draws_asked_for() -> None:
    until = ("answers", ">=", 1.0)  # holds in every second draw, at every size
    assert search(falls, until, draws=4, share=0.5, grid=2).table["holds"].all()
    assert not search(falls, until, draws=4, share=0.75, grid=2).table["holds"].any()
    assert search(falls, until, draws=4, grid=2).table["share"].tolist() == [0.5, 0.5]


def test_a_shock_is_scaled_in_its_logs() -> None:
    shock = ct.PriceShock({"BTC": -0.5}, over=600.0)
    model = MadeModel(falls)
    found = ct.reverse_stress(small_network(), shock, model, ("system_loss", ">=", 0.3), resolution=1e-7)
    assert found.crossings["size"].iloc[0] == pytest.approx(0.3 / math.log(2.0), abs=1e-6)


def test_a_real_market_breaks_where_the_runs_beside_say_so() -> None:
    net, model = small_market(), ct.Cascade(step=60.0)
    until = ("liquidated_accounts", ">=", 5)
    found = ct.reverse_stress(net, {"BTC": -1.0}, model, until, grid=6, resolution=0.01, over=600.0)
    row = found.crossings.iloc[0]
    for size, wanted in ((row["low"], False), (row["high"], True)):
        run = ct.run(net, ct.PriceShock({"BTC": math.expm1(-size)}, over=600.0), model)
        assert (run.metrics["liquidated_accounts"] >= 5) == wanted


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"until": "venue_defaults"}, SchemaError, "no condition"),
        ({"until": ("system_los", ">=", 1)}, ValueRangeError, "system_loss"),
        ({"until": ("system_loss", "==", 1)}, ValueRangeError, ">="),
        ({"sizes": (0.5, 0.5)}, ValueRangeError, "rise"),
        ({"sizes": 1.0}, SchemaError, "pair"),
        ({"grid": 1}, ValueRangeError, "grid"),
        ({"share": 0.0}, ValueRangeError, "share"),
        ({"refine": "some"}, ValueRangeError, "first, all, none"),
        ({"direction": {"DOGE": -1.0}}, NetworkError, "DOGE"),
        ({"direction": {}}, SchemaError, "direction"),
        ({"direction": {"BTC": math.nan}}, ValueRangeError, "direction"),
        ({"net": 3}, NetworkError, "ct.Network"),
    ],
)
def test_what_cannot_be_searched_is_refused(changes: dict[str, Any], error: type, words: str) -> None:
    options: dict[str, Any] = {"net": small_network(), "direction": {"BTC": -1.0}, "model": MadeModel(falls)}
    with pytest.raises(error, match=words):
        ct.reverse_stress(**{**options, "until": ("system_loss", ">=", 1.0), **changes})


def both(returns: dict[str, float]) -> float:
    return -(returns["BTC"] + 2.0 * returns["ETH"])


@pytest.mark.parametrize(("correlation", "df"), [(0.0, None), (0.8, None), (0.5, 4.0)])
def test_the_most_likely_shock_of_a_linear_loss_is_the_design_point(
    correlation: float, df: float | None
) -> None:
    """Hasofer, Lind (1974): loss w'r >= c is nearest at r = c S w / (w' S w), at distance c / sqrt(w' S w)."""
    scale = {"BTC": 0.1, "ETH": 0.2}
    family = (
        ct.PriceShocks.normal(scale, correlation)
        if df is None
        else ct.PriceShocks.student_t(df, scale, correlation)
    )
    found = ct.most_likely_break(
        small_network(), family, MadeModel(both), ("system_loss", ">=", 1.2), rounds=30
    )
    spread = np.array([0.1, 0.2])
    cov = np.outer(spread, spread) * np.array([[1.0, correlation], [correlation, 1.0]])
    weight = np.array([-1.0, -2.0])
    least = 1.2 / math.sqrt(weight @ cov @ weight)
    assert least <= found.distance <= 1.02 * least
    point = 1.2 * cov @ weight / (weight @ cov @ weight)
    assert found.moves["log_return"].to_numpy() == pytest.approx(point, abs=0.12)
    assert both(found.moves["log_return"].to_dict()) >= 1.2 - 1e-9
    if df is None:
        assert found.beyond == pytest.approx(chi2.sf(found.distance**2, 2))


def test_the_share_that_breaks_has_an_exact_interval() -> None:
    family = ct.PriceShocks.normal(0.1, 0.0)
    found = ct.most_likely_break(
        small_network(), family, MadeModel(falls), ("system_loss", ">=", 0.1), n=400, rounds=0
    )
    assert found.share_low < 0.158655 < found.share_high and found.share_low < found.share < found.share_high


def test_a_family_without_a_density_is_refused() -> None:
    family = ct.PriceShocks.historical(pd.DataFrame({"BTC": [0.1, -0.1], "ETH": [0.1, -0.1]}))
    with pytest.raises(SchemaError, match="density"):
        ct.most_likely_break(small_network(), family, MadeModel(falls), ("system_loss", ">=", 0.1))


def test_no_shock_that_breaks_is_said() -> None:
    family = ct.PriceShocks.normal(0.1)
    found = ct.most_likely_break(small_network(), family, MadeModel(falls), ("system_loss", ">=", 99.0), n=4)
    assert found.shock is None and math.isnan(found.distance) and "no shock that was tried" in found.sentence


def plane(levels: int = 3, grid: int = 4) -> Any:
    """Loss is factor x size x .1: the boundary at .04 is the hyperbola factor x size = .4."""
    shock = ct.PriceShock({"BTC": math.expm1(-0.1)})
    cmp = ct.compare(small_network(), shock, MadeModel(falls), {"load": [Loading(1.0)]})
    x, y = ("shock.size", 0.0, 1.0), ("load.factor", 0.0, 1.0)
    return ct.phase_diagram(cmp, x, y, ("system_loss", ">=", 0.04), policy="load", grid=grid, levels=levels)


def test_the_boundary_of_a_phase_lies_in_the_squares_that_say_so() -> None:
    found = plane()
    cells = found.cells
    width, height = cells["x_high"] - cells["x_low"], cells["y_high"] - cells["y_low"]
    assert float((width * height).sum()) == pytest.approx(1.0, abs=1e-12)
    crossed = (cells["x_low"] * cells["y_low"] < 0.4) & (cells["x_high"] * cells["y_high"] >= 0.4)
    assert (cells["phase"] == "boundary").equals(crossed)
    assert (width[cells["phase"] == "boundary"] == 1 / 32).all() and found.resolution == (1 / 32, 1 / 32)
    assert (cells["phase"] == "above").equals(cells["x_low"] * cells["y_low"] >= 0.4)


def test_only_squares_whose_corners_disagree_are_cut() -> None:
    found = plane()
    assert len(found.table) < 33 * 33 / 3 and len(plane(levels=0).table) == 25
    values = found.table["x"] * found.table["y"] * 0.1
    assert found.table["value"].to_numpy() == pytest.approx(values.to_numpy(), abs=1e-12)
    assert not found.table.duplicated(["x", "y"]).any()


def test_a_parameter_of_the_model_and_one_of_the_policy_vary_together() -> None:
    shock = ct.PriceShock({"BTC": math.expm1(-0.1)})
    cmp = ct.compare(small_network(), shock, MadeModel(falls), {"load": [Loading(1.0)]})
    x, y = ("model.weight", 0.0, 2.0), ("load.factor", 0.0, 2.0)
    found = ct.phase_diagram(cmp, x, y, ("system_loss", ">=", 0.1), policy="load", grid=2, levels=0)
    values = found.table["x"] * found.table["y"] * 0.1
    assert found.table["value"].to_numpy() == pytest.approx(values.to_numpy(), abs=1e-12)


@pytest.mark.parametrize(
    ("x", "options", "error", "words"),
    [
        (("shock.size", 1.0, 0.0), {}, ValueRangeError, "rise"),
        ("shock.size", {}, SchemaError, "axis"),
        (("load.factr", 0.0, 1.0), {}, ValueRangeError, "factor"),
        (("load.factor", 0.0, 1.0), {}, ValueRangeError, "already"),
        (("shock.size", 0.0, 1.0), {"policy": "none"}, ValueRangeError, "another set"),
        (("shock.size", 0.0, 1.0), {"policy": "lod"}, ValueRangeError, "load"),
        (("shock.size", 0.0, 1.0), {"levels": 9}, ValueRangeError, "levels"),
        (("shock.size", 0.0, 1.0), {"n": 7}, ValueRangeError, "more than"),
    ],
)
def test_planes_that_mean_nothing_are_refused(
    x: Any, options: dict[str, Any], error: type, words: str
) -> None:
    cmp = ct.compare(
        small_network(), ct.PriceShock({"BTC": -0.1}), MadeModel(falls), {"load": [Loading(1.0)]}
    )
    with pytest.raises(error, match=words):
        ct.phase_diagram(
            cmp, x, ("load.factor", 0.0, 1.0), ("system_loss", ">=", 0.04), **{"policy": "load", **options}
        )
