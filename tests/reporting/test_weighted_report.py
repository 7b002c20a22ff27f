"""A report on an importance-weighted study shows the numbers of the law, not those of the sample."""

from __future__ import annotations

import html
import re

import numpy as np
import pytest

import contagion as ct
from contagion.measures.weighted import weighted_quantile
from contagion.reporting import leverage_band

FAMILY = ct.PriceShocks.normal(0.08).tilted(factor=-2.0)


@pytest.fixture(scope="module")
def weighted():
    net = ct.generate.perp_market(n_accounts=300, seed=1)
    sets = {"halt": [ct.Halt(drop=0.05)]}
    return ct.compare(net, FAMILY, ct.Cascade(step=1200.0), sets, n=40, seed=3)


@pytest.fixture(scope="module")
def page(weighted, tmp_path_factory):
    target = tmp_path_factory.mktemp("weighted") / "report.html"
    return ct.report(weighted, target).read_text(encoding="utf-8")


def sample(weighted, policy="none", metric="system_loss"):
    frame = weighted.to_frame()
    rows = frame[frame["policy"] == policy]
    return rows[metric].to_numpy(), rows["weight"].to_numpy()


def test_levels_are_those_of_the_weighted_sample(weighted, page, read_numbers):
    shown = {
        (one.policy, one.statistic): one.value for one in read_numbers(page) if one.table == "tail-table"
    }
    tail = weighted.tail("system_loss")
    for policy in ("none", "halt"):
        values, weights = sample(weighted, policy)
        assert shown[policy, "mean"] == pytest.approx((values * weights).sum() / weights.sum(), rel=1e-12)
        assert shown[policy, "mean"] != pytest.approx(values.mean(), rel=0.05)
        assert shown[policy, "median"] == weighted_quantile(values, weights, 0.5)
        assert [shown[policy, name] for name in ("var", "es", "k")] == tail.loc[
            policy, ["var", "es", "k"]
        ].tolist()


def test_the_effective_sample_size_stands_on_the_first_page(weighted, page):
    _, weights = sample(weighted)
    size = weights.sum() ** 2 / (weights**2).sum()
    text = html.unescape(re.sub(r"<[^>]+>", " ", page))
    assert size < 40 and f"as much as {size:.0f} of equal weight (effective sample size)" in text
    assert "Effective sample size" in text and "of 40 scenarios that carry weights" in text
    assert "Tail points (effective)" in text and "by their weight" in text and "order-statistic" not in text


def test_moves_are_quantiles_of_the_law(weighted, page, read_numbers):
    numbers = [one.value for one in read_numbers(page) if one.table == "scenario-table"]
    moves = np.expm1(weighted.scenarios["BTC"].to_numpy())
    _, weights = sample(weighted)
    assets = [name for name in weighted.scenarios.columns if name not in ("scenario", "network")]
    place = 7 * assets.index("BTC")
    assert numbers[place + 3] == weighted_quantile(moves, weights, 0.5)
    assert numbers[place + 3] > np.median(moves)


def test_a_band_of_leverages_takes_weights_too():
    model = ct.Cascade(step=1200.0)
    band = leverage_band(FAMILY, model, {}, medians=(5.0,), n=3, n_accounts=300).set_index("policy")
    net = ct.generate.perp_market(n_accounts=300, seed=0, leverage_median=5.0)
    values, weights = sample(ct.compare(net, FAMILY, model, {}, n=3))
    assert band.loc["none", "mean"] == pytest.approx((values * weights).sum() / weights.sum(), rel=1e-12)
    assert band.loc["none", ["least", "most"]].tolist() == [values.min(), values.max()]
