"""Records of InSight under all conditions, for pretraining: wind, glitches, modes, shapes vary."""

import math
from pathlib import Path

import numpy as np

from seisml.synthetics.mars_events import HIGH, LOW, Marsquake, marsquake_wave, travel_times
from seisml.synthetics.mars_noise import (
    LANDER_MODES,
    LEVEL_HZ,
    SENSITIVITY,
    Climate,
    background,
    lmst_hours,
    tick,
    to_uvw,
    wind_series,
)
from seisml.synthetics.mars_plan import (
    DONK_HOURS,
    DUST_DEVIL_HOURS,
    GLITCH_HOURS,
    GUST_STEP_S,
    draw_crack,
    transient_size,
)
from seisml.synthetics.mars_transients import transient_wave
from seisml.synthetics.records import (
    Sighting,
    band_levels,
    draw_shape,
    sighting,
    write_record,
)
from seisml.times import DAY_NS, NS_PER_S

RATE_HZ = 20
VISIBLE_HZ = {"high": (2.1, 2.7), "low": (0.25, 0.8)}
LENGTHS_S = ((0.4, 3600.0, 3600.0), (0.3, 3600.0, 6000.0), (0.3, 10_000.0, 30_000.0))
RATES_HZ = ((0.78, 20.0), (0.16, 10.0), (0.06, 2.0))
CHANNELS = ((0.5, (0, 1, 2)), (0.15, (0,)), (0.15, (1,)), (0.1, (2,)), (0.1, (0, 1)))
LOCATIONS = {20.0: ("02", "BH"), 10.0: ("03", "BH"), 2.0: ("02", "MH")}
EVENTS_PER_HOUR = 0.55
DEGLITCHED = 0.35  # somebody took the glitches off, and left their spikes
TRAINS, TRAIN_S = 0.25, 2160.0  # of glitches, one after the other; 36 min in the median
CRACKED, CRACKS_PER_HOUR = 0.25, 4.0
FAMILIES = {"high": "HF family", "low": "LF family"}


def draw_climate(rng: np.random.Generator) -> Climate:
    """Draw noise conditions far wider than those of one sol."""
    n = 1 + len(LANDER_MODES)
    slow = rng.normal(0.0, 3.0) + np.cumsum(rng.normal(0.0, 1.5, len(LEVEL_HZ)))
    return Climate(
        level_db=tuple(slow),
        wind=float(rng.uniform(0.3, 1.3)),
        still=float(max(0.0, rng.normal(0.0, 0.15))),
        gust=float(np.exp(rng.normal(0.2, 0.5))),
        gust_s=float(np.exp(rng.uniform(math.log(40.0), math.log(600.0)))),
        tick=float(rng.choice([0.0, 1.0, 1.0, rng.uniform(0.3, 2.0)])),
        mode_shift=(1.0, *(1.0 + rng.normal(0.0, 0.03, n - 1))),
        mode_db=tuple(rng.normal(0.0, 4.0, n)),
    )


def mars_record(folder: Path, n: int, start_ns: int, rng: np.random.Generator) -> list[Sighting]:
    """Write one record of InSight and say what is in it.

    Parameters
    ----------
    folder : pathlib.Path
    n : int
        Its number.
    start_ns : int
    rng : numpy.random.Generator

    Returns
    -------
    list of Sighting
        Of the families "HF family" and "LF family".
    """
    shape = draw_shape(rng, start_ns, lengths_s=LENGTHS_S, rates_hz=RATES_HZ, channels=CHANNELS)
    key = int(rng.integers(2**31))
    noise = _noise(key, shape, draw_climate(rng), rng)
    _add_transients(noise, shape, rng)
    bands = {family: band for family, band in VISIBLE_HZ.items() if band[1] < 0.45 * shape.rate_hz}
    chosen = list(shape.channels)
    levels = {f: band_levels(noise[chosen], band, RATE_HZ) for f, band in bands.items()}
    total, found = noise.copy(), []
    _add_cracks(total, shape, key, rng)
    for number, onset_s in enumerate(_onsets(shape.length_s, rng)):
        quake = draw_quake(rng, (key, number), start_ns + round(onset_s * NS_PER_S))
        if quake.family not in bands:
            continue
        wave = _quake_uvw(quake, onset_s, noise.shape[1])
        alone = band_levels(wave[chosen], bands[quake.family], RATE_HZ)
        at = slice(int(onset_s / 20.0), int(onset_s / 20.0) + 60)
        gain = quake.snr * np.median(levels[quake.family][at]) / max(alone.max(), 1e-30)
        total += gain * wave
        last_s = min(onset_s + quake.length_s, shape.length_s)
        found.append(
            sighting(
                FAMILIES[quake.family],
                gain * alone,
                levels[quake.family],
                onset_s,
                last_s,
                start_ns,
            )
        )
    location, codes = LOCATIONS[shape.rate_hz]
    names = [codes + letter for letter in "UVW"]
    counts = total * np.array(SENSITIVITY)[:, None] + rng.normal(0.0, 1500.0, (3, 1))
    path = folder / f"XB.ELYSE.{location}.{n:05d}.mseed"
    write_record(path, f"XB.ELYSE.{location}", names, counts, shape, RATE_HZ)
    return found


