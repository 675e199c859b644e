import dataclasses
import hashlib

import numpy as np
import obspy
import pandas as pd
import pytest
from scipy import signal

from seisml.errors import ConfigError
from seisml.synthetics import make_archive_small, make_earth_archive, make_mars_archive
from seisml.synthetics.archive import day_pieces, run_tasks, sds_path
from seisml.synthetics.earth import channel_samples
from seisml.synthetics.earth_plan import EARTH_FAULTS, plan_earth
from seisml.synthetics.earth_waves import channel_noise, event_wave, source_filter
from seisml.synthetics.grid import Grid, add_at, make_grid
from seisml.synthetics.mars import ground_motion
from seisml.synthetics.mars_catalog import catalog_of, magnitude
from seisml.synthetics.mars_events import (
    HIGH,
    LOW,
    SNR_BAND_HZ,
    SUPER,
    event_psd,
    marsquake_wave,
    travel_times,
)
from seisml.synthetics.mars_noise import (
    SENSITIVITY,
    TICK_M_S,
    WIND_DB,
    background,
    background_psd,
    band_rms,
    forward_matrix,
    lmst_hours,
    mode_gain,
    noise_psd,
    tick,
    wind_share,
)
from seisml.synthetics.mars_plan import MARS_FAULTS, plan_mars
from seisml.synthetics.mars_records import draw_quake
from seisml.synthetics.mars_transients import donk_wave, dust_devil_wave, glitch, glitch_wave
from seisml.synthetics.noise import band_noise, generator, ornstein_uhlenbeck, shaped_noise
from seisml.times import DAY_NS, NS_PER_S, to_ns

SMALL_START = to_ns("2024-03-01")


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small")
    return folder, make_archive_small(folder, seed=3)


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    """Two days with every kind of fault."""
    folder = tmp_path_factory.mktemp("faulty")
    truth = make_earth_archive(
        folder, seed=1, n_days=2, sampling_rate_hz=20, events_per_day=5, bursts_per_day=5
    )
    return folder, truth


