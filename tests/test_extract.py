import dataclasses
import hashlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import obspy
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from waveform_data import CODE, DAY0, RATE_HZ, STATION, at, noise, trace, write

from seisml import archive as archives
from seisml import extract as extraction
from seisml.archive import open_archive
from seisml.errors import NoDataError, StaleTableError, TableError
from seisml.extract import Plan, extract, extract_day, require_windows, tasks, time_range
from seisml.features import Filler, Settings, empty_table, evaluate
from seisml.segments import Band, Segment, causal_filter, samples_to_ns
from seisml.shards import read_shard, shard_path
from seisml.store import read_table
from seisml.times import DAY_NS, NS_PER_S
from seisml.windows import WindowGrid

DAY = DAY0 // DAY_NS
N_DAYS = 3
GRID = WindowGrid(14.0, 7.0)  # seven seconds do not divide the day
NAMES = ("rms", "crest", "zero_crossing_rate", "stalta_short_max", "stalta_long_max")
NAMES += ("rel_energy", "dlog_energy", "band_rel_energy", "f_centroid", "spec_flux")
PLAN = Plan(Band(1.0, 8.0), Settings(GRID, (1.0, 8.0), ((1.0, 2.0), (2.0, 4.0), (4.0, 8.0))), NAMES)
SMALL = Plan(Band(1.0, 8.0), Settings(WindowGrid(60.0, 30.0), (1.0, 8.0), ()), ("rms",))
OTHER = dataclasses.replace(SMALL, band=Band(1.0, 7.0))


def with_chunk(chunk_s: float, plan: Plan = PLAN) -> Plan:
    return dataclasses.replace(plan, chunk_s=chunk_s)


def day_samples(n_days: int, seed: int) -> np.ndarray:
    """Return noise with a tremor and an event over each midnight, as counts."""
    n = round(n_days * 86_400 * RATE_HZ)
    rng = np.random.default_rng(seed)
    x = 300 * rng.standard_normal(n) + 5000
    t = np.arange(n) / RATE_HZ
    for day in range(1, n_days):
        since = t - 86_400 * day + 4.0
        event = (since > 0) & (since < 60)
        x[event] += 2e4 * np.sin(12 * since[event]) * np.exp(-since[event] / 8)
    return np.round(x).astype(np.int32)


def recorded() -> list[obspy.Trace]:
    """Return three days of two stations with the faults of real records."""
    ms = NS_PER_S // 1000
    a, b, c = (day_samples(N_DAYS, seed) for seed in range(3))

    def part(x, first_s, last_s, code=CODE, shift_ns=0):
        first, last = round(first_s * RATE_HZ), round(last_s * RATE_HZ)
        return trace(x[first:last], at(first / RATE_HZ) + shift_ns, code=code)

    a[round(50_000 * RATE_HZ) :][: round(30 * RATE_HZ)] = 0  # filled with zeros
    a[round(86_399.6 * RATE_HZ) :][: round(1.2 * RATE_HZ)] = -1  # filled over midnight
    n = CODE.replace("HHZ", "HHN")
    other = "YY.DEF..BHZ"
    return [
        part(a, 0, 86_400),
        part(a, 86_400, 120_000),
        part(a, 119_900, 150_000),  # the same samples twice
        part(
            a, 151_000.05, 151_900, shift_ns=20 * ms
        ),  # restart off the grid, within half a sample
        part(a, 151_900, 259_200, shift_ns=20 * ms),
        part(b, 4000, 86_390, n),
        part(b, 86_410, 200_000, n),
        part(b, 200_050, 259_200, n, shift_ns=33 * ms),
        part(c, 0, 172_790, other),  # the day after begins late
        part(c, 173_500, 259_000, other),
    ]


def cut(traces, edges_s) -> list[obspy.Trace]:
    """Cut traces at some instants; no sample changes its time."""
    out = []
    for one in traces:
        start_ns, rate_hz = one.stats.starttime.ns, one.stats.sampling_rate
        edges = sorted({round((at(s) - start_ns) * rate_hz / NS_PER_S) for s in edges_s})
        edges = [0, *(i for i in edges if 0 < i < one.stats.npts), one.stats.npts]
        for a, b in pairwise(edges):
            first_ns = start_ns + samples_to_ns(a, rate_hz)
            out.append(trace(one.data[a:b], first_ns, rate_hz, one.id))
    return out


def shards(store) -> dict[tuple[str, int], extraction.Shard]:
    found = (read_shard(path) for path in sorted(Path(store).rglob("*.h5")))
    return {(one.station, one.day): one for one in found}


def digests(store) -> dict[str, str]:
    paths = sorted(p for p in Path(store).rglob("*") if p.is_file() and p.suffix != ".lock")
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in paths}


def assert_same_rows(a, b) -> None:
    """Assert that two stores hold the same rows and the same bits."""
    a, b = (x if isinstance(x, dict) else shards(x) for x in (a, b))
    assert list(a) == list(b)
    for key, one in a.items():
        for name in ("time_ns", "X", "coverage", "flags"):
            np.testing.assert_array_equal(
                getattr(one, name), getattr(b[key], name), f"{key} {name}"
            )
        assert one.columns == b[key].columns
        assert one.counts == b[key].counts


def run(root, store, plan=PLAN, **options):
    archive = root if isinstance(root, archives.Archive) else open_archive(root)
    return extract(archive, store, plan, **options)


