"""Features of whole events: what is known only once the true limits of an event are.

They are functions of an `EventSpan`, not of windows: extraction leaves them out, and
`seisml.eventfeatures` computes them beside the `classify` features of the same limits.
"""

import dataclasses

import numpy as np
from scipy.signal import welch

from seisml.features.registry import feature

PRE_S = 30.0
"""Time before an event that its signal-to-noise ratio looks at, at most."""
SHORTEST_SPECTRUM_S = 0.5


@dataclasses.dataclass(frozen=True)
class EventSpan:
    """Samples of one channel before and during an event.

    Attributes
    ----------
    before, during : numpy.ndarray, shape (n_samples,)
        Filtered; ``before`` ends a little before the onset.
    sampling_rate_hz : float
    duration_s : float, s
    bands_hz : tuple of (float, float), Hz
        Bands of which the best one counts.
    """

    before: np.ndarray
    during: np.ndarray
    sampling_rate_hz: float
    duration_s: float
    bands_hz: tuple[tuple[float, float], ...]


@feature(
    "s",
    group="J",
    formula="t_off − t_on",
    invariances="GRO",
    cost="V",
    per="event",
    reference="Hibert et al. 2014, attribute 1",
)
def duration(e: EventSpan) -> float:
    """Time from the onset to the end of the event."""
    return e.duration_s


@feature(
    "dB",
    group="J",
    formula="max over bands of 10 log₁₀(P_event/P_before)",
    invariances="GRO",
    cost="V",
    per="event",
    reference="-",
)
def snr_db(e: EventSpan) -> float:
    """Signal-to-noise ratio: mean power of the event over that before it, in the best band."""
    n = min(len(e.before), len(e.during), round(4 * e.sampling_rate_hz))
    if n < max(8, SHORTEST_SPECTRUM_S * e.sampling_rate_hz):
        return np.nan
    frequency, noise = welch(e.before, e.sampling_rate_hz, nperseg=n)
    _, signal = welch(e.during, e.sampling_rate_hz, nperseg=n)
    best = np.nan
    for low_hz, high_hz in e.bands_hz:
        inside = (frequency >= low_hz) & (frequency < min(high_hz, 0.4 * e.sampling_rate_hz))
        if inside.any() and noise[inside].sum() > 0 and signal[inside].sum() > 0:
            ratio = signal[inside].sum() / noise[inside].sum()
            best = np.fmax(best, 10 * np.log10(ratio))
    return float(best)
