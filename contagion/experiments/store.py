"""A folder that a study can be killed over: finished rows stay, damaged ones are noticed, the rest is run again.

Every file is written under a temporary name, forced to disk and renamed, so that a file is there whole or not at all.
Nothing is ever changed in place. Whoever reads looks at every byte. A stored row is final, a failed one too.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

from contagion.errors import (
    ContagionError,
    CorruptResultError,
    InputError,
    SchemaError,
    UnsafeInputError,
    shown,
)
from contagion.experiments.chunks import ChunkKey, Columns, key_of, read_chunk, write_chunk
from contagion.experiments.manifest import MANIFEST, Manifest

__all__ = ["QUARANTINE", "Store", "open_store", "store_folder", "write_atomic", "write_rows"]

QUARANTINE: Final = "quarantine"
_TEMPORARY: Final = re.compile(r"\.tmp-(?P<pid>\d+)-(?P<host>[0-9a-f]{8})-.*", re.DOTALL)


def store_folder(given: object) -> Path:
    """Return the path of a store, or refuse what is none.

    Raises
    ------
    SchemaError
        If it is no path, or names a file.
    """
    if not isinstance(given, (str, os.PathLike)) or not os.fspath(given) or "\x00" in str(given):
        raise SchemaError("is no folder", where="store", value=given, allowed='a folder such as "results"')
    folder = Path(given)
    if folder.exists() and not folder.is_dir():
        raise SchemaError("is a file", where="store", value=folder.name, remedy="give a folder")
    return folder


def write_atomic(folder: Path, name: str, data: bytes) -> None:
    """Write a file whole or not at all, and force it and its folder's entry to disk.

    Raises
    ------
    ContagionError
        If it cannot be written; nothing is left behind then.
    """
    temporary = folder / f".tmp-{os.getpid()}-{_host()}-{threading.get_ident()}-{name}"
    try:
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(folder / name)
            _sync(folder)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ContagionError(
            f"cannot be written: {error.strerror or error}",
            where=f"store {shown(folder.name)}, {name[:40]}",
            remedy="what is finished is kept: make room or allow writing, then run the same study again",
        ) from error


def write_rows(folder: Path, key: ChunkKey, rows: Columns) -> str:
    """Write a chunk and return its name; nothing is written where the same bytes lie already.

    Raises
    ------
    ContagionError
        If it cannot be written.
    """
    name, data = write_chunk(key, rows)
    path = folder / name
    with contextlib.suppress(OSError):
        if path.stat().st_size == len(data) and path.read_bytes() == data:
            return name
    write_atomic(folder, name, data)
    return name


def open_store(folder: Path, manifest: Manifest) -> Store:
    """Return the store of a study in a folder, made if it is not there, gone on with if it is.

    Parameters
    ----------
    folder : Path
        The folder.
    manifest : Manifest
        The study.

    Raises
    ------
    StudyMismatchError
        If the folder holds another study; the message names the field that differs.
    CorruptResultError
        If its manifest is damaged.
    InputError
        If the folder cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        known = (folder / MANIFEST).exists()
    except OSError as error:
        raise _unwritable(folder, error) from error
    if known:
        found = Manifest.read(folder / MANIFEST)
        found.require(manifest, folder.name)
        manifest = found.with_scenarios(int(manifest.labels["n"]))
    try:
        if not known or manifest != found:
            write_atomic(folder, MANIFEST, manifest.to_bytes())
        else:
            write_atomic(folder, ".probe", b"")
            (folder / ".probe").unlink(missing_ok=True)
    except ContagionError as error:
        raise _unwritable(folder, error.__cause__) from error
    store = Store(folder, manifest)
    store.clean()
    return store


def _unwritable(folder: Path, error: BaseException | None) -> InputError:
    reason = getattr(error, "strerror", None) or str(error)
    code = getattr(error, "errno", None)
    remedy = "free some space" if code == errno.ENOSPC else "give a folder that may be written to"
    return InputError(f"cannot be written to: {reason}", where=f"store {shown(folder.name)}", remedy=remedy)


@dataclass
class Store:
    """The chunks of one study in one folder.

    Parameters
    ----------
    folder : Path
        Where they lie.
    manifest : Manifest
        What they belong to.
    report : list of str
        What was met on the way, in sentences: damaged files put aside, foreign files.
    """

    folder: Path
    manifest: Manifest
    report: list[str] = field(default_factory=list)

    def chunks(self, n: int) -> Iterator[tuple[str, ChunkKey]]:
        """Yield name and key of every chunk of this study that holds scenarios below n, in order.

        Raises
        ------
        UnsafeInputError
            If one of them is a link.
        """
        known = {self.manifest.key(name) for name in self.manifest.names}
        entries = sorted(os.scandir(self.folder), key=lambda entry: entry.name)
        foreign = []
        for entry in entries:
            key = key_of(entry.name)
            if key is None or key.policy not in known:
                expected = entry.name in (MANIFEST, QUARANTINE, "study.toml", "settings.json")
                if not expected and not _TEMPORARY.fullmatch(entry.name):
                    foreign.append(entry.name)
            elif entry.is_symlink():
                raise UnsafeInputError("is a link", where=entry.name, remedy="copy the file into the folder")
            elif key.start < n:
                yield entry.name, key
        if foreign:
            names = ", ".join(shown(name) for name in foreign[:5])
            self.report.append(
                f"{len(foreign)} files in the store are not its own and were left alone ({names})"
            )

    def read(self, name: str) -> Columns:
        """Return the rows of a chunk of this study.

        Raises
        ------
        CorruptResultError
            If a bit of it has changed, or it belongs to another study.
        """
        try:
            data = (self.folder / name).read_bytes()
        except OSError as error:
            raise CorruptResultError(f"cannot be read: {error.strerror or error}", where=name) from error
        rows = read_chunk(name, data)
        labels, columns = self.manifest, self.manifest.identity["columns"]
        if rows.study != labels.study:
            raise CorruptResultError("belongs to another study", where=name)
        wide = rows.metrics.shape[1], rows.outlays.shape[1]
        if wide != (len(columns["metrics"]), len(columns["outlays"])):
            raise CorruptResultError(f"has {wide[0]} metrics and {wide[1]} outlays", where=name)
        return rows

    def put_aside(self, name: str, error: CorruptResultError) -> None:
        """Move a damaged chunk to the quarantine, so that its rows are run again."""
        aside = self.folder / QUARANTINE
        with contextlib.suppress(OSError):
            aside.mkdir(exist_ok=True)
            target, number = aside / name, 1
            while target.exists():
                target, number = aside / f"{name}.{number}", number + 1
            (self.folder / name).replace(target)
        self.report.append(f"the stored chunk {error} and was put aside; its rows were run again")

    def clean(self) -> None:
        """Remove temporary files whose writer is gone."""
        for entry in list(os.scandir(self.folder)):
            found = _TEMPORARY.fullmatch(entry.name)
            if found and found["host"] == _host() and not _alive(int(found["pid"])):
                with contextlib.suppress(OSError):
                    (self.folder / entry.name).unlink()


def _alive(pid: int) -> bool:
    """Whether a process of this machine is running; where that cannot be asked it is taken to be."""
    if os.name != "posix":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _host() -> str:
    return sha256(socket.gethostname().encode()).hexdigest()[:8]


def _sync(folder: Path) -> None:
    """Force a folder's entries to disk, where the system can."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