@pytest.fixture(scope="module")
def mars(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mars")
    return folder, make_mars_archive(folder, seed=2, n_days=3)


@pytest.fixture(scope="module")
def mars_plan():
    return plan_mars(seed=2, grid=make_grid("2021-06-01", 20, 20), faults=tuple(MARS_FAULTS))


def read_day(folder, channel, day, code="XX.DEMA.", start_ns=SMALL_START):
    return obspy.read(sds_path(folder, code, channel, start_ns + day * DAY_NS))


def digests(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    names = [str(path.relative_to(folder)) for path in files]
    return names, [hashlib.sha256(path.read_bytes()).hexdigest() for path in files]


def rms(x):
    return float(np.sqrt(np.mean(np.square(x, dtype=float))))


def trace_ns(trace):
    return trace.stats.starttime.ns, trace.stats.endtime.ns


# ---- the small archive ------------------------------------------------------------------------


def test_small_archive_is_sds_of_steim2(small):
    folder, truth = small
    names, _ = digests(folder)
    assert len(names) == 3 * 2 * 3
    assert "2024/XX/DEMB/HHE.D/XX.DEMB..HHE.D.2024.062" in names
    trace = read_day(folder, "HHZ", 0)[0]
    assert trace.stats.mseed.encoding == "STEIM2"
    assert trace.stats.npts == 86_400 * 20
    assert set(truth.catalog.events["label"]) == {"earthquake", "quarry blast"}
    assert list(truth.stations["station"]) == ["XX.DEMA", "XX.DEMB"]


def test_small_archive_has_the_planted_gap(small):
    folder, truth = small
    gap = truth.gaps[truth.gaps["kind"] == "hours_gap"].iloc[0]
    first, second = read_day(folder, gap["channel"], 1, f"{gap['station']}.")
    step = NS_PER_S // 20
    assert 0 <= gap["start_ns"] - trace_ns(first)[1] <= step
    assert 0 <= trace_ns(second)[0] - gap["end_ns"] < step
    picks = truth.catalog.picks
    inside = picks["time_ns"].between(gap["start_ns"], gap["end_ns"], inclusive="left")
    assert not (inside & (picks["station"] == gap["station"])).any()
    assert (inside & (picks["station"] != gap["station"])).any()


def test_small_archive_restarts_off_the_grid(small):
    folder, truth = small
    restart = truth.gaps[truth.gaps["kind"] == "restart"].iloc[0]
    before, after = read_day(folder, restart["channel"], 2, f"{restart['station']}.")
    assert trace_ns(after)[0] == restart["end_ns"]
    off = (trace_ns(after)[0] - trace_ns(before)[0]) / (NS_PER_S / 20) % 1.0
    assert off == pytest.approx(0.37)


def test_event_over_midnight_has_p_and_s_in_different_files(small):
    folder, truth = small
    midnight = SMALL_START + DAY_NS
    picks = truth.catalog.picks
    near = picks[(picks["time_ns"] - midnight).abs() < 10 * NS_PER_S]
    assert sorted(near["station"] + near["phase"]) == [
        "XX.DEMAP",
        "XX.DEMAS",
        "XX.DEMBP",
        "XX.DEMBS",
    ]
    assert (near.loc[near["phase"] == "P", "time_ns"] < midnight).all()
    assert (near.loc[near["phase"] == "S", "time_ns"] > midnight).all()
    sos = signal.butter(4, 1.0, "highpass", fs=20, output="sos")
    for station in ("XX.DEMA.", "XX.DEMB."):
        evening, morning = (read_day(folder, "HHN", day, station)[0].data for day in (0, 1))
        evening = signal.sosfilt(sos, evening[-1200:] - np.mean(evening))
        morning = signal.sosfilt(sos, morning[:1200] - np.mean(morning))[40:]
        assert rms(evening[-20:]) > 5 * rms(evening[-1100:-200])
        assert rms(morning[:100]) > 5 * rms(morning[-200:])


def test_stated_snr_is_in_the_waveforms(small):
    folder, truth = small
    sos = signal.butter(4, 1.0, "highpass", fs=20, output="sos")
    days = {
        day: signal.sosfilt(sos, read_day(folder, "HHZ", day)[0].data.astype(float))
        for day in range(3)
    }
    picks = truth.catalog.picks
    picks = picks[(picks["station"] == "XX.DEMA") & (picks["phase"] == "P") & (picks["snr"] > 3)]
    ratio_db = []
    for pick in picks.itertuples():
        day, ns = divmod(pick.time_ns - SMALL_START, DAY_NS)
        i = ns // (NS_PER_S // 20) + 1
        window_s = min(2.0, 0.8 * pick.distance_km * (1 / 3.46 - 1 / 6.0))
        before = days[day][max(i - 600, 0) : i - 20]
        after = days[day][i : i + int(window_s * 20)]
        if window_s == 2.0 and len(before) > 300 and len(after) == 40:
            stated = np.hypot(pick.snr, 1.0)
            ratio_db.append(20 * np.log10(rms(after) / rms(before) / stated))
    assert len(ratio_db) > 15
    assert abs(np.median(ratio_db) - 1.5) < 2.0  # site noise below 1 Hz is filtered off


def test_arrival_times_match_the_distance(small):
    _, truth = small
    events = truth.catalog.events.set_index("event_id")
    places = truth.stations.set_index("station")
    wide = truth.catalog.picks.pivot_table(
        index=["event_id", "station"], columns="phase", values="time_ns"
    )
    for (event_id, station), row in wide.dropna().iterrows():
        event, place = events.loc[event_id], places.loc[station]
        across = obspy.geodetics.locations2degrees(
            event["latitude"], event["longitude"], place["latitude"], place["longitude"]
        )
        r_km = np.hypot(np.radians(across) * 6371.0, event["depth_km"])
        assert (row["S"] - row["P"]) * 1e-9 == pytest.approx(r_km / 3.46 - r_km / 6.0, abs=2e-5)
        assert (row["P"] - event["time_ns"]) * 1e-9 == pytest.approx(r_km / 6.0, abs=2e-5)


def test_all_events_are_visible_somewhere(small):
    _, truth = small
    assert (truth.catalog.events["snr"] >= 1.5).mean() > 0.97
    assert truth.catalog.events["snr"].max() > 40
    assert (truth.catalog.events["end_ns"] > truth.catalog.events["time_ns"]).all()


def test_catalog_times_are_whole_microseconds(small):
    _, truth = small
    for catalog in (truth.catalog, truth.expert):
        assert not (catalog.events["time_ns"] % 1000).any()
        assert not (catalog.picks["time_ns"] % 1000).any()


# ---- determinism ------------------------------------------------------------------------------


def test_same_seed_same_bytes_for_any_number_of_jobs(tmp_path):
    options = {"n_days": 1, "sampling_rate_hz": 10, "events_per_day": 4, "bursts_per_day": 4}
    told = []
    make_earth_archive(
        tmp_path / "a",
        seed=5,
        on_progress=lambda done, total: told.append((done, total)),
        **options,
    )
    make_earth_archive(tmp_path / "b", seed=5, jobs=2, **options)
    make_earth_archive(tmp_path / "c", seed=6, **options)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    assert not set(digests(tmp_path / "a")[1]) & set(digests(tmp_path / "c")[1])
    assert told == [(k, 6) for k in range(1, 7)]


def test_mars_bytes_do_not_depend_on_jobs(tmp_path):
    for name, jobs in (("a", 1), ("b", 2)):
        make_mars_archive(tmp_path / name, n_days=2, sampling_rate_hz=10, jobs=jobs)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")


def test_more_stations_leave_the_first_ones_as_they_were():
    grid = make_grid("2024-03-01", 1, 10)
    two, three = (plan_earth(seed=1, grid=grid, stations=n, events_per_day=0) for n in (2, 3))
    a, b = (
        channel_noise((1, 0, 0), range(5, 6), 10, p.stations[0].gain[:61], 30.0)
        for p in (two, three)
    )
    np.testing.assert_array_equal(a, b)


# ---- Earth: noise, events, expert -------------------------------------------------------------


@pytest.fixture(scope="module")
def plan():
    return plan_earth(seed=7, grid=make_grid("2024-03-01", 2, 20), events_per_day=30)


def test_samples_do_not_depend_on_the_range_they_are_asked_for(plan):
    day = plan.grid.day_samples
    whole = channel_samples(plan, 0, 1, day - 200_000, day + 200_000)
    np.testing.assert_array_equal(
        np.concatenate(
            [
                channel_samples(plan, 0, 1, day - 200_000, day - 31),
                channel_samples(plan, 0, 1, day - 31, day),
                channel_samples(plan, 0, 1, day, day + 200_000),
            ]
        ),
        whole,
    )


def test_noise_has_no_step_at_midnight():
    gain = np.full(4 * 60 + 1, 10.0)
    steps, usual = [], []
    for seed in range(40):
        noise = channel_noise((seed, 0, 0), range(478_502, 478_506), 20, gain, 50.0)
        jumps = np.diff(noise)
        steps.append(jumps[2 * 72_000 - 1])  # 478 504 is a multiple of 24
        usual.append(jumps.std())
    assert rms(steps) == pytest.approx(np.mean(usual), rel=0.4)


def test_noise_has_the_stated_levels():
    gain = np.full(3 * 60 + 1, 10.0)
    noise = channel_noise((1, 0, 0), range(100, 103), 100, gain, 50.0)
    low = signal.sosfilt(signal.butter(4, 0.6, "lowpass", fs=100, output="sos"), noise)
    assert rms(low) == pytest.approx(50.0, rel=0.1)
    assert np.hypot(50.0, 10.0) == pytest.approx(rms(noise), rel=0.1)


def test_day_noise_is_louder_than_night_noise(plan):
    for station in plan.stations:
        gain = station.gain[:1440]
        assert np.median(gain[660:720]) > 1.3 * np.median(gain[60:180])


def test_source_filter_is_an_omega_square_velocity_pulse():
    f, h = signal.freqz_sos(source_filter(4.0, 1e9, 400.0), worN=[0.4, 4.0, 40.0], fs=400.0)
    power = np.abs(h) ** 2
    assert power[1] == power.max()
    assert power[0] / power[1] == pytest.approx(power[2] / power[1], rel=0.3)
    assert len(f) == 3


def test_event_wave_is_silent_before_p_and_as_loud_as_stated(plan):
    for arrival in plan.arrivals[0][:10]:
        wave = event_wave(arrival, 0.003, 20)
        window = slice(0, int(np.ceil((arrival.p_window_s - 0.003) * 20)))
        assert rms(wave[0, window]) == pytest.approx(arrival.p_counts, rel=1e-3)
        s = int(arrival.sp_s * 20)
        if arrival.surface_counts == 0:
            assert rms(wave[1:, s : s + 40]) > rms(wave[0, s : s + 40])
            assert rms(wave[0, window]) > rms(wave[1:, window])


def test_event_energy_is_below_8_hz_in_the_small_archive(plan):
    for arrival in plan.arrivals[1][:10]:
        wave = event_wave(arrival, 0.0, 20)[0]
        f, power = signal.periodogram(wave, 20)
        assert power[f > 8.0].sum() < 0.12 * power.sum()


def test_larger_events_have_lower_corners_and_longer_codas():
    plan = plan_earth(seed=1, grid=make_grid("2024-03-01", 4, 100), events_per_day=40)
    events = plan.catalog.events
    order = np.argsort(events["magnitude"].to_numpy())
    arrivals = [plan.arrivals[0][k] for k in order]
    assert arrivals[0].corner_hz > 3 * arrivals[-1].corner_hz
    assert arrivals[0].coda_s < arrivals[-1].coda_s


def test_magnitudes_follow_gutenberg_and_richter():
    plan = plan_earth(
        seed=11,
        grid=make_grid("2024-03-01", 20, 20),
        stations=1,
        events_per_day=100,
        blasts_per_day=0,
        bursts_per_day=0,
        magnitudes=(0.5, 5.0),
    )
    magnitude = plan.catalog.events["magnitude"].to_numpy()
    assert len(magnitude) == 2000
    b = np.log10(np.e) / (magnitude.mean() - 0.5)  # Aki (1965)
    assert b == pytest.approx(1.0, abs=0.07)


def test_blasts_are_by_day_shallow_and_poor_in_s():
    plan = plan_earth(seed=4, grid=make_grid("2024-03-01", 10, 20), blasts_per_day=6)
    events = plan.catalog.events
    blasts = events[events["label"] == "quarry blast"]
    assert len(blasts) == 60
    assert (blasts["depth_km"] == 0).all()
    assert (blasts["time_ns"] // (3600 * NS_PER_S) % 24).between(8, 15).all()
    snr = plan.catalog.picks.pivot_table(index="event_id", columns="phase", values="snr")
    ratio = snr["S"] / snr["P"]
    is_blast = ratio.index.isin(blasts["event_id"])
    assert ratio[is_blast].median() < 0.5 * ratio[~is_blast].median()


def test_noise_bursts_are_in_the_waveforms_of_one_station_only(small):
    folder, truth = small
    sos = signal.butter(4, 2.0, "highpass", fs=20, output="sos")
    data = {
        (code, c): signal.sosfilt(sos, read_day(folder, c, 0, f"{code}.")[0].data.astype(float))
        for code in ("XX.DEMA", "XX.DEMB")
        for c in ("HHZ", "HHN", "HHE")
    }
    bursts = truth.noise_bursts
    assert set(bursts["kind"]) == {"traffic", "footsteps", "spike"}
    bursts = bursts[(bursts["snr"] > 4) & (bursts["kind"] == "traffic")]
    bursts = bursts[bursts["end_ns"] < SMALL_START + DAY_NS]
    near, far = [], []
    for burst in bursts.itertuples():
        a, b = ((t - SMALL_START) // 50_000_000 for t in (burst.time_ns, burst.end_ns))
        for (code, _), x in data.items():
            level = np.abs(x[a:b]).max() / rms(x[a - 1200 : a - 200])
            (near if code == burst.station else far).append(level)
    assert len(bursts) >= 5
    assert np.median(near) > 8
    assert np.median(far) < 6


def test_spike_is_one_or_two_samples():
    plan = plan_earth(seed=9, grid=make_grid("2024-03-01", 1, 100), events_per_day=0)
    quiet = plan_earth(
        seed=9, grid=make_grid("2024-03-01", 1, 100), events_per_day=0, bursts_per_day=0
    )
    burst = next(b for b in plan.bursts[0] if b.kind == "spike")
    at = plan.grid.index(burst.start_ns)
    found = 0
    for channel in range(3):
        pair = (channel_samples(p, 0, channel, at - 5, at + 10) for p in (plan, quiet))
        difference = np.subtract(*pair)
        found += int((np.abs(difference) > 0.9 * burst.counts).sum())
    assert found in (1, 2)


def test_expert_misses_the_weak_events(tmp_path):
    plan = plan_earth(seed=2, grid=make_grid("2024-03-01", 8, 20), events_per_day=40)
    from seisml.synthetics.expert import expert_copy

    truth = plan.catalog
    expert = expert_copy(truth, seed=2, missing_share=0.25, pick_sd_s=0.08)
    assert len(expert) == len(truth) - round(0.25 * len(truth))
    missed = ~truth.events["event_id"].isin(expert.events["event_id"])
    snr = truth.events["snr"]
    thirds = pd.qcut(snr, 3, labels=False)
    share = missed.groupby(thirds).mean()
    assert share[0] > share[1] > share[2]
    assert "snr" not in expert.events
    assert "snr" not in expert.picks
    both = expert.picks.merge(truth.picks, on=["event_id", "station", "phase"])
    error = (both["time_ns_x"] - both["time_ns_y"]) * 1e-9 / both["uncertainty_s_x"]
    assert error.std() == pytest.approx(1.0, abs=0.1)
    assert abs(error.mean()) < 0.15
    assert both["uncertainty_s_x"].min() == pytest.approx(0.08, abs=0.01)


# ---- faults of the record ---------------------------------------------------------------------


def fault_row(truth, kind):
    table = pd.concat([truth.gaps, truth.faults])
    row = table[table["kind"] == kind].iloc[0]
    return row, (row["start_ns"] - SMALL_START) // DAY_NS


def test_every_kind_of_fault_is_in_the_tables(faulty):
    _, truth = faulty
    assert set(truth.gaps["kind"]) | set(truth.faults["kind"]) == set(EARTH_FAULTS)


@pytest.mark.parametrize("kind", ["minutes_gap", "hours_gap", "short_gap"])
def test_gaps_hold_no_sample(faulty, kind):
    folder, truth = faulty
    row, day = fault_row(truth, kind)
    stream = read_day(folder, row["channel"], day, f"{row['station']}.")
    for trace in stream:
        start, end = trace_ns(trace)
        assert end < row["start_ns"] or start >= row["end_ns"]
    others = set(truth.gaps.loc[truth.gaps["kind"] == kind, "channel"])
    assert len(others) == (1 if kind == "minutes_gap" else 3)


def test_zeros_are_inside_the_data(faulty):
    folder, truth = faulty
    row, day = fault_row(truth, "zeros")
    trace = read_day(folder, row["channel"], day).slice(
        obspy.UTCDateTime(ns=int(row["start_ns"])),
        obspy.UTCDateTime(ns=int(row["end_ns"]) - 50_000_000),
    )[0]
    assert trace.stats.npts == 90 * 20
    assert not trace.data.any()


def test_identical_overlap_repeats_samples(faulty):
    folder, truth = faulty
    row, day = fault_row(truth, "identical_overlap")
    stream = read_day(folder, row["channel"], day)
    extra = next(t for t in stream if t.stats.npts == 40 * 20)
    assert extra.stats.starttime.ns == row["start_ns"]
    main = next(
        t for t in stream if t is not extra and trace_ns(t)[0] <= row["start_ns"] < trace_ns(t)[1]
    )
    np.testing.assert_array_equal(
        extra.data, main.slice(*(extra.stats.starttime, extra.stats.endtime)).data
    )


def test_conflicting_overlap_differs_and_the_first_is_true(faulty):
    folder, truth = faulty
    row, day = fault_row(truth, "conflicting_overlap")
    first, second, *_ = read_day(folder, row["channel"], day, f"{row['station']}.")
    n = 5 * 20
    assert second.stats.starttime.ns == row["start_ns"]
    assert trace_ns(first)[1] == row["end_ns"] - NS_PER_S // 20
    assert (first.data[-n:] != second.data[:n]).mean() > 0.9
    step = abs(int(first.data[-1]) - int(second.data[n]))
    assert step < 6 * np.abs(np.diff(first.data[-2000:])).mean()


def test_spill_over_moves_samples_into_the_next_file(faulty):
    folder, truth = faulty
    row, _ = fault_row(truth, "spill_over")
    days = [read_day(folder, row["channel"], day) for day in (0, 1)]
    midnight = SMALL_START + DAY_NS
    assert row["end_ns"] == midnight
    step = NS_PER_S // 20
    assert trace_ns(days[0][-1])[1] == row["start_ns"] - step
    assert trace_ns(days[1][0])[0] == row["start_ns"] == midnight - 6_500_000_000


def test_day_pieces_cover_every_sample_once_without_faults():
    grid = Grid(0, 3, 5)
    pieces = [piece for day in range(3) for piece in day_pieces([], grid, day)]
    assert [(p.first, p.stop) for p in pieces] == [
        (d * 432_000, (d + 1) * 432_000) for d in range(3)
    ]


def test_add_at_clips_to_the_overlap():
    samples = np.zeros(4)
    add_at(samples, 10, np.ones(3), 8)
    add_at(samples, 10, np.ones(3), 13)
    add_at(samples, 10, np.ones(3), 20)
    assert samples.tolist() == [1, 0, 0, 1]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"start": "2024-03-01T01:00"}, "midnight"),
        ({"n_days": 0}, "n_days"),
        ({"sampling_rate_hz": 33.3}, "sampling_rate_hz"),
        ({"stations": 9}, "stations"),
        ({"faults": ("zero",)}, "zeros"),
        ({"missing_share": 1.5}, "missing_share"),
        ({"jobs": 0}, "jobs"),
        ({"events_per_day": 5000, "n_days": 1}, "events_per_day"),
    ],
)
def test_impossible_settings_are_refused(tmp_path, options, words):
    with pytest.raises(ConfigError, match=words):
        make_earth_archive(tmp_path, **options)
    assert not list(tmp_path.iterdir())


