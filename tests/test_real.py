"""The chain on real records, scored by the independent scorer of the shared sets.

Numbers are floors well below what was measured, so that they tell a break, not a fluctuation.
"""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from seisml.archive import open_archive
from seisml.associate import coincidences
from seisml.catalog import make_catalog
from seisml.config import load_profile
from seisml.detect import (
    RAW_COLUMNS,
    detect,
    event_rule,
    events_from_windows,
    plan_band,
    to_catalog,
)
from seisml.extract import extract
from seisml.formats import read_catalog, write_catalog
from seisml.labels import LabelRule, signals
from seisml.model import load_detector, save_detector
from seisml.settings import label_rule_of, plan_from, plan_of, training_rule_of
from seisml.store import iter_tables
from seisml.thresholds import MatchRule, lines
from seisml.training import train
from seisml.trainingset import Selection, TrainingSet

pytestmark = [pytest.mark.real, pytest.mark.slow]


def score(shared_data, key: str, detections, folder, *, start="", settings=None) -> dict:
    """Score detections with the shared scorer, from a time on; return its numbers."""
    truth = shared_data.parent / "scoring" / "truth"
    options = json.loads((truth / "sets.json").read_text())[settings or key]
    path = folder / f"{key}.csv"
    write_catalog(detections, path)
    cut = []
    for name in ("truth", "coverage"):
        table = pd.read_csv(truth / options[name], dtype=str)
        column = "time" if name == "truth" else "start"
        table[table[column] >= start].to_csv(folder / f"{key}_{name}.csv", index=False)
        cut += [f"--{name}", folder / f"{key}_{name}.csv"]
    words = [*cut, "--detections", path, "--match", options["match"]]
    out = folder / f"{key}.json"
    scorer = shared_data.parent / "scoring" / "score.py"
    subprocess.run(
        [sys.executable, scorer, *words, "--block-s", str(options["block_s"]), "--out-json", out],
        check=True,
        capture_output=True,
    )
    return json.loads(out.read_text())


def test_bradys_trained_before_the_day(shared_data, tmp_path):
    """Trained on the cuts before 2014-04-07, the events of that day are found, onsets to 0.1 s.

    Labels by the rule ``delay``: the stations lie within 2-3 km, so origin + 0.6 s is the onset.
    """
    sds = shared_data / "earth_bradys" / "sds"
    config, day = load_profile("earth-local"), "2014-04-07"
    archive = open_archive(sds, index=False)
    extract(archive, tmp_path / "store", plan_of(config), jobs=2)
    expert = read_catalog(shared_data / "earth_bradys" / "catalog_lbnl_templates.csv")
    rule = dataclasses.replace(label_rule_of(config), rule="delay", delay_s=0.6)
    seen = signals(expert, sorted(archive.pieces["station"].unique()), rule)
    training = train(
        [TrainingSet([tmp_path / "store"], seen, expert, rule, Selection(end=day), archive)],
        rule=training_rule_of(config),
        detection=dataclasses.asdict(config.detection),
        matching=MatchRule(3.0),
    )
    save_detector(training.detector, tmp_path / "m.skops")
    detector = load_detector(tmp_path / "m.skops")
    tables = iter_tables(tmp_path / "store", start=day)
    found = detect(tables, detector, archive=archive)
    numbers = score(shared_data, "earth_bradys", found, tmp_path, start=day)
    assert numbers["recall"] > 0.85
    assert abs(numbers["residual_s"]["median"]) < 0.05
    network = coincidences(found, window_s=1.5, min_stations=3)
    numbers = score(shared_data, "earth_bradys_network", network, tmp_path, start=day)
    assert numbers["recall"] > 0.8
    assert numbers["precision"] > 0.8


@pytest.fixture(scope="module")
def mars(shared_data, tmp_path_factory):
    """Leave-one-record-out scores of both Mars sets, and the 2022 hours by the final model."""
    folder = tmp_path_factory.mktemp("mars")
    config = load_profile("mars-insight")
    archives = {
        "mars_insight": open_archive(shared_data / "mars_insight" / "waveforms", index=False),
        "mars_deglitched": open_archive(shared_data / "mars_deglitched", index=False),
    }
    for name, archive in archives.items():
        extract(archive, folder / name, plan_of(config))
    file = shared_data / "mars_insight" / "catalogs" / "mqs_catalog_20191002.xml"
    expert = read_catalog(file)
    seen = signals(expert, ["XB.ELYSE.02.BH"], label_rule_of(config))
    chosen = Selection(end="2019-10-02", stations=["XB.ELYSE.02.BH"])
    stores = [folder / name for name in archives]
    training = train(
        [TrainingSet(stores, seen, expert, label_rule_of(config), chosen)],
        rule=dataclasses.replace(training_rule_of(config), n_folds=99),
        detection=dataclasses.asdict(config.detection),
        matching=MatchRule(60.0, "interval"),
    )
    return folder, archives, training


