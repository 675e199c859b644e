"""A model that exists, applied to records with an expert."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from planted_archive import planted_archive
from planted_training import Trained, planted_training
from typer.testing import CliRunner

from seisml import storeevaluation
from seisml.applied import apply_model, kinship
from seisml.baseline import baseline_rule
from seisml.catalog import make_catalog
from seisml.cli import app
from seisml.detect import detect, event_rule, events_from_windows
from seisml.errors import FeatureMismatchError, ModelError
from seisml.formats import write_catalog
from seisml.model import save_detector
from seisml.store import iter_tables
from seisml.thresholds import MatchRule
from seisml.times import to_ns
from seisml.windows import WindowGrid

HOUR = 3600 * 10**9
MATCHING = MatchRule(3.0)


@pytest.fixture(scope="module")
def trained() -> Trained:
    return planted_training()


def applied(trained: Trained, detector=None, sets=None):
    """Return the detector applied to the records that it was trained on."""
    detector = detector or trained.training.detector
    return apply_model(sets or [trained.one], detector, rule=trained.rule, matching=MATCHING)


def test_what_is_compared_is_what_detect_finds(trained):
    """Events, times and scores are those of `seisml detect` on the same store."""
    detector = trained.training.detector
    found = applied(trained).training
    wanted = detect(iter_tables(trained.store), detector, archive=trained.archive)
    pd.testing.assert_frame_equal(found.machine.events, wanted.events)
    assert len(found.test.matched) == 48  # planted far above the noise: all are found
    assert found.detector is detector
    # The threshold is the model's own: 1 is where it stands.
    windows = found.windows
    over = windows["score"] >= 1
    assert (over == (windows["probability"] >= detector.on))[windows["score"].notna()].all()
    # STA/LTA is tuned on other blocks of these records.
    assert "STA/LTA" in found.baseline.machine_name
    assert len(found.baseline.matched) > 24


def test_records_of_the_training_are_named_in_sample(trained):
    """The card holds stations and times: the same are in-sample, others are not."""
    found = applied(trained)
    assert found.kinship.n_in_sample == found.kinship.n_windows > 0
    assert "IN-SAMPLE" in found.kinship.text
    assert "IN-SAMPLE" in found.training.validation
    detector = trained.training.detector
    card = dict(detector.card)
    card["sets"] = [dict(card["sets"][0], stations=["ZZ.OTHER.00.HH"])]
    found = applied(trained, dataclasses.replace(detector, card=card))
    assert found.kinship.n_in_sample == 0
    assert found.kinship.n_same_time == found.kinship.n_windows
    assert "same events" in found.kinship.text


def test_kinship_counts_stations_and_times():
    """Four windows: in-sample, same time elsewhere, same station later, neither."""
    start = to_ns("2020-01-01")
    windows = pd.DataFrame(
        {
            "station": ["XX.A.00.BH", "XX.B..HH", "XX.A..HH", "XX.B..HH"],
            "time_ns": start + np.array([1, 1, 30, 30]) * HOUR,
        }
    )
    card = {"sets": [{"stations": ["XX.A..HH"], "start": "2020-01-01", "end": "2020-01-02"}]}
    found = kinship(card, windows)
    assert (found.n_in_sample, found.n_same_time, found.n_same_station) == (1, 1, 1)
    assert "IN-SAMPLE: 1 of 4" in found.text
    # Records that were generated are no records of the station whose name they bear.
    card["sets"][0] |= {"name": "generated", "expert": "generated"}
    found = kinship(card, windows)
    assert (found.n_in_sample, found.n_same_time, found.n_same_station) == (0, 0, 0)
    assert "other stations and times" in found.text


def test_another_body_and_other_features_are_refused(trained):
    """A model of Mars, and one of other features, are told with what to do."""
    detector = trained.training.detector
    mars = dataclasses.replace(detector, card={**detector.card, "body": "mars"})
    with pytest.raises(ModelError, match="for mars, the catalogue is of earth"):
        applied(trained, mars)
    other = dataclasses.replace(detector, fingerprint="other")
    with pytest.raises(FeatureMismatchError, match="trained on features other"):
        applied(trained, other)


def test_without_events_there_is_no_baseline_and_that_is_said(trained):
    """A catalogue whose events are elsewhere: nothing is tuned, detections are unmatched."""
    expert = dataclasses.replace(trained.one.expert, events=trained.one.expert.events.head(1))
    one = dataclasses.replace(trained.one, signals=trained.one.signals.head(1), expert=expert)
    found = applied(trained, sets=[one])
    assert found.training.baseline is None
    assert "no STA/LTA beside it" in found.notes[0]
    assert "Note: no STA/LTA beside it" in found.training.validation  # the page has it too
    assert len(found.training.test.matched) == 1
    assert len(found.training.test.unmatched) > 20


def test_verb_applies_a_model(trained, tmp_path, monkeypatch):
    """One command: page, numbers and review; the model is not trained anew nor written."""
    monkeypatch.setattr(storeevaluation, "N_ERRORS", 1)
    monkeypatch.setattr(storeevaluation, "_injected", lambda *_: None)
    events = planted_archive(8, 1, 1500.0)[1]
    write_catalog(make_catalog(events, time_basis="label_start"), tmp_path / "expert.csv")
    save_detector(trained.training.detector, tmp_path / "model.skops")
    command = ["evaluate", str(trained.store), "-c", str(tmp_path / "expert.csv"), "--archive"]
    command += [str(planted_archive(8, 1, 1500.0)[0]), "--model", str(tmp_path / "model.skops")]
    done = CliRunner().invoke(app, [*command, "--repeats", "1", "-o", str(tmp_path / "out")])
    assert done.exit_code == 0, (done.output, done.exception)
    assert "IN-SAMPLE" in done.output
    page = (tmp_path / "out/evaluation.html").read_text()
    for text in ("IN-SAMPLE", "A model that existed", "Events in pairs", "Importance"):
        assert text in page
    assert "held-out" not in page.split("Model card")[0]
    found = json.loads((tmp_path / "out/evaluation.json").read_text())
    assert found["in_sample"] is True
    assert found["metrics"]["seisml"]["recall"] == 1.0
    assert "decision" in pd.read_csv(tmp_path / "out/review.csv")
    assert not (tmp_path / "out/model.skops").exists()
    table = tmp_path / "table.csv"
    table.write_text("a,label\n1,x\n2,y\n")
    done = CliRunner().invoke(
        app, ["evaluate", str(table), "--label", "label", "-m", "earth-local"]
    )
    assert done.exit_code == 2
    assert "feature store" in done.output


def test_the_baseline_begins_where_it_rises():
    """A ratio that stays up: its event begins with the first window, not at a later peak."""
    rule = baseline_rule({"begin": "peak", "smooth_windows": 3, "off_ratio": 0.5})
    alone = {"classes": {}, "support_window_s": 0.0}
    assert rule == {"begin": "rise", "smooth_windows": 1, "off_ratio": 0.5, **alone}
    grid = WindowGrid(2.0, 0.5)
    time_ns = np.arange(40) * 5 * 10**8
    ratio = np.where((time_ns >= 8 * 10**9) & (time_ns < 14 * 10**9), 4.0, 1.0)
    ratio[26] = 6.0  # the ratio peaks seconds after the onset
    (event,) = events_from_windows([(time_ns, ratio)], grid, event_rule(3.0, rule))
    assert event[0] == 8 * 10**9 + 15 * 10**8
