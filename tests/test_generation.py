"""Generated archives as folders: records, metadata, truth, expert; and the figure of a day."""

import dataclasses

import numpy as np
import obspy
import pandas as pd
import pytest
from scipy import signal

from seisml.archive import open_archive
from seisml.errors import ConfigError
from seisml.formats import read_catalog
from seisml.generation import generate
from seisml.marstime import sol_of
from seisml.plots import plot_day, png
from seisml.segments import Band
from seisml.synthetics.mars_noise import SENSITIVITY
from seisml.synthetics.moon import CLIMATE, moon_samples, plan_moon
from seisml.synthetics.moon_noise import (
    FILL,
    RATE_HZ,
    LunarClimate,
    baseline,
    digital,
    lunar_background,
    tones,
)
from seisml.synthetics.moon_waves import DEEP, IMPACT, KINDS, draw_moonquake, moonquake_envelope
from seisml.synthetics.stationxml import inventory_of
from seisml.times import DAY_NS, NS_PER_S, iso, to_ns
from seisml.windows import WindowGrid


@pytest.fixture(scope="module")
def moon(tmp_path_factory):
    folder = tmp_path_factory.mktemp("moon")
    return folder, generate("moon", folder, n_days=1, seed=4)


def test_a_generated_folder_has_all_that_belongs_to_it(moon):
    folder, made = moon
    assert [path.name for path in made][:4] == [
        "archive",
        "stations.xml",
        "truth.csv",
        "expert.csv",
    ]
    inventory = obspy.read_inventory(str(folder / "stations.xml"))
    assert {c.code for c in inventory[0][0]} == {"MH1", "MH2", "MHZ"}
    truth, expert = read_catalog(folder / "truth.csv"), read_catalog(folder / "expert.csv")
    assert truth.body == "moon"
    assert 0 < len(expert) <= len(truth)
    assert set(expert.events["event_id"]) <= set(truth.events["event_id"])


def test_missing_lunar_samples_are_a_fill_value_and_never_a_signal(moon):
    folder, _ = moon
    plan = plan_moon(seed=4, n_days=1)
    samples = moon_samples(plan, 0)
    assert samples.dtype == np.int32
    assert samples.min() == FILL
    assert samples.max() <= 1023
    start, end = (int((t - plan.start_ns) / NS_PER_S * 6.625) for t in plan.gaps[0])
    assert (samples[:, start:end] == FILL).all()
    assert (samples[:, : start - 1] >= 0).all()
    station = open_archive(str(folder / "archive")).pieces["station"].iloc[0]
    assert station.startswith("XA.S12.00")


def test_lunar_events_are_in_the_samples():
    plan = plan_moon(seed=4, n_days=1)
    quake = max(plan.quakes, key=lambda one: one.snr)
    band = signal.butter(3, (0.2, 1.05), "bandpass", fs=RATE_HZ, output="sos")
    samples = moon_samples(plan, 0).astype(float)
    at = int((quake.first_ns - plan.start_ns) / NS_PER_S * RATE_HZ)
    peak = at + int((quake.second_ns - quake.first_ns) / NS_PER_S * RATE_HZ + 3 * quake.rise_s)
    seen = signal.sosfilt(band, samples[:, at - 4000 : peak + 2000] - 512.0)
    before, after = seen[:, 2000:3900].std(), seen[:, -2000:].std()
    assert after > 0.4 * quake.snr * CLIMATE.level_du
    assert after > 2.5 * before


def test_impacts_swell_longer_than_moonquakes_and_deep_ones_stay_small():
    """What tells them apart at one station: Lammlein et al. 1974; Nakamura's catalogue."""
    rng, t_s = np.random.default_rng(0), np.arange(0.0, 3600.0, 5.0)
    swell_s, snr = {}, {}
    for label in KINDS:
        some = [draw_moonquake(rng, (0, n), 0, label, 1.0) for n in range(200)]
        peak_s = [t_s[np.argmax(moonquake_envelope(one, t_s))] for one in some]
        since_s = [1e-9 * one.second_ns for one in some]
        swell_s[label] = np.array(peak_s) - (0.0 if label == IMPACT else np.array(since_s))
    assert np.median(swell_s[IMPACT]) > 400.0 > 2.0 * np.median(swell_s[DEEP])
    plan = plan_moon(seed=1, n_days=40, events_per_day=4.0)
    for label in KINDS:
        snr[label] = max(one.snr for one in plan.quakes if one.label == label)
    assert snr[DEEP] <= 25.0 < snr[IMPACT]


def test_spectral_lines_stand_at_an_eighth_of_the_rate_and_elsewhere():
    n = 40_000
    wave = tones(n, np.random.default_rng(2), LunarClimate(lines=3, line_du=0.5))
    power = np.abs(np.fft.rfft(wave * np.hanning(n))) ** 2
    frequency_hz = np.fft.rfftfreq(n, 1.0 / RATE_HZ)
    near = np.abs(frequency_hz - RATE_HZ / 8.0) < 0.002
    assert power[near].max() > 1e6 * np.median(power)
    assert not tones(n, np.random.default_rng(2), LunarClimate()).any()


