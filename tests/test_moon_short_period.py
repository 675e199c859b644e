"""The profile moon-apollo-sp on generated records: no real ones of 53 Hz are at hand."""

import dataclasses

import numpy as np
import obspy
import pytest
from scipy import signal
from waveform_data import read_stretches

from seisml.archive import open_archive
from seisml.catalog import make_catalog
from seisml.config import load_profile
from seisml.experts import signals_of
from seisml.extract import extract
from seisml.settings import label_rule_of, plan_of, training_rule_of
from seisml.store import iter_tables
from seisml.thresholds import MatchRule
from seisml.times import DAY_NS, NS_PER_S, to_ns
from seisml.training import train
from seisml.trainingset import TrainingSet

RATE_HZ, HOURS = 53.0, 3.0
S14 = "XA.S14.00.SH"
DAYS, ONSETS_S = 6, (2400.0, 5000.0, 8000.0)


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """Six days of three hours: drifting noise about 8 Hz, whole units, three quakes a day.

    Spikes, and three of 32 samples lost in telemetry, as on usual days.
    """
    folder, rng, events = tmp_path_factory.mktemp("sp"), np.random.default_rng(5), []
    n = int(HOURS * 3600 * RATE_HZ)
    t = np.arange(n) / RATE_HZ
    peaked = signal.butter(2, (4.0, 12.0), "bandpass", fs=RATE_HZ, output="sos")
    for day in range(DAYS):
        start_ns = to_ns("1972-05-01") + day * DAY_NS
        noise, wave = (signal.sosfilt(peaked, rng.standard_normal(n)) for _ in range(2))
        x = noise * np.exp(0.2 * np.sin(t / 900.0 + day))
        for onset_s in ONSETS_S:
            since = np.maximum(t - onset_s - rng.uniform(0.0, 300.0), 0.0)
            decay_s = rng.uniform(100.0, 300.0)
            swell = (1.0 - np.exp(-since / 10.0)) * np.exp(-since / decay_s)
            x += rng.uniform(4.0, 12.0) * wave * swell
            begin_ns = start_ns + round(t[np.argmax(since > 0)] * NS_PER_S)
            span = {"time_ns": begin_ns, "end_ns": begin_ns + round(1.5 * decay_s * NS_PER_S)}
            events.append({**span, "station": "XA.S14", "label": "thermal moonquake"})
        for at in rng.integers(0, n, 20):  # spikes
            x[at : at + 2] += 30.0
        header = {"network": "XA", "station": "S14", "location": "00", "channel": "SHZ"}
        header |= {"sampling_rate": RATE_HZ, "starttime": obspy.UTCDateTime(ns=start_ns)}
        units = np.rint(20.0 * x + 512.0).clip(0, 1023).astype(np.int32)
        units[np.isin(np.arange(n) % 32, (0, 11, 22))] = -1
        obspy.Trace(units, header).write(str(folder / f"{day}.mseed"), format="MSEED")
    return folder, make_catalog(events, body="moon", time_basis="label_start")


def test_planted_quakes_are_found_by_cross_fitted_models(records, tmp_path):
    folder, catalog = records
    config = load_profile("moon-apollo-sp")
    archive = open_archive(str(folder), index=False)
    extract(archive, tmp_path / "features", plan_of(config))
    rule = label_rule_of(config)
    names = archive.pieces["station"].unique()
    expert = TrainingSet(
        (tmp_path / "features",), signals_of(catalog, names, rule, None), catalog, rule
    )
    fast = {"max_iter": 40, "min_samples_leaf": 5}
    result = train(
        [expert],
        rule=dataclasses.replace(
            training_rule_of(config), n_folds=3, settings=fast, calibration="none"
        ),
        detection=dataclasses.asdict(config.detection),
        matching=MatchRule(config.comparison.tolerance_s, config.comparison.mode),
    )
    found, n = len(result.test.matched), DAYS * len(ONSETS_S)
    assert found >= 0.8 * n
    assert len(result.test.unmatched) <= 0.2 * n


def test_lost_samples_are_counted_and_leave_the_features_as_they_would_be(records, tmp_path):
    """Counted as bridged; without that, the steps to -1 would be all that a record shows."""
    folder, _ = records
    archive = open_archive(str(folder / "0.mseed"), index=False)
    trace = obspy.read(folder / "0.mseed")[0]
    trace.data = np.where(trace.data == -1, 512, trace.data).astype(np.int32)
    trace.write(str(tmp_path / "whole.mseed"), format="MSEED")
    plan = plan_of(load_profile("moon-apollo-sp"))
    tables = []
    for name, one in (("lost", archive), ("whole", open_archive(str(tmp_path / "whole.mseed")))):
        extract(one, tmp_path / name, plan)
        [table] = iter_tables(tmp_path / name)
        tables.append(table.frame.filter(like="rel_energy"))
    assert np.nanmedian(np.abs(tables[0] - tables[1])) < 0.1
    _, counts = read_stretches(
        archive, trace.stats.starttime.ns, trace.stats.endtime.ns, 3600.0, S14
    )
    lost = np.isin(np.arange(trace.stats.npts - 1) % 32, (0, 11, 22))
    assert counts == {"lost_samples": lost.sum()}
