"""Evaluation of classifiers on a table: blocked cross-validation, several models beside each other.

Every row is classified by a model that was trained without its block; the same folds, rows and
resampled blocks serve all models, so they can be compared in pairs.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from seisml.errors import ModelError, TableError, did_you_mean
from seisml.importance import kin_groups, permutation_importance
from seisml.model import finite, fit_classifier, within
from seisml.model.files import PACKAGES
from seisml.scores import (
    block_counts,
    class_table,
    paired_differences,
    score_table,
)
from seisml.suspicions import alone_scores, doubts
from seisml.tabular import Samples, read_frame
from seisml.times import NS_PER_S

MODELS = ("dummy", "logistic", "random_forest", "hist_gradient_boosting")


@dataclasses.dataclass(frozen=True)
class EvaluationRule:
    """How models are evaluated on a table.

    Attributes
    ----------
    models : tuple of str
        For `seisml.model.make_classifier`; the first is what the others are held against.
    n_folds : int
    purge_s : float, s
        Rows for training keep this distance from tested ones, where times are known.
    n_repeats : int
        Permutations of a feature; 0 leaves the importance out.
    n_boot : int
        Resamples of blocks.
    seed : int
    """

    models: tuple[str, ...] = MODELS
    n_folds: int = 5
    purge_s: float = 60.0
    n_repeats: int = 5
    n_boot: int = 1000
    seed: int = 0


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What models did on rows of blocks that they had not seen.

    Attributes
    ----------
    samples : Samples
    rule : EvaluationRule
    classes : tuple of str
    fold : numpy.ndarray of int64, shape (n_rows,)
    probability : dict of str to numpy.ndarray, shape (n_rows, n_classes)
        Out-of-fold, by model.
    counts : dict of str to numpy.ndarray, shape (n_blocks, n_classes, n_classes)
        Confusion of each block, by model.
    scores : pandas.DataFrame
        From `seisml.scores.score_table`, with ``brier`` (of probabilities, 0 is best).
    by_class : dict of str to pandas.DataFrame
        From `seisml.scores.class_table`, by model.
    differences : pandas.DataFrame
        From `seisml.scores.paired_differences`.
    alone : pandas.Series
        Out-of-fold balanced accuracy of each feature alone, largest first.
    best : str
        Model with the largest balanced accuracy: that of the importance and of the audit.
    importance, group_importance : pandas.DataFrame
        From `seisml.importance.permutation_importance`; empty where it was not asked for.
    groups : dict of str to list of str
        Features of each group.
    notes : tuple of str
        What the reader should know.
    """

    samples: Samples
    rule: EvaluationRule
    classes: tuple[str, ...]
    fold: np.ndarray
    probability: Mapping[str, np.ndarray]
    counts: Mapping[str, np.ndarray]
    scores: pd.DataFrame
    by_class: Mapping[str, pd.DataFrame]
    differences: pd.DataFrame
    alone: pd.Series
    best: str
    importance: pd.DataFrame
    group_importance: pd.DataFrame
    groups: Mapping[str, Sequence[str]]
    notes: tuple[str, ...]

    @property
    def truth(self) -> np.ndarray:
        """Number of the class of each row."""
        return np.searchsorted(self.classes, self.samples.y)


