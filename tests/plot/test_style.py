"""Numbers and names on axes."""

from itertools import pairwise

import pytest

from contagion.plot import style


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0 USD"),
        (1.5e9, "1.50 bn USD"),
        (-2.34e7, "−23.4 m USD"),
        (999.96e6, "1.00 bn USD"),
        (4.0, "4.00 USD"),
        (123456.0, "123 k USD"),
        (float("nan"), "–"),
    ],
)
def test_amounts_have_three_figures_and_a_word(value, text):
    assert style.amount(value, "USD") == text


def test_ticks_are_short_and_have_a_true_minus():
    scale = style.money_scale([3e9], "USD")
    assert scale.unit == "bn USD"
    assert [scale.number(v) for v in (0.0, 2.5e9, -1e9, 1.25e8)] == ["0", "2.5", "−1", "0.125"]
    assert [style.Scale(1.0, "%").number(v) for v in (97.5, 100.0, 102.5, 105.0, 1_250.0)] == [
        "97.5", "100", "102.5", "105", "1,250",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("metric", "unit"),
    [
        ("system_loss", "m USD"),
        ("price_drop_max", "%"),
        ("halted_seconds", "s"),
        ("venue_defaults", "count"),
        ("loss_amplification", "ratio"),
    ],
)
def test_metrics_have_their_units(metric, unit):
    assert style.metric_scale(metric, [5e6], "USD").unit == unit


def test_names_are_cut_in_the_middle_and_cleaned():
    assert style.shown("a" * 12 + "b" * 12, 12) == "aaaaaaaa…bbb"
    assert len(style.shown("x" * 10_000)) == style.NAME_WIDTH
    assert style.shown("tab\tand\u202eturn") == "tab andturn"
    assert style.shown("") == "(no name)"
    assert style.shown(r"$\frac$") == r"$\frac$"


def test_neighbouring_colours_differ_in_grey():
    def grey(colour):
        red, green, blue = (int(colour[i : i + 2], 16) / 255.0 for i in (1, 3, 5))
        return 0.2126 * red**2.2 + 0.7152 * green**2.2 + 0.0722 * blue**2.2

    shades = [grey(colour) for colour in style.COLOURS]
    assert min(abs(a - b) for a, b in pairwise(shades)) > 0.02
