"""Runs on a venue, outages and minted tokens, followed by hand; switched off they leave every bit alone."""

import numpy as np
import pandas as pd
import pytest

import contagion as ct
from contagion.errors import InputError, NetworkError, TooLargeError
from contagion.results import Run
from tests.propagation.cascade.small import Holder, Rules, gap, play, small_net

PAIR = {"long": Holder({"M": 1.0}, 1000.0), "short": Holder({"M": -1.0}, 1000.0)}
"""Two accounts of opposite sides; each needs 64 for maintenance, 128 at first, 192 for its owner's target."""


def poor(net: ct.Network) -> ct.Network:
    """The same network with a venue that has no cash of its own."""
    return net.replace(nodes=net.nodes.assign(cash=0.0))


def cash(run: Run, node: str) -> float:
    """Money that moved to the node's cash."""
    rows = run.ledger[(run.ledger["account"] == f"cash:{node}") & (run.ledger["instrument"] == "money")]
    return float(rows["amount"].sum()) * 2.0 ** float(run.provenance["quantum"].split("^")[1].split()[0])


class TestWithdrawal:
    def test_half_of_every_balance_goes_to_its_owner(self):
        run = play(small_net(PAIR), shock=ct.Withdrawal("V", 0.5))
        assert [cash(run, name) for name in ("long", "short", "V")] == [500.0, 500.0, 0.0]
        events = run.events[run.events["kind"] == "withdrawal"]
        assert events["money"].tolist() == [500.0, 500.0]
        assert events["time"].tolist() == [10.0, 10.0]
        assert run.venues.loc["V", ["withdrawn", "refused"]].tolist() == [1000.0, 0.0]
        assert run.metrics["venue_defaults"] == 0.0

    def test_no_more_than_the_free_margin_goes(self):
        run = play(small_net(PAIR), shock=ct.Withdrawal("V", 0.9))
        assert cash(run, "long") == 1000.0 - 3.0 * 64.0
        assert run.events[run.events["kind"].isin(["call", "liquidation"])].empty

    def test_initial_margin_stays_where_it_is_above_the_owners_target(self):
        run = play(
            small_net(PAIR, Rules(venue={"call_ratio": 1.2, "call_target": 1.5})),
            shock=ct.Withdrawal("V", 1.0),
        )
        assert cash(run, "long") == 1000.0 - 128.0

    def test_a_profit_that_is_not_realised_cannot_be_withdrawn(self):
        run = play(small_net(PAIR), shock=gap() + ct.Withdrawal("V", 0.5))
        assert cash(run, "short") == 500.0

    def test_a_run_over_a_time_is_the_same_money_in_equal_slices(self):
        run = play(small_net(PAIR), shock=ct.Withdrawal("V", 0.5, over=40.0))
        slices = run.events[(run.events["kind"] == "withdrawal") & (run.events["account"] == "long")]
        assert slices["time"].tolist() == [10.0, 20.0, 30.0, 40.0]
        assert slices["money"].to_numpy() == pytest.approx([125.0] * 4, abs=2.0**-18)

    def test_rows_of_several_accounts_withdraw_for_each(self):
        holders = {
            "many": Holder({"M": 1.0}, 1000.0, count=3),
            "short": Holder({"M": -3.0}, 3000.0),
        }
        assert cash(play(small_net(holders), shock=ct.Withdrawal("V", 0.5)), "many") == 1500.0

    def test_an_illiquid_venue_pays_all_the_same_part_refuses_the_rest_and_fails(self):
        net = poor(small_net(PAIR, Rules(venue={"reserve_ratio": 0.25})))
        run = play(net, shock=ct.Withdrawal("V", 0.5))
        events = run.events[run.events["kind"] == "withdrawal"]
        assert events["money"].tolist() == [250.0, 250.0, -500.0]
        assert run.venues.loc["V", ["withdrawn", "refused", "failed_at"]].tolist() == [500.0, 500.0, 10.0]
        assert run.metrics["venue_defaults"] == 1.0
        # solvent: positions are closed at the mark and every customer is paid in full
        assert [cash(run, name) for name in ("long", "short", "V")] == [1000.0, 1000.0, 0.0]
        assert run.metrics["system_loss"] == 0.0

    def test_what_was_lent_out_is_sold_at_a_loss_that_customers_share(self):
        net = poor(small_net(PAIR, Rules(venue={"reserve_ratio": 0.25, "illiquid_discount": 0.5})))
        run = play(net, shock=ct.Withdrawal("V", 0.5))
        # 1500 are lent, 750 come back, against balances of 1500
        assert [cash(run, name) for name in ("long", "short", "V")] == [625.0, 625.0, 0.0]
        assert run.metrics["system_loss"] == 750.0

    def test_balances_in_custody_are_always_paid(self):
        net = poor(small_net(PAIR, Rules(venue={"reserve_ratio": 0.25, "customer_share": 0.5})))
        run = play(net, shock=ct.Withdrawal("V", 0.5))
        events = run.events[run.events["kind"] == "withdrawal"]
        # of 500 each, 250 in custody are paid, and half of the other 250: 250 liquid against 500
        assert events["money"].tolist() == [375.0, 375.0, -250.0]

    def test_own_cash_and_fund_pay_withdrawals_too(self):
        net = poor(small_net(PAIR, Rules(venue={"reserve_ratio": 0.25, "insurance_fund": 200.0})))
        cash_of = net.nodes["cash"].where(net.nodes.index != "V", 300.0)
        run = play(net.replace(nodes=net.nodes.assign(cash=cash_of)), shock=ct.Withdrawal("V", 0.5))
        assert run.venues.loc["V", ["withdrawn", "refused"]].tolist() == [1000.0, 0.0]
        assert run.metrics["venue_defaults"] == 0.0

    def test_the_second_wave_finds_the_reserve_of_the_first_gone(self):
        net = poor(small_net(PAIR, Rules(venue={"reserve_ratio": 0.25})))
        run = play(net, shock=ct.Withdrawal("V", 0.25, over=20.0) + ct.Withdrawal("V", 0.5, over=40.0))
        assert run.venues.loc["V", "failed_at"] == 20.0
        assert run.venues.loc["V", "withdrawn"] == pytest.approx(500.0, abs=2.0**-15)


