"""Made networks: from stated rules and seeded draws, or from what is known of a network in sums."""

from contagion.generate.crypto import crypto_system
from contagion.generate.interbank_networks import interbank, interbank_sheets
from contagion.generate.lending import lending_market
from contagion.generate.listed_options import option_markets
from contagion.generate.perps import perp_market
from contagion.generate.portfolios import overlapping_portfolios
from contagion.generate.reconstruct_density import min_density
from contagion.generate.reconstruct_entropy import max_entropy
from contagion.generate.reconstruct_networks import reconstruct
from contagion.generate.reconstruct_posterior import gandy_veraart

__all__ = [
    "crypto_system",
    "gandy_veraart",
    "interbank",
    "interbank_sheets",
    "lending_market",
    "max_entropy",
    "min_density",
    "option_markets",
    "overlapping_portfolios",
    "perp_market",
    "reconstruct",
]
