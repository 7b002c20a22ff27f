"""A study bills what a policy set used beyond the run without policies on the same scenario."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pytest

import contagion as ct
from contagion.policies import Outlay
from contagion.policies.costs import CostRates

from .conftest import METRICS, ClosedForm, ClosedFormPrepared, small_market

COST = METRICS.index("policy_cost")
HOURS = 3600.0
FAMILY = ct.PriceShocks.student_t(df=4, scale=0.12)
MODEL = ct.Cascade(step=60.0, horizon=3600.0)


@dataclass(frozen=True)
class TellingPrepared(ClosedFormPrepared):
    """Says what was used: venues hold back 1e6 + 1e5 * scenario for an hour anyway, each throttle 2e6 more."""

    def measure(self, shock: Any, seed: int, scenario: int) -> tuple[np.ndarray, Outlay]:
        metrics = self.metrics(shock, seed, scenario)
        throttles = sum(isinstance(policy, ct.LiquidationThrottle) for policy in self.policies)
        halts = any(isinstance(policy, ct.Halt) for policy in self.policies)
        used = Outlay(
            seconds=3600.0,
            halted_value=4e6 * HOURS * halts,
            deferred_value=(1e6 + 1e5 * scenario + 2e6 * throttles) * HOURS,
            deleveraged=3e6,
            haircut=7.0,
        )
        metrics[COST] = -1.0
        return metrics, used


@dataclass(frozen=True)
class Telling(ClosedForm):
    """The closed form, with a model that says what was used."""

    def prepare(self, net: ct.Network, policies: Sequence[ct.Policy]) -> TellingPrepared:
        plain = super().prepare(net, policies)
        return TellingPrepared(plain.policies, plain.assets, plain.size)


@dataclass(frozen=True)
class Thrifty(ct.Policy):
    """Charges all that was measured."""

    def cost(self, outlay: Outlay, rates: CostRates) -> float:
        return rates.of(outlay)


@dataclass(frozen=True)
class Puzzled(ct.Policy):
    """Cannot say what it costs."""

    def cost(self, outlay: Outlay, rates: CostRates) -> float:
        raise ValueError("no idea")


THROTTLE = ct.LiquidationThrottle(share=0.5)
TOLD: dict[str, Any] = {
    "throttle": [THROTTLE],
    "throttles": [THROTTLE, THROTTLE],
    "halt": [ct.Halt()],
    "halt and throttle": [ct.Halt(), THROTTLE],
    "throttle and halt": [THROTTLE, ct.Halt()],
    "all": [Thrifty()],
    "puzzled": [Puzzled()],
}
WANTED = {
    "none": 0.0,
    "placebo": 0.0,
    "throttle": 1e-4 * 2e6,
    "throttles": 1e-4 * 4e6,
    "halt": 1e-4 * 4e6,
    "halt and throttle": 1e-4 * 4e6 + 1e-4 * 2e6,
    "throttle and halt": 1e-4 * 4e6 + 1e-4 * 2e6,
    "all": 0.0,
}


@pytest.fixture
def told(net: ct.Network, family: Any) -> Any:
    return ct.compare(net, family, Telling(), TOLD, n=5, seed=3)


def test_what_happens_without_policies_is_charged_to_nobody(told: Any) -> None:
    frame = told.to_frame()
    for name, wanted in WANTED.items():
        found = frame[frame["policy"] == name]["policy_cost"].to_numpy()
        assert found == pytest.approx(np.full(5, wanted), rel=1e-12), name


def test_the_parts_of_the_bill_are_measured_from_none_too(net: ct.Network, family: Any) -> None:
    sets = {name: policies for name, policies in TOLD.items() if name != "puzzled"}
    costs = ct.compare(net, family, Telling(), sets, n=5, seed=3).costs(CostRates(halted=3e-4))
    row = costs.loc["throttle and halt"]
    assert (row["halted"], row["deferred"]) == pytest.approx((3e-4 * 4e6, 1e-4 * 2e6), rel=1e-12)
    assert row["cost"] == pytest.approx(3e-4 * 4e6 + 1e-4 * 2e6, rel=1e-12)
    assert row["seized"] == row["deleveraged"] == row["other"] == 0.0


def test_a_policy_that_cannot_say_its_cost_fails_its_own_runs_only(told: Any) -> None:
    frame = told.to_frame()
    failed = frame[frame["status"] == "error"]
    assert set(failed["policy"]) == {"puzzled"}
    assert failed[told.metric_names].isna().all(axis=None)
    assert told.errors["message"].unique().tolist() == ["ValueError: no idea"]


def market() -> ct.Network:
    """The small market with a venue whose own limit holds orders back."""
    net = small_market()
    return net.replace(venues=net.venues.assign(throughput=40.0))


REAL: dict[str, Any] = {
    "halt": [ct.Halt(drop=0.05, window=300.0, length=300.0)],
    "throttle": [ct.LiquidationThrottle(share=0.3)],
    "throttle twice": [ct.LiquidationThrottle(share=0.3), ct.LiquidationThrottle(share=0.3)],
    "idle throttle": [ct.LiquidationThrottle(share=1.0, rate=1e12)],
    "fund": [ct.InsuranceFund(factor=3.0)],
}


@pytest.fixture(scope="module")
def studied() -> tuple[ct.Network, Any]:
    net = market()
    return net, ct.compare(net, FAMILY, MODEL, REAL, n=8, seed=4)


def used(net: ct.Network, policies: Sequence[ct.Policy], comparison: Any, scenario: int) -> Outlay:
    run = comparison.rerun("none", scenario)
    return MODEL.prepare(net, policies).measure(run.shock, comparison.seed, scenario)[1]


def costs_of(comparison: Any, name: str) -> np.ndarray:
    frame = comparison.to_frame()
    return np.asarray(frame[frame["policy"] == name]["policy_cost"], dtype=np.float64)


def test_a_throttle_pays_for_the_orders_it_adds_to_those_its_venue_holds_back(studied: Any) -> None:
    net, comparison = studied
    waiting = np.array([used(net, (), comparison, i).deferred_value for i in range(8)])
    more = np.array([used(net, REAL["throttle"], comparison, i).deferred_value for i in range(8)])
    assert (waiting > 0.0).any()
    assert (more != waiting).any()
    wanted = 1e-4 * (more - waiting) / HOURS
    assert costs_of(comparison, "throttle") == pytest.approx(wanted, rel=1e-9, abs=1e-12)


def test_a_throttle_that_never_binds_costs_nothing_although_orders_wait(studied: Any) -> None:
    _, comparison = studied
    assert (costs_of(comparison, "idle throttle") == 0.0).all()


def test_a_fund_is_billed_its_capital_in_every_scenario(studied: Any) -> None:
    _, comparison = studied
    wanted = 0.10 * (3.0 - 1.0) * 500.0 * 3600.0 / (365.25 * 86_400.0)
    assert costs_of(comparison, "fund") == pytest.approx(np.full(8, wanted), rel=1e-9)


def test_no_set_and_the_placebo_cost_nothing_where_venues_hold_orders_back(studied: Any) -> None:
    _, comparison = studied
    for name in ("none", "placebo"):
        assert (costs_of(comparison, name) == 0.0).all()


def test_a_rerun_has_the_cost_of_its_row_and_a_single_run_bills_as_measured(studied: Any) -> None:
    net, comparison = studied
    for name, scenario in product(REAL, (0, 5)):
        run = comparison.rerun(name, scenario)
        assert run.metrics["policy_cost"] == costs_of(comparison, name)[scenario]
    run = comparison.rerun("throttle", 0)
    alone = MODEL.prepare(net, REAL["throttle"]).run(run.shock, comparison.seed, 0)
    deferred = used(net, REAL["throttle"], comparison, 0).deferred_value
    assert alone.metrics["policy_cost"] == pytest.approx(1e-4 * deferred / HOURS, rel=1e-12)


def test_a_run_whose_baseline_failed_has_no_cost(net: ct.Network, family: Any) -> None:
    @dataclass(frozen=True)
    class Brittle(Telling):
        def prepare(self, net: ct.Network, policies: Sequence[ct.Policy]) -> Any:
            ready = super().prepare(net, policies)
            return ready if policies else BrittlePrepared(ready.policies, ready.assets, ready.size)

    @dataclass(frozen=True)
    class BrittlePrepared(TellingPrepared):
        def measure(self, shock: Any, seed: int, scenario: int) -> tuple[np.ndarray, Outlay]:
            if scenario == 1:
                raise ValueError("broken")
            return super().measure(shock, seed, scenario)

    comparison = ct.compare(net, family, Brittle(), {"halt": [ct.Halt()]}, n=3, seed=3)
    found = costs_of(comparison, "halt")
    assert np.isnan(found[1])
    assert found[[0, 2]] == pytest.approx([1e-4 * 4e6] * 2, rel=1e-12)
    assert comparison.costs().loc["halt", "cost"] == pytest.approx(1e-4 * 4e6, rel=1e-12)


def test_a_change_to_a_table_of_costs_does_not_reach_the_comparison(studied: Any) -> None:
    _, comparison = studied
    first = comparison.costs()
    first.loc[:, :] = 5.0
    assert comparison.costs().loc["none", "cost"] == 0.0


def test_a_set_that_failed_everywhere_has_no_bill_and_the_others_keep_theirs(told: Any) -> None:
    costs = told.costs()
    failed = costs["cost"].isna()
    assert costs.index[failed].tolist() == ["puzzled"]
    assert costs.loc[failed].isna().all(axis=None)
    assert costs.loc[~failed].notna().all(axis=None)
