"""The command line: exit codes, two-line errors, streams, and clean continuation."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import obspy
import pytest
from command_line import seisml

from seisml.catalog import make_catalog
from seisml.cli import app
from seisml.formats import read_catalog, write_catalog
from seisml.synthetics import make_archive_small

VERBS = [
    command.name or command.callback.__name__
    for family in app.registered_groups
    for command in family.typer_instance.registered_commands
]
SMALL = """\
profile = "earth-local"

[archive]
path = "archive"

[preparation]
f_max_hz = 8.0

[features]
bands_hz = [[1, 2], [2, 4], [4, 8]]
names = ["log_energy", "kurtosis", "stalta_short_max", "stalta_mid_max", "band_rel_energy"]

[labels]
catalog = "expert.xml"
rule = "picks"

[training]
n_blocks = 3
"""


def two_lines(run: subprocess.CompletedProcess, code: int) -> str:
    """Assert that an error is a problem and a hint without a traceback; return the text."""
    assert run.returncode == code, run.stderr
    assert "Traceback" not in run.stderr
    lines = [line for line in run.stderr.splitlines() if line.startswith(("error:", "help:"))]
    assert lines[0].startswith("error:"), run.stderr
    return "\n".join(lines)


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    """A project on a generated archive, run once."""
    folder = tmp_path_factory.mktemp("small")
    truth = make_archive_small(folder / "archive")
    write_catalog(truth.expert, folder / "expert.xml")
    (folder / "seisml.toml").write_text(SMALL)
    run = seisml("run", "seisml.toml", "-j", 2, cwd=folder)
    assert run.returncode == 0, run.stderr
    return folder


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example(verb):
    """--help says what it does, with an example that names the verb."""
    run = seisml(verb, "--help", env={"COLUMNS": "100"})
    assert run.returncode == 0
    assert f"seisml {verb} " in run.stdout.split("Example", 1)[1]


def test_no_words_shows_help_and_wrong_words_exit_2():
    """Wrong usage is exit status 2, with a suggestion for a misspelt verb."""
    assert "Usage" in seisml().stdout + seisml().stderr
    run = seisml("extrakt", "x")
    assert run.returncode == 2
    assert "extract" in run.stderr


def test_python_runs_the_command_line():
    """python -m seisml, where no script is on the path."""
    words = [sys.executable, "-m", "seisml", "features", "nope"]
    run = subprocess.run(words, capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert "There is no feature 'nope'" in run.stderr


def test_run_makes_all_products(small):
    """All products are there, and the events that were planted are found."""
    results = small / "results"
    for name in (
        *("model.skops", "detections.csv", "detections.xml", "baseline.csv"),
        *("comparison.json", "report.html", "run.json"),
    ):
        assert (results / name).stat().st_size > 0
    numbers = json.loads((results / "comparison.json").read_text())
    assert numbers["seisml"]["metrics"]["recall"] > 0.6
    first = (results / "detections.csv").read_text().splitlines()[0]
    assert first.startswith("time,end_time,label,score,station")
    assert len(obspy.read_events(str(results / "detections.xml"))) == len(
        read_catalog(results / "detections.csv")
    )


def test_run_again_makes_nothing(small):
    """A second run finds everything up to date; status says so, exit status 0."""
    before = {p: p.stat().st_mtime_ns for p in (small / "results").rglob("*.*")}
    run = seisml("run", "seisml.toml", cwd=small)
    assert run.returncode == 0
    assert "everything is up to date" in run.stderr
    assert {p: p.stat().st_mtime_ns for p in (small / "results").rglob("*.*")} == before
    states = json.loads(seisml("status", "seisml.toml", "--json", cwd=small).stdout)
    assert {state["state"] for state in states} == {"present"}


def test_status_says_what_is_stale_and_why(small):
    """Changed settings, a lost shard and a lost report are told apart."""
    config = small / "seisml.toml"
    shard = next((small / "results" / "features").glob("*/*.h5"))
    kept = shard.read_bytes()
    try:
        shard.unlink()
        states = json.loads(seisml("status", config, "--json").stdout)
        assert states[0]["n_todo"] == 1
        assert "not made yet" in states[0]["why"]
        config.write_text(SMALL + "noise_per_event = 5\n")
        shard.write_bytes(kept)
        states = {s["stage"]: s for s in json.loads(seisml("status", config, "--json").stdout)}
        assert states["extract"]["state"] == "present"
        assert states["train"]["state"] == "stale"
        assert "training" in states["train"]["why"]
        config.write_text(SMALL.replace("f_max_hz = 8.0", "f_max_hz = 7.5"))
        states = {s["stage"]: s for s in json.loads(seisml("status", config, "--json").stdout)}
        assert "made with other settings" in states["extract"]["why"]
    finally:
        shard.write_bytes(kept)
        config.write_text(SMALL)


def test_scan_counts_what_is_there(small):
    """Scan lists channels with gaps; JSON goes to stdout alone."""
    run = seisml("scan", small / "archive", "--json")
    assert run.returncode == 0
    found = json.loads(run.stdout)
    assert found["layout"] == "SDS"
    assert len(found["channels"]) == 6
    assert sum(channel["gaps"] for channel in found["channels"]) > 0
    assert found["rejected"] == []


def test_train_detect_compare_by_hand(small, tmp_path):
    """The verbs one by one give a model, detections and a comparison."""
    store, model = small / "results" / "features", tmp_path / "m.skops"
    trained = seisml(
        *("train", store, "-c", small / "expert.xml", "-o", model, "-p", small / "seisml.toml")
    )
    assert trained.returncode == 0, trained.stderr
    assert trained.stdout.splitlines()[-1] == str(model)
    out = tmp_path / "d.csv"
    words = ("detect", small / "archive", "-m", model, "-o", out, "--store", store)
    assert seisml(*words).returncode == 0
    from seisml.model import load_detector

    about = json.loads((tmp_path / "d.about.json").read_text())
    assert about["model"] == str(model)
    assert about["thresholds"]["on"] == load_detector(model).on
    assert about["windows_in_sample"] > 0  # a comparison would say how well it remembers
    assert about["adapted_to"] is None
    assert "start" not in about
    page, numbers = tmp_path / "c.html", tmp_path / "c.json"
    run = seisml(
        *("compare", out, small / "expert.xml", "--rule", "picks", "--coverage", store),
        *("--tolerance", 3, "--json", numbers, "--html", page),
    )
    assert run.returncode == 0, run.stderr
    assert json.loads(numbers.read_text())["metrics"]["recall"] > 0.6
    assert "<html" in page.read_text()


def test_detect_in_parts_gives_the_same_events(small, tmp_path):
    """Days one by one, or all at once: the same detections where both look."""
    store, model = small / "results" / "features", small / "results" / "model.skops"
    day = sorted(path.stem[-10:] for path in store.glob("*/*.h5"))[1]
    base = ("detect", small / "archive", "-m", model, "--store", store, "-o")
    assert seisml(*base, tmp_path / "all.csv").returncode == 0
    middle = f"{day}T12:00:00Z"
    assert seisml(*base, tmp_path / "a.csv", "--end", middle).returncode == 0
    assert seisml(*base, tmp_path / "b.csv", "--start", middle).returncode == 0
    whole = read_catalog(tmp_path / "all.csv").events
    parts = [read_catalog(tmp_path / f"{name}.csv").events for name in "ab"]
    assert sum(map(len, parts)) == len(whole)
    times = np.sort(np.concatenate([part["time_ns"] for part in parts]))
    np.testing.assert_array_equal(times, np.sort(whole["time_ns"].to_numpy()))


def test_missing_and_empty_archives(tmp_path):
    """An archive that is not there, or has nothing usable, is one clear message."""
    text = two_lines(seisml("scan", tmp_path / "nothing"), 1)
    assert "no archive at" in text
    (tmp_path / "empty").mkdir()
    assert "no files in" in two_lines(seisml("scan", tmp_path / "empty"), 1)
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "notes.txt").write_text("hello\n" * 50)
    run = seisml("scan", tmp_path / "text")
    assert run.returncode == 1
    assert "no waveform format" in run.stdout
    words = ("extract", tmp_path / "text", "-o", tmp_path / "store")
    assert "usable waveform" in two_lines(seisml(*words), 1)


def test_unreadable_and_foreign_catalogues(small, tmp_path):
    """A broken catalogue, and one of another time, are one clear message each."""
    store = small / "results" / "features"
    broken = tmp_path / "broken.xml"
    broken.write_text((small / "expert.xml").read_text()[:2000])
    words = ("train", store, "-o", tmp_path / "m.skops", "-c")
    assert "broken.xml" in two_lines(seisml(*words, broken), 1)
    assert "nothing.xml" in two_lines(seisml(*words, tmp_path / "nothing.xml"), 1)
    there = {"event_id": "a", "time_ns": 10**18}
    other = make_catalog([there], [{**there, "phase": "P", "station": "XX.A"}])
    write_catalog(other, tmp_path / "other.xml")
    config = tmp_path / "seisml.toml"
    text = SMALL.replace('"archive"', f'"{(small / "archive").as_posix()}"')
    config.write_text(text.replace("expert.xml", "other.xml").replace('"picks"', '"auto"'))
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "features").symlink_to(store)
    assert "no event in the archive's time" in two_lines(seisml("run", config), 1)
    assert not (tmp_path / "m.skops").exists()


def test_model_of_other_features(small, tmp_path):
    """A model that was made with other features is refused with both fingerprints."""
    text = SMALL.replace("f_max_hz = 8.0", "f_max_hz = 7.0")
    (tmp_path / "other.toml").write_text(text)
    store = tmp_path / "store"
    assert (
        seisml(
            "extract",
            small / "archive",
            "-o",
            store,
            "-p",
            tmp_path / "other.toml",
            "--station",
            "*A*",
            "-j",
            2,
        ).returncode
        == 0
    )
    from seisml.detect import detect
    from seisml.errors import FeatureMismatchError
    from seisml.model import load_detector
    from seisml.store import iter_tables

    detector = load_detector(small / "results" / "model.skops")
    with pytest.raises(FeatureMismatchError, match="other settings"):
        detect(iter_tables(store), detector)


def test_bad_settings(tmp_path):
    """A misspelt key is wrong usage (2) with a suggestion; so is a wrong profile."""
    config = tmp_path / "seisml.toml"
    config.write_text("[windows]\nlenght_s = 3\n")
    assert "length_s" in two_lines(seisml("run", config), 2)
    config.write_text("[windows\n")
    assert "no readable TOML" in two_lines(seisml("status", config), 2)
    assert "volcano" in two_lines(seisml("init", "vulcano", "-o", tmp_path / "x.toml"), 2)
    assert "exists already" in two_lines(seisml("init", "volcano", "-o", config), 2)


def test_bad_options_fail_before_any_work(small, tmp_path):
    """No processes, and what is no scheduler, are wrong usage (2); an absent one is told (1)."""
    words = ("extract", small / "archive", "-o", tmp_path / "s")
    assert seisml(*words, "-j", 0).returncode == 2
    for verb in (words, ("run", small / "seisml.toml")):
        text = two_lines(seisml(*verb, "--scheduler", "nonsense"), 2)
        assert "'nonsense' is no Dask scheduler" in text
    began = time.monotonic()
    text = two_lines(seisml(*words, "--scheduler", "tcp://127.0.0.1:9"), 1)
    assert "tcp://127.0.0.1:9 does not answer" in text
    assert time.monotonic() - began < 25
    assert not (tmp_path / "s").exists()


def test_a_store_of_other_settings(small, tmp_path):
    """Extract refuses it and says what differs; --replace makes it anew; run does so unasked."""
    (tmp_path / "seisml.toml").write_text(SMALL)
    (tmp_path / "archive").symlink_to(small / "archive")
    store, config = tmp_path / "s", tmp_path / "seisml.toml"
    words = ("extract", small / "archive", "-o", store, "-p", config, "--station", "*A*")
    assert seisml(*words).returncode == 0
    before = {path: path.read_bytes() for path in store.rglob("*.h5")}
    config.write_text(SMALL.replace("f_max_hz = 8.0", "f_max_hz = 7.5"))
    text = two_lines(seisml(*words), 1)
    assert f"{store} was made with other settings: band.f_max_hz 8.0 there, 7.5 now" in text
    assert "--replace" in text
    assert {path: path.read_bytes() for path in store.rglob("*.h5")} == before
    assert seisml(*words, "--replace").returncode == 0
    assert {path: path.read_bytes() for path in store.rglob("*.h5")} != before
    assert "up to date" in seisml(*words).stderr


def test_extract_takes_a_part_of_the_time(small, tmp_path):
    """Only days from --start to before --end are made."""
    days = sorted({path.stem[-10:] for path in (small / "results" / "features").rglob("*.h5")})
    words = ("extract", small / "archive", "-o", tmp_path / "s", "-p", small / "seisml.toml")
    assert seisml(*words, "--start", days[1], "--end", days[2]).returncode == 0
    assert {path.stem[-10:] for path in (tmp_path / "s").rglob("*.h5")} == {days[1]}


def test_rejected_files_and_failed_days_are_told_by_run(small, tmp_path):
    """A broken file beside the archive's is counted on stderr, and does not change the result."""
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "files").symlink_to(small / "archive")
    (tmp_path / "archive" / "broken").write_text("no waveform")
    (tmp_path / "seisml.toml").write_text(SMALL)
    (tmp_path / "expert.xml").write_bytes((small / "expert.xml").read_bytes())
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "features").symlink_to(small / "results" / "features")
    run = seisml("run", tmp_path / "seisml.toml")
    assert run.returncode == 0, run.stderr
    assert "1 of" in run.stderr
    assert "files rejected" in run.stderr
    assert (tmp_path / "results" / "detections.csv").read_bytes() == (
        small / "results" / "detections.csv"
    ).read_bytes()