def evaluate_table(
    samples: Samples,
    rule: EvaluationRule | None = None,
    *,
    groups: Mapping[str, Sequence[str]] | None = None,
    on_progress: Callable[[str], None] | None = None,
) -> Evaluation:
    """Evaluate classifiers on a table by blocked cross-validation.

    Parameters
    ----------
    samples : Samples
        From `seisml.tabular.samples_of`.
    rule : EvaluationRule, optional
    groups : mapping of str to sequence of str, optional
        Features that are permuted together; by default those that say nearly the same.
    on_progress : callable, optional

    Returns
    -------
    Evaluation

    Raises
    ------
    ModelError
        If a class is in one block only, or there are fewer blocks than folds.
    """
    rule, say = rule or EvaluationRule(), on_progress or (lambda text: None)
    classes = samples.classes
    truth = np.searchsorted(classes, samples.y)
    X = finite(samples.X.to_numpy(np.float64)).astype(np.float32)
    fold = _folds(samples, truth, rule)
    fitted, probability = {}, {}
    for name in rule.models:
        fitted[name] = []
        for k in range(int(fold.max()) + 1):
            say(f"{name}: fold {k + 1} of {int(fold.max()) + 1}")
            train = _training_rows(samples, fold, k, rule)
            model = fit_classifier(
                name, X[train], samples.y[train], class_weight="balanced", seed=rule.seed
            )
            fitted[name].append(model)
        with threadpool_limits(1):
            probability[name] = _out_of_fold(fitted[name], X, fold, classes)
    block, n = samples.block, len(classes)
    counts = {
        name: block_counts(truth, p.argmax(axis=1), block, n) for name, p in probability.items()
    }
    boot = {"n_boot": rule.n_boot, "seed": rule.seed}
    scores = score_table(counts, **boot)
    exact = np.eye(n)[truth]
    scores["brier"] = [float(((p - exact) ** 2).sum(axis=1).mean()) for p in probability.values()]
    best = str(scores.loc[scores["balanced_accuracy"].idxmax(), "model"])
    alone = alone_scores(samples.X, truth, fold, n)
    groups = groups or {
        name: [samples.X.columns[c] for c in columns]
        for name, columns in kin_groups(samples.X).items()
    }
    result = Evaluation(
        samples=samples,
        rule=rule,
        classes=classes,
        fold=fold,
        probability=probability,
        counts=counts,
        scores=scores,
        by_class={name: class_table(one, classes, **boot) for name, one in counts.items()},
        differences=paired_differences(counts, **boot),
        alone=alone,
        best=best,
        importance=pd.DataFrame(),
        group_importance=pd.DataFrame(),
        groups=groups,
        notes=(*samples.notes, *doubts(samples, counts, alone)),
    )
    return _with_importance(result, fitted[best], X, say) if rule.n_repeats else result


def _folds(samples: Samples, truth: np.ndarray, rule: EvaluationRule) -> np.ndarray:
    """Deal the blocks to folds, the classes evenly over them."""
    from sklearn.model_selection import StratifiedGroupKFold

    n_blocks, most = len(np.unique(samples.block)), int(np.bincount(truth).max())
    if not 2 <= rule.n_folds <= most:
        raise ModelError(
            f"{rule.n_folds} folds of {samples.name}, whose largest class has {most} rows.",
            f"Take from 2 to {most} folds (--folds).",
        )
    if n_blocks < rule.n_folds:
        raise ModelError(
            f"{samples.name} has {n_blocks} block{'s' * (n_blocks > 1)} of rows "
            f"({samples.blocks_are}), too few for {rule.n_folds} folds.",
            f"Take fewer folds (--folds), or {_more_blocks(samples)}.",
        )
    for k, name in enumerate(samples.classes):
        n_with = len(np.unique(samples.block[truth == k]))
        if n_with < 2:
            raise ModelError(
                f"All rows of the class {name} are in one block ({samples.blocks_are}).",
                "Two are needed, to train on one and test on the other: join the class with "
                f"another (--rename), or take {_more_blocks(samples)}.",
            )
    fold = np.zeros(len(truth), dtype=np.int64)
    split = StratifiedGroupKFold(rule.n_folds, shuffle=True, random_state=rule.seed)
    for k, (_, test) in enumerate(split.split(truth, truth, samples.block)):
        fold[test] = k
    for k, name in enumerate(samples.classes):
        if len(np.unique(fold[truth == k])) < 2:
            raise ModelError(
                f"All blocks of the class {name} came into one fold.", "Take fewer folds (--folds)."
            )
    return fold


def _more_blocks(samples: Samples) -> str:
    """Return what makes more blocks of a table."""
    of_days = samples.time_ns is not None
    return "shorter blocks (--block-days)" if of_days else "more groups, as rows of more events"


def _training_rows(samples: Samples, fold, k: int, rule: EvaluationRule) -> np.ndarray:
    """Return the rows for the model that is tested on a fold."""
    train = fold != k
    if samples.time_ns is not None:
        tested = np.unique(samples.time_ns[~train])
        purge_ns = round(rule.purge_s * NS_PER_S)
        train &= ~within(samples.time_ns, tested, purge_ns, purge_ns)
    if len(np.unique(samples.y[train])) < 2:
        raise ModelError(
            f"A purge of {rule.purge_s:g} s about fold {k + 1} leaves no two classes to train on.",
            "Take a shorter one (--purge), fewer folds, or longer blocks.",
        )
    return np.flatnonzero(train)


