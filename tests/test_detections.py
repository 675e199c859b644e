"""Detections: measures on planted signals, the columns of the catalogue, what has no waveforms."""

import numpy as np
import pandas as pd
import pytest
from waveform_data import DAY0, STATION, at, trace, write

from seisml.archive import open_archive
from seisml.detections import rise_ns, to_catalog
from seisml.ends import with_ends
from seisml.errors import ConfigError
from seisml.formats import read_catalog, write_catalog
from seisml.measures import measure
from seisml.segments import Band, Segment
from seisml.states import RAW_COLUMNS
from seisml.times import NS_PER_S
from seisml.windows import WindowGrid

BAND = Band(1.0, 40.0)
DETECTION = {"onset_search_s": 6.0}


def planted(size: float = 100.0, hz: float = 6.0):
    """A trace of 120 s, noise of 1, with a sine of 10 s from second 60 on."""
    t = np.arange(12000) / 100.0
    x = np.random.default_rng(0).standard_normal(12000)
    inside = (t >= 60) & (t < 70)
    return trace(x + size * inside * np.sin(2 * np.pi * hz * t), rate_hz=100.0)


def raw_events(*rows) -> pd.DataFrame:
    """Raw events (start s, end s) of the station."""
    return pd.DataFrame(
        [(STATION, "quake", at(a), at(b), 0.9, at(a), 3) for a, b in rows],
        columns=["station", "label", *RAW_COLUMNS],
    )


def test_columns_say_what_was_planted(tmp_path):
    """Peak, RMS, frequency, SNR, duration and onset of a sine, also after the way through CSV."""
    archive = open_archive(write(tmp_path / "w" / "a", planted()).parent, index=False)
    found = to_catalog(raw_events((61.0, 70.0)), archive, BAND, DETECTION)
    write_catalog(found, tmp_path / "d.csv")
    for catalog in (found, read_catalog(tmp_path / "d.csv")):
        [event] = catalog.events.to_dict("records")
        assert abs(event["time_ns"] - at(60.0)) < 0.05 * NS_PER_S
        assert float(event["amplitude_peak"]) == pytest.approx(
            100, rel=0.15
        )  # overshoot of the filter
        assert float(event["amplitude_rms"]) == pytest.approx(100 / np.sqrt(2), rel=0.05)
        assert event["amplitude_unit"] == "counts"
        assert float(event["dominant_hz"]) == pytest.approx(6.0, abs=0.3)
        assert float(event["snr_db"]) > 37  # 5000 to 1, and more in a narrower band
        assert float(event["duration_s"]) == pytest.approx(10.0, abs=0.1)
        assert event["channel"] == "HHZ"
    assert found.picks["phase"].tolist() == ["P"]


def test_weak_events_are_put_forward_and_clear_ones_picked(tmp_path):
    """Where no onset can be picked the time is that of the score, less how late it peaks."""
    held = DETECTION | {"onset_late_s": 0.5}
    for size, wanted_s in ((100.0, 60.0), (0.0, 60.5)):
        archive = open_archive(write(tmp_path / f"{size}" / "a", planted(size)).parent, index=False)
        [event] = to_catalog(raw_events((61.0, 70.0)), archive, BAND, held).events.to_dict(
            "records"
        )
        assert event["time_ns"] == pytest.approx(at(wanted_s), abs=0.05 * NS_PER_S)
        assert np.isfinite(event["uncertainty_s"]) == (size > 0)
    [plain] = to_catalog(raw_events((61.0, 70.0)), None, BAND, held).events.to_dict("records")
    assert plain["time_ns"] == at(61.0)  # without waveforms nobody knows which are weak


def test_in_the_unit_asked_for(tmp_path):
    """Amplitudes come out of the calibration, onsets do not depend on it."""
    archive = open_archive(write(tmp_path / "w" / "a", planted()).parent, index=False)

    def to_metres(parts):
        for part in parts:
            yield Segment(
                part.station,
                part.channels,
                part.start_ns,
                part.sampling_rate_hz,
                part.data * 1e-9,
                "m/s",
            )

    raw = raw_events((61.0, 70.0))
    counts = to_catalog(raw, archive, BAND, DETECTION).events.iloc[0]
    metres = to_catalog(raw, archive, BAND, DETECTION, calibrate=to_metres, reach_s=5.0)
    event = metres.events.iloc[0]
    assert event["amplitude_unit"] == "m/s"
    assert event["amplitude_peak"] == pytest.approx(1e-9 * counts["amplitude_peak"], rel=1e-6)
    assert event["time_ns"] == counts["time_ns"]


