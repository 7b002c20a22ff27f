"""Which files are read at all: no XML, YAML, pickles or archives, no links out of the folder, nothing too large."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from contagion.errors import InputError, SchemaError, TooLargeError, UnsafeInputError

BYTE_LIMIT: Final = 2**31
"""Largest table file, in bytes."""

XML: Final = (".graphml", ".gexf", ".xml", ".xhtml", ".svg", ".gml")
YAML: Final = (".yaml", ".yml")
PICKLES: Final = (".pkl", ".pickle", ".npy", ".npz", ".joblib", ".dill")
ARCHIVES: Final = (".zip", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".tar", ".lzma")


def as_path(path: object) -> Path:
    """Return a path; raise SchemaError for what is none.

    Examples
    --------
    >>> as_path("net").name
    'net'
    """
    if not isinstance(path, str | os.PathLike) or not isinstance(os.fspath(path), str):
        raise SchemaError("is no path", value=path, allowed="a text or a Path")
    return Path(path)


def is_folder(path: Path) -> bool:
    """Whether a path is a folder; a path that the system refuses is none.

    Examples
    --------
    >>> is_folder(Path("x" * 10_000))
    False
    """
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def refuse_unsafe_name(path: Path) -> None:
    """Raise UnsafeInputError or TooLargeError when a file's extension says that it is never read.

    Examples
    --------
    >>> refuse_unsafe_name(Path("net.json"))
    """
    suffix = path.suffix.lower()
    if suffix in XML:
        _refuse(
            path, "XML is never read", "read it with networkx and pass the graph to Network.from_networkx"
        )
    if suffix in YAML:
        _refuse(path, "YAML is never read", "networks are folders of TOML and CSV, or node-link JSON")
    if suffix in PICKLES:
        _refuse(
            path, "pickles and NumPy files are never read", "pass arrays to Network or Network.from_matrix"
        )
    if suffix in ARCHIVES:
        _refuse_archive(path)


def refuse_unsafe_content(path: Path, data: bytes) -> None:
    """Raise UnsafeInputError when the first bytes are XML, YAML tags or a pickle, whatever the extension.

    Examples
    --------
    >>> refuse_unsafe_content(Path("net.json"), b"{}")
    """
    head = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith((b"<?xml", b"<!", b"<graphml", b"<gexf")):
        _refuse(path, "holds XML, which is never read", "pass the graph to Network.from_networkx")
    if head.startswith((b"%YAML", b"---\n", b"---\r\n")) or b"!!python" in head:
        _refuse(path, "holds YAML, which is never read", "networks are folders of TOML and CSV, or JSON")
    if head.startswith((b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"\x93NUMPY")):
        _refuse(path, "holds a pickle or a NumPy file, which is never read", "save networks with net.save")
    if head.startswith((b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\xfd7zXZ")) and path.suffix.lower() != ".csv":
        _refuse_archive(path)


def read_bytes(path: Path, folder: Path | None = None, limit: int = BYTE_LIMIT) -> bytes:
    """Return the bytes of a file inside a folder.

    Raises
    ------
    UnsafeInputError
        If the file is a link that leads out of the folder, or of a kind that is never read.
    TooLargeError
        If it has more bytes than the limit.
    InputError
        If it cannot be read.

    Examples
    --------
    >>> read_bytes(Path("there is no such file"))
    Traceback (most recent call last):
    contagion.errors.InputError: there is no such file: cannot be read: No such file or directory
    """
    refuse_unsafe_name(path)
    try:
        if folder is not None and not path.resolve().is_relative_to(folder.resolve()):
            _refuse(path, "is a link out of the folder", "copy the file into the folder")
        size = path.stat().st_size
        if size > limit:
            raise TooLargeError(f"has {size:,} bytes", where=path.name, allowed=f"limit {limit:,}")
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(f"cannot be read: {reason}", where=path.name, code="unreadable") from None
    refuse_unsafe_content(path, data)
    return data


def write_text(path: Path, text: str, *, overwrite: bool = True) -> None:
    """Write UTF-8 text with plain line ends; refuse to replace a file unless told so.

    Raises
    ------
    InputError
        If the file exists or cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> write_text(Path(tempfile.mkdtemp()) / "a.txt", "a")
    """
    write_bytes(path, text.encode("utf-8"), overwrite=overwrite)


def write_bytes(path: Path, data: bytes, *, overwrite: bool = True) -> None:
    """Write bytes; refuse to replace a file unless told so.

    Raises
    ------
    InputError
        If the file exists or cannot be written.
    """
    if path.exists() and not overwrite:
        raise InputError("exists", where=path.name, remedy="pass overwrite=True", code="exists")
    try:
        path.write_bytes(data)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"cannot be written: {reason}", where=path.name, code="unwritable") from None


def _refuse(path: Path, what: str, remedy: str) -> None:
    raise UnsafeInputError(what, where=path.name, remedy=remedy)


def _refuse_archive(path: Path) -> None:
    raise TooLargeError(
        "is compressed, so its size is not known before it is unpacked",
        where=path.name,
        allowed="plain files",
        remedy="unpack it yourself",
        code="compressed",
    )


def unknown_format(path: Path) -> SchemaError:
    """Return the error for a path that no reader or writer knows."""
    return SchemaError(
        "has no known extension",
        where=path.name,
        allowed="a folder with network.toml, or a node-link .json",
        code="format",
    )
