"""Metadata: epochs, orientation, and what is no metadata."""

import dataclasses
import pickle

import numpy as np
import pytest
from inventory_data import (
    GAIN,
    broadband,
    channel,
    gain_at,
    inventory,
    sensitivity_only,
    write_inventory,
)
from obspy.signal.rotate import rotate2zne

from seisml.errors import MetadataError
from seisml.inventory import FAR_NS, Epoch
from seisml.metadata import Metadata, read_metadata
from seisml.times import to_ns

UVW = {"BHU": (135.1, -29.4), "BHV": (15.0, -29.2), "BHW": (255.0, -29.7)}


def an_epoch(azimuth_deg=0.0, dip_deg=-90.0, **changes) -> Epoch:
    one = Epoch(-FAR_NS, FAR_NS, 20.0, 1e9, 1.0, "m/s", azimuth_deg, dip_deg, "")
    return dataclasses.replace(one, **changes)


def metadata_of(angles, station="XB.ELYSE.02") -> Metadata:
    return Metadata({f"{station}.{code}": (an_epoch(*pair),) for code, pair in angles.items()}, {})


# ------------------------------------------------------------------------------ orientation


def test_rotation_of_insight():
    """The matrix of U, V, W is the published one, and turns a planted motion back."""
    matrix, reason = metadata_of(UVW).rotation("XB.ELYSE.02.BH", UVW, 0)
    known = [[0.6781, 0.6774, 0.6794], [-0.5383, 0.7400, -0.1953], [0.5447, 0.2018, -0.7383]]
    assert reason == ""
    np.testing.assert_allclose(matrix, known, atol=6e-5)
    forward = np.linalg.inv(matrix)
    np.testing.assert_allclose(forward[0], [0.4909, -0.6171, 0.6150], atol=6e-5)


@pytest.mark.parametrize(
    "angles",
    [
        UVW,
        {"HHZ": (0.0, -90.0), "HH1": (37.0, 0.0), "HH2": (127.0, 0.0)},
        {"HHZ": (0.0, 90.0), "HH1": (200.0, 3.0), "HH2": (285.0, -2.0)},  # upside down, askew
        {"HHE": (90.0, 0.0), "HHN": (0.0, 0.0), "HHZ": (0.0, -90.0)},
    ],
)
def test_rotation_is_that_of_obspy(angles):
    """Any three directions, in any order, are turned as ObsPy turns them."""
    x = np.random.default_rng(0).standard_normal((3, 50))
    matrix, _ = metadata_of(angles).rotation("XB.ELYSE.02.HH", angles, 0)
    pairs = list(angles.values())
    theirs = rotate2zne(x[0], *pairs[0], x[1], *pairs[1], x[2], *pairs[2])
    np.testing.assert_allclose(matrix @ x, theirs, atol=1e-12)


def test_rotation_of_zne_is_the_identity():
    """Channels that are vertical, north and east already stay as they are."""
    angles = {"HHZ": (0.0, -90.0), "HHN": (0.0, 0.0), "HHE": (90.0, 0.0)}
    matrix, _ = metadata_of(angles).rotation("XB.ELYSE.02.HH", angles, 0)
    np.testing.assert_allclose(matrix, np.eye(3), atol=1e-15)


@pytest.mark.parametrize(
    ("angles", "channels", "reason"),
    [
        (UVW, ("BHU", "BHV"), "three channels"),
        (UVW, ("BHU", "BHV", "BHV"), "three channels"),
        (UVW, ("BHU", "BHV", "BHZ"), "no metadata of XB.ELYSE.02.BHZ"),
        ({**UVW, "BHW": (255.0, np.nan)}, UVW, "no azimuth or dip of XB.ELYSE.02.BHW"),
        ({"BHU": (0.0, 0.0), "BHV": (90.0, 0.0), "BHW": (45.0, 0.0)}, UVW, "in a plane"),
    ],
)
def test_no_rotation_has_a_reason(angles, channels, reason):
    """What is missing, unknown or in a plane is said; nothing is guessed."""
    matrix, said = metadata_of(angles).rotation("XB.ELYSE.02.BH", channels, 0)
    assert matrix is None
    assert reason in said