def test_existing_files_are_not_overwritten(tmp_path):
    options = {"n_days": 1, "sampling_rate_hz": 5, "stations": 1, "events_per_day": 0}
    make_earth_archive(tmp_path, **options)
    with pytest.raises(ConfigError, match="exists"):
        make_earth_archive(tmp_path, **options)
    truth = make_earth_archive(tmp_path, overwrite=True, blasts_per_day=0, **options)
    assert len(truth.catalog) == len(truth.expert) == 0


def test_run_tasks_passes_errors_on():
    with pytest.raises(ZeroDivisionError):
        run_tasks(lambda x: 1 / x, [1, 0])


# ---- random series ----------------------------------------------------------------------------


def test_generators_of_different_keys_differ():
    draws = {float(generator(*key).random()) for key in ((1, 2), (1, 2, 0), (2, 1), (1, 2, 0, 0))}
    assert len(draws) == 4


def test_ornstein_uhlenbeck_has_its_variance_and_correlation():
    x = ornstein_uhlenbeck(200_000, 10.0, 200.0, generator(0, 1))
    assert x.std() == pytest.approx(1.0, abs=0.05)
    assert np.mean(x[20:] * x[:-20]) == pytest.approx(np.exp(-1.0), abs=0.05)


def test_shaped_noise_has_the_power_that_was_asked_for():
    n, rate = 1 << 16, 20.0
    f = np.fft.rfftfreq(n, 1 / rate)
    noise = shaped_noise(np.where(f > 2, 3.0, 1.0), n, rate, generator(0, 1))
    f, power = signal.welch(noise, rate, nperseg=1024)
    assert power[(f > 0.5) & (f < 1.8)].mean() == pytest.approx(1.0, rel=0.1)
    assert power[(f > 3) & (f < 9)].mean() == pytest.approx(3.0, rel=0.1)