def _out_of_fold(models, X: np.ndarray, fold: np.ndarray, classes) -> np.ndarray:
    """Return the probabilities of all rows, each by the model of its fold."""
    out = np.zeros((len(X), len(classes)))
    for k, model in enumerate(models):
        rows = np.flatnonzero(fold == k)
        columns = np.searchsorted(classes, [str(name) for name in model.classes_])
        if len(rows):
            out[np.ix_(rows, columns)] = model.predict_proba(X[rows])
    return out


def _with_importance(result: Evaluation, models, X: np.ndarray, say) -> Evaluation:
    names = list(result.samples.X.columns)
    place = {name: k for k, name in enumerate(names)}
    each = {name: [k] for name, k in place.items()}
    together = {group: [place[name] for name in some] for group, some in result.groups.items()}
    options = {
        "n_classes": len(result.classes),
        "n_repeats": result.rule.n_repeats,
        "n_boot": result.rule.n_boot,
        "seed": result.rule.seed,
        "on_progress": say,
    }

    def predict(other: np.ndarray) -> np.ndarray:
        return _out_of_fold(models, other, result.fold, result.classes).argmax(axis=1)

    data = X, result.truth, result.samples.block
    with threadpool_limits(1):  # once: to look for the libraries takes as long as to predict
        return dataclasses.replace(
            result,
            importance=permutation_importance(predict, *data, each, **options),
            group_importance=permutation_importance(predict, *data, together, **options),
        )


def numbers(result: Evaluation) -> dict:
    """Return all numbers of an evaluation, its settings and versions, for JSON."""
    samples = result.samples
    return {
        "table": samples.name,
        "n_rows": len(samples),
        "n_features": samples.X.shape[1],
        "classes": {name: int((samples.y == name).sum()) for name in result.classes},
        "blocks": samples.blocks_are,
        "n_blocks": len(np.unique(samples.block)),
        "n_folds": int(result.fold.max()) + 1,
        "columns_left_out": dict(samples.left_out),
        "rows_left_out": dict(samples.dropped),
        "notes": list(result.notes),
        "scores": result.scores.to_dict("records"),
        "by_class": {name: table.to_dict("records") for name, table in result.by_class.items()},
        "confusion": {name: one.sum(axis=0).tolist() for name, one in result.counts.items()},
        "differences": result.differences.to_dict("records"),
        "alone": result.alone.to_dict(),
        "best": result.best,
        "importance": result.importance.to_dict("records"),
        "group_importance": result.group_importance.to_dict("records"),
        "groups": {name: list(columns) for name, columns in result.groups.items()},
        "rule": dataclasses.asdict(result.rule),
        "versions": {name: version(name) for name in PACKAGES},
    }


def predictions(result: Evaluation) -> pd.DataFrame:
    """Return row, label, block, fold and the held-out probabilities of each model and class."""
    samples = result.samples
    table = {"row": samples.row, "label": samples.y, "block": samples.block, "fold": result.fold}
    for name, p in result.probability.items():
        table |= {f"{name}:{one}": p[:, k].round(6) for k, one in enumerate(result.classes)}
    return pd.DataFrame(table)


def read_groups(path, names) -> dict[str, list[str]]:
    """Read which features are permuted together: a CSV with the columns feature and group.

    Raises
    ------
    TableError
        If it has no such columns, or names a feature that the table does not have.
    """
    frame = read_frame(path)
    if not {"feature", "group"} <= set(frame.columns):
        raise TableError(f"{path} has no columns feature and group.", "Write one row a feature.")
    for name in frame["feature"]:
        if name not in names:
            raise TableError(f"{path}: there is no feature {name!r}.", did_you_mean(name, names))
    groups = {str(g): list(some["feature"]) for g, some in frame.groupby("group", sort=False)}
    rest = [name for name in names if name not in set(frame["feature"])]
    return groups | ({"(no group)": rest} if rest else {})
