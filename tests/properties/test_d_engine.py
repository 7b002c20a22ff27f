"""D1, D2 and D8 on the engine: no impact no contagion, forced sales push down only, skipping changes no bit."""

from dataclasses import replace

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

import contagion as ct
from contagion.network.unread import without_unread
from contagion.propagation.cascade import codes
from contagion.propagation.cascade.state import allocate, reset
from contagion.streams import key64
from tests.propagation.cascade.test_drivers import assert_same
from tests.properties.replay import played, seeds
from tests.worlds import random_world


def without_impact(markets: pd.DataFrame) -> pd.DataFrame:
    """The markets with books (pools stay pools) that any order leaves where they are."""
    return markets.assign(
        impact_coefficient=0.0, impact=markets["impact"].where(markets["kind"] == "pool", "exponential")
    )


def without_issuers(net: ct.Network) -> pd.DataFrame:
    """The assets with tokens that nobody owes: their prices have no recovery rates, contagion of their own."""
    return net.assets.assign(issuer="", kind=net.assets["kind"].replace("pool_share", "token"))


@given(seeds)
def test_d1_without_impact_every_price_is_the_outside_price(seed: int) -> None:
    it = random_world(seed)
    net = it.net.replace(markets=without_impact(it.net.markets), assets=without_issuers(it.net))
    state = it.model.prepare(net, it.policies).simulate(it.shock, seed=seed)
    history, step = state.history, it.model.step
    live = (
        step * np.arange(len(history))[:, None] < state.markets["expiry"]
    )  # then it is paid at its venue's index
    assert np.array_equal(history["last"][live], history["outside"][live])
    assert not history["displacement"].any()


@given(seeds)
def test_d1_without_impact_no_liquidation_is_contagion(seed: int) -> None:
    it = random_world(seed)
    free = it.net.venues.assign(fee=0.0, adl_trigger="", protocol_fee=0.0, auction_penalty=0.0)
    net = it.net.replace(
        markets=without_impact(it.net.markets).assign(fee=0.0),
        assets=without_issuers(it.net),
        venues=without_unread(free, np.ones(len(free), dtype=np.bool_)),
    )
    state = it.model.prepare(net).simulate(it.shock, seed=seed)
    assert state.counters[codes.SLIPPAGE] == 0.0
    assert state.counters[codes.FORCED_COST] == 0.0


@given(seeds, st.floats(0.1, 0.6))
def test_d2_forced_sales_alone_and_no_recovery_never_raise_a_price(seed: int, fall: float) -> None:
    it = random_world(seed)
    longs = it.net.positions[it.net.positions["quantity"] > 0]
    coins = it.net.balances["asset"] != "USD"
    net = it.net.replace(
        positions=longs,
        venues=it.net.venues.assign(default_fund=0.0),  # without the shorts nobody may be left to share it
        balances=it.net.balances[~(coins & (it.net.balances["quantity"] < 0))],
        strategies=it.net.strategies.iloc[:0],
        accounts=it.net.accounts.assign(mode="cross", reaction="none"),  # nobody hedges
        markets=it.net.markets.assign(permanent_share=1.0),
        assets=without_issuers(it.net),
        rest_of_market="add",
    )
    shock = ct.PriceShock(dict.fromkeys(("AAA", "BBB"), -fall), over=600.0)
    state = it.model.prepare(net).simulate(shock, seed=seed)
    last = state.history["last"][: int(state.clock["round"][0])]
    forever = np.isinf(state.markets["expiry"])  # a future converges to its index, from below too
    assert (np.diff(last[:, forever], axis=0) <= 0.0).all()
    assert (last > 0.0).all()


@given(seeds)
def test_d8_skipping_accounts_by_their_clocks_changes_no_bit(seed: int) -> None:
    it = played(seed)
    prepared = it.prepared
    assert prepared.settings.skip
    arrays, key = prepared.shock_arrays(it.world.shock), key64(seed, "calls", 0)
    dense = allocate(
        prepared.opening,
        prepared.rows,
        prepared.covered,
        prepared.n_rows,
        len(it.state.events),
        len(it.state.ledger),
    )
    dense = reset(dense, prepared.opening, replace(prepared.settings, skip=False), arrays, key, True)
    assert_same(it.state, prepared.drive(dense), seed)
