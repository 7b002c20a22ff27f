"""Funding and taker fees, followed by hand and by the pure functions of their rules."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

import contagion as ct
from contagion.markets.funding import funding_payment, funding_rate_binance, funding_rate_hyperliquid
from contagion.propagation.cascade import codes
from tests.propagation.cascade.small import OUTSIDE, Holder, Rules, play, small_net
from tests.worlds import random_world

SOLD = 64.0  # units, that lower the book by a sixteenth; they are sold at 930 on average
AVERAGE, AFTER = 930.0, 900.0
LOST = 64.0 * SOLD  # money a long of that size loses in the fall to 960
PREMIUM = AFTER / OUTSIDE - 1.0


def world(money: float = 3839.0, venue: dict[str, Any] | None = None, **market: Any) -> ct.Network:
    """One long that the fall closes, and two accounts that nothing closes."""
    holders = {
        "weak": Holder({"M": SOLD}, LOST + money),
        "long": Holder({"M": 100.0}, 1e6),
        "short": Holder({"M": -30.0}, 1e6),
    }
    return small_net(holders, Rules(venue or {}, market))


def paid(run: ct.Run, account: str, kind: str = "funding") -> pd.Series:
    """Money that an account received by round for a reason."""
    rows = run.ledger[(run.ledger["kind"] == kind) & (run.ledger["account"] == account)]
    exponent = int(run.provenance["quantum"].split("^")[1].split()[0])
    return rows.set_index("round")["amount"] * 2.0**exponent


@pytest.mark.parametrize("rule", ["binance", "hyperliquid"])
@pytest.mark.parametrize(("interest", "clamp"), [(0.0, 0.0), (0.0001, 0.0005), (0.3, 0.01)])
def test_every_position_receives_its_share_of_the_average_premium(
    rule: str, interest: float, clamp: float
) -> None:
    venue = {"funding_rule": rule, "funding_interest": interest, "funding_clamp": clamp}
    venue |= {"funding_cap": 0.02} if rule == "hyperliquid" else {}
    run = play(world(venue=venue, funding_interval=20.0), horizon=60.0)
    hours = 20.0 / 3600.0
    premiums = {2: PREMIUM / 2.0, 4: PREMIUM, 6: PREMIUM}  # the sale comes after the marks of the first round
    for account, side, size in (("long", 1, 100.0), ("short", -1, 30.0)):
        received = paid(run, account)
        assert received.index.tolist() == [2, 4, 6]
        for r, premium in premiums.items():
            rules = {"interest_rate": interest, "clamp": clamp}
            rate = funding_rate_binance(premium, interval_hours=hours, **rules)
            if rule == "hyperliquid":
                rate = funding_rate_hyperliquid(premium, cap_per_hour=0.02, **rules) * hours
            expected = float(funding_payment(side, size, AFTER, rate))
            assert received[r] == pytest.approx(expected, rel=1e-12, abs=2.0**-20)


def test_what_longs_pay_shorts_and_the_provider_receive_to_the_last_quantum() -> None:
    run = play(world(funding_interval=10.0), horizon=100.0)
    rows = run.ledger[run.ledger["kind"] == "funding"]
    assert rows["round"].nunique() == 10
    assert not rows.groupby("round")["amount"].sum().any()
    assert set(rows["account"]) == {"weak", "long", "short", "rest_of_market:V", "provider:M"}
    events = run.events[run.events["kind"] == "funding"]
    gross = rows[rows["amount"] > 0].groupby("round")["amount"].sum() * 2.0**-20
    assert np.allclose(events.set_index("round")["money"], gross, rtol=1e-12)


def test_who_receives_funding_hits_the_market_and_the_market_hits_who_pays() -> None:
    """100 units long and 30 short receive the discount of 900 to 960: half a rate, then two whole ones."""
    rules = {"funding_interest": 0.0, "funding_clamp": 0.0}
    run = play(world(venue=rules, funding_interval=20.0), horizon=60.0)
    found = {
        (source, target): told["weight"]
        for source, target, told in run.contagion_graph().edges(data=True)
        if told["channel"] == "funding"
    }
    received = {name: paid(run, name).sum() for name in ("long", "short")}
    rate = funding_rate_binance(PREMIUM, interval_hours=20.0 / 3600.0, interest_rate=0.0, clamp=0.0)
    assert received["long"] == pytest.approx(-100.0 * AFTER * 2.5 * rate, rel=1e-9)
    assert found["long", "market:M"] == received["long"] > 0.0
    assert found["market:M", "short"] == -received["short"] > 0.0


def test_a_payment_can_be_what_closes_an_account() -> None:
    holders = {"thin": Holder({"M": 64.0}, 64.0 * 64.0 + 100.0), "short": Holder({"M": -64.0}, 1e6)}
    venue = {"funding_interest": 0.16, "funding_clamp": 1.0}
    calm = ct.PriceShock({"X": 0.0})
    net = small_net(holders, Rules(venue, {"funding_interval": 1800.0}))
    run = ct.run(net, calm, ct.Cascade(step=600.0, horizon=3600.0))
    closed = run.events[run.events["kind"] == "liquidation"]
    assert closed[["round", "account"]].to_numpy().tolist() == [[3, "thin"]]
    assert paid(run, "thin")[3] == pytest.approx(-64.0 * 1024.0 * 0.01, abs=2.0**-20)  # 0.16 per 8 hours
    still = ct.run(small_net(holders, Rules(venue)), calm, ct.Cascade(step=600.0, horizon=3600.0))
    assert not len(still.events)


def test_a_run_goes_on_to_the_last_payment_and_several_in_a_round_are_paid_at_once() -> None:
    short = play(world(funding_interval=100.0), horizon=600.0)
    assert short.events.loc[short.events["kind"] == "funding", "time"].tolist() == [
        100.0 * k for k in range(1, 7)
    ]
    venue = {"funding_interest": 0.0, "funding_clamp": 0.0}
    fine = play(world(venue=venue, funding_interval=5.0), horizon=30.0)
    coarse = play(world(venue=venue, funding_interval=10.0), horizon=30.0)
    assert paid(fine, "long")[3] == pytest.approx(paid(coarse, "long")[3], rel=1e-12)


def test_the_mark_of_binance_knows_the_last_funding_rate() -> None:
    venue = {"mark": "median_binance", "funding_interest": 800.0, "funding_clamp": 1000.0}
    net = world(money=1e6, venue=venue, funding_interval=40.0)
    state = ct.Cascade(step=10.0, horizon=120.0).prepare(net).simulate(ct.PriceShock({"X": 0.0}))
    rate = 800.0 * 40.0 / 3600.0 / 8.0
    assert state.markets["funding_rate"][0] == pytest.approx(rate, rel=1e-12)
    # index and last price are one price: two of three are equal, whatever the third is
    assert np.array_equal(state.history["mark"], state.history["last"])


def test_a_taker_fee_is_part_of_the_cost_and_stays_with_the_provider() -> None:
    run, free = play(world(fee=1.0 / 64.0)), play(world())
    fee = SOLD * AVERAGE / 64.0
    assert run.metrics["forced_cost"] == SOLD * (OUTSIDE - AVERAGE) + fee
    assert run.metrics["liquidation_cost_fee"] == fee
    assert run.metrics["liquidation_cost"] == run.metrics["forced_cost"]
    assert free.metrics["forced_cost"] == SOLD * (OUTSIDE - AVERAGE)
    assert paid(run, "weak", "fee").sum() == -fee
    assert paid(run, "provider:M", "fee").sum() == fee
    assert run.accounts.loc["weak", "closing_equity"] == 3839.0 - SOLD * (OUTSIDE - AVERAGE) - fee


def test_a_taker_fee_is_paid_even_where_it_makes_a_deficit() -> None:
    run = play(world(money=2000.0, fee=1.0 / 64.0))
    assert run.metrics["bad_debt"] == SOLD * (OUTSIDE - AVERAGE) + SOLD * AVERAGE / 64.0 - 2000.0


def test_a_fee_of_zero_and_no_interval_are_what_is_not_there() -> None:
    bare, said = play(world()), play(world(fee=0.0, funding_interval=math.nan, in_index=True))
    assert bare.ledger.equals(said.ledger)
    assert bare.metrics.equals(said.metrics)


def arbitraged(fee: float) -> ct.Run:
    """A sale at one of two venues opens a gap, and somebody trades it away as far as fees leave something."""
    book = {"schedule": "s", "asset": "X", "permanent_share": 1.0, "capital_exponent": 0.0, "fee": fee}
    return ct.run(
        ct.Network(
            nodes=[
                {"name": "V", "kind": "exchange", "cash": 1e6},
                {"name": "W", "kind": "exchange", "cash": 1e6},
                {"name": "arb", "kind": "institution", "cash": 1e6},
                {"name": "weak", "kind": "trader"},
            ],
            assets=[
                {"name": "USD", "kind": "currency", "price": 1.0},
                {"name": "X", "kind": "coin", "price": 100.0},
            ],
            venues=[{"name": "V", "mark": "last"}, {"name": "W", "mark": "last"}],
            schedules=[{"name": "s"}],
            tiers=[{"schedule": "s", "floor": 0.0, "initial_rate": 0.1, "maintenance_rate": 0.05}],
            markets=[{"name": "MV", "venue": "V", **book}, {"name": "MW", "venue": "W", **book}],
            depth=[
                {"market": m, "side": side, "band": 0.01, "amount": 1e5}
                for m in ("MV", "MW")
                for side in ("bid", "ask")
            ],
            accounts=[
                {"name": "arb-V", "owner": "arb", "venue": "V", "reaction": "none"},
                {"name": "arb-W", "owner": "arb", "venue": "W", "reaction": "none"},
                {"name": "weak", "owner": "weak", "venue": "V", "reaction": "none"},
            ],
            balances=[
                {"account": "arb-V", "asset": "USD", "quantity": 1e6},
                {"account": "arb-W", "asset": "USD", "quantity": 1e6},
                {"account": "weak", "asset": "USD", "quantity": 1e4},
            ],
            positions=[{"account": "weak", "market": "MV", "quantity": 1000.0, "entry_price": 100.0}],
            strategies=[
                {
                    "name": "arb",
                    "kind": "arbitrage",
                    "long_account": "arb-V",
                    "short_account": "arb-W",
                    "asset": "X",
                    "rate": 0.1,
                }
            ],
            rest_of_market="add",
        ),
        ct.PriceShock({"X": -0.07}, over=0.0),
        ct.Cascade(step=10.0, horizon=600.0),
    )


@pytest.mark.parametrize("fee", [0.0, 0.001, 0.002, 0.01])
def test_arbitrage_closes_the_gap_beyond_the_fees_of_both_markets(fee: float) -> None:
    run = arbitraged(fee)
    prices = run.markets["closing_price"]
    left = math.log(prices["MW"] / prices["MV"])
    most = math.log1p(fee) - math.log1p(-fee)
    opened = 0.01 * 1000.0 * 93.0 / 1e5  # log fall that the sale makes: it takes the band of 1 % per 1e5
    assert left == pytest.approx(min(opened, most), abs=1e-5)
    acted = run.events[run.events["kind"] == "arbitrage"]
    assert bool(len(acted)) == (opened > most)
    rows = run.ledger[(run.ledger["kind"] == "fee") & run.ledger["account"].isin(["arb-V", "arb-W"])]
    money = acted["money"].sum()
    assert -rows["amount"].sum() * 2.0**-20 == pytest.approx(fee * money, abs=1e-3)
    assert run.metrics["forced_cost"] == pytest.approx(
        93.0 * 1000.0 * (1.0 - -math.expm1(-opened) / opened * (1.0 - fee)), rel=1e-6
    )


def test_fees_of_random_worlds_are_paid_by_whoever_traded_and_kept_by_the_market() -> None:
    seen = 0
    for seed in (0, 1, 3):
        it = random_world(seed)
        state = it.model.prepare(it.net, it.policies).simulate(it.shock, seed=seed)
        ledger = state.ledger[: int(state.clock["n_ledger"][0])]
        fees = ledger[ledger["kind"] == codes.BY_FEE]
        provided = fees[fees["entity"] == codes.PROVIDER]
        assert (provided["amount"] > 0).all()
        assert not (state.markets["fee"][provided["id"]] == 0.0).any()
        seen += len(provided)
    assert seen > 0
