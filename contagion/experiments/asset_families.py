"""Where do many shocks to balance sheets come from? The laws of price shocks, drawn for nodes' external assets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.errors import SchemaError
from contagion.experiments.checked import names
from contagion.experiments.families import PriceShocks
from contagion.network.network import Network
from contagion.shocks import AssetShock, Shock, Shocks

__all__ = ["AssetShocks"]


@dataclass(frozen=True, eq=False, repr=False)
class AssetShocks:
    """A family of changes of the value of nodes' external assets, one log return a node.

    Made from a family of price shocks, whose assets are now nodes: correlations and scales may be given by the names of
    nodes. Scenario i is the same however many are drawn and whichever other nodes take part.

    Parameters
    ----------
    law : PriceShocks
        How log returns are drawn. Balance sheets have one instant: its `over` is set to 0.
    nodes : sequence of str, optional
        Whose external assets move; all nodes that have any if not given.
    added : tuple of Shock
        What happens in every scenario besides; ``family + Default(["Bank A"])`` adds to it.

    Raises
    ------
    SchemaError
        If the law is no family of price shocks.

    Examples
    --------
    >>> import contagion as ct
    >>> family = ct.AssetShocks(ct.PriceShocks.student_t(df=4, scale=0.02))
    >>> family.scenario(["Bank A"], 0, seed=7).describe()[:25]
    'external assets of Bank A'
    """

    law: PriceShocks
    nodes: tuple[str, ...] | None = None
    added: tuple[Shock, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.law, PriceShocks):
            allowed = "a family such as ct.PriceShocks.student_t(df=4, scale=0.02)"
            raise SchemaError("is no family", where="AssetShocks.law", value=self.law, allowed=allowed)
        object.__setattr__(self, "law", replace(self.law, over=0.0))
        if self.nodes is not None:
            example = "such as ('Bank A', 'Bank B')"
            object.__setattr__(self, "nodes", tuple(names(self.nodes, "AssetShocks.nodes", example)))

    @property
    def size(self) -> int | None:
        """Number of different scenarios, or None where there is no end to them."""
        return self.law.size

    @property
    def caution(self) -> str:
        """What a reader of statistics over the scenarios must know, empty if nothing."""
        return self.law.caution

    @property
    def weighted(self) -> bool:
        """Whether scenarios differ in weight."""
        return self.law.weighted

    def weights(self, n: int, seed: int) -> npt.NDArray[np.float64]:
        """Return the weights of the first n scenarios, shape (n,)."""
        return self.law.weights(n, seed)

    def moved(self, net: Network) -> list[str]:
        """Return the nodes that move in a network: those named, or all with external assets."""
        if self.nodes is not None:
            return list(self.nodes)
        have = net.nodes["external_assets"].to_numpy(float) > 0.0
        return [str(name) for name in net.nodes.index[have]]

    def describe(self) -> str:
        """Return one plain sentence without a full stop."""
        return "; ".join(
            [f"external assets: {self.law.describe()}", *(f"and {shock.describe()}" for shock in self.added)]
        )

    def __repr__(self) -> str:
        return f"AssetShocks({self.describe()})"

    def __add__(self, other: object) -> AssetShocks:
        return replace(self, added=(*self.added, other)) if isinstance(other, Shock) else NotImplemented

    __radd__ = __add__

    def draw(self, nodes: Sequence[str], n: int, seed: int) -> pd.DataFrame:
        """Return the log returns of external assets in the first n scenarios, columns nodes."""
        return self.law.draw(nodes, n, seed)

    def scenario(self, nodes: Sequence[str], i: int, seed: int) -> Shock:
        """Return the shock of scenario i: an `AssetShock`, and what is added."""
        returns: Any = self.law.scenario(nodes, i, seed).log_returns(list(nodes))
        shock = AssetShock(dict(zip(nodes, np.expm1(returns).tolist(), strict=True)))
        return Shocks((shock, *self.added)) if self.added else shock
