"""The pictures of fire sales: prices and leverage over the rounds, losses by channel."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.patches import Rectangle

import contagion as ct
from contagion.errors import SchemaError
from contagion.plot.sales import CHANNELS, leverages, losses_by_channel
from contagion.propagation.firesales.rules import FloorRule

SHOCK = ct.PriceShock({"asset-05": -0.1})


@pytest.fixture(scope="module")
def net():
    return ct.datasets.load("overlapping-portfolios")


@pytest.fixture(scope="module")
def run(net):
    return ct.run(net, SHOCK, ct.FireSale())


@pytest.fixture(scope="module")
def joint(net):
    return ct.run(net, SHOCK, ct.FireSale(clearing=ct.Clearing()))


def two_banks():
    """A with leverage 40 after a shock of 1 % sells; B holds the same."""
    nodes = [
        {"name": "A", "kind": "institution", "external_liabilities": 97.5},
        {"name": "B", "kind": "institution", "external_liabilities": 40.0},
    ]
    holdings = [{"node": name, "asset": "S", "quantity": 100.0} for name in "AB"]
    return ct.Network(nodes=nodes, assets=[{"name": "S", "kind": "token", "price": 1.0}], holdings=holdings)


def bars(ax):
    """Left end, width and middle of every bar that is drawn."""
    found = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    return [(bar.get_x(), bar.get_width(), bar.get_y() + bar.get_height() / 2) for bar in found]


def texts(ax):
    legend = ax.get_legend()
    return [t.get_text() for t in [*ax.texts, *(legend.get_texts() if legend else [])]]


def test_prices_and_leverage_of_every_round_are_drawn(run):
    ax = ct.plot.sale_paths(run)
    upper = ax.child_axes[0]
    path = run.paths.pivot(index="round", columns="asset", values="price") / run.markets["opening_price"]
    worst = run.markets["fall"].idxmax()
    np.testing.assert_allclose(upper.lines[len(path.columns) - 6].get_ydata(), 100.0 * path[worst])
    drawn = {str(line.get_label()): line for line in ax.lines}
    assert len(drawn) == 3
    table = leverages(run)
    np.testing.assert_allclose(ax.lines[0].get_ydata(), table["highest"])
    np.testing.assert_allclose(ax.lines[1].get_ydata(), table["median"])
    assert "limit 33.3" in texts(ax)
    assert ax.get_ylabel() == "leverage\n(assets / equity)"
    assert upper.get_ylabel() == "price (% of the opening)"


def test_leverage_by_hand_starts_after_the_shock_and_ends_after_the_last_sale():
    # A: 99 of assets, 1.5 of equity, leverage 66; B: 99 and 59, leverage 99 / 59
    rule = ct.FireSale(impact=FloorRule(depth=1e12))
    run = ct.run(two_banks(), ct.PriceShock({"S": -0.01}), rule)
    table = leverages(run)
    assert table.loc[0].to_dict() == pytest.approx({"highest": 66.0, "median": (66.0 + 99 / 59) / 2})
    assert table.loc[1, "highest"] == pytest.approx(0.95 * 33.3, rel=1e-6)
    assert table.index[-1] == run.paths["round"].max()


def test_at_a_fixed_point_there_are_two_moments(joint):
    ax = ct.plot.sale_paths(joint)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["after the shock", "at the fixed point"]


def test_losses_by_channel_sum_to_all_losses_and_the_bars_are_laid_end_to_end(joint):
    parts = losses_by_channel(joint.metrics)
    assert list(parts.index) == list(CHANNELS)
    total = joint.metrics["direct_loss"] + joint.metrics["system_loss"]
    assert parts.sum() == pytest.approx(total)
    ax = ct.plot.loss_channels(joint)
    drawn = bars(ax)
    assert len(drawn) == 5
    for row, (left, width, middle) in enumerate(drawn[:4]):
        assert (left, width) == pytest.approx((parts.iloc[:row].sum(), parts.iloc[row]))
        assert middle == pytest.approx(row)
    assert drawn[4][:2] == pytest.approx((0.0, total))
    assert "USD" in ax.get_xlabel()


@pytest.mark.parametrize(
    ("claims", "both", "says"),
    [
        (30.0, 20.0, "60.0 USD beyond the shock, 33 % of it only because both channels work"),
        (30.0, -10.0, "60.0 USD beyond the shock, less than prices and claims would take one by one"),
        (0.0, 1e-12, "60.0 USD beyond the shock"),
    ],
)
def test_the_line_under_the_title_says_how_the_channels_go_together(joint, claims, both, says):
    told = {"direct_loss": 5.0, "system_loss": 60.0, "claims_loss": claims, "interaction_loss": both}
    metrics = joint.metrics.copy()
    metrics.update(pd.Series(told))
    parts = losses_by_channel(metrics)
    assert parts["prices"] == pytest.approx(60.0 - claims - both)
    from contagion.plot.sales import _sentence

    assert _sentence(parts, "USD") == says


def test_a_comparison_has_a_row_for_each_policy_set_and_means_over_scenarios(net):
    policies = {"more equity": [ct.CapitalInjection(amounts=5e7)]}
    family = ct.PriceShocks.student_t(df=4, scale=0.03)
    study = ct.compare(net, family, ct.FireSale(), policies, n=4, seed=1)
    ax = ct.plot.loss_channels(study)
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == list(study.policies)
    frame = study.to_frame()
    means = frame.groupby("policy")[["direct_loss", "system_loss"]].mean().sum(axis=1)
    (marks,) = (line.get_xdata() for line in ax.lines if line.get_marker() == "|")
    np.testing.assert_allclose(marks, means[names])
    assert "means over 4 scenarios" in " ".join(texts(ax))


def test_scenarios_count_by_their_weight_under_importance_sampling(net):
    family = ct.PriceShocks.student_t(df=4, scale=0.02).tilted(factor=-1.0)
    study = ct.compare(net, family, ct.FireSale(), {}, n=5, seed=3)
    frame = study.to_frame().query("policy == 'none'")
    assert frame["weight"].nunique() > 1
    lost = np.average(frame["direct_loss"] + frame["system_loss"], weights=frame["weight"])
    ax = ct.plot.loss_channels(study)
    (marks,) = (line.get_xdata() for line in ax.lines if line.get_marker() == "|")
    assert marks[0] == pytest.approx(lost)


def test_where_nobody_sells_both_pictures_say_so(net):
    calm = ct.run(net, ct.PriceShock({"asset-05": 0.0}), ct.FireSale())
    assert "nobody sells" in texts(ct.plot.sale_paths(calm).child_axes[0])
    assert "nothing is lost beyond the shock" in texts(ct.plot.loss_channels(calm))


def test_pictures_take_the_axes_given_and_leave_settings_alone(run, joint):
    before = dict(plt.rcParams)
    for draw in (ct.plot.sale_paths, ct.plot.loss_channels):
        for one in (run, joint):
            figure, ax = plt.subplots()
            assert draw(one, ax=ax) is ax
            figure.canvas.draw()
    assert dict(plt.rcParams) == before


@pytest.mark.parametrize("draw", [ct.plot.sale_paths, ct.plot.loss_channels])
def test_runs_of_other_models_are_refused_by_name(net, draw):
    with pytest.raises(SchemaError, match="Clearing"):
        draw(ct.run(net, SHOCK, ct.Clearing()))
    with pytest.raises(SchemaError, match="no run"):
        draw(net)


def test_a_comparison_of_another_model_is_refused(net):
    study = ct.compare(net, ct.PriceShocks.normal(scale=0.01), ct.Clearing(), n=2, seed=1)
    with pytest.raises(SchemaError, match="interaction_loss"):
        ct.plot.loss_channels(study)
