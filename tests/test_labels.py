"""Labels: from catalogues to signals to windows."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seisml.catalog import make_catalog
from seisml.errors import CatalogError, ConfigError
from seisml.experts import signals_of
from seisml.labels import (
    EVENT,
    IGNORE,
    NOISE,
    REASONS,
    LabelRule,
    cut,
    event_weights,
    label_windows,
    signal_catalog,
    signals,
    unplaced,
    window_events,
)
from seisml.times import NS_PER_S
from seisml.trainingset import TrainingSet
from seisml.windows import WindowGrid

S = NS_PER_S
GRID = WindowGrid(length_s=6.0, hop_s=2.0)
COVERED = {"": [[8 * S, 60 * S]]}


def table(*rows, uncertainty_s=0.5) -> pd.DataFrame:
    """Signals at XX.A from (start_s, end_s)."""
    columns = {
        "event_id": [f"e{i}" for i in range(len(rows))],
        "station": "XX.A",
        "start_ns": [round(a * S) for a, _ in rows],
        "end_ns": [round(b * S) for _, b in rows],
        "uncertainty_s": uncertainty_s,
        "label": [f"class {i}" for i in range(len(rows))],
    }
    return pd.DataFrame(columns)


def label(signal_table, rule, *, n=40, **options) -> pd.DataFrame:
    """Labels of n windows from 0 s on."""
    time_ns = np.arange(n, dtype=np.int64) * GRID.hop_ns
    stations = np.array(["XX.A.00.HH"] * n)
    return label_windows(time_ns, stations, GRID, signal_table, rule, **options)


def test_states_by_hand():
    """Half of the event inside is an event; margins and coda are ignored; the rest is noise."""
    rule = LabelRule(event_share=0.5, ignore_after_s=4.0)
    found = label(table((20.0, 26.0)), rule)
    start = np.arange(40) * 2
    overlap = np.clip(np.minimum(start + 6, 26) - np.maximum(start, 20), 0, None)
    expected = np.where(overlap >= 3, EVENT, NOISE)
    near = (start + 6 > 19) & (start < 31)  # 2 sigma before, 2 sigma and the coda after
    expected[near & (expected == NOISE)] = IGNORE
    assert found["state"].tolist() == expected.tolist()
    np.testing.assert_allclose(found["share"], overlap / 6, atol=1e-6)
    assert set(found.loc[found["state"] == EVENT, "event_id"]) == {"e0"}
    assert set(found.loc[overlap > 0, "label"]) == {"class 0"}


def test_half_is_half_and_of_equals_the_first_counts():
    """A window that an event covers by the share itself is one; of two alike the earlier names."""
    found = label(table((21.0, 27.0)), LabelRule(event_share=0.5))
    assert np.flatnonzero(found["state"] == EVENT).tolist() == [9, 10, 11, 12]  # 3, 5, 5, 3 s
    both = label(table((20.0, 23.0), (23.0, 26.0)), LabelRule(event_share=0.5))
    assert both["event_id"][10] == "e0"  # 3 s of each
    assert both["n_events"][10] == 2


def test_margin_grows_with_uncertainty():
    """The ignored margin is proportional to the uncertainty of the onset."""
    rule = LabelRule(ignore_after_s=0.0)
    counts = [
        (label(table((40.0, 46.0), uncertainty_s=u), rule)["state"] == IGNORE).sum()
        for u in (0.1, 2.0, 6.0)
    ]
    assert counts[0] < counts[1] < counts[2]


def test_two_events_in_a_window():
    """A window keeps the event that covers most of it; both events have windows."""
    found = label(table((20.0, 23.0), (23.5, 30.0)), LabelRule(event_share=0.5))
    assert set(found["event_id"]) >= {"e0", "e1"}
    at = 11  # 22-28 s: 1 s of e0, 4.5 s of e1
    assert found["event_id"][at] == "e1"


def test_outside_the_expert_s_time_is_ignored():
    """Windows that reach outside the time that the expert looked at are never noise."""
    found = label(table(), LabelRule(), coverage={"": [[10 * S, 60 * S]]})
    start = np.arange(40) * 2
    inside = (start >= 10) & (start + 6 <= 60)
    assert (found["state"] == np.where(inside, NOISE, IGNORE)).all()


@given(
    spans=st.lists(st.tuples(st.integers(0, 90), st.integers(0, 40)), max_size=5),
    elsewhere=st.lists(st.tuples(st.integers(0, 90), st.integers(0, 40)), max_size=5),
)
def test_the_expert_s_time_may_have_gaps(spans, elsewhere):
    """A window counts where all of it was looked at: at its station, or at every station."""
    coverage = {"XX.A": [(a * S, (a + d) * S) for a, d in spans]}
    coverage["YY.B"] = [(a * S, (a + d) * S) for a, d in elsewhere]
    found = label(table(), LabelRule(), coverage=coverage)
    looked = np.zeros(200, dtype=bool)
    for a, d in spans:
        looked[a : a + d] = True
    inside = [looked[a : a + 6].all() for a in range(0, 80, 2)]
    assert (found["state"] == np.where(inside, NOISE, IGNORE)).all()
    reason = np.array(REASONS)[found["reason"]]
    assert (reason == np.where(inside, "", "outside")).all()
    everywhere = label(table(), LabelRule(), coverage={"": coverage["XX.A"]})
    assert everywhere.equals(found)


def test_onsets_by_hand():
    """Windows about the onset are events, near ones are ignored, S and coda are noise."""
    rule = LabelRule(onset_s=2.0, ignore_after_s=0.0)
    found = label(table((21.0, 40.0), uncertainty_s=0.5).assign(weight=4.0), rule)
    start = np.arange(40) * 2
    event = np.abs(start + 3 - 21) <= 2
    near = (start + 6 > 20) & (start < 24) & ~event  # 2 sigma about onset and onset + onset_s
    assert found["state"].tolist() == np.where(event, EVENT, np.where(near, IGNORE, NOISE)).tolist()
    overlap = np.clip(np.minimum(start + 6, 40) - np.maximum(start, 21), 0, None)
    np.testing.assert_allclose(found["share"], overlap / 6, atol=1e-6)
    assert set(found["event_id"][overlap > 0]) == {"e0"}  # also after it: for the splits
    assert (found["weight"] == np.where(found["state"] == NOISE, 1.0, 4.0))[overlap > 0].all()


@given(st.lists(st.tuples(st.floats(0, 70), st.floats(0.5, 20)), max_size=6), st.randoms())
def test_labels_do_not_depend_on_order(rows, random):
    """Neither the order of the events nor that of the windows matters for the state."""
    events = table(*[(a, a + d) for a, d in rows])
    shuffled = events.sample(frac=1.0, random_state=random.randint(0, 99))
    one = label(events, LabelRule())
    assert one["state"].equals(label(shuffled, LabelRule())["state"])
    order = np.array(random.sample(range(40), 40))
    time_ns = order.astype(np.int64) * GRID.hop_ns
    mixed = label_windows(time_ns, np.array(["XX.A.00.HH"] * 40), GRID, events, LabelRule())
    assert (mixed["state"].to_numpy() == one["state"].to_numpy()[order]).all()


def picks(*rows) -> list[dict]:
    """Picks from (event_id, station, phase, time_s)."""
    return [
        {"event_id": e, "station": s, "phase": p, "time_ns": round(t * S)} for e, s, p, t in rows
    ]


def test_signals_from_picks():
    """From P to S + coda_factor (S - P); without S the shortest duration; other stations none."""
    catalog = make_catalog(
        [{"event_id": "a", "time_ns": 0}, {"event_id": "b", "time_ns": 50 * S}],
        picks(
            ("a", "XX.A", "P", 10.0),
            ("a", "XX.A", "Pg", 10.5),
            ("a", "XX.A", "S", 14.0),
            ("b", "A", "Pn", 60.0),
            ("b", "XX.B", "P", 61.0),
        ),
    )
    rule = LabelRule(rule="picks", coda_factor=2.0, min_duration_s=3.0)
    found = signals(catalog, ["XX.A.00.HH"], rule)
    assert found["event_id"].tolist() == ["a", "b"]
    assert (found["start_ns"] / S).tolist() == [10.0, 60.0]
    assert (found["end_ns"] / S).tolist() == [22.0, 63.0]
    assert set(found["rule"]) == {"picks"}


def test_signals_from_intervals():
    """Start and end as stated, at every station of a network event."""
    catalog = make_catalog(
        [{"event_id": "a", "time_ns": 10 * S, "end_ns": 90 * S, "label": "BROADBAND"}],
        body="mars",
        time_basis="label_start",
    )
    found = signals(catalog, ["XB.ELYSE.02.BH"], LabelRule())
    assert found[["station", "start_ns", "end_ns", "label", "rule"]].to_numpy().tolist() == [
        ["XB.ELYSE", 10 * S, 90 * S, "BROADBAND", "intervals"]
    ]


def test_signals_from_a_constant_delay():
    """The rule for a network of a few kilometres: origin plus a constant."""
    catalog = make_catalog([{"event_id": "a", "time_ns": 10 * S}])
    rule = LabelRule(rule="delay", delay_s=0.6, min_duration_s=4.0)
    found = signals(catalog, ["XX.A", "XX.B"], rule)
    assert found["station"].tolist() == ["XX.A", "XX.B"]
    assert set(found["start_ns"]) == {round(10.6 * S)}
    assert set(found["end_ns"]) == {round(14.6 * S)}


def test_signals_from_origins_use_travel_times():
    """Arrivals at a known distance: iasp91 crust, P 5.8 km/s, S 3.36 km/s."""
    catalog = make_catalog(
        [{"event_id": "a", "time_ns": 0, "latitude": 0.0, "longitude": 0.0, "depth_km": 0.0}]
    )
    where = pd.DataFrame({"station": ["XX.A"], "latitude": [0.0], "longitude": [0.5]})
    rule = LabelRule(rule="origins", coda_factor=1.0)
    found = signals(catalog, ["XX.A.00.HH"], rule, coordinates=where)
    distance_km = 0.5 * 111.195
    p_s, s_s = distance_km / 5.8, distance_km / 3.36
    assert found["start_ns"][0] / S == pytest.approx(p_s, abs=0.1)
    assert found["end_ns"][0] / S == pytest.approx(2 * s_s - p_s, abs=0.3)


def test_rule_that_the_catalogue_does_not_allow():
    """Each missing thing is named."""
    origins_only = make_catalog([{"event_id": "a", "time_ns": 0}])
    with pytest.raises(CatalogError, match="no picks, no ends"):
        signals(origins_only, ["XX.A"], LabelRule())
    with pytest.raises(CatalogError, match="coordinates"):
        signals(origins_only, ["XX.A"], LabelRule(rule="origins"))
    where = pd.DataFrame({"station": ["XX.B"], "latitude": [0.0], "longitude": [0.5]})
    with pytest.raises(CatalogError, match=r"XX\.A"):
        signals(origins_only, ["XX.A"], LabelRule(rule="origins"), coordinates=where)
    with pytest.raises(ConfigError, match=r"(?s)'pick'.*picks"):
        LabelRule(rule="pick")


def test_signal_catalog_keeps_the_expert_s_words():
    """One event a station, with magnitude, label and the source's id."""
    catalog = make_catalog(
        [{"event_id": "a", "time_ns": 0, "end_ns": 9 * S, "magnitude": 2.5, "label": "eq"}],
        time_basis="label_start",
    )
    seen = signal_catalog(signals(catalog, ["XX.A", "XX.B"], LabelRule()), catalog)
    assert seen.events["event_id"].tolist() == ["a@XX.A", "a@XX.B"]
    assert seen.events["source_id"].tolist() == ["a", "a"]
    assert seen.events["magnitude"].tolist() == [2.5, 2.5]
    assert seen.time_basis == "label_start"


