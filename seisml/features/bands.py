"""Group D: energies in absolute frequency bands."""

from functools import partial

import numpy as np

from seisml.features.amplitude import kurtosis
from seisml.features.blocks import DISPLACEMENT_HZ
from seisml.features.frames import Past, Windows
from seisml.features.known import log10, mean_of_steps, nanmean, ratio
from seisml.features.ratios import max_ratio_alone
from seisml.features.registry import feature
from seisml.features.settings import Settings


def band_names(settings: Settings) -> list[str]:
    """Names of the bands, in Hz."""
    return [f"{low:g}-{high:g}Hz" for low, high in settings.bands_hz]


feature_d = partial(feature, group="D")
_HIBERT = "Hibert et al. 2017, doi:10.1016/j.jvolgeores.2017.04.015"
_BUURMAN = "Buurman & West 2010, doi:10.3133/pp17692"
_STOTT = "Stott et al. 2023, doi:10.1093/gji/ggac464 (idea)"


def _band_energy(w: Windows) -> np.ndarray:
    """Mean square in each band, shape (n_bands, n_windows), NaN above 0.8 of Nyquist."""
    found = [w.linear[f"band{b}"] for b in range(len(w.settings.bands_hz))]
    return np.reshape(found, (len(found), w.n))


@feature_d(
    "log10 input²",
    formula="log10 Σ_b P Δf",
    invariances="LRO",
    reference=_HIBERT,
    parts=band_names,
)
def band_log_energy(w: Windows) -> np.ndarray:
    """Logarithm of the energy per second in each band."""
    return log10(w.cached(_band_energy)).T


@feature_d(
    "log10",
    formula="log10 E_b − log10 (30 % quantile of E_b of 10 s each over the past hour)",
    invariances="GLRO",
    reference=_STOTT,
    parts=band_names,
)
def band_rel_energy(w: Windows) -> np.ndarray:
    """Energy in each band over its causal background."""
    now = w.cached(_band_energy)
    backgrounds = [w.past.cached(_band_background, b)[w.rows] for b in range(len(now))]
    return (log10(now) - log10(np.reshape(backgrounds, now.shape))).T


def _band_background(past: Past, b: int) -> np.ndarray:
    energy = past.table.linear[:, past.table.linear_names.index(f"band{b}")]
    return past.background(energy, span_hops=past.table.settings.spectrum_hops)


def _band_halves(w: Windows) -> tuple[np.ndarray, np.ndarray]:
    """Mean square in each band in the spectra that lie in one half, shape (n_windows, n_bands)."""
    names = w.table.linear_names
    first = names.index("band0") if w.settings.bands_hz else 0
    columns = slice(first, first + len(w.settings.bands_hz))
    spectra = w.over_spectra(w.table.linear[:, columns])
    n = max(1, w.k // 2 - w.settings.spectrum_hops + 1)
    return nanmean(spectra[..., :n]), nanmean(spectra[..., -n:])


@feature_d(
    "log10",
    formula="log10(mean E_b of the second half / mean E_b of the first half)",
    invariances="GO",
    parts=band_names,
)
def band_step(w: Windows) -> np.ndarray:
    """Growth of the energy in each band from the first half of the window to the second."""
    before, after = w.cached(_band_halves)
    return log10(after) - log10(before)


@feature_d(
    "log10",
    formula="log10(mean P above / mean P below the middle band edge)",
    invariances="GLRO",
    reference=_BUURMAN,
)
def frequency_index(w: Windows) -> np.ndarray:
    """Frequency index: high against low frequencies."""
    return log10(ratio(w.linear["high"], w.linear["low"]))


@feature_d("", formula="−Σ r ln r / ln B, r = E_b/Σ E_b", invariances="GLRO")
def band_entropy(w: Windows) -> np.ndarray:
    """Entropy of the energy over the bands: 1 where all bands have the same."""
    energy = w.cached(_band_energy)
    energy = energy[np.isfinite(energy).any(axis=1)]
    if len(energy) < 2:
        return np.full(w.n, np.nan)
    share = ratio(energy, energy.sum(axis=0))
    terms = share * np.log(share, out=np.zeros_like(share), where=share > 0)
    return -mean_of_steps(terms) * len(energy) / np.log(len(energy))


_WITHERS = "Withers et al. 1998, doi:10.1785/BSSA0880010095"
_CAUDRON = (
    "Caudron et al. 2019, doi:10.1130/G46107.1; Dempsey et al. 2020, doi:10.1038/s41467-020-17375-2"
)


def _in_bands(w: Windows, function) -> np.ndarray:
    """Evaluate a feature of the record in each band, NaN where there is no such band."""
    missing = np.full(w.n, np.nan)
    parts = [w.part(name) for name in band_names(w.settings)]
    return np.column_stack([missing if part is None else function(part) for part in parts])


@feature_d(
    "",
    formula="m4/m2² of the causally filtered record",
    invariances="GLO",
    reference=_HIBERT,
    parts=band_names,
    cost="H",
    needs=("bands",),
)
def band_kurtosis(w: Windows) -> np.ndarray:
    """Pearson kurtosis of the samples in each band."""
    return _in_bands(w, kurtosis)


@feature_d(
    "",
    formula="max STA/LTA of x² in the band, 2/60 s",
    invariances="GRO",
    reference=_WITHERS,
    parts=band_names,
    cost="S",
    needs=("bands",),
)
def band_stalta_max(w: Windows) -> np.ndarray:
    """Largest middle STA/LTA of the record in each band."""
    return _in_bands(w, lambda part: max_ratio_alone(part, "mid"))


@feature_d(
    "",
    formula="mean|d| in 4.5-8 Hz over mean|d| in 8-16 Hz, d displacement",
    invariances="GLO",
    reference=_CAUDRON,
    min_rate_hz=40.0,
    cost="H",
    needs=("bands",),
)
def dsar(w: Windows) -> np.ndarray:
    """Displacement seismic amplitude ratio, of records that are proportional to velocity."""
    low, high = (w.part(f"displacement {a:g}-{b:g}Hz") for a, b in DISPLACEMENT_HZ)
    return (
        np.full(w.n, np.nan)
        if low is None or high is None
        else ratio(*map(_mean_absolute, (low, high)))
    )


def _mean_absolute(w: Windows) -> np.ndarray:
    return nanmean(w.over_blocks(w.table.absolute))


@feature_d(
    "s",
    formula="t(max e in the highest band) − t(max e in the lowest band)",
    invariances="GO",
    cost="H",
    needs=("bands",),
)
def band_lag(w: Windows) -> np.ndarray:
    """Delay of the largest half second at high frequencies after that at low ones."""
    parts = [part for name in band_names(w.settings) if (part := w.part(name)) is not None]
    if len(parts) < 2:
        return np.full(w.n, np.nan)
    low, high = (_time_of_largest(part) for part in (parts[0], parts[-1]))
    return high - low


def _time_of_largest(w: Windows) -> np.ndarray:
    known = w.energy > 0
    at = np.where(known, w.energy, -1.0).argmax(axis=1)
    return np.where(known.any(axis=1), at * w.settings.shape_s, np.nan)
