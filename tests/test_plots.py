"""Figures: what they show, what they say where there is nothing, and that nothing overlaps."""

import itertools
import subprocess
import sys
from itertools import pairwise

import matplotlib as mpl
import numpy as np
import obspy
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from seisml import plots
from seisml.archive import open_archive
from seisml.catalog import make_catalog
from seisml.compare import compare
from seisml.curves import score_curve
from seisml.errors import ConfigError, FeatureError
from seisml.features import get_feature
from seisml.segments import Band
from seisml.times import NAT, NS_PER_S, to_ns
from seisml.windows import WindowGrid

START = to_ns("2024-03-01T00:00:00")
GAP = START + 300 * NS_PER_S
BAND = Band(1.0, 8.0)
GRID = WindowGrid(6.0, 2.0)


def seconds(*values):
    """Return instants after the start of the archive."""
    return [START + round(value * NS_PER_S) for value in values]


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Ten minutes at two stations, with a gap of 20 s and an event at 100 s."""
    folder = tmp_path_factory.mktemp("plots")
    rng = np.random.default_rng(0)
    for station, channels in (("AAA", ("HHN", "HHZ")), ("BBB", ("HHE", "HHN"))):
        for channel in channels:
            data = rng.normal(0, 1e5, 12_000)
            data[2000:2200] *= 20
            parts = obspy.Stream()
            for first, stop in ((0, 6000), (6400, 12_000)):
                header = {"network": "XX", "station": station, "channel": channel}
                header["sampling_rate"] = 20.0
                header["starttime"] = obspy.UTCDateTime(ns=START) + first / 20
                parts += obspy.Trace(data[first:stop].astype(np.int32), header)
            parts.write(str(folder / f"{station}.{channel}.mseed"), format="MSEED")
    return open_archive(folder, index=False)


def score(n=300, low=1e-4):
    values = np.full(n, low)
    values[48:54] = 3.0
    return START + np.arange(n) * GRID.hop_ns, values


def draw(archive, at_s=100.0, station="XX.AAA..HH", **options):
    options = {"grid": GRID, "score": score(), "before_s": 40, "after_s": 60, **options}
    return plots.plot_event(archive, station, seconds(at_s)[0], band=BAND, **options)


def comparison(machine_s, expert_s, **options):
    def catalog(times, name):
        rows = [
            {"time_ns": t, "end_ns": t + NS_PER_S, "station": "XX.AAA", "score": 1 + k}
            for k, t in enumerate(seconds(*times))
        ]
        return make_catalog(rows, name=name)

    coverage = {"XX.AAA": [[START, GAP]], "XX.BBB": [[START, START + 2 * (GAP - START)]]}
    options = {"tolerance_s": 3.0, "coverage": coverage, "by_station": True, **options}
    return compare(catalog(machine_s, "seisml"), catalog(expert_s, "expert"), **options)


def legible(figure: Figure) -> None:
    """Check fonts, and that no title, legend or axis label lies on an axes' data."""
    assert plots.png(figure, dpi=int(figure.dpi)).startswith(b"\x89PNG")
    texts = [t for t in figure.findobj(Text) if t.get_visible() and t.get_text().strip()]
    assert min(text.get_fontsize() for text in texts) >= 9
    legends = [*figure.legends, *(ax.get_legend() for ax in figure.axes if ax.get_legend())]
    labels = [label for ax in figure.axes for label in (ax.xaxis.label, ax.yaxis.label, ax.title)]
    outside = [*legends, *(text for text in labels if text.get_text())]
    outside += [t for t in figure.texts if t.get_text() and t.get_text() == figure.get_suptitle()]
    boxes = [one.get_window_extent() for one in outside]
    panels = [ax.get_window_extent() for ax in figure.axes]
    for k, box in enumerate(boxes):
        assert figure.bbox.x0 <= box.x0 + 1
        assert box.x1 <= figure.bbox.x1 + 1
        assert not any(box.shrunk(0.98, 0.98).overlaps(panel) for panel in panels)
        assert not any(box.shrunk(0.98, 0.98).overlaps(other) for other in boxes[:k])
    for ax in figure.axes:
        ticks = [t for t in ax.get_xticklabels() if t.get_visible() and t.get_text()]
        ticks = [t.get_window_extent() for t in ticks if not t.get_rotation()]
        inside = [box for box in ticks if box.x1 > ax.bbox.x0 and box.x0 < ax.bbox.x1]
        assert not any(one.overlaps(two) for one, two in pairwise(inside))


def words(figure) -> str:
    return "\n".join(text.get_text() for text in figure.findobj(Text))


