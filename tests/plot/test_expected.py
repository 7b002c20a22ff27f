"""A picture that is given another kind of object says what it needs and how to get it."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pytest

from contagion import plot
from contagion.errors import SchemaError


@pytest.mark.parametrize(
    ("draw", "given", "words"),
    [
        (plot.rounds, "comparison", "is no run.*cmp\\.rerun"),
        (plot.cascade, "comparison", "is no run.*cmp\\.rerun"),
        (plot.rounds, "network", "is no run.*run a shock"),
        (plot.effects, "run", "is no comparison.*compare policy sets"),
        (plot.distribution, "network", "is no comparison.*compare policy sets"),
        (plot.frontier, "run", "is no comparison.*compare policy sets"),
        (plot.network, "run", "is no network.*pass run\\.network"),
        (plot.liquidation_map, "run", "is no network.*pass run\\.network"),
        (plot.network, "comparison", r"is no network.*pass cmp\.networks\[0\]"),
    ],
)
def test_a_picture_of_another_kind_of_object_is_refused_with_the_way_to_the_right_one(
    draw, given, words, make
):
    with pytest.raises(SchemaError, match=words):
        draw(getattr(make, given)())
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    "draw", [plot.rounds, plot.cascade, plot.effects, plot.network, plot.liquidation_map]
)
@pytest.mark.parametrize("given", [None, 3, "run", {}, SchemaError])
def test_a_picture_of_nothing_that_can_be_drawn_is_refused(draw, given):
    with pytest.raises(SchemaError, match="expected is"):
        draw(given)
