"""Compiled transforms of the tapered samples of hop blocks: see `seisml.features.transforms`.

`WIDTH` frames are transformed side by side, so nothing has to be summed across a vector. A real
frame is transformed as half as many complex numbers; the transforms are those of Stockham, without
reordering (Van Loan 1992, doi:10.1137/1.9781611970999).
"""

import math

import numpy as np

from seisml.features.compiling import (
    count,
    flag,
    helper,
    loop,
    place_of_largest,
    read,
    together,
    write,
)
from seisml.features.lanes import (
    WIDTH,
    conjugate,
    load,
    store,
    store_power,
    times_i,
    turn_tile,
)

F4, I4, C8 = np.float32, np.int32, np.complex64
HALF = F4(0.5)
SINE_3 = F4(math.sin(math.pi / 3))
COSINE_5, COSINE_52 = F4(math.cos(2 * math.pi / 5)), F4(math.cos(4 * math.pi / 5))
SINE_5, SINE_52 = F4(math.sin(2 * math.pi / 5)), F4(math.sin(4 * math.pi / 5))
RADICES = (4, 2, 3, 5)


def plan(n: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the radices of a transform and its factors, None where n has other factors.

    Parameters
    ----------
    n : int
        Complex numbers of a transform.
    """
    radices, factors, rest = [], [np.zeros(0)], n
    for radix in RADICES:
        while rest % radix == 0:
            rest //= radix
            p, u = np.arange(rest)[:, np.newaxis], np.arange(1, radix)
            factors.append(np.exp(-2j * np.pi * p * u / (rest * radix)).ravel())
            radices.append(radix)
    return (np.array(radices), np.concatenate(factors).astype(C8)) if rest == 1 else None


@helper
def _put(y, at, value, factor):
    store(y, at, 0, value * factor.real + times_i(value) * factor.imag)


@helper
def _two(x, i, far, y, o, s, factor):
    a, b = load(x, i, 0), load(x, i + far, 0)
    store(y, o, 0, a + b)
    _put(y, o + s, a - b, factor[0])


@helper
def _three(x, i, far, y, o, s, factor):
    a, b, c = load(x, i, 0), load(x, i + far, 0), load(x, i + 2 * far, 0)
    t, d = b + c, times_i(b - c) * SINE_3
    store(y, o, 0, a + t)
    a = a - t * HALF
    _put(y, o + s, a - d, factor[0])
    _put(y, o + 2 * s, a + d, factor[1])


@helper
def _four(x, i, far, y, o, s, factor):
    a, b = load(x, i, 0), load(x, i + far, 0)
    c, d = load(x, i + 2 * far, 0), load(x, i + 3 * far, 0)
    t, u, e, f = a + c, b + d, a - c, times_i(b - d)
    store(y, o, 0, t + u)
    _put(y, o + s, e - f, factor[0])
    _put(y, o + 2 * s, t - u, factor[1])
    _put(y, o + 3 * s, e + f, factor[2])


@helper
def _five(x, i, far, y, o, s, factor):
    a, b, c = load(x, i, 0), load(x, i + far, 0), load(x, i + 2 * far, 0)
    d, e = load(x, i + 3 * far, 0), load(x, i + 4 * far, 0)
    t, u, f, g = b + e, c + d, times_i(b - e), times_i(c - d)
    store(y, o, 0, a + (t + u))
    b, c = a + (t * COSINE_5 + u * COSINE_52), f * SINE_5 + g * SINE_52
    _put(y, o + s, b - c, factor[0])
    _put(y, o + 4 * s, b + c, factor[3])
    b, c = a + (t * COSINE_52 + u * COSINE_5), f * SINE_52 - g * SINE_5
    _put(y, o + 2 * s, b - c, factor[1])
    _put(y, o + 3 * s, b + c, factor[2])


@helper
def _transformed(radices, factors, x, y):
    """Transform the columns of x; return which of both arrays has the result."""
    rest, s, at = len(x), 1, 0
    for radix in radices:
        rest //= radix
        far = s * rest
        for p in range(rest):
            factor = factors[at : at + radix - 1]
            at += radix - 1
            for q in range(s):
                i, o = s * p + q, radix * s * p + q
                if radix == 2:
                    _two(x, i, far, y, o, s, factor)
                elif radix == 3:
                    _three(x, i, far, y, o, s, factor)
                elif radix == 4:
                    _four(x, i, far, y, o, s, factor)
                else:
                    _five(x, i, far, y, o, s, factor)
        s *= radix
        x, y = y, x
    return x


@helper
def _of_real(z, turns, out):
    """Write the first frequencies of real frames, whose samples in turn were z's two parts."""
    n = len(z)
    for k in range(len(turns)):
        a, b = load(z, k, 0), conjugate(load(z, (n - k) % n, 0))
        store(out, k, 0, (a + b) * HALF)
        d = a - b
        store(out, k, 0, load(out, k, 0) + d * turns[k].real + times_i(d) * turns[k].imag)


@helper
def _to_columns(x, y):
    """Turn rows, WIDTH of them, at least as long."""
    n = x.shape[1]
    for j in range(0, n - WIDTH, WIDTH):
        turn_tile(x, 0, j, y, j, 0)
    turn_tile(x, 0, n - WIDTH, y, n - WIDTH, 0)


@helper
def _to_rows(x, y):
    """Turn columns, WIDTH of them."""
    n = len(x)
    if n < WIDTH:
        for i in range(WIDTH):
            for j in range(n):
                y[i, j] = x[j, i]
        return
    for j in range(0, n - WIDTH, WIDTH):
        turn_tile(x, j, 0, y, 0, j)
    turn_tile(x, n - WIDTH, 0, y, 0, n - WIDTH)


@loop(read(F4), count, read(F4), flag, write(F4, 2))
def _tapered(x, step, taper, centred, out):
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


@loop(write(F4, 2), read(float, 2), read(np.int64), read(np.int64), write(float, 2))
def _sums(psd, weights, first, last, linear):
    """Fill rows with weighted sums of those of ``psd``.

    ``weights`` of a column are not 0 from ``first`` up to ``last``; five columns have all.
    """
    n = psd.shape[1]
    w0, w1, w2, w3, w4 = weights[0], weights[1], weights[2], weights[3], weights[4]
    for i in range(len(psd)):
        p, sums = psd[i], linear[i]
        s0, s1, s2, s3, s4 = 0.0, 0.0, 0.0, 0.0, 0.0
        for j in range(n):
            s0 += p[j] * w0[j]
            s1 += p[j] * w1[j]
            s2 += p[j] * w2[j]
            s3 += p[j] * w3[j]
            s4 += p[j] * w4[j]
        sums[0], sums[1], sums[2], sums[3], sums[4] = s0, s1, s2, s3, s4
        for c in range(5, len(weights)):
            w, part, s = weights[c, first[c] : last[c]], p[first[c] : last[c]], 0.0
            for j in range(len(w)):
                s += w[j] * part[j]
            sums[c] = s


@loop(write(F4, 2), write(I4, 2), read(F4), write(F4, 2))
def _moments(e, bits, flat, out):
    """Fill rows with the mean powers 1 to 4 of envelopes, the largest value and its place.

    ``e`` are squares and become envelopes; ``bits`` is the same as int32; ``flat`` a factor of
    each sample.
    """
    n = len(flat)
    share = F4(1) / F4(n)
    for i in range(len(e)):
        row, found = e[i], out[i]
        for j in range(n):
            row[j] = math.sqrt(row[j]) * flat[j]
        s1, s2, s3, s4 = F4(0), F4(0), F4(0), F4(0)
        for j in range(n):
            q = row[j] * row[j]
            s1 += row[j]
            s2 += q
            s3 += q * row[j]
            s4 += q * q
        at = place_of_largest(bits[i])
        found[0], found[1], found[2], found[3] = s1 * share, s2 * share, s3 * share, s4 * share
        found[4], found[5] = row[at], (F4(at) + HALF) * share


@helper
def _analytic(z, n_bins):
    """Keep the positive frequencies, without the mean: the taper has spread it over two bins."""
    store(z, 1, 0, load(z, 1, 0) + load(z, 0, 0) * HALF)
    z[0], z[n_bins:] = F4(0), F4(0)


@loop(
    *(read(F4), count, read(F4), together(read(np.int64), read(C8), read(C8))),
    *(count, together(read(float, 2), read(np.int64), read(np.int64)), read(F4)),
    *(write(F4, 2), write(float, 2), write(F4, 2)),
    reorder=False,
)
def spectra(x, step, taper, plan, skip, columns, flat, psd, linear, envelope):
    """Measure the spectra of frames, and their envelopes.

    Parameters
    ----------
    x : float32, shape (n_samples,)
        A frame begins every ``step`` samples.
    taper : float32, shape (n,)
    plan : radices, factors, turns
        `plan` of n/2, and a factor of each frequency that is needed.
    skip : int
        Frequencies before those of ``psd``.
    columns : weights, first, last
        Of ``linear``, shapes (n_columns, n_frequencies) and (n_columns,).
    flat : float32, shape (n_middle,)
        Factor of each sample of the envelope in the middle of a frame; none for no envelope.
    psd : float32, shape (n_frames, n_frequencies)
        To be filled with power; the number of frames is a multiple of WIDTH.
    linear : float64, shape (n_frames, n_columns)
        To be filled with sums of it.
    envelope : float32, shape (n_frames, 6)
        To be filled with what `seisml.features.transforms.ENVELOPE` names.
    """
    radices, factors, turns = plan
    n = len(taper)
    rows, e = np.empty((WIDTH, n), F4), np.empty((WIDTH, len(flat)), F4)
    z, other = np.empty((n // 2, 2 * WIDTH), F4), np.empty((n // 2, 2 * WIDTH), F4)
    power, square = np.empty((psd.shape[1], WIDTH), F4), np.empty((len(flat), WIDTH), F4)
    before = (n // 2 - len(flat)) // 2
    for i in range(0, len(psd), WIDTH):
        some = slice(i, i + WIDTH)
        _tapered(x[i * step :], step, taper, skip < 2, rows)
        _to_columns(rows, z.reshape(n, WIDTH))
        found = _transformed(radices, factors, z, other)
        spectrum = other if found is z else z
        _of_real(found, turns, spectrum)
        for j in range(len(power)):
            store_power(power, j, load(spectrum, skip + j, 0))
        _to_rows(power, psd[some])
        _sums(psd[some], *columns, linear[some])
        if len(flat):
            _analytic(spectrum, len(turns))
            signal = _transformed(radices, factors, spectrum, found)
            # Forward, not back: time runs the other way.
            for j in range(len(square)):
                store_power(square, j, load(signal, n // 2 - before - j, 0))
            _to_rows(square, e)
            _moments(e, e.view(I4), flat, envelope[some])
