"""The picture of a network: caps, groups, places, colours and sizes."""

import time

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection, PathCollection

import contagion as ct
from contagion import plot
from contagion.errors import NetworkError, SchemaError
from contagion.plot.layout import places
from contagion.plot.marks import MOST_LINES, MOST_MARKS, links, marks, node_values
from tests.propagation.cascade.coin_books import PRICE, coin_net


def counted(ax):
    """Return how many marks and lines are drawn."""
    number = sum(len(c.get_offsets()) for c in ax.collections if isinstance(c, PathCollection))
    return number, sum(len(c.get_segments()) for c in ax.collections if isinstance(c, LineCollection))


@pytest.mark.parametrize("n_traders", [14, 290, 300, 3_000])
def test_marks_and_lines_stay_below_their_limits(n_traders, make):
    ax = plot.network(make.network(n_traders))
    n_marks, n_lines = counted(ax)
    assert n_marks <= MOST_MARKS and n_lines <= MOST_LINES
    if n_traders <= 290:
        assert n_marks == n_traders + 6


def test_many_lines_are_cut_to_the_heaviest_and_the_picture_says_so():
    rng = np.random.default_rng(0)
    names = [f"n{i:03d}" for i in range(200)]
    pairs = {tuple(rng.choice(200, 2, replace=False)) for _ in range(4_000)}
    loans = [
        {"debtor": names[a], "creditor": names[b], "amount": float(i + 1)}
        for i, (a, b) in enumerate(sorted(pairs))
    ]
    net = ct.Network(nodes=[{"name": n, "kind": "institution"} for n in names], obligations=loans)
    drawn = marks(net)
    assert len(drawn.lines) == MOST_LINES
    assert drawn.lines["weight"].min() > len(loans) - MOST_LINES
    ax = plot.network(net)
    assert counted(ax)[1] == MOST_LINES
    assert any("1,500 heaviest lines" in text.get_text() for text in ax.texts)


def test_groups_hold_every_node_and_all_the_money(make):
    net = make.network(3_000)
    drawn = marks(net)
    assert drawn.table["members"].sum() == len(net.nodes)
    assert len(drawn.of_node) == len(net.nodes)
    assert drawn.table["exposure"].sum() == pytest.approx(2.0 * links(net)["weight"].sum())
    venues = drawn.table[drawn.table["kind"] == "exchange"]
    assert venues["own"].all() and list(venues["label"]) == list(net.venues.index)


def test_groups_are_of_one_kind_and_one_venue(make):
    net = make.network(3_000)
    drawn = marks(net)
    frame = pd.DataFrame({"mark": drawn.of_node, "kind": net.nodes["kind"]})
    assert (frame.groupby("mark")["kind"].nunique() == 1).all()
    groups = drawn.table[~drawn.table["own"]]
    traders = groups[groups["kind"] == "trader"]
    assert set(traders["venue"]) == set(net.venues.index)


def test_twenty_thousand_nodes_are_drawn_in_seconds(make):
    net = make.network(20_000)
    begin = time.perf_counter()
    ax = plot.network(net)
    ax.get_figure().canvas.draw()
    assert time.perf_counter() - begin < 15.0  # about two on an idle core
    assert counted(ax)[0] <= MOST_MARKS


def test_twenty_nodes_are_all_named(make):
    ax = plot.network(make.network(14))
    ax.get_figure().canvas.draw()
    names = {text.get_text() for text in ax.texts if text.get_visible()}
    assert set(make.network(14).nodes.index) <= names


def test_one_node_is_drawn():
    ax = plot.network(ct.Network(nodes=[{"name": "alone", "cash": 5.0}]))
    ax.get_figure().canvas.draw()
    assert counted(ax) == (1, 0)
    assert any(text.get_text() == "alone" and text.get_visible() for text in ax.texts)


def test_nodes_without_ties_stay_in_the_picture():
    ax = plot.network(ct.Network(nodes=[{"name": n} for n in "ABCDE"]))
    assert counted(ax)[0] == 5


def test_a_real_network_of_obligations_is_drawn():
    net = ct.Network(
        nodes=[{"name": n, "cash": 1.0} for n in "ABC"],
        obligations=[{"debtor": "A", "creditor": "B", "amount": 3.0}],
    )
    assert counted(plot.network(net)) == (3, 1)