def test_without_waveforms_or_onset(tmp_path):
    """No records at the event, or no onset in them: its time is that of the windows."""
    archive = open_archive(write(tmp_path / "w" / "a", planted()).parent, index=False)
    raw = raw_events((500.0, 510.0), (61.0, 70.0))
    found = to_catalog(raw, archive, BAND, DETECTION).events
    assert found["time_ns"].iloc[1] == at(500.0)
    assert np.isnan(found[["uncertainty_s", "amplitude_peak", "snr_db"]].iloc[1]).all()
    plain = to_catalog(raw, None, BAND, DETECTION)
    assert plain.time_basis == "detection_on"
    assert set(plain.events["time_ns"]) == {at(500.0), at(61.0)}
    assert to_catalog(raw[:0], archive, BAND, DETECTION).events.empty


def test_an_emergent_onset_lies_where_the_score_rose(tmp_path):
    """An onset outside the rise of the score does not count, if the profile calls it emergent."""
    archive = open_archive(write(tmp_path / "w" / "a", planted()).parent, index=False)
    grid = WindowGrid(4.0, 1.0)
    late, early = raw_events((64.5, 70.0)), raw_events((57.0, 58.6))
    for raw in (late, early):  # the score rose from 61.5 s on, or before 58.6 s
        free = to_catalog(raw, archive, BAND, DETECTION, grid=grid).events.iloc[0]
        assert abs(free["time_ns"] - at(60.0)) < 0.05 * NS_PER_S
        held = DETECTION | {"onset_uncertainty_s": 1.0}
        event = to_catalog(raw, archive, BAND, held, grid=grid).events.iloc[0]
        first_ns, last_ns = rise_ns(raw.iloc[0], grid)
        assert first_ns <= event["time_ns"] <= last_ns
        assert event["end_ns"] == raw["end_ns"].iloc[0]


def test_the_way_to_an_onset_can_be_chosen(tmp_path):
    """By the picker or by the level, each of which steps in for the other; others are refused."""
    archive = open_archive(write(tmp_path / "w" / "a", planted()).parent, index=False)
    grid, raw = WindowGrid(4.0, 1.0), raw_events((62.5, 70.0))
    held = DETECTION | {"onset_uncertainty_s": 1.0, "onset_from": 0.0}
    for by in ("picker", "level"):
        event = to_catalog(raw, archive, BAND, held | {"onset_by": by}, grid=grid).events.iloc[0]
        assert abs(event["time_ns"] - at(60.0)) < 0.5 * NS_PER_S
    with pytest.raises(ConfigError, match="no onset_by 'levle'") as caught:
        to_catalog(raw, archive, BAND, held | {"onset_by": "levle"}, grid=grid)
    assert "level" in caught.value.hint


def test_order_does_not_matter(tmp_path):
    """The rows of the raw events in any order: the same catalogue."""
    archive = open_archive(write(tmp_path / "w" / "a", planted()).parent, index=False)
    raw = raw_events((61.0, 70.0), (30.0, 35.0), (90.0, 95.0))
    one = to_catalog(raw, archive, BAND, DETECTION)
    other = to_catalog(raw.iloc[[2, 0, 1]].reset_index(drop=True), archive, BAND, DETECTION)
    pd.testing.assert_frame_equal(one.events, other.events)


def test_measures_of_nothing():
    """Samples elsewhere, or too few: empty measures; no noise before: no ratio."""
    x = np.random.default_rng(1).standard_normal((1, 1000))
    part = Segment(STATION, ("HHZ",), DAY0, 100.0, x)
    options = {"band": BAND, "noise_s": 5.0}
    assert np.isnan(measure([part], at(50.0), at(60.0), **options).amplitude_peak)
    assert np.isnan(measure([part], at(9.99), at(60.0), **options).amplitude_peak)
    first = measure([part], DAY0, at(5.0), **options)
    assert first.amplitude_rms > 0
    assert np.isnan(first.snr_db)


ONSETS = {"onset_search_s": 1.5, "begin": "peak", "max_duration_s": 300.0}


def decaying(*waves, n_s: float = 200.0, lost=()) -> list:
    """Traces with noise of 1 and waves (onset s, size, decay s), without what is lost."""
    t = np.arange(round(n_s * 100)) / 100
    rng = np.random.default_rng(3)
    x = rng.standard_normal(len(t))
    for onset_s, size, tau_s in waves:
        since = np.maximum(t - onset_s, 0.0)
        x += np.where(t >= onset_s, size * np.exp(-since / tau_s), 0.0) * rng.standard_normal(
            len(t)
        )
    cut_s = [0.0, *np.ravel(lost), n_s]
    spans = zip(cut_s[::2], cut_s[1::2], strict=True)
    return [trace(x[round(a * 100) : round(b * 100)], at(a), rate_hz=100.0) for a, b in spans]


