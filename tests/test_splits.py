"""Splits: nothing that is tested was ever near what was trained on."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from training_data import DETECTION, GRID, MATCHING, RULE, catalog_of, event_times, make_store

from seisml.errors import ModelError
from seisml.folds import draw
from seisml.labels import EVENT, IGNORE, NOISE, label_windows, signals
from seisml.model import (
    SOL_S,
    SOL_ZERO_NS,
    EvenOddSplit,
    LeaveOneStationOut,
    PurgedGroupTimeSplit,
    make_blocks,
    make_classifier,
    within,
)
from seisml.scorer import event_scorer
from seisml.store import read_table
from seisml.times import NS_PER_S
from seisml.trainingrule import TrainingRule

HOUR = 3600.0


def windows(seed: int, n: int = 900) -> np.ndarray:
    """Starts of windows every few seconds with gaps, in order of time."""
    rng = np.random.default_rng(seed)
    return np.sort(rng.choice(20_000, n, replace=False)).astype(np.int64) * 2 * NS_PER_S


def frame(time_ns, stations="XX.A.00.HH", events=None) -> pd.DataFrame:
    """A frame with the index of a FeatureTable, and of events."""
    index = {"station": stations, "time": pd.to_datetime(time_ns)}
    if events is not None:
        index["event_id"] = events
    columns = pd.DataFrame({**index, "a": np.arange(len(time_ns), dtype=float)})
    return columns.set_index(list(index))


@settings(max_examples=60, deadline=None)
@given(
    n_splits=st.integers(2, 5),
    block_s=st.sampled_from([600.0, HOUR]),
    purge_s=st.sampled_from([0.0, 60.0, 250.0]),
    embargo_s=st.sampled_from([0.0, 100.0, 400.0]),
    seed=st.integers(0, 9),
    even_odd=st.booleans(),
)
def test_splits_keep_their_distance(n_splits, block_s, purge_s, embargo_s, seed, even_odd):
    """Every window is tested once; no training window starts within purge or embargo of a test."""
    time_ns = windows(seed)
    distance = {"block_s": block_s, "purge_s": purge_s, "embargo_s": embargo_s}
    splitter = EvenOddSplit(**distance)
    if not even_odd:
        splitter = PurgedGroupTimeSplit(n_splits, **distance)
    tested = []
    for train, test in splitter.split(time_ns[:, None], groups=time_ns):
        assert not set(train) & set(test)
        assert len(train)
        after = time_ns[train][:, None] - time_ns[test]
        assert np.abs(after).min() >= purge_s * NS_PER_S
        assert after[after >= 0].min(initial=2**62) >= max(purge_s, embargo_s) * NS_PER_S
        tested.extend(test)
    assert sorted(tested) == list(range(len(time_ns)))
    assert splitter.get_n_splits() == (2 if even_odd else n_splits)


@settings(max_examples=40, deadline=None)
@given(length_s=st.sampled_from([6.0, 30.0]), seed=st.integers(0, 9), n_events=st.integers(1, 30))
def test_no_sample_and_no_event_on_both_sides(length_s, seed, n_events):
    """With a purge of a window's length no sample is shared; events never are."""
    time_ns, rng = windows(seed), np.random.default_rng(seed)
    start = np.sort(rng.integers(0, 40_000, n_events)) * NS_PER_S
    number = np.searchsorted(start, time_ns, "right") - 1
    lasts = (number >= 0) & (time_ns - start[number] < 2000 * NS_PER_S)
    events = np.where(lasts, np.char.add("e", (number // 2).astype(str)), "")  # some come twice
    splitter = PurgedGroupTimeSplit(3, block_s=HOUR, purge_s=length_s)
    for train, test in splitter.split(frame(time_ns, events=events)):
        before, after = time_ns[train][:, None], time_ns[test] + round(length_s * NS_PER_S)
        overlap = (before < after) & (before + round(length_s * NS_PER_S) > time_ns[test])
        assert not overlap.any()
        assert not (set(events[train]) & set(events[test])) - {""}


@given(
    times=st.lists(st.integers(0, 60), min_size=1, max_size=40),
    others=st.lists(st.integers(0, 60), max_size=6),
    before=st.integers(0, 9),
    after=st.integers(0, 9),
)
def test_within_is_what_it_says(times, others, before, after):
    """The fast search agrees with looking at every pair."""
    times, others = np.array(times), np.unique(np.array(others, dtype=int))
    distance = times[:, None] - others
    near = (distance == 0) | ((distance < 0) & (-distance < before))
    near |= (distance > 0) & (distance < after)
    assert (within(times, others, before, after) == near.any(axis=1)).all()


def test_even_and_odd_sols():
    """Blocks of sols begin at InSight's local midnight."""
    sol_ns = round(SOL_S * NS_PER_S)
    time_ns = SOL_ZERO_NS + np.arange(8) * sol_ns // 2 + 10**9
    splitter = EvenOddSplit(block_s=SOL_S, zero_ns=SOL_ZERO_NS, purge_s=0)
    tests = [test.tolist() for _, test in splitter.split(frame(time_ns))]
    assert tests == [[0, 1, 4, 5], [2, 3, 6, 7]]


def test_blocks_begin_where_they_are_said_to():
    """A second before and after the border of two days that begin at six."""
    border = np.arange(1, 5) * 86_400 + 6 * 3600
    time_ns = np.sort(np.concatenate([border - 1, border])).astype(np.int64) * NS_PER_S
    zero_ns = 6 * 3600 * NS_PER_S
    assert make_blocks(time_ns, block_s=86_400, zero_ns=zero_ns).tolist() == [
        0,
        1,
        1,
        2,
        2,
        3,
        3,
        4,
    ]
    assert make_blocks(time_ns, block_s=86_400).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    even, _ = EvenOddSplit(zero_ns=zero_ns, purge_s=0).split(frame(time_ns))
    assert even[1].tolist() == [0, 3, 4, 7]


def test_leaving_stations_out():
    """Each station is tested by the others, by index or groups; one alone is told."""
    stations = np.array(["A", "B", "C"] * 4)
    X = frame(np.arange(12), stations)
    for folds in (LeaveOneStationOut().split(X), LeaveOneStationOut().split(X, groups=stations)):
        for name, (train, test) in zip("ABC", folds, strict=True):
            assert set(stations[test]) == {name}
            assert len(train) + len(test) == 12
    assert LeaveOneStationOut().get_n_splits(X) == 3
    with pytest.raises(ModelError, match="1 station leaves nothing"):
        list(LeaveOneStationOut().split(X.iloc[:1]))
    with pytest.raises(ModelError, match=r"groups=table\.stations"):
        list(LeaveOneStationOut().split(np.zeros((4, 1))))


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """A feature table with planted events, its signals, and labels that are sure."""
    events = event_times(3, 6, 5)
    table = read_table(make_store(tmp_path_factory.mktemp("s"), events, n_days=3, per_day=6))
    seen = signals(catalog_of(events), ["XX.A"], RULE)
    labels = label_windows(table.time_ns, table.stations, GRID, seen, RULE)
    y = np.where(labels["state"] == EVENT, "event", "noise")
    return table.frame, y, (labels["state"] != IGNORE).to_numpy(), seen


def test_splits_work_in_scikit_learn(planted):
    """cross_val_score and GridSearchCV take them unchanged, by groups or by the index."""
    from sklearn.model_selection import GridSearchCV, cross_val_score

    X, y, sure, seen = planted
    X, y = X[sure], y[sure]
    time_ns = X.index.get_level_values("time").astype("int64").to_numpy()
    model = make_classifier("hist_gradient_boosting", settings={"max_iter": 10})
    splitter = PurgedGroupTimeSplit(3, purge_s=60)
    by_index = cross_val_score(model, X, y, cv=splitter, scoring="roc_auc")
    by_groups = cross_val_score(
        model, X.to_numpy(), y, groups=time_ns, cv=splitter, scoring="roc_auc"
    )
    assert by_index.mean() > 0.95
    np.testing.assert_allclose(by_index, by_groups, atol=1e-9)
    scorer = event_scorer(seen, GRID, detection=DETECTION, matching=MATCHING)
    settings = {"max_leaf_nodes": [2, 8], "min_samples_leaf": [5000, 10]}
    search = GridSearchCV(model, settings, cv=EvenOddSplit(), scoring=scorer).fit(X, y)
    assert search.best_score_ > 0.9
    assert search.best_params_["min_samples_leaf"] == 10
    with pytest.raises(ModelError, match="station and time"):
        scorer(search.best_estimator_, X.to_numpy(), y)


def test_permuted_labels_score_at_chance(planted):
    """Labels of other days: nothing is learnt, so nothing of the test leaks into the training."""
    from sklearn.model_selection import cross_val_score

    X, y, sure, _ = planted
    model = make_classifier("hist_gradient_boosting", settings={"max_iter": 20})
    found = []
    for seed in range(3):
        shuffled = np.roll(y, np.random.default_rng(seed).integers(300, len(y) - 300))
        scores = cross_val_score(
            model, X[sure], shuffled[sure], cv=PurgedGroupTimeSplit(3), scoring="roc_auc"
        )
        found.append(scores.mean())
    assert abs(np.mean(found) - 0.5) < 0.06


def test_split_with_too_few_blocks():
    """More folds than anything to deal out is an error that says so."""
    time_ns = np.arange(3, dtype=np.int64)
    with pytest.raises(ModelError, match="too few for 5 folds"):
        list(PurgedGroupTimeSplit(5).split(time_ns[:, None], groups=time_ns))
    day = np.arange(0, 86_400, 60, dtype=np.int64) * NS_PER_S
    with pytest.raises(ModelError, match="leave nothing to train on"):
        list(PurgedGroupTimeSplit(2, block_s=600, purge_s=700).split(day[:, None], groups=day))
    with pytest.raises(ModelError, match="n_splits = 1"):
        PurgedGroupTimeSplit(1)
    with pytest.raises(ModelError, match=r"groups=table\.time_ns"):
        list(PurgedGroupTimeSplit(2).split(np.zeros((4, 1))))


@pytest.mark.parametrize(
    "options", [{"block_s": 0.0}, {"purge_s": -1.0}, {"embargo_s": np.nan}, {"purge_s": np.inf}]
)
def test_lengths_that_are_none(options):
    """They are told where they are used, as scikit-learn does, with their name."""
    time_ns = np.arange(40) * 3600 * NS_PER_S
    (name,) = options
    with pytest.raises(ModelError, match=f"{name} = .* is no length"):
        list(PurgedGroupTimeSplit(3, **options).split(time_ns[:, None], groups=time_ns))


def test_blocks_fall_back_to_records():
    """One day with three records has three blocks; one record is cut into equal parts."""
    record = np.arange(100, dtype=np.int64) * 2 * NS_PER_S
    three = np.concatenate([record, record + 3600 * NS_PER_S, record + 9000 * NS_PER_S])
    assert np.bincount(make_blocks(three, block_s=86_400)).tolist() == [100, 100, 100]
    assert len(np.unique(make_blocks(record, block_s=86_400))) == 3


def test_a_crumb_of_a_block_is_no_block():
    """A single window past midnight joins the day before it."""
    day = np.arange(0, 86_400, 600, dtype=np.int64) * NS_PER_S
    three = np.concatenate([day, day + 86_400 * NS_PER_S, day + 2 * 86_400 * NS_PER_S])
    blocks = make_blocks(np.append(three, 3 * 86_400 * NS_PER_S), block_s=86_400)
    assert np.bincount(blocks).tolist() == [144, 144, 145]


def test_named_noise_is_drawn_from_all_blocks():
    """Where there is more of it than is learned, not only that of the first days."""
    n = 4000
    state = np.where(np.arange(n) % 20 == 0, EVENT, NOISE)
    y = np.where(state == EVENT, "event", "noise_glitch")
    block = np.arange(n) // 1000
    windows = pd.DataFrame({"set": 0, "state": state, "y": y, "block": block})
    drawn = draw(windows, TrainingRule(max_windows=400))
    assert len(drawn) == len(set(drawn.tolist())) == 400
    special = drawn[state[drawn] == NOISE]
    np.testing.assert_allclose(np.bincount(block[special], minlength=4), 50, atol=1)
