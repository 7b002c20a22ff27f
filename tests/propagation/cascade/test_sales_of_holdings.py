"""In which market are holdings sold that pay for a top-up?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import contagion as ct
from tests.propagation.cascade.owners import SHORT_OF, Account, Town, build_town, moves
from tests.propagation.cascade.small import gap, play

TOWN = Town({"a": Account("o", 16.0, 2500.0, top_up_from="holdings")}, holdings={"o": 5.0})


def two_spots(first: Mapping[str, Any] | None = None, **second: Any) -> ct.Network:
    """The town with a second, shallower spot market T, at V."""
    net = build_town(TOWN)
    markets = net.markets.reset_index()
    spot = markets[markets["name"] == "S"].iloc[0].to_dict()
    rows = [row | (dict(first or {}) if row["name"] == "S" else {}) for row in markets.to_dict("records")]
    depth = net.depth[net.depth["market"] == "S"].assign(market="T")
    depth["amount"] *= 0.5
    return net.replace(
        markets=[*rows, spot | {"name": "T", "venue": "V"} | second],
        depth=[*net.depth.to_dict("records"), *depth.to_dict("records")],
    )


def sales(run: ct.Run) -> list[tuple[float, str]]:
    """Time and market of every sale."""
    rows = run.events[run.events["kind"] == "unwind"]
    return list(zip(rows["time"], rows["market"], strict=True))


def test_the_deepest_market_of_the_index_comes_first() -> None:
    assert sales(play(two_spots())) == [(30.0, "S")]
    assert sales(play(two_spots({"in_index": False}))) == [(30.0, "T")]


def test_a_market_whose_venue_is_out_is_passed_over() -> None:
    run = play(two_spots(), shock=gap() + ct.Outage("W", length=300.0))
    assert sales(run) == [(30.0, "T")]
    assert moves(run, "top_up") == [(40.0, "a", SHORT_OF)]


def test_a_halted_market_is_passed_over() -> None:
    halt = ct.Halt(drop=0.05, window=60.0, length=300.0, markets=("S",))
    assert sales(play(two_spots(), halt)) == [(30.0, "T")]


def test_a_market_outside_the_index_will_do_where_the_others_are_shut() -> None:
    out = gap() + ct.Outage("W", length=300.0)
    assert sales(play(two_spots(in_index=False), shock=out)) == [(30.0, "T")]


def test_where_no_market_is_of_the_index_the_first_one_is_used() -> None:
    assert sales(play(two_spots({"in_index": False}, in_index=False))) == [(30.0, "S")]


def test_where_all_are_shut_the_sale_waits_for_the_deepest() -> None:
    out = ct.Outage("W", length=60.0)
    run = play(build_town(TOWN), shock=gap() + out)
    assert sales(run) == [(60.0, "S")]
