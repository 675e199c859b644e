"""Trials of a detector: window scores, pairs, injected events, stations left out, review."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from planted_archive import planted_archive
from planted_training import Trained, planted_training
from sklearn.metrics import average_precision_score, roc_auc_score
from typer.testing import CliRunner

from seisml import crossfit
from seisml.archive import stations
from seisml.audit import apply_review, event_review
from seisml.catalog import make_catalog
from seisml.cli import app
from seisml.compare import compare
from seisml.donors import stretch_of
from seisml.errors import NoDataError, TableError
from seisml.formats import read_catalog, write_catalog
from seisml.injection import InjectionRule, injection_recovery
from seisml.injection import _add as inject
from seisml.model import load_detector
from seisml.segments import causal_filter
from seisml.transfer import OTHERS, group_importance, station_matrix
from seisml.windowscores import event_differences, window_scores

S = 10**9


@pytest.fixture(scope="module")
def trained() -> Trained:
    return planted_training()


def test_window_scores_are_the_definitions():
    """Areas agree with scikit-learn's; the pair is their difference, on the same blocks."""
    rng = np.random.default_rng(0)
    state = (rng.random(900) < 0.1).astype(int)
    good = state + 0.8 * rng.standard_normal(900)
    windows = pd.DataFrame({"time_ns": np.arange(900) * S, "state": state, "good": good})
    windows["bad"] = windows["good"] + 2 * rng.standard_normal(900)
    windows.loc[:3, "state"] = -1
    table = window_scores(windows, {"good": "good", "bad": "bad"}).set_index("model")
    known = windows[4:]
    assert table.loc["good", "prevalence"] == pytest.approx(known["state"].mean())
    for name in ("good", "bad"):
        auc = roc_auc_score(known["state"], known[name])
        assert table.loc[name, "roc_auc"] == pytest.approx(auc, abs=1e-9)
        ap = average_precision_score(known["state"], known[name])
        assert table.loc[name, "average_precision"] == pytest.approx(ap, abs=1e-9)
        assert table.loc[name, "roc_auc_low"] < auc < table.loc[name, "roc_auc_high"]
    pair = table.loc["good − bad"]
    assert pair["roc_auc"] == table.loc["good", "roc_auc"] - table.loc["bad", "roc_auc"]
    assert pair["roc_auc_low"] > 0


def test_a_better_detector_is_better_in_pairs():
    """A detector that finds more has a positive difference; with itself there is none."""
    time_ns = np.arange(200) * 600 * S
    expert = make_catalog(pd.DataFrame({"time_ns": time_ns, "station": "XX.A"}))
    some = make_catalog(pd.DataFrame({"time_ns": time_ns[::2], "station": "XX.A"}))
    coverage = {"XX.A": np.array([[0, time_ns[-1] + S]])}
    every, half = (
        compare(one, expert, tolerance_s=2.0, coverage=coverage) for one in (expert, some)
    )
    table = event_differences(every, half).set_index("rate")
    assert table.loc["recall", "difference"] == pytest.approx(0.5)
    assert table.loc["recall", "low"] > 0.35
    assert table.loc["f1", "share_better"] == 1.0
    same = event_differences(half, half).set_index("rate")
    assert same.loc["recall", ["difference", "low", "high"]].tolist() == [0, 0, 0]


def test_recall_of_injected_events_grows_with_their_strength(trained):
    """Nothing is found far below the noise, all far above; the curve never falls."""
    rule = InjectionRule(snr_db=(-20.0, -5.0, 5.0, 12.0, 24.0), n_events=15, spacing_s=60.0)
    table = injection_recovery(
        trained.archive, trained.training.detector, trained.plan, trained.one.signals, rule=rule
    )
    assert list(table["detector"].unique()) == ["seisml", "STA/LTA"]
    for _, mine in table.groupby("detector"):
        recall = mine.sort_values("snr_db")["recall"].to_numpy()
        assert (np.diff(recall) >= -0.05).all()
        assert recall[0] <= 0.1
        assert recall[-1] >= 0.9
        assert (mine["low"] <= mine["recall"] + 1e-9).all()
        assert (mine["recall"] <= mine["high"] + 1e-9).all()
    before = table.groupby("detector")["per_day"].first()
    assert before["STA/LTA"] <= before["seisml"]


