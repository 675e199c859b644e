"""What a model says of itself is true of data that it never saw: limits, priors, pairs, scales."""

import dataclasses
import warnings
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.metrics import average_precision_score, roc_auc_score
from training_data import DETECTION, MATCHING, event_times, make_store, training_set

from seisml import crossfit, training, transfer
from seisml.catalog import make_catalog
from seisml.compare import compare
from seisml.errors import ModelError
from seisml.eventclasses import _named
from seisml.folds import deal
from seisml.labels import IGNORE
from seisml.model import (
    Calibration,
    LeaveOneStationOut,
    Novelty,
    PurgedGroupTimeSplit,
    StaLtaThreshold,
    StationScaler,
    fit_calibration,
    fit_classifier,
    make_classifier,
)
from seisml.resampling import expanded_limits
from seisml.searching import searched
from seisml.trainingrule import TrainingRule
from seisml.windowscores import event_differences, window_scores

S, DAY = 10**9, 86_400 * 10**9


# ------------------------------------------------------------------------ scores and pairs


@pytest.mark.parametrize("n_event", [40, 1200])
def test_scores_of_rare_events_are_the_definitions(n_event):
    """Event windows that are rarer than a bin of equal size are not counted with the noise."""
    rng = np.random.default_rng(0)
    n = 200_000
    state = np.zeros(n, dtype=int)
    state[rng.choice(n, n_event, replace=False)] = 1
    sure = rng.random(n) / 2 + state / 2
    fair = rng.standard_normal(n) + 3 * state
    windows = pd.DataFrame({"time_ns": np.arange(n) * S, "state": state})
    windows = windows.assign(sure=sure, fair=fair)
    table = window_scores(windows, {"sure": "sure", "fair": "fair"}, n_boot=5).set_index("model")
    for name in ("sure", "fair"):
        wanted = average_precision_score(state, windows[name])
        assert table.loc[name, "average_precision"] == pytest.approx(wanted, abs=2e-3)
        wanted = roc_auc_score(state, windows[name])
        assert table.loc[name, "roc_auc"] == pytest.approx(wanted, abs=1e-4)
    assert table.loc["sure", "average_precision"] == 1.0


