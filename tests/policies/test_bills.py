from dataclasses import dataclass

import numpy as np
import pytest

import contagion as ct
from contagion.policies import Outlay
from contagion.policies.bills import OUTLAY, PARTS, bill, mean_cost, outlay_row
from contagion.policies.costs import CostRates

USED = Outlay(
    seconds=7200.0,
    locked=1e9,
    turned_away=2e8,
    halted_value=3.6e12,
    deferred_value=7.2e11,
    deleveraged=4e7,
    haircut=5e6,
)


@dataclass(frozen=True)
class Flat(ct.Policy):
    """Charges the same whatever happened."""

    def cost(self, outlay: Outlay, rates: CostRates) -> float:
        return 12.0


def test_a_row_keeps_the_order_of_the_fields() -> None:
    assert dict(zip(OUTLAY, outlay_row(USED), strict=True))["turned_away"] == 2e8


def test_parts_add_up_to_what_everything_costs() -> None:
    @dataclass(frozen=True)
    class Everything(ct.Policy):
        share: float = 1.0

    found = bill([Everything()], outlay_row(USED)[None, :], CostRates())
    assert found["cost"] == pytest.approx(CostRates().of(USED), rel=1e-12)
    assert found[[*PARTS, "seized"]].sum() == pytest.approx(found["cost"], rel=1e-12)
    assert found["halted"] == pytest.approx(1e-4 * 3.6e12 / 3600.0)
    assert found["seized"] == 5e6


def test_no_policy_and_the_placebo_cost_nothing() -> None:
    for policies in ([], [ct.Policy()]):
        assert (bill(policies, outlay_row(USED)[None, :], CostRates()) == 0.0).all()


def test_the_cost_is_the_mean_over_runs_and_adds_over_policies() -> None:
    rows = np.array([outlay_row(USED), np.zeros(len(OUTLAY))])
    assert mean_cost([Flat(), Flat()], rows, CostRates()) == 24.0
    halt = ct.Halt(drop=0.1)
    assert mean_cost([halt], rows, CostRates()) == pytest.approx(halt.cost(USED, CostRates()) / 2.0)


def test_without_a_run_there_is_no_cost() -> None:
    assert bill([Flat()], np.empty((0, len(OUTLAY))), CostRates()).isna().all()
