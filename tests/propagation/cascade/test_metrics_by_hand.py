"""Metrics of worlds of one to four accounts, every number worked out by hand.

Two longs, `a` of 16 units and `b` of 8, bought at 1024; maintenance is a sixteenth of the notional. Outside: 960.

- `a` has 1900: at 960 its equity is 1900 - 16 * 64 = 876, below 16 * 960 / 16 = 960. It sells 16 units: the price goes
  from 960 to 960 (1 - 16/1024) = 945, the fill is 952.5.
- `b` has 1100: at 960 its equity is 588, above 480; at 945 it is 468, below 472.5. It sells 8 units: the price goes
  from 945 to 937.5, the fill is 941.25.
"""

from __future__ import annotations

import math
from functools import cache

import pytest

import contagion as ct
from tests.propagation.cascade.small import Holder, Rules, gap, play, small_net

FEE = 1.0 / 64.0
FEES = {"fee": FEE, "fee_to_fund": 0.5, "fee_to_keeper": 0.25, "fee_burned": 0.125}
A_MONEY, B_MONEY = 16 * 952.5, 8 * 941.25  # 15240 and 7530
A_FEE, B_FEE = A_MONEY / 64, B_MONEY / 64  # 238.125 and 117.65625
A_SLIPPAGE, B_SLIPPAGE = 16 * 7.5, 8 * 18.75  # against 960: 120 and 150
A_BASIS, B_BASIS = 7.5 / 960, 3.75 / 945  # triggered at marks of 960 and 945
TWO_LONGS = {"a": Holder({"M": 16.0}, 1900.0), "b": Holder({"M": 8.0}, 1100.0)}


@cache
def two_longs() -> ct.Run:
    """Both accounts are closed, in rounds one after the other, and pay fees."""
    return play(small_net(TWO_LONGS, Rules(FEES)))


def test_two_longs_are_sold_one_after_the_other_at_the_prices_worked_out() -> None:
    fills = two_longs().events.set_index("account")
    assert fills["time"].to_dict() == {"a": 10.0, "b": 20.0}
    assert fills["price"].to_dict() == {"a": 952.5, "b": 941.25}
    closing = two_longs().accounts["closing_equity"]
    # money, less loss against 1024, less fee
    assert closing["a"] == 1900.0 - 16 * 71.5 - A_FEE
    assert closing["b"] == 1100.0 - 8 * 82.75 - B_FEE


BY_HAND = {
    # what the opening books lose at 960: 24 units times 64
    "direct_loss": 24 * 64.0,
    # beyond that each lost its slippage and its fee; the venue won the fund's half of the fees and its own eighth
    "system_loss": A_SLIPPAGE + B_SLIPPAGE + A_FEE + B_FEE,
    "system_gain": 0.625 * (A_FEE + B_FEE),
    "loss_amplification": (1536.0 + 625.78125) / 1536.0,
    "forced_cost": A_SLIPPAGE + B_SLIPPAGE + A_FEE + B_FEE,
    "liquidation_cost": A_SLIPPAGE + B_SLIPPAGE + A_FEE + B_FEE,
    "liquidation_cost_slippage": A_SLIPPAGE + B_SLIPPAGE,
    "liquidation_cost_fee": 0.875 * (A_FEE + B_FEE),
    "liquidation_cost_burn": 0.125 * (A_FEE + B_FEE),
    "liquidation_cost_gas": 0.0,
    # weighed by what was sold, at the marks: 16 * 960 and 8 * 945
    "liquidation_basis_mean": (A_BASIS * 15360 + B_BASIS * 7560) / (15360 + 7560),
    "liquidation_basis_worst": A_BASIS,
    "liquidated_notional": A_MONEY + B_MONEY,
    "liquidated_notional_long": A_MONEY + B_MONEY,
    "liquidated_notional_short": 0.0,
    "liquidated_accounts": 2.0,
    # only b would have been healthy at 960
    "branching_ratio": B_MONEY / (A_MONEY + B_MONEY),
    "price_drop_max": 1.0 - 937.5 / 1024.0,
    "price_amplification": (1024.0 - 937.5) / (1024.0 - 960.0),
    # no spot market: the index is the outside price
    "basis_peak": 1.0 - 937.5 / 960.0,
    "fill_rate": 1.0,
    "time_to_close_median": 10.0,
    "time_to_close_95": 10.0,
    "deferred_notional": 0.0,
    "halted_seconds": 0.0,
    "margin_called": 0.0,
    "bad_debt": 0.0,
}


@pytest.mark.parametrize("metric", BY_HAND)
def test_metrics_of_two_longs_are_those_worked_out_by_hand(metric: str) -> None:
    assert two_longs().metrics[metric] == pytest.approx(BY_HAND[metric], rel=1e-14, abs=1e-14)


