"""Preparation of InSight records: tick, glitches, wind; planted truth and real hours."""

import numpy as np
import obspy
import pytest

from seisml.errors import ConfigError
from seisml.glitches import glitch
from seisml.insight import mean_second
from seisml.plots import plot_before_after, plot_spectra
from seisml.preparation import Preparation, prepare
from seisml.synthetics.mars_noise import TICK_M_S, background, tick, to_uvw
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
    clean, _ = prepare(ticking, RATE, Preparation(tick=True), start_ns=to_ns("2021-06-02T20:00"))
    assert line(clean, 1.0) < 0.1 * TICK_M_S[0]
    assert np.std(clean - quiet) < 0.2 * np.std(ticking - quiet)
    with pytest.raises(ConfigError, match="repeats every second"):
        mean_second(quiet, 6.625)


def test_planted_glitches_are_found_and_removed(quiet):
    t = np.arange(len(quiet)) / RATE
    planted = {500.02: 4e-8, 1500.33: -3e-8, 1799.9: 6e-8, 2500.49: 9e-8, 2515.5: -5e-8}
    pulses = sum(glitch(t - at, peak / 1.2505) for at, peak in planted.items())
    left, found = prepare(quiet + pulses, RATE, Preparation(glitches="remove"))
    assert [one.removed for one in found] == [True] * 5
    np.testing.assert_allclose([one.onset_ns / 1e9 for one in found], list(planted), atol=0.2)
    np.testing.assert_allclose([one.peak for one in found], list(planted.values()), rtol=0.05)
    assert np.std(left - quiet) < 0.04 * np.std(pulses)
    same, found = prepare(quiet + pulses, RATE, Preparation(glitches="flag"))
    np.testing.assert_array_equal(same, quiet + pulses)
    assert [one.removed for one in found] == [False] * 5
    assert prepare(quiet, RATE, Preparation(glitches="flag"))[1] == []


def test_a_template_that_does_not_fit_is_left(quiet):
    """A pulse of the right length but square: found or not, the record stays as it is."""
    square = quiet.copy()
    square[20_000:20_240] += 8e-8
    left, found = prepare(square, RATE, Preparation(glitches="remove"))
    assert not any(one.removed for one in found)
    np.testing.assert_array_equal(left, square)


def test_before_and_after_are_drawn(quiet):
    t = np.arange(len(quiet)) / RATE
    ticking = quiet + tick(3, 18_780, len(quiet), RATE) + glitch(t - 1500.0, 4e-7)
    after, _ = prepare(ticking, RATE, Preparation(glitches="remove"))
    figure = plot_before_after(ticking, after, RATE, what="glitches taken off", units="m/s")
    whole, part, spectrum = figure.axes
    assert whole.get_title(loc="left") == "glitches taken off"
    [legend] = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["before", "after"]
    assert "24.5" in part.get_xlabel()  # a minute about the glitch at 25 min
    assert spectrum.get_xlim()[1] == RATE / 2
    marks = {"glitch removed": [1500.0], "glitch left": []}
    figure = plot_before_after(ticking, after, RATE, marks_s=marks)
    [legend] = figure.legends
    names = ["before", "after", "glitch removed (1)", "glitch left (0)"]
    assert [text.get_text() for text in legend.get_texts()] == names
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
    after, found = prepare(before, RATE, Preparation(glitches="remove"))
    assert len(found) >= 1
    for one in found:
        at = slice(round(one.onset_ns * RATE / 1e9), round(one.end_ns * RATE / 1e9))
        assert np.ptp(after[at]) < np.ptp(before[at])