class TestOutage:
    def test_nothing_is_filled_while_the_venue_is_out(self):
        holders = {"long": Holder({"M": 1.0}, 70.0), "short": Holder({"M": -1.0}, 1000.0)}
        outage = ct.Outage("V", length=60.0)
        run, free = play(small_net(holders), shock=gap() + outage), play(small_net(holders))
        assert free.accounts.loc["long", "closed_at"] == 10.0
        assert run.accounts.loc["long", "first_trigger"] == 10.0
        assert run.accounts.loc["long", "closed_at"] == 60.0
        assert run.metrics["halted_seconds"] == 60.0
        told = run.events[run.events["kind"].isin(["outage", "reopen"])]
        assert list(zip(told["kind"], told["time"], told["market"], strict=True)) == [
            ("outage", 0.0, "M"),
            ("reopen", 60.0, "M"),
        ]

    def test_an_outage_between_two_rounds_holds_the_orders_of_the_first_back(self):
        holders = {"long": Holder({"M": 1.0}, 70.0), "short": Holder({"M": -1.0}, 1000.0)}
        run = play(small_net(holders), shock=gap() + ct.Outage("V", start=12.0, length=5.0))
        assert run.accounts.loc["long", "closed_at"] == 20.0
        assert run.metrics["halted_seconds"] == 10.0

    def test_top_ups_wait_for_its_end(self):
        holders = {
            "long": Holder({"M": 1.0}, 150.0, cash=1000.0, response=1.0),
            "short": Holder({"M": -1.0}, 1000.0),
        }
        net = small_net(holders, Rules(venue={"call_delay": 20.0}))
        at = {}
        for name, shock in (("free", gap()), ("out", gap() + ct.Outage("V", start=10.0, length=50.0))):
            events = play(net, shock=shock).events
            at[name] = events.loc[events["kind"] == "top_up", "time"].tolist()
        assert at == {"free": [30.0], "out": [60.0]}

    def test_withdrawals_wait_for_its_end(self):
        shock = ct.Withdrawal("V", 0.5, over=20.0) + ct.Outage("V", start=10.0, length=30.0)
        run = play(small_net(PAIR), shock=shock)
        events = run.events[run.events["kind"] == "withdrawal"]
        assert events["time"].tolist() == [40.0, 40.0]
        assert events["money"].tolist() == [500.0, 500.0]

    def test_in_the_timeless_limit_an_outage_changes_nothing(self):
        holders = {"long": Holder({"M": 1.0}, 70.0), "short": Holder({"M": -1.0}, 1000.0)}
        net = small_net(holders)
        plain = ct.run(net, gap(), ct.Cascade.static())
        out = ct.run(net, gap() + ct.Outage("V", length=60.0), ct.Cascade.static())
        pd.testing.assert_series_equal(plain.metrics, out.metrics)


