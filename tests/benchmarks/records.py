"""Records that the benchmarks run on: a real day where it is there, else a generated one."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import obspy

RATE_HZ = 100.0
STATION = "SY.BENCH.00.HH"
DAY = "2010-09-01"
DAY_S = 86_400
PITON = Path("data/earth_piton/sds/2010/YA")
SHARED = Path(__file__).parents[2].parent / "shared"


def day_of_samples(seed: int = 0, rate_hz: float = RATE_HZ) -> np.ndarray:
    """Return a day of red noise with an offset and 40 decaying signals, int32."""
    rng = np.random.default_rng(seed)
    n = round(DAY_S * rate_hz)
    white = rng.standard_normal(n).astype(np.float32)
    x = white + 3 * np.convolve(white, np.ones(50, np.float32) / 50, "same")
    length = round(20 * rate_hz)
    t = np.arange(length) / rate_hz
    for first in rng.integers(0, n - length, 40):
        x[first : first + length] += 40 * np.exp(-t / 4) * np.sin(2 * np.pi * 6 * t)
    return np.round(50 * x + 1234).astype(np.int32)


def three_days_of_samples() -> dict[str, np.ndarray]:
    """Return a day of samples of HHZ, HHN and HHE: real ones of Piton where they are there."""
    files = sorted((SHARED / PITON).glob("*/HHZ.D/*"))
    if len(files) < 2:
        return {f"HH{c}": day_of_samples(seed) for seed, c in enumerate("ZNE")}
    z, n = (_whole_day(obspy.read(path)[0].data) for path in files[:2])
    return {"HHZ": z, "HHN": n, "HHE": z[::-1].copy()}  # the third: the first backwards in time


def _whole_day(x: np.ndarray) -> np.ndarray:
    """Return a day of samples; what is missing at its end is taken from its beginning."""
    return np.resize(x, round(DAY_S * RATE_HZ)).astype(np.int32)


def real_day() -> Path | None:
    """Return the file of the real day, None where the shared records are absent."""
    return next(iter(sorted((SHARED / PITON).glob("*/HHZ.D/*"))), None)


def traces_of(x: np.ndarray, channel: str, rate_hz: float = RATE_HZ, *, parts=None) -> list:
    """Return the parts (first sample, number of samples, rate) of a record as traces."""
    network, station, location, _ = STATION.split(".")
    header = {"network": network, "station": station, "location": location, "channel": channel}
    start = obspy.UTCDateTime(DAY)
    traces = []
    for first, n, part_hz in parts if parts is not None else [(0, len(x), rate_hz)]:
        step = round(rate_hz / part_hz)
        here = {**header, "sampling_rate": part_hz, "starttime": start + first / rate_hz}
        traces.append(obspy.Trace(x[first : first + n * step : step].copy(), here))
    return traces


def write(traces, path: Path, *, record_bytes: int = 4096) -> Path:
    """Write traces as one miniSEED file (STEIM-2)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stream = obspy.Stream(traces)
    stream.write(str(path), format="MSEED", encoding="STEIM2", reclen=record_bytes)
    return path


def write_days(
    folder: Path, samples: dict[str, np.ndarray], n_days: int, *, rate_hz: float = RATE_HZ
) -> Path:
    """Write the same day of some channels again and again, as a record without breaks."""
    for channel, x in samples.items():
        first = write(traces_of(x, channel, rate_hz), folder / f"{channel}.001.mseed")
        content = np.frombuffer(first.read_bytes(), np.uint8).reshape(-1, 4096)
        for number in range(1, n_days):
            later = content.copy()
            day = obspy.UTCDateTime(DAY).julday + number
            later[:, 22:24] = np.array([day], ">u2").view(np.uint8)  # day of the year of BTIME
            (folder / f"{channel}.{number + 1:03d}.mseed").write_bytes(later.tobytes())
    return folder


def hard_days(rate_hz: float) -> dict[str, list[tuple[int, int, float]]]:
    """Return the parts of the days that are hard to read, by their names."""
    n = round(DAY_S * rate_hz)
    pieces = np.linspace(0, n, 10_001).astype(int)
    gaps = np.linspace(0, n, 5_001).astype(int)
    hole = round(2 * rate_hz)
    # Every other minute of the day is recorded at half the rate.
    minutes = np.arange(0, n, round(60 * rate_hz))
    rates = [rate_hz if i % 2 == 0 else rate_hz / 2 for i in range(len(minutes))]
    return {
        "clean": [(0, n, rate_hz)],
        "10,000 pieces": [(int(a), int(b - a - 1), rate_hz) for a, b in pairwise(pieces)],
        "5,000 gaps": [(int(a), int(b - a - hole), rate_hz) for a, b in pairwise(gaps)],
        "mixed rates": [(int(a), round(60 * hz), hz) for a, hz in zip(minutes, rates, strict=True)],
    }


def write_hard_day(folder: Path, name: str, x: np.ndarray, rate_hz: float) -> Path:
    """Write a hard day of one channel in records of 512 bytes."""
    parts = hard_days(rate_hz)[name]
    traces = traces_of(x, "HHZ", rate_hz, parts=parts)
    return write(traces, folder / "hard.mseed", record_bytes=512).parent
