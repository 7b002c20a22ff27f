"""How do few rows stand for a whole population of accounts? Rows lean to large accounts, `count` undoes it.

Scores of the population are standard normal, sizes are exponentials of them. Below the score `alone` the rows are a
sample whose mean is moved by `tilt`, above it every account has its own row; `alone` is where the rows suffice. The
population is thus the same with few rows and many.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

__all__ = ["tilted_sample"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


def tilted_sample(draw: Floats, population: float, tilt: float) -> tuple[Floats, Integers]:
    """Return a score for each row, and how many accounts of the population it stands for.

    Parameters
    ----------
    draw : numpy.ndarray, shape (n,)
        Uniform on [0, 1).
    population : float
        Accounts in all; at least n are taken.
    tilt : float
        Standard deviations by which the mean of the sampled rows is moved, >= 0.

    Returns
    -------
    score : numpy.ndarray, shape (n,)
    count : numpy.ndarray of int64, shape (n,)
        At least 1, at most a hundredth of the population.

    Examples
    --------
    >>> score, count = tilted_sample((np.arange(500) + 0.5) / 500, 10_000.0, 1.0)
    >>> count.tolist()[0], count.tolist()[-1], bool(score[0] < score[1])
    (100, 1, True)
    """
    n = len(draw)
    people = max(population, float(n))
    alone = _lone_score(n / people, tilt)
    rate = np.exp(tilt * (tilt / 2 - alone))
    share = rate * float(ndtr(alone - tilt)) * people / n
    sampled = draw < share
    score = np.where(
        sampled,
        tilt + ndtri(np.where(sampled, draw, 0.5) * n / (people * rate)),
        -ndtri(np.where(sampled, 0.5, 1.0 - draw) * n / people),
    )
    count = np.where(sampled, np.rint(np.exp(tilt * (alone - score))), 1.0)
    largest = max(1.0, np.floor(people / 100))
    return np.asarray(score, dtype=np.float64), np.clip(count, 1.0, largest).astype(np.int64)


def _lone_score(sampled: float, tilt: float) -> float:
    """Score above which every account has its own row, if `sampled` rows a head of the population are used."""
    low, high = -40.0, 40.0
    for _ in range(100):
        middle = (low + high) / 2
        rows = np.exp(tilt * (tilt / 2 - middle)) * ndtr(middle - tilt) + ndtr(-middle)
        low, high = (middle, high) if rows > sampled else (low, middle)
    return low
