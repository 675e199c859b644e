"""Training: several sets at once, each with its own expert, tested on what was held out."""

import dataclasses
import re

import h5py
import numpy as np
import pandas as pd
import pytest
from training_data import (
    COLUMNS,
    DAY0,
    DETECTION,
    MATCHING,
    catalog_of,
    event_times,
    make_store,
    training_set,
)
from typer.testing import CliRunner

from seisml import crossfit, thresholds
from seisml.catalog import make_catalog
from seisml.cli import app
from seisml.detect import detect
from seisml.errors import ConfigError, FeatureMismatchError, ModelError
from seisml.folds import short_of_blocks
from seisml.formats import read_catalog, write_catalog
from seisml.labelcounts import label_counts
from seisml.labels import EVENT, IGNORE, NOISE, LabelRule
from seisml.marstime import sol_of
from seisml.metrics import metrics
from seisml.model import Novelty, adapted, event_probability, load_detector, save_detector
from seisml.store import iter_tables, read_table
from seisml.thresholds import MatchRule
from seisml.times import DAY_NS
from seisml.training import train
from seisml.trainingcard import notes, rate_seen
from seisml.trainingrule import TrainingRule
from seisml.trainingset import label_sets

QUICK = TrainingRule(model="logistic", n_folds=4)


@pytest.fixture(scope="session")
def two_networks(tmp_path_factory):
    """Two networks at one time, with other events, components and station names."""
    folder = tmp_path_factory.mktemp("networks")
    a, b = event_times(4, 8, 1), event_times(4, 8, 2)
    make_store(folder / "a", a, seed=1)
    other = ("stalta_short_max.U", "kurtosis.Z", "useless.Z")
    make_store(folder / "b", b, stations=("YY.B.00.EH",), seed=2, columns=other)
    return (
        training_set(folder / "a", a, name="first"),
        training_set(folder / "b", b, stations=("YY.B",), name="second"),
    )


def run(sets, rule=QUICK, **options):
    """Train with the settings of the tests."""
    return train(sets, rule=rule, detection=DETECTION, matching=MATCHING, **options)


@pytest.fixture(scope="session")
def both(two_networks):
    """One model of the two."""
    return run(two_networks)


def test_two_networks_are_learnt_at_once(both, two_networks):
    """All planted events are found, at their own stations, by models that did not see them."""
    assert both.detector.columns == (*COLUMNS, "stalta_short_max.U")
    assert len(both.test.expert) == sum(len(one.signals) for one in two_networks)
    assert metrics(both.test)["f1"] > 0.9
    assert set(both.machine.events["station"]) == {"XX.A", "YY.B"}
    sets = both.detector.card["sets"]
    assert [one["name"] for one in sets] == ["first", "second"]
    assert [one["stations"] for one in sets] == [["XX.A.00.HH"], ["YY.B.00.EH"]]
    assert both.detector.card["n_events"] == sum(one["n_events"] for one in sets)


def test_a_set_that_is_not_judged_only_helps_to_learn(both, two_networks):
    """Held-out figures are those of the other set; the model is that of both."""
    helped = run([two_networks[0], dataclasses.replace(two_networks[1], judged=False)])
    test, mine = helped.test, both.test.expert["station"] == "XX.A"
    assert set(test.expert["station"]) == {"XX.A"}
    assert len(test.expert) == mine.sum() == len(two_networks[0].signals)
    assert len(test.matched) == (both.test.matched["station"] == "XX.A").sum()
    assert len(test.unmatched) == (both.test.unmatched["station"] == "XX.A").sum()
    assert set(helped.baseline.expert["station"]) == {"XX.A"}
    assert helped.detector.columns == both.detector.columns
    pd.testing.assert_series_equal(helped.windows["score"], both.windows["score"])


def test_an_expert_says_nothing_of_another_network(both, two_networks):
    """Windows of a network are events only by its own catalogue."""
    for number, one in enumerate(two_networks):
        mine = both.windows[both.windows["set"] == number]
        events = mine.loc[mine["state"] == EVENT, "event_id"].astype(str)
        assert set(events) == {f"{number}:{name}" for name in one.signals["event_id"]}


def test_sets_at_one_time_share_their_blocks(both):
    """Two networks may see one event: a day is in one fold at both."""
    days = both.windows["time_ns"] // (86_400 * 10**9)
    folds = both.windows.groupby(days)["fold"].agg(["min", "max"])
    assert (folds["min"] == folds["max"]).all()