def test_pairs_are_of_the_same_blocks_without_coverage():
    """Detectors that miss the same events differ in no resample, whatever lies beyond these."""
    times = {k: k * DAY + DAY // 2 for k in range(32)}
    expert = make_catalog([{"time_ns": times[k]} for k in range(1, 31)])
    some = [{"time_ns": times[k]} for k in range(1, 31) if k % 3]
    found = [make_catalog([*some, {"time_ns": times[k] + k * S}]) for k in (0, 31, 20)]
    first, *others = (compare(one, expert, tolerance_s=5.0) for one in found)
    for other in others:
        row = event_differences(first, other, block_s=86_400.0).set_index("rate").loc["recall"]
        assert row[["difference", "low", "high", "share_better"]].tolist() == [0, 0, 0, 0.5]


def test_pairs_of_windows_are_of_the_same_blocks():
    """A model and its twin do not differ; what has no score in one counts in neither."""
    rng = np.random.default_rng(0)
    state = (rng.random(3000) < 0.1).astype(int)
    windows = pd.DataFrame({"time_ns": np.arange(3000) * S, "state": state})
    windows["one"] = state + rng.standard_normal(3000)
    windows["twin"] = windows["one"]
    windows.loc[:999, "twin"] = np.nan
    table = window_scores(windows, {"one": "one", "twin": "twin"}, n_boot=50).set_index("model")
    pair = table.loc["one − twin", ["roc_auc_low", "roc_auc_high", "average_precision_high"]]
    assert pair.tolist() == [0, 0, 0]
    assert table.loc["one", "n_event"] == state[1000:].sum()
    wanted = roc_auc_score(state[1000:], windows["one"][1000:])
    assert table.loc["one", "roc_auc"] == pytest.approx(wanted)


def test_fewer_false_alarms_are_better():
    """The share of resamples in which the first is better knows which way is better."""
    times = np.arange(100) * 3600 * S
    expert = make_catalog(pd.DataFrame({"time_ns": times, "station": "XX.A"}))
    more = pd.DataFrame({"time_ns": np.r_[times, times + 1800 * S], "station": "XX.A"})
    coverage = {"XX.A": np.array([[0, 100 * 3600 * S]])}
    few, many = (
        compare(one, expert, tolerance_s=5.0, coverage=coverage)
        for one in (expert, make_catalog(more))
    )
    row = event_differences(few, many).set_index("rate").loc["unmatched_per_day"]
    assert row["difference"] == pytest.approx(-24.0)
    assert row["share_better"] == 1.0


def test_limits_of_few_blocks_are_expanded():
    """Hesterberg (2015): of six blocks the quantiles at Phi(-+ 2.5706 sqrt(6/5)), 0.0024."""
    low, high = expanded_limits(np.arange(100_001), 6)
    assert (low, high) == pytest.approx((243, 100_000 - 243), abs=3)


def test_a_probability_of_the_limit_is_enough_to_be_named():
    """A type, else its family, from the least probability on; below it, unknown."""
    families = {"LP": "volcanic", "VT": "volcanic", "QU": "other"}
    classifier = SimpleNamespace(families=families, classes=("LP", "QU", "VT"))
    p = np.array([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [0.25, 0.25, 0.25], [0.25, 0.51, 0.24]])
    p[2] = [0.3, 0.5 - 1e-9, 0.2 + 1e-9]
    label, family, probability = _named(p, np.ones(4, bool), classifier, 0.5)
    assert label.tolist() == ["LP", "QU", "volcanic", "QU"]
    assert family.tolist() == ["volcanic", "other", "volcanic", "other"]
    assert probability.tolist() == pytest.approx([0.5, 0.5, 0.5, 0.51])


# ------------------------------------------------------------------------ novelty


def test_novelty_is_of_other_events():
    """Overlapping windows of one event are no measure of how far away a new event may be."""
    rng = np.random.default_rng(0)

    def windows(n: int) -> np.ndarray:
        """Twenty nearly equal windows of each event."""
        X = np.repeat(rng.standard_normal((n, 6)), 20, axis=0)
        return X + 0.05 * rng.standard_normal(X.shape)

    X, new, events = windows(200), windows(200), np.repeat(np.arange(200), 20)
    novelty = Novelty(0.02).fit(X, groups=events.astype(str))
    assert 0.002 < novelty.is_novel(new).mean() < 0.08
    assert novelty.is_novel(new + 30).all()
    assert Novelty(0.02).fit(X).is_novel(new).mean() > 0.9  # as if each window were an event
    one = Novelty(0.02).fit(X[:20], groups=np.zeros(20))
    assert one.limit_ == Novelty(0.02).fit(X[:20]).limit_


# ------------------------------------------------------------------------ estimators


def test_a_column_that_a_station_never_had_is_scaled_as_at_the_others():
    """Neither in the raw unit, nor as a part of the spread of stations that are not known."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {"a": 1000 * rng.standard_normal(300), "b": rng.standard_normal(300), "c": 7.0},
        index=pd.Index(np.repeat(["A", "B", "C"], 100), name="station"),
    )
    X.loc[["B", "C"], "a"] = np.nan
    scaler = StationScaler().fit(X)
    known = X.loc[["A"]].head(5)
    wanted = scaler.transform(known)[:, 0]
    for name in ("B", "D"):
        there = known.rename({"A": name})
        np.testing.assert_allclose(scaler.transform(there)[:, 0], wanted)
    again = scaler.adapted(X.loc[["B"]].rename({"B": "E"}))
    np.testing.assert_allclose(again.transform(known.rename({"A": "E"}))[:, 0], wanted)
    assert (scaler.transform(X)[:, 2] == 0).all()  # a constant is not divided by nothing


def test_sta_lta_without_a_ratio_is_no_event():
    """Most events have no ratio: the threshold is one all the same, and no NaN."""
    X = pd.DataFrame({"stalta_short_max.Z": [np.nan] * 10 + [2.0, 5.0, 6.0]})
    y = ["event"] * 10 + ["noise", "event", "noise"]
    model = StaLtaThreshold().fit(X, y)
    assert model.threshold_ == 5.0
    assert model.predict(X).tolist() == ["noise"] * 11 + ["event"] * 2
    assert np.isfinite(model.predict_proba(X)).all()
    nothing = StaLtaThreshold().fit(X[:10], ["event"] * 5 + ["noise"] * 5)
    assert nothing.threshold_ == np.inf
    assert set(nothing.predict(X)) == {"noise"}


@pytest.mark.parametrize("nothing", ["", None, np.nan])
def test_windows_without_an_event_may_say_so_in_any_way(nothing):
    """Of an index of events "", None and NaN are none, and are shared by no one."""
    time = pd.to_datetime(np.arange(8) * DAY // 2)
    events = np.array(["a", nothing, "b", nothing, "b", nothing, "a", "c"], dtype=object)
    index = pd.MultiIndex.from_arrays([["A"] * 8, time, events], names=["s", "time", "event_id"])
    X = pd.DataFrame({"x": np.arange(8.0)}, index=index)
    found = list(PurgedGroupTimeSplit(4, purge_s=0).split(X))
    assert [test.tolist() for _, test in found] == [[0, 1], [2, 3], [4, 5], [6, 7]]
    trained = [train.tolist() for train, _ in found]
    assert trained[:2] == [[2, 3, 4, 5, 7], [0, 1, 5, 6, 7]]


def test_settings_may_bring_the_probabilities():
    """A classifier is judged with its settings; without probabilities it is told which they are."""
    path = "sklearn.linear_model:SGDClassifier"
    assert make_classifier(path, settings={"loss": "log_loss"})[-1].loss == "log_loss"
    with pytest.raises(ModelError, match="with predict_proba at the settings"):
        make_classifier(path, settings={"loss": "hinge"})


@pytest.mark.parametrize("n_models", [1, 2])
def test_weights_arrive_with_routing_switched_on(n_models):
    """A caller's own setting of scikit-learn changes nothing here."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((80, 3))
    y, weight = np.where(X[:, 0] > 0, "event", "noise"), rng.random(80)
    options = {"sample_weight": weight, "n_models": n_models, "settings": {"max_iter": 3}}
    plain = fit_classifier("hist_gradient_boosting", X, y, **options)
    with sklearn.config_context(enable_metadata_routing=True):
        routed = fit_classifier("hist_gradient_boosting", X, y, **options)
        fit_classifier("sklearn.naive_bayes:GaussianNB", X, y, sample_weight=weight)
    np.testing.assert_array_equal(plain.predict_proba(X), routed.predict_proba(X))


def test_balanced_classes_without_weights_of_classes():
    """A classifier that has weights of windows only is balanced by these; the dummy is not."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((300, 2)), np.where(np.arange(300) < 20, "event", "noise")
    model = fit_classifier("sklearn.naive_bayes:GaussianNB", X, y, class_weight="balanced")
    np.testing.assert_allclose(model[-1].class_prior_, 0.5)
    twice = fit_classifier(
        "sklearn.naive_bayes:GaussianNB",
        X,
        y,
        class_weight="balanced",
        sample_weight=np.where(y == "event", 2.0, 1.0),
    )
    np.testing.assert_allclose(twice[-1].class_prior_, [2 / 3, 1 / 3])
    dummy = fit_classifier("dummy", X, y, class_weight="balanced")
    np.testing.assert_allclose(dummy.predict_proba(X[:1]), [[20 / 300, 280 / 300]])


@pytest.mark.parametrize("n_models", [1, 2])
@pytest.mark.parametrize(
    "name",
    ["logistic", "random_forest", "hist_gradient_boosting", "sklearn.naive_bayes:GaussianNB"],
)
def test_balance_is_of_numbers_beside_weights(name, n_models):
    """Where X says nothing, events that weigh six times as much have six of seven parts."""
    if n_models > 1 and ":" in name:
        return  # it has no seed
    X = np.random.default_rng(0).standard_normal((4000, 1)).astype(np.float32)
    y = np.where(np.arange(4000) % 10 == 0, "event", "noise")
    small = {"random_forest": {"n_estimators": 10, "max_depth": 1}}
    model = fit_classifier(
        name,
        X,
        y,
        sample_weight=np.where(y == "event", 6.0, 1.0),
        class_weight="balanced",
        settings=small.get(name, {"max_iter": 3} if "boost" in name else {}),
        n_models=n_models,
    )
    assert model.predict_proba(X)[:, 0].mean() == pytest.approx(6 / 7, abs=0.03)


def test_sensors_of_a_station_are_one():
    """Two sensors feel the same ground: neither is tested by a model of the other."""
    names = np.array(["XX.A.00.HH", "XX.A.10.BH", "XX.B.00.HH", "XX.AB.00.HH"] * 2)
    found = list(LeaveOneStationOut().split(np.zeros((8, 1)), groups=names))
    assert [test.tolist() for _, test in found] == [[0, 1, 4, 5], [3, 7], [2, 6]]
    assert LeaveOneStationOut().get_n_splits(groups=names) == 3
    windows = pd.DataFrame({"station": names, "set": 0, "time_ns": np.arange(8) * S})
    windows = windows.assign(line=names, y="event", event_id="", state=np.arange(8) // 4)
    folds = deal(windows, TrainingRule(split="station"))["fold"]
    assert folds.tolist() == [0, 0, 2, 1] * 2


def test_a_steep_line_is_silent():
    """Odds that are beyond all numbers are probabilities of 0 and 1, without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Calibration("sigmoid", 40.0, -3.0)(np.array([0.0, 1.0])).tolist() == [0.0, 1.0]


def test_the_matrix_of_stations_is_honest(faint, monkeypatch):
    """Its models have their weights, and nothing of the fold that is tested."""
    rule = dataclasses.replace(DRAWN, calibration="none")
    labelled = crossfit.label([faint], rule)
    fold = labelled.windows["fold"].to_numpy()[labelled.chosen]
    weight = labelled.windows["weight"].to_numpy()[labelled.chosen]
    place = {row.tobytes(): k for k, row in enumerate(labelled.X)}
    tested = []

    def fit(name, X, y, *, sample_weight, **options):
        rows = [place[row.tobytes()] for row in X]
        assert sample_weight.tolist() == weight[rows].tolist()
        tested.append(set(range(fold.max() + 1)) - set(fold[rows]))
        return fit_classifier(name, X, y, sample_weight=sample_weight, **options)

    monkeypatch.setattr(transfer, "fit_classifier", fit)
    table = transfer.station_matrix(labelled, rule)
    assert [one for one in tested if one] == [{k} for k in range(fold.max() + 1)]
    assert table.index.tolist() == ["XX.A"]
    assert 0.7 < table.loc["XX.A", "XX.A"] < 1.0


# ------------------------------------------------------------------------ calibration


@pytest.fixture(scope="module")
def faint(tmp_path_factory):
    """Six days with events that the features do not tell for sure."""
    events = event_times(6, 8, 0)
    store = make_store(tmp_path_factory.mktemp("faint"), events, n_days=6, strength=1.5)
    return training_set(store, events)


CHOOSE = {"detection": DETECTION, "matching": MATCHING, "false_alarms_per_day": 0.0, "stated": 0.0}
DRAWN = TrainingRule(model="logistic", calibration="prior", purge_s=10.0, max_windows=800)


def chosen_of(one, rule):
    """Labels and held-out scores of a rule."""
    labelled = crossfit.label([one], rule)
    return labelled, searched(labelled, rule, CHOOSE, lambda text: None)


@pytest.mark.parametrize("how", ["as they are", "balanced", "graded", "balanced and graded"])
def test_prior_correction_knows_the_weights(faint, how):
    """What was drawn is undone together with what it weighed: the mean is the share of events."""
    rule, one = DRAWN, faint
    if "balanced" in how:
        rule = dataclasses.replace(rule, class_weight="balanced")
    if "graded" in how:
        one = dataclasses.replace(one, signals=one.signals.assign(weight=6.0))
    labelled, chosen = chosen_of(one, rule)
    calibrated, calibration, about = training._calibrated(labelled, chosen)
    state = labelled.windows["state"].to_numpy()
    use = (state != IGNORE) & np.isfinite(calibrated)
    assert calibrated[use].mean() == pytest.approx((state[use] == 1).mean(), rel=0.25)
    assert about["brier"]["calibrated"] < about["brier"]["as trained"]
    assert calibration.method == "prior"


def test_the_calibration_is_of_the_settings_that_are_kept(faint):
    """Where folds chose other settings, their probabilities are not those of the model."""
    rule = dataclasses.replace(DRAWN, calibration="sigmoid")
    labelled, chosen = chosen_of(faint, rule)
    odd = labelled.windows["fold"].to_numpy() % 2 == 1
    p = np.where(odd, chosen.probability**3, chosen.probability)  # as other settings would say
    _, calibration, _ = training._calibrated(labelled, dataclasses.replace(chosen, probability=p))
    state, own = labelled.windows["state"].to_numpy(), chosen.scores["model"].to_numpy()
    use = (state != IGNORE) & np.isfinite(own)
    assert calibration == fit_calibration(own[use], state[use] == 1, method="sigmoid")


def test_the_limit_of_novelty_is_of_other_events(faint):
    """Trained as a whole, windows of one event are not its measure."""
    rule = dataclasses.replace(DRAWN, novelty=0.02)
    labelled = crossfit.label([faint], rule)
    windows = labelled.windows.iloc[labelled.chosen]
    event = windows["state"].to_numpy() == 1
    groups = windows["event_id"].to_numpy()[event].astype(str)
    X = labelled.X.copy()  # as of windows that overlap much
    middle = pd.DataFrame(X[event]).groupby(groups).transform("mean").to_numpy()
    X[event] = middle + 0.05 * (X[event] - middle)
    found = training._novelty(dataclasses.replace(labelled, X=X), rule)
    assert found.limit_ == Novelty(0.02, rule.seed).fit(X[event], groups=groups).limit_
    assert found.limit_ > 2 * Novelty(0.02, rule.seed).fit(X[event]).limit_
