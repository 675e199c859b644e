"""The state machine: scores of windows become events, in one documented way, chunk by chunk.

=========== ====================================================== ==============================
state       goes on while                                          then
=========== ====================================================== ==============================
*quiet*     windows are below ``off``, missing or unknown          *run* at the first other one
*run*       windows follow one another at ``off`` or above         *closed*: kept if one of them
                                                                   reached ``on``, else *quiet*
*closed*    the next kept run may begin within ``merge_gap_s``     one event with it, else *done*
*done*      a run with several peaks is split between them where   *dead* for ``dead_time_s`` after
            the score falls below ``split_ratio`` of the lower     the end of the last event, then
            one; one longer than ``max_duration_s`` is cut; pieces *quiet*
            shorter than ``min_duration_s`` or below ``on`` are no
            events
*dead*      events that begin in it are dropped                    *quiet*
=========== ====================================================== ==============================

Before all that, ``smooth_windows`` scores are averaged about each window; what is missing is left
out of the average. The order is fixed: smooth, on and off, merge, split, cut, shortest, dead time.

A class may have values of its own, ``[detection.classes.NAME]``: then it has a machine of its own,
on the probability of that class, see `seisml.classrules`; all other classes share one.
"""

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
from scipy.signal import find_peaks

from seisml.errors import ConfigError, did_you_mean
from seisml.times import NS_PER_S
from seisml.windows import WindowGrid

BEGINS = ("rise", "peak")
FIRST = 0.7
"""Where runs are split, the first peak is at this share of the largest score or above: the slope
before it is no peak of its own."""


@dataclasses.dataclass(frozen=True)
class EventRule:
    """How probabilities become events.

    Attributes
    ----------
    on, off : float
        A run of windows at or above `off` is an event if one of them reaches `on`.
    merge_gap_s : float, s
        Events of one station that are not further apart than this are one.
    min_duration_s : float, s
        Shorter events are dropped.
    max_duration_s : float, s
        Longer events are cut into pieces of this length; a piece that does not reach `on` itself
        is no event.
    dead_time_s : float, s
        An event that begins sooner than this after the end of the one before is dropped; pieces
        of one run are no matter of it.
    split_ratio : float
        Two peaks of a run are two events where the score falls below this share of the lower one
        between them, 0 to 1; 0 for never. In swarms one run holds many onsets.
    smooth_windows : int
        Odd number of windows over which scores are averaged, 1 for none.
    begin : str
        ``rise``: events begin where the score rises, for models that learnt whole events;
        ``peak``: where it first peaks, for models that learnt onsets (`LabelRule.onset_s`): at the
        middle of the windows about that peak, weighted by their squared scores.
    """

    on: float
    off: float
    merge_gap_s: float = 0.0
    min_duration_s: float = 0.0
    max_duration_s: float = np.inf
    dead_time_s: float = 0.0
    split_ratio: float = 0.0
    smooth_windows: int = 1
    begin: str = "rise"

    def __post_init__(self):
        if self.begin not in BEGINS:
            raise ConfigError(
                f"No event begins at {self.begin!r}.", did_you_mean(self.begin, BEGINS)
            )
        if not self.off <= self.on:
            raise ConfigError(
                f"The off threshold {self.off:g} is above the on threshold {self.on:g}.",
                "Take off <= on.",
            )
        if not 0 <= self.split_ratio < 1:
            raise ConfigError(
                f"split_ratio = {self.split_ratio:g} is no share.", "Take 0.5, or 0 for none."
            )
        if self.smooth_windows < 1 or self.smooth_windows % 2 != 1:
            raise ConfigError(
                f"smooth_windows = {self.smooth_windows} is no odd number.",
                "Take 1 for no smoothing, or 3, 5, ...",
            )


RAW_COLUMNS = ("start_ns", "end_ns", "peak", "peak_ns", "n_windows")


