"""What would a dynamic margin have asked for, on prices of one's own?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from contagion.errors import PolicyError, SchemaError, ValueRangeError
from contagion.policies.dynamic import DynamicMargin

__all__ = ["margin_path"]

SECONDS_A_DAY = 86_400.0


def margin_path(
    policy: DynamicMargin, prices: pd.DataFrame | pd.Series, calm: float | Mapping[str, float] | None = None
) -> pd.DataFrame:
    """Return the multiplier of a dynamic margin along a path of prices.

    Parameters
    ----------
    policy : DynamicMargin
        Its window, floor, cap and, if it has one, calm volatility.
    prices : pandas.DataFrame or pandas.Series
        Prices above 0, index time (seconds, or datetimes, rising), a column per asset.
    calm : float or mapping of str to float, optional
        Volatility per square root of a day at which the multiplier is 1, for all columns or by column; needed where
        the policy states none.

    Returns
    -------
    pandas.DataFrame
        Multipliers, index and columns of `prices`: the range of the log price over the window that ends there, per
        square root of a day, over calm volatility, within floor and cap. What the cascade asks for in rounds that
        divide the window.

    Raises
    ------
    PolicyError
        If neither the policy nor `calm` says what is calm, or the policy is none of this kind.
    SchemaError, ValueRangeError
        If prices are no table of prices, or times do not rise.

    Examples
    --------
    >>> prices = pd.DataFrame({"BTC": [100.0, 99.0, 95.0]}, index=[0.0, 60.0, 120.0])
    >>> margin_path(DynamicMargin(window=60.0, cap=5.0, calm=1.0), prices)["BTC"].round(3).tolist()
    [1.0, 1.0, 1.565]
    """
    if not isinstance(policy, DynamicMargin):
        raise PolicyError("is no DynamicMargin", where="policy", value=policy)
    frame = prices.to_frame() if isinstance(prices, pd.Series) else prices
    if not isinstance(frame, pd.DataFrame) or not len(frame):
        raise SchemaError("is no table of prices", where="prices", value=prices)
    values = frame.to_numpy(dtype=np.float64)
    if not (np.isfinite(values).all() and (values > 0.0).all()):
        raise ValueRangeError(
            "holds a price that is not above 0", where="prices", value=float(np.nanmin(values))
        )
    seconds = _seconds(frame.index)
    logs = np.log(values)
    scale = np.sqrt(SECONDS_A_DAY / policy.window)
    first = np.searchsorted(seconds, seconds - policy.window * (1.0 + 1e-9), side="left")
    ranges = np.stack([np.ptp(logs[start : now + 1], axis=0) for now, start in enumerate(first)])
    ratio = ranges * scale / np.array([_calm(policy, calm, str(name)) for name in frame.columns])
    return pd.DataFrame(np.clip(ratio, policy.floor, policy.cap), index=frame.index, columns=frame.columns)


def _calm(policy: DynamicMargin, calm: float | Mapping[str, float] | None, name: str) -> float:
    """Calm volatility of a column."""
    found = policy.calm if policy.calm is not None else calm.get(name) if isinstance(calm, Mapping) else calm
    if found is None:
        raise PolicyError(
            "has no calm volatility",
            where=f"column {name!r}",
            value=calm,
            remedy="give calm=, or DynamicMargin(calm=...)",
        )
    if not found > 0.0:
        raise ValueRangeError("is not above 0", where=f"calm of {name!r}", value=found)
    return float(found)


def _seconds(index: pd.Index) -> np.ndarray:
    """Times in seconds, rising."""
    if isinstance(index, pd.DatetimeIndex):
        seconds = (index - index[0]).total_seconds().to_numpy(dtype=np.float64)
    else:
        seconds = index.to_numpy(dtype=np.float64)
    if not np.isfinite(seconds).all() or (np.diff(seconds) <= 0.0).any():
        raise ValueRangeError(
            "do not rise", where="prices.index", value=list(index[:3]), allowed="rising times"
        )
    return seconds
