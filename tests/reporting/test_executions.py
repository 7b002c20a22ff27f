"""The section on how forced orders were executed, from a run that is followed by hand."""

import pytest

from contagion.reporting.blocks import Figure, Paragraph, Table
from contagion.reporting.material import Material, Story
from contagion.reporting.sections import executions
from tests.propagation.cascade.small import Holder, Rules, play, small_net


def told(money, throughput=768.0):
    """Sixteen units with `money` behind them at a venue that sells eight a round."""
    run = play(small_net({"a": Holder({"M": 16.0}, money)}, Rules({"throughput": throughput})))
    section = executions.write(Material((run.network,), None, (Story("this run", "The only one.", run),)))
    tables = [block for block in section.blocks if isinstance(block, Table)]
    words = " ".join(block.text for block in section.blocks if isinstance(block, Paragraph)).replace(
        "\xa0", " "
    )
    return run, section, tables, words


def test_a_row_of_the_table_holds_the_distributions_of_a_venue_and_asset():
    run, section, tables, _ = told(1100.0)
    assert section.title == "Execution of liquidations"
    (row,) = tables[0].rows
    assert [cell.parts[0].text for cell in row[:2]] == ["V", "X"]
    values = [float(cell.parts[0].value) for cell in row[2:]]
    table = run.liquidation_basis().loc[("V", "X")]
    basis, coverage = table.loc["liquidation_basis"], table.loc["coverage"]
    expected = [
        basis["notional"],
        basis["p50"],
        basis["p95"],
        basis["mean"],
        coverage["mean"],
        coverage["p5"],
    ]
    assert values == [*expected, 0.0, 10.0, 20.0, 20.0, table.loc["fill_rate", "mean"], 2.0]
    assert row[-3].parts[0].text.replace("\xa0", " ") == "20 s"
    assert [tables[0].columns[k] for k in (-4, -3)] == ["Time to close, median", "Time to close, 95 %"]
    assert basis["p95"] == 11.25 / 960.0


def test_how_long_accounts_took_to_close_is_drawn_where_one_was_closed():
    _, section, _, _ = told(1100.0)
    figures = [block.caption for block in section.blocks if isinstance(block, Figure)]
    assert len(figures) == 2 and "how long after their trigger accounts were closed" in figures[1]
    run, section, _, words = told(1100.0, throughput=7.68)  # 0.08 units a round are 4.8 of 16 by the end
    assert run.liquidations["quantity"].sum() < 16.0 and "No forced fill closed an account." in words
    assert len([block for block in section.blocks if isinstance(block, Figure)]) == 1


def test_the_words_tell_the_worst_fill_and_what_was_beyond_bankruptcy():
    run, _, _, words = told(1100.0)
    assert "2 forced fills" in words and "in M after 20" in words
    # the first fill of 956.25 is above the bankruptcy price of 955.25, the second of 948.75 below 954.25
    beyond = 8.0 * 952.5 / (8.0 * 960.0 + 8.0 * 952.5)
    assert f"{100.0 * beyond:.1f}" in words
    assert run.liquidations["notional"].iloc[1] == pytest.approx(8.0 * 952.5)


def test_a_quiet_run_has_no_execution_to_tell():
    _, section, tables, words = told(1e6)
    assert not tables and len(section.blocks) == 2
    assert words == "No account was liquidated, so there is no fill to describe."
