"""Marks, indices and oracles of a run against the pure functions of their rules, round by round."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest

import contagion as ct
from contagion.markets.index import ema_time_weighted, index_price_weighted, weighted_median
from contagion.markets.marks import mark_price_median_binance, mark_price_median_hyperliquid
from contagion.network.unread import without_unread
from contagion.propagation.cascade.codes import MARKS, PERP
from contagion.propagation.cascade.layout import State
from contagion.propagation.cascade.model import Prepared
from contagion.propagation.cascade.static import timeless
from tests.worlds import random_net, random_world

SEEDS = (0, 1, 3, 5, 7, 8, 10)
CLOSE = 1e-12


@cache
def run(seed: int, step: float = 20.0) -> tuple[Prepared, State, int]:
    """A random world with rules of prices, in rounds short enough for averages over time; nobody fails."""
    it = random_world(seed)
    model = ct.Cascade(step=step, horizon=1200.0, clearing="none")
    prepared = model.prepare(it.net)
    shock = ct.PriceShock({"AAA": -0.3, "BBB": 0.1}, over=300.0)
    state = prepared.simulate(shock, seed=seed)
    return prepared, state, int(state.clock["round"][0])


def perps(state: State, rule: str) -> list[int]:
    """Perpetuals whose venue has a mark rule."""
    markets = state.markets
    return np.flatnonzero((markets["kind"] == PERP) & (markets["mark_rule"] == MARKS[rule])).tolist()


def test_the_worlds_have_every_rule() -> None:
    for rule in ("median_binance", "median_hyperliquid"):
        assert sum(len(perps(run(seed)[1], rule)) for seed in SEEDS) >= 4
    rules = [run(seed)[1].venues for seed in SEEDS]
    assert any((~np.isnan(rows["index_deviation"])).any() for rows in rules)
    assert any((rows["index_lag"] > 0).any() for rows in rules)
    assert any((rows["oracle"] == 1).any() for rows in rules)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_binance_mark_is_the_median_of_its_three_prices(seed: int) -> None:
    prepared, state, n = run(seed)
    history = state.history
    for m in perps(state, "median_binance"):
        interval = float(prepared.opening.markets["funding_interval"][m])
        for r in range(n):
            window = history[max(0, r) : r + 1, m]  # one sample of 20 s lies within 30 s
            basis = float((window["last"] - window["index"]).mean())
            if math.isfinite(interval):
                continue
            expected = mark_price_median_binance(
                history["index"][r, m],
                history["last"][r, m],
                basis,
                0.0,
                funding_rate=0.0,
                interval_hours=8.0,
            )
            assert history["mark"][r, m] == pytest.approx(expected.mark_price, rel=CLOSE)


def test_the_average_basis_runs_over_the_rounds_of_thirty_seconds() -> None:
    seen = 0
    for seed in (8, 10):
        prepared, state, n = run(seed, 10.0)
        history = state.history
        for m in perps(state, "median_binance"):
            if math.isfinite(prepared.opening.markets["funding_interval"][m]):
                continue
            for r in range(n):
                window = history[max(0, r - 2) : r + 1, m]
                basis = float((window["last"] - window["index"]).mean())
                index, last = history["index"][r, m], history["last"][r, m]
                expected = mark_price_median_binance(
                    index, last, basis, 0.0, funding_rate=0.0, interval_hours=8.0
                )
                assert history["mark"][r, m] == pytest.approx(expected.mark_price, rel=CLOSE)
                seen += history["mark"][r, m] not in (index, last)
    assert seen > 0


@pytest.mark.parametrize("seed", SEEDS)
def test_the_hyperliquid_mark_is_the_median_of_oracle_book_and_other_venues(seed: int) -> None:
    _, state, n = run(seed)
    history, markets, venues = state.history, state.markets, state.venues
    for m in perps(state, "median_hyperliquid"):
        others = [
            k
            for k in range(len(markets))
            if markets["kind"][k] == PERP
            and markets["asset"][k] == markets["asset"][m]
            and markets["venue"][k] != markets["venue"][m]
        ]
        weights = {str(k): float(venues["mid_weight"][markets["venue"][k]]) for k in others}
        for r in range(n):
            last, index = history["last"][: r + 1, m], history["index"][: r + 1, m]
            steps = np.full(r + 1, 20.0)
            mids = {str(k): history["last"][r, k] for k in others} if sum(weights.values()) else {}
            expected = mark_price_median_hyperliquid(
                index[-1],
                ema_time_weighted(last - index, steps, tau_s=150.0),
                last[-1],
                last[-1],
                last[-1],
                mids,
                weights=weights,
                local_ema=ema_time_weighted(last, steps, tau_s=30.0),
            )
            assert history["mark"][r, m] == pytest.approx(expected.mark_price, rel=CLOSE)
            if mids:
                assert expected.venue_median == weighted_median(mids, weights=weights)


def index_of(prepared: Prepared, state: State, a: int, deviation: float, r: int) -> float:
    """The index of an asset in a round, by the pure rule, from what the markets showed."""
    book, history = prepared.opening.book, state.history
    members = range(int(book.index_indptr[a]), int(book.index_indptr[a + 1]))
    found = {str(book.index_market[j]): history["last"][r, book.index_market[j]] for j in members}
    if not found:
        return float(state.outside[min(r, len(state.outside) - 1), a])
    depth = {str(m): history["depth"][r - 1, int(m)] if r else 1.0 for m in found}
    weights = {
        str(book.index_market[j]): book.index_weight[j] * depth[str(book.index_market[j])] for j in members
    }
    most = math.inf if math.isnan(deviation) else deviation
    return float(index_price_weighted(found, weights=weights, max_deviation=min(most, 1e9)).index_price)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_venue_reads_the_index_by_its_own_outlier_rule_and_late(seed: int) -> None:
    prepared, state, n = run(seed)
    for m in range(len(state.markets)):
        venue, a = state.venues[state.markets["venue"][m]], int(state.markets["asset"][m])
        late = math.ceil(float(venue["index_lag"]) / 20.0)
        for r in range(n):
            expected = index_of(prepared, state, a, float(venue["index_deviation"]), max(0, r - late))
            assert state.history["index"][r, m] == pytest.approx(expected, rel=CLOSE)


@pytest.mark.parametrize("seed", SEEDS)
def test_an_oracle_reports_late_and_only_what_moved_or_has_grown_old(seed: int) -> None:
    prepared, state, n = run(seed)
    for s, slot in enumerate(state.slots):
        venue, a = state.venues[slot["venue"]], int(slot["asset"])
        late = math.ceil(float(venue["oracle_lag"]) / 20.0)
        reported, when = math.nan, 0
        for r in range(n):
            at = max(0, r - late)
            if venue["oracle"] == 1:
                seen = float(state.history["last"][at, slot["local"]])
            else:
                at = max(0, at - math.ceil(float(venue["index_lag"]) / 20.0))
                seen = index_of(prepared, state, a, float(venue["index_deviation"]), at)
            old = (r - when) * 20.0 >= float(venue["oracle_heartbeat"])
            if r == 0 or old or abs(seen / reported - 1.0) >= float(venue["oracle_threshold"]):
                reported, when = seen, r
            assert state.slot_history[r, s, 0] == pytest.approx(reported, rel=CLOSE)


def two_venues(**rules: object) -> ct.Network:
    """Coins at a protocol with a pool of its own and a deep market elsewhere; one borrower there, a fund that sells."""
    return ct.Network(
        nodes=[
            {"name": "P", "kind": "protocol", "cash": 1e6},
            {"name": "E", "kind": "exchange", "cash": 1e6},
            {"name": "b", "kind": "trader"},
        ],
        assets=[
            {"name": "USD", "kind": "currency", "price": 1.0},
            {"name": "X", "kind": "coin", "price": 100.0},
        ],
        venues=[{"name": "P", **rules}, {"name": "E"}],
        markets=[
            {"name": "E-X", "venue": "E", "asset": "X", "kind": "spot"},
            {"name": "P-X", "venue": "P", "asset": "X", "kind": "pool", "impact": "constant_product"},
        ],
        depth=[
            {"market": m, "side": side, "band": 0.01, "amount": money}
            for m, money in (("E-X", 1e6), ("P-X", 1e5))
            for side in ("bid", "ask")
        ],
        collateral=[{"venue": "P", "asset": "X", "liquidation_threshold": 0.8}],
        accounts=[{"name": "b", "owner": "b", "venue": "P", "reaction": "none"}],
        balances=[
            {"account": "b", "asset": "X", "quantity": 10.0},
            {"account": "b", "asset": "USD", "quantity": -780.0},
        ],
    )


def test_an_oracle_that_is_late_liquidates_late() -> None:
    fall = ct.PriceShock({"X": -0.05}, over=0.0)
    for lag, first in ((0.0, 10.0), (25.0, 40.0)):
        run = ct.run(two_venues(oracle_lag=lag), fall, ct.Cascade(step=10.0, horizon=600.0))
        found = run.events[run.events["kind"] == "liquidation"]
        assert found["time"].iloc[0] == first


def test_an_oracle_does_not_report_less_than_its_threshold_until_it_has_grown_old() -> None:
    fall = ct.PriceShock({"X": -0.05}, over=0.0)
    model = ct.Cascade(step=10.0, horizon=600.0)
    run = ct.run(two_venues(oracle_threshold=0.06), fall, model)
    assert run.metrics["liquidated_accounts"] == 0.0
    run = ct.run(two_venues(oracle_threshold=0.05), fall, model)
    assert run.events.loc[run.events["kind"] == "liquidation", "time"].iloc[0] == 10.0


def test_a_false_oracle_liquidates_although_no_price_moved() -> None:
    model = ct.Cascade(step=10.0, horizon=600.0)
    for venue, closed in (("P", 1.0), ("E", 0.0)):
        run = ct.run(two_venues(), ct.OracleShock({"X": -0.05}, venue=venue), model)
        assert run.metrics["liquidated_accounts"] == closed
        assert run.markets.loc["E-X", "outside_price"] == 100.0
    local = ct.run(two_venues(oracle="local"), ct.OracleShock({"X": -0.05}, venue="P"), model)
    assert local.metrics["liquidated_accounts"] == 1.0


def test_a_local_oracle_needs_a_market_of_the_venue() -> None:
    net = two_venues(oracle="local")
    moved = net.replace(markets=net.markets.assign(venue="E"))
    with pytest.raises(
        ct.errors.NetworkError, match="oracle is 'local', but it has no spot market or pool of 'X'"
    ):
        ct.Cascade().prepare(moved)


def test_a_run_goes_on_until_slow_prices_have_arrived() -> None:
    fall = ct.PriceShock({"X": -0.05}, over=0.0)
    model = ct.Cascade(step=10.0, horizon=600.0)
    run = ct.run(two_venues(oracle_threshold=0.06, oracle_heartbeat=200.0), fall, model)
    assert run.events.loc[run.events["kind"] == "liquidation", "time"].iloc[0] == 200.0
    run = ct.run(two_venues(index_lag=300.0), fall, model)
    assert run.events.loc[run.events["kind"] == "liquidation", "time"].iloc[0] == 310.0


def test_rules_that_bind_nowhere_change_no_bit() -> None:
    rng = np.random.default_rng(4)
    net = random_net(rng, 24, *(np.random.default_rng(later) for later in (5, 0, 1)))
    loose = net.venues.assign(index_deviation=1.0, mid_weight=7.0, funding_clamp=1.0, oracle_heartbeat=30.0)
    neutral = net.replace(venues=without_unread(loose, np.ones(len(loose), dtype=np.bool_)))
    model, shock = (
        ct.Cascade(step=60.0, horizon=2400.0),
        ct.PriceShock({"AAA": -0.3, "BBB": -0.3}, over=600.0),
    )
    one, other = (model.prepare(each).simulate(shock, seed=1) for each in (net, neutral))
    for name in ("history", "ledger", "events", "counters", "cash"):
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes()


def test_the_timeless_limit_has_no_averages_no_lags_and_no_funding() -> None:
    opening = timeless(run(0)[0].opening)
    assert (opening.markets["mark_rule"] <= 2).all()
    assert np.isinf(opening.markets["funding_interval"]).all()
    for name in ("index_lag", "oracle_lag", "oracle_threshold"):
        assert not opening.venues[name].any()
