"""Response: from counts to ground motion, by the sensitivity or by the full response.

A stage between `seisml.segments.segments` and `seisml.segments.causal_filter`. What is done where
metadata have holes is a rule, and every sample it is applied to is counted:

===================================== ============================ ===============================
metadata                              what is done                 counted as
===================================== ============================ ===============================
time outside all epochs of a channel  the nearest epoch counts     samples_of_nearest_epoch
no full response, or not usable       the sensitivity (if in m/s)  samples_scaled_only
sampling rate differs by over 1 %     the sensitivity (if in m/s)  samples_rate_contradicts_metadata
gain and sensitivity differ by 5 %    the full response            samples_gain_contradicts_metadata
unknown channel, or no sensitivity    samples are left out         samples_without_metadata
another unit than the station's       samples are left out         samples_of_other_unit
===================================== ============================ ===============================
"""

import bisect
import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np

from seisml.deconvolution import Corners, Kernel, make_kernel
from seisml.errors import ConfigError, did_you_mean
from seisml.inventory import Epoch
from seisml.metadata import Metadata
from seisml.rates import samples_to_ns, snap_rate
from seisml.segments import Segment
from seisml.times import NS_PER_S

MODES = ("counts", "sensitivity", "motion")
MOTIONS = ("m", "m/s", "m/s²")
RATE_DIFFERENCE = 0.01
GAIN_DIFFERENCE = 0.05
"""From which on evalresp, too, calls gain and sensitivity contradictory."""


def check_units(mode: str) -> str:
    """Return a mode, or say which there are.

    Raises
    ------
    ConfigError
        If there is no such mode.
    """
    if mode not in MODES:
        raise ConfigError(f"There are no units {mode!r}.", did_you_mean(mode, MODES))
    return mode


def unit_of(mode: str, metadata: Metadata | None, station: str) -> str:
    """Return the unit of a station's samples: one for all its channels and times.

    Parameters
    ----------
    mode : str
        counts, sensitivity or motion.
    metadata : Metadata or None
    station : str
        "NET.STA.LOC.BI".

    Returns
    -------
    str
        "counts"; "m/s"; by sensitivity what its sensors record, "unknown" without metadata.
    """
    fixed = {"counts": "counts", "motion": "m/s"}
    return fixed[mode] if mode in fixed else metadata.unit(station) or "unknown"


def column_unit(text: str, unit: str) -> str:
    """Return the unit of a feature for samples of a unit.

    Examples
    --------
    >>> column_unit("log10 input²", "m/s"), column_unit("input", "m/s"), column_unit("Hz", "m/s")
    ('log10 (m/s)²', 'm/s', 'Hz')
    """
    squared = f"({unit})²" if "/" in unit else f"{unit}²"
    return text.replace("input²", squared).replace("input", unit)


@dataclasses.dataclass(frozen=True, eq=False)
class Calibration:
    """What is done with the samples of an epoch: a kernel, a factor, or nothing is left.

    Attributes
    ----------
    key : tuple
        Equal where the same is done.
    factor : float
        Unit of the samples a count; NaN where samples are left out or a kernel is there.
    kernel : Kernel or None
    counted : str
        Name of the rule that was applied, "" if none had to be.
    """

    key: tuple
    factor: float = np.nan
    kernel: Kernel | None = None
    counted: str = ""


