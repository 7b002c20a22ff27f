"""How do rows that a worker has get into the store, and out of it into the table?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from contagion.errors import CorruptResultError
from contagion.experiments.chunks import ChunkKey, Columns, key_of
from contagion.experiments.store import Store, write_rows
from contagion.experiments.tasks import MISSING, Group, Outcome, Rows, Task
from contagion.policies.bills import OUTLAY

if TYPE_CHECKING:
    from contagion.network.network import Network

__all__ = ["FEWEST", "MOST", "Shelf", "Writer", "chunk_size"]

FEWEST, MOST = 8, 256
ROWS_A_CHUNK: Final = 2**22
SLOWER: Final = 8
"""A run under a policy written in Python takes so many times longer, at least."""


def chunk_size(worlds: Sequence[Network], compiled: bool) -> int:
    """Return how many scenarios make a chunk: few where a scenario is a lot of work, and the same on every machine.

    Parameters
    ----------
    worlds : sequence of Network
        The networks of the study.
    compiled : bool
        Whether the rounds run in compiled code.
    """
    rows = max(len(world.accounts) + len(world.positions) + len(world.nodes) for world in worlds)
    size = max(FEWEST, min(MOST, ROWS_A_CHUNK // max(1, rows)))
    whole = 1 << (size.bit_length() - 1)
    return whole if compiled else max(FEWEST, whole // SLOWER)


@dataclass(frozen=True)
class Writer:
    """Writes the rows of a task; small enough to travel with every task.

    Parameters
    ----------
    folder : Path
        The store's folder.
    study : str
        Study id.
    seed : int
        Root seed.
    networks : int
        How many networks the study has.
    codes : tuple of int
        Code of each policy set, in the order of the outcome.
    """

    folder: Path
    study: str
    seed: int
    networks: int
    codes: tuple[int, ...]

    def write(self, policy: int, key: ChunkKey, rows: Rows) -> str:
        """Write the rows of a task and return the file's name."""
        split = rows.metrics.shape[1] - len(OUTLAY)
        columns = Columns(
            policy=self.codes[policy],
            network=(np.arange(key.start, key.start + key.count) % self.networks).astype(np.int32),
            status=rows.status,
            messages=rows.messages,
            metrics=rows.metrics[:, :split],
            outlays=rows.metrics[:, split:],
            seed=self.seed,
            study=self.study,
        )
        return write_rows(self.folder, key, columns)


@dataclass
class Shelf:
    """A study's place in a store, as the driver sees it.

    Parameters
    ----------
    store : Store
        The folder and its manifest.
    names : list of str
        Policy sets in the order of the outcome.
    """

    store: Store
    names: list[str]

    @property
    def writer(self) -> Writer:
        """What workers write with."""
        manifest = self.store.manifest
        codes = tuple(manifest.names.index(name) for name in self.names)
        networks = len(manifest.identity["networks"])
        return Writer(self.store.folder, manifest.study, int(manifest.identity["seed"]), networks, codes)

    def read(self, name: str) -> Rows:
        """Return the rows of a chunk after a look at every byte."""
        columns = self.store.read(name)
        return Rows(np.hstack([columns.metrics, columns.outlays]), columns.status, columns.messages)

    def fill(self, outcome: Outcome, repair: bool = True) -> None:
        """Enter every good row of the store into the outcome.

        Parameters
        ----------
        outcome : Outcome
            Changed in place.
        repair : bool
            Put damaged chunks aside, so that their rows are run again; else they are an error.

        Raises
        ------
        CorruptResultError
            If two good chunks hold different rows for the same runs, or one is damaged and not to be put aside.
        """
        policies = {self.store.manifest.key(name): place for place, name in enumerate(self.names)}
        seen: dict[ChunkKey, str] = {}
        for name, key in list(self.store.chunks(outcome.status.shape[1])):
            try:
                rows = self.read(name)
            except CorruptResultError as error:
                if not repair:
                    raise
                self.store.put_aside(name, error)
                continue
            if key in seen:
                raise _twice(name)
            seen[key] = name
            self._enter(outcome, policies[key.policy], name, key, rows)

    def _enter(self, outcome: Outcome, policy: int, name: str, key: ChunkKey, rows: Rows) -> None:
        kept = [number for number in key.scenarios if number < outcome.status.shape[1]]
        rows = Rows(rows.metrics[: len(kept)], rows.status[: len(kept)], rows.messages[: len(kept)])
        known = outcome.status[policy, kept] != MISSING
        same = outcome.metrics[policy, kept][known].tobytes() == rows.metrics[known].tobytes()
        if not (same and np.array_equal(outcome.status[policy, kept][known], rows.status[known])):
            raise _twice(name)
        outcome.add(policy, kept, rows)

    def enter(self, outcome: Outcome, policy: int, name: str) -> int:
        """Enter the rows of a chunk that a worker has just written, and return how many they are."""
        key = key_of(name)
        if key is None:
            raise CorruptResultError("is no name of a chunk", where=name)
        self._enter(outcome, policy, name, key, self.read(name))
        return key.count

    def tasks(self, groups: Sequence[Group], outcome: Outcome) -> Iterator[Task]:
        """Yield what is still to be run as tasks that each make one chunk, on a grid that is the same every time."""
        by_policy: dict[int, list[Group]] = {}
        for group in groups:
            by_policy.setdefault(group.policy, []).append(group)
        cuts = {policy: list(self._chunks(policy, outcome)) for policy in by_policy}
        for place in range(max(map(len, cuts.values()), default=0)):
            for policy, keys in cuts.items():
                if place < len(keys):
                    key = keys[place]
                    yield Task.of(by_policy[policy], key.start, key.start + key.count, key)

    def _chunks(self, policy: int, outcome: Outcome) -> Iterator[ChunkKey]:
        name = self.names[policy]
        size = int(self.store.manifest.labels["chunk"][name])
        missing = (outcome.status[policy] == MISSING).tolist()
        start = 0
        while start < len(missing):
            stop = start
            limit = min(len(missing), (start // size + 1) * size)
            while stop < limit and missing[stop]:
                stop += 1
            if stop > start:
                yield ChunkKey(self.store.manifest.key(name), start, stop - start)
            start = max(stop, start + 1)


def _twice(name: str) -> CorruptResultError:
    return CorruptResultError(
        "and another chunk hold different rows for the same runs: the study did not give the same numbers twice",
        where=name,
        remedy="find out which of the two is right, and remove the other",
    )
