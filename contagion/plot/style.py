"""What every picture shares: axes, colours that survive grey, money on axes, names shown as they are.

Nothing here changes matplotlib's settings. Names come from data: they are cut, cleaned of characters that
draw nothing or turn the text around, and never read as formulas.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter
from matplotlib.transforms import Bbox

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#6E6E6E", "#9C8B00")
"""Told apart by the colour-blind (Okabe and Ito); neighbours differ in lightness, so in grey too."""
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (7, 2)), (0, (2, 1)), (0, (1, 3)))
HATCHES = ("", "////", "....", "\\\\\\\\", "xxxx", "----", "||||", "++++")
MARKERS = ("o", "s", "D", "^", "v", "P", "X", "h")
DARK, MIDDLE, PALE = "#333333", "#777777", "#D9D9D9"
HARM, HELP = "#D55E00", "#0072B2"

Look = dict[str, Any]
"""Properties of an artist."""
NAME_WIDTH = 24
_SIZES = ((1e12, "tn"), (1e9, "bn"), (1e6, "m"), (1e3, "k"))
_SHARES = {
    "price_drop_max",
    "basis_peak",
    "liquidation_basis_mean",
    "liquidation_basis_worst",
    "coverage_mean",
    "fill_rate",
    "branching_ratio",
    "debtrank",
    "worst_fall",
    "mean_fall",
    "aggregate_vulnerability",
}
_SECONDS = {"halted_seconds", "time_to_close_median", "time_to_close_95"}
_COUNTS = {
    "liquidated_accounts",
    "venue_defaults",
    "node_defaults",
    "fundamental_defaults",
    "contagion_defaults",
    "rounds",
    "banks_selling",
    "rounds_with_sales",
}
_RATIOS = {
    "loss_amplification",
    "price_amplification",
    "amplification",
    "spectral_radius",
    "distance_to_divergence",
}


def axes(ax: Axes | None, width: float = 8.0, height: float = 4.5) -> Axes:
    """Return `ax`, or the axes of a new figure of `width` by `height` inches."""
    if ax is not None:
        return ax
    from matplotlib import pyplot

    return pyplot.subplots(figsize=(width, height), layout="constrained")[1]


def shown(name: object, width: int = NAME_WIDTH) -> str:
    """Return a name fit to be drawn: printable, one direction, at most `width` characters.

    Examples
    --------
    >>> shown("a" * 40, 10)
    'aaaaaa…aaa'
    """
    text = str(name)[:400]
    text = "".join(" " if character.isspace() else character for character in text)
    text = "".join(c for c in text if unicodedata.category(c)[0] != "C" or c == " ")
    if len(text) > width:
        tail = (width - 1) // 3
        text = f"{text[: width - 1 - tail]}…{text[len(text) - tail :]}"
    return text or "(no name)"


def plain(texts: Iterable[Text]) -> None:
    """Let no text be read as a formula."""
    for text in texts:
        text.set_parse_math(False)
        text.set_usetex(False)


def finish(ax: Axes) -> Axes:
    """Take away what carries no information and make every text of the axes plain."""
    ax.spines[["top", "right"]].set_visible(False)
    plain([*ax.texts, ax.title, *ax.get_xticklabels(), *ax.get_yticklabels()])
    plain([ax.xaxis.label, ax.yaxis.label, *(text for text in ax.findobj(Text) if isinstance(text, Text))])
    legend = ax.get_legend()
    if legend is not None:
        plain([*legend.get_texts(), legend.get_title()])
    return ax


def title(ax: Axes, text: str, note: str = "") -> None:
    """Write a title at the left, with a smaller line under it."""
    ax.set_title(text, loc="left", fontsize="large", pad=22.0 if note else 8.0, parse_math=False)
    if note:
        place: Look = {"xy": (0.0, 1.0), "xycoords": "axes fraction", "textcoords": "offset points"}
        ax.annotate(note, xytext=(0, 7), fontsize="small", color=DARK, va="bottom", parse_math=False, **place)


def legend_right(ax: Axes, handles: Sequence[Artist], heading: str = "", *, offset: float = 1.01) -> None:
    """Put a legend beside the axes, where it covers nothing."""
    if not handles:
        return
    legend = ax.legend(
        handles=list(handles),
        title=heading or None,
        loc="upper left",
        bbox_to_anchor=(offset, 1.0),
        frameon=False,
        fontsize="small",
        title_fontsize="small",
        alignment="left",
        borderaxespad=0.0,
    )
    plain([*legend.get_texts(), legend.get_title()])


def panel_above(ax: Axes, share: float = 0.45, gap: float = 0.08) -> Axes:
    """Give the upper `share` of the axes to a second panel with the same x axis, and return that panel."""
    below = 1.0 - share - gap
    upper = ax.inset_axes((0.0, 1.0 + gap / below, 1.0, share / below), sharex=ax)

    def lower_part(own: Any, renderer: object) -> Bbox:
        whole = own.get_position(original=True)
        return Bbox.from_bounds(whole.x0, whole.y0, whole.width, whole.height * below)

    ax.set_axes_locator(lower_part)
    upper.tick_params(labelbottom=False)
    upper.spines[["top", "right"]].set_visible(False)
    return upper


def say_empty(ax: Axes, text: str) -> Axes:
    """Say in the middle of the axes why nothing is drawn."""
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", color=DARK, parse_math=False)
    return finish(ax)


@dataclass(frozen=True)
class Scale:
    """How the numbers of an axis are written: divided by `factor`, in `unit`.

    Parameters
    ----------
    factor : float
        What one of the unit is worth.
    unit : str
        For the axis label; empty for numbers without one.
    """

    factor: float
    unit: str

    def label(self, words: str) -> str:
        """Return an axis label: the words and the unit."""
        return f"{words} ({self.unit})" if self.unit else words

    def tick(self, axis: Axis) -> None:
        """Write the ticks of an axis in the unit."""
        axis.set_major_formatter(FuncFormatter(lambda value, _: self.number(value)))

    def number(self, value: float) -> str:
        """Return a value in the unit, with a true minus sign and no exponent where one can be avoided."""
        size = abs(value / self.factor)
        if size != 0.0 and not 1e-4 <= size < 1e7:
            text = f"{size:.2g}"
        else:
            text = f"{size:,.4f}".rstrip("0").rstrip(".")  # every tick has its own: 102.5 is not 102
        return f"−{text}" if value < 0.0 and text != "0" else text

    def text(self, value: float) -> str:
        """Return a value with three figures and its unit."""
        if not isfinite(value):
            return "–"
        size = abs(value / self.factor)
        digits = 0 if size >= 99.95 or size == 0.0 else 1 if size >= 9.995 else 2 if size >= 0.1 else 4
        text = f"{size:,.{digits}f}"
        text = f"{text.rstrip('0').rstrip('.') if size < 0.1 and digits else text} {self.unit}".rstrip()
        return f"−{text}" if value < 0.0 else text


def money_scale(values: Iterable[float], unit: str) -> Scale:
    """Return the scale for amounts of money, by the largest of them."""
    top = max((abs(float(value)) for value in values if isfinite(value)), default=0.0)
    factor, word = next(((f, w) for f, w in _SIZES if top >= 0.9995 * f), (1.0, ""))
    return Scale(factor, f"{word} {shown(unit, 12) if unit else ''}".strip())


def amount(value: float, unit: str) -> str:
    """Return a sum of money as text: ``1.23 bn USD``."""
    return money_scale([value], unit).text(value)


def time_scale(longest: float) -> Scale:
    """Return the scale for times up to so many seconds: minutes, from six hours on hours, from six days on days."""
    if longest < 6.0 * 3600.0:
        return Scale(60.0, "minutes")
    return Scale(3600.0, "hours") if longest < 6.0 * 86_400.0 else Scale(86_400.0, "days")


def money_ticks(axis: Axis) -> None:
    """Write each tick with its own size, ``10 m`` or ``1 bn``: for logarithmic axes."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: _short(value)))


def _short(value: float) -> str:
    scale = money_scale([value], "")
    return f"{scale.number(value)} {scale.unit}".strip()


def metric_scale(metric: str, values: Iterable[float], unit: str) -> Scale:
    """Return the scale of a metric of a run: money unless its name says otherwise."""
    if metric in _SHARES:
        return Scale(0.01, "%")
    if metric in _SECONDS:
        return Scale(1.0, "s")
    if metric in _COUNTS:
        return Scale(1.0, "count")
    return Scale(1.0, "ratio") if metric in _RATIOS else money_scale(values, unit)


def words(name: str) -> str:
    """Return the name of a metric or column in words."""
    text = shown(name, 60).replace("_", " ")
    return text.replace("adl notional", "deleveraged (ADL)").replace(" notional", " money")


def unit_of(owner: Any) -> str:
    """Return the unit of money of a network, a run or a comparison."""
    if hasattr(owner, "network"):
        owner = owner.network
    elif hasattr(owner, "networks"):
        owner = next(iter(owner.networks))
    return str(owner.unit)
