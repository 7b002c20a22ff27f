"""A venue that fails closes the leg that is held there: the trader's other leg is unwound, wherever it is."""

from __future__ import annotations

from typing import Any

import pytest

import contagion as ct
from tests.propagation.cascade.small import LOT, OPENING

UNITS = 4.0
MARKETS = {"W": ("U", "perp"), "T": ("U", "spot"), "M": ("V", "perp"), "N": ("V", "perp"), "S": ("V", "spot")}
CARRY = {"spot_node": "o", "short_account": "s"}
SPREAD = {"long_account": "l", "short_account": "s"}
MODEL = ct.Cascade(step=10.0, horizon=200.0)


def two_venues(strategy: dict[str, Any], markets: tuple[str, ...] = tuple(MARKETS)) -> ct.Network:
    """Node o is long 4 of W at U and of N at V, short 4 of M at V, and holds 4 coins; nothing moves a price."""
    book = {"impact": "linear", "impact_coefficient": 0.0, "permanent_share": 1.0, "lot": LOT}
    book |= {"impact_half_life": float("nan"), "capital_exponent": 0.0, "volatility_exponent": 0.0}
    legs = [
        ("l", "W", 1.0),
        ("y", "W", -1.0),
        ("s", "M", -1.0),
        ("z", "M", 1.0),
        ("n", "N", 1.0),
        ("z", "N", -1.0),
    ]
    accounts = {"l": ("o", "U"), "y": ("y", "U"), "s": ("o", "V"), "n": ("o", "V"), "z": ("z", "V")}
    return ct.Network(
        nodes=[
            *({"name": name, "kind": "exchange", "cash": 1e6} for name in "UV"),
            *({"name": name, "kind": "institution"} for name in "oyz"),
        ],
        assets=[
            {"name": "USD", "kind": "currency", "price": 1.0},
            {"name": "X", "kind": "coin", "price": OPENING},
        ],
        venues=[{"name": "U", "mark": "last"}, {"name": "V", "mark": "last"}],
        schedules=[{"name": "s"}],
        tiers=[{"schedule": "s", "floor": 0.0, "initial_rate": 0.125, "maintenance_rate": 0.0625}],
        markets=[
            {
                "name": name,
                "venue": MARKETS[name][0],
                "asset": "X",
                "kind": MARKETS[name][1],
                "schedule": "s" if MARKETS[name][1] == "perp" else "",
                **book,
            }
            for name in markets
        ],
        depth=[
            {"market": name, "side": side, "band": 2.0**-6, "amount": 1e6}
            for name in markets
            for side in ("bid", "ask")
        ],
        accounts=[
            {"name": name, "owner": owner, "venue": venue, "reaction": "none"}
            for name, (owner, venue) in accounts.items()
        ],
        balances=[{"account": name, "asset": "USD", "quantity": 4_000.0} for name in accounts],
        positions=[
            {"account": name, "market": market, "quantity": sign * UNITS, "entry_price": OPENING}
            for name, market, sign in legs
        ],
        holdings=[{"node": "o", "asset": "X", "quantity": UNITS}],
        strategies=[
            {"name": "b", "kind": "basis", "asset": "X", "short_market": "M", "unwind": 20.0, **strategy}
        ],
    )


def unwound(run: ct.Run) -> list[tuple[float, str, float]]:
    """When, where and how many units."""
    rows = run.events[run.events["kind"] == "unwind"]
    return list(zip(rows["time"], rows["market"], rows["lots"] * LOT, strict=True))


@pytest.mark.parametrize(
    ("strategy", "failed", "market", "sign"),
    [(SPREAD, "V", "W", -1.0), (SPREAD, "U", "M", 1.0), (CARRY, "V", "T", -1.0)],
)
def test_the_leg_that_is_left_is_unwound_in_equal_slices(
    strategy: dict[str, Any], failed: str, market: str, sign: float
) -> None:
    """The venue fails at the end of the round of ten seconds; coins are sold where a spot market is left."""
    run = ct.run(two_venues(strategy), ct.Default([failed]), MODEL)
    assert run.events.loc[run.events["kind"] == "venue_default", "time"].tolist() == [10.0]
    half = sign * UNITS / 2.0
    assert unwound(run) == [(20.0, market, half), (30.0, market, half)]
    assert run.metrics["deferred_notional"] == 0.0


def test_coins_that_nobody_trades_any_more_are_deferred() -> None:
    run = ct.run(two_venues(CARRY, ("W", "M", "N", "S")), ct.Default(["V"]), MODEL)
    assert unwound(run) == []
    assert run.metrics["deferred_notional"] == UNITS * OPENING


@pytest.mark.parametrize(
    ("strategy", "failed"),
    [
        ({"long_account": "n", "short_account": "s", "long_market": "N"}, ["V"]),
        (SPREAD, ["U", "V"]),
    ],
)
def test_where_both_legs_are_closed_nothing_is_unwound(strategy: dict[str, Any], failed: list[str]) -> None:
    run = ct.run(two_venues(strategy), ct.Default(failed), MODEL)
    assert (run.events["kind"] == "venue_default").sum() == len(failed)
    assert unwound(run) == []
    assert run.metrics["deferred_notional"] == 0.0


def test_both_drivers_unwind_with_the_same_bits() -> None:
    prepared = MODEL.prepare(two_venues(CARRY))
    one, other = (prepared.simulate(ct.Default(["V"]), look=look) for look in ("compiled", "numpy"))
    assert one.events.tobytes() == other.events.tobytes()
    assert one.ledger.tobytes() == other.ledger.tobytes()
