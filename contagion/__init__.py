"""Shock a network of margin accounts, follow the cascade, compare what rules would change.

Names are imported on first use, so that ``import contagion`` costs less than ``import numpy``.
"""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from contagion import datasets as datasets
    from contagion import errors as errors
    from contagion import experiments as experiments
    from contagion import generate as generate
    from contagion import lending as lending
    from contagion import margin as margin
    from contagion import markets as markets
    from contagion import measures as measures
    from contagion import network as network
    from contagion import plot as plot
    from contagion import policies as policies
    from contagion import propagation as propagation
    from contagion import shocks as shocks
    from contagion.experiments.account_results import account_results as account_results
    from contagion.experiments.across import compare_studies as compare_studies
    from contagion.experiments.asset_families import AssetShocks as AssetShocks
    from contagion.experiments.attack_profile import attack_profile as attack_profile
    from contagion.experiments.attribute import attribute as attribute
    from contagion.experiments.attribute_stages import attribute_stages as attribute_stages
    from contagion.experiments.break_even import break_even as break_even
    from contagion.experiments.choice import candidates as candidates
    from contagion.experiments.choice import optimise_policy as optimise_policy
    from contagion.experiments.compare import compare as compare
    from contagion.experiments.cover import cover as cover
    from contagion.experiments.episodes import episode as episode
    from contagion.experiments.families import PriceShocks as PriceShocks
    from contagion.experiments.injection import optimal_injection as optimal_injection
    from contagion.experiments.inputs import draw_networks as draw_networks
    from contagion.experiments.likeliest import most_likely_break as most_likely_break
    from contagion.experiments.limits import adl_probability as adl_probability
    from contagion.experiments.limits import open_interest_limit as open_interest_limit
    from contagion.experiments.load import load_results as load_results
    from contagion.experiments.margin_swings import margin_swings as margin_swings
    from contagion.experiments.outcomes import node_outcomes as node_outcomes
    from contagion.experiments.phases import phase_diagram as phase_diagram
    from contagion.experiments.ranking import rank_nodes as rank_nodes
    from contagion.experiments.reverse import reverse_stress as reverse_stress
    from contagion.experiments.sensitivity import morris as morris
    from contagion.experiments.sensitivity import sobol as sobol
    from contagion.experiments.stability_maps import claims_stability_map as claims_stability_map
    from contagion.experiments.stability_maps import overlap_stability_map as overlap_stability_map
    from contagion.experiments.stability_sizes import contagion_by_size as contagion_by_size
    from contagion.experiments.steps import check_step as check_step
    from contagion.experiments.stopping import compare_until as compare_until
    from contagion.experiments.strategy_hedges import strategy_hedges as strategy_hedges
    from contagion.experiments.variance import variance_split as variance_split
    from contagion.margin.rulebooks import rulebook as rulebook
    from contagion.measures.factorial import factorial as factorial
    from contagion.measures.funds import fund_size as fund_size
    from contagion.measures.monitoring import monitor as monitor
    from contagion.network.network import Network as Network
    from contagion.network.remargin import remargin as remargin
    from contagion.policies import AdaptiveHaircuts as AdaptiveHaircuts
    from contagion.policies import AssetPurchases as AssetPurchases
    from contagion.policies import Auction as Auction
    from contagion.policies import AutoDeleveraging as AutoDeleveraging
    from contagion.policies import BackstopLiquidity as BackstopLiquidity
    from contagion.policies import CapitalInjection as CapitalInjection
    from contagion.policies import CentralClearing as CentralClearing
    from contagion.policies import CloseFactor as CloseFactor
    from contagion.policies import ConcentrationAddOn as ConcentrationAddOn
    from contagion.policies import CrossOrIsolated as CrossOrIsolated
    from contagion.policies import DebtEquityConversion as DebtEquityConversion
    from contagion.policies import DynamicMargin as DynamicMargin
    from contagion.policies import ExposureLimit as ExposureLimit
    from contagion.policies import FeeSplit as FeeSplit
    from contagion.policies import FundReplenishment as FundReplenishment
    from contagion.policies import Halt as Halt
    from contagion.policies import IndexDesign as IndexDesign
    from contagion.policies import InsuranceFund as InsuranceFund
    from contagion.policies import LenderOfLastResort as LenderOfLastResort
    from contagion.policies import LeverageCap as LeverageCap
    from contagion.policies import LeverageLimit as LeverageLimit
    from contagion.policies import LiquidationThrottle as LiquidationThrottle
    from contagion.policies import LiquidityBuffer as LiquidityBuffer
    from contagion.policies import MarginMultiplier as MarginMultiplier
    from contagion.policies import MarketWideHalt as MarketWideHalt
    from contagion.policies import Merger as Merger
    from contagion.policies import OpenInterestMargin as OpenInterestMargin
    from contagion.policies import PartialLiquidation as PartialLiquidation
    from contagion.policies import Policy as Policy
    from contagion.policies import PositionLimit as PositionLimit
    from contagion.policies import PriceBand as PriceBand
    from contagion.policies import Procedure as Procedure
    from contagion.policies import RingFence as RingFence
    from contagion.policies import Rulebook as Rulebook
    from contagion.policies import SaleThrottle as SaleThrottle
    from contagion.policies import SaleWorld as SaleWorld
    from contagion.policies import SheetWorld as SheetWorld
    from contagion.policies import SlicedLiquidation as SlicedLiquidation
    from contagion.policies import SocialisedLoss as SocialisedLoss
    from contagion.policies import Split as Split
    from contagion.policies import TieredMargin as TieredMargin
    from contagion.policies import World as World
    from contagion.policies.costs import CostRates as CostRates
    from contagion.policies.paths import margin_path as margin_path
    from contagion.propagation.cascade.model import Cascade as Cascade
    from contagion.propagation.firesales.model import FireSale as FireSale
    from contagion.propagation.run import run as run
    from contagion.propagation.solvency.clearing import Clearing as Clearing
    from contagion.propagation.solvency.cross_holdings import CrossHoldings as CrossHoldings
    from contagion.propagation.solvency.distress import DebtRank as DebtRank
    from contagion.propagation.solvency.distress import Furfine as Furfine
    from contagion.propagation.solvency.distress import ThresholdCascade as ThresholdCascade
    from contagion.propagation.solvency.valuation import NEVA as NEVA
    from contagion.propagation.warmup import warmup as warmup
    from contagion.reporting import report as report
    from contagion.shocks import AssetShock as AssetShock
    from contagion.shocks import Attack as Attack
    from contagion.shocks import Default as Default
    from contagion.shocks import DepthShock as DepthShock
    from contagion.shocks import EquityShock as EquityShock
    from contagion.shocks import GasShock as GasShock
    from contagion.shocks import Mint as Mint
    from contagion.shocks import OracleShock as OracleShock
    from contagion.shocks import Outage as Outage
    from contagion.shocks import PricePath as PricePath
    from contagion.shocks import PriceShock as PriceShock
    from contagion.shocks import VolatilityShock as VolatilityShock
    from contagion.shocks import Withdrawal as Withdrawal

