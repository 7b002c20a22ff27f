"""How long may a scenario take, and how long may a worker outlive the study it works for?"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

__all__ = ["GRACE", "OutOfTime", "limit", "watch_parent"]

GRACE: Final = 2.0
"""Seconds after its time that a worker process gives a scenario to end before it ends itself."""

LOOK: Final = 0.25
"""Seconds between two looks at the parent process: a worker outlives it by no more."""

STALLED: Final = 75

_worker = threading.Event()


class OutOfTime(BaseException):
    """Raised inside a scenario whose time is over; no policy's own `except Exception` swallows it."""


@contextmanager
def limit(seconds: float | None) -> Iterator[None]:
    """End what runs inside after some seconds.

    In the main thread of a process the interpreter is interrupted (`OutOfTime`); compiled code ends its run first.
    A worker process whose scenario ignores that for two more seconds ends itself. In other threads nothing can be
    interrupted, and the caller looks at the clock afterwards.

    Parameters
    ----------
    seconds : float or None
        None is no limit.

    Raises
    ------
    OutOfTime
        If the time is over.

    Examples
    --------
    >>> try:
    ...     with limit(0.01):
    ...         while True:
    ...             pass
    ... except OutOfTime:
    ...     print("over")
    over
    """
    if seconds is None:
        yield
        return
    last = threading.Timer(seconds + GRACE, os._exit, (STALLED,)) if _worker.is_set() else None
    if last is not None:
        last.daemon = True
        last.start()
    try:
        if threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer"):
            with _alarm(seconds):
                yield
        else:
            yield
    finally:
        if last is not None:
            last.cancel()


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    def ring(number: int, frame: FrameType | None) -> None:
        raise OutOfTime

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def watch_parent(pid: int) -> None:
    """Let this worker process end as soon as the process that started it is gone.

    Parameters
    ----------
    pid : int
        Number of the process that started it.
    """
    if os.getpid() == pid or _worker.is_set():
        return
    _worker.set()
    threading.Thread(target=_watch, args=(pid,), daemon=True).start()


def _watch(pid: int) -> None:
    while os.getppid() == pid:
        time.sleep(LOOK)
    os._exit(STALLED)
