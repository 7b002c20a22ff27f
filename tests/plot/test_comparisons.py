"""The pictures of a comparison."""

import numpy as np
import pandas as pd
import pytest

from contagion import plot
from contagion.errors import SchemaError, ValueRangeError
from contagion.plot.frontiers import undominated


def labels(ax):
    """Return the texts of the legend."""
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_each_policy_set_has_a_curve_of_shares(make):
    cmp = make.comparison(100)
    ax = plot.distribution(cmp, "system_loss")
    assert len(ax.lines) == len(cmp.policies)
    frame = cmp.to_frame()
    own = np.sort(frame.loc[frame["policy"] == "halt", "system_loss"])
    x, share = ax.lines[2].get_data()
    assert np.array_equal(x, own)
    assert share[0] == 100.0 and share[-1] == pytest.approx(1.0)


def test_the_legend_gives_the_mean_of_the_worst_scenarios(make):
    cmp = make.comparison(200)
    label = next(text for text in labels(plot.distribution(cmp, "system_loss")) if text.startswith("halt"))
    assert f"{cmp.tail('system_loss')['es']['halt'] / 1e9:.2f} bn USD" in label or "bn USD" in label


def test_scenarios_that_failed_are_left_out(make):
    cmp = make.comparison(50)
    frame = cmp.to_frame()
    frame.loc[frame["scenario"] == 7, ["status", "system_loss"]] = ["error", np.nan]
    ax = plot.distribution(cmp, "system_loss")
    assert len(ax.lines[0].get_xdata()) == 49


def test_curves_are_drawn_without_a_tail_where_it_is_refused(make):
    cmp = make.comparison(10)

    def refuse(metric, level=0.95):
        raise ValueRangeError("has too few scenarios")

    cmp.tail = refuse
    assert labels(plot.distribution(cmp, "system_loss"))[0] == "none"


def test_losses_of_very_different_size_get_a_logarithmic_axis(make):
    ax = plot.distribution(make.comparison(400), "system_loss")
    assert ax.get_xscale() == "log" and "logarithmic" in ax.get_xlabel()
    calm = make.comparison(50)
    calm.to_frame()["system_loss"] = np.tile(np.linspace(1e9, 2e9, 50), 7)
    assert plot.distribution(calm, "system_loss").get_xscale() == "linear"


def test_a_comparison_without_a_single_value_says_so(make):
    cmp = make.comparison(10)
    cmp.to_frame()["system_loss"] = np.nan
    ax = plot.distribution(cmp, "system_loss")
    assert any("no scenario has a value" in text.get_text() for text in ax.texts)


@pytest.mark.parametrize("draw", [plot.distribution, plot.effects, plot.frontier])
def test_an_unknown_metric_is_refused_with_the_nearest_name(draw, make):
    with pytest.raises(SchemaError, match="did you mean 'system_loss'"):
        draw(make.comparison(10), "system_los")


def test_effects_stand_in_rows_with_intervals(make):
    cmp = make.comparison(200)
    ax = plot.effects(cmp, "system_loss")
    table = cmp.effects("system_loss")
    assert [text.get_text() for text in ax.get_yticklabels()] == list(table.index)
    spans = [
        line.get_xdata() for line in ax.lines if len(line.get_xdata()) == 2 and line.get_linewidth() > 2.0
    ]
    assert np.allclose(spans, table[["low", "high"]])


def test_only_sure_effects_have_filled_marks(make):
    cmp = make.comparison(200)
    table = cmp.effects("system_loss")
    ax = plot.effects(cmp, "system_loss")
    marks = [line for line in ax.lines if len(line.get_xdata()) == 1]
    filled = [mark.get_markerfacecolor() == mark.get_markeredgecolor() for mark in marks]
    assert filled == [bool(p < 0.05) for p in table["p_adjusted"]]


def test_the_set_to_compare_with_is_named(make):
    ax = plot.effects(make.comparison(50), "system_loss", against="halt")
    assert "against 'halt'" in ax.get_xlabel()