@pytest.mark.real
def test_labels_of_real_marsquakes(shared_data):
    """The MQS catalogue gives intervals for all of its 141 events."""
    from seisml.formats import read_catalog

    catalog = read_catalog(shared_data / "mars_insight/catalogs/mqs_catalog_20191002.xml")
    found = signals(catalog, ["XB.ELYSE.02.BH"], LabelRule(min_duration_s=120.0))
    assert len(found) == 141
    assert set(found["rule"]) == {"intervals"}
    assert ((found["end_ns"] - found["start_ns"]) / S).median() == pytest.approx(740, abs=40)


def test_events_without_a_pick_here_are_not_noise():
    """Where an event has no pick at a station, its time there is neither event nor noise."""
    catalog = make_catalog(
        [{"event_id": "a", "time_ns": 8 * S}, {"event_id": "b", "time_ns": 100 * S}],
        picks(("a", "XX.A", "P", 10.0), ("a", "XX.A", "S", 14.0), ("b", "XX.B", "S", 104.0)),
    )
    rule = LabelRule(rule="picks", coda_factor=1.0, min_duration_s=3.0)
    found = signals(catalog, ["XX.A", "XX.B"], rule)
    spans = unplaced(catalog, found, ["XX.A", "XX.B"], rule)
    assert (spans["XX.A"] / S).tolist() == [[100.0, 130.0]]
    assert (spans["XX.B"] / S).tolist() == [[8.0, 18.0], [100.0, 130.0]]


