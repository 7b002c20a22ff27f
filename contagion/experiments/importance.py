"""Numbers per node of a network that say how important it is, each by its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from contagion.claims import Claims
from contagion.errors import SchemaError, ValueRangeError, nearest
from contagion.measures.node_importance import criticality, impact_susceptibility
from contagion.network.network import Network
from contagion.network.spectral import spectral_radius
from contagion.network.topology import concentration, core_numbers, core_periphery, links
from contagion.propagation.single_defaults import single_defaults
from contagion.propagation.solvency.base import OnSheets
from contagion.propagation.solvency.book import Book
from contagion.propagation.solvency.distress import DebtRank, Furfine, ThresholdCascade
from contagion.shocks import Default

__all__ = ["DEFAULT", "MEASURES", "MONEY", "Importance", "Measure", "called", "measured"]

Floats = npt.NDArray[np.float64]
Measure = str | Callable[[Network], "pd.Series[float]"]


@dataclass(frozen=True)
class Importance:
    """A network as measures of importance see it: the opening balance sheets, and the model of single defaults."""

    net: Network
    model: OnSheets

    @cached_property
    def book(self) -> Book:
        """Balance sheets of the network."""
        return Book(self.net, self.net)

    @cached_property
    def claims(self) -> Claims:
        """Debts inside the network, with names."""
        return replace(self.book.opening.claims, names=self.book.names)

    @cached_property
    def equity(self) -> pd.Series[float]:
        """Face equity by name."""
        return pd.Series(self.book.opening.equity, index=self.book.names)

    @cached_property
    def cushion(self) -> pd.Series[float]:
        """Face equity by name for measures that divide by it; 1 where a node has neither claims nor equity to lose."""
        empty = (self.claims.claimed == 0.0) & (self.equity.to_numpy() == 0.0)
        return self.equity.where(~empty, 1.0)

    @cached_property
    def defaults(self) -> pd.DataFrame:
        """All single defaults: total_losses (money) and n_additional_defaults per node.

        Rounds of default and DebtRank in one batched call; other models node by node, prepared once.
        """
        known = _batched(self.model)
        if known is not None:
            return single_defaults(self.claims, equity=self.equity, **known)
        ready = self.model.prepare(self.net)
        names = ready.metric_names
        loss, failed = names.index("system_loss"), names.index("contagion_defaults")
        rows = [ready.metrics(Default([str(name)]))[[loss, failed]] for name in self.book.names]
        return pd.DataFrame(rows, columns=["total_losses", "n_additional_defaults"], index=self.book.names)


def _batched(model: OnSheets) -> dict[str, Any] | None:
    """Arguments of `single_defaults` for a model it knows."""
    if isinstance(model, Furfine):
        return {"model": "furfine", "lgd": model.lgd}
    if isinstance(model, ThresholdCascade):
        return {"model": "threshold_cascade", "lgd": model.lgd, "threshold": model.threshold}
    if isinstance(model, DebtRank):
        own: dict[str, dict[str, Any]] = {
            "single_hit": {"cap_w": model.cap_w},
            "nonlinear": {"alpha": model.alpha},
        }
        rule = {"model": f"debtrank_{model.kind}", "nonpositive_equity": "default"}
        return {**rule, **own.get(model.kind, {})}
    return None


def _debtrank(one: Importance) -> Any:
    rule = {"model": "debtrank_linear", "nonpositive_equity": "default"}
    return single_defaults(one.claims, equity=one.equity, **rule)["debtrank"]


def _degree(one: Importance) -> Any:
    found = links(one.claims)
    return found.creditors + found.debtors


def _drop(one: Importance) -> Any:
    matrix = criticality(one.claims, equity=one.cushion).vulnerability.tocsr()
    whole, n = spectral_radius(matrix), one.claims.n
    kept = (np.delete(np.arange(n), node) for node in range(n))
    return np.array([whole - (spectral_radius(matrix[rest][:, rest]) if n > 1 else 0.0) for rest in kept])


MEASURES: Final = MappingProxyType(
    {
        "default_loss": lambda one: one.defaults["total_losses"],
        "contagion_defaults": lambda one: one.defaults["n_additional_defaults"],
        "debtrank": _debtrank,
        "criticality": lambda one: criticality(one.claims, equity=one.cushion).criticality,
        "impact_susceptibility": lambda one: (
            impact_susceptibility(one.claims, equity=one.cushion).impact_susceptibility
        ),
        "claims_concentration": lambda one: concentration(one.claims).claims,
        "debts_concentration": lambda one: concentration(one.claims).debts,
        "degree": _degree,
        "core": lambda one: core_periphery(one.claims).core,
        "core_number": lambda one: core_numbers(one.claims),
        "debts": lambda one: one.claims.owed,
        "claims": lambda one: one.claims.claimed,
        "spectral_radius_drop": _drop,
    }
)
"""Name -> values in the order of nodes, larger is more important."""

DEFAULT: Final = (
    "default_loss",
    "contagion_defaults",
    "debtrank",
    "criticality",
    "impact_susceptibility",
    "claims_concentration",
    "degree",
    "core",
)

MONEY: Final = ("default_loss", "debts", "claims")


def called(measure: Measure, place: int) -> str:
    """Name of a measure.

    Raises
    ------
    SchemaError, ValueRangeError
        If it is neither a known name nor a function.
    """
    if isinstance(measure, str):
        if measure not in MEASURES:
            hint, where = nearest(measure, MEASURES), f"measures[{place}]"
            raise ValueRangeError(
                f"is unknown{hint}", where=where, value=measure, allowed=", ".join(MEASURES)
            )
        return measure
    if not callable(measure):
        allowed = "a name, or a function of a network"
        raise SchemaError("is no measure", where=f"measures[{place}]", value=measure, allowed=allowed)
    return str(getattr(measure, "__name__", f"measure {place}"))


def measured(one: Importance, measure: Measure, name: str) -> Floats:
    """Values of a measure for all nodes, shape (n,).

    Raises
    ------
    SchemaError, ValueRangeError
        If a function returns no finite number for every node; the message names the node.
    """
    if isinstance(measure, str):
        return np.asarray(MEASURES[measure](one), dtype=np.float64)
    found = measure(one.net)
    if not isinstance(found, pd.Series):
        raise SchemaError("returned no Series by node", where=f"measure {name!r}", value=type(found).__name__)
    values = pd.to_numeric(found.reindex(one.book.names), errors="coerce").to_numpy(dtype=np.float64)
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        raise ValueRangeError(
            f"has no finite number for {str(one.book.names[int(wrong[0])])!r}", where=f"measure {name!r}"
        )
    return values
