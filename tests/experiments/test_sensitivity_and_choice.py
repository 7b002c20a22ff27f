"""Elementary effects, shares of variance and chosen policies, where they are known; SALib as an oracle."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from SALib.analyze import morris as salib_morris
from SALib.analyze import sobol as salib_sobol

import contagion as ct
from contagion.errors import PolicyError, ScenarioError, SchemaError, ValueRangeError
from contagion.experiments import pick_freeze, sensitivity
from contagion.experiments.points import Points
from contagion.streams import stream
from tests.experiments.conftest import small_market, small_network


@dataclass(frozen=True)
class Dials(ct.Policy):
    """Three numbers for a made model."""

    x: float = 0.5
    y: float = 0.5
    z: float = 0.5


@dataclass(frozen=True)
class Ishigami:
    """Loss = sin a + 7 sin(b)^2 + .1 c^4 sin a on [-pi, pi]^3, plus a scenario's own term that every point shares."""

    def prepare(self, net: ct.Network, policies: Sequence[ct.Policy] = ()) -> IshigamiPrepared:
        found = [one for one in policies if isinstance(one, Dials)]
        return IshigamiPrepared(*((found[0].x, found[0].y, found[0].z) if found else (0.5, 0.5, 0.5)))


@dataclass(frozen=True)
class IshigamiPrepared:
    x: float
    y: float
    z: float
    metric_names: tuple[str, ...] = ("system_loss", "deferred_notional", "halted_seconds", "policy_cost")
    compiled: bool = True

    def metrics(self, shock: Any, seed: int, scenario: int) -> np.ndarray:
        a, b, c = (math.pi * (2.0 * value - 1.0) for value in (self.x, self.y, self.z))
        loss = math.sin(a) + 7.0 * math.sin(b) ** 2 + 0.1 * c**4 * math.sin(a)
        return np.array([loss + scenario % 3, 0.0, 0.0, 0.0])


RANGES = [("dials.x", 0.0, 1.0), ("dials.y", 0.0, 1.0), ("dials.z", 0.0, 1.0)]


def study(n: int = 1) -> Any:
    return ct.compare(small_network(), ct.PriceShocks.normal(0.1), Ishigami(), {"dials": [Dials()]}, n=n)


def test_shares_of_variance_of_the_ishigami_function_are_its_closed_forms() -> None:
    """Ishigami, Homma (1990): a = 7, b = .1."""
    found = ct.sobol(study(), RANGES, policy="dials", points=1024)
    v1 = 0.5 * (1.0 + 0.1 * math.pi**4 / 5.0) ** 2
    v2 = 49.0 / 8.0
    v13 = 0.01 * math.pi**8 * (1.0 / 18.0 - 1.0 / 50.0)
    total = v1 + v2 + v13
    first = np.array([v1, v2, 0.0]) / total
    whole = np.array([v1 + v13, v2, v13]) / total
    assert found["first"].to_numpy() == pytest.approx(first, abs=0.05)
    assert found["total"].to_numpy() == pytest.approx(whole, abs=0.05)
    assert (np.abs(found["total"] - whole) < 4.0 * found["total_se"]).all()


def test_shares_agree_with_salib_on_the_same_runs() -> None:
    values = np.random.default_rng(3).gamma(2.0, 1.0, (5, 64))
    ours = pick_freeze.saltelli(values.T)
    a, b, *mixed = values
    order = np.stack([a, *mixed, b], axis=1).ravel()  # a, each mixed column, b: SALib's order
    problem = {"num_vars": 3, "names": ["x", "y", "z"], "bounds": [[0.0, 1.0]] * 3}
    theirs = salib_sobol.analyze(problem, order, calc_second_order=False, num_resamples=2)
    # SALib divides by the standard deviation of all values of A and B first: shares are unchanged
    assert ours[1] == pytest.approx(theirs["ST"], rel=0.02)
    assert ours[0] == pytest.approx(theirs["S1"], abs=0.08)


def test_a_single_parameter_has_all_of_the_variance() -> None:
    found = ct.sobol(study(), RANGES[1:2], policy="dials", points=256)
    assert found.index.tolist() == ["dials.y"]
    assert found.loc["dials.y", "total"] == pytest.approx(1.0, abs=0.05)


def test_elementary_effects_of_a_plane_are_its_slopes() -> None:
    @dataclass(frozen=True)
    class Plane:
        def prepare(self, net: ct.Network, policies: Sequence[ct.Policy] = ()) -> PlanePrepared:
            found = [one for one in policies if isinstance(one, Dials)]
            return PlanePrepared(*((found[0].x, found[0].y) if found else (0.0, 0.0)))

    cmp = ct.compare(small_network(), ct.PriceShocks.normal(0.1), Plane(), {"dials": [Dials()]}, n=2)
    found = ct.morris(cmp, [("dials.x", 0.0, 2.0), ("dials.y", 1.0, 5.0)], policy="dials")
    assert found["mu"].tolist() == pytest.approx([2.0 * 3.0, 4.0 * -5.0])
    assert found["mu_star"].tolist() == pytest.approx([6.0, 20.0])
    assert found["sigma"].tolist() == pytest.approx([0.0, 0.0], abs=1e-12)


