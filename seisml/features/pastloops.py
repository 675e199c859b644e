"""Compiled loops over what looks back in time: see `seisml.features.series`, `ratios`, `ranks`.

Series have the shape (n_steps, n_blocks), as there; a stretch of blocks at a time fits the cache.
"""

import math

import numpy as np

from seisml.features.compiling import count, helper, loop, read, real, write

WIDTH = 128
"""Blocks that are worked on at once."""


@helper
def _earlier(x, i, begin, end):
    """Return step i of some blocks; steps before the first one are those of the block before."""
    return x[i, begin:end] if i >= 0 else x[len(x) + i, begin - 1 : end - 1]


@helper
def _few(x, n, scale, begin, end, out, at):
    """Write sums of the n values up to each one, at most as many as there are steps."""
    first = max(begin, 1)
    for i in range(len(x)):
        if begin == 0:
            out[i, at] = 0.0
            for m in range(max(0, i - n + 1), i + 1):
                out[i, at] += x[m, 0] * scale
        row, source = out[i, at + first - begin : at + end - begin], x[i, first:end]
        for b in range(len(row)):
            row[b] = source[b] * scale
        for m in range(1, n - 1, 2):
            one, other = _earlier(x, i - m, first, end), _earlier(x, i - m - 1, first, end)
            for b in range(len(row)):
                row[b] += (one[b] + other[b]) * scale
        if n % 2 == 0:
            one = _earlier(x, i - n + 1, first, end)
            for b in range(len(row)):
                row[b] += one[b] * scale


@helper
def _add_ends(x, scale, begin, end, back, last, shift, out, at):
    """Add to steps the sums from others to the end of the block so many blocks back."""
    room = np.zeros(end - begin)
    for j in range(len(x) - 1, last - 1, -1):
        source = x[j, begin - back : end - back]
        for b in range(len(room)):
            room[b] += source[b] * scale
        if j + shift < len(x):
            row = out[j + shift, at : at + end - begin]
            for b in range(len(room)):
                row[b] += room[b]


@helper
def _many(x, n, scale, between, begin, end, out, at):
    """Write sums of the n values up to each one, more than there are steps."""
    steps = len(x)
    whole, last = (n - 1) // steps, (n - 1) % steps
    total = np.zeros(end - begin)
    for i in range(steps):
        row, source = out[i, at : at + end - begin], x[i, begin:end]
        before = between[0 if i <= last else 1, begin:end]
        for b in range(len(total)):
            total[b] += source[b] * scale
        for b in range(len(total)):
            row[b] = total[b] + before[b] * scale
    # Of the first block, one more back up to the step `last`, its last steps are summed.
    for back, least, shift in ((whole + 1, steps - last, last - steps), (whole, 1, last)):
        first = max(begin, back)
        if first < end:
            _add_ends(x, scale, first, end, back, least, shift, out, at + first - begin)


@helper
def _sums(x, n, unit, between, begin, end, out, at):
    if n <= len(x):
        _few(x, n, 1.0 / unit, begin, end, out, at)
    else:
        _many(x, n, 1.0 / unit, between, begin, end, out, at)


