"""Deconvolution: a filter of finite length from counts to ground velocity.

The pre-filter over the response, cut where it has died away, and applied in frames (overlap-save).
"""

import dataclasses

import numpy as np

from seisml.errors import ConfigError
from seisml.metadata import Metadata
from seisml.segments import Band

REACH = 5.0
"""Reach of the impulse response to both sides, in units of 1 / (f2 - f1).

It is cut off there: it has fallen below 1e-3 of its peak long before, and the spectrum between f2
and f3 is then right to 1e-3.
"""

Corners = tuple[float, float, float, float]


def corners_of(band: Band) -> Corners:
    """Return the pre-filter that goes before a causal filter: flat over its band.

    Examples
    --------
    >>> corners_of(Band(1.0, 8.0))
    (0.5, 1.0, 8.0, 12.0)
    """
    return band.f_min_hz / 2, band.f_min_hz, band.f_max_hz, 1.5 * band.f_max_hz


def reach_s(corners: Corners) -> float:
    """Return how far a deconvolved sample looks to both sides, s."""
    return REACH / (corners[1] - corners[0])


def fitted(corners: Corners, sampling_rate_hz: float) -> Corners:
    """Return the corners of a pre-filter below 0.45 of a sampling rate.

    Raises
    ------
    ConfigError
        If they do not rise, or nothing is left between them.

    Examples
    --------
    >>> fitted((0.5, 1.0, 40.0, 60.0), 100.0)
    (0.5, 1.0, 40.0, 45.0)
    """
    f1, f2, f3, f4 = corners
    f4 = min(f4, 0.45 * sampling_rate_hz)
    f3 = min(f3, 0.9 * f4)
    if not 0 < f1 < f2 < f3 < f4:
        raise ConfigError(
            f"The pre-filter {corners} Hz is not possible at {sampling_rate_hz:g} samples/s.",
            "Take 0 < f1 < f2 < f3 < f4, with f2 below 0.4 of the sampling rate.",
        )
    return f1, f2, f3, f4


def cosine_taper(frequencies_hz: np.ndarray, corners: Corners) -> np.ndarray:
    """Return the gain of the pre-filter: 0 outside f1 and f4, 1 from f2 to f3, cosines between.

    Parameters
    ----------
    frequencies_hz : numpy.ndarray, shape (n,)
    corners : (f1, f2, f3, f4)

    Returns
    -------
    numpy.ndarray of float64, shape (n,)
    """
    f1, f2, f3, f4 = corners
    up = np.clip((frequencies_hz - f1) / (f2 - f1), 0, 1)
    down = np.clip((f4 - frequencies_hz) / (f4 - f3), 0, 1)
    return 0.25 * (1 - np.cos(np.pi * up)) * (1 - np.cos(np.pi * down))


@dataclasses.dataclass(frozen=True, eq=False)
class Kernel:
    """A two-sided filter of finite length, ready for frames.

    Attributes
    ----------
    half : int
        Samples that it reaches to both sides.
    size : int
        Samples a frame, a power of two.
    spectrum : numpy.ndarray of complex128, shape (size // 2 + 1,)
        Of the impulse response, delayed by `half`.
    """

    half: int
    size: int
    spectrum: np.ndarray

    @property
    def hop(self) -> int:
        """Samples that a frame gives."""
        return self.size - 2 * self.half

    def apply(self, frame: np.ndarray) -> np.ndarray:
        """Return the samples of a frame that have all their neighbours."""
        padded = np.fft.irfft(np.fft.rfft(frame, self.size) * self.spectrum, self.size)
        return padded[2 * self.half : len(frame)]


def make_kernel(
    metadata: Metadata, response: str, sampling_rate_hz: float, corners: Corners
) -> Kernel | None:
    """Return the filter from counts to m/s: the pre-filter divided by the response.

    Parameters
    ----------
    metadata : Metadata
    response : str
        Key of the response.
    sampling_rate_hz : float
    corners : (f1, f2, f3, f4), Hz

    Returns
    -------
    Kernel or None
        None if the response cannot be evaluated or is zero between f1 and f4.
    """
    corners = fitted(corners, sampling_rate_hz)
    half = int(np.ceil(reach_s(corners) * sampling_rate_hz))
    n = 1 << (16 * half).bit_length()  # what is beyond wraps round: below what is cut off
    frequencies_hz = np.fft.rfftfreq(n, 1 / sampling_rate_hz)
    inside = (frequencies_hz > corners[0]) & (frequencies_hz < corners[3])
    values = metadata.evaluate(response, frequencies_hz[inside])
    if values is None:
        return None
    gain = np.zeros(len(frequencies_hz), dtype=np.complex128)
    gain[inside] = cosine_taper(frequencies_hz[inside], corners) / values
    taps = np.roll(np.fft.irfft(gain, n), half)[: 2 * half + 1]
    # Cutting leaves a little at zero frequency: a constant must stay without effect.
    window = np.hanning(2 * half + 3)[1:-1]
    taps -= window * (taps.sum() / window.sum())
    size = 1 << (8 * half).bit_length()
    return Kernel(half, size, np.fft.rfft(taps, size))
