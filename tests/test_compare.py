import json
import math
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from seisml.catalog import make_catalog
from seisml.compare import compare
from seisml.curves import score_curve, tolerance_curve
from seisml.errors import CatalogError, ConfigError
from seisml.matching import match, match_intervals
from seisml.metrics import metrics
from seisml.occurrence import rates_by_hour
from seisml.resampling import share_interval
from seisml.summaries import by, confusion, summary_table, to_json
from seisml.times import DAY_NS, NAT, NS_PER_S, iso, to_ns

SCORER = Path(__file__).parents[1].parent / "shared" / "scoring" / "score.py"
T0 = 1_600_000_000 * NS_PER_S

TIMES = st.lists(st.integers(0, 30), max_size=6)
SPANS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 12)), max_size=5)


def seconds(values) -> np.ndarray:
    return T0 + np.rint(np.asarray(values, dtype=float) * NS_PER_S).astype(np.int64)


def catalog(times_s, **columns):
    name = columns.pop("name", "")
    ends_s = columns.pop("ends_s", None)
    table = pd.DataFrame({"time_ns": seconds(times_s), **columns})
    if ends_s is not None:
        table["end_ns"] = seconds(ends_s)
    return make_catalog(table, name=name)


def days(*numbers, length=1.0) -> np.ndarray:
    start = T0 // DAY_NS * DAY_NS + np.array(numbers) * DAY_NS
    return np.column_stack([start, start + int(length * DAY_NS)])


def brute(edges: dict, n_rows: int) -> tuple[int, int]:
    """Most pairs and their least cost, by trying everything."""
    best = (0, 0)

    def go(row, used, n, cost):
        nonlocal best
        if row == n_rows:
            best = min(best, (-n, cost))
            return
        go(row + 1, used, n, cost)
        for col in range(64):
            if (row, col) in edges and col not in used:
                go(row + 1, used | {col}, n + 1, cost + edges[row, col])

    go(0, frozenset(), 0, 0)
    return -best[0], best[1]


def hungarian(a, b, tolerance) -> tuple[int, int]:
    difference = np.abs(a[:, None] - b[None, :])
    cost = np.where(difference <= np.asarray(tolerance).reshape(-1, 1), difference, 10**15)
    i, j = linear_sum_assignment(cost.astype(float))
    chosen = cost[i, j]
    return int((chosen < 10**15).sum()), int(chosen[chosen < 10**15].sum())


def found(a, b, i, j) -> tuple[int, int]:
    assert len(set(i)) == len(i) == len(set(j)) == len(j)
    return len(i), int(np.abs(np.asarray(a)[i] - np.asarray(b)[j]).sum())


# -------------------------------------------------------------------------------- match


@settings(max_examples=300)
@given(TIMES, TIMES, st.integers(0, 12))
def test_match_is_optimal(a, b, tolerance):
    i, j = match(a, b, tolerance_ns=tolerance)
    edges = {
        (p, q): abs(x - y)
        for p, x in enumerate(a)
        for q, y in enumerate(b)
        if abs(x - y) <= tolerance
    }
    assert all((p, q) in edges for p, q in zip(i, j, strict=True))
    assert found(a, b, i, j) == brute(edges, len(a)) if edges else len(i) == 0


@settings(max_examples=200)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 12)), max_size=6), TIMES)
def test_match_with_a_tolerance_for_each_event_is_optimal(rows, b):
    a, tolerance = [row[0] for row in rows], [row[1] for row in rows]
    i, j = match(a, b, tolerance_ns=np.array(tolerance, dtype=np.int64))
    edges = {
        (p, q): abs(x - y)
        for p, x in enumerate(a)
        for q, y in enumerate(b)
        if abs(x - y) <= tolerance[p]
    }
    assert found(a, b, i, j) == (brute(edges, len(a)) if edges else (0, 0))


def possible(one, two, tolerance, mode, least) -> bool:
    """Whether two intervals (start, length) may be a pair, as the words of the modes say."""
    (x, length_x), (y, length_y) = one, two
    both = min(x + length_x, y + length_y) - max(x, y)
    either = max(x + length_x, y + length_y) - min(x, y)
    iou = both > 0 and both >= least * either
    near = x - tolerance <= y <= x + length_x + tolerance
    if mode == "overlap":
        return both >= least * length_x and (both > 0 or (length_x == 0 and both == 0))
    return iou or (near and mode == "interval")


@settings(max_examples=300)
@given(
    SPANS,
    SPANS,
    st.integers(0, 5),
    st.sampled_from(["interval", "overlap", "iou"]),
    st.sampled_from([0.1, 0.5, 1.0]),
)
def test_match_intervals_is_optimal(a, b, tolerance, mode, least):
    start_a, start_b = [x for x, _ in a], [y for y, _ in b]
    ends = [x + n for x, n in a], [y + n for y, n in b]
    spans = start_a, ends[0], start_b, ends[1]
    i, j = match_intervals(*spans, tolerance_ns=tolerance, mode=mode, min_overlap=least)
    edges = {
        (p, q): abs(one[0] - two[0])
        for p, one in enumerate(a)
        for q, two in enumerate(b)
        if possible(one, two, tolerance, mode, least)
    }
    assert all((p, q) in edges for p, q in zip(i, j, strict=True))
    assert found(start_a, start_b, i, j) == brute(edges, len(a))


@settings(max_examples=100)
@given(SPANS, SPANS)
def test_iou_is_symmetric(a, b):
    spans = [
        np.array([(x, x + n) for x, n in side], dtype=np.int64).reshape(-1, 2) for side in (a, b)
    ]
    one = match_intervals(*spans[0].T, *spans[1].T, mode="iou")
    two = match_intervals(*spans[1].T, *spans[0].T, mode="iou")
    starts = [side[:, 0] for side in spans]
    assert found(*starts, *one) == found(*starts, *two[::-1])


