"""Who is connected to whom, how strongly, and how close does the network stand to feeding on itself?"""

from __future__ import annotations

from contagion.network.topology.concentration import Concentration, concentration
from contagion.network.topology.core import CorePeriphery, core_numbers, core_periphery
from contagion.network.topology.links import Links, links
from contagion.network.topology.overlap import holdings_matrix, portfolio_overlap
from contagion.network.topology.reach import Components, components, reach
from contagion.network.topology.stability import distance_to_instability
from contagion.network.topology.summary import Topology, topology

__all__ = [
    "Components",
    "Concentration",
    "CorePeriphery",
    "Links",
    "Topology",
    "components",
    "concentration",
    "core_numbers",
    "core_periphery",
    "distance_to_instability",
    "holdings_matrix",
    "links",
    "portfolio_overlap",
    "reach",
    "topology",
]