def test_leaving_a_network_out(two_networks):
    """Split by set: each network is scored by a model of the other alone."""
    rule = dataclasses.replace(QUICK, split="set")
    labelled = crossfit.label(two_networks, rule)
    assert labelled.n_folds == 2
    kept = crossfit.rows_without(labelled, 0, rule)
    assert set(labelled.windows["set"].iloc[labelled.chosen[kept]]) == {1}
    with pytest.raises(ModelError, match=r"1 of 1 training sets hold event windows"):
        crossfit.label(two_networks[:1], rule)
    with pytest.raises(ConfigError, match="Did you mean 'station'"):
        TrainingRule(split="stations")


def test_a_station_in_two_sets_at_one_time_is_refused(two_networks):
    """Its windows would be learnt and tested under two sets of labels."""
    with pytest.raises(ModelError, match=r"XX\.A is in several training sets at the same time"):
        crossfit.label([two_networks[0], two_networks[0]], QUICK)


def test_sets_of_two_bodies_are_refused(two_networks, tmp_path):
    """A catalogue of another planet is told."""
    events = event_times(4, 8, 2)
    mars = training_set(tmp_path, events, expert=catalog_of(events, body="mars"))
    with pytest.raises(ModelError, match=r"different bodies: expert of earth, expert of mars"):
        run([two_networks[0], mars])
    with pytest.raises(ModelError, match="no training set"):
        run([])


def test_weight_of_a_set(two_networks):
    """A set of next to no weight is next to not learnt from; none and less are refused."""
    light = dataclasses.replace(two_networks[1], weight=1e-6)
    labelled = crossfit.label([two_networks[0], light], QUICK)
    weights = labelled.windows.groupby("set")["weight"].unique()
    assert [np.round(w, 9).tolist() for w in weights] == [[1.0], [pytest.approx(1e-6)]]
    alone = crossfit.fit(crossfit.label(two_networks[:1], QUICK), QUICK)
    with_it = crossfit.fit(labelled, QUICK)
    X = labelled.X[:50].copy()
    X[:, 3:] = np.nan
    known = alone.predict_proba(X[:, :3])[:, 0]
    np.testing.assert_allclose(with_it.predict_proba(X)[:, 0], known, atol=0.1)
    with pytest.raises(ModelError, match="weight of the training set 'first' is 0"):
        dataclasses.replace(two_networks[0], weight=0.0)


def test_stores_of_other_settings_are_refused(two_networks, tmp_path):
    """One plan for all sets."""
    events = event_times(4, 8, 3, day0=DAY0 + 9)
    other = make_store(tmp_path, events, day0=DAY0 + 9, fingerprint="g")
    with pytest.raises(ModelError, match=r"different settings \(f and g\)"):
        crossfit.label([two_networks[0], training_set(other, events)], QUICK)


@pytest.fixture(scope="session")
def one(tmp_path_factory):
    """One network of weak events, some of which are missed."""
    folder = tmp_path_factory.mktemp("one")
    events = event_times(5, 10, 7)
    make_store(folder, events, n_days=5, per_day=10, seed=7, strength=3.5)
    return training_set(folder, events)


@pytest.fixture(scope="session")
def plain(one):
    """A model of it with the default choices."""
    return run([one])


def test_the_card_says_it_all(plain):
    """Data, split, metrics with intervals, thresholds, calibration, seed."""
    card = plain.detector.card
    assert card["split"]["by"] == "blocks"
    assert card["n_windows"]["training"] > 1000
    assert card["test"]["seisml"]["f1"] == pytest.approx(metrics(plain.test)["f1"])
    low, high = card["test"]["seisml"]["f1_95"]
    assert low <= card["test"]["seisml"]["f1"] <= high
    assert card["test"]["baseline"]["f1"] <= 1
    assert card["threshold"]["chosen_for"] == "best F1 of events"
    scores = card["calibration"]["brier"]
    assert scores["calibrated"] < scores["as trained"]
    assert scores["calibrated"] < scores["share of events"]
    assert plain.detector.always == COLUMNS


def test_calibrated_scores(plain, one, tmp_path):
    """Detections are told with calibrated probabilities, also after a round trip."""
    save_detector(plain.detector, tmp_path / "m.skops")
    detector = load_detector(tmp_path / "m.skops")
    assert detector.calibration == plain.detector.calibration
    found = detect(iter_tables(one.stores[0]), detector)
    raw = dataclasses.replace(detector, calibration=type(detector.calibration)())
    peaks = detect(iter_tables(one.stores[0]), raw).events["score"]
    np.testing.assert_allclose(found.events["score"], detector.calibration(peaks))
    assert (np.abs(found.events["score"] - peaks) > 0.001).any()


