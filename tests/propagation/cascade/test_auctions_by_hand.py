"""Auctions in the cascade: prices of the pure rule, keepers who wait for them, penalties, and what is not raised."""

import math

import pytest

import contagion as ct
from contagion.lending import maker_dutch_auction, maker_flip_auction, maker_time_to_par
from contagion.results import Run
from tests.propagation.cascade.lending import LOT, Loan, Protocol, fall, lending_net, play

MAKER = {"procedure": "auction", "auction_penalty": 0.125}
VAULT = {"ETH": {"loan_to_value": 0.6, "liquidation_threshold": 0.65}}


def sales(run: Run, account: str = "a") -> list[tuple[float, float, float]]:
    """Time, units and price of every purchase."""
    rows = run.events[(run.events["kind"] == "auction") & (run.events["account"] == account)]
    return [(row.time, -row.lots * LOT, row.money / (-row.lots * LOT)) for row in rows.itertuples()]


def moved(run: Run, account: str, instrument: str) -> float:
    """Units that an account received by the ledger."""
    rows = run.ledger[(run.ledger["account"] == account) & (run.ledger["instrument"] == instrument)]
    return float(rows["amount"].sum()) * LOT


def test_without_impact_or_gas_keepers_buy_at_the_first_stair_below_the_market() -> None:
    net = lending_net({"a": Loan({"ETH": 10.0, "USD": -5000.0})}, Protocol(MAKER, VAULT))
    run = play(net, fall(0.25), horizon=3600.0)
    par = maker_time_to_par(1.3, 0.99, 90.0)
    [(time, units, price)] = sales(run)
    assert time == 10.0 + float(par.time_s)
    pure = maker_dutch_auction(
        time - 10.0, shape="stairstep", oracle_price=768.0, buffer=1.3, cut=0.99, step_s=90.0
    )
    assert price == pytest.approx(float(pure), rel=1e-6)
    assert units == pytest.approx(5000.0 * 1.125 / float(pure), abs=2 * LOT)
    assert moved(run, "a", "money") == 5000.0  # debt and penalty raised, penalty paid
    assert run.metrics["liquidation_cost_fee"] == 625.0
    assert run.metrics["bad_debt"] == 0.0
    assert run.accounts.loc["a", "closing_equity"] == pytest.approx((10.0 - units) * 768.0, abs=0.01)


def test_what_the_collateral_does_not_raise_is_bad_debt() -> None:
    net = lending_net(
        {"a": Loan({"ETH": 10.0, "USD": -6400.0})}, Protocol(MAKER | {"auction_buffer": 1.0}, VAULT)
    )
    run = play(net, fall(0.5), horizon=3600.0)
    [(time, units, price)] = sales(run)
    assert (time, units) == (100.0, 10.0)  # at par a keeper gains nothing; one stair below it does
    assert price == pytest.approx(512.0 * 0.99, abs=1e-6)
    assert run.metrics["bad_debt"] == pytest.approx(6400.0 - 5120.0 * 0.99, abs=1e-3)
    assert run.metrics["liquidation_cost_fee"] == 0.0
    assert moved(run, "keeper:P", "money") == pytest.approx(5120.0 * 0.01, abs=1e-3)


def test_a_thin_book_makes_keepers_buy_in_parts() -> None:
    rules = Protocol(MAKER | {"auction_buffer": 1.0}, VAULT, {"impact_coefficient": 1.0, "impact_half_life": 60.0,
                     "permanent_share": 0.0}, depth=3072.0)  # fmt: skip
    run = play(lending_net({"a": Loan({"ETH": 10.0, "USD": -6400.0})}, rules), fall(0.25), horizon=3600.0)
    parts = sales(run)
    assert len(parts) > 1
    for time, _, price in parts:
        stair = 0.99 ** math.floor((time - 10.0) / 90.0)
        assert price == pytest.approx(768.0 * stair, rel=1e-6)
    assert sum(units * price for _, units, price in parts) == pytest.approx(7200.0, abs=1e-3)
    assert moved(run, "keeper:P", "money") > 0.0


def test_an_auction_goes_on_when_the_price_recovers() -> None:
    path = {0.0: 1024.0, 10.0: 768.0, 20.0: 960.0, 7200.0: 960.0}
    net = lending_net({"a": Loan({"ETH": 10.0, "USD": -5000.0})}, Protocol(MAKER, VAULT))
    run = play(net, price_path(path), horizon=3600.0)
    [(time, _, price)] = sales(run)
    first = next(n for n in range(100) if 1.3 * 768.0 * 0.99**n < 960.0)
    assert (time, price) == (10.0 + 90.0 * first, pytest.approx(1.3 * 768.0 * 0.99**first, rel=1e-6))


