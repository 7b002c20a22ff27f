"""What can be done: breakers, margins, limits, liquidity, backstops."""

from contagion.policies.backstops import AutoDeleveraging, InsuranceFund, PartialLiquidation, SocialisedLoss
from contagion.policies.base import Policy
from contagion.policies.breakers import Halt, LiquidationThrottle, PriceBand
from contagion.policies.capital import CapitalInjection, ExposureLimit
from contagion.policies.costs import CostRates, Outlay
from contagion.policies.dynamic import DynamicMargin, OpenInterestMargin
from contagion.policies.fire_sales import AssetPurchases, SaleThrottle
from contagion.policies.funds import FeeSplit, FundReplenishment
from contagion.policies.haircuts import AdaptiveHaircuts
from contagion.policies.indices import IndexDesign
from contagion.policies.lending import Auction, CloseFactor
from contagion.policies.leverage import LeverageCap, LiquidityBuffer
from contagion.policies.limits import ConcentrationAddOn, CrossOrIsolated, LeverageLimit, PositionLimit
from contagion.policies.liquidity import BackstopLiquidity, SlicedLiquidation
from contagion.policies.margins import MarginMultiplier, TieredMargin
from contagion.policies.market_wide import MarketWideHalt
from contagion.policies.mergers import Merger, Split
from contagion.policies.procedures import Procedure, Rulebook
from contagion.policies.resolution import DebtEquityConversion, LenderOfLastResort
from contagion.policies.sale_world import SaleWorld
from contagion.policies.sheet_world import SheetWorld
from contagion.policies.structure import CentralClearing, RingFence
from contagion.policies.world import World

__all__ = [
    "AdaptiveHaircuts",
    "AssetPurchases",
    "Auction",
    "AutoDeleveraging",
    "BackstopLiquidity",
    "CapitalInjection",
    "CentralClearing",
    "CloseFactor",
    "ConcentrationAddOn",
    "CostRates",
    "CrossOrIsolated",
    "DebtEquityConversion",
    "DynamicMargin",
    "ExposureLimit",
    "FeeSplit",
    "FundReplenishment",
    "Halt",
    "IndexDesign",
    "InsuranceFund",
    "LenderOfLastResort",
    "LeverageCap",
    "LeverageLimit",
    "LiquidationThrottle",
    "LiquidityBuffer",
    "MarginMultiplier",
    "MarketWideHalt",
    "Merger",
    "OpenInterestMargin",
    "Outlay",
    "PartialLiquidation",
    "Policy",
    "PositionLimit",
    "PriceBand",
    "Procedure",
    "RingFence",
    "Rulebook",
    "SaleThrottle",
    "SaleWorld",
    "SheetWorld",
    "SlicedLiquidation",
    "SocialisedLoss",
    "Split",
    "TieredMargin",
    "World",
]