@pytest.mark.parametrize("counts", [False, True])
def test_helped_and_harmed_are_written_as_shares(counts, make):
    cmp = make.comparison(50)
    table = cmp.effects("system_loss")
    if counts:
        table[["helped", "unchanged", "harmed"]] *= 50
    cmp.effects = lambda metric, against="none": table
    texts = [text.get_text() for text in plot.effects(cmp, "system_loss").texts]
    share = float(make.comparison(50).effects("system_loss")["helped"]["halt"])
    assert f"{100 * share:.0f} %" in texts


def test_a_note_is_starred(make):
    cmp = make.comparison(50)
    table = cmp.effects("system_loss").assign(note="approximate")
    cmp.effects = lambda metric, against="none": table
    ax = plot.effects(cmp, "system_loss")
    assert all(text.get_text().endswith(" *") for text in ax.get_yticklabels())
    assert any("* few scenarios" in text.get_text() for text in ax.texts)


def test_a_note_on_networks_or_on_the_tail_alone_is_no_star(make):
    cmp = make.comparison(50)
    table = cmp.effects("system_loss").assign(
        note="for these 4 networks, variance between networks 1e+16; tail: no interval: k = 3 < 50"
    )
    cmp.effects = lambda metric, against="none": table
    ax = plot.effects(cmp, "system_loss")
    assert not any(text.get_text().endswith(" *") for text in ax.get_yticklabels())


def test_what_is_said_under_the_heading_ends_before_the_columns_begin(make):
    cmp = make.comparison(50)
    table = cmp.effects("system_loss").assign(note="approximate")
    cmp.effects = lambda metric, against="none": table
    ax = plot.effects(cmp, "system_loss")
    ax.get_figure().canvas.draw()
    said = next(text for text in ax.texts if "few scenarios" in text.get_text()).get_window_extent()
    heads = [text.get_window_extent() for text in ax.texts if text.get_text() == "mean change"]
    assert len(heads) == 1 and said.x1 < heads[0].x0


def test_a_rise_carries_its_sign(make):
    cmp = make.comparison(50)
    table = cmp.effects("system_loss")
    table["difference"] = np.linspace(-2e9, 2e9, len(table))
    cmp.effects = lambda metric, against="none": table
    texts = [text.get_text() for text in plot.effects(cmp, "system_loss").texts]
    assert "+2.00 bn USD" in texts and "−2.00 bn USD" in texts


@pytest.mark.parametrize("draw", [plot.effects, plot.frontier])
def test_nothing_to_compare_is_said(draw, make):
    cmp = make.comparison(10, ("none",))
    cmp.effects = lambda metric, against="none": pd.DataFrame(
        columns=["difference", "low", "high", "p_adjusted", "helped", "unchanged", "harmed", "note"],
        dtype=float,
    )
    assert any("no policy set to compare" in text.get_text() for text in draw(cmp, "system_loss").texts)


def test_a_set_is_beaten_only_by_one_that_is_no_worse_in_both_and_better_in_one():
    benefit = np.array([0.0, 5.0, 5.0, 3.0, 5.0])
    cost = np.array([0.0, 2.0, 2.0, 2.5, 4.0])
    assert list(undominated(benefit, cost)) == [True, True, True, False, False]


def test_the_frontier_names_every_set_once(make):
    cmp = make.comparison(200)
    ax = plot.frontier(cmp)
    ax.get_figure().canvas.draw()
    names = [text.get_text() for text in ax.texts if text.get_visible()]
    assert all(names.count(name) == 1 for name in cmp.effects("system_loss").index)
    assert labels(ax) == ["no set beats it", "another beats it"]


def test_the_frontier_takes_prices_and_a_metric_as_colour(make):
    cmp = make.comparison(50)
    cmp.costs = lambda rates: pd.DataFrame({"cost": dict.fromkeys(cmp.policies, 7e6)})
    ax = plot.frontier(cmp, rates=object(), color="deferred_notional")
    (bar,) = ax.child_axes
    assert "change of deferred money" in bar.get_title(loc="left")
    assert set(ax.collections[0].get_offsets()[:, 0]) == {7e6}
