"""Preparation: what is taken off records, or marked in them, before features are computed.

A stage between `seisml.segments.segments` and `seisml.response.to_motion`: it works on raw
samples. Steps look at pieces of half an hour that end where the absolute grid says, so that no
value depends on how the record was cut into chunks.
"""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from seisml.errors import ConfigError, did_you_mean
from seisml.glitches import (
    GLITCH_S,
    LEAST_SAMPLES,
    MOST_LEFT,
    SPIKE_S,
    SPIKE_SHIFT_S,
    Fit,
    find_glitches,
    fit_glitches,
    glitch_samples,
    moved,
)
from seisml.insight import mean_second, whole_seconds
from seisml.pieces import CONTEXT_S, Run, staged
from seisml.segments import Segment
from seisml.times import NS_PER_S

GLITCHES = ("none", "flag", "remove")
BESIDE = {"wind": "wind", "glitches": "glitches", "pressure": "pressure=XB.ELYSE.*.BDO"}
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
class Preparation:
    """Which steps are done; by default none.

    Attributes
    ----------
    tick : bool
        Take off what repeats every second (`seisml.insight.mean_second`).
    glitches : str
        ``none``; ``flag``: windows with a glitch are marked; ``remove``: and its template is
        taken off where it fits (`seisml.glitches.fit_glitches`).
    wind : bool
        Keep the level near 4 Hz over that at 2.4 Hz beside the features.
    pressure : str
        Channel or pattern, as "XB.ELYSE.*.BDO": its RMS is kept beside the features.

    Raises
    ------
    ConfigError
        If ``glitches`` or ``pressure`` cannot be understood.

    Examples
    --------
    >>> Preparation(tick=True).as_dict()
    {'tick': True}
    """

    tick: bool = False
    glitches: str = "none"
    wind: bool = False
    pressure: str = ""

    def __post_init__(self):
        if self.glitches not in GLITCHES:
            raise ConfigError(
                f"glitches = {self.glitches!r} is no way to treat glitches.",
                did_you_mean(self.glitches, GLITCHES),
            )
        if self.pressure and self.pressure.count(".") != 3:
            raise ConfigError(
                f"pressure = {self.pressure!r} is no channel.",
                "Write network, station, location and channel, as XB.ELYSE.*.BDO.",
            )

    def as_dict(self) -> dict:
        """Return the steps that are done, ready for JSON."""
        default = Preparation()
        steps = dataclasses.asdict(self).items()
        return {name: value for name, value in steps if value != getattr(default, name)}

    @property
    def needs_pieces(self) -> bool:
        """Whether samples are looked at in pieces."""
        return self.tick or self.glitches != "none"


NOTHING = Preparation()


def with_beside(preparation: Preparation, words: Iterable[str]) -> Preparation:
    """Return a preparation that keeps more beside the features, which stay as they are.

    Parameters
    ----------
    preparation : Preparation
    words : iterable of str
        wind, glitches, pressure=CHANNEL.

    Raises
    ------
    ConfigError
        If a word is none of these.

    Examples
    --------
    >>> with_beside(NOTHING, ["wind", "pressure=XB.ELYSE.*.BDO"]).as_dict()
    {'wind': True, 'pressure': 'XB.ELYSE.*.BDO'}
    """
    changes: dict = {}
    for word in words:
        name, _, value = word.partition("=")
        if name not in BESIDE or bool(value) != (name == "pressure"):
            raise ConfigError(
                f"{word!r} is nothing that can stand beside the features.",
                did_you_mean(name, BESIDE) if name not in BESIDE else f"As: {BESIDE[name]}.",
            )
        changes[name] = value or True
    if changes.pop("glitches", False) and preparation.glitches == "none":
        changes["glitches"] = "flag"
    return dataclasses.replace(preparation, **changes)


def sample_steps(steps: Mapping) -> dict:
    """Return those of some steps that change samples, and therefore features.

    Examples
    --------
    >>> sample_steps({"tick": True, "glitches": "flag", "wind": True})
    {'tick': True}
    """
    changing = {"tick": True, "glitches": "remove"}
    return {name: value for name, value in steps.items() if changing.get(name) == value}


