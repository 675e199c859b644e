"""Speed and memory of seisml as ratios of one run: ``python tests/benchmarks`` (a few minutes).

Prints the tables of the README. Everything runs in processes of their own with one thread each;
times are the least of several rounds, and ratios compare times of the same process.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import records

HERE = Path(__file__).parent
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
N_DAYS = 120
"""Days of a channel for two processes: what they need to start is six days' time, however many."""
STAGES = ("read", "join", "filter", "blocks", "combine", "write")


def run_stage(
    name: str, folder: Path, *arguments: str, python: str = sys.executable, numba: bool = False
) -> dict:
    """Measure one stage in a fresh process; with Numba if asked, though the others do without."""
    command = [python, HERE / "stages.py", name, folder, *arguments]
    environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": python_path()}
    if numba:
        environment["SEISML_NUMBA"] = "1"
    run = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(run.stdout.splitlines()[-1])


def python_path() -> str:
    """Return the path on which this seisml is found."""
    import seisml

    here = str(Path(seisml.__file__).parents[1])
    return os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH", "")]))


class Table:
    """A table in Markdown, row by row as it is measured."""

    def __init__(self, *head: str):
        self.width = len(head)
        self._write(head)
        self._write(["---"] * len(head))

    def add(self, what, value: float, text, wanted="", met="", *, most=None, least=None):
        """Write a figure; without `most` and `least` nothing is wanted of it."""
        good = (most is None or value <= most) and (least is None or value >= least)
        if most is not None or least is not None:
            met = "yes" if good else "**no**"
        self._write((what, text, wanted, met)[: self.width])

    def _write(self, row) -> None:
        sys.stdout.write(f"| {' | '.join(row)} |\n")
        sys.stdout.flush()


def one_day(folder: Path) -> Path:
    """Put the real day, or a generated one, into a folder."""
    real = records.real_day()
    folder.mkdir()
    if real is None:
        records.write(records.traces_of(records.day_of_samples(), "HHZ"), folder / "day.mseed")
    else:
        (folder / "day.mseed").symlink_to(real)
    return folder


def channel_day(folder: Path, table: Table) -> list[dict]:
    """Compare a channel-day with its bounds and the loop; return its times, last with Numba."""
    t = run_stage("channel_day", folder)
    features, whole = t["blocks"] + t["combine"], t["extract"] + t["write"]
    plain = t["obspy.read"] + t["sosfilt"] + t["rfft"]
    loop = t["loop_window"] * t["n_windows"]
    what = "features of a channel-day / batched `rfft` of its windows"
    runs = [("", t)]
    if find_spec("numba") and os.environ["SEISML_NUMBA"] == "0":
        runs.append((", with Numba", run_stage("channel_day", folder, numba=True)))
    for suffix, one in runs:
        seconds = one["blocks"] + one["combine"]
        text = f"{seconds / one['rfft']:.2f} ({seconds:.2f} s / {one['rfft']:.2f} s)"
        table.add(what + suffix, seconds / one["rfft"], text, "<= 1.0", most=1.0)
    table.add(
        "extraction of a channel-day / (`obspy.read` + `sosfilt` + that `rfft`)",
        whole / plain,
        f"{whole / plain:.2f} ({whole:.2f} s / {plain:.2f} s)",
        "<= 2.0",
        most=2.0,
    )
    lacks = f", without {t['loop_lacks']} features" if t["loop_lacks"] else ""
    table.add(
        "the features window by window in NumPy / seisml",
        loop / features,
        f"{loop / features:.0f} ({1e3 * t['loop_window']:.1f} ms a window{lacks})",
        ">= 100",
        least=100,
    )
    return [one for _, one in runs]


def overlap(folder: Path, table: Table) -> None:
    """Compare windows that overlap more, and windows of several lengths, with those of 30 s."""
    t = run_stage("overlap", folder)
    for name, what in (("long", "windows of 300 s"), ("three", "windows of 9, 30 and 120 s")):
        text = f"{t[name] / t['one']:.2f} ({t[name]:.2f} s / {t['one']:.2f} s)"
        table.add(f"features of {what} / of 30 s, every 3 s", t[name] / t["one"], text)