@pytest.fixture(scope="module")
def traces():
    return recorded()


@pytest.fixture(scope="module")
def folder(traces, tmp_path_factory):
    """One file a station and day, cut at midnight or a little after it."""
    root = tmp_path_factory.mktemp("days")
    for i, one in enumerate(cut(traces, [86_400, 172_800 + 12.3])):
        write(root / f"{i:03}", one, reclen=4096)
    return root


@pytest.fixture(scope="module")
def store(folder, tmp_path_factory):
    """The features of that, in chunks of three hours."""
    store = tmp_path_factory.mktemp("store")
    outcomes = run(open_archive(folder, index=False), store)
    assert not [outcome.error for outcome in outcomes if outcome.error]
    return store


@pytest.fixture(scope="module")
def reference(store):
    return shards(store)


# ------------------------------------------------------- rule 1: results never depend on ...


@pytest.mark.parametrize("chunk_s", [420.0, 3600.0, 86_400.0])
def test_results_do_not_depend_on_the_chunk_length(folder, reference, tmp_path, chunk_s):
    """Chunks of seven minutes, an hour and a day give the same bits and counts."""
    run(folder, tmp_path / "store", with_chunk(chunk_s))
    assert_same_rows(tmp_path / "store", reference)


@given(st.floats(20.0, 200_000.0))
@settings(max_examples=5, deadline=None, phases=[Phase.generate])
def test_results_do_not_depend_on_odd_chunk_lengths(folder, reference, chunk_s):
    """Nor do they on any other length."""
    plan = with_chunk(max(chunk_s, 200.0))
    archive = open_archive(folder)
    _, start_ns, end_ns = time_range(plan, DAY + 1)
    part = archives.part(archive, STATION, start_ns, end_ns)
    shard, _ = extract_day(part, STATION, DAY + 1, plan)
    np.testing.assert_array_equal(shard.X, reference[STATION, DAY + 1].X)
    np.testing.assert_array_equal(shard.time_ns, reference[STATION, DAY + 1].time_ns)
    np.testing.assert_array_equal(shard.coverage, reference[STATION, DAY + 1].coverage)


@pytest.mark.parametrize("how", ["one file", "two hours", "anywhere"])
def test_results_do_not_depend_on_the_files(traces, reference, tmp_path, how):
    """The same samples in one file, in files of two hours, or cut anywhere and shuffled."""
    rng = np.random.default_rng(4)
    if how == "one file":
        write(tmp_path / "files" / "all", *traces, reclen=4096)
    elif how == "two hours":
        for i, one in enumerate(cut(traces, np.arange(0, 259_200, 7200.0))):
            write(tmp_path / "files" / f"{i:03}", one)
    else:
        parts = cut(traces, [*rng.uniform(0, 259_200, 60), 86_399.9, 86_400.4])
        for i, some in enumerate(np.array_split(rng.permutation(len(parts)), 25)):
            write(tmp_path / "files" / f"{i:03}", *(parts[j] for j in some))
    run(tmp_path / "files", tmp_path / "store")
    assert_same_rows(tmp_path / "store", reference)


def test_results_do_not_depend_on_workers_or_order(folder, store, tmp_path):
    """Two processes, and the days in reverse order, write the same bytes."""
    outcomes = run(folder, tmp_path / "two", jobs=2)
    assert [(o.station, o.day) for o in outcomes] == sorted((o.station, o.day) for o in outcomes)
    assert digests(tmp_path / "two") == digests(store)
    for task in reversed(tasks(open_archive(folder), tmp_path / "back", PLAN)):
        extraction.extract_to_store(tmp_path / "back", task, PLAN)
    assert digests(tmp_path / "back") == digests(store)


