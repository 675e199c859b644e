"""Shipped models of Mars and the Moon on real records, as they come and in other shapes."""

import dataclasses
import json

import numpy as np
import obspy
import pandas as pd
import pytest
from scipy import signal
from test_real import score

from seisml.archive import open_archive
from seisml.config import load_profile
from seisml.detect import detect
from seisml.experts import expert_of
from seisml.extract import extract, extract_day, tasks
from seisml.model import load_detector, shipped_models
from seisml.segments import Segment, align
from seisml.settings import label_rule_of, plan_from, plan_of
from seisml.store import iter_tables
from seisml.times import to_ns

pytestmark = [pytest.mark.real, pytest.mark.slow]
SETS = {
    "mars_insight": ("mars-insight", "mars_insight/waveforms"),
    "mars_deglitched": ("mars-insight", "mars_deglitched/*/*MPS*.mseed"),
    "lunar_apollo": ("moon-apollo", "lunar_apollo/waveforms"),
    "lunar_deep_a01": ("moon-apollo", "lunar_deep_a01/waveforms"),
}


def found_in(records: str, model: str, folder):
    if model not in shipped_models():
        pytest.skip(f"{model} is not there")
    detector, archive = load_detector(model), open_archive(records)
    extract(archive, folder / "features", plan_from(detector.plan))
    return detect(iter_tables(folder / "features"), detector, archive=archive)


@pytest.mark.parametrize(
    ("key", "recall", "false"),
    [
        ("mars_insight", 1.0, 1),
        ("mars_deglitched", 0.75, 1),
        ("lunar_apollo", 0.7, 2),
        ("lunar_deep_a01", 0.85, 1),
    ],
)
def test_shipped_models_find_the_catalogued_events(key, recall, false, shared_data, tmp_path):
    model, records = SETS[key]
    result = score(
        shared_data, key, found_in(f"{shared_data}/{records}", model, tmp_path), tmp_path
    )
    counts = result["counts"]
    if key == "lunar_apollo":
        assert abs(result["residual_s"]["median"]) < 120
    assert counts["matched"] / (counts["matched"] + counts["missed"]) >= recall
    assert counts["false"] <= false


@pytest.mark.parametrize(("key", "n_events"), [("mars_insight", 4), ("mars_deglitched", 4)])
def test_every_clear_marsquake_begins_near_p_or_in_the_event(key, n_events, shared_data, tmp_path):
    """Quality A and B: a detection from 30 s before P to the end; one unmatched in 3 h at most."""
    model, records = SETS[key]
    found = found_in(f"{shared_data}/{records}", model, tmp_path).events
    truth = shared_data.parent / "scoring" / "truth"
    options = json.loads((truth / "sets.json").read_text())[key]
    events, live = (pd.read_csv(truth / options[name]) for name in ("truth", "coverage"))
    clear = events[events["quality"].isin(["A", "B"])]
    assert len(clear) == n_events
    start_ns, margin_ns = found["time_ns"].to_numpy(), 30 * 10**9
    for one in clear.itertuples():
        p_ns, end_ns = to_ns(one.time), to_ns(one.end_time)
        assert ((start_ns >= p_ns - margin_ns) & (start_ns < end_ns)).any(), one.event_id
    hours = (
        pd.to_datetime(live["end"]) - pd.to_datetime(live["start"])
    ).sum().total_seconds() / 3600
    matched = np.zeros(len(found), bool)
    for one in events.itertuples():
        first_ns, last_ns = to_ns(one.time) - margin_ns, to_ns(one.end_time) + margin_ns
        matched |= ((found["time_ns"] < last_ns) & (found["end_ns"] > first_ns)).to_numpy()
    assert (~matched).sum() <= hours / 3


@pytest.mark.parametrize("shape", ["m/s", "10 Hz", "named Z"])
def test_unit_rate_and_name_of_the_component_do_not_matter(shape, shared_data, tmp_path):
    # S0235b, P at 12:19:19.
    path = next(
        (shared_data / "mars_insight" / "waveforms").rglob("*2019-07-26HR12_evid0033.mseed")
    )
    trace = obspy.read(path)[0]
    if shape == "m/s":
        trace.data = trace.data / 9.04503e10
    elif shape == "10 Hz":
        trace.data = signal.resample_poly(trace.data, 1, 2)
        trace.stats.sampling_rate = 10.0
    else:
        trace.stats.channel = "BHZ"
    trace.data = trace.data.astype(np.float64)
    trace.write(str(tmp_path / "a.mseed"), format="MSEED")
    events = found_in(str(tmp_path / "a.mseed"), "mars-insight", tmp_path).events
    first = events["time_ns"].iloc[0]
    assert abs(first - to_ns("2019-07-26T12:19:19.27")) < 30e9
    assert len(events) <= 2


