"""Compiled loops over what looks back in time: see `seisml.features.series`, `ratios`, `ranks`.

Series have the shape (n_steps, n_blocks), as there; a stretch of blocks at a time fits the cache.
"""

import math

import numpy as np

from seisml.features.compiling import count, helper, loop, read, real, write

WIDTH = 256
"""Blocks that are worked on at once."""


@helper
def _earlier(x, i, begin, end):
    """Return step i of some blocks; steps before the first one are those of the block before."""
    return x[i, begin:end] if i >= 0 else x[len(x) + i, begin - 1 : end - 1]


@loop(read(float, 2), count, real, write(float, 2))
def sums_of_few(x, n, unit, out):
    """Sum the n values up to and including each one, at most as many as there are steps.

    Sums are in a unit: n for means.
    """
    scale = 1.0 / unit
    steps, blocks = x.shape
    for i in range(steps):
        out[i, 0] = 0.0
        for m in range(max(0, i - n + 1), i + 1):
            out[i, 0] += x[m, 0] * scale
    for begin in range(1, blocks, WIDTH):
        end = min(begin + WIDTH, blocks)
        for i in range(steps):
            row, first = out[i, begin:end], _earlier(x, i, begin, end)
            for b in range(len(row)):
                row[b] = first[b] * scale
            for m in range(1, n - 1, 2):
                one = _earlier(x, i - m, begin, end)
                other = _earlier(x, i - m - 1, begin, end)
                for b in range(len(row)):
                    row[b] += (one[b] + other[b]) * scale
            if n % 2 == 0:
                one = _earlier(x, i - n + 1, begin, end)
                for b in range(len(row)):
                    row[b] += one[b] * scale


@helper
def _add_ends(x, scale, begin, end, back, last, shift, out, room):
    """Add to steps the sums from others to the end of the block so many blocks back."""
    total = room[: end - begin]
    total[:] = 0.0
    for j in range(len(x) - 1, last - 1, -1):
        source = x[j, begin - back : end - back]
        for b in range(len(total)):
            total[b] += source[b] * scale
        if j + shift < len(x):
            row = out[j + shift, begin:end]
            for b in range(len(total)):
                row[b] += total[b]


@loop(read(float, 2), count, real, read(float, 2), write(float, 2))
def sums_of_many(x, n, unit, between, out):
    """Sum the n values up to and including each one, more than there are steps.

    What lies in the block of the value and in the first block is summed step by step. ``between``
    has the sums of the whole blocks before each one: where the step is in the first (n - 1) modulo
    n_steps or at it, and after it. Sums are in a unit: n for means.
    """
    scale = 1.0 / unit
    steps, blocks = x.shape
    whole, last = (n - 1) // steps, (n - 1) % steps
    room = np.empty(WIDTH)
    for begin in range(0, blocks, WIDTH):
        end = min(begin + WIDTH, blocks)
        total = room[: end - begin]
        total[:] = 0.0
        for i in range(steps):
            row, source = out[i, begin:end], x[i, begin:end]
            before = between[0 if i <= last else 1, begin:end]
            for b in range(len(total)):
                total[b] += source[b] * scale
            for b in range(len(total)):
                row[b] = total[b] + before[b] * scale
        # Of the first block, one more back up to the step `last`, its last steps are summed.
        first = max(begin, whole + 1)
        if first < end:
            _add_ends(x, scale, first, end, whole + 1, steps - last, last - steps, out, room)
        first = max(begin, whole)
        if first < end:
            _add_ends(x, scale, first, end, whole, 1, last, out, room)


@helper
def _largest(x, out):
    """Keep the larger of two values; a value that is known rather than NaN."""
    for m in range(len(x)):
        out[m] = out[m] if x[m] != x[m] or out[m] >= x[m] else x[m]


@loop(read(float, 2), read(float, 2), count, real, write(float, 2))
def ratios(now, past, n, limit, out):
    """Compare values with others n values before, in each block.

    Parameters
    ----------
    now, past : shape (n_steps, n_blocks)
    n : int
    limit : float
    out : shape (4, n_blocks)
        To be filled with the largest ratio, NaN where there is none, the sum and the number of
        those that are known, and the number above the limit.
    """
    steps, blocks = now.shape
    room = np.empty(WIDTH)
    for begin in range(0, blocks, WIDTH):
        end = min(begin + WIDTH, blocks)
        for k in range(4):
            out[k, begin:end] = np.nan if k == 0 else 0.0
        for i in range(steps):
            back, j = (n - i + steps - 1) // steps, (i - n) % steps
            first = max(begin, back)
            if first >= end:
                continue
            a, b, r = now[i, first:end], past[j, first - back : end - back], room[: end - first]
            for m in range(len(r)):
                r[m] = a[m] / b[m] if b[m] > 0.0 else np.nan
            _largest(r, out[0, first:end])
            total, known, above = out[1, first:end], out[2, first:end], out[3, first:end]
            for m in range(len(r)):
                total[m] += r[m] if r[m] == r[m] else 0.0
            for m in range(len(r)):
                known[m] += 1.0 if r[m] == r[m] else 0.0
            for m in range(len(r)):
                above[m] += 1.0 if r[m] > limit else 0.0


@loop(read(float, 2), read(float, 2), read(float, 2), count, write(float))
def scores(now, mean, square, n, out):
    """Find the largest deviation, in standard deviations, from the values n values before.

    Parameters
    ----------
    now, mean, square : shape (n_steps, n_blocks)
        Values, and means of values and of their squares.
    n : int
    out : shape (n_blocks,)
        NaN where there is none.
    """
    steps, blocks = now.shape
    room = np.empty(WIDTH)
    for begin in range(0, blocks, WIDTH):
        end = min(begin + WIDTH, blocks)
        out[begin:end] = np.nan
        for i in range(steps):
            back, j = (n - i + steps - 1) // steps, (i - n) % steps
            first = max(begin, back)
            if first >= end:
                continue
            x, r = now[i, first:end], room[: end - first]
            m1, m2 = mean[j, first - back : end - back], square[j, first - back : end - back]
            for m in range(len(r)):
                variance = m2[m] - m1[m] * m1[m]
                r[m] = (x[m] - m1[m]) / math.sqrt(variance) if variance > 1e-12 else np.nan
            _largest(r, out[first:end])


@helper
def _after(present, place):
    """Return the next place that is taken."""
    place += 1
    while not present[place]:
        place += 1
    return place


@helper
def _before(present, place):
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
    return _before(present, rank), below - 1


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
                at, below = _before(present, at), below - 1
            low = ordered[at]
            high = ordered[_after(present, at)] if rank < known - 1 else low
            out[i] = low + (high - low) * (place - rank)