def test_dense_intervals_are_matched_exactly_and_in_time():
    rng = np.random.default_rng(4)
    spans = []
    for _ in range(2):
        start = np.sort(rng.integers(0, 200 * NS_PER_S, 1000))
        spans += [start, start + rng.integers(0, 40 * NS_PER_S, 1000)]
    began = time.perf_counter()
    i, j = match_intervals(*spans, tolerance_ns=5 * NS_PER_S)
    assert time.perf_counter() - began < 10  # 0.5 s on an idle core
    edges = np.full((1000, 1000), 1e15)
    (a, end_a), (b, end_b) = (part[:, None] for part in spans[:2]), spans[2:]
    both = np.minimum(end_a, end_b) - np.maximum(a, b)
    either = np.maximum(end_a, end_b) - np.minimum(a, b)
    near = (b >= a - 5 * NS_PER_S) & (b <= end_a + 5 * NS_PER_S)
    edges = np.where(near | ((both > 0) & (both >= 0.1 * either)), np.abs(b - a) / 1.0, 1e15)
    rows, columns = linear_sum_assignment(edges)
    cost = edges[rows, columns]
    assert len(i) == (cost < 1e15).sum()
    assert edges[i, j].sum() == pytest.approx(cost[cost < 1e15].sum())


@given(TIMES, TIMES, st.integers(0, 12))
def test_match_is_symmetric(a, b, tolerance):
    i, j = match(a, b, tolerance_ns=tolerance)
    back_j, back_i = match(b, a, tolerance_ns=tolerance)
    assert (i.tolist(), j.tolist()) == (back_i.tolist(), back_j.tolist())


@given(TIMES, TIMES, st.integers(0, 12), st.randoms(use_true_random=False))
def test_match_does_not_depend_on_the_order_of_input(a, b, tolerance, random):
    i, j = match(a, b, tolerance_ns=tolerance)
    pairs = [(a[p], b[q]) for p, q in zip(i, j, strict=True)]
    random.shuffle(a)
    random.shuffle(b)
    i, j = match(a, b, tolerance_ns=tolerance)
    assert [(a[p], b[q]) for p, q in zip(i, j, strict=True)] == pairs


@pytest.mark.parametrize("per_event", [False, True])
@pytest.mark.parametrize("density", [0.2, 1.0, 5.0, 50.0])
@pytest.mark.parametrize("seed", [0, 1])
def test_match_equals_the_full_hungarian(density, seed, per_event):
    rng = np.random.default_rng(seed)
    n_a, n_b = 300, 350
    tolerance = 5 * NS_PER_S
    span = int(n_a * tolerance / density)
    a, b = T0 + rng.integers(0, span, n_a), T0 + rng.integers(0, span, n_b)
    if per_event:
        tolerance = rng.integers(NS_PER_S, 9 * NS_PER_S, n_a)
    i, j = match(a, b, tolerance_ns=tolerance)
    assert (np.abs(a[i] - b[j]) <= np.broadcast_to(tolerance, n_a)[i]).all()
    assert found(a, b, i, j) == hungarian(a, b, tolerance)


def test_one_late_event_shifts_a_whole_chain_of_pairs():
    a, b = np.arange(0, 1000, 10), np.arange(9, 1009, 10)
    i, j = match(a, b, tolerance_ns=9)
    np.testing.assert_array_equal(i, j)  # nearest would pair a[k] with b[k - 1] and lose one
    assert len(i) == 100


def test_nearest_with_reuse_cannot_be_reached():
    rng = np.random.default_rng(2)
    a = np.sort(rng.integers(0, 2000 * NS_PER_S * 4, 2000))
    b = a[rng.uniform(size=2000) < 0.8]
    b = np.concatenate([b + (rng.normal(0, 1e9, len(b))).astype(int), rng.integers(0, a[-1], 600)])
    i, j = match(a, b, tolerance_ns=3 * NS_PER_S)
    nearest = (np.abs(a[:, None] - b[None, :]).min(axis=1) <= 3 * NS_PER_S).sum()
    assert len(np.unique(i)) == len(np.unique(j)) == len(i) < nearest


def test_huge_tolerance_is_exact():
    rng = np.random.default_rng(3)
    a, b = rng.integers(0, 2**61, 50), rng.integers(0, 2**61, 60)
    i, j = match(a, b, tolerance_ns=2**61 - 1)
    assert len(i) == 50
    cost = sum(abs(int(x) - int(y)) for x, y in zip(a[i], b[j], strict=True))
    rows, cols = linear_sum_assignment(np.abs(a[:, None] - b[None, :]).astype(float))
    full = sum(abs(int(x) - int(y)) for x, y in zip(a[rows], b[cols], strict=True))
    assert cost == full


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: match([0.5], [1], tolerance_ns=1), "integers"),
        (lambda: match([0], [1], tolerance_ns=-1), "from 0"),
        (lambda: match([0], [1], tolerance_ns=0.5), "integers"),
        (lambda: match([0], [1], tolerance_ns=[1, 2]), "shape"),
        (lambda: match([NAT], [1], tolerance_ns=1), "146 years"),
        (lambda: match_intervals([0], [1], [0], [1], tolerance_ns=1, min_overlap=0), "min_overlap"),
        (lambda: match_intervals([0], [1, 2], [0], [1], tolerance_ns=1), "start and an end"),
        (
            lambda: match(np.arange(9000), np.arange(9000), tolerance_ns=9000 + np.arange(9000)),
            "pairs are possible",
        ),
    ],
)
def test_bad_input_of_match_is_refused(call, words):
    with pytest.raises(ConfigError, match=words):
        call()


@pytest.mark.slow
@pytest.mark.parametrize("span_days", [365, 11, 1, 0.04])
def test_two_hundred_thousand_events(span_days):
    rng = np.random.default_rng(4)
    n, tolerance = 200_000, 5 * NS_PER_S
    a, b = (T0 + rng.integers(0, int(span_days * DAY_NS), n) for _ in range(2))
    tracemalloc.start()
    i, j = match(a, b, tolerance_ns=tolerance)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1e9
    assert len(np.unique(i)) == len(np.unique(j)) == len(i) > 0
    assert (np.abs(a[i] - b[j]) <= tolerance).all()
    a, b = np.sort(a)[:1500], np.sort(b)[:1500]
    assert found(a, b, *match(a, b, tolerance_ns=tolerance)) == hungarian(a, b, tolerance)


