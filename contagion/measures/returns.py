"""Which log returns are looked at before any run: a family's, given ones, or normal ones with a covariance?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.arrays import real
from contagion.errors import SchemaError, ValueRangeError, nearest, shown
from contagion.measures.moments import SECONDS_PER_DAY, covariance_of, lower_factor
from contagion.streams import check_seed, stream

if TYPE_CHECKING:
    from contagion.network.network import Network

Floats = npt.NDArray[np.float64]


@runtime_checkable
class Family(Protocol):
    """What draws log returns; `ct.PriceShocks` does."""

    def draw(self, assets: Sequence[str], n: int, seed: int) -> pd.DataFrame:
        """Return log returns, shape (n, n_assets)."""
        ...


@dataclass(frozen=True)
class Moments:
    """How prices move where no scenarios are given: normal log returns.

    Parameters
    ----------
    horizon : float
        Seconds.
    volatility, correlation, covariance
        Per day, as for `covariance_of`.
    """

    horizon: float
    volatility: Mapping[str, float] | float | None = None
    correlation: float | pd.DataFrame | None = None
    covariance: pd.DataFrame | None = None


def moving_assets(net: Network) -> list[str]:
    """Return the assets that anybody holds or has a position in and that are no currency, sorted."""
    held = set(net.markets["asset"].reindex(net.positions["market"].unique()))
    for table in (net.balances, net.holdings):
        held |= set(table.loc[table["quantity"] != 0.0, "asset"])
    kinds = net.assets["kind"]
    return sorted(name for name in held if kinds[name] != "currency")


def scenario_returns(
    net: Network, scenarios: Family | pd.DataFrame | None, moments: Moments, n: int, seed: int
) -> tuple[list[str], Floats]:
    """Return the assets that move and their log returns, ``(n_scenarios, n_assets)``.

    Parameters
    ----------
    net : Network
        The network.
    scenarios : family, DataFrame or None
        Something with ``draw(assets, n, seed)``, such as `ct.PriceShocks`, of which only the returns of prices matter;
        or log returns, one row per scenario and one column per asset; or nothing, for `moments`.
    moments : Moments
        What is drawn where nothing is given.
    n, seed : int
        Number of scenarios, at least 1 (a frame has its own), and root seed.

    Raises
    ------
    SchemaError, ValueRangeError
        If an asset is not covered, or something is of another kind or out of range.
    """
    names = moving_assets(net)
    check_seed(seed)
    if isinstance(scenarios, pd.DataFrame):
        return names, _given(scenarios, names)
    if scenarios is None:
        days = real(moments.horizon, "horizon", above=0.0) / SECONDS_PER_DAY
        daily = covariance_of(
            net,
            names,
            volatility=moments.volatility,
            correlation=moments.correlation,
            covariance=moments.covariance,
        )
        own = [stream(seed, "prior_risk", name).standard_normal(n) for name in names]
        if not own:
            return names, np.zeros((n, 0))
        return names, np.asarray(np.einsum("an,ba->nb", np.array(own), lower_factor(daily * days)))
    if not isinstance(scenarios, Family):
        raise SchemaError(
            "draws no returns",
            where="scenarios",
            value=scenarios,
            allowed="ct.PriceShocks, or a frame of log returns",
        )
    if getattr(scenarios, "weighted", False):
        raise SchemaError(
            "carries weights (importance sampling), which are not used here",
            where="scenarios",
            remedy="give the family without .tilted(...)",
        )
    if not names:
        return names, np.zeros((n, 0))
    return names, scenarios.draw(names, n, seed).to_numpy(np.float64)


def _given(frame: pd.DataFrame, names: Sequence[str]) -> Floats:
    """Return the columns of some assets of a frame of log returns."""
    if not len(frame):
        raise ValueRangeError("has no rows", where="scenarios", allowed="at least one scenario")
    for name in names:
        if name not in frame.columns:
            what = f"has no column for the asset {shown(name)}{nearest(name, list(map(str, frame.columns)))}"
            raise SchemaError(
                what, where="scenarios", remedy="cover every asset that is held and is no currency"
            )
        if not pd.api.types.is_any_real_numeric_dtype(frame[name].dtype):
            raise SchemaError(
                f"holds {frame[name].dtype}", where=f"scenarios column {shown(name)}", allowed="numbers"
            )
    values = frame[list(names)].to_numpy(np.float64)
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        row, column = bad[0]
        place = f"scenarios row {row + 1}, column {shown(names[column])}"
        raise ValueRangeError("is not finite", where=place, value=float(values[row, column]))
    return values
