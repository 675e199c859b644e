"""What scikit-learn expects of its own kind: estimators, splits and scorers of seisml."""

import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

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

DAY_NS = 86_400 * 10**9
NAMED = "a DataFrame must hold the ratio by its name: another's columns are refused on purpose"
EXPECTED = {
    "StaLtaThreshold": dict.fromkeys(
        ("check_sample_weights_pandas_series", "check_classifier_data_not_an_array"), NAMED
    )
}


@parametrize_with_checks(
    [StationScaler(), Novelty(), StaLtaThreshold()],
    expected_failed_checks=lambda estimator: EXPECTED.get(type(estimator).__name__, {}),
)
def test_estimators_keep_the_rules(estimator, check):
    """All of scikit-learn's own checks, but for the two that are stated."""
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
