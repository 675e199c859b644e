"""Signal-to-noise ratios of an expert's events, found or missed, against planted ones."""

import dataclasses

import numpy as np
import obspy
import pandas as pd
import pytest
from planted_archive import RATE_HZ, START_NS
from planted_training import planted_training
from scipy.signal import sosfreqz
from typer.testing import CliRunner

from seisml.applied import apply_model
from seisml.archive import open_archive
from seisml.catalog import make_catalog
from seisml.cli import app
from seisml.compare import compare
from seisml.completeness import completeness
from seisml.cuts import sensors_of
from seisml.eventsnr import event_snr, with_snr
from seisml.extract import extract
from seisml.formats import write_catalog
from seisml.labels import signals
from seisml.page import Block
from seisml.picker import pick_bands
from seisml.report.snr import snr_blocks
from seisml.summaries import by, recall_over
from seisml.thresholds import MatchRule
from seisml.trainingset import TrainingSet

LEVELS_DB = (-12.0, -3.0, 3.0, 9.0, 15.0, 24.0)
"""Of 5 s of tone over the noise in an octave about it."""
N_EACH, SPACING_S, LENGTH_S, TONE_HZ = 8, 60.0, 5.0, 10.0
OCTAVE = TONE_HZ / np.sqrt(2) / (RATE_HZ / 2)
"""Share of the power of white noise that is in the octave."""


@pytest.fixture(scope="module")
def graded(tmp_path_factory) -> tuple[object, pd.DataFrame]:
    """An hour of white noise with tones of known strength, in random order."""
    rng = np.random.default_rng(7)
    level_db = rng.permutation(np.repeat(LEVELS_DB, N_EACH))
    starts_s = 300.0 + SPACING_S * np.arange(len(level_db)) + rng.uniform(0, 20, len(level_db))
    x = rng.standard_normal(round((starts_s[-1] + 300) * RATE_HZ))
    t = np.arange(round(LENGTH_S * RATE_HZ)) / RATE_HZ
    for db, start_s in zip(level_db, starts_s, strict=True):
        at = round(start_s * RATE_HZ)
        size = np.sqrt(2 * OCTAVE * 10 ** (db / 10))
        x[at : at + len(t)] += size * np.sin(2 * np.pi * TONE_HZ * t)
    time_ns = START_NS + np.round(starts_s * 1e9).astype(np.int64)
    events = pd.DataFrame({"time_ns": time_ns, "end_ns": time_ns + round(LENGTH_S * 1e9)})
    events["event_id"] = [f"e{k}" for k in range(len(events))]
    events["station"], events["level_db"] = "XX.C", level_db
    folder = tmp_path_factory.mktemp("graded")
    header = {"network": "XX", "station": "C", "channel": "HHZ", "sampling_rate": RATE_HZ}
    header["starttime"] = obspy.UTCDateTime(ns=START_NS)
    data = np.round(1000 * x).astype(np.int32)
    obspy.Stream([obspy.Trace(data, header)]).write(folder / "c.mseed", format="MSEED")
    return open_archive(str(folder)), events


def test_planted_ratios_are_measured(graded):
    """Signal plus noise over noise, in the best band; noise alone is a few dB above 0."""
    archive, events = graded
    band = planted_training().plan.band
    events = events.assign(uncertainty_s=0.0)
    found = event_snr(archive, events, band=band, noise_s=6.0)
    size = 2 * OCTAVE * 10 ** (events["level_db"].to_numpy() / 10)
    wanted = np.full(len(events), -np.inf)
    for one in pick_bands(band, RATE_HZ):  # tone and noise behind each filter, in closed form
        _, gain = sosfreqz(one.sections(RATE_HZ), 4096, fs=RATE_HZ)
        _, tone = sosfreqz(one.sections(RATE_HZ), [TONE_HZ], fs=RATE_HZ)
        ratio = 1 + size / 2 * np.abs(tone) ** 2 / np.mean(np.abs(gain) ** 2)
        wanted = np.maximum(wanted, 10 * np.log10(ratio))
    strong = events["level_db"] >= 9
    assert np.abs(found - wanted)[strong].max() < 2.0
    assert abs(np.median((found - wanted)[strong])) < 0.5
    assert 0 < np.median(found[events["level_db"] == -12]) < 4
    # An onset that comes late is no noise where its uncertainty is known.
    late = events.assign(time_ns=events["time_ns"] + 2 * 10**9, uncertainty_s=2.0)
    again = event_snr(archive, late, band=band, noise_s=6.0)
    np.testing.assert_allclose(again[strong], found[strong], atol=1e-6)


