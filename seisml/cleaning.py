"""Stages of the preparation: the tick and glitches are taken off records, piece by piece."""

import dataclasses
from collections import Counter
from collections.abc import Iterator

import numpy as np

from seisml.glitches import GLITCH_S, LEAST_SAMPLES, SPIKE_S, find_glitches
from seisml.glitchfits import (
    MOST_LEFT,
    SPIKE_SHIFT_S,
    Fit,
    fit_glitches,
    glitch_samples,
    moved,
)
from seisml.insight import mean_second, whole_seconds
from seisml.pieces import CONTEXT_S, Run
from seisml.segments import Segment
from seisml.times import NS_PER_S

TICK_S = 300.0
"""What is shorter than this joins its neighbour: a mean second needs many."""
LEAST_TICK_S = 60.0
GONE_S = 120.0
"""After this the template is below the rounding of its peak."""
SLACK_S = 2.0
"""Glitches that are found nearer than this are one; more than a fit moves the onset."""
TIMES = 3
"""How often a piece is looked at: a glitch may hide in another."""


@dataclasses.dataclass(frozen=True)
class FoundGlitch:
    """A glitch of one channel.

    Attributes
    ----------
    channel : str
    onset_ns, end_ns : int
        It is over, but for 1 % of its peak, after 25 s.
    peak : float
        With sign, in the unit of the samples.
    left : float
        See `seisml.glitches.Fit`.
    removed : bool
    """

    channel: str
    onset_ns: int
    end_ns: int
    peak: float
    left: float
    removed: bool


class Tick(Run):
    """Takes off the mean second of each piece."""

    least_s, context_s = TICK_S, 0.0

    def work(self, stop: int) -> np.ndarray:
        """Return the samples without their mean second."""
        x = self.x[self.given - self.first : stop - self.first]
        per_s = whole_seconds(self.rate_hz)
        if per_s <= 2 or len(x) < self.samples(LEAST_TICK_S):
            self.counts["samples_tick_not_removed"] += self.n_counted(stop)
            return x.copy()
        self.counts["samples_without_tick"] += self.n_counted(stop)
        return x - np.resize(mean_second(x, per_s), len(x))


