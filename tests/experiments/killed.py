"""Studies that are run in processes of their own, to be killed there."""

import hashlib
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import contagion as ct
from contagion.comparison import Comparison
from contagion.experiments import writer

from .conftest import ClosedForm, ClosedFormPrepared, Interpreted, Scaled, small_network

DATA = bytes(2**20)


@dataclass(frozen=True)
class Deadly(Interpreted):
    """Kills the process that runs it in one scenario."""

    at: int = 2


@dataclass(frozen=True)
class Endless(Interpreted):
    """Never ends in one scenario, and leaves a mark when it gets there."""

    at: int = 2
    mark: str = ""


@dataclass(frozen=True)
class SlowPrepared(ClosedFormPrepared):
    """Takes some milliseconds of honest work."""

    work: int = 0

    def metrics(self, shock: Any, seed: int, scenario: int) -> np.ndarray:
        for _ in range(self.work):
            hashlib.sha256(DATA).digest()
        for policy in self.policies:
            if isinstance(policy, Deadly) and scenario == policy.at:
                os.kill(os.getpid(), signal.SIGKILL)
            if isinstance(policy, Endless) and scenario == policy.at:
                endless(policy.mark)
        return super().metrics(shock, seed, scenario)


def endless(mark: str) -> None:
    if mark:
        Path(mark).touch()
    while True:
        pass


@dataclass(frozen=True)
class Slow(ClosedForm):
    work: int = 4

    def prepare(self, net: ct.Network, policies: Sequence[ct.Policy]) -> SlowPrepared:
        base = super().prepare(net, policies)
        return SlowPrepared(base.policies, base.assets, base.size, work=self.work)


def slow_study(folder: Path | None, jobs: int = 2, n: int = 64, python: bool = False) -> Comparison:
    """A study of some seconds, in chunks of eight scenarios."""
    writer.MOST = 8
    chosen = Interpreted(0.5) if python else Scaled(0.5)
    return ct.compare(
        small_network(),
        ct.PriceShocks.normal(scale=0.1),
        Slow(),
        {"half": [chosen]},
        n=n,
        seed=5,
        n_jobs=jobs,
        store=folder,
    )


def driven(*arguments: Any) -> None:
    """Run a study and end without waiting for idle workers, which end by themselves."""
    slow_study(*arguments)
    os._exit(0)
