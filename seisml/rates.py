"""Sampling rates: nominal and measured ones, how long samples take, and what a rate needs."""

import functools

from seisml.fills import DEAD_RUN_S, MIN_RUN
from seisml.times import NS_PER_S

RATE_TOLERANCE = 1e-4


def samples_to_ns(n_samples: int, sampling_rate_hz: float) -> int:
    """Return the duration of a number of samples in whole nanoseconds."""
    return round(int(n_samples) * NS_PER_S / sampling_rate_hz)


@functools.lru_cache(maxsize=1024)
def snap_rate(sampling_rate_hz: float) -> float:
    """Return the nominal rate next to a measured one (within 1e-4), else the rate itself.

    Nominal rates are whole numbers and multiples of 1/8 Hz (6.625 Hz is Apollo's).

    Examples
    --------
    >>> snap_rate(99.9999), snap_rate(6.62501), snap_rate(99.9)
    (100.0, 6.625, 99.9)
    """
    for step in (1.0, 0.125):
        nominal = round(sampling_rate_hz / step) * step
        if abs(nominal - sampling_rate_hz) <= RATE_TOLERANCE * sampling_rate_hz:
            return nominal
    return float(sampling_rate_hz)


def guard_ns(sampling_rate_hz: float) -> int:
    """Return what has to be read on both sides of a chunk, ns.

    Then runs of one value and joints are judged as in the whole record.

    Examples
    --------
    >>> guard_ns(100.0), guard_ns(0.5)
    (12000000000, 46000000000)
    """
    longest_s = max(DEAD_RUN_S, MIN_RUN / sampling_rate_hz)
    return round((longest_s + max(2.0, 3.0 / sampling_rate_hz)) * NS_PER_S)


GUARD_NS = guard_ns(2.0)
"""The guard of all sampling rates from 2 Hz up."""


def nominal_rates(
    pieces, station: str, *, span: tuple[int, int] | None = None
) -> dict[str, dict[float, float]]:
    """Return the sampling rates of each channel, snapped, Hz, and their samples.

    Parameters
    ----------
    pieces : pandas.DataFrame
        As `seisml.archive.Archive.pieces`.
    station : str
    span : (int, int), optional
        Instants between which samples are counted; default all. Where files begin and end makes
        no difference then.

    Returns
    -------
    dict of str to dict of float to float
        ``{channel: {rate: samples}}``, most samples first.
    """
    pieces = pieces[pieces["station"] == station]
    start_ns, end_ns = pieces["start_ns"], pieces["end_ns"]
    if span is not None:
        start_ns, end_ns = start_ns.clip(*span), end_ns.clip(*span)
    n = (end_ns - start_ns) * pieces["rate_hz"] / NS_PER_S
    nominal = pieces["rate_hz"].map(snap_rate)
    totals = n.groupby([pieces["channel"], nominal]).sum()
    totals = totals[totals > 0].sort_values(ascending=False, kind="stable")
    return {
        channel: totals[channel].to_dict() for channel in sorted(totals.index.unique("channel"))
    }
