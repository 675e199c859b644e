"""Preparation of InSight records: tick, glitches, wind; planted truth and real hours."""

import numpy as np
import obspy
import pytest

from seisml.errors import ConfigError
from seisml.insight import find_glitches, wind_indicator, without_glitches, without_tick
from seisml.plots import plot_before_after, plot_spectra
from seisml.synthetics.mars_noise import TICK_M_S, background, tick, to_uvw
from seisml.synthetics.mars_transients import glitch
from seisml.times import to_ns

RATE = 20


@pytest.fixture(scope="module")
def quiet():
    first = to_ns("2021-06-02T20:00:00") * RATE // 10**9
    return to_uvw(background(3, first, first + 3600 * RATE, RATE))[1]


def line(x: np.ndarray, hz: float) -> float:
    return 2 * abs(np.mean(x * np.exp(-2j * np.pi * hz * np.arange(len(x)) / RATE)))


def test_tick_is_taken_off_and_the_rest_stays(quiet):
    ticking = quiet + tick(3, 18_780, len(quiet), RATE)
    assert line(ticking, 1.0) > 0.8 * TICK_M_S[0]
    clean = without_tick(ticking, RATE)
    assert line(clean, 1.0) < 0.1 * TICK_M_S[0]
    assert np.std(clean - quiet) < 0.2 * np.std(ticking - quiet)
    with pytest.raises(ConfigError, match="repeat every second"):
        without_tick(quiet, 6.625)


def test_planted_glitches_are_found_and_removed(quiet):
    t = np.arange(len(quiet)) / RATE
    planted = {10_000: 4e-8, 30_000: -3e-8, 50_000: 9e-8}
    pulses = sum(glitch(t - at / RATE, peak / 1.25) for at, peak in planted.items())
    found = find_glitches(quiet + pulses, RATE)
    assert len(found.onset) == 3
    np.testing.assert_allclose(found.onset, list(planted), atol=1.5 * RATE)
    np.testing.assert_allclose(found.peak, list(planted.values()), rtol=0.2)
    left = without_glitches(quiet + pulses, RATE, found) - quiet
    assert np.std(left) < 0.35 * np.std(pulses)
    assert len(find_glitches(quiet, RATE).onset) == 0


def test_wind_raises_the_indicator():
    start = to_ns("2021-06-02T20:00:00")
    first = start * RATE // 10**9
    still, windy = (
        background(3, first, first + 600 * RATE, RATE, lambda t, w=w: np.full(len(t), w))[0]
        for w in (0.0, 1.0)
    )
    assert wind_indicator(windy, RATE).mean() > wind_indicator(still, RATE).mean() + 5
    with pytest.raises(ConfigError, match="4 Hz"):
        wind_indicator(still, 8.0)


@pytest.mark.real
def test_the_tick_of_real_hours_goes(shared_data):
    paths = sorted((shared_data / "mars_insight" / "waveforms").rglob("*.mseed"))[:2]
    for path in paths:
        trace = obspy.read(path)[0]
        before = trace.data.astype(float)
        after = without_tick(before, 20.0, start_ns=trace.stats.starttime.ns)
        assert line(after, 1.0) < 0.2 * line(before, 1.0)
        assert np.std(after) == pytest.approx(np.std(before), rel=0.05)


def test_before_and_after_are_drawn(quiet):
    t = np.arange(len(quiet)) / RATE
    ticking = quiet + tick(3, 18_780, len(quiet), RATE) + glitch(t - 1500.0, 4e-7)
    found = find_glitches(ticking, RATE)
    after = without_glitches(ticking, RATE, found)
    figure = plot_before_after(ticking, after, RATE, what="glitches taken off", units="m/s")
    whole, part, spectrum = figure.axes
    assert whole.get_title(loc="left") == "glitches taken off"
    assert [text.get_text() for text in whole.get_legend().get_texts()] == ["before", "after"]
    assert "24.5" in part.get_xlabel()  # a minute about the glitch at 25 min
    assert spectrum.get_xlim()[1] == RATE / 2
    with pytest.raises(ConfigError, match="cannot be compared"):
        plot_before_after(ticking, after[1:], RATE)


def test_generated_and_real_spectra_side_by_side(quiet):
    figure = plot_spectra({"20 h": 2 * quiet}, {"20 h": quiet}, RATE)
    [panel] = figure.axes
    assert panel.get_title(loc="left") == "20 h"
    assert [text.get_text() for text in panel.texts] == ["+6.0 dB"]
    with pytest.raises(ConfigError, match="not of the same names"):
        plot_spectra({"20 h": quiet}, {"3 h": quiet}, RATE)


@pytest.mark.real
def test_glitches_of_a_real_hour_go(shared_data):
    path = min((shared_data / "mars_insight" / "waveforms").rglob("*.mseed"))
    trace = obspy.read(path)[0]
    before = trace.data.astype(float)
    found = find_glitches(before, RATE)
    assert len(found.onset) >= 1
    after = without_glitches(before, RATE, found)
    for onset in found.onset:
        at = slice(int(onset), int(onset) + 25 * RATE)
        assert np.ptp(after[at]) < np.ptp(before[at])