@pytest.mark.parametrize(("balance", "weigh"), [("none", 1.0), ("balanced", 1.0), ("none", 9.0)])
def test_the_prior_undoes_what_training_did_to_the_shares(one, balance, weigh):
    """Part of the noise drawn, balanced classes, heavy events: each moves the odds as stated."""
    changes = {"calibration": "prior", "class_weight": balance, "noise_per_event": 4.0}
    rule = dataclasses.replace(QUICK, **changes)
    training = run([dataclasses.replace(one, signals=one.signals.assign(weight=weigh))], rule)
    state = training.windows["state"].to_numpy()
    n_event, n_noise = (state == EVENT).sum(), (state == NOISE).sum()
    drawn = training.detector.card["n_windows"]["training"] - n_event
    learnt_odds = 1.0 if balance == "balanced" else weigh * n_event / drawn
    wanted = np.log(n_event / n_noise) - np.log(learnt_odds)
    assert training.detector.calibration.shift == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("rate", [0.5, 5.0, 50.0])
def test_requested_false_alarms(one, rate):
    """The threshold is the lowest that keeps to the rate on the blocks it was chosen on."""
    labelled = crossfit.label([one], QUICK)
    scores = crossfit.out_of_fold(labelled, QUICK)["model"].to_numpy()
    options = {"detection": DETECTION, "matching": MATCHING}
    found = thresholds.choose_thresholds(labelled, scores, false_alarms_per_day=rate, **options)
    best = thresholds.choose_thresholds(labelled, scores, **options)
    assert (found.false_alarms_per_day <= rate).all()
    assert (found.f1 <= best.f1 + 1e-12).all()


def test_more_false_alarms_more_recall(one):
    """A higher rate of unmatched detections finds no fewer events; the card says the rate."""
    strict, loose = (
        run([one], dataclasses.replace(QUICK, false_alarms_per_day=rate)) for rate in (1.0, 100.0)
    )
    assert metrics(loose.test)["recall"] >= metrics(strict.test)["recall"]
    assert metrics(strict.test)["unmatched_per_day"] < metrics(loose.test)["unmatched_per_day"]
    assert strict.detector.card["threshold"]["chosen_for"] == "at most 1 unmatched in a station-day"
    asked = dataclasses.replace(QUICK, false_alarms_per_day=1.0)
    seen = metrics(loose.test)["unmatched_per_day"]
    assert "at most 1 unmatched in a station-day were asked for" in rate_seen(asked, loose.test)
    assert f"there are {seen:.3g} (95 %: " in rate_seen(asked, loose.test)
    assert rate_seen(dataclasses.replace(asked, false_alarms_per_day=2 * seen), loose.test) == ""
    assert rate_seen(QUICK, loose.test) == ""


def test_a_stated_threshold_is_not_chosen(one):
    """It holds for all folds, and what was measured was measured with it."""
    stated = run([one], dataclasses.replace(QUICK, threshold=0.3))
    card = stated.detector.card
    assert stated.detector.on == card["threshold"]["value"] == 0.3
    assert card["threshold"]["chosen_for"] == "stated before training"
    assert (stated.windows["limit"] == 0.3).all()
    labelled = crossfit.label([one], QUICK)
    event = (labelled.windows["state"] == EVENT).to_numpy()
    sure = np.where(event, 0.9, np.nan)  # without noise no levels could be tried
    options = {"detection": DETECTION, "matching": MATCHING, "stated": 0.3}
    assert (thresholds.choose_thresholds(labelled, sure, **options).value == 0.3).all()
    with pytest.raises(ConfigError, match="both given"):
        dataclasses.replace(QUICK, threshold=0.3, false_alarms_per_day=1.0)
    with pytest.raises(ConfigError, match=r"threshold = 1\.5 is no share"):
        dataclasses.replace(QUICK, threshold=1.5)


@pytest.mark.parametrize(
    ("rate", "message"),
    [
        (1 / 365, r"station-days cannot resolve 0\.00274 unmatched.*one in all of them is 1\.92"),
        (5.0, ""),
        (0.0, ""),
    ],
)
def test_a_rate_that_little_data_cannot_show(one, rate, message):
    """Half a day tells nothing of one false alarm a year: the run and the card say so."""
    said = []
    rule = dataclasses.replace(QUICK, false_alarms_per_day=rate)
    detector = train(
        [one], rule=rule, detection=DETECTION, matching=MATCHING, on_progress=said.append
    ).detector
    threshold = detector.card["threshold"]
    assert threshold["station_days_it_was_chosen_on"] == pytest.approx(12.5 / 24, rel=0.01)
    notes = [text for text in said if "station-days cannot resolve" in text]
    assert len(notes) == bool(message)
    if message:
        assert re.search(message, notes[0])
        assert threshold["note"] in notes[0]
        assert "fewer than 5.76 (95 %)" in notes[0]


