"""Mars time: published and computed check values, round trips."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from seisml.cli import app
from seisml.errors import ConfigError
from seisml.marstime import (
    LANDER_LONGITUDE,
    MISSION_LONGITUDE,
    SOL_NS,
    SOL_ZERO_NS,
    lmst_hours_at,
    lmst_text,
    ltst_hours,
    outside_mission,
    parse_lmst,
    season,
    sol_of,
    sol_to_ns,
)
from seisml.planets import local_hours
from seisml.times import to_ns


def hms(text: str) -> float:
    hours, minutes, seconds = (float(part) for part in text.split(":"))
    return hours + minutes / 60 + seconds / 3600


# Glitch list of SEISglitch (Scholz et al. 2020) and values of Mars24's formulas.
@pytest.mark.parametrize(
    ("utc", "sol", "lmst"),
    [
        ("2019-05-22T23:31:39", 173, "00:11:52"),
        ("2019-05-23T23:43:22", 173, "23:44:44"),
        ("2019-05-23T02:22:59", 173, "02:58:36.8"),
        ("2019-07-26T12:15:38", 235, "19:29:36.1"),
        ("2022-05-04T23:23:07", 1222, "03:50:08.9"),
        ("2021-12-24T22:38:02", 1094, "15:13:28"),
    ],
)
def test_sol_and_mean_time_to_a_second(utc, sol, lmst):
    found, seconds = sol_of(to_ns(utc))
    assert found == sol
    hours = float(seconds) / (SOL_NS / 1e9) * 24
    assert abs(hours - hms(lmst)) * 3600 < 1.0
    assert hours == pytest.approx(float(local_hours(to_ns(utc), "mars")), abs=1e-9)
    # The mission's mean time is that of 135.97° E in Mars24's formulas.
    assert abs(lmst_hours_at(to_ns(utc), MISSION_LONGITUDE) - hours) * 3600 < 1.0
    early = (hours - lmst_hours_at(to_ns(utc), LANDER_LONGITUDE)) * 3600
    assert early == pytest.approx(83.6, abs=1.0)


@pytest.mark.parametrize(
    ("utc", "ltst", "ls_deg"),
    [
        ("2019-05-23T02:22:59", "02:36:23", 28.99),
        ("2022-05-04T23:23:07", "04:20:10", 221.23),
        ("2019-07-26T12:15:38", None, 57.82),
    ],
)
def test_true_solar_time_and_season(utc, ltst, ls_deg):
    assert season(to_ns(utc)).ls_deg == pytest.approx(ls_deg, abs=0.006)
    if ltst:
        assert abs(ltst_hours(to_ns(utc)) - hms(ltst)) * 3600 < 1.0


def test_worked_example_of_mars24():
    at = season(to_ns("2000-01-06T00:00:00"))
    assert at.msd == pytest.approx(44795.99976, abs=1e-5)
    assert abs(float(at.mtc_h) - hms("23:59:39")) * 3600 < 1.0
    assert at.ls_deg == pytest.approx(277.1876, abs=1e-4)
    assert at.eot_deg == pytest.approx(-5.18775, abs=1e-4)
    assert season(to_ns("2022-05-04T23:23:07")).msd == pytest.approx(52732.78212, abs=1e-5)


def test_equation_of_time_has_its_published_range():
    minutes = season(to_ns("2019-01-01") + np.arange(687) * 86_400 * 10**9).eot_deg * 4
    assert minutes.min() == pytest.approx(-51, abs=1)
    assert minutes.max() == pytest.approx(40, abs=1)


@given(st.integers(-(10**18), 2 * 10**18))
def test_round_trip_to_a_microsecond(time_ns):
    sol, seconds = sol_of(time_ns)
    back = sol_to_ns(sol, seconds / (SOL_NS / 1e9) * 24)
    assert abs(int(back) - time_ns) <= 2000
    assert 0 <= seconds < SOL_NS / 1e9


def test_text_round_trip_and_borders():
    assert lmst_text(SOL_ZERO_NS) == "0000M00:00:00.0"
    assert lmst_text(SOL_ZERO_NS - 1) == "-001M23:59:59.9"
    assert parse_lmst("0") == SOL_ZERO_NS // 1000 * 1000
    assert abs(parse_lmst("1M00:00:00") - to_ns("2018-11-27T05:50:25.580014")) < 2e6
    for wrong in ("173M24:00:00", "173M10:61", "S0173a", "2019-05-23"):
        with pytest.raises(ConfigError, match="no sol and local time"):
            parse_lmst(wrong)


def test_times_outside_the_mission_are_said_in_one_line():
    inside = to_ns("2019-05-01"), to_ns("2022-12-01")
    assert outside_mission(*inside) == ""
    assert "Sol -" in outside_mission(to_ns("2001-01-01"), to_ns("2001-01-02"))
    assert "\n" not in outside_mission(to_ns("2030-01-01"), to_ns("2030-01-02"))


@pytest.mark.parametrize(
    ("text", "said"),
    [("2017-01-01", "Sol -676 is not of the mission"), ("1500", "Sol 1500 is"), ("173", "")],
)
def test_a_time_outside_the_mission_is_said_in_one_line(text, said):
    result = CliRunner().invoke(app, ["sol", text])
    assert result.exit_code == 0
    notes = [line for line in result.stderr.splitlines() if line]
    assert len(notes) == bool(said)
    assert all(note.startswith(said) for note in notes)


@pytest.mark.parametrize("text", ["2019-13-01", "soon", "173M25:00", "S0173a", ""])
def test_what_is_no_time_is_refused_in_two_lines(text):
    result = CliRunner().invoke(app, ["sol", "173", text])
    assert isinstance(result.exception, ConfigError)
    assert "173M02:58:36" in result.exception.hint
    assert result.stdout == ""
