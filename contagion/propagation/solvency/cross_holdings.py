"""Cross-holdings as a model: failures of organisations that own one another, or values of shares and debts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.arrays import real, word
from contagion.balance_sheets import TOLERANCE
from contagion.claims import Claims
from contagion.errors import NetworkError
from contagion.network.equity import opening_equity
from contagion.policies.base import SHEET_HOOKS
from contagion.propagation.crossholdings import elliott_golub_jackson, suzuki
from contagion.propagation.solvency.base import OnSheets, waves_of
from contagion.propagation.solvency.book import READS, Book
from contagion.propagation.solvency.outcome import Outcome, Steps

if TYPE_CHECKING:
    from contagion.network import Network

__all__ = ["CrossHoldings"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class CrossHoldings(OnSheets):
    """Organisations own parts of one another.

    Parameters
    ----------
    kind
        ``elliott_golub_jackson``: creditors own a share of their debtors, in proportion to what these owe them; whose
        value falls below a threshold fails, which costs more. ``suzuki``: shares and debts are valued at once; a node
        holds shares of another by holding an asset of kind claim that the other issues, worth quantity x price of its
        opening equity, and debts by its claims.
    share
        Of ``elliott_golub_jackson``: share of each debtor that its creditors own, from 0 to below 1.
    theta
        Threshold as a share of the value before the shock, at least 0; capital that a policy puts in does not raise it.
    failure_cost
        What a failure costs, as a share of the threshold, at least 0.
    case
        ``best`` or ``worst`` equilibrium; of ``suzuki`` the greatest or the least values.

    References
    ----------
    Elliott, Golub, Jackson (2014), American Economic Review 104(10). Suzuki (2002), Journal of the Operations Research
    Society of Japan 45(2).

    Examples
    --------
    >>> import contagion as ct
    >>> net = ct.Network(
    ...     nodes=[{"name": "A", "kind": "institution", "external_assets": 10.0},
    ...            {"name": "B", "kind": "institution", "external_assets": 10.0}],
    ...     obligations=[{"debtor": "A", "creditor": "B", "amount": 4.0}])
    >>> run = ct.run(net, ct.AssetShock({"A": -0.2}), ct.CrossHoldings(theta=0.9, failure_cost=0.5))
    >>> run.nodes.index[run.nodes["defaulted"]].tolist()
    ['A', 'B']
    """

    kind: str = "elliott_golub_jackson"
    share: float = 1.0 / 3.0
    theta: float = 0.9
    failure_cost: float = 0.5
    case: str = "best"

    own_metrics: ClassVar[tuple[str, ...]] = ("failure_costs",)

    def __post_init__(self) -> None:
        """Refuse parameters out of range."""
        super().__post_init__()
        word(self.kind, "CrossHoldings.kind", ("elliott_golub_jackson", "suzuki"))
        word(self.case, "CrossHoldings.case", ("best", "worst"))
        real(self.share, "CrossHoldings.share", low=0.0, below=1.0)
        real(self.theta, "CrossHoldings.theta", low=0.0)
        real(self.failure_cost, "CrossHoldings.failure_cost", low=0.0)

    @property
    def hooks(self) -> tuple[str, ...]:  # type: ignore[override]
        """Debts are shares already and thresholds no debts: nothing is converted or lent, but by `suzuki`."""
        return SHEET_HOOKS if self.kind == "suzuki" else ()

    @property
    def reads(self) -> dict[str, tuple[str, ...]]:  # type: ignore[override]
        """Table -> columns that the model reads."""
        if self.kind == "suzuki":
            return {**READS, "assets": ("price", "kind", "issuer")}
        return {**READS, "nodes": ("cash", "external_assets")}

    def check(self, net: Network) -> None:
        """Refuse shares of others that add up to all of somebody, or of somebody worth nothing."""
        super().check(net)
        if self.kind == "suzuki":
            shares(net)

    def solve(self, book: Book, steps: Steps) -> Outcome:
        """Failures, or values, on the sheets after shock and interventions."""
        return self._values(book, steps) if self.kind == "suzuki" else self._failures(book, steps)

    def _failures(self, book: Book, steps: Steps) -> Outcome:
        """Waves of failures of Elliott, Golub and Jackson; the shock of a failing node takes all its own assets."""
        claims, n = steps.helped.claims, len(steps.helped.names)
        before = np.maximum(steps.opening.assets, 0.0)
        own = np.maximum(before - book.paid_in, 0.0)
        after = np.where(steps.forced, 0.0, np.maximum(steps.helped.assets, 0.0))
        given: dict[str, Any] = {"liabilities": claims, "cross_holding_share": self.share, "case": self.case}
        found = elliott_golub_jackson(
            after,
            theta=self.theta,
            failure_cost_fraction=self.failure_cost,
            reference_asset_values=own,
            **given,
        )
        limits = found.thresholds
        if (steps.forced & ~found.failed).any():  # what it holds of others would keep it above its threshold
            never = 2.0 * float(limits.max() + after.sum()) + 1.0
            found = elliott_golub_jackson(
                after,
                thresholds=np.where(steps.forced, never, limits),
                failure_costs=found.failure_costs,
                reference_asset_values=own,
                **given,
            )
        worth, limit = np.asarray(found.values_without_failure), np.asarray(limits)
        kept = np.divide(found.values, worth, out=np.ones(n), where=worth > 0.0)
        return Outcome(
            equity=np.asarray(found.values),
            defaulted=np.asarray(found.failed),
            wave=waves_of(found.waves, n) if self.case == "best" else np.where(found.failed, 0, -1),
            recovery=np.clip(kept, 0.0, 1.0),
            rounds=len(found.waves),
            metrics={"failure_costs": float(np.asarray(found.failure_costs)[found.failed].sum())},
            columns={"threshold": limit},
            worth=(np.asarray(found.dependency_matrix @ before), worth),
            at_once=steps.forced | (worth < limit - TOLERANCE * (worth + limit)),
        )

    def _values(self, book: Book, steps: Steps) -> Outcome:
        """Suzuki's values of shares and debts."""
        sheets, n = steps.helped, len(steps.helped.names)
        holder, issuer, fraction, worth = shares(book.net)
        moved = worth * steps.price_factors[book.net.codes("holdings", "asset")[_issued(book.net)]]
        struck = np.where(steps.forced, np.maximum(steps.shocked.equity, 0.0), 0.0)
        own = sheets.assets - struck - np.bincount(holder, moved, n)
        debt = sheets.claims.owed + sheets.debts + np.maximum(-own, 0.0)
        claims = sheets.claims
        part = Claims.from_arrays(claims.creditor, claims.debtor, claims.amount / debt[claims.debtor], n)
        found = suzuki(
            Claims.from_arrays(holder, issuer, fraction, n),
            part,
            debt,
            np.maximum(own, 0.0),
            fixed_point="greatest" if self.case == "best" else "least",
        )
        failed = np.asarray(found.defaulted | steps.forced)
        signed = np.asarray(found.total_assets) - debt
        return Outcome(
            equity=signed,
            defaulted=failed,
            wave=np.where(failed, np.where(steps.fundamental, 0, 1), -1).astype(np.int64),
            recovery=np.asarray(found.recovery),
            rounds=1,
            metrics={"failure_costs": 0.0},
        )


