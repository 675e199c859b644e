"""Pages of comparisons and catalogues: what is in them, and how they look in a browser."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import lxml.html
import numpy as np
import obspy
import pandas as pd
import pytest

from seisml import plots
from seisml.archive import open_archive
from seisml.catalog import make_catalog
from seisml.cli import main
from seisml.compare import compare
from seisml.completeness import completeness
from seisml.curves import around_tolerance, score_curve
from seisml.formats import write_catalog
from seisml.report import catalog_report, comparison_report
from seisml.segments import Band
from seisml.statistics import statistics
from seisml.summaries import by, confusion
from seisml.times import DAY_NS, NS_PER_S, to_ns

CHROMIUM = shutil.which("chromium")
T0 = to_ns("2024-03-01")


def catalogues():
    """Return ten days of an expert with magnitudes and classes, and of a machine with scores."""
    rng = np.random.default_rng(3)
    n = 300
    table = pd.DataFrame(
        {
            "time_ns": T0 + np.sort(rng.integers(0, 10 * DAY_NS, n)),
            "magnitude": np.round(rng.exponential(0.43, n), 1),
            "magnitude_type": "ML",
            "label": rng.choice(["VT", "LP", "HY"], n),
            "quality": rng.choice(list("ABC"), n),
            "station": rng.choice(["XX.AAA", "XX.BBB"], n),
        }
    )
    hit = rng.random(n) < 1 / (1 + np.exp(-(table["magnitude"] - 0.4) / 0.15))
    found = table[hit].drop(columns=["magnitude", "quality"])
    found["time_ns"] += np.rint(rng.normal(0.2, 0.6, len(found)) * NS_PER_S).astype(np.int64)
    found["score"] = rng.beta(4, 2, len(found))
    alone = {"time_ns": T0 + rng.integers(0, 10 * DAY_NS, 80), "score": rng.beta(2, 4, 80)}
    alone = pd.DataFrame({**alone, "label": "VT", "station": "XX.AAA"})
    expert = make_catalog(table, name="expert")
    return make_catalog(pd.concat([found, alone], ignore_index=True), name="machine"), expert


def coverage():
    day = [[T0, T0 + 4 * DAY_NS], [T0 + 5 * DAY_NS, T0 + 10 * DAY_NS]]
    return {"XX.AAA": day, "XX.BBB": day[1:]}


@pytest.fixture(scope="module")
def comparison():
    return compare(*catalogues(), tolerance_s=3.0, coverage=coverage())


@pytest.fixture(scope="module")
def folder(tmp_path_factory, comparison) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    comparison_report(folder / "comparison.html", comparison, title="Two catalogues")
    found = statistics(catalogues()[1], coverage=coverage())
    catalog_report(folder / "catalog.html", found, title="One catalogue")
    return folder


def tree_of(path):
    return lxml.html.document_fromstring(path.read_bytes())


def test_comparison_has_every_part(folder, comparison):
    tree = tree_of(folder / "comparison.html")
    titles = [heading.text_content() for heading in tree.xpath("//h3")]
    assert titles == [
        "Result",
        "Timeline",
        "Onsets and curves",
        "Recall by kind of event",
        "Classes",
        "Missed events",
        "Unmatched detections",
    ]
    captions = [caption.text_content() for caption in tree.xpath("//figcaption")]
    wanted = ("Time that was scored", "Onset of the machine", "What is found against")
    wanted += ("Precision against recall", "The same catalogues matched", "What is found over")
    groups = ("class", "quality", "magnitude", "station", "hour (UTC)")
    wanted += (*(f"Recall by {name}" for name in groups), "Classes of the expert")
    assert [one for one in wanted if not any(text.startswith(one) for text in captions)] == []
    tables = tree.xpath("//table[contains(@class, 'filter')]")
    counts = [len(table.xpath("./tbody/tr")) for table in tables]
    assert counts == [len(comparison.missed), len(comparison.unmatched)]


def test_catalog_has_every_part(folder):
    tree = tree_of(folder / "catalog.html")
    titles = [heading.text_content() for heading in tree.xpath("//h3")]
    assert titles == ["Numbers", "Rates", "Magnitudes", "Duplicates"]
    assert len(tree.xpath("//img")) == 4
    text = tree.text_content()
    assert "complete from (b-stability)" in text
    assert "±" in text


def test_same_comparison_same_bytes(folder, comparison, tmp_path):
    again = comparison_report(tmp_path / "again.html", comparison, title="Two catalogues")
    assert again.read_bytes() == (folder / "comparison.html").read_bytes()


def test_worst_errors_are_shown_where_there_are_waveforms(comparison, tmp_path):
    rng = np.random.default_rng(0)
    worst = comparison.missed.sort_values("magnitude").iloc[-1]
    header = {"network": "XX", "station": worst["station"][3:], "channel": "HHZ"}
    header |= {"sampling_rate": 20.0, "starttime": obspy.UTCDateTime(ns=worst["time_ns"]) - 300}
    trace = obspy.Trace(rng.normal(0, 1000, 12_000).astype(np.int32), header)
    trace.write(str(tmp_path / "a.mseed"), format="MSEED")
    archive = open_archive(tmp_path, index=False)
    options = {"archive": archive, "band": Band(1.0, 8.0), "n_errors": 2}
    page = comparison_report(tmp_path / "c.html", comparison, title="t", **options)
    captions = [text.text_content() for text in tree_of(page).xpath("//figcaption")]
    missed = [text for text in captions if text.startswith("Missed:")]
    assert missed
    assert f"magnitude {worst['magnitude']:g}" in missed[0]
    assert all(worst["station"] in text for text in missed)


def test_events_of_a_network_are_shown_at_a_station_that_recorded(tmp_path):
    header = {"network": "XX", "station": "AAA", "channel": "HHZ", "sampling_rate": 20.0}
    header["starttime"] = obspy.UTCDateTime(ns=T0)
    data = np.random.default_rng(0).normal(0, 1000, 12_000).astype(np.int32)
    obspy.Trace(data, header).write(str(tmp_path / "a.mseed"), format="MSEED")
    expert = make_catalog([{"time_ns": T0 + 300 * NS_PER_S}], name="e")
    c = compare(make_catalog([], name="m"), expert)
    options = {"archive": open_archive(tmp_path, index=False), "band": Band(1.0, 8.0)}
    page = comparison_report(tmp_path / "c.html", c, title="t", **options)
    assert "Missed: at XX.AAA, 2024-03-01 00:05:00" in tree_of(page).text_content()


# ------------------------------------------------------------------------------- figures


def test_curves_have_intervals(comparison):
    curve = score_curve(comparison, n_max=12, n_boot=200)
    assert (curve["recall_low"] <= curve["recall"]).all()
    assert (curve["recall"] <= curve["recall_high"]).all()
    ax = plots.plot_curves({"machine": curve}).axes[0]
    assert len(ax.collections) == 1  # the band
    ax = plots.plot_precision({"machine": curve}, points={"machine": (0.5, 0.5)}).axes[0]
    assert len(ax.collections) == 2  # the crosses
    table = around_tolerance(comparison, n_shifts=5, n_boot=50)
    assert table["tolerance_s"].tolist() == pytest.approx(
        [0.3, 0.6, 1.05, 1.8, 3.0, 4.5, 7.5, 12.0]
    )
    assert table["n_matched"][4] == len(comparison.matched)
    ax = plots.plot_tolerance(table, used_s=3.0).axes[0]
    assert {line.get_label() for line in ax.get_lines()} >= set()
    assert len(ax.get_legend().get_texts()) == 4


@pytest.mark.parametrize("column", ["class", "quality", "magnitude", "hour", "station"])
def test_recall_bars_are_those_of_the_table(comparison, column):
    table = by(comparison, column)
    ax = plots.plot_recall(table).axes[0]
    heights = [bar.get_height() for bar in ax.patches]
    assert heights == pytest.approx(table["recall"].tolist())
    assert [text.get_text() for text in ax.texts] == table["n_expert"].astype(str).tolist()
    assert (table["low"] <= table["recall"]).all()


def test_magnitudes_are_in_order(comparison):
    names = by(comparison, "magnitude")["magnitude"].tolist()
    assert names == sorted(names, key=lambda name: float(name.split()[0]))
    assert not any(name.startswith("-0.0") for name in names)


def test_confusion_numbers_are_written(comparison):
    table = confusion(comparison)
    ax = plots.plot_confusion(table).axes[0]
    assert len(ax.texts) == table.size - 1  # not what neither has
    assert sum(int(text.get_text()) for text in ax.texts) == int(table.to_numpy().sum())


def test_completeness_curve_is_drawn(comparison):
    fit = completeness(comparison, n_boot=50)
    values = comparison.expert["magnitude"].to_numpy()
    hit = comparison.expert["event_id"].isin(comparison.matched["expert_id"]).to_numpy()
    ax = plots.plot_completeness(fit, values, hit).axes[0]
    texts = " ".join(text.get_text() for text in ax.get_legend().get_texts())
    assert f"50 %: {fit.where(fit.half)}" in texts
    assert fit.half == pytest.approx(0.4, abs=0.12)


def test_figures_of_nothing():
    nothing = compare(make_catalog(), make_catalog())
    for figure in (
        plots.plot_precision({}),
        plots.plot_tolerance(around_tolerance(nothing)),
        plots.plot_recall(by(nothing, "class")),
        plots.plot_confusion(confusion(nothing)),
    ):
        assert plots.png(figure).startswith(b"\x89PNG")


# ------------------------------------------------------------------------------- browser


def chromium(folder: Path, *options: str) -> str:
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"]
    command += ["--no-first-run", "--disable-background-networking", "--disable-sync"]
    command += ["--disable-component-update", f"--user-data-dir={folder / 'chromium'}", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


PROBE = """<script>
  const wide = Array.from(document.querySelectorAll("body *")).filter(element => {
    const scrolls = element.closest(".box, pre");
    return !scrolls && element.getBoundingClientRect().right > innerWidth + 1;
  });
  const small = Array.from(document.querySelectorAll("p, td, th, figcaption, a, small"))
    .filter(element => parseFloat(getComputedStyle(element).fontSize) < 11);
  const table = document.querySelector("table.filter");
  const shown = () => Array.from(table ? table.tBodies[0].rows : []).filter(row => !row.hidden);
  const counts = [shown().length];
  if (table) {
    const input = table.closest(".part").querySelector("input");
    for (const words of ["vt", "vt xx.aaa", "-vt", "no such words", ""]) {
      input.value = words;
      input.dispatchEvent(new Event("input"));
      counts.push(shown().length);
    }
  }
  const broken = Array.from(document.images).filter(image => !image.naturalWidth);
  parent.postMessage(JSON.stringify({
    scroll: document.documentElement.scrollWidth, inner: innerWidth,
    wide: wide.map(e => e.outerHTML.slice(0, 80)), small: small.map(e => e.textContent),
    counts, broken: broken.length}), "*");</script>"""


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium")
@pytest.mark.parametrize("page", ["comparison", "catalog"])
@pytest.mark.parametrize("width", [390, 1280])
def test_pages_fit_a_phone_and_a_desk_and_can_be_filtered(
    page, width, folder, comparison, tmp_path
):
    # A copy that may run a script of ours, in a frame of that width: windows have a least width.
    text = (folder / f"{page}.html").read_text(encoding="utf-8")
    text = re.sub(r"<meta http-equiv=[^>]*>", "", text)
    copy, frame = tmp_path / "copy.html", tmp_path / "frame.html"
    copy.write_text(text.replace("</body>", f"{PROBE}</body>"), encoding="utf-8")
    frame.write_text(
        '<script>onmessage = event => document.body.append("<" + event.data + ">")</script>'
        f'<iframe src="copy.html" style="width: {width}px; height: 900px; border: 0"></iframe>'
    )
    budget = "--virtual-time-budget=20000"
    dom = chromium(tmp_path, "--dump-dom", budget, "--window-size=1400,1000", frame.as_uri())
    seen = json.loads(lxml.html.fromstring(re.search(r"&lt;({.*})&gt;", dom, re.S)[1]).text)
    assert seen["scroll"] <= seen["inner"] == width
    assert (seen["wide"], seen["small"], seen["broken"]) == ([], [], 0)
    missed = comparison.missed
    if page == "comparison":
        is_vt, at_a = missed["label"] == "VT", missed["station"] == "XX.AAA"
        n = len(missed)
        assert seen["counts"] == [n, is_vt.sum(), (is_vt & at_a).sum(), n - is_vt.sum(), 0, n]


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium")
def test_a_page_asks_for_nothing_from_the_network(folder, tmp_path):
    log = tmp_path / "net.json"
    page = folder / "comparison.html"
    picture = f"--screenshot={tmp_path / 'p.png'}"
    chromium(tmp_path, f"--log-net-log={log}", picture, "--window-size=1280,900", page.as_uri())
    assert (tmp_path / "p.png").stat().st_size > 20_000
    asked = re.findall(r'"url":"(https?://[^"]*)"', log.read_text(errors="replace"))
    assert not [url for url in asked if "google" not in url and "gstatic" not in url]


# ---------------------------------------------------------------------- the command line


@pytest.fixture
def seisml(monkeypatch, capsys):
    """Run the command line in this process; return exit code, stdout, stderr."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["seisml", *map(str, words)])
        with pytest.raises(SystemExit) as stopped:
            main()
        return stopped.value.code or 0, *capsys.readouterr()

    return run


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    for name, catalog in zip(("machine", "expert"), catalogues(), strict=True):
        write_catalog(catalog, folder / f"{name}.csv")
    rows = [
        f"{station},{pd.Timestamp(a).isoformat()}Z,{pd.Timestamp(b).isoformat()}Z"
        for station, spans in coverage().items()
        for a, b in spans
    ]
    (folder / "coverage.csv").write_text("\n".join(["station,start,end", *rows]) + "\n")
    return folder


