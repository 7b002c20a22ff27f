"""The pictures of what leaves the market it began in: basis, gamma of hedgers, losses by layer, composability."""

import math
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection
from matplotlib.patches import Rectangle

import contagion as ct
from contagion.errors import SchemaError, ValueRangeError
from contagion.markets import black_scholes
from contagion.plot.composability import CHANNELS, loss_links
from contagion.plot.gammas import hedgers_gamma
from contagion.plot.layer_policies import losses_of_losers, losses_of_policies
from tests.propagation.cascade.small import Holder, Rules, play, small_net
from tests.worlds import random_world

YEAR = 365.0 * 86_400.0
BROKE = {"a": Holder({"M": 16.0}, 900.0), "b": Holder({"M": 4.0}, 9000.0)}


@pytest.fixture(scope="module")
def cut():
    """`a` leaves 244 of bad debt, the fund has 100, the rest of the market pays 144."""
    return play(small_net(BROKE, Rules({"insurance_fund": 100.0}, rate=1.0 / 64.0)))


@pytest.fixture(scope="module")
def run():
    """A random world in which a protocol and a trader fail."""
    world = random_world(14)
    return ct.run(world.net, world.shock, world.model, list(world.policies))


@pytest.fixture(scope="module")
def still():
    return play(small_net({"a": Holder({"M": 16.0}, 9000.0)}))


def hedged(calls=-500.0, ratio=1.0):
    """The tables of a dealer's book of one call at 102 on an asset at 100, hedged in spot."""
    terms = {"option_side": "call", "strike": 102.0, "expiry": YEAR * 20 / 365, "implied_volatility": 0.6}
    option = {"name": "C", "asset": "X", "kind": "option", "carry": 0.0, **terms}
    hedge = {"name": "h", "kind": "hedge", "asset": "X", "long_account": "book", "ratio": ratio}
    return SimpleNamespace(
        unit="USD",
        obligations=pd.DataFrame(),
        assets=pd.DataFrame({"price": {"USD": 1.0, "X": 100.0}}),
        markets=pd.DataFrame([option]).set_index("name"),
        accounts=pd.DataFrame({"count": {"book": 1}}),
        positions=pd.DataFrame([{"account": "book", "market": "C", "quantity": calls}]),
        strategies=pd.DataFrame([hedge]).set_index("name"),
    )


def texts(ax):
    legend = ax.get_legend()
    return [t.get_text() for t in [*ax.texts, *(legend.get_texts() if legend else [])]]


def test_basis_of_every_venue_is_price_over_index_less_one(run):
    ax = ct.plot.basis(run)
    drawn = [line for line in ax.lines if line.get_marker() not in ("", "None", None)]
    assert len(drawn) == run.markets["venue"].nunique()
    paths, perps = run.paths, run.markets[run.markets["kind"] == "perp"]
    for line, venue in zip(drawn, sorted(perps["venue"].unique()), strict=True):
        own = perps.index[(perps["venue"] == venue) & (perps["asset"] == "AAA")]
        found = [
            100.0 * (path["last"] / path["index"] - 1.0).to_numpy()
            for _, path in paths[paths["market"].isin(own)].groupby("market")
        ]
        assert any(np.allclose(line.get_ydata(), one, atol=1e-12) for one in found)
    assert ax.get_ylabel() == "basis\n(% of fair price)"
    assert "minutes" in ax.get_xlabel()


def test_an_asset_without_perpetuals_and_futures_is_refused_with_those_that_have_some(run):
    with pytest.raises(SchemaError, match="AAA"):
        ct.plot.basis(run, asset="Z")


def test_where_every_price_is_fair_the_basis_says_so(still):
    ax = ct.plot.basis(still)
    assert any("every price is fair" in t.get_text() or "widest" in t.get_text() for t in ax.texts)


def test_the_gamma_of_hedgers_is_that_of_the_options_they_hold():
    table, strikes = hedgers_gamma(hedged(ratio=0.5), "X")
    spot = table["spot"].to_numpy()
    each = black_scholes("call", spot, 102.0, 20 / 365, 0.6)
    np.testing.assert_allclose(table["dollar_gamma"], 0.5 * -500.0 * each.gamma * spot**2 / 100.0)
    assert strikes.tolist() == [102.0]
    ax = ct.plot.gamma_profile(hedged())
    assert ax.get_ylabel().startswith("gamma of hedgers (") and "per 1 %" in ax.get_ylabel()
    assert "sell into falls,\nbuy into rises" in texts(ax) and "strike" in texts(ax)
    assert "buy into falls,\nsell into rises" not in texts(ax)


