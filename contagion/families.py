"""Where do scenarios come from, and which assets of a network do they move?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pandas as pd

if TYPE_CHECKING:
    from contagion.network.network import Network

__all__ = ["Family", "moved", "risky_assets"]


class Family(Protocol):
    """A source of scenarios; scenario i is the same however many are drawn."""

    def draw(self, assets: list[str], n: int, seed: int) -> pd.DataFrame:
        """Return the log returns of the first n scenarios, shape (n, n_assets)."""

    def scenario(self, assets: list[str], i: int, seed: int) -> Any:
        """Return the shock of scenario i."""


def risky_assets(net: Network) -> list[str]:
    """Return the assets a shock may move by themselves: all but currencies and those that follow another asset."""
    assets = net.assets
    return [str(name) for name in assets.index[(assets["kind"] != "currency") & (assets["reference"] == "")]]


def moved(family: Family, net: Network) -> list[str]:
    """Return what a family moves in a network: what it says itself, else all risky assets.

    An asset that follows another one moves by itself only where the family names it.
    """
    own = getattr(family, "moved", None)
    if own is not None:
        return list(own(net))
    named: frozenset[str] = getattr(family, "named", frozenset())
    chosen = {*risky_assets(net), *(named & set(map(str, net.assets.index)))}
    return [str(name) for name in net.assets.index if name in chosen]
