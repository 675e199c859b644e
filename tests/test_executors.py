"""Executors: the same results in turn, in processes and on a Dask cluster; workers that die."""

import functools
import json
import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest
from executor_tasks import die, die_first, double, refuse, sleep, span_of
from test_extract import DAY, SMALL, digests, hours_archive, run, shards

from seisml import executors
from seisml import extract as extraction
from seisml.errors import ConfigError, SeismlError
from seisml.executors import Lost, check_scheduler, run_tasks, scheduler_address
from seisml.shards import shard_path

N = 8


# ------------------------------------------------------------------------ a pool of processes


def test_results_come_with_their_tasks():
    """In turn and in processes each task comes back once, with its own result."""
    expected = [(task, 2 * task) for task in range(N)]
    assert list(run_tasks(double, range(N))) == expected
    assert sorted(run_tasks(double, range(N), jobs=2)) == expected
    assert list(run_tasks(double, [], jobs=2)) == []


def test_few_tasks_are_handed_over_at_a_time():
    """A run that is stopped after one result has begun few others."""
    began = []
    found = run_tasks(lambda task: began.append(task), range(1000))
    next(found)
    found.close()
    assert began == [0]


def test_a_dead_worker_loses_nothing(tmp_path):
    """What was under way when a worker was killed is done again, and the others go on."""
    found = list(run_tasks(functools.partial(die_first, tmp_path), range(N), jobs=2))
    assert (tmp_path / "died").exists()
    assert sorted(found) == [(task, 2 * task) for task in range(N)]


def test_a_task_that_kills_its_worker_again_is_told():
    """Only the deadly task is lost, after its second try; all others are done."""
    found = dict(run_tasks(functools.partial(die, (5,)), range(N), jobs=2))
    assert len(found) == N
    lost = found.pop(5)
    assert isinstance(lost, Lost)
    assert "died twice" in lost.why
    assert found == {task: 2 * task for task in range(N) if task != 5}


def test_workers_that_cannot_even_start_stop_the_run():
    """Where every process dies the run ends with a hint, not with a failure of each task."""
    with pytest.raises(SeismlError, match="Every worker process died") as error:
        list(run_tasks(functools.partial(die, tuple(range(100))), range(100), jobs=2))
    assert "__main__" in error.value.hint


def test_what_a_task_raises_ends_the_run():
    """An error of the function comes out of the pool as it is."""
    with pytest.raises(SeismlError, match="cannot be done") as error:
        list(run_tasks(refuse, range(N), jobs=2))
    assert error.value.hint == "Do another."


KILL_A_WORKER = """
import multiprocessing, os, signal
from seisml import shards
from seisml.archive import open_archive
from seisml.extract import Plan, extract
from seisml.features import Settings
from seisml.segments import Band
from seisml.windows import WindowGrid
real = shards.write_shard
def write_shard(place, shard):
    if multiprocessing.parent_process() and shard.day == {day} and not os.path.exists({mark!r}):
        open({mark!r}, "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return real(place, shard)
shards.write_shard = write_shard
if __name__ == "__main__":
    plan = Plan(Band(1.0, 8.0), Settings(WindowGrid(60.0, 30.0), (1.0, 8.0), ()), ("rms",))
    outcomes = extract(open_archive({archive!r}), {store!r}, plan, jobs=2)
    print(sum(not outcome.error for outcome in outcomes))
"""


def gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody asks after any more counts as ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_workers_end_with_a_run_that_is_killed(tmp_path):
    """Else they would wait for work for ever, each with its memory, and finish days unlocked."""
    text = "import functools, pathlib; from executor_tasks import note_and_wait\n"
    text += "from seisml.executors import run_tasks\n"
    text += f"work = functools.partial(note_and_wait, pathlib.Path({str(tmp_path)!r}))\n"
    text += "if __name__ == '__main__': list(run_tasks(work, range(6), jobs=2))\n"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, sys.path))}
    with subprocess.Popen([sys.executable, "-c", text], env=environment) as run:
        until = time.monotonic() + 60.0
        while len(list(tmp_path.iterdir())) < 2 and time.monotonic() < until:
            time.sleep(0.05)
        run.kill()
    workers = [int(path.name) for path in tmp_path.iterdir()]
    assert len(workers) == 2
    while not all(map(gone, workers)) and time.monotonic() < until:
        time.sleep(0.05)
    assert all(map(gone, workers))


