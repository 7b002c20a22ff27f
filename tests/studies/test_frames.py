"""Tables beside a study are read exactly, or refused with the place of the fault."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contagion.errors import InputError, SchemaError, UnsafeInputError, ValueRangeError
from contagion.studies.frames import read_frame

FLOATS = st.floats(allow_nan=False, allow_infinity=False)


def read(folder: Path, text: str | bytes) -> pd.DataFrame:
    """Write a table and read it."""
    (folder / "table.csv").write_bytes(text.encode() if isinstance(text, str) else text)
    return read_frame("table.csv", "study frame", folder)


@given(values=st.lists(st.tuples(FLOATS, FLOATS), min_size=1, max_size=20))
def test_every_float_is_read_back_to_the_last_bit(
    values: list[tuple[float, float]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    lines = [f"{row},{first!r},{second!r}" for row, (first, second) in enumerate(values)]
    frame = read(tmp_path_factory.mktemp("frames"), "\n".join(["seconds,BTC,ETH", *lines]))
    assert frame.to_numpy().tobytes() == np.array(values).tobytes()


def test_a_long_decimal_becomes_the_nearest_float(tmp_path: Path) -> None:
    text = "0.1000000000000000055511151231257827021181583404541015625000000000000001"
    assert read(tmp_path, f"seconds,BTC\n0,{text}\n").iloc[0, 0] == float(text)


def test_reading_warns_of_nothing(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        frame = read(tmp_path, "seconds,BTC\n0,100\n600,80.5\n")
    assert frame.index.tolist() == [0, 600] and frame.index.name == "seconds"
    assert frame.index.dtype == np.int64 and frame["BTC"].tolist() == [100.0, 80.5]


@pytest.mark.parametrize(
    ("first", "kind"), [("0.5", "float64"), ("2024-01-01", "object"), ("BTC", "object"), ("007", "int64")]
)
def test_the_first_column_keeps_its_kind(first: str, kind: str, tmp_path: Path) -> None:
    assert read(tmp_path, f"when,BTC\n{first},1\n").index.dtype == kind


def test_a_mark_of_byte_order_and_windows_line_ends_change_nothing(tmp_path: Path) -> None:
    plain = read(tmp_path, "seconds,BTC\n0,1\n")
    assert read(tmp_path, b"\xef\xbb\xbfseconds,BTC\r\n0,1\r\n").equals(plain)


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("seconds,BTC\n0,1\n60,abc\n", SchemaError, "table.csv row 2, column BTC: 'abc' is not a number"),
        ("seconds,BTC\n0,5%\n", SchemaError, "row 1, column BTC: '5%' is not a number"),
        ("seconds,BTC\n0,1_000\n", SchemaError, "'1_000' is not a number"),
        ("seconds,BTC\n0,\n", SchemaError, "row 1, column BTC: '' is empty"),
        ("seconds,BTC\n0,nan\n", SchemaError, "'nan' is not a number"),
        ("seconds,BTC\n0,1e400\n", ValueRangeError, "'1e400' is not finite"),
        ("seconds,BTC\n0,1,2\n", SchemaError, "table.csv row 1: expected 2 fields, found 3"),
        ("seconds,BTC,BTC\n0,1,2\n", SchemaError, "table.csv header: 'BTC' appears more than once"),
        ("seconds,BTC\n", SchemaError, "holds no numbers"),
        ("", SchemaError, "holds no numbers"),
        ("seconds\n0\n", SchemaError, "holds no numbers"),
        (b"seconds,BTC\n0,\xe9\n", SchemaError, "is not UTF-8"),
        ('seconds,BTC\n0,"1\n', SchemaError, "cannot be read"),
    ],
)
def test_what_is_no_table_of_numbers_is_refused_with_its_place(
    text: str | bytes, error: type[InputError], message: str, tmp_path: Path
) -> None:
    with pytest.raises(error) as caught:
        read(tmp_path, text)
    assert message in str(caught.value)


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match=r"study frame: 'none\.csv' cannot be read.*No such file"):
        read_frame("none.csv", "study frame", tmp_path)


def test_only_a_csv_file_is_a_table(tmp_path: Path) -> None:
    with pytest.raises(UnsafeInputError, match=r"a \.csv file"):
        read_frame("table.pkl", "study frame", tmp_path)
