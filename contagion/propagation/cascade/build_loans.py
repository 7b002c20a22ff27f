"""Rules of lending protocols as columns of the venues' rows.

References
----------
margin chapter, sections 9 and 10.
"""

from __future__ import annotations

from typing import Any

import numpy.typing as npt
import pandas as pd

from contagion.network import Network
from contagion.propagation.cascade.units import Units

NEVER = -1.0  # no health factor is as low
PLAIN = (
    "close_factor",
    "protocol_fee",
    "write_off",
    "gas_used",
    "auction_keepers",
    "auction_buffer",
    "auction_cut",
    "auction_step",
    "auction_tail",
    "auction_cusp",
    "auction_penalty",
)
MONEY = ("small_position", "min_leftover", "min_profit")


def set_loan_rules(net: Network, units: Units, rows: npt.NDArray[Any]) -> None:
    """Fill in close factors, dust, fees, auctions, keepers, gas and blocks of the venues' rows."""
    venues = net.venues
    for column in PLAIN:
        rows[column] = venues[column].to_numpy()
    for column in MONEY:
        rows[column] = venues[column].to_numpy(float) * units.scale
    rows["flip"] = (venues["auction_kind"] == "flip").to_numpy()
    rows["full_close"] = venues["full_close_health_factor"].fillna(NEVER).to_numpy()
    rows["base_fee"] = rows["base_fee_opening"] = venues["gas_price"].to_numpy()
    rows["gas_asset"] = net.assets.index.get_indexer(pd.Index(venues["gas_asset"]))
    of_unit = net.collateral[net.collateral["asset"] == net.unit].set_index("venue")["bonus"]
    rows["unit_bonus"] = of_unit.reindex(venues.index).fillna(0.0).to_numpy()
