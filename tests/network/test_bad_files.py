"""The numbered bad inputs that files can hold: CSV, Parquet, TOML; class, message and place."""

from __future__ import annotations

import contextlib
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import contagion as ct
from contagion.errors import (
    InputError,
    NetworkError,
    SchemaError,
    TooLargeError,
    UnsafeInputError,
    ValueRangeError,
)

NODES = b"name,kind,cash\nA,institution,1\nB,institution,2\n"
DEBTS = b"debtor,creditor,amount\nA,B,3\n"
MANIFEST = b'version = 1\nunit = "USD"\n'
Change = dict[str, bytes | None]


def write(folder: Path, changes: Change | None = None) -> Path:
    """Write a small folder, with some files changed (None: left out)."""
    files: Change = {
        "network.toml": MANIFEST,
        "nodes.csv": NODES,
        "obligations.csv": DEBTS,
        **(changes or {}),
    }
    folder.mkdir(exist_ok=True)
    for name, data in files.items():
        if data is not None:
            (folder / name).write_bytes(data)
    return folder


def debts(data: bytes) -> Change:
    return {"obligations.csv": data}


def parquet(frame: pd.DataFrame) -> bytes:
    import io

    buffer = io.BytesIO()
    frame.to_parquet(buffer, write_page_checksum=True, compression=None)
    return buffer.getvalue()


def as_parquet(frame: pd.DataFrame, mend: Callable[[bytes], bytes] = bytes) -> Change:
    return {"obligations.csv": None, "obligations.parquet": mend(parquet(frame))}


EDGE = pd.DataFrame({"debtor": ["A"], "creditor": ["B"], "amount": [3.0]})

TABLES: list[tuple[str, Change, type[InputError], str]] = [
    (
        "005-1e400",
        debts(b"debtor,creditor,amount\nA,B,1e400\n"),
        ValueRangeError,
        "obligations.csv row 1, column amount",
    ),
    (
        "007-inexact",
        debts(b"debtor,creditor,amount\nA,B,9007199254740993\n"),
        ValueRangeError,
        "no exact float",
    ),
    ("001-nan", debts(b"debtor,creditor,amount\nA,B,nan\n"), ValueRangeError, "'nan' is not finite"),
    (
        "004-negative",
        debts(b"debtor,creditor,amount\nA,B,-5\n"),
        ValueRangeError,
        "obligations.csv row 1, column amount, 'A' -> 'B': -5.0 is negative",
    ),
    (
        "010-thousands",
        debts(b'debtor,creditor,amount\nA,B,"1,000"\n'),
        SchemaError,
        "'1,000' is not a number",
    ),
    (
        "011-unit",
        debts(b"debtor,creditor,amount\nA,B,1.5e3 USD\n"),
        SchemaError,
        "'1.5e3 USD' is not a number",
    ),
    ("013-percent", debts(b"debtor,creditor,amount\nA,B,5%\n"), SchemaError, "percent sign"),
    ("018-empty", debts(b"debtor,creditor,amount\nA,B,\n"), SchemaError, "'' is empty"),
    ("018-underscore", debts(b"debtor,creditor,amount\nA,B,1_000\n"), SchemaError, "'1_000' is not a number"),
    (
        "031-unknown-node",
        debts(b"debtor,creditor,amount\nA,X,3\n"),
        NetworkError,
        "'X' is missing from nodes.csv",
    ),
    ("058-missing-column", debts(b"debtor,creditor\nA,B\n"), SchemaError, "column 'amount' is missing"),
    ("059-extra-column", debts(b"debtor,creditor,amount,x\nA,B,3,4\n"), SchemaError, "column 'x' is unknown"),
    (
        "060-duplicate-header",
        debts(b"debtor,creditor,amount,amount\nA,B,3,4\n"),
        SchemaError,
        "'amount' appears more",
    ),
    (
        "061-header-only",
        debts(b"debtor,creditor,amount\n"),
        SchemaError,
        "obligations.csv: has a header but no rows",
    ),
    ("062-empty-file", debts(b""), SchemaError, "obligations.csv: is empty"),
    (
        "063-semicolons",
        debts(b"debtor;creditor;amount\nA;B;3\n"),
        SchemaError,
        "separated by semicolons; commas",
    ),
    ("063-tabs", debts(b"debtor\tcreditor\tamount\nA\tB\t3\n"), SchemaError, "separated by tabs; commas"),
    (
        "064-row-too-long",
        debts(b"debtor,creditor,amount\nA,B,3\nB,A,1,000\n"),
        SchemaError,
        r"obligations.csv row 2: expected 3 fields \(debtor, creditor, amount\), found 4",
    ),
    (
        "065-row-too-short",
        debts(b"debtor,creditor,amount\nA,B\n"),
        SchemaError,
        "row 1: expected 3 fields.*found 2",
    ),
    ("067-utf-16", debts(DEBTS.decode().encode("utf-16")), SchemaError, "obligations.csv: is UTF-16; UTF-8"),
    (
        "068-latin-1",
        {"nodes.csv": "name\nÜ\n".encode("latin-1")},
        SchemaError,
        "nodes.csv line 2: byte 0xdc is not UTF-8",
    ),
    (
        "069-nul",
        debts(b"debtor,creditor,amount\nA,B,3\x00\n"),
        SchemaError,
        "obligations.csv line 2: holds a NUL byte",
    ),
    ("070-quotes", debts(b'debtor,creditor,amount\n"A"x,B,3\n'), SchemaError, "line 2: is no CSV"),
    ("070-open-quote", debts(b'debtor,creditor,amount\n"A,B,3\n'), SchemaError, "is no CSV: unexpected end"),
    ("074-space", {"nodes.csv": b"name\nA\nB\nC \n"}, NetworkError, "'C ' starts or ends with a space"),
    ("075-parquet-dtype", as_parquet(EDGE.assign(amount="3")), SchemaError, "'3' is str, not a number"),
    ("076-parquet-nested", as_parquet(EDGE.assign(amount=[[3.0]])), SchemaError, "column 'amount' is nested"),
    ("079-truncated-parquet", as_parquet(EDGE, lambda data: data[:-20]), SchemaError, "cannot be read"),
    (
        "080-flipped-bit",
        as_parquet(EDGE, lambda data: data.replace(b"\x00\x00\x08@", b"\x00\x01\x08@")),
        SchemaError,
        "obligations.parquet",
    ),
    (
        "081-csv-that-is-parquet",
        debts(parquet(EDGE)),
        SchemaError,
        "obligations.csv: holds Parquet, not text",
    ),
    (
        "081-parquet-that-is-csv",
        {"obligations.csv": None, "obligations.parquet": DEBTS},
        SchemaError,
        "obligations.parquet: holds no Parquet",
    ),
    ("081-csv-that-is-zip", debts(b"PK\x03\x04..."), SchemaError, "holds a zip archive"),
    (
        "095-gzip",
        {"obligations.csv.gz": b"\x1f\x8b\x08", "obligations.csv": None},
        TooLargeError,
        "is compressed",
    ),
    (
        "096-huge-cell",
        {"nodes.csv": b"name\n" + b"x" * 10_000_000 + b"\n"},
        TooLargeError,
        "line 2: a cell is too long",
    ),
    ("098-yaml-table", {"nodes.yaml": b"a: 1"}, UnsafeInputError, "YAML is never read"),
    ("098-python-tag", {"nodes.csv": b"!!python/object/apply:os.system"}, UnsafeInputError, "holds YAML"),
    (
        "139-pickle",
        {"nodes.pkl": pickle.dumps({})},
        UnsafeInputError,
        "pickles and NumPy files are never read",
    ),
]

