"""Templates: the waveforms of events that were found, as they are looked for again.

All records of a station lie on one grid of samples, counted since 1970, whatever file or chunk
they come from; where there is no sample there is NaN.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from seisml.archive import Archive
from seisml.config import fill
from seisml.cuts import cuts, sensors_of
from seisml.errors import ConfigError
from seisml.matched import running_level
from seisml.preparation import NOTHING, Preparation
from seisml.segments import FORGOTTEN, Band, Segment, causal_filter, snap_rate
from seisml.times import NS_PER_S

ABOVE = 1.4
"""Level of an event over that of the noise before it: 3 dB."""
LEAST_COVERED = 0.8
"""Of a template that has to be recorded."""


@dataclasses.dataclass(frozen=True)
class RepeatRule:
    """How events are looked for that repeat others.

    Attributes
    ----------
    false_alarms_per_day : float
        At most so many repeats a day at a station are chance, of all its templates together.
    lead_s : float, s
        How long before the onset a template begins.
    length_s : (float, float), s
        Shortest and longest template; it ends where the event falls to the noise before it.
    band_hz : () or (float, float), Hz
        Of templates and records; by default that of the profile.
    level_s : float, s
        Time over which the level of a record is measured.
    even : bool
        Divide records by that level: for codas, which last and lie in the coda of others.
    apart_s : float, s
        Onsets at a station that are nearer to each other than this are those of one event.
    n_templates : int
        The clearest events of a station are looked for, at most so many.

    Raises
    ------
    ConfigError
        If a value makes no sense.
    """

    false_alarms_per_day: float = 0.1
    lead_s: float = 0.5
    length_s: tuple[float, float] = (2.0, 10.0)
    band_hz: tuple[float, ...] = ()
    level_s: float = 1.0
    even: bool = False
    apart_s: float = 2.0
    n_templates: int = 50

    def __post_init__(self):
        low, high = self.length_s
        for name, good, rule in (
            ("false_alarms_per_day", self.false_alarms_per_day > 0, "more than 0"),
            ("lead_s", self.lead_s >= 0, "0 or more"),
            ("length_s", 0 < low <= high, "two lengths, the shorter first"),
            ("band_hz", len(self.band_hz) in (0, 2), "two frequencies, or empty"),
            ("level_s", 0 < self.level_s <= high, "more than 0, at most the longest template"),
            ("apart_s", self.apart_s > 0, "more than 0"),
            ("n_templates", self.n_templates >= 1, "1 or more"),
        ):
            if not good:
                raise ConfigError(
                    f"Repeats: {name} is {getattr(self, name)!r}.", f"It has to be {rule}."
                )


def repeat_rule(settings: Mapping) -> RepeatRule:
    """Return the rule of ``[detection.repeats]``; what it does not state is as by default.

    Raises
    ------
    ConfigError
        If it has an unknown key, or a value that makes no sense.

    Examples
    --------
    >>> repeat_rule({"length_s": [300.0, 900.0]}).length_s
    (300.0, 900.0)
    """
    listed = {k: list(v) if isinstance(v, tuple) else v for k, v in settings.items()}
    return fill(RepeatRule(), listed, "[detection.repeats]")


@dataclasses.dataclass(frozen=True, eq=False)
class Template:
    """The waveform of an event at a sensor.

    Attributes
    ----------
    event_id : str
    station : str
        "NET.STA.LOC.BI".
    channels : tuple of str
    rate_hz : float
    first : int
        Number of its first sample on the grid of its rate.
    onset_ns : int
        Of the event.
    data : numpy.ndarray, shape (n_channels, n_samples)
        As it is correlated; 0 where nothing is recorded.
    snr : float
        Largest level over that of the noise before.
    """

    event_id: str
    station: str
    channels: tuple[str, ...]
    rate_hz: float
    first: int
    onset_ns: int
    data: np.ndarray
    snr: float

    @property
    def length_ns(self) -> int:
        """Length, ns."""
        return round(self.data.shape[1] * NS_PER_S / self.rate_hz)

    @property
    def onset_after_ns(self) -> int:
        """Time from the first sample to the onset, ns."""
        return self.onset_ns - instant(self.first, self.rate_hz)


def number(time_ns: int, rate_hz: float) -> int:
    """Return the sample of the grid that is next to an instant."""
    # Clocks that lie half a sample off must not fall to both sides from one chunk to the next.
    return int(np.floor(time_ns * rate_hz / NS_PER_S + 0.5 + 1e-3))


def instant(sample: int, rate_hz: float) -> int:
    """Return the instant of a sample of the grid, ns."""
    return round(sample * NS_PER_S / rate_hz)


@dataclasses.dataclass(frozen=True)
class Records:
    """Where the records of a sensor are, and how they are filtered.

    Attributes
    ----------
    archive : Archive
    station : str
    channels : tuple of str
    rate_hz : float
    band : Band
    preparation : Preparation
    """

    archive: Archive
    station: str
    channels: tuple[str, ...]
    rate_hz: float
    band: Band
    preparation: Preparation = NOTHING

    def between(self, spans: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int, np.ndarray]]:
        """Yield (number of the span, first sample, samples on the grid) for each span of time.

        Filtered as if the record had been read from its start; NaN where there are no samples.
        """
        pad_ns = round(self.band.settle_s(FORGOTTEN) * NS_PER_S)
        wider = [(start_ns - pad_ns, end_ns) for start_ns, end_ns in spans]
        read = cuts(self.archive, self.station, wider, preparation=self.preparation)
        for k, parts in read:
            first, last = (number(time_ns, self.rate_hz) for time_ns in spans[k])
            yield k, first, self._placed(parts, first, last)

    def _placed(self, parts: Iterable[Segment], first: int, last: int) -> np.ndarray:
        out = np.full((len(self.channels), last - first), np.nan)
        usable = (
            part
            for part in parts
            if snap_rate(part.sampling_rate_hz) == self.rate_hz
            and part.channels[0] in self.channels
        )
        for part in causal_filter(usable, self.band):
            row = out[self.channels.index(part.channels[0])]
            at = number(part.start_ns, self.rate_hz) - first
            if part.sampling_rate_hz == self.rate_hz:
                low, high = max(at, 0), min(at + part.n_samples, len(row))
                if high > low:
                    row[low:high] = part.data[0, low - at : high - at]
                continue
            # A clock that is slower or faster: each sample goes to the next place.
            stretch = np.arange(part.n_samples) * (self.rate_hz / part.sampling_rate_hz)
            places = np.floor(at + stretch + 0.5).astype(int)
            inside = (places >= 0) & (places < len(row))
            row[places[inside]] = part.data[0, inside]
        return out


def levelled(x: np.ndarray, first: int, rate_hz: float, rule: RepeatRule) -> np.ndarray:
    """Return records as they are correlated: divided by their running level if the rule says so."""
    if not rule.even:
        return x
    return x / running_level(x, first, max(1, round(rule.level_s * rate_hz)))


def templates_of(
    events: pd.DataFrame,
    records: Records,
    rule: RepeatRule,
) -> tuple[list[Template], dict[str, int]]:
    """Cut the templates of events at one sensor.

    Parameters
    ----------
    events : pandas.DataFrame
        event_id and time_ns of events that the sensor has recorded.
    records : Records
    rule : RepeatRule

    Returns
    -------
    list of Template
        The clearest, in order of time. A template ends where the event falls to the noise before
        it, or where the next one begins, but is not shorter than the rule says.
    dict of str to int
        How many events have none, by reason.
    """
    events = events.sort_values("time_ns", kind="stable")
    onsets = events["time_ns"].to_numpy(np.int64)
    lead_ns, longest_ns = (round(s * NS_PER_S) for s in (rule.lead_s, rule.length_s[1]))
    margin_ns = longest_ns + round(rule.level_s * NS_PER_S)
    spans = [(int(t) - lead_ns - margin_ns, int(t) - lead_ns + margin_ns) for t in onsets]
    found, missing = [], {"without records": 0, "not above the noise": 0, "less clear": 0}
    for k, first, x in records.between(spans):
        event = events.iloc[k]
        later = onsets[onsets > onsets[k]]
        end_ns = int(later[0]) if len(later) else int(onsets[k]) + longest_ns
        made = _template(event, end_ns, records, first, x, rule)
        if isinstance(made, str):
            missing[made] += 1
        else:
            found.append(made)
    kept = sorted(found, key=lambda one: (-one.snr, one.onset_ns))[: rule.n_templates]
    missing["less clear"] = len(found) - len(kept)
    return sorted(kept, key=lambda one: one.onset_ns), {k: n for k, n in missing.items() if n}


def _template(event, end_ns: int, records: Records, first: int, x, rule: RepeatRule):
    """Return the template of one event, or why there is none."""
    rate_hz, onset_ns = records.rate_hz, int(event["time_ns"])
    shortest, longest = (max(2, round(s * rate_hz)) for s in rule.length_s)
    begin = number(onset_ns - round(rule.lead_s * NS_PER_S), rate_hz) - first
    level = running_level(x, first, max(1, round(rule.level_s * rate_hz)))
    noise = _noise(level[:, max(0, begin - longest) : begin])
    last = max(begin + shortest, number(end_ns, rate_hz) - first)
    last = min(last, begin + longest, x.shape[1])
    ratio = np.nan_to_num(level[:, begin:last] / noise[:, np.newaxis])
    above = np.flatnonzero((ratio > ABOVE).any(axis=0))
    if not len(above):
        return "not above the noise" if ratio.any() else "without records"
    cut = slice(begin, max(begin + int(above[-1]) + 1, min(begin + shortest, last)))
    there = np.isfinite(x[:, cut]).mean(axis=1) >= LEAST_COVERED
    if cut.stop - cut.start < shortest or not there.any():
        return "without records"
    data = levelled(x, first, rate_hz, rule)[:, cut]
    data = np.where(there[:, np.newaxis], np.nan_to_num(data), 0.0)
    about = (records.channels, rate_hz, first + begin, onset_ns)
    snr = float(ratio[there].max())
    return Template(str(event["event_id"]), records.station, *about, data, snr)


def _noise(level: np.ndarray) -> np.ndarray:
    """Return the level before an event of each channel, NaN where nothing is recorded."""
    out = np.full(len(level), np.nan)
    for k, one in enumerate(level):
        known = one[np.isfinite(one)]
        if len(known):
            out[k] = np.median(known)
    return out


def sensors_with_events(archive: Archive, events: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the events that each sensor has recorded, those of no known sensor under ""."""
    sensors = sensors_of(archive, events)
    return {str(name): events[sensors == name] for name in sorted(set(sensors))}
