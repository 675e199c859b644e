"""The exercise: what students get, what is hidden, and a score that cannot be gamed."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import obspy
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import pyplot as plt

from seisml.catalog import make_catalog
from seisml.classroom.baselines import baselines, cheat
from seisml.classroom.exercise import (
    CLASSES,
    AnswerKey,
    make_exercise,
    read_key,
    submission_text,
)
from seisml.classroom.scoring import MEASURES, leaderboard, ranked, score, score_files
from seisml.classroom.submissions import Submission, read_submission
from seisml.errors import CatalogError, ConfigError
from seisml.plots.classroom import plot_leaderboard
from seisml.times import DAY_NS, NS_PER_S, iso, to_ns

START = to_ns("2024-03-06")
HEAD = "time,end_time,label\n"


@pytest.fixture(scope="module")
def exercises(tmp_path_factory) -> dict[int, tuple[Path, AnswerKey, list[Path]]]:
    """Two exercises with the submissions of the simulated teams; a forest for one of them."""
    out = {}
    for seed, names in ((11, ()), (12, ("forest",))):
        folder = tmp_path_factory.mktemp(f"seed{seed}")
        student, path = make_exercise(folder, seed=seed)
        key = read_key(path)
        teams = ("perfect", *names, "sta_lta", "cheating", "empty")
        out[seed] = student, key, baselines(student, key, folder / "submissions", names=teams)
    return out


@pytest.fixture(scope="module")
def key() -> AnswerKey:
    """A key of 40 events, one every half hour, every fourth a blast; one more is too weak."""
    time_ns = START + np.arange(40) * 1800 * NS_PER_S
    events = pd.DataFrame({"time_ns": time_ns, "end_ns": time_ns + 30 * NS_PER_S})
    events["label"] = np.where(np.arange(40) % 4 == 0, "blast", "earthquake")
    weak = {"time_ns": [START + 900 * NS_PER_S], "end_ns": [START + 930 * NS_PER_S]}
    weak["label"] = ["weak"]
    both = pd.concat([events, pd.DataFrame(weak)])
    catalog = make_catalog(both, name="truth", time_basis="first_pick")
    return AnswerKey(catalog, START, START + DAY_NS, CLASSES, 10.0, 0)


def handed_in(table: pd.DataFrame, team: str = "team") -> Submission:
    """Return a submission of a table of events."""
    return Submission(team, make_catalog(table, name=team, time_basis="first_pick"))


def by_team(paths, key) -> pd.DataFrame:
    """Return the leaderboard by team."""
    return leaderboard(score_files(paths, key)).set_index("team")


def test_students_get_no_answers(exercises):
    """The package holds the records of all days and the expert's catalogue of the first half."""
    student, key, _ = exercises[11]
    files = sorted(p.relative_to(student).as_posix() for p in student.rglob("*") if p.is_file())
    other = [name for name in files if not name.startswith("waveforms/2024/XX/DEMA/")]
    assert other == ["README.md", "expert.csv", "stations.csv"]
    assert len(files) - len(other) == 12
    expert = read_submission(student / "expert.csv", classes=CLASSES).catalog.events
    assert 40 < len(expert) < 120
    assert expert["time_ns"].max() < key.start_ns
    assert set(expert["label"]) == set(CLASSES)
    text = (student / "README.md").read_text()
    assert "seed" not in text
    assert "{" not in text
    assert sum(p.stat().st_size for p in student.rglob("*") if p.is_file()) < 30e6


def test_the_key_holds_what_was_planted(exercises):
    """Where the key has a strong event, the record has one; the key is in the exam only."""
    student, key, _ = exercises[11]
    events = key.scored
    assert ((events["time_ns"] >= key.start_ns) & (events["time_ns"] < key.end_ns)).all()
    strong = events[events["snr"] > 30].iloc[0]
    when = obspy.UTCDateTime(ns=int(strong["time_ns"]))
    path = f"waveforms/2024/XX/DEMA/HHZ.D/XX.DEMA..HHZ.D.2024.{when.julday:03d}"
    trace = obspy.read(str(student / path))[0].filter("highpass", freq=2)
    before = trace.slice(when - 20, when - 2).data.std()
    assert trace.slice(when, when + 10).data.std() > 5 * before


