"""Margin that grows with the size of a position, or with open interest, against the pure functions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import contagion as ct
from contagion.errors import PolicyError
from contagion.margin import liquidation_incremental, margin_linear_in_size, margin_open_interest_scaled
from contagion.network.equity import opening_requirement
from contagion.network.remargin import initial, requirement
from tests.propagation.cascade.small import OPENING, OUTSIDE, Holder, Rules, gap, small_net

BASE, SLOPE = 1 / 64, 1 / 4096
STILL = {"impact_coefficient": 0.0, "impact": "exponential"}
MODEL = ct.Cascade(step=10.0, horizon=300.0)


def sized(holders: dict[str, Holder], **venue: Any) -> ct.Network:
    net = small_net(holders, Rules(venue=venue, market=STILL, rate=BASE))
    return net.replace(
        schedules=[
            {"name": "s", "form": "linear_in_size", "initial_slope": 2 * SLOPE, "maintenance_slope": SLOPE}
        ]
    )


def crowded(lower: float, upper: float, holders: dict[str, Holder]) -> ct.Network:
    net = small_net(holders, Rules(market=STILL, rate=BASE))
    return net.replace(
        schedules=[
            {
                "name": "s",
                "form": "open_interest",
                "open_interest_lower": lower,
                "open_interest_upper": upper,
            }
        ]
    )


@pytest.mark.parametrize("units", [0.25, 1.0, 16.0, 200.0])
@pytest.mark.parametrize("side", [1.0, -1.0])
def test_an_account_acts_below_the_requirement_of_the_pure_function_and_not_at_it(
    units: float, side: float
) -> None:
    rule = {
        "initial_base": 2 * BASE,
        "initial_slope": 2 * SLOPE,
        "maintenance_base": BASE,
        "maintenance_slope": SLOPE,
    }
    required = float(margin_linear_in_size(units, **rule).maintenance_margin) * OPENING
    holders = {
        "at": Holder({"M": side * units}, required),
        "below": Holder({"M": side * units}, required - 2.0**-18),
    }
    net = sized(holders)
    run = ct.run(net, ct.PriceShock({"X": 0.0}), MODEL)
    assert set(run.events.loc[run.events["kind"] == "liquidation", "account"]) == {"below"}
    assert opening_requirement(net)["at"] == required


@pytest.mark.parametrize("money", [700.0, 3_000.0, 9_000.0])
def test_increments_under_margin_that_grows_with_size(money: float) -> None:
    found = liquidation_incremental(
        1, 200, OPENING, money, maintenance_base=BASE, maintenance_slope=SLOPE, step_size=10, fee_rate=0
    )
    net = sized({"a": Holder({"M": 200.0}, money)}, procedure="increments", step_size=10.0 * OPENING)
    run = ct.run(net, ct.PriceShock({"X": 0.0}), MODEL)
    sold = run.events[run.events["kind"] == "liquidation"].iloc[0]
    assert -sold["lots"] * 2.0**-20 == 200.0 - float(found.size_left)


def test_the_clock_never_skips_an_account_whose_rate_grows_with_size() -> None:
    rng = np.random.default_rng(0)
    holders = {
        f"a{i:02d}": Holder({"M": float(np.rint(rng.uniform(1, 400)))}, float(np.rint(rng.uniform(1e3, 9e4))))
        for i in range(40)
    }
    net, path = sized(holders), ct.PriceShock({"X": -0.3}, over=200.0)
    prepared = MODEL.prepare(net)
    skipped, plain = prepared.simulate(path), prepared.simulate(path, look="numpy")
    assert np.array_equal(skipped.first_trigger, plain.first_trigger, equal_nan=True)
    assert skipped.ledger.tobytes() == plain.ledger.tobytes()


@pytest.mark.parametrize(
    ("lower", "upper"), [(0.0, 0.0), (0.0, 65_536.0), (16_384.0, 65_536.0), (1e9, 2e9), (1.0, 2.0)]
)
def test_initial_margin_rises_with_open_interest(lower: float, upper: float) -> None:
    holders = {"a": Holder({"M": 16.0}, 1e5), "b": Holder({"M": 16.0}, 1e5), "c": Holder({"M": -32.0}, 1e5)}
    net = crowded(lower, upper, holders)
    scaled = margin_open_interest_scaled(
        32.0 * OPENING, initial_rate=2 * BASE, open_interest_lower=lower, open_interest_upper=upper
    )
    asked = requirement(net, initial)(None)
    assert asked.tolist() == pytest.approx(
        [rate * OPENING * float(scaled) for rate in (16, 16, 32)], rel=1e-12
    )
    state = MODEL.prepare(net).simulate(gap())
    later = margin_open_interest_scaled(
        32.0 * OUTSIDE, initial_rate=0.0, open_interest_lower=lower, open_interest_upper=upper
    )
    assert state.markets["crowding"][0] == pytest.approx(float(later), rel=1e-12)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            {"form": "tiers", "maintenance_slope": 0.1, "initial_slope": 0.1},
            "slopes that its form does not read",
        ),
        ({"form": "linear_in_size", "maintenance_slope": 0.1}, "asks more maintenance than initial margin"),
        ({"form": "tiers", "open_interest_upper": 1.0}, "bounds that its form does not read"),
        (
            {"form": "open_interest", "open_interest_lower": 2.0, "open_interest_upper": 1.0},
            "bounds in the wrong order",
        ),
        ({"form": "linear_in_size", "initial_slope": -1.0}, "initial_slope"),
    ],
)
def test_parameters_that_a_form_does_not_read_are_refused(row: dict[str, Any], message: str) -> None:
    net = small_net({"a": Holder({"M": 1.0}, 1e3)})
    with pytest.raises(PolicyError, match=message):
        net.replace(schedules=[{"name": "s", **row}])


def test_margin_that_grows_with_size_has_one_open_tier() -> None:
    net = sized({"a": Holder({"M": 1.0}, 1e3)})
    second = {"schedule": "s", "floor": 10.0, "initial_rate": 0.5, "maintenance_rate": 0.25}
    with pytest.raises(PolicyError, match="one open tier"):
        net.replace(tiers=[*net.tiers.to_dict("records"), second])


def test_a_margin_multiplier_scales_the_growth_with_size_too() -> None:
    net = sized({"a": Holder({"M": 16.0}, 1e6)})
    after = ct.MarginMultiplier(factor=2.0).opening(net)
    assert after.schedules.loc["s", ["initial_slope", "maintenance_slope"]].tolist() == [4 * SLOPE, 2 * SLOPE]
    assert ct.TieredMargin(factor=2.0, above=1.0).opening(net).tiers.equals(net.tiers)
