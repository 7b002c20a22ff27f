"""Who gets paid when debts have a rank? Clearing with layers of seniority, exact from above and from below.

A node pays its layers in turn; the last one it touches is its marginal layer. From above, assume that every node pays
what is senior to its marginal layer in full: a clearing problem of one rank, whose greatest solution shows who must
move to a more senior layer. Layers only move that way, hence this ends at the greatest vector. From below, nodes pay
nothing below their marginal layer, and layers only move to more junior ones.

References
----------
Elsinger (2009), Oesterreichische Nationalbank working paper 156.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contagion.arrays import FloatArray
from contagion.balance_sheets import TOLERANCE, BalanceSheets, balance_sheets
from contagion.claims import Claims, as_claims, same_labels
from contagion.errors import SchemaError
from contagion.propagation.clearing_results import ClearingVector
from contagion.propagation.clearing_sets import Debts, Problem

__all__ = ["clear_layers"]

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class _Layers:
    """Balance sheets with one layer of debts each; `due` and `before` have shape (n_layers, n)."""

    sheets: tuple[BalanceSheets, ...]
    due: FloatArray
    before: FloatArray
    size: FloatArray

    @property
    def n(self) -> int:
        return self.sheets[0].n

    @property
    def assets(self) -> FloatArray:
        return self.sheets[0].external_assets

    def marginal(self, layer: IntArray) -> Problem:
        """The problem of paying each node's marginal layer when what is senior to it is paid in full."""
        sure = self.assets - self.before[layer, np.arange(self.n)]
        debtor, creditor, amount = [], [], []
        outside = np.zeros(self.n)
        for k, sheets in enumerate(self.sheets):
            claims = sheets.claims
            full, part = layer[claims.debtor] > k, layer[claims.debtor] == k
            sure += np.bincount(claims.creditor[full], claims.amount[full], self.n)
            debtor.append(claims.debtor[part])
            creditor.append(claims.creditor[part])
            amount.append(claims.amount[part])
            outside = np.where(layer == k, sheets.external_liabilities, outside)
        owing = np.concatenate(debtor)
        order = np.argsort(owing, kind="stable")
        indptr = np.concatenate([[0], np.cumsum(np.bincount(owing, minlength=self.n))]).astype(np.int64)
        claims = Claims(indptr, np.concatenate(creditor)[order], np.concatenate(amount)[order])
        debts = Debts.of(claims, outside)
        return Problem(debts, self.size, sure, 1.0, sure, 1.0, self.sheets[0].name)

    def touched(self, have: FloatArray) -> IntArray:
        """The layer in which each node's resources end, the last one if they suffice for all."""
        short = have < self.before + self.due - TOLERANCE * self.size
        return np.where(short.any(axis=0), short.argmax(axis=0), len(self.sheets) - 1)

    def paid(self, layer: IntArray, share: FloatArray) -> FloatArray:
        """Payments by layer, shape (n_layers, n)."""
        ranks = np.arange(len(self.sheets))[:, None]
        return self.due * np.where(ranks < layer, 1.0, np.where(ranks == layer, share, 0.0))

    def resources(self, problem: Problem, layer: IntArray, share: FloatArray) -> FloatArray:
        """External assets and receipts of each node."""
        return problem.wealth + self.before[layer, np.arange(self.n)] + problem.debts.received(share)


def clear_layers(
    liabilities: Any, external_assets: Any, external_liabilities: Any, *, least: bool
) -> ClearingVector:
    """Clearing payments with layers of seniority; see `contagion.propagation.clearing.eisenberg_noe`."""
    layers = _layers(liabilities, external_assets, external_liabilities)
    return _result(layers, least)


def _result(layers: _Layers, least: bool) -> ClearingVector:
    layer, share, problem, rounds = _least(layers) if least else _greatest(layers)
    paid, have = layers.paid(layer, share), layers.resources(problem, layer, share)
    total, back = layers.due.sum(axis=0), layers.sheets[0].back
    failed = have < total - TOLERANCE * layers.size
    payments = np.where(failed, paid.sum(axis=0), total)
    kinds = [np.stack([getattr(s, kind) for s in layers.sheets]) for kind in ("external_liabilities", "due")]
    outside = np.divide(paid * kinds[0], kinds[1], out=np.zeros_like(paid), where=kinds[1] > 0.0).sum(axis=0)
    recovery = np.divide(payments, total, out=np.ones(layers.n), where=total > 0.0)
    return ClearingVector(
        payments=back(payments),
        interbank_payments=back(payments - outside),
        external_payments=back(outside),
        signed_equity=back(have - total),
        equity=back(np.where(failed, 0.0, np.maximum(have - total, 0.0))),
        defaulted=back(failed),
        recovery=back(recovery),
        external_priority="by_seniority",
        fixed_point="least" if least else "greatest",
        rounds=rounds,
        residual=problem.residual(
            share, failed & (layers.touched(have) == layer), problem.debts.received(share)
        ),
        names=layers.sheets[0].names,
        payments_by_seniority=tuple(back(row) for row in paid),
        _other=partial(_result, layers, not least),
        _waves=partial(_waves, layers),
    )


