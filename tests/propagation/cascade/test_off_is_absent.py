"""Every mechanism that can be switched off: off is its absence, bit for bit, in three random worlds.

The plain world has none of the columns below; each case sets one of them everywhere, to its default or to a value that
says nothing while the mechanism it belongs to is off. A column that joins the schema is a case by itself.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

import contagion as ct
from contagion.errors import PolicyError
from contagion.network.schema import TABLES
from contagion.propagation.cascade.layout import State
from tests.propagation.cascade.test_drivers import assert_same
from tests.worlds import random_world

WORLDS = (2, 32, 57)  # without pools, futures and issuers
BASIC = {
    "nodes": "kind cash external_assets external_liabilities owner",
    "assets": "kind price volatility",
    "holdings": "quantity",
    "markets": "quote settle kind schedule lot volume volatility impact impact_coefficient permanent_share "
    "impact_half_life depth_floor capital_exponent volatility_exponent",
    "accounts": "mode count reaction response",
    "balances": "quantity",
    "positions": "quantity entry_price",
    "strategies": "kind long_account spot_node short_account ratio capital rate unwind",
    "venues": "insurance_fund procedure target min_clip fee fee_to_fund fee_to_keeper fee_burned adl_trigger "
    "adl_rank residual mark mark_weight throughput customer_share call_ratio call_target call_delay",
    "tiers": "cap",
}
"""Optional columns that every world has."""
PLAIN_WORDS = {
    ("venues", "procedure"): ("close_out", "partial", "ladder"),
    ("venues", "adl_trigger"): ("", "fund"),
    ("venues", "adl_rank"): ("bitmex", "contract_pro_rata"),
    ("venues", "mark"): ("weighted", "last", "index"),
    ("accounts", "reaction"): ("top_up", "none"),
}
"""Words without further parameters; the first one takes the place of all others."""

DEFAULTS = [
    (table.name, column.name, column.default)
    for table in TABLES.values()
    for column in table.columns
    if not column.required
    and column.name not in BASIC.get(table.name, "").split()
    and table.name != "collateral"
]
IDLE: list[tuple[str, str, Any]] = [
    ("obligations", "callable", True),  # nobody recalls
    ("obligations", "notice", 90.0),  # nothing is callable
    ("venues", "mid_weight", 3.0),  # no median of marks
    ("venues", "funding_rule", "hyperliquid"),  # no funding
    ("venues", "funding_interest", 0.01),
    ("venues", "funding_clamp", 0.01),
    ("venues", "oracle", "local"),  # no coins as collateral
    ("venues", "oracle_lag", 120.0),
    ("venues", "oracle_threshold", 0.1),
    ("venues", "oracle_heartbeat", 60.0),
    ("venues", "assessment", 2.0),  # no members
    ("venues", "reserve_ratio", 0.1),  # no withdrawals
    ("venues", "illiquid_discount", 0.5),
]
REFUSED: list[tuple[str, Any]] = [
    ("block_capacity", 1.0),  # no blocks
    ("close_factor", 0.25),  # no loans
    ("full_close_health_factor", 0.95),
    ("small_position", 10.0),
    ("min_leftover", 10.0),
    ("protocol_fee", 0.1),
    ("write_off", False),
    ("min_profit", 5.0),
    ("gas_price", 300.0),  # no gas
    ("auction_buffer", 1.1),  # no auctions
    ("auction_cut", 0.9),
    ("auction_step", 60.0),
    ("auction_tail", 600.0),
    ("auction_cusp", 0.5),
    ("auction_penalty", 0.5),
    ("first_clip", 0.5),  # no such procedure
    ("large_position", 1.0),
    ("clip_wait", 300.0),
    ("scan_range", 0.5),  # no scan
    ("scan_initial", 2.0),
    ("scan_volatility_up", 1.0),
    ("scan_volatility_down", 0.5),
    ("scan_extreme", 0.9),
    ("scan_extreme_share", 0.9),
    ("short_minimum", 0.5),
    ("model_penalty", 0.5),
    ("chain", "mainnet"),  # no blocks
    ("backstop_share", 0.5),
    ("step_size", 1.0),
    ("bankruptcy_adjustment", 2.0),
    ("spread_to_maintenance", 0.5),
    ("adl_ratio", 0.9),  # no such trigger
    ("adl_window", 60.0),
    ("funding_cap", 0.5),  # no such rule of funding
]
"""Columns of `venues` that no row of a plain world reads."""


def plain_tables(net: ct.Network) -> dict[str, pd.DataFrame]:
    """The tables of a network without any of the columns, rows and words of what can be switched off."""
    tables = {
        name: table.reset_index() if table.index.name else table.copy() for name, table in net.tables.items()
    }
    for table, column, _ in DEFAULTS:
        tables[table] = tables[table].drop(columns=column)
    for (table, column), words in PLAIN_WORDS.items():
        known = tables[table][column].isin(words)
        tables[table][column] = tables[table][column].where(known, words[0])
    tables["strategies"] = tables["strategies"][tables["strategies"]["kind"].isin(["basis", "arbitrage"])]
    tables["balances"] = tables["balances"][tables["balances"]["asset"] == net.unit]
    del tables["collateral"]
    return tables


@cache
def plain(world: int) -> tuple[dict[str, pd.DataFrame], State]:
    """A plain world and its run."""
    tables = plain_tables(random_world(world).net)
    return tables, run(ct.Network(**tables), world)


def run(net: ct.Network, world: int) -> State:
    """The world's network under a fall of all prices."""
    shock = ct.PriceShock({"AAA": -0.3, "BBB": -0.4}, over=600.0)
    prepared = ct.Cascade(step=60.0, horizon=1800.0).prepare(net)
    state = prepared.simulate(shock, seed=world)
    assert np.isfinite(prepared.measured(shock, state)[0])
    return state


