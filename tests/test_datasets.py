"""Tests of the bundled networks and of the check that reads facts back from tables."""

import json
from pathlib import Path

import numpy as np
import pytest

from contagion import datasets, facts
from contagion.errors import NetworkError, SchemaError
from contagion.network.network import Network


@pytest.fixture(scope="module")
def net():
    return datasets.load("perp-venues")


@pytest.fixture(scope="module")
def loans():
    return datasets.load("lending-markets")


def test_the_list_names_every_network_with_its_inputs():
    table = datasets.list()
    assert table.index.tolist() == [
        "crypto-system",
        "european-debt",
        "lending-markets",
        "overlapping-portfolios",
        "perp-venues",
    ]
    assert table.loc["perp-venues", "facts"] == facts.counts()["fact"]
    assert table.loc["lending-markets", "assumptions"] == facts.counts(facts.LENDING_MARKETS)["assumption"]


def test_overlapping_portfolios_are_thirty_banks_and_twelve_assets_of_assumptions_alone():
    made = datasets.load("overlapping-portfolios")
    assert (len(made.nodes), len(made.markets)) == (31, 12)
    assert len(made.check()) == 0
    assert datasets.list().loc["overlapping-portfolios", "facts"] == 0
    with pytest.raises(NetworkError):
        datasets.check_facts(made)


def test_loading_twice_gives_the_same_bits_and_another_seed_others(net):
    assert datasets.load("perp-venues", seed=0).fingerprint == net.fingerprint
    assert datasets.load("perp-venues", seed=1).fingerprint != net.fingerprint


def test_an_unknown_network_is_refused_with_the_nearest_name():
    with pytest.raises(SchemaError, match="'perp-venues'"):
        datasets.load("perp_venues")


def test_every_fact_is_read_back_within_half_a_percent(net):
    checked = datasets.check_facts(net)
    assert checked.columns.tolist() == ["fact", "source", "target", "value", "error"]
    assert len(checked) >= 40
    assert checked["fact"].is_unique
    assert checked["error"].abs().max() < 0.005
    assert (checked["source"] != "").all()


def test_facts_are_read_from_the_tables_and_not_from_the_fact_files(net):
    tiers = net.tiers.copy()
    tiers.loc[(tiers["schedule"] == "binance:BTC") & (tiers["floor"] == 0.0), "maintenance_rate"] = 0.002
    depth = net.depth.assign(amount=net.depth["amount"] * 2.0)
    positions = net.positions.assign(quantity=net.positions["quantity"] * 2.0)
    venues = net.venues.copy()
    venues.loc["bybit", "procedure"] = "close_out"
    changed = net.replace(tiers=tiers, depth=depth, positions=positions, venues=venues)
    error = datasets.check_facts(changed).set_index("fact")["error"]
    assert error["binance BTC tier 1: maintenance rate"] == pytest.approx(-0.5)
    assert error["binance BTC: bids within 1%"] == pytest.approx(1.0)
    assert error["hyperliquid: open interest"] == pytest.approx(1.0)
    assert error["bybit: procedure is ladder"] == -1.0
    assert (error != 0.0).sum() >= 9


def test_a_number_that_the_network_lacks_is_an_infinite_error(net):
    tiers = net.tiers[(net.tiers["schedule"] != "bybit:BTC") | (net.tiers["floor"] == 0.0)]
    error = datasets.check_facts(net.replace(tiers=tiers)).set_index("fact")["error"]
    assert error["bybit BTC tier 20: largest leverage"] == np.inf


def test_a_network_of_another_kind_is_refused():
    with pytest.raises(NetworkError, match="0 perpetual markets"):
        datasets.check_facts(Network(nodes=[{"name": "A"}]))


def test_every_fact_behind_the_lending_markets_is_read_back(loans):
    checked = datasets.check_facts(loans)
    known = sum(facts.counts([table])["fact"] for table in ("terms", "reserves"))
    assert len(checked) >= known + 20
    assert checked["fact"].is_unique
    assert checked["error"].abs().max() < 1e-9
    assert (checked["source"] != "").all()


def test_facts_of_lending_are_read_from_the_tables_and_not_from_the_fact_files(loans):
    collateral = loans.collateral.copy()
    own = (collateral["venue"] == "aave") & (collateral["asset"] == "ETH")
    collateral.loc[own, "bonus"] = 0.1
    balances = loans.balances.assign(quantity=loans.balances["quantity"] * 2.0)
    changed = loans.replace(collateral=collateral, balances=balances)
    error = datasets.check_facts(changed).set_index("fact")["error"]
    assert error["aave ETH: bonus"] == pytest.approx(1.0)
    assert error["aave ETH: supplied"] == pytest.approx(1.0)
    assert (error != 0.0).sum() >= 2


def test_the_tables_behind_a_network_are_those_of_its_kind(net, loans):
    assert datasets.tables_behind(net) == facts.PERP_VENUES
    assert datasets.tables_behind(loans) == facts.LENDING_MARKETS


def test_european_debts_are_the_published_table_and_are_read_back():
    countries = datasets.load("european-debt")
    assert datasets.tables_behind(countries) == facts.EUROPEAN_DEBT
    checked = datasets.check_facts(countries)
    assert len(checked) == 30 + 6
    assert checked["error"].abs().max() < 1e-12
    owed = countries.obligations.set_index(["debtor", "creditor"])["amount"]
    assert owed["Italy", "France"] == 329_550e6
    assert owed["Portugal", "Greece"] == 51e6
    path = Path(__file__).parent / "reference/cases/solvency/elliott_golub_jackson_europe.json"
    record = json.loads(path.read_text(encoding="utf-8"))["input"]
    for debtor, row in zip(record["names"], record["liabilities"], strict=True):
        for creditor, amount in zip(record["names"], row, strict=True):
            assert owed.get((debtor, creditor), 0.0) == amount * 1e6
    doubled = countries.replace(obligations=countries.obligations.assign(amount=1.0))
    assert (datasets.check_facts(doubled)["error"] != 0.0).sum() == 30
    assert datasets.list().loc["european-debt", ["facts", "assumptions"]].tolist() == [42, 4]


def test_facts_of_lending_are_claimed_for_no_other_protocol(loans):
    venues = loans.venues.drop(index="spark")
    accounts = loans.accounts[loans.accounts["venue"] != "spark"]
    balances = loans.balances[loans.balances["account"].isin(accounts.index)]
    other = loans.replace(
        venues=venues,
        accounts=accounts,
        balances=balances,
        collateral=loans.collateral[loans.collateral["venue"] != "spark"],
    )
    with pytest.raises(NetworkError, match="'spark'"):
        datasets.check_facts(other)


def test_overlapping_portfolios_neither_shrug_off_a_fire_sale_nor_collapse():
    from contagion import FireSale, PriceShock

    prepared = FireSale().prepare(datasets.load("overlapping-portfolios"))
    falls = (0.0, 0.05, 0.1, 0.2, 0.3)
    runs = [prepared.run(PriceShock({"asset-09": -fall}, over=0)) for fall in falls]
    leverage = runs[0].nodes.query("held > 0")["leverage_before"]
    assert leverage.max() < 33.3 and 15.0 < leverage.median() < 25.0
    loss = [run.metrics["loss_amplification"] for run in runs[1:]]
    assert min(loss[:2]) > 1.1 and max(loss) < 3.0
    failed = [run.metrics["node_defaults"] for run in runs]
    assert failed[0] == 0.0 and 0 < failed[-1] < 15
