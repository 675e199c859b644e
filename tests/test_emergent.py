"""Onsets of emergent signals: planted swells, and what must not begin one."""

import dataclasses

import numpy as np
import pytest
from scipy import signal

from seisml.emergent import BACKGROUND, emergent_onset, levels
from seisml.filters import Band
from seisml.segments import Segment
from seisml.times import NS_PER_S

BAND = Band(0.1, 8.0, 3)
RATE_HZ, WINDOW_S = 20.0, 200.0
START_NS = 1_560_000_000 * NS_PER_S
ONSET_S = 1_200.0
RISE = tuple(START_NS + round(t * NS_PER_S) for t in (1_100.0, 1_500.0))
LENGTH_S = 2_000.0


def swell(snr: float, *, seed: int = 0, rise_s: float = 20.0, channel: str = "BHZ") -> Segment:
    """Noise, and from `ONSET_S` on a signal of 0.3-0.9 Hz that swells and fades."""
    rng = np.random.default_rng(seed)
    n = int(LENGTH_S * RATE_HZ)
    t = np.maximum(np.arange(n) / RATE_HZ - ONSET_S, 0.0)
    band = signal.butter(2, (0.3, 0.9), "bandpass", fs=RATE_HZ, output="sos")
    x, wave = (signal.sosfilt(band, rng.standard_normal(n)) for _ in range(2))
    x = x + 0.3 * rng.standard_normal(n) * x.std()
    x += snr * wave * (1.0 - np.exp(-t / rise_s)) * np.exp(-t / 400.0)
    return Segment("XB.ELYSE.02.BH", (channel,), START_NS, RATE_HZ, x[np.newaxis])


def found(parts, rise=RISE):
    return emergent_onset(parts, rise, band=BAND, window_ns=round(WINDOW_S * NS_PER_S))


@pytest.mark.parametrize("snr", [3.0, 10.0])
def test_a_planted_swell_is_found(snr):
    late_s = [
        (found([swell(snr, seed=seed)]).time_ns - START_NS) / NS_PER_S - ONSET_S
        for seed in range(8)
    ]
    assert -20.0 < np.median(late_s) < 25.0  # it cannot be seen at once
    assert np.mean(np.abs(late_s) < 60.0) >= 7 / 8


def test_neither_gain_nor_offset_nor_more_components_matter():
    one = swell(6.0)
    far = dataclasses.replace(one, data=1e-9 * one.data + 3.0)
    assert found([far]).time_ns == found([one]).time_ns
    three = [one, *(swell(6.0, seed=k, channel=c) for k, c in ((1, "BHN"), (2, "BHE")))]
    assert abs(found(three).time_ns - START_NS - ONSET_S * NS_PER_S) < 40 * NS_PER_S
    assert found(three).channel == "BHZ"
    assert found(three).uncertainty_s >= WINDOW_S / 40


def test_a_spike_before_the_swell_is_not_its_onset():
    part = swell(6.0)
    x = part.data.copy()
    at = int((ONSET_S - 80.0) * RATE_HZ)
    x[0, at : at + 4] += 100.0 * x.std()
    spiked = dataclasses.replace(part, data=x)
    late_s = (found([spiked]).time_ns - found([part]).time_ns) / NS_PER_S
    assert abs(late_s) < 30.0


def test_noise_that_rises_a_little_before_a_clear_event_is_not_its_onset():
    part, rng = swell(12.0), np.random.default_rng(1)
    x = part.data.copy()
    at = slice(int((ONSET_S - 95.0) * RATE_HZ), int(ONSET_S * RATE_HZ))
    band = signal.butter(2, (0.1, 8.0), "bandpass", fs=RATE_HZ, output="sos")
    gust = signal.sosfilt(band, rng.standard_normal(at.stop - at.start))
    x[0, at] += 1.6 * gust * x[0, : at.start].std() / gust.std()
    late_s = (found([dataclasses.replace(part, data=x)]).time_ns - START_NS) / NS_PER_S - ONSET_S
    assert abs(late_s) < 30.0


def test_where_nothing_swells_there_is_no_onset():
    assert found([swell(0.0)]) is None
    assert found([]) is None
    short = dataclasses.replace(swell(6.0), start_ns=RISE[0])  # nothing before the rise
    assert found([short]) is None
    slow = dataclasses.replace(swell(6.0), sampling_rate_hz=0.2)
    assert found([slow]) is None


def test_levels_are_powers_and_gaps_stay_unknown():
    part = swell(0.0)
    n, step_ns = 100, 5 * NS_PER_S
    begin_ns = START_NS + 500 * NS_PER_S
    one = levels([part], Band(0.3, 0.9, 3), begin_ns, n, step_ns)
    loud = dataclasses.replace(part, data=part.data * np.where(np.arange(40_000) < 15_000, 1, 10))
    ten = levels([loud], Band(0.3, 0.9, 3), begin_ns, n, step_ns)
    assert np.median(ten[-40:]) - np.median(ten[:40]) == pytest.approx(20.0, abs=2.0)
    assert np.isfinite(one).all()
    gap = [
        dataclasses.replace(part, data=part.data[:, :14_000]),
        dataclasses.replace(part, data=part.data[:, 16_000:], start_ns=START_NS + 800 * NS_PER_S),
    ]
    known = np.isfinite(levels(gap, Band(0.3, 0.9, 3), begin_ns, n, step_ns))
    assert not known[41:60].any()
    assert known[:40].all()
    assert BACKGROUND >= 2


def test_a_channel_that_stands_still_most_of_the_time_has_a_level():
    """Its median power is 0: no division by it, and the signal is measured by the rest."""
    part = swell(6.0)
    x = part.data.copy()
    x[:, : x.shape[1] * 3 // 5] = 0.0
    args = Band(0.3, 0.9, 3), START_NS, 200, 10 * NS_PER_S
    with np.errstate(all="raise"):
        level = levels([dataclasses.replace(part, data=x)], *args)
        dead = levels([dataclasses.replace(part, data=0.0 * x)], *args)
    assert np.isfinite(level).sum() > 150
    assert abs(np.median(level[130:])) < 3.0
    assert np.isnan(dead).all()
