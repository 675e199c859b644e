"""Classifiers by name or import path, with their settings; fitted on one thread, seeded."""

import importlib
import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from seisml.errors import ModelError, did_you_mean

CLASSIFIERS = (
    "dummy",
    "sta_lta",
    "logistic",
    "random_forest",
    "extra_trees",
    "hist_gradient_boosting",
)
SCALES = ("none", "station")


def make_classifier(
    name: str = "hist_gradient_boosting",
    *,
    settings: Mapping | None = None,
    columns: Sequence[str] = (),
    scale: str = "none",
    class_weight: str | None = None,
    seed: int = 0,
    jobs: int = 1,
    n_models: int = 1,
):
    """Return an unfitted classifier that takes NaN as it comes.

    Parameters
    ----------
    name : str
        ``dummy`` (the prior), ``sta_lta`` (`StaLtaThreshold`), ``logistic``, ``random_forest``,
        ``extra_trees``, ``hist_gradient_boosting``, or the import path of any scikit-learn
        classifier with ``predict_proba``, as ``sklearn.neighbors:KNeighborsClassifier``; where
        it cannot take NaN, medians are put in.
    settings : mapping, optional
        Keywords of the classifier, as ``{"max_leaf_nodes": 31}``.
    columns : sequence of str
        Names of the columns of X; only ``sta_lta`` needs them.
    scale : "none" or "station"
        Whether columns are scaled by `StationScaler` first; X is then a DataFrame.
    class_weight : "balanced" or None
        Weights in inverse proportion to the frequency of the classes, see `balances`. Thresholds
        are chosen on events in any case, so this changes what is learned, not how often it fires.
    seed : int
    jobs : int
        Threads of a forest.
    n_models : int
        So many classifiers with seeds that follow on, whose probabilities are averaged: less of
        what is learnt is luck.

    Returns
    -------
    sklearn.base.BaseEstimator
        With ``fit`` and ``predict_proba``.

    Raises
    ------
    ModelError
        If there is no such classifier, it is none of scikit-learn's kind, or a setting is unknown.

    Examples
    --------
    >>> make_classifier("dummy").fit([[0.0], [1.0]], ["noise", "event"]).classes_.tolist()
    ['event', 'noise']
    >>> make_classifier("sklearn.naive_bayes:GaussianNB", settings={"var_smoothing": 1e-6})[-1]
    GaussianNB(var_smoothing=1e-06)
    """
    from sklearn.pipeline import make_pipeline

    from seisml.model.estimators import StationScaler

    if scale not in SCALES:
        raise ModelError(f"There is no scaling {scale!r}.", did_you_mean(scale, SCALES))
    options = {"class_weight": class_weight, "random_state": seed}
    options |= {"n_jobs": jobs} if jobs > 1 else {}
    if ":" in name:
        model = _imported(name)
    elif name in CLASSIFIERS:
        model = _named(name, columns)
    else:
        raise ModelError(
            f"There is no classifier {name!r}.",
            f"{did_you_mean(name, CLASSIFIERS)} Or give an import path, package.module:Class.",
        )
    known = model.get_params()
    model = model.set_params(**{k: v for k, v in options.items() if k in known})
    model = model.set_params(**_checked(name, settings or {}, known))
    if not hasattr(model, "predict_proba"):  # with some settings only, as of SGDClassifier
        raise ModelError(
            f"{name} is no classifier with predict_proba at the settings {dict(settings or {})}.",
            "Take settings with probabilities, or sklearn.neighbors:KNeighborsClassifier, say.",
        )
    if n_models > 1:
        model = _several(name, model, n_models)
    steps = [StationScaler()] if scale == "station" else []
    steps += _before(name, model, seed)
    return make_pipeline(*steps, model) if steps else model


