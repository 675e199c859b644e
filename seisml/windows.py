"""WindowGrid: windows stand on an absolute grid, whatever file their samples come from.

Block k is the time ``[k·hop, (k+1)·hop)`` since 1970; window k is the `n_hops` blocks from k on.
A window belongs to the UTC day that holds its start, so every window is in exactly one day.
"""

import dataclasses

import numpy as np

from seisml.errors import ConfigError
from seisml.times import DAY_NS, NS_PER_S


@dataclasses.dataclass(frozen=True)
class WindowGrid:
    """Length and hop of all windows; the length is a whole number of hops.

    Attributes
    ----------
    length_s : float, s
        Length of a window.
    hop_s : float, s
        Distance between the starts of neighbouring windows.

    Raises
    ------
    ConfigError
        If the hop is not positive or does not divide the length.

    Examples
    --------
    >>> grid = WindowGrid(length_s=6.0, hop_s=2.0)
    >>> grid.n_hops, len(grid.day_blocks(0))
    (3, 43200)
    """

    length_s: float
    hop_s: float

    def __post_init__(self):
        if not (np.isfinite([self.hop_s, self.length_s]).all() and self.hop_s * NS_PER_S >= 1):
            raise ConfigError(
                f"hop_s = {self.hop_s} s and length_s = {self.length_s} s cannot be used.",
                "Both must be finite and positive.",
            )
        if self.length_ns < self.hop_ns or self.length_ns % self.hop_ns:
            raise ConfigError(
                f"length_s = {self.length_s:g} s is not a multiple of hop_s = {self.hop_s:g} s.",
                f"Take for example length_s = "
                f"{max(1, round(self.length_s / self.hop_s)) * self.hop_s:g}.",
            )

    @property
    def hop_ns(self) -> int:
        """Hop in nanoseconds."""
        return round(self.hop_s * NS_PER_S)

    @property
    def length_ns(self) -> int:
        """Window length in nanoseconds."""
        return round(self.length_s * NS_PER_S)

    @property
    def n_hops(self) -> int:
        """Blocks in a window."""
        return self.length_ns // self.hop_ns

    def block_of(self, time_ns: int) -> int:
        """Return the number of the block that holds an instant."""
        return int(time_ns) // self.hop_ns

    def blocks(self, start_ns: int, end_ns: int) -> range:
        """Return the blocks whose start lies in ``[start_ns, end_ns)``."""
        return range(-(-int(start_ns) // self.hop_ns), -(-int(end_ns) // self.hop_ns))

    def day_blocks(self, day: int) -> range:
        """Return the windows (numbers of their first block) that belong to a UTC day."""
        return self.blocks(day * DAY_NS, (day + 1) * DAY_NS)

    def times(self, blocks: range) -> np.ndarray:
        """Return the start of each block in nanoseconds, int64, shape (n_blocks,)."""
        return np.arange(blocks.start, blocks.stop, dtype=np.int64) * self.hop_ns
