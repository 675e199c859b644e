"""What a run may write: locks on stations, and shards of the same settings."""

import errno
import signal
import subprocess
import sys

import pytest
from test_store import DAY, shard

from seisml import claims
from seisml.claims import hold, require_same_settings
from seisml.errors import StaleTableError, TableError
from seisml.shards import lock_path, shard_paths, write_shard

A, B = "XX.ABC.00.HH", "YY.DEF..BH"


def leftover(store, station: str):
    path = write_shard(store, shard(station))
    part = path.with_name(f".{path.name}.0123.part")
    part.write_bytes(b"half a shard")
    return part


def test_a_station_has_one_writer(tmp_path):
    """A second run is refused by station; another station, and the same one later, are free."""
    with hold(tmp_path, [A]):
        told = pytest.raises(TableError, match=f"Another run is making shards of {A} in {tmp_path}")
        with told, hold(tmp_path, [B, A]):
            raise AssertionError("held twice")
        with hold(tmp_path, [B]):
            pass
    with hold(tmp_path, [A, B, A]):
        assert lock_path(tmp_path, B).exists()
    with hold(tmp_path / "new", []):
        assert not (tmp_path / "new").exists()


def test_locks_are_no_shards(tmp_path):
    """Whatever lists a store passes the locks over."""
    path = write_shard(tmp_path, shard(A))
    with hold(tmp_path, [A, ".odd/name..HH"]):
        assert shard_paths(tmp_path) == [path]
    assert sorted(p.name for p in tmp_path.iterdir()) == [".locks", A]
    assert not [p for p in (tmp_path / ".locks").iterdir() if p.suffix != ".lock"]


def test_kill_9_frees_the_lock(tmp_path):
    """The operating system lets go of the locks of a dead process."""
    code = (
        "import sys; from seisml.claims import hold\n"
        f"with hold({str(tmp_path)!r}, [{A!r}]):\n    print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(TableError, match="Another run"), hold(tmp_path, [A]):
            pass
        other.send_signal(signal.SIGKILL)
        other.wait()
    with hold(tmp_path, [A]):
        assert lock_path(tmp_path, A).exists()


def test_what_killed_runs_and_workers_left_is_removed(tmp_path):
    """Half-written shards of the stations that are held go, before and after; no others."""
    mine, other = leftover(tmp_path, A), leftover(tmp_path, B)
    with hold(tmp_path, [A]):
        assert not mine.exists()
        mine.write_bytes(b"of a worker that was killed")
    assert not mine.exists()
    assert other.exists()


class Lockless:
    """A lock on a file system that has none."""

    def __init__(self, path, **options):
        self.path = path

    def __enter__(self):
        raise OSError(errno.ENOLCK, "No locks available")

    def __exit__(self, *error):
        raise AssertionError("never entered")


def test_a_file_system_without_locks_is_told_once(tmp_path, monkeypatch):
    """Work goes on there with one warning; young half-written shards may be another run's."""
    part = leftover(tmp_path, A)
    monkeypatch.setattr(claims, "FileLock", Lockless)
    with pytest.warns(UserWarning, match="without locks") as caught, hold(tmp_path, [A, B]):
        pass
    assert len(caught) == 1
    assert part.exists()


def test_a_store_that_cannot_be_written(tmp_path):
    """A file where the store should be is a clear error."""
    (tmp_path / "store").write_text("no folder")
    with pytest.raises(TableError, match="cannot be written") as error, hold(tmp_path / "store", A):
        pass
    assert error.value.hint


def test_the_first_settings_that_differ_are_named(tmp_path):
    """Old and new values by name, the number of further ones, and what to do."""
    old = {
        "band": {"f": 1.0},
        "bands": [[1, 2]],
        "features": {"a": 1, "b": 1},
        "x": 1,
        "told": "only",
    }
    paths = [write_shard(tmp_path, shard(A, day, settings=old)) for day in (DAY, DAY + 1)]
    require_same_settings("S", {**old, "bands": ((1, 2),)}, "abc", paths)
    new = {"band": {"f": 2.0}, "bands": [[1, 3]], "features": {"a": 2, "c": 1}, "x": 1}
    with pytest.raises(StaleTableError) as error:
        require_same_settings("S", new, "other", paths)
    assert error.value.problem == (
        "S was made with other settings: band.f 1.0 there, 2.0 now; bands [[1, 2]] there, "
        "[[1, 3]] now; features.a 1 there, 2 now; and 2 more."
    )
    assert "--replace" in error.value.hint
    paths[0].write_bytes(b"broken")
    require_same_settings("S", new, "other", paths[:1])
