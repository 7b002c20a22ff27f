"""How the cascade ran, round by round, in the median scenario and in a bad one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from contagion.reporting import formats
from contagion.reporting.blocks import (
    Block,
    Cell,
    Fold,
    Heading,
    Paragraph,
    Section,
    Table,
    Tile,
    Tiles,
    number,
    table,
    words,
)
from contagion.reporting.figures import draw
from contagion.reporting.formats import titled
from contagion.reporting.glossary import metric as entry
from contagion.reporting.vocabulary import EVENTS, plain

if TYPE_CHECKING:
    from contagion.reporting.material import Material, Story
    from contagion.results import Run

HEADLINES = (
    "direct_loss",
    "system_loss",
    "liquidated_notional",
    "adl_notional",
    "bad_debt",
    "fund_used",
    "price_drop_max",
    "branching_ratio",
)
ROUND_COLUMNS = (
    ("liquidated_notional", "Liquidated"),
    ("adl_notional", "Deleveraged (ADL)"),
    ("deferred_notional", "Deferred"),
    ("bad_debt", "Bad debt"),
    ("fund_total", "Funds"),
    ("margin_called", "Margin called"),
    ("margin_posted", "Margin posted"),
)
LONGEST = 60


def write(material: Material) -> Section:
    """Return the section that tells each run in full.

    Parameters
    ----------
    material : Material
        What the report is written from.
    """
    blocks: list[Block] = []
    for story in material.stories:
        blocks += _tell(story, material)
    return Section("cascade", "How the cascade ran", tuple(blocks))


def _tell(story: Story, material: Material) -> list[Block]:
    from contagion import plot

    run = story.run
    label = story.label
    return [
        Heading(titled(label)),
        Paragraph(f"{story.choice} {_course(run, material)}"),
        Tiles(tuple(_tile(run, name, material) for name in HEADLINES)),
        draw(
            lambda axes: plot.rounds(run, ax=axes),
            f"Money liquidated, deleveraged and deferred in each round of the {label}",
            f"The {label}, round by round; of each asset the market where most was liquidated.{_lowest(run)}",
        ),
        draw(
            lambda axes: plot.cascade(run, ax=axes),
            f"Who hit whom in the {label}",
            f"Who hit whom in the {label}: ribbons run from who set off forced trades (outside: the shock "
            "itself) to who was hit, as wide as the money.",
            height=5.5,
        ),
        _events(run, label, material.unit),
        Fold(f"Rounds of the {label}", (_rounds(run, label, material.unit),)),
    ]


def _lowest(run: Run) -> str:
    """Which market fell most, which the picture need not show."""
    falls = run.markets["largest_fall"].dropna()
    if not (falls > 0.0).any():
        return ""
    return f" The largest fall, {formats.percent(float(falls.max()))}, was that of {falls.idxmax()}."


def _course(run: Run, material: Material) -> str:
    values = run.metrics
    first = run.accounts["first_trigger"].min()
    end = float(run.rounds["time"].iloc[-1]) if len(run.rounds) else 0.0
    forced = float(values["liquidated_notional"]) + float(values["adl_notional"])
    if forced == 0.0:
        return f"No account had to be closed; the run ended after {formats.seconds(end)}."
    accounts = formats.plural(float(values["liquidated_accounts"]), "account")
    text = (
        f"The first account fell below its maintenance margin after {formats.seconds(first)}; {accounts} "
        f"were closed at least in part, {material.money(values['liquidated_notional'])} in the market and "
        f"{material.money(values['adl_notional'])} against winners. The run ended after "
        f"{formats.seconds(end)}, {formats.plural(float(values['rounds']), 'round')}"
    )
    left = float(values["deferred_notional"])
    return text + (
        f", with {material.money(left)} still waiting to be sold."
        if left > 0.0
        else ", with nothing left to sell."
    )


def _tile(run: Run, name: str, material: Material) -> Tile:
    form = entry(name)
    value = float(run.metrics[name])
    text = material.money(value) if form.form == "money" else form.show(value)
    return Tile(titled(form.label), number(text, value, metric=name), form.meaning)


def _events(run: Run, label: str, unit: str) -> Table:
    rows = []
    for kind, own in run.events.groupby("kind", sort=False):
        money = float(own["money"].abs().sum())
        cause = float((own["cause"] * own["money"].abs()).sum() / money) if money > 0.0 else float("nan")
        accounts = int(own.loc[own["account"] != "", "account"].nunique())
        first, last = float(own["time"].min()), float(own["time"].max())
        rows.append(
            [
                words(plain(EVENTS, kind)),
                number(formats.count(len(own)), len(own)),
                number(formats.count(accounts), accounts),
                number(formats.amount(money), money),
                number(formats.percent(cause), cause),
                number(formats.seconds(first), first),
                number(formats.seconds(last), last),
            ]
        )
    columns = [
        "Event",
        "Times",
        "Account rows",
        f"Money, {unit}",
        "Caused by earlier forced trades",
        "First",
        "Last",
    ]
    note = (
        "The share caused by earlier forced trades is the part of the triggering price move that forced "
        "trades of earlier rounds made; the rest came from outside."
    )
    return table(f"Events of the {label}", columns, rows, note=note)


def _rounds(run: Run, label: str, unit: str) -> Table:
    shown = busiest(run.rounds)
    rows = [_round(position, row) for position, row in shown.iterrows()]
    columns = ["Round", "Time", *(title for _, title in ROUND_COLUMNS), "Accounts acting", "Markets shut"]
    total = len(run.rounds)
    note = f"The {len(shown)} of {total} rounds in which most money moved." if len(shown) < total else ""
    return table(f"Rounds of the {label}, {unit}", columns, rows, note=note)


def busiest(rounds: pd.DataFrame) -> pd.DataFrame:
    """Return at most sixty rounds, in order: those in which most money moved.

    Parameters
    ----------
    rounds : DataFrame
        ``Run.rounds``.
    """
    if len(rounds) <= LONGEST:
        return rounds
    moved = rounds[["liquidated_notional", "adl_notional", "margin_posted"]].sum(axis=1)
    kept = moved.sort_values(ascending=False, kind="stable").index[:LONGEST]
    return rounds.loc[sorted(kept)]


def _round(position: object, row: pd.Series) -> list[Cell]:
    cells = [words(position), number(formats.seconds(row["time"]), row["time"])]
    cells += [number(formats.amount(row[name]), row[name]) for name, _ in ROUND_COLUMNS]
    cells += [number(formats.count(row[name]), row[name]) for name in ("liquidations", "halted_markets")]
    return cells
