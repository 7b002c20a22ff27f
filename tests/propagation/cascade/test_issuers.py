"""The algebra of issuers inside the cascade: recovery rates are the exact solutions of linear systems."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

import contagion as ct
from contagion.errors import NetworkError
from contagion.propagation.cascade.recoveries import LEAST
from tests.propagation.cascade.issuers import HALF, issuing_net, recoveries, simulated, solved
from tests.propagation.cascade.test_drivers import assert_identical

CLOSE = 1e-12


def close(found: float, exact: Fraction) -> bool:
    return abs(Fraction(found) - exact) <= CLOSE


def test_one_issuer_pays_what_it_has_over_what_it_owes():
    net = issuing_net({"A": (40.0, 80.0, {})}, {"a": 100.0})
    assert recoveries(net) == {"a": 80.0 / 100.0}


def test_two_issuers_with_each_others_tokens_meet_the_linear_solution():
    # 130 a = 80 + 40 b, 110 b = 80 + 30 a once ETH has halved
    net = issuing_net(
        {"A": (50.0, 60.0, {"b": 40.0}), "B": (50.0, 60.0, {"a": 30.0})}, {"a": 100.0, "b": 70.0}
    )
    exact = solved([[130, -40], [-30, 110]], [80, 80])
    found = recoveries(net)
    assert exact[0] < 1
    assert exact[1] < 1
    assert close(found["a"], exact[0])
    assert close(found["b"], exact[1])


def test_a_chain_of_three_hands_the_loss_down():
    issuers = {"A": (0.0, 120.0, {}), "B": (20.0, 0.0, {"a": 100.0}), "C": (15.0, 0.0, {"b": 60.0})}
    net = issuing_net(issuers, {"b": 60.0, "c": 75.0})
    a = Fraction(60, 100)
    b = (20 + 100 * a) / 120
    c = (15 + 60 * b) / 75
    found = recoveries(net)
    assert [close(found[name], rate) for name, rate in (("a", a), ("b", b), ("c", c))] == [True] * 3


def test_a_star_of_holders_shares_the_loss_of_its_centre():
    leaves = {name: (10.0 * k, 0.0, {"a": 40.0}) for k, name in enumerate("BCD", start=1)}
    outside = {"a": 30.0, **{name.lower(): 40.0 + 10.0 * k for k, name in enumerate("BCD", start=1)}}
    net = issuing_net({"A": (30.0, 120.0, {}), **leaves}, outside)
    a = Fraction(90, 150)
    found = recoveries(net)
    assert close(found["a"], a)
    for k, name in enumerate("bcd", start=1):
        assert close(found[name], (10 * k + 40 * a) / (40 + 10 * k))


def test_the_greatest_fixed_point_is_taken_where_several_exist():
    # each other's tokens are all they have but 1 of cash: 1 = 1 is a fixed point, and so it stays
    net = issuing_net({"A": (1.0, 0.0, {"b": 9.0}), "B": (0.0, 0.0, {"a": 9.0})}, {})
    assert recoveries(net, ct.PriceShock({"ETH": -0.5}, over=0.0)) == {"a": 1.0, "b": 1.0}


def test_claims_and_tokens_are_paid_alike_and_the_failed_issuers_rate_stays():
    # A owes 40 to L and 60 in tokens, and has 50 left: it fails, both are paid half
    net = issuing_net(
        {"A": (10.0, 100.0, {})},
        {"a": 60.0},
        loans=(("A", "L", 40.0),),
        nodes=[{"name": "L", "kind": "institution", "cash": 1.0}],
    )
    _, state = simulated(net, ct.PriceShock({"ETH": -0.6}, over=0.0))
    run = ct.run(net, ct.PriceShock({"ETH": -0.6}, over=0.0), ct.Cascade(step=10, horizon=600))
    assert run.events["kind"].tolist().count("node_default") == 1
    assert run.events.set_index("kind").loc["node_default", "price"] == 0.5
    issuer = run.events.set_index("kind").loc["issuer"]
    assert (issuer["node"], issuer["market"], issuer["price"], issuer["money"]) == ("A", "a-spot", 0.5, 30.0)
    assert run.metrics["issuer_loss"] == 30.0
    assert float(state.recovered.min()) == 0.5


def test_an_issuer_who_owes_only_tokens_goes_on_and_its_token_recovers_with_it():
    frame = {"ETH": [1.0, 0.5, 0.5, 1.0]}
    path = ct.PricePath(pd.DataFrame(frame, index=[0.0, 10.0, 100.0, 110.0]))
    net = issuing_net({"A": (0.0, 100.0, {})}, {"a": 100.0})
    run = ct.run(net, path, ct.Cascade(step=10, horizon=600))
    kinds = run.events["kind"].tolist()
    assert "node_default" not in kinds
    prices = run.events.loc[run.events["kind"] == "issuer", "price"].tolist()
    assert prices == [0.5, 1.0]
    assert run.metrics["issuer_loss"] == 0.0
    last = run.paths[run.paths["market"] == "a-spot"].set_index("round")["last"]
    assert (last[1], last[2], last.iloc[-1]) == (1.0, 0.5, 1.0)  # a round later, as all losses


def test_an_issuer_with_nothing_left_leaves_a_price_above_zero():
    net = issuing_net({"A": (0.0, 100.0, {})}, {"a": 100.0})
    found = recoveries(net, ct.PriceShock({"ETH": -1.0 + 2.0**-40}, over=0.0))
    assert found == {"a": LEAST}


def test_unbacked_tokens_dilute_all_others():
    net = issuing_net({"A": (80.0, 0.0, {})}, {"a": 64.0})
    found = recoveries(net, ct.Mint("a", 96.0, at=0.0))
    assert found == {"a": 80.0 / (64.0 + 96.0)}


def test_tokens_in_the_issuers_own_hands_are_neither_asset_nor_debt():
    net = issuing_net({"A": (40.0, 80.0, {"a": 500.0})}, {"a": 100.0})
    assert recoveries(net) == {"a": 80.0 / 100.0}


def test_what_a_haircut_takes_from_holders_is_system_loss_and_no_gain_of_a_solvent_issuer():
    net = issuing_net({"A": (35.0, 80.0, {})}, {"a": 100.0})
    run = ct.run(net, HALF, ct.Cascade(step=10, horizon=600))
    assert run.metrics["issuer_loss"] == 25.0
    assert run.nodes.loc["h", "loss"] == 25.0
    # 15 of equity, 40 lost: 15 by itself, 25 by those who hold its token
    assert run.nodes.loc["A", "closing_equity"] == 0.0
    assert run.nodes.loc["A", "direct_loss"] == 40.0


def test_the_graph_has_an_edge_from_an_issuer_to_every_holder_and_the_channels_add_up():
    net = issuing_net({"A": (35.0, 80.0, {}), "B": (50.0, 0.0, {"a": 40.0})}, {"a": 60.0, "b": 50.0})
    run = ct.run(net, HALF, ct.Cascade(step=10, horizon=600))
    edges = [
        (source, target, data["weight"], data["kind"])
        for source, target, data in run.contagion_graph().edges(data=True)
        if data["channel"] == "issuer"
    ]
    assert sorted(edges) == [("A", "B", 10.0, "a"), ("A", "h", 15.0, "a")]
    by_node = run.losses.groupby("node")["money"].sum()
    for node, row in run.nodes.iterrows():
        assert by_node.get(node, 0.0) == pytest.approx(row["loss"] - row["gain"], abs=1e-9)


def test_an_issuer_has_caused_what_the_holders_of_its_token_lose():
    run = ct.run(issuing_net({"A": (0.0, 100.0, {})}, {"a": 100.0}), HALF, ct.Cascade(step=10, horizon=600))
    assert run.nodes.loc["h", "loss"] == 0.5 * 100.0 * 1.0
    assert run.nodes["loss_caused"].to_dict() == {"A": 50.0, "V": 0.0, "h": 0.0}
    assert run.nodes.loc["A", "loss"] == 0.0
    assert run.venues["loss_caused"].to_dict() == {"V": 0.0}


def test_every_issuer_of_a_chain_has_caused_the_haircut_of_its_own_token():
    # a at 60 / 100, so b at (20 + 60) / 120
    net = issuing_net({"A": (0.0, 120.0, {}), "B": (20.0, 0.0, {"a": 100.0})}, {"b": 120.0})
    run = ct.run(net, HALF, ct.Cascade(step=10, horizon=600))
    caused = run.nodes["loss_caused"]
    assert caused["A"] == pytest.approx(100.0 * 0.4, rel=1e-12)
    assert caused["B"] == pytest.approx(120.0 / 3.0, abs=1e-6)  # a quantum of money
    assert caused.sum() == pytest.approx(run.metrics["issuer_loss"], rel=1e-12)


def test_an_issuer_whose_token_came_back_has_caused_nothing():
    frame = pd.DataFrame({"ETH": [1.0, 0.5, 0.5, 1.0]}, index=[0.0, 10.0, 100.0, 110.0])
    net = issuing_net({"A": (0.0, 100.0, {})}, {"a": 100.0})
    run = ct.run(net, ct.PricePath(frame), ct.Cascade(step=10, horizon=600))
    assert run.nodes.loc["A", "loss_caused"] == 0.0


def test_an_issuer_that_is_a_venue_has_caused_it_as_node_and_as_venue():
    net = issuing_net({"A": (0.0, 100.0, {})}, {"a": 100.0})
    nodes = net.nodes.assign(kind=net.nodes["kind"].mask(net.nodes.index == "A", "protocol"))
    net = net.replace(nodes=nodes, venues=[{"name": "V"}, {"name": "A"}])
    run = ct.run(net, HALF, ct.Cascade(step=10, horizon=600))
    assert (run.nodes.loc["A", "loss_caused"], run.venues.loc["A", "loss_caused"]) == (50.0, 50.0)
    assert run.venues.loc["V", "loss_caused"] == 0.0


@pytest.mark.parametrize(("cash", "ether", "rate"), [(50.0, 50.0, 0.5), (0.0, 100.0, 1.0)])
def test_the_default_of_an_issuer_takes_its_cash_and_leaves_the_coins_that_back_its_token(cash, ether, rate):
    net = issuing_net({"A": (cash, ether, {})}, {"a": 100.0})
    run = ct.run(net, ct.Default(["A"]), ct.Cascade(step=10, horizon=600))
    assert run.metrics["node_defaults"] == 1.0
    assert run.metrics["issuer_loss"] == run.nodes.loc["A", "loss_caused"] == 100.0 * (1.0 - rate)


@pytest.mark.parametrize("shock", [ct.PriceShock({"ETH": -0.05}, over=0.0), ct.Mint("a", 3.0)])
def test_an_issuer_who_can_pay_changes_no_bit(shock):
    issuers = {"A": (50.0, 90.0, {"b": 40.0}), "B": (50.0, 80.0, {"a": 30.0})}
    nets = [issuing_net(issuers, {"a": 100.0, "b": 70.0}, issued=issued) for issued in (True, False)]
    (_, one), (_, other) = (simulated(net, shock) for net in nets)
    same = {name: getattr(other, name) for name in ("fixed_debt", "issued", "own_resources", "payments")}
    assert_identical(one._replace(**same), other, 0)


def test_both_drivers_and_the_plain_look_give_the_same_bits():
    issuers = {"A": (50.0, 60.0, {"b": 40.0}), "B": (50.0, 60.0, {"a": 30.0})}
    net = issuing_net(issuers, {"a": 100.0, "b": 70.0}, loans=(("B", "A", 5.0),))
    prepared = ct.Cascade(step=10.0, horizon=600.0).prepare(net)
    compiled = prepared.simulate(HALF)
    for look in ("python", "numpy"):
        assert_identical(compiled, prepared.simulate(HALF, look=look), 0)


@pytest.mark.parametrize(
    ("cash", "units"), [(100.1, (100.1,)), (1.0 / 3.0, (0.2, 0.4 / 3.0)), (1e6 + 0.7, (1e6, 0.7))]
)
def test_an_issuer_that_owes_exactly_what_it_has_is_not_short_by_rounding(cash, units):
    net = issuing_net({"A": (cash, 0.0, {})}, {"a": units[0]})
    if len(units) > 1:
        net = net.replace(
            holdings=[*net.holdings.to_dict("records"), {"node": "V", "asset": "a", "quantity": units[1]}]
        )
    run = ct.run(net, HALF, ct.Cascade(step=10, horizon=600))
    assert "issuer" not in set(run.events["kind"])


def test_random_rings_meet_their_linear_solutions():
    rng = np.random.default_rng(7)
    for _ in range(12):
        n = int(rng.integers(2, 6))
        names = "ABCDEF"[:n]
        across = rng.integers(0, 40, (n, n)).astype(float)
        np.fill_diagonal(across, 0.0)
        free = rng.integers(60, 120, n).astype(float)
        owed = across.sum(axis=0) + free
        ether = np.ceil(1.6 * (owed - across.sum(axis=1)))
        issuers = {
            name: (0.0, float(ether[i]), {names[j].lower(): float(across[i, j]) for j in range(n)})
            for i, name in enumerate(names)
        }
        net = issuing_net(issuers, {name.lower(): float(free[i]) for i, name in enumerate(names)})
        rows = [
            [Fraction(int(owed[i])) if i == j else -Fraction(int(across[i, j])) for j in range(n)]
            for i in range(n)
        ]
        exact = solved(rows, [Fraction(int(value)) / 2 for value in ether])
        if max(exact) >= 1:
            continue
        found = recoveries(net)
        assert all(close(found[name.lower()], exact[i]) for i, name in enumerate(names))


# what cannot be started from ------------------------------------------------------------------------------------------


def test_an_issuer_that_is_short_before_the_shock_is_an_error_with_its_shortfall():
    net = issuing_net({"A": (40.0, 30.0, {})}, {"a": 100.0})
    with pytest.raises(
        NetworkError, match=r"30\.00 short of it before any shock, a recovery rate of 0\.700"
    ) as caught:
        ct.Cascade().prepare(net)
    assert "'A'" in str(caught.value)
    assert "raise its cash" in str(caught.value)


def test_issuers_with_only_each_others_tokens_are_an_error_that_names_them():
    net = issuing_net({"A": (0.0, 0.0, {"b": 9.0}), "B": (0.0, 0.0, {"a": 9.0})}, {})
    with pytest.raises(NetworkError, match="only each other's tokens") as caught:
        ct.Cascade().prepare(net)
    assert "'A', 'B'" in str(caught.value)


@pytest.mark.parametrize(
    ("issuers", "holders", "code", "row"),
    [
        ({"A": (0.0, 0.0, {"b": 9.0}), "B": (0.0, 0.0, {"a": 9.0})}, {}, "issuer-loop", "A"),
        ({"A": (40.0, 30.0, {})}, {"a": 100.0}, "short-issuer", "A"),
    ],
)
def test_check_finds_issuers_that_nothing_backs_before_any_run(issuers, holders, code, row):
    net = issuing_net(issuers, holders)
    found = net.check()
    errors = found[found["severity"] == "error"]
    assert errors["code"].tolist() == [code]
    assert errors["table"].tolist() == ["nodes"]
    assert net.nodes.index[errors["row"].iloc[0] - 1] == row
    assert '"' not in errors["remedy"].iloc[0]
    assert "cash, external_assets" in errors["remedy"].iloc[0]


def test_a_share_of_equity_is_an_error_with_its_remedy():
    net = issuing_net({"A": (40.0, 80.0, {})}, {"a": 100.0})
    shares = net.replace(
        assets=net.assets.assign(kind=["claim" if a == "a" else k for a, k in net.assets["kind"].items()])
    )
    with pytest.raises(NetworkError, match="a share of his equity") as caught:
        ct.Cascade().prepare(shares)
    assert "set kind to 'token'" in str(caught.value)


def test_a_rate_that_falls_and_comes_back_leaves_no_loss_at_all():
    """Three falls to odd rates and a return: the sum of the changes is exactly 0, not nearly."""
    net = issuing_net({"A": (40.0 / 3.0, 260.0 / 3.0, {})}, {"a": 100.0})
    path = pd.DataFrame({"ETH": [1.0, 0.71, 0.53, 0.47, 1.0, 1.0]}, index=[0.0, 10.0, 20.0, 30.0, 40.0, 50.0])
    run = ct.run(net, ct.PricePath(path), ct.Cascade(step=10.0, horizon=300.0))
    rates = run.events[run.events["kind"] == "issuer"]
    assert len(rates) == 4
    assert rates["price"].iloc[-1] == 1.0
    assert run.metrics["issuer_loss"] == 0.0
    assert rates["money"].sum() == 0.0
    assert rates["money"].iloc[:3].sum() == pytest.approx(100.0 - 40.0 / 3.0 - 0.47 * 260.0 / 3.0, abs=1e-5)
