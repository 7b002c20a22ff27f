"""A cluster that loses a worker, then its scheduler, while a study runs: run in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
from distributed import Client, LocalCluster

from contagion.errors import ScenarioError
from contagion.experiments import workers

from .killed import slow_study

EARLY = 3
"""Chunks that lie in the store when something is lost."""
STALL = 20.0


def once_begun(folder: Path, lose: Callable[[], object]) -> threading.Thread:
    """Lose something as soon as the first chunks of a study lie in its folder."""

    pause = threading.Event()

    def watch() -> None:
        while len(list(folder.glob("*.npz"))) < EARLY:
            pause.wait(0.002)
        lose()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return thread


def study_while_losing(folder: Path, client: Client, lose: Callable[[], object]) -> dict[str, Any]:
    """Run a study on the cluster and say how it ended."""
    folder.mkdir()
    begun, thread, error = time.perf_counter(), once_begun(folder, lose), ""
    with joblib.parallel_config(backend="dask", client=client):
        try:
            slow_study(folder)
        except ScenarioError as named:
            error = str(named)
    seconds = time.perf_counter() - begun
    thread.join()
    return {"error": error, "seconds": seconds}


def main(place: Path) -> None:
    """Lose a worker in one study, the scheduler in another; write down what happened."""
    workers.STALL = STALL  # type: ignore[misc]
    options: dict[str, Any] = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    local = LocalCluster(processes=True, **options)
    client = Client(local)
    left: list[int] = []
    folders = place / "worker", place / "scheduler"

    def lose_a_worker() -> None:
        left.append(len(list(folders[0].glob("*.npz"))))
        os.kill(min(client.run(os.getpid).values()), signal.SIGKILL)

    def lose_the_scheduler() -> None:
        left.append(len(list(folders[1].glob("*.npz"))))
        local.sync(local.scheduler.close)

    before = set(client.run(os.getpid).values())
    worker = study_while_losing(folders[0], client, lose_a_worker)
    worker["lost"] = len(before - set(client.run(os.getpid).values()))
    scheduler = study_while_losing(folders[1], client, lose_the_scheduler)
    scheduler["lost"] = int(local.scheduler.status.name == "closed")
    found = {"worker": worker, "scheduler": scheduler, "left": left}
    (place / "found.json").write_text(json.dumps(found))
    os._exit(0)  # nothing is left that a cluster could be closed with


if __name__ == "__main__":
    main(Path(sys.argv[1]))