# ------------------------------------------------------------------------------ compare


def test_compare_counts_and_tables():
    expert = catalog([0, 100, 200], label=["LF", "HF", "LF"], quality=["A", "B", "C"], name="MQS")
    machine = catalog([1, 104, 150], label=["LF", "LF", "LF"], score=[0.9, 0.8, 0.7], name="rf")
    c = compare(machine, expert, coverage={"": days(0)})
    assert c.matched["residual_s"].tolist() == [1.0, 4.0]
    assert c.missed["quality"].tolist() == ["C"]
    assert c.unmatched["score"].tolist() == [0.7]
    numbers = metrics(c)
    assert (numbers["recall"], numbers["precision"], numbers["f1"]) == (2 / 3, 2 / 3, 2 / 3)
    assert numbers["jaccard"] == 0.5
    assert numbers["unmatched_per_day"] == 1.0
    assert confusion(c).to_dict("index") == {
        "HF": {"LF": 1, "(missed)": 0},
        "LF": {"LF": 1, "(missed)": 1},
        "(unmatched)": {"LF": 1, "(missed)": 0},
    }


def test_arguments_are_not_changed():
    expert, machine = catalog([0, 9]), catalog([1, 30], score=[1, 2])
    before = expert.events.copy(), machine.events.copy()
    c = compare(machine, expert, coverage={"": days(0)})
    metrics(c), by(c, "hour"), score_curve(c), to_json(c), summary_table(c), confusion(c)
    pd.testing.assert_frame_equal(expert.events, before[0])
    pd.testing.assert_frame_equal(machine.events, before[1])


def test_events_outside_coverage_are_neither_hit_nor_miss():
    cover = {"XX.A": np.array([[T0, T0 + 100 * NS_PER_S], [T0 + 200 * NS_PER_S, T0 + DAY_NS]])}
    expert = catalog([50, 150, 190, -5], ends_s=[60, 151, 220, -4], station="XX.A")
    machine = catalog([51, 150, 210, 230], station="XX.A")
    c = compare(machine, expert, coverage=cover)
    assert len(c.matched) == 1
    assert len(c.missed) == 0
    assert c.unmatched["time_ns"].tolist() == seconds([230]).tolist()
    # 190 s begins in the gap and lasts into the data: a detection there is right, but not scored
    assert c.outside == {
        "expert": 3,
        "machine": 1,
        "expert_other_label": 0,
        "machine_ignored": 1,
    }
    assert c.usable_s == pytest.approx(86_280)  # without the 20 s in which nothing is scored


def test_coverage_edges_are_half_open():
    cover = {"": np.array([[T0, T0 + NS_PER_S]])}
    c = compare(catalog([0, 1]), catalog([0, 1]), coverage=cover)
    assert (len(c.matched), c.outside["expert"], c.outside["machine"]) == (1, 1, 1)


def test_stations_decide_unless_one_side_has_none():
    expert = catalog([0, 100], station=["XX.A", "XX.B"])
    elsewhere = catalog([0, 100], station=["XX.B", "XX.A.00.BH"])
    assert len(compare(elsewhere, expert).matched) == 0
    assert len(compare(elsewhere, expert, by_station=False).matched) == 2
    assert "stations" not in metrics(compare(elsewhere, expert))["notes"]
    mars = metrics(compare(elsewhere, catalog([0], station="YY.C")))
    assert mars["notes"]["stations"].startswith("none in common: XX.A, XX.B (machine), YY.C")
    network = catalog([0, 100])
    c = compare(elsewhere, network)
    assert not c.by_station
    assert len(c.matched) == 2
    assert "stations" in metrics(c)["notes"]


def test_usable_time_is_station_time_or_any_station():
    cover = {"XX.A": days(0, 1), "XX.B": days(1, 2)}
    one = catalog([0], station="XX.A")
    assert compare(one, one, coverage=cover).usable_s == 4 * 86_400
    assert compare(one, catalog([0]), coverage=cover).usable_s == 3 * 86_400


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"by_station": True}, "names no station"),
        ({"mode": "onsets"}, "Did you mean 'onset'"),
        ({"tolerance_s": -1}, "from 0"),
        ({"tolerance_s": [1.0]}, "shape"),
        ({"tolerance_s": {"LF": 3}}, "no entry"),
        ({"min_overlap": 2}, "min_overlap"),
    ],
)
def test_bad_options_are_refused(options, words):
    with pytest.raises((CatalogError, ConfigError), match=words):
        compare(catalog([0, 1]), catalog([0, 1]), **options)


def test_catalogues_that_cannot_meet_are_refused():
    mars = make_catalog([{"time_ns": 0}], body="mars")
    with pytest.raises(CatalogError, match="mars"):
        compare(mars, catalog([0]))
    with pytest.raises(CatalogError, match="differently"):
        compare(catalog([0], station="A"), catalog([0], station="XX.A"))
    one = catalog([0], station="XX.A")
    with pytest.raises(CatalogError, match="no station in common"):
        compare(one, one, coverage={"YY.B": days(0)})


