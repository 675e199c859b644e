"""What scikit-learn expects of its own kind: estimators, splits and scorers of seisml."""

import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.inspection import permutation_importance
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks
from training_data import DETECTION, GRID, MATCHING, RULE, catalog_of, event_times, make_store

from seisml.errors import EstimatorError
from seisml.labels import EVENT, label_windows, signals
from seisml.model import (
    CLASSIFIERS,
    EvenOddSplit,
    LeaveOneStationOut,
    Novelty,
    PurgedGroupTimeSplit,
    StaLtaThreshold,
    StationScaler,
    make_classifier,
)
from seisml.scorer import event_scorer
from seisml.store import iter_tables

DAY_NS = 86_400 * 10**9
NAMED = "a DataFrame must hold the ratio by its name: another's columns are refused on purpose"
BOOSTING = "hist_gradient_boosting"
FORESTS = ("random_forest", "extra_trees")
EXPECTED = {
    "StaLtaThreshold": dict.fromkeys(
        ("check_sample_weights_pandas_series", "check_classifier_data_not_an_array"), NAMED
    ),
    "Boosting": dict.fromkeys(
        (
            "check_sample_weight_equivalence_on_dense_data",
            "check_sample_weight_equivalence_on_sparse_data",
        ),
        "boosting of scikit-learn counts windows in a leaf, not their weights",
    ),
}


@parametrize_with_checks(
    [
        StationScaler(),
        Novelty(),
        StaLtaThreshold(),
        make_classifier(BOOSTING, settings={"max_iter": 3}),
    ],
    expected_failed_checks=lambda estimator: EXPECTED.get(type(estimator).__name__, {}),
)
def test_estimators_keep_the_rules(estimator, check):
    """All of scikit-learn's own checks, but for the two that are stated."""
    check(estimator)


PIPELINE = "a Pipeline of scikit-learn fits its steps in place, whatever they are"
INFINITE = "the steps take infinite values as missing, or the classifier does not look"
NO_LOOK = "the dummy of scikit-learn does not look at y"
FEW = {BOOSTING: {"max_iter": 5}} | {key: {"n_estimators": 10} for key in FORESTS}
PIPELINES = [
    make_classifier("dummy", scale="station"),
    make_classifier("sta_lta", scale="station"),
    make_classifier("logistic", scale="station"),
    make_classifier(BOOSTING, scale="station", settings={"max_iter": 3}),
    make_classifier("sklearn.neighbors:KNeighborsClassifier"),
]


def _known(model) -> dict[str, str]:
    """Return the checks that scikit-learn's own parts do not pass either."""
    found = dict.fromkeys(
        ("check_estimators_overwrite_params", "check_dont_overwrite_parameters"), PIPELINE
    )
    found["check_estimators_nan_inf"] = INFINITE
    if model.steps[-1][0] == "dummyclassifier":
        names = ("check_classifiers_regression_target", "check_supervised_y_no_nan")
        found |= dict.fromkeys(names, NO_LOOK)
    return found


@pytest.mark.filterwarnings("ignore:n_quantiles:UserWarning")
@parametrize_with_checks(PIPELINES, expected_failed_checks=_known)
def test_pipelines_keep_the_rules(estimator, check):
    """Classifiers as they are trained, whole: scaling, filling, ranks and what comes last."""
    check(estimator)


