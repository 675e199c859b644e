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
from seisml.insight import (
    GLITCH_S,
    LEAST_SAMPLES,
    Fit,
    find_glitches,
    fit_glitch,
    glitch_samples,
    mean_second,
    whole_seconds,
)
from seisml.rates import samples_to_ns, snap_rate
from seisml.segments import Segment
from seisml.times import NS_PER_S

GLITCHES = ("none", "flag", "remove")
BESIDE = {"wind": "wind", "glitches": "glitches", "pressure": "pressure=XB.ELYSE.*.BDO"}
PIECE_S = 1800.0
"""Pieces end at whole multiples of this since 1970; the phase of the tick drifts over days."""
TICK_S = 300.0
"""What is shorter than this joins its neighbour: a mean second needs many."""
LEAST_TICK_S = 60.0
CONTEXT_S = 60.0
"""Seen on both sides of a piece when glitches are looked for."""
MOST_LEFT = 0.4
"""A template is taken off where it leaves at most this share of the power below 1 Hz."""
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
        taken off where it fits (`seisml.insight.fit_glitch`).
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
        See `seisml.insight.Fit`.
    removed : bool
    """

    channel: str
    onset_ns: int
    end_ns: int
    peak: float
    left: float
    removed: bool


def whole_pieces(start_ns: int, end_ns: int) -> tuple[int, int]:
    """Return the span of the whole pieces that hold a span of time.

    Examples
    --------
    >>> whole_pieces(1, 1_800_000_000_001)
    (0, 3600000000000)
    """
    step_ns = round(PIECE_S * NS_PER_S)
    return start_ns // step_ns * step_ns, -(-end_ns // step_ns) * step_ns


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
        parts = _staged(parts, lambda part: _Tick(part, limits, counts))
    if preparation.glitches != "none":
        remove = preparation.glitches == "remove"
        parts = _staged(parts, lambda part: _Glitches(part, limits, counts, found, remove))
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


def _staged(parts: Iterable[Segment], stage) -> Iterator[Segment]:
    """Yield what a stage makes of each channel's runs."""
    runs: dict[tuple[str, ...], _Run] = {}
    for part in parts:
        run = runs.get(part.channels)
        if run is None or not part.continues:
            if run is not None:
                yield from run.close()
            run = runs[part.channels] = stage(part)
        yield from run.add(part.data[0])
    for run in runs.values():
        yield from run.close()


class _Run:
    """Gap-free samples of a channel, worked on in pieces of the absolute grid.

    Samples are counted from the start of the run: the same wherever segments end.
    """

    least_s = context_s = CONTEXT_S

    def __init__(self, part: Segment, span: tuple[int, int], counts: Counter):
        self._about = dataclasses.replace(part, data=part.data[:, :0])
        self.rate_hz = snap_rate(part.sampling_rate_hz)
        self.span, self.counts = span, counts
        self.x = np.zeros(0)  # the samples that are held
        self.first = 0  # number of the first of them
        self.given = 0  # number of the first that was not yet given

    @property
    def end(self) -> int:
        """Number of the sample after the last that is held."""
        return self.first + len(self.x)

    def work(self, stop: int) -> np.ndarray:
        """Return the samples from `given` to a number, worked on."""
        raise NotImplementedError

    def add(self, data: np.ndarray) -> Iterator[Segment]:
        """Yield the pieces that can be told with some more samples."""
        self.hold(np.asarray(data, dtype=np.float64))
        ahead = self.samples(max(self.least_s, self.context_s))
        while self.end >= (stop := self._stop()) + ahead:
            yield self._piece(stop)

    def close(self) -> Iterator[Segment]:
        """Yield what is held; a short rest joins the last piece."""
        while self.given < self.end:
            stop = self._stop()
            yield self._piece(stop if self.end - stop >= self.samples(self.least_s) else self.end)

    def hold(self, data: np.ndarray) -> None:
        """Take some more samples."""
        self.x = np.concatenate([self.x, data])

    def forget(self, n: int) -> None:
        """Let go of the first samples that are held."""
        self.x, self.first = self.x[n:], self.first + n

    def time_ns(self, number: float) -> int:
        """Return the instant of a sample, or between two."""
        about = self._about
        return about.start_ns + round(number * NS_PER_S / about.sampling_rate_hz)

    def n_counted(self, stop: int) -> int:
        """Return how many samples from `given` to a number lie in the span that is counted."""
        low, high = (self._number(limit) for limit in self.span)
        return max(0, min(stop, high) - max(self.given, low))

    def samples(self, seconds: float) -> int:
        """Return the samples of a duration, rounded up."""
        return int(np.ceil(seconds * self.rate_hz))

    def _number(self, time_ns: int) -> int:
        """Return the number of the first sample at or after an instant."""
        ahead = (time_ns - self._about.start_ns) * self._about.sampling_rate_hz / NS_PER_S
        return int(np.ceil(ahead - 1e-6))

    def _stop(self) -> int:
        """Return the first end of a piece that leaves enough samples before it."""
        step_ns = round(PIECE_S * NS_PER_S)
        block = self.time_ns(self.given + self.samples(self.least_s)) // step_ns
        while (stop := self._number(block * step_ns)) < self.given + self.samples(self.least_s):
            block += 1
        return stop

    def _piece(self, stop: int) -> Segment:
        data = self.work(stop)
        start_ns = self._about.start_ns + samples_to_ns(self.given, self._about.sampling_rate_hz)
        continues, self.given = self.given > 0, stop
        self.forget(max(0, stop - self.samples(self.context_s) - self.first))
        return dataclasses.replace(
            self._about, start_ns=start_ns, data=data[np.newaxis], continues=continues
        )