def price_path(prices: dict[float, float]) -> ct.PricePath:
    """An outside path of ETH."""
    import pandas as pd

    return ct.PricePath(pd.DataFrame({"ETH": prices}))


def test_an_auction_that_lasts_too_long_starts_anew_at_the_oracle() -> None:
    rules = Protocol(MAKER | {"auction_tail": 500.0}, VAULT)
    path = {0.0: 1024.0, 10.0: 768.0, 400.0: 512.0, 7200.0: 512.0}
    run = play(
        lending_net({"a": Loan({"ETH": 12.0, "USD": -5000.0})}, rules), price_path(path), horizon=7200.0
    )
    times = [time for time, _, _ in sales(run)]
    assert times == []  # 500 seconds are five stairs: never down to the market


def test_gas_keeps_keepers_away_from_small_vaults() -> None:
    rules = Protocol(MAKER | {"gas_used": 1e6, "gas_price": 400.0, "gas_asset": "ETH"}, VAULT)
    loans = {"a": Loan({"ETH": 10.0, "USD": -5000.0}), "b": Loan({"ETH": 1.0, "USD": -500.0})}
    run = play(lending_net(loans, rules), fall(0.25), horizon=7200.0)
    cost = 1e6 * 400e-9 * 768.0
    (early, units, price), (late, lot, bid) = *sales(run, "a"), *sales(run, "b")
    assert early < late
    assert units * (768.0 - price) > cost >= units * (768.0 - price / 0.99)
    assert lot * (768.0 - bid) > cost
    assert run.metrics["liquidation_cost_gas"] == pytest.approx(2 * cost, abs=1e-4)


def test_in_the_timeless_limit_a_vault_is_sold_at_the_oracle() -> None:
    net = lending_net({"a": Loan({"ETH": 10.0, "USD": -5000.0})}, Protocol(MAKER, VAULT))
    run = ct.run(net, fall(0.25), ct.Cascade.static())
    [(_, units, price)] = sales(run)
    assert price == pytest.approx(768.0, abs=1e-5)
    assert units == pytest.approx(5625.0 / 768.0, abs=2 * LOT)


FLIP = MAKER | {"auction_kind": "flip", "auction_tail": 600.0}


@pytest.mark.parametrize(("debt", "share"), [(5000.0, 0.25), (6300.0, 0.45), (6300.0, 0.25)])
def test_keepers_who_compete_bid_what_the_collateral_brings_at_most_the_tab(
    debt: float, share: float
) -> None:
    net = lending_net({"a": Loan({"ETH": 10.0, "USD": -debt})}, Protocol(FLIP, VAULT))
    run = play(net, fall(share), horizon=3600.0)
    [(time, units, price)] = sales(run)
    oracle = 1024.0 * (1.0 - share)
    bid = min(1.125 * debt, 10.0 * oracle)
    pure = maker_flip_auction(10.0, oracle, debt, bid, penalty=0.125)
    assert (time, units) == (610.0, 10.0)
    assert units * price == pytest.approx(bid, abs=1e-4)
    assert run.metrics["bad_debt"] == pytest.approx(float(pure.bad_debt), abs=1e-4)
    assert moved(run, "keeper:P", "money") == pytest.approx(float(pure.keeper_gain), abs=1e-4)
    assert run.metrics["system_loss"] >= float(pure.owner_surplus_lost) - 1e-3


def test_a_keeper_who_is_alone_bids_nothing() -> None:
    net = lending_net(
        {"a": Loan({"ETH": 10.0, "USD": -5000.0})}, Protocol(FLIP | {"auction_keepers": 1}, VAULT)
    )
    run = play(net, fall(0.25), horizon=3600.0)
    pure = maker_flip_auction(10.0, 768.0, 5000.0, 0.0, penalty=0.125)
    assert sales(run) == [(610.0, 10.0, 0.0)]
    assert run.metrics["bad_debt"] == float(pure.bad_debt)
    assert moved(run, "keeper:P", "money") == float(pure.keeper_gain)


def test_without_keepers_an_auction_finds_no_bid_and_the_run_ends() -> None:
    net = lending_net(
        {"a": Loan({"ETH": 10.0, "USD": -5000.0})}, Protocol(FLIP | {"auction_keepers": 0}, VAULT)
    )
    run = play(net, fall(0.25), horizon=3600.0)
    assert sales(run) == []
    assert run.metrics["rounds"] < 100