def test_a_dead_worker_of_an_extraction(tmp_path):
    """One of two processes is killed in mid-run: the run completes, with the same bytes."""
    hours_archive(tmp_path / "a", 6)
    run(tmp_path / "a", tmp_path / "whole", SMALL)
    mark, store = tmp_path / "mark", tmp_path / "store"
    text = KILL_A_WORKER.format(
        day=DAY + 2, mark=str(mark), archive=str(tmp_path / "a"), store=str(store)
    )
    (tmp_path / "script.py").write_text(text)
    command = [sys.executable, str(tmp_path / "script.py")]
    done = subprocess.run(command, capture_output=True, check=True, timeout=120)
    assert done.stdout.split() == [b"6"]
    assert mark.exists()
    assert digests(store) == digests(tmp_path / "whole")


# ----------------------------------------------------------------------------- a Dask cluster


@pytest.fixture(scope="module")
def cluster():
    """A scheduler with two worker processes."""
    distributed, dask = pytest.importorskip("distributed"), pytest.importorskip("dask")
    options = {"n_workers": 2, "threads_per_worker": 2, "dashboard_address": ":0"}
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        distributed.LocalCluster(processes=True, **options) as cluster,
    ):
        yield cluster


def worker_pids(address: str) -> dict[str, int]:
    import distributed

    with distributed.Client(address, set_as_default=False) as client:
        return client.run(os.getpid)


def test_a_cluster_makes_the_same_shards_though_a_worker_is_killed(cluster, tmp_path):
    """kill -9 of a worker in mid-run: Dask gives its days to others, same bytes as in turn."""
    n = 16
    hours_archive(tmp_path / "a", n)
    run(tmp_path / "a", tmp_path / "whole", SMALL)
    victim = next(iter(worker_pids(cluster.scheduler_address).values()))
    calls = []

    def kill(done: int, total: int, outcome) -> None:
        calls.append((done, total))
        if done == 5:
            os.kill(victim, signal.SIGKILL)

    outcomes = run(
        *(tmp_path / "a", tmp_path / "store", SMALL),
        scheduler=cluster.scheduler_address,
        on_progress=kill,
    )
    assert calls == [(i + 1, n) for i in range(n)]
    assert [outcome.error for outcome in outcomes] == [""] * n
    assert digests(tmp_path / "store") == digests(tmp_path / "whole")
    assert victim not in worker_pids(cluster.scheduler_address).values()


def test_a_task_that_kills_every_worker_is_told(cluster):
    """A day that no worker survives is lost and told; all others are done."""
    deadly = functools.partial(die, (5,))
    found = dict(run_tasks(deadly, range(N), scheduler=cluster.scheduler_address))
    lost = found.pop(5)
    assert isinstance(lost, Lost)
    assert "Dask workers died" in lost.why
    assert found == {task: 2 * task for task in range(N) if task != 5}


