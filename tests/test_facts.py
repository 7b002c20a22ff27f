"""Tests of the fact tables: published numbers are the published ones, assumptions say why and how far."""

import numpy as np
import pytest

from contagion import facts, margin
from contagion.errors import SchemaError

BINANCE_2024 = {
    "BTC": "50k/125/.4 600k/100/.5 3m/75/.65 12m/50/1 70m/25/2 100m/20/2.5 230m/10/5 480m/5/10 600m/4/12.5 "
    "800m/3/15 1200m/2/25 1800m/1/50",
    "ETH": "50k/125/.4 600k/100/.5 3m/75/.65 12m/50/1 50m/25/2 65m/20/2.5 150m/10/5 320m/5/10 400m/4/12.5 "
    "530m/3/15 800m/2/25 1200m/1/50",
    "SOL": "20k/100/.5 100k/75/.65 800k/50/1 4m/25/2 8m/20/2.5 40m/10/5 80m/5/10 100m/4/12.5 200m/2/25 400m/1/50",
    "XRP": "10k/75/.5 20k/50/.65 160k/40/1 800k/25/2 1.6m/20/2.5 8m/10/5 16m/5/10 20m/4/12.5 40m/2/25 80m/1/50",
    "DOGE": "10k/75/.5 50k/50/.7 750k/40/1 800k/25/2 1.6m/20/2.5 8m/10/5 16m/5/10 20m/4/12.5 40m/2/25 80m/1/50",
    "AAVE": "10k/75/1 40k/50/1.5 200k/25/2 400k/20/2.5 2m/10/5 4m/5/10 5m/4/12.5 10m/2/25 20m/1/50",
}
BYBIT_BTC = (
    "2m/100/.5 2.6m/90/.56 3.2m/80/.63 3.8m/75/.67 4.4m/70/.71 5m/65/.77 5.6m/55/.91 8.5m/50/1 10m/45/1.3 14m/40/1.5 "
    "20m/35/1.6 28m/30/2 38m/25/2.5 50m/20/2.9 55m/19/3 60m/18/3.5 65m/17/3.6 70m/16/3.8 75m/15/4 80m/14/4.5"
)
HYPERLIQUID = {
    "BTC": (150e6, 40, 20),
    "ETH": (100e6, 25, 15),
    "SOL": (70e6, 20, 10),
    "XRP": (40e6, 20, 10),
    "DOGE": (20e6, 10, 5),
    "AAVE": (20e6, 10, 5),
}


def printed(text: str) -> np.ndarray:
    """Cap, leverage and maintenance rate of tiers as rule books print them."""
    scale = {"k": 1e3, "m": 1e6}
    rows = [tier.split("/") for tier in text.split()]
    return np.array(
        [(float(cap[:-1]) * scale[cap[-1]], float(lev), float(rate) / 100) for cap, lev, rate in rows]
    )


def stored(venue: str, asset: str) -> np.ndarray:
    tiers = facts.load("tiers").query("venue == @venue and asset == @asset")
    assert set(tiers["status"]) == {"fact"}
    assert tiers["floor"].tolist() == [0.0, *tiers["cap"].tolist()[:-1]]
    return tiers[["cap", "max_leverage", "maintenance_rate"]].to_numpy()


@pytest.mark.parametrize("asset", BINANCE_2024)
def test_binance_tiers_are_those_of_24_october_2024(asset):
    np.testing.assert_allclose(stored("binance", asset), printed(BINANCE_2024[asset]), rtol=1e-12)


def test_bybit_tiers_are_those_of_the_public_page():
    np.testing.assert_allclose(stored("bybit", "BTC"), printed(BYBIT_BTC), rtol=1e-12)


@pytest.mark.parametrize("asset", HYPERLIQUID)
def test_hyperliquid_maintenance_is_half_of_one_over_leverage(asset):
    cap, low, high = HYPERLIQUID[asset]
    expected = [[cap, low, 0.5 / low], [np.nan, high, 0.5 / high]]
    np.testing.assert_allclose(stored("hyperliquid", asset), expected, rtol=1e-12)


