"""Saves a network as a folder of network.toml and one CSV a table, and reads it back exactly."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from contagion.errors import (
    InputError,
    NetworkError,
    SchemaError,
    TooLargeError,
    UnsafeInputError,
    nearest,
    shown,
)
from contagion.network.csv_tables import decode, read_table_text, write_table
from contagion.network.faults import Faults
from contagion.network.network import Network
from contagion.network.parquet_tables import read_parquet
from contagion.network.schema import TABLES, VERSION
from contagion.network.sources import (
    as_path,
    is_folder,
    read_bytes,
    refuse_unsafe_name,
    unknown_format,
    write_text,
)

MANIFEST: Final = "network.toml"
MANIFEST_LIMIT: Final = 2**20
_KEYS: Final = {
    "version": int,
    "unit": str,
    "fingerprint": str,
    "tables": list,
    "repairs": list,
    "payers": dict,
}


def save(net: Network, folder: str | Path, *, overwrite: bool = False) -> Path:
    """Write network.toml and one CSV for each table that has rows.

    Parameters
    ----------
    net
        The network.
    folder
        Where to; made if absent.
    overwrite
        Whether a folder that is not empty may be written into; its tables are replaced.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    InputError
        If the folder is not empty, or cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> folder = save(Network(nodes=[{"name": "1e5"}]), tempfile.mkdtemp() + "/net")
    >>> sorted(path.name for path in folder.iterdir())
    ['network.toml', 'nodes.csv']
    """
    folder = as_path(folder)
    try:
        if folder.exists() and any(folder.iterdir()) and not overwrite:
            raise InputError("is not empty", where=folder.name, remedy="pass overwrite=True", code="exists")
        folder.mkdir(parents=True, exist_ok=True)
        for name in TABLES:
            (folder / f"{name}.csv").unlink(missing_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"cannot be written: {reason}", where=folder.name, code="unwritable") from None
    tables = [name for name, frame in net.tables.items() if len(frame)]
    for name in tables:
        write_text(folder / f"{name}.csv", write_table(TABLES[name], net.tables[name]))
    write_text(folder / MANIFEST, _manifest(net, tables))
    return folder


def _manifest(net: Network, tables: list[str]) -> str:
    lines = [
        f"version = {VERSION}",
        f"unit = {toml_text(net.unit)}",
        f"tables = [{', '.join(map(toml_text, tables))}]",
        "# the content that was saved; delete this line after editing a table by hand",
        f"fingerprint = {toml_text(net.fingerprint)}",
    ]
    if net.repairs:
        lines.append(f"repairs = [{', '.join(map(toml_text, net.repairs))}]")
    if net.payers:
        lines += ["", "[payers]"]
        lines += [f"{toml_text(name)} = {money!r}" for name, money in net.payers.items()]
    return "\n".join(lines) + "\n"


def toml_text(text: str) -> str:
    r"""Return a text as a TOML basic string.

    Examples
    --------
    >>> print(toml_text('a "quoted"\tone'))
    "a \"quoted\"\u0009one"
    """
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c >= " " and c != "\x7f" else f"\\u{ord(c):04x}" for c in escaped) + '"'


def read(path: str | Path) -> Network:
    """Read a network: a folder written by `save`, or a node-link JSON file.

    Names are never reinterpreted: "NA", "001" and "1e5" stay what they are.

    Parameters
    ----------
    path
        The folder, its network.toml, or a .json file.

    Raises
    ------
    SchemaError, NetworkError, ValueRangeError
        One error that lists every fault, with file and row.
    UnsafeInputError
        For XML, YAML, pickles and links out of the folder: they are never read.
    TooLargeError
        For archives, and beyond the limits on bytes, rows, depth and lengths.

    Examples
    --------
    >>> import tempfile
    >>> folder = Network(nodes=[{"name": "NA"}]).save(tempfile.mkdtemp() + "/net")
    >>> read(folder).nodes.index.tolist()
    ['NA']
    """
    from contagion.network.node_link import read_node_link

    path = as_path(path)
    refuse_unsafe_name(path)
    if is_folder(path):
        return _read_folder(path)
    if path.name == MANIFEST:
        return _read_folder(path.parent)
    data = read_bytes(path, limit=2**28)
    if path.suffix.lower() != ".json":
        raise unknown_format(path)
    return read_node_link(data, path.name)


def _read_folder(folder: Path) -> Network:
    faults = Faults(context=folder.name)
    manifest = read_manifest(read_bytes(folder / MANIFEST, folder, MANIFEST_LIMIT))
    files = _table_files(folder, manifest.get("tables"), faults)
    tables: dict[str, Any] = {}
    for name, path in files.items():
        reader = read_parquet if path.suffix == ".parquet" else read_table_text
        tables[name] = reader(TABLES[name], read_bytes(path, folder), faults)
    faults.stop()
    net = Network._from_files(tables, manifest["unit"], manifest.get("payers", {}), faults)
    net = net._with_repairs(manifest.get("repairs", []))
    told = manifest.get("fingerprint", net.fingerprint)
    if told != net.fingerprint:
        raise SchemaError(
            "is not the fingerprint of what was read",
            where=f"{folder.name}: {MANIFEST}, key fingerprint",
            value=told[:12],
            allowed=f"{net.fingerprint[:12]}...",
            remedy="a table changed after it was saved; delete the line if you edited it",
            code="fingerprint",
        )
    return net


def read_manifest(data: bytes) -> dict[str, Any]:
    """Return the content of network.toml, its keys and types checked.

    Raises
    ------
    SchemaError
        If it is no TOML, a key is unknown, missing or of a wrong type, or the version is another.

    Examples
    --------
    >>> read_manifest(b'version = 1\\nunit = "USD"')
    {'version': 1, 'unit': 'USD'}
    """
    text = decode(data, MANIFEST)
    try:
        content = tomllib.loads(text)
    except RecursionError:
        raise TooLargeError("is nested too deeply", where=MANIFEST) from None
    except tomllib.TOMLDecodeError as error:
        raise SchemaError(f"is no TOML: {error}", where=MANIFEST, code="toml") from None
    except ValueError:
        raise TooLargeError("holds a number of too many digits", where=MANIFEST) from None
    faults = Faults()
    for key, value in content.items():
        _check_key(key, value, faults)
    for key in ("version", "unit"):
        if key not in content:
            faults.add(SchemaError, "missing-key", MANIFEST, f"key {key!r} is missing")
    if content.get("version", VERSION) != VERSION:
        version, allowed = content["version"], f"version {VERSION}"
        faults.add(SchemaError, "version", MANIFEST, "is no known version", value=version, allowed=allowed)
    faults.stop()
    return content


def _check_key(key: str, value: object, faults: Faults) -> None:
    if key not in _KEYS:
        what = f"key {shown(key)} is unknown{nearest(key, _KEYS)}"
        faults.add(SchemaError, "unknown-key", MANIFEST, what, allowed="keys: " + ", ".join(_KEYS))
        return
    texts = key not in ("tables", "repairs") or all(isinstance(item, str) for item in _items(value))
    if not isinstance(value, _KEYS[key]) or isinstance(value, bool) or not texts:
        what = f"is no value of {key}"
        faults.add(SchemaError, "wrong-type", MANIFEST, what, value=value, allowed=_KEYS[key].__name__)


def _items(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _table_files(folder: Path, told: list[str] | None, faults: Faults) -> Mapping[str, Path]:
    """Return the file of each table; files that look like tables but are none are refused."""
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        name, suffix = path.name.split(".")[0], path.suffix.lower()
        if name in TABLES and suffix not in (".csv", ".parquet"):
            _refuse_table_file(path, faults)
        elif suffix in (".csv", ".parquet") and path.stem not in TABLES:
            what = f"is no table{nearest(path.stem, TABLES)}"
            allowed = "tables: " + ", ".join(TABLES)
            faults.add(SchemaError, "unknown-table", path.name, what, value=path.stem, allowed=allowed)
        elif suffix in (".csv", ".parquet"):
            if path.stem in files:
                faults.add(NetworkError, "two-files", path.stem, f"{path.stem} has two files")
            files[path.stem] = path
    faults.sources = {name: path.name for name, path in files.items()}
    for name in told or []:
        if name not in files:
            what = f"network.toml names the table {shown(name)}, but there is no file{nearest(name, files)}"
            faults.add(SchemaError, "missing-table", name, what)
    for name in files:
        if told is not None and name not in told:
            what = "is not named in network.toml"
            faults.add(SchemaError, "unlisted-table", name, what, remedy="add it to tables, or drop tables")
    return files


def _refuse_table_file(path: Path, faults: Faults) -> None:
    try:
        refuse_unsafe_name(path)
    except (UnsafeInputError, TooLargeError) as error:
        faults.add(type(error), error.faults[0].code, path.name, str(error).removeprefix(f"{path.name}: "))
