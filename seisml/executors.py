"""Executors: one function over many tasks - in turn, in a pool of processes, on a Dask cluster.

All three have one interface, `run_tasks`: results come as tasks finish, and few tasks are handed
over at a time, so a stopped run leaves nothing behind.
"""

import contextlib
import dataclasses
import functools
import json
import os
import re
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    as_completed,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from pathlib import Path

from seisml.errors import ConfigError, SeismlError

TIMEOUT_S = 10.0
"""How long a scheduler is waited for."""
FEWEST_ON_CLUSTER = 32
"""Tasks that a cluster is given at least, also without workers: some start them on demand."""
_ADDRESS = re.compile(r"(tcp|tls)://[^\s/]+:\d+")
_ALONE = threading.Lock()


@dataclasses.dataclass(frozen=True)
class Lost:
    """What there is of a task whose worker process died each time it was tried."""

    why: str


def run_tasks(
    function: Callable, tasks: Iterable, *, jobs: int = 1, scheduler: str = ""
) -> Iterator[tuple]:
    """Call a function with each task; yield (task, result) as they finish.

    Parameters
    ----------
    function : callable
        Takes a task; it and the tasks and results can be pickled. What it raises ends the run.
    tasks : iterable
    jobs : int
        Processes on this computer; 1 works in this process.
    scheduler : str
        Address or scheduler file of a Dask cluster that does the work instead.

    Yields
    ------
    task
    result
        Of the function, or `Lost`.

    Raises
    ------
    ConfigError, SeismlError
        See `check_scheduler`; and if no worker process can work at all.

    Examples
    --------
    >>> list(run_tasks(abs, [-1, 2]))
    [(-1, 1), (2, 2)]
    """
    queue = deque(tasks)
    if scheduler:
        return _on_cluster(function, queue, scheduler)
    if jobs > 1 and len(queue) > 1:
        return _in_pool(function, queue, min(jobs, len(queue)))
    return ((task, function(task)) for task in queue)


# ------------------------------------------------------------------------ a pool of processes


def _in_pool(function: Callable, queue: deque, jobs: int) -> Iterator[tuple]:
    n_done = 0
    while True:
        suspects = []
        for task, result in _until_broken(function, queue, jobs, suspects):
            n_done += 1
            yield task, result
        if not suspects:
            return
        # Whose worker died is not known: each gets a process of its own for its second try.
        again = list(_each_alone(function, suspects, jobs))
        if not n_done and all(isinstance(result, Lost) for _, result in again):
            raise SeismlError(
                "Every worker process died (killed, or out of memory).",
                "Use fewer processes (-j). In a script of your own, call this under: "
                "if __name__ == '__main__'.",
            )
        yield from again


def _pool(jobs: int, function: Callable) -> ProcessPoolExecutor:
    """Return worker processes with the environment that this one has now.

    What they are copies of has that of its own start: credentials may have come since.
    """
    environment = dict(os.environ)
    return ProcessPoolExecutor(
        jobs, mp_context=_processes(function), initializer=_take, initargs=(environment,)
    )