@pytest.mark.parametrize("rate", [10, 20, 100])
def test_band_noise_has_unit_rms(rate):
    assert rms(band_noise(4.0, 25.0, 50_000, rate, generator(0, 1))) == pytest.approx(1.0, rel=0.05)


# ---- Mars: the pieces of the noise ------------------------------------------------------------


def test_forward_matrix_is_the_published_one():
    published = [[0.4909, -0.6171, 0.6150], [0.4879, 0.8432, 0.2259], [0.4955, -0.2248, -0.8390]]
    np.testing.assert_allclose(forward_matrix(), published, atol=6e-5)


@pytest.mark.parametrize(
    ("utc", "hour"),
    [
        ("2019-05-23T02:22:59", 2 + 58 / 60 + 36.8 / 3600),
        ("2019-07-26T12:15:38", 19 + 29 / 60 + 36.1 / 3600),
        ("2022-05-04T23:23:07", 3 + 50 / 60 + 8.9 / 3600),
    ],
)
def test_local_mean_solar_time(utc, hour):
    assert float(lmst_hours(to_ns(utc))) == pytest.approx(hour, abs=0.2 / 3600)


def test_glitch_has_the_published_landmarks():
    t = np.arange(0.0, 30.0, 0.01)
    g = glitch(t, 1e-9)
    assert t[g.argmax()] == pytest.approx(2.95, abs=0.02)
    assert g.max() == pytest.approx(1.25e-9, rel=0.01)
    assert t[(g > 0.5 * g.max()).nonzero()[0][-1]] == pytest.approx(6.4, abs=0.1)
    assert t[(g < 0).argmax()] == pytest.approx(10.3, abs=0.05)
    assert g.min() / g.max() == pytest.approx(-0.08, abs=0.01)
    assert t[g.argmin()] == pytest.approx(13.2, abs=0.1)
    assert glitch(-1.0, 1e-9) == 0.0


