"""Event classes, the second stage: a detector finds events, a classifier names them.

It looks at the `classify` features of the true limits of each event, is evaluated blocked by
event (one event at several stations is never on both sides), and says a family, or "unknown",
where it is not sure of the type.
"""

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from seisml.archive import Archive
from seisml.catalog import Catalog
from seisml.classprobabilities import column_of
from seisml.comparison import Comparison
from seisml.errors import ModelError, did_you_mean
from seisml.evaluation import Evaluation, EvaluationRule, evaluate_table
from seisml.eventfeatures import event_features
from seisml.model import estimate_priors, finite, fit_classifier, unlike_training, with_priors
from seisml.plan import Plan
from seisml.scores import block_counts, score_table
from seisml.tablecolumns import MIN_ROWS
from seisml.tabular import Columns, samples_of
from seisml.taxonomy import Taxonomy, class_of, lineage

UNKNOWN = "unknown"
PRIORS = ("balanced", "training", "estimate")


@dataclasses.dataclass(frozen=True)
class EventClassifier:
    """All that is needed to name events honestly.

    Attributes
    ----------
    estimator : object
        Fitted, with ``predict_proba`` and ``classes_``.
    columns : tuple of str
        Features in the order of training.
    names : tuple of str
        Features or sets that are computed of an event.
    plan : dict
        Filter, bands and units of the features.
    families : dict of str to str
        Family of each class; the class itself where there is none.
    card : dict
        Trained on what, evaluated how, with which scores; seed and versions.
    """

    estimator: object
    columns: tuple[str, ...]
    names: tuple[str, ...]
    plan: Mapping
    families: Mapping[str, str]
    card: Mapping

    @property
    def classes(self) -> tuple[str, ...]:
        """Classes that it knows."""
        return tuple(str(name) for name in self.estimator.classes_)

    def __repr__(self) -> str:
        kind = type(self.estimator).__name__
        return (
            f"EventClassifier({kind}, {len(self.columns)} columns, "
            f"classes {', '.join(self.classes)})"
        )


@dataclasses.dataclass(frozen=True)
class ClassTraining:
    """A trained event classifier and how models did on events that they had not seen.

    Attributes
    ----------
    classifier : EventClassifier
        Trained on all events with the best model.
    evaluation : Evaluation
        Of events at stations, blocked by event.
    levels : pandas.DataFrame
        Scores of the best model for types and families, at stations and of whole events (mean
        probability over the stations): from `seisml.scores.score_table`, the first column
        ``level``.
    """

    classifier: EventClassifier
    evaluation: Evaluation
    levels: pd.DataFrame


def labelled_detections(test: Comparison) -> pd.DataFrame:
    """Return the detections that match an expert's event, with its label.

    The limits are those of the detector, as they will be when the classifier is applied.

    Parameters
    ----------
    test : Comparison
        Of detections at stations with the expert's signals.

    Returns
    -------
    pandas.DataFrame
        Rows of ``test.machine`` with ``label`` the expert's and ``event`` the event's own id,
        the same at all stations.
    """
    pairs = test.matched[["machine_id", "expert_id", "expert_label"]]
    found = test.machine.merge(pairs, left_on="event_id", right_on="machine_id")
    event = found["expert_id"].str.rsplit("@", n=1).str[0]
    return found.assign(label=found["expert_label"], event=event)


