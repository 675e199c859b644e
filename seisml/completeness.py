"""Completeness: the share of the expert's events that is found, as a curve over magnitude."""

import dataclasses

import numpy as np
from scipy.special import expit

from seisml.comparison import Comparison
from seisml.errors import CatalogError
from seisml.resampling import MIN_BLOCKS, Blocks, expanded_limits

MIN_EACH = 5
"""Fewest found and fewest missed events for a curve."""


@dataclasses.dataclass(frozen=True)
class Completeness:
    """A logistic curve of recall over an expert column: 1 / (1 + exp(-(x - half) / scale)).

    Attributes
    ----------
    column : str
    half, full : float
        Where 50 % and 90 % are found.
    half_interval, full_interval : (float, float)
        95 %, by resampling days (sols); NaN where there are too few.
    scale : float
        Negative where more is found of small values.
    x, recall, low, high : numpy.ndarray of float64
        The curve with its 95 % band, over the range of the events.
    n : int
        Events with a value.
    """

    column: str
    half: float
    full: float
    half_interval: tuple[float, float]
    full_interval: tuple[float, float]
    scale: float
    x: np.ndarray
    recall: np.ndarray
    low: np.ndarray
    high: np.ndarray
    n: int

    def where(self, value: float) -> str:
        """Return `half` or `full` as text; outside the events it is only known to be there."""
        if self.x[0] <= value <= self.x[-1]:
            return f"{value:.2f}"
        return f"below {self.x[0]:.2f}" if value < self.x[0] else f"above {self.x[-1]:.2f}"


def completeness(
    comparison: Comparison, *, column: str = "magnitude", n_boot: int = 300, seed: int = 0
) -> Completeness | None:
    """Fit a logistic curve to what is found of the expert's events.

    Parameters
    ----------
    comparison : Comparison
    column : str
        A column of numbers of the expert's events.
    n_boot, seed : int
        Resamples of whole days (sols) for the intervals, and their random numbers.

    Returns
    -------
    Completeness or None
        None where fewer than five events with a value are found, or missed, or all values are
        the same.

    Raises
    ------
    CatalogError
        If there is no such column of numbers.

    Notes
    -----
    Maximum likelihood by Newton's method; a weak prior (of two events, one found and one missed,
    at either end of the range) keeps the curve finite where values separate found and missed.

    Examples
    --------
    >>> from seisml.catalog import make_catalog
    >>> from seisml.compare import compare
    >>> sizes = np.linspace(0, 2, 60)
    >>> expert = make_catalog([{"time_ns": k, "magnitude": m} for k, m in enumerate(sizes)])
    >>> machine = make_catalog([{"time_ns": k} for k in range(30, 60)])
    >>> round(completeness(compare(machine, expert, tolerance_s=0)).half, 1)
    1.0
    """
    events = comparison.expert
    if column not in events or events[column].dtype.kind not in "fiu":
        raise CatalogError(f"the expert catalogue has no column of numbers {column!r}.")
    value = events[column].to_numpy(dtype=np.float64)
    known = np.isfinite(value)
    value = value[known]
    hit = events["event_id"].isin(comparison.matched["expert_id"]).to_numpy()[known]
    if min(hit.sum(), (~hit).sum()) < MIN_EACH or np.ptp(value) == 0:
        return None
    block = Blocks.of(comparison).number(events["time_ns"].to_numpy()[known])
    _, block = np.unique(block, return_inverse=True)
    middle, reach = float(value.mean()), float(np.ptp(value)) / 2
    z = (value - middle) / reach
    x = np.linspace(value.min(), value.max(), 60)
    fit = _fit(z, hit, np.ones(len(z)))
    curves = [fit, *_resampled(z, hit, block, n_boot, seed, fit)]
    slopes = np.array(curves)
    shares = expit(slopes[:, :1] + slopes[:, 1:] * ((x - middle) / reach))
    crossings = middle + reach * (np.array([[0.0], [np.log(9)]]) - slopes[:, 0]) / slopes[:, 1]
    if len(curves) > 1:
        low, high = expanded_limits(shares[1:], int(block.max()) + 1)
        limits = expanded_limits(crossings[:, 1:].T, int(block.max()) + 1)
    else:
        low, high, limits = *np.full((2, len(x)), np.nan), np.full((2, 2), np.nan)
    return Completeness(
        column=column,
        half=float(crossings[0, 0]),
        full=float(crossings[1, 0]),
        half_interval=(float(limits[0, 0]), float(limits[1, 0])),
        full_interval=(float(limits[0, 1]), float(limits[1, 1])),
        scale=float(reach / fit[1]),
        x=x,
        recall=shares[0],
        low=low,
        high=high,
        n=len(value),
    )


def _resampled(z, hit, block, n_boot: int, seed: int, start) -> list[np.ndarray]:
    """Return the fits to resampled blocks: a block weighs as often as it is drawn.

    From the fit to all of them (`start`) it is not far to that of a resample.
    """
    n_blocks = int(block.max()) + 1
    if n_blocks < MIN_BLOCKS:
        return []
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(n_blocks, np.full(n_blocks, 1 / n_blocks), size=n_boot)
    return [_fit(z, hit, counts[block].astype(np.float64), start) for counts in drawn]


def _fit(z: np.ndarray, hit: np.ndarray, weight: np.ndarray, start=(0.0, 0.0)) -> np.ndarray:
    """Return intercept and slope of the logistic regression of `hit` on `z` (about -1 to 1)."""
    ends = np.array([-1.0, -1.0, 1.0, 1.0])
    design = np.column_stack([np.ones(len(z) + 4), np.concatenate([z, ends])])
    target = np.concatenate([hit, [0.0, 1.0, 0.0, 1.0]])
    weight = np.concatenate([weight, np.full(4, 0.5)])
    found = np.array(start, dtype=np.float64)
    for _ in range(50):
        share = expit(design @ found)
        gradient = design.T @ (weight * (target - share))
        curvature = (design.T * (weight * share * (1 - share))) @ design
        step = np.linalg.solve(curvature, gradient)
        found = found + step * min(1.0, 3.0 / max(np.abs(step).max(), 1e-12))
        if np.abs(step).max() < 1e-9:
            break
    return found
