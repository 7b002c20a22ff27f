"""The pictures of one run."""

import networkx as nx
import numpy as np
import pytest

from contagion import plot
from contagion.plot.flows import _flows, _spans


def labels(ax):
    """Return the texts of the legend."""
    legend = ax.get_legend()
    return [] if legend is None else [text.get_text() for text in legend.get_texts()]


def test_prices_stand_above_money_on_the_same_time_axis(make):
    ax = plot.rounds(make.run())
    (upper,) = ax.child_axes
    ax.get_figure().canvas.draw()
    assert upper.get_xlim() == ax.get_xlim()
    assert upper.get_window_extent().y0 >= ax.get_window_extent().y1
    assert "minutes" in ax.get_xlabel() and "USD" in ax.get_ylabel() and "%" in upper.get_ylabel()


@pytest.mark.parametrize(
    ("longest", "unit"), [(600, "minutes"), (12 * 3_600, "hours"), (14 * 86_400, "days")]
)
def test_long_runs_are_told_in_hours_or_days(longest, unit, make):
    run = make.run()
    factor = longest / run.rounds["time"].max()
    run.rounds["time"] *= factor
    run.paths["time"] *= factor
    ax = plot.rounds(run)
    size = {"minutes": 60.0, "hours": 3_600.0, "days": 86_400.0}[unit]
    assert ax.get_xlabel() == f"time since the shock began ({unit})"
    assert ax.get_xlim()[1] == pytest.approx(longest / size)


def test_both_panels_stay_within_the_axes_that_were_given(make):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6))
    top, bottom = figure.subplots(2)
    slot = top.get_position()
    plot.rounds(make.run(), ax=top)
    figure.draw_without_rendering()
    (upper,) = top.child_axes
    assert upper.get_position().y1 <= slot.y1 + 1e-6
    assert top.get_position().y0 >= slot.y0 - 1e-6
    assert bottom.get_position().y1 < top.get_position().y0


def test_halted_rounds_are_shaded_and_named(make):
    ax = plot.rounds(make.run())
    assert any(label.startswith("halted") for label in labels(ax))
    assert not any(label.startswith("halted") for label in labels(plot.rounds(make.run(quiet=True))))


def test_at_most_six_prices_are_drawn_one_for_each_asset(make):
    ax = plot.rounds(make.run(markets=12))
    (upper,) = ax.child_axes
    assert len(labels(upper)) == 7
    assert labels(upper)[-1] == "outside price"


def test_a_run_in_which_nobody_is_forced_to_trade_says_so(make):
    ax = plot.rounds(make.run(quiet=True))
    assert any("nobody was forced to trade" in text.get_text() for text in ax.texts)


@pytest.mark.parametrize("n_rounds", [0, 1, 2])
def test_the_shortest_runs_are_drawn(n_rounds, make):
    ax = plot.rounds(make.run(n_rounds=n_rounds))
    ax.get_figure().canvas.draw()
    assert ax.get_xlim()[1] > ax.get_xlim()[0]


def test_a_run_without_markets_is_drawn(make):
    run = make.run(quiet=True)
    run.paths, run.markets = run.paths.iloc[:0], run.markets.iloc[:0]
    plot.rounds(run).get_figure().canvas.draw()


def test_an_exploding_price_turns_the_price_axis_logarithmic(make):
    run = make.run()
    run.paths.loc[run.paths["market"] == "ETH perp Aster", "last"] *= 9.0
    (upper,) = plot.rounds(run).child_axes
    assert upper.get_yscale() == "log"


def test_the_ribbons_hold_all_the_money_of_the_graph(make):
    graph = make.graph()
    total = sum(data["weight"] for *_, data in graph.edges(data=True))
    flows = _flows(graph, 12)
    assert flows["money"].sum() == pytest.approx(total)
    assert flows["source"].nunique() <= 12 + 4 and flows["target"].nunique() <= 12 + 4
    for side in ("source", "target"):
        span = _spans(flows, side)
        height = (span["end"] - span["start"]).to_numpy()
        assert span["end"].iloc[-1] == pytest.approx(1.0)
        assert np.allclose(height / height.sum(), span["money"] / total)


def test_a_large_graph_has_few_ribbons_and_is_drawn_quickly(make):
    graph = nx.DiGraph()
    for i in range(20_000):
        graph.add_node(f"t{i}", kind="trader")
        graph.add_edge("outside", f"t{i}", weight=float(i + 1), channel="outside")
    graph.nodes["outside"]["kind"] = "outside"
    run = make.run()
    run.contagion_graph = lambda: graph
    ax = plot.cascade(run)
    assert sum(len(collection.get_paths()) for collection in ax.collections) < 100
    assert any("19,988 other traders" in text.get_text() for text in ax.texts)


def test_a_run_in_which_nobody_hit_anybody_says_so(make):
    ax = plot.cascade(make.run(quiet=True))
    assert any("nobody hit anybody" in text.get_text() for text in ax.texts)


def test_channels_are_named_under_the_picture(make):
    assert set(labels(plot.cascade(make.run()))) == {"price", "obligation", "deleveraging", "waterfall"}


def test_many_channels_are_put_together(make):
    graph = nx.DiGraph()
    for i in range(12):
        graph.add_edge("a", f"b{i}", weight=1.0 + i, channel=f"channel {i}")
    run = make.run()
    run.contagion_graph = lambda: graph
    found = labels(plot.cascade(run))
    assert len(found) == 8 and found[-1] == "other"


def test_losses_in_markets_by_nobodys_name_have_no_ribbon(make):
    graph = nx.DiGraph()
    graph.add_edge("a", "b", weight=3.0, channel="default")
    graph.add_edge("market:m", "b", weight=5.0, channel="cost")
    run = make.run()
    run.contagion_graph = lambda: graph
    ax = plot.cascade(run)
    assert labels(ax) == ["default"]
    assert any(text.get_text() == "who was hit (in all 3.00 USD)" for text in ax.texts), [
        t.get_text() for t in ax.texts
    ]
