"""Who gives up profit when the fund is empty? Deleveraging by queue or pro rata, and socialised loss.

Only profit is ever seized; principal stays with its owner. Accounts are arrays of shape ``(n_accounts,)``,
results are in their order.

References
----------
Autodeleveraging as a choice of haircuts (analysis of the events of 10 October 2025); Deribit's and OKX's
socialised loss.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from contagion.arrays import FloatArray, real, reals
from contagion.errors import InputError, PolicyError, SchemaError


@dataclass(frozen=True)
class Seizure:
    """What a deleveraging takes.

    `deficit` and `budget`: money owed by accounts below zero, and money to be raised. `seized` and
    `equity_after`: one number per account. `haircut`: share of the profit, one per account in a queue, one for
    all pro rata. `unfunded`: the part of the budget that the profits did not cover.
    """

    deficit: float
    budget: float
    seized: FloatArray
    haircut: Any
    equity_after: FloatArray
    unfunded: float


@dataclass(frozen=True)
class CappedSeizure:
    """Level `eta`; haircut and money seized per account; the part of the budget not covered."""

    eta: float
    haircut: FloatArray
    seized: FloatArray
    unfunded: float


@dataclass(frozen=True)
class ContractCut:
    """Share of every position that is closed, sizes closed, quantity that no position is left for."""

    fraction: float
    closed: FloatArray
    unfilled: float


@dataclass(frozen=True)
class SocialisedLoss:
    """What the fund pays, share of profit clawed back, money per account, loss not covered."""

    fund_pays: float
    rate: float
    clawback: FloatArray
    uncovered: float


def adl_queue(
    wallet_balance: Any, unrealized_pnl: Any, queue_order: Any, *, severity: Any = None, budget: Any = None
) -> Seizure:
    """Seize profits along a queue until the budget is raised.

    Parameters
    ----------
    wallet_balance, unrealized_pnl
        Money per account, any sign, shape ``(n_accounts,)``.
    queue_order
        Places of the accounts (from 0), first to be seized first; accounts left out are spared.
    severity
        Share of the deficit to be raised, >= 0; or
    budget
        the money to be raised, >= 0.

    Returns
    -------
    Seizure
        Deficit: the sum of negative equities.

    Raises
    ------
    InputError
        If shapes differ, a number is out of range, the queue names an account twice or one that does not
        exist, or not exactly one of severity and budget is given.

    Examples
    --------
    >>> adl_queue([5, 5, 1], [30, 20, -11], [0, 1, 2], severity=1).seized
    array([10.,  0.,  0.])
    """
    balance, profit = _accounts(wallet_balance, unrealized_pnl)
    order = _places(queue_order, len(balance))
    deficit, wanted = _budget(balance, profit, severity, budget)
    gains = np.maximum(profit, 0.0)
    ahead = np.cumsum(gains[order]) - gains[order]
    seized = np.zeros(len(balance))
    seized[order] = np.clip(wanted - ahead, 0.0, gains[order])
    unfunded = max(0.0, wanted - float(np.sum(gains[order])))
    return Seizure(deficit, wanted, seized, _share(seized, gains), balance + profit - seized, unfunded)


def adl_pro_rata(
    wallet_balance: Any, unrealized_pnl: Any, *, severity: Any = None, budget: Any = None
) -> Seizure:
    """Seize the same share of every profit; arguments and result as in `adl_queue`.

    Returns
    -------
    Seizure
        ``haircut = min(1, budget / sum of profits)``, 0 without profit or budget.

    Raises
    ------
    InputError
        As in `adl_queue`.

    Examples
    --------
    >>> adl_pro_rata([5, 1, 2], [3, 1.5, -9], severity=1).unfunded
    2.5
    """
    balance, profit = _accounts(wallet_balance, unrealized_pnl)
    deficit, wanted = _budget(balance, profit, severity, budget)
    gains = np.maximum(profit, 0.0)
    haircut, unfunded = _common_share(wanted, float(np.sum(gains)))
    seized = haircut * gains
    return Seizure(deficit, wanted, seized, haircut, balance + profit - seized, unfunded)


def adl_pro_rata_capped(weight: Any, cap: Any, *, budget: Any) -> CappedSeizure:
    """Seize the same share of every weight, but of none more than its cap.

    Parameters
    ----------
    weight
        Money that can be seized (profit), >= 0, shape ``(n_accounts,)``.
    cap
        Largest share of it, >= 0; with caps of at most 1, principal is safe.
    budget
        Money to be raised, >= 0.

    Returns
    -------
    CappedSeizure
        ``eta`` solves ``sum weight min(eta, cap) = budget``; the largest cap if there is no such level.

    Raises
    ------
    InputError
        If shapes differ or a number is out of range.

    Examples
    --------
    >>> adl_pro_rata_capped([10, 5], [0.2, 0.4], budget=6).seized
    array([2., 2.])
    """
    weights, caps = _same(weight=reals(weight, "weight", low=0.0), cap=reals(cap, "cap", low=0.0))
    wanted = real(budget, "budget", low=0.0)
    eta = _level(weights, caps, wanted)
    haircut = np.minimum(eta, caps)
    unfunded = max(0.0, wanted - float(np.sum(weights * caps)))
    return CappedSeizure(eta, haircut, weights * haircut, unfunded)


def adl_contract_pro_rata(size: Any, *, quantity: Any) -> ContractCut:
    """Close the same share of every position until a quantity is filled.

    Parameters
    ----------
    size
        In base units, >= 0, shape ``(n_accounts,)``.
    quantity
        To be filled, >= 0.

    Raises
    ------
    InputError
        If a number is out of range.

    Examples
    --------
    >>> adl_contract_pro_rata([10, 30, 60], quantity=25).closed
    array([ 2.5,  7.5, 15. ])
    """
    sizes = reals(size, "size", low=0.0, dimensions=1)
    fraction, unfilled = _common_share(real(quantity, "quantity", low=0.0), float(np.sum(sizes)))
    return ContractCut(fraction, fraction * sizes, unfilled)


def socialised_loss(realized_profit: Any, *, loss: Any, insurance_fund: Any) -> SocialisedLoss:
    """Share a loss beyond the fund among the profits of the period.

    Parameters
    ----------
    realized_profit
        Money per account, any sign, shape ``(n_accounts,)``; losing accounts pay nothing.
    loss, insurance_fund
        Money, >= 0.

    Raises
    ------
    InputError
        If a number is out of range.

    Examples
    --------
    >>> socialised_loss([100, 300, -50], loss=120, insurance_fund=40).clawback
    array([20., 60.,  0.])
    """
    gains = np.maximum(reals(realized_profit, "realized_profit", dimensions=1), 0.0)
    lost, fund = real(loss, "loss", low=0.0), real(insurance_fund, "insurance_fund", low=0.0)
    rate, uncovered = _common_share(max(0.0, lost - fund), float(np.sum(gains)))
    return SocialisedLoss(min(lost, fund), rate, rate * gains, uncovered)


def _common_share(wanted: float, available: float) -> tuple[float, float]:
    """Share of what is available that meets what is wanted, at most 1, and what stays unmet."""
    if wanted <= 0.0 or available <= 0.0:
        return 0.0, wanted
    return min(1.0, wanted / available), max(0.0, wanted - available)


def _level(weights: FloatArray, caps: FloatArray, wanted: float) -> float:
    """Level at which the weights, each up to its cap, add up to what is wanted."""
    order = np.argsort(caps, kind="stable")
    low, heights = caps[order], weights[order]
    if wanted <= 0.0 or len(low) == 0:
        return 0.0
    before = np.concatenate([np.zeros(1), np.cumsum(low * heights)[:-1]])
    above = np.cumsum(heights[::-1])[::-1]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        levels = np.where(above > 0, (wanted - before) / above, np.inf)
    fits = np.flatnonzero(levels <= low)
    return float(max(levels[fits[0]], 0.0)) if len(fits) else float(low[-1])


def _share(seized: FloatArray, gains: FloatArray) -> FloatArray:
    """Share of the profit that was seized, 0 without profit."""
    return np.where(gains > 0, seized / np.where(gains > 0, gains, 1.0), 0.0)


def _accounts(wallet_balance: Any, unrealized_pnl: Any) -> tuple[FloatArray, FloatArray]:
    """Checked balances and profits, one of each per account."""
    balance, profit = reals(wallet_balance, "wallet_balance"), reals(unrealized_pnl, "unrealized_pnl")
    return _same(wallet_balance=balance, unrealized_pnl=profit)


def _same(**columns: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Two columns of one length."""
    (first, one), (second, other) = columns.items()
    if one.ndim != 1 or one.shape != other.shape:
        raise SchemaError(
            f"have the shapes {one.shape} and {other.shape}",
            where=f"{first}, {second}",
            allowed="one number per account in both",
        )
    return one, other


def _budget(balance: FloatArray, profit: FloatArray, severity: Any, budget: Any) -> tuple[float, float]:
    """Deficit, and the money to be raised."""
    if (severity is None) == (budget is None):
        raise PolicyError(
            "are both missing" if severity is None else "are both given",
            where="severity and budget",
            allowed="one of the two",
        )
    deficit = float(np.sum(np.maximum(-(balance + profit), 0.0)))
    if budget is not None:
        return deficit, real(budget, "budget", low=0.0)
    return deficit, real(severity, "severity", low=0.0) * deficit


def _places(order: Any, count: int) -> Any:
    """Checked places of accounts, each at most once."""
    places = reals(order, "queue_order", low=0.0, high=max(count - 1, 0), dimensions=1).astype(np.int64)
    if len(places) > count or len(np.unique(places)) != len(places) or (places != np.asarray(order)).any():
        raise InputError(
            "is no order of accounts",
            where="queue_order",
            value=order,
            allowed="each place of an account once",
        )
    return places
