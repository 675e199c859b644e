"""Hop blocks: what is summed once and then combined into windows of any overlap.

Every quantity that windows need (moments, extrema, crossings, energies of short sub-blocks,
spectra, envelopes) is computed once for each hop block (`seisml.features.kernels`);
`seisml.features.frames.Windows` combines blocks. Nothing depends on where the samples were cut
into chunks: blocks stand on the absolute grid.
"""

import dataclasses
from functools import cached_property

import numpy as np

from seisml.errors import FeatureError
from seisml.features.kernels import SUMS, count_bins, count_samples
from seisml.features.settings import Settings
from seisml.features.transforms import ENVELOPE

NEEDS = frozenset({"envelope", "samples", "absolute", "bands"})
"""What a feature may need beside the moments, energies and spectra of the blocks."""
DISPLACEMENT_HZ = ((4.5, 8.0), (8.0, 16.0))
"""Bands of the displacement seismic amplitude ratio (Caudron et al. 2019)."""


@dataclasses.dataclass(frozen=True)
class BlockTable:
    """Sums of the hop blocks of one channel; NaN where a block is not complete.

    Attributes
    ----------
    settings : Settings
    blocks : range
        Numbers of the blocks (block k starts at k hops since 1970).
    sampling_rate_hz : float
        Nominal rate; it fixes the frequencies of the spectra.
    covered_ns : numpy.ndarray of int64, shape (n_blocks,)
        Time with valid samples (partly covered blocks count here only).
    sums : numpy.ndarray, shape (n_blocks, 9)
        mean, central m2, m3, m4, min, max, crossings a second, mean (dx/dt)², mean (d²x/dt²)².
    energy : numpy.ndarray, shape (n_blocks, n_sub)
        Mean square of each sub-block.
    fourth : numpy.ndarray, shape (n_blocks, n_shape)
        Mean fourth power of each shape block.
    spectra : numpy.ndarray of float32, shape (n_blocks, n_frequencies)
        One-sided power spectral density of the samples from this block on, in units of `scale`.
    scale : numpy.ndarray, shape (n_blocks,)
        Unit of each spectrum, unit²/Hz: neither m/s nor counts leave the range of float32.
    known : numpy.ndarray of bool, shape (n_blocks,)
        Whether there is a spectrum (`spectra` is 0 where not).
    linear : numpy.ndarray, shape (n_blocks, 7 + n_bands)
        What is linear in the spectrum, see `linear_names`.
    envelope : numpy.ndarray, shape (n_blocks, 6), or None
        Mean powers 1 to 4, largest value and its place, of the envelope in the middle half of
        the samples of each spectrum.
    samples : numpy.ndarray of float32, shape (n_blocks, n_samples), or None
        The samples of each block.
    late : numpy.ndarray, shape (n_blocks,), or None
        By how much of a sample the first of them comes after the start of the block.
    absolute : numpy.ndarray, shape (n_blocks,), or None
        Mean of |x| of each block (of the displacement in `parts`).
    parts : dict of str to BlockTable
        Blocks of the record in each band (causally filtered), if needed.
    """

    settings: Settings
    blocks: range
    sampling_rate_hz: float
    covered_ns: np.ndarray
    sums: np.ndarray
    energy: np.ndarray
    fourth: np.ndarray
    spectra: np.ndarray
    scale: np.ndarray
    known: np.ndarray
    linear: np.ndarray
    envelope: np.ndarray | None = None
    samples: np.ndarray | None = None
    late: np.ndarray | None = None
    absolute: np.ndarray | None = None
    parts: dict[str, "BlockTable"] = dataclasses.field(default_factory=dict)

    @property
    def needs(self) -> set[str]:
        """What is computed beside the moments, energies and spectra."""
        return {name for name in ("envelope", "samples") if getattr(self, name) is not None}

    @property
    def first_bin(self) -> int:
        """Number of the first frequency of the analysis band; never 0 Hz, the mean is removed."""
        return first_bin(self.settings, self.sampling_rate_hz)

    @cached_property
    def frequencies_hz(self) -> np.ndarray:
        """Frequencies of the spectra, Hz: those of the analysis band."""
        n = count_samples(spectrum_s(self.settings), self.sampling_rate_hz)
        return (self.first_bin + np.arange(self.spectra.shape[1])) * (self.sampling_rate_hz / n)

    def bins(self, low_hz: float, high_hz: float) -> slice | None:
        """Return the bins of the spectra with low <= f < high, None where not all are there."""
        f = self.frequencies_hz
        if len(f) < 2 or high_hz > 0.4 * self.sampling_rate_hz * (1 + 1e-9):
            return None
        first, last = np.searchsorted(f, [low_hz - 1e-9, high_hz - 1e-9])
        slack_hz = (f[1] - f[0]) * (1 + 1e-9)
        whole = f[0] <= low_hz + slack_hz and high_hz <= f[-1] + slack_hz
        return slice(int(first), int(last)) if first < last and whole else None

    @cached_property
    def halves_hz(self) -> tuple[float, float, float] | None:
        """Lowest, middle and highest edge of the bands that are available, Hz."""
        bands = sorted(band for band in self.settings.bands_hz if self.bins(*band) is not None)
        if len(bands) < 2 or bands[0][0] == bands[len(bands) // 2][0]:
            return None
        return bands[0][0], bands[len(bands) // 2][0], max(high_hz for _, high_hz in bands)

    @cached_property
    def linear_names(self) -> tuple[str, ...]:
        """Columns of `linear`: moments of P over u, energy in each band, mean P in the halves."""
        n_bands = len(self.settings.bands_hz)
        bands = [f"band{b}" for b in range(n_bands)]
        return ("u0", "u1", "u2", "u3", "u4", "low", "high", *bands)

    def weights(self, limit_hz: float) -> np.ndarray:
        """Return the weights of `linear`, NaN for what reaches above a frequency.

        u runs from -1 to 1 over the analysis band: its moments can be centred without loss.
        """
        f = self.frequencies_hz
        weights = np.zeros((len(f), len(self.linear_names)))
        if len(f) > 1:
            u = 2 * (f - f[0]) / (f[-1] - f[0]) - 1
            weights[:, :5] = u[:, np.newaxis] ** np.arange(5)
        low_hz, middle_hz, high_hz = self.halves_hz or (0.0, 0.0, 0.0)
        mean, total = 1.0, f[1] - f[0] if len(f) > 1 else 0.0
        halves = ((low_hz, middle_hz, mean), (middle_hz, high_hz, mean))
        bands = [(*band, total) for band in self.settings.bands_hz]
        for column, (first_hz, last_hz, weight) in enumerate((*halves, *bands), start=5):
            bins = self.bins(first_hz, last_hz)
            if bins is None or last_hz > limit_hz * (1 + 1e-9):
                weights[:, column] = np.nan
            else:
                n = bins.stop - bins.start
                weights[bins, column] = weight if weight is total else weight / n
        if len(f) and f[-1] > limit_hz * (1 + 1e-9):
            weights[:, :5] = np.nan
        return weights


def spectrum_s(settings: Settings) -> float:
    """Return the length of one spectrum, s."""
    return settings.spectrum_hops * settings.grid.hop_s


def first_bin(settings: Settings, rate_hz: float) -> int:
    """Return the number of the first frequency of the analysis band in a whole spectrum."""
    step_hz = rate_hz / count_samples(spectrum_s(settings), rate_hz)
    return max(1, int(np.ceil((settings.band_hz[0] - 1e-9) / step_hz)))


def block_samples(settings: Settings, rate_hz: float) -> int:
    """Return the samples of a block, at least one a sub-block.

    Raises
    ------
    FeatureError
        If a sub-block would hold less than one sample at this rate.
    """
    n = count_samples(settings.grid.hop_s, rate_hz)
    if n < settings.n_sub:
        raise FeatureError(
            f"sub_s = {settings.sub_s:g} s is shorter than a sample at {rate_hz:g} Hz.",
            "Choose a profile for this sampling rate or a longer sub_s.",
        )
    return n


def empty_table(
    settings: Settings, blocks: range, sampling_rate_hz: float, *, needs=frozenset()
) -> BlockTable:
    """Return a table of blocks without any sample.

    Parameters
    ----------
    settings : Settings
    blocks : range
    sampling_rate_hz : float, Hz
    needs : set of str
        Of `NEEDS`: what is computed beside moments, energies and spectra.

    Raises
    ------
    FeatureError
        If a sub-block would hold less than one sample at this rate.
    """
    n, rate_hz = len(blocks), sampling_rate_hz
    n_block = block_samples(settings, rate_hz)
    top_hz = min(settings.band_hz[1], 0.4 * rate_hz)
    n_bins = count_bins(top_hz, count_samples(spectrum_s(settings), rate_hz), rate_hz)
    n_bins = max(0, n_bins - first_bin(settings, rate_hz))
    table = BlockTable(
        settings=settings,
        blocks=blocks,
        sampling_rate_hz=rate_hz,
        covered_ns=np.zeros(n, dtype=np.int64),
        sums=_columns(n, len(SUMS)),
        energy=_columns(n, settings.n_sub),
        fourth=_columns(n, settings.n_shape),
        spectra=np.zeros((n, n_bins), dtype=np.float32),
        scale=np.full(n, np.nan),
        known=np.zeros(n, dtype=bool),
        linear=_columns(n, 7 + len(settings.bands_hz)),
        envelope=_columns(n, len(ENVELOPE)) if "envelope" in needs else None,
        samples=np.full((n, n_block), np.nan, np.float32) if "samples" in needs else None,
        late=np.zeros(n) if "samples" in needs else None,
        absolute=np.full(n, np.nan) if "absolute" in needs else None,
    )
    if "bands" in needs:
        for name, band in part_bands(settings).items():
            if table.bins(*band) is not None:
                more = {"absolute"} if name.startswith("displacement") else set()
                table.parts[name] = empty_table(settings, blocks, rate_hz, needs=more)
    return table


def _columns(n_blocks: int, n_columns: int) -> np.ndarray:
    """Return an empty array (n_blocks, n_columns) whose columns are contiguous: faster to read."""
    return np.full((n_columns, n_blocks), np.nan).T


def part_bands(settings: Settings) -> dict[str, tuple[float, float]]:
    """Return the bands of `BlockTable.parts` by name: those of the settings and of displacement."""
    bands = {f"{low:g}-{high:g}Hz": (low, high) for low, high in settings.bands_hz}
    for low, high in DISPLACEMENT_HZ:
        bands[f"displacement {low:g}-{high:g}Hz"] = (low, high)
    return bands