@pytest.mark.parametrize("mode", ["onset", "interval"])
@pytest.mark.parametrize("coverage", [None, {"": days(0)}, {}])
@pytest.mark.parametrize(("n_machine", "n_expert"), [(0, 0), (0, 2), (2, 0), (2, 2)])
def test_empty_sides_are_well_defined(mode, coverage, n_machine, n_expert):
    machine = catalog(10 * np.arange(n_machine), score=np.ones(n_machine))
    expert = catalog(10 * np.arange(n_expert))
    c = compare(machine, expert, mode=mode, coverage=coverage)
    numbers = metrics(c)
    if coverage != {}:
        assert numbers["n_matched"] == min(n_machine, n_expert)
        assert math.isnan(numbers["recall"]) == (n_expert == 0)
        assert math.isnan(numbers["precision"]) == (n_machine == 0)
        assert math.isnan(numbers["f1"]) == (n_expert + n_machine == 0)
    assert math.isnan(numbers["unmatched_per_day"]) == (not coverage)
    assert ("unmatched_per_day" in numbers["notes"]) == (not coverage)
    json.dumps(to_json(c, tables=True), allow_nan=False)
    assert all(isinstance(text, str) for row in summary_table(c) for text in row)
    assert confusion(c).to_numpy().sum() == len(c.matched) + len(c.missed) + len(c.unmatched)
    assert by(c, "label")["n_expert"].sum() == len(c.expert)
    assert list(score_curve(c).columns)[:2] == ["threshold", "n_matched"]
    curve = tolerance_curve(machine, expert, [0, 5], mode=mode, coverage=coverage)
    assert curve["tolerance_s"].tolist() == [0, 5]


def test_split_and_merged_are_counted_in_interval_mode():
    expert = catalog([0, 200, 240, 400], ends_s=[60, 230, 280, 410])
    machine = catalog([1, 30, 198, 500], ends_s=[20, 50, 285, 510])
    c = compare(machine, expert, mode="interval", tolerance_s=2)
    assert len(c.matched) == 2
    assert c.split[["expert_id", "machine_id", "extra_id"]].to_numpy().tolist() == [
        ["e000001", "e000001", "e000002"]
    ]
    assert c.split["onset_difference_s"].tolist() == [30.0]
    assert c.merged[["machine_id", "expert_id", "extra_id"]].to_numpy().tolist() == [
        ["e000003", "e000002", "e000003"]
    ]
    numbers = metrics(c)
    assert (numbers["n_split"], numbers["n_merged"]) == (1, 1)
    assert (numbers["n_missed"], numbers["n_unmatched"]) == (2, 2)
    assert len(compare(machine, expert).split) == 0


def test_overlap_and_iou_ask_for_different_things():
    expert = catalog([0, 1000], ends_s=[400, 1100], station="XX.A")
    machine = catalog([100, 1020], ends_s=[140, 1500], station="XX.A")
    counts = {}
    for mode in ("interval", "overlap", "iou"):
        c = compare(machine, expert, mode=mode, tolerance_s=5)
        counts[mode] = c.matched["expert_ns"].tolist() == seconds([0, 1000]).tolist()
        assert c.min_overlap == {"interval": 0.1, "overlap": 0.25, "iou": 0.1}[mode]
    assert counts == {"interval": True, "overlap": False, "iou": True}
    c = compare(machine, expert, mode="overlap")  # a tenth of the first event is too little
    assert c.matched["expert_ns"].tolist() == seconds([1000]).tolist()
    assert len(compare(machine, expert, mode="iou", min_overlap=0.15).matched) == 1
    assert "overlap of at least 0.25 of the expert's event" in dict(summary_table(c))["matching"]


@pytest.mark.parametrize("mode", ["overlap", "iou"])
def test_nothing_overlaps_where_no_event_has_an_end(mode):
    with pytest.raises(CatalogError, match="no event has an end"):
        compare(catalog([0]), catalog([0], ends_s=[9]), mode=mode)


def test_splits_stay_at_their_station():
    expert = catalog([0], ends_s=[60], station="XX.A")
    machine = catalog([1, 30], ends_s=[20, 50], station=["XX.A", "XX.B"])
    c = compare(machine, expert, mode="interval")
    assert (len(c.matched), len(c.unmatched), len(c.split)) == (1, 1, 0)


def test_labels_that_do_not_count_are_ignored():
    expert = catalog([0, 100, 200], label=["LF", "noise", "LF"])
    c = compare(catalog([0, 101, 150]), expert, labels=["LF"])
    assert (len(c.matched), len(c.missed), len(c.unmatched)) == (1, 1, 1)
    assert c.outside["expert_other_label"] == c.outside["machine_ignored"] == 1


def test_where_the_expert_does_not_say_what_there_is():
    """Detections there are not counted unless they match; its time is not usable."""
    expert = catalog([0, 100], station="XX.A")
    machine = catalog([0, 50, 55, 70], station=["XX.A", "XX.A", "XX.B", "XX.A"])
    coverage = {"XX.A": seconds([(-10, 200)]), "XX.B": seconds([(-10, 200)])}
    ignored = {"XX.A.00.HH": seconds([(-5, 60)])}
    options = {"coverage": coverage, "tolerance_s": 1}
    c = compare(machine, expert, ignored=ignored, **options)
    assert (len(c.matched), len(c.missed), len(c.unmatched)) == (1, 1, 2)
    assert c.outside["machine_ignored"] == 1
    assert "1 detections where the expert does not say" in dict(summary_table(c))["not scored"]
    assert c.usable_s == 2 * 210 - 65
    at_all = compare(machine, expert, ignored={"": ignored["XX.A.00.HH"]}, **options)
    assert (len(at_all.unmatched), at_all.usable_s) == (1, 2 * (210 - 65))
    network = compare(machine, expert, ignored=ignored, by_station=False, **options)
    assert len(network.unmatched) == 3


def test_tolerance_for_each_label_and_event():
    expert, machine = catalog([0, 100], label=["P", "S"]), catalog([3, 108])
    assert len(compare(machine, expert, tolerance_s={"P": 2, "S": 10}).matched) == 1
    c = compare(machine, expert, tolerance_s=[5, 10], coverage={"": days(0)})
    assert len(c.matched) == 2
    assert metrics(c)["residual_edge_share"] == 0.0
    assert to_json(c)["tolerance_s"] == [5.0, 10.0]


# ------------------------------------------------------------------------------ metrics


def poisson(rng, per_day, n_days) -> np.ndarray:
    start = T0 // DAY_NS * DAY_NS
    return start + np.sort(rng.integers(0, n_days * DAY_NS, rng.poisson(per_day * n_days)))


