"""How bad was it, and how sure is that? Losses, tails and paired effects; what a network's tables warn of."""

from contagion.measures.early_warning import (
    distance_to_divergence,
    liquidation_probability,
    open_interest_above,
)
from contagion.measures.intervals import (
    es_difference,
    es_interval,
    expected_shortfall,
    hill_estimate,
    value_at_risk,
    var_interval,
)
from contagion.measures.liquidation import liquidation_map, liquidation_moves, liquidation_prices
from contagion.measures.losses import (
    direct_loss,
    loss_amplification,
    node_gain,
    node_loss,
    system_gain,
    system_loss,
)
from contagion.measures.paired import holm, paired_effect, paired_effects
from contagion.measures.resampling import between_networks
from contagion.measures.tails import effects_table, tail_table

__all__ = [
    "between_networks",
    "direct_loss",
    "distance_to_divergence",
    "effects_table",
    "es_difference",
    "es_interval",
    "expected_shortfall",
    "hill_estimate",
    "holm",
    "liquidation_map",
    "liquidation_moves",
    "liquidation_prices",
    "liquidation_probability",
    "loss_amplification",
    "node_gain",
    "node_loss",
    "open_interest_above",
    "paired_effect",
    "paired_effects",
    "system_gain",
    "system_loss",
    "tail_table",
    "value_at_risk",
    "var_interval",
]