def profile(runs: list[dict]) -> None:
    """Write where the time of a channel-day goes, last with Numba."""
    first = runs[0]
    head = ("stage of a channel-day", "time", "share", "with Numba")[: 2 + len(runs)]
    table, totals = Table(*head), [sum(t[name] for name in STAGES) for t in runs]
    for name in STAGES:
        numba = f"{runs[-1][name]:.3f} s"
        share = f"{100 * first[name] / totals[0]:.0f} %"
        table.add(name, first[name], f"{first[name]:.3f} s", share, numba)
    values = f"{first['n_windows']} x {first['n_columns']} values"
    table.add("all", totals[0], f"{totals[0]:.3f} s", values, f"{totals[-1]:.3f} s")


def many_days(folder: Path, table: Table) -> None:
    """Compare the cost of four days with that of one."""
    records.write_days(folder, {"HHZ": records.three_days_of_samples()["HHZ"]}, 4)
    one, four = ([run_stage("days", folder, n) for _ in range(3)] for n in ("1", "4"))
    one_s, four_s = (min(t["seconds"] for t in runs) for runs in (one, four))
    text = f"{four_s / one_s:.2f} ({four_s:.2f} s / {one_s:.2f} s)"
    table.add("4 days / 1 day of a channel", four_s / one_s, text, "<= 4.2", most=4.2)


def processes(folder: Path, table: Table) -> None:
    """Compare two processes with one, and with what two that share nothing gain."""
    records.write_days(folder, {"HHZ": records.three_days_of_samples()["HHZ"]}, N_DAYS)
    t = run_stage("processes", folder)
    gain, machine = t["one"] / t["two"], t["machine"]
    text = f"{gain:.2f} ({t['one']:.1f} s / {t['two']:.1f} s with the start of the processes)"
    what = f"one process / two, {N_DAYS} days of a channel"
    table.add(what, gain, text, ">= 1.8", least=1.8)
    text = f"{machine:.2f}: seisml has {100 * gain / machine:.0f} % of it"
    table.add("the same of `rfft` in two processes that run already", machine, text)


def memory(folder: Path, table: Table, n_most: int) -> None:
    """Compare the peak memory of many days of three components with that of two."""
    records.write_days(folder, records.three_days_of_samples(), n_most)
    two, most = (run_stage("days", folder, str(n)) for n in (2, n_most))
    peak, ratio = most["peak_mb"], most["peak_mb"] / two["peak_mb"]
    text = f"{peak:.0f} MB (imports {most['imported_mb']:.0f} MB)"
    table.add(f"peak memory, {n_most} days of 3 components", peak, text, "<= 400 MB", most=400)
    text = f"{ratio:.2f}"
    table.add(f"peak memory of {n_most} days / of 2 days", ratio, text, "<= 1.1", most=1.1)


def detections(folder: Path, table: Table, seisbench: str) -> None:
    """Time a day of three components from miniSEED to detections, beside PhaseNet."""
    records.write_days(folder, records.three_days_of_samples(), 1)
    t = run_stage("detections", folder)
    text = f"{t['seconds']:.2f} s ({t['detect']:.2f} s of it to detect {t['n_events']})"
    table.add(
        "a day of 3 components, miniSEED to detections", t["seconds"], text, "<= 1.5 s", most=1.5
    )
    other = run_stage("phasenet", folder, python=seisbench)
    if other:
        text = f"{other['seconds']:.1f} s, {other['seconds'] / t['seconds']:.1f} x as long"
        table.add("the same day, PhaseNet `annotate` (SeisBench)", other["seconds"], text)


