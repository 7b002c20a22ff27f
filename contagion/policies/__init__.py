"""What can be done: breakers, margins, backstops."""

from contagion.policies.backstops import AutoDeleveraging, InsuranceFund, PartialLiquidation, SocialisedLoss
from contagion.policies.base import Policy
from contagion.policies.breakers import Halt, LiquidationThrottle, PriceBand
from contagion.policies.costs import CostRates, Outlay
from contagion.policies.indices import IndexDesign
from contagion.policies.lending import Auction, CloseFactor
from contagion.policies.margins import MarginMultiplier, TieredMargin
from contagion.policies.procedures import Procedure, Rulebook
from contagion.policies.world import World

__all__ = [
    "Auction",
    "AutoDeleveraging",
    "CloseFactor",
    "CostRates",
    "Halt",
    "IndexDesign",
    "InsuranceFund",
    "LiquidationThrottle",
    "MarginMultiplier",
    "Outlay",
    "PartialLiquidation",
    "Policy",
    "PriceBand",
    "Procedure",
    "Rulebook",
    "SocialisedLoss",
    "TieredMargin",
    "World",
]
