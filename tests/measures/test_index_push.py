"""What a push of an index to the next cluster takes and yields, by hand and against the attack itself."""

import math

import numpy as np
import pytest

import contagion as ct
from contagion.errors import SchemaError, ValueRangeError
from contagion.measures import money_to_push_index
from tests.propagation.cascade.small import Holder, Rules, play, small_net
from tests.propagation.cascade.test_attacks import PAIR, spot_net

RESTING = 1024.0 * 1024.0
"""Money that takes a linear book of these networks to zero."""


def row(net, move="fall", **arguments):
    return money_to_push_index(net, "X", **arguments).set_index("move").loc[move]


def test_a_mark_that_is_the_index_falls_as_far_as_it():
    found = row(spot_net(), size=1e6)  # closed at 960: 6.25 per cent down
    assert (found["level"], found["market"]) == (-0.07, "M")
    assert found["cluster_money"] == 16.0 * 960.0
    assert found["money"] == pytest.approx(0.07 * RESTING)
    assert found["push_cost"] == pytest.approx(0.07 * RESTING * 0.035)
    assert found["mark_move"] == -0.07
    assert found["gain"] == pytest.approx(0.07 * 1e6)
    assert found["break_even_size"] == pytest.approx(0.07 * RESTING * 0.5)


def test_a_mark_of_which_half_is_the_index_needs_twice_the_push_and_feels_its_own_forced_sales():
    found = row(spot_net(mark="weighted"))
    assert found["level"] == -0.13
    assert found["mark_move"] == pytest.approx(-0.5 * (0.13 + 16.0 / 1024.0))


def test_an_exponential_book_is_pushed_by_the_logarithm():
    found = row(spot_net(impact="exponential"))
    assert found["money"] == pytest.approx(-math.log(0.93) * RESTING)
    assert found["push_cost"] == pytest.approx((-math.log(0.93) - 0.07) * RESTING)


def test_all_spot_markets_of_the_index_are_moved_alike():
    net = spot_net(more=("T", "U"))
    members = net.markets["in_index"].where(net.markets.index != "U", False)
    assert row(net.replace(markets=net.markets.assign(in_index=members)))["money"] == pytest.approx(
        2.0 * 0.07 * RESTING
    )


def test_shorts_are_squeezed_above():
    holders = {"long": Holder({"M": 16.0}, 1e6), "short": Holder({"M": -16.0}, 16.0 * 132.0)}
    found = row(spot_net(holders), "rise")  # closed above 1088, 6.25 per cent up
    assert found["level"] == 0.07
    assert found["push_cost"] == pytest.approx(0.07 * RESTING * 0.035)
    assert np.isnan(row(spot_net(holders))["level"])


def test_an_attack_with_that_money_moves_the_index_there_and_loses_that_cost():
    net = spot_net(impact="exponential")
    found = row(net)
    run = play(net, shock=ct.Attack("X", float(found["money"])))
    lowest = run.paths.loc[run.paths["market"] == "S", "last"].min() / 1024.0 - 1.0
    assert lowest == pytest.approx(found["level"], rel=1e-6)
    assert -run.metrics["attack_profit"] == pytest.approx(found["push_cost"], rel=1e-6)
    assert run.metrics["liquidated_accounts"] == 1.0


def test_without_a_spot_market_or_without_weight_of_the_index_nothing_is_said():
    lonely = row(small_net(PAIR, Rules({"mark": "index"})))
    assert lonely["level"] == -0.07 and np.isnan(lonely["money"]) and np.isnan(lonely["break_even_size"])
    assert np.isnan(row(spot_net(mark="last"))["level"])


def test_wrong_arguments_are_refused():
    with pytest.raises(SchemaError, match="has no perpetual"):
        money_to_push_index(spot_net(), "Y")
    with pytest.raises(ValueRangeError, match="width"):
        money_to_push_index(spot_net(), "X", width=0.0)
