"""The plan of an Earth-like archive: stations, events, transients and faults, but no samples."""

import dataclasses
import math
from collections.abc import Iterable, Sequence

import numpy as np

from seisml.catalog import Catalog, make_catalog
from seisml.errors import ConfigError, did_you_mean
from seisml.planets import get_body
from seisml.synthetics.archive import MISSING, Fault
from seisml.synthetics.earth_waves import P_KM_S, RAYLEIGH_KM_S, S_KM_S, Arrival, Burst
from seisml.synthetics.grid import Grid, seconds
from seisml.synthetics.noise import Draw, generator, ornstein_uhlenbeck
from seisml.times import DAY_NS

CHANNELS = ("HHZ", "HHN", "HHE")
CENTRE = (46.0, 8.0)
STATION_KM = ((-9.0, -6.0), (11.0, 5.0), (-3.0, 13.0), (6.0, -14.0))  # east, north of the centre
QUARRY_KM = ((14.0, -7.0), (-16.0, 9.0))
LABELS = ("earthquake", "quarry blast")
BURST_KINDS = ("traffic", "footsteps", "spike")
WEAKEST_SNR = 1.5  # of P at the best station
SEPARATION_S = 60.0  # between origin times
MIDNIGHT_LEAD_S = 4.4  # from the origin of the event over midnight to midnight
OFF_GRID = 0.37  # of a sample, after the restart
MINUTE_NS = 60 * 10**9
# kind: station, channels, day, hour of day, length in s; days beyond the end fall on the last one
EARTH_FAULTS = {
    "minutes_gap": (0, (2,), 0, 9.22, 420.0),
    "hours_gap": (1, (0, 1, 2), 1, 11.05, 11_520.0),
    "short_gap": (0, (0, 1, 2), 1, 15.34, 2.0),
    "zeros": (0, (0,), 2, 4.08, 90.0),
    "identical_overlap": (0, (0,), 2, 13.01, 40.0),
    "conflicting_overlap": (1, (1,), 2, 8.51, 5.0),
    "spill_over": (0, (1,), 2, 24.0, 6.5),
    "restart": (1, (0, 1, 2), 3, 17.76, 12.0),
}


@dataclasses.dataclass(frozen=True)
class Station:
    """One station of the plan; `gain` scales the site noise at each minute of the archive."""

    code: str
    latitude: float
    longitude: float
    elevation_m: float
    site_counts: float
    microseism_counts: float
    offset_counts: tuple[int, ...]
    gain: np.ndarray

    def noise_counts(self, time_ns: int, grid: Grid) -> float:
        """Return the RMS of the site noise at an instant, in counts."""
        minute = (time_ns - grid.start_ns) / MINUTE_NS
        return self.site_counts * float(np.interp(minute, np.arange(len(self.gain)), self.gain))


@dataclasses.dataclass(frozen=True)
class Source:
    """An event: origin, magnitude and class."""

    time_ns: int
    latitude: float
    longitude: float
    depth_km: float
    magnitude: float
    label: str


@dataclasses.dataclass(frozen=True)
class EarthPlan:
    """All that an Earth-like archive will hold, before any sample is drawn."""

    seed: int
    grid: Grid
    stations: tuple[Station, ...]
    arrivals: tuple[tuple[Arrival, ...], ...]
    bursts: tuple[tuple[Burst, ...], ...]
    faults: tuple[Fault, ...]
    catalog: Catalog


def plan_earth(
    *,
    seed: int,
    grid: Grid,
    stations: int = 2,
    events_per_day: float = 36.0,
    blasts_per_day: float = 4.0,
    bursts_per_day: float = 40.0,
    magnitudes: tuple[float, float] = (0.5, 3.2),
    b_value: float = 1.0,
    faults: Sequence[str] = (),
) -> EarthPlan:
    """Draw stations, events, transients and faults of an archive, but no samples.

    Parameters
    ----------
    seed, stations, events_per_day, blasts_per_day, bursts_per_day, magnitudes, b_value, faults
        See `make_earth_archive`.
    grid : Grid
        See `seisml.synthetics.grid.make_grid`.

    Returns
    -------
    EarthPlan
    """
    if not 1 <= stations <= len(STATION_KM):
        raise ConfigError(f"stations is {stations}.", f"Use 1 to {len(STATION_KM)}.")
    network = tuple(_station(seed, number, grid) for number in range(stations))
    planted = tuple(_faults(faults, network, grid))
    rng = generator(seed, Draw.EVENTS)
    rates = (events_per_day, blasts_per_day)
    sources = _sources(rng, seed, network, grid, rates, magnitudes, b_value)
    arrivals = tuple(
        tuple(_arrival(seed, n, k, source, station) for n, source in enumerate(sources))
        for k, station in enumerate(network)
    )
    bursts = tuple(
        tuple(_bursts(seed, k, round(bursts_per_day * grid.n_days), station, grid))
        for k, station in enumerate(network)
    )
    catalog = _catalog(sources, arrivals, network, planted, grid)
    return EarthPlan(seed, grid, network, arrivals, bursts, planted, catalog)