@pytest.fixture(scope="module")
def windows() -> tuple[pd.DataFrame, np.ndarray]:
    """Eight days of windows at two stations, with the index of a FeatureTable."""
    rng = np.random.default_rng(0)
    n = 400
    time = pd.to_datetime(np.arange(n) * (8 * DAY_NS // n))
    index = pd.MultiIndex.from_product([["XX.A.00.HH", "XX.B.00.HH"], time])
    index = index.set_names(["station", "time"])
    X = pd.DataFrame(rng.standard_normal((2 * n, 2)).astype(np.float32), index=index)
    X.columns = ["stalta_short_max.Z", "rms.Z"]
    y = np.where(rng.random(2 * n) < 0.3, "event", "noise")
    X.loc[y == "event", "stalta_short_max.Z"] += 4
    X["stalta_short_max.Z"] = X["stalta_short_max.Z"].abs()
    return X, y


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classifiers_are_cloned_pickled_and_set(name, windows):
    """A clone is unfitted and alike; a pickle says the same; settings are found by their names."""
    X, y = windows
    model = make_classifier(name, columns=tuple(X.columns), seed=3)
    twin = clone(model)
    assert twin.get_params().keys() == model.get_params().keys()
    fitted = model.fit(X, y)
    again = pickle.loads(pickle.dumps(fitted))  # our own object, just written
    np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))
    assert fitted.feature_names_in_.tolist() == list(X.columns)
    assert fitted.n_features_in_ == 2
    changed = clone(twin).set_params(**twin.get_params(deep=False))
    assert repr(changed) == repr(twin)


def test_names_of_columns_are_remembered(windows):
    """Other columns than those of the training are refused; names come out again."""
    X, _ = windows
    scaler = StationScaler().fit(X)
    assert scaler.get_feature_names_out().tolist() == list(X.columns)
    with pytest.raises(ValueError, match="feature names should match"):
        scaler.transform(X[X.columns[::-1]])
    frame = clone(scaler).set_output(transform="pandas").fit_transform(X)
    pd.testing.assert_index_equal(frame.index, X.index)
    assert scaler.adapted(X).feature_names_in_.tolist() == list(X.columns)


@pytest.mark.parametrize("split", [PurgedGroupTimeSplit(4), EvenOddSplit()], ids=repr)
def test_splits_of_time_in_searches(split, windows):
    """In cross_val_score and GridSearchCV, from the index, from groups, and with routing."""
    X, y = windows
    model = make_classifier("sta_lta")
    plain = cross_val_score(model, X, y, cv=split)
    assert len(plain) == split.get_n_splits()
    assert plain.min() > 0.85
    groups = X.index.get_level_values("time").to_numpy()
    np.testing.assert_array_equal(cross_val_score(model, X, y, cv=split, groups=groups), plain)
    search = GridSearchCV(model, {"feature": ["stalta_short_max", "rms"]}, cv=split).fit(X, y)
    assert search.best_params_ == {"feature": "stalta_short_max"}
    with sklearn.config_context(enable_metadata_routing=True):
        weight = np.ones(len(X))
        weighted = StaLtaThreshold().set_fit_request(sample_weight=True)
        weighted.set_score_request(sample_weight=False)
        routed = cross_validate(
            weighted,
            X,
            y,
            cv=split,
            params={"groups": groups, "sample_weight": weight},
        )
    np.testing.assert_array_equal(routed["test_score"], plain)


@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize("form", ["frame", "array"])
def test_a_column_that_is_empty_in_a_fold(name, form, windows):
    """A band above Nyquist is empty, a station without N in the days of a fold: both are borne."""
    X, y = windows
    days = X.index.get_level_values("time").to_numpy()
    late = np.where(days < days.min() + np.timedelta64(2, "D"), X["rms.Z"], np.nan)
    more = X.assign(**{"stalta_short_max.N": np.nan, "rms.N": late.astype(np.float32)})
    model = make_classifier(name, columns=tuple(more.columns), settings=FEW.get(name))
    given = more if form == "frame" else more.to_numpy()
    options = {"groups": days, "error_score": "raise"}
    split = PurgedGroupTimeSplit(2, block_s=2 * 86_400)
    found = cross_val_score(model, given, y, cv=split, **options)
    assert found.min() > (0.6 if name == "dummy" else 0.85)


