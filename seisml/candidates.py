"""Candidates: what the records look like about each possible event, at its own onset.

Windows lie on a grid, and hold a few seconds: they cannot say whether what begins here is P or the
S of a quarter of a minute ago, or whether anything follows at all. A candidate has an onset, so
energies can be taken before and after it. All are ratios to those of the ten seconds before:
nothing depends on the gain.
"""

import numpy as np
import pandas as pd
from scipy.signal import butter, sosfilt

from seisml.archive import Archive
from seisml.codes import sensor_of
from seisml.cuts import cuts
from seisml.preparation import NOTHING, Preparation
from seisml.segments import Segment
from seisml.times import NS_PER_S

BANDS_HZ = ((1.0, 2.0), (2.0, 4.0), (4.0, 8.0), (8.0, 16.0), (16.0, 32.0), (2.0, 20.0))
AFTER_S = ((0.0, 0.5), (0.0, 1.0), (0.0, 2.0), (1.0, 4.0), (2.0, 8.0), (8.0, 20.0), (20.0, 40.0))
BEFORE_S = ((-1.0, -0.05), (-3.0, -0.1), (-30.0, -0.1), (-60.0, -10.0))
BASE_S = (-10.0, -0.1)
SHARPNESS_S = ((0.0, 0.25), (-0.3, -0.05))
REACH_S = (62.0, 42.0)
"""How much of the record is looked at before and after an onset."""
FILLED = {"base": 0.2, "before": 0.4, "after": 0.6}
"""Shares of a stretch that must be recorded."""
SETTLE_S = 1.0
"""Candidates that are nearer to the start of a record have no energies before them."""
EARLIER_S, LATER_S = 30.0, 20.0
"""How far a stronger neighbour is looked for."""
LOW_QUANTILES = (0.1, 0.5, 0.9)
MEASURES = ("dominant_hz", "snr_db", "uncertainty_s")
_BACK_S = np.array([(-k - 1.05, -k - 0.05) for k in range(30)])
_ON_S = np.array([(0.5 * k, 0.5 * k + 1.0) for k in range(60)])


def _names() -> list[str]:
    kinds = [f"after_{a:g}_{b:g}" for a, b in AFTER_S]
    kinds += [f"before_{-a:g}_{-b:g}" for a, b in BEFORE_S]
    kinds += [f"before_q{100 * q:g}" for q in LOW_QUANTILES]
    kinds += ["later_max", "later_max_s", "sharpness"]
    return [f"{kind}.{low:g}-{high:g}Hz" for low, high in BANDS_HZ for kind in kinds]


ENERGIES = tuple(_names())
CONTEXT = ("score", "earlier_score", "earlier_s", "later_score", "later_s", *MEASURES)
COLUMNS = (*ENERGIES, *CONTEXT)


def candidate_features(
    archive: Archive,
    events: pd.DataFrame,
    *,
    preparation: Preparation = NOTHING,
) -> pd.DataFrame:
    """Return what the records look like before and after each candidate.

    For each band of `BANDS_HZ`, on the vertical (or the first channel there is), E(a, b) being the
    mean square from a to b seconds after the onset, causally filtered:

    - ``after_a_b``, ``before_a_b``: log10 E(a, b) / E(-10, -0.1);
    - ``before_qN``: the same of quantiles of the 30 seconds before;
    - ``later_max``, ``later_max_s``: log10 of the largest second of the 30 after over the first
      one, and when it is: the S of a P, or nothing;
    - ``sharpness``: log10 E(0, 0.25) / E(-0.3, -0.05).

    Beside them the score of the candidate, that of the largest one within 30 s before and 20 s
    after it and how far away it is, dominant frequency, signal-to-noise ratio and uncertainty of
    the onset.

    Parameters
    ----------
    archive : Archive
    events : pandas.DataFrame
        Of detections (`seisml.detections.to_catalog`): event_id, time_ns, score and `MEASURES`.
    preparation : Preparation
        As in extraction.

    Returns
    -------
    pandas.DataFrame of float64, shape (n_events, len(COLUMNS))
        NaN where nothing, or too little, was recorded, and above 0.4 of the sampling rate.

    Examples
    --------
    >>> len(COLUMNS), COLUMNS[0]
    (110, 'after_0_0.5.1-2Hz')
    """
    sensors = events["event_id"].map(sensor_of).to_numpy(object)
    time_ns = events["time_ns"].to_numpy(np.int64)
    out = np.full((len(events), len(COLUMNS)), np.nan)
    out[:, len(ENERGIES) :] = _context(events, sensors, time_ns)
    before_ns, after_ns = (round(reach * NS_PER_S) for reach in REACH_S)
    for sensor, rows in events.groupby(sensors, sort=True).indices.items():
        rows = rows[np.argsort(time_ns[rows], kind="stable")]
        spans = [(at - before_ns, at + after_ns) for at in time_ns[rows].tolist()]
        for number, parts in cuts(archive, sensor, spans, preparation=preparation):
            row = rows[number]
            found = _there(parts, int(time_ns[row]))
            if found is not None:
                out[row, : len(ENERGIES)] = _energies(*found, int(time_ns[row]))
    out[~np.isfinite(out)] = np.nan
    return pd.DataFrame(out, columns=COLUMNS, index=events.index)


