"""Many fire sales at once, each followed to its own end."""

import numpy as np
import pytest

from contagion.errors import ConvergenceError, InputError
from contagion.holdings import read_holdings
from contagion.propagation.firesales import simulation
from contagion.propagation.firesales.engine import Sale, opening
from contagion.propagation.firesales.impacts import LinearImpact
from contagion.propagation.firesales.responses import LeverageThreshold
from contagion.propagation.firesales.simulation import simulate

ALIKE = [[100.0], [100.0]]


def test_each_scenario_ends_when_nobody_sells_in_it():
    table, start = opening(
        read_holdings(ALIKE, "holdings"), 3, equity=np.array([[4.0, 5.0, 4.0], [8.0, 8.0, 5.2]])
    )
    sale = Sale(table, LeverageThreshold(20.0, 15.0), LinearImpact(np.array([1e-4])))
    found = simulate(sale, start)
    # first: 40 sold, all fall by 0.004; second: nobody is over 20; third: the other is then over 20 and sells too
    assert found.rounds.tolist() == [2, 1, 3]
    assert found.rounds_with_sales.tolist() == [1, 0, 2]
    last = 99.6 - 15.0 * 4.8  # money the other sells at the price of 0.996
    assert pytest.approx(np.array([[40.0, 0.0], [0.0, 0.0], [40.0, last]]), rel=1e-12) == found.bank_sales.T
    assert found.sales[0] == pytest.approx([40.0, 0.0, 40.0 + last], rel=1e-12)
    assert found.sold[0] == pytest.approx([40.0, 0.0, 40.0 + last / 0.996], rel=1e-12)
    assert found.price[0] == pytest.approx([0.996, 1.0, 0.996 * (1.0 - 1e-4 * last)], rel=1e-12)
    lost = np.array([0.4 + 59.76 * 1e-4 * last, 0.4 + 99.6 * 1e-4 * last])
    assert pytest.approx(np.array([[0.4, 0.4], [0.0, 0.0], lost]), rel=1e-12) == found.loss.T
    assert found.equity[:, 2] == pytest.approx(np.array([4.0, 5.2]) - lost, rel=1e-12)


def test_a_number_of_rounds_is_followed_to_its_end_and_none_changes_nothing():
    table, start = opening(read_holdings(ALIKE, "holdings"), equity=np.array([4.0, 8.0]))
    sale = Sale(table, LeverageThreshold(20.0, 15.0), LinearImpact(np.array([1e-4])))
    for rounds, price in ((0, 1.0), (1, 0.996), (5, 0.996)):
        found = simulate(sale, start, rounds)
        assert found.price[0, 0] == pytest.approx(price, rel=1e-15)
        assert found.rounds.tolist() == [rounds]
        assert found.rounds_with_sales.tolist() == [min(rounds, 1)]


def test_sales_without_end_and_unknown_rounds_are_refused(monkeypatch):
    table, start = opening(read_holdings(ALIKE, "holdings"), equity=np.array([4.0, 8.0]))
    sale = Sale(table, LeverageThreshold(20.0, 15.0), LinearImpact(np.array([1e-4])))
    with pytest.raises(InputError, match="rounds"):
        simulate(sale, start, "until_noon")
    with pytest.raises(InputError, match="rounds"):
        simulate(sale, start, 1.5)
    monkeypatch.setattr(simulation, "LONGEST", 50)
    slow = Sale(table, LeverageThreshold(20.0, 20.0), LinearImpact(np.array([1e-4])), frozen=True)
    with pytest.raises(ConvergenceError, match=r"security 0 in scenario 0"):
        simulate(slow, start)
