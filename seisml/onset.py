"""Onsets: where in the records of a station an event begins, P and S, and how sure that is."""

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np
from scipy.signal import sosfilt, sosfilt_zi

from seisml.archive import Archive
from seisml.changes import aic_onset
from seisml.cuts import cuts
from seisml.errors import ConfigError
from seisml.picker import Pick, pad_s, pick_onset
from seisml.segments import Band, Segment, align, snap_rate
from seisml.times import NS_PER_S

MAJORITY, EMERGENT_MAJORITY, CLEAR_DB = 0.3, 0.5, 4.0
"""An onset is taken if this share of the votes mean it (more of them where signals are emergent,
and the rise of the score says as much), and the power rises so much."""
MOVES = 2
"""How often the search is moved back, where the onset lies in its earlier half."""
S_SEARCH = 2.0
"""How long after P the S onset is looked for, in search times."""
S_FIRST = 1 / 40
"""How soon after P the S onset may be, in search times."""
S_RISE_DB = 3.0
"""How much the power of the horizontals rises at an S onset, at least."""
S_SLOPE = 1 / 3
"""Standard deviation of an S onset as a share of the time in which the power rises to half."""
ALWAYS_NS = (np.iinfo(np.int64).min, np.iinfo(np.int64).max)


@dataclasses.dataclass(frozen=True)
class Onset:
    """A refined onset: when, how sure, how clear, on which channel; S where it can be told.

    Attributes
    ----------
    time_ns : int
    uncertainty_s : float
        One standard deviation.
    snr_db : float
        Mean square after the onset over that before it, in the band where that is largest.
    channel : str
    s_time_ns : int or None
        Onset of S, where there are three components and the horizontals rise.
    s_uncertainty_s : float
    """

    time_ns: int
    uncertainty_s: float
    snr_db: float
    channel: str
    s_time_ns: int | None = None
    s_uncertainty_s: float = np.nan


def refine_onset(
    archive: Archive, station: str, time_ns: int, *, band: Band, search_s: float
) -> Onset | None:
    """Refine an onset on the waveform within a search time around a first guess.

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
        See `find_onset`.
    """
    return refine_onsets(archive, station, [time_ns], band=band, search_s=search_s)[0]


def refine_onsets(
    archive: Archive, station: str, times_ns: Sequence[int], *, band: Band, search_s: float
) -> list[Onset | None]:
    """Refine many onsets of a station, as `refine_onset` each; stretches are read once."""
    spans = [onset_span(time_ns, band=band, search_s=search_s) for time_ns in times_ns]
    found: list[Onset | None] = [None] * len(spans)
    for i, parts in cuts(archive, station, spans):
        found[i] = find_onset(parts, times_ns[i], band=band, search_s=search_s)
    return found


def onset_span(time_ns: int, *, band: Band, search_s: float) -> tuple[int, int]:
    """Return the span of time that `find_onset` looks at: it does not matter what lies beyond."""
    if not search_s > 0:
        raise ConfigError(f"onset_search_s = {search_s:g} must be positive.")
    before_s = (2 + MOVES) * search_s + pad_s(band, np.inf)
    after_s = (1 + S_SEARCH) * search_s
    return time_ns - round(before_s * NS_PER_S), time_ns + round(after_s * NS_PER_S)


