"""What hits the network from outside?

Moves of outside prices, whole price paths, failures of nodes and losses of depth. Shocks add (`a + b`: both
happen) and scale (`2 * a`: twice the log return). The time profile of a price move belongs to it: the same
fall in one gap gives nobody the time to post margin or to be sold out, and manufactures bad debt.
"""

from contagion.shocks.base import Shock, ShockArrays, Shocks
from contagion.shocks.events import Default, DepthShock
from contagion.shocks.prices import PricePath, PriceShock

__all__ = ["Default", "DepthShock", "PricePath", "PriceShock", "Shock", "ShockArrays", "Shocks"]
