"""Are the parameters of a family of shocks, or of a search over shocks, what they must be?

Each function returns its argument in one plain form, or refuses it with the place, the value and what is allowed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.errors import SchemaError, ValueRangeError, nearest, shown

__all__ = ["count", "covered", "names", "number", "number_frame", "numbers", "seconds", "values_of"]

Array = npt.NDArray[np.float64]


def number(where: str, value: object, low: float | None = None, high: float | None = None) -> float:
    """Return a finite number within its bounds, or refuse it with SchemaError or ValueRangeError."""
    least = "" if low is None else f" from {low:g}"
    allowed = f"a finite number{least}{'' if high is None else f' to {high:g}'}"
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise SchemaError("is no number", where=where, value=value, allowed=allowed)
    size = cast(float, value)
    inside = (low is None or size >= low) and (high is None or size <= high)
    if not (inside and abs(size) <= sys.float_info.max):
        raise ValueRangeError("is out of range", where=where, value=value, allowed=allowed)
    return float(size)


def seconds(value: object) -> float:
    """Return a duration in seconds, or refuse it."""
    return number("over", value, low=0.0)


def count(where: str, value: object, low: int = 1) -> int:
    """Return a whole number of at least `low`, or refuse it with SchemaError or ValueRangeError."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise SchemaError("is no integer", where=where, value=value, allowed=f"a whole number from {low}")
    if value < low:
        raise ValueRangeError("is too small", where=where, value=value, allowed=f"a whole number from {low}")
    return int(value)


def names(assets: Iterable[str], where: str = "assets", example: str = "such as ['BTC', 'ETH']") -> list[str]:
    """Return the assets as a list of at least one, or refuse it with SchemaError."""
    allowed = f"a list of different names, {example}"
    found = [] if isinstance(assets, (str, bytes)) else list(assets)
    if not found or not all(isinstance(name, str) and name for name in found) or len(set(found)) < len(found):
        raise SchemaError("are no list of names", where=where, value=assets, allowed=allowed)
    return found


def numbers(where: str, given: object, low: float | None = 0.0) -> float | dict[str, float]:
    """Return a number, or numbers by name sorted, each at least `low`, or refuse them."""
    if not isinstance(given, Mapping):
        return number(where, given, low=low)
    if not given or not all(isinstance(name, str) and name for name in given):
        raise SchemaError("is no mapping of names", where=where, value=given, allowed='such as {"BTC": 0.1}')
    return {name: number(f"{where}[{shown(name)}]", given[name], low=low) for name in sorted(given)}


def covered(where: str, assets: Sequence[str], known: Iterable[str]) -> Sequence[str]:
    """Return the assets if all of them are known, or refuse the first that is not with SchemaError."""
    listed = list(known)
    for name in assets:
        if name not in listed:
            what = f"has no entry for the asset {shown(name)}{nearest(name, listed)}"
            raise SchemaError(what, where=where, remedy="cover every asset of the network that is not money")
    return assets


def values_of(where: str, given: float | dict[str, float], assets: Sequence[str]) -> Array:
    """Return the number of each asset, shape (n_assets,)."""
    if isinstance(given, dict):
        return np.array([given[name] for name in covered(where, assets, given)])
    return np.full(len(assets), given)


def number_frame(where: str, given: object) -> pd.DataFrame:
    """Return a frame of finite floats with named columns, a copy of its own."""
    if not isinstance(given, pd.DataFrame) or not len(given) or not len(given.columns):
        raise SchemaError("is no DataFrame with rows and columns", where=where, value=given)
    if not all(isinstance(name, str) and name for name in given.columns) or not given.columns.is_unique:
        raise SchemaError("has columns without names of their own", where=where, value=list(given.columns))
    for name in given.columns:
        kind = given[name].dtype
        if not pd.api.types.is_any_real_numeric_dtype(kind) or pd.api.types.is_bool_dtype(kind):
            raise SchemaError(f"holds {kind}", where=f"{where} column {shown(name)}", allowed="numbers")
    values = np.column_stack([given[name].to_numpy(np.float64, na_value=np.nan) for name in given.columns])
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        row, column = bad[0]
        place = f"{where} row {row + 1}, column {shown(given.columns[column])}"
        raise ValueRangeError("is not finite", where=place, value=float(values[row, column]))
    values.setflags(write=False)
    return pd.DataFrame(values, index=given.index, columns=list(given.columns), copy=False)
