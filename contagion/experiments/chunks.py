"""How do rows of results lie on disk? As archives of plain arrays whose file name carries the hash of the bytes.

The same rows give the same bytes: members are stored, sorted, and dated the first day of the format. A single flipped
bit anywhere, the directory included, changes the hash and is met on reading.
"""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from contagion.errors import CorruptResultError

__all__ = ["ChunkKey", "Columns", "key_of", "name_of", "read_chunk", "write_chunk"]

FIRST_DATE: Final = (1980, 1, 1, 0, 0, 0)
LONGEST_MESSAGE: Final = 1200
_NAME: Final = re.compile(
    r"(?P<policy>[0-9a-f]{8})-(?P<start>0|[1-9]\d{0,9})-(?P<count>[1-9]\d{0,9})-(?P<sha>[0-9a-f]{32})\.npz",
    re.ASCII,
)
_FIXED: Final = {
    "policy": "<i4",
    "scenario": "<i8",
    "network": "<i4",
    "status": "|i1",
    "seed": "|S39",
    "study": "|S64",
}


@dataclass(frozen=True, order=True)
class ChunkKey:
    """Which rows a chunk holds: a policy set, the first scenario, how many."""

    policy: str
    start: int
    count: int

    @property
    def scenarios(self) -> range:
        """Numbers of the scenarios."""
        return range(self.start, self.start + self.count)


@dataclass(frozen=True)
class Columns:
    """The rows of a chunk, column by column; names are codes, their labels are in the manifest.

    Parameters
    ----------
    policy : int
        Code of the policy set.
    network : numpy.ndarray of int32, shape (count,)
        Code of the network each scenario ran on.
    status : numpy.ndarray of int8, shape (count,)
        1 done, 2 failed, 3 out of time.
    messages : list of str
        Empty for a run that is done.
    metrics, outlays : numpy.ndarray of float64, shape (count, n_metrics), (count, n_outlays)
        NaN in rows without numbers.
    seed : int
        Root seed of the study.
    study : str
        Study id.
    """

    policy: int
    network: npt.NDArray[np.int32]
    status: npt.NDArray[np.int8]
    messages: list[str]
    metrics: npt.NDArray[np.float64]
    outlays: npt.NDArray[np.float64]
    seed: int
    study: str

    def arrays(self, key: ChunkKey) -> dict[str, npt.NDArray[Any]]:
        """Return the columns as arrays of fixed width."""
        scenario = np.arange(key.start, key.start + key.count, dtype=np.int64)
        texts = [text.replace("\x00", " ").encode()[:LONGEST_MESSAGE] for text in self.messages]
        width = max(1, *map(len, texts))
        fixed = {
            "policy": np.full(key.count, self.policy),
            "scenario": scenario,
            "network": self.network,
            "status": self.status,
            "seed": np.full(key.count, str(self.seed).encode()),
            "study": np.full(1, self.study.encode()),
        }
        columns: dict[str, npt.NDArray[Any]] = {
            name: fixed[name].astype(kind) for name, kind in _FIXED.items()
        }
        columns["message"] = np.array(texts, dtype=f"|S{width}")
        columns["metrics"] = np.ascontiguousarray(self.metrics, dtype="<f8")
        columns["outlays"] = np.ascontiguousarray(self.outlays, dtype="<f8")
        return columns


def write_chunk(key: ChunkKey, columns: Columns) -> tuple[str, bytes]:
    """Return the file name and the bytes of a chunk; the same rows give the same bytes.

    Examples
    --------
    >>> rows = Columns(0, np.zeros(2), np.ones(2), ["", ""], np.zeros((2, 3)), np.zeros((2, 7)), 7, "0" * 64)
    >>> name, data = write_chunk(ChunkKey("0badcafe", 64, 2), rows)
    >>> name[:14], read_chunk(name, data).metrics.shape
    ('0badcafe-64-2-', (2, 3))
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, array in sorted(columns.arrays(key).items()):
            member = io.BytesIO()
            np.lib.format.write_array(member, array, version=(1, 0), allow_pickle=False)
            header = zipfile.ZipInfo(f"{name}.npy", date_time=FIRST_DATE)
            header.create_system, header.external_attr = 3, 0o600 << 16
            archive.writestr(header, member.getvalue())
    data = buffer.getvalue()
    return name_of(key, data), data


def name_of(key: ChunkKey, data: bytes) -> str:
    """Return the file name that belongs to the bytes of a chunk."""
    return f"{key.policy}-{key.start}-{key.count}-{hashlib.sha256(data).hexdigest()[:32]}.npz"


def key_of(name: str) -> ChunkKey | None:
    """Return what a file name says that the file holds, or None for a name that is no chunk's."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    return ChunkKey(found["policy"], int(found["start"]), int(found["count"]))


def read_chunk(name: str, data: bytes) -> Columns:
    """Return the rows of a chunk, after a look at every byte and every column.

    Parameters
    ----------
    name : str
        Its file name.
    data : bytes
        The whole file.

    Raises
    ------
    CorruptResultError
        If the bytes are not those that the name promises, or hold other columns than a chunk has.
    """
    key = key_of(name)
    if key is None or name_of(key, data) != name:
        raise CorruptResultError("holds other bytes than its name promises", where=name)
    try:
        arrays = _members(data)
    except (OSError, ValueError, KeyError, EOFError, NotImplementedError, zipfile.BadZipFile) as error:
        raise CorruptResultError(f"is no archive of arrays: {error}", where=name) from error
    fault = _fault(key, arrays)
    if fault:
        raise CorruptResultError(f"holds {fault}", where=name)
    return Columns(
        policy=int(arrays["policy"][0]),
        network=arrays["network"],
        status=arrays["status"],
        messages=[text.decode("utf-8", "replace") for text in arrays["message"].tolist()],
        metrics=arrays["metrics"],
        outlays=arrays["outlays"],
        seed=int(arrays["seed"][0]),
        study=arrays["study"][0].decode("ascii", "replace"),
    )


def _members(data: bytes) -> dict[str, npt.NDArray[Any]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        found = {}
        for member in archive.infolist():
            content = io.BytesIO(archive.read(member))
            found[member.filename.removesuffix(".npy")] = np.lib.format.read_array(
                content, allow_pickle=False
            )
        return found


def _fault(key: ChunkKey, arrays: dict[str, npt.NDArray[Any]]) -> str:
    """Say what is wrong with the columns of a chunk, or nothing."""
    wanted = {*_FIXED, "message", "metrics", "outlays"}
    if set(arrays) != wanted:
        return f"the columns {', '.join(sorted(arrays))}, not {', '.join(sorted(wanted))}"
    for name, kind in _FIXED.items():
        rows = 1 if name == "study" else key.count
        if arrays[name].dtype.str != kind or arrays[name].shape != (rows,):
            return f"a column {name} of {arrays[name].dtype.str} x {arrays[name].shape}"
    for name in ("metrics", "outlays"):
        if arrays[name].dtype.str != "<f8" or arrays[name].ndim != 2 or len(arrays[name]) != key.count:
            return f"a column {name} of {arrays[name].dtype.str} x {arrays[name].shape}"
    if arrays["message"].dtype.kind != "S" or arrays["message"].shape != (key.count,):
        return f"a column message of {arrays['message'].dtype.str}"
    if not np.array_equal(arrays["scenario"], np.arange(key.start, key.start + key.count)):
        return "other scenarios than its name says"
    if not np.isin(arrays["status"], (1, 2, 3)).all() or not arrays["seed"][0].isdigit():
        return "a status or a seed that there is none of"
    return ""
