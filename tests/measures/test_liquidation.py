"""Liquidation prices and the map of what waits at each level."""

import numpy as np
import pytest

import contagion as ct
from contagion.errors import SchemaError, ValueRangeError
from contagion.measures.books import book
from contagion.measures.liquidation import liquidation_map, liquidation_moves, liquidation_prices

TIERS = [
    {"schedule": "s", "floor": 0.0, "initial_rate": 0.02, "maintenance_rate": 0.01},
    {"schedule": "s", "floor": 1000.0, "initial_rate": 0.1, "maintenance_rate": 0.05},
]


def market(positions, balances, *, tiers=TIERS, counts=None):
    """A venue with BTC at 100 and ETH at 10; every account has its own owner."""
    names = sorted(balances)
    return ct.Network(
        nodes=[
            {"name": "V", "kind": "exchange", "cash": 1e6},
            *({"name": n, "kind": "trader"} for n in names),
        ],
        assets=[
            {"name": "USD", "kind": "currency", "price": 1.0},
            {"name": "BTC", "kind": "coin", "price": 100.0, "volatility": 0.03},
            {"name": "ETH", "kind": "coin", "price": 10.0, "volatility": 0.04},
        ],
        venues=[{"name": "V"}],
        schedules=[{"name": "s"}],
        tiers=tiers,
        markets=[
            {"name": coin, "venue": "V", "asset": coin, "kind": "perp", "schedule": "s", "lot": 2.0**-20}
            for coin in ("BTC", "ETH")
        ],
        depth=[
            {"market": coin, "side": side, "band": 0.01, "amount": 1e4}
            for coin in ("BTC", "ETH")
            for side in ("bid", "ask")
        ],
        accounts=[
            {"name": f"a{n}", "owner": n, "venue": "V", "count": (counts or {}).get(n, 1)} for n in names
        ],
        balances=[{"account": f"a{n}", "asset": "USD", "quantity": q} for n, q in balances.items()],
        positions=[
            {"account": f"a{n}", "market": m, "quantity": q, "entry_price": p} for n, m, q, p in positions
        ],
        rest_of_market="add",
    )


def test_an_isolated_long_is_closed_at_its_closed_form_price():
    net = market([("x", "BTC", 5.0, 100.0)], {"x": 100.0})
    expected = (100.0 - 100.0 / 5.0) / (1.0 - 0.01)  # first tier: 5 * 80.8 < 1000
    own = liquidation_prices(net).set_index("account").loc["ax"]
    assert own["fall_price"] == pytest.approx(expected, rel=1e-14)
    assert np.isnan(own["rise_price"])


def test_the_tier_in_force_is_the_one_at_the_liquidation_price():
    net = market([("x", "BTC", -20.0, 100.0)], {"x": 400.0})
    amount = 1000.0 * 0.04
    expected = (100.0 + (400.0 + amount) / 20.0) / 1.05
    own = liquidation_prices(net).set_index("account").loc["ax"]
    assert own["rise_price"] == pytest.approx(expected, rel=1e-14)
    assert np.isnan(own["fall_price"])


def test_several_positions_are_closed_where_health_is_exactly_zero():
    net = market(
        [
            ("x", "BTC", 6.0, 101.0),
            ("x", "ETH", -20.0, 9.5),
            ("y", "ETH", 100.0, 10.0),
            ("y", "BTC", 2.0, 99.0),
        ],
        {"x": 90.0, "y": 150.0},
    )
    legs = book(net)
    move = liquidation_moves(net)["fall"].to_numpy()
    health, _ = legs.health(np.nan_to_num(move))
    closed = np.isfinite(move)
    assert closed.sum() == 2
    assert np.abs(health[closed]).max() < 1e-9


def test_moves_agree_with_bisection_on_random_accounts():
    rng = np.random.default_rng(4)
    names = [f"n{i:02d}" for i in range(40)]
    positions = [
        (n, coin, round(float(rng.normal(0, 10)), 3) or 1.0, price)
        for n in names
        for coin, price in (("BTC", 100.0), ("ETH", 10.0))
    ]
    net = market(positions, {n: float(rng.uniform(5, 900)) for n in names})
    legs = book(net)
    start = legs.health(np.zeros(len(legs.cash)))[0]
    for side, end in (("fall", legs.lowest), ("rise", 5.0)):
        found = liquidation_moves(net)[side].to_numpy()
        near, far = np.zeros(len(found)), np.full(len(found), end)
        bad = legs.health(far)[0] < 0.0
        for _ in range(80):
            middle = 0.5 * (near + far)
            below = legs.health(middle)[0] < 0.0
            near, far = np.where(below, near, middle), np.where(below, middle, far)
        check = bad & (start >= 0.0)
        assert check.any()
        np.testing.assert_allclose(found[check], far[check], rtol=1e-9, atol=1e-12)