def _named(name: str, columns: Sequence[str]):
    from sklearn.dummy import DummyClassifier
    from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression

    from seisml.model.boosting import Boosting
    from seisml.model.estimators import StaLtaThreshold

    if name == "dummy":
        return DummyClassifier(strategy="prior")
    if name == "sta_lta":
        return StaLtaThreshold(columns=tuple(columns))
    if name == "logistic":
        return LogisticRegression(C=0.1, max_iter=1000)
    if name == "random_forest":
        return RandomForestClassifier(n_estimators=200, min_samples_leaf=3)
    if name == "extra_trees":
        return ExtraTreesClassifier(n_estimators=200, min_samples_leaf=3)
    return Boosting(
        max_iter=60,
        learning_rate=0.15,
        max_leaf_nodes=15,
        min_samples_leaf=10,
        l2_regularization=1.0,
        max_features=0.3,
        early_stopping=False,
    )


def _several(name: str, model, n_models: int):
    """Return an average over classifiers that differ in their seeds."""
    from sklearn.base import clone
    from sklearn.ensemble import VotingClassifier

    seed = model.get_params().get("random_state")
    if seed is None:
        raise ModelError(
            f"The classifier {name} has no seed: {n_models} of them would be the same.",
            "Set n_models = 1.",
        )
    ones = [
        (f"seed_{k}", clone(model).set_params(random_state=k)) for k in range(seed, seed + n_models)
    ]
    return VotingClassifier(ones, voting="soft")


def _imported(path: str):
    """Return an instance of a scikit-learn classifier by its import path."""
    from sklearn.base import BaseEstimator, is_classifier

    module, _, name = path.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ModelError(
            f"The classifier {path} cannot be imported: {error}.",
            "Give package.module:Class of an installed package.",
        ) from error
    wanted = isinstance(found, type) and issubclass(found, BaseEstimator)
    try:
        model = found() if wanted else None
    except TypeError as error:
        raise ModelError(f"{path} needs arguments: {error}.", "Take another classifier.") from error
    if model is None or not is_classifier(model):
        raise ModelError(
            f"{path} is no scikit-learn classifier.",
            "For example sklearn.neighbors:KNeighborsClassifier.",
        )
    return model


def _checked(name: str, settings: Mapping, known: Mapping) -> dict:
    """Return settings as keywords, or refuse a misspelt one."""
    for key in settings:
        if key not in known:
            raise ModelError(
                f"The classifier {name} has no setting {key!r}.", did_you_mean(key, known)
            )
    return {key: tuple(v) if isinstance(v, list) else v for key, v in settings.items()}


def _before(name: str, model, seed: int) -> list:
    """Return what comes before the classifier."""
    from sklearn.impute import SimpleImputer
    from sklearn.preprocessing import QuantileTransformer
    from sklearn.utils import get_tags

    fill = SimpleImputer(strategy="median", keep_empty_features=True, add_indicator=True)
    if name == "logistic":
        # Ratios have heavy tails: ranks are what a linear model can use.
        ranks = {"n_quantiles": 200, "output_distribution": "normal", "subsample": 100_000}
        return [fill, QuantileTransformer(**ranks, random_state=seed)]
    takes_nan = name in CLASSIFIERS or get_tags(model).input_tags.allow_nan
    return [] if takes_nan else [fill]


def fit_classifier(
    name: str,
    X,
    y: np.ndarray,
    *,
    sample_weight: np.ndarray | None = None,
    **options,
):
    """Return a fitted classifier of `make_classifier`.

    One thread: OpenMP teams that wait for each other make boosting ten times slower on a machine
    that is busy, and sums then depend on the number of threads.

    Parameters
    ----------
    name : str
    X : numpy.ndarray or pandas.DataFrame of float32, shape (n_windows, n_columns)
        A DataFrame with the level ``station`` in its index where the scale is "station".
    y : numpy.ndarray of str, shape (n_windows,)
    sample_weight : numpy.ndarray, shape (n_windows,), optional
    **options
        Of `make_classifier`.

    Raises
    ------
    ModelError
        If a setting cannot be used, or there are weights and the classifier takes none.
    """
    from sklearn import config_context
    from sklearn.utils.validation import has_fit_parameter

    X = without_empty(finite(X))
    model = make_classifier(name, **options)
    steps = model.steps if hasattr(model, "steps") else [("", model)]
    if options.get("class_weight"):
        sample_weight = _balanced(name, model, y, sample_weight)
    weights = {}
    if sample_weight is not None and np.ptp(sample_weight) > 0:
        one = getattr(steps[-1][1], "estimators", steps[-1:])[0][1]  # of several: the first
        if not has_fit_parameter(one, "sample_weight"):
            raise ModelError(
                f"The classifier {name} takes no weights, and the windows have different ones.",
                "Give all sets and qualities one weight, or take another classifier.",
            )
        last = f"{steps[-1][0]}__" if hasattr(model, "steps") else ""
        weights = {f"{last}sample_weight": sample_weight}
    # Weights go where they are sent, whatever routing the caller has switched on for his own.
    routing = config_context(enable_metadata_routing=False)
    with threadpool_limits(1), routing, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="n_quantiles", category=UserWarning)  # few rows
        try:
            return model.fit(X, y, **weights)
        except ValueError as error:
            raise ModelError(
                f"The classifier {name} cannot be trained: {error}.",
                "Check [training] settings.",
            ) from error


