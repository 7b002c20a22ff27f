"""Pictures of the experiments on integration and diversification."""

import pytest
from matplotlib.collections import QuadMesh

from contagion import plot
from contagion.errors import SchemaError, ValueRangeError
from contagion.experiments.integration import integration_experiment


@pytest.fixture(scope="module")
def few():
    return integration_experiment(8, degree=[1, 2, 4], integration=[0.2, 0.6], theta=[0.8, 0.9], n_draws=6)


def test_each_value_of_the_second_parameter_is_a_line_in_per_cent(few):
    ax = plot.integration(few, where={"theta": 0.9})
    rows = few.to_frame().query("theta == 0.9 and integration == 0.6")
    (line,) = [line for line in ax.lines if line.get_marker() == "s"]
    assert line.get_xdata().tolist() == [1.0, 2.0, 4.0]
    assert line.get_ydata() == pytest.approx(100 * rows["share_failing"])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["20 %", "60 %"]
    assert "(%)" in ax.get_ylabel() and "count" in ax.get_xlabel()


def test_more_values_than_lines_are_a_map_in_which_darker_is_worse():
    found = integration_experiment(8, degree=[1, 3], integration=[0.1 * k for k in range(1, 9)], n_draws=4)
    ax = plot.integration(found, quantity="contagion")
    (mesh,) = [part for part in ax.collections if isinstance(part, QuadMesh)]
    assert mesh.get_array().shape == (8, 2)
    assert mesh.cmap(0.0)[0] > mesh.cmap(1.0)[0]
    assert "integration" in ax.get_ylabel()


def test_one_parameter_is_one_line_and_a_single_point_is_drawn_too(few):
    ax = plot.integration(few, where={"theta": 0.9, "integration": 0.2, "degree": 2})
    assert len(ax.lines) == 1


def test_what_cannot_be_drawn_is_refused_with_the_way_out(few):
    with pytest.raises(ValueRangeError, match="where"):
        plot.integration(few)
    with pytest.raises(ValueRangeError, match="not on the grid"):
        plot.integration(few, where={"theta": 0.7})
    with pytest.raises(SchemaError, match="did you mean 'theta'"):
        plot.integration(few, where={"thet": 0.7})
    with pytest.raises(SchemaError, match="did you mean 'contagion'"):
        plot.integration(few, quantity="contagious")
    with pytest.raises(SchemaError, match="integration_experiment"):
        plot.integration(few.to_frame())