def test_every_window_is_there_exactly_once(reference):
    """Windows over midnight belong to the day of their start; none is lost, none is twice."""
    for station in (STATION, "YY.DEF..BH"):
        days = [one for (name, _), one in reference.items() if name == station]
        for one in days:
            assert (one.time_ns // DAY_NS == one.day).all()
        times = np.concatenate([one.time_ns for one in days])
        assert (times % GRID.hop_ns == 0).all()
        assert (np.diff(times) > 0).all()
        gaps = np.flatnonzero(np.diff(times) != GRID.hop_ns)
        lost = [
            (int(times[i] - DAY0) // NS_PER_S, int(times[i + 1] - DAY0) // NS_PER_S) for i in gaps
        ]
        assert all(b - a > 500 for a, b in lost), lost
    over = reference[STATION, DAY].time_ns[-1]
    assert over < DAY0 + DAY_NS < over + GRID.length_ns


def test_rows_are_the_windows_with_samples(reference, traces):
    """A window has a row if and only if it holds a settled sample of some component."""
    settle_ns = round(PLAN.band.settle_s(1e-3) * NS_PER_S) + 2 * NS_PER_S
    for station in (STATION, "YY.DEF..BH"):
        mine = [tr for tr in traces if tr.id.startswith(station)]
        spans = [(tr.stats.starttime.ns, tr.stats.endtime.ns) for tr in mine]
        times = np.concatenate([s.time_ns for (name, _), s in reference.items() if name == station])
        every = GRID.times(range(GRID.day_blocks(DAY).start, GRID.day_blocks(DAY + 2).stop))
        ends = every + GRID.length_ns
        touched = np.any([(every < b) & (ends > a) for a, b in spans], axis=0)
        settled = np.any([(every < b) & (ends > a + settle_ns) for a, b in spans], axis=0)
        assert np.isin(times, every[touched]).all()
        assert np.isin(every[settled], times).all()


def test_results_are_those_of_one_computation_without_chunks(tmp_path):
    """Days, pads and chunks give the bits of the features of the whole filtered array."""
    x = day_samples(N_DAYS, 7)
    for day in range(N_DAYS):
        n = round(86_400 * RATE_HZ)
        write(tmp_path / "a" / str(day), trace(x[day * n : (day + 1) * n], at(86_400.0 * day)))
    run(tmp_path / "a", tmp_path / "store", with_chunk(5000.0))
    table = read_table(tmp_path / "store")

    whole = Segment(STATION, ("HHZ",), DAY0, RATE_HZ, x[np.newaxis])
    windows = range(GRID.day_blocks(DAY).start, GRID.day_blocks(DAY + N_DAYS - 1).stop)
    history = int(PLAN.settings.history_s / GRID.hop_s) + 1
    blocks = range(windows.start - history, windows.stop + 8)
    filler = Filler(empty_table(PLAN.settings, blocks, RATE_HZ))
    for part in causal_filter([whole], PLAN.band):
        filler.add(part)
    filler.close()
    X, coverage = evaluate(filler.table, windows, PLAN.features)
    rows = coverage > 0
    assert table.time_ns.tolist() == GRID.times(windows)[rows].tolist()
    np.testing.assert_array_equal(table.frame.to_numpy(), X[rows])
    np.testing.assert_array_equal(table.coverage, coverage[rows])
    assert np.isfinite(X[rows][2000:-2]).all()


def test_counts_tell_what_was_seen(reference):
    """Fill, overlaps and joints are counted in samples, each once."""
    counts = reference[STATION, DAY].counts
    assert counts["fill_samples"] == 30 * RATE_HZ + 1.2 * RATE_HZ
    assert reference[STATION, DAY + 1].counts["overlap_identical"] == 100 * RATE_HZ


def test_flags_and_coverage(reference):
    """Gaps, too little coverage and missing components are flagged; features are NaN there."""
    one = reference[STATION, DAY]
    since_s = (one.time_ns - DAY0) / NS_PER_S
    thin = one.coverage < PLAN.settings.min_coverage - 1e-6
    assert thin.any()
    np.testing.assert_array_equal((one.flags & 2) > 0, thin)
    np.testing.assert_array_equal((one.flags & 1) > 0, one.coverage < 1 - 1e-6)
    assert np.isnan(one.X[thin]).all()
    alone = (since_s > 5) & (since_s + GRID.length_s < 4000)
    assert (one.flags[alone] & 4).all()
    both = (since_s > 4010) & (since_s < 80_000) & (one.coverage == 1)
    assert not (one.flags[both] & 4 & (since_s[both] < 49_000)).any()
    assert one.columns[0] == "rms.N"
    assert set(one.units) >= {"counts", "Hz", ""}


# ------------------------------------------------------------------- restart and staleness


def hours_archive(root: Path, n_days: int) -> None:
    """Write half an hour of every day: many small station-days."""
    for day in range(n_days):
        write(root / f"{day:02}", trace(noise(36_000, day), at(86_400.0 * day + 3600)))


CHILD = """
import os, signal, sys
os.environ["SEISML_CACHE"] = {cache!r}
sys.path[:0] = [{tests!r}, {root!r}]
from test_extract import SMALL, run
{before}
if __name__ == "__main__":
    print("ready", flush=True)
    run({archive!r}, {store!r}, SMALL, jobs={jobs})
    print("done", flush=True)
"""


def child(tmp_path, store, *, before="", jobs=1, name="child.py") -> list[str]:
    tests = Path(__file__).parent
    text = textwrap.dedent(CHILD).format(
        cache=str(tmp_path / "cache"),
        tests=str(tests),
        root=str(tests.parent),
        before=textwrap.dedent(before),
        archive=str(tmp_path / "a"),
        store=str(store),
        jobs=jobs,
    )
    (tmp_path / name).write_text(text)
    return [sys.executable, str(tmp_path / name)]


KILL_IN_WRITE = """
real = os.fsync
calls = []
def fsync(fd):
    calls.append(fd)
    if len(calls) == {n}:
        os.kill(os.getpid(), signal.SIGKILL)
    real(fd)
os.fsync = fsync
"""


def test_killed_runs_go_on_and_end_the_same(tmp_path):
    """kill -9 in the middle of a write, twice, loses one shard each time and leaves no trace."""
    hours_archive(tmp_path / "a", 9)
    whole = run(tmp_path / "a", tmp_path / "whole", SMALL)
    assert len(whole) == 9
    store = tmp_path / "store"
    for n in (4, 3):
        before = {p: p.stat().st_mtime_ns for p in store.rglob("*.h5")}
        command = child(tmp_path, store, before=KILL_IN_WRITE.format(n=n))
        assert (
            subprocess.run(command, check=False, capture_output=True).returncode == -signal.SIGKILL
        )
        after = {p: p.stat().st_mtime_ns for p in store.rglob("*.h5")}
        assert len(after) == len(before) + n - 1
        assert {p: after[p] for p in before} == before
    assert len(list(store.rglob("*.part"))) == 1  # of the last one
    assert len(read_table(store)) == sum(len(s.time_ns) for s in shards(store).values())
    outcomes = run(tmp_path / "a", store, SMALL)
    assert [o.day for o in outcomes] == [DAY + 5, DAY + 6, DAY + 7, DAY + 8]
    assert digests(store) == digests(tmp_path / "whole")  # nothing half is left
    assert not run(tmp_path / "a", store, SMALL)


@pytest.mark.parametrize("jobs", [1, 2])
def test_runs_killed_at_random_end_the_same(tmp_path, jobs):
    """Killed at random moments, a run is taken up again: it makes what is missing, and no more."""
    hours_archive(tmp_path / "a", 30)
    run(tmp_path / "a", tmp_path / "whole", SMALL)
    store, rng = tmp_path / "store", np.random.default_rng(jobs)
    finished: dict[Path, int] = {}
    for _ in range(4 - jobs):
        with subprocess.Popen(
            child(tmp_path, store, jobs=jobs), stdout=subprocess.PIPE, start_new_session=True
        ) as process:
            assert process.stdout.readline() == b"ready\n"
            wait_for_a_shard(store, len(finished))
            time.sleep(rng.uniform(0.0, 0.04))
            os.killpg(process.pid, signal.SIGKILL)
        now = {path: path.stat().st_mtime_ns for path in store.rglob("*.h5")}
        assert {path: now[path] for path in finished} == finished
        assert len(finished) < len(now) < 30
        for one in shards(store).values():
            assert len(one.X) == len(one.time_ns) == 61
        finished = now
    outcomes = run(tmp_path / "a", store, SMALL)
    assert len(outcomes) == 30 - len(finished)
    assert {path: path.stat().st_mtime_ns for path in finished} == finished
    assert digests(store) == digests(tmp_path / "whole")


def wait_for_a_shard(store, n: int) -> None:
    """Wait until a store has more than so many shards."""
    for _ in range(3000):
        if len(list(store.rglob("*.h5"))) > n:
            return
        time.sleep(0.01)
    raise AssertionError("no shard was made")


def test_two_runs_on_one_station_at_once(tmp_path):
    """The second is told which station of which store another run has; nothing is overwritten."""
    hours_archive(tmp_path / "a", 3)
    store = tmp_path / "store"
    told = []

    def second(done, total, _):
        for plan, replace in ((SMALL, False), (OTHER, True)) if done < total else ():
            with pytest.raises(TableError, match="Another run") as error:
                run(tmp_path / "a", store, plan, replace=replace)
            told.append(error.value)

    assert len(run(tmp_path / "a", store, SMALL, on_progress=second)) == 3
    assert len(told) == 4
    assert all(f"{STATION} in {store}" in error.problem for error in told)
    assert all("--station" in error.hint for error in told)
    assert {shard.fingerprint for shard in shards(store).values()} == {SMALL.fingerprint}
    assert not run(tmp_path / "a", store, SMALL)


def test_runs_on_other_stations_work_side_by_side(tmp_path):
    """Job arrays split the stations of one store: both make theirs, nothing is in the way."""
    hours_archive(tmp_path / "a", 2)
    write(tmp_path / "a" / "other", trace(noise(36_000), at(3600), code="YY.DEF..BHZ"))
    made = []

    def beside(*_):
        if not made:
            made.extend(run(tmp_path / "a", tmp_path / "store", SMALL, patterns=["YY.*"]))

    run(tmp_path / "a", tmp_path / "store", SMALL, patterns=["XX.*"], on_progress=beside)
    assert [outcome.station for outcome in made] == ["YY.DEF..BH"]
    run(tmp_path / "a", tmp_path / "whole", SMALL)
    assert digests(tmp_path / "store") == digests(tmp_path / "whole")


def test_what_another_run_has_made_meanwhile_is_not_made_again(tmp_path, monkeypatch):
    """Between looking and locking another run may have finished: its shards are kept."""
    hours_archive(tmp_path / "a", 3)
    store, real = tmp_path / "store", extraction.claims.hold

    def late(store, stations):
        monkeypatch.setattr(extraction.claims, "hold", real)
        assert len(run(tmp_path / "a", store, SMALL)) == 3
        return real(store, stations)

    monkeypatch.setattr(extraction.claims, "hold", late)
    assert run(tmp_path / "a", store, SMALL) == []
    monkeypatch.setattr(extraction.claims, "hold", late)
    with pytest.raises(StaleTableError, match="other settings"):
        run(tmp_path / "a", tmp_path / "new", OTHER)
    assert {one.fingerprint for one in shards(tmp_path / "new").values()} == {SMALL.fingerprint}


def test_hdf5_locking_off(tmp_path):
    """With HDF5's own locks switched off the same bytes are made, and read."""
    hours_archive(tmp_path / "a", 2)
    run(tmp_path / "a", tmp_path / "whole", SMALL)
    environment = {**os.environ, "HDF5_USE_FILE_LOCKING": "FALSE"}
    command = child(tmp_path, tmp_path / "store", jobs=2)
    done = subprocess.run(command, env=environment, capture_output=True, check=True)
    assert done.stdout == b"ready\ndone\n"
    assert digests(tmp_path / "store") == digests(tmp_path / "whole")


def test_other_settings_are_made_anew(tmp_path):
    """A changed setting makes every shard stale, a changed chunk length none."""
    hours_archive(tmp_path / "a", 3)
    archive = open_archive(tmp_path / "a")
    store = tmp_path / "store"
    states = {task.state for task in tasks(archive, store, SMALL)}
    assert states == {"missing"}
    assert len(run(archive, store, SMALL)) == 3
    assert {task.state for task in tasks(archive, store, with_chunk(99.0, SMALL))} == {"present"}
    found = tasks(archive, store, OTHER)
    assert {(task.state, task.why) for task in found} == {("stale", "made with other settings")}
    assert OTHER.fingerprint != SMALL.fingerprint
    before = digests(store)
    with pytest.raises(StaleTableError) as error:
        run(archive, store, OTHER)
    assert str(store) in error.value.problem
    assert "band.f_max_hz 8.0 there, 7.0 now" in error.value.problem
    assert "--replace" in error.value.hint
    assert digests(store) == before
    assert len(run(archive, store, OTHER, replace=True)) == 3
    assert {task.state for task in tasks(archive, store, OTHER)} == {"present"}
    assert not run(archive, store, OTHER)


def test_a_station_with_other_settings_than_its_neighbours_is_refused(tmp_path):
    """Tables of one store are used together: the first shard of other settings stops the run."""
    hours_archive(tmp_path / "a", 2)
    write(tmp_path / "a" / "other", trace(noise(36_000), at(3600), code="YY.DEF..BHZ"))
    more = dataclasses.replace(SMALL, names=("crest", "rms"))
    store = tmp_path / "store"
    run(tmp_path / "a", store, SMALL, patterns=["XX.*"])
    with pytest.raises(StaleTableError, match=r"features\.crest absent there, 1 now"):
        run(tmp_path / "a", store, more, patterns=["YY.*"])
    assert not (store / "YY.DEF..BH").exists()
    assert len(run(tmp_path / "a", store, more, patterns=["YY.*"], replace=True)) == 1


def test_changed_files_need_no_permission(tmp_path):
    """Shards that are stale because a file changed are made anew as ever."""
    hours_archive(tmp_path / "a", 2)
    run(tmp_path / "a", tmp_path / "store", SMALL)
    write(tmp_path / "a" / "01", trace(noise(30_000, 5), at(86_400.0 + 3600)))
    assert [o.day for o in run(tmp_path / "a", tmp_path / "store", SMALL)] == [DAY + 1]


def test_a_changed_file_makes_its_days_and_their_neighbours_anew(tmp_path):
    """The day of the file, the day after (its past) and the day before (its last windows)."""
    for day in range(6):
        write(tmp_path / "a" / str(day), trace(day_samples(1, day), at(86_400.0 * day)))
    run(tmp_path / "a", tmp_path / "store", SMALL)
    before = digests(tmp_path / "store")
    write(tmp_path / "a" / "3", trace(day_samples(1, 99), at(86_400.0 * 3)), reclen=4096)
    archive = open_archive(tmp_path / "a")
    stale = {task.day - DAY: task.why for task in tasks(archive, tmp_path / "store", SMALL)
             if task.state == "stale"}  # fmt: skip
    assert list(stale) == [2, 3, 4]
    assert all(why == f"waveform file changed: {tmp_path / 'a' / '3'}" for why in stale.values())
    outcomes = run(archive, tmp_path / "store", SMALL)
    assert [outcome.day - DAY for outcome in outcomes] == [2, 3, 4]
    after = digests(tmp_path / "store")
    assert [before[name] == after[name] for name in sorted(before)] == [
        True, True, False, False, False, True,
    ]  # fmt: skip
    run(tmp_path / "a", tmp_path / "fresh", SMALL)
    assert digests(tmp_path / "fresh") == after


def test_a_new_day_makes_the_last_one_anew(tmp_path):
    """When tomorrow's file arrives, today's last windows are completed."""
    x = day_samples(2, 0)
    n = round(86_400 * RATE_HZ)
    write(tmp_path / "a" / "0", trace(x[:n]))
    run(tmp_path / "a", tmp_path / "store", SMALL)
    first = read_shard(shard_path(tmp_path / "store", STATION, DAY))
    write(tmp_path / "a" / "1", trace(x[n:], at(86_400.0)))
    outcomes = run(tmp_path / "a", tmp_path / "store", SMALL)
    assert [outcome.day for outcome in outcomes] == [DAY, DAY + 1]
    second = read_shard(shard_path(tmp_path / "store", STATION, DAY))
    assert first.coverage[-1] == 0.5
    assert second.coverage[-1] == 1.0
    np.testing.assert_array_equal(first.X[:-1], second.X[:-1])


# ------------------------------------------------------------------------- what can go wrong


def test_slow_channels_are_a_counted_rejection(tmp_path):
    """1 Hz beside 20 Hz, in a station of its own or in the same: counted, not a crash."""
    write(tmp_path / "a" / "HHZ", trace(noise(72_000), at(0)))
    write(tmp_path / "a" / "LHZ", trace(noise(3600), at(0), 1.0, CODE.replace("HHZ", "LHZ")))
    write(tmp_path / "a" / "HHN", trace(noise(3600), at(0), 1.0, CODE.replace("HHZ", "HHN")))
    outcomes = run(tmp_path / "a", tmp_path / "store")
    assert [o.error for o in outcomes] == ["", ""]
    fast, slow = outcomes
    assert (fast.station, slow.station) == (STATION, STATION.replace("HH", "LH"))
    assert fast.n_usable > 500
    assert fast.counts == slow.counts == {"samples_of_too_low_rate": 3600}
    assert (slow.n_windows, slow.n_usable) == (0, 0)
    assert "rms.Z" in read_table(tmp_path / "store").frame
    assert not run(tmp_path / "a", tmp_path / "store")
    require_windows(outcomes, tmp_path / "store")
    with pytest.raises(NoDataError, match="samples_of_too_low_rate 3600") as error:
        require_windows([slow], tmp_path / "elsewhere")
    assert error.value.hint
    # The same as all that a stopped run had left to do: what is there already counts.
    require_windows([slow], tmp_path / "store")


def test_where_all_days_fail_the_reason_is_told(tmp_path):
    """Not that there are too few samples."""
    failed = extraction.Outcome(STATION, DAY, 0, 0, {}, 0.0, error="ValueError: 42")
    with pytest.raises(NoDataError, match="ValueError: 42"):
        require_windows([failed], tmp_path / "store")


def test_bands_above_nyquist_are_counted(tmp_path):
    """The columns of a band that the sampling rate cannot hold are NaN, and that is told."""
    write(tmp_path / "a" / "one", trace(noise(3600)))
    bands = ((1.0, 2.0), (RATE_HZ * 0.5, RATE_HZ))
    changed = dataclasses.replace(PLAN.settings, bands_hz=bands)
    plan = dataclasses.replace(PLAN, settings=changed, names=("rms", "band_log_energy"))
    [outcome] = run(tmp_path / "a", tmp_path / "store", plan)
    assert outcome.counts == {"bands_above_nyquist": 1}
    [shard] = shards(tmp_path / "store").values()
    known = np.isfinite(shard.X).any(axis=0)
    assert known.tolist() == [True, True, False]
    without = dataclasses.replace(plan, names=("rms",))
    [outcome] = run(tmp_path / "a", tmp_path / "other", without)
    assert outcome.counts == {}


def test_a_channel_that_changes_its_rate(tmp_path):
    """A station that was upgraded at noon has features before and after it."""
    write(tmp_path / "a" / "1", trace(noise(72_000), at(0), 20.0))
    write(tmp_path / "a" / "2", trace(noise(360_000, 1), at(3600), 100.0))
    write(tmp_path / "a" / "3", trace(noise(3600, 1), at(7200), 1.0))
    outcome = run(tmp_path / "a", tmp_path / "store")[0]
    assert not outcome.error
    assert outcome.counts == {"samples_of_too_low_rate": 3600}
    table = read_table(tmp_path / "store")
    since_s = (table.time_ns - DAY0) / NS_PER_S
    rms = table.frame["rms.Z"].to_numpy()
    for first, last in ((100, 3500), (3700, 7100)):
        assert np.isfinite(rms[(since_s > first) & (since_s < last)]).all()


def test_a_day_that_fails_is_told_and_the_others_go_on(tmp_path, monkeypatch):
    """An error of one station-day is in its outcome; all other days are made."""
    hours_archive(tmp_path / "a", 3)
    real = extraction.archives.chunks

    def failing(part, station, start_ns, end_ns, **options):
        if start_ns < at(86_400.0 + 3600) < end_ns:
            raise ZeroDivisionError("no such luck")
        return real(part, station, start_ns, end_ns, **options)

    monkeypatch.setattr(extraction.archives, "chunks", failing)
    told = []
    outcomes = run(tmp_path / "a", tmp_path / "store", SMALL, on_progress=lambda *a: told.append(a))
    assert [o.error for o in outcomes] == ["", "ZeroDivisionError: no such luck", ""]
    assert [(done, total) for done, total, _ in told] == [(1, 3), (2, 3), (3, 3)]
    assert len(shards(tmp_path / "store")) == 2
    monkeypatch.undo()
    assert [o.day for o in run(tmp_path / "a", tmp_path / "store", SMALL)] == [DAY + 1]


def test_a_file_that_goes_away_leaves_no_shard_without_it(tmp_path):
    """A day whose file vanished after the scan is an error, not a shard with a hole."""
    hours_archive(tmp_path / "a", 3)
    archive = open_archive(tmp_path / "a")
    (tmp_path / "a" / "01").unlink()
    outcomes = run(archive, tmp_path / "store", SMALL)
    assert [bool(o.error) for o in outcomes] == [False, True, False]
    assert "run again" in outcomes[1].error
    assert len(shards(tmp_path / "store")) == 2


def test_a_broken_file_is_counted_and_the_day_is_made(tmp_path):
    """What cannot be decoded is left out of its day and counted there."""
    hours_archive(tmp_path / "a", 2)
    content = bytearray((tmp_path / "a" / "01").read_bytes())
    content[512 * 9 + 64 : 512 * 10] = bytes(
        np.random.default_rng(1).integers(0, 256, 448, np.uint8)
    )
    (tmp_path / "a" / "01").write_bytes(content)
    outcomes = run(tmp_path / "a", tmp_path / "store", SMALL)
    assert [o.error for o in outcomes] == ["", ""]
    assert outcomes[1].counts == {"corrupt_records": 1}
    assert 0 < outcomes[1].n_usable < outcomes[1].n_windows


def test_full_disk_stops_the_run(tmp_path, monkeypatch):
    """Where no shard can be written the run ends with the reason, and can be taken up."""
    hours_archive(tmp_path / "a", 2)

    def full(fd):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TableError, match="disk or the quota is full"):
        run(tmp_path / "a", tmp_path / "store", SMALL)
    monkeypatch.undo()
    assert len(run(tmp_path / "a", tmp_path / "store", SMALL)) == 2


def test_nothing_to_extract_is_said(tmp_path):
    """An archive without a usable file, and a pattern without a station, are errors."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").write_text("no record")
    with pytest.raises(NoDataError, match="None of the 1 files"):
        run(tmp_path / "a", tmp_path / "store")
    hours_archive(tmp_path / "b", 1)
    with pytest.raises(NoDataError, match="No station"):
        run(tmp_path / "b", tmp_path / "store", patterns=["ZZ.*"])
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("n", [-1, 0, 1])
def test_lengths_around_a_window(tmp_path, n):
    """A record of k hops, a sample more or less: every window that has a sample has a row."""
    n_samples = round(40 * GRID.hop_s * RATE_HZ) + n
    start_ns = -(-DAY0 // GRID.hop_ns) * GRID.hop_ns
    write(tmp_path / "a" / "x", trace(noise(n_samples), start_ns))
    run(tmp_path / "a", tmp_path / "store")
    shard = next(iter(shards(tmp_path / "store").values()))
    last = start_ns + samples_to_ns(n_samples - 1, RATE_HZ)
    assert shard.time_ns[-1] == last // GRID.hop_ns * GRID.hop_ns
    full = shard.coverage == 1
    assert full.sum() == 40 - 1 - 1 + (-1 if n < 0 else 0)  # the first block settles


def test_a_record_before_1970(tmp_path):
    """Days before 1970 are days like others."""
    start_ns = -3 * DAY_NS - 600 * NS_PER_S
    write(tmp_path / "a" / "x", trace(noise(24_000), start_ns))
    outcomes = run(tmp_path / "a", tmp_path / "store")
    assert [o.day for o in outcomes] == [-4, -3]
    table = read_table(tmp_path / "store")
    assert (np.diff(table.time_ns) == GRID.hop_ns).all()
    assert table.time_ns[0] // DAY_NS == -4


# ------------------------------------------------------------------------------------- cost


def seconds_of(function, *args) -> float:
    began = time.process_time()
    function(*args)
    return time.process_time() - began


def broken_day(n_pieces: int) -> list[obspy.Trace]:
    """Return a day in pieces, every second of which begins with a gap of a second."""
    x, rng = day_samples(1, 0), np.random.default_rng(0)
    edges = np.r_[0, np.sort(rng.choice(len(x) - 1, n_pieces - 1, replace=False)) + 1, len(x)]
    out = []
    for i, (a, b) in enumerate(pairwise(edges)):
        first = min(a + 20 * (i % 2), b - 1)
        out.append(trace(x[first:b], at(first / RATE_HZ)))
    return out


def test_a_day_of_thousands_of_pieces_costs_little_more(tmp_path):
    """10 000 pieces with 5 000 gaps take not much longer than a clean day, and grow linearly."""
    plan = dataclasses.replace(PLAN, names=("all",))
    cost = {}
    for name, parts in (
        ("warm", [trace(day_samples(1, 0))]),
        ("clean", [trace(day_samples(1, 0))]),
        ("5000", broken_day(5000)),
        ("10000", broken_day(10_000)),
    ):
        write(tmp_path / name / "day", *parts)
        archive = open_archive(tmp_path / name)
        if name.isdigit():
            assert len(archive.pieces) > 0.45 * int(name)
        task = tasks(archive, tmp_path / "store", plan)[0]
        cost[name] = seconds_of(extract_day, task.archive, STATION, DAY, plan)
    assert cost["10000"] < 6 * cost["clean"], cost
    assert cost["10000"] < 2.5 * cost["5000"], cost


def test_listing_tasks_of_many_years_is_fast(tmp_path):
    """Ten years of day files are looked through once, not once for each day."""
    import pandas as pd

    n = 3650
    rows, files = [], []
    for channel in "ZNE":
        for day in range(n):
            path = f"/no/{channel}{day}"
            start = DAY0 + day * DAY_NS
            files.append((path, 1, 1, "MSEED", "", ""))
            rows.append((path, 0, STATION, f"HH{channel}", start, start + DAY_NS, 20.0, 1_728_000))
    archive = archives.Archive(
        "",
        "SDS",
        pd.DataFrame(files, columns=archives.FILE_COLUMNS),
        archives._ordered(pd.DataFrame(rows, columns=archives.PIECE_COLUMNS)),
    )
    began = time.process_time()
    found = tasks(archive, tmp_path, SMALL)
    assert time.process_time() - began < 15.0
    assert len(found) == n
    assert all(len(task.archive.pieces) == 9 for task in found[1:-1])


MEMORY = """
import os, resource, sys
os.environ["SEISML_CACHE"] = {cache!r}
sys.path[:0] = [{tests!r}, {root!r}]
from test_extract import FAST
from seisml.archive import open_archive
from seisml.extract import extract
outcomes = extract(open_archive({archive!r}), {store!r}, FAST)
assert len(outcomes) == {n_days} and not any(o.error for o in outcomes)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
FAST = Plan(
    Band(1.0, 30.0),
    Settings(WindowGrid(6.0, 2.0), (1.0, 30.0), ((1.0, 2.0), (2.0, 4.0), (4.0, 8.0), (8.0, 16.0))),
)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_archive(tmp_path):
    """Six days of three components at 100 Hz need no more memory than two."""
    x = np.round(500 * np.random.default_rng(0).standard_normal(8_640_000)).astype(np.int32)
    first = write(tmp_path / "first", trace(x, at(0.0), 100.0, "XX.ABC.00.HHZ"), reclen=4096)
    records = np.frombuffer(first.read_bytes(), np.uint8).reshape(-1, 4096)
    day_of_year = obspy.UTCDateTime(ns=DAY0).julday
    peak = {}
    for n_days in (2, 6):
        (tmp_path / str(n_days)).mkdir()
        for day in range(n_days):
            for letter in "ZNE":  # the same samples with another day and channel in the headers
                later = records.copy()
                later[:, 17] = ord(letter)
                later[:, 22:24] = np.array([day_of_year + day], ">u2").view(np.uint8)
                (tmp_path / str(n_days) / f"{letter}{day}").write_bytes(later.tobytes())
        code = MEMORY.format(
            cache=str(tmp_path / "cache"),
            tests=str(Path(__file__).parent),
            root=str(Path(__file__).parents[1]),
            archive=str(tmp_path / str(n_days)),
            store=str(tmp_path / f"store{n_days}"),
            n_days=n_days,
        )
        found = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        peak[n_days] = int(found.stdout) / 1024
    print(f"peak RSS in MiB: {peak}")  # noqa: T201
    assert peak[6] < 1.15 * peak[2], peak


# ------------------------------------------------------------------------------ real records


def real_plan(f_min_hz, f_max_hz, length_s, hop_s, **options) -> Plan:
    bands = ((f_min_hz, f_max_hz),)
    settings_ = Settings(WindowGrid(length_s, hop_s), (f_min_hz, f_max_hz), bands, **options)
    return Plan(Band(f_min_hz, f_max_hz), settings_, NAMES)


SLOW = {
    "sub_s": 0.8,
    "sta_lta_s": (("short", 5.0, 100.0), ("mid", 20.0, 400.0), ("long", 100.0, 1000.0)),
}
REAL = {
    "earth_bradys/sds": real_plan(2.0, 20.0, 6.0, 2.0),
    "earth_pfo/waveforms/AZ.PFO..HHZ.2000.mseed": real_plan(2.0, 20.0, 6.0, 2.0),
    "earth_icequake": real_plan(10.0, 100.0, 2.0, 1.0),
    "earth_small": real_plan(2.0, 20.0, 6.0, 2.0),
    "lunar_apollo": real_plan(0.3, 1.5, 102.4, 51.2, **SLOW),
    "lunar_deep_a01": real_plan(0.3, 1.5, 102.4, 51.2, **SLOW),
    "mars_deglitched": real_plan(0.2, 1.0, 51.2, 25.6, **SLOW),
}


@pytest.mark.real
@pytest.mark.parametrize("name", REAL)
def test_real_records_do_not_depend_on_chunks(shared_data, tmp_path, name):
    """Real records of Earth, Moon and Mars: no day fails, and chunks make no difference."""
    archive = open_archive(shared_data / name, index=False)
    for store, chunk_s in (("a", 10_800.0), ("b", 1000.7)):
        plan = with_chunk(chunk_s, REAL[name])
        every = tasks(archive, tmp_path / store, plan)
        chosen = every[:: max(1, len(every) // 10)]
        done = [extraction.extract_to_store(tmp_path / store, task, plan) for task in chosen]
        assert not [outcome for outcome in done if outcome.error]
        require_windows(done, tmp_path / store)
    assert_same_rows(tmp_path / "a", tmp_path / "b")


@pytest.mark.real
def test_real_volcano_day_in_one_piece(shared_data, tmp_path):
    """A full real day at 100 Hz: all windows are usable but those in which the filter settles."""
    archive = open_archive(shared_data / "earth_piton" / "sds", index=False)
    plan = real_plan(1.0, 20.0, 6.0, 2.0)
    outcomes = run(archive, tmp_path / "a", plan, patterns=["YA.UV05"])
    found = shards(tmp_path / "a")
    assert {o.error for o in outcomes} == {""}
    assert sum(len(one.time_ns) for one in found.values()) >= 43_199
    assert sum(o.n_usable for o in outcomes) >= 43_190
    run(archive, tmp_path / "b", with_chunk(420.0, plan), patterns=["YA.UV05"])
    assert_same_rows(found, tmp_path / "b")


@pytest.mark.real
def test_real_pieces_cover_what_the_readme_says(shared_data, tmp_path):
    """Bradys: 8272 s a channel in 32 pieces, none lost, none stitched together."""
    archive = open_archive(shared_data / "earth_bradys" / "sds", index=False)
    spans = archive.pieces.groupby(["station", "channel"])
    seconds = spans.apply(lambda p: ((p["end_ns"] - p["start_ns"]) / NS_PER_S).sum())
    assert ((seconds - 8272).abs() < 5).all()
    run(archive, tmp_path / "a", REAL["earth_bradys/sds"], patterns=["BX.BT01"])
    table = read_table(tmp_path / "a")
    covered = table.coverage.sum() * 2.0
    settle_s = REAL["earth_bradys/sds"].band.settle_s(1e-3)
    assert abs(covered - (8272 - 32 * settle_s)) < 40
