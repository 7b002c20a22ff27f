"""WHO owes, holds and posts WHAT: the tables of a network, their checks, files, conversions and shape."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from contagion.network.network import Network

if TYPE_CHECKING:
    from contagion.network import topology as topology

__all__ = ["Network", "topology"]

if not TYPE_CHECKING:  # a checker must see a misspelt name as an error

    def __getattr__(name: str) -> object:
        if name != "topology":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return import_module(f"{__name__}.{name}")