def test_compare_with_all_options(seisml, files, comparison, tmp_path):
    options = ["--tolerance", 3, "--coverage", files / "coverage.csv", "--zone", "UTC"]
    options += ["--by", "class,quality,station,hour,magnitude", "--taxonomy", "volcano"]
    options += ["--json", tmp_path / "c.json", "--html", tmp_path / "c.html"]
    code, text, _ = seisml("compare", files / "machine.csv", files / "expert.csv", *options)
    assert code == 0
    assert "unmatched per day" in text
    assert "false alarm" not in text
    out = json.loads((tmp_path / "c.json").read_text())
    counts = {name: out["metrics"][f"n_{name}"] for name in ("matched", "missed", "unmatched")}
    assert counts == {name: len(getattr(comparison, name)) for name in counts}
    assert set(out["by"]) == {"class", "quality", "station", "hour", "magnitude"}
    metrics = out["metrics"]
    assert metrics["unmatched_per_hour"] == pytest.approx(metrics["unmatched_per_day"] / 24)
    assert metrics["jaccard"] == pytest.approx(counts["matched"] / sum(counts.values()))
    assert (tmp_path / "c.html").stat().st_size > 100_000


@pytest.mark.parametrize("mode", ["interval", "overlap", "iou"])
def test_interval_modes_from_the_command_line(seisml, tmp_path, mode):
    for name, shift_s in (("one", 0), ("two", 5)):
        start = T0 + np.arange(20) * 600 * NS_PER_S + shift_s * NS_PER_S
        table = pd.DataFrame({"time_ns": start, "end_ns": start + 20 * NS_PER_S})
        write_catalog(make_catalog(table), tmp_path / f"{name}.csv")
    words = ["compare", tmp_path / "one.csv", tmp_path / "two.csv", "--mode", mode]
    words += ["--tolerance", 1]
    assert "20 of 20 expert" in seisml(*words, "--overlap", 0.5)[1]
    assert "matched\t0 of 20 expert" in seisml(*words, "--overlap", 0.8)[1]