def test_a_profile_of_ones_own_is_drawn_from_its_table():
    found = ct.markets.gamma_profile(
        "put", 100.0, 90.0, 0.1, 0.5, spot=100.0, levels=np.linspace(60, 140, 81)
    )
    table = pd.DataFrame({"spot": found.spot, "dollar_gamma": found.dollar_gamma})
    ax = ct.plot.gamma_profile(table, asset="X")
    assert "buy into falls,\nsell into rises" in texts(ax)
    assert "nowhere below zero" in " ".join(texts(ax))


def test_without_hedgers_there_is_no_gamma_to_draw(cut):
    with pytest.raises(SchemaError, match="hedge"):
        ct.plot.gamma_profile(cut.network)
    with pytest.raises(SchemaError, match="hedge"):
        ct.plot.gamma_profile(hedged(), asset="Y")
    with pytest.raises(SchemaError, match="network"):
        ct.plot.gamma_profile(cut)


def test_losses_of_the_layers_sum_to_the_system_loss_and_bars_to_both(run):
    table = losses_of_losers(run)
    assert float(table.to_numpy().sum()) == pytest.approx(run.metrics["system_loss"], rel=1e-9)
    ax = ct.plot.losses_by_layer(run)
    bars = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    assert sum(bar.get_width() for bar in bars) == pytest.approx(run.metrics["system_loss"], rel=1e-9)
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == [f"{name}s" for name in table.index]
    assert "USD" in ax.get_xlabel()


@pytest.fixture(scope="module")
def study():
    """Two scenarios under three sets; in both the account of 16 units leaves bad debt."""
    net = small_net(BROKE, Rules({"insurance_fund": 100.0}, rate=1.0 / 64.0))
    shocks = [ct.PriceShock({"X": -1.0 / 16.0}, over=0.0), ct.PriceShock({"X": -1.0 / 8.0}, over=0.0)]
    sets = {"larger fund": [ct.InsuranceFund(factor=50.0)]}
    return ct.compare(net, shocks, ct.Cascade(step=10.0, horizon=600.0), sets)


@pytest.mark.parametrize("by", ["channel", "layer"])
def test_of_a_comparison_every_set_has_a_row_that_sums_to_its_mean_system_loss(study, by):
    found = losses_of_policies(study, by)
    means = study.to_frame().groupby("policy")["system_loss"].mean()
    assert list(found.means.index) == list(study.policies) == ["none", "larger fund", "placebo"]
    np.testing.assert_allclose(found.means.sum(axis=1), means[found.means.index], rtol=1e-9)
    runs = [losses_of_losers(study.rerun("larger fund", n)) for n in (0, 1)]
    parts = [table.sum(axis=0 if by == "channel" else 1) for table in runs]
    hand = pd.concat(parts, axis=1).fillna(0.0).mean(axis=1)
    assert found.means.loc["larger fund", hand.index].to_dict() == pytest.approx(hand.to_dict())
    ax = ct.plot.losses_by_layer(study, by=by)
    assert [label.get_text() for label in ax.get_yticklabels()] == list(study.policies)
    (marks,) = (line.get_xdata() for line in ax.lines if line.get_marker() == "|")
    np.testing.assert_allclose(marks, means[found.means.index], rtol=1e-9)
    told = " ".join(texts(ax))
    assert "means over 2 scenarios" in told
    assert "no interval" in told


