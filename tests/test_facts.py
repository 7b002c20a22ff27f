"""Tests of the fact tables: published numbers are the published ones, assumptions say why and how far."""

import numpy as np
import pytest

from contagion import facts
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
