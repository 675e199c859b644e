"""Onsets: where in the waveform an event begins, and how sure that is."""

import dataclasses
from collections.abc import Iterable, Iterator

import numpy as np

from seisml import archive as archives
from seisml.archive import Archive
from seisml.segments import FORGOTTEN, Band, Segment, causal_filter, segments
from seisml.times import NS_PER_S


@dataclasses.dataclass(frozen=True)
class Onset:
    """A refined onset: when, how sure, how strong, on which channel."""

    time_ns: int
    uncertainty_s: float
    snr_db: float
    channel: str


def refine_onset(
    archive: Archive, station: str, time_ns: int, *, band: Band, search_s: float
) -> Onset | None:
    """Refine an onset on the waveform within a search time around a first guess.

    The causal filter is started early enough that it does not matter where. The vertical is
    preferred; without one, the channel with the largest signal-to-noise ratio.

    Parameters
    ----------
    archive : Archive
    station : str
        "NET.STA.LOC.BI".
    time_ns : int
        First guess.
    band : Band
    search_s : float, s
        The onset is looked for from `search_s` before to `search_s` after the guess.

    Returns
    -------
    Onset or None
        None where there are not enough samples.
    """
    search_ns = round(search_s * NS_PER_S)
    pad_ns = round(band.settle_s(FORGOTTEN) * NS_PER_S)
    start_ns, end_ns = time_ns - 2 * search_ns, time_ns + search_ns
    whole = (start_ns - pad_ns, end_ns)
    guard_ns = archives.guard(archive, station)
    span = whole[0] - guard_ns, whole[1] + guard_ns
    channels = archives.channels_of(archive, station)
    vertical = [channel for channel in channels if channel.endswith("Z")]
    for chosen in (vertical, [channel for channel in channels if channel not in vertical]):
        records = archives.records(archive, station, *span, channels=chosen) if chosen else []
        raw = segments([(*whole, records)], station=station)
        parts = causal_filter(_fast(raw, band), band)
        found = [_pick(part, start_ns, time_ns, search_s) for part in parts]
        found = [onset for onset in found if onset is not None]
        if found:
            return max(found, key=lambda onset: onset.snr_db)
    return None


def _fast(parts: Iterable[Segment], band: Band) -> Iterator[Segment]:
    return (part for part in parts if 0.4 * part.sampling_rate_hz > band.f_min_hz)


def _pick(part: Segment, start_ns: int, guess_ns: int, search_s: float) -> Onset | None:
    """Pick one segment: AIC between the start of the search and the largest sample after it."""
    rate_hz = part.sampling_rate_hz
    first = max(0, int(np.ceil((start_ns - part.start_ns) * rate_hz / NS_PER_S)))
    x = part.data[0, first:].astype(np.float64)
    guess = int((guess_ns - part.start_ns) * rate_hz / NS_PER_S) - first
    if len(x) < 40 or not 10 <= guess < len(x):
        return None
    begin = max(0, guess - (len(x) - guess))
    peak = begin + int(np.argmax(np.abs(x[begin:])))
    stop = min(len(x), peak + max(5, round(0.05 * (len(x) - begin))))
    # What lies before the search is noise to compare with, not a place for the onset.
    at, spread = aic_onset(x[:stop], first=guess - round(search_s * rate_hz))
    if at is None:
        return None
    before, after = x[:at], x[at:stop]
    noise = np.mean(before**2)
    snr_db = 10 * np.log10(np.mean(after**2) / noise) if noise > 0 else np.inf
    time_ns = part.start_ns + round((first + at) * NS_PER_S / rate_hz)
    return Onset(time_ns, max(spread, 1.0) / rate_hz, float(snr_db), part.channels[0])


def aic_onset(x: np.ndarray, *, first: int = 0) -> tuple[int | None, float]:
    """Find the sample that best divides a record into noise and signal.

    AIC(k) = k log var(x[:k]) + (n - k - 1) log var(x[k:]); its minimum is the onset. The spread
    is the standard deviation of k under the Akaike weights exp(-(AIC - min)/2).

    Parameters
    ----------
    x : numpy.ndarray, shape (n_samples,)
        Noise, then the first part of the signal up to its maximum.
    first : int
        The onset is not looked for before this sample.

    Returns
    -------
    at : int or None
        First sample of the signal; None where the record is too short or constant.
    spread : float
        In samples.

    References
    ----------
    Maeda 1985, doi:10.4294/zisin1948.38.3_365.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal(400)
    >>> x[300:] *= 20
    >>> abs(aic_onset(x)[0] - 300) <= 1
    True
    """
    n, guard = len(x), max(4, len(x) // 50)
    if n < 4 * guard:
        return None, np.nan
    x = x - x.mean()
    k = np.arange(max(guard, min(first, n - 2 * guard)), n - guard)
    left, right = np.cumsum(x), np.cumsum(x[::-1])[::-1]
    left2, right2 = np.cumsum(x * x), np.cumsum((x * x)[::-1])[::-1]
    var_left = left2[k - 1] / k - (left[k - 1] / k) ** 2
    var_right = right2[k] / (n - k) - (right[k] / (n - k)) ** 2
    good = (var_left > 0) & (var_right > 0)
    if not good.any():
        return None, np.nan
    aic = np.full(len(k), np.inf)
    aic[good] = k[good] * np.log(var_left[good]) + (n - k[good] - 1) * np.log(var_right[good])
    best = int(np.argmin(aic))
    weight = np.exp(-0.5 * (aic - aic[best]))
    weight /= weight.sum()
    spread = float(np.sqrt(np.sum(weight * (k - k[best]) ** 2)))
    return int(k[best]), spread