def test_rotation_follows_the_epochs():
    """A sensor that was turned has the orientation of the instant, in a hole of the nearest."""
    z, n = an_epoch(0.0, -90.0), an_epoch(0.0, 0.0)
    east = an_epoch(90.0, 0.0, end_ns=100), an_epoch(-90.0, 0.0, start_ns=200)
    known = {"A.B..HHZ": (z,), "A.B..HHN": (n,), "A.B..HHE": east}
    codes = ("HHZ", "HHN", "HHE")
    signs = [Metadata(known, {}).rotation("A.B..HH", codes, t)[0][2, 2] for t in (0, 149, 151, 300)]
    np.testing.assert_allclose(signs, [1, 1, -1, -1])


@pytest.mark.real
def test_rotation_of_the_real_metadata(shared_data):
    """The StationXML of InSight gives the published matrix at any time, also in its holes."""
    found = read_metadata(shared_data / "mars_insight" / "inventory_VBB.xml")
    for time in ("2019-02-26", "2019-04-01", "2022-05-04", "2019-03-10"):
        matrix, _ = found.rotation("XB.ELYSE.02.BH", UVW, to_ns(time))
        np.testing.assert_allclose(matrix[0], [0.6781, 0.6774, 0.6794], atol=6e-5)
    assert found.unit("XB.ELYSE.02.BH") == "m/s"
    assert pickle.loads(pickle.dumps(found)) == found


# ---------------------------------------------------------------------------------- reading


@pytest.mark.parametrize("form", ["STATIONXML", "STATIONTXT"])
def test_any_format_gives_the_same_epochs(tmp_path, form):
    """What one epoch is does not depend on the kind of file it was written to."""
    whole = inventory(channel("HHE", azimuth=90.0, dip=0.0, end="2021-01-01"))
    options = {"level": "channel"} if form == "STATIONTXT" else {}
    whole.write(str(tmp_path / "station"), format=form, **options)
    found = read_metadata(tmp_path)
    (epoch,) = found.epochs["XX.ABC.00.HHE"]
    assert (epoch.start_ns, epoch.end_ns) == (to_ns("2020-01-01"), to_ns("2021-01-01"))
    assert (epoch.sampling_rate_hz, epoch.azimuth_deg, epoch.dip_deg) == (20.0, 90.0, 0.0)
    assert epoch.sensitivity == pytest.approx(GAIN)
    assert (epoch.sensitivity_hz, epoch.unit) == (1.0, "m/s")
    assert bool(epoch.response) == (form != "STATIONTXT")


RESP = """\
B050F03     Station:     ABC
B050F16     Network:     XX
B052F03     Location:    00
B052F04     Channel:     HHE
B052F22     Start date:  2020,001,00:00:00
B052F23     End date:    2021,001,00:00:00
B053F03     Transfer function type:                A [Laplace Transform (Rad/sec)]
B053F04     Stage sequence number:                 1
B053F05     Response in units lookup:              M/S - Velocity in Meters Per Second
B053F06     Response out units lookup:             COUNTS - Digital Counts
B053F07     A0 normalization factor:               1.0
B053F08     Normalization frequency:               1.0
B053F09     Number of zeroes:                      0
B053F14     Number of poles:                       0
B058F03     Stage sequence number:                 1
B058F04     Gain:                                  5.0E+08
B058F05     Frequency of gain:                     1.0
B058F06     Number of calibrations:                0
B058F03     Stage sequence number:                 0
B058F04     Sensitivity:                           5.0E+08
B058F05     Frequency of sensitivity:              1.0
B058F06     Number of calibrations:                0
"""


