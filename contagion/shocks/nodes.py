"""What hits balance sheets directly? Nodes lose equity, or their assets outside the network change in value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from contagion.errors import Fault, SchemaError, ValueRangeError, raise_faults
from contagion.shocks.base import Array, Shock, powered
from contagion.shocks.checks import (
    Names,
    change_faults,
    changes,
    fault,
    is_mapping,
    name_faults,
    number_faults,
    unknown,
)
from contagion.shocks.words import cut, listed

__all__ = ["AssetShock", "EquityShock"]

EVERYBODY = "every node"


@dataclass(frozen=True)
class AssetShock(Shock):
    """The value of nodes' assets outside the network (`external_assets`) changes by given fractions, in one gap.

    Parameters
    ----------
    change : float, or mapping or Series of str to float
        One signed fraction for every node, or node -> fraction, at least -1; -0.05 is a fall of 5 %.

    Raises
    ------
    SchemaError
        If the mapping is empty, or a name or number is of another kind.
    ValueRangeError
        If a change is not finite or below -1.

    Examples
    --------
    >>> AssetShock({"Bank A": -0.05}).describe()
    'external assets of Bank A -5.0 %'
    """

    change: float | Mapping[str, float]

    def __post_init__(self) -> None:
        if is_mapping(self.change):
            gone = [str(name) for name, value in self.change.items() if value == -1.0]
            rest = {name: value for name, value in self.change.items() if value != -1.0}
            found = changes("AssetShock.change", rest) if rest or not gone else {}
            raise_faults([one for name in gone for one in name_faults("AssetShock.change", name)])
            found.update(dict.fromkeys(gone, -1.0))
            object.__setattr__(self, "change", dict(sorted(found.items())))
        else:
            number = isinstance(self.change, (int, float, np.integer, np.floating))
            if not number or self.change != -1.0:
                raise_faults(change_faults("AssetShock.change", self.change))
            object.__setattr__(self, "change", float(cast(float, self.change)))

    def __hash__(self) -> int:
        return hash((tuple(self._entries.items()), isinstance(self.change, Mapping)))

    @property
    def _entries(self) -> Mapping[str, float]:
        return self.change if isinstance(self.change, Mapping) else {EVERYBODY: self.change}

    def gap(self) -> AssetShock:
        """Return itself: balance sheets have no clock."""
        return self

    def describe(self) -> str:
        """Return the changes."""
        return f"external assets of {listed(self._entries)}"

    def scaled(self, factor: float) -> AssetShock:
        """Return the changes with their logs times `factor`; what lost everything still does."""
        entries = {
            name: -1.0 if value == -1.0 else powered({name: value}, factor)[name]
            for name, value in self._entries.items()
        }
        return replace(self, change=entries if isinstance(self.change, Mapping) else entries[EVERYBODY])

    def faults(self, names: Names) -> list[Fault]:
        """Return the nodes that don't exist."""
        return _missing(self.change, names, "AssetShock.change")

    def asset_factors(self, nodes: Sequence[str]) -> Array:
        """Return the factor on the external assets of every node, shape (n_nodes,)."""
        return 1.0 + _values(self.change, nodes)


@dataclass(frozen=True)
class EquityShock(Shock):
    """Nodes lose a share of their face equity: the shock s of the DebtRank family, in one gap.

    The money is taken from external assets, as a loss outside the network.

    Parameters
    ----------
    loss : float, or mapping or Series of str to float
        One share for every node, or node -> share, at least 0; 1 is all equity. More than 1 leaves a hole.

    Raises
    ------
    SchemaError
        If the mapping is empty, or a name or number is of another kind.
    ValueRangeError
        If a loss is negative or not finite.

    Examples
    --------
    >>> EquityShock({"Bank A": 0.5}).describe()
    'loss of equity of Bank A 50.0 %'
    """

    loss: float | Mapping[str, float]

    def __post_init__(self) -> None:
        where = "EquityShock.loss"
        if is_mapping(self.loss):
            pairs = list(self.loss.items())
            if not pairs:
                raise SchemaError("is empty", where=where, value=self.loss, allowed='such as {"Bank A": 0.5}')
            found = [one for name, _ in pairs for one in name_faults(where, name)]
            found += [one for name, value in pairs for one in _loss_faults(f"{where}[{name!r}]", value)]
            raise_faults(found)
            object.__setattr__(self, "loss", {str(name): float(value) for name, value in sorted(pairs)})
        else:
            raise_faults(_loss_faults(where, self.loss))
            object.__setattr__(self, "loss", float(cast(float, self.loss)))

    def __hash__(self) -> int:
        return hash((tuple(self._entries.items()), isinstance(self.loss, Mapping)))

    @property
    def _entries(self) -> Mapping[str, float]:
        return self.loss if isinstance(self.loss, Mapping) else {EVERYBODY: self.loss}

    def gap(self) -> EquityShock:
        """Return itself: balance sheets have no clock."""
        return self

    def describe(self) -> str:
        """Return the losses."""
        return "loss of equity of " + cut([f"{name} {100.0 * x:.1f} %" for name, x in self._entries.items()])

    def scaled(self, factor: float) -> EquityShock:
        """Return the losses times `factor`."""
        if factor < 0.0:
            raise ValueRangeError(
                "is negative", where="factor", value=factor, allowed="losses times 0 or more"
            )
        entries = {name: value * factor for name, value in self._entries.items()}
        return replace(self, loss=entries if isinstance(self.loss, Mapping) else entries[EVERYBODY])

    def faults(self, names: Names) -> list[Fault]:
        """Return the nodes that don't exist."""
        return _missing(self.loss, names, "EquityShock.loss")

    def equity_losses(self, nodes: Sequence[str]) -> Array:
        """Return the share of face equity that every node loses, shape (n_nodes,)."""
        return _values(self.loss, nodes)


def _values(given: float | Mapping[str, float], nodes: Sequence[str]) -> Array:
    """One number per node; 0 for those that are not named."""
    if isinstance(given, Mapping):
        return np.array([given.get(node, 0.0) for node in nodes], dtype=np.float64)
    return np.full(len(nodes), given)


def _missing(given: float | Mapping[str, float], names: Names, where: str) -> list[Fault]:
    if names.nodes is None or not isinstance(given, Mapping):
        return []
    return [unknown("node", name, where, names.nodes) for name in given if name not in names.nodes]


def _loss_faults(where: str, value: object) -> list[Fault]:
    allowed = "a share of equity of at least 0; 0.5 is half of it"
    found = number_faults(where, value, allowed)
    if not found and cast(float, value) < 0.0:
        found = [fault(ValueRangeError, "is negative", where=where, value=value, allowed=allowed)]
    return found