def test_make_refuses_a_full_folder_and_odd_days(tmp_path):
    """Nothing is overwritten, and half of the days must be a whole number."""
    (tmp_path / "mine.txt").write_text("keep me")
    with pytest.raises(ConfigError, match="not empty"):
        make_exercise(tmp_path, seed=1)
    with pytest.raises(ConfigError, match="even"):
        make_exercise(tmp_path / "new", seed=1, n_days=3)


def test_the_leaderboard_of_five_teams(exercises):
    """Perfect first, then the forest, then STA/LTA; cheating is worth nothing, like nothing."""
    _, key, paths = exercises[12]
    board = leaderboard(score_files(paths, key))
    assert board["team"].tolist() == ["perfect", "forest", "sta_lta", "cheating", "empty"]
    value = board.set_index("team")["score"]
    assert value["perfect"] == 1
    assert value["forest"] > 0.8
    assert value["forest"] - value["sta_lta"] > 0.2
    assert value["cheating"] < 0.01
    assert value["empty"] == 0
    row = board.set_index("team").loc["forest"]
    for name in MEASURES:
        assert row[f"{name}_low"] <= row[name] <= row[f"{name}_high"]
    assert row["onset_error_s"] < 0.5
    figure = plot_leaderboard(board)
    assert figure.axes[0].get_yticklabels()[0].get_text() == "1. perfect"
    plt.close(figure)


def test_two_seeds_are_equally_hard(exercises):
    """Numbers of events, signal-to-noise ratios, and what STA/LTA reaches are alike."""
    keys = [exercises[seed][1].scored for seed in (11, 12)]
    n = [len(events) for events in keys]
    assert abs(n[0] - n[1]) < 0.2 * max(n)
    share = [(events["label"] == "blast").mean() for events in keys]
    assert abs(share[0] - share[1]) < 0.1
    for q in (0.25, 0.5, 0.75):
        a, b = (np.log(events["snr"]).quantile(q) for events in keys)
        assert abs(a - b) < 0.6
    f1 = [by_team(exercises[s][2], exercises[s][1]).loc["sta_lta", "f1"] for s in (11, 12)]
    assert abs(f1[0] - f1[1]) < 0.2


def test_one_detection_serves_one_event(key):
    """A span over everything finds one event; a flood has full recall and no score."""
    whole = pd.DataFrame({"time_ns": [START], "end_ns": [START + DAY_NS], "label": ["blast"]})
    assert score(handed_in(whole), key).counts["n_matched"] == 1
    result = score(handed_in(cheat(key)), key)
    assert result.measures["recall"] == 1
    assert result.measures["score"] < 0.01
    assert any("chance" in note for note in result.notes)


def test_a_second_detection_of_an_event_is_a_false_alarm(key):
    """Both labels for each event: the second detection costs precision and the class score."""
    events = key.scored
    both = pd.concat([events.assign(label=name) for name in CLASSES])
    result = score(handed_in(both[["time_ns", "end_ns", "label"]]), key)
    assert result.measures["recall"] == 1
    assert result.measures["precision"] == 0.5
    assert result.measures["class_score"] < 0.75


def test_class_score_is_the_mean_of_f1_of_the_classes(key):
    """All named earthquake: F1 of blasts is 0, of earthquakes 2*30/(2*30+10)."""
    said = key.scored.assign(label="earthquake")[["time_ns", "end_ns", "label"]]
    result = score(handed_in(said), key)
    assert result.measures["f1"] == 1
    assert result.measures["class_score"] == pytest.approx((60 / 70 + 0) / 2)
    assert result.measures["score"] == pytest.approx((1 + 30 / 70) / 2)


def test_weak_events_do_not_count(key):
    """Who finds the event that is too weak is not punished, who does not is not either."""
    events = key.catalog.events[["time_ns", "end_ns", "label"]].replace("weak", "earthquake")
    assert score(handed_in(events), key).measures["score"] == 1
    assert score(handed_in(key.scored[["time_ns", "end_ns", "label"]]), key).measures["score"] == 1


