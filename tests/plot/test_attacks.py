"""The picture of an attack: a line per policy set, units on the axes, the money of the tables beside it."""

import pytest

import contagion as ct
from contagion.errors import SchemaError
from tests.experiments.test_attack_profile import BUDGETS, LAG, MODEL, TERMS
from tests.propagation.cascade.test_attacks import spot_net


@pytest.fixture(scope="module")
def profile():
    return ct.attack_profile(spot_net(mark="weighted"), "X", BUDGETS, model=MODEL, policies=LAG, **TERMS)


def test_profit_lies_below_and_the_move_of_the_index_above(profile):
    ax = ct.plot.attack(profile)
    upper = ax.child_axes[0]
    lines = {line.get_label(): line for line in ax.get_lines() if len(line.get_xdata()) == len(BUDGETS)}
    assert len(lines) == 2
    none = profile.table[profile.table["policy"] == "none"]
    assert list(next(iter(lines.values())).get_ydata()) == none["profit"].tolist()
    assert list(upper.get_lines()[0].get_ydata()) == (100.0 * none["index_move"]).tolist()
    assert ax.get_ylabel() == "attacker's profit (k USD)"
    assert ax.get_xlabel() == "coins sold, at opening prices (USD)"
    assert "%" in upper.get_ylabel()


def test_the_legend_names_sets_and_the_money_of_the_tables(profile):
    upper = ct.plot.attack(profile).child_axes[0]
    texts = [text.get_text() for text in upper.get_legend().get_texts()]
    assert texts == ["none", "lag", "next cluster, by tables"]


def test_anything_else_is_refused():
    with pytest.raises(SchemaError, match="attack_profile"):
        ct.plot.attack(3)
