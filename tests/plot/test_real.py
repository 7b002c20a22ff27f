"""The pictures take what the engine, the comparison and the generator really return."""

import pytest

import contagion as ct
from contagion import plot


@pytest.fixture(scope="module")
def net():
    """A small made market."""
    return ct.generate.perp_market(n_accounts=600, seed=2)


@pytest.fixture(scope="module")
def run(net):
    """A fall that closes accounts, under a halt."""
    coins = [name for name in net.assets.index if net.assets.loc[name, "kind"] != "currency"]
    shock = ct.PriceShock(dict.fromkeys(coins, -0.25), over=600.0)
    return ct.run(
        net, shock, ct.Cascade(step=60.0, horizon=1800.0), [ct.Halt(drop=0.1, window=300, length=300)], seed=1
    )


@pytest.fixture(scope="module")
def cmp(net):
    """A few scenarios under three sets of rules."""
    shocks = ct.PriceShocks.normal(0.1)
    model = ct.Cascade(step=60.0, horizon=1800.0)
    return ct.compare(
        net, shocks, model, {"none": [], "halt": [ct.Halt(drop=0.1, window=300, length=300)]}, n=12, seed=1
    )


def test_a_real_run_is_drawn_round_by_round(run):
    ax = plot.rounds(run)
    ax.get_figure().canvas.draw()
    assert run.metrics["liquidated_notional"] > 0.0
    assert len(ax.child_axes[0].lines) > 3


def test_a_real_cascade_is_drawn_with_all_its_channels(run):
    channels = {data["channel"] for *_, data in run.contagion_graph().edges(data=True)}
    labels = {text.get_text() for text in plot.cascade(run).get_legend().get_texts()}
    assert labels <= channels and len(labels) >= 2


def test_a_real_network_is_drawn_with_the_losses_of_a_run(net, run):
    ax = plot.network(net, color=run.nodes["loss"])
    ax.get_figure().canvas.draw()
    assert ax.child_axes[0].get_title(loc="left").startswith("loss (")


def test_a_real_liquidation_map_is_drawn(net):
    plot.liquidation_map(net).get_figure().canvas.draw()


def test_a_real_comparison_is_drawn_in_three_ways(cmp):
    for draw in (plot.distribution, plot.effects, plot.frontier):
        draw(cmp).get_figure().canvas.draw()
    assert [text.get_text().rstrip(" *") for text in plot.effects(cmp).get_yticklabels()] == [
        "halt",
        "placebo",
    ]