def test_glitch_wave_has_its_peak_and_often_one_channel_only():
    t = np.arange(500) / 20
    waves = [glitch_wave(t, 5e-8, generator(k, 1)) for k in range(300)]
    peaks = [np.abs(wave[:, 20:]).max() for wave in waves]
    np.testing.assert_allclose(peaks, 5e-8, rtol=0.02)
    single = np.mean([(np.abs(wave).max(axis=1) > 0).sum() == 1 for wave in waves])
    assert single == pytest.approx(0.37, abs=0.08)


ROWS = {  # section A.3 of the reference: median PSD of BHV hours in dB
    19.7: dict(zip((0.1, 0.2, 0.3, 0.5, 1.5, 2.4, 3.0, 4.05, 5.2, 7.7), (
        -186, -193, -198, -204, -208, -200, -204, -203, -202, -200), strict=True)),
    15.3: dict(zip((0.1, 0.2, 0.3, 0.5, 1.5, 2.4, 3.0, 5.2, 7.7), (
        -178, -185, -190, -197, -192, -189, -189, -192, -190), strict=True)),
}  # fmt: skip


@pytest.mark.parametrize(("hour", "tolerance_db"), [(19.7, 1.5), (15.3, 4.0)])
def test_noise_spectrum_is_that_of_insight(hour, tolerance_db):
    rate, n = 20, 72_000
    time_ns = to_ns("2021-06-02") + int(((hour - 4.8) % 24) / 24 * 88_775e9)
    first = time_ns // 50_000_000
    assert abs(float(lmst_hours(time_ns)) - hour) < 0.2
    noise = background(1, first, first + n, rate)
    f, power = signal.spectrogram(noise[1], rate, window="hann", nperseg=4096, noverlap=2048)[::2]
    level = 10 * np.log10(np.median(power, axis=1))
    for frequency, expected in ROWS[hour].items():
        near = np.abs(f - frequency) < 0.04
        assert level[near].mean() == pytest.approx(expected, abs=tolerance_db), frequency


def test_noise_amplitude_in_quiet_and_wind():
    assert 1.2e-10 < band_rms(3.0, 9.0, 19.5) < 4e-10
    assert 0.9e-9 < band_rms(3.0, 9.0, 13.5) < 4.3e-9
    assert wind_share(20.0) == 0.0
    assert wind_share(13.5) == wind_share(37.5) == 1.0


def test_gusts_are_strong_by_day_and_weak_in_the_evening(mars_plan):
    n = len(mars_plan.wind)
    hour = lmst_hours(mars_plan.grid.start_ns + np.arange(n) * 10 * NS_PER_S)
    level = mars_plan.wind * WIND_DB[-1] / 20 * np.log(10)
    assert 0.1 < level[(hour > 18) & (hour < 21)].std() < 0.3
    assert 0.65 < level[(hour > 11) & (hour < 15)].std() < 0.95


