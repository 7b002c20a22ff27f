"""Where the marks of a network lie: the same places for the same network, without chance.

References
----------
Fruchterman, Reingold (1991): springs along links, repulsion between all pairs. Here marks with many lines
push harder, as in Jacomy, Venturini, Heymann, Bastian (2014), and a pull to the middle keeps parts in sight
which nothing joins.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_GOLDEN = np.pi * (3.0 - np.sqrt(5.0))


def places(
    n_marks: int, source: NDArray[np.int64], target: NDArray[np.int64], weight: Floats, radii: Floats
) -> Floats:
    """Return the place of every mark, ``(n_marks, 2)``, within the unit square.

    Parameters
    ----------
    n_marks : int
        Number of marks.
    source, target : ndarray, shape (n_lines,)
        Ends of the lines.
    weight : ndarray, shape (n_lines,)
        Money of the lines.
    radii : ndarray, shape (n_marks,)
        Radii of the marks, relative to a square of side 1.
    """
    if n_marks < 2:
        return np.full((n_marks, 2), 0.5)
    start = _start(n_marks, source, target)
    pull = _pull(n_marks, source, target, weight)
    moved = _relax(start, pull, steps=150 if n_marks > 100 else 300)
    return _apart(_framed(moved), radii)


def _start(n_marks: int, source: NDArray[np.int64], target: NDArray[np.int64]) -> Floats:
    """Spread marks on a sunflower, those with most lines in the middle."""
    degree = np.bincount(source, minlength=n_marks) + np.bincount(target, minlength=n_marks)
    rank = np.empty(n_marks)
    rank[np.lexsort((np.arange(n_marks), -degree))] = np.arange(n_marks)
    radius, angle = np.sqrt((rank + 0.5) / n_marks), rank * _GOLDEN
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])


def _pull(n_marks: int, source: NDArray[np.int64], target: NDArray[np.int64], weight: Floats) -> Floats:
    """Return the strength of the spring between each pair: more for heavier lines, never much more."""
    pull = np.zeros((n_marks, n_marks))
    if len(weight):
        strength = 0.3 + 0.7 * np.sqrt(weight / max(float(weight.max()), 1e-300))
        np.maximum.at(pull, (source, target), strength)
    return np.maximum(pull, pull.T)


def _relax(place: Floats, pull: Floats, steps: int) -> Floats:
    """Let springs and repulsion act, in steps that shrink."""
    n_marks = len(place)
    length = 1.2 / np.sqrt(n_marks)
    lines = 1.0 + (pull > 0.0).sum(axis=1)
    push = np.sqrt(lines[:, None] * lines[None, :]) / lines.mean() * length**2
    pull = pull / (np.sqrt(np.minimum(lines[:, None], lines[None, :])) * length)
    for step in range(steps):
        across, up = (np.subtract.outer(axis, axis) for axis in place.T)
        squared = across * across + up * up + 1e-18
        force = push / squared - pull * np.sqrt(squared)
        move = np.column_stack([(across * force).sum(axis=1), (up * force).sum(axis=1)]) - 0.4 * place
        size = np.sqrt((move**2).sum(axis=1, keepdims=True)) + 1e-12
        place = place + move / size * np.minimum(size, 0.1 * (1.0 - step / steps) ** 1.5 + 1e-3)
    return place


def _framed(place: Floats) -> Floats:
    """Return the places stretched to the unit square."""
    low, high = place.min(axis=0), place.max(axis=0)
    return np.asarray((place - low) / np.where(high > low, high - low, 1.0), dtype=np.float64)


def _apart(place: Floats, radii: Floats) -> Floats:
    """Push marks that overlap away from each other."""
    reach = (radii[:, None] + radii[None, :]) * 1.15
    np.fill_diagonal(reach, 0.0)
    place = place.copy()
    for _ in range(60):
        across, up = (np.subtract.outer(axis, axis) for axis in place.T)
        distance = np.sqrt(across * across + up * up + 1e-18)
        share = 0.45 * np.maximum(reach - distance, 0.0) / distance
        if not share.any():
            break
        place += np.column_stack([(across * share).sum(axis=1), (up * share).sum(axis=1)])
    return place