@pytest.mark.parametrize("gaps", [False, True])
def test_chance_rate_is_that_of_random_events(gaps):
    rng = np.random.default_rng(5)
    n_days, per_day, tolerance_s = 60, 1000, 5.0
    expert = make_catalog(pd.DataFrame({"time_ns": poisson(rng, 20, n_days)}))
    machine = make_catalog(pd.DataFrame({"time_ns": poisson(rng, per_day, n_days)}))
    coverage = {"": days(*range(n_days), length=0.7 if gaps else 1.0)}
    c = compare(machine, expert, tolerance_s=tolerance_s, coverage=coverage)
    numbers = metrics(c, n_shifts=200, n_boot=0)
    rate = (len(c.matched) + len(c.unmatched)) / c.usable_s
    expected = 1 - math.exp(-2 * tolerance_s * rate)
    error = numbers["chance_recall_sd"] / math.sqrt(200)
    assert abs(numbers["chance_recall"] - expected) < 4 * error
    assert numbers["chance_recall_sd"] == pytest.approx(
        math.sqrt(expected * (1 - expected) / len(c.expert)), rel=0.3
    )
    assert abs(numbers["recall"] - expected) < 4 * numbers["chance_recall_sd"]


@pytest.mark.parametrize("mode", ["onset", "interval"])
def test_chance_rate_of_very_many_events_is_taken_from_runs(monkeypatch, mode):
    rng = np.random.default_rng(5)
    sides = [np.sort(poisson(rng, 400, 10)) for _ in range(2)]
    tables = [pd.DataFrame({"time_ns": t, "end_ns": t + 3 * NS_PER_S}) for t in sides]
    c = compare(*map(make_catalog, tables), tolerance_s=4.0, mode=mode)
    whole = metrics(c, n_boot=0)["chance_recall"]
    monkeypatch.setattr("seisml.metrics._MOST_AT_ONCE", 1000)
    # 100 000 trials with a chance of 4 or 5 %: a standard error of 1.5 %
    assert metrics(c, n_boot=0)["chance_recall"] == pytest.approx(whole, rel=0.05)


def test_constant_offset_is_reported_and_not_applied():
    rng = np.random.default_rng(6)
    times = poisson(rng, 40, 10)
    expert = make_catalog(pd.DataFrame({"time_ns": times}))
    for offset_s in (0, 1800, -37):
        late = times + offset_s * NS_PER_S + rng.normal(0, 3e8, len(times)).astype(np.int64)
        c = compare(make_catalog(pd.DataFrame({"time_ns": late})), expert, tolerance_s=5)
        numbers = metrics(c, n_boot=0)
        assert numbers["offset_s"] == pytest.approx(offset_s, abs=0.1)
        assert (numbers["recall"] > 0.99) == (offset_s == 0)
        assert ("constant offset" in dict(summary_table(c, numbers=numbers))) == (offset_s != 0)
    unrelated = make_catalog(pd.DataFrame({"time_ns": poisson(rng, 40, 10)}))
    assert math.isnan(metrics(compare(unrelated, expert), n_boot=0)["offset_s"])


def test_planted_jitter_is_recovered_and_edges_tell_a_clock_offset():
    rng = np.random.default_rng(7)
    times = poisson(rng, 100, 30)
    expert = make_catalog(pd.DataFrame({"time_ns": times}))
    shares = []
    for offset_s in (0, 2, 4):
        late = times + rng.normal(offset_s * 1e9, 1e9, len(times)).astype(np.int64)
        c = compare(make_catalog(pd.DataFrame({"time_ns": late})), expert, tolerance_s=5)
        numbers = metrics(c, n_shifts=0, n_boot=0)
        shares.append(numbers["residual_edge_share"])
        if offset_s == 0:
            assert numbers["residual_median_s"] == pytest.approx(0, abs=0.1)
            assert numbers["residual_sigma_s"] == pytest.approx(1, rel=0.08)
            assert numbers["residual_p95_s"] == pytest.approx(1.645, rel=0.1)
    assert shares[0] < 0.01 < shares[1] < 0.2 < shares[2]