def test_an_account_below_its_requirement_is_closed_at_once_and_counted_once():
    net = market([("x", "BTC", 10.0, 100.0)], {"x": 1.0})
    moves = liquidation_moves(net).loc["ax"]
    assert moves["fall"] == 0.0
    assert liquidation_map(net).query("side == 'long'")["money"].sum() == pytest.approx(1000.0)


def test_the_map_counts_every_account_behind_a_row():
    one = liquidation_map(market([("x", "BTC", 5.0, 100.0)], {"x": 100.0}))
    many = liquidation_map(market([("x", "BTC", 5.0, 100.0)], {"x": 100.0}, counts={"x": 7}))
    assert many.query("side == 'long'")["money"].sum() == pytest.approx(
        7 * one.query("side == 'long'")["money"].sum()
    )


def test_the_map_holds_the_money_of_every_account_closed_within_its_range():
    net = market([("x", "BTC", 5.0, 100.0), ("y", "BTC", 5.0, 100.0)], {"x": 100.0, "y": 460.0})
    table = liquidation_map(net, lowest=-0.5, width=0.02)
    assert list(table["level"]) == [-0.18]  # closed at -19.2 %; y is closed beyond the range
    assert table["money"].iloc[0] == pytest.approx(5.0 * 80.0 / 0.99)
    assert set(table["venue"]) == {"V"} and set(table["asset"]) == {"BTC"}


def test_a_direction_leaves_assets_that_it_does_not_name():
    net = market([("x", "ETH", 50.0, 10.0)], {"x": 60.0})
    assert np.isnan(liquidation_moves(net, {"BTC": 1.0})["fall"]["ax"])
    half = liquidation_moves(net, {"ETH": 0.5})["fall"]["ax"]
    assert half == pytest.approx(2.0 * liquidation_moves(net, {"ETH": 1.0})["fall"]["ax"])


def test_an_unknown_asset_is_refused_with_the_nearest_name():
    net = market([("x", "ETH", 50.0, 10.0)], {"x": 60.0})
    with pytest.raises(SchemaError, match=r"'ETHH' is no asset.*did you mean 'ETH'"):
        liquidation_moves(net, {"ETHH": 1.0})


@pytest.mark.parametrize("direction", [{}, {"BTC": 0.0}, {"BTC": float("nan")}])
def test_a_direction_that_moves_nothing_is_refused(direction):
    with pytest.raises(ValueRangeError, match="moves no price"):
        book(market([("x", "ETH", 50.0, 10.0)], {"x": 60.0}), direction)


@pytest.mark.parametrize(
    "arguments", [{"width": 0.0}, {"width": float("nan")}, {"lowest": 0.1}, {"highest": -0.1}]
)
def test_levels_that_make_no_sense_are_refused(arguments):
    with pytest.raises(ValueRangeError):
        liquidation_map(market([("x", "ETH", 50.0, 10.0)], {"x": 60.0}), **arguments)


def test_a_network_without_positions_has_an_empty_map():
    net = market([], {"x": 60.0})
    assert liquidation_map(net).empty
    assert liquidation_moves(net)["fall"].isna().all()


def test_loans_without_positions_are_on_the_map_with_their_coins():
    """2 BTC at 100 behind a debt of 120, counted at 0.75: closed where 150 (1 + u) = 120."""
    net = market([("y", "BTC", 5.0, 100.0)], {"x": -120.0, "y": 1e6})
    rows = [*net.balances.to_dict("records"), {"account": "ax", "asset": "BTC", "quantity": 2.0}]
    spot = {"name": "S", "venue": "V", "asset": "BTC", "kind": "spot"}
    depth = [{"market": "S", "side": side, "band": 0.01, "amount": 1e4} for side in ("bid", "ask")]
    lent = net.replace(
        balances=rows,
        collateral=[{"venue": "V", "asset": "BTC", "weight": 0.75}],
        markets=[*net.markets.reset_index().to_dict("records"), spot],
        depth=[*net.depth.to_dict("records"), *depth],
        accounts=net.accounts.assign(count=np.where(net.accounts.index == "ax", 3, 1)),
    )
    assert liquidation_moves(lent)["fall"]["ax"] == pytest.approx(-0.2)
    for scale, level in (("linear", -0.2), ("log", -0.22)):
        table = liquidation_map(lent, scale=scale)
        assert table[["market", "venue", "asset", "side"]].to_numpy().tolist() == [
            ["collateral:V", "V", "BTC", "long"]
        ]
        assert table["level"].tolist() == [pytest.approx(level)]
        assert table["money"].iloc[0] == pytest.approx(3 * 2.0 * 80.0)