def test_lander_modes_grow_with_wind_and_drift_with_warmth():
    f = np.arange(1.0, 9.0, 0.005)
    night, day = 10 * np.log10(mode_gain(f, 20.0)), 10 * np.log10(mode_gain(f, 14.0))
    four = (f > 3.7) & (f < 4.3)
    assert day[four].max() > night[four].max() + 8
    assert f[four][day[four].argmax()] < f[four][night[four].argmax()] - 0.05
    ground = (f > 2.2) & (f < 2.6)
    assert 6 < night[ground].max() < 8
    assert 2 < day[ground].max() < 4.5
    assert background_psd(np.array([0.0]), 0.0) == 0.0
    assert noise_psd(f, np.array([1.0, 2.0])).shape == (2, len(f))


def test_background_does_not_depend_on_the_range(mars_plan):
    day = mars_plan.grid.start_ns // DAY_NS * mars_plan.grid.day_samples
    whole = background(3, day - 5000, day + 5000, 20)
    parts = [background(3, day - 5000, day, 20), background(3, day, day + 5000, 20)]
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, rtol=1e-9, atol=1e-18)
    jump = np.abs(np.diff(whole, axis=1))
    assert jump[:, 4999].max() < 5 * jump.mean()


def test_tick_repeats_each_second_and_runs_on_over_midnight():
    wave = tick(5, 18_000, 86_400 * 20, 20)
    assert np.ptp(wave[:72_000]) == pytest.approx(5.2e-10, rel=0.25)
    np.testing.assert_allclose(wave[:20], wave[20:40], atol=2e-14)
    power = np.abs(np.fft.rfft(wave[:72_000])) / 36_000
    assert power[3600] == pytest.approx(TICK_M_S[0], rel=0.01)
    following = tick(5, 18_001, 20, 20)
    np.testing.assert_allclose(wave[-20:], following, atol=2e-14)
    assert np.abs(wave[:20] - following).max() > 1e-11


def test_donk_and_dust_devil_are_in_their_bands():
    wave = donk_wave(40, 20, 1e-8, generator(0, 1))
    assert np.abs(wave).max() == pytest.approx(1e-8)
    f, power = signal.periodogram(wave, 20)
    assert power[:, f > 4].sum() > 0.8 * power.sum()
    wave = dust_devil_wave(3600, 20, 1e-8, generator(0, 1))
    low = signal.sosfiltfilt(signal.butter(4, 1.0, fs=20, output="sos"), wave)
    assert rms(low[1:]) > 5 * rms(low[0])
    assert np.abs(wave[:, [0, -1]]).max() < 1e-9


# ---- Mars: events -----------------------------------------------------------------------------


def test_travel_times_of_both_families():
    first, second = travel_times("high", 24.0)
    assert second - first == pytest.approx(10.83 * 24.0, rel=0.001)
    assert travel_times("low", 25.0) == (197.4, pytest.approx(351.0))


@pytest.mark.parametrize("label", ["2.4_HZ", "HIGH_FREQUENCY", "LOW_FREQUENCY", "BROADBAND"])
def test_event_spectra_are_where_the_class_says(label):
    f = np.linspace(0.0, 10.0, 4001)
    psd = event_psd(label, f)
    family = "low" if label in ("LOW_FREQUENCY", "BROADBAND") else "high"
    low, high = SNR_BAND_HZ[family]
    band = (f >= low) & (f <= high)
    assert np.trapezoid(psd[band], f[band]) == pytest.approx(1.0, rel=0.02)
    assert band[psd.argmax()]
    assert psd[0] == psd[-1] == 0.0
    above = psd[(f > 4) & (f < 6)].mean() / psd.max()
    assert (above > 0.02) == (label == "HIGH_FREQUENCY")


def test_stated_snr_is_in_the_marsquake(mars_plan):
    for quake in [q for q in mars_plan.quakes if q.label != SUPER][:12]:
        low, high = SNR_BAND_HZ[quake.family]
        wave = marsquake_wave(quake, 0.0, 20)
        assert quake.snr == pytest.approx(
            quake.peak_m_s / band_rms(low, high, float(lmst_hours(quake.start_ns)))
        )
        sos = signal.butter(6, (low, high), "bandpass", fs=20, output="sos")
        component = wave[:1] if quake.family == "high" else wave[1:]
        power = (signal.sosfilt(sos, component) ** 2).mean(axis=0)
        seconds = 40 if quake.family == "high" else 15
        envelope = np.sqrt(np.convolve(power, np.ones(seconds * 20) / (seconds * 20), "same"))
        assert 0.65 < envelope.max() / quake.peak_m_s < 1.5
        second = (quake.second_ns - quake.first_ns) * 1e-9
        assert second - 20 < envelope.argmax() / 20 < second + 300


def test_marsquakes_look_like_the_catalogue(mars_plan):
    every = mars_plan.catalog.events
    events = every[every["label"] != SUPER]
    assert len(events) == round(6 * 20 * 86_400 / 88_775.244)
    assert set(events["label"]) == {*HIGH, *LOW}
    assert set(events["quality"]) == set("ABCD")
    duration = (events["end_ns"] - events["time_ns"]) * 1e-9
    assert 550 < duration.median() < 1000
    assert duration.min() > 300
    hour = lmst_hours(events["time_ns"].to_numpy())
    assert not ((hour > 7) & (hour < 17)).any()
    assert (hour > 17).mean() > 0.8
    assert events["event_id"].str.fullmatch(r"S\d{4}[a-z]").all()
    located = events["latitude"].notna()
    assert (located == (events["quality"] == "A")).all()
    assert (events["time_ns"].to_numpy()[1:] > events["end_ns"].to_numpy()[:-1]).all()
    sizes = [magnitude(quake)[0] for quake in mars_plan.quakes if quake.label != SUPER]
    assert 1.0 < min(sizes) < max(sizes) < 4.5


