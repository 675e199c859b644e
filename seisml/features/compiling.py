"""How loops are compiled (Numba): kept on disk, with sums in whatever order is fastest.

The order is that of the machine code, the same for each row: a row gives the same bits in
whatever lot it stands.
"""

import numba
import numpy as np
from numba import types

REORDER = frozenset({"reassoc", "contract", "nsz", "arcp"})
"""Sums may be reordered; NaN stays NaN."""


def loop(*arguments, reorder: bool = True):
    """Return a decorator that compiles a loop for arguments of some types, that returns nothing."""
    return numba.njit(
        types.void(*arguments),
        cache=True,
        error_model="numpy",
        nogil=True,
        fastmath=set(REORDER) if reorder else False,
    )


def helper(function):
    """Compile a function that loops call, without reordering."""
    return numba.njit(cache=True, error_model="numpy", inline="never")(function)


@numba.njit(cache=True, error_model="numpy")
def place_of_largest(bits):
    """Return where numbers that are not negative are the largest; ``bits`` is them as int32."""
    high, n = np.int32(0), np.int32(len(bits))
    for j in range(len(bits)):
        high = max(high, bits[j])
    at = n
    for j in range(len(bits)):
        at = min(at, np.int32(j) if bits[j] == high else n)
    return at


def read(kind: type, n_axes: int = 1) -> types.Array:
    """Return the type of a contiguous array that is only read."""
    return types.Array(numba.from_dtype(np.dtype(kind)), n_axes, "C", readonly=True)


def write(kind: type, n_axes: int = 1) -> types.Array:
    """Return the type of a contiguous array that is written."""
    return types.Array(numba.from_dtype(np.dtype(kind)), n_axes, "C")


def together(*arguments) -> types.Tuple:
    """Return the type of a tuple."""
    return types.Tuple(arguments)


count = types.int64
"""Type of a whole number."""
real = types.float64
"""Type of a number."""
flag = types.boolean
"""Type of true or false."""
