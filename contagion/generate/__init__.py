"""Made networks: markets whose tables come from stated rules and seeded draws."""

from contagion.generate.lending import lending_market
from contagion.generate.perps import perp_market

__all__ = ["lending_market", "perp_market"]
