"""Sampling grid of a generated archive."""

import dataclasses
import math

import numpy as np

from seisml.errors import ConfigError
from seisml.times import DAY_NS, NS_PER_S, to_ns


@dataclasses.dataclass(frozen=True)
class Grid:
    """Instants of the samples of an archive that begins at midnight.

    Attributes
    ----------
    start_ns : int
        Midnight UTC at which the archive begins.
    n_days : int
        Length of the archive.
    sampling_rate_hz : int
    """

    start_ns: int
    n_days: int
    sampling_rate_hz: int

    @property
    def step_ns(self) -> int:
        """Sample interval in nanoseconds."""
        return NS_PER_S // self.sampling_rate_hz

    @property
    def end_ns(self) -> int:
        """Instant at which the archive ends."""
        return self.start_ns + self.n_days * DAY_NS

    @property
    def day_samples(self) -> int:
        """Samples in a day."""
        return 86_400 * self.sampling_rate_hz

    def index(self, time_ns: int, shift_ns: int = 0) -> int:
        """Return the number of the first sample at or after an instant."""
        return -((self.start_ns + shift_ns - time_ns) // self.step_ns)

    def time_ns(self, index: int, shift_ns: int = 0) -> int:
        """Return the instant of a sample."""
        return self.start_ns + shift_ns + index * self.step_ns


def make_grid(start, n_days: int, sampling_rate_hz: float) -> Grid:
    """Check the time settings of an archive and build its grid.

    Parameters
    ----------
    start : time
        Midnight UTC; anything that `seisml.times.to_ns` takes.
    n_days : int
        At least 1.
    sampling_rate_hz : float
        A multiple of 5 Hz that divides 10⁹.

    Returns
    -------
    Grid

    Raises
    ------
    ConfigError
        If a setting cannot be used.

    Examples
    --------
    >>> make_grid("1970-01-02", 2, 20.0).index(86_400_000_000_001)
    1
    """
    start_ns = to_ns(start)
    if start_ns % DAY_NS:
        raise ConfigError(f"start is {start!r}.", "Archives begin at midnight UTC.")
    if n_days < 1:
        raise ConfigError(f"n_days is {n_days}.", "Use at least 1.")
    rate = int(sampling_rate_hz)
    if rate != sampling_rate_hz or rate < 5 or rate % 5 or NS_PER_S % rate:
        raise ConfigError(
            f"sampling_rate_hz is {sampling_rate_hz}.", "Use for example 10, 20, 50, 100 or 200."
        )
    return Grid(start_ns, int(n_days), rate)


def add_at(samples: np.ndarray, first: int, wave: np.ndarray, wave_first: int) -> None:
    """Add a wave to the samples it overlaps, in place; both start at a sample number."""
    a = max(first, wave_first)
    b = min(first + len(samples), wave_first + len(wave))
    if a < b:
        samples[a - first : b - first] += wave[a - wave_first : b - wave_first]


def seconds(value: float) -> int:
    """Return seconds as nanoseconds, rounded to a microsecond as catalogue files keep it.

    Examples
    --------
    >>> seconds(1.0000004)
    1000000000
    """
    return math.floor(value * 1e6 + 0.5) * 1000
