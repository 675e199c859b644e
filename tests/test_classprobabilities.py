"""Class probabilities from training to comparison, and thresholds of classes with own rules."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from training_data import DAY0, DETECTION, GRID, make_store, training_set

from seisml import crossfit, thresholds
from seisml.catalog import make_catalog
from seisml.classprobabilities import class_columns, named
from seisml.classrules import OTHERS, class_rules, events_by_class
from seisml.classscores import ALL, class_scores
from seisml.compare import compare
from seisml.detect import detect, plan_band
from seisml.formats import read_catalog, write_catalog
from seisml.model import UNKNOWN, make_classifier
from seisml.report import Section, write_report
from seisml.scoredlines import split_scores
from seisml.scorer import event_scorer
from seisml.store import iter_tables
from seisml.summaries import confusion
from seisml.times import DAY_NS, NS_PER_S
from seisml.training import train
from seisml.trainingrule import TrainingRule

CLASSES = ("VT", "TR")
OWN = {"TR": {"on": 0.4, "min_duration_s": 60.0, "max_duration_s": 600.0, "merge_gap_s": 20.0}}
WITH_OWN = {**DETECTION, "max_duration_s": 30.0, "classes": OWN}
MATCHING = thresholds.MatchRule(10.0)
RULE = TrainingRule(model="logistic", n_folds=4, one_class=False)


@pytest.fixture(scope="module")
def volcano(tmp_path_factory):
    """Four days of short earthquakes and of long tremor, each in a column of its own."""
    rng = np.random.default_rng(1)
    rows = []
    for k in range(4 * 8):
        start_s = 900 * (k % 8) + rng.uniform(60, 500)
        label = CLASSES[k % 2]
        length_s = rng.uniform(120, 250) if label == "TR" else rng.uniform(8, 14)
        start_ns = (DAY0 + k // 8) * DAY_NS + round(start_s * NS_PER_S)
        rows.append((start_ns, start_ns + round(length_s * NS_PER_S), label))
    events = pd.DataFrame(rows, columns=["time_ns", "end_ns", "label"])
    folder = tmp_path_factory.mktemp("volcano") / "store"
    make_store(folder, events, classes=CLASSES, strength=6.0)
    return folder, events


@pytest.fixture(scope="module")
def trained(volcano):
    """A detector of two classes with a rule for tremor."""
    folder, events = volcano
    one = training_set(folder, events)
    return one, train([one], rule=RULE, detection=WITH_OWN, matching=MATCHING)


def test_thresholds_are_chosen_with_the_machines_of_detect(trained):
    """F1 at the chosen threshold is that of the events which these rules make, class by class."""
    one, _ = trained
    labelled = crossfit.label([one], RULE)
    scores = crossfit.out_of_fold(labelled, RULE)
    options = {"detection": WITH_OWN, "matching": MATCHING}
    found = thresholds.choose_thresholds(labelled, scores["model"], by_class=scores, **options)
    rules = class_rules(found.value[-1], WITH_OWN)
    split = split_scores(scores["model"], scores, WITH_OWN)
    time_ns = labelled.windows["time_ns"].to_numpy()
    made = pd.DataFrame(
        [event[1:3] for event in events_by_class([(time_ns, split)], GRID, rules)],
        columns=["time_ns", "end_ns"],
    )
    test = compare(make_catalog(made), one.expert, tolerance_s=12.0)
    n, k = len(test.machine) + len(test.expert), len(test.matched)
    assert found.f1[-1] == pytest.approx(2 * k / n)
    assert found.f1[-1] > 0.95
    # One machine for all cuts tremor into pieces of half a minute, at any threshold.
    alone = {name: value for name, value in WITH_OWN.items() if name != "classes"}
    whole = thresholds.choose_thresholds(
        labelled, scores["model"], detection=alone, matching=MATCHING
    )
    assert whole.f1[-1] < 0.7


def test_held_out_events_are_those_of_detect(trained):
    """The same machines, classes and probabilities before and after the model is written."""
    one, training = trained
    assert len(training.test.matched) == 32
    assert len(training.test.unmatched) <= 3
    table = confusion(training.test)
    assert table.loc["TR", "TR"] == table.loc["VT", "VT"] == 16
    found = detect(iter_tables(one.stores[0]), training.detector)
    assert abs(len(found) - len(training.machine)) <= 2
    for catalog in (found, training.machine):
        p = catalog.events[["P(TR)", "P(VT)"]]
        np.testing.assert_allclose(p.sum(axis=1), 1.0)
        assert (p.idxmax(axis=1).str[2:-1] == catalog.events["label"]).mean() > 0.9
    assert (found.events["end_ns"] - found.events["time_ns"])[
        found.events["label"] == "TR"
    ].min() > 60


def test_a_scorer_knows_the_rules_of_classes(trained):
    """event_scorer takes the classes' own machines, too."""
    one, training = trained
    frame = pd.concat([t.frame for t in iter_tables(one.stores[0])])
    model = make_classifier("logistic").fit(frame, training.windows["y"].astype(str))
    own, common = (
        event_scorer(one.signals, GRID, detection=rule, matching=MATCHING)(model, frame)
        for rule in (WITH_OWN, {**WITH_OWN, "classes": {}})
    )
    assert own > 0.95 > common


