"""Portfolios of options, futures and perpetuals in random worlds: ledger, drivers, requirement, what happens."""

from __future__ import annotations

import numpy as np
import pytest

from contagion.margin import scan_margin
from contagion.markets import risk_array
from contagion.network.scans import venue_scenarios
from contagion.propagation.cascade import codes
from contagion.propagation.cascade.layout import State
from contagion.propagation.cascade.model import Prepared
from tests.portfolio_worlds import VENUE, portfolio_world
from tests.propagation.cascade.test_drivers import assert_identical

WORLDS = 12
YEAR = 365 * 86_400.0


def played(seed: int) -> tuple[Prepared, State]:
    """The world and its final state."""
    world = portfolio_world(seed)
    prepared = world.model.prepare(world.net, world.policies)
    return prepared, prepared.simulate(world.shock, seed)


@pytest.mark.parametrize("seed", range(WORLDS))
def test_drivers_agree_on_worlds_with_portfolios(seed: int) -> None:
    world = portfolio_world(seed)
    prepared, compiled = played(seed)
    assert_identical(compiled, prepared.simulate(world.shock, seed=seed, look="python"), seed)
    assert_identical(compiled, prepared.simulate(world.shock, seed=seed, look="numpy"), seed)


@pytest.mark.parametrize("seed", range(WORLDS))
def test_money_and_lots_of_portfolios_balance_in_every_round(seed: int) -> None:
    prepared, state = played(seed)
    opening, book = prepared.opening, prepared.opening.book
    ledger = state.ledger[: int(state.clock["n_ledger"][0])]
    keys = ledger["round"].astype(np.int64) * 10_000 + ledger["instrument"]
    for key in np.unique(keys):
        assert int(ledger["amount"][keys == key].sum()) == 0
    lots = np.bincount(book.leg_market, state.quantity * book.count[book.leg_account], len(opening.markets))
    derivative = state.markets["kind"] != codes.SPOT
    assert (lots.astype(np.int64) + state.markets["provider_lots"])[derivative].tolist() == [
        0
    ] * derivative.sum()
    mine = ledger[(ledger["entity"] == codes.ACCOUNT) & (ledger["instrument"] == codes.MONEY)]
    change = np.zeros(len(book.count), dtype=np.int64)
    np.add.at(change, mine["id"], mine["amount"])
    assert ((state.cash - opening.cash) * book.count).tolist() == change.tolist()


@pytest.mark.parametrize("seed", range(WORLDS))
def test_the_last_requirement_of_every_portfolio_is_that_of_the_pure_functions(seed: int) -> None:
    prepared, state = played(seed)
    net, book, markets = prepared.opened, prepared.opening.book, state.markets
    v = net.venues.index.get_loc(VENUE)
    scenarios, minimum = venue_scenarios(net, int(v)), float(net.venues.loc[VENUE, "short_minimum"])
    held = before_last_round(prepared, state)
    at, quantum = (
        (int(state.clock["round"][0]) - 1) * float(state.clock["step"][0]),
        state.clock["quantum"][0],
    )
    for i in np.flatnonzero(book.scanned & ~book.exempt & (np.diff(book.hold_indptr) == 0)):
        legs = [k for k in range(book.indptr[i], book.indptr[i + 1]) if held[k] != 0.0]
        if book.venue[i] != v or not legs:
            continue
        profits, units, least = [], [], []
        for k in legs:
            row = markets[book.leg_market[k]]
            option = row["kind"] == codes.OPTION
            found = risk_array(
                [{1.0: "call", -1.0: "put", 0.0: "linear"}[float(row["call"])]],
                row["index"] if option else row["mark"],
                row["strike"] or 1.0,
                (row["expiry"] - at) / YEAR if option else 0.0,
                row["implied_now"],
                scenarios=scenarios,
                rate=row["carry"],
            )
            profits.append(found[0])
            units.append(held[k] * row["lot"])
            least.append(minimum * row["index"] * float(option))
        margin = scan_margin(units, profits, ["X"] * len(legs), short_minimum=least).margin
        times = max(float(markets[book.leg_market[k]]["multiplier"]) for k in legs)
        asked, gross = float(margin) * times / quantum, sum(abs(u) * markets["index"].max() for u in units)
        assert state.requirement[i] == pytest.approx(asked, rel=1e-9, abs=1e-9 * gross / quantum)


def before_last_round(prepared: Prepared, state: State) -> np.ndarray:
    """Lots by leg when accounts were last looked at: those at the end, less what was posted in the last round.

    Expiries of that round come before the look.
    """
    book, ledger = prepared.opening.book, state.ledger[: int(state.clock["n_ledger"][0])]
    held = state.quantity.copy()
    last = ledger[(ledger["round"] == int(state.clock["round"][0]) - 1) & (ledger["entity"] == codes.ACCOUNT)]
    for row in last[last["kind"] != codes.BY_EXPIRY]:
        for k in range(book.indptr[row["id"]], book.indptr[row["id"] + 1]):
            if book.leg_market[k] == row["instrument"]:
                held[k] -= row["amount"] / book.count[row["id"]]
    return held


def test_everything_portfolios_do_happens_in_some_world() -> None:
    seen: set[int] = set()
    for seed in range(WORLDS):
        prepared, state = played(seed)
        events = state.events[: int(state.clock["n_events"][0])]
        at_venue = events["venue"] == prepared.opened.venues.index.get_loc(VENUE)
        seen |= set(events["kind"][at_venue].tolist())
    wanted = {codes.EVENT_LIQUIDATION, codes.EVENT_CALL, codes.EVENT_TOP_UP, codes.EVENT_REACTION}
    assert {codes.EVENT_EXPIRY, codes.EVENT_ADL, *wanted} <= seen