def test_debug_shows_the_traceback(tmp_path):
    """--debug anywhere shows what happened in the code; --quiet shows errors still."""
    assert "Traceback" in seisml("scan", tmp_path / "nothing", "--debug").stderr
    assert "no archive" in seisml("--quiet", "scan", tmp_path / "nothing").stderr


def test_features_are_explained(tmp_path):
    """The list names every feature; one is explained with formula and figure; a typo is told."""
    assert "f_centroid" in seisml("features").stdout
    assert "Σ f p" in seisml("features", "f_centroid").stdout
    assert "f_centroid" in two_lines(seisml("features", "f_centriod"), 2)
    assert seisml("features", "crest", "--plot", tmp_path / "crest.png").returncode == 0
    assert (tmp_path / "crest.png").read_bytes()[:4] == b"\x89PNG"
    assert "one feature" in two_lines(seisml("features", "--plot", tmp_path / "x.png"), 2)


def test_catalog_is_summarised_and_converted(small, tmp_path):
    """A catalogue is summarised, and written in another format with the same events."""
    out = tmp_path / "c.csv"
    run = seisml("catalog", small / "expert.xml", "-o", out)
    assert run.returncode == 0
    one, two = read_catalog(small / "expert.xml"), read_catalog(out)
    assert one.events["time_ns"].tolist() == two.events["time_ns"].tolist()


