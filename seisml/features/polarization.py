"""Group H: polarization of the three components of a station.

λ1 <= λ2 <= λ3 are the eigenvalues of the covariance of Z, N, E over a window, v the eigenvector
of λ3. Channels Z, N, E are taken as oriented so; others are turned by their metadata. Gains of
the three channels must be equal, as they are in units of ground motion.
"""

from functools import partial

import numpy as np

from seisml.features.components import Components
from seisml.features.known import log10, ratio
from seisml.features.registry import feature

feature_h = partial(feature, group="H", cost="B", needs=("samples",), per="station")
_JURKEVICS = "Jurkevics 1988, doi:10.1785/BSSA0780051725"
_SAMSON = (
    "Samson 1983, Ann. Geophys. 1, 115; Samson & Olson 1980, doi:10.1111/j.1365-246X.1980.tb04308.x"
)
DISTINCT = 1e-6
"""Least share of λ3 by which λ3 exceeds λ2, and of v that is horizontal: below, the direction is
that of rounding."""


@feature_h("", formula="1 − (λ1 + λ2)/2λ3", invariances="GLRO", reference=_JURKEVICS)
def rectilinearity(c: Components) -> np.ndarray:
    """How linear the motion is: 1 for one linear wave, 0 where no direction is preferred."""
    values, _ = c.eigen
    return 1 - ratio(values[:, 0] + values[:, 1], 2 * values[:, 2])


@feature_h("", formula="1 − 2λ1/(λ2 + λ3)", invariances="GLRO", reference=_JURKEVICS)
def planarity(c: Components) -> np.ndarray:
    """How plane the motion is: 1 for linear, elliptical and circular motion."""
    values, _ = c.eigen
    return 1 - ratio(2 * values[:, 0], values[:, 1] + values[:, 2])


def _direction(c: Components) -> np.ndarray:
    """Return v (Z, N, E), shape (n, 3), NaN where two eigenvalues are the largest."""
    values, vectors = c.eigen
    distinct = values[:, 2] - values[:, 1] > DISTINCT * values[:, 2]
    return np.where(distinct[:, np.newaxis], vectors[:, :, 2], np.nan)


@feature_h("°", formula="acos |v_Z|", invariances="GLRO", reference=_JURKEVICS)
def incidence(c: Components) -> np.ndarray:
    """Angle between the strongest motion and the vertical, 0 to 90 degrees."""
    v = c.cached(_direction)
    # As arctan: exact near the vertical too, where acos is flat.
    return np.degrees(np.arctan2(np.hypot(v[:, 1], v[:, 2]), np.abs(v[:, 0])))


def _double_azimuth(c: Components) -> tuple[np.ndarray, np.ndarray]:
    """Return sin 2θ and cos 2θ of v's azimuth θ, NaN where v is vertical."""
    _, north, east = c.cached(_direction).T
    square = north**2 + east**2
    square = np.where(square > DISTINCT**2, square, np.nan)
    return 2 * north * east / square, (north**2 - east**2) / square


@feature_h("", formula="sin 2θ of v", invariances="GLRO", reference=_JURKEVICS)
def azimuth_sin2(c: Components) -> np.ndarray:
    """Sine of twice the azimuth of the strongest motion: no jump at 360°, none with the sign."""
    return c.cached(_double_azimuth)[0]


@feature_h("", formula="cos 2θ of v", invariances="GLRO", reference=_JURKEVICS)
def azimuth_cos2(c: Components) -> np.ndarray:
    """Cosine of twice the azimuth of the strongest motion."""
    return c.cached(_double_azimuth)[1]


@feature_h("log10", formula="log10 ((E_N + E_E)/2E_Z)", invariances="GLRO")
def hv_log(c: Components) -> np.ndarray:
    """Horizontal over vertical energy: 0 where no direction is preferred."""
    z, north, east = np.diagonal(c.covariance, axis1=1, axis2=2).T
    return log10(ratio(north + east, 2 * z))


@feature_h(
    "",
    formula="Σ_b tr S_b P_b/Σ_b tr S_b, P² = (3 tr S² − (tr S)²)/2(tr S)², S_b of band b over the "
    "window's spectra",
    invariances="GO",
    reference=_SAMSON,
    cost="C",
)
def dop(c: Components) -> np.ndarray:
    """Degree of polarization, mean of the bands weighted by their power: 1 for one wave.

    A wave is whatever keeps its amplitude ratios and phase differences between components:
    elliptical motion too. P² of isotropic noise is 4/(3m + 1), m the number of independent spectra
    (times frequencies of the band) in the mean.
    """
    power = np.trace(c.cross, axis1=2, axis2=3).real
    square = np.sum(np.abs(c.cross) ** 2, axis=(2, 3))
    degree = np.sqrt(np.maximum(1.5 * ratio(square, power**2) - 0.5, 0.0))
    known = np.isfinite(degree)
    weight = np.where(known, power, 0.0)
    return ratio((weight * np.where(known, degree, 0.0)).sum(axis=1), weight.sum(axis=1))