def test_money_that_fits_the_quantum_is_exact_to_the_last_bit() -> None:
    exact = ("direct_loss", "forced_cost", "liquidation_cost_fee", "liquidated_notional", "price_drop_max")
    found = two_longs().metrics
    assert {name: found[name] for name in exact} == {name: BY_HAND[name] for name in exact}


def test_a_short_is_bought_back_above_the_outside_price() -> None:
    """Outside 1088: 16 units bought lift the price from 1088 to 1088 (1 + 16/1024) = 1105, fill 1096.5."""
    # 16 units are worth more money at 1088 than at 960: impact is scaled back to a 1024th per unit
    net = small_net({"a": Holder({"M": -16.0}, 1900.0)}, Rules(market={"impact_coefficient": 960.0 / 1088.0}))
    run = play(net, shock=ct.PriceShock({"X": 1088.0 / 1024.0 - 1.0}, over=0.0))
    found = run.metrics
    assert found["liquidated_notional_short"] == pytest.approx(16 * 1096.5, rel=1e-12)
    assert found["liquidated_notional_long"] == 0.0
    assert found["forced_cost"] == pytest.approx(16 * 8.5, rel=1e-10)
    assert found["liquidation_basis_worst"] == pytest.approx(8.5 / 1088.0, rel=1e-10)
    assert found["direct_loss"] == 16 * 64.0
    assert found["system_loss"] == pytest.approx(16 * 8.5, rel=1e-6)  # money is rounded once per trade
    assert found["price_drop_max"] == 0.0


def test_without_direct_loss_there_is_no_amplification() -> None:
    run = play(small_net(TWO_LONGS), shock=ct.PriceShock({"X": 0.0625}, over=0.0))
    found = run.metrics
    assert found["direct_loss"] == found["system_loss"] == found["system_gain"] == 0.0
    assert math.isnan(found["loss_amplification"]) and math.isnan(found["price_amplification"])
    assert math.isnan(found["branching_ratio"]) and math.isnan(found["fill_rate"])
    assert math.isnan(found["liquidation_basis_mean"]) and math.isnan(found["time_to_close_median"])


# A venue that executes 768 money a second, 7680 a round: eight units at 960.
SLOW = Rules({"throughput": 768.0})
SLOW_LONGS = {"a": Holder({"M": 16.0}, 1600.0), "b": Holder({"M": 8.0}, 1100.0)}


def test_what_a_slow_venue_does_not_fill_lowers_the_fill_rate_and_takes_time() -> None:
    """Round 1: 8 of a's 16 at 960; round 2: its other 8 at a mark of 952.5; round 3: b's 8 at 945.

    After its first half (fill 956.25) a has 1580 - 8 * 67.75 - 8 * 71.5 = 466 and needs 476.25: it sells on.
    """
    holders = {**SLOW_LONGS, "a": Holder({"M": 16.0}, 1580.0)}
    run = play(small_net(holders, SLOW))
    found = run.metrics
    fills = [(e.account, e.time, e.price) for e in run.events.itertuples()]
    assert fills == [("a", 10.0, 956.25), ("a", 20.0, 948.75), ("b", 30.0, 941.25)]
    assert found["fill_rate"] == (7680 + 7620 + 7560) / (15360 + 7620 + 7560)
    # a: triggered at 10, flat at the end of the round that starts at 20; b: within its round
    assert (found["time_to_close_median"], found["time_to_close_95"]) == (10.0, 20.0)
    assert found["deferred_notional"] == 0.0


def test_what_is_still_to_be_sold_at_the_horizon_is_deferred() -> None:
    """The run ends after round 1: eight units of a wait, worth 960 each."""
    found = play(small_net(SLOW_LONGS, SLOW), horizon=10.0).metrics
    assert found["deferred_notional"] == 7680.0
    assert found["fill_rate"] == 0.5
    assert math.isnan(found["time_to_close_median"])
    assert found["liquidated_notional"] == 8 * 956.25


def test_an_account_that_recovers_between_two_rounds_is_not_sold_on() -> None:
    """With 1600 a has 486 left against 476.25 after its first half: nothing waits any more."""
    run = play(small_net(SLOW_LONGS, SLOW))
    assert list(run.events["account"]) == ["a"]
    assert run.metrics["deferred_notional"] == 0.0
    assert run.metrics["liquidated_accounts"] == 1.0
    assert math.isnan(run.metrics["time_to_close_95"])


def test_a_halt_counts_its_seconds_in_every_market_and_lengthens_the_time_to_close() -> None:
    """The fall to 960 is 6.25 %: shut at 10, 20 and 30 s; a, triggered at 10, is sold at 40 and b at 50."""
    net = small_net(TWO_LONGS, markets={"M": "X", "N": "Y"})
    one = play(net, ct.Halt(drop=0.05, window=math.inf, length=30.0)).metrics
    both = play(net, ct.Halt(drop=0.05, window=math.inf, length=30.0, scope="all")).metrics
    assert one["halted_seconds"] == 30.0
    assert both["halted_seconds"] == 60.0
    assert (one["time_to_close_median"], one["time_to_close_95"]) == (10.0, 40.0)
    assert one["fill_rate"] == (15360 + 7560) / (4 * 15360 + 7560)
    assert one["liquidated_notional"] == A_MONEY + B_MONEY


