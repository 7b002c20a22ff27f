"""Forced sales of coins: their trigger is the price that measured health then, bankruptcy where nothing is left."""

from __future__ import annotations

import pandas as pd
import pytest

import contagion as ct
from tests.propagation.cascade.lending import Loan, Protocol, fall, lending_net, play
from tests.propagation.cascade.test_coins import network


def course(**prices: tuple[float, ...]) -> ct.PricePath:
    """Outside prices of coins every ten seconds."""
    frame = pd.DataFrame(prices)
    return ct.PricePath(frame.set_index(10.0 * frame.index))


def test_a_loan_that_waits_is_measured_from_the_price_at_which_it_fell_below_its_requirement() -> None:
    """Ten ETH against 6400: unhealthy at 768 in the round of 10 s, served by that of 30 s, at 704."""
    rules = Protocol({"latency": 25.0, "close_factor": 1.0})
    run = play(
        lending_net({"a": Loan({"ETH": 10.0, "USD": -6400.0})}, rules),
        course(ETH=(1024.0, 768.0, 736.0, 704.0, 704.0)),
    )
    fill = run.liquidations.iloc[0]
    assert (fill["delay"], fill["trigger_mark"], fill["mark"], fill["execution"]) == (
        20.0,
        768.0,
        704.0,
        704.0,
    )
    assert fill["liquidation_basis"] == (768.0 - 704.0) / 768.0
    assert run.metrics["liquidation_basis_mean"] == pytest.approx(64.0 / 768.0, rel=1e-15)
    assert run.metrics["liquidation_basis_worst"] == 64.0 / 768.0
    assert fill["bankruptcy_price"] == pytest.approx(640.0, rel=1e-15)
    assert fill["time_to_close"] == 30.0 == run.metrics["time_to_close_median"]


def test_a_loan_that_recovers_is_measured_from_its_next_trigger() -> None:
    rules = Protocol({"latency": 15.0, "close_factor": 1.0})
    net = lending_net({"a": Loan({"ETH": 10.0, "USD": -6400.0})}, rules)
    run = play(net, course(ETH=(1024.0, 768.0, 1024.0, 736.0, 704.0, 704.0)))
    fill = run.liquidations.iloc[0]
    assert (fill["time"], fill["delay"], fill["trigger_mark"]) == (40.0, 10.0, 736.0)
    assert fill["liquidation_basis"] == (736.0 - 704.0) / 736.0


def test_a_debt_in_a_coin_is_measured_from_its_price_at_the_trigger_too() -> None:
    """Sixteen ETH at 768 cover 9830.4, and 2.5 BTC at 4096 are 10240; when they are repaid BTC is at 4352."""
    rules = Protocol({"latency": 15.0, "close_factor": 1.0})
    shock = course(ETH=(1024.0, 768.0, 768.0), BTC=(4096.0, 4096.0, 4352.0))
    run = play(lending_net({"a": Loan({"ETH": 16.0, "BTC": -2.5})}, rules), shock)
    fill = run.liquidations.iloc[0]
    seized, bought = fill["quantity"] * 768.0, 2.5 * 4352.0
    assert fill["bankruptcy_price"] == pytest.approx(2.5 * 4352.0 / 16.0, rel=1e-15)
    repaid = run.events.loc[fill["event"], "money"]
    assert repaid == pytest.approx(bought, rel=1e-12)
    rise = (4352.0 - 4096.0) / 4096.0
    assert fill["liquidation_basis"] == pytest.approx(rise * bought / (seized + bought), rel=1e-12)


def test_prices_of_several_collaterals_fall_in_proportion_until_nothing_is_left() -> None:
    """Four ETH at 768 and one and a half BTC at 3072 are 7680, of which 7100 are owed."""
    loan = Loan({"ETH": 4.0, "BTC": 1.5, "USD": -7100.0})
    run = play(lending_net({"a": loan}), fall(0.25, "ETH", "BTC"), horizon=10.0)
    fill = run.liquidations.iloc[0]
    assert fill["asset"] == "BTC"
    assert fill["bankruptcy_price"] == pytest.approx(3072.0 * 7100.0 / 7680.0, rel=1e-15)


def test_where_money_is_the_collateral_the_debt_has_the_bankruptcy_price() -> None:
    """Two BTC owed against 9000: unhealthy above 9000 x 15/16 / 2 = 4218.75, nothing is left at 4500."""
    net = lending_net(
        {"a": Loan({"BTC": -2.0, "USD": 9000.0})},
        Protocol(collateral={"USD": {"loan_to_value": 0.875, "liquidation_threshold": 0.9375}}),
    )
    run = play(net, ct.PriceShock({"BTC": 0.0625}, over=0.0), horizon=10.0)
    fill = run.liquidations.iloc[0]
    assert (fill["side"], fill["asset"], fill["trigger_mark"]) == ("short", "BTC", 4352.0)
    assert fill["bankruptcy_price"] == pytest.approx(4500.0, rel=1e-12)


def test_coins_at_an_exchange_whose_orders_are_late_are_measured_from_the_trigger() -> None:
    """Two X against 1216 need 810.67: triggered at 768, sold twenty seconds later, at 640 less the impact."""
    owed = [
        {"account": "a", "asset": "X", "quantity": 2.0},
        {"account": "a", "asset": "USD", "quantity": -1216.0},
    ]
    net = network(balances=owed, venues=[{"name": "E", "mark": "last", "latency": 20.0}, {"name": "P"}])
    run = ct.run(net, course(X=(1024.0, 768.0, 704.0, 640.0, 640.0)), ct.Cascade(step=10.0, horizon=60.0))
    (fill,) = run.liquidations.to_dict("records")
    executed = 640.0 * (1.0 - 640.0 / 2.0**20)
    assert (fill["delay"], fill["trigger_mark"], fill["mark"]) == (20.0, 768.0, 640.0)
    assert fill["liquidation_basis"] == pytest.approx((768.0 - executed) / 768.0, rel=1e-12)
    assert fill["bankruptcy_price"] == pytest.approx(608.0, rel=1e-15)
    assert fill["time_to_close"] == 30.0


def test_a_loan_that_one_call_does_not_make_healthy_is_closed_by_a_later_one() -> None:
    """An eighth of the debt is repaid in each round; fills before the one that closes it have no time to close."""
    rules = Protocol({"close_factor": 0.125})
    run = play(lending_net({"a": Loan({"ETH": 10.0, "USD": -6400.0})}, rules), fall(0.25))
    fills = run.liquidations
    assert len(fills) > 1 and fills["time_to_close"].isna().tolist() == [True] * (len(fills) - 1) + [False]
    assert fills["time_to_close"].iloc[-1] == 10.0 * len(fills) == run.metrics["time_to_close_95"]