def draw_quake(rng: np.random.Generator, key: tuple[int, int], first_ns: int) -> Marsquake:
    """Draw a marsquake of any family, distance, spectrum and size."""
    family = "low" if rng.random() < 0.6 else "high"
    label = str(rng.choice(LOW if family == "low" else HIGH))
    distance_deg = float(rng.uniform(8.0, 90.0) if family == "low" else rng.uniform(5.0, 40.0))
    first_s, second_s = travel_times(family, distance_deg)
    decay_s = float(np.exp(rng.uniform(math.log(100.0), math.log(450.0))))
    return Marsquake(
        key=key,
        label=label,
        start_ns=first_ns,
        end_ns=first_ns + round((second_s - first_s + 2.3 * decay_s) * NS_PER_S),
        first_ns=first_ns,
        second_ns=first_ns + round((second_s - first_s) * NS_PER_S),
        origin_ns=first_ns - round(first_s * NS_PER_S),
        peak_m_s=1.0,
        ratio=float(np.exp(rng.uniform(0.0, math.log(8.0)))),
        decay_s=decay_s,
        distance_deg=distance_deg,
        back_azimuth_deg=float(rng.uniform(0.0, 360.0)),
        snr=float(np.exp(rng.uniform(math.log(1.2), math.log(60.0)))),
        corner=float(np.exp(rng.normal(0.0, 0.3))),
        ground=float(np.exp(rng.normal(0.0, 1.0))),
    )


def _onsets(length_s: float, rng: np.random.Generator) -> list[float]:
    """Draw onsets of events, none in the first four minutes, half an hour or more apart."""
    out: list[float] = []
    for _ in range(rng.poisson(EVENTS_PER_HOUR * length_s / 3600.0) or rng.integers(0, 2)):
        onset_s = float(rng.uniform(240.0, length_s - 300.0))
        if all(abs(onset_s - other) > 2400.0 for other in out):
            out.append(onset_s)
    return sorted(out)


def _noise(key: int, shape, climate: Climate, rng) -> np.ndarray:
    """Return U, V, W of background and tick in m/s."""
    n = round(shape.length_s * RATE_HZ)
    first = shape.start_ns * RATE_HZ // NS_PER_S
    steps_ns = shape.start_ns + np.arange(int(shape.length_s / GUST_STEP_S) + 2) * round(
        GUST_STEP_S * NS_PER_S
    )
    series = wind_series(steps_ns, GUST_STEP_S, rng, climate)

    def wind(time_ns) -> np.ndarray:
        return np.interp(time_ns, steps_ns, series)

    uvw = to_uvw(background(key, first, first + n, RATE_HZ, wind, climate))
    wave = tick(key, shape.start_ns // DAY_NS, n, RATE_HZ)
    return uvw + climate.tick * wave


def _quake_uvw(quake: Marsquake, onset_s: float, n: int) -> np.ndarray:
    """Return U, V, W of an event in a record of n samples."""
    first = math.ceil(onset_s * RATE_HZ)
    wave = to_uvw(marsquake_wave(quake, first / RATE_HZ - onset_s, RATE_HZ))[:, : n - first]
    out = np.zeros((3, n))
    out[:, first : first + wave.shape[1]] = wave
    return out


def _add_transients(uvw: np.ndarray, shape, rng: np.random.Generator) -> None:
    """Add glitches, donks and dust devils by local hour, in place."""
    hours = {"glitch": GLITCH_HOURS, "donk": DONK_HOURS, "dust_devil": DUST_DEVIL_HOURS}
    hour = int(lmst_hours(shape.start_ns + round(0.5e9 * shape.length_s)))
    glitches = {"spiked": rng.uniform(0.1, 0.9), "removed": bool(rng.random() < DEGLITCHED)}
    for kind, rates in hours.items():
        rate = np.exp(rng.normal(0.0, 0.7)) * (0.7 * rates[hour] + 2.0)
        starts_s = rng.uniform(0.0, shape.length_s, rng.poisson(rate * shape.length_s / 3600.0))
        if kind == "glitch":
            starts_s = np.append(starts_s, _train(shape.length_s, rng))
        for start_s in starts_s:
            length_s, peak_m_s = transient_size(kind, rng)
            size, offset_s = max(4, round(length_s * RATE_HZ)), rng.random() / RATE_HZ
            wave = transient_wave(kind, size, offset_s, RATE_HZ, peak_m_s, rng, **glitches)
            first = int(start_s * RATE_HZ)
            part = wave[:, : uvw.shape[1] - first]
            uvw[:, first : first + part.shape[1]] += part


def _train(length_s: float, rng: np.random.Generator) -> np.ndarray:
    """Return the starts of a train of glitches, which one record in four has, s."""
    if rng.random() > TRAINS:
        return np.zeros(0)
    begin_s, last_s = rng.uniform(-0.5 * TRAIN_S, length_s), TRAIN_S * np.exp(rng.normal(0.0, 0.5))
    n = rng.poisson(rng.uniform(10.0, 60.0) * last_s / 3600.0)
    starts_s = begin_s + rng.uniform(0.0, last_s, n)
    return starts_s[(starts_s >= 0.0) & (starts_s < length_s)]


def _add_cracks(uvw: np.ndarray, shape, key: int, rng: np.random.Generator) -> None:
    """Add super high frequency events, which are no marsquakes, in place; one record in four."""
    if rng.random() > CRACKED:
        return
    for n in range(1 + rng.poisson(CRACKS_PER_HOUR * shape.length_s / 3600.0)):
        crack = draw_crack(rng, (key, 1000 + n), shape.start_ns)
        onset_s = float(rng.uniform(0.0, shape.length_s - 60.0))
        uvw += _quake_uvw(crack, onset_s, uvw.shape[1])