def test_event_has_three_labelled_panels(archive):
    spans = {"expert": [seconds(99, 112)], "machine": [seconds(100, 108)]}
    figure = draw(archive, what="found", **spans)
    legible(figure)
    wave, spectrum, scores, bar = figure.axes[0], *figure.axes[1:3], figure.axes[3]
    assert wave.get_ylabel() == "HHZ, 1–8 Hz\n(10⁶ counts)"
    assert spectrum.get_ylabel() == "frequency (Hz)"
    assert scores.get_ylabel() == "score /\nthreshold"
    assert scores.get_xlabel() == "time (UTC)"
    assert bar.get_ylabel() == "dB re 1 counts²/Hz"
    assert scores.get_yscale() == "log"
    assert figure.get_suptitle() == "XX.AAA..HHZ   2024-03-01 00:01:40 UTC   found"
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["expert: onset, end", "machine: onset, end", "threshold"]
    assert 7 < spectrum.get_ylim()[1] <= 8.3  # 0.8 Nyquist
    assert wave.get_xlim() == spectrum.get_xlim() == scores.get_xlim()


def test_the_same_input_gives_the_same_bytes(archive):
    assert plots.png(draw(archive)) == plots.png(draw(archive))


def test_score_stands_at_window_centres(archive):
    line = draw(archive).axes[2].get_lines()[1]
    highest = line.get_xdata()[np.argmax(line.get_ydata())] * 86_400 - START / NS_PER_S
    assert highest == pytest.approx(48 * 2 + 3, abs=1e-3)


def test_gaps_stay_gaps(archive):
    time_ns, values = score()
    known = (time_ns < GAP) | (time_ns > GAP + 20 * NS_PER_S)
    figure = draw(archive, 310, score=(time_ns[known], values[known]), before_s=60, after_s=60)
    legible(figure)
    before, after = (line.get_xdata() * 86_400 - START / 1e9 for line in figure.axes[0].get_lines())
    assert before[-1] == pytest.approx(299.95, abs=1e-3)
    assert after[0] > 320
    assert np.isnan(figure.axes[2].get_lines()[1].get_ydata()).sum() == 1
    assert len(figure.axes[1].collections) == 2


def test_first_channel_where_there_is_no_vertical(archive):
    figure = draw(archive, station="XX.BBB..HH")
    assert figure.axes[0].get_ylabel().startswith("HHE")


def test_event_without_samples_says_so(archive):
    figure = draw(archive, 3600)
    legible(figure)
    assert words(figure).count("no samples in the archive at this time") == 2
    assert "no scored windows at this time" in words(figure)


def test_event_without_score_or_events(archive):
    figure = draw(archive, score=None, grid=None)
    legible(figure)
    assert len(figure.axes) == 3
    assert not figure.legends
    assert figure.axes[1].get_xlabel() == "time (UTC)"


def test_only_events_in_sight_are_drawn(archive):
    machine = [seconds(10, 20), (seconds(110)[0], NAT), seconds(500, 510)]
    figure = draw(archive, machine=machine)
    assert len(figure.axes[0].get_lines()) == 2  # the record and one onset
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["machine: onset, end", "threshold"]


def test_scores_that_are_not_numbers(archive):
    time_ns, values = score(low=0.0)
    values[60:] = np.nan
    legible(draw(archive, score=(time_ns, values)))
    figure = draw(archive, score=(time_ns, np.full(len(values), np.nan)))
    assert "no scored windows at this time" in words(figure)


def test_low_bands_have_a_logarithmic_axis(archive):
    figure = plots.plot_event(archive, "XX.AAA..HH", seconds(150)[0], band=Band(0.1, 8.0))
    legible(figure)
    assert figure.axes[1].get_yscale() == "log"
    narrow = plots.plot_event(archive, "XX.AAA..HH", seconds(150)[0], band=Band(0.5, 1.0))
    assert narrow.axes[1].get_ylim()[1] == 2.5


def test_nothing_to_show_is_refused(archive):
    with pytest.raises(ConfigError, match="nothing to show"):
        draw(archive, before_s=0, after_s=0)