def _reads_as_number(label: str) -> bool:
    return label.strip().lstrip("+-").isdecimal()


def _balanced(name: str, model, y: np.ndarray, sample_weight: np.ndarray | None):
    """Return weights that balance the classes, where a classifier cannot do it by itself.

    Forests of scikit-learn take a class "0" for the number 0 and do not find its weight; others,
    as GaussianNB, have weights of windows only. Of windows that weigh differently some balance the
    numbers, some the sums of weights: here it is the numbers (`seisml.crossfit.class_priors`).
    """
    from sklearn.utils.class_weight import compute_sample_weight

    last = model[-1] if hasattr(model, "steps") else model
    known = last.get_params()
    own = [key for key in known if key.rpartition("__")[2] == "class_weight"]
    if not own and not balances(name):
        return sample_weight
    alike = sample_weight is None or np.ptp(sample_weight) == 0
    by_number = "class_weight" in own and any(map(_reads_as_number, np.unique(y)))
    if own and alike and not by_number:
        return sample_weight
    last.set_params(**dict.fromkeys(own))
    weights = compute_sample_weight("balanced", y)
    return weights if sample_weight is None else weights * sample_weight


def balances(name: str) -> bool:
    """Return whether a classifier of `make_classifier` heeds balanced classes.

    ``dummy`` says how frequent classes are, ``sta_lta`` counts windows; others cannot if they take
    no weights at all.

    Examples
    --------
    >>> balances("logistic"), balances("dummy"), balances("sklearn.naive_bayes:GaussianNB")
    (True, False, True)
    """
    from sklearn.utils.validation import has_fit_parameter

    if ":" not in name:
        return name not in ("dummy", "sta_lta")
    model = _imported(name)
    return "class_weight" in model.get_params() or has_fit_parameter(model, "sample_weight")


def predict_proba(estimator, X) -> np.ndarray:
    """Return the probabilities of a fitted estimator, on one thread, infinity taken as NaN."""
    with threadpool_limits(1):
        return estimator.predict_proba(finite(X))


def scales_by_station(estimator) -> bool:
    """Return whether an estimator has to know the station of each window."""
    from seisml.model.estimators import StationScaler

    steps = getattr(estimator, "steps", [("", estimator)])
    return isinstance(steps[0][1], StationScaler)


def finite(X):
    """Return X with infinite values as NaN: scikit-learn takes NaN but not infinity."""
    if isinstance(X, pd.DataFrame):
        return pd.DataFrame(finite(X.to_numpy()), index=X.index, columns=X.columns)
    return np.where(np.isinf(X), np.float32(np.nan), X)


def without_empty(X):
    """Return X with zeros in columns without any value: boosting cannot bin them.

    Parameters
    ----------
    X : numpy.ndarray or pandas.DataFrame
        Anything else, and what holds no numbers, is returned as it is.
    """
    if isinstance(X, pd.DataFrame):
        empty = X.columns[X.isna().all()]
        X = X.copy(deep=bool(len(empty)))
        X[empty] = np.float32(0)
        return X
    if not isinstance(X, np.ndarray) or X.dtype.kind != "f" or X.ndim != 2:
        return X
    empty = np.isnan(X).all(axis=0)
    return np.where(empty, X.dtype.type(0), X) if empty.any() else X
