"""Coverage from files: CSV, archive, feature store; and the fitted completeness."""

import numpy as np
import obspy
import pandas as pd
import pytest
from scipy.special import expit

from seisml.archive import open_archive
from seisml.catalog import make_catalog
from seisml.catalog_files import coverage_of, is_store
from seisml.compare import compare
from seisml.completeness import completeness
from seisml.coverage import archive_coverage, read_coverage
from seisml.errors import CatalogError
from seisml.times import DAY_NS, NS_PER_S, to_ns

T0 = to_ns("2024-03-01")


def write(path, text):
    path.write_text(text)
    return path


def test_a_table_of_stations_is_read(tmp_path):
    text = "Station, start, end\nXX.A,2024-03-01T00:00:00Z,2024-03-01T01:00:00Z\n"
    text += "XX.A,2024-03-01T00:30:00Z,2024-03-01T02:00:00Z\nXX.B,2024-03-02Z,2024-03-03Z\n"
    text = text.replace("2024-03-02Z", "2024-03-02T00:00:00Z")
    text = text.replace("2024-03-03Z", "2024-03-03T00:00:00Z")
    found = read_coverage(write(tmp_path / "c.csv", text))
    assert found["XX.A"].tolist() == [[T0, T0 + 7200 * NS_PER_S]]
    assert found["XX.B"].tolist() == [[T0 + DAY_NS, T0 + 2 * DAY_NS]]


def test_without_a_station_all_are_meant(tmp_path):
    path = write(tmp_path / "c.csv", "start,end\n2024-03-01T00:00,2024-03-01T01:00\n")
    with pytest.raises(CatalogError, match="no time zone"):
        read_coverage(path)
    cover = read_coverage(path, zone="UTC")
    assert list(cover) == [""]
    rows = [{"time_ns": T0 + k * 3000 * NS_PER_S, "station": name} for k in (1, 2) for name in "AB"]
    catalog = make_catalog([{**row, "station": f"XX.{row['station']}"} for row in rows])
    c = compare(catalog, catalog, coverage=cover)
    assert (len(c.matched), c.outside["expert"], c.usable_s) == (2, 2, 7200.0)
    c = compare(catalog, catalog, coverage=cover, by_station=False)
    assert (len(c.expert), c.usable_s) == (2, 3600.0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("begin,end\n", "no column 'start'"),
        ("start,end\n2024-03-01T00:00Z,\n", "no interval in row 1"),
        ("start,end\n2024-03-01T01:00Z,2024-03-01T00:00Z\n", "no interval in row 1"),
        ("start,end\nyesterday,2024-03-01T00:00Z\n", "'yesterday'"),
        ("", "cannot be read"),
    ],
)
def test_wrong_tables_are_refused(tmp_path, text, words):
    with pytest.raises(CatalogError, match=words):
        read_coverage(write(tmp_path / "c.csv", text))


def test_an_archive_knows_its_coverage(tmp_path):
    for first, stop, channel in ((0, 100, "HHZ"), (200, 300, "HHZ"), (90, 150, "HHN")):
        header = {"network": "XX", "station": "A", "channel": channel, "sampling_rate": 1.0}
        header["starttime"] = obspy.UTCDateTime(ns=T0) + first
        data = np.arange(stop - first, dtype=np.int32)
        obspy.Trace(data, header).write(str(tmp_path / f"{channel}{first}.mseed"), format="MSEED")
    found = archive_coverage(open_archive(tmp_path, index=False))
    seconds = (found["XX.A"] - T0) / NS_PER_S
    np.testing.assert_allclose(seconds, [[0, 150], [200, 300]], atol=1.0)
    assert coverage_of(tmp_path)["XX.A"].tolist() == found["XX.A"].tolist()
    assert not is_store(tmp_path)


# ------------------------------------------------------------------------ completeness


def planted(rng, n, half=1.2, scale=0.2, n_days=60):
    magnitude = rng.uniform(0, 3, n)
    hit = rng.random(n) < expit((magnitude - half) / scale)
    times = T0 + np.sort(rng.integers(0, int(n_days * DAY_NS), n))
    expert = make_catalog(pd.DataFrame({"time_ns": times, "magnitude": magnitude}))
    machine = make_catalog(pd.DataFrame({"time_ns": times[hit]}))
    return compare(machine, expert, tolerance_s=0.0)


def test_planted_curve_is_recovered_inside_its_interval():
    rng = np.random.default_rng(0)
    inside, halves = 0, []
    for seed in range(20):
        fit = completeness(planted(rng, 800), n_boot=100, seed=seed)
        halves.append(fit.half)
        inside += fit.half_interval[0] <= 1.2 <= fit.half_interval[1]
        assert fit.low[30] <= fit.recall[30] <= fit.high[30]
    assert np.mean(halves) == pytest.approx(1.2, abs=0.02)
    assert inside >= 16
    assert fit.scale == pytest.approx(0.2, abs=0.06)
    assert fit.full == pytest.approx(fit.half + np.log(9) * fit.scale)


def test_falling_recall_and_separated_values_have_a_finite_curve():
    c = planted(np.random.default_rng(1), 400, half=1.5, scale=-0.3)
    assert completeness(c, n_boot=10).scale < 0
    c = planted(np.random.default_rng(1), 400, half=1.5, scale=1e-6)
    fit = completeness(c, n_boot=10)
    assert fit.half == pytest.approx(1.5, abs=0.05)
    assert np.isfinite([fit.full, fit.scale]).all()


def test_what_lies_outside_the_events_is_not_told_as_a_number():
    fit = completeness(planted(np.random.default_rng(3), 400, half=-0.8, scale=0.9), n_boot=10)
    assert fit.half < fit.x[0] < fit.full
    assert fit.where(fit.half) == f"below {fit.x[0]:.2f}"
    assert fit.where(fit.full) == f"{fit.full:.2f}"
    assert fit.where(99) == f"above {fit.x[-1]:.2f}"


def test_too_little_has_no_curve():
    assert completeness(planted(np.random.default_rng(1), 100, half=-9)) is None  # all found
    assert completeness(planted(np.random.default_rng(1), 6)) is None
    few_days = completeness(planted(np.random.default_rng(1), 300, n_days=0.1), n_boot=10)
    assert np.isnan(few_days.half_interval).all()
    with pytest.raises(CatalogError, match="no column of numbers 'label'"):
        completeness(planted(np.random.default_rng(1), 50), column="label")