def test_a_rate_that_cannot_be_reached():
    """Where even the highest threshold has more unmatched than allowed, that is told."""
    found = thresholds.Thresholds(*np.array([[0.9], [0.5], [4.0], [10.0]]))
    assert found.doubt(2.0) == "The highest threshold that still finds an event has 4"
    assert found.doubt(0.05).startswith("10 station-days cannot resolve 0.05")
    assert found.doubt(0.05).endswith("show. The highest threshold that still finds an event has 4")
    assert found.doubt(5.0) == ""


def test_threshold_of_a_fold_does_not_know_the_fold(one):
    """Changing the scores of a fold changes every threshold but its own."""
    labelled = crossfit.label([one], QUICK)
    scores = crossfit.out_of_fold(labelled, QUICK)["model"].to_numpy()
    options = {"detection": DETECTION, "matching": MATCHING}
    # The candidates are quantiles of all scores: a few values are exchanged, not their levels.
    mine = np.flatnonzero(labelled.windows["fold"].to_numpy() == 1)
    other = scores.copy()
    other[mine] = np.random.default_rng(0).permutation(scores[mine])
    a, b = (thresholds.choose_thresholds(labelled, s, **options) for s in (scores, other))
    assert a.f1[1] == pytest.approx(b.f1[1], abs=0.02)
    assert (a.f1[[0, 2, 3]] - b.f1[[0, 2, 3]] > 0.05).all()


def test_search_over_settings(one):
    """Settings are chosen by events on the other folds; the card says what was tried."""
    rule = dataclasses.replace(QUICK, search={"C": [1e-9, 0.1]})
    training = run([one], rule)
    tried = training.detector.card["searched"]
    assert [row["C"] for row in tried] == [1e-9, 0.1]
    assert training.detector.card["settings"] == {"C": max(tried, key=lambda row: row["f1"])["C"]}
    with pytest.raises(ConfigError, match="no list"):
        TrainingRule(search={"C": 1.0})


def test_scaled_by_station(two_networks):
    """Scaling by station is part of the model, in training and in its file."""
    training = run(two_networks, dataclasses.replace(QUICK, scale="station"))
    assert training.detector.estimator[0].stations_ == ["XX.A.00.HH", "YY.B.00.EH"]
    assert metrics(training.test)["f1"] > 0.9
    found = detect(iter_tables(two_networks[0].stores[0]), training.detector)
    assert len(found) == pytest.approx(len(two_networks[0].signals), abs=3)


def test_same_seed_same_card(one, plain):
    """Training again gives the same model and numbers."""
    again = run([one])
    assert again.detector.card == plain.detector.card
    assert again.detector.calibration == plain.detector.calibration
    np.testing.assert_array_equal(again.windows["score"], plain.windows["score"])


def test_noise_is_drawn_from_all_blocks(one):
    """Each block gives noise in proportion to its length."""
    rule = dataclasses.replace(QUICK, noise_per_event=5.0)
    labelled = crossfit.label([one], rule)
    chosen = labelled.windows.iloc[labelled.chosen]
    drawn = chosen[chosen["state"] == NOISE].groupby("block").size()
    there = labelled.windows[labelled.windows["state"] == NOISE].groupby("block").size()
    assert drawn.sum() < 0.2 * there.sum()
    (told,) = [text for text in notes(labelled, rule) if "noise_per_event" in text]
    assert f"and {drawn.sum()} of {there.sum()} of noise" in told
    np.testing.assert_allclose(drawn / drawn.sum(), there / there.sum(), atol=0.002)


def test_labels_of_other_days_score_at_chance(one):
    """Events at random times: what the model finds is found by chance."""
    events = event_times(5, 10, 99)
    training = run([training_set(one.stores[0], events)])
    numbers = metrics(training.test)
    assert numbers["recall"] <= numbers["chance_recall"] + 0.15
    assert numbers["f1"] < 0.3


# ------------------------------------------------------------------------------ classes


@pytest.fixture(scope="session")
def classes(tmp_path_factory):
    """Quakes and blasts, three events of a rare class, and glitches that look like events."""
    folder = tmp_path_factory.mktemp("classes")
    events = event_times(4, 10, 3)
    names = np.array(["quake", "blast", "glitch", "quake"] * 10, dtype=object)
    names[[3, 15, 27]] = "slide"
    events["label"] = names
    make_store(folder, events, per_day=10)
    return folder, events