def test_errors_of_workers_end_the_run(cluster, tmp_path):
    """What a worker raises comes out; a worker that cannot load the function is told."""
    address = cluster.scheduler_address
    with pytest.raises(SeismlError, match="cannot be done"):
        list(run_tasks(refuse, range(N), scheduler=address))
    with pytest.raises(SeismlError, match="cannot run seisml: ZeroDivisionError"):
        list(run_tasks(lambda task: 1 // task, range(1), scheduler=address))


def test_another_seisml_on_the_workers_is_refused(cluster, tmp_path, monkeypatch):
    """Workers with another version, or other versions of features, make no shard."""
    hours_archive(tmp_path / "a", 2)
    monkeypatch.setattr(extraction, "version", lambda name: "0.0.1")
    with pytest.raises(SeismlError, match=r"another seisml.*not \('0\.0\.1'") as error:
        run(tmp_path / "a", tmp_path / "store", SMALL, scheduler=cluster.scheduler_address)
    assert "same seisml" in error.value.hint
    assert not list((tmp_path / "store").rglob("*.h5"))


def test_a_store_that_workers_do_not_see_is_refused(tmp_path):
    """A worker without the run's lock file has another file system: nothing is written there."""
    hours_archive(tmp_path / "a", 1)
    task = extraction.tasks(extraction.archives.open_archive(tmp_path / "a"), "x", SMALL)[0]
    work = (tmp_path / "elsewhere", SMALL, extraction._stamp(SMALL), task)
    with pytest.raises(SeismlError, match="does not see the store") as error:
        extraction._work(*work)
    assert "file system" in error.value.hint
    assert not (tmp_path / "elsewhere").exists()


def test_threads_of_a_worker_take_turns(cluster):
    """A worker with several threads still works on one day at a time."""
    import distributed

    with distributed.Client(cluster.scheduler_address, set_as_default=False) as client:
        assert set(client.nthreads().values()) == {2}
    spans = dict(run_tasks(span_of, range(6), scheduler=cluster.scheduler_address))
    by_process: dict[int, list] = {}
    for pid, start, end in spans.values():
        by_process.setdefault(pid, []).append((start, end))
    for mine in by_process.values():
        mine.sort()
        assert all(a[1] <= b[0] for a, b in pairwise(mine))


SCHEDULER = """
import sys
from distributed import LocalCluster
if __name__ == "__main__":
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()
"""


def test_a_scheduler_that_goes_away_is_told(tmp_path):
    """When the connection is lost in mid-run the error says so at once."""
    pytest.importorskip("distributed")
    (tmp_path / "scheduler.py").write_text(SCHEDULER)
    with subprocess.Popen(
        [sys.executable, tmp_path / "scheduler.py"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        text=True,
        start_new_session=True,
    ) as process:
        address = process.stdout.readline().strip()
        found = run_tasks(sleep, range(1000), scheduler=address)
        assert next(found)[1] in range(1000)
        os.killpg(process.pid, signal.SIGKILL)
        began = time.monotonic()
        with pytest.raises(SeismlError, match=f"connection to {address} was lost") as error:
            list(found)
    assert time.monotonic() - began < 30.0
    assert "run the same command again" in error.value.hint


# ------------------------------------------------------------------------------- bad schedulers


@pytest.mark.parametrize(
    "text", ["nonsense", "tcp://", "tcp://host", "http://host:80", "host:8786", "tcp://a:b", ""]
)
def test_nonsense_is_no_scheduler(text, tmp_path):
    """What is neither an address nor a scheduler file is refused before anything is tried."""
    with pytest.raises(ConfigError, match="no Dask scheduler") as error:
        scheduler_address(text)
    assert "tcp://" in error.value.hint


def test_a_scheduler_file_names_the_address(tmp_path):
    """The file that Dask writes is read; one that holds something else is refused."""
    path = tmp_path / "scheduler.json"
    path.write_text(json.dumps({"type": "Scheduler", "address": "tcp://127.0.0.1:99"}))
    assert scheduler_address(path) == "tcp://127.0.0.1:99"
    for text in ("{}", "[]", "", '{"address": 3}', '{"address": "x"}', "null"):
        path.write_text(text)
        with pytest.raises(ConfigError, match="no Dask scheduler"):
            scheduler_address(str(path))


def test_an_unreachable_scheduler_is_told_soon(monkeypatch, tmp_path):
    """Nobody listens: a clear error after the time-out, and no shard."""
    pytest.importorskip("distributed")
    monkeypatch.setattr(executors, "TIMEOUT_S", 0.5)
    began = time.monotonic()
    with pytest.raises(SeismlError, match=r"tcp://127\.0\.0\.1:9 does not answer") as error:
        check_scheduler("tcp://127.0.0.1:9")
    assert "dask scheduler" in error.value.hint
    assert time.monotonic() - began < 5.0
    hours_archive(tmp_path / "a", 1)
    with pytest.raises(SeismlError, match="does not answer"):
        run(tmp_path / "a", tmp_path / "store", SMALL, scheduler="tcp://127.0.0.1:9")
    assert not shards(tmp_path / "store")
    assert not shard_path(tmp_path / "store", "XX.ABC.00.HH", DAY).exists()


def test_without_dask_the_error_says_what_to_install(monkeypatch):
    """The cluster is an extra: without it the pip line is told."""
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ConfigError, match="not installed") as error:
        check_scheduler("tcp://127.0.0.1:9")
    assert "seisml[cluster]" in error.value.hint
