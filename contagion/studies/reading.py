"""How is a study written down? As TOML that names built-in classes and their parameters, and nothing else.

A study never holds code: a class is found by its name in a fixed list, a parameter is read by its declared
type, and an unknown name is refused with the nearest known one.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from contagion.errors import SchemaError, TooLargeError, UnsafeInputError, nearest
from contagion.studies import builtins
from contagion.studies.parameters import check_keys, typed
from contagion.studies.study import Source, Study

__all__ = ["parse", "read"]

LARGEST: Final = 1_000_000
UNSAFE: Final = (".yaml", ".yml", ".xml", ".graphml", ".gexf", ".pkl", ".pickle", ".npy", ".py")
PLACES: Final = ("dataset", "path", "generate")
SETTINGS: Final = {
    "n": int,
    "seed": int,
    "level": float,
    "n_jobs": int,
    "store": str,
    "metric": str,
    "timeout": float,
    "max_error_rate": float,
}


def read(path: str | Path) -> Study:
    """Return the study in a TOML file.

    Parameters
    ----------
    path : str or Path
        The file; folders and tables of prices in it are found from where it lies.

    Raises
    ------
    UnsafeInputError
        If the file is of a kind that is never read, or the study names something else than built-in classes.
    TooLargeError
        If it is larger than a megabyte or nested too deep.
    SchemaError
        If it is no TOML, or a key or value is unknown.
    PolicyError
        If a policy is unknown or its parameters contradict each other.
    """
    file = Path(path)
    if file.suffix.lower() in UNSAFE:
        raise UnsafeInputError(
            "is never read as a study", where="study", value=file.name, allowed="a .toml file"
        )
    try:
        size, content = file.stat().st_size, b""
        if size <= LARGEST:
            content = file.read_bytes()
    except OSError as error:
        raise SchemaError(
            "cannot be read", where="study", value=file.name, remedy=str(error.strerror)
        ) from error
    if size > LARGEST:
        raise TooLargeError(
            f"holds {size:,} bytes", where="study", value=file.name, allowed=f"{LARGEST:,} bytes"
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SchemaError(
            "is not UTF-8", where="study", value=file.name, remedy="save it as UTF-8"
        ) from error
    return parse(text, folder=file.parent, name=file.name)


def parse(text: str, *, folder: Path | None = None, name: str = "study") -> Study:
    """Return the study in a TOML text.

    Parameters
    ----------
    text : str
        TOML with the tables network, shock, model, policy_set (any number) and study.
    folder : Path, optional
        Where files that the study names are looked for; the working folder by default.
    name : str
        What messages call the study.

    Raises
    ------
    InputError
        As for `read`.

    Examples
    --------
    >>> parse('[study]\\nn = 20').n
    20
    """
    tables = _toml(text, name)
    check_keys(tables, ("network", "shock", "model", "policy_set", "study"), name)
    home = folder or Path()
    settings = _table(tables, "study")
    check_keys(settings, SETTINGS, "[study]")
    values = {key: typed(settings[key], SETTINGS[key], f"[study] {key}", home) for key in settings}
    if "store" in values:
        values["store"] = _inside(values["store"], home)
    return Study(
        source=_source(_table(tables, "network"), home),
        shock=builtins.shock(tables.get("shock", builtins.DEFAULT_SHOCK), home),
        model=builtins.model(_table(tables, "model"), home),
        policies=builtins.policy_sets(tables.get("policy_set", []), home),
        **values,
    )


def _toml(text: str, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SchemaError(f"is not valid TOML: {error}", where=name) from error
    except RecursionError as error:
        raise TooLargeError("is nested too deep", where=name) from error
    except ValueError as error:  # whole numbers beyond the interpreter's limit of digits
        raise TooLargeError("holds a number with too many digits", where=name) from error


def _table(tables: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = tables.get(name, {})
    if not isinstance(value, dict):
        raise SchemaError("is no table", where=name, value=value, allowed=f"[{name}] and its keys")
    return dict(value)


def _inside(name: str, folder: Path) -> Path:
    """The store's folder, which lies in the study's own."""
    if not name or not (folder / name).resolve().is_relative_to(folder.resolve()):
        raise UnsafeInputError(
            "lies outside the study's folder",
            where="[study] store",
            value=name,
            allowed="a folder beside the study",
            remedy="give --store on the command line",
        )
    return folder / name


def _source(table: dict[str, Any], folder: Path) -> Source:
    places = [place for place in PLACES if place in table] or ["dataset"]
    if len(places) > 1:
        raise SchemaError(
            "name two sources", where="[network]", value=places, allowed="one of dataset, path, generate"
        )
    place = places[0]
    name = typed(table.pop(place, "perp-venues"), str, f"[network] {place}", folder)
    if place == "path":
        check_keys(table, (), "[network] with path")
        return Source(place, str(folder / name))
    count = typed(table.pop("networks", 1), int, "[network] networks", folder)
    seed = typed(table.pop("seed"), int, "[network] seed", folder) if "seed" in table else None
    if place == "dataset":
        check_keys(table, (), "[network] with dataset", also=(*PLACES, "networks", "seed"))
        return Source(place, _known_dataset(name), seed=seed).drawn(count)
    parameters = builtins.generator_parameters(name, table, folder)
    source = Source(place, builtins.generator(name), seed=seed, parameters=parameters)
    return source.drawn(count)


def _known_dataset(name: str) -> str:
    from contagion import datasets

    names = [str(known) for known in datasets.list().index]
    if name not in names:
        raise SchemaError(
            f"is no bundled network{nearest(name, names)}",
            where="[network] dataset",
            value=name,
            allowed=", ".join(names),
        )
    return name