def test_events_without_a_class_are_named_in_the_table(seisml, tmp_path):
    """Not a blank where the name of the class stands."""
    one = tmp_path / "one.csv"
    one.write_text("event_id,time,label\na,2020-01-01T00:00:00Z,\nb,2020-01-02T00:00:00Z,LF\n")
    text = seisml("compare", one, one, "--by", "class")[1]
    assert "(none)" in text.split("recall")[-1]
    code, _, error = seisml("compare", one, one, "--by", "hour", "--local-offset", 1e9)
    assert code == 2
    assert "-24 to 24 hours" in error


def test_catalog_statistics_from_the_command_line(seisml, files, tmp_path):
    words = ["catalog", files / "expert.csv", "--stats"]
    options = ["--coverage", files / "coverage.csv", "--local-offset", 2]
    text = seisml(*words, *options, "--html", tmp_path / "s.html")[1]
    assert "complete from (MAXC)" in text
    assert "UTC+2" in tree_of(tmp_path / "s.html").text_content()
    out = json.loads(seisml(*words, "--json")[1])
    assert out["statistics"]["n_events"] == 300
    assert out["statistics"]["fits"]["MAXC"]["b"] == pytest.approx(1.0, abs=0.25)
    assert len(out["by_hour"]) == 24


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--mode", "iuo"], "iou"),
        (["--taxonomy", "marz"], "mars"),
        (["--mode", "iou"], "no event has an end"),
        (["--by", "clas"], "no column 'clas'"),
        (["--overlap", 2, "--mode", "interval"], "min_overlap"),
    ],
)
def test_wrong_options_are_told(seisml, files, words, text):
    code, _, error = seisml("compare", files / "machine.csv", files / "expert.csv", *words)
    assert code in (1, 2)
    assert text in error
