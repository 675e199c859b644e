"""Measures of an event on its records: amplitude, signal-to-noise ratio, frequency."""

import dataclasses
from collections.abc import Iterable

import numpy as np
from scipy.signal import sosfilt, sosfilt_zi, welch

from seisml.picker import pick_bands
from seisml.segments import Band, Segment, snap_rate
from seisml.times import NS_PER_S


@dataclasses.dataclass(frozen=True)
class Measures:
    """What an event is like, in the band of the model, on one channel.

    Attributes
    ----------
    amplitude_peak, amplitude_rms : float
        Largest absolute value and root mean square from onset to end, in the unit of the samples.
    amplitude_unit : str
    snr_db : float
        Mean square from onset to end over that of the noise before, in the band where that is
        largest; NaN without noise before.
    dominant_hz : float, Hz
        Frequency of the largest power density.
    channel : str
        The one that was measured.
    """

    amplitude_peak: float = np.nan
    amplitude_rms: float = np.nan
    amplitude_unit: str = ""
    snr_db: float = np.nan
    dominant_hz: float = np.nan
    channel: str = ""


def measure(
    parts: Iterable[Segment],
    onset_ns: int,
    end_ns: int,
    *,
    band: Band,
    noise_s: float,
    channel: str = "",
) -> Measures:
    """Measure an event on the segments of a station.

    Parameters
    ----------
    parts : iterable of Segment
        Unfiltered, one channel each, from well before the onset (noise and time in which the
        filter settles) to the end.
    onset_ns, end_ns : int
    band : Band
    noise_s : float, s
        How long before the onset the noise is measured; the last tenth of it is left out, so that
        an onset picked late does not count as noise.
    channel : str
        Measured if it is there; else the vertical, else the first.

    Returns
    -------
    Measures
        Empty (NaN) where no channel holds samples between onset and end.

    Examples
    --------
    >>> t = np.arange(6000) / 100.0
    >>> x = np.where(t < 30, 1e-3, 5.0) * np.sin(2 * np.pi * 8 * t)
    >>> part = Segment("XX.A.00.HH", ("HHZ",), 0, 100.0, x[np.newaxis])
    >>> found = measure([part], 30 * 10**9, 50 * 10**9, band=Band(1, 40), noise_s=10.0)
    >>> round(found.amplitude_rms, 1), round(found.dominant_hz), round(found.snr_db)
    (3.5, 8, 74)
    """
    part = part_of(parts, onset_ns, band, channel)
    if part is None:
        return Measures()
    rate_hz = snap_rate(part.sampling_rate_hz)
    at, end = (round((t - part.start_ns) * rate_hz / NS_PER_S) for t in (onset_ns, end_ns))
    end = min(end, part.n_samples)
    if end - at < 8:
        return Measures()
    x = np.asarray(part.data[0], dtype=np.float64)
    y = filtered(x, band, rate_hz)
    signal = y[at:end]
    ratios = [
        _ratio(filtered(x, one, rate_hz), at, end, noise_s * rate_hz)
        for one in pick_bands(band, rate_hz)
    ]
    ratio = max((r for r in ratios if np.isfinite(r)), default=np.nan)
    return Measures(
        amplitude_peak=float(np.abs(signal).max()),
        amplitude_rms=float(np.sqrt(np.mean(signal**2))),
        amplitude_unit=part.units,
        snr_db=float(10 * np.log10(ratio)) if ratio > 0 else np.nan,
        dominant_hz=_dominant_hz(signal, rate_hz, band),
        channel=part.channels[0],
    )


def part_of(parts: Iterable[Segment], onset_ns: int, band: Band, channel: str) -> Segment | None:
    """Return the segment that holds an onset: of this channel, else the vertical, else the first.

    Those whose rate is too low for the band are left out.
    """
    there = [
        part
        for part in parts
        if part.start_ns <= onset_ns < part.end_ns and 0.4 * part.sampling_rate_hz > band.f_min_hz
    ]
    order = {"key": lambda p: (p.channels[0] != channel, p.channels[0][-1:] != "Z", p.channels)}
    return min(there, **order) if there else None


def filtered(x: np.ndarray, band: Band, rate_hz: float) -> np.ndarray:
    """Return samples behind the causal filter, as if the first had stood for ever."""
    sos = band.sections(rate_hz)
    return sosfilt(sos, x, zi=sosfilt_zi(sos) * x[0])[0]


def _ratio(y: np.ndarray, at: int, end: int, n_noise: float) -> float:
    """Return the power from onset to end over that before; NaN without noise before."""
    first, last = max(0, at - round(n_noise)), at - round(0.1 * n_noise)
    if last - first < 8:
        return np.nan
    noise = np.mean(y[first:last] ** 2)
    return float(np.mean(y[at:end] ** 2) / noise) if noise > 0 else np.nan


def _dominant_hz(signal: np.ndarray, rate_hz: float, band: Band) -> float:
    """Return the frequency of the largest density, resolved to half the lower corner."""
    n = min(len(signal), max(16, round(2 * rate_hz / band.f_min_hz)))
    hz, density = welch(signal, rate_hz, nperseg=n, nfft=max(n, 256))
    return float(hz[1:][np.argmax(density[1:])])
