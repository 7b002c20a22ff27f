"""How failures spread: wave by wave, through which channel, who lost and on whom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from contagion.errors import ContagionError
from contagion.reporting import formats
from contagion.reporting.blocks import (
    Block,
    Cell,
    Fold,
    Heading,
    Paragraph,
    Points,
    Section,
    Table,
    Tiles,
    number,
    table,
    words,
)
from contagion.reporting.figures import draw
from contagion.reporting.formats import titled
from contagion.reporting.sections import sheet_summary
from contagion.reporting.vocabulary import NODE_KINDS, SHEET_MODELS, plain

if TYPE_CHECKING:
    from contagion.reporting.material import Material, Story
    from contagion.results import Run

LONGEST = 12
RANKINGS = (
    ("loss", "Who lost most in the {}", "losers"),
    ("loss_caused", "Whose failure cost most in the {}", "causes"),
)
"""Column of nodes, caption and name of a table of the heaviest."""
FIXED_POINTS = {"fixed_point": ("greatest", "least"), "case": ("best", "worst")}
"""Field of a model that chooses among its fixed points -> its words."""
MOST_ROUNDS = 60


def write(material: Material) -> Section:
    """Return the section that tells each run in full.

    Parameters
    ----------
    material : Material
        What the report is written from.
    """
    blocks: list[Block] = [_model(material.stories[-1].run, material)]
    for story in material.stories:
        blocks += _tell(story, material)
    return Section("cascade", "How losses spread", tuple(blocks))


def _model(run: Run, material: Material) -> Block:
    """Return what the model computes, with its parameters and where it comes from."""
    meaning, source = SHEET_MODELS.get(type(run.model).__name__, ("", ""))
    lines = [("The model:", run.model.describe())]
    lines += [("What it computes:", meaning)] if meaning else []
    lines += [("Source:", source)] if source else []
    other = other_fixed_point(run, material)
    lines += [("Which fixed point:", other)] if other else []
    return Points(tuple(lines))


def other_fixed_point(run: Run, material: Material) -> str:
    """Return whether the model's other fixed point is another outcome; empty for models that have one only.

    Parameters
    ----------
    run : Run
        It is run again at the other fixed point.
    material : Material
        Its unit is used.
    """
    for field, words_of in FIXED_POINTS.items():
        own = getattr(run.model, field, None)
        if own is None:
            continue
        other = next(word for word in words_of if word != own)
        try:
            second = run.again(replace(run.model, **{field: other}))
        except ContagionError as error:
            return f"computed was the {own}; the {other} could not be: {error}"
        ours, theirs = (one.nodes["closing_equity"].to_numpy(np.float64) for one in (run, second))
        scale = float(np.abs(run.nodes["opening_equity"]).max())
        if np.allclose(ours, theirs, rtol=1e-9, atol=1e-9 * scale):
            return f"computed was the {own}; the {other} is the same outcome."
        lost, failed = (float(second.metrics[name]) for name in ("system_loss", "node_defaults"))
        return (
            f"computed was the {own}. The {other} is another outcome: {material.money(lost)} of system loss instead of "
            f"{material.money(float(run.metrics['system_loss']))}, {formats.plural(failed, 'failure')} instead of "
            f"{formats.count(run.metrics['node_defaults'])}. The model does not say which of them comes about."
        )
    return ""


def _tell(story: Story, material: Material) -> list[Block]:
    from contagion import plot

    run, label = story.run, story.label
    blocks: list[Block] = [
        Heading(titled(label)),
        Paragraph(f"{story.choice} {course(run, material)}"),
        *((Tiles(sheet_summary.of_run(material, run)[1]),) if material.comparison is not None else ()),
        _channels(run, label, material.unit),
    ]
    if run.nodes["defaulted"].any():
        blocks.append(
            draw(
                lambda axes: plot.waves(run, ax=axes),
                f"New failures and losses by round in the {label}",
                f"The {label}, wave by wave: failures of each round, and losses up to it.",
            )
        )
    lost_on_claims = float(run.attribution["loss"].sum()) > 0.0
    if lost_on_claims and run.nodes["defaulted"].any():
        blocks.append(
            draw(
                lambda axes: plot.contagion_tree(run, ax=axes),
                f"Who brought down whom in the {label}",
                f"Who brought down whom in the {label}: nodes by the round in which they fail; lines are what later "
                "nodes lost on claims on earlier ones.",
                height=5.5,
            )
        )
    if lost_on_claims:
        blocks.append(
            draw(
                lambda axes: plot.losses_heatmap(run, ax=axes),
                f"Losses of creditors on debtors in the {label}",
                f"Who lost how much on whom in the {label}, in the order of failure.",
                height=5.5,
            )
        )
    for column, words_of, name in RANKINGS:
        if (run.nodes[column][run.nodes["counted"]] > 0.0).any():
            blocks.append(
                ranked(run, column, words_of.format(label), material.unit, f"{name}-{_slug(label)}")
            )
    blocks.append(Fold(f"Rounds of the {label}", (_rounds(run, label, material.unit),)))
    return blocks


def _slug(label: str) -> str:
    return label.replace(" ", "-")


def course(run: Run, material: Material) -> str:
    """Return in words what happened in a run.

    Parameters
    ----------
    run : Run
        A run of a model of balance sheets.
    material : Material
        Its unit is used.
    """
    values, nodes = run.metrics, run.nodes
    direct, lost = (material.money(float(values[name])) for name in ("direct_loss", "system_loss"))
    text = f"The shock took {direct} of equity; contagion took {lost} more. "
    failed = nodes[nodes["defaulted"]]
    if failed.empty:
        return f"{text}No node failed."
    first = formats.listing([str(name) for name in failed.index[failed["fundamental"]]][:6])
    more = int(failed["fundamental"].sum()) - 6
    text += f"By the shock failed {first or 'nobody'}{f' and {more:,} more' if more > 0 else ''}; "
    spread = int((~failed["fundamental"]).sum())
    last = int(failed["wave"].max())
    text += f"by contagion {formats.plural(spread, 'node') if spread else 'nobody'}"
    return f"{text}{f', the last in round {last}' if spread and last > 0 else ''}."


def channels(run: Run) -> list[tuple[str, float, str]]:
    """Return through which channel how much was lost: label, money, and what it is.

    Parameters
    ----------
    run : Run
        A run of a model of balance sheets.
    """
    claims = run.attribution
    failed = run.nodes["defaulted"].reindex(claims["debtor"]).to_numpy(bool)
    loss = claims["loss"].to_numpy(np.float64)
    found = [
        (
            "The shock",
            float(run.metrics["direct_loss"]),
            "what it took from equity, all others paying in full",
        ),
        (
            "Claims on failed nodes",
            float(loss[failed].sum()),
            "what creditors inside the network lost on them",
        ),
        (
            "Claims on weakened nodes",
            float(loss[~failed].sum()),
            "what claims on nodes that did not fail are worth less; only models of distress and valuation have it",
        ),
    ]
    further = (
        ("fire_sale_loss", "Falling prices", "what sales took from holders, beyond their equity too"),
        ("default_costs", "Costs of default", "destroyed by failing, part of what creditors lost"),
        ("failure_costs", "Costs of failure", "value destroyed by failing"),
        ("external_loss", "External creditors", "what those outside the network were not paid"),
        ("support_lost", "Lender of last resort", "what was lent and not paid back"),
    )
    present = [
        (label, float(run.metrics[name]), what) for name, label, what in further if name in run.metrics.index
    ]
    return found + [line for line in present if line[1] != 0.0 or line[0] == "External creditors"]


def _channels(run: Run, label: str, unit: str) -> Table:
    rows = [
        [words(name), number(formats.amount(money), money), words(what)]
        for name, money, what in channels(run)
    ]
    note = (
        "The lines do not add up to the system loss: a creditor cannot lose more equity than he has, so that part of "
        "what is lost on claims is passed on to his own creditors."
    )
    columns = ["Channel", f"Lost, {unit}", "What it is"]
    return table(
        f"Losses by channel in the {label}", columns, rows, note=note, identifier=f"channels-{_slug(label)}"
    )


def ranked(run: Run, column: str, caption: str, unit: str, identifier: str) -> Table:
    """Return the nodes that lost most, or whose failure cost most.

    Parameters
    ----------
    run : Run
        A run of a model of balance sheets.
    column : str
        ``loss`` or ``loss_caused``.
    caption, unit, identifier : str
        Of the table.
    """
    nodes = run.nodes[run.nodes["counted"]].sort_index()
    shown = nodes[nodes[column] > 0.0].sort_values(column, ascending=False, kind="stable").head(LONGEST)
    money = ("direct_loss", "loss", "loss_on_claims", "loss_caused", "opening_equity", "closing_equity")
    rows = [
        [
            words(name),
            words(plain(NODE_KINDS, row["kind"])),
            *(number(formats.amount(row[key]), row[key]) for key in money),
            number(formats.percent(row["recovery"]), row["recovery"]),
            words(_failed(row)),
        ]
        for name, row in shown.iterrows()
    ]
    columns = [
        "Node",
        "Kind",
        "Lost to the shock",
        "Lost beyond it",
        "Lost on claims",
        "Loss caused",
        "Equity before",
        "Equity after",
        "Worth of claims on it",
        "Failed",
    ]
    total = int((nodes[column] > 0.0).sum())
    note = f"The {len(shown)} heaviest of {total:,}." if total > len(shown) else ""
    return table(f"{caption}, {unit}", columns, rows, note=note, identifier=identifier)


def _failed(row: pd.Series) -> str:
    if not row["defaulted"]:
        return "no"
    return f"round {row['wave']}, {'by the shock' if row['fundamental'] else 'by contagion'}"


def _rounds(run: Run, label: str, unit: str) -> Table:
    from contagion.plot.waves import failures, losses_so_far

    by_shock, by_contagion = failures(run)
    losses, what = losses_so_far(run)
    shown = range(min(len(losses), MOST_ROUNDS))
    count: Callable[[float], Cell] = lambda value: number(formats.count(value), value)  # noqa: E731
    rows = [
        [
            words(place),
            count(float(by_shock[place])),
            count(float(by_contagion[place])),
            number(formats.amount(float(losses[place])), float(losses[place])),
        ]
        for place in shown
    ]
    heading = titled(what.replace("\n", " "))
    columns = ["Round", "Failed by the shock", "Failed by contagion", f"{heading}, {unit}"]
    note = f"The first {MOST_ROUNDS} of {len(losses):,} rounds." if len(losses) > MOST_ROUNDS else ""
    return table(f"Rounds of the {label}", columns, rows, note=note)