def test_onset_error_and_tolerance(key):
    """Times that are 3 s late have an error of 3 s; 11 s late they find nothing."""
    events = key.scored[["time_ns", "end_ns", "label"]]
    late = events.assign(time_ns=events["time_ns"] + 3 * NS_PER_S)
    assert score(handed_in(late), key).measures["onset_error_s"] == 3
    later = events.assign(time_ns=events["time_ns"] + 11 * NS_PER_S)
    assert score(handed_in(later), key).measures["recall"] == 0


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 23 * 3600), max_size=60), st.integers(0, 2**32 - 1))
def test_more_false_alarms_never_help(key, at_s, seed):
    """Adding detections away from all events never raises the score."""
    rng = np.random.default_rng(seed)
    events = key.scored[["time_ns", "end_ns", "label"]]
    some = events[rng.random(len(events)) < 0.7]
    away = [s for s in at_s if 60 < s % 900 < 840]
    alarms = pd.DataFrame({"time_ns": [START + s * NS_PER_S for s in away]}, dtype="int64")
    alarms = alarms.assign(end_ns=alarms["time_ns"] + NS_PER_S, label="blast")
    alone = score(handed_in(some), key, n_boot=10).measures
    more = score(handed_in(pd.concat([some, alarms])), key, n_boot=10).measures
    assert more["score"] <= alone["score"] + 1e-12
    assert more["recall"] == alone["recall"]


def test_ties_go_to_the_better_onset(key):
    """Same score: the smaller onset error is first; refused ones are last."""
    events = key.scored[["time_ns", "end_ns", "label"]]
    late = events.assign(time_ns=events["time_ns"] + 2 * NS_PER_S)
    results = [score(handed_in(late, "a"), key), score(handed_in(events, "b"), key)]
    assert [r.team for r in ranked(results)] == ["b", "a"]


def test_local_time_is_seen_and_not_repaired():
    """Times in UTC+1 called UTC match nothing, and the note says so."""
    rng = np.random.default_rng(0)
    times = START + np.sort(rng.choice(80_000, 40, replace=False)) * NS_PER_S
    odd = make_catalog(pd.DataFrame({"time_ns": times, "label": "blast"}), name="truth")
    odd_key = AnswerKey(odd, START, START + DAY_NS, CLASSES, 10.0, 0)
    wrong = pd.DataFrame({"time_ns": times + 3600 * NS_PER_S, "label": "blast"})
    result = score(handed_in(wrong), odd_key)
    assert any("-1 h: local time" in note for note in result.notes)
    assert result.measures["recall"] < 0.2


