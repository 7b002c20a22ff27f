"""Clearing as a model: after the shock everybody pays what he can, at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from contagion.arrays import real, word
from contagion.claims import Claims
from contagion.errors import NetworkError
from contagion.propagation.clearing import eisenberg_noe, rogers_veraart
from contagion.propagation.solvency.base import OnSheets, waves_of
from contagion.propagation.solvency.book import READS, Book
from contagion.propagation.solvency.outcome import Outcome, Steps

if TYPE_CHECKING:
    from contagion.network import Network

__all__ = ["Clearing"]


@dataclass(frozen=True)
class Clearing(OnSheets):
    """Eisenberg-Noe clearing, with default costs that of Rogers and Veraart.

    A node that the shock lets fail loses its face equity and bears the costs of default on what it has left.

    Parameters
    ----------
    alpha, beta
        Shares of external assets and of receipts inside the network that a defaulter keeps, 0 to 1; 1 and 1: no costs.
    external_priority
        ``pari_passu``: external creditors share like everybody; ``senior``: they are paid first.
    fixed_point
        ``greatest`` (the orderly outcome) or ``least`` clearing vector.

    References
    ----------
    Eisenberg, Noe (2001), Management Science 47(2). Rogers, Veraart (2013), Management Science 59(4). Elsinger (2009),
    Oesterreichische Nationalbank working paper 156, for seniorities.

    Examples
    --------
    >>> import contagion as ct
    >>> net = ct.Network(
    ...     nodes=[{"name": "A", "kind": "institution", "external_assets": 5.0},
    ...            {"name": "B", "kind": "institution", "external_assets": 1.0}],
    ...     obligations=[{"debtor": "A", "creditor": "B", "amount": 4.0}])
    >>> run = ct.run(net, ct.AssetShock({"A": -0.4}), ct.Clearing())
    >>> float(run.metrics["system_loss"]), run.nodes.index[run.nodes["defaulted"]].tolist()
    (1.0, ['A'])
    """

    alpha: float = 1.0
    beta: float = 1.0
    external_priority: str = "pari_passu"
    fixed_point: str = "greatest"

    reads: ClassVar[dict[str, tuple[str, ...]]] = {**READS, "obligations": ("amount", "seniority")}
    own_metrics: ClassVar[tuple[str, ...]] = ("unpaid", "external_loss", "default_costs")

    def __post_init__(self) -> None:
        """Refuse parameters out of range."""
        super().__post_init__()
        for name in ("alpha", "beta"):
            real(getattr(self, name), f"Clearing.{name}", low=0.0, high=1.0)
        word(self.external_priority, "Clearing.external_priority", ("pari_passu", "senior"))
        word(self.fixed_point, "Clearing.fixed_point", ("greatest", "least"))

    def describe(self) -> str:
        """One plain sentence."""
        costs = (
            "without default costs"
            if self.alpha == self.beta == 1.0
            else f"a defaulter keeps {100 * self.alpha:g} % of external assets and {100 * self.beta:g} % of receipts"
        )
        rank = self.external_priority.replace("_", " ")
        return f"Clearing at the {self.fixed_point} vector, external creditors {rank}, {costs}."

    def check(self, net: Network) -> None:
        """Refuse several seniorities with default costs, for which there is no rule."""
        if net.obligations["seniority"].nunique() > 1 and (self.alpha < 1.0 or self.beta < 1.0):
            raise NetworkError(
                "has several seniorities, which are cleared without default costs only",
                where="obligations seniority",
                remedy="ct.Clearing(alpha=1, beta=1), or one seniority",
            )

    def solve(self, book: Book, steps: Steps) -> Outcome:
        """Clearing payments on the sheets after shock and interventions."""
        sheets = steps.helped
        struck = np.where(steps.forced, np.maximum(steps.shocked.equity, 0.0), 0.0)
        hit = type(sheets)(sheets.names, sheets.claims, sheets.assets - struck, sheets.debts)
        assets, debts = hit.whole
        found = self._cleared(book, steps, hit.claims, assets, debts)
        failed = found.defaulted | steps.forced
        inside = found.interbank_payments
        recovery = np.divide(
            inside, sheets.claims.owed, out=np.ones(len(assets)), where=sheets.claims.owed > 0.0
        )
        unpaid = float((sheets.claims.owed - inside).sum())
        outside = found.payments - inside
        return Outcome(
            equity=np.asarray(found.signed_equity),
            defaulted=np.asarray(failed),
            wave=self._waves(found.waves, steps, len(assets)),
            recovery=recovery,
            rounds=len(found.waves),
            metrics={
                "unpaid": unpaid,
                "external_loss": float((debts - outside).sum()),
                "default_costs": self._costs(found, assets, hit.claims, inside),
            },
            columns={"paid_inside": inside, "paid_outside": outside},
            unpaid=self._unpaid(book, steps, hit.claims, debts, found) if book.n_seniorities > 1 else None,
        )

    def _waves(self, waves: Any, steps: Steps, n: int) -> Any:
        """Round in which each node fails; who fails in the least vector alone, for want of a first payer, not in 0."""
        wave = waves_of(waves, n)
        late = (wave == 0) & ~steps.fundamental & (steps.helped.equity >= 0.0)
        return np.where(steps.forced, 0, np.where(late, 1, wave))

    def _cleared(self, book: Book, steps: Steps, claims: Any, assets: Any, debts: Any) -> Any:
        if book.n_seniorities > 1:
            inside, outside = self._layers(book, steps, claims, debts)
            return eisenberg_noe(
                external_assets=assets,
                liabilities_by_seniority=inside,
                external_liabilities_by_seniority=outside,
                fixed_point=self.fixed_point,
            )
        words = {"external_priority": self.external_priority, "fixed_point": self.fixed_point}
        if self.alpha == self.beta == 1.0:
            return eisenberg_noe(claims, assets, debts, **words)
        return rogers_veraart(
            claims,
            assets,
            debts,
            alpha=self.alpha,
            beta=self.beta,
            initial_defaults=np.flatnonzero(steps.forced),
            **words,
        )

    def _layers(self, book: Book, steps: Steps, claims: Any, debts: Any) -> tuple[list[Any], list[Any]]:
        """Debts by seniority, 1 first; external creditors share with the first, or come before it."""
        table, n = book.net.obligations, len(debts)
        debtor, creditor = book.net.codes("obligations", "debtor"), book.net.codes("obligations", "creditor")
        owed = book.claims.owed
        kept = np.divide(claims.owed, owed, out=np.ones(n), where=owed > 0.0)
        amount, level = table["amount"].to_numpy(float) * kept[debtor], table["seniority"].to_numpy()
        inside = []
        for step in np.unique(level):
            at = level == step
            inside.append(Claims.from_arrays(debtor[at], creditor[at], amount[at], n))
        outside = [debts, *(np.zeros(n) for _ in inside[1:])]
        if self.external_priority == "senior":
            inside, outside = (
                [Claims.from_arrays([], [], [], n), *inside],
                [debts, *(np.zeros(n) for _ in inside)],
            )
        return inside, outside

    def _unpaid(self, book: Book, steps: Steps, claims: Any, debts: Any, found: Any) -> Any:
        """Money lost on each claim where claims on a debtor have several ranks, in the order of the claims."""
        n = len(debts)
        keys = claims.debtor * n + claims.creditor
        lost = np.zeros(len(keys))
        inside, outside = self._layers(book, steps, claims, debts)
        for layer, further, paid in zip(inside, outside, found.payments_by_seniority, strict=True):
            due = np.bincount(layer.debtor, layer.amount, n) + further
            short = found.defaulted & (due > 0.0)
            share = np.divide(paid, due, out=np.ones(n), where=short)
            place = np.searchsorted(keys, layer.debtor * n + layer.creditor)
            lost[place] += layer.amount * (1.0 - share[layer.debtor])
        return lost

    def _costs(self, found: Any, assets: Any, claims: Any, inside: Any) -> float:
        """What defaults destroyed: the shares of assets and receipts that defaulters do not keep."""
        share = np.divide(inside, claims.owed, out=np.zeros(len(assets)), where=claims.owed > 0.0)
        got = np.bincount(claims.creditor, claims.amount * share[claims.debtor], len(assets))
        lost = (1.0 - self.alpha) * assets + (1.0 - self.beta) * got
        return float(lost[found.defaulted].sum())