def ended(tmp_path, traces, *rows):
    """The detections of a model of onsets, whose windows end a second after P."""
    archive = open_archive(write(tmp_path / "a", *traces).parent, index=False)
    found = to_catalog(raw_events(*rows), archive, BAND, ONSETS)
    return found, with_ends(found, archive, BAND, ONSETS)


def test_an_event_lasts_until_the_noise_is_reached(tmp_path):
    """Power 1 + A^2 exp(-2t/tau) is twice that of the noise at t = tau log A: 5 log 100 = 23 s."""
    found, ends = ended(tmp_path, decaying((60.0, 100.0, 5.0)), (60.2, 61.2))
    [event], [before] = ends.events.to_dict("records"), found.events.to_dict("records")
    assert before["duration_s"] < 2
    assert event["duration_s"] == pytest.approx(5 * np.log(100), rel=0.1)
    assert event["end_ns"] - event["time_ns"] == event["duration_s"] * NS_PER_S
    for name in ("time_ns", "snr_db", "score", "uncertainty_s", "event_id"):
        assert event[name] == before[name]
    assert ends.picks.equals(found.picks)


def test_the_amplitude_is_that_of_the_whole_event(tmp_path):
    """S three seconds after P is ten times as large."""
    waves = (60.0, 30.0, 3.0), (63.0, 300.0, 3.0)
    found, ends = ended(tmp_path, decaying(*waves), (60.2, 61.2))
    assert ends.events["amplitude_peak"][0] > 5 * found.events["amplitude_peak"][0]
    assert ends.events["duration_s"][0] == pytest.approx(3 + 3 * np.log(300), rel=0.1)


def test_events_end_at_the_next_one_and_where_records_do(tmp_path):
    """Two onsets ten seconds apart; the second ends at a gap."""
    waves = (60.0, 100.0, 5.0), (70.0, 100.0, 20.0)
    traces = decaying(*waves, lost=(80.0, 100.0))
    _, ends = ended(tmp_path, traces, (70.2, 71.2), (60.2, 61.2))
    events = ends.events.sort_values("time_ns", ignore_index=True)
    assert events["end_ns"][0] == events["time_ns"][1]
    assert events["end_ns"][1] == pytest.approx(at(80.0), abs=0.02 * NS_PER_S)


@pytest.mark.parametrize(("s_minus_p", "next_s"), [(1.0, 90.0), (7.0, 90.0), (7.0, 64.0)])
def test_s_is_looked_for_until_the_next_event(tmp_path, s_minus_p, next_s):
    """The search of P ends three seconds after it; S after seven seconds is found all the same."""
    rng, t = np.random.default_rng(1), np.arange(12000) / 100
    traces = []
    for name, p, s in (("Z", 100, 60), ("N", 30, 300), ("E", 30, 300)):
        x = rng.standard_normal(len(t))
        for onset_s, size, tau_s in ((60.0, p, 2.0), (60.0 + s_minus_p, s, 3.0), (next_s, p, 2.0)):
            envelope = size * np.exp(-np.maximum(t - onset_s, 0) / tau_s)
            x += np.where(t >= onset_s, envelope, 0.0) * rng.standard_normal(len(t))
        traces.append(trace(x, rate_hz=100.0, code=f"XX.ABC.00.HH{name}"))
    found, ends = ended(tmp_path, traces, (60.2, 61.2), (next_s + 0.2, next_s + 1.2))
    first = ends.events["event_id"][0]
    picks = ends.picks[ends.picks["event_id"] == first].set_index("phase")["time_ns"]
    if next_s > 60 + s_minus_p:
        assert picks.index.tolist() == ["P", "S"]
        assert picks["S"] == pytest.approx(at(60.0 + s_minus_p), abs=0.15 * NS_PER_S)
        assert ends.events["end_ns"][0] > picks["S"]
    else:  # what comes after the next onset may be of that
        assert picks.drop("P").lt(at(next_s)).all()
    for one in (found, ends):
        assert (one.picks["phase"] == "P").sum() == 2
        assert one.picks["uncertainty_s"].notna().all()


def test_ends_are_left_where_nothing_tells_more(tmp_path):
    """Noise, no records, no noise before, a model of whole events."""
    found, ends = ended(tmp_path / "noise", decaying(), (60.2, 61.2))
    assert ends.events["duration_s"][0] < 3
    early, ends = ended(tmp_path / "early", decaying((1.0, 100.0, 5.0)), (1.2, 2.2))
    assert ends.events["end_ns"].equals(early.events["end_ns"])
    archive = open_archive(tmp_path / "noise", index=False)
    assert with_ends(found, None, BAND, ONSETS) is found
    assert with_ends(found, archive, BAND, DETECTION) is found
    empty = to_catalog(raw_events()[:0], archive, BAND, ONSETS)
    assert len(with_ends(empty, archive, BAND, ONSETS)) == 0