def test_a_class_with_three_events(classes):
    """It is learnt as an event without a class, and the card says so."""
    folder, events = classes
    rule = dataclasses.replace(QUICK, one_class=False)
    training = run([training_set(folder, events)], rule)
    assert training.detector.card["classes_with_too_few_events"] == {"slide": 3}
    assert training.detector.classes == ("blast", "event", "glitch", "quake")


def test_non_seismic_classes(classes):
    """They are noise for detection, never hits or misses, and classes of their own."""
    folder, events = classes
    labels = LabelRule(rule="intervals", noise_labels=("glitch",))
    one = training_set(folder, events, rule=labels)
    rule = dataclasses.replace(QUICK, one_class=False, model="hist_gradient_boosting")
    training = run([one], rule)
    assert "noise: glitch" in training.detector.estimator.classes_
    assert "noise: glitch" not in training.detector.classes
    assert len(training.test.expert) == (events["label"] != "glitch").sum()
    glitch = training.windows["y"] == "noise: glitch"
    assert glitch.any()
    assert (training.windows["state"][glitch] == NOISE).all()
    quake = training.windows["state"] == EVENT
    assert training.windows["probability"][glitch].mean() < 0.7
    assert training.windows["probability"][quake].mean() > 0.5


def test_probabilities_of_classes_are_frequencies(classes, tmp_path):
    """Learnt with balanced weights and a part of the noise; said as often as classes are."""
    folder, events = classes
    one = training_set(folder, events)
    options = {"one_class": False, "class_weight": "balanced", "calibration": "prior"}
    rule = dataclasses.replace(QUICK, noise_per_event=2.0, **options)
    detector = run([one], rule).detector
    trained = {name: pair[0] for name, pair in detector.priors.items()}
    assert sum(trained.values()) == pytest.approx(1)
    assert trained["blast"] == pytest.approx(trained["noise"])  # balanced
    table = read_table(one.stores[0])
    p = detector.class_probabilities(table)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    calibrated = detector.calibration(event_probability(detector.predict(table)))
    np.testing.assert_allclose(1 - p["noise"], calibrated, atol=1e-6)
    # Blasts and quakes look alike here: their shares are those of the records.
    quake, blast = (detector.priors[name][1] for name in ("quake", "blast"))
    high = calibrated > 0.5
    assert p["quake"][high].sum() / p["blast"][high].sum() == pytest.approx(quake / blast, rel=0.2)
    save_detector(detector, tmp_path / "m.skops")
    assert load_detector(tmp_path / "m.skops").priors == detector.priors


def test_classes_have_tolerances_of_their_own(classes):
    """Onsets of one class are late by 20 s: its own tolerance finds them, in all steps."""
    folder, events = classes
    late = events["label"] == "quake"
    moved = events.assign(time_ns=events["time_ns"] - np.where(late, 20 * 10**9, 0))
    one = training_set(folder, moved)
    rule = dataclasses.replace(QUICK, one_class=False)
    narrow, wide = (
        train([one], rule=rule, detection=DETECTION, matching=matching)
        for matching in (MatchRule(6.0), MatchRule(6.0, by_class={"quake": 30.0}))
    )

    def found(training, label):
        hits = training.test.expert["event_id"].isin(training.test.matched["expert_id"])
        return hits[training.test.expert["label"] == label].mean()

    assert found(narrow, "quake") < 0.3
    assert found(wide, "quake") > 0.7
    assert wide.detector.card["threshold"]["f1_it_was_chosen_with"] > (
        narrow.detector.card["threshold"]["f1_it_was_chosen_with"] + 0.1
    )
    with pytest.raises(ConfigError, match=r"(?s)class 'quakes'.*quake"):
        train(
            [one], rule=rule, detection=DETECTION, matching=MatchRule(6.0, by_class={"quakes": 9})
        )
    with pytest.raises(ConfigError, match="tolerance of quake is 'much'"):
        MatchRule(6.0, by_class={"quake": "much"})