def test_of_enough_scenarios_the_mean_has_its_interval_and_unfit_comparisons_are_refused(study):
    net, model = study.networks[0], study.model
    shocks = [ct.PriceShock({"X": -0.05 - 0.002 * k}, over=0.0) for k in range(30)]
    many = ct.compare(net, shocks, model, {})
    found = losses_of_policies(many)
    lost = many.to_frame().query("policy == 'none'")["system_loss"].to_numpy()
    low, high = found.ends[0]
    assert low < lost.mean() < high
    plain = 1.96 * lost.std(ddof=1) / math.sqrt(30)  # a few large losses: the upper end is farther than that
    assert 0.5 * plain < lost.mean() - low < 1.5 * plain < high - lost.mean() < 4.0 * plain
    assert "95 % interval" in texts(ct.plot.losses_by_layer(many))
    with pytest.raises(ValueRangeError, match="one of channel, layer"):
        ct.plot.losses_by_layer(many, by="venue")
    other = ct.compare(
        ct.datasets.load("overlapping-portfolios"), ct.PriceShocks.normal(scale=0.01), ct.Clearing(), n=2
    )
    with pytest.raises(SchemaError, match="Clearing"):
        ct.plot.losses_by_layer(other)


def test_by_hand_the_bad_debt_of_one_is_spread_over_fund_and_customers(cut):
    """The fund lost 100; the rest of the market, which is not counted, 144; `a` could lose no more than it had."""
    told = cut.losses.set_index(["node", "channel"])["money"]
    assert told["V", "bad debt"] == 100.0
    assert told["rest_of_market:V", "bad debt"] == 144.0
    assert told["a", "bad debt"] == -244.0
    links = loss_links(cut).set_index(["source", "target"])["money"].to_dict()
    assert links == {("a", "V"): 244.0, ("V", "rest_of_market:V"): 144.0}


def test_the_tree_starts_where_nobody_was_hit_and_draws_every_link_that_leads_on(cut, run):
    ax = ct.plot.composability(cut)
    shown = texts(ax)
    assert {"a", "V", "rest_of_market:V", "where it starts", "hit by these", "at hand 3"} <= set(shown)
    assert "drawn are 388 USD of 388 USD passed on" in " ".join(shown)
    drawn = [c for c in ct.plot.composability(run).collections if isinstance(c, PathCollection)]
    curves = sum(
        len(c.get_paths()) for c in drawn if c.get_offsets().shape[0] <= 1 and len(c.get_paths()) > 1
    )
    assert curves > 0
    assert set(loss_links(run)["channel"]) <= set(CHANNELS)


def test_many_nodes_of_a_column_are_put_together_by_layer(run):
    ax = ct.plot.composability(run, most=2)
    assert any(text.endswith("traders") for text in texts(ax))
    with pytest.raises(ValueRangeError, match="a whole number from 1"):
        ct.plot.composability(run, most=0)


def test_where_nothing_was_lost_or_passed_on_the_pictures_say_so(still):
    assert "nobody lost anything beyond the shock" in texts(ct.plot.losses_by_layer(still))
    assert any(text.startswith("no loss passed") for text in texts(ct.plot.composability(still)))


@pytest.mark.parametrize("name", ["basis", "losses_by_layer", "composability"])
def test_pictures_take_the_axes_given_leave_settings_alone_and_refuse_other_models(run, name):
    draw, before = getattr(ct.plot, name), dict(plt.rcParams)
    figure, ax = plt.subplots()
    assert draw(run, ax=ax) is ax
    figure.canvas.draw()
    assert dict(plt.rcParams) == before
    net = ct.datasets.load("overlapping-portfolios")
    with pytest.raises(SchemaError, match="Clearing"):
        draw(ct.run(net, ct.PriceShock({"asset-05": -0.1}), ct.Clearing()))
    with pytest.raises(SchemaError, match="no run"):
        draw(net)


def test_futures_are_compared_with_the_index_carried_to_their_expiry():
    net = small_net({"a": Holder({"M": 1.0}, 9000.0)})
    dated = net.replace(
        markets=net.markets.assign(kind="future", expiry=YEAR / 4.0, carry=0.08, in_index=True)
    )
    run = ct.run(dated, ct.PriceShock({"X": -0.1}, over=0.0), ct.Cascade(step=10.0, horizon=60.0))
    from contagion.plot.basis import basis_of

    told = basis_of(run)
    row = told.iloc[-1]
    index = run.paths["index"].iloc[-1]
    left = (YEAR / 4.0 - row["time"]) / YEAR
    assert row["fair"] == pytest.approx(index * math.exp(0.08 * left), rel=1e-12)
    assert row["basis"] == pytest.approx(row["price"] / row["fair"] - 1.0, abs=1e-15)
