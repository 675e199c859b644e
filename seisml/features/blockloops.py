"""Compiled loops over the samples and the spectra of hop blocks: see `seisml.features.kernels`.

Numba makes vector code of a loop if it walks along slices from 0 on, writes and sums apart, and
finds extremes of whole numbers.
"""

import math

import numpy as np

from seisml.features.compiling import count, flag, helper, loop, place_of_largest, read, write

F4, I4 = np.float32, np.int32
_SHIFT, _REST = I4(31), I4(0x7FFFFFFF)


@helper
def _in_order(bits):
    """Return a whole number that is ordered as the float32 number of some bits, and back."""
    return I4(bits ^ I4(I4(bits >> _SHIFT) & _REST))


@loop(
    *(read(F4), read(I4), count, read(F4), read(bool), read(np.int64)),
    *(write(F4, 2), write(F4, 2), write(F4, 2), write(I4, 2)),
)
def sums(x, bits, step, before, alone, edges, square, fourth, out, out_bits):
    """Sum the powers of blocks, and find their extremes, crossings and differences.

    Parameters
    ----------
    x, bits : float32 and the same as int32, shape (n_samples,)
        A block begins every ``step`` samples.
    before, alone : shape (n_blocks,)
        As in `seisml.features.kernels.Lot`.
    edges : shape (n_shape + 1,)
        Where shape blocks begin and end.
    square : float32, shape (n_blocks, n)
        To be filled with x².
    fourth : float32, shape (n_blocks, n_shape)
        To be filled with sums of x⁴.
    out, out_bits : float32 and the same as int32, shape (9, n_blocks)
        To be filled with sums of x to the powers 1 to 4, least and largest x, number of crossings,
        sums of (dx)² and (d²x)².
    """
    n = square.shape[1]
    zero, one = F4(0), F4(1)
    for i in range(len(square)):
        f, q = x[i * step : i * step + n], square[i]
        later, sooner = f[1:], f[: n - 1]
        for j in range(n):
            q[j] = f[j] * f[j]
        s1, s2, s3, s4 = zero, zero, zero, zero
        for j in range(n):
            s1 += f[j]
            s2 += q[j]
            s3 += q[j] * f[j]
        for k in range(len(edges) - 1):
            part, s = q[edges[k] : edges[k + 1]], zero
            for j in range(len(part)):
                s += part[j] * part[j]
            fourth[i, k] = s
            s4 += s
        b = bits[i * step : i * step + n]
        low, high = _in_order(b[0]), _in_order(b[0])
        for j in range(n):
            v = _in_order(b[j])
            low, high = min(low, v), max(high, v)
        crossings = one if (f[0] >= zero) != (before[i] >= zero) else zero
        slope = f[0] - before[i]
        d2, dd2 = slope * slope, zero
        for j in range(n - 1):
            crossings += one if (later[j] >= zero) != (sooner[j] >= zero) else zero
            d = later[j] - sooner[j]
            d2 += d * d
        last, middle, first = f[2:], f[1 : n - 1], f[: n - 2]
        for j in range(n - 2):
            d = (last[j] - middle[j]) - (middle[j] - first[j])
            dd2 += d * d
        if n > 1 and not alone[i]:
            d = (f[1] - f[0]) - slope
            dd2 += d * d
        out[0, i], out[1, i], out[2, i], out[3, i] = s1, s2, s3, s4
        out_bits[4, i], out_bits[5, i] = _in_order(low), _in_order(high)
        out[6, i], out[7, i], out[8, i] = crossings, d2, dd2


@loop(read(F4), count, read(F4), flag, write(F4, 2))
def tapered(x, step, taper, centred, out):
    """Fill rows with tapered frames, one every ``step`` samples; ``centred`` without their mean."""
    n = len(taper)
    for i in range(len(out)):
        f, o, mean = x[i * step : i * step + n], out[i], F4(0)
        if centred:
            for j in range(n):
                mean += f[j]
            mean /= F4(n)
        for j in range(n):
            o[j] = (f[j] - mean) * taper[j]


