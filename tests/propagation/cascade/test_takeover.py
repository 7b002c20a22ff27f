"""Positions taken over, by hand: at the bankruptcy price, worked off by the inventory, settled with the fund."""

from __future__ import annotations

from typing import Any

import pytest

import contagion as ct
from contagion.network.reserved import INVENTORY, inventory
from tests.propagation.cascade.small import Holder, Rules, gap, play, small_net

STOCK = INVENTORY + "V"
LEFT, LOST = 1536.0, 512.0  # money of a long of 16: equity 512 or -512 once the price has fallen by 64
LOW = 1.0 / 64.0  # a rate at which 512 is enough at the opening


def world(money: float = LEFT, **venue: Any) -> ct.Network:
    rules = Rules(venue={"procedure": "takeover", **venue}, rate=LOW if money == LOST else 1.0 / 16.0)
    return small_net({"a": Holder({"M": 16.0}, money)}, rules)


def of(run: ct.Run, kind: str) -> Any:
    return run.events[run.events["kind"] == kind]


def test_an_account_with_margin_is_taken_over_at_its_bankruptcy_price_and_the_gain_is_the_funds() -> None:
    run = play(world())
    taken = of(run, "takeover").iloc[0]
    assert (taken["time"], taken["account"], taken["lots"]) == (10.0, "a", -16.0 * 2**20)
    assert taken["price"] == 960.0 - 512.0 / 16.0
    sold = of(run, "unwind").iloc[0]
    assert (sold["time"], sold["account"], sold["price"]) == (20.0, STOCK, 952.5)
    assert run.venues.loc["V", "fund_closing"] == 16.0 * (952.5 - 928.0)
    assert run.accounts.loc["a", "closing_equity"] == run.accounts.loc[STOCK, "closing_equity"] == 0.0
    assert run.accounts.loc["a", "taken_over_notional"] == run.metrics["takeover_notional"] == 16.0 * 928.0
    assert run.metrics["liquidated_notional"] == 0.0
    assert (
        run.metrics["liquidated_accounts"] == run.metrics["fill_rate"] == run.metrics["coverage_mean"] == 1.0
    )
    assert run.metrics["liquidation_basis_mean"] == (960.0 - 928.0) / 960.0
    assert (
        run.metrics["liquidation_cost_slippage"] == run.metrics["liquidation_cost"] == 16.0 * (960.0 - 952.5)
    )
    assert run.metrics["branching_ratio"] == 0.0  # sick at the outside price too


def test_what_is_taken_over_because_of_what_the_inventory_sells_counts_as_branching() -> None:
    # the inventory's 16 lower the mark to 945, where 8 are worth 7,560 and need 472.5 of the 368 that are left
    holders = {"a": Holder({"M": 16.0}, LEFT), "b": Holder({"M": 8.0}, 1000.0)}
    run = play(small_net(holders, Rules(venue={"procedure": "takeover"})))
    first, second = 16.0 * 928.0, 8.0 * (945.0 - 368.0 / 8.0)
    assert run.metrics["takeover_notional"] == first + second
    assert run.metrics["branching_ratio"] == pytest.approx(second / (first + second), rel=1e-12)


def test_a_loss_of_the_inventory_is_paid_by_the_fund_and_then_by_the_venue() -> None:
    loss = 16.0 * (992.0 - 952.5)
    rich, poor = play(world(LOST, insurance_fund=1000.0)), play(world(LOST, insurance_fund=100.0))
    assert rich.metrics["fund_used"] == rich.metrics["bad_debt"] == loss
    assert rich.venues.loc["V", "fund_closing"] == 1000.0 - loss
    assert poor.metrics["fund_used"] == 100.0
    assert poor.accounts.loc[STOCK, "deficit"] == loss
    assert poor.accounts.loc["a", "deficit"] == 0.0


def test_at_zero_equity_the_bankruptcy_price_is_the_mark() -> None:
    assert of(play(world(1024.0)), "takeover").iloc[0]["price"] == 960.0


def test_an_account_exactly_at_its_requirement_is_left_alone() -> None:
    assert of(play(world(1024.0 + 960.0)), "takeover").empty
    assert (
        len(of(play(world(1024.0 + 960.0 - 2.0**-10)), "takeover")) == 2
    )  # the second settles with the fund


def test_the_legs_of_an_account_share_its_equity_by_their_notional() -> None:
    holders = {"a": Holder({"M": 16.0, "N": -8.0}, 512.0 + 1188.0)}
    net = small_net(holders, Rules(venue={"procedure": "takeover"}), {"M": "X", "N": "Y"})
    taken = of(play(net, shock=gap("X", "Y")), "takeover")
    share = 1188.0 / 24.0
    assert taken[taken["market"] != ""].set_index("market")["price"].to_dict() == {
        "M": 960.0 - share,
        "N": 960.0 + share,
    }


