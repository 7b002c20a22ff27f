"""What if a worker dies? Its work is given out again, and what kills every worker is found and set apart.

A pool that lost a worker is built anew. Tasks that were under way are tried again; one that was there at three deaths
runs alone, then its halves, down to the scenario at fault, which becomes a row with an error.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, Literal, cast

import joblib

from contagion.experiments.carry import Carried, opened
from contagion.experiments.clock import GRACE, watch_parent
from contagion.experiments.tasks import ERROR, TIMEOUT, Group, Rows, StopFlag, Task, run_chunk

if TYPE_CHECKING:
    from contagion.experiments.writer import Writer

__all__ = ["Answer", "Pool", "run_task", "surviving"]

TRIES: Final = 3
"""Deaths of workers at which a task was under way before it is run alone, the last of them alone."""

STALL: Final = 3600.0
"""Seconds without any answer after which workers count as lost."""

Answer = Rows | str
"""Rows of a task, or the name of the file that a worker wrote them to."""


@dataclass
class Pool:
    """Workers behind one call, whatever joblib runs them on.

    Parameters
    ----------
    n_jobs : int
        Workers; -1 is one per core.
    prefer : {"threads", "processes"}
        What to run them on where no other backend is active.
    seed : int
        Root seed of the study.
    stop : StopFlag
        Ends threads early.
    timeout : float, optional
        Seconds a scenario may take.
    writer : Writer, optional
        Writes the rows of tasks that have a place in a store.
    """

    n_jobs: int
    prefer: Literal["threads", "processes"]
    seed: int
    stop: StopFlag
    timeout: float | None = None
    writer: Writer | None = None

    def __post_init__(self) -> None:
        self.workers = max(1, joblib.effective_n_jobs(self.n_jobs))
        backend, _ = joblib.parallel.get_active_backend(prefer=self.prefer)
        self.separate = self.workers > 1 and not getattr(backend, "supports_sharedmem", False)
        self._carried: dict[int, Carried] = {}

    def answers(
        self, tasks: Sequence[Task], started: list[int], jobs: int = 0
    ) -> Iterator[tuple[int, Answer]]:
        """Run tasks and yield place and answer of each as it ends; places that were handed out are noted."""
        longest = max(len(task.scenarios) for task in tasks)
        stall = STALL if self.timeout is None else (self.timeout + GRACE) * longest + STALL / 60.0
        pool = joblib.Parallel(
            n_jobs=jobs or self.n_jobs,
            prefer=self.prefer,
            return_as="generator_unordered",
            batch_size=1,
            mmap_mode="c",  # a worker's own pages are copied once it writes to them
            timeout=stall if self.workers > 1 else None,
            **self._at_start(),
        )
        calls = (self._call(place, task, started) for place, task in enumerate(tasks))
        with closing(cast("Generator[tuple[int, Answer], None, None]", pool(calls))) as found:
            yield from found

    def alone(self, task: Task) -> Rows:
        """Run a task by itself, in a process of its own where there are processes, and return its rows."""
        ((_, rows),) = self.answers([task.unstored()], [], jobs=max(2, self.workers))
        return cast("Rows", rows)

    def _at_start(self) -> dict[str, Any]:
        """What every worker process of this machine does first: watch this process."""
        backend, _ = joblib.parallel.get_active_backend(prefer=self.prefer)
        if not self.separate or type(backend).__name__ != "LokyBackend":
            return {}
        return {"initializer": watch_parent, "initargs": (os.getpid(),)}

    def _call(self, place: int, task: Task, started: list[int]) -> Any:
        started.append(place)
        worlds = [self._world(part) for part in task.parts]
        inputs = [(tuple(part.shocks), part.scenarios) for part in task.parts]
        writer = self.writer if task.key else None
        return joblib.delayed(run_task)(
            place, inputs, self.seed, self.stop, self.timeout, writer, task.policy, task.key, *worlds
        )

    def _world(self, part: Group) -> Any:
        if not self.separate:
            return part.prepared
        return self._carried.setdefault(id(part.prepared), Carried(part.prepared))


def run_task(
    place: int,
    inputs: Sequence[tuple[Sequence[Any], Sequence[int]]],
    seed: int,
    stop: StopFlag,
    timeout: float | None,
    writer: Writer | None,
    policy: int,
    key: Any,
    *worlds: Any,
) -> tuple[int, Answer]:
    """Run the scenarios of a task in a worker; write them where they have a place, else hand them back."""
    parts: list[Rows] = []
    order: list[int] = []
    for world, (shocks, scenarios) in zip(worlds, inputs, strict=True):
        rows = run_chunk(opened(world), shocks, scenarios, seed, stop, timeout)
        parts.append(rows)
        order.extend(scenarios[: len(rows.messages)])
    if len(order) < sum(len(scenarios) for _, scenarios in inputs):  # stopped half-way
        writer, key = None, None
        order = order if len(inputs) == 1 else []
        parts = parts if len(inputs) == 1 else [part._replace(**_nothing(part)) for part in parts]
    joined = Rows.joined(parts, order)
    return (place, joined if writer is None else writer.write(policy, key, joined))


def _nothing(rows: Rows) -> dict[str, Any]:
    return {"metrics": rows.metrics[:0], "status": rows.status[:0], "messages": []}


def surviving(tasks: Sequence[Task], pool: Pool) -> Generator[tuple[Task, Answer], None, None]:
    """Yield tasks with their answers as they end, through the deaths of workers.

    Parameters
    ----------
    tasks : sequence of Task
        What to run.
    pool : Pool
        Where.
    """
    waiting, deaths = list(tasks), Counter[int]()
    while waiting:
        started: list[int] = []
        done: set[int] = set()
        try:
            for place, answer in pool.answers(waiting, started):
                done.add(place)
                yield waiting[place], answer
            return
        except Exception as error:
            if not _is_death(error):
                raise
        under_way = [waiting[place] for place in started if place not in done]
        rest = [task for place, task in enumerate(waiting) if place not in done and place not in set(started)]
        deaths.update(id(task) for task in under_way)
        for task in under_way:
            if deaths[id(task)] >= TRIES - 1:
                yield task, _isolated(task, pool)
        waiting = [task for task in under_way if deaths[id(task)] < TRIES - 1] + rest


def _is_death(error: Exception) -> bool:
    """Whether an error says that workers were lost, not that a task went wrong."""
    return isinstance(error, (BrokenProcessPool, TimeoutError)) or type(error).__name__ == "KilledWorker"


def _isolated(task: Task, pool: Pool) -> Rows:
    """Run a task alone; if that kills the worker its halves, down to the scenarios at fault."""
    began = perf_counter()
    try:
        return pool.alone(task)
    except Exception as error:
        if not _is_death(error):
            raise
    numbers = task.scenarios
    if len(numbers) == 1:
        late = pool.timeout is not None and perf_counter() - began >= pool.timeout
        if late:
            return Rows.failed(1, task.width, TIMEOUT, f"OutOfTime: took more than {pool.timeout:g} s")
        return Rows.failed(1, task.width, ERROR, "WorkerDied: the process that ran this scenario was killed")
    halves = task.halves()
    parts = [_isolated(half, pool) for half in halves]
    return Rows.joined(parts, [number for half in halves for number in half.scenarios])
