"""What exactly was run? Policies, shocks and models as plain data: to be hashed, and to be made again.

Two objects with the same plain form give the same numbers. A class of one's own is told by its name and by its
compiled code, so that an edited policy is another policy; module-level values that such code reads are not seen.
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cached_property
from types import CodeType, FunctionType
from typing import Any, Final

import numpy as np
import pandas as pd

from contagion.errors import SchemaError

__all__ = ["canonical", "digest", "plain", "revive"]

DEEPEST: Final = 40
MOST_VALUES: Final = 4096
"""Arrays of more cells are told by their hash alone."""

OWN_CLASSES: Final = (
    "contagion.policies",
    "contagion.shocks",
    "contagion.experiments",
    "contagion.propagation",
)
"""Packages whose classes `revive` makes, from modules that are loaded; nothing is imported by name."""

REMEDY: Final = "make it a dataclass whose fields are numbers, texts, lists, mappings, arrays or such classes"


def canonical(value: Any) -> str:
    """Return plain data as JSON that is written in one way only: keys sorted, no spaces, ASCII.

    Examples
    --------
    >>> canonical({"b": 1.5, "a": [True, None]})
    '{"a":[true,null],"b":1.5}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(value: Any) -> str:
    """Return the SHA-256 of plain data, 64 hexadecimal digits."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def plain(value: Any, where: str = "", depth: int = 0) -> Any:
    """Return an object as plain data: what decides over its numbers, and nothing else.

    Parameters
    ----------
    value
        A policy, a shock, a family, a model, or what they hold.
    where : str
        What messages call it.

    Returns
    -------
    None, bool, int, float, str, list or dict
        Fit for `canonical`.

    Raises
    ------
    SchemaError
        If it holds something that cannot be told apart from another, or is nested too deep.

    Examples
    --------
    >>> plain((1, math.inf))
    {'tuple': [1, {'number': 'inf'}]}
    """
    if depth > DEEPEST:
        raise SchemaError("is nested too deep", where=where, remedy=REMEDY)
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, np.generic) and not isinstance(value, (np.datetime64, np.timedelta64)):
        value = value.item()
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"number": repr(float(value))}
    if isinstance(value, (list, tuple, set, frozenset, Mapping)):
        return _collection(value, where, depth + 1)
    if isinstance(value, (np.ndarray, pd.DataFrame, pd.Series, pd.Index)):
        return _table(value, where, depth + 1)
    return _object(value, where, depth + 1)


def _collection(value: Any, where: str, depth: int) -> Any:
    if isinstance(value, Mapping):
        pairs = [[plain(key, where, depth), plain(item, where, depth)] for key, item in value.items()]
        return {"map": pairs}
    items = [plain(item, where, depth) for item in value]
    if isinstance(value, list):
        return items
    return {"tuple": items} if isinstance(value, tuple) else {"set": sorted(items, key=canonical)}


def _table(value: Any, where: str, depth: int) -> Any:
    if isinstance(value, pd.DataFrame):
        cells = [_table(value.iloc[:, place].to_numpy(), where, depth) for place in range(value.shape[1])]
        return {
            "frame": {
                "columns": plain(list(value.columns), where, depth),
                "index": _table(value.index, where, depth),
                "cells": cells,
            }
        }
    if isinstance(value, pd.Series):
        return {"series": [_table(value.index, where, depth), _table(value.to_numpy(), where, depth)]}
    if isinstance(value, pd.Index):
        return {"index": _table(value.to_numpy(), where, depth), "name": plain(value.name, where, depth)}
    if value.dtype.kind in "biufSU":
        content = np.ascontiguousarray(value)
        told = hashlib.sha256(content.tobytes()).hexdigest()
        found: dict[str, Any] = {"dtype": content.dtype.str, "shape": list(content.shape), "sha256": told}
        if content.size <= MOST_VALUES and content.dtype.kind in "biuf":
            found["values"] = plain(content.ravel().tolist(), where, depth)
        return {"array": found}
    words = [item if isinstance(item, str) else plain(item, where, depth) for item in value.ravel().tolist()]
    return {"objects": words, "shape": list(value.shape), "dtype": value.dtype.str}


def _object(value: Any, where: str, depth: int) -> Any:
    if hasattr(value, "isoformat"):
        return {"time": value.isoformat()}
    if isinstance(value, type):
        return {"type": _name(value), "code": _class_code(value)}
    if isinstance(value, FunctionType):
        return {"function": _name(value), "code": _function_code(value, where, depth)}
    if isinstance(getattr(value, "fingerprint", None), str):
        return {"network": value.fingerprint}
    if is_dataclass(value):
        found = {item.name: getattr(value, item.name) for item in fields(value) if item.compare}
    elif hasattr(value, "__dict__") and type(value).__module__ not in ("builtins", "functools"):
        found = dict(vars(value))
    else:
        raise SchemaError("cannot be told apart from another", where=where, value=value, remedy=REMEDY)
    inside = {name: plain(item, f"{where}.{name}" if where else name, depth) for name, item in found.items()}
    told: dict[str, Any] = {"class": _name(type(value)), "fields": inside}
    if not _is_own(type(value)):
        told["code"] = _class_code(type(value))
    return told


def _name(thing: Any) -> str:
    return f"{thing.__module__}:{thing.__qualname__}"


def _is_own(cls: type) -> bool:
    return cls.__module__.split(".")[0] == "contagion"


def _class_code(cls: type) -> str:
    """Hash of the compiled code of a class and of those it comes from that are not this package's."""
    parts: list[str] = []
    for base in cls.__mro__:
        if _is_own(base) or base.__module__ in ("builtins", "abc", "typing"):
            continue
        for name, item in sorted(vars(base).items()):
            parts.extend(f"{name}:{code}" for code in _member_codes(item))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _member_codes(item: Any) -> Iterator[str]:
    if isinstance(item, (bool, int, float, str)):
        yield repr(item)
    if isinstance(item, (staticmethod, classmethod)):
        item = item.__func__
    if isinstance(item, cached_property):
        item = item.func
    for function in (item.fget, item.fset) if isinstance(item, property) else (item,):
        if isinstance(function, FunctionType):
            yield _code(function.__code__)


