"""Adapters of the records on fire sales of the engine: labels beside arrays, results by name."""

import dataclasses
import inspect

from contagion.errors import SchemaError
from contagion.propagation.firesales import named


def values_of(found):
    """Every public value of a result, with those that are worked out when asked for."""
    names = [field.name for field in dataclasses.fields(found) if not field.name.startswith("_")]
    names += [name for name, part in inspect.getmembers(type(found)) if _worked_out(name, part)]
    return {name: getattr(found, name) for name in names}


def _worked_out(name, part):
    return not name.startswith("_") and (
        isinstance(part, property) or type(part).__name__ == "cached_property"
    )


def runner(algorithm, function, taken):
    """A function of the keys of a record, and only of those that it takes."""

    def run(**keys):
        keys = {name: value for name, value in keys.items() if value is not None}
        for parameter in inspect.signature(function).parameters.values():
            if parameter.default is parameter.empty and parameter.name not in keys:
                raise SchemaError(f"has no key {parameter.name!r}", where=algorithm)
        return values_of(function(**keys))

    optional = {"kind": inspect.Parameter.KEYWORD_ONLY, "default": None}
    run.__signature__ = inspect.Signature([inspect.Parameter(name, **optional) for name in taken])
    return run


NAMES = [name for name in named.__all__ if name != "cont_schaanning"]


def adapter(name):
    """The pair of function and single value that `algorithms` keeps."""
    function = getattr(named, name)
    taken = [key for key in inspect.signature(function).parameters if key != "units"]
    return runner(name, function, taken), None


def cont_schaanning(**keys):
    """Rounds as mappings, with holdings as full tables."""
    found = adapter("cont_schaanning")[0](**keys)
    rounds = [values_of(one) for one in found["rounds"]]
    return found | {"rounds": [one | {"holdings_after": one["holdings_after"].toarray()} for one in rounds]}


cont_schaanning.__signature__ = inspect.signature(adapter("cont_schaanning")[0])
ALGORITHMS = {name: adapter(name) for name in NAMES} | {"cont_schaanning": (cont_schaanning, None)}
