"""Depositors run on a lending protocol, which has lent their money to its borrowers; followed by hand."""

from __future__ import annotations

import pytest

import contagion as ct
from tests.propagation.cascade.lending import Loan, Protocol, fall, lending_net, play

DEPOSIT = Loan({"USD": 1000.0})
DEBT = Loan({"ETH": 1.0, "USD": -600.0})  # 1024 of collateral at 0.8: liquidated when ETH is below 750
BARE = Protocol(cash=0.0)


def withdrawals(run: ct.Run) -> list[tuple[float, str, float]]:
    """Time, account and money of all withdrawals; what is refused or waits is negative and has no account."""
    rows = run.events[run.events["kind"] == "withdrawal"]
    return [(row.time, row.account, row.money) for row in rows.itertuples()]


def totals(run: ct.Run) -> list[float]:
    """What was withdrawn from the protocol, and what was not paid."""
    return [float(run.venues.loc["P", name]) for name in ("withdrawn", "refused")]


def test_what_borrowers_owe_is_not_paid_out_and_waits() -> None:
    """1000 deposited, 600 lent: 400 are paid, asked for again in vain; the protocol does not fail."""
    run = play(lending_net({"b": DEBT, "d": DEPOSIT}, BARE), ct.Withdrawal("P", 1.0))
    assert withdrawals(run) == [(10.0, "d", 400.0), (10.0, "", -600.0)]
    assert totals(run) == [400.0, 600.0]
    assert run.metrics["venue_defaults"] == 0.0
    assert run.accounts["closing_equity"]["d"] == 600.0


def test_a_half_that_is_not_lent_is_paid_in_full() -> None:
    run = play(lending_net({"b": DEBT, "d": DEPOSIT}, BARE), ct.Withdrawal("P", 0.375))
    assert withdrawals(run) == [(10.0, "d", 375.0)]
    assert totals(run) == [375.0, 0.0]


def test_own_cash_and_fund_are_paid_out_too() -> None:
    rules = Protocol({"insurance_fund": 50.0}, cash=100.0)
    run = play(lending_net({"b": DEBT, "d": DEPOSIT}, rules), ct.Withdrawal("P", 1.0))
    assert totals(run) == [550.0, 450.0]


def test_all_who_ask_are_paid_the_same_part() -> None:
    """2000 of them ask for 2000 of which 600 are lent: seven tenths for everybody."""
    loans = {"b": DEBT, "d": DEPOSIT, "many": Loan({"USD": 250.0}, count=4)}
    run = play(lending_net(loans, BARE), ct.Withdrawal("P", 1.0))
    assert withdrawals(run) == [(10.0, "d", 700.0), (10.0, "many", 700.0), (10.0, "", -600.0)]


def test_what_waits_is_paid_as_loans_are_repaid() -> None:
    """ETH halves within 100 s; what keepers repay in a round is paid out in it, to the last quantum."""
    shock = ct.Withdrawal("P", 1.0) + ct.PriceShock({"ETH": -0.5}, over=100.0)
    run = play(lending_net({"b": DEBT, "d": DEPOSIT}, BARE), shock)
    repaid = run.events[run.events["kind"] == "liquidation"]
    paid = [(time, money) for time, account, money in withdrawals(run) if account]
    assert len(repaid) > 1
    assert paid == [(10.0, 400.0), *zip(repaid["time"], repaid["money"], strict=True)]
    assert totals(run) == [400.0 + repaid["money"].sum(), 600.0 - repaid["money"].sum()]
    assert not run.ledger.groupby(["round", "instrument"])["amount"].sum().any()


def test_a_run_in_slices_waits_from_the_slice_on_that_finds_nothing() -> None:
    """250 a round: 250, 150, then nothing; 100 and twice 250 wait."""
    run = play(lending_net({"b": DEBT, "d": DEPOSIT}, BARE), ct.Withdrawal("P", 1.0, over=40.0))
    assert withdrawals(run) == [
        (10.0, "d", 250.0),
        (20.0, "d", 150.0),
        (20.0, "", -100.0),
        (30.0, "", -250.0),
        (40.0, "", -250.0),
    ]
    assert totals(run) == [400.0, 600.0]


def test_what_was_minted_against_collateral_is_no_deposit_lent() -> None:
    rules = Protocol({"procedure": "auction"}, cash=0.0)
    assert totals(play(lending_net({"b": DEBT, "d": DEPOSIT}, rules), ct.Withdrawal("P", 1.0))) == [
        1000.0,
        0.0,
    ]


def test_debts_in_coins_tie_up_no_money() -> None:
    loans = {"b": Loan({"BTC": 1.0, "ETH": -1.0}), "d": DEPOSIT}
    assert totals(play(lending_net(loans, BARE), ct.Withdrawal("P", 1.0))) == [1000.0, 0.0]


def test_what_a_protocol_lends_to_others_is_refused_as_by_an_exchange() -> None:
    """A quarter is liquid: 250 of 1000 are paid, less than the 400 that borrowers have left."""
    rules = Protocol({"reserve_ratio": 0.25}, cash=0.0)
    run = play(lending_net({"b": DEBT, "d": DEPOSIT}, rules), ct.Withdrawal("P", 1.0))
    assert totals(run) == [250.0, 750.0]
    assert run.metrics["venue_defaults"] == 1.0


def test_deposits_in_coins_stay() -> None:
    run = play(lending_net({"d": Loan({"ETH": 4.0, "USD": 100.0})}, BARE), ct.Withdrawal("P", 1.0))
    assert totals(run) == [100.0, 0.0]
    assert run.accounts["closing_equity"]["d"] == 4096.0


@pytest.mark.parametrize("share", [0.25, 1.0])
def test_a_run_does_not_change_who_is_liquidated(share: float) -> None:
    """Borrowers have no money to withdraw: their loans end as without the run."""
    net = lending_net({"b": DEBT, "d": DEPOSIT}, BARE)
    alone, both = play(net, fall(0.3)), play(net, fall(0.3) + ct.Withdrawal("P", share))
    assert alone.metrics["liquidated_notional"] == both.metrics["liquidated_notional"] > 0.0
