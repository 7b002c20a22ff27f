"""Properties B and F of valuation: bounds, monotonicity, parts, names and units."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contagion.propagation.clearing import eisenberg_noe
from contagion.propagation.neva import neva
from contagion.propagation.valuations import (
    BlackCox,
    EisenbergNoe,
    Furfine,
    FurfineMerton,
    LinearDebtRank,
    Merton,
    RogersVeraart,
)

SMOOTH = [Merton(0.25, recovery=0.5), BlackCox(0.25, recovery=0.5), FurfineMerton(0.25, recovery=0.5)]
LINES = [EisenbergNoe(), EisenbergNoe("senior"), RogersVeraart(0.5, 0.75), Furfine(0.25)]
kinds = st.sampled_from(SMOOTH + LINES)
amounts = st.sampled_from([0.0, 0.0, 1.0, 2.0, 3.0, 5.5, 8.0])


@st.composite
def networks(draw, largest=5):
    n = draw(st.integers(1, largest))
    debts = np.array(draw(st.lists(amounts, min_size=n * n, max_size=n * n))).reshape(n, n)
    np.fill_diagonal(debts, 0.0)
    positive = st.sampled_from([0.5, 1.0, 2.0, 4.0, 9.0])
    assets = np.array(draw(st.lists(positive, min_size=n, max_size=n)))
    outside = np.array(draw(st.lists(amounts, min_size=n, max_size=n)))
    return debts, assets, outside


@given(networks(), kinds)
def test_b1_values_lie_between_0_and_1_and_equity_is_what_they_make_it(network, kind):
    debts, assets, outside = network
    found = neva(debts, assets, outside, valuation=kind)
    assert ((found.valuation >= 0.0) & (found.valuation <= 1.0)).all()
    made = assets - outside - debts.sum(axis=1) + debts.T @ found.valuation
    assert found.signed_equity == pytest.approx(made, abs=1e-9)


@given(networks(), kinds, st.integers(0, 4))
def test_b8_equity_never_falls_with_external_assets(network, kind, place):
    debts, assets, outside = network
    richer = assets.copy()
    richer[place % len(assets)] += 1.5
    poor = neva(debts, assets, outside, valuation=kind).signed_equity
    assert (neva(debts, richer, outside, valuation=kind).signed_equity >= poor - 1e-9).all()


@given(networks())
def test_b9_clearing_and_valuation_agree(network):
    debts, assets, outside = network
    found = neva(debts, assets, outside, valuation=EisenbergNoe())
    cleared = eisenberg_noe(debts, assets, outside)
    assert found.signed_equity == pytest.approx(cleared.signed_equity, abs=1e-9)


@given(networks(3), networks(3), kinds)
def test_b13_disjoint_networks_are_valued_like_their_parts(one, other, kind):
    n = len(one[1])
    debts = np.zeros((n + len(other[1]),) * 2)
    debts[:n, :n], debts[n:, n:] = one[0], other[0]
    together = neva(
        debts, np.concatenate([one[1], other[1]]), np.concatenate([one[2], other[2]]), valuation=kind
    )
    parts = [neva(*part, valuation=kind).signed_equity for part in (one, other)]
    assert together.signed_equity == pytest.approx(np.concatenate(parts), abs=1e-9)


@given(networks(), st.floats(0.0, 1.0))
def test_c2_losses_of_debtrank_rise_with_the_shock(network, shock):
    debts, assets, _ = network
    keys = {"equity": assets, "valuation": LinearDebtRank()}
    low, high = (neva(debts, shock=s, **keys).losses for s in (shock / 2, shock))
    assert (high >= low - 1e-9).all()


@given(networks(), kinds, st.randoms(use_true_random=False))
def test_f2_names_in_another_order_give_the_same_bits(network, kind, random):
    debts, assets, outside = network
    names = [f"bank {k}" for k in range(len(assets))]
    order = random.sample(names, len(names))
    frame = pd.DataFrame(debts, index=names, columns=names)
    assets, outside = pd.Series(assets, index=names), pd.Series(outside, index=names)
    one = neva(frame, assets, outside, valuation=kind).to_frame()
    other = neva(frame.loc[order, order], assets[order], outside[order], valuation=kind).to_frame()
    pd.testing.assert_frame_equal(one.loc[order], other, check_exact=True)


@given(networks(), kinds, st.integers(-3, 8))
def test_f3_money_in_another_unit_scales_equity_bit_for_bit(network, kind, power):
    unit = 2.0**power
    found = neva(*network, valuation=kind)
    scaled = neva(*(part * unit for part in network), valuation=kind)
    assert (scaled.signed_equity == found.signed_equity * unit).all()
    assert (scaled.valuation == found.valuation).all()
