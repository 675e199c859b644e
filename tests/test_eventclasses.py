"""Event classes: features on true limits, training, families, unknown, files, the verbs."""

import dataclasses
import json

import numpy as np
import obspy
import pandas as pd
import pytest
from planted_archive import LENGTH_S, RATE_HZ, planted_archive
from sklearn.dummy import DummyClassifier
from typer.testing import CliRunner

from seisml.archive import open_archive
from seisml.catalog import make_catalog
from seisml.classfiles import load_classifier, save_classifier
from seisml.cli import app
from seisml.compare import compare
from seisml.config import load_profile
from seisml.errors import ModelError, NoDataError, TableError
from seisml.evaluation import EvaluationRule
from seisml.eventclasses import (
    UNKNOWN,
    classify_events,
    labelled_detections,
    train_classes,
)
from seisml.eventfeatures import event_features
from seisml.features.event import EventSpan, duration, snr_db
from seisml.formats import read_catalog, write_catalog
from seisml.settings import plan_of
from seisml.taxonomy import load_taxonomy
from seisml.times import NS_PER_S

NAMES = ("duration", "snr_db", "f_centroid", "f_bandwidth", "kurtosis", "band_log_energy")
RULE = EvaluationRule(models=("dummy", "random_forest"), n_repeats=0, n_boot=200, n_folds=4)


@pytest.fixture(scope="module")
def plan():
    return plan_of(load_profile("volcano"))


@pytest.fixture(scope="module")
def archive():
    return open_archive(str(planted_archive()[0]))


@pytest.fixture(scope="module")
def training(archive, plan):
    taxonomy = load_taxonomy("volcano")
    events = planted_archive()[1]
    return train_classes(archive, events, plan, taxonomy=taxonomy, names=NAMES, rule=RULE)


@pytest.mark.parametrize("snr", [-3.0, 10.0, 30.0])
def test_snr_of_planted_noise(snr):
    """The SNR is that of planted noise, whatever the gain, the offset and the rate."""
    rng = np.random.default_rng(0)
    for rate_hz, gain, offset in ((50.0, 1.0, 0.0), (100.0, 1e-9, 0.0), (20.0, 1e6, 3e6)):
        before = rng.standard_normal(round(60 * rate_hz))
        during = rng.standard_normal(round(60 * rate_hz)) * 10 ** (snr / 20)
        span = EventSpan(
            gain * before + offset, gain * during + offset, rate_hz, 60.0, ((1, 3), (3, 6))
        )
        assert snr_db(span) == pytest.approx(snr, abs=1.5)
        assert duration(span) == 60.0


def test_best_band_counts():
    """A tone of a narrow band has the SNR of its band."""
    t = np.arange(3000) / 50.0
    noise = np.random.default_rng(0).standard_normal((2, 3000))
    span = EventSpan(noise[0], noise[1] + 3 * np.sin(20 * np.pi * t), 50.0, 60.0, ((1, 3), (9, 11)))
    narrow = dataclasses.replace(span, bands_hz=((1, 3),))
    assert snr_db(span) > 15
    assert abs(snr_db(narrow)) < 2


def test_features_are_those_of_the_true_limits(archive, plan):
    """Centroids follow the planted frequencies, durations are exact, the window is the event."""
    events = planted_archive()[1]
    X = event_features(archive, events, plan, names=NAMES)
    assert len(X) == len(events)
    np.testing.assert_allclose(X["duration"], events["label"].map(LENGTH_S), atol=1e-3)
    centroid = X["f_centroid.Z"].groupby(events["label"]).median()
    assert abs(centroid["VT"] - 10) < 2
    assert abs(centroid["LP"] - 1.5) < 1
    assert abs(centroid["TR"] - 3) < 1
    assert (X["snr_db"] > 8).all()
    # Features of events alone need none of windows beside them.
    alone = event_features(archive, events.head(3), plan, names=("duration", "snr_db"))
    pd.testing.assert_frame_equal(alone, X[["duration", "snr_db"]].head(3))
    again = event_features(archive, events.iloc[5:6], plan, names=NAMES)
    pd.testing.assert_frame_equal(again, X.iloc[5:6])