def test_coverage_rows_bars_and_ticks():
    c = comparison([10, 50], [10, 100, 200])
    network = pd.DataFrame({"station": ["XX.CCC", "", "XX.BBB.00.HH"], "time_ns": seconds(1, 2, 3)})
    figure = plots.plot_coverage(c.coverage, expert=c.expert, machine=network)
    legible(figure)
    (ax,) = figure.axes
    assert [t.get_text() for t in ax.get_yticklabels()] == ["(any)", "XX.AAA", "XX.BBB", "XX.CCC"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time (UTC)", "station")
    ticks = [c for c in ax.collections if hasattr(c, "get_segments")]
    assert [len(c.get_segments()) for c in ticks] == [3, 3]
    assert all(segment[0, 1] > 2 for segment in ticks[0].get_segments())  # above the bar of AAA


def test_long_gaps_are_cut_out_of_a_timeline():
    day = 86_400 * 10**9
    cover = {"XX.AAA": np.array([[START, START + day], [START + 30 * day, START + 31 * day]])}
    events = pd.DataFrame({"station": "XX.AAA", "time_ns": [START + 1, START + 30 * day]})
    figure = plots.plot_coverage(cover, expert=events)
    legible(figure)
    left, right = figure.axes
    for ax, start in ((left, START), (right, START + 30 * day)):
        low, high = ax.get_xlim()
        assert low * day <= start < start + day <= high * day
        assert (high - low) < 1.1
    assert [t.get_text() for t in left.get_yticklabels()] == ["XX.AAA"]
    assert "time (UTC), with gaps" in words(figure)


@pytest.mark.parametrize("size", [1.0, 0.015, 2e-5])
def test_small_falls_have_legible_numbers(size):
    """Numbers of many digits stand apart, whatever the size of the falls and the resolution."""
    rows = {"name": ["Peak_Envelope_Amplitude"] * 20, "importance": np.linspace(0.6, 0, 20) * size}
    rows |= {"low": rows["importance"] - 0.12 * size, "high": rows["importance"] + 0.4 * size}
    figure = plots.plot_importance(pd.DataFrame(rows))
    plots.png(figure)  # as a page has it
    legible(figure)
    boxes = [label.get_window_extent() for label in figure.axes[0].get_xticklabels()]
    assert not any(one.overlaps(other) for one, other in pairwise(boxes))


def test_long_names_of_classes_do_not_overlap():
    names = ["HIGH_FREQUENCY", "LOW_FREQUENCY", "VERY_HIGH_FREQUENCY", "(missed)"]
    table = pd.DataFrame(np.eye(4, dtype=int), index=names, columns=names)
    ax = plots.plot_confusion(table).axes[0]
    assert {label.get_rotation() for label in ax.get_xticklabels()} == {35.0}
    short = table.set_axis(["a", "b", "c", "d"], axis=1)
    assert {t.get_rotation() for t in plots.plot_confusion(short).axes[0].get_xticklabels()} == {
        0.0
    }


@pytest.mark.parametrize("coverage", [None, {}, {"XX.AAA": np.empty((0, 2), np.int64)}])
def test_coverage_of_nothing(coverage):
    figure = plots.plot_coverage(coverage)
    legible(figure)
    assert "no data and no events" in words(figure)


def test_residuals_state_median_and_spread():
    figure = plots.plot_residuals(comparison([10.1, 50.3, 99], [10, 50, 100]))
    legible(figure)
    (ax,) = figure.axes
    assert ax.get_title() == "median +0.100 s, 1.4826 MAD 0.297 s, n = 3"
    assert ax.get_xlabel() == "onset, machine − expert (s)"
    assert ax.get_ylabel() == "matched events"
    assert "tolerance ±3 s" in words(figure)


def test_residuals_with_several_tolerances():
    c = comparison([10.1, 50.3], [10, 50, 100], tolerance_s=np.array([1.0, 2.0, 3.0]))
    figure = plots.plot_residuals(c)
    legible(figure)
    assert "largest tolerance ±3 s" in words(figure)


@pytest.mark.parametrize("tolerance_s", [0.0, 3.0])
def test_residuals_without_matches(tolerance_s):
    figure = plots.plot_residuals(comparison([10], [50], tolerance_s=tolerance_s))
    legible(figure)
    assert "no matches" in words(figure)


def test_curves_mark_working_points():
    c = comparison([10, 50, 80], [10, 80, 100])
    curve = score_curve(c)
    last = (curve["unmatched_per_day"].iloc[0], curve["recall"].iloc[0])
    figure = plots.plot_curves({"seisml": curve, "$STA/LTA$": curve}, points={"seisml": last})
    legible(figure)
    (ax,) = figure.axes
    assert ax.get_xlabel() == "unmatched detections per day"
    assert ax.get_ylabel() == "recall (share found)"
    circle = next(line for line in ax.get_lines() if line.get_marker() == "o")
    assert (circle.get_xdata()[0], circle.get_ydata()[0]) == last
    assert r"\$STA/LTA\$" in words(figure)  # dollars are no formula


def test_curves_without_usable_time():
    c = comparison([10, 50, 80], [10, 80, 100], coverage=None)
    figure = plots.plot_curves({"seisml": score_curve(c)})
    legible(figure)
    assert figure.axes[0].get_xlabel() == "unmatched detections"


def test_curves_of_nothing():
    for curves in ({}, {"seisml": score_curve(comparison([], [10]))}):
        figure = plots.plot_curves(curves, points={"seisml": (np.nan, np.nan)})
        legible(figure)
        assert "no scored detections" in words(figure)


def test_axes_can_be_given():
    c = comparison([10], [10, 50])
    figure = Figure(layout="constrained")
    axes = figure.subplots(3)
    assert plots.plot_coverage(c.coverage, ax=axes[0]) is axes[0]
    assert plots.plot_residuals(c, ax=axes[1]) is axes[1]
    assert plots.plot_curves({"seisml": score_curve(c)}, ax=axes[2]) is axes[2]


@pytest.mark.parametrize("n", [1, 12, 80, 500])
def test_a_network_of_any_size_fits_a_page(n):
    """Rows grow thinner, of hundreds of stations some are named; names never overlap."""
    span = np.array([[0, 86_400 * 10**9]])
    figure = plots.plot_coverage({f"XX.S{k:03d}": span for k in range(n)})
    assert figure.get_size_inches()[1] < 14
    figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in figure.axes[0].get_yticklabels()]
    assert boxes
    tops = sorted((box.y0, box.y1) for box in boxes)
    assert all(low[1] <= high[0] + 1 for low, high in itertools.pairwise(tops))