def test_stations_are_routed_as_groups(windows):
    """LeaveOneStationOut takes its groups with and without metadata routing."""
    X, y = windows
    groups = X.index.get_level_values("station").to_numpy()
    bare, model = X.reset_index(drop=True), make_pipeline(StaLtaThreshold())
    plain = cross_val_score(model, bare, y, cv=LeaveOneStationOut(), groups=groups)
    assert len(plain) == 2
    with sklearn.config_context(enable_metadata_routing=True):
        routed = cross_val_score(model, bare, y, cv=LeaveOneStationOut(), params={"groups": groups})
    np.testing.assert_array_equal(routed, plain)


def test_weights_count(windows):
    """Windows without a weight are not there; of no weight at all nothing is learnt."""
    X, y = windows
    weight = np.r_[np.ones(300), np.zeros(len(X) - 300)]
    some = StaLtaThreshold().fit(X, y, sample_weight=weight)
    assert some.threshold_ == StaLtaThreshold().fit(X[:300], y[:300]).threshold_
    with pytest.raises(ValueError, match="weights are zero"):
        StaLtaThreshold().fit(X, y, sample_weight=0 * weight)


def test_columns_are_found_again_without_their_names(windows):
    """An array has the columns of the training: not all of them become ratios."""
    X, y = windows
    X = X.assign(**{"rms.Z": 1e6 + X["rms.Z"]})
    model = StaLtaThreshold().fit(X, y)
    with pytest.warns(UserWarning, match="valid feature names"):
        np.testing.assert_array_equal(model.predict(X.to_numpy()), model.predict(X))


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """Windows of four days at two stations with planted events, their labels, and a scorer."""
    events = event_times(4, 2, 0)
    stations = ("XX.A.00.HH", "XX.B.00.HH")
    folder = make_store(
        tmp_path_factory.mktemp("sk"), events, stations=stations, per_day=2, strength=4.0
    )
    every = list(iter_tables(folder))
    seen = signals(catalog_of(events), ["XX.A", "XX.B"], RULE)
    labels = [label_windows(t.time_ns, t.stations, GRID, seen, RULE) for t in every]
    y = np.where(pd.concat(labels)["state"] == EVENT, "event", "noise")
    scorer = event_scorer(seen, GRID, detection=DETECTION, matching=MATCHING)
    return pd.concat([t.frame for t in every]), y, scorer


SPLITS = [PurgedGroupTimeSplit(4), EvenOddSplit(), LeaveOneStationOut()]


@pytest.mark.parametrize("split", SPLITS, ids=lambda split: type(split).__name__)
@pytest.mark.parametrize("scale", ["none", "station"])
def test_events_are_scored_in_searches(split, scale, planted):
    """Whole pipelines, all splits and event_scorer in scikit-learn's own searches, unchanged."""
    X, y, scorer = planted
    model = make_classifier("logistic", scale=scale)
    grid = {"logisticregression__C": [1e-9, 1.0]}
    options = {"cv": split, "scoring": scorer, "error_score": "raise"}
    search = GridSearchCV(model, grid, **options).fit(X, y)
    assert search.best_params_ == {"logisticregression__C": 1.0}
    assert search.best_score_ > 0.9
    assert search.n_splits_ == split.get_n_splits(X)
    both = cross_validate(model, X, y, cv=split, scoring={"events": scorer, "auc": "roc_auc"})
    assert both["test_events"].shape == both["test_auc"].shape
    inside = CalibratedClassifierCV(model, cv=split).fit(X, y)
    assert scorer(inside, X, y) > 0.9
    loss = permutation_importance(inside, X, y, scoring=scorer, n_repeats=1, random_state=0)
    assert loss.importances_mean[:2].max() > 0.1 > abs(loss.importances_mean[2])


def test_halving_saves_trees_not_windows(planted):
    """A sample of windows makes no events: the scorer says so; other resources are halved."""
    X, y, scorer = planted
    model = make_classifier(BOOSTING, settings={"max_leaf_nodes": 4})
    options = {"cv": EvenOddSplit(), "scoring": scorer, "error_score": "raise"}
    options |= {"min_resources": 2, "factor": 2}
    grid = {"learning_rate": [1e-6, 0.3]}
    found = HalvingGridSearchCV(model, grid, resource="max_iter", max_resources=8, **options)
    assert found.fit(X, y).best_params_["learning_rate"] == 0.3
    with pytest.raises(EstimatorError, match=r"(?s)the hop is 2 s: a sample.*n_samples"):
        scorer(found, X[::3], y[::3])


