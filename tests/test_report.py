"""Reports: one page that stands alone, says the right numbers, and lets nothing in."""

import dataclasses
import hashlib
import json
import re
import shutil
import subprocess
from base64 import b64encode
from pathlib import Path

import lxml.html
import numpy as np
import pandas as pd
import pytest

from seisml.archive import open_archive, stations
from seisml.catalog import make_catalog
from seisml.compare import compare
from seisml.errors import NoDataError, SeismlError
from seisml.extract import Plan, extract
from seisml.features import Settings
from seisml.labels import LabelRule, signals
from seisml.metrics import metrics
from seisml.report import MAX_ROWS, Section, comparison_report, headline, write_report
from seisml.report.days import busiest_day
from seisml.segments import Band
from seisml.synthetics import make_archive_small
from seisml.thresholds import MatchRule
from seisml.times import DAY_NS, NS_PER_S, to_ns
from seisml.training import train
from seisml.trainingrule import TrainingRule
from seisml.trainingset import TrainingSet
from seisml.windows import WindowGrid

HOSTILE = "<script>alert(1)</script>"
QUOTES = "\"><img src='http://evil.example/x' onerror=alert(1)>"
CHROMIUM = shutil.which("chromium")
BAND = Band(1.0, 8.0)
START = to_ns("2024-03-01")


@pytest.fixture(scope="session")
def section(tmp_path_factory) -> Section:
    """A detector trained and tested on a small archive, ready for a report."""
    folder = tmp_path_factory.mktemp("report")
    truth = make_archive_small(folder / "archive")
    archive = open_archive(folder / "archive", index=False)
    settings = Settings(
        grid=WindowGrid(6.0, 2.0),
        band_hz=(1.0, 8.0),
        bands_hz=((1, 2), (2, 4), (4, 8)),
        sub_s=0.1,
        spectrum_s=4.0,
        sta_lta_s=(("short", 0.5, 10.0), ("mid", 2.0, 60.0), ("long", 30.0, 300.0)),
        background_s=3600.0,
    )
    names = ("stalta_short_max", "stalta_mid_max", "rel_energy", "band_rel_energy", "kurtosis")
    extract(archive, folder / "store", Plan(BAND, settings, names))
    rule = LabelRule(rule="picks")
    training = train(
        [
            TrainingSet(
                [folder / "store"],
                signals(truth.expert, stations(archive), rule),
                truth.expert,
                rule,
                archive=archive,
            )
        ],
        rule=TrainingRule(model="logistic", noise_per_event=5.0),
        detection={
            "off_ratio": 0.5,
            "merge_gap_s": 2.0,
            "min_duration_s": 0.0,
            "max_duration_s": 300.0,
            "refine_onset": True,
            "onset_search_s": 6.0,
        },
        matching=MatchRule(),
    )
    return Section("Small archive", archive, training, BAND, counts={"fill_samples": 12})


@pytest.fixture(scope="session")
def page(section, tmp_path_factory) -> Path:
    """The report of that training."""
    return write_report(
        tmp_path_factory.mktemp("page") / "report.html",
        [section],
        title="A test",
        settings='profile = "earth-local"',
    )


@pytest.fixture(scope="session")
def quick(section) -> Section:
    """The same without figures of waveforms."""
    return dataclasses.replace(section, archive=None, n_errors=2, n_examples=2)


def parsed(path: Path):
    """Return the page as a tree, after a check that it stands alone."""
    text = path.read_text(encoding="utf-8")
    tree = lxml.html.document_fromstring(text.encode("utf-8"))
    assert text.startswith("<!DOCTYPE html>")
    for element in tree.iter():
        for name, value in element.attrib.items():
            assert not name.startswith("on"), f"{element.tag} has {name}"
            if name in ("src", "href", "srcset", "action", "data"):
                good = value.startswith("data:image/png;base64," if name == "src" else "#")
                assert good, f"{element.tag} {name}={value[:60]}"
    assert not tree.xpath("//link | //iframe | //object | //base")
    assert len(tree.xpath("//script")) == 1
    assert "url(" not in text
    assert "@import" not in text
    for link in tree.xpath("//a/@href"):
        assert tree.get_element_by_id(link[1:]) is not None
    names = tree.xpath("//@id")
    assert len(names) == len(set(names))
    return tree


