"""Close factors and auctions as policies: they bite, say what they do, cost nothing, and may stand in a study."""

from pathlib import Path

import numpy as np
import pytest

import contagion as ct
from contagion.policies.base import Policy
from contagion.studies.builtins import policy_sets
from tests.propagation.cascade.lending import Loan, Protocol, lending_net, play

SCENARIOS = 64
MARKET = {"impact_coefficient": 1.0, "impact_half_life": 300.0, "permanent_share": 0.25}
LOANS = {
    f"a{j}": Loan({"ETH": 10.0 + j, "USD": -(10.0 + j) * 1024.0 * (0.5 + 0.03 * j)}, count=1 + j % 3)
    for j in range(8)
}


def net(**venue: object) -> ct.Network:
    """Eight borrowers at loan-to-values from 50 to 71 %."""
    return lending_net(LOANS | {"s": Loan({"USD": 1e5})}, Protocol(venue, {}, MARKET, depth=2.0**16))


def losses(*policies: Policy, scenarios: int = SCENARIOS, **venue: object) -> np.ndarray:
    """Metrics of every scenario: falls of 20 to 50 % at once or within ten minutes."""
    prepared = ct.Cascade(step=60.0, horizon=3600.0).prepare(net(**venue), policies)
    found = []
    for number in range(scenarios):
        fall = 0.2 + 0.3 * number / SCENARIOS
        shock = ct.PriceShock({"ETH": -fall}, over=(0.0, 300.0, 600.0)[number % 3])
        found.append(prepared.measured(shock, prepared.simulate(shock, seed=number)))
    return np.array(found)


@pytest.mark.parametrize(
    "policy",
    [
        ct.CloseFactor(close_factor=0.25),
        ct.CloseFactor(close_factor=0.5, full_close_health_factor=0.95),
        ct.Auction(),
    ],
)
def test_the_policies_of_lenders_change_what_happens(policy: Policy) -> None:
    without, under = losses(), losses(policy)
    assert (without[:, 0] > 0.0).any()
    differs = ~np.isclose(without, under, equal_nan=True).all(axis=1)
    assert differs.sum() >= SCENARIOS // 4


def test_the_rule_that_is_in_force_already_changes_no_bit_but_the_bill() -> None:
    # the last metric is what the policy costs: a single run has no run beside it to take the same bill away
    same = losses(ct.CloseFactor(close_factor=0.5), scenarios=6)
    assert np.array_equal(losses(scenarios=6)[:, :-1], same[:, :-1], equal_nan=True)
    auctions = losses(ct.Auction(), scenarios=6, procedure="auction")
    assert np.array_equal(losses(scenarios=6, procedure="auction")[:, :-1], auctions[:, :-1], equal_nan=True)


def test_they_say_what_they_do_and_cost_nothing() -> None:
    run = play(net(), ct.PriceShock({"ETH": -0.3}, over=300.0), ct.CloseFactor(0.25, 0.9), ct.Auction())
    assert run.metrics["policy_cost"] == 0.0
    assert "1.3 times the oracle price" in ct.Auction().describe()
    assert (
        "at most 25 % of a debt, all of it at a health factor of 0.9" in ct.CloseFactor(0.25, 0.9).describe()
    )


def test_a_study_may_name_them() -> None:
    chosen = [{"kind": "CloseFactor", "full_close_health_factor": 0.95}, {"kind": "Auction", "cut": 0.98}]
    sets = policy_sets([{"name": "v3", "policies": chosen}], Path())
    assert sets["v3"] == [ct.CloseFactor(full_close_health_factor=0.95), ct.Auction(cut=0.98)]
