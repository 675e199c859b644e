"""Mars time: sols and local mean solar time of InSight, true solar time, solar longitude.

Sol and local mean solar time (LMST) are those of the mission: a clock that runs evenly from sol 0
(2018-11-26T05:10:50.335 UTC), on the meridian 135.97° E. Local true solar time (LTST), by which
the sun stands in the sky, is that of a longitude, by default the lander's own 135.62° E.
"""

import dataclasses
import math
import re

import numpy as np

from seisml.errors import ConfigError
from seisml.planets import BODIES
from seisml.times import DAY_NS, NS_PER_S, iso, to_ns

SOL_NS, SOL_ZERO_NS = BODIES["mars"].day_ns, BODIES["mars"].day_zero_ns
MISSION_LONGITUDE = 135.97
LANDER_LONGITUDE = 135.623447
INSIGHT = "XB.ELYSE"
LAST_SOL = 1446
"""The last sol of the mission with records; the landing was on sol 0."""
_J2000_NS = 946_727_935_816_000_000  # 2000-01-01T12:00 TT
# TAI − UTC in s from these days on (IERS bulletin C); TT is 32.184 s ahead of TAI.
_LEAPS = (
    ("1972-01-01", 10), ("1972-07-01", 11), ("1973-01-01", 12), ("1974-01-01", 13),
    ("1975-01-01", 14), ("1976-01-01", 15), ("1977-01-01", 16), ("1978-01-01", 17),
    ("1979-01-01", 18), ("1980-01-01", 19), ("1981-07-01", 20), ("1982-07-01", 21),
    ("1983-07-01", 22), ("1985-07-01", 23), ("1988-01-01", 24), ("1990-01-01", 25),
    ("1991-01-01", 26), ("1992-07-01", 27), ("1993-07-01", 28), ("1994-07-01", 29),
    ("1996-01-01", 30), ("1997-07-01", 31), ("1999-01-01", 32), ("2006-01-01", 33),
    ("2009-01-01", 34), ("2012-07-01", 35), ("2015-07-01", 36), ("2017-01-01", 37),
)  # fmt: skip
_LEAP_NS = np.array([to_ns(day) for day, _ in _LEAPS], dtype=np.int64)
_LEAP_S = np.array([seconds for _, seconds in _LEAPS], dtype=float)
# Perturbations by the planets: A (degrees), tau (Julian years), phi (degrees).
_A = np.array([0.0071, 0.0057, 0.0039, 0.0037, 0.0021, 0.0020, 0.0018])
_TAU = np.array([2.2353, 2.7543, 1.1177, 15.7866, 2.1354, 2.4694, 32.8493])
_PHI = np.array([49.409, 168.173, 191.837, 21.736, 15.704, 95.528, 49.095])


def sol_of(time_ns) -> tuple[np.ndarray, np.ndarray]:
    """Return sol and local mean solar time of InSight.

    Parameters
    ----------
    time_ns : int or array of int64
        Instants UTC.

    Returns
    -------
    sol : numpy.ndarray of int64
        Negative before the landing.
    seconds : numpy.ndarray of float64
        Earth seconds since the beginning of the sol, 0 to 88775.244.

    Examples
    --------
    >>> sol, seconds = sol_of(to_ns("2019-05-22T23:31:39"))
    >>> int(sol), round(float(seconds), 1)
    (173, 731.5)
    """
    since = np.asarray(time_ns, dtype=np.int64) - SOL_ZERO_NS
    sol, rest = np.divmod(since, SOL_NS)
    return sol, rest / NS_PER_S