def test_what_was_not_recorded_has_no_ratio(graded):
    """Another station, a time without a record, and the first instant of the record."""
    archive, events = graded
    odd = events.iloc[:3].copy()
    odd.loc[0, "station"] = "XX.D"
    odd.loc[1, "time_ns"] -= 10**18
    odd.loc[1, "end_ns"] -= 10**18
    odd.loc[2, "time_ns"] = START_NS
    odd.loc[2, "end_ns"] = START_NS + 10**10
    assert np.isnan(event_snr(archive, odd, band=planted_training().plan.band, noise_s=6.0)).all()
    assert sensors_of(archive, odd).tolist() == ["", "", "XX.C..HH"]


def test_recall_falls_with_the_ratio(graded, tmp_path):
    """A detector finds the strong events and not the weak; the missed have a ratio, too."""
    archive, events = graded
    trained = planted_training()
    extract(archive, tmp_path / "features", trained.plan)
    expert = make_catalog(events, time_basis="label_start")
    rule = trained.one.label_rule
    table = signals(expert, ["XX.C"], rule)
    one = TrainingSet((str(tmp_path / "features"),), table, expert, rule, archive=archive)
    detector = trained.training.detector
    found = apply_model([one], detector, rule=trained.rule, matching=MatchRule(3.0)).training
    options = {"band": trained.plan.band, "noise_s": 6.0}
    tests = {
        "seisml": with_snr(found.test, archive, **options),
        "STA/LTA": with_snr(found.baseline, archive, **options),
    }
    assert tests["seisml"].missed["snr_db"].notna().all()
    assert len(tests["seisml"].missed) >= 8
    table = recall_over(tests, "snr_db")
    for name, mine in table.groupby("detector"):
        assert mine["snr_db"].is_monotonic_increasing
        assert mine["recall"].iloc[0] < 0.5, name
        assert mine["recall"].iloc[-1] > 0.9, name
        assert mine["n_expert"].sum() == len(events)
        assert ((mine["low"] <= mine["recall"]) & (mine["recall"] <= mine["high"])).all()
    curve = completeness(tests["seisml"], column="snr_db")
    assert 1 < curve.half < 12
    assert curve.scale > 0
    (block,) = snr_blocks(tests)
    assert isinstance(block, Block)
    assert "half are found at" in block.texts[0]
    assert block.tables[0].head[2:] == ["recall of seisml", "recall of STA/LTA"]
    assert len(block.pictures) == 1
    upside_down = tests["seisml"].expert.assign(snr_db=-tests["seisml"].expert["snr_db"])
    (block,) = snr_blocks({"seisml": dataclasses.replace(tests["seisml"], expert=upside_down)})
    assert "half are found" not in block.texts[0]
    assert "recall does not rise with the ratio" in block.texts[0]
    assert snr_blocks({"seisml": found.test}) == []


def bins(snr_db) -> list[tuple[str, int]]:
    events = pd.DataFrame({"time_ns": np.arange(len(snr_db)) * 10**9, "snr_db": snr_db})
    same = make_catalog(events)
    table = by(compare(same, same, tolerance_s=0.1), "snr_db")
    return list(zip(table["snr_db"], table["n_expert"], strict=True))


def test_bins_are_wider_where_ratios_span_more():
    """Steps of 3 dB up to 18 dB, else of 6 dB; few at the ends are joined to their neighbours."""
    some = np.repeat([1.0, 4.0, 7.5], 5)
    assert bins([*some, np.nan]) == [("0 to 3", 5), ("3 to 6", 5), ("6 to 9", 5), ("unknown", 1)]
    assert bins([*some, 20.0]) == [("0 to 6", 10), ("6 to 24", 6)]
    assert bins([*some, 17.0]) == [("0 to 3", 5), ("3 to 6", 5), ("6 to 18", 6)]
    assert bins([1.0, 4.0, np.nan]) == [("0 to 6", 2), ("unknown", 1)]
    assert bins([np.nan]) == [("unknown", 1)]


def test_verb_compares_by_ratio(graded, tmp_path):
    """`compare --archive --by snr_db`: table and page; a misspelt column is told before."""
    archive, events = graded
    strong = events[events["level_db"] > 5]
    for name, table in (("expert", events), ("machine", strong)):
        write_catalog(make_catalog(table), tmp_path / f"{name}.csv")
    command = ["compare", str(tmp_path / "machine.csv"), str(tmp_path / "expert.csv")]
    page = ["--archive", archive.root, "--html", str(tmp_path / "c.html")]
    done = CliRunner().invoke(app, [*command, "--by", "snr_db", *page])
    assert done.exit_code == 0, (done.output, done.exception)
    assert "snr_db\tn_expert" in done.output
    assert "Recall by signal-to-noise ratio" in (tmp_path / "c.html").read_text()
    done = CliRunner().invoke(app, [*command, "--by", "kwality"])
    assert "Did you mean 'quality'" in str(done.exception)
    assert "matched" not in done.output  # before any work
    done = CliRunner().invoke(app, [*command, "--html", str(tmp_path)])
    assert "it is a folder" in str(done.exception)
    assert "matched" not in done.output