@pytest.mark.parametrize("suffix", [".csv", ".xml"])
def test_probabilities_are_read_back(trained, tmp_path, suffix):
    """CSV and QuakeML keep the columns; files without them are read as before."""
    one, training = trained
    found = detect(iter_tables(one.stores[0]), training.detector)
    write_catalog(found, tmp_path / f"found{suffix}")
    again = read_catalog(tmp_path / f"found{suffix}")
    assert class_columns(again.events) == {"TR": "P(TR)", "VT": "P(VT)"}
    np.testing.assert_allclose(again.events["P(TR)"], found.events["P(TR)"], atol=1e-6)
    plain = dataclasses.replace(found, events=found.events.drop(columns=["P(TR)", "P(VT)"]))
    write_catalog(plain, tmp_path / f"plain{suffix}")
    assert class_scores(compare(read_catalog(tmp_path / f"plain{suffix}"), one.expert)) is None
    scores = class_scores(compare(again, one.expert, tolerance_s=12.0))
    assert scores.table.set_index("class").loc[ALL, "first"] == 1.0


def test_one_class_has_no_probabilities_of_classes(volcano):
    folder, events = volcano
    one = training_set(folder, events)
    rule = dataclasses.replace(RULE, one_class=True)
    training = train([one], rule=rule, detection=DETECTION, matching=MATCHING)
    found = detect(iter_tables(folder), training.detector)
    assert class_columns(found.events) == class_columns(training.machine.events) == {}
    assert set(found.events["label"]) == {"event"}


def _named(p, novel=None, *, label=OTHERS, **options):
    """Name an event of five windows of 2 s hop; windows are candidates."""
    p = pd.DataFrame(p)
    time_ns = np.arange(len(p)) * GRID.hop_ns
    raw = pd.DataFrame({"label": [label], "start_ns": [4 * NS_PER_S], "end_ns": [10 * NS_PER_S]})
    novel = np.zeros(len(p)) if novel is None else np.asarray(novel, float)
    return named(raw, time_ns, p, novel, GRID, **options).iloc[0]


def test_naming_by_hand():
    """Votes and sums of the windows in the event; what is beyond it does not count."""
    p = {"A": [0.6, 0.6, 0.1, 0.1, 0.1, 9.0], "B": [0.2, 0.2, 0.5, 0.5, 0.2, 9.0]}
    event = _named(p)  # windows from 0 to 8 s, the one at 10 s begins at its end
    assert event["label"] == "A"  # two votes of 0.8 against two of 0.6 and one of 0.3
    assert event["P(A)"] == pytest.approx(1.5 / 3.1)
    assert event["P(A)"] + event["P(B)"] == pytest.approx(1.0)
    assert _named(p, [0, 0, 1, 1, 0, 0])["label"] == "A"
    assert _named(p, [1, 0, 1, 1, 1, 0])["label"] == UNKNOWN
    assert _named(p, label="A")["label"] == "A"
    assert _named(p, own=["A"])["label"] == "B"
    assert _named(pd.DataFrame(p).iloc[5:].reset_index(drop=True) * 0)["label"] == "event"
    # Learnt with balanced weights, where A is three times as frequent as B in the records.
    weighted = _named(p, priors={"A": (0.25, 0.6), "B": (0.25, 0.2), "noise": (0.5, 0.2)})
    assert weighted["P(A)"] == pytest.approx(1.5 * 3 / (1.5 * 3 + 1.6))


def test_class_scores_of_planted_probabilities():
    """Probabilities that are drawn from themselves are calibrated, and better than the shares."""
    rng = np.random.default_rng(0)
    n, names = 3000, ["A", "B", "C"]
    p = rng.dirichlet([0.6, 0.4, 0.3], n)
    truth = np.array([rng.choice(3, p=row) for row in p])
    times = np.arange(n) * 3600 * NS_PER_S
    columns = {f"P({name})": p[:, k] for k, name in enumerate(names)}
    machine = make_catalog(pd.DataFrame({"time_ns": times, **columns}))
    expert = make_catalog(pd.DataFrame({"time_ns": times, "label": np.array(names)[truth]}))
    found = class_scores(compare(machine, expert, tolerance_s=1.0))
    every = found.table.set_index("class").loc[ALL]
    assert every["n"] == n
    assert every["first_low"] < p.max(axis=1).mean() < every["first_high"]
    assert every["second"] == pytest.approx(1 - p.min(axis=1).mean(), abs=0.02)
    assert found.brier == pytest.approx((1 - (p**2).sum(axis=1)).mean(), abs=0.02)
    assert found.brier < found.brier_of_shares - 0.1
    off = found.reliability["frequency"] - found.reliability["probability"]
    assert off.abs().max() < 0.06
    other = make_catalog(pd.DataFrame({"time_ns": times, "label": "D"}))
    assert class_scores(compare(machine, other, tolerance_s=1.0)) is None


def test_labels_beside_the_classes_are_counted():
    columns = {"P(A)": [0.7, np.nan, 0.2], "P(B)": [0.3, np.nan, 0.8]}
    times = np.arange(3) * NS_PER_S
    machine = make_catalog(pd.DataFrame({"time_ns": times, **columns}))
    expert = make_catalog(pd.DataFrame({"time_ns": times, "label": ["A", "B", "glitch"]}))
    found = class_scores(compare(machine, expert, tolerance_s=0.0))
    assert (found.n_other, found.n_unknown, found.table["n"].tolist()) == (1, 1, [1, 1])


def test_a_page_without_waveforms(trained, tmp_path):
    """Held-out class probabilities are on it, and no empty gallery."""
    _, training = trained
    band = plan_band(training.detector.plan)
    path = write_report(tmp_path / "r.html", [Section("volcano", None, training, band)], title="t")
    page = path.read_text()
    assert "Class probabilities" in page
    assert "They are drawn where the waveforms are named" in page
    assert "detections with the highest score" not in page
