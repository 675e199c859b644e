"""A model that exists, on records with an expert: what `train` says of a new one, without training.

The model and its thresholds stay as they are. STA/LTA stands beside it with a threshold that is
chosen on other blocks of these very records: it knows the network, which the model may not.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from seisml import crossfit
from seisml.baseline import BASELINE, baseline_rule, sta_lta
from seisml.catalog import Catalog, merge
from seisml.codes import station_name
from seisml.crossfit import Labelled
from seisml.detect import detect
from seisml.errors import FeatureMismatchError, ModelError, NoDataError
from seisml.folds import deal, draw
from seisml.heldout import detections
from seisml.model import Detector, event_probability, never_learnt, over_threshold
from seisml.pooling import like
from seisml.store import FeatureTable
from seisml.thresholds import MatchRule
from seisml.times import to_ns
from seisml.training import Training, against, tuned_baseline
from seisml.trainingrule import TrainingRule
from seisml.trainingset import TrainingSet, label_sets, tables
from seisml.voting import voted_windows

GENERATED = "generated"


@dataclasses.dataclass(frozen=True)
class Kinship:
    """How many windows are near to what a model was trained on.

    Attributes
    ----------
    n_windows : int
    n_in_sample : int
        At a station that it was trained at, from the first to the last time of its training.
    n_same_time : int
        At other stations in that time: the same events may have been learnt there.
    n_same_station : int
        At such a station at another time.
    """

    n_windows: int
    n_in_sample: int
    n_same_time: int
    n_same_station: int

    @property
    def text(self) -> str:
        """What a reader has to know of it, in one line."""
        n = self.n_windows
        if self.n_in_sample:
            return (
                f"IN-SAMPLE: {self.n_in_sample} of {n} windows are of stations and times that the "
                "model was trained on. These scores say how well it remembers, not how well it "
                "detects: evaluate it on other records, or without --model, which trains on "
                "blocks that are not tested"
            )
        if self.n_same_time:
            return (
                f"{self.n_same_time} of {n} windows are of times that the model was trained on at "
                "other stations: it may have learnt the same events there"
            )
        if self.n_same_station:
            return (
                f"{self.n_same_station} of {n} windows are of stations that the model was trained "
                "at, at other times: it is no new network to it"
            )
        return "The model was trained at other stations and times"


def kinship(card: Mapping, windows: pd.DataFrame) -> Kinship:
    """Return how many windows are of stations and times that a model was trained on.

    Parameters
    ----------
    card : mapping
        Of a `Detector`; sets of generated records are left out, whatever their stations are called.
    windows : pandas.DataFrame
        Columns station and time_ns.

    Examples
    --------
    >>> card = {"stations": ["XX.A.00.HH"], "start": "2020-01-01", "end": "2020-01-02"}
    >>> time_ns = to_ns("2020-01-01T12:00:00")
    >>> table = pd.DataFrame({"station": ["XX.A.00.BH", "XX.B.00.HH"], "time_ns": time_ns})
    >>> kinship(card, table).n_in_sample, kinship(card, table).n_same_time
    (1, 1)
    """
    names = windows["station"].astype("category")
    short = np.array([station_name(str(name)) for name in names.cat.categories], dtype=object)
    time_ns = windows["time_ns"].to_numpy()
    here, then, both = np.zeros((3, len(windows)), dtype=bool)
    for one in card.get("sets") or [card]:
        known = {station_name(str(name)) for name in one.get("stations", ())}
        if not known or one.get("name") == one.get("expert") == GENERATED:
            continue
        station = np.isin(short, sorted(known))[names.cat.codes.to_numpy()]
        span = (time_ns >= to_ns(one["start"])) & (time_ns < to_ns(one["end"]))
        here, then, both = here | station, then | span, both | (station & span)
    counts = both.sum(), (then & ~both).sum(), (here & ~both).sum()
    return Kinship(len(windows), *map(int, counts))


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Applied:
    """What a model that exists did on records with an expert.

    Attributes
    ----------
    training : Training
        As from `seisml.training.train`, though nothing was trained; ``baseline`` is None where
        STA/LTA could not be tuned.
    kinship : Kinship
    labelled : Labelled
        A sample of the windows with the model's columns, for importance.
    notes : tuple of str
        Stations that were left out, and why there is no baseline.
    """

    training: Training
    kinship: Kinship
    labelled: Labelled
    notes: tuple[str, ...]


def apply_model(
    sets: Sequence[TrainingSet],
    detector: Detector,
    *,
    rule: TrainingRule,
    matching: MatchRule,
    calibration: Mapping | None = None,
    on_progress: Callable[[str], None] | None = None,
) -> Applied:
    """Apply a detector to feature stores and compare what it finds with the experts.

    Parameters
    ----------
    sets : sequence of TrainingSet
        Of records; nothing is trained on them.
    detector : Detector
    rule : TrainingRule
        For the blocks on which STA/LTA is tuned, and the sample of windows.
    matching : MatchRule
    calibration : mapping, optional
        ``calibrate`` and ``reach_s`` of `seisml.detect.detect`, for amplitudes.
    on_progress : callable, optional

    Returns
    -------
    Applied

    Raises
    ------
    ModelError
        If bodies differ.
    FeatureMismatchError
        If no station has features that the model can use.
    NoDataError
        If no window has features.
    """
    say = on_progress or (lambda text: None)
    _check_body(sets, detector)
    matching.check(name for one in sets for name in one.signals["label"])
    say("labelling windows")
    windows, about = label_sets(sets)
    say("scoring windows")
    p, ratios, unfit, faster = _scores(sets, detector, len(windows))
    if not np.isfinite(p).any():
        if unfit:
            raise next(iter(unfit.values()))
        raise NoDataError(
            "No window of these stores has features: nothing was looked at.",
            "See 'seisml scan' for rates and gaps.",
        )
    notes = [f"left out: {station}: {error.problem}" for station, error in unfit.items()]
    notes += [told_faster(faster)] if faster else []
    p, ratios = _voted(windows, p, detector), _voted(windows, ratios, detector)
    windows["probability"], windows["calibrated"] = p, detector.calibration(p)
    windows["score"], windows["limit"] = over_threshold(p, detector.on), detector.on
    say("tuning STA/LTA on blocks of these records")
    choose = {"detection": detector.detection, "matching": matching}
    choose["false_alarms_per_day"] = rule.false_alarms_per_day
    labelled, base, base_name, why = _baseline(sets, windows, about, rule, ratios, choose)
    notes += [why] if why else []
    windows = labelled.windows.assign(baseline=base)
    say("comparing with the expert")
    machine = _detected(sets, detector, unfit, calibration or {})
    test = against(machine, sets, about.grid, windows, matching)
    base_machine, base_test = None, None
    if base_name:
        options = {"name": base_name, "detection": baseline_rule(detector.detection)}
        base_machine = detections(sets, windows, "baseline", detector, **options)
        base_test = against(base_machine, sets, about.grid, windows, matching)
    kin = kinship(detector.card, windows[np.isfinite(windows["probability"])])
    text = f"A model that existed, with its own threshold. {kin.text}."
    if base_name:
        text += (
            " STA/LTA had its threshold chosen on other blocks of these records, by the same "
            "rules: it knows this network."
        )
    text += "".join(f" Note: {note.removesuffix('.')}." for note in notes)
    training = Training(detector, machine, base_machine, test, base_test, windows, text)
    chosen = draw(windows, rule)
    chosen = chosen[np.isfinite(windows["probability"].to_numpy()[chosen])]
    X, columns = crossfit.read_rows(sets, chosen, lambda frame: like(frame, detector.columns))
    sample = {"windows": windows, "chosen": chosen, "X": X, "columns": columns}
    return Applied(training, kin, dataclasses.replace(labelled, **sample), tuple(notes))


def _check_body(sets: Sequence[TrainingSet], detector: Detector) -> None:
    body = str(detector.card.get("body", ""))
    theirs = sorted({one.expert.body for one in sets})
    if body and theirs != [body]:
        raise ModelError(
            f"The model is for {body}, the catalogue is of {', '.join(theirs)}.",
            f"Take a profile for {body} (--profile), or another model.",
        )


def fitting(
    some: Iterable[FeatureTable], detector: Detector, unfit: dict
) -> Iterator[FeatureTable]:
    """Yield the tables that a detector can use; note the error of each station that it cannot."""
    for table in some:
        try:
            detector.check(table)
        except FeatureMismatchError as error:
            unfit.setdefault(str(table.stations[0]), error)
            continue
        yield table


def faster_than_trained(table: FeatureTable, detector: Detector) -> list[str]:
    """Return the columns that show that records are sampled faster than those of the training."""
    never = detector.card.get("columns_without_values", ())
    return never_learnt(detector.columns, never, table.frame) if never else []


def told_faster(faster: Mapping[str, Sequence[str]]) -> str:
    """Say at which stations records are faster, by `faster_than_trained`; empty for none."""
    if not faster:
        return ""
    station, above = min(faster.items())
    more = f" and {len(faster) - 1} more stations" if len(faster) > 1 else ""
    return (
        f"{station}{more}: sampled faster than what the model was trained on: of "
        f"{', '.join(above[:2])}{', ...' if len(above) > 2 else ''} it has learnt nothing, and "
        "spectra look other to it than they did; train on records of this rate too (--also adds a "
        "network)"
    )


def _scores(sets, detector: Detector, n: int) -> tuple[np.ndarray, np.ndarray, dict, dict]:
    """Return event probability and STA/LTA of each window, stations left out, faster ones."""
    faster: dict[str, list[str]] = {}
    p, ratios, start = np.full(n, np.nan), np.full((n, len(BASELINE)), np.nan), 0
    unfit: dict[str, FeatureMismatchError] = {}
    for _, _, table in tables(sets):
        rows = slice(start, start + len(table))
        for _ in fitting([table], detector, unfit):
            p[rows] = event_probability(detector.predict(table))
            ratios[rows] = sta_lta(table)
            if above := faster_than_trained(table, detector):
                faster[str(table.stations[0])] = above
        start += len(table)
    return p, ratios, unfit, faster


def _voted(windows: pd.DataFrame, scores: np.ndarray, detector: Detector) -> np.ndarray:
    """Return scores after the vote of the stations, where the detector asks for it."""
    if not detector.detection.get("network_vote", False):
        return scores
    return voted_windows(windows, scores)


def _baseline(sets, windows, about, rule: TrainingRule, ratios, choose):
    """Return blocks and STA/LTA over its threshold, its name, and why there is none."""
    rule = dataclasses.replace(rule, split="blocks")  # of one network, whatever was trained on
    same = {"sets": tuple(sets), "chosen": np.zeros(0, np.int64), "X": np.zeros((0, 0))}
    same |= {"grid": about.grid, "fingerprint": about.fingerprint, "settings": about.settings}
    nothing = np.full(len(windows), np.nan)
    try:
        labelled = Labelled(windows=deal(windows, rule), columns=(), **same)
        scores = pd.DataFrame(ratios, columns=list(BASELINE))
        base, kind = tuned_baseline(labelled, scores, choose)
    except ModelError as error:
        windows = windows.assign(block=0, fold=0)
        labelled = Labelled(windows=windows, columns=(), **same)
        return labelled, nothing, "", f"no STA/LTA beside it: {error.problem}"
    return labelled, base, f"STA/LTA ({kind})", ""


def _detected(sets, detector: Detector, unfit: dict, calibration: Mapping) -> Catalog:
    """Return what `detect` finds, of all sets together."""
    found = []
    for one in sets:
        its = (table for _, table in one.selection.tables(one.stores))
        options = {"archive": one.archive, "body": one.expert.body, **calibration}
        found.append(detect(fitting(its, detector, unfit), detector, **options))
    if len(found) == 1:
        return found[0]
    basis = found[0].time_basis
    return merge([dataclasses.replace(one, time_basis=basis) for one in found], name="seisml")