def test_resp_has_gains_and_no_angles(tmp_path):
    """A RESP file serves for units; for orientation it says nothing, and so do we."""
    (tmp_path / "RESP.XX.ABC.00.HHE").write_text(RESP)
    found = read_metadata(tmp_path)
    (epoch,) = found.epochs["XX.ABC.00.HHE"]
    assert (epoch.sensitivity, epoch.unit) == (5e8, "m/s")
    assert epoch.end_ns == to_ns("2021-01-01")
    np.testing.assert_allclose(found.evaluate(epoch.response, np.array([2.0])), [5e8], rtol=1e-6)
    matrix, reason = found.rotation("XX.ABC.00.HH", ("HHE", "HHN", "HHZ"), 0)
    assert matrix is None
    assert reason == "no azimuth or dip of XX.ABC.00.HHE"


def test_files_and_folders_together(tmp_path):
    """Several files are one metadata; what is said twice counts once, in folders the rest is not.

    Where two differ on the same time, the one that began later counts, then the first read.
    """
    a = write_inventory(tmp_path / "a.xml", channel("HHZ", sensitivity_only(1.0)))
    b = write_inventory(tmp_path / "b.xml", channel("HHZ", sensitivity_only(2.0)))
    late = channel("HHZ", sensitivity_only(3.0), start="2021-01-01")
    c = write_inventory(tmp_path / "deep" / "c.xml", late)
    (tmp_path / "README.txt").write_text("no metadata")
    (tmp_path / "page.html").write_text("<!DOCTYPE html>\n<html></html>")
    name, early = "XX.ABC.00.HHZ", to_ns("2020-06-01")
    for paths, value in (([a, b], 1.0), ([b, a], 2.0), ([a, a], 1.0), (tmp_path, 1.0)):
        found = read_metadata(paths)
        assert found.epoch(name, early)[0].sensitivity == value
    assert found.epoch(name, to_ns("2021-06-01"))[0].sensitivity == 3.0
    assert len(found.epochs[name]) == 3
    assert read_metadata([a, a]) == read_metadata(str(a))
    assert read_metadata([a, c]) != read_metadata(a)


def test_fingerprint_is_of_what_matters(tmp_path):
    """Prose changes nothing; a pole, a gain, an angle or an epoch does; stations stand alone."""

    def fingerprint(**changes) -> str:
        response = broadband()
        stage = response.response_stages[0]
        for key, value in changes.pop("stage", {}).items():
            setattr(stage, key, value)
        one = channel(response=response, **changes)
        one.description = changes.get("code", "words")
        return read_metadata(write_inventory(tmp_path / "x.xml", one)).fingerprint

    prints = [
        fingerprint(),
        fingerprint(stage={"poles": [-1.0 + 0j]}),
        fingerprint(stage={"stage_gain": 2 * GAIN}),
        fingerprint(azimuth=1.0),
        fingerprint(end="2023-01-01"),
        fingerprint(rate_hz=40.0),
    ]
    assert len(set(prints)) == len(prints)
    assert fingerprint(stage={"name": "other", "description": "other"}) == prints[0]
    z = channel("HHZ")
    small = read_metadata(write_inventory(tmp_path / "s.xml", z))
    large = read_metadata(write_inventory(tmp_path / "l.xml", z, channel("BHZ")))
    assert small.fingerprint != large.fingerprint
    station = "XX.ABC.00.HH"
    assert small.station_fingerprint(station) == large.station_fingerprint(station)


def test_timeline_is_the_epoch_of_every_instant():
    """Holes, overlaps and open ends: the list of changes says what the single question says."""
    rng = np.random.default_rng(5)
    for _ in range(30):
        starts = rng.integers(0, 80, 4)
        epochs = [
            an_epoch(start_ns=int(t), end_ns=int(t + n), sensitivity=float(i + 1))
            for i, (t, n) in enumerate(zip(starts, rng.integers(1, 30, 4), strict=True))
        ]
        known = Metadata({"A.B..HHZ": tuple(sorted(epochs, key=lambda e: e.start_ns))}, {})
        changes = known.timeline("A.B..HHZ")
        for t in range(-20, 130):
            start, epoch, inside = [row for row in changes if row[0] <= t][-1]
            other, within = known.epoch("A.B..HHZ", t)
            assert (epoch.sensitivity, inside) == (other.sensitivity, within), (t, start)


