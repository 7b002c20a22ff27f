"""How are many runs spread over workers, without the answer depending on how?

A group is one policy set on one network with the scenarios that fall on it. Each group is cut into tasks of
20 ms to 10 s; a task returns the metrics of its scenarios and knows nothing of its neighbours, so the cut,
the number of workers and the kind of worker change the time a study takes and nothing else. Groups whose
rounds run in compiled code share the threads of this process; groups with a policy written in Python go to
processes, where the interpreter's lock does not hold them up.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import zip_longest
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal, cast

import joblib
import numpy as np

from contagion.errors import ScenarioError
from contagion.policies.bills import OUTLAY, outlay_row

if TYPE_CHECKING:
    from tqdm import tqdm

    from contagion.propagation.run import Prepared

__all__ = ["Group", "Outcome", "StopFlag", "cut", "message_of", "run_chunk", "run_groups"]

SHORTEST_TASK = 0.02
LONGEST_TASK = 10.0
TASKS_PER_WORKER = 4
COMPILING = 0.2
LONGEST_MESSAGE = 300

MISSING, OK, ERROR = 0, 1, 2

Answer = tuple[int, np.ndarray, list[str]]
"""Number of a task, metrics and messages of its scenarios."""


class StopFlag:
    """A flag that threads of this process share; a copy sent to another process is never raised."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def __reduce__(self) -> tuple[type[StopFlag], tuple[()]]:
        return (StopFlag, ())

    def __bool__(self) -> bool:
        return self._event.is_set()

    def raise_flag(self) -> None:
        """Ask every task that shares the flag to end after the scenario it is working on."""
        self._event.set()


@dataclass(frozen=True)
class Group:
    """One policy set on one network, with the scenarios that fall on it.

    Parameters
    ----------
    policy : int
        Position of the policy set.
    prepared : Prepared
        The network under the set's rules, ready to run.
    scenarios : tuple of int
        Numbers of the scenarios.
    shocks : tuple of Shock
        The shock of each of them, in the same order.
    """

    policy: int
    prepared: Prepared
    scenarios: tuple[int, ...]
    shocks: tuple[Any, ...]

    def part(self, start: int, stop: int) -> Group:
        """Return the group with the scenarios from `start` up to `stop` only."""
        return Group(self.policy, self.prepared, self.scenarios[start:stop], self.shocks[start:stop])


@dataclass
class Outcome:
    """What came back so far.

    Parameters
    ----------
    metrics : numpy.ndarray, shape (n_policies, n_scenarios, n_metrics + n_outlays)
        Metrics, then what the run used; NaN where a run failed or is missing.
    status : numpy.ndarray of int8, shape (n_policies, n_scenarios)
        0 missing, 1 done, 2 failed.
    messages : dict
        (policy, scenario) -> what went wrong.
    interrupted : bool
        Whether the user stopped the study before its end.
    """

    metrics: np.ndarray
    status: np.ndarray
    messages: dict[tuple[int, int], str] = field(default_factory=dict)
    interrupted: bool = False

    @classmethod
    def empty(cls, n_policies: int, n_scenarios: int, n_metrics: int) -> Outcome:
        """Return an outcome in which every run is missing."""
        shape = (n_policies, n_scenarios)
        values = np.full((*shape, n_metrics + len(OUTLAY)), np.nan)
        return cls(values, np.zeros(shape, dtype=np.int8))

    def add(
        self, policy: int, scenarios: Sequence[int], metrics: np.ndarray, messages: Sequence[str]
    ) -> None:
        """Enter the answer of one task; scenarios beyond its length were not run."""
        for scenario, row, message in zip(scenarios, metrics, messages, strict=False):
            self.metrics[policy, scenario] = row
            self.status[policy, scenario] = ERROR if message else OK
            if message:
                self.messages[policy, scenario] = message


def run_chunk(
    prepared: Prepared, shocks: Sequence[Any], scenarios: Sequence[int], seed: int, stop: StopFlag
) -> tuple[np.ndarray, list[str]]:
    """Run some scenarios one after the other; a scenario that fails becomes a message.

    Parameters
    ----------
    prepared : Prepared
        The network under one policy set.
    shocks, scenarios : sequences of equal length
        What hits, and the number that keys the draws of the run.
    seed : int
        Root seed of the study.
    stop : StopFlag
        Looked at before each scenario.

    Returns
    -------
    metrics : numpy.ndarray, shape (n_done, n_metrics + n_outlays)
        Metrics, then what the run used; NaN in the row of a scenario that failed.
    messages : list of str
        Empty for a scenario that ran, else class and text of the error.
    """
    metrics = np.full((len(scenarios), len(prepared.metric_names) + len(OUTLAY)), np.nan)
    messages: list[str] = []
    for row, (shock, scenario) in enumerate(zip(shocks, scenarios, strict=True)):
        if stop:
            break
        try:
            metrics[row] = _measured(prepared, shock, seed, scenario)
            messages.append("")
        except Exception as error:
            messages.append(message_of(error))
    return metrics[: len(messages)], messages


