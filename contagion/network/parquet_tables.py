"""Tables as Parquet, where the optional pyarrow is installed: metadata first, then plain columns."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from contagion.errors import InputError, SchemaError, TooLargeError, nearest, shown
from contagion.network.faults import Faults
from contagion.network.schema import ROW_LIMIT, Table

UNPACKED_LIMIT: Final = 2**33
"""Most bytes a file may declare before it is unpacked."""


def read_parquet(table: Table, data: bytes, faults: Faults) -> dict[str, Any]:
    """Return the columns of a Parquet file; note faults of its form.

    Parameters
    ----------
    table
        Which table it is.
    data
        The bytes of the file.
    faults
        Receives the faults; `faults.source` names the file.

    Examples
    --------
    >>> from contagion.network.schema import TABLES
    >>> faults = Faults()
    >>> read_parquet(TABLES["nodes"], b"name,cash", faults), faults.found[0].code
    ({}, 'content')
    """
    if not data.startswith(b"PAR1"):
        faults.add(SchemaError, "content", table.name, "holds no Parquet", remedy="is the extension right?")
        return {}
    try:
        import pyarrow as arrow  # type: ignore[import-untyped]
        import pyarrow.parquet as parquet  # type: ignore[import-untyped]
    except ImportError:
        remedy = "install contagion-toolkit[parquet], or save the table as CSV"
        faults.add(InputError, "no-pyarrow", table.name, "needs pyarrow", remedy=remedy)
        return {}
    try:
        file = parquet.ParquetFile(arrow.BufferReader(data), page_checksum_verification=True)
        if not _size_allowed(table, file.metadata, faults):
            return {}
        content = file.read()
    except (arrow.ArrowException, OSError, ValueError, TypeError) as error:
        faults.add(SchemaError, "parquet", table.name, f"cannot be read: {shown(str(error))}")
        return {}
    return _columns(table, content, faults)


def _size_allowed(table: Table, metadata: Any, faults: Faults) -> bool:
    groups = (metadata.row_group(place) for place in range(metadata.num_row_groups))
    unpacked = sum(group.total_byte_size for group in groups)
    if metadata.num_rows > ROW_LIMIT:
        what, allowed = f"declares {metadata.num_rows:,} rows", f"limit {ROW_LIMIT:,}"
        faults.add(TooLargeError, "too-many-rows", table.name, what, allowed=allowed)
    elif unpacked > UNPACKED_LIMIT:
        what, allowed = f"declares {unpacked:,} bytes", f"limit {UNPACKED_LIMIT:,}"
        faults.add(TooLargeError, "too-many-bytes", table.name, what, allowed=allowed)
    else:
        return True
    return False


def _columns(table: Table, content: Any, faults: Faults) -> dict[str, Any]:
    import pyarrow as arrow

    before = len(faults.found)
    for name in sorted({name for name in content.column_names if content.column_names.count(name) > 1}):
        what = f"column {shown(name)} appears more than once"
        faults.add(SchemaError, "duplicate-column", table.name, what)
    for field in content.schema:
        kind = field.type.value_type if arrow.types.is_dictionary(field.type) else field.type
        if arrow.types.is_nested(kind):
            faults.add(SchemaError, "nested", table.name, f"column {shown(field.name)} is nested: {kind}")
        elif field.name not in table.names:
            what = f"column {shown(field.name)} is unknown{nearest(field.name, table.names)}"
            faults.add(SchemaError, "unknown-column", table.name, what)
    if len(faults.found) > before:
        return {}
    return {name: _cells(content.column(name)) for name in content.column_names}


def _cells(column: Any) -> Any:
    """Return a column without nulls as an array of its own type, any other as Python values."""
    import pyarrow as arrow

    if column.null_count == 0 and (
        arrow.types.is_floating(column.type) or arrow.types.is_integer(column.type)
    ):
        return column.to_numpy()
    cells = np.empty(len(column), dtype=object)
    cells[:] = column.to_pylist()
    return cells
