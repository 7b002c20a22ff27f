"""How are many runs spread over workers, without the answer depending on how?

A group is one policy set on one network with the scenarios that fall on it. Each group is cut into tasks of
20 ms to 10 s; a task returns the metrics of its scenarios and knows nothing of its neighbours, so the cut,
the number of workers and the kind of worker change the time a study takes and nothing else. With a store each task
is a chunk of its grid instead. Groups whose rounds run in compiled code share the threads of this process; groups
with a policy written in Python go to processes, where the interpreter's lock does not hold them up. A backend that is
active in joblib, such as a dask cluster, takes the place of both.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import zip_longest
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from contagion.errors import ContagionError, ScenarioError
from contagion.experiments.tasks import (
    ERROR,
    MISSING,
    OK,
    TIMEOUT,
    Group,
    Outcome,
    Rows,
    StopFlag,
    Task,
    message_of,
    run_chunk,
)
from contagion.experiments.workers import Answer, Pool, surviving

if TYPE_CHECKING:
    from tqdm import tqdm

    from contagion.experiments.writer import Shelf

__all__ = [
    "ERROR",
    "MISSING",
    "OK",
    "TIMEOUT",
    "Group",
    "Outcome",
    "StopFlag",
    "cut",
    "message_of",
    "run_chunk",
    "run_groups",
]

SHORTEST_TASK = 0.02
LONGEST_TASK = 10.0
TASKS_PER_WORKER = 4
COMPILING = 0.2


def cut(n_scenarios: int, seconds: float, workers: int) -> int:
    """Return how many scenarios go into one task.

    Parameters
    ----------
    n_scenarios : int
        Scenarios of the group.
    seconds : float
        Measured time of one scenario.
    workers : int
        Workers that share the group.

    Returns
    -------
    int
        Enough for four tasks per worker, but a task takes neither less than 20 ms nor more than 10 s.

    Examples
    --------
    >>> cut(n_scenarios=1000, seconds=0.01, workers=4)
    63
    """
    seconds = max(seconds, 1e-9)
    fair = -(-n_scenarios // (TASKS_PER_WORKER * workers))
    most = max(1, int(LONGEST_TASK / seconds))
    least = min(most, int(np.ceil(SHORTEST_TASK / seconds)))
    return max(1, min(max(fair, least), most))


def run_groups(
    groups: Sequence[Group],
    outcome: Outcome,
    *,
    seed: int,
    n_jobs: int = 1,
    progress: bool = False,
    timeout: float | None = None,
    max_error_rate: float = 1.0,
    shelf: Shelf | None = None,
) -> Outcome:
    """Run every scenario of every group that is missing in `outcome`, and enter the answers into it.

    Ctrl-C ends the work within the scenario at hand; what is done stays in the outcome, marked as
    interrupted.

    Parameters
    ----------
    groups : sequence of Group
        What to run.
    outcome : Outcome
        Where to enter it.
    seed : int
        Root seed of the study.
    n_jobs : int, default 1
        Workers; -1 is one per core.
    progress : bool, default False
        Show a bar with the time left on standard error.
    timeout : float, optional
        Seconds a scenario may take.
    max_error_rate : float, default 1.0
        Share of all runs that may fail.
    shelf : Shelf, optional
        Where rows are stored.

    Returns
    -------
    Outcome
        The same object, filled.

    Raises
    ------
    ScenarioError
        If more runs failed than allowed, or the workers themselves break down.
    ContagionError
        If the store cannot be written.
    """
    from tqdm import tqdm

    stop = StopFlag()
    total = outcome.status.size
    done = int((outcome.status != MISSING).sum())
    allowed = max_error_rate * total
    with tqdm(
        total=total, initial=done, unit="run", file=sys.stderr, disable=not progress, leave=False
    ) as bar:
        try:
            _check_failures(outcome, allowed)
            for compiled in (True, False):
                chosen = [group for group in groups if group.prepared.compiled is compiled]
                if chosen:
                    prefer: Literal["threads", "processes"] = "threads" if compiled else "processes"
                    writer = shelf.writer if shelf else None
                    pool = Pool(n_jobs, prefer, seed, stop, timeout, writer)
                    _run_kind(chosen, outcome, pool, shelf, allowed, bar)
        except KeyboardInterrupt:
            stop.raise_flag()
            outcome.interrupted = True
    return outcome


def _run_kind(
    groups: list[Group], outcome: Outcome, pool: Pool, shelf: Shelf | None, allowed: float, bar: tqdm[Any]
) -> None:
    """Run groups of one kind: cut, hand out, collect in whatever order."""
    try:
        tasks = list(shelf.tasks(groups, outcome)) if shelf else _measured_tasks(groups, outcome, pool, bar)
        with closing(surviving(tasks, pool)) as answers:
            for task, answer in answers:
                _enter(outcome, task, answer, shelf, bar)
                _check_failures(outcome, allowed)
    except KeyboardInterrupt:
        pool.stop.raise_flag()
        raise
    except ContagionError:
        pool.stop.raise_flag()
        raise
    except Exception as error:
        pool.stop.raise_flag()
        done = int((outcome.status != MISSING).sum())
        raise ScenarioError(
            f"the workers broke down after {done:,} runs: {message_of(error)}",
            remedy=f"n_jobs={pool.n_jobs}; take fewer workers or a smaller network if memory ran out",
        ) from error


def _measured_tasks(groups: list[Group], outcome: Outcome, pool: Pool, bar: tqdm[Any]) -> list[Task]:
    """Run the first scenario and time it; a slow one may have been compiling, so the second decides."""
    first, seconds, measured = groups[0], 0.0, 0
    while measured < min(2, len(first.scenarios)):
        task = Task((first.part(measured, measured + 1),))
        began = perf_counter()
        if pool.separate:  # not here: a scenario may kill its process
            ((_, answer),) = surviving([task], pool)
        else:
            group = task.parts[0]
            answer = run_chunk(
                group.prepared, group.shocks, group.scenarios, pool.seed, pool.stop, pool.timeout
            )
        seconds = perf_counter() - began
        _enter(outcome, task, answer, None, bar)
        measured += 1
        if seconds < COMPILING:
            break
    rest = [first.part(measured, len(first.scenarios)), *groups[1:]]
    return [Task((part,)) for part in _interleaved(rest, seconds, pool.workers)]


def _interleaved(groups: Iterable[Group], seconds: float, workers: int) -> Iterator[Group]:
    """Cut every group; the first task of each comes first: an interrupted study has every policy set."""
    cuts = []
    for group in groups:
        size = cut(len(group.scenarios), seconds, workers)
        cuts.append([group.part(start, start + size) for start in range(0, len(group.scenarios), size)])
    for row in zip_longest(*cuts):
        yield from (task for task in row if task is not None)


def _enter(outcome: Outcome, task: Task, answer: Answer, shelf: Shelf | None, bar: tqdm[Any]) -> None:
    """Enter the rows of a task; those that a worker has stored are read back, and so verified."""
    if isinstance(answer, Rows):
        numbers = task.scenarios
        if shelf is not None and task.key is not None and len(answer.messages) == len(numbers):
            answer = shelf.writer.write(task.policy, task.key, answer)
        else:
            outcome.add(task.policy, numbers, answer)
            bar.update(len(answer.messages))
    if isinstance(answer, str) and shelf is not None:
        bar.update(shelf.enter(outcome, task.policy, answer))


def _check_failures(outcome: Outcome, allowed: float) -> None:
    if outcome.failures > allowed:
        first = outcome.messages[min(outcome.messages)]
        raise ScenarioError(
            f"{outcome.failures:,} runs failed, more than max_error_rate allows ({allowed:g} of "
            f"{outcome.status.size:,}); the first of them: {first}",
            remedy="mend the cause, or raise max_error_rate",
        )
