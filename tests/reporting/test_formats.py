"""Numbers are written for people: three figures, a word for the size, a true minus sign."""

from __future__ import annotations

from math import inf, nan

import pytest

from contagion.reporting import formats
from contagion.reporting.glossary import metric


def plain(text):
    return text.replace(formats.GLUE, " ")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.234e9, "1.23 bn"),
        (-2.5e6, "−2.50 m"),
        (999.6, "1.00 k"),
        (999.4, "999"),
        (999_600_000.0, "1.00 bn"),
        (4.2e13, "42.0 tn"),
        (0.0, "0"),
        (-0.0, "0"),
        (0.25, "0.250"),
        (1e-7, "1.0e-07"),
        (nan, "–"),
        (inf, "–"),
    ],
)
def test_an_amount_has_three_figures_and_a_word(value, text):
    assert plain(formats.amount(value)) == text


def test_differences_carry_their_sign_and_zero_none():
    assert plain(formats.amount(5e6, signed=True)) == "+5.00 m"
    assert plain(formats.amount(-5e6, signed=True)) == "−5.00 m"
    assert formats.amount(0.0, signed=True) == "0"


def test_what_rounding_leaves_of_a_sum_is_nothing():
    assert formats.without_dust(1.5e-8, 1.12e8) == 0.0
    assert formats.without_dust(-1.9e-9, 8e8) == 0.0
    assert formats.without_dust(1.5e-8, 1.0) == 1.5e-8
    assert formats.without_dust(0.0, 0.0) == 0.0


def test_money_stands_behind_its_unit_and_the_sign_before_it():
    assert plain(formats.money(1.5e9, "USD")) == "USD 1.50 bn"
    assert plain(formats.money(-1.5e9, "USD", signed=True)) == "−USD 1.50 bn"
    assert plain(formats.money(1.5e9, "USD", signed=True)) == "+USD 1.50 bn"
    assert formats.money(nan, "USD") == "–"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0 s"),
        (45.0, "45 s"),
        (90.0, "1 min 30 s"),
        (1800.0, "30 min"),
        (5400.0, "1 h 30 min"),
        (nan, "–"),
    ],
)
def test_a_length_of_time_is_written_in_its_largest_units(value, text):
    assert plain(formats.seconds(value)) == text


def test_shares_counts_and_p_values():
    assert plain(formats.percent(0.1234)) == "12.3 %"
    assert plain(formats.percent(-0.05, signed=True)) == "−5.0 %"
    assert formats.count(12345.0) == "12,345"
    assert formats.count(2.5) == "2.5"
    assert formats.probability(0.0004) == "< 0.001"
    assert formats.probability(0.0123) == "0.012"


def test_lists_and_plurals_read_as_sentences():
    assert formats.listing(["a"]) == "a"
    assert formats.listing(["a", "b", "c"]) == "a, b and c"
    assert plain(formats.plural(1, "run")) == "1 run"
    assert plain(formats.plural(1200, "run")) == "1,200 runs"


def test_a_metric_of_ones_own_is_shown_by_its_name():
    assert metric("my_metric").label == "my metric"
    assert plain(metric("system_loss").show(-2e9, signed=True)) == "−2.00 bn"
    assert plain(metric("halted_seconds").show(600.0, signed=True)) == "+10 min"
    assert plain(metric("price_drop_max").show(0.25)) == "25.0 %"
