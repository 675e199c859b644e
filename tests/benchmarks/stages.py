"""What is measured, each in a process of its own: ``python stages.py NAME FOLDER [ARGUMENT]``.

Prints one JSON object of seconds and megabytes. Everything that is compared is timed in turn in
the same process, round by round, and the least of all rounds is taken: a machine that is busy with
something else then changes both sides.
"""

import dataclasses
import json
import os
import sys
import tempfile
import time
from collections import Counter
from functools import partial
from pathlib import Path

WINDOW_S, HOP_S, BAND_HZ = 30.0, 3.0, (1.0, 40.0)
BANDS_HZ = ((1, 2), (2, 4), (4, 8), (8, 16), (16, 32))
BATCH = 32
LOOP_WINDOWS = 60
CPU = os.environ.get("BENCHMARK_CLOCK") == "cpu"


def spent() -> float:
    """Return the processor time of this process and of those that it has started, s."""
    from multiprocessing import forkserver

    # What starts the workers ends with them: only then its time and theirs are counted.
    forkserver._forkserver._stop()
    return sum(os.times()[:4])


def peak_mb() -> float:
    """Return the largest memory that this process alone has had, MB."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def clock() -> float:
    """Return the time that counts: of the clock on the wall, or of the processor."""
    return time.process_time() if CPU else time.perf_counter()


def least(*functions, rounds: int = 3) -> list[float]:
    """Return the least time of each function, all called in turn, s."""
    times = [[] for _ in functions]
    for _ in range(rounds):
        for function, mine in zip(functions, times, strict=True):
            start = clock()
            function()
            mine.append(clock() - start)
    return [min(mine) for mine in times]


def plan_of_benchmark():
    """Return the plan: 30 s windows every 3 s, the set ``detect-fast``."""
    from seisml.extract import Plan
    from seisml.features import Settings
    from seisml.segments import Band
    from seisml.windows import WindowGrid

    settings = Settings(WindowGrid(WINDOW_S, HOP_S), BAND_HZ, BANDS_HZ)
    return Plan(Band(*BAND_HZ), settings, ("detect-fast",))


def only_day(archive, plan):
    """Return the arguments of `seisml.extract.extract_day` for an archive of one station-day."""
    from seisml.archive import days, part, stations
    from seisml.extract import time_range

    [station] = stations(archive)
    day = days(archive, station)[0]
    _, start_ns, end_ns = time_range(plan, day)
    return part(archive, station, start_ns, end_ns), station, day


def channel_day(folder: Path) -> dict:
    """Time the stages of one channel-day, what they are compared with, and the loop."""
    from seisml.archive import chunks, open_archive
    from seisml.extract import extract_day, time_range
    from seisml.features import Filler, empty_table, evaluate, needs_of
    from seisml.segments import causal_filter, segments
    from seisml.shards import write_shard

    plan = plan_of_benchmark()
    part, station, day = only_day(open_archive(folder, index=False), plan)
    blocks, start_ns, end_ns = time_range(plan, day)
    chosen, settings = plan.features, plan.settings

    def read():
        span = start_ns, end_ns
        return list(chunks(part, station, *span, chunk_s=plan.chunk_s, counts=Counter()))

    def join():
        return list(segments(raw, station=station))

    def filtered():
        return list(causal_filter(joined, plan.band))

    def fill():
        filler = Filler(empty_table(settings, blocks, 100.0, needs=needs_of(chosen)))
        for segment in smooth:
            filler.add(segment)
        filler.close()
        return filler.table

    raw = read()
    joined = join()
    smooth = filtered()
    table, windows = fill(), settings.grid.day_blocks(day)
    shard, _ = extract_day(part, station, day, plan)
    plain, x = _plain(folder, plan)
    stages = {
        **{"read": read, "join": join, "filter": filtered, "blocks": fill},
        "combine": partial(evaluate, table, windows, chosen),
        "write": partial(write_shard, folder.parent / "made", shard),
        "extract": partial(extract_day, part, station, day, plan),
        **plain,
    }
    out = dict(zip(stages, least(*stages.values(), rounds=5), strict=True))
    return {**out, **_loop(x, plan), "n_windows": len(windows), "n_columns": shard.X.shape[1]}


def overlap(folder: Path) -> dict:
    """Time the feature stage of a channel-day with windows of other lengths on the same hop."""
    from seisml.archive import chunks, open_archive
    from seisml.extract import time_range
    from seisml.features import Settings, empty_table, evaluate, fill, needs_of
    from seisml.segments import causal_filter, segments
    from seisml.windows import WindowGrid

    plan = plan_of_benchmark()
    part, station, day = only_day(open_archive(folder, index=False), plan)
    _, start_ns, end_ns = time_range(plan, day)
    raw = chunks(part, station, start_ns, end_ns, chunk_s=plan.chunk_s, counts=Counter())
    smooth = list(causal_filter(segments(raw, station=station), plan.band))

    def features(length_s: float, lengths_s: tuple[float, ...] = ()):
        grid, spectrum_s = WindowGrid(length_s, HOP_S), plan.settings.spectrum_hops * HOP_S
        settings = Settings(grid, BAND_HZ, BANDS_HZ, spectrum_s=spectrum_s, lengths_s=lengths_s)
        blocks, _, _ = time_range(dataclasses.replace(plan, settings=settings), day)
        table = empty_table(settings, blocks, 100.0, needs=needs_of(plan.features))
        evaluate(fill(table, smooth), grid.day_blocks(day), plan.features)

    names = ("one", "long", "three")
    cases = ((30.0,), (300.0,), (30.0, (9.0, 120.0)))
    return dict(zip(names, least(*(partial(features, *case) for case in cases)), strict=True))


def _plain(folder: Path, plan) -> tuple[dict, object]:
    """Return what the stages are compared with, and the filtered day."""
    import numpy as np
    import obspy
    import scipy.fft
    from scipy.signal import sosfilt

    [path] = folder.glob("*.mseed")
    x, sos = obspy.read(path)[0].data, plan.band.sections(100.0)
    y = sosfilt(sos, x).astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(y, 3000)[::300]

    def rfft():
        for first in range(0, len(windows), BATCH):
            scipy.fft.rfft(windows[first : first + BATCH], axis=1)

    plain = {
        "obspy.read": partial(obspy.read, path),
        "sosfilt": partial(sosfilt, sos, x),
        "rfft": rfft,
    }
    return plain, y


def _loop(x, plan) -> dict:
    """Time the window-by-window loop on some windows spread over the day."""
    import numpy as np
    from loop import FEATURES, one_window, remember

    settings = plan.settings
    names = [one.name for one in plan.features if one.name in FEATURES]
    memory = remember(x.astype(np.float64), 100.0, settings)
    n_blocks = len(x) // 300 - settings.grid.n_hops
    chosen = np.linspace(1600, n_blocks, LOOP_WINDOWS).astype(int).tolist()

    def loop():
        for block in chosen:
            one_window(x, block, 100.0, settings, memory, names)

    [seconds] = least(loop)
    return {"loop_window": seconds / LOOP_WINDOWS, "loop_lacks": len(plan.features) - len(names)}


def whole_day(folder: Path) -> dict:
    """Time the extraction of what is in a folder, from finding the files on."""
    from seisml.archive import open_archive
    from seisml.extract import extract

    plan = plan_of_benchmark()

    def run():
        with tempfile.TemporaryDirectory() as store:
            outcomes = extract(open_archive(folder, index=False), store, plan)
        assert outcomes
        assert not any(outcome.error for outcome in outcomes), outcomes

    [seconds] = least(run)
    return {"seconds": seconds, "peak_mb": peak_mb()}


def days(folder: Path, n_days: str) -> dict:
    """Time the extraction of the first days of an archive once, and its memory."""
    from seisml.archive import open_archive
    from seisml.extract import extract

    imported_mb, plan = peak_mb(), plan_of_benchmark()
    paths = sorted(p for p in folder.glob("*.mseed") if int(p.name.split(".")[1]) <= int(n_days))
    with tempfile.TemporaryDirectory() as store:
        start = clock()
        outcomes = extract(open_archive(paths, index=False), store, plan)
        seconds = clock() - start
    assert len(outcomes) == int(n_days)
    assert not any(outcome.error for outcome in outcomes), outcomes
    return {"seconds": seconds, "peak_mb": peak_mb(), "imported_mb": imported_mb}


def processes(folder: Path) -> dict:
    """Time one and two processes on the same days, and what the machine itself gives."""
    from seisml.archive import open_archive
    from seisml.extract import extract

    plan = plan_of_benchmark()
    archive = open_archive(folder, index=False)

    def run(jobs: int):
        with tempfile.TemporaryDirectory() as store:
            outcomes = extract(archive, store, plan, jobs=jobs)
        assert not any(outcome.error for outcome in outcomes), outcomes

    one, two = (_in_parallel(partial(run, jobs), jobs) for jobs in (1, 2))
    return {"one": one, "two": two, "machine": _machine()}


def _in_parallel(function, jobs: int) -> float:
    """Return the time of a run in some processes, s: the least of two.

    By processor time it is what all of them have used, divided by their number: as on a machine
    that is idle otherwise.
    """
    times = []
    for _ in range(2):
        start = spent() if CPU else time.perf_counter()
        function()
        times.append(((spent() if CPU else time.perf_counter()) - start) / (jobs if CPU else 1))
    return min(times)


def _machine() -> float:
    """Return what two processes gain that share nothing and stay in their caches."""
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    n, alone, together = 2000, [], []
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        list(pool.map(transforms, [n, n]))  # both have started
        for _ in range(3):
            alone += pool.map(transforms, [n])
            together.append(max(pool.map(transforms, [n, n])))
    return 2 * min(alone) / min(together)


def transforms(n: int) -> float:
    """Transform n batches of windows of noise; return the time it took, s."""
    import numpy as np
    import scipy.fft

    x = np.random.default_rng(0).standard_normal((BATCH, 3000)).astype(np.float32)
    start = clock()
    for _ in range(n):
        scipy.fft.rfft(x, axis=1)
    return clock() - start


def detections(folder: Path) -> dict:
    """Time a day of three components from the files to detections; train before."""
    from seisml.archive import open_archive
    from seisml.detect import detect
    from seisml.extract import extract
    from seisml.store import iter_tables

    plan, made = plan_of_benchmark(), folder.parent / "made"
    archive = open_archive(folder, index=False)
    extract(archive, made, plan)
    detector = _detector(next(iter_tables(made)))
    found = []

    def run():
        with tempfile.TemporaryDirectory() as store:
            archive = open_archive(folder, index=False)
            extract(archive, store, plan)
            found.append(len(detect(iter_tables(store), detector, archive=archive).events))

    def only_detect():
        detect(iter_tables(made), detector, archive=archive)

    seconds, detect_s = least(run, only_detect)
    return {"seconds": seconds, "detect": detect_s, "n_events": found[-1]}


def _detector(table):
    """Return histogram boosting that has learned the largest ratios of a table."""
    import numpy as np

    from seisml.config import Config
    from seisml.model import Detector, fit_classifier

    frame = table.frame
    ratio = np.nan_to_num(frame["stalta_mid_max.Z"].to_numpy())
    y = np.where(ratio >= np.quantile(ratio, 0.99), "event", "noise")
    return Detector(
        estimator=fit_classifier("hist_gradient_boosting", frame.to_numpy(np.float32), y),
        columns=tuple(frame.columns),
        grid=table.grid,
        fingerprint=table.fingerprint,
        plan=table.settings,
        on=0.5,
        off=0.25,
        detection=dataclasses.asdict(Config().detection),
        card={"body": "earth"},
    )


def phasenet(folder: Path) -> dict:
    """Time SeisBench's PhaseNet (random weights) on the same day, one thread."""
    import obspy

    try:
        import seisbench.models as sbm
        import torch
    except ImportError:
        return {}
    torch.set_num_threads(1)
    model = sbm.PhaseNet()
    model.eval()
    stream = obspy.read(folder / "*.mseed")
    [seconds] = least(lambda: model.annotate(stream), rounds=1)
    return {"seconds": seconds}


STAGES = (channel_day, overlap, whole_day, days, processes, detections, phasenet)

if __name__ == "__main__":
    stage = {function.__name__: function for function in STAGES}[sys.argv[1]]
    found = stage(Path(sys.argv[2]), *sys.argv[3:])
    sys.stdout.write(json.dumps(found) + "\n")
