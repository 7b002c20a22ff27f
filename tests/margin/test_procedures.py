"""Each venue's procedure, row by row, exactly at its thresholds, for many accounts at once; refusals."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contagion import margin
from contagion.errors import InputError

TIERS = [
    {"floor": 0, "cap": 1000, "maintenance_rate": 0.0625},
    {"floor": 1000, "cap": 2000, "maintenance_rate": 0.125},
    {"floor": 2000, "cap": 4000, "maintenance_rate": 0.25},
    {"floor": 4000, "cap": None, "maintenance_rate": 0.5},
]
FLAT = [{"floor": 0, "cap": None, "maintenance_rate": 0.03125}]


def act(venue, size, mark, equity, tiers=TIERS, since=None):
    found = margin.liquidation_procedure(
        1, size, mark, equity, venue=venue, tiers=tiers, seconds_since_partial=since
    )
    return str(found.action), float(found.close_size)


def by_hand(venue, size, mark, equity, required, tier, tiers, since):
    notional = size * mark
    if size == 0:
        return "none", 0.0
    if venue == "hyperliquid":
        if equity >= required:
            return "none", 0.0
        if equity < 0:
            return "adl", size
        if equity < required * 2 / 3:
            return "backstop", size
        if notional <= 100_000:
            return "market", size
        if since is None:
            return "market", 0.2 * size
        return ("wait", 0.0) if since < 30 else ("market", size)
    if equity > required:
        return "none", 0.0
    down = 2 if venue == "okx" else 1
    ruined = equity < tiers[0]["maintenance_rate"] * notional if venue == "okx" else equity <= 0
    if tier <= down or ruined:
        return "takeover", size
    return "partial", (notional - tiers[tier - 1 - down]["cap"]) / mark


venues = st.sampled_from(["hyperliquid", "bybit", "binance", "okx"])
accounts = st.tuples(
    st.integers(0, 500).map(lambda n: n / 4),
    st.sampled_from([1.0, 8.0, 64.0, 4096.0]),
    st.integers(-8, 520).map(lambda n: n / 1024),
    st.sampled_from([None, 0.0, 29.999, 30.0, 100.0]),
)


@given(venues, st.lists(accounts, min_size=1, max_size=8))
def test_many_accounts_take_the_first_row_that_fits_each(venue, rows):
    size, mark, share, _ = np.array(rows, dtype=float).T
    equity, since = share * size * mark, [row[3] for row in rows]
    found = margin.liquidation_procedure(
        1, size, mark, equity, venue=venue, tiers=TIERS, seconds_since_partial=since
    )
    required = margin.maintenance_margin(size * mark, TIERS)
    assert np.array_equal(found.maintenance_margin, required.maintenance_margin)
    assert np.array_equal(found.tier, required.tier)
    for k in range(len(rows)):
        wanted = by_hand(
            venue, size[k], mark[k], equity[k], found.maintenance_margin[k], found.tier[k], TIERS, since[k]
        )
        assert (found.action[k], found.close_size[k]) == wanted


@given(st.sampled_from(["bybit", "binance", "okx"]), st.integers(1, 300), st.integers(1, 64))
def test_a_partial_close_ends_exactly_at_the_cap_of_the_lower_tier(venue, size, mark):
    required = float(margin.maintenance_margin(size * mark, TIERS).maintenance_margin)
    found = margin.liquidation_procedure(-1, size, mark, required, venue=venue, tiers=TIERS)
    if found.action == "partial":
        left = (size - found.close_size) * mark
        steps = 2 if venue == "okx" else 1
        assert left == pytest.approx(TIERS[found.tier - 1 - steps]["cap"], rel=1e-12)
        assert 0 < found.close_size < size


def test_exactly_at_maintenance_hyperliquid_waits_and_the_ladders_act():
    assert act("hyperliquid", 8, 100, 25, FLAT) == ("none", 0.0)
    assert act("bybit", 8, 100, 25, FLAT) == ("takeover", 8.0)
    assert act("binance", 8, 100, 25, FLAT) == ("takeover", 8.0)
    assert act("okx", 8, 100, 25, FLAT) == ("takeover", 8.0)
    assert act("bybit", 8, 100, math.nextafter(25, 26), FLAT) == ("none", 0.0)


def test_hyperliquid_at_the_edges_of_its_rows():
    # maintenance is 3,125 at 100,000; two thirds of 3,072 are 2,048
    assert act("hyperliquid", 1000, 100, 0, FLAT) == ("backstop", 1000.0)
    assert act("hyperliquid", 1000, 100, -1e-9, FLAT) == ("adl", 1000.0)
    assert act("hyperliquid", 1, 98_304, 2048, FLAT) == ("market", 1.0)
    assert act("hyperliquid", 1, 98_304, math.nextafter(2048, 0), FLAT) == ("backstop", 1.0)
    assert act("hyperliquid", 1000, 100, 3124, FLAT) == ("market", 1000.0)
    assert act("hyperliquid", 1000, 101, 3124, FLAT) == ("market", 200.0)
    assert act("hyperliquid", 1000, 101, 3124, FLAT, 29.999) == ("wait", 0.0)
    assert act("hyperliquid", 1000, 101, 3124, FLAT, 30) == ("market", 1000.0)
    assert act("hyperliquid", 1000, 101, 3124, FLAT, math.nan) == ("market", 200.0)


def test_ladders_take_over_without_equity_and_okx_below_the_first_rate():
    assert act("bybit", 30, 100, 0) == ("takeover", 30.0)
    assert act("bybit", 30, 100, 1) == ("partial", 10.0)
    assert act("okx", 30, 100, 187.5) == ("partial", 20.0)
    assert act("okx", 30, 100, math.nextafter(187.5, 0)) == ("takeover", 30.0)
    assert act("okx", 20, 100, 180) == ("takeover", 20.0)


def test_a_position_of_size_zero_is_left_alone_whatever_is_owed():
    for venue in ("hyperliquid", "bybit", "binance", "okx"):
        assert act(venue, 0, 100, -5) == ("none", 0.0)


@pytest.mark.parametrize(
    ("change", "mentions"),
    [
        ({"venue": "bitmex"}, "venue"),
        ({"venue": "bybitt"}, "bybit"),
        ({"side": 0}, "side"),
        ({"size": -1}, "size"),
        ({"mark_price": 0}, "mark_price"),
        ({"equity": math.inf}, "equity"),
        ({"tiers": []}, "tiers"),
        ({"tiers": TIERS[1:]}, "tiers"),
        ({"seconds_since_partial": -1}, "seconds_since_partial"),
        ({"seconds_since_partial": "5"}, "seconds_since_partial"),
        ({"seconds_since_partial": [None, -2.0]}, "seconds_since_partial"),
        ({"seconds_since_partial": True}, "seconds_since_partial"),
    ],
)
def test_bad_input_is_refused_by_name(change, mentions):
    good = {"side": 1, "size": 1, "mark_price": 10, "equity": 1, "venue": "okx", "tiers": TIERS}
    with pytest.raises(InputError, match=mentions):
        margin.liquidation_procedure(**{**good, **change})