def test_block_bootstrap_covers_the_truth():
    rng = np.random.default_rng(8)
    covered = 0
    for trial in range(60):
        hours = np.arange(0, 24 * 30, 2)
        times = days(0)[0, 0] + hours * 3600 * NS_PER_S + NS_PER_S
        share = np.clip(rng.normal(0.7, 0.15, 30), 0, 1)[hours // 24]  # good and bad days
        got = times[rng.uniform(size=len(times)) < share]
        c = compare(
            make_catalog(pd.DataFrame({"time_ns": got})),
            make_catalog(pd.DataFrame({"time_ns": times})),
            coverage={"": days(*range(30))},
        )
        numbers = metrics(c, n_shifts=0, seed=trial)
        assert numbers["n_blocks"] == 30
        low, high = numbers["intervals"]["recall"]
        covered += low <= 0.7 <= high
    assert covered >= 50


@pytest.mark.parametrize("n_days", [5, 8])
def test_intervals_of_few_days_hold_the_truth_as_often_as_they_say(n_days):
    rng = np.random.default_rng(n_days)
    covered = 0
    for trial in range(100):
        times = days(0)[0, 0] + rng.choice(n_days * 86_400, 10 * n_days, replace=False) * NS_PER_S
        got = times[rng.uniform(size=len(times)) < 0.8]
        sides = (make_catalog(pd.DataFrame({"time_ns": each})) for each in (got, times))
        c = compare(*sides, tolerance_s=0.4, coverage={"": days(*range(n_days))})
        numbers = metrics(c, n_shifts=0, n_boot=300, seed=trial)
        assert (numbers["n_blocks"], numbers["block_s"]) == (n_days, 86_400)
        low, high = numbers["intervals"]["recall"]
        covered += low <= 0.8 <= high
    assert covered >= 88  # of percentiles that are not expanded, some 84


def test_blocks_are_shorter_where_days_are_few_and_it_is_said():
    times = catalog(np.arange(12) * 3 * 3600.0)  # 36 hours from 0 o'clock on
    c = compare(times, times, coverage={"": days(0, 1)})
    numbers = metrics(c)
    assert (numbers["n_blocks"], numbers["block_s"]) == (6, 6 * 3600)
    assert "blocks of 6 hours: fewer than 5 days" in numbers["notes"]["intervals"]
    assert "intervals" not in metrics(c, block_s=3600)["notes"]


def test_what_is_all_or_nothing_has_an_interval():
    every = catalog(np.arange(20) * 43_200.0)
    cover = {"": days(*range(-1, 11))}
    same = metrics(compare(every, every, coverage=cover))["intervals"]
    assert (
        same["recall"]
        == same["precision"]
        == same["jaccard"]
        == pytest.approx((0.839, 1), abs=1e-3)
    )
    assert same["f1"] == pytest.approx((2 * 0.8389 / 1.8389, 1), abs=1e-3)
    assert same["unmatched_per_day"] == pytest.approx((0, 3.689 / 12), abs=1e-3)
    none = metrics(compare(make_catalog(), every, coverage=cover))["intervals"]
    assert none["recall"] == pytest.approx((0, 0.161), abs=1e-3)
    assert all(map(math.isnan, none["precision"]))


def test_time_in_which_detections_are_ignored_is_no_usable_time():
    expert = make_catalog(
        [
            {"time_ns": int(days(0)[0, 0]), "label": "LF"},
            {"time_ns": int(days(1)[0, 0]), "end_ns": int(days(1)[0, 1]), "label": "wind"},
        ]
    )
    c = compare(make_catalog(), expert, labels=["LF"], tolerance_s=0, coverage={"": days(0, 1)})
    assert c.usable_s == pytest.approx(86_400, abs=1)
    assert metrics(c)["usable_days"] == pytest.approx(1, abs=1e-4)


def test_unmatched_intervals_use_the_usable_time_of_each_day():
    cover = {"": np.concatenate([days(0, 1, 2, 3), days(4, 5, 6, 7, length=0.25)])}
    every = np.concatenate([np.arange(day[0], day[1], DAY_NS // 8) for day in cover[""]]) + 1
    machine = make_catalog(pd.DataFrame({"time_ns": every}))
    numbers = metrics(compare(machine, make_catalog(), coverage=cover))
    assert numbers["usable_days"] == 5
    assert numbers["unmatched_per_day"] == 8
    assert numbers["intervals"]["unmatched_per_day"] == pytest.approx((8, 8))
    assert all(map(math.isnan, numbers["intervals"]["recall"]))


def test_blocks_are_sols_on_mars():
    sol = round(88_775.244 * NS_PER_S)
    first = to_ns("2018-11-26T05:10:50.33508")
    times = first + sol * np.arange(1000, 1006) + [0, sol // 2, 1, sol - 1, 2, 3]
    mars = make_catalog(pd.DataFrame({"time_ns": times}), body="mars")
    cover = {"": [[int(first + 1000 * sol), int(first + 1006 * sol)]]}
    numbers = metrics(compare(mars, mars, coverage=cover))
    assert (numbers["n_blocks"], round(numbers["block_s"], 3)) == (6, 88_775.244)
    # in days of the Earth, four of the seven have events
    assert metrics(compare(mars, mars, coverage=cover), block_s=86_400)["n_blocks"] == 4
    table = by(compare(mars, mars), "hour")
    assert table["hour"].tolist() == [0, 12, 23]
    assert table["n_expert"].tolist() == [4, 1, 1]


@pytest.mark.parametrize("block_s", [0, -5, 1e-10, math.nan, math.inf])
def test_blocks_that_are_none_are_refused(block_s):
    with pytest.raises(ConfigError, match="from 1 to 1e9 seconds"):
        metrics(compare(catalog([0, 9]), catalog([0, 9])), block_s=block_s)


def test_more_blocks_than_memory_holds_are_refused():
    far = catalog([0, 3e7])
    with pytest.raises(ConfigError, match="span 30000001 blocks of 1 s"):
        metrics(compare(far, far), block_s=1)


@pytest.mark.parametrize("offset_h", [1e9, -25, math.nan])
def test_local_time_that_is_none_is_refused(offset_h):
    one = catalog([0, 9])
    with pytest.raises(ConfigError, match="-24 to 24 hours"):
        by(compare(one, one), "hour", offset_h=offset_h)
    with pytest.raises(ConfigError, match="-24 to 24 hours"):
        rates_by_hour(one, seconds([[0, 100]]), offset_h=offset_h)


def test_days_without_data_are_no_blocks():
    cover = {"": days(0, 1, 2, 30, 31)}
    machine = make_catalog(pd.DataFrame({"time_ns": cover[""][:, 0]}))
    assert metrics(compare(machine, machine, coverage=cover))["n_blocks"] == 5


def test_a_station_with_one_event_has_its_chance_in_the_time_of_all():
    """Without coverage 19 stations with one true match each are not 19 matches by chance."""
    day = days(0)[0, 0]
    rows = [{"time_ns": day + k * NS_PER_S * 3600, "station": "XX.A"} for k in range(24)]
    rows += [{"time_ns": day + k * NS_PER_S * 1800, "station": f"XX.B{k}"} for k in range(1, 20)]
    one = make_catalog(rows)
    numbers = metrics(compare(one, one, tolerance_s=5), n_boot=0)
    assert numbers["recall"] == 1
    assert numbers["chance_recall"] < 0.05


def test_true_matches_are_no_chance_matches():
    one = catalog([100])
    assert metrics(compare(one, one, coverage={"": seconds([[0, 400]])}))["chance_recall"] == 0
    short = metrics(compare(one, one, coverage={"": seconds([[0, 199]])}))
    assert math.isnan(short["chance_recall"])
    assert "40 tolerances" in short["notes"]["chance_recall"]


def test_few_blocks_give_no_interval_but_a_reason():
    numbers = metrics(compare(catalog([0]), catalog([0]), coverage={"": seconds([[-9, 60]])}))
    assert all(math.isnan(x) for pair in numbers["intervals"].values() for x in pair)
    assert "1 blocks with expert events; 5 are needed" in numbers["notes"]["intervals"]
    with pytest.raises(ConfigError, match="block_s"):
        metrics(compare(catalog([0]), catalog([0])), block_s=0)


def test_metrics_repeat_with_the_seed_and_name_the_time_bases():
    rng = np.random.default_rng(9)
    expert = make_catalog(pd.DataFrame({"time_ns": poisson(rng, 20, 9)}), time_basis="first_pick")
    machine = make_catalog(pd.DataFrame({"time_ns": poisson(rng, 99, 9)}))
    c = compare(machine, expert, tolerance_s=60)
    assert str(metrics(c, seed=1)) == str(metrics(c, seed=1)) != str(metrics(c, seed=2))
    assert "first_pick" in metrics(c)["notes"]["time_basis"]


# ------------------------------------------------------------------------------- tables


def test_recall_by_column_and_hour():
    expert = catalog([0, 3600, 3601, 7300], quality=["A", "B", "B", "A"])
    c = compare(catalog([0, 3600]), expert, tolerance_s=0.5)
    table = by(c, "quality")
    assert table[["quality", "n_expert", "n_matched"]].to_numpy().tolist() == [
        ["A", 2, 1],
        ["B", 2, 1],
    ]
    # Wilson, 1 of 2: textbook values
    assert table["low"].tolist() == pytest.approx([0.0945] * 2, abs=1e-4)
    assert table["high"].tolist() == pytest.approx([0.9055] * 2, abs=1e-4)
    hours = by(c, "hour")
    first = T0 // (3600 * NS_PER_S) % 24
    assert hours["hour"].tolist() == [first, first + 1, first + 2]
    with pytest.raises(CatalogError, match="Did you mean 'quality'"):
        by(c, "qualty")


def test_intervals_of_recall_know_that_events_come_in_clusters():
    rng = np.random.default_rng(8)
    covered, wide = {"clusters": 0, "wilson": 0}, []
    for _ in range(120):
        centres = rng.uniform(0, 60, 40)  # days; all events of a swarm are found, or none
        truth = np.repeat(centres, 10) * 86_400 + rng.uniform(0, 600, 400)
        hit = np.repeat(rng.random(40) < 0.6, 10)
        expert = catalog(truth, label="VT")
        row = by(compare(catalog(truth[hit]), expert, tolerance_s=0.0), "class").iloc[0]
        covered["clusters"] += row["low"] <= 0.6 <= row["high"]
        low, high = share_interval(400, hit.sum())
        covered["wilson"] += low <= 0.6 <= high
        wide.append((row["high"] - row["low"]) / (high - low))
    assert 106 <= covered["clusters"] <= 120  # 95 % of 120 is 114
    assert covered["wilson"] < 80
    assert 2.5 < np.median(wide) < 4  # the root of 10


def test_share_of_everything_is_no_certainty():
    low, high = share_interval([10, 10], [10, 0])
    assert low[0] < 0.75
    assert high[0] == 1
    assert (low[1], high[1]) == pytest.approx((1 - high[0], 1 - low[0]))


def test_score_curve_matches_anew_at_each_threshold():
    expert = catalog([0, 100])
    machine = catalog([0, 1, 100, 300], score=[0.2, 0.9, 0.5, 0.4])
    c = compare(machine, expert, coverage={"": days(0)})
    curve = score_curve(c)
    assert curve["threshold"].tolist() == [0.2, 0.4, 0.5, 0.9]
    assert curve["n_matched"].tolist() == [2, 2, 2, 1]
    assert curve["n_unmatched"].tolist() == [2, 1, 0, 0]
    assert curve["unmatched_per_day"].tolist() == [2, 1, 0, 0]
    many = catalog(np.arange(1000) * 60, score=np.arange(1000) / 1000)
    assert len(score_curve(compare(many, expert))) == 50
    with pytest.raises(CatalogError, match="have no score"):
        score_curve(compare(catalog([0]), expert))


def test_score_curve_with_several_tolerances_and_ignored_spans():
    expert = catalog([0, 100, 200], label=["a", "b", "a"])
    machine = catalog([4, 101, 202], score=[1, 2, 3])
    c = compare(machine, expert, tolerance_s={"a": 5, "b": 1}, labels=["a"])
    curve = score_curve(c, thresholds=[3, 1])
    assert curve["n_matched"].tolist() == [2, 1]
    assert curve["n_unmatched"].tolist() == [0, 0]


def test_tolerance_curve_grows():
    rng = np.random.default_rng(10)
    times = poisson(rng, 50, 10)
    expert = make_catalog(pd.DataFrame({"time_ns": times}))
    late = times + rng.normal(0, 2e9, len(times)).astype(np.int64)
    machine = make_catalog(pd.DataFrame({"time_ns": late}))
    curve = tolerance_curve(machine, expert, [0.5, 1, 2, 5, 10])
    assert curve["recall"].is_monotonic_increasing
    assert curve["chance_recall"].is_monotonic_increasing
    assert curve["recall"].iloc[-1] > 0.99


def test_json_is_stable_and_safe():
    c = compare(catalog([0], score=[1.0]), catalog([0, 50]), coverage={"": days(0)})
    out = to_json(c, tables=True)
    assert json.dumps(out, allow_nan=False) == json.dumps(to_json(c, tables=True))
    assert list(out)[:3] == ["machine", "expert", "body"]
    assert out["missed"][0]["end_ns"] is None
    assert out["metrics"]["recall"] == 0.5
    assert out["metrics"]["intervals"]["recall"] == [None, None]


def test_summary_shows_intervals_and_reasons():
    rng = np.random.default_rng(11)
    times = poisson(rng, 20, 10)
    expert = make_catalog(pd.DataFrame({"time_ns": times}), name="expert")
    c = compare(make_catalog(pd.DataFrame({"time_ns": times[::2]})), expert)
    rows = dict(summary_table(c))
    assert rows["recall"].startswith("0.5")
    assert " to " in rows["recall"]
    assert rows["unmatched per day"] == "not defined"
    assert "no coverage" in rows["note: unmatched per day"]
    assert "one-to-one by onset within 5 s" in rows["matching"]


# ------------------------------------------------------------------ the independent scorer


def random_case(rng, mode):
    stations = [f"XX.S{k}" for k in range(rng.integers(1, 4))]
    span = 3600.0
    cover = {}
    for station in stations:
        edges = np.sort(rng.choice(np.arange(36), 6, replace=False)) * 100 + rng.uniform(0, 50)
        cover[station] = edges.reshape(-1, 2)
    sides = []
    for n in rng.integers(0, 400, 2):
        start = np.round(rng.uniform(0, span, n), 4)
        end = start + np.round(rng.uniform(0, 25, n), 4)
        sides.append(pd.DataFrame({"start": start, "end": end, "station": rng.choice(stations, n)}))
    truth, detections = sides
    choices = [2.00003, 7.00003] if rng.integers(2) else [3.00003]
    truth["tolerance_s"] = rng.choice(choices, len(truth))
    if mode == "onset" and rng.integers(2):
        truth["end"] = np.nan
    return cover, truth, detections


def as_catalog(table) -> object:
    events = pd.DataFrame({"time_ns": seconds(table["start"]), "station": table["station"]})
    events["end_ns"] = np.where(table["end"].notna(), seconds(table["end"].fillna(0)), NAT)
    events["tolerance_s"] = table.get("tolerance_s", 0.0)
    return make_catalog(events)


def write_case(folder, key, cover, truth, detections):
    def text(values):
        return ["" if np.isnan(value) else iso(int(seconds(value))) for value in values]

    for name, table in ((f"{key}_truth", truth), (key, detections)):
        columns = {"time": text(table["start"]), "end_time": text(table["end"])}
        rest = table.drop(columns=["start", "end"])
        pd.DataFrame(columns).join(rest).to_csv(folder / f"{name}.csv", index=False)
    rows = [(s, *text(pair)) for s, pairs in cover.items() for pair in pairs]
    pd.DataFrame(rows, columns=["station", "start", "end"]).to_csv(
        folder / f"{key}_coverage.csv", index=False
    )


@pytest.mark.real
@pytest.mark.parametrize("mode", ["onset", "interval"])
@pytest.mark.parametrize("level", ["station", "network"])
def test_counts_agree_with_the_independent_scorer(tmp_path, mode, level):
    if not SCORER.exists():
        pytest.skip(f"no independent scorer at {SCORER}")
    rng = np.random.default_rng(12)
    ours, sets = {}, {}
    for k in range(25):
        key = f"set{k}"
        cover, truth, detections = random_case(rng, mode)
        if mode == "interval":
            truth["tolerance_s"] = 3.00003
        write_case(tmp_path, key, cover, truth, detections)
        expert = as_catalog(truth)
        c = compare(
            as_catalog(detections),
            expert,
            tolerance_s=expert.events["tolerance_s"].to_numpy(),
            mode=mode,
            min_overlap=0.3,
            by_station=level == "station",
            coverage={s: seconds(pairs) for s, pairs in cover.items()},
        )
        ours[key] = (len(c.matched), len(c.missed), len(c.unmatched), len(c.expert))
        sets[key] = {
            "truth": f"{key}_truth.csv",
            "coverage": f"{key}_coverage.csv",
            "match": mode,
            "min_iou": 0.3,
            "end_pad": 3.00003,
            "level": level,
            "duplicates": "false",
            "bootstrap": 0,
        }
    (tmp_path / "sets.json").write_text(json.dumps(sets))
    folder, out = str(tmp_path), tmp_path / "out.json"
    command = [sys.executable, str(SCORER), "--truth-dir", folder, "--detections-dir", folder]
    command += ["--settings", str(tmp_path / "sets.json"), "--out-json", str(out)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    theirs = {
        key: tuple(result["counts"][name] for name in ("matched", "missed", "false", "truth"))
        for key, result in json.loads(out.read_text()).items()
    }
    assert ours == theirs
    assert sum(counts[0] for counts in ours.values()) > 300  # the sets are not empty


def test_intervals_of_few_detections_do_not_reach_everything():
    """Three of five detections right, one a block: Wilson's interval, not 0 to 1."""
    hour = 3600 * NS_PER_S
    times = np.arange(5) * hour
    expert = make_catalog([{"time_ns": int(t)} for t in times])
    found = times + np.where(np.arange(5) < 3, 0, 600 * NS_PER_S)
    machine = make_catalog([{"time_ns": int(t)} for t in found])
    coverage = {"": np.array([[0, 5 * hour]])}
    c = compare(machine, expert, tolerance_s=5.0, coverage=coverage, by_station=False)
    low, high = metrics(c, block_s=3600.0)["intervals"]["precision"]
    wanted = share_interval(5, 3)
    assert low >= wanted[0] - 1e-9 > 0.2
    assert high <= wanted[1] + 1e-9 < 0.9
    # Blocks that count as one each: fifty detections in five blocks that are all right or wrong.
    every = (times[:, None] + np.arange(10) * 60 * NS_PER_S).ravel()
    expert = make_catalog([{"time_ns": int(t)} for t in every])
    right = np.repeat(np.arange(5) < 3, 10)
    found = every + np.where(right, 0, 30 * NS_PER_S)
    machine = make_catalog([{"time_ns": int(t)} for t in found])
    c = compare(machine, expert, tolerance_s=5.0, coverage=coverage, by_station=False)
    assert metrics(c, block_s=3600.0)["intervals"]["precision"] == pytest.approx((low, high))
