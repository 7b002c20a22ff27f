"""Pictures of networks, runs and comparisons.

Every function takes the axes to draw on (``ax=None``: a new figure), returns them, shows nothing and leaves
matplotlib's settings alone.
"""

from contagion.plot.breaking import phases, reverse_stress
from contagion.plot.comparisons import distribution, effects
from contagion.plot.executions import liquidation_basis
from contagion.plot.frontiers import frontier
from contagion.plot.maps import liquidation_map
from contagion.plot.networks import network
from contagion.plot.runs import cascade, rounds

__all__ = [
    "cascade",
    "distribution",
    "effects",
    "frontier",
    "liquidation_basis",
    "liquidation_map",
    "network",
    "phases",
    "reverse_stress",
    "rounds",
]
