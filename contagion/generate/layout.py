"""Which venues, assets and perpetual markets does a made market have, and how large are they?

Reads the tables of facts; every array runs over venues or assets in the order of the fact tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion import facts
from contagion.margin.tiers import TierTable, tier_table

__all__ = ["LOT_VALUE", "Layout", "read_layout"]

Floats = npt.NDArray[np.float64]

LOT_VALUE: Final = 1e-3
"""A lot is the largest power of two of a coin that is worth at most this much money."""


@dataclass(frozen=True)
class Layout:
    """Venues, assets and sizes of a made market.

    Parameters
    ----------
    venues, assets : tuple of str
        Names; perpetual market ``v * n_assets + a`` trades asset a at venue v.
    price, volatility, lot : numpy.ndarray, shape (n_assets,)
        Opening price, daily volatility, quantum of quantity (a power of two).
    open_interest : numpy.ndarray, shape (n_venues, n_assets)
        Money, one side counted.
    tiers : tuple of TierTable
        One for each perpetual market.
    call_ratio : numpy.ndarray, shape (n_venues,)
        Margin balance over requirement below which an account is called.
    capital : numpy.ndarray, shape (n_venues,)
        Own cash of each venue in money, beside its fund.
    """

    venues: tuple[str, ...]
    assets: tuple[str, ...]
    price: Floats
    volatility: Floats
    lot: Floats
    open_interest: Floats
    tiers: tuple[TierTable, ...]
    call_ratio: Floats
    capital: Floats

    @property
    def markets(self) -> list[str]:
        """Names of the perpetual markets, in the order of their numbers."""
        return [f"{venue}:{asset}-PERP" for venue in self.venues for asset in self.assets]

    @property
    def caps(self) -> Floats:
        """Largest notional of one account in each perpetual market, infinite where open, shape (n_markets,)."""
        return np.array([table.caps[-1] for table in self.tiers])


def read_layout(open_interest: float | None = None) -> Layout:
    """Read the layout from the tables of facts.

    Parameters
    ----------
    open_interest : float, optional
        Total over all venues in money; the sum of the table by default. All venues are scaled alike.

    Returns
    -------
    Layout
    """
    by_venue = facts.values("open_interest", "open_interest")
    by_asset = facts.values("open_interest", "asset_share")
    venues, assets = tuple(by_venue["venue"]), tuple(by_asset["asset"])
    money = by_venue["value"].to_numpy(float)
    scale = 1.0 if open_interest is None else open_interest / money.sum()
    share = by_asset["value"].to_numpy(float)
    price = np.array([facts.number("prices", "price", asset=asset) for asset in assets])
    by_name = {name: _by_venue(name, venues) for name in ("call_ratio", "capital")}
    return Layout(
        venues=venues,
        assets=assets,
        price=price,
        volatility=np.array([facts.number("prices", "volatility", asset=asset) for asset in assets]),
        lot=2.0 ** np.floor(np.log2(LOT_VALUE / price)),
        open_interest=scale * np.outer(money, share / share.sum()),
        tiers=tuple(_tiers(venue, asset) for venue in venues for asset in assets),
        call_ratio=by_name["call_ratio"],
        capital=scale * money * by_name["capital"],
    )


def _by_venue(name: str, venues: tuple[str, ...]) -> Floats:
    return np.array([facts.number("venues", name, venue=venue) for venue in venues])


def _tiers(venue: str, asset: str) -> TierTable:
    """The venue's own table where one is known, else the one that is assumed to be alike."""
    rows, factor = _rows(venue, asset), 1.0
    if rows.empty:
        copied = facts.values("schedules", "copied_from", venue=venue, asset=asset).iloc[0]
        rows, factor = _rows(str(copied["copied_from"]), asset), float(copied["value"])
    columns = ["floor", "cap", "max_leverage", "maintenance_rate"]
    scaled = rows.assign(maintenance_rate=factor * rows["maintenance_rate"])
    records = [dict(zip(columns, cells, strict=True)) for cells in scaled[columns].to_numpy(float).tolist()]
    return tier_table(records, where=f"tiers of {venue} {asset}")


def _rows(venue: str, asset: str) -> pd.DataFrame:
    tiers = facts.load("tiers")
    return tiers[(tiers["venue"] == venue) & (tiers["asset"] == asset)].sort_values("floor")
