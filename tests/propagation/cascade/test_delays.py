"""Orders that take time to reach the market, and transfers that wait for a block, followed by hand."""

from __future__ import annotations

import pytest

import contagion as ct
from tests.propagation.cascade.small import Holder, Rules, play, small_net
from tests.propagation.cascade.test_boundaries import A, path, sold

CALLED = Holder({"M": 16.0}, 2500.0, cash=5000.0, response=1.0)  # at 960 it has 1476, needs 960
CALLS = {"call_ratio": 2.0, "call_target": 3.0, "call_delay": 20.0}
NO_IMPACT = {"impact_coefficient": 0.0}


@pytest.mark.parametrize(("latency", "at"), [(0.0, 10.0), (10.0, 20.0), (15.0, 30.0), (20.0, 30.0)])
def test_an_order_is_executed_once_its_latency_has_passed_since_the_trigger(
    latency: float, at: float
) -> None:
    """Triggered at 10: asked for in every round until then, deferred in all but the last."""
    run = play(small_net({"a": A}, Rules({"latency": latency})))
    assert sold(run) == [("a", at, -16.0)]
    waited = round(at / 10.0) - 1
    assert run.rounds["deferred_notional"].tolist()[1 : waited + 2] == [16 * 960.0] * waited + [0.0]
    assert run.metrics["fill_rate"] == 1.0 / (1 + waited)
    assert run.metrics["time_to_close_median"] == at  # flat at the end of the round that starts there


def test_an_account_that_recovers_while_its_order_is_under_way_is_not_sold() -> None:
    rules = Rules({"latency": 20.0})
    assert sold(play(small_net({"a": A}, rules), shock=path(1024.0, 960.0, 960.0, 1024.0))) == []
    # a new trigger waits anew: from 30 to 50
    again = play(small_net({"a": A}, rules), shock=path(1024.0, 960.0, 1024.0, 960.0, 960.0))
    assert sold(again) == [("a", 50.0, -16.0)]


def test_without_clocks_no_order_is_late() -> None:
    net = small_net({"a": A}, Rules({"latency": 20.0}))
    late = ct.run(net, ct.PriceShock({"X": -0.0625}), ct.Cascade.static())
    prompt = ct.run(small_net({"a": A}), ct.PriceShock({"X": -0.0625}), ct.Cascade.static())
    assert late.metrics.equals(prompt.metrics)


def arrivals(**venue: object) -> dict[str, float]:
    """When the money of two accounts called at 10 arrives."""
    net = small_net({"a": CALLED, "b": CALLED}, Rules({**CALLS, **venue}, NO_IMPACT))
    events = play(net).events
    return dict(events.loc[events["kind"] == "top_up", ["account", "time"]].to_numpy())


def test_a_transfer_on_a_chain_takes_the_delay_the_latency_and_a_block() -> None:
    """Due at 10 + 20 + 3 + 12 = 45: in the round of 50."""
    assert arrivals(latency=3.0, block_time=12.0) == {"a": 50.0, "b": 50.0}


def test_transfers_that_do_not_fit_into_a_block_wait_for_the_next() -> None:
    """a at 45, b a block later at 57."""
    assert arrivals(latency=3.0, block_time=12.0, block_capacity=1.0) == {"a": 50.0, "b": 60.0}
    assert arrivals(latency=3.0, block_time=12.0, block_capacity=2.0) == {"a": 50.0, "b": 50.0}


def test_a_row_of_several_accounts_sends_as_many_transfers() -> None:
    """Three of a fill one block and half of the next: b is in the second one."""
    holders = {"a": Holder({"M": 16.0}, 2500.0, count=3, cash=5000.0, response=1.0), "b": CALLED}
    net = small_net(holders, Rules({**CALLS, "block_time": 12.0, "block_capacity": 2.0}, NO_IMPACT))
    events = play(net).events
    found = dict(events.loc[events["kind"] == "top_up", ["account", "time"]].to_numpy())
    assert found == {"a": 50.0, "b": 60.0}  # due at 42 and 54


def test_a_call_that_nobody_answers_fills_no_block() -> None:
    silent = Holder({"M": 16.0}, 2500.0, cash=5000.0, response=0.0)
    net = small_net(
        {"a": silent, "b": CALLED}, Rules({**CALLS, "block_time": 12.0, "block_capacity": 1.0}, NO_IMPACT)
    )
    events = play(net).events
    assert events.loc[events["kind"] == "top_up", "time"].tolist() == [50.0]


def test_without_a_chain_transfers_know_latency_but_no_blocks() -> None:
    """Due at 10 + 20 + 15 = 45, both of them."""
    assert arrivals(latency=15.0) == {"a": 50.0, "b": 50.0}
    assert arrivals(latency=0.0) == {"a": 30.0, "b": 30.0}


@pytest.mark.parametrize(
    ("column", "value"), [("latency", -1.0), ("block_time", -1.0), ("block_capacity", 0.0)]
)
def test_times_below_zero_and_empty_blocks_are_refused(column: str, value: float) -> None:
    with pytest.raises(ct.errors.InputError, match=column):
        small_net({"a": A}, Rules({column: value}))
