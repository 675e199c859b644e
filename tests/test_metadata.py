"""Metadata: epochs, orientation, and what is no metadata."""

import dataclasses
import pickle

import numpy as np
import pytest
from obspy.signal.rotate import rotate2zne

from seisml.metadata import FAR_NS, Epoch, Metadata, read_metadata
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
