"""Templates over long records: each chunk on its own, the same peaks however they are cut."""

import dataclasses
from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from seisml import archive as archives
from seisml.errors import NoDataError
from seisml.executors import Lost, run_tasks
from seisml.intervals import union
from seisml.matched import NEAR, Null, coefficients, peaks
from seisml.segments import FORGOTTEN
from seisml.templates import Records, RepeatRule, Template, levelled, number
from seisml.times import DAY_NS, NS_PER_S, iso

CHUNK_SAMPLES = 1 << 20
"""Samples of a channel that are searched at once, about: bounds the memory."""
LOT = 4
"""Templates that are correlated at once."""
MOST = 20_000
"""Repeats of one template: the largest peaks that are kept, whatever the length of the records."""


@dataclasses.dataclass(frozen=True, eq=False)
class Task:
    """Templates of a sensor and the chunk of its records in which they are looked for.

    What they do by chance is not learnt where known events are, from onset to end (``known``).
    """

    records: Records
    templates: list[Template]
    known: np.ndarray
    rule: RepeatRule
    start_ns: int
    end_ns: int


def tasks_of(records: Records, templates, known, rule, span, chunk_s) -> Iterator[Task]:
    """Yield the chunks of a sensor that hold samples, on the absolute grid."""
    longest_s = max(one.data.shape[1] for one in templates) / records.rate_hz
    chunk_s = chunk_s or max(CHUNK_SAMPLES / records.rate_hz, 4 * longest_s)
    step_ns = max(1, round(chunk_s * NS_PER_S))
    pieces = records.archive.pieces
    pieces = pieces[pieces["station"] == records.station]
    early_ns = round(longest_s * NS_PER_S)  # a template may begin before the record does
    there = pieces[["start_ns", "end_ns"]].to_numpy(np.int64)
    there = there + np.array([-early_ns, 8 * early_ns])
    low = -(2**62) if span[0] is None else span[0]
    high = 2**62 if span[1] is None else span[1]
    spans = []
    # Of records in short pieces far apart the time in between is not searched; gaps are.
    for a, b in union(there).tolist():
        for k in range(max(a, low) // step_ns, (min(b, high) - 1) // step_ns + 1):
            spans.append((max(k * step_ns, a, low), min((k + 1) * step_ns, b, high)))
    spans = [(a, b) for a, b in spans if b > a]
    reach_ns = _reach_ns(templates, rule)
    pad_ns = reach_ns + round(records.band.settle_s(FORGOTTEN) * NS_PER_S)
    pad_ns += archives.guard(records.archive, records.station) + 7200 * NS_PER_S
    wide = [(a - pad_ns, b + pad_ns) for a, b in spans]
    # A worker gets only what it needs to know of the archive.
    about = archives.parts(records.archive, records.station, wide)
    for (a, b), part in zip(spans, about, strict=True):
        near = known[(known[:, 0] < b + pad_ns) & (known[:, 1] > a - pad_ns)]
        yield Task(dataclasses.replace(records, archive=part), templates, near, rule, a, b)


def _reach_ns(templates, rule: RepeatRule) -> int:
    """Return how far a search looks beyond a chunk: peaks, a template, the level."""
    longest_ns = max(one.length_ns for one in templates)
    return longest_ns + round((rule.apart_s + (NEAR + 2) * rule.level_s) * NS_PER_S)


def search(task: Task) -> list[tuple[str, np.ndarray, np.ndarray, Null]]:
    """Correlate the templates of a sensor with a chunk of its records.

    Returns
    -------
    list of (event_id, samples, coefficients, Null)
        Of each template: where it fits best within `apart_s`, and what it does reversed.
    """
    records, rule = task.records, task.rule
    reach_ns = _reach_ns(task.templates, rule)
    span = (task.start_ns - reach_ns, task.end_ns + reach_ns)
    ((_, first, x),) = records.between([span])
    x = levelled(x, first, records.rate_hz, rule)
    low, high = (number(t, records.rate_hz) - first for t in (task.start_ns, task.end_ns))
    by_length = defaultdict(list)
    for one in task.templates:
        by_length[one.data.shape[1]].append(one)
    found = []
    for same in by_length.values():
        for k in range(0, len(same), LOT):
            found += _correlated(same[k : k + LOT], x, first, (low, high), task)
    return found


def _correlated(lot: list[Template], x, first: int, inside, task: Task) -> Iterator[tuple]:
    band, rate_hz = task.records.band, task.records.rate_hz
    apart = max(1, round(task.rule.apart_s * rate_hz))
    # Peaks of chance are independent from about 1/B on.
    chance_apart = max(1, round(rate_hz / (min(band.f_max_hz, 0.4 * rate_hz) - band.f_min_hz)))
    data = np.stack([one.data for one in lot])
    c = coefficients(x, np.concatenate([data, data[:, :, ::-1]]))
    n = len(lot)
    for one, forward, backward in zip(lot, c[:n], c[n:], strict=True):
        low, high = inside[0], min(inside[1], len(forward))
        for a, b in task.known.tolist():
            begin = number(a, rate_hz) - first - one.data.shape[1]
            backward[max(begin, 0) : max(number(b, rate_hz) - first, 0)] = np.nan
        at = _within(peaks(forward, apart), low, high)
        chance = _within(peaks(backward, chance_apart), low, high)
        days = np.isfinite(backward[low:high]).sum() / rate_hz * NS_PER_S / DAY_NS
        null = Null.of(backward[low:high], chance - low, days)
        yield one.event_id, *_largest(at + first, forward[at]), null


def _largest(at: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the largest peaks in order of time; of equal ones the first."""
    kept = np.sort(np.lexsort((at, -np.abs(c)))[:MOST])
    return at[kept], c[kept]


def _within(at: np.ndarray, low: int, high: int) -> np.ndarray:
    return at[(at >= low) & (at < high)]


def searched(tasks: list[Task], jobs: int, on_progress) -> dict[tuple, tuple]:
    """Return samples, coefficients and the null of each template over all chunks."""
    found: dict[tuple, tuple] = {}
    done = run_tasks(search, tasks, jobs=jobs)
    for n, (task, result) in enumerate(done, start=1):
        if isinstance(result, Lost):
            raise NoDataError(
                f"A chunk of {task.records.station} from {iso(task.start_ns)} could not be "
                f"searched: {result.why}.",
                "Use fewer processes (-j).",
            )
        for event_id, at, c, null in result:
            key = task.records.station, task.records.rate_hz, event_id
            before = found.get(key)
            if before is not None:
                at, c = (np.concatenate(pair) for pair in zip(before[:2], (at, c), strict=True))
                null = before[2] + null
            found[key] = (*_largest(at, c), null)
        if on_progress is not None:
            on_progress(n, len(tasks))
    return {key: (*_in_time(at, c), null) for key, (at, c, null) in found.items()}


def _in_time(at: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(at)
    return at[order], c[order]
