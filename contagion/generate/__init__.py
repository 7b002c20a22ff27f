"""Made networks: markets whose tables come from stated rules and seeded draws."""

from contagion.generate.perps import perp_market

__all__ = ["perp_market"]
