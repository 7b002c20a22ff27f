"""Which nodes do the nodes of a network come from, where policies joined or divided them before the shock?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import csr_array, eye_array

from contagion.errors import PolicyError
from contagion.network.equity import opening_equity

if TYPE_CHECKING:
    from contagion.network import Network
    from contagion.policies.base import Policy

__all__ = ["Origins", "origins_of"]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Origins:
    """What the nodes after all openings are made of, a row per node, a column per node before any.

    Parameters
    ----------
    taken : csr_array
        Share of each old node that a node took over.
    by_assets, by_equity : csr_array
        Weights of the old nodes by external assets and by positive equity; a row sums to 1, or to 0 where a node comes
        from none. Nodes that a policy added have the weights of their owner.
    """

    taken: csr_array
    by_assets: csr_array
    by_equity: csr_array

    def factors(self, values: Floats) -> Floats:
        """Factors on external assets, shape (n,); 1 for nodes that come from none."""
        return np.asarray(1.0 + self.by_assets @ (values - 1.0))

    def losses(self, values: Floats) -> Floats:
        """Shares of equity that are lost, shape (n,)."""
        return np.asarray(self.by_equity @ values)

    def failing(self, flags: Flags) -> Flags:
        """Nodes with a failing part, shape (n,)."""
        return np.asarray(self.taken @ flags.astype(np.float64) > 0.0)

    def money(self, values: Floats, without: Floats) -> Floats:
        """Money of the old nodes for the nodes that took them over, `without` for the others, shape (n,)."""
        known = np.asarray(self.taken.sum(axis=1)).ravel() > 0.0
        return np.where(known, self.taken @ values, without)


def origins_of(net: Network, policies: Sequence[Policy]) -> Origins | None:
    """Follow the nodes through all openings; None where no policy joins or divides any."""
    if not any(policy.heirs() for policy in policies):
        return None
    size = len(net.nodes)
    found = Origins(*(csr_array(eye_array(size, format="csr")) for _ in range(3)))
    for policy in policies:
        after = policy.opening(net)
        step = _step(policy, net, after)
        found = Origins(
            csr_array(step.taken @ found.taken),
            csr_array(step.by_assets @ found.by_assets),
            csr_array(step.by_equity @ found.by_equity),
        )
        net = after
    return found


def _step(policy: Policy, before: Network, after: Network) -> Origins:
    """What one opening made of the nodes."""
    heirs = policy.heirs()
    _check(policy, heirs, before, after)
    own = before.nodes.index.get_indexer(after.nodes.index)
    owner = before.nodes.index.get_indexer(pd.Index(after.nodes["owner"].to_numpy(dtype=object)))
    shared: dict[str, dict[int, float]] = {}
    for old, place in zip(heirs, before.nodes.index.get_indexer(pd.Index(list(heirs))).tolist(), strict=True):
        for new, share in heirs[old].items():
            shared.setdefault(new, {})[place] = share
    rows, columns, shares_of, kept = [], [], [], []
    for place, name in enumerate(after.nodes.index):
        parts = shared.get(name) or {int(own[place] if own[place] >= 0 else owner[place]): 1.0}
        for old_place, share in parts.items():
            if old_place >= 0:
                rows.append(place)
                columns.append(old_place)
                shares_of.append(share)
                kept.append(share if name in shared or own[place] >= 0 else 0.0)
    row, column, share_of = np.array(rows), np.array(columns), np.array(shares_of)
    shape = (len(after.nodes), len(before.nodes))
    external = before.nodes["external_assets"].to_numpy(float)
    equity = np.maximum(opening_equity(before).to_numpy(float), 0.0)
    weights = [_weights(row, share_of, values[column], shape[0]) for values in (external, equity)]
    return Origins(
        *(csr_array((values, (row, column)), shape=shape) for values in (np.array(kept), *weights))
    )


def _weights(row: npt.NDArray[np.int64], share: Floats, values: Floats, n: int) -> Floats:
    """Weights of the parts of each node by their values; by the shares alone where these are all 0."""
    size = share * values
    total = np.bincount(row, size, n)[row]
    alone = share / np.bincount(row, share, n)[row]
    return np.asarray(np.divide(size, total, out=alone, where=total > 0.0))


def _check(policy: Policy, heirs: Mapping[str, Mapping[str, float]], before: Network, after: Network) -> None:
    """Refuse heirs that are no nodes, and shares that do not sum to 1."""
    name = type(policy).__name__
    for old, shares in heirs.items():
        wrong = [new for new in shares if new not in after.nodes.index]
        if old not in before.nodes.index or wrong:
            raise PolicyError(
                f"{name}.heirs names {wrong[0] if wrong else old!r}, which is no node; name nodes before the opening "
                "and, for each, nodes after it"
            )
        if abs(sum(shares.values()) - 1.0) > 1e-9:
            raise PolicyError(f"{name}.heirs shares {old!r} out to {sum(shares.values()):g}; shares sum to 1")