def _layers(liabilities: Any, external_assets: Any, external_liabilities: Any) -> _Layers:
    """Checked layers, all in the order of the first."""
    where = "liabilities_by_seniority", "external_liabilities_by_seniority"
    if liabilities is None or not isinstance(liabilities, Sequence) or len(liabilities) == 0:
        raise SchemaError(
            "is no list of matrices", where=where[0], allowed="one per layer, most senior first"
        )
    if external_assets is None:
        raise SchemaError("is missing", where="external_assets", allowed="one entry a node")
    outside = [None] * len(liabilities) if external_liabilities is None else external_liabilities
    if not isinstance(outside, Sequence) or len(outside) != len(liabilities):
        raise SchemaError(
            "has other length than liabilities_by_seniority", where=where[1], allowed="one vector per layer"
        )
    claims = [as_claims(matrix, f"{where[0]}[{k}]") for k, matrix in enumerate(liabilities)]
    for k in range(1, len(claims)):
        claims[k] = _like(claims[0], claims[k], f"{where[0]}[{k}]")
    sheets = tuple(
        balance_sheets(own, external_assets, debts) for own, debts in zip(claims, outside, strict=True)
    )
    due = np.stack([sheet.due for sheet in sheets])
    received = sum((sheet.claims.claimed for sheet in sheets), np.zeros(sheets[0].n))
    size = sheets[0].external_assets + due.sum(axis=0) + received
    return _Layers(sheets, due, np.cumsum(due, axis=0) - due, size)


def _like(first: Claims, other: Claims, where: str) -> Claims:
    """The same claims with nodes in the order of the first layer."""
    if other.n != first.n or (first.names is None) != (other.names is None):
        raise SchemaError(
            f"has {other.n} nodes, the first layer {first.n}", where=where, allowed="equal length and labels"
        )
    if first.names is None or other.names is None:
        return other
    same_labels(first.names, other.names, where)
    return other.reordered(np.asarray(other.names.get_indexer(first.names), dtype=np.int64))


def _greatest(layers: _Layers, paying: BoolArray | None = None) -> tuple[IntArray, FloatArray, Problem, int]:
    """From above: who cannot pay what is senior to its marginal layer moves there; some pay all in any case."""
    layer, rounds = np.full(layers.n, len(layers.sheets) - 1), 0
    while True:
        problem = layers.marginal(layer)
        if paying is not None:
            problem = replace(problem, test=np.where(paying, np.inf, problem.test))
        found = problem.greatest()
        rounds += max(1, found.rounds)
        touched = np.minimum(layer, layers.touched(layers.resources(problem, layer, found.share)))
        if paying is not None:
            touched = np.where(paying, layer, touched)
        if (touched == layer).all():
            return layer, found.share, problem, rounds
        layer = touched


def _least(layers: _Layers) -> tuple[IntArray, FloatArray, Problem, int]:
    """From below: who has more than its layers down to the marginal one moves to the next."""
    layer, rounds = layers.touched(layers.assets), 0
    share = np.zeros(layers.n)
    while True:
        problem = layers.marginal(layer)
        share = np.where(problem.debts.due > 0.0, share, 1.0)
        share, more = problem.raised(share)
        rounds += max(1, more)
        touched = np.maximum(layer, layers.touched(layers.resources(problem, layer, share)))
        if (touched == layer).all():
            return layer, share, problem, rounds
        share = np.where(touched == layer, share, 0.0)
        layer = touched


def _waves(layers: _Layers) -> list[list[int]]:
    """Positions by the round of fictitious default: who is short when nobody but those before may fail."""
    paying, total = np.ones(layers.n, dtype=bool), layers.due.sum(axis=0)
    found: list[list[int]] = []
    while True:
        layer, share, problem, _ = _greatest(layers, paying)
        have = layers.resources(problem, layer, share)
        short = paying & (have < total - TOLERANCE * layers.size)
        if not short.any():
            return found
        found.append(layers.sheets[0].places_back(np.flatnonzero(short)))
        paying &= ~short
