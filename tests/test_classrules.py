"""Classes with a state machine of their own: long low tremor, and short high earthquakes in it."""

import itertools
import types

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import seisml.detect
from seisml.classrules import OTHERS, class_rules, events_by_class, scores_by_class
from seisml.config import load_config, load_profile
from seisml.errors import ConfigError
from seisml.model import Calibration
from seisml.states import event_rule, events_from_windows
from seisml.times import NS_PER_S
from seisml.windows import WindowGrid

GRID = WindowGrid(6.0, 2.0)
LONG = {"min_duration_s": 60.0, "max_duration_s": 3600.0, "merge_gap_s": 16.0}
OWN = {"TR": {"on": 0.3, "off_ratio": 0.8, **LONG}}
DETECTION = {"off_ratio": 0.5, "max_duration_s": 30.0, "refine_onset": False, "classes": OWN}


def planted() -> dict[str, np.ndarray]:
    """Tremor of 200 s at 0.35, an earthquake of 10 s at 0.9 in it and one outside; a short hum."""
    score = {"TR": np.zeros(200), "VT": np.zeros(200)}
    score["TR"][50:150] = 0.35
    score["TR"][180:190] = 0.35
    for a in (80, 20):
        score["VT"][a : a + 5] = 0.9
    score["TR"] *= 1.0 - score["VT"]
    return {"event": score["TR"] + score["VT"], **score}


def found_in(scores, detection=DETECTION, *, cuts=()):
    rules = class_rules(0.7, detection, known=("TR", "VT"))
    time_ns = np.arange(len(scores["event"])) * GRID.hop_ns
    split = scores_by_class(scores["event"], scores, rules)
    bounds = [0, *sorted(cuts), len(time_ns)]
    chunks = [
        (time_ns[a:b], {name: one[a:b] for name, one in split.items()})
        for a, b in itertools.pairwise(bounds)
    ]
    return list(events_by_class(chunks, GRID, rules))


def test_tremor_is_long_and_low_and_earthquakes_are_short_and_high():
    found = [(name, a / NS_PER_S, b / NS_PER_S) for name, a, b, *_ in found_in(planted())]
    # One tremor, through the earthquake in it; the hum of 20 s is too short to be one.
    assert found == [(OTHERS, 44.0, 50.0), ("TR", 104.0, 300.0), (OTHERS, 164.0, 170.0)]


def test_what_rounding_leaves_is_nothing():
    """Single precision leaves crumbs of a class that has it all; without rules nothing is cut."""
    event, tremor = np.float32([0.3, 0.9, 0.5]), {"TR": np.array([0.3, 0.5, 0.5])}
    left = scores_by_class(event, tremor, [OTHERS, "TR"])[OTHERS]
    assert left.tolist() == [0.0, pytest.approx(0.4, abs=1e-6), 0.0]
    small = np.array([1e-9, 0.5])
    assert scores_by_class(small, {}, [OTHERS])[OTHERS].tolist() == small.tolist()


def test_one_rule_for_all_sees_no_tremor():
    common = {key: value for key, value in DETECTION.items() if key != "classes"}
    names = [name for name, *_ in found_in(planted(), common)]
    assert names == [OTHERS, OTHERS]


SCORES = st.lists(st.tuples(st.floats(0, 0.5), st.floats(0, 0.5)), min_size=1, max_size=60)


@given(SCORES, st.sets(st.integers(0, 59), max_size=12))
@settings(max_examples=80, deadline=None)
def test_chunks_do_not_matter(rows, cuts):
    """Cut anywhere: the same events of all classes in the same order, bit for bit."""
    tremor, quake = np.array(rows).T
    scores = {"TR": tremor, "VT": quake, "event": tremor + quake}
    own = {"on": 0.3, "min_duration_s": 4.0, "smooth_windows": 3}
    detection = {**DETECTION, "classes": {"TR": own, "VT": {"on": 0.4, "dead_time_s": 8.0}}}
    whole = found_in(scores, detection)
    assert found_in(scores, detection, cuts={c for c in cuts if c < len(rows)}) == whole
    assert [event[1] for event in whole] == sorted(event[1] for event in whole)


@given(SCORES)
@settings(max_examples=30, deadline=None)
def test_without_own_rules_it_is_the_one_machine(rows):
    score = np.array(rows).sum(axis=1)
    common = {key: value for key, value in DETECTION.items() if key != "classes"}
    time_ns = np.arange(len(score)) * GRID.hop_ns
    plain = list(events_from_windows([(time_ns, score)], GRID, event_rule(0.7, common)))
    assert [event[1:] for event in found_in({"event": score}, common)] == plain


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"TX": {"on": 0.3}}, r"knows no class 'TX'.*\n.*TR"),
        ({"TR": {"onn": 0.3}}, r"classes.TR\]: unknown key 'onn'.*\n.*'on'"),
        ({"TR": {"on": "low"}}, r"on = 'low' has the wrong type"),
        ({"TR": 0.3}, r"must be a table"),
        ({"TR": {"off_ratio": 1.5}}, r"off threshold .* is above"),
    ],
)
def test_wrong_rules_are_refused(own, message):
    with pytest.raises(ConfigError, match=f"(?s){message}"):
        class_rules(0.7, {**DETECTION, "classes": own}, known=("TR", "VT"))


def test_rules_come_from_the_file(tmp_path):
    path = tmp_path / "seisml.toml"
    path.write_text('profile = "volcano"\n[detection.classes.TR]\non = 0.3\nmin_duration_s = 60\n')
    detection = vars(load_config(path).detection)
    assert class_rules(0.7, detection)["TR"].min_duration_s == 60
    assert load_profile("volcano").detection.classes == {}


def test_detections_of_a_network_by_class(monkeypatch):
    """Of three stations one is deaf and one hears a hum of its own: all agree in the end."""
    scores, quiet = planted(), np.zeros(200)
    hum = np.where(np.arange(200) > 160, 0.9, 0.0)
    per_station = {
        "V1": scores,
        "V2": {name: one / 0.9 for name, one in scores.items()},
        "V3": {"event": np.maximum(scores["event"], hum), "TR": scores["TR"], "VT": quiet},
    }
    time = pd.DatetimeIndex((np.arange(200) * GRID.hop_ns).astype("datetime64[ns]"))

    def frames(*_):
        for name, one in per_station.items():
            index = pd.MultiIndex.from_product([[f"XX.{name}.00.HH"], time])
            index.names = ["station", "time"]
            p = {f"P({name})": one[name] for name in ("TR", "VT")}
            yield pd.DataFrame({**p, "score": one["event"], "novel": 0.0}, index)

    monkeypatch.setattr(seisml.detect, "_scored", frames)
    band = {"f_min_hz": 1.0, "f_max_hz": 10.0}
    detector = types.SimpleNamespace(
        on=0.7,
        detection={**DETECTION, "network_vote": True},
        grid=GRID,
        classes=("TR", "VT"),
        calibration=Calibration("none"),
        card={},
        plan={"band": band},
        priors={},
    )
    table = seisml.detect.detect([], detector).events
    labels = {name: rows["label"].tolist() for name, rows in table.groupby("station")}
    assert labels == {f"XX.V{k}": ["VT", "TR", "VT"] for k in (1, 2, 3)}
