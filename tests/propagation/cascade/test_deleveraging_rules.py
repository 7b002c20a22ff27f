"""Who is cut first, at which price, and when it starts: the engine against the pure functions of `contagion.margin`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import contagion as ct
from contagion.margin import (
    adl_rank_binance,
    adl_rank_bitmex,
    adl_rank_hyperliquid,
    adl_trigger_fund_drawdown,
    adl_trigger_pool,
)
from tests.propagation.cascade.small import OPENING, OUTSIDE, Holder, Rules, gap, small_net

RATE = 1 / 64
STILL = {"impact_coefficient": 0.0, "impact": "exponential"}
MODEL = ct.Cascade(step=10.0, horizon=300.0)
RANKS = ("bitmex", "binance", "hyperliquid", "hyperliquid_side_aware")


def winners(rng: np.random.Generator, n: int, side: float) -> dict[str, Holder]:
    """Accounts of one leg, in profit at 960 or not, with different leverage."""
    found = {}
    for i in range(n):
        units, entry = float(np.rint(rng.uniform(1, 40))), float(np.rint(rng.uniform(930, 1100)))
        money = units * OPENING * rng.uniform(0.1, 1.0) + abs(units * (entry - OPENING))
        found[f"w{i:02d}"] = Holder({"M": side * units}, float(np.rint(money)), entry=entry)
    return found


def expected(rank: str, held: dict[str, Holder]) -> list[str]:
    """Names by rank, from the pure functions, of those in profit."""
    names = sorted(held)
    units = np.array([held[name].legs["M"] for name in names])
    entry = np.array([held[name].entry for name in names])
    money = np.array([held[name].money for name in names])
    side, size = np.sign(units), np.abs(units)
    profit = units * (OUTSIDE - entry)
    equity = money + profit
    if rank == "bitmex":
        order = adl_rank_bitmex(OUTSIDE, side, entry, np.maximum(OUTSIDE - side * equity / size, 0.0)).order
    elif rank == "binance":
        order = adl_rank_binance(profit, money, RATE * size * OUTSIDE / equity).order
    else:
        form = "side_aware" if rank.endswith("aware") else "literal"
        order = adl_rank_hyperliquid(OUTSIDE, side, size, entry, equity, form=form).order
    return [names[place] for place in order if profit[place] > 0]


def world(held: dict[str, Holder], loser: Holder, **venue: Any) -> ct.Network:
    rules = Rules(venue={"adl_trigger": "fund", **venue}, market=STILL, rate=RATE)
    return small_net({"loser": loser, **held}, rules)


def cut(run: ct.Run) -> list[str]:
    """Winners in the order in which they were cut."""
    events = run.events[(run.events["kind"] == "adl") & run.events["account"].str.startswith("w")]
    return list(events["account"])


@pytest.mark.parametrize("rank", RANKS)
@pytest.mark.parametrize("seed", range(4))
def test_winners_are_cut_in_the_order_of_the_pure_function(rank: str, seed: int) -> None:
    held = winners(np.random.default_rng(seed), 12, -1.0)
    size = sum(abs(holder.legs["M"]) for holder in held.values())
    run = ct.run(world(held, Holder({"M": size}, size * 40.0), adl_rank=rank), gap(), MODEL)
    assert cut(run) == expected(rank, held)
    assert len(cut(run)) > 3


@pytest.mark.parametrize(
    ("price", "rank", "at"),
    [
        ("", "bitmex", OUTSIDE + 24.0),
        ("bankruptcy", "hyperliquid", OUTSIDE + 24.0),
        ("mark", "bitmex", OUTSIDE),
        ("", "hyperliquid", OPENING),
        ("previous_mark", "binance", OPENING),
    ],
)
def test_winners_are_closed_at_the_price_of_the_rule_and_the_rest_is_a_deficit(
    price: str, rank: str, at: float
) -> None:
    held = {"w00": Holder({"M": -64.0}, 1e6)}
    net = world(held, Holder({"M": 64.0}, 64.0 * 40.0), adl_price=price, adl_rank=rank)
    run = ct.run(net, gap(), MODEL)
    assert run.events.loc[run.events["kind"] == "adl", "price"].to_numpy() == pytest.approx(at, rel=1e-12)
    missing = max(0.0, 64.0 * (OUTSIDE + 24.0 - at))
    assert run.metrics["bad_debt"] == pytest.approx(missing, abs=1e-3)
    left = 1e6 + 64.0 * (OPENING - at) - run.metrics["residual_loss"]
    assert run.accounts.loc["w00", "closing_equity"] == pytest.approx(left, abs=1e-3)


def test_a_cached_ranking_is_kept_until_its_interval_has_passed_and_losers_of_it_come_last() -> None:
    # at the opening, where `b` was in profit and `a` was not, the ranking is made
    held = {"wa": Holder({"M": -32.0}, 4_000.0), "wb": Holder({"M": -32.0}, 1e6, entry=1030.0)}
    loser = Holder({"M": 32.0}, 32.0 * 40.0)
    fresh = ct.run(world(held, loser), gap(), MODEL)
    kept = ct.run(world(held, loser, rank_interval=60.0), gap(), MODEL)
    anew = ct.run(world(held, loser, rank_interval=10.0), gap(), MODEL)
    assert cut(fresh) == cut(anew) == ["wa"]
    assert cut(kept) == ["wb"]


def test_a_winner_who_has_lost_his_profit_since_the_ranking_is_spared() -> None:
    held = {"wa": Holder({"M": -32.0}, 1e6, entry=950.0), "wb": Holder({"M": -32.0}, 1e6)}
    run = ct.run(world(held, Holder({"M": 32.0}, 32.0 * 40.0), rank_interval=1e6), gap(), MODEL)
    assert cut(run) == ["wb"]


@pytest.mark.parametrize("fund", [0.0, 1_000.0, 1_535.0, 1_536.0, 4_000.0, 6_000.0])
def test_a_drawdown_of_the_fund_starts_deleveraging_where_the_pure_function_does(fund: float) -> None:
    # two bankrupt accounts, each 64 units below zero by 24: the first takes 1,536 from the fund if it may
    held = {"w00": Holder({"M": -256.0}, 1e6)}
    holders = {f"l{i}": Holder({"M": 64.0}, 64.0 * 40.0) for i in range(3)}
    rules = Rules(
        venue={"adl_trigger": "fund_drawdown", "insurance_fund": fund, "adl_ratio": 0.3},
        market=STILL,
        rate=RATE,
    )
    run = ct.run(small_net({**holders, **held}, rules), gap(), MODEL)
    covered, balance = 0, fund
    for _ in range(3):
        if adl_trigger_fund_drawdown([0, 10], [fund, balance], window_s=28_800, drawdown_limit=0.3).adl:
            break
        covered, balance = covered + 1, balance - 1_536.0
    assert run.metrics["adl_notional"] == pytest.approx((3 - covered) * 64.0 * (OUTSIDE + 24.0), rel=1e-12)


@pytest.mark.parametrize("fund", [0.0, 1_500.0, 3_000.0, 40_000.0])
def test_an_empty_pool_starts_deleveraging_where_the_pure_function_does(fund: float) -> None:
    held = {"w00": Holder({"M": -256.0}, 1e6)}
    holders = {f"l{i}": Holder({"M": 64.0}, 64.0 * 40.0) for i in range(3)}
    rules = Rules(
        venue={"adl_trigger": "pool", "insurance_fund": fund, "adl_ratio": 0.3}, market=STILL, rate=RATE
    )
    run = ct.run(small_net({**holders, **held}, rules), gap(), MODEL)
    covered, balance = 0, fund
    for _ in range(3):
        if adl_trigger_pool(balance, fund, 0.0, 0.0, trigger_ratio=-0.3).adl:
            break
        covered, balance = covered + 1, balance - 1_536.0
    assert run.metrics["adl_notional"] == pytest.approx((3 - covered) * 64.0 * (OUTSIDE + 24.0), rel=1e-12)


def test_a_market_that_has_cost_the_pool_too_much_is_deleveraged_from_the_next_round_on() -> None:
    # the first fall costs 1,536 of 4,000, more than 30 %; whoever is bankrupt after the second fall is deleveraged
    holders = {
        "l1": Holder({"M": 64.0}, 64.0 * 40.0),
        "l2": Holder({"M": 64.0}, 64.0 * 100.0),
        "w00": Holder({"M": -256.0}, 1e6),
    }
    times = [0.0, 10.0, 20.0, 30.0, 40.0]
    prices = [1024.0, 960.0, 960.0, 900.0, 900.0]
    path = ct.PricePath(pd.DataFrame({"X": prices}, index=times))

    def run(ratio: float) -> ct.Run:
        venue = {"adl_trigger": "pool", "insurance_fund": 4_000.0, "adl_ratio": ratio}
        return ct.run(small_net(holders, Rules(venue=venue, market=STILL, rate=RATE)), path, MODEL)

    assert adl_trigger_pool(2_464.0, 4_000.0, -1_536.0, 0.0, trigger_ratio=-0.3).adl
    assert not adl_trigger_pool(2_464.0, 4_000.0, -1_536.0, 0.0, trigger_ratio=-0.4).adl
    assert run(0.3).metrics["adl_notional"] == pytest.approx(64.0 * 924.0, rel=1e-12)
    assert run(0.4).metrics["adl_notional"] == 0.0


def test_winners_of_both_sides_of_one_market_are_cut_in_one_round() -> None:
    holders = {
        "long": Holder({"M": 32.0}, 32.0 * 40.0),
        "short": Holder({"M": -32.0}, 32.0 * 100.0, entry=800.0),
        "wl": Holder({"M": 32.0}, 1e6, entry=900.0),
        "ws": Holder({"M": -32.0}, 1e6),
    }
    rules = Rules(venue={"adl_trigger": "fund"}, market=STILL, rate=RATE)
    run = ct.run(small_net(holders, rules), ct.PriceShock({"X": 0.0}), MODEL)
    assert set(run.events.loc[run.events["kind"] == "adl", "account"]) == {"short", "wl"}


def test_policies_reach_every_rank_trigger_and_price() -> None:
    net = world({}, Holder({"M": 64.0}, 64.0 * 40.0))
    policy = ct.AutoDeleveraging(
        rank="binance", trigger="pool", price="mark", ratio=0.2, window=60.0, interval=30.0
    )
    row = policy.opening(net).venues.loc["V"]
    columns = ["adl_rank", "adl_trigger", "adl_price", "adl_ratio", "adl_window", "rank_interval"]
    assert row[columns].tolist() == ["binance", "pool", "mark", 0.2, 60.0, 30.0]
    with pytest.raises(ct.errors.PolicyError, match=r"AutoDeleveraging.ratio is 0.0"):
        ct.AutoDeleveraging(ratio=0.0)
