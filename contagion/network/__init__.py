"""WHO owes, holds and posts WHAT: the tables of a network, their checks, files and conversions."""

from __future__ import annotations

from contagion.network.network import Network

__all__ = ["Network"]
