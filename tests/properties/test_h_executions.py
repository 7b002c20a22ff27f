"""Invariant H1: what the metrics say of forced fills follows from the table of forced fills."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from contagion.measures.executions import weighted_quantiles
from contagion.propagation.cascade import codes
from contagion.propagation.cascade.executions import liquidations_table
from contagion.propagation.cascade.outcome import METRICS
from tests.properties.replay import Played, played, seeds


def fills_of(it: Played) -> pd.DataFrame:
    """The table of forced fills of a world."""
    return liquidations_table(it.prepared.opening, it.state)


@given(seeds)
def test_h1_basis_fill_and_coverage_of_a_run_are_those_of_its_fills(seed: int) -> None:
    it = played(seed)
    fills, counters = fills_of(it), it.state.counters
    metrics = dict(zip(METRICS, it.prepared.measured(it.world.shock, it.state), strict=True))
    quantum = 1.0 / it.prepared.opening.units.scale
    assert fills["notional"].sum() == pytest.approx(counters[codes.FILLED] * quantum, rel=1e-12)
    if not len(fills):
        assert np.isnan(metrics["liquidation_basis_mean"])
        return
    mean = (fills["liquidation_basis"] * fills["notional"]).sum() / fills["notional"].sum()
    assert mean == pytest.approx(metrics["liquidation_basis_mean"], rel=1e-12, abs=1e-15)
    assert fills["liquidation_basis"].max() <= metrics["liquidation_basis_worst"] + 1e-15
    closed = fills.dropna(subset="coverage").drop_duplicates(["account", "round"])
    names = pd.Index(it.prepared.opening.names.accounts)
    count = it.prepared.opening.book.count[names.get_indexer(pd.Index(closed["account"]))]
    if len(closed):
        coverage = (closed["coverage"] * count).sum() / count.sum()
        assert coverage == pytest.approx(metrics["coverage_mean"], rel=1e-12)
    else:
        assert np.isnan(metrics["coverage_mean"])


@given(seeds)
def test_h2_every_fill_is_an_event_and_its_columns_fit_together(seed: int) -> None:
    it = played(seed)
    fills = fills_of(it)
    events = it.state.events[fills["event"].to_numpy()]
    assert set(fills["kind"]) <= {"liquidation", "takeover", "auction"}
    np.testing.assert_array_equal(fills["round"], events["round"])
    plain = fills[(fills["kind"] != "auction") & ~fills["venue"].isin(_lenders(it))]
    side = np.where(plain["side"] == "long", 1.0, -1.0)
    basis = side * (plain["trigger_mark"] - plain["execution"]) / plain["trigger_mark"]
    np.testing.assert_allclose(plain["liquidation_basis"], basis, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(plain["notional"], plain["quantity"] * plain["mark"], rtol=1e-12)
    assert ((fills["fill_rate"] > 0.0) & (fills["fill_rate"] <= 1.0 + 1e-12)).all()
    assert (fills["delay"] >= 0.0).all()
    assert (fills["bankruptcy_price"] >= 0.0).all()


@given(seeds)
def test_h3_the_trigger_is_the_price_that_measured_health_when_the_account_fell_below(seed: int) -> None:
    it = played(seed)
    book, names, state = it.prepared.opening.book, it.prepared.opening.names, it.state
    legs = set(zip(book.leg_account.tolist(), book.leg_market.tolist(), strict=True))
    coins = {
        (i, int(state.slots["market"][s])): s
        for i, s in zip(book.hold_account.tolist(), book.hold_slot.tolist(), strict=True)
    }
    times = state.rounds["time"][: it.n_rounds]
    for fill in fills_of(it).to_dict("records"):
        i, m = names.accounts.index(fill["account"]), names.markets.index(fill["market"])
        at = int(np.searchsorted(times, fill["time"] - fill["delay"]))
        expected = state.history["mark"][at, m] if (i, m) in legs else state.slot_history[at, coins[i, m], 0]
        assert fill["trigger_mark"] == expected


@given(seeds)
def test_h4_the_time_to_close_lasts_from_the_trigger_to_the_end_of_the_round_that_closes(seed: int) -> None:
    it = played(seed)
    fills, book = fills_of(it), it.prepared.opening.book
    closing = fills.dropna(subset="time_to_close")
    step = float(it.state.clock["step"][0])
    np.testing.assert_allclose(closing["time_to_close"], closing["delay"] + step, rtol=1e-12)
    assert fills.loc[fills["coverage"].notna(), "time_to_close"].notna().all()
    once = closing.drop_duplicates(["account", "round"]).set_index("account")["time_to_close"]
    assert once.index.is_unique
    waits = pd.Series(it.state.closing_time, list(it.prepared.opening.names.accounts)).dropna()
    # who owes without collateral is closed without a fill
    assert set(once.index) <= set(waits.index) and (waits[once.index] == once).all()
    metrics = dict(zip(METRICS, it.prepared.measured(it.world.shock, it.state), strict=True))
    if len(once) and len(once) == len(waits):
        count = pd.Series(book.count, list(it.prepared.opening.names.accounts))[once.index]
        found = weighted_quantiles(once, count, [0.5, 0.95])
        assert [metrics["time_to_close_median"], metrics["time_to_close_95"]] == found.tolist()


def _lenders(it: Played) -> set[str]:
    """Venues whose liquidations may trade both sides of a loan."""
    nodes = it.prepared.network.nodes
    return set(nodes.index[nodes["kind"] == "protocol"])
