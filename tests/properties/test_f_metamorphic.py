"""Invariants F1 to F6: what must not matter does not matter, bit for bit."""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import contagion as ct
from contagion.network.unread import without_unread
from contagion.propagation.cascade import codes
from contagion.propagation.cascade.layout import State
from contagion.propagation.cascade.model import Prepared
from contagion.propagation.cascade.units import measure_lots
from contagion.shocks import Shock
from contagion.shocks.base import Shocks
from tests.propagation.cascade.test_drivers import assert_same
from tests.properties.replay import played, seeds
from tests.worlds import RandomWorld, random_world

COINS = ("AAA", "BBB")
MONEY = {
    "nodes": ("cash", "external_assets", "external_liabilities"),
    "obligations": ("amount",),
    "balances": ("quantity",),
    "positions": ("entry_price",),
    "venues": (
        "insurance_fund",
        "throughput",
        "large_position",
        "step_size",
        "own_capital",
        "default_fund",
        "replenish",
        "small_position",
        "min_leftover",
        "min_profit",
    ),
    "markets": ("volume", "strike"),
    "schedules": ("open_interest_lower", "open_interest_upper"),
    "depth": ("amount",),
    "tiers": ("floor", "cap"),
    "strategies": ("capital",),
}


def simulate(it: RandomWorld, net: ct.Network, seed: int) -> State:
    """The world's own shock and policies on another network, records cut to what happened."""
    state = it.model.prepare(net, it.policies).simulate(it.shock, seed=seed)
    n_events, n_ledger = int(state.clock["n_events"][0]), int(state.clock["n_ledger"][0])
    return state._replace(events=state.events[:n_events], ledger=state.ledger[:n_ledger])


def attacked(shock: Shock, change: Callable[[ct.Attack], ct.Attack]) -> Shock:
    """The shock with every attack in it changed."""
    parts = shock.parts if isinstance(shock, Shocks) else (shock,)
    changed = [change(part) if isinstance(part, ct.Attack) else part for part in parts]
    return sum(changed[1:], changed[0])


def keyed(frame: pd.DataFrame) -> pd.DataFrame:
    """A table with its key as a column."""
    return frame.reset_index() if frame.index.name else frame.reset_index(drop=True)


@cache
def calm_market(seed: int) -> Prepared:
    """A generated network on which nothing should happen without a shock."""
    return ct.Cascade(step=60.0, horizon=1800.0).prepare(ct.generate.perp_market(n_accounts=300, seed=seed))


@pytest.mark.parametrize("seed", range(3))
def test_f1_zero_shock_on_a_calm_network_makes_no_event_and_leaves_the_network(seed: int) -> None:
    prepared = calm_market(seed)
    fingerprint = prepared.network.fingerprint
    coins = prepared.network.assets.index[prepared.network.assets["kind"] != "currency"]
    state = prepared.simulate(ct.PriceShock(dict.fromkeys(coins, 0.0)))
    assert state.clock["n_events"][0] == state.clock["n_ledger"][0] == 0
    opening = prepared.opening
    assert np.array_equal(state.quantity, opening.quantity)
    assert np.array_equal(state.cash, opening.cash)
    assert np.array_equal(state.node_cash, opening.node_cash)
    assert np.array_equal(state.markets["last"], opening.markets["opening"])
    assert prepared.network.fingerprint == fingerprint


@given(seeds, st.integers(0, 2**31))
def test_f2_permuting_the_rows_of_every_table_changes_no_bit(seed: int, order: int) -> None:
    it = played(seed)
    net = it.world.net
    shuffled = net.replace(
        **{
            name: keyed(table).sample(frac=1.0, random_state=(order + place) % 2**31)
            for place, (name, table) in enumerate(net.tables.items())
            if len(table) > 1
        }
    )
    assert shuffled.fingerprint == net.fingerprint
    assert_same(it.state, simulate(it.world, shuffled, seed), seed)


@given(seeds)
def test_f2_new_names_of_markets_that_sort_alike_give_the_same_relabelled(seed: int) -> None:
    it = played(seed)
    net = it.world.net
    # accounts that are split are named after their markets, and answer calls by their names
    assume(not any(isinstance(policy, ct.policies.CrossOrIsolated) for policy in it.world.policies))

    def rename(names: pd.Series) -> pd.Series:
        return names.where(names == "", "m." + names.astype(str))

    markets, depth, positions = keyed(net.markets), net.depth.copy(), net.positions.copy()
    markets["name"] = rename(markets["name"])
    depth["market"], positions["market"] = rename(depth["market"]), rename(positions["market"])
    strategies = keyed(net.strategies)
    for column in ("long_market", "short_market"):
        strategies[column] = rename(strategies[column])
    markets["hedge_market"] = rename(markets["hedge_market"])
    changed = net.replace(markets=markets, depth=depth, positions=positions, strategies=strategies)

    def elsewhere(attack: ct.Attack) -> ct.Attack:
        return replace(attack, markets=attack.markets and ["m." + name for name in attack.markets])

    renamed = replace(it.world, shock=attacked(it.world.shock, elsewhere))
    again = simulate(renamed, changed, seed)
    assert_same(it.state, again, seed)


