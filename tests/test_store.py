import dataclasses
import errno
import hashlib
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from seisml import shards
from seisml.errors import NoDataError, StaleTableError, TableError
from seisml.shards import (
    Shard,
    read_shard,
    remove_leftovers,
    shard_path,
    shard_paths,
    shard_state,
    write_shard,
)
from seisml.store import concat, covered, iter_tables, joined_windows, read_table
from seisml.times import DAY_NS, NS_PER_S
from seisml.windows import WindowGrid

GRID = WindowGrid(6.0, 2.0)
DAY = 18_690  # 2021-03-04
SOURCES = (("/data/a.mseed", 1000, 17), ("/data/ä b.mseed", 2000, 2**61))


def shard(station="XX.ABC.00.HH", day=DAY, *, n=50, columns=("rms.Z", "f_peak.Z"), **changes):
    """Return a shard of random numbers with some NaN."""
    rng = np.random.default_rng(abs(day))
    X = rng.standard_normal((n, len(columns))).astype(np.float32)
    X[::7] = np.nan
    values = {
        "station": station,
        "day": day,
        "time_ns": GRID.times(GRID.day_blocks(day)[:n]),
        "X": X,
        "coverage": rng.random(n).astype(np.float32),
        "flags": (rng.integers(0, 8, n)).astype(np.uint8),
        "columns": tuple(columns),
        "units": tuple("Hz" if c.startswith("f") else "counts" for c in columns),
        "grid": GRID,
        "fingerprint": "abc",
        "settings": {"b": [1, 2.5], "a": {"x": "ü"}},
        "sources": SOURCES,
        "counts": {"fill_samples": 3},
        "versions": {"seisml": "0.1"},
    }
    return Shard(**{**values, **changes})


def assert_same(a: Shard, b: Shard) -> None:
    for field in dataclasses.fields(Shard):
        x, y = getattr(a, field.name), getattr(b, field.name)
        if isinstance(x, np.ndarray):
            np.testing.assert_array_equal(x, y)
            assert x.dtype == y.dtype
        else:
            assert x == y, field.name


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def state(path, *, fingerprint="abc", sources=SOURCES) -> tuple[str, str]:
    return shard_state(path, fingerprint=fingerprint, sources=sources)


# --------------------------------------------------------------------------- round trip


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"n": 0},
        {"n": 0, "columns": ()},
        {"n": 9000},
        {"day": -400},
        {"sources": ()},
        {"station": "XX.A B/C:*..HH"},
        {"station": ".ABC.."},
        {"columns": [f"c{i}" for i in range(300)]},
    ],
    ids=str,
)
def test_what_is_written_is_read(tmp_path, changes):
    """Every field comes back as it was, for empty, wide and oddly named shards too."""
    one = shard(**changes)
    path = write_shard(tmp_path, one)
    assert path == shard_path(tmp_path, one.station, one.day)
    assert_same(read_shard(path), one)
    assert state(path, sources=one.sources) == ("present", "")
    assert shard_paths(tmp_path, stations=[one.station]) == [path]
    assert sorted(p.name for p in path.parent.iterdir()) == [path.name]


def test_same_input_gives_the_same_bytes(tmp_path):
    """Two writings of one shard are the same file, byte by byte, also over an old one."""
    first = digest(write_shard(tmp_path / "a", shard(n=5000)))
    assert digest(write_shard(tmp_path / "b", shard(n=5000))) == first
    write_shard(tmp_path / "b", shard(n=10))
    assert digest(write_shard(tmp_path / "b", shard(n=5000))) == first


def test_bytes_do_not_depend_on_who_holds_a_reference(tmp_path, monkeypatch):
    """A profiler (Dask has one) may keep datasets open longer: the file is the same."""
    first = digest(write_shard(tmp_path / "a", shard(n=5000)))
    held, real = [], h5py.Group.create_dataset

    def create_dataset(*args, **options):
        held.append(real(*args, **options))
        return held[-1]

    monkeypatch.setattr(h5py.Group, "create_dataset", create_dataset)
    assert digest(write_shard(tmp_path / "b", shard(n=5000))) == first
    assert len(held) == 5