@dataclass(frozen=True)
class PlanePrepared:
    x: float
    y: float
    metric_names: tuple[str, ...] = ("system_loss",)
    compiled: bool = True

    def metrics(self, shock: Any, seed: int, scenario: int) -> np.ndarray:
        return np.array([3.0 * self.x - 5.0 * self.y])


def test_elementary_effects_agree_with_salib_on_the_same_walks() -> None:
    cmp = study()
    found = ct.morris(cmp, RANGES, policy="dials", trajectories=20)
    walks = sensitivity._walks(3, 20, cmp.seed).reshape(-1, 3)
    values = np.array([IshigamiPrepared(*row).metrics(None, 0, 0)[0] for row in walks])
    problem = {"num_vars": 3, "names": ["x", "y", "z"], "bounds": [[0.0, 1.0]] * 3}
    theirs = salib_morris.analyze(problem, walks, values, num_levels=4, num_resamples=2)
    for name in ("mu", "mu_star", "sigma"):
        assert found[name].to_numpy() == pytest.approx(np.asarray(theirs[name], dtype=float), rel=1e-9)


def test_walks_move_every_parameter_once_between_levels() -> None:
    walks = sensitivity._walks(4, 30, 7)
    assert walks.shape == (30, 5, 4) and walks.min() >= 0.0 and walks.max() <= 1.0
    assert np.allclose((walks * 3.0) % 1.0 % 1.0, 0.0, atol=1e-9) or np.allclose(
        walks * 3.0, np.rint(walks * 3.0)
    )
    steps = np.abs(np.diff(walks, axis=1))
    assert (np.count_nonzero(steps > 1e-9, axis=2) == 1).all() and np.allclose(steps.max(axis=2), 2.0 / 3.0)
    assert (steps.sum(axis=1) > 0.5).all()


def test_the_change_from_another_set_is_screened() -> None:
    alone = ct.morris(study(), RANGES, policy="dials")
    change = ct.morris(study(), RANGES, policy="dials", against="none")
    assert change["mu"].to_numpy() == pytest.approx(alone["mu"].to_numpy())


def test_numbers_do_not_depend_on_workers() -> None:
    one, three = (ct.sobol(study(), RANGES, policy="dials", points=16, n_jobs=jobs) for jobs in (1, 3))
    assert one.equals(three)


