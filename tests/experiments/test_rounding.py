"""How far the order of failures depends on last digits, in Europe and in tables followed by hand."""

import numpy as np
import pytest

from contagion.errors import InputError
from contagion.experiments.rounding import european_rounding, wave_order_rounding
from contagion.generate.european import european_debt
from contagion.propagation.crossholdings import elliott_golub_jackson

TWO = {
    "liabilities": [[0.0, 1.0], [0.0, 0.0]],
    "asset_values": [0.84, 1.0],
    "reference_asset_values": [1.0, 1.0],
    "theta": 0.85,
    "cross_holding_share": 0.5,
    "failure_cost_fraction": 1.0,
}


@pytest.fixture(scope="module")
def europe():
    return european_rounding(n_draws=200)


def test_the_unrounded_waves_are_those_of_the_table(europe):
    table = european_debt()
    names = table.liabilities.index
    for theta, rows in europe.groupby("theta"):
        found = elliott_golub_jackson(
            table.gdp_2011,
            liabilities=table.liabilities,
            cross_holding_share=table.cross_holding_share,
            theta=theta,
            failure_cost_fraction=table.failure_cost_fraction,
            reference_asset_values=table.gdp_2008,
        )
        words = " | ".join(", ".join(names[k] for k in wave) for wave in found.waves)
        assert rows["waves"].tolist()[0] == words


def test_two_decimals_reorder_europe_at_the_highest_threshold(europe):
    high = europe[europe["theta"] == 0.94].set_index("change")
    assert high.loc["none", "waves"] == "Greece | Portugal, Spain | France, Germany | Italy"
    assert high.loc["dependency matrix to 2 decimals", "changed"] == 1.0
    assert high.loc["dependency matrix to 2 decimals", "waves"] != high.loc["none", "waves"]


def test_the_digits_that_are_printed_are_enough_for_europe(europe):
    rows = europe[europe["change"] == "within printed rounding"]
    assert rows["changed"].tolist() == [0.0] * 4
    assert rows["n"].tolist() == [200] * 4
    assert rows["high"].tolist() == pytest.approx([1.0 - 0.025 ** (1 / 200)] * 4)


def test_coarser_numbers_change_the_order_in_more_draws():
    table = european_debt()
    given = {
        "theta": 0.935,
        "cross_holding_share": 1 / 3,
        "failure_cost_fraction": 0.5,
        "decimals": (),
        "n_draws": 300,
    }
    shares = [
        wave_order_rounding(
            table.liabilities, table.gdp_2011, table.gdp_2008, half_widths=(0.0, width, width), **given
        )["changed"][1]
        for width in (0.0, 0.0005, 0.05)
    ]
    assert shares[0] == 0.0
    assert shares[0] <= shares[1] <= shares[2]
    assert shares[2] > 0.2


def test_a_value_around_its_threshold_fails_in_the_share_of_draws_that_a_hand_calculation_gives():
    found = wave_order_rounding(**TWO, half_widths=(0.0, [0.02, 0.0], 0.0), n_draws=2000).set_index("change")
    assert found.loc["none", "waves"] == "0 | 1"
    share = found.loc["within printed rounding"]
    assert share["low"] < 0.25 < share["high"]
    assert share["changed"] == pytest.approx(0.25, abs=0.04)


def test_draws_are_keyed_by_the_seed_and_missing_debts_stay_missing():
    first = wave_order_rounding(**TWO, half_widths=(0.5, 0.05, 0.05), n_draws=100, seed=1)
    assert first.equals(wave_order_rounding(**TWO, half_widths=(0.5, 0.05, 0.05), n_draws=100, seed=1))
    none = wave_order_rounding(
        np.zeros((2, 2)),
        **{k: v for k, v in TWO.items() if k != "liabilities"},
        half_widths=(5.0, 0.0, 0.0),
        n_draws=20,
    )
    assert none["changed"].tolist() == [0.0] * 4


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"n_draws": 0}, "n_draws"),
        ({"theta": -1.0}, "theta"),
        ({"cross_holding_share": 1.0}, "cross_holding_share"),
        ({"failure_cost_fraction": np.nan}, "finite"),
        ({"half_widths": (-1.0, 0.0, 0.0)}, r"half_widths\[0\]"),
        ({"half_widths": (0.0, [1.0], 0.0)}, r"half_widths\[1\].*length"),
        ({"asset_values": [1.0, -1.0]}, "asset_values.*negative"),
    ],
)
def test_bad_tables_are_refused(change, words):
    with pytest.raises(InputError, match=words):
        wave_order_rounding(**{**TWO, **change})
