"""Section on two studies: what differs in what they assume and in what they find."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from contagion.reporting import formats
from contagion.reporting.blocks import Block, Cell, Fold, Paragraph, Table, table, words
from contagion.reporting.figures import draw
from contagion.reporting.findings.cells import bounded, measured, plain, unit_of
from contagion.reporting.glossary import metric as entry

if TYPE_CHECKING:
    from contagion.experiments.across import StudyComparison

__all__ = ["studies"]

QUESTIONS = {"level": "the metric itself", "effect": "effect against 'none'"}
SURE = 0.05


def studies(found: StudyComparison, unit: str) -> tuple[str, list[Block]]:
    """Return title and blocks on two studies.

    Parameters
    ----------
    found : StudyComparison
        What ``contagion.compare_studies`` returned.
    unit : str
        Unit of money.
    """
    from contagion import plot

    metrics = list(dict.fromkeys(found.table["metric"]))
    label = entry(metrics[0]).label
    blocks: list[Block] = [
        Paragraph(_lead(found, metrics[0])),
        Paragraph(f"{formats.titled(found.pairing)}.", tone="" if found.paired else "warn"),
        *_left_out(found),
        _fields(found),
        draw(
            lambda axes: plot.studies(found, ax=axes),
            f"Difference of mean {label} between the studies under each policy set",
            "Lines are intervals. Circles: the metric itself; squares: what the set changes against 'none'.",
        ),
        _differences(found, metrics[0]),
    ]
    if len(metrics) > 1:
        rest = tuple(_differences(found, name) for name in metrics[1:])
        blocks.append(Fold("Every other metric (exploratory)", rest))
    return f"Two studies: {found.names[0]} and {found.names[1]}", blocks


def _lead(found: StudyComparison, metric: str) -> str:
    form, rows = entry(metric), found.table[found.table["metric"] == metric]
    clear = rows[rows["p_adjusted"] < SURE]
    if clear.empty:
        return f"No difference of mean {form.label} between the studies is clear of zero."
    told = []
    for row in clear.to_dict("records")[:3]:
        change = float(row["difference"])
        size = (
            formats.money(change, found.unit, signed=True)
            if form.form == "money"
            else form.show(change, signed=True)
        )
        what = "under" if row["what"] == "level" else "the effect of"
        told.append(f"{what} '{row['policy']}' {size}")
    more = f", and {len(clear) - 3} more" if len(clear) > 3 else ""
    return f"Mean {form.label} of {found.names[1]} minus that of {found.names[0]}: {formats.listing(told)}{more}."


def _left_out(found: StudyComparison) -> list[Block]:
    lists = [
        (name, own)
        for name, own in zip(found.names, (found.only_first, found.only_second), strict=True)
        if own
    ]
    quoted = [formats.listing([f"'{one}'" for one in own]) + f" only in {name}" for name, own in lists]
    return [Paragraph(f"Not compared: {'; '.join(quoted)}.", tone="note")] if quoted else []


def _fields(found: StudyComparison) -> Table:
    rows = [
        [words(field), words(row["first"]), words(row["second"])]
        for field, row in zip(found.differs.index, found.differs.to_dict("records"), strict=True)
    ]
    note = "" if rows else "Everything that is recorded is the same."
    columns = ["What", formats.titled(found.names[0]), formats.titled(found.names[1])]
    return table("What differs between the studies", columns, rows, note=note)


def _differences(found: StudyComparison, metric: str) -> Table:
    own: pd.DataFrame = found.table[found.table["metric"] == metric]
    rows: list[list[Cell]] = [
        [
            words(row["policy"]),
            words(QUESTIONS[str(row["what"])]),
            measured(metric, float(row["first"]), "first", of=str(row["policy"])),
            measured(metric, float(row["second"]), "second", of=str(row["policy"])),
            bounded(metric, row, ("difference", "low", "high"), of=str(row["policy"])),
            plain(row, "p_adjusted", formats.probability),
            plain(row, "n", formats.count),
            words(formats.remark(str(row["note"]))),
        ]
        for row in own.to_dict("records")
    ]
    money = unit_of(metric, found.unit)
    level = formats.percent(found.level, decimals=0)
    columns = ["Policy set", "What", f"{formats.titled(found.names[0])}, mean{money}"]
    columns += [f"{formats.titled(found.names[1])}, mean{money}", f"Difference [{level} interval]{money}"]
    columns += ["p (Holm)", "Pairs, count" if found.paired else "Smaller side, count", "Note"]
    note = f"Differences are {found.names[1]} minus {found.names[0]}."
    return table(f"Mean {entry(metric).label} in both studies", columns, rows, note=note)
