"""Is this plain value what a parameter declares? Typed reading of the values that a study file holds.

A class or function states its parameters by their type hints; a value from a file is turned into that type or
refused with its place. Only plain data passes: numbers, words, lists and tables of them.
"""

from __future__ import annotations

import inspect
import math
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Mapping as MappingType
from collections.abc import Sequence as SequenceType
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import pandas as pd

from contagion.errors import InputError, SchemaError, nearest
from contagion.studies.frames import read_frame

__all__ = ["call", "check_keys", "read", "typed"]

T = TypeVar("T")
WORDS = {float: "a number", int: "a whole number", bool: "true or false", str: "a text"}


def check_keys(
    table: Mapping[str, Any],
    allowed: Iterable[str],
    where: str,
    *,
    also: Iterable[str] = (),
    error: type[InputError] = SchemaError,
) -> None:
    """Refuse unknown keys, naming the nearest known one.

    Parameters
    ----------
    table : mapping
        What was read.
    allowed : iterable of str
        Keys that may stay in it.
    where : str
        What messages call it.
    also : iterable of str
        Keys that were known and are taken out already; they count as neighbours of a misspelt one.
    error : type
        Class of the error.

    Raises
    ------
    InputError
        Of the class given, for the first unknown key.
    """
    known = list(allowed)
    for key in table:
        if key not in known:
            choice = [*known, *also]
            raise error(
                f"is no known key{nearest(key, choice)}",
                where=where,
                value=key,
                allowed=", ".join(choice) or "nothing more",
            )


def call(
    make: Callable[..., Any],
    values: Mapping[str, Any],
    where: str,
    folder: Path,
    *,
    error: type[InputError] = SchemaError,
) -> Any:
    """Call a class or function with plain values, each read by the type that its parameter declares.

    Parameters and errors as for `read`.
    """
    return make(**read(make, values, where, folder, error=error))


def read(
    make: Callable[..., Any],
    values: Mapping[str, Any],
    where: str,
    folder: Path,
    *,
    error: type[InputError] = SchemaError,
    more: Iterable[str] = (),
) -> dict[str, Any]:
    """Return plain values as the types that the parameters of a class or function declare.

    Parameters
    ----------
    make : callable
        A built-in class or function.
    values : mapping
        Parameter to plain value.
    where : str
        What messages call it.
    folder : Path
        Where files that parameters name are looked for.
    error : type
        Class of the error for unknown or missing parameters and wrong types.
    more : iterable of str
        Names that a function's ``**parameter`` takes.

    Raises
    ------
    InputError
        Of the class given.
    """
    parameters = inspect.signature(make).parameters
    rest = next((name for name, one in parameters.items() if one.kind is one.VAR_KEYWORD), "")
    check_keys(values, [*(name for name in parameters if name != rest), *more], where, error=error)
    missing = [
        name
        for name, parameter in parameters.items()
        if parameter.default is parameter.empty
        and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        and name not in values
    ]
    if missing:
        raise error("is missing", where=where, value=missing[0], remedy=f"add {missing[0]} = ...")
    hints = _hints(make)
    return {
        name: typed(value, hints.get(name, hints.get(rest, Any)), f"{where} {name}", folder, error=error)
        for name, value in values.items()
    }


def _hints(make: Callable[..., Any]) -> dict[str, Any]:
    """Types of the parameters; what a function returns may be a name that its module does not import."""
    if isinstance(make, type):
        return get_type_hints(make)
    own = {name: hint for name, hint in make.__annotations__.items() if name != "return"}
    return get_type_hints(types.SimpleNamespace(__annotations__=own), globalns=make.__globals__)


