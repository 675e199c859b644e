"""Models: scikit-learn pipelines, blocked splits, and the Detector that is saved and applied.

scikit-learn starts here, at the feature table. A Detector file is a skops archive: loading one
never runs code, and refuses any type that seisml does not write itself.
"""

import dataclasses
import json
from collections.abc import Iterator, Mapping
from importlib import resources
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from seisml.atomic import replacing
from seisml.errors import FeatureMismatchError, ModelError, did_you_mean
from seisml.pooling import is_pooled, pooled
from seisml.store import FeatureTable
from seisml.times import NS_PER_S
from seisml.windows import WindowGrid

CLASSIFIERS = ("dummy", "logistic", "random_forest", "hist_gradient_boosting")
NOISE_CLASS = "noise"
PACKAGES = ("seisml", "scikit-learn", "skops", "numpy")
SCHEMA = 1
_MODELS = Path(str(resources.files("seisml") / "models"))
TRUSTED = (
    "numpy.dtype",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
)
"""Types beyond skops' own list that our classifiers are made of: data, no functions."""


def make_classifier(
    name: str = "hist_gradient_boosting",
    *,
    class_weight: str | None = None,
    seed: int = 0,
    jobs: int = 1,
):
    """Return an unfitted classifier that takes NaN as it comes.

    Parameters
    ----------
    name : str
        ``dummy`` (the prior), ``logistic``, ``random_forest`` or ``hist_gradient_boosting``.
    class_weight : "balanced" or None
        Weights in inverse proportion to the frequency of the classes. Thresholds are chosen on
        events in any case, so this changes what is learned, not how often it fires.
    seed : int
    jobs : int
        Processes of the forest.

    Returns
    -------
    sklearn.base.BaseEstimator
        With ``fit`` and ``predict_proba``.

    Raises
    ------
    ModelError
        If there is no classifier of that name.

    Examples
    --------
    >>> make_classifier("dummy").fit([[0.0], [1.0]], ["noise", "event"]).classes_.tolist()
    ['event', 'noise']
    """
    from sklearn.dummy import DummyClassifier
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import QuantileTransformer

    if name not in CLASSIFIERS:
        raise ModelError(f"There is no classifier {name!r}.", did_you_mean(name, CLASSIFIERS))
    if name == "dummy":
        return DummyClassifier(strategy="prior")
    if name == "logistic":
        # Ratios have heavy tails: ranks are what a linear model can use.
        return make_pipeline(
            SimpleImputer(strategy="median", keep_empty_features=True, add_indicator=True),
            QuantileTransformer(
                n_quantiles=200, output_distribution="normal", random_state=seed, subsample=100_000
            ),
            LogisticRegression(class_weight=class_weight, C=0.1, max_iter=1000),
        )
    if name == "random_forest":
        return RandomForestClassifier(
            n_estimators=200,
            min_samples_leaf=3,
            class_weight=class_weight,
            random_state=seed,
            n_jobs=jobs,
        )
    return HistGradientBoostingClassifier(
        max_iter=60,
        learning_rate=0.15,
        max_leaf_nodes=15,
        min_samples_leaf=10,
        l2_regularization=1.0,
        max_features=0.3,
        class_weight=class_weight,
        early_stopping=False,
        random_state=seed,
    )


