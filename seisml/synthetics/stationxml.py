"""Station metadata of generated archives: StationXML with positions, orientations, responses."""

import math
from pathlib import Path

import obspy
from obspy.core.inventory import Channel, Inventory, Network, Response, Site, Station

from seisml.synthetics import mars_plan, moon
from seisml.synthetics.mars_noise import AZIMUTH_DEG, DIP_DEG, SENSITIVITY

SINCE = obspy.UTCDateTime(1969, 1, 1)
# Poles and zeros of the VBB of each component, rad/s (see the mission's StationXML).
VBB_POLES = (
    (-0.243358 + 0.30515j, -46.7264 + 73.9273j, -11.7674),
    (-0.246632 + 0.306574j, -48.6108 + 70.0743j, -11.9798),
    (-0.247754 + 0.307119j, -47.3673 + 66.2831j, -12.0634),
)
VBB_ZEROS = ((-109.316, -10.1317), (-113.16, -10.1317), (-110.45, -10.1317))


def _response(poles, zeros, sensitivity: float, frequency_hz: float, unit: str) -> Response:
    both = [p for pole in poles for p in {pole, complex(pole).conjugate()}]
    return Response.from_paz(
        zeros=list(zeros),
        poles=both,
        stage_gain=sensitivity,
        stage_gain_frequency=frequency_hz,
        input_units=unit,
        output_units="COUNTS",
        normalization_frequency=frequency_hz,
        normalization_factor=_factor(both, zeros, frequency_hz),
    )


def _factor(poles, zeros, frequency_hz: float) -> float:
    s = 2j * math.pi * frequency_hz
    gain = math.prod([s - z for z in zeros]) / math.prod([s - p for p in poles])
    return 1.0 / abs(gain)


def inventory_of(world: str, stations, *, channels=()) -> Inventory:
    """Return the metadata of a generated archive.

    Parameters
    ----------
    world : str
        earth, mars or moon.
    stations : pandas.DataFrame
        From `seisml.synthetics.Truth`.
    channels : iterable of (str, float)
        Seed id "NET.STA.LOC.CHAN" and sampling rate of what was written.

    Returns
    -------
    obspy.core.inventory.Inventory
        Earth-like archives are counts without a physical unit: their channels have positions and
        orientations only.
    """
    networks: dict[str, Network] = {}
    for row in stations.itertuples(index=False):
        code, name = row.station.split(".")[:2]
        place = (row.latitude, row.longitude, row.elevation_m)
        found = [
            _channel(world, seed_id, rate, place)
            for seed_id, rate in channels
            if seed_id.split(".")[:2] == [code, name]
        ]
        station = Station(name, *place, site=Site(name=f"generated, {world}"), channels=found)
        networks.setdefault(code, Network(code, stations=[])).stations.append(station)
    return Inventory(networks=list(networks.values()), source="seisml.synthetics", created=SINCE)


def _channel(world: str, seed_id: str, rate_hz: float, place) -> Channel:
    location, code = seed_id.split(".")[2:4]
    letter, response = code[-1], None
    azimuth, dip = {"Z": (0.0, -90.0), "N": (0.0, 0.0), "E": (90.0, 0.0)}.get(letter, (0.0, 0.0))
    if world == "mars":
        c = mars_plan.CHANNELS.index(code)
        azimuth, dip = AZIMUTH_DEG[c], DIP_DEG[c]
        zeros = (0.0, 0.0, *VBB_ZEROS[c])
        response = _response(VBB_POLES[c], zeros, SENSITIVITY[c], 0.1, "M/S")
    elif world == "moon":
        azimuth, dip = moon.AZIMUTH_DIP[moon.CHANNELS.index(code)]
    return Channel(
        code,
        location,
        *place,
        depth=0.0,
        azimuth=azimuth,
        dip=dip,
        sample_rate=rate_hz,
        start_date=SINCE,
        response=response,
    )


def write_stationxml(path, world: str, stations, channels) -> Path:
    """Write the metadata of a generated archive; see `inventory_of`."""
    path = Path(path)
    inventory_of(world, stations, channels=channels).write(str(path), format="STATIONXML")
    return path
