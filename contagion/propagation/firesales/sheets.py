"""The old home of `contagion.holdings`."""

from contagion.holdings import Holdings, read_beside, read_holdings

__all__ = ["Holdings", "read_beside", "read_holdings"]
