"""Causal filters of segments that carry their state over every cut.

A segment is anything like `seisml.segments.Segment`.
"""

import dataclasses
import functools
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from scipy.signal import butter, sosfilt, sosfilt_zi

from seisml.errors import ConfigError
from seisml.rates import samples_to_ns, snap_rate


@dataclasses.dataclass(frozen=True)
class Band:
    """A causal Butterworth filter: band-pass, or high-pass where f_max_hz is near Nyquist.

    Attributes
    ----------
    f_min_hz, f_max_hz : float, Hz
        Corners (-3 dB). The upper one is left out where it exceeds 0.8 of Nyquist.
    order : int
        Order of each flank.
    """

    f_min_hz: float
    f_max_hz: float
    order: int = 4

    def __post_init__(self):
        if not 0 < self.f_min_hz < self.f_max_hz:
            raise ConfigError(
                f"The band {self.f_min_hz:g}-{self.f_max_hz:g} Hz is empty.",
                "Take 0 < f_min_hz < f_max_hz.",
            )

    def sections(self, sampling_rate_hz: float) -> np.ndarray:
        """Return second-order sections for one sampling rate.

        Raises
        ------
        ConfigError
            If the lower corner is not below 0.8 of the Nyquist frequency.
        """
        limit_hz = 0.4 * sampling_rate_hz
        if self.f_min_hz >= limit_hz:
            raise ConfigError(
                f"f_min_hz = {self.f_min_hz:g} Hz is too high for {sampling_rate_hz:g} samples/s: "
                f"it must be below {limit_hz:g} Hz.",
                "Choose another profile or a lower f_min_hz.",
            )
        return _sections(self, sampling_rate_hz).copy()

    def settle_s(self, level: float) -> float:
        """Return the time after which the impulse response has fallen below a level.

        The slowest pole decides: that of the analogue band-pass, which rings the longer the
        narrower the band is, or that of the high-pass that is left where the upper corner is
        near Nyquist.
        """
        return float(-np.log(level) / _slowest_pole(self))


@functools.lru_cache(maxsize=256)
def _sections(band: Band, sampling_rate_hz: float) -> np.ndarray:
    if band.f_max_hz < 0.4 * sampling_rate_hz:
        corners, kind = (band.f_min_hz, band.f_max_hz), "bandpass"
    else:
        corners, kind = band.f_min_hz, "highpass"
    return butter(band.order, corners, kind, fs=sampling_rate_hz, output="sos")


@functools.lru_cache(maxsize=256)
def _slowest_pole(band: Band) -> float:
    corners = 2 * np.pi * np.array([band.f_min_hz, band.f_max_hz])
    _, poles, _ = butter(band.order, corners, "bandpass", analog=True, output="zpk")
    high = 2 * np.pi * band.f_min_hz * np.sin(np.pi / (2 * band.order))
    return min(high, -poles.real.max())


SETTLED = 1e-3
"""Level of the impulse response below which filtered samples count."""
FORGOTTEN = 1e-16
"""Level below which it does not matter where a filter was started."""
SHORT = 1 << 14
"""Samples up to which pieces are filtered together."""
LOT = 1 << 18
"""Samples that are gathered for it."""