def test_cracks_are_seconds_long_and_after_sunset(mars_plan):
    """Super high frequency events: named T0001 ..., without picks of waves, size or place."""
    every = mars_plan.catalog.events
    cracks = every[every["label"] == SUPER]
    assert len(cracks) == round(1.4 * 20 * 86_400 / 88_775.244)
    assert cracks["event_id"].tolist() == [f"T{n:04d}" for n in range(1, len(cracks) + 1)]
    assert (((cracks["end_ns"] - cracks["time_ns"]) * 1e-9).between(1.0, 60.0)).all()
    hour = lmst_hours(cracks["time_ns"].to_numpy())
    assert ((hour > 17) & (hour < 21)).mean() > 0.7
    assert cracks[["magnitude", "latitude", "distance_deg"]].isna().all(axis=None)
    picks = mars_plan.catalog.picks
    assert set(picks[picks["event_id"].isin(cracks["event_id"])]["phase"]) == {"start", "end"}


@pytest.mark.parametrize("label", [*HIGH, *LOW, SUPER])
def test_energy_of_each_class_is_where_the_marsquake_service_has_it(label):
    """Shares of the energy below 1, at 1-4 and above 4 Hz, and horizontals against the vertical."""
    quake = draw_quake(np.random.default_rng(3), (3, 0), 0)
    quake = dataclasses.replace(quake, label=label, corner=1.0, ground=1.0)
    if label == SUPER:
        quake = dataclasses.replace(quake, second_ns=0, decay_s=6.0)
    wave = marsquake_wave(quake, 0.0, 20)
    power = np.abs(np.fft.rfft(wave)) ** 2
    f = np.fft.rfftfreq(wave.shape[1], 0.05)
    parts = np.array([power[:, (f >= a) & (f < b)].sum() for a, b in ((0, 1), (1, 4), (4, 10))])
    low, middle, high = parts / parts.sum()
    if label == SUPER:
        assert high > 0.95
    elif label in ("LOW_FREQUENCY", "BROADBAND"):
        assert low > 0.85
    elif label == "WIDEBAND":
        assert low > 0.15
        assert middle > 0.15
    elif label == "2.4_HZ":
        assert middle > 0.9
    else:
        assert low < 0.1
        assert (high > 0.5) == (label == "VERY_HIGH_FREQUENCY")
    horizontal = (wave[1:] ** 2).mean() / (wave[0] ** 2).mean()
    assert (horizontal > 1.5) == (label not in ("2.4_HZ", "HIGH_FREQUENCY"))


def test_marsquake_picks(mars_plan):
    picks = mars_plan.catalog.picks
    events = mars_plan.catalog.events.set_index("event_id")
    wide = picks.pivot_table(index="event_id", columns="phase", values="time_ns")
    events = events[events["label"] != SUPER]
    wide = wide.loc[events.index]
    high = events["label"].isin(HIGH)
    assert wide.loc[high[high].index, ["Pg", "Sg"]].notna().all(axis=None)
    assert wide.loc[high[~high].index, ["P", "S"]].notna().all(axis=None)
    assert (wide["start"] == events["time_ns"].reindex(wide.index)).all()
    interval = (wide["Sg"] - wide["Pg"]).dropna() * 1e-9
    np.testing.assert_allclose(
        interval, 10.83 * events["distance_deg"].reindex(interval.index), rtol=1e-3
    )
    for fault in mars_plan.faults:
        assert not ((events["time_ns"] < fault.end_ns) & (events["end_ns"] > fault.start_ns)).any()


def test_glitches_have_the_published_sizes_and_hours(mars_plan):
    glitches = [t for t in mars_plan.transients if t.kind == "glitch"]
    assert len(glitches) / 20 * 88_775 / 86_400 == pytest.approx(153, rel=0.1)
    sizes = np.quantile([t.peak_m_s for t in glitches], (0.05, 0.5, 0.95))
    np.testing.assert_allclose(sizes, (8.3e-9, 1.35e-8, 7.6e-8), rtol=0.2)
    hour = lmst_hours([t.start_ns for t in glitches])
    assert np.bincount(hour.astype(int), minlength=24).argmax() == 17
    devils = [t.start_ns for t in mars_plan.transients if t.kind == "dust_devil"]
    assert ((lmst_hours(devils) >= 8) & (lmst_hours(devils) < 16)).all()


def test_too_many_marsquakes_are_refused():
    with pytest.raises(ConfigError, match="events_per_sol"):
        plan_mars(seed=0, grid=make_grid("2021-06-01", 2, 20), events_per_sol=60)
    with pytest.raises(ConfigError, match="restart"):
        plan_mars(seed=0, grid=make_grid("2021-06-01", 2, 20), faults=("restarts",))


# ---- Mars: the archive ------------------------------------------------------------------------


def test_mars_files_hold_counts_gap_and_restart(mars):
    folder, truth = mars
    start_ns = to_ns("2021-06-01")
    names, _ = digests(folder)
    assert len(names) == 9
    assert "2021/XB/ELYSE/BHU.D/XB.ELYSE.02.BHU.D.2021.152" in names
    gap = truth.gaps[truth.gaps["kind"] == "minutes_gap"].iloc[0]
    before, after = read_day(folder, "BHV", 1, "XB.ELYSE.02", start_ns)
    assert (after.stats.starttime.ns, before.stats.npts) == (gap["end_ns"], 12_060 * 20)
    restart = truth.gaps[truth.gaps["kind"] == "restart"].iloc[0]
    first, last = read_day(folder, "BHW", 2, "XB.ELYSE.02", start_ns)
    assert last.stats.starttime.ns == restart["end_ns"]
    assert restart["end_ns"] % 50_000_000 == 18_500_000
    assert first.data.dtype == np.int32