def test_picks_go_to_their_own_network():
    """A pick of another network is nobody's; one without a network needs a single candidate."""
    catalog = make_catalog(
        [{"event_id": "a", "time_ns": 0}],
        picks(("a", "YY.A", "P", 10.0), ("a", "XX.A.00.HHZ", "P", 11.0), ("a", "B", "P", 12.0)),
    )
    rule = LabelRule(rule="picks")
    assert (signals(catalog, ["XX.A"], rule)["start_ns"] / S).tolist() == [11.0]
    assert signals(catalog, ["XX.B", "YY.B"], rule).empty


def test_an_interval_without_length_is_no_event():
    """Start and end at one instant make no window an event."""
    found = label(table((20.0, 20.0)), LabelRule())
    assert not (found["state"] == EVENT).any()


def test_why_windows_are_ignored():
    """Margin before and after, coda after that, and the expert's time."""
    rule = LabelRule(event_share=0.5, ignore_after_s=8.0)
    found = label(table((20.0, 26.0)), rule, coverage={"": [[4 * S, 70 * S]]})
    reason = np.array(REASONS)[found["reason"]]
    start = np.arange(40) * 2
    ignored = (found["state"] == IGNORE).to_numpy()
    assert set(reason[~ignored]) == {""}
    assert set(start[reason == "margin"]) == {14, 16, 24, 26}
    assert set(start[reason == "coda"]) == {28, 30, 32, 34}
    assert set(start[reason == "outside"]) == {0, 2, 66, 68, 70, 72, 74, 76, 78}


