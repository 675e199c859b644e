"""Verification: what follows an onset tells events from knocks, for a look that sees it."""

import dataclasses

import numpy as np
import obspy
import pandas as pd
import pytest

from seisml.archive import open_archive
from seisml.candidates import COLUMNS, MEASURES, candidate_features
from seisml.catalog import make_catalog
from seisml.config import load_profile
from seisml.detect import detect
from seisml.extract import extract
from seisml.labels import SIGNAL_COLUMNS
from seisml.metrics import metrics
from seisml.model import load_detector, save_detector
from seisml.settings import label_rule_of, match_rule_of, plan_of, training_rule_of
from seisml.store import iter_tables
from seisml.times import NS_PER_S
from seisml.training import train
from seisml.trainingset import Selection, TrainingSet
from seisml.verification import chosen

RATE_HZ = 50.0
START = obspy.UTCDateTime("2024-05-01T00:00:00")
SECONDS = 7200
EVERY_S = 45.0


def records(folder, x, *, rate_hz=RATE_HZ, channels=("HHZ",)):
    """Write samples, the same on all channels, and open them."""
    header = {"network": "XX", "station": "A", "sampling_rate": rate_hz, "starttime": START}
    traces = [obspy.Trace(np.asarray(x, np.float32), {**header, "channel": c}) for c in channels]
    folder.mkdir(parents=True, exist_ok=True)
    obspy.Stream(traces).write(str(folder / "a.mseed"), format="MSEED")
    return open_archive(str(folder))


def rows(*at_s, score=1.0):
    """Return candidates at seconds of the record."""
    times = [START.ns + round(at * NS_PER_S) for at in at_s]
    frame = pd.DataFrame({"time_ns": times, "score": score}).assign(**dict.fromkeys(MEASURES, 1.0))
    return frame.assign(event_id=[f"XX.A..HH.{n}" for n in range(len(times))])


def test_energies_are_those_that_were_planted(tmp_path):
    """Ten times the amplitude from the onset on, thirty times from 8 s on: 2 and 1 in log10."""
    x = np.random.default_rng(1).standard_normal(120 * 50)
    x[60 * 50 :] *= 10.0
    x[68 * 50 :] *= 10**0.5
    found = candidate_features(records(tmp_path, x), rows(60.0)).iloc[0]
    assert found["after_0_2.4-8Hz"] == pytest.approx(2.0, abs=0.15)
    assert found["after_8_20.4-8Hz"] == pytest.approx(3.0, abs=0.15)
    assert found["before_30_0.1.4-8Hz"] == pytest.approx(0.0, abs=0.15)
    assert found["later_max.2-20Hz"] == pytest.approx(1.0, abs=0.3)
    assert found["later_max_s.2-20Hz"] >= 8.0
    assert found["sharpness.2-20Hz"] > 1.0
    assert np.isnan(found["after_0_2.16-32Hz"]) == (0.4 * RATE_HZ < 16.0)


def test_energies_do_not_depend_on_gain_and_offset(tmp_path):
    """Another instrument, the same numbers."""
    x = np.random.default_rng(2).standard_normal(120 * 50)
    x[60 * 50 :] *= 5.0
    one = candidate_features(records(tmp_path / "a", x), rows(60.0, 90.0))
    other = candidate_features(records(tmp_path / "b", 1e4 * x + 3e3), rows(60.0, 90.0))
    np.testing.assert_allclose(one, other, rtol=1e-2, atol=2e-3)


def test_where_nothing_was_recorded_nothing_is_known(tmp_path):
    """Bands above 0.4 of the rate, the start of a record, and a time without any are NaN."""
    x = np.random.default_rng(3).standard_normal(120 * 20)
    archive = records(tmp_path, x, rate_hz=20.0)
    found = candidate_features(archive, rows(0.5, 60.0, 500.0))
    energies = found[[name for name in COLUMNS if name.endswith("Hz")]]
    assert energies.iloc[[0, 2]].isna().all(axis=None)
    assert found["after_0_2.8-16Hz"].notna().tolist() == [False, True, False]
    assert found["after_0_2.16-32Hz"].isna().all()
    assert found["score"].tolist() == [1.0, 1.0, 1.0]


