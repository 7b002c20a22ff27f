"""Do a few scenarios carry the mean? The share of a mean effect that the largest scenarios make."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

__all__ = ["carried", "carried_note"]

HALF = 0.5


def carried(differences: npt.ArrayLike, share: float) -> float:
    """Return the part of a mean effect that comes from the scenarios that push it furthest its way.

    Parameters
    ----------
    differences : array_like
        Paired differences, shape (n,); NaN is left out.
    share : float
        Which share of the scenarios, above 0 and at most 1; rounded up to whole scenarios.

    Returns
    -------
    float
        Their sum over the sum of all. `share` where all scenarios are alike; above 1 where the mean would change its
        sign without them; NaN below 1 / `share` scenarios or where the mean is 0.

    Examples
    --------
    >>> carried([-1.0] * 99 + [-101.0], 0.01)
    0.505
    """
    found = np.asarray(differences, dtype=np.float64)
    present = found[np.isfinite(found)]
    total = math.fsum(present)
    if len(present) * share < 1.0 - 1e-9 or total == 0.0:
        return float("nan")
    ordered = np.sort(present * math.copysign(1.0, total))[::-1]
    return math.fsum(ordered[: math.ceil(len(present) * share - 1e-9)]) / abs(total)


def carried_note(one: float, five: float) -> str:
    """Return a warning where the largest 1 % or 5 % of scenarios carry more than half of the mean effect.

    Parameters
    ----------
    one, five : float
        What `carried` says of 1 % and of 5 %.

    Examples
    --------
    >>> carried_note(0.2, 0.61)
    '5 % of the scenarios carry 61 % of the mean effect'
    """
    part, words = (one, "1 %") if one > HALF else (five, "5 %")
    if not part > HALF:
        return ""
    if part > 1.0:
        return f"without {words} of the scenarios the mean effect has the other sign"
    return f"{words} of the scenarios carry {100.0 * part:.0f} % of the mean effect"
