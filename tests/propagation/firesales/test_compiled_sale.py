"""The compiled fire sale against the rounds in NumPy: every rule, impact, order, settlement and way to end."""

from dataclasses import dataclass, fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contagion.errors import ConvergenceError
from contagion.holdings import read_holdings
from contagion.propagation.firesales import engine, simulation
from contagion.propagation.firesales.compiled_sale import plan_of
from contagion.propagation.firesales.engine import Sale, opening
from contagion.propagation.firesales.impacts import (
    ExponentialInShare,
    FlooredExponential,
    LinearImpact,
    SquareRootImpact,
)
from contagion.propagation.firesales.portfolios import Listed
from contagion.propagation.firesales.responses import (
    AllOnDefault,
    CapitalRatio,
    LeverageBands,
    LeverageTarget,
    LeverageThreshold,
    SetFractions,
)
from contagion.propagation.firesales.simulation import Simulated, simulate

RESPONSES = ("target", "capped", "threshold", "worthless", "bands", "ratio", "default", "set")
IMPACTS = ("linear", "square_root", "floored", "in_share")
MONOTONE = ("threshold", "worthless", "ratio", "default", "set")


@dataclass(frozen=True)
class Plain:
    """A rule that is not built in, so that NumPy follows it."""

    rule: object

    def act(self, state):
        return self.rule.act(state)


def response_of(name, draw, banks):
    """One rule with numbers at which some banks act."""
    if name in ("target", "capped"):
        assets = draw.uniform(50.0, 200.0, banks)
        return LeverageTarget(assets, assets * draw.uniform(0.03, 0.2, banks), capped=name == "capped")
    limit = float(draw.uniform(5.0, 30.0))
    return {
        "threshold": LeverageThreshold(limit, 0.9 * limit),
        "worthless": LeverageThreshold(limit, limit, worthless_too=True),
        "bands": LeverageBands(0.01, 0.05, float(draw.choice([0.05, 0.08]))),
        "ratio": CapitalRatio(float(draw.choice([0.0, 0.04, 0.1]))),
        "default": AllOnDefault(),
        "set": SetFractions(draw.uniform(0.0, 1.0, banks) * (draw.random(banks) < 0.5)),
    }[name]


def impact_of(name, draw, total):
    """One impact that moves prices by some per cent."""
    size = len(total)
    depth = draw.uniform(5.0, 50.0, size) * (1.0 + total)
    return {
        "linear": LinearImpact(1.0 / depth, float(draw.choice([np.inf, 0.02]))),
        "square_root": SquareRootImpact(draw.uniform(0.01, 0.1, size), depth, 1.0),
        "floored": FlooredExponential(draw.uniform(0.0, 0.9, size), depth),
        "in_share": ExponentialInShare(draw.uniform(0.0, 1.0, size), total),
    }[name]


def sale_of(seed, response, impact, ranked, listed):
    """A random network of holdings, its sale and some starts, some banks forced, some prices lower, one zero."""
    draw = np.random.default_rng(seed)
    banks, securities, scenarios = (int(draw.integers(1, most)) for most in (7, 5, 7))
    held = draw.lognormal(2.0, 1.0, (banks, securities)) * (draw.random((banks, securities)) < 0.6)
    prices = draw.choice([1.0, 0.97, 0.8, 0.0], (securities, scenarios), p=[0.5, 0.3, 0.15, 0.05])
    table, start = opening(
        read_holdings(held, "holdings"),
        scenarios,
        equity=draw.uniform(-1.0, 6.0, (banks, scenarios)) + 0.05 * held.sum(axis=1)[:, None],
        cash=draw.uniform(0.0, 4.0, banks) * (draw.random(banks) < 0.5),
        illiquid=draw.uniform(0.0, 20.0, banks),
        loan=draw.uniform(0.0, 30.0, banks),
        other_debt=draw.uniform(0.0, 1.0, banks) * held.sum(axis=1),
        gain=draw.uniform(-12.0, 1.0, (banks, scenarios)),
        price=prices if draw.random() < 0.5 else prices[:, 0],
        move=draw.uniform(-0.05, 0.0, (securities, scenarios)),
    )
    start = replace(start, forced=draw.random((banks, scenarios)) < 0.1)
    if listed:
        entries = start.held.entries() * draw.uniform(0.0, 1.0, (table.matrix.nnz, scenarios))
        start = replace(start, held=Listed(table, entries))
    rank = draw.permutation(securities).astype(np.float64) if ranked else None
    rule = response_of(response, draw, banks)
    rule_of_prices = impact_of(impact, draw, held.sum(axis=0))
    return Sale(table, rule, rule_of_prices, float(draw.choice([0.0, 0.5, 1.0])), rank), start


def both(sale, start, rounds):
    """What the kernels and what NumPy find; the message where sales do not end."""
    answers = []
    for own in (sale, replace(sale, response=Plain(sale.response))):
        assert (plan_of(own, start) is not None) == (own is sale)
        try:
            with np.errstate(all="ignore"):
                answers.append(simulate(own, start, rounds))
        except ConvergenceError as error:
            answers.append(str(error))
    return answers


def agree(found, expected):
    """Numbers to 1e-12 of the largest of their kind and of their own size; counts exactly."""
    assert isinstance(found, Simulated) == isinstance(expected, Simulated), (found, expected)
    if isinstance(found, str):
        return
    for field in fields(Simulated):
        ours, theirs = getattr(found, field.name), getattr(expected, field.name)
        assert ours.shape == theirs.shape, field.name
        scale = np.abs(theirs[np.isfinite(theirs)]).max(initial=1.0) if ours.dtype == np.float64 else 0.0
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12 * scale, err_msg=field.name)


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    monkeypatch.setattr(simulation, "LONGEST", 60)
    monkeypatch.setattr(simulation, "MAX_ROUNDS", 3_000)
    monkeypatch.setattr(engine, "MAX_ROUNDS", 3_000)


@pytest.mark.parametrize("response", RESPONSES)
@given(
    seed=st.integers(0, 10**6),
    impact=st.sampled_from(IMPACTS),
    ranked=st.booleans(),
    listed=st.booleans(),
    frozen=st.sampled_from([False, False, True]),
    delayed=st.booleans(),
    kept=st.booleans(),
    rounds=st.sampled_from(["until_no_sales", 0, 1, 2, 5]),
)
def test_rounds_are_those_of_numpy(response, seed, impact, ranked, listed, frozen, delayed, kept, rounds):
    sale, start = sale_of(seed, response, impact, ranked, listed)
    sale = replace(sale, frozen=frozen, delayed=delayed, proceeds="kept" if kept else "repaid")
    agree(*both(sale, start, rounds))


@pytest.mark.parametrize("response", MONOTONE)
@given(
    seed=st.integers(0, 10**6),
    impact=st.sampled_from(IMPACTS),
    ranked=st.booleans(),
    listed=st.booleans(),
    end=st.sampled_from(["least", "most"]),
)
def test_fixed_points_are_those_of_numpy(response, seed, impact, ranked, listed, end):
    sale, start = sale_of(seed, response, impact, ranked, listed)
    agree(*both(sale, start, end))
