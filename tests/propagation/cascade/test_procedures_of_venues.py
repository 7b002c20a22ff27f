"""Inside the cascade a venue does with an account what the pure functions of `contagion.margin` say."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

import contagion as ct
from contagion.errors import PolicyError
from contagion.margin import dydx_fillable_price, liquidation_incremental, liquidation_procedure
from contagion.margin.rulebooks import RULEBOOKS
from tests.propagation.cascade.small import OPENING, OUTSIDE, UNITS, Holder, Rules, gap, play, small_net

SLACK = 3 * 2.0**-20  # a lot is 2^-20 units
FLOORS, RATES = (0.0, 20_000.0, 80_000.0, 200_000.0), (1 / 64, 1 / 32, 1 / 16, 1 / 8)
TIERS = [
    {"floor": floor, "cap": cap, "maintenance_rate": rate}
    for floor, cap, rate in zip(FLOORS, (*FLOORS[1:], None), RATES, strict=True)
]
STILL = {"impact_coefficient": 0.0, "impact": "exponential"}


def tiered(net: ct.Network) -> ct.Network:
    """The same network under four tiers."""
    rows = [
        {"schedule": "s", "floor": floor, "initial_rate": 2 * rate, "maintenance_rate": rate}
        for floor, rate in zip(FLOORS, RATES, strict=True)
    ]
    return net.replace(tiers=pd.DataFrame(rows))


def accounts(rng: np.random.Generator, n: int) -> dict[str, Holder]:
    """Accounts of any size on both sides, some at the edge of a tier, healthy or not, at the opening price."""
    edges = np.array([0.0, 20.0, 80.0, 200.0, 100_000.0 / 1024.0])[rng.integers(0, 5, n)] * 1000.0 / 1024.0
    sizes = np.where(
        rng.random(n) < 0.3,
        np.rint(edges * 1024.0) / 1024.0,
        np.rint(rng.lognormal(3.0, 2.0, n) * 1024) / 1024,
    )
    sizes = np.maximum(sizes, 2.0**-10)
    required = liquidation_procedure(1, sizes, OPENING, 0.0, venue="bybit", tiers=TIERS).maintenance_margin
    money = np.rint(required * rng.uniform(-0.3, 1.3, n) * 256.0) / 256.0
    sides = rng.choice([-1.0, 1.0], n)
    return {
        f"a{i:03d}": Holder({"M": float(sides[i] * sizes[i])}, float(money[i]), mode="isolated")
        for i in range(n)
    }


def first_acts(net: ct.Network) -> pd.DataFrame:
    """What happens to each account in the opening round: kind of event, and units."""
    run = ct.run(net, ct.PriceShock({"X": -0.5}, over=600.0), ct.Cascade(step=10.0, horizon=600.0))
    events = run.events[(run.events["round"] == 0) & run.events["account"].str.startswith("a")]
    return events.assign(units=events["lots"].abs() * 2.0**-20).set_index("account")[
        ["kind", "units", "price"]
    ]


@pytest.mark.parametrize("venue", ["bybit", "okx", "hyperliquid"])
@pytest.mark.parametrize("seed", range(3))
def test_the_first_act_on_an_account_is_that_of_the_pure_function(venue: str, seed: int) -> None:
    holders = accounts(np.random.default_rng(seed), 60)
    net = tiered(small_net(holders, Rules(venue={"procedure": venue}, market=STILL)))
    acts = first_acts(net)
    kinds = {
        "partial": "liquidation",
        "market": "liquidation",
        "takeover": "takeover",
        "backstop": "takeover",
    }
    kinds |= {"adl": "takeover"}  # nobody is in profit, and no fund stands behind the vault
    seen = set()
    for name, holder in holders.items():
        units = holder.legs["M"]
        found = liquidation_procedure(
            math.copysign(1, units), abs(units), OPENING, holder.money, venue=venue, tiers=TIERS
        )
        seen.add(str(found.action))
        if found.action == "none" or holder.money == found.maintenance_margin:
            assert name not in acts.index
            continue
        assert acts.loc[name, "kind"] == kinds[str(found.action)], name
        assert float(acts.loc[name, "units"]) == pytest.approx(float(found.close_size), abs=SLACK)
    assert {"none", "takeover" if venue != "hyperliquid" else "backstop"} < seen


@pytest.mark.parametrize("seed", range(3))
def test_increments_close_as_many_steps_as_the_pure_function(seed: int) -> None:
    rng, fee = np.random.default_rng(seed), 2.0**-7
    holders = accounts(rng, 40)
    venue = {"procedure": "increments", "step_size": 5.0 * OPENING, "fee": fee}
    net = small_net(holders, Rules(venue=venue, market=STILL, rate=1 / 32))
    acts = first_acts(net)
    closed = 0
    for name, holder in holders.items():
        size = abs(holder.legs["M"])
        found = liquidation_incremental(
            1,
            size,
            OPENING,
            holder.money,
            maintenance_base=1 / 32,
            maintenance_slope=0,
            step_size=5,
            fee_rate=fee,
        )
        if holder.money >= size * OPENING / 32:
            assert name not in acts.index
            continue
        assert float(acts.loc[name, "units"]) == pytest.approx(float(size - found.size_left), abs=SLACK)
        closed += 0 < found.size_left < size
    assert closed > 0


def test_an_offer_takes_the_book_down_to_its_fillable_price_and_waits() -> None:
    rate, units, money = 1 / 8, 128.0, 128.0 * 64.0 + 9600.0
    venue = {"procedure": "dydx", "spread_to_maintenance": 0.5}
    run = play(small_net({"a": Holder({"M": units}, money)}, Rules(venue=venue, rate=rate)))
    held = [{"symbol": "X", "quantity": units}]
    fillable = dydx_fillable_price(
        money - units * OPENING,
        held,
        oracle_prices={"X": OUTSIDE},
        symbol="X",
        maintenance_rate=rate,
        bankruptcy_adjustment=1,
        spread_to_maintenance=0.5,
    )
    sold = run.events[run.events["kind"] == "liquidation"].iloc[0]
    expected = (1.0 - float(fillable) / OUTSIDE) * UNITS
    assert -sold["lots"] * 2.0**-20 == pytest.approx(expected, abs=SLACK)
    assert sold["price"] == pytest.approx((OUTSIDE + float(fillable)) / 2, rel=1e-9)
    assert run.rounds["deferred_notional"].iloc[1] == pytest.approx((units - expected) * OUTSIDE, rel=1e-6)


def test_what_no_offer_sells_is_deleveraged_at_the_bankruptcy_price_once_below_zero() -> None:
    holders = {"a": Holder({"M": 128.0}, 128.0 * 32.0), "w": Holder({"M": -128.0}, 1e6)}
    venue = {"procedure": "dydx", "adl_trigger": "fund", "insurance_fund": 1e6}
    run = play(small_net(holders, Rules(venue=venue, rate=1 / 64)))
    cut = run.events[run.events["kind"] == "adl"]
    assert cut["price"].to_numpy() == pytest.approx(OUTSIDE + 32.0, rel=1e-12)
    assert run.metrics["adl_notional"] == pytest.approx(128.0 * (OUTSIDE + 32.0), rel=1e-12)
    assert run.metrics["fund_used"] == run.metrics["liquidated_notional"] == 0.0


def test_a_large_position_is_clipped_waits_and_is_then_closed() -> None:
    venue = {"procedure": "hyperliquid", "large_position": 10_000.0, "first_clip": 0.125}
    run = play(small_net({"a": Holder({"M": 16.0}, 1024.0 + 800.0)}, Rules(venue=venue)))
    sold = run.events[run.events["kind"] == "liquidation"]
    assert sold["time"].tolist() == [10.0, 40.0]
    assert (-sold["lots"] * 2.0**-20).tolist() == [2.0, 14.0]
    small = play(
        small_net(
            {"a": Holder({"M": 16.0}, 1024.0 + 800.0)}, Rules(venue=venue | {"large_position": 15_360.0})
        )
    )
    assert small.events["kind"].tolist().count("liquidation") == 1


@pytest.mark.parametrize(("money", "kind"), [(480.0, "liquidation"), (479.0, "takeover")])
def test_the_vault_takes_over_below_its_share_of_maintenance_and_not_at_it(money: float, kind: str) -> None:
    venue = {"procedure": "hyperliquid", "backstop_share": 0.5}
    run = play(small_net({"a": Holder({"M": 16.0}, 1024.0 + money)}, Rules(venue=venue)))
    assert run.events["kind"].iloc[0] == kind


def test_a_venue_of_two_tier_steps_waits_between_them() -> None:
    holders = {"a": Holder({"M": 256.0}, 8_000.0 + 64.0 * 256.0)}
    rules = Rules(venue={"procedure": "okx", "clip_wait": 40.0}, market=STILL)
    run = ct.run(tiered(small_net(holders, rules)), gap(), ct.Cascade(step=10.0, horizon=600.0))
    sold = run.events[run.events["kind"] == "liquidation"]
    assert (np.diff(sold["time"]) >= 40.0).all()
    assert run.metrics["liquidated_notional"] > 0.0


@pytest.mark.parametrize("procedure", ["bybit", "okx", "hyperliquid", "increments", "dydx", "takeover"])
def test_a_lot_of_dust_and_an_empty_account_are_no_trouble(procedure: str) -> None:
    holders = {"a": Holder({"M": 2.0**-20}, 2.0**-14), "b": Holder({}, 5.0)}
    step = {"step_size": 1.0} if procedure == "increments" else {}
    run = play(small_net(holders, Rules(venue={"procedure": procedure, **step})))
    assert run.accounts.loc["a", "closed_at"] == 10.0
    assert run.accounts.loc["b", "closing_equity"] == 5.0


def test_policies_set_procedures_and_rulebooks_and_refuse_what_a_procedure_does_not_read() -> None:
    net = small_net({"a": Holder({"M": 16.0}, 1536.0)})
    changed = ct.policies.Procedure("okx", clip_wait=50.0).opening(net).venues.loc["V"]
    assert changed[["procedure", "clip_wait"]].tolist() == ["okx", 50.0]
    for name, book in RULEBOOKS.items():
        row = ct.policies.Rulebook(name).opening(net).venues.loc["V"]
        assert row[list(book)].to_dict() == dict(book)
        assert all(rule.source and rule.status in ("fact", "assumption") for rule in book.rules.values())
    with pytest.raises(PolicyError, match="step_size is no parameter of 'okx', which reads clip_wait"):
        ct.policies.Procedure("okx", step_size=1.0)
    wrong: Any = "bitmx"
    with pytest.raises(PolicyError, match="did you mean 'bitmex'"):
        ct.policies.Rulebook(wrong)
    with pytest.raises(ct.errors.ValueRangeError, match="did you mean 'bitmex'"):
        ct.rulebook(wrong)
