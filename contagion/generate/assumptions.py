"""Which assumptions about people and institutions does a made market use, and which may a user change?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

from contagion import facts
from contagion.errors import SchemaError, ValueRangeError, nearest

__all__ = ["read_assumptions"]

_COUNTS = frozenset({"makers", "basis_traders", "lenders", "keepers"})
_ANY_SIGN = frozenset({"size_elasticity", "volatility_elasticity", "future_carry"})
_MAY_BE_ZERO = frozenset(
    {
        "size_sd",
        "size_tilt",
        "free_cash",
        "free_cash_sd",
        "entry_spread",
        "maker_hedge_sd",
        "institution_size_sd",
        "arbitrage_capital",
        "arbitrage_rate",
        "basis_unwind",
        "concentration",
        "impact_coefficient",
        "capital_exponent",
        "volatility_exponent",
        "usage_sd",
        "loop_room_sd",
        "leverage_sd",
        "asset_size_sd",
        "popularity",
        "volatility_sd",
        "turnover_sd",
        "parent_support",
        "arrows_perp",
        "genesis_celsius",
        "notice",
        "protocol_reserve",
        "celsius_debt",
        "vault_shares",
        "dealer_cash",
    }
)
_FEWEST = MappingProxyType({"makers": 2, "basis_traders": 4, "lenders": 3, "keepers": 1})


def read_assumptions(
    changes: Mapping[str, object], table: str = "population", maker: str = "perp_market"
) -> dict[str, float]:
    """Return every assumption of a table, with the user's changes.

    Parameters
    ----------
    changes : mapping of str to float
        Values in place of those of the table. They may lie outside the stated range, but not outside what
        has a meaning: shares and probabilities from 0 to 1, sizes above 0.
    table : str
        Table of facts with one row for each assumption.
    maker : str
        The function that makes the network, for messages.

    Returns
    -------
    dict of str to float
        One value for each row of the table.

    Raises
    ------
    SchemaError
        If a name is not in the table or a value is no number.
    ValueRangeError
        If a value has no meaning.
    """
    rows = facts.load(table).set_index("name")
    settings = {str(name): float(value) for name, value in rows["value"].items()}
    units = {str(name): str(unit) for name, unit in rows["unit"].items()}
    for name, value in changes.items():
        if name not in settings:
            raise SchemaError(
                "is no assumption of a made market" + nearest(name, settings),
                where=maker,
                value=name,
                allowed=f"see contagion.facts.load({table!r})",
            )
        settings[name] = _checked(name, value, units[name], f"{maker}, {name}")
    return settings


def _checked(name: str, value: object, unit: str, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise SchemaError("is no number", where=where, value=value)
    number = float(value)
    if not math.isfinite(number):
        raise ValueRangeError("is not finite", where=where, value=value)
    if name in _COUNTS and (number != int(number) or number < _FEWEST[name]):
        raise ValueRangeError(
            "is too few", where=where, value=value, allowed=f"a whole number of at least {_FEWEST[name]}"
        )
    is_share = unit.startswith(("share", "probability"))
    if is_share and not 0.0 <= number <= 1.0:
        raise ValueRangeError("is no share", where=where, value=value, allowed="0 to 1")
    if not is_share and name not in _ANY_SIGN and (number < 0 or (number == 0 and name not in _MAY_BE_ZERO)):
        raise ValueRangeError("is too small", where=where, value=value, allowed="a number above 0")
    return number
