"""Glitches and their precursors fitted to records; those that overlap are fitted together."""

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np
from scipy import optimize, signal

from seisml.glitches import FIT_HZ, SPIKE_S, TINY, UNIT_PEAK, glitch, precursor, slowed

BEFORE_S, AFTER_S = 5.0, 30.0  # of the onsets: where templates are fitted
SHIFT_S = 1.5
"""How far a fitted onset may be from where the glitch was found."""
SPIKE_SHIFT_S = 0.2
"""How far a precursor may be from the fitted onset of its glitch."""
LEAST_SPIKE = 6.0
"""A precursor's peak over the robust noise of what else the record holds there."""
LEAST_RATE_HZ = 4.0
"""Below this a precursor is one sample or none."""
MOST_LEFT = 0.35
"""A template is taken off where it leaves at most this share of the power below 1 Hz."""
MOST_HIDDEN = 2
"""So many further glitches may hide in those that were found."""
MOST_OF_POWER = 0.25
"""Share of what was left that one more glitch may leave."""
HIDDEN_S = 12.0
"""Glitches that are nearer than this to one that was found may hide in it."""
LEAST_SHARE = 0.1
"""Of the largest of glitches that overlap: what is smaller is none."""


@dataclasses.dataclass(frozen=True)
class Fit:
    """The templates of a glitch as they fit a record best.

    Attributes
    ----------
    onset : float
        In samples, not whole ones.
    peak : float
        With sign, in the unit of the samples.
    left : float
        Share of the power below 1 Hz that remains when the template is taken off, 0 to 1; what
        overlaps with it is taken off before and after.
    spike_onset : float
        Of the precursor, in samples; NaN where none stands out.
    spike : float
        Peak of the precursor with sign; 0 where there is none.
    """

    onset: float
    peak: float
    left: float
    spike_onset: float = np.nan
    spike: float = 0.0


def fit_glitches(samples: np.ndarray, rate_hz: float, onsets: Sequence[float]) -> list[Fit]:
    """Fit glitches that overlap, with their precursors and a line under them all together.

    Least squares of sizes and line for given onsets, and of the onsets about that. Where what is
    left falls to a quarter with one more glitch, there is one more, twice at most.

    Parameters
    ----------
    samples : numpy.ndarray, shape (n_samples,)
        Used from 5 s before the first onset to 30 s after the last.
    rate_hz : float
    onsets : sequence of float
        Where they were found, in samples; fitted onsets are within 1.5 s.

    Returns
    -------
    list of Fit
        In the order of time; more than onsets where one hides in another.

    Examples
    --------
    >>> t = np.arange(1600) / 20.0
    >>> x = 300.0 + t + glitch(t - 20.23, 800.0) - glitch(t - 27.0, 500.0)
    >>> for fit in fit_glitches(x, 20.0, [400]):
    ...     print(round(fit.onset / 20.0, 2), round(fit.peak), round(fit.left, 3))
    20.23 1000 0.0
    27.0 -625 0.0
    """
    scene, found = _solved(samples, rate_hz, onsets)
    best = scene.fits(found)
    for _ in range(MOST_HIDDEN):
        wide = _solved(samples, rate_hz, [fit.onset for fit in best], HIDDEN_S)
        another = wide[0].another(wide[1])
        if another is None:
            break
        scene, found = _solved(samples, rate_hz, wide[0].first + another * rate_hz)
        more = scene.fits(found)
        if max(fit.left for fit in more) > MOST_LEFT:
            break
        best = more
    return best


def _solved(samples, rate_hz: float, onsets, wider_s: float = 0.0):
    """Return the record about some onsets, and the best solution for them."""
    first = max(0, round(min(onsets) - (BEFORE_S + wider_s) * rate_hz))
    stop = round(max(onsets) + (AFTER_S + wider_s) * rate_hz)
    x = np.asarray(samples[first:stop], dtype=np.float64)
    scene = _Scene(x - x[0], rate_hz, first)
    return scene, scene.joint((np.asarray(onsets) - first) / rate_hz)


def moved(fit: Fit, n: int) -> Fit:
    """Return a fit whose record begins `n` samples earlier."""
    return dataclasses.replace(fit, onset=fit.onset + n, spike_onset=fit.spike_onset + n)


