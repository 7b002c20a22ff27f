"""Can these numbers be believed: placebo, negative control, step size, ledger, failed scenarios."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from contagion.measures.study import untouched
from contagion.reporting import formats
from contagion.reporting.blocks import Block, Cell, Paragraph, Section, Table, number, table, words
from contagion.reporting.glossary import metric as entry
from contagion.reporting.material import NONE, PLACEBO

if TYPE_CHECKING:
    from contagion.comparison import Comparison
    from contagion.reporting.material import Control, Material, Story


def write(material: Material) -> Section:
    """Return the section on controls.

    Parameters
    ----------
    material : Material
        What the report is written from.
    """
    rows = [ledger_row(material.stories)] if material.stories and not material.on_sheets else []
    if material.stories and material.on_sheets:
        rows = [claims_row(material.stories, material.unit)]
    if material.comparison is not None:
        unreachable = (
            [unreachable_row(material.comparison)] if untouched(material.comparison.policies) else []
        )
        rows = [placebo_row(material.comparison), *unreachable, *rows, _failures(material.comparison)]
    if material.control is not None:
        rows.insert(0, control_row(material.control, material.unit))
    blocks: list[Block] = [
        Paragraph(
            "Checks whose outcome is known in advance. If one of them failed, no other number here could be "
            "trusted."
        ),
        table(
            "Controls",
            ["Check", "What must come out", "What came out", "Verdict"],
            rows,
            identifier="controls",
        ),
    ]
    if not material.stories:
        text = (
            "Ledger, negative control and step size need runs, and the stored results hold no network to run on: they "
            "were not looked at here. Read the results together with their network for a full report."
        )
        blocks.append(Paragraph(text, tone="warn"))
    if material.step_check is not None:
        blocks += _steps(material.step_check, material.unit)
    return Section("controls", "Controls", tuple(blocks))


def placebo_gap(comparison: Comparison) -> tuple[int, int, float]:
    """Compare the placebo, a policy that does nothing, with 'none', number by number.

    Parameters
    ----------
    comparison : Comparison
        The comparison.

    Returns
    -------
    unequal, total : int
        How many numbers differ, of how many.
    worst : float
        The largest difference.
    """
    frame = comparison.to_frame().set_index("scenario")
    names = comparison.metric_names
    base, own = (frame.loc[frame["policy"] == name, names] for name in (NONE, PLACEBO))
    base, own = base.align(own, join="inner")
    same = (base == own) | (base.isna() & own.isna())
    worst = float((own - base).abs().fillna(0.0).to_numpy().max(initial=0.0))
    return int((~same).to_numpy().sum()), same.size, worst


def placebo_row(comparison: Comparison) -> list[Cell]:
    """Return the line on the placebo.

    Parameters
    ----------
    comparison : Comparison
        The comparison.
    """
    unequal, total, worst = placebo_gap(comparison)
    found = f"{unequal:,} of {total:,} numbers differ; largest difference {formats.three_figures(worst)}"
    expected = "every metric of every scenario equal to 'none', to the last bit"
    return _line("Placebo policy", expected, found, unequal == 0)


def unreachable_row(comparison: Comparison) -> list[Cell]:
    """Return the line on the metric that rules which only act during a run cannot reach.

    Parameters
    ----------
    comparison : Comparison
        The comparison.
    """
    table = comparison.controls()
    table = table[table["control"] != "placebo"]
    unequal, total = int(table["unequal"].sum()), int(table["n"].sum())
    found = f"{unequal:,} of {total:,} numbers differ, in {len(table):,} policy sets"
    expected = "direct loss equal to 'none' under sets without rules at the opening, to the last bit"
    return _line("Metric out of reach", expected, found, unequal == 0)


def control_row(control: Control, unit: str) -> list[Cell]:
    """Return the line on the negative control.

    Parameters
    ----------
    control : Control
        Its outcome.
    unit : str
        Unit of money.
    """
    moved = [
        f"{entry(name).label} {entry(name).show(value, signed=True)}"
        for name, value in control.differences.items()
        if value != 0.0
    ]
    found = (
        f"differences: {formats.listing(moved)}" if moved else "no difference in any of the metrics compared"
    )
    expected = (
        "in the static limit (one gap, no clocks, full closing, no recovery) a halt of all markets at once "
        "changes the path, not the end"
    )
    return _line("Negative control", expected, found, control.passed)


def claims_row(stories: tuple[Story, ...], unit: str) -> list[Cell]:
    """Return the line on claims: what creditors lose is what debtors do not pay, and nobody ends below nothing.

    Parameters
    ----------
    stories : tuple of Story
        The runs whose tables are added up.
    unit : str
        Unit of money.
    """
    gap, total, lowest = 0.0, 0.0, 0.0
    for story in stories:
        nodes, claims = story.run.nodes, story.run.attribution
        sums = [
            float(values.sum()) for values in (nodes["loss_on_claims"], nodes["loss_caused"], claims["loss"])
        ]
        gap, total = max(gap, max(sums) - min(sums)), max(total, *sums)
        lowest = min(lowest, float(nodes["closing_equity"].min()))
    found = f"largest difference {formats.money(gap, unit)} of {formats.money(total, unit)}; lowest equity "
    found += formats.money(lowest, unit)
    expected = (
        "creditors lose inside the network what debtors there do not pay, and nobody's equity ends below 0"
    )
    return _line("Claims", expected, found, gap <= 1e-9 * max(total, 1.0) and lowest == 0.0)


def ledger_row(stories: tuple[Story, ...]) -> list[Cell]:
    """Return the line on the ledger, whose postings cancel exactly in every round.

    Parameters
    ----------
    stories : tuple of Story
        The runs whose ledgers are added up.
    """
    worst, postings = 0, 0
    for story in stories:
        ledger = story.run.ledger
        postings += len(ledger)
        if len(ledger):
            worst = max(worst, int(ledger.groupby(["round", "instrument"])["amount"].sum().abs().max()))
    found = f"{postings:,} postings; largest sum {worst:,}"
    return _line("Ledger", "postings sum to exactly 0 per round and instrument", found, worst == 0)


def _failures(comparison: Comparison) -> list[Cell]:
    failed = len(comparison.errors)
    total = len(comparison.to_frame())
    missing = len(comparison.missing)
    found = f"{failed:,} of {total:,} runs failed, {missing:,} not reached"
    return _line(
        "Failed runs", "none; failed runs have no numbers and are counted here", found, failed + missing == 0
    )


def _line(check: str, expected: str, found: str, passed: bool) -> list[Cell]:
    verdict = words("passed", tone="help") if passed else words("FAILED", tone="harm")
    return [words(check), words(expected), words(found), verdict]


def _steps(frame: pd.DataFrame, unit: str) -> list[Block]:
    step = float(frame.attrs["step"])
    flagged = [entry(str(name)).label for name in frame.index[frame["flagged"]]]
    blocks: list[Block] = [_step_table(frame, step, unit)]
    if flagged:
        text = (
            f"Step size matters here: halving the round once more changes {formats.listing(flagged)} by more "
            "than 10 %. Read those numbers as orders of magnitude, or run the study with a smaller step."
        )
        blocks.append(Paragraph(text, tone="warn"))
    else:
        blocks.append(Paragraph("The last halving changes no headline number by more than 10 %."))
    return blocks


def _step_table(frame: pd.DataFrame, step: float, unit: str) -> Table:
    rows = []
    for name, row in frame.iterrows():
        form = entry(str(name))
        values = [number(form.show(row[column]), row[column]) for column in ("value", "half", "quarter")]
        changes = [
            number(formats.percent(row[column], signed=True), row[column])
            for column in ("change_half", "change_quarter")
        ]
        rows.append([words(form.label), *values, *changes])
    times = [formats.seconds(step / parts) for parts in (1.0, 2.0, 4.0)]
    columns = [
        "Metric",
        *(f"Step {time}" for time in times),
        "Change, first halving",
        "Change, second halving",
    ]
    return table(f"The median scenario with shorter rounds, {unit}", columns, rows, identifier="step-table")
