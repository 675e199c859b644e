"""Short records of all kinds with known truth: what a detector is pretrained on.

A continuous archive looks alike all through. The records that a detector will meet do not: an hour
without a past, one component or three, slower rates, tapered ends, another wind. Each record is
drawn for itself, on days of its own, so that no memory of one reaches into the next.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import obspy
import pandas as pd
from scipy import signal

from seisml.synthetics.archive import in_order
from seisml.synthetics.noise import Draw, generator
from seisml.times import DAY_NS, NS_PER_S

STEP_S = 20.0
"""Step of the levels that say when a signal stands out of the noise, s."""
VISIBLE = 0.8
"""Level of the signal over that of the noise from which on it counts as visible."""
SPACING_DAYS = 2


@dataclasses.dataclass(frozen=True)
class Shape:
    """What is written of a record.

    Attributes
    ----------
    start_ns, length_s : int and float
    rate_hz : float
        Rate of the written samples.
    channels : tuple of int
        Numbers of the components that are written.
    taper_s : float
        Length of the tapered ends; 0 leaves the record as it is.
    demean : bool
    factor : float
        Of all samples: what unit they are in must not matter.
    """

    start_ns: int
    length_s: float
    rate_hz: float
    channels: tuple[int, ...]
    taper_s: float
    demean: bool
    factor: float


@dataclasses.dataclass(frozen=True)
class Sighting:
    """An event in a record: when it is there, and when it stands out of the noise.

    Attributes
    ----------
    label : str
    onset_ns, start_ns, end_ns, last_ns : int
        Its first arrival, its visible part, and the end of all of it; start and end are equal
        where it is never visible.
    snr : float
        Largest level of the signal over that of the noise.
    station : str
        NET.STA where a record is of several stations; "" where there is one.
    """

    label: str
    onset_ns: int
    start_ns: int
    end_ns: int
    last_ns: int
    snr: float
    station: str = ""


def record_start(n: int, first_day_ns: int, rng: np.random.Generator) -> int:
    """Return when record `n` begins: anywhere in a day of its own, off the full second."""
    offset_ns = int(rng.integers(0, DAY_NS, dtype=np.int64)) // 1_000_000 * 1_000_000
    return first_day_ns + n * SPACING_DAYS * DAY_NS + offset_ns


def draw_shape(
    rng: np.random.Generator,
    start_ns: int,
    *,
    lengths_s: Sequence[tuple[float, float, float]],
    rates_hz: Sequence[tuple[float, float]],
    channels: Sequence[tuple[float, tuple[int, ...]]],
) -> Shape:
    """Draw what is written of a record.

    Parameters
    ----------
    rng : numpy.random.Generator
    start_ns : int
    lengths_s : sequence of (share, shortest, longest)
    rates_hz : sequence of (share, rate)
    channels : sequence of (share, numbers)
    """
    share = np.array([row[0] for row in lengths_s])
    _, low, high = lengths_s[rng.choice(len(lengths_s), p=share / share.sum())]
    length_s = float(np.round(rng.uniform(low, high)))
    share = np.array([row[0] for row in rates_hz])
    rate_hz = rates_hz[rng.choice(len(rates_hz), p=share / share.sum())][1]
    share = np.array([row[0] for row in channels])
    chosen = channels[rng.choice(len(channels), p=share / share.sum())][1]
    taper_s = float(rng.uniform(5.0, 0.03 * length_s)) if rng.random() < 0.5 else 0.0
    factor = 10.0 ** rng.uniform(-1.0, 1.0)
    demean = taper_s > 0.0 or rng.random() < 0.3
    return Shape(start_ns, length_s, rate_hz, chosen, taper_s, demean, factor)


def band_levels(wave: np.ndarray, band_hz: tuple[float, float], rate_hz: float) -> np.ndarray:
    """Return the RMS of the components in a band, every `STEP_S`.

    Parameters
    ----------
    wave : numpy.ndarray, shape (n_components, n_samples)
    band_hz : (float, float), Hz
    rate_hz : float

    Returns
    -------
    numpy.ndarray of float64, shape (n_steps,)
    """
    sos = signal.butter(2, band_hz, "bandpass", fs=rate_hz, output="sos")
    step = int(STEP_S * rate_hz)
    n = wave.shape[1] // step
    x = signal.sosfilt(sos, wave[:, : n * step])
    return np.sqrt((x**2).reshape(len(wave), n, step).mean(axis=(0, 2)))


def sighting(
    label: str, level: np.ndarray, noise: np.ndarray, onset_s: float, last_s: float, start_ns: int
) -> Sighting:
    """Say when an event stands out of the noise.

    Parameters
    ----------
    label : str
    level, noise : numpy.ndarray, shape (n_steps,)
        From `band_levels`, of the event alone and of the record without it.
    onset_s, last_s : float
        Of the event, from the beginning of the record, s.
    start_ns : int
        Of the record.
    """
    around = slice(max(0, int(onset_s / STEP_S) - 60), int(last_s / STEP_S) + 60)
    usual = np.median(noise[around])
    ratio = level / np.maximum(noise, 0.7 * usual)
    smooth = np.convolve(ratio, np.ones(3) / 3.0, "same")
    seen = np.flatnonzero(smooth >= VISIBLE)
    onset_ns, last_ns = (start_ns + round(t * NS_PER_S) for t in (onset_s, last_s))
    if not len(seen):
        return Sighting(label, onset_ns, onset_ns, onset_ns, last_ns, float(smooth.max()))
    begin_ns = start_ns + round(seen[0] * STEP_S * NS_PER_S)
    end_ns = start_ns + round((seen[-1] + 1) * STEP_S * NS_PER_S)
    begin_ns = max(onset_ns, begin_ns)
    return Sighting(label, onset_ns, begin_ns, max(end_ns, begin_ns), last_ns, float(smooth.max()))


def write_record(
    path: Path, code: str, names: Sequence[str], wave: np.ndarray, shape: Shape, rate_hz: float
) -> None:
    """Write the chosen components of a record as one miniSEED file of counts.

    Parameters
    ----------
    path : pathlib.Path
    code : str
        NET.STA.LOC.
    names : sequence of str
        Channel codes.
    wave : numpy.ndarray, shape (n_components, n_samples)
        Counts at `rate_hz`.
    shape : Shape
    rate_hz : float
        A multiple of the rate of the shape.
    """
    network, station, location = code.split(".")
    header = {"network": network, "station": station, "location": location}
    header |= {"sampling_rate": shape.rate_hz, "starttime": obspy.UTCDateTime(ns=shape.start_ns)}
    stream = obspy.Stream()
    for c in shape.channels:
        data = resampled(wave[c], rate_hz, shape.rate_hz) * shape.factor
        data = data - data.mean() if shape.demean else data
        n = int(shape.taper_s * shape.rate_hz)
        if n:
            ramp = 0.5 - 0.5 * np.cos(np.pi * np.arange(n) / n)
            data[:n] *= ramp
            data[-n:] *= ramp[::-1]
        stream += obspy.Trace(data.astype(np.float32), {**header, "channel": names[c]})
    path.parent.mkdir(parents=True, exist_ok=True)
    stream.write(str(path), format="MSEED", encoding="FLOAT32")


def resampled(x: np.ndarray, rate_hz: float, wanted_hz: float) -> np.ndarray:
    """Return a record at a rate that divides its own, behind a linear-phase filter."""
    factor = round(rate_hz / wanted_hz)
    if factor == 1:
        return x.copy()
    return signal.resample_poly(x, 1, factor, window=("kaiser", 8.0))


def sighting_table(rows: Sequence[Sighting]) -> pd.DataFrame:
    """Return sightings as a table, one row an event."""
    columns = [field.name for field in dataclasses.fields(Sighting)]
    return pd.DataFrame([dataclasses.astuple(row) for row in rows], columns=columns)


def make_records(
    folder,
    *,
    make: Callable,
    seed: int,
    n_records: int,
    start_ns: int,
    jobs: int = 1,
    on_progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Write records, each from a generator of its own, and return what is in them.

    Parameters
    ----------
    folder : path-like
    make : callable
        ``make(folder, n, start_ns, rng)`` writes record `n` and returns its sightings; importable.
    seed : int
    n_records : int
    start_ns : int
        Midnight before the first record.
    jobs : int
        Processes; the records do not depend on it.
    on_progress : callable, optional
        Called as ``on_progress(done, total)``.

    Returns
    -------
    pandas.DataFrame
        One row an event, see `Sighting`; ``record`` is the number of its record.
    """
    tell = on_progress or (lambda done, total: None)
    one = functools.partial(_one_record, Path(folder), make, seed, start_ns)
    tables = []
    for table in in_order(one, range(n_records), jobs=jobs):
        tables.append(table)
        tell(len(tables), n_records)
    return pd.concat(tables, ignore_index=True)


def _one_record(folder: Path, make: Callable, seed: int, start_ns: int, n: int) -> pd.DataFrame:
    rng = generator(seed, Draw.RECORD, n)
    return sighting_table(make(folder, n, record_start(n, start_ns, rng), rng)).assign(record=n)
