"""Losses against what would have happened outside."""

import math

import numpy as np
import pytest

from contagion.errors import SchemaError, ValueRangeError
from contagion.measures import losses

OUTSIDE = np.array([-10.0, -10.0, 5.0, 0.0])
CHANGE = np.array([-25.0, -4.0, 5.0, -3.0])
COUNTED = np.array([True, True, True, False])


def test_a_loss_is_what_a_node_lost_beyond_the_outside_move():
    assert losses.node_loss(OUTSIDE, CHANGE).tolist() == [15.0, 0.0, 0.0, 3.0]
    assert losses.node_gain(OUTSIDE, CHANGE).tolist() == [0.0, 6.0, 0.0, 0.0]


def test_sums_run_over_the_nodes_that_count():
    assert losses.system_loss(OUTSIDE, CHANGE, COUNTED) == 15.0
    assert losses.system_loss(OUTSIDE, CHANGE) == 18.0
    assert losses.system_gain(OUTSIDE, CHANGE, COUNTED) == 6.0
    assert losses.direct_loss(OUTSIDE, COUNTED) == 20.0
    assert losses.direct_loss(OUTSIDE, ~COUNTED) == 0.0


def test_loss_minus_gain_is_the_net_distance_from_outside():
    net = losses.system_loss(OUTSIDE, CHANGE) - losses.system_gain(OUTSIDE, CHANGE)
    assert net == (OUTSIDE - CHANGE).sum()


def test_amplification_is_total_loss_over_direct_loss():
    assert losses.loss_amplification(20.0, 15.0) == 1.75
    assert losses.loss_amplification(20.0, 0.0) == 1.0


def test_without_direct_loss_there_is_no_amplification():
    assert math.isnan(losses.loss_amplification(0.0, 15.0))


def test_whole_numbers_and_empty_networks_are_fine():
    assert losses.system_loss([-1, -2], [-3, -2]) == 2.0
    assert losses.system_loss(np.zeros(0), np.zeros(0)) == 0.0


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_changes_are_finite(bad):
    with pytest.raises(ValueRangeError, match=r"change\[1\]"):
        losses.system_loss([1.0, 2.0], [1.0, bad])


@pytest.mark.parametrize(
    ("outside", "change"),
    [([1.0], [1.0, 2.0]), ([[1.0]], [[1.0]]), (["a"], [1.0]), ([True], [1.0]), (1.0, 1.0), ([1j], [1.0])],
)
def test_changes_are_one_number_per_node(outside, change):
    with pytest.raises(SchemaError, match="change"):
        losses.node_loss(outside, change)


@pytest.mark.parametrize("counted", [[1, 1, 1, 0], [True], "x", [[True] * 4]])
def test_counted_is_one_bool_per_node(counted):
    with pytest.raises(SchemaError, match="counted"):
        losses.system_loss(OUTSIDE, CHANGE, counted)


@pytest.mark.parametrize("pair", [(-1.0, 0.0), (1.0, -1.0), (float("nan"), 1.0), (1.0, float("inf"))])
def test_amplification_refuses_what_is_no_loss(pair):
    with pytest.raises(ValueRangeError, match="is no loss"):
        losses.loss_amplification(*pair)
