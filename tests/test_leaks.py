"""What is tested was not learnt: each of these fails where the code looks at what it tests on."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score
from training_data import DETECTION, GRID, MATCHING, event_times, make_store, training_set

from seisml import crossfit, searching, thresholds
from seisml.baseline import BASELINE
from seisml.labels import EVENT
from seisml.times import NS_PER_S
from seisml.training import tuned_baseline
from seisml.trainingrule import TrainingRule
from seisml.transfer import OTHERS, group_importance, station_matrix

RULE = TrainingRule(model="logistic", n_folds=3, block_s=900.0)
CHOOSE = {"detection": DETECTION, "matching": MATCHING}
SAY = "".join


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """Two stations, six blocks of a quarter of an hour; an event lies on each joint of blocks."""
    events = event_times(1, 6, 1)
    day = events["time_ns"].min() // (86_400 * NS_PER_S) * 86_400 * NS_PER_S
    joints = day + np.arange(1, 6) * 900 * NS_PER_S
    over = pd.DataFrame({"time_ns": joints - 6 * NS_PER_S, "end_ns": joints + 6 * NS_PER_S})
    events = pd.concat([events, over], ignore_index=True)
    stations = ("XX.A.00.HH", "XX.B.00.HH")
    folder = tmp_path_factory.mktemp("leaks") / "s"
    make_store(folder, events, stations=stations, n_days=1, per_day=6)
    return training_set(folder, events, stations=("XX.A", "XX.B"))


@pytest.fixture(scope="module")
def labelled(one):
    return crossfit.label([one], RULE)


@settings(max_examples=15, deadline=None)
@given(
    purge_s=st.floats(0, 120),
    embargo_s=st.floats(0, 300),
    split=st.sampled_from(["blocks", "even_odd"]),
)
def test_rows_for_training_keep_their_distance(one, purge_s, embargo_s, split):
    """At no station a window within purge or embargo of a tested one, and none of its events."""
    rule = dataclasses.replace(RULE, purge_s=purge_s, embargo_s=embargo_s, split=split)
    rule = dataclasses.replace(rule, noise_per_event=1e6)
    labelled = crossfit.label([one], rule)
    windows = labelled.windows
    straddling = 0
    for k in range(labelled.n_folds):
        rows = labelled.chosen[crossfit.rows_without(labelled, k, rule)]
        test = (windows["fold"] == k).to_numpy()
        assert not test[rows].any()
        tested = np.sort(windows["time_ns"].to_numpy()[test])
        known = windows["time_ns"].to_numpy()[rows]
        at = np.searchsorted(tested, known)
        ahead = np.append(tested, 2**62)[at] - known
        behind = known - np.insert(tested, 0, -(2**62))[at]
        length_ns = GRID.length_ns
        assert ahead.min() >= round(purge_s * NS_PER_S) + length_ns
        assert behind.min() >= round(max(purge_s, embargo_s) * NS_PER_S) + length_ns
        named = set(windows["event_id"][test]) - {""}
        assert not named & set(windows["event_id"].iloc[rows])
        straddling += len(named & set(windows["event_id"][~test]))
    assert straddling  # there are events on both sides of a joint to be kept apart


def test_longer_windows_share_no_sample(tmp_path):
    """Features of 200 s about the middle of each window: none of a tested one is learnt."""
    events = event_times(1, 6, 1)
    longer = {"settings": {"min_coverage": 0.8, "lengths_s": [200.0, 20.0]}}
    make_store(tmp_path / "s", events, n_days=1, per_day=6, settings=longer)
    rule = dataclasses.replace(RULE, purge_s=0.0, embargo_s=0.0)
    labelled = crossfit.label([training_set(tmp_path / "s", events)], rule)
    windows = labelled.windows
    for k in range(labelled.n_folds):
        known = windows["time_ns"].to_numpy()[
            labelled.chosen[crossfit.rows_without(labelled, k, rule)]
        ]
        tested = windows["time_ns"].to_numpy()[windows["fold"] == k]
        apart = np.abs(known[:, np.newaxis] - tested).min()
        assert 200 * NS_PER_S <= apart < 300 * NS_PER_S


def test_what_is_learnt_by_heart_is_no_score(one):
    """Labels at random: a neighbour knows every window it has seen, and no other."""
    events = event_times(1, 6, 77)
    other = training_set(one.stores[0], events, stations=("XX.A", "XX.B"))
    rule = dataclasses.replace(
        RULE, model="sklearn.neighbors:KNeighborsClassifier", settings={"n_neighbors": 1}
    )
    labelled = crossfit.label([other], rule)
    p = crossfit.out_of_fold(labelled, rule)["model"].to_numpy()[labelled.chosen]
    event = (labelled.windows["state"].to_numpy() == EVENT)[labelled.chosen]
    assert event.sum() > 50
    assert abs(roc_auc_score(event, p) - 0.5) < 0.1
    assert roc_auc_score(event, crossfit.fit(labelled, rule).predict_proba(labelled.X)[:, 0]) == 1


def test_stations_and_groups_by_heart_are_no_score(tmp_path):
    """The same where stations are left out, and where groups of features are permuted."""
    events, other = event_times(1, 6, 1), event_times(1, 6, 77)
    columns = ("stalta_short_max.Z", "kurtosis.Z", "crest.Z")
    stations = ("XX.A.00.HH", "XX.B.00.HH")
    make_store(tmp_path, events, stations=stations, n_days=1, per_day=6, columns=columns)
    rule = dataclasses.replace(
        RULE, model="sklearn.neighbors:KNeighborsClassifier", settings={"n_neighbors": 1}
    )
    labelled = crossfit.label([training_set(tmp_path, other, stations=("XX.A", "XX.B"))], rule)
    assert abs(station_matrix(labelled, rule).to_numpy() - 0.5).max() < 0.15
    assert group_importance(labelled, rule, n_repeats=1)["importance"].max() < 0.1


def test_a_station_that_is_left_out_is_not_learnt(tmp_path):
    """Events that are dips at one station only: who knows the others alone has them upside down."""
    events = event_times(1, 6, 1)
    for name, strength in (("XX.A.00.HH", 8.0), ("XX.B.00.HH", -8.0), ("XX.C.00.HH", 8.0)):
        options = {"n_days": 1, "per_day": 6, "strength": strength}
        make_store(tmp_path, events, stations=(name,), **options)
    rule = dataclasses.replace(RULE, model="hist_gradient_boosting", settings={"max_iter": 5})
    names = ("XX.A", "XX.B", "XX.C")
    labelled = crossfit.label([training_set(tmp_path, events, stations=names)], rule)
    found = station_matrix(labelled, rule)
    assert (np.diag(found) > 0.9).all()
    assert found.loc[OTHERS, "XX.B"] < 0.5 < 0.9 < found.loc[OTHERS, "XX.C"]


def scores_of(labelled, good) -> np.ndarray:
    """Return clear scores in some windows, and in the others as clear ones at the wrong times."""
    event = (labelled.windows["state"] == EVENT).to_numpy()
    right = np.where(event, 0.9, 0.1)
    return np.where(good, right, np.roll(right, 150))


def test_settings_of_a_fold_do_not_know_the_fold(labelled, monkeypatch):
    """Settings that fail on one fold only are taken for this fold, and not for the others."""
    fold = labelled.windows["fold"].to_numpy()
    rng = np.random.default_rng(0)
    sound = np.arange(len(fold)) % 400 < 200  # the other settings are right half of the time
    tables = {
        0.1: scores_of(labelled, fold != 0),
        1.0: scores_of(labelled, (fold == 0) | sound),
    }
    empty = dict.fromkeys(BASELINE, rng.random(len(fold)))

    def scored(labelled, rule, **_):
        return pd.DataFrame({"model": tables[rule.settings["C"]], **empty})

    monkeypatch.setattr(searching.crossfit, "out_of_fold", scored)
    rule = dataclasses.replace(RULE, search={"C": [0.1, 1.0]})
    found = searching.searched(labelled, rule, CHOOSE, SAY)
    np.testing.assert_array_equal(found.probability[fold == 0], tables[0.1][fold == 0])
    np.testing.assert_array_equal(found.probability[fold == 2], tables[1.0][fold == 2])


def test_thresholds_of_a_fold_do_not_know_the_fold(labelled):
    """Of STA/LTA, too: where one fold is three times as loud, the others say what is enough."""
    windows, fold = labelled.windows, labelled.windows["fold"].to_numpy()
    event = (windows["state"] == EVENT).to_numpy()
    ratio = np.where(event, 8.0, 1.0) * np.random.default_rng(0).uniform(0.9, 1.1, len(fold))
    ratio[fold == 0] *= 20
    scores = pd.DataFrame(dict.fromkeys(BASELINE, ratio))
    over, _ = tuned_baseline(labelled, scores, CHOOSE)
    limit = ratio / over
    assert np.ptp(limit[fold == 0]) < 1e-9
    assert limit[fold == 0].max() < 8
    assert limit[fold == 1].min() > 20
    chosen = thresholds.choose_thresholds(labelled, ratio, **CHOOSE)
    assert chosen.value[0] < 8 < 20 < chosen.value[1]