_SUBMODULES = (
    "datasets",
    "errors",
    "experiments",
    "generate",
    "lending",
    "margin",
    "markets",
    "measures",
    "network",
    "plot",
    "policies",
    "propagation",
    "shocks",
)

_HOMES = {
    "AdaptiveHaircuts": "policies",
    "AssetPurchases": "policies",
    "AssetShock": "shocks",
    "AssetShocks": "experiments.asset_families",
    "Attack": "shocks",
    "Auction": "policies",
    "AutoDeleveraging": "policies",
    "BackstopLiquidity": "policies",
    "CapitalInjection": "policies",
    "Cascade": "propagation.cascade.model",
    "CentralClearing": "policies",
    "Clearing": "propagation.solvency.clearing",
    "CloseFactor": "policies",
    "ConcentrationAddOn": "policies",
    "CostRates": "policies.costs",
    "CrossHoldings": "propagation.solvency.cross_holdings",
    "CrossOrIsolated": "policies",
    "DebtEquityConversion": "policies",
    "DebtRank": "propagation.solvency.distress",
    "Default": "shocks",
    "DepthShock": "shocks",
    "DynamicMargin": "policies",
    "EquityShock": "shocks",
    "ExposureLimit": "policies",
    "FeeSplit": "policies",
    "FundReplenishment": "policies",
    "FireSale": "propagation.firesales.model",
    "Furfine": "propagation.solvency.distress",
    "GasShock": "shocks",
    "Halt": "policies",
    "IndexDesign": "policies",
    "InsuranceFund": "policies",
    "LenderOfLastResort": "policies",
    "LeverageCap": "policies",
    "LeverageLimit": "policies",
    "LiquidationThrottle": "policies",
    "LiquidityBuffer": "policies",
    "MarginMultiplier": "policies",
    "MarketWideHalt": "policies",
    "Merger": "policies",
    "Mint": "shocks",
    "NEVA": "propagation.solvency.valuation",
    "Network": "network.network",
    "OpenInterestMargin": "policies",
    "OracleShock": "shocks",
    "Outage": "shocks",
    "PartialLiquidation": "policies",
    "Policy": "policies",
    "PositionLimit": "policies",
    "PriceBand": "policies",
    "PricePath": "shocks",
    "PriceShock": "shocks",
    "PriceShocks": "experiments.families",
    "Procedure": "policies",
    "RingFence": "policies",
    "Rulebook": "policies",
    "SaleThrottle": "policies",
    "SaleWorld": "policies",
    "SheetWorld": "policies",
    "SlicedLiquidation": "policies",
    "SocialisedLoss": "policies",
    "Split": "policies",
    "ThresholdCascade": "propagation.solvency.distress",
    "TieredMargin": "policies",
    "VolatilityShock": "shocks",
    "Withdrawal": "shocks",
    "World": "policies",
    "account_results": "experiments.account_results",
    "adl_probability": "experiments.limits",
    "attack_profile": "experiments.attack_profile",
    "attribute": "experiments.attribute",
    "attribute_stages": "experiments.attribute_stages",
    "break_even": "experiments.break_even",
    "candidates": "experiments.choice",
    "check_step": "experiments.steps",
    "claims_stability_map": "experiments.stability_maps",
    "compare": "experiments.compare",
    "compare_studies": "experiments.across",
    "compare_until": "experiments.stopping",
    "contagion_by_size": "experiments.stability_sizes",
    "cover": "experiments.cover",
    "draw_networks": "experiments.inputs",
    "episode": "experiments.episodes",
    "factorial": "measures.factorial",
    "fund_size": "measures.funds",
    "load_results": "experiments.load",
    "margin_path": "policies.paths",
    "margin_swings": "experiments.margin_swings",
    "monitor": "measures.monitoring",
    "morris": "experiments.sensitivity",
    "most_likely_break": "experiments.likeliest",
    "node_outcomes": "experiments.outcomes",
    "open_interest_limit": "experiments.limits",
    "optimal_injection": "experiments.injection",
    "optimise_policy": "experiments.choice",
    "overlap_stability_map": "experiments.stability_maps",
    "phase_diagram": "experiments.phases",
    "rank_nodes": "experiments.ranking",
    "remargin": "network.remargin",
    "report": "reporting",
    "reverse_stress": "experiments.reverse",
    "rulebook": "margin.rulebooks",
    "run": "propagation.run",
    "sobol": "experiments.sensitivity",
    "strategy_hedges": "experiments.strategy_hedges",
    "variance_split": "experiments.variance",
    "warmup": "propagation.warmup",
}

__all__ = sorted(["__version__", *_SUBMODULES, *_HOMES])

if not TYPE_CHECKING:  # a checker must see a misspelt name as an error

    def __getattr__(name: str) -> object:
        if name in _SUBMODULES:
            return import_module(f"contagion.{name}")
        if name not in _HOMES:
            raise AttributeError(f"module 'contagion' has no attribute {name!r}")
        value = getattr(import_module(f"contagion.{_HOMES[name]}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return list(__all__)