def test_the_users_style_comes_back():
    with mpl.rc_context({"font.size": 23.0, "text.color": "red"}):
        plots.png(plots.plot_residuals(comparison([10], [10])))
        assert mpl.rcParams["font.size"] == 23.0
        assert mpl.rcParams["text.color"] == "red"


def test_glyphs_that_the_font_lacks_are_no_error():
    events = pd.DataFrame({"station": ["汉.字"], "time_ns": [START]})
    assert plots.png(plots.plot_coverage(None, expert=events)).startswith(b"\x89PNG")


def test_pyplot_is_left_alone():
    code = "import sys, seisml.plots; print('matplotlib.pyplot' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_feature_beside_the_records_that_it_is_of():
    """Four records and the course of kurtosis: near 3 in noise, 1.5 on a sine, high at onsets."""
    figure = plots.plot_feature(get_feature("kurtosis"))
    values = [ax.get_lines()[0].get_ydata() for ax in figure.axes[1::2]]
    noise, sine, burst, tremor = (np.asarray(one) for one in values)
    assert np.abs(noise - 3).max() < 0.5
    np.testing.assert_allclose(sine, 1.5, atol=0.01)
    assert burst.max() > 10 > tremor.max() > 5
    assert figure.axes[0].get_title(loc="left") == "white noise"
    bands = plots.plot_feature(get_feature("band_rel_energy"))
    assert [text.get_text() for text in bands.legends[0].get_texts()][:2] == ["1-2Hz", "2-4Hz"]
    with pytest.raises(FeatureError, match="needs three components"):
        plots.plot_feature(get_feature("hv_log"))


def test_a_timeline_of_very_many_events_draws_what_can_be_seen():
    """As many lines as pixels, none of a row that has events missing, at the first of each."""
    from seisml.plots.timeline import MOST_LINES, _distinct

    time_ns = np.arange(100_000, dtype=np.int64) * 10**9
    y = (np.arange(100_000) % 2).astype(float)
    seen = _distinct(time_ns, y, (0, int(time_ns[-1])))
    assert len(seen) <= 2 * (MOST_LINES + 1)
    assert seen[:2].tolist() == [0, 1]
    few = _distinct(time_ns[:50], y[:50], (0, int(time_ns[-1])))
    assert few.tolist() == sorted(set(few.tolist()))
    assert len(_distinct(time_ns[::500], y[::500], (0, int(time_ns[-1])))) == 200


@pytest.mark.parametrize("maxticks", [3, 4, 6, 8])
def test_a_time_axis_finds_ticks_for_any_time(maxticks):
    """From seconds to years, and between: no warning, and some ticks but not too many."""
    from seisml.plots.style import time_axis

    for length_s in (2, 50, 100, 3000, 7000, 7300, 10_700, 80_000, 170_000, 2e6, 3e7):
        ax = Figure().subplots()
        time_axis(ax, (10**18, 10**18 + round(length_s * 1e9)), maxticks=maxticks)
        assert len(ax.get_xticks()) <= maxticks + 1


@pytest.mark.parametrize("days", [(5.2, 0.35), (0.3, 0.02, 0.3), (40.0, 3.0), (0.1,), (2.0, 2.0)])
def test_times_of_a_cut_timeline_do_not_overlap(days):
    """A narrow part has fewer ticks than a wide one."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    at, spans = 60_000_000 * 10**9, []
    for length in days:
        spans.append((at, at + round(length * 86_400e9)))
        at = spans[-1][1] + 900 * 86_400 * 10**9
    figure = plots.plot_coverage({"XX.A": np.array(spans)})
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    labels = [label for ax in figure.axes for label in ax.get_xticklabels() if label.get_text()]
    boxes = [label.get_window_extent(renderer) for label in labels]
    assert len(boxes) >= len(days)
    for left, right in pairwise(sorted(boxes, key=lambda box: box.x0)):
        assert left.x1 <= right.x0