def _there(parts: list[Segment], time_ns: int) -> tuple[Segment, int] | None:
    """Return the segment and channel that recorded an instant: the vertical if it can be."""
    best = None
    for part in parts:
        length_ns = part.data.shape[1] / part.sampling_rate_hz * NS_PER_S
        if not part.start_ns + SETTLE_S * NS_PER_S <= time_ns < part.start_ns + length_ns:
            continue
        for channel, name in enumerate(part.channels):
            if best is None or (name.endswith("Z") and not best[0].channels[best[1]].endswith("Z")):
                best = (part, channel)
    return best


def _energies(part: Segment, channel: int, time_ns: int) -> np.ndarray:
    """Return the values of all bands at one onset."""
    rate_hz = part.sampling_rate_hz
    at_s = (time_ns - part.start_ns) / NS_PER_S
    x = part.data[channel].astype(np.float64)
    x -= np.median(x[: max(1, int(at_s * rate_hz))])
    found = []
    for low_hz, high_hz in BANDS_HZ:
        if low_hz > 0.4 * rate_hz:
            found.append(np.full(len(ENERGIES) // len(BANDS_HZ), np.nan))
            continue
        corners = (low_hz, min(high_hz, 0.45 * rate_hz))
        sos = butter(2, corners, "bandpass", fs=rate_hz, output="sos")
        total = np.r_[0.0, np.cumsum(sosfilt(sos, x) ** 2)]
        found.append(_ratios(total, at_s, rate_hz))
    return np.concatenate(found)


def _ratios(total: np.ndarray, at_s: float, rate_hz: float) -> np.ndarray:
    """Return the values of one band from the running sum of its squares."""

    def mean(spans_s, filled: float) -> np.ndarray:
        """Return the mean squares of stretches; NaN where too little was recorded."""
        first, last = np.rint((at_s + np.atleast_2d(spans_s)) * rate_hz).astype(np.int64).T
        a, b = np.clip(first, 0, len(total) - 1), np.clip(last, 0, len(total) - 1)
        known = (b > a) & (b - a >= filled * (last - first))
        return np.where(known, (total[b] - total[a]) / np.maximum(b - a, 1), np.nan)

    base = mean(BASE_S, FILLED["base"])
    after = mean(AFTER_S, FILLED["after"])
    before = mean(BEFORE_S, FILLED["before"])
    back, on = mean(_BACK_S, FILLED["after"]), mean(_ON_S, FILLED["after"])
    new, old = mean(SHARPNESS_S, FILLED["after"])
    back = back[np.isfinite(back)]
    low = np.quantile(back, LOW_QUANTILES) if len(back) > 3 else np.full(3, np.nan)
    later, later_s = np.nan, np.nan
    if np.isfinite(on[0]) and np.isfinite(on).sum() > 3:
        k = int(np.nanargmax(on))
        later, later_s = on[k] / on[0], _ON_S[k, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log10(np.concatenate([np.r_[after, before, low] / base, [later]]))
        return np.r_[logs, later_s, np.log10(new / old)]


def _context(events: pd.DataFrame, sensors: np.ndarray, time_ns: np.ndarray) -> np.ndarray:
    """Return the scores of each candidate and of its largest neighbours, and its measures."""
    score = events["score"].to_numpy(np.float64)
    out = np.full((len(events), len(CONTEXT)), np.nan)
    out[:, 0] = score
    out[:, 5:] = events[list(MEASURES)].to_numpy(np.float64)
    for rows in pd.Series(sensors).groupby(sensors).indices.values():
        rows = rows[np.argsort(time_ns[rows], kind="stable")]
        at_s = (time_ns[rows] - time_ns[rows[0]]) / NS_PER_S
        first = np.searchsorted(at_s, at_s - EARLIER_S, "right")
        same = np.searchsorted(at_s, at_s, "left"), np.searchsorted(at_s, at_s, "right")
        last = np.searchsorted(at_s, at_s + LATER_S, "left")
        for k, row in enumerate(rows):
            for column, a, b in ((1, first[k], same[0][k]), (3, same[1][k], last[k])):
                if b > a:
                    best = a + int(np.argmax(score[rows[a:b]]))
                    out[row, column] = score[rows[best]]
                    out[row, column + 1] = abs(at_s[k] - at_s[best])
    return out
