"""SIGKILL at any instant: nothing lost, doubled, changed or orphaned."""

import hashlib
import multiprocessing
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pytest

import contagion as ct
from contagion.comparison import Comparison
from contagion.errors import ScenarioError
from contagion.experiments.clock import OutOfTime, limit
from contagion.experiments.tasks import Group, Rows, StopFlag, Task, run_chunk
from contagion.experiments.workers import surviving

from .conftest import Failing, Interpreted, small_network
from .killed import Deadly, Endless, Slow, driven, slow_study

ROOT = Path(__file__).parents[2]

KILLS_OF_THREADS, KILLS_OF_PARENTS, KILLS_OF_WORKERS = 14, 3, 3


Start = Callable[..., BaseProcess]


@pytest.fixture(scope="module")
def start() -> Start:
    """Starts a study in a process that shares nothing with this one, quickly."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.experiments.killed"])

    def begin(*arguments: object) -> BaseProcess:
        process = context.Process(target=driven, args=arguments)
        process.start()
        return process

    return begin


def study(sets: dict[str, Any], **change: Any) -> Comparison:
    family = ct.PriceShocks.normal(scale=0.1)
    return ct.compare(small_network(), family, Slow(work=0), sets, seed=5, **change)


class Late:
    metric_names = ("loss",)
    compiled = True

    def metrics(self, shock: float, seed: int, scenario: int) -> np.ndarray:
        return np.array([shock])


def run_in_thread(call: Callable[[], Rows]) -> Rows:
    found: list[Rows] = []
    thread = threading.Thread(target=lambda: found.append(call()))
    thread.start()
    thread.join()
    return found[0]


def content(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def wait_for_chunks(folder: Path, process: BaseProcess, count: int) -> None:
    """Return when so many chunks lie in the folder, or the process has ended."""
    while process.is_alive() and len(list(folder.glob("*.npz"))) < count:
        process.join(0.002)


def gone(processes: list[psutil.Process], within: float) -> bool:
    """Whether all of them end in time; one that nobody buries counts as ended."""
    _, alive = psutil.wait_procs(processes, timeout=within, callback=None)
    return all(_is_zombie(process) for process in alive)


def _is_zombie(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def test_a_study_whose_process_is_killed_again_and_again_ends_with_the_same_bits(
    tmp_path: Path, start: Start
) -> None:
    slow_study(tmp_path / "whole")
    folder, draws, killed = tmp_path / "killed", random.Random(3), 0
    folder.mkdir()
    while killed < KILLS_OF_THREADS:
        done = len(list(folder.glob("*.npz")))
        process = start(folder)
        wait_for_chunks(folder, process, done + draws.randint(0, 1))
        process.join(draws.random() * 0.02)
        killed += process.is_alive()
        process.kill()
        process.join()
        if len(list(folder.glob("*.npz"))) > 20:
            for path in draws.sample(sorted(folder.glob("*.npz")), 15):
                path.unlink()
    slow_study(folder)
    assert content(folder) == content(tmp_path / "whole")


def test_no_worker_outlives_a_killed_study_by_five_seconds(tmp_path: Path, start: Start) -> None:
    slow_study(tmp_path / "whole", python=True)
    folder, draws = tmp_path / "killed", random.Random(5)
    folder.mkdir()
    for kill in range(KILLS_OF_PARENTS):
        process = start(folder, 2, 64, True)
        driver = psutil.Process(process.pid)
        while process.is_alive() and len(driver.children(recursive=True)) < 2 + kill % 2:
            process.join(0.01)
        if kill % 2:
            wait_for_chunks(folder, process, 16 + kill)
        process.join(draws.random() * 0.02)
        workers = driver.children(recursive=True) if process.is_alive() else []
        process.kill()
        process.join()
        assert gone(workers, within=5.0)
    slow_study(folder, python=True)
    assert content(folder) == content(tmp_path / "whole")


def test_killed_workers_are_replaced_and_their_chunks_run_again(tmp_path: Path, start: Start) -> None:
    slow_study(tmp_path / "whole", n=96, python=True)
    folder = tmp_path / "killed"
    folder.mkdir()
    process = start(folder, 2, 96, True)
    driver, killed = psutil.Process(process.pid), 0
    while process.is_alive() and killed < KILLS_OF_WORKERS:
        wait_for_chunks(folder, process, 25 + killed)
        workers = [child for child in driver.children(recursive=True) if is_worker(child)]
        for worker in workers[-1:]:
            worker.kill()
            killed += 1
        process.join(0.01)
    process.join(60.0)
    assert process.exitcode == 0
    assert killed == KILLS_OF_WORKERS
    assert content(folder) == content(tmp_path / "whole")


def is_worker(process: psutil.Process) -> bool:
    """Whether a child runs tasks; the one that tracks resources does not."""
    try:
        return "popen_loky" in " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return False


def test_a_scenario_that_kills_every_worker_becomes_a_row_and_nothing_else_changes(tmp_path: Path) -> None:
    comparison = study({"deadly": [Deadly(at=1)]}, n=3, n_jobs=2, store=tmp_path)
    found = comparison.to_frame()
    plain = study({"deadly": [Interpreted()]}, n=3).to_frame()
    bad = (found["policy"] == "deadly") & (found["scenario"] == 1)
    assert found["status"][bad].tolist() == ["error"]
    pd.testing.assert_frame_equal(found[~bad], plain[~bad], check_exact=True)
    told = "WorkerDied: the process that ran this scenario was killed"
    assert comparison.errors["message"].tolist() == [told]
    loaded = ct.load_results(tmp_path)
    pd.testing.assert_frame_equal(loaded.to_frame(), found, check_exact=True)
    pd.testing.assert_frame_equal(loaded.errors, comparison.errors)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_scenario_that_never_ends_runs_out_of_time(jobs: int) -> None:
    comparison = study({"endless": [Endless(at=2)]}, n=5, n_jobs=jobs, timeout=0.3)
    found = comparison.to_frame()
    late = (found["policy"] == "endless") & (found["scenario"] == 2)
    assert found["status"].tolist() == ["timeout" if row else "ok" for row in late]
    assert comparison.errors["message"].tolist() == ["OutOfTime: took more than 0.3 s"]
    assert comparison.note.endswith("1 of them took longer than their time")
    assert found.loc[late, "system_loss"].isna().all()
    assert (comparison.effects("system_loss")["n"].tolist()) == [4, 5]


def test_a_run_in_a_thread_that_comes_back_late_has_no_numbers() -> None:
    rows = run_in_thread(lambda: run_chunk(Late(), [1.0], [0], 0, StopFlag(), timeout=1e-9))
    assert rows.status.tolist() == [3]
    assert np.isnan(rows.metrics).all()


def test_a_worker_that_does_not_let_go_ends_itself() -> None:
    code = (
        "import os, threading\n"
        "from contagion.experiments import clock\n"
        "clock.GRACE = 0.1\n"
        "clock._worker.set()\n"
        "with clock.limit(0.1):\n"
        "    while True:\n"
        "        try:\n"
        "            threading.Event().wait(60.0)\n"
        "        except BaseException:\n"
        "            pass\n"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60.0).returncode == 75


def test_an_alarm_that_was_set_before_is_put_back() -> None:
    before = signal.getsignal(signal.SIGALRM)
    with pytest.raises(OutOfTime), limit(0.01):
        threading.Event().wait(10.0)
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


@pytest.mark.parametrize(("rate", "fails"), [(0.0, True), (0.05, True), (0.2, False), (1.0, False)])
def test_more_failures_than_allowed_end_the_study(tmp_path: Path, rate: float, fails: bool) -> None:
    sets = {"bad": [Failing(every=2)]}
    if fails:
        with pytest.raises(
            ScenarioError, match=r"more than max_error_rate allows .*scenario 0 cannot be run"
        ):
            study(sets, n=40, max_error_rate=rate, store=tmp_path)
        assert list(tmp_path.glob("*.npz"))
        study(sets, n=40, store=tmp_path)
        with pytest.raises(ScenarioError, match="more than max_error_rate allows"):
            study(sets, n=40, max_error_rate=rate, store=tmp_path)
    else:
        assert len(study(sets, n=40, max_error_rate=rate, store=tmp_path).errors) == 20


class DyingPool:
    """Workers of which every one dies that meets the scenario at fault, whatever else is under way."""

    timeout = None

    def __init__(self, fault: int, workers: int) -> None:
        self.fault, self.workers, self.deaths, self.runs = fault, workers, 0, Counter[int]()

    def answers(self, tasks: list[Task], started: list[int]) -> Iterator[tuple[int, Rows]]:
        for first in range(0, len(tasks), self.workers):
            batch = range(first, min(first + self.workers, len(tasks)))
            started.extend(batch)
            if any(self.fault in tasks[place].scenarios for place in batch):
                self.deaths += 1
                raise KilledWorker
            for place in batch:
                yield place, self.rows(tasks[place])

    def alone(self, task: Task) -> Rows:
        ((_, rows),) = self.answers([task], [])
        return rows

    def rows(self, task: Task) -> Rows:
        numbers = task.scenarios
        self.runs.update(numbers)
        values = np.repeat(np.array(numbers, dtype=float)[:, np.newaxis], task.width, axis=1)
        return Rows(values, np.ones(len(numbers), dtype=np.int8), [""] * len(numbers))


class KilledWorker(Exception):
    """Stands for the error of that name of a dask cluster."""


@pytest.mark.parametrize("fault", [0, 21, 63, 200])
@pytest.mark.parametrize("workers", [1, 4])
def test_a_killer_is_found_in_three_deaths_and_one_for_each_halving(fault: int, workers: int) -> None:
    group = Group(0, Late(), range(256), (0.0,) * 256)  # type: ignore[arg-type]
    pool = DyingPool(fault, workers)
    tasks = [Task.of([group], start, start + 64) for start in range(0, 256, 64)]
    found: dict[int, tuple[int, float]] = {}
    for task, rows in surviving(tasks, pool):  # type: ignore[arg-type]
        assert isinstance(rows, Rows)
        values = zip(task.scenarios, rows.status.tolist(), rows.metrics[:, 0].tolist(), strict=True)
        found.update({number: (status, value) for number, status, value in values})
    assert pool.deaths <= 3 + 6  # log2 of 64
    assert found[fault][0] == 2
    assert {number for number, (status, value) in found.items() if status == 1 and value == number} == {
        number for number in range(256) if number != fault
    }
    assert set(pool.runs.values()) == {1}


def test_ctrl_c_ends_worker_processes_within_a_second(tmp_path: Path) -> None:
    mark = tmp_path / "there"
    code = (
        "import signal, time, contagion as ct\n"
        "from tests.experiments.killed import Endless, Slow, small_network\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"sets = {{'endless': [Endless(at=1, mark={str(mark)!r})]}}\n"
        "family = ct.PriceShocks.normal(scale=0.1)\n"
        "found = ct.compare(small_network(), family, Slow(), sets, n=8, seed=5, n_jobs=2)\n"
        "print(time.time(), flush=True)\n"
        "print(found.note)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    while process.poll() is None and not mark.exists():
        threading.Event().wait(0.01)
    workers = psutil.Process(process.pid).children(recursive=True)
    pressed = time.time()
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60.0)
    returned, note = out.splitlines()
    assert float(returned) - pressed < 1.0
    assert note.startswith("interrupted: ")
    assert gone(workers, within=5.0)
