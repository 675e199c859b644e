"""Folds, rows for training and thresholds, by hand: what a fold may know of the others."""

import dataclasses
import types

import numpy as np
import pandas as pd
import pytest
from training_data import training_set

from seisml import crossfit, heldout, searching, thresholds, training
from seisml.catalog import make_catalog
from seisml.crossfit import Labelled, class_priors, rows_without
from seisml.detections import FOLD
from seisml.folds import deal, draw
from seisml.labels import EVENT, IGNORE, NOISE, UNPLACED
from seisml.levels import levels_to_try
from seisml.model import always_known
from seisml.scoredlines import ScoredLine, count_spans, known_signals
from seisml.thresholds import MatchRule, best_level, choose_thresholds, mean_f1
from seisml.times import DAY_NS, NS_PER_S
from seisml.trainingrule import TrainingRule
from seisml.windows import WindowGrid

S = NS_PER_S
GRID = WindowGrid(4.0, 2.0)
DETECTION = {"off_ratio": 1.0, "merge_gap_s": 0.0}
RULE = TrainingRule(purge_s=10.0, embargo_s=30.0)


def labelled(state, fold, *, time_s=None, event_id=None, weight=1.0, chosen=None) -> Labelled:
    """Windows of one station, two seconds apart, whose events are the runs of event windows."""
    state, fold = np.asarray(state), np.asarray(fold)
    time_ns = (2 * np.arange(len(state)) if time_s is None else np.asarray(time_s)) * S
    first = np.flatnonzero((state == EVENT) & ~np.r_[False, state[:-1] == EVENT])
    run = np.searchsorted(first, np.arange(len(state)), "right") - 1
    ids = np.where(state == EVENT, np.char.add("e", run.astype(str)), "")
    windows = {"set": 0, "line": "0:XX.A", "station": "XX.A.00.HH", "time_ns": time_ns}
    windows |= {"state": state, "fold": fold, "block": fold, "weight": weight, "reason": 0}
    windows |= {"event_id": ids if event_id is None else event_id}
    windows = pd.DataFrame(windows).assign(y=np.where(state == EVENT, "event", "noise"))
    # What is new in the first window of an event is its last hop.
    start_ns = time_ns[first] + GRID.length_ns - GRID.hop_ns
    signals = pd.DataFrame({"station": "XX.A", "start_ns": start_ns, "end_ns": start_ns + 2 * S})
    one = types.SimpleNamespace(events=signals.assign(label=""), weight=1.0)
    rows = np.arange(len(state)) if chosen is None else chosen
    about = {"columns": ("a",), "grid": GRID, "fingerprint": "f", "settings": {}}
    return Labelled((one,), windows, rows, np.zeros((len(rows), 1)), embargo_s=30.0, **about)


# ------------------------------------------------------------------------ rows and folds


def test_rows_without_a_fold_keep_purge_embargo_and_events():
    """Of windows a second apart those near the tested ones go, and the rest of their event."""
    time_s = np.arange(200)
    fold = ((time_s >= 80) & (time_s < 100)).astype(int)
    event_id = np.where(np.isin(time_s, (85, 10)), "shared", np.where(time_s == 20, "other", ""))
    some = labelled(np.zeros(200, int), fold, time_s=time_s, event_id=event_id)
    kept = set(np.flatnonzero(rows_without(some, 1, RULE)).tolist())
    # A window's length (4 s) and the purge before, and the embargo after.
    assert kept == (set(range(67)) | set(range(99 + 34, 200))) - {10}
    alone = dataclasses.replace(RULE, split="station")
    assert set(np.flatnonzero(~rows_without(some, 1, alone))) == set(range(80, 100))