@loop(
    *(read(F4, 2), count, read(float, 2), read(np.int64), read(np.int64)),
    *(write(F4, 2), write(float, 2)),
)
def power(z, skip, weights, first, last, psd, linear):
    """Fill rows with the power of transforms, and with weighted sums of it.

    Parameters
    ----------
    z : float32, shape (n, 2 * n_transform)
        Real and imaginary parts in turn.
    skip : int
        Transforms before those that count.
    weights : float64, shape (n_columns, n_frequencies)
        Not 0 from ``first`` up to ``last`` of each column, five of which have all.
    psd : float32, shape (n, n_frequencies)
    linear : float64, shape (n, n_columns)
    """
    n = psd.shape[1]
    w0, w1, w2, w3, w4 = weights[0], weights[1], weights[2], weights[3], weights[4]
    for i in range(len(psd)):
        row, p = z[i, 2 * skip : 2 * (skip + n)], psd[i]
        for j in range(n):
            p[j] = row[2 * j] * row[2 * j] + row[2 * j + 1] * row[2 * j + 1]
        s0, s1, s2, s3, s4 = 0.0, 0.0, 0.0, 0.0, 0.0
        for j in range(n):
            s0 += p[j] * w0[j]
            s1 += p[j] * w1[j]
            s2 += p[j] * w2[j]
            s3 += p[j] * w3[j]
            s4 += p[j] * w4[j]
        sums = linear[i]
        sums[0], sums[1], sums[2], sums[3], sums[4] = s0, s1, s2, s3, s4
        for c in range(5, len(weights)):
            w, part, s = weights[c, first[c] : last[c]], p[first[c] : last[c]], 0.0
            for j in range(len(w)):
                s += w[j] * part[j]
            sums[c] = s


@loop(read(F4, 2), count, write(F4, 2))
def analytic(z, n_bins, half):
    """Fill rows with the positive frequencies of transforms, without the mean.

    Real and imaginary parts in turn; see `seisml.features.transforms.Envelope`.
    """
    n = 2 * n_bins
    for i in range(len(half)):
        row, out = z[i, :n], half[i, :n]
        for j in range(n):
            out[j] = row[j]
        out[2] += out[0] / F4(2)
        out[3] += out[1] / F4(2)
        out[0] = out[1] = F4(0)
        rest = half[i, n:]
        for j in range(len(rest)):
            rest[j] = F4(0)


@loop(read(F4, 2), count, read(F4), write(F4), read(I4), write(F4, 2))
def envelope(signal, skip, flat, room, bits, out):
    """Measure the envelope of analytic signals.

    Parameters
    ----------
    signal : float32, shape (n, 2 * n_signal)
        Real and imaginary parts in turn.
    skip : int
        Samples before those that count.
    flat : float32, shape (n_samples,)
        Factor of each sample.
    room, bits : float32 and the same as int32, shape (n_samples,)
    out : float32, shape (6, n)
        To be filled with mean powers 1 to 4, the largest value and its place.
    """
    n = len(flat)
    share = F4(1) / F4(n)
    for i in range(len(signal)):
        row = signal[i, 2 * skip : 2 * (skip + n)]
        for j in range(n):
            square = row[2 * j] * row[2 * j] + row[2 * j + 1] * row[2 * j + 1]
            room[j] = math.sqrt(square) * flat[j]
        s1, s2, s3, s4 = F4(0), F4(0), F4(0), F4(0)
        for j in range(n):
            e = room[j]
            q = e * e
            s1 += e
            s2 += q
            s3 += q * e
            s4 += q * q
        at = place_of_largest(bits)
        out[0, i], out[1, i], out[2, i], out[3, i] = s1 * share, s2 * share, s3 * share, s4 * share
        out[4, i], out[5, i] = room[at], (F4(at) + F4(0.5)) * share
