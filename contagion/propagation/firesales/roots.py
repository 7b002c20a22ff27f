"""Where does a quadratic vanish? Real roots without loss of digits, for markets whose clearing is one per piece."""

from __future__ import annotations

import math

__all__ = ["distinct", "quadratic_roots"]

ROUNDING = 1e-15
SAME = 1e-12  # roots closer than this, relative to the scale, are one


def quadratic_roots(square: float, linear: float, constant: float) -> list[float]:
    """Real roots of ``square x^2 + linear x + constant``, ascending; a double root once, none of a constant.

    Examples
    --------
    >>> quadratic_roots(1.0, -3.0, 2.0)
    [1.0, 2.0]
    >>> quadratic_roots(0.0, 2.0, -1.0)
    [0.5]
    """
    if square == 0.0:
        return [] if linear == 0.0 else [-constant / linear]
    inside = linear * linear - 4.0 * square * constant
    noise = 4.0 * ROUNDING * (linear * linear + abs(4.0 * square * constant))
    if inside < -noise:
        return []
    if inside <= noise:
        return [-0.5 * linear / square]
    far = -0.5 * (linear + math.copysign(math.sqrt(inside), linear))
    return sorted([far / square, constant / far])


def distinct(roots: list[float], scale: float) -> list[float]:
    """Roots in descending order, those closer than rounding once.

    Examples
    --------
    >>> distinct([1.0 - 1e-15, 3.0, 1.0], 3.0)
    [3.0, 1.0]
    """
    kept: list[float] = []
    for root in sorted(roots, reverse=True):
        if not kept or kept[-1] - root > SAME * scale:
            kept.append(root)
    return kept
