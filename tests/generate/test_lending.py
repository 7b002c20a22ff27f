"""Tests of the made lending markets: reserves meet their totals, terms are kept, nobody opens near a liquidation."""

import numpy as np
import pandas as pd
import pytest

from contagion import facts
from contagion.errors import SchemaError, TooLargeError, ValueRangeError
from contagion.generate import lending_market
from contagion.generate.sampling import tilted_sample
from contagion.lending import aave_health_factor
from contagion.measures import liquidation_moves
from contagion.network.equity import opening_account_equity, opening_equity, opening_requirement

KINDS = ("borrower", "looper", "short", "supplier")


@pytest.fixture(scope="module")
def net():
    return lending_market(2_000, seed=3)


def sides(net):
    """Balances with venue, kind of the account, money of the whole row and of one account."""
    held = net.balances.join(net.accounts[["owner", "venue", "count"]], on="account")
    price = net.assets["price"].reindex(held["asset"]).to_numpy()
    kind = held["owner"].str.split("-").str[0]
    return held.assign(
        each=held["quantity"] * price, kind=kind, money=held["quantity"] * price * held["count"]
    )


def health(net):
    """Health factor of every account with a debt, by the pure rule; infinite for the others."""
    terms = net.collateral.set_index(["venue", "asset"])
    factors = {}
    for account, rows in sides(net).groupby("account"):
        venue = rows["venue"].iloc[0]
        coins = [asset for asset in rows["asset"] if asset != net.unit]
        own = terms.loc[venue] if len(coins) else None
        if own is None:
            continue
        shared = len(set(own.loc[coins, "category"])) == 1 and (own.loc[coins, "category"] != "").all()
        alone = set(rows["asset"]) == set(coins)
        column = "category_threshold" if shared and alone else "liquidation_threshold"
        legs = [{"symbol": row.asset, "amount": abs(row.each), "price": 1.0} for row in rows.itertuples()]
        deposits = [leg for leg, row in zip(legs, rows.itertuples(), strict=True) if row.each > 0]
        owed = [leg for leg, row in zip(legs, rows.itertuples(), strict=True) if row.each < 0]
        known = {leg["symbol"]: float(own.loc[leg["symbol"], column]) for leg in deposits}
        factors[account] = float(
            aave_health_factor(deposits, owed, liquidation_thresholds=known).health_factor
        )
    return pd.Series(factors)


def test_protocols_books_and_pools_are_those_of_the_facts(net):
    assert net.venues.index.tolist() == ["aave", "compound", "exchange", "maker", "pools", "spark"]
    assert net.venues["procedure"].reindex(["aave", "compound", "maker", "spark"]).tolist() == [
        "lending",
        "lending",
        "auction",
        "lending",
    ]
    assert net.markets["kind"].to_dict() == {
        "exchange:ETH": "spot",
        "exchange:WBTC": "spot",
        "pools:ETH": "pool",
        "pools:WBTC": "pool",
        "pools:wstETH": "pool",
    }
    assert len(net.accounts) == 2_000
    assert net.check().empty


def test_every_reserve_meets_its_total(net):
    supplied = sides(net).query("money > 0").groupby(["venue", "asset"])["money"].sum()
    for row in facts.values("reserves", "supplied").itertuples():
        money = row.value * net.assets["price"][row.asset]
        assert supplied[row.venue, row.asset] == pytest.approx(money, rel=1e-9)


def test_dollars_and_coins_that_are_owed_are_supplied_by_somebody(net):
    flows = sides(net)
    for venue in ("aave", "spark", "compound"):
        for asset in ("USD", "ETH"):
            rows = flows[(flows["venue"] == venue) & (flows["asset"] == asset)]["money"]
            assert -rows[rows < 0].sum() < rows[rows > 0].sum()
    minted = flows[flows["venue"] == "maker"]
    assert minted.query("asset == 'USD'")["money"].max() < 0


def test_nobody_opens_called_or_liquidatable(net):
    ratio = net.venues["call_ratio"].reindex(net.accounts["venue"]).to_numpy()
    factor = health(net)
    answers = net.accounts["reaction"] == "top_up"
    called = factor.index[answers.reindex(factor.index).to_numpy()]
    assert (factor[called] >= pd.Series(ratio, net.accounts.index)[called] * 1.005).all()
    assert factor.min() > 1.03
    equity, required = opening_account_equity(net), opening_requirement(net)
    assert (equity >= required).all()


def test_a_common_fall_reaches_borrowers_where_their_health_says_and_loops_nowhere(net):
    moves, factor = liquidation_moves(net), health(net)
    kind = moves["owner"].str.split("-").str[0]
    borrowers = moves.index[kind == "borrower"]
    expected = 1.0 / factor[borrowers] - 1.0
    np.testing.assert_allclose(moves.loc[borrowers, "fall"], expected, rtol=1e-6, atol=1e-9)
    assert moves.loc[kind == "looper", ["fall", "rise"]].isna().all(axis=None)
    loops = liquidation_moves(net, {"wstETH": 1.0}).loc[kind == "looper", "fall"]
    assert loops.max() < 0.9 / 0.93 - 1.0
    assert loops.notna().all()


def test_looped_positions_owe_eth_within_their_category(net):
    loops = sides(net)[lambda rows: rows["kind"] == "looper"]
    wide = loops.pivot_table(index="account", columns="asset", values="each")
    assert wide.columns.tolist() == ["ETH", "wstETH"]
    ratio = -wide["ETH"] / wide["wstETH"]
    assert (ratio <= 0.99 * 0.9 + 1e-12).all()
    assert ratio.median() == pytest.approx(0.93 / 1.1, rel=0.01)
    assert health(net)[wide.index].median() == pytest.approx(1.1, abs=0.01)


