import bz2
import dataclasses
import gzip
import lzma
import os
import pickle
import shutil
import sqlite3
import sys
import tarfile
import warnings
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import obspy
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from waveform_data import (
    CODE,
    DAY0,
    RATE_HZ,
    STATION,
    assert_same_stretches,
    at,
    noise,
    read_stretches,
    trace,
    write,
)

from seisml import archive as archives
from seisml import index as indexes
from seisml.archive import open_archive, require_waveforms
from seisml.errors import ConfigError, NoDataError
from seisml.miniseed import read_layout
from seisml.rates import nominal_rates
from seisml.times import DAY_NS, NS_PER_S, to_ns
from seisml.waveforms import scan_file

DATA = noise(4000)
END_NS = DAY0 + 200 * NS_PER_S
SDS = "2021/XX/ABC/HHZ.D/XX.ABC.00.HHZ.D.2021.063"


def samples(archive, start_ns=DAY0, end_ns=END_NS, station=STATION):
    """Read a span as one array."""
    return np.concatenate([tr.data for tr in archives.read(archive, station, start_ns, end_ns)])


def reason(archive, name: str) -> str:
    row = archive.files[archive.files["path"].str.endswith(name)]
    assert len(row) == 1
    return row["reason"].iloc[0]


def note(archive, name: str) -> str:
    return archive.files.loc[archive.files["path"].str.endswith(name), "note"].iloc[0]


@pytest.fixture
def scans(monkeypatch):
    """Count the files whose headers are read."""
    seen = []

    def counting(path):
        seen.append(Path(path).name)
        return scan_file(path)

    monkeypatch.setattr(archives, "scan_file", counting)
    return seen


# ---------------------------------------------------------------------------- what is there


def test_sds_is_found_by_itself(tmp_path):
    """A tree of SDS day files without suffix is recognised, whatever lies beside it."""
    write(tmp_path / SDS, trace(DATA))
    write(tmp_path / SDS.replace("063", "064"), trace(DATA, DAY0 + DAY_NS))
    (tmp_path / "README.txt").write_text("day files of our station\n")
    archive = open_archive(tmp_path)
    assert archive.layout == "SDS"
    assert archives.stations(archive) == [STATION]
    assert archives.days(archive, STATION) == [DAY0 // DAY_NS, DAY0 // DAY_NS + 1]
    assert reason(archive, "README.txt") == "no waveform format that ObsPy knows"
    np.testing.assert_array_equal(samples(archive), DATA)
    assert "1 stations, 2 files, 1 rejected" in repr(archive)


@pytest.mark.parametrize("as_list", [False, True])
def test_folder_pattern_and_files(tmp_path, as_list):
    """A folder, a pattern, one file and a list of files and folders all open."""
    one = write(tmp_path / "a" / "one.mseed", trace(DATA[:2000]))
    two = write(tmp_path / "b" / "two", trace(DATA[2000:], at(100.0)))
    wrap = (lambda x: [x]) if as_list else (lambda x: x)
    assert open_archive(wrap(tmp_path)).layout == "folder"
    for root in (tmp_path, tmp_path / "*" / "*", tmp_path / "*", [one, two], [one.parent, two]):
        root = root if isinstance(root, list) else wrap(str(root))
        np.testing.assert_array_equal(samples(open_archive(root)), DATA)
    alone = open_archive(wrap(one))
    assert (alone.layout, len(alone.files)) == ("files", 1)
    assert len(open_archive([one, one, str(one)]).files) == 1


def test_nothing_there_is_said(tmp_path):
    """No such path, an empty folder and a pattern without files are errors with a hint."""
    write(tmp_path / "x" / "file", trace(DATA))
    (tmp_path / "empty").mkdir()
    for root in (tmp_path / "absent", tmp_path / "empty", tmp_path / "*.sac", [tmp_path / "no"]):
        with pytest.raises(NoDataError) as error:
            open_archive(root)
        assert error.value.hint
        assert str(root if not isinstance(root, list) else root[0]) in error.value.problem


def test_nothing_usable_is_said(tmp_path):
    """Where no file can be used the message counts the reasons."""
    for i in range(3):
        (tmp_path / f"{i}.txt").write_text("not a seismogram\n" * 20)
    (tmp_path / "empty").touch()
    archive = open_archive(tmp_path)
    with pytest.raises(NoDataError, match="None of the 4 files") as error:
        require_waveforms(archive)
    assert "3 x no waveform format that ObsPy knows; 1 x empty file" in error.value.problem
    assert "seisml scan" in error.value.hint
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "XX.A_2020-01-01.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(600))
    with pytest.raises(NoDataError) as error:
        require_waveforms(open_archive(tmp_path / "store"))
    assert "store of features" in error.value.hint
    write(tmp_path / "good", trace(DATA))
    assert require_waveforms(open_archive(tmp_path)).files["reason"].eq("").sum() == 1


def test_stations_by_pattern(tmp_path):
    """Patterns match whole ids or leading parts; what matches nothing lists what is there."""
    codes = ["XX.ABC.00.HHZ", "XX.ABC.00.HHN", "XX.ABD..BHZ", "YY.Q.10.EHZ"]
    write(tmp_path / "all", *(trace(DATA, code=code) for code in codes))
    archive = open_archive(tmp_path)
    assert archives.stations(archive) == ["XX.ABC.00.HH", "XX.ABD..BH", "YY.Q.10.EH"]
    assert archives.stations(archive, patterns=["XX.*"]) == ["XX.ABC.00.HH", "XX.ABD..BH"]
    assert archives.stations(archive, patterns=["YY.Q", "XX.ABD"]) == ["XX.ABD..BH", "YY.Q.10.EH"]
    with pytest.raises(NoDataError, match=r"No station .* matches ZZ") as error:
        archives.stations(archive, patterns=["ZZ"])
    assert "XX.ABC.00.HH" in error.value.hint


# -------------------------------------------------------------------------------- formats


@pytest.mark.parametrize(
    ("suffix", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)]
)
@pytest.mark.parametrize("name", ["MSEED", "SLIST"])
def test_compressed_files_are_read(tmp_path, suffix, pack, name):
    """gz, bz2 and xz are unpacked, miniSEED or not, whatever the file is called."""
    plain = write(tmp_path / "plain", trace(DATA), format=name)
    (tmp_path / "packed" / suffix).parent.mkdir()
    (tmp_path / "packed" / f"day{suffix}").write_bytes(pack(plain.read_bytes()))
    (tmp_path / "packed" / "day.063").write_bytes(pack(plain.read_bytes()))
    archive = open_archive(tmp_path / "packed")
    assert archive.files["format"].tolist() == [name, name]
    found, counts = read_stretches(archive, DAY0, END_NS, 33.0)
    np.testing.assert_array_equal(found[0][3], DATA)
    assert counts["overlap_identical"] == len(DATA)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("SAC", {}),
        ("GSE2", {}),
        ("SLIST", {}),
        ("TSPAIR", {}),
        ("MSEED", {"encoding": "STEIM1", "reclen": 4096}),
        ("MSEED", {"encoding": "STEIM2", "byteorder": "<"}),
        ("MSEED", {"encoding": "INT32", "reclen": 256}),
        ("MSEED", {"encoding": "FLOAT32"}),
        ("MSEED", {"encoding": "FLOAT64"}),
        ("MSEED", {"encoding": "INT16"}),
    ],
)
def test_formats_are_read_in_chunks(tmp_path, name, options):
    """Every format gives the same samples at the same times, in chunks of any length."""
    kind = {"FLOAT32": np.float32, "FLOAT64": np.float64, "INT16": np.int16}
    data = DATA.astype(kind.get(options.get("encoding"), np.int32))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        write(tmp_path / "file", trace(data, at(0.4)), format=name, **options)
    archive = open_archive(tmp_path)
    assert archive.files["format"].tolist() == [name]
    station = archives.stations(archive)[0]
    whole, _ = read_stretches(archive, DAY0, at(300.0), 1e4, station)
    np.testing.assert_array_equal(whole[0][3], data)
    assert abs(whole[0][1] - at(0.4)) < 1000
    for chunk_s in (7.0, 61.3):
        found, counts = read_stretches(archive, DAY0, at(300.0), chunk_s, station)
        assert_same_stretches(found, whole)
        assert not counts


