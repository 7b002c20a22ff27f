"""The report: one HTML file, readable offline: what came out, what it costs, how far to trust it."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import contagion
from contagion.errors import SchemaError
from contagion.reporting import formats
from contagion.reporting.band import leverage_band

if TYPE_CHECKING:
    import pandas as pd

    from contagion.comparison import Comparison
    from contagion.reporting.blocks import Section
    from contagion.reporting.material import Material
    from contagion.results import Run

__all__ = ["leverage_band", "report"]

FOOTER = (
    "A model is not a forecast. This page holds everything it shows: it makes no request and contains no "
    "script. The same study, run again with the same versions, gives the same page."
)


def report(
    result: Comparison | Run,
    path: str | PathLike[str],
    *,
    overwrite: bool = False,
    leverage_band: pd.DataFrame | None = None,
    findings: Any = None,
) -> Path:
    """Write a self-contained report on a comparison or on one run, and on what else was found.

    Parameters
    ----------
    result : Comparison or Run
        What the report is about.
    path : str or path
        The HTML file to write.
    overwrite : bool, default False
        Whether a file that exists may be replaced.
    leverage_band : DataFrame, optional
        The study at other leverages, from ``contagion.reporting.leverage_band``; a section of its own.
    findings : sequence, optional
        Further findings, each a section of its own: what `contagion.reverse_stress`, `most_likely_break`,
        `phase_diagram`, `break_even`, `optimise_policy`, `sobol`, `morris`, `variance_split`, `attribute`,
        `attribute_stages`, `account_results`, `margin_swings`, ``measures.market_measures``,
        ``srisk_table``, ``ses_table`` or ``hedge_table``,
        `compare_studies` or ``Comparison.interactions`` returned.

    Returns
    -------
    Path
        The file written; its bytes are the same on every rerun.

    Raises
    ------
    InputError
        If the file exists and ``overwrite`` is false, its folder is missing, or it cannot be written.
    SchemaError
        If the result is neither a comparison nor a run, a finding is of no known kind, or the path is no path.

    Examples
    --------
    >>> import contagion as ct
    >>> net = ct.generate.perp_market(n_accounts=300, seed=1)
    >>> run = ct.run(net, ct.PriceShock({"BTC": -0.3}), ct.Cascade(step=60.0))
    >>> ct.report(run, "report.html", overwrite=True).name
    'report.html'
    """
    from contagion.reporting import findings as further
    from contagion.reporting import page
    from contagion.reporting.sections import controls, method

    if not isinstance(path, (str, PathLike)):
        raise SchemaError("is no path", where="path", value=path, allowed="a file name such as 'report.html'")
    target = Path(path)
    page.check_target(target, overwrite=overwrite)
    known = further.check(findings)
    material = _material(result, leverage_band)
    last: list[Callable[[Material], Section]] = [controls.write, method.write]
    sections = [write(material) for write in _chapters(material)]
    sections += further.write(known, material.unit)
    sections += [write(material) for write in last]
    page.write(target, page.render(_title(material), _subtitle(material), sections, FOOTER))
    return target


def _material(result: Comparison | Run, band: pd.DataFrame | None) -> Material:
    from contagion.comparison import Comparison
    from contagion.reporting import evidence
    from contagion.results import Run

    if isinstance(result, Comparison):
        return evidence.of_comparison(result, band)
    if isinstance(result, Run):
        return evidence.of_run(result, band)
    raise SchemaError("is no result", where="result", value=result, allowed="a Comparison or a Run")


def _chapters(material: Material) -> list[Callable[[Material], Section]]:
    """Return the writers of the sections before the findings, in reading order."""
    from contagion.reporting.sections import (
        beyond,
        cascade,
        executions,
        facts,
        fire_sales,
        frontier,
        leverage,
        network,
        policies,
        ranking,
        rules,
        scenarios,
        sheets,
        spread,
        summary,
    )

    chapters: list[Callable[[Material], Section]] = [summary.write, rules.write, facts.write, network.write]
    chapters += [scenarios.write, cascade.write, executions.write]
    chapters += [beyond.write] if beyond.spreads(material) else []
    if material.on_sheets:
        chapters = [summary.write, facts.write, sheets.write, scenarios.write, spread.write]
        chapters += [fire_sales.write] if fire_sales.sells(material) else []
    if not material.stories:  # read from a folder without its network: nothing can be run again
        chapters = [summary.write, scenarios.write]
    comparison, band = material.comparison, material.leverage_band
    if comparison is not None:
        chapters.append(lambda material: policies.write(material, comparison))
        chapters.append(lambda material: frontier.write(material, comparison))
    if material.stories and not material.on_sheets:
        chapters.append(ranking.write)
    if band is not None:
        chapters.append(lambda material: leverage.write(material, band))
    return chapters


def _title(material: Material) -> str:
    if material.on_sheets:
        one = "A shock to balance sheets and its contagion"
        return (
            one
            if material.comparison is None
            else "Contagion between balance sheets: what policies would change"
        )
    if material.comparison is None:
        return "A shock and its cascade"
    return "Cascades in a market of leveraged accounts: what policies would change"


def _subtitle(material: Material) -> str:
    from contagion.experiments.load import Absent

    net = material.network
    if material.comparison is not None and isinstance(net, Absent):
        study = material.comparison
        return (
            f"{formats.plural(study.n, 'scenario')} on {formats.plural(len(study.networks), 'network')}, read from "
            f"stored results; seed {study.seed}. Money in {material.unit}. contagion {contagion.__version__}."
        )
    size = f"{len(net.venues):,} venues, {len(net.accounts):,} margin accounts, {len(net.markets):,} markets"
    if material.on_sheets:
        size = f"{formats.plural(len(net.nodes), 'balance sheet')} and {formats.plural(len(net.obligations), 'debt')}"
    if material.comparison is None:
        return f"One run on a network of {size}. Money in {net.unit}. contagion {contagion.__version__}."
    study = material.comparison
    return (
        f"{formats.plural(study.n, 'scenario')} on {formats.plural(len(study.networks), 'network')} of {size}; "
        f"seed {study.seed}. Money in "
        f"{net.unit}. contagion {contagion.__version__}."
    )
