"""Rules of lending protocols as columns of the venues' rows.

References
----------
margin chapter, sections 9 and 10.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from contagion.network import Network
from contagion.propagation.cascade.grouping import of_money
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
    venues = {name: net.column("venues", name) for name in (*PLAIN, *MONEY)}
    for column in PLAIN:
        rows[column] = venues[column]
    for column in MONEY:
        rows[column] = venues[column] * units.scale
    rows["flip"] = net.column("venues", "auction_kind") == "flip"
    full = net.column("venues", "full_close_health_factor")
    rows["full_close"] = np.where(np.isnan(full), NEVER, full)
    rows["base_fee"] = rows["base_fee_opening"] = net.column("venues", "gas_price")
    rows["gas_asset"] = net.codes("venues", "gas_asset")
    rows["unit_bonus"] = of_money(net, "bonus", 0.0)


def share_fees(rows: npt.NDArray[Any]) -> None:
    """The first venue of every chain keeps its base fee: that of those on it who pay for gas."""
    for v in np.flatnonzero(rows["gas_used"] > 0.0)[::-1]:
        first = rows["chain"][v]
        rows["base_fee"][first] = rows["base_fee_opening"][first] = rows["base_fee_opening"][v]