def hard_days(folder: Path, table: Table) -> None:
    """Compare days of many pieces, gaps and rates with a clean one."""
    for rate_hz in (100.0, 20.0):
        x, clean_s = records.day_of_samples(rate_hz=rate_hz), 0.0
        for name in records.hard_days(rate_hz):
            here = folder / f"{rate_hz:g}_{name.replace(',', '').replace(' ', '_')}"
            records.write_hard_day(here, name, x, rate_hz)
            t = run_stage("whole_day", here)
            clean_s = clean_s or t["seconds"]
            if name != "clean":
                ratio = t["seconds"] / clean_s
                text = (
                    f"{ratio:.2f} ({t['seconds']:.2f} s / {clean_s:.2f} s, {t['peak_mb']:.0f} MB)"
                )
                table.add(f"{name} / a clean day, {rate_hz:g} Hz", ratio, text, "<= 2.0", most=2.0)


def starts(table: Table) -> None:
    """Time how long it takes to start."""
    for module, most in (("seisml", 0.5), ("seisml.extract", None)):
        code = f"""if True:
            import os, time
            start = sum(os.times()[:2]), time.perf_counter()
            import {module}
            print(sum(os.times()[:2]) - start[0], time.perf_counter() - start[1])"""
        runs = [_run([sys.executable, "-c", code])[0].split() for _ in range(7)]
        at = 0 if os.environ["BENCHMARK_CLOCK"] == "cpu" else 1
        seconds = min(float(run[at]) for run in runs)
        wanted = f"<= {most} s" if most else ""
        table.add(f"`import {module}`", seconds, f"{seconds:.2f} s", wanted, most=most)
    seconds = min(_run([sys.executable, "-m", "seisml.cli", "--help"])[1] for _ in range(7))
    table.add("`seisml --help`", seconds, f"{seconds:.2f} s", "<= 0.4 s", most=0.4)


def _run(command) -> tuple[str, float]:
    """Run a command; return its output and the time it took."""
    environment = {**os.environ, "PYTHONPATH": python_path()}
    start, before = time.perf_counter(), sum(os.times()[2:4])
    run = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    wall, cpu = time.perf_counter() - start, sum(os.times()[2:4]) - before
    return run.stdout, cpu if os.environ["BENCHMARK_CLOCK"] == "cpu" else wall


def machine() -> str:
    """Return what the figures were measured on."""
    names = ("numpy", "scipy", "obspy", "h5py")
    packages = ", ".join(f"{name} {version(name)}" for name in names)
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = lines[0].split(":")[1].strip() if lines else cpu
    return f"{cpu}, {os.cpu_count()} cores, Python {platform.python_version()}, {packages}"


GROUPS = ("channel", "overlap", "starts", "days", "processes", "memory", "detections", "hard")


def main() -> None:
    """Measure what was asked for and print it."""
    parser = argparse.ArgumentParser(prog="python tests/benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=GROUPS, metavar="GROUP")
    parser.add_argument("--long", action="store_true", help="30 days for the memory, not 6")
    parser.add_argument("--cpu", action="store_true", help="processor time: for a busy machine")
    parser.add_argument("--numba", action="store_true", help="all figures with compiled loops")
    parser.add_argument(
        "--seisbench", default=sys.executable, metavar="PYTHON", help="interpreter that has it"
    )
    chosen = parser.parse_args()
    os.environ["SEISML_NUMBA"] = "1" if chosen.numba else "0"
    os.environ["BENCHMARK_CLOCK"] = "cpu" if chosen.cpu else "wall"
    sys.stdout.write(f"{machine()}\n\n")
    table, times = Table("figure", "measured", "wanted", "met"), None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        measures = {
            "channel": lambda: channel_day(one_day(folder / "channel"), table),
            "overlap": lambda: overlap(one_day(folder / "overlap"), table),
            "starts": lambda: starts(table),
            "days": lambda: many_days(folder / "days", table),
            "processes": lambda: processes(folder / "processes", table),
            "memory": lambda: memory(folder / "memory", table, 30 if chosen.long else 6),
            "detections": lambda: detections(folder / "detections", table, chosen.seisbench),
            "hard": lambda: hard_days(folder / "hard", table),
        }
        for group in GROUPS:
            if group in chosen.only:
                start = time.perf_counter()
                times = measures[group]() or times
                sys.stderr.write(f"{group}: {time.perf_counter() - start:.0f} s\n")
    if times:
        sys.stdout.write("\n")
        profile(times)


if __name__ == "__main__":
    main()
