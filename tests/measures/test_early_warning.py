"""Leverage shares and the distance to divergence."""

import math

import numpy as np
import pytest

import contagion as ct
from contagion.errors import SchemaError, ValueRangeError
from contagion.measures.early_warning import (
    distance_to_divergence,
    liquidation_probability,
    open_interest_above,
)
from contagion.measures.feedback import cascade_slopes


def uniform_book(n, slope, *, impact="linear", mark="last", start=0.05, end=0.45):
    """Longs of one coin, closed at levels spread evenly in the move, so that slope ``κρ`` is given at the start."""
    price, rate, money = 100.0, 0.01, 1000.0
    levels = np.linspace(start, end, n, endpoint=False) + 0.5 * (end - start) / n
    quantity = money / price
    cash = quantity * price * (1.0 - (1.0 - levels) * (1.0 - rate))  # health 0 at price (1 - level)
    density = n * money / (end - start)  # money at the opening price per unit of the move
    names = [f"t{i:05d}" for i in range(n)]
    return ct.Network(
        nodes=[{"name": "V", "kind": "exchange"}, *({"name": name, "kind": "trader"} for name in names)],
        assets=[
            {"name": "USD", "kind": "currency", "price": 1.0},
            {"name": "BTC", "kind": "coin", "price": price, "volatility": 0.03},
        ],
        venues=[{"name": "V", "mark": mark}],
        schedules=[{"name": "s"}],
        tiers=[{"schedule": "s", "floor": 0.0, "initial_rate": 0.02, "maintenance_rate": rate}],
        markets=[
            {
                "name": "P", "venue": "V", "asset": "BTC", "kind": "perp", "schedule": "s", "impact": impact,
                "impact_coefficient": slope, "lot": 2.0**-20,
            }
        ],
        depth=[{"market": "P", "side": side, "band": 0.01, "amount": 0.01 * density} for side in ("bid", "ask")],
        accounts=[{"name": f"a{name}", "owner": name, "venue": "V"} for name in names],
        balances=[
            {"account": f"a{name}", "asset": "USD", "quantity": c} for name, c in zip(names, cash, strict=True)
        ],
        positions=[
            {"account": f"a{name}", "market": "P", "quantity": quantity, "entry_price": price} for name in names
        ],
        rest_of_market="add",
    )  # fmt: skip


def test_a_uniform_density_has_the_slope_of_impact_times_density():
    slopes = cascade_slopes(uniform_book(4000, 0.8), furthest=-0.4)
    level = slopes.index.to_numpy()
    inside = (level <= -0.06) & (level >= -0.38)
    # money per coin falls with the price, and so does the price that a displacement is a share of
    expected = 0.8 * (1.0 + level - 0.005) ** 2
    np.testing.assert_allclose(slopes["slope"][inside], expected[inside], rtol=0.03)


def test_a_mark_takes_only_its_share_of_the_last_price():
    full = cascade_slopes(uniform_book(1000, 0.8, mark="last"), furthest=-0.3)["slope"]
    half = cascade_slopes(uniform_book(1000, 0.8, mark="weighted"), furthest=-0.3)["slope"]
    none = cascade_slopes(uniform_book(1000, 0.8, mark="index"), furthest=-0.3)["slope"]
    np.testing.assert_allclose(half, 0.5 * full)
    assert not none.any()


def test_divergence_is_where_the_slope_passes_one():
    found = distance_to_divergence(uniform_book(4000, 1.3), furthest=-0.4)
    assert found.level == pytest.approx(-0.05)
    assert found.shock == pytest.approx(-0.05, abs=0.011)
    assert found.market == "P"
    calm = distance_to_divergence(uniform_book(4000, 0.5), furthest=-0.4)
    assert np.isnan(calm.shock) and calm.market == ""
    assert 0.35 < calm.peak_slope < 0.5


def test_sales_on_the_way_make_the_shock_smaller_than_the_level():
    slopes = cascade_slopes(uniform_book(4000, 0.8), furthest=-0.4)
    last = slopes.iloc[-1]
    assert float(slopes.index[-1]) < last["shock"] < -0.05


