"""Which function of the package is which algorithm of the reference cases."""

import dataclasses
import inspect

from contagion.errors import SchemaError
from contagion.margin import accounts, tiers
from contagion.propagation.firesales import closed_forms

ALGORITHMS = {
    "account_equity": (accounts.account_equity, None),
    "borel_cascade": (closed_forms.borel_cascade, None),
    "circuit_breaker_cascade": (closed_forms.circuit_breaker_cascade, None),
    "cross_margin_status": (accounts.cross_margin_status, None),
    "discrete_cascade": (closed_forms.discrete_cascade, None),
    "initial_margin_tiers": (tiers.initial_margin, None),
    "linear_cascade": (closed_forms.linear_cascade, None),
    "maintenance_amounts": (tiers.maintenance_amounts, "maintenance_amounts"),
    "maintenance_margin_tiers": (tiers.maintenance_margin, None),
    "margin_linear_in_size": (accounts.margin_linear_in_size, None),
    "margin_open_interest_scaled": (accounts.margin_open_interest_scaled, "initial_rate"),
}


def compute(algorithm, keys):
    """Run one algorithm on the keys of a record; a dictionary of named values.

    Keys have the names of the function's arguments. Keys that the function does not take are labels or
    remarks; a key that is null has its default; a key that is missing is refused by name.
    """
    function, name = ALGORITHMS[algorithm]
    arguments = {}
    for parameter in inspect.signature(function).parameters.values():
        optional = parameter.default is not parameter.empty
        if optional and keys.get(parameter.name) is None:
            continue
        if parameter.name not in keys:
            raise SchemaError(f"has no key {parameter.name!r}", where=algorithm)
        arguments[parameter.name] = keys[parameter.name]
    found = function(**arguments)
    if name is not None:
        return {name: found}
    return {field.name: getattr(found, field.name) for field in dataclasses.fields(found)}
