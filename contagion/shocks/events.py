"""What else happens besides prices? Nodes fail, depth is withdrawn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from contagion.errors import Fault, SchemaError, raise_faults
from contagion.shocks.base import Array, Shock, powered, powers
from contagion.shocks.checks import (
    Names,
    change_faults,
    changes,
    is_mapping,
    name_faults,
    seconds_faults,
    unknown,
)
from contagion.shocks.words import cut, listed, span

__all__ = ["Default", "DepthShock"]


@dataclass(frozen=True)
class Default(Shock):
    """Nodes fail at the first round, whatever they own; scaling leaves them failed.

    In a cascade a node loses its cash, its outside assets and, if it is a venue, its insurance fund. It keeps what it
    holds (coins, tokens of others, pools), its accounts and its claims, and pays its creditors from that, all alike, at
    its recovery rate, which is 1 where that is enough. A venue closes its positions at the mark and pays its customers
    out. Tokens that the node has issued are among its debts: each is worth the recovery rate from the next round on,
    for good. So the default of an issuer backed by cash or outside assets takes all of its tokens' value, that of one
    backed by coins it holds takes none. Models of balance sheets take the node's equity, `CrossHoldings` all its own
    assets.

    Parameters
    ----------
    nodes : sequence of str
        Names of nodes.

    Raises
    ------
    SchemaError
        If the list is empty, repeats a name, or is one text.

    Examples
    --------
    >>> Default(["Genesis"]).describe()
    'default of Genesis'
    """

    nodes: Sequence[str]

    def __post_init__(self) -> None:
        allowed = 'a list of names, such as Default(["Genesis"])'
        if isinstance(self.nodes, (str, bytes)) or not isinstance(self.nodes, Iterable):
            raise SchemaError("is no list of nodes", where="Default", value=self.nodes, allowed=allowed)
        names = tuple(self.nodes)
        raise_faults([fault for name in names for fault in name_faults("Default", name)])
        if not names or len(set(names)) < len(names):
            what = "repeats a node" if names else "names no node"
            raise SchemaError(what, where="Default", value=list(names), allowed=allowed)
        object.__setattr__(self, "nodes", tuple(sorted(names)))

    def gap(self) -> Default:
        """Return itself: a default has no time profile."""
        return self

    def describe(self) -> str:
        """Return the names."""
        return f"default of {cut(self.nodes)}"

    def scaled(self, factor: float) -> Default:
        """Return itself: a node fails or it doesn't."""
        return self

    def faults(self, names: Names) -> list[Fault]:
        """Return the nodes that don't exist."""
        if names.nodes is None:
            return []
        missing = [name for name in self.nodes if name not in names.nodes]
        return [unknown("node", name, "Default", names.nodes) for name in missing]

    def failing(self) -> frozenset[str]:
        """Return the nodes."""
        return frozenset(self.nodes)

    def end(self, first: float) -> float:
        """Return the time of round 1."""
        return first


@dataclass(frozen=True)
class DepthShock(Shock):
    """Depth of markets changes by given fractions, from outside.

    Depth is an outcome of the model too; this factor comes on top of it.

    Parameters
    ----------
    change : float, or mapping or Series of str to float
        One fraction for every market, or market or asset -> fraction, above -1; -0.9 leaves a tenth. An entry
        for a market goes before the entry for its asset.
    over : float, default 0
        Seconds over which the change happens, linear in log depth; 0 is one gap at the first round.

    Raises
    ------
    SchemaError
        If the mapping is empty, or a name or number is of another kind.
    ValueRangeError
        If a change is not finite or at most -1 (no depth left), or `over` is negative.

    Examples
    --------
    >>> DepthShock(-0.9).describe()
    'depth of every market -90.0 % in one gap'
    """

    change: float | Mapping[str, float]
    over: float = 0.0

    def __post_init__(self) -> None:
        if is_mapping(self.change):
            object.__setattr__(self, "change", changes("DepthShock.change", self.change))
        else:
            raise_faults(change_faults("DepthShock.change", self.change))
            object.__setattr__(self, "change", float(cast(float, self.change)))
        raise_faults(seconds_faults("DepthShock.over", self.over))
        object.__setattr__(self, "over", float(self.over))

    def __hash__(self) -> int:
        return hash((tuple(self._entries.items()), isinstance(self.change, Mapping), self.over))

    @property
    def _entries(self) -> Mapping[str, float]:
        return self.change if isinstance(self.change, Mapping) else {"every market": self.change}

    def gap(self) -> DepthShock:
        """Return the same changes in one gap."""
        return replace(self, over=0.0)

    def describe(self) -> str:
        """Return the changes and their time profile."""
        return f"depth of {listed(self._entries)} {span(self.over)}"

    def scaled(self, factor: float) -> DepthShock:
        """Return the changes with their logs times `factor`."""
        entries = powered(self._entries, factor)
        return replace(self, change=entries if isinstance(self.change, Mapping) else entries["every market"])

    def faults(self, names: Names) -> list[Fault]:
        """Return the entries that name neither a market nor an asset."""
        if not isinstance(self.change, Mapping):
            return []
        allowed = {*names.markets, *names.assets}
        missing = [name for name in self.change if name not in allowed]
        return [unknown("market or asset", name, "DepthShock.change", allowed) for name in missing]

    def depth_factors(self, markets: Sequence[str], market_assets: Sequence[str], times: Array) -> Array:
        """Return the factor on depth, shape (n_times, n_markets)."""
        if isinstance(self.change, Mapping):
            pairs = zip(markets, market_assets, strict=True)
            found = [self.change.get(market, self.change.get(asset, 0.0)) for market, asset in pairs]
        else:
            found = [self.change] * len(markets)
        return powers(1.0 + np.array(found, dtype=np.float64), times, self.over)

    def end(self, first: float) -> float:
        """Return the seconds after which depth stands still."""
        return max(self.over, first) if any(self._entries.values()) else 0.0
