"""The picker: where in a piece of record a signal begins, voted by AIC and kurtosis.

One rule alone errs in its own way: AIC over a long window takes the strongest contrast, which may
be the event before or the S wave; over a short one it takes a wiggle; the kurtosis is sharp but
restless. Here several bands and windows vote, each with the clearness of what it found, and the
place that most of them mean is the onset. How far they are apart is part of its uncertainty.
All lengths are shares of the search time, so the same rules serve a blast and a marsquake.
"""

import dataclasses
from collections.abc import Iterator

import numpy as np
from scipy.signal import sosfilt, sosfilt_zi

from seisml.changes import aic_onset, kurtosis_onset, whitened
from seisml.filters import FORGOTTEN, SETTLED, Band

WINDOWS = ((0.4, 1 / 3), (0.7, 1 / 3), (1.0, 1.0))
"""Of the AIC: how far before the guess an onset may lie, and the noise before that."""
AFTER = 0.7
"""What is looked at after the guess, at least."""
TAIL = 0.15
"""What of the record after the largest sample still belongs to the beginning of a signal."""
SIGNAL, NOISE = 1 / 6, 1 / 3
"""What is compared for the clearness of a vote."""
FREE, DB_A_SEARCH = 1 / 6, 6.0
"""A vote further from the guess than this counts so many dB a search time less."""
LARGEST_DB = 12.0
"""Clearness above which a vote does not count more: the strongest is not the first."""
KURTOSIS_WEIGHT = 0.6
TOGETHER = 0.025
"""Votes that are this near mean the same onset."""
WIDE_WEIGHT = 2.0
WHITE = 9
"""Number of the whitened record among the bands."""
QUIET = 0.7
"""How long before the guess the noise ends that the whitened record is made with."""
EARLIER = 0.5
"""Of two onsets the earlier one counts from this share of the support of the later one on: S
follows P."""


@dataclasses.dataclass(frozen=True)
class Pick:
    """An onset in samples.

    Attributes
    ----------
    sample : int
        First sample of the signal.
    uncertainty : float
        One standard deviation, samples: of all votes about it, of the place under the Akaike
        weights, and a sample; votes for other onsets make it large.
    snr_db : float
        Mean square after the onset over that before it, in the band where that is largest.
    agreement : float
        Share of the weight of all votes that mean this onset, 0 to 1.
    """

    sample: int
    uncertainty: float
    snr_db: float
    agreement: float


@dataclasses.dataclass(frozen=True)
class _Vote:
    sample: int
    spread: float
    band: int
    kurtosis: bool
    snr_db: float


def pick_bands(band: Band, sampling_rate_hz: float) -> list[Band]:
    """Return the bands that vote: the whole one, its middle, its lower and its upper part.

    Parameters
    ----------
    band : Band
    sampling_rate_hz : float

    Returns
    -------
    list of Band
        The whole band first; parts of less than about an octave are left out.

    Examples
    --------
    >>> [(one.f_min_hz, one.f_max_hz) for one in pick_bands(Band(1, 40), 100.0)]
    [(1, 40), (2, 20.0), (1, 6), (4, 40)]
    """
    low, high = band.f_min_hz, min(band.f_max_hz, 0.4 * sampling_rate_hz)
    parts = [(low, high), (2 * low, high / 2), (low, 6 * low), (4 * low, high)]
    return [Band(a, b, band.order) for a, b in parts if b >= 1.9 * a or (a, b) == parts[0]]


def pad_s(band: Band, sampling_rate_hz: float) -> float:
    """Return the time before the record that is picked in which the filters forget, s."""
    return max(one.settle_s(FORGOTTEN) for one in pick_bands(band, sampling_rate_hz))


def pick_onset(
    x: np.ndarray,
    sampling_rate_hz: float,
    guess: int,
    *,
    band: Band,
    search: int,
    within: tuple[float, float] = (-np.inf, np.inf),
) -> Pick | None:
    """Pick the onset of the signal that begins about a first guess.

    Parameters
    ----------
    x : numpy.ndarray, shape (n_samples,)
        Unfiltered; from `pad_s` and two search times before the guess to one after it, less at
        the ends of a record.
    sampling_rate_hz : float
    guess : int
        Sample.
    band : Band
        Of the signals; filters are causal, so nothing is smeared before the onset.
    search : int
        The onset is looked for so many samples before and after the guess.
    within : (first, last), optional
        Samples; votes outside are not counted.

    Returns
    -------
    Pick or None
        None where the record or the search (less than 30 samples) is too short, or nothing stands
        out.

    Notes
    -----
    In each band, and in the record `whitened` by its noise, each of `WINDOWS` gives two votes: the
    least AIC between the noise and the largest sample, and the foot of the steepest rise of the
    kurtosis in a trailing window of `SIGNAL`. A vote weighs as much as the power rises there in
    dB, at most `LARGEST_DB`, less `DB_A_SEARCH` for each search time from the guess. The support of
    a place is the sum of weights under a Gaussian of `TOGETHER`; the onset is the earliest place
    that has `EARLIER` of the largest support; exactly: the median of the AIC votes of the widest
    band there
    (of the whitened record, where no band has one).

    References
    ----------
    Maeda 1985, doi:10.4294/zisin1948.38.3_365 (AIC of a record); Saragiotis et al. 2002,
    doi:10.1109/TGRS.2002.800438 (kurtosis); Baillard et al. 2014, doi:10.1785/0120120347 (foot of
    the rise of the kurtosis, several bands).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal(6000)
    >>> x[4000:] += 10 * rng.standard_normal(2000)
    >>> found = pick_onset(x, 100.0, 4100, band=Band(1, 40), search=600)
    >>> abs(found.sample - 4000) <= 2
    True
    """
    x = np.asarray(x, dtype=np.float64)
    votes = []
    if search < 30 or not 0 <= guess < len(x):
        return None
    records = [_filtered(x, one, sampling_rate_hz) for one in pick_bands(band, sampling_rate_hz)]
    whole, first = records[0]
    white = whitened(whole, slice(first, guess - round(QUIET * search)))
    for number, (y, first) in enumerate(records):
        votes += list(_votes(y, first, guess, search, number))
    if white is not None:
        votes += list(_votes(white, records[0][1], guess, search, WHITE))
    votes = [vote for vote in votes if within[0] <= vote.sample <= within[1]]
    return _elected(votes, guess, search) if votes else None


