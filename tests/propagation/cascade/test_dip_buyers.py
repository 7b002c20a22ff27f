"""Capital that buys below a discount to the outside price: by hand, in an exponential book with permanent impact."""

import math
from typing import Any

import pytest

import contagion as ct
from contagion.errors import NetworkError

DEPTH, BAND = 2.0**20, 0.5
MODEL = ct.Cascade(step=10.0, horizon=40.0)


def network(**buyer: Any) -> ct.Network:
    """A trader long 512 of X at 1024 who is sold out below 968, and a dip buyer in the same perp."""
    book = {"impact": "exponential", "permanent_share": 1.0, "impact_half_life": None, "capital_exponent": 0.0,
            "volatility_exponent": 0.0, "lot": 2.0**-20}  # fmt: skip
    strategy = {
        "name": "dip",
        "kind": "dip_buyer",
        "long_account": "b",
        "asset": "X",
        "discount": 0.125,
        "rate": 1.0,
    }
    return ct.Network(
        nodes=[
            {"name": n, "kind": k, "cash": 1e7}
            for n, k in (("V", "exchange"), ("t", "trader"), ("d", "institution"))
        ],
        assets=[{"name": "USD", "kind": "currency", "price": 1.0}, {"name": "X", "price": 1024.0}],
        venues=[{"name": "V", "mark": "last", "insurance_fund": 1e7}],
        markets=[{"name": "m", "venue": "V", "asset": "X", "kind": "perp", "schedule": "s", **book}],
        depth=[{"market": "m", "side": side, "band": BAND, "amount": DEPTH} for side in ("bid", "ask")],
        schedules=[{"name": "s"}],
        tiers=[{"schedule": "s", "floor": 0.0, "initial_rate": 0.125, "maintenance_rate": 0.0625}],
        accounts=[
            {"name": a, "owner": o, "venue": "V", "reaction": "none"} for a, o in (("a", "t"), ("b", "d"))
        ],
        balances=[
            {"account": "a", "asset": "USD", "quantity": 61440.0},
            {"account": "b", "asset": "USD", "quantity": 1e6},
        ],
        positions=[{"account": "a", "market": "m", "quantity": 512.0, "entry_price": 1024.0}],
        strategies=[strategy | buyer],
        rest_of_market="add",
    )


def end(net: ct.Network) -> Any:
    return ct.run(net, ct.PriceShock({"X": 960.0 / 1024.0 - 1.0}, over=0.0), MODEL)


SOLD = BAND * 512.0 * 960.0 / DEPTH  # displacement of the forced sale


def last_displacement(run: Any) -> float:
    return float(run.paths["displacement"].iloc[-1])


def test_a_dip_buyer_brings_the_price_back_to_its_reservation_price_and_no_further() -> None:
    assert -math.log(0.875) < SOLD
    run = end(network())
    assert last_displacement(run) == pytest.approx(-math.log(0.875), abs=1e-9)
    bought = run.events.query("kind == 'arbitrage' and account == 'b'")
    assert bought["lots"].sum() * 2.0**-20 == pytest.approx((SOLD + math.log(0.875)) * DEPTH / BAND / 960.0)


def test_nobody_buys_above_the_discount() -> None:
    assert last_displacement(end(network(discount=0.25))) == pytest.approx(SOLD)


def test_capital_limits_what_is_bought() -> None:
    run = end(network(capital=9600.0))
    bought = run.events.query("kind == 'arbitrage' and account == 'b'")
    assert bought["lots"].sum() * 2.0**-20 * 960.0 <= 9600.0 * (1.0 + 1e-6) / (1.0 - 0.2085)
    assert last_displacement(run) > -math.log(0.875)


def test_a_dip_buyer_is_no_part_of_the_system_whose_loss_is_counted() -> None:
    assert not end(network()).nodes.loc["d", "counted"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"discount": None}, "discount"),
        ({"short_account": "a"}, "dip buyer has none"),
        ({"discount": 1.0}, "discount"),
    ],
)
def test_a_dip_buyer_without_its_terms_is_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises((NetworkError, ValueError), match=words):
        network(**change)
