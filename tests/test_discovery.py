"""Discovery: planted groups, novelty, medoids, similarity, sub-sampling, the verb."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from planted_archive import RATE_HZ, START_NS, planted_archive
from sklearn.metrics import adjusted_rand_score
from typer.testing import CliRunner

from seisml.archive import open_archive
from seisml.catalog import make_catalog
from seisml.cli import app
from seisml.discovery import DiscoveryRule, discover
from seisml.errors import NoDataError
from seisml.filters import Band
from seisml.formats import read_catalog, write_catalog
from seisml.report import discovery_report
from seisml.similarity import item_at, more_like, novelties, without_overlaps
from seisml.times import iso

S = 10**9


def planted(n: int = 600, seed: int = 0):
    """Return items with three groups of features, two outliers, a constant and a gappy column."""
    rng = np.random.default_rng(seed)
    group = rng.integers(3, size=n)
    X = rng.standard_normal((n, 6))
    X[:, :3] += 12 * (group == 1)[:, np.newaxis]
    X[:, 3:] -= 12 * (group == 2)[:, np.newaxis]
    X[[7, 40]] = 60 * np.sign(rng.standard_normal((2, 6)))
    frame = pd.DataFrame(X, columns=[f"f{k}" for k in range(6)]).assign(same=1.0, gappy=np.nan)
    frame.iloc[::50, 2] = np.nan
    time_ns = np.arange(n) * 5 * S
    items = pd.DataFrame({"station": "XX.A", "time_ns": time_ns, "end_ns": time_ns + 10 * S})
    halves = [slice(0, n // 2), slice(n // 2, n)]
    parts = [(items[h].reset_index(drop=True), frame[h].reset_index(drop=True)) for h in halves]
    return lambda: parts, group


@pytest.fixture(scope="module")
def found():
    return discover(planted()[0])


def test_planted_groups_are_found(found):
    """Both clusterings find the three groups, k-means their number too."""
    group = planted()[1]
    for kind in ("kmeans", "hdbscan"):
        label = found.items[kind].to_numpy()
        inside = label >= 0
        assert inside.mean() > 0.9
        assert adjusted_rand_score(group[inside], label[inside]) > 0.95
    assert 3 <= found.items["kmeans"].nunique() <= 5  # outliers may be groups of their own
    assert found.left_out["same"] == "half of the items have one value"
    assert found.left_out["gappy"] == "known in 0% of the items"


def test_outliers_lead_the_novelty(found):
    """Planted outliers are first, and items that overlap are listed once."""
    ranked = novelties(found, n=50)
    assert set(ranked["row"].head(2)) == {7, 40}
    assert (np.diff(np.sort(ranked["time_ns"])) >= 10 * S).all()


def test_medoids_are_typical(found):
    """A medoid belongs to its group, and what sets the group apart is named."""
    for row in found.medoids.itertuples():
        assert found.items[row.kind].iloc[row.row] == row.group
        assert row.n == (found.items[row.kind] == row.group).sum()
    assert found.medoids["traits"].str.contains("f0 ").sum() >= 2


def test_same_seed_same_groups_and_sampling_is_stated():
    """Seeds decide all; a sample of the items places all of them, and that is said."""
    parts, group = planted(3000)
    rule = DiscoveryRule(max_rows=500, max_density_rows=300)
    one, two = discover(parts, rule), discover(parts, rule)
    pd.testing.assert_frame_equal(one.items, two.items)
    assert len(one.items) == 3000
    assert "500 of 3000 items" in one.about[0]
    assert adjusted_rand_score(group, one.items["kmeans"]) > 0.95
    inside = one.items["hdbscan"].to_numpy() >= 0
    assert adjusted_rand_score(group[inside], one.items["hdbscan"][inside]) > 0.95


def test_too_little_is_said():
    """Nothing with features, or nothing that varies: an error that says so."""
    parts, _ = planted(60)
    with pytest.raises(NoDataError, match="0 items have features"):
        discover(lambda: [(items, X * np.nan) for items, X in parts()])
    with pytest.raises(NoDataError, match="No feature varies"):
        discover(lambda: [(items, X * 0.0 + 1.0) for items, X in parts()])


def test_what_holds_no_item_is_told_what_is_near(found):
    """The stations that there are, or the nearest item."""
    station, time_ns = found.items["station"].iloc[3], int(found.items["time_ns"].iloc[3])
    assert item_at(found, station, time_ns + 1) in range(len(found.items))
    with pytest.raises(NoDataError, match="No item of YY") as caught:
        item_at(found, "YY.NO", time_ns)
    assert station in caught.value.hint
    first = int(found.items["time_ns"].min())
    with pytest.raises(NoDataError, match="holds 1969") as caught:
        item_at(found, station, -(10**12))
    assert iso(first) in caught.value.hint


def test_a_page_without_groups_says_so(tmp_path, found):
    """No empty map of a clustering that found none; -1 is no name of a group."""
    items = found.items.assign(hdbscan=-1)
    medoids = found.medoids[found.medoids["kind"] == "kmeans"]
    alone = dataclasses.replace(found, items=items, medoids=medoids)
    page = discovery_report(tmp_path / "d.html", alone, title="x").read_text(encoding="utf-8")
    assert "No group is denser than the rest" in page
    assert "Items by group of HDBSCAN" not in page
    assert "Items by group of k-means" in page
    assert ">-1<" not in page


def test_overlaps_are_of_one_station():
    """The first of overlapping spans stays; other stations do not matter."""
    table = pd.DataFrame(
        {"station": list("aaba"), "time_ns": [0, 5, 5, 10], "end_ns": [10, 15, 15, 20]}
    )
    assert without_overlaps(table, 9)["time_ns"].tolist() == [0, 5, 10]
    assert without_overlaps(table, 9, [("a", 0, 10)])["time_ns"].tolist() == [5, 10]
    assert without_overlaps(table, 9, apart=1.0)["time_ns"].tolist() == [0, 5]


def test_more_like_finds_the_same_waveform(tmp_path):
    """Copies of one waveform in noise are first, with their correlation and the right lag."""
    import obspy

    rng = np.random.default_rng(3)
    n = round(900 * RATE_HZ)
    t = np.arange(round(4 * RATE_HZ)) / RATE_HZ
    waves = [np.exp(-t) * np.cumsum(rng.standard_normal(len(t))) for _ in range(8)]
    x = 0.2 * rng.standard_normal(n)
    starts_s = 60 + 30 * np.arange(24)
    which = np.array([0, 1, 2, 3, 4, 5, 6, 7] * 3)
    for start_s, k in zip(starts_s, which, strict=True):
        first = round(start_s * RATE_HZ)
        x[first : first + len(t)] += waves[k] * rng.uniform(5, 15)
    header = {"network": "XX", "station": "A", "channel": "HHZ", "sampling_rate": RATE_HZ}
    header["starttime"] = obspy.UTCDateTime(ns=START_NS)
    data = np.round(100 * x).astype(np.int32)
    obspy.Stream([obspy.Trace(data, header)]).write(str(tmp_path / "a.mseed"), format="MSEED")
    items = pd.DataFrame({"station": "XX.A..HH", "time_ns": START_NS + starts_s * S + S // 2})
    items["end_ns"] = items["time_ns"] + 4 * S
    items["time_ns"] -= S
    X = pd.DataFrame(rng.standard_normal((24, 3)), columns=list("abc"))  # no help from these
    found = discover(lambda: [(items, X)], DiscoveryRule(n_clusters=2))
    archive = open_archive(str(tmp_path))
    row = item_at(found, "XX.A", int(items["time_ns"][0]) + S)
    assert row == 0
    similar = more_like(found, row, archive=archive, band=Band(1.0, 15.0))
    assert set(similar["row"].head(2)) == {8, 16}
    assert (similar["correlation"].head(2) > 0.85).all()
    assert similar["correlation"][2] < 0.85
    assert similar["lag_s"].head(2).abs().max() < 2 / RATE_HZ + 1e-9
    short = dataclasses.replace(found, items=found.items.assign(station="XX.A"))
    named = more_like(short, row, archive=archive, band=Band(1.0, 15.0))
    pd.testing.assert_series_equal(named["correlation"], similar["correlation"])
    by_features = more_like(found, row)
    assert by_features["feature_distance"].is_monotonic_increasing
    assert by_features["correlation"].isna().all()
    with pytest.raises(NoDataError, match="No item of"):
        item_at(found, "XX.A", 0)


def test_verb_on_events(tmp_path):
    """Events of three planted classes: groups, gallery, lists, the same bytes again."""
    folder, events = planted_archive()
    events = events[events["station"] == "XX.A"].reset_index(drop=True)
    write_catalog(make_catalog(events.drop(columns="event")), tmp_path / "events.csv")
    time = pd.Timestamp(int(events["time_ns"][4]) + S, tz="UTC").isoformat()
    command = ["discover", "--events", str(tmp_path / "events.csv"), "--archive", str(folder)]
    command += ["-p", "volcano", "--features", "f_centroid,f_bandwidth,kurtosis,duration"]
    command += ["--like", f"{events['station'][4]},{time}", "--clusters", "3", "-o"]
    for name in ("one", "two"):
        done = CliRunner().invoke(app, [*command, str(tmp_path / name)])
        assert done.exit_code == 0, done.output
    names = ["discovery.html", "items.csv", "medoids.csv", "novelty.csv", "similar.csv"]
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == names
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    items = pd.read_csv(tmp_path / "one/items.csv")
    assert adjusted_rand_score(items["label"], items["kmeans"]) > 0.6
    similar = pd.read_csv(tmp_path / "one/similar.csv")
    assert (similar["label"].head(5) == events["label"][4]).mean() > 0.7
    assert "decision" in pd.read_csv(tmp_path / "one/novelty.csv")
    assert similar["correlation"].max() > 0.3
    _decide_and_audit(tmp_path)
    done = CliRunner().invoke(app, ["discover", "-o", str(tmp_path / "x")])
    assert done.exit_code != 0
    for wrong in (["--like", "XX.A"], ["--like", "XX.A,soon"], ["--clusters", "1000000"]):
        done = CliRunner().invoke(app, ["discover", *wrong, "--events", "not read"])
        assert done.exit_code == 2, done.output


def _decide_and_audit(folder):
    """Decisions on what discover found are read back: events renamed, or labels begun."""
    similar = pd.read_csv(folder / "one/similar.csv").astype({"decision": object})
    similar.loc[:1, "decision"] = "twin"
    similar.loc[2, "decision"] = "noise"
    similar.to_csv(folder / "one/similar.csv", index=False)
    audit = ["audit", str(folder / "one/similar.csv"), "-o", str(folder / "new.csv")]
    done = CliRunner().invoke(app, [*audit, "-c", str(folder / "events.csv")])
    assert done.exit_code == 0, done.output
    before, after = (read_catalog(folder / name).events for name in ("events.csv", "new.csv"))
    assert len(after) == len(before) - 1
    twins = after[after["label"] == "twin"]
    assert sorted(twins["event_id"]) == sorted(similar["event_id"][:2])
    novelty = pd.read_csv(folder / "one/novelty.csv").astype({"decision": object})
    novelty.loc[[0, 3], "decision"] = ["odd", "?"]
    novelty.to_csv(folder / "one/novelty.csv", index=False)
    first = ["audit", str(folder / "one/novelty.csv"), "-o", str(folder / "first.csv")]
    assert CliRunner().invoke(app, first).exit_code == 0
    labels = read_catalog(folder / "first.csv")
    assert labels.time_basis == "label_start"
    assert labels.events[["station", "label"]].to_numpy().tolist() == [["XX.A", "odd"]]
    assert labels.events["time_ns"][0] == pd.Timestamp(novelty["time"][0]).value
    assert labels.events["end_ns"][0] == pd.Timestamp(novelty["end_time"][0]).value


def test_windows_of_a_store_are_items(found):
    """A table's windows become items with their limits."""
    from seisml.discovery import window_parts

    class Table:
        stations = np.array(["XX.A..HH"] * 3)
        time_ns = np.arange(3) * 5 * S
        grid = dataclasses.make_dataclass("Grid", ["length_ns"])(10 * S)
        frame = pd.DataFrame({"a": [1.0, 2.0, 3.0]})

        def __len__(self):
            return 3

    ((items, X),) = window_parts(lambda: [Table()])()
    assert items["end_ns"].tolist() == [10 * S, 15 * S, 20 * S]
    assert len(X) == 3
