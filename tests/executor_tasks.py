"""Tasks for the tests of executors; worker processes import them, so this module is light."""

import os
import signal
import time
from pathlib import Path

from seisml.errors import SeismlError


def double(task: int) -> int:
    return 2 * task


def die_first(folder: Path, task: int) -> int:
    """Kill the worker when the task 3 comes for the first time."""
    mark = folder / "died"
    if task == 3 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * task


def die(deadly: tuple[int, ...], task: int) -> int:
    """Kill the worker whenever one of some tasks comes."""
    if task in deadly:
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * task


def refuse(task: int) -> int:
    raise SeismlError(f"{task} cannot be done.", "Do another.")


def span_of(task: int) -> tuple[int, float, float]:
    start = time.monotonic()
    time.sleep(0.05)
    return os.getpid(), start, time.monotonic()


def sleep(task: int) -> int:
    time.sleep(0.1)
    return task


def note_and_wait(folder: Path, task: int) -> None:
    """Leave the number of the worker process, and be at work for long."""
    (folder / str(os.getpid())).touch()
    time.sleep(60.0)
