"""How much margin does a book need if its worst loss over scenarios must be covered? Portfolio margin by scenario scan.

Profits are summed over all contracts on one underlying, and the worst scenario counts; between underlyings only the
offset share of gains that a group allows. Equity is taken to hold options at their model value, so that the margin is
the loss from there.

References
----------
CME Group, "Standard Portfolio Analysis of Risk" (SPAN): scanning loss, and the short option minimum as a floor. Options
Clearing Corporation, "Customer Portfolio Margin" disclosure (TIMS): full offset within a class group, a percentage of a
class group's net profit within a product group, at each underlying price point.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contagion.arrays import FloatArray, real, reals
from contagion.errors import SchemaError, nearest

Rows = NDArray[np.intp]


@dataclass(frozen=True)
class ScanMargin:
    """Margin of books, money.

    `margin` is of the whole book and `isolated` the sum over its contracts margined one by one, shape ``()`` or
    ``(n_accounts,)``. `groups` names what is margined together; `by_group` is the margin of each and `worst` its worst
    scenario (-1 where none loses), with a last axis of ``(n_groups,)``.
    """

    margin: Any
    isolated: Any
    groups: tuple[str, ...]
    by_group: FloatArray
    worst: Any


def scan_margin(
    quantities: Any,
    profits: Any,
    underlyings: Sequence[str],
    *,
    short_minimum: Any = 0.0,
    groups: Mapping[str, str] | None = None,
    offset: Any = 0.0,
) -> ScanMargin:
    """Margin that covers the worst scenario of a book.

    Parameters
    ----------
    quantities
        Units of each contract, negative short, shape ``(n_contracts,)`` or ``(n_accounts, n_contracts)``.
    profits
        Of one unit long in each scenario, shape ``(n_contracts, n_scenarios)``: `contagion.markets.risk_array`.
    underlyings
        Name of each contract's underlying.
    short_minimum
        Money per unit short below which the margin never falls, shape ``(n_contracts,)``, >= 0; 0 for contracts that
        are no options. SPAN venues state a share of the underlying's price (NSE Clearing 3 % for index options) or of
        the margin of a future (CME).
    groups
        Underlying -> name of the group whose underlyings offset each other; others stand alone.
    offset
        Share of one underlying's gain that offsets losses of its group in the same scenario, in [0, 1].

    Returns
    -------
    ScanMargin
        Per group the largest sum over its underlyings of loss less offset share of gain, or its short minimum if that
        is more; never below 0. It grows in proportion to the book and is convex: books together need at most the sum,
        and what offsets a book as a whole, or a share of it, never raises its margin. Closing one leg of a hedge can.

    Raises
    ------
    SchemaError
        If shapes do not fit together or a group names an underlying that no contract has.
    ValueRangeError
        If a number is not finite or out of range.

    Examples
    --------
    >>> profits = [[-10.0, 10.0], [-4.0, 6.0]]  # a coin and a call on it
    >>> found = scan_margin([1.0, -1.0], profits, ["BTC", "BTC"])
    >>> float(found.margin), float(found.isolated)
    (6.0, 16.0)
    """
    held = reals(quantities, "quantities")
    table = reals(profits, "profits", dimensions=2)
    if held.ndim not in (1, 2) or held.shape[-1] != len(table) or len(underlyings) != len(table):
        raise SchemaError(
            f"{held.shape}, {table.shape} and {len(underlyings)} names do not fit together",
            where="quantities, profits, underlyings",
            allowed="one column, row and name per contract",
        )
    if not table.shape[1]:
        raise SchemaError("has no scenario", where="profits")
    least = reals(short_minimum, "short_minimum", low=0.0)
    if least.shape not in ((), (len(table),)):
        raise SchemaError(
            f"has shape {least.shape}", where="short_minimum", allowed="a number, or one per contract"
        )
    share = real(offset, "offset", low=0.0, high=1.0)
    members = _members([str(name) for name in underlyings], dict(groups or {}))
    short = np.maximum(-held, 0.0) * least
    scans = [_scan(held, table, list(rows.values()), share) for rows in members.values()]
    floors = [short[..., np.concatenate(list(rows.values()))].sum(axis=-1) for rows in members.values()]
    found = np.zeros((*held.shape[:-1], len(members)))
    worst = np.full(found.shape, -1)
    for k, ((loss, scenario), floor) in enumerate(zip(scans, floors, strict=True)):
        found[..., k] = np.maximum(loss, floor)
        worst[..., k] = np.where(loss > 0.0, scenario, -1)
    alone = np.maximum(held * -table.min(axis=1), held * -table.max(axis=1))
    isolated = np.maximum(np.maximum(alone, 0.0), short).sum(axis=-1)
    return ScanMargin(found.sum(axis=-1)[()], isolated[()], tuple(members), found, worst)


def _members(underlyings: list[str], groups: dict[str, str]) -> dict[str, dict[str, Rows]]:
    """Group -> underlying -> rows of its contracts; underlyings without a group are groups of one."""
    known = dict.fromkeys(underlyings)
    for name in groups:
        if name not in known:
            listed = ", ".join(known) + nearest(name, known)
            raise SchemaError("is the underlying of no contract", where="groups", value=name, allowed=listed)
    names = np.array(underlyings)
    members: dict[str, dict[str, Rows]] = {}
    for name in known:
        group = groups.get(name)
        if group is None and name in groups.values():
            raise SchemaError(
                "names a group and an underlying that is not in it",
                where="groups",
                value=name,
                remedy="rename",
            )
        members.setdefault(group or name, {})[name] = np.flatnonzero(names == name)
    return members


def _scan(
    held: FloatArray, table: FloatArray, members: list[Rows], share: float
) -> tuple[FloatArray, FloatArray]:
    """Worst loss of a group over the scenarios, and in which one."""
    lost = np.zeros((*held.shape[:-1], table.shape[1]))
    for rows in members:
        loss = -(held[..., rows] @ table[rows])
        lost += np.maximum(loss, share * loss) if len(members) > 1 else loss
    return np.maximum(lost.max(axis=-1), 0.0), lost.argmax(axis=-1)
