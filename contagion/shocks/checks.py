"""Is this a shock, and does it fit the network? Every fault is found in one pass."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeGuard, cast

import numpy as np
import pandas as pd

from contagion.errors import (
    NOTHING,
    Fault,
    InputError,
    NetworkError,
    SchemaError,
    UnitError,
    ValueRangeError,
    compose,
    nearest,
    raise_faults,
    shown,
)

CHANGE_ALLOWED: Final = "a change is a finite fraction above -1; -0.15 is a fall of 15 %"
SECONDS_ALLOWED: Final = "`over` is a finite number of seconds >= 0; 0 is one gap"
TIME_ALLOWED: Final = "a finite number of seconds >= 0"
TIMES_ALLOWED: Final = "times are seconds, timedeltas or timestamps of one zone, rising from row to row"
TIMES_REMEDY: Final = "convert all times to one zone, then frame.sort_index()"
PRICE_ALLOWED: Final = "prices are finite and positive"


@dataclass(frozen=True)
class Names:
    """Names of a network, to check a shock against; `nodes` and `venues` are None where they are not known."""

    assets: tuple[str, ...]
    markets: tuple[str, ...]
    nodes: frozenset[str] | None
    unit: str
    venues: frozenset[str] | None = None


def fault(
    error: type[InputError],
    what: str,
    *,
    where: str = "",
    value: object = NOTHING,
    allowed: str = "",
    remedy: str = "",
) -> Fault:
    """Return a fault of a shock with a composed message."""
    message = compose(what, where=where, value=value, allowed=allowed, remedy=remedy)
    return Fault(error, "shock", "shock", 0, message)


def number_faults(where: str, value: object, allowed: str) -> list[Fault]:
    """Return what is wrong with something that must be a finite number."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        return [fault(SchemaError, "is no number", where=where, value=value, allowed=allowed)]
    if not abs(cast(float, value)) <= sys.float_info.max:
        return [fault(ValueRangeError, "is not finite", where=where, value=value, allowed=allowed)]
    return []


def seconds_faults(where: str, value: object, allowed: str = SECONDS_ALLOWED) -> list[Fault]:
    """Return what is wrong with a duration in seconds."""
    found = number_faults(where, value, allowed)
    if not found and cast(float, value) < 0.0:
        found = [fault(ValueRangeError, "is negative", where=where, value=value, allowed=allowed)]
    return found


def positive_faults(where: str, value: object, allowed: str) -> list[Fault]:
    """Return what is wrong with something that must be a finite number above 0."""
    found = number_faults(where, value, allowed)
    if not found and cast(float, value) <= 0.0:
        found = [fault(ValueRangeError, "is not above 0", where=where, value=value, allowed=allowed)]
    return found


def length_faults(where: str, value: object) -> list[Fault]:
    """Return what is wrong with how long something lasts: None, for good, or seconds above 0."""
    return [] if value is None else positive_faults(where, value, "seconds above 0, or None: for good")


def share_faults(where: str, value: object) -> list[Fault]:
    """Return what is wrong with a share of something."""
    allowed = "a share is between 0 and 1; 0.3 is 30 %"
    found = number_faults(where, value, allowed)
    if not found and not 0.0 <= cast(float, value) <= 1.0:
        found = [fault(ValueRangeError, "is no share", where=where, value=value, allowed=allowed)]
    return found


def change_faults(where: str, value: object) -> list[Fault]:
    """Return what is wrong with a signed fraction that must leave something."""
    found = number_faults(where, value, CHANGE_ALLOWED)
    if not found and cast(float, value) <= -1.0:
        what, remedy = "leaves nothing", "a fall of 15 % is -0.15, not -15"
        found = [
            fault(ValueRangeError, what, where=where, value=value, allowed=CHANGE_ALLOWED, remedy=remedy)
        ]
    return found


def name_faults(where: str, name: object) -> list[Fault]:
    """Return what is wrong with something that must be a name."""
    if isinstance(name, str) and name:
        return []
    return [fault(SchemaError, "is no name", where=where, value=name, allowed="names are texts, not empty")]


def changes(where: str, given: object) -> dict[str, float]:
    """Return name -> signed fraction, sorted by name, of a mapping or a Series.

    Raises
    ------
    SchemaError
        If it is no mapping, empty, names something twice, or holds something else than names and numbers.
    ValueRangeError
        If a number is not finite or at most -1.
    """
    pairs = list(given.items()) if is_mapping(given) else []
    if not pairs:
        what = "is empty" if is_mapping(given) else "is no mapping"
        raise SchemaError(what, where=where, value=given, allowed='name -> change, such as {"BTC": -0.15}')
    found: list[Fault] = []
    names: set[object] = set()
    for name, value in pairs:
        found += name_faults(where, name) or change_faults(f"{where}[{shown(name)}]", value)
        if name in names:
            found.append(fault(SchemaError, "is given twice", where=where, value=name))
        names.add(name)
    raise_faults(found)
    return {str(name): float(value) for name, value in sorted(pairs)}