MANIFESTS: list[tuple[str, bytes | None, type[InputError], str]] = [
    ("086-missing-key", b"version = 1\n", SchemaError, "key 'unit' is missing"),
    (
        "087-unknown-key",
        MANIFEST + b'unti = "x"\n',
        SchemaError,
        "key 'unti' is unknown .did you mean 'unit'",
    ),
    ("087-wrong-type", b"version = 1\nunit = 5\n", SchemaError, "5 is no value of unit; str"),
    ("088-version", b'version = 2\nunit = "USD"\n', SchemaError, "2 is no known version; version 1"),
    ("097-utf-8", b'version = 1\nunit = "\xff"\n', SchemaError, "line 2: byte 0xff is not UTF-8"),
    ("099-duplicate-key", MANIFEST + b'unit = "EUR"\n', SchemaError, "is no TOML: Cannot overwrite a value"),
    ("100-garbage", MANIFEST + b"]]\n", SchemaError, "is no TOML"),
    ("084-deep", MANIFEST + b"a = " + b"[" * 100_000, TooLargeError, "nested too deeply"),
    ("085-long-integer", b"version = " + b"1" * 5000, TooLargeError, "too many digits"),
    ("none", None, InputError, "network.toml: cannot be read"),
    (
        "missing-table",
        MANIFEST + b'tables = ["nodes", "obligations", "assets"]\n',
        SchemaError,
        "there is no file",
    ),
    ("unlisted-table", MANIFEST + b'tables = ["nodes"]\n', SchemaError, "obligations.csv: is not named"),
    (
        "080-fingerprint",
        MANIFEST + b'fingerprint = "00"\n',
        SchemaError,
        "'00' is not the fingerprint of what was read",
    ),
]


@pytest.mark.parametrize(
    ("changes", "error", "pattern"), [case[1:] for case in TABLES], ids=[case[0] for case in TABLES]
)
def test_a_bad_file_is_refused_by_name(
    tmp_path: Path, changes: Change, error: type[InputError], pattern: str
) -> None:
    folder = write(tmp_path / "net", changes)
    with pytest.raises(InputError, match=pattern) as caught:
        ct.Network.read(folder)
    assert type(caught.value) is error
    assert len(caught.value.issues) == 1


