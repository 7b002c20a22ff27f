"""Who caused the losses: venues and nodes ranked by the loss that started with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from contagion.reporting import formats
from contagion.reporting.blocks import Block, Paragraph, Section, Table, number, table, words
from contagion.reporting.vocabulary import NODE_KINDS, plain

if TYPE_CHECKING:
    from contagion.reporting.material import Material, Story

LONGEST = 15


def write(material: Material) -> Section:
    """Return the section on causes.

    Parameters
    ----------
    material : Material
        What the report is written from.
    """
    told = formats.listing([f"the {story.label}" for story in material.stories])
    blocks: list[Block] = [
        Paragraph(
            "Loss caused is what forced trades that began with a venue or node made others trade, what tokens "
            "lost because it, their issuer, cannot cover them, and what creditors and customers are not paid after "
            f"its failure, in {told}. The share of a price move made by "
            "earlier forced flows is charged to those who sent them. It ranks where the damage passed through, "
            "which is not the same as who was at fault."
        ),
        _venues(material),
        _nodes(material),
    ]
    return Section("ranking", "Venues and nodes by loss caused", tuple(blocks))


def _venues(material: Material) -> Table:
    caused = _beside(material.stories, "venues")
    last = material.stories[-1].run.venues
    rows = []
    for name in caused.index:
        own = last.loc[name]
        cells = [number(formats.amount(value), value) for value in caused.loc[name]]
        for column in ("liquidated_notional", "adl_notional", "bad_debt", "fund_used", "uncovered"):
            cells.append(number(formats.amount(own[column]), own[column]))
        rows.append([words(name), *cells, words(_failed(own["failed_at"]))])
    columns = ["Venue", *_headings(material)]
    columns += [
        f"{title}, {material.stories[-1].label}"
        for title in ("Liquidated", "Deleveraged (ADL)", "Bad debt", "Fund used", "Uncovered")
    ]
    columns.append("Failed")
    return table(f"Venues, {material.unit}", columns, rows, identifier="venue-ranking")


def _nodes(material: Material) -> Table:
    caused = _beside(material.stories, "nodes")
    caused = caused[(caused > 0.0).any(axis=1)].head(LONGEST)
    last = material.stories[-1].run.nodes
    rows = []
    for name in caused.index:
        own = last.loc[name]
        cells = [number(formats.amount(value), value) for value in caused.loc[name]]
        rows.append(
            [
                words(name),
                words(plain(NODE_KINDS, own["kind"])),
                *cells,
                number(formats.amount(own["loss"]), own["loss"]),
                words(_failed(own["failed_at"])),
            ]
        )
    columns = [
        "Node",
        "Kind",
        *_headings(material),
        f"Own loss beyond the shock, {material.stories[-1].label}",
        "Failed",
    ]
    note = (
        f"At most {LONGEST} nodes, those with the largest loss caused; nodes that caused none are left out."
    )
    return table(f"Nodes, {material.unit}", columns, rows, note=note, identifier="node-ranking")


def _headings(material: Material) -> list[str]:
    return [f"Loss caused, {story.label}" for story in material.stories]


def _beside(stories: tuple[Story, ...], which: str) -> pd.DataFrame:
    """Return the loss caused in each story side by side, the largest of the last story first."""
    columns = {story.label: getattr(story.run, which)["loss_caused"] for story in stories}
    frame = pd.DataFrame(columns).fillna(0.0).sort_index()
    return frame.sort_values(list(columns)[::-1], ascending=False, kind="stable")


def _failed(time: float) -> str:
    return f"after {formats.seconds(time)}" if pd.notna(time) else "no"
