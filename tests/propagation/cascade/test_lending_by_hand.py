"""Loans liquidated in the cascade: against the pure rules, and by hand where keepers, blocks and books have a say."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

import contagion as ct
from contagion.lending import aave_liquidation, compound_v2_liquidation, keeper_profit
from contagion.results import Run
from tests.propagation.cascade.lending import LOT, Loan, Protocol, fall, lending_net, play

AAVE = {"ETH": {"liquidation_threshold": 0.8, "bonus": 0.0625}}
VERSIONS = {
    "v2": {"close_factor": 0.5},
    "v3": {"close_factor": 0.5, "full_close_health_factor": 0.95},
    "v3.3": {
        "close_factor": 0.5,
        "full_close_health_factor": 0.95,
        "small_position": 2000.0,
        "min_leftover": 1000.0,
    },
}


def one_round(net: ct.Network, shock: ct.PriceShock) -> Run:
    """The round of the gap alone."""
    return play(net, shock, horizon=10.0)


def moved(run: Run, account: str, instrument: str) -> float:
    """Units that an account received, lots or quanta by the ledger."""
    rows = run.ledger[(run.ledger["account"] == account) & (run.ledger["instrument"] == instrument)]
    return float(rows["amount"].sum()) * LOT


@pytest.mark.parametrize("version", ["v2", "v3", "v3.3"])
@pytest.mark.parametrize("debt", [6100.0, 6200.0, 6600.0, 7100.0, 7300.0, 8000.0])
def test_a_round_without_impact_is_a_call_of_the_pure_rule(version: str, debt: float) -> None:
    net = lending_net(
        {"a": Loan({"ETH": 10.0, "USD": -debt})}, Protocol(VERSIONS[version] | {"protocol_fee": 0.125})
    )
    run = one_round(net, fall(0.25))
    pure = aave_liquidation(
        10.0, 768.0, debt, 1.0, version=version, liquidation_threshold=0.8, liquidation_bonus=0.0625,
        protocol_fee=0.125, **(VERSIONS[version] if version == "v3.3" else {}),
    )  # fmt: skip
    if str(pure.reason) == "dust":  # keepers then ask for what leaves no dust
        most = min(debt - 1000.0, (7680.0 - 1000.0) / 1.0625)
        pure = aave_liquidation(
            10.0, 768.0, debt, 1.0, most - 1e-6, version=version, liquidation_threshold=0.8,
            liquidation_bonus=0.0625, protocol_fee=0.125, **VERSIONS[version],
        )  # fmt: skip
    repaid = moved(run, "a", "money") if not run.metrics["bad_debt"] else float(pure.debt_repaid)
    assert repaid == pytest.approx(float(pure.debt_repaid), abs=1e-3)
    assert -moved(run, "a", "holding:ETH") == pytest.approx(float(pure.collateral_seized), abs=2 * LOT)
    fee = float(pure.protocol_fee_collateral) * 768.0
    assert run.metrics["liquidation_cost_fee"] == pytest.approx(fee, abs=1e-3)
    if version == "v3.3":
        assert run.metrics["bad_debt"] == pytest.approx(float(pure.deficit), abs=1e-3)


def test_bad_debt_is_what_is_owed_once_the_collateral_is_used_up() -> None:
    rules = Protocol({"close_factor": 1.0, "insurance_fund": 500.0})
    run = play(lending_net({"a": Loan({"ETH": 10.0, "USD": -7500.0})}, rules), fall(0.25))
    repaid = Fraction(7680) / Fraction(17, 16)
    assert run.metrics["bad_debt"] == pytest.approx(float(7500 - repaid), abs=1e-4)
    assert run.metrics["fund_used"] == run.metrics["bad_debt"]
    assert run.accounts.loc["a", "closing_equity"] == 0.0
    assert run.metrics["coverage_mean"] == pytest.approx(float(repaid / 7500), abs=1e-6)


def test_bad_debt_beyond_the_fund_is_borne_by_whoever_has_lent() -> None:
    loans = {"a": Loan({"ETH": 10.0, "USD": -7500.0}), "s": Loan({"USD": 9000.0})}
    rules = Protocol({"close_factor": 1.0, "insurance_fund": 100.0, "residual": "socialise"})
    run = play(lending_net(loans, rules), fall(0.25))
    missing = 7500.0 - 7680.0 / 1.0625
    assert run.metrics["fund_used"] == 100.0
    assert run.metrics["residual_loss"] == pytest.approx(missing - 100.0, abs=1e-4)
    assert run.accounts.loc["s", "closing_equity"] == pytest.approx(9000.0 - (missing - 100.0), abs=1e-4)


def test_bad_debt_beyond_the_fund_is_the_protocols_own_where_its_row_says_so() -> None:
    loans = {"a": Loan({"ETH": 10.0, "USD": -7500.0}), "s": Loan({"USD": 9000.0})}
    rules = Protocol({"close_factor": 1.0, "insurance_fund": 100.0, "residual": "own_equity"})
    run = play(lending_net(loans, rules), fall(0.25))
    assert run.metrics["residual_loss"] == 0.0
    assert run.accounts.loc["s", "closing_equity"] == 9000.0


def test_without_write_off_the_rest_of_the_debt_stays_open_and_nobody_pays() -> None:
    rules = Protocol({"close_factor": 1.0, "insurance_fund": 500.0, "write_off": False})
    run = play(lending_net({"a": Loan({"ETH": 10.0, "USD": -7500.0})}, rules), fall(0.25))
    assert run.metrics["bad_debt"] == 0.0
    assert run.metrics["fund_used"] == 0.0
    left = 7500.0 - 7680.0 / 1.0625
    assert run.accounts.loc["a", "closing_equity"] == pytest.approx(-left, abs=1e-4)
    assert run.metrics["rounds"] < 10


def test_compound_closes_half_at_its_incentive() -> None:
    rules = Protocol(
        {"close_factor": 0.5}, {"ETH": {"liquidation_threshold": 0.75, "loan_to_value": 0.7, "bonus": 0.08}}
    )
    run = one_round(lending_net({"a": Loan({"ETH": 10.0, "USD": -6500.0})}, rules), fall(0.25))
    pure = compound_v2_liquidation(
        10.0, 768.0, 6500.0, 1.0, collateral_factor=0.75, close_factor=0.5, liquidation_incentive=1.08
    )
    assert moved(run, "a", "money") == float(pure.debt_repaid)
    assert -moved(run, "a", "holding:ETH") == pytest.approx(float(pure.collateral_seized), abs=LOT)


def test_at_a_health_factor_of_exactly_one_nothing_happens() -> None:
    threshold = {"ETH": {"liquidation_threshold": 0.75, "loan_to_value": 0.5}}
    at = play(lending_net({"a": Loan({"ETH": 8.0, "USD": -4608.0})}, Protocol({}, threshold)), fall(0.25))
    below = play(
        lending_net({"a": Loan({"ETH": 8.0, "USD": -4608.0 - LOT})}, Protocol({}, threshold)), fall(0.25)
    )
    assert len(at.events) == 0
    assert below.metrics["liquidated_accounts"] == 1.0


def test_a_position_above_loan_to_value_of_one_over_one_plus_bonus_is_made_worse() -> None:
    for debt, better in ((7100.0, True), (7300.0, False)):
        assert (debt / 7680.0 < 1.0 / 1.0625) == better
        run = one_round(lending_net({"a": Loan({"ETH": 10.0, "USD": -debt})}), fall(0.25))
        collateral = (10.0 + moved(run, "a", "holding:ETH")) * 768.0
        left = debt - moved(run, "a", "money")
        assert (left / collateral < debt / 7680.0) == better


def test_the_largest_debt_is_repaid_from_the_largest_collateral() -> None:
    loan = Loan({"ETH": 4.0, "BTC": 1.5, "USD": -7100.0})
    run = one_round(lending_net({"a": loan}), fall(0.25, "ETH", "BTC"))
    assert moved(run, "a", "holding:ETH") == 0.0
    assert -moved(run, "a", "holding:BTC") == pytest.approx(7100.0 / 2 * 1.0625 / 3072.0, abs=LOT)


def test_a_debt_in_a_coin_is_bought_back_in_its_market() -> None:
    run = one_round(lending_net({"a": Loan({"ETH": 10.0, "BTC": -1.75})}), fall(0.25))
    assert moved(run, "a", "holding:BTC") == 0.875
    assert -moved(run, "a", "holding:ETH") == pytest.approx(0.875 * 4096.0 * 1.0625 / 768.0, abs=LOT)
    assert moved(run, "provider:BTC-USD", "holding:BTC") == -0.875
    assert moved(run, "provider:BTC-USD", "money") == 0.875 * 4096.0
    gained = 0.875 * 4096.0 * 0.0625
    assert moved(run, "keeper:P", "money") == pytest.approx(gained, abs=1e-2)


def test_a_debt_in_a_coin_without_collateral_is_written_off_at_the_oracle() -> None:
    rules = Protocol({"close_factor": 1.0})
    run = play(lending_net({"a": Loan({"ETH": 10.0, "BTC": -1.75})}, rules), fall(0.35))
    worth = 10.0 * 1024.0 * 0.65
    assert run.metrics["bad_debt"] == pytest.approx(1.75 * 4096.0 - worth / 1.0625, abs=0.02)
    assert run.accounts.loc["a", "closing_equity"] == 0.0


@pytest.mark.parametrize("gas_price", [10.0, 1000.0, 2230.0, 2240.0])
def test_a_keeper_acts_only_when_it_pays(gas_price: float) -> None:
    rules = Protocol({"gas_used": 1e8, "gas_price": gas_price, "gas_asset": "ETH", "close_factor": 1.0})
    run = one_round(lending_net({"a": Loan({"ETH": 10.0, "USD": -6200.0})}, rules), fall(0.25))
    pure = keeper_profit(
        6200.0, 1e8, gas_price, 768.0, liquidation_bonus=0.0625, slippage=0.0, flash_fee=0.0, min_profit=0.0
    )
    assert run.metrics["liquidated_accounts"] == float(pure.execute)
    if pure.execute:
        assert run.metrics["liquidation_cost_gas"] == pytest.approx(float(pure.gas_cost), abs=1e-5)
        assert moved(run, "keeper:P", "money") == pytest.approx(float(pure.profit), abs=1e-2)
        assert moved(run, "burn:P", "money") == pytest.approx(float(pure.gas_cost), abs=1e-5)


def test_whoever_nobody_liquidates_may_become_bad_debt_later() -> None:
    rules = Protocol({"gas_used": 1e8, "gas_price": 1000.0, "gas_asset": "BTC"})
    run = play(lending_net({"a": Loan({"ETH": 10.0, "USD": -6200.0})}, rules), fall(0.25))
    assert len(run.events) == 0
    assert run.metrics["rounds"] < 10  # nothing will change: the run ends


def test_a_keeper_takes_half_where_the_book_is_too_thin_for_all() -> None:
    # linear book: q sold of 7,680 x 2^-6 / 64 per band lowers the average by half of q's displacement
    rules = Protocol({"close_factor": 1.0}, {}, {"impact_coefficient": 1.0}, depth=768.0)
    net = lending_net({"a": Loan({"ETH": 10.0, "USD": -6200.0})}, rules)
    run = one_round(net, fall(0.25))
    # sold money s moves the price by 2^-6 s / 768 and costs half of it: bonus 1/17 of s covers up to s = 5,782
    sold = -moved(run, "a", "holding:ETH") * 768.0
    assert sold == pytest.approx(6200.0 / 2 * 1.0625, abs=0.01)
    assert 6200.0 * 1.0625 > 768.0 * 64 * 2 / 17 > sold
    fill = 768.0 * (1.0 - sold / (768.0 * 64) / 2)
    assert moved(run, "keeper:P", "money") == pytest.approx(sold * fill / 768.0 - 3100.0, abs=0.01)


def test_later_keepers_reckon_with_what_was_sold_before() -> None:
    rules = Protocol({"close_factor": 1.0}, {}, {"impact_coefficient": 1.0}, depth=2304.0)
    loans = {name: Loan({"ETH": 10.0, "USD": -debt}) for name, debt in (("a", 6180.0), ("b", 6200.0))}
    run = one_round(lending_net(loans, rules), fall(0.25))
    first, second = (-moved(run, name, "holding:ETH") * 768.0 for name in ("b", "a"))
    assert first == pytest.approx(6200.0 * 1.0625, abs=0.01)
    assert second == pytest.approx(3090.0 * 1.0625, abs=0.01)  # all of it would sell at a loss, half does not
    assert moved(run, "keeper:P", "money") > 0.0


def test_a_block_holds_so_many_liquidations_and_the_worst_come_first() -> None:
    rules = Protocol({"block_time": 5.0, "block_capacity": 1.0, "close_factor": 1.0})
    loans = {f"a{j}": Loan({"ETH": 10.0, "USD": -6200.0 - j}) for j in range(5)}
    run = play(lending_net(loans, rules), fall(0.25))
    done = run.events[run.events["kind"] == "liquidation"]
    assert done["account"].tolist() == ["a3", "a4", "a1", "a2", "a0"]
    assert done["time"].tolist() == [10.0, 10.0, 20.0, 20.0, 30.0]


def test_slow_blocks_serve_at_their_rate_over_many_rounds() -> None:
    rules = Protocol({"block_time": 25.0, "block_capacity": 1.0, "close_factor": 1.0})
    loans = {f"a{j}": Loan({"ETH": 10.0, "USD": -6200.0 - j}) for j in range(4)}
    run = play(lending_net(loans, rules), fall(0.25))
    times = run.events[run.events["kind"] == "liquidation"]["time"].tolist()
    assert len(times) == 4
    assert all(later - earlier >= 20.0 for earlier, later in pairwise(times))


def test_a_transaction_needs_its_latency_and_a_block() -> None:
    rules = Protocol({"latency": 30.0, "block_time": 12.0, "close_factor": 1.0})
    run = play(lending_net({"a": Loan({"ETH": 10.0, "USD": -6200.0})}, rules), fall(0.25))
    # triggered at 10; 42 seconds are over in the round that starts at 50
    assert run.events["time"].tolist() == [50.0]


def test_the_base_fee_rises_while_blocks_are_full() -> None:
    rules = Protocol(
        {"block_time": 10.0, "block_capacity": 1.0, "close_factor": 1.0, "gas_used": 1e6, "gas_price": 64.0,
         "gas_asset": "ETH"}
    )  # fmt: skip
    loans = {f"a{j}": Loan({"ETH": 10.0, "USD": -6200.0 - j}) for j in range(3)}
    run = play(lending_net(loans, rules), fall(0.25))
    burnt = run.ledger[run.ledger["kind"] == "gas"]
    paid = burnt[burnt["account"] == "burn:P"]["amount"].to_numpy() * LOT
    base = 1e6 * 64e-9 * 768.0
    np.testing.assert_allclose(paid, [base, base * 1.125, base * 1.125**2], rtol=1e-6)


def test_a_row_of_several_accounts_acts_as_one() -> None:
    one = one_round(lending_net({"a": Loan({"ETH": 10.0, "USD": -6200.0})}), fall(0.25))
    five = one_round(lending_net({"a": Loan({"ETH": 10.0, "USD": -6200.0}, count=5)}), fall(0.25))
    assert moved(five, "a", "money") == 5 * moved(one, "a", "money")
    assert moved(five, "a", "holding:ETH") == 5 * moved(one, "a", "holding:ETH")
    assert five.metrics["liquidated_accounts"] == 5.0


def test_in_the_timeless_limit_all_of_a_debt_is_repaid_at_once() -> None:
    rules = Protocol({"close_factor": 0.5, "gas_used": 1e9, "gas_asset": "USD", "latency": 1e5})
    run = ct.run(
        lending_net({"a": Loan({"ETH": 10.0, "USD": -6200.0})}, rules), fall(0.25), ct.Cascade.static()
    )
    assert moved(run, "a", "money") == 6200.0


def test_money_as_collateral_of_a_debt_in_coins_needs_no_sale() -> None:
    rules = Protocol({}, {"USD": {"loan_to_value": 0.875, "liquidation_threshold": 0.875, "bonus": 0.0625}})
    net = lending_net({"a": Loan({"USD": 6144.0, "ETH": -5.0})}, rules)
    run = one_round(net, ct.PriceShock({"ETH": 0.125}, over=0.0))
    assert moved(run, "a", "holding:ETH") == 2.5
    assert -moved(run, "a", "money") == 2.5 * 1152.0 * 1.0625
    assert moved(run, "keeper:P", "money") == 2.5 * 1152.0 * 0.0625


def test_nobody_liquidates_at_a_protocol_that_is_out() -> None:
    net = lending_net({"a": Loan({"ETH": 10.0, "USD": -6200.0})})
    run = play(net, fall(0.25) + ct.Outage("P", start=0.0, length=60.0))
    done = run.events[run.events["kind"] == "liquidation"]
    assert done["time"].iloc[0] >= 60.0


def test_a_gas_shock_keeps_keepers_away() -> None:
    rules = Protocol({"gas_used": 1e6, "gas_price": 100.0, "gas_asset": "ETH", "close_factor": 1.0})
    net = lending_net({"a": Loan({"ETH": 10.0, "USD": -6200.0})}, rules)
    assert one_round(net, fall(0.25)).metrics["liquidated_accounts"] == 1.0
    dear = ct.run(net, fall(0.25) + ct.GasShock(10.0), ct.Cascade(step=10.0, horizon=10.0))
    assert dear.metrics["liquidated_accounts"] == 0.0


def test_a_first_liquidation_causes_the_second_through_the_oracle() -> None:
    rules = Protocol({"close_factor": 1.0}, {}, {"impact_coefficient": 1.0}, depth=3072.0)
    loans = {name: Loan({"ETH": 10.0, "USD": -debt}) for name, debt in (("a", 6150.0), ("b", 6000.0))}
    run = play(lending_net(loans, rules), fall(0.25))
    done = run.events[run.events["kind"] == "liquidation"].set_index("account")
    assert done.loc["a", "time"] < done.loc["b", "time"]  # b is healthy at the outside price
    assert done.loc["a", "cause"] == 0.0
    assert done.loc["b", "cause"] > 0.0
    assert run.metrics["branching_ratio"] == pytest.approx(
        run.accounts.loc["b", "liquidated_notional"] / run.metrics["liquidated_notional"]
    )
    graph = run.contagion_graph()
    assert graph["market:ETH-USD"]["b"]["price"]["weight"] > 0.0


def check_liquidated(run: Run, market: str, money: float) -> None:
    """The same money in the metric and in the tables of accounts, rounds, markets and venues."""
    assert run.metrics["liquidated_notional"] == pytest.approx(money, abs=1e-2)
    assert run.accounts.loc["a", "liquidated_notional"] == pytest.approx(money, abs=1e-2)
    assert run.rounds["liquidated_notional"].sum() == pytest.approx(money, abs=1e-2)
    assert run.venues.loc["P", "liquidated_notional"] == pytest.approx(money, abs=1e-2)
    assert run.venues.loc["X", "liquidated_notional"] == 0.0
    assert run.markets.loc[market, "liquidated_notional"] == pytest.approx(money, abs=1e-2)
    assert run.markets["liquidated_notional"].sum() == pytest.approx(money, abs=1e-2)


def test_a_loan_in_a_coin_is_liquidated_once_by_the_collateral_given_up_at_its_protocol() -> None:
    run = one_round(lending_net({"a": Loan({"ETH": 10.0, "BTC": -1.75})}), fall(0.25))
    seized, repaid = 0.875 * 4096.0 * 1.0625, 0.875 * 4096.0
    check_liquidated(run, "ETH-USD", seized)
    assert run.metrics["liquidated_notional_long"] == run.metrics["liquidated_notional"]
    assert run.metrics["liquidated_notional_short"] == 0.0
    assert run.metrics["collateral_seized"] == pytest.approx(seized, abs=1e-2)
    assert run.metrics["debt_repaid"] == pytest.approx(repaid, abs=1e-2)
    assert run.metrics["keeper_gain"] == pytest.approx(seized - repaid, abs=1e-2)
    assert run.metrics["branching_ratio"] == 0.0


def test_where_money_is_seized_for_a_coin_the_money_counts_in_the_market_of_the_debt() -> None:
    rules = Protocol(collateral={"USD": {}})
    net = lending_net({"a": Loan({"USD": 10000.0, "BTC": -1.75})}, rules)
    run = one_round(net, ct.PriceShock({"BTC": 0.25}, over=0.0))
    check_liquidated(run, "BTC-USD", 0.875 * 5120.0 * 1.0625)
    assert run.metrics["liquidated_notional_short"] == run.metrics["liquidated_notional"]
    assert run.metrics["liquidated_notional_long"] == 0.0
