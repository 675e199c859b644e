"""Detector: a fitted model with all that is needed to apply it honestly."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from seisml.errors import FeatureMismatchError
from seisml.model.calibration import Calibration
from seisml.model.classifiers import predict_proba, scales_by_station
from seisml.model.estimators import NOISE_CLASS
from seisml.model.novelty import Novelty
from seisml.model.priors import with_priors
from seisml.model.rates import BAND
from seisml.model.verifier import Verifier
from seisml.pooling import is_pooled, like, of_vertical
from seisml.store import FeatureTable
from seisml.windows import WindowGrid

ENOUGH_WINDOWS = 20
"""Fewer windows do not show whether a column is missing for good."""


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
    always : tuple of str
        Columns that every training window of their component had.
    calibration : Calibration
        From the model's event probabilities to frequencies. The thresholds are of the former.
    novelty : Novelty or None
        Which events are called unknown.
    priors : mapping of str to (float, float)
        Share of each class in what was trained on, with its weights, and in the records of the
        training; empty where they are not known.
    verifier : Verifier or None
        Takes a second look at candidates, where there are waveforms; see `seisml.verification`.
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
    always: tuple[str, ...] = ()
    calibration: Calibration = dataclasses.field(default_factory=Calibration)
    novelty: Novelty | None = None
    priors: Mapping = dataclasses.field(default_factory=dict)
    verifier: Verifier | None = None

    @property
    def unit(self) -> str:
        """Unit of the samples of the records that it was trained on."""
        return str(self.plan.get("unit", "counts"))

    @property
    def classes(self) -> tuple[str, ...]:
        """Classes of events, without noise."""
        return tuple(str(c) for c in self.estimator.classes_ if not is_noise(c))

    def check(self, table: FeatureTable) -> None:
        """Refuse a table that was not made as the model was trained, see `check_table`."""
        known = {"columns": self.columns, "always": self.always}
        check_table(table, fingerprint=self.fingerprint, unit=self.unit, **known)

    def predict(self, table: FeatureTable) -> pd.DataFrame:
        """Return the probability of each class for each window, see `predict`."""
        return predict(self.estimator, self.columns, table)

    def class_probabilities(self, table: FeatureTable) -> pd.DataFrame:
        """Return the probability of each class for each window, as frequencies in the records.

        What `predict` says holds in what the model was trained on: all events, a part of the noise,
        perhaps balanced weights. Here the probability of an event is that of the calibration, and
        the kinds of events share it, as the kinds of noise share the rest, by `with_priors`.
        """
        said = self.predict(table)
        p = said.to_numpy(np.float64)
        if self.priors:
            trained, records = np.array([self.priors[name] for name in said]).T
            p = with_priors(p, trained, records)
        noise = np.array([is_noise(name) for name in said])
        event = self.calibration(event_probability(said))
        for some, share in ((noise, 1 - event), (~noise, event)):
            parts = p[:, some] + 1e-300  # all alike where the model gives none of them anything
            p[:, some] = parts / parts.sum(axis=1, keepdims=True) * share[:, None]
        return pd.DataFrame(p, index=said.index, columns=said.columns)

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


def check_table(
    table: FeatureTable, *, columns, fingerprint: str, unit: str = "counts", always=()
) -> None:
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
    always : iterable of str
        Columns that every training window of their component had.

    Raises
    ------
    FeatureMismatchError
        If units or settings differ, the table has none of the columns, or a component lacks
        columns throughout that it always had in training, as where it is sampled too slowly.
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
    anywhere = is_pooled(columns) or of_vertical(columns)
    if not anywhere and not known & set(table.frame.columns):
        raise FeatureMismatchError(
            f"The table has none of the model's {len(columns)} columns; the model knows the "
            f"components {_components(known)}, the table {_components(table.frame.columns)}.",
            "Train on records with these components.",
        )
    frame = table.frame
    if anywhere:
        # Of columns of any component bands tell the rate; others may want a longer record.
        frame, always = like(frame, columns), [name for name in always if BAND.match(name)]
    _check_rate(table, frame, always)


def _check_rate(table: FeatureTable, frame: pd.DataFrame, always: Sequence[str]) -> None:
    """Refuse records whose columns are empty where those of the training never were."""
    known = np.isfinite(frame.to_numpy()).any(axis=1)
    if known.sum() < ENOUGH_WINDOWS:
        return
    filled = dict(zip(frame.columns, np.isfinite(frame.to_numpy()).any(axis=0), strict=True))
    present = {component_of(name) for name, has in filled.items() if has}
    lacking = [
        name for name in always if component_of(name) in present and not filled.get(name, False)
    ]
    if lacking:
        raise FeatureMismatchError(
            f"{table.stations[0]!s} has no value of {', '.join(lacking[:4])}"
            f"{', ...' if len(lacking) > 4 else ''} in any of {known.sum()} windows, which the "
            "model always had: another sampling rate, or a filter that it does not allow.",
            "Train on records of this rate (--also adds a network), or use another model.",
        )


def component_of(column: str) -> str:
    """Return the component of a column.

    Examples
    --------
    >>> component_of("rms.Z")
    'Z'
    """
    return column.rsplit(".", 1)[-1]


def always_known(X: np.ndarray, columns) -> tuple[str, ...]:
    """Return the columns that have a value wherever their component has one."""
    known, found = np.isfinite(X), []
    parts = np.array([component_of(name) for name in columns])
    for part in np.unique(parts):
        mine = known[:, parts == part]
        rows = mine.any(axis=1)
        if rows.any():
            full = mine[rows].all(axis=0)
            found += [
                name for name, ok in zip(np.array(columns)[parts == part], full, strict=True) if ok
            ]
    return tuple(str(name) for name in columns if name in set(found))


def _components(columns) -> str:
    return ", ".join(sorted({column.rsplit(".", 1)[-1] for column in columns} - {"3C"})) or "3C"


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
    frame = like(table.frame, columns)
    X = frame.to_numpy(np.float32)
    known = np.isfinite(X).any(axis=1)
    out = np.full((len(X), len(estimator.classes_)), np.nan, dtype=np.float32)
    if known.any():
        # Column by column in memory: a tree looks at few columns, and is five times as fast.
        X = np.compress(known, X.T, axis=1).T
        if scales_by_station(estimator):
            X = pd.DataFrame(X, index=frame.index[known], columns=frame.columns)
        out[known] = predict_proba(estimator, X)
    names = [str(c) for c in estimator.classes_]
    return pd.DataFrame(out, index=table.frame.index, columns=names)


def is_noise(label: str) -> bool:
    """Say whether a class is noise for detection: "noise", or "noise: glitch" and its like.

    Examples
    --------
    >>> is_noise("noise: dust devil"), is_noise("earthquake")
    (True, False)
    """
    return str(label).split(":")[0] == NOISE_CLASS


def event_probability(probabilities: pd.DataFrame) -> np.ndarray:
    """Return 1 - P(noise, of any kind) of each window."""
    noise = [name for name in probabilities if is_noise(name)]
    return 1.0 - probabilities[noise].to_numpy(np.float64).sum(axis=1)