def _measured(prepared: Prepared, shock: Any, seed: int, scenario: int) -> np.ndarray:
    """Return metrics and outlay of one run; a model need not say what was used, it is NaN then."""
    measure = getattr(prepared, "measure", None)
    if measure is None:
        return np.append(prepared.metrics(shock, seed, scenario), np.full(len(OUTLAY), np.nan))
    metrics, outlay = measure(shock, seed, scenario)
    return np.append(metrics, outlay_row(outlay))


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
    groups: Sequence[Group], outcome: Outcome, *, seed: int, n_jobs: int = 1, progress: bool = False
) -> Outcome:
    """Run every scenario of every group and enter the answers into `outcome`.

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

    Returns
    -------
    Outcome
        The same object, filled.

    Raises
    ------
    ScenarioError
        If the workers themselves break down (memory, a killed process).
    """
    from tqdm import tqdm

    stop = StopFlag()
    total = sum(len(group.scenarios) for group in groups)
    with tqdm(total=total, unit="run", file=sys.stderr, disable=not progress, leave=False) as bar:
        try:
            for compiled in (True, False):
                chosen = [group for group in groups if group.prepared.compiled is compiled]
                if chosen:
                    _run_kind(chosen, compiled, outcome, seed, n_jobs, stop, bar)
        except KeyboardInterrupt:
            stop.raise_flag()
            outcome.interrupted = True
    return outcome


def _run_kind(
    groups: list[Group],
    compiled: bool,
    outcome: Outcome,
    seed: int,
    n_jobs: int,
    stop: StopFlag,
    bar: tqdm[Any],
) -> None:
    """Run groups of one kind: measure the first scenario, cut, hand out, collect in whatever order."""
    workers = max(1, joblib.effective_n_jobs(n_jobs))
    measured, seconds = _measure(groups[0], outcome, seed, stop, bar)
    rest = [groups[0].part(measured, len(groups[0].scenarios)), *groups[1:]]
    tasks = list(_interleaved(rest, seconds, workers))
    prefer: Literal["threads", "processes"] = "threads" if compiled else "processes"
    pool = joblib.Parallel(n_jobs=n_jobs, prefer=prefer, return_as="generator_unordered", batch_size=1)
    calls = (
        joblib.delayed(_run_task)(number, task.prepared, task.shocks, task.scenarios, seed, stop)
        for number, task in enumerate(tasks)
    )
    try:
        with closing(cast("Generator[Answer, None, None]", pool(calls))) as answers:
            for number, metrics, messages in answers:
                _enter(outcome, tasks[number], metrics, messages, bar)
    except KeyboardInterrupt:
        stop.raise_flag()
        raise
    except Exception as error:
        done = int((outcome.status != MISSING).sum())
        raise ScenarioError(
            f"the workers broke down after {done:,} runs: {message_of(error)}",
            remedy=f"n_jobs={n_jobs}; take fewer workers or a smaller network if memory ran out",
        ) from error


def _measure(group: Group, outcome: Outcome, seed: int, stop: StopFlag, bar: tqdm[Any]) -> tuple[int, float]:
    """Run the first scenario here and time it; a slow one may have been compiling, so the second decides."""
    seconds = 0.0
    for done in range(min(2, len(group.scenarios))):
        task = group.part(done, done + 1)
        started = perf_counter()
        metrics, messages = run_chunk(task.prepared, task.shocks, task.scenarios, seed, stop)
        seconds = perf_counter() - started
        _enter(outcome, task, metrics, messages, bar)
        if seconds < COMPILING:
            return done + 1, seconds
    return done + 1, seconds


def _run_task(
    number: int,
    prepared: Prepared,
    shocks: Sequence[Any],
    scenarios: Sequence[int],
    seed: int,
    stop: StopFlag,
) -> Answer:
    return (number, *run_chunk(prepared, shocks, scenarios, seed, stop))


def _interleaved(groups: Iterable[Group], seconds: float, workers: int) -> Iterator[Group]:
    """Cut every group; the first task of each comes first: an interrupted study has every policy set."""
    cuts = []
    for group in groups:
        size = cut(len(group.scenarios), seconds, workers)
        cuts.append([group.part(start, start + size) for start in range(0, len(group.scenarios), size)])
    for row in zip_longest(*cuts):
        yield from (task for task in row if task is not None)


def _enter(outcome: Outcome, task: Group, metrics: np.ndarray, messages: list[str], bar: tqdm[Any]) -> None:
    outcome.add(task.policy, task.scenarios, metrics, messages)
    bar.update(len(messages))


def message_of(error: BaseException) -> str:
    """Return class and text of an error, cut to a line."""
    text = f"{type(error).__name__}: {error}"
    return text if len(text) <= LONGEST_MESSAGE else text[: LONGEST_MESSAGE - 3] + "..."