FURTHER_TIERS = {
    (
        "binance",
        "2024-10-24",
        "LINK",
    ): "10k/75/.5 50k/50/1 80k/40/1.5 400k/25/2 800k/20/2.5 4m/10/5 8m/5/10 20m/4/12.5 30m/2/25 50m/1/50",
    (
        "binance",
        "2024-10-24",
        "CRV",
    ): "10k/75/.65 50k/50/1 200k/25/2 400k/20/2.5 2m/10/5 4m/5/10 5m/4/12.5 10m/2/25 20m/1/50",
    (
        "binance",
        "2021",
        "BTC",
    ): "50k//.4 250k//.5 1m//1 10m//2.5 20m//5 50m//10 100m//12.5 200m//15 300m//25 500m//50",
    ("binance", "early 2021", "ETH"): "10k//.5 100k//.65 500k//1 1m//2 2m//5 5m//10",
    ("coinex", "undated", "BTC"): "20u//.5 50u//1 100u//1.5 200u//2 500u//2.5 1000u//3",
    ("bybit", "undated", "BTC inverse"): "150u//.5",
}


@pytest.mark.parametrize("place", FURTHER_TIERS)
def test_tiers_of_further_coins_and_dates_are_the_published_ones(place):
    rows = facts.load("tier_tables").set_index(["venue", "as_of", "asset"]).sort_index().loc[[place]]
    scale = {"k": 1e3, "m": 1e6, "u": 1.0}
    for row, tier in zip(rows.itertuples(), FURTHER_TIERS[place].split(), strict=True):
        cap, leverage, rate = tier.split("/")
        assert row.cap == pytest.approx(float(cap[:-1]) * scale[cap[-1]], rel=1e-12)
        assert row.maintenance_rate == pytest.approx(float(rate) / 100, rel=1e-12)
        assert row.max_leverage == float(leverage) if leverage else np.isnan(row.max_leverage)


def test_every_tier_table_is_one_that_the_margin_rules_accept():
    tables = facts.load("tier_tables")
    assert set(tables["cap_unit"]) == {"USD", "BTC"}
    groups = tables.groupby(["venue", "as_of", "asset"], sort=False)
    assert len(groups) == 28
    for _, rows in groups:
        assert rows["tier"].tolist() == [float(k) for k in range(1, len(rows) + 1)]
        caps = [None if np.isnan(cap) else cap for cap in rows["cap"]]
        tiers = [
            {"floor": floor, "cap": cap, "maintenance_rate": rate}
            for floor, cap, rate in zip(rows["floor"], caps, rows["maintenance_rate"], strict=True)
        ]
        amounts = margin.maintenance_amounts(tiers)
        assert amounts[0] == 0.0


def test_hyperliquid_coins_have_half_of_one_over_leverage():
    rows = facts.load("tier_tables").query("venue == 'hyperliquid'")
    np.testing.assert_allclose(rows["maintenance_rate"] * rows["max_leverage"], 0.5, rtol=1e-12)
    assert len(rows) == 2 * (13 + 7) + 2
    assert set(rows.query("cap == 20e6")["asset"]) >= {"LINK", "HYPE", "CRV"}


@pytest.mark.parametrize(
    ("where", "name", "value"),
    [
        (("deribit", "BTC"), "maintenance_base", 0.01),
        (("deribit", "BTC"), "maintenance_slope", 0.00005),
        (("deribit", "ETH"), "initial_slope", 0.000004),
        (("deribit", "SOL"), "initial_base", 0.04),
        (("deribit", "ETH"), "liquidation_fee", 0.009),
        (("dydx", "mid"), "maintenance_rate", 0.03),
        (("dydx", "mid"), "open_interest_upper", 100e6),
        (("dydx", "isolated"), "open_interest_lower", 0.5e6),
        (("okx", "AAVE"), "maintenance_rate_tier_1", 0.0065),
        (("okx", "ADA"), "tier_step", 6000),
        (("okx", ""), "fund_drawdown_limit", 0.3),
        (("hyperliquid", ""), "backstop_share", 2 / 3),
        (("us equities", ""), "market_wide_level_3", 0.2),
    ],
)
def test_parameters_of_venue_rules_are_the_published_ones(where, name, value):
    venue, asset = where
    assert facts.number("parameters", name, venue=venue, asset=asset) == pytest.approx(value, rel=1e-12)


def test_oracle_weights_are_the_published_ones():
    weights = facts.values("index_weights", "weight", price="oracle").set_index("member")["value"]
    assert weights[["binance", "okx", "bybit"]].tolist() == [3, 2, 2]
    assert weights.sum() == 12
    assert facts.values("index_weights", "weight", price="mark")["value"].sum() == 9


AAVE = {
    "USDC": (86.5, 88.5, 4.8, 20),
    "WETH": (82.5, 86, 5.2, 10),
    "WBTC": (72, 82, 5.2, 10),
    "wstETH": (72, 83, 7.2, 10),
    "DAI": (76.5, 89, 4.3, 10),
    "LINK": (69.5, 82.5, 7.2, 10),
    "CRV": (55, 61, 8.3, 10),
    "AAVE": (66, 73, 7.7, 10),
}


