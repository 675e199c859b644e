"""The Catalog noun: complete columns, order, selection, merging, and nothing changed in place."""

import pickle

import numpy as np
import pandas as pd
import pytest

from seisml.catalog import EVENT_COLUMNS, PICK_COLUMNS, make_catalog, merge, select
from seisml.errors import CatalogError
from seisml.times import NAT, to_ns


@pytest.fixture
def catalog():
    events = [
        {"event_id": "b", "time_ns": 20, "label": "VT", "station": "XX.A", "note": "second"},
        {"event_id": "a", "time_ns": 10, "label": "LP", "station": "XX.B", "quality": "A"},
        {"event_id": "c", "time_ns": 30, "label": "VT", "station": "XX.B"},
    ]
    picks = [
        {"event_id": "b", "station": "XX.A", "phase": "S", "time_ns": 25},
        {"event_id": "b", "station": "XX.A", "phase": "P", "time_ns": 22},
        {"event_id": "c", "station": "XX.B", "phase": "P", "time_ns": 31},
    ]
    return make_catalog(events, picks, name="test", time_basis="detection_on")


def test_all_columns_are_there_in_order_and_sorted(catalog):
    assert list(catalog.events)[:13] == list(EVENT_COLUMNS)
    assert list(catalog.events)[13:] == ["note"]
    assert list(catalog.picks) == list(PICK_COLUMNS)
    assert catalog.events["event_id"].tolist() == ["a", "b", "c"]
    assert catalog.picks["phase"].tolist() == ["P", "S", "P"]
    assert catalog.events["time_ns"].dtype == catalog.picks["time_ns"].dtype == np.int64
    assert (catalog.events["end_ns"] == NAT).all()
    assert catalog.events["score"].isna().all()
    assert catalog.events["quality"].tolist() == ["A", "", ""]


def test_an_empty_catalogue_has_the_same_columns():
    empty = make_catalog()
    assert len(empty) == 0
    assert list(empty.events) == list(EVENT_COLUMNS)
    assert empty.events["time_ns"].dtype == np.int64


def test_make_catalog_leaves_its_tables_alone():
    events = pd.DataFrame({"time_ns": [9, 5], "label": ["x", None]})
    before = events.copy(deep=True)
    made = make_catalog(events)
    made.events.loc[0, "label"] = "changed"
    pd.testing.assert_frame_equal(events, before)


def test_instants_stay_exact_where_others_are_missing():
    exact = 1_577_836_800_123_456_789
    made = make_catalog([{"time_ns": 1, "end_ns": exact, "peak_ns": exact}, {"time_ns": 2}])
    assert made.events["end_ns"].tolist() == [exact, NAT]
    assert made.events["peak_ns"].tolist() == [exact, NAT]
    both = merge([made, make_catalog([{"time_ns": 3}], name="b")], name="c")
    assert both.events["peak_ns"].tolist() == [exact, NAT, NAT]
    assert made.events["label"].tolist() == ["", ""]


def test_events_of_one_instant_keep_a_stable_order():
    made = make_catalog([{"time_ns": 1, "label": label} for label in "zyx"])
    assert made.events["label"].tolist() == ["z", "y", "x"]


@pytest.mark.parametrize(
    ("events", "options", "message"),
    [
        (
            [{"time_ns": 1, "event_id": "a"}, {"time_ns": 2, "event_id": "a"}],
            {},
            "'a' stands twice",
        ),
        ([{"time_ns": NAT}], {"source": "list.csv"}, "list.csv: event in row 1 has no time"),
        ([], {"body": "venus"}, "body is 'venus'"),
        ([], {"time_basis": "orign"}, "Did you mean 'origin'"),
    ],
)
def test_make_catalog_refuses(events, options, message):
    with pytest.raises(CatalogError, match=message):
        make_catalog(events, **options)


def test_select_takes_events_with_their_picks(catalog):
    chosen = select(catalog, start=20, labels=["VT"])
    assert chosen.events["event_id"].tolist() == ["b", "c"]
    assert len(chosen.picks) == 3
    assert chosen.time_basis == "detection_on"
    assert select(catalog, end=20).events["event_id"].tolist() == ["a"]
    assert select(catalog, stations=["XX.B"], qualities=[""]).picks["event_id"].tolist() == ["c"]
    assert len(select(catalog, start="1970-01-01T00:00:01Z")) == 0
    assert len(catalog) == 3


def test_select_changes_nothing_in_place(catalog):
    before = catalog.events.copy(deep=True)
    chosen = select(catalog, labels=["VT"])
    chosen.events.loc[:, "label"] = "changed"
    chosen.picks.loc[:, "phase"] = "changed"
    pd.testing.assert_frame_equal(catalog.events, before)
    assert "changed" not in set(catalog.picks["phase"])


def test_catalogue_is_frozen_and_travels_between_processes(catalog):
    with pytest.raises(AttributeError):
        catalog.name = "other"
    again = pickle.loads(pickle.dumps(catalog))
    pd.testing.assert_frame_equal(again.events, catalog.events)


def test_merge_keeps_every_event_and_renames_ids_that_stand_twice(catalog):
    other = make_catalog(
        [{"event_id": "b", "time_ns": 15, "other": 1.5}, {"event_id": "d", "time_ns": 40}],
        [{"event_id": "b", "phase": "P", "time_ns": 16}],
        name="net",
        time_basis="detection_on",
        dropped={"row without time": 2},
    )
    both = merge([catalog, other], name="both")
    assert both.events["event_id"].tolist() == ["a", "net:b", "test:b", "c", "d"]
    assert both.picks["event_id"].tolist() == ["net:b", "test:b", "test:b", "c"]
    assert both.dropped == {"row without time": 2}
    assert both.events.set_index("event_id").loc["net:b", "other"] == 1.5
    assert catalog.events["event_id"].tolist() == ["a", "b", "c"]


def test_merge_of_catalogues_without_picks():
    one = make_catalog([{"time_ns": to_ns("2020-01-01")}], name="a")
    assert len(merge([one, make_catalog(name="b")])) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"body": "mars"}, "different body cannot be merged: earth, mars"),
        ({"time_basis": "first_pick"}, "different time_basis cannot be merged"),
    ],
)
def test_merge_refuses_what_cannot_be_compared(options, message):
    with pytest.raises(CatalogError, match=message):
        merge([make_catalog(), make_catalog(**options)])


def test_merge_of_nothing_is_an_error():
    with pytest.raises(CatalogError, match="no catalogue to merge"):
        merge([])
