"""Margin policies change rates as they say, or say why they cannot."""

from __future__ import annotations

import pytest

import contagion as ct
from contagion.errors import PolicyError
from tests.worlds import random_world


def rates(net: ct.Network, column: str) -> list[float]:
    """Rates of the one schedule, by rising floor."""
    return net.tiers.sort_values("floor")[column].tolist()


@pytest.fixture(scope="module")
def net() -> ct.Network:
    """Tiers from 0, 100 and 400 with maintenance rates 0.01, 0.025, 0.1 and initial rates twice that."""
    return random_world(1, n=4).net


def test_every_rate_is_multiplied_and_no_initial_rate_passes_one(net: ct.Network) -> None:
    after = ct.MarginMultiplier(factor=8.0).opening(net)
    assert rates(after, "maintenance_rate") == [0.08, 0.2, 0.8]
    assert rates(after, "initial_rate") == [0.16, 0.4, 1.0]


@pytest.mark.parametrize("factor", [10.0, 25.0])
def test_a_maintenance_rate_of_one_is_refused_and_its_tier_named(net: ct.Network, factor: float) -> None:
    with pytest.raises(
        PolicyError, match=r"MarginMultiplier\.factor.*the tier from 400 of schedule 'tiers'.*below 1 "
    ):
        ct.MarginMultiplier(factor=factor).opening(net)
    with pytest.raises(
        PolicyError, match=r"TieredMargin\.factor.*the tier from 400 of schedule 'tiers'.*factor below 10"
    ):
        ct.TieredMargin(factor=factor, above=150.0).opening(net)


def test_the_refusal_comes_before_any_scenario_is_run(net: ct.Network) -> None:
    with pytest.raises(PolicyError, match="the tier from 400"):
        ct.run(net, ct.PriceShock({"AAA": -0.1}), ct.Cascade(step=60.0), [ct.MarginMultiplier(factor=10.0)])


def test_rates_above_a_notional_are_multiplied_from_there(net: ct.Network) -> None:
    after = ct.TieredMargin(factor=2.0, above=150.0).opening(net)
    assert after.tiers.sort_values("floor")["floor"].tolist() == [0.0, 100.0, 150.0, 400.0]
    assert rates(after, "maintenance_rate") == [0.01, 0.025, 0.05, 0.2]
    assert rates(after, "initial_rate") == [0.02, 0.05, 0.1, 0.4]


def test_a_factor_below_one_is_honoured_where_rates_still_rise(net: ct.Network) -> None:
    assert rates(ct.TieredMargin(factor=0.5, above=400.0).opening(net), "maintenance_rate") == [
        0.01,
        0.025,
        0.05,
    ]
    assert rates(ct.TieredMargin(factor=0.5, above=0.0).opening(net), "maintenance_rate") == [
        0.005,
        0.0125,
        0.05,
    ]


@pytest.mark.parametrize(("factor", "above"), [(0.5, 150.0), (0.2, 400.0), (0.9, 1e6)])
def test_a_factor_below_one_that_would_make_rates_fall_is_refused(
    net: ct.Network, factor: float, above: float
) -> None:
    with pytest.raises(
        PolicyError, match=rf"would fall to .* at the tier from {above:,.0f} of schedule 'tiers'"
    ):
        ct.TieredMargin(factor=factor, above=above).opening(net)


def test_a_schedule_that_ends_below_the_notional_stays_as_it_is(net: ct.Network) -> None:
    capped = net.tiers.copy()
    capped.loc[capped["floor"] == 400.0, "cap"] = 1e9
    ended = net.replace(tiers=capped)
    assert ct.TieredMargin(factor=2.0, above=1e9).opening(ended) == ended
