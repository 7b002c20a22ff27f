"""Valuation before default as a model: NEVA with a valuation function of the literature or one's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from contagion.arrays import real, word
from contagion.errors import InputError, NetworkError
from contagion.propagation.neva import neva
from contagion.propagation.solvency.base import OnSheets
from contagion.propagation.solvency.book import Book, Sheets
from contagion.propagation.solvency.outcome import Outcome, Steps
from contagion.propagation.valuations import (
    BlackCox,
    EisenbergNoe,
    Furfine,
    FurfineMerton,
    LinearDebtRank,
    Merton,
)

if TYPE_CHECKING:
    from contagion.network import Network

__all__ = ["NEVA"]

WORDS = ("eisenberg_noe", "furfine", "linear_debtrank", "merton", "black_cox", "furfine_merton")
VOLATILE = ("merton", "black_cox", "furfine_merton")


@dataclass(frozen=True)
class NEVA(OnSheets):
    """Claims are worth what their debtors' equity says, everywhere at once.

    Parameters
    ----------
    valuation
        ``eisenberg_noe``, ``furfine``, ``linear_debtrank``, ``merton``, ``black_cox``, ``furfine_merton``, or a
        function ``(equity, books) -> worth of claims on each node``, shape (n,), within [0, 1], never falling in
        equity.
    sigma, sigma_equity
        One of them for ``merton``, ``black_cox``, ``furfine_merton``: volatility of external assets to maturity, or of
        equity (then of assets as sigma_equity x equity / external assets before the shock); above 0.
    recovery
        Share in [0, 1] of what creditors get in default, of the rules that have one.

    References
    ----------
    Barucca et al. (2020), Mathematical Finance 30(4). Bardoscia et al. (2019), Journal of Economic Dynamics and
    Control 103, for Black and Cox.

    Examples
    --------
    >>> import contagion as ct
    >>> net = ct.Network(
    ...     nodes=[{"name": "A", "kind": "institution", "external_assets": 5.0},
    ...            {"name": "B", "kind": "institution", "external_assets": 1.0}],
    ...     obligations=[{"debtor": "A", "creditor": "B", "amount": 4.0}])
    >>> run = ct.run(net, ct.AssetShock({"A": -0.4}), ct.NEVA("eisenberg_noe"))
    >>> float(run.metrics["system_loss"])
    1.0
    """

    valuation: str | Callable[..., Any] = "merton"
    sigma: float | None = None
    sigma_equity: float | None = None
    recovery: float = 1.0

    own_metrics: ClassVar[tuple[str, ...]] = ("claims_lost",)

    def __post_init__(self) -> None:
        """Refuse parameters out of range, and volatilities that nothing reads."""
        super().__post_init__()
        if not callable(self.valuation):
            word(self.valuation, "NEVA.valuation", WORDS)
        real(self.recovery, "NEVA.recovery", low=0.0, high=1.0)
        given = [name for name in ("sigma", "sigma_equity") if getattr(self, name) is not None]
        volatile = self.valuation in VOLATILE
        if len(given) != int(volatile):
            raise InputError(
                "are given" if given else "are missing",
                where="NEVA.sigma, NEVA.sigma_equity",
                value=given,
                allowed=f"one of them for {', '.join(VOLATILE)}, none for other valuations",
            )
        for name in given:
            real(getattr(self, name), f"NEVA.{name}", above=0.0)

    def check(self, net: Network) -> None:
        """Refuse nodes without external assets where their volatility is asked for, and without equity to share."""
        super().check(net)
        sheets = Book(net, net).opening
        if self.valuation in VOLATILE:
            _need(sheets.assets, sheets, "assets outside the network, whose volatility is asked for")
        if self.valuation == "linear_debtrank":
            _need(sheets.equity, sheets, "equity, whose relative loss is passed on")

    def solve(self, book: Book, steps: Steps) -> Outcome:
        """Greatest solution on the sheets after shock and interventions."""
        sheets = steps.helped
        struck = np.where(steps.forced, np.maximum(steps.shocked.equity, 0.0), 0.0)
        hit = type(sheets)(sheets.names, sheets.claims, sheets.assets - struck, sheets.debts)
        assets, debts = hit.whole
        lost = steps.opening.equity - hit.equity
        face = hit.equity + lost
        share = np.divide(lost, face, out=np.zeros(len(face)), where=face != 0.0)
        before = assets + share * face
        found = neva(sheets.claims, np.maximum(before, 0.0), debts, valuation=self._function(), shock=share)
        worth = np.asarray(found.valuation)
        failed = found.defaulted | steps.forced
        written_off = sheets.claims.amount * (1.0 - worth[sheets.claims.debtor])
        return Outcome(
            equity=np.asarray(found.signed_equity),
            defaulted=np.asarray(failed),
            wave=np.where(failed, np.where(steps.fundamental, 0, 1), -1).astype(np.int64),
            recovery=worth,
            rounds=int(found.rounds),
            metrics={"claims_lost": float(written_off.sum())},
            columns={"first_round_equity": np.asarray(found.signed_equity_first_round)},
        )

    def _function(self) -> Any:
        """The valuation in the engine's terms."""
        if callable(self.valuation):
            return self.valuation
        if self.valuation in VOLATILE:
            kinds: dict[str, type[Merton] | type[BlackCox] | type[FurfineMerton]] = {
                "merton": Merton,
                "black_cox": BlackCox,
                "furfine_merton": FurfineMerton,
            }
            return kinds[self.valuation](self.sigma, self.sigma_equity, self.recovery)
        if self.valuation == "furfine":
            return Furfine(self.recovery)
        return LinearDebtRank() if self.valuation == "linear_debtrank" else EisenbergNoe()


def _need(money: Any, sheets: Sheets, what: str) -> None:
    bare = np.flatnonzero(money <= 0.0)
    if len(bare):
        raise NetworkError(
            f"{len(bare)} nodes have no {what}, first {sheets.names[int(bare[0])]!r}",
            where="nodes",
            remedy="give them cash or external_assets, or take another valuation",
        )
