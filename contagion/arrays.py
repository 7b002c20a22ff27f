"""Are these numbers? Checked conversion of what a caller passes into finite float arrays, refused by name.

Formulas call these before they compute anything. The message names the argument, the place and the value.
"""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contagion.errors import InputError, SchemaError, ValueRangeError, nearest

FloatArray = NDArray[np.float64]


def real(
    value: object,
    where: str,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    above: float = -math.inf,
    below: float = math.inf,
) -> float:
    """Return `value` as a finite float.

    Parameters
    ----------
    value
        A number; truth values and texts are no numbers.
    where
        Name of the argument, for the message.
    low, high
        Smallest and largest value allowed.
    above, below
        The value must exceed `above` and stay under `below`.

    Raises
    ------
    SchemaError
        If it is not a number.
    ValueRangeError
        If it is not finite or outside its range.

    Examples
    --------
    >>> real(5, "size", low=0)
    5.0
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Real):
        raise SchemaError("is not a number", where=where, value=value, allowed="a finite number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not (math.isfinite(number) and low <= number <= high and above < number < below):
        raise ValueRangeError(
            _fault(number, low),
            where=where,
            value=value,
            allowed=_range(low, high, above, below),
        )
    return number


def whole(value: Any, where: str, low: int = 0) -> int:
    """Return `value` as a whole number of at least `low`.

    Raises
    ------
    InputError
        If it is no number, not whole, or below `low`; the message names `where`.

    Examples
    --------
    >>> whole(3.0, "rounds")
    3
    """
    number = real(value, where, low=low)
    if number != int(number):
        raise SchemaError("is not a whole number", where=where, value=value)
    return int(number)


def reals(
    values: Any,
    where: str,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    above: float = -math.inf,
    below: float = math.inf,
    dimensions: int | None = None,
    infinite: bool = False,
) -> FloatArray:
    """Return `values` as an array of finite floats of any shape; arguments as in `real`.

    Parameters
    ----------
    dimensions
        The number of dimensions asked for, None for any.
    infinite
        Whether positive infinity is a number here.

    Raises
    ------
    SchemaError
        If something in it is not a number, or the nesting is uneven or of other depth.
    ValueRangeError
        If a number is not finite or outside its range; the message names its position.

    Examples
    --------
    >>> reals([1, 2.5], "size", low=0)
    array([1. , 2.5])
    """
    array = _as_floats(values, where)
    if dimensions is not None and array.ndim != dimensions:
        raise SchemaError(
            f"has {array.ndim} dimensions", where=where, allowed=f"an array of {dimensions} dimension(s)"
        )
    if array.size:
        least, most = array.min(), array.max()  # not a number if one is not, and then within no limits
        if least >= low and least > above and most <= high and most < below:
            return array
    known = np.isfinite(array) & (array < below)
    if infinite:
        known |= np.isposinf(array)
    wrong = ~(known & (array >= low) & (array <= high) & (array > above))
    if wrong.any():
        place = tuple(int(index) for index in np.argwhere(wrong)[0])
        value = float(array[place])
        raise ValueRangeError(
            _fault(value, low),
            where=where + "".join(f"[{index}]" for index in place),
            value=value,
            allowed=_range(low, high, above, below),
        )
    return array


def sides(values: Any, where: str) -> FloatArray:
    """Return `values` as an array of sides: 1 (long, buy) or -1 (short, sell).

    Raises
    ------
    SchemaError
        If something in it is not a number.
    ValueRangeError
        If a number is neither 1 nor -1.

    Examples
    --------
    >>> sides([1, -1], "side")
    array([ 1., -1.])
    """
    array = reals(values, where)
    if (np.abs(array) != 1.0).any():
        raise ValueRangeError("is no side", where=where, value=values, allowed="1 (long) or -1 (short)")
    return array


def fitted(**arrays: FloatArray) -> tuple[FloatArray, ...]:
    """Return arrays broadcast to one shape, in the order of the arguments.

    Raises
    ------
    SchemaError
        If their shapes do not fit together; the message names each argument with its shape.

    Examples
    --------
    >>> [array.shape for array in fitted(size=np.ones(3), price=np.array(2.0))]
    [(3,), (3,)]
    """
    try:
        return tuple(np.broadcast_arrays(*arrays.values()))
    except ValueError:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise SchemaError(
            "have shapes that do not fit together", where=shapes, allowed="one number, or one per account"
        ) from None


def word(value: object, where: str, allowed: tuple[str, ...]) -> str:
    """Return `value` if it is one of the allowed words.

    Raises
    ------
    InputError
        If it is another; the message lists the words and the nearest one.

    Examples
    --------
    >>> word("linear", "contract", ("linear", "inverse"))
    'linear'
    """
    if isinstance(value, str) and value in allowed:
        return value
    listed = ", ".join(allowed) + (nearest(value, allowed) if isinstance(value, str) else "")
    raise InputError("is not known", where=where, value=value, allowed=listed)


def _as_floats(values: Any, where: str) -> FloatArray:
    """Convert to float64, refusing texts, truth values, missing values and uneven nesting."""
    try:
        raw = np.asarray(values)
    except ValueError:
        raise SchemaError("is nested unevenly", where=where, allowed="an array of numbers") from None
    if raw.size == 0 and raw.dtype.kind in "fO":
        return np.zeros(raw.shape)
    if raw.dtype.kind == "O" or _mixed(values):
        flat = [real(item, where) for item in np.asarray(values, dtype=object).ravel()]
        return np.array(flat, dtype=np.float64).reshape(raw.shape)
    if raw.dtype.kind not in "iuf":
        raise SchemaError("is not a number", where=where, value=values, allowed="finite numbers")
    return raw.astype(np.float64)


def _mixed(values: Any) -> bool:
    """Whether a list holds truth values, which numpy would turn into numbers without a word."""
    if isinstance(values, (list, tuple)):
        return any(_mixed(item) for item in values)
    return isinstance(values, (bool, np.bool_))


def _fault(number: float, low: float) -> str:
    """Say what is wrong with a number that is refused."""
    if not math.isfinite(number):
        return "is not finite"
    return "is negative" if number < 0.0 <= low else "is out of range"


def _range(low: float, high: float, above: float, below: float) -> str:
    """Say which numbers are allowed."""
    parts = []
    if above > -math.inf:
        parts.append(f"> {above:g}")
    elif low > -math.inf:
        parts.append(f">= {low:g}")
    if below < math.inf:
        parts.append(f"< {below:g}")
    elif high < math.inf:
        parts.append(f"<= {high:g}")
    return "a finite number" + (" " + " and ".join(parts) if parts else "")
