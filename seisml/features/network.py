"""Features of a network's events: what only several stations together can tell.

They are functions of a `NetworkSpan`, not of windows: extraction leaves them out, and
`seisml.networkfeatures` computes them for the events that association has found.
"""

import dataclasses
import itertools

import numpy as np

from seisml.features.registry import feature

N_GRID, N_ZOOMS, N_DIRECTIONS = 41, 6, 360
"""Places a side of the grid of point sources, its refinements, and directions of slowest waves."""


@dataclasses.dataclass(frozen=True, eq=False)
class NetworkSpan:
    """An event as several stations see it.

    Attributes
    ----------
    onset_s : numpy.ndarray, shape (n_stations,), s
        Onset nearest to that of the event, after its first one; NaN at stations without any.
    reach_s : numpy.ndarray, shape (n_stations,), s
        Longest time that an onset of the event can be away from its first one.
    in_event : numpy.ndarray of bool, shape (n_stations,)
        Stations whose onsets were associated.
    place_km : numpy.ndarray, shape (n_stations, 2), km
        East and north; NaN where the coordinates are not known.
    slowest_km_s : float, km/s
        Slowest apparent speed of a wave across the network.
    envelope : numpy.ndarray, shape (n_stations, n_times)
        RMS amplitude about the event, at the same times for all stations; NaN without a record.
    envelope_s : float, s
        Distance of these times.
    limit_s : numpy.ndarray, shape (n_stations, n_stations), s
        Longest time between onsets of one event at two stations.
    spectra : numpy.ndarray of complex, shape (n_recorded, n_parts, n_frequencies)
        Spectra of parts of the event, at stations with an onset and a record, times counted from
        the onset of each: the moveout is taken out.
    """

    onset_s: np.ndarray
    reach_s: np.ndarray
    in_event: np.ndarray
    place_km: np.ndarray
    slowest_km_s: float
    envelope: np.ndarray
    envelope_s: float
    limit_s: np.ndarray
    spectra: np.ndarray


@feature(
    "count",
    group="I",
    formula="#{i: |t_i − t_first| ≤ d_i,first / v_slowest}",
    cost="V",
    per="network",
    reference="Provost et al. 2017, attributes 58-67, doi:10.1002/2016GL070709",
)
def n_coincident(e: NetworkSpan) -> float:
    """Count the stations with a detection within the moveout window about the first onset."""
    with np.errstate(invalid="ignore"):
        return float(np.sum(np.abs(e.onset_s) <= e.reach_s + 1e-9))


@feature(
    "s",
    group="I",
    formula="min over plane and point sources of √(Σ (t_i − t̂_i)²/(n − p))",
    cost="V",
    per="network",
    reference="-",
)
def moveout_residual(e: NetworkSpan) -> float:
    """RMS of the onsets about those of the best plane wave or point source at the surface.

    Neither is slower than the slowest speed. A plane wave has three parameters (p) and wants four
    stations with coordinates, a point source has four and wants five. Onsets at once on a wide
    network, as of a glitch, fit a plane wave of no slowness: see ``moveout_s`` beside it.
    """
    known = e.in_event & np.isfinite(e.place_km).all(axis=1)
    t, place = e.onset_s[known], e.place_km[known]
    n = len(t)
    if n < 4:
        return np.nan
    best = plane_misfit(t, place, 1 / e.slowest_km_s) / (n - 3)
    if n > 4:
        best = min(best, point_misfit(t, place, 1 / e.slowest_km_s) / (n - 4))
    return float(np.sqrt(best))


def plane_misfit(t: np.ndarray, place: np.ndarray, slowest: float) -> float:
    """Return the least sum of squares of t − t₀ − s·x over t₀ and slownesses |s| ≤ slowest, s²."""
    t, x = t - t.mean(), place - place.mean(axis=0)
    s = np.linalg.lstsq(x, t, rcond=None)[0]
    if np.hypot(*s) <= slowest:
        return float(np.sum((t - x @ s) ** 2))
    # The least on a disc is then on its edge.
    angle = 2 * np.pi * np.arange(N_DIRECTIONS) / N_DIRECTIONS
    edge = slowest * np.column_stack([np.cos(angle), np.sin(angle)])
    return float(np.min(np.sum((t - edge @ x.T) ** 2, axis=1)))


