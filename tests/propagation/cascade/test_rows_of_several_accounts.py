"""A row that stands for several identical accounts: tiers of one, flows of all, lots in multiples of their number."""

from __future__ import annotations

import pytest

import contagion as ct
from tests.propagation.cascade.small import Holder, Rules, play, small_net

FEES = {"fee": 1.0 / 64.0, "fee_to_fund": 0.5, "fee_to_keeper": 0.25, "fee_burned": 0.125}
WHOLE = {"lot": 1.0}  # a lot is a unit: remainders can be seen
THREE_AND_THREE = {"a": Holder({"M": 16.0}, 1900.0, count=3), "b": Holder({"M": 8.0}, 1100.0, count=3)}


def apart(holders: dict[str, Holder]) -> dict[str, Holder]:
    """The same accounts, one row each."""
    return {
        f"{name}{j}": Holder(holder.legs, holder.money, owner=name)
        for name, holder in holders.items()
        for j in range(holder.count)
    }


def test_three_accounts_in_a_row_sell_three_times_the_lots() -> None:
    """48 units take the price from 960 to 915, 24 more to 892.5."""
    run = play(small_net(THREE_AND_THREE))
    fills = run.events.set_index("account")
    assert (fills["price"]["a"], fills["price"]["b"]) == (937.5, 903.75)
    assert run.metrics["liquidated_notional"] == 48 * 937.5 + 24 * 903.75
    assert run.metrics["liquidated_accounts"] == 6.0
    assert run.metrics["forced_cost"] == 48 * 22.5 + 24 * 56.25
    assert run.metrics["direct_loss"] == 72 * 64.0
    assert run.metrics["price_drop_max"] == 1.0 - 892.5 / 1024.0
    # equity of all accounts of the row
    assert run.accounts["closing_equity"]["a"] == 3 * (1900.0 - 16 * 86.5)


@pytest.mark.parametrize("venue", [{}, FEES, {"procedure": "partial"}, {"insurance_fund": 1e5, **FEES}])
def test_a_row_of_three_is_three_rows_of_one(venue: dict[str, object]) -> None:
    rules = Rules(venue)
    row, rows = play(small_net(THREE_AND_THREE, rules)), play(small_net(apart(THREE_AND_THREE), rules))
    assert row.metrics["liquidated_accounts"] > 0.0
    free = [name for name in row.metrics.index if not name.startswith(("coverage", "time_to_close"))]
    assert row.metrics[free].to_dict() == pytest.approx(rows.metrics[free].to_dict(), rel=1e-12, nan_ok=True)
    assert row.paths["last"].equals(rows.paths["last"])


@pytest.mark.parametrize(("b_money", "b_units"), [(1100.0, 0.0), (980.0, 1.0)])
def test_lots_that_do_not_divide_pass_to_the_next_in_rank_or_wait(b_money: float, b_units: float) -> None:
    """Ten lots may trade: three each of a's three accounts; the tenth goes to b, when b must sell."""
    holders = {"a": Holder({"M": 16.0}, 1900.0, count=3), "b": Holder({"M": 8.0}, b_money)}
    run = play(small_net(holders, Rules({"throughput": 1008.0}, WHOLE)), horizon=10.0)
    sold = -run.events.set_index("account")["lots"]
    assert sold.to_dict() == ({"a": 9.0, "b": 1.0} if b_units else {"a": 9.0})
    wanted = 48.0 + (8.0 if b_units else 0.0)
    assert run.metrics["deferred_notional"] == (wanted - 9.0 - b_units) * 960.0
    assert run.metrics["fill_rate"] == (9.0 + b_units) / wanted


def test_a_call_to_four_accounts_asks_for_four_times_the_money_and_the_cash_is_shared() -> None:
    """Each of four is 1404 short of the target; 1000 of cash are 250 each: 1154 short, twice more."""
    rules = Rules({"call_ratio": 2.0, "call_target": 3.0, "call_delay": 20.0}, {"impact_coefficient": 0.0})
    run = play(small_net({"a": Holder({"M": 16.0}, 2500.0, count=4, cash=1000.0, response=1.0)}, rules))
    assert run.metrics["margin_posted"] == 1000.0
    assert run.metrics["margin_called"] == 4 * (1404.0 + 1154.0 + 1154.0)
    assert run.accounts["closing_equity"]["a"] == 4 * 1476.0 + 1000.0


def test_the_row_acts_as_one_for_a_deficit() -> None:
    """Two accounts of 900 sell 32 units, fill 945: each lacks 16 * 79 - 900 = 364."""
    rules = Rules({"insurance_fund": 1e4}, rate=1.0 / 64.0)
    found = play(small_net({"a": Holder({"M": 16.0}, 900.0, count=2)}, rules)).metrics
    assert found["bad_debt"] == found["fund_used"] == 2 * 364.0
    assert (found["system_loss"], found["system_gain"]) == (728.0, 2 * 124.0)


BROKE = Holder({"M": 16.0}, 900.0)  # bankrupt at 1024 - 900 / 16 = 967.75
DELEVERAGING = Rules({"insurance_fund": 10.0, "adl_trigger": "fund"}, WHOLE, rate=1.0 / 64.0)


def deleveraged(run: ct.Run) -> dict[str, float]:
    """Lots that each account lost to deleveraging."""
    return run.events[run.events["kind"] == "adl"].groupby("account")["lots"].sum().to_dict()


def test_a_row_of_winners_is_deleveraged_in_multiples_of_its_accounts() -> None:
    """Sixteen lots against three accounts of ten shorts: five each; the sixteenth finds nobody and goes to the book.

    It fills at 960 (1 - 1/2048) = 959.53125: 900 - 15 * 56.25 - 64.46875 = -8.21875, which the fund can pay.
    """
    run = play(small_net({"a": BROKE, "s": Holder({"M": -10.0}, 5000.0, count=3)}, DELEVERAGING))
    assert deleveraged(run) == {"a": -15.0, "s": 15.0}
    assert run.metrics["adl_notional"] == 15 * 967.75
    assert run.metrics["liquidated_notional"] == 959.53125
    assert run.metrics["bad_debt"] == run.metrics["fund_used"] == 8.21875
    assert run.accounts["closing_equity"]["s"] == 3 * (5000.0 + 5 * 56.25 + 5 * (1024.0 - 959.0625))


def test_the_rest_of_the_market_gives_what_does_not_divide() -> None:
    """Rows of three shorts of four each: three times four, and the rest of the market the other four."""
    run = play(small_net({"a": BROKE, "s": Holder({"M": -4.0}, 500.0, count=3)}, DELEVERAGING))
    assert deleveraged(run) == {"a": -16.0, "rest_of_market:V": 4.0, "s": 12.0}
    assert run.metrics["liquidated_notional"] == run.metrics["bad_debt"] == 0.0
