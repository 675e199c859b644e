"""Matching: instants and intervals are paired one-to-one, most pairs first, then least distance."""

import numpy as np

from seisml.assignment import assign
from seisml.errors import ConfigError, did_you_mean
from seisml.intervals import index_pairs

_MAX_EDGES = 10_000_000  # possible pairs held at once, about 1 GB
LEAST_OVERLAP = {"interval": 0.1, "overlap": 0.25, "iou": 0.1}
"""Modes of `match_intervals`, and the overlap that each asks for by default."""


def match(times_a, times_b, *, tolerance_ns) -> tuple[np.ndarray, np.ndarray]:
    """Pair instants one-to-one: most pairs first, then least total time difference.

    Parameters
    ----------
    times_a, times_b : array_like of int, shape (n_a,) and (n_b,)
        Instants in ns, in any order.
    tolerance_ns : int or array_like of int, shape (n_a,)
        Largest difference of a pair, inclusive; one for all, or one for each of `times_a`.

    Returns
    -------
    index_a, index_b : numpy.ndarray of int64, shape (n_pairs,)
        ``times_a[index_a[k]]`` is paired with ``times_b[index_b[k]]``; sorted by time.

    Raises
    ------
    ConfigError
        If a tolerance is negative, the times span 146 years or more, or tolerances that differ
        allow more than 10 million pairs.

    Notes
    -----
    With one tolerance the optimum is found exactly in integers, in O(n log n) time and O(n)
    memory however dense the events are: an optimal pairing leaves an event alone only where the
    running count of a minus b is at the level at which the surrounding pairs start and end, so
    that it is a chain of excursions of that count, each with a known cost. The result does not
    depend on the order of the input nor on which side is called a (equal times are taken in
    input order). With tolerances that differ, components of the graph of possible pairs are
    solved by the Hungarian algorithm [1]_, large ones by its sparse form [2]_.

    References
    ----------
    .. [1] Crouse (2016), On implementing 2D rectangular assignment algorithms, IEEE TAES 52,
       https://doi.org/10.1109/TAES.2016.140952
    .. [2] Jonker and Volgenant (1987), A shortest augmenting path algorithm for dense and sparse
       linear assignment problems, Computing 38, https://doi.org/10.1007/BF02278710

    Examples
    --------
    >>> a, b = match([0, 100, 200], [104, 96, 300], tolerance_ns=100)
    >>> a.tolist(), b.tolist()
    ([0, 1, 2], [1, 0, 2])
    """
    a, b = _relative(times_a, times_b)
    tolerance = _tolerance_array(tolerance_ns, len(a))
    order_a, order_b = np.lexsort((tolerance, a)), np.argsort(b, kind="stable")
    sorted_a, sorted_b, tolerance = a[order_a], b[order_b], tolerance[order_a]
    if not (len(a) and len(b)):
        pairs = order_a[:0], order_b[:0]
    elif tolerance.min() == tolerance.max():
        pairs = _match_line(sorted_a, sorted_b, int(tolerance[0]))
    else:
        low = np.searchsorted(sorted_b, sorted_a - tolerance, side="left")
        high = np.searchsorted(sorted_b, sorted_a + tolerance, side="right")
        i, j = _possible(low, high)
        pairs = assign(i, j, np.abs(sorted_b[j] - sorted_a[i]), len(a), len(b))
    return order_a[pairs[0]], order_b[pairs[1]]


def match_intervals(
    start_a, end_a, start_b, end_b, *, tolerance_ns=0, mode="interval", min_overlap=None
) -> tuple[np.ndarray, np.ndarray]:
    """Pair intervals one-to-one: most pairs first, then least total onset difference.

    Parameters
    ----------
    start_a, end_a : array_like of int, shape (n_a,)
        Expert intervals, ns; an end that is missing (`seisml.times.NAT`) or earlier than the
        start is taken as the start.
    start_b, end_b : array_like of int, shape (n_b,)
        Machine intervals, likewise.
    tolerance_ns : int or array_like of int, shape (n_a,)
        One for all, or one for each expert interval; only the mode interval uses it.
    mode : {"interval", "overlap", "iou"}
        What makes a pair possible: that b overlaps at least `min_overlap` of a (overlap; of an
        instant all or nothing), that intersection over union is at least `min_overlap` (iou), or
        that this is so or the onset of b lies in [start_a - tolerance, end_a + tolerance]
        (interval).
    min_overlap : float, optional
        More than 0 and at most 1; by default that of `LEAST_OVERLAP`.

    Returns
    -------
    index_a, index_b : numpy.ndarray of int64, shape (n_pairs,)
        Sorted by onset of a.

    Raises
    ------
    ConfigError
        If a tolerance is negative, `mode` is unknown, `min_overlap` is not in (0, 1], or more than
        10 million pairs are possible.

    Examples
    --------
    >>> a, b = match_intervals([0, 50], [40, 90], [20, 45], [30, 95], tolerance_ns=2)
    >>> a.tolist(), b.tolist()
    ([0, 1], [0, 1])
    """
    start_a, end_a, start_b, end_b = spans_of(start_a, end_a, start_b, end_b)
    tolerance = _tolerance_array(tolerance_ns, len(start_a))
    order_a, order_b = np.lexsort((tolerance, end_a, start_a)), np.lexsort((end_b, start_b))
    a, b = (start_a[order_a], end_a[order_a]), (start_b[order_b], end_b[order_b])
    i, j = interval_pairs(a, b, tolerance[order_a], mode, min_overlap)
    i, j = assign(i, j, np.abs(b[0][j] - a[0][i]), len(start_a), len(start_b))
    return order_a[i], order_b[j]