def test_time_base_and_gain_do_not_matter(tmp_path, plan):
    """A record that is moved by a fraction of a sample, or amplified, gives the same event."""
    import obspy

    folder, events = planted_archive()
    stream = obspy.read(str(folder / "A.mseed"))
    events = events[events["station"] == "XX.A"].head(3)
    X = event_features(open_archive(str(folder)), events, plan, names=NAMES)
    shift_ns = round(0.35 / RATE_HZ * 1e9)
    stream[0].stats.starttime = obspy.UTCDateTime(ns=stream[0].stats.starttime.ns + shift_ns)
    stream[0].data = stream[0].data * 8
    stream.write(str(tmp_path / "A.mseed"), format="MSEED")
    moved = events.assign(time_ns=events["time_ns"] + shift_ns, end_ns=events["end_ns"] + shift_ns)
    Y = event_features(open_archive(str(tmp_path)), moved, plan, names=NAMES)
    same = [name for name in X if "log_energy" not in name]
    np.testing.assert_allclose(Y[same], X[same], rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("rate_hz", [6.625, 53.0])
def test_events_at_rates_that_are_no_whole_nanoseconds_have_features(tmp_path, rate_hz):
    """Apollo: of an event of any length all is known, as at 20 samples a second."""
    n = round(7200 * rate_hz)
    t = np.arange(n) / rate_hz
    x = np.random.default_rng(1).standard_normal(n) * (1 + 9 * ((t > 3000) & (t < 3463.0123)))
    header = {"network": "XA", "station": "S12", "channel": "MHZ", "sampling_rate": rate_hz}
    header["starttime"] = obspy.UTCDateTime("1971-04-08")
    trace = obspy.Trace((100 * x).astype(np.int32), header)
    trace.write(str(tmp_path / "a.mseed"), format="MSEED")
    start_ns = header["starttime"].ns + 3000 * NS_PER_S
    row = {"event_id": "e", "event": "e", "station": "XA.S12..MH", "time_ns": start_ns}
    rows = [{**row, "end_ns": start_ns + round(s * NS_PER_S)} for s in (463.0123, 61.7, 1801.1)]
    names = ("duration", "snr_db", "kurtosis", "rate_of_attack")
    plan = plan_of(load_profile("moon-apollo"))
    found = event_features(open_archive(str(tmp_path)), pd.DataFrame(rows), plan, names=names)
    assert np.isfinite(found.dropna(axis=1, how="all").to_numpy(float)).all()
    duration_s = found.filter(like="duration").iloc[:, 0]
    assert duration_s.to_numpy() == pytest.approx([463.0123, 61.7, 1801.1])
    assert found.filter(like="snr_db").iloc[0, 0] == pytest.approx(20.0, abs=5.0)


def test_planted_classes_are_learnt(training):
    """Three planted classes are told apart on events not seen; the dummy is at chance or below."""
    scores = training.evaluation.scores.set_index("model")
    assert scores.loc["random_forest", "balanced_accuracy"] > 0.95
    assert scores.loc["dummy", "balanced_accuracy"] < 0.4
    levels = training.levels.set_index("level")
    assert levels.loc["types of events", "balanced_accuracy"] > 0.95
    assert "families at stations" in levels.index
    assert training.classifier.families == {"VT": "brittle", "LP": "fluid", "TR": "fluid"}


def test_an_event_is_never_on_both_sides(training):
    """Rows of one event at two stations are in one fold."""
    samples, fold = training.evaluation.samples, training.evaluation.fold
    assert len(set(zip(samples.block, fold, strict=True))) == len(set(samples.block)) == 30


def test_types_families_and_unknown(training, archive, plan, tmp_path):
    """What is not sure is a family; what is not even that, unknown; nothing gets lost."""
    events = make_catalog(planted_archive()[1].assign(label=""))
    path = save_classifier(training.classifier, tmp_path / "c.skops")
    classifier = load_classifier(path)
    named = classify_events(events, archive, classifier, plan).events
    truth = planted_archive()[1].set_index("event_id")["label"]
    right = named["label"].to_numpy() == truth.loc[named["event_id"]].to_numpy()
    assert right.mean() > 0.95
    assert named[[f"P({name})" for name in ("LP", "TR", "VT")]].sum(axis=1).round(4).eq(1).all()
    # As frequent as is said: one class of the training more, and that of the events themselves.
    card = {**classifier.card, "n_rows": {"LP": 98, "TR": 1, "VT": 1}}
    rare = dataclasses.replace(classifier, card=card)
    often = classify_events(events, archive, rare, plan, priors="training").events
    assert (often["P(LP)"] >= named["P(LP)"] - 1e-6).all()
    assert often["P(LP)"].mean() > named["P(LP)"].mean()
    found = classify_events(events, archive, classifier, plan, priors="estimate").events
    assert found["P(VT)"].mean() == pytest.approx(1 / 3, abs=0.05)
    with pytest.raises(ModelError, match=r"(?s)no priors 'ballanced'.*balanced"):
        classify_events(events, archive, classifier, plan, priors="ballanced")
    strict = classify_events(events, archive, classifier, plan, min_probability=1.1).events
    assert (strict["label"] == UNKNOWN).all()
    assert len(strict) == len(truth)
    lost = make_catalog([{"time_ns": 0, "end_ns": 10**9, "station": "XX.A", "event_id": "lost"}])
    both = dataclasses.replace(
        events, events=pd.concat([events.events.head(2), lost.events], ignore_index=True)
    )
    last = classify_events(both, archive, classifier, plan).events.iloc[-1]
    assert last["label"] == UNKNOWN
    assert np.isnan(last["class_probability"])


def test_what_cannot_be_done_is_said(archive, plan, training, tmp_path):
    """No ends, one class, another file: each says what is wrong."""
    events = planted_archive()[1]
    with pytest.raises(NoDataError, match="No event has an end"):
        event_features(archive, make_catalog([{"time_ns": 5, "station": "XX.A"}]).events, plan)
    with pytest.raises(TableError, match="1 class"):
        train_classes(archive, events.assign(label="VT"), plan, names=NAMES, rule=RULE)
    few = events[events["event"] < "e003"]
    with pytest.raises((TableError, ModelError)):
        train_classes(archive, few, plan, names=NAMES, rule=RULE)
    (tmp_path / "x.skops").write_text("no model")
    with pytest.raises(ModelError, match="no seisml model"):
        load_classifier(tmp_path / "x.skops")
    with pytest.raises(ModelError, match="no event classifier"):
        load_classifier(tmp_path / "y.skops")


def test_a_class_of_one_event_is_left_out_and_told(archive, plan):
    """At six stations it has rows enough, and still nothing to be tested on."""
    events = planted_archive()[1]
    one = events["event"].isin([f"e{k:03d}" for k in range(6)])
    odd = events.assign(
        label=events["label"].where(~one, "EX"), event=events["event"].where(~one, "lone")
    )
    rule = dataclasses.replace(RULE, n_folds=2, n_boot=20)
    found = train_classes(archive, odd, plan, names=NAMES, rule=rule)
    assert "EX" not in found.classifier.classes
    assert found.classifier.card["left_out"]["the class EX has one event"] == 12
    notes = found.evaluation.samples.notes
    assert "the class EX has one event: it cannot be learnt and tested" in notes


def test_records_of_another_rate_are_told(archive, plan, training, tmp_path):
    """Slower ones lack features, faster ones have bands that nothing was learnt of."""
    events = make_catalog(planted_archive()[1])
    classifier, said = training.classifier, []
    options = {"on_message": said.append}
    classify_events(events, archive, classifier, plan, **options)
    assert said == []
    for path in sorted(planted_archive()[0].glob("*.mseed")):
        stream = obspy.read(path)
        stream.decimate(4)
        stream.write(str(tmp_path / path.name), format="MSEED", encoding="FLOAT64")
    slow = classify_events(events, open_archive(str(tmp_path)), classifier, plan, **options)
    assert len(slow) == len(events)
    assert [text.split(" features have")[0] for text in said] == ["3 of 10"]
    assert "band_log_energy" in said.pop()
    high = [name for name in classifier.columns if name.startswith("band_log_energy")][-1]
    few = tuple(name for name in classifier.columns if name != high)
    chance = DummyClassifier().fit(np.zeros((3, len(few))), ["LP", "TR", "VT"])
    narrow = dataclasses.replace(classifier, columns=few, estimator=chance)
    classify_events(events, archive, narrow, plan, **options)
    assert [text.split(" than")[0] for text in said] == ["these records are sampled faster"]


def test_detections_get_the_experts_labels():
    """Matched detections keep their own limits and get label and event of the expert."""
    expert = make_catalog(planted_archive()[1])
    shifted = planted_archive()[1].assign(label="event", event_id=lambda t: "m" + t["event_id"])
    machine = make_catalog(shifted.assign(time_ns=shifted["time_ns"] + 10**9))
    found = labelled_detections(compare(machine, expert, tolerance_s=2.0, by_station=True))
    assert len(found) == 60
    assert set(found["label"]) == set(LENGTH_S)
    assert found["event"].nunique() == 30
    assert set(found["time_ns"]) == set(machine.events["time_ns"])


def test_verbs_train_and_classify(tmp_path):
    """From two CSV files to a classifier, its page and named events."""
    folder, events = planted_archive()
    write_catalog(make_catalog(events.drop(columns="event")), tmp_path / "expert.csv")
    unnamed = events.drop(columns="event").assign(label="event")
    write_catalog(make_catalog(unnamed), tmp_path / "found.csv")
    model = tmp_path / "classes.skops"
    command = ["train-classes", str(tmp_path / "found.csv"), "--catalog"]
    command += [str(tmp_path / "expert.csv"), "--archive", str(folder), "--taxonomy", "volcano"]
    command += ["-p", "volcano", "--features", ",".join(NAMES), "--repeats", "1"]
    command += ["--models", "dummy,random_forest", "-o", str(model)]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    page = (tmp_path / "classes.evaluation/evaluation.html").read_text()
    assert "Types and families" in page
    card = load_classifier(model).card
    assert card["taxonomy"] == "volcano"
    assert card["versions"]["scikit-learn"]
    assert json.loads((tmp_path / "classes.evaluation/evaluation.json").read_text())["best"]
    command = ["classify", str(tmp_path / "found.csv"), "--archive", str(folder), "-m", str(model)]
    done = CliRunner().invoke(app, [*command, "-o", str(tmp_path / "named.csv")])
    assert done.exit_code == 0, done.output
    named = read_catalog(tmp_path / "named.csv").events
    assert set(named["label"]) <= {"VT", "LP", "TR", "fluid", UNKNOWN}
    assert len(named) == 60


@pytest.mark.real
def test_chilean_volcanoes(shared_data, plan):
    """Few events of real volcanoes: better than chance, intervals wide, rare classes told."""
    folder = shared_data / "earth_chile_volcano"
    archive, rows = open_archive(str(folder / "waveforms")), []
    for row in pd.read_csv(folder / "labels.csv").itertuples():
        mine = archive.pieces[archive.pieces["path"].str.endswith(row.file)]
        start_ns = pd.Timestamp(row.start).value
        limits = (start_ns + round(s * 1e9) for s in (row.event_on_s, row.event_off_s))
        where = dict(zip(("time_ns", "end_ns"), limits, strict=True))
        rows += [
            {"station": station, "label": row.event_class, "event": row.file, **where}
            for station in mine["station"].unique()
        ]
    rule = EvaluationRule(models=("random_forest",), n_repeats=0, n_boot=300, n_folds=4)
    found = train_classes(archive, pd.DataFrame(rows), plan, names=NAMES, rule=rule)
    levels = found.levels.set_index("level").loc["types at stations"]
    assert levels["balanced_accuracy"] > 0.5
    assert levels["balanced_accuracy_high"] - levels["balanced_accuracy_low"] > 0.2
    assert "class AV has fewer than 10 rows" in found.evaluation.samples.dropped
