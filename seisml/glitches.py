"""Glitches of InSight by the closed form of a step, with their precursor: found and fitted.

A glitch is a step of acceleration behind the response of the seismometer, a one-sided pulse of
half a minute. Many begin with a spike: the ground (or the sensor's feet) moved at once, a step of
displacement. Glitches that overlap are fitted together.
"""

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np
from scipy import optimize, signal

GLITCH_DECAY = 0.2434  # 1/s
GLITCH_TURN = 0.3052  # rad/s
GLITCH_S = 25.0
FIT_HZ = 2.0
"""Rate at which glitches are looked for: they have nothing above it but a spike."""
LEAST_SAMPLES = 10
"""Fewer samples do not show the shape of a glitch: below 0.4 Hz none is looked for."""
TINY = np.finfo(float).tiny
UNIT_PEAK = 1.0 / 1.2505  # step of acceleration whose glitch has a peak of 1
BEFORE_S, AFTER_S = 5.0, 30.0  # of the onsets: where templates are fitted
SHIFT_S = 1.5
"""How far a fitted onset may be from where the glitch was found."""
# Of the VBB's velocity response, the mean of U, V and W, rad/s; two real zeros at 0 and the rest.
POLES = (-0.2459 + 0.3063j, -0.2459 - 0.3063j, -47.57 + 70.09j, -47.57 - 70.09j, -11.94)
ZEROS = (0.0, 0.0, -10.13, -111.0)
PASS, STOP = 0.34, 0.465
"""Edges of the decimation's filter as shares of the sampling rate: at 20 Hz a third is left at
8 Hz, nothing at 9.3 Hz."""
SPIKE_S = 0.25
"""Length of a precursor to both sides of its onset; farther out it rings below 3 % of its peak."""
SPIKE_SHIFT_S = 0.2
"""How far a precursor may be from the fitted onset of its glitch."""
LEAST_SPIKE = 6.0
"""A precursor's peak over the robust noise of what else the record holds there."""
LEAST_RATE_HZ = 4.0
"""Below this a precursor is one sample or none."""
MOST_LEFT = 0.4
"""A template is taken off where it leaves at most this share of the power below 1 Hz."""
MOST_HIDDEN = 2
"""So many further glitches may hide in those that were found."""
MOST_OF_POWER = 0.25
"""Share of what was left that one more glitch may leave."""
HIDDEN_S = 12.0
"""Glitches that are nearer than this to one that was found may hide in it."""
LEAST_SHARE = 0.1
"""Of the largest of glitches that overlap: what is smaller is none."""


def glitch(t_s, step_m_s2: float) -> np.ndarray:
    """Return the velocity that a step of acceleration leaves behind the VBB's response.

    Parameters
    ----------
    t_s : array
        Time since the step, s.
    step_m_s2 : float
        Size a of the step.

    Returns
    -------
    numpy.ndarray
        g(t) = (a/w) exp(−s t) sin(w t) for t ≥ 0, with s = 0.2434 /s and w = 0.3052 rad/s: the
        peak of 1.25 s · a comes after 2.95 s [1]_.

    References
    ----------
    .. [1] Scholz, J.-R. et al. (2020). Detection, analysis, and removal of glitches from
       InSight's seismic data from Mars. Earth and Space Science 7, e2020EA001317.
       https://doi.org/10.1029/2020EA001317

    Examples
    --------
    >>> round(float(glitch(2.95, 1e-9)) * 1e9, 2)
    1.25
    """
    t = np.maximum(np.asarray(t_s, dtype=float), 0.0)
    return step_m_s2 / GLITCH_TURN * np.exp(-GLITCH_DECAY * t) * np.sin(GLITCH_TURN * t)


def precursor(t_s, step_m: float, rate_hz: float) -> np.ndarray:
    """Return the velocity that a step of displacement leaves behind the VBB and its decimation.

    Parameters
    ----------
    t_s : array
        Time since the step, s.
    step_m : float
        Size d of the step, m.
    rate_hz : float
        Sampling rate, whose decimation filter shapes the spike.

    Returns
    -------
    numpy.ndarray
        d · h(t), h the impulse response of poles, zeros and a low-pass filter of linear phase: at
        20 Hz the peak of 17 /s · d comes with the step, and -40 % of it a sample later, or
        between two samples as the step lies.

    Examples
    --------
    >>> round(float(precursor(0.0, 1e-12, 20.0)) * 1e12)
    17
    """
    fine_s, wave = _impulse(float(rate_hz))
    return step_m * np.interp(np.asarray(t_s, dtype=float), fine_s, wave, left=0.0, right=0.0)