class CausalFilter:
    """A causal filter that carries its state from each segment to its continuation.

    Parameters
    ----------
    band : Band
    sections : callable, optional
        ``sections(sampling_rate_hz)`` to use instead of those of the band.

    Notes
    -----
    Where a new segment starts, the time in which the filter settles (impulse response above 1e-3)
    is left out, so no transient of a gap is taken for an event.
    """

    def __init__(self, band: Band, *, sections=None):
        self._sections = sections or band.sections
        self._settle_s = band.settle_s(SETTLED)
        self._states: dict[tuple[str, ...], np.ndarray] = {}
        self._runs: dict[tuple[str, ...], tuple[int, int]] = {}
        self._designs: dict[float, tuple[np.ndarray, np.ndarray, int]] = {}

    def add(self, part):
        """Return the filtered segment, float32; None where nothing of it is settled."""
        sos, at_rest, n_unsettled = self._design(part)
        x = _as_numbers(part.data)
        if not part.continues or part.channels not in self._states:
            # Start as if the first value had been there for ever: no step from zero.
            self._states[part.channels] = at_rest * x[:, :1]
            self._runs[part.channels] = part.start_ns, 0
        y, self._states[part.channels] = sosfilt(sos, x, axis=1, zi=self._states[part.channels])
        start_ns, n_before = self._runs[part.channels]
        self._runs[part.channels] = start_ns, n_before + part.n_samples
        skip = max(0, n_unsettled - n_before)
        if skip >= part.n_samples:
            return None
        return dataclasses.replace(
            part,
            start_ns=start_ns + samples_to_ns(n_before + skip, part.sampling_rate_hz),
            data=y[:, skip:].astype(np.float32),
            continues=n_before > n_unsettled,
        )

    def add_many(self, parts: Sequence) -> Iterator:
        """Yield what `add` returns of each, in order; short pieces are filtered together."""
        found = dict(self._together([i for i in _whole(parts) if _is_short(parts[i])], parts))
        for i, part in enumerate(parts):
            filtered = found[i] if i in found else self.add(part)
            if filtered is not None:
                yield filtered

    def _together(self, chosen: list[int], parts: Sequence) -> Iterator[tuple]:
        """Filter pieces that nothing follows, those of about the same length in one array."""
        by_length = sorted(chosen, key=lambda i: (parts[i].sampling_rate_hz, parts[i].n_samples))
        lot: list[int] = []
        for i in by_length:
            part = parts[i]
            n_unsettled = self._design(part)[2]
            if part.n_samples <= n_unsettled:
                yield i, None
                continue
            first = parts[lot[0]] if lot else part
            alike = snap_rate(first.sampling_rate_hz) == snap_rate(part.sampling_rate_hz)
            if not alike or part.n_samples > 1.25 * first.n_samples:
                yield from self._filtered(lot, parts)
                lot = []
            lot.append(i)
        yield from self._filtered(lot, parts)

    def _filtered(self, lot: list[int], parts: Sequence) -> Iterator[tuple]:
        if not lot:
            return
        sos, at_rest, skip = self._design(parts[lot[0]])
        x = np.zeros((len(lot), parts[lot[-1]].n_samples))
        for row, i in zip(x, lot, strict=True):
            row[: parts[i].n_samples] = parts[i].data[0]
        y, _ = sosfilt(sos, x, axis=1, zi=at_rest * x[:, :1])
        y = y.astype(np.float32)
        for row, i in zip(y, lot, strict=True):
            part = parts[i]
            start_ns = part.start_ns + samples_to_ns(skip, part.sampling_rate_hz)
            data = row[np.newaxis, skip : part.n_samples]
            yield i, dataclasses.replace(part, start_ns=start_ns, data=data)

    def _design(self, part) -> tuple[np.ndarray, np.ndarray, int]:
        """Return sections, their state at rest under a constant of one, samples to settle."""
        rate_hz = snap_rate(part.sampling_rate_hz)
        if rate_hz not in self._designs:
            sos = self._sections(rate_hz)
            at_rest = sosfilt_zi(sos)[:, np.newaxis, :]
            self._designs[rate_hz] = sos, at_rest, int(np.ceil(self._settle_s * rate_hz))
        return self._designs[rate_hz]


def _as_numbers(data: np.ndarray) -> np.ndarray:
    """Return samples as the filter takes them: it converts whole numbers itself."""
    return data if data.dtype.itemsize <= 8 else data.astype(np.float64)


def _is_short(part) -> bool:
    return len(part.channels) == 1 and part.n_samples <= SHORT


def _whole(parts: Sequence) -> list[int]:
    """Return the segments that go on from none and that, as is known, none goes on from."""
    whole: list[int] = []
    latest: dict[tuple[str, ...], int] = {}
    for i, part in enumerate(parts):
        before = latest.get(part.channels)
        if before is not None and not (part.continues or parts[before].continues):
            whole.append(before)
        latest[part.channels] = i
    return whole


def causal_filter(parts: Iterable, band: Band) -> Iterator:
    """Filter segments causally, carrying the state from each segment to its continuation.

    Parameters
    ----------
    parts : iterable of Segment
        From `seisml.segments.segments`; several channels may be interleaved.
    band : Band

    Yields
    ------
    Segment
        float32, without the time in which the filter settles; see `CausalFilter`.
    """
    stream = CausalFilter(band)
    lot, n_samples = [], 0
    for part in parts:
        lot.append(part)
        n_samples += part.n_samples
        if n_samples >= LOT:
            yield from stream.add_many(lot)
            lot, n_samples = [], 0
    yield from stream.add_many(lot)