def find_onset(
    parts: Iterable[Segment],
    time_ns: int,
    *,
    band: Band,
    search_s: float,
    within_ns: tuple[int, int] = ALWAYS_NS,
    majority: float = MAJORITY,
) -> Onset | None:
    """Find the onset about a first guess in the segments of a station.

    The vertical decides; without one, the other channel that is clearest. The picker is
    `seisml.picker.pick_onset`.

    Parameters
    ----------
    parts : iterable of Segment
        Unfiltered, of the span `onset_span`, one channel each.
    time_ns : int
        First guess.
    band : Band
    search_s : float, s
    within_ns : (start_ns, end_ns), optional
        An onset outside does not count: of an emergent signal, where the score rose.
    majority : float
        Share of the votes that must mean the onset, 0 to 1.

    Returns
    -------
    Onset or None
        None where there are too few samples, where no onset has the majority or none is as clear
        as `CLEAR_DB`. Then the guess stays: on records of Mars and the Moon onsets that half of
        the votes did not mean were further from the expert's than the guess was; on Earth those
        that a third of them mean are nearer.
    """
    parts = [part for part in parts if 0.4 * part.sampling_rate_hz > band.f_min_hz]
    vertical = [part for part in parts if part.channels[0].endswith("Z")]
    others = [part for part in parts if not part.channels[0].endswith("Z")]
    for chosen in (vertical, others):
        options = {"band": band, "search_s": search_s, "within_ns": within_ns}
        picks = [(_moved_pick(part, time_ns, majority, **options), part) for part in chosen]
        picks = [(pick, part) for pick, part in picks if pick is not None]
        if picks:
            pick, part = max(picks, key=lambda found: (found[0].snr_db, found[1].channels))
            rate_hz = part.sampling_rate_hz
            at_ns = part.start_ns + round(pick.sample * NS_PER_S / rate_hz)
            if not _is_onset(pick, majority):
                return None
            onset = Onset(at_ns, pick.uncertainty / rate_hz, pick.snr_db, part.channels[0])
            s_ns, s_uncertainty_s = find_s(parts, at_ns, band=band, search_s=search_s)
            return dataclasses.replace(onset, s_time_ns=s_ns, s_uncertainty_s=s_uncertainty_s)
    return None


def _moved_pick(
    part: Segment, time_ns: int, majority: float, *, band: Band, search_s: float, within_ns
):
    """Pick an onset; where it is far before the guess, look again from there.

    A detector wakes up late where a weak P goes before a strong S: the search follows back. A
    second look that finds nothing better leaves the first.
    """
    found = _pick(part, time_ns, band, search_s, within_ns)
    rate_hz = part.sampling_rate_hz
    for _ in range(MOVES):
        if found is None or not _is_onset(found, majority):
            break
        at_ns = part.start_ns + round(found.sample * NS_PER_S / rate_hz)
        if at_ns > time_ns - search_s * NS_PER_S / 2:
            break
        time_ns, again = at_ns, _pick(part, at_ns, band, search_s, within_ns)
        if again is None or not _is_onset(again, majority):
            break
        found = again
    return found


def _is_onset(pick: Pick, majority: float) -> bool:
    return pick.agreement >= majority and pick.snr_db >= CLEAR_DB


def _pick(part: Segment, time_ns: int, band: Band, search_s: float, within_ns) -> Pick | None:
    rate_hz = snap_rate(part.sampling_rate_hz)
    guess, *within = (
        round((at_ns - part.start_ns) * rate_hz / NS_PER_S) for at_ns in (time_ns, *within_ns)
    )
    search = round(search_s * rate_hz)
    x = part.data[0, : max(0, guess + search)]
    return pick_onset(x, rate_hz, guess, band=band, search=search, within=tuple(within))


def find_s(
    parts: Iterable[Segment], p_ns: int, *, band: Band, search_s: float, until_ns: int | None = None
) -> tuple[int | None, float]:
    """Find the onset of S after a known P in the segments of a station, see `s_onset`.

    Parameters
    ----------
    parts : iterable of Segment
        Unfiltered, one channel each.
    p_ns : int
    band : Band
    search_s : float, s
        Of the search of P.
    until_ns : int, optional
        End of the search; default `S_SEARCH` search times after P.

    Returns
    -------
    time_ns : int or None
        None without three components that hold the time after P, or without a rise.
    uncertainty_s : float
        One standard deviation.
    """
    there = [part for part in parts if part.start_ns < p_ns < part.end_ns]
    three = {part.channels[0][-1]: part for part in there}
    horizontals = sorted(set(three) - {"Z"})
    rates = {snap_rate(part.sampling_rate_hz) for part in three.values()}
    if "Z" not in three or len(horizontals) != 2 or len(rates) != 1 or len(there) != 3:
        return None, np.nan
    whole = align([three["Z"], *(three[name] for name in horizontals)])
    if whole is None or whole.start_ns > p_ns:
        return None, np.nan
    rate_hz = rates.pop()
    until_ns = p_ns + round(S_SEARCH * search_s * NS_PER_S) if until_ns is None else until_ns
    p, end = (round((t - whole.start_ns) * rate_hz / NS_PER_S) for t in (p_ns, until_ns))
    at, spread = s_onset(whole.data[:, :end], rate_hz, p, band=band, search=search_s * rate_hz)
    if at is None:
        return None, np.nan
    return whole.start_ns + round(at * NS_PER_S / rate_hz), spread / rate_hz