def test_one_account_alone_feeds_nothing():
    assert cascade_slopes(uniform_book(1, 5.0), furthest=-0.5)["slope"].abs().max() < 1e-12


def test_rises_feed_on_shorts():
    net = uniform_book(500, 0.8)
    mirrored = net.replace(
        positions=net.positions.assign(quantity=-net.positions["quantity"]),
        balances=net.balances.assign(
            quantity=net.balances["quantity"].where(net.balances["account"] < "b", 1e9)
        ),
    )
    slopes = cascade_slopes(mirrored, furthest=0.4)
    assert slopes.index[0] == 0.0 and slopes.index[-1] > 0.3
    assert slopes["slope"].max() > 0.3


def test_a_width_beyond_the_range_is_refused():
    with pytest.raises(ValueRangeError, match="width"):
        cascade_slopes(uniform_book(5, 0.5), width=0.7, furthest=-0.5)


def test_open_interest_is_shared_by_the_leverage_of_its_holder():
    net = uniform_book(2, 0.5, start=0.04, end=0.44)  # cash of 14.9 and 34.7 per cent: 6.7 and 2.9 times
    shares = open_interest_above(net, (1.5, 3.0, 10.0))["share"]
    # the rest of the market holds the other side, without leverage
    assert list(shares) == pytest.approx([0.5, 0.25, 0.0])
    assert list(open_interest_above(net, (3.0,), by="venue").columns) == ["V"]
    assert list(open_interest_above(net, (3.0,), by="asset").columns) == ["BTC"]


def test_an_unknown_group_is_refused():
    with pytest.raises(SchemaError, match="did you mean 'venue'"):
        open_interest_above(uniform_book(2, 0.5), by="venues")


def test_the_probability_of_liquidation_is_that_of_a_driftless_walk():
    net = uniform_book(2, 0.5, start=0.0, end=0.08)  # closed at falls of 2 and 6 per cent
    found = liquidation_probability(net, 86_400.0)["fall"].iloc[:2].to_numpy()
    rng = np.random.default_rng(3)
    steps = rng.normal(0.0, 0.03 / np.sqrt(2_000), (4_000, 2_000))
    lowest = np.cumsum(steps, axis=1).min(axis=1)
    walked = [(lowest <= np.log(0.98)).mean(), (lowest <= np.log(0.94)).mean()]
    np.testing.assert_allclose(found, walked, atol=0.03)
    assert liquidation_probability(net, 86_400.0)["rise"].iloc[:2].sum() == 0.0


def test_a_longer_horizon_makes_liquidation_more_likely():
    net = uniform_book(20, 0.5)
    day, week = (liquidation_probability(net, days * 86_400.0)["fall"] for days in (1.0, 7.0))
    assert (week >= day).all() and (week > day).any()


def borrowers(**loans):
    """A protocol with a threshold of 0.8 for every coin; a loan is what it holds (positive) and owes, in money."""
    volatility = {"ETH": 0.04, "BTC": 0.03, "TWIN": 0.04}
    coins = [
        {"name": name, "kind": "coin", "price": 100.0, "volatility": sigma}
        for name, sigma in volatility.items()
    ]
    return ct.Network(
        nodes=[{"name": "P", "kind": "protocol"}, {"name": "o"}],
        assets=[{"name": "USD", "kind": "currency", "price": 1.0}, *coins],
        venues=[{"name": "P", "procedure": "lending"}],
        collateral=[
            {"venue": "P", "asset": name, "loan_to_value": 0.75, "liquidation_threshold": 0.8}
            for name in volatility
        ],
        accounts=[{"name": name, "owner": "o", "venue": "P"} for name in loans],
        balances=[
            {"account": name, "asset": asset, "quantity": money / (1.0 if asset == "USD" else 100.0)}
            for name, loan in loans.items()
            for asset, money in loan.items()
        ],
    )