def test_the_shipped_card_says_how_the_model_was_made():
    for name in {"mars-insight", "moon-apollo"} & set(shipped_models()):
        card = load_detector(name).card
        assert dataclasses.is_dataclass(load_detector(name))
        assert "generated" in card["trained_on"]
        assert card["measured_on_held_out_records"]["hours"] > 500


@pytest.mark.parametrize(
    ("profile", "records"),
    [
        ("earth-local", "earth_bradys/sds"),
        ("earth-local", "earth_iceland/sds"),
        ("earth-local", "earth_nc_windows/waveforms"),
        ("earth-local", "mars_deglitched"),
        ("mars-insight", "mars_deglitched"),
        ("moon-apollo", "lunar_apollo/waveforms"),
    ],
)
def test_real_records_are_extracted_without_a_warning(profile, records, shared_data):
    """Warnings are errors here: of a set's station-days, evenly chosen, none gives one."""
    archive, plan = open_archive(shared_data / records, index=False), plan_of(load_profile(profile))
    todo = tasks(archive, "no store", plan)
    n_usable = 0
    for task in todo[:: max(1, len(todo) // 26)]:
        n_usable += extract_day(task.archive, task.station, task.day, plan)[1].n_usable
    assert n_usable > 0


@pytest.mark.parametrize(("pattern", "channel"), [("*IPGP_v1.mseed", "*"), ("*MPS_v1.mseed", "*W")])
def test_two_samples_a_second_or_one_component_are_enough(pattern, channel, shared_data, tmp_path):
    # S0173a, P at 02:22:59, glitches removed: 2 Hz of U, V, W; 20 Hz of W alone.
    path = next((shared_data / "mars_deglitched" / "S0173a").glob(pattern))
    obspy.read(path).select(channel=channel).write(str(tmp_path / "a.mseed"), format="MSEED")
    events = found_in(str(tmp_path / "a.mseed"), "mars-insight", tmp_path).events
    start_ns, end_ns = to_ns("2019-05-23T02:22:48"), to_ns("2019-05-23T03:00:23")
    inside = (events["time_ns"] < end_ns) & (events["end_ns"] > start_ns)
    assert abs(events["time_ns"][inside].min() - to_ns("2019-05-23T02:22:59")) < 30e9
    assert (~inside).sum() <= 1


def test_components_that_start_seconds_apart_are_aligned(shared_data):
    # Eight deglitched windows: U, V, W begin up to 18 s apart, on one clock to about a millisecond.
    apart_s = []
    for path in sorted((shared_data / "mars_deglitched").glob("*/*MPS_v1.mseed")):
        station = obspy.read(path)
        station.merge(method=1)  # in no order of its own
        station.sort(["channel"])
        parts = [
            Segment(
                "XB.ELYSE.02.BH",
                (trace.stats.channel,),
                trace.stats.starttime.ns,
                trace.stats.sampling_rate,
                np.ma.filled(trace.data.astype(float), np.nan)[np.newaxis],
            )
            for trace in station
        ]
        whole = align(parts)
        starts_ns = [part.start_ns for part in parts]
        apart_s.append((max(starts_ns) - min(starts_ns)) / 1e9)
        assert whole.channels == ("BHU", "BHV", "BHW")
        assert abs(whole.start_ns - max(starts_ns)) <= 25_000_000
        for row, part in zip(whole.data, parts, strict=True):
            # The sample that each has at an instant is its own of that instant.
            first = round((whole.start_ns - part.start_ns) * 20 / 1e9)
            mine_ns = part.start_ns + first * 50_000_000
            assert abs(mine_ns - whole.start_ns) <= 2_000_000
            own = part.data[0, first : first + whole.n_samples]
            assert np.std(row - own) <= 0.05 * np.std(own)
    assert max(apart_s) > 15


def test_annotated_epochs_that_are_no_marsquakes_are_noise(shared_data):
    # To 2019-10: pressure drops, glitches, donks and so on, alone or together.
    path = next((shared_data / "mars_insight" / "catalogs").glob("mqs_annotated_epochs*"))
    config = load_profile("mars-insight")
    catalog, classes = expert_of(config.labels, path, body="mars")
    labels = catalog.events["source_label"]
    rule = label_rule_of(dataclasses.replace(config, labels=classes))
    noise = rule.is_noise(catalog.events["label"])
    seismic = labels.str.contains("SEISMIC|LOW_FREQ|HIGH_FREQUENCY(?:$|;)|BROADBAND")
    assert not (noise & seismic).any()
    assert noise.mean() > 0.9
    left = set(labels[~noise & ~seismic])
    assert all("OTHER_SIGNALS" in label or not label for label in left), left


def test_moonquakes_of_a_nest_are_known_as_repeats(shared_data, tmp_path):
    """The second pass of the shipped model: all seven of A01 repeat another, none is made up."""
    model, records = SETS["lunar_deep_a01"]
    found = found_in(f"{shared_data}/{records}", model, tmp_path).events
    assert (found["repeat"] == "known").sum() >= 6
    assert not (found["repeat"] == "new").any()