def test_a_station_of_another_level_is_adapted_to(one, tmp_path):
    """Everything is 50 times as large and shifted: found as before, where the level is learnt."""
    detector = run([one], dataclasses.replace(QUICK, scale="station")).detector
    table = read_table(one.stores[0])
    index = table.frame.index.set_levels(["ZZ.NEW.00.HH"], level="station")
    other = dataclasses.replace(table, frame=(50 * table.frame + 7).set_axis(index))
    wanted = detect([table], detector).events
    lost = detect([other], detector).events
    new, counts = adapted(detector, [other])
    assert counts == {"ZZ.NEW.00.HH": len(table) / 2}  # of more than 20 000 every second
    found = detect([other], new).events
    hits = np.isin(found["time_ns"], wanted["time_ns"])
    assert abs(len(hits) - len(wanted)) <= 3
    assert hits.mean() > 0.9
    assert np.isin(lost["time_ns"], wanted["time_ns"]).mean() < 0.5 or len(lost) < len(wanted) / 2
    assert len(detect([table], new)) == len(wanted)  # what was known stays
    assert (found["adapted_windows"] == len(table) / 2).all()
    for suffix in (".csv", ".xml"):
        write_catalog(detect([other, table], new), tmp_path / f"found{suffix}")
        again = read_catalog(tmp_path / f"found{suffix}").events.groupby("station")
        learnt = again["adapted_windows"].unique().map(lambda some: some.tolist()).to_dict()
        assert learnt == {"XX.A": [0], "ZZ.NEW": [len(table) / 2]}
    assert "adapted_windows" not in lost
    few, counts = adapted(detector, [other.rows(np.arange(50))])
    assert counts == {"ZZ.NEW.00.HH": 0}
    assert few.estimator[0].stations_ == detector.estimator[0].stations_
    with pytest.raises(ModelError, match="nothing to adapt"):
        adapted(run([one]).detector, [other])


def test_unknown_events(one, plain):
    """Events unlike those of the training are found, and called unknown."""
    rule = dataclasses.replace(QUICK, novelty=0.01)
    detector = run([one], rule).detector
    assert isinstance(detector.novelty, Novelty)
    assert detector.card["novelty"] == 0.01
    known = detect(iter_tables(one.stores[0]), detector).events["label"]
    assert (known == "unknown").mean() < 0.2
    table = read_table(one.stores[0])
    strange = table.frame.assign(**{"useless.Z": 300 * table.frame["useless.Z"].abs()})
    found = detect([dataclasses.replace(table, frame=strange)], detector).events["label"]
    assert (found == "unknown").mean() > 0.9
    with pytest.raises(ConfigError, match="no share"):
        TrainingRule(novelty=1.5)


# ------------------------------------------------------------------------------ bad input


def test_labels_outside_the_records(one):
    """A catalogue of another year is told by its times and those of the records."""
    other = training_set(one.stores[0], event_times(5, 10, 7, day0=DAY0 + 800))
    with pytest.raises(ModelError, match=r"None of the 50 signals .* from 2015-12-31T.*2013-10"):
        crossfit.label([other], QUICK)


def test_three_events_at_all_are_told(one):
    """The run says that so few teach nothing; of five it says nothing."""
    for n, said in ((3, ["there are 3 events: too few"]), (5, [])):
        few = training_set(one.stores[0], event_times(5, 1, 7)[:n])
        labelled = crossfit.label([few], dataclasses.replace(QUICK, n_folds=2))
        found = [text[:27] for text in notes(labelled, QUICK) if "too few" in text]
        assert found == said


def test_labels_of_another_time_are_told_by_the_verb(one, tmp_path):
    """`seisml labels` counts, and says that not one event is in the time of the records."""
    later = make_catalog(event_times(2, 3, 1, day0=DAY0 + 800).assign(station="XX.A"))
    write_catalog(later, tmp_path / "later.csv")
    words = ["labels", str(one.stores[0]), "-c", str(tmp_path / "later.csv")]
    run = CliRunner().invoke(app, words)
    assert run.exit_code == 0, run.output
    assert "note: None of the 6 signals of the expert is in the time of the records" in run.stderr


def test_a_class_with_three_events_is_told(classes):
    """It is learnt as 'event'; the run and the card say so."""
    folder, events = classes
    one, said = training_set(folder, events), []
    rule = dataclasses.replace(QUICK, one_class=False)
    training = train(
        [one], rule=rule, detection=DETECTION, matching=MATCHING, on_progress=said.append
    )
    assert "note: slide has 3 events, 5 are needed: learnt as 'event'" in said
    assert training.detector.card["classes_with_too_few_events"] == {"slide": 3}
    assert "event" in training.detector.classes