def sol_to_ns(sol, hours=0.0) -> np.ndarray:
    """Return the instant of a sol and local mean solar time.

    Parameters
    ----------
    sol : int or array of int
    hours : float or array
        Local mean solar time, 0 to 24 h of a sol.

    Returns
    -------
    numpy.ndarray of int64
        Rounded to a microsecond.

    Examples
    --------
    >>> from seisml.times import iso
    >>> iso(int(sol_to_ns(1)))[:-5]
    '2018-11-27T05:50:25.57'
    """
    within_us = np.rint(np.asarray(hours, dtype=float) / 24.0 * SOL_NS / 1000.0).astype(np.int64)
    start_ns = SOL_ZERO_NS + np.asarray(sol, dtype=np.int64) * SOL_NS
    return (start_ns + within_us * 1000) // 1000 * 1000


def lmst_text(time_ns: int) -> str:
    """Return sol and local mean solar time as the mission writes them, in tenths of a second.

    Examples
    --------
    >>> lmst_text(to_ns("2019-05-23T02:22:59"))
    '0173M02:58:36.8'
    """
    sol, seconds = sol_of(time_ns)
    # Cut, not rounded, as clocks do: no 24:00:00.
    whole, tenth = divmod(int(float(seconds) * 864_000.0 / (SOL_NS / NS_PER_S)), 10)
    clock = f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}.{tenth}"
    return f"{int(sol):04d}M{clock}"


def parse_lmst(text: str) -> int:
    """Return the instant of a text such as 0173M02:58:36.8 or 173.

    Raises
    ------
    ConfigError
        If it is no such text.

    Examples
    --------
    >>> lmst_text(parse_lmst("173M02:58:36.85"))
    '0173M02:58:36.8'
    """
    found = re.fullmatch(r"(-?\d+)(?:M(\d{1,2}):(\d{2})(?::(\d{2}(?:\.\d*)?))?)?", text.strip())
    parts = [float(part or 0) for part in found.groups()[1:]] if found else [99.0]
    if parts[0] >= 24 or any(part >= 60 for part in parts[1:]):
        raise ConfigError(f"{text!r} is no sol and local time.", "For example 173M02:58:36 or 173.")
    hours = parts[0] + parts[1] / 60.0 + parts[2] / 3600.0
    return int(sol_to_ns(int(found[1]), hours))


@dataclasses.dataclass(frozen=True)
class Season:
    """Where Mars stands at instants.

    Attributes
    ----------
    msd : numpy.ndarray
        Mars sol date.
    mtc_h : numpy.ndarray
        Coordinated Mars time, mean solar time at the prime meridian, 0 to 24 h.
    ls_deg : numpy.ndarray
        Areocentric solar longitude, 0 to 360 degrees.
    eot_deg : numpy.ndarray
        Equation of time: true less mean solar time, degrees (15 an hour).
    """

    msd: np.ndarray
    mtc_h: np.ndarray
    ls_deg: np.ndarray
    eot_deg: np.ndarray


def season(time_ns) -> Season:
    """Return solar longitude, equation of time and coordinated Mars time.

    Parameters
    ----------
    time_ns : int or array of int64
        Instants UTC.

    Returns
    -------
    Season

    References
    ----------
    Allison, M. & McEwen, M. (2000). A post-Pathfinder evaluation of areocentric solar coordinates
    with improved timing recipes for Mars seasonal/diurnal climate studies. Planet. Space Sci. 48,
    215-235. https://doi.org/10.1016/S0032-0633(99)00092-6, with the constants of Mars24.

    Examples
    --------
    >>> at = season(to_ns("2000-01-06T00:00:00"))
    >>> round(float(at.msd), 5), round(float(at.ls_deg), 4), round(float(at.eot_deg), 5)
    (44795.99976, 277.1876, -5.18775)
    """
    time_ns = np.asarray(time_ns, dtype=np.int64)
    leap = np.maximum(np.searchsorted(_LEAP_NS, time_ns, "right") - 1, 0)
    tt_ns = time_ns + ((_LEAP_S[leap] + 32.184) * NS_PER_S).astype(np.int64)
    dt = (tt_ns - (_J2000_NS + 64_184_000_000)) / DAY_NS
    m = np.radians((19.3871 + 0.52402073 * dt) % 360.0)
    alpha = 270.3871 + 0.524038496 * dt
    turn = np.radians(0.985626 * dt[..., None] / _TAU + _PHI)
    centre = (10.691 + 3e-7 * dt) * np.sin(m) + 0.623 * np.sin(2 * m) + 0.050 * np.sin(3 * m)
    centre += 0.005 * np.sin(4 * m) + 0.0005 * np.sin(5 * m) + (_A * np.cos(turn)).sum(axis=-1)
    ls = np.radians(alpha + centre)
    eot = 2.861 * np.sin(2 * ls) - 0.071 * np.sin(4 * ls) + 0.002 * np.sin(6 * ls) - centre
    msd = (dt - 4.5) / 1.0274912517 + 44796.0 - 0.0009626
    return Season(msd, 24.0 * (msd % 1.0), (alpha + centre) % 360.0, eot)


