"""Do the numbers and parameters of a lending rule fit together? Checks that the rules share.

Nothing is computed here: values come back as arrays, or are refused by the name of their argument.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from contagion.arrays import FloatArray, reals
from contagion.errors import InputError, PolicyError, SchemaError, nearest

Row = Mapping[str, Any]


def rows(values: object, where: str, keys: tuple[str, ...]) -> list[Row]:
    """Return a list of mappings in which every key is present.

    Raises
    ------
    SchemaError
        If it is not a list of mappings or a key is missing.
    """
    if isinstance(values, (str, bytes, Mapping)) or not isinstance(values, Sequence):
        raise SchemaError("is not a list", where=where, value=values, allowed="a list of mappings")
    for place, row in enumerate(values):
        if not isinstance(row, Mapping):
            raise SchemaError("is not a mapping", where=f"{where}[{place}]", value=row)
        for key in keys:
            if key not in row:
                raise SchemaError(f"has no key {key!r}", where=f"{where}[{place}]", value=dict(row))
    return list(values)


def symbol_of(row: Row, where: str) -> str:
    """Text under `symbol` of a row; refused if it is something else."""
    if not isinstance(row["symbol"], str):
        raise SchemaError("is not a text", where=f"{where}.symbol", value=row["symbol"])
    return str(row["symbol"])


def factor_of(table: object, name: str, symbol: str, where: str) -> FloatArray:
    """Factor in [0, 1] of a symbol in a mapping of symbols to factors.

    Raises
    ------
    InputError
        If the table is no mapping, has no factor for the symbol, or the factor is outside [0, 1].
    """
    if not isinstance(table, Mapping):
        raise SchemaError("is not a mapping of symbols to factors", where=name, value=table)
    if symbol not in table:
        raise InputError(
            f"has no entry in {name}",
            where=f"{where}.symbol",
            value=symbol,
            allowed=f"a symbol of {name}" + nearest(symbol, [key for key in table if isinstance(key, str)]),
        )
    return reals(table[symbol], f"{name}[{symbol!r}]", low=0.0, high=1.0)


def close_factors(values: Any, where: str = "close_factor") -> FloatArray:
    """Close factors in (0, 1]; a rule that closes nothing, or more than all, is refused as a policy."""
    array = reals(values, where)
    if not ((array > 0.0) & (array <= 1.0)).all():
        raise PolicyError("is no close factor", where=where, value=values, allowed="> 0 and <= 1")
    return array


def check_bonus(gross: FloatArray, threshold: FloatArray, names: str) -> None:
    """Refuse ``gross * threshold >= 1``: liquidation at the threshold would leave the debt less covered.

    `gross` is one plus the bonus, the incentive.
    """
    product = gross * threshold
    if (product >= 1.0).any():
        raise PolicyError(
            f"take all collateral of a position at its threshold: {float(product.max()):g} >= 1",
            where=names,
            allowed="(1 + bonus) * threshold < 1",
            remedy="lower one of them",
        )


def check_threshold(loan_to_value: FloatArray, threshold: FloatArray, where: str) -> None:
    """Refuse a liquidation threshold below the loan-to-value: a full loan would be liquidated at once."""
    if (threshold < loan_to_value).any():
        raise PolicyError(
            "is below loan_to_value",
            where=where,
            value=float(threshold.min()),
            allowed="a liquidation threshold of at least the loan-to-value",
        )