@pytest.mark.parametrize(
    ("ranges", "options", "error", "words"),
    [
        ([], {}, ValueRangeError, "no parameter"),
        ([("dials.w", 0.0, 1.0)], {}, ValueRangeError, "unknown"),
        ([RANGES[0], RANGES[0]], {}, ValueRangeError, "already"),
        (RANGES, {"metric": "system_los"}, ValueRangeError, "system_loss"),
        (RANGES, {"policy": "dial"}, ValueRangeError, "dials"),
        (RANGES, {"points": 12}, ValueRangeError, "power of 2"),
        (RANGES, {"metric": "policy_cost"}, ScenarioError, "no variance"),
    ],
)
def test_questions_that_mean_nothing_are_refused(ranges: Any, options: Any, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        ct.sobol(study(), ranges, **{"policy": "dials", "points": 8, **options})


def test_a_cost_at_a_point_is_that_of_the_comparison() -> None:
    net = small_market()
    slow = net.replace(
        venues=net.venues.assign(throughput=20.0)
    )  # what the venue holds back is not the throttle's
    shock, model = ct.PriceShock({"BTC": -0.3}, over=600.0), ct.Cascade(step=60.0)
    cmp = ct.compare(slow, shock, model, {"throttle": [ct.LiquidationThrottle(rate=10.0)]})
    points = Points.make(
        cmp, [("x", ("shock.size", 0.5, 1.0))], policy="throttle", metric="policy_cost", n=1, n_jobs=1
    )
    cost = float(cmp.to_frame().query("policy == 'throttle'")["policy_cost"].iloc[0])
    assert points.mean([1.0]) == cost
    alone = ct.run(slow, shock, model, [ct.LiquidationThrottle(rate=10.0)])
    assert 0.0 < cost < alone.metrics["policy_cost"]


@dataclass(frozen=True)
class Lucky(ct.Policy):
    """Changes every scenario's loss by a draw of its own with mean `mean`: a placebo where that is 0."""

    number: int = 0
    mean: float = 0.0


@dataclass(frozen=True)
class Lottery:
    def prepare(self, net: ct.Network, policies: Sequence[ct.Policy] = ()) -> LotteryPrepared:
        return LotteryPrepared(tuple(one for one in policies if isinstance(one, Lucky)))


@dataclass(frozen=True)
class LotteryPrepared:
    policies: tuple[Lucky, ...]
    metric_names: tuple[str, ...] = ("system_loss", "deferred_notional", "halted_seconds", "policy_cost")
    compiled: bool = True

    def metrics(self, shock: Any, seed: int, scenario: int) -> np.ndarray:
        change = sum(
            one.mean + float(stream(seed, "lottery", one.number, scenario).standard_normal())
            for one in self.policies
        )
        return np.array([100.0 + change, 0.0, 0.0, 0.0])


def chosen(sets: dict[str, list[ct.Policy]], **options: Any) -> Any:
    family = ct.PriceShocks.fixed([ct.PriceShock({"BTC": -0.1})])
    settings = {"weight": 0.0, "n": 30, "held_out": 60, **options}
    return ct.optimise_policy(small_network(), family, Lottery(), sets, **settings)


def test_the_best_candidate_wins_and_is_confirmed() -> None:
    found = chosen({"good": [Lucky(1, -3.0)], "bad": [Lucky(2, 3.0)], "small": [Lucky(3, -0.5)]})
    assert found.winner == "good" and list(found.table.index) == ["good", "small", "bad"]
    one = found.confirmation
    assert one["low"] < 3.0 < one["high"] and one["n"] == 60
    assert one["curse"] == pytest.approx(one["benefit_search"] - one["benefit"])
    assert found.table.loc["good", "frontier"] and not found.table.loc["bad", "frontier"]
    assert "good won among 3 candidates" in found.sentence


def test_the_held_out_interval_of_the_luckiest_of_ten_placebos_covers_nothing_to_see() -> None:
    """Two hundred searches: the interval covers 0 in at least 90 %, and the curse is the mean of the best of ten."""
    placebos: dict[str, list[ct.Policy]] = {f"p{i}": [Lucky(i)] for i in range(10)}
    found = [chosen(placebos, n=25, held_out=50, seed=seed).confirmation for seed in range(200)]
    covered = [one["low"] <= 0.0 <= one["high"] for one in found]
    assert np.mean(covered) >= 0.90
    # the largest of ten standard normals has mean 1.53875 (Teichroew 1956)
    curse = np.array([one["curse"] for one in found])
    assert curse.mean() == pytest.approx(1.53875 / 5.0, abs=4.0 * curse.std() / math.sqrt(200))


def test_where_nothing_helps_none_wins() -> None:
    found = chosen({"bad": [Lucky(2, 3.0)]})
    assert found.winner == "none" and found.held_out is None and found.confirmation.isna().all()
    assert "None of 1 candidates" in found.sentence


def test_the_frontier_holds_what_no_other_candidate_beats() -> None:
    from contagion.experiments.choice import _frontier

    benefit, cost = np.array([1.0, 2.0, 3.0, 2.0, 0.5]), np.array([1.0, 2.0, 4.0, 3.0, 0.5])
    assert _frontier(benefit, cost).tolist() == [True, True, True, False, True]
    assert _frontier(np.array([1.0, 1.0]), np.array([1.0, 1.0])).tolist() == [True, True]


def test_candidates_fill_the_box_and_keep_what_is_fixed() -> None:
    sets = ct.candidates(ct.Halt, {"drop": (0.02, 0.2), "length": (60.0, 900.0)}, n=32, window=120.0)
    halts = [one for (one,) in sets.values()]
    assert len(sets) == 32 and all(halt.window == 120.0 for halt in halts)  # type: ignore[attr-defined]
    for name, low, high in (("drop", 0.02, 0.2), ("length", 60.0, 900.0)):
        shares = np.sort([(getattr(halt, name) - low) / (high - low) for halt in halts])
        assert np.abs(shares - (np.arange(32) + 0.5) / 32).max() < 0.06


def test_candidates_of_a_whole_number_are_whole_and_none_comes_twice() -> None:
    sets = ct.candidates(ct.Halt, {"times": (1, 3)}, n=16, drop=0.1)
    assert sorted(sets) == ["Halt times=1", "Halt times=2", "Halt times=3"]
    times = [one.times for (one,) in sets.values()]  # type: ignore[attr-defined]
    assert sorted(times) == [1, 2, 3] and all(type(one) is int for one in times)
    both = ct.candidates(ct.Halt, {"times": (1, 3), "drop": (0.02, 0.2)}, n=16)
    assert len(both) == 16


@pytest.mark.parametrize(
    ("kind", "ranges", "error", "words"),
    [
        (ct.Halt, {"times": (1.5, 3.0)}, ValueRangeError, "whole numbers"),
        (3, {"drop": (0.0, 1.0)}, SchemaError, "ct.Halt"),
        (ct.Halt, {}, SchemaError, "range"),
        (ct.Halt, {"dorp": (0.1, 0.2)}, PolicyError, "drop"),
        (ct.Halt, {"drop": 0.1}, SchemaError, "pair"),
        (ct.Halt, {"drop": (0.2, 0.1)}, ValueRangeError, "rise"),
    ],
)
def test_candidates_that_are_none_are_refused(kind: Any, ranges: Any, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        ct.candidates(kind, ranges)


def test_a_search_without_candidates_is_refused() -> None:
    with pytest.raises(ValueRangeError, match="at least one"):
        ct.optimise_policy(small_network(), ct.PriceShocks.normal(0.1), Lottery(), {})