def _function_code(function: FunctionType, where: str, depth: int) -> str:
    held = [cell.cell_contents for cell in function.__closure__ or ()]
    rest = plain([held, list(function.__defaults__ or ())], where, depth)
    return hashlib.sha256((_code(function.__code__) + canonical(rest)).encode()).hexdigest()


def _code(code: CodeType) -> str:
    """Hash of what a function does: its instructions, names and constants, not where it was written."""
    constants = [_code(item) if isinstance(item, CodeType) else _constant(item) for item in code.co_consts]
    content = repr((code.co_code, code.co_names, code.co_varnames, code.co_freevars, constants))
    return hashlib.sha256(content.encode()).hexdigest()


def _constant(item: Any) -> str:
    return repr(sorted(map(repr, item))) if isinstance(item, frozenset) else repr(item)


def revive(value: Any) -> Any:
    """Return the object behind plain data; classes of this package only.

    Raises
    ------
    LookupError
        If it is of another class, or its content was too large to keep.

    Examples
    --------
    >>> from contagion.policies import Halt
    >>> revive(plain(Halt(drop=0.2))) == Halt(drop=0.2)
    True
    """
    made = _revived(value)
    if canonical(plain(made)) != canonical(value):
        raise LookupError("the class has changed")
    return made


def _revived(value: Any) -> Any:
    if isinstance(value, list):
        return [_revived(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "class" in value:
        inside = {name: _revived(item) for name, item in value["fields"].items()}
        return _own_class(value)(**inside)
    makers: dict[str, Callable[[Any], Any]] = {
        "number": float,
        "tuple": lambda items: tuple(map(_revived, items)),
        "set": lambda items: set(map(_revived, items)),
        "map": lambda pairs: {_revived(key): _revived(item) for key, item in pairs},
        "array": _array,
        "frame": _frame,
    }
    for key, make in makers.items():
        if key in value:
            return make(value[key])
    raise LookupError(f"no object behind {', '.join(value)}")


def _own_class(value: dict[str, Any]) -> Any:
    name, qualname = str(value["class"]).split(":", 1)
    module = sys.modules.get(name) if name.startswith(OWN_CLASSES) and "code" not in value else None
    found = vars(module).get(qualname) if module else None
    if not isinstance(found, type) or not is_dataclass(found):
        raise LookupError(f"{value['class']} is no class of this package")
    return found


def _array(told: dict[str, Any]) -> Any:
    if "values" not in told:
        raise LookupError("the values were too many to keep")
    return np.array(_revived(told["values"]), dtype=told["dtype"]).reshape(told["shape"])


def _frame(told: dict[str, Any]) -> pd.DataFrame:
    columns = _revived(told["columns"])
    index = told["index"]
    rows = index["index"].get("objects") if "objects" in index["index"] else _revived(index["index"])
    cells = {place: _revived(column) for place, column in enumerate(told["cells"])}
    frame = pd.DataFrame(cells, index=pd.Index(rows, name=_revived(index["name"])))
    frame.columns = pd.Index(columns)
    return frame
