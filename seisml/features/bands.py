"""Group D: energies in absolute frequency bands."""

from functools import partial

import numpy as np

from seisml.features.blocks import Settings
from seisml.features.frames import Past, Windows, log10, nanmean, ratio
from seisml.features.registry import feature


def band_names(settings: Settings) -> list[str]:
    """Names of the bands, in Hz."""
    return [f"{low:g}-{high:g}Hz" for low, high in settings.bands_hz]


feature_d = partial(feature, group="D")
_HIBERT = "Hibert et al. 2017, doi:10.1016/j.jvolgeores.2017.04.015"
_BUURMAN = "Buurman & West 2010, doi:10.3133/pp17692"
_STOTT = "Stott et al. 2023, doi:10.1093/gji/ggac464 (idea)"


def _band_energy(w: Windows) -> np.ndarray:
    """Mean square in each band, shape (n_windows, n_bands), NaN above 0.8 of Nyquist."""
    out = np.full((w.n, len(w.settings.bands_hz)), np.nan)
    for b, (low_hz, high_hz) in enumerate(w.settings.bands_hz):
        bins = w.bins(low_hz, high_hz)
        if bins is not None:
            out[:, b] = w.psd[:, bins].sum(axis=1) * w.table.frequencies_hz[1]
    return out


@feature_d(
    "log10 input²",
    formula="log10 Σ_b P Δf",
    invariances="LRO",
    reference=_HIBERT,
    parts=band_names,
)
def band_log_energy(w: Windows) -> np.ndarray:
    """Logarithm of the energy per second in each band."""
    return log10(w.cached(_band_energy))


@feature_d(
    "log10",
    formula="log10 E_b − log10 (30 % quantile of E_b over the past hour)",
    invariances="GLRO",
    reference=_STOTT,
    parts=band_names,
)
def band_rel_energy(w: Windows) -> np.ndarray:
    """Energy in each band over its causal background."""
    now = w.cached(_band_energy)
    out = np.full_like(now, np.nan)
    for b, (low_hz, high_hz) in enumerate(w.settings.bands_hz):
        if w.bins(low_hz, high_hz) is not None:
            background = w.past.cached(_band_background, low_hz, high_hz)
            out[:, b] = log10(now[:, b]) - log10(background[w.rows])
    return out


def _band_background(past: Past, low_hz: float, high_hz: float) -> np.ndarray:
    f = past.table.frequencies_hz
    first, last = np.maximum(np.searchsorted(f, [low_hz - 1e-9, high_hz - 1e-9]), 1)
    energy = past.table.spectra[:, first:last].sum(axis=1, dtype=np.float64)
    energy *= past.table.scale * f[1]
    return past.background(energy, span_hops=past.table.settings.spectrum_hops)


@feature_d(
    "log10",
    formula="log10(mean P above / mean P below the middle band edge)",
    invariances="GLRO",
    reference=_BUURMAN,
)
def frequency_index(w: Windows) -> np.ndarray:
    """Frequency index: high against low frequencies."""
    bands = sorted(band for band in w.settings.bands_hz if w.bins(*band) is not None)
    if len(bands) < 2 or bands[0][0] == bands[len(bands) // 2][0]:
        return np.full(w.n, np.nan)
    edge_hz, top_hz = bands[len(bands) // 2][0], max(high_hz for _, high_hz in bands)
    low, high = w.bins(bands[0][0], edge_hz), w.bins(edge_hz, top_hz)
    return log10(ratio(w.psd[:, high].mean(axis=1), w.psd[:, low].mean(axis=1)))


@feature_d("", formula="−Σ r ln r / ln B, r = E_b/Σ E_b", invariances="GLRO")
def band_entropy(w: Windows) -> np.ndarray:
    """Entropy of the energy over the bands: 1 where all bands have the same."""
    energy = w.cached(_band_energy)
    energy = energy[:, np.isfinite(energy).any(axis=0)]
    if energy.shape[1] < 2:
        return np.full(w.n, np.nan)
    share = ratio(energy, energy.sum(axis=1, keepdims=True))
    terms = share * np.log(share, out=np.zeros_like(share), where=share > 0)
    return -nanmean(terms) * energy.shape[1] / np.log(energy.shape[1])