def test_the_vertical_is_looked_at_where_there_is_one(tmp_path):
    """The order of channels does not matter."""
    x = np.random.default_rng(4).standard_normal(120 * 50)
    header = {"network": "XX", "station": "A", "sampling_rate": 50.0, "starttime": START}
    loud = x.copy()
    loud[60 * 50 :] *= 100.0
    stream = obspy.Stream(
        obspy.Trace(data.astype(np.float32), {**header, "channel": name})
        for name, data in (("HHE", x), ("HHN", x), ("HHZ", loud))
    )
    stream.write(str(tmp_path / "a.mseed"), format="MSEED")
    found = candidate_features(open_archive(str(tmp_path)), rows(60.0)).iloc[0]
    assert found["after_0_2.4-8Hz"] == pytest.approx(4.0, abs=0.2)


def test_neighbours_are_the_strongest_within_reach(tmp_path):
    """Half a minute before, twenty seconds after; itself is none."""
    archive = records(tmp_path, np.random.default_rng(5).standard_normal(120 * 50))
    table = rows(20.0, 55.0, 60.0, 79.0, 81.0).assign(score=[9.0, 3.0, 1.0, 2.0, 8.0])
    found = candidate_features(archive, table).iloc[2]
    assert (found["earlier_score"], found["earlier_s"]) == (3.0, 5.0)
    assert (found["later_score"], found["later_s"]) == (2.0, 19.0)


def test_what_is_chosen_keeps_its_picks():
    """Events below their limit go, with their picks; the score is the new probability."""
    events = [
        {"event_id": f"XX.A..HH.{n}", "time_ns": n * NS_PER_S, "station": "XX.A", "score": 5.0}
        for n in range(4)
    ]
    picks = [{"event_id": one["event_id"], "station": "XX.A", "phase": "P"} for one in events]
    picks = [{**one, "time_ns": n * NS_PER_S, "score": 5.0} for n, one in enumerate(picks)]
    p, limit = np.array([0.9, 0.4, 0.6, 0.1]), np.array([0.5, 0.5, 0.6, 0.5])
    found = chosen(make_catalog(events, picks), p, limit, window_s=0.0, live={})
    assert found.events["score"].tolist() == [0.9, 0.6]
    assert found.picks["event_id"].tolist() == ["XX.A..HH.0", "XX.A..HH.2"]
    assert found.picks["score"].tolist() == [0.9, 0.6]


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """Two hours: earthquakes with S after 10 s, and knocks that begin as they do."""
    folder = tmp_path_factory.mktemp("knocks")
    rng = np.random.default_rng(7)
    x = rng.standard_normal(round(SECONDS * RATE_HZ))
    times = 40.0 + EVERY_S * np.arange(int((SECONDS - 80) / EVERY_S)) + rng.uniform(0, 5, 158)
    knock = rng.random(len(times)) < 0.5
    for at, is_knock in zip(times, knock, strict=True):
        t = np.arange(round(5 * RATE_HZ)) / RATE_HZ
        for later_s in (0.0,) if is_knock else (0.0, 10.0):
            first = round((at + later_s) * RATE_HZ)
            x[first : first + len(t)] += 12.0 * rng.standard_normal(len(t)) * np.exp(-t)
    archive = records(folder / "records", 100.0 * x)
    config = load_profile("earth-onsets")
    names = ("stalta_short_max", "stalta_mid_max")
    features = dataclasses.replace(config.features, names=names, lengths_s=())
    config = dataclasses.replace(config, features=features)
    extract(archive, folder / "features", plan_of(config))
    onset_ns = START.ns + np.rint(times[~knock] * NS_PER_S).astype(np.int64)
    rows = [
        {"event_id": f"e{n}", "station": "XX.A", "start_ns": at, "end_ns": at + NS_PER_S}
        for n, at in enumerate(onset_ns.tolist())
    ]
    signals = pd.DataFrame(rows).assign(
        uncertainty_s=0.1, label="earthquake", weight=1.0, rule="intervals"
    )
    events = signals.rename(columns={"start_ns": "time_ns"})
    expert = make_catalog(
        events[["event_id", "station", "time_ns", "end_ns", "label"]], time_basis="label_start"
    )
    one = TrainingSet(
        (folder / "features",),
        signals[list(SIGNAL_COLUMNS)],
        expert,
        label_rule_of(config),
        archive=archive,
        name="knocks",
    )
    return one, config