def _filtered(x: np.ndarray, band: Band, rate_hz: float) -> tuple[np.ndarray, int]:
    """Return the record filtered from rest, and the sample from which it has settled."""
    sos = band.sections(rate_hz)
    y, _ = sosfilt(sos, x, zi=sosfilt_zi(sos) * x[0])
    return y, int(np.ceil(band.settle_s(SETTLED) * rate_hz))


def _votes(y, first: int, guess: int, search: int, band: int) -> Iterator[_Vote]:
    """Yield the votes of one band; nothing before the sample `first` is used."""
    power = np.concatenate([[0.0], np.cumsum(y * y)])
    for back, noise in WINDOWS:
        begin = max(first, guess - round((back + noise) * search))
        end = min(len(y), guess + round(max(back, AFTER) * search))
        earliest = max(begin, guess - round(back * search))
        if end - begin < 40 or guess >= end:
            continue
        peak = earliest + int(np.argmax(np.abs(y[earliest:end])))
        z = y[begin : min(end, peak + max(5, round(TAIL * search)))]
        places = [(*aic_onset(z, first=earliest - begin), False)]
        places.append((kurtosis_onset(z, round(SIGNAL * search), first=earliest - begin), 0, True))
        for at, spread, by_kurtosis in places:
            if at is not None:
                snr_db = _rise_db(power, begin + at, first, search)
                yield _Vote(begin + at, spread, band, by_kurtosis, snr_db)


def _rise_db(power: np.ndarray, at: int, first: int, search: int) -> float:
    """Return the power after a sample over that before it, dB."""
    end = min(len(power) - 1, at + round(SIGNAL * search))
    begin = max(first, at - round(NOISE * search))
    least = 1e-16 * power[-1] / len(power)
    if begin >= at or at >= end or not least > 0:
        return 0.0
    before = (power[at] - power[begin]) / (at - begin)
    after = (power[end] - power[at]) / (end - at)
    return float(10 * np.log10(max(after, least) / max(before, least)))


def _elected(votes: list[_Vote], guess: int, search: int) -> Pick | None:
    """Return the onset that most votes mean."""
    at = np.array([vote.sample for vote in votes], float)
    band = np.array([vote.band for vote in votes])
    by_kurtosis = np.array([vote.kurtosis for vote in votes])
    snr_db = np.array([vote.snr_db for vote in votes])
    far = np.maximum(0.0, np.abs(at - guess) / search - FREE)
    weight = np.clip(np.minimum(snr_db, LARGEST_DB) - DB_A_SEARCH * far, 0.0, None)
    weight *= np.where(by_kurtosis, KURTOSIS_WEIGHT, 1.0) * np.where(
        np.isin(band, (0, WHITE)), WIDE_WEIGHT, 1.0
    )
    if weight.sum() <= 0:
        return None
    near = max(1.0, TOGETHER * search)
    support = (weight * np.exp(-0.5 * ((at[:, np.newaxis] - at) / near) ** 2)).sum(axis=1)
    first = at[support >= EARLIER * support.max()].min()
    centre = np.argmax(np.where(np.abs(at - first) <= 2 * near, support, 0.0))
    chosen = np.abs(at - at[centre]) <= 2 * near
    exact = chosen & ~by_kurtosis & (weight > 0)
    exact = exact & (band == band[exact].min()) if exact.any() else chosen
    sample = int(np.median(at[exact]))
    share = weight[chosen].sum()
    apart = np.sqrt(np.sum(weight * (at - sample) ** 2) / weight.sum())
    spread = np.median([votes[i].spread for i in np.flatnonzero(exact)])
    uncertainty = float(np.sqrt(apart**2 + spread**2 + 1.0))
    best_db = float(snr_db[chosen].max())
    return Pick(sample, uncertainty, best_db, float(share / weight.sum()))
