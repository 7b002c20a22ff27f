"""Which inputs are facts with a source, and which are assumptions with a reason and a range."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from contagion import facts
from contagion.errors import ContagionError
from contagion.reporting import formats
from contagion.reporting.blocks import (
    Block,
    Cell,
    Fold,
    Paragraph,
    Section,
    Table,
    Tile,
    Tiles,
    number,
    table,
    words,
)
from contagion.reporting.vocabulary import RULES, plain

if TYPE_CHECKING:
    from contagion.network.network import Network
    from contagion.reporting.material import Material

TITLES = {
    "tiers": "Margin tiers",
    "schedules": "Tier tables taken from another venue",
    "open_interest": "Open interest and its split",
    "prices": "Prices and volatility",
    "depth": "Order-book depth",
    "venues": "Rules of venues",
    "population": "Accounts and institutions",
    "protocols": "Rules of protocols",
    "terms": "Terms of reserves",
    "reserves": "Sizes of reserves, prices, books and pools",
    "lending": "Borrowers, suppliers and institutions",
    "portfolios": "Institutions, their holdings and the assets",
    "european_debt": "Debts between countries and their gross domestic products",
}


def write(material: Material) -> Section:
    """Return the section on facts and assumptions.

    Parameters
    ----------
    material : Material
        What the report is written from.
    """
    checked = targets(material.network)
    if checked is None:
        text = (
            "This network was supplied by the user, or generated. Nothing in its tables carries a source or a "
            "status, so nothing here can say which of its numbers are facts; treat all of them as assumptions."
        )
        return Section("facts", "Facts against assumptions", (Paragraph(text, tone="warn"),))
    from contagion import datasets

    behind = datasets.tables_behind(material.network)
    counts = facts.counts(behind)
    total = sum(counts.values())
    blocks: list[Block] = [
        Paragraph(
            f"The network is built from {total} inputs: {counts['fact']} are facts with a published source, "
            f"{counts['assumption']} are assumptions with a reason and, where they are numbers, a range. "
            "Facts fix the rules and the totals; who holds which position with how much leverage is not "
            "published anywhere and is assumed. Treat levels as orders of magnitude and comparisons between "
            "policies as the result."
        ),
        Tiles(
            (
                Tile(
                    "Facts",
                    number(formats.count(counts["fact"]), counts["fact"]),
                    "inputs with a published source",
                ),
                Tile(
                    "Assumptions",
                    number(formats.count(counts["assumption"]), counts["assumption"]),
                    "inputs with a reason and a range",
                ),
                Tile("Largest error", _largest(checked), "of a fact read back from the network's tables"),
            )
        ),
        _by_table(behind),
        Fold("Every fact, read back from the network's tables", (_targets_table(checked),)),
        Fold(
            "Every assumption, its range and its reason",
            tuple(_assumptions(name) for name in behind if _assumed(name)),
        ),
    ]
    return Section("facts", "Facts against assumptions", tuple(blocks))


def targets(net: Network) -> pd.DataFrame | None:
    """Return facts beside the values read from the network; nothing where the facts do not describe it.

    Parameters
    ----------
    net : Network
        The network.
    """
    from contagion import datasets

    try:
        return datasets.check_facts(net)
    except (ContagionError, KeyError):
        return None


def _largest(checked: pd.DataFrame) -> Cell:
    worst = float(checked["error"].abs().max())
    return number(formats.percent(worst, decimals=2), worst)


def _by_table(behind: tuple[str, ...]) -> Table:
    rows = []
    for name in behind:
        counts = facts.counts([name])
        cells = [number(formats.count(counts[status]), counts[status]) for status in facts.STATUSES]
        rows.append([words(TITLES.get(name, name)), *cells])
    return table("Inputs by subject", ["Subject", "Facts", "Assumptions"], rows, identifier="facts-table")


def _targets_table(checked: pd.DataFrame) -> Table:
    rows = [
        [
            words(row["fact"]),
            number(f"{row['target']:,.6g}", row["target"]),
            number(f"{row['value']:,.6g}", row["value"]),
            number(formats.percent(row["error"], decimals=2), row["error"]),
            words(row["source"]),
        ]
        for _, row in checked.iterrows()
    ]
    return table("Facts", ["Fact", "Target", "In the network", "Error", "Source"], rows)


def _assumed(name: str) -> bool:
    return facts.counts([name])["assumption"] > 0


def _assumptions(name: str) -> Table:
    frame = facts.load(name)
    own = frame[frame["status"] == "assumption"]
    rows = [
        [words(_label(row)), words(_value(row)), words(_range(row)), words(row["reason"])]
        for _, row in own.iterrows()
    ]
    return table(TITLES.get(name, name), ["Assumption", "Value", "Range", "Reason"], rows)


def _label(row: Any) -> str:
    parts = [str(row.get(column, "")) for column in ("venue", "asset", "name", "side")]
    return " ".join(part.replace("_", " ") for part in parts if part and part != "nan")


def _value(row: Any) -> str:
    value = row["value"]
    text = _shown(value, str(row.get("name", "")))
    if "copied_from" in row:
        return f"{row['copied_from']} × {text}"
    unit = str(row.get("unit", ""))
    return text if unit in ("", "word", "nan") else f"{text} {unit}"


def _shown(value: Any, rule: str = "") -> str:
    try:
        return formats.amount(float(value))
    except ValueError:
        return plain(RULES.get(rule, {}), value)


def _range(row: Any) -> str:
    low, high = row.get("low", ""), row.get("high", "")
    if pd.notna(low) and pd.notna(high) and low != "" and high != "":
        return f"{_shown(low)} to {_shown(high)}"
    tables = RULES.get(str(row.get("name", "")), {})
    others = [plain(tables, other) for other in str(row.get("alternatives", "")).split(", ") if other]
    return "; ".join(others)
