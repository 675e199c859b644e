"""Resampling: 95 % intervals of rates and shares of events that come in clusters."""

import dataclasses
import math

import numpy as np
from scipy.special import ndtr, stdtrit

from seisml.comparison import Comparison, scored_covers
from seisml.errors import ConfigError
from seisml.intervals import elapsed_ns
from seisml.planets import get_body
from seisml.times import DAY_NS, NS_PER_S

RATES = ("recall", "precision", "f1", "jaccard", "unmatched_per_day")
MIN_BLOCKS = 5
"""Fewest blocks for an interval: with 3, intervals of 95 % hold the truth in 78 % of cases."""

_Z95 = 1.959963984540054
_DAY_PARTS = (1, 2, 4, 8, 24)
_LIMITS_S = (1.0, 1e9)
_MOST_BLOCKS = 10_000_000  # 320 MB of counts


@dataclasses.dataclass(frozen=True)
class Blocks:
    """Consecutive blocks of time: days, sols, or what is asked for.

    Attributes
    ----------
    length_ns : int
    zero_ns : int
        When block 0 begins.
    """

    length_ns: int
    zero_ns: int = 0

    @classmethod
    def of(cls, comparison: Comparison, block_s: float | None = None) -> "Blocks":
        """Return blocks of that length, by default the days of the body.

        Where fewer than `MIN_BLOCKS` days hold expert events, halves, quarters, eighths or 24th
        parts of a day are taken, the longest of which enough do.

        Raises
        ------
        ConfigError
            If `block_s` is not from 1 to 1e9 s.
        """
        days = cls.days(comparison)
        if block_s is None:
            shorter = (cls(days.length_ns // parts, days.zero_ns) for parts in _DAY_PARTS)
            enough = (b for b in shorter if n_blocks(comparison, b) >= MIN_BLOCKS)
            return next(enough, days)
        if not _LIMITS_S[0] <= block_s <= _LIMITS_S[1]:
            raise ConfigError(
                f"block_s must be from 1 to 1e9 seconds; got {block_s}.", "A day is 86400."
            )
        return cls(int(block_s * NS_PER_S), days.zero_ns)

    @classmethod
    def days(cls, comparison: Comparison) -> "Blocks":
        """Return the days of the body, sols on Mars."""
        body = get_body(comparison.body)
        return cls(body.day_ns, body.day_zero_ns)

    def number(self, time_ns) -> np.ndarray:
        """Return the number of the block of each instant."""
        return (np.asarray(time_ns, dtype=np.int64) - self.zero_ns) // self.length_ns


def rates(matched, missed, unmatched, days) -> dict:
    """Return the rates of counts, which may be arrays; NaN for 0 / 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "recall": matched / (matched + missed),
            "precision": matched / (matched + unmatched),
            "f1": 2 * matched / (2 * matched + missed + unmatched),
            "jaccard": matched / (matched + missed + unmatched),
            "unmatched_per_day": unmatched / days,
        }


def bootstrap(
    comparison: Comparison, blocks: Blocks, *, n_boot: int = 1000, seed: int = 0
) -> tuple[dict[str, tuple[float, float]], int]:
    """Return 95 % intervals of the rates by resampling whole blocks of time.

    Parameters
    ----------
    comparison : Comparison
    blocks : Blocks
    n_boot : int
        Resamples; 0 leaves the intervals out.
    seed : int
        Of the random numbers.

    Returns
    -------
    intervals : dict of str to (float, float)
        For each of `RATES`; NaN where fewer than `MIN_BLOCKS` blocks tell something of it.
    n_blocks : int
        Blocks that have data and expert events.

    Notes
    -----
    Percentiles are expanded for few blocks [2]_, where they can reach 0 and 1 whatever the share:
    no interval of a share is wider than Wilson's of the blocks, each taken as one observation.
    Shares of 0 and 1 do not vary when resampled; they get Wilson's interval, a rate of 0 the upper
    limit of Poisson's.

    References
    ----------
    .. [1] Kuensch (1989), The jackknife and the bootstrap for general stationary observations,
       Annals of Statistics 17, https://doi.org/10.1214/aos/1176347265
    .. [2] Hesterberg (2015), What teachers should know about the bootstrap, American Statistician
       69, https://doi.org/10.1080/00031305.2015.1089789
    """
    table = block_table(comparison, blocks)
    intervals = dict.fromkeys(RATES, (math.nan, math.nan))
    if len(table) < MIN_BLOCKS or n_boot < 1:
        return intervals, n_blocks(comparison, blocks)
    rng = np.random.default_rng(seed)
    at_once = max(1, 2_000_000 // len(table))
    sums = [
        table[rng.integers(len(table), size=(min(at_once, n_boot - done), len(table)))].sum(1)
        for done in range(0, n_boot, at_once)
    ]
    extremes, widest = _limits_of_extremes(*table.sum(0)), _widest(table)
    telling = {name: int(np.isfinite(each).sum()) for name, each in rates(*table.T).items()}
    for name, values in rates(*np.concatenate(sums).T).items():
        if telling[name] >= MIN_BLOCKS:
            low, high = expanded_limits(values[np.isfinite(values)], telling[name])
            least, most = widest.get(name, (-math.inf, math.inf))
            limits = float(max(low, least)), float(min(high, most))
            intervals[name] = extremes.get(name, limits)
    return intervals, n_blocks(comparison, blocks)


def n_blocks(comparison: Comparison, blocks: Blocks) -> int:
    """Return how many blocks have data and expert events (where there are none at all: data)."""
    table = block_table(comparison, blocks)
    with_events = int((table[:, 0] + table[:, 1] > 0).sum())
    return with_events or len(table)


def expanded_limits(values, n_blocks: int) -> np.ndarray:
    """Return the limits of 95 % of resampled values, wider where the blocks are few.

    Parameters
    ----------
    values : array_like of float, shape (n_boot, ...)
    n_blocks : int
        Blocks that were resampled; at least 2.

    Returns
    -------
    numpy.ndarray of float64, shape (2, ...)
        Quantiles at Phi(-+ t sqrt(n / (n - 1))), t of Student's distribution (Hesterberg 2015).

    Examples
    --------
    >>> expanded_limits(np.arange(1001), 1000).round().tolist()
    [25.0, 975.0]
    """
    spread = math.sqrt(n_blocks / (n_blocks - 1)) * stdtrit(n_blocks - 1, 0.975)
    return np.quantile(values, [ndtr(-spread), ndtr(spread)], axis=0)


def _widest(table: np.ndarray) -> dict[str, tuple[float, float]]:
    """Return Wilson's intervals of shares whose events are all alike within a block.

    The design effect is then the sum of the squared sizes of the blocks over that of the sizes.
    """
    matched, missed, unmatched, _ = table.T
    out = {}
    wholes = {"recall": missed, "precision": unmatched, "jaccard": missed + unmatched}
    for name, others in wholes.items():
        size = matched + others
        if size.sum() > 0:
            effect = (size**2).sum() / size.sum()
            limits = share_interval(size.sum(), matched.sum(), effect)
            out[name] = tuple(map(float, limits))
    if "jaccard" in out:
        out["f1"] = tuple(2 * share / (1 + share) for share in out["jaccard"])
    return out


def _limits_of_extremes(matched, missed, unmatched, days) -> dict[str, tuple[float, float]]:
    """Return intervals of the rates that are 0 or 1, which no resampling can tell."""
    out = {}
    wholes = {"recall": missed, "precision": unmatched, "jaccard": missed + unmatched}
    for name, others in wholes.items():
        if (matched == 0) != (others == 0):
            low, high = share_interval(matched + others, matched)
            out[name] = (float(low), float(high))
    if "jaccard" in out:
        out["f1"] = tuple(2 * share / (1 + share) for share in out["jaccard"])
    if unmatched == 0 and days > 0:
        out["unmatched_per_day"] = (0.0, -math.log(0.025) / days)
    return out


def block_table(c: Comparison, blocks: Blocks) -> np.ndarray:
    """Return matched, missed, unmatched and usable days of each block that has data, (n, 4)."""
    return numbered_table(c, blocks)[1]


def numbered_table(c: Comparison, blocks: Blocks) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of the blocks that have data, (n,), and the rows of `block_table`."""
    tables = ((c.matched, "expert_ns"), (c.missed, "time_ns"), (c.unmatched, "time_ns"))
    numbers = [blocks.number(table[column]) for table, column in tables]
    covers = scored_covers(c.coverage, c.ignored_spans, c.by_station)
    if c.coverage is None:
        every = np.concatenate(numbers)
    else:
        ends = [(cover[0, 0], cover[-1, 1] - 1) for cover in covers]
        every = blocks.number(np.array(ends, dtype=np.int64).ravel())
    if not len(every):
        return np.empty(0, dtype=np.int64), np.empty((0, 4))
    first, n = int(every.min()), int(every.max() - every.min()) + 1
    if n > _MOST_BLOCKS:
        raise ConfigError(
            f"The events span {n} blocks of {blocks.length_ns / NS_PER_S:g} s; at most "
            f"{_MOST_BLOCKS} are counted.",
            "Take longer blocks (block_s); a day is 86400.",
        )
    counts, block = [np.bincount(number - first, minlength=n) for number in numbers], np.arange(n)
    if c.coverage is None:
        return first + block, np.column_stack([*counts, np.full(n, math.nan)])
    edges = (first + np.arange(n + 1)) * blocks.length_ns + blocks.zero_ns
    usable = sum(np.diff(elapsed_ns(cover, edges)) for cover in covers) / DAY_NS
    return (first + block)[usable > 0], np.column_stack([*counts, usable])[usable > 0]


def paired_tables(first: Comparison, second: Comparison, blocks: Blocks) -> list[np.ndarray]:
    """Return `block_table` of two comparisons, row by row of the same block.

    Without coverage blocks are as far as the events reach: beyond them there is nothing to count.
    With it, only blocks count that both have.
    """
    known = [numbered_table(one, blocks) for one in (first, second)]
    if first.coverage is None or second.coverage is None:
        every = np.union1d(known[0][0], known[1][0])
    else:
        every = np.intersect1d(known[0][0], known[1][0])
    out = []
    for one, (number, table) in zip((first, second), known, strict=True):
        rows = np.zeros((len(every), 4))
        rows[:, 3] = math.nan if one.coverage is None else 0.0
        mine = np.isin(number, every)
        rows[np.searchsorted(every, number[mine])] = table[mine]
        out.append(rows)
    return out


def design_effect(hit, block) -> float:
    """Return how much more a share varies between blocks than independent events would.

    Parameters
    ----------
    hit : array_like of bool, shape (n_events,)
    block : array_like of int, shape (n_events,)
        Number of the block of each event.

    Returns
    -------
    float
        At least 1; NaN where it cannot be known: fewer than three blocks with events, or a share
        of 0 or 1.

    Examples
    --------
    >>> round(design_effect([1, 1, 1, 0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 1, 2, 2, 2]), 6)
    4.5
    """
    hit = np.asarray(hit, dtype=np.float64)
    _, number = np.unique(block, return_inverse=True)
    in_block = np.bincount(number)
    share = hit.mean() if len(hit) else math.nan
    if len(in_block) < 3 or not 0 < share < 1:
        return math.nan
    excess = np.bincount(number, hit) - share * in_block
    variance = (excess**2).sum() * len(in_block) / (len(in_block) - 1) / len(hit) ** 2
    return max(1.0, float(variance / (share * (1 - share) / len(hit))))


def share_interval(n, k, effect=1.0) -> tuple[np.ndarray, np.ndarray]:
    """Return Wilson's 95 % interval of shares, for events that come in clusters.

    Parameters
    ----------
    n, k : array_like of int
        Events, and how many of them are hits.
    effect : array_like of float
        Design effect, by which the number of events is divided.

    Returns
    -------
    low, high : numpy.ndarray of float64

    References
    ----------
    .. [1] Wilson (1927), Probable inference, the law of succession, and statistical inference,
       JASA 22, https://doi.org/10.1080/01621459.1927.10502953
    .. [2] Franco et al. (2019), Comparative study of confidence intervals for proportions in
       complex sample surveys, J. Survey Statistics and Methodology 7,
       https://doi.org/10.1093/jssam/smy019

    Examples
    --------
    >>> [round(float(value), 3) for value in share_interval(10, 5)]
    [0.237, 0.763]
    """
    n, k = np.asarray(n, dtype=np.float64), np.asarray(k, dtype=np.float64)
    share = k / np.maximum(n, 1)
    n = n / effect
    centre = (share * n + _Z95**2 / 2) / (n + _Z95**2)
    half = _Z95 * np.sqrt(share * (1 - share) * n + _Z95**2 / 4) / (n + _Z95**2)
    return np.maximum(centre - half, 0.0), np.minimum(centre + half, 1.0)
