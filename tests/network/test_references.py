"""Assets that follow others: chains of references in every model, bad references with their rows."""

import numpy as np
import pytest

import contagion as ct
from contagion.errors import InputError, NetworkError, UnitError
from contagion.families import moved, risky_assets
from contagion.network.references import follow


def with_assets(*rows, holdings=(), **tables):
    usd = {"name": "USD", "kind": "currency", "price": 1.0}
    nodes = [{"name": name, "kind": "institution", "cash": 500.0} for name in "AB"]
    debt = [{"debtor": "A", "creditor": "B", "amount": 1.0}]
    tables |= {"nodes": nodes, "assets": [usd, *rows], "obligations": debt}
    return ct.Network(**tables, holdings=list(holdings))


def coin(name, **cells):
    return {"name": name, "kind": "coin", "price": 100.0, **cells}


CHAIN = (coin("ETH"), coin("stETH", reference="ETH"), coin("wstETH", reference="stETH"), coin("BTC"))


def test_a_chain_multiplies_the_moves_of_all_its_links():
    factors = np.array([[0.5, 0.75, 1.25, 1.0]])
    found = follow(factors, [-1, 0, 1, -1])
    assert found.tolist() == [[0.5, 0.75 * 0.5, 1.25 * 0.75 * 0.5, 1.0]]


def test_without_references_the_factors_are_the_same_array():
    factors = np.array([[0.5, 0.7]])
    assert follow(factors, [-1, -1]) is factors
    assert follow(factors, []) is factors


def test_the_cascade_moves_followers_with_their_reference_and_by_themselves():
    net = with_assets(*CHAIN)
    shock = ct.PriceShock({"ETH": -0.5, "stETH": -0.25}, over=0.0)
    prepared = ct.Cascade(step=10, horizon=60).prepare(net)
    outside = prepared.shock_arrays(shock).outside
    names = list(prepared.opening.names.assets)
    assert outside[0].tolist() == net.assets["price"].tolist()
    last = dict(zip(names, outside[-1].tolist(), strict=True))
    assert (last["BTC"], last["ETH"], last["stETH"], last["wstETH"]) == (100.0, 50.0, 37.5, 37.5)


@pytest.mark.parametrize("model", [ct.Clearing(), ct.DebtRank(), ct.Furfine()])
def test_balance_sheet_models_value_followers_at_the_prices_of_their_reference(model):
    holdings = [{"node": "A", "asset": "wstETH", "quantity": 1.0}]
    run = ct.run(with_assets(*CHAIN, holdings=holdings), ct.PriceShock({"ETH": -0.5}, over=0.0), model)
    assert run.metrics["direct_loss"] == 50.0


def test_families_draw_no_returns_of_followers_unless_they_name_them():
    net = with_assets(*CHAIN)
    assert risky_assets(net) == ["BTC", "ETH"]
    assert moved(ct.PriceShocks.normal(0.1), net) == ["BTC", "ETH"]
    named = ct.PriceShocks.normal({"BTC": 0.1, "ETH": 0.1, "stETH": 0.01})
    assert moved(named, net) == ["BTC", "ETH", "stETH"]
    assert moved(named.tilted({"ETH": -0.3}), net) == ["BTC", "ETH", "stETH"]
    assert moved(ct.PriceShocks.normal(0.1).tilted({"stETH": -0.3}), net) == ["BTC", "ETH", "stETH"]


def test_a_run_of_a_drawn_scenario_moves_the_follower_as_its_reference():
    net = with_assets(*CHAIN, holdings=[{"node": "A", "asset": "stETH", "quantity": 1.0}])
    twin = with_assets(*CHAIN, holdings=[{"node": "A", "asset": "ETH", "quantity": 1.0}])
    family = ct.PriceShocks.normal(0.1)
    found = [
        ct.compare(one, family, ct.Clearing(), n=32, seed=7).to_frame()["direct_loss"].to_numpy()
        for one in (net, twin)
    ]
    assert (found[0] == found[1]).all()
    assert found[0].any()


@pytest.mark.parametrize(
    ("rows", "where"),
    [
        ((coin("X", reference="X"),), "X -> X"),
        ((coin("X", reference="Y"), coin("Y", reference="X")), "X -> Y -> X"),
    ],
)
def test_references_that_go_round_are_errors_with_their_rows(rows, where):
    with pytest.raises(NetworkError, match=where) as caught:
        with_assets(*rows)
    assert "assets" in str(caught.value)
    assert "leave reference empty" in str(caught.value)


def test_the_unit_follows_nothing_is_followed_by_nothing_and_issued_by_nobody():
    usd = {"name": "USD", "kind": "currency", "price": 1.0}
    with pytest.raises(UnitError, match="is issued by a node"):
        ct.Network(nodes=[{"name": "A"}], assets=[usd | {"issuer": "A"}])
    with pytest.raises(UnitError, match="follows another asset"):
        ct.Network(nodes=[{"name": "A"}], assets=[usd | {"reference": "X"}, coin("X")])
    with pytest.raises(NetworkError, match="follows the unit, which never moves"):
        ct.Network(nodes=[{"name": "A"}], assets=[usd, coin("X", reference="USD")])


def test_a_pool_without_reserves_is_an_error_with_its_row():
    with pytest.raises(InputError, match="depth") as caught:
        with_assets(
            coin("X"),
            venues=[{"name": "A"}],
            markets=[{"name": "P", "venue": "A", "asset": "X", "kind": "pool", "impact": "constant_product"}],
            depth=[{"market": "P", "side": side, "band": 0.1, "amount": 0.0} for side in ("bid", "ask")],
        )
    assert "amount" in str(caught.value)