def _station(seed: int, number: int, grid: Grid) -> Station:
    """Draw the noise levels of a station; its noise is up to twice as strong by day."""
    rng = generator(seed, Draw.STATION, number)
    latitude, longitude = _position(*STATION_KM[number])
    minutes = np.arange(grid.n_days * 1440 + 1)
    slow = ornstein_uhlenbeck(len(minutes), 60.0, 900.0, generator(seed, Draw.GAIN, number))
    hour = (minutes / 60.0 + 1.0) % 24.0  # local time
    return Station(
        code=f"XX.DEM{'ABCD'[number]}",
        latitude=latitude,
        longitude=longitude,
        elevation_m=float(rng.integers(300, 1800)),
        site_counts=rng.uniform(8.0, 12.0),
        microseism_counts=rng.uniform(35.0, 60.0),
        offset_counts=tuple(int(n) for n in rng.integers(-900, 900, len(CHANNELS))),
        gain=(1.0 + rng.uniform(0.5, 1.0) * _daylight(hour)) * np.exp(0.15 * slow),
    )


def _daylight(hour):
    """Return 0 by night (20 to 5 h) and up to 1 at half past twelve."""
    return np.sin(np.pi * np.clip((hour - 5.0) / 15.0, 0.0, 1.0)) ** 2


def _position(east_km: float, north_km: float) -> tuple[float, float]:
    """Return latitude and longitude of a point near the centre."""
    degree_km = math.radians(1.0) * get_body("earth").radius_km
    latitude = CENTRE[0] + north_km / degree_km
    return latitude, CENTRE[1] + east_km / (degree_km * math.cos(math.radians(latitude)))


def _distance_azimuth(lat1, lon1, lat2, lon2) -> tuple[float, float]:
    """Return distance on the sphere (km) and azimuth (degrees) from point 1 to point 2."""
    p1, p2, d = math.radians(lat1), math.radians(lat2), math.radians(lon2 - lon1)
    a = math.sin((p2 - p1) / 2) ** 2 + math.cos(p1) * math.cos(p2) * math.sin(d / 2) ** 2
    y = math.sin(d) * math.cos(p2)
    x = math.cos(p1) * math.sin(p2) - math.sin(p1) * math.cos(p2) * math.cos(d)
    distance_km = 2.0 * get_body("earth").radius_km * math.asin(math.sqrt(a))
    return distance_km, math.degrees(math.atan2(y, x)) % 360.0


def _faults(kinds: Iterable[str], network: Sequence[Station], grid: Grid) -> list[Fault]:
    """Place the faults that were asked for."""
    out = []
    for kind in kinds:
        if kind not in EARTH_FAULTS:
            raise ConfigError(f"There is no fault {kind!r}.", did_you_mean(kind, EARTH_FAULTS))
        number, channels, day, hour, length_s = EARTH_FAULTS[kind]
        if number >= len(network):
            continue
        last = grid.n_days - (2 if kind == "spill_over" else 1)
        if last < 0:
            continue
        start_ns = grid.start_ns + min(day, last) * DAY_NS + seconds(hour * 3600.0)
        end_ns = start_ns + seconds(length_s)
        if kind == "restart":
            end_ns += round(OFF_GRID * grid.step_ns)
        if kind == "spill_over":
            start_ns, end_ns = 2 * start_ns - end_ns, start_ns
        names = tuple(CHANNELS[c] for c in channels)
        out.append(Fault(kind, network[number].code, names, start_ns, end_ns))
    return sorted(out, key=lambda fault: fault.start_ns)


