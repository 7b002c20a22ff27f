"""The study that lies beside its results, so that a folder alone is enough for a report.

Beside the chunks lie the study's own text and what the command line changed in it. Networks and rows are not run anew
from them but found by the same seed, and checked against the folder's manifest like in any other call.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from contagion.errors import CorruptResultError, InputError, SchemaError, shown
from contagion.experiments.plain import canonical
from contagion.experiments.store import write_atomic
from contagion.studies.reading import read
from contagion.studies.study import Study

__all__ = ["CHANGES", "keep", "kept"]

CHANGES: Final = {
    "n": int,
    "seed": int,
    "networks": int,
    "step": float,
    "metric": str,
    "timeout": float,
    "max_error_rate": float,
}
"""What the command line may change in a study, and of which type it is."""

STUDY, SETTINGS = "study.toml", "settings.json"


def keep(folder: Path, text: str, changes: Mapping[str, Any]) -> None:
    """Write a study's text and what was changed in it beside its results.

    Parameters
    ----------
    folder : Path
        The store.
    text : str
        The study as TOML.
    changes : mapping
        Values of `CHANGES` that were given; None for those that were not.
    """
    given = {name: value for name, value in changes.items() if value is not None}
    write_atomic(folder, STUDY, text.encode())
    write_atomic(folder, SETTINGS, (canonical(given) + "\n").encode())


def kept(folder: Path) -> tuple[Study, dict[str, Any]]:
    """Return the study that lies beside its results, and what was changed in it.

    Raises
    ------
    InputError
        If none lies there, or it needs files that lie elsewhere.
    CorruptResultError
        If the changes are not what was written.
    """
    where = f"folder {shown(folder.name)}"
    remedy = "contagion report STUDY.toml --store with this folder"
    if not (folder / STUDY).is_file():
        raise InputError("holds no study", where=where, remedy=remedy)
    try:
        changes = json.loads((folder / SETTINGS).read_bytes())
        whole = isinstance(changes, dict) and all(
            name in CHANGES and type(value) is CHANGES[name] for name, value in changes.items()
        )
    except (OSError, ValueError, RecursionError):
        whole = False
    if not whole:
        raise CorruptResultError("is not what was written", where=f"{where}, {SETTINGS}", remedy=remedy)
    try:
        return read(folder / STUDY), changes
    except InputError as error:
        raise SchemaError(
            f"holds a study that cannot be read there: {error}", where=where, remedy=remedy
        ) from error