def test_catalog_takes_folders_and_writes_other_formats(tmp_path):
    """A folder with a catalog.toml is a catalogue; formats are checked before any work."""
    impacts = Path(__file__).parents[1] / "catalogs/apollo_impacts"
    out = tmp_path / "impacts.geojson"
    run = seisml("catalog", impacts, "-o", out, "--json")
    assert run.returncode == 0, run.stderr
    assert '"body": "moon"' in run.stdout
    assert len(json.loads(out.read_text())["features"]) == 9
    assert seisml("catalog", out, "-o", tmp_path / "x.txt", "--format", "snuffler").returncode == 0
    assert len(read_catalog(tmp_path / "x.txt")) == 9
    text = two_lines(seisml("catalog", impacts, "-o", tmp_path / "x.csv", "--format", "gojson"), 1)
    assert "Did you mean 'geojson'" in text
    text = two_lines(
        seisml("catalog", impacts, "-o", tmp_path / "x.csv", "--format", "phasenet"), 1
    )
    assert "has 9 events but no picks" in text
    assert not (tmp_path / "x.csv").exists()
    assert "suffix '.dat' names no format" in two_lines(seisml("catalog", out, "-o", "x.dat"), 1)
    assert "as gamma it lacks" in two_lines(
        seisml("catalog", impacts / "catalog.csv", "--from", "gamma"), 1
    )


