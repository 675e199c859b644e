"""Station metadata with known responses, written as StationXML."""

import warnings

import numpy as np
import obspy
from obspy.core.inventory import Channel, Inventory, Network, Station
from obspy.core.inventory.response import InstrumentSensitivity, Response

# A broadband sensor of 60 s: poles and zeros in rad/s, velocity to volts, and a digitiser.
PAZ = {
    "zeros": [0j, 0j],
    "poles": [-0.074016 + 0.074016j, -0.074016 - 0.074016j, -502.65 + 0j, -1005.0 + 0j],
}
GAIN = 6e8
AT_HZ = 1.0


def shape_at(frequency_hz: float) -> complex:
    """Return zeros over poles, from the formula."""
    s = 2j * np.pi * frequency_hz
    return np.prod([s - z for z in PAZ["zeros"]]) / np.prod([s - p for p in PAZ["poles"]])


def gain_at(frequency_hz: float, gain: float = GAIN) -> complex:
    """Return the response of `broadband` in counts per m/s."""
    return gain * shape_at(frequency_hz) / abs(shape_at(AT_HZ))


def broadband(gain: float = GAIN, *, units: str = "M/S") -> Response:
    """Return a response of one stage, with the sensitivity that it has at 1 Hz."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a sensitivity that is set below
        response = Response.from_paz(
            **PAZ,
            stage_gain=gain,
            stage_gain_frequency=AT_HZ,
            normalization_frequency=AT_HZ,
            normalization_factor=1 / abs(shape_at(AT_HZ)),
            input_units=units,
            output_units="COUNTS",
        )
    response.instrument_sensitivity = InstrumentSensitivity(gain, AT_HZ, units, "COUNTS")
    return response


def sensitivity_only(value: float | None = GAIN, units: str = "M/S") -> Response:
    """Return a response that is an overall sensitivity and nothing else."""
    return Response(instrument_sensitivity=InstrumentSensitivity(value, AT_HZ, units, "COUNTS"))


def channel(
    code="HHZ",
    response=None,
    *,
    location="00",
    start="2020-01-01",
    end=None,
    rate_hz=20.0,
    azimuth=0.0,
    dip=-90.0,
) -> Channel:
    """Return one epoch of a channel."""
    return Channel(
        code,
        location,
        latitude=0.0,
        longitude=0.0,
        elevation=0.0,
        depth=0.0,
        azimuth=azimuth,
        dip=dip,
        sample_rate=rate_hz,
        start_date=obspy.UTCDateTime(start),
        end_date=None if end is None else obspy.UTCDateTime(end),
        response=broadband() if response is None else response,
    )


def inventory(*channels, station="XX.ABC") -> Inventory:
    """Return an inventory of one station."""
    network, name = station.split(".")
    one = Station(name, 0.0, 0.0, 0.0, channels=list(channels))
    return Inventory(networks=[Network(network, stations=[one])], source="test")


def write_inventory(path, *channels, **options):
    """Write an inventory as StationXML and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    inventory(*channels, **options).write(str(path), format="STATIONXML")
    return path
