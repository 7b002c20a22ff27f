"""Margin by scenario scan inside the cascade: against the pure functions, and by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import contagion as ct
from contagion.errors import NetworkError, PolicyError
from contagion.margin import scan_margin
from contagion.markets import grid_scenarios, risk_array
from contagion.network.contracts import opening_prices
from contagion.network.equity import opening_account_equity, opening_leg_requirement, opening_requirement
from contagion.propagation.cascade.layout import State
from tests.propagation.cascade.listed import EXPIRY, SPOT, STRIKE, VOLATILITY, YEAR, Owner, listed_net

STEP = 60.0
FALL = ct.PriceShock({"X": -0.0625}, over=0.0)
LEGS = ("call", "put", "future", "perp")
FORWARD = {"call": 1.0, "put": -1.0, "future": -1.0}


def end(
    net: ct.Network, shock: Any = FALL, *policies: ct.Policy, rounds: int = 1, look: str = "python"
) -> State:
    """State after the opening round and `rounds` more."""
    model = ct.Cascade(step=STEP, horizon=rounds * STEP)
    state: State = model.prepare(net, list(policies)).simulate(shock, look=look)
    return state


def money(state: State, quanta: Any) -> Any:
    """Quanta as money."""
    return np.asarray(quanta) * state.clock["quantum"][0]


def by_hand(quantities: dict[str, float], spot: float, seconds: float, **rules: Any) -> float:
    """What the pure functions ask for a book on one asset, marks at the index."""
    kinds = {"perp": "linear", "future": "linear", "call": "call", "put": "put"}
    scan = {"price_range": 0.16, "volatility_up": 0.5, "volatility_down": 0.25, "far": 0.33, "share": 0.35}
    scan |= rules
    scenarios = grid_scenarios(
        scan["price_range"],
        volatility_up=scan["volatility_up"],
        volatility_down=scan["volatility_down"],
        extreme=(-scan["far"], scan["far"]) if scan["far"] else (),
        extreme_share=scan["share"],
        powers=(0.0, 0.0),
    )
    kind = [kinds[name] for name in quantities]
    years = (EXPIRY - seconds) / YEAR
    profits = risk_array(kind, spot, STRIKE, years, VOLATILITY, scenarios=scenarios)
    least = [scan.get("minimum", 0.0) * spot * (k != "linear") for k in kind]
    found = scan_margin(list(quantities.values()), profits, ["X"] * len(kind), short_minimum=least)
    return float(found.margin)


@pytest.mark.parametrize("seed", range(12))
def test_the_requirement_is_that_of_the_pure_functions(seed: int) -> None:
    rng = np.random.default_rng(seed)
    legs = {name: float(rng.integers(-16, 17)) / 4.0 or 1.0 for name in LEGS if rng.random() < 0.8} or {
        "call": -1.0
    }
    minimum = float(rng.choice([0.0, 0.01, 0.2]))
    net = listed_net({"a": Owner(legs, 1e6)}, {"short_minimum": minimum})
    state = end(net)
    asked = money(state, state.requirement)[net.accounts.index.get_loc("a")]
    expected = by_hand(legs, 0.9375 * SPOT, STEP, minimum=minimum)
    assert asked == pytest.approx(expected, rel=1e-12, abs=1e-9)
    assert expected > 0.0


def test_a_perp_alone_needs_the_largest_loss_of_the_grid_or_the_share_of_the_extreme_that_counts() -> None:
    for extreme, share in ((0.0, 0.35), (0.5, 0.25), (0.5, 0.5)):
        venue = {"scan_range": 0.125, "scan_extreme": extreme, "scan_extreme_share": share}
        net = listed_net({"a": Owner({"perp": 4.0}, 1e6)}, venue, {"perp": {}})
        rate = max(0.125, share * extreme)
        state = end(net)
        asked = money(state, state.requirement)[net.accounts.index.get_loc("a")]
        assert asked == 4.0 * 960.0 * rate


def test_long_call_short_put_short_future_is_worth_the_same_on_any_path_and_needs_nothing() -> None:
    net = listed_net({"a": Owner(FORWARD, 1000.0)})
    for move in (-0.5, -0.0625, 0.25, 1.0):
        state = end(net, ct.PriceShock({"X": move}, over=120.0), rounds=4)
        at = net.accounts.index.get_loc("a")
        assert money(state, state.equity)[at] == pytest.approx(1000.0, abs=1e-9)
        assert money(state, state.requirement)[at] == pytest.approx(0.0, abs=1e-9)
        assert state.counters[3] == 0.0


def test_a_leg_alone_needs_more_than_the_hedge_and_margins_add_up_over_assets_only() -> None:
    whole = by_hand(FORWARD, SPOT, 0.0)
    assert whole == pytest.approx(0.0, abs=1e-9)
    for name, units in FORWARD.items():
        assert by_hand({name: units}, SPOT, 0.0) > 10.0


def test_the_multiplier_of_a_market_multiplies_the_margin_of_its_asset() -> None:
    class Double(ct.Policy):
        def requirement(self, world: Any, required: Any) -> Any:
            return np.where([name == "perp" for name in world.markets], 2.0, 1.0) * required

    legs = {"perp": 1.0, "call": -1.0}
    net = listed_net({"a": Owner(legs, 1e6), "b": Owner({"call": -1.0}, 1e6)})
    plain, double = (end(net, FALL, *policies) for policies in ((), (Double(),)))
    a, b = (net.accounts.index.get_loc(name) for name in "ab")
    assert double.requirement[a] == 2.0 * plain.requirement[a]
    assert double.requirement[b] == plain.requirement[b]


def test_the_numpy_look_gives_the_same_bits() -> None:
    rng = np.random.default_rng(5)
    owners = {
        f"a{k}": Owner({name: float(rng.integers(-8, 9)) or 1.0 for name in LEGS}, float(rng.uniform(0, 3e3)))
        for k in range(12)
    }
    net = listed_net(owners, {"short_minimum": 0.05, "procedure": "partial"})
    one, other = (end(net, rounds=6, look=look) for look in ("python", "numpy"))
    for name in ("equity", "requirement", "quantity", "cash", "acting"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
    assert one.counters[3] > 0.0


def test_partial_closes_the_smallest_share_of_all_legs_that_restores_the_target() -> None:
    legs = {"call": -4.0, "put": -4.0}
    venue = {"procedure": "partial", "target": 1.5, "min_clip": 0.0, "fee": 0.015625}
    asked = by_hand(legs, SPOT, 0.0)
    net = listed_net({"a": Owner(legs, 0.9 * asked)}, venue)
    opening = {"call": 1.0, "put": 1.0}
    price = dict(zip(("spot", "perp", "future", "call", "put"), opening_prices_of(net), strict=True))
    equity = 0.9 * asked  # entered at the opening marks
    cost = 0.015625 * 4.0 * sum(price[name] for name in opening)
    share = (1.5 * asked - equity) / (1.5 * asked - cost)
    state = end(net, ct.PriceShock({"X": 0.0}, over=0.0), rounds=1)
    lots = 4.0 * 2.0**20
    left = {name: 4.0 - np.ceil(share * lots) * 2.0**-20 for name in legs}
    book = ct.Cascade(step=STEP, horizon=STEP).prepare(net, []).opening.book
    at = net.accounts.index.get_loc("a")
    names = list(net.markets.index)
    found = {
        names[book.leg_market[k]]: -state.quantity[k] * 2.0**-20
        for k in range(book.indptr[at], book.indptr[at + 1])
    }
    assert found == pytest.approx(left, abs=2.0**-19)
    assert 0.0 < share < 1.0


def opening_prices_of(net: ct.Network) -> list[float]:
    """Opening prices in the order of `listed.MARKETS`."""

    found = dict(zip(net.markets.index, opening_prices(net).tolist(), strict=True))
    return [found[name] for name in ("spot", "perp", "future", "call", "put")]


@pytest.mark.parametrize("procedure", ["ladder", "bybit", "increments", "dydx", "takeover", "okx"])
def test_procedures_that_need_tiers_or_an_inventory_are_refused_where_margin_is_scanned(
    procedure: str,
) -> None:
    with pytest.raises(NetworkError, match=rf"row 1, column procedure, 'V': '{procedure}'.*'partial'"):
        listed_net({"a": Owner({"perp": 1.0}, 1e6)}, {"procedure": procedure})


def test_what_a_scan_does_not_read_is_refused() -> None:
    with pytest.raises(PolicyError, match=r"portfolio_offset.*margin tiers"):
        listed_net({"a": Owner({"perp": 1.0}, 1e6)}, {"portfolio_offset": 0.5})
    with pytest.raises(PolicyError, match=r"scan_range.*margin scan"):
        listed_net({"a": Owner({}, 1e6)}, {"margin": "tiers", "scan_range": 0.1}, {"spot": {"kind": "spot"}})


def test_the_opening_requirement_is_that_of_the_first_round_and_its_legs_add_up() -> None:
    rng = np.random.default_rng(11)
    owners = {
        f"a{k}": Owner({name: float(rng.integers(-8, 9)) or 1.0 for name in LEGS[: 1 + k % 4]}, 1e6)
        for k in range(8)
    }
    net = listed_net(owners, {"short_minimum": 0.1})
    opening = opening_requirement(net)
    state = end(net, ct.PriceShock({"X": 0.0}), rounds=1)
    named = [net.accounts.index.get_loc(name) for name in owners]
    found = money(state, state.requirement)[named]
    later = [by_hand(dict(owner.legs), SPOT, STEP, minimum=0.1) for owner in owners.values()]
    now = [by_hand(dict(owner.legs), SPOT, 0.0, minimum=0.1) for owner in owners.values()]
    assert found == pytest.approx(later, rel=1e-12)
    assert opening[list(owners)].to_numpy() == pytest.approx(now, rel=1e-12)
    legs = np.bincount(net.codes("positions", "account"), opening_leg_requirement(net), len(net.accounts))
    assert legs == pytest.approx(opening.to_numpy(), rel=1e-12)


def test_accounts_adapt_to_a_wider_scan_by_one_fraction_of_all_legs() -> None:
    legs = {"call": -4.0, "perp": 2.0}
    before = listed_net({"a": Owner(legs, 1e4)})
    wide = before.venues.assign(scan_range=0.25)
    after = ct.remargin(before.replace(venues=wide), before=before)
    share = by_hand(legs, SPOT, 0.0) / by_hand(legs, SPOT, 0.0, price_range=0.25)
    kept = after.positions.set_index(["account", "market"])["quantity"]["a"]
    assert kept.to_dict() == pytest.approx(
        {name: share * units for name, units in legs.items()}, abs=2.0**-19
    )
    assert opening_requirement(after)["a"] == pytest.approx(by_hand(legs, SPOT, 0.0), rel=1e-5)


def test_what_is_given_up_of_options_goes_to_the_rest_of_the_market_at_their_value() -> None:
    before = listed_net({"a": Owner({"call": -4.0, "future": 2.0}, 1e4)})
    after = ct.remargin(before.replace(venues=before.venues.assign(scan_range=0.25)), before=before)
    assert after.positions["quantity"].abs().sum() < before.positions["quantity"].abs().sum()
    one, other = (opening_account_equity(net).sort_index() for net in (before, after))
    assert other.to_dict() == pytest.approx(one.to_dict(), abs=1e-6)


def test_policies_of_schedules_are_refused_where_every_margin_is_scanned_and_multipliers_are_live() -> None:
    net = listed_net({"a": Owner({"call": -4.0}, 1e4)})
    net = net.replace(assets=net.assets.assign(volatility=[0.0, 0.01]))
    for policy in (ct.MarginMultiplier(2.0), ct.TieredMargin(factor=2.0, above=1.0)):
        with pytest.raises(PolicyError, match=r"changes schedules, which no venue.*'V' asks margin by scan"):
            end(net, FALL, policy)
    plain, more = (end(net, FALL, *policies, rounds=2) for policies in ((), (ct.DynamicMargin(cap=3.0),)))
    at = net.accounts.index.get_loc("a")
    times = float(more.markets["multiplier"][net.markets.index.get_loc("call")])
    assert times > 1.0
    assert more.requirement[at] == pytest.approx(times * plain.requirement[at], rel=1e-12)
