"""The published models of fire sales by name: each a configuration of one engine."""

from contagion.measures.decomposition import duarte_eisenbach
from contagion.measures.overlaps import cont_schaanning_overlap
from contagion.propagation.firesales.bands import leverage_bands
from contagion.propagation.firesales.consistent_prices import breuer_summer_urosevic
from contagion.propagation.firesales.deleveraging import cont_schaanning
from contagion.propagation.firesales.targeting import greenwood_iterated, greenwood_landier_thesmar

__all__ = [
    "breuer_summer_urosevic",
    "cont_schaanning",
    "cont_schaanning_overlap",
    "duarte_eisenbach",
    "greenwood_iterated",
    "greenwood_landier_thesmar",
    "leverage_bands",
]
