"""What the sections are written from: the results at hand, gathered once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from contagion.reporting import formats

if TYPE_CHECKING:
    import pandas as pd

    from contagion.comparison import Comparison
    from contagion.network.network import Network
    from contagion.results import Run

NONE = "none"
PLACEBO = "placebo"
SHEET_METRIC = "contagion_defaults"
"""A metric that all models of balance sheets have, and no other."""


def value_at(frame: pd.DataFrame, row: str, column: str) -> float:
    """Return one number of a table by its row's name and its column's name.

    Parameters
    ----------
    frame : DataFrame
        Rows have unique names.
    row, column : str
        Where it stands.
    """
    cell: Any = frame.at[row, column]
    return float(cell)


@dataclass(frozen=True)
class Story:
    """One run told in full.

    Parameters
    ----------
    label : str
        Which run it is: ``median scenario``, ``bad scenario``, ``this run``.
    choice : str
        How it was chosen, a sentence.
    run : Run
        The run with all its records.
    """

    label: str
    choice: str
    run: Run


@dataclass(frozen=True)
class Control:
    """The negative control: a halt of all markets in the static limit, which must change nothing.

    Parameters
    ----------
    differences : dict
        Metric to the halted run's value minus the free run's.
    """

    differences: dict[str, float]

    @property
    def passed(self) -> bool:
        """Whether every difference is exactly zero (or undefined in both runs)."""
        return all(difference == 0.0 for difference in self.differences.values())


@dataclass(frozen=True)
class Material:
    """Everything that the sections may read.

    Parameters
    ----------
    networks : tuple of Network
        The networks of the study, in order; one for a single run.
    comparison : Comparison or None
        The comparison, unless the report is about one run.
    stories : tuple of Story
        Runs told in full.
    control : Control or None
        Outcome of the negative control.
    step_check : DataFrame or None
        Headline metrics at the model's step and at halved steps.
    leverage_band : DataFrame or None
        The study repeated at other median leverages.
    """

    networks: tuple[Network, ...]
    comparison: Comparison | None
    stories: tuple[Story, ...]
    control: Control | None = None
    step_check: pd.DataFrame | None = None
    leverage_band: pd.DataFrame | None = None

    @property
    def network(self) -> Network:
        """The first network of the study."""
        return self.networks[0]

    @property
    def unit(self) -> str:
        """The unit of money."""
        return self.networks[0].unit

    @property
    def on_sheets(self) -> bool:
        """Whether the study is about balance sheets: nodes fail in waves, nothing is traded."""
        if self.comparison is not None:
            return SHEET_METRIC in self.comparison.metric_names
        return any(SHEET_METRIC in story.run.metrics.index for story in self.stories)

    def money(self, value: float, *, signed: bool = False) -> str:
        """Return an amount with the network's unit."""
        return formats.money(value, self.unit, signed=signed)
