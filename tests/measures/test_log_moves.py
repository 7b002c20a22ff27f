"""Closing moves in logarithms: closed forms where several prices move at different speeds."""

import numpy as np
import pytest

import contagion as ct
from contagion.errors import SchemaError
from contagion.measures.books import book
from contagion.measures.liquidation import liquidation_map, liquidation_moves, liquidation_prices
from contagion.measures.log_moves import closing_log_moves
from tests.measures.test_liquidation import market

ONE_RATE = [{"schedule": "s", "floor": 0.0, "initial_rate": 0.2, "maintenance_rate": 0.1}]


def two_assets(btc, eth, cash, tiers=ONE_RATE):
    """One account with positions in BTC (at 100) and ETH (at 10), entered at these prices."""
    held = [("x", "BTC", btc, 100.0), ("x", "ETH", eth, 10.0)]
    return market([row for row in held if row[2]], {"x": cash}, tiers=tiers)


def moves_of(net, direction):
    found = liquidation_moves(net, direction, scale="log").loc["ax"]
    return found["fall"], found["rise"]


def test_one_price_is_reached_by_the_logarithm_of_the_linear_move():
    net = market([("x", "BTC", 5.0, 100.0), ("y", "BTC", -20.0, 100.0)], {"x": 100.0, "y": 400.0})
    linear, log = liquidation_moves(net), liquidation_moves(net, scale="log")
    for side in ("fall", "rise"):
        np.testing.assert_allclose(log[side], np.log1p(linear[side]), rtol=1e-13)
    for scale in ("linear", "log"):
        prices = liquidation_prices(net, scale=scale).set_index("account")
        assert prices.loc["ax", "fall_price"] == pytest.approx((100.0 - 100.0 / 5.0) / 0.99, rel=1e-13)


def test_a_short_is_reached_by_a_fall_along_a_negative_direction():
    net = two_assets(-1.0, 0.0, 20.0)
    closed = (100.0 + 20.0) / 1.1  # equity 120 - p = requirement p / 10
    assert moves_of(net, {"BTC": -2.0})[0] == pytest.approx(-np.log(closed / 100.0) / 2.0, rel=1e-13)
    assert np.isnan(moves_of(net, {"BTC": -2.0})[1])


def test_two_shorts_in_opposite_directions_are_closed_at_the_inverse_of_a_cosine():
    # 250 + 200 - 110 e^t - 110 e^-t = 0
    expected = np.arccosh((20.5 + 200.0) / 220.0)
    fall, rise = moves_of(two_assets(-1.0, -10.0, 20.5), {"BTC": 1.0, "ETH": -1.0})
    assert rise == pytest.approx(expected, rel=1e-9)
    assert fall == pytest.approx(-expected, rel=1e-9)


def test_a_hedged_account_is_closed_at_the_roots_of_a_quadratic():
    # long 4 BTC at e^t, short 5 ETH at e^2t: cash - 400 + 50 + 360 x - 55 x^2 = 0 with x = e^t
    fall, rise = moves_of(two_assets(4.0, -5.0, 100.0), {"BTC": 1.0, "ETH": 2.0})
    low, high = sorted(np.roots([-55.0, 360.0, -250.0]).real)
    assert fall == pytest.approx(np.log(low), rel=1e-12)
    assert rise == pytest.approx(np.log(high), rel=1e-12)


def dip(depth):
    """Short 5 BTC at e^t and long 30 ETH at e^2t: health dips `depth` below 0 around a rise of ln(550 / 540)."""
    lowest_without_cash = -(550.0**2) / (4.0 * 270.0)
    return two_assets(-5.0, 30.0, -lowest_without_cash - 200.0 - depth), {"BTC": 1.0, "ETH": 2.0}


@pytest.mark.parametrize("depth", [1e-2, 1e-6, 1e-9])
def test_the_narrowest_dip_below_the_requirement_is_found(depth):
    net, direction = dip(depth)
    middle = 550.0 / 540.0
    assert moves_of(net, direction)[1] == pytest.approx(np.log(middle - np.sqrt(depth / 270.0)), rel=1e-5)


