"""Labels that keep out of one another's way at any size of the figure.

The places are chosen while the figure is drawn, when the size of every text is known. A label that has to stand
away from its mark is joined to it by a thin line; one that fits nowhere stays hidden.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.artist import Artist
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.transforms import Bbox, IdentityTransform

from contagion.plot.style import DARK, MIDDLE, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.backend_bases import RendererBase
    from matplotlib.text import Text
    from numpy.typing import NDArray

_GAP = 3.0
Sides = tuple[tuple[int, int], ...]
CORNERS: Sides = ((1, 1), (-1, 1), (1, -1), (-1, -1))
BESIDE: Sides = ((1, 0), (-1, 0), (0, 1), (0, -1), *CORNERS)
_NEAR = (1.0, 2.2, 4.0)
_FAR = (6.0, 9.0, 12.0, 16.0, 20.0)  # for needed labels
_JOINED = 3.0  # from this distance on a line joins label and mark
_SMALL = 4.0  # points: where nothing else helps, a needed label may cover marks up to this radius


class Labels(Artist):
    """Names beside marks, the first the most important.

    Parameters
    ----------
    ax : Axes
        Where the marks are.
    names : sequence of str
        Texts, in order of importance.
    places : ndarray, shape (n_names, 2)
        The marks, in data coordinates.
    radii : ndarray, shape (n_names,)
        Their radii in points.
    obstacles : ndarray, shape (n_obstacles, 2)
        Further marks which no label may cover.
    obstacle_radii : ndarray, shape (n_obstacles,)
        Their radii in points.
    needed : int
        So many of the first names may lie far from their marks, or cover small marks, rather than be left out.
    sides : tuple of (int, int)
        Where a label may lie seen from its mark (right, up), the best first.
    size : float
        Size of the text in points.
    """

    def __init__(
        self,
        ax: Axes,
        names: Sequence[str],
        places: NDArray[np.float64],
        radii: NDArray[np.float64],
        *,
        obstacles: NDArray[np.float64] | None = None,
        obstacle_radii: NDArray[np.float64] | None = None,
        needed: int = 0,
        sides: Sides = BESIDE,
        size: float = 8.0,
    ) -> None:
        super().__init__()
        self.set_zorder(2.9)  # before the texts, which are drawn at 3
        self.set_in_layout(False)
        self._needed, self._sides = needed, sides
        self._axes, self._places, self._radii = (
            ax,
            np.asarray(places, np.float64),
            np.asarray(radii, np.float64),
        )
        self._obstacles = np.zeros((0, 2)) if obstacles is None else obstacles
        self._obstacle_radii = np.zeros(0) if obstacle_radii is None else obstacle_radii
        self.texts = [self._text(ax, name, size) for name in names]
        self.lines = [self._line(ax) for _ in names]
        ax.add_artist(self)

    @staticmethod
    def _text(ax: Axes, name: str, size: float) -> Text:
        text = ax.text(0, 0, shown(name, 30), fontsize=size, color=DARK, parse_math=False, zorder=3.0)
        text.set(transform=IdentityTransform(), ha="left", va="bottom", in_layout=False, usetex=False)
        text.set_path_effects([withStroke(linewidth=2.0, foreground=ax.get_facecolor())])
        return text

    @staticmethod
    def _line(ax: Axes) -> Line2D:
        line = Line2D([], [], color=MIDDLE, linewidth=0.6, zorder=2.95, transform=IdentityTransform())
        line.set_in_layout(False)
        ax.add_artist(line)
        return line

    def draw(self, renderer: RendererBase) -> None:
        """Choose a place for every text, or hide it; the axes draw the texts and lines themselves."""
        ax = self._axes
        point = float(np.asarray(renderer.points_to_pixels(1.0)))
        marks = ax.transData.transform(self._places)
        blocked = _squares(ax.transData.transform(self._obstacles), self._obstacle_radii * point)
        blocked = np.vstack([blocked, _squares(marks, self._radii * point)])
        small = np.concatenate([self._obstacle_radii, self._radii]) < _SMALL
        inside = ax.get_window_extent(renderer)
        for i, (text, centre, radius) in enumerate(zip(self.texts, marks, self._radii * point, strict=True)):
            text.set_position((0.0, 0.0))
            text.set_visible(True)
            extent = text.get_window_extent(renderer)
            tries = [(_NEAR, blocked), (_FAR, blocked), (_NEAR, blocked[~small])][
                : 3 if i < self._needed else 1
            ]
            found = (
                _free_spot(centre, radius, extent, taken, inside, _GAP * point, self._sides, distances)
                for distances, taken in tries
            )
            spot = next((one for one in found if one is not None), None)
            text.set_visible(spot is not None)
            self.lines[i].set_data([], [])
            if spot is not None:
                left, low, distance = spot
                box = (left, low, left + extent.width, low + extent.height)
                text.set_position((left - extent.x0, low - extent.y0))
                if distance >= _JOINED:
                    self.lines[i].set_data(*_joint(centre, radius, box))
                blocked, small = np.vstack([blocked, [box]]), np.append(small, False)
        self.stale = False


def _joint(
    centre: NDArray[np.float64], radius: float, box: tuple[float, float, float, float]
) -> tuple[list[float], list[float]]:
    """Return the ends of a line from the rim of a mark to the nearest point of a label."""
    near = np.clip(centre, box[:2], box[2:])
    away = near - centre
    start = centre + away * min(1.0, radius / max(float(np.hypot(*away)), 1e-9))
    return [float(start[0]), float(near[0])], [float(start[1]), float(near[1])]


def _squares(centres: NDArray[np.float64], radii: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return boxes ``(n, 4)`` as left, bottom, right, top."""
    half = np.column_stack([radii, radii])
    return np.hstack([centres - half, centres + half])


def _free_spot(
    centre: NDArray[np.float64],
    radius: float,
    extent: Bbox,
    blocked: NDArray[np.float64],
    inside: Bbox,
    gap: float,
    sides: Sides,
    distances: Sequence[float],
) -> tuple[float, float, float] | None:
    """Return the lower left corner of the first place that touches nothing, and its distance in gaps."""
    for distance in distances:
        reach = radius * (1.0 if distance == 1.0 else 1.2) + gap * distance
        for right, up in sides:
            away = reach * (0.75 if right and up else 1.0)
            left = centre[0] + right * away - (0.5 - 0.5 * right) * extent.width
            low = centre[1] + up * away - (0.5 - 0.5 * up) * extent.height
            box = (left - 1.0, low - 1.0, left + extent.width + 1.0, low + extent.height + 1.0)
            if box[0] < inside.x0 or box[1] < inside.y0 or box[2] > inside.x1 or box[3] > inside.y1:
                continue
            apart = (blocked[:, 0] >= box[2]) | (blocked[:, 2] <= box[0])
            apart |= (blocked[:, 1] >= box[3]) | (blocked[:, 3] <= box[1])
            if apart.all():
                return float(left), float(low), distance
    return None
