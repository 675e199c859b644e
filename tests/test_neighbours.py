"""Which stations are one network: by where they are, else by their code."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from obspy.core.inventory import Inventory, Network, Station

from seisml.detecting import coordinates_of
from seisml.errors import ConfigError
from seisml.moveout import distances_km
from seisml.neighbours import groups_of
from seisml.support import REACH_KM, supported
from seisml.times import NS_PER_S
from seisml.voting import voted_frames


def two_volcanoes(far_deg: float = 1.0) -> pd.DataFrame:
    """Three stations within 10 km at each of two volcanoes; one code for both, but for one."""
    names = ["VO.A1", "VO.A2", "XX.A3", "VO.B1", "VO.B2", "VO.B3"]
    latitude = np.array([0, 0.05, 0.08, 0, 0.05, 0.08]) + np.repeat([0.0, far_deg], 3)
    return pd.DataFrame({"station": names, "latitude": latitude, "longitude": 10.0})


def test_places_decide_where_they_are_known():
    """One code is two volcanoes, one volcano has two codes; a station nobody knows has its code."""
    places = two_volcanoes()
    found = groups_of([*places["station"], "VO.C1"], places)
    assert found == {
        **{"VO.A1": "VO.A1", "VO.A2": "VO.A1", "XX.A3": "VO.A1", "VO.C1": "VO"},
        **{"VO.B1": "VO.B1", "VO.B2": "VO.B1", "VO.B3": "VO.B1"},
    }
    assert set(groups_of(places["station"]).values()) == {"VO", "XX"}
    assert groups_of(["VO.A1..HH"], places.iloc[3:]) == {"VO.A1": "VO"}


@settings(max_examples=40, deadline=None)
@given(
    places=st.lists(st.tuples(st.floats(-2, 2), st.floats(-2, 2)), min_size=1, max_size=12),
    random=st.randoms(),
)
def test_no_group_is_wider_than_the_reach(places, random):
    """Whatever the order of stations; a chain of near neighbours is no group."""
    names = [f"X.S{k:02d}" for k in range(len(places))]
    table = pd.DataFrame(places, columns=["latitude", "longitude"]).assign(station=names)
    found = groups_of(names, table, reach_km=50.0)
    for group in set(found.values()):
        mine = table[[found[name] == group for name in names]]
        assert distances_km(mine[["latitude", "longitude"]].to_numpy()).max() <= 50.0
    shuffled = random.sample(names, len(names))
    mixed = table.set_index("station").loc[shuffled].reset_index()
    again = groups_of(shuffled, mixed, reach_km=50.0)
    pairs = [(a, b) for a in names for b in names]
    same = [found[a] == found[b] for a, b in pairs]
    apart = distances_km(table[["latitude", "longitude"]].to_numpy()).ravel()
    if len(np.unique(apart.round(9))) == len(names) * (len(names) - 1) // 2 + 1:  # no ties
        assert same == [again[a] == again[b] for a, b in pairs]


def test_volcanoes_of_one_code_do_not_vote_together():
    """Planted: unrest at A only, and quiet at B at the same time."""
    time = pd.date_range("2020-01-01", periods=4, freq="1s")
    score = {"A": 0.9, "B": 0.1}
    frames = [
        pd.DataFrame(
            {"score": score[name[3]]},
            index=pd.MultiIndex.from_product([[f"{name}..HH"], time], names=["station", "time"]),
        )
        for name in two_volcanoes()["station"]
    ]
    for places, expected in ((None, {"VO": 0.42, "XX": 0.9}), (two_volcanoes(), score)):
        for one in voted_frames(frames, places):
            name = one.index[0][0]
            key = name[:2] if places is None else name[3]
            np.testing.assert_allclose(one["score"], expected[key])


def test_stations_of_another_place_neither_support_nor_deny():
    """An event at all of A is not less likely because B, far away, saw nothing."""
    places, always = two_volcanoes(), np.array([[0, 10**13]])
    live = dict.fromkeys(places["station"], always)
    raw = pd.DataFrame(
        {
            "station": [f"{name}..HH" for name in places["station"][:3]],
            "start_ns": np.arange(10, 13) * NS_PER_S,
            "peak": 0.4,
        }
    )
    groups = groups_of(live, places, reach_km=REACH_KM)
    assert supported(raw, 0.5, live, window_s=3.0).empty
    [p] = set(supported(raw, 0.5, live, window_s=3.0, groups=groups)["peak"])
    assert p / (1 - p) == pytest.approx(0.4 / 0.6 * np.exp(3.0))


def test_coordinates_of_detect(tmp_path):
    """--coordinates, else what --metadata says, else nothing: then network codes count."""
    path = tmp_path / "stations.csv"
    two_volcanoes().to_csv(path, index=False)
    assert len(coordinates_of(path, ())) == 6
    inventory = tmp_path / "stations.xml"
    place = Station("A1", 0.0, 10.0, 0.0)
    Inventory([Network("VO", [place])]).write(str(inventory), format="STATIONXML")
    assert coordinates_of(None, (str(inventory),))["station"].tolist() == ["VO.A1"]
    assert coordinates_of(None, ()) is None


def test_station_lists_of_others_are_read_and_what_they_lack_is_said(tmp_path, capsys):
    """Other names of the columns, no networks, a station that is not in the list."""
    path = tmp_path / "stations.txt"
    path.write_text("Latitude,Longitude,Elevation,Name\n64.68,-17.13,1.381,DYJN\n64.6,-17,1,X\n")
    found = coordinates_of(path, (), ["Z7.DYJN..HH", "Z7.DYJS..HH"])
    assert found.set_index("station").loc["Z7.DYJN", "latitude"] == 64.68
    assert "1 of 2 stations have no coordinates" in (said := capsys.readouterr().err)
    assert "Z7.DYJS" in said
    path.write_text("net,code,lat,lon\nZ7,DYJN,64.68,-17.13\n")
    assert coordinates_of(path, ())["station"].tolist() == ["Z7.DYJN"]
    path.write_text("station,latitude,longitude\nZ7.A,64.68,\n")
    with pytest.raises(ConfigError, match=r"'Z7\.A'"):
        coordinates_of(path, ())
    path.write_text("id,latitude,longitude\nZ7.A,64.68,1\n")
    with pytest.raises(ConfigError, match="lacks the columns station") as error:
        coordinates_of(path, ())
    assert "it has id, latitude, longitude" in error.value.hint
