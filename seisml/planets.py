"""Bodies: radius, travel-time model and the words of their catalogues."""

import dataclasses

from seisml.errors import ConfigError, did_you_mean


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
    """

    name: str
    radius_km: float
    taup_model: str


BODIES = {
    "earth": Body("earth", 6371.0, "iasp91"),
    "mars": Body("mars", 3389.5, "mars"),
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
