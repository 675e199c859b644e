"""Preparation inside extraction: tick, glitches, wind, pressure; planted truth, real hours."""

import dataclasses
import json
from collections import Counter
from itertools import pairwise

import h5py
import numpy as np
import pandas as pd
import pytest
from command_line import seisml
from hypothesis import given, settings
from hypothesis import strategies as st
from mars_hours import GAP, GLITCHES, PASCAL, RATE, START_NS, WINDY_S, N, mars_hours, parts

from seisml.archive import chunks, open_archive, stations
from seisml.beforeafter import prepared_runs
from seisml.config import load_config, load_profile
from seisml.covariates import seismometers
from seisml.cuts import cuts
from seisml.errors import ConfigError, StaleTableError
from seisml.eventfeatures import event_features
from seisml.extract import extract, tasks
from seisml.formats import read_catalog
from seisml.glitches import glitch
from seisml.plan import Plan
from seisml.preparation import NOTHING, Preparation, prepare, prepared, with_beside
from seisml.segments import Segment, segments
from seisml.settings import plan_from, plan_of
from seisml.shards import read_shard
from seisml.store import concat, read_table
from seisml.synthetics import make_mars_archive
from seisml.synthetics.mars_noise import SENSITIVITY
from seisml.times import NS_PER_S, to_ns

STATION = "XB.ELYSE.02.BH"
ALL = Preparation(tick=True, glitches="remove", wind=True, pressure="XB.ELYSE.*.?DO")
BASE = plan_of(load_profile("mars-insight"))
PLAN = dataclasses.replace(BASE, names=("rms", "log_energy", "kurtosis"), preparation=ALL)
OFF = dataclasses.replace(PLAN, preparation=Preparation())


def shard_of(store, plan: Plan = PLAN, root=None):
    outcomes = extract(open_archive(str(root or mars_hours()), index=False), store, plan)
    assert not any(outcome.error for outcome in outcomes)
    (path,) = store.rglob("XB.ELYSE.02.BH_*.h5")
    return read_shard(path), outcomes


@pytest.fixture(scope="module")
def shard(tmp_path_factory):
    return shard_of(tmp_path_factory.mktemp("prepared"))[0]


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    pressure_left_out = dataclasses.replace(OFF.preparation, pressure=ALL.pressure)
    plan = dataclasses.replace(OFF, preparation=pressure_left_out)
    return shard_of(tmp_path_factory.mktemp("plain"), plan)[0]


def line_db(x: np.ndarray, hz: float) -> float:
    wave = np.exp(-2j * np.pi * hz * np.arange(len(x)) / RATE)
    return 20 * np.log10(abs(np.mean(x * np.hanning(len(x)) * wave)))


def samples_of(preparation: Preparation, chunk_s: float = 10800.0, letter: str = "U"):
    """Return start, samples and counts of a channel, after the preparation."""
    archive, counts, found = open_archive(str(mars_hours()), index=False), Counter(), []
    span = START_NS, START_NS + N * NS_PER_S // RATE
    read = chunks(archive, STATION, *span, chunk_s=chunk_s)
    out = [
        part
        for part in prepared(
            segments(read, station=STATION), preparation, counts=counts, found=found
        )
        if part.channels[0].endswith(letter)
    ]
    for one, next_one in pairwise(out):
        assert next_one.continues == (next_one.start_ns == one.end_ns)
    return out[0].start_ns, np.concatenate([part.data[0] for part in out]), counts, found