class Glitches(Run):
    """Finds glitches, fits their templates and takes them off."""

    def __init__(self, part: Segment, span, counts: Counter, found: list, remove: bool):
        super().__init__(part, span, counts)
        self._found, self._remove = found, remove
        self._raw = np.zeros(0)  # the samples that are held in `x`, with the templates
        self._off: list[Fit] = []  # what was taken off `x`
        self._known: list[float] = []

    def hold(self, data: np.ndarray) -> None:
        """Take some more samples, without the rests of glitches that began before."""
        first, stop = self.end, self.end + len(data)
        self._raw = np.concatenate([self._raw, data])
        super().hold(data)
        for fit in self._off:
            self._take_off(fit, first, stop)

    def forget(self, n: int) -> None:
        """Let go of the first samples that are held, and of glitches that are over."""
        super().forget(n)
        self._raw = self._raw[n:]
        self._off = [fit for fit in self._off if fit.onset + self.samples(GONE_S) > self.first]
        self._known = [onset for onset in self._known if onset > self.first]

    def work(self, stop: int) -> np.ndarray:
        """Return the samples without their glitches, or as they were; note the glitches."""
        if GLITCH_S * self.rate_hz < LEAST_SAMPLES:
            self.counts["samples_glitches_not_sought"] += self.n_counted(stop)
        mine: list[Fit] = []
        for _ in range(TIMES):
            new = self._seen(stop)
            if not new:
                break
            mine = self._fitted(mine, new, stop)
        for fit in sorted(mine, key=lambda one: one.onset):
            self._note(fit)
        self._known += [fit.onset for fit in mine]
        piece = slice(self.given - self.first, stop - self.first)
        return (self.x if self._remove else self._raw)[piece].copy()

    def _seen(self, stop: int) -> list[int]:
        """Return the onsets of new glitches of a piece, in what others leave of it."""
        onsets = find_glitches(self._held(stop), self.rate_hz).onset + self.first
        # A little into the next piece: fitted onsets do not reach back into what was given.
        slack = self.samples(SLACK_S)
        begin, end = (self.given + slack if self.given else 0), stop + slack
        new = [
            int(onset)
            for onset in onsets
            if begin <= onset < end and all(abs(onset - k) > slack for k in self._known)
        ]
        self._known += new
        return new

    def _held(self, stop: int) -> np.ndarray:
        """Return the samples that a piece may be judged by."""
        return self.x[: min(self.end, stop + self.samples(CONTEXT_S)) - self.first]

    def _fitted(self, mine: list[Fit], new: list[int], stop: int) -> list[Fit]:
        """Return the glitches of a piece with new ones, those that overlap fitted anew."""
        out: list[Fit] = []
        for group in _overlapping([*mine, *new], self.samples(GLITCH_S)):
            old = [one for one in group if isinstance(one, Fit)]
            if len(old) == len(group):
                out += old
                continue
            for fit in old:
                self._put_back(fit)
            onsets = [one.onset if isinstance(one, Fit) else one for one in group]
            out += self._taken_off(onsets, stop)
        return out

    def _taken_off(self, onsets: list[float], stop: int) -> list[Fit]:
        """Fit glitches together and take off those whose template fits."""
        at = [onset - self.first for onset in onsets]
        fits = fit_glitches(self._held(stop), self.rate_hz, at)
        good = [fit for fit in fits if fit.left <= MOST_LEFT]
        bad = [fit for fit in fits if fit.left > MOST_LEFT]
        if bad and good:  # those that are no glitch must not bend the others
            good = fit_glitches(self._held(stop), self.rate_hz, [fit.onset for fit in good])
            bad += [fit for fit in good if fit.left > MOST_LEFT]
            good = [fit for fit in good if fit.left <= MOST_LEFT]
        good, bad = ([moved(fit, self.first) for fit in some] for some in (good, bad))
        for fit in good:
            self._off.append(fit)
            self._take_off(fit, self.first, self.end)
        return good + bad

    def _put_back(self, fit: Fit) -> None:
        if fit in self._off:
            self._off.remove(fit)
            self._take_off(fit, self.first, self.end, sign=-1.0)

    def _note(self, fit: Fit) -> None:
        fits = fit in self._off
        onset_ns = self.time_ns(fit.onset)
        end_ns, removed = onset_ns + round(GLITCH_S * NS_PER_S), fits and self._remove
        channel = self._about.channels[0]
        self._found.append(FoundGlitch(channel, onset_ns, end_ns, fit.peak, fit.left, removed))
        if self.span[0] <= onset_ns < self.span[1]:
            self.counts["glitches"] += 1
            if self._remove:
                self.counts["glitches_removed" if fits else "glitches_not_removed"] += 1

    def _take_off(self, fit: Fit, first: int, stop: int, *, sign: float = 1.0) -> None:
        """Subtract a template from the samples that are held, between two numbers."""
        begin = int(np.floor(fit.onset)) - self.samples(SPIKE_S + SPIKE_SHIFT_S)
        first, stop = max(first, begin), min(stop, begin + self.samples(GONE_S))
        if first < stop:
            part = slice(first - self.first, stop - self.first)
            self.x[part] -= sign * glitch_samples(first, stop, self.rate_hz, fit)


def _overlapping(glitches: list, most: int) -> Iterator[list]:
    """Yield glitches, fitted or found, in groups whose onsets follow within some samples."""
    onsets = [one.onset if isinstance(one, Fit) else one for one in glitches]
    group: list[int] = []
    for k in np.argsort(onsets, kind="stable"):
        if group and onsets[k] - onsets[group[-1]] > most:
            yield [glitches[i] for i in group]
            group = []
        group.append(int(k))
    if group:
        yield [glitches[i] for i in group]
