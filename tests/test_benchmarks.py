"""The loop that the benchmarks compare with is an independent reference of the values too."""

import sys
from pathlib import Path

import numpy as np
import obspy
import pytest

from seisml.features import compute
from seisml.features.settings import Settings
from seisml.windows import WindowGrid

sys.path.insert(0, str(Path(__file__).parent / "benchmarks"))
import loop
import records

RATE_HZ = 20.0
BANDS_HZ = ((1, 2), (2, 4), (4, 8))
BLOCKS = (1500, 1501, 1777, 2222, 2900)
# Bends over the edge of a block are not counted; envelopes are of the middle of tapered frames.
TOLERANCE = {"hjorth_complexity": 0.01}
ELSEWHERE = {name for name in loop.FEATURES if name.startswith("env_")}


@pytest.fixture(scope="module")
def both():
    """Return features of some windows by seisml and by the loop."""
    x = records.day_of_samples(3, RATE_HZ)[: round(9000 * RATE_HZ)].astype(np.float64)
    x = (x - x.mean()).astype(np.float32)
    names = sorted(set(loop.FEATURES) - ELSEWHERE)
    table = compute(
        x, RATE_HZ, length_s=30.0, hop_s=3.0, names=names, bands_hz=BANDS_HZ, band_hz=(1.0, 8.0)
    )
    settings = Settings(WindowGrid(30.0, 3.0), (1.0, 8.0), BANDS_HZ)
    memory = loop.remember(x.astype(np.float64), RATE_HZ, settings)
    ordered = list(dict.fromkeys(column.partition("[")[0] for column in table.columns))
    rows = [loop.one_window(x, block, RATE_HZ, settings, memory, ordered) for block in BLOCKS]
    return table.iloc[list(BLOCKS)], np.array(rows)


def test_every_feature_is_that_of_the_loop(both):
    """Batches of overlapping windows give what each window gives by itself."""
    table, rows = both
    assert rows.shape == table.shape
    for column, mine, theirs in zip(table.columns, table.to_numpy().T, rows.T, strict=True):
        rtol = TOLERANCE.get(column, 1e-4)
        np.testing.assert_allclose(mine, theirs, rtol=rtol, atol=1e-5, err_msg=column)


def test_days_follow_without_a_break(tmp_path):
    """The days that are written again and again for the benchmarks are one record."""
    samples = {"HHZ": np.resize(np.arange(1000, dtype=np.int32) ** 2 % 777, 86_400)}
    folder = records.write_days(tmp_path, samples, 2, rate_hz=1.0)
    first, second = sorted(obspy.read(folder / "*.mseed"), key=lambda t: t.stats.starttime)
    assert first.stats.npts == second.stats.npts == 86_400
    assert second.stats.starttime - first.stats.endtime == pytest.approx(1.0)
    np.testing.assert_array_equal(first.data, second.data)
