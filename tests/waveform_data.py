"""Small waveform files and records for the tests of archive, segments, store and extraction."""

from collections import Counter
from pathlib import Path

import numpy as np
import obspy

from seisml import archive as archives
from seisml.segments import segments
from seisml.times import NS_PER_S, to_ns

DAY0 = to_ns("2021-03-04T00:00:00Z")
RATE_HZ = 20.0
CODE = "XX.ABC.00.HHZ"
STATION = "XX.ABC.00.HH"


def noise(n: int, seed: int = 0) -> np.ndarray:
    """Return int32 samples of which no two neighbours are equal."""
    steps = np.random.default_rng(seed).integers(1, 50, n)
    return (np.cumsum(steps) % 4001 - 2000).astype(np.int32)


def trace(data, start_ns: int = DAY0, rate_hz: float = RATE_HZ, code: str = CODE) -> obspy.Trace:
    """Return an ObsPy trace."""
    names = dict(zip(("network", "station", "location", "channel"), code.split("."), strict=True))
    start = obspy.UTCDateTime(ns=int(start_ns))
    return obspy.Trace(np.asanyarray(data), {**names, "sampling_rate": rate_hz, "starttime": start})


def write(path, *traces: obspy.Trace, **options) -> Path:
    """Write traces as one file, miniSEED unless told otherwise; return its path."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {"format": "MSEED", **options}
    if options["format"] == "MSEED":
        options = {"reclen": 512, **options}
    obspy.Stream(traces).write(str(path), **options)
    return path


def at(seconds: float) -> int:
    """Return the instant so many seconds after `DAY0`."""
    return DAY0 + round(seconds * NS_PER_S)


def stretches(found) -> list[tuple[str, int, float, np.ndarray]]:
    """Put segments together where they continue: (channel, start_ns, rate, samples)."""
    out: dict[str, list] = {}
    for part in found:
        mine = out.setdefault(part.channels[0], [])
        if part.continues:
            mine[-1][3].append(part.data[0])
        else:
            mine.append([part.channels[0], part.start_ns, part.sampling_rate_hz, [part.data[0]]])
    return [(c, t, r, np.concatenate(d)) for mine in out.values() for c, t, r, d in mine]


def read_stretches(root, start_ns: int, end_ns: int, chunk_s: float, station: str = STATION):
    """Read part of an archive chunk by chunk; return (stretches, counts)."""
    archive = root if isinstance(root, archives.Archive) else archives.open_archive(root)
    counts: Counter = Counter()
    chunks = archives.chunks(archive, station, start_ns, end_ns, chunk_s=chunk_s, counts=counts)
    return stretches(segments(chunks, station=station, counts=counts)), counts


def assert_same_stretches(a, b) -> None:
    """Assert that two lists of stretches are the same to the last bit."""
    assert [row[:3] for row in a] == [row[:3] for row in b]
    for (*_, x), (*_, y) in zip(a, b, strict=True):
        np.testing.assert_array_equal(x, y)