def train_classes(
    archive: Archive,
    events: pd.DataFrame,
    plan: Plan,
    *,
    taxonomy: Taxonomy | None = None,
    level: int | None = None,
    names: tuple[str, ...] = ("classify",),
    rule: EvaluationRule | None = None,
    on_progress: Callable[[str], None] | None = None,
) -> ClassTraining:
    """Train a classifier of events and evaluate it on events that it had not seen.

    Parameters
    ----------
    archive : Archive
    events : pandas.DataFrame
        One row an event at a station: station, time_ns, end_ns, label, event (the id that rows of
        one event share), for example from `labelled_detections`.
    plan : Plan
        Band, bands of features, units and metadata.
    taxonomy : Taxonomy, optional
        Brings the labels to classes, and says their families.
    level : int, optional
        Of the taxonomy: 1 learns its roots.
    names : tuple of str
        Features of an event.
    rule : EvaluationRule, optional
    on_progress : callable, optional

    Returns
    -------
    ClassTraining

    Raises
    ------
    TableError
        If fewer than two classes have enough events at stations.
    ModelError
        If there are fewer events than folds.
    """
    say, rule = on_progress or (lambda text: None), rule or EvaluationRule()
    events = events.assign(label=_classes(events["label"], taxonomy, level))
    events, lone = _without_lone(events)
    say(f"features of {len(events)} events at stations")
    X = event_features(archive, events, plan, names=names)
    frame = X.astype(np.float64).assign(label=events["label"], event=events["event"])
    # How events of a catalogue follow one another is no matter here: keep what looks like it.
    columns = Columns("label", group="event", keep=("*",))
    samples = samples_of(frame, columns, name="events at stations", n_folds=rule.n_folds)
    n_events = len(np.unique(samples.block))
    samples = dataclasses.replace(
        samples,
        blocks_are=f"an event ({n_events} of them)",
        dropped={**samples.dropped, **lone},
        notes=(*samples.notes, *(f"{why}: it cannot be learnt and tested" for why in lone)),
    )
    result = evaluate_table(samples, rule, on_progress=on_progress)
    families = {
        name: lineage(taxonomy, name)[0] if taxonomy and name in taxonomy.parents else name
        for name in result.classes
    }
    say(f"training {result.best} on all events")
    data = samples.X.to_numpy(np.float32)
    estimator = fit_classifier(
        result.best, finite(data), samples.y, class_weight="balanced", seed=rule.seed
    )
    levels = _levels(result, families)
    classifier = EventClassifier(
        estimator=estimator,
        columns=tuple(samples.X.columns),
        names=tuple(names),
        plan=plan.as_dict(),
        families=families,
        card=_card(result, levels, taxonomy, archive),
    )
    return ClassTraining(classifier, result, levels)