def write(folder: Path, text: str, name: str = "team.csv") -> Path:
    """Write a submission."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "told", "advice"),
    [
        ("", "is empty", "time,end_time,label"),
        ("time,end,label\n", "'end_time' is missing", "rename 'end' to 'end_time'"),
        ("start,stop,class\n1,2,3\n", "'time', 'end_time', 'label' is", "'class' to 'label'"),
        ("a,b\n1,2\n", "the file has 'a', 'b'", "first line must be"),
        (HEAD + "2024-03-06T01:00:00,,blast\n", "line 2: time .* no time zone", "Z at the end"),
        (HEAD + "yesterday,,blast\n", "line 2: time 'yesterday' is no ISO 8601", "look like"),
        (HEAD + ",,blast\n", "line 2: time is missing", "look like"),
        (
            HEAD + "2024-03-06T01:00:00Z,2024-03-06T00:00:00Z,blast\n",
            "line 2: end_time is before time",
            "look like",
        ),
        (HEAD + "x,,a\n" * 9, "line 4: .*and 6 more", "look like"),
    ],
)
def test_wrong_forms_get_a_message_that_helps(tmp_path, text, told, advice):
    """Every problem names the line, the value and what to do."""
    with pytest.raises(CatalogError, match=told) as error:
        read_submission(write(tmp_path, text), classes=CLASSES)
    assert advice in error.value.hint


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "2024-03-06T01:00:00Z,2024-03-06T01:00:30Z,blast\n",
        "\ufeff" + HEAD + "2024-03-06T02:00:00+01:00,2024-03-06T02:00:30+01:00,Blast \n",
        "Label;Time;End_Time\r\nBLAST;2024-03-06 01:00:00Z;2024-03-06 01:00:30Z\r\n",
        ",time,end_time,label,score\n0,2024-03-06T01:00:00.000Z,2024-03-06T01:00:30Z,blast,0.9\n",
        HEAD + "2024-03-06T01:00:00Z,2024-03-06T01:00:30Z,blast\n" * 3 + ",,\n\n",
    ],
)
def test_right_forms_are_understood(tmp_path, text):
    """Zones, a byte-order mark, semicolons, an index column, other columns, copies."""
    events = read_submission(write(tmp_path, text), classes=CLASSES).catalog.events
    assert len(events) == 1
    assert iso(int(events["time_ns"].iloc[0])) == "2024-03-06T01:00:00.000000Z"
    assert events["end_ns"].iloc[0] - events["time_ns"].iloc[0] == 30 * NS_PER_S
    assert events["label"].iloc[0] == "blast"


def test_oddities_are_told(tmp_path):
    """Copies, unknown labels, missing ends and columns that are not used are counted."""
    rows = "2024-03-06T01:00:00Z,,noise,1\n" * 2 + "2024-03-06T02:00:00Z,,earthquak,2\n"
    path = write(tmp_path, "time,end_time,label,score\n" + rows)
    notes = " | ".join(read_submission(path, classes=CLASSES).notes)
    for told in ("not used: score", "'noise' (2 rows) is no class", "Did you mean 'earthquake'"):
        assert told in notes
    assert "3 rows are there twice" not in notes


def test_a_round_trip_of_the_form(tmp_path, key):
    """What `submission_text` writes is read back as it was, to the microsecond."""
    events = key.scored[["time_ns", "end_ns", "label"]]
    path = write(tmp_path, submission_text(events))
    back = read_submission(path, classes=CLASSES).catalog.events[["time_ns", "end_ns", "label"]]
    pd.testing.assert_frame_equal(back, events)


def test_students_check_the_form_themselves(tmp_path):
    """Without an answer key: what is there, and what is wrong."""
    good = write(tmp_path, HEAD + "2024-03-06T01:00:00Z,2024-03-06T01:00:09Z,blast\n", "good.csv")
    bad = write(tmp_path, "time,end,label\n", "bad.csv")
    command = [sys.executable, "-m", "seisml.cli", "class", "check", str(good)]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0
    assert "1 detections; 1 blast; 2024-03-06T01:00:00Z" in run.stdout
    run = subprocess.run([*command, str(bad)], capture_output=True, text=True)
    assert run.returncode == 1
    assert "rename 'end' to 'end_time'" in run.stderr


def test_the_command_scores_and_refuses(tmp_path, exercises):
    """One bad file is told and does not stop the others; the leaderboard is written."""
    student, _, paths = exercises[11]
    truth = student.parent / "teacher" / "truth.json"
    bad = write(tmp_path, "time,label\n2024-03-06T01:00:00Z,blast\n", "bad.csv")
    command = [sys.executable, "-m", "seisml.cli", "class", "score"]
    options = ["--truth", str(truth), "-o", "board.csv", "--json"]
    run = subprocess.run(
        [*command, str(paths[1]), str(bad), *options], cwd=tmp_path, capture_output=True, text=True
    )
    assert run.returncode == 1, run.stderr
    told = json.loads(run.stdout)
    assert [row["team"] for row in told] == ["sta_lta", "bad"]
    assert "'end_time' is missing" in told[1]["notes"]
    board = pd.read_csv(tmp_path / "board.csv")
    assert board["n_detections"].tolist()[0] > 50
    wrong = subprocess.run(
        [*command, str(bad), "--truth", str(bad)], cwd=tmp_path, capture_output=True, text=True
    )
    assert wrong.returncode == 1
    assert "is no answer key" in wrong.stderr
