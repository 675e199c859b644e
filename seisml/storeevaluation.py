"""Steps of `seisml evaluate` on a feature store: a detector is trained and tested, or applied."""

import dataclasses

from seisml import steps, terminal
from seisml.judging import as_json

MODEL = "model.skops"
"""Name of a new model in the folder of an evaluation."""
N_ERRORS = 6
"""Figures of missed events in a page, and of unmatched detections."""


@dataclasses.dataclass(frozen=True)
class Judged:
    """What there is to tell of a detector: its training or application, and further trials."""

    training: object
    matrix: object = None
    importance: object = None
    facts: dict = dataclasses.field(default_factory=dict)


def evaluate_store(
    store,
    catalog,
    folder,
    *,
    archive,
    profile,
    metadata,
    stations,
    repeats,
    model=None,
    trust=(),
    labels=None,
):
    """Test a detector on a store, the profile's own or one of a file, and write what is known."""
    from pathlib import Path

    from seisml.errors import ConfigError
    from seisml.eventsnr import measured
    from seisml.resuming import folder_of
    from seisml.setfiles import training_set
    from seisml.settings import plan_from

    if catalog is None:
        raise ConfigError("A feature store needs an expert.", "Give --catalog FILE.")
    labels = {name: value for name, value in (labels or {}).items() if value is not None}
    steps.check_rule(labels.get("rule"), labels.get("delay_s"))
    folder, config = Path(folder), steps.settings_of(profile, **labels)
    detector = None if model is None else _loaded(model, trust)
    opened = None if archive is None else steps.open_archive(archive, 1)
    texts = {} if stations is None else {"stations": str(stations)}
    (files,) = steps.training_sets([store], catalog, (), None, config, **texts)
    one = training_set(files, config, archive=opened)
    known = steps.read_metadata(metadata or ())
    if detector is None:
        judged = _trained(one, config, repeats, folder_of(folder / MODEL))
    else:
        plan = plan_from(detector.plan, metadata=known)
        judged = _applied(one, detector, config, repeats, steps.calibration_of(plan))
    plan = plan_from(judged.training.detector.plan, metadata=known)
    injection = None
    if opened is not None:
        terminal.say("measuring signal-to-noise ratios")
        training = measured(judged.training, opened, plan.band)
        judged = dataclasses.replace(judged, training=training)
        injection = _injected(opened, judged.training, plan, one.signals)
    _write(judged, injection, folder, opened=opened, band=plan.band, title=Path(store).name)


def _loaded(model, trust):
    from seisml.model import load_detector

    return load_detector(model, trusted=trust)


def _trained(one, config, repeats: int, keep) -> Judged:
    """Train the profile's detector and test it on held-out blocks."""
    from seisml import crossfit
    from seisml.settings import match_rule_of, training_rule_of
    from seisml.training import train
    from seisml.transfer import group_importance, station_matrix

    rule = training_rule_of(config)
    training = train(
        [one],
        rule=rule,
        detection=dataclasses.asdict(config.detection),
        matching=match_rule_of(config),
        keep=keep,
        on_progress=terminal.say,
    )
    labelled = crossfit.label([one], rule)
    matrix = station_matrix(labelled, rule, on_progress=terminal.say)
    importance = None
    if repeats:
        importance = group_importance(labelled, rule, n_repeats=repeats, on_progress=terminal.say)
    return Judged(training, matrix, importance)


def _applied(one, detector, config, repeats: int, calibration) -> Judged:
    """Apply a detector as it is."""
    from seisml.applied import apply_model
    from seisml.settings import match_rule_of, training_rule_of
    from seisml.transfer import group_importance

    rule = training_rule_of(config)
    found = apply_model(
        [one],
        detector,
        rule=rule,
        matching=match_rule_of(config),
        calibration=calibration,
        on_progress=terminal.say,
    )
    for note in (found.kinship.text, *found.notes):
        terminal.say(f"note: {note}.")
    importance, labelled = None, found.labelled
    if repeats and labelled.windows["state"].iloc[labelled.chosen].nunique() > 1:
        options = {"model": detector.estimator, "n_repeats": repeats, "on_progress": terminal.say}
        importance = group_importance(labelled, rule, **options)
    facts = {"in_sample": bool(found.kinship.n_in_sample), "notes": list(found.notes)}
    facts["kinship"] = dataclasses.asdict(found.kinship) | {"text": found.kinship.text}
    return Judged(found.training, None, importance, facts)


def _write(judged: Judged, injection, folder, *, opened, band, title: str) -> None:
    """Write the page, the numbers, the list for review and a new model; print the headline."""
    from seisml.atomic import write_atomic
    from seisml.audit import event_review, write_review
    from seisml.classscores import class_numbers, class_scores
    from seisml.metrics import metrics
    from seisml.model import save_detector
    from seisml.report import Section, trial_blocks, write_report
    from seisml.resuming import folder_of, forget
    from seisml.summaries import recall_over
    from seisml.windowscores import event_differences, window_scores

    training, importance, matrix = judged.training, judged.importance, judged.matrix
    blocks = trial_blocks(training, matrix=matrix, importance=importance, injection=injection)
    section = Section(title, opened, training, band, n_errors=N_ERRORS, more=tuple(blocks))
    page = write_report(
        folder / "evaluation.html", [section], title="Evaluation", on_progress=terminal.say
    )
    tests = {"seisml": training.test, "STA/LTA": training.baseline}
    tests = {name: test for name, test in tests.items() if test is not None}
    columns = {"seisml": "probability", "STA/LTA": "baseline"}
    pairs = event_differences(*tests.values()) if len(tests) == 2 else None
    found = {
        **judged.facts,
        "card": training.detector.card,
        "metrics": {name: metrics(test) for name, test in tests.items()},
        "by_snr": recall_over(tests, "snr_db") if "snr_db" in training.test.expert else None,
        "windows": window_scores(training.windows, {n: columns[n] for n in tests}),
        "events": pairs,
        "stations": None if matrix is None else matrix.to_dict("index"),
        "importance": importance,
        "injection": injection,
        "classes": class_numbers(class_scores(training.test)),
    }
    write_atomic(folder / "evaluation.json", as_json({k: _records(v) for k, v in found.items()}))
    write_review(folder / "review.csv", event_review(training.test))
    if not training.validation:
        save_detector(training.detector, folder / MODEL)
        forget(folder_of(folder / MODEL))
    if judged.facts.get("in_sample"):
        what = "IN-SAMPLE"
    else:
        what = "applied" if training.validation else "held-out blocks"
    steps.comparison_table(what, training)
    terminal.line(str(page))


def _records(value):
    """Return the rows of a table; other values as they are, None as an empty list."""
    if value is None:
        return []
    return value.to_dict("records") if hasattr(value, "to_dict") else value


def _injected(opened, training, plan, signals):
    """Return the curve of injected events; None, and why, where there can be none."""
    import numpy as np

    from seisml.errors import NoDataError
    from seisml.injection import InjectionRule, injection_recovery

    tolerance_s = float(np.max(training.test.tolerance_s, initial=0.0)) or 3.0
    rule = InjectionRule(tolerance_s=tolerance_s)
    try:
        return injection_recovery(
            opened, training.detector, plan, signals, rule=rule, on_progress=terminal.say
        )
    except NoDataError as error:
        terminal.say(f"no injection: {error.problem}")
        return None
