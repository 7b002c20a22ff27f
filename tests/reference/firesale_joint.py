"""Which function of the package is which algorithm of the reference cases: joint clearing of debts, prices, margins."""

import pandas as pd

from contagion.errors import SchemaError
from contagion.propagation.firesales import joint, joint_margins


def _table(rows, banks, where):
    """A matrix with the banks of a record on both sides, if it has any."""
    if banks is None or not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        return rows
    if len(rows) != len(banks) or any(len(row) != len(banks) for row in rows):
        raise SchemaError("has another shape", where=where, allowed=f"a row and column for each of {banks}")
    return pd.DataFrame(rows, index=banks, columns=banks)


def _vector(values, banks, where):
    """One number for each bank of a record, by name."""
    if banks is None or not isinstance(values, list):
        return values
    if len(values) != len(banks):
        raise SchemaError("has another length", where=where, allowed=f"one number for each of {banks}")
    return pd.Series(values, index=banks)


def cifuentes_ferrucci_shin(
    interbank_liabilities,
    external_liabilities,
    cash,
    illiquid,
    min_capital_ratio,
    price_elasticity,
    banks=None,
):
    """Labelled balance sheets, and positions in default."""
    found = joint.cifuentes_ferrucci_shin(
        _table(interbank_liabilities, banks, "interbank_liabilities"),
        _vector(external_liabilities, banks, "external_liabilities"),
        _vector(cash, banks, "cash"),
        _vector(illiquid, banks, "illiquid"),
        min_capital_ratio=min_capital_ratio,
        price_elasticity=price_elasticity,
    )
    return {**vars(found), "defaults": found.defaults, "unique": found.unique}


def paddrik_rajan_young(
    margin_due, liquidity_buffer, stress_factor, initial_margin=None, use_initial_margin=True, banks=None
):
    """Labelled calls of margin."""
    return vars(
        joint_margins.paddrik_rajan_young(
            _table(margin_due, banks, "margin_due"),
            _vector(liquidity_buffer, banks, "liquidity_buffer"),
            initial_margin and _table(initial_margin, banks, "initial_margin"),
            stress_factor=stress_factor,
            use_initial_margin=use_initial_margin,
        )
    )


ALGORITHMS = {
    "cifuentes_ferrucci_shin": (cifuentes_ferrucci_shin, None),
    "paddrik_rajan_young": (paddrik_rajan_young, None),
}
