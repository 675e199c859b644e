"""Four generated hours of InSight, U, V, W in counts, with what is planted in them."""

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

import numpy as np
from waveform_data import trace, write

from seisml.glitches import glitch
from seisml.synthetics.mars_events import marsquake_wave
from seisml.synthetics.mars_noise import SENSITIVITY, background, tick, to_uvw
from seisml.synthetics.mars_records import draw_quake
from seisml.times import DAY_NS, NS_PER_S, to_ns

RATE = 20
START_NS = to_ns("2021-06-02T20:00:00")
N = 4 * 3600 * RATE
GLITCHES = {1000.3: 5e-8, 3599.2: -8e-8, 9000.71: 3e-8}
"""Onset, s, to peak on U, m/s; V has half of it, W nothing."""
WINDY_S = 2 * 3600.0
"""From here on the wind blows."""
QUAKE_S = 4800.0
GAP = (120_010, 121_333)
"""Samples that V lacks."""
PASCAL = 0.6
"""Amplitude of the pressure at 0.2 Hz while the wind blows."""


@functools.cache
def parts() -> dict[str, np.ndarray]:
    """Return noise, tick, glitches and quake apart, each U, V, W in m/s."""
    first = START_NS * RATE // NS_PER_S

    def wind(time_ns):
        return np.where(np.asarray(time_ns) < START_NS + WINDY_S * NS_PER_S, 0.0, 1.0)

    day = START_NS // DAY_NS
    skip = (START_NS - day * DAY_NS) // NS_PER_S * RATE
    t = np.arange(N) / RATE
    pulse = sum(glitch(t - at, peak / 1.2505) for at, peak in GLITCHES.items())
    quake = draw_quake(np.random.default_rng(5), (7, 1), START_NS)
    wave = to_uvw(marsquake_wave(quake, 0.0, RATE))
    at, motion = round(QUAKE_S * RATE), np.zeros((3, N))
    wave = wave[:, : N - at]
    motion[:, at : at + wave.shape[1]] = wave * 2e-8 / np.abs(wave).max()
    return {
        "noise": to_uvw(background(3, first, first + N, RATE, wind)),
        "tick": np.tile(tick(3, day, skip + N, RATE)[skip:], (3, 1)),
        "glitches": np.outer([1.0, 0.5, 0.0], pulse),
        "quake": motion,
    }


@functools.cache
def mars_hours() -> Path:
    """Return a folder with the sum of `parts`, and pressure beside it at 2 Hz."""
    folder = Path(tempfile.mkdtemp(prefix="mars"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    counts = np.rint(sum(parts().values()) * np.array(SENSITIVITY)[:, np.newaxis] + 2000)
    for letter, x in zip("UVW", counts.astype(np.int32), strict=True):
        code = f"XB.ELYSE.02.BH{letter}"
        pieces = [(0, N)] if letter != "V" else [(0, GAP[0]), (GAP[1], N)]
        traces = [trace(x[a:b], START_NS + a * NS_PER_S // RATE, RATE, code) for a, b in pieces]
        write(folder / f"{code}.mseed", *traces)
    t = np.arange(0.0, N / RATE, 0.5)
    pascal = PASCAL * np.sin(2 * np.pi * 0.2 * t) * (t >= WINDY_S) + 730.0
    pascal += 0.003 * np.random.default_rng(0).standard_normal(len(t))
    samples = np.rint(1000 * pascal).astype(np.int32)
    write(folder / "p.mseed", trace(samples, START_NS, 2.0, "XB.ELYSE.02.MDO"))
    return folder
