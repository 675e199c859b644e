"""What is in the middle of a window against what is around it, on both sides (groups C and D).

A ratio to the past needs a past. A record of a minute has none in its first seconds, though what
follows an event is noise as well as what was before it.
"""

import numpy as np

from seisml.features.bands import band_names
from seisml.features.frames import Windows
from seisml.features.known import log10, nanmean
from seisml.features.registry import feature

MIDDLE_SHARE = 0.1
"""Of the window that is its middle."""


def _middle(n: int) -> slice:
    """Return the middle tenth of n pieces, at least one."""
    wide = max(1, round(MIDDLE_SHARE * n))
    wide += (n - wide) % 2  # as much on both sides
    return slice((n - wide) // 2, (n + wide) // 2)


def _known_quantile(values: np.ndarray, share: float) -> np.ndarray:
    """Return a quantile over the last axis of what is known, NaN where that is less than half."""
    ordered = np.sort(values, axis=-1)  # NaN come last
    n = np.isfinite(values).sum(axis=-1)
    at = np.floor(share * np.maximum(n - 1, 0)).astype(int)
    found = np.take_along_axis(ordered, at[..., np.newaxis], axis=-1)[..., 0]
    return np.where(2 * n >= values.shape[-1], found, np.nan)


@feature(
    "log10",
    group="C",
    cost="H",
    formula="log10(mean e of the middle tenth) − log10(30 % quantile of e in the window)",
    invariances="GO",
)
def middle_energy(w: Windows) -> np.ndarray:
    """Energy of the middle of the window over the background on both sides.

    e is the mean square of half seconds (`Settings.shape_s`). The quantile is that of the
    background (`Settings.background_quantile`); half of the window must be known.
    """
    energy = w.energy
    middle = nanmean(energy[:, _middle(energy.shape[1])])
    return log10(middle) - log10(_known_quantile(energy, w.settings.background_quantile))


@feature(
    "log10",
    group="D",
    cost="B",
    formula="log10(mean E_b of the middle tenth) − log10(30 % quantile of E_b in the window)",
    invariances="GO",
    parts=band_names,
)
def band_middle_energy(w: Windows) -> np.ndarray:
    """Energy in each band in the middle of the window over the background on both sides.

    As `middle_energy`, of the spectra that lie in the window.
    """
    names = w.table.linear_names
    first = names.index("band0") if w.settings.bands_hz else 0
    columns = slice(first, first + len(w.settings.bands_hz))
    spectra = w.over_spectra(w.table.linear[:, columns])
    middle = nanmean(spectra[..., _middle(spectra.shape[-1])])
    return log10(middle) - log10(_known_quantile(spectra, w.settings.background_quantile))
