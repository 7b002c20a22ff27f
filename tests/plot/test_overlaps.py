"""The picture of overlapping portfolios: which lines and marks there are, what it says, what it refuses."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection, PathCollection

import contagion as ct
from contagion.errors import NetworkError, SchemaError, ValueRangeError
from contagion.plot.overlaps import THICKEST, THINNEST

HELD = pd.DataFrame({"X": [40.0, 20.0, 0.0], "Y": [0.0, 10.0, 40.0]}, index=["A", "B", "C"])


def book(held=HELD, **changes):
    vectors = {"total_assets": held.sum(axis=1) + 10.0, "equity": pd.Series(5.0, index=held.index)}
    return ct.measures.portfolios(held, **vectors, market_depth=dict.fromkeys(held.columns, 100.0), **changes)


def lines(ax):
    found = [one for one in ax.collections if isinstance(one, LineCollection)]
    assert len(found) <= 1
    return found[0] if found else None


def marks(ax):
    (found,) = [one for one in ax.collections if isinstance(one, PathCollection)]
    return found


def note(ax):
    return next(
        text.get_text() for text in ax.texts if "institutions" in text.get_text() or "cost" in text.get_text()
    )


def test_every_overlap_is_a_line_as_thick_as_its_root():
    ax = ct.plot.overlaps(book())
    # A and B share X: 40 * 20 / 100 = 8, B and C share Y: 10 * 40 / 100 = 4, A and C share nothing
    drawn = lines(ax)
    assert len(drawn.get_segments()) == 2
    widths = sorted(drawn.get_linewidths())
    assert widths == pytest.approx([THINNEST + (THICKEST - THINNEST) * np.sqrt(0.5), THICKEST])
    assert note(ax) == "3 institutions; 2 overlaps"
    areas = sorted(marks(ax).get_sizes())
    assert areas[-1] / areas[-2] == pytest.approx(1.0)
    assert areas[0] / areas[-1] == pytest.approx(30 / 40)


def test_only_the_strongest_lines_and_those_who_would_cost_most_are_drawn_and_the_title_says_so():
    ax = ct.plot.overlaps(book(), most_lines=1)
    assert len(lines(ax).get_segments()) == 1
    assert note(ax) == "3 institutions; the 1 strongest of 2 overlaps among them"
    ax = ct.plot.overlaps(book(), most=2)
    # B costs the others 12, A costs 8, C costs 4
    assert note(ax).startswith("the 2 of 3 whose sales would cost most")
    names = {text.get_text() for text in ax.texts}
    assert {"A", "B"} <= names and "C" not in names


def test_banks_without_anything_in_common_have_no_lines():
    apart = pd.DataFrame(np.diag([1.0, 2.0]), index=["A", "B"], columns=["X", "Y"])
    ax = ct.plot.overlaps(book(apart))
    assert lines(ax) is None
    assert note(ax) == "2 institutions; no two hold the same"
    ax.figure.canvas.draw()


def test_a_network_is_drawn_on_the_axes_given_without_touching_settings():
    net = ct.datasets.load("overlapping-portfolios")
    before = dict(plt.rcParams)
    figure, ax = plt.subplots()
    assert ct.plot.overlaps(net, ax=ax) is ax
    figure.canvas.draw()
    assert dict(plt.rcParams) == before
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert any("USD" in text and "overlap" in text for text in legend)
    assert any("USD" in text and "holdings" in text for text in legend)


def test_thousands_of_institutions_do_not_need_the_full_matrix():
    net = ct.generate.overlapping_portfolios(3_000, 100, density=0.02)
    ax = ct.plot.overlaps(net)
    assert len(marks(ax).get_sizes()) == 40


def test_names_are_drawn_as_they_are():
    odd = HELD.set_axis(["$a$", "\u202eb", "c" * 200])
    ax = ct.plot.overlaps(book(odd))
    ax.figure.canvas.draw()
    assert not any(text.get_parse_math() for text in ax.texts)


def test_what_is_no_network_and_what_has_no_market_is_refused():
    with pytest.raises(SchemaError):
        ct.plot.overlaps(HELD)
    with pytest.raises(ValueRangeError, match="most_lines"):
        ct.plot.overlaps(book(), most_lines=0)
    with pytest.raises(NetworkError, match="no spot market"):
        ct.plot.overlaps(ct.generate.overlapping_portfolios(5, 2, markets=False))