def typed(value: Any, hint: Any, where: str, folder: Path, *, error: type[InputError] = SchemaError) -> Any:
    """Return a plain value as the type that a hint declares.

    Parameters
    ----------
    value : object
        What the file holds.
    hint : type
        Numbers, texts, literals, unions, sequences, mappings, or a DataFrame, which a file names.
    where : str
        Its place, for messages.
    folder : Path
        Where files are looked for.
    error : type
        Class of the error.

    Raises
    ------
    InputError
        Of the class given, if the value does not fit.

    Examples
    --------
    >>> typed(3, float, "example", Path())
    3.0
    """
    found = _fit(value, hint, where, folder, error)
    if found is _MISFIT:
        raise error("does not fit", where=where, value=value, allowed=_spoken(hint))
    return found


_MISFIT: Any = object()


def _fit(value: Any, hint: Any, where: str, folder: Path, error: type[InputError]) -> Any:
    """Return the value as its type, or the mark for a misfit."""
    if hint is Any:
        return value
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        fits = (_fit(value, option, where, folder, error) for option in get_args(hint))
        return next((found for found in fits if found is not _MISFIT), _MISFIT)
    if origin is Literal:
        return _word(value, get_args(hint), where, error)
    if hint in (bool, str):
        return value if isinstance(value, hint) else _MISFIT
    if hint in (int, float):
        return _number(value, hint)
    if origin in (Mapping, MappingType, dict):
        return _mapping(value, get_args(hint), where, folder, error)
    if origin in (Sequence, SequenceType, list, tuple, Iterable):
        return _sequence(value, get_args(hint), origin, where, folder, error)
    if hint is pd.DataFrame:
        return read_frame(value, where, folder) if isinstance(value, str) else _MISFIT
    return _MISFIT


def _number(value: Any, hint: type) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return _MISFIT
    if hint is int:
        return value if isinstance(value, int) else _MISFIT
    return _MISFIT if math.isnan(value) else float(value)


def _word(value: Any, allowed: tuple[Any, ...], where: str, error: type[InputError]) -> Any:
    if value in allowed and type(value) in {type(word) for word in allowed}:
        return value
    if not isinstance(value, str):
        return _MISFIT
    words = [str(word) for word in allowed]
    raise error(
        f"is no known word{nearest(value, words)}", where=where, value=value, allowed=", ".join(words)
    )


def _mapping(value: Any, hints: tuple[Any, ...], where: str, folder: Path, error: type[InputError]) -> Any:
    if not isinstance(value, dict):
        return _MISFIT
    inner = hints[1] if len(hints) == 2 else Any
    found = {key: _fit(part, inner, f"{where}.{key}", folder, error) for key, part in value.items()}
    return _MISFIT if any(part is _MISFIT for part in found.values()) else found


def _sequence(
    value: Any, hints: tuple[Any, ...], origin: Any, where: str, folder: Path, error: type[InputError]
) -> Any:
    if not isinstance(value, list):
        return _MISFIT
    fixed = origin is tuple and len(hints) > 0 and hints[-1] is not Ellipsis
    if fixed and len(hints) != len(value):
        return _MISFIT
    inner = list(hints) if fixed else [hints[0] if hints else Any] * len(value)
    found = [
        _fit(part, hint, f"{where}[{place}]", folder, error)
        for place, (part, hint) in enumerate(zip(value, inner, strict=True))
    ]
    if any(part is _MISFIT for part in found):
        return _MISFIT
    return tuple(found) if origin is tuple else found


def _spoken(hint: Any) -> str:
    """Return a type hint as words."""
    origin, inner = get_origin(hint), get_args(hint)
    if hint in WORDS:
        return WORDS[hint]
    if origin in (Union, types.UnionType):
        return " or ".join(_spoken(option) for option in inner if option is not type(None))
    if origin is Literal:
        return ", ".join(map(str, inner))
    if origin in (Mapping, MappingType, dict):
        return f"a table of {_spoken(inner[1])}" if len(inner) == 2 else "a table"
    if origin in (Sequence, SequenceType, list, tuple, Iterable):
        return f"a list of {_spoken(inner[0])}" if inner else "a list"
    if hint is pd.DataFrame:
        return "the name of a .csv file beside the study"
    return "a value of plain data; a study holds numbers and words, never code"