EVIL = """<?xml version="1.0"?>
<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b SYSTEM "file:///etc/passwd">]>
<FDSNStationXML xmlns="http://www.fdsn.org/xml/station/1" schemaVersion="1.1">
<Source>&b;</Source></FDSNStationXML>"""


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "is empty"),
        (" \n\n", "is empty"),
        ("station,latitude\nABC,1\n", "is not StationXML"),
        ("<q:quakeml xmlns:q='http://quakeml.org/xmlns/quakeml/1.2'/>", "is not StationXML"),
        (EVIL, "declares a document type"),
        ("<FDSNStationXML><Network code='XX'>", "cannot be read"),
        ("<FDSNStationXML schemaVersion='1.1'/>", "cannot be read|describes no channel"),
        ("000001V 0100100 2.4120000000", "no multiple of its records of 4096"),
    ],
)
def test_what_is_no_metadata_is_named(tmp_path, content, problem):
    """Empty, foreign, hostile and broken files end in an error that names the file."""
    path = tmp_path / "station [1].xml"
    path.write_text(content)
    with pytest.raises(MetadataError, match=problem) as caught:
        read_metadata(path)
    assert "station [1].xml" in str(caught.value)


def test_missing_files_are_named(tmp_path):
    """No file, no address on the network, and no folder without metadata."""
    for path in (tmp_path / "none.xml", "https://example.org/station.xml"):
        with pytest.raises(MetadataError, match="There is no metadata file"):
            read_metadata(path)
    with pytest.raises(MetadataError, match="None of the 0 files"):
        read_metadata(tmp_path)
    with pytest.raises(MetadataError, match="No metadata file"):
        read_metadata([])


@pytest.mark.parametrize("share", [0.01, 0.3, 0.6, 0.95])
def test_truncated_stationxml_is_refused(tmp_path, share):
    """Cut anywhere, nothing of it is used."""
    whole = write_inventory(tmp_path / "whole.xml", channel("HHZ"), channel("HHN")).read_bytes()
    (tmp_path / "cut.xml").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(MetadataError, match=r"cut\.xml"):
        read_metadata(tmp_path / "cut.xml")


@pytest.mark.real
def test_truncated_dataless_is_refused(shared_data, tmp_path):
    """ObsPy reads what there is of a cut volume; its own index says what is missing."""
    whole = (shared_data / "earth_piton" / "YA_dataless.seed").read_bytes()
    for n, problem in ((380_928, "stations UV09, UV10"), (381_000, "no multiple")):
        (tmp_path / "cut.seed").write_bytes(whole[:n])
        with pytest.raises(MetadataError, match=rf"cut\.seed is truncated: .*{problem}"):
            read_metadata(tmp_path / "cut.seed")


def test_metadata_travel_to_workers(tmp_path):
    """Pickled once and unpacked once, whatever the number of station-days; responses go along."""
    found = read_metadata(write_inventory(tmp_path / "x.xml", channel()))
    sent = pickle.dumps(found)
    first, second = pickle.loads(sent), pickle.loads(sent)
    assert first is second
    assert first == found
    assert hash(first) == hash(found)
    (key,) = found.responses
    f_hz = np.array([0.5, 3.0])
    np.testing.assert_array_equal(first.evaluate(key, f_hz), found.evaluate(key, f_hz))
    np.testing.assert_allclose(found.evaluate(key, f_hz), [gain_at(f) for f in f_hz], rtol=1e-5)


def test_times_beyond_int64_are_far(tmp_path):
    """An end in the year 2999 is no end; one that is not stated neither."""
    one = channel(start="1600-01-01", end="2999-12-31")
    (epoch,) = read_metadata(write_inventory(tmp_path / "x.xml", one)).epochs["XX.ABC.00.HHZ"]
    assert (epoch.start_ns, epoch.end_ns) == (-FAR_NS, FAR_NS)
