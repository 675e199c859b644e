"""Labels of Mars from the real catalogue and annotations of the Marsquake Service."""

import dataclasses

import numpy as np
import pytest

from seisml.config import load_profile
from seisml.experts import expert_of, signals_of
from seisml.formats import read_catalog
from seisml.labels import EVENT, IGNORE, NOISE, label_windows
from seisml.marstime import sol_of
from seisml.settings import label_rule_of, plan_of
from seisml.times import NAT, NS_PER_S, iso, to_ns

pytestmark = pytest.mark.real
CONFIG = load_profile("mars-insight")
GRID = plan_of(CONFIG).settings.grid


@pytest.fixture(scope="module")
def files(shared_data):
    folder = shared_data / "mars_insight" / "catalogs"
    return folder / "mqs_catalog_20191002.xml", folder / "mqs_annotated_epochs_to_2019-10-01.csv"


@pytest.fixture(scope="module")
def labelled(files):
    """Windows of the whole mission until October 2019, and the signals behind them."""
    labels = dataclasses.replace(CONFIG.labels, grades=True)
    catalog, labels = expert_of(labels, files[0], body="mars", epochs=files[1])
    rule = label_rule_of(dataclasses.replace(CONFIG, labels=labels))
    table = signals_of(catalog, ["XB.ELYSE.02.BH"], rule, None)
    first, last = to_ns("2019-04-01"), to_ns("2019-10-01")
    time_ns = np.arange(first, last, GRID.hop_ns)
    windows = label_windows(time_ns, np.full(len(time_ns), "XB.ELYSE.02.BH"), GRID, table, rule)
    return catalog, rule, table, time_ns, windows


def test_families_and_qualities_are_two_levels(files):
    """Numbers of the published snapshot: 113 events of the high family, 28 of the low one."""
    labels = dataclasses.replace(CONFIG.labels, grades=True)
    catalog, _ = expert_of(labels, files[0], body="mars")
    levels = catalog.events["label"].str.split(": ", expand=True)
    table = levels.groupby([0, 1]).size()
    assert table["low-frequency family"].to_dict() == {"A": 2, "B": 5, "C": 10, "D": 11}
    assert table["high-frequency family"].to_dict() == {"A": 1, "B": 1, "C": 66, "D": 45}
    types, _ = expert_of(dataclasses.replace(labels, level=2, grades=False), files[0], body="mars")
    assert types.events["label"].value_counts().to_dict() == {
        "2.4 Hz": 98,
        "LF": 17,
        "HF": 15,
        "BB": 11,
    }
    assert (types.events["source_label"] != types.events["label"]).all()


def test_signals_go_from_the_pick_start_to_the_pick_end(files, labelled):
    _, rule, table, *_ = labelled
    events = table[rule.is_event(table["label"])].set_index("event_id")
    picks = read_catalog(files[0]).picks.pivot_table(
        index="event_id", columns="phase", values="time_ns", aggfunc="first"
    )
    assert len(events) == 141
    for limit in ("start", "end"):
        assert (events[f"{limit}_ns"] == picks.loc[events.index, limit]).all()
    sol = sol_of(events["start_ns"].to_numpy())[0]
    assert (events.index.str[1:5].astype(int) == sol).all()


def test_annotated_epochs_are_classes_that_are_no_marsquakes(files, labelled):
    """Line breaks in quotes, lists of classes and missing ends, all of them placed or counted."""
    catalog, rule, table, *_ = labelled
    noted = table[rule.is_noise(table["label"])]["label"].value_counts()
    assert noted["dust devil"] == 4997
    assert noted["donk"] == 258
    assert noted["glitch"] == 2389 + 652 + 268 + 8 + 4 + 1 + 1 + 1
    assert set(noted.index) == {
        *("dust devil", "donk", "glitch", "rumble", "lander", "weather", "not seismic")
    }
    unsure = table[rule.is_unsure(table["label"])]
    assert set(unsure["label"].str.split(";").explode()) == {
        *("suspicious", "HF", "LF", "BB", "dust devil")
    }
    assert len(unsure) == 170 + 35 + 14 + 1
    # Marsquakes and remarks among the epochs stand in the catalogue, or are none.
    epochs = read_catalog(files[1])
    assert len(epochs) + sum(epochs.dropped.values()) == 9350
    assert catalog.dropped["epoch without a class"] == 173
    assert catalog.dropped["event among the epochs"] == 4
    assert len(table) == 141 + len(epochs) - 173 - 4
    open_ended = epochs.events[epochs.events["end_ns"] == NAT]
    assert len(open_ended) > 100
    lasts = (table["end_ns"] - table["start_ns"]) / NS_PER_S
    assert (lasts > 0).all()


def test_windows_of_the_mission(labelled):
    _, rule, table, time_ns, windows = labelled
    state, label = windows["state"].to_numpy(), windows["label"].to_numpy()
    events = table[rule.is_event(table["label"])].set_index("event_id")
    inside = events[events["start_ns"] >= time_ns[0]]
    seen = windows[state == EVENT]["event_id"].unique()
    assert set(seen) <= set(events.index)
    assert len(seen) >= len(inside) - 2
    assert set(label[state == EVENT]) <= set(events["label"])
    named = label[(state == NOISE) & (label != "")]
    assert {"dust devil", "glitch", "donk", "rumble"} <= set(named)
    assert not rule.is_unsure(windows["label"][state == NOISE]).any()
    # A suspicious signal is neither: all windows that touch one, and are no event, are ignored.
    for row in table[rule.is_unsure(table["label"])].itertuples():
        touched = (time_ns < row.end_ns) & (time_ns + GRID.length_ns > row.start_ns)
        assert (state[touched] != NOISE).all(), iso(row.start_ns)
    assert (state == IGNORE).mean() < 0.1