@pytest.mark.parametrize(("table", "column", "value"), [*DEFAULTS, *IDLE])
def test_a_mechanism_that_is_off_is_absent(table: str, column: str, value: Any) -> None:
    for world in WORLDS:
        tables, expected = plain(world)
        net = ct.Network(**tables | {table: tables[table].assign(**{column: value})})
        assert_same(expected, run(net, world), world)


@pytest.mark.parametrize(("column", "value"), REFUSED)
def test_what_is_left_unread_by_the_row_is_refused(column: str, value: Any) -> None:
    tables, _ = plain(WORLDS[0])
    with pytest.raises(PolicyError, match=f"column {column}.* is not read"):
        ct.Network(**tables | {"venues": tables["venues"].assign(**{column: value})})


@pytest.mark.parametrize("world", WORLDS)
def test_the_plain_worlds_are_lively(world: int) -> None:
    tables, state = plain(world)
    assert all(len(tables[name]) for name in {table for table, _, _ in DEFAULTS} - {"collateral"})
    assert state.clock["n_events"][0] > 10


@pytest.mark.parametrize("world", WORLDS)
def test_without_coins_a_table_of_collateral_changes_nothing(world: int) -> None:
    tables, expected = plain(world)
    venues = tables["venues"]["name"]
    rows = [{"venue": venue, "asset": asset, "weight": 0.5} for venue in venues for asset in ("AAA", "BBB")]
    assert_same(expected, run(ct.Network(**tables, collateral=rows), world), world)


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("reaction", ["deleverage", "hedge"])
def test_owners_who_never_answer_do_not_react(world: int, reaction: str) -> None:
    """Hedges need empty legs of their own: only what happens is compared."""
    tables, _ = plain(world)
    silent = tables["accounts"].assign(response=0.0)
    trades = silent["name"].isin(tables["positions"]["account"]) & (silent["reaction"] != "none")
    other = silent.assign(reaction=silent["reaction"].where(~trades, reaction))
    one, two = (run(ct.Network(**tables | {"accounts": rows}), world) for rows in (silent, other))
    for name in ("cash", "node_cash", "rounds", "history", "events", "ledger", "counters"):
        assert getattr(one, name).tobytes() == getattr(two, name).tobytes(), name
