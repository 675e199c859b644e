"""Compiled loops over the spectra of windows: see `seisml.features.shapes`."""

import math

import numpy as np

from seisml.features.compiling import count, loop, place_of_largest, read, write
from seisml.features.lanes import ROW, load, store

F4, I4 = np.float32, np.int32
GROUP = 8
"""Values in a group of `quantiles`: first the group is found, then the value."""
DB = 10.0 / math.log(10.0)


@loop(read(F4, 2), count, write(F4, 2), write(np.int64), write(F4))
def sums_of_rows(x, n, out, peak, largest):
    """Sum the n rows from each row on, none of them negative; find where each is the largest."""
    n_f, bits = x.shape[1], out.view(I4)
    for i in range(len(peak)):
        for j in range(0, n_f, ROW):
            at = min(j, n_f - ROW)  # the last ones overlap
            if at >= 0:
                total = load(x, i, at)
                for m in range(i + 1, i + n):
                    total = total + load(x, m, at)
                store(out, i, at, total)
        for j in range(n_f if n_f < ROW else 0):
            out[i, j] = x[i, j]
            for m in range(i + 1, i + n):
                out[i, j] += x[m, j]
        peak[i] = place_of_largest(bits[i, :n_f])
        largest[i] = out[i, peak[i]]


@loop(read(F4, 2), read(F4), write(F4, 2))
def floored(room, floor, out):
    """Fill rows with spectra, at least as large as the floor of each; with NaN where that is."""
    n = out.shape[1]
    for i in range(len(out)):
        p, o, least = room[i, :n], out[i], floor[i]
        for j in range(n):
            o[j] = p[j] if p[j] > least else least


@loop(
    *(read(F4, 2), read(F4, 2), read(float), count),
    *(read(F4, 2), read(np.int64), read(F4), write(float, 2)),
)
def measure(room, logs, unit, k, background, group, slope, out):
    """Measure spectra of windows.

    Parameters
    ----------
    room : float32, shape (at least n, at least n_frequencies)
        Spectra.
    logs, unit : shape (k + n, n_frequencies), (k + n,)
        Logarithms of spectra and of their units, those of ``k`` windows before first.
    background : float32, shape (n_groups, n_frequencies)
    group : shape (n,)
        Which background a window has; none where it is negative.
    slope : float32, shape (n_frequencies,)
        Factors of the logarithms.
    out : float64, shape (6, n)
        To be filled with mean, mean logarithm, sum of power times logarithm, slope; RMS difference
        in dB to the window before, and to the background.
    """
    n_f = logs.shape[1]
    share = 1.0 / n_f
    for i in range(out.shape[1]):
        p, now, before = room[i, :n_f], logs[k + i], logs[i]
        total, total_log, product, rise = F4(0), F4(0), F4(0), F4(0)
        for j in range(n_f):
            total += p[j]
            total_log += now[j]
            product += p[j] * now[j]
            rise += now[j] * slope[j]
        shift, flux = F4(unit[k + i] - unit[i]), F4(0)
        for j in range(n_f):
            d = (now[j] - before[j]) + shift
            flux += d * d
        out[0, i], out[1, i], out[2, i], out[3, i] = total * share, total_log * share, product, rise
        out[4, i], out[5, i] = DB * math.sqrt(flux * share), np.nan
        if group[i] >= 0:
            past, shift, distance = background[group[i]], F4(unit[k + i]), F4(0)
            for j in range(n_f):
                d = now[j] - (past[j] - shift)
                distance += d * d
            out[5, i] = DB * math.sqrt(distance * share)


@loop(read(F4, 2), read(float), write(float), write(float, 2))
def quantiles(room, shares, total, out):
    """Find the places up to which shares of each row lie, linear inside a value.

    Parameters
    ----------
    room : float32, shape (at least n, n_groups * GROUP)
    shares : float64, shape (n_shares,), rising
    total : float64, shape (n_groups + 1,)
        Room.
    out : float64, shape (n_shares, n)
    """
    n_groups = room.shape[1] // GROUP
    for i in range(out.shape[1]):
        row = room[i]
        total[0] = 0.0
        for g in range(n_groups):
            x = row[g * GROUP : (g + 1) * GROUP]
            s = ((x[0] + x[1]) + (x[2] + x[3])) + ((x[4] + x[5]) + (x[6] + x[7]))
            total[g + 1] = total[g] + s
        whole, g = total[n_groups], 0
        for q in range(len(shares)):
            if not whole > 0:
                out[q, i] = np.nan
                continue
            wanted = shares[q] * whole
            while g < n_groups - 1 and total[g + 1] < wanted:
                g += 1
            rest, at, running = wanted - total[g], g * GROUP, row[g * GROUP]
            last = at + GROUP - 1
            while at < last and running < rest:
                at += 1
                running += row[at]
            step = row[at]
            part = (rest - (running - step)) / step if step > 0 else rest - (running - step)
            out[q, i] = at + min(max(part, 0.0), 1.0)


@loop(read(F4, 2), read(bool), count, write(F4, 2))
def turned(found, usable, column, out):
    """Fill columns from one on with the rows of a matrix, NaN where not usable or not finite."""
    width = len(found)
    for i in range(len(out)):
        row = out[i, column : column + width]
        for c in range(width):
            value = found[c, i]
            row[c] = value if usable[i] and np.isfinite(value) else F4(np.nan)