def is_mapping(given: object) -> TypeGuard[Mapping[str, float] | pd.Series]:
    """Return whether something maps names to changes: a mapping, or a Series with names in its index."""
    return isinstance(given, (Mapping, pd.Series))


def unknown(kind: str, name: str, where: str, allowed: Iterable[str]) -> Fault:
    """Return the fault of a name that the network does not have, with the nearest one that it has."""
    what = f"is no {kind} of the network{nearest(name, sorted(allowed))}"
    return fault(NetworkError, what, where=where, value=name)


def venue_faults(named: Iterable[str], names: Names, where: str) -> list[Fault]:
    """Return what is wrong with the venues that a shock names."""
    if names.venues is None:
        return []
    return [unknown("venue", name, where, names.venues) for name in named if name not in names.venues]


def asset_faults(moved: Iterable[str], names: Names, where: str) -> list[Fault]:
    """Return what is wrong with the assets that a shock moves."""
    found = []
    for name in moved:
        if name not in names.assets:
            found.append(unknown("asset", name, where, names.assets))
        elif name == names.unit:
            what = "is the unit of all money, whose price is 1"
            found.append(fault(UnitError, what, where=where, value=name, remedy="leave it out of the shock"))
    return found


def path_frame(given: object) -> pd.DataFrame:
    """Return a price path as floats over seconds since its first row, frozen.

    Raises
    ------
    SchemaError, ValueRangeError, UnitError
        As `PricePath` says.
    """
    where = "PricePath"
    if not isinstance(given, pd.DataFrame):
        raise SchemaError(
            "is no DataFrame", where=where, value=given, allowed="assets in columns, times in rows"
        )
    if len(given) < 2 or not len(given.columns):
        what = f"has {len(given)} rows and {len(given.columns)} columns"
        raise SchemaError(what, where=where, allowed="at least two rows and one column")
    found = [one for name in given.columns for one in name_faults(where, name)]
    if not found and not given.columns.is_unique:
        twice = given.columns[given.columns.duplicated()][0]
        found.append(fault(SchemaError, "is the name of two columns", where=where, value=twice))
    for place, name in enumerate(given.columns):
        found += _price_faults(name, given.iloc[:, place])
    raise_faults(found)
    prices = np.column_stack([given.iloc[:, i].to_numpy(dtype=np.float64) for i in range(len(given.columns))])
    prices.setflags(write=False)
    return pd.DataFrame(prices, index=_seconds(given.index), columns=list(given.columns), copy=False)


def _price_faults(name: object, column: pd.Series) -> list[Fault]:
    where = f"PricePath column {shown(name)}"
    kind = column.dtype
    if not pd.api.types.is_any_real_numeric_dtype(kind) or pd.api.types.is_bool_dtype(kind):
        return [fault(SchemaError, f"holds {kind}", where=where, allowed="columns hold numbers")]
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    bad = np.flatnonzero(~(np.isfinite(values) & (values > 0.0)))
    if not len(bad):
        return []
    what = f"in row {bad[0] + 1} is no price; {len(bad):,} such rows"
    return [fault(ValueRangeError, what, where=where, value=float(values[bad[0]]), allowed=PRICE_ALLOWED)]


def _seconds(index: pd.Index) -> pd.Index:
    """Return the times as seconds since the first one."""
    where = "PricePath index"
    times = _clock(index)
    if not np.isfinite(times).all():
        raise UnitError("holds a missing or infinite time", where=where, allowed=TIMES_ALLOWED)
    falling = np.flatnonzero(np.diff(times) <= 0.0)
    if len(falling):
        row = int(falling[0]) + 2
        raise UnitError(
            f"does not rise at row {row}", where=where, allowed=TIMES_ALLOWED, remedy=TIMES_REMEDY
        )
    seconds = times - times[0]
    seconds.setflags(write=False)
    named: pd.Index = pd.Index(seconds, name="seconds")
    return named


def _clock(index: pd.Index) -> np.ndarray:
    where = "PricePath index"
    if index.dtype == object and all(isinstance(time, datetime) for time in index):
        try:
            index = pd.DatetimeIndex(index)
        except (ValueError, TypeError) as error:
            raise UnitError(
                "mixes time zones", where=where, allowed=TIMES_ALLOWED, remedy=TIMES_REMEDY
            ) from error
    if isinstance(index, pd.DatetimeIndex):
        index = index - index[0]
    if isinstance(index, pd.TimedeltaIndex):
        return np.asarray(index.total_seconds(), dtype=np.float64)
    kind = index.dtype
    if not pd.api.types.is_any_real_numeric_dtype(kind) or pd.api.types.is_bool_dtype(kind):
        remedy = "pd.to_datetime(frame.index) reads texts"
        raise SchemaError(f"holds {kind}", where=where, allowed=TIMES_ALLOWED, remedy=remedy)
    return np.asarray(index.to_numpy(dtype=np.float64, na_value=np.nan))
