"""Which rules do the venues have, and which markets, books and tiers do they run? Tables from the facts."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion import facts
from contagion.generate.layout import Layout
from contagion.network.schema import TABLES

__all__ = ["market_tables", "venue_table"]

Floats = npt.NDArray[np.float64]

_NOT_COLUMNS = ("capital", "spot_market")
_IMPACT = (
    "impact_coefficient",
    "permanent_share",
    "impact_half_life",
    "depth_floor",
    "capital_exponent",
    "volatility_exponent",
)


def venue_table(layout: Layout) -> pd.DataFrame:
    """Return the rows of `venues`: every parameter that the facts name, else the schema's default."""
    rows = facts.load("venues")
    rows = rows[~rows["name"].isin(_NOT_COLUMNS)]
    table = rows.pivot(index="venue", columns="name", values="value").loc[list(layout.venues)]
    for column in TABLES["venues"].columns:
        if column.name in table:
            given = table[column.name]
            filled = given.where(given.notna(), column.default)
            table[column.name] = filled if column.kind == "word" else pd.to_numeric(filled)
    return table.rename_axis(index="name", columns=None).reset_index()


def spot_venues(layout: Layout) -> list[str]:
    """Return the venues that carry a spot market in every asset."""
    has = facts.values("venues", "spot_market").set_index("venue")["value"].astype(float)
    return [venue for venue in layout.venues if has[venue] == 1.0]


def market_tables(layout: Layout, settings: Mapping[str, float]) -> dict[str, pd.DataFrame]:
    """Return the tables assets, markets, depth, schedules and tiers.

    Parameters
    ----------
    layout : Layout
    settings : mapping of str to float
        Uses volume and the parameters of price impact.
    """
    perps = [(venue, asset, "perp") for venue in layout.venues for asset in layout.assets]
    spots = [(venue, asset, "spot") for venue in spot_venues(layout) for asset in layout.assets]
    rows = pd.DataFrame([*perps, *spots], columns=["venue", "asset", "kind"])
    asset = rows["asset"].map({name: number for number, name in enumerate(layout.assets)}).to_numpy()
    venue = rows["venue"].map({name: number for number, name in enumerate(layout.venues)}).to_numpy()
    perp = (rows["kind"] == "perp").to_numpy()
    scale = np.where(perp, 1.0, facts.number("depth", "spot_share"))
    money = scale * layout.open_interest[venue, asset]
    name = rows["venue"] + ":" + rows["asset"]
    markets = rows.assign(
        name=name + np.where(perp, "-PERP", "-SPOT"),
        schedule=np.where(perp, name, ""),
        lot=layout.lot[asset],
        volume=settings["volume"] * money,
        **{column: settings[column] for column in _IMPACT},
    )
    return {
        "assets": _assets(layout),
        "markets": markets,
        "depth": _depth(markets, money),
        "schedules": pd.DataFrame({"name": name[perp], "form": "tiers"}),
        "tiers": _tiers(layout, list(name[perp])),
    }


def _assets(layout: Layout) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "name": ["USD", *layout.assets],
            "kind": ["currency", *["coin"] * len(layout.assets)],
            "price": [1.0, *layout.price],
            "volatility": [0.0, *layout.volatility],
        }
    )


def _depth(markets: pd.DataFrame, money: Floats) -> pd.DataFrame:
    """The measured book where there is one; else its shape, scaled so that bids within 1 % are a share of `money`."""
    measured = facts.values("depth", "resting")
    inner = measured[(measured["side"] == "bid") & (measured["band"] == 0.01)]["value"].iloc[0]
    share = facts.values("depth", "share_of_open_interest").set_index("asset")["value"]
    own = measured[["venue", "asset"]].drop_duplicates()
    with_book = (own["venue"] + ":" + own["asset"] + "-PERP").to_numpy()
    is_own = markets["name"].isin(with_book).to_numpy()
    scale = np.where(is_own, 1.0, share[markets["asset"]].to_numpy() * money / inner)
    books = markets[["name"]].assign(scale=scale).merge(measured[["side", "band", "value"]], how="cross")
    amount = books["scale"] * books["value"]
    return pd.DataFrame(
        {"market": books["name"], "side": books["side"], "band": books["band"], "amount": amount}
    )


def _tiers(layout: Layout, schedules: list[str]) -> pd.DataFrame:
    frames = []
    for schedule, table in zip(schedules, layout.tiers, strict=True):
        cap = np.full(len(table.floors), np.nan)
        cap[-1] = table.caps[-1] if np.isfinite(table.caps[-1]) else np.nan
        frames.append(
            pd.DataFrame(
                {
                    "schedule": schedule,
                    "floor": table.floors,
                    "initial_rate": 1.0 / table.max_leverages,
                    "maintenance_rate": table.rates,
                    "cap": cap,
                }
            )
        )
    return pd.concat(frames, ignore_index=True)
