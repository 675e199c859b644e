"""Classifiers by name and import path, and the estimators that scikit-learn does not have."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import BaseEstimator

from seisml.errors import ModelError
from seisml.model import StaLtaThreshold, StationScaler, fit_classifier, make_classifier
from seisml.model.estimators import largest_ratio


def data(n: int = 300, seed: int = 0):
    """Two columns, some of them NaN; the class is in the first."""
    X = np.random.default_rng(seed).standard_normal((n, 2)).astype(np.float32)
    y = np.where(X[:, 0] > 0.5, "event", "noise")
    X[::7, 1] = np.nan
    return X, y


class NoClassifier(BaseEstimator):
    """Of scikit-learn's kind, but no classifier."""


@pytest.mark.parametrize(
    ("path", "settings"),
    [
        ("sklearn.neighbors:KNeighborsClassifier", {"n_neighbors": 3}),
        ("sklearn.ensemble:HistGradientBoostingClassifier", {"max_iter": 20}),
        ("sklearn.neural_network:MLPClassifier", {"hidden_layer_sizes": [8], "max_iter": 2000}),
    ],
)
def test_any_classifier_by_its_import_path(path, settings):
    """It takes NaN, its settings and the seed, and learns."""
    X, y = data()
    first, second = (fit_classifier(path, X, y, settings=settings, seed=4) for _ in range(2))
    assert (first.predict(X) == y).mean() > 0.9
    np.testing.assert_array_equal(first.predict_proba(X), second.predict_proba(X))


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("sklearn.nothing:Model", "cannot be imported"),
        ("sklearn.ensemble:Nothing", "cannot be imported"),
        ("os:system", "no scikit-learn classifier"),
        ("subprocess:Popen", "no scikit-learn classifier"),
        ("sklearn.linear_model:LinearRegression", "no scikit-learn classifier"),
        ("sklearn.linear_model:RidgeClassifier", "with predict_proba"),
        ("sklearn.ensemble:VotingClassifier", "needs arguments"),
        (f"{__name__}:NoClassifier", "no scikit-learn classifier"),
    ],
)
def test_what_is_no_classifier_is_refused(path, problem):
    """Only classifiers of scikit-learn's kind are made."""
    with pytest.raises(ModelError, match=problem):
        make_classifier(path)


def test_misspelt_and_impossible_settings():
    """A misspelt setting gets a suggestion, an impossible value is told."""
    with pytest.raises(ModelError, match=r"(?s)no setting 'max_leafs'.*max_leaf_nodes"):
        make_classifier("hist_gradient_boosting", settings={"max_leafs": 3})
    X, y = data()
    with pytest.raises(ModelError, match=r"(?s)cannot be trained.*max_leaf_nodes"):
        fit_classifier("hist_gradient_boosting", X, y, settings={"max_leaf_nodes": -1})
    with pytest.raises(ModelError, match="Did you mean 'station'"):
        make_classifier("logistic", scale="stations")
    path, weights = "sklearn.neighbors:KNeighborsClassifier", np.linspace(1, 2, len(y))
    with pytest.raises(ModelError, match="takes no weights"):
        fit_classifier(path, X, y, sample_weight=weights)


def test_settings_reach_the_classifier():
    """Of a pipeline, those of its last step."""
    model = make_classifier("logistic", settings={"C": 7.0}, class_weight="balanced")
    assert model[-1].C == 7.0
    assert model[-1].class_weight == "balanced"
    assert make_classifier("extra_trees", settings={"n_estimators": 5}, seed=3).random_state == 3
    known = make_classifier("logistic", seed=3).get_params()
    # Of the ranks, which are of a sample, and of the classifier.
    assert [known[name] for name in known if name.endswith("__random_state")] == [3, 3]


def test_weights_count_as_copies():
    """A window of weight two is a window that stands there twice."""
    X, y = data()
    twice = np.arange(len(y)) % 3 == 0
    weighted = fit_classifier(
        "sklearn.naive_bayes:GaussianNB", X, y, sample_weight=1.0 + twice, settings={}
    )
    copied = fit_classifier(
        "sklearn.naive_bayes:GaussianNB", np.vstack([X, X[twice]]), np.append(y, y[twice])
    )
    np.testing.assert_allclose(weighted[-1].theta_, copied[-1].theta_, atol=0.05)
    np.testing.assert_allclose(weighted[-1].class_prior_, copied[-1].class_prior_)


@given(
    ratios=st.lists(st.integers(0, 200), min_size=4, max_size=60),
    seed=st.integers(0, 99),
)
def test_sta_lta_finds_the_best_threshold(ratios, seed):
    """No other threshold has a better F1 on the training windows."""
    ratio = np.array(ratios) / 4
    event = np.random.default_rng(seed).random(len(ratio)) < 0.4
    event[:2] = True, False
    y = np.where(event, "event", "noise")
    X = pd.DataFrame({"stalta_short_max.Z": ratio, "rms.Z": 0.0})
    model = StaLtaThreshold().fit(X, y)

    def f1(threshold: float) -> float:
        found = ratio >= threshold
        return 2 * (found & event).sum() / (found.sum() + event.sum())

    assert f1(model.threshold_) == pytest.approx(max(f1(t) for t in ratio))
    if model.threshold_ > 0:
        assert ((model.predict(X) == "event") == (ratio >= model.threshold_)).all()