def make_blocks(time_ns: np.ndarray, *, block_s: float, min_blocks: int = 3) -> np.ndarray:
    """Give each window the number of its validation block: days, or any length of time.

    Parameters
    ----------
    time_ns : numpy.ndarray of int64, shape (n_windows,)
    block_s : float, s
        Length of a block; 86400 gives UTC days.
    min_blocks : int
        Where there are fewer such blocks, the records themselves (pieces between gaps of ten
        minutes) are the blocks, and where there are too few of these, equal parts of the time.

    Returns
    -------
    numpy.ndarray of int64, shape (n_windows,)
        0, 1, 2 ... in order of time.

    Examples
    --------
    >>> make_blocks(np.arange(4) * 86_400 * 10**9, block_s=86_400).tolist()
    [0, 1, 2, 3]
    """
    time_ns = np.asarray(time_ns, dtype=np.int64)
    blocks = _without_crumbs(time_ns // round(block_s * NS_PER_S))
    if len(np.unique(blocks)) >= min_blocks:
        return blocks
    known = np.unique(time_ns)
    record = np.concatenate([[0], np.cumsum(np.diff(known) > 600 * NS_PER_S)])[: len(known)]
    record = _without_crumbs(record)
    if len(np.unique(record)) < min_blocks:
        record = np.arange(len(known)) * min_blocks // max(1, len(known))
    return record[np.searchsorted(known, time_ns)].astype(np.int64)


def _without_crumbs(blocks: np.ndarray) -> np.ndarray:
    """Join blocks with less than a twentieth of the largest to a neighbour; number from 0."""
    if not len(blocks):
        return blocks.astype(np.int64)
    blocks = np.unique(blocks, return_inverse=True)[1]
    size = np.bincount(blocks)
    kept = np.flatnonzero(size >= size.max() / 20)
    nearest = np.searchsorted((kept[1:] + kept[:-1]) / 2, np.arange(len(size)))
    return nearest[blocks].astype(np.int64)


class PurgedBlockSplit:
    """Split windows by blocks of time, with a purge gap, for scikit-learn.

    Blocks are dealt to the folds in turn. Windows for training that lie within the purge of a
    window of the test fold are left out of both, so neighbours never stand on both sides.

    Parameters
    ----------
    n_splits : int
        Folds; at most the number of blocks.
    block_s : float, s
        Length of a block, see `make_blocks`.
    purge_s : float, s
        Gap on both sides of the test blocks; take at least a window plus the longest event.

    Notes
    -----
    ``groups`` are the starts of the windows in int64 ns; for a DataFrame of a FeatureTable they
    are taken from its index.
    """

    def __init__(self, n_splits: int = 5, *, block_s: float = 86_400.0, purge_s: float = 60.0):
        self.n_splits = n_splits
        self.block_s = block_s
        self.purge_s = purge_s

    def __repr__(self) -> str:
        return f"PurgedBlockSplit({self.n_splits}, block_s={self.block_s}, purge_s={self.purge_s})"

    def get_n_splits(self, X=None, y=None, groups=None) -> int:
        """Return the number of folds."""
        return self.n_splits

    def split(self, X, y=None, groups=None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield (train, test) row numbers.

        Raises
        ------
        ModelError
            If there are fewer blocks than folds, or no times.
        """
        if self.n_splits < 2:
            raise ModelError(f"n_splits = {self.n_splits} leaves nothing to train on.", "Take 2.")
        time_ns = _times_of(X, groups)
        blocks = make_blocks(time_ns, block_s=self.block_s, min_blocks=self.n_splits)
        n_blocks = int(blocks.max()) + 1 if len(blocks) else 0
        if n_blocks < self.n_splits:
            raise ModelError(
                f"{n_blocks} blocks of {self.block_s:g} s are too few for {self.n_splits} folds.",
                "Take fewer folds, shorter blocks, or more data.",
            )
        for fold in range(self.n_splits):
            test = blocks % self.n_splits == fold
            train = np.flatnonzero(~test & ~self.near(time_ns, test))
            if not len(train):
                raise ModelError(
                    f"A purge of {self.purge_s:g} s leaves nothing to train on.",
                    "Take a shorter purge, longer blocks, or more data.",
                )
            yield train, np.flatnonzero(test)

    def near(self, time_ns: np.ndarray, test: np.ndarray) -> np.ndarray:
        """Return which windows start within the purge of a test window."""
        return within(time_ns, np.unique(time_ns[test]), round(self.purge_s * NS_PER_S))


def _times_of(X, groups) -> np.ndarray:
    if groups is not None:
        return np.asarray(groups, dtype=np.int64)
    if isinstance(X, pd.DataFrame) and "time" in X.index.names:
        times = X.index.get_level_values("time")
        return times.to_numpy().astype("datetime64[ns]").astype(np.int64)
    raise ModelError("The starts of the windows are not known.", "Give groups=table.time_ns.")


def within(time_ns: np.ndarray, others: np.ndarray, distance_ns: int) -> np.ndarray:
    """Return which instants have one of the (sorted) others nearer than a distance."""
    if not len(others):
        return np.zeros(len(time_ns), dtype=bool)
    after = np.searchsorted(others, time_ns)
    right = others[np.minimum(after, len(others) - 1)]
    left = others[np.maximum(after - 1, 0)]
    return np.minimum(np.abs(right - time_ns), np.abs(time_ns - left)) < distance_ns


@dataclasses.dataclass(frozen=True)
class Detector:
    """All that is needed to apply a model honestly.

    Attributes
    ----------
    estimator : object
        Fitted, with ``predict_proba`` and ``classes_``.
    columns : tuple of str
        Features in the order of training.
    grid : WindowGrid
    fingerprint : str
        Of the feature settings; a table made with others is refused.
    plan : dict
        Those settings, so that features of new records can be made alike.
    on, off : float
        Thresholds of the event probability, 1 - P(noise).
    detection : dict
        Further settings of the step from probabilities to events.
    card : dict
        Trained on what, by what, measured how; seed and versions.
    """

    estimator: object
    columns: tuple[str, ...]
    grid: WindowGrid
    fingerprint: str
    plan: Mapping
    on: float
    off: float
    detection: Mapping
    card: Mapping

    @property
    def unit(self) -> str:
        """Unit of the samples of the records that it was trained on."""
        return str(self.plan.get("unit", "counts"))

    @property
    def classes(self) -> tuple[str, ...]:
        """Classes of events, without noise."""
        return tuple(str(c) for c in self.estimator.classes_ if c != NOISE_CLASS)

    def about(self) -> dict:
        """Return the card with the features, windows and thresholds, ready for JSON."""
        return {
            "classes": list(self.classes),
            "features": f"{len(self.columns)} columns, settings {self.fingerprint}",
            "windows": f"{self.grid.length_s:g} s every {self.grid.hop_s:g} s",
            "unit": self.unit,
            "thresholds": {"on": self.on, "off": self.off},
            **self.card,
        }

    def __repr__(self) -> str:
        kind = type(self.estimator).__name__
        return (
            f"Detector({kind}, {len(self.columns)} columns, classes {', '.join(self.classes)}, "
            f"on {self.on:.3g}, off {self.off:.3g}, features {self.fingerprint})"
        )


def check_table(table: FeatureTable, *, columns, fingerprint: str, unit: str = "counts") -> None:
    """Refuse a table that was not made as the model was trained.

    Parameters
    ----------
    table : FeatureTable
    columns : iterable of str
        That the model knows.
    fingerprint : str
        Of the settings.
    unit : str
        Of the samples that the model was trained on.

    Raises
    ------
    FeatureMismatchError
        If units or settings differ, or the table has none of the columns.
    """
    theirs = table.settings.get("unit", "counts")
    if theirs != unit:
        raise FeatureMismatchError(
            f"The model was trained on records in {unit}, the table was made from records in "
            f"{theirs}: the same shaking has other numbers.",
            "Extract the features in the model's units, with --metadata where it needs them.",
        )
    if table.fingerprint != fingerprint:
        raise FeatureMismatchError(
            f"The model was trained on features {fingerprint}, the table holds "
            f"{table.fingerprint}: other settings, other values.",
            "Extract the features with the model's own settings, as 'seisml detect' does.",
        )
    # Every station has the columns of three components, if only as NaN: they show no kinship.
    known = {c for c in columns if not c.endswith(".3C")} or set(columns)
    if not is_pooled(columns) and not known & set(table.frame.columns):
        raise FeatureMismatchError(
            f"The table has none of the model's {len(columns)} columns; the model knows the "
            f"components {_components(known)}, the table {_components(table.frame.columns)}.",
            "Train on records with these components.",
        )


def _components(columns) -> str:
    return ", ".join(sorted({column.rsplit(".", 1)[-1] for column in columns} - {"3C"})) or "3C"


def fit_classifier(
    name: str,
    X: np.ndarray,
    y: np.ndarray,
    *,
    sample_weight: np.ndarray | None = None,
    class_weight: str | None = None,
    seed: int = 0,
):
    """Return a fitted classifier of `make_classifier`.

    One thread: OpenMP teams that wait for each other make boosting ten times slower on a machine
    that is busy, and sums then depend on the number of threads.
    """
    X = finite(X)
    empty = np.isnan(X).all(axis=0)
    if empty.any():
        # Boosting cannot bin a column without a value; a constant teaches as little.
        X = np.where(empty, np.float32(0), X)
    with threadpool_limits(1):
        model = make_classifier(name, class_weight=class_weight, seed=seed)
        if sample_weight is None or np.ptp(sample_weight) == 0:
            return model.fit(X, y)
        last = f"{model.steps[-1][0]}__" if hasattr(model, "steps") else ""
        return model.fit(X, y, **{f"{last}sample_weight": sample_weight})


def predict(estimator, columns, table: FeatureTable) -> pd.DataFrame:
    """Return the probability of each class for each window.

    Parameters
    ----------
    estimator : object
        Fitted classifier.
    columns : sequence of str
        Columns it was trained on; those that the table does not have are NaN.
    table : FeatureTable

    Returns
    -------
    pandas.DataFrame of float32, shape (n_windows, n_classes)
        NaN where a window has no feature at all (gap, or too little coverage).
    """
    frame = pooled(table.frame) if is_pooled(columns) else table.frame
    X = frame.reindex(columns=list(columns)).to_numpy(np.float32)
    known = np.isfinite(X).any(axis=1)
    out = np.full((len(X), len(estimator.classes_)), np.nan, dtype=np.float32)
    if known.any():
        # Column by column in memory: a tree looks at few columns, and is five times as fast.
        X = finite(np.compress(known, X.T, axis=1).T)
        with threadpool_limits(1):
            out[known] = estimator.predict_proba(X)
    names = [str(c) for c in estimator.classes_]
    return pd.DataFrame(out, index=table.frame.index, columns=names)


def finite(X: np.ndarray) -> np.ndarray:
    """Return X with infinite values as NaN: scikit-learn takes NaN but not infinity."""
    return np.where(np.isinf(X), np.float32(np.nan), X)


def event_probability(probabilities: pd.DataFrame) -> np.ndarray:
    """Return 1 - P(noise) of each window."""
    return 1.0 - probabilities[NOISE_CLASS].to_numpy(np.float64)


def save_detector(detector: Detector, path) -> Path:
    """Write a Detector as a skops file: temporary name, synced, renamed.

    Raises
    ------
    ModelError
        If the file cannot be written.
    """
    import skops.io

    path = Path(path)
    content = {
        "schema": SCHEMA,
        "estimator": detector.estimator,
        "about": json.dumps(_about(detector), sort_keys=True),
    }
    try:
        with replacing(path) as part:
            skops.io.dump(content, part)
    except OSError as error:
        raise ModelError(f"{path} cannot be written: {error}.", "Choose another path.") from error
    return path


def _about(detector: Detector) -> dict:
    about = {
        field.name: getattr(detector, field.name)
        for field in dataclasses.fields(detector)
        if field.name not in ("estimator", "grid")
    }
    about["grid"] = dataclasses.asdict(detector.grid)
    about["versions"] = {name: version(name) for name in PACKAGES}
    return about


def shipped_models() -> list[str]:
    """Return the names of the models that come with seisml."""
    return sorted(p.stem for p in _MODELS.iterdir() if p.suffix == ".skops")


def find_model(model) -> Path:
    """Return the file of a model: a path as it is, a bare name from those that come with seisml.

    Raises
    ------
    ModelError
        If there is no such file and no such name.
    """
    path = Path(model)
    if path.is_file():
        return path
    if path.suffix or len(path.parts) != 1:
        raise ModelError(f"There is no model {path}.", "Train one with 'seisml train'.")
    names = shipped_models()
    if path.name not in names:
        raise ModelError(
            f"No model {path.name!r} comes with seisml, and there is no such file.",
            did_you_mean(path.name, names) if names else "Train one with 'seisml train'.",
        )
    return _MODELS / f"{path.name}.skops"


def load_detector(path) -> Detector:
    """Read a Detector; no code of the file is run.

    Parameters
    ----------
    path : path or str
        A file, or the bare name of a model that comes with seisml (`shipped_models`).

    Raises
    ------
    ModelError
        If there is no such file, it is no Detector, or it holds types that seisml does not write.
    """
    import zipfile

    import skops.io

    path = find_model(path)
    try:
        unknown = sorted(set(skops.io.get_untrusted_types(file=path)) - set(TRUSTED))
        if unknown:
            raise ModelError(
                f"{path} holds types that no seisml model has: {', '.join(unknown[:5])}.",
                "It was not loaded. Use only models from people you trust.",
            )
        content = skops.io.load(path, trusted=list(TRUSTED))
        if content["schema"] != SCHEMA:
            raise ModelError(f"{path} has schema {content['schema']}, not {SCHEMA}.", "Train anew.")
        about, estimator = json.loads(content["about"]), content["estimator"]
        about["grid"] = WindowGrid(**about["grid"])
        about["columns"] = tuple(about["columns"])
        about["card"] = {**about["card"], "versions": about.pop("versions")}
    except (zipfile.BadZipFile, KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(f"{path} is no seisml model: {error}.", "Train a new one.") from error
    return Detector(estimator=estimator, **about)