@pytest.fixture(scope="module")
def trained(planted):
    """One training with a second look, one without."""
    one, config = planted
    rule = dataclasses.replace(training_rule_of(config), n_folds=3, block_s=1200.0, purge_s=10.0)
    options = {"detection": dataclasses.asdict(config.detection)}
    options["matching"] = match_rule_of(config)
    alone = dataclasses.replace(rule, verify=False)
    return [train([one], rule=some, **options) for some in (rule, alone)]


def test_a_second_look_tells_what_the_first_cannot(trained):
    """Knocks and S look as P does; half of the detections, or more, were none."""
    second, first = trained
    assert metrics(first.test)["precision"] < 0.75
    assert metrics(second.test)["precision"] > 0.95
    assert metrics(second.test)["recall"] > 0.95
    about = second.detector.card["second_look"]
    assert about["used"]
    assert about["f1_second_look"] > about["f1_first_look"] + 0.1
    assert first.detector.verifier is None


def test_a_second_look_is_kept_in_the_model_file(trained, planted, tmp_path):
    """What was saved finds what was trained, bit for bit, and without records only the first."""
    (one, _), detector = planted, trained[0].detector
    again = load_detector(save_detector(detector, tmp_path / "m.skops"))
    assert again.verifier.columns == COLUMNS
    found = [
        detect(iter_tables(one.stores[0]), some, archive=one.archive) for some in (detector, again)
    ]
    pd.testing.assert_frame_equal(found[0].events, found[1].events)
    time_ns = one.expert.events["time_ns"].to_numpy()
    away_s = np.abs(found[0].events["time_ns"].to_numpy()[:, None] - time_ns).min(axis=1) / NS_PER_S
    assert (away_s < 1.0).mean() > 0.95
    assert len(found[0]) >= 0.95 * len(time_ns)
    assert len(detect(iter_tables(one.stores[0]), again)) > 1.3 * len(found[0])


def test_there_is_none_for_networks_that_were_not_learnt(planted):
    """Where sets are left out, what follows an onset is nothing that was learnt there."""
    one, config = planted
    rule = dataclasses.replace(training_rule_of(config), split="set")
    said: list[str] = []
    half = (START + SECONDS / 2).isoformat()
    done = train(
        [
            dataclasses.replace(one, selection=Selection(end=half)),
            dataclasses.replace(one, selection=Selection(start=half), name="later"),
        ],
        rule=rule,
        detection=dataclasses.asdict(config.detection),
        matching=match_rule_of(config),
        on_progress=said.append,
    )
    assert done.detector.verifier is None
    assert "second_look" not in done.detector.card
    assert any("no second look" in text for text in said)


def test_a_second_look_that_does_not_help_is_not_taken(trained, planted):
    """Labels that follow nothing: no second look is better, and what it says is not used."""
    one, config = planted
    rng = np.random.default_rng(8)
    few = one.signals.iloc[np.sort(rng.permutation(len(one.signals))[:12])]
    rule = dataclasses.replace(training_rule_of(config), n_folds=3, block_s=1200.0, purge_s=10.0)
    done = train(
        [dataclasses.replace(one, signals=few.reset_index(drop=True))],
        rule=rule,
        detection=dataclasses.asdict(config.detection),
        matching=match_rule_of(config),
    )
    assert done.detector.verifier is None
    assert not done.detector.card["second_look"]["used"]