def point_misfit(t: np.ndarray, place: np.ndarray, slowest: float) -> float:
    """Return the least sum of squares of t − t₀ − s|x − x₀| over places x₀ and 0 ≤ s ≤ slowest."""
    centre = place.mean(axis=0)
    reach = 2 * max(float(np.ptp(place, axis=0).max()), 1e-3)
    t, best = t - t.mean(), np.inf
    for _ in range(N_ZOOMS):
        side = np.linspace(-reach, reach, N_GRID)
        x0 = centre + np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
        r = np.hypot(*(place[None] - x0[:, None]).transpose(2, 0, 1))
        r = r - r.mean(axis=1, keepdims=True)
        s = np.clip((r @ t) / np.maximum((r**2).sum(axis=1), 1e-12), 0, slowest)
        misfit = np.sum((t - s[:, None] * r) ** 2, axis=1)
        at = int(np.argmin(misfit))
        best, centre = min(best, float(misfit[at])), x0[at]
        reach *= 4 / (N_GRID - 1)
    return best


@feature(
    "",
    group="I",
    formula="max over neighbours i, j and lags |τ| ≤ d_ij/v_slowest of corr(e_i(t), e_j(t + τ))",
    invariances="G",
    cost="V",
    per="network",
    reference="Provost et al. 2017, doi:10.1002/2016GL070709",
)
def xcorr_max(e: NetworkSpan) -> float:
    """Largest correlation of the envelopes of two neighbours at a lag that one wave can have.

    The neighbours of a station are those with the shortest moveout limit.
    """
    recorded = np.flatnonzero(np.isfinite(e.envelope).all(axis=1))
    best = np.nan
    for i, j in _neighbours(e.limit_s, recorded):
        most = min(int(e.limit_s[i, j] / e.envelope_s + 1e-9), e.envelope.shape[1] // 2)
        best = np.fmax(best, largest_correlation(e.envelope[i], e.envelope[j], most))
    return float(best)


def largest_correlation(x: np.ndarray, y: np.ndarray, most: int) -> float:
    """Return the largest Pearson correlation of x(t) and y(t + lag), |lag| ≤ most samples.

    Of what overlaps at each lag; NaN where one of the two does not change.

    Examples
    --------
    >>> x = np.array([0.0, 0.0, 1.0, 5.0, 1.0, 0.0, 0.0, 0.0])
    >>> round(largest_correlation(x, 3 * np.roll(x, 2) + 1, 2), 6)
    1.0
    """
    n, lag = len(x), np.arange(-most, most + 1)
    x, y = x - x.mean(), y - y.mean()
    first_x, first_y = np.maximum(0, -lag), np.maximum(0, lag)
    overlap = n - np.abs(lag)

    def sums(values: np.ndarray, first: np.ndarray) -> np.ndarray:
        total = np.concatenate([[0.0], np.cumsum(values)])
        return total[first + overlap] - total[first]

    cross = np.correlate(y, x, "full")[n - 1 - most : n + most]
    mean_x, mean_y = sums(x, first_x) / overlap, sums(y, first_y) / overlap
    power_x = sums(x**2, first_x) - overlap * mean_x**2
    power_y = sums(y**2, first_y) - overlap * mean_y**2
    known = (power_x > 1e-12 * np.sum(x**2)) & (power_y > 1e-12 * np.sum(y**2))
    if not known.any():
        return float("nan")
    shared = (cross - overlap * mean_x * mean_y)[known]
    return float(np.max(shared / np.sqrt(power_x[known] * power_y[known])))


def _neighbours(limit_s: np.ndarray, recorded: np.ndarray) -> list[tuple[int, int]]:
    """Return the pairs of stations of which one is a nearest recorded neighbour of the other."""
    if len(recorded) < 2:
        return []
    limits = limit_s[np.ix_(recorded, recorded)].astype(np.float64)
    np.fill_diagonal(limits, np.inf)
    nearest = limits <= limits.min(axis=1, keepdims=True) + 1e-9
    pairs = itertools.combinations(range(len(recorded)), 2)
    return [
        (int(recorded[i]), int(recorded[j])) for i, j in pairs if nearest[i, j] or nearest[j, i]
    ]


@feature(
    "",
    group="I",
    formula="mean over f of Σ_i i λ_i/Σ_i λ_i, i = 0 … N − 1, λ falling",
    invariances="G",
    cost="V",
    per="network",
    reference="Seydoux et al. 2016, doi:10.1093/gji/ggv531",
)
def spectral_width(e: NetworkSpan) -> float:
    """Width of the spectrum of eigenvalues of the network's covariance: 0 for one wave.

    Spectra are whitened (phases only); the covariance is their mean over parts of the event.
    Waves that have nothing in common reach (N − 1)/2 at N stations, less where the parts are few.
    """
    size = np.abs(e.spectra)
    if len(size) < 2 or e.spectra.shape[1] < 2 or not size.size or not (size > 0).all():
        return np.nan
    phases = e.spectra / size
    covariance = np.einsum("amf,bmf->fab", phases, phases.conj()) / phases.shape[1]
    values = np.linalg.eigvalsh(covariance)[:, ::-1].clip(0)
    number = np.arange(values.shape[1])
    return float(np.mean(values @ number / values.sum(axis=1)))