def held_out(training, archive, number: int) -> pd.DataFrame:
    """Events of one store from scores of models that had not seen the record."""
    windows = training.windows[training.windows["line"].str.startswith(f"{number}:")]
    windows = windows.reset_index(drop=True)
    detector, rows = training.detector, []
    for station, at in lines(windows):
        known = at[np.isfinite(windows["score"].to_numpy()[at])]
        chunk = windows["time_ns"].to_numpy()[known], windows["score"].to_numpy()[known]
        rule = event_rule(1.0, detector.detection)
        for raw in events_from_windows([chunk], detector.grid, rule):
            event = dict(zip(RAW_COLUMNS, raw, strict=True))
            rows.append({"station": station, "label": "event", **event})
    raw = pd.DataFrame(rows, columns=["station", "label", *RAW_COLUMNS])
    band = plan_band(detector.plan)
    return to_catalog(raw, archive, band, detector.detection, body="mars").events


def test_mars_records_left_out(shared_data, mars, tmp_path):
    """Each record is found by models that were trained on the other records only."""
    folder, archives, training = mars
    assert training.detector.card["split"]["n_folds"] == 9  # days that hold records
    for number, (name, archive) in enumerate(archives.items()):
        events = held_out(training, archive, number)
        if name == "mars_insight":  # the 2022 hours: no label of theirs was ever used
            tables = iter_tables(folder / name, start="2021-01-01")
            late = detect(tables, training.detector, archive=archive, body="mars")
            events = pd.concat([events, late.events])
        found = make_catalog(events, body="mars", time_basis="first_pick")
        numbers = score(shared_data, name, found, tmp_path)
        assert numbers["recall"] >= 0.6, name
        assert numbers["f1"] >= 0.6, name


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc/self/status")
def test_piton_whole_day(shared_data, tmp_path):
    """One real day of two stations goes through extract and detect in bounded memory."""
    code = (
        "import json, time\n"
        "from seisml.archive import open_archive\n"
        "from seisml.config import load_profile\n"
        "from seisml.extract import extract\n"
        "from seisml.settings import plan_of\n"
        "t = time.perf_counter()\n"
        f"archive = open_archive({str(shared_data / 'earth_piton' / 'sds')!r}, index=False)\n"
        f"done = extract(archive, {str(tmp_path)!r}, plan_of(load_profile('earth-local')))\n"
        "print(json.dumps([time.perf_counter() - t, [d.n_windows for d in done],\n"
        # VmHWM is of this process alone; ru_maxrss would remember the one it was forked from.
        "      int(open('/proc/self/status').read().split('VmHWM:')[1].split()[0]) / 1e3]))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300
    )
    _, n_windows, peak_mb = json.loads(run.stdout)
    assert n_windows == [43200, 43200]
    assert peak_mb < 500
    sizes = [path.stat().st_size / 1e6 for path in tmp_path.glob("*/*.h5")]
    assert max(sizes) < 15
    tables = list(iter_tables(tmp_path))
    for table in tables:
        # All but the first seconds, in which the filter settles, and the end of the record.
        assert table.coverage[3:-2].min() == pytest.approx(1.0, abs=1e-6)
        # Without records of the day before, only the first hour can lack a background.
        late = table.frame.iloc[1800:-2]
        assert np.isfinite(late["rel_energy.Z"]).all()
        assert np.isfinite(late["f_centroid.Z"]).all()


def test_piton_transients_stand_out(shared_data, tmp_path):
    """The two transients that all stations have, 07:33 and 22:35, have the largest ratios."""
    archive = open_archive(shared_data / "earth_piton" / "sds", index=False)
    extract(archive, tmp_path, plan_of(load_profile("earth-local")), patterns=["YA.UV06"])
    [table] = list(iter_tables(tmp_path))
    ratio = table.frame["band_rel_energy[4-8Hz].Z"].droplevel("station")
    for around in ("2010-09-01T07:33", "2010-09-01T22:35"):
        near = ratio[around:around].max()
        assert near > ratio.quantile(0.999), around


def test_labels_of_real_picks(shared_data):
    """The Iceland picks (QuakeMigrate's QuakeML) give a signal at each station with a P pick."""
    expert = read_catalog(next((shared_data / "earth_iceland" / "catalog").glob("*.xml")))
    archive = open_archive(shared_data / "earth_iceland" / "sds", index=False)
    stations = sorted(archive.pieces["station"].unique())
    found = signals(expert, stations, LabelRule(rule="picks"))
    p_picks = expert.picks[expert.picks["phase"] == "P"]
    assert len(found) == len(p_picks.groupby(["event_id", "station"]))


@pytest.mark.parametrize(
    ("key", "records", "floor"),
    [("earth_nc_windows", "waveforms", 0.85), ("earth_iceland", "sds", 0.72)],
)
def test_the_model_that_comes_with_seisml(shared_data, tmp_path, key, records, floor):
    """It saw generated records only, and finds real events at stations of 100 samples/s."""
    detector = load_detector("earth-local")
    archive = open_archive(shared_data / key / records, index=False)
    extract(archive, tmp_path / "store", plan_from(detector.plan))
    found = detect(iter_tables(tmp_path / "store"), detector, archive=archive)
    numbers = score(shared_data, key, found, tmp_path)
    assert numbers["f1"] > floor
    assert abs(numbers["residual_s"]["median"]) < 0.1