def test_full_disk_leaves_nothing_half_written(small, tmp_path):
    """With a limit on file sizes extraction stops in two lines, and goes on when there is room."""
    code = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))\n"
        "sys.argv[1:] = {words!r}\n"
        "from seisml.cli import main\nmain()\n"
    )
    words = ["extract", str(small / "archive"), "-o", str(tmp_path / "s")]
    words += ["-p", str(small / "seisml.toml")]
    run = subprocess.run(
        [sys.executable, "-c", code.format(words=words)],
        capture_output=True,
        text=True,
        env={**os.environ, "SEISML_CACHE": str(tmp_path / "cache")},
    )
    assert "cannot be written" in two_lines(run, 1)
    assert not list((tmp_path / "s").rglob("*.part"))
    assert not list((tmp_path / "s").rglob("*.h5"))
    assert seisml(*words, "-j", 2).returncode == 0


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGKILL], ids=lambda s: s.name)
def test_stopped_in_the_middle_goes_on(small, tmp_path, sign):
    """Ctrl-C and kill -9 leave whole shards only; the next run makes the rest, same bytes."""
    store = tmp_path / "s"
    words = ["extract", str(small / "archive"), "-o", str(store), "-p", str(small / "seisml.toml")]
    run = subprocess.Popen(
        [sys.executable, "-m", "seisml.cli", *words], stderr=subprocess.PIPE, text=True
    )
    for _ in range(600):
        if list(store.rglob("*.h5")):
            break
        time.sleep(0.05)
    run.send_signal(sign)
    _, stderr = run.communicate(timeout=60)
    done = {path: path.stat().st_mtime_ns for path in store.rglob("*.h5")}
    assert 0 < len(done) < 6
    if sign == signal.SIGINT:
        assert run.returncode == 130
        assert "interrupted" in stderr
        assert not list(store.rglob("*.part"))
    assert seisml(*words).returncode == 0
    assert all(path.stat().st_mtime_ns == made for path, made in done.items())
    reference = small / "results" / "features"
    for path in store.rglob("*.h5"):
        assert path.read_bytes() == (reference / path.relative_to(store)).read_bytes()


@pytest.mark.parametrize(
    ("verb", "kept"), [("extract", True), ("train", True), ("pretrain", False)]
)
def test_what_is_kept_when_interrupted(verb, kept, monkeypatch, capsys):
    """Station-days and models of folds are kept; where nothing is, that is what is said."""
    from seisml import cli

    monkeypatch.setattr(cli, "app", lambda **_: sys.exit(cli.INTERRUPTED))
    monkeypatch.setattr(sys, "argv", ["seisml", "-q", verb, "x"])
    with pytest.raises(SystemExit):
        cli.main()
    said = capsys.readouterr().err
    assert ("finished is kept" in said) == kept
    assert ("begins anew" in said) != kept
