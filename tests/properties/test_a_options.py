"""Money, lots and hedges in random worlds with options: the ledger, the drivers, the metrics, what hedgers did."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from contagion.markets.options import black_scholes
from contagion.propagation.cascade import codes
from contagion.propagation.cascade.model import Prepared
from tests.option_worlds import option_world
from tests.propagation.cascade.test_drivers import assert_identical

WORLDS = 16


@pytest.mark.parametrize("seed", range(WORLDS))
def test_money_and_lots_of_worlds_with_options_balance(seed: int) -> None:
    world = option_world(seed)
    prepared = world.model.prepare(world.net, world.policies)
    opening, state = prepared.opening, prepared.simulate(world.shock, seed)
    book, ledger = opening.book, state.ledger[: int(state.clock["n_ledger"][0])]
    for round_number in np.unique(ledger["round"]):
        rows = ledger[ledger["round"] == round_number]
        for instrument in np.unique(rows["instrument"]):
            assert int(rows["amount"][rows["instrument"] == instrument].sum()) == 0
    # longs are shorts, with the provider, in every derivative
    lots = np.bincount(
        book.leg_market, state.quantity * book.count[book.leg_account], len(opening.markets)
    ).astype(np.int64)
    derivative = state.markets["kind"] != codes.SPOT
    assert (lots + state.markets["provider_lots"])[derivative].tolist() == [0] * int(derivative.sum())
    # cash and lots are those of the opening and the ledger
    mine = ledger[ledger["entity"] == codes.ACCOUNT]
    money = mine[mine["instrument"] == codes.MONEY]
    change = np.zeros(len(book.count), dtype=np.int64)
    np.add.at(change, money["id"], money["amount"])
    assert ((state.cash - opening.cash) * book.count).tolist() == change.tolist()
    for k in range(len(book.leg_market)):
        of_leg = (mine["id"] == book.leg_account[k]) & (mine["instrument"] == book.leg_market[k])
        moved = (state.quantity[k] - opening.quantity[k]) * book.count[book.leg_account[k]]
        assert int(mine["amount"][of_leg].sum()) == moved


@pytest.mark.parametrize("seed", range(WORLDS))
def test_hedgers_of_random_worlds_moved_their_exposure_by_what_they_traded_or_lost(seed: int) -> None:
    world = option_world(seed)
    prepared = world.model.prepare(world.net, world.policies)
    run = prepared.run(world.shock, seed)
    state, quantum = prepared.simulate(world.shock, seed), 1.0 / prepared.opening.units.scale
    happened = run.events.groupby("kind")["money"].sum()
    rounding = quantum * len(run.events)
    for metric, kind in (("delta_hedged_notional", "delta_hedge"), ("model_closed_notional", "model_close")):
        assert run.metrics[metric] == pytest.approx(happened.get(kind, 0.0), rel=1e-12, abs=rounding)
    rows = state.strategies[state.strategies["kind"] == codes.DELTA_HEDGE]
    market_names = np.array(prepared.opening.names.markets)
    trades = run.events[run.events["kind"].isin(["delta_hedge", "liquidation", "takeover", "adl"])]
    names = [name for name, kind in run.network.strategies["kind"].items() if kind == "hedge"]
    assert len(rows) == len(names) == 2
    first = opening_deltas(prepared, [int(row["book"]) for row in rows])
    for row, name, delta in zip(rows, names, first, strict=True):
        mine = (trades["node"] == name) & (trades["market"] == market_names[row["long_market"]])
        traded = trades[mine]["lots"].sum() * state.markets["lot"][row["long_market"]]
        assert row["exposure"] == pytest.approx(delta - traded / row["ratio"], abs=1e-6)
        if row["long_holding"] >= 0:
            assert state.holding[row["long_holding"]] >= 0


def opening_deltas(prepared: Prepared, books: list[int]) -> list[float]:
    """Units of delta of accounts at the opening, from the tables."""
    net = prepared.opened
    found = []
    for book in books:
        total = 0.0
        name = prepared.opening.names.accounts[book]
        row: Any
        for row in net.positions[net.positions["account"] == name].itertuples():
            market = net.markets.loc[row.market]
            if market["asset"] != "AAA":
                continue
            sides = black_scholes(
                market["option_side"],
                100.0,
                market["strike"],
                market["expiry"] / (365.0 * 86_400.0),
                market["implied_volatility"],
            )
            lot = prepared.opening.markets["lot"][prepared.opening.names.markets.index(row.market)]
            total += float(sides.delta) * round(row.quantity / lot) * lot
        found.append(total)
    return found


@pytest.mark.parametrize("seed", range(WORLDS))
def test_drivers_agree_on_worlds_with_options(seed: int) -> None:
    world = option_world(seed)
    prepared = world.model.prepare(world.net, world.policies)
    compiled = prepared.simulate(world.shock, seed=seed)
    assert_identical(compiled, prepared.simulate(world.shock, seed=seed, look="python"), seed)
    assert_identical(compiled, prepared.simulate(world.shock, seed=seed, look="numpy"), seed)


def test_everything_options_do_happens_in_some_world() -> None:
    seen: set[int] = set()
    for seed in range(WORLDS):
        world = option_world(seed)
        state = world.model.prepare(world.net, world.policies).simulate(world.shock, seed)
        seen |= set(state.events["kind"][: int(state.clock["n_events"][0])].tolist())
    wanted = {codes.EVENT_DELTA_HEDGE, codes.EVENT_MODEL_CLOSE, codes.EVENT_EXPIRY}
    assert wanted <= seen
