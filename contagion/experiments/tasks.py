"""What is one piece of work, what does it return, and what has come back so far?"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from contagion.experiments.clock import OutOfTime, limit
from contagion.policies.bills import OUTLAY, outlay_row

if TYPE_CHECKING:
    from contagion.experiments.chunks import ChunkKey
    from contagion.propagation.run import Prepared

__all__ = [
    "ERROR",
    "MISSING",
    "OK",
    "STATUS",
    "TIMEOUT",
    "Group",
    "Outcome",
    "Rows",
    "StopFlag",
    "Task",
    "message_of",
    "run_chunk",
]

LONGEST_MESSAGE = 300

MISSING, OK, ERROR, TIMEOUT = 0, 1, 2, 3

STATUS = ("missing", "ok", "error", "timeout")
"""Words for the codes of a row's status."""


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
    scenarios : sequence of int
        Numbers of the scenarios, rising.
    shocks : sequence of Shock
        The shock of each of them, in the same order.
    """

    policy: int
    prepared: Prepared
    scenarios: Sequence[int]
    shocks: Sequence[Any]

    def part(self, start: int, stop: int) -> Group:
        """Return the group with the scenarios from `start` up to `stop` only."""
        return Group(self.policy, self.prepared, self.scenarios[start:stop], self.shocks[start:stop])

    def between(self, first: int, end: int) -> Group:
        """Return the group with the scenarios from number `first` up to number `end` only."""
        return self.part(bisect_left(self.scenarios, first), bisect_left(self.scenarios, end))


class Rows(NamedTuple):
    """What some scenarios came to.

    Parameters
    ----------
    metrics : numpy.ndarray, shape (n_done, n_metrics + n_outlays)
        Metrics, then what the run used; NaN in the row of a scenario without numbers.
    status : numpy.ndarray of int8, shape (n_done,)
        1 done, 2 failed, 3 out of time.
    messages : list of str
        Empty for a scenario that is done, else class and text of the error.
    """

    metrics: npt.NDArray[np.float64]
    status: npt.NDArray[np.int8]
    messages: list[str]

    @classmethod
    def failed(cls, count: int, width: int, status: int, message: str) -> Rows:
        """Return rows of scenarios that all ended in the same way."""
        return cls(np.full((count, width), np.nan), np.full(count, status, dtype=np.int8), [message] * count)

    @classmethod
    def joined(cls, parts: Sequence[Rows], order: Sequence[int]) -> Rows:
        """Return rows of several parts, sorted by the numbers of their scenarios."""
        rank = np.argsort(np.asarray(order, dtype=np.int64), kind="stable")
        messages = [text for part in parts for text in part.messages]
        return cls(
            np.concatenate([part.metrics for part in parts])[rank],
            np.concatenate([part.status for part in parts])[rank],
            [messages[place] for place in rank.tolist()],
        )


@dataclass(frozen=True)
class Task:
    """Scenarios of one policy set that one worker runs one after the other.

    Parameters
    ----------
    parts : tuple of Group
        One per network that the scenarios fall on.
    key : ChunkKey, optional
        Where the rows are stored, if they are.
    """

    parts: tuple[Group, ...]
    key: ChunkKey | None = None

    @property
    def policy(self) -> int:
        """Position of the policy set."""
        return self.parts[0].policy

    @property
    def scenarios(self) -> list[int]:
        """Numbers of the scenarios, rising."""
        return sorted(number for part in self.parts for number in part.scenarios)

    @property
    def width(self) -> int:
        """Columns of the rows."""
        return len(self.parts[0].prepared.metric_names) + len(OUTLAY)

    def halves(self) -> list[Task]:
        """Return the first and the second half of the scenarios; they are not stored by themselves."""
        numbers = self.scenarios
        first, middle, end = numbers[0], numbers[len(numbers) // 2], numbers[-1] + 1
        return [Task.of(self.parts, first, middle), Task.of(self.parts, middle, end)]

    def unstored(self) -> Task:
        """Return the same work with its rows handed back in place of a file name."""
        return Task(self.parts)

    @classmethod
    def of(cls, groups: Sequence[Group], first: int, end: int, key: ChunkKey | None = None) -> Task:
        """Return the work on the scenarios from number `first` up to number `end`."""
        parts = (group.between(first, end) for group in groups)
        return cls(tuple(part for part in parts if part.scenarios), key)


@dataclass
class Outcome:
    """What came back so far.

    Parameters
    ----------
    metrics : numpy.ndarray, shape (n_policies, n_scenarios, n_metrics + n_outlays)
        Metrics, then what the run used; NaN where a run failed or is missing.
    status : numpy.ndarray of int8, shape (n_policies, n_scenarios)
        0 missing, 1 done, 2 failed, 3 out of time.
    messages : dict
        (policy, scenario) -> what went wrong.
    interrupted : bool
        Whether the user stopped the study before its end.
    """

    metrics: npt.NDArray[np.float64]
    status: npt.NDArray[np.int8]
    messages: dict[tuple[int, int], str] = field(default_factory=dict)
    interrupted: bool = False

    @classmethod
    def empty(cls, n_policies: int, n_scenarios: int, n_metrics: int) -> Outcome:
        """Return an outcome in which every run is missing."""
        shape = (n_policies, n_scenarios)
        values = np.full((*shape, n_metrics + len(OUTLAY)), np.nan)
        return cls(values, np.zeros(shape, dtype=np.int8))

    def add(self, policy: int, scenarios: Sequence[int], rows: Rows) -> None:
        """Enter the answer of one task; scenarios beyond its length were not run."""
        done = np.asarray(scenarios[: len(rows.messages)], dtype=np.int64)
        self.metrics[policy, done] = rows.metrics
        self.status[policy, done] = rows.status
        for scenario, message in zip(done.tolist(), rows.messages, strict=True):
            if message:
                self.messages[policy, scenario] = message

    @property
    def failures(self) -> int:
        """Runs that ended without numbers."""
        return int((self.status >= ERROR).sum())


def run_chunk(
    prepared: Prepared,
    shocks: Sequence[Any],
    scenarios: Sequence[int],
    seed: int,
    stop: StopFlag,
    timeout: float | None = None,
) -> Rows:
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
    timeout : float, optional
        Seconds a scenario may take; one that takes longer has no numbers.

    Returns
    -------
    Rows
        One row per scenario that was run.
    """
    metrics = np.full((len(scenarios), len(prepared.metric_names) + len(OUTLAY)), np.nan)
    status: list[int] = []
    messages: list[str] = []
    for row, (shock, scenario) in enumerate(zip(shocks, scenarios, strict=True)):
        if stop:
            break
        began, code, message = perf_counter(), OK, ""
        try:
            with limit(timeout):
                metrics[row] = _measured(prepared, shock, seed, scenario)
        except OutOfTime:
            code = TIMEOUT
        except Exception as error:
            code, message = ERROR, message_of(error)
        if code == TIMEOUT or (timeout is not None and perf_counter() - began > timeout):
            metrics[row] = np.nan
            code, message = TIMEOUT, f"OutOfTime: took more than {timeout:g} s"
        status.append(code)
        messages.append(message)
    done = len(messages)
    return Rows(metrics[:done], np.array(status, dtype=np.int8), messages)


def _measured(prepared: Prepared, shock: Any, seed: int, scenario: int) -> npt.NDArray[np.float64]:
    """Return metrics and outlay of one run; a model need not say what was used, it is NaN then."""
    measure = getattr(prepared, "measure", None)
    if measure is None:
        return np.append(prepared.metrics(shock, seed, scenario), np.full(len(OUTLAY), np.nan))
    metrics, outlay = measure(shock, seed, scenario)
    return np.append(metrics, outlay_row(outlay))


def message_of(error: BaseException) -> str:
    """Return class and text of an error, cut to a line."""
    text = f"{type(error).__name__}: {error}"
    return text if len(text) <= LONGEST_MESSAGE else text[: LONGEST_MESSAGE - 3] + "..."