def test_what_may_be_anything_is_neither_event_nor_noise():
    """Windows that touch an unsure span are ignored, unless an event lies in them."""
    spans = table((20.0, 26.0), (24.0, 40.0), (50.0, 52.0))  # classes 0, 1, 2
    rule = LabelRule(unsure_labels=("class 1",), noise_labels=("class 2",), ignore_after_s=0.0)
    found = label(spans, rule)
    start = np.arange(40) * 2
    assert set(found["event_id"][found["state"] == EVENT]) == {"e0"}
    touched = (start < 40) & (start + 6 > 24) & (found["state"] != EVENT).to_numpy()
    assert (found["state"][touched] == IGNORE).all()
    assert set(np.array(REASONS)[found["reason"][touched]]) == {"unsure class", "margin"}
    assert (found["label"][found["state"] == NOISE].isin(["", "class 2"])).all()
    one = TrainingSet((), spans, make_catalog([]), rule)
    assert one.events["event_id"].tolist() == ["e0"]


@given(
    rows=st.lists(st.tuples(st.floats(0, 70), st.floats(0.5, 20)), max_size=6),
    first=st.sampled_from([0.1, 0.5, 0.9]),
    second=st.sampled_from([0.2, 0.5, 1.0]),
)
def test_the_cut_can_be_chosen_later(rows, first, second):
    """Labels cut anew are those of a rule with that share."""
    events = table(*[(a, a + d) for a, d in rows])
    one = cut(label(events, LabelRule(event_share=first), coverage=COVERED), second)
    other = label(events, LabelRule(event_share=second), coverage=COVERED)
    assert one["state"].tolist() == other["state"].tolist()
    touched = other["share"] > 0
    assert ((one["reason"] == other["reason"]) | touched).all()


def test_all_events_of_a_window():
    """Several events share a window: each with its share, the largest first."""
    events = table((20.0, 23.0), (23.5, 30.0))
    time_ns, stations = np.arange(40) * GRID.hop_ns, np.array(["XX.A.00.HH"] * 40)
    found = window_events(time_ns, stations, GRID, events)
    at = found[found["row"] == 11]  # 22-28 s: 1 s of e0, 4.5 s of e1
    assert at["event_id"].tolist() == ["e1", "e0"]
    np.testing.assert_allclose(at["share"], [4.5 / 6, 1 / 6])
    counts = found.groupby("row").size().reindex(range(40), fill_value=0)
    assert label(events, LabelRule())["n_events"].tolist() == counts.tolist()
    assert window_events(time_ns, stations, GRID, events[:0]).empty


def test_non_seismic_classes_are_named_noise():
    """Glitches are noise with a name; where an event is, the event counts."""
    events = table((20.0, 26.0), (23.0, 40.0), (60.0, 66.0))
    rule = LabelRule(noise_labels=("class 1", "class 2"), ignore_after_s=0.0)
    found = label(events, rule)
    alone = label(events[:1], rule)
    assert found["state"].tolist() == alone["state"].tolist()
    start = np.arange(40) * 2
    named = found["label"].to_numpy()
    assert set(start[named == "class 2"]) == {58, 60, 62}
    assert (found["state"][named == "class 2"] == NOISE).all()
    assert (found["state"][named == "class 1"] == NOISE).all()
    assert set(named[found["state"] == EVENT]) == {"class 0"}


