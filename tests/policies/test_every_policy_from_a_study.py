"""Every built-in policy can be named in a study file, says what it does in one sentence, and has a cost."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

import contagion as ct
from contagion.policies import CostRates, Outlay, Policy
from contagion.studies.builtins import POLICIES, policy_sets

CLASSES = {
    name: kind
    for name, kind in vars(ct.policies).items()
    if isinstance(kind, type) and issubclass(kind, Policy)
}


def test_the_list_of_a_study_is_that_of_the_package() -> None:
    assert set(POLICIES) == set(CLASSES)


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_a_study_makes_it_with_its_defaults(name: str) -> None:
    table = {"name": "set", "policies": [{"kind": name}]}
    (policy,) = policy_sets([table], Path())["set"]
    assert type(policy) is CLASSES[name]
    sentence = policy.describe()
    assert sentence[0].isupper() and sentence.endswith(".") and "\n" not in sentence
    cost = policy.cost(Outlay(3600.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0), CostRates())
    assert math.isfinite(cost) and cost >= 0.0


def test_fields_of_several_values_are_lists_in_a_study() -> None:
    rules = {"kind": "MarketWideHalt", "levels": [0.05, 0.1], "lengths": [60.0, 120.0], "magnet": 0.2}
    (policy,) = policy_sets([{"name": "set", "policies": [rules]}], Path())["set"]
    assert policy == ct.policies.MarketWideHalt(levels=(0.05, 0.1), lengths=(60.0, 120.0), magnet=0.2)


@pytest.mark.parametrize(
    ("table", "policy"),
    [
        ({"kind": "Merger", "nodes": ["A", "B"], "into": "AB"}, ct.Merger(("A", "B"), into="AB")),
        ({"kind": "Split", "node": "A", "parts": 3}, ct.Split("A", parts=3)),
        (
            {"kind": "LeverageCap", "maximum": 20, "response": "raise", "nodes": ["A"]},
            ct.LeverageCap(20.0, "raise", ("A",)),
        ),
        ({"kind": "LiquidityBuffer", "share": 0.2, "of": "debts"}, ct.LiquidityBuffer(0.2, "debts")),
        ({"kind": "AssetPurchases", "budget": 1e9, "assets": ["X"]}, ct.AssetPurchases(1e9, assets=("X",))),
        ({"kind": "SaleThrottle", "share": 0.1, "of": "volume"}, ct.SaleThrottle(0.1, "volume")),
        (
            {"kind": "CapitalInjection", "amounts": {"A": 5.0}, "use": "debts"},
            ct.CapitalInjection({"A": 5.0}, use="debts"),
        ),
    ],
)
def test_policies_against_fire_sales_are_read_with_their_parameters(table, policy) -> None:
    assert policy_sets([{"name": "set", "policies": [table]}], Path())["set"] == [policy]
