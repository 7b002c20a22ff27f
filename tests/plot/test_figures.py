"""What holds of every picture."""

import subprocess
import sys
from functools import cache
from io import BytesIO

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

import contagion as ct
from contagion import plot

HOSTILE = [
    r"$\frac$", "<script>alert(1)</script>", "\u202eevil", "شركة التداول", "a" * 500, "%s{0.__class__}", "{{7*7}}",
    "zero\u200bwidth", "\x1b[31mred", "_underscore_", "Ünïcodé", "=1+1",
]  # fmt: skip


@cache
def sale(hostile=False):
    """A run of a fire sale on twelve banks, their names and those of the assets hostile or plain."""
    net = ct.generate.overlapping_portfolios(len(HOSTILE), 8, seed=2)
    if hostile:
        banks = dict(zip(net.nodes.index[net.nodes["kind"] == "institution"], HOSTILE, strict=True))
        assets = {f"asset-{i}": name for i, name in enumerate(HOSTILE[:8])}
        net = ct.Network(
            net.nodes.rename(banks).reset_index(),
            assets=net.assets.rename(assets).reset_index(),
            holdings=net.holdings.replace({"node": banks, "asset": assets}),
            venues=net.venues.reset_index(),
            markets=net.markets.replace({"asset": assets}).reset_index(),
        )
    names = [name for name in net.assets.index if name != "USD"]
    return ct.run(net, ct.PriceShock(dict.fromkeys(names, -0.04)), ct.FireSale())


KINDS = {
    "overlaps": lambda make, ax: plot.overlaps(sale().network, ax=ax),
    "sale_paths": lambda make, ax: plot.sale_paths(sale(), ax=ax),
    "loss_channels": lambda make, ax: plot.loss_channels(sale(), ax=ax),
    "network": lambda make, ax: plot.network(make.network(60), ax=ax),
    "liquidation_map": lambda make, ax: plot.liquidation_map(make.network(200), ax=ax),
    "rounds": lambda make, ax: plot.rounds(make.run(), ax=ax),
    "cascade": lambda make, ax: plot.cascade(make.run(), ax=ax),
    "distribution": lambda make, ax: plot.distribution(make.comparison(), "system_loss", ax=ax),
    "effects": lambda make, ax: plot.effects(make.comparison(), "system_loss", ax=ax),
    "frontier": lambda make, ax: plot.frontier(make.comparison(), ax=ax),
}
HOSTILE_KINDS = {
    "overlaps": lambda make: plot.overlaps(sale(hostile=True).network),
    "sale_paths": lambda make: plot.sale_paths(sale(hostile=True)),
    "network": lambda make: plot.network(make.network(len(HOSTILE), names=HOSTILE)),
    "liquidation_map": lambda make: plot.liquidation_map(make.network(50, venues=HOSTILE[:4])),
    "rounds": lambda make: plot.rounds(make.run(hostile=r" $\frac$ شركة " + "x" * 300)),
    "cascade": lambda make: plot.cascade(make.run(hostile=r" $\frac$ شركة " + "x" * 300)),
    "distribution": lambda make: plot.distribution(make.comparison(60, ("none", *HOSTILE[:7]))),
    "effects": lambda make: plot.effects(make.comparison(60, ("none", *HOSTILE))),
    "frontier": lambda make: plot.frontier(make.comparison(60, ("none", *HOSTILE))),
}


def drawn(ax):
    """Draw the figure of the axes and return it."""
    figure = ax.get_figure()
    figure.canvas.draw()
    return figure


def visible_texts(ax):
    """Return the texts that are drawn, with their extents in pixels."""
    figure = drawn(ax)
    found = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    inside = [
        text for text in found if all(parent.get_visible() for parent in [text.axes] if parent is not None)
    ]
    return [(text, text.get_window_extent()) for text in inside]


def overlaps(extents):
    """Return the pairs of texts that share more than a pixel either way."""
    pairs = []
    for i, (one, a) in enumerate(extents):
        for other, b in extents[i + 1 :]:
            wide = min(a.x1, b.x1) - max(a.x0, b.x0)
            high = min(a.y1, b.y1) - max(a.y0, b.y0)
            if wide > 1.0 and high > 2.0 and one is not other:
                pairs.append((one.get_text(), other.get_text()))
    return pairs