def test_weights_of_quality_and_magnitude():
    """Grades by table, magnitudes by the square root of the amplitude; unknown ones weigh 1."""
    events = pd.DataFrame({"quality": ["A", "C", "", "x"], "magnitude": [2.0, 4.0, np.nan, 1.0]})
    found = event_weights(events, LabelRule(weight_by="quality"))
    assert found.tolist() == [1.0, 0.5, 1.0, 1.0]
    found = event_weights(events, LabelRule(weight_by="magnitude"))
    np.testing.assert_allclose(found, [1.0, 4.0, 1.0, 10**-0.5])
    assert event_weights(events, LabelRule()).tolist() == [1.0] * 4
    with pytest.raises(CatalogError, match=r"No event has a grade of A, B, C, D; stated: x"):
        event_weights(events[3:], LabelRule(weight_by="quality"))
    with pytest.raises(CatalogError, match="No event has a magnitude"):
        event_weights(events[2:3], LabelRule(weight_by="magnitude"))
    with pytest.raises(ConfigError, match="Did you mean 'quality'"):
        LabelRule(weight_by="qualty")
    with pytest.raises(ConfigError, match="more than 0"):
        LabelRule(quality_weights={"A": 0.0})


def test_weights_reach_the_windows():
    """A window weighs what its event does, noise weighs 1."""
    catalog = make_catalog(
        [
            {"event_id": "a", "time_ns": 20 * S, "end_ns": 30 * S, "quality": "A"},
            {"event_id": "d", "time_ns": 50 * S, "end_ns": 60 * S, "quality": "D"},
        ],
        time_basis="label_start",
    )
    rule = LabelRule(weight_by="quality")
    found = label(signals(catalog, ["XX.A"], rule), rule)
    event = found["state"] == EVENT
    assert found[event].groupby("event_id")["weight"].unique().to_dict() == {
        "a": [1.0],
        "d": [0.25],
    }
    assert (found["weight"][found["state"] == NOISE] == 1).all()


def test_a_catalogue_of_no_or_other_stations_says_so():
    """Empty, without stations, of other stations: each says what it has."""
    rule, here = LabelRule(rule="picks"), ["BX.BT01..HH"]
    event = {"event_id": "a", "time_ns": 0}
    for events, picks, problem in (
        ([], [], "holds no events"),
        ([event], [], "its stations: none is named"),
        ([event], [{"station": "ZZ.A"}, {"station": "YY.B"}], "YY.B, ZZ.A"),
    ):
        rows = [{"event_id": "a", "phase": "P", "time_ns": 0, **pick} for pick in picks]
        catalog = make_catalog(
            pd.DataFrame(events, columns=list(event)),
            pd.DataFrame(rows) if rows else None,
            name="x",
        )
        for one in (rule,) if events else (rule, LabelRule(rule="auto")):
            with pytest.raises(CatalogError, match=problem):
                signals_of(catalog, here, one, None)


def test_an_onset_in_the_coda_of_another_event_is_of_its_own():
    """Its windows have its name, class and weight; coda that is noise is plain noise."""
    rows = {"event_id": ["A", "B"], "start_ns": [20 * S, 50 * S], "end_ns": [100 * S, 56 * S]}
    table = pd.DataFrame(rows).assign(
        station="XX.A", uncertainty_s=0.1, label=["LP", "VT"], weight=[0.25, 4.0], rule="picks"
    )
    grid, time_ns = WindowGrid(4.0, 1.0), np.arange(120) * S
    stations = np.full(120, "XX.A.00.HH")
    rule = LabelRule(onset_s=1.0, ignore_after_s=5.0)
    for some in (table, table[::-1]):
        found = label_windows(time_ns, stations, grid, some, rule)
        event = found[found["state"] == EVENT]
        assert event.index.tolist() == [17, 18, 19, 47, 48, 49]
        assert event["event_id"].tolist() == ["A"] * 3 + ["B"] * 3
        assert event["label"].tolist() == ["LP"] * 3 + ["VT"] * 3
        assert event["weight"].tolist() == [0.25] * 3 + [4.0] * 3
        assert event["share"].tolist() == [0.25, 0.5, 0.75] * 2
        coda = found[(found["state"] == NOISE) & (found["event_id"] == "A")]
        assert len(coda) > 50
        assert set(coda["label"]) == {""}
        assert set(coda["weight"]) == {1.0}
    close = table.assign(start_ns=[20 * S, 21 * S], end_ns=[100 * S, 30 * S])
    found = label_windows(time_ns, stations, grid, close, rule)
    event = found[found["state"] == EVENT]  # the nearer onset counts, of two as near the first
    assert event["event_id"].tolist() == ["A", "A", "B", "B"]