def test_one_class_only(tmp_path):
    """Nothing but events, or nothing but noise, is told."""
    events = event_times(3, 8, 1)
    folder = make_store(tmp_path, events, n_days=3)
    whole = events.assign(time_ns=DAY0 * DAY_NS, end_ns=(DAY0 + 4) * DAY_NS)
    with pytest.raises(ModelError, match="0 of 3 blocks of time hold noise windows"):
        crossfit.label([training_set(folder, whole[:1])], QUICK)
    with pytest.raises(ModelError, match="1 of 3 blocks of time hold event windows"):
        crossfit.label([training_set(folder, events[:2])], QUICK)


def test_even_and_odd_sols(tmp_path):
    """Every sol of InSight is in one fold, the odd ones in the second; models know the other."""
    day0 = 18_000
    events = event_times(7, 8, 5, day0=day0)
    store = make_store(tmp_path / "sols", events, n_days=7, day0=day0)
    # Days of the store are no sols: one in the middle of a day is in two of them.
    rule = dataclasses.replace(QUICK, split="even-odd-sols")
    labelled = crossfit.label([training_set(store, events)], rule)
    sol = sol_of(labelled.windows["time_ns"].to_numpy())[0]
    fold = labelled.windows["fold"].to_numpy()
    assert len(np.unique(sol)) >= 6
    assert (fold == sol % 2).all()
    for k in (0, 1):
        learnt = labelled.chosen[crossfit.rows_without(labelled, k, rule)]
        assert len(learnt) > 100
        assert (sol[learnt] % 2 == 1 - k).all()
    scores = crossfit.out_of_fold(labelled, rule)["model"].to_numpy()
    state = labelled.windows["state"].to_numpy()
    assert np.median(scores[state == EVENT]) > 0.9
    assert np.isfinite(scores).all()


def test_fewer_blocks_than_folds(one):
    """As many folds as there are blocks, and the card says so."""
    labelled = crossfit.label([one], dataclasses.replace(QUICK, n_folds=40))
    assert labelled.n_folds == 5
    rule = dataclasses.replace(QUICK, n_folds=40)
    assert short_of_blocks(labelled.windows, rule).startswith("there are 5 blocks of 1 day: as")
    rule = dataclasses.replace(QUICK, block_s=10 * 86_400.0)
    labelled = crossfit.label([one], rule)
    assert "in 1 of the blocks of 10 days: 5 parts" in short_of_blocks(labelled.windows, rule)
    assert short_of_blocks(crossfit.label([one], QUICK).windows, QUICK) == ""


@pytest.mark.parametrize("model", ["logistic", "hist_gradient_boosting"])
def test_columns_without_values(tmp_path, model):
    """A column of NaN is no obstacle, and stands in the card."""
    events = event_times(3, 8, 1)
    folder = make_store(tmp_path, events, n_days=3, columns=(*COLUMNS[:2], "empty.Z", "useless.Z"))
    for path in folder.glob("*/*.h5"):
        with h5py.File(path, "r+") as file:
            file["X"][:, 2] = np.nan
    rule, said = dataclasses.replace(QUICK, model=model), []
    training = run([training_set(folder, events)], rule, on_progress=said.append)
    assert any("1 of 4 columns have no value in any window" in text for text in said)
    assert training.detector.card["columns_without_values"] == ["empty.Z"]
    assert "empty.Z" not in training.detector.always
    assert metrics(training.test)["f1"] > 0.8


def test_records_of_another_rate(one, plain):
    """A band above the new Nyquist frequency is empty throughout: refused, with the reason."""
    table = read_table(one.stores[0])
    slow = table.frame.assign(**{"kurtosis.Z": np.nan})
    with pytest.raises(FeatureMismatchError, match=r"no value of kurtosis\.Z in any of .*rate"):
        detect([dataclasses.replace(table, frame=slow)], plain.detector)
    other = table.frame.rename(columns=lambda name: name.replace(".Z", ".U"))
    with pytest.raises(FeatureMismatchError, match="components Z, the table U"):
        detect([dataclasses.replace(table, frame=other)], plain.detector)
    few = dataclasses.replace(table, frame=slow).rows(np.arange(5))
    assert len(detect([few], plain.detector)) == 0  # five windows prove nothing


def test_misspelt_choices():
    """Each gets a suggestion."""
    for name, value, better in (
        ("split", "block", "blocks"),
        ("calibration", "isotonc", "isotonic"),
        ("class_weight", "balance", "balanced"),
        ("scale", "statoin", "station"),
    ):
        with pytest.raises(ConfigError, match=f"Did you mean '{better}'"):
            TrainingRule(**{name: value})
    with pytest.raises(ConfigError, match="no rate"):
        TrainingRule(false_alarms_per_day=-1)


