"""Codes: the parts of a station's id "NET.STA.LOC.BI"."""


def station_name(station: str) -> str:
    """Return NET.STA of a longer id: two sensors of a station are no two witnesses.

    Examples
    --------
    >>> station_name("BX.BT01..HH")
    'BX.BT01'
    """
    return ".".join(str(station).split(".")[:2])


def network_of(station: str) -> str:
    """Return the network code of an id.

    Examples
    --------
    >>> network_of("BX.BT01..HH")
    'BX'
    """
    return str(station).split(".", 1)[0]


def sensor_of(event_id: str) -> str:
    """Return the sensor "NET.STA.LOC.BI" that the id of a detection begins with.

    Examples
    --------
    >>> sensor_of("AZ.PFO..HH.2000-01-02T175847.10")
    'AZ.PFO..HH'
    """
    return ".".join(str(event_id).split(".")[:4])
