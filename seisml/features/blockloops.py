"""Compiled loops over the samples and the spectra of hop blocks: see `seisml.features.kernels`.

Numba makes vector code of a loop if it walks along slices from 0 on, writes and sums apart, and
finds extremes of whole numbers.
"""

import numpy as np

from seisml.features.compiling import count, helper, loop, read, write

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