def beyond(distance, sigma, days=1.0):
    """Twice the chance of a normal beyond a logarithmic distance."""
    return math.erfc(abs(distance) / (sigma * math.sqrt(days)) / math.sqrt(2.0))


def test_a_loan_is_closed_with_twice_the_chance_of_a_normal_beyond_a_health_factor_of_1():
    net = borrowers(
        one={"ETH": 1000.0, "USD": -760.0},  # 0.8 x 1000 p = 760 at p = 0.95
        short={"USD": 1000.0, "ETH": -900.0},  # 900 p = 1000 at p = 10 / 9
        sick={"ETH": 1000.0, "USD": -801.0},
        lender={"USD": 1000.0},
        deposit={"ETH": 1000.0},
    )
    found = liquidation_probability(net, 2.0 * 86_400.0)
    assert found.loc["one", "fall"] == pytest.approx(beyond(math.log(0.95), 0.04, 2.0), rel=1e-12)
    assert found.loc["short", "rise"] == pytest.approx(beyond(math.log(10.0 / 9.0), 0.04, 2.0), rel=1e-12)
    assert found.loc["sick", "fall"] == 1.0
    assert found.loc[["lender", "deposit"]].to_numpy().tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert found.loc["one", "rise"] == found.loc["short", "fall"] == 0.0


def test_loans_on_one_asset_are_closed_as_often_as_simulated_ones():
    net = borrowers(one={"ETH": 1000.0, "USD": -760.0}, short={"USD": 1000.0, "ETH": -930.0})
    exact = liquidation_probability(net, 86_400.0).max(axis=1)
    drawn = ct.measures.probability_of_liquidation(
        net, 86_400.0, method="simulation", n=20_000, steps=64, seed=5
    )
    assert (drawn["method"] == "simulation").all() and (exact > 0.05).all()
    assert ((drawn["probability"] - exact).abs() < 3.5 * drawn["standard_error"]).all()


def test_loans_on_several_assets_take_the_mean_of_their_volatilities_by_money_that_counts():
    net = borrowers(
        mixed={"ETH": 300.0, "BTC": 600.0, "USD": -680.0},  # 0.8 x 900 p = 680
        looped={"BTC": 1000.0, "ETH": -300.0, "USD": -480.0},  # 800 p - 300 p = 480
    )
    found = liquidation_probability(net, 86_400.0)["fall"]
    sigma = (240.0 * 0.04 + 480.0 * 0.03) / 720.0
    assert found["mixed"] == pytest.approx(beyond(math.log(680.0 / 720.0), sigma), rel=1e-12)
    sigma = (800.0 * 0.03 + 300.0 * 0.04) / 1100.0
    assert found["looped"] == pytest.approx(beyond(math.log(0.96), sigma), rel=1e-12)


def test_loans_on_assets_that_move_as_one_are_closed_as_often_as_simulated_ones():
    net = borrowers(both={"ETH": 500.0, "TWIN": 500.0, "USD": -760.0})
    exact = liquidation_probability(net, 86_400.0).loc["both", "fall"]
    drawn = ct.measures.probability_of_liquidation(
        net, 86_400.0, correlation=1.0, n=20_000, steps=64, seed=5
    ).loc["both"]
    assert drawn["method"] == "simulation"
    assert abs(drawn["probability"] - exact) < 3.5 * drawn["standard_error"]


def test_a_missing_volatility_of_what_a_loan_holds_is_no_probability():
    net = borrowers(one={"ETH": 1000.0, "USD": -760.0})
    blind = net.replace(assets=net.assets.assign(volatility=np.nan))
    assert np.isnan(liquidation_probability(blind, 86_400.0).loc["one", "fall"])


@pytest.mark.parametrize("horizon", [0.0, -1.0, float("nan"), float("inf")])
def test_a_horizon_that_is_not_positive_is_refused(horizon):
    with pytest.raises(ValueRangeError, match="horizon"):
        liquidation_probability(uniform_book(2, 0.5), horizon)