# Calls: no impact. An account of 16 units with 2500 has 1476 at 960 and needs 960: above it, below twice it.
CALLING = Rules({"call_ratio": 2.0, "call_target": 3.0, "call_delay": 20.0}, {"impact_coefficient": 0.0})
SHORT_OF = 3 * 960.0 - 1476.0  # 1404 to the target


@pytest.mark.parametrize(
    ("response", "cash", "called", "posted"),
    [
        (1.0, 5000.0, SHORT_OF, SHORT_OF),
        (1.0, 1000.0, SHORT_OF, 1000.0),  # 2476 is above 1920: no second call
        (
            1.0,
            300.0,
            SHORT_OF + 2 * (SHORT_OF - 300.0),
            300.0,
        ),  # 1776 is not: called again, three times in all
        (0.0, 5000.0, 3 * SHORT_OF, 0.0),  # nobody answers
        (None, 5000.0, 0.0, 0.0),  # nobody is asked
    ],
)
def test_margin_called_and_posted(response: float | None, cash: float, called: float, posted: float) -> None:
    net = small_net({"a": Holder({"M": 16.0}, 2500.0, cash=cash, response=response)}, CALLING)
    run = play(net)
    assert run.metrics["margin_called"] == called
    assert run.metrics["margin_posted"] == posted
    arrived = run.events[run.events["kind"] == "top_up"]
    assert list(arrived["time"]) == ([30.0] if posted else [])
    assert run.metrics["liquidated_accounts"] == 0.0
    assert run.metrics["system_loss"] == run.metrics["system_gain"] == 0.0  # money has only moved


# Bankruptcy, at a maintenance of a 64th: with 900, a has 900 - 16 * 71.5 = -244 after its fill at 952.5.
BROKE = {"a": Holder({"M": 16.0}, 900.0)}


def broke(**venue: object) -> ct.Run:
    """The run of an account that goes bankrupt, at a venue with a fund of 100."""
    return play(small_net(BROKE, Rules({"insurance_fund": 100.0, **venue}, rate=1.0 / 64.0)))


def test_what_the_fund_does_not_pay_is_taken_from_profits() -> None:
    """244 are missing, 100 come from the fund, 144 from the only winner, the rest of the market.

    a loses 900 and not the 1024 of its book at 960, so it gains 124; the venue loses its fund.
    """
    found = broke().metrics
    assert found["bad_debt"] == 244.0
    assert found["fund_used"] == 100.0
    assert found["residual_loss"] == 144.0
    assert found["uncovered"] == 0.0
    assert (found["system_loss"], found["system_gain"]) == (100.0, 124.0)


def test_what_the_fund_does_not_pay_is_taken_from_the_venue() -> None:
    found = broke(residual="own_equity").metrics
    assert (found["bad_debt"], found["fund_used"]) == (244.0, 100.0)
    assert (found["system_loss"], found["system_gain"]) == (244.0, 124.0)


def test_deleveraging_at_the_bankruptcy_price_moves_no_price_and_costs_nothing() -> None:
    """The deficit of 244 does not fit the fund of 100: a's 16 units pass at 1024 - 900 / 16 = 967.75."""
    found = broke(adl_trigger="fund").metrics
    assert found["adl_notional"] == 16 * 967.75
    assert found["liquidated_notional"] == found["forced_cost"] == found["fund_used"] == 0.0
    assert found["price_drop_max"] == 0.0625
    assert (found["system_loss"], found["system_gain"]) == (0.0, 124.0)


def test_two_triggers_met_at_once_share_one_fill() -> None:
    """24 units at once: from 960 to 937.5, all at 948.75, and nobody was healthy at 960."""
    holders = {"a": Holder({"M": 16.0}, 1900.0), "b": Holder({"M": 8.0}, 980.0)}
    found = play(small_net(holders)).metrics
    assert found["liquidated_notional"] == 24 * 948.75
    assert found["forced_cost"] == 24 * 11.25
    assert found["branching_ratio"] == 0.0
    assert found["liquidation_basis_mean"] == found["liquidation_basis_worst"] == 11.25 / 960.0


def test_the_gap_reaches_every_asset_named() -> None:
    net = small_net({"a": Holder({"N": 16.0}, 1900.0)}, markets={"M": "X", "N": "Y"})
    assert play(net).metrics["liquidated_accounts"] == 0.0
    assert play(net, shock=gap("X", "Y")).metrics["liquidated_notional"] == A_MONEY
