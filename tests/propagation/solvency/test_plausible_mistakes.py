"""What a hurried reader of the documentation might write, and what it is told."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

import contagion as ct
from contagion.errors import ContagionError
from tests.propagation.solvency.banks import banks

SHOCK = ct.AssetShock(-0.1)


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        (lambda: ct.AssetShock(np.full(12, -0.1)), "AssetShock.change"),
        (
            lambda: ct.run(banks(), SHOCK, ct.Clearing(), [ct.CapitalInjection(1.0, nodes="bank-00")]),
            "in a tuple",
        ),
        (
            lambda: ct.run(banks(), SHOCK, ct.Clearing(), [ct.LenderOfLastResort(nodes="bank-00")]),
            "in a tuple",
        ),
        (lambda: ct.run(banks(), SHOCK, ct.Clearing(), [ct.RingFence(nodes="bank-00")]), "in a tuple"),
        (lambda: ct.AssetShocks(ct.PriceShocks.normal(scale=0.1), nodes="bank-00"), "AssetShocks.nodes"),
        (lambda: ct.compare(None, SHOCK, ct.Clearing(), networks=banks()), "given as net"),
        (lambda: ct.run(banks(), SHOCK, ct.NEVA(lambda equity: equity)), "equity, books"),
    ],
)
def test_a_plausible_mistake_is_named_with_its_remedy(mistake: Callable[[], object], words: str) -> None:
    with pytest.raises(ContagionError, match=words):
        mistake()


def test_capital_by_node_may_be_a_series() -> None:
    name = str(banks().nodes.index[0])
    given = [ct.CapitalInjection(kind({name: 0.5})).opening(banks()) for kind in (dict, pd.Series)]
    assert given[0] == given[1]


def test_a_dense_matrix_has_a_topology() -> None:
    found = ct.network.topology.components(np.array([[0.0, 2.0, 1.0], [1.0, 0.0, 0.0], [0.0, 3.0, 0.0]]))
    assert found.to_frame().shape[0] == 3


def test_a_model_without_sales_defers_nothing_that_is_known() -> None:
    study = ct.compare(banks(), SHOCK, ct.Clearing())
    assert study.deferred["deferred_notional"].isna().all()
    assert (study.deferred["benefit"] == 0.0).all()