@pytest.mark.parametrize("snr_db", [6.0, 20.0])
def test_injected_events_are_as_strong_as_is_said(trained, snr_db):
    """In the band, power of the first seconds over that of the noise before: the ratio itself."""
    rule = InjectionRule(n_events=10, spacing_s=60.0)
    [station, *_] = stations(trained.archive)
    band = trained.plan.band
    one = stretch_of(trained.archive, station, band, trained.one.signals, rule)
    parts = {}
    for part in one.record:
        data = part.data.astype(np.float64)
        inject(data[0], part, one, snr_db)
        parts[part.channels[0]] = dataclasses.replace(part, data=data)
    name = next(name for name in parts if name.endswith("Z"))
    (after,) = causal_filter([parts[name]], band)
    (before,) = causal_filter([p for p in one.record if p.channels[0] == name], band)
    rate_hz, measured = after.sampling_rate_hz, []
    for t in one.places_ns:
        at = round((t - after.start_ns) / S * rate_hz)
        event = slice(at, at + round(rule.power_s * rate_hz))
        added = np.mean(after.data[0, event] ** 2) - np.mean(before.data[0, event] ** 2)
        noise = np.mean(before.data[0, at - round(10 * rate_hz) : at] ** 2)
        measured.append(10 * np.log10(max(added / noise, 1e-9)))
    assert len(measured) >= 5
    assert np.median(measured) == pytest.approx(snr_db, abs=1.0)


def test_nothing_to_inject_is_said(trained):
    """Without an event there is no donor, and that is an error."""
    with pytest.raises(NoDataError, match="No station has both"):
        injection_recovery(
            trained.archive, trained.training.detector, trained.plan, trained.one.signals.head(0)
        )


def test_stations_and_groups(trained):
    """Stations of one kind serve one another; what carries the events is more than nothing."""
    labelled = crossfit.label([trained.one], trained.rule)
    matrix = station_matrix(labelled, trained.rule)
    assert list(matrix.index)[-1] == OTHERS
    assert matrix.shape == (3, 2)
    assert (matrix.to_numpy() > 0.8).all()
    # With two stations all others are the one other.
    a, b = matrix.columns
    assert matrix.loc[OTHERS, a] == matrix.loc[b, a]
    table = group_importance(labelled, trained.rule, n_repeats=1, n_boot=100)
    assert table["n_columns"].sum() == len(labelled.columns)
    assert table["importance"].is_monotonic_decreasing
    assert table["importance"][0] > 0


def test_decisions_on_events_are_read_back(trained, tmp_path):
    """A missed event that is none goes, one is renamed, an unmatched detection is added."""
    time_ns = np.arange(6) * 100 * S
    names = [f"e{k}" for k in range(6)]
    expert = make_catalog(
        pd.DataFrame({"time_ns": time_ns, "event_id": names, "station": "XX.A", "label": "VT"})
    )
    found = make_catalog([{"time_ns": 50 * S, "end_ns": 60 * S, "station": "XX.A", "score": 2.0}])
    review = event_review(compare(found, expert, tolerance_s=2.0))
    assert review["kind"].tolist() == ["unmatched"] + ["missed"] * 6
    review.loc[0, "decision"] = "LP"
    review.loc[review["event_id"] == "e1", "decision"] = "noise"
    review.loc[review["event_id"] == "e2", "decision"] = "TR"
    review.loc[review["event_id"] == "e3", "decision"] = "?"
    review.to_csv(tmp_path / "review.csv", index=False)
    corrected, counts = apply_review(expert, tmp_path / "review.csv")
    assert counts == {"removed": 1, "renamed": 1, "added": 1}
    assert corrected.events["label"].tolist() == ["VT", "LP", "TR", "VT", "VT", "VT"]
    review.loc[review["event_id"] == "e2", "event_id"] = "other"
    review.to_csv(tmp_path / "review.csv", index=False)
    with pytest.raises(TableError, match="no event 'other'"):
        apply_review(expert, tmp_path / "review.csv")
    write_catalog(expert, tmp_path / "expert.csv")
    review[review["event_id"] != "other"].to_csv(tmp_path / "review.csv", index=False)
    command = ["audit", str(tmp_path / "review.csv"), "-c", str(tmp_path / "expert.csv")]
    done = CliRunner().invoke(app, [*command, "-o", str(tmp_path / "new.csv")])
    assert done.exit_code == 0, done.output
    assert len(read_catalog(tmp_path / "new.csv")) == 6


