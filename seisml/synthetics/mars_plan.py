"""The plan of an InSight-like archive: wind, transients, marsquakes and faults, but no samples."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from seisml.catalog import Catalog
from seisml.errors import ConfigError, did_you_mean
from seisml.synthetics.archive import Fault
from seisml.synthetics.grid import Grid, seconds
from seisml.synthetics.mars_catalog import STATION, catalog_of
from seisml.synthetics.mars_events import (
    HIGH,
    LOW,
    SNR_BAND_HZ,
    SUPER,
    Marsquake,
    travel_times,
)
from seisml.synthetics.mars_noise import SOL_NS, SOL_ZERO_NS, band_rms, lmst_hours, wind_series
from seisml.synthetics.noise import Draw, generator
from seisml.times import DAY_NS

CHANNELS = ("BHU", "BHV", "BHW")
OFF_GRID = 0.37  # of a sample, after the restart
MARGIN_S = 300.0  # between the end of an event and the start of the next
GUST_STEP_S = 10.0
# kind: day, hour of day (UTC), length in s; days beyond the end fall on the last one
MARS_FAULTS = {"minutes_gap": (1, 3.35, 2400.0), "restart": (2, 14.2, 30.0)}
# Events of the catalogue of 2019 by local hour; glitches of sol 173; the other transients a sol.
EVENT_HOURS = (1.3,) * 7 + (0.0,) * 10 + (10, 17, 21, 21, 13, 5, 2)
GLITCH_HOURS = (6, 2, 7, 7, 11, 11, 20, 8, 2, 0, 0, 1, 6, 4, 1, 0, 4, 29, 19, 6, 1, 2, 2, 4)
LOW_SHARES, HIGH_SHARES = (0.55, 0.38, 0.07), (0.72, 0.2, 0.08)  # of LOW and HIGH
# Cracks in the ground as it cools after sunset.
SUPER_HOURS = (0.1,) * 6 + (0.0,) * 11 + (1.0, 8.0, 8.0, 3.0, 1.0, 0.5, 0.2)
DONK_HOURS = (2,) * 9 + (6,) * 4 + (1,) * 11
DUST_DEVIL_HOURS = (0,) * 8 + (0.5, 1, 1.5, 2, 2, 1.5, 1, 0.5) + (0,) * 8


@dataclasses.dataclass(frozen=True)
class Transient:
    """A glitch, donk or dust devil; `peak_m_s` is its velocity (of a dust devil, its tilt)."""

    key: tuple[int, int]
    kind: str
    start_ns: int
    length_s: float
    peak_m_s: float


@dataclasses.dataclass(frozen=True)
class MarsPlan:
    """All that an InSight-like archive will hold, before any sample is drawn.

    Attributes
    ----------
    wind : numpy.ndarray
        Wind every `GUST_STEP_S` seconds from the beginning of the archive.
    """

    seed: int
    grid: Grid
    wind: np.ndarray
    quakes: tuple[Marsquake, ...]
    transients: tuple[Transient, ...]
    faults: tuple[Fault, ...]
    catalog: Catalog

    def wind_at(self, time_ns) -> np.ndarray:
        """Return the wind at instants, see `seisml.synthetics.mars_noise.wind_series`."""
        step = (np.asarray(time_ns) - self.grid.start_ns) / seconds(GUST_STEP_S)
        return np.interp(step, np.arange(len(self.wind)), self.wind)


def plan_mars(
    *,
    seed: int,
    grid: Grid,
    events_per_sol: float = 6.0,
    low_share: float = 0.3,
    cracks_per_sol: float = 1.4,
    transients: float = 1.0,
    faults: Sequence[str] = (),
) -> MarsPlan:
    """Draw wind, transients, marsquakes and faults of an archive, but no samples.

    Parameters
    ----------
    seed, events_per_sol, low_share, cracks_per_sol, transients, faults
        See `seisml.synthetics.make_mars_archive`.
    grid : Grid
        See `seisml.synthetics.grid.make_grid`.

    Returns
    -------
    MarsPlan
    """
    planted = tuple(_fault(kind, grid) for kind in faults)
    n = round(grid.n_days * 86_400 / GUST_STEP_S) + 1
    steps_ns = grid.start_ns + np.arange(n) * seconds(GUST_STEP_S)
    sols = grid.n_days * DAY_NS / SOL_NS
    quakes = _quakes(seed, grid, round(events_per_sol * sols), low_share, planted)
    quakes = _with_cracks(seed, grid, round(cracks_per_sol * sols), quakes, planted)
    return MarsPlan(
        seed=seed,
        grid=grid,
        wind=wind_series(steps_ns, GUST_STEP_S, generator(seed, Draw.GAIN)),
        quakes=quakes,
        transients=_transients(seed, grid, transients),
        faults=planted,
        catalog=catalog_of(quakes),
    )


def _fault(kind: str, grid: Grid) -> Fault:
    if kind not in MARS_FAULTS:
        raise ConfigError(f"There is no fault {kind!r}.", did_you_mean(kind, MARS_FAULTS))
    day, hour, length_s = MARS_FAULTS[kind]
    start_ns = grid.start_ns + min(day, grid.n_days - 1) * DAY_NS + seconds(hour * 3600.0)
    end_ns = start_ns + seconds(length_s)
    end_ns += round(OFF_GRID * grid.step_ns) if kind == "restart" else 0
    return Fault(kind, STATION, CHANNELS, start_ns, end_ns)


def _time_at(rng, grid: Grid, hour: float) -> int:
    """Return an instant within a local hour of a random sol of the archive."""
    first, last = ((t - SOL_ZERO_NS) // SOL_NS for t in (grid.start_ns, grid.end_ns))
    sol = int(rng.integers(first, last + 1))
    time_ns = SOL_ZERO_NS + sol * SOL_NS + int((hour + rng.random()) / 24.0 * SOL_NS)
    return time_ns // 1000 * 1000


def _transients(seed: int, grid: Grid, factor: float) -> tuple[Transient, ...]:
    """Draw glitches, donks and dust devils by local hour."""
    rng = generator(seed, Draw.BURSTS)
    sols = (grid.end_ns - SOL_ZERO_NS) // SOL_NS - (grid.start_ns - SOL_ZERO_NS) // SOL_NS + 1
    hours = {"glitch": GLITCH_HOURS, "donk": DONK_HOURS, "dust_devil": DUST_DEVIL_HOURS}
    out = []
    for kind, rates in hours.items():
        for hour, rate in enumerate(rates):
            for _ in range(rng.poisson(factor * rate * sols)):
                time_ns = _time_at(rng, grid, hour)
                length_s, peak_m_s = transient_size(kind, rng)
                if grid.start_ns <= time_ns < grid.end_ns - seconds(length_s):
                    out.append(Transient((seed, len(out)), kind, time_ns, length_s, peak_m_s))
    return tuple(out)


def transient_size(kind: str, rng) -> tuple[float, float]:
    """Return length (s) and velocity (m/s); glitches follow N(>A) ~ A^-1.33 above 8e-9 m/s."""
    if kind == "glitch":
        return 25.0, 8e-9 * (1.0 - rng.random()) ** (-1.0 / 1.33)
    if kind == "donk":
        return rng.uniform(0.3, 2.0), 3e-9 * math.exp(0.8 * abs(rng.standard_normal()))
    return 6.0 * rng.uniform(10.0, 60.0), 10.0 ** rng.uniform(-9.0, -8.0)


def _quakes(seed, grid, number, low_share, faults) -> tuple[Marsquake, ...]:
    """Draw events that overlap neither each other nor a gap, in the order of time."""
    rng = generator(seed, Draw.EVENTS)
    taken = [(fault.start_ns, fault.end_ns) for fault in faults]
    margin_ns, out = seconds(MARGIN_S), []
    weights = np.array(EVENT_HOURS) / np.sum(EVENT_HOURS)
    for n in range(number):
        for _ in range(500):
            start_ns = _time_at(rng, grid, rng.choice(24, p=weights))
            quake = _quake(rng, (seed, n), start_ns, low_share)
            begin, end = start_ns - margin_ns, quake.end_ns + margin_ns
            inside = grid.start_ns <= begin and end <= grid.end_ns
            if inside and all(end < a or b < begin for a, b in taken):
                break
        else:
            raise ConfigError(
                f"{number} events do not fit into the quiet hours.", "Lower events_per_sol."
            )
        taken.append((start_ns, quake.end_ns))
        out.append(quake)
    return tuple(sorted(out, key=lambda quake: quake.start_ns))


def _with_cracks(seed, grid, number, quakes, faults) -> tuple[Marsquake, ...]:
    """Add super high frequency events, which last seconds; none in an event or a gap."""
    rng, out = generator(seed, Draw.CRACKS), list(quakes)
    taken = [(q.start_ns, q.end_ns) for q in quakes] + [(f.start_ns, f.end_ns) for f in faults]
    weights = np.array(SUPER_HOURS) / np.sum(SUPER_HOURS)
    for n in range(number):
        for _ in range(500):
            crack = draw_crack(
                rng, (seed, len(quakes) + n), _time_at(rng, grid, rng.choice(24, p=weights))
            )
            begin, end = crack.start_ns - seconds(60.0), crack.end_ns + seconds(60.0)
            inside = grid.start_ns <= begin and end <= grid.end_ns
            if inside and all(end < a or b < begin for a, b in taken):
                break
        else:
            raise ConfigError(
                f"{number} cracks do not fit into the evenings.", "Lower cracks_per_sol."
            )
        taken.append((crack.start_ns, crack.end_ns))
        out.append(crack)
    return tuple(sorted(out, key=lambda quake: quake.start_ns))


def draw_crack(rng: np.random.Generator, key: tuple[int, int], start_ns: int) -> Marsquake:
    """Draw a super high frequency event: a crack in the ground near the station."""
    decay_s = math.exp(rng.uniform(math.log(1.5), math.log(8.0)))
    snr = 3.0 * (1.0 - 0.9 * rng.random()) ** (-1.0 / 1.2)
    noise = band_rms(*SNR_BAND_HZ["super"], float(lmst_hours(start_ns)))
    return Marsquake(
        key=key,
        label=SUPER,
        start_ns=start_ns,
        end_ns=start_ns + seconds(decay_s * math.log(2.0 * snr)),
        first_ns=start_ns,
        second_ns=start_ns,
        origin_ns=start_ns,
        peak_m_s=snr * noise,
        ratio=1.0,
        decay_s=decay_s,
        distance_deg=0.0,
        back_azimuth_deg=float(rng.uniform(0.0, 360.0)),
        snr=float(snr),
    )


def _quake(rng, key, start_ns: int, low_share: float) -> Marsquake:
    """Draw class, distance, size and duration of an event that starts at an instant."""
    low = rng.random() < low_share
    label = str(rng.choice(LOW, p=LOW_SHARES) if low else rng.choice(HIGH, p=HIGH_SHARES))
    family = "low" if low else "high"
    distance_deg = float(rng.uniform(15.0, 60.0) if low else rng.triangular(13.0, 24.0, 38.0))
    first_s, second_s = travel_times(family, distance_deg)
    first_ns = start_ns + seconds(rng.uniform(0.0, 4.0))
    decay_s = float(rng.uniform(150.0, 300.0) if low else rng.uniform(150.0, 330.0))
    tail_s = decay_s * rng.uniform(2.0, 2.6)
    smallest, largest = (3.0, 40.0) if low else (1.5, 12.0)
    share = 1.0 - (smallest / largest) ** 1.2
    snr = float(smallest * (1.0 - share * rng.random()) ** (-1.0 / 1.2))
    noise = band_rms(*SNR_BAND_HZ[family], float(lmst_hours(start_ns)))
    return Marsquake(
        key=key,
        label=label,
        start_ns=start_ns,
        end_ns=first_ns + seconds(second_s - first_s + tail_s),
        first_ns=first_ns,
        second_ns=first_ns + seconds(second_s - first_s),
        origin_ns=first_ns - seconds(first_s),
        peak_m_s=snr * noise,
        ratio=float(rng.uniform(2.0, 5.0) if low else rng.uniform(1.5, 3.0)),
        decay_s=decay_s,
        distance_deg=distance_deg,
        back_azimuth_deg=float(rng.uniform(0.0, 360.0)),
        snr=snr,
    )
