"""Pictures of breaking shocks, interactions, system measures and hedges: every row, its interval and its unit."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import contagion as ct
from contagion.errors import SchemaError
from contagion.measures.hedges import hedge_table
from contagion.measures.market_based import market_measures, ses_table, srisk_table
from tests import evidence

NASTY = "$\\frac{1}{0}$ </b>"


def names(ax):
    return [text.get_text() for text in ax.get_yticklabels()]


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def spans(ax):
    """Ends of every interval in the order drawn: lines of two points at one height."""
    lines = [(list(line.get_xdata()), list(line.get_ydata())) for line in ax.lines]
    found = [x for x, y in lines if len(x) == 2 and y[0] == y[1] and x != [0.0, 1.0]]
    return [value for pair in found for value in pair]


def interactions_table(name="halt"):
    table = pd.DataFrame(
        {
            "order": [1, 1, 2],
            "effect": [-30e6, -10e6, 20e6],
            "low": [-38e6, -18e6, np.nan],
            "high": [-22e6, 4e6, np.nan],
            "p_adjusted": [0.002, 0.3, np.nan],
        },
        index=[name, "fund", f"{name} × fund"],
    )
    table.attrs = {"metric": "system_loss"}
    return table


def returns(name="bank"):
    source = np.random.Generator(np.random.PCG64(1))
    system = source.standard_normal(400) * 0.01
    firms = {name: 1.5 * system + source.standard_normal(400) * 0.005, "still": np.zeros(400)}
    return market_measures(pd.DataFrame({**firms, "system": system}), q=0.1)


def firms_table(name="bank"):
    firms = {"market_value": [1e9, 8e9], "debt": [19e9, 2e9], "beta": [1.2, 0.5]}
    return srisk_table(pd.DataFrame(firms, index=["calm", name][::-1]))


def hedged(name="hedge"):
    source = np.random.Generator(np.random.PCG64(2))
    item = pd.DataFrame({name: source.standard_normal(50), "wrong way": source.standard_normal(50)})
    return hedge_table(item, item * [-0.9, 0.5])


def test_the_breaking_shock_stands_over_moves_of_one_and_two_scales():
    found = evidence.breaking_shock()
    ax = ct.plot.most_likely_break(found)
    ranked = found.moves["deviations"].abs().sort_values(ascending=False).index
    assert names(ax) == list(ranked) and ax.get_xlabel() == "price move (%)"
    marks = next(line for line in ax.lines if line.get_marker() == "D")
    assert list(marks.get_xdata()) == pytest.approx((100.0 * found.moves["move"][ranked]).tolist())
    scale = abs(found.moves["log_return"] / found.moves["deviations"])[ranked]
    bands = [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in ax.patches]
    expected = [(100 * np.expm1(-k * one), 100 * np.expm1(k * one)) for k in (2.0, 1.0) for one in scale]
    assert np.allclose(bands, expected)
    told = ax.get_legend().get_title().get_text()
    assert (
        f"of {found.n} scenarios break, 95 % interval" in told
        and f"{found.distance:.2f}" in ax.texts[0].get_text()
    )


def test_effects_that_are_clear_are_filled_and_one_without_interval_has_no_line():
    ax = ct.plot.interactions(interactions_table(), unit="USD")
    assert names(ax) == ["halt", "fund", "halt × fund"] and spans(ax) == [-38e6, -22e6, -18e6, 4e6]
    assert ax.get_xlabel() == "effect on mean system loss (m USD)"
    marks = {line.get_marker(): [] for line in ax.lines if len(line.get_xdata()) == 1}
    filled = [
        (line.get_xdata()[0], line.get_markerfacecolor() == line.get_markeredgecolor())
        for line in ax.lines
        if line.get_marker() in marks and len(line.get_xdata()) == 1
    ]
    assert filled == [(-30e6, True), (-10e6, False), (20e6, False)]
    assert len(legend(ax)) == 4


def test_market_measures_have_three_marks_a_firm_and_their_intervals_in_per_cent():
    table = returns()
    ax = ct.plot.market_measures(table)
    assert names(ax) == ["bank", "still"] and ax.get_xlabel() == "return (%)" and len(legend(ax)) == 3
    marks = [
        line.get_xdata()[0] for line in ax.lines if line.get_marker() in "osD" and len(line.get_xdata()) == 2
    ]
    assert marks == pytest.approx((100.0 * table.loc["bank", ["mes", "delta_covar", "var_firm"]]).tolist())
    ends = (100.0 * table.loc["bank", ["mes_low", "mes_high"]]).tolist()
    assert spans(ax)[:2] == pytest.approx(ends) and "worst 10 % of 400 returns" in ax.texts[0].get_text()


def test_capital_is_drawn_the_most_lacking_first_and_what_is_over_is_hatched():
    table = firms_table()
    ax = ct.plot.capital(table, unit="USD")
    ranked = table["srisk"].sort_values(ascending=False)
    assert names(ax) == list(ranked.index)
    bars = [(patch.get_width(), patch.get_hatch()) for patch in ax.patches]
    assert bars == [(ranked.iloc[0], None), (ranked.iloc[1], "////")]
    assert ax.get_xlabel() == "SRISK: capital lacking in a crisis (bn USD)" and legend(ax) == [
        "missing",
        "over",
    ]


def test_expected_shortfall_of_capital_has_intervals():
    source = np.random.Generator(np.random.PCG64(3))
    equity = pd.DataFrame({"a": source.standard_normal(80), "b": source.standard_normal(80)}) * 1e6
    table = ses_table(equity, pd.Series({"a": 2e7, "b": 1e7}))
    ax = ct.plot.capital(table, unit="USD")
    ranked = table.sort_values("ses", ascending=False)
    assert spans(ax) == ranked[["low", "high"]].to_numpy().ravel().tolist()
    assert ax.get_xlabel() == "SES: capital lacking in a crisis (m USD)"


def test_a_hedge_that_adds_risk_is_hatched_and_the_best_ratio_is_marked():
    table = hedged()
    ax = ct.plot.hedges(table)
    assert names(ax) == ["wrong way", "hedge"] and ax.get_xlabel() == "variance taken away (%)"
    bars = {round(patch.get_width(), 6): patch.get_hatch() for patch in ax.patches}
    assert bars == {99.0: None, -125.0: "////"}
    marks = next(line for line in ax.lines if line.get_marker() == "D")
    assert list(marks.get_xdata()) == pytest.approx([100.0, 100.0])


DRAWN = {
    "shock": (lambda name: ct.plot.most_likely_break(evidence.breaking_shock(asset=name))),
    "interactions": lambda name: ct.plot.interactions(interactions_table(name)),
    "market": lambda name: ct.plot.market_measures(returns(name)),
    "capital": lambda name: ct.plot.capital(firms_table(name)),
    "hedges": lambda name: ct.plot.hedges(hedged(name)),
}


@pytest.mark.parametrize("kind", DRAWN)
def test_strange_names_are_no_formulas(kind):
    figure = DRAWN[kind](NASTY).figure
    figure.canvas.draw()
    plt.close(figure)


@pytest.mark.parametrize(
    "draw",
    [
        ct.plot.most_likely_break,
        ct.plot.interactions,
        ct.plot.market_measures,
        ct.plot.capital,
        ct.plot.hedges,
    ],
)
@pytest.mark.parametrize("thing", [3, ct.PriceShock, pd.DataFrame({"a": [1.0]})])
def test_something_else_is_refused(draw, thing):
    with pytest.raises(SchemaError, match="can't be drawn"):
        draw(thing)


@pytest.mark.parametrize(
    ("draw", "table"),
    [
        (ct.plot.interactions, interactions_table()),
        (ct.plot.market_measures, returns()),
        (ct.plot.capital, firms_table()),
        (ct.plot.hedges, hedged()),
    ],
)
def test_a_table_without_rows_says_so(draw, table):
    assert "to draw" in draw(table.iloc[:0]).texts[-1].get_text()
