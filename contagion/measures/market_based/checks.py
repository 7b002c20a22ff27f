"""Are these returns that can be measured? Arguments of the market based measures, refused with their place."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from contagion.errors import SchemaError, ValueRangeError
from contagion.measures.resampling import samples

__all__ = ["pair", "series", "share"]

Array = npt.NDArray[np.float64]


def series(values: npt.ArrayLike, where: str) -> Array:
    """Return a row of finite numbers as floats.

    Raises
    ------
    SchemaError
        If it is no row of numbers.
    ValueRangeError
        If it is empty or a number is not finite.
    """
    found = samples(values, where)
    missing = np.flatnonzero(np.isnan(found))
    if len(missing):
        raise ValueRangeError(
            "is missing",
            where=f"{where}[{int(missing[0])}]",
            value=float("nan"),
            remedy="drop such rows first",
        )
    return found


def pair(first: npt.ArrayLike, second: npt.ArrayLike, names: tuple[str, str]) -> tuple[Array, Array]:
    """Return two series of the same length, at least 2; errors as in `series`."""
    both = series(first, names[0]), series(second, names[1])
    if len(both[0]) != len(both[1]):
        raise SchemaError(
            f"has length {len(both[1])}, {names[0]} has length {len(both[0])}",
            where=names[1],
            allowed="series of the same length",
        )
    if len(both[0]) < 2:
        raise SchemaError("has length 1", where=names[0], allowed="a length of at least 2")
    return both


def share(value: float, where: str = "q") -> float:
    """Return a number strictly between 0 and 1, or refuse it with SchemaError or ValueRangeError."""
    allowed = "a share between 0 and 1, such as 0.05"
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise SchemaError("is no number", where=where, value=value, allowed=allowed)
    if not 0.0 < value < 1.0:
        raise ValueRangeError("is out of range", where=where, value=value, allowed=allowed)
    return float(value)