def _sources(rng, seed, network, grid, rates, magnitudes, b_value) -> list[Source]:
    """Draw the events in the order of time, each strong enough for at least one station."""
    midnight_ns = grid.start_ns + DAY_NS - seconds(MIDNIGHT_LEAD_S)
    numbers = [round(rate * grid.n_days) for rate in rates]
    times = {midnight_ns: "midnight"} if grid.n_days > 1 and numbers[0] else {}
    numbers[0] -= len(times)
    for label, number in zip(LABELS, numbers, strict=True):
        for _ in range(number):
            times[_free_time(rng, times, grid, label)] = label
    out = []
    for number, (time_ns, label) in enumerate(sorted(times.items())):
        if label == "midnight":
            source = Source(time_ns, *_position(*_middle(network)), 15.0, 2.3, LABELS[0])
        elif label == LABELS[1]:
            place = _position(*QUARRY_KM[rng.integers(len(QUARRY_KM))])
            source = Source(time_ns, *place, 0.0, round(rng.normal(1.7, 0.2), 2), label)
        else:
            share = 1.0 - 10.0 ** (-b_value * (magnitudes[1] - magnitudes[0]))
            magnitude = magnitudes[0] - math.log10(1.0 - share * rng.random()) / b_value
            source = _earthquake(rng, seed, number, time_ns, magnitude, network, grid)
        out.append(source)
    return out


def _free_time(rng, times, grid: Grid, label: str) -> int:
    """Draw a time that is a minute away from all others; blasts are by day."""
    taken = np.fromiter(times, dtype=np.int64, count=len(times))
    for _ in range(1000):
        time_s = rng.uniform(120.0, grid.n_days * 86_400.0 - 300.0)
        if label == LABELS[1]:
            time_s = rng.integers(grid.n_days) * 86_400.0 + rng.uniform(8.5, 15.5) * 3600.0
        time_ns = grid.start_ns + seconds(time_s)
        if not taken.size or np.abs(taken - time_ns).min() > seconds(SEPARATION_S):
            return time_ns
    raise ConfigError("The events of a day do not fit into it.", "Lower events_per_day.")


def _middle(network: Sequence[Station]) -> tuple[float, float]:
    """Return the kilometres east and north of the middle of the network."""
    return tuple(np.mean(STATION_KM[: len(network)], axis=0))


def _earthquake(rng, seed, number, time_ns, magnitude, network, grid) -> Source:
    """Draw a hypocentre, ever nearer, until a station records the event."""
    for attempt in range(200):
        radius_km = 45.0 * 0.97**attempt * math.sqrt(rng.random())
        angle = 2.0 * math.pi * rng.random()
        near = STATION_KM[rng.integers(len(network))] if attempt > 10 else (0.0, 0.0)
        east_km = near[0] + radius_km * math.sin(angle)
        north_km = near[1] + radius_km * math.cos(angle)
        depth_km = round(rng.uniform(4.0, 16.0 * 0.98**attempt + 1.0), 1)
        place = _position(east_km, north_km)
        source = Source(time_ns, *place, depth_km, round(magnitude, 2), LABELS[0])
        seen = (_snr(_arrival(seed, number, k, source, s), s, grid) for k, s in enumerate(network))
        if max(seen) >= WEAKEST_SNR:
            break
    return source


def _snr(arrival: Arrival, station: Station, grid: Grid) -> float:
    return arrival.p_counts / station.noise_counts(arrival.p_ns, grid)


