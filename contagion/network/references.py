"""Whose outside moves does an asset follow? Staked tokens and wrapped coins move with what they stand for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from contagion.errors import NetworkError, UnitError
from contagion.network.build import Draft

if TYPE_CHECKING:
    from contagion.network.network import Network

__all__ = ["follow", "followers", "powers", "references_end"]

Floats = npt.NDArray[np.float64]
POOL_SHARE = "pool_share"


def follow(
    factors: Floats,
    reference: Sequence[int] | npt.NDArray[Any],
    power: Sequence[float] | npt.NDArray[Any] = (),
) -> Floats:
    """Return price factors in which every asset also moves by what its reference moves, through whole chains.

    Parameters
    ----------
    factors : numpy.ndarray
        Price over opening price of every asset by itself, shape (..., n_assets).
    reference : sequence of int
        Position of the asset that each one follows, -1 for none; shape (n_assets,), without cycles.
    power : sequence of float, optional
        The power of what its reference moves by which each one moves (`powers`), shape (n_assets,); 1 if not given.

    Returns
    -------
    numpy.ndarray
        The same array where nothing follows anything.

    Examples
    --------
    >>> follow(np.array([[0.5, 1.0, 0.5]]), [-1, 0, 1]).tolist()
    [[0.5, 0.5, 0.25]]
    >>> follow(np.array([[0.25, 1.0]]), [-1, 0], [1.0, 0.5]).tolist()
    [[0.25, 0.5]]
    """
    codes = [int(code) for code in reference]
    if all(code < 0 for code in codes):
        return factors
    found = factors.copy()
    each = [1.0] * len(codes) if len(power) == 0 else [float(value) for value in power]
    for a, code in enumerate(codes):
        weight = each[a]
        while code >= 0:
            moved = factors[..., code] if weight == 1.0 else factors[..., code] ** weight
            found[..., a] = found[..., a] * moved
            weight, code = weight * each[code], codes[code]
    return found


def powers(net: Network) -> Floats:
    """Return the power of its reference's move by which each asset moves: 1/2 for shares of pools, else 1.

    A pool that keeps ``x y`` is worth ``2 sqrt(x y P)``, shape (n_assets,).
    """
    return np.where(net.column("assets", "kind") == POOL_SHARE, 0.5, 1.0)


def followers(net: Network) -> npt.NDArray[np.bool_]:
    """Return which assets follow another one, shape (n_assets,)."""
    return np.asarray(net.codes("assets", "reference") >= 0, dtype=np.bool_)


def references_end(draft: Draft) -> None:
    """Find assets that follow themselves, directly or round a cycle, or the unit, and issuers of the unit."""
    assets, codes = draft.tables["assets"], draft.codes["assets", "reference"]
    for row in range(draft.rows("assets")):
        chain, at = [row], int(codes[row])
        while at >= 0 and at not in chain:
            chain.append(at)
            at = int(codes[at])
        if at == row:
            names = " -> ".join(str(assets["name"][place]) for place in (*chain, row))
            draft.add(
                NetworkError,
                "reference-cycle",
                "assets",
                f"follows itself: {names}",
                row=row,
                column="reference",
                value=assets["reference"][row],
                remedy="leave reference empty at the asset that moves by itself",
            )
    unit = assets["name"] == draft.unit
    for row in np.flatnonzero(unit).tolist():
        for column, what in (("reference", "follows another asset"), ("issuer", "is issued by a node")):
            if assets[column][row] != "":
                draft.add(
                    UnitError,
                    "unit-moves",
                    "assets",
                    f"is the unit of money and {what}",
                    row=row,
                    column=column,
                    value=assets[column][row],
                    allowed="empty",
                    remedy="give the token a row of its own, with a price in the unit",
                )
    for row in np.flatnonzero((codes >= 0) & (assets["reference"] == draft.unit)).tolist():
        draft.add(
            NetworkError,
            "reference-unit",
            "assets",
            "follows the unit, which never moves",
            row=row,
            column="reference",
            value=draft.unit,
            allowed="empty, or an asset that moves",
        )