def _match_line(a: np.ndarray, b: np.ndarray, tolerance: int):
    """Match sorted instants with one tolerance exactly (see the notes of `match`)."""
    if _comes_first(b, a):  # the same problem whichever side is called a
        index_b, index_a = _match_line(b, a, tolerance)
        return index_a, index_b
    times = np.concatenate([a, b])
    order = np.argsort(times, kind="stable")
    from_a = order < len(a)
    sign = np.where(from_a, 1, -1)
    level = np.concatenate([[0], np.cumsum(sign)])
    start, end = _excursions(level)
    # Inside an excursion from level c the pairs are first in, first out: a[i] with b[i - c].
    # need = how high c must be for the partner not to be later than the tolerance allows.
    need = np.empty(len(times), dtype=np.int64)
    need[from_a] = np.arange(len(a)) - np.searchsorted(b, a + tolerance, side="right") + 1
    need[~from_a] = np.arange(len(b)) - np.searchsorted(a, b + tolerance, side="right") + 1
    never = -len(times)
    need_a = _range_max(np.where(from_a, need, never), start, end)
    need_b = _range_max(np.where(from_a, never, need), start, end)
    fits = np.where(from_a[start], need_a <= level[start], need_b <= -level[start])
    start, end = start[fits], end[fits]
    # Sums may wrap around in int64; their difference, the cost of a feasible excursion, is exact
    # if it fits itself. (Else Python integers do, slowly.)
    most = min(len(a), len(b)) * min(tolerance, int(times.max()))
    signed = sign * times[order]
    total = np.concatenate([[0], np.cumsum(signed if most < 2**63 else signed.astype(object))])
    cost = np.abs(total[end] - total[start])
    inside = _best_chain(len(times), start, end, cost, most + 1)
    return np.flatnonzero(inside[from_a]), np.flatnonzero(inside[~from_a])


def _comes_first(one: np.ndarray, two: np.ndarray) -> bool:
    if len(one) != len(two):
        return len(one) < len(two)
    differ = np.flatnonzero(one != two)[:1]
    return bool((one[differ] < two[differ]).any())


