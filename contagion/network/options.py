"""Checks the arguments of a network that are no tables: unit, options, outside payers."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from contagion.errors import SchemaError, UnitError, ValueRangeError, nearest
from contagion.network.cells import FORBIDDEN
from contagion.network.faults import Faults
from contagion.network.schema import TABLES


def check_options(
    given: Mapping[str, object], unit: object, rest_of_market: object, repair: object, faults: Faults
) -> None:
    """Note tables that do not exist, a unit that is no text and options that are no choice."""
    for name in given:
        if name not in TABLES:
            what = f"is no table{nearest(name, TABLES)}"
            faults.add(SchemaError, "unknown-table", str(name), what, allowed="tables: " + ", ".join(TABLES))
    if not isinstance(unit, str) or not unit or FORBIDDEN.search(unit) or unit != unit.strip():
        faults.add(UnitError, "unknown-unit", "network", "is no unit", value=unit, allowed="a short text")
    options = (
        ("rest_of_market", rest_of_market, ("error", "add")),
        ("repair", repair, (None, "sum-duplicates")),
    )
    for name, value, allowed in options:
        if not isinstance(value, str | None) or value not in allowed:
            text = ", ".join(map(repr, allowed))
            what = f"is no choice of {name}"
            faults.add(SchemaError, "unknown-option", "network", what, value=value, allowed=text)


def check_payers(payers: Mapping[str, float], faults: Faults) -> dict[str, float]:
    """Return outside payers sorted by name; note names and amounts that cannot be."""
    money: dict[str, float] = {}
    if not isinstance(payers, Mapping):
        faults.add(SchemaError, "payer", "payers", "is no dict", value=payers, allowed="money by name")
        return money
    for name in sorted(payers, key=str):
        value = payers[name]
        number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
        if not isinstance(name, str) or not name or FORBIDDEN.search(name):
            faults.add(SchemaError, "payer", "payers", "is no name", value=name, allowed="a text")
        elif not number or not math.isfinite(value) or value < 0:
            error = ValueRangeError if number else SchemaError
            what = f"is no money put in by {name!r}"
            faults.add(error, "payer", "payers", what, value=value, allowed="finite and >= 0")
        else:
            money[name] = float(value) + 0.0
    return money