def blocks(tree) -> list[str]:
    return [text.text_content() for text in tree.xpath("//h3")]


def part(tree, title: str):
    """Return the text between a heading and the next one."""
    heading = next(h for h in tree.xpath("//h3") if h.text_content() == title)
    text = []
    for element in heading.itersiblings():
        if element.tag in ("h3", "details"):
            break
        text.append(element)
    return text


def numbers_of(tree) -> dict[str, list[tuple[str, str]]]:
    """Return name -> [(value, small print)] of the first table."""
    out = {}
    for row in tree.xpath("(//section//table)[1]/tbody/tr"):
        cells = []
        for cell in row.xpath("./td"):
            small = cell.find("small")
            note = "" if small is None else small.text_content()
            cells.append((cell.text_content().removesuffix(note).strip(), note))
        out[cells[0][0]] = cells[1:]
    return out


def event_figures(tree) -> list[str]:
    """Return what stands under the figures of single events."""
    texts = [caption.text_content() for caption in tree.xpath("//figcaption")]
    words = ("Found:", "Missed:", "Unmatched:", "Not scored:")
    return [text for text in texts if text.startswith(words)]


def test_page_has_all_parts(page, section):
    tree = parsed(page)
    assert tree.xpath("//h1")[0].text_content() == "A test"
    wanted = ["Result", "Coverage", "Trade-off and onsets", "Probabilities"]
    wanted += [
        "Recall by kind of event",
        "Classes",
        "Example detections",
        "A whole day",
        "Missed events",
        "Unmatched detections",
        "Archive",
    ]
    assert blocks(tree) == wanted
    folds = [text.text_content() for text in tree.xpath("//summary")]
    assert folds == [
        "Model card",
        "Settings and features of the model",
        "Settings",
        "Versions",
    ]
    assert 'profile = "earth-local"' in tree.text_content()
    assert "scikit-learn" in tree.text_content()
    assert "fill_samples" in tree.text_content()
    test = section.training.test
    assert len(event_figures(tree)) == 6 + min(6, len(test.missed)) + min(6, len(test.unmatched))
    assert len(tree.xpath("//img")) >= len(event_figures(tree)) + 8
    assert all(image.get("alt") and int(image.get("width")) == 594 for image in tree.xpath("//img"))
    assert "unverified, not false" in tree.text_content()


