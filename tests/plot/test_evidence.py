"""Pictures of sensitivity, choice, attribution and break-even show every row with errors and units."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.collections import LineCollection

import contagion as ct
from contagion.errors import SchemaError, ValueRangeError
from tests import evidence

NASTY = "$\\frac{1}{0}$ </b>"


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def spans(ax):
    """Ends of every error line, in the order drawn."""
    drawn = [one for one in ax.collections if isinstance(one, LineCollection)]
    return [segment[:, 0].tolist() for one in drawn for segment in one.get_segments()]


def test_shares_are_two_bars_a_row_the_largest_total_first_with_two_standard_errors():
    ax = ct.plot.sensitivity(evidence.sobol_table().iloc[::-1])
    assert [text.get_text() for text in ax.get_yticklabels()] == evidence.PARAMETERS
    assert [patch.get_width() for patch in ax.patches] == pytest.approx([78, 30, 2, 61, 12, -1])
    assert spans(ax)[0] == pytest.approx([68.0, 88.0])
    assert ax.get_xlabel() == "share of the variance (%)"
    assert legend(ax) == ["with its interactions (total)", "alone (first)"]


def test_a_split_of_the_variance_is_drawn_like_shares():
    ax = ct.plot.sensitivity(evidence.split_table())
    assert [text.get_text() for text in ax.get_yticklabels()] == ["shock", "network", "parameters"]
    assert "the result" in ax.get_title(loc="left")


def test_elementary_effects_are_points_with_units_on_both_axes():
    ax = ct.plot.sensitivity(evidence.morris_table(), unit="USD")
    points = ax.collections[-1].get_offsets()
    assert np.asarray(points).tolist() == [[4.1e8, 0.6e8], [1.3e8, 1.6e8], [4.0e6, 1.0e6]]
    assert ax.get_xlabel().endswith("(m USD)") and ax.get_ylabel().endswith("(m USD)")


def test_the_winner_is_marked_in_the_search_and_on_new_scenarios():
    ax = ct.plot.choice(evidence.choice())
    last, first = (np.asarray(ax.collections[-k].get_offsets()).tolist() for k in (1, 2))
    assert first == [[2e7, 9e7]] and last == [[2.2e7, 5e7]]
    assert any(list(line.get_ydata()) == [2e7, 8e7] for line in ax.lines)
    assert len(legend(ax)) == 4 and "200 new ones" in ax.texts[0].get_text()
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("mean cost (m USD)", "mean fall of system loss (m USD)")


def test_where_none_won_no_mark_of_new_scenarios_is_drawn():
    ax = ct.plot.choice(evidence.choice(confirmed=False))
    assert len(ax.collections) == 2 and len(legend(ax)) == 2


def test_contributions_are_bars_with_their_intervals_and_the_rest_comes_last():
    ax = ct.plot.attribution(evidence.players_table(), unit="USD")
    assert [text.get_text() for text in ax.get_yticklabels()] == ["binance", "bybit", "okx", "rest"]
    assert [patch.get_width() for patch in ax.patches] == [6e7, 3e7, -1e7, 2e7]
    lines = [list(line.get_xdata()) for line in ax.lines[:3]]
    assert lines == [[4e7, 8e7], [1e7, 5e7], [-2e7, 1e6]]
    assert ax.get_xlabel() == "contribution to mean system loss (m USD)"


def test_each_mechanism_has_three_marks():
    ax = ct.plot.attribution(evidence.stages_table(), unit="USD")
    assert legend(ax) == ["first in", "last in", "mean over all orders"]
    marks = [list(line.get_xdata()) for line in ax.lines if line.get_marker() not in ("", "None")]
    assert marks == [[3e7, 1e7, 4e7], [5e7, 3e7, 4e7], [4e7, 2e7, 4e7]]


def test_a_crossing_and_a_stretch_without_effect_are_marked_on_a_logarithmic_axis():
    ax = ct.plot.break_even(evidence.break_even(), unit="USD")
    assert ax.get_xscale() == "log" and ax.get_xlabel() == "halt.length (s)"
    bands = [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in ax.patches]
    assert bands == [(290.0, 310.0), (30.0, 60.0)]
    assert legend(ax) == ["mean paired change", "95 % interval", "the sign changes", "nothing changes"]


@pytest.mark.parametrize(
    "draw",
    [
        lambda: ct.plot.sensitivity(evidence.sobol_table([NASTY, "b", "c"])),
        lambda: ct.plot.sensitivity(evidence.morris_table([NASTY, "b", "c"])),
        lambda: ct.plot.choice(evidence.choice(NASTY)),
        lambda: ct.plot.attribution(evidence.players_table([NASTY, "b", "c"])),
        lambda: ct.plot.break_even(evidence.break_even(NASTY)),
    ],
)
def test_strange_names_are_no_formulas(draw):
    figure = draw().figure
    figure.canvas.draw()
    plt.close(figure)


@pytest.mark.parametrize(
    "draw",
    [ct.plot.sensitivity, ct.plot.choice, ct.plot.attribution, ct.plot.break_even, ct.plot.studies],
)
@pytest.mark.parametrize("thing", [3, ct.PriceShock, evidence.sobol_table().rename(columns=str.upper)])
def test_something_else_is_refused(draw, thing):
    with pytest.raises(SchemaError, match="can't be drawn"):
        draw(thing)


def test_two_studies_have_a_mark_with_an_interval_for_each_set_and_question():
    ax = ct.plot.studies(evidence.studies())
    assert [text.get_text() for text in ax.get_yticklabels()] == ["none", "halt"]
    marks = [line for line in ax.lines if line.get_marker() not in ("", "None")]
    assert [len(line.get_xdata()) for line in marks] == [2, 1]
    assert ax.get_xlabel() == "difference of mean system loss (m USD)"
    assert "paired" in ax.texts[0].get_text() and legend(ax) == ["the metric itself", "effect against 'none'"]


def test_a_metric_that_was_not_compared_cannot_be_drawn():
    with pytest.raises(ValueRangeError, match="did you mean 'bad_debt'"):
        ct.plot.studies(evidence.studies(), "bad_dept")