def _take(environment: dict[str, str]) -> None:
    """Make the environment of this process that of another, and end with that."""
    for name in os.environ.keys() - environment.keys():
        del os.environ[name]
    os.environ.update(environment)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this process when the one that it works for is gone, however that ended.

    Workers hold each other's pipes open: none would ever see that no more work comes.
    """
    if parent := parent_process():
        parent.join()
        os._exit(1)


def _processes(function: Callable):
    """Return how worker processes start: each as a fresh interpreter, with this program's modules.

    On Linux they are copies of one such interpreter that has loaded the module of the function:
    it takes as long as a few days of records, and is done once, not once a worker.
    """
    if sys.platform != "linux":
        return get_context("spawn")
    context = get_context("forkserver")
    while isinstance(function, functools.partial):
        function = function.func
    context.set_forkserver_preload([getattr(function, "__module__", __name__)])
    return context


def _until_broken(function: Callable, queue: deque, jobs: int, suspects: list) -> Iterator[tuple]:
    """Work until all is done or a worker dies; what is under way then goes into `suspects`."""
    pool = _pool(jobs, function)
    waiting: dict[Future, object] = {}
    try:
        while True:
            with contextlib.suppress(BrokenProcessPool):  # then those that wait tell it
                while queue and len(waiting) < 2 * jobs:
                    waiting[pool.submit(function, queue[0])] = queue[0]
                    queue.popleft()
            if not waiting:
                return
            done, _ = wait(waiting, return_when=FIRST_COMPLETED)
            broken = any(isinstance(one.exception(), BrokenProcessPool) for one in done)
            for future in wait(waiting).done if broken else done:
                task = waiting.pop(future)
                if isinstance(future.exception(), BrokenProcessPool):
                    suspects.append(task)
                else:
                    yield task, future.result()
            if broken:
                return
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _each_alone(function: Callable, tasks: list, jobs: int) -> Iterator[tuple]:
    threads = ThreadPoolExecutor(jobs)
    try:
        futures = {threads.submit(_in_own_process, function, task): task for task in tasks}
        for future in as_completed(futures):
            yield futures[future], future.result()
    finally:
        threads.shutdown(wait=True, cancel_futures=True)


def _in_own_process(function: Callable, task):
    with _pool(1, function) as pool:
        try:
            return pool.submit(function, task).result()
        except BrokenProcessPool:
            return Lost("its worker process died twice (killed, or out of memory)")


# ----------------------------------------------------------------------------- a Dask cluster


def scheduler_address(scheduler: str) -> str:
    """Return the address of a Dask scheduler that is named by its address or its scheduler file.

    Raises
    ------
    ConfigError
        If it is neither.

    Examples
    --------
    >>> scheduler_address("tcp://10.0.0.7:8786")
    'tcp://10.0.0.7:8786'
    """
    text = str(scheduler)
    if not _ADDRESS.fullmatch(text):
        try:
            text = json.loads(Path(text).read_text(encoding="utf-8"))["address"]
        except (OSError, ValueError, LookupError, TypeError):
            text = ""
    if not isinstance(text, str) or not _ADDRESS.fullmatch(text):
        raise ConfigError(
            f"{scheduler!r} is no Dask scheduler.",
            "Give its address, as tcp://10.0.0.7:8786, or the file that "
            "'dask scheduler --scheduler-file FILE' writes.",
        )
    return text


def check_scheduler(scheduler: str) -> None:
    """Raise where a Dask scheduler cannot be used, before any work is done.

    Raises
    ------
    ConfigError
        If it is no address, or Dask is not installed.
    SeismlError
        If it does not answer within `TIMEOUT_S`.
    """
    _client(scheduler).close()


def _client(scheduler: str):
    address = scheduler_address(scheduler)
    try:
        import distributed
    except ImportError as error:
        raise ConfigError(
            "Working on a Dask cluster needs Dask, which is not installed.",
            "Install it: pip install 'seisml[cluster]'.",
        ) from error
    try:
        return distributed.Client(address, timeout=TIMEOUT_S, set_as_default=False)
    except (OSError, ValueError) as error:  # ValueError: something else answers there
        raise SeismlError(
            f"The Dask scheduler {address} does not answer within {TIMEOUT_S:g} s.",
            "Start it with 'dask scheduler', or check address, port and firewall.",
        ) from error


def _on_cluster(function: Callable, queue: deque, scheduler: str) -> Iterator[tuple]:
    client, suspects = _client(scheduler), deque()
    function = functools.partial(_one_at_a_time, function)
    try:
        for task, result in _with_client(client, function, queue):
            if isinstance(result, Lost):
                suspects.append(task)
            else:
                yield task, result
        # Dask gives up all tasks of a worker that died several times: each has a try alone.
        yield from _with_client(client, function, suspects, alone=True)
    finally:
        client.close()


def _with_client(client, function: Callable, queue: deque, *, alone=False) -> Iterator[tuple]:
    import distributed

    finished = distributed.as_completed(loop=client.loop)
    waiting: dict = {}
    try:
        while True:
            while queue and len(waiting) < (1 if alone else _room(client)):
                future = client.submit(function, queue[0], pure=False)
                waiting[future] = queue.popleft()
                finished.add(future)
            if not waiting:
                return
            future = next(finished)
            yield waiting.pop(future), _result(client, future)
    finally:
        client.cancel(list(waiting))


def _room(client) -> int:
    """Return how many tasks the workers that are there may have at a time."""
    try:
        n_threads = sum(client.nthreads().values())
    except OSError:  # the scheduler is away: the next result tells
        n_threads = 0
    return max(FEWEST_ON_CLUSTER, 2 * n_threads)


def _result(client, future):
    """Return the result of a task; `Lost` where it killed one worker after the other."""
    import distributed

    address = client.scheduler.address if client.scheduler else "the Dask scheduler"
    try:
        return future.result()
    except SeismlError:
        raise
    except distributed.scheduler.KilledWorker:
        return Lost("its Dask workers died again and again (killed, or out of memory)")
    except (distributed.CancelledError, distributed.comm.CommClosedError, OSError) as error:
        raise SeismlError(
            f"The connection to {address} was lost.",
            "Finished shards are kept; start the scheduler and run the same command again.",
        ) from error
    except Exception as error:
        raise SeismlError(
            f"A worker of {address} cannot run seisml: {type(error).__name__}: {error}.",
            "All workers need the same Python, seisml and its dependencies.",
        ) from error


def _one_at_a_time(function: Callable, task):
    """Call a function; of a worker's threads only one works: ObsPy and HDF5 want it so."""
    with _ALONE:
        return function(task)
