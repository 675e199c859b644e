"""The catalogue of an InSight-like archive: what an analyst with all knowledge would write."""

import math
from collections.abc import Sequence

from seisml.catalog import Catalog, make_catalog
from seisml.synthetics.mars_events import SNR_BAND_HZ, SUPER, Marsquake
from seisml.synthetics.mars_noise import SOL_NS, SOL_ZERO_NS

STATION = "XB.ELYSE"
POSITION = (4.502384, 135.623447, -2613.4)  # degrees, degrees east, m


def magnitude(quake: Marsquake) -> tuple[float, str]:
    """Return the magnitude of an event and its type; NaN of a crack, which has none.

    Parameters
    ----------
    quake : Marsquake

    Returns
    -------
    tuple of float and str
        m2.4 = log10 A + log10 D + 11.04 of the high family, Mw = 2/3 (log10 A + log10 D + 12.6)
        of the low family, with A the root of the displacement PSD at 2.4 or 0.4 Hz (m/√Hz) and
        D in degrees [1]_.

    References
    ----------
    .. [1] Böse, M. et al. (2021). Magnitude scales for marsquakes calibrated from InSight data.
       BSSA 111(6), 3003-3015. https://doi.org/10.1785/0120210045
    """
    if quake.label == SUPER:
        return math.nan, ""
    low_hz, high_hz = SNR_BAND_HZ[quake.family]
    frequency_hz = 2.4 if quake.family == "high" else 0.4
    density = quake.peak_m_s / (2.0 * math.pi * frequency_hz) / math.sqrt(high_hz - low_hz)
    size = math.log10(density) + math.log10(quake.distance_deg)
    if quake.family == "high":
        return round(size + 11.04, 1), "m2.4"
    return round(2.0 / 3.0 * (size + 12.6), 1), "MwspecLF"


def quality(quake: Marsquake) -> str:
    """Return the grade A to D that an analyst would give; only the low family is located (A)."""
    grades = ((15.0, "A"), (7.0, "B"), (4.0, "C"))
    if quake.family != "low":
        grades = ((6.0, "B"), (2.5, "C"))
    return next((grade for snr, grade in grades if quake.snr >= snr), "D")


def catalog_of(quakes: Sequence[Marsquake]) -> Catalog:
    """Return the complete catalogue of an archive, with the picks of the Marsquake Service."""
    events, picks = [], []
    names = _names(quakes)
    for event_id, quake in zip(names, quakes, strict=True):
        size, kind = magnitude(quake)
        place = _epicentre(quake) if quality(quake) == "A" else (math.nan, math.nan)
        events.append(
            {
                "event_id": event_id,
                "time_ns": quake.start_ns,
                "end_ns": quake.end_ns,
                "station": STATION,
                "label": quake.label,
                "quality": quality(quake),
                "uncertainty_s": 0.0,
                "latitude": place[0],
                "longitude": place[1],
                "magnitude": size,
                "magnitude_type": kind,
                "origin_ns": quake.origin_ns,
                "distance_deg": quake.distance_deg if quake.label != SUPER else math.nan,
                "snr": quake.snr,
            }
        )
        first, second = ("Pg", "Sg") if quake.family == "high" else ("P", "S")
        rows = [("start", quake.start_ns, 1.0), (first, quake.first_ns, 1.0 / quake.ratio)]
        rows += [(second, quake.second_ns, 1.0), ("end", quake.end_ns, 1.0)]
        for phase, time_ns, share in rows if quake.label != SUPER else (rows[0], rows[-1]):
            row = {"event_id": event_id, "station": STATION, "phase": phase, "time_ns": time_ns}
            picks.append({**row, "uncertainty_s": 0.0, "snr": share * quake.snr})
    return make_catalog(
        events or None,
        picks or None,
        name="truth",
        body="mars",
        source="seisml.synthetics",
        time_basis="label_start",
    )


def _names(quakes: Sequence[Marsquake]) -> list[str]:
    """Return S0123a, b, ... of marsquakes by sol, and T0001, T0002, ... of cracks."""
    count: dict[int, int] = {}
    cracks, names = 0, []
    for quake in quakes:
        if quake.label == SUPER:
            cracks += 1
            names.append(f"T{cracks:04d}")
            continue
        sol = (quake.start_ns - SOL_ZERO_NS) // SOL_NS
        count[sol] = count.get(sol, 0) + 1
        names.append(f"S{sol:04d}{_letters(count[sol])}")
    return names


def _letters(number: int) -> str:
    """Return a, b, ... z, aa, ab, ... of 1, 2, ..."""
    more, last = divmod(number - 1, 26)
    return (_letters(more) if more else "") + chr(97 + last)


def _epicentre(quake: Marsquake) -> tuple[float, float]:
    """Return latitude and longitude of the source, in degrees."""
    latitude, azimuth, distance = (
        math.radians(x) for x in (POSITION[0], quake.back_azimuth_deg, quake.distance_deg)
    )
    sine = math.sin(latitude) * math.cos(distance)
    sine += math.cos(latitude) * math.sin(distance) * math.cos(azimuth)
    y = math.sin(azimuth) * math.sin(distance) * math.cos(latitude)
    east = math.degrees(math.atan2(y, math.cos(distance) - math.sin(latitude) * sine))
    longitude = (POSITION[1] + east + 180.0) % 360.0 - 180.0
    return round(math.degrees(math.asin(sine)), 3), round(longitude, 3)
