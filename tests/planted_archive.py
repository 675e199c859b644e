"""A small archive with planted events of three classes: VT, LP and tremor, at two stations."""

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

import numpy as np
import obspy
import pandas as pd

RATE_HZ = 50.0
START_NS = 1_600_000_000 * 10**9
STATIONS = ("XX.A", "XX.B")
LENGTH_S = {"VT": 5.0, "LP": 14.0, "TR": 25.0}


def wave(label: str, rng: np.random.Generator) -> np.ndarray:
    """Return one event: a decaying burst at 10 Hz, one at 1.5 Hz, or long noise about 3 Hz."""
    t = np.arange(round(LENGTH_S[label] * RATE_HZ)) / RATE_HZ
    if label == "VT":
        return np.exp(-t / 1.5) * np.sin(2 * np.pi * rng.uniform(8, 12) * t + rng.uniform(0, 6))
    if label == "LP":
        shape = np.minimum(t / 2, 1) * np.exp(-t / 5)
        return shape * np.sin(2 * np.pi * rng.uniform(1.2, 1.8) * t + rng.uniform(0, 6))
    tone = sum(np.sin(2 * np.pi * f * t + rng.uniform(0, 6)) for f in rng.uniform(2.5, 3.5, 12))
    return np.minimum(t / 4, 1) * np.minimum((t[-1] - t) / 4, 1) * tone / 4


@functools.cache
def planted_archive(
    n_each: int = 10, seed: int = 0, quiet_s: float = 90.0
) -> tuple[Path, pd.DataFrame]:
    """Return a folder of miniSEED and its events at stations: the same for all tests of a run."""
    folder = Path(tempfile.mkdtemp(prefix="planted"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(list(LENGTH_S), n_each))
    starts_s = 150.0 + 60.0 * np.arange(len(labels)) + rng.uniform(0, 20, len(labels))
    n = round((starts_s[-1] + quiet_s) * RATE_HZ)
    rows = []
    waves = [wave(label, rng) * rng.uniform(15, 40) for label in labels]
    for k, station in enumerate(STATIONS):
        x = rng.standard_normal(n)
        for number, (label, start_s) in enumerate(zip(labels, starts_s, strict=True)):
            first = round((start_s + 0.4 * k) * RATE_HZ)
            x[first : first + len(waves[number])] += waves[number] / (1 + k)
            start_ns = START_NS + round(first / RATE_HZ * 1e9)
            end_ns = start_ns + round(LENGTH_S[label] * 1e9)
            event = f"e{number:03d}"
            where = {"event_id": f"{event}@{station}", "event": event, "station": station}
            rows.append({**where, "time_ns": start_ns, "end_ns": end_ns, "label": label})
        network, name = station.split(".")
        header = {"network": network, "station": name, "channel": "HHZ", "sampling_rate": RATE_HZ}
        header["starttime"] = obspy.UTCDateTime(ns=START_NS)
        data = np.round(100 * x).astype(np.int32)
        obspy.Stream([obspy.Trace(data, header)]).write(folder / f"{name}.mseed", format="MSEED")
    return folder, pd.DataFrame(rows)
