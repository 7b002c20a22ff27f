"""Rows of options from a surface: volatilities by strike and expiry, and surfaces with arbitrage refused."""

from __future__ import annotations

import pytest

from contagion import generate
from contagion.errors import ValueRangeError
from contagion.markets import VolatilitySurface
from tests.propagation.cascade.listed import SPOT, YEAR, Owner, listed_net


def rows(surface: VolatilitySurface, carry: float = 0.0) -> list[dict[str, object]]:
    found = generate.option_markets(
        surface,
        venue="V",
        asset="X",
        price=SPOT,
        moneyness=[0.75, 1.0, 1.25],
        expiries=[YEAR / 8, YEAR],
        carry=carry,
    )
    return [{str(name): value for name, value in row.items()} for row in found.to_dict("records")]


def test_every_option_has_the_volatility_of_its_strike_and_expiry_and_the_network_takes_the_rows() -> None:
    surface = VolatilitySurface([0.8, 0.6], years=[0.125, 1.0], skew=-0.05)
    found = rows(surface, carry=0.05)
    assert len(found) == 12
    for row in found:
        years = float(str(row["expiry"])) / YEAR
        forward = SPOT * 2.718281828459045 ** (0.05 * years)
        assert row["implied_volatility"] == pytest.approx(
            float(surface.volatility(row["strike"], forward, years))
        )
    terms = {
        str(row["name"]): {k: v for k, v in row.items() if k not in ("name", "venue", "asset")}
        for row in found
    }
    net = listed_net({"a": Owner({next(iter(terms)): 1.0}, 1e4)}, markets=terms)
    assert (net.markets["kind"] == "option").sum() == 12


def test_a_surface_that_lets_somebody_gain_without_risk_is_refused() -> None:
    with pytest.raises(ValueRangeError, match=r"surface.*gain without risk.*calendar"):
        rows(VolatilitySurface([0.8, 0.1], years=[0.125, 1.0]))