def spot_net(**rules: object) -> ct.Network:
    """One perp `M` and one spot market `S` on X, of the same book."""
    net = small_net(PAIR, Rules(market=rules), {"M": "X", "S": "X"})
    kinds = net.markets.assign(kind=["perp", "spot"], schedule=["s", ""])
    return net.replace(markets=kinds)


class TestMint:
    def test_the_minter_sells_at_the_price_of_the_round_and_the_provider_pays(self):
        run = play(spot_net(), shock=gap() + ct.Mint("X", 64.0))
        # 64 units lower a linear book by 1/16: the mean is 1/32 below 960
        event = run.events[run.events["kind"] == "mint"].iloc[0]
        assert [event[c] for c in ("time", "market", "price", "money")] == [10.0, "S", 930.0, 59_520.0]
        rows = run.ledger[(run.ledger["kind"] == "mint") & (run.ledger["instrument"] == "money")]
        assert rows.set_index("account")["amount"].to_dict() == {
            "provider:S": -rows["amount"].max(),
            "outside": rows["amount"].max(),
        }
        assert run.paths.loc[run.paths["market"] == "S", "last"].iloc[2] == 900.0

    def test_it_sells_no_more_than_the_price_limits_let_it(self):
        run = play(
            spot_net(),
            ct.PriceBand(below=2.0**-4, above=0.5, reference="mark"),
            shock=gap() + ct.Mint("X", 128.0),
        )
        sold = run.events[run.events["kind"] == "mint"]
        assert sold["lots"].to_numpy() * 2.0**-20 == pytest.approx([-64.0, -60.0, -4.0], abs=2e-6)
        assert sold["price"].to_numpy() == pytest.approx([930.0, 871.875, 841.875], rel=1e-8)

    def test_its_flow_moves_the_index_and_with_it_the_marks_of_others(self):
        net = spot_net()
        net = net.replace(venues=net.venues.assign(mark="index"))
        run = play(net, shock=gap() + ct.Mint("X", 512.0))
        assert run.markets.loc["M", "closing_price"] == 480.0
        assert run.metrics["liquidated_accounts"] == 0.0

    def test_a_token_without_a_spot_market_is_refused(self):
        with pytest.raises(NetworkError, match=r"Mint\.token.*'X' has no spot market"):
            play(small_net(PAIR), shock=ct.Mint("X", 1.0))

    def test_more_than_can_be_counted_is_refused(self):
        with pytest.raises(TooLargeError, match=r"Mint\.quantity"):
            play(spot_net(), shock=ct.Mint("X", 1e12))


OFF = [
    ct.Withdrawal("V", 0.0, over=60.0),
    ct.Outage("V", length=0.0),
    ct.Mint("X", 0.0),
    ct.GasShock(1.0),
    ct.OracleShock({"X": 0.0}),
]


@pytest.mark.parametrize("shock", OFF, ids=lambda shock: type(shock).__name__)
def test_a_shock_of_nothing_changes_no_bit(shock):
    net = small_net({"long": Holder({"M": 1.0}, 70.0), "short": Holder({"M": -1.0}, 1000.0)})
    plain, with_it = play(net), play(net, shock=gap() + shock)
    pd.testing.assert_series_equal(plain.metrics, with_it.metrics)
    pd.testing.assert_frame_equal(plain.ledger, with_it.ledger)
    pd.testing.assert_frame_equal(plain.paths, with_it.paths)


@pytest.mark.parametrize(
    ("column", "value"), [("reserve_ratio", 1.5), ("reserve_ratio", -0.1), ("illiquid_discount", np.inf)]
)
def test_a_reserve_is_a_share(column, value):
    with pytest.raises(InputError, match=column):
        small_net(PAIR, Rules(venue={column: value}))