@helper
def _means(x, n, late, least, between, begin, end, out, at):
    """Write means of what is known of the n values up to each one, NaN where too few are.

    The first ``late`` values are not known, all others are.
    """
    if end <= begin:
        return
    _sums(x, n, float(n), between, begin, end, out, at)
    for b in range(begin, min(end, (n + late) // len(x) + 1)):
        for i in range(len(x)):
            known = b * len(x) + i + 1 - late
            if known < least:
                out[i, at + b - begin] = np.nan
            elif known < n:
                out[i, at + b - begin] *= n / known


@loop(read(float, 2), count, real, read(float, 2), write(float, 2))
def sums(x, n, unit, between, out):
    """Sum the n values up to and including each one.

    What lies in the block of the value and in the first block is summed step by step. ``between``
    has the sums of the whole blocks before each one: where the step is in the first (n - 1) modulo
    n_steps or at it, and after it. Sums are in a unit: n for means.
    """
    for begin in range(0, x.shape[1], WIDTH):
        _sums(x, n, unit, between, begin, min(begin + WIDTH, x.shape[1]), out, begin)


@helper
def _largest(x, out):
    """Keep the larger of two values; a value that is known rather than NaN."""
    for m in range(len(x)):
        out[m] = out[m] if x[m] != x[m] or out[m] >= x[m] else x[m]


@helper
def _count_ratios(ratio, limit, out, begin, end):
    """Take ratios of some blocks into what `ratios` finds."""
    largest, total, known = out[0, begin:end], out[1, begin:end], out[2, begin:end]
    above = out[3, begin:end]
    _largest(ratio, largest)
    for m in range(len(ratio)):
        total[m] += ratio[m] if ratio[m] == ratio[m] else 0.0
    for m in range(len(ratio)):
        known[m] += 1.0 if ratio[m] == ratio[m] else 0.0
    for m in range(len(ratio)):
        above[m] += 1.0 if ratio[m] > limit else 0.0


@helper
def _before(means, origin, i, n, begin, end):
    """Return the first of some blocks that has values n before step i, and their means.

    Those of the block ``origin`` are the first of the means.
    """
    steps = len(means)
    back = (n - i + steps - 1) // steps
    first = min(max(begin, back), end)
    return first, means[(i - n) % steps, first - back - origin : end - back - origin]


@loop(
    *(read(float, 2), count, count, read(float, 2), read(float, 2), real),
    *(write(float, 2), write(float, 2)),
)
def ratios(x, n_sta, n_lta, of_sta, of_lta, limit, sta, out):
    """Compare the mean of n_sta values with that of the n_lta before them, in each block.

    Parameters
    ----------
    x : shape (n_steps, n_blocks)
        All known.
    of_sta, of_lta : shape (2, n_blocks)
        ``between`` of `sums` of both.
    sta : shape (n_steps, n_blocks)
        To be filled with the means of n_sta values, NaN where there are fewer.
    out : shape (4, n_blocks)
        To be filled with the largest ratio, NaN where there is none, the sum and the number of
        those that are known, and the number above the limit.
    """
    steps, blocks = x.shape
    lta, room = np.empty((steps, WIDTH + 1)), np.empty(WIDTH)
    out[0], out[1:] = np.nan, 0.0
    for begin in range(0, blocks, WIDTH):
        end = min(begin + WIDTH, blocks)
        origin, last = max(0, begin - n_sta // steps - 1), end - n_sta // steps
        _means(x, n_sta, 0, n_sta, of_sta, begin, end, sta, begin)
        _means(x, n_lta, 0, max(1.0, 0.5 * n_lta), of_lta, origin, last, lta, 0)
        for i in range(steps):
            first, b = _before(lta, origin, i, n_sta, begin, end)
            a, r = sta[i, first:end], room[: end - first]
            for m in range(len(r)):
                r[m] = a[m] / b[m] if b[m] > 0.0 else np.nan
            _count_ratios(r, limit, out, first, end)


@loop(
    *(read(float, 2), read(float, 2), count, count, count, read(float, 2), read(float, 2)),
    write(float),
)
def scores(x, square, late, n, n_lta, of_mean, of_square, out):
    """Find the largest deviation, in standard deviations, from the n_lta values n values before.

    Parameters
    ----------
    x, square : shape (n_steps, n_blocks)
        Values and their squares, the first ``late`` of them not known and 0.
    of_mean, of_square : shape (2, n_blocks)
        ``between`` of `sums` of both.
    out : shape (n_blocks,)
        NaN where there is none.
    """
    steps, blocks = x.shape
    least = max(1.0, 0.5 * n_lta)
    mean, power, room = np.empty((steps, WIDTH + 1)), np.empty((steps, WIDTH + 1)), np.empty(WIDTH)
    out[:] = np.nan
    for begin in range(0, blocks, WIDTH):
        end = min(begin + WIDTH, blocks)
        origin, last = max(0, begin - n // steps - 1), end - n // steps
        _means(x, n_lta, late, least, of_mean, origin, last, mean, 0)
        _means(square, n_lta, late, least, of_square, origin, last, power, 0)
        for i in range(steps):
            first, m1 = _before(mean, origin, i, n, begin, end)
            first, m2 = _before(power, origin, i, n, begin, end)
            now, r = x[i, first:end], room[: end - first]
            for m in range(len(r)):
                v = m2[m] - m1[m] * m1[m]
                r[m] = (now[m] - m1[m]) / math.sqrt(v) if v > 1e-12 else np.nan
            _largest(r, out[first:end])


@helper
def _after(present, place):
    """Return the next place that is taken."""
    place += 1
    while not present[place]:
        place += 1
    return place


@helper
def _sooner(present, place):
    """Return the last place before that is taken."""
    place -= 1
    while not present[place]:
        place -= 1
    return place


@helper
def _taken_out(present, rank, at, below, known):
    """Return the place that is looked at, and how many are taken below it, without one of them."""
    present[rank] = False
    if rank < at:
        return at, below - 1
    if rank > at or known == 0:
        return at, below
    if below < known:
        return _after(present, rank), below
    return _sooner(present, rank), below - 1


@loop(read(float), read(np.int64), count, real, write(bool), write(float))
def trailing_quantiles(ordered, ranks, n, q, present, out):
    """Find the quantile of what is known of the n values up to each one: `ranks`.

    Parameters
    ----------
    ordered : float64, shape (n_known,)
        Values that are known, in order.
    ranks : int64, shape (n_values,)
        Place of each value in them, negative where it is not known.
    present : bool, shape (n_known,)
        Room, False.
    """
    known, at, below = 0, -1, 0
    for i in range(len(ranks)):
        if i >= n and ranks[i - n] >= 0:
            known -= 1
            at, below = _taken_out(present, ranks[i - n], at, below, known)
        if ranks[i] >= 0:
            present[ranks[i]] = True
            at, below = (ranks[i], 0) if known == 0 else (at, below + (ranks[i] < at))
            known += 1
        out[i] = np.nan
        if known >= 2:
            place = q * (known - 1)
            rank = int(place)
            while below < rank:
                at, below = _after(present, at), below + 1
            while below > rank:
                at, below = _sooner(present, at), below - 1
            low = ordered[at]
            high = ordered[_after(present, at)] if rank < known - 1 else low
            out[i] = low + (high - low) * (place - rank)