def ltst_hours(time_ns, longitude: float = LANDER_LONGITUDE) -> np.ndarray:
    """Return the local true solar time, 0 to 24 h: noon is when the sun is highest.

    Parameters
    ----------
    time_ns : int or array of int64
    longitude : float
        Degrees east; the lander's own, not that of the mission's mean time.

    Examples
    --------
    >>> round(float(ltst_hours(to_ns("2019-05-23T02:22:59"))), 3)  # 02:36:23
    2.606
    """
    at = season(time_ns)
    return (at.mtc_h + (longitude + at.eot_deg) / 15.0) % 24.0


def lmst_hours_at(time_ns, longitude: float) -> np.ndarray:
    """Return the local mean solar time of a meridian (degrees east) by Mars24, 0 to 24 h."""
    return (season(time_ns).mtc_h + longitude / 15.0) % 24.0


def outside_mission(start_ns: int, end_ns: int) -> str:
    """Say in one line that a time is not InSight's; "" where it is.

    Examples
    --------
    >>> outside_mission(to_ns("2019-06-01"), to_ns("2019-06-02"))
    ''
    >>> outside_mission(to_ns("2016-06-01"), to_ns("2016-06-02"))
    'Sol -884 to -883 is not of the mission: InSight recorded from sol 0 to 1446.'
    """
    first, last = (math.floor((t - SOL_ZERO_NS) / SOL_NS) for t in (start_ns, end_ns - 1))
    if first >= 0 and last <= LAST_SOL:
        return ""
    sols = f"Sol {first}" if first == last else f"Sol {first} to {last}"
    return f"{sols} is not of the mission: InSight recorded from sol 0 to {LAST_SOL}."


def instant_of(text: str) -> int:
    """Return the instant of a time UTC, or of a sol with or without local mean time.

    Raises
    ------
    ConfigError
        If the text is neither.

    Examples
    --------
    >>> lmst_text(instant_of("173"))
    '0173M00:00:00.0'
    """
    is_sol = re.match(r"-?\d{1,4}(M|$)", text.strip()) is not None
    try:
        return parse_lmst(text) if is_sol else to_ns(text)
    except ConfigError:
        raise
    except ValueError as error:
        raise ConfigError(
            f"{text!r} is neither a time (ISO 8601, UTC) nor a sol.",
            "For example 2019-05-23T02:22:59, 173M02:58:36 or 173.",
        ) from error


def described(text: str) -> tuple[str, str, str, str]:
    """Return UTC, sol with mean time, true solar time and solar longitude of a time or a sol.

    Examples
    --------
    >>> described("2019-05-23T02:22:59")[1:]
    ('0173M02:58:36.8', '02:36:23', '28.99')
    """
    time_ns = instant_of(text)
    whole = int(float(ltst_hours(time_ns)) * 3600.0 + 0.5) % 86_400
    clock = f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"
    return iso(time_ns), lmst_text(time_ns), clock, f"{float(season(time_ns).ls_deg):.2f}"