def test_what_is_fitted_weighs_what_it_is_given(monkeypatch):
    """Weights, classes and settings of the kept rows reach the classifier, without the fold."""
    state = np.tile([EVENT, NOISE, NOISE, NOISE], 50)
    weight = 1.0 + np.arange(200)
    chosen = np.arange(0, 200, 2)
    some = labelled(state, np.arange(200) // 100, weight=weight, chosen=chosen)
    got = {}

    def fit(name, X, y, *, sample_weight, **options):
        got.update(y=np.asarray(y), weight=sample_weight, options=options)

    monkeypatch.setattr(crossfit, "fit_classifier", fit)
    crossfit.fit(some, dataclasses.replace(RULE, seed=5), without_fold=1)
    rows = chosen[rows_without(some, 1, RULE)]
    assert len(rows) == 47  # of 50, without three within 14 s of the tested ones
    assert got["weight"].tolist() == weight[rows].tolist()
    assert got["y"].tolist() == some.windows["y"][rows].tolist()
    assert got["options"]["seed"] == 5


def test_the_embargo_is_the_memory_or_a_tenth_of_a_block():
    """Negative: as long as the background's memory, at most a tenth of a block."""
    windows = pd.DataFrame({"block": [0, 0, 1, 1], "time_ns": np.array([0, 1000, 5000, 6000]) * S})
    asked = TrainingRule()
    for memory_s, wanted in ((60.0, 60.0), (500.0, 100.0)):
        settings = {"settings": {"background_s": memory_s}}
        assert crossfit._embargo_s(windows, settings, asked) == wanted
    assert crossfit._embargo_s(windows, settings, RULE) == 30.0


def test_blocks_with_events_are_dealt_first():
    """Events in every second block of four: both folds have some."""
    block = np.arange(400) // 100
    state = np.where((block % 2 == 0) & (np.arange(400) % 100 < 5), EVENT, NOISE)
    windows = {"set": 0, "line": "a", "station": "XX.A.00.HH", "time_ns": block * DAY_NS}
    windows["time_ns"] = block * DAY_NS + np.arange(400) % 100 * S
    windows = pd.DataFrame(windows).assign(state=state, y="event", event_id="")
    dealt = deal(windows, TrainingRule(n_folds=2))
    assert sorted(dealt["fold"][dealt["state"] == EVENT].unique()) == [0, 1]


def test_rows_are_shared_out_as_events_are():
    """A set with three quarters of the events has three quarters of the rows; no event is lost."""
    n = 4000
    number = np.arange(n) // 2000
    state = np.where(np.arange(n) % 2000 < np.where(number == 0, 300, 100), EVENT, NOISE)
    windows = pd.DataFrame({"set": number, "state": state, "block": 0, "y": "noise"})
    windows.loc[state == EVENT, "y"] = "event"
    rows = draw(windows, TrainingRule(max_windows=4000, noise_per_event=1.0))
    assert (state[rows] == EVENT).sum() == 400
    assert np.bincount(number[rows]).tolist() == [1300, 1100]  # a thousand of noise at least
    few = draw(windows, TrainingRule(max_windows=200))
    assert [(state[few[number[few] == k]] == EVENT).sum() for k in (0, 1)] == [75, 25]


def test_priors_are_of_weights_and_of_what_is_known():
    """Shares in training are sums of weights, those of the records numbers of sure windows."""
    state = np.array([EVENT] * 10 + [NOISE] * 30 + [IGNORE] * 60)
    weight = np.where(state == EVENT, 2.0, 1.0)
    some = labelled(state, np.zeros(100, int), weight=weight, chosen=np.arange(30))
    some.windows.loc[state == IGNORE, "y"] = "event"
    assert class_priors(some, RULE) == {"event": (0.5, 0.25), "noise": (0.5, 0.75)}
    balanced = class_priors(some, dataclasses.replace(RULE, class_weight="balanced"))
    assert balanced["event"] == (pytest.approx(2 / 3), 0.25)
    dummy = dataclasses.replace(RULE, class_weight="balanced", model="dummy")
    assert class_priors(some, dummy)["event"][0] == 0.5


# ------------------------------------------------------------------------ thresholds


def test_the_level_that_is_taken():
    """The lowest with no more alarms from there on; the middle of the best."""
    f1 = np.array([0.5, 0.9, 0.9, 0.9, 0.1])
    assert best_level(f1, np.zeros(5), 0.0) == 2
    rate = np.array([9.0, 2.0, 3.0, 2.0, 0.0])
    assert best_level(f1, rate, 2.0) == 3  # as many as were asked for are not too many
    assert best_level(f1, rate, 1.9) == 4
    assert best_level(f1, rate, 9.0) == 0
    assert best_level(f1, rate + 10, 1.0) == 4  # none keeps to it: the highest


def test_sets_have_their_weight_in_f1():
    """A mean by weights, of the sets that have events."""
    counts = np.array([[[1, 0, 0], [0, 1, 1], [0, 5, 0]]])
    assert mean_f1(counts, [1.0, 3.0, 7.0]).tolist() == [0.25]
    assert mean_f1(counts, [3.0, 1.0, 7.0]).tolist() == [0.75]


def loud_fold():
    """Three folds of a thousand windows with ten events; in the last all scores are ten times."""
    rng = np.random.default_rng(0)
    fold, at = np.arange(3000) // 1000, np.arange(3000) % 1000
    event = (at % 100 == 50) | (at % 100 == 51)
    state = np.where(event, EVENT, NOISE)
    scores = np.where(event, 0.06, 0.02) + 0.001 * rng.random(3000)
    return labelled(state, fold), np.where(fold == 2, 10 * scores, scores)


def test_a_loud_fold_is_judged_by_the_quiet_ones():
    """Its threshold is that of the others, where all its windows are events; F1 is theirs."""
    some, scores = loud_fold()
    scores[2100:2150] = np.nan  # a gap: no data, no days
    found = choose_thresholds(some, scores, detection=DETECTION, matching=MatchRule(1.0))
    assert 0.021 < found.value[2] < 0.061
    assert found.f1[2] == 1.0
    assert found.f1[3] < 0.9  # no level does for all of them
    assert (found.f1[:2] < 0.9).all()
    days = np.array([1950, 1950, 2000, 2950]) * GRID.hop_s / 86_400
    np.testing.assert_allclose(found.days, days)


def test_events_where_nobody_knows_are_neither_right_nor_wrong():
    """Unmatched detections count in the fold of their window, but where an event is unplaced."""
    some, scores = loud_fold()
    rows = np.arange(3000)
    some.windows.loc[2000:2100, "reason"] = UNPLACED
    line = ScoredLine.of(some, {"": scores}, "XX.A.00.HH", rows)
    counts = np.zeros((3, 3))
    found = np.array([[2 * 10, 2 * 10 + 2], [2 * 1010, 2 * 1011], [2 * 2050 + 8, 2 * 2060]]) * S
    count_spans(counts, line, found, GRID, MatchRule(1.0))
    assert counts[:, 1].tolist() == [1, 1, 0]
    assert counts[:, 2].tolist() == [10, 10, 10]


def test_a_detection_is_as_coarse_as_the_hop():
    """Within the tolerance and a hop it is matched, beyond it is not."""
    some, scores = loud_fold()
    line = ScoredLine.of(some, {"": scores}, "XX.A.00.HH", np.arange(3000))
    onset_ns = line.truth[0, 0]
    for late_s, matched in ((3.0, 1), (3.1, 0)):
        counts = np.zeros((3, 3))
        span = onset_ns + round(late_s * S) + np.array([[0, S]])
        count_spans(counts, line, span, GRID, MatchRule(1.0))
        assert counts[0].tolist() == [matched, 1 - matched, 10 - matched]


def test_signals_in_gaps_are_no_truth():
    """An event counts where a window holds its onset."""
    at_s = np.array([-1.0, 0.0, 13.9, 14.0, 99.0, 100.0])
    starts = (at_s * S).astype(np.int64)
    signals = pd.DataFrame({"station": "XX.A", "start_ns": starts, "end_ns": starts + S})
    time_ns = np.array([0, 2, 4, 6, 8, 10, 100]) * S
    truth, _ = known_signals(signals, "XX.A.00.HH", time_ns, GRID)
    assert (truth[:, 0] / S).tolist() == [0.0, 13.9, 100.0]


def test_levels_reach_beyond_the_noise_and_have_no_holes():
    """Between noise and clear events there are levels; for rare alarms some above all noise."""
    state = np.array([NOISE] * 900 + [EVENT] * 100)
    scores = np.r_[np.linspace(0.001, 0.01, 900), np.linspace(0.9, 0.99, 100)]
    levels = levels_to_try(state, scores, GRID)
    assert ((levels > 0.02) & (levels < 0.8)).sum() >= 3
    mixed = np.r_[np.linspace(0.001, 0.985, 900), np.linspace(0.5, 0.99, 100)]
    rare = levels_to_try(state, mixed, GRID, alarms_per_day=1.0)
    assert rare.max() > 0.985
    assert rare.max() > levels_to_try(state, mixed, GRID).max()


# ------------------------------------------------------------------------ search and baseline


def test_each_fold_has_the_settings_of_the_others(monkeypatch):
    """Two settings, each the best for some folds: scores and thresholds are of the fold's own."""
    fold = np.arange(6) // 2
    some = types.SimpleNamespace(windows=pd.DataFrame({"fold": fold}))
    f1 = {0.1: [0.9, 0.2, 0.9, 0.5], 0.2: [0.3, 0.8, 0.1, 0.6]}
    value = {0.1: [0.11, 0.12, 0.13, 0.14], 0.2: [0.21, 0.22, 0.23, 0.24]}

    def scored(labelled, rule, *, on_progress):
        return pd.DataFrame({"model": np.full(6, rule.settings["C"])})

    def chosen(labelled, p, *, by_class, **options):
        C = p.iloc[0]
        return thresholds.Thresholds(np.array(value[C]), np.array(f1[C]), *np.zeros((2, 4)))

    monkeypatch.setattr(searching.crossfit, "out_of_fold", scored)
    monkeypatch.setattr(searching.thresholds, "choose_thresholds", chosen)
    rule = TrainingRule(model="logistic", search={"C": [0.1, 0.2]})
    found = searching.searched(some, rule, {"detection": {}}, lambda text: None)
    assert found.probability.tolist() == [0.1, 0.1, 0.2, 0.2, 0.1, 0.1]
    assert found.limit.tolist() == [0.11, 0.11, 0.22, 0.22, 0.13, 0.13]
    assert found.rule.settings == {"C": 0.2}
    assert (found.scores["model"] == 0.2).all()
    assert found.thresholds.value[-1] == 0.24
    assert found.tried == [{"C": 0.1, "f1": 0.5}, {"C": 0.2, "f1": 0.6}]


def test_the_baseline_of_a_fold_is_the_best_of_the_others(monkeypatch):
    """Its kind and its threshold are of the fold; where the name is told it is that of all."""
    some = labelled(np.tile([EVENT, NOISE], 3), np.arange(6) // 2)
    short, mid, _ = training.BASELINE
    scores = pd.DataFrame({short: 6.0, mid: 12.0, training.BASELINE[2]: np.nan}, index=range(6))
    f1 = {6.0: [0.9, 0.2, 0.2, 0.2], 12.0: [0.1, 0.8, 0.8, 0.8]}
    value = {6.0: [2.0, 3.0, 1.0, 9.0], 12.0: [2.0, 3.0, 4.0, 9.0]}

    def chosen(labelled, values, **options):
        return thresholds.Thresholds(
            np.array(value[values[0]]), np.array(f1[values[0]]), *np.zeros((2, 4))
        )

    monkeypatch.setattr(thresholds, "choose_thresholds", chosen)
    ratio, name = training.tuned_baseline(some, scores, {"detection": DETECTION})
    assert ratio.tolist() == [3.0, 3.0, 4.0, 4.0, 3.0, 3.0]
    assert name == "mid"


def test_held_out_probabilities_are_calibrated_on_other_folds():
    """What happens in a fold changes the calibration of all others, and not its own."""
    rng = np.random.default_rng(0)
    state = np.where(rng.random(900) < 0.3, EVENT, NOISE)
    p = np.clip(0.3 + 0.2 * (state == EVENT) + 0.1 * rng.standard_normal(900), 0.01, 0.99)
    fold = np.arange(900) // 300
    other = np.where(fold == 1, rng.permutation(p), p)
    rule = dataclasses.replace(RULE, calibration="sigmoid")

    def calibrated(values):
        frame = pd.DataFrame({"model": values})
        return training._calibrated(
            labelled(state, fold),
            types.SimpleNamespace(rule=rule, probability=values, scores=frame),
        )[0]

    before, after = calibrated(p), calibrated(other)
    same = (fold != 1) & (before == after)
    assert not same.any()
    again = np.where(fold == 1, p[::-1], p)
    kept = pd.DataFrame({"p": again[fold == 1], "q": calibrated(again)[fold == 1]})
    wanted = pd.DataFrame({"p": p[fold == 1], "q": before[fold == 1]})
    assert wanted["q"].rank().tolist() == wanted["p"].rank().tolist()
    both = kept.merge(wanted, on="p")
    np.testing.assert_allclose(both["q_x"], both["q_y"])


# ------------------------------------------------------------------------ held-out events


def test_held_out_scores_are_of_the_threshold_of_their_fold():
    """Two equal events in folds of other thresholds: their scores are ratios of odds to these."""
    p = np.zeros(100)
    p[[20, 70]] = 0.9
    windows = {"set": 0, "line": "0:XX.A", "station": "XX.A.00.HH"}
    windows |= {"time_ns": 2 * np.arange(100) * S}
    windows = pd.DataFrame(windows).assign(fold=np.arange(100) // 50, probability=p)
    windows["limit"] = np.where(windows["fold"] == 0, 0.5, 0.75)
    raw = heldout._events_of_model(windows, GRID, DETECTION, {})
    assert raw["peak"].tolist() == pytest.approx([9.0, 3.0])
    some = heldout._events_of_model(windows, GRID, DETECTION, {}, share=0.2)
    assert some["peak"].tolist() == pytest.approx([9.0, 3.0])
    assert some[FOLD].tolist() == [0, 1]
    windows.loc[70, "probability"] = 0.7  # below its own threshold, above that of the other fold
    assert len(heldout._events_of_model(windows, GRID, DETECTION, {})) == 1
    low = heldout._events_of_model(windows, GRID, DETECTION, {}, share=0.2)
    assert low["peak"].tolist() == pytest.approx([9.0, 0.7 / 0.75])


def test_windows_without_a_score_are_no_coverage():
    """What happens there is neither found nor missed, and its time is not counted."""
    at_s = np.array([40, 140])  # the second in the gap
    events = pd.DataFrame({"time_ns": at_s * S, "end_ns": (at_s + 4) * S})
    one = training_set("none", events)
    windows = {"set": 0, "line": "0:XX.A", "station": "XX.A.00.HH"}
    windows |= {"time_ns": 2 * np.arange(100) * S}
    windows = pd.DataFrame(windows).assign(
        reason=0, score=np.where(np.arange(100) < 50, 0.5, np.nan)
    )
    found = make_catalog([{"time_ns": t * S, "station": "XX.A"} for t in (30, 150)])
    test = training.against(found, [one], GRID, windows, MatchRule(1.0))
    assert (len(test.missed), len(test.unmatched)) == (1, 1)
    assert test.usable_s == pytest.approx(49 * 2 + 4)


def test_columns_that_are_always_there():
    """Known wherever their component is; one value missing is enough not to be."""
    nan = np.nan
    X = np.array([[1, 1, nan, 5], [1, nan, 2, 5], [nan, nan, 3, 5], [1, 2, nan, 5]])
    assert always_known(X, ("a.Z", "b.Z", "c.N", "d.Z")) == ("c.N", "d.Z")
    assert always_known(X[:2], ("a.Z", "b.Z", "c.N", "d.Z")) == ("a.Z", "c.N", "d.Z")