def _excursions(level: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return starts and ends of all first returns of a +-1 walk to its own level."""
    by_level = np.argsort(level, kind="stable")
    again = np.flatnonzero(level[by_level][1:] == level[by_level][:-1])
    start, end = by_level[again], by_level[again + 1]
    order = np.argsort(start)
    return start[order], end[order]


def _range_max(values: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return ``values[start:end].max()`` of many ranges by doubling window lengths."""
    out = np.empty(len(start), dtype=np.int64)
    doublings = np.frexp(end - start)[1] - 1
    table = values
    for power in range(doublings.max(initial=-1) + 1):
        step = 1 << power
        now = np.flatnonzero(doublings == power)
        out[now] = np.maximum(table[start[now]], table[end[now] - step])
        table = np.maximum(table[:-step], table[step:])
    return out


def _best_chain(n: int, start, end, cost, pair: int) -> np.ndarray:
    """Choose disjoint excursions with most pairs, then least cost; True for their members.

    `pair` is worth more than all costs together; Python integers do not overflow.
    """
    n_pairs = ((end - start) // 2).tolist()
    gain = [pair * many - c for many, c in zip(n_pairs, cost.tolist(), strict=True)]
    best = [0] * (n + 1)
    jump = [0] * (n + 1)
    later = n
    for k, stop, value in zip(
        reversed(start.tolist()), reversed(end.tolist()), reversed(gain), strict=True
    ):
        if later - k > 1:
            best[k + 1 : later] = [best[later]] * (later - k - 1)
        value += best[stop]
        if value >= best[k + 1]:
            best[k], jump[k] = value, stop
        else:
            best[k] = best[k + 1]
        later = k
    step = np.zeros(n + 1, dtype=np.int64)
    k = 0
    for first in np.flatnonzero(jump).tolist():
        if first >= k:
            k = jump[first]
            step[first] += 1
            step[k] -= 1
    return np.cumsum(step)[:n] > 0


def _possible(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    n_edges = int(np.maximum(high - low, 0).sum())
    if n_edges > _MAX_EDGES:
        raise ConfigError(
            f"{n_edges} pairs are possible within the tolerance; at most {_MAX_EDGES} are tried.",
            "The tolerance is far longer than the time between events: shorten it.",
        )
    return index_pairs(low, high)


def interval_pairs(a, b, tolerance, mode: str, min_overlap=None) -> tuple[np.ndarray, np.ndarray]:
    """List possible pairs of intervals (start, end), both sorted by start; see the modes above."""
    if mode not in LEAST_OVERLAP:
        raise ConfigError(f"mode is {mode!r}.", did_you_mean(str(mode), LEAST_OVERLAP))
    least = LEAST_OVERLAP[mode] if min_overlap is None else min_overlap
    if not 0 < least <= 1:
        raise ConfigError(f"min_overlap must be more than 0 and at most 1; got {least}.")
    if mode != "interval":
        return _overlapping(a, b, np.searchsorted(b[0], a[1], side="right"), mode, least)
    low = np.searchsorted(b[0], a[0] - tolerance, side="left")
    i, j = _possible(low, np.searchsorted(b[0], a[1] + tolerance, side="right"))
    more_i, more_j = _overlapping(a, b, low, "iou", least)  # alone decides for earlier onsets
    return np.concatenate([i, more_i]), np.concatenate([j, more_j])


def _overlapping(a, b, stop, mode: str, least: float) -> tuple[np.ndarray, np.ndarray]:
    """List pairs whose overlap is large enough, with ``j < stop[i]``."""
    first = np.searchsorted(np.maximum.accumulate(b[1]), a[0], side="left")
    if mode == "iou":  # b can then be no longer than a / least
        reach = np.minimum((a[1] - a[0]) / least, 2.0**61).astype(np.int64) + 1
        first = np.maximum(first, np.searchsorted(b[0], a[0] - reach, side="left"))
    i, j = _possible(first, stop)
    start_a, end_a, start_b, end_b = a[0][i], a[1][i], b[0][j], b[1][j]
    both = np.minimum(end_a, end_b) - np.maximum(start_a, start_b)
    whole = end_a - start_a
    if mode == "iou":
        whole = np.maximum(end_a, end_b) - np.minimum(start_a, start_b)
    keep = (both > 0) & (both >= least * whole)
    if mode == "overlap":
        keep |= (end_a == start_a) & (both == 0)
    return i[keep], j[keep]


def count_pairs(a: np.ndarray, b: np.ndarray, tolerance: int) -> int:
    """Return the largest number of pairs of sorted instants with one tolerance."""
    low = np.searchsorted(b, a - tolerance, side="left")
    high = np.searchsorted(b, a + tolerance, side="right")
    some = high > low
    count = free = 0
    for first, stop in zip(low[some].tolist(), high[some].tolist(), strict=True):
        j = max(first, free)
        if j < stop:
            count += 1
            free = j + 1
    return count


def _instants(times) -> np.ndarray:
    times = np.asarray(times)
    if times.size and (times.dtype.kind not in "iu" or times.ndim != 1):
        raise ConfigError(
            f"times must be integers (ns) of shape (n,); got {times.dtype} of shape {times.shape}.",
            "Convert times with seisml.times.to_ns.",
        )
    return times.astype(np.int64)


def _relative(*arrays) -> list[np.ndarray]:
    """Return int64 copies, relative to the earliest, that can be added without overflow."""
    arrays = [_instants(times) for times in arrays]
    filled = [times for times in arrays if times.size]
    base = min((int(times.min()) for times in filled), default=0)
    if max((int(times.max()) for times in filled), default=0) - base >= 2**62:
        raise ConfigError("the times span 146 years or more.", "Is a missing time among them?")
    return [times - base for times in arrays]


def spans_of(start_a, end_a, start_b, end_b) -> list[np.ndarray]:
    """Return intervals relative to one origin, an end before its start taken as the start."""
    start_a, end_a, start_b, end_b = map(_instants, (start_a, end_a, start_b, end_b))
    if start_a.shape != end_a.shape or start_b.shape != end_b.shape:
        raise ConfigError("every interval needs a start and an end; the numbers differ.")
    return _relative(start_a, np.maximum(end_a, start_a), start_b, np.maximum(end_b, start_b))


def _tolerance_array(tolerance_ns, n: int) -> np.ndarray:
    tolerance = np.asarray(tolerance_ns)
    if tolerance.dtype.kind not in "iu" and tolerance.size:
        raise ConfigError(f"tolerance_ns must be integers (ns); got {tolerance.dtype}.")
    if tolerance.ndim and tolerance.shape != (n,):
        raise ConfigError(
            f"tolerance_ns has shape {tolerance.shape}; it must be one number or shape ({n},)."
        )
    if tolerance.size and (tolerance.min() < 0 or tolerance.max() >= 2**61):
        raise ConfigError("tolerance_ns must be from 0 to less than 2**61 (73 years).")
    return np.broadcast_to(tolerance, n).astype(np.int64)
