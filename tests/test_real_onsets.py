"""Onsets on real records against the references of analysts and other pickers."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "benchmarks"))
import onsets

pytestmark = [pytest.mark.real, pytest.mark.slow]


@pytest.mark.parametrize(
    ("name", "late_s", "share"),
    [
        ("earth_pfo", 0.0, 0.9),
        ("earth_nc_windows", 0.0, 0.9),
        ("earth_bradys", 0.0, 0.9),
        ("earth_iceland", 0.0, 0.7),  # automatic references, 0.09 s early in the median
        ("earth_nc_windows", 2.0, 0.85),
    ],
)
def test_from_a_coarse_time(shared_data, name, late_s, share):
    """From a time that is off by up to 1.5 s (and late): most onsets within 0.2 s, half in 0.05."""
    shared = shared_data.parent
    table = onsets.found(shared, name, onsets.references(shared, name), late_s)
    error_s = table["p_s"].abs()
    assert (error_s <= 0.2).mean() >= share
    assert error_s.median() <= (0.1 if name == "earth_iceland" else 0.05)


def test_s_of_three_components(shared_data):
    """Eight of ten S onsets that are found are within 0.2 s of the analysts'."""
    shared = shared_data.parent
    name = "earth_nc_windows"
    table = onsets.found(shared, name, onsets.references(shared, name), 0.0)
    s_s = table["s_s"].dropna()
    assert len(s_s) >= 60
    assert (s_s.abs() <= 0.2).mean() >= 0.8
