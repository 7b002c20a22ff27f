"""Adapters of the records on distress and rounds of default: balance sheets from keys, numbers by name."""

import dataclasses
import inspect

from contagion.claims import Claims
from contagion.errors import SchemaError
from contagion.propagation import defaults, distress

SHEET = ("external_assets", "external_liabilities", "equity", "weights")


def sheet(keys):
    """Arguments for a balance sheet; debts are a matrix or a list of edges."""
    if "liabilities" not in keys and ("edges" not in keys or "n" not in keys):
        raise SchemaError("has no key 'liabilities', nor 'edges' and 'n'", where=keys["algorithm"])
    debts = keys["liabilities"] if "liabilities" in keys else Claims.from_edges(keys["edges"], n=keys["n"])
    return {"liabilities": debts} | {name: keys[name] for name in SHEET if name in keys}


def nodes(keys):
    """Initial defaults as positions; names of the record become positions."""
    chosen, names = keys["initial_defaults"], keys.get("names") or []
    return [names.index(node) if isinstance(node, str) and node in names else node for node in chosen]


def values_of(found):
    """Every value of a result by name, with those that are worked out when asked for."""
    values = {field.name: getattr(found, field.name) for field in dataclasses.fields(found)}
    extra = ("waves", "spectral_radius")
    return values | {name: getattr(found, name) for name in extra if hasattr(found, name)}


def runner(algorithm, function, rules):
    """A function of the keys of a record."""

    def run(**keys):
        keys = {name: value for name, value in keys.items() if value is not None} | {"algorithm": algorithm}
        rule = {name: keys[name] for name in rules if name in keys}
        for name in rules:
            if (
                name not in rule
                and inspect.signature(function).parameters[name].default is inspect.Parameter.empty
            ):
                raise SchemaError(f"has no key {name!r}", where=algorithm)
        if "initial_defaults" in keys and keys.get("trigger") != "fundamental":
            rule["initial_defaults"] = nodes(keys)
        return values_of(function(**sheet(keys), **rule))

    taken = ("liabilities", "edges", "n", "names", *SHEET, "initial_defaults", *rules)
    optional = {"kind": inspect.Parameter.KEYWORD_ONLY, "default": None}
    run.__signature__ = inspect.Signature([inspect.Parameter(name, **optional) for name in taken])
    return run


NONPOSITIVE = "nonpositive_equity"
RULES = {
    "debtrank_linear": (distress.debtrank_linear, ("shock", NONPOSITIVE)),
    "debtrank_nonlinear": (distress.debtrank_nonlinear, ("shock", NONPOSITIVE, "alpha")),
    "debtrank_single_hit": (distress.debtrank_single_hit, ("shock", NONPOSITIVE, "cap_w")),
    "furfine": (defaults.furfine, ("lgd", "trigger")),
    "threshold_cascade": (defaults.threshold_cascade, ("shock", "threshold", "lgd")),
}
ALGORITHMS = {name: (runner(name, *rule), None) for name, rule in RULES.items()}