# ------------------------------------------------------------------------------ counts


def test_counts_of_labels(one):
    """States, classes and reasons add up to all windows; every signal has a fate."""
    events = one.expert.events[["time_ns", "end_ns"]].copy()
    events.loc[len(events)] = events.iloc[-1] + 90 * DAY_NS
    more = training_set(one.stores[0], events)
    windows, about = label_sets([more])
    counts = label_counts(windows, more, about.grid)
    states = counts["states"].set_index("state")["windows"]
    assert states.sum() == len(windows)
    assert (
        counts["ignored"]["windows"].sum() == states["ignore"] == (windows["state"] == IGNORE).sum()
    )
    assert set(counts["ignored"]["reason"]) == {"margin", "coda"}
    assert counts["classes"].set_index("class")["events"].to_dict() == {"event": 50, "noise": 0}
    fates = counts["signals"].set_index("fate")["n"].to_dict()
    assert fates == {"event windows": 50, "outside the records": 1}


def test_what_follows_an_onset_is_no_class(classes):
    """Noise after an onset is plain noise; the expert's non-seismic classes keep their names."""
    folder, events = classes
    labels = LabelRule(rule="intervals", onset_s=2.0, ignore_after_s=0.0, noise_labels=("glitch",))
    one = training_set(folder, events, rule=labels)
    windows, about = label_sets([one])
    assert set(windows["y"][windows["state"] == NOISE]) == {"noise", "noise: glitch"}
    after = (windows["state"] == NOISE) & (windows["y"] == "noise") & (windows["event_id"] != "")
    assert after.sum() > 40
    counts = label_counts(windows, one, about.grid)
    n_events = counts["classes"].set_index("class")["events"].to_dict()
    of_class = events["label"].value_counts().to_dict()
    assert n_events == {"noise": 0, "noise: glitch": of_class.pop("glitch"), **of_class}
    assert counts["states"].set_index("state")["events"]["noise"] == 10
    later = events.assign(
        time_ns=events["time_ns"] + 90 * DAY_NS, end_ns=events["end_ns"] + 90 * DAY_NS
    )
    both = training_set(folder, pd.concat([events, later], ignore_index=True), rule=labels)
    windows, about = label_sets([both])
    fates = dict(label_counts(windows, both, about.grid)["signals"].to_numpy())
    assert fates == {"event windows": 30, "non-seismic class": 10, "outside the records": 40}


def test_what_the_expert_does_not_say_is_neither_right_nor_wrong(tmp_path):
    """Half of the events are of an unsure class, or where he did not look: no false alarms."""
    events = event_times(4, 8, 1)
    folder = make_store(tmp_path, events)
    events["label"] = np.where(np.arange(len(events)) % 2, "quake", "odd")
    labels = LabelRule(rule="intervals", unsure_labels=("odd",))
    unsure = training_set(folder, events, rule=labels)
    spans = events[["time_ns", "end_ns"]].to_numpy()[1::2] + np.array([-120, 120]) * 10**9
    known = events[1::2].reset_index(drop=True)
    apart = training_set(folder, known, looked_at={"XX.A": spans})
    for one in (unsure, apart):
        training = run([one])
        numbers = metrics(training.test)
        assert numbers["recall"] > 0.9
        assert numbers["precision"] > 0.9
        assert training.detector.card["threshold"]["f1_it_was_chosen_with"] > 0.9
        assert len(training.test.expert) == 16
    windows, about = label_sets([training_set(folder, events, looked_at={"XX.A": spans})])
    fates = label_counts(windows, training_set(folder, events), about.grid)["signals"]
    assert dict(fates.to_numpy()) == {"event windows": 16, "outside the expert's time": 16}
    days = training.detector.card["threshold"]["station_days_it_was_chosen_on"]
    looked = np.diff(spans)[:, 0].sum() / DAY_NS
    assert 0.9 * looked < days <= looked
    assert training.test.usable_s <= looked * 86_400


def test_windows_in_gaps_are_told_apart(tmp_path):
    """Too few samples is another reason than features that are not settled yet."""
    events = event_times(3, 8, 1)
    folder = make_store(tmp_path, events, n_days=3)
    first = min(folder.glob("*/*.h5"))
    with h5py.File(first, "r+") as file:
        file["X"][:30] = np.nan
        file["coverage"][:10] = 0.4
    one = training_set(folder, events)
    windows, about = label_sets([one])
    ignored = label_counts(windows, one, about.grid)["ignored"].set_index("reason")["windows"]
    assert ignored["low coverage"] == 10
    assert ignored["no features"] == 20
