"""Bodies: radius, travel-time model, and their local day and hour."""

import dataclasses

import numpy as np

from seisml.errors import ConfigError, did_you_mean
from seisml.times import DAY_NS


@dataclasses.dataclass(frozen=True)
class Body:
    """A planet or moon as travel times and distances see it.

    Attributes
    ----------
    name : str
    radius_km : float
        Mean radius, for distances on the sphere.
    taup_model : str
        Name of the TauP model that is used when none is given: one that ObsPy ships, or one of
        seisml's own, whose sources are in ``seisml/models/NAME.nd``.
    day_ns : int
        Length of what counts as a day, ns: on Mars a sol; on the Moon a day of the Earth, because
        a lunar day is a month.
    day_zero_ns : int
        When one such day began: on Mars sol 0 of InSight, in local mean solar time.
    """

    name: str
    radius_km: float
    taup_model: str
    day_ns: int = DAY_NS
    day_zero_ns: int = 0


BODIES = {
    "earth": Body("earth", 6371.0, "iasp91"),
    "mars": Body("mars", 3389.5, "mars", 88_775_244_000_000, 1_543_209_050_335_080_000),
    "moon": Body("moon", 1737.1, "moon"),
}


def get_body(name: str) -> Body:
    """Return the body of that name.

    Raises
    ------
    ConfigError
        If there is none.

    Examples
    --------
    >>> get_body("mars").radius_km
    3389.5
    """
    if name not in BODIES:
        raise ConfigError(f"There is no body {name!r}.", did_you_mean(name, BODIES))
    return BODIES[name]


def ahead_ns(body: str, offset_h: float) -> int:
    """Return by how much local time is ahead, ns; an hour is a 24th of the body's day.

    Raises
    ------
    ConfigError
        If the offset is not from -24 to 24 hours.

    Examples
    --------
    >>> ahead_ns("earth", 0.5)
    1800000000000
    """
    if not -24 <= offset_h <= 24:
        raise ConfigError(
            f"Local time is ahead by -24 to 24 hours; got {offset_h}.", "Give hours, as -7 or 5.5."
        )
    return round(offset_h / 24 * get_body(body).day_ns)


def hour_name(body: str, offset_h: float = 0.0) -> str:
    """Return what the hours of `local_hours` are called.

    Examples
    --------
    >>> hour_name("mars"), hour_name("earth", -4), hour_name("earth", 5.5)
    ('LMST', 'UTC-4', 'UTC+5.5')
    """
    name = "LMST" if get_body(body).day_zero_ns else "UTC"
    return f"{name}{offset_h:+g}" if offset_h else name


def local_hours(time_ns, body: str = "earth", *, offset_h: float = 0.0) -> np.ndarray:
    """Return the hour of the local day, 0 to 24: on Mars the local mean solar time of InSight.

    Parameters
    ----------
    time_ns : array_like of int
        Instants, ns.
    body : str
        earth, mars or moon.
    offset_h : float
        Hours that local time is ahead, of UTC on Earth and the Moon.

    Returns
    -------
    numpy.ndarray of float64

    Raises
    ------
    ConfigError
        If there is no such body, or the offset is not from -24 to 24 hours.

    Examples
    --------
    >>> local_hours([0, 5_400_000_000_000], offset_h=-1).tolist()
    [23.0, 0.5]
    """
    one = get_body(body)
    ahead = ahead_ns(body, offset_h) - one.day_zero_ns
    return (np.asarray(time_ns, dtype=np.int64) + ahead) % one.day_ns * (24.0 / one.day_ns)