def test_names_are_safe_and_do_not_collide(tmp_path):
    """Stations whose codes hold odd characters have files of their own, none of them hidden."""
    names = ["XX.A B.00.HH", "XX.A_B.00.HH", "XX.A/B.00.HH", ".AB..HH", "_.AB..HH", "XX.A:B.00.HH"]
    paths = [write_shard(tmp_path, shard(name, n=3)) for name in names]
    assert len(set(paths)) == len(names)
    for path in paths:
        assert path.parent.parent == tmp_path
        assert not path.name.startswith(".")
        assert not set(path.name) & set(':*?"<>|\\ ')
    for name in names:
        table = read_table(tmp_path, stations=[name])
        assert set(table.stations) == {name}


def test_plain_h5py_and_pandas_read_a_shard(tmp_path):
    """The three lines of the module's docstring work, without seisml."""
    path = write_shard(tmp_path, shard())
    lines = [line.strip() for line in shards.__doc__.splitlines()]
    begin = lines.index("with h5py.File(shard) as f:")
    code = textwrap.dedent(
        f"""
        import h5py, pandas as pd
        shard = {str(path)!r}
        with h5py.File(shard) as f:
            {lines[begin + 1]}
            {lines[begin + 2]}
        print(table.shape, table.index[0], *table.columns)
        try:
            import xarray as xr
        except ImportError:
            pass
        else:
            assert xr.DataArray(table, dims=("time", "feature")).shape == table.shape
        """
    )
    run = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True, cwd="/"
    )
    assert run.stdout.strip() == "(50, 2) 2021-03-04 00:00:00 rms.Z f_peak.Z"


# ------------------------------------------------------------------------------- atomic


