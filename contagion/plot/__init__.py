"""Pictures of networks, runs and comparisons.

Every function takes the axes to draw on (``ax=None``: a new figure), returns them, shows nothing and leaves
matplotlib's settings alone.
"""

from contagion.plot.across import studies
from contagion.plot.attacks import attack
from contagion.plot.attributions import attribution
from contagion.plot.basis import basis
from contagion.plot.break_evens import break_even
from contagion.plot.breaking import phases, reverse_stress
from contagion.plot.choices import choice
from contagion.plot.claims import losses_heatmap
from contagion.plot.comparisons import distribution, effects
from contagion.plot.composability import composability
from contagion.plot.contrasts import interactions
from contagion.plot.executions import liquidation_basis
from contagion.plot.frontiers import frontier
from contagion.plot.gammas import gamma_profile
from contagion.plot.hedging import hedges
from contagion.plot.importance import ranking
from contagion.plot.integration import integration
from contagion.plot.layers import losses_by_layer
from contagion.plot.likeliest import most_likely_break
from contagion.plot.maps import liquidation_map
from contagion.plot.networks import network
from contagion.plot.overlaps import overlaps
from contagion.plot.runs import cascade, rounds
from contagion.plot.sales import loss_channels, sale_paths
from contagion.plot.sensitivity import sensitivity
from contagion.plot.stability import contagion_by_size, stability_map
from contagion.plot.systemic import capital, market_measures
from contagion.plot.trees import contagion_tree
from contagion.plot.waves import waves

__all__ = [
    "attack",
    "attribution",
    "basis",
    "break_even",
    "capital",
    "cascade",
    "choice",
    "composability",
    "contagion_by_size",
    "contagion_tree",
    "distribution",
    "effects",
    "frontier",
    "gamma_profile",
    "hedges",
    "integration",
    "interactions",
    "liquidation_basis",
    "liquidation_map",
    "loss_channels",
    "losses_by_layer",
    "losses_heatmap",
    "market_measures",
    "most_likely_break",
    "network",
    "overlaps",
    "phases",
    "ranking",
    "reverse_stress",
    "rounds",
    "sale_paths",
    "sensitivity",
    "stability_map",
    "studies",
    "waves",
]