def test_decisions_twice_are_decisions_once(tmp_path):
    """The same list on the corrected catalogue changes nothing, another class renames."""
    expert = make_catalog([{"time_ns": 0, "station": "XX.A", "label": "VT"}])
    found = make_catalog([{"time_ns": 50 * S, "end_ns": 60 * S, "station": "XX.A", "score": 2.0}])
    review = event_review(compare(found, expert, tolerance_s=2.0))
    review.assign(decision=["LP", "TR"]).to_csv(tmp_path / "review.csv", index=False)
    first, counts = apply_review(expert, tmp_path / "review.csv")
    assert counts == {"removed": 0, "renamed": 1, "added": 1}
    again, counts = apply_review(first, tmp_path / "review.csv")
    assert not any(counts.values())
    pd.testing.assert_frame_equal(again.events, first.events)
    review.assign(decision=["VT", "noise"]).to_csv(tmp_path / "review.csv", index=False)
    last, counts = apply_review(first, tmp_path / "review.csv")
    assert counts == {"removed": 1, "renamed": 1, "added": 0}
    assert last.events["label"].tolist() == ["VT"]


def test_verb_evaluates_a_store(trained, tmp_path, monkeypatch):
    """One command: page with all trials, numbers, review list and the model."""
    from seisml import storeevaluation

    monkeypatch.setattr(
        storeevaluation,
        "_injected",
        lambda *_: pd.DataFrame(
            {
                "detector": ["seisml", "seisml"],
                "snr_db": [0.0, 9.0],
                "recall": [0.1, 1.0],
                "low": [0.0, 0.8],
                "high": [0.3, 1.0],
                "per_day": [0.0, 0.0],
            }
        ),
    )
    events = planted_archive(8, 1, 1500.0)[1]
    write_catalog(make_catalog(events, time_basis="label_start"), tmp_path / "expert.csv")
    text = 'profile = "earth-local"\n[training]\nmodel = "logistic"\nn_blocks = 3\n'
    (tmp_path / "seisml.toml").write_text(text)
    monkeypatch.setattr(storeevaluation, "N_ERRORS", 1)
    command = ["evaluate", str(trained.store), "-c", str(tmp_path / "expert.csv"), "--archive"]
    command += [str(planted_archive(8, 1, 1500.0)[0]), "-p", str(tmp_path / "seisml.toml")]
    done = CliRunner().invoke(app, [*command, "--repeats", "1", "-o", str(tmp_path / "out")])
    assert done.exit_code == 0, (done.output, done.exception)
    page = (tmp_path / "out/evaluation.html").read_text()
    for title in ("Events in pairs", "Injection and recovery", "Stations left out", "Importance"):
        assert title in page
    found = json.loads((tmp_path / "out/evaluation.json").read_text())
    assert found["windows"][0]["prevalence"] < 0.5
    assert load_detector(tmp_path / "out/model.skops").classes
    assert "decision" in pd.read_csv(tmp_path / "out/review.csv")