def test_the_day_with_most_events_is_shown(section):
    """Events outside the records do not count; the day is cut to its records."""
    archive, pieces = section.archive, section.archive.pieces
    station = pieces["station"].iloc[0]
    first_ns = int(pieces.loc[pieces["station"] == station, "start_ns"].min())
    times_ns = [first_ns + 10**9] * 2 + [first_ns - 900 * 86400 * 10**9] * 9
    events = pd.DataFrame({"station": ".".join(station.split(".")[:2]), "time_ns": times_ns})
    found, day, start_ns, end_ns = busiest_day(archive, events, "earth")
    assert (found, day, start_ns) == (station, first_ns // DAY_NS, first_ns)
    assert start_ns < end_ns <= (day + 1) * DAY_NS
    assert busiest_day(archive, events[2:], "earth") is None


def test_validation_is_said_in_one_sentence(page, section):
    text = " ".join(parsed(page).text_content().split())
    split = section.training.detector.card["split"]
    assert "Validated on held-out blocks of time" in text
    assert f"{split['n_folds']} folds" in text
    assert "any window within 60 s of it" in text
    assert "threshold chosen on the other blocks" in text


def test_numbers_are_those_of_metrics(page, section):
    shown = numbers_of(parsed(page))
    for column, test in enumerate((section.training.test, section.training.baseline)):
        n = metrics(test)
        values = {name: cells[column] for name, cells in shown.items()}
        for name, key in (
            ("expert events", "n_expert"),
            ("found", "n_matched"),
            ("missed", "n_missed"),
            ("unmatched detections", "n_unmatched"),
        ):
            assert int(values[name][0]) == n[key]
        for name, key in (
            ("recall", "recall"),
            ("precision", "precision"),
            ("F1", "f1"),
            ("unmatched per day", "unmatched_per_day"),
        ):
            low, high = n["intervals"][key]
            assert values[name] == (f"{n[key]:.3f}", f"{low:.3f} to {high:.3f}")
        assert float(values["onset residual, median (s)"][0]) == pytest.approx(
            n["residual_median_s"], abs=5e-4
        )
        low, high = map(float, values["onset residual, median (s)"][1].split(" to "))
        assert low <= n["residual_median_s"] <= high
        assert values["onset residual, spread (s)"][0] == f"{n['residual_sigma_s']:.3f}"
        assert values["time scored (days)"][0] == f"{n['usable_days']:.3f}"


def test_headline_is_what_the_page_says(page, section):
    header, rows = headline(section.training)
    assert header == ["", "seisml", "STA/LTA"]
    shown = numbers_of(parsed(page))
    assert [row[0] for row in rows] == list(shown)
    for name, *values in rows:
        assert values == [f"{text} ({small})" if small else text for text, small in shown[name]]


def test_tables_of_errors_are_complete(page, section):
    tree = parsed(page)
    test = section.training.test
    for title, events in (("Missed events", test.missed), ("Unmatched detections", test.unmatched)):
        table = next(element for element in part(tree, title) if element.xpath(".//table"))
        ids = [row.xpath("./td[last()]")[0].text_content() for row in table.xpath(".//tbody/tr")]
        assert sorted(ids) == sorted(events["event_id"])
    magnitudes = test.missed["magnitude"].sort_values(ascending=False)
    table = part(tree, "Missed events")[1]
    names = [head.text_content() for head in table.xpath(".//thead//th")]
    assert names[:4] == ["time (UTC)", "station", "label", "magnitude"]
    shown = [float(row.xpath("./td")[3].text_content()) for row in table.xpath(".//tbody/tr")]
    assert shown == pytest.approx(magnitudes.tolist())


def test_best_scores_near_missed_events(page, section):
    tree = parsed(page)
    training, grid = section.training, section.training.detector.grid
    table = part(tree, "Missed events")[1]
    names = [head.text_content() for head in table.xpath(".//thead//th")]
    row = table.xpath(".//tbody/tr")[0]
    cells = dict(zip(names, (cell.text_content() for cell in row.xpath("./td")), strict=True))
    event = training.test.missed.set_index("event_id").loc[cells["event"]]
    windows = training.windows[training.windows["station"].str.startswith(event["station"])]
    reach = 3 * NS_PER_S
    near = windows["time_ns"].between(
        event["time_ns"] - reach - grid.length_ns + 1, event["time_ns"] + reach
    )
    assert float(cells["best score"]) == pytest.approx(windows["score"][near].max(), rel=1e-4)
    assert float(cells["best STA/LTA"]) == pytest.approx(windows["baseline"][near].max(), rel=5e-3)


def test_same_input_same_bytes(quick, tmp_path):
    pages = [write_report(tmp_path / name, [quick], title="t").read_bytes() for name in "ab"]
    assert pages[0] == pages[1]
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["a", "b"]


def test_several_sections_have_an_overview(quick, tmp_path):
    other = dataclasses.replace(quick, title="Another", extra=[("magic", "42")])
    said = []
    tree = parsed(
        write_report(tmp_path / "r.html", [quick, other], title="t", on_progress=said.append)
    )
    table = tree.xpath("//header//table")[0]
    assert len(table.xpath("./tbody/tr")) == 4
    assert [h.text_content() for h in tree.xpath("//h2")] == ["Small archive", "Another"]
    assert "magic" in tree.text_content()
    assert "report: Another" in said


def hostile_catalog(name: str, shift_s: float):
    rows = [
        {
            "event_id": f"{HOSTILE}{k}{QUOTES}",
            "time_ns": START + round((7200 * (k + 1) + shift_s) * NS_PER_S),
            "station": "XX.DEMA",
            "label": [QUOTES, HOSTILE, "$x^2$ & co", "地震"][k % 4],
            "quality": HOSTILE * (k % 2),
            "score": 1.0 + k,
        }
        for k in range(8)
    ]
    return make_catalog(rows, name=f"{HOSTILE}{name}")


def hostile_comparison(shift_s: float = 100.0):
    coverage = {"XX.DEMA": [[START, START + 86_400 * NS_PER_S]]}
    pair = hostile_catalog("machine", shift_s), hostile_catalog("expert", 0.0)
    return compare(*pair, tolerance_s=3.0, coverage=coverage)


def test_hostile_texts_are_escaped(section, tmp_path):
    test = hostile_comparison()
    training = dataclasses.replace(section.training, test=test, machine=hostile_catalog("m", 100))
    bad = dataclasses.replace(
        section,
        training=training,
        title=HOSTILE,
        text=QUOTES,
        counts={HOSTILE: 3},
        scan=pd.DataFrame({QUOTES: [HOSTILE]}),
        extra=[(HOSTILE, QUOTES)],
        n_errors=1,
        n_examples=1,
    )
    path = write_report(tmp_path / "r.html", [bad], title=QUOTES, settings=f"a = '{HOSTILE}</pre>'")
    tree = parsed(path)
    assert HOSTILE in tree.text_content()
    assert HOSTILE not in path.read_text()
    parsed(comparison_report(tmp_path / "c.html", test, title=HOSTILE))


def test_only_our_own_script_may_run(page):
    tree = parsed(page)
    script = tree.xpath("//script")[0].text
    policy = tree.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")[0]
    assert b64encode(hashlib.sha256(script.encode()).digest()).decode() in policy
    assert "default-src 'none'" in policy


def emptied(section: Section, machine, expert) -> Section:
    coverage = section.training.test.coverage
    options = {"tolerance_s": 3.0, "coverage": coverage, "by_station": True}
    test = compare(machine, expert, **options)
    training = dataclasses.replace(section.training, machine=machine, test=test, baseline=test)
    return dataclasses.replace(section, training=training)


@pytest.mark.parametrize("case", ["no detections", "no matches", "no expert events", "nothing"])
def test_empty_cases_render(case, section, tmp_path):
    times = START + np.arange(4, 8) * 3600 * NS_PER_S
    events = [{"time_ns": t, "station": "XX.DEMB", "score": 2.0} for t in times]
    later = [{**event, "time_ns": event["time_ns"] + 60 * NS_PER_S} for event in events]
    has = {"no detections": (0, 1), "no matches": (1, 1), "no expert events": (1, 0)}
    machine, expert = has.get(case, (0, 0))
    pair = make_catalog(later * machine, name="seisml"), make_catalog(events * expert, name="x")
    small = dataclasses.replace(emptied(section, *pair), n_errors=1, n_examples=1)
    tree = parsed(write_report(tmp_path / "r.html", [small], title=case))
    text = " ".join(tree.text_content().split())
    assert numbers_of(tree)["onset residual, median (s)"] == [("–", "")] * 2
    assert ("There are no detections." in text) == (not machine)
    assert ("None was missed." in text) == (not expert)
    shown = " ".join(
        element.text_content() for element in tree.xpath("//section/*[not(self::details)]")
    )
    assert "nan" not in shown.split()


def test_without_a_baseline_or_an_archive(quick, tmp_path):
    bare = dataclasses.replace(quick, training=dataclasses.replace(quick.training, baseline=None))
    tree = parsed(write_report(tmp_path / "r.html", [bare], title="t"))
    assert {len(cells) for cells in numbers_of(tree).values()} == {1}
    assert not event_figures(tree)


def test_stations_that_the_archive_lacks_have_no_figures(section, tmp_path):
    events = [{"time_ns": START + 9 * 3600 * NS_PER_S, "station": "YY.NONE", "score": 2.0}]
    c = make_catalog(events, name="x")
    test = compare(c, make_catalog(), tolerance_s=1.0, coverage={"YY.NONE": [[START, 2 * START]]})
    training = dataclasses.replace(section.training, test=test, machine=c)
    other = dataclasses.replace(section, training=training)
    assert not event_figures(parsed(write_report(tmp_path / "r.html", [other], title="t")))


def test_long_tables_are_cut_and_say_so(tmp_path):
    rows = [{"time_ns": START + k * 60 * NS_PER_S, "station": "A.B"} for k in range(MAX_ROWS + 7)]
    test = compare(make_catalog(rows), make_catalog([], name="x"), by_station=True)
    tree = parsed(comparison_report(tmp_path / "c.html", test, title="t"))
    assert len(part(tree, "Unmatched detections")[-1].xpath(".//tbody/tr")) == MAX_ROWS
    assert f"The table has the first {MAX_ROWS}." in tree.text_content()


@pytest.mark.parametrize("coverage", [None, {"XX.DEMA": [[START, START + 10**14]]}])
def test_comparison_report(coverage, tmp_path):
    rng = np.random.default_rng(1)
    times = START + np.sort(rng.integers(0, 86_400, 40)) * NS_PER_S
    make = [
        {"time_ns": t, "end_ns": t + 5 * NS_PER_S, "station": "XX.DEMA", "label": "ab"[t % 2]}
        for t in times
    ]
    machine, expert = make_catalog(make[:30], name="one"), make_catalog(make[5:], name="two")
    c = compare(machine, expert, tolerance_s=3.0, coverage=coverage, mode="interval")
    path = comparison_report(tmp_path / "deep" / "c.html", c, title="Two catalogues")
    tree = parsed(path)
    assert tree.xpath("//h2")[0].text_content() == "one compared with two"
    assert blocks(tree)[:3] == ["Result", "Timeline", "Onsets and curves"]
    assert numbers_of(tree)["recall"][0][0] == f"{metrics(c)['recall']:.3f}"
    assert "Recall by kind of event" in blocks(tree)
    assert path.read_bytes() == comparison_report(path, c, title="Two catalogues").read_bytes()


def test_nothing_to_report_is_refused(tmp_path):
    with pytest.raises(NoDataError, match="nothing to report"):
        write_report(tmp_path / "r.html", [], title="t")


def test_a_page_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SeismlError, match="cannot be written"):
        comparison_report(tmp_path / "file" / "c.html", hostile_comparison(), title="t")