@pytest.mark.parametrize(
    ("data", "error", "pattern"), [case[1:] for case in MANIFESTS], ids=[case[0] for case in MANIFESTS]
)
def test_a_bad_manifest_is_refused(
    tmp_path: Path, data: bytes | None, error: type[InputError], pattern: str
) -> None:
    folder = write(tmp_path / "net", {"network.toml": data})
    with pytest.raises(InputError, match=pattern) as caught:
        ct.Network.read(folder)
    assert type(caught.value) is error


def test_the_small_folder_itself_is_fine(tmp_path: Path) -> None:
    net = ct.Network.read(write(tmp_path / "net"))
    assert net.obligations["amount"].tolist() == [3.0]
    assert ct.Network.read(tmp_path / "net" / "network.toml") == net


def test_066_a_byte_order_mark_is_accepted(tmp_path: Path) -> None:
    plain = ct.Network.read(write(tmp_path / "plain"))
    marked = write(
        tmp_path / "net", {"nodes.csv": b"\xef\xbb\xbf" + NODES, "network.toml": b"\xef\xbb\xbf" + MANIFEST}
    )
    assert ct.Network.read(marked) == plain


def test_windows_line_ends_are_accepted(tmp_path: Path) -> None:
    folder = write(tmp_path / "net", {"nodes.csv": NODES.replace(b"\n", b"\r\n")})
    assert ct.Network.read(folder) == ct.Network.read(write(tmp_path / "plain"))


def test_071_to_073_ids_in_files_are_never_reinterpreted(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "net", {"nodes.csv": b"name\nNA\nNone\nnan\n001\n1e5\n", "obligations.csv": None}
    )
    assert ct.Network.read(folder).nodes.index.tolist() == ["001", "1e5", "NA", "None", "nan"]


def test_077_categories_in_parquet_are_accepted(tmp_path: Path) -> None:
    frame = EDGE.assign(debtor=pd.Categorical(["A"], categories=["A", "Z"]))
    folder = write(tmp_path / "net", as_parquet(frame))
    assert ct.Network.read(folder) == ct.Network.read(write(tmp_path / "plain"))


def test_080_any_flipped_bit_of_a_saved_table_is_noticed(net: ct.Network, tmp_path: Path) -> None:
    folder = net.save(tmp_path / "net")
    data = (folder / "positions.csv").read_bytes()
    for place in range(0, len(data), 3):
        flipped = bytearray(data)
        flipped[place] ^= 1 << (place % 8)
        (folder / "positions.csv").write_bytes(flipped)
        try:
            assert ct.Network.read(folder) == net
        except InputError:
            continue


def test_080_an_edited_table_is_noticed(net: ct.Network, tmp_path: Path) -> None:
    folder = net.save(tmp_path / "net")
    text = (folder / "nodes.csv").read_text()
    (folder / "nodes.csv").write_text(text.replace("5.0", "6.0"))
    with pytest.raises(SchemaError, match=r"is not the fingerprint.*delete the line if you edited it"):
        ct.Network.read(folder)
    lines = (folder / "network.toml").read_text().splitlines()
    (folder / "network.toml").write_text("\n".join(line for line in lines if "fingerprint" not in line))
    assert ct.Network.read(folder).nodes.loc["t2", "cash"] == 6.0


def test_082_to_097_every_fault_of_every_file_comes_in_one_error(tmp_path: Path) -> None:
    bad = {"nodes.csv": b"name,kind\nA\n", "obligations.csv": b"debtor;creditor\n", "asets.csv": b"name\nA\n"}
    with pytest.raises(SchemaError, match="3 faults") as caught:
        ct.Network.read(write(tmp_path / "net", bad))
    assert sorted(caught.value.issues["code"]) == ["delimiter", "row-width", "unknown-table"]


def test_143_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "outside.csv").write_bytes(NODES)
    folder = write(tmp_path / "net", {"nodes.csv": None})
    (folder / "nodes.csv").symlink_to(tmp_path / "outside.csv")
    with pytest.raises(UnsafeInputError, match=r"nodes\.csv: is a link out of the folder"):
        ct.Network.read(folder)


def test_133_a_small_file_that_claims_many_rows_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import contagion.network.parquet_tables as module

    monkeypatch.setattr(module, "ROW_LIMIT", 2)
    folder = write(tmp_path / "net", as_parquet(pd.concat([EDGE] * 3)))
    with pytest.raises(TooLargeError, match="declares 3 rows; limit 2"):
        ct.Network.read(folder)


def test_142_a_folder_that_cannot_be_written_is_refused(net: ct.Network, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        net.save(tmp_path / "file" / "net")


def test_random_bytes_raise_nothing_but_input_errors(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    files = {"nodes.csv": NODES, "obligations.csv": DEBTS, "network.toml": MANIFEST}
    for _ in range(300):
        name = list(files)[generator.integers(len(files))]
        data = bytearray(files[name])
        for place in generator.integers(0, len(data), size=int(generator.integers(1, 6))):
            data[place] = generator.integers(256)
        folder = write(tmp_path / "net", {name: bytes(data)})
        with contextlib.suppress(InputError):
            ct.Network.read(folder)