def _issued(net: Network) -> npt.NDArray[np.bool_]:
    """Holdings of shares of nodes: of assets of kind claim that a node issues."""
    chosen = (net.assets["kind"] == "claim") & (net.assets["issuer"] != "")
    return np.asarray(chosen.to_numpy()[net.codes("holdings", "asset")], dtype=np.bool_)


def shares(net: Network) -> tuple[Any, Any, Floats, Floats]:
    """Who holds which fraction of whose shares, and its worth at the opening: holder, issuer, fraction, money.

    Raises
    ------
    NetworkError
        If an issuer has no equity, or the fractions of one reach 1.
    """
    issued = _issued(net)
    asset = net.codes("holdings", "asset")[issued]
    holder = net.codes("holdings", "node")[issued]
    issuer = net.nodes.index.get_indexer(pd.Index(net.assets["issuer"].to_numpy(dtype=object)[asset]))
    worth = net.holdings["quantity"].to_numpy(float)[issued] * net.assets["price"].to_numpy(float)[asset]
    equity = opening_equity(net).to_numpy(float)
    for node in np.unique(issuer).tolist():
        total = float(worth[issuer == node].sum())
        if not equity[node] > total:
            raise NetworkError(
                f"shares of {net.nodes.index[node]!r} that others hold are worth {total:,.6g} at the opening, and its "
                f"equity is {equity[node]:,.6g}",
                where="holdings",
                allowed="less than all of an issuer's equity",
                remedy="lower the price of the asset or the quantities, or raise the issuer's assets",
            )
    return holder, issuer, worth / equity[issuer], worth
