"""What a push to the next cluster takes and yields, by hand."""

import math

import numpy as np
import pytest

from contagion.errors import NetworkError, SchemaError, ValueRangeError
from contagion.measures.clusters import money_to_next_cluster
from contagion.measures.feedback import cascade_slopes
from contagion.measures.index_push import money_to_push_index
from tests.measures.test_liquidation import market


def ruled(net, *, mark="last", impact="linear", **columns):
    """The same network with another mark and impact."""
    return net.replace(
        venues=net.venues.assign(mark=mark), markets=net.markets.assign(impact=impact, **columns)
    )


def one_long(**rules):
    """Long 5 at 100, closed at 80 / 0.99; the books give way by 1e-6 per unit of money."""
    return ruled(market([("x", "BTC", 5.0, 100.0)], {"x": 100.0}), **rules)


def row(net, move="fall", **arguments):
    table = money_to_next_cluster(net, market="BTC", **arguments)
    return table.set_index("move").loc[move]


def test_a_linear_book_is_pushed_by_the_distance_over_its_slope():
    found = row(one_long(), size=1e6)
    assert found["level"] == -0.2 and found["price_move"] == -0.2
    assert found["cluster_money"] == pytest.approx(5.0 * 80.0 / 0.99)
    assert found["money"] == pytest.approx(200_000.0)
    assert found["push_cost"] == pytest.approx(200_000.0 * 0.1)  # at 90 on average
    assert found["forced_move"] == pytest.approx(-0.2 - 500.0e-6)
    assert found["gain"] == pytest.approx(1e6 * 0.2005)
    assert found["break_even_size"] == pytest.approx(20_000.0 / 0.2005)


def test_an_exponential_book_is_pushed_by_the_logarithm():
    found = row(one_long(impact="exponential"))
    assert found["money"] == pytest.approx(-math.log(0.8) * 1e6)
    assert found["push_cost"] == pytest.approx(1e6 * (-math.log(0.8) - 0.2))
    assert found["forced_move"] == pytest.approx(0.8 * math.exp(-500e-6) - 1.0)


def test_a_mark_of_which_half_is_the_last_price_must_be_pushed_twice_as_far():
    found = row(one_long(mark="weighted"))
    assert (found["level"], found["price_move"]) == (-0.2, -0.4)
    assert found["money"] == pytest.approx(400_000.0)


def test_a_mark_that_is_the_index_cannot_be_pushed_nor_a_price_below_zero():
    assert np.isnan(row(one_long(mark="index"))["money"])
    far = market([("x", "BTC", 5.0, 100.0)], {"x": 280.0})  # closed at 44.4: a last price below zero
    found = row(ruled(far, mark="weighted"))
    assert found["level"] == -0.56 and np.isnan(found["money"])


def test_shorts_are_bought_back_above():
    net = ruled(market([("x", "BTC", -5.0, 100.0)], {"x": 60.0}))
    found = row(net, "rise", size=1e6)
    assert found["level"] == 0.11  # closed at 112 / 1.01, 10.9 per cent up
    assert found["money"] == pytest.approx(110_000.0)
    assert found["gain"] == pytest.approx(1e6 * 0.1105)
    assert np.isnan(row(net, "fall")["level"])


def test_small_levels_are_no_clusters():
    positions = [("x", "BTC", 0.05, 100.0), ("y", "BTC", 5.0, 100.0)]
    net = ruled(market(positions, {"x": 0.5, "y": 100.0}))  # x is closed 9.1 per cent down
    assert row(net, least=0.005)["level"] == -0.1
    assert row(net, least=0.02)["level"] == -0.2
    assert np.isnan(row(net, least=0.02, furthest=0.15)["level"])


def test_only_one_markets_mark_moves():
    net = ruled(market([("x", "BTC", 5.0, 100.0), ("x", "ETH", 50.0, 10.0)], {"x": 200.0}))
    # 200 + 5 (p - 100) = 0.05 p + 5: the other leg keeps its price and its requirement of 1 per cent of 500
    closed = (305.0) / 4.95
    assert row(net)["level"] == pytest.approx(-math.ceil((1.0 - closed / 100.0) * 100.0) / 100.0)


