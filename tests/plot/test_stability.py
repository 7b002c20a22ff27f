"""Maps of contagion and contagion by size: shades, edges, marks, labels, refusals."""

import numpy as np
import pytest
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure

import contagion as ct
from contagion import plot
from contagion.errors import InputError
from tests.plot.test_figures import drawn, overlaps, shown_extents


@pytest.fixture(scope="module")
def overlap():
    return ct.overlap_stability_map(
        [6.0, 9.0, 12.0, 15.0], [1.0, 2.0, 3.0, 4.0, 5.0], n_banks=80, runs=20, seed=1
    )


@pytest.fixture(scope="module")
def claims():
    return ct.claims_stability_map(
        [0.5, 2.0, 4.0, 6.0, 8.0], [0.02, 0.04, 0.06, 0.08], n_banks=80, runs=20, seed=1
    )


@pytest.fixture(scope="module")
def sizes():
    return ct.contagion_by_size([20, 60, 400], [24.0, 27.0], 5, runs=20, seed=1)


def shades(ax):
    (mesh,) = [part for part in ax.collections if isinstance(part, QuadMesh)]
    return mesh


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_darker_cells_have_more_contagion_and_lie_at_their_values(overlap):
    ax = plot.stability_map(overlap)
    mesh = shades(ax)
    wide = overlap.table.pivot(index="leverage", columns="bank_degree", values="probability")
    assert mesh.get_array().tolist() == (100 * wide.to_numpy()).tolist()
    assert mesh.cmap(0.0)[0] > mesh.cmap(1.0)[0] > 0.3
    assert mesh.get_coordinates()[0, :, 0].tolist() == [0.5, 1.5, 2.5, 3.5, 4.5, 5.5]


def test_the_edges_of_theory_are_drawn_where_they_are(overlap, claims):
    ax = plot.stability_map(overlap)
    places = [line.get_xydata() for line in ax.lines]
    critical = overlap.edges[overlap.edges["edge"] == "critical leverage"]
    expected = critical[["bank_degree", "leverage"]].to_numpy()
    assert any(np.array_equal(place, expected, equal_nan=True) for place in places)
    assert "theory: critical leverage" in legend(ax) and "theory: least diversification" in legend(ax)
    ax = plot.stability_map(claims)
    top = claims.edges[claims.edges["edge"] == "top"]
    assert any(
        np.allclose(line.get_ydata(), 100 * top["capital"]) for line in ax.lines if len(line.get_ydata()) == 2
    )
    assert legend(ax)[0] == "theory: window of contagion"


def test_crossings_stand_in_their_columns_with_bands(overlap):
    ax = plot.stability_map(overlap, level=0.4)
    crossings = overlap.crossings(0.4).dropna(subset=["leverage"])
    (marks,) = [line for line in ax.lines if line.get_marker() == "o"]
    assert marks.get_xdata().tolist() == crossings["bank_degree"].tolist()
    assert marks.get_ydata().tolist() == crossings["leverage"].tolist()
    assert "simulated: 40% of runs, 95% band" in legend(ax)


def test_cells_that_theory_misses_are_crossed_and_only_those(claims):
    ax = plot.stability_map(claims)
    table = claims.table
    missed = table[~table["near_edge"] & ~table["agrees"]]
    crosses = [line for line in ax.lines if line.get_marker() == "x"]
    assert sum(len(line.get_xdata()) for line in crosses) == len(missed)


@pytest.mark.parametrize("value", ["probability", "extent", "theory", "low", "high"])
def test_every_value_can_be_drawn_and_no_texts_overlap_or_leave_the_page(value, overlap, claims):
    for found in (overlap, claims):
        ax = plot.stability_map(found, value=value)
        extents = shown_extents(ax)
        assert overlaps(extents) == []
        page = ax.get_figure().bbox
        assert all(e.x0 > -2 and e.y0 > -2 and e.x1 < page.x1 + 2 and e.y1 < page.y1 + 2 for _, e in extents)
        assert "(" in ax.get_xlabel() and "(" in ax.get_ylabel()
        assert ax.get_legend().get_window_extent().y1 <= ax.get_window_extent().y0


def test_cells_without_a_value_are_hatched_and_named(overlap):
    ax = plot.stability_map(overlap, value="extent")
    assert ax.patch.get_hatch() and "no run with contagion" in legend(ax)
    assert not plot.stability_map(overlap).patch.get_hatch()


def test_values_that_grow_by_ratios_have_a_logarithmic_axis():
    found = ct.overlap_stability_map([4.0, 12.0, 36.0, 108.0], [1.0, 2.0, 3.0], n_banks=40, runs=3)
    ax = plot.stability_map(found)
    assert (ax.get_xscale(), ax.get_yscale()) == ("linear", "log")
    drawn(ax)
    assert all("$" not in tick.get_text() for tick in ax.get_yticklabels(minor=True))


def test_a_map_of_one_cell_is_drawn_on_the_axes_that_are_given():
    found = ct.overlap_stability_map(9.0, 3.0, n_banks=40, runs=3)
    ax = Figure(figsize=(8, 5)).add_subplot()
    assert plot.stability_map(found, ax) is ax
    drawn(ax)


def test_sizes_are_lines_with_their_theory_and_the_chance_of_a_pair(sizes):
    ax = plot.contagion_by_size(sizes)
    table = sizes.table
    (dotted,) = [line for line in ax.lines if line.get_linestyle() == ":" and line.get_marker() == "None"]
    first = table[table["leverage"] == 24.0]
    assert dotted.get_ydata().tolist() == (100 * first["expected_in_pair"]).tolist()
    assert ax.lines[0].get_ydata().tolist() == (100 * first["probability"]).tolist()
    assert legend(ax)[:2] == ["24 (theory 0%)", "27 (theory 100%)"]
    assert "(count)" in ax.get_xlabel() and "(%)" in ax.get_ylabel()
    assert overlaps(shown_extents(ax)) == []


def test_what_cannot_be_drawn_is_refused_with_the_way_out(overlap, sizes):
    with pytest.raises(InputError, match="did you mean 'extent'"):
        plot.stability_map(overlap, value="extend")
    with pytest.raises(InputError, match="level"):
        plot.stability_map(overlap, level=1.0)
    with pytest.raises(InputError, match="overlap_stability_map"):
        plot.stability_map(sizes)
    with pytest.raises(InputError, match="contagion_by_size"):
        plot.contagion_by_size(overlap)