def test_places_are_the_same_every_time_and_apart():
    rng = np.random.default_rng(1)
    source, target = rng.integers(0, 50, (2, 80))
    radii = np.full(50, 0.02)
    first = places(50, source, target, np.ones(80), radii)
    assert np.array_equal(first, places(50, source, target, np.ones(80), radii))
    gap = np.sqrt(((first[:, None] - first[None, :]) ** 2).sum(axis=2)) + np.eye(50)
    assert gap.min() > 0.035


def test_a_column_a_statistic_a_series_a_mapping_or_an_array_may_be_colour_and_size(make):
    net = make.network(20)
    loss = pd.Series(np.arange(3.0), index=list(net.nodes.index[:3]), name="loss")
    for value in (
        "cash",
        "exposure",
        "links",
        "kind",
        loss,
        loss.to_dict(),
        np.arange(len(net.nodes), dtype=float),
    ):
        ax = plot.network(net, color=value, size=value)
        ax.get_figure().canvas.draw()
        assert counted(ax)[0] == 26


def test_a_colour_bar_carries_its_name_and_unit(make):
    net = make.network(20)
    ax = plot.network(net, color=pd.Series(1e9, index=net.nodes.index, name="loss"))
    (bar,) = ax.child_axes
    assert bar.get_title(loc="left") == "loss (bn USD)"


def test_colours_of_groups_are_means_and_sizes_are_sums(make):
    net = make.network(3_000)
    values, _ = node_values(net, "cash", "color")
    assert values.index.equals(net.nodes.index)
    from contagion.plot.networks import _per_mark

    drawn = marks(net)
    mean, _ = _per_mark(net, drawn, "cash", "color", "mean")
    total, _ = _per_mark(net, drawn, "cash", "size", "sum")
    assert total.sum() == pytest.approx(net.nodes["cash"].sum())
    assert (mean * drawn.table["members"].to_numpy()).sum() == pytest.approx(net.nodes["cash"].sum())


def test_an_unknown_column_is_refused_with_the_nearest_name(make):
    with pytest.raises(SchemaError, match=r"color: 'cassh' .*did you mean 'cash'"):
        plot.network(make.network(5), color="cassh")


def test_values_of_other_nodes_are_refused(make):
    with pytest.raises(NetworkError, match="size: 'nobody' is no node"):
        plot.network(make.network(5), size={"nobody": 1.0})


def test_an_array_of_another_length_is_refused(make):
    with pytest.raises(SchemaError, match="another shape"):
        plot.network(make.network(5), color=np.ones(3))


def test_who_holds_a_token_is_tied_to_its_issuer_outside_and_in_accounts():
    net = ct.Network(
        nodes=[
            {"name": "staker", "kind": "protocol"},
            {"name": "fund", "kind": "institution"},
            {"name": "V", "kind": "exchange"},
        ],
        assets=[
            {"name": "USD", "kind": "currency", "price": 1.0},
            {"name": "stETH", "price": 1_500.0, "issuer": "staker"},
        ],
        venues=[{"name": "V"}],
        collateral=[{"venue": "V", "asset": "stETH", "weight": 0.8}],
        accounts=[{"name": "a", "owner": "fund", "venue": "V", "count": 2}],
        holdings=[
            {"node": "fund", "asset": "stETH", "quantity": 10.0},
            {"node": "staker", "asset": "stETH", "quantity": 1.0},
        ],
        balances=[{"account": "a", "asset": "stETH", "quantity": 3.0}],
    )
    ties = links(net)
    found = ties[ties["channel"] == "token"].set_index(["source", "target"])["weight"].to_dict()
    assert found == {("fund", "staker"): 1_500.0 * (10.0 + 2 * 3.0)}
    assert "token" in {text.get_text() for text in plot.network(net).get_legend().get_texts()}


def test_ties_of_contracts_are_what_the_contracts_are_worth():
    ties = links(coin_net("inverse", 1_000.0, 0.3))
    margin = ties[ties["channel"] == "margin account"].set_index("source")["weight"]
    assert margin["A"] == pytest.approx(1_000.0 + 0.3 * PRICE, rel=1e-12)