def test_names_do_not_matter(tmp_path):
    """SAC called .mseed, miniSEED called .sac and .txt, ASCII called .063: content decides."""
    write(tmp_path / "wave.mseed", trace(DATA), format="SAC")
    write(tmp_path / "wave.sac", trace(DATA))
    write(tmp_path / "wave.txt", trace(DATA))
    write(tmp_path / "XX.ABC.00.HHZ.D.2021.063", trace(DATA), format="SLIST")
    archive = open_archive(tmp_path)
    found = {Path(p).name: f for p, f in archive.files[["path", "format"]].itertuples(index=False)}
    assert found == {
        "wave.mseed": "SAC",
        "wave.sac": "MSEED",
        "wave.txt": "MSEED",
        "XX.ABC.00.HHZ.D.2021.063": "SLIST",
    }


def test_many_channels_and_stations_in_one_file(tmp_path):
    """Interleaved records of several channels come apart, in time order or not."""
    codes = ["XX.ABC.00.HHZ", "XX.ABC.00.HHN", "YY.DEF..EHZ"]
    parts = []
    for i in [3, 0, 2, 1]:
        for c, code in enumerate(codes):
            data = noise(4000, c)[i * 1000 : (i + 1) * 1000]
            parts.append(trace(data, at(50.0 * i), code=code))
    path = tmp_path / "all"
    path.write_bytes(b"".join(write(tmp_path / "one", part).read_bytes() for part in parts))
    archive = open_archive(path)
    assert archives.stations(archive) == ["XX.ABC.00.HH", "YY.DEF..EH"]
    for station, channels in (("XX.ABC.00.HH", (1, 0)), ("YY.DEF..EH", (2,))):
        found, _ = read_stretches(archive, DAY0, END_NS, 17.0, station)
        assert len(found) == len(channels)
        for row, seed in zip(found, channels, strict=True):
            np.testing.assert_array_equal(row[3], noise(4000, seed))


def test_empty_codes_are_kept(tmp_path):
    """A record without network, location or channel code is read like any other."""
    write(tmp_path / "nameless", trace(DATA, code=".ABC.."))
    archive = open_archive(tmp_path)
    assert archives.stations(archive) == [".ABC.."]
    np.testing.assert_array_equal(samples(archive, station=".ABC.."), DATA)


