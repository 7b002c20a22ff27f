"""One metric of a study as arrays: a row per policy set, a column per scenario."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.errors import SchemaError, ValueRangeError, nearest
from contagion.measures.weighted import check_weights

__all__ = ["WEIGHT", "Panel", "panel", "weights_of"]

KEYS: Final = ("policy", "scenario", "network", "status")

WEIGHT: Final = "weight"
"""Column of a frame whose scenarios carry weights."""


@dataclass(frozen=True, eq=False)
class Panel:
    """One metric of a study as arrays; rows are policies in order of appearance, columns rising scenarios."""

    policies: list[str]
    networks: npt.NDArray[np.generic]
    values: npt.NDArray[np.float64]
    undefined: npt.NDArray[np.bool_]
    weights: npt.NDArray[np.float64] | None

    @property
    def n_networks(self) -> int:
        """Number of networks."""
        return len(np.unique(self.networks))


def panel(frame: pd.DataFrame, metric: str) -> Panel:
    """Return one metric of a long frame as arrays, or refuse the frame."""
    if not isinstance(frame, pd.DataFrame):
        raise SchemaError("is no DataFrame", where="frame", value=frame)
    for column in (*KEYS, metric):
        if column not in frame.columns:
            raise SchemaError(
                f"has no column {column!r}{nearest(column, map(str, frame.columns))}", where="frame"
            )
    kind = frame[metric].dtype
    if metric in KEYS or not pd.api.types.is_any_real_numeric_dtype(kind):
        raise SchemaError(f"holds {kind}", where=f"metric {metric!r}", allowed="a column of numbers")
    if not len(frame):
        raise ValueRangeError("has no rows", where="frame", allowed="at least one scenario")
    rows, policies = pd.factorize(frame["policy"])
    columns, scenarios = pd.factorize(frame["scenario"], sort=True)
    if (rows < 0).any() or (columns < 0).any():
        raise SchemaError("has a row without policy or scenario", where="frame")
    if pd.Series(rows * len(scenarios) + columns).duplicated().any():
        raise SchemaError("has two rows for one policy and scenario", where="frame")
    shape = (len(policies), len(scenarios))
    numbers = frame[metric].to_numpy(dtype=np.float64, na_value=np.nan)
    ok = (frame["status"] == "ok").to_numpy(dtype=bool)
    values, undefined = np.full(shape, np.nan), np.zeros(shape, dtype=bool)
    values[rows, columns] = np.where(ok & np.isfinite(numbers), numbers, np.nan)
    undefined[rows, columns] = ok & ~np.isfinite(numbers)
    return Panel(
        [str(name) for name in policies],
        _networks(frame, columns, len(scenarios)),
        values,
        undefined,
        _weights(frame, columns, len(scenarios)),
    )


def _networks(frame: pd.DataFrame, columns: npt.NDArray[np.intp], n: int) -> npt.NDArray[np.generic]:
    codes, _ = pd.factorize(frame["network"], sort=True)
    found = np.full(n, -1, dtype=np.intp)
    found[columns] = codes
    if (codes < 0).any() or (found[columns] != codes).any():
        raise SchemaError("has a scenario on no or on two networks", where="frame column network")
    return found


def _weights(frame: pd.DataFrame, columns: npt.NDArray[np.intp], n: int) -> npt.NDArray[np.float64] | None:
    """Return the weight of every scenario; None where all are 1, or the frame has none."""
    if WEIGHT not in frame.columns:
        return None
    if not pd.api.types.is_any_real_numeric_dtype(frame[WEIGHT].dtype):
        raise SchemaError(f"holds {frame[WEIGHT].dtype}", where="frame column weight", allowed="numbers")
    given = frame[WEIGHT].to_numpy(dtype=np.float64, na_value=np.nan)
    found = np.full(n, np.nan)
    found[columns] = given
    if not np.array_equal(found[columns], given):
        raise SchemaError("has a scenario with two weights or none", where="frame column weight")
    check_weights(found, n)
    return None if (found == 1.0).all() else found


def weights_of(frame: pd.DataFrame, scenarios: pd.Index) -> npt.NDArray[np.float64] | None:
    """Return the weights of these scenarios; None where the frame has none or all are 1."""
    if WEIGHT not in frame.columns or (frame[WEIGHT] == 1.0).all():
        return None
    found = frame.drop_duplicates("scenario").set_index("scenario")[WEIGHT].loc[scenarios]
    return np.asarray(found.to_numpy(dtype=np.float64))
