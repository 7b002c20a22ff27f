"""At which price of one market must a whole account be closed? Cross margin, the other marks held still.

References
----------
Help page of Binance on the liquidation price of USD-margined contracts; tests of freqtrade.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from contagion.arrays import FloatArray, reals
from contagion.errors import PolicyError, SchemaError
from contagion.margin.accounts import Leg, Position, checked_legs, tier_tables
from contagion.margin.brackets import LiquidationPrice, bracket_price, margin_line
from contagion.margin.tiers import Tiers, TierTable, tier_line


def liquidation_price_cross(
    wallet_balance: Any,
    target: Position,
    others: Sequence[Position],
    *,
    tiers: Mapping[str, Tiers] | None = None,
    brackets: Mapping[str, Mapping[str, Any]] | None = None,
) -> LiquidationPrice:
    """Price of the target's market at which the equity of the account meets its maintenance.

    Parameters
    ----------
    wallet_balance
        Money in the account, before unrealised profit; any sign and shape.
    target
        Position with symbol, side, size and entry_price; numbers may be arrays over accounts.
    others
        Positions with mark_price as well, valued there.
    tiers
        Tier table of every symbol; or
    brackets
        one line of every symbol: {"maintenance_rate": ..., "maintenance_amount": ...}.

    Returns
    -------
    LiquidationPrice
        That of `liquidation_price_binance_isolated` with the wallet balance plus the others' unrealised
        profit less their maintenance.

    Raises
    ------
    InputError
        If a key is missing, a number is out of range, a symbol has no rule, or neither or both rules are given.

    Examples
    --------
    >>> rule = {"maintenance_rate": 0.1, "maintenance_amount": 0}
    >>> held = {"symbol": "ETH", "side": 1, "size": 1, "entry_price": 100}
    >>> float(liquidation_price_cross(19, held, [], brackets={"ETH": rule}).liquidation_price)
    90.0
    """
    balance = reals(wallet_balance, "wallet_balance")
    if not isinstance(target, Mapping):
        raise SchemaError("is not a position", where="target", value=target, allowed="a mapping")
    # the mark of the target plays no part: its own price is what is looked for
    aim = checked_legs([{**target, "mark_price": target.get("mark_price", 1.0)}], "target")[0]
    rest = checked_legs(others, "others")
    tables = _rules({"target": aim} | {f"others[{k}]": leg for k, leg in enumerate(rest)}, tiers, brackets)
    for leg in rest:
        balance = balance + leg.side * leg.size * (leg.mark - leg.entry) - _required(leg, tables[leg.symbol])
    return bracket_price(aim.side, aim.size, aim.entry, balance, tables[aim.symbol])


def _required(leg: Leg, table: TierTable) -> FloatArray:
    """Maintenance of one position at its mark."""
    notional = leg.size * leg.mark
    if len(table.rates) == 1:
        return np.asarray(table.rates[0] * notional - table.amounts[0])
    return tier_line(notional, table)


def _rules(
    legs: Mapping[str, Leg],
    tiers: Mapping[str, Tiers] | None,
    brackets: Mapping[str, Mapping[str, Any]] | None,
) -> dict[Any, TierTable]:
    """Tier table of every symbol held, whichever way the rule is given."""
    symbols = {where: leg.symbol for where, leg in legs.items()}
    if (tiers is None) == (brackets is None):
        raise PolicyError(
            "are both given" if tiers is not None else "are both missing",
            where="tiers and brackets",
            allowed="one of the two, with a rule for every symbol",
        )
    if tiers is not None:
        return tier_tables(symbols, tiers)
    assert brackets is not None
    if not isinstance(brackets, Mapping):
        raise SchemaError("is not a mapping of symbols to brackets", where="brackets", value=brackets)
    return tier_tables(symbols, {symbol: _line(symbol, rule) for symbol, rule in brackets.items()})


def _line(symbol: str, rule: Mapping[str, Any]) -> TierTable:
    """One bracket as a table of one tier."""
    where = f"brackets[{symbol!r}]"
    if not isinstance(rule, Mapping):
        raise SchemaError(
            "is not a bracket", where=where, value=rule, allowed="maintenance_rate and maintenance_amount"
        )
    return margin_line(None, rule.get("maintenance_rate"), rule.get("maintenance_amount"), where)