@dataclasses.dataclass(frozen=True, eq=False)
class _Solution:
    """Onsets (s), sizes, precursors as (onset in s, size), and what is left of a record."""

    onsets_s: np.ndarray
    peaks: np.ndarray
    spikes: tuple[tuple[float, float], ...]
    rest: np.ndarray

    @property
    def power(self) -> float:
        return float(np.sum(self.rest**2))


@dataclasses.dataclass(frozen=True, eq=False)
class _Scene:
    """A short record in which glitches are fitted; `first` is the number of its first sample."""

    x: np.ndarray
    rate_hz: float
    first: int

    @functools.cached_property
    def t(self) -> np.ndarray:
        return np.arange(len(self.x)) / self.rate_hz

    @functools.cached_property
    def line(self) -> np.ndarray:
        n = len(self.x)
        return np.linalg.qr(np.stack([np.ones(n), np.linspace(-1.0, 1.0, n)], axis=1))[0]

    def without_line(self, rows: np.ndarray) -> np.ndarray:
        return rows - (rows @ self.line) @ self.line.T

    def pulses(self, onsets_s) -> np.ndarray:
        """Return the templates with a peak of 1, one a row, without their line."""
        t = self.t - np.asarray(onsets_s, dtype=float)[:, np.newaxis]
        return self.without_line(glitch(t, UNIT_PEAK))

    def solved(self, onsets_s, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the sizes at some onsets, and what they leave."""
        rows = self.pulses(onsets_s)
        peaks = np.linalg.lstsq(rows.T, wanted, rcond=1e-6)[0]
        return peaks, wanted - peaks @ rows

    def joint(self, onsets_s) -> _Solution:
        """Return the best onsets within `SHIFT_S`, and the precursors about them."""
        start_s = np.asarray(onsets_s, dtype=float)
        spikes: tuple[tuple[float, float], ...] = ()
        for _ in range(2):  # a spike that is known no longer bends the onsets
            wanted = self.without_line(self.x - self.spike_wave(spikes))
            at_s = self._onsets(start_s, wanted)
            peaks, rest = self.solved(at_s, wanted)
            after, spikes = spikes, self._spikes(at_s, rest + self.spike_wave(spikes))
            if spikes == after:
                break
        rest = self.without_line(self.x - self.spike_wave(spikes)) - peaks @ self.pulses(at_s)
        return _Solution(at_s, peaks, spikes, rest)

    def _onsets(self, start_s: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        if len(start_s) == 1:
            shifts = np.arange(-SHIFT_S, SHIFT_S + 0.01, 0.05)
            rows = self.pulses(start_s + shifts)
            gain = (rows @ wanted) ** 2 / np.maximum((rows**2).sum(axis=1), TINY)
            start_s = start_s + shifts[int(np.argmax(gain))]
        scale = max(float(np.sqrt(np.mean(wanted**2))), TINY)
        bounds = np.stack([start_s - SHIFT_S, start_s + SHIFT_S])
        return optimize.least_squares(
            lambda at_s: self.solved(at_s, wanted)[1] / scale,
            start_s,
            bounds=bounds,
            diff_step=1e-3,
            xtol=1e-5,
            max_nfev=20,
        ).x

    def another(self, known: _Solution) -> np.ndarray | None:
        """Return the onsets with one more glitch, s, if that leaves a quarter."""
        low_s, high_s = known.onsets_s.min() - HIDDEN_S, known.onsets_s.max() + HIDDEN_S
        wanted = self.without_line(self.x - self.spike_wave(known.spikes))
        tries = []
        for at_s in np.arange(max(low_s, 0.0), min(high_s, self.t[-1] - 5.0), 1.0):
            if np.abs(known.onsets_s - at_s).min() >= 2.0:
                left = self.solved([*known.onsets_s, at_s], wanted)[1]
                tries.append((float(np.sum(left**2)), float(at_s)))
        if not tries:
            return None
        found = self.joint([*known.onsets_s, min(tries)[1]])
        sizes, apart_s = np.abs(found.peaks), np.diff(np.sort(found.onsets_s))
        clear = sizes.min() >= LEAST_SHARE * sizes.max() and apart_s.min() >= 1.0
        return found.onsets_s if clear and found.power <= MOST_OF_POWER * known.power else None

    def spike_wave(self, spikes) -> np.ndarray:
        waves = [spike_samples(self.t * self.rate_hz, self.rate_hz, *one) for one in spikes]
        return np.sum(waves, axis=0) if waves else np.zeros(len(self.x))

    def _spikes(self, onsets_s, rest: np.ndarray) -> tuple[tuple[float, float], ...]:
        """Return the precursors that stand out of what glitches leave."""
        if self.rate_hz < LEAST_RATE_HZ or len(rest) < 4 * SPIKE_S * self.rate_hz:
            return ()
        n = round(SPIKE_S * self.rate_hz)
        usual = _level_off(spike_samples(np.arange(-n, n + 1), self.rate_hz, 0.0, 1.0))
        power = usual @ usual
        every = signal.correlate(rest, usual, "same") / power
        away = np.ones(len(rest), bool)
        for at_s in onsets_s:
            away &= np.abs(self.t - at_s) > 2.0 * (SPIKE_S + SPIKE_SHIFT_S)
        if not away.any():
            return ()
        other = np.abs(every[away])
        least = max(LEAST_SPIKE * 1.4826 * np.median(other), other.max())
        found = []
        for at_s in onsets_s:
            tries = at_s + np.arange(-SPIKE_SHIFT_S, SPIKE_SHIFT_S + 1e-6, 0.2 / self.rate_hz)
            near = np.abs(self.t - at_s) <= SPIKE_S + SPIKE_SHIFT_S
            numbers = self.t[near] * self.rate_hz
            waves = spike_samples(numbers, self.rate_hz, tries[:, np.newaxis] * self.rate_hz, 1.0)
            waves = _level_off(waves)
            sizes = waves @ rest[near] / np.maximum((waves**2).sum(axis=1), 0.1 * power)
            k = int(np.argmax(sizes**2 * (waves**2).sum(axis=1)))
            if abs(sizes[k]) > least:
                found.append((float(tries[k] * self.rate_hz), float(sizes[k])))
        return tuple(found)

    def fits(self, found: _Solution) -> list[Fit]:
        """Return the glitches of a solution in the order of time, each with its precursor."""
        rows, out = self.pulses(found.onsets_s), []
        factor = max(1, round(self.rate_hz / FIT_HZ))
        for k in np.argsort(found.onsets_s):
            at_s = found.onsets_s[k]
            mine = (self.t >= at_s - BEFORE_S) & (self.t < at_s + AFTER_S)
            after = found.rest[mine]
            before = after + found.peaks[k] * rows[k][mine]
            power = [float(np.var(slowed(one, factor))) for one in (before, after)]
            left = power[1] / power[0] if power[0] > 0 else 1.0
            onset = float(at_s * self.rate_hz)
            spikes = [one for one in found.spikes if abs(one[0] - onset) <= self.near]
            fit = Fit(onset, float(found.peaks[k]), min(left, 1.0), *(spikes or [()])[0])
            out.append(moved(fit, self.first))
        return out

    @property
    def near(self) -> float:
        """How far a precursor may be from its glitch, in samples."""
        return (SPIKE_SHIFT_S + 1e-3) * self.rate_hz


def _level_off(rows: np.ndarray) -> np.ndarray:
    """Return rows without their means: what is left of a glitch is no spike."""
    return rows - rows.mean(axis=-1, keepdims=True)


def spike_samples(numbers, rate_hz: float, onset, peak: float) -> np.ndarray:
    """Return a precursor of some size at samples, 0 but for those about its onset."""
    top = precursor(0.0, 1.0, rate_hz)
    return precursor((np.asarray(numbers) - onset) / rate_hz, peak / top, rate_hz)


def glitch_samples(first: int, stop: int, rate_hz: float, fit: Fit) -> np.ndarray:
    """Return the templates of a fitted glitch at some samples."""
    numbers = np.arange(first, stop)
    out = glitch((numbers - fit.onset) / rate_hz, fit.peak * UNIT_PEAK)
    return out + spike_samples(numbers, rate_hz, fit.spike_onset, fit.spike) if fit.spike else out