def _without_lone(events: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return the events without classes of a single one, and their rows by reason."""
    n_events = events.groupby("label")["event"].nunique()
    sizes = events["label"].value_counts()
    names = [name for name in n_events.index[n_events == 1] if sizes[name] >= MIN_ROWS]
    lone = {f"the class {name} has one event": int(sizes[name]) for name in names}
    return events[~events["label"].isin(names)], lone


def _classes(labels: pd.Series, taxonomy: Taxonomy | None, level: int | None) -> pd.Series:
    """Return the class of each label; labels that the taxonomy does not have stay."""
    if taxonomy is None:
        return labels
    meaning = {}
    for label in labels.unique():
        name = class_of(taxonomy, label)
        meaning[label] = lineage(taxonomy, name)[:level][-1] if name else label
    return labels.map(meaning)


def _levels(result: Evaluation, families: Mapping[str, str]) -> pd.DataFrame:
    """Return the scores of types and families, at stations and of whole events."""
    p, truth, block = result.probability[result.best], result.truth, result.samples.block
    roots = sorted(set(families.values()))
    root = np.array([roots.index(families[name]) for name in result.classes])
    # An event has one class: the mean over its stations is what all of them say together.
    _, first, event = np.unique(block, return_index=True, return_inverse=True)
    mean = np.zeros((len(first), len(result.classes)))
    np.add.at(mean, event, p)
    mean /= np.bincount(event)[:, np.newaxis]
    counts = {}
    for where, some, true, blocks in (
        ("at stations", p, truth, block),
        ("of events", mean, truth[first], block[first]),
    ):
        n = len(result.classes)
        counts[f"types {where}"] = block_counts(true, some.argmax(axis=1), blocks, n)
        if 1 < len(roots) < n:
            joined = some @ np.eye(len(roots))[root]
            found = joined.argmax(axis=1)
            counts[f"families {where}"] = block_counts(root[true], found, blocks, len(roots))
    rule = result.rule
    table = score_table(counts, n_boot=rule.n_boot, seed=rule.seed)
    return table.rename(columns={"model": "level"})


def _card(result: Evaluation, levels, taxonomy, archive: Archive) -> dict:
    samples = result.samples
    return {
        "model": result.best,
        "seed": result.rule.seed,
        "taxonomy": taxonomy.name if taxonomy else "",
        "stations": sorted(archive.pieces["station"].unique().tolist()),
        "n_rows": {name: int((samples.y == name).sum()) for name in result.classes},
        "n_events": len(np.unique(samples.block)),
        "left_out": dict(samples.dropped),
        "scores_on_events_not_seen": levels.to_dict("records"),
    }


def classify_events(
    events: Catalog,
    archive: Archive,
    classifier: EventClassifier,
    plan: Plan,
    *,
    min_probability: float = 0.5,
    priors: str = "balanced",
    on_progress: Callable[[int, int], None] | None = None,
    on_message: Callable[[str], None] | None = None,
) -> Catalog:
    """Name events at stations: type, else family, else "unknown".

    Parameters
    ----------
    events : Catalog
        Of detections, with stations and ends.
    archive : Archive
    classifier : EventClassifier
    plan : Plan
        From the classifier's own plan, with the metadata of these stations.
    min_probability : float
        A type with less is not said, but its family; a family with less is "unknown".
    priors : str
        How frequent classes are held to be: ``balanced``, all alike, as in training and
        evaluation; ``training``, as its events were; ``estimate``, as these events say themselves
        (`seisml.model.estimate_priors`), which wants many of them.
    on_progress : callable, optional
        Called with (done, total).
    on_message : callable, optional
        Called where the records are sampled otherwise, or have other components, than those that
        the classifier was trained on.

    Returns
    -------
    Catalog
        With ``label``, ``family``, ``class_probability`` and ``P(class)`` of each class; rows
        without features are "unknown" with probability NaN.

    Raises
    ------
    ModelError
        If there are no such priors.
    """
    if priors not in PRIORS:
        raise ModelError(f"There are no priors {priors!r}.", did_you_mean(priors, PRIORS))
    table = events.events
    X = event_features(archive, table, plan, names=classifier.names, on_progress=on_progress)
    for text in unlike_training(X, classifier.columns) if on_message else ():
        on_message(text)
    X = finite(X.reindex(columns=list(classifier.columns)).to_numpy(np.float32))
    known = np.isfinite(X).any(axis=1)
    p = np.full((len(X), len(classifier.classes)), np.nan)
    if known.any():
        p[known] = _at_priors(classifier.estimator.predict_proba(X[known]), classifier, priors)
    label, family, probability = _named(p, known, classifier, min_probability)
    extra = {column_of(name): p[:, k].round(6) for k, name in enumerate(classifier.classes)}
    return dataclasses.replace(
        events,
        events=table.assign(
            label=label, family=family, class_probability=probability.round(6), **extra
        ),
    )


def _at_priors(p: np.ndarray, classifier: EventClassifier, priors: str) -> np.ndarray:
    """Return the probabilities where classes are as frequent as is said; trained with balance."""
    alike = np.ones(len(classifier.classes))
    if priors == "balanced":
        return p
    if priors == "estimate":
        return with_priors(p, alike, estimate_priors(p, alike))
    numbers = classifier.card["n_rows"]
    return with_priors(p, alike, [numbers[name] for name in classifier.classes])


def _named(p: np.ndarray, known, classifier: EventClassifier, least: float):
    """Return label, family and the probability of what is said."""
    roots = sorted(set(classifier.families.values()))
    root = np.array([roots.index(classifier.families[name]) for name in classifier.classes])
    joined = np.nan_to_num(p) @ np.eye(len(roots))[root]
    best, best_root = np.nan_to_num(p).argmax(axis=1), joined.argmax(axis=1)
    at = np.arange(len(p))
    type_p, root_p = np.nan_to_num(p)[at, best], joined[at, best_root]
    sure, near = known & (type_p >= least), known & (root_p >= least)
    families = np.array(roots, dtype=object)
    names = np.array(classifier.classes, dtype=object)
    family = np.where(sure, families[root[best]], np.where(near, families[best_root], UNKNOWN))
    label = np.where(sure, names[best], family)
    probability = np.where(sure | ~near, type_p, root_p)
    return label, family, np.where(known, probability, np.nan)