def test_a_row_of_several_accounts_is_taken_over_as_a_whole() -> None:
    net = small_net({"a": Holder({"M": 4.0}, LEFT / 4.0, count=4)}, Rules(venue={"procedure": "takeover"}))
    run = play(net)
    assert of(run, "takeover").iloc[0]["price"] == 928.0
    assert run.venues.loc["V", "fund_closing"] == 16.0 * (952.5 - 928.0)
    assert run.metrics["liquidated_accounts"] == 4.0


def test_the_inventory_sells_no_faster_than_the_throughput_of_its_venue() -> None:
    run = play(world(throughput=350.0))  # 3,500 a round
    sold = of(run, "unwind")
    assert -sold.iloc[0]["lots"] == 3500.0 // (960.0 * 2.0**-20)
    assert sold["lots"].sum() == -16.0 * 2**20
    assert len(sold) == len(set(sold["round"])) == 5


def test_while_the_market_is_halted_nothing_is_taken_over_and_the_run_waits() -> None:
    run = play(world(), ct.Halt(drop=0.05, window=1e9, length=60.0, times=1))
    reopened = of(run, "reopen").iloc[0]["time"]
    assert of(run, "takeover").iloc[0]["time"] == reopened
    assert run.metrics["takeover_notional"] == 16.0 * 928.0


def test_what_the_fund_cannot_carry_goes_to_winners_and_without_winners_to_the_inventory() -> None:
    rules = Rules(venue={"procedure": "takeover", "adl_trigger": "fund"}, rate=LOW)
    winner = Holder({"M": -16.0}, 1e6)
    run = play(small_net({"a": Holder({"M": 16.0}, LOST), "w": winner}, rules))
    assert of(run, "takeover").empty
    assert of(run, "adl")["price"].to_numpy() == pytest.approx(992.0, rel=1e-15)
    assert run.metrics["adl_notional"] == pytest.approx(16.0 * 992.0, rel=1e-15)
    loser = Holder({"M": -16.0}, 1e6, entry=900.0)
    alone = play(small_net({"a": Holder({"M": 16.0}, LOST), "l": loser}, rules))
    assert alone.metrics["adl_notional"] == 0.0
    assert alone.metrics["takeover_notional"] == pytest.approx(16.0 * 992.0, rel=1e-15)


def test_an_inventory_that_the_fund_cannot_carry_any_more_is_deleveraged_at_its_entry() -> None:
    rules = Rules(venue={"procedure": "takeover", "adl_trigger": "fund", "throughput": 1e-3})
    net = small_net({"a": Holder({"M": 16.0}, LEFT), "w": Holder({"M": -64.0}, 1e6)}, rules)
    further = ct.PriceShock({"X": 900.0 / 960.0 - 1.0}, over=40.0)
    run = play(net, shock=gap() + further)
    cut = of(run, "adl")
    assert set(cut["account"]) == {STOCK, "w"}
    assert cut["price"].nunique() == 1
    assert cut["price"].iloc[0] == of(run, "takeover").iloc[0]["price"]
    assert run.accounts.loc[STOCK, "closing_equity"] == pytest.approx(0.0, abs=1e-3)


def test_the_inventory_belongs_to_its_venue_and_only_venues_that_take_over_have_one() -> None:
    run = play(world())
    assert run.accounts.loc[STOCK, ["owner", "venue", "count"]].tolist() == ["V", "V", 1]
    assert not inventory(play(world(procedure="close_out")).accounts.index).any()


def test_in_the_timeless_limit_every_procedure_is_a_close_out() -> None:
    def ends(procedure: str) -> ct.Run:
        return ct.run(world(procedure=procedure), gap(), ct.Cascade.static())

    plain = ends("close_out")
    for procedure in ("bybit", "okx", "hyperliquid", "increments", "dydx", "takeover"):
        assert ends(procedure).metrics.equals(plain.metrics), procedure


def test_a_venue_that_fails_closes_its_inventory_and_pays_for_it() -> None:
    net = world(LOST, insurance_fund=0.0, throughput=1e-3)
    run = ct.run(net, gap() + ct.Default(["V"]), ct.Cascade(step=10.0, horizon=300.0))
    assert run.accounts.loc[STOCK, "closing_equity"] == 0.0
    assert run.metrics["venue_defaults"] == 1.0