def test_sta_lta_takes_the_largest_component():
    """Without the column, or with two kinds of events, it says so."""
    names = ("stalta_mid_max.Z", "stalta_mid_max.N", "rms.Z")
    X = np.array([[1.0, np.nan, 9.0], [2.0, 7.0, 9.0], [np.nan, np.nan, 9.0]])
    model = StaLtaThreshold(names, "stalta_mid_max").fit(X, ["noise", "event", "noise"])
    ratio = largest_ratio(X, names, "stalta_mid_max")
    np.testing.assert_array_equal(ratio, [1.0, 7.0, np.nan])
    # Above 0 is the last class, noise; at the threshold itself it is an event.
    assert (model.decision_function(X) > 0).tolist() == [True, False, True]
    assert model.predict(X).tolist() == ["noise", "event", "noise"]
    with pytest.raises(ModelError, match=r"no column stalta_short_max"):
        StaLtaThreshold(names).fit(X, ["noise", "event", "noise"])
    with pytest.raises(ModelError, match=r"classes are a, b, noise"):
        StaLtaThreshold(names, "stalta_mid_max").fit(X, ["noise", "a", "b"])


def stations(n: int = 200) -> pd.DataFrame:
    """Windows of two stations whose gains and offsets differ."""
    X = np.random.default_rng(0).standard_normal((2 * n, 3)).astype(np.float32)
    X[n:] = 100 * X[:n] + 7
    X[:, 2] = np.nan
    return pd.DataFrame(
        X, columns=["a", "b", "c"], index=pd.Index(["A"] * n + ["B"] * n, name="station")
    )


def test_scaling_makes_stations_alike():
    """Gain and offset of a station go away; NaN stays; order and batches do not matter."""
    X = stations()
    scaler = StationScaler().fit(X)
    found = scaler.transform(X)
    np.testing.assert_allclose(found[:200], found[200:], atol=1e-4)
    assert np.isnan(found[:, 2]).all()
    np.testing.assert_array_equal(scaler.transform(X.iloc[::-1])[::-1], found)
    np.testing.assert_array_equal(scaler.transform(X.iloc[5:9]), found[5:9])


def test_scaling_of_a_new_station():
    """Scaled like the median station, until it is learnt on purpose."""
    X = stations()
    scaler = StationScaler().fit(X)
    new = X.iloc[200:].rename({"B": "C"})
    assert scaler.center_.shape == (3, 3)
    center, scale = (np.median(v[:2], axis=0) for v in (scaler.center_, scaler.scale_))
    np.testing.assert_allclose(
        scaler.transform(new)[:, :2], ((new - center) / scale).to_numpy()[:, :2], rtol=1e-4
    )
    adapted = scaler.adapted(new)
    np.testing.assert_allclose(adapted.transform(new), scaler.transform(X.iloc[200:]), rtol=1e-5)
    assert scaler.stations_ == ["A", "B"]


def test_a_scaled_classifier_learns_across_gains():
    """A model of scaled columns is right at both stations."""
    X = stations()
    y = np.where(np.tile(X["a"].to_numpy()[:200] > 0.8, 2), "event", "noise")
    model = fit_classifier("logistic", X, y, scale="station")
    assert (model.predict(X) == y).mean() > 0.9


@pytest.mark.parametrize("name", ["random_forest", "extra_trees", "hist_gradient_boosting"])
def test_classes_may_be_named_by_numbers(name):
    """Weights of classes "0" and "1", as tables have them, are those of any other names."""
    X, y = data()
    options = {"class_weight": "balanced", "seed": 4}
    numbers = fit_classifier(name, X, np.where(y == "event", "0", "1"), **options)
    words = fit_classifier(name, X, y, **options)
    assert numbers.classes_.tolist() == ["0", "1"]
    np.testing.assert_array_equal(numbers.predict_proba(X), words.predict_proba(X))


def test_the_average_of_several_seeds():
    """Its probabilities are the mean of those of its members, and weights reach them."""
    rng = np.random.default_rng(4)
    X = rng.standard_normal((300, 4)).astype(np.float32)
    X[::7, 1] = np.nan
    y = np.where(X[:, 0] + 0.5 * rng.standard_normal(300) > 0, "event", "noise")
    weight = 1.0 + (y == "event")
    options = {"sample_weight": weight, "settings": {"max_iter": 5}}
    several = fit_classifier("hist_gradient_boosting", X, y, n_models=3, seed=7, **options)
    ones = [fit_classifier("hist_gradient_boosting", X, y, seed=7 + k, **options) for k in range(3)]
    mean = np.mean([one.predict_proba(X) for one in ones], axis=0)
    np.testing.assert_allclose(several.predict_proba(X), mean, rtol=1e-12)
    assert several.classes_.tolist() == ["event", "noise"]
    with pytest.raises(ModelError, match="has no seed"):
        fit_classifier("sklearn.naive_bayes:GaussianNB", X, y, n_models=2)
