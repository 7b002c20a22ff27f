"""The cascade: margin calls, forced sales and defaults, round by round on one graph."""

from contagion.propagation.cascade.model import Cascade

__all__ = ["Cascade"]
