"""What do policies do to balance sheets between the shock and what follows from it?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from contagion.claims import Claims
from contagion.errors import PolicyError
from contagion.policies.base import Policy
from contagion.policies.sheet_world import SheetWorld
from contagion.propagation.solvency.book import Sheets
from contagion.propagation.solvency.outcome import Steps

__all__ = ["intervene"]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def intervene(
    opening: Sheets,
    shocked: Sheets,
    forced: Flags,
    policies: Sequence[Policy],
    without: Callable[[Sheets], Floats],
    price_factors: Floats,
    depth_factors: Floats | None = None,
) -> Steps:
    """Let policies convert debts, then lend, each kind in list order.

    Parameters
    ----------
    opening, shocked : Sheets
        Before and after the shock.
    forced : numpy.ndarray of bool
        Nodes that the shock lets fail.
    policies : sequence of Policy
        The set.
    without : callable
        Sheets -> signed equity at the end if nobody stepped in any more.
    price_factors, depth_factors : numpy.ndarray
        Prices of assets after the shock over those before; the same of depth.

    Raises
    ------
    PolicyError
        If a hook returns something else than numbers in their range.
    """
    n = len(shocked.names)
    memos: list[dict[str, Any]] = [{} for _ in policies]
    shares, loans, helped = np.zeros(n), np.zeros(n), shocked
    for place, policy in enumerate(policies):
        if policy.overrides("convert"):
            world = _world(opening, shocked, forced, memos[place], without)
            answer = policy.convert(world, shares.copy())
            shares = _checked(policy, "convert", answer, n, most=1.0)
    converted, given, stake = np.zeros(n), np.zeros(n), np.zeros(n)
    if shares.any():
        helped, converted, given, stake = _converted(shocked, shares)
    for place, policy in enumerate(policies):
        if policy.overrides("support"):
            world = _world(opening, helped, forced, memos[place], without)
            loans = _checked(policy, "support", policy.support(world, loans.copy()), n, most=np.inf)
    if loans.any():
        helped = Sheets(helped.names, helped.claims, helped.assets + loans, helped.debts)
    return Steps(
        opening, shocked, helped, forced, converted, given, stake, loans, price_factors, depth_factors
    )


def _converted(sheets: Sheets, shares: Floats) -> tuple[Sheets, Floats, Floats, Floats]:
    """Sheets after a share of each node's debts became equity; converted, given up and got for it, money."""
    claims, n = sheets.claims, len(shares)
    debtor, creditor = claims.debtor, claims.creditor
    cut = claims.amount * shares[debtor]
    converted = np.bincount(debtor, cut, n).astype(np.float64)
    before, after = sheets.equity, sheets.equity + converted
    held = np.divide(converted, after, out=np.ones(n), where=(before > 0.0) & (after > 0.0))
    worth = np.where(converted > 0.0, held * np.maximum(after, 0.0), 0.0)
    part = np.divide(cut, converted[debtor], out=np.zeros(len(cut)), where=converted[debtor] > 0.0)
    stake = np.bincount(creditor, part * worth[debtor], n).astype(np.float64)
    given = np.bincount(creditor, cut, n).astype(np.float64)
    left = Claims.from_arrays(debtor, creditor, np.maximum(claims.amount - cut, 0.0), n)
    return Sheets(sheets.names, left, sheets.assets + stake, sheets.debts), converted, given, stake


def _world(
    opening: Sheets,
    sheets: Sheets,
    forced: Flags,
    memo: dict[str, Any],
    without: Callable[[Sheets], Floats],
) -> SheetWorld:
    """What a policy sees: copies that cannot be written to."""
    assets, debts = sheets.whole
    arrays = {
        "external_assets": assets,
        "external_liabilities": debts,
        "claimed": sheets.claims.claimed,
        "owed": sheets.claims.owed,
        "opening_equity": opening.equity,
        "equity": sheets.equity,
        "forced": forced,
    }
    shown: dict[str, Any] = {}
    for name, values in arrays.items():
        shown[name] = values.copy()
        shown[name].flags.writeable = False
    names = tuple(str(name) for name in sheets.names)
    return SheetWorld(nodes=names, memo=memo, without=lambda: without(sheets), **shown)


def _checked(policy: Policy, hook: str, answer: object, n: int, most: float) -> Floats:
    try:
        values = np.asarray(answer, dtype=np.float64)
    except (TypeError, ValueError):
        values = np.full(1, np.nan)
    if values.shape != (n,) or not np.isfinite(values).all() or (values < 0.0).any() or (values > most).any():
        allowed = f"from 0 to {most:g}" if most < np.inf else "of at least 0"
        raise PolicyError(
            f"{type(policy).__name__}.{hook} returned {str(answer)[:80]!r}; expected {n} finite numbers {allowed}, "
            "one a node"
        )
    return values