def events_from_windows(
    chunks: Iterable[tuple[np.ndarray, np.ndarray]], grid: WindowGrid, rule: EventRule
) -> Iterator[tuple[int, int, float, int, int]]:
    """Turn the scores of one station's windows into events, chunk by chunk.

    Parameters
    ----------
    chunks : iterable of (time_ns, score)
        Starts of windows in order of time and their scores; a missing window or NaN is a gap.
    grid : WindowGrid
    rule : EventRule

    Yields
    ------
    start_ns, end_ns, peak, peak_ns, n_windows
        See `RAW_COLUMNS`; ``peak_ns`` is the start of the window with the largest score. What
        is new in the first window of a run is its last hop, and what is left in the last window
        its first hop: an event goes from the last hop of the first to the first hop of the last.

    Notes
    -----
    See the head of `seisml.states`. Chunks may end anywhere: what is open is carried over, so the
    events are the same from any chunks, bit for bit.
    """
    dead_until_ns = None
    for run, *event in _all_runs(_smoothed(chunks, grid, rule.smooth_windows), grid, rule):
        begin_ns, end_ns = event[0], event[1]
        if dead_until_ns is not None and run != dead_until_ns[0] and begin_ns < dead_until_ns[1]:
            continue
        dead_until_ns = run, end_ns + round(rule.dead_time_s * NS_PER_S)
        yield tuple(event)