def chromium(folder: Path, *options: str) -> str:
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"]
    command += ["--no-first-run", "--disable-background-networking", "--disable-sync"]
    command += ["--disable-component-update", f"--user-data-dir={folder / 'chromium'}", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium")
@pytest.mark.parametrize("width", [390, 1280])
def test_page_fits_its_window(width, page, tmp_path):
    picture = tmp_path / "page.png"
    size = f"--window-size={width},900"
    chromium(tmp_path, "--hide-scrollbars", f"--screenshot={picture}", size, page.as_uri())
    content = picture.read_bytes()
    assert int.from_bytes(content[16:20]) == width
    # A copy that may run a script of ours, in a frame of that width: windows have a least width.
    text = re.sub(r"<meta http-equiv=[^>]*>", "", page.read_text(encoding="utf-8"))
    script = """<script>
      const table = document.querySelector("table.sort");
      const column = () => Array.from(table.tBodies[0].rows, r => Number(r.cells[1].textContent));
      table.querySelectorAll("th button")[1].click();
      const up = column();
      table.querySelectorAll("th button")[1].click();
      const width = document.documentElement.scrollWidth;
      parent.postMessage(JSON.stringify([width, innerWidth, up, column()]), "*");</script>"""
    copy, frame = tmp_path / "copy.html", tmp_path / "frame.html"
    copy.write_text(text.replace("</body>", f"{script}</body>"), encoding="utf-8")
    frame.write_text(
        '<script>onmessage = event => document.body.append("<" + event.data + ">")</script>'
        f'<iframe src="copy.html" style="width: {width}px; height: 900px; border: 0"></iframe>'
    )
    budget = "--virtual-time-budget=20000"
    dom = chromium(tmp_path, "--dump-dom", budget, "--window-size=1400,1000", frame.as_uri())
    scroll, inner, up, down = json.loads(re.search(r"&lt;(.*)&gt;", dom)[1])
    assert scroll <= inner == width
    assert up == sorted(up)
    assert down == sorted(up, reverse=True)
