"""Pictures of reverse stress and of phase diagrams show every crossing, square and unit."""

from types import SimpleNamespace

import pandas as pd
import pytest

import contagion as ct
from contagion.errors import SchemaError


def made_search(condition="system_loss >= 5e+06"):
    """A search under two sets: the loss rises, falls and rises again."""
    rows = [("none", 0.1 * i, 1e6 * value, 1.0, value >= 5, False) for i, value in enumerate((0, 6, 2, 7))]
    rows += [("halt", 0.1 * i, 1e6 * i, 1.0, False, False) for i in range(4)]
    crossings = [
        ("none", 0.05, 0.0, 0.1, True),
        ("none", 0.15, 0.1, 0.2, False),
        ("none", 0.25, 0.2, 0.3, True),
    ]
    return SimpleNamespace(
        condition=condition,
        metric="system_loss",
        limit=5e6,
        unit="USD",
        table=pd.DataFrame(rows),
        to_frame=lambda: pd.DataFrame(rows, columns=["policy", "size", "value", "share", "holds", "refined"]),
        crossings=pd.DataFrame(crossings, columns=["policy", "size", "low", "high", "begins"]),
    )


def made_plane():
    """A plane of four squares, one of each outer phase and two with the boundary."""
    cells = [
        (0.0, 0.5, 10.0, 60.0, 1.0, "below"),
        (0.5, 1.0, 10.0, 60.0, 3.0, "boundary"),
        (0.0, 0.5, 60.0, 110.0, 3.0, "boundary"),
        (0.5, 1.0, 60.0, 110.0, 9.0, "above"),
    ]
    points = [(x, y, x * y, x * y > 30.0, 0, 4) for x in (0.0, 0.5, 1.0) for y in (10.0, 60.0, 110.0)]
    return SimpleNamespace(
        x="shock.size",
        y="markets.impact_half_life",
        metric="system_loss",
        condition="system_loss >= 30",
        policy="none",
        unit="USD",
        to_frame=lambda: pd.DataFrame(points, columns=["x", "y", "value", "holds", "level", "n"]),
        cells=pd.DataFrame(cells, columns=["x_low", "x_high", "y_low", "y_high", "value", "phase"]),
    )


def test_every_crossing_has_a_band_and_a_line():
    ax = ct.plot.reverse_stress(made_search())
    bands = [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in ax.patches]
    assert bands == [(0.0, 0.1), pytest.approx((0.1, 0.2)), pytest.approx((0.2, 0.3))]
    lines = [line.get_xdata()[0] for line in ax.lines if line.get_xdata()[0] == line.get_xdata()[-1]]
    assert lines == [0.05, 0.15, 0.25]


def test_axes_of_reverse_stress_have_units_and_the_limit_is_drawn():
    ax = ct.plot.reverse_stress(made_search())
    assert ax.get_ylabel() == "system loss (m USD)" and "multiple" in ax.get_xlabel()
    assert any(list(line.get_ydata()) == [5e6, 5e6] for line in ax.lines)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["none", "halt", "limit"]


def test_every_square_of_a_plane_is_drawn_in_the_colour_of_its_phase():
    ax = ct.plot.phases(made_plane())
    assert len(ax.patches) == 4 and len({patch.get_facecolor() for patch in ax.patches}) == 3
    assert len(ax.get_legend().get_texts()) == 3
    assert ax.get_ylabel() == "markets.impact half life (s)" and ax.get_xlim() == (0.0, 1.0)


def test_hostile_conditions_are_no_formulas():
    ax = ct.plot.reverse_stress(made_search("$\\frac{1}{0}$ >= 1"))
    ax.figure.canvas.draw()
    assert "$" in ax.get_title(loc="left")


@pytest.mark.parametrize("draw", [ct.plot.reverse_stress, ct.plot.phases])
def test_something_else_is_refused(draw):
    with pytest.raises(SchemaError, match="can't be drawn"):
        draw(3)
