"""What hits the network from outside?

Moves of outside prices, whole price paths, moves of implied volatilities, failures of nodes, losses of depth, runs on
a venue and its outages, dear gas, wrong oracles, minted tokens, attacks on a price. Shocks add (`a + b`: both happen)
and scale (`2 * a`: twice the log return). The time profile of a price move belongs to it: the same fall in one gap
gives nobody the time to post margin or to be sold out, and manufactures bad debt.
"""

from contagion.shocks.arrays import ShockArrays
from contagion.shocks.attacks import Attack
from contagion.shocks.base import Shock, Shocks
from contagion.shocks.chain import GasShock, Mint, OracleShock
from contagion.shocks.events import Default, DepthShock
from contagion.shocks.nodes import AssetShock, EquityShock
from contagion.shocks.prices import PricePath, PriceShock
from contagion.shocks.venues import Outage, Withdrawal
from contagion.shocks.volatility import VolatilityShock

__all__ = [
    "AssetShock",
    "Attack",
    "Default",
    "DepthShock",
    "EquityShock",
    "GasShock",
    "Mint",
    "OracleShock",
    "Outage",
    "PricePath",
    "PriceShock",
    "Shock",
    "ShockArrays",
    "Shocks",
    "VolatilityShock",
    "Withdrawal",
]
