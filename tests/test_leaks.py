"""What is tested was not learnt: each of these fails where the code looks at what it tests on."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from training_data import DETECTION, GRID, MATCHING, event_times, make_store, training_set

from seisml import crossfit, searching, thresholds
from seisml.baseline import BASELINE
from seisml.labels import EVENT
from seisml.times import NS_PER_S
from seisml.training import tuned_baseline
from seisml.trainingrule import TrainingRule

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


@settings(max_examples=25, deadline=None)
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
