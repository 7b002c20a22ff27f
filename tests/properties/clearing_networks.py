"""Strategies for networks of debts: rings with a tiny leak, stars, chains, core and periphery, wide ranges."""

import numpy as np
from hypothesis import strategies as st

AMOUNTS = st.one_of(
    st.sampled_from([0.0, 0.0, 1.0, 1.0, 2.0, 3.0]),
    st.integers(0, 2**40).map(float),
    st.floats(-6, 15).map(lambda power: 10.0**power),
)
PARTS = st.sampled_from([0.0, 0.25, 0.5, 0.9, 1.0])
PRIORITIES = st.sampled_from(["pari_passu", "senior"])


def vectors(n, amounts=AMOUNTS):
    return st.lists(amounts, min_size=n, max_size=n).map(lambda values: np.array(values, dtype=float))


@st.composite
def links(draw, n):
    """Which node may owe which: a full network or one of the shapes on which clearing is hard."""
    shape = draw(st.sampled_from(["any", "ring", "star", "chain", "core"]))
    found = np.zeros((n, n), dtype=bool)
    place = np.arange(n)
    if shape == "any":
        found[:] = True
    elif shape == "ring":
        found[place, (place + 1) % n] = True
    elif shape == "chain":
        found[place[:-1], place[1:]] = True
    elif shape == "star":
        found[0], found[:, 0] = True, True
    else:
        found[: max(1, n // 2), : max(1, n // 2)], found[place, place // 2] = True, True
    np.fill_diagonal(found, False)
    return found


@st.composite
def networks(draw, largest=5, exact=False):
    """Liabilities, external assets, external liabilities of 1 to `largest` nodes.

    `exact`: small whole amounts, so that sums have no rounding.
    """
    n = draw(st.integers(1, largest))
    amounts = st.integers(0, 6).map(float) if exact else AMOUNTS
    matrix = np.array([draw(vectors(n, amounts)) for _ in range(n)]) * draw(links(n))
    assets, debts = draw(vectors(n, amounts)), draw(vectors(n, amounts))
    kind = draw(
        st.sampled_from(["as drawn", "solvent to the last unit", "tiny leak", "zero rows", "no debts"])
    )
    if kind == "solvent to the last unit":
        assets = np.maximum(0.0, matrix.sum(axis=1) + debts - matrix.sum(axis=0))
    elif kind == "tiny leak":
        debts = matrix.sum(axis=1) * (0.0 if exact else 1e-9)
        assets = assets * (1.0 if exact else 1e-6)
    elif kind == "zero rows":
        matrix[::2] = 0.0
    elif kind == "no debts":
        debts = np.zeros(n)
    return matrix, assets, debts


def scale_of(network):
    """The largest sum of money that a comparison can contain."""
    matrix, assets, debts = network
    return float(max(1e-300, matrix.sum() + assets.sum() + debts.sum()))