def _smoothed(chunks, grid: WindowGrid, n: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Average each score over the n windows about it, as far as they are there and known."""
    if n == 1:
        yield from chunks
        return
    half_ns, time_ns, score = n // 2 * grid.hop_ns, np.zeros(0, np.int64), np.zeros(0)
    done_ns = None
    for more_ns, more in chunks:
        if not len(more_ns):
            continue
        time_ns = np.concatenate([time_ns, np.asarray(more_ns, np.int64)])
        score = np.concatenate([score, np.asarray(more, np.float64)])
        # All whose later neighbours are there, too.
        ready = time_ns <= time_ns[-1] - half_ns
        new = ready if done_ns is None else ready & (time_ns > done_ns)
        if new.any():
            yield time_ns[new], _averages(time_ns, score, new, grid, n)
            done_ns = int(time_ns[new][-1])
            keep = time_ns >= done_ns - half_ns
            time_ns, score = time_ns[keep], score[keep]
    rest = np.ones(len(time_ns), bool) if done_ns is None else time_ns > done_ns
    if rest.any():
        yield time_ns[rest], _averages(time_ns, score, rest, grid, n)


def _averages(time_ns, score, chosen, grid: WindowGrid, n: int) -> np.ndarray:
    """Return the average about the chosen windows; one that is unknown itself stays so."""
    total, count = np.zeros(chosen.sum()), np.zeros(chosen.sum())
    for step in range(-(n // 2), n // 2 + 1):
        wanted = time_ns[chosen] + step * grid.hop_ns
        at = np.minimum(np.searchsorted(time_ns, wanted), len(time_ns) - 1)
        there = (time_ns[at] == wanted) & np.isfinite(score[at])
        total += np.where(there, score[at], 0.0)
        count += there
    return np.where(np.isfinite(score[chosen]), total / np.maximum(count, 1), np.nan)


def _all_runs(chunks, grid: WindowGrid, rule: EventRule) -> Iterator[tuple]:
    """Yield (run, *event) of all runs; pieces of one run have the same mark."""
    held: list[tuple[np.ndarray, np.ndarray]] = []
    merge_ns = round(rule.merge_gap_s * NS_PER_S) + grid.length_ns
    for time_ns, score in chunks:
        if not len(time_ns):
            continue
        held.append((np.asarray(time_ns), np.asarray(score, dtype=np.float64)))
        times, scores = (np.concatenate(part) for part in zip(*held, strict=True))
        # All that can still grow or be merged lies after the last long enough quiet time.
        high = times[scores >= rule.off]
        quiet_ns = merge_ns + grid.hop_ns
        edges = np.flatnonzero(np.diff(high) > quiet_ns)
        if len(high) and times[-1] - high[-1] <= quiet_ns:
            cut = high[edges[-1] + 1] if len(edges) else high[0]
        else:
            cut = times[-1] + 1
        done = times < cut
        yield from _closed(times[done], scores[done], grid, rule)
        held = [(times[~done], scores[~done])] if not done.all() else []
    if held:
        yield from _closed(*held[0], grid, rule)


def _closed(time_ns, score, grid: WindowGrid, rule: EventRule) -> Iterator[tuple]:
    """Yield the events of windows that nothing can be added to."""
    high = np.flatnonzero(score >= rule.off)
    if not len(high):
        return
    breaks = np.flatnonzero((np.diff(high) > 1) | (np.diff(time_ns[high]) != grid.hop_ns))
    first, last = np.r_[0, breaks + 1], np.r_[breaks + 1, len(high)]
    kept = np.maximum.reduceat(score[high], first) >= rule.on
    runs = [high[a:b] for a, b in zip(first[kept], last[kept], strict=True)]
    merged: list[np.ndarray] = []
    gap_ns = round(rule.merge_gap_s * NS_PER_S)
    for run in runs:
        if merged and _span(time_ns[run], grid)[0] - _span(time_ns[merged[-1]], grid)[1] <= gap_ns:
            merged[-1] = np.concatenate([merged[-1], run])
        else:
            merged.append(run)
    for run in merged:
        parts = _split(score[run], run, rule.split_ratio)
        for piece in itertools.chain(*(_pieces(time_ns[part], part, rule) for part in parts)):
            best = piece[np.argmax(score[piece])]
            start_ns, end_ns = _span(time_ns[piece], grid)
            if rule.begin == "peak":
                least = max(rule.on, FIRST * score[best]) if rule.split_ratio else rule.on
                start_ns = _peak(time_ns[piece], score[piece], grid, least)
                end_ns = max(end_ns, start_ns + grid.hop_ns)
            long_enough = end_ns - start_ns >= rule.min_duration_s * NS_PER_S
            if long_enough and score[best] >= rule.on:
                mark = int(time_ns[run[0]])
                peak_ns = int(time_ns[best])
                yield mark, start_ns, end_ns, float(score[best]), peak_ns, len(piece)


def _split(score: np.ndarray, run: np.ndarray, ratio: float) -> list[np.ndarray]:
    """Return the parts of a run that have a peak each, cut at the lowest score between them."""
    if not ratio or len(run) < 3:
        return [run]
    peaks, _ = find_peaks(np.r_[0.0, score, 0.0])
    best, lowest = int(peaks[0]) - 1, []
    for peak in peaks[1:] - 1:
        between = best + int(np.argmin(score[best:peak]))
        if score[between] < ratio * min(score[best], score[peak]):
            lowest.append(between)
            best = peak
        elif score[peak] > score[best]:
            best = peak
    return np.split(run, lowest)


def _span(windows_ns: np.ndarray, grid: WindowGrid) -> tuple[int, int]:
    """Return start and end of the signal that a run of windows holds."""
    start_ns = int(windows_ns[0]) + grid.length_ns - grid.hop_ns
    return start_ns, max(int(windows_ns[-1]), start_ns) + grid.hop_ns


def _peak(time_ns: np.ndarray, score: np.ndarray, grid: WindowGrid, on: float) -> int:
    """Return the instant about which the windows of an event near its first peak lie.

    The first is the highest of those that begin within a window's length after the score first
    reaches `on`: S, or the next event, may well score higher than P.
    """
    above = time_ns[score >= on]
    first_ns = above[0] if len(above) else time_ns[np.argmax(score)]
    early = time_ns <= first_ns + grid.length_ns
    best_ns, half_ns = int(time_ns[np.argmax(np.where(early, score, -np.inf))]), grid.length_ns // 2
    weight = np.where(np.abs(time_ns - best_ns) <= half_ns, score, 0.0) ** 2
    off_ns = np.sum(weight * (time_ns - best_ns)) / weight.sum()
    return best_ns + half_ns + round(float(off_ns))


def _pieces(times: np.ndarray, run: np.ndarray, rule: EventRule) -> list[np.ndarray]:
    if times[-1] - times[0] < rule.max_duration_s * NS_PER_S:
        return [run]
    part = (times - times[0]) // max(1, round(rule.max_duration_s * NS_PER_S))
    return [run[part == p] for p in np.unique(part)]


def event_rule(on: float, detection: Mapping) -> EventRule:
    """Return the rule from windows to events at a threshold."""
    names = [field.name for field in dataclasses.fields(EventRule)][2:]
    given = {name: detection[name] for name in names if name in detection}
    return EventRule(on, on * detection["off_ratio"], **given)
