"""Made networks of overlapping portfolios balance, hold what their assumptions say, and serve every model."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import contagion as ct
from contagion.errors import InputError, TooLargeError
from contagion.generate.portfolio_links import asset_sizes, draw_holders, draw_weights, holding_probability
from contagion.network.equity import opening_equity

make = ct.generate.overlapping_portfolios


def banks(net):
    return net.nodes[net.nodes["kind"] == "institution"]


def held(net):
    """Money in each asset, one row a bank."""
    money = net.holdings["quantity"] * net.holdings["asset"].map(net.assets["price"])
    table = money.groupby([net.holdings["node"], net.holdings["asset"]]).sum().unstack(fill_value=0.0)
    return table.reindex(banks(net).index)


def sums(net, column):
    return net.obligations.groupby(column)["amount"].sum().reindex(banks(net).index, fill_value=0.0)


@pytest.mark.parametrize("interbank", [None, "core_periphery", "erdos_renyi"])
def test_every_bank_balances_and_keeps_its_shares(interbank):
    net = make(60, 15, 4, interbank=interbank, securities_share=0.35, cash_share=0.04, interbank_share=0.2)
    nodes, money = banks(net), held(net).sum(axis=1)
    assets = nodes["cash"] + nodes["external_assets"] + money + sums(net, "creditor")
    equity = opening_equity(net)[nodes.index]
    np.testing.assert_allclose(money, 0.35 * assets, rtol=1e-9)
    np.testing.assert_allclose(nodes["cash"], 0.04 * assets, rtol=1e-9)
    debts = nodes["external_liabilities"] + sums(net, "debtor")
    np.testing.assert_allclose(debts + equity, assets, rtol=1e-12)
    assert (equity > 0.0).all()
    assert (nodes["external_assets"] >= 0.0).all()
    assert (sums(net, "debtor") <= 0.2 * assets * (1 + 1e-9)).all()
    assert (len(net.obligations) > 0) == (interbank is not None)
    assert len(net.check()) == 0


@given(
    st.integers(1, 25),
    st.integers(1, 12),
    st.integers(0, 2**32),
    st.sampled_from([None, "erdos_renyi", "core_periphery"]),
    st.fixed_dictionaries(
        {
            "density": st.floats(0.01, 1.0),
            "leverage": st.floats(1.05, 60.0),
            "leverage_sd": st.floats(0.0, 1.5),
            "securities_share": st.floats(0.01, 0.5),
            "cash_share": st.just(0.0) | st.floats(1e-6, 0.2),
            "interbank_share": st.just(0.0) | st.floats(1e-6, 0.3),
            "similarity": st.floats(0.0, 1.0),
            "concentration": st.floats(0.0, 3.0),
            "asset_size_sd": st.floats(0.0, 3.0),
            "popularity": st.floats(0.0, 1.0),
        }
    ),
)
def test_whatever_is_assumed_sheets_balance_and_nobody_is_broke(n, k, seed, kind, assumed):
    net = make(n, k, seed, interbank=kind, **assumed)
    nodes, equity = banks(net), opening_equity(net)
    money = held(net).sum(axis=1)
    assets = nodes["cash"] + nodes["external_assets"] + money + sums(net, "creditor")
    debts = nodes["external_liabilities"] + sums(net, "debtor")
    np.testing.assert_allclose(debts + equity[nodes.index], assets, rtol=1e-9)
    np.testing.assert_allclose(money, assumed["securities_share"] * assets, rtol=1e-6)
    assert (equity[nodes.index] >= -1e-9 * assets).all()
    assert (nodes[["cash", "external_assets", "external_liabilities"]] >= 0.0).all(axis=None)
    assert set(net.holdings["node"]) == set(nodes.index)
    assert "error" not in net.check()["severity"].tolist()


def test_leverage_is_the_same_for_all_without_spread_and_has_the_given_mean_with_it():
    same = make(50, 10, 1, leverage=25.0, leverage_sd=0.0)
    money = held(same).sum(axis=1) / 0.4
    np.testing.assert_allclose(money / opening_equity(same)[money.index], 25.0, rtol=1e-9)
    net = make(4_000, 10, 1, leverage=25.0, leverage_sd=0.3)
    leverage = held(net).sum(axis=1) / 0.4 / opening_equity(net)[banks(net).index]
    assert leverage.mean() == pytest.approx(25.0, abs=5 * 24 * 0.3 / np.sqrt(4_000))
    assert np.log(leverage - 1.0).std() == pytest.approx(0.3, rel=0.1)


def test_debts_inside_the_network_leave_room_for_them_under_low_leverage():
    net = make(40, 6, 2, interbank="random_regular", leverage=1.1, interbank_share=0.3, leverage_sd=0.0)
    assert (net.nodes["external_liabilities"] >= 0.0).all()
    assert (opening_equity(net)[banks(net).index] > 0.0).all()


def test_every_pair_is_held_with_the_probability_of_its_asset():
    chance = np.array([0.1, 0.5, 0.9, 1.0])
    node, asset = draw_holders(20_000, chance, 3)
    assert len(np.unique(node * 4 + asset)) == len(node)
    counts = np.bincount(asset, minlength=4)
    assert counts[3] == 20_000
    assert (
        np.abs(counts[:3] - 20_000 * chance[:3]) <= 5 * np.sqrt(20_000 * chance[:3] * (1 - chance[:3]))
    ).all()
    both = np.bincount(node[asset < 2], minlength=20_000) == 2
    assert both.mean() == pytest.approx(0.05, abs=5 * np.sqrt(0.05 * 0.95 / 20_000))


def test_nobody_holds_nothing_and_the_one_asset_is_drawn_by_popularity():
    node, asset = draw_holders(30_000, np.array([1e-9, 3e-9]), 5)
    assert np.array_equal(node, np.arange(30_000))
    assert stats.binomtest(int(asset.sum()), 30_000, 0.75).pvalue > 1e-3


def test_the_mean_probability_is_the_density_also_where_popular_assets_are_held_by_all():
    sizes = np.array([1.0, 2.0, 4.0, 1000.0])
    for density in (0.05, 0.4, 0.9, 1.0):
        for popularity in (0.0, 0.5, 1.0):
            found = holding_probability(sizes, density, popularity)
            assert found.mean() == pytest.approx(density, rel=1e-12)
            assert (np.diff(found) >= 0.0).all() and found.max() <= 1.0
    assert holding_probability(sizes, 0.4, 0.0) == pytest.approx(0.4)


def test_weights_follow_sizes_under_full_similarity_and_own_draws_under_none():
    node, asset = np.array([0, 0, 1, 1, 1]), np.array([0, 2, 0, 1, 2])
    sizes = np.array([1.0, 2.0, 3.0])
    alike = draw_weights(node, asset, sizes, 1, {"similarity": 1.0, "concentration": 2.0})
    np.testing.assert_allclose(alike, [1 / 4, 3 / 4, 1 / 6, 2 / 6, 3 / 6], rtol=1e-12)
    even = draw_weights(node, asset, sizes, 1, {"similarity": 0.0, "concentration": 0.0})
    np.testing.assert_allclose(even, [1 / 2, 1 / 2, 1 / 3, 1 / 3, 1 / 3], rtol=1e-12)
    own = draw_weights(node, asset, sizes, 1, {"similarity": 0.0, "concentration": 1.0})
    bigger = draw_weights(node, asset, 9 * sizes**2, 1, {"similarity": 0.0, "concentration": 1.0})
    assert (own == bigger).all()


def test_volume_and_volatility_have_their_means_and_lots_divide_holdings():
    net = make(200, 300, 7, turnover=0.02, volatility=0.03)
    total = held(net).sum()
    markets = net.markets.set_index("asset")
    turnover = markets["volume"].reindex(total.index) / total
    assert turnover.mean() == pytest.approx(0.02, abs=0.02 * 5 * np.sqrt((np.exp(0.8**2) - 1) / 300))
    volatility = net.assets["volatility"].drop("USD")
    assert volatility.mean() == pytest.approx(0.03, abs=0.03 * 5 * np.sqrt((np.exp(0.4**2) - 1) / 300))
    lots = net.holdings["quantity"] / net.holdings["asset"].map(markets["lot"])
    assert (lots == np.rint(lots)).all() and (lots > 0).all()
    assert (lots.groupby(net.holdings["asset"]).sum() < 2.0**42).all()
    still = make(20, 5, 7, volatility_sd=0.0, turnover_sd=0.0)
    assert still.assets["volatility"].drop("USD").to_numpy() == pytest.approx(0.006)
    assert still.markets["volume"].to_numpy() == pytest.approx(0.06 * held(still).sum().to_numpy())


def test_an_asset_that_nobody_holds_trades_a_usual_volume():
    net = make(2, 40, 1, density=0.01, turnover_sd=0.0)
    missing = net.markets.index[~net.markets["asset"].isin(net.holdings["asset"])]
    assert len(missing) > 30
    total = held(net).to_numpy().sum()
    assert net.markets.loc[missing, "volume"].to_numpy() == pytest.approx(0.06 * total / 40)


def test_the_same_seed_gives_the_same_bits_and_one_assumption_moves_nothing_else():
    first, again, other = (make(25, 8, seed, interbank="erdos_renyi") for seed in (5, 5, 6))
    assert first.fingerprint == again.fingerprint != other.fingerprint
    richer = make(25, 8, 5, interbank="erdos_renyi", leverage=10.0)
    pd.testing.assert_frame_equal(first.holdings, richer.holdings)
    pd.testing.assert_frame_equal(first.obligations, richer.obligations)
    quick = make(25, 8, 5, interbank="erdos_renyi", turnover=0.3)
    assert (quick.markets["volume"] / first.markets["volume"]).to_numpy() == pytest.approx(5.0)
    pd.testing.assert_frame_equal(first.nodes, quick.nodes)


def test_mean_degree_stands_for_density():
    net = make(500, 50, 3, mean_degree=4.0)
    assert net.fingerprint == make(500, 50, 3, density=0.08).fingerprint
    assert len(net.holdings) / 500 == pytest.approx(4.0, abs=5 * np.sqrt(4 / 500) + 4 * 0.02)


def test_sizes_cash_and_debts_of_a_given_interbank_network_are_taken_over():
    sheets = ct.generate.interbank_sheets("scale_free", 20, 3, interbank_share=0.25, mean_degree=2)
    net = make(20, 5, 1, interbank=sheets)
    assert net.obligations["amount"].sum() == pytest.approx(sheets.claims.amount.sum())
    assert banks(net)["cash"].to_numpy() == pytest.approx(sheets.cash)
    assert held(net).sum(axis=1).to_numpy() == pytest.approx(0.4 * sheets.total_assets)


def test_without_markets_there_is_no_venue():
    net = make(5, 3, markets=False)
    assert len(net.venues) == len(net.markets) == 0
    assert len(net.nodes) == 5


def test_one_network_serves_the_cascade_and_the_models_of_balance_sheets():
    net = make(12, 4, 2, interbank="core_periphery")
    shock = ct.PriceShock(dict.fromkeys(net.markets["asset"], -0.3))
    cleared = ct.run(net, shock, ct.Clearing())
    cascade = ct.run(net, shock, ct.Cascade())
    lost = 0.3 * held(net).sum(axis=1)
    for run in (cleared, cascade):
        assert run.nodes["direct_loss"].reindex(lost.index).to_numpy() == pytest.approx(
            lost.to_numpy(), rel=1e-9
        )
        assert run.metrics["node_defaults"] > 0


def test_sizes_of_assets_are_log_normal():
    sizes = asset_sizes(20_000, 1, {"asset_size_sd": 0.7})
    assert stats.kstest(np.log(sizes) / 0.7, "norm").pvalue > 1e-3


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"n_nodes": 0}, "n_nodes"),
        ({"n_assets": 2.5}, "n_assets"),
        ({"mean_degree": 30.0}, "mean_degree"),
        ({"mean_degree": 2.0, "density": 0.1}, "mean_degree"),
        ({"density": 0.0}, "density"),
        ({"density": 1.5}, "density"),
        ({"leverage": 1.0}, "leverage"),
        ({"levrage": 10.0}, "'leverage'"),
        ({"securities_share": 0.99}, "securities_share"),
        ({"interbank": "ring"}, "kind"),
        ({"interbank": "sheets", "cash_share": 0.1}, "cash_share"),
        ({"interbank": "more"}, "n_nodes = 10"),
        ({"seed": -1}, "seed"),
    ],
)
def test_what_means_nothing_is_refused(options, says):
    sizes = {"sheets": 10, "more": 11}
    chosen = options.get("interbank")
    if chosen in sizes:
        options = options | {
            "interbank": ct.generate.interbank_sheets("erdos_renyi", sizes[chosen], mean_degree=2)
        }
    with pytest.raises(InputError) as caught:
        make(**{"n_nodes": 10, "n_assets": 5} | options)
    assert says in str(caught.value)


def test_too_many_holdings_are_refused_before_anything_is_drawn():
    with pytest.raises(TooLargeError):
        make(10**6, 10**6)