def test_a_quiet_moon_toggles_the_last_digit_while_the_baseline_is_near_a_boundary():
    """Rounding makes noise of constant height, which the baseline switches on and off."""
    climate = LunarClimate(level_du=0.1, heater_du=1.0, heater_s=600.0, trend_du_h=0.0)
    rng, n = np.random.default_rng(1), int(4 * 3600 * RATE_HZ)
    noise = lunar_background(1, 4096, 4096 + n, climate)[0]
    level = baseline(n, rng, dataclasses.replace(climate, wander_du=0.0, jumps_per_day=0.0))
    whole = digital(noise + level)
    assert whole.max() - whole.min() <= 3
    minutes = whole[: n // 400 * 400].reshape(-1, 400)  # 60 s each
    toggles = np.abs(np.diff(minutes, axis=1)).sum(axis=1)
    assert (toggles == 0).mean() > 0.2  # between two units nothing is seen
    assert np.quantile(toggles, 0.9) > 20  # near a boundary the digit never rests
    # The heater comes back after ten minutes.
    x = toggles - toggles.mean()
    again = np.correlate(x, x, "full")[len(x) :]
    assert 8 <= 5 + np.argmax(again[4:15]) <= 12


def test_metadata_of_mars_turn_and_scale_its_channels():
    stations = pd.DataFrame(
        [("XB.ELYSE", 4.5, 135.6, -2613.0)],
        columns=["station", "latitude", "longitude", "elevation_m"],
    )
    channels = [(f"XB.ELYSE.02.BH{c}", 20.0) for c in "UVW"]
    inventory = inventory_of("mars", stations, channels=channels)
    for channel, sensitivity in zip(inventory[0][0], SENSITIVITY, strict=True):
        assert channel.dip == pytest.approx(-29.4, abs=0.4)
        assert channel.response.instrument_sensitivity.value == pytest.approx(sensitivity, rel=1e-3)
    response = inventory[0][0][0].response
    f = np.array([0.03, 0.05, 0.1, 1.0])
    gain = np.abs(response.get_evalresp_response_for_frequencies(f, output="VEL")) / SENSITIVITY[0]
    np.testing.assert_allclose(gain, [0.23, 0.60, 1.00, 1.04], atol=0.03)


def test_unknown_world_gets_a_suggestion(tmp_path):
    with pytest.raises(ConfigError, match="no generator") as caught:
        generate("moom", tmp_path)
    assert "moon" in caught.value.hint


def _probabilities(start_ns: int, n: int) -> pd.DataFrame:
    time = pd.to_datetime(start_ns + np.arange(n) * 50 * NS_PER_S)
    index = pd.MultiIndex.from_product([["XB.ELYSE.02.BH"], time], names=["station", "time"])
    high = np.where(np.arange(n) > n // 2, 0.9, 0.1)
    return pd.DataFrame({"LF family": high, "noise": 1 - high}, index=index)


def test_a_sol_is_drawn_in_local_time_with_experts_and_machines(tmp_path):
    start_ns = to_ns("2019-05-23T02:00:00")
    x = np.random.default_rng(0).normal(size=3600 * 20).astype(np.float32)
    header = {"network": "XB", "station": "ELYSE", "location": "02", "channel": "BHV"}
    header |= {"sampling_rate": 20.0, "starttime": obspy.UTCDateTime(ns=start_ns)}
    obspy.Trace(x, header).write(str(tmp_path / "a.mseed"), format="MSEED")
    span = (start_ns + 1200 * NS_PER_S, start_ns + 2400 * NS_PER_S)
    options = {
        "band": Band(0.1, 8.0, 3),
        "body": "mars",
        "probabilities": _probabilities(start_ns, 60),
        "grid": WindowGrid(200.0, 50.0),
        "threshold": 0.5,
        "expert": [span],
        "machine": [span],
    }
    sol = int(sol_of(start_ns)[0])
    archive = open_archive(str(tmp_path))
    figure = plot_day(archive, "XB.ELYSE.02.BH", sol, **options)
    assert "sol 173" in figure.get_suptitle()
    bottom = figure.axes[3]
    assert bottom.get_xlabel().startswith("local mean solar time")
    assert [t.get_text() for t in bottom.get_xticklabels()][:2] == ["0:00", "3:00"]
    assert [t.get_text() for t in bottom.get_yticklabels()] == ["expert", "machine"]
    assert png(figure).startswith(b"\x89PNG")
    with pytest.raises(ConfigError, match="Nothing of day"):
        plot_day(archive, "XB.ELYSE.02.BH", sol, end_ns=start_ns - 9 * DAY_NS, **options)
    # A sol may be named by an instant in it; without events no panel is left empty for them.
    alone = plot_day(archive, "XB.ELYSE.02.BH", iso(start_ns), band=options["band"], body="mars")
    assert "sol 173" in alone.get_suptitle()
    assert len(alone.axes) == 3  # with that of the colours
