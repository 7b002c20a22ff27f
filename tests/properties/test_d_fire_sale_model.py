"""Group D of the invariants for the model `FireSale` on networks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import contagion as ct
from contagion.propagation.firesales import (
    AllOnDefault,
    CapitalRatio,
    FloorRule,
    LeverageBands,
    LeverageThreshold,
    LinearRule,
    ShareRule,
    SquareRootRule,
)

ASSETS = ("S0", "S1", "S2")
RULES = {
    "floor": FloorRule(floor=0.2, depth=300.0),
    "linear": LinearRule(per_money=2e-4),
    "share": ShareRule(price_impact=0.03),
    "root": SquareRootRule(scale=0.5, volatility=0.02, volume=50.0),
}
FOLLOWED = {
    "threshold": LeverageThreshold(15.0, 12.0),
    "ratio": CapitalRatio(0.08),
    "bands": LeverageBands(0.02, 0.08, 0.1),
}
ONE_WAY = {"threshold": LeverageThreshold(15.0, 15.0), "ratio": CapitalRatio(0.08), "default": AllOnDefault()}

amounts = st.integers(0, 60)


@st.composite
def networks(draw):
    """Two to five banks with holdings of three assets, claims on one another, and equity of 3 to 20 of 100 assets."""
    n = draw(st.integers(2, 5))
    banks = [f"B{i}" for i in range(n)]
    held = [[draw(amounts) for _ in ASSETS] for _ in banks]
    held[0][0] += 1
    debts = [
        (i, j, draw(st.integers(1, 20))) for i in range(n) for j in range(n) if i != j and draw(st.booleans())
    ]
    debts = debts or [(0, 1, 5)]
    nodes = []
    for i, bank in enumerate(banks):
        other = draw(amounts)
        assets = sum(held[i]) + other + sum(a for _, j, a in debts if j == i)
        owed = sum(a for k, _, a in debts if k == i)
        equity = max(1.0, draw(st.integers(3, 20)) / 100.0 * assets)
        outside = assets - owed - equity
        nodes.append(
            {
                "name": bank,
                "kind": "institution",
                "external_assets": float(other) + max(0.0, -outside),
                "external_liabilities": max(0.0, outside),
            }
        )
    return ct.Network(
        nodes=nodes,
        assets=[{"name": name, "kind": "coin", "price": 2.0} for name in ASSETS],
        holdings=[
            {"node": bank, "asset": name, "quantity": held[i][k] / 2.0}
            for i, bank in enumerate(banks)
            for k, name in enumerate(ASSETS)
            if held[i][k]
        ],
        obligations=[{"debtor": banks[i], "creditor": banks[j], "amount": float(a)} for i, j, a in debts],
    )


def fall_of(share):
    return ct.PriceShock({"S0": -share}, over=0) + ct.AssetShock({"B0": -share})


few = settings(max_examples=max(8, settings().max_examples // 3))
"""For tests that build two networks or the tables of three runs."""
shares = st.sampled_from([0.0, 0.01, 0.05, 0.2, 0.6])


@given(networks(), shares, st.sampled_from(sorted(FOLLOWED)))
def test_d1_zero_impact_loses_exactly_nothing_through_prices(net, share, response):
    model = ct.FireSale(FOLLOWED[response], impact=LinearRule(per_money=0.0), rounds=5)
    prepared = model.prepare(net)
    metrics = dict(zip(prepared.metric_names, prepared.metrics(fall_of(share)), strict=True))
    assert metrics["fire_sale_loss"] == metrics["worst_fall"] == metrics["system_loss"] == 0.0


@given(networks(), shares, st.sampled_from(sorted(FOLLOWED)), st.sampled_from(sorted(RULES)))
def test_d2_prices_never_rise_and_nobody_sells_more_than_it_has(net, share, response, rule):
    model = ct.FireSale(FOLLOWED[response], impact=RULES[rule], rounds=6)
    run = ct.run(net, fall_of(share), model)
    paths = run.paths.pivot(index="round", columns="asset", values="price").to_numpy()
    assert (np.diff(paths, axis=0) <= 0.0).all() and (paths >= 0.0).all()
    held = run.markets["held"] * run.markets["shocked_price"] / run.markets["opening_price"]
    assert (run.markets["sold"] <= held * (1.0 + 1e-12)).all() and (run.markets["sold"] >= 0.0).all()
    assert run.nodes["price_loss_caused"].sum() == pytest.approx(run.metrics["fire_sale_loss"], abs=1e-9)
    assert run.nodes["price_loss"].sum() == pytest.approx(run.metrics["fire_sale_loss"], abs=1e-9)


@given(networks(), st.sampled_from(sorted(ONE_WAY)), st.sampled_from(sorted(RULES)), st.booleans())
def test_d3_fixed_points_are_ordered_and_fall_with_the_shock(net, response, rule, joint):
    clearing = ct.Clearing() if joint else None
    ends = {
        end: ct.FireSale(ONE_WAY[response], impact=RULES[rule], rounds=end, clearing=clearing).prepare(net)
        for end in ("least", "most")
    }
    closing = []
    for share in (0.0, 0.02, 0.1):
        found = {end: prepared.follow(fall_of(share)) for end, prepared in ends.items()}
        price = {end: ends[end].sales.course_of(outcome).price for end, (_, outcome) in found.items()}
        assert (price["least"] >= price["most"] - 1e-9).all()
        lost = ends["most"].sales.limited_loss(*(found["most"][0], found["most"][1].equity))
        assert found["least"][1].metrics["other_end_loss"] == pytest.approx(lost, abs=1e-7)
        closing.append(np.maximum(found["least"][1].equity, 0.0))
    assert (closing[0] >= closing[1] - 1e-7).all() and (closing[1] >= closing[2] - 1e-7).all()


@few
@given(networks(), shares, st.sampled_from(sorted(RULES)))
def test_channels_sum_to_the_loss_of_the_system(net, share, rule):
    model = ct.FireSale(ONE_WAY["threshold"], impact=RULES[rule], clearing=ct.Clearing())
    run = ct.run(net, fall_of(share), model)
    apart = ct.run(net, fall_of(share), ct.Clearing()).metrics["system_loss"]
    alone = ct.run(net, fall_of(share), ct.FireSale(ONE_WAY["threshold"], impact=RULES[rule], rounds="least"))
    m = run.metrics
    assert m["claims_loss"] == pytest.approx(apart, abs=1e-9)
    assert m["system_loss"] - m["claims_loss"] - m["interaction_loss"] == pytest.approx(
        alone.metrics["system_loss"], abs=1e-9
    )


@few
@given(networks(), shares, st.sampled_from(sorted(FOLLOWED)), st.randoms())
def test_f2_the_order_of_rows_changes_no_bit(net, share, response, random):
    tables = {}
    for name in ("nodes", "holdings", "obligations", "assets"):
        rows = list(range(len(net.tables[name])))
        random.shuffle(rows)
        tables[name] = net.tables[name].iloc[rows]
    again = ct.Network(**tables)
    model = ct.FireSale(FOLLOWED[response], impact=RULES["floor"], rounds=4)
    one, two = (ct.run(each, fall_of(share), model) for each in (net, again))
    assert one.metrics.equals(two.metrics)
    assert one.nodes.equals(two.nodes)


@few
@given(networks(), shares, st.sampled_from([0.25, 8.0]))
def test_f3_money_in_powers_of_two_changes_no_bit(net, share, factor):
    names = ["external_assets", "external_liabilities", "cash"]
    again = ct.Network(
        nodes=net.nodes.assign(**{name: net.nodes[name] * factor for name in names}),
        assets=net.assets.assign(price=net.assets["price"] * factor),
        holdings=net.holdings,
        obligations=net.obligations.assign(amount=net.obligations["amount"] * factor),
    )
    threshold = FOLLOWED["threshold"]
    one = ct.run(net, fall_of(share), ct.FireSale(threshold, impact=FloorRule(floor=0.2, depth=300.0)))
    two = ct.run(
        again, fall_of(share), ct.FireSale(threshold, impact=FloorRule(floor=0.2, depth=300.0 * factor))
    )
    assert two.metrics["fire_sale_loss"] == one.metrics["fire_sale_loss"] * factor
    assert two.metrics["system_loss"] == one.metrics["system_loss"] * factor
    assert two.metrics["worst_fall"] == one.metrics["worst_fall"]


@given(networks(), shares, st.sampled_from(sorted(FOLLOWED)), st.sampled_from(sorted(RULES)))
def test_the_quick_end_is_that_of_the_rounds_that_are_told(net, share, response, rule):
    model = ct.FireSale(FOLLOWED[response], impact=RULES[rule], rounds=5)
    prepared = model.prepare(net)
    quick = dict(zip(prepared.metric_names, prepared.metrics(fall_of(share)), strict=True))
    told = prepared.run(fall_of(share)).metrics
    for name, value in quick.items():
        assert value == pytest.approx(told[name], rel=1e-9, abs=1e-9, nan_ok=True), name


@few
@given(networks(), shares, st.sampled_from(sorted(FOLLOWED)), st.sampled_from(sorted(RULES)))
def test_e1_policies_of_size_zero_change_no_bit(net, share, response, rule):
    model = ct.FireSale(FOLLOWED[response], impact=RULES[rule], rounds=5)
    none = model.prepare(net).metrics(fall_of(share))
    for policy in (ct.AssetPurchases(budget=0.0), ct.AssetPurchases(share=0.0), ct.SaleThrottle(share=1.0)):
        assert np.array_equal(model.prepare(net, [policy]).metrics(fall_of(share)), none, equal_nan=True)


@few
@given(networks(), shares, st.sampled_from(sorted(FOLLOWED)), st.sampled_from([0.01, 1.0, 100.0]))
def test_linear_impact_takes_no_more_than_holdings_are_worth(net, share, response, steep):
    run = ct.run(
        net, fall_of(share), ct.FireSale(FOLLOWED[response], impact=LinearRule(per_money=steep), rounds=5)
    )
    assert (run.paths["price"] >= 0.0).all() and run.metrics["worst_fall"] <= 1.0
    held = float((net.holdings["quantity"] * 2.0).sum())
    assert 0.0 <= run.metrics["fire_sale_loss"] <= held * (1.0 + 1e-12)
