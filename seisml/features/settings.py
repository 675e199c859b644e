"""Settings: all that the values of features depend on, besides the samples."""

import dataclasses
from functools import cached_property

from seisml.errors import FeatureError
from seisml.times import NS_PER_S
from seisml.windows import WindowGrid

SHAPE_S = 0.5
"""Resolution of shape in time (attack, decay, silence, duration), as Malfante et al. 2018."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """All that the values of features depend on, besides the samples.

    Attributes
    ----------
    grid : WindowGrid
        Window length and hop.
    band_hz : (float, float), Hz
        Band of the spectral features; always cut at 0.8 of Nyquist.
    bands_hz : tuple of (float, float), Hz
        Bands b = 1 ... of the band features.
    sub_s : float, s
        Sub-blocks of energy, the resolution of the short STA/LTA.
    spectrum_s : float, s
        Length of one spectrum (a multiple of the hop, at most the window): 1/resolution.
    sta_lta_s : tuple of (str, float, float), s
        Name (short, mid, long), STA and LTA lengths.
    background_s : float, s
        How far back the causal background looks.
    background_quantile : float
        Which quantile of the past energies is the background.
    min_coverage : float
        Windows with a smaller share of valid samples have NaN features.
    lengths_s : tuple of float, s
        Further windows of other lengths about the middle of each window, on the same hop: their
        columns are named ``rms@120s``.
    """

    grid: WindowGrid
    band_hz: tuple[float, float]
    bands_hz: tuple[tuple[float, float], ...]
    sub_s: float = 0.1
    spectrum_s: float | None = None
    sta_lta_s: tuple[tuple[str, float, float], ...] = (
        ("short", 0.5, 10.0),
        ("mid", 2.0, 60.0),
        ("long", 100.0, 1000.0),
    )
    background_s: float = 3600.0
    background_quantile: float = 0.3
    min_coverage: float = 0.8
    lengths_s: tuple[float, ...] = ()

    def __post_init__(self):
        spectrum_ns = self.spectrum_hops * self.grid.hop_ns
        wanted_ns = spectrum_ns if self.spectrum_s is None else round(self.spectrum_s * NS_PER_S)
        for name, good in (
            ("spectrum_s", wanted_ns == spectrum_ns <= self.grid.length_ns),
            ("sub_s", abs(self.n_sub * self.sub_s / self.grid.hop_s - 1) < 1e-9),
        ):
            if not good:
                raise FeatureError(
                    f"{name} = {getattr(self, name):g} s does not fit hop_s = "
                    f"{self.grid.hop_s:g} s and length_s = {self.grid.length_s:g} s.",
                    "spectrum_s must be a multiple of the hop, sub_s must divide it.",
                )
        for grid in self.grids:
            if grid.n_hops < self.spectrum_hops:
                raise FeatureError(
                    f"A window of lengths_s = {grid.length_s:g} s is shorter than spectrum_s = "
                    f"{spectrum_ns / NS_PER_S:g} s.",
                    "Leave it out, or shorten spectrum_s.",
                )

    @cached_property
    def grids(self) -> tuple[WindowGrid, ...]:
        """Grids of the further windows of other lengths."""
        return tuple(WindowGrid(length_s, self.grid.hop_s) for length_s in self.lengths_s)

    @cached_property
    def n_sub(self) -> int:
        """Sub-blocks in a hop block."""
        return max(1, round(self.grid.hop_s / self.sub_s))

    @cached_property
    def n_shape(self) -> int:
        """Shape blocks in a hop block: whole groups of sub-blocks of about half a second."""
        wanted = max(1.0, SHAPE_S / self.sub_s)
        divisors = [n for n in range(1, self.n_sub + 1) if self.n_sub % n == 0]
        return self.n_sub // min(divisors, key=lambda n: (abs(n - wanted), n))

    @property
    def shape_s(self) -> float:
        """Length of a shape block, s."""
        return self.grid.hop_s / self.n_shape

    @cached_property
    def spectrum_hops(self) -> int:
        """Hop blocks in one spectrum (two, or one where the window is one hop)."""
        if self.spectrum_s is None:
            return min(2, self.grid.n_hops)
        return max(1, round(self.spectrum_s / self.grid.hop_s))

    @property
    def background_hops(self) -> int:
        """Hop blocks in one background energy: the memory has about 360 of them."""
        return max(1, round(self.background_s / 360 / self.grid.hop_s))

    @property
    def background_spectrum_hops(self) -> int:
        """Hop blocks in one background spectrum: the memory has about 12 of them."""
        return max(1, round(self.background_s / 12 / self.grid.hop_s))

    @property
    def history_s(self) -> float:
        """Time before a window that its features look back to, s."""
        # Twice the STA: the score of an STA looks at the STAs that ended in the LTA before it.
        slow_s = max((2 * sta_s + lta_s for _, sta_s, lta_s in self.sta_lta_s), default=0.0)
        groups = 3 * self.background_hops + 3 * self.background_spectrum_hops + self.spectrum_hops
        back_s = self.background_s + groups * self.grid.hop_s
        return max(slow_s, back_s, self.longest_s) + self.longest_s + self.grid.hop_s

    @property
    def longest_s(self) -> float:
        """Length of the longest window, s."""
        return max(self.grid.length_s, *self.lengths_s, 0.0)
