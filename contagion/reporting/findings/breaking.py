"""Sections on breaking points: reverse stress, the most likely breaking shock, phases, break-even."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from contagion.reporting import formats
from contagion.reporting.blocks import Block, Cell, Paragraph, Points, number, table, words
from contagion.reporting.figures import draw
from contagion.reporting.findings.cells import bounded, plain, unit_of
from contagion.reporting.glossary import metric as entry

if TYPE_CHECKING:
    from contagion.experiments.break_even import BreakEven
    from contagion.experiments.likeliest import BreakingShock
    from contagion.experiments.phases import PhaseDiagram
    from contagion.experiments.reverse import ReverseStress

__all__ = ["break_even", "likeliest", "phases", "reverse"]

FIXED = ("policy", "size", "low", "high", "resolution", "begins", "refined")
MOST_MOVES = 6


def reverse(found: ReverseStress, unit: str) -> tuple[str, list[Block]]:
    """Return title and blocks on reverse stress.

    Parameters
    ----------
    found : ReverseStress
        What ``contagion.reverse_stress`` returned.
    unit : str
        Unit of money.
    """
    from contagion import plot

    assets = [str(name) for name in found.crossings.columns if name not in FIXED][:MOST_MOVES]
    rows = [_crossing(row, assets) for row in found.crossings.to_dict("records")]
    columns = [
        "Policy set",
        "The condition",
        "At size, times the shock",
        "Known to lie within",
        *(f"{a}, %" for a in assets),
    ]
    note = (
        "Size 1 is the shock given; moves are price changes at that size. Outcomes are not monotone, so every "
        "change on the grid is listed; two changes between neighbouring sizes are not seen."
    )
    blocks: list[Block] = [
        Paragraph(
            f"How large must this shock be before {found.condition}? The shock: {found.shock}, times its size."
        ),
        Points(tuple(("", sentence) for sentence in found.sentences())),
        draw(
            lambda axes: plot.reverse_stress(found, ax=axes),
            f"{entry(found.metric).label} over the size of the shock",
            "Shaded: within what width the place of each change is known. Dotted: the limit of the condition.",
        ),
    ]
    if rows:
        blocks.append(table(f"Where {found.condition} begins and ceases to hold", columns, rows, note=note))
    return "Reverse stress: which size breaks the system", blocks


def _crossing(row: dict[Any, Any], assets: list[str]) -> list[Cell]:
    verb = "begins to hold" if row["begins"] else "ceases to hold"
    width = f"{formats.three_figures(row['low'])} to {formats.three_figures(row['high'])}"
    moves = [number(formats.percent(float(row[a]), signed=True), float(row[a]), statistic=a) for a in assets]
    return [
        words(row["policy"]),
        words(verb),
        plain(row, "size", formats.three_figures),
        words(width if row["refined"] else f"{width} (grid)"),
        *moves,
    ]


def likeliest(found: BreakingShock, unit: str) -> tuple[str, list[Block]]:
    """Return title and blocks on the most likely breaking shock.

    Parameters
    ----------
    found : BreakingShock
        What ``contagion.most_likely_break`` returned.
    unit : str
        Unit of money.
    """
    blocks: list[Block] = [Paragraph(formats.titled(found.sentence))]
    frame = found.moves.reindex(found.moves["deviations"].abs().sort_values(ascending=False).index)
    rows = [
        [
            words(asset),
            plain(row, "move", lambda value: formats.percent(value, signed=True)),
            plain(row, "log_return", formats.three_figures),
            plain(row, "deviations", formats.three_figures),
        ]
        for asset, row in zip(frame.index, frame.to_dict("records"), strict=True)
    ]
    if rows:
        from contagion import plot

        blocks.append(
            draw(
                lambda axes: plot.most_likely_break(found, ax=axes),
                "Move of every asset in the most likely breaking shock, over what is usual for the asset",
                "Shaded: moves of one and of two scales of the asset under the scenario model.",
            )
        )
        note = (
            f"Scenario model: {found.family}. Distance from no move {formats.three_figures(found.distance)} "
            f"(Mahalanobis), found in {found.runs:,} runs; a scenario is at least as far with probability "
            f"{formats.three_figures(found.beyond)}, an upper bound of the probability of breaking if no nearer "
            "shock breaks. That none does is not proved."
        )
        columns = ["Asset", "Move, %", "Log return", "In scales of the asset, count"]
        blocks.append(table("The most likely breaking shock found", columns, rows, note=note))
    return "The most likely breaking shock", blocks


def phases(found: PhaseDiagram, unit: str) -> tuple[str, list[Block]]:
    """Return title and blocks on a phase diagram.

    Parameters
    ----------
    found : PhaseDiagram
        What ``contagion.phase_diagram`` returned.
    unit : str
        Unit of money.
    """
    from contagion import plot

    cells = found.cells
    area = (cells["x_high"] - cells["x_low"]) * (cells["y_high"] - cells["y_low"])
    shares = {phase: float(area[cells["phase"] == phase].sum() / area.sum()) for phase in PHASES}
    lead = (
        f"Under '{found.policy}', {found.condition} holds in {formats.percent(shares['above'])} of the plane of "
        f"{found.x} and {found.y}, and not in {formats.percent(shares['below'])}; the boundary lies in the "
        f"remaining {formats.percent(shares['boundary'])}."
    )
    rows = []
    for phase, text in PHASES.items():
        own = cells[cells["phase"] == phase]
        spans = [
            f"{own[f'{a}_low'].min():.6g} to {own[f'{a}_high'].max():.6g}" if len(own) else "–" for a in "xy"
        ]
        rows.append(
            [
                words(text),
                number(formats.percent(shares[phase]), shares[phase], statistic=phase),
                number(formats.count(len(own)), len(own), statistic="squares"),
                *map(words, spans),
            ]
        )
    width, height = found.resolution
    note = (
        f"{formats.plural(len(found.table), 'point')}, the mean of "
        f"{formats.plural(int(found.table['n'].max()), 'scenario')} each, the same "
        f"at all points. The smallest squares are {width:.4g} by {height:.4g}; an island smaller "
        "than a square of the first grid is not seen."
    )
    columns = [
        "Phase",
        "Share of the plane, %",
        "Squares, count",
        f"{found.x}, from to",
        f"{found.y}, from to",
    ]
    return "Phases: where in the plane of two parameters", [
        Paragraph(lead),
        draw(
            lambda axes: plot.phases(found, ax=axes),
            f"Where {found.condition} holds over {found.x} and {found.y}",
            "Filled points: the condition holds there; hollow ones: it does not.",
        ),
        table(f"Where {found.condition}", columns, rows, note=note),
    ]


PHASES = {
    "above": "holds at every corner",
    "boundary": "corners disagree: the boundary",
    "below": "holds at no corner",
}


def break_even(found: BreakEven, unit: str) -> tuple[str, list[Block]]:
    """Return title and blocks on where an effect changes its sign.

    Parameters
    ----------
    found : BreakEven
        What ``contagion.break_even`` returned.
    unit : str
        Unit of money.
    """
    from contagion import plot

    rows = [
        [
            number(f"{row['value']:.4g}", row["value"], statistic="value"),
            bounded(found.metric, row, ("effect", "low", "high"), of=found.policy),
            plain(row, "n", formats.count),
            words("bisection" if row["refined"] else "grid"),
        ]
        for row in found.table.to_dict("records")
    ]
    own = f", {found.unit}" if found.unit else ""
    level = formats.percent(found.level, decimals=0)
    columns = [
        f"{found.parameter}{own}",
        f"Change of mean {entry(found.metric).label} [{level} interval]{unit_of(found.metric, unit)}",
        "Scenarios, count",
        "Looked at by",
    ]
    note = f"'{found.policy}' minus '{found.against}', scenario by scenario; below zero is less."
    return f"Break-even: where {found.policy} helps and where it harms", [
        Paragraph(formats.titled(found.sentence)),
        draw(
            lambda axes: plot.break_even(found, unit=unit, ax=axes),
            f"Change of mean {entry(found.metric).label} over {found.parameter}",
            "Below zero the set lowers the metric. Dashed: where the sign changes; grey: where nothing changes.",
        ),
        table(f"The effect over {found.parameter}", columns, rows, note=note),
    ]