def test_every_perpetual_has_a_fall_and_a_rise():
    table = money_to_next_cluster(one_long())
    assert list(zip(table["market"], table["move"], strict=True)) == [
        ("BTC", "fall"), ("BTC", "rise"), ("ETH", "fall"), ("ETH", "rise"),
    ]  # fmt: skip
    assert table[table["market"] == "ETH"]["level"].isna().all()


def test_a_book_that_ends_before_cannot_be_pushed_to_the_cluster():
    found = row(one_long(impact="depth_curve"))  # its only band is at 1 per cent
    assert found["level"] == -0.2 and np.isnan(found["money"])


def test_unknown_markets_are_refused_with_the_nearest_name():
    with pytest.raises(SchemaError, match="did you mean 'BTC'"):
        money_to_next_cluster(one_long(), market="BTCC")


@pytest.mark.parametrize(
    "arguments", [{"size": -1.0}, {"width": 0.0}, {"least": 2.0}, {"furthest": 0.0}, {"size": float("nan")}]
)
def test_numbers_out_of_range_are_refused_by_name(arguments):
    with pytest.raises(ValueRangeError, match=next(iter(arguments))):
        money_to_next_cluster(one_long(), **arguments)


def test_square_roots_without_volume_are_refused():
    with pytest.raises(NetworkError, match="square_root impact without volume"):
        money_to_next_cluster(one_long(impact="square_root"))


def as_future(net, carry=0.0):
    """The same network with a future in place of the perpetual on BTC."""
    rows = net.markets.reset_index().to_dict("records")
    terms = {"kind": "future", "expiry": 365.0 * 86_400.0, "carry": carry}
    return net.replace(markets=[row | terms if row["name"] == "BTC" else row for row in rows])


@pytest.mark.parametrize("mark", ["last", "weighted"])
def test_a_future_is_pushed_as_a_perpetual_at_its_price(mark):
    perp, future = (row(net, size=1e6) for net in (one_long(mark=mark), as_future(one_long(mark=mark))))
    assert future.equals(perp)
    # a carry of a tenth: it trades at 100 e^0.1, and the long, opened at 100, is closed at 80 / 0.99 all the same
    dear = row(as_future(one_long(mark="last"), carry=0.1))
    level = math.ceil((1.0 - 80.0 / 0.99 / (100.0 * math.exp(0.1))) * 100.0) / 100.0
    assert dear["level"] == pytest.approx(-level)
    assert dear["cluster_money"] == pytest.approx(5.0 * 80.0 / 0.99)


@pytest.mark.parametrize("mark", ["index", "median_binance", "median_hyperliquid"])
def test_a_future_marked_at_its_fair_price_cannot_be_pushed(mark):
    assert np.isnan(row(as_future(one_long(mark=mark)))["money"])


def test_slopes_count_futures_as_perpetuals():
    net = market([("x", "BTC", 5.0, 100.0), ("y", "BTC", 4.0, 100.0)], {"x": 100.0, "y": 81.0})
    perp, future = (cascade_slopes(one, width=0.1) for one in (ruled(net), as_future(ruled(net))))
    assert perp["slope"].max() > 0.0
    assert future.equals(perp)


def test_an_index_is_pushed_into_the_clusters_of_futures_too():
    net = ruled(market([("x", "BTC", 5.0, 100.0)], {"x": 100.0}), mark="index")
    rows, depth = net.markets.reset_index().to_dict("records"), net.depth.to_dict("records")
    spot = next(one for one in rows if one["name"] == "BTC") | {"name": "S", "kind": "spot", "schedule": ""}
    more = [one | {"market": "S"} for one in depth if one["market"] == "BTC"]
    net = net.replace(markets=[*rows, spot], depth=[*depth, *more])
    perp, future = (money_to_push_index(one, "BTC").set_index("move") for one in (net, as_future(net)))
    assert future.equals(perp)
    assert future.loc["fall", "level"] == -0.2
    assert future.loc["fall", "cluster_money"] == pytest.approx(5.0 * 80.0 / 0.99)
