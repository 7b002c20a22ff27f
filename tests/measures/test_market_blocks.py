"""Days in blocks: what is drawn, how the mean then varies, what is refused, and that nothing else changes."""

import numpy as np
import pandas as pd
import pytest

from contagion.errors import SchemaError, ValueRangeError
from contagion.measures.market_based import market_measures
from contagion.measures.market_based.blocks import Blocks


def drawn(n, length, seed=1):
    parts = list(Blocks.make(n, length, seed).blocks(np.arange(n)))
    return np.concatenate([weights for weights, _ in parts]), np.concatenate([totals for _, totals in parts])


def days(n=500, seed=1, decay=0.6):
    """Two correlated series whose days follow their predecessors."""
    source = np.random.Generator(np.random.PCG64(seed))
    shocks = source.standard_normal((n, 2)) @ np.array([[1.0, 0.0], [0.6, 0.8]]).T
    for day in range(1, n):
        shocks[day] = decay * shocks[day - 1] + np.sqrt(1.0 - decay**2) * shocks[day]
    return pd.DataFrame({"system": shocks[:, 0], "firm": shocks[:, 1]})


@pytest.mark.parametrize(("n", "length"), [(60, 1), (60, 7), (60, 60), (61, 20)])
def test_every_draw_has_as_many_days_as_the_sample_in_runs_of_a_block(n, length):
    weights, totals = drawn(n, length)
    assert weights.shape == (999, n) and (weights.sum(axis=1) == n).all() and (totals == n).all()
    assert weights.mean(axis=0) == pytest.approx(np.ones(n), abs=0.3 * np.sqrt(length))
    changes = np.count_nonzero(np.diff(weights, axis=1, append=weights[:, :1]), axis=1)
    assert changes.max() <= 2 * -(-n // length)
    if length == n:
        assert (weights == 1.0).all()


def test_the_mean_varies_as_the_means_of_all_circular_blocks_do():
    values = days(600)["system"].to_numpy()
    weights, _ = drawn(600, 12)
    around = np.concatenate([values, values])
    means = np.array([around[day : day + 12].mean() for day in range(600)])
    assert (weights @ values / 600.0).var() == pytest.approx(means.var() / 50.0, rel=0.12)
    single = (drawn(600, 1)[0] @ values / 600.0).var()
    assert single == pytest.approx(values.var() / 600.0, rel=0.12) and means.var() / 50.0 > 2.0 * single


def test_the_size_of_memory_changes_no_number(monkeypatch):
    whole = drawn(60, 7)[0]
    monkeypatch.setattr("contagion.measures.resampling.BLOCK_VALUES", 60 * 11)
    assert np.array_equal(whole, drawn(60, 7)[0])


def test_blocks_change_intervals_and_say_so_but_no_estimate():
    frame = days(1000)
    plain, blocks = market_measures(frame).loc["firm"], market_measures(frame, block=20).loc["firm"]
    for name in ("mes", "delta_covar", "covar", "slope", "var_firm", "n_tail_days"):
        assert plain[name] == blocks[name]
    assert blocks["mes_high"] - blocks["mes_low"] > plain["mes_high"] - plain["mes_low"]
    assert plain["note"] == "approximate: n q = 50 < 100"
    assert blocks["note"] == "approximate: n q = 50 < 100; approximate: blocks of 20 days"
    assert (
        market_measures(frame, block=20).attrs["block"] == 20 and "block" not in market_measures(frame).attrs
    )


def test_too_few_blocks_have_no_interval():
    row = market_measures(days(500), block=26).loc["firm"]
    assert row["note"] == "no interval: 19 blocks of 26 days < 20" and np.isnan(row["mes_low"])
    assert np.isfinite(market_measures(days(500), block=25).loc["firm", "mes_low"])


@pytest.mark.parametrize(
    ("block", "error"),
    [(0, ValueRangeError), (501, ValueRangeError), (2.5, SchemaError), (True, SchemaError)],
)
def test_a_length_that_is_none_is_refused(block, error):
    with pytest.raises(error, match="block"):
        market_measures(days(500), block=block)


def test_blocks_of_scenarios_on_several_networks_are_refused():
    with pytest.raises(ValueRangeError, match="no order in time"):
        market_measures(days(500), block=5, networks=np.arange(500) % 4)