def shown_extents(ax):
    """Return the texts on the page; labels of ticks outside the view and of axes switched off are not drawn."""
    extents = visible_texts(ax)
    hidden = set()
    for panel in ax.get_figure().findobj(Axes):
        for axis in (panel.xaxis, panel.yaxis):
            low, high = sorted(axis.get_view_interval())
            slack = 1e-9 * (high - low)
            for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
                if not panel.axison or not low - slack <= tick.get_loc() <= high + slack:
                    hidden |= {tick.label1, tick.label2}
            if not panel.axison:
                hidden.add(axis.label)
    return [(text, extent) for text, extent in extents if text not in hidden]


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_is_drawn_on_the_axes_that_are_given_and_returns_them(kind, make):
    ax = Figure(figsize=(9, 5)).add_subplot()
    assert KINDS[kind](make, ax) is ax
    assert not pyplot.get_fignums()


@pytest.mark.parametrize("kind", KINDS)
def test_without_axes_a_new_figure_is_made_and_nothing_is_shown(kind, make, monkeypatch):
    monkeypatch.setattr(pyplot, "show", lambda *_, **__: pytest.fail("show was called"))
    ax = KINDS[kind](make, None)
    assert isinstance(ax, Axes)
    assert len(pyplot.get_fignums()) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_matplotlib_settings_and_random_state_stay_as_they_were(kind, make):
    before, state = dict(mpl.rcParams), np.random.get_state()[1].copy()  # noqa: NPY002
    drawn(KINDS[kind](make, None))
    assert dict(mpl.rcParams) == before
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_picture_has_the_same_bytes(kind, make):
    pictures = []
    for _ in range(2):
        figure = Figure(figsize=(9, 5))
        KINDS[kind](make, figure.add_subplot())
        pictures.append(_pixels(figure))
    assert pictures[0] == pictures[1]


@pytest.mark.parametrize("kind", [k for k in KINDS if k not in ("network", "cascade", "overlaps")])
def test_axes_are_labelled_with_units(kind, make):
    ax = KINDS[kind](make, None)
    labels = ax.get_xlabel(), ax.get_ylabel()
    assert labels[0] and ("(" in labels[0])
    if kind not in ("effects", "loss_channels"):  # their rows are names
        assert "(" in labels[1]
    panels = [child for child in ax.child_axes if child.get_ylabel()]
    assert all("(" in panel.get_ylabel() for panel in panels)


@pytest.mark.parametrize("kind", HOSTILE_KINDS)
def test_hostile_names_are_drawn_as_they_are_and_never_as_formulas(kind, make):
    mpl.rcParams["text.parse_math"] = True
    ax = HOSTILE_KINDS[kind](make)
    figure = drawn(ax)
    texts = [text for text in figure.findobj(Text) if text.get_text()]
    assert all(not text.get_parse_math() for text in texts if "$" in text.get_text() or text.get_visible())
    assert max(len(text.get_text()) for text in texts) < 130
    joined = "".join(text.get_text() for text in texts)
    assert not set(joined) & {"\u202e", "\u200b", "\x1b"}


@pytest.mark.parametrize("kind", HOSTILE_KINDS)
def test_no_texts_overlap_even_with_hostile_names(kind, make):
    assert overlaps(shown_extents(HOSTILE_KINDS[kind](make))) == []


@pytest.mark.parametrize("kind", KINDS)
def test_no_texts_overlap_and_none_leaves_the_page(kind, make):
    ax = KINDS[kind](make, None)
    extents = shown_extents(ax)
    assert overlaps(extents) == []
    page = ax.get_figure().bbox
    outside = [
        t.get_text() for t, e in extents if e.x0 < -2 or e.y0 < -2 or e.x1 > page.x1 + 2 or e.y1 > page.y1 + 2
    ]
    assert outside == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_legend_covers_no_data(kind, make):
    ax = KINDS[kind](make, None)
    drawn(ax)
    legend, box = ax.get_legend(), ax.get_window_extent()
    if legend is not None:
        extent = legend.get_window_extent()
        assert extent.x0 >= box.x1 or extent.y1 <= box.y0 + 1 or extent.y0 >= box.y1


def test_importing_the_package_loads_no_matplotlib():
    code = "import sys, contagion; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_importing_the_pictures_loads_no_pyplot():
    code = "import sys, contagion.plot; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def _pixels(figure):
    buffer = BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
