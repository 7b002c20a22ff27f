"""A dask worker that is killed, a scheduler that is lost: the same bits, or an error with a name."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .clustered import EARLY, STALL
from .killed import slow_study

ROOT = Path(__file__).parents[2]
CHUNKS = 24


def content(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of a study by itself, of one whose worker was killed, and of one whose scheduler was lost."""
    folder = tmp_path_factory.mktemp("cluster")
    slow_study(folder / "whole")
    command = [sys.executable, "-m", "tests.experiments.clustered", str(folder)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, stderr=log, start_new_session=True)
        try:
            assert process.wait(90.0) == 0, (folder / "log").read_text()
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    return folder


@pytest.fixture(scope="module")
def found(place: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((place / "found.json").read_text())
    return told


def test_both_are_lost_in_the_middle_of_a_study(found: dict[str, Any]) -> None:
    assert found["worker"]["lost"] == found["scheduler"]["lost"] == 1
    assert all(EARLY <= chunks < CHUNKS for chunks in found["left"])


def test_a_study_whose_worker_is_killed_has_the_same_bits(place: Path, found: dict[str, Any]) -> None:
    assert found["worker"]["error"] == ""
    assert content(place / "worker") == content(place / "whole")


def test_a_lost_scheduler_ends_in_time_with_the_same_bits_or_a_named_error(
    place: Path, found: dict[str, Any]
) -> None:
    error = found["scheduler"]["error"]
    assert found["scheduler"]["seconds"] < 2.0 * STALL
    assert "the workers broke down after" in error or (
        not error and content(place / "scheduler") == content(place / "whole")
    )


def test_the_store_of_a_study_whose_scheduler_was_lost_goes_on_to_the_same_bits(
    place: Path, found: dict[str, Any]
) -> None:
    assert found["scheduler"]
    slow_study(place / "scheduler")
    assert content(place / "scheduler") == content(place / "whole")
