"""Labels keep apart, and stay with their marks."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from contagion.plot.labels import CORNERS, Labels


def crowd(n: int, needed: int, *, obstacles: int = 0) -> Labels:
    """Labels of marks that lie on one another in the middle of a figure."""
    canvas = FigureCanvasAgg(Figure(figsize=(8, 5), dpi=100))
    ax = canvas.figure.add_subplot()
    ax.set(xlim=(0.0, 1.0), ylim=(0.0, 1.0))
    names = [f"policy set {number}" for number in range(n)]
    around = np.random.Generator(np.random.Philox(1)).uniform(0.3, 0.7, (obstacles, 2))
    found = Labels(
        ax,
        names,
        np.full((n, 2), 0.5),
        np.full(n, 4.5),
        obstacles=around,
        obstacle_radii=np.full(obstacles, 3.0),
        needed=needed,
        sides=CORNERS,
    )
    canvas.draw()
    return found


def boxes(labels: Labels) -> list:
    """Extents of the labels that are shown."""
    return [text.get_window_extent() for text in labels.texts if text.get_visible()]


@pytest.mark.parametrize("n", [1, 4, 7, 12])
def test_every_needed_label_of_a_crowd_is_shown_and_none_touch(n: int) -> None:
    shown = boxes(crowd(n, n))
    assert len(shown) == n
    for place, one in enumerate(shown):
        assert not any(one.overlaps(other) for other in shown[place + 1 :])


def test_labels_that_are_not_needed_are_left_out_rather_than_sent_away() -> None:
    assert len(boxes(crowd(12, 0))) < 12


def test_a_label_far_from_its_mark_is_joined_to_it_and_a_near_one_is_not() -> None:
    labels = crowd(7, 7)
    centre = labels.texts[0].axes.transData.transform((0.5, 0.5))
    joined = 0
    for text, line in zip(labels.texts, labels.lines, strict=True):
        box = text.get_window_extent()
        apart = np.hypot(*(np.clip(centre, box.p0, box.p1) - centre))
        x, y = line.get_data()
        if len(x):
            joined += 1
            assert np.hypot(x[1] - centre[0], y[1] - centre[1]) == pytest.approx(apart, abs=1.5)
        else:
            assert apart < 30.0
    assert 0 < joined < 7


def test_a_needed_label_goes_round_small_marks_before_it_covers_one() -> None:
    labels = crowd(1, 1, obstacles=40)
    (box,) = boxes(labels)
    around = np.random.Generator(np.random.Philox(1)).uniform(0.3, 0.7, (40, 2))
    marks = labels.texts[0].axes.transData.transform(around)
    inside = (marks > box.p0).all(axis=1) & (marks < box.p1).all(axis=1)
    assert not inside.any()