class Calibrator:
    """Finds the calibration of each epoch and sampling rate, each once.

    Parameters
    ----------
    metadata : Metadata
    mode : str
    corners : (f1, f2, f3, f4), Hz, or None
    """

    def __init__(self, metadata: Metadata, mode: str, corners: Corners | None):
        self.metadata, self._mode, self._corners = metadata, mode, corners
        self._known: dict[tuple, Calibration] = {}
        self._kernels: dict[tuple, Kernel | None] = {}

    def calibration(self, epoch: Epoch | None, rate_hz: float, unit: str) -> Calibration:
        """Return what is done with samples of an epoch."""
        key = epoch, rate_hz, unit
        if key not in self._known:
            self._known[key] = self._calibration(epoch, rate_hz, unit)
        return self._known[key]

    def _calibration(self, epoch: Epoch | None, rate_hz: float, unit: str) -> Calibration:
        if epoch is None:
            return Calibration(("none",), counted="samples_without_metadata")
        if self._mode == "sensitivity":
            return self._scaled(epoch, unit, "")
        if epoch.unit and epoch.unit not in MOTIONS:
            return Calibration(("none",), counted="samples_of_other_unit")
        if abs(epoch.sampling_rate_hz / rate_hz - 1) > RATE_DIFFERENCE:
            return self._scaled(epoch, unit, "samples_rate_contradicts_metadata")
        kernel = self._kernel(epoch.response, rate_hz) if epoch.response else None
        if kernel is None:
            return self._scaled(epoch, unit, "samples_scaled_only")
        counted = "samples_gain_contradicts_metadata" if self._contradicts(epoch) else ""
        return Calibration(("response", epoch.response), kernel=kernel, counted=counted)

    def _scaled(self, epoch: Epoch, unit: str, counted: str) -> Calibration:
        if not epoch.scalable:
            return Calibration(("none",), counted="samples_without_metadata")
        if epoch.unit != unit:
            return Calibration(("none",), counted="samples_of_other_unit")
        key = "sensitivity", epoch.sensitivity
        return Calibration(key, factor=1 / epoch.sensitivity, counted=counted)

    def _kernel(self, response: str, rate_hz: float) -> Kernel | None:
        key = response, rate_hz
        if key not in self._kernels:
            self._kernels[key] = make_kernel(self.metadata, response, rate_hz, self._corners)
        return self._kernels[key]

    def _contradicts(self, epoch: Epoch) -> bool:
        """Whether the gain of the stages is not the sensitivity that is stated."""
        f_hz = epoch.sensitivity_hz
        if not (epoch.scalable and f_hz > 0):
            return False
        value = self.metadata.evaluate(epoch.response, np.array([f_hz]))
        order = MOTIONS.index(epoch.unit) - MOTIONS.index("m/s")
        gain = np.nan if value is None else abs(value[0]) / (2 * np.pi * f_hz) ** order
        return bool(abs(gain / abs(epoch.sensitivity) - 1) > GAIN_DIFFERENCE)


def to_motion(
    parts: Iterable[Segment],
    metadata: Metadata | None,
    *,
    mode: str,
    pre_filter: Corners | None = None,
    counts: Counter | None = None,
) -> Iterator[Segment]:
    """Turn counts into ground motion.

    Parameters
    ----------
    parts : iterable of Segment
        From `seisml.segments.segments`: one channel each, several may be interleaved.
    metadata : Metadata or None
        None only for the mode counts.
    mode : str
        ``counts`` (as they are), ``sensitivity`` (divided by the overall sensitivity) or
        ``motion`` (the full response removed; m/s, whatever the sensor records).
    pre_filter : (f1, f2, f3, f4), Hz
        For motion: nothing passes outside f1 and f4, all between f2 and f3; cosines between.
        Both upper corners are lowered where they exceed 0.45 of the sampling rate.
    counts : collections.Counter, optional
        Is increased by the samples to which a rule of the module's table was applied.

    Returns
    -------
    iterator of Segment
        float64. In ``motion`` the samples within `reach_s` of an end of a run are left out, as
        they lack neighbours. Where a channel's calibration changes a new run begins; an epoch
        that changes nothing is no break.

    Raises
    ------
    ConfigError
        If the mode is unknown, or metadata or pre-filter are missing.

    Notes
    -----
    Deconvolution is a filter of finite length: the pre-filter over the response, evaluated with
    evalresp once an epoch and sampling rate, cut at `REACH`, applied by overlap-save in frames
    that are counted from the start of the run, so that no value depends on how the run was cut
    into segments (Oppenheim & Schafer, Discrete-Time Signal Processing, 8.7).
    """
    if check_units(mode) == "counts":
        return iter(parts)
    if metadata is None:
        raise ConfigError(
            f"The units {mode!r} need station metadata.", "Name a StationXML or dataless file."
        )
    if mode == "motion" and pre_filter is None:
        raise ConfigError("Deconvolution needs a pre-filter.", "Take corners_of(band).")
    calibrator = Calibrator(metadata, mode, pre_filter)
    return _converted(parts, calibrator, mode, Counter() if counts is None else counts)


