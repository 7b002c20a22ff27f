"""What models of balance sheets share: how they are prepared, and how a shock becomes a relative loss of equity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from contagion.arrays import real
from contagion.balance_sheets import TOLERANCE
from contagion.errors import NetworkError
from contagion.policies.base import SHEET_HOOKS
from contagion.policies.costs import SECONDS_A_YEAR
from contagion.propagation.solvency.book import READS
from contagion.propagation.solvency.outcome import Steps
from contagion.propagation.solvency.prepared import PreparedSheets
from contagion.results import money, number

if TYPE_CHECKING:
    from contagion.network import Network
    from contagion.policies.base import Policy
    from contagion.results import Run

__all__ = ["OnSheets", "relative_losses", "waves_of"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class OnSheets:
    """Base of the models of balance sheets.

    Parameters
    ----------
    horizon
        Seconds over which capital that policies lock up is priced; a year.
    """

    horizon: float = SECONDS_A_YEAR

    reads: ClassVar[dict[str, tuple[str, ...]]] = READS
    edges: ClassVar[tuple[str, ...]] = ("obligations",)
    own_metrics: ClassVar[tuple[str, ...]] = ()
    hooks: ClassVar[tuple[str, ...]] = SHEET_HOOKS

    def __post_init__(self) -> None:
        """Refuse parameters out of range."""
        real(self.horizon, f"{type(self).__name__}.horizon", low=0.0)

    def describe(self) -> str:
        """One plain sentence."""
        given = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "horizon"}
        shown = {
            key: f"{value:g}" if isinstance(value, float) else str(value) for key, value in given.items()
        }
        inside = ", ".join(f"{key} {value}".replace("_", " ") for key, value in shown.items())
        return f"{type(self).__name__} on balance sheets, {inside}."

    def prepare(self, net: Network, policies: Sequence[Policy] = ()) -> PreparedSheets:
        """Apply every policy's `opening`, read the balance sheets once, for many shocks."""
        return PreparedSheets(self, net, policies)  # type: ignore[arg-type]

    def check(self, net: Network) -> None:
        """Refuse a network that the model cannot start from: claims of different seniority, which it does not know."""
        junior = net.obligations[net.obligations["seniority"] != 1]
        if len(junior):
            raise NetworkError(
                f"has {len(junior)} claims of other seniority than 1, first {junior.iloc[0]['debtor']!r} -> "
                f"{junior.iloc[0]['creditor']!r}, which {type(self).__name__} would pay like all others",
                where="obligations seniority",
                remedy="set seniority to 1 (ct.CentralClearing(default_fund=0)), or use ct.Clearing()",
            )

    def card(self, run: Run) -> list[tuple[str, str]]:
        """What happened in a run, as label and text."""
        m, unit = run.metrics, run.unit
        failed = run.nodes[run.nodes["defaulted"] & run.nodes["counted"]].sort_values(["wave", "loss"])
        names = ", ".join(map(str, failed.index[:6])) + (", ..." if len(failed) > 6 else "")
        return [
            ("shock", run.shock.describe()),
            ("model", self.describe()),
            ("policies", "; ".join(policy.name for policy in run.policies) or "none"),
            ("loss", f"{money(m['system_loss'], unit)} beyond {money(m['direct_loss'], unit)} of direct loss "
                     f"(amplification {number(m['loss_amplification'])})"),
            ("defaults", f"{m['node_defaults']:.0f} of {int(run.nodes['counted'].sum()):,} nodes: "
                         f"{m['fundamental_defaults']:.0f} by the shock, {m['contagion_defaults']:.0f} by contagion"
                         + (f" ({names})" if names else "")),
            ("claims", f"{money(float(run.nodes['loss_on_claims'].sum()), unit)} lost on "
                       f"{money(float(run.network.obligations['amount'].sum()), unit)} inside the network"),
            ("help", f"{money(m['lent'], unit)} lent, {money(m['converted'], unit)} of debts made equity"),
            ("rounds", f"{m['rounds']:.0f}"),
        ]  # fmt: skip


def relative_losses(steps: Steps) -> tuple[Floats, Floats]:
    """Equity before losses, shape (n,), and the share of it that shock and conversions took, at least 0.

    Nodes that gained have the higher equity from the start; where there is no equity before, the share is 0. Equity
    that is left of the rounding of much larger sums is none.
    """
    before, after = steps.opening.equity, steps.helped.equity
    face = np.maximum(before, after)
    size = np.maximum(steps.opening.size, steps.helped.size)
    face = np.where(np.abs(face) <= TOLERANCE * size, 0.0, face)
    lost = np.divide(face - after, face, out=np.zeros(len(face)), where=face > 0.0)
    return face, np.asarray(np.maximum(lost, 0.0))


def waves_of(waves: Sequence[Sequence[int]], n: int) -> Integers:
    """Round in which each node fails, shape (n,), -1 for the others."""
    wave = np.full(n, -1, dtype=np.int64)
    for place, members in enumerate(waves):
        wave[list(members)] = place
    return wave