def test_usage_has_the_assumed_mean_and_spread(net):
    own = net.collateral.set_index(["venue", "asset"])["liquidation_threshold"]
    rows = sides(net)[lambda found: found["kind"] == "borrower"]
    held, owed = rows[rows["each"] > 0].set_index("account"), rows[rows["each"] < 0].set_index("account")
    pairs = pd.MultiIndex.from_frame(held[["venue", "asset"]])
    used = (-owed["each"] / held["each"]) / pd.Series(own.reindex(pairs).to_numpy(), held.index)
    for row in facts.values("reserves", "usage").itertuples():
        found = used[((held["venue"] == row.venue) & (held["asset"] == row.asset)).reindex(used.index)]
        if len(found):
            assert found.mean() == pytest.approx(row.value, abs=0.02)
            assert found.std() == pytest.approx(0.17, abs=0.03)
            assert found.max() <= 0.9


def test_no_account_holds_more_than_the_largest_share_of_a_reserve(net):
    flows = sides(net).query("quantity > 0")
    total = flows.groupby(["kind", "venue", "asset"])["money"].transform("sum")
    many = flows.groupby(["kind", "venue", "asset"])["account"].transform("size") >= 20
    assert (flows["each"] <= 0.1001 * total)[many].all()


def test_money_is_the_same_with_few_rows_and_many():
    few, many = lending_market(1_000, seed=1), lending_market(6_000, seed=1)
    debts = [-sides(net).query("money < 0")["money"].sum() for net in (few, many)]
    assert debts[0] == pytest.approx(debts[1], rel=0.05)


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(net):
    assert lending_market(2_000, seed=3).fingerprint == net.fingerprint
    assert lending_market(2_000, seed=4).fingerprint != net.fingerprint


def test_venues_keepers_and_issuers_open_with_positive_equity(net):
    equity = opening_equity(net)
    institutions = net.nodes.index[net.nodes["kind"] == "institution"]
    assert sum(name.startswith("keeper-") for name in institutions) == 12
    assert {"issuer-wstETH", "issuer-WBTC"} <= set(institutions)
    assert (equity[institutions] > 0).all()
    assert (equity[net.venues.index] > 0).all()


def test_an_assumption_changes_what_it_says():
    near, far = lending_market(800, usage_scale=1.1), lending_market(800, usage_scale=0.9)
    owed = [-sides(net).query("kind == 'borrower' and money < 0")["money"].sum() for net in (near, far)]
    assert owed[0] / owed[1] == pytest.approx(1.1 / 0.9, rel=0.03)
    assert (lending_market(800, usage_sd=0.0).balances["quantity"] != 0).all()
    assert len(lending_market(800, keepers=3).nodes.query("kind == 'institution'")) == 5


@pytest.mark.parametrize(
    ("changes", "error", "mentions"),
    [
        ({"usage_mean": 0.5}, SchemaError, "usage_mean"),
        ({"usage_scale": "much"}, SchemaError, "usage_scale"),
        ({"usage_scale": 2.0}, ValueRangeError, "usage_limit"),
        ({"usage_limit": 1.0}, ValueRangeError, "usage_limit"),
        ({"usage_sd": 0.6}, ValueRangeError, "usage_sd"),
        ({"response": 1.5}, ValueRangeError, "response"),
        ({"keepers": 0}, ValueRangeError, "keepers"),
        ({"n_accounts": 50}, ValueRangeError, "n_accounts"),
        ({"n_accounts": 2.5}, SchemaError, "n_accounts"),
        ({"n_accounts": 10**9}, TooLargeError, "n_accounts"),
        ({"seed": -1}, ValueRangeError, "seed"),
    ],
)
def test_bad_assumptions_are_refused_by_name(changes, error, mentions):
    with pytest.raises(error, match=mentions):
        lending_market(**changes)


@pytest.mark.parametrize("tilt", [0.5, 1.0])
def test_rows_with_their_counts_have_the_law_of_the_population(tilt):
    draw = (np.random.default_rng(1).permutation(4_000) + 0.5) / 4_000
    score, count = tilted_sample(draw, 100_000.0, tilt)
    weight = count / count.sum()
    assert count.sum() == pytest.approx(100_000, rel=0.01)
    assert (weight * score).sum() == pytest.approx(0.0, abs=0.01)
    assert (weight * score**2).sum() == pytest.approx(1.0, abs=0.02)
    assert np.exp(1.5 * score).dot(weight) == pytest.approx(np.exp(1.5**2 / 2), rel=0.05)


def test_terms_of_the_protocols_are_those_of_the_published_reserves():
    table = {"ETH": ("v3 on Ethereum 2024", "WETH"), "WBTC": ("v3 launch on Ethereum", "WBTC")}
    table["wstETH"] = ("v3 launch on Ethereum", "wstETH")
    for asset, (version, name) in table.items():
        for column in ("loan_to_value", "liquidation_threshold", "bonus"):
            published = facts.number("collateral", column, venue="aave", version=version, asset=name)
            assert (
                float(facts.values("terms", column, venue="aave", asset=asset)["value"].iloc[0]) == published
            )
    for asset, name in (("ETH", "WETH"), ("WBTC", "WBTC")):
        published = facts.number(
            "collateral", "liquidation_factor", venue="compound", version="v3 USDC on Ethereum", asset=name
        )
        bonus = float(facts.values("terms", "bonus", venue="compound", asset=asset)["value"].iloc[0])
        assert 1.0 / (1.0 + bonus) == pytest.approx(published, rel=1e-12)