def _arrival(seed: int, number: int, k: int, source: Source, station: Station) -> Arrival:
    """Compute onsets, amplitudes and spectrum of an event at a station.

    Amplitudes are 60 counts at magnitude 0.5 and 10 km, grow tenfold a magnitude and fall with
    R^-1.3 exp(−R/150 km). The corner frequency is Brune's for 1 MPa; the path has κ = 0.02 s
    and Q = 250.
    """
    rng = generator(seed, Draw.STATION, number + 1000, k)
    across_km, azimuth = _distance_azimuth(
        station.latitude, station.longitude, source.latitude, source.longitude
    )
    r_km = math.hypot(across_km, source.depth_km)
    level = 60.0 * 10.0 ** (source.magnitude - 0.5) * (10.0 / r_km) ** 1.3 * math.exp(-r_km / 150)
    level *= math.exp(0.25 * rng.standard_normal())
    blast = source.label == LABELS[1]
    ratio = (0.8 if blast else 3.0) * math.exp(0.25 * rng.standard_normal())
    moment = 10.0 ** (1.5 * source.magnitude + 9.1)
    corner_hz = 0.372 * 3460.0 / (7.0 / 16.0 * moment / 1e6) ** (1.0 / 3.0)
    attenuation_hz = 1.0 / (math.pi * (0.02 + r_km / P_KM_S / 250.0))
    return Arrival(
        key=(seed, number, k),
        p_ns=source.time_ns + seconds(r_km / P_KM_S),
        s_ns=source.time_ns + seconds(r_km / S_KM_S),
        surface_ns=source.time_ns + seconds(r_km / RAYLEIGH_KM_S),
        p_counts=level,
        s_counts=level * ratio,
        surface_counts=2.0 * level if blast else 0.0,
        back_azimuth_deg=azimuth,
        corner_hz=min(corner_hz, 6.0) if blast else corner_hz,
        attenuation_hz=attenuation_hz,
        coda_s=2.0 * 10.0 ** (0.35 * source.magnitude),
    )


def _bursts(seed: int, k: int, number: int, station: Station, grid: Grid) -> list[Burst]:
    """Draw the transients of one station; most are by day."""
    rng = generator(seed, Draw.BURSTS, k)
    out = []
    while len(out) < number:
        time_s = rng.uniform(0.0, grid.n_days * 86_400.0 - 60.0)
        if rng.random() > 0.3 + 0.7 * _daylight((time_s / 3600.0 + 1.0) % 24.0):
            continue
        kind = rng.choice(BURST_KINDS, p=(0.6, 0.25, 0.15))
        lengths_s = {"traffic": rng.uniform(5.0, 30.0), "footsteps": rng.uniform(6.0, 25.0)}
        time_ns = grid.start_ns + seconds(time_s)
        usual = {"spike": 20.0, "footsteps": 10.0, "traffic": 4.0}[kind]
        snr = max(usual * math.exp(0.6 * rng.normal()), 2.0)
        counts = snr * station.noise_counts(time_ns, grid)
        length_s = lengths_s.get(kind, 2.0 / grid.sampling_rate_hz)
        out.append(Burst((seed, k, len(out)), str(kind), time_ns, length_s, counts))
    return out


def _recorded(faults: Sequence[Fault], station: str, time_ns: int) -> bool:
    """Say whether a station had at least one channel at work."""
    return not any(
        f.station == station
        and len(f.channels) == len(CHANNELS)
        and f.kind in MISSING
        and f.start_ns <= time_ns < f.end_ns
        for f in faults
    )


def _catalog(sources, arrivals, network, faults, grid: Grid) -> Catalog:
    """Build the complete catalogue; picks are left out while their station was off."""
    events, picks = [], []
    for number, source in enumerate(sources):
        event_id = f"{source.label.split()[0]}{number + 1:04d}"
        at_stations = [arrivals[k][number] for k in range(len(network))]
        best, end_ns = 0.0, 0
        for arrival, station in zip(at_stations, network, strict=True):
            noise = station.noise_counts(arrival.p_ns, grid)
            r_km = round(arrival.sp_s / (1.0 / S_KM_S - 1.0 / P_KM_S), 3)
            tail_s = arrival.coda_s * math.log(max(arrival.s_counts / noise, 1.0))
            end_ns = max(end_ns, arrival.s_ns + seconds(max(3.0, tail_s)))
            for phase in ("P", "S"):
                time_ns = arrival.p_ns if phase == "P" else arrival.s_ns
                if not _recorded(faults, station.code, time_ns):
                    continue
                snr = (arrival.p_counts if phase == "P" else arrival.s_counts) / noise
                best = max(best, snr) if phase == "P" else best
                row = {"event_id": event_id, "station": station.code, "phase": phase}
                row |= {"time_ns": time_ns, "snr": snr, "distance_km": r_km, "uncertainty_s": 0.0}
                picks.append(row)
        row = dataclasses.asdict(source) | {"event_id": event_id, "end_ns": end_ns, "snr": best}
        events.append({**row, "magnitude_type": "ML", "uncertainty_s": 0.0})
    seen = {pick["event_id"] for pick in picks}
    return make_catalog(
        [event for event in events if event["event_id"] in seen],
        picks,
        name="truth",
        source="seisml.synthetics",
    )