def test_health_that_turns_before_the_requirement_closes_nothing():
    net, direction = dip(-1e-9)
    assert np.isnan(moves_of(net, direction)[1])


def test_an_account_below_its_requirement_is_closed_at_once():
    fall, rise = moves_of(two_assets(5.0, -1.0, 1.0), {"BTC": 1.0, "ETH": 2.0})
    assert fall == 0.0 and rise == 0.0


def test_no_random_account_is_below_its_requirement_before_its_closing_move():
    rng = np.random.default_rng(11)
    names = [f"n{i:02d}" for i in range(60)]
    positions = [
        (n, coin, round(float(rng.normal(0, 10)), 3) or 1.0, price)
        for n in names
        for coin, price in (("BTC", 100.0), ("ETH", 10.0))
    ]
    direction = {"BTC": 1.0, "ETH": -1.7}
    net = market(positions, {n: float(rng.uniform(5, 900)) for n in names})
    legs = book(net, direction)
    for sign, side in ((-1, "fall"), (1, "rise")):
        found = np.abs(liquidation_moves(net, direction, scale="log")[side].to_numpy())
        np.testing.assert_array_equal(found, np.abs(closing_log_moves(legs, sign)))
        first = np.full(len(found), np.nan)
        for move in np.linspace(0.0, 4.0, 2001):
            prices = legs.price * np.exp(sign * move * legs.direction)
            worth = legs.quantity * prices - legs.requirement(prices)[0]
            below = legs.cash + np.bincount(legs.account, worth, len(first)) < 0.0
            first[below & np.isnan(first)] = move
        within = np.where(found <= 4.0, found, np.nan)
        assert np.isfinite(within).sum() > 20
        np.testing.assert_array_equal(np.isnan(first), np.isnan(within))
        assert ((first >= within) & (first <= within + 0.002))[np.isfinite(first)].all()


def test_the_map_holds_the_same_money_on_both_scales():
    net = market([("x", "BTC", 5.0, 100.0), ("y", "BTC", -5.0, 100.0)], {"x": 100.0, "y": 100.0})
    linear, log = (liquidation_map(net, scale=scale) for scale in ("linear", "log"))
    assert list(log["level"]) == [-0.21, 0.17]  # ln(0.808...) and ln(1.188...)
    assert list(linear["level"]) == [-0.19, 0.18]
    np.testing.assert_allclose(log["money"], linear["money"], rtol=1e-12)
    assert log.attrs == {"unit": "USD", "scale": "log", "width": 0.01}


def test_an_unknown_scale_is_refused_with_the_nearest_word():
    net = two_assets(1.0, 0.0, 50.0)
    for function in (liquidation_moves, liquidation_prices, liquidation_map):
        with pytest.raises(SchemaError, match="did you mean 'linear'"):
            function(net, scale="linea")


def test_prices_agree_with_the_venues_closed_form():
    tiers = [
        {"schedule": "s", "floor": 0.0, "initial_rate": 0.02, "maintenance_rate": 0.01},
        {"schedule": "s", "floor": 1000.0, "initial_rate": 0.1, "maintenance_rate": 0.05},
    ]
    table = [
        {"floor": 0.0, "cap": 1000.0, "maintenance_rate": 0.01},
        {"floor": 1000.0, "cap": None, "maintenance_rate": 0.05},
    ]
    rng = np.random.default_rng(2)
    for size, cash in zip(rng.uniform(1.0, 40.0, 20), rng.uniform(0.1, 0.6, 20), strict=True):
        for side, column in ((1, "fall_price"), (-1, "rise_price")):
            balance = float(cash * size * 100.0)
            net = market([("x", "BTC", side * size, 100.0)], {"x": balance}, tiers=tiers)
            rule = ct.margin.liquidation_price_binance_isolated(side, size, 100.0, balance, tiers=table)
            found = liquidation_prices(net).set_index("account").loc["ax", column]
            assert found == pytest.approx(float(rule.liquidation_price), rel=1e-12)