def test_the_tick_falls_and_glitches_go():
    """1 Hz is down by more than 20 dB, what is left of tick and glitches is under 5 %."""
    _, before, _, _ = samples_of(Preparation())
    start_ns, after, counts, found = samples_of(Preparation(tick=True, glitches="remove"))
    assert start_ns == START_NS
    quiet = slice(0, 3600 * RATE)
    assert line_db(before[quiet], 1.0) - line_db(after[quiet], 1.0) > 20
    truth = (parts()["noise"] + parts()["quake"])[0] * SENSITIVITY[0]
    left = after - 2000 - truth
    gone = (parts()["glitches"] + parts()["tick"])[0] * SENSITIVITY[0]
    assert np.std(left[: N // 2]) < 0.05 * np.std(gone[: N // 2])
    assert np.std(left[N // 2 :]) < 0.05 * np.std(truth[N // 2 :])  # wind hides the tick
    for hz in (2.0, 3.0, 7.0):  # a quarter of an hour's spectrum at 2 Hz is noise already
        assert line_db(gone[quiet], hz) - line_db(left[quiet], hz) > 6
    removed = sorted((one for one in found if one.removed), key=lambda one: one.onset_ns)
    on_u = [one for one in removed if one.channel == "BHU"]
    onset_s = [(one.onset_ns - START_NS) / NS_PER_S for one in on_u]
    np.testing.assert_allclose(onset_s, list(GLITCHES), atol=0.3)
    peaks = np.array(list(GLITCHES.values())) * SENSITIVITY[0]
    np.testing.assert_allclose([one.peak for one in on_u], peaks, rtol=0.05)
    assert [one.channel for one in removed].count("BHV") == 3
    assert [one.channel for one in removed].count("BHW") == 0
    assert counts["glitches_removed"] == len(removed)
    assert len(found) <= len(removed) + 1  # noise of twelve hours that looks like one
    assert counts["samples_without_tick"] == 3 * N - (GAP[1] - GAP[0])


def test_a_marsquake_keeps_its_amplitude():
    """What the preparation takes off a record with a marsquake is no part of the marsquake."""
    uvw = {name: one[0] * SENSITIVITY[0] for name, one in parts().items()}
    steps = Preparation(tick=True, glitches="remove")
    with_quake, _ = prepare(sum(uvw.values()), RATE, steps, start_ns=START_NS)
    without, _ = prepare(sum(uvw.values()) - uvw["quake"], RATE, steps, start_ns=START_NS)
    inside = uvw["quake"] != 0
    changed = with_quake - without - uvw["quake"]
    assert np.std(changed[inside]) < 0.03 * np.std(uvw["quake"][inside])
    assert np.ptp((with_quake - without)[inside]) == pytest.approx(np.ptp(uvw["quake"]), rel=0.03)


@pytest.mark.parametrize("chunk_s", [617.0, 1800.0, 86_400.0])
def test_samples_do_not_depend_on_chunks(chunk_s):
    """Bit for bit, on a channel with a gap; so are the glitches and what is counted."""
    _, whole, counts, found = samples_of(ALL, letter="V")
    _, cut, again, same = samples_of(ALL, chunk_s, letter="V")
    np.testing.assert_array_equal(cut, whole)
    assert len(whole) == N - (GAP[1] - GAP[0])
    assert again == counts
    assert sorted(same, key=repr) == sorted(found, key=repr)


@settings(max_examples=12, deadline=None)
@given(
    start_s=st.integers(0, 4000),
    cuts_at=st.lists(st.integers(1, 19_999), max_size=12, unique=True),
    glitch_s=st.lists(st.floats(60.0, 4900.0), max_size=4),
    mode=st.sampled_from(["none", "flag", "remove"]),
)
def test_any_cuts_give_the_same_samples(start_s, cuts_at, glitch_s, mode):
    """4 Hz, started anywhere against the pieces, cut anywhere, glitches anywhere."""
    t = np.arange(20_000) / 4.0
    x = np.random.default_rng(start_s).standard_normal(len(t)) + np.cos(2 * np.pi * t)
    x += sum((glitch(t - at, 40.0) for at in glitch_s), start=np.zeros(len(t)))
    first_ns = start_s * NS_PER_S
    steps, edges = Preparation(True, mode), [0, *sorted(cuts_at), len(x)]

    def run(bounds):
        found, counts = [], Counter()
        parts_ = [
            Segment(
                "", ("",), first_ns + a * NS_PER_S // 4, 4.0, x[np.newaxis, a:b], "counts", a > 0
            )
            for a, b in pairwise(bounds)
        ]
        out = list(prepared(parts_, steps, found=found, counts=counts))
        assert [part.continues for part in out] == [False] + [True] * (len(out) - 1)
        return np.concatenate([part.data[0] for part in out]), found, counts

    whole, found, counts = run([0, len(x)])
    cut, same, again = run(edges)
    np.testing.assert_array_equal(cut, whole)
    assert (same, again) == (found, counts)
    assert len(whole) == len(x)


def test_rows_do_not_depend_on_chunks_or_days_before(shard, tmp_path):
    """The store's values and covariates are the same read in pieces of ten minutes and a bit."""
    other, _ = shard_of(tmp_path, dataclasses.replace(PLAN, chunk_s=617.0))
    np.testing.assert_array_equal(other.X, shard.X)
    np.testing.assert_array_equal(other.flags, shard.flags)
    assert other.counts == shard.counts
    for name, values in shard.covariates.items():
        np.testing.assert_array_equal(other.covariates[name], values)


def test_windows_with_a_glitch_are_marked_and_counted(shard, tmp_path):
    start_s = (shard.time_ns - START_NS) / NS_PER_S
    hit = np.zeros(len(start_s), bool)
    for at in GLITCHES:
        hit |= (start_s < at + 25.0) & (start_s + 200.0 > at)
    marked = (shard.flags & 8) > 0
    assert marked[hit].all()
    assert marked[~hit].sum() <= 4  # one pulse of the noise that is none
    np.testing.assert_array_equal(shard.covariates["glitches"] > 0, marked)
    assert shard.counts["windows_with_glitch"] == marked.sum()
    assert shard.counts["glitches_removed"] == 6  # on U and V, 3 and 3 of them
    flag = dataclasses.replace(ALL, glitches="flag")
    flagged, _ = shard_of(tmp_path, dataclasses.replace(PLAN, preparation=flag))
    np.testing.assert_array_equal(flagged.flags, shard.flags)
    assert "glitches_removed" not in flagged.counts


def test_features_are_those_of_the_prepared_record(shard, plain):
    """A removed glitch is out of the RMS of its windows; elsewhere only the tick is gone."""
    with_, without = (s.X[:, s.columns.index("rms.U")] for s in (shard, plain))
    start_s = (plain.time_ns - START_NS) / NS_PER_S
    at = int(np.argmin(np.abs(start_s + 100 - 1000.3)))
    assert without[at] > 1.5 * with_[at]
    windy = start_s > WINDY_S + 3000
    np.testing.assert_allclose(with_[windy], without[windy], rtol=0.05)


def test_wind_and_pressure_stand_beside_the_features(shard, tmp_path):
    """The 4 Hz mode against 2.4 Hz tells wind; pressure has its planted RMS, NaN where none is."""
    wind, pressure = shard.covariates["wind_db"], shard.covariates["pressure_rms"]
    assert shard.covariate_units == {"glitches": "", "wind_db": "dB", "pressure_rms": "counts"}
    start_s = (shard.time_ns - START_NS) / NS_PER_S
    still, windy = (start_s > 600) & (start_s < 4500), start_s > WINDY_S + 200
    assert np.nanmedian(wind[windy]) > np.nanmedian(wind[still]) + 5
    inside = windy & (start_s + 200 < N / RATE - 1)
    np.testing.assert_allclose(pressure[inside], 1000 * PASCAL / np.sqrt(2), rtol=0.02)
    assert np.nanmax(pressure[still]) < 0.02 * 1000 * PASCAL
    table = read_table(_store_of(shard, tmp_path))
    assert list(table.covariates) == ["glitches", "pressure_rms", "wind_db"]
    assert not set(table.covariates) & {name.split(".")[0] for name in table.frame}
    some = table.rows(np.arange(5))
    assert len(some.covariates) == 5
    assert some.covariates.index.equals(some.frame.index)


def _store_of(shard, folder):
    from seisml.shards import write_shard

    write_shard(folder, shard)
    return folder


def test_pressure_that_is_not_there_is_unknown_and_counted(tmp_path):
    only = tmp_path / "only"
    only.mkdir()
    (only / "u.mseed").write_bytes((mars_hours() / "XB.ELYSE.02.BHU.mseed").read_bytes())
    found, _ = shard_of(tmp_path / "store", root=only)
    assert np.isnan(found.covariates["pressure_rms"]).all()
    assert found.counts["windows_without_pressure"] == len(found.time_ns)


def test_barometers_are_no_seismometers_and_make_shards_stale(tmp_path):
    """The pressure's station has no shard of its own; a shard remembers the pressure's file."""
    archive = open_archive(str(mars_hours()), index=False)
    (task,) = tasks(archive, tmp_path, PLAN)
    assert [part.pieces["channel"].iloc[0] for part in task.beside] == ["MDO"]
    assert {t.station for t in tasks(archive, tmp_path, OFF)} == {STATION, "XB.ELYSE.02.MD"}
    assert stations(seismometers(archive, ALL.pressure)) == [STATION]
    assert seismometers(archive, "") is archive
    found, _ = shard_of(tmp_path / "store")
    assert any(path.endswith("p.mseed") for path, _, _ in found.sources)
    (again,) = tasks(archive, tmp_path / "store", PLAN)
    assert again.state == "present"


def test_what_is_not_asked_for_changes_nothing(plain, tmp_path):
    """No step, no word of it: fingerprints of before hold, shards have no covariates."""
    assert "preparation" not in BASE.as_dict()
    assert OFF.as_dict() == {
        **BASE.as_dict(),
        "features": {name: BASE.as_dict()["features"].get(name, 1) for name in OFF.names},
    }
    alone = tmp_path / "alone"
    alone.mkdir()
    for path in mars_hours().glob("XB*.mseed"):
        (alone / path.name).write_bytes(path.read_bytes())
    off, _ = shard_of(tmp_path / "store", OFF, alone)
    np.testing.assert_array_equal(off.X, plain.X)
    assert not off.covariates
    with h5py.File(next((tmp_path / "store").rglob("XB*.h5"))) as file:
        assert "covariates" not in file
        assert "preparation" not in json.loads(file.attrs["settings"])


def test_steps_are_part_of_the_settings(shard):
    """Each step changes the fingerprint, is in the store, and comes back from a model's plan."""
    steps = [
        Preparation(),
        Preparation(tick=True),
        Preparation(glitches="flag"),
        Preparation(glitches="remove"),
        Preparation(wind=True),
        Preparation(pressure="XB.ELYSE.02.MDO"),
    ]
    plans = [dataclasses.replace(PLAN, preparation=one) for one in steps]
    assert len({plan.fingerprint for plan in plans}) == len(steps)
    assert shard.settings["preparation"] == {
        "tick": True,
        "glitches": "remove",
        "wind": True,
        "pressure": "XB.ELYSE.*.?DO",
    }
    again = plan_from(dict(shard.settings))
    assert again.preparation == ALL
    assert again.fingerprint == PLAN.fingerprint == shard.fingerprint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('glitches = "remvoe"', "glitches = 'remvoe'.*\n.*remove"),
        ("tic = true", "unknown key 'tic'.*\n.*tick"),
        ('pressure = "BDO"', "pressure = 'BDO' is no channel.*\n.*XB.ELYSE"),
        ("tick = 1", "tick = 1 has the wrong type"),
        ("wind = true\nf_max_hz = 2.0", "does not hold the lander's mode.*\n.*f_max_hz >= 4.3"),
    ],
)
def test_misspelt_steps_are_refused(tmp_path, text, message):
    path = tmp_path / "seisml.toml"
    path.write_text(f'profile = "mars-insight"\n[preparation]\n{text}\n')
    with pytest.raises(ConfigError, match=f"(?s){message}"):
        plan_of(load_config(path))


def test_slow_and_odd_rates_are_left_and_counted():
    """Where a second is no whole number of samples, or two, and in half a minute: no tick.

    And no glitches in slow, constant, straight and very short records.
    """
    x = np.random.default_rng(0).standard_normal(4000)
    for rate_hz, n in ((6.625, 4000), (2.0, 4000), (20.0, 700)):
        counts = Counter()
        one = Segment("", ("",), 0, rate_hz, x[np.newaxis, :n])
        [after] = prepared([one], Preparation(tick=True), counts=counts)
        np.testing.assert_array_equal(after.data[0], x[:n])
        assert counts == {"samples_tick_not_removed": n}
    for y, rate_hz in ((x, 0.2), (np.zeros(4000), 20.0), (np.arange(4000.0), 2.0), (x[:30], 20.0)):
        counts = Counter()
        one = Segment("", ("",), 0, rate_hz, y[np.newaxis])
        [*after] = prepared([one], Preparation(glitches="remove"), counts=counts)
        np.testing.assert_array_equal(np.concatenate([part.data[0] for part in after]), y)
        assert counts == ({"samples_glitches_not_sought": 4000} if rate_hz < 1 else {})
    beat = x + np.tile([3.0, 0.0, -3.0, 0.0], 1000)
    after, _ = prepare(beat, 4.0, Preparation(tick=True))
    assert abs(np.mean(after * np.tile([1.0, 0.0, -1.0, 0.0], 1000))) < 0.1


def test_the_verb_shows_writes_and_refuses(tmp_path):
    """A table, a figure, the glitches as a catalogue, the records; nothing of odd suffixes."""
    outputs = [tmp_path / name for name in ("a.png", "a.csv", "a.mseed")]
    options = [word for path in outputs for word in ("-o", path)]
    where = ("--station", STATION, "--end", "2021-06-02T21:30")
    run = seisml("prepare", mars_hours(), *options, *where)
    assert run.returncode == 0, run.stderr
    header, *rows = [line.split("\t") for line in run.stdout.splitlines()[:-3]]
    assert header[3:] == ["tick_fall_db", "glitches", "glitches_removed"]
    assert [row[0][-3:] for row in rows] == ["BHU", "BHV", "BHW"]
    assert all(float(row[3]) > 20 for row in rows)
    assert outputs[0].read_bytes().startswith(b"\x89PNG")
    events = read_catalog(outputs[1]).events
    assert set(events["label"]) == {"glitch"}
    onset_s = (events["time_ns"][events["station"] == "XB.ELYSE.02.BHU"] - START_NS) / NS_PER_S
    assert np.abs(onset_s.to_numpy() - next(iter(GLITCHES))).min() < 0.3
    again = prepared_runs(open_archive(str(outputs[2]), index=False), Preparation())
    first = prepared_runs(
        open_archive(str(mars_hours()), index=False),
        Preparation(True, "remove"),
        patterns=[STATION],
        end="2021-06-02T21:30",
    )
    for one, other in zip(again, first, strict=True):
        assert (one.channel, one.start_ns) == (other.channel, other.start_ns)
        np.testing.assert_allclose(one.before, other.after, rtol=1e-6)
    run = seisml("prepare", mars_hours(), "-o", tmp_path / "a.pgn")
    assert (run.returncode, "'.png'" in run.stderr) == (2, True)
    run = seisml("prepare", mars_hours(), "-o", outputs[0], "--channel", "BHX")
    assert (run.returncode, "no channel 'BHX'" in run.stderr) == (1, True)


def test_cuts_of_detections_are_prepared_as_the_features_were(tmp_path):
    """Onsets are looked for in the record without tick and glitches, whatever span is cut."""
    archive = open_archive(str(mars_hours()), index=False)
    _, whole, _, _ = samples_of(Preparation(tick=True, glitches="remove"))
    seconds = ((950, 1100), (9000, 9100))
    spans = [(START_NS + a * NS_PER_S, START_NS + b * NS_PER_S) for a, b in seconds]
    steps = Preparation(tick=True, glitches="remove")
    for number, parts_ in cuts(archive, STATION, spans, preparation=steps):
        first = (spans[number][0] - START_NS) * RATE // NS_PER_S
        [on_u] = [part for part in parts_ if part.channels == ("BHU",)]
        np.testing.assert_array_equal(on_u.data[0], whole[first : first + on_u.n_samples])
        assert on_u.n_samples == (spans[number][1] - spans[number][0]) * RATE // NS_PER_S
    [(_, raw)] = cuts(archive, STATION, spans[:1])
    assert np.ptp(raw[0].data) > 4000 > np.ptp(whole[950 * RATE : 1100 * RATE])


def test_features_of_events_are_of_the_prepared_record():
    """Tick and glitch are gone from the features of one event, too."""
    archive = open_archive(str(mars_hours()), index=False)
    event = {"station": STATION, "time_ns": START_NS + 3570 * NS_PER_S}
    events = pd.DataFrame([{**event, "end_ns": event["time_ns"] + 60 * NS_PER_S}])
    raw, clean = (
        event_features(archive, events, plan, names=("rms",))["rms.U"].iloc[0]
        for plan in (OFF, PLAN)
    )
    assert clean < 0.5 * raw


def test_glitches_of_a_generated_day_are_found(tmp_path):
    """On any of three channels: 97 % of 150, a quarter of what is found is none (dust devils)."""
    truth = make_mars_archive(tmp_path, n_days=1, faults=())
    runs = prepared_runs(open_archive(str(tmp_path), index=False), Preparation(True, "flag"))
    found = np.array([one.onset_ns for run in runs for one in run.glitches])
    bursts = truth.noise_bursts
    planted = bursts["time_ns"][bursts["kind"] == "glitch"].to_numpy()
    apart_ns = np.abs(found - planted[:, np.newaxis])
    assert len(planted) > 100
    assert (apart_ns.min(axis=1) < 2e9).mean() > 0.93
    assert (apart_ns.min(axis=0) < 3e9).mean() > 0.7


def test_what_stands_beside_does_not_change_the_features(shard, tmp_path):
    """A model fits tables with other covariates; not those of records without the tick."""
    steps = {
        "none": Preparation(),
        "beside": Preparation(False, "flag", True, "XB.ELYSE.02.MDO"),
        "tick": Preparation(tick=True),
    }
    tables, prints = {}, {}
    for name, one in steps.items():
        plan = dataclasses.replace(PLAN, names=("rms",), preparation=one)
        shard_of(tmp_path / name, plan)
        tables[name] = read_table(tmp_path / name, stations=[STATION])
        prints[name] = plan.fingerprint
    assert len(set(prints.values())) == 3
    assert tables["none"].fingerprint == tables["beside"].fingerprint == prints["none"]
    assert tables["tick"].fingerprint == prints["tick"]
    np.testing.assert_array_equal(tables["none"].frame, tables["beside"].frame)
    both = concat([tables["none"], tables["beside"]])
    assert both.covariates["wind_db"].isna()[: len(tables["none"])].all()
    assert both.covariates.attrs["units"]["wind_db"] == "dB"
    with pytest.raises(StaleTableError, match="different settings"):
        concat([tables["none"], tables["tick"]])


def test_detections_with_wind_pressure_and_glitches_beside_them(tmp_path):
    """The shipped model, which knows no steps, with columns that say what else there was."""
    out = tmp_path / "quakes.csv"
    beside = ("wind", "glitches", "pressure=XB.ELYSE.*.?DO")
    options = [word for one in beside for word in ("--beside", one)]
    run = seisml("detect", mars_hours(), "--model", "mars-insight", "-o", out, *options)
    assert run.returncode == 0, run.stderr
    [event] = pd.read_csv(out).to_dict("records")
    assert event["station"] == "XB.ELYSE"
    assert event["wind_db"] < -5  # 2.4 Hz shook, not the lander
    assert event["glitches"] == 0
    assert 0 < event["pressure_rms"] < 20
    for word, said in (("wnd", "'wind'"), ("pressure", "pressure=XB.ELYSE"), ("wind=3", "wind.")):
        with pytest.raises(ConfigError) as error:
            with_beside(NOTHING, [word])
        assert said in error.value.hint


@pytest.mark.real
def test_glitches_of_the_published_list_are_found(shared_data):
    """An hour of sol 173: all six glitches on V of the list of SEISglitch, within 1.5 s.

    The onsets of the list are whole seconds. Beside them the hour holds four more that the
    experts' annotated epochs have, or that a glitch leaves.
    """
    folder = shared_data / "mars_insight"
    [path] = folder.rglob("*2019-05-23HR02_evid0041.mseed")
    text = (folder / "catalogs" / "seisglitch_glitches_2019-05-22_2019-05-23.txt").read_text()
    rows = [line.split() for line in text.splitlines() if line[:1].isdigit()]
    [run] = prepared_runs(open_archive(str(path), index=False), Preparation(True, "remove"))
    end_ns = run.start_ns + len(run.before) * NS_PER_S // 20
    on_v = [to_ns(row[1]) for row in rows if row[6] == "1"]
    listed = np.array([at for at in on_v if run.start_ns <= at < end_ns])
    assert len(listed) == 6
    found = np.array([one.onset_ns for one in run.glitches])
    assert (np.abs(found - listed[:, np.newaxis]).min(axis=1) <= 1.5e9).all()
    assert len(found) <= 10
    assert run.tick_fall_db > 20


@pytest.mark.real
def test_annotated_pulses_of_three_hours_are_found(shared_data):
    """One-sided pulses that the experts marked on several components, seen on V alone.

    19 of 28: the others are on the other components, or below the noise of V.
    """
    folder = shared_data / "mars_insight"
    epochs = read_catalog(next((folder / "catalogs").glob("mqs_annotated_epochs*"))).events
    epochs = epochs[epochs["label"].str.contains("ONE-SIDED_PULSE")]
    n_found = n_marked = 0
    for path in sorted((folder / "waveforms" / "test").glob("*.mseed"))[:-1]:
        [run] = prepared_runs(open_archive(str(path), index=False), Preparation(True, "flag"))
        end_ns = run.start_ns + len(run.before) * NS_PER_S // 20
        inside = epochs[(epochs["time_ns"] >= run.start_ns) & (epochs["end_ns"] < end_ns)]
        onsets = np.array([one.onset_ns for one in run.glitches])
        for one in inside.itertuples():
            n_marked += 1
            n_found += ((onsets > one.time_ns - 2e9) & (onsets < one.end_ns)).any()
    assert n_found >= 0.6 * n_marked


@pytest.mark.real
def test_the_tick_goes_from_all_real_hours(shared_data):
    """The line at 1 Hz falls by 20 dB or more in each hour, the other noise stays."""
    paths = sorted((shared_data / "mars_insight" / "waveforms").rglob("*.mseed"))
    for path in paths:
        [run] = prepared_runs(open_archive(str(path), index=False), Preparation(tick=True))
        assert run.tick_fall_db > 20
        assert np.std(run.after) == pytest.approx(np.std(run.before), rel=0.02)


@pytest.mark.real
def test_wind_and_marsquakes_are_told_apart_on_real_hours(shared_data, tmp_path):
    """By the 4 Hz mode over 2.4 Hz: wind has 8 to 13 dB, S1102a -3 to -10, S0290b about 0.

    S0290b is weak; the bursts after 03:34 that follow it are wind.
    """
    level = {}
    for name in ("evid0006", "evid0032"):
        [path] = (shared_data / "mars_insight" / "waveforms").rglob(f"*{name}.mseed")
        plan = dataclasses.replace(BASE, names=("rms",), preparation=Preparation(wind=True))
        extract(open_archive(str(path), index=False), tmp_path / name, plan)
        beside = read_table(tmp_path / name).covariates.droplevel("station")["wind_db"]
        level[name] = beside[beside.notna()]
    day, night = level["evid0006"], level["evid0032"]
    assert day["2022-01-02T04:02":"2022-01-02T04:18"].median() > 8  # afternoon wind
    assert day["2022-01-02T04:36":"2022-01-02T04:45"].median() < -2  # S1102a
    assert night["2019-09-21T03:19":"2019-09-21T03:30"].median() < 2  # S0290b
    assert night["2019-09-21T03:34":"2019-09-21T03:53"].median() > 6