def test_groups_and_weights_are_routed_to_events(planted):
    """With metadata routing: a weight reaches the classifier, groups the split, X the scorer."""
    X, y, scorer = planted
    time_ns = X.index.get_level_values("time").to_numpy()
    weight = np.where(X.index.get_level_values("station") == "XX.A.00.HH", 1.0, 0.0)
    plain = make_classifier("logistic")
    half = plain.fit(X[weight > 0], y[weight > 0]).decision_function(X)
    with sklearn.config_context(enable_metadata_routing=True):
        model = clone(plain)
        model[-1].set_fit_request(sample_weight=True)
        search = GridSearchCV(
            model,
            {"logisticregression__C": [0.1]},
            cv=EvenOddSplit(),
            scoring=scorer,
            error_score="raise",
        )
        search.fit(X, y, groups=time_ns, sample_weight=weight)
        weighted = search.decision_function(X)
        split = EvenOddSplit().set_split_request(groups=False)
        assert len(list(split.split(X))) == 2
    # Ranks are learnt from all windows, the line from those with a weight.
    assert np.corrcoef(weighted, half)[0, 1] > 0.98
    assert search.best_score_ > 0.9


def test_a_scorer_knows_noise_without_its_name(planted):
    """Of 0 and 1, 1 is an event; of three classes without noise nobody knows."""
    X, y, scorer = planted
    model = make_classifier("logistic").fit(X, y)
    numbers = make_classifier("logistic").fit(X, (y == "event").astype(int))
    assert scorer(numbers, X) == scorer(model, X) > 0.9
    three = np.where(y == "event", "quake", np.where(np.arange(len(y)) % 2, "calm", "quiet"))
    with pytest.raises(ValueError, match="calm, quake, quiet is called noise"):
        scorer(make_classifier("logistic").fit(X, three), X)
    assert repr(scorer) == "event_scorer(16 signals, F1 at the best threshold, tolerance 6 s)"
    again = pickle.loads(pickle.dumps(scorer))  # our own object, just written
    assert again(model, X) == scorer(model, X)


@pytest.mark.parametrize("split", [*SPLITS, EvenOddSplit(block_s=7.0, zero_ns=5)], ids=repr)
def test_splits_are_printed_as_they_are_made(split):
    names = {"EvenOddSplit": EvenOddSplit, "PurgedGroupTimeSplit": PurgedGroupTimeSplit}
    again = eval(repr(split), names | {"LeaveOneStationOut": LeaveOneStationOut})
    assert repr(again) == repr(split)
    assert vars(again) == vars(split)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (np.arange(9) * DAY_NS, "inconsistent numbers of samples"),
        (np.arange(10) * 86_400.0, r"groups are float64 .* no starts"),
        (["a"] * 10, "no starts of windows"),
    ],
)
def test_groups_that_are_no_times(groups, message):
    with pytest.raises(ValueError, match=message):
        next(PurgedGroupTimeSplit(2).split(np.zeros((10, 1)), groups=groups))


def test_groups_are_instants_in_any_form():
    """Integers, datetimes, and datetimes with a zone: the same folds."""
    time_ns = np.arange(10) * DAY_NS // 2
    stamps = pd.to_datetime(time_ns, utc=True)
    forms = [time_ns, stamps.tz_localize(None).to_numpy(), stamps.tz_convert("Asia/Tokyo")]
    found = [[t.tolist() for _, t in EvenOddSplit().split(time_ns, groups=g)] for g in forms]
    assert found[0] == found[1] == found[2]
    with pytest.raises(ValueError, match="whole number"):
        PurgedGroupTimeSplit(2.5)