class _Tick(_Run):
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


class _Glitches(_Run):
    """Finds glitches, fits their template and takes it off."""

    def __init__(self, part: Segment, span, counts: Counter, found: list, remove: bool):
        super().__init__(part, span, counts)
        self._found, self._remove = found, remove
        self._raw = np.zeros(0)  # the samples that are held in `x`, with the templates
        self._fits: list[Fit] = []
        self._known: list[float] = []

    def hold(self, data: np.ndarray) -> None:
        first, stop = self.end, self.end + len(data)
        self._raw = np.concatenate([self._raw, data])
        super().hold(data)
        for fit in self._fits:
            self._take_off(fit, first, stop)

    def forget(self, n: int) -> None:
        super().forget(n)
        self._raw = self._raw[n:]
        self._fits = [fit for fit in self._fits if fit.onset + self.samples(GONE_S) > self.first]
        self._known = [onset for onset in self._known if onset > self.first]

    def work(self, stop: int) -> np.ndarray:
        if GLITCH_S * self.rate_hz < LEAST_SAMPLES:
            self.counts["samples_glitches_not_sought"] += self.n_counted(stop)
        for _ in range(TIMES):
            if not self._look(stop):
                break
        piece = slice(self.given - self.first, stop - self.first)
        return (self.x if self._remove else self._raw)[piece].copy()

    def _look(self, stop: int) -> bool:
        """Take off the glitches of a piece that can be seen; say whether there were any."""
        last = min(self.end, stop + self.samples(CONTEXT_S))
        onsets = find_glitches(self.x[: last - self.first], self.rate_hz).onset + self.first
        # A little into the next piece: fitted onsets do not reach back into what was given.
        slack = self.samples(SLACK_S)
        begin, end = (self.given + slack if self.given else 0), stop + slack
        new = [
            int(onset)
            for onset in onsets
            if begin <= onset < end and all(abs(onset - k) > slack for k in self._known)
        ]
        self._known += new
        n_off = len(self._fits)
        for onset in new:
            fit = fit_glitch(self.x[: last - self.first], self.rate_hz, onset - self.first)
            self._note(dataclasses.replace(fit, onset=fit.onset + self.first))
        return len(self._fits) > n_off

    def _note(self, fit: Fit) -> None:
        fits = fit.left <= MOST_LEFT
        if fits:
            self._fits.append(fit)
            self._take_off(fit, self.first, self.end)
        onset_ns = self.time_ns(fit.onset)
        end_ns, removed = onset_ns + round(GLITCH_S * NS_PER_S), fits and self._remove
        channel = self._about.channels[0]
        self._found.append(FoundGlitch(channel, onset_ns, end_ns, fit.peak, fit.left, removed))
        if self.span[0] <= onset_ns < self.span[1]:
            self.counts["glitches"] += 1
            if self._remove:
                self.counts["glitches_removed" if fits else "glitches_not_removed"] += 1

    def _take_off(self, fit: Fit, first: int, stop: int) -> None:
        """Subtract a template from the samples that are held, between two numbers."""
        begin = int(np.floor(fit.onset))
        first, stop = max(first, begin), min(stop, begin + self.samples(GONE_S))
        if first < stop:
            part = slice(first - self.first, stop - self.first)
            self.x[part] -= glitch_samples(first, stop, self.rate_hz, fit)