@functools.lru_cache(maxsize=8)
def _impulse(rate_hz: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the impulse response of velocity in 1/s, fifty times a sample, about its onset."""
    n, fine_hz = 50 * 1024, 50.0 * rate_hz
    f = np.fft.rfftfreq(n, 1.0 / fine_hz)
    _, response = signal.freqs_zpk(ZEROS, POLES, 1.0, 2.0 * np.pi * f)
    flat = np.abs(signal.freqs_zpk(ZEROS, POLES, 1.0, [2.0 * np.pi * 0.1])[1][0])
    share = np.clip((f / rate_hz - PASS) / (STOP - PASS), 0.0, 1.0)
    low = np.cos(0.5 * np.pi * share) ** 2
    reach = round(SPIKE_S * 20.0 * 50)  # so many samples at any rate
    wave = np.fft.irfft(response / flat * low, n) * fine_hz
    wave = np.roll(wave, reach)[: 2 * reach + 1]
    t = np.arange(-reach, reach + 1) / fine_hz
    return t, wave * np.cos(0.5 * np.pi * t / (t[-1] + t[1] - t[0]))


@dataclasses.dataclass(frozen=True)
class Glitches:
    """Glitches of one record.

    Attributes
    ----------
    onset : numpy.ndarray of int64
        Sample numbers at which they begin.
    peak : numpy.ndarray of float64
        Their peaks with sign, in the unit of the samples.
    correlation : numpy.ndarray of float64
        With the template, 0 to 1.
    """

    onset: np.ndarray
    peak: np.ndarray
    correlation: np.ndarray


def find_glitches(
    samples: np.ndarray, rate_hz: float, *, least_correlation: float = 0.9, least_ratio: float = 5.0
) -> Glitches:
    """Find one-sided pulses by the closed form of a step of acceleration behind the VBB.

    Parameters
    ----------
    samples : numpy.ndarray, shape (n_samples,)
        Velocity or raw counts, gap-free, unfiltered.
    rate_hz : float
    least_correlation : float
        Of record and template over 25 s, both without their mean.
    least_ratio : float
        Peak over the robust noise of the record below 1 Hz. Of glitches nearer than 25 s the
        clearest is found; look again when it is subtracted.

    Returns
    -------
    Glitches

    References
    ----------
    Scholz et al. 2020, doi:10.1029/2020EA001317 (the template).
    """
    factor = max(1, round(rate_hz / FIT_HZ))
    slow = _slow(samples, factor)
    step_hz = rate_hz / factor
    n = round(GLITCH_S * step_hz)
    if n < LEAST_SAMPLES or len(slow) < 2 * n:
        return Glitches(np.zeros(0, np.int64), np.zeros(0), np.zeros(0))
    template = glitch(np.arange(n) / step_hz, UNIT_PEAK)
    centred = template - template.mean()
    power = (centred**2).sum()
    dot = signal.correlate(slow, centred, "valid")
    ones = np.ones(n)
    mean = signal.correlate(slow, ones, "valid") / n
    spread = signal.correlate(slow**2, ones, "valid") - n * mean**2
    correlation = dot / np.sqrt(power * np.maximum(spread, max(1e-12 * spread.max(), TINY)))
    peak = dot / power
    change = slow[n // 4 :] - slow[: -(n // 4)]
    noise = 1.4826 * np.median(np.abs(change)) / np.sqrt(2.0)
    good = np.where(np.abs(peak) >= least_ratio * noise, np.abs(correlation), 0.0)
    at, _ = signal.find_peaks(good, height=least_correlation, distance=n)
    return Glitches(at.astype(np.int64) * factor, peak[at], np.abs(correlation[at]))


def _slow(samples: np.ndarray, factor: int) -> np.ndarray:
    x = np.asarray(samples, dtype=np.float64)
    # From the first sample, and with a line beyond both ends: an offset is no step.
    return signal.resample_poly(x - x[:1], 1, factor, padtype="line") if len(x) else x


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
        usual = spike_samples(np.arange(-n, n + 1), self.rate_hz, 0.0, 1.0)
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
            waves = spike_samples(
                self.t[near] * self.rate_hz, self.rate_hz, tries[:, np.newaxis] * self.rate_hz, 1.0
            )
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
            power = [float(np.var(_slow(one, factor))) for one in (before, after)]
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


def spike_samples(numbers, rate_hz: float, onset, peak: float) -> np.ndarray:
    """Return a precursor of some size at samples, 0 but for those about its onset."""
    top = precursor(0.0, 1.0, rate_hz)
    return precursor((np.asarray(numbers) - onset) / rate_hz, peak / top, rate_hz)


def glitch_samples(first: int, stop: int, rate_hz: float, fit: Fit) -> np.ndarray:
    """Return the templates of a fitted glitch at some samples."""
    numbers = np.arange(first, stop)
    out = glitch((numbers - fit.onset) / rate_hz, fit.peak * UNIT_PEAK)
    return out + spike_samples(numbers, rate_hz, fit.spike_onset, fit.spike) if fit.spike else out