def test_crash_before_the_rename_leaves_the_old_shard(tmp_path, monkeypatch):
    """What dies between writing and renaming leaves the old shard and no half file."""
    path = write_shard(tmp_path, shard())
    before = digest(path)

    def crash(self, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", crash)
    with pytest.raises(KeyboardInterrupt):
        write_shard(tmp_path, shard(n=10))
    monkeypatch.undo()
    assert digest(path) == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_leftovers_are_not_read_and_do_not_block(tmp_path):
    """Parts that a killed run left are no shards; they can be removed, or old ones only."""
    path = write_shard(tmp_path, shard())
    old, young = (path.with_name(f".{path.name}.{name}.part") for name in ("old", "young"))
    for part in (old, young):
        part.write_bytes(b"half a shard")
    os.utime(old, (0, 0))
    assert shard_paths(tmp_path) == [path]
    assert len(read_table(tmp_path)) == 50
    write_shard(tmp_path, shard(n=10))
    remove_leftovers(tmp_path, "XX.ABC.00.HH", older_than_s=86_400.0)
    assert not old.exists()
    assert young.exists()
    remove_leftovers(tmp_path, "XX.ABC.00.HH")
    assert not young.exists()
    assert len(read_table(tmp_path)) == 10


def test_full_disk_is_an_error_that_says_so(tmp_path, monkeypatch):
    """No space left: the message names the disk, the old shard stays, nothing half is left."""
    path = write_shard(tmp_path, shard())
    before = digest(path)

    def full(fd):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TableError, match="the disk or the quota is full") as error:
        write_shard(tmp_path, shard(n=10))
    assert str(path) in error.value.problem
    assert "Make room" in error.value.hint
    assert digest(path) == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_file_that_grows_too_large_leaves_nothing(tmp_path):
    """A real limit of the system, met while writing: a TableError and no half file."""
    code = textwrap.dedent(
        f"""
        import resource, sys
        sys.path[:0] = [{str(Path(__file__).parent)!r}, {str(Path(__file__).parents[1])!r}]
        from test_store import shard
        from seisml.errors import TableError
        from seisml.shards import write_shard
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
        try:
            write_shard({str(tmp_path)!r}, shard(n=20_000))
        except TableError as error:
            print(error.problem)
        """
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "the disk or the quota is full" in run.stdout
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def test_store_that_cannot_be_made_is_an_error(tmp_path):
    """A store inside a file is refused with the reason."""
    (tmp_path / "file").touch()
    with pytest.raises(TableError, match="cannot be written") as error:
        write_shard(tmp_path / "file" / "store", shard())
    assert error.value.hint


@pytest.mark.parametrize("locking", ["TRUE", "FALSE", "BEST_EFFORT"])
def test_locks_of_hdf5_do_not_matter(tmp_path, monkeypatch, locking):
    """Whatever HDF5_USE_FILE_LOCKING says, a shard that another has open is read and replaced."""
    monkeypatch.setenv("HDF5_USE_FILE_LOCKING", locking)
    path = write_shard(tmp_path, shard())
    code = (
        f"import h5py; f = h5py.File({str(path)!r}); print('open', flush=True); input(); f.close()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline().strip() == "open"
        assert len(read_shard(path).X) == 50
        assert state(path) == ("present", "")
        write_shard(tmp_path, shard(n=10))
        assert len(read_shard(path).X) == 10
        other.communicate("\n")


# -------------------------------------------------------------------------------- state


def test_missing_stale_present(tmp_path):
    """A shard is present only with the same settings and the same files."""
    path = shard_path(tmp_path, "XX.ABC.00.HH", DAY)
    assert state(path) == ("missing", "not made yet")
    write_shard(tmp_path, shard())
    assert state(path) == ("present", "")
    assert state(path, sources=SOURCES[::-1]) == ("present", "")
    assert state(path, fingerprint="other") == ("stale", "made with other settings")
    changed = (SOURCES[0], (*SOURCES[1][:2], 5))
    assert state(path, sources=changed) == ("stale", "waveform file changed: /data/ä b.mseed")
    fewer, more = SOURCES[:1], (*SOURCES, ("/data/z", 1, 1), ("/data/y", 1, 1))
    assert state(path, sources=fewer)[0] == "stale"
    assert state(path, sources=more)[1] == "waveform file changed: /data/y and 1 more"


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def randomise(path):
    content = path.read_bytes()
    path.write_bytes(content[:600] + np.random.default_rng(0).bytes(len(content) - 600))


def to_folder(path):
    path.unlink()
    path.mkdir()


def edit(mode, change):
    def edited(path):
        with h5py.File(path, mode) as file:
            change(file)

    return edited


DAMAGES = {
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("time,value\n" * 500),
    "cut": cut,
    "random": randomise,
    "folder": to_folder,
    "foreign": edit("w", lambda f: f.create_dataset("data", data=np.arange(10))),
    "newer": edit("r+", lambda f: f.attrs.modify("schema", shards.SCHEMA + 1)),
    "odd schema": edit("r+", lambda f: f.attrs.create("schema", np.array([1, 1]))),
    "no fingerprint": edit("r+", lambda f: f.attrs.pop("fingerprint")),
    "no sources": edit("r+", lambda f: f.pop("sources")),
}


@pytest.mark.parametrize("how", DAMAGES)
def test_broken_and_foreign_files_are_stale(tmp_path, how):
    """What cannot be used is made anew, and reading it is an error with a hint."""
    path = write_shard(tmp_path, shard())
    DAMAGES[how](path)
    found, why = state(path)
    assert found == "stale"
    assert str(path) in why
    with pytest.raises(TableError) as error:
        read_shard(path)
    assert str(path) in error.value.problem
    assert error.value.hint
    if how == "newer":
        assert "use the seisml that wrote it" in error.value.hint
    if how != "folder":
        write_shard(tmp_path, shard())
        assert state(path)[0] == "present"


def test_a_file_without_values_is_a_table_error(tmp_path):
    """A shard that lost one of its arrays is told, not a KeyError."""
    path = write_shard(tmp_path, shard())
    with h5py.File(path, "r+") as file:
        del file["X"]
    with pytest.raises(TableError, match="no readable shard"):
        read_table(tmp_path)


def test_no_shard_no_store(tmp_path):
    """An empty store, a missing shard and an unknown station are errors with a hint."""
    with pytest.raises(TableError, match="no shard") as error:
        read_shard(tmp_path / "absent.h5")
    assert error.value.hint
    with pytest.raises(NoDataError, match="no feature tables") as error:
        read_table(tmp_path)
    assert "seisml extract" in error.value.hint
    write_shard(tmp_path, shard())
    with pytest.raises(NoDataError, match=r"no station 'XX\.ABD\.00\.HH'") as error:
        shard_paths(tmp_path, stations=["XX.ABD.00.HH"])
    assert "XX.ABC.00.HH" in error.value.hint
    with pytest.raises(NoDataError, match="no windows") as error:
        read_table(tmp_path, start="2030-01-01")
    assert error.value.hint


def test_files_of_others_in_the_store_are_left_alone(tmp_path):
    """Other HDF5 files that lie in the store are neither read nor in the way."""
    path = write_shard(tmp_path, shard())
    for name in ("notes.h5", "XX.ABC.00.HH_2021-03-05 copy.h5", "model_2021-99-99.h5"):
        with h5py.File(path.parent / name, "w") as file:
            file["x"] = 1
    (tmp_path / "mine").mkdir()
    with h5py.File(tmp_path / "mine" / "theirs_2021-03-04.h5", "w") as file:
        file["x"] = 1
    assert shard_paths(tmp_path) == [path]
    assert len(list(iter_tables(tmp_path))) == 1


# -------------------------------------------------------------------------------- tables


def test_tables_in_order_of_station_and_day(tmp_path):
    """All shards come out by station and day, one row a window, with all that belongs to it."""
    made = [shard("YY.B..EH", DAY + 1), shard("XX.ABC.00.HH", DAY + 1), shard(day=DAY)]
    for one in made:
        write_shard(tmp_path, one)
    table = read_table(tmp_path)
    expected = [made[2], made[1], made[0]]
    np.testing.assert_array_equal(table.frame.to_numpy(), np.concatenate([s.X for s in expected]))
    np.testing.assert_array_equal(table.time_ns, np.concatenate([s.time_ns for s in expected]))
    np.testing.assert_array_equal(table.coverage, np.concatenate([s.coverage for s in expected]))
    np.testing.assert_array_equal(table.flags, np.concatenate([s.flags for s in expected]))
    assert table.stations.tolist() == [s.station for s in expected for _ in s.time_ns]
    assert table.frame.dtypes.eq(np.float32).all()
    assert table.units == {"rms.Z": "counts", "f_peak.Z": "Hz"}
    assert (table.grid, table.fingerprint) == (GRID, "abc")
    each = list(iter_tables(tmp_path))
    assert [len(one) for one in each] == [50, 50, 50]
    one = read_table(tmp_path, stations=["YY.B..EH"])
    assert set(one.stations) == {"YY.B..EH"}
    assert len(table.rows(table.coverage > 0.5)) == (table.coverage > 0.5).sum()
    assert table.rows(np.array([3, 1])).time_ns.tolist() == table.time_ns[[3, 1]].tolist()


def test_tables_of_a_span(tmp_path):
    """Start and end choose windows by their start, start included and end not."""
    for day in (DAY, DAY + 1):
        write_shard(tmp_path, shard(day=day))
    start = (DAY + 1) * DAY_NS + 10 * NS_PER_S
    table = read_table(tmp_path, start=start, end=start + 8 * NS_PER_S)
    assert (table.time_ns - start).tolist() == [0, 2 * NS_PER_S, 4 * NS_PER_S, 6 * NS_PER_S]
    parts = list(iter_tables(tmp_path, start=start, end=start + 8 * NS_PER_S))
    assert [len(part) for part in parts] == [4]
    assert len(read_table(tmp_path, end=start)) == 55


def test_one_shard_of_any_name_is_a_table(tmp_path):
    """A shard that was copied somewhere is read like a store."""
    path = write_shard(tmp_path / "store", shard())
    copy = tmp_path / "a day of mine.h5"
    copy.write_bytes(path.read_bytes())
    assert len(read_table(copy)) == 50
    assert len(read_table(copy, start=DAY * DAY_NS + 90 * NS_PER_S)) == 5
    assert len(read_table(path)) == 50


def test_union_of_columns(tmp_path):
    """A column that one station does not have is NaN there; chosen columns come as chosen."""
    write_shard(tmp_path, shard("XX.A..HH", columns=("rms.Z", "rms.N")))
    write_shard(tmp_path, shard("XX.B..HH", columns=("rms.Z", "f_peak.Z")))
    write_shard(tmp_path, shard("XX.C..HH", n=0, columns=()))
    table = read_table(tmp_path)
    assert list(table.frame) == ["rms.Z", "rms.N", "f_peak.Z"]
    a, b = (table.frame.xs(name, level="station") for name in ("XX.A..HH", "XX.B..HH"))
    assert a["f_peak.Z"].isna().all()
    assert not a["rms.N"].isna().all()
    assert b["rms.N"].isna().all()
    chosen = read_table(tmp_path, columns=["f_peak.Z", "rms.Z"])
    assert list(chosen.frame) == list(chosen.units) == ["f_peak.Z", "rms.Z"]


def test_different_settings_are_refused(tmp_path):
    """Tables that were made with different settings are not put together."""
    write_shard(tmp_path, shard(day=DAY))
    write_shard(tmp_path, shard(day=DAY + 1, fingerprint="def"))
    with pytest.raises(StaleTableError, match="2 different settings: abc, def") as error:
        read_table(tmp_path)
    assert "seisml extract" in error.value.hint
    tables = list(iter_tables(tmp_path))
    with pytest.raises(StaleTableError):
        concat(tables)
    assert len(concat(tables[:1])) == 50


def test_covered_time(tmp_path):
    """Usable time is where windows have enough samples, joined where they overlap."""
    coverage = np.ones(50, dtype=np.float32)
    coverage[10:20] = 0.5
    write_shard(tmp_path, shard(coverage=coverage))
    write_shard(tmp_path, shard("XX.Z..HH", coverage=np.zeros(50, np.float32)))
    spans = covered(read_table(tmp_path), min_coverage=0.8)
    start = DAY * DAY_NS
    seconds = ((spans["XX.ABC.00.HH"] - start) / NS_PER_S).tolist()
    assert seconds == [[0, 9 * 2 + 6], [40, 49 * 2 + 6]]
    assert spans["XX.Z..HH"].shape == (0, 2)
    assert covered(read_table(tmp_path), min_coverage=0.5)["XX.ABC.00.HH"].tolist() == [
        [start, start + (49 * 2 + 6) * NS_PER_S]
    ]
    assert joined_windows(np.array([], dtype=np.int64), GRID).shape == (0, 2)


def test_times_of_a_table_are_exact(tmp_path):
    """Nanoseconds survive pandas, also with hops that are no whole microseconds."""
    time_ns = np.array([1, 3, 2**60 + 7], dtype=np.int64)
    write_shard(tmp_path, shard(n=3, time_ns=time_ns))
    table = read_table(tmp_path)
    assert table.time_ns.tolist() == time_ns.tolist()
    assert isinstance(table.frame.index, pd.MultiIndex)
