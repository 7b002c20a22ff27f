"""How much was lost, and how much of it is contagion?

The outside change of a node is its opening book at the final *outside* prices, minus its opening equity:
what it would have gained or lost had nobody been forced to trade. Whatever a node lost beyond that, the system
took from it; whatever it lost less, the system gave to it. Both sums are shown, because a net sum can be
negative while forced sellers lose everything. Losses are positive, changes are signed.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from contagion.errors import SchemaError, ValueRangeError

__all__ = ["direct_loss", "loss_amplification", "node_gain", "node_loss", "system_gain", "system_loss"]

Array = npt.NDArray[np.float64]


def node_loss(outside_change: npt.ArrayLike, change: npt.ArrayLike) -> Array:
    """Return what the system took from each node: max(0, outside change - change of equity).

    Parameters
    ----------
    outside_change : array_like
        Change of every node's opening book at final outside prices, in money, shape (n_nodes,).
    change : array_like
        Change of its equity, in money, shape (n_nodes,).

    Returns
    -------
    numpy.ndarray
        Losses, at least 0, shape (n_nodes,).

    Raises
    ------
    SchemaError
        If the shapes differ or the contents are no numbers.
    ValueRangeError
        If a number is not finite.

    Examples
    --------
    >>> node_loss([-10.0, -10.0], [-25.0, -4.0]).tolist()
    [15.0, 0.0]
    """
    outside, actual = _arrays(outside_change, change)
    return np.maximum(outside - actual, 0.0)


def node_gain(outside_change: npt.ArrayLike, change: npt.ArrayLike) -> Array:
    """Return what the system gave to each node: max(0, change of equity - outside change).

    Parameters, errors and shapes as in `node_loss`.

    Examples
    --------
    >>> node_gain([-10.0, -10.0], [-25.0, -4.0]).tolist()
    [0.0, 6.0]
    """
    outside, actual = _arrays(outside_change, change)
    return np.maximum(actual - outside, 0.0)


def system_loss(
    outside_change: npt.ArrayLike, change: npt.ArrayLike, counted: npt.ArrayLike | None = None
) -> float:
    """Return the sum of `node_loss` over the nodes that count.

    Parameters
    ----------
    outside_change, change : array_like
        As in `node_loss`.
    counted : array_like of bool, optional
        Nodes that count, shape (n_nodes,): all but providers, dip buyers, arbitrageurs and the rest of the
        market. Everybody if not given.

    Returns
    -------
    float
        Loss, at least 0, in money.

    Raises
    ------
    SchemaError, ValueRangeError
        As in `node_loss`.

    Examples
    --------
    >>> system_loss([-10.0, -10.0, 0.0], [-25.0, -4.0, -9.0], [True, True, False])
    15.0
    """
    losses = node_loss(outside_change, change)
    return float(losses[_counted(counted, losses)].sum())


def system_gain(
    outside_change: npt.ArrayLike, change: npt.ArrayLike, counted: npt.ArrayLike | None = None
) -> float:
    """Return the sum of `node_gain` over the nodes that count; parameters and errors as in `system_loss`.

    Examples
    --------
    >>> system_gain([-10.0, -10.0, 0.0], [-25.0, -4.0, -9.0])
    6.0
    """
    gains = node_gain(outside_change, change)
    return float(gains[_counted(counted, gains)].sum())


def direct_loss(outside_change: npt.ArrayLike, counted: npt.ArrayLike | None = None) -> float:
    """Return what the outside moves alone would have cost: the sum of max(0, -outside change).

    Parameters
    ----------
    outside_change : array_like
        As in `node_loss`.
    counted : array_like of bool, optional
        As in `system_loss`.

    Returns
    -------
    float
        Loss, at least 0, in money.

    Raises
    ------
    SchemaError, ValueRangeError
        As in `node_loss`.

    Examples
    --------
    >>> direct_loss([-10.0, 5.0, -2.0])
    12.0
    """
    outside, _ = _arrays(outside_change, outside_change)
    return float(np.maximum(-outside, 0.0)[_counted(counted, outside)].sum())


def loss_amplification(direct: float, system: float) -> float:
    """Return (direct + system) / direct: by how much contagion multiplies the loss.

    Parameters
    ----------
    direct, system : float
        Direct loss and system loss, at least 0, in money.

    Returns
    -------
    float
        At least 1; NaN if there is no direct loss to multiply.

    Raises
    ------
    ValueRangeError
        If a loss is negative or not finite.

    Examples
    --------
    >>> loss_amplification(12.0, 6.0)
    1.5
    """
    for where, value in (("direct", direct), ("system", system)):
        if not 0.0 <= value < np.inf:
            allowed = "losses are finite and >= 0"
            raise ValueRangeError("is no loss", where=where, value=value, allowed=allowed)
    return (direct + system) / direct if direct > 0.0 else float("nan")


def _arrays(outside_change: npt.ArrayLike, change: npt.ArrayLike) -> tuple[Array, Array]:
    found = []
    for where, given in (("outside_change", outside_change), ("change", change)):
        values = np.asarray(given)
        if values.ndim != 1 or values.dtype.kind not in "iuf":
            allowed = "one number per node, shape (n_nodes,)"
            raise SchemaError(
                f"has shape {values.shape} and holds {values.dtype}", where=where, allowed=allowed
            )
        if not np.isfinite(values).all():
            place = int(np.flatnonzero(~np.isfinite(values))[0])
            raise ValueRangeError("is not finite", where=f"{where}[{place}]", value=float(values[place]))
        found.append(values.astype(np.float64))
    if found[0].shape != found[1].shape:
        raise SchemaError(f"has {len(found[1])} nodes, outside_change has {len(found[0])}", where="change")
    return found[0], found[1]


def _counted(counted: npt.ArrayLike | None, values: Array) -> npt.NDArray[np.bool_]:
    if counted is None:
        return np.ones(values.shape, dtype=bool)
    mask = np.asarray(counted)
    if mask.dtype != bool or mask.shape != values.shape:
        allowed = f"one bool per node, shape {values.shape}"
        raise SchemaError(f"has shape {mask.shape} and holds {mask.dtype}", where="counted", allowed=allowed)
    return mask