def scaled(net: ct.Network, factor: float) -> ct.Network:
    """All money of a network times `factor`."""
    changed = {}
    for name, columns in MONEY.items():
        table: pd.DataFrame = getattr(net, name)
        factors = np.where(table["asset"] == "USD", factor, 1.0) if name == "balances" else factor
        changed[name] = table.assign(**{column: table[column] * factors for column in columns})
    gas = changed["venues"]["gas_price"]
    in_unit = changed["venues"]["gas_asset"] == "USD"
    priced = changed["venues"].assign(gas_price=gas.where(~in_unit, gas * factor))
    changed["venues"] = without_unread(priced, np.ones(len(priced), dtype=np.bool_))
    coins = net.assets["kind"] != "currency"
    changed["assets"] = net.assets.assign(
        price=net.assets["price"].where(~coins, net.assets["price"] * factor)
    )
    return net.replace(**changed)


def costlier(shock: Shock, factor: float) -> Shock:
    """All money of a shock times `factor`: what attackers spend, and what they hold."""

    def scaled_attack(attack: ct.Attack) -> ct.Attack:
        assert isinstance(attack.position, float)
        return replace(attack, budget=attack.budget * factor, position=attack.position * factor)

    return attacked(shock, scaled_attack)


@given(seeds, st.integers(1, 9))
def test_f3_money_times_a_power_of_two_gives_the_same_bits_once_the_quantum_scales_too(
    seed: int, power: int
) -> None:
    it = random_world(seed)
    large = scaled(it.net, 2.0**20)  # here the quantum is a share of gross money, no longer 2^-20
    large = large.replace(markets=large.markets.assign(lot=measure_lots(large)[0]))  # else lots follow prices
    shock = costlier(it.shock, 2.0**20)
    one = it.model.prepare(large).simulate(shock, seed=seed)
    other = it.model.prepare(scaled(large, 2.0**power)).simulate(costlier(shock, 2.0**power), seed=seed)
    for name in (
        "quantity",
        "cash",
        "node_cash",
        "holding",
        "first_trigger",
        "closed_at",
        "calls",
        "deficit",
    ):
        assert np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True), name
    assert np.array_equal(one.history["last"] * 2.0**power, other.history["last"])
    assert np.array_equal(one.history["displacement"], other.history["displacement"])


@given(seeds)
def test_f3_another_name_of_the_currency_changes_no_bit(seed: int) -> None:
    it = played(seed)
    tables = {name: keyed(table).replace({"USD": "EUR"}) for name, table in it.world.net.tables.items()}
    renamed = ct.Network(**tables, unit="EUR")
    after = simulate(it.world, renamed, seed)
    one, other = (list(net.assets.index) for net in (it.world.net, renamed))
    place = np.array([one.index({"EUR": "USD"}.get(name, name)) for name in other])
    tokens = after.events["kind"] == codes.EVENT_ISSUER  # the one kind that tells an asset, not a market
    events = after.events.copy()
    events["traded"][tokens] = place[events["traded"][tokens]]
    assert_same_money(it.state, after._replace(events=events))


def assert_same_money(one: State, other: State) -> None:
    """The same cash, lots and prices; assets may stand in another order."""
    for name in ("quantity", "cash", "node_cash", "holding", "remaining", "history", "rounds", "events"):
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes(), name


@given(seeds)
def test_f5_save_load_run_is_run(seed: int) -> None:
    it = played(seed)
    with tempfile.TemporaryDirectory() as folder:
        it.world.net.save(Path(folder) / "net")
        again = ct.Network.read(Path(folder) / "net")
    assert again.fingerprint == it.world.net.fingerprint
    assert_same(it.state, simulate(it.world, again, seed), seed)


@given(seeds, st.lists(st.integers(0, 40), min_size=1, max_size=5, unique=True))
def test_f6_a_subset_of_scenarios_in_any_order_gives_the_rows_of_the_full_run(
    seed: int, chosen: list[int]
) -> None:
    it = played(seed)
    fresh = it.prepared.under(it.world.policies)
    full = {number: fresh.metrics(it.world.shock, 5, number) for number in sorted(chosen)}
    for number in chosen:
        again = it.prepared.metrics(it.world.shock, 5, number)
        assert np.array_equal(again, full[number], equal_nan=True)
        recorded = it.prepared.simulate(it.world.shock, 5, number)
        assert np.array_equal(it.prepared.measured(it.world.shock, recorded), again, equal_nan=True)