def preparation_of(plan: Mapping) -> Preparation:
    """Return the steps of a plan as a detector keeps it."""
    return Preparation(**plan.get("preparation", {}))


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


def prepared(
    parts: Iterable[Segment],
    preparation: Preparation,
    *,
    span: tuple[int, int] | None = None,
    counts: Counter | None = None,
    found: list[FoundGlitch] | None = None,
) -> Iterator[Segment]:
    """Take off the tick and glitches.

    Parameters
    ----------
    parts : iterable of Segment
        From `seisml.segments.segments`: one channel each, several may be interleaved.
    preparation : Preparation
    span : (int, int), optional
        Instants between which samples and glitches are counted.
    counts : collections.Counter, optional
        Is increased by ``samples_without_tick``, ``samples_tick_not_removed`` (too short, or no
        whole number of samples a second, or 2 of them), ``glitches``, ``glitches_removed`` and
        ``glitches_not_removed`` (the template leaves too much) and
        ``samples_glitches_not_sought`` (below 0.4 Hz).
    found : list, optional
        Takes the glitches of all channels.

    Yields
    ------
    Segment
        float64 where a step is done, else as they come.
    """
    counts = Counter() if counts is None else counts
    found = [] if found is None else found
    limits = span or (-(2**63), 2**63)
    if preparation.tick:
        parts = staged(parts, lambda part: _Tick(part, limits, counts))
    if preparation.glitches != "none":
        remove = preparation.glitches == "remove"
        parts = staged(parts, lambda part: _Glitches(part, limits, counts, found, remove))
    return iter(parts)


def prepare(
    samples: np.ndarray, rate_hz: float, preparation: Preparation, *, start_ns: int = 0
) -> tuple[np.ndarray, list[FoundGlitch]]:
    """Take the tick and glitches off one gap-free record.

    Parameters
    ----------
    samples : numpy.ndarray, shape (n_samples,)
        Raw: not filtered, the response in them.
    rate_hz : float
    preparation : Preparation
    start_ns : int
        Instant of the first sample.

    Returns
    -------
    numpy.ndarray of float64, shape (n_samples,)
    list of FoundGlitch

    Examples
    --------
    >>> x = np.tile([1.0, 0.0, -1.0, 0.0], 400)
    >>> after, found = prepare(x, 4.0, Preparation(tick=True))
    >>> float(np.abs(after).max()), found
    (0.0, [])
    """
    found: list[FoundGlitch] = []
    one = Segment("", ("",), start_ns, rate_hz, np.asarray(samples, np.float64)[np.newaxis])
    parts = [part.data[0] for part in prepared([one], preparation, found=found)]
    return np.concatenate([np.zeros(0), *parts]), sorted(found, key=lambda g: g.onset_ns)


class _Tick(Run):
    """Takes off the mean second of each piece."""

    least_s, context_s = TICK_S, 0.0

    def work(self, stop: int) -> np.ndarray:
        x = self.x[self.given - self.first : stop - self.first]
        per_s = whole_seconds(self.rate_hz)
        if per_s <= 2 or len(x) < self.samples(LEAST_TICK_S):
            self.counts["samples_tick_not_removed"] += self.n_counted(stop)
            return x.copy()
        self.counts["samples_without_tick"] += self.n_counted(stop)
        return x - np.resize(mean_second(x, per_s), len(x))


class _Glitches(Run):
    """Finds glitches, fits their templates and takes them off."""

    def __init__(self, part: Segment, span, counts: Counter, found: list, remove: bool):
        super().__init__(part, span, counts)
        self._found, self._remove = found, remove
        self._raw = np.zeros(0)  # the samples that are held in `x`, with the templates
        self._off: list[Fit] = []  # what was taken off `x`
        self._known: list[float] = []

    def hold(self, data: np.ndarray) -> None:
        first, stop = self.end, self.end + len(data)
        self._raw = np.concatenate([self._raw, data])
        super().hold(data)
        for fit in self._off:
            self._take_off(fit, first, stop)

    def forget(self, n: int) -> None:
        super().forget(n)
        self._raw = self._raw[n:]
        self._off = [fit for fit in self._off if fit.onset + self.samples(GONE_S) > self.first]
        self._known = [onset for onset in self._known if onset > self.first]

    def work(self, stop: int) -> np.ndarray:
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