def test_mars_files_hold_the_ground_motion(mars):
    folder, _ = mars
    plan = plan_mars(seed=2, grid=make_grid("2021-06-01", 3, 20), faults=tuple(MARS_FAULTS))
    uvw = ground_motion(plan, 0)
    sos = signal.butter(4, 0.5, "highpass", fs=20, output="sos")
    for row, channel in enumerate(("BHU", "BHV", "BHW")):
        counts = read_day(folder, channel, 0, "XB.ELYSE.02", to_ns("2021-06-01"))[0].data
        velocity = signal.sosfilt(sos, counts[:100_000] / SENSITIVITY[row] - uvw[row, :100_000])
        assert rms(velocity[1000:]) < 1e-11


def test_mars_events_are_in_the_files(mars):
    folder, truth = mars
    events = truth.catalog.events
    strong = events[(events["snr"] > 4) & events["label"].isin(["2.4_HZ", "HIGH_FREQUENCY"])]
    assert len(strong) >= 2
    sos = signal.butter(4, SNR_BAND_HZ["high"], "bandpass", fs=20, output="sos")
    picks = truth.catalog.picks.set_index(["event_id", "phase"])["time_ns"]
    for event in strong.itertuples():
        start = obspy.UTCDateTime(ns=int(event.time_ns))
        peak = int((picks[event.event_id, "Sg"] - event.time_ns) * 1e-9) + 400
        stream = obspy.Stream()
        for channel in ("BHU", "BHV", "BHW"):
            path = sds_path(folder, "XB.ELYSE.02", channel, event.time_ns // DAY_NS * DAY_NS)
            stream += obspy.read(path, starttime=start - 400, endtime=start + 900)
        uvw = np.array([t.data / s for t, s in zip(stream, SENSITIVITY, strict=True)])
        uvw -= uvw.mean(axis=1)[:, None]
        z = signal.sosfilt(sos, np.linalg.solve(forward_matrix(), uvw)[0])
        quiet = rms(z[2000:7000])
        assert rms(z[(peak + 30) * 20 : (peak + 130) * 20]) > 0.5 * event.snr * quiet


def test_mars_expert_times_are_its_start_picks(mars):
    _, truth = mars
    expert = truth.expert
    assert expert.time_basis == truth.catalog.time_basis == "label_start"
    assert len(expert) == len(truth.catalog) - round(0.25 * len(truth.catalog))
    start = expert.picks[expert.picks["phase"] == "start"].set_index("event_id")["time_ns"]
    events = expert.events.set_index("event_id")
    assert (events["time_ns"] == start.reindex(events.index)).all()
    assert (events["end_ns"] > events["time_ns"]).all()
    assert set(truth.noise_bursts["kind"]) == {"glitch", "donk", "dust_devil"}


# Velocity PSD of nine real hours of BHV (dB, median of periodograms) by local hour.
NOISE_HZ = (0.1, 0.2, 0.3, 0.5, 0.9, 1.5, 2.4, 3.0, 4.05, 5.2, 6.4, 7.7)
NOISE_ROWS = {
    19.7: (-186, -193, -198, -204, -209, -208, -200, -204, -203, -202, -201, -200),
    22.4: (-183, -192, -197, -199, -203, -204, -198, -202, -198, -200, -199, -198),
    23.1: (-184, -191, -194, -196, -199, -200, -194, -202, -199, -201, -200, -200),
    3.1: (-179, -189, -193, -196, -198, -199, -196, -200, -193, -200, -199, -197),
    2.2: (-183, -193, -196, -196, -198, -197, -194, -198, -193, -199, -197, -196),
    19.0: (-180, -188, -190, -196, -198, -197, -191, -193, -184, -191, -190, -190),
    15.8: (-183, -191, -195, -198, -195, -192, -190, -193, -190, -195, -193, -195),
    15.6: (-178, -185, -190, -197, -194, -192, -189, -189, -185, -192, -187, -190),
    15.1: (-175, -183, -187, -191, -188, -185, -182, -180, -178, -182, -180, -183),
}


@pytest.mark.parametrize("hours", [(17, 22.1), (22.1, 5), (9, 17), (0, 24)])
def test_noise_of_the_local_hours_is_within_three_db_in_the_median(hours):
    inside = [
        h
        for h in NOISE_ROWS
        if (hours[0] <= h < hours[1] if hours[0] < hours[1] else h >= hours[0] or h < hours[1])
    ]
    real = np.array([NOISE_ROWS[h] for h in inside])
    made = 10 * np.log10(noise_psd(np.array(NOISE_HZ), np.array(inside))) - 1.6
    difference = made - real
    assert abs(np.median(difference)) < 3.0
    if hours == (0, 24):
        assert np.abs(np.median(difference, axis=0)).max() < 3.0


@pytest.mark.real
def test_real_hours_have_the_spectrum_of_the_generated_ones(shared_data):
    found = []
    for path in sorted((shared_data / "mars_insight" / "waveforms").rglob("*.mseed")):
        trace = obspy.read(path)[0]
        x = trace.data / SENSITIVITY["UVW".index(trace.stats.channel[-1])]
        f, _, power = signal.spectrogram(x, 20.0, window="hann", nperseg=4096, noverlap=2048)
        level = 10 * np.log10(np.median(power, axis=1))
        hour = float(lmst_hours(trace.stats.starttime.ns + 1800 * NS_PER_S))
        band = (f > 0.1) & (f < 8.0) & (np.abs(f - np.rint(f)) > 0.02)
        made = 10 * np.log10(noise_psd(f[band], hour)) - 1.6
        found.append(np.median(made - level[band]))
    assert len(found) >= 5
    assert abs(np.median(found)) < 3.0


def test_marsquakes_of_a_busy_sol_have_names_of_letters():
    """S0173z is followed by S0173aa."""
    plan = plan_mars(seed=0, grid=make_grid("2021-06-01", 2, 20))
    quake = next(q for q in plan.quakes if q.label != SUPER)
    names = catalog_of([quake] * 28).events["event_id"].tolist()
    letters = sorted((name[5:] for name in names), key=lambda one: (len(one), one))
    assert letters[24:] == ["y", "z", "aa", "ab"]
