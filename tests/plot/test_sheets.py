"""The pictures of runs of balance sheets: waves, trees, heat maps; and what other pictures make of such runs."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

import contagion as ct
from contagion import plot
from contagion.errors import SchemaError, ValueRangeError
from contagion.plot.trees import grown
from contagion.plot.waves import failures, losses_so_far

# debtor, external assets, creditor, amount: everybody lives as long as his debtor does
CHAIN = [("A", 4.5, "B", 4.0), ("B", 1.0, "C", 3.0), ("C", 0.5, "D", 2.5), ("D", 9.0, "", 0.0)]


def chain(names="{}", wide=0):
    """A owes B, B owes C, C owes D; besides A owes 1 to each of so many others, which owe nothing."""
    name = names.format
    nodes = [
        {"name": name(debtor), "kind": "institution", "external_assets": own + wide * (debtor == "A")}
        for debtor, own, *_ in CHAIN
    ]
    nodes += [{"name": name(f"X{i:02d}"), "kind": "institution", "external_assets": 1.0} for i in range(wide)]
    debts = [
        {"debtor": name(debtor), "creditor": name(creditor), "amount": amount}
        for debtor, _, creditor, amount in CHAIN
        if creditor
    ]
    debts += [{"debtor": name("A"), "creditor": name(f"X{i:02d}"), "amount": 1.0} for i in range(wide)]
    return ct.Network(nodes=nodes, obligations=debts)


def fallen(net, model=None, name="A"):
    """Return the run in which A fails and pays nothing."""
    return ct.run(net, ct.Default([name]), model or ct.Furfine(lgd=1.0))


@pytest.fixture(scope="module")
def run():
    """A falls, B in round 1, C in round 2; D stands."""
    return fallen(chain())


def texts(ax):
    """Return all texts of the axes and of its legend."""
    legend = ax.get_legend()
    return [t.get_text() for t in [*ax.texts, *(legend.get_texts() if legend else [])]]


def test_the_tree_of_a_chain_is_the_chain(run):
    tree = grown(run, most=10)
    names = tree.marks["label"]
    found = {(names[s], names[t]): loss for s, t, loss in tree.lines.itertuples(index=False)}
    assert found == {("A", "B"): 4.0, ("B", "C"): 3.0, ("C", "D"): 2.5}
    assert tree.heads == ["round 0", "round 1", "round 2", "does not fail"]
    assert tree.marks.set_index("label")["fundamental"].to_dict() == {
        "A": True,
        "B": False,
        "C": False,
        "D": False,
    }


def test_the_small_nodes_of_a_column_share_a_mark_and_their_losses(run):
    tree = grown(fallen(chain(wide=30)), most=5)
    (others,) = tree.marks.index[tree.marks["members"] > 1]
    assert tree.marks.loc[others, "label"] == "26 others"
    assert tree.lines.set_index("target").loc[others, "loss"] == 26.0
    assert (
        any("the heaviest nodes of each column" in text for text in texts(plot.contagion_tree(run))) is False
    )


def test_many_rounds_share_columns():
    n = 25
    nodes = [{"name": f"N{i:02d}", "kind": "institution", "external_assets": 0.5} for i in range(n)]
    debts = [
        {"debtor": f"N{i:02d}", "creditor": f"N{i + 1:02d}", "amount": 9.0 - 0.3 * i} for i in range(n - 1)
    ]
    tree = grown(fallen(ct.Network(nodes=nodes, obligations=debts), name="N00"), most=10)
    assert tree.heads[0] == "rounds 0 to 3" and len(tree.heads) == 8  # the last stands


def test_a_line_is_as_wide_as_its_money(run):
    ax = plot.contagion_tree(run)
    (lines,) = [c for c in ax.collections if len(c.get_linewidths()) == 3]
    widths = np.sort(lines.get_linewidths())
    assert widths / widths[-1] == pytest.approx([2.5 / 4.0, 3.0 / 4.0, 1.0])


def test_the_tree_says_what_is_drawn_and_what_marks_mean(run):
    ax = plot.contagion_tree(run)
    ax.get_figure().canvas.draw()
    said = " ".join(texts(ax))
    for words in (
        "drawn are 9.50 USD of 9.50 USD",
        "fails by the shock",
        "fails by contagion",
        "does not fail",
    ):
        assert words in said


def test_the_heat_map_stands_in_the_order_of_failure(run):
    ax = plot.losses_heatmap(run)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["A [0]", "B [1]", "C [2]"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["B [1]", "C [2]", "D"]
    losses = ax.collections[1].get_array()
    assert losses.compressed().tolist() == [4.0, 3.0, 2.5]
    assert losses.mask.sum() == 6


def test_claims_without_loss_are_pale_and_cells_without_claims_white():
    run = fallen(chain(), name="C")
    whole, lost = (c.get_array() for c in plot.losses_heatmap(run).collections[:2])
    assert whole.count() == 2 and lost.compressed().tolist() == [2.5]


def test_small_debtors_and_creditors_share_a_row_and_a_column():
    ax = plot.losses_heatmap(fallen(chain(wide=30)), most=4)
    assert [label.get_text() for label in ax.get_xticklabels()][-1] == "29 others"
    assert ax.collections[1].get_array().sum() == pytest.approx(39.5)


def test_waves_count_failures_by_shock_and_by_contagion(run):
    by_shock, by_contagion = failures(run)
    assert by_shock.tolist() == [1.0, 0.0, 0.0] and by_contagion.tolist() == [0.0, 1.0, 1.0]
    ax = plot.waves(run)
    ax.get_figure().canvas.draw()
    (upper,) = ax.child_axes
    assert ax.get_ylabel() == "new failures (nodes)" and "USD" in upper.get_ylabel()
    assert upper.lines[0].get_ydata().tolist() == [4.0, 7.0, 9.5]


def test_a_model_without_losses_by_round_shows_what_is_lost_on_the_failed():
    run = fallen(chain(), ct.Clearing(alpha=0.0, beta=0.0))
    values, words = losses_so_far(run)
    assert values.tolist() == [4.0, 7.0, 9.5] and words.startswith("lost on claims")


@pytest.mark.parametrize(
    "model",
    [
        ct.Clearing(),
        ct.DebtRank(),
        ct.Furfine(),
        ct.ThresholdCascade(),
        ct.NEVA("linear_debtrank"),
        ct.CrossHoldings(),
    ],
    ids=lambda model: type(model).__name__,
)
def test_a_run_of_every_model_is_drawn(model):
    run = ct.run(chain(), ct.AssetShock({"A": -1.0, "B": -0.5}), model)
    assert run.nodes["defaulted"].any()
    for draw in (plot.contagion_tree, plot.losses_heatmap, plot.waves):
        assert draw(run).get_title(loc="left") or draw is plot.waves


def test_a_run_in_which_nobody_fails_says_so():
    run = ct.run(chain(), ct.AssetShock({"D": -0.001}), ct.Clearing())
    assert "no node fails" in texts(plot.contagion_tree(run))
    assert "nothing is lost on claims inside the network" in texts(plot.losses_heatmap(run))
    plot.waves(run).get_figure().canvas.draw()


@pytest.mark.parametrize("draw", [plot.contagion_tree, plot.losses_heatmap])
def test_names_are_drawn_as_they_are(draw):
    hostile = "$\\frac{{1}}{{0}}$ {} <b>‮ _very_long_name_of_a_bank_that_goes_on"
    net = chain(hostile)
    draw(fallen(net, name=hostile.format("A"))).get_figure().canvas.draw()


@pytest.mark.parametrize("draw", [plot.contagion_tree, plot.losses_heatmap])
@pytest.mark.parametrize("most", [0, -3, 2.5, True])
def test_a_picture_of_fewer_than_one_name_is_refused(draw, most, run):
    with pytest.raises((SchemaError, ValueRangeError), match=r"most.*a whole number from 1"):
        draw(run, most=most)


@pytest.mark.parametrize("draw", [plot.rounds, plot.liquidation_basis])
def test_pictures_of_markets_name_the_model_that_has_none(draw, run):
    with pytest.raises(SchemaError, match=r"a run of Furfine has no clock.*plot\.waves"):
        draw(run)
    assert plt.get_fignums() == []


@pytest.mark.parametrize("draw", [plot.contagion_tree, plot.losses_heatmap, plot.waves])
def test_pictures_of_balance_sheets_refuse_other_runs(draw, make):
    with pytest.raises(SchemaError, match=r"has no waves.*plot\.cascade"):
        draw(make.run())
    with pytest.raises(SchemaError, match="is no run"):
        draw(make.comparison())


def test_who_hit_whom_and_the_network_are_drawn_from_such_a_run(run):
    plot.cascade(run).get_figure().canvas.draw()
    ax = plot.network(run.network, color=run.nodes["loss"])
    assert ax.child_axes[0].get_title(loc="left").startswith("loss (")


def test_a_comparison_of_balance_sheets_is_drawn_in_three_ways():
    policies = {"none": [], "more capital": [ct.CapitalInjection(3.0)]}
    shocks = ct.AssetShocks(ct.PriceShocks.normal(scale=0.5))
    study = ct.compare(chain(), shocks, ct.Clearing(), policies, n=12, seed=1)
    assert "system loss (USD)" in plot.frontier(study).get_ylabel()
    assert "system loss" in plot.effects(study).get_xlabel()
    assert plot.distribution(study).get_xlabel()
    assert plot.effects(study, "contagion_defaults").get_xlabel().endswith("(count)")