def test_headers_say_what_obspy_says(tmp_path):
    """Starts, lengths and rates of all pieces agree with ObsPy's own reading."""
    rng = np.random.default_rng(5)
    parts = []
    for i in range(40):
        rate_hz = float(rng.choice([0.1, 1.0, 6.625, 13.25, 20.0, 99.9999, 100.0, 500.0, 1000.0]))
        start_ns = int(rng.integers(-(2**60), 2**60) // 1000 * 1000)
        code = f"X{i % 3}.S{i % 5}.0{i % 2}.HH{'ZNE'[i % 3]}"
        parts.append(trace(noise(int(rng.integers(1, 3000)), i), start_ns, rate_hz, code))
    path = write(tmp_path / "all", *parts)
    archive = open_archive(path)
    expected = sorted(
        (tr.stats.channel, tr.stats.starttime.ns, tr.stats.npts, tr.stats.sampling_rate)
        for tr in obspy.read(path, headonly=True)
    )
    columns = ["channel", "start_ns", "n", "rate_hz"]
    assert sorted(archive.pieces[columns].itertuples(index=False, name=None)) == expected


# -------------------------------------------------------------------------- broken files


def test_broken_files_have_reasons(tmp_path):
    """Empty, random, text, zip and tar files are rejected with a reason; the rest is used."""
    write(tmp_path / "good", trace(DATA))
    (tmp_path / "empty.mseed").touch()
    (tmp_path / "random.mseed").write_bytes(np.random.default_rng(0).bytes(5000))
    (tmp_path / "zeros.mseed").write_bytes(bytes(5000))
    (tmp_path / "notes.csv").write_text("time,value\n" + "2021-03-04T00:00:00Z,1\n" * 50)
    (tmp_path / "station.xml").write_text("<?xml version='1.0'?><FDSNStationXML/>\n")
    (tmp_path / "latin.txt").write_bytes("Piton de la Fournaise, été\n".encode("latin-1") * 9)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.write(tmp_path / "good", "good")
    for mode, name in (("w", "a.tar"), ("w:gz", "a.tar.gz")):
        with tarfile.open(tmp_path / name, mode) as file:
            file.add(tmp_path / "good", "good")
    archive = open_archive(tmp_path)
    assert reason(archive, "empty.mseed") == "empty file"
    for name in ("random.mseed", "zeros.mseed", "notes.csv", "station.xml", "latin.txt"):
        assert reason(archive, name) == "no waveform format that ObsPy knows"
    assert reason(archive, "a.zip") == "zip archive: unpack it"
    assert reason(archive, "a.tar") == reason(archive, "a.tar.gz") == "tar archive: unpack it"
    assert len(archive.pieces) == 1
    np.testing.assert_array_equal(samples(archive), DATA)


@given(st.binary(max_size=400), st.booleans())
@settings(max_examples=150, deadline=None)
def test_no_bytes_make_the_scan_fail(tmp_path_factory, content, with_header):
    """Whatever a file holds, the scan ends with a row: used or rejected with a reason."""
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes((b"000001D " if with_header else b"") + content)
    row, pieces = scan_file(str(path))
    assert bool(pieces) != bool(row[4])


@given(st.integers(0, 47), st.integers(0, 255), st.integers(0, 15))
@example(8, ord("."), 0)  # a point in the code of the station
@settings(max_examples=100, deadline=None)
def test_no_damaged_header_makes_reading_fail(tmp_path_factory, where, value, which):
    """A wrong byte in any header costs at most its piece; reading goes on."""
    folder = tmp_path_factory.getbasetemp() / "damaged"
    content = bytearray(write(folder / "one", trace(DATA)).read_bytes())
    content[(512 * which) % len(content) + where] = value
    (folder / "one").write_bytes(content)
    archive = open_archive(folder, index=False)
    counts = Counter()
    for station in archives.stations(archive):
        span = archive.pieces["start_ns"].min(), archive.pieces["end_ns"].max()
        archives.read(archive, station, *span, counts=counts)
    assert not counts["missing_files"]


def test_truncated_file_is_used_up_to_its_end(tmp_path):
    """The head of a file that was cut off is used, and the note says so."""
    content = write(tmp_path / "cut.mseed", trace(DATA)).read_bytes()
    (tmp_path / "cut.mseed").write_bytes(content[:-300])
    archive = open_archive(tmp_path)
    assert reason(archive, "cut.mseed") == ""
    assert "truncated" in note(archive, "cut.mseed")
    found = samples(archive)
    assert 0.8 * len(DATA) < len(found) < len(DATA)
    np.testing.assert_array_equal(found, DATA[: len(found)])


def test_truncated_gzip_is_used_up_to_its_end(tmp_path):
    """So is the head of a compressed file."""
    content = write(tmp_path / "x", trace(noise(200_000))).read_bytes()
    (tmp_path / "x").unlink()
    (tmp_path / "cut.gz").write_bytes(gzip.compress(content)[: len(content) // 2])
    archive = open_archive(tmp_path)
    assert "truncated" in note(archive, "cut.gz")
    found = samples(archive, DAY0, DAY0 + DAY_NS)
    assert len(found) > 10_000
    np.testing.assert_array_equal(found, noise(200_000)[: len(found)])


def test_corrupt_record_in_the_middle_is_left_out(tmp_path):
    """The rest of the file is read on its time base, and the record is counted."""
    content = bytearray(write(tmp_path / "x", trace(DATA)).read_bytes())
    n_records = len(content) // 512
    clean = open_archive(tmp_path, index=False)
    assert len(obspy.read(tmp_path / "x", headonly=True)) == 1
    layout = read_layout(lambda a, n: bytes(content[a : a + n]), len(content)).pieces[0]
    first = int(layout.records["n"][:3].sum())
    n_bad = int(layout.records["n"][3])
    content[512 * 3 + 64 : 512 * 4] = np.random.default_rng(1).bytes(448)
    (tmp_path / "x").write_bytes(content)
    archive = open_archive(tmp_path)
    assert archive.pieces["n"].sum() == clean.pieces["n"].sum()  # headers are good
    counts = Counter()
    stream = archives.read(archive, STATION, DAY0, END_NS, counts=counts)
    assert counts == {"corrupt_records": 1}
    assert [tr.stats.npts for tr in stream] == [first, len(DATA) - first - n_bad]
    assert stream[1].stats.starttime.ns == at((first + n_bad) / RATE_HZ)
    np.testing.assert_array_equal(stream[1].data, DATA[first + n_bad :])
    assert n_records > 5


def test_bytes_that_are_no_record_are_skipped(tmp_path):
    """A record whose header is destroyed and bytes put in between cost only themselves."""
    content = write(tmp_path / "x", trace(DATA)).read_bytes()
    garbage = np.random.default_rng(1).bytes(1152)
    (tmp_path / "x").write_bytes(content[: 512 * 2] + garbage + content[512 * 3 :])
    archive = open_archive(tmp_path)
    assert "1152 bytes between records" in note(archive, "x")
    found, counts = read_stretches(archive, DAY0, END_NS, 21.0)
    assert len(found) == 2
    np.testing.assert_array_equal(found[1][3], DATA[-len(found[1][3]) :])
    assert found[1][1] == at((len(DATA) - len(found[1][3])) / RATE_HZ)
    assert not counts


def test_failed_check_of_the_compression_is_counted(tmp_path):
    """A record whose last sample is not what its header says is used and counted."""
    content = bytearray(write(tmp_path / "x", trace(DATA), encoding="STEIM2").read_bytes())
    content[512 * 2 + 64 + 8 : 512 * 2 + 64 + 12] = b"\0\0\0\7"
    (tmp_path / "x").write_bytes(content)
    counts = Counter()
    archives.read(open_archive(tmp_path), STATION, DAY0, END_NS, counts=counts)
    assert counts == {"suspect_records": 1}


@pytest.mark.parametrize("packed", [False, True])
def test_pickles_are_never_run(tmp_path, packed):
    """A pickle that would run code is rejected without running it."""
    target = tmp_path / "owned"

    class Evil:
        def __reduce__(self):
            return Path.touch, (target,)

    content = pickle.dumps(obspy.Stream([trace(DATA)])), pickle.dumps(Evil())
    (tmp_path / "files").mkdir()
    for i, one in enumerate(content):
        (tmp_path / "files" / f"{i}.pickle").write_bytes(gzip.compress(one) if packed else one)
    archive = open_archive(tmp_path / "files")
    assert set(archive.files["reason"]) == {"no waveform format that ObsPy knows"}
    assert not target.exists()


def test_zero_sampling_rate_is_a_counted_rejection(tmp_path):
    """Records without a sampling rate (logs, states of health) are left out with a note."""
    content = bytearray(write(tmp_path / "x", trace(DATA)).read_bytes())
    content[512 + 32 : 512 + 36] = bytes(4)
    (tmp_path / "x").write_bytes(content)
    (tmp_path / "log").write_bytes(bytes(content[512:1024]))
    archive = open_archive(tmp_path)
    assert note(archive, "x") == "1 records without samples or sampling rate"
    assert reason(archive, "log") == "no sampling rate"
    assert len(archive.pieces) == 2


def test_impossible_times_are_left_out(tmp_path):
    """A piece that would end after 2116 is left out, not an overflow."""
    one = write(tmp_path / "x", trace(noise(3000), DAY0, 1.1e-6), trace(DATA))
    archive = open_archive(one)
    assert "left out" in note(archive, "x")
    assert len(archive.pieces) == 2
    assert (archive.pieces["end_ns"] < 2**62).all()


# ---------------------------------------------------------------------------- file system


def test_links_are_followed_and_loops_end(tmp_path):
    """Linked folders are searched, each file is there once, loops and dead links do no harm."""
    write(tmp_path / "disk" / "2021" / "one", trace(DATA))
    root = tmp_path / "archive"
    root.mkdir()
    (root / "2021").symlink_to(tmp_path / "disk" / "2021")
    (root / "again").symlink_to(tmp_path / "disk")
    (tmp_path / "disk" / "2021" / "loop").symlink_to(tmp_path / "disk")
    (root / "self").symlink_to(root)
    (root / "dead").symlink_to(tmp_path / "nowhere")
    (root / "ring").symlink_to(root / "ring")
    archive = open_archive(root)
    assert archive.files["reason"].eq("").sum() == 1
    assert reason(archive, "dead").startswith("unreadable")
    assert reason(archive, "ring").startswith("unreadable")
    assert len(archive.pieces) == 1


def test_hidden_files_and_folders_are_left_alone(tmp_path):
    """What begins with a dot is no part of the archive."""
    write(tmp_path / "one", trace(DATA))
    write(tmp_path / ".snapshot" / "one", trace(DATA))
    write(tmp_path / ".one.part", trace(DATA))
    assert len(open_archive(tmp_path).files) == 1


def test_pipes_do_not_block(tmp_path):
    """What is no regular file is rejected without being opened."""
    write(tmp_path / "one", trace(DATA))
    os.mkfifo(tmp_path / "pipe")
    assert reason(open_archive(tmp_path), "pipe") == "no regular file"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_files_and_folders_are_rejected(tmp_path):
    """Files and folders without permission have a reason; the rest is used."""
    write(tmp_path / "one", trace(DATA))
    write(tmp_path / "locked", trace(DATA)).chmod(0)
    (tmp_path / "closed").mkdir(mode=0)
    archive = open_archive(tmp_path)
    (tmp_path / "closed").chmod(0o700)
    assert reason(archive, "locked") == "unreadable: Permission denied"
    assert reason(archive, "closed") == "unreadable folder: Permission denied"


def test_folders_that_cannot_be_listed_are_rejected(tmp_path, monkeypatch):
    """A folder that the system refuses to list is told, not passed over."""
    write(tmp_path / "one", trace(DATA))
    (tmp_path / "closed").mkdir()
    real = os.scandir

    def refusing(path):
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", refusing)
    assert reason(open_archive(tmp_path), "closed") == "unreadable folder: Permission denied"


@pytest.mark.parametrize(
    "name",
    ["with space.mseed", "Ätna ☃ 地震", "day[1].mseed", "what?*.063", "quote'\"; DROP TABLE"],
)
def test_odd_names_are_read(tmp_path, name):
    """Spaces, brackets, wildcards, quotes and letters of any language in names are just names."""
    write(tmp_path / "folder [x]" / name, trace(DATA))
    for _ in range(2):  # scanned, then remembered
        for root in (tmp_path, tmp_path / "folder [x]", tmp_path / "folder [x]" / name):
            np.testing.assert_array_equal(samples(open_archive(root)), DATA)


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes only there")
def test_names_that_are_no_text_are_rejected(tmp_path):
    """A name that is not UTF-8 is told in a form that can be printed; the rest is used."""
    write(tmp_path / "one", trace(DATA))
    shutil.copy(tmp_path / "one", os.fsencode(tmp_path) + b"/\xe9t\xe9.mseed")
    archive = open_archive(tmp_path)
    bad = archive.files[archive.files["reason"] != ""]
    assert bad["reason"].tolist() == ["file name is not UTF-8: rename it"]
    assert bad["path"].iloc[0].endswith("\\xe9t\\xe9.mseed")
    bad.to_csv(tmp_path / "printable.csv")


def test_nothing_is_written_into_the_archive(tmp_path):
    """Scanning and reading leave the archive as it is."""
    write(tmp_path / SDS, trace(DATA))
    before = sorted((str(p), p.stat().st_mtime_ns) for p in tmp_path.rglob("*"))
    samples(open_archive(tmp_path))
    assert sorted((str(p), p.stat().st_mtime_ns) for p in tmp_path.rglob("*")) == before


def test_file_that_vanishes_while_scanning(tmp_path, monkeypatch):
    """A file that goes away between listing and scanning is a rejection."""
    write(tmp_path / "one", trace(DATA))
    write(tmp_path / "two", trace(DATA, at(300.0)))

    def late(path):
        (tmp_path / "two").unlink(missing_ok=True)
        return scan_file(path)

    monkeypatch.setattr(archives, "scan_file", late)
    archive = open_archive(tmp_path)
    assert reason(archive, "two") == "unreadable: No such file or directory"
    assert len(archive.pieces) == 1


def test_file_that_vanishes_before_reading(tmp_path):
    """A file that goes away between scan and reading is counted; the others are read."""
    write(tmp_path / "one", trace(DATA[:2000]))
    write(tmp_path / "two", trace(DATA[2000:], at(100.0)))
    write(tmp_path / "three", trace(DATA[2000:], at(100.0)), format="SAC")
    archive = open_archive(tmp_path)
    (tmp_path / "two").unlink()
    (tmp_path / "three").unlink()
    counts = Counter()
    stream = archives.read(archive, STATION, DAY0, END_NS, counts=counts)
    np.testing.assert_array_equal(stream[0].data, DATA[:2000])
    assert (len(stream), counts) == (1, {"missing_files": 2})


def test_file_that_grows_between_scan_and_reading(tmp_path):
    """The day file of a running station may grow: what the scan knew is read right."""
    path = write(tmp_path / "one", trace(DATA[:2000]))
    archive = open_archive(tmp_path)
    write(path, trace(DATA))
    counts = Counter()
    found = samples(archive, DAY0, at(90.0))
    np.testing.assert_array_equal(found, DATA[:1800])
    assert not counts


def test_file_that_becomes_another_is_missing(tmp_path):
    """A file that was replaced by one of another station is not taken for the old one."""
    path = write(tmp_path / "one", trace(DATA))
    archive = open_archive(tmp_path)
    write(path, trace(DATA, code="XX.ABC.00.HHN"))
    counts = Counter()
    assert not archives.read(archive, STATION, DAY0, END_NS, counts=counts)
    assert counts == {"missing_files": 1}
    path.write_bytes(b"gone bad" * 100)
    counts = Counter()
    assert not archives.read(archive, STATION, DAY0, END_NS, counts=counts)
    assert counts == {"unreadable_files": 1}


# ---------------------------------------------------------------------------------- index


def test_only_changed_files_are_scanned_again(tmp_path, scans):
    """Unchanged files come from the index; changed ones are read again, lost ones forgotten."""
    for i in range(4):
        write(tmp_path / f"f{i}", trace(noise(1000, i), at(100.0 * i)))
    first = open_archive(tmp_path)
    assert sorted(scans) == ["f0", "f1", "f2", "f3"]
    scans.clear()
    again = open_archive(tmp_path)
    assert not scans
    pd.testing.assert_frame_equal(first.files, again.files)
    pd.testing.assert_frame_equal(first.pieces, again.pieces)
    write(tmp_path / "f1", trace(noise(2000, 1), at(100.0)))
    write(tmp_path / "f4", trace(noise(1000, 4), at(900.0)))
    (tmp_path / "f2").unlink()
    third = open_archive(tmp_path)
    assert sorted(scans) == ["f1", "f4"]
    assert third.pieces["n"].tolist() == [1000, 2000, 1000, 1000]
    assert [Path(p).name for p in third.files["path"]] == ["f0", "f1", "f3", "f4"]
    scans.clear()
    (tmp_path / "f4").unlink()
    assert len(open_archive(tmp_path).files) == len(open_archive(tmp_path).files) == 3
    assert not scans


def test_files_that_the_system_refused_are_tried_again(tmp_path, monkeypatch, scans):
    """A file that could not be opened is scanned again, though neither size nor time changed."""
    write(tmp_path / "one", trace(DATA))
    real = Path.open

    def refusing(self, *args, **kwargs):
        if self.name == "one":
            raise PermissionError(13, "Permission denied")
        return real(self, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", refusing)
        assert reason(open_archive(tmp_path), "one") == "unreadable: Permission denied"
    assert reason(open_archive(tmp_path), "one") == ""
    assert scans == ["one", "one"]


def test_progress_counts_the_files_that_are_scanned(tmp_path):
    """Progress is told for fresh files only."""
    write(tmp_path / "one", trace(DATA))
    write(tmp_path / "two", trace(DATA))
    told = []
    open_archive(tmp_path, on_progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 2), (2, 2)]
    told.clear()
    open_archive(tmp_path, on_progress=lambda done, total: told.append((done, total)))
    assert not told


def test_scan_by_several_processes_is_the_same(tmp_path):
    """Two processes find what one finds."""
    source = write(tmp_path / "a" / "f0", trace(DATA))
    for i in range(1, 70):
        shutil.copy(source, tmp_path / "a" / f"f{i}")
    one = open_archive(tmp_path / "a", index=False)
    two = open_archive(tmp_path / "a", index=False, jobs=2)
    pd.testing.assert_frame_equal(one.files, two.files)
    pd.testing.assert_frame_equal(one.pieces, two.pieces)


@pytest.mark.parametrize("how", ["unwritable", "off", "read-only"])
def test_without_a_place_for_the_index_all_works(tmp_path, monkeypatch, scans, how):
    """Where the index cannot be kept, every scan is a fresh one."""
    write(tmp_path / "a" / "one", trace(DATA))
    (tmp_path / "file").touch()
    options = {"index": False} if how == "off" else {}
    if how == "unwritable":
        monkeypatch.setenv("SEISML_CACHE", str(tmp_path / "file" / "cache"))
    elif how == "read-only":
        monkeypatch.setattr(indexes, "_TABLES", "THIS IS NO SQL;")
    for _ in range(2):
        np.testing.assert_array_equal(samples(open_archive(tmp_path / "a", **options)), DATA)
    assert scans == ["one", "one"]


def index_file(root) -> Path:
    return indexes._path(None, root)


@pytest.mark.parametrize("damage", ["text", "cut", "pages"])
def test_broken_index_is_made_anew(tmp_path, scans, damage):
    """A broken file in our cache is thrown away; nothing is lost but time."""
    root = tmp_path / "a"
    for i in range(30):
        write(root / f"f{i:02}", trace(DATA[:100], at(10.0 * i)))
    first = open_archive(root)
    path = index_file(root)
    content = bytearray(path.read_bytes())
    if damage == "text":
        content = b"this is no database " * 100
    elif damage == "cut":
        content = content[: len(content) // 2]
    else:
        content[4096:] = np.random.default_rng(0).bytes(len(content) - 4096)
    path.write_bytes(content)
    for n_scans in (30, None, 0):
        scans.clear()
        again = open_archive(root)
        assert n_scans is None or len(scans) == n_scans
        pd.testing.assert_frame_equal(first.pieces, again.pieces)


def test_index_of_an_older_version_is_made_anew(tmp_path, scans):
    """Another schema is replaced, not misread."""
    write(tmp_path / "a" / "one", trace(DATA))
    open_archive(tmp_path / "a")
    with sqlite3.connect(index_file(tmp_path / "a")) as connection:
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    open_archive(tmp_path / "a")
    assert scans == ["one", "one"]


def test_locked_index_does_not_stop_the_scan(tmp_path, monkeypatch, scans):
    """Where another process holds the index too long, the scan goes on without it."""
    monkeypatch.setattr(indexes, "TIMEOUT_S", 0.1)
    write(tmp_path / "a" / "one", trace(DATA))
    open_archive(tmp_path / "a")
    holder = sqlite3.connect(index_file(tmp_path / "a"), isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    np.testing.assert_array_equal(samples(open_archive(tmp_path / "a")), DATA)
    holder.rollback()
    holder.close()
    open_archive(tmp_path / "a")
    assert scans == ["one", "one"]


def test_databases_of_others_are_never_touched(tmp_path):
    """A database of another program, and a file that is none, are left as they are."""
    write(tmp_path / "a" / "one", trace(DATA))
    other = tmp_path / "other.sqlite"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE files(path TEXT)")
        connection.execute("INSERT INTO files VALUES ('precious')")
    connection.close()
    with pytest.raises(ConfigError, match="database of another program") as error:
        open_archive(tmp_path / "a", index=other)
    assert error.value.hint
    with sqlite3.connect(other) as connection:
        assert connection.execute("SELECT * FROM files").fetchall() == [("precious",)]
    connection.close()
    text = tmp_path / "catalog.csv"
    text.write_text("time\n")
    np.testing.assert_array_equal(samples(open_archive(tmp_path / "a", index=text)), DATA)
    assert text.read_text() == "time\n"


def test_one_index_for_several_archives_loses_nothing(tmp_path):
    """Archives that share an index file by mistake see each their own files."""
    index = tmp_path / "index.sqlite"
    for name in "ab":
        write(tmp_path / name / "one", trace(DATA))
    for name in "abab":
        assert len(open_archive(tmp_path / name, index=index).pieces) == 1


def test_stopped_scan_goes_on_where_it_was(tmp_path, monkeypatch, scans):
    """A scan that is stopped has remembered what it had read."""
    monkeypatch.setattr(archives, "SAVE_EVERY", 3)
    for i in range(8):
        write(tmp_path / f"f{i}", trace(DATA[:100]))

    def stop(done, total):
        if done == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_archive(tmp_path, on_progress=stop)
    scans.clear()
    assert len(open_archive(tmp_path).files) == 8
    assert scans == ["f6", "f7"]


# ---------------------------------------------------------------------------- reading


def test_read_is_half_open_and_keeps_pieces_apart(tmp_path):
    """A sample at the end does not belong; pieces come in order of preference, unmerged."""
    write(tmp_path / "one", trace(DATA[:1000]))
    write(tmp_path / "two", trace(DATA[800:], at(40.0)))
    archive = open_archive(tmp_path)
    stream = archives.read(archive, STATION, at(45.0), at(60.0))
    assert [(tr.stats.starttime.ns, tr.stats.npts) for tr in stream] == [
        (at(45.0), 100),
        (at(45.0), 300),
    ]
    np.testing.assert_array_equal(stream[1].data, DATA[900:1200])
    assert not archives.read(archive, STATION, at(500.0), at(600.0))
    assert stream[0].id == CODE


def test_only_the_records_that_are_needed_are_read(tmp_path, monkeypatch):
    """Reading a minute of a day does not read the day."""
    path = write(tmp_path / "day", trace(noise(1_728_000)))
    archive = open_archive(path)
    from seisml import sources

    real, n_bytes = sources.Source.read, []

    def counting(self, spans):
        content = real(self, spans)
        n_bytes.append(len(content))
        return content

    samples(archive, at(100.0), at(160.0))  # headers are remembered from here on
    monkeypatch.setattr(sources.Source, "read", counting)
    samples(archive, at(40_000.0), at(40_060.0))
    assert sum(n_bytes) < 0.01 * path.stat().st_size


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(1, 200)), min_size=1, max_size=20))
@settings(max_examples=25, deadline=None)
def test_parts_are_what_overlaps(spans):
    """`parts` finds by bisection the pieces that a look at every piece finds."""
    rows = [
        (f"p{i % 4}", i, STATION, "HHZ", a * NS_PER_S, (a + n) * NS_PER_S, 20.0, n * 20)
        for i, (a, n) in enumerate(spans)
    ]
    pieces = archives._ordered(pd.DataFrame(rows, columns=archives.PIECE_COLUMNS))
    files = pd.DataFrame(
        [(f"p{i}", 1, 1, "MSEED", "", "") for i in range(4)], columns=archives.FILE_COLUMNS
    )
    archive = archives.Archive("", "files", files, pieces)
    asked = [(a * NS_PER_S, (a + 30) * NS_PER_S) for a in range(0, 600, 47)]
    for (start, end), part in zip(asked, archives.parts(archive, STATION, asked), strict=True):
        inside = (pieces["end_ns"] > start) & (pieces["start_ns"] < end)
        pd.testing.assert_frame_equal(part.pieces, pieces[inside].reset_index(drop=True))
        assert part.files["path"].tolist() == sorted(pieces.loc[inside, "path"].unique())


def test_days_over_midnight_and_long_pieces(tmp_path):
    """A piece belongs to each day in which it has a sample, and to no other."""
    write(tmp_path / "a", trace(noise(20 * 60), DAY0 + DAY_NS - 30 * NS_PER_S))
    write(tmp_path / "b", trace(noise(5000), DAY0 + 5 * DAY_NS, 0.01), encoding="INT32")
    write(tmp_path / "c", trace(noise(20), DAY0 - NS_PER_S))
    archive = open_archive(tmp_path)
    day = DAY0 // DAY_NS
    assert archives.days(archive, STATION) == [day - 1, day, day + 1, *range(day + 5, day + 11)]


def test_rates_are_counted_inside_the_span(tmp_path):
    """Which rate is the usual one does not depend on where files begin and end."""
    write(tmp_path / "fast", trace(noise(10_000), DAY0, 100.0))
    write(tmp_path / "slow", trace(noise(4000), at(100.0), 20.0))
    archive = open_archive(tmp_path)
    assert list(nominal_rates(archive.pieces, STATION)["HHZ"]) == [100.0, 20.0]
    rates = nominal_rates(archive.pieces, STATION, span=(at(95.0), at(300.0)))
    assert rates == {"HHZ": {20.0: 4000.0, 100.0: 500.0}}
    assert nominal_rates(archive.pieces, STATION, span=(at(500.0), at(600.0))) == {}


# -------------------------------------------------------------------------- real records


@pytest.mark.real
def test_headers_of_all_real_records(shared_data):
    """Every real miniSEED file is understood as ObsPy understands it, none is lost."""
    archive = open_archive(shared_data, index=False)
    used = archive.files[archive.files["format"] == "MSEED"]
    assert len(used) > 150
    for path in used["path"]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            stream = obspy.read(path, format="MSEED", headonly=True)
        pieces = archive.pieces[archive.pieces["path"] == path]
        found = sorted(pieces[["channel", "start_ns", "n", "rate_hz"]].itertuples(index=False))
        expected = sorted(
            (t.stats.channel, t.stats.starttime.ns, t.stats.npts, t.stats.sampling_rate)
            for t in stream
        )
        assert len(found) == len(expected)
        for mine, theirs in zip(found, expected, strict=True):
            assert abs(mine[1] - theirs[1]) <= 1000
            assert (mine[0], *mine[2:]) == (theirs[0], *theirs[2:])


@pytest.mark.real
def test_what_is_no_waveform_in_the_real_folders_is_rejected(shared_data):
    """Catalogues, station files, tables and READMEs are rejections with a reason, not data."""
    archive = open_archive(shared_data, index=False)
    bad = archive.files[archive.files["reason"] != ""]
    suffixes = {Path(p).suffix for p in bad["path"]}
    assert {".csv", ".xml", ".md", ".npz"} <= suffixes
    good = archive.files[archive.files["reason"] == ""]
    assert not {Path(p).suffix for p in good["path"]} & {".csv", ".xml", ".md", ".npz", ".txt"}
    assert set(good["format"]) == {"MSEED", "SAC", "SLIST"}


@pytest.mark.real
@pytest.mark.parametrize(
    ("folder", "n_stations"),
    [("earth_bradys/sds", 5), ("earth_piton/sds", 2), ("earth_pfo", 1), ("lunar_deep_a01", 1)],
)
def test_real_archives_open(shared_data, folder, n_stations):
    """The real folders have the stations that their README tells."""
    archive = open_archive(shared_data / folder, index=False)
    assert len(archives.stations(archive)) == n_stations
    if folder.endswith("sds"):
        assert archive.layout == "SDS"


@pytest.mark.real
def test_real_icequakes_in_no_order(shared_data):
    """36 traces in no order, 500 Hz: all samples come out as ObsPy reads them."""
    archive = open_archive(shared_data / "earth_icequake", index=False)
    path = next(p for p in archive.files["path"] if p.endswith(".m"))
    stream = obspy.read(path, format="MSEED")
    assert len(stream) == 36
    for tr in stream:
        s = tr.stats
        station = archives.station_id(s.network, s.station, s.location, s.channel)
        again = archives.read(archive, station, s.starttime, s.endtime + s.delta)
        mine = [t for t in again if t.stats.channel == s.channel]
        assert any(np.array_equal(t.data, tr.data) for t in mine)


@pytest.mark.real
@pytest.mark.parametrize("event", ["S0105a", "S0173a"])
def test_real_marsquakes_with_overlapping_pieces(shared_data, event):
    """Two overlapping pieces a channel become one record; the overlap is counted once."""
    folder = shared_data / "mars_deglitched" / event
    archive = open_archive(sorted(folder.glob("*MPS*"))[0], index=False)
    station = archives.stations(archive)[0]
    start_ns, end_ns = int(archive.pieces["start_ns"].min()), int(archive.pieces["end_ns"].max())
    whole, counts = read_stretches(archive, start_ns, end_ns, 1e5, station)
    assert len(whole) == 3
    pieces = archive.pieces.groupby("channel")
    assert (pieces.size() == 2).all()
    doubled = (pieces["n"].sum() - [len(row[3]) for row in whole]).sum()
    assert counts["overlap_identical"] + counts["overlap_conflicting"] == doubled
    assert doubled > 3 * 50 * 20
    for chunk_s in (97.0, 420.0):
        found, again = read_stretches(archive, start_ns, end_ns, chunk_s, station)
        assert_same_stretches(found, whole)
        assert again == counts


def test_what_was_looked_up_is_not_sent_to_workers(tmp_path):
    """Reading remembers where the pieces of a station are, but only in this process."""
    write(tmp_path / "a", trace(noise(500)))
    archive = open_archive(tmp_path)
    first = archives.read(archive, STATION, DAY0, END_NS)
    again = pickle.loads(pickle.dumps(archive))
    assert len(vars(archive)) > len(vars(again)) == len(dataclasses.fields(archive))
    assert archives.read(again, STATION, DAY0, END_NS) == first


def test_records_of_some_channels(tmp_path):
    """Only the samples of the channels that are asked for are read."""
    codes = [f"XX.ABC.00.HH{c}" for c in "ZNE"]
    write(tmp_path / "a", *(trace(noise(500, i), code=code) for i, code in enumerate(codes)))
    archive = open_archive(tmp_path)
    assert archives.channels_of(archive, STATION) == ["HHE", "HHN", "HHZ"]
    [record] = archives.records(archive, STATION, DAY0, END_NS, channels=["HHN"])
    np.testing.assert_array_equal(record.data, noise(500, 1))
    assert len(archives.records(archive, STATION, DAY0, END_NS)) == 3


def test_rejected_files_say_what_is_wrong(tmp_path):
    """A clock of the next century, a file that ends in its first record."""
    write(tmp_path / "late", trace(noise(400), to_ns("2199-01-01")))
    whole = write(tmp_path / "whole", trace(noise(4000))).read_bytes()
    (tmp_path / "cut").write_bytes(whole[:300])
    archive = open_archive(tmp_path, index=False)
    assert reason(archive, "late") == "no possible time: before 1823 or after 2116"
    assert reason(archive, "cut") == "truncated: no record is whole"
    assert reason(archive, "whole") == ""
