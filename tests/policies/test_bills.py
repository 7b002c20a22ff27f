"""Each part of a bill is charged once per set, and only where a policy causes it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import permutations

import numpy as np
import pytest

import contagion as ct
from contagion.policies import AutoDeleveraging, Outlay, PartialLiquidation, SocialisedLoss
from contagion.policies.bills import OUTLAY, PARTS, beyond, bill, outlay_row, set_cost
from contagion.policies.costs import CostRates

HORIZON = 7200.0
USED = Outlay(
    seconds=HORIZON,
    locked=1e9,
    turned_away=2e8,
    halted_value=3.6e12,
    deferred_value=7.2e11,
    deleveraged=4e7,
    haircut=5e6,
)
CAPITAL = 0.10 * 1e9 * 7200.0 / (365.25 * 86_400.0)
HALTED = 1e-4 * 1e9
DEFERRED = 1e-4 * 2e8
TURNED_AWAY = 5e-4 * 2e8
DELEVERAGED = 5e-4 * 4e7
SEIZED = 5e6


@dataclass(frozen=True)
class Flat(ct.Policy):
    """Charges the same whatever happened."""

    fee: float = 12.0

    def cost(self, outlay: Outlay, rates: CostRates) -> float:
        return self.fee


@dataclass(frozen=True)
class Everything(ct.Policy):
    """Charges all that was measured."""

    def cost(self, outlay: Outlay, rates: CostRates) -> float:
        return rates.of(outlay)


@dataclass(frozen=True)
class HalfOfHalts(ct.Policy):
    """Says that half of the time shut is its own."""

    def cost(self, outlay: Outlay, rates: CostRates) -> float:
        return 0.5 * rates.halting(outlay)


@dataclass(frozen=True)
class Slow(ct.Policy):
    """Holds orders back and says nothing of its cost."""

    def orders(self, world: object, cap: np.ndarray) -> np.ndarray:
        return 0.5 * cap


@dataclass(frozen=True)
class Shut(ct.Policy):
    """Shuts markets and says nothing of its cost."""

    def status(self, world: object) -> np.ndarray:
        return np.ones(1, dtype=bool)


@dataclass(frozen=True)
class Stricter(ct.Policy):
    """Raises margins, which neither shuts nor delays anything by itself."""

    def requirement(self, world: object, multiplier: np.ndarray) -> np.ndarray:
        return 2.0 * multiplier


def cost(*policies: ct.Policy, used: Outlay = USED) -> float:
    return set_cost(policies, used, CostRates())


def mean_bill(policies: Sequence[ct.Policy], *runs: Outlay) -> dict[str, float]:
    rows = np.array([outlay_row(run) for run in runs]).reshape(-1, len(OUTLAY))
    return {str(name): float(value) for name, value in bill(policies, rows, CostRates()).items()}


def test_a_row_keeps_the_order_of_the_fields() -> None:
    assert dict(zip(OUTLAY, outlay_row(USED), strict=True))["turned_away"] == 2e8


@pytest.mark.parametrize(
    ("policy", "wanted"),
    [
        (ct.InsuranceFund(), CAPITAL),
        (ct.Halt(), HALTED),
        (ct.LiquidationThrottle(), DEFERRED),
        (ct.PriceBand(), DEFERRED),
        (ct.MarginMultiplier(), CAPITAL + TURNED_AWAY),
        (ct.TieredMargin(), CAPITAL + TURNED_AWAY),
        (AutoDeleveraging(), DELEVERAGED),
        (SocialisedLoss(), SEIZED),
        (PartialLiquidation(), 0.0),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_one_policy_is_billed_the_parts_of_its_own_rule(policy: ct.Policy, wanted: float) -> None:
    assert cost(policy) == pytest.approx(wanted, rel=1e-14)


@pytest.mark.parametrize(
    "pair",
    [
        (ct.Halt(drop=0.1), ct.Halt(drop=0.2)),
        (ct.InsuranceFund(factor=2.0), ct.InsuranceFund(factor=1.0, amount=1e6)),
        (ct.LiquidationThrottle(share=0.5), ct.LiquidationThrottle(share=0.5)),
        (Slow(), Slow()),
    ],
    ids=lambda pair: pair[0].name,
)
def test_two_policies_of_one_kind_are_billed_once(pair: tuple[ct.Policy, ct.Policy]) -> None:
    assert cost(*pair) == cost(pair[0]) == cost(pair[1]) > 0.0


def test_a_part_that_two_kinds_share_is_billed_once() -> None:
    assert cost(ct.InsuranceFund(), ct.MarginMultiplier()) == pytest.approx(CAPITAL + TURNED_AWAY, rel=1e-14)
    assert cost(ct.LiquidationThrottle(), ct.PriceBand(), Slow()) == pytest.approx(DEFERRED, rel=1e-14)


def test_parts_of_different_kinds_add_up() -> None:
    found = mean_bill([ct.Halt(), ct.LiquidationThrottle(), ct.InsuranceFund()], USED)
    assert found["cost"] == pytest.approx(CAPITAL + HALTED + DEFERRED, rel=1e-14)
    assert (found["halted"], found["deferred"]) == pytest.approx((HALTED, DEFERRED), rel=1e-14)
    assert found["turned_away"] == found["deleveraged"] == found["seized"] == found["other"] == 0.0


def test_parts_add_up_to_what_everything_costs() -> None:
    found = mean_bill([Everything(), ct.Halt(), Everything()], USED)
    whole = CAPITAL + HALTED + DEFERRED + TURNED_AWAY + DELEVERAGED + SEIZED
    assert found["cost"] == pytest.approx(whole, rel=1e-14)
    assert CostRates().of(USED) == pytest.approx(whole, rel=1e-14)
    assert sum(found[part] for part in PARTS) == pytest.approx(whole, rel=1e-14)
    assert found["seized"] == SEIZED
    assert found["other"] == 0.0


def test_a_policy_that_does_not_say_its_cost_is_billed_what_its_hooks_can_cause() -> None:
    assert cost(Slow()) == pytest.approx(DEFERRED, rel=1e-14)
    assert cost(Shut()) == pytest.approx(HALTED, rel=1e-14)
    assert cost(Stricter()) == 0.0


def test_the_larger_charge_counts_where_policies_differ_over_a_part() -> None:
    assert cost(HalfOfHalts()) == pytest.approx(HALTED / 2.0, rel=1e-14)
    assert cost(HalfOfHalts(), ct.Halt()) == cost(ct.Halt(), HalfOfHalts()) == cost(ct.Halt())


def test_what_policies_of_ones_own_charge_on_top_adds_up() -> None:
    found = mean_bill([Flat(12.0), Flat(30.0), SocialisedLoss()], USED)
    assert (found["other"], found["seized"], found["cost"]) == (42.0, SEIZED, SEIZED + 42.0)


def test_no_policy_and_the_placebo_cost_nothing() -> None:
    for policies in ([], [ct.Policy()], [ct.Policy(), ct.Policy()]):
        assert set(mean_bill(policies, USED).values()) == {0.0}
    assert cost(ct.Policy(), ct.Halt()) == cost(ct.Halt())


def test_the_order_of_policies_changes_no_bit_of_the_cost() -> None:
    policies = (ct.Halt(), Flat(0.1), Everything(), ct.TieredMargin(), Flat(0.7), HalfOfHalts())
    assert len({cost(*order) for order in permutations(policies)}) == 1


def test_what_no_policy_used_is_taken_away_and_the_clock_is_not() -> None:
    without = replace(USED, locked=0.0, turned_away=0.0, halted_value=0.0, deferred_value=5.4e11)
    more = Outlay(*beyond(outlay_row(USED), outlay_row(without)).tolist())
    assert more == replace(USED, deferred_value=1.8e11, deleveraged=0.0, haircut=0.0)
    assert cost(ct.LiquidationThrottle(), used=more) == pytest.approx(1e-4 * 5e7, rel=1e-14)
    assert cost(SocialisedLoss(), AutoDeleveraging(), used=more) == 0.0


def test_using_less_than_no_policy_is_a_saving() -> None:
    less = replace(USED, deleveraged=-4e7)
    assert cost(AutoDeleveraging(), AutoDeleveraging(), used=less) == pytest.approx(-DELEVERAGED, rel=1e-14)


def test_the_bill_is_the_mean_over_runs() -> None:
    idle = Outlay(seconds=HORIZON)
    assert mean_bill([ct.Halt(), Flat()], USED, idle)["cost"] == pytest.approx(HALTED / 2.0 + 12.0, rel=1e-14)


def test_without_a_run_there_is_no_cost() -> None:
    assert all(np.isnan(value) for value in mean_bill([Flat()]).values())


def test_what_is_not_known_is_billed_to_nobody_and_said_so() -> None:
    unknown = Outlay(*[float("nan")] * len(OUTLAY))
    assert np.isnan(cost(ct.Halt(), used=unknown))
    assert cost(ct.Policy(), used=unknown) == 0.0