def _converted(parts, calibrator: Calibrator, mode: str, counts: Counter) -> Iterator[Segment]:
    runs: dict[tuple[str, ...], _Run] = {}
    for part in parts:
        run = runs.get(part.channels)
        if run is None or not part.continues:
            if run is not None:
                yield from run.close()
            unit = unit_of(mode, calibrator.metadata, part.station)
            run = runs[part.channels] = _Run(part, calibrator, unit, counts)
        yield from run.add(np.asarray(part.data[0], dtype=np.float64))
    for run in runs.values():
        yield from run.close()


class _Run:
    """Gap-free samples of a channel on their way to motion.

    Instants of epochs become numbers of samples counted from the start of the run, and so are
    frames: the same wherever segments end.
    """

    def __init__(self, part: Segment, calibrator: Calibrator, unit: str, counts: Counter):
        self._about = dataclasses.replace(part, units=unit, data=part.data[:, :0])
        self._calibrator, self._counts = calibrator, counts
        name = ".".join([*part.station.split(".")[:3], part.channels[0]])
        self._timeline = calibrator.metadata.timeline(name)
        starts_ns = [start_ns for start_ns, _, _ in self._timeline]
        self._firsts = [self._number(start_ns) for start_ns in starts_ns]
        self._n = 0  # samples that were added
        self._calibration: Calibration | None = None
        self._begin = 0  # number of the first sample of this calibration
        self._given = 0  # number of the sample after the last that was yielded
        self._held = np.zeros(0)  # those that a frame still needs

    def _number(self, time_ns: int) -> int:
        """Return the number of the first sample at or after an instant."""
        ahead = (time_ns - self._about.start_ns) * self._about.sampling_rate_hz / NS_PER_S
        return int(np.ceil(ahead - 1e-6))

    def add(self, data: np.ndarray) -> Iterator[Segment]:
        """Yield what can be told with some more samples."""
        while len(data):
            at = max(0, bisect.bisect_right(self._firsts, self._n) - 1)
            stop = self._firsts[at + 1] if at + 1 < len(self._firsts) else np.inf
            n = int(min(len(data), stop - self._n))
            yield from self._add(data[:n], *self._timeline[at][1:])
            self._n += n
            data = data[n:]

    def _add(self, data: np.ndarray, epoch: Epoch | None, inside: bool) -> Iterator[Segment]:
        rate_hz = snap_rate(self._about.sampling_rate_hz)
        found = self._calibrator.calibration(epoch, rate_hz, self._about.units)
        if self._calibration is None or found.key != self._calibration.key:
            yield from self.close()
            self._calibration, self._begin, self._given = found, self._n, -1
        if found.counted:
            self._counts[found.counted] += len(data)
        if epoch is not None and not inside:
            self._counts["samples_of_nearest_epoch"] += len(data)
        if found.kernel is not None:
            self._held = np.concatenate([self._held, data])
            yield from self._frames(found.kernel)
        elif np.isfinite(found.factor):
            yield self._segment(data * found.factor, self._n)

    def _frames(self, kernel: Kernel) -> Iterator[Segment]:
        """Yield the whole frames that are held."""
        done = []
        while len(self._held) >= kernel.size:
            done.append(kernel.apply(self._held[: kernel.size]))
            self._held = self._held[kernel.hop :]
        if done:
            first = self._begin + kernel.half if self._given < 0 else self._given
            yield self._segment(np.concatenate(done), first)

    def close(self) -> Iterator[Segment]:
        """Yield the end of what is held."""
        kernel = None if self._calibration is None else self._calibration.kernel
        if kernel is not None and len(self._held) > 2 * kernel.half:
            first = self._begin + kernel.half if self._given < 0 else self._given
            yield self._segment(kernel.apply(self._held), first)
        self._held = np.zeros(0)

    def _segment(self, data: np.ndarray, first: int) -> Segment:
        """Return samples as a segment that goes on where the one before ended."""
        continues, self._given = self._given >= 0, first + len(data)
        start_ns = self._about.start_ns + samples_to_ns(first, self._about.sampling_rate_hz)
        return dataclasses.replace(
            self._about, start_ns=start_ns, data=data[np.newaxis], continues=continues
        )
