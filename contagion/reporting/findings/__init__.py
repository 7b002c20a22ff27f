"""Further findings of a report: what each kind is known by, and who writes its section."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

import pandas as pd

from contagion.errors import SchemaError
from contagion.reporting.blocks import Block, Section

__all__ = ["KINDS", "Kind", "check", "write"]

Writer = Callable[[Any, str], tuple[str, list[Block]]]
"""Of a finding and the unit of money: title and blocks of its section."""


@dataclass(frozen=True)
class Kind:
    """A kind of finding.

    Parameters
    ----------
    name : str
        Anchor of its section.
    made_by : str
        The function that returns it.
    writer : str
        ``module:function`` of this package that writes its section.
    home : str
        ``module:class`` of the toolkit; empty for a table.
    index : str
        Name of the table's index.
    columns : tuple of str
        Columns of numbers that a table must have.
    """

    name: str
    made_by: str
    writer: str
    home: str = ""
    index: str = ""
    columns: tuple[str, ...] = ()

    def fits(self, thing: Any) -> bool:
        """Return whether something is of this kind."""
        if self.home:
            module, _, name = self.home.partition(":")
            return isinstance(thing, getattr(import_module(f"contagion.{module}"), name))
        if not isinstance(thing, pd.DataFrame) or not set(self.columns) <= set(thing.columns):
            return False
        return not self.index or thing.index.name == self.index

    @property
    def write(self) -> Writer:
        """The function that writes its section."""
        module, _, name = self.writer.partition(":")
        found: Writer = getattr(import_module(f"{__name__}.{module}"), name)
        return found


_STAGES: Final = ("first_in", "last_in", "shapley", "share")
_SHARES: Final = ("first", "first_se", "total", "total_se")

KINDS: Final = (
    Kind("reverse", "ct.reverse_stress", "breaking:reverse", "experiments.reverse:ReverseStress"),
    Kind("likeliest", "ct.most_likely_break", "breaking:likeliest", "experiments.likeliest:BreakingShock"),
    Kind("phases", "ct.phase_diagram", "breaking:phases", "experiments.phases:PhaseDiagram"),
    Kind("breakeven", "ct.break_even", "breaking:break_even", "experiments.break_even:BreakEven"),
    Kind("choice", "ct.optimise_policy", "choosing:choice", "experiments.choice:Choice"),
    Kind("sobol", "ct.sobol", "sensitivity:sobol", "", "parameter", (*_SHARES, "points")),
    Kind("morris", "ct.morris", "sensitivity:morris", "", "parameter", ("mu", "mu_star", "sigma", "mu_star_se")),
    Kind("variance", "ct.variance_split", "sensitivity:variance", "", "source", (*_SHARES, "variance", "n")),
    Kind("interactions", "cmp.interactions", "choosing:interactions", "", "term", ("order", "effect", "low", "high")),
    Kind("attribution", "ct.attribute", "causes:players", "", "player", ("contribution", "low", "high", "share")),
    Kind("stages", "ct.attribute_stages", "causes:stages", "", "stage", _STAGES),
    Kind("accounts", "ct.account_results", "causes:accounts", "", "account", ("outside_move", "impact_own", "change")),
    Kind("margins", "ct.margin_swings", "systemic:margins", "", "", ("peak_to_trough", "rise_5_day", "breaches")),
    Kind("market", "ct.measures.market_measures", "systemic:market", "", "firm", ("mes", "delta_covar", "var_firm")),
    Kind("capital", "ct.measures.srisk_table", "systemic:capital", "", "", ("lrmes", "srisk", "share")),
    Kind("shortfall", "ct.measures.ses_table", "systemic:capital", "", "firm", ("ses", "low", "high", "share")),
    Kind("hedges", "ct.measures.hedge_table", "systemic:hedges", "", "", ("variance_reduction", "within", "n")),
    Kind("studies", "ct.compare_studies", "across:studies", "experiments.across:StudyComparison"),
)  # fmt: skip
"""Every kind of finding, in the order in which messages name them."""


def check(findings: Any) -> tuple[tuple[Kind, Any], ...]:
    """Return each finding with its kind, or refuse what is none, before anything is computed.

    Parameters
    ----------
    findings : finding, sequence of findings or None
        What the user gave.

    Raises
    ------
    SchemaError
        If one is of no kind that a report knows, or its numbers are none.
    """
    if findings is None:
        return ()
    if isinstance(findings, (str, bytes, Mapping)):
        raise SchemaError("are no list", where="findings", value=findings, allowed=_allowed())
    several = findings if isinstance(findings, Sequence) else [findings]
    alone = not isinstance(findings, Sequence)
    return tuple(
        _known(thing, "findings" if alone else f"findings[{place}]") for place, thing in enumerate(several)
    )


def _known(thing: Any, where: str) -> tuple[Kind, Any]:
    kind = next((kind for kind in KINDS if kind.fits(thing)), None)
    if kind is None:
        met = f"a table with columns {[*thing.columns]}" if isinstance(thing, pd.DataFrame) else thing
        raise SchemaError("is nothing that a report can show", where=where, value=met, allowed=_allowed())
    for column in kind.columns:
        if not pd.api.types.is_numeric_dtype(thing[column].dtype):
            raise SchemaError(
                "holds no numbers", where=f"{where}, column {column!r}", value=thing[column].dtype
            )
    return kind, thing


def _allowed() -> str:
    made = ", ".join(kind.made_by for kind in KINDS)
    return f"what one of these returned: {made}"


def write(known: Sequence[tuple[Kind, Any]], unit: str) -> list[Section]:
    """Return one section per finding, in the order given.

    Parameters
    ----------
    known : sequence of (Kind, finding)
        What `check` returned.
    unit : str
        Unit of money.
    """
    sections, seen = [], dict.fromkeys((kind.name for kind in KINDS), 0)
    for kind, thing in known:
        seen[kind.name] += 1
        number = seen[kind.name]
        title, blocks = kind.write(thing, unit)
        name = kind.name if number == 1 else f"{kind.name}-{number}"
        sections.append(Section(name, title, tuple(blocks)))
    return sections
