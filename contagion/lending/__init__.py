"""How protocols lend, liquidate and auction: health, close factors, absorption, pools, bands, keepers."""

from contagion.lending.aave import aave_liquidation
from contagion.lending.aave_limits import aave_close_factor, aave_max_repay, aave_partial_limits
from contagion.lending.compound import comet_absorb, comet_quote_collateral, compound_v2_liquidation
from contagion.lending.health import aave_health_factor, aave_liquidation_price, leverage_loop
from contagion.lending.keepers import keeper_profit
from contagion.lending.liquity import liquity_liquidation, liquity_stability_pool
from contagion.lending.llamma import llamma_band_state, llamma_bands
from contagion.lending.maker import maker_dutch_auction, maker_flip_auction, maker_time_to_par

__all__ = [
    "aave_close_factor",
    "aave_health_factor",
    "aave_liquidation",
    "aave_liquidation_price",
    "aave_max_repay",
    "aave_partial_limits",
    "comet_absorb",
    "comet_quote_collateral",
    "compound_v2_liquidation",
    "keeper_profit",
    "leverage_loop",
    "liquity_liquidation",
    "liquity_stability_pool",
    "llamma_band_state",
    "llamma_bands",
    "maker_dutch_auction",
    "maker_flip_auction",
    "maker_time_to_par",
]
