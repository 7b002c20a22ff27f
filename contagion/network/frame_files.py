"""Frames of results as CSV and Parquet, for other programs."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from contagion.errors import InputError
from contagion.network.csv_tables import protect
from contagion.network.sources import as_path, write_bytes

__all__ = ["FrameFiles", "write_csv", "write_parquet"]


class FrameFiles:
    """What a result with one table writes for other programs."""

    if TYPE_CHECKING:

        def to_frame(self) -> pd.DataFrame:
            """Return the table."""

    def to_csv(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write the rows of `to_frame` as CSV; a text that a spreadsheet would take for a formula gets an apostrophe.

        Parameters
        ----------
        path : str or path
            The file.
        overwrite : bool, default False
            Whether a file that exists may be replaced.

        Raises
        ------
        InputError
            If the file exists or cannot be written.
        """
        return write_csv(self.to_frame(), path, overwrite=overwrite)

    def to_parquet(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write the rows of `to_frame` as Parquet, for other programs; needs pyarrow (the extra ``parquet``).

        Parameters
        ----------
        path : str or path
            The file.
        overwrite : bool, default False
            Whether a file that exists may be replaced.

        Raises
        ------
        InputError
            If the file exists or cannot be written, or pyarrow is not installed.
        """
        return write_parquet(self.to_frame(), path, overwrite=overwrite)


def write_csv(frame: pd.DataFrame, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write a frame as CSV: numbers as the shortest text that reads back exactly, no value as an empty cell.

    Raises
    ------
    InputError
        If the file exists or cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> frame = pd.DataFrame({"policy": ["=1+1"], "loss": [0.1]})
    >>> write_csv(frame, tempfile.mkdtemp() + "/rows.csv").read_text()
    "policy,loss\\n'=1+1,0.1\\n"
    """
    target = as_path(path)
    cells = {place: frame.iloc[:, place].map(_cell) for place in range(frame.shape[1])}
    safe = pd.DataFrame(cells).set_axis([_cell(str(name)) for name in frame.columns], axis=1)
    write_bytes(target, safe.to_csv(index=False, lineterminator="\n").encode("utf-8"), overwrite=overwrite)
    return target


def write_parquet(frame: pd.DataFrame, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write a frame as Parquet.

    Raises
    ------
    InputError
        If the file exists or cannot be written, or pyarrow is not installed.
    """
    target = as_path(path)
    buffer = io.BytesIO()
    try:
        frame.to_parquet(buffer, engine="pyarrow", index=False)
    except ImportError as error:
        remedy = 'pip install "contagion-toolkit[parquet]", or write CSV'
        raise InputError("needs pyarrow", where=target.name, remedy=remedy) from error
    write_bytes(target, buffer.getvalue(), overwrite=overwrite)
    return target


def _cell(value: object) -> object:
    if not isinstance(value, str):
        return value
    return f"'{value}" if value.startswith("\x00") else protect(value)
