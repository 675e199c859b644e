"""The course's own functions and data: they agree with seisml, stay small, and need little."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from seisml.classroom import data, features, sensors, series
from seisml.classroom.lessons import numbers
from seisml.classroom.notebooks import read_source, sources, tag_of
from seisml.features import compute

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
RATE_HZ = 20.0


@pytest.fixture(scope="module")
def record() -> np.ndarray:
    """Two minutes of noise with a sudden, slowly decaying tone, zero mean in each half minute."""
    rng = np.random.default_rng(3)
    t = np.arange(2400) / RATE_HZ
    x = rng.standard_normal(2400) + 8 * (t > 50) * np.exp(-(t - 50) / 10) * np.sin(
        2 * np.pi * 3 * t
    )
    return (x.reshape(4, 600) - x.reshape(4, 600).mean(axis=1, keepdims=True)).ravel()


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("rms", features.rms),
        ("kurtosis", features.kurtosis),
        ("skewness", features.skewness),
        ("crest", features.crest),
        ("zero_crossing_rate", lambda x: features.zero_crossing_rate(x, RATE_HZ)),
    ],
)
def test_the_short_functions_agree_with_seisml(record, name, function):
    """What students read is what seisml computes, window by window."""
    mine = function(features.windows(record, RATE_HZ, length_s=30, hop_s=30))
    theirs = compute(record, RATE_HZ, length_s=30, hop_s=30, names=[name])[name]
    np.testing.assert_allclose(mine, theirs, rtol=0.02)


def test_spectral_functions_on_known_spectra():
    """A sine has its own frequency and no width; white noise fills the band evenly."""
    t = np.arange(2000) / RATE_HZ
    f, p = features.power_spectrum(5 * np.sin(2 * np.pi * 3 * t), RATE_HZ)
    assert features.centroid(f, p) == pytest.approx(3, abs=0.01)
    assert features.bandwidth(f, p) < 0.1
    assert features.band_energy(f, p, 2, 4) == pytest.approx(12.5, rel=0.01)
    f, p = features.power_spectrum(np.random.default_rng(0).standard_normal((50, 2000)), RATE_HZ)
    assert features.centroid(f, p).mean() == pytest.approx(5, abs=0.1)
    assert features.bandwidth(f, p).mean() == pytest.approx(10 / 12**0.5, abs=0.1)
    assert features.spectral_entropy(p).min() > 0.9


def test_feature_functions_need_numpy_alone():
    """Students import them where nothing else is installed."""
    code = (
        "import sys\nfrom seisml.classroom import features, sensors, series\n"
        "print(*{m.split('.')[0] for m in sys.modules})"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    assert "numpy" in loaded
    assert not loaded & {"scipy", "pandas", "obspy", "sklearn", "matplotlib", "h5py"}


def test_the_sensor_obeys_its_law():
    """Without noise of measurement the reading follows gain, growth, saturation and offset."""
    found = sensors.colocation("winter", n_days=60)
    growth = 1 + sensors.GROWTH * found["humidity"] / (1 - found["humidity"])
    dust = found["reference"]
    gain = 3 * (1 - 0.0006 * found["time_d"])
    expected = gain * dust * growth / (1 + dust / 250) + 12 + 0.12 * (found["temperature"] - 19)
    error = (found["reading"] - expected) / expected
    assert abs(np.median(error)) < 0.01
    assert np.std(error) < 0.12
    assert sensors.colocation("summer")["humidity"].mean() < found["humidity"].mean()
    with pytest.raises(ValueError, match="choose from summer, winter"):
        sensors.colocation("autumn")


def test_shuffled_phases_keep_the_spectrum_and_lose_the_event():
    """Same power at every frequency; the kurtosis of an event falls to that of noise."""
    quakes = series.family("earthquake", 20)
    rng = np.random.default_rng(0)
    shuffled = np.array([series.shuffled_phases(x, rng) for x in quakes])
    assert features.kurtosis(quakes).min() > 10
    assert features.kurtosis(shuffled).max() < 5
    assert (
        sum(
            np.array_equal(x, series.family("earthquake", 1, seed=7)[0])
            for x in series.puzzle().values()
        )
        == 1
    )


def test_records_are_made_once_and_stay_small(tmp_path, monkeypatch):
    """All the data of the course are below 30 MB, and a second call makes nothing."""
    monkeypatch.setenv("SEISML_CACHE", str(tmp_path))
    folders = [data.earth_records(), data.mars_records()]
    size = sum(p.stat().st_size for p in tmp_path.rglob("*") if p.is_file())
    assert size < 30e6
    stamp = (folders[0] / "expert.csv").stat().st_mtime_ns
    assert data.earth_records() == folders[0]
    assert (folders[0] / "expert.csv").stat().st_mtime_ns == stamp
    assert len(data.read_onsets(folders[0] / "truth.csv")) > len(
        data.read_onsets(folders[0] / "expert.csv")
    )
    assert data.read_mars(folders[1] / "expert.csv").body == "mars"
    assert not list(tmp_path.glob("classroom/.*"))


def test_real_records_where_the_teacher_names_them(tmp_path, monkeypatch):
    """An environment variable, or shared/data above the working folder; else none."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(data.REAL, raising=False)
    assert data.real_folder() is None
    (tmp_path / "shared/data").mkdir(parents=True)
    (tmp_path / "course").mkdir()
    monkeypatch.chdir(tmp_path / "course")
    assert data.real_folder() == tmp_path / "shared/data"
    monkeypatch.setenv(data.REAL, str(tmp_path / "none"))
    assert data.real_folder() is None


@pytest.mark.parametrize("path", sources(NOTEBOOKS), ids=lambda p: p.stem)
def test_every_notebook_is_a_lesson(path):
    """Goals and time at the start, questions and references with DOI at the end, tasks between."""
    cells = read_source(path).cells
    assert "**Time:**" in cells[0].source
    assert "**You learn**" in cells[0].source
    end = cells[-1].source
    assert "## Questions" in end
    assert "## References" in end
    assert "https://doi.org/10." in end
    tags = [tag_of(cell) for cell in cells]
    assert tags.count("check") >= 3
    assert tags.count("wrong") >= tags.count("check")
    assert max(len(c.source.splitlines()) for c in cells if c.cell_type == "code") <= 45


def test_the_lessons_hold_for_other_seeds():
    """Whatever the seed: features tell families apart, physics extrapolates, reuse flatters."""
    for seed in (1, 2):
        found = numbers(seed, splits=False)
        assert found["0: unseen series named right, of 200"] > 180
        assert abs(found["1: κ"] - sensors.GROWTH) < 0.11
        line, physics = (
            found[f"1: winter error of the {name} (µg/m³)"] for name in ("line", "physical model")
        )
        assert physics < 0.6 * line
        assert found["6: 'precision' with reuse, 20 min"] > 0.75
        assert found["6: precision one-to-one, 20 min"] < 0.35
        before, storm = (found[f"6: b {when} the storm, Mc 1.2"] for when in ("before", "in"))
        assert before - storm > 0.25
        before, storm = (found[f"6: b {when} the storm, Mc 1.7"] for when in ("before", "in"))
        assert abs(before - storm) < 0.3
