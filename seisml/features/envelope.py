"""Group B: the envelope |x + iH{x}|, from the same transforms as the spectra."""

from functools import partial

import numpy as np

from seisml.features.frames import Windows, nanmax, ratio
from seisml.features.kernels import ENVELOPE
from seisml.features.registry import feature

feature_b = partial(feature, group="B", cost="B", needs=("envelope",))
_HIBERT = "Hibert et al. 2017, doi:10.1016/j.jvolgeores.2017.04.015"
STEADY = 0.02
"""Spread over mean below which an envelope is constant: what is left is leakage and rounding."""


def _column(w: Windows, name: str) -> np.ndarray:
    return w.over_spectra(w.table.envelope[:, ENVELOPE.index(name)])


def _powers(w: Windows) -> tuple[np.ndarray, ...]:
    """Mean powers 1 to 4 of the envelope over the window."""
    return tuple(w.mean_of_spectra(w.table.envelope[:, :4]).T)


def _central(w: Windows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Central moments 2 to 4 of the envelope, NaN where it is constant."""
    r1, r2, r3, r4 = w.cached(_powers)
    m2 = r2 - r1**2
    m2 = np.where(m2 > (STEADY * r1) ** 2, m2, np.nan)
    m3 = r3 - 3 * r1 * r2 + 2 * r1**3
    return m2, m3, r4 - 4 * r1 * r3 + 6 * r1**2 * r2 - 3 * r1**4


@feature_b("", formula="max e/mean e", invariances="GO", reference=_HIBERT)
def env_max_mean(w: Windows) -> np.ndarray:
    """Largest over mean envelope: 1 for a sine."""
    return ratio(nanmax(_column(w, "max")), w.cached(_powers)[0])


@feature_b("", formula="m3/m2^1.5 of e", invariances="GLRO", reference=_HIBERT)
def env_skewness(w: Windows) -> np.ndarray:
    """Skewness of the envelope: 0.631 for Gaussian noise."""
    m2, m3, _ = w.cached(_central)
    return ratio(m3, m2**1.5)


@feature_b("", formula="m4/m2² of e", invariances="GLRO", reference=_HIBERT)
def env_kurtosis(w: Windows) -> np.ndarray:
    """Pearson kurtosis of the envelope: 3.245 for Gaussian noise."""
    m2, _, m4 = w.cached(_central)
    return ratio(m4, m2**2)


@feature_b("", formula="(t of max e − t0)/T", invariances="GRO", reference=_HIBERT)
def env_rise_fraction(w: Windows) -> np.ndarray:
    """Place of the largest envelope in the window, as a share of its length."""
    largest = _column(w, "max")
    known = largest > 0
    frame = np.where(known, largest, -1.0).argmax(axis=1)
    at = _column(w, "at")[np.arange(w.n), frame]
    # The middle half of a spectrum's samples: from a quarter of its length on.
    hops = w.settings.spectrum_hops
    place = (frame + hops * (0.25 + 0.5 * at)) / w.k
    return np.where(known.any(axis=1), place, np.nan)