def s_onset(
    x: np.ndarray, sampling_rate_hz: float, p: int, *, band: Band, search: float
) -> tuple[int | None, float]:
    """Find the onset of S after a known P in three components.

    The power of the horizontals, weighted by its share of all power (near one where the motion is
    horizontal, small in the coda of a steep P), is divided in two by its AIC between P and its
    largest value.

    Parameters
    ----------
    x : numpy.ndarray, shape (3, n_samples)
        Vertical and two horizontals of any orientation, unfiltered, until the search ends.
    sampling_rate_hz : float
    p : int
        Sample of P.
    band : Band
    search : float
        Length of the search of P in samples; all lengths are shares of it.

    Returns
    -------
    at : int or None
        Sample; None where the power of the horizontals does not rise by `S_RISE_DB`.
    spread : float
        One standard deviation, samples.

    References
    ----------
    Maeda 1985, doi:10.4294/zisin1948.38.3_365; Cichowicz 1993, doi:10.1785/BSSA0830010180
    (horizontal over total energy).
    """
    first, smooth = p + round(S_FIRST * search), max(3, round(search / 30))
    if x.shape[1] - first < 40:
        return None, np.nan
    sos = band.sections(sampling_rate_hz)
    start = sosfilt_zi(sos)[:, np.newaxis, :] * np.asarray(x[:, :1], float)
    y = sosfilt(sos, np.asarray(x, float), axis=1, zi=start)[0][:, max(0, first - smooth) :]
    first -= max(0, first - smooth)
    horizontal, total = (y[1:] ** 2).sum(axis=0), (y**2).sum(axis=0)
    share = _mean(horizontal, smooth) / np.maximum(_mean(total, smooth), 1e-300)
    power = (horizontal * share)[first:]
    peak = int(np.argmax(_mean(power, max(3, smooth // 2))))
    power = power[: peak + max(5, smooth)]
    # As samples whose variance is this power: AIC looks at squares only.
    signs = np.where(np.arange(len(power)) % 2, 1.0, -1.0)
    at, spread = aic_onset(np.sqrt(power) * signs)
    if at is None:
        return None, np.nan
    before = np.mean(power[max(0, at - 5 * smooth) : at])
    after = np.mean(power[at : at + 5 * smooth])
    if not after > before * 10 ** (S_RISE_DB / 10):
        return None, np.nan
    # How fast the power rises is a part of it: the place at which it begins is read off a slope.
    smoothed = _mean(power, max(3, smooth // 2))[at:]
    rise = int(np.argmax(smoothed >= smoothed.max() / 2))
    spread = np.sqrt(spread**2 + (smooth / 4) ** 2 + (S_SLOPE * rise) ** 2)
    return p + round(S_FIRST * search) + at, float(spread)


def _mean(x: np.ndarray, length: int) -> np.ndarray:
    """Return the mean over a window about each sample, fewer samples at the ends."""
    sums = np.concatenate([[0.0], np.cumsum(x)])
    k = np.arange(len(x))
    begin, end = np.maximum(0, k - length // 2), np.minimum(len(x), k - length // 2 + length)
    return (sums[end] - sums[begin]) / (end - begin)