@pytest.mark.parametrize("asset", AAVE)
def test_aave_reserves_are_those_of_the_launch_proposal(asset):
    names = ("loan_to_value", "liquidation_threshold", "bonus", "protocol_fee")
    found = [
        facts.number("collateral", name, venue="aave", version="v3 launch on Ethereum", asset=asset)
        for name in names
    ]
    np.testing.assert_allclose(found, np.array(AAVE[asset]) / 100, rtol=1e-12)


def test_thresholds_are_above_loan_to_values_and_a_liquidation_at_the_threshold_leaves_collateral():
    rows = facts.load("collateral").query("venue == 'aave'")
    wide = rows.pivot_table(index=["version", "asset"], columns="name", values="value")
    assert (wide["liquidation_threshold"] > wide["loan_to_value"]).all()
    assert ((1 + wide["bonus"]) * wide["liquidation_threshold"] < 1).all()
    loop = wide.loc[("ETH e-mode", "ETH-correlated")]
    assert loop["loan_to_value"] / loop["liquidation_threshold"] == pytest.approx(0.9677, abs=5e-5)


def test_auction_parameters_bring_the_price_to_par_as_published():
    cut, step, buffer = (
        facts.number("collateral", name, venue="maker", version="2.0", asset="ETH")
        for name in ("cut", "step", "buffer")
    )
    price, steps = buffer, 0
    while price > 1.0:
        price, steps = price * cut, steps + 1
    assert (steps, steps * step / 60) == (27, 40.5)


def test_the_measured_book_is_the_median_of_the_calm_hours():
    book = facts.values("depth", "resting", venue="binance", asset="BTC")
    assert book.query("side == 'bid'")["value"].tolist() == [303e6, 698e6, 1197e6]
    assert book.query("side == 'ask'")["value"].tolist() == [240e6, 392e6, 722e6]
    assert book["band"].tolist() == [0.01, 0.02, 0.05] * 2


def test_totals_and_prices_are_the_published_ones():
    assert facts.number("open_interest", "open_interest", venue="hyperliquid") == 14e9
    assert facts.number("prices", "price", asset="BTC") == 116848
    assert facts.load("open_interest").query("name == 'open_interest'")["value"].sum() == 99e9


@pytest.mark.parametrize("name", facts.names())
def test_every_fact_names_its_source_and_every_assumption_its_reason_and_range(name):
    table = facts.load(name)
    assert set(table["status"]) <= set(facts.STATUSES)
    known, assumed = table[table["status"] == "fact"], table[table["status"] == "assumption"]
    assert (known["source"] != "").all()
    assert (assumed["reason"] != "").all()
    if len(assumed):
        words = assumed.get("alternatives", "") != ""
        ranged = assumed["low"].notna() & assumed["high"].notna()
        assert (words | ranged).all()
        inside = assumed[ranged]
        value = inside["value"].astype(float)
        assert ((inside["low"] <= value) & (value <= inside["high"]) & (inside["low"] < inside["high"])).all()


def test_counts_add_up_to_the_rows_of_the_tables():
    counts = facts.counts()
    assert sum(counts.values()) == sum(len(facts.load(name)) for name in facts.PERP_VENUES)
    assert counts["fact"] >= 40
    assert facts.counts(["schedules"])["fact"] == 0


def test_a_loaded_table_is_a_copy():
    table = facts.load("prices")
    table["value"] = 0.0
    assert facts.number("prices", "price", asset="BTC") == 116848


def test_an_unknown_table_is_refused_with_the_nearest_name():
    with pytest.raises(SchemaError, match="'tiers'"):
        facts.load("teirs")


def test_an_unknown_or_ambiguous_row_is_refused():
    with pytest.raises(SchemaError, match="no such row"):
        facts.number("prices", "price", asset="LUNA")
    with pytest.raises(SchemaError, match="fits 6 rows"):
        facts.number("prices", "price")


def test_events_state_their_tolerance_and_are_no_inputs_of_the_made_market():
    events = facts.load("events")
    assert ((events["low"] <= events["value"]) & (events["value"] <= events["high"])).all()
    assert not events.duplicated(["event", "name"]).any()
    assert "events" not in facts.PERP_VENUES
    totals = events.query("event == '2025-10-10' and name.str.startswith('open_interest')")
    assert totals["value"].tolist() == [217e9, 14e9, 26e9]
