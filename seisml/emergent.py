"""Onsets of emergent signals: where the level of a record begins to stay above its background.

A signal that swells out of the noise has no first sample. What can be said is from when on the
level is higher than before: the most likely place of a change of the mean in a series of levels,
the largest cumulated sum of what is above the background (Page 1954).
"""

from collections.abc import Sequence

import numpy as np
from scipy.signal import sosfilt

from seisml.filters import Band
from seisml.onset import Onset
from seisml.picker import pick_bands
from seisml.segments import Segment
from seisml.times import NS_PER_S

STEPS = 40
"""Levels in a window."""
BACKGROUND = 4
"""Windows before the rise that say what the background is."""
SHIFT = 1.5
"""Half of the smallest change that counts, in standard deviations of the background."""
CLEAR = 0.35
"""Half of the smallest change as a share of the height of the event: where noise rises a little
before a clear event, it is the event that counts."""
LARGEST = 4.0
"""A level that is higher does not count more: a spike is no swell."""
LEAST_DB = 1.0
"""Smallest standard deviation of a background, dB."""


def emergent_onset(
    parts: Sequence[Segment], rise_ns: tuple[int, int], *, band: Band, window_ns: int
) -> Onset | None:
    """Find when the level of a record begins to stay above its background.

    Parameters
    ----------
    parts : sequence of Segment
        Unfiltered, one channel each, from `BACKGROUND` windows before the rise to its end.
    rise_ns : (start_ns, end_ns)
        The onset is looked for in between.
    band : Band
        Of the signals; of its parts (`seisml.picker.pick_bands`) the one that stands out most is
        taken.
    window_ns : int
        Length of the windows of the score.

    Returns
    -------
    Onset or None
        Its uncertainty is the spread of the places that are almost as likely. None where nothing
        stands out.

    References
    ----------
    Page, E. S. (1954). Continuous inspection schemes. Biometrika 41, 100-115.
    https://doi.org/10.1093/biomet/41.1-2.100
    """
    step_ns = window_ns // STEPS
    begin_ns = rise_ns[0] - BACKGROUND * window_ns
    n = int((rise_ns[1] - begin_ns) // step_ns)
    first = int((rise_ns[0] - begin_ns) // step_ns)
    fastest = max((part.sampling_rate_hz for part in parts), default=0.0)
    if not fastest * 0.4 > band.f_min_hz or n - first < 3:
        return None
    best: tuple[float, np.ndarray] | None = None
    for one in pick_bands(band, fastest):
        above = _above(levels(parts, one, begin_ns, n, step_ns), first)
        if above is None:
            continue
        contrast = float(np.mean(np.clip(above[first:], -3.0, 2 * LARGEST)))
        if best is None or contrast > best[0]:
            best = contrast, above
    if best is None or best[0] < SHIFT:
        return None
    half = max(SHIFT, CLEAR * float(np.quantile(best[1][first:], 0.9)))
    excess = np.clip(best[1], -3.0, half + LARGEST - SHIFT) - half
    support = np.cumsum(excess[::-1])[::-1][first:]
    at = int(np.argmax(support))
    near = np.flatnonzero(support > support[at] - 2.0)  # within a likelihood ratio of e^2
    spread_s = max(1.0, float(np.std(near))) * step_ns / NS_PER_S
    channel = max(parts, key=lambda part: part.channels[0].endswith("Z")).channels[0]
    return Onset(rise_ns[0] + at * step_ns, spread_s, np.nan, channel)


def levels(parts: Sequence[Segment], band: Band, begin_ns: int, n: int, step_ns: int) -> np.ndarray:
    """Return the power in a band in steps of time, the mean of the channels.

    Returns
    -------
    numpy.ndarray of float64, shape (n,)
        dB over the median of each channel, where it moves; NaN where no channel has samples or
        moves, or its filter has not settled.
    """
    total, count = np.zeros(n), np.zeros(n)
    for channel in sorted({part.channels[0] for part in parts}):
        power, known = np.zeros(n), np.zeros(n, bool)
        for part in parts:
            rate_hz = part.sampling_rate_hz
            if part.channels[0] != channel or 0.4 * rate_hz <= band.f_min_hz:
                continue
            x = np.asarray(part.data[0], float)
            y = sosfilt(band.sections(rate_hz), x - x[0]) ** 2
            t = part.start_ns + np.arange(len(y)) * (NS_PER_S / rate_hz)
            at = ((t - begin_ns) // step_ns).astype(int)
            good = (at >= 0) & (at < n) & (t > part.start_ns + 3 * NS_PER_S / band.f_min_hz)
            size = np.bincount(at[good], minlength=n)
            full = size > 0.6 * step_ns / NS_PER_S * rate_hz
            sums = np.bincount(at[good], y[good], minlength=n)
            power[full], known[full] = sums[full] / size[full], True
        alive = known & (power > 0)  # a sensor that stands still has no level to measure by
        if alive.any():
            total[known] += power[known] / float(np.median(power[alive]))
            count[known] += 1
    with np.errstate(divide="ignore"):
        return np.where(count > 0, 10.0 * np.log10(total / np.maximum(count, 1) + 1e-12), np.nan)


def _above(level: np.ndarray, first: int) -> np.ndarray | None:
    """Return levels in standard deviations over the background, 0 where nothing is known."""
    background = level[: first - STEPS // 2]
    background = background[np.isfinite(background)]
    if len(background) < STEPS:
        return None
    middle = np.median(background)
    spread = max(1.4826 * float(np.median(np.abs(background - middle))), LEAST_DB)
    return np.nan_to_num((level - middle) / spread)
