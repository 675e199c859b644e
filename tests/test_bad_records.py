"""Records of InSight as they come: each works with what is there, or says what is missing."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from command_line import seisml
from inventory_data import channel, inventory, sensitivity_only
from mars_hours import QUAKE_S, RATE, START_NS, parts
from scipy.signal import resample_poly
from waveform_data import trace, write

from seisml.archive import open_archive
from seisml.config import load_profile
from seisml.extract import extract
from seisml.metadata import read_metadata
from seisml.settings import plan_of
from seisml.shards import read_shard
from seisml.store import read_table
from seisml.synthetics.mars_noise import AZIMUTH_DEG, DIP_DEG, SENSITIVITY
from seisml.times import NS_PER_S, to_ns

N = 2 * 3600 * RATE
COUNTS = np.array(SENSITIVITY)[:, np.newaxis]
UVW = ("02.BHU", "02.BHV", "02.BHW")
PRINTED = "1 detections; 141 windows with features at 1 stations"


def record(folder, rows, codes=UVW, *, rate_hz=20.0, start_ns=START_NS, late_s=(0, 0, 0)):
    """Write one file a channel and return the folder."""
    for x, code, by_s in zip(rows, codes, late_s, strict=False):
        path = folder / f"{code}.mseed"
        first_ns = start_ns + round(by_s * NS_PER_S)
        write(path, trace(np.asarray(x, np.float32), first_ns, rate_hz, f"XB.ELYSE.{code}"))
    return folder


def uvw() -> np.ndarray:
    """Return two hours of U, V, W in counts, with one clear marsquake of the HF family."""
    return sum(parts().values())[:, :N] * COUNTS


def slower(by: int) -> np.ndarray:
    return resample_poly(uvw(), 1, by, axis=1)


def detected(archive, *options):
    """Detect with the shipped model; return the run and its detections."""
    out = archive.parent / f"{archive.name}.csv"
    run = seisml("detect", archive, "--model", "mars-insight", "-o", out, *options)
    return run, pd.read_csv(out) if out.exists() else None


def assert_found(table, start_ns=START_NS, within_s=30.0):
    onset_ns = [to_ns(text) for text in table["time"]]
    assert len(onset_ns) == 1
    assert abs(onset_ns[0] - start_ns - QUAKE_S * NS_PER_S) < within_s * NS_PER_S


@pytest.mark.parametrize("n", [0, 2])
def test_one_component_is_enough(tmp_path, n):
    run, table = detected(record(tmp_path / "one", uvw()[n : n + 1], UVW[n : n + 1]))
    assert run.returncode == 0
    assert run.stderr.strip() == PRINTED
    assert_found(table)


def test_metres_a_second_are_as_good_as_counts(tmp_path):
    run, table = detected(record(tmp_path / "velocity", uvw() / COUNTS))
    assert run.returncode == 0
    assert run.stderr.strip() == PRINTED
    assert_found(table)


def test_components_that_start_seconds_apart(tmp_path):
    """3.013 and 18.027 s later, off the grid: found, and no other window is lost."""
    x, late_s = uvw(), (0.0, 3.013, 18.027)
    rows = [one[round(by_s * RATE) :] for one, by_s in zip(x, late_s, strict=True)]
    run, table = detected(record(tmp_path / "apart", rows, late_s=late_s))
    assert run.returncode == 0
    assert run.stderr.strip() == PRINTED
    assert_found(table)


def test_ten_samples_a_second_say_which_bands_are_not_there(tmp_path):
    codes = ("03.BHU", "03.BHV", "03.BHW")
    run, table = detected(record(tmp_path / "ten", slower(2), codes, rate_hz=10.0))
    assert run.returncode == 0
    said, printed = run.stderr.strip().splitlines()
    assert said.startswith("3 bands of features, a channel and day each, lie above 0.8 of Nyquist")
    assert printed == PRINTED
    assert_found(table)


def test_two_samples_a_second_say_that_nothing_above_a_hertz_is_seen(tmp_path):
    """What the marsquake has below a hertz is enough; which family it is cannot be told."""
    codes = ("02.MHU", "02.MHV", "02.MHW")
    run, table = detected(record(tmp_path / "two", slower(10), codes, rate_hz=2.0))
    assert run.returncode == 0
    said, printed = run.stderr.strip().splitlines()
    assert "12 bands" in said
    assert "above 0.8 of Nyquist and are unknown: what is only there is not seen" in said
    assert printed == PRINTED
    assert_found(table)


def test_times_outside_the_mission_are_said_once(tmp_path):
    """Detected all the same; extraction says it too."""
    start_ns = to_ns("2012-08-06T05:00:00")
    archive = record(tmp_path / "early", uvw()[:1], start_ns=start_ns)
    note = "XB.ELYSE: Sol -2242 is not of the mission: InSight recorded from sol 0 to 1446."
    run, table = detected(archive)
    assert run.stderr.strip().splitlines() == [note, PRINTED]
    assert_found(table, start_ns)
    run = seisml("extract", archive, "-o", tmp_path / "store", "-p", "mars-insight")
    assert run.stderr.strip() == note
    assert run.returncode == 0


@pytest.mark.parametrize(
    ("x", "said"),
    [
        (np.full(N, 700.0), "(fill_samples 144000)"),
        (np.arange(3000.0) % 7, "(records shorter than a window)"),
    ],
)
def test_records_without_anything_are_an_error_that_says_why(tmp_path, x, said):
    run, _ = detected(record(tmp_path / "none", [x]))
    assert run.returncode == 1
    first, problem, advice = run.stderr.strip().splitlines()
    assert first == f"no features: XB.ELYSE.02.BH 2021-06-02 {said}"
    assert problem.startswith("error: No window")
    assert advice.startswith("help:  See 'seisml scan'")


# Metadata with holes

NAMES = ("rms", "rectilinearity", "incidence")


def metadata_of(folder, letters="UVW", **options):
    """Return metadata of U, V, W: two epochs, before and after the records."""
    spans = (("2019-03-01", "2021-06-02T19:00:00"), ("2021-06-03T01:00:00", None))
    epochs = [
        channel(
            f"BH{letter}",
            sensitivity_only(SENSITIVITY["UVW".index(letter)]),
            location="02",
            azimuth=AZIMUTH_DEG["UVW".index(letter)],
            dip=DIP_DEG["UVW".index(letter)],
            start=start,
            end=end,
            **options,
        )
        for letter in letters
        for start, end in spans
    ]
    path = folder / "station.xml"
    inventory(*epochs, station="XB.ELYSE").write(str(path), format="STATIONXML")
    return read_metadata(path)


def extracted(folder, known, store):
    plan = plan_of(load_profile("mars-insight"), metadata=known)
    units = "counts" if known is None else "sensitivity"
    plan = dataclasses.replace(plan, names=NAMES, units=units)
    [outcome] = extract(open_archive(str(folder), index=False), store, plan)
    [path] = store.rglob("*.h5")
    return read_shard(path), outcome.counts


def test_a_hole_of_the_metadata_takes_the_nearest_epoch_and_counts_it(tmp_path):
    archive = record(tmp_path / "records", uvw())
    shard, counts = extracted(archive, metadata_of(tmp_path), tmp_path / "store")
    assert counts["samples_of_nearest_epoch"] == 3 * N
    assert np.isfinite(shard.X).any(axis=0).all()
    rms = shard.X[:, shard.columns.index("rms.U")]
    assert 1e-10 < np.nanmedian(rms) < 1e-7


def test_unknown_direction_and_unknown_channel_leave_the_rest(tmp_path):
    """Without metadata three components have no direction; without those of W it is left out."""
    archive = record(tmp_path / "records", uvw())
    shard, counts = extracted(archive, None, tmp_path / "a")
    assert counts["days_without_orientation"] == 1
    known = [name for name, x in zip(shard.columns, shard.X.T, strict=True) if np.isfinite(x).any()]
    assert known == ["rms.U", "rms.V", "rms.W"]
    shard, counts = extracted(archive, metadata_of(tmp_path, "UV"), tmp_path / "b")
    assert counts["samples_without_metadata"] == N
    known = [name for name, x in zip(shard.columns, shard.X.T, strict=True) if np.isfinite(x).any()]
    assert known == ["rms.U", "rms.V"]


# Real records


@pytest.mark.real
def test_real_marsquake_at_two_samples_a_second(shared_data, tmp_path):
    """S0173a in the records of 2 Hz: found, and said which bands are not there."""
    folder = tmp_path / "s0173a"
    folder.mkdir()
    [path] = (shared_data / "mars_deglitched" / "S0173a").glob("*IPGP_v1.mseed")
    (folder / path.name).write_bytes(path.read_bytes())
    run, table = detected(folder)
    assert run.returncode == 0
    assert "above 0.8 of Nyquist" in run.stderr
    onset_ns = np.array([to_ns(text) for text in table["time"]])
    end_ns = np.array([to_ns(text) for text in table["end_time"]])
    hit = (onset_ns < to_ns("2019-05-23T03:00:23")) & (end_ns > to_ns("2019-05-23T02:22:48"))
    assert hit.any()
    assert (~hit).sum() <= 1


@pytest.mark.real
@pytest.mark.parametrize("event", ["S0105a", "S0173a"])
def test_real_components_that_start_apart_in_overlapping_pieces(shared_data, tmp_path, event):
    """Overlaps are counted as identical, and Z, N, E are known in all whole windows."""
    known = read_metadata(shared_data / "mars_insight" / "inventory_VBB.xml")
    [path] = (shared_data / "mars_deglitched" / event).glob("*MPS_v1.mseed")
    plan = plan_of(load_profile("mars-insight"), metadata=known)
    plan = dataclasses.replace(plan, names=NAMES, units="sensitivity")
    outcomes = extract(open_archive(str(path), index=False), tmp_path, plan)
    counts = sum(outcome.counts["overlap_identical"] for outcome in outcomes)
    overlap_s = {"S0105a": 104, "S0173a": 52}[event]
    assert counts == pytest.approx(3 * overlap_s * 20, abs=60)
    table = read_table(tmp_path)
    whole = table.coverage >= 1 - 1e-6
    assert whole.sum() > 60
    assert table.frame[whole][["rectilinearity.3C", "incidence.3C"]].notna().mean().min() > 0.95
